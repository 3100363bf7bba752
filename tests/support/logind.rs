//! A machine with a logind, as `python3-dbusmock` mocks it on a bus of its own.

use std::collections::HashMap;

use zbus::{
    Connection,
    zvariant::{DynamicType, Value},
};

use crate::{components, message_bus::PrivateBus, process::Process};

const LOGIND: &str = "org.freedesktop.login1";
const ROOT: &str = "/org/freedesktop/login1";
const MANAGER: &str = "org.freedesktop.login1.Manager";
pub(crate) const SESSION: &str = "org.freedesktop.login1.Session";
const MOCK: &str = "org.freedesktop.DBus.Mock";

/// A machine with a logind.
pub(crate) struct Machine {
    pub(crate) bus: PrivateBus,
    pub(crate) logind: Option<Process>,
}

impl Machine {
    pub(crate) async fn start() -> Self {
        let mut machine = Self { bus: PrivateBus::start().await, logind: None };
        machine.start_logind().await;
        machine
    }

    pub(crate) async fn start_logind(&mut self) {
        let mut logind = self.bus.command(components::python_with_dbusmock());
        logind.args(["-m", "dbusmock", "--system", "--template", "logind"]);
        self.logind = Some(Process::start(&mut logind));
        self.bus.has(LOGIND).await;
    }

    /// A graphical session of a user, in front of the seat or not.
    pub(crate) async fn session(&self, id: &str, uid: u32, active: bool) -> Session {
        let connection = self.bus.connect().await;
        let path = format!("{ROOT}/session/{id}");
        let session = Session { connection, path };
        session.call(ROOT, MOCK, "AddSession", &(id, "seat0", uid, "alice", active)).await;
        session.set("Type", "x11".into()).await;
        session.emit("SessionNew", "so", vec![id.into(), object(&session.path)]).await;
        session
    }
}

pub(crate) fn object(path: &str) -> Value<'_> {
    Value::ObjectPath(path.try_into().unwrap())
}

/// A session, as its desktop and its locker see it.
pub(crate) struct Session {
    connection: Connection,
    pub(crate) path: String,
}

impl Session {
    pub(crate) async fn call<B>(&self, path: &str, interface: &str, method: &str, body: &B)
    where
        B: serde::Serialize + DynamicType,
    {
        let call = self.connection.call_method(Some(LOGIND), path, Some(interface), method, body);
        call.await.unwrap();
    }

    pub(crate) async fn set(&self, property: &str, value: Value<'_>) {
        let properties = HashMap::from([(property, value)]);
        self.call(&self.path, MOCK, "UpdateProperties", &(SESSION, properties)).await;
    }

    pub(crate) async fn lock(&self, locked: bool) {
        self.call(&self.path, SESSION, "SetLockedHint", &(locked,)).await;
    }

    /// Takes it off the bus, without a word.
    pub(crate) async fn remove(&self) {
        self.call(ROOT, MOCK, "RemoveObject", &(self.path.as_str(),)).await;
    }

    /// Has the machine sleep and wake.
    pub(crate) async fn sleep_and_wake(&self) {
        for sleeps in [true, false] {
            self.emit("PrepareForSleep", "b", vec![sleeps.into()]).await;
        }
    }

    /// A signal of the manager.
    pub(crate) async fn emit(&self, signal: &str, signature: &str, arguments: Vec<Value<'_>>) {
        self.call(ROOT, MOCK, "EmitSignal", &(MANAGER, signal, signature, arguments)).await;
    }
}

pub(crate) fn us() -> u32 {
    rustix::process::getuid().as_raw()
}
