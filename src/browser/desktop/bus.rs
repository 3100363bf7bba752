//! A message bus of the desktop: where it is, and calls on it that end.
//!
//! Nothing is connected before it is needed, no bus is ever started, and no call waits longer
//! than [`LIMIT`]. What a service says in an error is not taken over: it may quote a URL. Knows
//! nothing of what is asked; the other files of this folder do.

use std::{ffi::OsString, future::Future, path::PathBuf, time::Duration};

use serde::Serialize;
use tokio::{net::UnixStream, runtime::Handle, time::timeout};
use tokio_stream::StreamExt;
use zbus::{
    Connection, MatchRule, Message, MessageStream,
    connection::Builder,
    fdo,
    message::{Flags, Type as Kind},
    names::OwnedUniqueName,
    zvariant::DynamicType,
};

use super::Fault;
use crate::paths;

/// How long a call may take until it is answered.
pub(super) const LIMIT: Duration = Duration::from_secs(2);

/// How many signals may wait to be looked at. A full queue holds up the answers behind it.
const QUEUE: usize = 256;

/// The bus itself, as a service on it.
const DRIVER: &str = "org.freedesktop.DBus";

/// A message bus that may or may not be there.
#[derive(Debug, Clone, Default)]
pub struct Bus(Place);

#[derive(Debug, Clone, Default)]
enum Place {
    #[default]
    Nowhere,
    /// Addresses as the D-Bus specification writes them.
    Named(String),
    /// A socket that may not be there.
    Socket(PathBuf),
}

impl Bus {
    /// The bus of the user's session: `$DBUS_SESSION_BUS_ADDRESS`, else `$XDG_RUNTIME_DIR/bus`.
    #[must_use]
    pub fn session(environment: impl Fn(&str) -> Option<OsString>) -> Self {
        named(&environment, "DBUS_SESSION_BUS_ADDRESS")
            .or_else(|| paths::session_bus(&environment).map(|path| Self(Place::Socket(path))))
            .unwrap_or_default()
    }

    /// The bus of the machine: `$DBUS_SYSTEM_BUS_ADDRESS`, else its usual socket.
    #[must_use]
    pub fn system(environment: impl Fn(&str) -> Option<OsString>) -> Self {
        named(&environment, "DBUS_SYSTEM_BUS_ADDRESS")
            .unwrap_or_else(|| Self(Place::Socket(paths::SYSTEM_BUS.into())))
    }

    /// The bus at an address, `unix:path=/run/user/1000/bus`.
    #[must_use]
    pub fn at(address: impl Into<String>) -> Self {
        Self(Place::Named(address.into()))
    }

    /// A connection of its own for a room that speaks to another service; nothing where there is
    /// no bus, or where it does not answer within two seconds.
    pub async fn connection(&self) -> Option<Connection> {
        self.connect().await.map(|Link(connection)| connection).ok()
    }

    /// Connects, within [`LIMIT`].
    pub(super) async fn connect(&self) -> Result<Link, Fault> {
        timeout(LIMIT, async {
            match &self.0 {
                Place::Nowhere => Err(Fault::NoBus),
                Place::Named(text) => {
                    for address in usable(text) {
                        if let Ok(builder) = Builder::address(address)
                            && let Ok(connection) = builder.build().await
                        {
                            return Ok(Link(connection));
                        }
                    }
                    Err(Fault::NoBus)
                }
                Place::Socket(path) => {
                    let stream = UnixStream::connect(path).await.map_err(|_| Fault::NoBus)?;
                    let connection = Builder::unix_stream(stream).build().await;
                    connection.map(Link).map_err(|_| Fault::NoBus)
                }
            }
        })
        .await
        .unwrap_or(Err(Fault::Silent))
    }
}

fn named(environment: &impl Fn(&str) -> Option<OsString>, name: &str) -> Option<Bus> {
    let address = environment(name).filter(|address| !address.is_empty())?;
    // One that is not text is none of the form that is understood.
    Some(Bus::at(address.into_string().unwrap_or_default()))
}

