//! What of one cluster is kept over the end of the process, and what was left by an earlier one.

use std::sync::Arc;

use super::ports::Vault;
use crate::domain::{ClusterName, Generation, Held, Lapse, Past, Token};

/// The vault, and what it was given last.
pub(super) struct Keeping {
    vault: Arc<dyn Vault>,
    kept: Held,
    /// The token that an earlier daemon left, until the cluster has vouched for it.
    doubted: Option<Token>,
}

impl Keeping {
    pub(super) fn of(past: Past, vault: Arc<dyn Vault>) -> Self {
        let doubted = past.held.token.clone().ok().filter(|_| past.in_doubt);
        Self { vault, kept: past.held, doubted }
    }

    /// Keeps what is held now, where that is news. A token in doubt is kept as it was until the
    /// cluster has spoken, or a human has.
    pub(super) fn keep(&mut self, cluster: &ClusterName, held: Held) {
        let open = self.doubted.is_some() && held.token == Err(Lapse::NeverLoggedIn);
        if held != self.kept && !open {
            self.vault.keep(cluster, &held);
            self.kept = held;
        }
    }

    /// The token for which the cluster has to vouch.
    pub(super) const fn doubted(&self) -> Option<&Token> {
        self.doubted.as_ref()
    }

    /// Gives up the token for which the cluster has not vouched: it is of no use any more.
    pub(super) fn doubt_no_more(&mut self) {
        self.doubted = None;
    }

    /// Ends the doubt, if it is about this token.
    pub(super) fn settle(&mut self, generation: Generation) -> Option<Token> {
        self.doubted.take_if(|token| token.generation == generation)
    }
}
