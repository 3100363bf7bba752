//! Whole logins: fake nodes, the real listener, and a walk through its pages.

mod by_hand;
mod onward;
mod owner;

use std::{
    net::SocketAddr,
    sync::{Mutex, atomic::Ordering},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::mpsc,
};

use super::{
    testing::{FakeNode, JumpingClock, LIMITS, Reply, Told, WALL_CLOCK_AHEAD, cluster},
    *,
};
use crate::{
    config::StateParam,
    domain::{Cause, Generation},
};

const ALICE: &str = "<user><userName>alice</userName></user>";

/// A node with single sign-on, its own authorization page, and one user with one token.
async fn unified_cm() -> FakeNode {
    let own_name = Arc::new(Mutex::new(String::new()));
    let name = Arc::clone(&own_name);
    let node = FakeNode::start(move |request| {
        if request.starts_with("GET /ssosp/ws/public/singleSignOn ") {
            let name = name.lock().unwrap();
            let uri = format!("https://{name}/ssosp/oauth/authorize");
            Reply::http(200, "", &format!("<S><Status enabled='true'/><Uri>{uri}</Uri></S>"))
        } else if request.contains("authorization: Bearer canary-alice\r\n") {
            Reply::http(200, "", ALICE)
        } else if request.contains("authorization: Bearer canary-bob\r\n") {
            Reply::http(401, "", "")
        } else {
            Reply::http(401, "WWW-Authenticate: Basic realm=x\r\n", "")
        }
    })
    .await;
    *own_name.lock().unwrap() = node.name();
    node
}

fn login_with(node: &FakeNode, change: impl Fn(&mut ClusterConfig)) -> CiscoLogin<JumpingClock> {
    let mut config = cluster(vec![node.node()]);
    change(&mut config);
    let opener = Opener::new(Some(vec!["/nonexistent/browser".into(), "{url}".into()]));
    let clock = JumpingClock::default();
    CiscoLogin::with_limits(Arc::new(config), clock, Listeners::default(), opener, LIMITS).unwrap()
}

fn login(node: &FakeNode) -> CiscoLogin<JumpingClock> {
    login_with(node, |_| {})
}

/// One login, whose human brings back `fragment`; `{state}` in it is what was sent. Gives what
/// the login came to and what the landing page was told.
async fn log_in(
    login: &CiscoLogin<JumpingClock>,
    fragment: &str,
) -> (Result<Grant, Failure>, String) {
    let (sender, mut opened) = mpsc::unbounded_channel();
    let logging_in = login.log_in(
        AttemptId(1),
        Manner::ShowUrl,
        None,
        Told(|opened| sender.send(opened).unwrap()),
    );
    let human = async {
        let Opened { start_url, browser_opened, .. } = opened.recv().await.unwrap();
        assert!(!browser_opened);
        walk(&start_url.parse().unwrap(), fragment).await
    };
    tokio::join!(async { without_tab(logging_in.await) }, human)
}

/// Sends the landing page to its end: nobody else wants its tab.
fn without_tab(outcome: Result<LoggedIn, Failure>) -> Result<Grant, Failure> {
    outcome.map(|logged_in| logged_in.grant)
}

/// What the scripts of the start page and the landing page do in a browser.
async fn walk(start: &Url, fragment: &str) -> String {
    let page = begin(start).await;
    land(start, &page, fragment).await
}

/// Fetches the start page.
async fn begin(start: &Url) -> String {
    let addr = start.socket_addrs(|| None).unwrap()[0];
    exchange(addr, &format!("GET {} HTTP/1.1\r\nHost: {addr}\r\n\r\n", start.path())).await
}

