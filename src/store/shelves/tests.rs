//! What is kept, taken up and forgotten, with a medium in memory.

use super::*;
use crate::{
    domain::{AttemptId, Lapse, Timestamp},
    store::{
        BootId,
        testing::{held, reading, record},
    },
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
        let token = record.held.token.map_or_else(|lapse| format!("{lapse:?}"), |_| "token".into());
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
fn what_was_kept_since_the_boot_is_newer_than_what_was_kept_before_it() {
    let before = Record {
        serial: 50,
        written: Reading { boot: BootId([9; 16]), since_boot: 900_000, ..reading() },
        ..record()
    };
    // The medium of before could not be read at first, so the numbers began anew.
    let since = Record { serial: 2, held: logged_out(), ..record() };
    for found in [vec![before.clone(), since.clone()], vec![since, before]] {
        let (store, drawer) = store(found, 0);
        assert_eq!(store.take_up(&record().cluster, SAME).held, logged_out());
        drawer.done();
        store.keep(&record().cluster, &held());
        assert_eq!(drawer.done(), ["hq 51 token"]);
    }
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
    assert_eq!(store.take_up(&record().cluster, SAME).held, past.held, "nor under the old ones");
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
    let kept = Kept { cluster: record().cluster, serial: 3, bytes: Arc::new(record().encode()) };

    assert_eq!(format!("{kept:?}"), "Kept { cluster: \"hq\", serial: 3 }");
}
