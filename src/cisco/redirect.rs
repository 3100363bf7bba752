//! What the browser brought back: the token, or the reason why there is none (RFC 6749 4.2.2).
//!
//! Pure. Takes the query and the fragment of one redirect apart, by name and in any order.
//! Whatever it reads may have been written by an attacker, so each parameter may come once, in
//! one place, and nothing of it is put into an error. Called by `mod`.

use zeroize::{Zeroize, Zeroizing};

use crate::domain::Secret;

/// A redirect, taken apart.
pub(super) struct Redirect {
    /// The `state` that came back.
    pub state: Option<Zeroizing<String>>,
    /// How the login ended.
    pub outcome: Outcome,
}

/// How a login ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// With a token.
    Token {
        /// The token.
        secret: Secret,
        /// The text of `expires_in`, not yet judged.
        expires_in: Option<String>,
    },
    /// With an error response (RFC 6749 4.2.2.1).
    Denied(Denial),
}

/// The error code of an error response, in our words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Denial {
    /// `invalid_request`.
    InvalidRequest,
    /// `unauthorized_client`.
    UnauthorizedClient,
    /// `access_denied`.
    AccessDenied,
    /// `unsupported_response_type`.
    UnsupportedResponseType,
    /// `invalid_scope`.
    InvalidScope,
    /// `server_error`.
    ServerError,
    /// `temporarily_unavailable`.
    TemporarilyUnavailable,
    /// Another one; its text only if it is made of at most 40 of `a-z` and `_`.
    Other(Option<String>),
}

/// Why a redirect is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RedirectFlaw {
    /// A parameter came more than once, or both in the query and in the fragment.
    #[error("`{0}` came more than once")]
    Twice(&'static str),
    /// A percent-escape that is none, or bytes that are not UTF-8.
    #[error("its parameters are not form-encoded")]
    Encoding,
    /// Neither a token nor an error.
    #[error("it has neither a token nor an error")]
    Empty,
    /// Both a token and an error.
    #[error("it has both a token and an error")]
    Contradiction,
    /// The token is longer than `MAX_TOKEN` bytes.
    #[error("its token is longer than {MAX_TOKEN} bytes")]
    TokenTooLong,
    /// The token is empty, or cannot be sent in an HTTP header.
    #[error("its token is empty or has characters that no token has")]
    TokenCharacters,
    /// The token is not a bearer token.
    #[error("its token is not a bearer token")]
    TokenType,
    /// `state` is not what was sent.
    #[error("its `state` is not the one that was sent")]
    WrongState,
    /// `state` is missing although this cluster returns it.
    #[error("its `state` is missing")]
    NoState,
}

/// The longest token, in bytes. The opaque ones have 51, the nested JWTs about 2000.
const MAX_TOKEN: usize = 16 * 1024;
/// The parameters that are read or that the specification defines; others are ignored.
const KNOWN: [&str; 8] = [
    "access_token",
    "token_type",
    "expires_in",
    "state",
    "scope",
    "error",
    "error_description",
    "error_uri",
];

/// Takes a redirect apart. Both texts may begin with their delimiter.
pub(super) fn parse(query: &str, fragment: &str) -> Result<Redirect, RedirectFlaw> {
    let mut found = Parameters::default();
    found.read(query.strip_prefix('?').unwrap_or(query))?;
    found.read(fragment.strip_prefix('#').unwrap_or(fragment))?;

    let state = found.take("state");
    let outcome = match (found.take("access_token"), found.take("error")) {
        (None, None) => return Err(RedirectFlaw::Empty),
        (Some(_), Some(_)) => return Err(RedirectFlaw::Contradiction),
        (None, Some(code)) => Outcome::Denied(denial(&code)),
        (Some(token), None) => {
            // RFC 6749 4.2.2 requires `token_type`, but Cisco defines only one, so its absence
            // takes nothing away.
            if found.take("token_type").is_some_and(|kind| !kind.eq_ignore_ascii_case("bearer")) {
                return Err(RedirectFlaw::TokenType);
            }
            let expires_in = found.take("expires_in").map(|text| text.as_str().to_owned());
            Outcome::Token { secret: secret(token)?, expires_in }
        }
    };
    Ok(Redirect { state, outcome })
}

/// The known parameters, in the order of `KNOWN`.
#[derive(Default)]
struct Parameters([Option<Zeroizing<String>>; KNOWN.len()]);

impl Parameters {
    fn read(&mut self, text: &str) -> Result<(), RedirectFlaw> {
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let key = decoded(key)?;
            let Some(index) = KNOWN.iter().position(|known| *known == *key) else { continue };
            if self.0[index].replace(decoded(value)?).is_some() {
                return Err(RedirectFlaw::Twice(KNOWN[index]));
            }
        }
        Ok(())
    }

    fn take(&mut self, key: &str) -> Option<Zeroizing<String>> {
        KNOWN.iter().position(|known| *known == key).and_then(|index| self.0[index].take())
    }
}

/// Any visible ASCII but `"` and `\`: wider than the `b64token` of RFC 6750 2.1, since tokens are
/// opaque, and narrow enough for a header and a log filter.
fn secret(mut token: Zeroizing<String>) -> Result<Secret, RedirectFlaw> {
    if token.len() > MAX_TOKEN {
        return Err(RedirectFlaw::TokenTooLong);
    }
    let sendable = |b: u8| b.is_ascii_graphic() && b != b'"' && b != b'\\';
    if token.is_empty() || !token.bytes().all(sendable) {
        return Err(RedirectFlaw::TokenCharacters);
    }
    Ok(Secret::new(std::mem::take(&mut *token)))
}

/// Unified CM writes its codes in upper case on its error page, so case is not told apart.
fn denial(code: &str) -> Denial {
    let code = code.to_ascii_lowercase();
    match code.as_str() {
        "invalid_request" => Denial::InvalidRequest,
        "unauthorized_client" => Denial::UnauthorizedClient,
        "access_denied" => Denial::AccessDenied,
        "unsupported_response_type" => Denial::UnsupportedResponseType,
        "invalid_scope" => Denial::InvalidScope,
        "server_error" => Denial::ServerError,
        "temporarily_unavailable" => Denial::TemporarilyUnavailable,
        _ => {
            let plain = (1..=40).contains(&code.len())
                && code.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
            Denial::Other(plain.then_some(code))
        }
    }
}

/// Decodes `application/x-www-form-urlencoded` text, without the leniency of browsers.
fn decoded(text: &str) -> Result<Zeroizing<String>, RedirectFlaw> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => match (hex(rest.next()), hex(rest.next())) {
                (Some(high), Some(low)) => high * 16 + low,
                _ => return Err(RedirectFlaw::Encoding),
            },
            other => other,
        });
    }
    String::from_utf8(std::mem::take(&mut *bytes)).map(Zeroizing::new).map_err(|error| {
        error.into_bytes().zeroize();
        RedirectFlaw::Encoding
    })
}

fn hex(digit: Option<u8>) -> Option<u8> {
    match digit? {
        digit @ b'0'..=b'9' => Some(digit - b'0'),
        digit @ b'a'..=b'f' => Some(digit - b'a' + 10),
        digit @ b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
