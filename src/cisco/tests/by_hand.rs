//! Logins whose human brings the last address by hand.

use super::*;

/// One login, whose human takes a minute to bring `fragment`; `{state}` in it is what was sent.
async fn by_hand(
    login: &CiscoLogin<JumpingClock>,
    fragment: &str,
) -> (Result<Grant, Failure>, Result<(), NotTaken>) {
    let (sender, mut opened) = mpsc::unbounded_channel();
    let logging_in = login.log_in(
        AttemptId(7),
        Manner::ShowUrl,
        None,
        Told(|opened| sender.send(opened).unwrap()),
    );
    let human = async {
        let Opened { start_url, authorize_url, .. } = opened.recv().await.unwrap();
        let page: Url = authorize_url.parse().unwrap();
        let sent = page.query_pairs().find(|(key, _)| key == "state").unwrap().1.into_owned();
        let fragment = fragment.replace("{state}", &sent);
        login.clock.sleep_until(login.clock.now().plus(Duration::from_mins(1))).await;
        let address = format!("{}#{fragment}", login.config.redirect.uri).into();
        let pasted = Pasted { start_url: start_url.into(), address };
        assert_eq!(login.complete(AttemptId(6), &pasted), Err(NotTaken::NotPending));
        let taken = login.complete(AttemptId(7), &pasted);
        assert!(taken.is_err() || login.complete(AttemptId(7), &pasted).is_err(), "a replay");
        taken
    };
    let (outcome, taken) = tokio::join!(logging_in, human);
    (outcome.map(|logged_in| logged_in.grant), taken)
}

#[tokio::test]
async fn the_lifetime_of_a_pasted_token_counts_from_when_it_could_have_been_issued() {
    let node = unified_cm().await;
    let login = login(&node);

    let (outcome, taken) = by_hand(&login, &format!("{GOOD}&state={{state}}")).await;

    let grant = outcome.unwrap();
    assert_eq!(taken, Ok(()));
    assert_eq!(grant.expires_at, Timestamp::default().plus(Duration::from_hours(1)));
    assert_eq!(login.clock.now(), Timestamp::default().plus(Duration::from_mins(1)));
}

#[tokio::test]
async fn nothing_can_be_brought_to_a_login_that_is_over() {
    let node = unified_cm().await;
    let login = login(&node);
    let pasted = Pasted { start_url: String::new().into(), address: String::new().into() };

    by_hand(&login, GOOD).await.0.unwrap();

    assert_eq!(login.complete(AttemptId(7), &pasted), Err(NotTaken::NotPending));
}
