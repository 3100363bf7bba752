//! How long things are waited for, and how often a human may be asked. Every number of the
//! lifecycle is in this file.

use std::time::Duration;

use super::{FailureKind, Generation, Tally, Timestamp, Token};

/// When the next token is fetched while the present one is still good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RenewMode {
    /// If a program asked for the token lately, or watches it.
    #[default]
    WhenUsed,
    /// Always.
    Ahead,
    /// Only when a program asks for more validity than is left.
    OnRequest,
}

impl RenewMode {
    /// The word of the configuration and of the status.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WhenUsed => "when-used",
            Self::Ahead => "ahead",
            Self::OnRequest => "on-request",
        }
    }
}

/// The rules of one cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// When a good token is renewed.
    pub renew: RenewMode,
    /// How long a human has to log in, from the moment the window is theirs.
    pub login_timeout: Duration,
    /// How long before the end of a token that nothing renews by itself its human is notified;
    /// `None` is never.
    pub notice_before: Option<Duration>,
    /// How long a human who said "not now" is left alone.
    pub snooze: Duration,
    /// What an operator should check where a login was given up.
    pub timeout_advice: String,
    /// What the spread of renewals is drawn from, so that a thousand brokers started by the same
    /// clock do not renew in the same second. Any number will do.
    pub jitter_seed: u64,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            renew: RenewMode::default(),
            login_timeout: Duration::from_mins(5),
            notice_before: Some(Duration::from_mins(5)),
            snooze: Duration::from_hours(8),
            timeout_advice: String::new(),
            jitter_seed: 0,
        }
    }
}

/// How lately is "lately"? A program that polls once an hour counts as a user; one that was
/// closed before lunch does not make a window open after it.
pub(super) const USED_WITHIN: Duration = Duration::from_hours(1);

/// The shortest time between the end of an attempt that succeeded and an attempt that nobody
/// asked for by name. A token refused as soon as it is issued must not open window after window.
pub(super) const SETTLE: Duration = Duration::from_secs(10);

/// How soon after it was issued a rejected token counts as taken back. No restart of a cluster is
/// quicker than the login after it.
pub(super) const EARLY: Duration = Duration::from_mins(5);

/// How many windows may be opened for nobody within [`WINDOWS_WITHIN`], over all clusters.
pub(super) const WINDOWS: usize = 4;

/// See [`WINDOWS`].
pub(super) const WINDOWS_WITHIN: Duration = Duration::from_hours(1);

/// How long after a sleep no login begins by itself: the human is not at the desk yet.
pub(super) const AFTER_WAKING: Duration = Duration::from_secs(10);

/// The shortest sleep that is noticed without a desktop that tells of it.
pub(super) const SLEEP: Duration = Duration::from_secs(1);

/// The shortest way that the wall clock is moved at once which counts as a leap. A clock that is
/// kept in step, however badly, leaps less.
pub(super) const LEAP: Duration = Duration::from_mins(1);

/// How long the wall clock has to stand still, after a leap to where it never was, until a login
/// begins by itself. Each time it goes further than ever it ends the token of the last login.
pub(super) const AT_REST: Duration = Duration::from_secs(30);

/// How long after a sleep a login waits for the network rather than fail.
pub(super) const NETWORK_WITHIN: Duration = Duration::from_secs(30);

/// How long it waits at first. It doubles.
pub(super) const NETWORK_PAUSE: Duration = Duration::from_secs(1);

/// The longest time a human can ask to be left alone.
pub const LONGEST_SNOOZE: Duration = Duration::from_hours(7 * 24);

/// How many windows of one cluster are opened for nobody before only a notification is shown.
pub const UNANSWERED: u32 = 3;

/// What follows a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BackOff {
    /// No login begins by itself for this long.
    Wait(Duration),
    /// None begins by itself any more; after this long, the human is notified once.
    NotifyAfter(Duration),
}

/// What follows so many failures in a row.
///
/// Where no human was bothered, the next try may come soon; it doubles up to 5 minutes. Where one
/// was, they are left alone for 1 and then 5 minutes. [`UNANSWERED`] windows are enough:
/// nobody is there, and a weekend has room for hundreds. What follows after half an hour is a
/// notification, which waits without being in the way.
pub(super) fn back_off(kind: FailureKind, tally: Tally) -> BackOff {
    match kind {
        FailureKind::Unreachable => {
            let doubled = 5 * 2u64.pow(tally.failures.saturating_sub(1).min(10));
            BackOff::Wait(Duration::from_secs(doubled).min(Duration::from_mins(5)))
        }
        FailureKind::TimedOut | FailureKind::Declined | FailureKind::Refused => {
            match tally.unanswered {
                UNANSWERED.. => BackOff::NotifyAfter(Duration::from_mins(30)),
                2 => BackOff::Wait(Duration::from_mins(5)),
                _ => BackOff::Wait(Duration::from_mins(1)),
            }
        }
    }
}

impl Policy {
    /// When the token should be renewed: after half its lifetime, or the last tenth of it (at
    /// least a minute) before its end, whichever is later; and up to a twentieth of its lifetime
    /// earlier than that, by a draw that is the same for the same token.
    pub(super) fn renew_at(&self, token: &Token) -> Timestamp {
        let lifetime = token.lifetime();
        let margin = (lifetime / 10).max(Duration::from_mins(1));
        let latest = lifetime.saturating_sub(margin).max(lifetime / 2);
        let early = lifetime / 20 * draw(self.jitter_seed, token.generation) / 1000;
        token.grant.obtained_at.plus(latest.saturating_sub(early))
    }

