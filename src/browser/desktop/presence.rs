//! Whether the human is there to be asked.
//!
//! Two sources tell: logind of the sessions of our user, and the screen saver of the desktop.
//! Neither is needed. What is not known is not claimed, so that a machine with neither can log
//! in. Called by `daemon` once; decides nothing.

use std::time::Duration;

use tokio::sync::{mpsc, watch};

use super::{
    Bus, saver,
    sessions::{self, Sessions},
};
use crate::sys::timer::after;

/// What is seen of the human.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sight {
    /// Every graphical session is locked or in the background, or a screen saver is on: nobody
    /// would see a window.
    pub locked: bool,
    /// The desktop says that nobody has touched it for a while.
    pub idle: bool,
    /// How often the machine woke from sleep since the start.
    pub wakes: u64,
}

/// The watch over the human.
#[derive(Debug)]
pub struct Presence {
    system: Bus,
    session: Bus,
    uid: u32,
    pace: Pace,
}

/// How patient the watch is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// How long a source that went away is left alone: at first, and at most.
    pub(super) pause: [Duration; 2],
    /// How long a session that was asked to lock counts as locked until it says whether it is.
    pub(super) grace: Duration,
    /// How long a claim that nobody is there stands until it is asked for again. A bus that has
    /// gone silent, or a signal that was lost, would otherwise keep logins off for ever.
    pub(super) doubt: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            pause: [Duration::from_secs(1), Duration::from_mins(5)],
            grace: Duration::from_secs(30),
            doubt: Duration::from_mins(5),
        }
    }
}

/// News from a source.
#[derive(Debug, Clone, Copy)]
pub(super) enum News {
    Sessions(Sessions),
    Saver(bool),
    Woke,
}

impl Presence {
    /// The human of the user of this process.
    #[must_use]
    pub fn new(system: Bus, session: Bus) -> Self {
        let uid = rustix::process::getuid().as_raw();
        Self { system, session, uid, pace: Pace::default() }
    }

    /// Begins to watch, until the last receiver is dropped. Returns at once; at first nobody is
    /// claimed to be away.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    #[must_use]
    pub fn watch(self) -> watch::Receiver<Sight> {
        let (sight, receiver) = watch::channel(Sight::default());
        tokio::spawn(async move {
            let (sender, news) = mpsc::channel(16);
            let sessions = self.persist(Source::Sessions, &self.system, &sender);
            let saver = self.persist(Source::Saver, &self.session, &sender);
            tokio::select! {
                () = sight.closed() => {}
                () = sessions => {}
                () = saver => {}
                () = publish(news, &sight) => {}
            }
        });
        receiver
    }

    /// Follows a source again and again.
    async fn persist(&self, source: Source, bus: &Bus, news: &mpsc::Sender<News>) {
        let [first, longest] = self.pace.pause;
        let mut pause = first;
        loop {
            let mut known = false;
            let fault = match (bus.connect().await, source) {
                (Ok(link), Source::Sessions) => {
                    sessions::follow(&link, self.uid, self.pace, news, &mut known).await
                }
                (Ok(link), Source::Saver) => saver::follow(&link, news, &mut known).await,
                (Err(fault), _) => fault,
            };
            tracing::debug!(?source, %fault, "nothing is known of the human");
            if known {
                pause = first;
            }
            after(pause).await;
            pause = (pause * 2).min(longest);
        }
    }
}

/// Who knows something of the human.
#[derive(Debug, Clone, Copy)]
enum Source {
    Sessions,
    Saver,
}

/// Puts the news together.
async fn publish(mut news: mpsc::Receiver<News>, sight: &watch::Sender<Sight>) {
    let (mut sessions, mut saver) = (Sessions::default(), false);
    while let Some(news) = news.recv().await {
        sight.send_if_modified(|sight| {
            let before = *sight;
            match news {
                News::Sessions(now) => sessions = now,
                News::Saver(now) => saver = now,
                News::Woke => sight.wakes += 1,
            }
            sight.locked = sessions.locked || saver;
            sight.idle = sessions.idle;
            *sight != before
        });
    }
}

#[cfg(test)]
mod tests;
