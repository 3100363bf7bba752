//! Every path, once: the configuration file, the broker's socket, the sockets of the message
//! buses, where systemd looks for units.
//!
//! Nothing in here opens, creates or checks a file; it says where things are. Each function
//! takes the environment as a lookup, so that a test does not touch the process's own. `daemon`,
//! `browser` and `ctl` call it.

#[cfg(feature = "full")]
mod home;

use std::{
    env,
    ffi::{OsStr, OsString},
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

#[cfg(feature = "full")]
pub use self::home::{
    SYSTEM_UNITS, config_file, redirect_identity, state_folder, store_key, unit_files, unit_folders,
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
    pub(super) fn with<'a>(
        variables: &'a [(&str, &str)],
    ) -> impl Fn(&str) -> Option<OsString> + 'a {
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
}
