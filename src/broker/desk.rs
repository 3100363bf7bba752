//! Who may have the human's one window now.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The one window that all clusters share: a human can only log in to one thing at a time.
#[derive(Debug)]
pub struct Desk {
    window: Arc<Semaphore>,
}

impl Desk {
    pub(super) fn new() -> Self {
        Self { window: Arc::new(Semaphore::new(1)) }
    }

    /// The window, if it is free now.
    pub(super) fn seat_now(&self) -> Option<Seat> {
        let window = Arc::clone(&self.window).try_acquire_owned().ok()?;
        Some(Seat { _window: window })
    }

    /// Waits for the window. First come, first served.
    ///
    /// # Cancel safety
    ///
    /// Whoever stops waiting loses the place, and nothing else.
    pub(super) async fn seat(&self) -> Seat {
        let window = Arc::clone(&self.window).acquire_owned().await;
        Seat { _window: window.expect("the desk never closes its semaphore") }
    }
}

/// The right to the window, until it is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    _window: OwnedSemaphorePermit,
}
