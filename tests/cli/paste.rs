//! What is pasted into `ucssoctl login --no-browser`: through a pipe, and into a real terminal.

use std::{
    fs::File,
    io::{Read, Write as _},
    os::fd::OwnedFd,
    process::{Child, Command, Stdio},
};

use rustix::{
    process::{Pid, Signal, kill_process},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{LocalModes, tcgetattr},
};
use tonic::Code;
use ucsso::rpc::proto::{
    ClusterState, GetStatusResponse, Lapse,
    start_login_response::{Done, Event, Opened},
};

use crate::{
    at, cluster,
    fake_daemon::{FakeDaemon, Script, refusal},
    text, valid,
};

const START: &str = "http://127.0.0.1:27443/start/canary-ticket";
const PAGE: &str = "https://cucm-pub.example.com:8443/ssosp/oauth/authorize?state=s";
const ADDRESS: &str = "http://127.0.0.1:27443/cb/hq#access_token=canary-token&expires_in=3600";

/// A daemon whose only cluster waits for an address, and has a token once it took one.
fn waiting(refused: &[&str]) -> FakeDaemon {
    let opened = Opened {
        attempt: 3,
        url: START.into(),
        give_up_time: at(300),
        browser_opened: false,
        authorize_url: PAGE.into(),
    };
    let status = cluster("hq", ClusterState::Cold, Lapse::NeverLoggedIn);
    let refuse = |why: &&str| refusal(Code::InvalidArgument, "NOT_THE_REDIRECT", why, "");
    FakeDaemon::start(Script {
        status: GetStatusResponse { clusters: vec![status], server: None },
        login: vec![Event::Opened(opened)],
        login_hangs: true,
        refused: refused.iter().map(refuse).collect(),
        completed: vec![Event::Done(Done { status: Some(valid("hq", ClusterState::Fresh)) })],
        there_was_one: true,
        ..Script::default()
    })
}

fn command(daemon: &FakeDaemon) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("ucssoctl"));
    command.env_clear().env("TZ", "UTC0").arg("--socket").arg(daemon.socket());
    command.args(["login", "hq", "--no-browser"]);
    command
}

/// Has `input` written to the command's standard input, and returns how it ended and what it wrote.
fn piped(daemon: &FakeDaemon, input: &[u8]) -> (Option<i32>, String, String) {
    let mut command = command(daemon);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    (output.status.code(), text(&output.stdout).to_owned(), text(&output.stderr).to_owned())
}

fn completions(daemon: &FakeDaemon) -> Vec<String> {
    let calls = daemon.calls().into_iter();
    calls.filter_map(|call| call.strip_prefix("CompleteLogin ").map(str::to_owned)).collect()
}

#[test]
fn an_address_in_a_pipe_ends_the_login() {
    let daemon = waiting(&[]);

    let (code, out, errors) = piped(&daemon, format!("\n  {ADDRESS} \r\n").as_bytes());

    assert_eq!((code, errors.as_str()), (Some(0), ""));
    assert!(out.contains(&format!("open this page there, and log in:\n\n  {PAGE}\n")), "{out}");
    let length = ADDRESS.len();
    let end = format!(
        "hq: waiting; Ctrl-C cancels the login\n\
         hq: the address is taken ({length} characters)\n\
         hq: logged in as alice; the token is valid until 2100-01-01 00:47 UTC (47 min)\n"
    );
    assert!(out.ends_with(&end), "{out}");
    assert!(!out.contains("canary-token"), "{out}");
    assert_eq!(completions(&daemon), [format!("hq 3 {START} {ADDRESS}")]);
}

#[test]
fn an_address_that_ends_with_the_pipe_is_one() {
    let daemon = waiting(&[]);

    let (code, ..) = piped(&daemon, ADDRESS.as_bytes());

    assert_eq!((code, completions(&daemon).len()), (Some(0), 1));
}

#[test]
fn what_is_wrong_is_said_and_the_login_goes_on_waiting() {
    let daemon = waiting(&["it begins wrongly\x1b[31m"]);
    let mut input = b"garbage\n\xff\xfe\n".to_vec();
    input.extend(vec![b'y'; 1024 * 1024]);
    input.extend(format!("\n{ADDRESS}\n").bytes());

    let (code, _, errors) = piped(&daemon, &input);

    let again = "hq: still waiting; paste the address\n";
    assert_eq!(
        errors,
        format!(
            "hq: it begins wrongly\u{fffd}[31m\n{again}hq: this is not text in UTF-8\n{again}\
             hq: the address is longer than 65536 bytes\n{again}"
        )
    );
    assert_eq!((code, completions(&daemon).len()), (Some(0), 2));
}

