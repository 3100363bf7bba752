//! Who was given which token, as the log tells it.

use std::{fs, os::unix::fs::symlink};

use tokio::process::Command;
use ucsso::{
    lab::LabConfig,
    rpc::proto::{Interaction, WatchTokenRequest},
};

use crate::{
    components::require,
    estate::Estate,
    process::run_well,
    rig::{estate, token_from},
};

/// The lines about tokens that were handed out.
fn told(estate: &Estate) -> Vec<String> {
    let log = estate.daemon.output();
    let lines = log.lines().filter(|line| line.contains("ucsso::audit: a token was handed out"));
    lines.map(str::to_owned).collect()
}

#[tokio::test]
async fn a_token_is_told_of_once_for_each_connection_that_has_it() {
    let estate = estate().await;
    estate.logged_in("hq").await;
    let before = told(&estate).len();
    let client = estate.client().await;

    for _ in 0..3 {
        token_from(&client, "hq", Interaction::Never).await.unwrap();
    }
    estate.token("hq").await;

    estate.daemon.line_with("ucssoctl\"").await;
    let lines = told(&estate).split_off(before);
    let (said, repeated): (Vec<_>, Vec<_>) = lines.iter().partition(|line| line.contains(" INFO "));
    assert_eq!((said.len(), repeated.len()), (2, 2), "{lines:#?}");
    let us = std::env::current_exe().unwrap();
    for part in [
        "cluster=\"hq\" generation=1 method=\"GetToken\"",
        &format!("uid={} pid={}", rustix::process::getuid().as_raw(), std::process::id()),
        &format!("exe=\"{}\"", us.display()),
    ] {
        assert!(said[0].contains(part), "{part} is missing in {}", said[0]);
    }
    assert!(said[1].contains("/ucssoctl\""), "{}", said[1]);
}

#[tokio::test]
async fn whoever_watches_is_told_of_too() {
    let estate = estate().await;
    estate.logged_in("hq").await;

    let request = WatchTokenRequest { cluster: "hq".into() };
    let watch = estate.client().await.broker().watch_token(request).await.unwrap();

    let line = estate.daemon.line_with("method=\"WatchToken\"").await;
    assert!(line.contains("generation=1") && line.contains("exe="), "{line}");
    drop(watch);
}

#[tokio::test]
async fn the_name_of_a_program_cannot_forge_a_line() {
    let estate = estate().await;
    estate.logged_in("hq").await;
    let name = "evil\n\u{1b}[2J\u{202e} exe=\"good\"";
    let program = estate.home.path(name);
    fs::copy(env!("CARGO_BIN_EXE_ucssoctl"), &program).unwrap();

    let plain = estate.home.ucssoctl();
    let mut command = Command::new(program);
    let environment = plain.as_std().get_envs().filter_map(|(name, value)| Some((name, value?)));
    run_well(command.env_clear().envs(environment).args(["token", "hq"])).await;

    let line = estate.daemon.line_with("/evil").await;
    assert!(line.contains("/evil\u{fffd}\u{fffd}[2J\u{fffd} exe=\\\"good\\\"\""), "{line}");
}

#[tokio::test]
async fn a_caller_from_outside_the_daemons_container_has_no_id_and_gets_its_token() {
    let unshare = require("unshare", "apt-get install util-linux");
    let estate = Estate::launch_as(LabConfig::default(), ToOwned::to_owned, |home| {
        let daemon = home.ucssod().into_std();
        let mut command = Command::new(unshare);
        command.args(["--pid", "--fork", "--kill-child", "--mount-proc", "--"]);
        command.arg(daemon.get_program()).args(daemon.get_args()).env_clear();
        command.envs(daemon.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command
    })
    .await;

    estate.logged_in("hq").await;

    let line = estate.daemon.line_with("a token was handed out").await;
    assert!(line.contains("caller=\"pid unknown\""), "{line}");
    assert!(!line.contains("exe=") && !line.contains(" pid="), "{line}");
}

#[tokio::test]
async fn nothing_is_said_to_a_socket_in_a_folder_of_another_user() {
    let estate = estate().await;
    let theirs = estate.home.path("theirs");
    fs::create_dir(&theirs).unwrap();
    symlink(estate.home.socket(), theirs.join("s")).unwrap();
    std::os::unix::fs::chown(&theirs, Some(65_534), None).unwrap();

    let socket = format!("unix://{}", theirs.join("s").display());
    let mut command = estate.home.ucssoctl();
    let output = command.env("UCSSO_SOCKET", socket).args(["status"]).output().await.unwrap();

    let end = crate::rig::End::of(&output);
    end.is(6, &["the folder of the socket", "belongs to the user with the id 65534"]);
}
