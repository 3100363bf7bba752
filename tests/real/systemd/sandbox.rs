//! The sandbox: that it is there, and that no browser is in it.

use std::fs;

use rustix::process::{Pid, Signal};

use crate::{
    installed::{Installed, SERVICE},
    process::{Process, until},
};

/// A field of a process in proc(5).
fn field(status: &str, name: &str) -> String {
    let line = status.lines().find(|line| line.starts_with(name)).unwrap_or_default();
    line.split_whitespace().nth(1).unwrap_or_default().to_owned()
}

#[tokio::test]
async fn the_daemon_is_in_a_sandbox_and_its_browser_is_not() {
    let service = Installed::installed().await;

    let login = Process::start(service.session.command("ucssoctl").args(["login", "hq"]));
    let browser = until("the browser has written all it knows", async || {
        Some(service.session.read("browser")).filter(|text| text.contains("/start/"))
    })
    .await;
    let daemon = service.session.process(SERVICE).await;
    let status = fs::read_to_string(format!("/proc/{daemon}/status")).unwrap();

    let allowed = |of: &str| ["NoNewPrivs:", "Seccomp:"].map(|name| field(of, name));
    assert_eq!(allowed(&status), ["1", "2"]);
    assert_eq!(allowed(&browser), ["0", "0"]);
    assert_eq!(field(&status, "CapBnd:"), "0000000000000000");
    for name in ["user", "mnt"] {
        let of = |pid: &str| {
            let link = fs::read_link(format!("/proc/{pid}/ns/{name}")).unwrap();
            link.to_str().unwrap().to_owned()
        };
        assert!(browser.contains(&of(service.session.first())), "the browser is in the session");
        assert!(!browser.contains(&of(&daemon.to_string())), "the daemon is in its own {name}");
    }
    drop(login);
}

#[tokio::test]
async fn the_daemon_can_write_its_state_and_nothing_else_in_the_home() {
    let service = Installed::installed().await;
    service.logged_in("hq").await;

    // The state is written: a daemon that was told to leave somebody alone remembers it.
    service.ctl("snooze hq").await;
    let state = until("it is written down", async || {
        Some(service.session.read(".local/state/ucsso/asked.json")).filter(|text| !text.is_empty())
    });
    assert!(state.await.contains("hq"));
    let daemon = service.session.process(SERVICE).await;
    let home = service.session.home();
    for (folder, writable) in [
        (home.join(".local/state/ucsso"), true),
        (home.clone(), false),
        (home.join(".config/ucsso"), false),
        (home.join(".local/share"), false),
    ] {
        // Were it not for the sandbox, the user could.
        fs::create_dir_all(&folder).unwrap();
        service.session.give(&folder);
        assert_eq!(service.session.can_write(daemon, &folder).await, writable, "{folder:?}");
    }
    let pid = Pid::from_raw(daemon.cast_signed()).unwrap();
    rustix::process::kill_process(pid, Signal::TERM).unwrap();
    service.session.has(SERVICE, "ActiveState", "inactive").await;
    assert_eq!(service.session.property(SERVICE, "Result").await, "success");
}
