//! Exact amounts, for the few places where this connector compares them itself.

use std::fmt;

/// Digits behind the point that are kept.
const DIGITS: usize = 6;
const ONE: i128 = 1_000_000;

/// An amount in millionths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Amount(i128);

impl Amount {
    pub(crate) const ZERO: Self = Self(0);

    /// Reads a plain decimal; `None` for anything else, or where digits would be lost.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let fraction = fraction.trim_end_matches('0');
        let numeric = |it: &str| it.bytes().all(|it| it.is_ascii_digit());
        if whole.is_empty() || whole.len() > 24 || fraction.len() > DIGITS {
            return None;
        }
        if !numeric(whole) || !numeric(fraction) {
            return None;
        }
        let fraction: i128 = format!("{fraction:0<DIGITS$}").parse().ok()?;
        let value = whole.parse::<i128>().ok()? * ONE + fraction;
        Some(Self(if negative { -value } else { value }))
    }
}

/// With two digits behind the point, more where it has more.
impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let value = self.0.unsigned_abs();
        let one = ONE.unsigned_abs();
        let fraction = format!("{:0DIGITS$}", value % one);
        let fraction = fraction.trim_end_matches('0');
        write!(f, "{sign}{}.{fraction:0<2}", value / one)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_and_written_exactly() {
        let cases = [
            ("12.10", Some("12.10")),
            ("12.1000000", Some("12.10")),
            ("-0.5", Some("-0.50")),
            ("7", Some("7.00")),
            ("0.123456", Some("0.123456")),
            ("9999999999.99", Some("9999999999.99")),
            ("0.1234567", None),
            ("1e3", None),
            ("1,000.00", None),
            ("", None),
            (".5", None),
            ("--1", None),
            ("1111111111111111111111111", None),
        ];
        for (text, expected) in cases {
            let read = Amount::parse(text).map(|it| it.to_string());
            assert_eq!(read.as_deref(), expected, "{text}");
        }
        assert!(Amount::parse("0.09") < Amount::parse("0.1"));
        assert_eq!(Amount::parse("-0.00"), Some(Amount::ZERO));
    }
}
