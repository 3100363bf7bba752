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