/// The addresses of a list that lead to a socket of this machine. `autolaunch:` and
/// `unixexec:` would start a program, and a bus on another machine has no desktop to show.
fn usable(addresses: &str) -> impl Iterator<Item = &str> {
    addresses.split(';').filter(|address| address.starts_with("unix:"))
}

/// A connection to a bus. A clone is the same connection, which is closed with the last one.
#[derive(Debug, Clone)]
pub(super) struct Link(Connection);

impl Link {
    /// Our own name on the bus.
    pub(super) fn name(&self) -> &str {
        self.0.unique_name().map_or("", |name| name.as_str())
    }

    /// The program behind a name of the bus, and news of its end. It is started if the bus
    /// knows how.
    pub(super) async fn started(&self, name: &'static str) -> Result<(Service, Departure), Fault> {
        let departure = self.departure(name).await?;
        // The bus would not know how to start what somebody else has started.
        let owner = match self.owner(name).await {
            Err(Fault::Absent) => {
                let _started: u32 = self.ask_driver("StartServiceByName", &(name, 0_u32)).await?;
                self.owner(name).await?
            }
            known => known?,
        };
        Ok((owner, departure))
    }

    /// The same, if it is there already.
    pub(super) async fn present(&self, name: &'static str) -> Result<(Service, Departure), Fault> {
        let departure = self.departure(name).await?;
        Ok((self.owner(name).await?, departure))
    }

    /// News of who has a name of the bus.
    pub(super) async fn departure(&self, name: &'static str) -> Result<Departure, Fault> {
        let rule = MatchRule::builder()
            .msg_type(Kind::Signal)
            .sender(DRIVER)
            .and_then(|rule| rule.member("NameOwnerChanged"))
            .and_then(|rule| rule.arg(0, name))
            .expect("the names are valid")
            .build();
        Ok(Departure(self.subscribe(rule).await?))
    }

    /// The program that has a name now.
    pub(super) async fn owner(&self, name: &'static str) -> Result<Service, Fault> {
        let owner: OwnedUniqueName = self.ask_driver("GetNameOwner", &(name,)).await?;
        Ok(Service { link: self.clone(), name, owner })
    }

    async fn ask_driver<R>(
        &self,
        method: &str,
        body: &(impl Serialize + DynamicType),
    ) -> Result<R, Fault>
    where
        R: for<'d> zbus::zvariant::DynamicDeserialize<'d>,
    {
        let call =
            self.0.call_method(Some(DRIVER), "/org/freedesktop/DBus", Some(DRIVER), method, body);
        limited(async { call.await?.body().deserialize() }).await
    }

    async fn subscribe(&self, rule: MatchRule<'_>) -> Result<MessageStream, Fault> {
        limited(MessageStream::for_match_rule(rule.to_owned(), &self.0, Some(QUEUE))).await
    }
}

/// News of who has a name of the bus.
pub(super) struct Departure(MessageStream);

impl Departure {
    /// Returns once the name has changed hands, or the bus is gone.
    pub(super) async fn happened(&mut self) -> Fault {
        while let Some(Ok(message)) = self.0.next().await {
            if message.header().sender().is_some_and(|sender| sender.as_str() == DRIVER) {
                return Fault::Gone;
            }
        }
        Fault::NoBus
    }
}

/// A program on the bus. It is called by its unique name, so that no call starts another.
#[derive(Debug, Clone)]
pub(super) struct Service {
    link: Link,
    name: &'static str,
    owner: OwnedUniqueName,
}

/// An object of a service and one of its interfaces.
#[derive(Debug, Clone, Copy)]
pub(super) struct Face<'a> {
    pub(super) path: &'a str,
    pub(super) interface: &'a str,
}

impl Service {
    /// Calls a method and reads the answer, within [`LIMIT`].
    pub(super) async fn call<R>(
        &self,
        face: Face<'_>,
        method: &str,
        body: &(impl Serialize + DynamicType),
    ) -> Result<R, Fault>
    where
        R: for<'d> zbus::zvariant::DynamicDeserialize<'d>,
    {
        limited(self.call_unlimited(face, method, body)).await
    }