    /// When the human is notified of the end of a token: as the policy says, and never earlier
    /// than in the last quarter of its lifetime.
    pub(super) fn notice_at(&self, token: &Token) -> Option<Timestamp> {
        let before = self.notice_before?.min(token.lifetime() / 4);
        Some(token.grant.obtained_at.plus(token.lifetime().saturating_sub(before)))
    }
}

/// How much validity a caller gets who names none: enough for one request.
#[must_use]
pub fn default_validity(token: &Token) -> Duration {
    Duration::from_secs(30).min(token.lifetime() / 10)
}

/// A number below 1000 (splitmix64).
fn draw(seed: u64, generation: Generation) -> u32 {
    let mut z = seed.wrapping_add(generation.0.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) % 1000) as u32
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::domain::{Grant, Secret};

    fn token(lifetime: Duration) -> Token {
        Token {
            generation: Generation(1),
            grant: Grant {
                secret: Secret::new("x".into()),
                user: String::new(),
                node: String::new(),
                obtained_at: Timestamp::from_millis(1_000),
                expires_at: Timestamp::from_millis(1_000).plus(lifetime),
            },
        }
    }

    /// The seconds after which a token of this lifetime is renewed at the earliest and at the
    /// latest, over many seeds.
    fn renewal_window(lifetime: Duration) -> (f64, f64) {
        let seconds: Vec<f64> = (0..5_000)
            .map(|jitter_seed| Policy { jitter_seed, ..Policy::default() })
            .map(|policy| policy.renew_at(&token(lifetime)).since(Timestamp::from_millis(1_000)))
            .map(|after| after.as_secs_f64())
            .collect();
        (
            seconds.iter().copied().fold(f64::INFINITY, f64::min),
            seconds.iter().copied().fold(0.0, f64::max),
        )
    }

    #[test]
    fn a_token_is_renewed_in_its_last_tenth_or_at_half_its_life() {
        // An hour: 54 minutes less up to 3. Five minutes: 4 less up to 15 s. One: 30 s less 3.
        for (lifetime, earliest, latest) in
            [(3600, 3060.0, 3240.0), (300, 225.0, 240.0), (60, 27.0, 30.0)]
        {
            let (first, last) = renewal_window(Duration::from_secs(lifetime));

            assert!((earliest..earliest + 0.02 * latest).contains(&first), "{lifetime}: {first}");
            assert!((latest - 0.02 * latest..=latest).contains(&last), "{lifetime}: {last}");
        }
    }

    #[test]
    fn the_draw_is_spread_evenly_and_repeatable() {
        let draws: Vec<u32> = (0..1000).map(|n| draw(n, Generation(7))).collect();
        let generations: HashSet<u32> = (0..1000).map(|n| draw(7, Generation(n))).collect();

        assert_eq!(draws, (0..1000).map(|n| draw(n, Generation(7))).collect::<Vec<_>>());
        assert!(draws.iter().all(|draw| *draw < 1000));
        assert!(draws.iter().collect::<HashSet<_>>().len() > 550);
        assert!(generations.len() > 550);
        let mean = draws.iter().sum::<u32>() / 1000;
        assert!((450..550).contains(&mean), "{mean}");
        // The reference values of splitmix64 for these inputs, reduced.
        assert_eq!([draw(0, Generation(1)), draw(1, Generation(2))], REFERENCE);
    }

    /// Computed with an independent implementation.
    const REFERENCE: [u32; 2] = [535, 519];

    #[test]
    fn the_longer_nobody_answers_the_longer_they_are_left_alone() {
        let after = |kind, unanswered| back_off(kind, Tally { failures: 99, unanswered });
        let half_an_hour = BackOff::NotifyAfter(Duration::from_mins(30));

        for kind in [FailureKind::TimedOut, FailureKind::Declined, FailureKind::Refused] {
            assert_eq!(
                [1, 2, 3, 4, 99].map(|n| after(kind, n)),
                [
                    BackOff::Wait(Duration::from_mins(1)),
                    BackOff::Wait(Duration::from_mins(5)),
                    half_an_hour,
                    half_an_hour,
                    half_an_hour
                ]
            );
        }
        assert_eq!(
            [1, 2, 3, 4, 5, 6, 7, 8, u32::MAX]
                .map(|n| back_off(FailureKind::Unreachable, Tally { failures: n, unanswered: 99 })),
            [5, 10, 20, 40, 80, 160, 300, 300, 300].map(|n| BackOff::Wait(Duration::from_secs(n)))
        );
    }

    #[test]
    fn a_caller_who_names_no_validity_gets_enough_for_one_request() {
        assert_eq!(default_validity(&token(Duration::from_hours(1))), Duration::from_secs(30));
        assert_eq!(default_validity(&token(Duration::from_mins(1))), Duration::from_secs(6));
    }

    #[test]
    fn every_renew_mode_has_its_word() {
        assert_eq!(
            [RenewMode::WhenUsed, RenewMode::Ahead, RenewMode::OnRequest].map(RenewMode::as_str),
            ["when-used", "ahead", "on-request"]
        );
        assert_eq!(Policy::default().renew, RenewMode::WhenUsed);
        assert_eq!(Policy::default().login_timeout, Duration::from_mins(5));
    }
}
