//! The vault of the broker, over all clusters and media.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard},
};

use tracing::info;
use zeroize::Zeroizing;

use super::{Reading, Record};
use crate::{
    broker::ports::Vault,
    domain::{ClusterName, Fingerprint, Held, Past, Remembered},
};

/// One record on its way to a medium. Cheap to clone.
#[derive(Clone)]
pub struct Kept {
    /// Which cluster's.
    pub cluster: ClusterName,
    /// Its number: a later record has a higher one.
    pub serial: u64,
    /// The record.
    pub bytes: Arc<Zeroizing<Vec<u8>>>,
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cluster, serial, bytes: _ } = self;
        f.debug_struct("Kept").field("cluster", cluster).field("serial", serial).finish()
    }
}

/// Where records outlive this process. What goes wrong in it is its own to say and to try again.
/// Neither call waits for disks or other programs longer than a moment.
pub trait Medium: fmt::Debug + Send + Sync + 'static {
    /// Keeps a record in place of the cluster's last one. The same one may come again.
    fn keep(&self, kept: &Kept);

    /// Keeps nothing of this cluster any more.
    fn forget(&self, cluster: &ClusterName);
}

/// Keeps what the broker holds in every medium, and knows what an earlier daemon left there.
pub struct Store {
    clock: Box<dyn Fn() -> Reading + Send + Sync>,
    media: Vec<Box<dyn Medium>>,
    shelves: Mutex<Shelves>,
}

#[derive(Default)]
struct Shelves {
    /// The newest record of each cluster.
    newest: BTreeMap<ClusterName, Slot>,
    /// The highest number that a record has had.
    serial: u64,
}

struct Slot {
    record: Record,
    /// Whether a cluster of this daemon goes by it.
    in_use: bool,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("media", &self.media).finish_non_exhaustive()
    }
}

impl Store {
    /// An empty store that goes by this clock.
    pub fn new(clock: impl Fn() -> Reading + Send + Sync + 'static) -> Self {
        Self { clock: Box::new(clock), media: Vec::new(), shelves: Mutex::default() }
    }

    /// Adds a medium and the records that were found in it. Records are numbered from `serial` on,
    /// if a higher number was seen in there that is in no record of these.
    #[must_use]
    pub fn with(mut self, medium: impl Medium, found: Vec<Record>, serial: u64) -> Self {
        self.media.push(Box::new(medium));
        let reading = (self.clock)();
        {
            let mut shelves = self.shelves();
            shelves.serial = shelves.serial.max(serial);
            for record in found {
                shelves.serial = shelves.serial.max(record.serial);
                let known = shelves.newest.get(&record.cluster);
                if known.is_none_or(|slot| slot.record.is_older_than(&record, &reading)) {
                    let cluster = record.cluster.clone();
                    shelves.newest.insert(cluster, Slot { record, in_use: false });
                }
            }
        }
        self
    }

    /// What an earlier daemon, or an earlier configuration, left of a cluster that has these
    /// settings now. From here on it is kept with them.
    ///
    /// Where the settings have changed it is only the count of attempts: no number is given twice.
    #[must_use]
    pub fn take_up(&self, cluster: &ClusterName, fingerprint: Fingerprint) -> Past {
        let reading = (self.clock)();
        let mut shelves = self.shelves();
        let Some(slot) = shelves.newest.get_mut(cluster) else {
            let record = Record {
                serial: shelves.serial,
                cluster: cluster.clone(),
                fingerprint,
                written: reading,
                held: Held::default(),
            };
            shelves.newest.insert(cluster.clone(), Slot { record, in_use: true });
            return Past::default();
        };
        slot.in_use = true;
        let (held, in_doubt) = slot.record.restore(&reading);
        if slot.record.fingerprint != fingerprint {
            if held.token.is_ok() {
                info!(%cluster, "its settings have changed: the token of before is not used");
            }
            let held = Held { last_attempt: held.last_attempt, ..Held::default() };
            slot.record.fingerprint = fingerprint;
            self.write(&mut shelves, cluster, &held, reading);
            return Past { held, ..Past::default() };
        }
        if let Ok(token) = &held.token {
            let remaining_seconds = token.remaining(reading.now).as_secs();
            info!(%cluster, generation = token.generation.0, remaining_seconds, "a token is restored");
        }
        if held.token.is_err() && slot.record.held.token.is_ok() {
            self.write(&mut shelves, cluster, &held, reading);
        } else {
            // A medium that is new, or missed the last change, gets what the others have.
            self.spread(&slot.record);
        }
        Past { remembered: Remembered::default(), held, in_doubt }
    }

    /// Forgets a cluster that this daemon has no longer.
    pub fn forget(&self, cluster: &ClusterName) {
        if self.shelves().newest.remove(cluster).is_some() {
            for medium in &self.media {
                medium.forget(cluster);
            }
        }
    }

    /// Forgets whatever nobody has taken up.
    pub fn forget_others(&self) {
        let mut shelves = self.shelves();
        shelves.newest.retain(|cluster, slot| {
            if !slot.in_use {
                info!(%cluster, "it is not in the configuration any more: its token is forgotten");
                for medium in &self.media {
                    medium.forget(cluster);
                }
            }
            slot.in_use
        });
    }

    fn write(&self, shelves: &mut Shelves, cluster: &ClusterName, held: &Held, written: Reading) {
        let Some(slot) = shelves.newest.get_mut(cluster) else { return };
        shelves.serial += 1;
        let fingerprint = slot.record.fingerprint;
        slot.record = Record {
            serial: shelves.serial,
            cluster: cluster.clone(),
            fingerprint,
            written,
            held: held.clone(),
        };
        self.spread(&slot.record);
    }

    fn spread(&self, record: &Record) {
        if self.media.is_empty() {
            return;
        }
        let kept = Kept {
            cluster: record.cluster.clone(),
            serial: record.serial,
            bytes: Arc::new(record.encode()),
        };
        for medium in &self.media {
            medium.keep(&kept);
        }
    }

    fn shelves(&self) -> MutexGuard<'_, Shelves> {
        self.shelves.lock().expect("nobody panics while keeping")
    }
}

impl Vault for Store {
    fn keep(&self, cluster: &ClusterName, held: &Held) {
        let written = (self.clock)();
        self.write(&mut self.shelves(), cluster, held, written);
    }
}

#[cfg(test)]
mod tests;
