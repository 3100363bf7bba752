//! One attempt, from its place in the queue to its end.
//!
//! Runs as a task of its own, which the owner of the cluster starts, hears of and aborts. It has
//! the seat at the desk for as long as it runs, and leaves it in order.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::SeqCst},
};

use tokio::{sync::mpsc, task::JoinHandle};
use tracing::{debug, info, warn};

use super::{
    Desk,
    desk::Seat,
    ports::{Clock, LoggedIn, Login, Opened, Progress},
};
use crate::domain::{AttemptId, Cause, ClusterName, Failure, Grant, Manner, Occasion};

/// What is to be done.
pub(super) struct Errand<C> {
    pub(super) attempt: AttemptId,
    pub(super) manner: Manner,
    pub(super) occasion: Occasion,
    pub(super) clock: C,
}

/// What an attempt tells its owner while it runs.
#[derive(Debug)]
pub(super) enum Step {
    /// It has the window.
    Seated(AttemptId),
    /// Its start page waits for the human.
    Opened(AttemptId, Opened),
}

/// How an attempt ended.
#[derive(Debug)]
pub(super) enum Outcome {
    /// With a token or a failure.
    Ended(Result<Grant, Failure>),
    /// It had its turn when the human could not be asked.
    Withdrawn,
}

/// A login under way. It ends with the settings it began with.
pub(super) struct UnderWay<L> {
    pub(super) id: AttemptId,
    pub(super) login: Arc<L>,
    pub(super) task: JoinHandle<Outcome>,
}

impl Outcome {
    pub(super) fn log(&self, cluster: &ClusterName, attempt: AttemptId) {
        match self {
            Self::Withdrawn => {
                info!(%cluster, attempt = attempt.0, "nobody may be asked now");
            }
            Self::Ended(Ok(grant)) => info!(
                %cluster,
                attempt = attempt.0,
                user = grant.user,
                node = grant.node,
                lifetime_seconds = grant.expires_at.since(grant.obtained_at).as_secs(),
                "a token was obtained"
            ),
            Self::Ended(Err(failure)) => warn!(
                %cluster,
                attempt = attempt.0,
                reason = failure.cause.reason(),
                %failure,
                "a login gave no token"
            ),
        }
    }
}

/// Waits for the window, unless there is a `seat` already, and logs in.
pub(super) async fn run<C: Clock, L: Login>(
    errand: Errand<C>,
    seat: Option<Seat>,
    desk: Arc<Desk>,
    login: Arc<L>,
    steps: mpsc::UnboundedSender<Step>,
) -> Outcome {
    let Errand { attempt, manner, occasion, clock } = errand;
    let mut seat = if let Some(seat) = seat {
        seat
    } else {
        let Some(seat) = desk.seat(manner, occasion, &clock).await else {
            return Outcome::Withdrawn;
        };
        // The owner may have stopped; then this task is about to be aborted.
        let _ = steps.send(Step::Seated(attempt));
        seat
    };
    let mut tab = seat.take_tab();
    let told = Told {
        attempt,
        seat: &seat,
        clock: &clock,
        steps,
        asked: AtomicBool::new(false),
        denied: AtomicBool::new(false),
    };
    let mut tries = 0;
    let outcome = loop {
        let outcome = login.log_in(attempt, manner, tab.take(), &told).await;
        let again = match &outcome {
            Err(failure) if told.reached_nobody(failure) => seat.tries_again_at(tries, clock.now()),
            _ => None,
        };
        let Some(at) = again else { break outcome };
        debug!(attempt = attempt.0, tries, "the network is not back from sleep");
        tries += 1;
        clock.sleep_until(at).await;
    };
    let denied = told.denied.load(SeqCst);
    match outcome {
        Ok(LoggedIn { grant, tab }) => {
            seat.answered(tab);
            Outcome::Ended(Ok(grant))
        }
        Err(_) if denied => Outcome::Withdrawn,
        Err(failure) => {
            if failure.cause == Cause::BrowserUnavailable {
                seat.opened_nothing();
            }
            Outcome::Ended(Err(failure))
        }
    }
}

/// Where the login asks and tells.
struct Told<'a, C> {
    attempt: AttemptId,
    seat: &'a Seat,
    clock: &'a C,
    steps: mpsc::UnboundedSender<Step>,
    /// Whether the human was asked.
    asked: AtomicBool,
    /// Whether the login was not allowed to open a window.
    denied: AtomicBool,
}

impl<C> Told<'_, C> {
    /// Whether a failure came of a network that is down, before anybody was bothered.
    fn reached_nobody(&self, failure: &Failure) -> bool {
        failure.cause == Cause::NodeUnreachable && !self.asked.load(SeqCst)
    }
}

impl<C: Clock> Progress for &Told<'_, C> {
    fn may_open(&self) -> bool {
        let may = self.seat.open_window(self.clock.now());
        self.denied.store(!may, SeqCst);
        self.asked.fetch_or(may, SeqCst);
        may
    }

    fn opened(&self, opened: Opened) {
        self.asked.store(true, SeqCst);
        let _ = self.steps.send(Step::Opened(self.attempt, opened));
    }
}
