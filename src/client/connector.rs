//! Which socket, and whose daemon may be at its other end.

use std::path::{Path, PathBuf};

use super::{Client, Error};
use crate::{
    paths,
    rpc::client::{Client as Calls, ConnectError},
};

/// The way to a daemon. Before anything is sent, the kernel is asked who listens: only a daemon
/// of this user is talked to, unless [`Connector::allow_server`] says whose it may be.
///
/// ```no_run
/// use ucsso::client::{Connector, Error};
///
/// # async fn example() -> Result<(), Error> {
/// // In a container, where the socket of the host's user comes from an id that is not ours.
/// let client = Connector::at("/run/ucsso/hq.sock")?.allow_server(1000).connect().await?;
/// # drop(client);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Connector {
    socket: PathBuf,
    also: Option<u32>,
}

impl Connector {
    /// To the socket that `UCSSO_SOCKET` names, else to `$XDG_RUNTIME_DIR/ucsso/broker.sock`.
    ///
    /// # Errors
    ///
    /// That the variables name none.
    pub fn from_environment() -> Result<Self, Error> {
        Ok(Self { socket: paths::socket(paths::process_environment)?, also: None })
    }

    /// To this socket.
    ///
    /// # Errors
    ///
    /// That the kernel takes no path that long.
    pub fn at(socket: impl Into<PathBuf>) -> Result<Self, Error> {
        Ok(Self { socket: paths::checked_socket(socket.into())?, also: None })
    }

    /// Also talks to a daemon, or to what forwards its socket, of the user with this id. Whoever that is
    /// learns which clusters are asked for, and chooses the tokens that come back.
    #[must_use]
    pub fn allow_server(mut self, uid: u32) -> Self {
        self.also = Some(uid);
        self
    }

    /// Connects.
    ///
    /// # Errors
    ///
    /// Why there is no connection.
    pub async fn connect(&self) -> Result<Client, Error> {
        Ok(Client { connector: self.clone(), calls: self.calls().await? })
    }

    /// A connection of its own.
    pub(super) async fn calls(&self) -> Result<Calls, ConnectError> {
        Calls::connect_allowing(&self.socket, self.also).await
    }

    /// The socket.
    #[must_use]
    pub fn socket(&self) -> &Path {
        &self.socket
    }
}

impl From<&Path> for Connector {
    /// For a path that was checked before.
    fn from(socket: &Path) -> Self {
        Self { socket: socket.to_owned(), also: None }
    }
}
