//! How fast a program may call: a bucket of calls that refills steadily.
//!
//! A program in a loop that asks again at once would keep the daemon from everybody else. Pure: who
//! calls, it does not know. Called by `places`.

use std::time::Duration;

use crate::domain::Timestamp;

/// How many calls there may be, in the long run and at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Calls a second, at most a thousand.
    pub a_second: u32,
    /// Calls that a program which has been quiet may make at once.
    pub at_once: u32,
}

impl Pace {
    fn interval(self) -> Duration {
        Duration::from_secs(1) / self.a_second.max(1)
    }
}

/// What is left of one program's calls. It is kept as the moment at which the bucket is full again:
/// each call puts that off.
#[derive(Debug, Default)]
pub(super) struct Bucket {
    full_at: Timestamp,
}

impl Bucket {
    /// Takes a call out of it.
    ///
    /// # Errors
    ///
    /// If it is empty: how long it is until there is one again.
    pub(super) fn take(&mut self, pace: Pace, now: Timestamp) -> Result<(), Duration> {
        let full_at = self.full_at.max(now).plus(pace.interval());
        let latest = now.plus(pace.interval() * pace.at_once);
        if full_at > latest {
            return Err(full_at.since(latest));
        }
        self.full_at = full_at;
        Ok(())
    }

    /// Whether it is as good as a new one.
    pub(super) fn is_full(&self, now: Timestamp) -> bool {
        self.full_at <= now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACE: Pace = Pace { a_second: 50, at_once: 200 };

    fn taken(bucket: &mut Bucket, now: Timestamp) -> usize {
        std::iter::from_fn(|| bucket.take(PACE, now).ok()).take(10_000).count()
    }

    #[test]
    fn a_quiet_program_may_call_often_at_once_and_then_steadily() {
        let (mut bucket, start) = (Bucket::default(), Timestamp::from_millis(1_000_000));

        assert_eq!(taken(&mut bucket, start), 200);
        assert_eq!(bucket.take(PACE, start), Err(Duration::from_millis(20)));
        assert_eq!(taken(&mut bucket, start.plus(Duration::from_secs(1))), 50);
        assert_eq!(taken(&mut bucket, start.plus(Duration::from_hours(1))), 200);
    }

    #[test]
    fn whoever_waits_as_long_as_told_may_call() {
        let (mut bucket, mut now) = (Bucket::default(), Timestamp::from_millis(1_000_000));
        taken(&mut bucket, now);

        for _ in 0..100 {
            now = now.plus(bucket.take(PACE, now).unwrap_err());
            assert_eq!(bucket.take(PACE, now), Ok(()));
        }
    }

    #[test]
    fn it_is_full_once_nobody_has_called_for_long_enough() {
        let (mut bucket, start) = (Bucket::default(), Timestamp::from_millis(1_000_000));
        assert!(bucket.is_full(start));
        taken(&mut bucket, start);

        assert!(!bucket.is_full(start.plus(Duration::from_millis(3_999))));
        assert!(bucket.is_full(start.plus(Duration::from_secs(4))));
    }
}
