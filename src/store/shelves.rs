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
    newest: BTreeMap<ClusterName, Shelf>,
    /// The highest number that a record has had.
    serial: u64,
}

struct Shelf {
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
        {
            let mut shelves = self.shelves();
            shelves.serial = shelves.serial.max(serial);
            for record in found {
                shelves.serial = shelves.serial.max(record.serial);
                let newer = shelves.newest.get(&record.cluster);
                if newer.is_none_or(|shelf| shelf.record.serial < record.serial) {
                    let cluster = record.cluster.clone();
                    shelves.newest.insert(cluster, Shelf { record, in_use: false });
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
        let Some(shelf) = shelves.newest.get_mut(cluster) else {
            let record = Record {
                serial: shelves.serial,
                cluster: cluster.clone(),
                fingerprint,
                written: reading,
                held: Held::default(),
            };
            shelves.newest.insert(cluster.clone(), Shelf { record, in_use: true });
            return Past::default();
        };
        shelf.in_use = true;
        let (held, in_doubt) = shelf.record.restore(&reading);
        if shelf.record.fingerprint != fingerprint {
            if held.token.is_ok() {
                info!(%cluster, "its settings have changed: the token of before is not used");
            }
            let held = Held { last_attempt: held.last_attempt, ..Held::default() };
            shelf.record.fingerprint = fingerprint;
            self.write(&mut shelves, cluster, &held, reading);
            return Past { held, ..Past::default() };
        }
        if let Ok(token) = &held.token {
            let remaining_seconds = token.remaining(reading.now).as_secs();
            info!(%cluster, generation = token.generation.0, remaining_seconds, "a token is restored");
        }
        if held.token.is_err() && shelf.record.held.token.is_ok() {
            self.write(&mut shelves, cluster, &held, reading);
        } else {
            // A medium that is new, or missed the last change, gets what the others have.
            self.spread(&shelf.record);
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
        shelves.newest.retain(|cluster, shelf| {
            if !shelf.in_use {
                info!(%cluster, "it is not in the configuration any more: its token is forgotten");
                for medium in &self.media {
                    medium.forget(cluster);
                }
            }
            shelf.in_use
        });
    }

    fn write(&self, shelves: &mut Shelves, cluster: &ClusterName, held: &Held, written: Reading) {
        let Some(shelf) = shelves.newest.get_mut(cluster) else { return };
        shelves.serial += 1;
        let fingerprint = shelf.record.fingerprint;
        shelf.record = Record {
            serial: shelves.serial,
            cluster: cluster.clone(),
            fingerprint,
            written,
            held: held.clone(),
        };
        self.spread(&shelf.record);
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
mod tests {
    use super::*;
    use crate::{
        domain::{AttemptId, Lapse, Timestamp},
        store::testing::{held, reading, record},
    };

    /// A medium in memory, as it is after each call.
    #[derive(Debug, Clone, Default)]
    struct Drawer(Arc<Mutex<Vec<String>>>);

    impl Drawer {
        /// What was done since the last look: `hq 4 token` or `hq forgotten`.
        fn done(&self) -> Vec<String> {
            std::mem::take(&mut *self.0.lock().unwrap())
        }
    }

    impl Medium for Drawer {
        fn keep(&self, kept: &Kept) {
            let record = Record::decode(&kept.bytes).unwrap();
            assert_eq!((&record.cluster, record.serial), (&kept.cluster, kept.serial));
            let token =
                record.held.token.map_or_else(|lapse| format!("{lapse:?}"), |_| "token".into());
            self.0.lock().unwrap().push(format!("{} {} {token}", kept.cluster, kept.serial));
        }

        fn forget(&self, cluster: &ClusterName) {
            self.0.lock().unwrap().push(format!("{cluster} forgotten"));
        }
    }

    fn store(found: Vec<Record>, serial: u64) -> (Store, Drawer) {
        let drawer = Drawer::default();
        (Store::new(reading).with(drawer.clone(), found, serial), drawer)
    }

    fn logged_out() -> Held {
        Held { token: Err(Lapse::LoggedOut), ..held() }
    }

    const SAME: Fingerprint = Fingerprint([5; 32]);
    const OTHER: Fingerprint = Fingerprint([6; 32]);

    #[test]
    fn a_cluster_goes_on_with_what_was_held_and_each_change_is_kept() {
        let (store, drawer) = store(vec![record()], 0);
        let hq = record().cluster;

        assert_eq!(store.take_up(&hq, SAME), Past { held: held(), ..Past::default() });

        assert_eq!(drawer.done(), ["hq 3 token"], "for the media that had missed it");
        store.keep(&hq, &logged_out());
        assert_eq!(drawer.done(), ["hq 4 LoggedOut"]);
        assert_eq!(store.take_up(&hq, SAME).held, logged_out(), "of an earlier configuration");
    }

    #[test]
    fn the_newest_record_wins_in_whichever_medium_it_is() {
        let later = Record { serial: 4, held: logged_out(), ..record() };
        for found in [vec![record(), later.clone()], vec![later.clone(), record()]] {
            let (store, _) = store(found, 0);
            assert_eq!(store.take_up(&later.cluster, SAME).held, logged_out());
        }
        let (store, drawer) = store(vec![later.clone()], 0);
        let second = Drawer::default();
        let store = store.with(second.clone(), vec![record()], 0);
        assert_eq!(store.take_up(&later.cluster, SAME).held, logged_out());
        assert_eq!(
            (drawer.done(), second.done()),
            (vec!["hq 4 LoggedOut".into()], vec!["hq 4 LoggedOut".into()])
        );
    }

    #[test]
    fn a_number_that_was_seen_is_not_given_again() {
        let (store, drawer) = store(vec![], 41);
        let hq = record().cluster;

        assert_eq!(store.take_up(&hq, SAME), Past::default());
        store.keep(&hq, &held());

        assert_eq!(drawer.done(), ["hq 42 token"]);
    }

    #[test]
    fn other_settings_cost_the_token_but_not_the_count() {
        let (store, drawer) = store(vec![record()], 0);

        let past = store.take_up(&record().cluster, OTHER);

        assert_eq!(past.held, Held { last_attempt: AttemptId(9), ..Held::default() });
        assert_eq!(drawer.done(), ["hq 4 NeverLoggedIn"], "nobody finds it again");
        assert_eq!(
            store.take_up(&record().cluster, SAME).held,
            past.held,
            "nor under the old ones"
        );
    }

    #[test]
    fn a_token_that_has_expired_is_not_left_lying_about() {
        let mut late = reading();
        late.since_boot += 3_600_000;
        late.now = Timestamp::from_millis(late.now.as_millis() + 3_600_000);
        let drawer = Drawer::default();
        let store = Store::new(move || late).with(drawer.clone(), vec![record()], 0);

        assert_eq!(store.take_up(&record().cluster, SAME).held.token, Err(Lapse::Expired));

        assert_eq!(drawer.done(), ["hq 4 Expired"]);
    }

    #[test]
    fn clusters_that_are_gone_are_forgotten() {
        let vm = Record { cluster: "vm".parse().unwrap(), ..record() };
        let (store, drawer) = store(vec![record(), vm.clone()], 0);
        let _ = store.take_up(&record().cluster, SAME);
        drawer.done();

        store.forget_others();
        assert_eq!(drawer.done(), ["vm forgotten"]);
        store.forget(&record().cluster);
        store.forget(&record().cluster);
        assert_eq!(drawer.done(), ["hq forgotten"]);
        store.keep(&record().cluster, &held());
        assert_eq!(drawer.done(), Vec::<String>::new(), "a cluster on its way out");
    }

    #[test]
    fn what_is_on_its_way_shows_no_token() {
        let kept =
            Kept { cluster: record().cluster, serial: 3, bytes: Arc::new(record().encode()) };

        assert_eq!(format!("{kept:?}"), "Kept { cluster: \"hq\", serial: 3 }");
    }
}
