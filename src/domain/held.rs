//! What of a cluster outlives the daemon, and how a life goes on from it.
//!
//! Two things do. What the human said is [`Remembered`], and is nobody's secret. What is [`Held`]
//! is: the token, or why there is none, and the count of attempts, so that no generation is given
//! twice and none ever goes back. A logout outlives the daemon as a token does.

use std::time::Duration;

use super::{
    AttemptId, Lapse, Lifecycle, Pause, Policy, Remembered, State, Timestamp, Token, due::Notices,
    policy::SETTLE,
};

/// What is kept of a cluster, at each change and before anybody is told of the change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The last attempt that was begun. Later ones have higher numbers.
    pub last_attempt: AttemptId,
    /// The token, or why none is held.
    pub token: Result<Token, Lapse>,
    /// What logins taught of the cluster.
    pub learned: Learned,
}

impl Default for Held {
    fn default() -> Self {
        let (last_attempt, learned) = (AttemptId(0), Learned::default());
        Self { last_attempt, token: Err(Lapse::NeverLoggedIn), learned }
    }
}

/// What logins taught of a cluster, to which it is held from then on. A later daemon goes on with
/// it, unless its human has logged out: somebody whose name has changed needs a way to say so.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Learned {
    /// The first user whose token it gave by name: it may give no other's.
    pub owner: Option<String>,
    /// Whether it returns what binds a redirect to its request: it has to from then on.
    pub returns_state: bool,
}

/// What an earlier daemon left of a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Past {
    /// What its human said.
    pub remembered: Remembered,
    /// What was held.
    pub held: Held,
    /// Whether the clock contradicts what is known of the token. It is given to nobody before the
    /// cluster has vouched for it.
    pub in_doubt: bool,
}

impl Lifecycle {
    /// A cluster for which nobody has logged in yet.
    #[must_use]
    pub fn new(policy: Policy) -> Self {
        Self::after(&Past::default(), policy, Timestamp::default())
    }

    /// A cluster that goes on where an earlier daemon ended.
    ///
    /// Nobody is taken to use its token before a program has asked for it again: programs do when
    /// they lose the daemon, and a window for nobody would be worse than one that is a little
    /// late.
    #[must_use]
    pub fn after(past: &Past, policy: Policy, now: Timestamp) -> Self {
        let Past { remembered, held, in_doubt } = past;
        let pause = match Pause::remembered(*remembered, &policy, now) {
            // No window for a token that is there a moment later.
            Pause::Off if *in_doubt => Pause::Settling { until: now.plus(SETTLE) },
            pause => pause,
        };
        let token = held.token.as_ref().ok();
        let last_attempt = token.map_or(0, |token| token.generation.0).max(held.last_attempt.0);
        let lapse = held.token.as_ref().err().copied().unwrap_or(Lapse::NeverLoggedIn);
        let mut lifecycle = Self {
            policy,
            state: State::Cold { lapse, pause },
            last_attempt: AttemptId(last_attempt),
            last_use: None,
            longest_lifetime: Duration::ZERO,
            rejected_early: 0,
            reserve: None,
            notices: Notices::default(),
            jumped: Duration::ZERO,
        };
        if let Some(token) = token.filter(|_| !in_doubt) {
            lifecycle.take_up(token.clone(), now);
        }
        lifecycle
    }

    /// What is to be kept of it, with what logins taught.
    #[must_use]
    pub fn held(&self, learned: Learned) -> Held {
        let token = match (self.state.token(), self.state.lapse()) {
            (Some(token), _) => Ok(token.clone()),
            (None, lapse) => Err(lapse.unwrap_or(Lapse::NeverLoggedIn)),
        };
        let forgotten = token == Err(Lapse::LoggedOut);
        let learned = if forgotten { Learned::default() } else { learned };
        Held { last_attempt: self.last_attempt, token, learned }
    }

