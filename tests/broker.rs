//! The broker with a clock that stands still and a cluster that answers when told.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[expect(unreachable_pub, reason = "shared with other test programs")]
mod support {
    pub mod clock;
    pub mod login;
}

use std::time::Duration;

use support::{
    clock::ManualClock,
    login::{Answer, FakeLogin},
};
use tokio::task::JoinSet;
use ucsso::{
    broker::{
        Ask, Broker, ClusterHandle, Interaction, Lack, LoginEvent, Published, Report, ports::Clock,
    },
    domain::{
        Cause, Cluster, Generation, Lapse, Manner, Policy, RenewMode, Stage, State, Token, Verdict,
    },
};

const HOUR: Duration = Duration::from_hours(1);

struct Rig {
    clock: ManualClock,
    login: FakeLogin,
    broker: Broker<ManualClock>,
}

impl Rig {
    fn new(policy: Policy) -> Self {
        let clock = ManualClock::new();
        let login = FakeLogin::new(&clock);
        let mut broker = Broker::new(clock.clone());
        broker.add(cluster("hq"), policy, login.clone());
        Self { clock, login, broker }
    }

    fn hq(&self) -> ClusterHandle<ManualClock> {
        self.broker.cluster(&"hq".parse().unwrap()).unwrap().clone()
    }

    /// Waits until the published state is as a test wants it.
    async fn until(&self, wanted: impl FnMut(&Published) -> bool) -> Published {
        self.hq().subscribe().wait_for(wanted).await.unwrap().clone()
    }

    async fn with_token(self) -> Self {
        self.login.answer(Answer::Token(HOUR));
        self.hq().token(ask(Interaction::IfNeeded)).await.unwrap();
        self
    }
}

fn cluster(name: &str) -> Cluster {
    Cluster { name: name.parse().unwrap(), product: "ucm", user: "alice".into() }
}

fn ask(interaction: Interaction) -> Ask {
    Ask { min_validity: None, interaction }
}

fn ask_for(min_validity: Duration) -> Ask {
    Ask { min_validity: Some(min_validity), interaction: Interaction::IfNeeded }
}

fn seated(published: &Published) -> bool {
    published.opened().is_some()
        && matches!(published.state.attempt().map(|a| a.stage), Some(Stage::Seated { .. }))
}

#[tokio::test]
async fn a_hundred_callers_of_a_cold_cluster_open_one_window() {
    for round in 1..=100 {
        let rig = Rig::new(Policy::default());
        let mut callers = JoinSet::new();
        for _ in 0..100 {
            let hq = rig.hq();
            callers.spawn(async move { hq.token(ask(Interaction::IfNeeded)).await });
        }
        rig.until(seated).await;
        rig.login.answer(Answer::Token(HOUR));

        let tokens: Vec<Token> = callers.join_all().await.into_iter().map(Result::unwrap).collect();

        assert_eq!(rig.login.windows(), 1, "round {round}");
        assert!(tokens.iter().all(|token| *token == tokens[0]));
        assert_eq!(tokens.len(), 100);
    }
}

#[tokio::test]
async fn a_failed_login_answers_every_waiter_and_begins_nothing_more() {
    let rig = Rig::new(Policy::default());
    let mut callers = JoinSet::new();
    for _ in 0..100 {
        let hq = rig.hq();
        callers.spawn(async move { hq.token(ask(Interaction::IfNeeded)).await });
    }
    rig.until(seated).await;
    rig.login.answer(Answer::Failure(Cause::IdpError));

    for lack in callers.join_all().await {
        assert!(matches!(lack, Err(Lack::Failed(failure)) if failure.cause == Cause::IdpError));
    }
    let later = rig.hq().token(ask(Interaction::IfNeeded)).await;

    assert!(matches!(
        later,
        Err(Lack::LoginRequired { lapse: Some(Lapse::NeverLoggedIn), failure: Some(_) })
    ));
    assert_eq!(rig.login.windows(), 1);
}

