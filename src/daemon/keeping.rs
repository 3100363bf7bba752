//! Where tokens are kept that are to outlive this daemon, and what an earlier one left there.

use std::{env, path::PathBuf, sync::Arc};

use tokio::task::{JoinHandle, spawn_blocking};
use tracing::warn;

use super::clock::SystemClock;
use crate::{
    broker::{Broker, Phase},
    browser::desktop::Bus,
    chain,
    config::Persist,
    paths,
    store::{
        FdStore, Store,
        sealed::{self, Keyring, Opened, Source, Standing, Writer},
    },
    sys::inherited::Inherited,
};

/// What tokens outlive this daemon with.
pub(super) struct Keeping {
    pub(super) store: Arc<Store>,
    /// How it stands with the sealed file.
    pub(super) standing: Standing,
    /// What writes it, if there is to be one.
    pub(super) writer: Option<Writer>,
}

/// The store of this daemon: in the service manager, if one started it, and in the sealed file, if
/// that is wanted; a key for it is waited for about two seconds. `passed` is what the service
/// manager handed over and no socket is.
pub(super) async fn open(
    clock: &SystemClock,
    passed: Vec<Inherited>,
    persist: Persist,
    file: PathBuf,
) -> Keeping {
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
    if persist == Persist::Memory {
        forget(file);
        return Keeping { store: Arc::new(store), standing: Standing::in_memory(), writer: None };
    }
    let Opened { records, sealed, writer, standing } = sealed::open(file, &source()).await;
    let store = Arc::new(store.with(sealed, records, 0));
    Keeping { store, standing, writer: Some(writer) }
}

/// Writes the sealed file, if there is to be one, until the broker has stopped and the last is
/// written. Must be called inside a tokio runtime.
pub(super) fn write(writer: Option<Writer>, broker: &Broker<SystemClock>) -> JoinHandle<()> {
    let mut phase = broker.changes();
    tokio::spawn(async move {
        let ended = async { drop(phase.wait_for(|phase| *phase == Phase::Ended).await) };
        if let Some(writer) = writer {
            writer.run(ended).await;
        }
    })
}

/// Where the key is: in a credential, else in the keyring of the user's session.
fn source() -> Source {
    let bus = Bus::session(paths::process_environment);
    let keyring = Keyring::new(Arc::new(move || {
        let bus = bus.clone();
        Box::pin(async move { bus.connection().await })
    }));
    Source { credential: paths::store_key(paths::process_environment), keyring }
}

/// Removes what an earlier configuration had on disk. No start waits for a disk.
fn forget(file: PathBuf) {
    spawn_blocking(move || {
        if let Err(error) = sealed::forget(file.clone()) {
            let (file, error) = (file.display(), chain::one_line(&error));
            warn!(%file, error, "the sealed tokens of before cannot be removed");
        }
    });
}
