//! The units as this user needs them: those of the package, with this user's own paths and ports
//! in them.
//!
//! The files in `systemd/` are those that a package installs as they are. Where this user's are
//! the same, the package's serve; nothing in here is written then, and updates reach the user.

use std::{
    collections::BTreeSet,
    fs,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
};

use super::{Error, unit_file::UnitFile};
use crate::paths;

/// The socket of the broker.
pub(super) const BROKER: &str = "ucssod.socket";

/// The redirect port.
pub(super) const REDIRECT: &str = "ucssod-redirect.socket";

/// The drop-in of the service.
const DROP_IN: &str = "ucssod.service.d/10-ucssoctl.conf";

const SERVICE_TEXT: &str = include_str!("../../../systemd/ucssod.service");
const BROKER_TEXT: &str = include_str!("../../../systemd/ucssod.socket");
const REDIRECT_TEXT: &str = include_str!("../../../systemd/ucssod-redirect.socket");

/// What systemd 252 has no name for, and would complain of.
const SINCE_254: &str = "\
# A daemon that cannot start is tried again more and more slowly, and for ever.
[Unit]
StartLimitIntervalSec=0

[Service]
RestartSteps=8
RestartMaxDelaySec=10s
# Its tokens outlast `systemctl --user stop`, too.
FileDescriptorStorePreserve=yes
";

/// What of this user's installation is in the units.
#[derive(Debug)]
pub(super) struct Place {
    /// The daemon's program.
    pub(super) program: PathBuf,
    /// This command's own, which has the daemon reload.
    pub(super) client: PathBuf,
    /// The broker's socket.
    pub(super) socket: PathBuf,
    /// Where the daemon writes.
    pub(super) state: PathBuf,
    /// The user's runtime folder and home: what is in them is written by their specifiers.
    pub(super) runtime: Option<PathBuf>,
    pub(super) home: PathBuf,
    /// Variables that this user has set and that say where things are.
    pub(super) variables: Vec<(&'static str, PathBuf)>,
    /// Where logins are redirected to.
    pub(super) redirects: BTreeSet<SocketAddr>,
    /// The release of systemd.
    pub(super) systemd: u32,
}

/// The unit files of this user, in `folder`, and the drop-in.
pub(super) fn files(place: &Place, folder: &Path) -> Result<Vec<UnitFile>, Error> {
    let units =
        [(BROKER, broker(place)?), (REDIRECT, redirect(place)), (paths::UNIT, service(place)?)];
    let drop_in = (place.systemd >= 254).then(|| SINCE_254.to_owned());
    let units = units.map(|(name, text)| {
        let text = Some(text).filter(|text| packaged(name).as_deref() != Some(text));
        UnitFile { path: folder.join(name), text }
    });
    let drop_in = UnitFile { path: folder.join(DROP_IN), text: drop_in };
    Ok(units.into_iter().chain([drop_in]).collect())
}

/// The same files, none of which should be there.
pub(super) fn no_files(folder: &Path) -> Vec<UnitFile> {
    let names = [BROKER, REDIRECT, paths::UNIT, DROP_IN];
    names.map(|name| UnitFile { path: folder.join(name), text: None }).to_vec()
}

/// The unit that the machine has for everybody.
fn packaged(name: &str) -> Option<String> {
    paths::SYSTEM_UNITS.iter().find_map(|at| fs::read_to_string(Path::new(at).join(name)).ok())
}

fn broker(place: &Place) -> Result<String, Error> {
    Ok(BROKER_TEXT.replace("%t/ucsso/broker.sock", &place.socket_name()?))
}

/// Where there is no IPv6, a unit that wants it as well would get nothing.
fn redirect(place: &Place) -> String {
    let there = |addr: &&SocketAddr| TcpListener::bind((addr.ip(), 0)).is_ok();
    let lines: Vec<_> =
        place.redirects.iter().filter(there).map(|addr| format!("ListenStream={addr}")).collect();
    REDIRECT_TEXT.replace("ListenStream=127.0.0.1:27443", &lines.join("\n"))
}

fn service(place: &Place) -> Result<String, Error> {
    let command = |path| Ok::<_, Error>(quoted(&unit_text(path)?.replace('$', "$$")));
    let (program, client) = (command(&place.program)?, command(&place.client)?);
    let state = place.by_specifier(&place.state)?;
    let socket = place.socket_name()?;
    let folder = socket.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut text = SERVICE_TEXT
        .replace("ExecStart=/usr/bin/ucssod", &format!("ExecStart={program}"))
        .replace("ExecReload=/usr/bin/ucssoctl", &format!("ExecReload={client}"))
        .replace("-%h/.local/state/ucsso", &quoted(&format!("-{state}")))
        .replace("-%t/ucsso", &quoted(&format!("-{folder}")));
    for (name, value) in &place.variables {
        let line = format!("Environment={}\n", quoted(&format!("{name}={}", unit_text(value)?)));
        text = text.replace("WorkingDirectory=/\n", &format!("WorkingDirectory=/\n{line}"));
    }
    Ok(text)
}

impl Place {
    fn socket_name(&self) -> Result<String, Error> {
        self.by_specifier(&self.socket)
    }

