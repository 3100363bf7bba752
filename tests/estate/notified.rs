//! What a service manager hears of the daemon, and what a browser does not.

use std::{
    fs,
    path::{Path, PathBuf},
};

use rustix::process::{Signal, kill_process};
use tokio::{net::UnixDatagram, process::Command, time::timeout};
use ucsso::lab::LabConfig;

use crate::{
    estate::{Estate, Home},
    process::{PATIENCE, until},
    rig::with_browser,
};

/// A service manager that only listens.
struct Hearing(UnixDatagram);

impl Hearing {
    fn at(path: &Path) -> Self {
        Self(UnixDatagram::bind(path).unwrap())
    }

    /// The next message.
    async fn next(&self) -> String {
        let mut buffer = [0; 4096];
        let length = timeout(PATIENCE, self.0.recv(&mut buffer)).await.expect("it speaks").unwrap();
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    }

    /// The next message with these words in it.
    async fn with(&self, words: &str) -> String {
        loop {
            let message = self.next().await;
            if message.contains(words) {
                return message;
            }
        }
    }
}

fn socket(home: &Home) -> PathBuf {
    home.path("notify")
}

/// An estate whose daemon was started by somebody who listens.
async fn heard(
    edit: impl FnOnce(&str) -> String,
    more: impl FnOnce(&mut Command),
) -> (Estate, Hearing) {
    let mut hearing = None;
    let estate = Estate::launch_as(LabConfig::default(), edit, |home| {
        hearing = Some(Hearing::at(&socket(home)));
        let mut daemon = home.ucssod();
        more(daemon.env("NOTIFY_SOCKET", socket(home)));
        daemon
    })
    .await;
    (estate, hearing.unwrap())
}

#[tokio::test]
async fn a_service_manager_hears_how_it_goes_from_the_first_to_the_last() {
    let (estate, hearing) = heard(str::to_owned, |_| {}).await;

    assert_eq!(
        hearing.next().await,
        "READY=1\nSTATUS=0 of 2 clusters have a token; hq: log in with `ucssoctl login hq`; vm: \
         log in with `ucssoctl login vm`"
    );
    let login = estate.log_in("hq").await;
    hearing.with("; hq: a login is under way;").await;
    login.walked(&mut estate.walk("alice")).await.unwrap();
    let held = hearing.with("STATUS=1 of 2 clusters have a token; hq renews at ").await;
    assert!(held.ends_with("; vm: log in with `ucssoctl login vm`"), "{held}");
    kill_process(estate.daemon.pid().unwrap(), Signal::TERM).unwrap();
    assert_eq!(hearing.next().await, "STOPPING=1\nSTATUS=stopping");
    assert!(estate.daemon.end().await.0.success());
}

#[tokio::test]
async fn a_watchdog_is_told_again_and_again_and_not_by_a_daemon_that_hangs() {
    let enabled = |daemon: &mut Command| {
        daemon.env("WATCHDOG_USEC", "200000");
    };
    let (estate, hearing) = heard(str::to_owned, enabled).await;
    for _ in 0..3 {
        hearing.with("WATCHDOG=1").await;
    }

    let pid = estate.daemon.pid().unwrap();
    kill_process(pid, Signal::STOP).unwrap();

    // What it said before it hung may still be there.
    let silence = async { while timeout(PATIENCE / 60, hearing.next()).await.is_ok() {} };
    assert!(timeout(PATIENCE, silence).await.is_ok());
    kill_process(pid, Signal::CONT).unwrap();
    hearing.with("WATCHDOG=1").await;
}

#[tokio::test]
async fn without_a_watchdog_nothing_is_said_of_being_alive() {
    let another = |daemon: &mut Command| {
        daemon.env("WATCHDOG_USEC", "1000").env("WATCHDOG_PID", "1");
    };
    let (estate, hearing) = heard(str::to_owned, another).await;
    hearing.with("READY=1").await;

    kill_process(estate.daemon.pid().unwrap(), Signal::TERM).unwrap();

    assert_eq!(hearing.next().await, "STOPPING=1\nSTATUS=stopping");
}

#[tokio::test]
async fn a_service_manager_that_does_not_listen_is_missed_and_not_needed() {
    let estate = Estate::launch_as(LabConfig::default(), str::to_owned, |home| {
        let mut daemon = home.ucssod();
        daemon.env("NOTIFY_SOCKET", socket(home));
        daemon
    })
    .await;

    estate.daemon.line_with("does not listen at `NOTIFY_SOCKET`").await;
    estate.logged_in("hq").await;
}

#[tokio::test]
async fn a_browser_does_not_inherit_what_the_service_manager_told_the_daemon() {
    const TOLD: [&str; 6] = [
        "NOTIFY_SOCKET=",
        "WATCHDOG_USEC=",
        "WATCHDOG_PID=",
        "LISTEN_FDS=",
        "LISTEN_PID=",
        "LISTEN_FDNAMES=",
    ];
    let listing =
        ["sh", "-c", "env > \"$HOME/environment\"; echo \"$1\" > \"$HOME/opened\"", "sh", "{url}"];
    let (estate, _hearing) = heard(
        |toml| with_browser(&listing, toml),
        |daemon| {
            for told in &TOLD[1..] {
                // Of another process, as a shell that was started by a service has them.
                daemon.env(told.trim_end_matches('='), "1");
            }
            daemon.env("WATCHDOG_USEC", "60000000").env("KEPT", "1");
        },
    )
    .await;

    let _login = crate::process::Process::start(estate.home.ucssoctl().args(["login", "hq"]));
    until("the browser was opened", async || estate.opened().pop()).await;

    let environment = fs::read_to_string(estate.home.path("environment")).unwrap();
    assert!(environment.contains("KEPT=1"), "{environment}");
    for told in TOLD {
        let inherited = environment.lines().any(|line| line.starts_with(told));
        assert!(!inherited, "{told}: {environment}");
    }
}
