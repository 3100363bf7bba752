//! S25: a daemon that could not run while its token ended. It is stopped as a whole; or its machine
//! was paused for eight hours, which the wall clock shows, and logind tells of; and at length, its
//! machine sleeps.
//!
//! In the last of them, `S25-machine`, there is a kernel that really sleeps, and that tells when
//! somebody sets its wall clock; and nobody else tells anything.
//!
//! The lab says which tokens are dead. Programs ask before anybody has told the daemon.

use std::{
    fs,
    time::{Duration, Instant},
};

use rustix::{
    process::{Signal, kill_process},
    time::{ClockId, Timespec, clock_gettime, clock_settime},
};
use tokio::time::{interval, timeout};
use tonic::Streaming;
use ucsso::{
    lab::LabConfig,
    rpc::{
        client::Client,
        proto::{Interaction, WatchTokenRequest, WatchTokenResponse},
    },
};

use crate::{
    check::Figure,
    clock_shim::ClockShim,
    estate::{Estate, Home},
    logind::{Machine, us},
    machine,
    process::{PATIENCE, until},
    rig::{WRITING, token_from, with_browser},
    service_manager::ServiceManager,
    wire::moment,
};

/// How soon whoever watches has to hear of it, once the daemon was told that the machine woke.
const TOLD: Duration = Duration::from_secs(2);

/// And if nobody tells it.
const UNTOLD: Duration = Duration::from_secs(35);

const EIGHT_HOURS: Duration = Duration::from_hours(8);

/// How long a token lives that ends while the daemon is stopped.
const LIFETIME: Duration = Duration::from_secs(4);

pub(crate) async fn run() -> Vec<Figure> {
    let stopped = stopped(LIFETIME).await;
    let paused = paused().await;
    let mut figures = figures(&[("stopped", &stopped, UNTOLD), ("paused", &paused, TOLD)]);
    let (restored, outslept) = restarted().await;
    figures.push(Figure::exactly("restored-at-once", restored, 10));
    figures.push(Figure::exactly("restored-after-the-sleep", outslept, 0));
    figures
}

/// A minute's token, as the shortest that a real cluster gives.
pub(crate) async fn run_long() -> Vec<Figure> {
    let stopped = stopped(Duration::from_mins(1)).await;
    figures(&[("stopped", &stopped, UNTOLD)])
}

/// The check that puts a machine to sleep.
pub(crate) const OF_A_MACHINE: &str = "S25-machine";

/// How long the token of that machine lives, and how long it sleeps, in seconds.
const LIVES: usize = 60;
const SLEEPS: usize = 75;

/// Runs itself in a virtual machine, and there puts that to sleep.
pub(crate) async fn run_machine() -> Vec<Figure> {
    if !machine::is_here() {
        return machine::run(OF_A_MACHINE).await;
    }
    let token_lifetime = Duration::from_secs(LIVES.try_into().unwrap());
    let lab = LabConfig { token_lifetime, ..LabConfig::default() };
    let estate = Estate::launch(lab, |toml| with_browser(&WRITING, toml)).await;

    let obtained = moment();
    let (client, mut watch, token) = watched(&estate).await;
    let slept = sleep();
    let since = moment();
    let expired = still_served(&client).await;
    let woken = heard(&mut watch, since).await;
    let meant = usize::from(is_dead(&estate, &token).await);
    let by_a_clock_that_stops = usize::try_from(obtained.elapsed().as_secs()).unwrap();

    let (_client, mut watch, _token) = watched(&estate).await;
    let mut wall = clock_gettime(ClockId::Realtime);
    wall.tv_sec += 10 * 365 * 24 * 3600;
    clock_settime(ClockId::Realtime, wall).unwrap();
    let since = moment();
    let set = heard(&mut watch, since).await;

    vec![
        Figure::exactly("expired-tokens-served", expired, 0),
        Figure::exactly("tokens-that-died", meant, 1),
        Figure::at_least("seconds-asleep", slept, LIVES),
        // By a clock that stops while the machine sleeps, the token would still be good.
        Figure::at_most("seconds-awake", by_a_clock_that_stops, LIVES),
        Figure::sooner("woken-decided-after", woken, TOLD),
        Figure::sooner("set-decided-after", set, TOLD),
    ]
}

/// Sleeps as the whole machine, and says for how many seconds.
fn sleep() -> usize {
    let seconds = |clock| {
        let Timespec { tv_sec, .. } = clock_gettime(clock);
        usize::try_from(tv_sec).unwrap()
    };
    let asleep = || seconds(ClockId::Boottime) - seconds(ClockId::Monotonic);
    let before = asleep();
    fs::write("/sys/class/rtc/rtc0/wakealarm", format!("+{SLEEPS}")).unwrap();
    fs::write("/sys/power/state", "mem").unwrap();
    asleep() - before
}

/// What was seen after a token had ended unnoticed.
struct Awakening {
    /// How often the dead token was served.
    expired: usize,
    /// Whether it was dead, and served before that.
    meant: bool,
    /// How soon whoever watches heard of it.
    took: Duration,
}

fn figures(awakenings: &[(&str, &Awakening, Duration)]) -> Vec<Figure> {
    let expired = awakenings.iter().map(|(_, seen, _)| seen.expired).sum();
    let meant = awakenings.iter().filter(|(_, seen, _)| seen.meant).count();
    let mut figures = vec![
        Figure::exactly("expired-tokens-served", expired, 0),
        // There was a token, it was served, and it died meanwhile.
        Figure::exactly("tokens-that-died", meant, awakenings.len()),
    ];
    figures.extend(awakenings.iter().map(|(what, seen, limit)| {
        Figure::sooner(&format!("{what}-decided-after"), seen.took, *limit)
    }));
    figures
}

