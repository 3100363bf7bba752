//! By when a caller wants its answer: gRPC's own header, and a little less.
//!
//! tonic ends a call at that moment too, without a word; and so does the caller. Whoever is told
//! just before it can be told why. Nothing in here waits. Called by `service`.

use std::time::Duration;

use tonic::metadata::MetadataMap;

/// gRPC's header for it ("gRPC over HTTP2", Requests).
const HEADER: &str = "grpc-timeout";
/// The most digits that it has.
const DIGITS: usize = 8;
/// The most that an answer is ahead of it: time to reach a caller on this machine that is busy.
const AHEAD: Duration = Duration::from_millis(100);

/// How long an answer may take; `None`, where the caller waits for as long as it takes. What
/// cannot be read is as if it were not there, as it is to tonic.
pub(super) fn of(metadata: &MetadataMap) -> Option<Duration> {
    let allowed = read(metadata.get(HEADER)?.to_str().ok()?)?;
    Some(allowed.saturating_sub(AHEAD.min(allowed / 10)))
}

fn read(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if number.len() > DIGITS || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number: u64 = number.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_hours(number),
        "M" => Duration::from_mins(number),
        "S" => Duration::from_secs(number),
        "m" => Duration::from_millis(number),
        "u" => Duration::from_micros(number),
        "n" => Duration::from_nanos(number),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(header: &'static str) -> Option<Duration> {
        let mut metadata = MetadataMap::new();
        metadata.insert(HEADER, header.parse().unwrap());
        of(&metadata)
    }

    #[test]
    fn an_answer_comes_a_little_before_it_is_too_late() {
        let cases = [
            ("2H", Duration::from_millis(7_199_900)),
            ("1M", Duration::from_millis(59_900)),
            ("60S", Duration::from_millis(59_900)),
            ("50m", Duration::from_millis(45)),
            ("500u", Duration::from_micros(450)),
            ("10n", Duration::from_nanos(9)),
            ("0S", Duration::ZERO),
            ("99999999H", Duration::from_hours(99_999_999).saturating_sub(AHEAD)),
        ];

        for (header, wanted) in cases {
            assert_eq!(allowed(header), Some(wanted), "{header}");
        }
    }

    #[test]
    fn what_is_no_time_is_as_if_it_were_not_there() {
        for header in ["", "S", "5", "5s", "+5S", "-5S", "1.5S", "123456789S"] {
            assert_eq!(allowed(header), None, "{header}");
        }
        assert_eq!(of(&MetadataMap::new()), None);
    }
}
