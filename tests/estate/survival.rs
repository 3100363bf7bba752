//! A daemon that is killed, and the next one: what costs a login and what does not.

use std::{fs::File, io::Write as _};

use rustix::{
    fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create},
    process::Signal,
};
use ucsso::{
    lab::LabConfig,
    rpc::proto::{Interaction, Token},
};

use crate::{
    estate::{Estate, Home},
    process::until,
    rig::estate,
    service_manager::ServiceManager,
};

/// An estate whose daemon is a service of this manager.
async fn managed(manager: &ServiceManager) -> Estate {
    Estate::launch_as(LabConfig::default(), ToOwned::to_owned, |home| {
        manager.service(&home.ucssod())
    })
    .await
}

impl Estate {
    /// Ends the daemon with this signal, and starts the next one.
    async fn after(self, manager: Option<&ServiceManager>, signal: Signal) -> Self {
        let next = |home: &Home| match manager {
            Some(manager) => manager.service(&home.ucssod()),
            None => home.ucssod(),
        };
        self.replaced(signal, next).await
    }

    async fn held(&self) -> Option<Token> {
        self.get_token("hq", Interaction::Never).await.ok()
    }
}

#[tokio::test]
async fn neither_a_kill_nor_an_upgrade_costs_a_login() {
    let manager = ServiceManager::new();
    let mut estate = managed(&manager).await;
    estate.logged_in("hq").await;
    let token = estate.held().await.unwrap();

    for signal in [Signal::KILL, Signal::TERM, Signal::KILL] {
        estate = estate.after(Some(&manager), signal).await;

        let found = estate.held().await.unwrap();
        assert_eq!(
            (&found.access_token, found.generation, &found.user),
            (&token.access_token, token.generation, &token.user)
        );
        estate.daemon.line_with("a token is restored").await;
        assert!(!estate.daemon.output().contains(&token.access_token), "it is in the log");
        let answer = estate.ask("cucm-pub", "/cucm-uds/user/alice", &found.access_token).await;
        assert!(answer.0.is_success(), "{answer:?}");
    }
    assert_eq!(manager.stored().len(), 1, "one record, not one for each daemon");

    estate.logged_in("hq").await;
    let next = estate.held().await.unwrap();
    assert!(next.generation > token.generation, "a number was given twice");
}

#[tokio::test]
async fn without_a_service_manager_a_kill_costs_the_token() {
    let estate = estate().await;
    estate.logged_in("hq").await;

    let estate = estate.after(None, Signal::KILL).await;

    assert!(estate.held().await.is_none());
}

#[tokio::test]
async fn no_crash_brings_a_token_back_after_a_logout() {
    let manager = ServiceManager::new();
    let estate = managed(&manager).await;
    estate.logged_in("hq").await;

    assert!(estate.ctl_output(&["logout", "hq"]).await.status.success());
    let estate = estate.after(Some(&manager), Signal::KILL).await;

    assert!(estate.held().await.is_none());
    assert!(estate.get_token("hq", Interaction::IfNeeded).await.is_err(), "nobody is asked");
    let status = estate.status_of("hq").await;
    assert_eq!(status["lapse"], "logged-out", "{status}");
    estate.logged_in("hq").await;
    assert!(estate.held().await.unwrap().generation > 1);
}

#[tokio::test]
async fn a_token_of_other_settings_is_not_used() {
    let manager = ServiceManager::new();
    let estate = managed(&manager).await;
    estate.logged_in("hq").await;
    let toml = std::fs::read_to_string(estate.home.path("config.toml")).unwrap();

    estate.home.configure(&toml.replacen("user = \"alice\"", "user = \"bob\"", 1));
    let estate = estate.after(Some(&manager), Signal::KILL).await;
    assert!(estate.held().await.is_none());
    estate.daemon.line_with("the token of before is not used").await;

    estate.home.configure(&toml);
    let estate = estate.after(Some(&manager), Signal::KILL).await;
    assert!(estate.held().await.is_none(), "it is gone for good");
}

#[tokio::test]
async fn a_cluster_that_is_gone_leaves_nothing_behind() {
    let manager = ServiceManager::new();
    let estate = managed(&manager).await;
    estate.logged_in("hq").await;
    let toml = std::fs::read_to_string(estate.home.path("config.toml")).unwrap();

    estate.home.configure(&toml.replace("[clusters.hq", "[clusters.other"));
    let _estate = estate.after(Some(&manager), Signal::KILL).await;

    let hq = |names: Vec<String>| names.iter().filter(|name| name.starts_with("token-hq-")).count();
    until("nothing of it is stored", async || (hq(manager.stored()) == 0).then_some(())).await;
}

#[tokio::test]
async fn what_a_later_version_or_nobody_wrote_does_not_stop_the_daemon() {
    let manager = ServiceManager::new();
    let sealed = |bytes: &[u8]| {
        let file = memfd_create("test", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING).unwrap();
        let mut file = File::from(file);
        file.write_all(bytes).unwrap();
        let seals = SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL;
        fcntl_add_seals(&file, seals).unwrap();
        file
    };
    manager.store("token-hq-7", sealed(b"ucssorec\0\0\0\x02and whatever that has"));
    manager.store("token-vm-3", sealed(b"ucssorec\0\0\0\x01"));
    manager.store("stored", File::open("/dev/null").unwrap());

    let estate = managed(&manager).await;

    estate.daemon.line_with("is left as it is").await;
    estate.daemon.line_with("is removed").await;
    estate.logged_in("hq").await;
    let estate = estate.after(Some(&manager), Signal::KILL).await;
    assert!(estate.held().await.is_some());
    let stored = manager.stored();
    assert!(stored.contains(&"token-hq-7".to_owned()), "{stored:?}");
    assert!(!stored.contains(&"token-vm-3".to_owned()), "{stored:?}");
    let newest =
        stored.iter().filter_map(|name| name.strip_prefix("token-hq-")?.parse().ok()).max();
    assert!(newest > Some(7), "the later version takes what is newer: {stored:?}");
}
