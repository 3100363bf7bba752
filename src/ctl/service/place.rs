//! Where this user's installation is: its programs, its folders, its ports.

use std::{
    collections::BTreeSet,
    env, fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use super::{Error, units::Place};
use crate::{
    config::{self, Config},
    ctl::{self, terminal::note},
    paths,
};

/// Variables that move what the daemon reads and writes.
const VARIABLES: [&str; 3] = ["XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"];

/// Finds out all of it.
pub(super) fn find(socket: PathBuf, systemd: u32) -> Result<Place, ctl::Error> {
    let environment = paths::process_environment;
    let state = paths::state_folder(environment)?;
    let own = |name| environment(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let mut variables: Vec<_> =
        VARIABLES.into_iter().filter_map(|name| Some((name, own(name)?))).collect();
    let runtime = own("XDG_RUNTIME_DIR");
    let usual = runtime.as_ref().map(|folder| folder.join("ucsso/broker.sock"));
    if usual.as_ref() != Some(&socket) {
        variables.push(("UCSSO_SOCKET", format!("unix://{}", socket.display()).into()));
    }
    let home = directories::BaseDirs::new().map(|dirs| dirs.home_dir().to_owned());
    let home = home.ok_or(paths::Error::NoHome)?;
    let client = env::current_exe().map_err(ctl::Error::System)?;
    Ok(Place {
        program: trusted(&program()?)?,
        client: trusted(&client)?,
        socket,
        state,
        runtime,
        home,
        variables,
        redirects: redirects()?,
        systemd,
    })
}

/// The daemon's program: beside this one, or on the path.
fn program() -> Result<PathBuf, Error> {
    let beside = env::current_exe().ok().map(|own| own.with_file_name("ucssod"));
    let path = env::var_os("PATH").unwrap_or_default();
    let on_path = env::split_paths(&path).filter(|folder| folder.is_absolute());
    let mut places = beside.into_iter().chain(on_path.map(|folder| folder.join("ucssod")));
    let runs = |path: &PathBuf| {
        fs::metadata(path).is_ok_and(|found| found.is_file() && found.mode() & 0o111 != 0)
    };
    places.find(runs).ok_or(Error::NoProgram)
}

/// A program that nobody else can replace, by the name that it really has.
fn trusted(program: &Path) -> Result<PathBuf, Error> {
    // What the manager is told is what was looked at.
    let program = fs::canonicalize(program).map_err(|source| Error::File {
        path: program.to_owned(),
        what: "found",
        source,
    })?;
    let us = rustix::process::geteuid().as_raw();
    for place in program.ancestors() {
        let found = fs::metadata(place).map_err(|source| Error::File {
            path: place.to_owned(),
            what: "looked at",
            source,
        })?;
        if let Some(why) = mistrusted(found.uid(), found.permissions().mode(), us) {
            let why = format!("`{}` {why}", place.display());
            return Err(Error::Untrusted { program, why });
        }
    }
    Ok(program)
}

/// Why a file or a folder lets others than `us` and root decide what is started. A sticky folder
/// does: what is in it can be cleared away, and then made by somebody else.
fn mistrusted(owner: u32, mode: u32, us: u32) -> Option<String> {
    if owner != us && owner != 0 {
        Some(format!("belongs to the user with the id {owner}"))
    } else if mode & 0o002 != 0 {
        Some("can be written by everybody".to_owned())
    } else {
        None
    }
}

/// Where the configuration redirects to; without one, where it would.
fn redirects() -> Result<BTreeSet<std::net::SocketAddr>, ctl::Error> {
    let file = paths::config_file(paths::process_environment)?;
    match Config::load(&file) {
        Ok(config) => Ok(config
            .clusters
            .values()
            .flat_map(|cluster| cluster.redirect.origin.addresses())
            .collect()),
        Err(config::Error::Missing { .. }) => {
            note(
                "There is no configuration yet. Write one with `ucssoctl config init`; run this \
                 again if\nit redirects to another port than 27443.\n",
            );
            Ok(BTreeSet::from([([127, 0, 0, 1], config::REDIRECT_PORT).into()]))
        }
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_of_another_user_or_of_everybody_is_mistrusted() {
        assert_eq!(mistrusted(1000, 0o100_755, 1000), None);
        assert_eq!(mistrusted(0, 0o040_755, 1000), None);
        assert_eq!(mistrusted(1000, 0o040_775, 1000), None, "a group of the user's own");
        assert!(mistrusted(1001, 0o100_755, 1000).is_some());
        assert!(mistrusted(1000, 0o040_777, 1000).is_some());
        assert!(mistrusted(0, 0o041_777, 1000).is_some());
    }
}
