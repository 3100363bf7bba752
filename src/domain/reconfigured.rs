//! What other settings do to the state of a cluster.
//!
//! Where a token may be kept, nothing is lost and new rules hold from now on. Where it may not, the
//! cluster begins anew, but for two things: attempts are counted on, so that whatever is under way
//! is too late, and a human who said "not now" said it to the window, not to the settings.

use std::time::Duration;

use super::{Effect, Lapse, Lifecycle, Pause, Policy, State, Timestamp};

impl Lifecycle {
    pub(super) fn reconfigure(
        &mut self,
        policy: &Policy,
        keeps_token: bool,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) {
        // What spreads the renewals of this daemon does not change with its settings.
        self.policy = Policy { jitter_seed: self.policy.jitter_seed, ..policy.clone() };
        if keeps_token {
            self.go_on();
        } else {
            effects.extend(self.state.attempt().map(|a| Effect::Abort { attempt: a.id }));
            self.begin_anew(now);
        }
    }

    fn go_on(&mut self) {
        match &mut self.state {
            // What was refused were the old settings.
            State::Disabled { lapse, .. } => {
                self.state = State::Cold { lapse: *lapse, pause: Pause::Off };
            }
            State::Fresh { token, renew_at, pause } => {
                *renew_at = self.policy.renew_at(token);
                if matches!(pause, Pause::Stopped { .. }) {
                    *pause = Pause::Off;
                }
            }
            State::Cold { .. } | State::Authenticating { .. } | State::Renewing { .. } => {}
        }
    }

    fn begin_anew(&mut self, now: Timestamp) {
        let pause = Pause::remembered(self.state.remembered(), &self.policy, now);
        let lapse = match (self.state.lapse(), self.state.attempt()) {
            (Some(lapse), None) => lapse,
            _ => Lapse::Reconfigured,
        };
        self.state = State::Cold { lapse, pause };
        self.longest_lifetime = Duration::ZERO;
        self.rejected_early = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{AttemptId, Cause, Event, Manner, RenewMode, fixtures::*};

    fn settings(renew: RenewMode, keeps_token: bool) -> Event {
        Event::Reconfigured { policy: Box::new(Policy { renew, ..Policy::default() }), keeps_token }
    }

    #[test]
    fn settings_that_do_not_concern_the_token_leave_it_and_the_login_alone() {
        let mut lifecycle = renewing();
        let before = lifecycle.state().clone();

        assert_eq!(lifecycle.handle(settings(RenewMode::WhenUsed, true), at(101)), []);

        assert_eq!(*lifecycle.state(), before);
        let _ = lifecycle.handle(answered(2, grant(102, HOUR)), at(102));
        assert_eq!(lifecycle.state().token().unwrap().generation.0, 2);
    }

    #[test]
    fn a_new_rule_holds_for_the_token_that_is_held() {
        let mut lifecycle = fresh(RenewMode::OnRequest);
        assert_eq!(lifecycle.renews_by_itself_at(), None);

        let _ = lifecycle.handle(settings(RenewMode::Ahead, true), at(100));

        let renews_at = lifecycle.renews_by_itself_at().unwrap();
        assert_eq!(lifecycle.handle(Event::Woke, renews_at), begun(2, Manner::OpenBrowser));
    }

    #[test]
    fn settings_that_a_token_is_bound_to_end_it_and_the_login_and_what_comes_late_is_ignored() {
        let mut lifecycle = renewing();

        let effects = lifecycle.handle(settings(RenewMode::OnRequest, false), at(101));

        assert_eq!(effects, [Effect::Abort { attempt: AttemptId(2) }]);
        let begun_anew = State::Cold { lapse: Lapse::Reconfigured, pause: Pause::Off };
        assert_eq!(*lifecycle.state(), begun_anew);
        assert_eq!(lifecycle.handle(answered(2, grant(102, HOUR)), at(102)), []);
        assert_eq!(*lifecycle.state(), begun_anew, "it came late");
        assert_eq!(lifecycle.handle(asked(), at(103)), begun(3, Manner::ShowUrl), "counted on");
        assert_eq!(lifecycle.longest_lifetime(), Duration::ZERO);
    }

    #[test]
    fn a_program_that_used_the_token_has_one_obtained_under_the_new_settings() {
        let mut lifecycle = fresh(RenewMode::WhenUsed);
        lifecycle.note_use(at(50));

        let effects = lifecycle.handle(settings(RenewMode::WhenUsed, false), at(100));

        assert_eq!(effects, begun(2, Manner::OpenBrowser));
    }

    #[test]
    fn a_human_who_said_no_is_left_alone_under_other_settings_too() {
        let mut snoozed = lifecycle(RenewMode::WhenUsed);
        let _ = snoozed.handle(Event::SnoozeAsked { until: at(5000) }, at(0));
        let mut logged_out = fresh(RenewMode::Ahead);
        let _ = logged_out.handle(Event::LogoutAsked, at(5));

        for lifecycle in [&mut snoozed, &mut logged_out] {
            let lapse = lifecycle.state().lapse();
            assert_eq!(lifecycle.handle(settings(RenewMode::Ahead, false), at(10)), []);
            assert_eq!(lifecycle.handle(wanted(0), at(11)), []);
            assert_eq!(lifecycle.state().lapse(), lapse);
        }
        assert_eq!(snoozed.handle(wanted(0), at(5000)), begun(1, Manner::OpenBrowser));
    }

    #[test]
    fn a_cluster_that_refused_the_old_settings_may_be_asked_with_the_new_ones() {
        let mut lifecycle = lifecycle(RenewMode::WhenUsed);
        let _ = lifecycle.handle(wanted(0), at(0));
        let _ = lifecycle.handle(failed(1, Cause::SsoDisabled), at(0));
        let mut holding = renewing();
        let _ = holding.handle(failed(2, Cause::SsoDisabled), at(200));

        for lifecycle in [&mut lifecycle, &mut holding] {
            let _ = lifecycle.handle(settings(RenewMode::WhenUsed, true), at(201));
            assert_eq!(*pause(lifecycle), Pause::Off);
        }

        assert_eq!(lifecycle.handle(wanted(0), at(202)), begun(2, Manner::OpenBrowser));
        assert!(holding.state().token().is_some());
    }
}
