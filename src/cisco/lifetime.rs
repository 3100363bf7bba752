//! How long a token lives: `expires_in` (RFC 6749 4.2.2), read with suspicion.
//!
//! Pure. A cluster may send less than its configured lifetime (it sends what is left when the
//! browser still has a session), so the value of each redirect counts and none is remembered.
//! Called by `mod`.

use std::time::Duration;

use crate::config::LifetimeBounds;

/// Why an `expires_in` is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LifetimeFlaw {
    /// Not one to ten ASCII digits.
    #[error("the lifetime of the token is not a number of seconds")]
    NotSeconds,
    /// The token is dead on arrival.
    #[error("the lifetime of the token is zero")]
    Zero,
}

/// Reads `expires_in`: one to ten ASCII digits, seconds.
///
/// A missing one is the bounds' fallback, one above the maximum is the maximum.
pub(super) fn lifetime(
    expires_in: Option<&str>,
    bounds: LifetimeBounds,
) -> Result<Duration, LifetimeFlaw> {
    let seconds = match expires_in {
        None => u64::from(bounds.fallback),
        Some(text) => seconds(text).ok_or(LifetimeFlaw::NotSeconds)?,
    };
    match seconds.min(u64::from(bounds.max)) {
        0 => Err(LifetimeFlaw::Zero),
        seconds => Ok(Duration::from_secs(seconds)),
    }
}

/// `str::parse` alone would accept `+5`; ten digits always fit.
fn seconds(text: &str) -> Option<u64> {
    let digits = (1..=10).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: LifetimeBounds = LifetimeBounds { fallback: 300, max: 86_400 };

    #[test]
    fn seconds_in_ascii_digits_are_taken_and_clamped() {
        for (text, expected) in [
            ("1", 1),
            ("5", 5),
            ("59", 59),
            ("60", 60),
            ("536", 536),
            ("900", 900),
            ("3600", 3_600),
            ("03600", 3_600),
            ("0000000005", 5),
            ("86399", 86_399),
            ("86400", 86_400),
            ("86401", 86_400),
            ("604800", 86_400),
            ("2147483647", 86_400),
            ("2147483648", 86_400),
            ("4294967295", 86_400),
            ("4294967296", 86_400),
            ("9999999999", 86_400),
        ] {
            assert_eq!(lifetime(Some(text), BOUNDS), Ok(Duration::from_secs(expected)), "{text}");
        }
    }

    #[test]
    fn zero_however_it_is_written_is_refused() {
        for text in ["0", "00", "0000000000"] {
            assert_eq!(lifetime(Some(text), BOUNDS), Err(LifetimeFlaw::Zero), "{text}");
        }
    }

    #[test]
    fn whatever_is_not_one_to_ten_ascii_digits_is_refused() {
        for text in [
            "",
            " ",
            " 3600",
            "3600 ",
            "36 00",
            "3600\n",
            "\t3600",
            "3600\0",
            "+5",
            "-0",
            "-1",
            "-3600",
            "--1",
            "1e3",
            "1E3",
            "3600.0",
            "3600.",
            ".5",
            "0.5",
            "3,600",
            "3_600",
            "3600s",
            "PT1H",
            "0x10",
            "0b1",
            "NaN",
            "nan",
            "inf",
            "Infinity",
            "-inf",
            "null",
            "true",
            "\"3600\"",
            "00000000001",
            "10000000000",
            "18446744073709551615",
            "18446744073709551616",
            "99999999999999999999999999999999",
            "٣٦٠٠",
            "３６００",
            "१२३",
            "²",
            "Ⅻ",
        ] {
            assert_eq!(lifetime(Some(text), BOUNDS), Err(LifetimeFlaw::NotSeconds), "{text:?}");
        }
    }

    #[test]
    fn a_missing_lifetime_is_the_fallback_but_never_above_the_maximum() {
        assert_eq!(lifetime(None, BOUNDS), Ok(Duration::from_mins(5)));
        assert_eq!(
            lifetime(None, LifetimeBounds { fallback: 300, max: 120 }),
            Ok(Duration::from_mins(2))
        );
    }
}
