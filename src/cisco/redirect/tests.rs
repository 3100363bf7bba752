//! Redirects as clusters, and as attackers, would write them; and a second reading to compare.

use std::collections::HashMap;

use proptest::prelude::*;
use url::form_urlencoded;

use super::*;

fn outcome(query: &str, fragment: &str) -> Result<Outcome, RedirectFlaw> {
    parse(query, fragment).map(|redirect| redirect.outcome)
}

fn token(text: &str, expires_in: Option<&str>) -> Outcome {
    let secret = Secret::new(text.to_owned());
    Outcome::Token { secret, expires_in: expires_in.map(str::to_owned) }
}

#[test]
fn the_redirect_of_ciscos_tutorial_is_read() {
    let fragment = "#access_token=Mjo1NTU5ZmFkYQ&token_type=Bearer&expires_in=3600";

    assert_eq!(outcome("", fragment), Ok(token("Mjo1NTU5ZmFkYQ", Some("3600"))));
}

#[test]
fn parameters_are_found_by_name_wherever_they_are() {
    for (query, fragment) in [
        ("", "expires_in=60&token_type=bearer&access_token=t"),
        ("?access_token=t&token_type=Bearer&expires_in=60", ""),
        ("expires_in=60", "#access_token=t"),
        ("", "&&new=x&new=y&access%5Ftoken=%74&expires_in=6%30&token_type=BEARER&"),
    ] {
        assert_eq!(outcome(query, fragment), Ok(token("t", Some("60"))), "{query} {fragment}");
    }
}

#[test]
fn a_missing_lifetime_stays_missing_and_state_comes_back_decoded() {
    let redirect = parse("state=a%2Db", "access_token=t").unwrap_or_else(|flaw| panic!("{flaw}"));

    assert_eq!(redirect.state.as_ref().map(|state| state.as_str()), Some("a-b"));
    assert_eq!(redirect.outcome, token("t", None));
}

#[test]
fn what_could_be_read_in_two_ways_is_refused() {
    for (query, fragment, flaw) in [
        ("", "access_token=a&access_token=a", RedirectFlaw::Twice("access_token")),
        ("access_token=a", "access_token=b", RedirectFlaw::Twice("access_token")),
        ("", "access_token=a&expires_in=1&expires%5fin=2", RedirectFlaw::Twice("expires_in")),
        ("state=x", "access_token=a&state=x", RedirectFlaw::Twice("state")),
        ("", "error=a&error=b", RedirectFlaw::Twice("error")),
        ("token_type=Bearer", "token_type=Bearer", RedirectFlaw::Twice("token_type")),
        ("error=access_denied", "access_token=a", RedirectFlaw::Contradiction),
        ("", "", RedirectFlaw::Empty),
        ("", "#", RedirectFlaw::Empty),
        ("", "Access_Token=a", RedirectFlaw::Empty),
        ("code=abc", "", RedirectFlaw::Empty),
        ("", "access_token=a&token_type=mac", RedirectFlaw::TokenType),
        ("", "access_token=a&token_type=", RedirectFlaw::TokenType),
        ("", "access_token=a&token_type=Bearer%20", RedirectFlaw::TokenType),
        ("", "access_token=%", RedirectFlaw::Encoding),
        ("", "access_token=%4", RedirectFlaw::Encoding),
        ("", "access_token=%+1", RedirectFlaw::Encoding),
        ("", "access_token=%ff", RedirectFlaw::Encoding),
        ("", "access_token=a&x%zz=1", RedirectFlaw::Encoding),
        ("", "access_token=", RedirectFlaw::TokenCharacters),
        ("", "access_token", RedirectFlaw::TokenCharacters),
        ("", "access_token=a+b", RedirectFlaw::TokenCharacters),
        ("", "access_token=a%20b", RedirectFlaw::TokenCharacters),
        ("", "access_token=a%0d%0aX:y", RedirectFlaw::TokenCharacters),
        ("", "access_token=a%00", RedirectFlaw::TokenCharacters),
        ("", "access_token=%22a%22", RedirectFlaw::TokenCharacters),
        ("", "access_token=a%5Cb", RedirectFlaw::TokenCharacters),
        ("", "access_token=%C3%A4", RedirectFlaw::TokenCharacters),
    ] {
        assert_eq!(outcome(query, fragment), Err(flaw), "{query} {fragment}");
    }
}

