//! S9: logouts, reloads and further logins against redirects that come at any moment, in ten
//! thousand schedules. No token comes back that somebody logged out of, and none is held of settings
//! that are none any more.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use tokio::{
    sync::Semaphore,
    task::{JoinSet, yield_now},
};
use ucsso::{
    broker::{
        Broker, ClusterHandle, Published, Settings,
        ports::{Clock as _, LoggedIn, Login, NotTaken, Pasted, Progress, Tab},
    },
    domain::{AttemptId, Failure, Grant, Learned, Manner, Policy, Secret, Token, Verdict},
};

use crate::{broker_rig::cluster, check::Figure, clock::ManualClock, dice::Dice};

const SCHEDULES: u64 = 10_000;

/// How many act at once, and how often each.
const ACTORS: usize = 6;
const ACTS: usize = 4;

pub(crate) async fn run() -> Vec<Figure> {
    let tally = Arc::new(Tally::default());
    for seed in 0..SCHEDULES {
        schedule(seed, &tally).await;
    }
    let count = |counter: &AtomicUsize| counter.load(SeqCst);
    let (redirects, tokens) = (count(&tally.redirects), count(&tally.tokens));
    vec![
        Figure::exactly("resurrected", count(&tally.resurrected), 0),
        Figure::exactly("of-other-settings", count(&tally.crossed), 0),
        // There was something to be got wrong.
        Figure::at_least("tokens", tokens, 1_000),
        Figure::at_least("redirects-too-late", redirects - tokens, 1_000),
    ]
}

/// What was seen, over all schedules.
#[derive(Debug, Default)]
struct Tally {
    /// Logins that had their token.
    redirects: AtomicUsize,
    /// Tokens that were held.
    tokens: AtomicUsize,
    resurrected: AtomicUsize,
    crossed: AtomicUsize,
}

/// A cluster whose tokens are of a user that is called like the settings.
struct Cluster {
    settings: u64,
    clock: ManualClock,
    redirects: Arc<Semaphore>,
    tally: Arc<Tally>,
}

impl Login for Cluster {
    async fn log_in(
        &self,
        _: AttemptId,
        _: Manner,
        _: Option<Tab>,
        _: impl Progress,
    ) -> Result<LoggedIn, Failure> {
        self.redirects.acquire().await.unwrap().forget();
        self.tally.redirects.fetch_add(1, SeqCst);
        let now = self.clock.now();
        let grant = Grant {
            secret: Secret::new("token".into()),
            user: self.settings.to_string(),
            node: "cucm-pub:8443".into(),
            obtained_at: now,
            expires_at: now.plus(Duration::from_hours(1)),
        };
        Ok(LoggedIn { grant, tab: None })
    }

    fn complete(&self, _: AttemptId, _: &Pasted) -> Result<(), NotTaken> {
        Err(NotTaken::NotPending)
    }

    fn learned(&self) -> Learned {
        Learned::default()
    }

    async fn verify(&self, _: &Token) -> Verdict {
        Verdict::StillValid
    }
}

/// What must not be held any more.
#[derive(Debug, Default)]
struct Floor {
    /// The newest attempt before the last logout.
    attempt: AtomicU64,
    /// The settings of the last reload.
    settings: AtomicU64,
}

impl Floor {
    fn hold(&self, published: &Published, tally: &Tally) {
        let Some(token) = published.state.token() else { return };
        let back = token.generation.0 <= self.attempt.load(SeqCst);
        let crossed = token.grant.user.parse::<u64>().unwrap() < self.settings.load(SeqCst);
        tally.resurrected.fetch_add(usize::from(back), SeqCst);
        tally.crossed.fetch_add(usize::from(crossed), SeqCst);
    }
}

/// The newest attempt that is known of.
fn newest(published: &Published) -> u64 {
    let token = published.state.token().map_or(0, |token| token.generation.0);
    published.state.attempt().map_or(token, |attempt| attempt.id.0)
}

async fn schedule(seed: u64, tally: &Arc<Tally>) {
    let (clock, redirects) = (ManualClock::new(), Arc::new(Semaphore::new(0)));
    let login = |settings| {
        let (clock, redirects) = (clock.clone(), Arc::clone(&redirects));
        Cluster { settings, clock, redirects, tally: Arc::clone(tally) }
    };
    let broker = Broker::new(clock.clone());
    let control = broker.add(cluster("hq"), Policy::default(), login(0));
    let hq = broker.cluster(&"hq".parse().unwrap()).unwrap();
    let floor = Arc::new(Floor::default());

    let mut acting = JoinSet::new();
    for actor in 0..ACTORS {
        let dice = Dice::new(seed * 31 + u64::try_from(actor).unwrap());
        acting.spawn(act(
            dice,
            hq.clone(),
            Arc::clone(&redirects),
            Arc::clone(&floor),
            Arc::clone(tally),
        ));
    }
    acting.spawn(watch(hq.clone(), Arc::clone(&floor), Arc::clone(tally)));
    let mut dice = Dice::new(seed);
    for settings in 1..=3 {
        pause(&mut dice).await;
        let (cluster, policy) = (cluster("hq"), Policy::default());
        control.reset(Settings { cluster, policy, login: login(settings) }).await;
        floor.settings.store(settings, SeqCst);
        floor.hold(&hq.published(), tally);
    }
    pause(&mut dice).await;
    yield_now().await;
    broker.stop().await;
    while let Some(ended) = acting.join_next().await {
        ended.unwrap();
    }
}

/// Lets others go first, for a while that the dice decide.
async fn pause(dice: &mut Dice) {
    for _ in 0..dice.below(8) {
        yield_now().await;
    }
}

/// Logs in, logs out, and has redirects come, in any order. Ends early with the broker.
async fn act(
    mut dice: Dice,
    hq: ClusterHandle<ManualClock>,
    redirects: Arc<Semaphore>,
    floor: Arc<Floor>,
    tally: Arc<Tally>,
) {
    for _ in 0..ACTS {
        pause(&mut dice).await;
        match dice.below(5) {
            0 | 1 => drop(hq.log_in(Manner::ShowUrl).await),
            2 => {
                let before = newest(&hq.published());
                if hq.log_out().await.is_ok() {
                    floor.attempt.fetch_max(before, SeqCst);
                }
            }
            _ => redirects.add_permits(1),
        }
        floor.hold(&hq.published(), &tally);
    }
}

/// Looks at whatever is published.
async fn watch(hq: ClusterHandle<ManualClock>, floor: Arc<Floor>, tally: Arc<Tally>) {
    let (mut published, mut last) = (hq.subscribe(), 0);
    while published.changed().await.is_ok() {
        let published = published.borrow_and_update().clone();
        floor.hold(&published, &tally);
        let held = published.state.token().map_or(0, |token| token.generation.0);
        tally.tokens.fetch_add(usize::from(held > last), SeqCst);
        last = last.max(held);
    }
}
