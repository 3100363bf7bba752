//! What is true: the words of this crate and the rules between them.
//!
//! Pure. Nothing here knows a task, a socket, a file, or what time it is: the time is an
//! argument of every decision. Nothing here knows Cisco either. Everything above may name
//! this room; it names nothing of ours.

mod cluster;
mod failure;
mod policy;
mod time;
mod token;

pub use cluster::{Cluster, ClusterName, InvalidClusterName};
pub use failure::{Cause, Failure, FailureKind};
pub use policy::{Policy, RenewMode};
pub use time::Timestamp;
pub use token::{Generation, Grant, Secret, Token};

mod attempt;
pub use attempt::{AttemptId, Manner, Verdict};
