//! Nodes that name the page, that do not, and that do something else.

use super::*;
use crate::{
    cisco::{
        authorize::UriFlaw,
        edge::Limits,
        testing::{FakeNode, LIMITS, Reply, cluster},
        xml::XmlFlaw,
    },
    domain::Cause,
};

const OFF: &str = "<S><SingleSignOn><Status enabled='false'/></SingleSignOn></S>";

/// A document that names the authorization page of a host and port.
fn enabled(authority: &str) -> String {
    format!(
        "<S><SingleSignOn><Status enabled='true'/><Uri>https://{authority}/ssosp/oauth/authorize\
         </Uri></SingleSignOn></S>"
    )
}

async fn fake(status: u16, body: impl Into<String>) -> FakeNode {
    let body = body.into();
    FakeNode::start(move |_| Reply::http(status, "", &body)).await
}

async fn find(fakes: &[&FakeNode]) -> Result<String, Error> {
    let config = cluster(fakes.iter().map(|fake| fake.node()).collect());
    let nodes = Nodes::new(&config, LIMITS)?;
    authorize_page(&nodes, &config).await.map(String::from)
}

async fn fault_of(fake: FakeNode) -> Fault {
    match find(&[&fake]).await {
        Err(Error::Nodes(misses)) => misses.most_telling().unwrap().fault.clone(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_page_may_be_on_another_node_than_the_one_that_was_asked() {
    let sub = fake(500, "").await;
    let publisher = fake(200, enabled(&sub.name())).await;

    let page = find(&[&publisher, &sub]).await.unwrap();

    assert_eq!(page, format!("https://{}/ssosp/oauth/authorize", sub.name()));
    assert!(publisher.requests()[0].starts_with("GET /ssosp/ws/public/singleSignOn HTTP/1.1"));
    assert!(sub.requests().is_empty());
}

#[tokio::test]
async fn nodes_are_tried_in_turn_until_one_is_of_use() {
    let busy = fake(503, "").await;
    let odd = fake(200, "<html><body/></html>").await;
    let good = fake(200, enabled("pub.localhost:8443")).await;

    let page = find(&[&busy, &odd, &good]).await.unwrap();

    assert_eq!(page, "https://pub.localhost:8443/ssosp/oauth/authorize");
}

#[tokio::test]
async fn the_node_that_answered_last_is_asked_first() {
    let busy = fake(503, "").await;
    let good = fake(200, enabled("pub.localhost:8443")).await;
    let config = cluster(vec![busy.node(), good.node()]);
    let nodes = Nodes::new(&config, LIMITS).unwrap();

    authorize_page(&nodes, &config).await.unwrap();
    authorize_page(&nodes, &config).await.unwrap();

    assert_eq!((busy.requests().len(), good.requests().len()), (1, 2));
}

#[tokio::test]
async fn switched_off_counts_unless_another_node_has_it_on() {
    let off = fake(200, OFF).await;
    let on = fake(200, enabled("pub.localhost:8443")).await;
    let down = fake(503, "").await;

    assert!(find(&[&off, &on]).await.is_ok());
    let error = find(&[&off, &down]).await.unwrap_err();

    assert!(matches!(error, Error::SsoDisabled { node } if node == off.name()));
}

#[tokio::test]
async fn each_kind_of_useless_answer_is_told_apart() {
    let foreign = UriFlaw::ForeignHost { host: "evil.example.com".into() };

    assert_eq!(fault_of(fake(404, "<html>").await).await, Fault::Status(404));
    assert_eq!(fault_of(fake(302, "").await).await, Fault::Status(302));
    assert_eq!(fault_of(fake(503, "").await).await, Fault::Busy(503));
    assert_eq!(fault_of(fake(200, "<S/>").await).await, Fault::Document(XmlFlaw::NoStatus));
    assert_eq!(
        fault_of(fake(200, enabled("evil.example.com:8443")).await).await,
        Fault::AuthorizePage(foreign)
    );
    let page = FakeNode::start(|_| Reply::http(200, "Content-Type: text/html\r\n", "<p>")).await;
    assert_eq!(fault_of(page).await, Fault::WebPage);
}

#[tokio::test]
async fn nobody_waits_for_a_silent_node_where_another_answers() {
    let silent = FakeNode::start(|_| Reply::Hang).await;
    let good = fake(200, enabled("pub.localhost:8443")).await;
    let config = cluster(vec![silent.node(), good.node()]);
    let forever = Duration::from_hours(1);
    let nodes = Nodes::new(&config, Limits { connect: forever, total: forever, ..LIMITS }).unwrap();

    let page = authorize_page(&nodes, &config).await.unwrap();

    assert_eq!(page.host_str(), Some("pub.localhost"));
    assert_eq!(nodes.last_good(), 1);
    assert_eq!(silent.requests().len(), 1);
}

#[tokio::test]
async fn a_certificate_that_can_be_pinned_is_what_is_reported() {
    let busy = fake(503, "").await;
    let stranger = fake(200, enabled("pub.localhost:8443")).await;
    let config = cluster(vec![busy.node(), stranger.unpinned()]);
    let nodes = Nodes::new(&config, LIMITS).unwrap();

    let error = authorize_page(&nodes, &config).await.unwrap_err();

    let failure = error.failure(&config, crate::domain::Timestamp::default());
    assert_eq!(failure.cause, Cause::CertificateUntrusted);
    assert!(failure.advice.contains("sha256/"), "{}", failure.advice);
    assert!(stranger.requests().is_empty());
}

#[tokio::test]
async fn a_configured_page_spares_the_question() {
    let node = fake(503, "").await;
    let mut config = cluster(vec![node.node()]);
    config.authorize_url = Some("https://sso.example.com/x?y=1".parse().unwrap());
    let nodes = Nodes::new(&config, LIMITS).unwrap();

    let page = authorize_page(&nodes, &config).await.unwrap();

    assert_eq!(page.as_str(), "https://sso.example.com/x?y=1");
    assert!(node.requests().is_empty());
}
