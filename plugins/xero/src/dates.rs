//! Xero's dates.
//!
//! A document's date is a calendar date, even where it arrives as milliseconds: the date of that
//! instant in UTC, whatever offset stands beside it. `If-Modified-Since` takes UTC to the second,
//! without a zone.

const MS_PER_DAY: i64 = 86_400_000;
/// From the beginning of year 1 to the end of 9999, in milliseconds since the epoch.
const FOUR_DIGITS: std::ops::RangeInclusive<i64> = -62_135_596_800_000..=253_402_300_799_999;

/// Calendar date of any of Xero's forms: `2026-04-09T00:00:00`, `2026-04-09`,
/// `/Date(1775692800000+0000)/`.
pub(crate) fn calendar_date(text: &str) -> Option<String> {
    if let Some(ms) = milliseconds_form(text) {
        let (year, month, day) = civil_from_days(ms.div_euclid(MS_PER_DAY));
        return Some(format!("{year:04}-{month:02}-{day:02}"));
    }
    let date = text.get(..10)?;
    days_of(date)?;
    Some(date.to_owned())
}

/// Milliseconds since the epoch of `/Date(…)/`, or of an ISO instant; without a zone it is UTC.
pub(crate) fn instant(text: &str) -> Option<i64> {
    milliseconds_form(text).or_else(|| iso_instant(text))
}

/// The value of `If-Modified-Since`.
pub(crate) fn modified_since(ms: i64) -> String {
    let (year, month, day) = civil_from_days(ms.div_euclid(MS_PER_DAY));
    let second = ms.rem_euclid(MS_PER_DAY) / 1000;
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")
}

/// `2026-04-09` as `DateTime(2026,04,09)`, for a `where`.
pub(crate) fn where_date(date: &str) -> Option<String> {
    days_of(date)?;
    Some(format!("DateTime({})", date.replace('-', ",")))
}

/// The number in `/Date(1775692800000+0000)/` is UTC; the offset changes nothing. Years have four
/// digits here as everywhere, so that whoever reckons with an instant stays among numbers.
fn milliseconds_form(text: &str) -> Option<i64> {
    let inner = text.strip_prefix("/Date(")?.strip_suffix(")/")?;
    let end = inner
        .char_indices()
        .skip(1)
        .find(|(_, it)| matches!(it, '+' | '-'));
    let ms: i64 = inner[..end.map_or(inner.len(), |(at, _)| at)]
        .parse()
        .ok()?;
    FOUR_DIGITS.contains(&ms).then_some(ms)
}

fn iso_instant(text: &str) -> Option<i64> {
    let days = days_of(text.get(..10)?)?;
    let clock = text.get(10..)?.strip_prefix(['T', 't', ' '])?;
    let zone_at = clock.find(['Z', 'z', '+', '-']).unwrap_or(clock.len());
    let (clock, zone) = clock.split_at(zone_at);
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    let mut parts = clock.split(':').map(two_digits);
    let (hour, minute) = (parts.next()??, parts.next()??);
    let second = parts.next().unwrap_or(Some(0))?;
    if hour > 23 || minute > 59 || second > 60 || parts.next().is_some() {
        return None;
    }
    if !fraction.bytes().all(|it| it.is_ascii_digit()) {
        return None;
    }
    let millis: i64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    let local = days * MS_PER_DAY + ((hour * 60 + minute) * 60 + second) * 1000 + millis;
    Some(local - offset_minutes(zone)? * 60_000)
}

fn offset_minutes(zone: &str) -> Option<i64> {
    let (sign, rest) = match zone.as_bytes().first() {
        None | Some(b'Z' | b'z') => return (zone.len() <= 1).then_some(0),
        Some(b'-') => (-1, &zone[1..]),
        _ => (1, &zone[1..]),
    };
    let digits = rest.replace(':', "");
    let hours = two_digits(digits.get(..2)?)?;
    let minutes = two_digits(digits.get(2..4)?)?;
    (digits.len() == 4).then_some(sign * (hours * 60 + minutes))
}

fn two_digits(text: &str) -> Option<i64> {
    (text.len() == 2 && text.bytes().all(|it| it.is_ascii_digit())).then(|| text.parse().ok())?
}