#[tokio::test]
async fn a_caller_who_forbids_a_login_gets_an_answer_at_once() {
    let rig = Rig::new(Policy::default());

    let cold = rig.hq().token(ask(Interaction::Never)).await;
    let waiting = tokio::spawn({
        let hq = rig.hq();
        async move { hq.token(ask(Interaction::IfNeeded)).await }
    });
    rig.until(seated).await;
    let under_way = rig.hq().token(ask(Interaction::Never)).await;
    rig.login.answer(Answer::Token(HOUR));
    waiting.await.unwrap().unwrap();

    assert!(matches!(cold, Err(Lack::LoginRequired { failure: None, .. })));
    assert_eq!(under_way, Err(Lack::LoginUnderWay));
    assert!(rig.hq().token(ask(Interaction::Never)).await.is_ok());
}

#[tokio::test]
async fn a_caller_who_gives_up_does_not_end_the_login() {
    let rig = Rig::new(Policy::default());
    let hq = rig.hq();
    let mut impatient = Box::pin(hq.token(ask(Interaction::IfNeeded)));
    tokio::select! {
        _ = &mut impatient => panic!("nobody logged in"),
        _ = rig.until(seated) => {}
    }
    drop(impatient);

    rig.login.answer(Answer::Token(HOUR));

    rig.until(|published| published.state.token().is_some()).await;
    assert_eq!(rig.login.windows(), 1);
}

#[tokio::test]
async fn a_used_token_is_renewed_ahead_and_served_meanwhile() {
    let rig = Rig::new(Policy::default()).with_token().await;
    let renews_at = rig.until(|p| p.renews_at.is_some()).await.renews_at.unwrap();

    rig.clock.advance(renews_at.since(rig.clock.now()));
    rig.until(seated).await;
    let old = rig.hq().token(ask(Interaction::IfNeeded)).await.unwrap();
    rig.login.answer(Answer::Token(HOUR));
    rig.until(|p| p.state.attempt().is_none()).await;
    let new = rig.hq().token(ask(Interaction::IfNeeded)).await.unwrap();

    assert_eq!((old.generation, new.generation), (Generation(1), Generation(2)));
    assert_eq!(new.grant.secret.expose(), "token-2");
}

#[tokio::test]
async fn a_token_that_nobody_uses_is_renewed_when_somebody_does() {
    let day = Duration::from_hours(24);
    let rig = Rig::new(Policy::default());
    rig.login.answer(Answer::Token(day));
    rig.hq().token(ask(Interaction::IfNeeded)).await.unwrap();

    rig.clock.advance(day * 19 / 20);
    tokio::task::yield_now().await;
    assert_eq!(rig.login.windows(), 1, "nobody asked for hours");
    rig.hq().token(ask(Interaction::IfNeeded)).await.unwrap();

    rig.until(seated).await;
    assert_eq!(rig.login.windows(), 2);
}

#[tokio::test]
async fn a_failed_renewal_keeps_the_good_token() {
    let rig = Rig::new(Policy { renew: RenewMode::Ahead, ..Policy::default() }).with_token().await;
    rig.clock.advance(HOUR * 11 / 12);
    rig.until(seated).await;

    rig.login.answer(Answer::Failure(Cause::NodeUnreachable));

    let published = rig.until(|p| p.state.failure().is_some()).await;
    assert_eq!(published.state.token().unwrap().generation, Generation(1));
    assert!(rig.hq().token(ask(Interaction::Never)).await.is_ok());
}

#[tokio::test]
async fn a_night_of_sleep_never_serves_the_dead_token() {
    let rig = Rig::new(Policy::default()).with_token().await;

    rig.clock.advance(Duration::from_hours(9));

    let asleep = rig.hq().token(ask(Interaction::Never)).await;
    assert!(matches!(asleep, Err(Lack::LoginRequired { .. })), "{asleep:?}");
    let published = rig.until(|p| p.state.token().is_none()).await;
    assert!(matches!(published.state, State::Cold { lapse: Lapse::Expired, .. }));
}

