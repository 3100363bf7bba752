//! The sealed file: what of each cluster outlives the daemon, the session and the machine's
//! restart, for this user on this machine alone.
//!
//! Of a record nothing matters here but whether it tells of a logout. [`open`] gets the key and what
//! was kept, [`Sealed`] takes what is to be kept and never waits, [`Writer`] is the task that writes
//! it down. Whatever goes wrong, the daemon serves from memory, and [`Standing`] says why.

mod binding;
mod envelope;
mod files;
mod key;
mod keyring;
mod source;
mod standing;
#[cfg(test)]
mod tests;
mod writer;

use std::{
    collections::BTreeMap,
    fmt, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{sync::watch, task::spawn_blocking, time::timeout};
use tracing::warn;
use zeroize::Zeroizing;

use self::{
    binding::Binding,
    files::{Files, Found, Unopened},
    source::Current,
};
pub use self::{
    keyring::{Connect, Fault, Keyring},
    source::{NoKey, Source},
    standing::{Standing, Trouble},
    writer::Writer,
};
use super::{Flaw, Kept, Medium, Record};
use crate::{
    chain,
    domain::{ClusterName, Lapse},
};

/// How long the disk is waited for, once there is a key.
const DISK_LIMIT: Duration = Duration::from_millis(500);

/// What is kept of each cluster, by its name.
type Records = BTreeMap<String, Arc<Zeroizing<Vec<u8>>>>;

/// Takes what is to be kept. Never waits.
pub struct Sealed {
    contents: watch::Sender<Contents>,
}

/// What is to be in the file.
#[derive(Clone, Default)]
struct Contents {
    records: Records,
    /// How often somebody logged out: what was in the file before must not come back.
    logouts: u64,
}

/// What opening the file gave.
#[derive(Debug)]
pub struct Opened {
    /// What was kept; empty where nothing is known.
    pub records: Vec<Record>,
    /// What takes it from now on.
    pub sealed: Sealed,
    /// What writes it down.
    pub writer: Writer,
    /// How it stands.
    pub standing: Standing,
}

impl Sealed {
    /// Keeps a record in place of the one before. Where somebody logged out, no copy of the file is
    /// to give back what was in it.
    fn put(&self, cluster: &str, record: &Arc<Zeroizing<Vec<u8>>>, is_logout: bool) {
        self.contents.send_if_modified(|contents| {
            let before = contents.records.insert(cluster.to_owned(), Arc::clone(record));
            // What is handed over again at a start is no news, and no logout.
            if before.as_ref() == Some(record) {
                return false;
            }
            let known = before.is_some_and(|before| is_logged_out(&before));
            contents.logouts += u64::from(is_logout && !known);
            true
        });
    }
}

impl Medium for Sealed {
    fn keep(&self, kept: &Kept) {
        self.put(kept.cluster.as_str(), &kept.bytes, is_logged_out(&kept.bytes));
    }

    fn forget(&self, cluster: &ClusterName) {
        self.contents
            .send_if_modified(|contents| contents.records.remove(cluster.as_str()).is_some());
    }
}

fn is_logged_out(record: &[u8]) -> bool {
    Record::decode(record).is_ok_and(|record| record.held.token == Err(Lapse::LoggedOut))
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealed(..)")
    }
}

impl fmt::Debug for Contents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Contents(..)")
    }
}

/// Opens the file, within two seconds: that is how long a key and a disk are waited for.
pub async fn open(path: PathBuf, source: &Source) -> Opened {
    let standing = Standing::sealed();
    let mut files = Files::at(path.clone());
    let (mut records, mut contents) = (Vec::new(), Contents::default());
    let seal = match current(source).await {
        Err(trouble) => Err(trouble),
        Ok((current, binding)) => {
            let loading = spawn_blocking(move || {
                let found = files.load(&current.key, &binding);
                (files, current, found)
            });
            if let Ok(Ok((loaded, current, found))) = timeout(DISK_LIMIT, loading).await {
                files = loaded;
                take(found, &path).and_then(|taken| {
                    contents.records = taken.known;
                    records = taken.decoded;
                    taken.sound.map(|()| (current, binding))
                })
            } else {
                files = Files::at(path.clone());
                Err(Trouble::Silent { path: path.clone() })
            }
        }
    };
    let seal = seal.map_err(|trouble| standing.set(Some(trouble))).ok();
    let (contents, changes) = watch::channel(contents);
    let files = Arc::new(Mutex::new(files));
    let writer = Writer::new(changes, path, files, seal, standing.clone());
    Opened { records, sealed: Sealed { contents }, writer, standing }
}

