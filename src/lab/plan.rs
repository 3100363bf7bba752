//! What a lab is to be, before it is started.

use std::{collections::BTreeMap, time::Duration};

use super::{faults::Behaviour, recipe};

/// What a lab is to be.
#[derive(Debug, Clone)]
pub struct LabConfig {
    /// Where the hosts listen on 127.0.0.1.
    pub ports: Ports,
    /// How long a token lives: the enterprise parameter *OAuth Access Token Expiry Timer*.
    pub token_lifetime: Duration,
    /// The enterprise parameter *Redirect URIs for Third Party SSO Client* of each cluster.
    pub redirect_uris: BTreeMap<&'static str, Vec<String>>,
    /// Who says who a user is.
    pub idp: IdpChoice,
    /// What the nodes show at the TLS handshake.
    pub certificates: Certificates,
    /// Which versions of TLS the nodes speak.
    pub tls: TlsVersions,
    /// How the estate behaves at the start.
    pub behaviour: Behaviour,
}

impl Default for LabConfig {
    /// Any free ports, tokens of an hour as on a new Unified CM, and the redirect URIs of a
    /// broker on its usual port, 27443.
    fn default() -> Self {
        Self {
            ports: Ports::default(),
            token_lifetime: Duration::from_hours(1),
            redirect_uris: recipe::redirect_uris(recipe::REDIRECT_PORT),
            idp: IdpChoice::Own,
            certificates: Certificates::default(),
            tls: TlsVersions::default(),
            behaviour: Behaviour::default(),
        }
    }
}

/// A port for each host; 0 is any free one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ports {
    /// The publisher of the Unified CM cluster.
    pub cucm_pub: u16,
    /// Its subscriber.
    pub cucm_sub: u16,
    /// Unity Connection.
    pub cuc: u16,
    /// The lab's identity provider.
    pub idp: u16,
}

/// Who says who a user is.
#[derive(Debug, Clone)]
pub enum IdpChoice {
    /// The lab itself.
    Own,
    /// Somebody else's SAML 2.0 identity provider.
    Foreign {
        /// Its metadata.
        metadata_xml: String,
    },
}

/// What the nodes show at the TLS handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Certificates {
    /// A certificate for the node's name, signed by the lab's authority.
    #[default]
    Signed,
    /// One signed by itself that calls itself an authority, as appliances ship them.
    SelfSigned,
    /// One that ended yesterday.
    Expired,
    /// One for another host.
    WrongHost,
}

/// Which versions of TLS the nodes speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum TlsVersions {
    /// 1.2 and 1.3, as Unified CM 15SU2 and later.
    #[default]
    #[value(name = "1.3")]
    UpTo13,
    /// 1.2 alone, as those before.
    #[value(name = "1.2")]
    Only12,
}
