//! Numbers: exact decimals, or the text they came as.
//!
//! A decimal holds 28 digits and keeps its scale, so `12.10 * 3` is `36.30`. What does not fit
//! (long ids, huge exponents) stays byte for byte what the vendor sent; it compares by meaning, and
//! arithmetic on it is refused.

use std::{borrow::Cow, cmp::Ordering, fmt, sync::Arc};

use rust_decimal::{Decimal, RoundingStrategy};

/// Decimal places of a quotient, and the fewest that a sum or product may keep when its exact form
/// needs more digits than a decimal has.
pub const DIVISION_PLACES: u32 = 12;

/// Coefficients from here on have no room for another digit.
const FULL: u128 = (1 << 96) / 10;

/// Digits of the longest number that is read at all.
const LONGEST: usize = 4096;

/// A number.
#[derive(Clone)]
pub enum Number {
    /// An exact decimal with its scale.
    Decimal(Decimal),
    /// A number that no decimal holds, as it was written.
    Verbatim(Arc<str>),
}

/// Why a calculation was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ArithmeticError {
    /// One side is not held as a decimal.
    #[error("`{0}` has too many digits to calculate with")]
    TooLong(String),
    /// Division by zero.
    #[error("`{0}` cannot be divided by zero")]
    DivisionByZero(String),
    /// The result needs more digits than a decimal has.
    #[error("the result of `{left} {sign} {right}` has too many digits; round one side first")]
    Overflow {
        /// Left side.
        left: String,
        /// Operator.
        sign: char,
        /// Right side.
        right: String,
    },
}

impl Number {
    /// Reads a number as JSON writes it. `None` when the text is not one, or is absurdly long.
    pub fn parse(text: &str) -> Option<Self> {
        if !is_json_number(text) || text.len() > LONGEST {
            return None;
        }
        // The common case first: plain digits, no exponent, and surely no more than fit.
        if text.len() <= 28
            && !text.contains(['e', 'E'])
            && let Ok(it) = Decimal::from_str_exact(text)
        {
            return Some(Self::Decimal(positive_zero(it)));
        }
        let plain = plain(text)?;
        Some(match Decimal::from_str_exact(&plain) {
            Ok(it) if plain.len() <= 64 => Self::Decimal(positive_zero(it)),
            _ => Self::Verbatim(text.into()),
        })
    }

    /// The decimal, unless the number does not fit one.
    pub fn as_decimal(&self) -> Option<Decimal> {
        match self {
            Self::Decimal(it) => Some(*it),
            Self::Verbatim(_) => None,
        }
    }

    /// A whole number that fits.
    pub fn as_i64(&self) -> Option<i64> {
        let it = self.as_decimal()?.normalize();
        if it.scale() == 0 {
            it.mantissa().try_into().ok()
        } else {
            None
        }
    }

    /// Sum.
    pub fn plus(&self, other: &Self) -> Result<Self, ArithmeticError> {
        let (l, r) = (self.operand()?, other.operand()?);
        let exact = l.scale().max(r.scale());
        self.checked(l.checked_add(r), exact, '+', other)
    }

    /// Difference.
    pub fn minus(&self, other: &Self) -> Result<Self, ArithmeticError> {
        let (l, r) = (self.operand()?, other.operand()?);
        let exact = l.scale().max(r.scale());
        self.checked(l.checked_sub(r), exact, '-', other)
    }

    /// Product.
    pub fn times(&self, other: &Self) -> Result<Self, ArithmeticError> {
        let (l, r) = (self.operand()?, other.operand()?);
        let exact = l.scale() + r.scale();
        self.checked(l.checked_mul(r), exact, '*', other)
    }

    /// Quotient, rounded half away from zero to [`DIVISION_PLACES`] places, without trailing zeros.
    pub fn over(&self, other: &Self) -> Result<Self, ArithmeticError> {
        self.over_to(other, DIVISION_PLACES).map(|it| match it {
            Self::Decimal(it) => Self::Decimal(it.normalize()),
            it => it,
        })
    }

    /// Quotient, rounded half away from zero to so many places.
    pub fn over_to(&self, other: &Self, places: u32) -> Result<Self, ArithmeticError> {
        let (l, r) = (self.operand()?, other.operand()?);
        if r.is_zero() {
            return Err(ArithmeticError::DivisionByZero(self.to_string()));
        }
        let quotient = l.checked_div(r).ok_or_else(|| self.overflow('/', other))?;
        // A division that does not come out fills all digits that there are. When those before the
        // point leave fewer places than asked for, the result is not what was meant.
        if quotient.scale() < places && quotient.mantissa().unsigned_abs() >= FULL {
            return Err(self.overflow('/', other));
        }
        Ok(Self::Decimal(positive_zero(round_away(quotient, places))))
    }