    /// A path as the package writes it, where it is in the user's folders.
    fn by_specifier(&self, path: &Path) -> Result<String, Error> {
        let within = |folder: &Path| path.strip_prefix(folder).ok();
        let runtime = self.runtime.as_deref().and_then(within).map(|rest| ("%t/", rest));
        match runtime.or_else(|| within(&self.home).map(|rest| ("%h/", rest))) {
            Some((specifier, rest)) => Ok(format!("{specifier}{}", unit_text(rest)?)),
            None => unit_text(path),
        }
    }
}

/// A path as a value in a unit file (systemd.unit(5), "Specifiers").
fn unit_text(path: &Path) -> Result<String, Error> {
    let text = path.to_str().filter(|text| !text.contains(char::is_control));
    let text = text.ok_or_else(|| Error::Unnameable { path: path.to_owned() })?;
    Ok(text.replace('%', "%%"))
}

/// One word of a line that has several (systemd.syntax(7), "Quoting").
fn quoted(word: &str) -> String {
    if word.contains([' ', '"', '\'', '\\', ';']) {
        format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\""))
    } else {
        word.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> Place {
        Place {
            program: "/usr/bin/ucssod".into(),
            client: "/usr/bin/ucssoctl".into(),
            socket: "/run/user/1000/ucsso/broker.sock".into(),
            state: "/home/alice/.local/state/ucsso".into(),
            runtime: Some("/run/user/1000".into()),
            home: "/home/alice".into(),
            variables: Vec::new(),
            redirects: ["127.0.0.1:27443".parse().unwrap()].into(),
            systemd: 252,
        }
    }

    fn text(place: &Place, name: &str) -> Option<String> {
        let files = files(place, Path::new("/units")).unwrap();
        files.into_iter().find(|file| file.path.ends_with(name)).unwrap().text
    }

    #[test]
    fn an_installation_like_the_packages_has_its_units() {
        let place = place();

        assert_eq!(service(&place).unwrap(), SERVICE_TEXT);
        assert_eq!(broker(&place).unwrap(), BROKER_TEXT);
        assert_eq!(redirect(&place), REDIRECT_TEXT);
    }

    #[test]
    fn another_place_is_in_the_units_as_they_are_read() {
        let place = Place {
            program: "/home/alice/100% \"mine\"/$x/ucssod".into(),
            client: "/home/alice/my own/ucssoctl".into(),
            state: "/srv/my state/ucsso".into(),
            socket: "/run/user/1000/s".into(),
            variables: vec![("XDG_STATE_HOME", "/srv/my state".into())],
            ..place()
        };

        let service = text(&place, paths::UNIT).unwrap();

        for line in [
            r#"ExecStart="/home/alice/100%% \"mine\"/$$x/ucssod""#,
            r#"ExecReload="/home/alice/my own/ucssoctl" reload"#,
            r#"ReadWritePaths="-/srv/my state/ucsso""#,
            "ReadWritePaths=-%t",
            r#"Environment="XDG_STATE_HOME=/srv/my state""#,
        ] {
            assert!(service.lines().any(|found| found == line), "{line}\n{service}");
        }
        assert!(text(&place, BROKER).unwrap().contains("\nListenStream=%t/s\n"));
    }

    #[test]
    fn every_redirect_address_is_listened_at() {
        let redirects = ["127.0.0.1:27443", "127.0.0.1:27444"].map(|addr| addr.parse().unwrap());
        let place = Place { redirects: redirects.into(), ..place() };

        let redirect = text(&place, REDIRECT).unwrap();

        assert!(
            redirect.contains("\nListenStream=127.0.0.1:27443\nListenStream=127.0.0.1:27444\n")
        );
    }

    #[test]
    fn what_only_later_releases_know_is_used_there() {
        assert_eq!(text(&place(), DROP_IN), None);
        assert_eq!(text(&Place { systemd: 254, ..place() }, DROP_IN), Some(SINCE_254.to_owned()));
    }

    #[test]
    fn a_path_that_would_be_another_line_is_refused() {
        let path: PathBuf = "/home/a\nExecStartPre=/bin/x".into();

        for place in
            [Place { program: path.clone(), ..place() }, Place { client: path.clone(), ..place() }]
        {
            assert!(matches!(service(&place), Err(Error::Unnameable { .. })));
        }
    }
}
