//! An impatient watch over a logind that does not say all it should, on a real bus.

use std::{
    future::pending,
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
    time::timeout,
};
use zbus::{
    Connection, connection::Builder, interface, object_server::SignalEmitter,
    zvariant::OwnedObjectPath,
};

use super::*;

const LOGIND: &str = "org.freedesktop.login1";
const SESSION: &str = "/org/freedesktop/login1/session/_31";
const MOMENT: Duration = Duration::from_millis(50);
const PATIENCE: Duration = Duration::from_mins(1);

/// What a logind says, once it is asked.
#[derive(Clone, Default)]
struct Logind {
    locked: Arc<AtomicBool>,
    silent: Arc<AtomicBool>,
}

#[interface(name = "org.freedesktop.login1.Manager")]
impl Logind {
    async fn list_sessions(&self) -> Vec<(String, u32, String, String, OwnedObjectPath)> {
        if self.silent.load(Ordering::SeqCst) {
            pending::<()>().await;
        }
        let path = OwnedObjectPath::try_from(SESSION).unwrap();
        vec![("1".into(), rustix::process::getuid().as_raw(), "alice".into(), "seat0".into(), path)]
    }
}

struct Session {
    kind: String,
    class: String,
    active: bool,
    idle: bool,
    logind: Logind,
}

#[interface(name = "org.freedesktop.login1.Session")]
impl Session {
    #[zbus(property)]
    fn r#type(&self) -> &str {
        &self.kind
    }

    #[zbus(property)]
    fn class(&self) -> &str {
        &self.class
    }

    #[zbus(property)]
    fn active(&self) -> bool {
        self.active
    }

    #[zbus(property)]
    fn idle_hint(&self) -> bool {
        self.idle
    }

    #[zbus(property)]
    fn locked_hint(&self) -> bool {
        self.logind.locked.load(Ordering::SeqCst)
    }

    #[zbus(signal)]
    async fn lock(emitter: &SignalEmitter<'_>) -> zbus::Result<()>;
}

/// A bus with that logind on it.
struct Machine {
    folder: TempDir,
    _daemon: Child,
    connection: Connection,
    logind: Logind,
}

impl Machine {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let address = address(&folder);
        let config = folder.path().join("bus.conf");
        let text = format!(
            r#"<busconfig><type>session</type><listen>{address}</listen><auth>EXTERNAL</auth>
               <policy context="default"><allow send_destination="*"/><allow receive_sender="*"/>
               <allow own="*"/></policy></busconfig>"#
        );
        std::fs::write(&config, text).unwrap();
        let mut daemon = Command::new("dbus-daemon");
        daemon.args(["--nofork", "--nopidfile", "--print-address", "--config-file"]);
        let daemon = daemon.arg(&config).stdout(Stdio::piped()).kill_on_drop(true).spawn();
        let mut daemon = daemon.expect("`apt-get install dbus-daemon` installs it");
        let mut said = BufReader::new(daemon.stdout.take().unwrap()).lines();
        said.next_line().await.unwrap().expect("it says where it listens");

        let logind = Logind::default();
        let builder = Builder::address(address.as_str()).unwrap();
        let builder = builder.serve_at("/org/freedesktop/login1", logind.clone()).unwrap();
        let session = Session {
            kind: "wayland".into(),
            class: "user".into(),
            active: true,
            idle: false,
            logind: logind.clone(),
        };
        let builder = builder.serve_at(SESSION, session).unwrap();
        let connection = builder.name(LOGIND).unwrap().build().await.unwrap();
        Self { folder, _daemon: daemon, connection, logind }
    }

    fn watched(&self, pace: Pace) -> watch::Receiver<Sight> {
        let system = Bus::at(address(&self.folder));
        Presence { pace, ..Presence::new(system, Bus::default()) }.watch()
    }

    /// How many programs are on the bus; it is one of them.
    async fn connections(&self) -> usize {
        let bus = zbus::fdo::DBusProxy::new(&self.connection).await.unwrap();
        let names = bus.list_names().await.unwrap();
        names.iter().filter(|name| name.starts_with(':')).count()
    }

    /// Asks the session to lock until the watch has heard of it.
    async fn ask_to_lock(&self, sight: &mut watch::Receiver<Sight>) {
        let emitter = SignalEmitter::new(&self.connection, SESSION).unwrap();
        let locked = async {
            loop {
                Session::lock(&emitter).await.unwrap();
                if let Ok(seen) = timeout(MOMENT, sight.wait_for(|sight| sight.locked)).await {
                    break seen.map(|_| ());
                }
            }
        };
        timeout(PATIENCE, locked).await.expect("the request is heard").unwrap();
    }
}

fn address(folder: &TempDir) -> String {
    format!("unix:path={}/bus", folder.path().display())
}

async fn until_locked(sight: &mut watch::Receiver<Sight>, locked: bool) {
    let seen = timeout(PATIENCE, sight.wait_for(|sight| sight.locked == locked)).await;
    seen.unwrap_or_else(|_| panic!("never seen: locked {locked}")).unwrap();
}

#[tokio::test]
async fn a_session_that_was_asked_to_lock_and_never_says_it_did_is_not_locked_for_ever() {
    let machine = Machine::start().await;
    let mut sight = machine.watched(Pace { grace: 4 * MOMENT, ..Pace::default() });

    machine.ask_to_lock(&mut sight).await;

    until_locked(&mut sight, false).await;
}

#[tokio::test]
async fn a_claim_whose_end_nobody_told_does_not_stand_for_ever() {
    let machine = Machine::start().await;
    machine.logind.locked.store(true, Ordering::SeqCst);
    let mut sight = machine.watched(Pace { doubt: MOMENT, ..Pace::default() });
    until_locked(&mut sight, true).await;

    machine.logind.locked.store(false, Ordering::SeqCst);

    until_locked(&mut sight, false).await;
}

#[tokio::test]
async fn a_logind_that_goes_silent_claims_nothing() {
    let machine = Machine::start().await;
    machine.logind.locked.store(true, Ordering::SeqCst);
    let mut sight = machine.watched(Pace { doubt: MOMENT, ..Pace::default() });
    until_locked(&mut sight, true).await;

    machine.logind.silent.store(true, Ordering::SeqCst);

    until_locked(&mut sight, false).await;
}

#[tokio::test]
async fn a_logind_that_comes_late_is_heard_of_without_asking_again() {
    let machine = Machine::start().await;
    machine.logind.locked.store(true, Ordering::SeqCst);
    assert!(machine.connection.release_name(LOGIND).await.unwrap());
    let never = Duration::from_hours(1);
    let mut sight = machine.watched(Pace { pause: [never; 2], ..Pace::default() });
    let looked = async { while machine.connections().await < 2 {} };
    timeout(PATIENCE, looked).await.expect("the watch is on the bus");

    machine.connection.request_name(LOGIND).await.unwrap();

    until_locked(&mut sight, true).await;
}

#[tokio::test]
async fn a_watch_that_nobody_asks_any_more_ends() {
    let machine = Machine::start().await;
    machine.logind.locked.store(true, Ordering::SeqCst);
    let mut sight = machine.watched(Pace::default());
    until_locked(&mut sight, true).await;
    assert_eq!(machine.connections().await, 2);

    drop(sight);

    let gone = async { while machine.connections().await > 1 {} };
    timeout(PATIENCE, gone).await.expect("the watch leaves the bus");
}
