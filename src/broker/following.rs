//! A login, followed from outside.

use tokio::sync::watch;

use super::{Published, ports::Opened};
use crate::domain::{AttemptId, Failure, Stage};

/// What happens during a login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoginEvent {
    /// It waits for the window.
    Waiting(AttemptId),
    /// It waits for the human.
    Opened(AttemptId, Opened),
    /// A token is held.
    Done(Box<Published>),
    /// It gave no token.
    Failed(Failure),
    /// It ended because somebody logged out, or the broker stops.
    Abandoned,
}

/// A login, as whoever asked for it follows it.
#[derive(Debug)]
pub struct LoginUnderWay {
    published: watch::Receiver<Published>,
    attempt: Option<AttemptId>,
    told: Option<LoginEvent>,
}

impl LoginUnderWay {
    /// Follows an attempt from the state that is published now on.
    pub(super) fn new(
        mut published: watch::Receiver<Published>,
        attempt: Option<AttemptId>,
    ) -> Self {
        published.mark_changed();
        Self { published, attempt, told: None }
    }

    /// The next thing that happens; `None` after the end.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<LoginEvent> {
        let attempt = self.attempt?;
        loop {
            let event = match self.published.changed().await {
                Ok(()) => current_event(&self.published.borrow_and_update(), attempt),
                Err(_) => Some(LoginEvent::Abandoned),
            };
            let Some(event) = event.filter(|event| self.told.as_ref() != Some(event)) else {
                continue;
            };
            if matches!(event, LoginEvent::Done(_) | LoginEvent::Failed(_) | LoginEvent::Abandoned)
            {
                self.attempt = None;
            }
            self.told = Some(event.clone());
            return Some(event);
        }
    }
}

/// What there is to tell; nothing, while the cluster is asked where to log in.
fn current_event(published: &Published, attempt: AttemptId) -> Option<LoginEvent> {
    let state = &published.state;
    if let Some(under_way) = state.attempt().filter(|under_way| under_way.id == attempt) {
        return match (published.opened(), under_way.stage) {
            (Some(opened), _) => Some(LoginEvent::Opened(attempt, opened.clone())),
            (None, Stage::Queued) => Some(LoginEvent::Waiting(attempt)),
            (None, Stage::Seated { .. }) => None,
        };
    }
    if state.token().is_some_and(|token| token.generation >= attempt.generation()) {
        return Some(LoginEvent::Done(Box::new(published.clone())));
    }
    let failure = state.failure().cloned();
    Some(failure.map_or(LoginEvent::Abandoned, LoginEvent::Failed))
}
