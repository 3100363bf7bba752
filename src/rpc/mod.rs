//! How programs ask: gRPC on a Unix socket.
//!
//! The contract is `proto/ucsso/v1`; the code generated from it is named nowhere above this room
//! but in `ctl`. `service`, `login` and `admin` have one function for each call and decide nothing;
//! `convert` and `refusal` are the tables between the words of `domain` and the wire, `not_taken` the
//! part of `refusal` that is about pasted addresses; `watch` has the streams of changes; `server`
//! accepts, within `limits`: `places` has who is connected and `held` one of them, `pace`
//! how fast a program may call, `calls` counts; `client` connects.

mod admin;
mod audit;
mod authority;
mod calls;
pub mod client;
mod codec;
mod convert;
mod deadline;
mod facts;
mod held;
mod hpack;
mod limits;
mod log_filter;
mod login;
mod not_taken;
mod pace;
mod places;
mod refusal;
mod server;
mod service;
mod watch;

pub use admin::{Change, NotReloaded, Reload, Reloaded, Reloads};
pub use facts::ServerFacts;
pub use limits::Limits;
pub use log_filter::{FilterChange, LogFilter};
pub use pace::Pace;
pub use refusal::ERROR_DOMAIN;
pub use server::{Error, serve};

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
