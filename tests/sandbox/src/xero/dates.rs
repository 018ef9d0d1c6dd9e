//! Xero's forms of dates.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

/// The milliseconds form of a calendar date, as midnight UTC.
pub(crate) fn date_ms(date: Date) -> String {
    match date.at(0, 0, 0, 0).to_zoned(TimeZone::UTC) {
        Ok(midnight) => format!("/Date({}+0000)/", midnight.timestamp().as_millisecond()),
        Err(_) => String::new(),
    }
}

/// The zone-less text form of a calendar date.
pub(crate) fn date_text(date: Date) -> String {
    format!("{date}T00:00:00")
}

/// The milliseconds form of an instant.
pub(crate) fn instant_ms(instant: Timestamp) -> String {
    format!("/Date({}+0000)/", instant.as_millisecond())
}

/// The envelope's form of an instant, which has no offset.
pub(crate) fn envelope_ms(instant: Timestamp) -> String {
    format!("/Date({})/", instant.as_millisecond())
}

/// ISO text to the second, UTC.
pub(crate) fn instant_text(instant: Timestamp) -> String {
    instant.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Cut to whole milliseconds, which is all that Xero keeps.
pub(crate) fn to_milliseconds(instant: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(instant.as_millisecond()).unwrap_or(instant)
}

/// A date as requests may write it: ISO date, ISO date and time, or the milliseconds form.
pub(crate) fn parse_date(text: &str) -> Option<Date> {
    if let Some(inner) = text
        .strip_prefix("/Date(")
        .and_then(|rest| rest.strip_suffix(")/"))
    {
        let end = inner
            .char_indices()
            .skip(1)
            .find(|(_, c)| matches!(c, '+' | '-'));
        let digits = end.map_or(inner, |(at, _)| inner.get(..at).unwrap_or(inner));
        let instant = Timestamp::from_millisecond(digits.parse().ok()?).ok()?;
        return Some(instant.to_zoned(TimeZone::UTC).date());
    }
    let day = text.get(..10)?;
    let bytes = day.as_bytes();
    if bytes.get(4) != Some(&b'-') || bytes.get(7) != Some(&b'-') {
        return None;
    }
    let rest = text.get(10..)?;
    if !rest.is_empty() {
        text.trim_end_matches('Z').parse::<DateTime>().ok()?;
    }
    day.parse().ok()
}

/// The value of `If-Modified-Since`: ISO to the second, UTC, without a zone.
pub(crate) fn parse_modified_since(text: &str) -> Option<Timestamp> {
    let stamp: DateTime = text.trim().trim_end_matches('Z').parse().ok()?;
    Some(stamp.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

/// The calendar date of an instant in the zone that Xero calls `name`.
pub(crate) fn today(name: &str, now: Timestamp) -> Date {
    let zone = iana_zone(name)
        .and_then(|iana| TimeZone::get(iana).ok())
        .unwrap_or(TimeZone::UTC);
    now.to_zoned(zone).date()
}

/// The usual name of a zone that Xero names its own way.
fn iana_zone(name: &str) -> Option<&'static str> {
    Some(match name {
        "AUSEASTERNSTANDARDTIME" => "Australia/Sydney",
        "AUSCENTRALSTANDARDTIME" => "Australia/Darwin",
        "CENAUSTRALIASTANDARDTIME" => "Australia/Adelaide",
        "EAUSTRALIASTANDARDTIME" => "Australia/Brisbane",
        "TASMANIASTANDARDTIME" => "Australia/Hobart",
        "WAUSTRALIASTANDARDTIME" => "Australia/Perth",
        "NEWZEALANDSTANDARDTIME" => "Pacific/Auckland",
        "SINGAPORESTANDARDTIME" => "Asia/Singapore",
        "GMTSTANDARDTIME" => "Europe/London",
        "EASTERNSTANDARDTIME" => "America/New_York",
        "PACIFICSTANDARDTIME" => "America/Los_Angeles",
        _ => return None,
    })
}

/// The form in which lock messages name a date.
pub(crate) fn lock_date(date: Date) -> String {
    date.strftime("%d-%b-%Y").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_dates_are_read_or_refused() {
        let cases = [
            ("2026-04-09", Some("2026-04-09")),
            ("2026-04-09T10:00:00", Some("2026-04-09")),
            ("/Date(1775692800000+0000)/", Some("2026-04-09")),
            ("/Date(1775692800000)/", Some("2026-04-09")),
            ("/Date(-86400000+0000)/", Some("1969-12-31")),
            ("20100510", None),
            ("09/04/2026", None),
            ("2026-13-09", None),
            ("2026-04-09Tnoon", None),
        ];
        for (text, expected) in cases {
            let actual = parse_date(text).map(|date| date.to_string());
            assert_eq!(actual.as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn dates_are_written_in_both_forms() {
        let date = jiff::civil::date(2026, 4, 9);
        assert_eq!(date_ms(date), "/Date(1775692800000+0000)/");
        assert_eq!(date_text(date), "2026-04-09T00:00:00");
        assert_eq!(lock_date(jiff::civil::date(2018, 11, 30)), "30-Nov-2018");
    }

    #[test]
    fn today_is_the_organisations_day() {
        let now = "2026-11-22T14:00:00Z".parse().unwrap();
        assert_eq!(
            today("AUSEASTERNSTANDARDTIME", now).to_string(),
            "2026-11-23"
        );
        assert_eq!(today("SOMETHINGELSE", now).to_string(), "2026-11-22");
    }
}
