//! The library for programs that want a token: `ucsso::client`.
//!
//! With `default-features = false, features = ["client"]` a program gets this, tonic and prost, and
//! neither TLS nor D-Bus nor the daemon. It connects to the daemon of the user who runs it, asks for tokens,
//! follows them over restarts of the daemon, and reports those that a cluster refused. It decides
//! nothing about tokens. `ctl` is made of it too.
//!
//! A token for one request:
//!
//! ```no_run
//! use ucsso::client::{Client, Options};
//!
//! # async fn example() -> Result<(), ucsso::client::Error> {
//! let client = Client::connect().await?;
//! let token = client.get("hq", &Options::default()).await?;
//! let header = ("Authorization", token.header()); // for https://{token.node()}/cucm-uds/...
//! # drop(header);
//! # Ok(())
//! # }
//! ```
//!
//! A program that runs for long keeps a [`Token`], and asks it before each request:
//!
//! ```no_run
//! use ucsso::client::{Client, Error, Options, Verdict};
//!
//! # async fn ask_the_cluster(_: &str) -> u16 { 200 }
//! # async fn example() -> Result<(), Error> {
//! let token = Client::connect().await?.token("hq", Options::default());
//! loop {
//!     let current = token.current().await?;
//!     let status = ask_the_cluster(&current.header()).await;
//!     // A 401 may also mean that the path is somebody else's: the daemon finds out.
//!     if status == 401 && token.report_rejected(&current).await? == Verdict::StillValid {
//!         break;
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! What an error means to a program is its [`Reason`]; its text and its advice are for people:
//!
//! ```no_run
//! use std::time::Duration;
//! use ucsso::client::{Client, Error, Interaction, Options, Reason};
//!
//! # async fn example(client: Client) -> Result<(), Error> {
//! let options = Options::default()
//!     .min_validity(Duration::from_mins(10))
//!     .interaction(Interaction::Never)
//!     .deadline(Duration::from_secs(5));
//! match client.get("hq", &options).await {
//!     Ok(token) => println!("good for {} s", token.remaining().as_secs()),
//!     Err(error) if error.reason() == Some(Reason::LoginRequired) => {
//!         println!("{error}; {}", error.advice());
//!     }
//!     Err(error) => return Err(error),
//! }
//! # Ok(())
//! # }
//! ```
//!
//! With the feature `tower`, [`Bearer`] puts the token on requests by itself.

mod access_token;
#[cfg(feature = "tower")]
mod bearer;
mod connector;
mod error;
mod following;
mod options;
mod reason;
mod token;
mod watch;

use tonic::Request;

#[cfg(feature = "tower")]
pub use self::bearer::{Authorized, Bearer, CallError};
pub use self::{
    access_token::AccessToken,
    connector::Connector,
    error::{Error, Refused},
    options::{Interaction, Options},
    reason::Reason,
    token::Token,
    watch::{Update, Watch},
};
pub(crate) use self::{following::Following, options::sent};
use crate::rpc::{
    client::Client as Calls,
    proto::{GetTokenRequest, ReportRejectedRequest, report_rejected_response},
};
pub use crate::{paths::Error as PathError, rpc::client::ConnectError};

/// A connection to the daemon. A clone uses the same one.
#[derive(Debug, Clone)]
pub struct Client {
    connector: Connector,
    calls: Calls,
}

/// What a cluster said of a token that was reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// It still works: the refusal had another reason, and another token would not help.
    StillValid,
    /// It is not accepted any more, and the daemon has dropped it.
    Rejected,
    /// The daemon holds another one by now.
    Superseded,
    /// The cluster could not be asked, or is busy. The token was kept.
    Unknown,
}

impl Client {
    /// Connects to the daemon's socket: the one that `UCSSO_SOCKET` names, else
    /// `$XDG_RUNTIME_DIR/ucsso/broker.sock`. [`Connector`] connects to another.
    ///
    /// # Errors
    ///
    /// That there is no socket, or that this user's daemon is not at its other end; nothing was sent then.
    pub async fn connect() -> Result<Self, Error> {
        Connector::from_environment()?.connect().await
    }

    /// A token of a cluster that is good for as long as `options` want it.
    ///
    /// Waits for a login, if one is needed and `options` allow it. A connection that broke is made
    /// again once.
    ///
    /// # Errors
    ///
    /// Why there is none.
    pub async fn get(&self, cluster: &str, options: &Options) -> Result<AccessToken, Error> {
        let get = || self.get_once(cluster, options);
        // What forces a login is not asked for twice.
        if options.interaction == Interaction::Force { get().await } else { again(get).await }
    }

    async fn get_once(&self, cluster: &str, options: &Options) -> Result<AccessToken, Error> {
        let mut request = Request::new(GetTokenRequest {
            cluster: cluster.to_owned(),
            min_validity: options.min_validity.map(sent),
            interaction: options.interaction.sent().into(),
        });
        if let Some(deadline) = options.deadline {
            request.set_timeout(deadline);
        }
        let answer = self.calls.broker().get_token(request).await?.into_inner();
        answer.token.map(AccessToken::received).ok_or(Error::Incomplete("token"))
    }

    /// Follows the token of a cluster, over restarts of the daemon. As long as this is kept the
    /// token counts as used, so the daemon renews it ahead.
    #[must_use]
    pub fn watch(&self, cluster: &str) -> Watch {
        Watch::new(self.connector.clone(), cluster)
    }

    /// A handle for long-running use. `options` are for when no good token is held.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime, which it follows the token on.
    #[must_use]
    pub fn token(&self, cluster: &str, options: Options) -> Token {
        Token::follow(self.clone(), cluster, options)
    }

    /// Reports that a cluster answered 401 to a token. The daemon asks the cluster before it
    /// believes it, and any number of reports is one question.
    ///
    /// # Errors
    ///
    /// That the daemon did not answer.
    pub async fn report_rejected(
        &self,
        cluster: &str,
        token: &AccessToken,
    ) -> Result<Verdict, Error> {
        use report_rejected_response::Verdict as Said;
        let report = || async {
            let (cluster, generation) = (cluster.to_owned(), token.generation());
            let request = ReportRejectedRequest { cluster, generation };
            Ok(self.calls.broker().report_rejected(request).await?.into_inner())
        };
        let answer = again(report).await?;
        Ok(match answer.verdict() {
            Said::StillValid => Verdict::StillValid,
            Said::Rejected => Verdict::Rejected,
            Said::Superseded => Verdict::Superseded,
            Said::Unknown | Said::Unspecified => Verdict::Unknown,
        })
    }
}

/// Calls once more on a new connection if the one that there was broke: the first call to a
/// daemon after that of the last call has ended only finds that out.
async fn again<T, F>(call: impl Fn() -> F) -> Result<T, Error>
where
    F: Future<Output = Result<T, Error>>,
{
    match call().await {
        Err(Error::Broken(_)) => call().await,
        answer => answer,
    }
}
