//! The promises of the lifecycle, against any sequence of events at any pace.

use std::time::Duration;

use proptest::prelude::*;

use super::{
    Cause, RenewMode, Reserve,
    world::{Act, World},
};

fn span() -> impl Strategy<Value = Duration> {
    prop_oneof![
        Just(Duration::ZERO),
        (0..20u64).prop_map(Duration::from_millis),
        (0..120u64).prop_map(Duration::from_secs),
        (0..4000u64).prop_map(Duration::from_secs),
        (0..100u64).prop_map(Duration::from_hours),
    ]
}

fn act() -> impl Strategy<Value = Act> {
    let back = || prop_oneof![6 => Just(0u64), 1 => 1..4u64];
    prop_oneof![
        5 => span().prop_map(Act::Pass),
        1 => span().prop_map(Act::StepBack),
        2 => Just(Act::Use),
        3 => Just(Act::Wake),
        4 => span().prop_map(Act::Want),
        4 => back().prop_map(|back| Act::Seat { back }),
        5 => (back(), span()).prop_map(|(back, lifetime)| Act::Answer { back, lifetime }),
        3 => (back(), prop::sample::select(Cause::ALL.to_vec()))
            .prop_map(|(back, cause)| Act::Fail { back, cause }),
        2 => back().prop_map(|back| Act::Reject { back }),
        2 => Just(Act::AskLogin),
        1 => Just(Act::AskCancel),
        1 => Just(Act::AskLogout),
        1 => span().prop_map(Act::AskSnooze),
        2 => Just(Act::Force),
        2 => Just(Act::OpenWindow),
        2 => back().prop_map(|back| Act::Withdraw { back }),
        1 => Just(Act::Restart),
        1 => prop::sample::select(vec![None, None, Some(Reserve::Locked)]).prop_map(Act::Leave),
        1 => (mode(), any::<bool>())
            .prop_map(|(renew, keeps_token)| Act::Reconfigure(renew, keeps_token)),
    ]
}

fn mode() -> impl Strategy<Value = RenewMode> {
    prop::sample::select(vec![RenewMode::WhenUsed, RenewMode::Ahead, RenewMode::OnRequest])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Every event is legal in every state, at any pace, also when the clock steps back; and
    /// after each one all of the promises above hold.
    #[test]
    fn the_promises_hold_whatever_happens(
        renew in mode(),
        seed in any::<u64>(),
        acts in prop::collection::vec(act(), 1..60),
    ) {
        let mut world = World::new(renew, seed);
        for act in acts {
            world.perform(act);
        }
    }

    /// Whoever sleeps until each deadline and does nothing else sees the token end on time, or
    /// its successor.
    #[test]
    fn sleeping_until_the_deadlines_misses_nothing(renew in mode(), lifetime in 1u64..100_000) {
        let mut world = World::new(renew, 0);
        world.perform(Act::AskLogin);
        world.perform(Act::Seat { back: 0 });
        world.perform(Act::Answer { back: 0, lifetime: Duration::from_secs(lifetime) });
        let end = world.now.plus(Duration::from_secs(lifetime));

        let mut turns = 0;
        while world.lifecycle.state().token().is_some() {
            world.now = world.lifecycle.deadline(world.now).expect("a token that is held ends");
            world.perform(Act::Use);
            world.perform(Act::Wake);
            turns += 1;
            prop_assert!(turns < 6);
        }

        prop_assert_eq!(world.now, end);
        prop_assert!(world.lifecycle.state().token().is_none());
    }
}
