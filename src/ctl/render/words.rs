//! What there is to say about one cluster, in words.
//!
//! Knows the meaning of a status and nothing of columns, colours or terminals. Only `render`
//! calls it.

use std::time::Duration;

use jiff::Zoned;

use crate::{
    ctl::moment,
    rpc::proto::{ClusterState, ClusterStatus, Failure, Lapse, ServerStatus},
};

/// How things are with a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mood {
    /// A usable token.
    Good,
    /// A usable token, and a login under way.
    Renewing,
    /// No token, and a login under way.
    Asking,
    /// No token; somebody has to log in.
    Wanting,
    /// The cluster refuses the configuration.
    Bad,
}

/// The token that is held.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Left {
    /// For how long it is still valid.
    pub(super) remaining: Duration,
    /// The same as a part of its lifetime.
    pub(super) fraction: f64,
    /// Until when, with the zone.
    pub(super) until: String,
}

/// What there is to say.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Words {
    /// How things are.
    pub(super) mood: Mood,
    /// The same in two words.
    pub(super) state: &'static str,
    /// The token that is held.
    pub(super) left: Option<Left>,
    /// Why no token is held, in brief.
    pub(super) why: Option<String>,
    /// Whose it is and what comes next: phrases, each of which stands alone.
    pub(super) phrases: Vec<String>,
    /// What went wrong, in a sentence.
    pub(super) trouble: Option<String>,
    /// A command or a setting that mends it.
    pub(super) remedy: Option<String>,
}

/// Puts a status into words. `elapsed` is how long ago the daemon sent it.
pub(super) fn of(status: &ClusterStatus, elapsed: Duration, now: &Zoned) -> Words {
    let (mood, state) = match status.state() {
        ClusterState::Fresh => (Mood::Good, "token valid"),
        ClusterState::Renewing => (Mood::Renewing, "renewing"),
        ClusterState::Authenticating => (Mood::Asking, "logging in"),
        ClusterState::Cold => (Mood::Wanting, "login needed"),
        ClusterState::Disabled => (Mood::Bad, "disabled"),
        ClusterState::Unspecified => (Mood::Bad, "unknown"),
    };
    let why = why_none(status);
    let failure = status.failure.as_ref();
    Words {
        mood,
        state,
        left: left(status, elapsed, now),
        phrases: [Some(who(status)), next(status, now), windows(status)]
            .into_iter()
            .flatten()
            .collect(),
        trouble: failure.map(|failure| trouble(failure, now)),
        remedy: remedy(status, mood),
        why,
    }
}

fn left(status: &ClusterStatus, elapsed: Duration, now: &Zoned) -> Option<Left> {
    let expiry = moment::timestamp(status.expire_time.as_ref())?;
    let remaining = moment::duration(status.remaining.as_ref()).saturating_sub(elapsed);
    let obtained = moment::timestamp(status.obtain_time.as_ref());
    let lifetime = obtained
        .and_then(|obtained| Duration::try_from(expiry.duration_since(obtained)).ok())
        .filter(|lifetime| !lifetime.is_zero());
    let fraction = lifetime.map_or(0.0, |all| remaining.as_secs_f64() / all.as_secs_f64());
    let until = moment::local_with_zone(expiry, now);
    Some(Left { remaining, fraction: fraction.clamp(0.0, 1.0), until })
}

fn who(status: &ClusterStatus) -> String {
    if status.node.is_empty() {
        status.user.clone()
    } else {
        format!("{} on {}", status.user, status.node)
    }
}

fn why_none(status: &ClusterStatus) -> Option<String> {
    let why = match status.lapse() {
        Lapse::NeverLoggedIn => "nobody has logged in yet",
        Lapse::Expired => "the token has expired",
        Lapse::Rejected => "the cluster has rejected the token",
        Lapse::LoggedOut => "logged out",
        Lapse::Reconfigured => "its settings have changed",
        Lapse::Unspecified => return None,
    };
    Some(why.to_owned())
}

