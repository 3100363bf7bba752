//! Single values: text in, meaning or what is wrong out.
//!
//! Nothing in here knows TOML, a key, or another value. Called by `cluster` and `file`.

use std::{ops::Range, time::Duration};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use jiff::fmt::friendly::SpanParser;

use super::{SpkiPin, problem::Problem, reader::nearest};

/// What is wrong with a value, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wrong {
    message: String,
    help: String,
}

impl Wrong {
    /// Says what is wrong, and what to write.
    pub(super) fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { message: message.into(), help: help.into() }
    }

    /// The same, with its place.
    pub(super) fn at(self, key: &str, span: Range<usize>) -> Problem {
        Problem { key: key.to_owned(), span, message: self.message, help: self.help }
    }
}

/// The text is not a length of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a length of time; write `90s`, `5m` or `1h30m`")]
pub struct InvalidDuration;

/// Reads a length of time: `90s`, `5m`, `1h30m`. A day or more is written in hours.
///
/// # Errors
///
/// [`InvalidDuration`] for anything else, a negative length included.
pub fn parse_duration(text: &str) -> Result<Duration, InvalidDuration> {
    static PARSER: SpanParser = SpanParser::new();
    let signed = PARSER.parse_duration(text).map_err(|_| InvalidDuration)?;
    signed.try_into().map_err(|_| InvalidDuration)
}

/// A length of time as one writes it: `5m`, `1h30m`.
#[must_use]
pub fn show_duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let parts = [(seconds / 3600, "h"), (seconds / 60 % 60, "m"), (seconds % 60, "s")];
    let shown: Vec<_> =
        parts.iter().filter(|(n, _)| *n > 0).map(|(n, unit)| format!("{n}{unit}")).collect();
    if shown.is_empty() { "0s".to_owned() } else { shown.concat() }
}

/// A length of time within bounds.
pub(super) fn duration(
    text: &str,
    at_least: Duration,
    at_most: Duration,
) -> Result<Duration, Wrong> {
    let bounds = || format!("from {} to {}", show_duration(at_least), show_duration(at_most));
    let duration = parse_duration(text).map_err(|_| {
        Wrong::new(
            format!("{} is not a length of time", shown(text)),
            format!("write `90s`, `5m` or `1h30m`, {}", bounds()),
        )
    })?;
    if duration < at_least || duration > at_most {
        let limit = if duration < at_least { "too short" } else { "too long" };
        return Err(Wrong::new(
            format!("{} is {limit}", shown(text)),
            format!("write a time {}", bounds()),
        ));
    }
    Ok(duration)
}

/// One of a few words.
pub(super) fn word<T: Copy>(text: &str, words: &[(&str, T)]) -> Result<T, Wrong> {
    if let Some((_, meaning)) = words.iter().find(|(word, _)| *word == text) {
        return Ok(*meaning);
    }
    let all: Vec<_> = words.iter().map(|(word, _)| format!("\"{word}\"")).collect();
    let help = nearest(text, words.iter().map(|(word, _)| *word)).map_or_else(
        || format!("write one of {}", all.join(", ")),
        |word| format!("did you mean \"{word}\"?"),
    );
    Err(Wrong::new(format!("{} is not one of {}", shown(text), all.join(", ")), help))
}

/// A text that shows: not empty, no white space around it, no control character in it.
pub(super) fn visible(text: &str, example: &str) -> Result<String, Wrong> {
    let help = || format!("write it as in \"{example}\"");
    if text.is_empty() {
        return Err(Wrong::new("this is empty", help()));
    }
    if text.trim() != text || text.chars().any(char::is_control) {
        return Err(Wrong::new(
            "there is white space around it or an invisible character in it",
            help(),
        ));
    }
    Ok(text.to_owned())
}

/// The path of a request on a node.
pub(super) fn request_path(text: &str) -> Result<String, Wrong> {
    let help = "write a path on the node, as in \"/cucm-uds/user/{user}\"";
    if !text.starts_with('/') || text.starts_with("//") {
        return Err(Wrong::new(format!("{} does not begin with one `/`", shown(text)), help));
    }
    let strange = |c: char| !c.is_ascii_graphic() || matches!(c, '#' | '\\');
    if text.replace("{user}", "").contains(|c| strange(c) || matches!(c, '{' | '}')) {
        return Err(Wrong::new(
            format!("{} has a character that a path cannot have", shown(text)),
            "the one placeholder is `{user}`; percent-encode other special characters",
        ));
    }
    Ok(text.to_owned())
}

/// A pin: `sha256/` and 32 bytes in base64.
pub(super) fn pin(text: &str) -> Result<SpkiPin, Wrong> {
    let help = "write \"sha256/\" and the 44 characters of the base64 of a SHA-256 digest, as \
                `ucssod` prints them when a certificate is not trusted";
    let Some(digest) = text.strip_prefix("sha256/") else {
        return Err(Wrong::new(format!("{} does not begin with `sha256/`", shown(text)), help));
    };
    let Ok(bytes) = BASE64_STANDARD.decode(digest) else {
        return Err(Wrong::new("what follows `sha256/` is not base64", help));
    };
    let length = bytes.len();
    let digest = bytes.try_into().map_err(|_| {
        Wrong::new(format!("the digest has {length} bytes, and SHA-256 has 32"), help)
    })?;
    Ok(SpkiPin(digest))
}

/// A written text as it appears in a message: in backticks, harmless, of bearable length.
pub(super) fn shown(text: &str) -> String {
    const LONGEST: usize = 60;
    let mut harmless: String = text.escape_debug().take(LONGEST).collect();
    if text.escape_debug().count() > LONGEST {
        harmless.push('…');
    }
    format!("`{harmless}`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_of_time_is_written_as_people_write_it() {
        let minutes = Duration::from_mins;

        assert_eq!(parse_duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(parse_duration("5m"), Ok(minutes(5)));
        assert_eq!(parse_duration("5 minutes"), Ok(minutes(5)));
        assert_eq!(parse_duration("1h30m"), Ok(minutes(90)));
        for wrong in ["", "5", "1d", "-5m", "5m ago", "five", "PT", "99999999999999999h"] {
            assert_eq!(parse_duration(wrong), Err(InvalidDuration), "{wrong:?}");
        }
    }

    #[test]
    fn a_length_of_time_is_shown_as_it_is_written() {
        for text in ["0s", "59s", "1m", "1h", "1h30m", "25h1m1s"] {
            assert_eq!(show_duration(parse_duration(text).unwrap()), text);
        }
    }

    #[test]
    fn a_pin_is_a_whole_digest() {
        let good = "sha256/BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";

        assert_eq!(pin(good), Ok(SpkiPin([7; 32])));
        assert_eq!(SpkiPin([7; 32]).to_string(), good);
        for wrong in
            ["", "sha256/", "sha1/AAAA", "sha256/AAAA", "sha256/!", &good[..good.len() - 1]]
        {
            assert!(pin(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_was_written_cannot_draw_on_the_terminal() {
        assert_eq!(shown("\u{1b}[31m"), "`\\u{1b}[31m`");
        assert_eq!(shown(&"x".repeat(200)), format!("`{}…`", "x".repeat(60)));
    }
}
