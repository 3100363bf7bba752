//! When programs last used a cluster's token. Written by every caller without a message, so that
//! handing out a token costs the owner nothing.

use std::sync::{
    Arc,
    atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
};

use crate::domain::Timestamp;

#[derive(Debug, Default)]
pub(super) struct Uses {
    /// In milliseconds; zero before the first.
    last: AtomicU64,
    watchers: AtomicUsize,
}

impl Uses {
    pub(super) fn note(&self, at: Timestamp) {
        self.last.fetch_max(at.as_millis(), Relaxed);
    }

    /// The last use; now, while somebody watches.
    pub(super) fn latest(&self, now: Timestamp) -> Option<Timestamp> {
        if self.watchers.load(Relaxed) > 0 {
            return Some(now);
        }
        match self.last.load(Relaxed) {
            0 => None,
            millis => Some(Timestamp::from_millis(millis)),
        }
    }
}

/// As long as it lives, the token counts as used.
#[derive(Debug)]
pub struct Watching(Arc<Uses>);

impl Watching {
    pub(super) fn new(uses: &Arc<Uses>) -> Self {
        uses.watchers.fetch_add(1, Relaxed);
        Self(Arc::clone(uses))
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.0.watchers.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watcher_uses_the_token_all_the_time() {
        let at = Timestamp::from_millis;
        let uses = Arc::new(Uses::default());
        assert_eq!(uses.latest(at(9)), None);

        uses.note(at(5));
        uses.note(at(3));
        assert_eq!(uses.latest(at(9)), Some(at(5)));
        let watching = Watching::new(&uses);
        assert_eq!(uses.latest(at(9)), Some(at(9)));
        drop(watching);

        assert_eq!(uses.latest(at(9)), Some(at(5)));
    }
}
