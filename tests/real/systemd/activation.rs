//! What starts the daemon, and what is held while it does not run.

use std::net::TcpListener;

use crate::{
    installed::{Installed, SERVICE},
    process::{run, until},
};

#[tokio::test]
async fn the_first_program_that_asks_starts_the_daemon() {
    let service = Installed::installed().await;
    assert_eq!(service.session.property(SERVICE, "ActiveState").await, "inactive");

    let asked = run(service.session.command("ucssoctl").args(["status", "--json"])).await;

    // Nobody has logged in.
    assert_eq!(asked.status.code(), Some(4), "{asked:?}");
    let status: serde_json::Value = serde_json::from_slice(&asked.stdout).unwrap();
    assert_eq!(status["server"]["warnings"], serde_json::json!([]));
    assert_eq!(service.session.property(SERVICE, "ActiveState").await, "active");
    let told = service.session.property(SERVICE, "StatusText").await;
    assert!(!told.is_empty(), "the daemon says how it is");
    let standing = service.ctl("service status").await;
    assert!(standing.contains("daemon    runs, pid "), "{standing}");
    assert!(standing.contains(&told), "{standing}");
}

#[tokio::test]
async fn nobody_can_take_the_redirect_port_while_the_daemon_is_down() {
    let service = Installed::installed().await;
    let there = ("127.0.0.1", service.port);

    assert!(TcpListener::bind(there).is_err(), "before it was ever started");
    let token = service.logged_in("hq").await;
    service.session.systemctl("stop ucssod.service").await;

    assert_eq!(service.session.property(SERVICE, "ActiveState").await, "inactive");
    assert!(TcpListener::bind(there).is_err(), "after it was stopped");
    // Whoever comes back to it from an identity provider starts the daemon, too.
    drop(std::net::TcpStream::connect(there).unwrap());
    service.session.has(SERVICE, "ActiveState", "active").await;
    assert_ne!(service.logged_in("hq").await, token);
}

#[tokio::test]
async fn what_the_daemon_logs_is_in_the_journal_of_its_user_field_by_field() {
    let service = Installed::installed().await;
    let token = service.logged_in("hq").await;

    let journal = until("the daemon is in the journal", async || {
        let journal = service.session.journal(SERVICE).await;
        journal.contains("MESSAGE=a token was handed out").then_some(journal)
    })
    .await;

    for field in ["UCSSO_CLUSTER=hq", "UCSSO_USER=alice", "SYSLOG_IDENTIFIER=ucssod", "PRIORITY=5"]
    {
        assert!(journal.lines().any(|line| line == field), "{field}: {journal}");
    }
    assert!(!journal.contains(&token));
}

/// A unit of the user's own that needs a token from its beginning to its end.
const INTEGRATION: &str = "\
[Service]
ExecStartPre=%h/.local/bin/ucssoctl wait hq --timeout 60s
ExecStart=%h/.local/bin/ucssoctl exec hq -- sh -c 'cat \"$UCSSO_TOKEN_FILE\" >%h/seen; exec sleep 1d'
";

#[tokio::test]
async fn a_unit_that_needs_a_token_starts_once_there_is_one_and_leaves_none_behind() {
    let service = Installed::installed().await;
    let session = &service.session;
    session.write(".config/systemd/user/integration.service", INTEGRATION, 0o644);
    session.systemctl("daemon-reload").await;

    session.systemctl("start --no-block integration.service").await;
    session.has("integration.service", "SubState", "start-pre").await;
    session.has(SERVICE, "ActiveState", "active").await;
    assert_eq!(session.read("seen"), "");
    let token = service.logged_in("hq").await;
    session.has("integration.service", "ActiveState", "active").await;
    until("it has the token", async || (session.read("seen") == token).then_some(())).await;
    session.systemctl("stop integration.service").await;

    let left = "ls \"$XDG_RUNTIME_DIR/ucsso\" | grep -c exec";
    let left = run(session.command("sh").args(["-c", left])).await;
    assert_eq!(String::from_utf8_lossy(&left.stdout), "0\n");
}
