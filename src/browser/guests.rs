//! Who is connected, and who goes when somebody else comes.
//!
//! A connection that has not said what it wants may be a browser's spare one, or a program that
//! sends a byte a second to keep the humans out. Where all places are taken, the oldest of those
//! makes room; one that is being answered never does. Called by `listener`.

use std::{
    collections::VecDeque,
    future::Future,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::{sync::Notify, task::AbortHandle};

/// The connections there are, in the order in which they came.
#[derive(Debug)]
pub(super) struct Guests {
    most: usize,
    here: Mutex<VecDeque<Guest>>,
    left: Arc<Notify>,
}

#[derive(Debug)]
struct Guest {
    heard: Heard,
    here: Weak<()>,
    task: AbortHandle,
}

/// Whether a connection has said what it wants.
#[derive(Debug, Clone, Default)]
pub(super) struct Heard(Arc<AtomicBool>);

impl Heard {
    /// It has: it is not sent away any more.
    pub(super) fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Held by whoever is here. Dropping it says that they have left.
struct Stay {
    here: Option<Arc<()>>,
    left: Arc<Notify>,
}

impl Drop for Stay {
    fn drop(&mut self) {
        // In this order: whoever is woken finds the place free.
        self.here = None;
        self.left.notify_one();
    }
}

impl Guests {
    pub(super) fn new(most: usize) -> Self {
        Self { most, here: Mutex::default(), left: Arc::default() }
    }

    /// Attends to a connection in a task of its own, as soon as there is a place for it.
    pub(super) async fn seat<F>(&self, attend: impl FnOnce(Heard) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        while !self.has_room() {
            self.left.notified().await;
        }
        let (heard, here) = (Heard::default(), Arc::new(()));
        let known = Arc::downgrade(&here);
        let stay = Stay { here: Some(here), left: Arc::clone(&self.left) };
        let attending = attend(heard.clone());
        let task = tokio::spawn(async move {
            attending.await;
            drop(stay);
        });
        let guest = Guest { heard, here: known, task: task.abort_handle() };
        self.here.lock().unwrap_or_else(PoisonError::into_inner).push_back(guest);
    }

    /// Whether there is a place. If not, somebody may be on the way out now.
    fn has_room(&self) -> bool {
        let mut here = self.here.lock().unwrap_or_else(PoisonError::into_inner);
        here.retain(|guest| guest.here.strong_count() > 0);
        if here.len() < self.most {
            return true;
        }
        let silent = here.iter().find(|guest| !guest.heard.0.load(Ordering::Relaxed));
        if let Some(guest) = silent {
            guest.task.abort();
        }
        false
    }
}
