//! One line about all clusters, for whoever runs `systemctl status`.

use jiff::tz::TimeZone;

use crate::{
    broker::Published,
    daemon::time_of_day::time_of_day,
    domain::{Pause, State, Timestamp},
};

/// How many clusters are named that want something of their human; the line is one line.
const NAMED: usize = 3;

/// How many have a token, what happens next, and what there is to do. `wall` says what the wall
/// clock shows at a time.
pub(super) fn line(
    clusters: &[Published],
    now: Timestamp,
    wall: impl Fn(Timestamp) -> Timestamp,
    zone: &TimeZone,
) -> String {
    let clock = |at: Timestamp| time_of_day(wall(at), zone);
    let all = clusters.len();
    let held = clusters.iter().filter(|published| published.state.token().is_some()).count();
    let mut phrases = vec![match (held, all) {
        (_, 0) => "no cluster is configured".to_owned(),
        (1, 1) => format!("{} has a token", clusters[0].cluster.name),
        (0, 1) => format!("{} has no token", clusters[0].cluster.name),
        (held, all) => format!("{held} of {all} clusters have a token"),
    }];
    let renewals = clusters.iter().filter_map(|published| {
        let at = published.renews_at.filter(|at| *at > now)?;
        Some((at, &published.cluster.name))
    });
    if let Some((at, name)) = renewals.min()
        && let Some(time) = clock(at)
    {
        phrases.push(format!("{name} renews at {time}"));
    }
    let mut wants: Vec<_> =
        clusters.iter().filter_map(|published| want(published, clock)).collect();
    let more = wants.len().saturating_sub(NAMED);
    wants.truncate(NAMED);
    phrases.append(&mut wants);
    if more > 0 {
        phrases.push(format!("{more} more: see `ucssoctl status`"));
    }
    phrases.join("; ")
}

/// What a cluster wants of its human, or waits for.
fn want(published: &Published, clock: impl Fn(Timestamp) -> Option<String>) -> Option<String> {
    let name = &published.cluster.name;
    let log_in = || format!("{name}: log in with `ucssoctl login {name}`");
    match &published.state {
        State::Authenticating { .. } | State::Renewing { .. } => {
            Some(format!("{name}: a login is under way"))
        }
        State::Disabled { .. } => Some(format!("{name} is refused: see `ucssoctl status`")),
        State::Cold { pause: Pause::Snoozed { until, .. }, .. } => {
            let until = clock(*until)?;
            Some(format!("{name} is left alone until {until}"))
        }
        State::Cold { .. } => Some(log_in()),
        State::Fresh { token, .. } if published.notice.is_some() => {
            let end = clock(token.grant.expires_at)?;
            Some(format!("{} before {end}", log_in()))
        }
        State::Fresh { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use super::*;
    use crate::domain::{Cluster, Generation, Grant, Lapse, RenewMode, Secret, Token};

    const NOW: Timestamp = Timestamp::from_millis(1_794_000_000_000);

    fn later(minutes: u64) -> Timestamp {
        NOW.plus(Duration::from_mins(minutes))
    }

    fn published(state: State, renews_at: Option<Timestamp>) -> Published {
        let (name, user) = ("hq".parse().unwrap(), "alice".to_owned());
        Published {
            cluster: Arc::new(Cluster { name, product: "ucm", user }),
            renew: RenewMode::WhenUsed,
            snooze: Duration::from_hours(8),
            state,
            renews_at,
            longest_lifetime: Duration::from_hours(1),
            notice: None,
            opened: None,
        }
    }

    fn said(clusters: &[(&str, Published)]) -> String {
        let named = |(name, published): &(&str, Published)| {
            let cluster = Cluster { name: name.parse().unwrap(), ..(*published.cluster).clone() };
            Published { cluster: Arc::new(cluster), ..published.clone() }
        };
        let clusters: Vec<_> = clusters.iter().map(named).collect();
        line(&clusters, NOW, |at| at, &TimeZone::UTC)
    }

    #[test]
    fn a_line_says_what_is_held_and_what_there_is_to_do() {
        let zone = TimeZone::UTC;
        let now = time_of_day(NOW, &zone).unwrap();
        assert_eq!(now, "21:20");
        let fresh = |minutes| {
            let grant = Grant {
                secret: Secret::new(String::new()),
                user: "alice".into(),
                node: "cucm.example".into(),
                obtained_at: NOW,
                expires_at: later(60),
            };
            let token = Token { generation: Generation(1), grant };
            let state = State::Fresh { token, renew_at: later(minutes), pause: Pause::Off };
            published(state, Some(later(minutes)))
        };
        let cold = |pause| published(State::Cold { lapse: Lapse::Expired, pause }, None);
        let snoozed = || cold(Pause::Snoozed { until: later(15), failure: None });

        assert_eq!(said(&[]), "no cluster is configured");
        assert_eq!(said(&[("hq", fresh(45))]), "hq has a token; hq renews at 22:05");
        assert_eq!(
            said(&[("hq", fresh(45)), ("lab", fresh(50)), ("vm", cold(Pause::Off))]),
            "2 of 3 clusters have a token; hq renews at 22:05; vm: log in with `ucssoctl login vm`"
        );
        assert_eq!(said(&[("hq", snoozed())]), "hq has no token; hq is left alone until 21:35");
        let many = ["a", "b", "c", "d", "e"].map(|name| (name, cold(Pause::Off)));
        assert!(said(&many).ends_with("`ucssoctl login c`; 2 more: see `ucssoctl status`"));
    }
}
