//! The ledger behind the documents, the trial balance, and what contacts owe.

use std::collections::BTreeMap;

use sandbox::{Request, World};
use serde_json::{Value, json};

use crate::support::{TENANT, Xero, small, value};

/// Balances at the end of November, without accounts that hold nothing.
fn balances(world: &World) -> BTreeMap<String, String> {
    let date = "2026-11-30".parse().unwrap();
    let held = world.xero(TENANT).trial_balance(date);
    let sum: rust_decimal::Decimal = held.values().sum();
    assert!(sum.is_zero(), "{held:?}");
    held.into_iter()
        .filter(|(_, it)| !it.is_zero())
        .map(|(code, it)| (code, it.to_string()))
        .collect()
}

fn expect(world: &World, expected: &[(&str, &str)]) {
    let expected: BTreeMap<String, String> = expected
        .iter()
        .map(|(code, amount)| ((*code).to_owned(), (*amount).to_owned()))
        .collect();
    assert_eq!(balances(world), expected);
}

fn pay(xero: &Xero, document: &Value, amount: &str, rate: Option<&str>) -> Value {
    let mut payment = json!({ "Account": { "Code": "091" }, "Date": "2026-11-20",
        "Amount": amount });
    for (name, id) in [("Invoice", "InvoiceID"), ("CreditNote", "CreditNoteID")] {
        if document.get(id).is_some() {
            payment[name] = json!({ id: document[id] });
        }
    }
    if let Some(rate) = rate {
        payment["CurrencyRate"] = json!(rate);
    }
    let saved = xero.put_one("Payments", &payment);
    assert_eq!(saved["StatusAttributeString"], "OK", "{saved}");
    saved
}

fn foreign(xero: &Xero) -> Value {
    let mut invoice = xero.invoice("ACCREC", "INV-1");
    invoice["CurrencyCode"] = json!("USD");
    invoice["CurrencyRate"] = json!("0.66");
    xero.put_one("Invoices", &invoice)
}

#[test]
fn only_what_is_approved_is_posted() {
    let world = small();
    let xero = Xero::new(&world);
    let mut draft = xero.invoice("ACCREC", "INV-1");
    draft["Status"] = json!("SUBMITTED");
    let draft = xero.put_one("Invoices", &draft);
    expect(&world, &[]);
    let approve = json!({ "Status": "AUTHORISED" });
    xero.post_one("Invoices", &draft["InvoiceID"], &approve);
    expect(
        &world,
        &[("200", "-40.00"), ("610", "44.00"), ("820", "-4.00")],
    );
    let void = json!({ "Status": "VOIDED" });
    xero.post_one("Invoices", &draft["InvoiceID"], &void);
    expect(&world, &[]);
}

#[test]
fn each_document_has_its_side() {
    let world = small();
    let xero = Xero::new(&world);
    let mut bill = xero.invoice("ACCPAY", "SUP-1");
    bill["LineAmountTypes"] = json!("Inclusive");
    let bill = xero.put_one("Invoices", &bill);
    expect(
        &world,
        &[("310", "36.36"), ("800", "-40.00"), ("820", "3.64")],
    );
    let mut credit = xero.note("SC-1");
    credit["Type"] = json!("ACCPAYCREDIT");
    credit["LineItems"][0]["AccountCode"] = json!("310");
    credit["LineItems"][0]["TaxType"] = json!("INPUT");
    let credit = xero.put_note(&credit);
    expect(
        &world,
        &[("310", "-3.64"), ("800", "4.00"), ("820", "-0.36")],
    );
    pay(&xero, &bill, "40.00", None);
    pay(&xero, &credit, "44.00", None);
    expect(
        &world,
        &[("091", "4.00"), ("310", "-3.64"), ("820", "-0.36")],
    );
}

