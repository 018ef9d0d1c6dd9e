//! A credit note of Omni as a struct, and the body that Xero takes for it: what a person would write
//! by hand for this one deployment, with nothing looked up, configured or checked twice.

use std::{borrow::Cow, collections::HashMap};

use jiff::{Timestamp, tz::TimeZone};
use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// Omni's document.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Note<'a> {
    #[serde(borrow)]
    sales_reference: Cow<'a, str>,
    #[serde(borrow)]
    reference: Cow<'a, str>,
    credit_note_number: i64,
    credit_note_date: Timestamp,
    member_id: i64,
    #[serde(borrow)]
    freight_total: &'a RawValue,
    #[serde(borrow)]
    freight_description: Cow<'a, str>,
    #[serde(borrow)]
    surcharge: &'a RawValue,
    #[serde(borrow)]
    surcharge_description: Cow<'a, str>,
    #[serde(borrow)]
    discount_total: &'a RawValue,
    #[serde(borrow)]
    discount_description: Cow<'a, str>,
    #[serde(borrow)]
    total: &'a RawValue,
    #[serde(borrow)]
    currency_code: Cow<'a, str>,
    #[serde(borrow)]
    currency_rate: &'a RawValue,
    #[serde(borrow)]
    tax_status: Cow<'a, str>,
    #[serde(borrow)]
    tax_rate: &'a RawValue,
    #[serde(borrow)]
    custom_fields: HashMap<Cow<'a, str>, Cow<'a, str>>,
    #[serde(borrow)]
    line_items: Vec<Line<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    qty: &'a RawValue,
    #[serde(borrow)]
    unit_price: &'a RawValue,
    #[serde(borrow)]
    discount: &'a RawValue,
    #[serde(borrow)]
    account_code: Cow<'a, str>,
}

/// What Xero takes.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CreditNote<'a> {
    r#type: &'static str,
    contact: Contact<'a>,
    date: String,
    pub(super) credit_note_number: String,
    reference: &'a str,
    status: &'static str,
    currency_code: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    currency_rate: Option<Box<RawValue>>,
    line_amount_types: &'static str,
    line_items: Vec<LineItem<'a>>,
}

#[derive(Debug, Serialize)]
struct Contact<'a> {
    #[serde(rename = "ContactID")]
    id: &'a str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct LineItem<'a> {
    description: &'a str,
    quantity: Box<RawValue>,
    line_amount: Box<RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tax_amount: Option<Box<RawValue>>,
    account_code: &'a str,
    tax_type: &'static str,
    tracking: Vec<Tracking<'a>>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Tracking<'a> {
    name: &'static str,
    option: &'a str,
}

/// A line's quantity, amount and tax, before they become text.
struct Part<'a> {
    description: &'a str,
    quantity: Decimal,
    amount: Decimal,
    tax: Decimal,
    account: &'a str,
}

