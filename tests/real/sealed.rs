//! Tokens in the sealed file, with a real keyring: from one daemon to the next, as over a restart
//! of the machine, which leaves nothing else.

use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf};

use rustix::process::Signal;
use tokio::process::Command;
use ucsso::{lab::LabConfig, rpc::proto::Interaction};

use crate::{
    estate::{Estate, Home},
    keyring::{Keyring, SilentKeyring},
    message_bus::PrivateBus,
    process::until,
};

fn sealed(toml: &str) -> String {
    format!("persist = \"sealed\"\n{toml}")
}

/// The daemon of a user whose session has this bus.
fn on(bus: &PrivateBus) -> impl Fn(&Home) -> Command + use<> {
    let address = bus.address();
    move |home| {
        let mut daemon = home.ucssod();
        daemon.env("DBUS_SESSION_BUS_ADDRESS", &address);
        daemon
    }
}

/// A daemon whose user's keyring is there and unlocked, and what starts the next one.
async fn with_a_keyring() -> (Keyring, impl Fn(&Home) -> Command, Estate) {
    let keyring = Keyring::start().await;
    let start = on(&keyring.bus);
    let estate = Estate::launch_as(LabConfig::default(), sealed, &start).await;
    (keyring, start, estate)
}

fn file(home: &Home) -> PathBuf {
    home.path(".local/state/ucsso/tokens.sealed")
}

async fn standing(estate: &Estate) -> String {
    estate.status().await["server"]["persistence"].as_str().unwrap().to_owned()
}

async fn has_token(estate: &Estate) -> bool {
    estate.get_token("hq", Interaction::Never).await.is_ok()
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|part| part == text.as_bytes())
}

#[tokio::test]
async fn a_token_outlives_the_daemon_as_long_as_the_keyring_is_unlocked() {
    let (keyring, start, estate) = with_a_keyring().await;
    assert_eq!(standing(&estate).await, "sealed");
    let token = estate.logged_in("hq").await;

    let estate = estate.replaced(Signal::TERM, &start).await;

    assert_eq!(estate.token("hq").await, token, "without a login");
    let bytes = fs::read(file(&estate.home)).unwrap();
    assert!(!contains(&bytes, &token) && !contains(&keyring.files(), &token));
    assert_eq!(fs::metadata(file(&estate.home)).unwrap().permissions().mode() & 0o777, 0o600);

    keyring.lock().await;
    let estate = estate.replaced(Signal::KILL, &start).await;
    assert_eq!(
        standing(&estate).await,
        "not sealed: tokens are in memory only: the keyring is locked; unlock it, then `systemctl \
         --user restart ucssod`"
    );
    assert!(!has_token(&estate).await);
    let said = estate.ctl_output(&["status"]).await;
    assert!(String::from_utf8_lossy(&said.stdout).contains("the keyring is locked"));

    keyring.unlock().await;
    let estate = estate.replaced(Signal::TERM, &start).await;
    assert_eq!(estate.token("hq").await, token, "the file was left alone meanwhile");
}

#[tokio::test]
async fn a_token_is_in_the_file_without_an_orderly_end() {
    let (_keyring, start, estate) = with_a_keyring().await;
    let token = estate.logged_in("hq").await;
    until("the file is written", async || file(&estate.home).exists().then_some(())).await;

    let estate = estate.replaced(Signal::KILL, &start).await;

    assert_eq!(estate.token("hq").await, token);
}

#[tokio::test]
async fn no_copy_of_the_file_brings_back_what_was_logged_out() {
    let (_keyring, start, estate) = with_a_keyring().await;
    estate.logged_in("hq").await;
    let estate = estate.replaced(Signal::TERM, &start).await;
    let copy = fs::read(file(&estate.home)).unwrap();

    assert!(estate.ctl_output(&["logout", "hq"]).await.status.success());
    let estate = estate.replaced(Signal::TERM, &start).await;
    assert!(!has_token(&estate).await);
    fs::write(file(&estate.home), &copy).unwrap();

    let estate = estate.replaced(Signal::KILL, &start).await;
    assert!(!has_token(&estate).await, "the key has changed");
    assert!(estate.daemon.output().contains("it was sealed with another key"));
}

#[tokio::test]
async fn a_keyring_that_never_answers_is_said_and_tokens_are_in_memory() {
    let silent = SilentKeyring::start().await;

    let estate = Estate::launch_as(LabConfig::default(), sealed, on(&silent.bus)).await;

    let standing = standing(&estate).await;
    assert!(standing.contains("the keyring does not answer"), "{standing}");
    estate.logged_in("hq").await;
    assert!(!file(&estate.home).exists());
}

#[tokio::test]
async fn what_was_sealed_goes_where_the_configuration_wants_it_no_more() {
    let (_keyring, start, estate) = with_a_keyring().await;
    estate.logged_in("hq").await;
    let estate = estate.replaced(Signal::TERM, &start).await;
    assert!(file(&estate.home).exists());

    let config = fs::read_to_string(estate.home.path("config.toml")).unwrap();
    estate.home.configure(&config.replace("\"sealed\"", "\"memory\""));
    let said = estate.ctl_output(&["reload"]).await;
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(said.contains("persist: has effect when the daemon is started again"), "{said}");
    let estate = estate.replaced(Signal::TERM, &start).await;

    until("the file is removed", async || (!file(&estate.home).exists()).then_some(())).await;
    assert_eq!(standing(&estate).await, "memory");
}
