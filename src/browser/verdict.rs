//! What the human is told: the words of the landing page and of refused visits.
//!
//! A line may have a command in backticks; the pages show it as code. No word here comes from
//! a request.

use serde::Serialize;

use super::{Landing, refusal::Refusal};

/// What the landing page shows, as it gets it: `{"ok", "title", "lines", "user", "until", "next"}`.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub(super) struct Verdict {
    /// Whether a token is held.
    ok: bool,
    pub(super) title: String,
    pub(super) lines: Vec<String>,
    /// Whose token it is.
    user: Option<String>,
    /// Until when, in milliseconds since 1970-01-01 UTC; the browser knows the local time.
    until: Option<u64>,
    /// Where the tab goes on to. Has a ticket in it.
    next: Option<String>,
}

impl Verdict {
    /// How the login of the cluster `label` ended.
    pub(super) fn landed(label: &str, landing: Landing) -> Self {
        match landing {
            Landing::Done { user, until_millis, next } => Self {
                ok: true,
                title: format!("Logged in to {label}"),
                lines: Vec::new(),
                user: Some(user),
                until: Some(until_millis),
                next: next.map(|url| url.to_string()),
            },
            Landing::Failed { sentence, advice } => {
                let lines = [sentence, advice].into_iter().filter_map(|text| as_sentence(&text));
                Self::told(format!("The login to {label} failed"), lines)
            }
        }
    }

    /// The login was given up while the landing page waited.
    pub(super) fn unfinished(label: &str) -> Self {
        Self::told(
            format!("The login to {label} did not finish"),
            [
                "It was given up before its answer could be checked.",
                "`ucssoctl status` says where things stand.",
            ],
        )
    }

    /// The login is still being checked after a minute.
    pub(super) fn still_checking(label: &str) -> Self {
        Self::told(
            format!("Still checking with {label}"),
            ["This takes longer than usual.", "`ucssoctl status` says how it ends."],
        )
    }

    /// A request was refused.
    pub(super) fn refused(refusal: Refusal) -> Self {
        let begin_again = "`ucssoctl login` begins a new one.";
        match refusal {
            Refusal::NothingPending | Refusal::UnknownPath => Self::told(
                "Nothing to do here",
                ["No login is waiting for this page.", begin_again],
            ),
            Refusal::Ticket => Self::told(
                "This link no longer works",
                ["A login link works once, and only while its login waits.", begin_again],
            ),
            Refusal::NotStarted | Refusal::WrongNonce | Refusal::NonceSpent => Self::told(
                "This login was not accepted",
                ["It came back to another window than it began in, or a second time.", begin_again],
            ),
            Refusal::BodyTooLarge => Self::told(
                "This login was not accepted",
                ["The answer of the cluster is longer than 64 KiB."],
            ),
            _ => Self::told("Not accepted", ["This is not how a login comes back."]),
        }
    }

    fn told<T: Into<String>>(title: impl Into<String>, lines: impl IntoIterator<Item = T>) -> Self {
        let lines = lines.into_iter().map(Into::into).collect();
        Self { ok: false, title: title.into(), lines, user: None, until: None, next: None }
    }
}

/// Makes a sentence of a lower-case fragment without a full stop. Nothing of nothing.
fn as_sentence(fragment: &str) -> Option<String> {
    let fragment = fragment.trim();
    let mut letters = fragment.chars();
    let first = letters.next()?;
    let stop = if fragment.ends_with(['.', '!', '?', ':']) { "" } else { "." };
    Some(format!("{}{}{stop}", first.to_uppercase(), letters.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_landing_page_gets_json_of_a_fixed_shape() {
        let landing = Landing::Done {
            user: "alice".into(),
            until_millis: 1_794_000_000_000,
            next: Some("http://127.0.0.1:8765/start/x".to_owned().into()),
        };

        let json = serde_json::to_string(&Verdict::landed("hq", landing)).unwrap();

        assert_eq!(
            json,
            concat!(
                r#"{"ok":true,"title":"Logged in to hq","lines":[],"user":"alice","#,
                r#""until":1794000000000,"next":"http://127.0.0.1:8765/start/x"}"#
            )
        );
    }

    #[test]
    fn a_failure_reads_as_sentences_and_says_what_mends_it() {
        let failed = |sentence: &str, advice: &str| {
            let (sentence, advice) = (sentence.into(), advice.into());
            Verdict::landed("hq", Landing::Failed { sentence, advice }).lines
        };

        assert_eq!(
            failed("the token belongs to another user", "run `ucssoctl login hq`"),
            ["The token belongs to another user.", "Run `ucssoctl login hq`."]
        );
        assert_eq!(failed("état inconnu!", ""), ["État inconnu!"]);
    }

    #[test]
    fn every_refusal_has_words_and_none_claims_success() {
        for refusal in Refusal::ALL {
            let verdict = Verdict::refused(refusal);

            assert!(!verdict.ok && !verdict.title.is_empty() && !verdict.lines.is_empty());
        }
    }
}
