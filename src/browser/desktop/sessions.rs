//! What logind knows of the human (`org.freedesktop.login1`(5)).
//!
//! A daemon of the user manager is in no session of its own, so the graphical sessions of its
//! user are looked for. A signal is a reason to ask again, hardly ever an answer. Called by
//! `presence`.

use std::{collections::BTreeSet, collections::HashMap, pin::pin};

use tokio::sync::mpsc;
use zbus::{
    Message,
    zvariant::{OwnedObjectPath, OwnedValue},
};

use super::{
    Fault,
    bus::{self, Face, Link, Service},
    presence::{News, Pace},
};
use crate::sys::timer::after;

const NAME: &str = "org.freedesktop.login1";
const MANAGER: Face<'_> =
    Face { path: "/org/freedesktop/login1", interface: "org.freedesktop.login1.Manager" };
const SESSION: &str = "org.freedesktop.login1.Session";
const PROPERTIES: &str = "org.freedesktop.DBus.Properties";

/// What all graphical sessions of the user say together. Without one nothing is claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Sessions {
    pub(super) locked: bool,
    pub(super) idle: bool,
}

/// One graphical session of the user.
#[derive(Debug)]
struct Session {
    path: String,
    /// Whether it is the one that its seat shows. One without a seat, over the network, is.
    active: bool,
    locked: bool,
    idle: bool,
}

/// Tells what the sessions say until logind or the bus is gone.
pub(super) async fn follow(
    link: &Link,
    uid: u32,
    pace: Pace,
    news: &mpsc::Sender<News>,
    known: &mut bool,
) -> Fault {
    let told = tell(link, uid, pace, news, known).await;
    let _the_watch_ended = news.send(News::Sessions(Sessions::default())).await;
    match told {
        Err(fault) => fault,
    }
}

async fn tell(
    link: &Link,
    uid: u32,
    pace: Pace,
    news: &mpsc::Sender<News>,
    known: &mut bool,
) -> Result<std::convert::Infallible, Fault> {
    let mut departure = link.departure(NAME).await?;
    let logind = loop {
        match link.owner(NAME).await {
            // The bus says when it comes.
            Err(Fault::Absent) => match departure.happened().await {
                Fault::Gone => {}
                fault => return Err(fault),
            },
            owner => break owner?,
        }
    };
    let mut signals = logind.signals(None).await?;
    let mut sessions = read(&logind, uid).await?;
    let mut asked_to_lock = BTreeSet::new();
    let mut grace = pin!(after(pace.grace));
    let mut doubt = pin!(after(pace.doubt));
    *known = true;
    loop {
        let told = together(&sessions, &asked_to_lock);
        let _the_watch_ended = news.send(News::Sessions(told)).await;
        let message = tokio::select! {
            biased;
            fault = departure.happened() => return Err(fault),
            message = signals.next() => message?,
            () = &mut grace, if !asked_to_lock.is_empty() => {
                asked_to_lock.clear();
                continue;
            }
            () = &mut doubt, if told != Sessions::default() => {
                sessions = read(&logind, uid).await?;
                doubt.set(after(pace.doubt));
                continue;
            }
        };
        let path = bus::path(&message);
        let ours = sessions.iter().any(|session| session.path == path);
        match bus::member(&message).as_str() {
            "PrepareForSleep" => {
                let asleep: bool = message.body().deserialize().map_err(|_| Fault::Garbled)?;
                if !asleep {
                    let _the_watch_ended = news.send(News::Woke).await;
                }
            }
            // A request to whatever locks the session, which may not say that it did.
            "Lock" if ours => {
                asked_to_lock.insert(path);
                grace.set(after(pace.grace));
            }
            "Unlock" if ours => {
                asked_to_lock.remove(&path);
            }
            "PropertiesChanged" if ours => {
                if says_whether_locked(&message) {
                    asked_to_lock.remove(&path);
                }
                sessions = read(&logind, uid).await?;
                doubt.set(after(pace.doubt));
            }
            "SessionNew" | "SessionRemoved" => {
                sessions = read(&logind, uid).await?;
                doubt.set(after(pace.doubt));
            }
            _ => {}
        }
    }
}

