//! Why a login gave no token, in the words of this room, and what mends it.
//!
//! Nothing from a redirect, a body or a header is in here verbatim; what is taken over from one
//! (a host, a user name, an error code) was cut down to characters that cannot mislead. Becomes a
//! [`Failure`] at the end of `log_in`, by matches without a wildcard.

use std::path::PathBuf;

use super::{
    advice,
    fault::Misses,
    lifetime::LifetimeFlaw,
    redirect::{Denial, RedirectFlaw},
    trust::CaFileFlaw,
};
use crate::{
    browser, chain,
    config::ClusterConfig,
    domain::{Cause, Failure, Timestamp},
};

/// Why a login gave no token, or cannot even begin.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file of the cluster's authorities is of no use.
    #[error("the authorities in `{path}` cannot be used", path = path.display())]
    CaFile {
        /// The configured path.
        path: PathBuf,
        /// Why.
        #[source]
        source: CaFileFlaw,
    },
    /// The HTTPS client could not be made.
    #[error("the HTTPS client cannot be set up")]
    Client {
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// No node gave a useful answer.
    #[error("{0}")]
    Nodes(Misses),
    /// Single sign-on is switched off.
    #[error("single sign-on is switched off on {node}")]
    SsoDisabled {
        /// The node that said so.
        node: String,
    },
    /// The listener or the browser did not work.
    #[error("the login cannot be shown")]
    Browser(
        /// Why.
        #[from]
        browser::Error,
    ),
    /// The human may not be asked any more.
    #[error("no window may be opened now")]
    MayNotOpen,
    /// The human closed the window.
    #[error("the browser was closed before the login was finished")]
    WindowClosed,
    /// The redirect is not one.
    #[error("the redirect is not accepted")]
    Redirect(
        /// Why.
        #[from]
        RedirectFlaw,
    ),
    /// The login ended with an error response.
    #[error("{}", advice::denial(.0))]
    Denied(
        /// Its code.
        Denial,
    ),
    /// The lifetime of the token is not one.
    #[error("the redirect is not accepted")]
    Lifetime(
        /// Why.
        #[from]
        LifetimeFlaw,
    ),
    /// A node does not accept the token it has just issued.
    #[error("{node} does not accept the token that the cluster has just issued")]
    NotAccepted {
        /// The node.
        node: String,
    },
    /// The user may not use the service.
    #[error("{node} does not let this user use the service")]
    NotPermitted {
        /// The node.
        node: String,
    },
    /// The token is somebody else's.
    #[error("{}", advice::wrong_user(expected, actual.as_deref()))]
    WrongUser {
        /// The node that said so.
        node: String,
        /// The configured user.
        expected: String,
        /// Whose it is, if the node says so.
        actual: Option<String>,
    },
    /// The token is not of the name that the cluster confirmed first.
    #[error("the browser is logged in as {actual}, and this cluster's first token was {first}'s")]
    OtherThanFirst {
        /// The node that said so.
        node: String,
        /// The first name.
        first: String,
        /// Whose it is.
        actual: String,
    },
    /// The token expired before any node could confirm it.
    #[error("the token expired before a node confirmed it: {misses}")]
    ExpiredUnconfirmed {
        /// What the nodes did.
        misses: Misses,
    },
}

impl Error {
    /// What the rest of the program is told.
    #[must_use]
    pub fn failure(&self, config: &ClusterConfig, at: Timestamp) -> Failure {
        let sentence = chain::one_line(self);
        Failure { cause: self.cause(), sentence, advice: self.advice(config), at }
    }

    fn cause(&self) -> Cause {
        match self {
            Self::CaFile { .. } => Cause::CertificateUntrusted,
            Self::Client { .. } => Cause::Internal,
            Self::Nodes(misses) => {
                misses.most_telling().map_or(Cause::NodeUnreachable, |miss| miss.fault.cause())
            }
            Self::SsoDisabled { .. } => Cause::SsoDisabled,
            Self::Browser(error) => browser_cause(error),
            Self::MayNotOpen => Cause::BrowserUnavailable,
            Self::WindowClosed => Cause::LoginCancelled,
            Self::Redirect(_) | Self::Lifetime(LifetimeFlaw::NotSeconds) => Cause::UnexpectedAnswer,
            Self::Denied(_) => Cause::IdpError,
            Self::Lifetime(LifetimeFlaw::Zero)
            | Self::NotAccepted { .. }
            | Self::NotPermitted { .. } => Cause::TokenUnusable,
            Self::WrongUser { .. } | Self::OtherThanFirst { .. } => Cause::WrongUser,
            Self::ExpiredUnconfirmed { .. } => Cause::NodeUnreachable,
        }
    }

    fn advice(&self, config: &ClusterConfig) -> String {
        match self {
            Self::CaFile { .. } => advice::ca_file(config),
            Self::Client { .. } => String::new(),
            Self::Nodes(misses) | Self::ExpiredUnconfirmed { misses } => {
                advice::misses(config, misses)
            }
            Self::SsoDisabled { .. } => advice::sso_disabled(config),
            Self::Browser(error) => advice::browser(config, error),
            Self::Redirect(flaw) => advice::redirect(config, *flaw),
            Self::Denied(denial) => advice::denied(config, denial),
            Self::MayNotOpen
            | Self::WindowClosed
            | Self::Lifetime(_)
            | Self::NotAccepted { .. } => advice::log_in_again(config),
            Self::NotPermitted { .. } => advice::not_permitted(config),
            Self::WrongUser { .. } => advice::wrong_user_advice(config),
            Self::OtherThanFirst { .. } => advice::other_than_first(config),
        }
    }
}

const fn browser_cause(error: &browser::Error) -> Cause {
    match error {
        browser::Error::PortTaken { .. }
        | browser::Error::NotOurs { .. }
        | browser::Error::Bind { .. } => Cause::RedirectPortTaken,
        browser::Error::AlreadyExpected { .. } | browser::Error::NotAWebUrl => Cause::Internal,
        browser::Error::PortalDeclined => Cause::LoginCancelled,
        browser::Error::Certificate { .. }
        | browser::Error::OpenerMissing { .. }
        | browser::Error::OpenerFailed { .. }
        | browser::Error::PortalFailed { .. }
        | browser::Error::UnitFailed { .. }
        | browser::Error::TooSlow
        | browser::Error::NoDisplay => Cause::BrowserUnavailable,
    }
}

#[cfg(test)]
mod tests;
