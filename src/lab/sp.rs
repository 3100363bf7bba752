//! The service provider of a node: takes responses, says who it is.
//!
//! A response that is not accepted ends on a page with one of the sentences that Cisco documents
//! (*Troubleshoot SSO in CUCM*, *Configure and Troubleshoot SSO on CUCM*), never in a redirect:
//! the client hears nothing.

use std::time::Duration;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use hyper::StatusCode;

use super::{
    authorize::BROWSER_COOKIE,
    estate::{At, Cluster, Node},
    http::{Answer, Ask, escaped, found, html, set_cookie, xml},
    saml::{Expected, Refusal, judge, sp_metadata},
    users::{self, User},
};

pub(super) const METADATA_PATH: &str = "/ssosp/ws/config/metadata/sp";
pub(super) const ACS_PREFIX: &str = "/ssosp/saml/SSO/alias/";

/// How long a browser has for the way from here to the authorization page.
const WAY_BACK: Duration = Duration::from_mins(1);

/// The metadata of this node alone; its entity id is its host.
pub(super) fn metadata(at: At<'_>) -> Answer {
    xml(sp_metadata(&[provider(at.node)]))
}

/// The metadata of every node of a cluster.
pub(super) fn cluster_metadata(cluster: &Cluster) -> String {
    sp_metadata(&cluster.nodes.iter().map(provider).collect::<Vec<_>>())
}

fn provider(node: &Node) -> (&str, String, &str) {
    (node.host, node.acs_url(), &node.certificate)
}

/// Takes a response and sends the browser back to where its login began.
pub(super) async fn consume(at: At<'_>, ask: &Ask) -> Answer {
    match accept(at, ask).await {
        Ok((user, path_and_query)) => {
            let cookie = at.node.browsers.begin(user.id, at.now(), WAY_BACK);
            let mut answer = found(&path_and_query);
            let cookie = format!("{BROWSER_COOKIE}={cookie}; Path=/ssosp; Secure; HttpOnly");
            set_cookie(&mut answer, &cookie);
            answer
        }
        Err(refusal) => {
            at.estate.journal.count().responses_refused += 1;
            tracing::info!(node = at.node.name, %refusal, "saml response refused");
            page(refusal)
        }
    }
}

/// Who logged in, and where the login began.
async fn accept(at: At<'_>, ask: &Ask) -> Result<(&'static User, String), Refusal> {
    let response = ask.field("SAMLResponse").ok_or(Refusal::Malformed)?;
    let response: String = response.split_ascii_whitespace().collect();
    let response = BASE64_STANDARD.decode(response).map_err(|_| Refusal::Malformed)?;
    let response = String::from_utf8(response).map_err(|_| Refusal::Malformed)?;
    let acs_url = at.node.acs_url();
    let expected = Expected { entity_id: at.node.host, acs_url: &acs_url, at: at.now() };
    let accepted = judge(&at.estate.trust, &response, &expected).await?;
    // Taken out, so that the same response is worth nothing the second time.
    let login = at.node.pending().remove(&accepted.in_response_to).ok_or(Refusal::NotAsked)?;
    if ask.field("RelayState").is_some_and(|state| state != accepted.in_response_to) {
        return Err(Refusal::NotAsked);
    }
    let user = users::find(&accepted.uid).ok_or(Refusal::UnknownUser)?;
    Ok((user, login.path_and_query))
}

fn page(refusal: Refusal) -> Answer {
    let (status, sentence) = match refusal {
        Refusal::Malformed | Refusal::Recipient | Refusal::NotAsked => {
            (StatusCode::INTERNAL_SERVER_ERROR, "Error while processing SAML Response.".to_owned())
        }
        Refusal::Status => (
            StatusCode::INTERNAL_SERVER_ERROR,
            "Invalid Status code in Response. This may be caused by a configuration error in the \
             IDP. Please check the IDP logs and configuration."
                .to_owned(),
        ),
        Refusal::Signature => (
            StatusCode::INTERNAL_SERVER_ERROR,
            "The signing certificate does not match what's defined in the entity metadata."
                .to_owned(),
        ),
        Refusal::Time => (
            StatusCode::INTERNAL_SERVER_ERROR,
            "Invalid SAML response. This may be caused when time is out of sync between the \
             server and the IDP."
                .to_owned(),
        ),
        Refusal::UnknownUser => (
            StatusCode::FORBIDDEN,
            "HTTP Status 403. Access to the requested resource has been denied.".to_owned(),
        ),
        Refusal::NoXmlsec1 => (StatusCode::INTERNAL_SERVER_ERROR, refusal.to_string()),
    };
    let sentence = escaped(&sentence);
    html(
        status,
        format!(
            "<!doctype html><html lang=\"en\"><head><title>Cisco Single Sign On</title></head>\
             <body><h1>Single Sign On Error</h1><p>{sentence}</p></body></html>"
        ),
    )
}
