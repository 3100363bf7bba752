//! A human who is away, as logind says: what programs are told meanwhile, and what happens when
//! they are back.

use ucsso::lab::LabConfig;

use crate::{
    estate::Estate,
    logind::{Machine, Session, us},
    process::{Process, until},
    rig::{WRITING, with_browser},
};

/// A machine with a desktop of ours, and an estate on it.
struct Office {
    estate: Estate,
    session: Session,
    _machine: Machine,
}

impl Office {
    async fn start() -> Self {
        let machine = Machine::start().await;
        let session = machine.session("1", us(), true).await;
        let edit = |toml: &str| with_browser(&WRITING, toml);
        let estate = Estate::launch_as(LabConfig::default(), edit, |home| {
            let mut daemon = home.ucssod();
            daemon.env("DBUS_SYSTEM_BUS_ADDRESS", machine.bus.address());
            daemon
        })
        .await;
        Self { estate, session, _machine: machine }
    }

    /// Waits until the status says this reserve, or none, and returns what it says to humans.
    async fn says(&self, reserve: Option<&str>) -> String {
        until(&format!("the status says {reserve:?}"), async || {
            let status = self.estate.status().await;
            (status["server"]["reserve"].as_str() == reserve).then_some(())
        })
        .await;
        String::from_utf8(self.estate.ctl_output(&["status"]).await.stdout).unwrap()
    }
}

#[tokio::test]
async fn while_the_desktop_is_locked_programs_are_told_and_no_window_opens() {
    let office = Office::start().await;
    let estate = &office.estate;

    office.session.lock(true).await;
    let shown = office.says(Some("locked")).await;

    assert!(shown.contains("the desktop is locked: no login opens by itself\n"), "{shown}");
    estate.refused(&["token", "hq"]).await.is(4, &["the desktop is locked", "ucssoctl login hq"]);
    assert_eq!(estate.opened(), [""; 0]);

    office.session.lock(false).await;
    let shown = office.says(None).await;
    assert!(!shown.contains("locked"), "{shown}");
    let program = Process::start(estate.home.ucssoctl().args(["token", "hq"]));
    let start_url = until("a window opens", async || estate.opened().pop()).await;
    assert!(estate.walk("alice").login(&start_url.parse().unwrap()).await.unwrap().ok);
    assert!(program.end().await.0.success());
    assert_eq!(estate.opened().len(), 1);
}

#[tokio::test]
async fn whoever_logs_in_by_name_is_there_whatever_logind_says() {
    let office = Office::start().await;
    office.session.lock(true).await;
    office.says(Some("locked")).await;

    let login = Process::start(office.estate.home.ucssoctl().args(["login", "hq"]));
    let start_url = until("a window opens", async || office.estate.opened().pop()).await;
    assert!(office.estate.walk("alice").login(&start_url.parse().unwrap()).await.unwrap().ok);

    assert!(login.end().await.0.success());
    office.estate.token("hq").await;
}

#[tokio::test]
async fn a_machine_that_has_just_woken_opens_nothing_for_a_while() {
    let office = Office::start().await;

    until("the wake-up is seen", async || {
        // The first may come before anybody listens.
        office.session.sleep_and_wake().await;
        let status = office.estate.status().await;
        (status["server"]["reserve"] == "just-woke").then_some(())
    })
    .await;

    let status = office.estate.status().await;
    let woken_until = status["server"]["reserve_epoch"].as_i64().unwrap();
    let started = status["server"]["start_epoch"].as_i64().unwrap();
    assert!(woken_until >= started + 10);
    office.estate.refused(&["token", "hq"]).await.is(4, &["the machine has just woken"]);
    assert_eq!(office.estate.opened(), [""; 0]);
}
