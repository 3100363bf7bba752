//! Who was given which token, and who changed what the log says: a line in it for each, from what
//! the kernel says of the caller.
//!
//! A connection that is given the same token again and again has one line; the repetitions are
//! for whoever looks at `debug`. It never says that the process was one which only has its id now.
//! A record and not a boundary: every program of this user may have every token. Called by
//! `service` where a token leaves, and by `log_filter`.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use tonic::Extensions;
use tracing::{Level, debug, enabled, info};

use super::{FilterChange, places::Seat, watch::Watches};
use crate::{
    domain::{ClusterName, Generation},
    sys::peer::{Peer, Program, Sight},
};

/// Under which target the lines are.
const AUDIT: &str = "ucsso::audit";

/// Who is at the other end of a connection.
#[derive(Debug)]
pub(super) struct Caller {
    peer: Peer,
    /// The place of the connection among all.
    pub(super) seat: Arc<Seat>,
    /// How many streams of changes the connection may still open.
    pub(super) watches: Watches,
    told: Mutex<Told>,
}

/// What was said of a connection.
#[derive(Debug, Default)]
struct Told {
    /// What it ran when it was first given a token: looked up once.
    sight: Option<Sight>,
    /// The token of each cluster that it was said to have, and whether it had ended by then.
    tokens: HashMap<ClusterName, (Generation, bool)>,
}

impl Caller {
    pub(super) fn new(peer: Peer, seat: Arc<Seat>, watches: Watches) -> Arc<Self> {
        Arc::new(Self { peer, seat, watches, told: Mutex::default() })
    }

    /// Who makes a call. Each connection has one; without it nobody is told of.
    pub(super) fn of(extensions: &Extensions) -> Option<Arc<Self>> {
        extensions.get::<Arc<Self>>().cloned()
    }

    /// Says that they are given this token, by the method of this name.
    pub(super) fn is_given(&self, cluster: &ClusterName, token: Generation, method: &str) {
        let exited = self.peer.has_exited();
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let sight = match &mut told.sight {
            // Whatever it was, it is not who asks now.
            _ if exited => Sight::Exited,
            Some(sight) => sight.clone(),
            none => none.insert(self.peer.sight()).clone(),
        };
        let again = told.tokens.insert(cluster.clone(), (token, exited)) == Some((token, exited));
        drop(told);

        let Seen { unit, exe, caller } = self.seen(sight);
        macro_rules! line {
            ($level:ident) => {
                $level!(
                    target: AUDIT,
                    cluster = cluster.as_str(),
                    generation = token.0,
                    method,
                    uid = self.peer.uid,
                    pid = self.peer.pid,
                    caller,
                    unit,
                    exe,
                    "a token was handed out"
                )
            };
        }
        if again {
            line!(debug);
        } else {
            line!(info);
        }
    }

    /// Says that they change the filter of the log, and returns whether the log has it.
    pub(super) fn filters_log(&self, change: &FilterChange) -> bool {
        let sight = if self.peer.has_exited() { Sight::Exited } else { self.peer.sight() };
        let Seen { unit, exe, caller } = self.seen(sight);
        info!(
            target: AUDIT,
            filter = printable(&change.now),
            before = printable(&change.before),
            uid = self.peer.uid,
            pid = self.peer.pid,
            caller,
            unit,
            exe,
            "the log has another filter"
        );
        enabled!(target: AUDIT, Level::INFO)
    }

    fn seen(&self, sight: Sight) -> Seen {
        let (Program { unit, exe }, caller) = match sight {
            Sight::Running(program) => (program, None),
            Sight::Exited => (Program::default(), Some("peer exited")),
            Sight::Unknown if self.peer.pid.is_none() => (Program::default(), Some("pid unknown")),
            Sight::Unknown => (Program::default(), Some("unknown")),
        };
        let unit = unit.as_deref().map(printable);
        let exe = exe.map(|path| printable(&path.to_string_lossy()));
        Seen { unit, exe, caller }
    }
}

/// A caller as a line shows it: what it is, or why that is not known.
struct Seen {
    unit: Option<String>,
    exe: Option<String>,
    caller: Option<&'static str>,
}

/// Without what would move a cursor or turn the direction of the text: a program may have any name.
fn printable(text: &str) -> String {
    let harmless = |c: char| matches!(c, '"' | '\'' | '\\') || c.escape_debug().count() == 1;
    text.chars().map(|c| if harmless(c) { c } else { '\u{fffd}' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_draw_on_the_terminal_nor_turn_the_text() {
        let name = "/tmp/\u{1b}[2J\n\u{202e}\u{2066}\u{200f}\u{7}x y\\\"\u{e9}";

        assert_eq!(printable(name).replace('\u{fffd}', "?"), "/tmp/?[2J?????x y\\\"\u{e9}");
    }
}
