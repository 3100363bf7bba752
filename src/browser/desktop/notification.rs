//! A notification with its buttons, and the answer (Desktop Notifications Specification 1.2).
//!
//! The server is whatever the desktop runs; it may have no buttons, restart, or never answer.
//! A notification that nobody waits for any more is closed. Called by `daemon` when a login is
//! due and a human is there.

use std::{borrow::Cow, collections::HashMap, time::Duration};

use tokio::{sync::oneshot, time::timeout};
use zbus::zvariant::Value;

use super::{
    Activation, Fault,
    bus::{self, Bus, Face, LIMIT, Service},
};
use crate::browser::Opener;

const NAME: &str = "org.freedesktop.Notifications";
const NOTIFICATIONS: Face<'_> =
    Face { path: "/org/freedesktop/Notifications", interface: "org.freedesktop.Notifications" };

/// How long a server that did not answer in time is listened to, so that what it shows after
/// all can be closed.
const LATE: Duration = Duration::from_mins(1);

const LOG_IN: &str = "log-in";
const NOT_NOW: &str = "not-now";
/// A click on the notification itself.
const DEFAULT: &str = "default";

/// The text of a notification. Plain text: what a server takes for markup is escaped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// One line.
    pub title: String,
    /// A sentence or two.
    pub body: String,
}

/// What the human said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// *Log in*, or a click on the notification.
    LogIn,
    /// *Not now*.
    NotNow,
    /// The notification was closed, by the human or by the desktop.
    Closed,
}

/// Shows notifications on the desktop of a session bus. Making one connects to nothing.
#[derive(Debug, Clone)]
pub struct Notifier {
    bus: Bus,
    activation: Activation,
}

impl Notifier {
    /// Notifications on the desktop of this session bus.
    #[must_use]
    pub fn new(bus: Bus) -> Self {
        Self { bus, activation: Activation::default() }
    }

    /// The same, with the next window of an opener raised by whoever said [`Answer::LogIn`].
    #[must_use]
    pub fn raising(self, opener: &Opener) -> Self {
        Self { activation: opener.activation().clone(), ..self }
    }

    /// Shows a notification until the human has answered, however long that takes. On a desktop
    /// whose notifications have no buttons the only answer is [`Answer::Closed`].
    ///
    /// # Errors
    ///
    /// If there is no bus or no server, if it does not take the notification within seconds, or
    /// if it goes away with the notification. It may then be shown again.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it closes the notification.
    pub async fn show(&self, notice: &Notice) -> Result<Answer, Fault> {
        let link = self.bus.connect().await?;
        let (server, mut departure) = link.started(NAME).await?;
        let able: Vec<String> = server.call(NOTIFICATIONS, "GetCapabilities", &()).await?;
        let mut signals = server.signals(None).await?;
        let mut shown = post(&server, notice, &able).await?;
        loop {
            let message = tokio::select! {
                biased;
                message = signals.next() => message?,
                fault = departure.happened() => return Err(fault),
            };
            let body = message.body();
            match bus::member(&message).as_str() {
                "ActionInvoked" => {
                    let (id, action): (u32, &str) =
                        body.deserialize().map_err(|_| Fault::Garbled)?;
                    if id == shown.id {
                        return Ok(if action == NOT_NOW { Answer::NotNow } else { Answer::LogIn });
                    }
                }
                // It comes before the answer that it belongs to.
                "ActivationToken" => {
                    let (id, token): (u32, &str) =
                        body.deserialize().map_err(|_| Fault::Garbled)?;
                    if id == shown.id {
                        self.activation.leave(token);
                    }
                }
                "NotificationClosed" => {
                    let (id, _why): (u32, u32) = body.deserialize().map_err(|_| Fault::Garbled)?;
                    if id == shown.id {
                        shown.open = false;
                        return Ok(Answer::Closed);
                    }
                }
                _ => {}
            }
        }
    }
}

/// Has the server show a notification, within [`LIMIT`].
async fn post(server: &Service, notice: &Notice, able: &[String]) -> Result<Shown, Fault> {
    let able = |what: &str| able.iter().any(|able| able == what);
    let body = if able("body-markup") { escaped(&notice.body) } else { notice.body.clone().into() };
    let buttons: &[&str] = if able("actions") {
        // The last has no label, as some servers would make a button of it.
        &[LOG_IN, "Log in", NOT_NOW, "Not now", DEFAULT, ""]
    } else {
        &[]
    };
    let server = server.clone();
    let (title, body) = (notice.title.clone(), body.into_owned());
    let (sender, receiver) = oneshot::channel();
    // A task of its own waits for the number of the notification. Whoever asked may have gone
    // when it comes, and only who knows it can close the notification.
    tokio::spawn(async move {
        let normal = 1_u8;
        let hints = HashMap::from([
            ("urgency", Value::from(normal)),
            ("desktop-entry", Value::from("ucsso")),
        ]);
        let replaces = 0_u32;
        // It stays until somebody answers.
        let expires = 0_i32;
        let arguments =
            ("ucsso", replaces, "dialog-password", title, body, buttons, hints, expires);
        let call = server.call_unlimited(NOTIFICATIONS, "Notify", &arguments);
        let shown = match timeout(LATE, call).await {
            Ok(Ok(id)) => Ok(Shown { server: server.clone(), id, open: true }),
            Ok(Err(error)) => Err(Fault::from(error)),
            Err(_) => Err(Fault::Silent),
        };
        // Not taken, it is dropped, and that closes it.
        let _nobody_waits = sender.send(shown);
    });
    match timeout(LIMIT, receiver).await {
        Ok(Ok(shown)) => shown,
        Ok(Err(_)) | Err(_) => Err(Fault::Silent),
    }
}

/// A notification on the screen. Dropped, it is closed.
struct Shown {
    server: Service,
    id: u32,
    open: bool,
}

impl Drop for Shown {
    fn drop(&mut self) {
        if self.open {
            let (server, id) = (self.server.clone(), self.id);
            bus::in_background(async move {
                server.tell(NOTIFICATIONS, "CloseNotification", &(id,)).await
            });
        }
    }
}

/// The characters of markup, as text.
fn escaped(text: &str) -> Cow<'_, str> {
    if text.contains(['&', '<', '>']) {
        text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").into()
    } else {
        text.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_is_shown_as_it_was_written() {
        assert_eq!(escaped("a <b> & c"), "a &lt;b&gt; &amp; c");
        assert_eq!(escaped("plain"), "plain");
    }
}