/// What the script of the landing page does after this start page.
async fn land(start: &Url, page: &str, fragment: &str) -> String {
    let addr = start.socket_addrs(|| None).unwrap()[0];
    let target: Url = attribute(page, "next").replace("&amp;", "&").parse().unwrap();
    let sent = target.query_pairs().find(|(key, _)| key == "state").map(|(_, value)| value);
    let fragment = fragment.replace("{state}", &sent.unwrap_or_default());
    let nonce = attribute(page, "nonce");
    let body = format!(r#"{{"nonce":"{nonce}","query":"","fragment":"{fragment}"}}"#);
    exchange(
        addr,
        &format!(
            "POST /cb/hq HTTP/1.1\r\nHost: {addr}\r\nOrigin: http://{addr}\r\n\
             Sec-Fetch-Site: same-origin\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        ),
    )
    .await
}

async fn exchange(addr: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

fn attribute(page: &str, name: &str) -> String {
    let (_, rest) = page.split_once(&format!(" data-{name}=\"")).unwrap();
    rest.split_once('"').unwrap().0.to_owned()
}

const GOOD: &str = "access_token=canary-alice&token_type=Bearer&expires_in=3600";

#[tokio::test]
async fn a_login_gives_a_token_that_its_cluster_has_confirmed() {
    let node = unified_cm().await;
    let login = login(&node);

    let (outcome, landing) = log_in(&login, GOOD).await;

    let grant = outcome.unwrap();
    assert_eq!(grant.secret.expose(), "canary-alice");
    assert_eq!((grant.user.as_str(), grant.node.as_str()), ("alice", node.name().as_str()));
    assert_eq!(grant.expires_at.since(grant.obtained_at).as_secs(), 3600);
    let until = grant.expires_at.plus(WALL_CLOCK_AHEAD).as_millis();
    assert!(landing.contains(&format!("\"until\":{until}")), "{landing}");
    assert!(landing.contains("alice") && !landing.contains("canary"), "{landing}");
    let token = Token { generation: Generation(1), grant };
    assert_eq!(login.verify(&token).await, Verdict::StillValid);
}

#[tokio::test]
async fn the_token_of_somebody_else_is_refused_and_the_human_is_told() {
    let node = unified_cm().await;

    let (outcome, landing) =
        log_in(&login(&node), "access_token=canary-bob&token_type=Bearer&expires_in=60").await;

    let failure = outcome.unwrap_err();
    assert_eq!(failure.cause, Cause::WrongUser);
    assert!(landing.contains("somebody else than alice"), "{landing}");
}

#[tokio::test]
async fn a_login_may_end_without_a_token() {
    let node = unified_cm().await;
    for (fragment, cause) in [
        ("error=access_denied&error_description=canary-x", Cause::IdpError),
        ("access_token=canary-unknown&expires_in=60", Cause::TokenUnusable),
        ("access_token=canary-alice&expires_in=0", Cause::TokenUnusable),
        ("access_token=canary-alice&expires_in=soon", Cause::UnexpectedAnswer),
        ("access_token=canary-alice&state=wrong", Cause::UnexpectedAnswer),
        ("error=access_denied&state=wrong", Cause::UnexpectedAnswer),
        ("code=canary-code", Cause::UnexpectedAnswer),
    ] {
        let (outcome, landing) = log_in(&login(&node), fragment).await;

        let failure = outcome.unwrap_err();
        assert_eq!(failure.cause, cause, "{fragment}");
        assert!(!format!("{failure:?}{landing}").contains("canary"), "{failure:?}");
    }
}

#[tokio::test]
async fn a_cluster_that_returned_the_state_once_has_to_return_it_again() {
    let node = unified_cm().await;
    let login = login(&node);

    assert!(log_in(&login, GOOD).await.0.is_ok());
    assert!(log_in(&login, &format!("{GOOD}&state={{state}}")).await.0.is_ok());
    let (without, _) = log_in(&login, GOOD).await;

    assert_eq!(
        without.unwrap_err().sentence,
        "the redirect is not accepted: its `state` is missing"
    );
}

#[tokio::test]
async fn no_state_is_sent_where_the_configuration_says_so() {
    let node = unified_cm().await;
    let login = login_with(&node, |config| config.state = StateParam::Off);

    let (outcome, _) = log_in(&login, &format!("{GOOD}&state={{state}}")).await;

    assert!(outcome.is_ok());
}

#[tokio::test]
async fn a_browser_that_does_not_open_fails_the_attempt() {
    let node = unified_cm().await;
    let login = login(&node);

    let outcome =
        login.log_in(AttemptId(1), Manner::OpenBrowser, None, Told(|_| panic!("not opened"))).await;

    let failure = outcome.unwrap_err();
    assert_eq!(failure.cause, Cause::BrowserUnavailable);
    assert_eq!(failure.advice, "`ucssoctl login --no-browser hq`");
}

/// A browser that is its own opener runs for as long as its window is open.
#[tokio::test]
async fn the_lifetime_counts_from_the_redirect_while_the_opener_still_runs() {
    let node = unified_cm().await;
    let folder = tempfile::tempdir().unwrap();
    let (url, closed) = (folder.path().join("url"), folder.path().join("closed"));
    for pipe in [&url, &closed] {
        rustix::fs::mkfifoat(rustix::fs::CWD, pipe, rustix::fs::Mode::RWXU).unwrap();
    }
    let script = format!("echo \"$0\" > '{}'; cat '{}'", url.display(), closed.display());
    let mut login = login(&node);
    login.opener = Opener::new(Some(["sh", "-c", &script, "{url}"].map(Into::into).to_vec()));

    let logging_in = login.log_in(AttemptId(1), Manner::OpenBrowser, None, Told(|_| ()));
    let human = async {
        let start_url = tokio::fs::read_to_string(&url).await.unwrap();
        let page = start_url.trim().parse().unwrap();
        let mut walk = std::pin::pin!(walk(&page, GOOD));
        if tokio::time::timeout(Duration::from_secs(2), walk.as_mut()).await.is_err() {
            // Nobody has looked at the redirect yet, and time passes.
            login.clock.sleep_until(Timestamp::from_millis(2000)).await;
            walk.await;
        }
    };
    let (outcome, ()) = tokio::join!(logging_in, human);
    tokio::fs::write(&closed, "").await.unwrap();

    assert_eq!(outcome.unwrap().grant.obtained_at, Timestamp::default());
}

#[tokio::test]
async fn a_taken_port_fails_the_attempt_and_not_the_next_one() {
    let squatter = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let taken = squatter.local_addr().unwrap().port();
    let node = unified_cm().await;
    let login = login_with(&node, |config| config.redirect.origin.port = taken);

    let failed =
        login.log_in(AttemptId(1), Manner::ShowUrl, None, Told(|_| panic!("not opened"))).await;
    drop(squatter);
    let (outcome, _) = log_in(&login, GOOD).await;

    assert_eq!(failed.unwrap_err().cause, Cause::RedirectPortTaken);
    assert!(outcome.is_ok());
}

#[tokio::test]
async fn a_login_that_is_given_up_makes_room_for_the_next() {
    let node = unified_cm().await;
    let login = login(&node);
    let opened = std::sync::atomic::AtomicBool::new(false);

    {
        let mut first = std::pin::pin!(login.log_in(
            AttemptId(1),
            Manner::ShowUrl,
            None,
            Told(|_| {
                opened.store(true, Ordering::SeqCst);
            })
        ));
        let until_opened = std::future::poll_fn(|context| {
            assert!(first.as_mut().poll(context).is_pending());
            if opened.load(Ordering::SeqCst) {
                std::task::Poll::Ready(())
            } else {
                std::task::Poll::Pending
            }
        });
        until_opened.await;
    }
    let (outcome, _) = log_in(&login, GOOD).await;

    assert!(outcome.is_ok());
}

#[tokio::test]
async fn the_log_of_a_login_has_no_secret_in_it() {
    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);
    impl std::io::Write for Log {
        fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(line);
            Ok(line.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    // With one subscriber alone, a test on another thread could switch its events off for us.
    let _second = tracing::Dispatch::new(tracing_subscriber::registry());
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let node = unified_cm().await;
    let login = login(&node);

    log_in(&login, GOOD).await.0.unwrap();
    log_in(&login, "access_token=canary-bob&expires_in=60").await.0.unwrap_err();

    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("login begins"), "{log}");
    for secret in ["canary", "access_token", "state=", "nonce"] {
        assert!(!log.contains(secret), "{secret} in {log}");
    }
}

#[test]
fn a_cluster_whose_authorities_cannot_be_read_is_not_begun() {
    let mut config = cluster(vec![]);
    config.ca_file = Some("/nonexistent/ca.pem".into());

    let error = CiscoLogin::new(
        Arc::new(config),
        JumpingClock::default(),
        Listeners::default(),
        Opener::new(None),
    );

    assert!(matches!(error, Err(Error::CaFile { .. })));
}