#[test]
fn a_settled_foreign_invoice_leaves_nothing_but_a_gain() {
    let world = small();
    let xero = Xero::new(&world);
    let invoice = foreign(&xero);
    // 44.00, 40.00 and 4.00 at 0.66: 66.67, 60.61 and 6.06.
    expect(
        &world,
        &[("200", "-60.61"), ("610", "66.67"), ("820", "-6.06")],
    );
    pay(&xero, &invoice, "14.67", Some("0.60"));
    pay(&xero, &invoice, "14.67", Some("0.60"));
    pay(&xero, &invoice, "14.66", Some("0.60"));
    let held = balances(&world);
    assert!(!held.contains_key("610"), "{held:?}");
    assert_eq!(held["091"], "73.33", "24.45, 24.45 and 24.43");
    assert_eq!(held["497"], "-6.66");
}

#[test]
fn an_allocation_at_another_rate_is_a_gain_too() {
    let world = small();
    let xero = Xero::new(&world);
    let invoice = foreign(&xero);
    let mut note = xero.note("CN-1");
    note["CurrencyCode"] = json!("USD");
    note["CurrencyRate"] = json!("0.64");
    let note = xero.put_note(&note);
    assert_eq!(xero.allocate(&note, &invoice, "44").status, 200);
    let held = balances(&world);
    assert!(!held.contains_key("610"), "{held:?}");
    // 68.75 was credited and 66.67 was owed.
    assert_eq!(held["497"], "-2.08");
}

#[test]
fn the_report_and_the_admin_call_tell_the_same() {
    let world = small();
    let xero = Xero::new(&world);
    let mut old = xero.invoice("ACCREC", "INV-0");
    old["Date"] = json!("2026-10-31");
    xero.put_one("Invoices", &old);
    xero.put_one("Invoices", &xero.invoice("ACCREC", "INV-1"));
    let report = value(&xero.get("Reports/TrialBalance?date=2026-11-30"));
    let rows = &report["Reports"][0]["Rows"];
    assert_eq!(rows[1]["Title"], "Revenue");
    let sales: Vec<&str> = rows[1]["Rows"][0]["Cells"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["Value"].as_str().unwrap())
        .collect();
    assert_eq!(sales, ["Sales (200)", "", "40.00", "", "80.00"]);
    let earlier = value(&xero.get("Reports/TrialBalance?date=2026-10-30"));
    assert_eq!(earlier["Reports"][0]["Rows"].as_array().unwrap().len(), 2);
    assert_eq!(xero.get("Reports/TrialBalance?date=soon").status, 400);
    assert_eq!(xero.get("Reports/BalanceSheet").status, 501);
    let request = Request::new(
        "GET",
        "/_sandbox/ledger?account=Small%20Pty%20Ltd&date=2026-10-31",
    );
    let ledger = value(&world.handle(&request));
    assert_eq!(ledger["balances"]["610"], "44.00");
    assert_eq!(ledger["entries"].as_array().unwrap().len(), 3);
    let request = Request::new("GET", "/_sandbox/ledger?account=Nobody");
    assert_eq!(world.handle(&request).status, 400);
}

#[test]
fn a_contact_has_balances() {
    let world = small();
    let xero = Xero::new(&world);
    let id = xero.contact_id("Acme Ltd");
    let shown = || value(&xero.get(&format!("Contacts/{id}")))["Contacts"][0].clone();
    assert!(shown().get("Balances").is_none());
    let mut late = xero.invoice("ACCREC", "INV-0");
    late["DueDate"] = json!("2026-11-21");
    let late = xero.put_one("Invoices", &late);
    xero.put_one("Invoices", &xero.invoice("ACCREC", "INV-1"));
    xero.put_one("Invoices", &xero.invoice("ACCPAY", "SUP-1"));
    xero.put_note(&xero.note("CN-1"));
    pay(&xero, &late, "4.00", None);
    let expected = json!({
        "AccountsReceivable": { "Outstanding": 40.0, "Overdue": 40.0 },
        "AccountsPayable": { "Outstanding": 44.0, "Overdue": 0.0 },
    });
    assert_eq!(shown()["Balances"], expected);
    let paged = value(&xero.get(&format!("Contacts?page=1&IDs={id}")));
    assert_eq!(paged["Contacts"][0]["Balances"], expected);
    let short = value(&xero.get(&format!("Contacts?summaryOnly=true&IDs={id}")));
    assert!(short["Contacts"][0].get("Balances").is_none());
}
