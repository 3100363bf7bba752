//! What outlives the broker, and that it is kept before anybody learns of it.

use std::{
    fmt,
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

use tokio::sync::watch;
use ucsso::{
    broker::{Broker, Interaction, Lack, Published, Settings, ports::Vault},
    domain::{
        AttemptId, ClusterName, Generation, Held, Lapse, Learned, Manner, Past, Policy, Token,
        Verdict,
    },
};

use crate::{
    clock::ManualClock,
    login::{Answer, FakeLogin},
    rig::{HOUR, Rig, ask, cluster},
};

/// Remembers what it was given, and what everybody could read at that moment.
#[derive(Default)]
struct Witness {
    kept: Mutex<Vec<(Held, Option<Token>)>>,
    published: OnceLock<watch::Receiver<Published>>,
}

impl fmt::Debug for Witness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Witness")
    }
}

impl Vault for Witness {
    fn keep(&self, cluster: &ClusterName, held: &Held) {
        assert_eq!(cluster.as_str(), "hq");
        let readable = self.published.get().and_then(|p| p.borrow().state.token().cloned());
        self.kept.lock().unwrap().push((held.clone(), readable));
    }
}

impl Witness {
    fn last(&self) -> Held {
        self.kept.lock().unwrap().last().expect("something was kept").0.clone()
    }
}

/// A broker that goes on from `past`, and what it keeps.
fn after(past: Past, clock: &ManualClock) -> (Rig, Arc<Witness>) {
    let login = FakeLogin::new(clock);
    let witness = Arc::new(Witness::default());
    let broker = Broker::remembering(clock.clone(), &[], Arc::clone(&witness) as Arc<_>);
    let settings =
        Settings { cluster: cluster("hq"), policy: Policy::default(), login: login.clone() };
    let control = broker.add_remembering(settings, past);
    let rig = Rig { clock: clock.clone(), login, broker: Arc::new(broker), control };
    assert!(witness.published.set(rig.hq().subscribe()).is_ok());
    (rig, witness)
}

async fn with_token() -> (Rig, Arc<Witness>) {
    let (rig, witness) = after(Past::default(), &ManualClock::new());
    (rig.with_token().await, witness)
}

fn past(held: Held) -> Past {
    Past { held, ..Past::default() }
}

#[tokio::test]
async fn a_token_is_kept_before_anybody_can_have_it() {
    let (rig, witness) = with_token().await;

    let token = rig.hq().token(ask(Interaction::Never)).await.unwrap();

    let kept = witness.kept.lock().unwrap();
    let (held, readable) = kept.iter().find(|(held, _)| held.token.is_ok()).unwrap();
    assert_eq!(held.token.as_ref(), Ok(&token));
    assert_eq!(*readable, None, "it was published before it was kept");
    assert_eq!(held.learned, Learned { owner: Some("alice".into()), returns_state: false });
}

#[tokio::test]
async fn what_is_dropped_is_dropped_from_the_vault_first() {
    for lapse in [Lapse::LoggedOut, Lapse::Rejected, Lapse::Expired] {
        let (rig, witness) = with_token().await;
        match lapse {
            Lapse::LoggedOut => assert_eq!(rig.hq().log_out().await, Ok(true)),
            Lapse::Rejected => {
                rig.login.say(Verdict::Rejected);
                rig.hq().report_rejected(Generation(1)).await.unwrap();
            }
            _ => rig.clock.advance(HOUR),
        }

        rig.until(|published| published.state.token().is_none()).await;

        let kept = witness.kept.lock().unwrap();
        let (held, readable) = kept.iter().find(|(held, _)| held.token == Err(lapse)).unwrap();
        assert!(readable.is_some(), "{lapse:?}: it was published before it was kept");
        assert!(held.last_attempt >= AttemptId(1));
    }
}

#[tokio::test]
async fn what_does_not_change_is_not_kept_again() {
    let (rig, witness) = with_token().await;
    let before = witness.kept.lock().unwrap().len();

    for _ in 0..3 {
        rig.hq().token(ask(Interaction::IfNeeded)).await.unwrap();
        rig.clock.advance(Duration::from_secs(1));
        assert!(rig.hq().report_rejected(Generation(1)).await.is_ok());
    }
    let held = witness.last();
    rig.broker.stop().await;
    let (second, later) = after(past(held), &rig.clock);
    second.settle().await;

    assert_eq!(witness.kept.lock().unwrap().len(), before);
    assert_eq!(later.kept.lock().unwrap().len(), 0);
}

#[tokio::test]
async fn a_token_outlives_its_broker_and_the_next_has_a_higher_number() {
    let (rig, witness) = with_token().await;
    let token = rig.hq().token(ask(Interaction::Never)).await.unwrap();

    let (second, witness) = after(past(witness.last()), &rig.clock);

    assert_eq!(second.hq().token(ask(Interaction::Never)).await, Ok(token));
    assert_eq!(second.hq().log_out().await, Ok(true));
    let (third, _) = after(past(witness.last()), &rig.clock);
    let none = third.hq().token(ask(Interaction::IfNeeded)).await;
    assert!(matches!(none, Err(Lack::LoginRequired { lapse: Some(Lapse::LoggedOut), .. })));
    third.login.answer(Answer::Token(HOUR));
    third.hq().log_in(Manner::ShowUrl).await.unwrap();
    let next = third.until(|published| published.state.token().is_some()).await;
    assert_eq!(next.state.token().unwrap().generation, Generation(2));
}

#[tokio::test]
async fn a_token_in_doubt_is_given_to_nobody_before_the_cluster_has_vouched_for_it() {
    let (rig, witness) = with_token().await;
    let held = witness.last();
    let in_doubt = || Past { in_doubt: true, ..past(held.clone()) };

    let (second, kept) = after(in_doubt(), &rig.clock);
    second.login.think_about(Generation(1));
    second.settle().await;
    assert!(second.hq().token(ask(Interaction::IfNeeded)).await.is_err());
    assert_eq!((second.login.windows(), second.login.verifications()), (0, 1));
    assert_eq!(kept.kept.lock().unwrap().len(), 0, "a crash now costs nothing");
    second.login.decide();
    second.until(|published| published.state.token().is_some()).await;
    assert_eq!(
        second.hq().token(ask(Interaction::Never)).await.as_ref(),
        held.token.as_ref().map_err(|_| &Lack::Stopping)
    );

    for verdict in [Verdict::Rejected, Verdict::Unknown] {
        let (third, kept) = after(in_doubt(), &rig.clock);
        third.login.say(verdict);
        third.settle().await;
        assert!(third.hq().token(ask(Interaction::Never)).await.is_err());
        assert_eq!(kept.last().token, Err(Lapse::NeverLoggedIn), "{verdict:?}");
    }
}