    /// The same without a limit, for who has one of their own.
    pub(super) async fn call_unlimited<R>(
        &self,
        Face { path, interface }: Face<'_>,
        method: &str,
        body: &(impl Serialize + DynamicType),
    ) -> zbus::Result<R>
    where
        R: for<'d> zbus::zvariant::DynamicDeserialize<'d>,
    {
        let call = self.link.0.call_method(Some(&self.owner), path, Some(interface), method, body);
        call.await?.body().deserialize()
    }

    /// Calls a method and waits for no answer.
    pub(super) async fn tell(
        &self,
        Face { path, interface }: Face<'_>,
        method: &str,
        body: &(impl Serialize + DynamicType),
    ) -> Result<(), Fault> {
        limited(async {
            let message = Message::method_call(path, method)?
                .destination(&self.owner)?
                .interface(interface)?
                .with_flags(Flags::NoReplyExpected)?
                .build(body)?;
            self.link.0.send(&message).await
        })
        .await
    }

    /// The signals of this name, of one member or of all.
    pub(super) async fn signals(&self, member: Option<&'static str>) -> Result<Signals, Fault> {
        let rule = MatchRule::builder()
            .msg_type(Kind::Signal)
            .sender(self.name)
            .and_then(|rule| match member {
                Some(member) => rule.member(member),
                None => Ok(rule),
            })
            .expect("the names are valid")
            .build();
        let stream = self.link.subscribe(rule).await?;
        Ok(Signals { stream, owner: self.owner.clone() })
    }
}

/// The signals of one program.
pub(super) struct Signals {
    stream: MessageStream,
    owner: OwnedUniqueName,
}

impl Signals {
    /// The next signal. Any program may send one to us, so the sender is looked at.
    pub(super) async fn next(&mut self) -> Result<Message, Fault> {
        while let Some(Ok(message)) = self.stream.next().await {
            if message.header().sender().is_some_and(|sender| *sender == self.owner) {
                return Ok(message);
            }
        }
        Err(Fault::NoBus)
    }
}

/// The member of a signal.
pub(super) fn member(message: &Message) -> String {
    message.header().member().map(ToString::to_string).unwrap_or_default()
}

/// The object that a signal comes from.
pub(super) fn path(message: &Message) -> String {
    message.header().path().map(ToString::to_string).unwrap_or_default()
}

async fn limited<T>(call: impl Future<Output = zbus::Result<T>>) -> Result<T, Fault> {
    timeout(LIMIT, call).await.map_or(Err(Fault::Silent), |answer| answer.map_err(Fault::from))
}

/// Sends a farewell for something that is being dropped, where there is still a runtime to.
pub(super) fn in_background(farewell: impl Future<Output = Result<(), Fault>> + Send + 'static) {
    if let Ok(runtime) = Handle::try_current() {
        runtime.spawn(farewell);
    }
}

impl From<zbus::Error> for Fault {
    fn from(error: zbus::Error) -> Self {
        match error {
            zbus::Error::MethodError(name, ..) => match fdo_error(&name) {
                "ServiceUnknown" | "NameHasNoOwner" => Self::Absent,
                "NoReply" | "Timeout" | "TimedOut" => Self::Silent,
                _ => Self::Refused { name: name.to_string() },
            },
            zbus::Error::FDO(error) => match *error {
                fdo::Error::ServiceUnknown(_) | fdo::Error::NameHasNoOwner(_) => Self::Absent,
                _ => Self::Garbled,
            },
            zbus::Error::InputOutput(_) => Self::NoBus,
            _ => Self::Garbled,
        }
    }
}

/// The last part of the name of one of the bus's own errors.
fn fdo_error(name: &str) -> &str {
    name.strip_prefix("org.freedesktop.DBus.Error.").unwrap_or("")
}

#[cfg(test)]
mod tests;
