//! Logins whose browser cannot reach this machine: its last address is brought by hand.

use std::io::{PipeWriter, Write as _, pipe};

use tonic::Status;
use ucsso::{
    lab::walk::Walked,
    rpc::{
        client,
        proto::{
            CompleteLoginRequest, Interaction, StartLoginRequest,
            start_login_response::{Event, Opened},
        },
    },
};
use url::Url;

use crate::{
    estate::{Estate, Login},
    http,
    process::Process,
    rig::estate,
};

/// A login on the command line, the cluster's own page, and where an address can be pasted.
struct ByHand {
    login: Login,
    page: Url,
    input: PipeWriter,
}

impl ByHand {
    async fn begin(estate: &Estate, cluster: &str) -> Self {
        let mut command = estate.home.ucssoctl();
        command.args(["login", "--no-browser", cluster]);
        let (output, input) = pipe().unwrap();
        let ctl = Process::spawn(command.stdin(output));
        let start_url = ctl.line_with("http://127.0.0.1:").await.trim().to_owned();
        let page = ctl.line_with("/ssosp/oauth/authorize?").await.trim().parse().unwrap();
        Self { login: Login { start_url, ctl }, page, input }
    }

    fn paste(&mut self, text: &str) {
        writeln!(self.input, "{text}").unwrap();
    }
}

/// What a browser does that gets to the landing page after all.
async fn landed(estate: &Estate, start_url: &str) -> Walked {
    estate.walk("alice").login(&start_url.parse().unwrap()).await.unwrap()
}

#[tokio::test]
async fn a_pasted_address_gives_a_token_whether_the_start_page_was_opened_or_not() {
    for opened in [false, true] {
        let estate = estate().await;
        let mut by_hand = ByHand::begin(&estate, "hq").await;
        if opened {
            let page = http::client(None).get(&by_hand.login.start_url).send().await.unwrap();
            assert_eq!(page.status(), 200);
        }
        let arrival = estate.walk("alice").until_redirect(&by_hand.page).await.unwrap();

        by_hand.paste("http://127.0.0.1:1/cb/hq#access_token=elsewhere");
        by_hand.login.ctl.line_with("does not begin with").await;
        by_hand.paste(arrival.url.as_str());

        let said = by_hand.login.end().await;
        assert!(said.contains("hq: the address is taken ("), "{said}");
        assert!(said.contains("hq: logged in as alice"), "{said}");
        let token = estate.token("hq").await;
        assert!(arrival.url.as_str().contains(&token));
        for secret in [&token, "elsewhere"] {
            assert!(!said.contains(secret) && !estate.daemon.output().contains(secret));
        }
        assert_eq!(estate.ask("cucm-pub", "/cucm-uds/user/alice", &token).await.0, 200);
    }
}

#[tokio::test]
async fn a_pasted_token_of_somebody_else_is_refused() {
    let estate = estate().await;
    let mut by_hand = ByHand::begin(&estate, "hq").await;
    let arrival = estate.walk("bob").until_redirect(&by_hand.page).await.unwrap();

    by_hand.paste(arrival.url.as_str());

    by_hand.login.ended().await.is(8, &["than alice"]);
    assert_eq!(estate.status_of("hq").await["failure"]["reason"], "WRONG_USER");
}

#[tokio::test]
async fn whoever_cannot_paste_is_not_told_the_page_of_the_cluster() {
    let estate = estate().await;

    let login = estate.log_in("hq").await;
    login.ctl.line_with("Ctrl-C cancels").await;

    assert!(!login.ctl.output().contains("/ssosp/"), "{}", login.ctl.output());
}

/// A login as a program follows it.
async fn opened(estate: &Estate, cluster: &str, no_browser: bool) -> Opened {
    let request = StartLoginRequest { cluster: cluster.to_owned(), no_browser };
    let client = estate.client().await;
    let mut events = client.login().start_login(request).await.unwrap().into_inner();
    loop {
        if let Some(Event::Opened(opened)) = events.message().await.unwrap().unwrap().event {
            return opened;
        }
    }
}

/// Brings an address as a program does; why it is not taken.
async fn bring(estate: &Estate, request: &CompleteLoginRequest) -> Result<(), String> {
    let answer = estate.client().await.login().complete_login(request.clone()).await;
    answer.map(drop).map_err(|status: Status| {
        let reason = client::reason(&status).unwrap_or_else(|| format!("{:?}", status.code()));
        assert!(!status.message().contains("canary"), "{status:?}");
        reason
    })
}

