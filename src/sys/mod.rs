//! What only the operating system can do, and safe Rust has no name for.
//!
//! The only room with `unsafe` code; `tests/architecture.rs` holds the others to that. Each file is
//! one small thing with a safe interface, and each `unsafe` block says why it is sound. Nothing in
//! here knows tokens, clusters or configuration. Called by `daemon`, and by whoever it lends a hand.
#![expect(unsafe_code, reason = "this room exists to keep it in one place")]

pub mod allocator;
pub mod hardening;
pub mod inherited;
pub mod locked;
pub mod notify;
pub mod peer;
pub mod timer;