/// Several sessions are one human, who is at one of them. So the human is away only if that is
/// so in each: locked, or in the background while somebody else has the screen; or idle, where
/// one that is locked does not count.
fn together(sessions: &[Session], asked_to_lock: &BTreeSet<String>) -> Sessions {
    let out_of_sight = |session: &Session| {
        session.locked || !session.active || asked_to_lock.contains(&session.path)
    };
    Sessions {
        locked: !sessions.is_empty() && sessions.iter().all(out_of_sight),
        idle: sessions.iter().all(|session| session.idle || out_of_sight(session))
            && sessions.iter().any(|session| session.idle),
    }
}

/// The graphical sessions of a user.
async fn read(logind: &Service, uid: u32) -> Result<Vec<Session>, Fault> {
    let all: Vec<(String, u32, String, String, OwnedObjectPath)> =
        logind.call(MANAGER, "ListSessions", &()).await?;
    let mut sessions = Vec::new();
    for (_, owner, _, _, path) in all {
        if owner != uid {
            continue;
        }
        let face = Face { path: path.as_str(), interface: PROPERTIES };
        let answer: Result<HashMap<String, OwnedValue>, Fault> =
            logind.call(face, "GetAll", &(SESSION,)).await;
        match answer {
            Ok(properties) if is_graphical(&properties) => sessions.push(Session {
                path: path.to_string(),
                active: flag(&properties, "Active").unwrap_or(true),
                locked: flag(&properties, "LockedHint").unwrap_or(false),
                idle: flag(&properties, "IdleHint").unwrap_or(false),
            }),
            // The session has ended in the meantime.
            Ok(_) | Err(Fault::Refused { .. }) => {}
            Err(fault) => return Err(fault),
        }
    }
    Ok(sessions)
}

/// Whether somebody works in the session with a desktop; not a greeter, not a text console.
fn is_graphical(properties: &HashMap<String, OwnedValue>) -> bool {
    let text = |name: &str| properties.get(name).and_then(|value| <&str>::try_from(value).ok());
    matches!(text("Type"), Some("x11" | "wayland" | "mir"))
        && text("Class").is_some_and(|class| class.starts_with("user"))
}

fn flag(properties: &HashMap<String, OwnedValue>, name: &str) -> Option<bool> {
    properties.get(name).and_then(|value| bool::try_from(value).ok())
}

fn says_whether_locked(change: &Message) -> bool {
    let body = change.body();
    let changed: Result<(&str, HashMap<&str, OwnedValue>, Vec<&str>), _> = body.deserialize();
    changed.is_ok_and(|(_, changed, _)| changed.contains_key("LockedHint"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const THERE: [bool; 3] = [true, false, false];
    const LOCKED: [bool; 3] = [true, true, false];
    const IDLE: [bool; 3] = [true, false, true];
    const BACKGROUND: [bool; 3] = [false, false, false];

    /// What sessions say together, each `[active, locked, idle]`.
    fn told(sessions: &[[bool; 3]]) -> (bool, bool) {
        let sessions: Vec<_> = sessions
            .iter()
            .enumerate()
            .map(|(at, &[active, locked, idle])| Session {
                path: format!("/{at}"),
                active,
                locked,
                idle,
            })
            .collect();
        let Sessions { locked, idle } = together(&sessions, &BTreeSet::new());
        (locked, idle)
    }

    #[test]
    fn without_a_session_nothing_is_claimed() {
        assert_eq!(told(&[]), (false, false));
    }

    #[test]
    fn a_session_speaks_for_itself() {
        assert_eq!(told(&[THERE]), (false, false));
        assert_eq!(told(&[LOCKED]), (true, false));
        assert_eq!(told(&[IDLE]), (false, true));
        assert_eq!(told(&[[true, true, true]]), (true, true));
    }

    #[test]
    fn a_session_in_the_background_shows_no_window() {
        assert_eq!(told(&[BACKGROUND]), (true, false));
        assert_eq!(told(&[BACKGROUND, THERE]), (false, false));
        assert_eq!(told(&[BACKGROUND, LOCKED]), (true, false));
    }

    #[test]
    fn a_human_who_is_at_one_session_is_there() {
        assert_eq!(told(&[LOCKED, THERE]), (false, false));
        assert_eq!(told(&[IDLE, THERE]), (false, false));
        assert_eq!(told(&[LOCKED, IDLE]), (false, true));
    }

    #[test]
    fn a_session_that_was_asked_to_lock_counts_as_locked() {
        let session = Session { path: "/0".into(), active: true, locked: false, idle: false };

        let told = together(&[session], &BTreeSet::from(["/0".to_owned()]));

        assert_eq!(told, Sessions { locked: true, idle: false });
    }
}