    /// Remainder, with the sign of the left side.
    pub fn modulo(&self, other: &Self) -> Result<Self, ArithmeticError> {
        let (l, r) = (self.operand()?, other.operand()?);
        if r.is_zero() {
            return Err(ArithmeticError::DivisionByZero(self.to_string()));
        }
        let it = l.checked_rem(r).ok_or_else(|| self.overflow('%', other))?;
        Ok(Self::Decimal(positive_zero(it)))
    }

    /// The number with its sign turned.
    pub fn negated(&self) -> Result<Self, ArithmeticError> {
        Ok(Self::Decimal(positive_zero(-self.operand()?)))
    }

    /// Rounded half away from zero to at most so many places.
    pub fn rounded(&self, places: u32) -> Result<Self, ArithmeticError> {
        Ok(Self::Decimal(positive_zero(round_away(
            self.operand()?,
            places,
        ))))
    }

    fn operand(&self) -> Result<Decimal, ArithmeticError> {
        self.as_decimal()
            .ok_or_else(|| ArithmeticError::TooLong(shortened(&self.to_string())))
    }

    fn overflow(&self, sign: char, other: &Self) -> ArithmeticError {
        ArithmeticError::Overflow {
            left: self.to_string(),
            sign,
            right: other.to_string(),
        }
    }

    /// `rust_decimal` drops digits that do not fit without a word. That is told by the scale, and
    /// accepted only while as many places remain as a quotient would have. With a zero on one side
    /// nothing is lost, whatever places the result shows.
    fn checked(
        &self,
        result: Option<Decimal>,
        exact_scale: u32,
        sign: char,
        other: &Self,
    ) -> Result<Self, ArithmeticError> {
        match result {
            Some(it) if it.scale() >= exact_scale.min(DIVISION_PLACES) || self.has_zero(other) => {
                Ok(Self::Decimal(positive_zero(it)))
            }
            _ => Err(self.overflow(sign, other)),
        }
    }

    fn has_zero(&self, other: &Self) -> bool {
        [self, other]
            .into_iter()
            .any(|it| it.as_decimal().is_some_and(|it| it.is_zero()))
    }

    /// Sign, significant digits and the power of ten of the last one: equal for equal numbers.
    pub(super) fn normal(&self) -> Normal {
        match self {
            Self::Decimal(it) => {
                let it = it.normalize();
                let digits = it.mantissa().unsigned_abs().to_string();
                Normal::new(it.is_sign_negative(), digits, -i64::from(it.scale()))
            }
            Self::Verbatim(text) => {
                let (negative, digits, exponent) = taken_apart(text);
                Normal::new(negative, digits, exponent)
            }
        }
    }
}

/// Rounds half away from zero, as people and tax offices do.
pub fn round_away(it: Decimal, places: u32) -> Decimal {
    it.round_dp_with_strategy(places, RoundingStrategy::MidpointAwayFromZero)
}

/// A number in its one normal form.
#[derive(PartialEq, Eq)]
pub(super) struct Normal {
    pub(super) negative: bool,
    /// Without zeros at either end; empty for zero.
    pub(super) digits: String,
    pub(super) exponent: i64,
}

impl Normal {
    fn new(negative: bool, digits: String, exponent: i64) -> Self {
        let without_tail = digits.trim_end_matches('0');
        let exponent = exponent + (digits.len() - without_tail.len()) as i64;
        let significant = without_tail.trim_start_matches('0');
        if significant.is_empty() {
            Self {
                negative: false,
                digits: String::new(),
                exponent: 0,
            }
        } else {
            Self {
                negative,
                digits: significant.to_owned(),
                exponent,
            }
        }
    }

