//! S8: a weekend on which ten programs keep asking for tokens, and nobody is there to log in: half
//! of it at a locked desktop, half of it at one that looks as if somebody were there.

use std::{sync::Arc, time::Duration};

use tokio::task::{JoinSet, yield_now};
use ucsso::{
    broker::{Broker, Interaction},
    domain::{Policy, Presence},
};

use crate::{
    broker_rig::{ask, cluster},
    check::Figure,
    clock::ManualClock,
    login::FakeLogin,
};

const MINUTES: usize = 60 * 60;
const PROGRAMS: usize = 10;
const CLUSTERS: [&str; 2] = ["hq", "vm"];

/// How long the desktop is locked, before it is unlocked for as long, in minutes.
const LOCKED: usize = 30;

/// How many windows of one cluster nobody has to close on Monday.
const MOST_WINDOWS: usize = 3;

pub(crate) async fn run() -> Vec<Figure> {
    let weekend = Weekend::new();

    let mut while_locked = 0;
    for minute in 0..MINUTES {
        let is_locked = (minute / LOCKED).is_multiple_of(2);
        let opened = weekend.windows();
        weekend.broker.note_presence(if is_locked { Presence::Locked } else { Presence::Here });
        weekend.pass_a_minute().await;
        while_locked += if is_locked { weekend.windows() - opened } else { 0 };
    }

    let windows = weekend.logins.iter().map(FakeLogin::windows);
    let open = weekend.logins.iter().map(FakeLogin::open).sum();
    let notices = weekend
        .broker
        .clusters()
        .into_iter()
        .filter(|cluster| cluster.published().notice.is_some());
    vec![
        Figure::at_most("windows-of-a-cluster", windows.clone().max().unwrap(), MOST_WINDOWS),
        // Somebody was asked at all.
        Figure::at_least("windows-of-each-cluster", windows.min().unwrap(), 1),
        Figure::exactly("windows-while-locked", while_locked, 0),
        Figure::exactly("notifications-that-wait", notices.count(), CLUSTERS.len()),
        Figure::exactly("logins-still-open", open, 0),
    ]
}

/// A broker, its clusters, and those who ask.
struct Weekend {
    clock: ManualClock,
    broker: Arc<Broker<ManualClock>>,
    logins: [FakeLogin; 2],
}

impl Weekend {
    fn new() -> Self {
        let clock = ManualClock::new();
        let broker = Broker::new(clock.clone());
        let logins = CLUSTERS.map(|name| {
            let login = FakeLogin::new(&clock);
            broker.add(cluster(name), Policy::default(), login.clone());
            login
        });
        Self { clock, broker: Arc::new(broker), logins }
    }

    /// Lets a minute pass. Every program asks for every token once, and goes away before the next.
    async fn pass_a_minute(&self) {
        let mut programs = JoinSet::new();
        for cluster in self.broker.clusters() {
            for _ in 0..PROGRAMS {
                let cluster = cluster.clone();
                programs
                    .spawn(async move { cluster.token(ask(Interaction::IfNeeded)).await.is_ok() });
            }
        }
        self.settle().await;
        self.clock.advance(Duration::from_mins(1));
        self.settle().await;
        programs.abort_all();
        while let Some(answered) = programs.join_next().await {
            assert_ne!(answered.ok(), Some(true), "nobody has logged in");
        }
    }

    /// How many windows were opened so far.
    fn windows(&self) -> usize {
        self.logins.iter().map(FakeLogin::windows).sum()
    }

    /// Lets everybody do what there is to do at this moment; all of them are on this thread.
    async fn settle(&self) {
        for _ in 0..20 {
            yield_now().await;
        }
    }
}
