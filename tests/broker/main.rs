//! The broker with a clock that stands still and a cluster that answers when told.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod api;
mod asking;
mod broken;
mod clock;
mod crowded;
mod gaps;
mod library;
mod login;
mod logins;
mod reload;
mod rig;
mod tokens;
mod vault;
mod watching;
