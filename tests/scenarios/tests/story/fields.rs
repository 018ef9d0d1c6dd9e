//! Every field of every credit note that arrived, worked out once more from what its source holds, in
//! plain Rust that knows nothing of mappings.

use std::collections::BTreeMap;

use ledgerline::store::{Entry, State};
use rust_decimal::Decimal;
use scenarios::books::{cents, money};
use serde_json::Value;

use crate::{Moment, story, tracking};

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn plain(amount: Decimal) -> String {
    amount.normalize().to_string()
}

/// Field → value, as text; a line's fields are numbered.
type Fields = BTreeMap<String, String>;

fn put(fields: &mut Fields, name: &str, value: impl Into<String>) {
    fields.insert(name.to_owned(), value.into());
}

/// What Xero holds of a note, the fields that `wanted` names.
fn held(now: &Moment, note: &Value, wanted: &Fields) -> Fields {
    let mut fields = Fields::new();
    for name in wanted.keys() {
        let value = match name.split_once('.') {
            Some((at, "Tracking")) => tracking(note, at.parse().expect("a place")).join(" "),
            Some((at, field)) => {
                let at: usize = at.parse().expect("a place");
                shown(field, &note["LineItems"][at][field])
            }
            None if name == "Contact" => text(&now.contact_of(note)["Name"]),
            None if name == "lines" => note["LineItems"].as_array().map_or(0, Vec::len).to_string(),
            None => shown(name, &note[name]),
        };
        put(&mut fields, name, value);
    }
    fields
}

fn shown(field: &str, value: &Value) -> String {
    let amounts = [
        "Quantity",
        "UnitAmount",
        "LineAmount",
        "TaxAmount",
        "Total",
        "TotalTax",
        "CurrencyRate",
    ];
    match value {
        Value::Null => String::new(),
        _ if amounts.contains(&field) => plain(money(value)),
        Value::String(it) => it.clone(),
        other => other.to_string(),
    }
}

/// Notes of a route that arrived.
fn arrived<'a>(now: &'a Moment, route: &str) -> Vec<(&'a Entry, &'a Value)> {
    let of_route = now
        .entries
        .iter()
        .filter(|(id, it)| id.starts_with(&format!("{route}/")) && it.state == State::Synced);
    of_route
        .map(|(_, it)| (it, now.posted(it.number.as_deref().expect("a number"))))
        .collect()
}

fn compare(now: &Moment, note: &Value, wanted: &Fields) {
    assert_eq!(&held(now, note, wanted), wanted, "{note:#}");
}

/// The name of a customer's contact in Xero, where it differs from the source's.
fn contact(name: &str) -> String {
    match name {
        // Merged there.
        "Fernhill Living" => "Fernhill Living Group".to_owned(),
        other => other.to_owned(),
    }
}

#[test]
fn zudello_by_its_table() {
    let now = &story().first;
    let notes = arrived(now, "zudello-credit-notes");
    assert!(notes.len() >= 15, "{}", notes.len());
    let (mut tracked, mut landed, mut included) = (0, 0, 0);
    for (entry, note) in notes {
        let source = now.zudello_note(entry.facts.number.as_deref().expect("a number"));
        let mut wanted = Fields::new();
        put(&mut wanted, "Type", "ACCRECCREDIT");
        put(
            &mut wanted,
            "Contact",
            text(&source["customer"]["legal_name"]),
        );
        put(&mut wanted, "Date", text(&source["date_issued"]));
        let with_tax = source["tax_included"] == Value::Bool(true);
        included += usize::from(with_tax);
        put(
            &mut wanted,
            "LineAmountTypes",
            if with_tax { "Inclusive" } else { "Exclusive" },
        );
        put(
            &mut wanted,
            "CreditNoteNumber",
            text(&source["document_number"]),
        );
        put(&mut wanted, "Reference", text(&source["reference"]));
        put(
            &mut wanted,
            "CurrencyCode",
            text(&source["currency"]["code"]),
        );
        put(&mut wanted, "Status", "SUBMITTED");
        put(&mut wanted, "Total", plain(money(&source["total"])));
        let lines = source["lines"].as_array().expect("lines");
        let (items, rest): (Vec<&Value>, Vec<&Value>) =
            lines.iter().partition(|it| it["line_type"] == "ITEM");
        landed += rest.len();
        put(&mut wanted, "lines", lines.len().to_string());
        for (at, line) in items.into_iter().chain(rest).enumerate() {
            let mut put = |field: &str, value: String| {
                wanted.insert(format!("{at}.{field}"), value);
            };
            put("ItemCode", text(&line["item"]["sku"]));
            put("Description", text(&line["description"]));
            put("Quantity", plain(money(&line["quantity"])));
            put("UnitAmount", plain(money(&line["unit_price"])));
            put("AccountCode", text(&line["account"]["code"]));
            put("TaxType", text(&line["tax_rate"]["code"]));
            let of = |field: &str, category: &str| {
                let own = &line[field]["name"];
                let name = if own.is_null() {
                    &source[field]["name"]
                } else {
                    own
                };
                name.as_str().map(|it| format!("{category}={it}"))
            };
            let options: Vec<String> = [of("location", "Region"), of("subsidiary", "Channel")]
                .into_iter()
                .flatten()
                .collect();
            tracked += usize::from(!options.is_empty());
            put("Tracking", options.join(" "));
        }
        compare(now, note, &wanted);
        // What the table does not send is not sent: Xero works it out or leaves it empty.
        assert!(note["DueDate"].is_null(), "{note:#}");
    }
    // The seed has all of it, or this test would look at less than it says.
    assert!(
        tracked > 0 && landed > 0 && included > 0,
        "{tracked} {landed} {included}"
    );
}

