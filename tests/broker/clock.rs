//! A clock that stands still until a test moves it.

use std::{sync::Arc, time::Duration};

use tokio::sync::watch;
use ucsso::{broker::ports::Clock, domain::Timestamp};

#[derive(Debug, Clone)]
pub(crate) struct ManualClock(Arc<watch::Sender<Timestamp>>);

impl ManualClock {
    pub(crate) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(Timestamp::from_millis(1_700_000_000_000))))
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.0.send_modify(|now| *now = now.plus(by));
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.0.borrow()
    }

    fn wall_time(&self, at: Timestamp) -> Timestamp {
        at
    }

    async fn sleep_until(&self, at: Timestamp) {
        let mut now = self.0.subscribe();
        let _ = now.wait_for(|now| *now >= at).await;
    }
}
