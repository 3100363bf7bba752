//! The key in the user's keyring, by the Secret Service of the desktop.
//!
//! Nobody is ever asked anything: a keyring that is locked stays locked, and where the service
//! would rather ask than do as it is told, it is left alone. All calls together end within
//! [`LIMIT`]. What a service says in an error is not taken over.

use std::{collections::HashMap, fmt, future::Future, pin::Pin, sync::Arc, time::Duration};

use oo7::{
    Key as SessionKey, Secret,
    dbus::{
        self, ServiceError,
        api::{Collection, DBusSecret, Item, Properties, Service, Session},
    },
};
use tokio::time::timeout;
use zbus::{
    Connection,
    zvariant::{ObjectPath, OwnedObjectPath},
};
use zeroize::Zeroizing;

use super::{
    binding::Binding,
    key::{self, SECRET_BYTES},
};

/// How long everything that is asked at once may take.
pub(super) const LIMIT: Duration = Duration::from_millis(1500);

/// The collection that the user meant for whatever names none.
const COLLECTION: &str = "default";

/// What the item is called where the user looks at their keyring.
const LABEL: &str = "Key of the sealed tokens of ucsso";

/// Gives a connection to the user's session bus, where there is one.
pub type Connect =
    Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Option<Connection>> + Send>> + Send + Sync>;

/// The user's keyring, which may or may not be there.
#[derive(Clone)]
pub struct Keyring {
    connect: Connect,
}

/// Why the keyring gives no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// There is no session bus.
    #[error("there is no session bus with a keyring on it")]
    NoBus,
    /// Nobody on the bus keeps secrets.
    #[error("no program on the session bus keeps secrets")]
    Absent,
    /// It has no place for secrets.
    #[error("the keyring has no default collection")]
    NoCollection,
    /// Its user has not unlocked it.
    #[error("the keyring is locked")]
    Locked,
    /// It would ask its user first.
    #[error("the keyring would ask before it keeps the key")]
    WouldAsk,
    /// It did not answer in time.
    #[error("the keyring does not answer")]
    Silent,
    /// It ended before it answered.
    #[error("the keyring has ended without an answer")]
    Gone,
    /// It does not do what it is asked.
    #[error("the keyring refuses")]
    Refused,
    /// What it answers is not what was asked for.
    #[error("the keyring answers what cannot be understood")]
    Garbled,
}

impl Keyring {
    /// The one on this bus. It is connected when it is needed.
    pub fn new(connect: Connect) -> Self {
        Self { connect }
    }

    /// The secret of this user and machine; a new one, where there is none yet.
    pub(super) async fn secret(&self, binding: &Binding) -> Result<Zeroizing<Vec<u8>>, Fault> {
        self.limited(async |open: &Open| {
            if let Some(item) = open.items(binding).await?.first() {
                return open.read(item).await;
            }
            let secret = key::new_secret();
            open.create(binding, &*secret).await?;
            Ok(Zeroizing::new(secret.to_vec()))
        })
        .await
    }

    /// Puts this secret in the place of the one there is.
    pub(super) async fn replace(&self, binding: &Binding, secret: &[u8]) -> Result<(), Fault> {
        self.limited(async |open: &Open| {
            let items = open.items(binding).await?;
            if items.is_empty() {
                return open.create(binding, secret).await;
            }
            for item in items {
                item.set_secret(&open.sealed(secret)?).await?;
            }
            Ok(())
        })
        .await
    }

    async fn limited<T>(
        &self,
        work: impl AsyncFnOnce(&Open) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let all = async {
            let connection = (self.connect)().await.ok_or(Fault::NoBus)?;
            let open = Open::new(&connection).await?;
            let done = work(&open).await;
            // The session ends with the connection at the latest.
            let _ = open.session.close().await;
            done
        };
        timeout(LIMIT, all).await.unwrap_or(Err(Fault::Silent))
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keyring(..)")
    }
}

impl Fault {
    /// What mends it.
    #[must_use]
    pub const fn advice(&self) -> &'static str {
        match self {
            Self::Locked => "unlock it, then `systemctl --user restart ucssod`",
            Self::NoBus | Self::Absent | Self::NoCollection => {
                "set up a keyring (gnome-keyring, KWallet, KeePassXC), or give the daemon the \
                 systemd credential `ucsso-store-key`; then `systemctl --user restart ucssod`"
            }
            Self::WouldAsk | Self::Silent | Self::Gone | Self::Refused | Self::Garbled => {
                "see to the keyring, then `systemctl --user restart ucssod`"
            }
        }
    }
}

/// An unlocked collection, and a session in which no secret is readable on the bus.
struct Open {
    collection: Collection,
    session: Arc<Session>,
    key: Arc<SessionKey>,
}