#[tokio::test]
async fn a_login_nobody_finishes_is_given_up_and_its_window_withdrawn() {
    let advice = "is it registered?".to_owned();
    let rig = Rig::new(Policy { timeout_advice: advice.clone(), ..Policy::default() });
    let hq = rig.hq();
    let caller = tokio::spawn(async move { hq.token(ask(Interaction::IfNeeded)).await });
    rig.until(seated).await;
    assert_eq!(rig.login.open(), 1);

    rig.clock.advance(Duration::from_mins(5));

    let Err(Lack::Failed(failure)) = caller.await.unwrap() else { panic!("it timed out") };
    assert_eq!((failure.cause, failure.advice), (Cause::LoginTimedOut, advice));
    tokio::task::yield_now().await;
    assert_eq!(rig.login.open(), 0);
}

#[tokio::test]
async fn a_login_that_panics_is_a_failed_login() {
    let rig = Rig::new(Policy::default());
    rig.login.answer(Answer::Panic);

    let lack = rig.hq().token(ask(Interaction::IfNeeded)).await;

    assert!(matches!(lack, Err(Lack::Failed(failure)) if failure.cause == Cause::Internal));
    assert!(rig.hq().log_out().await.is_ok(), "the owner lives on");
}

#[tokio::test]
async fn a_forced_login_replaces_a_good_token() {
    let rig = Rig::new(Policy::default()).with_token().await;
    rig.login.answer(Answer::Token(HOUR));

    let token = rig.hq().token(ask(Interaction::Force)).await.unwrap();

    assert_eq!(token.generation, Generation(2));
}

#[tokio::test]
async fn a_validity_that_no_token_has_is_refused_with_the_longest() {
    let rig = Rig::new(Policy::default()).with_token().await;

    let lack = rig.hq().token(ask_for(HOUR * 2)).await;

    assert_eq!(lack, Err(Lack::Unsatisfiable { longest: HOUR }));
    assert_eq!(rig.login.windows(), 1);
}

#[tokio::test]
async fn a_token_too_short_for_a_caller_is_renewed_for_him() {
    let rig = Rig::new(Policy::default()).with_token().await;
    rig.clock.advance(Duration::from_mins(20));
    rig.login.answer(Answer::Token(HOUR));

    let token = rig.hq().token(ask_for(Duration::from_mins(50))).await.unwrap();

    assert_eq!(token.generation, Generation(2));
}

#[tokio::test]
async fn a_report_is_checked_on_the_cluster_before_anything_is_dropped() {
    let rig = Rig::new(Policy::default()).with_token().await;
    let report = |generation| {
        let hq = rig.hq();
        async move { hq.report_rejected(Generation(generation)).await.unwrap() }
    };

    assert_eq!(report(1).await, Report::Asked(Verdict::StillValid));
    assert!(rig.hq().published().state.token().is_some());
    rig.login.say(Verdict::Rejected);
    assert_eq!(report(1).await, Report::Asked(Verdict::StillValid), "asked a moment ago");
    assert_eq!(rig.login.verifications(), 1);
    rig.clock.advance(Duration::from_secs(10));
    assert_eq!(report(1).await, Report::Asked(Verdict::Rejected));

    assert!(rig.hq().published().state.token().is_none());
    assert_eq!(report(1).await, Report::Asked(Verdict::Rejected), "it is gone");
    assert_eq!(rig.login.verifications(), 2);
}

#[tokio::test]
async fn a_hundred_reports_are_one_question_and_at_most_one_login() {
    let rig = Rig::new(Policy::default()).with_token().await;
    rig.login.say(Verdict::Rejected);
    let mut clients = JoinSet::new();
    for _ in 0..100 {
        let hq = rig.hq();
        clients.spawn(async move { hq.report_rejected(Generation(1)).await.unwrap() });
    }

    for report in clients.join_all().await {
        assert_eq!(report, Report::Asked(Verdict::Rejected));
    }

    assert_eq!(rig.login.verifications(), 1);
    assert_eq!(rig.login.windows(), 1);
}

