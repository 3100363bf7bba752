//! The one place that asks the operating system what time it is.
//!
//! The broker's time is pessimistic: the time since boot, suspends included, plus the furthest
//! that the wall clock has ever been ahead of it. So it never steps back, a clock set back revives
//! no token, a suspend always counts, and a clock set forward ends tokens rather early than late.

use std::{
    fs, io,
    os::fd::OwnedFd,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, SystemTime},
};

use rustix::time::{ClockId, TimerfdClockId, TimerfdTimerFlags, clock_gettime};
use tokio::io::unix::AsyncFd;
use tracing::warn;

use crate::{
    broker::{Broker, ports::Clock},
    domain::{Gaps, Timestamp},
    store::{BootId, Reading},
    sys::timer,
};

/// The clock of the running daemon.
#[derive(Debug, Clone)]
pub struct SystemClock {
    /// The furthest the wall clock has been ahead of the boot clock, in milliseconds.
    lead: Arc<AtomicU64>,
    /// How far it was ahead when it was last read, in milliseconds.
    ahead: Arc<AtomicU64>,
    /// How far it was moved against the boot clock in all, in milliseconds.
    moved: Arc<AtomicU64>,
    /// What was counted when the clock began.
    origin: Origin,
}

#[derive(Debug, Clone, Copy, Default)]
struct Origin {
    lead: u64,
    moved: u64,
    slept: u64,
}

/// Which boot this is. Where the kernel does not say, it is another one for each daemon.
static BOOT: LazyLock<BootId> = LazyLock::new(|| {
    let text = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let digits: String = text.chars().filter(char::is_ascii_hexdigit).collect();
    let mut random = [0; 16];
    aws_lc_rs::rand::fill(&mut random).expect("the system's random number generator works");
    BootId(u128::from_str_radix(&digits, 16).map_or(random, u128::to_be_bytes))
});

/// How long a sleep lasts at most where the kernel gives no timer: tokio's own stop in suspend.
const SLICE: Duration = Duration::from_secs(30);

impl SystemClock {
    /// A clock that begins with the wall clock's time.
    #[must_use]
    pub fn new() -> Self {
        let mut clock = Self {
            lead: Arc::default(),
            ahead: Arc::default(),
            moved: Arc::default(),
            origin: Origin::default(),
        };
        clock.now();
        clock.origin = Origin {
            lead: clock.lead.load(Relaxed),
            moved: clock.moved.load(Relaxed),
            slept: slept_millis(),
        };
        clock
    }

    /// This moment on all clocks, for whoever finds it written down later.
    #[must_use]
    pub fn reading(&self) -> Reading {
        let now = self.now();
        let since_boot = now.as_millis().saturating_sub(self.lead.load(Relaxed));
        Reading { boot: *BOOT, since_boot, now, wall: self.wall_time(now) }
    }

    /// Tells the broker of every time that somebody sets the wall clock or the machine wakes from
    /// sleep, for as long as it is polled.
    pub(super) async fn watch<C: Clock>(&self, broker: &Broker<C>) {
        loop {
            let moved = async {
                let set = set_timer()?;
                // Read after that, so that no change of the wall clock falls between the two.
                broker.note_gap();
                set.readable().await.map(drop)
            };
            if let Err(error) = moved.await {
                warn!(%error, "nothing tells when the clock is set");
                return;
            }
        }
    }

    async fn wait(&self, at: Timestamp) -> io::Result<()> {
        let set = set_timer()?;
        // Read after that, so that no change of the wall clock falls between the two.
        self.now();
        let on_boot_clock =
            Duration::from_millis(at.as_millis().saturating_sub(self.lead.load(Relaxed)));
        let due =
            timer::armed(TimerfdClockId::Boottime, on_boot_clock, TimerfdTimerFlags::ABSTIME)?;
        tokio::select! {
            ready = due.readable() => ready.map(drop),
            ready = set.readable() => ready.map(drop),
        }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let boot = boot_millis();
        let ahead = wall_millis().saturating_sub(boot);
        let moved = self.ahead.swap(ahead, Relaxed).abs_diff(ahead);
        if moved > 0 {
            self.moved.fetch_add(moved, Relaxed);
        }
        let lead = self.lead.fetch_max(ahead, Relaxed).max(ahead);
        Timestamp::from_millis(boot.saturating_add(lead))
    }

