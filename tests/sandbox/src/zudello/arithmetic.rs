//! The published arithmetic of a document: what follows from lines and rates.
//!
//! Whether `total` of a line has the tax in it is the header's business; whether its `unit_price`
//! has it is nobody's, and is judged from the numbers. A header can be overridden by hand, so
//! headers are settled when lines change and not before.

use rust_decimal::Decimal;

use super::team::Team;
use crate::json::{Json, Object};
use crate::xero::lines::round;

/// Members of a line that follow from the others.
const DERIVED: &[&str] = &[
    "tax_amount",
    "total_exclusive",
    "unit_price_exclusive",
    "total_exclusive_local",
];

/// Tax and the amount without it, of a line total and a rate in percent.
pub(crate) fn split(total: Decimal, rate: Decimal, included: bool) -> (Decimal, Decimal) {
    if included {
        let divisor = Decimal::ONE_HUNDRED + rate;
        let without = (total * Decimal::ONE_HUNDRED)
            .checked_div(divisor)
            .unwrap_or(total);
        let tax = round(total - without, 2);
        (tax, total - tax)
    } else {
        (round(total * rate / Decimal::ONE_HUNDRED, 2), total)
    }
}

/// The unit price without tax.
pub(crate) fn unit_price_exclusive(
    unit_price: Decimal,
    quantity: Decimal,
    total_exclusive: Decimal,
    tax: Decimal,
) -> Decimal {
    if unit_price * quantity == total_exclusive {
        return unit_price;
    }
    let each = tax.checked_div(quantity).unwrap_or_default();
    round(unit_price - each, 4)
}

/// An amount as it is held: text with at least two decimals.
pub(crate) fn money(value: Decimal) -> Json {
    let mut value = value.normalize();
    if value.scale() < 2 {
        value.rescale(2);
    }
    if value.is_zero() {
        value.set_sign_positive(true);
    }
    Json::Str(value.to_string())
}

fn amount(object: &Object, name: &str) -> Option<Decimal> {
    object.get(name).and_then(Json::as_decimal)
}

/// Settles a line: what follows from price, quantity and rate. A total that is there stays.
pub(crate) fn settle_line(line: &mut Object, rate: Decimal, included: bool, home: bool) {
    let quantity = amount(line, "quantity").unwrap_or(Decimal::ONE);
    let price = amount(line, "unit_price").unwrap_or_default();
    let total = amount(line, "total").unwrap_or_else(|| round(quantity * price, 2));
    let (tax, exclusive) = split(total, rate, included);
    line.set("total", money(total));
    line.set("total_exclusive", money(exclusive));
    line.set("tax_amount", money(tax));
    let price = unit_price_exclusive(price, quantity, exclusive, tax);
    line.set("unit_price_exclusive", money(price));
    line.set(
        "total_exclusive_local",
        if home { money(exclusive) } else { Json::Null },
    );
}

/// Settles a header from its lines.
pub(crate) fn settle_header(document: &mut Object) {
    let (mut subtotal, mut freight, mut tax) = (Decimal::ZERO, Decimal::ZERO, Decimal::ZERO);
    let lines = document.get("lines").and_then(Json::as_array);
    for line in lines.unwrap_or_default().iter().filter_map(Json::as_object) {
        let exclusive = amount(line, "total_exclusive").unwrap_or_default();
        if line.get("line_type").and_then(Json::as_str) == Some("LANDED_COST") {
            freight += exclusive;
        } else {
            subtotal += exclusive;
        }
        tax += amount(line, "tax_amount").unwrap_or_default();
    }
    document.set("subtotal", money(subtotal));
    document.set("freight", money(freight));
    document.set("tax", money(tax));
    document.set("total", money(subtotal + tax + freight));
}

