//! The nodes of a cluster, and which of them is asked first.
//!
//! Called by `discovery` and `verify`.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::{
    edge::{Edge, Limits},
    error::Error,
    trust::Authorities,
};
use crate::config::ClusterConfig;

/// The nodes of a cluster, in the order of the configuration. Never empty.
pub(super) struct Nodes {
    edges: Vec<Edge>,
    last_good: AtomicUsize,
}

impl Nodes {
    /// Prepares to talk to every node; opens no connection.
    pub(super) fn new(config: &ClusterConfig, limits: Limits) -> Result<Self, Error> {
        let authorities = match &config.ca_file {
            Some(path) => Authorities::from_file(path)
                .map_err(|source| Error::CaFile { path: path.clone(), source })?,
            None => Authorities::of_the_system(),
        };
        let edges = config
            .nodes
            .iter()
            .map(|node| Edge::new(node, config, authorities.clone(), limits))
            .collect::<Result<_, _>>()
            .map_err(|source| Error::Client { source })?;
        Ok(Self { edges, last_good: AtomicUsize::new(0) })
    }

    /// All nodes, beginning with one of them, then in order.
    pub(super) fn beginning_with(&self, first: usize) -> impl Iterator<Item = &Edge> {
        let others = (0..self.edges.len()).filter(move |index| *index != first);
        std::iter::once(first).chain(others).filter_map(|index| self.edges.get(index))
    }

    /// The node that answered last, or the first.
    pub(super) fn last_good(&self) -> usize {
        self.last_good.load(Ordering::Relaxed)
    }

    /// Remembers a node that answered, to ask it first the next time.
    pub(super) fn remember(&self, good: &Edge) {
        if let Some(index) = self.position(good.name()) {
            self.last_good.store(index, Ordering::Relaxed);
        }
    }

    /// Which node is called this, as `host:port`.
    pub(super) fn position(&self, name: &str) -> Option<usize> {
        self.edges.iter().position(|edge| edge.name() == name)
    }
}