impl Open {
    async fn new(connection: &Connection) -> Result<Self, Fault> {
        let service = Service::new(connection).await?;
        let collection = service.read_alias(COLLECTION).await?.ok_or(Fault::NoCollection)?;
        if collection.is_locked().await? {
            return Err(Fault::Locked);
        }
        let ours = SessionKey::generate_private_key().map_err(|_| Fault::Garbled)?;
        let public = SessionKey::generate_public_key(&ours).map_err(|_| Fault::Garbled)?;
        let (theirs, session) = service.open_session(Some(public)).await?;
        let theirs = theirs.ok_or(Fault::Garbled)?;
        let key = SessionKey::generate_aes_key(&ours, &theirs).map_err(|_| Fault::Garbled)?;
        Ok(Self { collection, session: Arc::new(session), key: Arc::new(key) })
    }

    /// The items of this user and machine, none of them locked.
    async fn items(&self, binding: &Binding) -> Result<Vec<Item>, Fault> {
        let items = self.collection.search_items(&attributes(binding)).await?;
        for item in &items {
            if item.is_locked().await? {
                return Err(Fault::Locked);
            }
        }
        Ok(items)
    }

    async fn read(&self, item: &Item) -> Result<Zeroizing<Vec<u8>>, Fault> {
        let secret = item.secret(&self.session).await?.decrypt(Some(&self.key))?;
        let secret = Zeroizing::new(secret.as_bytes().to_vec());
        if secret.len() == SECRET_BYTES { Ok(secret) } else { Err(Fault::Garbled) }
    }

    /// Makes an item. What would show the user a question is not called, unlike in the functions
    /// of oo7 that do all of this in one.
    async fn create(&self, binding: &Binding, secret: &[u8]) -> Result<(), Fault> {
        let properties = Properties::for_item(LABEL, &attributes(binding));
        let secret = self.sealed(secret)?;
        let arguments = (properties, &secret, true);
        let answer = self.collection.inner().call_method("CreateItem", &arguments).await?;
        let (_, prompt): (OwnedObjectPath, OwnedObjectPath) = answer.body().deserialize()?;
        if *prompt == ObjectPath::default() { Ok(()) } else { Err(Fault::WouldAsk) }
    }

    /// A secret as it goes over the bus.
    fn sealed(&self, secret: &[u8]) -> Result<DBusSecret, Fault> {
        let session = Arc::clone(&self.session);
        Ok(DBusSecret::new_encrypted(session, Secret::blob(secret), &self.key)?)
    }
}

/// What finds the item of this user and machine again, where a home or a keyring is on several.
fn attributes(binding: &Binding) -> HashMap<&'static str, String> {
    HashMap::from([
        ("application", "ucsso".to_owned()),
        ("uid", binding.uid().to_string()),
        ("machine", format!("{:032x}", binding.machine())),
    ])
}

impl From<dbus::Error> for Fault {
    fn from(error: dbus::Error) -> Self {
        match error {
            dbus::Error::ZBus(error) | dbus::Error::Service(ServiceError::ZBus(error)) => {
                error.into()
            }
            dbus::Error::Service(ServiceError::IsLocked(_)) => Self::Locked,
            dbus::Error::Dismissed => Self::WouldAsk,
            dbus::Error::IO(_) => Self::Gone,
            dbus::Error::Service(_) | dbus::Error::Deleted | dbus::Error::NotFound(_) => {
                Self::Refused
            }
            dbus::Error::Crypto(_) => Self::Garbled,
        }
    }
}

impl From<zbus::Error> for Fault {
    fn from(error: zbus::Error) -> Self {
        let name = match &error {
            zbus::Error::MethodError(name, ..) => name.as_str(),
            zbus::Error::FDO(error) => return of_bus(zbus::DBusError::name(&**error).as_str()),
            zbus::Error::InputOutput(_) => return Self::Gone,
            _ => return Self::Garbled,
        };
        of_bus(name)
    }
}

impl From<zbus::zvariant::Error> for Fault {
    fn from(_: zbus::zvariant::Error) -> Self {
        Self::Garbled
    }
}

/// What an error of this name means: the names are the bus's own, or the service's.
fn of_bus(name: &str) -> Fault {
    match name.rsplit_once('.').map_or(name, |(_, last)| last) {
        "IsLocked" => Fault::Locked,
        "ServiceUnknown" | "NameHasNoOwner" | "ServiceNotFound" | "ExecFailed" | "ChildExited" => {
            Fault::Absent
        }
        "NoReply" | "Disconnected" => Fault::Gone,
        "Timeout" | "TimedOut" => Fault::Silent,
        _ => Fault::Refused,
    }
}
