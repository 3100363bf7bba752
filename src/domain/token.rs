//! What is held: the access token, and the text in it that never shows.

use std::{fmt, str, sync::Arc, time::Duration};

use zeroize::{Zeroize as _, ZeroizeOnDrop, Zeroizing};

use super::Timestamp;

/// The text of an access token. It has no `Display`, its `Debug` says nothing, and its memory is
/// cleared when the last copy is dropped.
#[derive(Clone)]
pub struct Secret(Arc<Text>);

impl Secret {
    /// Takes the text of a token.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Arc::new(Text::new(text)))
    }

    /// Shows the text. Every caller is a place where a token leaves this process.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.as_str()
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// Where the text is.
enum Text {
    Own {
        pages: Box<Pages>,
        len: usize,
    },
    /// No cluster is known to have tokens of this length.
    Long(Zeroizing<String>),
}

/// Memory that nothing else is in, because it begins with a page and ends with one. An allocator
/// that can keep pages from being swapped out or dumped sees by the alignment which are meant.
#[derive(ZeroizeOnDrop)]
#[repr(align(4096))]
struct Pages([u8; 16 * 1024]);

impl Text {
    fn new(mut text: String) -> Self {
        let len = text.len();
        let mut pages = Box::new(Pages([0; _]));
        let Some(room) = pages.0.get_mut(..len) else { return Self::Long(Zeroizing::new(text)) };
        room.copy_from_slice(text.as_bytes());
        text.zeroize();
        Self::Own { pages, len }
    }

    fn as_str(&self) -> &str {
        match self {
            Self::Own { pages, len } => {
                str::from_utf8(&pages.0[..*len]).expect("what was copied is text")
            }
            Self::Long(text) => text,
        }
    }
}

/// Counts the tokens of one cluster. A newer token has a higher number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Generation(pub u64);

/// What a login gives: a token whose owner the cluster has confirmed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The text of the token.
    pub secret: Secret,
    /// The user whose token it is, as the cluster confirmed.
    pub user: String,
    /// The node that confirmed it, as `host:port`.
    pub node: String,
    /// When the redirect arrived. The lifetime counts from here.
    pub obtained_at: Timestamp,
    /// When the cluster stops accepting it.
    pub expires_at: Timestamp,
}

/// A token that is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Which of the cluster's tokens it is.
    pub generation: Generation,
    /// What the login gave.
    pub grant: Grant,
}

impl Token {
    /// How long the token is still valid.
    #[must_use]
    pub fn remaining(&self, now: Timestamp) -> Duration {
        self.grant.expires_at.since(now)
    }

    /// Whether the token's time has passed.
    #[must_use]
    pub fn is_expired(&self, now: Timestamp) -> bool {
        now >= self.grant.expires_at
    }

    /// How long the token was valid when it was obtained.
    #[must_use]
    pub fn lifetime(&self) -> Duration {
        self.grant.expires_at.since(self.grant.obtained_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token() -> Token {
        Token {
            generation: Generation(3),
            grant: Grant {
                secret: Secret::new("canary-5559fada".into()),
                user: "alice".into(),
                node: "cucm-pub:8443".into(),
                obtained_at: Timestamp::from_millis(1_000),
                expires_at: Timestamp::from_millis(61_000),
            },
        }
    }

    #[test]
    fn the_text_of_a_token_does_not_show_in_debug_output() {
        let shown = format!("{:?} {:#?}", token(), token().grant.secret);

        assert!(shown.contains("secret: Secret(..)"), "{shown}");
        assert!(!shown.contains("canary"), "{shown}");
        assert_eq!(token().grant.secret.expose(), "canary-5559fada");
    }

    #[test]
    fn a_text_of_any_length_is_kept_as_it_is() {
        for len in [0, 43, 16 * 1024, 16 * 1024 + 1] {
            let text = "\u{e9}a".repeat(len)[..len / 3 * 3].to_owned();

            let secret = Secret::new(text.clone());

            assert_eq!(secret.expose(), text);
            assert_eq!(secret, Secret::new(text.clone()));
            assert_ne!(secret, Secret::new(text + "b"));
        }
    }

    #[test]
    fn a_token_is_expired_from_its_expiry_on() {
        let at = Timestamp::from_millis;

        assert_eq!(token().remaining(at(60_999)), Duration::from_millis(1));
        assert!(!token().is_expired(at(60_999)));
        assert!(token().is_expired(at(61_000)));
        assert!(token().is_expired(at(61_001)));
        assert_eq!(token().remaining(at(62_000)), Duration::ZERO);
        assert_eq!(token().lifetime(), Duration::from_mins(1));
    }
}