    /// Holds a token of an earlier daemon, unless something newer is known: it was logged out, or
    /// another one was obtained.
    pub(super) fn take_up(&mut self, token: Token, now: Timestamp) {
        if self.state.lapse() != Some(Lapse::NeverLoggedIn) {
            return;
        }
        self.longest_lifetime = self.longest_lifetime.max(token.lifetime());
        self.state = match self.state.clone() {
            State::Cold { pause, .. } => {
                State::Fresh { renew_at: self.policy.renew_at(&token), token, pause }
            }
            State::Authenticating { attempt, .. } => State::Renewing { token, attempt },
            State::Disabled { failure, .. } => State::Fresh {
                renew_at: self.policy.renew_at(&token),
                token,
                pause: Pause::Stopped { failure },
            },
            holds_one @ (State::Fresh { .. } | State::Renewing { .. }) => holds_one,
        };
        self.drop_expired_token(now);
    }
}

#[cfg(test)]
mod tests {
    use super::{super::fixtures::*, super::*, *};

    fn past(held: Held) -> Past {
        Past { held, ..Past::default() }
    }

    fn after(past: &Past, seconds: u64) -> Lifecycle {
        Lifecycle::after(past, Policy::default(), at(seconds))
    }

    #[test]
    fn a_restored_token_goes_on_as_if_nothing_had_been() {
        let before = fresh(RenewMode::WhenUsed);

        let mut restored = after(&past(before.held(Learned::default())), 100);

        assert_eq!(restored.state().token(), before.state().token());
        assert_eq!(restored.longest_lifetime(), HOUR);
        let State::Fresh { renew_at, .. } = before.state() else { panic!() };
        assert_eq!(
            restored.renews_by_itself_at().map(|at| at.since(*renew_at).is_zero()),
            Some(true)
        );
        let effects = restored.handle(Event::Woke, at(3500));
        assert_eq!(effects, [], "nobody is known to use it");
        let _ = restored.handle(Event::Woke, at(3600));
        assert_eq!(restored.state().lapse(), Some(Lapse::Expired));
    }

    #[test]
    fn a_use_after_the_restart_renews_in_time() {
        let mut restored = after(&past(fresh(RenewMode::WhenUsed).held(Learned::default())), 100);

        restored.note_use(at(3000));

        assert_eq!(restored.handle(Event::Woke, at(3590)), begun(2, Manner::OpenBrowser));
    }

    #[test]
    fn a_token_that_expired_meanwhile_is_not_held() {
        let held = fresh(RenewMode::WhenUsed).held(Learned::default());

        assert!(after(&past(held.clone()), 3599).state().token().is_some());
        assert_eq!(after(&past(held), 3600).state().lapse(), Some(Lapse::Expired));
    }

    #[test]
    fn whoever_logged_out_stays_logged_out() {
        let mut lifecycle = renewing();
        let learned = Learned { owner: Some("alice".into()), returns_state: true };
        let _ = lifecycle.handle(Event::LogoutAsked, at(110));

        let held = lifecycle.held(learned);

        assert_eq!(held.learned, Learned::default(), "another name may follow");
        let mut restored = after(&past(held), 111);
        assert_eq!(restored.state().lapse(), Some(Lapse::LoggedOut));
        assert_eq!(restored.handle(wanted(0), at(112)), []);
        assert_eq!(restored.handle(asked(), at(113)), begun(3, Manner::ShowUrl), "not 1 again");
    }

    #[test]
    fn a_token_in_doubt_is_held_once_the_cluster_has_vouched_for_it() {
        let held = fresh(RenewMode::WhenUsed).held(Learned::default());
        let token = held.token.clone().unwrap();
        let mut doubting = after(&Past { in_doubt: true, ..past(held) }, 100);

        assert_eq!(doubting.state().lapse(), Some(Lapse::NeverLoggedIn));
        assert_eq!(doubting.handle(wanted(0), at(101)), [], "no window meanwhile");
        let _ = doubting.clone().handle(Event::Vouched { token: token.clone() }, at(3600));
        let mut logged_out = doubting.clone();
        let _ = logged_out.handle(Event::LogoutAsked, at(101));
        let _ = logged_out.handle(Event::Vouched { token: token.clone() }, at(102));
        assert_eq!(logged_out.state().lapse(), Some(Lapse::LoggedOut), "a logout was later");

        let mut busy = doubting.clone();
        let _ = busy.handle(asked(), at(101));
        let _ = busy.handle(Event::Vouched { token: token.clone() }, at(102));
        assert!(matches!(busy.state(), State::Renewing { .. }));

        let _ = doubting.handle(Event::Vouched { token: token.clone() }, at(102));
        assert_eq!(doubting.state().token(), Some(&token));
    }
}
