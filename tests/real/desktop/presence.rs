//! The sight of the human, with logind as `python3-dbusmock` mocks it on a bus of its own.

use std::collections::HashMap;

use tokio::{sync::watch, time::timeout};
use ucsso::browser::desktop::{Bus, Presence, Sight};
use zbus::{
    Connection, interface,
    object_server::SignalEmitter,
    zvariant::{DynamicType, Value},
};

use super::PrivateBus;
use crate::{
    components,
    process::{PATIENCE, Process},
};

const LOGIND: &str = "org.freedesktop.login1";
const ROOT: &str = "/org/freedesktop/login1";
const MANAGER: &str = "org.freedesktop.login1.Manager";
const SESSION: &str = "org.freedesktop.login1.Session";
const MOCK: &str = "org.freedesktop.DBus.Mock";

/// A machine with a logind.
struct Machine {
    bus: PrivateBus,
    logind: Option<Process>,
}

impl Machine {
    async fn start() -> Self {
        let mut machine = Self { bus: PrivateBus::start().await, logind: None };
        machine.start_logind().await;
        machine
    }

    async fn start_logind(&mut self) {
        let mut logind = self.bus.command(components::python_with_dbusmock());
        logind.args(["-m", "dbusmock", "--system", "--template", "logind"]);
        self.logind = Some(Process::start(&mut logind));
        self.bus.has(LOGIND).await;
    }

    /// A graphical session of a user, in front of the seat or not.
    async fn session(&self, id: &str, uid: u32, active: bool) -> Session {
        let connection = self.bus.connect().await;
        let path = format!("{ROOT}/session/{id}");
        let session = Session { connection, path };
        session.call(ROOT, MOCK, "AddSession", &(id, "seat0", uid, "alice", active)).await;
        session.set("Type", "x11".into()).await;
        session.emit("SessionNew", "so", vec![id.into(), object(&session.path)]).await;
        session
    }

    fn watched(&self) -> watch::Receiver<Sight> {
        Presence::new(self.bus.bus(), Bus::default()).watch()
    }
}

fn object(path: &str) -> Value<'_> {
    Value::ObjectPath(path.try_into().unwrap())
}

/// A session, as its desktop and its locker see it.
struct Session {
    connection: Connection,
    path: String,
}

impl Session {
    async fn call<B>(&self, path: &str, interface: &str, method: &str, body: &B)
    where
        B: serde::Serialize + DynamicType,
    {
        let call = self.connection.call_method(Some(LOGIND), path, Some(interface), method, body);
        call.await.unwrap();
    }

    async fn set(&self, property: &str, value: Value<'_>) {
        let properties = HashMap::from([(property, value)]);
        self.call(&self.path, MOCK, "UpdateProperties", &(SESSION, properties)).await;
    }

    async fn lock(&self, locked: bool) {
        self.call(&self.path, SESSION, "SetLockedHint", &(locked,)).await;
    }

    /// A signal of the manager.
    async fn emit(&self, signal: &str, signature: &str, arguments: Vec<Value<'_>>) {
        self.call(ROOT, MOCK, "EmitSignal", &(MANAGER, signal, signature, arguments)).await;
    }
}

fn us() -> u32 {
    rustix::process::getuid().as_raw()
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
        session.emit("PrepareForSleep", "b", vec![true.into()]).await;
        session.emit("PrepareForSleep", "b", vec![false.into()]).await;
        let seen = *sight.borrow_and_update();
        (seen.wakes > wakes).then_some(seen)
    })
    .await
}

#[tokio::test]
async fn a_session_that_locks_and_idles_is_seen_to() {
    let machine = Machine::start().await;
    let session = machine.session("1", us(), true).await;
    let mut sight = machine.watched();

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

    let mut sight = machine.watched();

    until_seen(&mut sight, true, false).await;
}

#[tokio::test]
async fn a_session_that_is_told_to_lock_counts_as_locked_before_it_says_so() {
    let machine = Machine::start().await;
    let session = machine.session("1", us(), true).await;
    let mut sight = machine.watched();
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
    let mut sight = machine.watched();
    until_seen(&mut sight, true, false).await;

    let second = machine.session("2", us(), true).await;
    until_seen(&mut sight, false, false).await;
    second.set("Active", false.into()).await;
    until_seen(&mut sight, true, false).await;
    first.call(ROOT, MOCK, "RemoveObject", &(first.path.as_str(),)).await;
    second.call(ROOT, MOCK, "RemoveObject", &(second.path.as_str(),)).await;
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

    let seen = after_wake(&foreign, &mut machine.watched()).await;

    assert_eq!((seen.locked, seen.idle), (false, false));
}

#[tokio::test]
async fn each_wake_up_counts_once() {
    let machine = Machine::start().await;
    let session = machine.session("1", us(), true).await;
    let mut sight = machine.watched();
    let before = after_wake(&session, &mut sight).await.wakes;

    for _ in 0..3 {
        session.emit("PrepareForSleep", "b", vec![true.into()]).await;
        session.emit("PrepareForSleep", "b", vec![false.into()]).await;
    }
    session.lock(true).await;
    until_seen(&mut sight, true, false).await;

    assert_eq!(sight.borrow().wakes, before + 3);
}

#[tokio::test]
async fn a_bus_that_ends_claims_nothing_and_is_followed_again_when_it_is_back() {
    let mut machine = Machine::start().await;
    machine.session("1", us(), true).await.lock(true).await;
    let mut sight = machine.watched();
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
    let mut sight = machine.watched();
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