#[tokio::test]
async fn what_is_no_answer_to_this_login_is_refused_and_loses_nothing() {
    let estate = estate().await;
    estate.lab.behaviour().echo_state = true;
    let opened = opened(&estate, "hq", true).await;
    let page: Url = opened.authorize_url.parse().unwrap();
    let right = estate.walk("alice").until_redirect(&page).await.unwrap().url.to_string();
    let token = right.split(['=', '&']).nth(1).unwrap().to_owned();
    let redirect = estate.redirect_uri("hq");
    let request = CompleteLoginRequest {
        cluster: "hq".into(),
        attempt: opened.attempt,
        start_url: opened.url.clone(),
        address: right.clone(),
    };
    let (to, _) = opened.url.rsplit_once('/').unwrap();
    let ticket = |ticket: &str| CompleteLoginRequest {
        start_url: format!("{to}/{ticket}"),
        ..request.clone()
    };
    let pasted = |address: String| CompleteLoginRequest { address, ..request.clone() };
    let state = page.query_pairs().find(|(key, _)| key == "state").unwrap().1.into_owned();

    for (wrong, reason) in [
        (CompleteLoginRequest { cluster: "vm".into(), ..request.clone() }, "LOGIN_NOT_PENDING"),
        (
            CompleteLoginRequest { cluster: "elsewhere".into(), ..request.clone() },
            "CLUSTER_UNKNOWN",
        ),
        (
            CompleteLoginRequest { attempt: opened.attempt + 1, ..request.clone() },
            "LOGIN_NOT_PENDING",
        ),
        (ticket(""), "TICKET_REFUSED"),
        (ticket(&"A".repeat(43)), "TICKET_REFUSED"),
        (CompleteLoginRequest { start_url: String::new(), ..request.clone() }, "TICKET_REFUSED"),
        (pasted("canary".into()), "NOT_THE_REDIRECT"),
        (pasted(String::new()), "NOT_THE_REDIRECT"),
        (pasted(right.replace("/cb/hq", "/cb/vm")), "NOT_THE_REDIRECT"),
        (pasted(redirect.clone()), "NO_ANSWER"),
        (pasted(format!("{redirect}#access_token=canary&state=canary")), "NO_ANSWER"),
        (pasted(right.replace(&state, &"A".repeat(43))), "NO_ANSWER"),
        (pasted(format!("{right}&access_token=canary")), "NO_ANSWER"),
        (pasted(format!("{right}&x={}", "y".repeat(64 * 1024))), "NO_ANSWER"),
        (pasted(format!("{right}&x={}", "y".repeat(1024 * 1024))), "OutOfRange"),
    ] {
        assert_eq!(bring(&estate, &wrong).await, Err(reason.to_owned()), "{wrong:?}");
        assert_eq!(estate.status_of("hq").await["attempt"], opened.attempt);
    }

    assert_eq!(bring(&estate, &request).await, Ok(()));
    let held = estate.get_token("hq", Interaction::IfNeeded).await.unwrap();
    assert_eq!(held.access_token, token);
    assert_eq!(bring(&estate, &request).await, Err("LOGIN_NOT_PENDING".into()), "a replay");
    let log = estate.daemon.output();
    assert!(log.contains("TRACE") || log.contains("DEBUG"), "the log says all: {log}");
    let ticket = opened.url.rsplit('/').next().unwrap();
    for (name, secret) in
        [("token", &*token), ("ticket", ticket), ("state", &state), ("address", "canary")]
    {
        assert!(!log.contains(secret), "the {name} is in the log");
    }
}

#[tokio::test]
async fn a_missing_state_is_refused_where_the_cluster_was_seen_to_return_it() {
    let estate = estate().await;
    estate.lab.behaviour().echo_state = true;
    estate.logged_in("hq").await;
    estate.lab.behaviour().echo_state = false;
    let opened = opened(&estate, "hq", true).await;
    let page = opened.authorize_url.parse().unwrap();
    let address = estate.walk("alice").until_redirect(&page).await.unwrap().url.to_string();
    let Opened { attempt, url: start_url, .. } = opened;

    let request = CompleteLoginRequest { cluster: "hq".into(), attempt, start_url, address };

    assert_eq!(bring(&estate, &request).await, Err("NO_ANSWER".into()));
}

#[tokio::test]
async fn a_redirect_comes_once_by_hand_or_by_browser() {
    let estate = estate().await;
    let by_hand = opened(&estate, "hq", true).await;
    let page = by_hand.authorize_url.parse().unwrap();
    let address = estate.walk("alice").until_redirect(&page).await.unwrap().url.to_string();
    let Opened { attempt, url: start_url, .. } = by_hand;
    let request = CompleteLoginRequest {
        cluster: "hq".into(),
        attempt,
        start_url: start_url.clone(),
        address,
    };

    let walked = landed(&estate, &start_url).await;

    assert!(walked.ok, "{walked:?}");
    assert_eq!(bring(&estate, &request).await, Err("LOGIN_NOT_PENDING".into()));
    assert_ne!(estate.token("hq").await, request.address.split(['=', '&']).nth(1).unwrap());
}

#[tokio::test]
async fn a_caller_that_wants_a_browser_is_not_told_the_page_of_the_cluster() {
    let estate = crate::rig::estate_with_browser(&["true", "{url}"]).await;

    let opened = opened(&estate, "hq", false).await;

    assert!(opened.browser_opened);
    assert_eq!(opened.authorize_url, "");
}
