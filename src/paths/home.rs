//! The paths of what is kept at home, and of what a service manager reads.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use super::{Error, UNIT, absolute};

/// The configuration file: `$XDG_CONFIG_HOME/ucsso/config.toml`.
///
/// A relative `XDG_CONFIG_HOME` is ignored, as the XDG base directory specification demands.
///
/// # Errors
///
/// [`Error::NoHome`] where not even the user database names a home folder.
pub fn config_file(environment: impl Fn(&str) -> Option<OsString>) -> Result<PathBuf, Error> {
    let folder = absolute(&environment, "XDG_CONFIG_HOME")
        .or_else(|| absolute(&environment, "HOME").map(|home| home.join(".config")))
        .or_else(|| directories::BaseDirs::new().map(|dirs| dirs.config_dir().to_owned()))
        .ok_or(Error::NoHome)?;
    Ok(folder.join("ucsso").join("config.toml"))
}

/// What the daemon keeps for the next one: `$XDG_STATE_HOME/ucsso`. How far its user wants to be
/// left alone is in `asked.json` there, and sealed tokens are in `tokens.sealed`.
///
/// # Errors
///
/// [`Error::NoHome`] where not even the user database names a home folder.
pub fn state_folder(environment: impl Fn(&str) -> Option<OsString>) -> Result<PathBuf, Error> {
    let folder = absolute(&environment, "XDG_STATE_HOME")
        .or_else(|| absolute(&environment, "HOME").map(|home| home.join(".local/state")))
        .or_else(|| directories::BaseDirs::new()?.state_dir().map(Path::to_owned))
        .ok_or(Error::NoHome)?;
    Ok(folder.join("ucsso"))
}

/// The key of sealed tokens, where a systemd unit has it as the credential `ucsso-store-key`
/// (systemd.exec(5), `LoadCredential=`). The file need not be there.
pub fn store_key(environment: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    Some(absolute(&environment, "CREDENTIALS_DIRECTORY")?.join("ucsso-store-key"))
}

/// The folder of the certificate of a redirect by https: `$XDG_DATA_HOME/ucsso/redirect`.
///
/// # Errors
///
/// [`Error::NoHome`] where not even the user database names a home folder.
pub fn redirect_identity(environment: impl Fn(&str) -> Option<OsString>) -> Result<PathBuf, Error> {
    let folder = absolute(&environment, "XDG_DATA_HOME")
        .or_else(|| absolute(&environment, "HOME").map(|home| home.join(".local/share")))
        .or_else(|| directories::BaseDirs::new().map(|dirs| dirs.data_dir().to_owned()))
        .ok_or(Error::NoHome)?;
    Ok(folder.join("ucsso").join("redirect"))
}

/// Where a systemd user unit of this daemon may be installed, the user's own place first.
pub fn unit_files(environment: impl Fn(&str) -> Option<OsString>) -> Vec<PathBuf> {
    unit_folders(environment).into_iter().map(|folder| folder.join(UNIT)).collect()
}

/// Where the user manager looks for units, the user's own place first (systemd.unit(5), "User
/// Unit Search Path").
pub fn unit_folders(environment: impl Fn(&str) -> Option<OsString>) -> Vec<PathBuf> {
    let home = absolute(&environment, "HOME");
    let config = absolute(&environment, "XDG_CONFIG_HOME")
        .or_else(|| home.as_ref().map(|home| home.join(".config")));
    let data = absolute(&environment, "XDG_DATA_HOME")
        .or_else(|| home.as_ref().map(|home| home.join(".local/share")));
    let own = config.into_iter().chain(data).map(|folder| folder.join("systemd/user"));
    own.chain(SYSTEM_UNITS.map(PathBuf::from)).collect()
}

/// Where the machine's administrator and its packages put units for every user's manager.
pub const SYSTEM_UNITS: [&str; 4] = [
    "/etc/systemd/user",
    "/run/systemd/user",
    "/usr/local/lib/systemd/user",
    "/usr/lib/systemd/user",
];

#[cfg(test)]
mod tests {
    use super::{super::tests::with, *};

    #[test]
    fn the_configuration_is_where_xdg_says() {
        let file = |variables: &[(&str, &str)]| config_file(with(variables));

        assert_eq!(file(&[("XDG_CONFIG_HOME", "/c")]), Ok("/c/ucsso/config.toml".into()));
        assert_eq!(
            file(&[("XDG_CONFIG_HOME", "relative"), ("HOME", "/home/alice")]),
            Ok("/home/alice/.config/ucsso/config.toml".into())
        );
    }

    #[test]
    fn the_certificate_is_where_xdg_says() {
        let folder = |variables: &[(&str, &str)]| redirect_identity(with(variables));

        assert_eq!(folder(&[("XDG_DATA_HOME", "/d")]), Ok("/d/ucsso/redirect".into()));
        assert_eq!(
            folder(&[("HOME", "/home/alice")]),
            Ok("/home/alice/.local/share/ucsso/redirect".into())
        );
    }

    #[test]
    fn units_are_looked_for_in_the_users_places_first() {
        let units = unit_files(with(&[("HOME", "/home/alice")]));

        assert_eq!(units[0], Path::new("/home/alice/.config/systemd/user/ucssod.service"));
        assert_eq!(units[1], Path::new("/home/alice/.local/share/systemd/user/ucssod.service"));
        assert_eq!(units.last().unwrap(), Path::new("/usr/lib/systemd/user/ucssod.service"));
    }
}
