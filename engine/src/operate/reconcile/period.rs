//! The days that are compared.

use std::fmt;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// A stretch of calendar days, both ends in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Days")]
pub struct Period {
    from: Date,
    to: Date,
}

/// A period as it comes in, not looked at yet.
#[derive(Deserialize)]
struct Days {
    from: Date,
    to: Date,
}

impl TryFrom<Days> for Period {
    type Error = String;
    fn try_from(it: Days) -> Result<Self, Self::Error> {
        Self::new(it.from, it.to)
    }
}

impl Period {
    /// From one day to another.
    ///
    /// # Errors
    ///
    /// The days are in the wrong order, in words.
    pub fn new(from: Date, to: Date) -> Result<Self, String> {
        if from > to {
            return Err(format!("{from} is after {to}"));
        }
        Ok(Self { from, to })
    }

    /// The month that is written as `2026-11`.
    ///
    /// # Errors
    ///
    /// It is no month, in words.
    pub fn month(text: &str) -> Result<Self, String> {
        let day: Result<Date, _> = format!("{text}-01").parse();
        match day {
            Ok(day) if text.len() == 7 => Ok(Self::month_of(day)),
            _ => Err(format!("`{text}` is no month: write 2026-11")),
        }
    }

    /// The month that a day lies in.
    pub fn month_of(day: Date) -> Self {
        Self {
            from: day.first_of_month(),
            to: day.last_of_month(),
        }
    }

    /// First day.
    pub fn from(&self) -> Date {
        self.from
    }

    /// Last day.
    pub fn to(&self) -> Date {
        self.to
    }

    /// Whether a day lies in it.
    pub fn holds(&self, day: Date) -> bool {
        (self.from..=self.to).contains(&day)
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}", self.from, self.to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_are_read_and_end_where_they_end() {
        let cases = [
            ("2026-11", Ok("2026-11-01 to 2026-11-30")),
            ("2028-02", Ok("2028-02-01 to 2028-02-29")),
            ("2026-12", Ok("2026-12-01 to 2026-12-31")),
            ("2026-13", Err("`2026-13` is no month: write 2026-11")),
            ("2026-1", Err("`2026-1` is no month: write 2026-11")),
            ("2026-11-0", Err("`2026-11-0` is no month: write 2026-11")),
            ("", Err("`` is no month: write 2026-11")),
        ];
        for (text, wanted) in cases {
            let read = Period::month(text).map(|it| it.to_string());
            assert_eq!(
                read,
                wanted.map(str::to_owned).map_err(str::to_owned),
                "{text}"
            );
        }
    }

    #[test]
    fn both_ends_are_in_it_and_the_order_counts() {
        let day = |text: &str| text.parse::<Date>().unwrap();
        let period = Period::new(day("2026-11-05"), day("2026-11-07")).unwrap();
        let held: Vec<bool> = ["2026-11-04", "2026-11-05", "2026-11-07", "2026-11-08"]
            .map(|it| period.holds(day(it)))
            .to_vec();
        assert_eq!(held, [false, true, true, false]);
        assert!(Period::new(day("2026-11-05"), day("2026-11-05")).is_ok());
        assert!(Period::new(day("2026-11-05"), day("2026-11-04")).is_err());
        let sent = r#"{"from":"2026-11-05","to":"2026-11-04"}"#;
        assert!(
            serde_json::from_str::<Period>(sent).is_err(),
            "nor through a socket"
        );
    }
}
