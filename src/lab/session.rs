//! Browsers and clients that a node remembers by a cookie.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard},
    time::{Duration, SystemTime},
};

use super::{random, token::Issued};

/// What a node remembers of one browser.
#[derive(Clone)]
pub(super) struct Session {
    pub(super) user: &'static str,
    pub(super) until: SystemTime,
    /// Whether nothing has come of it yet: the browser is on its way back from the login.
    pub(super) fresh: bool,
    /// The token it was given.
    pub(super) token: Option<Issued>,
}

/// Sessions, by the value of their cookie.
#[derive(Default)]
pub(super) struct Sessions(Mutex<HashMap<String, Session>>);

impl Sessions {
    /// Begins a session and returns the value for the cookie.
    pub(super) fn begin(&self, user: &'static str, now: SystemTime, length: Duration) -> String {
        let cookie = random::hex::<16>().to_uppercase();
        let mut sessions = self.lock();
        sessions.retain(|_, session| session.until > now);
        let session = Session { user, until: now + length, fresh: true, token: None };
        sessions.insert(cookie.clone(), session);
        cookie
    }

    /// The session of this cookie, if it lives.
    pub(super) fn find(&self, cookie: Option<&str>, now: SystemTime) -> Option<Session> {
        self.lock().get(cookie?).filter(|session| session.until > now).cloned()
    }

    /// Puts `session` in the place of what was remembered under this cookie.
    pub(super) fn keep(&self, cookie: &str, session: Session) {
        self.lock().insert(cookie.to_owned(), session);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Session>> {
        self.0.lock().expect("nobody panics while holding sessions")
    }
}
