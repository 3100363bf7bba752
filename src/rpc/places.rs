//! Who is connected, and who has to leave when somebody else comes.
//!
//! Each connection has a place and belongs to a program, which has a share of the places and a
//! pace. Where no place is left, the connection goes that has been without a call for longest: one
//! that is of use to somebody stays. Called by `server` for each connection and by `calls` for each
//! call; knows nothing of HTTP/2.

use std::{
    collections::HashMap,
    fmt,
    future::Future as _,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use tokio::sync::Notify;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::{Limits, pace::Bucket};
use crate::{
    domain::Timestamp,
    sys::peer::{Program, Sight},
};

/// All connections.
pub(super) struct Places {
    limits: Limits,
    now: Box<dyn Fn() -> Timestamp + Send + Sync>,
    hall: Mutex<Hall>,
    /// Somebody has left, or has no call any more.
    stirring: Notify,
}

#[derive(Debug, Default)]
struct Hall {
    /// In the order in which they came.
    taken: Vec<Arc<Seat>>,
    /// All connections that are not known to be of a program share one account.
    programs: HashMap<Option<Program>, Arc<Account>>,
}

/// What one program has left of its pace.
#[derive(Debug, Default)]
struct Account(Mutex<Bucket>);

/// What there is for one who comes.
#[derive(Debug)]
pub(super) enum Entry {
    /// A place.
    Free(Place),
    /// None yet. There may be one when somebody [stirs](Places::stirs).
    Later,
    /// None: all that its program may have are in use.
    Crowded,
}

/// One connection, as the others see it.
#[derive(Debug)]
pub(super) struct Seat {
    places: Arc<Places>,
    account: Arc<Account>,
    stage: Mutex<Stage>,
    shed: CancellationToken,
}

#[derive(Debug, Clone, Copy)]
enum Stage {
    /// So many calls are open.
    Busy { calls: usize },
    /// No call is.
    Idle { since: Timestamp },
}

/// The place of a connection. Dropping it makes room for another.
#[derive(Debug)]
pub(super) struct Place {
    seat: Arc<Seat>,
    shed: Pin<Box<WaitForCancellationFutureOwned>>,
}

/// A call under way. Dropping it ends it.
#[derive(Debug)]
pub(super) struct Call(Arc<Seat>);

impl Places {
    pub(super) fn new(
        limits: Limits,
        now: impl Fn() -> Timestamp + Send + Sync + 'static,
    ) -> Arc<Self> {
        let (hall, stirring) = (Mutex::default(), Notify::new());
        Arc::new(Self { limits, now: Box::new(now), hall, stirring })
    }

    /// A place for a connection of this program. Where there is none, somebody is sent away.
    pub(super) fn enter(self: &Arc<Self>, sight: Sight) -> Entry {
        let now = (self.now)();
        let program = match sight {
            Sight::Running(program) => Some(program),
            Sight::Exited | Sight::Unknown => None,
        };
        let mut hall = lock(&self.hall);
        let Hall { taken, programs } = &mut *hall;
        programs
            .retain(|_, account| Arc::strong_count(account) > 1 || !lock(&account.0).is_full(now));
        let account = Arc::clone(programs.entry(program).or_default());
        let own = || taken.iter().filter(|seat| Arc::ptr_eq(&seat.account, &account));
        if own().count() >= self.limits.of_a_program {
            return if make_room(own()) { Entry::Later } else { Entry::Crowded };
        }
        if taken.len() >= self.limits.connections {
            make_room(taken.iter());
            return Entry::Later;
        }
        let shed = CancellationToken::new();
        let seat = Arc::new(Seat {
            places: Arc::clone(self),
            account,
            stage: Mutex::new(Stage::Idle { since: now }),
            shed: shed.clone(),
        });
        taken.push(Arc::clone(&seat));
        Entry::Free(Place { seat, shed: Box::pin(shed.cancelled_owned()) })
    }

    /// Returns once there may be a place where there was none.
    pub(super) async fn stirs(&self) {
        self.stirring.notified().await;
    }

    /// Sends away who has been idle for too long, and says when to look again, if anybody is here.
    pub(super) fn end_idle(&self) -> Option<Timestamp> {
        let (now, idle) = ((self.now)(), self.limits.idle);
        let ends = |seat: &Arc<Seat>| {
            let end = seat.idle_since().unwrap_or(now).plus(idle);
            if end <= now {
                seat.shed.cancel();
            }
            end.max(now.plus(idle / 100))
        };
        lock(&self.hall).taken.iter().map(ends).min()
    }
}

/// Sees to it that one of these seats will be free; says whether one will be.
fn make_room<'a>(seats: impl Iterator<Item = &'a Arc<Seat>> + Clone) -> bool {
    if seats.clone().any(|seat| seat.shed.is_cancelled()) {
        return true;
    }
    let idle = seats.filter_map(|seat| Some((seat.idle_since()?, seat)));
    let longest = idle.min_by_key(|(since, _)| *since);
    longest.inspect(|(_, seat)| seat.shed.cancel()).is_some()
}

impl Seat {
    /// A call of this connection.
    ///
    /// # Errors
    ///
    /// If its program has called too often: how long it has to wait.
    pub(super) fn call(self: &Arc<Self>) -> Result<Call, Duration> {
        lock(&self.account.0).take(self.places.limits.pace, (self.places.now)())?;
        let mut stage = lock(&self.stage);
        *stage = match *stage {
            Stage::Busy { calls } => Stage::Busy { calls: calls + 1 },
            Stage::Idle { .. } => Stage::Busy { calls: 1 },
        };
        drop(stage);
        Ok(Call(Arc::clone(self)))
    }

    fn idle_since(&self) -> Option<Timestamp> {
        match *lock(&self.stage) {
            Stage::Busy { .. } => None,
            Stage::Idle { since } => Some(since),
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let seat = &self.0;
        let mut stage = lock(&seat.stage);
        if let Stage::Busy { calls: calls @ 2.. } = &mut *stage {
            *calls -= 1;
            return;
        }
        *stage = Stage::Idle { since: (seat.places.now)() };
        drop(stage);
        seat.places.stirring.notify_one();
    }
}

impl Place {
    pub(super) fn seat(&self) -> Arc<Seat> {
        Arc::clone(&self.seat)
    }

    /// Ready once the connection has to go.
    pub(super) fn poll_shed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.shed.as_mut().poll(cx)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let places = &self.seat.places;
        lock(&places.hall).taken.retain(|seat| !Arc::ptr_eq(seat, &self.seat));
        places.stirring.notify_one();
    }
}

impl fmt::Debug for Places {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Places").field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// Nothing here can panic half-way through a change.
fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