#[test]
fn core_field_by_field() {
    let now = &story().first;
    let notes = arrived(now, "core-credit-notes");
    assert!(notes.len() >= 25, "{}", notes.len());
    let (mut charges, mut discounts, mut foreign, mut inclusive) = (0, 0, 0, 0);
    for (entry, note) in notes {
        let source = now.core_note(entry.facts.number.as_deref().expect("a number"));
        let (sale, credit) = (&source["Sale"], &source["CreditNote"]);
        let mut wanted = Fields::new();
        put(&mut wanted, "Type", "ACCRECCREDIT");
        put(&mut wanted, "Contact", text(&sale["Customer"]));
        put(
            &mut wanted,
            "Date",
            text(&credit["CreditNoteDate"])[..10].to_owned(),
        );
        let with_tax = sale["TaxCalculation"] == "Inclusive";
        inclusive += usize::from(with_tax);
        put(
            &mut wanted,
            "LineAmountTypes",
            if with_tax { "Inclusive" } else { "Exclusive" },
        );
        put(
            &mut wanted,
            "CreditNoteNumber",
            text(&credit["CreditNoteNumber"]),
        );
        put(&mut wanted, "Reference", text(&sale["CustomerReference"]));
        put(&mut wanted, "CurrencyCode", text(&sale["CustomerCurrency"]));
        put(&mut wanted, "Status", "DRAFT");
        put(&mut wanted, "Total", plain(cents(&credit["Total"])));
        if sale["CustomerCurrency"] != sale["BaseCurrency"] {
            foreign += 1;
            let rate = Decimal::ONE / money(&credit["CreditNoteConversionRate"]);
            put(&mut wanted, "CurrencyRate", plain(rate.round_dp(6)));
        }
        let list = |name: &str| credit[name].as_array().cloned().unwrap_or_default();
        let all: Vec<Value> = list("Lines")
            .into_iter()
            .chain(list("AdditionalCharges"))
            .collect();
        charges += list("AdditionalCharges").len();
        put(&mut wanted, "lines", all.len().to_string());
        for (at, line) in all.iter().enumerate() {
            let mut put = |field: &str, value: String| {
                wanted.insert(format!("{at}.{field}"), value);
            };
            let name = if line["Name"].is_null() {
                &line["Description"]
            } else {
                &line["Name"]
            };
            let comment = text(&line["Comment"]);
            let told = if comment.is_empty() {
                text(name)
            } else {
                format!("{} - {comment}", text(name))
            };
            put("Description", told);
            put("Quantity", plain(money(&line["Quantity"])));
            put("AccountCode", text(&line["Account"]));
            let exempt = line["TaxRule"] == "GST Free Income";
            put(
                "TaxType",
                if exempt { "EXEMPTOUTPUT" } else { "OUTPUT" }.to_owned(),
            );
            let options = [("Region", "Location"), ("Channel", "SalesRepresentative")];
            let options: Vec<String> = options
                .iter()
                .filter_map(|(category, field)| {
                    let name = text(&sale[*field]);
                    (!name.is_empty()).then(|| format!("{category}={name}"))
                })
                .collect();
            put("Tracking", options.join(" "));
            discounts += usize::from(money(&line["Discount"]) != Decimal::ZERO);
        }
        compare(now, note, &wanted);
        // Core keeps four decimals: each line is its own to the cent, and the sum is the document's.
        for (at, line) in all.iter().enumerate() {
            for (theirs, ours) in [("Total", "LineAmount"), ("Tax", "TaxAmount")] {
                let there = money(&note["LineItems"][at][ours]);
                let here = money(&line[theirs]);
                assert!(
                    (there - here).abs() <= Decimal::new(1, 2),
                    "{ours} {there} {here}: {note:#}"
                );
            }
        }
    }
    assert!(charges > 0 && discounts > 0 && foreign > 0 && inclusive > 0);
}