    fn gaps(&self) -> Gaps {
        let since = |now: u64, origin| Duration::from_millis(now.saturating_sub(origin));
        Gaps {
            jumped: since(self.lead.load(Relaxed), self.origin.lead),
            moved: since(self.moved.load(Relaxed), self.origin.moved),
            slept: since(slept_millis(), self.origin.slept),
        }
    }

    fn wall_time(&self, at: Timestamp) -> Timestamp {
        let ahead = self.now().as_millis().saturating_sub(wall_millis());
        Timestamp::from_millis(at.as_millis().saturating_sub(ahead))
    }

    async fn sleep_until(&self, at: Timestamp) {
        loop {
            let now = self.now();
            if now >= at {
                return;
            }
            if let Err(error) = self.wait(at).await {
                warn!(%error, "no timer could be had from the kernel");
                #[expect(
                    clippy::disallowed_methods,
                    reason = "the last resort of the clock itself"
                )]
                tokio::time::sleep(SLICE.min(at.since(now))).await;
            }
        }
    }
}

/// Fires only when the wall clock leaps - somebody sets it, or the machine wakes: its own time is
/// the year 2106.
fn set_timer() -> io::Result<AsyncFd<OwnedFd>> {
    timer::armed(
        TimerfdClockId::Realtime,
        Duration::from_secs(u32::MAX.into()),
        TimerfdTimerFlags::ABSTIME | TimerfdTimerFlags::CANCEL_ON_SET,
    )
}

fn boot_millis() -> u64 {
    millis_of(ClockId::Boottime)
}

/// How long the machine has slept since it started. Too little, rather than too much, for whoever
/// is held up between the two readings.
fn slept_millis() -> u64 {
    let boot = boot_millis();
    boot.saturating_sub(millis_of(ClockId::Monotonic))
}

fn millis_of(clock: ClockId) -> u64 {
    let now = clock_gettime(clock);
    let millis = now.tv_sec.saturating_mul(1000).saturating_add(now.tv_nsec / 1_000_000);
    u64::try_from(millis).unwrap_or_default()
}

fn wall_millis() -> u64 {
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the system")]
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn whoever_sleeps_until_a_time_wakes_at_it() {
        let clock = SystemClock::new();
        let at = clock.now().plus(Duration::from_millis(20));

        clock.sleep_until(at).await;

        assert!(clock.now() >= at);
        clock.sleep_until(Timestamp::from_millis(0)).await;
    }

    #[test]
    fn a_reading_is_of_one_moment_and_of_this_boot() {
        let clock = SystemClock::new();

        let (reading, later) = (clock.reading(), clock.reading());

        assert_eq!(reading.boot, later.boot);
        assert_ne!(reading.boot, BootId([0; 16]));
        let lead = |reading: &Reading| reading.now.as_millis().abs_diff(reading.since_boot);
        assert!(lead(&reading).abs_diff(lead(&later)) < 60_000);
        assert!(reading.now.since(reading.wall) < Duration::from_mins(1));
    }

    #[test]
    fn a_wall_clock_that_was_ahead_once_stays_in_the_count() {
        let clock = SystemClock::new();
        let before = clock.now();

        // As if the wall clock had been an hour ahead for a moment.
        clock.lead.fetch_add(3_600_000, Relaxed);

        let now = clock.now();
        assert!(now.since(before) >= Duration::from_hours(1));
        let shown = clock.wall_time(now).since(before);
        assert!(shown < Duration::from_mins(1), "what is shown follows the wall clock");
    }

    #[test]
    fn a_jump_is_told_of_and_what_was_before_the_clock_began_is_not() {
        let clock = SystemClock::new();
        assert!(clock.gaps().jumped < Duration::from_mins(1), "the wall clock is long ahead");
        assert!(clock.gaps().slept < Duration::from_mins(1));

        clock.lead.fetch_add(3_600_000, Relaxed);

        assert!(clock.gaps().jumped >= Duration::from_hours(1));
    }
}