    fn magnitude(&self) -> i64 {
        self.exponent + self.digits.len() as i64
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Number {}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        if let (Self::Decimal(l), Self::Decimal(r)) = (self, other) {
            return l.cmp(r);
        }
        let (l, r) = (self.normal(), other.normal());
        let sign = |it: &Normal| match (it.digits.is_empty(), it.negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        };
        sign(&l).cmp(&sign(&r)).then_with(|| {
            let larger = l
                .magnitude()
                .cmp(&r.magnitude())
                .then_with(|| l.digits.cmp(&r.digits));
            if l.negative { larger.reverse() } else { larger }
        })
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decimal(it) => it.fmt(f),
            Self::Verbatim(text) => f.write_str(text),
        }
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn positive_zero(mut it: Decimal) -> Decimal {
    if it.is_zero() {
        it.set_sign_positive(true);
    }
    it
}

fn shortened(text: &str) -> String {
    if text.len() <= 48 {
        text.to_owned()
    } else {
        format!("{}…", &text[..48])
    }
}

fn is_json_number(text: &str) -> bool {
    let digits = |it: &str| it.bytes().take_while(u8::is_ascii_digit).count();
    let rest = text.strip_prefix('-').unwrap_or(text);
    let whole = digits(rest);
    if whole == 0 || (whole > 1 && rest.starts_with('0')) {
        return false;
    }
    let mut rest = &rest[whole..];
    if let Some(fraction) = rest.strip_prefix('.') {
        let places = digits(fraction);
        if places == 0 {
            return false;
        }
        rest = &fraction[places..];
    }
    if let Some(exponent) = rest.strip_prefix(['e', 'E']) {
        let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        // More than nine digits of exponent is nobody's number; it would overflow comparisons.
        let places = digits(exponent);
        return (1..=9).contains(&places) && places == exponent.len();
    }
    rest.is_empty()
}

/// Sign, digits without point, power of ten of the last digit.
fn taken_apart(text: &str) -> (bool, String, i64) {
    let (negative, rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().unwrap_or(0)),
        None => (rest, 0),
    };
    match mantissa.split_once('.') {
        Some((whole, fraction)) => (
            negative,
            format!("{whole}{fraction}"),
            exponent - fraction.len() as i64,
        ),
        None => (negative, mantissa.to_owned(), exponent),
    }
}

