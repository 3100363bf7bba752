//! Real handshakes with certificates good and bad.

use std::io::Write as _;

use rcgen::{BasicConstraints, IsCa, date_time_ymd};

use super::*;
use crate::cisco::{
    edge::Edge,
    fault::Fault,
    testing::{Authority, FakeNode, Identity, LIMITS, Reply, cluster},
};

const NAME: &str = "pub.localhost";

/// Connects to a node that shows `identity`; gives its requests too, to see what it was sent.
async fn connect(
    identity: &Identity,
    pins: Vec<SpkiPin>,
    authorities: Authorities,
) -> (Result<u16, Fault>, usize) {
    let fake = FakeNode::with(identity, |_| Reply::http(200, "", "")).await;
    let mut node = fake.unpinned();
    node.pins = pins;
    let edge = Edge::new(&node, &cluster(vec![node.clone()]), authorities, LIMITS).unwrap();
    let token = crate::domain::Secret::new("canary-8".into());

    let outcome = edge.get("/", Some(&token)).await.map(|answer| answer.status);

    (outcome, fake.requests().len())
}

fn nobody() -> Authorities {
    Authorities(None)
}

fn only(authority: &Authority) -> Authorities {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(authority.pem.as_bytes()).unwrap();
    Authorities::from_file(file.path()).unwrap()
}

fn untrusted(reason: DistrustReason, identity: &Identity) -> Result<u16, Fault> {
    Err(Fault::Untrusted(Distrust { reason, pin: Some(identity.pin()) }))
}

#[tokio::test]
async fn an_unknown_certificate_is_refused_with_its_fingerprint() {
    let identity = Identity::self_signed(NAME);

    let (outcome, requests) = connect(&identity, vec![], nobody()).await;

    assert_eq!(outcome, untrusted(DistrustReason::UnknownIssuer, &identity));
    assert_eq!(requests, 0);
}

#[tokio::test]
async fn a_pinned_key_is_trusted_whatever_its_certificate_says() {
    for identity in [
        Identity::self_signed(NAME),
        Identity::self_signed("another.example.com"),
        Identity::made(NAME, |params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained)),
        Identity::made(NAME, |params| params.not_after = date_time_ymd(2001, 1, 1)),
    ] {
        let (outcome, _) =
            connect(&identity, vec![SpkiPin([7; 32]), identity.pin()], nobody()).await;

        assert_eq!(outcome, Ok(200));
    }
}

#[tokio::test]
async fn another_key_than_the_pinned_one_is_refused() {
    let (pinned, shown) = (Identity::self_signed(NAME), Identity::self_signed(NAME));

    let (outcome, requests) = connect(&shown, vec![pinned.pin()], nobody()).await;

    assert_eq!(outcome, untrusted(DistrustReason::OtherKey, &shown));
    assert_eq!(requests, 0);
}

#[tokio::test]
async fn no_authority_vouches_for_another_key_than_the_pinned_one() {
    let authority = Authority::new();
    let (pinned, shown) = (Identity::self_signed(NAME), authority.issue(NAME, 2000..2100));

    let (outcome, requests) = connect(&shown, vec![pinned.pin()], only(&authority)).await;

    assert_eq!(outcome, untrusted(DistrustReason::OtherKey, &shown));
    assert_eq!(requests, 0);
}

#[tokio::test]
async fn a_stolen_certificate_without_its_key_is_refused() {
    let pinned = Identity::self_signed(NAME);
    let pin = pinned.pin();
    let thief = Identity { certificate: pinned.certificate, ..Identity::self_signed(NAME) };

    let (outcome, requests) = connect(&thief, vec![pin], nobody()).await;

    let unproven = Distrust { reason: DistrustReason::Unproven, pin: None };
    assert_eq!(outcome, Err(Fault::Untrusted(unproven)));
    assert_eq!(requests, 0);
}

#[tokio::test]
async fn the_file_of_authorities_decides_about_their_certificates() {
    let (known, unknown) = (Authority::new(), Authority::new());
    let good = known.issue(NAME, 2000..2100);
    let foreign = unknown.issue(NAME, 2000..2100);
    let misnamed = known.issue("another.example.com", 2000..2100);
    let expired = known.issue(NAME, 2000..2001);
    let early = known.issue(NAME, 2098..2100);

    for (identity, expected) in [
        (&good, Ok(200)),
        (&foreign, untrusted(DistrustReason::UnknownIssuer, &foreign)),
        (&misnamed, untrusted(DistrustReason::WrongName, &misnamed)),
        (&expired, untrusted(DistrustReason::Expired, &expired)),
        (&early, untrusted(DistrustReason::NotYetValid, &early)),
    ] {
        let (outcome, requests) = connect(identity, vec![], only(&known)).await;

        assert_eq!(requests, usize::from(outcome.is_ok()));
        assert_eq!(outcome, expected);
    }
}

#[tokio::test]
async fn an_authority_as_a_server_needs_a_pin() {
    let identity =
        Identity::made(NAME, |params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained));
    let itself = Authorities::of(vec![identity.certificate.clone()]);

    let (outcome, _) = connect(&identity, vec![], itself).await;

    assert_eq!(outcome, untrusted(DistrustReason::SelfSigned, &identity));
}

#[test]
fn a_file_without_authorities_is_of_no_use() {
    let from = |text: &str| {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        Authorities::from_file(file.path()).map(|_| ())
    };

    assert!(matches!(from(""), Err(CaFileFlaw::Empty)));
    assert!(matches!(from("no certificate"), Err(CaFileFlaw::Empty)));
    assert!(matches!(
        from("-----BEGIN CERTIFICATE-----\n?\n-----END CERTIFICATE-----\n"),
        Err(CaFileFlaw::NotPem(_))
    ));
    assert!(matches!(
        Authorities::from_file(Path::new("/nonexistent/ca.pem")),
        Err(CaFileFlaw::Unreadable(_))
    ));
}