/// Settles every line that lacks a derived member, or all of them, and then the header.
pub(crate) fn settle(team: &Team, document: &mut Json, all: bool) {
    let included = document.get("tax_included").and_then(Json::as_bool) == Some(true);
    let currency = document.get("currency").and_then(Json::as_str);
    let home = currency
        .and_then(|it| team.resource("currencies", it))
        .is_none_or(|it| it.text("code") == team.currency);
    let Json::Obj(object) = document else { return };
    if let Some(Json::Arr(lines)) = object.get_mut("lines") {
        for (at, line) in lines.iter_mut().enumerate() {
            let Json::Obj(line) = line else { continue };
            for name in ["quantity", "unit_price", "total"] {
                if let Some(value) = line.get_mut(name)
                    && let Json::Num(text) = value
                {
                    *value = Json::Str(text.to_string());
                }
            }
            if line.get("line_number").is_none() {
                line.set(
                    "line_number",
                    i64::try_from(at).unwrap_or(0).saturating_add(1),
                );
            }
            if line.get("line_type").is_none() {
                line.set("line_type", "ITEM");
            }
            if all || DERIVED.iter().any(|it| line.get(it).is_none()) {
                let rate = line.get("tax_rate").and_then(|it| rate(team, it));
                settle_line(line, rate.unwrap_or_default(), included, home);
            }
        }
    }
    settle_header(object);
}

/// The rate of a relation to a tax rate, whichever way it is held.
fn rate(team: &Team, relation: &Json) -> Option<Decimal> {
    match relation {
        Json::Str(text) => team
            .resource("tax-rates", text)?
            .document
            .get("rate")?
            .as_decimal(),
        _ => relation.get("rate")?.as_decimal(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn tax_is_taken_out_or_put_on() {
        let cases = [
            // total, rate, included, tax, without tax
            ("110.00", "10", true, "10.00", "100.00"),
            ("100.00", "10", false, "10.00", "100.00"),
            ("10.25", "10", false, "1.03", "10.25"),
            ("10.25", "10", true, "0.93", "9.32"),
            ("-110.00", "10", true, "-10.00", "-100.00"),
            ("50.00", "0", true, "0.00", "50.00"),
            ("57.50", "15", true, "7.50", "50.00"),
        ];
        for (total, rate, included, tax, without) in cases {
            let expected = (number(tax), number(without));
            let actual = split(number(total), number(rate), included);
            assert_eq!(actual, expected, "{total} at {rate}, included: {included}");
        }
    }

    #[test]
    fn a_unit_price_shows_by_its_numbers_whether_it_has_the_tax() {
        let cases = [
            // unit price, quantity, total exclusive, tax, unit price exclusive
            ("25.00", "4", "100.00", "10.00", "25.00"),
            ("27.50", "4", "100.00", "10.00", "25.00"),
            ("11.00", "3", "30.00", "3.00", "10.00"),
            ("1.00", "0", "5.00", "0.50", "1.00"),
        ];
        for (price, quantity, without, tax, expected) in cases {
            let actual = unit_price_exclusive(
                number(price),
                number(quantity),
                number(without),
                number(tax),
            );
            assert_eq!(actual, number(expected), "{price} x {quantity}");
        }
    }

    #[test]
    fn landed_cost_is_freight_and_counts_into_the_total() {
        let mut document = Json::parse(
            r#"{"lines":[
            {"line_type":"ITEM","total_exclusive":"100.00","tax_amount":"10.00"},
            {"line_type":"ITEM","total_exclusive":"-20.00","tax_amount":"-2.00"},
            {"line_type":"LANDED_COST","total_exclusive":"15.00","tax_amount":"1.50"}]}"#,
        )
        .unwrap();
        let Json::Obj(object) = &mut document else {
            panic!()
        };
        settle_header(object);
        let text = |name: &str| object.get(name).unwrap().as_str().unwrap().to_owned();
        assert_eq!(
            [
                text("subtotal"),
                text("freight"),
                text("tax"),
                text("total")
            ],
            ["80.00", "15.00", "9.50", "104.50"]
        );
    }
}
