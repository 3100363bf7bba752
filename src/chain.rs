//! An error on one line: what happened, and what brought it about.
//!
//! The text of an error never repeats that of its source, so whoever shows it says both. Called
//! where an error ends: by `daemon`, `ctl` and `lab` for those they print, and by `cisco` for the
//! sentence of a failure.

use std::{error::Error, iter};

/// The error and its sources, the outermost first, with `: ` between them.
#[must_use]
pub fn one_line(error: &(dyn Error + 'static)) -> String {
    let said: Vec<_> =
        iter::successors(Some(error), |&error| error.source()).map(ToString::to_string).collect();
    said.join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("`{0}` cannot be read")]
    struct Unreadable(&'static str, #[source] std::io::Error);

    #[test]
    fn every_source_is_said_once_and_in_order() {
        let source = std::io::Error::other(Unreadable("b", std::io::Error::other("no such disk")));

        let line = one_line(&Unreadable("a", source));

        assert_eq!(line, "`a` cannot be read: `b` cannot be read: no such disk");
    }
}
