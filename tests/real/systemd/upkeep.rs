//! `ucssoctl service` against a real user manager: again, after changes, and back to nothing.

use std::{fs, net::TcpListener};

use crate::{
    installed::{Installed, SERVICE},
    process::{free_port, run},
};

const UNIT: &str = ".config/systemd/user/ucssod.service";

/// Every file in the user's home, as its path in it.
fn files(service: &Installed) -> Vec<String> {
    let home = service.session.home();
    let mut folders = vec![home.clone()];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() && !path.is_symlink() {
                folders.push(path);
            } else {
                found.push(path.strip_prefix(&home).unwrap().display().to_string());
            }
        }
    }
    found.sort();
    found
}

#[tokio::test]
async fn uninstall_leaves_nothing_of_what_install_did() {
    let service = Installed::configured().await;
    let before = files(&service);
    service.ctl("service install").await;
    let installed = files(&service);

    let would = service.ctl("service uninstall --dry-run").await;
    assert_eq!(files(&service), installed, "a dry run does nothing");
    service.ctl("service uninstall").await;

    assert!(would.contains("would remove") && installed.len() > before.len(), "{would}");
    assert_eq!(files(&service), before);
    for unit in [SERVICE, "ucssod.socket", "ucssod-redirect.socket"] {
        assert_eq!(service.session.property(unit, "LoadState").await, "not-found", "{unit}");
    }
    assert!(TcpListener::bind(("127.0.0.1", service.port)).is_ok());
    let standing = run(service.session.command("ucssoctl").args(["service", "status"])).await;
    assert_eq!(standing.status.code(), Some(3));
}

#[tokio::test]
async fn a_second_install_changes_what_has_to_change_and_nothing_else() {
    let service = Installed::installed().await;
    service.logged_in("hq").await;
    let daemon = service.session.property(SERVICE, "MainPID").await;

    let again = service.ctl("service install").await;
    assert_eq!(again.lines().filter(|line| line.starts_with("unchanged")).count(), 3, "{again}");
    assert_eq!(service.session.property(SERVICE, "MainPID").await, daemon);
    let (old, new) = (service.port, free_port());
    let config = service.session.read(".config/ucsso/config.toml");
    let moved = config.replace(&format!(":{old}/"), &format!(":{new}/"));
    service.session.write(".config/ucsso/config.toml", &moved, 0o600);
    service.ctl("service install").await;

    assert!(TcpListener::bind(("127.0.0.1", new)).is_err(), "the new port is held");
    assert!(TcpListener::bind(("127.0.0.1", old)).is_ok(), "the old port is free");
}

#[tokio::test]
async fn a_unit_that_the_user_changed_is_left_alone() {
    let service = Installed::installed().await;
    let changed = service.session.read(UNIT) + "CPUWeight=10\n";
    service.session.write(UNIT, &changed, 0o644);

    for command in ["install", "uninstall"] {
        let refused = run(service.session.command("ucssoctl").args(["service", command])).await;

        let said = String::from_utf8_lossy(&refused.stderr);
        assert_eq!(refused.status.code(), Some(1), "{said}");
        assert!(said.contains("was changed since") && said.contains("systemctl --user edit"));
        assert_eq!(service.session.read(UNIT), changed);
    }
    service.ctl("service install --force").await;
    assert!(!service.session.read(UNIT).contains("CPUWeight"));
}

#[tokio::test]
async fn without_a_user_manager_it_says_what_to_do() {
    let service = Installed::configured().await;

    for (command, code) in [("install", 1), ("status", 3)] {
        let mut alone = service.session.command("env");
        alone.args(["-u", "XDG_RUNTIME_DIR", "ucssoctl", "service", command]);
        let refused = run(&mut alone).await;

        let said = [refused.stdout, refused.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        assert_eq!(refused.status.code(), Some(code), "{said}");
        assert!(said.contains("enable-linger"), "{said}");
    }
}

#[tokio::test]
async fn a_redirect_port_of_somebody_else_is_named() {
    let service = Installed::configured().await;
    let _other = TcpListener::bind(("127.0.0.1", service.port)).unwrap();

    let refused = run(service.session.command("ucssoctl").args(["service", "install"])).await;

    let said = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{said}");
    let port = format!("systemd cannot listen at 127.0.0.1:{}: address already", service.port);
    assert!(said.contains(&port) && said.contains("ss -ltnp"), "{said}");
    // Tokens are to be had nonetheless.
    let asked = run(service.session.command("ucssoctl").arg("status")).await;
    assert_eq!(asked.status.code(), Some(4), "{asked:?}");
}
