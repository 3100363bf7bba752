//! A caller's end of one cluster.

use std::{sync::Arc, time::Duration};

use tokio::sync::{mpsc, oneshot, watch};

use super::{
    Desk, Lack, LoginUnderWay, Published, Watching,
    end::End,
    lack::{lack, unsatisfiable},
    message::Message,
    ports::Clock,
    uses::Uses,
};
use crate::domain::{
    AttemptId, Cluster, ClusterName, Event, Generation, LONGEST_SNOOZE, Manner, Reserve, Timestamp,
    Token, Verdict,
};

/// One cluster, as callers see it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct ClusterHandle<C> {
    pub(super) name: ClusterName,
    pub(super) clock: C,
    pub(super) desk: Arc<Desk>,
    pub(super) messages: mpsc::Sender<Message>,
    pub(super) published: watch::Receiver<Published>,
    pub(super) uses: Arc<Uses>,
    pub(super) end: Arc<End>,
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

/// What a report of a refused token led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Report {
    /// The cluster was asked.
    Asked(Verdict),
    /// Another token is held than the one that was reported.
    Superseded,
}

impl<C: Clock> ClusterHandle<C> {
    /// What the cluster is called.
    pub const fn name(&self) -> &ClusterName {
        &self.name
    }

    /// The same, and whose tokens are wanted now.
    #[must_use]
    pub fn cluster(&self) -> Arc<Cluster> {
        Arc::clone(&self.published.borrow().cluster)
    }

    /// Why this cluster answers no more: [`Lack::Removed`] or [`Lack::Stopping`]. `None` as long
    /// as it does.
    #[must_use]
    pub fn gone(&self) -> Option<Lack> {
        self.end.reason()
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

    /// Returns once the owner has dealt with everything that was sent to it before.
    pub(super) async fn owner_answers(&self) -> Result<(), Lack> {
        self.tell(Event::Woke).await.map(drop)
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
        if ask.interaction != Interaction::Force
            && let Some(never) = unsatisfiable(&self.published.borrow(), ask.min_validity)
        {
            return Err(never);
        }
        let event = match ask.interaction {
            Interaction::Never => return Err(self.why_not_now(ask.min_validity)),
            Interaction::IfNeeded => {
                Event::Wanted { min_validity: self.published.borrow().enough(ask.min_validity) }
            }
            Interaction::Force => Event::Forced,
        };
        let mut published = self.published.clone();
        let joined = self.tell(event).await?;
        let forced = joined.filter(|_| ask.interaction == Interaction::Force);
        if ask.interaction == Interaction::Force && forced.is_none() {
            return Err(self.why_not_begun());
        }
        self.wait(&mut published, ask.min_validity, forced, joined.is_some()).await
    }

    /// Whether the cluster still accepts a token that a program found refused.
    pub async fn report_rejected(&self, generation: Generation) -> Result<Report, Lack> {
        if self.holds_another_than(generation) {
            return Ok(Report::Superseded);
        }
        let (verdict, answer) = oneshot::channel();
        self.send(Message::Verify { generation, verdict }).await?;
        let verdict = answer.await.map_err(|_| self.why_no_answer())?;
        // A renewal may have come first.
        let superseded = self.holds_another_than(generation);
        Ok(if superseded { Report::Superseded } else { Report::Asked(verdict) })
    }

    fn holds_another_than(&self, generation: Generation) -> bool {
        let published = self.published.borrow();
        published.state.token().is_some_and(|token| token.generation != generation)
    }

    /// Begins a login, or joins the one under way. The events are pulled with
    /// [`LoginUnderWay::next`].
    pub async fn log_in(&self, manner: Manner) -> Result<LoginUnderWay, Lack> {
        let published = self.published.clone();
        let attempt = self.tell(Event::LoginAsked { manner }).await?;
        Ok(LoginUnderWay::new(published, attempt))
    }

    /// Leaves the human alone for this long, or for as long as the configuration says, and ends
    /// the login under way. No time at all ends what was asked for before. Says until when.
    pub async fn snooze(&self, length: Option<Duration>) -> Result<Option<Timestamp>, Lack> {
        let length = length.unwrap_or_else(|| self.published.borrow().snooze);
        let until = self.clock.now().plus(length.min(LONGEST_SNOOZE));
        self.tell(Event::SnoozeAsked { until }).await?;
        Ok(self.snoozed_until())
    }

    /// Until when the human wants to be left alone.
    #[must_use]
    pub fn snoozed_until(&self) -> Option<Timestamp> {
        let remembered = self.published.borrow().state.remembered();
        remembered.snoozed_until.filter(|until| *until > self.clock.now())
    }

    /// Why no window opens by itself now, on any cluster.
    #[must_use]
    pub fn reserve(&self) -> Option<Reserve> {
        self.desk.reserve(self.clock.now())
    }

    /// Ends the login under way, which is a "not now"; says whether there was one.
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
                        return Err(self.lack_in(&current, min_validity, waited));
                    }
                }
            }
            published.changed().await.map_err(|_| self.why_no_answer())?;
            waited = true;
        }
    }

    fn why_not_now(&self, min_validity: Option<Duration>) -> Lack {
        let published = self.published.borrow();
        if published.state.attempt().is_some() {
            return Lack::LoginUnderWay;
        }
        self.lack_in(&published, min_validity, false)
    }

    fn why_not_begun(&self) -> Lack {
        self.lack_in(&self.published.borrow(), None, false)
    }

    fn lack_in(&self, published: &Published, min_validity: Option<Duration>, waited: bool) -> Lack {
        if let Some(gone) = self.gone() {
            return gone;
        }
        match lack(published, min_validity, waited, self.clock.now()) {
            lack @ Lack::LoginRequired { .. } if published.state.begins_on_demand() => {
                self.reserve().map_or(lack, Lack::Reserved)
            }
            lack => lack,
        }
    }

    /// Says which login is under way once the event has been dealt with. By the time the caller
    /// looks, it may have ended.
    async fn tell(&self, event: Event) -> Result<Option<AttemptId>, Lack> {
        let (done, acknowledged) = oneshot::channel();
        self.send(Message::Happened { event, done }).await?;
        acknowledged.await.map_err(|_| self.why_no_answer())
    }

    /// The owner has ended. If it was by a bug, it is the broker that is of no use.
    pub(super) fn why_no_answer(&self) -> Lack {
        self.gone().unwrap_or(Lack::Stopping)
    }

    pub(super) async fn send(&self, message: Message) -> Result<(), Lack> {
        self.messages.send(message).await.map_err(|_| self.why_no_answer())
    }
}
