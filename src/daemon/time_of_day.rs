//! A moment of the wall clock as people here write it: `14:05`.

use jiff::{Timestamp, tz::TimeZone};

use crate::domain;

/// The hour and the minute of a moment on the wall clock; none where it is beyond any calendar.
pub(super) fn time_of_day(at: domain::Timestamp, zone: &TimeZone) -> Option<String> {
    let millis = i64::try_from(at.as_millis()).ok()?;
    let moment = Timestamp::from_millisecond(millis).ok()?.to_zoned(zone.clone());
    Some(moment.strftime("%H:%M").to_string())
}
