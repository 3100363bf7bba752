//! The service manager as a medium: what it holds for us survives a crash, a kill and an upgrade,
//! and is on no disk (*File Descriptor Store* in the manual of systemd).
//!
//! Each record is a sealed file in memory, stored under `token-CLUSTER-NUMBER`. A new one goes in
//! before the old one goes out, so a daemon that is killed in between leaves two, and the next one
//! takes the newer. What a later version of this program left stays where it is. The manager never
//! answers; what it could not be told is told again with the next change.

use std::{
    collections::BTreeMap,
    mem,
    os::fd::AsFd as _,
    sync::{Mutex, MutexGuard},
};

use tracing::{info, warn};

use super::{Flaw, Kept, Medium, Record, memfd};
use crate::{
    chain,
    domain::ClusterName,
    sys::{inherited::Inherited, notify::Notify},
};

/// How the names of our descriptors begin.
const PREFIX: &str = "token-";

/// The store of descriptors that a service manager keeps for this service.
#[derive(Debug)]
pub struct FdStore {
    notify: Notify,
    inside: Mutex<Inside>,
}

/// What was found in it.
#[derive(Debug, Default)]
pub struct Found {
    /// The records.
    pub records: Vec<Record>,
    /// The highest number that was found, in a record or not.
    pub serial: u64,
}

#[derive(Debug, Default)]
struct Inside {
    slots: BTreeMap<ClusterName, Slot>,
    /// What nobody needs and is still in the store.
    stale: Vec<String>,
    /// Whether it was said that the manager does not hear.
    complained: bool,
}

#[derive(Debug, Default)]
struct Slot {
    /// The number of the record that is in the store.
    stored: Option<u64>,
    /// The record that should be.
    wanted: Option<Kept>,
}

impl FdStore {
    /// Whether a descriptor that was passed to this process is one that it stored.
    #[must_use]
    pub fn is_ours(passed: &Inherited) -> bool {
        passed.name.starts_with(PREFIX)
    }

    /// Opens the store of the manager that hears at `address`, and reads what it gave back. Where
    /// it cannot be told anything there is no store, and that is said.
    #[must_use]
    pub fn open(address: &str, stored: Vec<Inherited>) -> Option<(Self, Found)> {
        let notify = Notify::at(address.as_ref())
            .inspect_err(|error| {
                warn!(%error, "the service manager cannot keep tokens: a restart will lose them");
            })
            .ok()?;
        let mut inside = Inside::default();
        let mut found = Found::default();
        for passed in stored {
            let named = parse(&passed.name);
            found.serial = found.serial.max(named.as_ref().map_or(0, |(_, serial)| *serial));
            let name = &passed.name;
            match read(&passed, named) {
                Ok(record) => {
                    let slot = inside.slots.entry(record.cluster.clone()).or_default();
                    let older = slot.stored.replace(record.serial.max(slot.stored.unwrap_or(0)));
                    if let Some(older) = older {
                        inside.stale.push(named_as(&record.cluster, older.min(record.serial)));
                    }
                    found.records.push(record);
                }
                Err(Unread::Flaw(flaw @ Flaw::LaterVersion { .. })) => {
                    warn!(name, %flaw, "a stored record is not read, and is left as it is");
                }
                Err(unread) => {
                    let error = chain::one_line(&unread);
                    warn!(name, error, "a stored record is not read, and is removed");
                    inside.stale.push(passed.name);
                }
            }
        }
        let store = Self { notify, inside: Mutex::new(inside) };
        store.tell(&mut store.inside());
        Some((store, found))
    }

    /// Tells the manager whatever it does not know yet.
    fn tell(&self, inside: &mut Inside) {
        let told = self.put_in(inside).and_then(|()| self.take_out(inside));
        match told {
            Ok(()) if inside.complained => {
                inside.complained = false;
                info!("the service manager keeps the tokens again");
            }
            Err(error) if !inside.complained => {
                inside.complained = true;
                warn!(
                    %error,
                    "the service manager could not be told of a change of a token: it is told \
                     with the next one, and a crash until then goes back to before"
                );
            }
            _ => {}
        }
    }

    fn put_in(&self, inside: &mut Inside) -> std::io::Result<()> {
        for (cluster, slot) in &mut inside.slots {
            let Some(kept) = &slot.wanted else { continue };
            if slot.stored != Some(kept.serial) {
                let file = memfd::seal(&kept.bytes)?;
                let name = named_as(cluster, kept.serial);
                self.notify.send(&format!("FDSTORE=1\nFDNAME={name}"), Some(file.as_fd()))?;
                if let Some(older) = slot.stored.replace(kept.serial) {
                    inside.stale.push(named_as(cluster, older));
                }
            }
            slot.wanted = None;
        }
        Ok(())
    }

    fn take_out(&self, inside: &mut Inside) -> std::io::Result<()> {
        let mut stale = mem::take(&mut inside.stale).into_iter();
        for name in stale.by_ref() {
            if let Err(error) = self.notify.send(&format!("FDSTOREREMOVE=1\nFDNAME={name}"), None) {
                inside.stale.push(name);
                inside.stale.extend(stale);
                return Err(error);
            }
        }
        Ok(())
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().expect("nobody panics while keeping")
    }
}

impl Medium for FdStore {
    fn keep(&self, kept: &Kept) {
        let mut inside = self.inside();
        inside.slots.entry(kept.cluster.clone()).or_default().wanted = Some(kept.clone());
        self.tell(&mut inside);
    }

    fn forget(&self, cluster: &ClusterName) {
        let mut inside = self.inside();
        if let Some(serial) = inside.slots.remove(cluster).and_then(|slot| slot.stored) {
            inside.stale.push(named_as(cluster, serial));
        }
        self.tell(&mut inside);
    }
}

/// Why a descriptor was not read.
#[derive(Debug, thiserror::Error)]
enum Unread {
    #[error("its name is not one that this daemon gives")]
    Name,
    #[error("it cannot be read")]
    Io(#[from] std::io::Error),
    #[error(transparent)]
    Flaw(#[from] Flaw),
    #[error("it is not what its name says")]
    Other,
}

fn read(passed: &Inherited, named: Option<(ClusterName, u64)>) -> Result<Record, Unread> {
    let (cluster, serial) = named.ok_or(Unread::Name)?;
    let record = Record::decode(&memfd::unseal(&passed.fd)?)?;
    let is_named_so = record.cluster == cluster && record.serial == serial;
    if is_named_so { Ok(record) } else { Err(Unread::Other) }
}

fn named_as(cluster: &ClusterName, serial: u64) -> String {
    format!("{PREFIX}{cluster}-{serial}")
}

/// The cluster and the number in a name.
fn parse(name: &str) -> Option<(ClusterName, u64)> {
    let (cluster, serial) = name.strip_prefix(PREFIX)?.rsplit_once('-')?;
    let (cluster, serial) = (cluster.parse().ok()?, serial.parse().ok()?);
    (named_as(&cluster, serial) == name).then_some((cluster, serial))
}

#[cfg(test)]
mod tests;
