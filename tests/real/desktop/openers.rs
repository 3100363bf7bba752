//! Which way a URL is opened, with portals and user managers on a bus of their own, and with
//! programs that do what programs should not.

use std::{fs, os::unix::fs::PermissionsExt as _, process, time::Duration};

use tokio::{process::Command, time::timeout};
use ucsso::{
    browser::{Environment, Error, Opener, desktop::Fault},
    lab::IdpChoice,
};

use super::{
    PrivateBus,
    manager::Manager,
    portal::{Doing, Portal},
};
use crate::{
    estate::Estate,
    process::{PATIENCE, Process, until},
};

const URL: &str = "http://127.0.0.1:8765/start/Canary-ticket$HOME%20";

/// What `open` promises, with something for a busy machine.
const LIMIT: Duration = Duration::from_secs(20);

/// An opener on this bus, started by systemd, without a display of its own.
fn opener(bus: &PrivateBus) -> Opener {
    let environment = Environment { session_bus: bus.bus(), unit: true, ..Environment::default() };
    Opener::with_environment(None, environment)
}

/// Opens the URL, which is in no error.
async fn open(by: &Opener) -> Result<(), Error> {
    let opened = timeout(LIMIT, by.open(URL)).await.expect("it takes ten seconds at most");
    if let Err(error) = &opened {
        assert!(!format!("{error:?}").contains("Canary"), "{error:?}");
    }
    opened.map(|_| ())
}

#[tokio::test]
async fn the_portal_opens_the_url_and_nobody_else_is_asked() {
    let bus = PrivateBus::start().await;
    let manager = Manager::start(&bus, true, Some("done")).await;
    let portal = Portal::start(&bus, Doing::Respond(0)).await;

    open(&opener(&bus)).await.unwrap();

    assert_eq!(portal.asked(), [URL]);
    assert!(manager.units().is_empty());
}

#[tokio::test]
async fn a_portal_without_a_manager_beside_it_is_asked() {
    let bus = PrivateBus::start().await;
    let portal = Portal::start(&bus, Doing::Respond(0)).await;

    open(&opener(&bus)).await.unwrap();

    assert_eq!(portal.asked(), [URL]);
}

#[tokio::test]
async fn a_human_who_declines_at_the_portal_is_not_asked_in_another_way() {
    let bus = PrivateBus::start().await;
    let manager = Manager::start(&bus, true, Some("done")).await;
    let _portal = Portal::start(&bus, Doing::Respond(1)).await;

    let opened = open(&opener(&bus)).await;

    assert!(matches!(opened, Err(Error::PortalDeclined)), "{opened:?}");
    assert!(manager.units().is_empty());
}

#[tokio::test]
async fn where_the_portal_fails_the_user_manager_runs_xdg_open() {
    let bus = PrivateBus::start().await;
    let manager = Manager::start(&bus, true, Some("done")).await;
    for doing in [Doing::Respond(2), Doing::Fail] {
        let portal = Portal::start(&bus, doing).await;

        open(&opener(&bus)).await.unwrap();

        assert_eq!(portal.asked(), [URL]);
    }
    open(&opener(&bus)).await.unwrap();

    let units = manager.units();
    assert_eq!(units.len(), 3, "the last without a portal");
    let [program, url] = ["xdg-open", "http://127.0.0.1:8765/start/Canary-ticket$$HOME%20"];
    assert_eq!(units[0].command.0, "/usr/bin/env");
    assert_eq!(units[0].command.1, ["env", program, url]);
    assert!(units[0].name.starts_with("ucsso-open-") && units[0].name.ends_with(".service"));
    assert_ne!(units[0].name, units[1].name);
    for property in ["Type=oneshot", "KillMode=process", "CollectMode=inactive-or-failed"] {
        assert!(units[0].properties.iter().any(|own| own == property), "{:?}", units[0]);
    }
}

#[tokio::test]
async fn a_request_that_the_portal_never_ends_is_closed_before_another_way_is_tried() {
    let bus = PrivateBus::start().await;
    let manager = Manager::start(&bus, true, Some("done")).await;
    let mut portal = Portal::start(&bus, Doing::Begin).await;

    open(&opener(&bus)).await.unwrap();

    assert_eq!(manager.units().len(), 1);
    let closed = timeout(PATIENCE, portal.closed.wait_for(|closed| *closed == 1)).await;
    assert!(closed.is_ok(), "the request is closed");
}

