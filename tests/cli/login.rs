//! What `login`, `cancel` and `logout` say and do; and what runs until it is ended.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    process::{Child, Command, ExitStatus, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};
use ucsso::rpc::proto::{
    ClusterState, ClusterStatus, Failure, GetStatusResponse, Lapse,
    start_login_response::{Done, Event, Opened, Waiting},
};

use crate::{
    ask, assert_says, at, cluster, daemon,
    fake_daemon::{FakeDaemon, Script},
    text, valid,
};

/// A daemon whose only cluster goes through these events.
fn login_of(status: ClusterStatus, login: Vec<Event>, login_hangs: bool) -> FakeDaemon {
    let status = GetStatusResponse { clusters: vec![status], server: None };
    FakeDaemon::start(Script {
        status,
        login,
        login_hangs,
        there_was_one: true,
        ..Script::default()
    })
}

fn cold() -> ClusterStatus {
    cluster("hq", ClusterState::Cold, Lapse::NeverLoggedIn)
}

fn opened(browser_opened: bool) -> Event {
    let url = "http://127.0.0.1:27443/start/ticket".to_owned();
    let authorize_url = String::new();
    Event::Opened(Opened { attempt: 3, url, give_up_time: at(300), browser_opened, authorize_url })
}

fn done() -> Event {
    Event::Done(Done { status: Some(valid("hq", ClusterState::Fresh)) })
}

/// A command that goes on until it is ended, and the first line that it prints.
struct Running {
    child: Child,
    stdout: BufReader<std::process::ChildStdout>,
    first_line: String,
}

impl Running {
    fn start(daemon: &FakeDaemon, line: &str) -> Self {
        let mut child = Command::new(assert_cmd::cargo::cargo_bin!("ucssoctl"))
            .env_clear()
            .env("TZ", "UTC0")
            .arg("--socket")
            .arg(daemon.socket())
            .args(line.split(' '))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut first_line = String::new();
        stdout.read_line(&mut first_line).unwrap();
        Self { child, stdout, first_line }
    }

    /// Sends a signal, and waits for the end: how it ended, the rest of the output, the errors.
    fn end(mut self, signal: Signal) -> (ExitStatus, String, String) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
        let (mut rest, mut errors) = (String::new(), String::new());
        self.stdout.read_to_string(&mut rest).unwrap();
        self.child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
        (self.child.wait().unwrap(), rest, errors)
    }
}

#[test]
fn a_login_says_what_happens() {
    let waiting = Event::Waiting(Waiting { attempt: 3 });
    let daemon = login_of(cold(), vec![waiting, opened(true), done()], false);

    let output = ask(&daemon, "login");

    assert_says(
        &output,
        0,
        "\
hq: waiting until the login of another cluster is done
hq: a browser window is open; finish the login there before 2100-01-01 01:05 CET
hq: waiting; Ctrl-C cancels the login
hq: logged in as alice; the token is valid until 2100-01-01 01:47 CET (47 min)
",
        "",
    );
    assert_eq!(daemon.calls(), ["GetStatus ", "StartLogin hq no_browser=false"]);
}

#[test]
fn a_login_whose_browser_opened_does_not_show_the_ticket() {
    let output = ask(&login_of(cold(), vec![opened(true), done()], false), "login hq");

    assert!(!text(&output.stdout).contains("ticket"), "{}", text(&output.stdout));
}

#[test]
fn who_has_no_window_is_told_how_to_begin_without_one() {
    let daemon = login_of(cold(), vec![opened(true), done()], false);

    let output = ask(&daemon, "login hq --no-browser");

    let hint = "hq: if you see no window, run `ucssoctl cancel hq` and this again\n";
    assert!(text(&output.stdout).contains(hint), "{}", text(&output.stdout));
}

#[test]
fn a_login_without_a_browser_shows_the_page_and_how_to_reach_it() {
    let daemon = login_of(cold(), vec![opened(false), done()], false);

    let output = ask(&daemon, "login hq --no-browser");

    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    let expected = format!(
        "\
hq: open this page in a browser before 2100-01-01 01:05 CET; it works once

  http://127.0.0.1:27443/start/ticket

If that browser is on another machine, run this there first:

  ssh -o ExitOnForwardFailure=yes -L 127.0.0.1:27443:127.0.0.1:27443 {}

hq: waiting; Ctrl-C cancels the login
hq: logged in as alice; the token is valid until 2100-01-01 01:47 CET (47 min)
",
        host.trim()
    );
    assert_says(&output, 0, &expected, "");
    assert_eq!(daemon.calls(), ["GetStatus hq", "StartLogin hq no_browser=true"]);
}

#[test]
fn a_login_that_fails_ends_with_the_code_of_its_cause() {
    for (reason, exit) in [
        ("LOGIN_TIMED_OUT", 5),
        ("LOGIN_CANCELLED", 4),
        ("NODE_UNREACHABLE", 8),
        ("WRONG_USER", 8),
        ("INTERNAL", 1),
        ("OF_A_LATER_VERSION", 1),
    ] {
        let failure = Event::Failed(Failure {
            reason: reason.into(),
            sentence: "this is what happened".into(),
            advice: "do this".into(),
            time: None,
        });

        let output = ask(&login_of(cold(), vec![failure], false), "login");

        assert_says(&output, exit, "", "ucssoctl: this is what happened\n  help: do this\n");
    }
}

