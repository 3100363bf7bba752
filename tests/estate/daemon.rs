//! The daemon's own life: how it ends, comes back, and is missed.

use rustix::process::{Signal, kill_process};
use tokio::{io::AsyncReadExt as _, net::UnixStream};

use crate::{
    estate::{Estate, Home},
    process::{Process, run},
    rig::{End, estate, estate_with_browser},
};

const TO_BE_TOLD: &str = "a login begins";

impl Estate {
    /// A command that waits, and the daemon that has been asked.
    async fn waiting(&self, arguments: &[&str]) -> Process {
        let waiting = Process::start(self.home.ucssoctl().args(arguments));
        self.daemon.line_with(TO_BE_TOLD).await;
        waiting
    }

    fn signal(&self, signal: Signal) {
        kill_process(self.daemon.pid().unwrap(), signal).unwrap();
    }
}

#[tokio::test]
async fn a_caller_who_waits_is_told_that_the_daemon_stops() {
    let estate = estate_with_browser(&["true", "{url}"]).await;
    let caller = estate.waiting(&["token", "hq"]).await;
    let mut silent = UnixStream::connect(estate.home.socket()).await.unwrap();
    let watcher = Process::start(estate.home.ucssoctl().args(["status", "--watch", "--json"]));
    watcher.line_with("authenticating").await;

    estate.signal(Signal::TERM);
    let (status, said) = caller.end().await;
    let (daemon, log) = estate.daemon.end().await;

    assert_eq!((status.code(), said.as_str()), (Some(3), "ucssoctl: the broker stops\n"));
    assert_eq!(watcher.end().await.0.code(), Some(3));
    assert!(daemon.success(), "{daemon}: {log}");
    assert!(!estate.home.socket().exists());
    let _what_was_said_before = silent.read_to_end(&mut Vec::new()).await;
}

#[tokio::test]
async fn a_login_that_waits_ends_with_the_daemon() {
    let estate = estate().await;
    let login = estate.log_in("hq").await;

    estate.signal(Signal::INT);

    login.ended().await.is(3, &["ucssoctl: the broker stops\n"]);
    assert!(estate.daemon.end().await.0.success());
}

#[tokio::test]
async fn a_second_daemon_leaves_the_first_alone() {
    let estate = estate().await;
    let token = estate.logged_in("hq").await;

    let second = End::of(&run(&mut estate.home.ucssod()).await);

    let socket = estate.home.socket();
    second.is(
        1,
        &[
            &format!("ucssod: another ucssod is already serving `{}`\n", socket.display()),
            "see `ucssoctl status`, or end it first",
        ],
    );
    assert_eq!(estate.token("hq").await, token);
}

#[tokio::test]
async fn a_daemon_that_was_killed_can_be_started_again() {
    let mut estate = estate().await;
    estate.logged_in("hq").await;

    estate.signal(Signal::KILL);
    estate.daemon.end().await;
    assert!(estate.home.socket().exists(), "nobody was there to remove it");
    let between = End::of(&run(estate.home.ucssoctl().args(["token", "hq"])).await);
    estate.daemon = Process::start(&mut estate.home.ucssod());
    estate.daemon.line_with("ready").await;

    between.is(3, &["ucssod is not running"]);
    estate.refused(&["token", "hq", "--no-login"]).await.is(4, &["nobody has logged in to `hq`"]);
    estate.logged_in("hq").await;
}

#[tokio::test]
async fn without_a_daemon_it_is_said_how_to_start_one() {
    let home = Home::new();

    for command in [&["token", "hq"][..], &["status"], &["login"], &["cancel", "hq"]] {
        let end = End::of(&run(home.ucssoctl().args(command)).await);

        let sentence =
            format!("ucssod is not running: nothing listens on `{}`", home.socket().display());
        end.is(3, &[&sentence, "help: start it with `ucssod &`\n"]);
    }
    assert!(!home.socket().exists(), "asking starts nothing");
}
