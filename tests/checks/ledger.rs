//! What programs have seen of a cluster's tokens, and what they must not see after that.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use ucsso::rpc::proto::Token;

use crate::wire::moment;

/// A token that is nearer to its end may be refused: the broker wants some of it left.
const NEAR: Duration = Duration::from_secs(1);

/// What was seen, and what was wrong with it.
#[derive(Default)]
pub(crate) struct Ledger {
    newest: Option<(u64, Instant)>,
    texts: BTreeMap<u64, String>,
    /// Goes up when a logout begins and when it ends: odd while one is under way.
    logouts: u64,
    /// Nobody may see these again.
    logged_out_through: u64,
    /// These may be gone: a logout was begun, and nobody knows how far it came.
    doubtful_through: u64,
    /// How often a program saw its token again after another daemon had begun.
    pub(crate) found_again: usize,
    pub(crate) lost: usize,
    pub(crate) came_back: usize,
    pub(crate) corrupt: usize,
}

/// What was known when a program asked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Before {
    newest: Option<(u64, Instant)>,
    logouts: u64,
    logged_out_through: u64,
}

impl Ledger {
    pub(crate) fn now(&self) -> Before {
        let Self { newest, logouts, logged_out_through, .. } = *self;
        Before { newest, logouts, logged_out_through }
    }

    /// A program that asked at `before` got this token.
    pub(crate) fn saw(&mut self, before: Before, token: &Token, daemon_is_new: bool) {
        let generation = token.generation;
        let text = self.texts.entry(generation).or_insert_with(|| token.access_token.clone());
        self.corrupt += usize::from(*text != token.access_token);
        self.came_back += usize::from(generation <= before.logged_out_through);
        let known = before.newest.map_or(0, |(newest, _)| newest);
        self.lost += usize::from(generation < known);
        self.found_again += usize::from(daemon_is_new && generation == known);
        if self.no_logout_since(before) && generation > self.newest.map_or(0, |(newest, _)| newest)
        {
            let remaining = token.remaining.unwrap();
            let remaining = Duration::from_secs(remaining.seconds.try_into().unwrap());
            self.newest = Some((generation, moment() + remaining));
        }
    }

    /// A program that asked at `before` got none.
    pub(crate) fn saw_none(&mut self, before: Before) {
        let Some((newest, end)) = before.newest else { return };
        let may_be_gone = newest <= self.doubtful_through || !self.no_logout_since(before);
        let lost = !may_be_gone && moment() + NEAR < end;
        self.lost += usize::from(lost);
    }

    pub(crate) fn logout_begins(&mut self) {
        self.logouts += 1;
    }

    pub(crate) fn logout_ended(&mut self, well: bool) {
        self.logouts += 1;
        let seen = self.texts.last_key_value().map_or(0, |(generation, _)| *generation);
        self.doubtful_through = seen;
        if well {
            self.logged_out_through = seen;
        }
    }

    /// How many tokens were seen.
    pub(crate) fn tokens(&self) -> usize {
        self.texts.len()
    }

    fn no_logout_since(&self, before: Before) -> bool {
        before.logouts == self.logouts && self.logouts % 2 == 0
    }
}
