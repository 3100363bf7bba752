//! What scripts and services use: waiting for a token, hearing of changes, and running a program
//! beside a token that stays fresh.

use std::{
    fs::{self, File},
    path::Path,
    process::Stdio,
};

use rustix::{
    process::{Signal, kill_process},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
};
use tokio::{io::AsyncWriteExt as _, process::Command};

use crate::{
    estate::{Estate, Home},
    process::{Process, until},
    rig::{End, estate},
};

/// A program that waits for the file to be as `condition` says, and then says what is in it.
fn until_file(condition: &str) -> String {
    format!(
        "echo ready; first=$(cat \"$UCSSO_TOKEN_FILE\"); until {condition}; do sleep 0.02; done; \
         echo \"now $(cat \"$UCSSO_TOKEN_FILE\" 2>/dev/null)\""
    )
}

impl Estate {
    /// Runs a shell script by `ucssoctl exec`.
    fn exec(&self, options: &[&str], script: &str) -> Process {
        let mut command = self.home.ucssoctl();
        command.args(["exec", "hq"]).args(options).args(["--", "sh", "-c", script]);
        Process::start(&mut command)
    }

    /// Runs a shell script by `ucssoctl exec` to its end.
    async fn executed(&self, options: &[&str], script: &str) -> (Option<i32>, String) {
        let (status, said) = self.exec(options, script).end().await;
        (status.code(), said)
    }

    /// What lies in the folder of token files.
    fn token_folders(&self) -> usize {
        fs::read_dir(self.home.path("ucsso")).map_or(0, Iterator::count)
    }
}

#[tokio::test]
async fn whoever_waits_for_a_token_is_told_when_there_is_one_even_before_the_daemon_is_there() {
    let mut waiting = None;
    let estate = estate()
        .await
        .replaced(Signal::TERM, |home| {
            let wait = ["wait", "hq", "--for", "valid", "--timeout", "60s"];
            waiting = Some(Process::start(home.ucssoctl().args(wait)));
            home.ucssod()
        })
        .await;

    estate.logged_in("hq").await;

    let (status, said) = waiting.unwrap().end().await;
    assert_eq!((status.code(), &*said), (Some(0), ""));
    assert_eq!(estate.ctl_output(&["wait", "hq"]).await.status.code(), Some(0), "at once");
}

#[tokio::test]
async fn a_wait_that_is_in_vain_says_for_what() {
    let estate = estate().await;
    estate.logged_in("hq").await;

    let all = estate.refused(&["wait", "--timeout", "1s"]).await;
    let unknown = estate.refused(&["wait", "nope"]).await;
    let nobody = End::of(
        &Home::new().ucssoctl().args(["wait", "hq", "--timeout", "1s"]).output().await.unwrap(),
    );

    all.is(5, &["no valid token of `vm` within 1s", "`ucssoctl status`"]);
    unknown.is(7, &["no cluster `nope`"]);
    nobody.is(3, &["ucssod is not running"]);
    assert_eq!(estate.status_of("vm").await["state"], "cold", "nobody was asked to log in");
}

#[tokio::test]
async fn a_watcher_hears_of_each_change_and_of_a_daemon_that_comes_back() {
    let estate = estate().await;
    let json = Process::start(estate.home.ucssoctl().args(["watch", "hq", "--json"]));
    let text = Process::start(estate.home.ucssoctl().arg("watch"));
    let first = json.line_with("\"state\":\"cold\"").await;
    text.line_with("vm: login needed; nobody has logged in yet").await;

    let token = estate.logged_in("hq").await;
    json.line_with("\"state\":\"fresh\"").await;
    text.line_with("hq: token valid; ").await;
    let estate = estate.restarted().await;
    text.line_with("ucssod cannot be reached").await;
    json.line_with("\"change\":\"unreachable\",\"cluster\":null,\"status\":null}").await;
    let cold = || json.output().matches("\"state\":\"cold\"").count();
    until("the daemon is heard again", async || (cold() == 2).then_some(())).await;

    assert!(first.starts_with("{\"schema_version\":1,\"time\":\""), "{first}");
    assert!(first.contains("\"change\":\"state\",\"cluster\":\"hq\",\"status\":{"), "{first}");
    assert!(!first.contains("\"vm\""), "{first}");
    for watcher in [json, text] {
        assert!(!watcher.output().contains(&token));
        kill_process(watcher.pid().unwrap(), Signal::INT).unwrap();
        assert_eq!(watcher.end().await.0.code(), Some(130));
    }
    drop(estate);
}

