//! Core's arithmetic: lines of four decimals, tax on top or inside, and two ways to tax a document.
//!
//! A line's total is quantity x price less the discount percentage. With `Total` the document is
//! taxed by rule, so that lines show tax of four decimals and the document may end in four; with
//! `Row Total` each line's tax is rounded to cents and the document adds them up.

use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Serialize};

use crate::json::{Json, Object};

/// How documents are taxed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum TaxMethod {
    /// Each line, to cents, then the sum.
    #[serde(rename = "Row Total")]
    RowTotal,
    /// The whole document, rule by rule.
    #[default]
    Total,
}

impl TaxMethod {
    /// As `/me` has it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::RowTotal => "Row Total",
            Self::Total => "Total",
        }
    }
}

/// What taxes a document.
pub(crate) struct Taxing<'a> {
    pub(crate) inclusive: bool,
    pub(crate) method: TaxMethod,
    /// Percentages by the name of the rule.
    pub(crate) rates: &'a dyn Fn(&str) -> Decimal,
}

/// The three totals of a document.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) before_tax: Decimal,
    pub(crate) tax: Decimal,
    pub(crate) total: Decimal,
}

/// Rounds half away from zero.
pub(crate) fn round(value: Decimal, places: u32) -> Decimal {
    value.round_dp_with_strategy(places, RoundingStrategy::MidpointAwayFromZero)
}

/// A number of an object; zero where there is none.
pub(crate) fn number(object: &Object, name: &str) -> Decimal {
    object
        .get(name)
        .and_then(Json::as_decimal)
        .unwrap_or_default()
}

/// Core writes numbers as briefly as they go.
pub(crate) fn json(value: Decimal) -> Json {
    if value.is_zero() {
        return Json::int(0);
    }
    Json::decimal(value)
}

impl Taxing<'_> {
    fn tax_of(&self, total: Decimal, rule: &str) -> Decimal {
        let rate = (self.rates)(rule);
        if self.inclusive {
            (total * rate)
                .checked_div(Decimal::ONE_HUNDRED + rate)
                .unwrap_or_default()
        } else {
            total * rate / Decimal::ONE_HUNDRED
        }
    }

    /// Fills in `Total` and `Tax` of a line or a charge.
    pub(crate) fn price(&self, line: &mut Object) {
        let share = (Decimal::ONE_HUNDRED - number(line, "Discount")) / Decimal::ONE_HUNDRED;
        let total = round(number(line, "Quantity") * number(line, "Price") * share, 4);
        let rule = rule(line);
        let places = match self.method {
            TaxMethod::RowTotal => 2,
            TaxMethod::Total => 4,
        };
        let tax = round(self.tax_of(total, &rule), places);
        line.set("Tax", json(tax));
        line.set("Total", json(total));
    }

    /// The totals of a document with these lines and charges.
    pub(crate) fn totals<'a>(&self, lines: impl Iterator<Item = &'a Object>) -> Totals {
        let (mut sum, mut tax) = (Decimal::ZERO, Decimal::ZERO);
        let mut rules: Vec<(String, Decimal)> = Vec::new();
        for line in lines {
            let total = number(line, "Total");
            sum += total;
            match self.method {
                TaxMethod::RowTotal => tax += number(line, "Tax"),
                TaxMethod::Total => {
                    let rule = rule(line);
                    match rules.iter_mut().find(|(held, _)| *held == rule) {
                        Some((_, held)) => *held += total,
                        None => rules.push((rule, total)),
                    }
                }
            }
        }
        for (rule, base) in &rules {
            tax += round(self.tax_of(*base, rule), 4);
        }
        if self.inclusive {
            Totals {
                before_tax: sum - tax,
                tax,
                total: sum,
            }
        } else {
            Totals {
                before_tax: sum,
                tax,
                total: sum + tax,
            }
        }
    }

    /// Fills in the three totals of a document from its lines and charges.
    pub(crate) fn total_up(&self, document: &mut Object) {
        let totals = self.totals(parts(document));
        document.set("TotalBeforeTax", json(totals.before_tax));
        document.set("Tax", json(totals.tax));
        document.set("Total", json(totals.total));
    }
}

fn rule(line: &Object) -> String {
    line.get("TaxRule")
        .and_then(Json::as_str)
        .unwrap_or_default()
        .to_owned()
}

/// Lines and charges of a document.
pub(crate) fn parts(document: &Object) -> impl Iterator<Item = &Object> {
    ["Lines", "AdditionalCharges"]
        .into_iter()
        .filter_map(|name| document.get(name)?.as_array())
        .flatten()
        .filter_map(Json::as_object)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(quantity: &str, price: &str, discount: &str, rule: &'static str) -> Object {
        Object::new()
            .with("Quantity", Json::Num(quantity.into()))
            .with("Price", Json::Num(price.into()))
            .with("Discount", Json::Num(discount.into()))
            .with("TaxRule", rule)
    }

    fn totals(inclusive: bool, method: TaxMethod, lines: Vec<Object>) -> [String; 3] {
        let rates = |rule: &str| {
            if rule == "GST" {
                Decimal::TEN
            } else {
                Decimal::ZERO
            }
        };
        let taxing = Taxing {
            inclusive,
            method,
            rates: &rates,
        };
        let lines = lines.into_iter().map(|mut line| {
            taxing.price(&mut line);
            Json::Obj(line)
        });
        let mut note = Object::new().with("Lines", lines.collect::<Vec<_>>());
        taxing.total_up(&mut note);
        ["TotalBeforeTax", "Tax", "Total"].map(|it| note.get(it).map(Json::text).unwrap())
    }

    #[test]
    fn documents_are_taxed_as_a_whole_or_line_by_line() {
        let three = || vec![line("1", "10.25", "0", "GST"); 3];
        // The vendor's own sample: 33.75 and 8 make 45.925.
        let sample = || vec![line("3", "12.5", "10", "GST"), line("1", "8", "0", "GST")];
        let mixed = || vec![line("1.5", "3.3333", "0", "GST"), line("2", "5", "0", "")];
        let cases = [
            (
                false,
                TaxMethod::Total,
                sample(),
                ["41.75", "4.175", "45.925"],
            ),
            (
                false,
                TaxMethod::RowTotal,
                sample(),
                ["41.75", "4.18", "45.93"],
            ),
            (
                false,
                TaxMethod::Total,
                three(),
                ["30.75", "3.075", "33.825"],
            ),
            (
                false,
                TaxMethod::RowTotal,
                three(),
                ["30.75", "3.09", "33.84"],
            ),
            (
                true,
                TaxMethod::Total,
                three(),
                ["27.9545", "2.7955", "30.75"],
            ),
            (
                true,
                TaxMethod::RowTotal,
                three(),
                ["27.96", "2.79", "30.75"],
            ),
            (false, TaxMethod::Total, mixed(), ["15", "0.5", "15.5"]),
        ];
        for (inclusive, method, lines, expected) in cases {
            let what = format!("{inclusive} {method:?} {lines:?}");
            assert_eq!(totals(inclusive, method, lines), expected, "{what}");
        }
    }
}
