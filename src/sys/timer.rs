//! Timers of the kernel's: a wait of minutes that costs one wake-up.
//!
//! tokio keeps its own on a wheel, and wakes a process up to three times on the way to one that is
//! minutes away, to move it to a finer part of the wheel. That is nothing for a wait of seconds, and
//! most of what an idle daemon would do. Knows nothing of what is waited for. Called by `daemon` and
//! by the desktop's watch in `browser`.

use std::{future::pending, io, os::fd::OwnedFd, time::Duration};

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use tokio::{
    io::{Interest, unix::AsyncFd},
    time::timeout,
};

/// Returns when this time has passed. It stands still while the machine sleeps.
pub async fn after(time: Duration) {
    let elapsed = match armed(TimerfdClockId::Monotonic, time, TimerfdTimerFlags::empty()) {
        Ok(timer) => timer.readable().await.is_ok(),
        Err(_) => false,
    };
    // A process without a descriptor left has tokio's.
    if !elapsed {
        let _elapsed = timeout(time, pending::<()>()).await;
    }
}

/// A timer that is readable at a time of this clock, once.
///
/// # Errors
///
/// If the kernel gives none.
pub fn armed(
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

#[cfg(test)]
mod tests {
    use rustix::time::{ClockId, clock_gettime};

    use super::*;

    /// The wheel would not move either while tokio's time stands still.
    #[tokio::test(start_paused = true)]
    async fn a_wait_lasts_as_long_as_it_should_by_the_kernels_clock() {
        let nanos = |at: Timespec| at.tv_sec * 1_000_000_000 + at.tv_nsec;
        let before = nanos(clock_gettime(ClockId::Monotonic));

        after(Duration::from_millis(20)).await;
        after(Duration::ZERO).await;

        assert!(nanos(clock_gettime(ClockId::Monotonic)) - before >= 20_000_000);
    }
}
