//! Which page or answer a request gets.
//!
//! Owns the pending logins of one listener. Reads a path only after `request` has judged the
//! headers, and the body only after the path. Called by `listener` for each request.

use std::{
    net::SocketAddr,
    sync::{Mutex, MutexGuard},
    time::Duration,
};

use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::{
    Request, StatusCode,
    body::{Body as _, Incoming},
};
use serde::Deserialize;
use tokio::{sync::oneshot, time::timeout};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::{
    Arrival, Reply, Route,
    answer::{self, Answer},
    page::Page,
    proof::Proofs,
    refusal::{Counters, Refusal},
    request::{self, Authority, Intent},
    verdict::Verdict,
    visit::{OneTime, Visits},
};
use crate::loopback::Origin;

/// How large the body of a request may be, in bytes: four times the longest token there is
/// hope to use, for the worst of percent-encodings.
const BODY_SIZE: usize = 64 * 1024;

/// How long the body of a request may take.
pub(super) const BODY_TIME: Duration = Duration::from_secs(5);

/// How long a landing page waits for the login to be checked. Longer than the checks take; a
/// human should not look at a page that moves any longer.
pub(super) const REPLY_TIME: Duration = Duration::from_mins(1);

/// Where the start pages are.
const START: &str = "/start/";

/// The pages of one loopback origin.
pub(super) struct Site {
    pub(super) origin: Origin,
    pub(super) refusals: Counters,
    pub(super) proofs: Proofs,
    authority: Authority,
    visits: Mutex<Visits>,
}

impl Site {
    pub(super) fn new(origin: Origin) -> Self {
        let authority = Authority::of(origin);
        let (refusals, visits) = (Counters::default(), Mutex::default());
        Self { origin, refusals, proofs: Proofs::new(), authority, visits }
    }

    /// The pending logins. The lock is never held across an await.
    pub(super) fn visits(&self) -> MutexGuard<'_, Visits> {
        self.visits.lock().expect("nobody panics while holding the lock")
    }

    /// Where the ticket is to be brought.
    pub(super) fn start_url(&self, ticket: &OneTime) -> String {
        format!("{}{START}{}", self.authority.origin, ticket.expose())
    }

    /// The ticket in the address of a start page.
    pub(super) fn ticket_in<'a>(&self, start_url: &'a str) -> Option<&'a str> {
        start_url.strip_prefix(&*self.origin.to_string())?.strip_prefix(START)
    }

    /// Answers one request that came in at `addr`.
    pub(super) async fn answer(&self, addr: SocketAddr, request: Request<Incoming>) -> Answer {
        let (head, body) = request.into_parts();
        let path = head.uri.path();
        let answered = match request::judge(&head, &self.authority) {
            Err(refusal) => Err(refusal),
            Ok(Intent::Visit) if let Some(tag) = self.proofs.answer(path, addr) => {
                Ok(answer::proof(tag))
            }
            Ok(_) if self.visits().is_empty() => Err(Refusal::NothingPending),
            Ok(Intent::Visit) => self.show(path),
            Ok(Intent::Deliver) => self.deliver(path, body).await,
        };
        answered.unwrap_or_else(|refusal| {
            self.refusals.count(refusal);
            answer::refused(refusal, &head.method)
        })
    }

    /// The start page or the landing page.
    fn show(&self, path: &str) -> Result<Answer, Refusal> {
        let mut visits = self.visits();
        if let Some(label) = visits.label(path) {
            return Ok(answer::page(StatusCode::OK, &Page::landing(path, label)));
        }
        let ticket = path.strip_prefix(START).ok_or(Refusal::UnknownPath)?;
        let beginning = visits.begin(ticket)?;
        Ok(answer::start(&Page::start(&beginning)))
    }

    /// Takes what the landing page posts, and waits for what it is to show.
    async fn deliver(&self, path: &str, body: Incoming) -> Result<Answer, Refusal> {
        let label = self.visits().label(path).ok_or(Refusal::UnknownPath)?.to_owned();
        let mut posted = Posted::read(body).await?;
        let arrivals = self.visits().meet(path, &posted.nonce)?;
        let (reply, landing) = oneshot::channel();
        // If the login was given up meanwhile, this drops the reply, and the page says so.
        let _given_up = arrivals.try_send(Arrival {
            query: Zeroizing::new(std::mem::take(&mut posted.query)),
            fragment: Zeroizing::new(std::mem::take(&mut posted.fragment)),
            route: Route::LandingPage,
            reply: Reply(reply),
        });
        let (status, verdict) = match timeout(REPLY_TIME, landing).await {
            Ok(Ok(landing)) => (StatusCode::OK, Verdict::landed(&label, landing)),
            Ok(Err(_unfinished)) => (StatusCode::OK, Verdict::unfinished(&label)),
            Err(_elapsed) => (StatusCode::ACCEPTED, Verdict::still_checking(&label)),
        };
        Ok(answer::verdict(status, &verdict))
    }
}

/// What the landing page posts.
#[derive(Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(deny_unknown_fields)]
struct Posted {
    nonce: String,
    query: String,
    fragment: String,
}

impl Posted {
    async fn read(body: Incoming) -> Result<Self, Refusal> {
        // One that says so is not waited for.
        if body.size_hint().lower() > BODY_SIZE as u64 {
            return Err(Refusal::BodyTooLarge);
        }
        // Collected by hand, into memory of its final size, so that no copy is left behind.
        let mut text = Zeroizing::new(Vec::with_capacity(BODY_SIZE));
        let mut body = Limited::new(body, BODY_SIZE);
        let reading = async {
            while let Some(frame) = body.frame().await {
                let frame = frame.map_err(|error| {
                    if error.is::<LengthLimitError>() {
                        Refusal::BodyTooLarge
                    } else {
                        Refusal::BodyMalformed
                    }
                })?;
                text.extend_from_slice(frame.data_ref().map_or(&[], |data| &data[..]));
            }
            Ok(())
        };
        timeout(BODY_TIME, reading).await.unwrap_or(Err(Refusal::BodyTooSlow))?;
        serde_json::from_slice(&text).map_err(|_| Refusal::BodyMalformed)
    }
}
