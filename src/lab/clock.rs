//! What time it is in the lab: the machine's time, and what a test has let pass.
//!
//! Every lifetime in the lab is measured here, so a token can be seen to expire without waiting.
//! Nothing else in the lab asks the system. Certificates alone are real: their readers ask their
//! own clocks.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, SystemTime},
};

/// The lab's clock. It goes forward only.
#[derive(Debug, Default)]
pub(super) struct Clock {
    ahead_millis: AtomicU64,
}

impl Clock {
    pub(super) fn now(&self) -> SystemTime {
        machine_time() + Duration::from_millis(self.ahead_millis.load(Ordering::Relaxed))
    }

    /// Lets `by` pass, to the millisecond.
    pub(super) fn advance(&self, by: Duration) {
        let millis = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.ahead_millis.fetch_add(millis, Ordering::Relaxed);
    }
}

/// The machine's time, for what is read by clocks other than the lab's.
#[expect(clippy::disallowed_methods, reason = "the lab stands for hosts with clocks of their own")]
pub(super) fn machine_time() -> SystemTime {
    SystemTime::now()
}
