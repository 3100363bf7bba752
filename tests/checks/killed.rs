//! S11: a daemon that is killed again and again, at any moment: in a login, a renewal, a logout,
//! at rest, while it starts. Programs ask it for tokens all the while, and hold each answer against
//! those before it.

use std::{
    cell::{Cell, RefCell},
    future::pending,
    os::unix::{
        fs::{DirBuilderExt as _, PermissionsExt as _},
        net::UnixListener,
    },
    time::Duration,
};

use rustix::process::{Signal, kill_process};
use tokio::{process::Command, select, time::timeout};
use ucsso::{
    lab::{Lab, LabConfig, walk::Walk},
    rpc::{
        client::{Client, reason},
        proto::{Interaction, LogoutRequest, StartLoginRequest, start_login_response::Event},
    },
};

use crate::{
    check::Figure,
    dice::Dice,
    estate::{Estate, Home},
    ledger::Ledger,
    process::{PATIENCE, Process},
    rig::token_from,
    service_manager::ServiceManager,
    wire::moment,
};

/// How many programs ask.
const PROGRAMS: usize = 4;

/// Shorter than a run, so that tokens also expire, and longer than a daemon takes to come back.
const LIFETIME: Duration = Duration::from_secs(8);

/// The longest that a daemon is left alone, in milliseconds.
const LONGEST_LIFE: usize = 600;

pub(crate) async fn some_kills() -> Vec<Figure> {
    figures(40).await
}

pub(crate) async fn many_kills() -> Vec<Figure> {
    figures(200).await
}

async fn figures(kills: usize) -> Vec<Figure> {
    let found = run(kills, true).await;
    // The same without anybody who keeps what the daemon holds.
    let control = run(10, false).await;
    let tokens = found.ledger.tokens();
    let Ledger { lost, came_back, corrupt, found_again, .. } = found.ledger;
    vec![
        Figure::exactly("lost", lost, 0),
        Figure::exactly("came-back", came_back, 0),
        Figure::exactly("corrupt", corrupt + found.unread, 0),
        Figure::sooner("slowest-start", found.slowest_start, Duration::from_secs(1)),
        Figure::sooner("longest-gap", found.longest_gap, Duration::from_secs(3)),
        Figure::at_least("found-again", found_again, kills / 4),
        Figure::at_least("logins", tokens, kills / 5),
        Figure::at_least("logouts", found.logouts, 1),
        Figure::at_least("lost-without-a-store", control.ledger.lost, 1),
    ]
}

struct Found {
    ledger: Ledger,
    logouts: usize,
    /// Records that a daemon could not read.
    unread: usize,
    slowest_start: Duration,
    longest_gap: Duration,
}

/// What everybody in here looks at.
struct Scene {
    lab: Lab,
    home: Home,
    ledger: RefCell<Ledger>,
    /// Counts the daemons.
    daemons: Cell<usize>,
    longest_gap: Cell<Duration>,
    logouts: Cell<usize>,
}

async fn run(kills: usize, kept: bool) -> Found {
    let mut manager = None;
    let lab = LabConfig { token_lifetime: LIFETIME, ..LabConfig::default() };
    let estate = Estate::launch_as(lab, ToOwned::to_owned, |home| {
        service(manager.insert(listening(home)), home, kept)
    });
    let Estate { lab, home, daemon, .. } = estate.await;
    let manager = manager.unwrap();
    let scene = Scene {
        lab,
        home,
        ledger: RefCell::default(),
        daemons: Cell::new(1),
        longest_gap: Cell::default(),
        logouts: Cell::default(),
    };
    let programs = async {
        let programs: [_; PROGRAMS] = std::array::from_fn(|_| program(&scene));
        let [a, b, c, d] = programs;
        tokio::join!(a, b, c, d);
    };
    let (slowest_start, unread) = select! {
        killed = killer(&scene, daemon, &manager, kills, kept) => killed,
        () = programs => unreachable!("programs go on"),
        () = human(&scene) => unreachable!("humans go on"),
    };
    let (longest_gap, logouts) = (scene.longest_gap.get(), scene.logouts.get());
    let ledger = scene.ledger.into_inner();
    Found { ledger, logouts, unread, slowest_start, longest_gap }
}

