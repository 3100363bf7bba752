//! How the estate behaves, and misbehaves. All of it can be changed while the lab runs.
//!
//! The default is a Unified CM that works, as Cisco documents it. What Cisco does not document is
//! a switch, so that a client can be tried against each possibility.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// How the estate behaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Behaviour {
    /// How a node answers `/ssosp/ws/public/singleSignOn`.
    pub status_xml: StatusXml,
    /// This in place of the `Uri` in it, whatever it means.
    pub status_uri: Option<String>,
    /// The clusters, by name, on which single sign-on is switched off.
    pub sso_disabled: BTreeSet<String>,
    /// The nodes, by name, that hang up on everybody.
    pub down: BTreeSet<String>,
    /// How busy UDS and CUMI are.
    pub load: Load,
    /// Users, by id, who are not in the group *Standard CCM End Users*.
    pub outside_group: BTreeSet<String>,
    /// Whether Unified CM says whose a token is, at `/ssosp/user/whoami`. That there is such a path
    /// was told of release 15; what it answers is a guess.
    pub whoami: bool,
    /// How a redirect URI is compared with the registered ones.
    pub redirect_match: RedirectMatch,
    /// The clusters, by name, whose authorization page sends every browser on to that of another
    /// cluster.
    pub mix_ups: BTreeMap<String, MixUp>,
    /// Whether `state` is sent back. No Cisco document says that it is.
    pub echo_state: bool,
    /// What the redirect after a login looks like.
    pub redirect: RedirectShape,
    /// What a token looks like.
    pub token_format: TokenFormat,
    /// How long a node remembers a browser that has logged in. While it does, it does not ask
    /// the identity provider and hands out the same token again, with what is left of its life.
    /// Zero by default: every login goes to the identity provider.
    pub sp_session: Duration,
    /// How long the lab's identity provider remembers a browser; zero shows the form each time.
    pub idp_session: Duration,
    /// How the lab's identity provider answers.
    pub idp: IdpMood,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            status_xml: StatusXml::default(),
            status_uri: None,
            sso_disabled: BTreeSet::new(),
            down: BTreeSet::new(),
            load: Load::default(),
            outside_group: BTreeSet::new(),
            whoami: false,
            redirect_match: RedirectMatch::default(),
            mix_ups: BTreeMap::new(),
            echo_state: false,
            redirect: RedirectShape::default(),
            token_format: TokenFormat::default(),
            sp_session: Duration::ZERO,
            idp_session: Duration::from_hours(8),
            idp: IdpMood::default(),
        }
    }
}

/// A shape of the document at `/ssosp/ws/public/singleSignOn`. Cisco publishes none verbatim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum StatusXml {
    /// Without white space and without a namespace, as on known servers.
    #[default]
    Compact,
    /// Every element in a namespace, by prefix.
    Namespaced,
    /// Indented, with CR LF, the text of `Uri` on a line of its own.
    Spaced,
    /// With a byte order mark before it.
    Bom,
    /// `Uri` first, with unknown elements around it, and `TRUE` for `true`.
    Reordered,
    /// Single sign-on off, by an empty `Uri`.
    DisabledEmptyUri,
    /// With a document type and an entity.
    Dtd,
    /// A megabyte long.
    Huge,
    /// Cut in the middle.
    Truncated,
    /// A login page in HTML, with status 200.
    Html,
    /// Status 404, as before release 10.5.
    #[value(name = "404")]
    NotFound,
    /// Status 500.
    #[value(name = "500")]
    ServerError,
    /// Status 503, as while Tomcat starts.
    #[value(name = "503")]
    Unavailable,
    /// No answer at all.
    Hang,
    /// A `Uri` on a host of somebody else.
    ForeignUri,
    /// A `Uri` without TLS.
    HttpUri,
}

/// How busy UDS and CUMI are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Load {
    /// Not at all.
    #[default]
    Idle,
    /// Too busy to answer: status 503.
    Busy,
    /// CUMI takes requests and never answers them, so that its five places fill.
    Stalled,
}

/// How a redirect URI is compared with the registered ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RedirectMatch {
    /// Character by character.
    #[default]
    Exact,
    /// A registered URI is the beginning of it.
    Prefix,
    /// Any will do.
    Any,
}

/// A cluster that has been taken over and wants the tokens of another (RFC 9700 4.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MixUp {
    /// The name of the other cluster. It gets the authorization request as it came.
    pub towards: String,
    /// But with this redirect URI.
    pub redirect_uri: Option<String>,
}

/// What a token looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum TokenFormat {
    /// 51 characters: the base64url of `<node number>:<uuid>`; known to its issuing node alone.
    #[default]
    Opaque,
    /// About 2000 characters: a signed token around an encrypted one; any node takes it.
    Jwt,
}

/// How the lab's identity provider answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum IdpMood {
    /// It lets people in who know their password.
    #[default]
    Willing,
    /// It says no to everybody: a SAML response with a status other than success.
    Denies,
    /// It never answers.
    Silent,
}

/// What the redirect after a login looks like.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RedirectShape {
    /// Whether the parameters come in the opposite order, the token last.
    pub reversed: bool,
    /// Whether every byte of the values is percent-encoded.
    pub encoded: bool,
    /// Further parameters, at the end.
    pub extra: Vec<(String, String)>,
    /// What is said of the lifetime.
    pub expires_in: ExpiresIn,
    /// This in place of the token's text; it may be empty.
    pub token: Option<String>,
    /// An error in place of the token.
    pub error: Option<RedirectError>,
    /// The `Cache-Control` of the redirect.
    pub cache_control: Option<String>,
}

/// What the redirect says of the token's lifetime. The token itself always lives as configured.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ExpiresIn {
    /// The seconds that are left.
    #[default]
    Honest,
    /// Nothing.
    Missing,
    /// This, whatever it means.
    Literal(String),
}

/// An error in place of the token (RFC 6749 4.2.2.1). Never seen from Unified CM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedirectError {
    /// The value of `error`.
    pub error: String,
    /// Whether it is in the query in place of the fragment.
    pub in_query: bool,
}
