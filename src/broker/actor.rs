//! The owner of one cluster: a loop of five phases.
//!
//! **Wait** for one thing to happen, **decide** by the lifecycle, **keep** what is to outlive the
//! process, **publish** the new state, **act** on the effects. After the `select!` there is no
//! `.await` until the next turn, so that nothing can happen between a decision and its publication.
//! A caller's message is acknowledged after the publication: who asks never reads an answer older
//! than the question.

use std::{pin::pin, sync::Arc};

use tokio::sync::{mpsc, oneshot, watch};
use tracing::{debug, info};

use super::{
    Control, Desk, Lack, Phase, Published, Settings, Shared,
    desk::{News, Seat},
    end::End,
    errand::{self, Errand, Outcome, Step, UnderWay},
    handle::ClusterHandle,
    inquiry::Inquiry,
    keeping::Keeping,
    message::{Message, Resettled},
    ports::{Clock, Login, NotTaken, Opened, Pasted},
    uses::Uses,
};
use crate::domain::{
    AttemptId, Cause, Cluster, Effect, Event, Failure, Generation, Lifecycle, Manner, Occasion,
    Past, Timestamp, Verdict,
};

/// What ended the wait.
enum Turn<L> {
    Message(Message),
    Resettled(Resettled<L>),
    Step(Step),
    LoginEnded(AttemptId, Outcome),
    Desk,
    Verified(Verdict),
    Time,
    Stop,
}

/// How many messages may wait for the owner. A caller that finds it full waits its turn.
const INBOX: usize = 64;

pub(super) struct Actor<C, L> {
    cluster: Arc<Cluster>,
    lifecycle: Lifecycle,
    clock: C,
    login: Arc<L>,
    desk: Arc<Desk>,
    keeping: Keeping,
    uses: Arc<Uses>,
    inbox: mpsc::Receiver<Message>,
    control: mpsc::Receiver<Resettled<L>>,
    steps: (mpsc::UnboundedSender<Step>, mpsc::UnboundedReceiver<Step>),
    news: watch::Receiver<News>,
    windows_seen: u64,
    published: watch::Sender<Published>,
    changes: Arc<watch::Sender<Phase>>,
    opened: Option<(AttemptId, Opened)>,
    attempt: Option<UnderWay<L>>,
    inquiry: Inquiry,
    end: Arc<End>,
}

pub(super) fn new<C: Clock, L: Login>(
    settings: Settings<L>,
    past: Past,
    shared: Shared<C>,
    end: Arc<End>,
) -> (ClusterHandle<C>, Control<L>, Actor<C, L>) {
    let Settings { cluster, policy, login } = settings;
    let Shared { clock, desk, vault, changes } = shared;
    let cluster = Arc::new(cluster);
    let lifecycle = Lifecycle::after(&past, policy, clock.now());
    let (messages, inbox) = mpsc::channel(INBOX);
    let (operator, control) = Control::new();
    let (published, readers) = watch::channel(Published::of(&cluster, &lifecycle, None));
    let uses = Arc::new(Uses::default());
    let handle = ClusterHandle {
        name: cluster.name.clone(),
        clock: clock.clone(),
        desk: Arc::clone(&desk),
        messages,
        published: readers,
        uses: Arc::clone(&uses),
        end: Arc::clone(&end),
    };
    let news = desk.news();
    let windows_seen = news.borrow().opened;
    let actor = Actor {
        cluster,
        lifecycle,
        clock,
        login: Arc::new(login),
        desk,
        keeping: Keeping::of(past, vault),
        uses,
        inbox,
        control,
        steps: mpsc::unbounded_channel(),
        news,
        windows_seen,
        published,
        changes,
        opened: None,
        attempt: None,
        inquiry: Inquiry::default(),
        end,
    };
    (handle, operator, actor)
}

