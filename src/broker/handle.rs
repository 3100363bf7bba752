//! A caller's end of one cluster.

use std::{sync::Arc, time::Duration};

use tokio::sync::{mpsc, oneshot, watch};

use super::{
    Published, Watching,
    actor::Message,
    ports::{Clock, Opened},
    uses::Uses,
};
use crate::domain::{
    AttemptId, Cluster, Event, Failure, FailureKind, Generation, Lapse, Manner, RenewMode, Stage,
    Timestamp, Token, Verdict,
};

/// One cluster, as callers see it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct ClusterHandle<C> {
    cluster: Cluster,
    renew: RenewMode,
    clock: C,
    messages: mpsc::Sender<Message>,
    published: watch::Receiver<Published>,
    uses: Arc<Uses>,
}

/// What a program asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ask {
    /// How long the token must still be valid; `None` leaves it to the broker.
    pub min_validity: Option<Duration>,
    /// Whether the human may be asked.
    pub interaction: Interaction,
}

/// Whether the human may be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interaction {
    /// Never.
    Never,
    /// If no usable token is held, and the human may be asked now.
    IfNeeded,
    /// Now, even if a usable token is held.
    Force,
}

/// Why a program gets no token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lack {
    /// Somebody has to log in, and nobody is being asked now.
    LoginRequired {
        /// Why no token is held; `None` if one is held that is too short.
        lapse: Option<Lapse>,
        /// How the last login failed.
        failure: Option<Failure>,
    },
    /// A login is under way, and the caller does not wait.
    LoginUnderWay,
    /// The login failed.
    Failed(Failure),
    /// No token of this cluster is ever valid for that long.
    Unsatisfiable {
        /// The longest that one was.
        longest: Duration,
    },
    /// The broker stops.
    Stopping,
}

/// What a report of a refused token led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Report {
    /// The cluster was asked.
    Asked(Verdict),
    /// A newer token is held.
    Superseded,
}

/// What happens during a login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoginEvent {
    /// It waits for the window.
    Waiting(AttemptId),
    /// It waits for the human.
    Opened(AttemptId, Opened),
    /// A token is held.
    Done(Published),
    /// It gave no token.
    Failed(Failure),
    /// It ended because somebody logged out, or the broker stops.
    Abandoned,
}

impl<C: Clock> ClusterHandle<C> {
    pub(super) const fn new(
        cluster: Cluster,
        renew: RenewMode,
        clock: C,
        messages: mpsc::Sender<Message>,
        published: watch::Receiver<Published>,
        uses: Arc<Uses>,
    ) -> Self {
        Self { cluster, renew, clock, messages, published, uses }
    }

    /// What the cluster is called, and whose tokens are wanted.
    pub const fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// When its token is renewed.
    pub const fn renew_mode(&self) -> RenewMode {
        self.renew
    }

    /// The state now.
    #[must_use]
    pub fn published(&self) -> Published {
        self.published.borrow().clone()
    }