#[test]
fn omni_field_by_field() {
    let now = &story().first;
    let notes = arrived(now, "omni-credit-notes");
    assert!(notes.len() >= 300, "{}", notes.len());
    let (mut freight, mut foreign, mut inclusive) = (0, 0, 0);
    for (entry, note) in notes {
        let reference = entry.facts.number.as_deref().expect("a number");
        let source = now
            .omni
            .iter()
            .find(|it| it["reference"] == reference)
            .expect("Omni holds it");
        let mut wanted = Fields::new();
        put(&mut wanted, "Type", "ACCRECCREDIT");
        put(&mut wanted, "Contact", contact(&text(&source["company"])));
        // Midnight in Sydney, kept as an instant.
        let at: jiff::Timestamp = text(&source["creditNoteDate"]).parse().expect("an instant");
        let day = at.in_tz("Australia/Sydney").expect("a zone").date();
        put(&mut wanted, "Date", day.to_string());
        put(
            &mut wanted,
            "CreditNoteNumber",
            format!("{} {reference}", source["creditNoteNumber"]),
        );
        put(&mut wanted, "Reference", text(&source["salesReference"]));
        put(&mut wanted, "CurrencyCode", text(&source["currencyCode"]));
        put(&mut wanted, "Status", "DRAFT");
        let with_tax = source["taxStatus"] == "Incl";
        inclusive += usize::from(with_tax);
        put(
            &mut wanted,
            "LineAmountTypes",
            if with_tax { "Inclusive" } else { "Exclusive" },
        );
        put(&mut wanted, "Total", plain(-money(&source["total"])));
        let rate = money(&source["currencyRate"]);
        if source["currencyCode"] != "AUD" {
            foreign += 1;
            put(
                &mut wanted,
                "CurrencyRate",
                plain((Decimal::ONE / rate).round_dp(6)),
            );
        }
        for (place, (field, category)) in [("orders_1000", "Region"), ("orders_1001", "Channel")]
            .iter()
            .enumerate()
        {
            let name = text(&source["customFields"][*field]);
            let told = tracking(note, 0).get(place).cloned().unwrap_or_default();
            if !name.is_empty() {
                assert!(
                    tracking(note, 0).contains(&format!("{category}={name}")),
                    "{told}: {note:#}"
                );
            }
        }
        compare(now, note, &wanted);
        // Goods less what was taken off, and freight, are lines of their own: nothing else is in it.
        let goods = source["lineItems"].as_array().expect("lines").iter();
        let goods: Vec<&Value> = goods.filter(|it| it["parentId"] == 0).collect();
        for (line, place) in goods.iter().zip(0..) {
            let there = &note["LineItems"][place];
            assert_eq!(text(&there["Description"]), text(&line["name"]), "{note:#}");
            assert_eq!(money(&there["Quantity"]), -money(&line["qty"]), "{note:#}");
        }
        if !money(&source["freightTotal"]).is_zero() {
            freight += 1;
            let amount = -money(&source["freightTotal"]);
            let lines = note["LineItems"].as_array().expect("lines").iter();
            let mut amounts = lines.map(|it| money(&it["LineAmount"]));
            assert!(amounts.any(|it| it == amount), "{amount}: {note:#}");
        }
    }
    assert!(
        freight > 0 && foreign > 0 && inclusive > 0,
        "{freight} {foreign} {inclusive}"
    );
}
