//! The lab, tried from outside with a plain client: it has to be what Cisco's documents say before
//! anything is tested against it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod authorize;
mod cumi;
mod discovery;
mod foreign_idp;
mod saml;
mod support;
mod uds;
mod walk;
