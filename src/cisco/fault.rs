//! What a node did instead of giving a useful answer.
//!
//! Owns the words for it and how they are classified; never holds anything a node sent. Made by
//! `edge`, `discovery` and `verify`; read by `error`.

use std::fmt;

use super::{authorize::UriFlaw, trust::Distrust, xml::XmlFlaw};
use crate::{config::SpkiPin, domain::Cause};

/// What one node did. Each text follows the name of the node.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Nothing listens on its port.
    #[error("refused the connection")]
    Refused,
    /// Its name has no address.
    #[error("has no address in DNS")]
    NoAddress,
    /// No connection, or no complete answer, within the limits.
    #[error("did not answer in time")]
    TimedOut,
    /// It ended the TLS handshake, most often because it has no cipher with forward secrecy.
    #[error("has no TLS version or cipher in common with us")]
    Handshake,
    /// What listens there does not speak TLS.
    #[error("does not speak TLS on this port")]
    NotTls,
    /// The connection broke, or could not be made for another reason.
    #[error("could not be reached, or closed the connection")]
    Broken,
    /// It has too much to do, or is starting.
    #[error("is busy or starting (HTTP {0})")]
    Busy(u16),
    /// Its certificate is not trusted.
    #[error("is not trusted: {0}")]
    Untrusted(Distrust),
    /// What it sent is not HTTP.
    #[error("does not speak HTTP")]
    NotHttp,
    /// It sent more than is read.
    #[error("sent more than 64 KiB")]
    Oversized,
    /// A status code that means nothing here.
    #[error("answered with HTTP {0}")]
    Status(u16),
    /// A web page where a document was asked for.
    #[error("answered with a web page")]
    WebPage,
    /// A document that is not taken.
    #[error("sent an answer that is not understood: {0}")]
    Document(XmlFlaw),
    /// An authorization page that is not followed.
    #[error("names an authorization page that is not followed: {0}")]
    AuthorizePage(UriFlaw),
}

impl Fault {
    /// The cause of a login that fails for this.
    pub(super) const fn cause(&self) -> Cause {
        match self {
            Self::Refused
            | Self::NoAddress
            | Self::TimedOut
            | Self::Handshake
            | Self::NotTls
            | Self::Broken
            | Self::Busy(_) => Cause::NodeUnreachable,
            Self::Untrusted(_) => Cause::CertificateUntrusted,
            Self::NotHttp
            | Self::Oversized
            | Self::Status(_)
            | Self::WebPage
            | Self::Document(_)
            | Self::AuthorizePage(_) => Cause::UnexpectedAnswer,
        }
    }

    /// Whether it may pass within minutes, without anybody doing anything.
    pub(super) const fn is_passing(&self) -> bool {
        match self {
            Self::Refused | Self::TimedOut | Self::Broken | Self::Busy(_) => true,
            Self::NoAddress
            | Self::Handshake
            | Self::NotTls
            | Self::Untrusted(_)
            | Self::NotHttp
            | Self::Oversized
            | Self::Status(_)
            | Self::WebPage
            | Self::Document(_)
            | Self::AuthorizePage(_) => false,
        }
    }
}

/// A fault and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Miss {
    /// The node, as `host:port`.
    pub node: String,
    /// What it did.
    pub fault: Fault,
}

impl fmt::Display for Miss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.node, self.fault)
    }
}

/// What all nodes did, in the order in which they were asked. Not empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Misses(Vec<Miss>);

impl Misses {
    pub(super) fn push(&mut self, node: &str, fault: Fault) {
        self.0.push(Miss { node: node.to_owned(), fault });
    }

    /// The miss that tells most about what to do: a certificate can be pinned, an odd answer can
    /// be looked at, a silence can only be waited for.
    pub(super) fn most_telling(&self) -> Option<&Miss> {
        let rank = |miss: &&Miss| match miss.fault.cause() {
            Cause::CertificateUntrusted => 0,
            Cause::UnexpectedAnswer => 1,
            _ => 2,
        };
        self.0.iter().min_by_key(rank)
    }

    /// The nodes that are not trusted, with the digests of their keys where they are known.
    pub(super) fn untrusted_keys(&self) -> impl Iterator<Item = (&str, SpkiPin)> {
        self.0.iter().filter_map(|miss| match &miss.fault {
            Fault::Untrusted(Distrust { pin: Some(pin), .. }) => Some((miss.node.as_str(), *pin)),
            _ => None,
        })
    }

    /// Whether asking again may help.
    pub(super) fn any_passing(&self) -> bool {
        self.0.iter().any(|miss| miss.fault.is_passing())
    }
}

impl fmt::Display for Misses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, miss) in self.0.iter().enumerate() {
            write!(f, "{}{miss}", if index == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn misses(faults: impl IntoIterator<Item = Fault>) -> Misses {
        let mut misses = Misses::default();
        for (index, fault) in faults.into_iter().enumerate() {
            misses.push(&format!("n{index}:8443"), fault);
        }
        misses
    }

    #[test]
    fn misses_read_as_one_sentence() {
        let misses = misses([Fault::Refused, Fault::Status(404)]);

        assert_eq!(
            misses.to_string(),
            "n0:8443 refused the connection; n1:8443 answered with HTTP 404"
        );
    }

    #[test]
    fn the_miss_that_somebody_can_act_on_is_the_most_telling() {
        let all = misses([Fault::Refused, Fault::WebPage, Fault::Status(404)]);

        assert_eq!(all.most_telling().map(|miss| miss.node.as_str()), Some("n1:8443"));
        assert_eq!(Misses::default().most_telling(), None);
    }

    #[test]
    fn only_silence_passes_by_itself() {
        assert!(misses([Fault::Status(404), Fault::Busy(503)]).any_passing());
        assert!(!misses([Fault::Status(404), Fault::NoAddress]).any_passing());
    }
}
