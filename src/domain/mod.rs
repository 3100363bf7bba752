//! What is true: the words of this crate and the rules between them.
//!
//! Pure. Nothing here knows a task, a socket, a file, or what time it is: the time is an
//! argument of every decision. Nothing here knows Cisco either. Everything above may name
//! this room; it names nothing of ours.

mod attempt;
mod cluster;
#[cfg(test)]
mod endings;
mod failure;
#[cfg(test)]
mod fixtures;
mod lifecycle;
mod policy;
#[cfg(test)]
mod properties;
mod state;
mod time;
mod token;
#[cfg(test)]
mod transitions;

pub use attempt::{Attempt, AttemptId, Manner, Stage, Tally, Verdict};
pub use cluster::{Cluster, ClusterName, InvalidClusterName};
pub use failure::{Cause, Failure, FailureKind};
pub use lifecycle::Lifecycle;
pub use policy::{Policy, RenewMode, default_validity};
pub use state::{Effect, Event, Lapse, Pause, State};
pub use time::Timestamp;
pub use token::{Generation, Grant, Secret, Token};
