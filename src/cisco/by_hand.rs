//! An address that a human brings by hand, where the browser cannot reach this machine.
//!
//! It is held to all that holds for a redirect, before anything is spent: who pasted the wrong
//! thing may paste again. Nothing of it is repeated. Called by `mod`.

use std::sync::{Mutex, MutexGuard, PoisonError};

use zeroize::Zeroizing;

use super::{redirect, state::StateRule, text};
use crate::{
    broker::ports::{NotTaken, Pasted},
    browser,
    config::RedirectUri,
    domain::AttemptId,
};

/// The longest address, in bytes: as much as the landing page may post.
const LONGEST: usize = 64 * 1024;

/// The attempt that waits for its redirect, if one does.
#[derive(Default)]
pub(super) struct Waiting(Mutex<Option<Place>>);

struct Place {
    attempt: AttemptId,
    way_in: browser::ByHand,
    sent_state: Option<Zeroizing<String>>,
}

/// Keeps the place of an attempt until it is dropped.
pub(super) struct Kept<'a> {
    waiting: &'a Waiting,
    attempt: AttemptId,
}

impl Waiting {
    /// From now on, an address may be brought to this attempt.
    pub(super) fn keep(
        &self,
        attempt: AttemptId,
        way_in: browser::ByHand,
        sent_state: Option<Zeroizing<String>>,
    ) -> Kept<'_> {
        *self.place() = Some(Place { attempt, way_in, sent_state });
        Kept { waiting: self, attempt }
    }

    /// Takes an address for the attempt that waits, or says why not.
    pub(super) fn complete(
        &self,
        attempt: AttemptId,
        pasted: &Pasted,
        expected: &RedirectUri,
        rule: &StateRule,
    ) -> Result<(), NotTaken> {
        let place = self.place();
        let place = place.as_ref().filter(|place| place.attempt == attempt);
        let place = place.ok_or(NotTaken::NotPending)?;
        let admitted = place.way_in.admit(&pasted.start_url).ok_or(NotTaken::WrongTicket)?;

        let (query, fragment) = parts(&pasted.address, expected)?;
        redirect::parse(query, fragment)
            .and_then(|redirect| rule.judge(text(place.sent_state.as_ref()), &redirect))
            .map_err(|flaw| NotTaken::NoAnswer { flaw: flaw.to_string() })?;

        if admitted.deliver(query, fragment) { Ok(()) } else { Err(NotTaken::NotPending) }
    }

    fn place(&self) -> MutexGuard<'_, Option<Place>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Kept<'_> {
    fn drop(&mut self) {
        self.waiting.place().take_if(|place| place.attempt == self.attempt);
    }
}

/// What stands after `?` and after `#` in an address that begins with the redirect URI, letter by
/// letter. Where that is a page on another server, the browser may have gone on from there.
fn parts<'a>(address: &'a str, expected: &RedirectUri) -> Result<(&'a str, &'a str), NotTaken> {
    if address.len() > LONGEST {
        let flaw = format!("it is longer than {LONGEST} bytes");
        return Err(NotTaken::NoAnswer { flaw });
    }
    let address = address.trim();
    let mut beginnings = vec![expected.uri.clone()];
    if expected.is_hosted() {
        beginnings.push(expected.landing.clone());
    }
    let mut rests = beginnings.iter().filter_map(|beginning| address.strip_prefix(&**beginning));
    // A longer path is another place.
    let rest = rests.find(|rest| rest.is_empty() || rest.starts_with(['?', '#']));
    let rest = rest.ok_or(NotTaken::NotTheRedirect { beginnings })?;
    let (before, fragment) = rest.split_once('#').unwrap_or((rest, ""));
    Ok((before.strip_prefix('?').unwrap_or_default(), fragment))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loopback::Origin;

    const URI: &str = "http://127.0.0.1:27443/cb/hq";

    fn hq() -> RedirectUri {
        let origin = Origin::of(&URI.parse().unwrap()).unwrap();
        RedirectUri { uri: URI.into(), landing: URI.into(), origin, path: "/cb/hq".into() }
    }

    #[test]
    fn an_address_is_taken_apart_after_the_redirect_uri() {
        for (rest, query, fragment) in [
            ("#access_token=a&x=1", "", "access_token=a&x=1"),
            ("?error=b", "error=b", ""),
            ("?a=1#b=2?c#d", "a=1", "b=2?c#d"),
            ("", "", ""),
        ] {
            let expected = Ok((query, fragment));

            assert_eq!(parts(&format!("{URI}{rest}"), &hq()), expected);
            assert_eq!(parts(&format!(" \t{URI}{rest}\r\n"), &hq()), expected);
        }
    }

    #[test]
    fn what_does_not_begin_with_the_redirect_uri_is_not_it() {
        for wrong in [
            "",
            "access_token=a",
            "#access_token=a",
            "https://127.0.0.1:27443/cb/hq#access_token=a",
            "HTTP://127.0.0.1:27443/cb/hq#access_token=a",
            "http://localhost:27443/cb/hq#access_token=a",
            "http://127.0.0.1:27444/cb/hq#access_token=a",
            "http://127.0.0.1/cb/hq#access_token=a",
            "http://me@127.0.0.1:27443/cb/hq#access_token=a",
            "http://127.0.0.1:27443/cb/lab#access_token=a",
            "http://127.0.0.1:27443/cb/hq2#access_token=a",
            "http://127.0.0.1:27443/cb/hq/#access_token=a",
            "http://127.0.0.1:27443/cb/HQ#access_token=a",
            "http://127.0.0.1:27443/cb#access_token=a",
            "\"http://127.0.0.1:27443/cb/hq#access_token=a\"",
        ] {
            let told = parts(wrong, &hq());

            assert_eq!(told, Err(NotTaken::NotTheRedirect { beginnings: vec![URI.into()] }));
        }
    }

    #[test]
    fn a_page_on_another_server_may_have_led_on_or_not() {
        let hosted = "https://intranet.example.com/ucsso/hq.html";
        let expected = RedirectUri { uri: hosted.into(), ..hq() };

        for beginning in [hosted, URI] {
            assert_eq!(parts(&format!("{beginning}#a=1"), &expected), Ok(("", "a=1")));
        }
        let told = parts("https://intranet.example.com/#a=1", &expected);
        let beginnings = vec![hosted.into(), URI.into()];
        assert_eq!(told, Err(NotTaken::NotTheRedirect { beginnings }));
    }

    #[test]
    fn an_address_has_an_end() {
        let long = |length| format!("{URI}#{}", "x".repeat(length - URI.len() - 1));

        assert!(parts(&long(64 * 1024), &hq()).is_ok());
        assert!(matches!(parts(&long(64 * 1024 + 1), &hq()), Err(NotTaken::NoAnswer { .. })));
    }
}