impl<C: Clock, L: Login> Actor<C, L> {
    /// Runs until it is told to end, or the last handle is gone.
    pub(super) async fn run(mut self) {
        let mut now = self.clock.now();
        self.ask_about_the_doubted(now);
        self.keep();
        loop {
            let turn = self.wait(now).await;

            now = self.clock.now();
            let gaps = self.clock.gaps();
            self.lifecycle.note_jumps(gaps.jumped);
            self.desk.note_gaps(gaps, now);
            if let Some(used) = self.uses.latest(now) {
                self.lifecycle.note_use(used);
            }
            match turn {
                Turn::Message(Message::Happened { event, done }) => {
                    self.take(event, now);
                    let under_way = self.lifecycle.state().attempt().map(|attempt| attempt.id);
                    // A caller that has gone does not need to know.
                    let _ = done.send(under_way);
                }
                Turn::Message(Message::Verify { generation, verdict }) => {
                    self.verify(generation, verdict, now);
                    self.take(Event::Woke, now);
                }
                Turn::Message(Message::Complete { attempt, pasted, taken }) => {
                    let _ = taken.send(self.complete(attempt, &pasted));
                    self.take(Event::Woke, now);
                }
                Turn::Resettled(Resettled { settings, keeps_token, done }) => {
                    self.cluster = Arc::new(settings.cluster);
                    self.login = Arc::new(settings.login);
                    if !keeps_token {
                        self.keeping.doubt_no_more();
                    }
                    let policy = Box::new(settings.policy);
                    self.take(Event::Reconfigured { policy, keeps_token }, now);
                    let _ = done.send(());
                }
                Turn::Step(Step::Seated(attempt)) => self.take(Event::Seated { attempt }, now),
                Turn::Step(Step::Opened(attempt, opened)) => {
                    self.opened = Some((attempt, opened));
                    self.take(Event::Woke, now);
                }
                Turn::LoginEnded(attempt, outcome) => {
                    self.attempt = None;
                    outcome.log(&self.cluster.name, attempt);
                    let event = match outcome {
                        Outcome::Ended(outcome) => Event::Finished { attempt, outcome },
                        Outcome::Withdrawn => Event::Withdrawn { attempt },
                    };
                    self.take(event, now);
                }
                Turn::Desk => self.look_at_the_desk(now),
                Turn::Verified(verdict) => self.take_verdict(verdict, now),
                Turn::Time => self.take(Event::Woke, now),
                Turn::Stop => return self.abandon(),
            }
        }
    }

    /// Every branch is cancel safe: the channels and join handles keep what they have, and the
    /// sleep is for an absolute time. The deadline is that of the last decision: one that has
    /// passed since then ends the wait at once.
    async fn wait(&mut self, decided_at: Timestamp) -> Turn<L> {
        let deadline = self.lifecycle.deadline(decided_at);
        let clock = &self.clock;
        let time = pin!(async move {
            match deadline {
                Some(at) => clock.sleep_until(at).await,
                None => std::future::pending().await,
            }
        });
        tokio::select! {
            biased;
            () = self.end.told() => Turn::Stop,
            Some(change) = self.control.recv() => Turn::Resettled(change),
            Some(step) = self.steps.1.recv() => Turn::Step(step),
            (id, outcome) = ended(&mut self.attempt, clock) => Turn::LoginEnded(id, outcome),
            Ok(()) = self.news.changed() => Turn::Desk,
            verdict = self.inquiry.answered() => Turn::Verified(verdict),
            message = self.inbox.recv() => message.map_or(Turn::Stop, Turn::Message),
            () = time => Turn::Time,
        }
    }

    /// A window has opened, or somebody came or went.
    fn look_at_the_desk(&mut self, now: Timestamp) {
        let opened = self.news.borrow_and_update().opened;
        let event = if opened == self.windows_seen { Event::Woke } else { Event::WindowOpened };
        self.windows_seen = opened;
        self.take(event, now);
    }

    /// Decides, keeps, publishes, acts.
    fn take(&mut self, event: Event, now: Timestamp) {
        self.lifecycle.note_leave(self.desk.leave(now));
        let effects = self.lifecycle.handle(event, now);
        let mut seat = None;
        for effect in &effects {
            // Where the window is free, nobody is told of a wait for it.
            if let Effect::Begin { attempt, occasion, .. } = *effect {
                seat = self.desk.seat_now(occasion);
                if seat.is_some() {
                    let _ = self.lifecycle.handle(Event::Seated { attempt }, now);
                }
            }
        }
        self.keep();
        let published = Published::of(&self.cluster, &self.lifecycle, self.opened.clone());
        let is_news = self.published.send_if_modified(|current| {
            let news = *current != published;
            *current = published;
            news
        });
        if is_news {
            self.changes.send_modify(|_| {});
        }
        for effect in effects {
            match effect {
                Effect::Begin { attempt, manner, occasion } => {
                    self.begin(attempt, manner, occasion, seat.take());
                }
                Effect::Abort { attempt } => self.abort(attempt),
            }
        }
    }

