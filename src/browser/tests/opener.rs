//! The opener against small programs. They are run by `/bin/sh`, as a script that was just
//! written cannot be executed while another test forks.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::{
    fs::{CWD, FileType, Mode, mknodat},
    process::{Pid, Signal, kill_process},
};
use tempfile::TempDir;
use tokio::{task::spawn_blocking, time::timeout};

use crate::browser::{Environment, Error, Opener};

const URL: &str = "http://127.0.0.1:8765/start/$(touch pwned)'\";&|`id`?a=%20&b";

/// A program of this text. What it writes to `$OUT` is read by [`said`]; `$GATE` is a pipe, to
/// meet it at.
fn program(text: &str) -> (TempDir, Vec<String>) {
    let dir = tempfile::tempdir().unwrap();
    let [script, out, gate] = ["program", "out", "gate"].map(|name| dir.path().join(name));
    mknodat(CWD, &gate, FileType::Fifo, Mode::RWXU, 0).unwrap();
    let text = format!("OUT='{}'\nGATE='{}'\n{text}", out.display(), gate.display());
    fs::write(&script, text).unwrap();
    (dir, vec!["/bin/sh".to_owned(), script.display().to_string()])
}

fn said(dir: &TempDir) -> String {
    fs::read_to_string(dir.path().join("out")).unwrap()
}

fn with(words: Vec<String>, more: &[&str]) -> Opener {
    let more = more.iter().map(|word| (*word).to_owned());
    Opener::with_environment(Some(words.into_iter().chain(more).collect()), Environment::default())
}

fn browser(text: &str) -> Opener {
    let browser = Some(text.into());
    Opener::with_environment(None, Environment { browser, ..Environment::default() })
}

