//! A token broker for Cisco Unified Communications single sign-on.
//!
//! A pure machine decides, one task per cluster obeys, thin rooms at the edges speak gRPC, Cisco
//! and browser. The rooms, from the ground up; a room may name only rooms on lower floors, and
//! `tests/architecture.rs` holds them to it:
//!
//! | floor | room | owns |
//! | --- | --- | --- |
//! | 0 | [`domain`] | what is true: the lifecycle of a token, as a pure machine |
//! | 0 | [`chain`] | an error and its sources, on one line |
//! | 0 | [`paths`] | every path, once |
//! | 0 | [`loopback`] | the origins to which a redirect can lead |
//! | 0 | [`private`] | this user's own files: opened safely, written whole |
//! | 0 | [`sys`] | what only the operating system can do; the only `unsafe` code |
//! | 0 | [`telemetry`] | where log lines go |
//! | 1 | [`identity`] | the certificate of a redirect by https |
//! | 1 | [`broker`] | who does what: a task for each cluster, and the handles of callers |
//! | 1 | [`config`] | what the operator wants |
//! | 2 | [`browser`] | how a human is asked: the loopback listener and its pages |
//! | 2 | [`store`] | how tokens survive the process |
//! | 2 | [`rpc`] | how programs ask: gRPC on a Unix socket |
//! | 3 | [`cisco`] | how Cisco speaks: discovery, authorization, redirect, verification |
//! | 3 | [`client`] | the library of programs that want a token |
//! | 4 | [`daemon`] | how it is put together; the only place where concrete types meet |
//! | 4 | [`ctl`] | the command line |
//! | 4 | [`lab`] | a UC estate in a box, to try and test against |
//! | 5 | [`manual`] | the pages of the manual, from the command lines and the example |
//!
//! Start reading in `domain/lifecycle.rs`, then `broker/actor.rs`, then `cisco/mod.rs`.

#[cfg(all(feature = "insecure-test-no-nonce", not(debug_assertions)))]
compile_error!("`insecure-test-no-nonce` is for tests: it lets anybody's token in");

#[cfg(feature = "full")]
pub mod broker;
#[cfg(feature = "full")]
pub mod browser;
#[cfg(feature = "full")]
pub mod chain;
#[cfg(feature = "full")]
pub mod cisco;
#[cfg(feature = "client")]
pub mod client;
#[cfg(feature = "full")]
pub mod config;
#[cfg(feature = "full")]
pub mod ctl;
#[cfg(feature = "full")]
pub mod daemon;
#[cfg(feature = "full")]
pub mod domain;
#[cfg(feature = "full")]
pub mod identity;
#[cfg(feature = "full")]
pub mod lab;
#[cfg(feature = "full")]
pub mod loopback;
#[cfg(feature = "full")]
pub mod manual;
#[cfg(feature = "client")]
pub mod paths;
#[cfg(feature = "full")]
pub mod private;
#[cfg(feature = "client")]
pub mod rpc;
#[cfg(feature = "full")]
pub mod store;
#[cfg(feature = "full")]
pub mod sys;
#[cfg(feature = "full")]
pub mod telemetry;

/// The Rust in the README compiles.
#[cfg(all(doctest, feature = "full"))]
#[doc = include_str!("../README.md")]
struct Readme;
