//! Where tokens are kept that are to outlive this daemon, and what an earlier one left there.

use std::{env, sync::Arc};

use tracing::warn;

use super::clock::SystemClock;
use crate::{
    store::{FdStore, Store},
    sys::inherited::Inherited,
};

/// The store of this daemon: in the service manager, if one started it. `passed` is what that
/// handed over and no socket is.
pub(super) fn open(clock: &SystemClock, passed: Vec<Inherited>) -> Arc<Store> {
    let (stored, unknown): (Vec<_>, Vec<_>) = passed.into_iter().partition(FdStore::is_ours);
    for Inherited { name, .. } in unknown {
        warn!(name, "a descriptor was passed that nobody here knows; it is closed");
    }
    let clock = clock.clone();
    let mut store = Store::new(move || clock.reading());
    let manager = env::var("NOTIFY_SOCKET").ok();
    if let Some((fdstore, found)) = manager.and_then(|at| FdStore::open(&at, stored)) {
        store = store.with(fdstore, found.records, found.serial);
    }
    Arc::new(store)
}
