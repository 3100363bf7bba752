//! What the times of a record mean to the daemon that finds it.
//!
//! The broker's clock is the time since boot and how far the wall clock was ever ahead of that.
//! Within one boot that goes on: the record says how far it had been, so a wall clock that was set
//! back in between revives nothing. After another boot there is the wall clock alone, and where
//! that contradicts the record the cluster has the word. The times that come out are those of the
//! new daemon's clock.

use std::time::Duration;

use super::Record;
use crate::domain::{Held, Lapse, Timestamp};

/// How far a wall clock may be behind the time at which a token was obtained.
const TOLERANCE: Duration = Duration::from_mins(5);

/// Which boot of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BootId(pub [u8; 16]);

/// One moment on all clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// Since which boot the next one counts.
    pub boot: BootId,
    /// Milliseconds since boot, suspends included.
    pub since_boot: u64,
    /// The broker's time.
    pub now: Timestamp,
    /// The wall clock's.
    pub wall: Timestamp,
}

impl Reading {
    /// How far the broker's time is ahead of the boot clock.
    const fn lead(&self) -> u64 {
        self.now.as_millis().saturating_sub(self.since_boot)
    }

    /// Whether `earlier` is of the same boot. A clock that has gone back since then began anew,
    /// whatever the kernel calls it.
    fn continues(&self, earlier: &Self) -> bool {
        self.boot == earlier.boot && self.since_boot >= earlier.since_boot
    }
}

impl Record {
    /// Whether another record was written after this one. Records of this boot are newer than any
    /// other, and among them the clock says which is; their numbers begin anew where the one medium
    /// that has them cannot be read.
    pub(super) fn is_older_than(&self, other: &Self, now: &Reading) -> bool {
        let age = |record: &Self| {
            let since_boot = now.continues(&record.written).then_some(record.written.since_boot);
            (since_boot, record.serial)
        };
        age(self) < age(other)
    }

    /// What is held of it now, and whether the clock contradicts that.
    pub(super) fn restore(&self, reading: &Reading) -> (Held, bool) {
        let Ok(token) = &self.held.token else { return (self.held.clone(), false) };
        // The time now as the clock of the record counts it.
        let (now, tolerance) = if reading.continues(&self.written) {
            let went_on = reading.since_boot.saturating_add(self.written.lead());
            (reading.now.max(Timestamp::from_millis(went_on)), Duration::ZERO)
        } else {
            let ahead = self.written.now.since(self.written.wall);
            (reading.wall.plus(ahead), TOLERANCE)
        };
        let in_doubt = now.plus(tolerance) < token.grant.obtained_at;
        let lifetime = token.lifetime();
        let remaining = token.remaining(now).min(lifetime);
        if remaining.is_zero() {
            return (Held { token: Err(Lapse::Expired), ..self.held.clone() }, false);
        }
        let mut token = token.clone();
        token.grant.expires_at = reading.now.plus(remaining);
        token.grant.obtained_at = reading.now.minus(lifetime.saturating_sub(remaining));
        (Held { token: Ok(token), ..self.held.clone() }, in_doubt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing::{record, token};

    const HOUR: u64 = 3_600_000;

    /// The record's token was obtained when it was written and lives an hour.
    fn written() -> Record {
        let mut record = record();
        record.written = reading(1, 50_000, 1_000 * HOUR);
        record.held.token = Ok(token(1_000 * HOUR, 1_001 * HOUR));
        record
    }

    /// A moment of which the broker's clock and the wall clock say the same.
    fn reading(boot: u8, since_boot: u64, wall: u64) -> Reading {
        let at = Timestamp::from_millis(wall);
        Reading { boot: BootId([boot; 16]), since_boot, now: at, wall: at }
    }

    /// How much of the hour is left, in milliseconds from now, and whether it is in doubt.
    fn left(record: &Record, reading: &Reading) -> Option<(u64, bool)> {
        let (held, in_doubt) = record.restore(reading);
        let token = held.token.ok()?;
        assert_eq!(token.lifetime(), Duration::from_millis(HOUR), "counted from when it began");
        Some((token.grant.expires_at.as_millis() - reading.now.as_millis(), in_doubt))
    }

    #[test]
    fn within_one_boot_the_time_since_boot_counts() {
        let written = written();
        let after = |passed: u64, wall: u64| left(&written, &reading(1, 50_000 + passed, wall));

        assert_eq!(after(0, 1_000 * HOUR), Some((HOUR, false)));
        assert_eq!(after(60_000, 1_000 * HOUR + 60_000), Some((HOUR - 60_000, false)));
        assert_eq!(
            after(60_000, HOUR),
            Some((HOUR - 60_000, false)),
            "the wall clock was set back"
        );
        assert_eq!(after(HOUR - 1, 900 * HOUR), Some((1, false)));
        assert_eq!(after(HOUR, 900 * HOUR), None);
        assert_eq!(after(0, 1_001 * HOUR), None, "the wall clock was set forward");
    }

    #[test]
    fn a_clock_that_ran_ahead_before_still_does() {
        let mut written = written();
        // The wall clock had been a day ahead for a moment, and was right again.
        written.written.now = Timestamp::from_millis(1_024 * HOUR);
        written.held.token = Ok(token(1_024 * HOUR, 1_025 * HOUR));

        let now = reading(1, 50_000 + 60_000, 1_000 * HOUR + 60_000);
        let rebooted = reading(2, 50_000, 1_000 * HOUR + 60_000);

        assert_eq!(left(&written, &now), Some((HOUR - 60_000, false)));
        assert_eq!(left(&written, &rebooted), Some((HOUR - 60_000, false)));
    }

    #[test]
    fn after_another_boot_the_wall_clock_counts_and_may_contradict() {
        let written = written();
        let at = |wall: u64| left(&written, &reading(2, 1_000, wall));

        assert_eq!(at(1_000 * HOUR + 60_000), Some((HOUR - 60_000, false)));
        assert_eq!(at(1_001 * HOUR - 1), Some((1, false)));
        assert_eq!(at(1_001 * HOUR), None);
        assert_eq!(at(1_000 * HOUR - 300_000), Some((HOUR, false)), "a few minutes are no matter");
        assert_eq!(at(1_000 * HOUR - 300_001), Some((HOUR, true)));
        assert_eq!(at(0), Some((HOUR, true)), "never more than the lifetime");
    }

    #[test]
    fn a_boot_clock_that_went_back_began_anew() {
        let now = reading(1, 49_999, 1_000 * HOUR + 60_000);

        assert_eq!(left(&written(), &now), Some((HOUR - 60_000, false)));
        assert_eq!(left(&written(), &reading(1, 49_999, 1_002 * HOUR)), None);
    }

    #[test]
    fn what_is_no_token_stays_what_it_is() {
        for lapse in [Lapse::LoggedOut, Lapse::NeverLoggedIn] {
            let mut record = written();
            record.held.token = Err(lapse);

            assert_eq!(record.restore(&reading(2, 0, 0)), (record.held.clone(), false));
        }
    }
}
