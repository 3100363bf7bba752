//! A keyring on a bus of its own: gnome-keyring, which can be locked and unlocked, and one that
//! never says a word.

use std::fs;

use tempfile::TempDir;
use zbus::{
    Connection,
    zvariant::{DynamicType, OwnedObjectPath, OwnedValue, Value},
};

use crate::{components, message_bus::PrivateBus, process::Process};

const SECRETS: &str = "org.freedesktop.secrets";
const ROOT: &str = "/org/freedesktop/secrets";
const SERVICE: &str = "org.freedesktop.Secret.Service";
const INTERNAL: &str = "org.gnome.keyring.InternalUnsupportedGuiltRiddenInterface";
const PASSWORD: &str = "correct horse";

/// The user's gnome-keyring.
pub(crate) struct Keyring {
    pub(crate) bus: PrivateBus,
    folder: TempDir,
    _daemon: Process,
}

impl Keyring {
    /// Starts it, unlocked.
    pub(crate) async fn start() -> Self {
        let bus = PrivateBus::start().await;
        let folder = tempfile::tempdir().unwrap();
        let password = folder.path().join("password");
        fs::write(&password, PASSWORD).unwrap();
        let mut daemon = bus.command(components::gnome_keyring());
        daemon
            .args(["--foreground", "--unlock", "--components=secrets"])
            .env("HOME", folder.path())
            .env("XDG_RUNTIME_DIR", folder.path())
            .stdin(fs::File::open(password).unwrap());
        let daemon = Process::spawn(&mut daemon);
        bus.has(SECRETS).await;
        Self { bus, folder, _daemon: daemon }
    }

    /// Locks what it has.
    pub(crate) async fn lock(&self) {
        let collection = self.collection().await;
        self.call(SERVICE, "Lock", &(vec![collection],)).await;
    }

    /// Unlocks it, as its user would at a prompt.
    pub(crate) async fn unlock(&self) {
        let connection = self.bus.connect().await;
        // The session is over with its connection.
        let opened = call(&connection, SERVICE, "OpenSession", &("plain", Value::from(""))).await;
        let (_, session): (OwnedValue, OwnedObjectPath) = opened.body().deserialize().unwrap();
        let secret = (session, Vec::<u8>::new(), PASSWORD.as_bytes().to_vec(), "text/plain");
        let collection = self.collection().await;
        call(&connection, INTERNAL, "UnlockWithMasterPassword", &(collection, secret)).await;
    }

    /// What its files have in them.
    pub(crate) fn files(&self) -> Vec<u8> {
        let folder = self.folder.path().join(".local/share/keyrings");
        let files = fs::read_dir(folder).unwrap();
        files.flat_map(|file| fs::read(file.unwrap().path()).unwrap()).collect()
    }

    async fn collection(&self) -> OwnedObjectPath {
        let answer = self.call(SERVICE, "ReadAlias", &("default",)).await;
        answer.body().deserialize().unwrap()
    }

    async fn call<B>(&self, interface: &str, method: &str, body: &B) -> zbus::Message
    where
        B: serde::Serialize + DynamicType,
    {
        call(&self.bus.connect().await, interface, method, body).await
    }
}

async fn call<B>(connection: &Connection, interface: &str, method: &str, body: &B) -> zbus::Message
where
    B: serde::Serialize + DynamicType,
{
    connection.call_method(Some(SECRETS), ROOT, Some(interface), method, body).await.unwrap()
}

/// A bus on which somebody has the name of the keyring, and answers nothing.
pub(crate) struct SilentKeyring {
    pub(crate) bus: PrivateBus,
    _owner: Connection,
}

impl SilentKeyring {
    pub(crate) async fn start() -> Self {
        let bus = PrivateBus::start().await;
        let owner = bus.connect().await;
        // Without an object server, nobody answers what arrives.
        owner.request_name(SECRETS).await.unwrap();
        Self { bus, _owner: owner }
    }
}