/// What happens next by itself, and when.
fn next(status: &ClusterStatus, now: &Zoned) -> Option<String> {
    let at = |sent| moment::timestamp(sent).map(|moment| moment::local(moment, now));
    let pause =
        moment::timestamp(status.pause_time.as_ref()).filter(|pause| *pause > now.timestamp());
    let renewal = at(status.renew_time.as_ref());
    let snooze =
        moment::timestamp(status.snooze_time.as_ref()).filter(|snooze| *snooze > now.timestamp());
    match (status.state(), status.renew.as_str()) {
        (ClusterState::Authenticating | ClusterState::Renewing, _) => {
            Some(at(status.give_up_time.as_ref()).map_or_else(
                || "waiting until another cluster's login is done".to_owned(),
                |until| format!("waiting for the browser until {until}"),
            ))
        }
        (ClusterState::Fresh | ClusterState::Cold, _) if let Some(snooze) = snooze => {
            Some(format!("left alone until {}, as you asked", moment::local(snooze, now)))
        }
        (ClusterState::Fresh | ClusterState::Cold, _) if let Some(pause) = pause => {
            Some(format!("no login opens by itself before {}", moment::local(pause, now)))
        }
        (ClusterState::Fresh, renew) => Some(match (renewal, renew) {
            (Some(renewal), "when-used") => {
                format!("renews at {renewal} if a program used it lately")
            }
            (Some(renewal), _) => format!("renews at {renewal}"),
            (None, "on-request") => "renews when a program asks for more".to_owned(),
            (None, _) => "renews when a program uses it".to_owned(),
        }),
        (ClusterState::Cold, _) if status.login_on_demand => {
            Some("the next program that asks opens a login".to_owned())
        }
        (ClusterState::Cold | ClusterState::Disabled, _) => {
            Some("no login opens by itself".to_owned())
        }
        (ClusterState::Unspecified, _) => None,
    }
}

/// How many windows may still be opened in vain, where some were.
fn windows(status: &ClusterStatus) -> Option<String> {
    let idle = matches!(status.state(), ClusterState::Fresh | ClusterState::Cold);
    match status.windows_left {
        1 if idle => Some("one more window, then a notification".to_owned()),
        2 if idle => Some("two more windows, then a notification".to_owned()),
        _ => None,
    }
}

/// What stands against windows on every cluster.
pub(super) fn reserve(server: &ServerStatus, now: &Zoned) -> Option<String> {
    let until = moment::timestamp(server.reserve_time.as_ref())
        .map(|until| format!(" before {}", moment::local(until, now)))
        .unwrap_or_default();
    let why = match server.reserve.as_str() {
        "" => return None,
        "locked" => "the desktop is locked",
        "idle" => "nobody has touched the desktop for a while",
        "just-woke" => "the machine has just woken, or its clock was set",
        "spent" => "nobody answered the windows of the last hour",
        // Of a later version.
        other => other,
    };
    Some(format!("{why}: no login opens by itself{until}"))
}

/// What the redirect addresses refused.
pub(super) fn refused(server: &ServerStatus) -> Option<String> {
    let all: u64 = server.refused_redirects.iter().map(|refused| refused.count).sum();
    let each: Vec<_> = server
        .refused_redirects
        .iter()
        .map(|refused| format!("{} {}", refused.reason, refused.count))
        .collect();
    let requests = if all == 1 { "request was" } else { "requests were" };
    (all > 0)
        .then(|| format!("{all} {requests} refused at the redirect address: {}", each.join(", ")))
}

/// That tokens are not kept on disk, if they should be.
pub(super) fn persistence(server: &ServerStatus) -> Option<String> {
    server.persistence.strip_prefix("not sealed: ").map(str::to_owned)
}

/// That tokens may be swapped to disk, if they may.
pub(super) fn memory(server: &ServerStatus) -> Option<String> {
    let locked = matches!(server.memory.as_str(), "" | "locked");
    (!locked).then(|| format!("tokens could be swapped to disk: {}", server.memory))
}

/// What went wrong, and when.
fn trouble(failure: &Failure, now: &Zoned) -> String {
    let when = moment::timestamp(failure.time.as_ref());
    let when = when.map(|moment| format!(" at {}", moment::local(moment, now)));
    format!("the last login failed{}: {}", when.unwrap_or_default(), failure.sentence)
}

/// What mends it: what the daemon advises; where a login is wanted, that. A command alone is
/// shown without quotes, so that it can be copied.
fn remedy(status: &ClusterStatus, mood: Mood) -> Option<String> {
    let advised = status.failure.as_ref().map_or("", |failure| &failure.advice);
    if advised.is_empty() {
        let wanted = matches!(mood, Mood::Wanting | Mood::Bad);
        return wanted.then(|| format!("ucssoctl login {}", status.cluster));
    }
    let command = advised.strip_prefix('`').and_then(|rest| rest.strip_suffix('`'));
    Some(command.filter(|command| !command.contains('`')).unwrap_or(advised).to_owned())
}