/// A manager that listens at the broker's socket, whether or not there is a daemon.
fn listening(home: &Home) -> ServiceManager {
    let socket = home.socket();
    let folder = socket.parent().unwrap();
    std::fs::DirBuilder::new().mode(0o700).create(folder).unwrap();
    let listener = UnixListener::bind(&socket).unwrap();
    std::fs::set_permissions(&socket, std::fs::Permissions::from_mode(0o600)).unwrap();
    ServiceManager::new().listening("broker", listener)
}

fn service(manager: &ServiceManager, home: &Home, kept: bool) -> Command {
    let mut command = home.ucssod();
    command.env("RUST_LOG", "info");
    let mut service = manager.service(&command);
    if !kept {
        service.env_remove("NOTIFY_SOCKET");
    }
    service
}

/// Kills the daemon so many times; says how long the slowest start took until somebody was
/// answered, and how many records could not be read.
async fn killer(
    scene: &Scene,
    mut daemon: Process,
    manager: &ServiceManager,
    kills: usize,
    kept: bool,
) -> (Duration, usize) {
    let mut dice = Dice::new(11);
    let (mut slowest, mut unread) = (Duration::ZERO, 0);
    for _ in 0..kills {
        pause(dice.below(LONGEST_LIFE)).await;
        kill_process(daemon.pid().unwrap(), Signal::KILL).unwrap();
        let (_, said) = daemon.end().await;
        unread += said.matches("a stored record is not read").count();
        let began = moment();
        daemon = Process::start(&mut service(manager, &scene.home, kept));
        scene.daemons.set(scene.daemons.get() + 1);
        // Once in four it is killed as it starts.
        if !dice.once_in(4) {
            let asked = Client::connect(&scene.home.socket()).await.unwrap();
            let answer = token_from(&asked, "hq", Interaction::Never).await;
            assert!(!answer.is_err_and(|status| reason(&status).is_none()), "nobody killed it");
            slowest = slowest.max(began.elapsed());
        }
    }
    (slowest, unread)
}

/// Asks for the token again and again, over a connection that it keeps as long as it can.
async fn program(scene: &Scene) {
    let mut client: Option<(Client, bool)> = None;
    let mut answered_at = moment();
    loop {
        pause(15).await;
        let Some((asked, is_new)) = client.take() else {
            let is_new = scene.daemons.get() > 1;
            client =
                Client::connect(&scene.home.socket()).await.ok().map(|client| (client, is_new));
            continue;
        };
        let before = scene.ledger.borrow().now();
        let answer = timeout(PATIENCE, token_from(&asked, "hq", Interaction::Never)).await.unwrap();
        match answer {
            Ok(token) => scene.ledger.borrow_mut().saw(before, &token, is_new),
            // Whatever the daemon says has a reason; this is what the kill said.
            Err(status) if reason(&status).is_none() => continue,
            Err(_) => scene.ledger.borrow_mut().saw_none(before),
        }
        let gap = answered_at.elapsed();
        scene.longest_gap.set(scene.longest_gap.get().max(gap));
        answered_at = moment();
        client = Some((asked, false));
    }
}

/// Logs in, now and then out, and does nothing for a moment. What a kill undoes is begun anew.
async fn human(scene: &Scene) {
    let mut dice = Dice::new(12);
    let mut walk = Walk::new(scene.lab.ca_pem(), "alice", "alicepw").unwrap();
    loop {
        let Ok(client) = Client::connect(&scene.home.socket()).await else { continue };
        if dice.once_in(6) {
            scene.ledger.borrow_mut().logout_begins();
            let out = client.login().logout(LogoutRequest { cluster: "hq".into() }).await.is_ok();
            scene.ledger.borrow_mut().logout_ended(out);
            scene.logouts.set(scene.logouts.get() + usize::from(out));
        }
        pause(dice.below(LONGEST_LIFE)).await;
        let request = StartLoginRequest { cluster: "hq".into(), no_browser: true };
        let Ok(events) = client.login().start_login(request).await else { continue };
        let mut events = events.into_inner();
        while let Ok(Some(response)) = events.message().await {
            if let Some(Event::Opened(opened)) = response.event {
                // A kill ends this as it ends whatever else there is.
                let url = opened.url.parse().unwrap();
                let _ = timeout(PATIENCE, walk.login(&url)).await.unwrap();
            }
        }
    }
}

async fn pause(millis: usize) {
    let millis = Duration::from_millis(millis.try_into().unwrap());
    let _ = timeout(millis, pending::<()>()).await;
}
