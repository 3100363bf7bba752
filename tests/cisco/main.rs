//! The Cisco room against the lab: a whole estate with its identity provider, and a scripted
//! browser for the human. What single nodes may do wrong is tested beside the code.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{fmt::Debug, path::Path, sync::Arc};

use tokio::sync::mpsc;
use ucsso::{
    broker::ports::{Clock, Login, Opened, Progress},
    browser::Opener,
    cisco::{CiscoLogin, Listeners},
    config::{ClusterConfig, Config, SpkiPin},
    domain::{AttemptId, Cause, Failure, Generation, Grant, Manner, Timestamp, Token, Verdict},
    lab::{
        Lab, LabConfig,
        faults::{RedirectShape, StatusXml, TokenFormat},
        walk::{Walk, Walked},
    },
    loopback::{Host, Origin, Scheme},
};

/// A clock that stands still, and wakes nobody: nothing here is to be waited for.
#[derive(Clone)]
struct StillClock;

/// A login's progress: windows may always be opened, and this is told what is.
struct Told<F>(F);

impl<F: Fn(Opened) + Send + Sync> Progress for Told<F> {
    fn may_open(&self) -> bool {
        true
    }

    fn opened(&self, opened: Opened) {
        (self.0)(opened);
    }
}

impl Clock for StillClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_800_000_000_000)
    }

    fn wall_time(&self, at: Timestamp) -> Timestamp {
        at
    }

    async fn sleep_until(&self, _: Timestamp) {
        std::future::pending::<()>().await;
    }
}

/// The lab, and a broker's view of one of its clusters.
struct Rig {
    lab: Lab,
    login: CiscoLogin<StillClock>,
}

impl Rig {
    async fn of(cluster: &str, change: impl Fn(&Lab, &mut ClusterConfig)) -> Self {
        let lab = Lab::start(LabConfig::default()).await.unwrap();
        let listeners = Listeners::default();
        let any_port = Origin { scheme: Scheme::Http, host: Host::V4, port: 0 };
        let port = listeners.at(any_port).await.unwrap().origin().port;

        let folder = tempfile::tempdir().unwrap();
        let ca_file = folder.path().join("ca.pem");
        std::fs::write(&ca_file, lab.ca_pem()).unwrap();
        let config = Config::parse(&lab.ucsso_toml(port, &ca_file), Path::new("lab.toml")).unwrap();
        let mut config = config.clusters[&cluster.parse().unwrap()].clone();
        lab.allow_redirect(cluster, &config.redirect.uri);
        config.redirect.origin = any_port;
        change(&lab, &mut config);

        let opener = Opener::new(None);
        let login = CiscoLogin::new(Arc::new(config), StillClock, listeners, opener).unwrap();
        Self { lab, login }
    }

    async fn hq() -> Self {
        Self::of("hq", |_, _| {}).await
    }

    /// One login by this human: what it came to, and what the landing page said.
    async fn log_in(&self, user: &str) -> (Result<Grant, Failure>, Walked) {
        let (sender, mut opened) = mpsc::unbounded_channel();
        let logging_in = self.login.log_in(
            AttemptId(1),
            Manner::ShowUrl,
            None,
            Told(|opened| sender.send(opened).unwrap()),
        );
        let human = async {
            let Opened { start_url, .. } = opened.recv().await.unwrap();
            let mut browser = Walk::new(self.lab.ca_pem(), user, &format!("{user}pw")).unwrap();
            browser.login(&start_url.parse().unwrap()).await.unwrap()
        };
        let (outcome, walked) = tokio::join!(logging_in, human);
        (outcome.map(|logged_in| logged_in.grant), walked)
    }

    /// A login that fails before there is anything for a human to do.
    async fn fail_at_once(&self) -> Failure {
        let never = Told(|opened: Opened| panic!("{opened:?}"));
        self.login.log_in(AttemptId(1), Manner::ShowUrl, None, never).await.unwrap_err()
    }

    /// The lab's name of the node that confirmed a token, which is the one that issued it.
    fn issuer_of(&self, token: &Token) -> &'static str {
        let issued = |name: &&str| self.node(name) == token.grant.node;
        ["cucm-pub", "cucm-sub"].into_iter().find(issued).unwrap()
    }

    fn node(&self, name: &str) -> String {
        let (host, port) = self.lab.node(name);
        format!("{host}:{port}")
    }
}

fn token(grant: Grant) -> Token {
    Token { generation: Generation(1), grant }
}

#[track_caller]
fn assert_shown(shown: &impl Debug, word: &str) {
    let shown = format!("{shown:?}");
    assert!(shown.contains(word), "{shown}");
}

#[tokio::test]
async fn a_login_gives_a_token_that_its_cluster_takes_until_it_is_revoked() {
    let rig = Rig::hq().await;

    let (outcome, landing) = rig.log_in("alice").await;

    let grant = outcome.unwrap();
    assert_eq!(grant.user, "alice");
    assert_eq!(grant.expires_at.since(grant.obtained_at).as_secs(), 3600);
    assert!(landing.ok, "{landing:?}");
    let token = token(grant);
    assert_eq!(rig.login.verify(&token).await, Verdict::StillValid);
    rig.lab.revoke_tokens(rig.issuer_of(&token));
    assert_eq!(rig.login.verify(&token).await, Verdict::Rejected);
}

