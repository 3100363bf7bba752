//! What can go wrong in this room, in its own words. No error repeats a URL: a start URL has a
//! ticket in it.

use std::{io, net::SocketAddr};

/// Why the human could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another program listens on the redirect address.
    #[error("another program listens on {addr}")]
    PortTaken {
        /// The redirect address.
        addr: SocketAddr,
    },
    /// The redirect address cannot be listened on.
    #[error("cannot listen on {addr}")]
    Bind {
        /// The redirect address.
        addr: SocketAddr,
        /// What the system said.
        source: io::Error,
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
}