#[tokio::test]
async fn a_watcher_hears_of_a_cluster_that_is_removed() {
    let estate = estate().await;
    let all = Process::start(estate.home.ucssoctl().arg("watch"));
    let vm = Process::start(estate.home.ucssoctl().args(["watch", "vm"]));
    all.line_with("vm: login needed").await;
    vm.line_with("vm: login needed").await;

    let toml = estate.configuration();
    estate.reload(&toml[..toml.find("[clusters.vm]").unwrap()]).await;

    all.line_with("vm: removed from the configuration").await;
    let (status, said) = vm.end().await;
    assert_eq!(status.code(), Some(7), "{said}");
    assert!(said.contains("no cluster `vm` is configured any more"), "{said}");
}

#[tokio::test]
async fn a_program_finds_its_token_in_a_private_file_that_ends_with_it() {
    let estate = estate().await;
    let token = estate.logged_in("hq").await;
    let look = "cat; cat \"$UCSSO_TOKEN_FILE\"; echo; stat -c %a \"$UCSSO_TOKEN_FILE\"; \
                env | grep -c -F \"$(cat \"$UCSSO_TOKEN_FILE\")\"; echo \"$TOKEN\" >&2; exit 7";
    let run = async |options: &[&str]| {
        let mut command = estate.home.ucssoctl();
        command.args(["exec", "hq"]).args(options).args(["--", "sh", "-c", look]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(b"its input\n").await.unwrap();
        let output = child.wait_with_output().await.unwrap();
        let [out, err] =
            [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
        (output.status.code(), out, err)
    };

    let plain = run(&[]).await;
    let in_the_environment = run(&["--env", "TOKEN"]).await;

    assert_eq!(plain, (Some(7), format!("its input\n{token}\n600\n0\n"), "\n".into()));
    let expected = (Some(7), format!("its input\n{token}\n600\n1\n"), format!("{token}\n"));
    assert_eq!(in_the_environment, expected);
    assert_eq!(estate.token_folders(), 0);
}

#[tokio::test]
async fn the_file_of_a_program_has_each_new_token_and_no_dead_one() {
    let estate = estate().await;
    let first = estate.logged_in("hq").await;
    let renewed =
        estate.exec(&[], &until_file("[ \"$first\" != \"$(cat \"$UCSSO_TOKEN_FILE\")\" ]"));
    renewed.line_with("ready").await;

    let second = estate.logged_in("hq").await;
    let (status, said) = renewed.end().await;
    assert_ne!(first, second);
    assert_eq!((status.code(), &*said), (Some(0), &*format!("ready\nnow {second}\n")));

    let dropped = estate.exec(&[], &until_file("[ ! -e \"$UCSSO_TOKEN_FILE\" ]"));
    dropped.line_with("ready").await;
    estate.ctl_output(&["logout", "hq"]).await;
    let (status, said) = dropped.end().await;
    assert_eq!((status.code(), &*said), (Some(0), "ready\nnow \n"));
}

#[tokio::test]
async fn the_file_of_a_program_outlives_a_daemon_and_is_the_next_ones() {
    let estate = estate().await;
    let token = estate.logged_in("hq").await;
    let changed = "[ \"$first\" != \"$(cat \"$UCSSO_TOKEN_FILE\" 2>/dev/null)\" ] && \
                   [ -e \"$UCSSO_TOKEN_FILE\" ]";
    let program = estate.exec(&[], &until_file(changed));
    program.line_with("ready").await;

    let estate = estate.restarted().await;
    let next = estate.logged_in("hq").await;

    let (status, said) = program.end().await;
    assert_ne!(token, next);
    assert_eq!((status.code(), &*said), (Some(0), &*format!("ready\nnow {next}\n")));
}

#[tokio::test]
async fn a_program_gets_the_signals_and_its_end_is_the_end() {
    let estate = estate().await;
    estate.logged_in("hq").await;
    let caught = "trap 'echo caught; exit 3' USR1; echo ready; while :; do sleep 0.02; done";
    for (signal, script, code) in [
        (Signal::TERM, "echo ready; exec sleep 1000", 128 + 15),
        (Signal::INT, "echo ready; exec sleep 1000", 128 + 2),
        (Signal::USR1, caught, 3),
    ] {
        let program = estate.exec(&[], script);
        program.line_with("ready").await;

        kill_process(program.pid().unwrap(), signal).unwrap();

        let (status, said) = program.end().await;
        assert_eq!(status.code(), Some(code), "{said}");
    }
    assert_eq!(estate.executed(&[], "kill -KILL $$").await.0, Some(128 + 9));
    assert_eq!(estate.token_folders(), 0);
}

#[tokio::test]
async fn the_keys_of_a_terminal_reach_a_program_once() {
    let estate = estate().await;
    estate.logged_in("hq").await;
    let counting = "$| = 1; $SIG{INT} = sub { $n++ }; print qq(ready\\n); \
                    select(undef, undef, undef, 0.02) until $n; \
                    select(undef, undef, undef, 0.3); \
                    print qq(n=$n\\n)";
    let keyboard = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&keyboard).unwrap();
    unlockpt(&keyboard).unwrap();
    let name = ptsname(&keyboard, Vec::new()).unwrap();
    let screen = File::options().read(true).write(true).open(name.to_str().unwrap()).unwrap();
    let ctl = estate.home.ucssoctl();
    // `setsid --ctty` makes it the terminal of the command: Ctrl-C is its signal.
    let mut setsid = Command::new("setsid");
    setsid.args(["--ctty", "--wait"]).arg(ctl.as_std().get_program());
    setsid.args(["exec", "hq", "--", "perl", "-e", counting]);
    setsid.envs(ctl.as_std().get_envs().filter_map(|(name, value)| Some((name, value?))));
    let program = Process::spawn(setsid.stdin(screen));
    program.line_with("ready").await;

    rustix::io::write(&keyboard, b"\x03").unwrap();

    program.line_with("n=1").await;
    assert_eq!(program.end().await.0.code(), Some(0));
}

#[tokio::test]
async fn what_was_killed_leaves_nothing_that_the_next_does_not_clear_away() {
    let estate = estate().await;
    estate.logged_in("hq").await;
    let killed = estate.exec(&[], "echo ready; exec sleep 1000");
    killed.line_with("ready").await;
    kill_process(killed.pid().unwrap(), Signal::KILL).unwrap();
    until("it has ended", async || {
        let stat = fs::read_to_string(format!("/proc/{}/stat", killed.pid()?.as_raw_nonzero()));
        stat.is_ok_and(|stat| stat.contains(") Z")).then_some(())
    })
    .await;
    assert_eq!(estate.token_folders(), 1);

    assert_eq!(
        estate.executed(&[], "ls -d \"$XDG_RUNTIME_DIR\"/ucsso/exec-* | wc -l").await.1,
        "1\n"
    );

    assert_eq!(estate.token_folders(), 0);
}

#[tokio::test]
async fn a_program_that_cannot_be_run_or_has_no_token_is_not_begun() {
    let estate = estate().await;
    let exec = async |program: &Path, options: &[&str]| {
        let mut command = estate.home.ucssoctl();
        command.args(["exec", "hq"]).args(options).arg("--").arg(program);
        End::of(&command.output().await.unwrap())
    };
    let snooze = estate.ctl_output(&["snooze", "hq"]).await;
    assert!(snooze.status.success());

    exec(Path::new("true"), &[]).await.is(4, &["not now"]);
    estate.logged_in("hq").await;
    exec(Path::new("no-such-program"), &[]).await.is(127, &["`no-such-program` cannot be run"]);
    exec(&estate.home.path("config.toml"), &[]).await.is(126, &["cannot be run"]);
    exec(Path::new("true"), &["--env", "1x"]).await.is(2, &["no digit first"]);

    assert_eq!(estate.token_folders(), 0);
}
