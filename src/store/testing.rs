//! What the tests of this room are told with.

use super::{BootId, Reading, Record};
use crate::domain::{
    AttemptId, Fingerprint, Generation, Grant, Held, Learned, Secret, Timestamp, Token,
};

/// The text of every token in here.
pub(super) const SECRET: &str = "canary-71c6";

pub(super) fn token(obtained_at: u64, expires_at: u64) -> Token {
    Token {
        generation: Generation(7),
        grant: Grant {
            secret: Secret::new(SECRET.into()),
            user: "alice".into(),
            node: "cucm-pub:8443".into(),
            obtained_at: Timestamp::from_millis(obtained_at),
            expires_at: Timestamp::from_millis(expires_at),
        },
    }
}

pub(super) fn reading() -> Reading {
    let at = Timestamp::from_millis(1_700_000_000_000);
    Reading { boot: BootId([1; 16]), since_boot: 50_000, now: at, wall: at }
}

/// A token that is an hour from its end.
pub(super) fn held() -> Held {
    let now = reading().now.as_millis();
    Held {
        last_attempt: AttemptId(9),
        token: Ok(token(now, now + 3_600_000)),
        learned: Learned { owner: Some("alice".into()), returns_state: true },
    }
}

pub(super) fn record() -> Record {
    Record {
        serial: 3,
        cluster: "hq".parse().unwrap(),
        fingerprint: Fingerprint([5; 32]),
        written: reading(),
        held: held(),
    }
}
