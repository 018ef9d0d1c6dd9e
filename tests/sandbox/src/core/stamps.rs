//! How Core writes ids, instants and dates: none of them in one way only.
//!
//! What varies depends on the id alone, so that the same row looks the same at every call.

use jiff::Timestamp;
use jiff::civil::Date;
use uuid::Uuid;

use crate::json::Json;

/// An audit stamp: UTC, no more digits than it needs, and in one of eight rows without the `Z`.
pub(crate) fn audit(at: Timestamp, id: Uuid) -> String {
    let mut text = at.strftime("%Y-%m-%dT%H:%M:%S").to_string();
    let millis = at.as_millisecond().rem_euclid(1000);
    if millis > 0 {
        text.push('.');
        text.push_str(format!("{millis:03}").trim_end_matches('0'));
    }
    if last_byte(id) % 8 != 3 {
        text.push('Z');
    }
    text
}

/// The form of creation stamps of payments: seven digits.
pub(crate) fn ticks(at: Timestamp, ticks: i64) -> String {
    format!("{}.{ticks:07}Z", at.strftime("%Y-%m-%dT%H:%M:%S"))
}

/// A calendar date.
pub(crate) fn day(date: Date) -> String {
    format!("{date}T00:00:00")
}

/// A date that is not there: null, or an empty text.
pub(crate) fn no_day(id: Uuid) -> Json {
    if last_byte(id).is_multiple_of(2) {
        Json::Null
    } else {
        Json::from("")
    }
}

/// An id as it is written in documents: one in five in upper case.
pub(crate) fn id(id: Uuid, mixed: bool) -> String {
    cased(id, mixed && last_byte(id).is_multiple_of(5))
}

/// An id as it is written in the list of credit notes: others in upper case than in documents.
pub(crate) fn listed_id(id: Uuid, mixed: bool) -> String {
    cased(id, mixed && last_byte(id).is_multiple_of(3))
}

fn cased(id: Uuid, upper: bool) -> String {
    let text = id.to_string();
    if upper {
        text.to_ascii_uppercase()
    } else {
        text
    }
}

fn last_byte(id: Uuid) -> u8 {
    id.as_bytes().last().copied().unwrap_or_default()
}

/// An id of a document, whatever its case.
pub(crate) fn read_id(json: Option<&Json>) -> Option<Uuid> {
    Uuid::parse_str(json?.as_str()?.trim()).ok()
}

/// The instant at the start of the millisecond: Core keeps no more.
pub(crate) fn to_millisecond(at: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_are_as_long_as_they_need_to_be() {
        let (with, without) = (Uuid::from_u128(1), Uuid::from_u128(3));
        let cases = [
            ("2026-02-03T04:05:06.913Z", with, "2026-02-03T04:05:06.913Z"),
            ("2026-02-03T04:05:06.910Z", with, "2026-02-03T04:05:06.91Z"),
            ("2026-02-03T04:05:06Z", with, "2026-02-03T04:05:06Z"),
            ("2026-02-03T04:05:06.05Z", without, "2026-02-03T04:05:06.05"),
        ];
        for (at, id, expected) in cases {
            assert_eq!(audit(at.parse().unwrap(), id), expected);
        }
        let at = "2026-02-04T05:08:30Z".parse().unwrap();
        assert_eq!(ticks(at, 6_407_568), "2026-02-04T05:08:30.6407568Z");
    }
}