#[test]
fn a_token_may_have_16384_bytes_and_not_one_more() {
    let longest = "x".repeat(MAX_TOKEN);

    assert_eq!(outcome("", &format!("access_token={longest}")), Ok(token(&longest, None)));
    assert_eq!(outcome("", &format!("access_token={longest}x")), Err(RedirectFlaw::TokenTooLong));
}

#[test]
fn every_error_of_the_specification_has_a_word_of_ours() {
    for (code, denial) in [
        ("invalid_request", Denial::InvalidRequest),
        ("INVALID_REQUEST", Denial::InvalidRequest),
        ("unauthorized_client", Denial::UnauthorizedClient),
        ("access_denied", Denial::AccessDenied),
        ("unsupported_response_type", Denial::UnsupportedResponseType),
        ("invalid_scope", Denial::InvalidScope),
        ("server_error", Denial::ServerError),
        ("temporarily_unavailable", Denial::TemporarilyUnavailable),
        ("interaction_required", Denial::Other(Some("interaction_required".into()))),
        ("call+%2B1+900+SCAM", Denial::Other(None)),
        ("", Denial::Other(None)),
        (&"x".repeat(41), Denial::Other(None)),
    ] {
        let expected = Ok(Outcome::Denied(denial));

        assert_eq!(outcome(&format!("error={code}&error_description=x"), ""), expected);
        assert_eq!(outcome("", &format!("error_uri=x&error={code}")), expected);
    }
}

#[test]
fn a_token_does_not_show_in_debug_output() {
    let shown = format!("{:?}", outcome("", "access_token=canary-1&expires_in=5"));

    assert!(!shown.contains("canary"), "{shown}");
}

/// What a redirect means, written down a second time and as plainly as possible.
fn reference(query: &str, fragment: &str) -> Option<(String, Option<String>, Option<String>)> {
    let mut values: HashMap<String, Vec<String>> = HashMap::new();
    for (key, value) in
        form_urlencoded::parse(query.as_bytes()).chain(form_urlencoded::parse(fragment.as_bytes()))
    {
        values.entry(key.into_owned()).or_default().push(value.into_owned());
    }
    if KNOWN.iter().any(|known| values.get(*known).is_some_and(|all| all.len() > 1)) {
        return None;
    }
    let one = |key: &str| values.get(key).map(|all| all[0].clone());
    let token = one("access_token")?;
    let odd = |c: char| !('!'..='~').contains(&c) || c == '"' || c == '\\';
    let bearer = one("token_type").is_none_or(|kind| kind.eq_ignore_ascii_case("bearer"));
    let good = !token.is_empty() && token.len() <= 16_384 && !token.contains(odd);
    (good && bearer && one("error").is_none()).then(|| (token, one("expires_in"), one("state")))
}

fn pairs() -> impl Strategy<Value = String> {
    let key = prop_oneof![
        4 => Just("access_token".to_owned()),
        2 => Just("token_type".to_owned()),
        2 => Just("expires_in".to_owned()),
        2 => Just("state".to_owned()),
        1 => Just("error".to_owned()),
        2 => "[a-z_]{1,12}",
    ];
    let value = prop_oneof![
        4 => "[A-Za-z0-9._~+/=-]{1,20}",
        2 => Just("Bearer".to_owned()),
        1 => "\\PC{0,8}",
        1 => any::<String>(),
    ];
    proptest::collection::vec((key, value), 0..5).prop_map(|pairs| {
        form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
    })
}

proptest! {
    #[test]
    fn it_agrees_with_an_independent_reading(query in pairs(), fragment in pairs()) {
        let ours = parse(&query, &fragment).ok().and_then(|redirect| match redirect.outcome {
            Outcome::Token { secret, expires_in } => Some((
                secret.expose().to_owned(),
                expires_in,
                redirect.state.map(|state| state.to_string()),
            )),
            Outcome::Denied(_) => None,
        });

        prop_assert_eq!(ours, reference(&query, &fragment));
    }

    #[test]
    fn no_text_gives_a_token_that_a_header_could_not_carry(text in "[ -~]{0,60}|\\PC{0,40}") {
        if let Ok(Outcome::Token { secret, .. }) = outcome("", &format!("access_token={text}")) {
            prop_assert!(secret.expose().bytes().all(|b| b.is_ascii_graphic()));
        }
    }
}
