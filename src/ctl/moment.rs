//! Moments and lengths of time, for people and for programs.
//!
//! People get the time of day in their own zone, and the date where it is not today's; programs
//! get RFC 3339 in UTC and seconds. Nothing in here asks what time it is.

use std::time::Duration;

use jiff::{Timestamp, Zoned};

/// A moment as the API sends it. One that no calendar has is none.
pub(super) fn timestamp(sent: Option<&prost_types::Timestamp>) -> Option<Timestamp> {
    let sent = sent?;
    Timestamp::new(sent.seconds, sent.nanos).ok()
}

/// A length of time as the API sends it. A negative one is none at all.
pub(super) fn duration(sent: Option<&prost_types::Duration>) -> Duration {
    sent.and_then(|sent| Duration::try_from(*sent).ok()).unwrap_or_default()
}

/// `14:32`, or `2026-11-23 14:32` where that is not today.
pub(super) fn local(moment: Timestamp, now: &Zoned) -> String {
    format(moment, now, "%H:%M")
}

/// The same with the zone: `14:32 CET`.
pub(super) fn local_with_zone(moment: Timestamp, now: &Zoned) -> String {
    format(moment, now, "%H:%M %Z")
}

fn format(moment: Timestamp, now: &Zoned, time: &str) -> String {
    let local = moment.to_zoned(now.time_zone().clone());
    let date = if local.date() == now.date() { "" } else { "%Y-%m-%d " };
    local.strftime(&format!("{date}{time}")).to_string()
}

/// RFC 3339 in UTC, to the second, rounded down: no program takes a token for longer lived.
pub(super) fn rfc3339(moment: Timestamp) -> String {
    moment.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// `2 h 5 min`, `47 min`, `34 s`: what one needs to know, rounded down.
pub(super) fn length(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match (seconds / 3600, seconds / 60 % 60) {
        (0, 0) => format!("{seconds} s"),
        (0, minutes) => format!("{minutes} min"),
        (hours, 0) => format!("{hours} h"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;

    #[test]
    fn a_moment_of_today_is_a_time_of_day() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let berlin = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        let now = at("2026-11-22T12:45:00Z").to_zoned(berlin);

        assert_eq!(local(at("2026-11-22T13:32:59Z"), &now), "14:32");
        assert_eq!(local_with_zone(at("2026-11-22T13:32:59Z"), &now), "14:32 CET");
        assert_eq!(local(at("2026-11-22T23:00:00Z"), &now), "2026-11-23 00:00");
        assert_eq!(rfc3339(at("2026-11-22T13:32:59.999Z")), "2026-11-22T13:32:59Z");
    }

    #[test]
    fn a_length_of_time_has_at_most_two_units() {
        let lengths = [0, 34, 60, 2_879, 3_600, 7_500, 90_000];

        let shown = lengths.map(|seconds| length(Duration::from_secs(seconds)));

        assert_eq!(shown, ["0 s", "34 s", "1 min", "47 min", "1 h", "2 h 5 min", "25 h"]);
    }

    #[test]
    fn what_no_calendar_has_is_no_moment() {
        let absurd = prost_types::Timestamp { seconds: i64::MAX, nanos: 0 };
        let negative = prost_types::Duration { seconds: -1, nanos: 0 };

        assert_eq!(timestamp(Some(&absurd)), None);
        assert_eq!(duration(Some(&negative)), Duration::ZERO);
    }
}