#[test]
fn where_nobody_can_paste_nobody_is_told_to() {
    let daemon = waiting(&[]);
    let file = tempfile::tempfile().unwrap();
    for stdin in [Stdio::null(), Stdio::from(file)] {
        let mut child = command(&daemon).stdin(stdin).stdout(Stdio::piped()).spawn().unwrap();
        let mut out = child.stdout.take().unwrap();
        let said = read_until(&mut out, "Ctrl-C cancels the login");

        kill_process(Pid::from_child(&child), Signal::TERM).unwrap();

        assert!(!said.contains("paste") && !said.contains(PAGE), "{said}");
        assert_eq!(child.wait().unwrap().code(), Some(130), "it waits although nothing is read");
    }
}

/// Reads until `end` was written.
fn read_until(stream: &mut impl Read, end: &str) -> String {
    let mut said = Vec::new();
    while !String::from_utf8_lossy(&said).contains(end) {
        let mut byte = [0];
        let read = stream.read(&mut byte).unwrap();
        assert_eq!(read, 1, "`{end}` is missing: {}", String::from_utf8_lossy(&said));
        said.extend(byte);
    }
    String::from_utf8_lossy(&said).into_owned()
}

/// The command in the foreground of a terminal of its own.
struct Terminal {
    keyboard: File,
    screen: OwnedFd,
    child: Child,
}

impl Terminal {
    /// Starts the command; it waits for an address when this returns. What it has said, too.
    fn start(daemon: &FakeDaemon) -> (Self, String) {
        let keyboard = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&keyboard).unwrap();
        unlockpt(&keyboard).unwrap();
        let name = ptsname(&keyboard, Vec::new()).unwrap();
        let screen = File::options().read(true).write(true).open(name.to_str().unwrap()).unwrap();
        let command = command(daemon);
        // `setsid --ctty` makes it the terminal of the command: Ctrl-C is its signal.
        let mut setsid = Command::new("setsid");
        setsid.args(["--ctty", "--wait"]).arg(command.get_program()).args(command.get_args());
        setsid.env_clear().env("PATH", "/usr/bin:/bin").env("TZ", "UTC0");
        let stream = || Stdio::from(screen.try_clone().unwrap());
        let child = setsid.stdin(stream()).stdout(stream()).stderr(stream()).spawn().unwrap();
        let mut terminal = Self { keyboard: keyboard.into(), screen: screen.into(), child };
        let said = terminal.screen_until("Ctrl-C cancels the login\r\n");
        (terminal, said)
    }

    fn screen_until(&mut self, end: &str) -> String {
        read_until(&mut self.keyboard, end)
    }

    fn shows_input(&self) -> bool {
        let modes = tcgetattr(&self.screen).unwrap().local_modes;
        assert_eq!(modes.contains(LocalModes::ECHO), modes.contains(LocalModes::ICANON));
        assert!(modes.contains(LocalModes::ISIG), "Ctrl-C works");
        modes.contains(LocalModes::ECHO)
    }

    /// How the command ended.
    fn end(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn an_address_on_a_terminal_is_neither_shown_nor_cut() {
    let daemon = waiting(&["it begins wrongly"]);
    let (mut terminal, said) = Terminal::start(&daemon);
    assert!(said.contains("it is not shown"), "{said}");
    assert!(!terminal.shows_input());

    terminal.keyboard.write_all(b"wrong canary-token\r").unwrap();
    let said = terminal.screen_until("still waiting; paste the address\r\n");
    assert!(said.contains("it begins wrongly") && !said.contains("canary"), "{said}");
    let long = format!("{ADDRESS}&x={}", "y".repeat(8192));
    terminal.keyboard.write_all(format!("oops\x15{long}z\x7f\r").as_bytes()).unwrap();
    let said = terminal.screen_until("(47 min)\r\n");

    assert!(said.contains(&format!("taken ({} characters)", long.len())), "{said}");
    assert!(!said.contains("canary"), "{said}");
    assert_eq!(terminal.end(), Some(0));
    assert!(terminal.shows_input(), "the terminal is as it was");
    assert_eq!(completions(&daemon)[1], format!("hq 3 {START} {long}"));
}

#[test]
fn a_terminal_is_given_back_however_the_command_ends() {
    for ctrl_c in [true, false] {
        let daemon = waiting(&[]);
        let (mut terminal, _) = Terminal::start(&daemon);
        assert!(!terminal.shows_input());

        if ctrl_c {
            terminal.keyboard.write_all(b"half an addr\x03").unwrap();
            terminal.screen_until("the login is cancelled\r\n");
        } else {
            // The daemon goes away.
            drop(daemon);
        }

        assert_eq!(terminal.end(), Some(if ctrl_c { 130 } else { 3 }));
        assert!(terminal.shows_input());
    }
}

#[test]
fn ctrl_d_means_that_nothing_will_be_pasted() {
    let daemon = waiting(&[]);
    let (mut terminal, _) = Terminal::start(&daemon);

    terminal.keyboard.write_all(format!("\x04{ADDRESS}\r\x03").as_bytes()).unwrap();

    assert_eq!(terminal.end(), Some(130));
    assert!(completions(&daemon).is_empty());
}
