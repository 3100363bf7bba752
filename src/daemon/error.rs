//! Why the daemon does not run, and what mends it.

use std::io;

use super::{descriptors, socket};
use crate::{cisco, config, domain::ClusterName, paths, rpc};

/// Why the daemon does not run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A path is not known.
    #[error(transparent)]
    Path(#[from] paths::Error),
    /// The configuration cannot be had.
    #[error(transparent)]
    Config(#[from] config::Error),
    /// A cluster cannot be set up.
    #[error("the cluster `{cluster}` cannot be set up")]
    Cluster {
        /// Which.
        cluster: ClusterName,
        /// Why.
        #[source]
        source: cisco::Error,
    },
    /// A descriptor that was passed is not what its name says.
    #[error(transparent)]
    Descriptors(#[from] descriptors::Error),
    /// The socket cannot be had.
    #[error(transparent)]
    Socket(#[from] socket::Error),
    /// The API cannot be served.
    #[error(transparent)]
    Serve(#[from] rpc::Error),
    /// The operating system gave no event loop or signals.
    #[error("the operating system does not play along")]
    System(#[source] io::Error),
}

impl Error {
    /// What mends it; empty where nothing is known to.
    pub(super) fn advice(&self) -> String {
        match self {
            Self::Path(error) => error.advice().to_owned(),
            Self::Config(error) => error.advice(),
            Self::Socket(error) => error.advice().to_owned(),
            Self::Descriptors(_) => "look at `ListenStream=` in `ucssod.socket`".to_owned(),
            Self::Cluster { .. } | Self::Serve(_) | Self::System(_) => String::new(),
        }
    }
}
