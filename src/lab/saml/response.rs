//! The response of the lab's identity provider (SAML Core 3.3.3, Profiles 4.1.4.2).

use std::time::{Duration, SystemTime};

use super::{
    super::random, ASSERTION, BEARER, PROTOCOL, SUCCESS, Signer, TRANSIENT, text, value, written,
};

/// Who logged in, and for whom that is meant.
pub(in super::super) struct Login<'a> {
    /// The entity id of the identity provider.
    pub(in super::super) issuer: &'a str,
    /// The entity id of the service provider.
    pub(in super::super) audience: &'a str,
    /// Where the response goes.
    pub(in super::super) acs_url: &'a str,
    /// The `ID` of the request.
    pub(in super::super) request: &'a str,
    /// The user id.
    pub(in super::super) uid: &'a str,
    /// Now.
    pub(in super::super) at: SystemTime,
}

/// How long a response may take on its way.
const VALIDITY: Duration = Duration::from_mins(5);

/// A response that says who logged in; both it and its assertion are signed.
pub(in super::super) fn response(login: &Login<'_>, signer: &Signer) -> String {
    let assertion = assertion(login, signer);
    sealed_response(login, signer, SUCCESS, &assertion)
}

/// A response that says no.
pub(in super::super) fn denial(login: &Login<'_>, signer: &Signer) -> String {
    sealed_response(login, signer, "urn:oasis:names:tc:SAML:2.0:status:Responder", "")
}

fn sealed_response(login: &Login<'_>, signer: &Signer, status: &str, assertion: &str) -> String {
    let id = format!("_{}", random::hex::<20>());
    let before = format!(
        "<samlp:Response xmlns:samlp=\"{PROTOCOL}\" Destination=\"{}\" ID=\"{id}\" \
         InResponseTo=\"{}\" IssueInstant=\"{}\" Version=\"2.0\">{}",
        value(login.acs_url),
        value(login.request),
        written(login.at),
        issuer(login),
    );
    let after = format!(
        "<samlp:Status><samlp:StatusCode Value=\"{status}\"></samlp:StatusCode></samlp:Status>\
         {assertion}</samlp:Response>"
    );
    sealed(&before, &after, &id, signer)
}

fn assertion(login: &Login<'_>, signer: &Signer) -> String {
    let id = format!("_{}", random::hex::<20>());
    let now = written(login.at);
    let until = written(login.at + VALIDITY);
    let before = format!(
        "<saml:Assertion xmlns:saml=\"{ASSERTION}\" ID=\"{id}\" IssueInstant=\"{now}\" \
         Version=\"2.0\">{}",
        // The assertion declares the prefix, so its issuer does not.
        issuer(login).replacen(&format!(" xmlns:saml=\"{ASSERTION}\""), "", 1),
    );
    let subject = format!(
        "<saml:Subject><saml:NameID Format=\"{TRANSIENT}\" SPNameQualifier=\"{}\">_{}\
         </saml:NameID><saml:SubjectConfirmation Method=\"{BEARER}\">\
         <saml:SubjectConfirmationData InResponseTo=\"{}\" NotOnOrAfter=\"{until}\" \
         Recipient=\"{}\"></saml:SubjectConfirmationData></saml:SubjectConfirmation>\
         </saml:Subject>",
        value(login.audience),
        random::hex::<20>(),
        value(login.request),
        value(login.acs_url),
    );
    let conditions = format!(
        "<saml:Conditions NotBefore=\"{now}\" NotOnOrAfter=\"{until}\">\
         <saml:AudienceRestriction><saml:Audience>{}</saml:Audience></saml:AudienceRestriction>\
         </saml:Conditions>",
        text(login.audience),
    );
    let statements = format!(
        "<saml:AuthnStatement AuthnInstant=\"{now}\" SessionIndex=\"_{}\"><saml:AuthnContext>\
         <saml:AuthnContextClassRef>\
         urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport\
         </saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>\
         <saml:AttributeStatement><saml:Attribute Name=\"uid\" \
         NameFormat=\"urn:oasis:names:tc:SAML:2.0:attrname-format:basic\"><saml:AttributeValue>{}\
         </saml:AttributeValue></saml:Attribute></saml:AttributeStatement>",
        random::hex::<20>(),
        text(login.uid),
    );
    let after = format!("{subject}{conditions}{statements}</saml:Assertion>");
    sealed(&before, &after, &id, signer)
}

/// `Signature` comes after `Issuer` (SAML Core 8.1: the schema fixes the place).
fn sealed(before: &str, after: &str, id: &str, signer: &Signer) -> String {
    let signature = signer.signature(&format!("{before}{after}"), id);
    format!("{before}{signature}{after}")
}

fn issuer(login: &Login<'_>) -> String {
    format!("<saml:Issuer xmlns:saml=\"{ASSERTION}\">{}</saml:Issuer>", text(login.issuer))
}
