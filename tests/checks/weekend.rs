//! S8: a weekend on which ten programs keep asking for tokens, and nobody is there to log in.

use std::{sync::Arc, time::Duration};

use tokio::task::{JoinSet, yield_now};
use ucsso::{
    broker::{Broker, Interaction},
    domain::Policy,
};

use crate::{
    broker_rig::{ask, cluster},
    check::Figure,
    clock::ManualClock,
    login::FakeLogin,
};

const HOURS: usize = 60;
const PROGRAMS: usize = 10;
const CLUSTERS: [&str; 2] = ["hq", "vm"];

/// How many windows of one cluster nobody has to close on Monday.
const MOST_WINDOWS: usize = 3;

pub(crate) async fn run() -> Vec<Figure> {
    let weekend = Weekend::new();

    weekend.pass(HOURS).await;

    let windows = weekend.logins.iter().map(FakeLogin::windows);
    let open = weekend.logins.iter().map(FakeLogin::open).sum();
    vec![
        Figure::at_most("windows-of-a-cluster", windows.clone().max().unwrap(), MOST_WINDOWS),
        // Somebody was asked at all.
        Figure::at_least("windows-of-each-cluster", windows.min().unwrap(), 1),
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
        let mut broker = Broker::new(clock.clone());
        let logins = CLUSTERS.map(|name| {
            let login = FakeLogin::new(&clock);
            broker.add(cluster(name), Policy::default(), login.clone());
            login
        });
        Self { clock, broker: Arc::new(broker), logins }
    }

    /// Lets hours pass. In each minute every program asks for every token once, and goes away
    /// before the next.
    async fn pass(&self, hours: usize) {
        for _ in 0..hours * 60 {
            let mut programs = JoinSet::new();
            for name in CLUSTERS {
                let handle = self.broker.cluster(&name.parse().unwrap()).unwrap();
                for _ in 0..PROGRAMS {
                    let handle = handle.clone();
                    programs.spawn(async move {
                        handle.token(ask(Interaction::IfNeeded)).await.is_ok()
                    });
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
    }

    /// Lets everybody do what there is to do at this moment; all of them are on this thread.
    async fn settle(&self) {
        for _ in 0..20 {
            yield_now().await;
        }
    }
}
