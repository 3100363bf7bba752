//! From the words of `domain` to those of the wire, and back.

use std::time::Duration;

use super::{proto, refusal::Refusal};
use crate::{
    broker::{ClusterHandle, Interaction, Published, ports::Clock},
    domain::{Failure, Lapse, Pause, Stage, State, Timestamp, Token},
};

impl proto::Token {
    pub(super) fn new<C: Clock>(token: &Token, clock: &C) -> Self {
        let now = clock.now();
        Self {
            access_token: token.grant.secret.expose().to_owned(),
            token_type: "Bearer".into(),
            expire_time: Some(time(clock, token.grant.expires_at)),
            remaining: duration(token.remaining(now)),
            node: token.grant.node.clone(),
            user: token.grant.user.clone(),
            generation: token.generation.0,
        }
    }
}

impl proto::ClusterStatus {
    pub(super) fn new<C: Clock>(
        handle: &ClusterHandle<C>,
        published: &Published,
        clock: &C,
    ) -> Self {
        let cluster = &published.cluster;
        let now = clock.now();
        let time = |at| time(clock, at);
        let state = &published.state;
        let token = state.token().filter(|token| !token.is_expired(now));
        let attempt = state.attempt();
        Self {
            cluster: cluster.name.to_string(),
            product: cluster.product.into(),
            state: state_word(state).into(),
            lapse: lapse_word(state.lapse()).into(),
            user: token.map_or(&cluster.user, |token| &token.grant.user).clone(),
            node: token.map(|token| token.grant.node.clone()).unwrap_or_default(),
            generation: token.map_or(0, |token| token.generation.0),
            obtain_time: token.map(|token| time(token.grant.obtained_at)),
            expire_time: token.map(|token| time(token.grant.expires_at)),
            remaining: token.and_then(|token| duration(token.remaining(now))),
            renew_time: published.renews_at.map(time),
            pause_time: pause_end(state).filter(|until| *until > now).map(time),
            attempt: attempt.map_or(0, |attempt| attempt.id.0),
            give_up_time: attempt.and_then(|attempt| match attempt.stage {
                Stage::Queued => None,
                Stage::Seated { give_up_at } => Some(time(give_up_at)),
            }),
            failure: state.failure().map(|failure| proto::Failure::new(failure, clock)),
            renew: published.renew.as_str().into(),
            login_on_demand: state.begins_on_demand(),
            snooze_time: handle.snoozed_until().map(time),
            windows_left: published.windows_left(),
        }
    }
}

impl proto::Failure {
    pub(super) fn new<C: Clock>(failure: &Failure, clock: &C) -> Self {
        Self {
            reason: failure.cause.reason().into(),
            sentence: failure.sentence.clone(),
            advice: failure.advice.clone(),
            time: Some(time(clock, failure.at)),
        }
    }
}

/// A wish for a length of time, as the wire has it.
pub(super) fn wished(wished: Option<prost_types::Duration>) -> Result<Option<Duration>, Refusal> {
    wished.map(|wish| Duration::try_from(wish).map_err(|_| Refusal::Duration)).transpose()
}

/// Unknown words of newer clients count as none.
pub(super) fn interaction(word: i32) -> Interaction {
    match proto::Interaction::try_from(word) {
        Ok(proto::Interaction::Never) => Interaction::Never,
        Ok(proto::Interaction::Force) => Interaction::Force,
        Ok(proto::Interaction::IfNeeded | proto::Interaction::Unspecified) | Err(_) => {
            Interaction::IfNeeded
        }
    }
}

/// The wire has the wall clock's time: what clients compare with their own.
pub(super) fn time<C: Clock>(clock: &C, at: Timestamp) -> prost_types::Timestamp {
    clock.wall_time(at).to_system_time().into()
}

fn duration(duration: Duration) -> Option<prost_types::Duration> {
    duration.try_into().ok()
}

const fn state_word(state: &State) -> proto::ClusterState {
    match state {
        State::Cold { .. } => proto::ClusterState::Cold,
        State::Authenticating { .. } => proto::ClusterState::Authenticating,
        State::Fresh { .. } => proto::ClusterState::Fresh,
        State::Renewing { .. } => proto::ClusterState::Renewing,
        State::Disabled { .. } => proto::ClusterState::Disabled,
    }
}

const fn lapse_word(lapse: Option<Lapse>) -> proto::Lapse {
    match lapse {
        None => proto::Lapse::Unspecified,
        Some(Lapse::NeverLoggedIn) => proto::Lapse::NeverLoggedIn,
        Some(Lapse::Expired) => proto::Lapse::Expired,
        Some(Lapse::Rejected) => proto::Lapse::Rejected,
        Some(Lapse::LoggedOut) => proto::Lapse::LoggedOut,
        Some(Lapse::Reconfigured) => proto::Lapse::Reconfigured,
    }
}

fn pause_end(state: &State) -> Option<Timestamp> {
    match state {
        State::Cold { pause, .. } | State::Fresh { pause, .. } => match pause {
            Pause::BackingOff { until, .. } => Some(*until),
            Pause::Off
            | Pause::Settling { .. }
            | Pause::Snoozed { .. }
            | Pause::Unanswered { .. }
            | Pause::Stopped { .. } => None,
        },
        State::Authenticating { .. } | State::Renewing { .. } | State::Disabled { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_wish_for_interaction_is_the_default() {
        assert_eq!([0, 1, 2, 3, 77].map(interaction), {
            use Interaction::{Force, IfNeeded, Never};
            [IfNeeded, Never, IfNeeded, Force, IfNeeded]
        });
    }

    #[test]
    fn a_negative_validity_is_refused() {
        let wish = |seconds, nanos| wished(Some(prost_types::Duration { seconds, nanos }));

        assert_eq!(wish(90, 0).unwrap(), Some(Duration::from_secs(90)));
        assert!(wish(-1, 0).is_err());
        assert_eq!(wished(None).unwrap(), None);
    }

    #[test]
    fn the_message_of_a_token_does_not_print_it() {
        let message = proto::GetTokenResponse {
            token: Some(proto::Token { access_token: "canary".into(), ..Default::default() }),
        };

        assert!(!format!("{message:?} {message:#?}").contains("canary"));
    }
}
