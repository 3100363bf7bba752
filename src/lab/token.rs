//! The tokens of a node, and what they look like.
//!
//! A token of the implicit flow lives in the memory of the node that issued it; other nodes of
//! the cluster ask that node (Cisco, *Deploy and Troubleshoot Authorization Code Grant Flow*).

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard},
    time::{Duration, SystemTime},
};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};

use super::{faults::TokenFormat, random};

/// A token that was handed out.
#[derive(Clone)]
pub(super) struct Issued {
    pub(super) token: String,
    pub(super) user: &'static str,
    pub(super) until: SystemTime,
    /// Whether other nodes must ask the issuer.
    pub(super) opaque: bool,
}

impl Issued {
    /// The whole seconds it still lives.
    pub(super) fn seconds_left(&self, now: SystemTime) -> u64 {
        self.until.duration_since(now).map_or(0, |left| left.as_secs())
    }
}

/// The tokens that one node has issued.
#[derive(Default)]
pub(super) struct Tokens(Mutex<HashMap<String, Issued>>);

impl Tokens {
    pub(super) fn issue(
        &self,
        format: TokenFormat,
        node: u8,
        user: &'static str,
        now: SystemTime,
        lifetime: Duration,
    ) -> Issued {
        let token = match format {
            TokenFormat::Opaque => opaque(node),
            TokenFormat::Jwt => jwt(),
        };
        let opaque = format == TokenFormat::Opaque;
        let issued = Issued { token, user, until: now + lifetime, opaque };
        let mut tokens = self.lock();
        tokens.retain(|_, old| old.until > now);
        tokens.insert(issued.token.clone(), issued.clone());
        issued
    }

    /// The token, if this node issued it and it lives.
    pub(super) fn find(&self, token: &str, now: SystemTime) -> Option<Issued> {
        self.lock().get(token).filter(|issued| issued.until > now).cloned()
    }

    /// Forgets them all, as a restart of Tomcat does.
    pub(super) fn forget(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Issued>> {
        self.0.lock().expect("nobody panics while holding tokens")
    }
}

/// The shape of both tokens that Cisco's documents print: 51 characters.
fn opaque(node: u8) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(format!("{node}:{}", random::uuid()))
}

/// The shape of the self-contained tokens that Cisco's documents print: a signed token that has
/// nothing but an encrypted one inside. What would be key material is random: the lab's nodes
/// look a token up, and a client can read neither.
fn jwt() -> String {
    let encode = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(text);
    let key = random::uuid();
    let inner_head = format!(
        r#"{{"alg":"dir","cty":"JWT","enc":"A128CBC-HS256","kid":"{key}:{}"}}"#,
        random::hex::<32>()
    );
    let inner = format!(
        "{}..{}.{}.{}",
        encode(&inner_head),
        BASE64_URL_SAFE_NO_PAD.encode(random::bytes::<16>()),
        BASE64_URL_SAFE_NO_PAD.encode(random::bytes::<624>()),
        BASE64_URL_SAFE_NO_PAD.encode(random::bytes::<16>()),
    );
    let head = format!(r#"{{"alg":"RS256","typ":"JWT","kid":"{key}:{}"}}"#, random::hex::<32>());
    format!(
        "{}.{}.{}",
        encode(&head),
        encode(&format!(r#"{{"private":"{inner}"}}"#)),
        BASE64_URL_SAFE_NO_PAD.encode(random::bytes::<256>()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_as_long_as_ciscos() {
        assert_eq!(opaque(2).len(), 51);
        assert!((1_900..2_100).contains(&jwt().len()), "{}", jwt().len());
    }
}