async fn current(source: &Source) -> Result<(Current, Binding), Trouble> {
    let binding = Binding::here().ok_or(Trouble::NoMachine)?;
    Ok((source.key(&binding).await?, binding))
}

/// What was found.
struct Taken {
    /// The records as they were, to be written again.
    known: Records,
    decoded: Vec<Record>,
    /// Whether the file may be replaced.
    sound: Result<(), Trouble>,
}

fn take(found: Result<Found, u16>, path: &Path) -> Result<Taken, Trouble> {
    let path = || path.to_owned();
    let mut found = found.map_err(|version| Trouble::OtherVersion { path: path(), version })?;
    // What the disk does not give now it may give tomorrow: that file stays as it is.
    let sound = match found.wrong.take_if(|wrong| wrong.is_unreadable()) {
        Some(Unopened::File(source)) => Err(Trouble::NotRead { path: path(), source }),
        _ => Ok(()),
    };
    let known = known(found, &path());
    let decoded = decoded(&known, &path())?;
    Ok(Taken { known, decoded, sound })
}

/// What a file says, and a word in the log where it is not the one that was written last.
fn known(Found { plain, wrong }: Found, path: &Path) -> Records {
    let records = plain.as_deref().and_then(|plain| parse(plain));
    if let Some(wrong) = wrong {
        let (file, error) = (path.display(), chain::one_line(&wrong));
        if records.is_some() {
            warn!(%file, error, "not read: the one before it is used");
        } else {
            warn!(%file, error, "not read: everybody logs in again");
        }
    }
    records.unwrap_or_default()
}

/// The records, unless a later version of this program wrote one: then all are left to that.
fn decoded(records: &Records, path: &Path) -> Result<Vec<Record>, Trouble> {
    let mut decoded = Vec::new();
    for (cluster, record) in records {
        match Record::decode(record) {
            Ok(record) => decoded.push(record),
            Err(flaw @ Flaw::LaterVersion { .. }) => {
                return Err(Trouble::LaterRecord { path: path.to_owned(), flaw });
            }
            Err(flaw @ Flaw::Damaged) => warn!(cluster, %flaw, "a record is not read"),
        }
    }
    Ok(decoded)
}

/// Removes a file that an earlier configuration asked for. Waits for the disk.
pub fn forget(path: PathBuf) -> io::Result<()> {
    Files::at(path).erase()
}

/// The records in one text: a name and a record in turn, each behind its length.
fn bytes(records: &Records) -> Zeroizing<Vec<u8>> {
    let parts = || records.iter().flat_map(|(name, record)| [name.as_bytes(), record]);
    let mut bytes = Zeroizing::new(Vec::with_capacity(parts().map(|part| part.len() + 4).sum()));
    for part in parts() {
        let length = u32::try_from(part.len()).expect("names and records are small");
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(part);
    }
    bytes
}

fn parse(mut bytes: &[u8]) -> Option<Records> {
    let mut part = || {
        let (length, rest) = bytes.split_first_chunk()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let (part, rest) = rest.split_at_checked(length)?;
        bytes = rest;
        Some(part)
    };
    let mut records = Records::default();
    while let Some(name) = part() {
        let name = std::str::from_utf8(name).ok()?;
        records.insert(name.to_owned(), Arc::new(Zeroizing::new(part()?.to_vec())));
    }
    bytes.is_empty().then_some(records)
}
