//! Why the service is not set up, and what mends it.

use std::{io, path::PathBuf};

/// Why the service could not be installed, removed or looked at.
#[derive(Debug, thiserror::Error)]
pub(in crate::ctl) enum Error {
    /// The daemon's program is nowhere.
    #[error("there is no `ucssod` beside `ucssoctl`, nor on the path")]
    NoProgram,
    /// Others could put another program into its place.
    #[error("`{}` is not to be started at every login: {why}", .program.display())]
    Untrusted {
        /// The program.
        program: PathBuf,
        /// What is wrong with where it is.
        why: String,
    },
    /// A unit file cannot name this path.
    #[error("a unit cannot name `{}`", .path.display())]
    Unnameable {
        /// The path.
        path: PathBuf,
    },
    /// The user wrote a unit of their own, or changed ours.
    #[error("`{}` was not written by `ucssoctl`, or was changed since", .path.display())]
    Changed {
        /// The unit.
        path: PathBuf,
    },
    /// A file cannot be read, written or removed.
    #[error("`{}` cannot be {what}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What was tried, as a participle.
        what: &'static str,
        /// Why not.
        source: io::Error,
    },
    /// A daemon that nobody's manager started has the socket.
    #[error("a `ucssod` that systemd did not start serves `{}`", .socket.display())]
    ServedAlready {
        /// The socket.
        socket: PathBuf,
    },
    /// There is no program to talk to a user manager with.
    #[error("there is no `systemctl` here")]
    NoSystemd,
    /// No user manager runs.
    #[error("no systemd user manager runs for you")]
    NoManager,
    /// The user manager refused.
    #[error("`systemctl --user {command}` failed: {said}")]
    Refused {
        /// What it was asked.
        command: String,
        /// What it said, on one line.
        said: String,
    },
    /// The redirect port could not be had.
    #[error("systemd cannot listen at {ports}: {said}")]
    RedirectPort {
        /// Where.
        ports: String,
        /// What it said, on one line.
        said: String,
    },
}

impl Error {
    /// What mends it.
    pub(in crate::ctl) fn advice(&self) -> &'static str {
        match self {
            Self::NoProgram => "install `ucssod` beside `ucssoctl`, in `~/.local/bin` for example",
            Self::Untrusted { .. } => {
                "move the programs to where only you or root can write, `~/.local/bin` for example"
            }
            Self::Unnameable { .. } => "move it to a path of printable characters",
            Self::Changed { .. } => {
                "put changes into a drop-in, which stays: `systemctl --user edit ucssod.service`\n\
                 `--force` replaces the file"
            }
            Self::ServedAlready { .. } => "end it first; then systemd starts it when it is needed",
            Self::NoSystemd => {
                "run `ucssod` by whatever supervises services here; it needs nothing of systemd"
            }
            Self::NoManager => {
                "log in on the desktop or by `ssh`, not by `su` or `sudo`; where you are never \
                 logged in,\n`sudo loginctl enable-linger $USER` keeps your manager running\n\
                 in a container without one, run `ucssod` by whatever supervises services there"
            }
            Self::RedirectPort { .. } => {
                "find out who has it with `ss -ltnp`, end that, and run this again\n\
                 until then the daemon tries for itself, whenever somebody logs in"
            }
            Self::File { .. } | Self::Refused { .. } => "",
        }
    }
}
