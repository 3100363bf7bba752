//! Why there is no token: what it means to a program, in a sentence, and what mends it.

use std::fmt;

use tonic::Status;

use super::Reason;
use crate::{
    paths,
    rpc::client::{self as calls, ConnectError},
};

/// Why there is no token. It says so in a sentence, and never has a token in it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// It is not known where the socket is.
    #[error(transparent)]
    Path(#[from] paths::Error),
    /// There is no connection. Nothing was sent.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The daemon refused, and said why.
    #[error(transparent)]
    Refused(Refused),
    /// The connection broke before there was an answer.
    #[error("{}", calls::sentence(.0))]
    Broken(#[source] Box<Status>),
    /// There was no answer by the deadline.
    #[error("{}", calls::sentence(.0))]
    Late(Box<Status>),
    /// The answer lacks what the contract promises.
    #[error("the daemon's answer lacks its {0}")]
    Incomplete(&'static str),
}

/// What the daemon said when it refused a call.
#[derive(Clone)]
pub struct Refused(pub(crate) Box<Status>);

impl Refused {
    /// The reason as it was sent, also one that this version does not know.
    #[must_use]
    pub fn word(&self) -> Option<String> {
        calls::reason(&self.0)
    }
}

impl Error {
    /// What it means to a program, where the daemon said it and this version knows it.
    #[must_use]
    pub fn reason(&self) -> Option<Reason> {
        match self {
            Self::Refused(refused) => Reason::of(&refused.word()?),
            _ => None,
        }
    }

    /// What mends it, for a human to read; empty where there is nothing to say.
    #[must_use]
    pub fn advice(&self) -> String {
        match self {
            Self::Path(error) => error.advice().to_owned(),
            Self::Connect(ConnectError::NotRunning { .. }) => {
                "start it with `systemctl --user start ucssod`, or `ucssod &`".to_owned()
            }
            Self::Connect(
                ConnectError::OtherUser { uid, .. } | ConnectError::OtherFolder { uid, .. },
            ) => format!(
                "if that user forwards the socket for you, allow it by name: \
                 `Connector::allow_server({uid})`"
            ),
            Self::Refused(refused) => calls::advice(&refused.0).unwrap_or_default(),
            _ => String::new(),
        }
    }

    /// Whether the daemon is only not there, or hears too much of this program, so that the same may work a moment later.
    #[must_use]
    pub fn passes(&self) -> bool {
        match self {
            Self::Connect(error) => matches!(
                error,
                ConnectError::NotRunning { .. }
                    | ConnectError::Unreachable { .. }
                    | ConnectError::NotABroker { .. }
            ),
            Self::Refused(_) => {
                matches!(self.reason(), Some(Reason::ShuttingDown | Reason::RateLimited))
            }
            Self::Broken(_) => true,
            Self::Path(_) | Self::Late(_) | Self::Incomplete(_) => false,
        }
    }
}

impl From<Status> for Error {
    fn from(status: Status) -> Self {
        let status = Box::new(status);
        if calls::is_broken(&status) {
            Self::Broken(status)
        } else if calls::is_late(&status) {
            Self::Late(status)
        } else {
            Self::Refused(Refused(status))
        }
    }
}

impl std::error::Error for Refused {}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(calls::sentence(&self.0))
    }
}

impl fmt::Debug for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refused")
            .field("reason", &self.word())
            .field("sentence", &calls::sentence(&self.0))
            .finish()
    }
}
