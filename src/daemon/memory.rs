//! How far the human wants to be left alone, on disk: a "no" outlives the daemon.
//!
//! A small file in the user's state folder, with cluster names and times and nothing secret,
//! replaced as a whole. It is a courtesy: where it cannot be read or written the daemon works as
//! if there were none, and says so once.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use serde::{Deserialize, Serialize};
use tracing::warn;

use crate::{
    broker::{Broker, Phase, ports::Clock},
    chain,
    domain::{ClusterName, Remembered, Timestamp},
    private::{self, Earlier},
};

/// The version of the file that this daemon reads and writes.
const VERSION: u32 = 1;

/// The largest file that is read, in bytes: a hundred times what 64 clusters need.
const LARGEST: u64 = 1024 * 1024;

/// What was remembered, and where.
#[derive(Debug)]
pub(super) struct Memory {
    file: PathBuf,
    /// What the file says, as far as is known.
    kept: Document,
    /// Whether the file may be replaced: not if a later version of this program wrote it.
    writable: bool,
}

/// The file. Times are milliseconds since the Unix epoch, by the wall clock.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Document {
    version: u32,
    #[serde(default)]
    clusters: BTreeMap<String, Entry>,
    #[serde(default)]
    windows: Vec<u64>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Entry {
    snoozed_until: Option<u64>,
    unanswered: u32,
}

impl Memory {
    /// Reads what an earlier daemon left.
    pub(super) fn open(file: PathBuf) -> Self {
        let (kept, writable) = match private::read(&file, LARGEST) {
            Ok(text) => match serde_json::from_slice::<Document>(&text) {
                Ok(kept) if kept.version == VERSION => (kept, true),
                Ok(later) => {
                    let (file, version) = (file.display(), later.version);
                    warn!(%file, version, "not read: a later version of ucssod wrote it");
                    (Document::default(), false)
                }
                Err(_) => {
                    warn!(file = %file.display(), "not read, and replaced: it is damaged");
                    (Document::default(), true)
                }
            },
            Err(private::Error::Missing) => (Document::default(), true),
            Err(error) => {
                warn!(file = %file.display(), error = chain::one_line(&error), "not read");
                (Document::default(), true)
            }
        };
        Self { file, kept, writable }
    }

    /// What is to be remembered of a cluster.
    pub(super) fn of(&self, cluster: &ClusterName) -> Remembered {
        let entry = self.kept.clusters.get(cluster.as_str());
        entry.map_or_else(Remembered::default, |entry| Remembered {
            snoozed_until: entry.snoozed_until.map(Timestamp::from_millis),
            unanswered: entry.unanswered,
        })
    }

    /// When windows were opened that nobody answered.
    pub(super) fn windows(&self) -> Vec<Timestamp> {
        self.kept.windows.iter().copied().map(Timestamp::from_millis).collect()
    }

    /// Keeps the file up with the broker until that stops.
    pub(super) async fn follow<C: Clock>(mut self, broker: Arc<Broker<C>>) {
        let mut changes = broker.changes();
        let mut complained = !self.writable;
        let mut phase = Phase::Serving;
        while phase == Phase::Serving && changes.changed().await.is_ok() {
            phase = *changes.borrow_and_update();
            let document = Document::of(&broker);
            if !self.writable || document == self.kept {
                continue;
            }
            let (file, text) = (self.file.clone(), document.text());
            self.kept = document;
            let written = tokio::task::spawn_blocking(move || {
                private::put(&file, text.as_bytes(), Earlier::Goes)
            });
            match written.await {
                Ok(Err(error)) if !complained => {
                    complained = true;
                    let (file, error) = (self.file.display(), chain::one_line(&error));
                    warn!(%file, error, "a restart will forget who wants to be left alone");
                }
                Ok(written) => complained &= written.is_err(),
                Err(_) => return,
            }
        }
    }
}

impl Document {
    fn of<C: Clock>(broker: &Broker<C>) -> Self {
        let millis = |at| broker.clock().wall_time(at).as_millis();
        let entries = broker.clusters().into_iter().map(|cluster| {
            let Remembered { snoozed_until, unanswered } = cluster.published().state.remembered();
            let entry = Entry { snoozed_until: snoozed_until.map(millis), unanswered };
            (cluster.name().to_string(), entry)
        });
        Self {
            version: VERSION,
            clusters: entries.filter(|(_, entry)| *entry != Entry::default()).collect(),
            windows: broker.counted_windows().into_iter().map(millis).collect(),
        }
    }

    fn text(&self) -> String {
        serde_json::to_string(self).expect("names and numbers can be written as JSON")
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn hq() -> ClusterName {
        "hq".parse().unwrap()
    }

    fn document(text: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("state").join("asked.json");
        private::put(&file, text.as_bytes(), Earlier::Goes).unwrap();
        (folder, file)
    }

    #[test]
    fn what_was_written_is_remembered() {
        let document = Document {
            version: VERSION,
            clusters: [("hq".into(), Entry { snoozed_until: Some(7), unanswered: 2 })].into(),
            windows: vec![1, 2],
        };
        let (_folder, file) = self::document(&document.text());

        let memory = Memory::open(file);

        let at = Timestamp::from_millis;
        assert_eq!(memory.of(&hq()), Remembered { snoozed_until: Some(at(7)), unanswered: 2 });
        assert_eq!(memory.of(&"vm".parse().unwrap()), Remembered::default());
        assert_eq!(memory.windows(), [at(1), at(2)]);
        assert!(memory.writable);
    }

    #[test]
    fn what_is_damaged_or_missing_or_odd_is_as_good_as_none() {
        for text in ["", "{", "[]", "{\"version\":\"x\"}", "{\"version\":1,\"windows\":[-1]}"] {
            let memory = Memory::open(document(text).1);
            assert_eq!((memory.of(&hq()), memory.writable), (Remembered::default(), true));
        }
        assert!(Memory::open("/nonexistent/ucsso/asked.json".into()).writable);
        let (folder, file) = document("{\"version\":1,\"windows\":[5]}");
        let link = folder.path().join("link");
        symlink(&file, &link).unwrap();
        assert_eq!(Memory::open(link).windows(), []);
        assert_eq!(Memory::open(folder.path().into()).windows(), []);
    }

    #[test]
    fn the_file_of_a_later_version_is_left_as_it_is() {
        let memory = Memory::open(document("{\"version\":2,\"windows\":[5],\"new\":{}}").1);

        assert_eq!((memory.windows(), memory.writable), (vec![], false));
    }
}