#[tokio::test]
async fn the_url_takes_the_slot_as_one_argument_and_no_shell_sees_it() {
    let (dir, words) = program(r#"printf '%s\n' "$#" "$@" > "$OUT""#);

    with(words, &["--new", "--app={url}", "last"]).open(URL).await.unwrap();

    assert_eq!(said(&dir), format!("3\n--new\n--app={URL}\nlast\n"));
}

#[tokio::test]
async fn a_command_without_a_slot_gets_the_url_last() {
    let (dir, words) = program(r#"printf '%s\n' "$#" "$@" > "$OUT""#);

    browser(&format!("{} --new", words.join(" "))).open(URL).await.unwrap();

    assert_eq!(said(&dir), format!("2\n--new\n{URL}\n"));
}

#[tokio::test]
async fn the_first_browser_that_works_is_used() {
    let (failing_dir, failing) = program("echo failing > \"$OUT\"; exit 3");
    let (dir, words) = program("echo \"$1\" > \"$OUT\"");
    let (unused_dir, unused) = program("echo unused > \"$OUT\"");
    let [failing, words, unused] = [failing, words, unused].map(|words| words.join(" "));

    let list = format!("no-such-browser %s::{failing}:{words} %s:{unused}");
    browser(&list).open(URL).await.unwrap();

    assert_eq!(said(&failing_dir), "failing\n");
    assert_eq!(said(&dir), format!("{URL}\n"));
    assert!(!unused_dir.path().join("out").exists());
}

#[tokio::test]
async fn a_missing_command_is_named() {
    let opened = with(vec!["no-such-browser".into()], &["{url}"]).open(URL).await;

    assert!(
        matches!(opened, Err(Error::OpenerMissing { command }) if command == "no-such-browser")
    );
}

#[tokio::test]
async fn a_command_that_ends_badly_opened_nothing() {
    let (_dir, words) = program("exit 4");

    let error = with(words, &["{url}"]).open(URL).await.unwrap_err();

    let source = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(error.to_string(), "`/bin/sh` opened no browser");
    assert_eq!(source, "exit status: 4");
}

#[tokio::test]
async fn no_error_shows_the_url() {
    let (_dir, words) = program("exit 4");
    let cases = [
        with(words, &["{url}"]),
        with(vec!["{url}".into()], &[]),
        with(vec![], &[]),
        browser("%s"),
    ];

    for opener in cases {
        let error = opener.open(URL).await.unwrap_err();
        assert!(!format!("{error} {error:?}").contains("8765"), "{error:?}");
    }
}

#[tokio::test]
async fn only_a_web_url_is_opened() {
    let (dir, words) = program("echo opened > \"$OUT\"");
    let opener = with(words, &["{url}"]);

    for url in ["-no-remote", "--help", "file:///etc/passwd", "javascript:alert(1)", "", "/x"] {
        assert!(matches!(opener.open(url).await, Err(Error::NotAWebUrl)), "{url}");
    }

    assert!(!dir.path().join("out").exists());
}

#[tokio::test]
async fn without_a_display_and_a_command_there_is_nothing_to_open() {
    let opener = Opener::with_environment(None, Environment::default());

    assert!(matches!(opener.open(URL).await, Err(Error::NoDisplay)));
}

#[tokio::test]
async fn a_program_is_away_from_our_terminal_group_and_folder() {
    let (dir, words) = program(
        r#"streams=$(readlink /proc/$$/fd/0 /proc/$$/fd/1 /proc/$$/fd/2)
           group=$(cut -d' ' -f5 /proc/$$/stat)
           printf '%s\n' "$PWD" "$group" $$ "$streams" > "$OUT""#,
    );

    with(words, &["{url}"]).open(URL).await.unwrap();

    let said = said(&dir);
    let lines: Vec<_> = said.lines().collect();
    assert_eq!(lines[0], "/");
    assert_eq!(lines[1], lines[2], "a process group of its own");
    assert_eq!(lines[3..], ["/dev/null"; 3]);
}

#[tokio::test]
async fn a_program_is_told_once_that_it_may_raise_its_window() {
    let (dir, words) = program(r#"echo "$XDG_ACTIVATION_TOKEN $DESKTOP_STARTUP_ID" >> "$OUT""#);
    let opener = with(words, &["{url}"]);
    opener.activation().leave("kwin-1");

    opener.open(URL).await.unwrap();
    opener.open(URL).await.unwrap();

    assert_eq!(said(&dir), "kwin-1 kwin-1\n \n");
}

/// A browser that stays until it is told to end, with a text of the shell.
fn staying() -> (TempDir, Opener) {
    let (dir, words) = program("echo $$ > \"$GATE\"; read -r line < \"$GATE\"; eval \"$line\"");
    (dir, with(words, &["{url}"]))
}

/// Tells a browser that stays how to end, and returns its process.
async fn told_to(dir: &TempDir, end: &'static str) -> PathBuf {
    let gate = dir.path().join("gate");
    let pid = spawn_blocking(move || {
        let pid = fs::read_to_string(&gate).unwrap();
        fs::write(&gate, format!("{end}\n")).unwrap();
        pid.trim().to_owned()
    });
    Path::new("/proc").join(pid.await.unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_browser_that_stays_is_open_and_is_waited_for_when_it_ends() {
    let (dir, opener) = staying();

    drop(opener.open(URL).await.unwrap());

    let process = told_to(&dir, "exit 0").await;
    // A zombie keeps its entry until somebody has waited for it.
    while process.exists() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_browser_that_stayed_and_ended_well_was_closed_by_the_human() {
    let (dir, opener) = staying();
    let mut window = opener.open(URL).await.unwrap();

    told_to(&dir, "exit 0").await;

    window.closed().await;
    window.closed().await;
}

#[tokio::test(start_paused = true)]
async fn a_browser_that_crashed_was_not_closed_by_the_human() {
    let (dir, opener) = staying();
    let mut window = opener.open(URL).await.unwrap();

    let process = told_to(&dir, "kill -SEGV $$").await;
    while process.exists() {
        tokio::task::yield_now().await;
    }

    assert!(timeout(Duration::from_hours(1), window.closed()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_program_that_handed_the_url_over_says_nothing_of_the_window() {
    let (_dir, words) = program("exit 0");
    let mut window = with(words, &["{url}"]).open(URL).await.unwrap();

    assert!(timeout(Duration::from_hours(1), window.closed()).await.is_err());
}

#[tokio::test]
async fn what_a_program_leaves_running_holds_nobody_up() {
    let (dir, words) = program(
        r#"for child in 1 2 3 4 5 6 7 8; do read -r line < "$GATE" & echo $! >> "$OUT"; done
           exit 1"#,
    );

    let opened = with(words, &["{url}"]).open(URL).await;

    assert!(matches!(opened, Err(Error::OpenerFailed { .. })), "{opened:?}");
    let left = said(&dir);
    assert_eq!(left.lines().count(), 8);
    for pid in left.lines() {
        let pid = Pid::from_raw(pid.parse().unwrap()).unwrap();
        kill_process(pid, Signal::KILL).expect("the child goes on");
    }
}

#[tokio::test]
async fn a_program_that_prints_a_lot_is_not_listened_to() {
    let (_dir, words) = program("head -c 100000000 /dev/zero; head -c 100000000 /dev/zero >&2");

    with(words, &["{url}"]).open(URL).await.unwrap();
}
