//! How programs ask: gRPC on a Unix socket.
//!
//! The contract is `proto/ucsso/v1`; the code generated from it is named nowhere above this room
//! but in `ctl`. `service`, `login` and `admin` have one function for each call and decide nothing;
//! `convert` and `refusal` are the tables between the words of `domain` and the wire, `not_taken` the
//! part of `refusal` that is about pasted addresses; `watch` has the streams of changes; `server`
//! accepts, within `limits`: `places` has who is connected and `held` one of them, `pace`
//! how fast a program may call, `calls` counts; `client` connects.

#[cfg(feature = "full")]
mod admin;
#[cfg(feature = "full")]
mod audit;
#[cfg(feature = "full")]
mod authority;
#[cfg(feature = "full")]
mod calls;
pub mod client;
mod codec;
#[cfg(feature = "full")]
mod convert;
#[cfg(feature = "full")]
mod deadline;
#[cfg(feature = "full")]
mod facts;
#[cfg(feature = "full")]
mod held;
#[cfg(feature = "full")]
mod hpack;
#[cfg(feature = "full")]
mod limits;
#[cfg(feature = "full")]
mod log_filter;
#[cfg(feature = "full")]
mod login;
#[cfg(feature = "full")]
mod not_taken;
#[cfg(feature = "full")]
mod pace;
#[cfg(feature = "full")]
mod places;
#[cfg(feature = "full")]
mod refusal;
#[cfg(feature = "full")]
mod server;
#[cfg(feature = "full")]
mod service;
#[cfg(feature = "full")]
mod watch;

#[cfg(feature = "full")]
pub use self::{
    admin::{Change, NotReloaded, Reload, Reloaded, Reloads},
    facts::ServerFacts,
    limits::Limits,
    log_filter::{FilterChange, LogFilter},
    pace::Pace,
    server::{Error, serve},
};

/// The domain of every `ErrorInfo`.
pub const ERROR_DOMAIN: &str = "ucsso.v1";
/// The key of an `ErrorInfo`'s metadata that has the problems of a configuration.
const PROBLEMS: &str = "problems";

/// The metadata key that every call carries. A relay that is tricked into connecting (a proxy, a
/// browser) cannot set it.
pub const METADATA_KEY: &str = "ucsso";
/// Its value.
pub const METADATA_VALUE: &str = "1";

/// The generated messages and services of `proto/ucsso/v1`.
#[expect(
    missing_docs,
    unused_qualifications,
    clippy::pedantic,
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    clippy::clone_on_ref_ptr,
    clippy::large_enum_variant,
    reason = "generated code"
)]
pub mod proto {
    tonic::include_proto!("ucsso.v1");

    /// The compiled definitions, for reflection.
    pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/ucsso.v1.bin"));
}

impl std::fmt::Debug for proto::Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Token")
            .field("access_token", &"..")
            .field("generation", &self.generation)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for proto::start_login_response::Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opened")
            .field("attempt", &self.attempt)
            .field("url", &"..")
            .field("browser_opened", &self.browser_opened)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for proto::CompleteLoginRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CompleteLoginRequest")
            .field("cluster", &self.cluster)
            .field("attempt", &self.attempt)
            .finish_non_exhaustive()
    }
}
