//! Proof that a redirect address is answered by this listener and by nobody else.
//!
//! Before a browser is sent there, the listener goes to each address of its origin as a browser
//! would, brings a challenge, and wants it back signed (HMAC-SHA256, RFC 2104) with a key that it
//! drew when it was bound. It signs nothing but a challenge of its own, once, while it waits for
//! the answer, so nobody else can have anything signed; the address is signed too, so that an
//! answer cannot be fetched from one address for another. `listener` asks, `site` answers.

use std::{
    io,
    net::SocketAddr,
    sync::{Mutex, MutexGuard},
    time::Duration,
};

use aws_lc_rs::{hmac, rand::SystemRandom};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::{Error, peer, sockets, tls::Trust, visit::OneTime};
use crate::loopback::Origin;

/// Where a challenge is brought.
const PROOF: &str = "/proof/";

/// How long an answer may take.
const ANSWER_TIME: Duration = Duration::from_secs(1);

/// How large an answer may be, in bytes; ours has less than half.
const ANSWER_SIZE: u64 = 2048;

/// The key of one listener, and the challenges it waits to see signed.
pub(super) struct Proofs {
    key: hmac::Key,
    asked: Mutex<Vec<Challenge>>,
}

/// A challenge, and where it is to be signed.
struct Challenge {
    text: OneTime,
    addr: SocketAddr,
}

impl Proofs {
    pub(super) fn new() -> Self {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new());
        let key = key.expect("the random source of the system, once seeded, never fails");
        Self { key, asked: Mutex::default() }
    }

    /// What a request for `path` that came in at `addr` is answered; nothing where it brings no
    /// challenge that is waited for there.
    pub(super) fn answer(&self, path: &str, addr: SocketAddr) -> Option<String> {
        let presented = path.strip_prefix(PROOF)?;
        let mut asked = self.asked();
        let at = asked.iter().position(|it| it.addr == addr && it.text.matches(presented))?;
        let tag = hmac::sign(&self.key, &asked.swap_remove(at).message());
        Some(URL_SAFE_NO_PAD.encode(tag))
    }

    /// Goes to each address of `origin`, by TLS where there is `trust`, and holds the answer against the key. `bound` are those
    /// that the listener has; one of them answers in no time, so that all of this takes hardly
    /// longer than [`ANSWER_TIME`].
    pub(super) async fn demand(
        &self,
        origin: Origin,
        bound: &[SocketAddr],
        trust: Option<&Trust>,
    ) -> Result<(), Error> {
        for addr in origin.addresses() {
            match timeout(ANSWER_TIME, self.is_ours(origin, addr, trust)).await {
                Ok(Ok(true)) => {}
                // The machine has no such address, as it had none when the listener was bound.
                Ok(Err(error)) if sockets::is_absent(&error) && !bound.contains(&addr) => {}
                _ => return Err(not_ours(addr, bound.contains(&addr)).await),
            }
        }
        Ok(())
    }

    /// Whether an address answers as only this listener can.
    async fn is_ours(
        &self,
        origin: Origin,
        addr: SocketAddr,
        trust: Option<&Trust>,
    ) -> io::Result<bool> {
        let stream = TcpStream::connect(addr).await?;
        let asking = Asking::begin(self, addr);
        let request = format!(
            "GET {PROOF}{} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
            asking.challenge.text.expose(),
            origin.authority()
        );
        let answer = match trust {
            None => exchange(stream, &request).await?,
            Some(trust) => exchange(trust.connect(stream, origin).await?, &request).await?,
        };
        Ok(self.is_signed(&asking.challenge, &answer).is_some())
    }

    fn is_signed(&self, challenge: &Challenge, answer: &[u8]) -> Option<()> {
        let (_, tag) = std::str::from_utf8(answer).ok()?.rsplit_once("\r\n\r\n")?;
        let tag = URL_SAFE_NO_PAD.decode(tag).ok()?;
        hmac::verify(&self.key, &challenge.message(), &tag).ok()
    }

    fn asked(&self) -> MutexGuard<'_, Vec<Challenge>> {
        self.asked.lock().expect("nobody panics while holding the lock")
    }
}

impl Challenge {
    /// What is signed.
    fn message(&self) -> Vec<u8> {
        format!("{} {}", self.addr, self.text.expose()).into_bytes()
    }
}

/// A challenge while it is waited for. After that it is worth nothing.
struct Asking<'a> {
    proofs: &'a Proofs,
    challenge: Challenge,
}

impl<'a> Asking<'a> {
    fn begin(proofs: &'a Proofs, addr: SocketAddr) -> Self {
        let text = OneTime::draw();
        proofs.asked().push(Challenge { text: text.clone(), addr });
        Self { proofs, challenge: Challenge { text, addr } }
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.proofs.asked().retain(|asked| !asked.text.matches(self.challenge.text.expose()));
    }
}

/// Sends a request and reads what comes until the other side closes.
async fn exchange(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    request: &str,
) -> io::Result<Vec<u8>> {
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(ANSWER_SIZE).read_to_end(&mut answer).await?;
    Ok(answer)
}

/// Who answers in our place. Where we have the address ourselves, the table names us: nothing.
async fn not_ours(addr: SocketAddr, bound: bool) -> Error {
    let holder = tokio::task::spawn_blocking(move || peer::holder(addr));
    let uid = holder.await.ok().flatten().filter(|_| !bound);
    Error::NotOurs { addr, uid }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: &str = "127.0.0.1:8765";

    #[test]
    fn a_challenge_is_signed_once_where_it_was_asked_and_while_it_is_waited_for() {
        let proofs = Proofs::new();
        let [here, there] = [HERE, "[::1]:8765"].map(|addr| addr.parse().unwrap());
        let asking = Asking::begin(&proofs, here);
        let path = format!("/proof/{}", asking.challenge.text.expose());

        assert_eq!(proofs.answer(&path, there), None);
        let tag = proofs.answer(&path, here).unwrap();
        assert_eq!(proofs.answer(&path, here), None);

        let answer = format!("HTTP/1.1 200 OK\r\n\r\n{tag}");
        assert!(proofs.is_signed(&asking.challenge, answer.as_bytes()).is_some());
        assert!(Proofs::new().is_signed(&asking.challenge, answer.as_bytes()).is_none());
        let late = Asking::begin(&proofs, here);
        let path = format!("/proof/{}", late.challenge.text.expose());
        drop(late);
        assert_eq!(proofs.answer(&path, here), None);
    }

    #[test]
    fn nobody_else_has_anything_signed() {
        let proofs = Proofs::new();
        let here = HERE.parse().unwrap();
        let asking = Asking::begin(&proofs, here);
        let text = asking.challenge.text.expose();

        for path in ["/proof/", "/proof/x", &format!("/proof/{}", &text[1..]), text, "/"] {
            assert_eq!(proofs.answer(path, here), None, "{path}");
        }
        for answer in ["", "x", "\r\n\r\n", "\r\n\r\nAAAA", &format!("\r\n\r\n{text}")] {
            let signed = proofs.is_signed(&asking.challenge, answer.as_bytes());
            assert!(signed.is_none(), "{answer:?}");
        }
    }
}
