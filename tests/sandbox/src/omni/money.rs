//! The documented arithmetic of Omni's documents.
//!
//! Tax is counted once on the whole document; freight, surcharge and order discount are parts of
//! the header, not lines.

use rust_decimal::{Decimal, RoundingStrategy};

use super::resources::Sort;
use crate::json::{Json, Object};

/// Header fields and lines that a total is made of.
pub(crate) const PARTS: &[&str] = &[
    "lineItems",
    "freightTotal",
    "surcharge",
    "discountTotal",
    "taxStatus",
    "taxRate",
];

/// A decimal of `units` hundredths.
pub(crate) fn cents(units: i64) -> Decimal {
    Decimal::new(units, 2)
}

/// Rounded to cents, half away from zero.
pub(crate) fn rounded(value: Decimal) -> Decimal {
    value.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero)
}

/// Two decimals, or as many as there are.
pub(crate) fn money(value: Decimal) -> String {
    let mut value = value.normalize();
    if value.scale() < 2 {
        value.rescale(2);
    }
    if value.is_zero() {
        return "0.00".to_owned();
    }
    value.to_string()
}

/// The same as a JSON number.
pub(crate) fn amount(value: Decimal) -> Json {
    Json::Num(money(value).into())
}

/// A quantity as Omni writes it: `10.0`.
pub(crate) fn quantity(value: Decimal) -> Json {
    let mut value = value.normalize();
    if value.scale() < 1 {
        value.rescale(1);
    }
    Json::Num(value.to_string().into())
}

/// A number of an object; 0 where it has none.
pub(crate) fn number(object: &Object, name: &str) -> Decimal {
    object
        .get(name)
        .and_then(Json::as_decimal)
        .unwrap_or_default()
}

/// A text of an object; empty where it has none.
pub(crate) fn text<'a>(object: &'a Object, name: &str) -> &'a str {
    object.get(name).and_then(Json::as_str).unwrap_or_default()
}

/// The lines of a document.
pub(crate) fn lines(document: &Object) -> impl Iterator<Item = &Object> {
    let lines = document.get("lineItems").and_then(Json::as_array);
    lines.unwrap_or_default().iter().filter_map(Json::as_object)
}

/// What a line comes to in the document's currency. Its discount is an amount for the whole line.
pub(crate) fn line_amount(line: &Object) -> Decimal {
    number(line, "qty") * number(line, "unitPrice") - number(line, "discount")
}

/// The tax rate as a fraction, on whichever scale it is written.
pub(crate) fn tax_fraction(document: &Object) -> Decimal {
    let rate = number(document, "taxRate");
    if rate >= Decimal::ONE {
        rate / Decimal::ONE_HUNDRED
    } else {
        rate
    }
}

/// Makes the totals of a document follow from its lines and parts.
pub(crate) fn total_up(document: &mut Object, sort: Sort) {
    if sort == Sort::Adjustment {
        let value: Decimal = lines(document)
            .map(|it| rounded(number(it, "qtyAdjusted") * number(it, "unitCost")))
            .sum();
        document.set("productTotal", amount(value));
        return;
    }
    let product: Decimal = lines(document).map(line_amount).sum();
    let net = product + number(document, "freightTotal") + number(document, "surcharge")
        - number(document, "discountTotal");
    let tax = if text(document, "taxStatus").eq_ignore_ascii_case("excl") {
        net * tax_fraction(document)
    } else {
        Decimal::ZERO
    };
    document.set("productTotal", amount(product));
    document.set("total", amount(rounded(net + tax)));
}

/// The tax that a document holds, whether on top of its prices or inside them.
pub(crate) fn tax_total(document: &Object) -> Decimal {
    let total = number(document, "total");
    let rate = tax_fraction(document);
    let status = text(document, "taxStatus");
    if status.eq_ignore_ascii_case("excl") {
        total
            - (number(document, "productTotal")
                + number(document, "freightTotal")
                + number(document, "surcharge")
                - number(document, "discountTotal"))
    } else if status.eq_ignore_ascii_case("incl") {
        let net = total.checked_div(Decimal::ONE + rate).unwrap_or(total);
        total - net
    } else {
        Decimal::ZERO
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_follow_from_parts_on_both_scales() {
        let cases = [
            ("Excl", "15", "230.00", "30.00"),
            ("Excl", "0.15", "230.00", "30.00"),
            ("Incl", "15", "200.00", "26.09"),
            ("Exempt", "15", "200.00", "0.00"),
        ];
        for (status, rate, total, tax) in cases {
            let text = format!(
                r#"{{"taxStatus":"{status}","taxRate":{rate},"freightTotal":15,"surcharge":5,
                "discountTotal":10,"lineItems":[{{"qty":10,"unitPrice":20,"discount":10}}]}}"#
            );
            let Ok(Json::Obj(mut document)) = Json::parse(&text) else {
                panic!("{text}");
            };
            total_up(&mut document, Sort::SalesOrder);
            assert_eq!(number(&document, "productTotal"), Decimal::from(190));
            assert_eq!(money(number(&document, "total")), total, "{status} {rate}");
            assert_eq!(money(rounded(tax_total(&document))), tax, "{status} {rate}");
        }
    }

    #[test]
    fn an_adjustment_is_the_value_of_what_moved() {
        let text = r#"{"lineItems":[{"qtyAdjusted":-3,"unitCost":8.10},{"qtyAdjusted":1,"unitCost":0.005}]}"#;
        let Ok(Json::Obj(mut document)) = Json::parse(text) else {
            panic!("{text}");
        };
        total_up(&mut document, Sort::Adjustment);
        assert_eq!(money(number(&document, "productTotal")), "-24.29");
    }
}