#[tokio::test]
async fn unity_connection_has_logins_and_tokens_of_its_own() {
    let rig = Rig::of("vm", |_, _| {}).await;

    let (outcome, _) = rig.log_in("alice").await;

    let grant = outcome.unwrap();
    assert_eq!(grant.node, rig.node("cuc"));
    let token = token(grant);
    assert_eq!(rig.login.verify(&token).await, Verdict::StillValid);
    rig.lab.revoke_tokens("cuc");
    assert_eq!(rig.login.verify(&token).await, Verdict::Rejected);
}

#[tokio::test]
async fn somebody_else_at_the_identity_provider_is_somebody_else() {
    let rig = Rig::hq().await;

    let (outcome, landing) = rig.log_in("bob").await;

    assert_eq!(outcome.unwrap_err().cause, Cause::WrongUser);
    assert!(!landing.ok);
    assert_shown(&landing.lines, "somebody else than alice");
}

#[tokio::test]
async fn somebody_else_is_named_where_the_cluster_does_so() {
    let rig = Rig::hq().await;
    rig.lab.behaviour().whoami = true;

    let (outcome, landing) = rig.log_in("bob").await;

    assert_eq!(outcome.unwrap_err().sentence, "the browser is logged in as bob, not as alice");
    assert_shown(&landing.lines, "bob");
}

#[tokio::test]
async fn every_shape_of_the_status_document_leads_to_a_login() {
    let rig = Rig::hq().await;
    for shape in [StatusXml::Namespaced, StatusXml::Spaced, StatusXml::Bom, StatusXml::Reordered] {
        rig.lab.behaviour().status_xml = shape;

        assert_shown(&rig.log_in("alice").await.0, "Ok(");
    }
}

#[tokio::test]
async fn a_status_document_that_is_of_no_use_says_so() {
    let rig = Rig::hq().await;
    for (shape, cause, word) in [
        (StatusXml::DisabledEmptyUri, Cause::SsoDisabled, "switched off"),
        (StatusXml::Dtd, Cause::UnexpectedAnswer, "no cluster has a use for"),
        (StatusXml::Huge, Cause::UnexpectedAnswer, "64 KiB"),
        (StatusXml::Truncated, Cause::UnexpectedAnswer, "cut short"),
        (StatusXml::Html, Cause::UnexpectedAnswer, "web page"),
        (StatusXml::NotFound, Cause::UnexpectedAnswer, "HTTP 404"),
        (StatusXml::ServerError, Cause::NodeUnreachable, "HTTP 500"),
        (StatusXml::Unavailable, Cause::NodeUnreachable, "HTTP 503"),
        (StatusXml::ForeignUri, Cause::UnexpectedAnswer, "not a node of this cluster"),
        (StatusXml::HttpUri, Cause::UnexpectedAnswer, "https://"),
    ] {
        rig.lab.behaviour().status_xml = shape;

        let failure = rig.fail_at_once().await;

        assert_eq!(failure.cause, cause, "{failure:?}");
        assert_shown(&failure.sentence, word);
    }
}

#[tokio::test]
async fn redirects_and_tokens_of_every_shape_are_read() {
    let rig = Rig::hq().await;
    let extra = vec![("session_state".into(), "a b&c".into())];
    rig.lab.behaviour().redirect =
        RedirectShape { reversed: true, encoded: true, extra, ..RedirectShape::default() };
    assert_shown(&rig.log_in("alice").await.0, "Ok(");

    rig.lab.behaviour().token_format = TokenFormat::Jwt;
    rig.lab.behaviour().echo_state = true;
    let (outcome, _) = rig.log_in("alice").await;

    assert!(outcome.unwrap().secret.expose().len() > 1000);
}

#[tokio::test]
async fn a_node_that_is_not_trusted_says_what_would_be_pinned() {
    let rig = Rig::of("hq", |_, config| config.ca_file = None).await;

    let failure = rig.fail_at_once().await;

    assert_eq!(failure.cause, Cause::CertificateUntrusted);
    assert_shown(&failure.advice, "[clusters.hq.pins]");
}

#[tokio::test]
async fn pins_are_enough_to_log_in() {
    let rig = Rig::of("hq", |lab, config| {
        config.ca_file = None;
        for (node, name) in config.nodes.iter_mut().zip(["cucm-pub", "cucm-sub"]) {
            node.pins = vec![SpkiPin(lab.node_spki_sha256(name))];
        }
    })
    .await;

    assert_shown(&rig.log_in("alice").await.0, "Ok(");
}

#[tokio::test]
async fn a_token_is_not_rejected_while_the_node_that_issued_it_is_down() {
    let rig = Rig::hq().await;
    let token = token(rig.log_in("alice").await.0.unwrap());
    let issuer = rig.issuer_of(&token);

    rig.lab.behaviour().down.insert(issuer.into());

    assert_eq!(rig.login.verify(&token).await, Verdict::Unknown);
    rig.lab.behaviour().down.clear();
    assert_eq!(rig.login.verify(&token).await, Verdict::StillValid);
}

#[tokio::test]
async fn a_user_outside_the_group_is_told_which_one() {
    let rig = Rig::hq().await;
    rig.lab.behaviour().outside_group.insert("alice".into());

    let failure = rig.log_in("alice").await.0.unwrap_err();

    assert_eq!(failure.cause, Cause::TokenUnusable);
    assert_shown(&failure.advice, "Standard CCM End Users");
}
