//! What a cluster is called. Parsed once, valid for ever.

use std::{fmt, str::FromStr, sync::Arc};

/// The name an operator gave a cluster: 1 to 64 of `a-z`, `0-9`, `.`, `_` and `-`, beginning
/// with a letter or a digit.
///
/// The name is part of a URL path, of file names and of log lines, so nothing else is let in.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClusterName(Arc<str>);

impl ClusterName {
    /// The longest name, in bytes.
    pub const MAX_LEN: usize = 64;

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ClusterName {
    type Err = InvalidClusterName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let letter_or_digit = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let begins_well = text.bytes().next().is_some_and(letter_or_digit);
        let all_known = text.bytes().all(|b| letter_or_digit(b) || b"._-".contains(&b));
        if begins_well && all_known && text.len() <= Self::MAX_LEN {
            Ok(Self(text.into()))
        } else {
            Err(InvalidClusterName)
        }
    }
}

impl fmt::Display for ClusterName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for ClusterName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

/// The text is not a cluster name. It is not repeated here: it may be anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a cluster name is 1 to 64 of `a-z`, `0-9`, `.`, `_`, `-`, and begins with a letter or digit"
)]
pub struct InvalidClusterName;

/// A cluster as the broker presents it: its name, and what an operator recognises it by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    /// Its name.
    pub name: ClusterName,
    /// The product it runs, in the configuration's word.
    pub product: &'static str,
    /// The user whose tokens are wanted.
    pub user: String,
}

/// What of a cluster's settings a token depends on, as a digest: a token that was obtained under
/// others is not for this cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint(pub [u8; 32]);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_made_of_what_is_safe_everywhere() {
        for good in ["hq", "0", "a.b_c-d", &"x".repeat(64)] {
            assert_eq!(good.parse::<ClusterName>().map(|n| n.to_string()), Ok(good.to_owned()));
        }
        for bad in ["", "Hq", "-hq", ".hq", "_", "a b", "a/b", "a\n", "ä", &"x".repeat(65)] {
            assert_eq!(bad.parse::<ClusterName>(), Err(InvalidClusterName), "{bad:?}");
        }
    }

    #[test]
    fn a_name_prints_as_it_was_written() {
        let name: ClusterName = "hq".parse().unwrap();

        assert_eq!(format!("{name} {name:?} {name:>4}"), "hq \"hq\"   hq");
        assert_eq!(name.as_str(), "hq");
    }
}
