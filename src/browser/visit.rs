//! Tickets, nonces, and which logins are pending.
//!
//! The rules of one login, without I/O: a ticket opens the start page once; the start page
//! gives out the nonce; the nonce lets one redirect in, at its own path. No text that came from
//! outside is kept here. Called by `site` under its lock.

use std::{collections::HashMap, fmt};

use aws_lc_rs::{constant_time, rand};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use tokio::sync::mpsc;
use url::Url;
use zeroize::Zeroizing;

use super::{Arrival, refusal::Refusal};

/// The logins that are pending, by the path of their redirect.
#[derive(Debug, Default)]
pub(super) struct Visits(HashMap<String, Visit>);

/// One pending login.
#[derive(Debug)]
struct Visit {
    label: String,
    target: Url,
    ticket: OneTime,
    stage: Stage,
    arrivals: mpsc::Sender<Arrival>,
}

/// How far a login has come.
#[derive(Debug)]
enum Stage {
    /// The start page waits for whoever brings the ticket.
    Offered,
    /// The start page was fetched; the redirect has to bring the nonce.
    Begun { nonce: OneTime },
    /// The redirect came.
    Met,
}

/// What the start page needs.
#[derive(Debug)]
pub(super) struct Beginning {
    pub(super) path: String,
    pub(super) label: String,
    pub(super) target: Url,
    pub(super) nonce: OneTime,
}

impl Visits {
    /// Begins to expect a redirect at `path`. The ticket opens its start page. `None` if a
    /// redirect at this path is expected already.
    pub(super) fn offer(
        &mut self,
        path: &str,
        label: &str,
        target: Url,
        arrivals: mpsc::Sender<Arrival>,
    ) -> Option<OneTime> {
        if self.0.contains_key(path) {
            return None;
        }
        let ticket = OneTime::draw();
        let (label, stage) = (label.to_owned(), Stage::Offered);
        let visit = Visit { label, target, ticket: ticket.clone(), stage, arrivals };
        self.0.insert(path.to_owned(), visit);
        Some(ticket)
    }

    /// Forgets the ticket, the nonce and the path.
    pub(super) fn withdraw(&mut self, path: &str) {
        self.0.remove(path);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The label of the login that expects its redirect at `path`.
    pub(super) fn label(&self, path: &str) -> Option<&str> {
        self.0.get(path).map(|visit| visit.label.as_str())
    }

    /// Whether the start page of the login at `path` was fetched.
    pub(super) fn has_begun(&self, path: &str) -> bool {
        self.0.get(path).is_some_and(|visit| !matches!(visit.stage, Stage::Offered))
    }

    /// Spends a ticket. The nonce is made here, so that there is none to guess before.
    pub(super) fn begin(&mut self, presented: &str) -> Result<Beginning, Refusal> {
        let (path, visit) = self
            .0
            .iter_mut()
            .find(|(_, visit)| {
                matches!(visit.stage, Stage::Offered) && visit.ticket.matches(presented)
            })
            .ok_or(Refusal::Ticket)?;
        let nonce = OneTime::draw();
        visit.stage = Stage::Begun { nonce: nonce.clone() };
        Ok(Beginning {
            path: path.clone(),
            label: visit.label.clone(),
            target: visit.target.clone(),
            nonce,
        })
    }

    /// Spends the nonce of `path`. A wrong one spends nothing, or anybody could end a login.
    pub(super) fn meet(
        &mut self,
        path: &str,
        presented: &str,
    ) -> Result<mpsc::Sender<Arrival>, Refusal> {
        let visit = self.0.get_mut(path).ok_or(Refusal::UnknownPath)?;
        match &visit.stage {
            Stage::Offered => Err(Refusal::NotStarted),
            Stage::Begun { nonce } if nonce.matches(presented) || NONCE_DROPPED => {
                visit.stage = Stage::Met;
                Ok(visit.arrivals.clone())
            }
            Stage::Begun { .. } => Err(Refusal::WrongNonce),
            Stage::Met => Err(Refusal::NonceSpent),
        }
    }

    /// Whether this is the ticket of the login at `path`, used or not.
    pub(super) fn is_ticket(&self, path: &str, presented: &str) -> bool {
        self.0.get(path).is_some_and(|visit| visit.ticket.matches(presented))
    }

    /// Lets in a redirect that somebody brings by hand who has the ticket. `None` if it is not the
    /// ticket, or a redirect has come: what browsers bring and what hands bring is one redirect.
    pub(super) fn meet_by_hand(
        &mut self,
        path: &str,
        presented: &str,
    ) -> Option<mpsc::Sender<Arrival>> {
        let visit = self.0.get_mut(path)?;
        if matches!(visit.stage, Stage::Met) || !visit.ticket.matches(presented) {
            return None;
        }
        visit.stage = Stage::Met;
        Some(visit.arrivals.clone())
    }
}

/// Whether any nonce will do. For the tests of attacks, which have to succeed once.
const NONCE_DROPPED: bool = cfg!(feature = "insecure-test-no-nonce");

/// A secret that works once: 256 random bits, as 43 characters of base64url (RFC 4648 5).
#[derive(Clone)]
pub(super) struct OneTime(Zeroizing<String>);

impl OneTime {
    /// Draws a new one.
    pub(super) fn draw() -> Self {
        let mut bytes = Zeroizing::new([0; 32]);
        rand::fill(&mut *bytes).expect("the random source of the system, once seeded, never fails");
        Self(Zeroizing::new(URL_SAFE_NO_PAD.encode(*bytes)))
    }

    /// Shows the text: in the start URL, or in the start page.
    pub(super) fn expose(&self) -> &str {
        &self.0
    }

