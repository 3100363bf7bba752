//! Each failure as programs and humans read it.

use super::*;
use crate::{
    cisco::{
        fault::Fault,
        testing::cluster,
        trust::{Distrust, DistrustReason},
    },
    config::{Product, SpkiPin},
    identity::Flaw,
};

fn failure(error: &Error) -> Failure {
    error.failure(&cluster(vec![]), Timestamp::from_millis(7))
}

fn miss(fault: Fault) -> Error {
    let mut misses = Misses::default();
    misses.push("cucm-pub.example.com:8443", fault);
    Error::Nodes(misses)
}

fn every_error() -> Vec<Error> {
    let node = || "cucm-pub:8443".to_owned();
    let addr = "127.0.0.1:27443".parse().unwrap();
    let io = || std::io::Error::other("x");
    let mut errors = vec![
        Error::CaFile { path: "/etc/ca.pem".into(), source: CaFileFlaw::Empty },
        Error::SsoDisabled { node: node() },
        browser::Error::PortTaken { addr, uid: None }.into(),
        browser::Error::NotOurs { addr, uid: Some(1001) }.into(),
        browser::Error::NotOurs { addr, uid: None }.into(),
        browser::Error::Certificate { source: Flaw::Expired }.into(),
        browser::Error::Bind { addr, source: io() }.into(),
        browser::Error::AlreadyExpected { path: "/cb/hq".into() }.into(),
        browser::Error::OpenerMissing { command: "xdg-open".into() }.into(),
        browser::Error::NoDisplay.into(),
        RedirectFlaw::WrongState.into(),
        RedirectFlaw::NoState.into(),
        RedirectFlaw::Empty.into(),
        LifetimeFlaw::Zero.into(),
        LifetimeFlaw::NotSeconds.into(),
        Error::NotAccepted { node: node() },
        Error::NotPermitted { node: node() },
        Error::WrongUser { node: node(), expected: "alice".into(), actual: Some("bob".into()) },
        Error::WrongUser { node: node(), expected: "alice".into(), actual: None },
        Error::OtherThanFirst { node: node(), first: "Alice".into(), actual: "ALICE".into() },
        Error::ExpiredUnconfirmed { misses: Misses::default() },
    ];
    errors.extend(
        [
            Denial::InvalidRequest,
            Denial::UnauthorizedClient,
            Denial::AccessDenied,
            Denial::UnsupportedResponseType,
            Denial::InvalidScope,
            Denial::ServerError,
            Denial::TemporarilyUnavailable,
            Denial::Other(Some("login_required".into())),
            Denial::Other(None),
        ]
        .map(Error::Denied),
    );
    errors.extend([Fault::Refused, Fault::Handshake, Fault::WebPage, Fault::Status(404)].map(miss));
    errors
}

#[test]
fn every_error_reads_as_a_lower_case_fragment_without_a_full_stop() {
    for error in every_error() {
        let Failure { sentence, .. } = failure(&error);

        assert!(!sentence.starts_with(char::is_uppercase), "{sentence}");
        assert!(!sentence.ends_with('.') && !sentence.is_empty(), "{sentence}");
        assert!(!sentence.contains('\n'), "{sentence}");
    }
}

#[test]
fn each_error_has_its_cause() {
    let cause = |error: Error| failure(&error).cause;
    let addr = "127.0.0.1:27443".parse().unwrap();

    assert_eq!(cause(miss(Fault::TimedOut)), Cause::NodeUnreachable);
    assert_eq!(cause(miss(Fault::WebPage)), Cause::UnexpectedAnswer);
    assert_eq!(cause(Error::SsoDisabled { node: String::new() }), Cause::SsoDisabled);
    for uid in [None, Some(1001)] {
        let taken = browser::Error::PortTaken { addr, uid };
        let not_ours = browser::Error::NotOurs { addr, uid };
        assert_eq!(cause(taken.into()), Cause::RedirectPortTaken);
        assert_eq!(cause(not_ours.into()), Cause::RedirectPortTaken);
    }
    assert_eq!(cause(browser::Error::NoDisplay.into()), Cause::BrowserUnavailable);
    assert_eq!(cause(RedirectFlaw::Empty.into()), Cause::UnexpectedAnswer);
    assert_eq!(cause(Error::Denied(Denial::AccessDenied)), Cause::IdpError);
    assert_eq!(cause(LifetimeFlaw::Zero.into()), Cause::TokenUnusable);
    assert_eq!(cause(LifetimeFlaw::NotSeconds.into()), Cause::UnexpectedAnswer);
    assert_eq!(cause(Error::NotPermitted { node: String::new() }), Cause::TokenUnusable);
    assert_eq!(
        cause(Error::ExpiredUnconfirmed { misses: Misses::default() }),
        Cause::NodeUnreachable
    );
}

