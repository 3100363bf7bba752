//! `/ssosp/ws/public/singleSignOn`: is single sign-on on, and where does it begin? And, where it is
//! switched on, `/ssosp/user/whoami`: whose is this token?

use hyper::StatusCode;

use super::{
    estate::At,
    faults::StatusXml,
    http::{Answer, Ask, answer as document, escaped, html, tomcat, xml},
};

pub(super) const PATH: &str = "/ssosp/ws/public/singleSignOn";
pub(super) const WHOAMI_PATH: &str = "/ssosp/user/whoami";

pub(super) async fn answer(at: At<'_>) -> Answer {
    let (shape, uri, disabled) = {
        let behaviour = at.estate.behaviour();
        let disabled = behaviour.sso_disabled.contains(at.cluster.name);
        (behaviour.status_xml, behaviour.status_uri.clone(), disabled)
    };
    if disabled {
        return xml(document_of(r#"<Status enabled="false"/>"#));
    }
    let uri = escaped(&uri.unwrap_or_else(|| at.authorizer().authorize_url()));
    match shape {
        StatusXml::Compact => xml(enabled(&uri)),
        StatusXml::Namespaced => xml(namespaced(&uri)),
        StatusXml::Spaced => xml(spaced(&uri)),
        StatusXml::Bom => xml(format!("\u{feff}{}", enabled(&uri))),
        StatusXml::Reordered => xml(reordered(&uri)),
        StatusXml::DisabledEmptyUri => {
            xml(document_of(r#"<Status enabled="false"/><Token>false</Token><Uri></Uri>"#))
        }
        StatusXml::Dtd => xml(with_entity(&uri)),
        StatusXml::Huge => xml(huge(&uri)),
        StatusXml::Truncated => xml(enabled(&uri)[..110].to_owned()),
        StatusXml::Html => html(StatusCode::OK, LOGIN_PAGE.to_owned()),
        StatusXml::NotFound => tomcat(StatusCode::NOT_FOUND),
        StatusXml::ServerError => tomcat(StatusCode::INTERNAL_SERVER_ERROR),
        StatusXml::Unavailable => tomcat(StatusCode::SERVICE_UNAVAILABLE),
        StatusXml::Hang => std::future::pending().await,
        StatusXml::ForeignUri => {
            xml(enabled("https://sso.elsewhere.localhost:8443/ssosp/oauth/authorize"))
        }
        StatusXml::HttpUri => xml(enabled(&uri.replacen("https://", "http://", 1))),
    }
}

/// Whose the token is that somebody shows, in the words of the other JSON of this application.
pub(super) fn whoami(at: At<'_>, ask: &Ask) -> Answer {
    match ask.bearer().and_then(|token| at.validate(token)) {
        _ if !at.estate.behaviour().whoami => tomcat(StatusCode::NOT_FOUND),
        Some(issued) => {
            let json = format!("{{\"user_id\":\"{}\"}}", issued.user);
            document(StatusCode::OK, "application/json", json)
        }
        None => tomcat(StatusCode::UNAUTHORIZED),
    }
}

fn document_of(content: &str) -> String {
    format!(
        "{DECLARATION}<SSOResult version=\"1.0\"><Response><SingleSignOn>{content}\
         </SingleSignOn></Response></SSOResult>"
    )
}

fn enabled(uri: &str) -> String {
    document_of(&format!(r#"<Status enabled="true"/><Token>true</Token><Uri>{uri}</Uri>"#))
}

fn namespaced(uri: &str) -> String {
    format!(
        "{DECLARATION}<s:SSOResult xmlns:s=\"urn:lab:sso\" version=\"1.0\"><s:Response>\
         <s:SingleSignOn><s:Status enabled=\"true\"/><s:Token>true</s:Token><s:Uri>{uri}</s:Uri>\
         </s:SingleSignOn></s:Response></s:SSOResult>"
    )
}

fn spaced(uri: &str) -> String {
    format!(
        "{DECLARATION}\r\n<SSOResult version = \"1.0\">\r\n  <Response>\r\n    <SingleSignOn>\r\n\
         \x20     <Status enabled='true' />\r\n      <Uri>\r\n        {uri}\r\n      </Uri>\r\n\
         \x20   </SingleSignOn>\r\n  </Response>\r\n</SSOResult>\r\n"
    )
}

fn reordered(uri: &str) -> String {
    document_of(&format!(
        "<Later a=\"1\"><Deep/></Later><Uri>{uri}</Uri><Token>true</Token>\
         <Status since=\"2015\" enabled=\"TRUE\"/><Other>text</Other>"
    ))
}

/// With a document type that declares an entity, and uses it: nobody has a reason to expand it.
fn with_entity(uri: &str) -> String {
    enabled("&where;").replacen(
        "<SSOResult",
        &format!("<!DOCTYPE SSOResult [<!ENTITY where \"{uri}\">]><SSOResult"),
        1,
    )
}

/// Everything that is needed, after a megabyte that is not.
fn huge(uri: &str) -> String {
    let padding = "x".repeat(1 << 20);
    document_of(&format!(r#"<Padding>{padding}</Padding><Status enabled="true"/><Uri>{uri}</Uri>"#))
}

const DECLARATION: &str = r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?>"#;

const LOGIN_PAGE: &str = "<!doctype html><html lang=\"en\"><head><title>Cisco Single Sign On</title>\
    </head><body><form method=\"post\"><input name=\"j_username\"><input name=\"j_password\" \
    type=\"password\"></form></body></html>";