impl<'a> Note<'a> {
    /// The credit note, once the contact of its customer is known.
    pub(super) fn mapped(
        &'a self,
        contacts: &'a HashMap<i64, String>,
        zone: &TimeZone,
    ) -> Option<CreditNote<'a>> {
        let exempt = self.tax_status == "Exempt";
        let rate = if exempt {
            Decimal::ZERO
        } else {
            decimal(self.tax_rate)? / Decimal::ONE_HUNDRED
        };
        let inclusive = self.tax_status == "Incl";
        let mut parts = Vec::with_capacity(self.line_items.len() + 3);
        for line in &self.line_items {
            let quantity = decimal(line.qty)?;
            let amount = -cents(quantity * decimal(line.unit_price)? - decimal(line.discount)?);
            let account = match &*line.account_code {
                "" => "200",
                code => code,
            };
            parts.push(Part::new(
                &line.name,
                quantity.abs(),
                amount,
                account,
                rate,
                inclusive,
            ));
        }
        for (field, description, account, sign) in [
            (self.freight_total, &self.freight_description, "260", -1),
            (self.surcharge, &self.surcharge_description, "260", -1),
            (self.discount_total, &self.discount_description, "200", 1),
        ] {
            let amount = decimal(field)? * Decimal::from(sign);
            if !amount.is_zero() {
                let one = Decimal::ONE;
                parts.push(Part::new(
                    description,
                    one,
                    amount,
                    account,
                    rate,
                    inclusive,
                ));
            }
        }
        // Omni works out tax for the whole document: what is over goes to the first line.
        let mut stated = false;
        if self.tax_status == "Excl" {
            let made: Decimal = parts.iter().map(|it| it.amount + it.tax).sum();
            let over = -decimal(self.total)? - made;
            if !over.is_zero()
                && let Some(first) = parts.first_mut()
            {
                first.tax += over;
                stated = true;
            }
        }
        let tracking = self.tracking();
        let mut line_items = Vec::with_capacity(parts.len());
        for (at, part) in parts.into_iter().enumerate() {
            line_items.push(LineItem {
                description: part.description,
                quantity: number(part.quantity)?,
                line_amount: number(part.amount)?,
                tax_amount: if stated && at == 0 {
                    Some(number(part.tax)?)
                } else {
                    None
                },
                account_code: part.account,
                tax_type: if exempt { "EXEMPTOUTPUT" } else { "OUTPUT" },
                tracking: tracking.clone(),
            });
        }
        let currency_rate = if self.currency_code == "AUD" {
            None
        } else {
            let rate = Decimal::ONE.checked_div(decimal(self.currency_rate)?)?;
            Some(number(rate.round_dp(6))?)
        };
        Some(CreditNote {
            r#type: "ACCRECCREDIT",
            contact: Contact {
                id: contacts.get(&self.member_id)?,
            },
            date: self
                .credit_note_date
                .to_zoned(zone.clone())
                .date()
                .to_string(),
            credit_note_number: format!("{} {}", self.credit_note_number, self.reference),
            reference: &self.sales_reference,
            status: "DRAFT",
            currency_code: &self.currency_code,
            currency_rate,
            line_amount_types: if inclusive { "Inclusive" } else { "Exclusive" },
            line_items,
        })
    }

    fn tracking(&'a self) -> Vec<Tracking<'a>> {
        [("orders_1000", "Region"), ("orders_1001", "Channel")]
            .into_iter()
            .filter_map(|(field, name)| {
                let option = self.custom_fields.get(field)?;
                Some(Tracking { name, option })
            })
            .filter(|it| !it.option.is_empty())
            .collect()
    }
}

impl<'a> Part<'a> {
    fn new(
        description: &'a str,
        quantity: Decimal,
        amount: Decimal,
        account: &'a str,
        rate: Decimal,
        inclusive: bool,
    ) -> Self {
        let tax = if inclusive {
            Decimal::ZERO
        } else {
            cents(amount * rate)
        };
        Self {
            description,
            quantity,
            amount,
            tax,
            account,
        }
    }
}

fn decimal(raw: &RawValue) -> Option<Decimal> {
    Decimal::from_str_exact(raw.get()).ok()
}

fn cents(value: Decimal) -> Decimal {
    value.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero)
}

fn number(value: Decimal) -> Option<Box<RawValue>> {
    RawValue::from_string(value.normalize().to_string()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_mapped_as_the_deployment_would() {
        let text = r#"{"id":1,"salesReference":"SO-1","reference":"CRN-701","creditNoteNumber":701,
            "creditNoteDate":"2026-11-08T13:00:00Z","memberId":7,"freightTotal":-10.00,
            "freightDescription":"Courier","surcharge":0.00,"surchargeDescription":"",
            "discountTotal":0.00,"discountDescription":"","total":-44.83,"currencyCode":"AUD",
            "currencyRate":1.0,"taxStatus":"Excl","taxRate":10.0,"customFields":{"orders_1000":"North"},
            "lineItems":[
              {"name":"A","qty":-1.0,"unitPrice":10.25,"discount":0.00,"accountCode":""},
              {"name":"B","qty":-2.0,"unitPrice":10.25,"discount":0.00,"accountCode":"260"}]}"#;
        let note: Note<'_> = serde_json::from_str(text).unwrap();
        let contacts = HashMap::from([(7, "c".to_owned())]);
        let zone = TimeZone::get("Australia/Sydney").unwrap();
        let mapped = serde_json::to_value(note.mapped(&contacts, &zone).unwrap()).unwrap();
        assert_eq!(mapped["CreditNoteNumber"], "701 CRN-701");
        assert_eq!(mapped["Date"], "2026-11-09");
        let lines = mapped["LineItems"].as_array().unwrap();
        assert_eq!(lines.len(), 3);
        // 40.75 and a tenth of it are 44.825, rounded 44.83; line by line it would be 44.83 too.
        assert_eq!(lines[1]["LineAmount"].to_string(), "20.5");
        assert_eq!(lines[2]["AccountCode"], "260");
        assert_eq!(lines[0]["Tracking"][0]["Option"], "North");
    }
}
