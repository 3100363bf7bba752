//! Where the output goes: text for people, its width, and what the terminal can show.
//!
//! The one place of the command line that asks for the time and for the terminal. Output goes
//! through `anstream`, which drops the colours where nobody wants them.

use std::{
    env,
    io::{self, IsTerminal as _, Write as _},
};

use jiff::{Timestamp, Zoned, tz::TimeZone};

use super::error::Error;

/// The width of a terminal that does not say.
const USUAL_WIDTH: usize = 80;

/// What the output is drawn on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Canvas {
    /// A terminal of this many columns, with or without the characters beyond ASCII.
    Terminal {
        /// The width.
        columns: usize,
        /// Whether more than ASCII can be shown.
        unicode: bool,
    },
    /// A file or a pipe: no bars, no wrapping, ASCII.
    Plain,
}

impl Canvas {
    /// What standard output is at this moment.
    pub(super) fn of_stdout() -> Self {
        if !io::stdout().is_terminal() {
            return Self::Plain;
        }
        Self::Terminal { columns: size().0, unicode: is_unicode(|name| env::var(name).ok()) }
    }
}

/// The columns and rows of the terminal on standard output.
pub(super) fn size() -> (usize, usize) {
    let asked = rustix::termios::tcgetwinsize(io::stdout()).ok();
    let variable = |name| env::var(name).ok().and_then(|value| value.parse().ok());
    let columns = asked.map(|size| usize::from(size.ws_col)).filter(|columns| *columns > 0);
    let rows = asked.map(|size| usize::from(size.ws_row)).filter(|rows| *rows > 0);
    (
        columns.or_else(|| variable("COLUMNS")).unwrap_or(USUAL_WIDTH),
        rows.or_else(|| variable("LINES")).unwrap_or(24),
    )
}

/// The time now, in the zone of the user.
pub(super) fn now() -> Zoned {
    Timestamp::now().to_zoned(TimeZone::system())
}

/// Writes to standard output.
pub(super) fn out(text: &str) -> Result<(), Error> {
    let mut stdout = anstream::stdout().lock();
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).map_err(Error::Output)
}

/// Writes to standard error. That nobody reads it is no reason to fail.
pub(super) fn note(text: &str) {
    let _ = anstream::stderr().write_all(text.as_bytes());
}

/// Writes sentences to standard output, broken between words where that is a terminal.
pub(super) fn say(text: &str) -> Result<(), Error> {
    let columns = io::stdout().is_terminal().then(|| size().0);
    out(&columns.map_or_else(|| text.to_owned(), |columns| flowed(text, columns)))
}

/// The columns of the terminal on standard error, if one is there.
pub(super) fn columns_of_stderr() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(io::stderr()).ok()?;
    Some(usize::from(size.ws_col)).filter(|columns| *columns > 0)
}

/// Breaks lines between words where they are longer than a terminal is wide. What is indented by
/// two is to be copied, and stays in one piece; what is indented by more goes on under itself.
pub(super) fn flowed(text: &str, columns: usize) -> String {
    let mut flowed = String::with_capacity(text.len() + 16);
    for line in text.split_inclusive('\n') {
        let indent = line.len() - line.trim_start_matches(' ').len();
        if indent == 2 || line.trim_end().chars().count() <= columns {
            flowed.push_str(line);
            continue;
        }
        let mut at = indent;
        flowed.push_str(&line[..indent]);
        for (position, word) in line.split_whitespace().enumerate() {
            let width = word.chars().count();
            if position > 0 && at + 1 + width > columns {
                flowed.push('\n');
                flowed.push_str(&line[..indent]);
                at = indent;
            } else if position > 0 {
                flowed.push(' ');
                at += 1;
            }
            flowed.push_str(word);
            at += width;
        }
        flowed.push_str(if line.ends_with('\n') { "\n" } else { "" });
    }
    flowed
}

/// A text that cannot draw on the terminal.
pub(super) fn harmless(text: &str) -> String {
    text.replace(char::is_control, "\u{fffd}")
}

/// Whether the locale's character set is UTF-8 (setlocale(3): the first of these that is set).
fn is_unicode(variable: impl Fn(&str) -> Option<String>) -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .into_iter()
        .filter_map(variable)
        .find(|value| !value.is_empty())
        .unwrap_or_default()
        .to_ascii_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_are_broken_between_words_and_what_is_copied_is_not() {
        let text = "hq: open this page in a browser; it works once\n\n  http://127.0.0.1:27443/start/x\n\
                    \n        log in through `ssh`\nshort\n";

        assert_eq!(flowed(text, 80), text);
        assert_eq!(
            flowed(text, 24),
            "hq: open this page in a\nbrowser; it works once\n\n  http://127.0.0.1:27443/start/x\n\
             \n        log in through\n        `ssh`\nshort\n"
        );
        assert_eq!(flowed("a-word-that-is-longer b", 9), "a-word-that-is-longer\nb");
    }

    #[test]
    fn the_locale_says_whether_more_than_ascii_can_be_shown() {
        let unicode = |variables: &[(&str, &str)]| {
            is_unicode(|name| {
                variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
            })
        };

        assert!(unicode(&[("LANG", "de_DE.UTF-8")]));
        assert!(unicode(&[("LC_ALL", ""), ("LC_CTYPE", "C.utf8")]));
        assert!(!unicode(&[("LC_ALL", "C"), ("LANG", "de_DE.UTF-8")]));
        assert!(!unicode(&[]));
    }
}
