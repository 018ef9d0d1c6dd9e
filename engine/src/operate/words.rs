//! Amounts and ages as people read them, the same on a terminal and in a message.

use rust_decimal::Decimal;

use crate::store::Tally;

/// `AUD 1,234.50 + NZD 7.00`.
pub(crate) fn money(tally: &Tally) -> String {
    if tally.money.is_empty() {
        return "-".to_owned();
    }
    tally
        .money
        .iter()
        .map(|(currency, sum)| {
            let sum = grouped(*sum);
            if currency.is_empty() {
                sum
            } else {
                format!("{currency} {sum}")
            }
        })
        .collect::<Vec<_>>()
        .join(" + ")
}

/// As [`money`], behind a comma; nothing when there is none.
pub(crate) fn counted_money(tally: &Tally) -> String {
    match tally.money.is_empty() {
        true => String::new(),
        false => format!(", {}", money(tally)),
    }
}

/// A decimal with at least two places and thousands apart.
pub(crate) fn grouped(sum: Decimal) -> String {
    let text = if sum.scale() < 2 {
        format!("{sum:.2}")
    } else {
        sum.to_string()
    };
    let (sign, text) = text
        .strip_prefix('-')
        .map_or(("", text.as_str()), |it| ("-", it));
    let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
    let mut out = String::with_capacity(text.len() + 4);
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    if rest.is_empty() {
        format!("{sign}{out}")
    } else {
        format!("{sign}{out}.{rest}")
    }
}

/// `3 d`, `5 h`, `12 min`, `now`.
pub(crate) fn age(now_ms: i64, since_ms: i64) -> String {
    match (now_ms - since_ms).max(0) / 60_000 {
        0 => "now".to_owned(),
        minutes if minutes < 60 => format!("{minutes} min"),
        minutes if minutes < 48 * 60 => format!("{} h", minutes / 60),
        minutes => format!("{} d", minutes / (24 * 60)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_reads_well() {
        let cases = [
            ("0", "0.00"),
            ("46", "46.00"),
            ("1234567.5", "1,234,567.50"),
            ("-1000.125", "-1,000.125"),
        ];
        for (given, wanted) in cases {
            assert_eq!(grouped(given.parse().unwrap()), wanted, "{given}");
        }
    }
}
