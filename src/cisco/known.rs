//! What is known of a cluster, and what it is held to from then on.
//!
//! It belongs to the cluster, not to its settings: where those change and the token may be kept,
//! this is kept too. Made by `mod`, passed on by `daemon`.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Acquire},
    },
};

use super::owner::Owner;
use crate::domain::Learned;

/// Whether the cluster returns `state`, and whose tokens it gives. Clones learn together.
#[derive(Clone, Default)]
pub struct Known {
    echoes: Arc<AtomicBool>,
    owner: Arc<Owner>,
}

impl Known {
    /// What an earlier daemon learned.
    pub(super) fn of(learned: Learned) -> Self {
        let Learned { owner, returns_state } = learned;
        Self { echoes: Arc::new(returns_state.into()), owner: Arc::new(Owner::known(owner)) }
    }

    pub(super) fn learned(&self) -> Learned {
        let owner = self.owner.first().map(str::to_owned);
        Learned { owner, returns_state: self.echoes.load(Acquire) }
    }

    pub(super) fn echoes(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.echoes)
    }

    pub(super) fn owner(&self) -> &Owner {
        &self.owner
    }
}

impl fmt::Debug for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Known(..)")
    }
}
