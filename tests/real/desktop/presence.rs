//! The sight of the human, with logind as `python3-dbusmock` mocks it on a bus of its own.

use tokio::{sync::watch, time::timeout};
use ucsso::browser::desktop::{Bus, Presence, Sight};
use zbus::{interface, object_server::SignalEmitter};

use super::PrivateBus;
use crate::{
    logind::{Machine, SESSION, Session, object, us},
    process::PATIENCE,
};

fn watched(machine: &Machine) -> watch::Receiver<Sight> {
    Presence::new(machine.bus.bus(), Bus::default()).watch()
}

async fn until_seen(sight: &mut watch::Receiver<Sight>, locked: bool, idle: bool) {
    let seen = sight.wait_for(|sight| (sight.locked, sight.idle) == (locked, idle));
    timeout(PATIENCE, seen)
        .await
        .unwrap_or_else(|_| panic!("never seen: locked {locked}, idle {idle}"))
        .unwrap();
}

/// Waits for a wake-up, and returns what else was seen by then.
async fn after_wake(session: &Session, sight: &mut watch::Receiver<Sight>) -> Sight {
    let wakes = sight.borrow().wakes;
    // The first may come before anybody listens.
    crate::process::until("the machine woke", async || {
        session.sleep_and_wake().await;
        let seen = *sight.borrow_and_update();
        (seen.wakes > wakes).then_some(seen)
    })
    .await
}

#[tokio::test]
async fn a_session_that_locks_and_idles_is_seen_to() {
    let machine = Machine::start().await;
    let session = machine.session("1", us(), true).await;
    let mut sight = watched(&machine);

    session.lock(true).await;
    until_seen(&mut sight, true, false).await;
    session.lock(false).await;
    until_seen(&mut sight, false, false).await;
    session.set("IdleHint", true.into()).await;
    until_seen(&mut sight, false, true).await;
    session.set("IdleHint", false.into()).await;
    until_seen(&mut sight, false, false).await;
}

#[tokio::test]
async fn a_session_that_was_locked_before_the_start_is_seen_to_be() {
    let machine = Machine::start().await;
    let session = machine.session("1", us(), true).await;
    session.lock(true).await;

    let mut sight = watched(&machine);

    until_seen(&mut sight, true, false).await;
}

#[tokio::test]
async fn a_session_that_is_told_to_lock_counts_as_locked_before_it_says_so() {
    let machine = Machine::start().await;
    let session = machine.session("1", us(), true).await;
    let mut sight = watched(&machine);
    after_wake(&session, &mut sight).await;

    session.call(&session.path, SESSION, "Lock", &()).await;
    until_seen(&mut sight, true, false).await;
    session.call(&session.path, SESSION, "Unlock", &()).await;

    until_seen(&mut sight, false, false).await;
}

#[tokio::test]
async fn sessions_come_and_go() {
    let machine = Machine::start().await;
    let first = machine.session("1", us(), true).await;
    first.lock(true).await;
    let mut sight = watched(&machine);
    until_seen(&mut sight, true, false).await;

    let second = machine.session("2", us(), true).await;
    until_seen(&mut sight, false, false).await;
    second.set("Active", false.into()).await;
    until_seen(&mut sight, true, false).await;
    first.remove().await;
    second.remove().await;
    first.emit("SessionRemoved", "so", vec!["1".into(), object(&first.path)]).await;

    until_seen(&mut sight, false, false).await;
}

#[tokio::test]
async fn sessions_that_are_not_ours_or_not_graphical_say_nothing() {
    let machine = Machine::start().await;
    let foreign = machine.session("1", us() + 1, true).await;
    foreign.lock(true).await;
    let console = machine.session("2", us(), true).await;
    console.set("Type", "tty".into()).await;
    console.lock(true).await;
    let greeter = machine.session("3", us(), true).await;
    greeter.set("Class", "greeter".into()).await;
    greeter.lock(true).await;

    let seen = after_wake(&foreign, &mut watched(&machine)).await;

    assert_eq!((seen.locked, seen.idle), (false, false));
}

#[tokio::test]
async fn each_wake_up_counts_once() {
    let machine = Machine::start().await;
    let session = machine.session("1", us(), true).await;
    let mut sight = watched(&machine);
    let before = after_wake(&session, &mut sight).await.wakes;

    for _ in 0..3 {
        session.sleep_and_wake().await;
    }
    session.lock(true).await;
    until_seen(&mut sight, true, false).await;

    assert_eq!(sight.borrow().wakes, before + 3);
}

#[tokio::test]
async fn a_bus_that_ends_claims_nothing_and_is_followed_again_when_it_is_back() {
    let mut machine = Machine::start().await;
    machine.session("1", us(), true).await.lock(true).await;
    let mut sight = watched(&machine);
    until_seen(&mut sight, true, false).await;

    machine.bus.stop();
    until_seen(&mut sight, false, false).await;
    machine.logind = None;
    machine.bus.restart().await;
    machine.start_logind().await;
    machine.session("1", us(), true).await.lock(true).await;

    until_seen(&mut sight, true, false).await;
}

#[tokio::test]
async fn a_logind_that_ends_claims_nothing() {
    let mut machine = Machine::start().await;
    machine.session("1", us(), true).await.lock(true).await;
    let mut sight = watched(&machine);
    until_seen(&mut sight, true, false).await;

    machine.logind = None;

    until_seen(&mut sight, false, false).await;
}

struct Saver {
    active: bool,
}

#[interface(name = "org.freedesktop.ScreenSaver")]
impl Saver {
    fn get_active(&self) -> bool {
        self.active
    }

    #[zbus(signal)]
    async fn active_changed(emitter: &SignalEmitter<'_>, active: bool) -> zbus::Result<()>;
}

#[tokio::test]
async fn a_screen_saver_that_is_on_hides_every_window() {
    const PATH: &str = "/org/freedesktop/ScreenSaver";
    let bus = PrivateBus::start().await;
    let mut sight = Presence::new(Bus::default(), bus.bus()).watch();
    let builder = bus.builder().name("org.freedesktop.ScreenSaver").unwrap();
    let saver = builder.serve_at(PATH, Saver { active: true }).unwrap().build().await.unwrap();

    until_seen(&mut sight, true, false).await;
    let emitter = SignalEmitter::new(&saver, PATH).unwrap();
    Saver::active_changed(&emitter, false).await.unwrap();
    until_seen(&mut sight, false, false).await;
    Saver::active_changed(&emitter, true).await.unwrap();
    until_seen(&mut sight, true, false).await;
    drop(emitter);
    saver.close().await.unwrap();

    until_seen(&mut sight, false, false).await;
}

#[tokio::test]
async fn without_a_bus_nobody_is_claimed_to_be_away() {
    let sight = Presence::new(Bus::default(), Bus::at("unix:path=/nowhere/bus")).watch();

    assert_eq!(*sight.borrow(), Sight::default());
}
