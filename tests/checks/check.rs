//! What a check is: an id, a name, and figures with their limits; and the one line it prints.
//!
//! `S# name value limit PASS|FAIL`, five words. Details go to standard error, by whoever knows them.

use std::{
    fmt::Display,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    time::Duration,
};

/// One row of the scorecard.
pub(crate) struct Check {
    pub(crate) id: &'static str,
    pub(crate) name: &'static str,
    /// Whether it takes over a minute.
    pub(crate) long: bool,
    pub(crate) run: fn() -> Run,
}

/// A check under way.
pub(crate) type Run = Pin<Box<dyn Future<Output = Vec<Figure>>>>;

impl Check {
    /// Runs it, prints its line, and returns whether every figure is within its limit. One that
    /// panics has failed; what it said is on standard error.
    pub(crate) fn passes(&self) -> bool {
        let Self { id, name, .. } = self;
        let figures = catch_unwind(AssertUnwindSafe(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on((self.run)())
        }));
        let Ok(figures) = figures else {
            anstream::println!("{id} {name} broke-off runs-to-its-end FAIL");
            return false;
        };
        let joined = |of: fn(&Figure) -> &String| {
            figures.iter().map(|figure| of(figure).as_str()).collect::<Vec<_>>().join(",")
        };
        let (value, limit) = (joined(|figure| &figure.value), joined(|figure| &figure.limit));
        let passed = figures.iter().all(|figure| figure.holds);
        let verdict = if passed { "PASS" } else { "FAIL" };
        anstream::println!("{id} {name} {value} {limit} {verdict}");
        passed
    }
}

/// Something that was measured, and what it may be.
#[derive(Debug)]
pub(crate) struct Figure {
    value: String,
    limit: String,
    holds: bool,
}

impl Figure {
    /// Has to be just this.
    pub(crate) fn exactly(what: &str, found: usize, wanted: usize) -> Self {
        Self::new(what, found, "=", wanted, found == wanted)
    }

    /// May be this, or less.
    pub(crate) fn at_most(what: &str, found: usize, most: usize) -> Self {
        Self::new(what, found, "<=", most, found <= most)
    }

    /// Has to be this, or more. For what shows that a check can fail.
    pub(crate) fn at_least(what: &str, found: usize, least: usize) -> Self {
        Self::new(what, found, ">=", least, found >= least)
    }

    /// Has to be sooner than this.
    pub(crate) fn sooner(what: &str, took: Duration, limit: Duration) -> Self {
        let millis = |time: Duration| format!("{:.1}ms", time.as_secs_f64() * 1e3);
        Self::new(what, millis(took), "<", millis(limit), took < limit)
    }

    /// As another run of the check has found it.
    pub(crate) fn told(value: &str, limit: &str, holds: bool) -> Self {
        Self { value: value.to_owned(), limit: limit.to_owned(), holds }
    }

    fn new(
        what: &str,
        found: impl Display,
        relation: &str,
        limit: impl Display,
        holds: bool,
    ) -> Self {
        Self { value: format!("{what}={found}"), limit: format!("{what}{relation}{limit}"), holds }
    }
}
