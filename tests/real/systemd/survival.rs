//! What ends the daemon, and that it comes back: with a token that it held.

use rustix::process::{Pid, Signal, kill_process};

use crate::{
    installed::{Installed, SERVICE},
    process::until,
};

impl Installed {
    async fn signal(&self, signal: Signal) {
        let pid = self.session.process(SERVICE).await;
        kill_process(Pid::from_raw(pid.cast_signed()).unwrap(), signal).unwrap();
    }

    async fn came_back(&self, times: &str) {
        self.session.has(SERVICE, "NRestarts", times).await;
        self.session.has(SERVICE, "ActiveState", "active").await;
    }
}

#[tokio::test]
async fn a_daemon_that_is_killed_comes_back_with_its_token() {
    let service = Installed::installed().await;
    let token = service.logged_in("hq").await;

    service.signal(Signal::KILL).await;
    service.came_back("1").await;

    assert_eq!(service.token("hq").await, token);

    assert!(service.ctl("service status").await.contains("started again once"));
}

#[tokio::test]
async fn a_daemon_that_hangs_is_replaced_and_its_token_kept() {
    let service = Installed::installed().await;
    service.set("WatchdogSec=1s").await;
    let token = service.logged_in("hq").await;
    // It tells that it lives as long as it does.
    for _ in 0..3 {
        let told = service.session.property(SERVICE, "WatchdogTimestampMonotonic").await;
        until("the watchdog is fed again", async || {
            let now = service.session.property(SERVICE, "WatchdogTimestampMonotonic").await;
            (now != told).then_some(())
        })
        .await;
    }
    assert_eq!(service.session.property(SERVICE, "NRestarts").await, "0");

    service.signal(Signal::STOP).await;
    service.came_back("1").await;

    assert!(service.session.journal(SERVICE).await.contains("Watchdog timeout"));
    assert_eq!(service.token("hq").await, token);
}

#[tokio::test]
async fn a_token_that_is_sealed_with_a_credential_outlives_the_stop_of_the_service() {
    let service = Installed::configured().await;
    let toml = service.session.read(".config/ucsso/config.toml");
    service.session.write(
        ".config/ucsso/config.toml",
        &format!("persist = \"sealed\"\n{toml}"),
        0o600,
    );
    service.ctl("service install").await;
    service.session.write("key", "0123456789abcdef0123456789abcdef", 0o600);
    let key = service.session.home().join("key");
    service.set(&format!("LoadCredential=ucsso-store-key:{}", key.display())).await;
    let token = service.logged_in("hq").await;

    // The manager lets go of what it kept.
    service.session.systemctl(&format!("stop {SERVICE}")).await;

    assert_eq!(service.token("hq").await, token);
    let status = service.ctl("status --json hq").await;
    assert!(status.contains("\"persistence\": \"sealed\""), "{status}");
}
