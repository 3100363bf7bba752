//! Between the broker and the desktop: whether the human is there, and the notifications that wait
//! for them.
//!
//! Everything in here may be missing. Without a desktop nobody is taken for absent, and nobody is
//! notified; the status says what there is to do all the same.

use std::{sync::Arc, time::Duration};

use jiff::tz::TimeZone;
use tokio::sync::watch;
use tracing::{debug, info};

use super::time_of_day::time_of_day;
use crate::{
    broker::{Broker, ClusterHandle, ports::Clock},
    browser::{
        Opener,
        desktop::{Answer, Bus, Notice, Notifier, Sight},
    },
    domain::{self, Manner},
    paths,
};

/// How long after a notification could not be shown it is tried again: the human may have just
/// logged in to the desktop.
const AGAIN: Duration = Duration::from_mins(1);

/// Shows the notifications of clusters.
pub(super) struct Notices<C> {
    notifier: Notifier,
    clock: C,
}

impl<C: Clock> Notices<C> {
    /// Those of this one too, until it is removed or the broker stops.
    pub(super) fn show_of(&self, cluster: ClusterHandle<C>) {
        tokio::spawn(notify(cluster, self.notifier.clone(), self.clock.clone()));
    }
}

/// Begins to look at the desktop, and says how to show notifications on it. Must be called inside a
/// tokio runtime; what it starts ends with the broker, or with the runtime.
pub(super) fn attend<C: Clock>(broker: &Arc<Broker<C>>, opener: &Opener) -> Notices<C> {
    let session = Bus::session(paths::process_environment);
    let system = Bus::system(paths::process_environment);
    let presence = crate::browser::desktop::Presence::new(system, session.clone());
    tokio::spawn(follow(presence.watch(), Arc::clone(broker)));
    let notifier = Notifier::new(session).raising(opener);
    Notices { notifier, clock: broker.clock().clone() }
}

/// Tells the broker who is there.
async fn follow<C: Clock>(mut sight: watch::Receiver<Sight>, broker: Arc<Broker<C>>) {
    let mut wakes = sight.borrow().wakes;
    loop {
        let seen = *sight.borrow_and_update();
        debug!(locked = seen.locked, idle = seen.idle, wakes = seen.wakes, "the desktop");
        if seen.wakes != wakes {
            wakes = seen.wakes;
            broker.note_wake();
        }
        broker.note_presence(match seen {
            Sight { locked: true, .. } => domain::Presence::Locked,
            Sight { idle: true, .. } => domain::Presence::Idle,
            Sight { .. } => domain::Presence::Here,
        });
        if sight.changed().await.is_err() {
            return;
        }
    }
}

/// Shows the notices of one cluster, and does what the human answers.
async fn notify<C: Clock>(cluster: ClusterHandle<C>, notifier: Notifier, clock: C) {
    let mut published = cluster.subscribe();
    loop {
        let notice = match published.wait_for(|published| published.notice.is_some()).await {
            Ok(published) => published.notice,
            Err(_) => return,
        };
        // Drops the notification as soon as it is not true any more.
        tokio::select! {
            () = show(&cluster, &notifier, notice, &clock) => {}
            _ = published.wait_for(|published| published.notice != notice) => {}
        }
        if published.wait_for(|published| published.notice != notice).await.is_err() {
            return;
        }
    }
}

/// Shows one notice until it is answered.
async fn show<C: Clock>(
    cluster: &ClusterHandle<C>,
    notifier: &Notifier,
    notice: Option<domain::Notice>,
    clock: &C,
) {
    let name = cluster.name();
    let Some(domain::Notice { ends_at, .. }) = notice else { return };
    let text = Notice {
        title: format!("Log in to {name}"),
        body: body(name, ends_at.map(|at| clock.wall_time(at)), &TimeZone::system()),
    };
    let mut complained = false;
    loop {
        match notifier.show(&text).await {
            Ok(answer) => {
                info!(cluster = %name, ?answer, "a notification was answered");
                // Nobody is left to tell if the broker stops meanwhile.
                match answer {
                    Answer::LogIn => drop(cluster.log_in(Manner::OpenBrowser).await),
                    Answer::NotNow => drop(cluster.snooze(None).await),
                    Answer::Closed => {}
                }
                return;
            }
            Err(fault) => {
                if !complained {
                    info!(cluster = %name, %fault, "a notification could not be shown");
                    complained = true;
                }
                clock.sleep_until(clock.now().plus(AGAIN)).await;
            }
        }
    }
}

/// Why somebody should log in.
fn body(name: &domain::ClusterName, ends_at: Option<domain::Timestamp>, zone: &TimeZone) -> String {
    match ends_at.and_then(|at| time_of_day(at, zone)) {
        Some(time) => format!("The token of {name} ends at {time}, and a program uses it."),
        None => format!("A program needs a token of {name}, and no login was finished."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notification_says_what_ends_and_when() {
        let name = "hq".parse().unwrap();
        let zone = TimeZone::fixed(jiff::tz::offset(1));
        let at = domain::Timestamp::from_millis(1_794_000_000_000);

        assert_eq!(
            body(&name, Some(at), &zone),
            "The token of hq ends at 22:20, and a program uses it."
        );
        assert_eq!(
            body(&name, None, &zone),
            "A program needs a token of hq, and no login was finished."
        );
    }
}