#[tokio::test]
async fn each_way_that_fails_has_its_error() {
    let bus = PrivateBus::start().await;
    let unit_failed = || Error::UnitFailed { source: Fault::Failed };
    let same = |error: Option<Error>, expected: Error| {
        assert_eq!(error.map(|error| format!("{error:?}")), Some(format!("{expected:?}")));
    };

    same(open(&opener(&bus)).await.err(), Error::NoDisplay);
    let portal = Portal::start(&bus, Doing::Fail).await;
    let refused = Fault::Refused { name: "org.freedesktop.DBus.Error.Failed".into() };
    same(open(&opener(&bus)).await.err(), Error::PortalFailed { source: refused });
    let manager = Manager::start(&bus, true, Some("failed")).await;
    same(open(&opener(&bus)).await.err(), unit_failed());
    drop(portal);
    same(open(&opener(&bus)).await.err(), unit_failed());
    drop(manager);
    until("the manager is gone", async || {
        matches!(open(&opener(&bus)).await, Err(Error::NoDisplay)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_unit_that_runs_on_is_the_browser() {
    let bus = PrivateBus::start().await;
    let manager = Manager::start(&bus, true, None).await;

    open(&opener(&bus)).await.unwrap();

    assert_eq!(manager.units().len(), 1);
}

#[tokio::test]
async fn a_command_that_was_configured_runs_outside_our_sandbox() {
    let bus = PrivateBus::start().await;
    let manager = Manager::start(&bus, false, Some("done")).await;
    let configured = ["/nowhere/browser", "--name=$x", "{url}"].map(ToOwned::to_owned).to_vec();
    let environment = Environment { session_bus: bus.bus(), unit: true, ..Environment::default() };
    let by = Opener::with_environment(Some(configured), environment.clone());

    open(&by).await.unwrap();

    let url = URL.replace('$', "$$");
    assert_eq!(manager.units()[0].command.1, ["env", "/nowhere/browser", "--name=$$x", &url]);
    drop(manager);
    until("the manager is gone", async || {
        matches!(open(&by).await, Err(Error::OpenerMissing { .. })).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_daemon_outside_systemd_and_without_a_display_uses_that_of_the_user_manager() {
    let bus = PrivateBus::start().await;
    let manager = Manager::start(&bus, true, Some("done")).await;
    let portal = Portal::start(&bus, Doing::Fail).await;
    let environment = Environment { session_bus: bus.bus(), ..Environment::default() };

    open(&Opener::with_environment(None, environment)).await.unwrap();

    assert_eq!(portal.asked(), [URL]);
    assert_eq!(manager.units().len(), 1);
    assert_eq!(manager.units()[0].command.1[1], "xdg-open");
}

#[tokio::test]
async fn a_desktop_without_a_display_is_asked_for_nothing() {
    let bus = PrivateBus::start().await;
    let manager = Manager::start(&bus, false, Some("done")).await;
    let portal = Portal::start(&bus, Doing::Respond(0)).await;

    let opened = open(&opener(&bus)).await;

    assert!(matches!(opened, Err(Error::NoDisplay)), "{opened:?}");
    assert!(portal.asked().is_empty() && manager.units().is_empty());
}

#[tokio::test]
async fn a_command_that_fails_makes_room_for_the_portal_unless_it_was_configured() {
    let bus = PrivateBus::start().await;
    let portal = Portal::start(&bus, Doing::Respond(0)).await;
    let environment = Environment {
        browser: Some("/nowhere/browser:false".into()),
        session_bus: bus.bus(),
        ..Environment::default()
    };
    let configured = Some(vec!["false".to_owned(), "{url}".to_owned()]);

    let chosen = open(&Opener::with_environment(configured, environment.clone())).await;
    assert!(matches!(chosen, Err(Error::OpenerFailed { .. })), "{chosen:?}");
    assert!(portal.asked().is_empty());
    open(&Opener::with_environment(None, environment)).await.unwrap();

    assert_eq!(portal.asked(), [URL]);
}

/// Programs that misbehave, each with whether a browser counts as open.
const PROGRAMS: [(&str, bool); 5] = [
    ("exec tail -f /dev/null", true),
    ("exit 1", false),
    ("exec yes", true),
    ("while :; do yes >&2 & yes & sleep 0.1; kill $!; done", true),
    ("for n in 1 2 3 4 5 6 7 8 9; do (exec tail -f /dev/null) & done; exit 1", false),
];

#[tokio::test]
async fn whatever_a_program_does_it_ends_in_time_and_leaves_no_zombie() {
    let folder = tempfile::tempdir().unwrap();
    for (at, (text, opens)) in PROGRAMS.into_iter().enumerate() {
        let leader = folder.path().join(format!("{at}"));
        let text = format!("echo $$ > '{}'; {text}", leader.display());
        let argv = ["/bin/sh", "-c", &text, "sh", "{url}"].map(ToOwned::to_owned).to_vec();
        let by = Opener::with_environment(Some(argv), Environment::default());

        let opened = open(&by).await;

        let group = fs::read_to_string(&leader).unwrap().trim().parse().unwrap();
        let group = rustix::process::Pid::from_raw(group).unwrap();
        // The program is in a group of its own, and all it started with it.
        let _all_have_ended =
            rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        assert_eq!(opened.is_ok(), opens, "{text}: {opened:?}");
        until("no child of ours is a zombie", async || zombies().is_empty().then_some(())).await;
    }
}

/// The children of this process that have ended and that nobody has waited for.
fn zombies() -> Vec<String> {
    let ours = format!(") Z {} ", process::id());
    let stats = fs::read_dir("/proc").unwrap().flatten();
    let stats = stats.filter_map(|entry| fs::read_to_string(entry.path().join("stat")).ok());
    stats.filter(|stat| stat.contains(&ours)).collect()
}

#[tokio::test]
async fn a_start_page_that_the_portal_opens_is_in_no_log() {
    let bus = PrivateBus::start().await;
    let portal = Portal::start(&bus, Doing::Respond(0)).await;
    let mut estate = Estate::start(IdpChoice::Own).await;
    let mut daemon = estate.home.ucssod();
    daemon.env("DBUS_SESSION_BUS_ADDRESS", bus.address());
    let (status, _) = stopped(&mut estate.daemon, daemon).await;
    assert!(status.success());
    estate.daemon.line_with("ready").await;

    let login = Process::start(estate.home.ucssoctl().args(["login", "hq"]));
    let start_url = until("a page is opened", async || portal.asked().pop()).await;

    let ticket = start_url.rsplit('/').next().unwrap();
    assert!(start_url.starts_with("http://127.0.0.1:") && ticket.len() > 20, "{start_url}");
    let log = estate.daemon.output();
    assert!(log.contains("TRACE") || log.contains("DEBUG"), "the log says all: {log}");
    assert!(!log.contains(ticket), "{log}");
    drop(login);
}

/// Ends a daemon as systemd does, and puts the next in its place.
async fn stopped(daemon: &mut Process, mut next: Command) -> (process::ExitStatus, String) {
    let pid = daemon.pid().unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let placeholder = Process::start(&mut Command::new("true"));
    let ended = std::mem::replace(daemon, placeholder).end().await;
    *daemon = Process::start(&mut next);
    ended
}

#[tokio::test]
async fn without_all_else_xdg_open_is_started_with_the_display() {
    let mut estate = Estate::start(IdpChoice::Own).await;
    let programs = estate.home.path("bin");
    fs::create_dir(&programs).unwrap();
    let xdg_open = programs.join("xdg-open");
    fs::write(&xdg_open, "#!/bin/sh\necho \"$DISPLAY $1\" > \"$HOME/opened\"\n").unwrap();
    fs::set_permissions(&xdg_open, fs::Permissions::from_mode(0o755)).unwrap();
    let mut daemon = estate.home.ucssod();
    daemon.env("DISPLAY", ":7").env("DBUS_SESSION_BUS_ADDRESS", "autolaunch:");
    daemon.env("PATH", format!("{}:/usr/bin:/bin", programs.display()));
    stopped(&mut estate.daemon, daemon).await;
    estate.daemon.line_with("ready").await;

    let login = Process::start(estate.home.ucssoctl().args(["login", "hq"]));

    let opened = until("xdg-open runs", async || {
        fs::read_to_string(estate.home.path("opened")).ok().filter(|line| line.ends_with('\n'))
    });
    assert!(opened.await.starts_with(":7 http://127.0.0.1:"));
    drop(login);
}
