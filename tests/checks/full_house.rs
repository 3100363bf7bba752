//! S17: five hundred connections on which nothing is called, to a daemon that may open 64 files.

use std::{ffi::OsString, time::Duration};

use rustix::process::{Signal, kill_process};
use tokio::process::Command;

use crate::{
    bystander::{Bystander, Usage, pause, quiet_estate_as},
    check::Figure,
    components::require,
    estate::Home,
    frames::Wire,
    process,
    wire::moment,
};

const CONNECTIONS: usize = 500;
const DESCRIPTORS: &str = "--nofile=64:64";

pub(crate) async fn run() -> Vec<Figure> {
    let estate = quiet_estate_as(few_files).await;
    let bystander = Bystander::of(&estate.home.socket()).await;

    let usage = Usage::of(&estate);
    let mut crowd = Vec::new();
    for _ in 0..CONNECTIONS {
        crowd.push(Wire::connect(&estate.home.socket()).await);
    }
    let began = moment();
    let status = process::run(estate.home.ucssoctl().arg("status")).await;
    let newcomer = began.elapsed();
    // Somebody has to log in.
    assert_eq!(status.status.code(), Some(4), "{status:?}");
    let meanwhile = usage.percent();
    pause(Duration::from_secs(1)).await;
    let figures = bystander.figures();
    drop(bystander);
    let usage = Usage::of(&estate);
    pause(Duration::from_secs(2)).await;
    let afterwards = usage.percent();
    let mut left = 0;
    for connection in &mut crowd {
        left += usize::from(!connection.closes_within(Duration::from_millis(1)).await);
    }

    // A daemon that is held up is seen to be.
    let pid = estate.daemon.pid().unwrap();
    let held_up = Bystander::of(&estate.home.socket()).await;
    kill_process(pid, Signal::STOP).unwrap();
    pause(Duration::from_millis(100)).await;
    kill_process(pid, Signal::CONT).unwrap();
    pause(Duration::from_millis(100)).await;
    let (late, _) = held_up.found();

    let mut found = Vec::from(figures);
    found.extend([
        Figure::sooner("newcomer", newcomer, Duration::from_secs(5)),
        Figure::at_most("percent-of-a-core", afterwards, 4),
        Figure::at_least("while-they-come", meanwhile, 5),
        Figure::at_least("connections-shed", CONNECTIONS - left, CONNECTIONS - 64),
        Figure::at_least("connections-kept", left, 1),
        Figure::at_least("held-up-p99-ms", usize::try_from(late.as_millis()).unwrap(), 50),
    ]);
    found
}

/// The daemon of this home, with as many descriptors as hardly suffice.
fn few_files(home: &Home) -> Command {
    let daemon = home.ucssod();
    let daemon = daemon.as_std();
    let mut limited = Command::new(require("prlimit", "apt-get install util-linux"));
    limited.env_clear().arg(DESCRIPTORS).arg(daemon.get_program()).args(daemon.get_args());
    let set = daemon.get_envs().filter_map(|(name, value)| Some((name, OsString::from(value?))));
    limited.envs(set);
    limited
}