/// Days since the epoch of `YYYY-MM-DD`, when there is such a day.
fn days_of(date: &str) -> Option<i64> {
    let bytes = date.as_bytes();
    if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return None;
    }
    let number = |text: Option<&str>| -> Option<i64> {
        text.filter(|it| it.bytes().all(|it| it.is_ascii_digit()))?
            .parse()
            .ok()
    };
    let (year, month, day) = (
        number(date.get(..4))?,
        number(date.get(5..7))?,
        number(date.get(8..))?,
    );
    let days = days_from_civil(year, month, day);
    (civil_from_days(days) == (year, month, day)).then_some(days)
}

/// Days since the epoch in the proleptic Gregorian calendar, counted from March so that the leap
/// day ends a year.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

fn civil_from_days(days: i64) -> (i64, i64, i64) {
    // Years of five digits have no text form here; keeping within them avoids overflow as well.
    let days = days.clamp(-719_162, 2_932_896) + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn document_dates_lose_their_time_and_zone() {
        let cases = [
            ("/Date(1775692800000+0000)/", Some("2026-04-09")),
            ("/Date(1775692800000)/", Some("2026-04-09")),
            ("/Date(1775692800000+1300)/", Some("2026-04-09")),
            ("/Date(-86400000)/", Some("1969-12-31")),
            ("/Date(-1)/", Some("1969-12-31")),
            ("/Date(1709164800000)/", Some("2024-02-29")),
            ("2026-04-09T00:00:00", Some("2026-04-09")),
            ("2026-04-09", Some("2026-04-09")),
            ("2026-02-30", None),
            ("20260409", None),
            ("/Date(soon)/", None),
            ("/Date()/", None),
            ("", None),
            ("2026-04-é9", None),
        ];
        for (text, expected) in cases {
            assert_eq!(calendar_date(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn instants_beyond_four_digit_years_are_none() {
        for ms in [i64::MIN, i64::MAX, -62_135_596_800_001, 253_402_300_800_000] {
            let text = format!("/Date({ms})/");
            assert_eq!(
                (calendar_date(&text), instant(&text)),
                (None, None),
                "{text}"
            );
        }
        let first = calendar_date("/Date(-62135596800000)/");
        assert_eq!(first.as_deref(), Some("0001-01-01"));
        let last = calendar_date("/Date(253402300799999)/");
        assert_eq!(last.as_deref(), Some("9999-12-31"));
    }

    #[test]
    fn instants_come_in_several_forms() {
        let cases = [
            ("/Date(1551812346157+0000)/", Some(1_551_812_346_157)),
            ("2019-03-05T18:59:06Z", Some(1_551_812_346_000)),
            ("2019-03-05T18:59:06.157", Some(1_551_812_346_157)),
            ("2019-03-05T18:59:06.1573333Z", Some(1_551_812_346_157)),
            ("2019-03-06T07:59:06+13:00", Some(1_551_812_346_000)),
            ("2019-03-05T13:59:06-0500", Some(1_551_812_346_000)),
            ("1970-01-01T00:00:00Z", Some(0)),
            ("2019-03-05", None),
            ("2019-03-05T25:00:00Z", None),
            ("2019-03-05T18:59:06+1", None),
            ("2019-03-05T18:59:06.xZ", None),
            ("yesterday", None),
        ];
        for (text, expected) in cases {
            assert_eq!(instant(text), expected, "{text}");
        }
    }

    #[test]
    fn modified_since_is_utc_to_the_second() {
        assert_eq!(modified_since(1_551_812_346_999), "2019-03-05T18:59:06");
        assert_eq!(modified_since(0), "1970-01-01T00:00:00");
        assert_eq!(modified_since(-1), "1969-12-31T23:59:59");
    }

    #[test]
    fn every_day_survives_the_round_trip() {
        for days in (-400_000..800_000).step_by(13) {
            let (year, month, day) = civil_from_days(days);
            assert_eq!(
                days_from_civil(year, month, day),
                days,
                "{year}-{month}-{day}"
            );
        }
    }

    #[test]
    fn a_where_takes_a_date_apart() {
        assert_eq!(
            where_date("2026-04-09").as_deref(),
            Some("DateTime(2026,04,09)")
        );
        assert_eq!(where_date("2026-4-9"), None);
        assert_eq!(where_date("2026-04-09\" OR"), None);
    }
}
