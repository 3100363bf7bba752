//! Who is let in, and who makes room, when there are many.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::*;
use crate::rpc::Pace;

const LIMITS: Limits = Limits {
    connections: 3,
    of_a_program: 2,
    streams: 1,
    watches: 1,
    pace: Pace { a_second: 1, at_once: 2 },
    idle: Duration::from_mins(10),
};

/// Places, and their clock in milliseconds.
fn places(limits: Limits) -> (Arc<Places>, Arc<AtomicU64>) {
    let time = Arc::new(AtomicU64::new(1_000_000));
    let clock = Arc::clone(&time);
    (Places::new(limits, move || Timestamp::from_millis(clock.load(Relaxed))), time)
}

fn program(name: &str) -> Sight {
    Sight::Running(Program { unit: None, exe: Some(name.into()) })
}

fn free(entry: Entry) -> Place {
    let Entry::Free(place) = entry else { panic!("{entry:?}") };
    place
}

fn is_shed(place: &Place) -> bool {
    place.seat.shed.is_cancelled()
}

#[test]
fn who_was_idle_for_longest_leaves_when_all_places_are_taken() {
    let (places, time) = places(LIMITS);
    let [a, b, c] = ["a", "b", "c"].map(|name| {
        time.fetch_add(1, Relaxed);
        free(places.enter(program(name)))
    });
    time.fetch_add(1, Relaxed);
    drop(a.seat().call().unwrap());

    assert!(matches!(places.enter(program("d")), Entry::Later));
    assert!(matches!(places.enter(program("d")), Entry::Later), "one is enough");

    assert_eq!([&a, &b, &c].map(is_shed), [false, true, false]);
    drop(b);
    free(places.enter(program("d")));
}

#[test]
fn who_has_a_call_open_stays() {
    let (places, _) = places(LIMITS);
    let taken = ["a", "b", "c"].map(|name| free(places.enter(program(name))));
    let mut calls: Vec<_> = taken.iter().map(|place| place.seat().call().unwrap()).collect();

    assert!(matches!(places.enter(program("d")), Entry::Later));
    assert!(!taken.iter().any(is_shed));

    calls.pop();
    assert!(matches!(places.enter(program("d")), Entry::Later));
    assert_eq!(taken.each_ref().map(is_shed), [false, false, true]);
}

#[test]
fn a_program_makes_room_for_itself_and_takes_none_of_others() {
    let (places, _) = places(LIMITS);
    let other = free(places.enter(program("other")));
    let [a, b] = [(), ()].map(|()| free(places.enter(program("a"))));
    let call = a.seat().call().unwrap();

    assert!(matches!(places.enter(program("a")), Entry::Later));
    assert_eq!([&other, &a, &b].map(is_shed), [false, false, true]);
    drop(b);
    let b = free(places.enter(program("a")));
    let another = b.seat().call().unwrap();
    assert!(matches!(places.enter(program("a")), Entry::Crowded));
    assert_eq!([&other, &a, &b].map(is_shed), [false, false, false]);
    drop((call, another));
}

#[test]
fn connections_of_nobody_known_count_as_those_of_one_program() {
    let (places, _) = places(LIMITS);
    let _exited = free(places.enter(Sight::Exited));
    let _unknown = free(places.enter(Sight::Unknown));

    assert!(matches!(places.enter(Sight::Unknown), Entry::Later));
}

#[test]
fn a_programs_calls_count_over_all_its_connections() {
    let (places, time) = places(LIMITS);
    let [first, second] = [(), ()].map(|()| free(places.enter(program("a"))));
    drop(first.seat().call().unwrap());
    drop(second.seat().call().unwrap());

    assert_eq!(first.seat().call().unwrap_err(), Duration::from_secs(1));
    drop((first, second));
    let again = free(places.enter(program("a")));
    assert!(again.seat().call().is_err(), "a new connection changes nothing");
    free(places.enter(program("b"))).seat().call().unwrap();
    time.fetch_add(1_000, Relaxed);
    again.seat().call().unwrap();
}

#[test]
fn programs_that_are_gone_and_quiet_are_forgotten() {
    let (places, time) = places(LIMITS);
    for name in ["a", "b"] {
        free(places.enter(program(name))).seat().call().unwrap();
    }
    time.fetch_add(1_500, Relaxed);

    drop(free(places.enter(program("c"))));

    assert_eq!(lock(&places.hall).programs.len(), 1);
}

#[test]
fn who_is_idle_for_too_long_leaves() {
    let (places, time) = places(LIMITS);
    assert_eq!(places.end_idle(), None);
    let start = Timestamp::from_millis(time.load(Relaxed));
    let idle = free(places.enter(program("idle")));
    let busy = free(places.enter(program("busy")));
    let _call = busy.seat().call().unwrap();

    assert_eq!(places.end_idle(), Some(start.plus(LIMITS.idle)));
    time.fetch_add(599_999, Relaxed);
    places.end_idle();
    assert!(!is_shed(&idle));
    time.fetch_add(1, Relaxed);
    places.end_idle();

    assert!(is_shed(&idle));
    assert!(!is_shed(&busy));
}

#[tokio::test]
async fn whoever_waits_hears_of_a_place() {
    let (places, _) = places(LIMITS);
    let place = free(places.enter(program("a")));
    let call = place.seat().call().unwrap();

    drop(call);
    places.stirs().await;
    drop(place);
    places.stirs().await;
}