    /// Compares in a time that tells nothing about where the texts differ.
    pub(super) fn matches(&self, presented: &str) -> bool {
        constant_time::verify_slices_are_equal(self.0.as_bytes(), presented.as_bytes()).is_ok()
    }
}

impl fmt::Debug for OneTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OneTime(..)")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn offered(visits: &mut Visits, path: &str) -> OneTime {
        let target = "https://cucm-pub:8443/ssosp/oauth/authorize".parse().unwrap();
        visits.offer(path, "hq", target, mpsc::channel(1).0).unwrap()
    }

    #[test]
    fn a_login_goes_from_ticket_to_nonce_to_arrival() {
        let mut visits = Visits::default();
        let ticket = offered(&mut visits, "/cb/hq");

        let beginning = visits.begin(ticket.expose()).unwrap();

        assert_eq!((beginning.path.as_str(), beginning.label.as_str()), ("/cb/hq", "hq"));
        assert!(visits.meet("/cb/hq", beginning.nonce.expose()).is_ok());
    }

    #[test]
    fn a_ticket_works_once() {
        let mut visits = Visits::default();
        let ticket = offered(&mut visits, "/cb/hq");
        visits.begin(ticket.expose()).unwrap();

        assert_eq!(visits.begin(ticket.expose()).unwrap_err(), Refusal::Ticket);
    }

    #[test]
    fn a_ticket_is_not_a_nonce() {
        let mut visits = Visits::default();
        let ticket = offered(&mut visits, "/cb/hq");

        assert_eq!(visits.meet("/cb/hq", ticket.expose()).unwrap_err(), Refusal::NotStarted);

        visits.begin(ticket.expose()).unwrap();
        assert_eq!(visits.meet("/cb/hq", ticket.expose()).unwrap_err(), Refusal::WrongNonce);
    }

    #[test]
    fn a_wrong_nonce_spends_nothing() {
        let mut visits = Visits::default();
        let ticket = offered(&mut visits, "/cb/hq");
        let nonce = visits.begin(ticket.expose()).unwrap().nonce;

        for wrong in ["", "x", OneTime::draw().expose(), &nonce.expose()[..42]] {
            assert_eq!(visits.meet("/cb/hq", wrong).unwrap_err(), Refusal::WrongNonce);
        }

        assert!(visits.meet("/cb/hq", nonce.expose()).is_ok());
    }

    #[test]
    fn a_nonce_works_once_and_at_its_own_path() {
        let mut visits = Visits::default();
        let (hq, lab) = (offered(&mut visits, "/cb/hq"), offered(&mut visits, "/cb/lab"));
        let hq = visits.begin(hq.expose()).unwrap().nonce;
        visits.begin(lab.expose()).unwrap();

        assert_eq!(visits.meet("/cb/lab", hq.expose()).unwrap_err(), Refusal::WrongNonce);
        assert_eq!(visits.meet("/cb/other", hq.expose()).unwrap_err(), Refusal::UnknownPath);
        assert!(visits.meet("/cb/hq", hq.expose()).is_ok());
        assert_eq!(visits.meet("/cb/hq", hq.expose()).unwrap_err(), Refusal::NonceSpent);
    }

    #[test]
    fn a_hand_brings_one_redirect_with_the_ticket_used_or_not() {
        for used in [false, true] {
            let mut visits = Visits::default();
            let (hq, lab) = (offered(&mut visits, "/cb/hq"), offered(&mut visits, "/cb/lab"));
            let nonce = used.then(|| visits.begin(hq.expose()).unwrap().nonce);

            for wrong in ["", lab.expose(), &hq.expose()[..42]] {
                assert!(!visits.is_ticket("/cb/hq", wrong));
                assert!(visits.meet_by_hand("/cb/hq", wrong).is_none());
            }
            assert!(visits.is_ticket("/cb/hq", hq.expose()));
            assert!(visits.meet_by_hand("/cb/hq", hq.expose()).is_some());

            assert!(visits.meet_by_hand("/cb/hq", hq.expose()).is_none());
            assert_eq!(visits.begin(hq.expose()).unwrap_err(), Refusal::Ticket);
            let nonce = nonce.unwrap_or_else(OneTime::draw);
            assert_eq!(visits.meet("/cb/hq", nonce.expose()).unwrap_err(), Refusal::NonceSpent);
        }
    }

    #[test]
    fn a_hand_comes_too_late_where_a_browser_has_been() {
        let mut visits = Visits::default();
        let ticket = offered(&mut visits, "/cb/hq");
        let nonce = visits.begin(ticket.expose()).unwrap().nonce;
        visits.meet("/cb/hq", nonce.expose()).unwrap();

        assert!(visits.meet_by_hand("/cb/hq", ticket.expose()).is_none());
    }

    #[test]
    fn a_path_is_expected_once_until_it_is_withdrawn() {
        let mut visits = Visits::default();
        let ticket = offered(&mut visits, "/cb/hq");
        let target = Url::parse("https://cucm-sub:8443/").unwrap();

        assert!(visits.offer("/cb/hq", "hq", target, mpsc::channel(1).0).is_none());
        visits.withdraw("/cb/hq");

        assert!(visits.is_empty());
        assert_eq!(visits.begin(ticket.expose()).unwrap_err(), Refusal::Ticket);
        offered(&mut visits, "/cb/hq");
    }

    #[test]
    fn one_time_secrets_are_long_different_and_hidden() {
        let drawn: HashSet<String> = (0..1000).map(|_| OneTime::draw().expose().into()).collect();

        assert_eq!(drawn.len(), 1000);
        assert!(drawn.iter().all(|text| text.len() == 43));
        assert_eq!(format!("{:?}", OneTime::draw()), "OneTime(..)");
    }
}
