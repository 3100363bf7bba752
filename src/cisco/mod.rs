//! How Cisco speaks: from a cluster's nodes to a verified token. Implements `Login`.
//!
//! Each step of a login has a file. Cisco's own words live here and in the documents, nowhere
//! else. Never in here: when a login is due, what a failure means for the next one, or what
//! a page looks like. Put together by `daemon`, called by `broker` through its `Login` port.

mod authorize;
mod edge;
mod fault;
mod lifetime;
mod names;
mod redirect;
mod state;
#[cfg(test)]
mod testing;
mod trust;
mod xml;

pub use authorize::UriFlaw;
pub use fault::{Fault, Miss, Misses};
pub use lifetime::LifetimeFlaw;
pub use redirect::{Denial, RedirectFlaw};
pub use trust::{CaFileFlaw, Distrust, DistrustReason};
pub use xml::XmlFlaw;
