//! What is true: the words of this crate and the rules between them.
//!
//! Pure. Nothing here knows a task, a socket, a file, or what time it is: the time is an
//! argument of every decision. Nothing here knows Cisco either. Everything above may name
//! this room; it names nothing of ours.

#[cfg(test)]
mod asking;
mod attempt;
mod budget;
mod cluster;
mod due;
#[cfg(test)]
mod endings;
mod failure;
#[cfg(test)]
mod fixtures;
mod held;
mod lifecycle;
#[cfg(test)]
mod notices;
mod pause;
mod policy;
#[cfg(test)]
mod properties;
mod reconfigured;
mod state;
mod time;
mod token;
#[cfg(test)]
mod transitions;
#[cfg(test)]
mod world;

pub use attempt::{Attempt, AttemptId, Manner, Occasion, Stage, Tally, Verdict};
pub use budget::{Budget, Presence, Reserve, WindowId};
pub use cluster::{Cluster, ClusterName, Fingerprint, InvalidClusterName};
pub use due::Notice;
pub use failure::{Cause, Failure, FailureKind};
pub use held::{Held, Learned, Past};
pub use lifecycle::Lifecycle;
pub use pause::{Pause, Remembered};
pub use policy::{LONGEST_SNOOZE, Policy, RenewMode, UNANSWERED, default_validity};
pub use state::{Effect, Event, Lapse, State};
pub use time::{Gaps, Timestamp};
pub use token::{Generation, Grant, Secret, Token};
