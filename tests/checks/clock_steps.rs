//! S24: a wall clock that is set by days and years, and a thousand times in a row.
//!
//! The real daemon has its wall clock moved under its feet, and the lab, whose clock stays right,
//! says which tokens are dead. That the kernel tells of a step cannot be had there; S25 has it.
//! How many logins a storm costs that lasts for hours is found with a clock that is moved by hand.

use std::time::Duration;

use tokio::time::{interval, timeout};
use ucsso::{
    broker::Interaction as Asks,
    domain::{Policy, RenewMode},
    lab::LabConfig,
    rpc::{client::Client, proto::Interaction},
};

use crate::{
    broker_rig::{HOUR, Rig, ask},
    check::Figure,
    clock_shim::{ClockShim, wall_seconds},
    dice::Dice,
    estate::{Estate, Home},
    login::Answer,
    rig::{WRITING, token_from, with_browser},
};

const STEPS: usize = 1000;
const DAY: i64 = 24 * 3600;
const TEN_YEARS: i64 = 3653 * DAY;

/// How long a token lives. The daemon serves none in its last tenth.
const LIFETIME: Duration = Duration::from_secs(3);

/// How often a dead token is asked for.
const TRIES: usize = 20;

pub(crate) async fn run() -> Vec<Figure> {
    let shim = ClockShim::build();
    let lab = LabConfig { token_lifetime: LIFETIME, ..LabConfig::default() };
    let edit = |toml: &str| with_browser(&WRITING, toml);
    let daemon = |home: &Home| shim.before(home.ucssod());
    let estate = Estate::launch_as(lab, edit, daemon).await;
    let client = estate.client().await;

    let mut lives = Vec::new();
    for offset in [-DAY, -TEN_YEARS] {
        lives.push(life(&estate, &client, &shim, offset).await);
        shim.set(0);
    }
    let token = estate.logged_in("hq").await;
    shim.set(DAY);
    let ended_early = !is_dead(&estate, &token).await && served(&client).await.is_none();
    storm(&client, &shim).await;
    let windows = estate.opened().len();
    shim.set(0);
    // The daemon's time is ten years ahead by now.
    let after_it = life(&estate, &client, &shim, 0).await;

    let together = a_storm_of_hours(STEPS, (0, 20)).await;
    let apart = a_storm_of_hours(STEPS / 10, (31, 60)).await;
    let expired = lives.iter().chain([&after_it]).map(|life| life.expired).sum::<usize>();
    vec![
        Figure::exactly("expired-tokens-served", expired + together.expired + apart.expired, 0),
        Figure::exactly("windows-in-a-storm", windows, 0),
        Figure::at_most("logins-after-a-storm", together.logins, 1),
        // Served at all, while they lived; and after the storm too.
        Figure::at_least(
            "tokens-served",
            lives.iter().chain([&after_it]).filter(|life| life.served > 0).count(),
            3,
        ),
        // Whoever went by the wall clock would have served the dead ones.
        Figure::at_least(
            "served-by-wall-clock",
            lives.iter().filter(|life| life.naive > 0).count(),
            2,
        ),
        // The steps reach the daemon: it lets go of a token that the cluster still takes.
        Figure::exactly("ended-by-a-step", usize::from(ended_early), 1),
        // Logins are counted: where the clock comes to rest in between, there are more.
        Figure::at_least("logins-where-it-rests", apart.logins, 2),
    ]
}

/// What was seen of one token.
#[derive(Debug, Default)]
struct Life {
    /// How often it was served.
    served: usize,
    /// How often, of those, it was dead.
    expired: usize,
    /// How often a broker would have served it dead that goes by the wall clock.
    naive: usize,
}

/// Obtains a token, sets the wall clock, and keeps asking until the token has been dead for long.
async fn life(estate: &Estate, client: &Client, shim: &ClockShim, offset: i64) -> Life {
    let token = estate.logged_in("hq").await;
    let told = served(client).await.unwrap().expire_time.unwrap();
    shim.set(offset);

    let (mut life, mut tries) = (Life::default(), 0);
    while tries < TRIES {
        let dead = is_dead(estate, &token).await;
        tries += usize::from(dead);
        life.naive += usize::from(dead && wall_seconds() + offset < told.seconds);
        if let Some(served) = served(client).await {
            assert_eq!(served.access_token, token);
            let is_left = served.remaining.is_some_and(|left| left.seconds > 0 || left.nanos > 0);
            life.served += 1;
            life.expired += usize::from(dead || !is_left);
        }
    }
    life
}

/// Sets the wall clock again and again while a program keeps asking.
async fn storm(client: &Client, shim: &ClockShim) {
    let mut dice = Dice::new(24);
    let mut pace = interval(Duration::from_millis(5));
    let span = usize::try_from(2 * TEN_YEARS).unwrap();
    for _ in 0..STEPS {
        pace.tick().await;
        shim.set(i64::try_from(dice.below(span)).unwrap() - TEN_YEARS);
        // A login that began would keep it waiting.
        let asked = token_from(client, "hq", Interaction::IfNeeded);
        let token = timeout(Duration::from_secs(1), asked).await;
        assert!(!matches!(token, Ok(Ok(_))), "the token has ended with the first step");
    }
}

async fn served(client: &Client) -> Option<ucsso::rpc::proto::Token> {
    token_from(client, "hq", Interaction::Never).await.ok()
}

/// Whether the cluster refuses it.
async fn is_dead(estate: &Estate, token: &str) -> bool {
    estate.ask("cucm-pub", "/cucm-uds/user/alice", token).await.0 == 401
}

/// What a storm came to.
struct Toll {
    logins: usize,
    expired: usize,
}

/// A storm of steps by up to ten years, so many seconds apart, and half a minute of rest. Somebody
/// answers every window at once.
async fn a_storm_of_hours(steps: usize, (shortest, longest): (usize, usize)) -> Toll {
    let rig = Rig::new(Policy { renew: RenewMode::Ahead, ..Policy::default() }).with_token().await;
    let mut dice = Dice::new(25);
    let (mut age, mut generation, mut expired) = (Duration::ZERO, 1, 0);
    // Where the wall clock is, and where it was at most.
    let (mut wall, mut furthest) = (0u64, 0u64);
    for step in 0..=steps {
        let to = u64::try_from(dice.below(usize::try_from(TEN_YEARS).unwrap())).unwrap();
        if step < steps && to > furthest {
            rig.clock.wander(Duration::from_secs(wall.abs_diff(furthest)));
            rig.clock.jump(Duration::from_secs(to - furthest));
            furthest = to;
        } else if step < steps {
            rig.clock.wander(Duration::from_secs(wall.abs_diff(to)));
        }
        wall = to;
        rig.broker.note_gap();
        let pause = if step < steps { dice.below(longest - shortest) + shortest } else { 30 };
        for _ in 0..pause {
            rig.login.answer(Answer::Token(HOUR));
            rig.settle().await;
            if let Ok(token) = rig.hq().token(ask(Asks::Never)).await {
                if token.generation.0 != generation {
                    (age, generation) = (Duration::ZERO, token.generation.0);
                }
                expired += usize::from(age >= HOUR);
            }
            rig.clock.advance(Duration::from_secs(1));
            age += Duration::from_secs(1);
        }
    }
    rig.settle().await;
    Toll { logins: rig.login.windows() - 1, expired }
}
