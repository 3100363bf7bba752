//! What `ucsso::client` makes of a daemon that answers, refuses, restarts and is not there.

use std::{
    collections::VecDeque,
    future::ready,
    sync::{Arc, Mutex},
    time::Duration,
};

use http::{Request, Response, header::AUTHORIZATION};
use tower::{Layer as _, Service as _, service_fn};
use ucsso::{
    client::{
        Bearer, CallError, Client, ConnectError, Connector, Error, Interaction, Options, Reason,
        Token, Verdict,
    },
    domain::{self, Policy},
};

use crate::{api::Served, login::Answer, rig::HOUR};

async fn client(served: &Served) -> Client {
    Connector::at(&served.socket).unwrap().connect().await.unwrap()
}

fn never() -> Options {
    Options::default().interaction(Interaction::Never)
}

/// A handle that has heard of the token there is.
async fn token(client: &Client) -> Token {
    let token = client.token("hq", never());
    assert!(token.changed(None).await.is_some());
    token
}

#[tokio::test]
async fn a_program_gets_a_token_and_what_is_known_of_it() {
    let served = Served::start(Policy::default()).await.with_token().await;

    let token = client(&served).await.get("hq", &Options::default()).await.unwrap();

    assert_eq!((token.user(), token.generation()), ("alice", 1));
    assert_eq!(*token.header(), format!("Bearer {}", token.secret()));
    assert!(token.remaining() <= HOUR && token.remaining() + Duration::from_mins(1) > HOUR);
    assert!(!format!("{token:?}").contains(token.secret()), "{token:?}");
}

#[tokio::test]
async fn a_refusal_has_its_reason_its_sentence_and_what_mends_it() {
    let served = Served::start(Policy::default()).await;
    let client = client(&served).await;

    let cold = client.get("hq", &never()).await.unwrap_err();
    let unknown = client.get("elsewhere", &never()).await.unwrap_err();
    let short = Options::default().deadline(Duration::from_millis(50));
    let late = client.get("hq", &short).await.unwrap_err();

    assert_eq!(cold.reason(), Some(Reason::LoginRequired));
    assert_eq!(cold.to_string(), "nobody has logged in to `hq` yet");
    assert_eq!(cold.advice(), "run `ucssoctl login hq`");
    assert_eq!(unknown.reason(), Some(Reason::ClusterUnknown));
    assert!(late.reason() == Some(Reason::LoginInProgress) || matches!(late, Error::Late(_)));
    assert!(![cold, unknown, late].iter().any(Error::passes));
}

#[tokio::test]
async fn a_daemon_that_is_not_there_is_told_from_one_that_is_not_ours() {
    let folder = tempfile::tempdir().unwrap();
    let nobody = Connector::at(folder.path().join("s")).unwrap();

    let absent = nobody.connect().await.unwrap_err();

    assert!(absent.passes() && absent.advice().contains("systemctl"), "{absent}");
    let path = folder.path().into();
    let foreign = Error::from(ConnectError::OtherUser { path, uid: 1234 });
    assert!(!foreign.passes());
    assert!(foreign.advice().contains("allow_server(1234)"), "{}", foreign.advice());
}

#[tokio::test]
async fn a_watch_tells_each_token_and_outlives_the_daemon() {
    let served = Served::start(Policy::default()).await;
    let mut watch = client(&served).await.watch("hq");
    assert!(watch.next().await.unwrap().token.is_none());
    let served = served.with_token().await;
    let first = loop {
        if let Some(token) = watch.next().await.unwrap().token {
            break token;
        }
    };
    assert_eq!(first.generation(), 1);

    let served = served.restart(Policy::default()).await;

    assert!(watch.next().await.unwrap().token.is_none(), "that of a daemon that knows none");
    let served = served.with_token().await;
    let under_way = watch.next().await.unwrap();
    assert!(under_way.login_under_way || under_way.token.is_some());
    drop(served);
}

#[tokio::test]
async fn a_watch_of_a_cluster_that_nobody_configured_ends_in_its_reason() {
    let served = Served::start(Policy::default()).await;

    let refused = client(&served).await.watch("elsewhere").next().await.unwrap_err();

    assert_eq!(refused.reason(), Some(Reason::ClusterUnknown));
}

#[tokio::test]
async fn a_call_after_a_restart_finds_the_new_daemon() {
    let served = Served::start(Policy::default()).await.with_token().await;
    let client = client(&served).await;
    client.get("hq", &never()).await.unwrap();

    let served = served.restart(Policy::default()).await.with_token().await;

    assert!(client.get("hq", &never()).await.is_ok());
    drop(served);
}