/// Stops the daemon until its token is dead. What is asked meanwhile waits for it.
async fn stopped(lifetime: Duration) -> Awakening {
    let lab = LabConfig { token_lifetime: lifetime, ..LabConfig::default() };
    let estate = Estate::launch(lab, |toml| with_browser(&WRITING, toml)).await;
    let (client, mut watch, token) = watched(&estate).await;
    let daemon = estate.daemon.pid().unwrap();

    kill_process(daemon, Signal::STOP).unwrap();
    let mut pace = interval(Duration::from_millis(500));
    let dies = async {
        while !is_dead(&estate, &token).await {
            pace.tick().await;
        }
    };
    timeout(lifetime + PATIENCE, dies).await.expect("the token does not die");
    let early = {
        let client = client.clone();
        tokio::spawn(async move { token_from(&client, "hq", Interaction::Never).await.is_ok() })
    };
    // Long enough for the question to be in the socket.
    for _ in 0..3 {
        pace.tick().await;
    }
    kill_process(daemon, Signal::CONT).unwrap();
    let since = moment();

    let took = heard(&mut watch, since).await;
    let expired = usize::from(early.await.unwrap()) + still_served(&client).await;
    Awakening { expired, meant: is_dead(&estate, &token).await, took }
}

/// Pauses the machine for eight hours, as a hypervisor does: its boot clock stands still, and its
/// wall clock is right when it goes on. Then logind tells.
async fn paused() -> Awakening {
    let shim = ClockShim::build();
    let machine = Machine::start().await;
    let session = machine.session("1", us(), true).await;
    let edit = |toml: &str| with_browser(&WRITING, toml);
    let estate = Estate::launch_as(LabConfig::default(), edit, |home: &Home| {
        let mut daemon = shim.before(home.ucssod());
        daemon.env("DBUS_SYSTEM_BUS_ADDRESS", machine.bus.address());
        daemon
    })
    .await;
    until("the daemon listens to logind", async || {
        session.sleep_and_wake().await;
        let status = estate.status().await;
        (status["server"]["reserve"] == "just-woke").then_some(())
    })
    .await;
    let (client, mut watch, token) = watched(&estate).await;

    shim.set(EIGHT_HOURS.as_secs().cast_signed());
    estate.lab.advance(EIGHT_HOURS);
    let early = still_served(&client).await;
    assert!(watch.message().await.unwrap().unwrap().token.is_some());
    let by_itself = timeout(Duration::from_secs(1), watch.message()).await;
    assert!(by_itself.is_err(), "it is not the signal that tells: {by_itself:?}");
    let since = moment();
    session.sleep_and_wake().await;

    let took = heard(&mut watch, since).await;
    let expired = early + still_served(&client).await;
    Awakening { expired, meant: is_dead(&estate, &token).await, took }
}

/// Ends the daemon, and starts the next one at once; and once more after a sleep of eight hours, as
/// its boot clock has it while the wall clock knows of none. How often the token is served then.
async fn restarted() -> (usize, usize) {
    let manager = ServiceManager::new();
    let edit = |toml: &str| with_browser(&WRITING, toml);
    let service = |home: &Home| manager.service(&home.ucssod());
    let estate = Estate::launch_as(LabConfig::default(), edit, service).await;
    estate.logged_in("hq").await;

    let estate = estate.replaced(Signal::KILL, service).await;
    let restored = still_served(&estate.client().await).await;

    let seconds = EIGHT_HOURS.as_secs().to_string();
    let asleep = ["unshare", "--time", "--boottime", &seconds, "--monotonic", "0", "--fork"];
    let asleep = [asleep.as_slice(), &["--kill-child", "--"]].concat();
    let asleep = |home: &Home| manager.service_within(&asleep, &home.ucssod());
    let estate = estate.replaced(Signal::KILL, asleep).await;
    (restored, still_served(&estate.client().await).await)
}

/// Logs in, and has somebody watch the token.
async fn watched(estate: &Estate) -> (Client, Streaming<WatchTokenResponse>, String) {
    let token = estate.logged_in("hq").await;
    let client = estate.client().await;
    assert!(token_from(&client, "hq", Interaction::Never).await.is_ok());
    let request = WatchTokenRequest { cluster: "hq".into() };
    let watch = client.broker().watch_token(request).await.unwrap().into_inner();
    (client, watch, token)
}

/// How long after a moment whoever watches hears that there is no token.
async fn heard(watch: &mut Streaming<WatchTokenResponse>, since: Instant) -> Duration {
    let hearing = async { while watch.message().await.unwrap().unwrap().token.is_some() {} };
    timeout(PATIENCE, hearing).await.expect("nobody was told that the token has ended");
    since.elapsed()
}

/// How often a token is served of ten times.
async fn still_served(client: &Client) -> usize {
    let mut served = 0;
    for _ in 0..10 {
        served += usize::from(token_from(client, "hq", Interaction::Never).await.is_ok());
    }
    served
}

/// Whether the cluster refuses it.
async fn is_dead(estate: &Estate, token: &str) -> bool {
    estate.ask("cucm-pub", "/cucm-uds/user/alice", token).await.0 == 401
}
