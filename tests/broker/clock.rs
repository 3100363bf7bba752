//! A clock that stands still until a test moves it.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::sync::watch;
use ucsso::{
    broker::ports::Clock,
    domain::{Gaps, Timestamp},
};

#[derive(Debug, Clone)]
pub(crate) struct ManualClock {
    time: Arc<watch::Sender<Timestamp>>,
    stall: Arc<Mutex<Duration>>,
    gaps: Arc<Mutex<Gaps>>,
}

impl ManualClock {
    pub(crate) fn new() -> Self {
        let beginning = Timestamp::from_millis(1_700_000_000_000);
        Self {
            time: Arc::new(watch::Sender::new(beginning)),
            stall: Arc::default(),
            gaps: Arc::default(),
        }
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.time.send_modify(|now| *now = now.plus(by));
    }

    /// Sets the wall clock forward by this much, further than it ever was.
    pub(crate) fn jump(&self, by: Duration) {
        self.gaps.lock().unwrap().jumped += by;
        self.wander(by);
        self.advance(by);
    }

    /// Sets the wall clock by this much, to where it has been.
    pub(crate) fn wander(&self, by: Duration) {
        self.gaps.lock().unwrap().moved += by;
    }

    /// Lets the machine sleep for this long.
    pub(crate) fn sleep(&self, length: Duration) {
        self.gaps.lock().unwrap().slept += length;
        self.advance(length);
    }

    /// Lets this much time pass right after the next reading, as if the reader were held up.
    pub(crate) fn stall_after_next_reading(&self, by: Duration) {
        *self.stall.lock().unwrap() = by;
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        let now = *self.time.borrow();
        let stall = std::mem::take(&mut *self.stall.lock().unwrap());
        if !stall.is_zero() {
            self.advance(stall);
        }
        now
    }

    fn gaps(&self) -> Gaps {
        *self.gaps.lock().unwrap()
    }

    fn wall_time(&self, at: Timestamp) -> Timestamp {
        at
    }

    async fn sleep_until(&self, at: Timestamp) {
        let mut now = self.time.subscribe();
        let _ = now.wait_for(|now| *now >= at).await;
    }
}