    /// The state now and each later one; a slow reader gets the latest only.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<Published> {
        let mut published = self.published.clone();
        published.mark_changed();
        published
    }

    /// Counts as a use of the token for as long as the answer lives.
    #[must_use]
    pub fn watching(&self) -> Watching {
        let watching = Watching::new(&self.uses);
        self.begin_due_renewal(&self.published.borrow(), self.clock.now());
        watching
    }

    /// Returns a token, after a login if one is needed and allowed.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends this wait, never the login.
    pub async fn token(&self, ask: Ask) -> Result<Token, Lack> {
        if ask.interaction != Interaction::Force
            && let Some(token) = self.token_at_hand(ask.min_validity)
        {
            return Ok(token);
        }
        let event = match ask.interaction {
            Interaction::Never => return Err(self.why_not_now(ask.min_validity)),
            Interaction::IfNeeded => {
                Event::Wanted { min_validity: self.published.borrow().enough(ask.min_validity) }
            }
            Interaction::Force => Event::LoginAsked { manner: Manner::OpenBrowser },
        };
        let mut published = self.published.clone();
        let joined = self.tell(event).await?;
        let forced = joined.filter(|_| ask.interaction == Interaction::Force);
        self.wait(&mut published, ask.min_validity, forced, joined.is_some()).await
    }

    /// Whether the cluster still accepts a token that a program found refused.
    pub async fn report_rejected(&self, generation: Generation) -> Result<Report, Lack> {
        if self.holds_newer_than(generation) {
            return Ok(Report::Superseded);
        }
        let (verdict, answer) = oneshot::channel();
        self.send(Message::Verify { generation, verdict }).await?;
        let verdict = answer.await.map_err(|_| Lack::Stopping)?;
        // A renewal may have come first.
        let superseded = self.holds_newer_than(generation);
        Ok(if superseded { Report::Superseded } else { Report::Asked(verdict) })
    }

    fn holds_newer_than(&self, generation: Generation) -> bool {
        let published = self.published.borrow();
        published.state.token().is_some_and(|token| token.generation > generation)
    }

    /// Begins a login, or joins the one under way. The events are pulled with
    /// [`LoginUnderWay::next`].
    pub async fn log_in(&self, manner: Manner) -> Result<LoginUnderWay, Lack> {
        let mut published = self.published.clone();
        let attempt = self.tell(Event::LoginAsked { manner }).await?;
        published.mark_changed();
        Ok(LoginUnderWay { published, attempt, told: None })
    }

    /// Ends the login under way; says whether there was one.
    pub async fn cancel(&self) -> Result<bool, Lack> {
        let under_way = self.published.borrow().state.attempt().is_some();
        self.tell(Event::CancelAsked).await?;
        Ok(under_way)
    }

    /// Forgets the token; says whether one was held.
    pub async fn log_out(&self) -> Result<bool, Lack> {
        let held = self.published.borrow().state.token().is_some();
        self.tell(Event::LogoutAsked).await?;
        Ok(held)
    }

    /// The fast path: no message, and no lock held across an await.
    fn token_at_hand(&self, min_validity: Option<Duration>) -> Option<Token> {
        let now = self.clock.now();
        let published = self.published.borrow();
        let token = published.usable(min_validity, now)?.clone();
        self.uses.note(now);
        self.begin_due_renewal(&published, now);
        Some(token)
    }

    /// Wakes the owner where a renewal waits for somebody to use the token. If the inbox is full,
    /// something else is about to wake him.
    fn begin_due_renewal(&self, published: &Published, now: Timestamp) {
        if published.renews_at.is_some_and(|at| at <= now) {
            let (done, _) = oneshot::channel();
            let _ = self.messages.try_send(Message::Happened { event: Event::Woke, done });
        }
    }

    async fn wait(
        &self,
        published: &mut watch::Receiver<Published>,
        min_validity: Option<Duration>,
        forced: Option<AttemptId>,
        mut waited: bool,
    ) -> Result<Token, Lack> {
        loop {
            {
                let current = published.borrow_and_update();
                let now = self.clock.now();
                let under_way = current.state.attempt().map(|attempt| attempt.id);
                let may_answer = forced.is_none_or(|forced| under_way != Some(forced));
                if may_answer {
                    let new_enough = |token: &&Token| {
                        forced.is_none_or(|forced| token.generation >= forced.generation())
                    };
                    if let Some(token) = current.usable(min_validity, now).filter(new_enough) {
                        self.uses.note(now);
                        return Ok(token.clone());
                    }
                    if under_way.is_none() {
                        return Err(lack(&current, min_validity, waited));
                    }
                }
            }
            published.changed().await.map_err(|_| Lack::Stopping)?;
            waited = true;
        }
    }

    fn why_not_now(&self, min_validity: Option<Duration>) -> Lack {
        let published = self.published.borrow();
        if published.state.attempt().is_some() {
            return Lack::LoginUnderWay;
        }
        lack(&published, min_validity, false)
    }

    /// Says which login is under way once the event has been dealt with. By the time the caller
    /// looks, it may have ended.
    async fn tell(&self, event: Event) -> Result<Option<AttemptId>, Lack> {
        let (done, acknowledged) = oneshot::channel();
        self.send(Message::Happened { event, done }).await?;
        acknowledged.await.map_err(|_| Lack::Stopping)
    }

    pub(super) async fn send(&self, message: Message) -> Result<(), Lack> {
        self.messages.send(message).await.map_err(|_| Lack::Stopping)
    }
}

/// Why this state has no token for a caller, `waited` for a login or not.
fn lack(published: &Published, min_validity: Option<Duration>, waited: bool) -> Lack {
    let longest = published.longest_lifetime;
    if min_validity.is_some_and(|wanted| wanted > longest) && !longest.is_zero() {
        return Lack::Unsatisfiable { longest };
    }
    let lapse = published.state.lapse();
    let failure = published.state.failure().cloned();
    match failure {
        Some(failure) if waited => Lack::Failed(failure),
        Some(failure)
            if matches!(failure.cause.kind(), FailureKind::Unreachable | FailureKind::Refused) =>
        {
            Lack::Failed(failure)
        }
        failure => Lack::LoginRequired { lapse, failure },
    }
}

/// A login, as whoever asked for it follows it.
#[derive(Debug)]
pub struct LoginUnderWay {
    published: watch::Receiver<Published>,
    attempt: Option<AttemptId>,
    told: Option<LoginEvent>,
}

impl LoginUnderWay {
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
        return Some(LoginEvent::Done(published.clone()));
    }
    let failure = state.failure().cloned();
    Some(failure.map_or(LoginEvent::Abandoned, LoginEvent::Failed))
}
