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

use rustix::time::{
    ClockId, Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, clock_gettime,
    timerfd_create, timerfd_settime,
};
use tokio::io::{Interest, unix::AsyncFd};
use tracing::warn;

use crate::{
    broker::ports::Clock,
    domain::Timestamp,
    store::{BootId, Reading},
};

/// The clock of the running daemon.
#[derive(Debug, Clone)]
pub struct SystemClock {
    /// The furthest the wall clock has been ahead of the boot clock, in milliseconds.
    lead: Arc<AtomicU64>,
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
        let clock = Self { lead: Arc::default() };
        clock.now();
        clock
    }

    /// This moment on all clocks, for whoever finds it written down later.
    #[must_use]
    pub fn reading(&self) -> Reading {
        let now = self.now();
        let since_boot = now.as_millis().saturating_sub(self.lead.load(Relaxed));
        Reading { boot: *BOOT, since_boot, now, wall: self.wall_time(now) }
    }

    async fn wait(&self, at: Timestamp) -> io::Result<()> {
        // Fires only when somebody sets the wall clock: its own time is the year 2106.
        let set = timer(
            TimerfdClockId::Realtime,
            Duration::from_secs(u32::MAX.into()),
            TimerfdTimerFlags::ABSTIME | TimerfdTimerFlags::CANCEL_ON_SET,
        )?;
        // Read after that, so that no change of the wall clock falls between the two.
        self.now();
        let on_boot_clock =
            Duration::from_millis(at.as_millis().saturating_sub(self.lead.load(Relaxed)));
        let due = timer(TimerfdClockId::Boottime, on_boot_clock, TimerfdTimerFlags::ABSTIME)?;
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
        let lead = self.lead.fetch_max(ahead, Relaxed).max(ahead);
        Timestamp::from_millis(boot.saturating_add(lead))
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

fn timer(
    clock: TimerfdClockId,
    at: Duration,
    flags: TimerfdTimerFlags,
) -> io::Result<AsyncFd<OwnedFd>> {
    let fd = timerfd_create(clock, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
    // A zero would disarm it.
    let at = at.max(Duration::from_nanos(1));
    let once = Timespec { tv_sec: 0, tv_nsec: 0 };
    let at = Timespec {
        tv_sec: i64::try_from(at.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: at.subsec_nanos().into(),
    };
    timerfd_settime(&fd, flags, &Itimerspec { it_interval: once, it_value: at })?;
    #[expect(
        deprecated,
        reason = "an `OwnedFd` stays open as long as it is registered; the successor is `unsafe`"
    )]
    AsyncFd::with_interest(fd, Interest::READABLE)
}

fn boot_millis() -> u64 {
    let now = clock_gettime(ClockId::Boottime);
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
}