/// The number without an exponent, when that is not much longer.
fn plain(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains(['e', 'E']) {
        return Some(Cow::Borrowed(text));
    }
    let (negative, digits, exponent) = taken_apart(text);
    let sign = if negative { "-" } else { "" };
    let significant = digits.trim_start_matches('0');
    if significant.is_empty() {
        return Some(Cow::Borrowed("0"));
    }
    // Outside of these bounds no decimal holds it; any text that does not parse as one will do.
    if !(-28..=28).contains(&exponent) {
        return Some(Cow::Borrowed(text));
    }
    Some(Cow::Owned(if exponent >= 0 {
        format!(
            "{sign}{significant}{}",
            "0".repeat(exponent.unsigned_abs() as usize)
        )
    } else {
        let places = exponent.unsigned_abs() as usize;
        let padded = format!("{significant:0>width$}", width = places + 1);
        let (whole, fraction) = padded.split_at(padded.len() - places);
        format!("{sign}{whole}.{fraction}")
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Number {
        Number::parse(text).unwrap_or_else(|| panic!("{text} is a number"))
    }

    #[test]
    fn numbers_are_read_and_written() {
        let cases = [
            // read, written
            ("0", "0"),
            ("-0", "0"),
            ("-0.00", "0.00"),
            ("12.10", "12.10"),
            ("1e2", "100"),
            ("1.5E+1", "15"),
            ("12.5e-3", "0.0125"),
            ("0e99", "0"),
            (
                "123456789012345678901234567890123456",
                "123456789012345678901234567890123456",
            ),
            (
                "0.12345678901234567890123456789",
                "0.12345678901234567890123456789",
            ),
            ("1e400", "1e400"),
            (
                "79228162514264337593543950335",
                "79228162514264337593543950335",
            ),
            (
                "79228162514264337593543950336",
                "79228162514264337593543950336",
            ),
        ];
        for (read, written) in cases {
            assert_eq!(number(read).to_string(), written, "{read}");
        }
        for wrong in [
            "",
            "-",
            "01",
            "1.",
            ".5",
            "1e",
            "+1",
            "1e1234567890",
            "NaN",
            "0x1",
            "1 ",
        ] {
            assert!(Number::parse(wrong).is_none(), "{wrong}");
        }
        assert!(Number::parse(&"9".repeat(5000)).is_none());
    }

    /// `rust_decimal` gives the other side as it is, with fewer places: nothing was lost.
    #[test]
    fn a_zero_with_more_places_is_added_without_complaint() {
        let (amount, zero) = (number("179.8"), number("0.00"));
        assert_eq!(amount.plus(&zero), Ok(number("179.8")));
        assert_eq!(zero.plus(&amount), Ok(number("179.8")));
        assert_eq!(amount.minus(&zero), Ok(number("179.8")));
        assert_eq!(zero.minus(&amount), Ok(number("-179.8")));
        assert_eq!(zero.times(&amount), Ok(number("0")));
    }

    #[test]
    fn numbers_compare_by_meaning() {
        let cases = [
            ("1.0", "1.00", Ordering::Equal),
            ("0", "-0.0", Ordering::Equal),
            ("1e400", "10e399", Ordering::Equal),
            ("1e400", "1", Ordering::Greater),
            ("-1e400", "1", Ordering::Less),
            ("-1e400", "-1e399", Ordering::Less),
            (
                "123456789012345678901234567890123456",
                "123456789012345678901234567890123457",
                Ordering::Less,
            ),
            ("1e-60", "0", Ordering::Greater),
            ("2", "10", Ordering::Less),
        ];
        for (l, r, expected) in cases {
            assert_eq!(number(l).cmp(&number(r)), expected, "{l} and {r}");
            assert_eq!(number(r).cmp(&number(l)), expected.reverse(), "{r} and {l}");
        }
    }

    #[test]
    fn calculations_are_exact() {
        let cases = [
            ("12.10", '*', "3", "36.30"),
            ("0.1", '+', "0.2", "0.3"),
            ("25.06", '+', "25.61", "50.67"),
            ("1", '-', "1.00", "0.00"),
            ("10", '/', "4", "2.5"),
            ("1", '/', "3", "0.333333333333"),
            ("2", '/', "3", "0.666666666667"),
            ("-2", '/', "3", "-0.666666666667"),
            ("36.30", '/', "3", "12.1"),
            ("7.5", '%', "2", "1.5"),
            ("-7", '%', "2", "-1"),
            (
                "1.23456789012345",
                '*',
                "1.23456789012345",
                "1.5241578753238669120562399025",
            ),
            ("0", '*', "0.00", "0"),
        ];
        for (l, sign, r, expected) in cases {
            let (left, right) = (number(l), number(r));
            let result = match sign {
                '+' => left.plus(&right),
                '-' => left.minus(&right),
                '*' => left.times(&right),
                '/' => left.over(&right),
                _ => left.modulo(&right),
            };
            let result = result.map(|it| it.to_string());
            assert_eq!(result, Ok(expected.to_owned()), "{l} {sign} {r}");
        }
    }

    #[test]
    fn rounding_is_half_away_from_zero() {
        for (it, places, expected) in [
            ("2.5", 0, "3"),
            ("-2.5", 0, "-3"),
            ("0.125", 2, "0.13"),
            ("-0.125", 2, "-0.13"),
            ("1.005", 2, "1.01"),
            ("36.3", 2, "36.3"),
            ("-0.001", 2, "0.00"),
        ] {
            let rounded = number(it).rounded(places).map(|it| it.to_string());
            assert_eq!(rounded, Ok(expected.to_owned()), "{it} to {places}");
        }
        // Tax of 15 % on three lines, line by line, as a target with per-line rounding has it.
        let tax: Vec<String> = ["25.06", "25.61", "25.63"]
            .iter()
            .map(|it| {
                number(it)
                    .times(&number("0.15"))
                    .and_then(|it| it.rounded(2))
            })
            .map(|it| it.map(|it| it.to_string()).unwrap_or_default())
            .collect();
        assert_eq!(tax, ["3.76", "3.84", "3.84"]);
    }

    #[test]
    fn what_cannot_be_exact_is_refused() {
        let long = number("123456789012345678901234567890123456");
        assert!(matches!(
            long.plus(&number("1")),
            Err(ArithmeticError::TooLong(_))
        ));
        let zero = number("1").over(&number("0.00"));
        assert!(matches!(zero, Err(ArithmeticError::DivisionByZero(_))));
        let cases = [
            number("70000000000000000000000000000").plus(&number("70000000000000000000000000000")),
            number("70000000000000000000000000000").plus(&number("0.1")),
            number("1000000000000000000.5").times(&number("1000000000.55")),
            number("10000000000000000000000000").over(&number("3")),
        ];
        for (index, it) in cases.into_iter().enumerate() {
            assert!(
                matches!(it, Err(ArithmeticError::Overflow { .. })),
                "case {index}: {it:?}"
            );
        }
    }
}
