//! The budget by example, and what no run of it may do.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::domain::fixtures::{at, just_before};

const HOUR: u64 = 3600;

/// A budget from which windows were taken at these seconds.
fn taken(seconds: &[u64]) -> Budget {
    let mut budget = Budget::default();
    for second in seconds {
        budget.note_window(at(*second));
    }
    budget
}

#[test]
fn nobody_is_asked_while_the_desktop_is_locked_or_idle() {
    let mut budget = Budget::default();
    assert_eq!(budget.leave(at(0)), Ok(()));

    budget.note_presence(Presence::Locked);
    assert_eq!(budget.leave(at(0)), Err(Reserve::Locked));
    budget.note_presence(Presence::Idle);
    assert_eq!(budget.leave(at(0)), Err(Reserve::Idle));
    budget.note_presence(Presence::Here);
    assert_eq!(budget.leave(at(0)), Ok(()));
}

#[test]
fn nobody_is_asked_as_soon_as_the_machine_wakes() {
    let mut budget = Budget::default();
    budget.note_wake(at(100));
    budget.note_wake(at(50));

    assert_eq!(budget.leave(just_before(110)), Err(Reserve::JustWoke { until: at(110) }));
    assert_eq!(budget.leave(at(110)), Ok(()));
}

#[test]
fn a_sleep_that_nobody_told_of_is_one_too() {
    let mut budget = Budget::default();
    let gaps = |millis| Gaps { slept: Duration::from_millis(millis), ..Gaps::default() };

    budget.note_gaps(gaps(999), at(100));
    assert_eq!(budget.leave(at(100)), Ok(()), "clocks are not read at one moment");
    budget.note_gaps(gaps(1_999), at(200));
    budget.note_gaps(gaps(1_999), at(205));
    budget.note_gaps(gaps(0), at(206));

    assert_eq!(budget.leave(just_before(210)), Err(Reserve::JustWoke { until: at(210) }));
    assert_eq!(budget.leave(at(210)), Ok(()));
}

#[test]
fn nobody_is_asked_before_the_wall_clock_has_come_to_rest() {
    let mut budget = Budget::default();
    let gaps = |jumped, moved| {
        let [jumped, moved] = [jumped, moved].map(Duration::from_secs);
        Gaps { jumped, moved, slept: Duration::ZERO }
    };

    budget.note_gaps(gaps(59, 1000), at(100));
    assert_eq!(budget.leave(at(100)), Ok(()), "no token lost much by that");
    budget.note_gaps(gaps(119, 1060), at(100));
    assert_eq!(budget.leave(at(100)), Err(Reserve::JustWoke { until: at(130) }));
    budget.note_wake(at(125));
    assert_eq!(budget.leave(at(125)), Err(Reserve::JustWoke { until: at(135) }));
    budget.note_gaps(gaps(119, 1120), just_before(130));
    assert!(budget.leave(at(159)).is_err(), "it was set back");
    budget.note_gaps(gaps(119, 1179), at(159));
    // And now it is set an hour ahead.
    budget.note_gaps(gaps(119 + HOUR, 1179 + HOUR), at(HOUR + 159));
    assert!(budget.leave(just_before(HOUR + 189)).is_err());
    assert_eq!(budget.leave(at(HOUR + 189)), Ok(()));
    budget.note_gaps(gaps(119 + HOUR, 9 * HOUR), at(HOUR + 189));

    assert_eq!(budget.leave(at(HOUR + 189)), Ok(()), "where it has been it ends no token");
}

#[test]
fn a_clock_that_was_set_does_not_refill_the_budget() {
    let mut budget = taken(&[0, 10, 20, 30]);
    let day = 24 * HOUR;

    let jumped = Duration::from_secs(day);
    budget.note_gaps(Gaps { jumped, ..Gaps::default() }, at(day + 60));

    assert_eq!(budget.windows_left(at(day + 60)), 0);
    assert_eq!(budget.leave(at(day + 90)), Err(Reserve::Spent { until: at(day + HOUR) }));
    assert_eq!(budget.leave(at(day + HOUR)), Ok(()));
}

#[test]
fn a_window_that_opened_after_the_jump_but_before_it_was_noticed_is_of_now() {
    let mut budget = taken(&[1000, 1000, 1000, 1000]);

    budget.note_gaps(Gaps { jumped: Duration::from_secs(1000), ..Gaps::default() }, at(1001));

    assert_eq!(budget.counted(at(1001)), [at(1001); 4]);
    assert_eq!(budget.leave(at(1001 + HOUR)), Ok(()));
}

