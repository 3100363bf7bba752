//! The `state` parameter (RFC 6749 10.12), where a cluster supports it.
//!
//! No Cisco document says that clusters return `state`. So it is sent, a wrong one is refused,
//! and the first cluster that is seen to return it has to do so from then on. What binds a
//! redirect to its attempt on every cluster is the ticket of the `browser` room. Called by `mod`.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use aws_lc_rs::{constant_time, rand};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use super::redirect::{Outcome, Redirect, RedirectFlaw};
use crate::config::StateParam;

/// What one cluster is held to.
pub(super) struct StateRule {
    param: StateParam,
    echoed: Arc<AtomicBool>,
}

impl StateRule {
    /// The rule of the configuration, for a cluster that may have been seen to return it.
    pub(super) const fn new(param: StateParam, echoed: Arc<AtomicBool>) -> Self {
        Self { param, echoed }
    }

    /// A value for one attempt: 32 random bytes in base64url. `None` if none is to be sent.
    pub(super) fn fresh(&self) -> Option<Zeroizing<String>> {
        if self.param == StateParam::Off {
            return None;
        }
        let mut bytes = Zeroizing::new([0_u8; 32]);
        rand::fill(bytes.as_mut_slice()).expect("the system's random number generator works");
        Some(Zeroizing::new(BASE64_URL_SAFE_NO_PAD.encode(*bytes)))
    }

    /// Judges the `state` of a redirect by what else it has.
    pub(super) fn judge(
        &self,
        sent: Option<&str>,
        redirect: &Redirect,
    ) -> Result<(), RedirectFlaw> {
        let returned = redirect.state.as_ref().map(|state| state.as_str());
        match redirect.outcome {
            Outcome::Token { .. } => self.check(sent, returned),
            Outcome::Denied(_) => self.check_unless_missing(sent, returned),
        }
    }

    /// Judges the `state` of a redirect that has a token. A cluster that returns the right one is
    /// remembered, and nothing makes this forget it.
    fn check(&self, sent: Option<&str>, returned: Option<&str>) -> Result<(), RedirectFlaw> {
        self.check_unless_missing(sent, returned)?;
        let required = self.param == StateParam::Require || self.echoed.load(Ordering::Acquire);
        if sent.is_some() && returned.is_none() && required {
            return Err(RedirectFlaw::NoState);
        }
        Ok(())
    }

    /// Judges the `state` of an error response, which gives nothing away if it has none.
    fn check_unless_missing(
        &self,
        sent: Option<&str>,
        returned: Option<&str>,
    ) -> Result<(), RedirectFlaw> {
        let (Some(sent), Some(returned)) = (sent, returned) else { return Ok(()) };
        constant_time::verify_slices_are_equal(sent.as_bytes(), returned.as_bytes())
            .map_err(|_| RedirectFlaw::WrongState)?;
        self.echoed.store(true, Ordering::Release);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn rule(param: StateParam) -> StateRule {
        StateRule::new(param, Arc::default())
    }

    #[test]
    fn each_attempt_has_a_value_of_its_own() {
        let held = rule(StateParam::Send);

        let values: HashSet<_> = (0..1000).map(|_| held.fresh().unwrap().to_string()).collect();

        assert_eq!(values.len(), 1000);
        assert!(values.iter().all(|value| value.len() == 43));
        assert_eq!(rule(StateParam::Off).fresh(), None);
    }

    #[test]
    fn a_wrong_state_is_refused_under_every_rule_that_sends_one() {
        for param in [StateParam::Send, StateParam::Require] {
            let held = rule(param);

            for wrong in ["", "A", "ab", "b"] {
                assert_eq!(held.check(Some("a"), Some(wrong)), Err(RedirectFlaw::WrongState));
                assert_eq!(
                    held.check_unless_missing(Some("a"), Some(wrong)),
                    Err(RedirectFlaw::WrongState)
                );
            }
        }
    }

    #[test]
    fn a_missing_state_is_refused_where_it_is_required() {
        let missing = |param| rule(param).check(Some("a"), None);

        assert_eq!(missing(StateParam::Send), Ok(()));
        assert_eq!(missing(StateParam::Require), Err(RedirectFlaw::NoState));
        assert_eq!(rule(StateParam::Off).check(None, None), Ok(()));
        assert_eq!(rule(StateParam::Require).check_unless_missing(Some("a"), None), Ok(()));
    }

    #[test]
    fn a_cluster_that_returned_it_once_has_to_return_it_for_ever() {
        let held = rule(StateParam::Send);

        assert_eq!(held.check(Some("a"), None), Ok(()));
        assert_eq!(held.check(Some("b"), Some("b")), Ok(()));
        assert_eq!(held.check(Some("c"), None), Err(RedirectFlaw::NoState));
        assert_eq!(held.check(Some("d"), None), Err(RedirectFlaw::NoState));
        assert_eq!(held.check(Some("e"), Some("e")), Ok(()));
    }

    #[test]
    fn a_cluster_that_returned_it_in_an_earlier_life_has_to_go_on() {
        let held = StateRule::new(StateParam::Send, Arc::new(true.into()));

        assert_eq!(held.check(Some("a"), None), Err(RedirectFlaw::NoState));
        assert_eq!(held.check(Some("b"), Some("b")), Ok(()));
    }

    #[test]
    fn a_forged_state_does_not_count_as_returned() {
        let held = rule(StateParam::Send);

        assert_eq!(held.check(Some("a"), Some("forged")), Err(RedirectFlaw::WrongState));
        assert_eq!(held.check(Some("b"), None), Ok(()));
    }
}