    fn begin(
        &mut self,
        attempt: AttemptId,
        manner: Manner,
        occasion: Occasion,
        seat: Option<Seat>,
    ) {
        info!(cluster = %self.cluster.name, attempt = attempt.0, "a login begins");
        let errand = Errand { attempt, manner, occasion, clock: self.clock.clone() };
        let (desk, login) = (Arc::clone(&self.desk), Arc::clone(&self.login));
        let run = errand::run(errand, seat, desk, Arc::clone(&login), self.steps.0.clone());
        self.attempt = Some(UnderWay { id: attempt, login, task: tokio::spawn(run) });
    }

    /// Dropping the task's future undoes what the attempt set up: its page, its place at the desk.
    fn abort(&mut self, attempt: AttemptId) {
        if let Some(under_way) = self.attempt.take_if(|under_way| under_way.id == attempt) {
            info!(cluster = %self.cluster.name, attempt = attempt.0, "the login is ended");
            under_way.task.abort();
        }
    }

    fn keep(&mut self) {
        let held = self.lifecycle.held(self.login.learned());
        self.keeping.keep(&self.cluster.name, held);
    }

    fn ask_about_the_doubted(&mut self, now: Timestamp) {
        let Some(token) = self.keeping.doubted().cloned() else { return };
        info!(cluster = %self.cluster.name, "the clock contradicts a restored token: it is verified");
        let (generation, login) = (token.generation, Arc::clone(&self.login));
        let (verdict, _) = oneshot::channel();
        let ask = || tokio::spawn(async move { login.verify(&token).await });
        self.inquiry.join(generation, verdict, now, ask);
    }

    fn verify(
        &mut self,
        generation: Generation,
        verdict: oneshot::Sender<Verdict>,
        now: Timestamp,
    ) {
        let Some(token) = self.lifecycle.state().token().filter(|t| t.generation == generation)
        else {
            let _ = verdict.send(Verdict::Rejected);
            return;
        };
        let (login, token) = (Arc::clone(&self.login), token.clone());
        let ask = || tokio::spawn(async move { login.verify(&token).await });
        self.inquiry.join(generation, verdict, now, ask);
    }

    fn complete(&self, attempt: AttemptId, pasted: &Pasted) -> Result<(), NotTaken> {
        match &self.attempt {
            Some(under_way) if under_way.id == attempt => under_way.login.complete(attempt, pasted),
            _ => Err(NotTaken::NotPending),
        }
    }

    fn take_verdict(&mut self, verdict: Verdict, now: Timestamp) {
        let Some((generation, waiting)) = self.inquiry.close(verdict, now) else { return };
        debug!(cluster = %self.cluster.name, generation = generation.0, ?verdict, "verified");
        let doubted = self.keeping.settle(generation);
        let event = match (verdict, doubted) {
            (Verdict::StillValid, Some(token)) => Event::Vouched { token },
            (Verdict::Rejected, _) => Event::Rejected { generation },
            (Verdict::StillValid | Verdict::Unknown, _) => Event::Woke,
        };
        self.take(event, now);
        for caller in waiting {
            let _ = caller.send(verdict);
        }
    }

    fn abandon(mut self) {
        if let Some(under_way) = self.attempt.take() {
            under_way.task.abort();
        }
        // Whoever still reads what was published has no business with the token of a cluster that
        // is none any more.
        if self.end.reason() == Some(Lack::Removed) {
            self.published.send_modify(Published::forget);
            self.changes.send_modify(|_| {});
        }
    }
}

/// How the attempt under way ended; never, without one. A login that panics is a failed login.
async fn ended<C: Clock>(
    attempt: &mut Option<UnderWay<impl Login>>,
    clock: &C,
) -> (AttemptId, Outcome) {
    let Some(UnderWay { id, task, .. }) = attempt else { return std::future::pending().await };
    let outcome = task.await.unwrap_or_else(|_| {
        Outcome::Ended(Err(Failure {
            cause: Cause::Internal,
            sentence: "the login ended in a bug of ucssod".into(),
            advice: "see its log, and report it".into(),
            at: clock.now(),
        }))
    });
    (*id, outcome)
}