#[test]
fn a_login_needs_a_name_where_there_are_several_clusters() {
    let clusters = vec![cold(), cluster("lab", ClusterState::Cold, Lapse::Expired)];

    let output = ask(&daemon(clusters), "login");

    let expected = "ucssoctl: there are several clusters: hq, lab\n  \
                    help: name one, `ucssoctl login hq`\n";
    assert_says(&output, 2, "", expected);
}

#[test]
fn a_stream_that_ends_without_a_word_is_no_success() {
    let output = ask(&login_of(cold(), vec![opened(true)], false), "login");

    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&output.stderr), "ucssoctl: the daemon's answer lacks its end of the login\n");
}

#[test]
fn ctrl_c_cancels_the_login_that_the_command_began() {
    let daemon = login_of(cold(), vec![opened(true)], true);
    let login = Running::start(&daemon, "login");

    let (status, _, errors) = login.end(Signal::INT);

    assert_eq!(status.code(), Some(130), "{errors}");
    assert_eq!(errors, "\nhq: the login is cancelled\n");
    assert_eq!(daemon.calls().last().unwrap(), "CancelLogin hq");
}

#[test]
fn ctrl_c_leaves_alone_the_login_that_the_command_joined() {
    let under_way = ClusterStatus {
        attempt: 3,
        ..cluster("hq", ClusterState::Authenticating, Lapse::NeverLoggedIn)
    };
    let daemon = login_of(under_way, vec![opened(true)], true);
    let login = Running::start(&daemon, "login");

    let (status, _, errors) = login.end(Signal::INT);

    assert_eq!(status.code(), Some(130), "{errors}");
    assert_eq!(errors, "\nhq: the login goes on; `ucssoctl cancel hq` ends it\n");
    assert_eq!(daemon.calls().last().unwrap(), "StartLogin hq no_browser=false");
}

#[test]
fn cancel_and_logout_say_what_they_found() {
    let one = login_of(cold(), vec![], false);
    let none = daemon(vec![]);

    assert_says(&ask(&one, "cancel hq"), 0, "hq: the login is cancelled\n", "");
    assert_says(&ask(&none, "cancel hq"), 0, "hq: no login was under way\n", "");
    assert_says(
        &ask(&one, "logout hq"),
        0,
        "hq: the token is forgotten\n",
        "The browser may still be logged in at the identity provider.\n",
    );
    assert_says(&ask(&none, "logout hq"), 0, "hq: no token was held\n", "");
}

#[test]
fn whoever_said_not_now_is_told_how_long_that_holds() {
    let snoozed = FakeDaemon::start(Script {
        there_was_one: true,
        snooze_time: at(7200),
        ..Script::default()
    });
    let says = |line: &str, answer: &str| assert_says(&ask(&snoozed, line), 0, answer, "");
    let until = "no login opens by itself before 2100-01-01 03:00 CET\n";

    says("cancel hq", &format!("hq: the login is cancelled; {until}"));
    says("snooze hq", &format!("hq: you are left alone; {until}"));
    says("snooze hq --for 2h", &format!("hq: you are left alone; {until}"));
    says("snooze hq --off", "hq: a login may begin by itself\n");

    assert_eq!(
        snoozed.calls(),
        ["CancelLogin hq", "Snooze hq -", "Snooze hq 7200s", "Snooze hq 0s"]
    );
    assert_eq!(ask(&snoozed, "snooze hq --off --for 2h").status.code(), Some(2));
}

#[test]
fn a_watched_status_is_a_line_of_json_for_each_change_until_it_is_ended() {
    let daemon = daemon(vec![valid("hq", ClusterState::Fresh)]);
    let watch = Running::start(&daemon, "status hq --watch --json");

    assert!(watch.first_line.starts_with("{\"schema_version\":1,\"server\":{"));
    assert!(watch.first_line.ends_with("}\n"));
    let (status, rest, errors) = watch.end(Signal::TERM);

    assert_eq!(status.code(), Some(130));
    assert_eq!((rest.as_str(), errors.as_str()), ("", ""));
    assert_eq!(daemon.calls(), ["WatchStatus hq"]);
}

#[test]
fn a_watched_status_in_a_pipe_has_no_control_characters() {
    let daemon = daemon(vec![valid("hq", ClusterState::Fresh)]);
    let watch = Running::start(&daemon, "status --watch");

    assert_eq!(
        watch.first_line,
        "ucssod 1.2.3; pid 4211; since 2099-12-31 23:00 UTC; 1 of 1 ready\n"
    );
    let (_, rest, _) = watch.end(Signal::INT);

    assert!(!rest.contains(|c: char| c.is_control() && c != '\n'), "{rest:?}");
}