#[tokio::test]
async fn a_handle_has_its_token_at_hand_also_while_there_is_no_daemon() {
    let mut served = Served::start(Policy::default()).await.with_token().await;
    let token = token(&client(&served).await).await;
    let current = token.current().await.unwrap();

    served.stop().await;

    assert_eq!(token.current().await.unwrap().secret(), current.secret());
}

#[tokio::test]
async fn a_handle_gives_no_token_again_that_the_cluster_refused() {
    let served = Served::start(Policy::default()).await.with_token().await;
    let token = token(&client(&served).await).await;
    let current = token.current().await.unwrap();

    assert_eq!(token.report_rejected(&current).await.unwrap(), Verdict::StillValid);
    assert_eq!(token.current().await.unwrap().secret(), current.secret());
    served.rig.login.say(domain::Verdict::Rejected);
    served.rig.clock.advance(Duration::from_mins(5));
    assert_eq!(token.report_rejected(&current).await.unwrap(), Verdict::Rejected);

    let gone = token.current().await.unwrap_err();
    assert_eq!(gone.reason(), Some(Reason::LoginInProgress), "as somebody uses it");
}

/// The headers that a cluster was sent.
type Sent = Arc<Mutex<Vec<String>>>;

#[tokio::test]
async fn a_request_is_sent_again_with_the_next_token_after_a_401_that_means_it() {
    for (verdict, codes, answer, sent) in [
        (domain::Verdict::StillValid, vec![401], 401, 1),
        (domain::Verdict::Unknown, vec![401], 401, 1),
        (domain::Verdict::StillValid, vec![403], 403, 1),
        (domain::Verdict::Rejected, vec![401, 200], 200, 2),
        (domain::Verdict::Rejected, vec![401, 401], 401, 2),
    ] {
        let served = Served::start(Policy::default()).await.with_token().await;
        served.rig.login.say(verdict);
        served.rig.login.answer(Answer::Token(HOUR));
        // A token that was just obtained is not replaced at once.
        served.rig.clock.advance(Duration::from_mins(5));
        let token = client(&served).await.token("hq", Options::default());
        let (noted, codes) = (Sent::default(), Arc::new(Mutex::new(VecDeque::from(codes))));
        let note = Arc::clone(&noted);
        let cluster = service_fn(move |request: Request<()>| {
            let header = &request.headers()[AUTHORIZATION];
            assert!(header.is_sensitive());
            note.lock().unwrap().push(header.to_str().unwrap().to_owned());
            let code = codes.lock().unwrap().pop_front().unwrap();
            ready(Ok::<_, std::io::Error>(Response::builder().status(code).body(()).unwrap()))
        });
        let mut authorized = Bearer::new(token, ["cucm-pub"]).layer(cluster);

        let request = Request::get("https://cucm-pub:8443/cucm-uds/user/alice").body(()).unwrap();
        let answered = authorized.call(request).await.unwrap();

        let noted = noted.lock().unwrap();
        assert_eq!((answered.status().as_u16(), noted.len()), (answer, sent), "{verdict:?}");
        assert!(noted.iter().all(|header| header.starts_with("Bearer ")));
        assert!(sent == 1 || noted[0] != noted[1], "the same token twice");
    }
}

#[tokio::test]
async fn a_request_whose_token_is_gone_ends_in_why_there_is_no_other() {
    let served = Served::start(Policy::default()).await.with_token().await;
    served.rig.login.say(domain::Verdict::Rejected);
    let token = client(&served).await.token("hq", never());
    let refusing = service_fn(|_: Request<()>| {
        ready(Ok::<_, std::io::Error>(Response::builder().status(401).body(()).unwrap()))
    });
    let mut authorized = Bearer::new(token, ["cucm-pub"]).layer(refusing);

    let request = Request::get("https://cucm-pub:8443/cucm-uds/user/alice").body(()).unwrap();
    let refused = authorized.call(request).await.unwrap_err();

    let CallError::NoToken(error) = refused else { panic!("{refused}") };
    assert!(error.reason().is_some(), "{error}");
}

#[tokio::test]
async fn no_token_is_sent_to_a_host_that_was_not_named_or_without_tls() {
    let served = Served::start(Policy::default()).await.with_token().await;
    let token = client(&served).await.token("hq", never());
    let anybody = service_fn(|_: Request<()>| ready(Ok::<_, std::io::Error>(Response::new(()))));
    let mut authorized = Bearer::new(token, ["cucm-pub"]).layer(anybody);

    for url in ["https://elsewhere/", "https://cucm-pub.evil/", "http://cucm-pub/", "/path"] {
        let refused = authorized.call(Request::get(url).body(()).unwrap()).await.unwrap_err();

        assert!(matches!(refused, CallError::NotTheCluster), "{url}: {refused}");
    }
}