#[test]
fn an_untrusted_certificate_comes_with_the_lines_that_pin_it() {
    let distrust = Distrust { reason: DistrustReason::SelfSigned, pin: Some(SpkiPin([7; 32])) };

    let failure = failure(&miss(Fault::Untrusted(distrust)));

    assert_eq!(failure.cause, Cause::CertificateUntrusted);
    assert_eq!(
        failure.sentence,
        "cucm-pub.example.com:8443 is not trusted: its certificate is self-signed"
    );
    assert_eq!(
        failure.advice,
        "if the administrator confirms that these are the fingerprints of the keys, add:\n\
         [clusters.hq.pins]\n\
         \"cucm-pub.example.com\" = [\"sha256/BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\"]\n\
         or set `ca_file` to the authority that signed the certificates"
    );
}

#[test]
fn the_lines_pin_every_node_that_is_not_trusted() {
    let distrust =
        |key| Distrust { reason: DistrustReason::SelfSigned, pin: Some(SpkiPin([key; 32])) };
    let mut misses = Misses::default();
    misses.push("n1:8443", Fault::Refused);
    misses.push("n2:8443", Fault::Untrusted(distrust(0)));
    misses.push("n3:9443", Fault::Untrusted(distrust(7)));
    let mut config = cluster(vec![crate::cisco::testing::node("n2", 8443)]);
    config.nodes[0].pins = vec![SpkiPin([1; 32])];

    let failure = Error::Nodes(misses).failure(&config, Timestamp::default());

    let lines: Vec<_> = failure.advice.lines().collect();
    assert!(lines[0].ends_with("correct:"), "{lines:?}");
    assert_eq!(lines[1], "[clusters.hq.pins]");
    assert!(lines[2].starts_with("\"n2\" = [\"sha256/AAAA"), "{lines:?}");
    assert!(lines[3].starts_with("\"n3:9443\" = [\"sha256/BwcH"), "{lines:?}");
    assert_eq!(lines.len(), 5);
}

#[test]
fn another_key_than_the_pinned_one_is_told_with_both_and_what_to_do() {
    let distrust = Distrust { reason: DistrustReason::OtherKey, pin: Some(SpkiPin([7; 32])) };
    let mut node = crate::cisco::testing::node("cucm-pub.example.com", 8443);
    node.pins = vec![SpkiPin([0; 32])];
    let config = cluster(vec![node]);

    let failure = miss(Fault::Untrusted(distrust)).failure(&config, Timestamp::default());

    assert_eq!(
        failure.sentence,
        "cucm-pub.example.com:8443 is not trusted: its certificate has another key than the \
         pinned one"
    );
    assert_eq!(
        failure.advice,
        "pinned for cucm-pub.example.com:8443 is \
         sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=: somebody may be in between; if the \
         administrator confirms that its certificate was replaced, and these fingerprints, \
         correct:\n\
         [clusters.hq.pins]\n\
         \"cucm-pub.example.com\" = [\"sha256/BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\"]"
    );
}

