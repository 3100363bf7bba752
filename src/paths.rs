//! Every path, once: the configuration file, the broker's socket, the sockets of the message
//! buses, where systemd looks for units.
//!
//! Nothing in here opens, creates or checks a file; it says where things are. Each function
//! takes the environment as a lookup, so that a test does not touch the process's own. `daemon`,
//! `browser` and `ctl` call it.

use std::{
    env,
    ffi::{OsStr, OsString},
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

/// The environment variable that names the socket, as `unix:///absolute/path`.
const SOCKET_VARIABLE: &str = "UCSSO_SOCKET";

/// The longest path of a Unix socket, in bytes: `sun_path` holds 108 with its final NUL (unix(7)).
const MAX_SOCKET_PATH: usize = 107;

/// The socket of the system bus where no variable names one (D-Bus specification, "Well-known
/// Message Bus Instances").
pub const SYSTEM_BUS: &str = "/var/run/dbus/system_bus_socket";

/// The name of the daemon's systemd user unit.
pub const UNIT: &str = "ucssod.service";

/// Why a path is not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is no runtime folder, and no shared folder is good enough in its place.
    #[error(
        "`XDG_RUNTIME_DIR` is not set to an absolute path, so there is no private folder for the \
         socket or a token"
    )]
    NoRuntimeDir,
    /// `UCSSO_SOCKET` is not of the one form that is allowed.
    #[error("`{SOCKET_VARIABLE}` is not of the form `unix:///absolute/path`")]
    SocketVariable,
    /// The kernel does not take the path for a socket.
    #[error(
        "the socket path `{}` has {} bytes, and a socket path holds at most {MAX_SOCKET_PATH}",
        .path.display(), .path.as_os_str().len()
    )]
    SocketTooLong {
        /// The path.
        path: PathBuf,
    },
    /// The user has no home folder.
    #[error("neither `HOME` nor the user database says where your home folder is")]
    NoHome,
}

impl Error {
    /// What mends it.
    #[must_use]
    pub const fn advice(&self) -> &'static str {
        match self {
            Self::NoRuntimeDir => {
                "log in through systemd-logind (`ssh` or the desktop, not `su`), or set \
                 `XDG_RUNTIME_DIR=/run/user/$(id -u)`"
            }
            Self::SocketVariable => "write for example `UCSSO_SOCKET=unix:///run/user/1000/s`",
            Self::SocketTooLong { .. } => "set `UCSSO_SOCKET=unix:///…` to a shorter path",
            Self::NoHome => "set `HOME`",
        }
    }
}

/// The environment of this process, as a lookup.
#[must_use]
pub fn process_environment(name: &str) -> Option<OsString> {
    env::var_os(name)
}

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

/// The broker's socket: what `UCSSO_SOCKET` says, else `$XDG_RUNTIME_DIR/ucsso/broker.sock`.
///
/// There is no fallback to a shared folder: whoever is first there could wait with a socket of
/// their own.
///
/// # Errors
///
/// All but [`Error::NoHome`].
pub fn socket(environment: impl Fn(&str) -> Option<OsString>) -> Result<PathBuf, Error> {
    let path = match environment(SOCKET_VARIABLE) {
        Some(uri) => socket_of_uri(&uri).ok_or(Error::SocketVariable)?,
        None => runtime_folder(&environment)?.join("broker.sock"),
    };
    checked_socket(path)
}

/// The folder of what lasts as long as somebody is logged in to this machine:
/// `$XDG_RUNTIME_DIR/ucsso`.
///
/// # Errors
///
/// [`Error::NoRuntimeDir`].
pub fn runtime_folder(environment: impl Fn(&str) -> Option<OsString>) -> Result<PathBuf, Error> {
    let folder = absolute(&environment, "XDG_RUNTIME_DIR").ok_or(Error::NoRuntimeDir)?;
    Ok(folder.join("ucsso"))
}

/// The socket of the user's session bus where no variable names one: `$XDG_RUNTIME_DIR/bus`
/// (`sd_bus_open_user`(3)).
pub fn session_bus(environment: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    absolute(&environment, "XDG_RUNTIME_DIR").map(|folder| folder.join("bus"))
}

/// Passes a socket path on if the kernel would take it.
///
/// # Errors
///
/// [`Error::SocketTooLong`].
pub fn checked_socket(path: PathBuf) -> Result<PathBuf, Error> {
    if path.as_os_str().len() > MAX_SOCKET_PATH {
        return Err(Error::SocketTooLong { path });
    }
    Ok(path)
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

/// The value of a variable that has to be an absolute path; anything else counts as unset.
fn absolute(environment: &impl Fn(&str) -> Option<OsString>, name: &str) -> Option<PathBuf> {
    environment(name).map(PathBuf::from).filter(|path| path.is_absolute())
}

/// The path in `unix:///absolute/path`. No host, no query, no percent encoding: what the kernel
/// gets is what was written.
fn socket_of_uri(uri: &OsStr) -> Option<PathBuf> {
    let path = uri.as_bytes().strip_prefix(b"unix://")?;
    let plain = path.iter().all(|byte| !b"?#%".contains(byte) && !byte.is_ascii_control());
    let path = Path::new(OsStr::from_bytes(path));
    let names_a_file = path.file_name().is_some() && !uri.as_bytes().ends_with(b"/");
    (plain && path.is_absolute() && names_a_file).then(|| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An environment of these variables.
    fn with<'a>(variables: &'a [(&str, &str)]) -> impl Fn(&str) -> Option<OsString> + 'a {
        |name| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into())
    }

    #[test]
    fn the_socket_is_in_the_runtime_folder() {
        let path = socket(with(&[("XDG_RUNTIME_DIR", "/run/user/1000")]));

        assert_eq!(path, Ok("/run/user/1000/ucsso/broker.sock".into()));
    }

    #[test]
    fn the_variable_wins_over_the_runtime_folder() {
        let variables = [("XDG_RUNTIME_DIR", "/run/user/1000"), (SOCKET_VARIABLE, "unix:///s/b")];

        assert_eq!(socket(with(&variables)), Ok("/s/b".into()));
    }

    #[test]
    fn without_a_private_folder_there_is_no_socket() {
        for variables in [&[][..], &[("XDG_RUNTIME_DIR", "")], &[("XDG_RUNTIME_DIR", "run/me")]] {
            assert_eq!(socket(with(variables)), Err(Error::NoRuntimeDir), "{variables:?}");
        }
    }

    #[test]
    fn the_variable_has_one_form() {
        for wrong in [
            "",
            "/run/s",
            "unix:/run/s",
            "unix://host/run/s",
            "unix://run/s",
            "unix:///",
            "unix:///run/",
            "unix:///run/..",
            "unix:///s?x",
            "unix:///s#x",
            "unix:///%2f",
            "unix:///a\nb",
            "tcp://127.0.0.1:1",
            "UNIX:///s",
        ] {
            let answer = socket(with(&[(SOCKET_VARIABLE, wrong)]));

            assert_eq!(answer, Err(Error::SocketVariable), "{wrong:?}");
        }
    }

    #[test]
    fn a_path_too_long_for_the_kernel_is_told_apart() {
        let fits = PathBuf::from(format!("/{}", "x".repeat(106)));
        let long = PathBuf::from(format!("/{}", "x".repeat(107)));

        assert_eq!(checked_socket(fits.clone()), Ok(fits));
        let refused = checked_socket(long).unwrap_err();
        assert!(
            refused.to_string().ends_with("has 108 bytes, and a socket path holds at most 107")
        );
    }

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