#[test]
fn the_network_gets_half_a_minute_to_come_back() {
    let mut budget = Budget::default();
    assert_eq!(budget.tries_again_at(0, at(100)), None, "nobody slept");
    budget.note_wake(at(100));

    assert_eq!(
        [0, 1, 2, 3, u32::MAX].map(|tries| budget.tries_again_at(tries, at(110))),
        [111, 112, 114, 118, 130].map(|second| Some(at(second)))
    );
    assert_eq!(budget.tries_again_at(0, just_before(130)), Some(at(130)));
    assert_eq!(budget.tries_again_at(0, at(130)), None);
}

#[test]
fn four_windows_an_hour_are_opened_for_nobody() {
    let budget = taken(&[0, 10, 20, 30]);

    assert_eq!(budget.leave(at(30)), Err(Reserve::Spent { until: at(HOUR) }));
    assert_eq!(budget.windows_left(at(30)), 0);
    assert_eq!(budget.leave(just_before(HOUR)), Err(Reserve::Spent { until: at(HOUR) }));
    assert_eq!(budget.leave(at(HOUR)), Ok(()));
    assert_eq!(budget.windows_left(at(HOUR)), 1);
    assert_eq!(budget.windows_left(at(HOUR + 30)), 4);
}

#[test]
fn more_windows_than_are_allowed_are_waited_for_too() {
    let budget = taken(&[0, 10, 20, 30, 40]);

    assert_eq!(budget.leave(at(50)), Err(Reserve::Spent { until: at(HOUR + 10) }));
    assert_eq!(budget.windows_left(at(50)), 0);
}

#[test]
fn a_window_that_is_answered_costs_nothing() {
    let mut budget = taken(&[0, 10, 20]);
    let window = budget.note_window(at(30));
    assert!(budget.leave(at(30)).is_err());

    budget.give_back(window);
    budget.give_back(window);

    assert_eq!(budget.leave(at(30)), Ok(()));
    assert_eq!(budget.counted(at(30)), [at(0), at(10), at(20)]);
}

#[test]
fn old_windows_are_forgotten() {
    let mut budget = taken(&[0, 10]);

    budget.note_window(at(HOUR));

    assert_eq!(budget.unanswered.len(), 2);
    assert_eq!(budget.counted(at(HOUR)), [at(10), at(HOUR)]);
}

#[test]
fn a_restart_does_not_refill_the_budget() {
    let future = [at(0), at(10), at(20), at(9 * HOUR)];

    let budget = Budget::remembered(&future, at(30));

    assert_eq!(budget.counted(at(30)), [at(0), at(10), at(20), at(30)]);
    assert!(budget.leave(at(30)).is_err());
    assert_eq!(budget.leave(at(HOUR)), Ok(()));
}

#[test]
fn what_only_the_human_ends_is_said_first() {
    let mut budget = taken(&[0, 0, 0, 0]);
    assert!(matches!(budget.leave(at(0)), Err(Reserve::Spent { .. })));
    budget.note_wake(at(0));
    assert!(matches!(budget.leave(at(0)), Err(Reserve::JustWoke { .. })));
    budget.note_presence(Presence::Locked);
    assert_eq!(budget.leave(at(0)), Err(Reserve::Locked));
}

#[test]
fn every_reserve_has_its_word_its_end_and_its_reader() {
    let until = at(7);
    let all =
        [Reserve::Locked, Reserve::Idle, Reserve::JustWoke { until }, Reserve::Spent { until }];

    assert_eq!(all.map(Reserve::as_str), ["locked", "idle", "just-woke", "spent"]);
    assert_eq!(all.map(Reserve::until), [None, None, Some(until), Some(until)]);
    assert_eq!(all.map(Reserve::nobody_is_there), [true, true, true, false]);
}

proptest! {
    /// Whoever asks for leave before each window, at any pace and with any answers, never has
    /// more than four in an hour that nobody answered.
    #[test]
    fn no_hour_has_more_than_four_windows_for_nobody(
        steps in prop::collection::vec((0u64..1500, any::<bool>(), 0u8..8), 1..300),
    ) {
        let mut budget = Budget::default();
        let mut now = at(0);
        let mut vain: Vec<Timestamp> = Vec::new();
        for (seconds, answered, presence) in steps {
            now = now.plus(Duration::from_secs(seconds));
            budget.note_presence(match presence {
                0 => Presence::Locked,
                1 => Presence::Idle,
                _ => Presence::Here,
            });
            let leave = budget.leave(now);
            prop_assert_eq!(leave.is_err(), presence < 2 || budget.windows_left(now) == 0);
            if let Err(reserve) = leave {
                prop_assert!(reserve.until().is_none_or(|until| until > now));
                continue;
            }
            let window = budget.note_window(now);
            if answered {
                budget.give_back(window);
            } else {
                vain.push(now);
            }
            let hour = vain.iter().filter(|at| now < at.plus(WINDOWS_WITHIN)).count();
            prop_assert!(hour <= 4, "{} windows within an hour", hour);
        }
    }
}
