//! One axis of time.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

/// A moment: milliseconds since the Unix epoch, as the broker's pessimistic clock counts them.
///
/// Arithmetic saturates: a lifetime from the network cannot overflow it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The moment this many milliseconds after the Unix epoch.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the Unix epoch.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// The moment `duration` later, to the millisecond.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
    }

    /// The moment `duration` earlier, to the millisecond.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
    }

    /// How long after `earlier` this moment is; zero if it is not after it.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// The same moment for the standard library.
    #[must_use]
    pub fn to_system_time(self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(self.0)
    }
}

/// Time that went by, in all, while nobody could do anything with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Gaps {
    /// How far the wall clock has jumped ahead of the boot clock: somebody set it, or a virtual
    /// machine was paused.
    pub jumped: Duration,
    /// How far it was moved against the boot clock, to and fro.
    pub moved: Duration,
    /// How long the machine slept.
    pub slept: Duration,
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03}", self.0 / 1000, self.0 % 1000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_saturates_at_both_ends() {
        let late = Timestamp::from_millis(u64::MAX);

        assert_eq!(late.plus(Duration::MAX), late);
        assert_eq!(Timestamp::default().since(late), Duration::ZERO);
        assert_eq!(late.since(Timestamp::default()), Duration::from_millis(u64::MAX));
    }

    #[test]
    fn a_moment_is_counted_in_milliseconds() {
        let moment = Timestamp::from_millis(1_000).plus(Duration::from_micros(2_500));

        assert_eq!(moment.as_millis(), 1_002);
        assert_eq!(format!("{moment:?}"), "1.002");
        assert_eq!(
            moment.to_system_time().duration_since(SystemTime::UNIX_EPOCH).unwrap(),
            Duration::from_millis(1_002)
        );
    }
}
