//! The address to which a node sends the browser after a login (RFC 6749 4.2.2).

use std::fmt::Write as _;

use super::faults::{ExpiresIn, RedirectShape};

/// `redirect_uri`, with the token where `shape` wants it.
pub(super) fn location(
    shape: &RedirectShape,
    redirect_uri: &str,
    token: &str,
    seconds_left: u64,
    state: Option<&str>,
) -> String {
    let owned = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let mut parameters = Vec::new();
    let mut mark = '#';
    if let Some(refusal) = &shape.error {
        if refusal.in_query {
            mark = if redirect_uri.contains('?') { '&' } else { '?' };
        }
        parameters.push(owned("error", &refusal.error));
    } else {
        parameters.push(owned("access_token", shape.token.as_deref().unwrap_or(token)));
        parameters.push(owned("token_type", "Bearer"));
        match &shape.expires_in {
            ExpiresIn::Honest => parameters.push(owned("expires_in", &seconds_left.to_string())),
            ExpiresIn::Literal(text) => parameters.push(owned("expires_in", text)),
            ExpiresIn::Missing => {}
        }
    }
    parameters.extend(state.map(|state| owned("state", state)));
    parameters.extend(shape.extra.iter().cloned());
    if shape.reversed {
        parameters.reverse();
    }
    let written: Vec<String> = parameters
        .iter()
        .map(|(name, value)| format!("{name}={}", encoded(value, shape.encoded)))
        .collect();
    format!("{redirect_uri}{mark}{}", written.join("&"))
}

/// `value` with the bytes encoded that would mean something else, or with all of them.
fn encoded(value: &str, all: bool) -> String {
    value.bytes().fold(String::with_capacity(value.len()), |mut text, byte| {
        if !all && (byte.is_ascii_alphanumeric() || b"-._~:".contains(&byte)) {
            text.push(char::from(byte));
        } else {
            write!(text, "%{byte:02X}").expect("a string takes what is written");
        }
        text
    })
}

#[cfg(test)]
mod tests {
    use super::{super::faults::RedirectError, *};

    const URI: &str = "http://127.0.0.1:27443/cb/hq";

    #[test]
    fn the_usual_redirect_is_the_documented_one() {
        let location = location(&RedirectShape::default(), URI, "T", 60, None);

        assert_eq!(location, format!("{URI}#access_token=T&token_type=Bearer&expires_in=60"));
    }

    #[test]
    fn every_oddity_can_be_had() {
        let shape = RedirectShape {
            reversed: true,
            encoded: true,
            extra: vec![("x".to_owned(), "1".to_owned())],
            expires_in: ExpiresIn::Literal("soon".to_owned()),
            ..RedirectShape::default()
        };

        let location = location(&shape, URI, "T", 60, Some("s"));

        assert_eq!(
            location,
            format!(
                "{URI}#x=%31&state=%73&expires_in=%73%6F%6F%6E\
                 &token_type=%42%65%61%72%65%72&access_token=%54"
            )
        );
    }

    #[test]
    fn an_error_takes_the_place_of_the_token() {
        let refusal = RedirectError { error: "access_denied".to_owned(), in_query: true };
        let shape = RedirectShape { error: Some(refusal), ..RedirectShape::default() };

        assert_eq!(location(&shape, URI, "T", 60, None), format!("{URI}?error=access_denied"));
    }
}
