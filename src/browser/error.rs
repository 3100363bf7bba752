//! What can go wrong in this room, in its own words. No error repeats a URL: a start URL has a
//! ticket in it.

use std::{io, net::SocketAddr};

use super::{desktop, peer};
use crate::identity::Flaw;

/// Why the human could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another program listens on the redirect address.
    #[error("another program{} listens on {addr}", of_uid(*uid))]
    PortTaken {
        /// The redirect address.
        addr: SocketAddr,
        /// Whose program it is, where that is known.
        uid: Option<u32>,
    },
    /// Something else than this listener answers at an address to which browsers may go, or
    /// nothing does.
    #[error("{}", in_our_place(*addr, *uid))]
    NotOurs {
        /// The address.
        addr: SocketAddr,
        /// Whose program listens there, where that is known.
        uid: Option<u32>,
    },
    /// The redirect address cannot be listened on.
    #[error("cannot listen on {addr}")]
    Bind {
        /// The redirect address.
        addr: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The redirect is by https, and there is no certificate to show.
    #[error("the redirect by https cannot be served")]
    Certificate {
        /// Why.
        source: Flaw,
    },
    /// A redirect at this path is expected already.
    #[error("a redirect to `{path}` is expected already")]
    AlreadyExpected {
        /// The path of the redirect URI.
        path: String,
    },
    /// A URL that a browser is to be sent to is neither `http` nor `https`.
    #[error("the URL is neither http nor https")]
    NotAWebUrl,
    /// The program that opens URLs does not exist.
    #[error("there is no program `{command}` to open a browser with")]
    OpenerMissing {
        /// The program.
        command: String,
    },
    /// The program that opens URLs could not be started, or ended badly at once.
    #[error("`{command}` opened no browser")]
    OpenerFailed {
        /// The program.
        command: String,
        /// How it ended.
        source: io::Error,
    },
    /// The desktop portal did not open the URL.
    #[error("the desktop portal opened no browser")]
    PortalFailed {
        /// Why.
        source: desktop::Fault,
    },
    /// The desktop portal asked the human for a browser, who declined.
    #[error("the choice of a browser was cancelled")]
    PortalDeclined,
    /// The user manager did not run `xdg-open`, or that ended badly.
    #[error("`xdg-open`, run by the systemd user manager, opened no browser")]
    UnitFailed {
        /// Why.
        source: desktop::Fault,
    },
    /// The ways to open a browser took too long.
    #[error("no browser was open within 10 seconds")]
    TooSlow,
    /// There is no desktop to open a window on, and nothing else was configured.
    #[error("there is no display to open a browser on")]
    NoDisplay,
}

impl Error {
    /// Why an address cannot be listened on. Blocks while it finds out who has it.
    pub(super) fn unbound(addr: SocketAddr, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::AddrInUse => Self::PortTaken { addr, uid: peer::holder(addr) },
            _ => Self::Bind { addr, source },
        }
    }
}

fn in_our_place(addr: SocketAddr, uid: Option<u32>) -> String {
    match uid {
        Some(uid) => format!("a program of uid {uid} answers on {addr} in this daemon's place"),
        None => format!("this daemon is not what answers on {addr}"),
    }
}

/// Whose program it is, for the middle of a sentence.
fn of_uid(uid: Option<u32>) -> String {
    uid.map(|uid| format!(" of uid {uid}")).unwrap_or_default()
}
