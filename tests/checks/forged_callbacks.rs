//! S1: ten thousand forged and malformed posts to the redirect address: before a login, during
//! one, and with what was right before. The weakened build shows that they would do.

use std::time::Duration;

use ucsso::lab::LabConfig;

use crate::{
    check::Figure,
    dice::Dice,
    estate::{Estate, Home},
    forgery::{Forgery, Known},
    victim::{self, Victim},
    weakened, wire,
};

/// What decides them all.
const SEED: u64 = 1;

/// How many while no login is pending, while one waits for its start page, and while one waits
/// for its redirect.
const ROUNDS: [usize; 3] = [2_000, 2_000, 6_000];

/// How many of the weakened build are enough to see one accepted.
const WEAKENED: usize = 1_000;

/// How long ninety-nine of a hundred answers may take, while the thousands of connections that were
/// answered before are still in the tables of the kernel.
const LIMIT: Duration = Duration::from_millis(20);

pub(crate) async fn run() -> Vec<Figure> {
    anstream::eprintln!("S1: seed {SEED}");
    let mut dice = Dice::new(SEED);
    let estate = Estate::launch_as(LabConfig::default(), ToOwned::to_owned, daemon).await;
    let mut tally = Tally::default();

    let mut known = known(&estate).await;
    tally.attack(&known, &mut dice, ROUNDS[0]).await;
    let login = estate.log_in("hq").await;
    known.stale.push(victim::ticket(&login));
    tally.attack(&known, &mut dice, ROUNDS[1]).await;
    let victim = Victim::at(&estate, "hq", login).await;
    known.nonce = Some(victim.nonce.clone());
    known.fragment = victim.good_fragment(&estate).await;
    tally.attack(&known, &mut dice, ROUNDS[2]).await;

    let held = estate.status_of("hq").await["state"] != "authenticating";
    let let_in = victim.gets_in(&known.fragment).await;
    let panics = estate.daemon.output().matches("panicked").count();
    vec![
        Figure::exactly("sent", tally.took.len(), ROUNDS.iter().sum()),
        Figure::exactly("accepted", tally.accepted + usize::from(held), 0),
        Figure::exactly("panics", panics, 0),
        Figure::sooner("p50", tally.quantile(50), LIMIT),
        Figure::sooner("p99", tally.quantile(99), LIMIT),
        Figure::exactly("genuine-accepted", usize::from(let_in), 1),
        Figure::at_least("weakened-accepted", weakened_accepted(&mut dice).await, 1),
    ]
}

/// A daemon that says no more than it says by default: it is measured.
fn daemon(home: &Home) -> tokio::process::Command {
    let mut daemon = home.ucssod();
    daemon.env_remove("RUST_LOG");
    daemon
}

/// What can be known without watching the login that is attacked: the nonce of a login to the
/// same cluster that is over, and that of a login to another.
async fn known(estate: &Estate) -> Known {
    let before = Victim::of(estate, "hq").await;
    let elsewhere_fragment = before.good_fragment(estate).await;
    let mut stale = vec![before.nonce.clone(), before.ticket.clone()];
    assert!(before.gets_in(&elsewhere_fragment).await, "a login without an attack goes well");
    estate.ctl_output(&["logout", "hq"]).await;

    let elsewhere = Victim::of(estate, "vm").await;
    let fragment = elsewhere.good_fragment(estate).await;
    stale.push(elsewhere.nonce.clone());
    estate.ctl_output(&["cancel", "vm"]).await;
    Known { port: wire::port_of(&estate.redirect_uri("hq")), stale, fragment, nonce: None }
}

/// What came of the attacks.
#[derive(Default)]
struct Tally {
    accepted: usize,
    took: Vec<Duration>,
}

impl Tally {
    async fn attack(&mut self, known: &Known, dice: &mut Dice, count: usize) {
        for _ in 0..count {
            let forgery = Forgery::throw(known, dice);
            let reply = wire::exchange(known.port, &forgery.bytes, forgery.is_all).await;
            if reply.is_of_a_redirect_taken() {
                let request = String::from_utf8_lossy(&forgery.bytes);
                anstream::eprintln!("S1: accepted: {request:?}");
                self.accepted += 1;
            }
            self.took.push(reply.took);
        }
    }

    /// What so many of a hundred did not exceed.
    fn quantile(&self, percent: usize) -> Duration {
        let mut took = self.took.clone();
        took.sort_unstable();
        took[took.len() * percent / 100]
    }
}

/// How many of the same requests a daemon takes that does not look at the nonce. It stops at one.
async fn weakened_accepted(dice: &mut Dice) -> usize {
    let estate = weakened::estate().await;
    let victim = Victim::of(&estate, "hq").await;
    let known = Known {
        port: wire::port_of(&estate.redirect_uri("hq")),
        stale: vec![victim.ticket.clone()],
        fragment: victim.good_fragment(&estate).await,
        nonce: None,
    };
    for _ in 0..WEAKENED {
        let forgery = Forgery::throw(&known, dice);
        let reply = wire::exchange(known.port, &forgery.bytes, forgery.is_all).await;
        if reply.is_of_a_redirect_taken() {
            return 1;
        }
    }
    0
}
