//! Who may have the human's one window now, and whether a new one may be opened for them.
//!
//! The window is one for all clusters: a human can only log in to one thing at a time. What may be
//! asked of them is `domain::Budget`'s to say; this is its one owner. Where a login has ended well,
//! the tab it ended in is passed on to whoever waits.

use std::sync::{
    Arc, Mutex, MutexGuard,
    atomic::{AtomicUsize, Ordering::SeqCst},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::ports::{Clock, Tab};
use crate::domain::{Budget, Gaps, Manner, Occasion, Presence, Reserve, Timestamp, WindowId};

/// The one window, the queue for it, and the budget.
#[derive(Debug)]
pub struct Desk {
    window: Arc<Semaphore>,
    /// How many of those who wait could go on in somebody's tab.
    waiting: AtomicUsize,
    tab: Mutex<Option<Tab>>,
    budget: Mutex<Budget>,
    news: watch::Sender<News>,
}

/// What the owners of the clusters look up for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct News {
    /// Counts what may change the leave.
    changes: u64,
    /// Counts the windows that were opened.
    pub(super) opened: u64,
}

impl Desk {
    pub(super) fn new(budget: Budget) -> Self {
        Self {
            window: Arc::new(Semaphore::new(1)),
            waiting: AtomicUsize::new(0),
            tab: Mutex::default(),
            budget: Mutex::new(budget),
            news: watch::Sender::default(),
        }
    }

    /// Whether a login may begin by itself, on any cluster. While a window is open, to wait for
    /// its tab costs the human nothing; whether there is one shows when its login has ended.
    pub(super) fn leave(&self, now: Timestamp) -> Result<(), Reserve> {
        if self.window.available_permits() == 0 { Ok(()) } else { self.budget().leave(now) }
    }

    /// Why no new window may be opened by itself.
    pub(super) fn reserve(&self, now: Timestamp) -> Option<Reserve> {
        self.budget().leave(now).err()
    }

    /// How many windows may still be opened by themselves before one is answered.
    pub(super) fn windows_left(&self, now: Timestamp) -> usize {
        self.budget().windows_left(now)
    }

    /// When the windows were opened that count against the budget.
    pub(super) fn counted(&self, now: Timestamp) -> Vec<Timestamp> {
        self.budget().counted(now)
    }

    pub(super) fn note_presence(&self, presence: Presence) {
        self.budget().note_presence(presence);
        self.call();
    }

    pub(super) fn note_wake(&self, now: Timestamp) {
        self.budget().note_wake(now);
        self.call();
    }

    /// Takes what gaps there were, in all, up to a time.
    pub(super) fn note_gaps(&self, gaps: Gaps, now: Timestamp) {
        self.budget().note_gaps(gaps, now);
    }

    /// Has the owners of all clusters look up.
    pub(super) fn call(&self) {
        self.news.send_modify(|news| news.changes += 1);
    }

    pub(super) fn news(&self) -> watch::Receiver<News> {
        self.news.subscribe()
    }

    /// The window, if it is free now and the attempt may have it without a tab to go on in.
    pub(super) fn seat_now(self: &Arc<Self>, occasion: Occasion) -> Option<Seat> {
        let window = Arc::clone(&self.window).try_acquire_owned().ok()?;
        (occasion != Occasion::InPassing).then(|| self.seated(window, occasion, None))
    }

    /// Waits for the window. First come, first served. `None` if at its turn the attempt may not
    /// ask the human.
    ///
    /// # Cancel safety
    ///
    /// Whoever stops waiting loses the place, and nothing else.
    pub(super) async fn seat<C: Clock>(
        self: &Arc<Self>,
        manner: Manner,
        occasion: Occasion,
        clock: &C,
    ) -> Option<Seat> {
        let goes_on = manner == Manner::OpenBrowser;
        let place = goes_on.then(|| Place::new(&self.waiting));
        let window = Arc::clone(&self.window).acquire_owned().await;
        let window = window.expect("the desk never closes its semaphore");
        drop(place);
        // Whoever cannot use it sends the page to its end by dropping it.
        let tab = self.tab().take().filter(|tab| goes_on && tab.waits());
        let may = match occasion {
            Occasion::Asked => true,
            Occasion::ByItself => tab.is_some() || self.budget().leave(clock.now()).is_ok(),
            Occasion::InPassing => tab.is_some(),
        };
        may.then(|| self.seated(window, occasion, tab))
    }

    fn seated(
        self: &Arc<Self>,
        window: OwnedSemaphorePermit,
        occasion: Occasion,
        tab: Option<Tab>,
    ) -> Seat {
        let desk = Arc::clone(self);
        Seat { desk, _window: window, occasion, tab, opened: Mutex::default() }
    }

    fn budget(&self) -> MutexGuard<'_, Budget> {
        self.budget.lock().expect("nobody panics while holding the lock")
    }

    fn tab(&self) -> MutexGuard<'_, Option<Tab>> {
        self.tab.lock().expect("nobody panics while holding the lock")
    }
}

/// A place in the queue, until it is dropped.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn new(waiting: &'a AtomicUsize) -> Self {
        waiting.fetch_add(1, SeqCst);
        Self(waiting)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

/// The right to the window, until it is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    desk: Arc<Desk>,
    _window: OwnedSemaphorePermit,
    occasion: Occasion,
    tab: Option<Tab>,
    opened: Mutex<Option<WindowId>>,
}

impl Seat {
    /// The tab in which the login before this one ended.
    pub(super) fn take_tab(&mut self) -> Option<Tab> {
        self.tab.take()
    }

    /// Whether a window may be opened now; if so, it is counted.
    pub(super) fn open_window(&self, now: Timestamp) -> bool {
        match self.occasion {
            Occasion::Asked => {}
            Occasion::InPassing => return false,
            Occasion::ByItself => {
                let mut budget = self.desk.budget();
                if budget.leave(now).is_err() {
                    return false;
                }
                let window = budget.note_window(now);
                *self.opened.lock().expect("nobody panics while holding the lock") = Some(window);
            }
        }
        self.desk.news.send_modify(|news| news.opened += 1);
        true
    }

    /// When an attempt that reached no cluster is to try again, after so many tries. One that
    /// somebody asked for says at once that there is none.
    pub(super) fn tries_again_at(&self, tries: u32, now: Timestamp) -> Option<Timestamp> {
        let waits = self.occasion != Occasion::Asked;
        waits.then(|| self.desk.budget().tries_again_at(tries, now)).flatten()
    }

    /// No window was opened after all.
    pub(super) fn opened_nothing(self) {
        self.give_back();
    }

    /// The human answered. The tab goes to whoever waits, or to its end.
    pub(super) fn answered(self, tab: Option<Tab>) {
        self.give_back();
        if self.desk.waiting.load(SeqCst) > 0 {
            *self.desk.tab() = tab;
        }
    }

    fn give_back(&self) {
        let opened = self.opened.lock().expect("nobody panics while holding the lock").take();
        if let Some(window) = opened {
            self.desk.budget().give_back(window);
        }
    }
}
