//! Whether a response is the answer to a request (SAML Profiles 4.1.4.3).

use std::time::{Duration, SystemTime};

use super::{
    ASSERTION, BEARER, PROTOCOL, SUCCESS, Trust, foreign, read,
    xml::{self, Element},
};

/// What the response has to fit.
pub(in super::super) struct Expected<'a> {
    /// The entity id of the service provider.
    pub(in super::super) entity_id: &'a str,
    /// Where the response arrived.
    pub(in super::super) acs_url: &'a str,
    /// Now.
    pub(in super::super) at: SystemTime,
}

/// What a good response says.
#[derive(Debug)]
pub(in super::super) struct Accepted {
    /// The attribute `uid`.
    pub(in super::super) uid: String,
    /// The `ID` of the request that it answers. Whether there was one, the caller knows.
    pub(in super::super) in_response_to: String,
}

/// Why a response is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(in super::super) enum Refusal {
    /// It is not a response, or not the kind that is read here.
    #[error("the response is malformed")]
    Malformed,
    /// The identity provider says no.
    #[error("the status is not success")]
    Status,
    /// It is not signed by the identity provider, or not as a whole.
    #[error("the signature does not hold")]
    Signature,
    /// The program that checks the signatures of foreign identity providers is missing.
    #[error("xmlsec1 is missing: apt-get install xmlsec1")]
    NoXmlsec1,
    /// It is not valid yet, or not any more.
    #[error("the time does not fit")]
    Time,
    /// It is meant for somebody else.
    #[error("it is for another service provider")]
    Recipient,
    /// It answers no request, or one that has been answered.
    #[error("it answers no open request")]
    NotAsked,
    /// It has no attribute `uid`, or one that is no user here.
    #[error("the user is not known")]
    UnknownUser,
}

/// How far the clocks may be apart (Cisco, *Configure and Troubleshoot SSO on CUCM*).
const SKEW: Duration = Duration::from_secs(3);

/// Judges the response `document`.
pub(in super::super) async fn judge(
    trust: &Trust,
    document: &str,
    expected: &Expected<'_>,
) -> Result<Accepted, Refusal> {
    let root = xml::parse(document).map_err(|_| Refusal::Malformed)?;
    if !root.is(PROTOCOL, "Response") {
        return Err(Refusal::Malformed);
    }
    if status(&root) != Some(SUCCESS) {
        return Err(Refusal::Status);
    }
    let assertion = only_assertion(&root)?;
    match trust {
        Trust::Own { key, .. } if key.signed(document, &root) => {}
        Trust::Own { .. } => return Err(Refusal::Signature),
        Trust::Foreign(idp) => foreign::verify(idp, document, &root, assertion).await?,
    }
    let by_idp = |element: &Element| {
        element.only(ASSERTION, "Issuer").is_some_and(|by| by.text.trim() == trust.entity_id())
    };
    // A response may leave its issuer out where only the assertion is signed.
    let root_fits = root.all(ASSERTION, "Issuer").next().is_none() || by_idp(&root);
    if !root_fits || !by_idp(assertion) {
        return Err(Refusal::Signature);
    }
    if root.attribute("Destination").is_some_and(|url| url != expected.acs_url) {
        return Err(Refusal::Recipient);
    }
    check_conditions(assertion, expected)?;
    let in_response_to = confirmed_request(assertion, expected)?;
    if root.attribute("InResponseTo").is_some_and(|id| id != in_response_to) {
        return Err(Refusal::NotAsked);
    }
    let uid = attribute(assertion, "uid").ok_or(Refusal::UnknownUser)?;
    Ok(Accepted { uid, in_response_to })
}

fn status(root: &Element) -> Option<&str> {
    root.only(PROTOCOL, "Status")?.only(PROTOCOL, "StatusCode")?.attribute("Value")
}

/// The assertion, directly in the response and the only one anywhere: an attacker who wraps a
/// signed one into a forged one needs two.
fn only_assertion(root: &Element) -> Result<&Element, Refusal> {
    let count = root.descendants().iter().filter(|each| each.is(ASSERTION, "Assertion")).count();
    let assertion = root.only(ASSERTION, "Assertion");
    assertion.filter(|_| count == 1).ok_or(Refusal::Malformed)
}

fn check_conditions(assertion: &Element, expected: &Expected<'_>) -> Result<(), Refusal> {
    let conditions = assertion.only(ASSERTION, "Conditions").ok_or(Refusal::Time)?;
    in_time(conditions, expected.at)?;
    let mut restrictions = conditions.all(ASSERTION, "AudienceRestriction").peekable();
    let restricted = restrictions.peek().is_some();
    let ours = restrictions.all(|restriction| {
        restriction.all(ASSERTION, "Audience").any(|who| who.text.trim() == expected.entity_id)
    });
    if restricted && ours { Ok(()) } else { Err(Refusal::Recipient) }
}

/// The request that a bearer confirmation names, if the confirmation is for here and now.
fn confirmed_request(assertion: &Element, expected: &Expected<'_>) -> Result<String, Refusal> {
    let subject = assertion.only(ASSERTION, "Subject").ok_or(Refusal::Malformed)?;
    let data = subject
        .all(ASSERTION, "SubjectConfirmation")
        .filter(|confirmation| confirmation.attribute("Method") == Some(BEARER))
        .find_map(|confirmation| confirmation.only(ASSERTION, "SubjectConfirmationData"))
        .ok_or(Refusal::Malformed)?;
    if data.attribute("Recipient") != Some(expected.acs_url) {
        return Err(Refusal::Recipient);
    }
    in_time(data, expected.at)?;
    data.attribute("InResponseTo").map(str::to_owned).ok_or(Refusal::NotAsked)
}

/// Checks `NotBefore`, which may be missing, and `NotOnOrAfter`, which may not.
fn in_time(element: &Element, now: SystemTime) -> Result<(), Refusal> {
    let begun = match element.attribute("NotBefore") {
        Some(text) => read(text).ok_or(Refusal::Malformed)? <= now + SKEW,
        None => true,
    };
    let end = element.attribute("NotOnOrAfter").and_then(read).ok_or(Refusal::Time)?;
    if begun && now < end + SKEW { Ok(()) } else { Err(Refusal::Time) }
}

/// The value of the attribute, which is named exactly so and has exactly one value.
fn attribute(assertion: &Element, name: &str) -> Option<String> {
    let mut values = assertion
        .all(ASSERTION, "AttributeStatement")
        .flat_map(|statement| statement.all(ASSERTION, "Attribute"))
        .filter(|attribute| attribute.attribute("Name") == Some(name))
        .flat_map(|attribute| attribute.all(ASSERTION, "AttributeValue"));
    let value = values.next()?;
    values.next().is_none().then(|| value.text.clone())
}