#[test]
fn a_name_with_a_dot_and_a_port_of_its_own_are_quoted() {
    let distrust = Distrust { reason: DistrustReason::Expired, pin: Some(SpkiPin([0; 32])) };
    let mut misses = Misses::default();
    misses.push("[::1]:9443", Fault::Untrusted(distrust));
    let mut config = cluster(vec![]);
    config.name = "a.b".parse().unwrap();

    let failure = Error::Nodes(misses).failure(&config, Timestamp::default());

    assert!(failure.advice.starts_with("check this computer's clock. "), "{}", failure.advice);
    assert!(failure.advice.contains("\n[clusters.\"a.b\".pins]\n\"[::1]:9443\" = ["));
}

#[test]
fn a_taken_port_names_the_cluster_and_the_port() {
    let addr = "127.0.0.1:27443".parse().unwrap();

    let failure = failure(&browser::Error::PortTaken { addr, uid: None }.into());

    assert_eq!(
        failure.advice,
        "cluster hq needs port 27443 for its redirect URI: end the program that has it, or \
         configure and register another port"
    );
}

#[test]
fn an_address_that_nobody_answers_for_us_leads_to_a_restart() {
    let addr = "[::1]:27443".parse().unwrap();
    let advice = |uid| failure(&browser::Error::NotOurs { addr, uid }.into()).advice;

    assert!(advice(Some(1001)).contains("end the program that has it"), "{}", advice(Some(1001)));
    assert_eq!(
        advice(None),
        "restart ucssod; where that does not help, configure another `redirect_uri` for cluster \
         hq and register it"
    );
}

#[test]
fn a_certificate_that_has_expired_leads_to_the_command_that_renews_it() {
    let failure = failure(&browser::Error::Certificate { source: Flaw::Expired }.into());

    assert_eq!(failure.cause, Cause::BrowserUnavailable);
    assert_eq!(
        failure.sentence,
        "the login cannot be shown: the redirect by https cannot be served: its certificate has \
         expired"
    );
    assert_eq!(failure.advice, "run `ucssoctl trust redirect --renew`; then: `ucssoctl login hq`");
}

#[test]
fn a_browser_that_does_not_open_leads_to_the_url() {
    let error = browser::Error::OpenerMissing { command: "xdg-open".into() };

    assert_eq!(failure(&error.into()).advice, "`ucssoctl login --no-browser hq`");
}

#[test]
fn a_token_of_another_user_names_both() {
    let error =
        Error::WrongUser { node: "n".into(), expected: "alice".into(), actual: Some("bob".into()) };

    let failure = failure(&error);

    assert_eq!(failure.cause, Cause::WrongUser);
    assert_eq!(failure.sentence, "the browser is logged in as bob, not as alice");
    assert_eq!(failure.at, Timestamp::from_millis(7));
}

#[test]
fn a_token_of_another_name_than_the_first_names_both() {
    let error =
        Error::OtherThanFirst { node: "n".into(), first: "Alice".into(), actual: "ALICE".into() };

    let failure = failure(&error);

    assert_eq!(failure.cause, Cause::WrongUser);
    assert_eq!(
        failure.sentence,
        "the browser is logged in as ALICE, and this cluster's first token was Alice's"
    );
}

#[test]
fn the_chain_of_causes_is_in_the_sentence_once() {
    let error = Error::CaFile { path: "/ca.pem".into(), source: CaFileFlaw::Empty };

    assert_eq!(
        failure(&error).sentence,
        "the authorities in `/ca.pem` cannot be used: it holds no certificate of an authority"
    );
}

#[test]
fn a_login_that_nobody_returns_from_hints_at_the_redirect_uri() {
    let mut config = cluster(vec![]);
    let ucm = advice::timeout_advice(&config);
    config.product = Product::UnityConnection;
    let unity = advice::timeout_advice(&config);

    for advice in [&ucm, &unity] {
        assert!(advice.contains("add http://127.0.0.1:27443/cb/hq to *Redirect URIs"), "{advice}");
        assert!(advice.contains("*Redirect URIs for Third Party SSO Client*"), "{advice}");
    }
    assert!(ucm.contains("Unified CM Administration") && unity.contains("Unity Connection"));
}
