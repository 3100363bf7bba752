//! What is learned of a cluster while the daemon runs, and what it is held to from then on.
//!
//! It belongs to the cluster, not to its settings: where those change and the token may be kept,
//! this is kept too. Made by `mod`, passed on by `daemon`.

use std::{
    fmt,
    sync::{Arc, atomic::AtomicBool},
};

use super::owner::Owner;

/// Whether the cluster returns `state`, and whose tokens it gives. Clones learn together.
#[derive(Clone, Default)]
pub struct Learned {
    echoes: Arc<AtomicBool>,
    owner: Arc<Owner>,
}

impl Learned {
    pub(super) fn echoes(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.echoes)
    }

    pub(super) fn owner(&self) -> &Owner {
        &self.owner
    }
}

impl fmt::Debug for Learned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Learned(..)")
    }
}
