//! What chooses the lines of the log, as a caller may change it.
//!
//! The log is not this room's: the daemon passes what sets its filter. Called by `admin`.

use std::fmt;

use super::{audit::Caller, refusal::Refusal};

/// A filter in the place of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilterChange {
    /// What was in force.
    pub before: String,
    /// What is in force after it.
    pub now: String,
}

/// Sets the filter, or brings back that of the start where it is empty. What changes is announced
/// just before it does; whatever is refused, in a sentence, changes nothing.
type Set =
    dyn Fn(&str, &mut dyn FnMut(&FilterChange)) -> Result<FilterChange, String> + Send + Sync;

/// The filter of the log.
pub struct LogFilter(pub Box<Set>);

impl LogFilter {
    /// Sets it. The line about that is said where it can be heard: a filter that hides such lines
    /// hides its own coming only from a log that did not have them before.
    pub(super) fn set(&self, text: &str, caller: Option<&Caller>) -> Result<FilterChange, Refusal> {
        let tell = |change: &FilterChange| caller.is_none_or(|caller| caller.filters_log(change));
        let mut told = false;
        let change = (self.0)(text, &mut |change| told = tell(change));
        let change = change.map_err(Refusal::LogFilter)?;
        if !told {
            tell(&change);
        }
        Ok(change)
    }
}

impl fmt::Debug for LogFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogFilter").finish_non_exhaustive()
    }
}
