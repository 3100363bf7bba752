//! The owner of one cluster: a loop of four phases.
//!
//! **Wait** for one thing to happen, **decide** by the lifecycle, **publish** the new state, **act**
//! on the effects. After the `select!` there is no `.await` until the next turn, so that nothing
//! can happen between a decision and its publication. A caller's message is acknowledged after
//! the publication: who asks never reads an answer older than the question.

use std::{pin::pin, sync::Arc};

use tokio::{
    sync::{mpsc, oneshot, watch},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::{
    Desk, Published,
    desk::Seat,
    handle::ClusterHandle,
    inquiry::Inquiry,
    ports::{Clock, Login, NotTaken, Opened, Pasted},
    uses::Uses,
};
use crate::domain::{
    AttemptId, Cause, Cluster, Effect, Event, Failure, Generation, Grant, Lifecycle, Manner,
    Policy, Timestamp, Verdict,
};

/// What callers send.
#[derive(Debug)]
pub(super) enum Message {
    /// Something happened; tell when it has been dealt with, and which login is then under way.
    Happened { event: Event, done: oneshot::Sender<Option<AttemptId>> },
    /// A program found this token refused; tell what the cluster says.
    Verify { generation: Generation, verdict: oneshot::Sender<Verdict> },
    /// A human brought by hand what answers this attempt; tell whether it is taken.
    Complete { attempt: AttemptId, pasted: Pasted, taken: oneshot::Sender<Result<(), NotTaken>> },
}

/// What an attempt tells while it runs.
#[derive(Debug)]
enum Progress {
    Seated(AttemptId),
    Opened(AttemptId, Opened),
}

/// What ended the wait.
enum Turn {
    Message(Message),
    Progress(Progress),
    LoginEnded(AttemptId, Result<Grant, Failure>),
    Verified(Verdict),
    Time,
    Stop,
}

/// How many messages may wait for the owner. A caller that finds it full waits its turn.
const INBOX: usize = 64;

pub(super) struct Actor<C, L> {
    cluster: Cluster,
    lifecycle: Lifecycle,
    clock: C,
    login: Arc<L>,
    desk: Arc<Desk>,
    uses: Arc<Uses>,
    inbox: mpsc::Receiver<Message>,
    progress: (mpsc::UnboundedSender<Progress>, mpsc::UnboundedReceiver<Progress>),
    published: watch::Sender<Published>,
    opened: Option<(AttemptId, Opened)>,
    attempt: Option<(AttemptId, JoinHandle<Result<Grant, Failure>>)>,
    inquiry: Inquiry,
    stop: CancellationToken,
}

pub(super) fn new<C: Clock, L: Login>(
    cluster: Cluster,
    policy: Policy,
    clock: C,
    login: L,
    desk: Arc<Desk>,
    stop: CancellationToken,
) -> (ClusterHandle<C>, Actor<C, L>) {
    let renew = policy.renew;
    let lifecycle = Lifecycle::new(policy);
    let (messages, inbox) = mpsc::channel(INBOX);
    let (published, readers) = watch::channel(Published::of(&lifecycle, None));
    let uses = Arc::new(Uses::default());
    let handle = ClusterHandle::new(
        cluster.clone(),
        renew,
        clock.clone(),
        messages,
        readers,
        Arc::clone(&uses),
    );
    let actor = Actor {
        cluster,
        lifecycle,
        clock,
        login: Arc::new(login),
        desk,
        uses,
        inbox,
        progress: mpsc::unbounded_channel(),
        published,
        opened: None,
        attempt: None,
        inquiry: Inquiry::default(),
        stop,
    };
    (handle, actor)
}

impl<C: Clock, L: Login> Actor<C, L> {
    /// Runs until the broker stops or the last handle is gone.
    pub(super) async fn run(mut self) {
        let mut now = self.clock.now();
        loop {
            let turn = self.wait(now).await;

            now = self.clock.now();
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
                Turn::Progress(Progress::Seated(attempt)) => {
                    self.take(Event::Seated { attempt }, now);
                }
                Turn::Progress(Progress::Opened(attempt, opened)) => {
                    self.opened = Some((attempt, opened));
                    self.take(Event::Woke, now);
                }
                Turn::LoginEnded(attempt, outcome) => {
                    self.attempt = None;
                    self.log_outcome(attempt, &outcome);
                    self.take(Event::Finished { attempt, outcome }, now);
                }
                Turn::Verified(verdict) => self.take_verdict(verdict, now),
                Turn::Time => self.take(Event::Woke, now),
                Turn::Stop => return self.abandon(),
            }
        }
    }

    /// Every branch is cancel safe: the channels and join handles keep what they have, and the
    /// sleep is for an absolute time. The deadline is that of the last decision: one that has
    /// passed since then ends the wait at once.
    async fn wait(&mut self, decided_at: Timestamp) -> Turn {
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
            () = self.stop.cancelled() => Turn::Stop,
            Some(progress) = self.progress.1.recv() => Turn::Progress(progress),
            (id, outcome) = ended(&mut self.attempt, clock) => Turn::LoginEnded(id, outcome),
            verdict = self.inquiry.answered() => Turn::Verified(verdict),
            message = self.inbox.recv() => message.map_or(Turn::Stop, Turn::Message),
            () = time => Turn::Time,
        }
    }

    /// Decides, publishes, acts.
    fn take(&mut self, event: Event, now: Timestamp) {
        let effects = self.lifecycle.handle(event, now);
        let mut seat = None;
        for effect in &effects {
            // Where the window is free, nobody is told of a wait for it.
            if let Effect::Begin { attempt, .. } = *effect {
                seat = self.desk.seat_now();
                if seat.is_some() {
                    let _ = self.lifecycle.handle(Event::Seated { attempt }, now);
                }
            }
        }
        let published = Published::of(&self.lifecycle, self.opened.clone());
        self.published.send_if_modified(|current| {
            let news = *current != published;
            *current = published;
            news
        });
        for effect in effects {
            match effect {
                Effect::Begin { attempt, manner } => self.begin(attempt, manner, seat.take()),
                Effect::Abort { attempt } => self.abort(attempt),
            }
        }
    }

    fn begin(&mut self, attempt: AttemptId, manner: Manner, seat: Option<Seat>) {
        info!(cluster = %self.cluster.name, attempt = attempt.0, "a login begins");
        let desk = Arc::clone(&self.desk);
        let login = Arc::clone(&self.login);
        let progress = self.progress.0.clone();
        let task = tokio::spawn(async move {
            let _seat = if let Some(seat) = seat {
                seat
            } else {
                let seat = desk.seat().await;
                // The owner may have stopped; then this task is about to be aborted.
                let _ = progress.send(Progress::Seated(attempt));
                seat
            };
            let tell = move |opened| {
                let _ = progress.send(Progress::Opened(attempt, opened));
            };
            login.log_in(attempt, manner, tell).await
        });
        self.attempt = Some((attempt, task));
    }

    /// Dropping the task's future undoes what the attempt set up: its page, its place at the desk.
    fn abort(&mut self, attempt: AttemptId) {
        if let Some((_, task)) = self.attempt.take_if(|(id, _)| *id == attempt) {
            info!(cluster = %self.cluster.name, attempt = attempt.0, "the login is ended");
            task.abort();
        }
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
        match self.attempt {
            Some((under_way, _)) if under_way == attempt => self.login.complete(attempt, pasted),
            _ => Err(NotTaken::NotPending),
        }
    }

    fn take_verdict(&mut self, verdict: Verdict, now: Timestamp) {
        let Some((generation, waiting)) = self.inquiry.close(verdict, now) else { return };
        debug!(cluster = %self.cluster.name, generation = generation.0, ?verdict, "verified");
        let event = match verdict {
            Verdict::Rejected => Event::Rejected { generation },
            Verdict::StillValid | Verdict::Unknown => Event::Woke,
        };
        self.take(event, now);
        for caller in waiting {
            let _ = caller.send(verdict);
        }
    }

    fn abandon(mut self) {
        if let Some((_, task)) = self.attempt.take() {
            task.abort();
        }
    }

    fn log_outcome(&self, attempt: AttemptId, outcome: &Result<Grant, Failure>) {
        let cluster = &self.cluster.name;
        match outcome {
            Ok(grant) => info!(
                %cluster,
                attempt = attempt.0,
                user = grant.user,
                node = grant.node,
                lifetime_seconds = grant.expires_at.since(grant.obtained_at).as_secs(),
                "a token was obtained"
            ),
            Err(failure) => warn!(
                %cluster,
                attempt = attempt.0,
                reason = failure.cause.reason(),
                %failure,
                "a login gave no token"
            ),
        }
    }
}

/// How the attempt under way ended; never, without one. A login that panics is a failed login.
async fn ended<C: Clock>(
    attempt: &mut Option<(AttemptId, JoinHandle<Result<Grant, Failure>>)>,
    clock: &C,
) -> (AttemptId, Result<Grant, Failure>) {
    let Some((id, task)) = attempt else { return std::future::pending().await };
    let outcome = task.await.unwrap_or_else(|_| {
        Err(Failure {
            cause: Cause::Internal,
            sentence: "the login ended in a bug of ucssod".into(),
            advice: "see its log, and report it".into(),
            at: clock.now(),
        })
    });
    (*id, outcome)
}