#[tokio::test]
async fn a_report_about_an_older_token_says_that_there_is_a_newer_one() {
    let rig = Rig::new(Policy::default()).with_token().await;
    rig.login.answer(Answer::Token(HOUR));
    rig.hq().token(ask(Interaction::Force)).await.unwrap();

    assert_eq!(rig.hq().report_rejected(Generation(1)).await, Ok(Report::Superseded));
    assert_eq!(rig.login.verifications(), 0);
}

#[tokio::test]
async fn a_login_is_told_step_by_step() {
    let rig = Rig::new(Policy::default());
    let mut login = rig.hq().log_in(Manner::ShowUrl).await.unwrap();

    let mut events = Vec::new();
    while let Some(event) = login.next().await {
        if let LoginEvent::Opened(..) = event {
            rig.login.answer(Answer::Token(HOUR));
        }
        events.push(event);
    }

    let [.., LoginEvent::Opened(_, opened), LoginEvent::Done(published)] = &events[..] else {
        panic!("{events:?}")
    };
    assert!(!opened.browser_opened);
    assert_eq!(opened.start_url, "http://127.0.0.1:1/start/1");
    assert_eq!(published.state.token().unwrap().generation, Generation(1));
}

#[tokio::test]
async fn a_cancelled_login_tells_those_who_follow_it() {
    let rig = Rig::new(Policy::default());
    let mut login = rig.hq().log_in(Manner::OpenBrowser).await.unwrap();
    rig.until(seated).await;

    assert_eq!(rig.hq().cancel().await, Ok(true));

    let mut last = None;
    while let Some(event) = login.next().await {
        last = Some(event);
    }
    assert!(matches!(last, Some(LoginEvent::Failed(f)) if f.cause == Cause::LoginCancelled));
    assert_eq!(rig.hq().cancel().await, Ok(false));
}

#[tokio::test]
async fn clusters_wait_for_the_one_window() {
    let mut rig = Rig::new(Policy::default());
    let other = FakeLogin::new(&rig.clock);
    rig.broker.add(cluster("vm"), Policy::default(), other.clone());
    let vm = rig.broker.cluster(&"vm".parse().unwrap()).unwrap().clone();
    let mut first = rig.hq().log_in(Manner::OpenBrowser).await.unwrap();
    rig.until(seated).await;

    let mut second = vm.log_in(Manner::OpenBrowser).await.unwrap();
    assert!(matches!(second.next().await, Some(LoginEvent::Waiting(_))));
    rig.clock.advance(Duration::from_mins(4));
    assert_eq!(other.windows(), 0);
    rig.login.answer(Answer::Token(HOUR));
    while first.next().await.is_some() {}

    vm.subscribe().wait_for(seated).await.unwrap();
    rig.clock.advance(Duration::from_mins(4));
    tokio::task::yield_now().await;
    assert_eq!((other.windows(), other.open()), (1, 1), "its time began with its window");
}

#[tokio::test]
async fn whoever_waits_is_told_when_the_broker_stops() {
    let rig = Rig::new(Policy::default());
    let hq = rig.hq();
    let caller = tokio::spawn(async move { hq.token(ask(Interaction::IfNeeded)).await });
    let mut login = rig.hq().log_in(Manner::OpenBrowser).await.unwrap();
    rig.until(seated).await;

    rig.broker.stop().await;

    assert_eq!(caller.await.unwrap(), Err(Lack::Stopping));
    let mut last = None;
    while let Some(event) = login.next().await {
        last = Some(event);
    }
    assert_eq!(last, Some(LoginEvent::Abandoned));
    tokio::task::yield_now().await;
    assert_eq!(rig.login.open(), 0);
}
