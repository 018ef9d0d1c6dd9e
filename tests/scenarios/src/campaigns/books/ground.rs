//! A company that exists in Omni alone, and the routes that bring it into the books.
//!
//! Of its documents number 1, 5, 9, … become payments that are removed again, 3, 7, 11, … payments
//! that stay; 2, 6, … are left as they are; 4, 8, … become void. Odd sales orders are credited.
//! Beside them a till sells: what it takes in a day is one batch, of which one order becomes void and one
//! comes late.

use std::path::Path;

use jiff::{
    Timestamp, ToSpan,
    civil::{Date, Time},
    tz::TimeZone,
};
use serde_json::{Value, json};

use crate::{
    books::{line, number},
    processes::set,
    repository,
};

pub(in crate::campaigns) const ORDERS: &str = "omni-sales-orders";
pub(in crate::campaigns) const ORDERS_IMPORTED: &str = "omni-sales-orders-imported";
pub(in crate::campaigns) const BILLS: &str = "omni-purchase-orders";
pub(in crate::campaigns) const BILLS_IMPORTED: &str = "omni-purchase-orders-imported";
pub(in crate::campaigns) const NOTES: &str = "omni-credit-notes";
pub(in crate::campaigns) const NOTES_IMPORTED: &str = "omni-imported";
pub(in crate::campaigns) const ALLOCATIONS: &str = "omni-credit-note-allocations";
pub(in crate::campaigns) const ADJUSTMENTS: &str = "omni-adjustments";
pub(in crate::campaigns) const LANDED_COSTS: &str = "omni-landed-costs";
pub(in crate::campaigns) const COGS: &str = "omni-cogs";
pub(in crate::campaigns) const SALES_PAYMENTS: &str = "omni-sales-payments";
pub(in crate::campaigns) const PURCHASE_PAYMENTS: &str = "omni-purchase-payments";

pub(in crate::campaigns) const TILL_ORDERS: &str = "omni-batch-orders";
pub(in crate::campaigns) const TILL_RETURNS: &str = "omni-batch-returns";
pub(in crate::campaigns) const TILL_MEMBERS: &str = "omni-batch-members";
pub(in crate::campaigns) const BATCHES: &str = "omni-batches";
pub(in crate::campaigns) const TILL_ORDERS_MARKED: &str = "omni-batch-orders-marked";
pub(in crate::campaigns) const TILL_RETURNS_MARKED: &str = "omni-batch-returns-marked";

/// Routes whose documents are posted at once.
pub(in crate::campaigns) const POSTED: [&str; 4] = [ORDERS, BILLS, NOTES, BATCHES];
/// Routes whose posted documents may be changed.
pub(in crate::campaigns) const CHANGED: [&str; 1] = [BATCHES];
/// Routes that batch what is sold at the till.
pub(in crate::campaigns) const AT_THE_TILL: [&str; 2] = [TILL_ORDERS, TILL_RETURNS];
/// Omni's name of the till.
pub(in crate::campaigns) const TILL: &str = "Till";
/// Routes whose posted documents become void with their orders.
pub(in crate::campaigns) const VOIDED: [&str; 2] = [ORDERS, BILLS];
/// Scopes that the app needs beside those of the configuration.
pub(in crate::campaigns) const SCOPES: [&str; 2] =
    ["accounting.payments", "accounting.manualjournals"];

const CUSTOMER: i64 = 1001;
const SUPPLIER: i64 = 1002;

/// The demonstration's vendors with this company in place of everything else: so many sales orders,
/// purchase orders and adjustments, half as many credit notes. Its documents are of the weeks before
/// `today`.
pub(in crate::campaigns) fn company(seed: &mut toml::Table, today: Date, count: i64) {
    for name in ["faults", "core", "zudello"] {
        seed.remove(name);
    }
    let none = || toml::Value::Array(Vec::new());
    set(seed, "xero/organisations/0/credit-notes", none());
    set(seed, "omni/accounts/0/credit-notes", none());
    for what in ["contacts", "credit-notes"] {
        set(seed, &format!("omni/accounts/0/generate/{what}"), 0);
    }
    for (role, name) in [("customers", "Harrow & Pike"), ("suppliers", "Mill Co")] {
        let contact = toml::Table::from_iter([
            ("company".to_owned(), name.into()),
            ("xero".to_owned(), "by-id".into()),
        ]);
        let path = format!("omni/accounts/0/{role}");
        set(seed, &path, vec![toml::Value::Table(contact)]);
    }
    let calendar = Calendar(today);
    let mut documents = Vec::new();
    for serial in 1..=count {
        documents.push(("SalesOrders", sales_order(calendar, serial)));
        documents.push(("PurchaseOrders", purchase_order(calendar, serial)));
        documents.push(("Adjustments", adjustment(calendar, serial)));
        if is_credited(serial) {
            documents.push(("CreditNotes", credit_note(calendar, serial)));
        }
    }
    for serial in 1..=AT_TILL {
        let order = till_order(calendar, serial);
        documents.push(("Payments", paid(calendar, &order)));
        documents.push(("SalesOrders", order));
    }
    let credit = till_return(calendar);
    documents.push(("Payments", paid(calendar, &credit)));
    documents.push(("CreditNotes", credit));
    let documents = documents.into_iter().map(|(resource, mut document)| {
        document["modifiedDate"] = calendar.at(2, (1, 0));
        toml::Value::Table(toml::Table::from_iter([
            ("resource".to_owned(), resource.into()),
            ("json".to_owned(), document.to_string().into()),
        ]))
    });
    let documents: Vec<toml::Value> = documents.collect();
    set(seed, "omni/accounts/0/documents", documents);
}

/// The demonstration's seed as it is written.
pub(in crate::campaigns) fn demonstration() -> toml::Table {
    let path = repository().join("tests/sandbox/seeds/demo.toml");
    let text = std::fs::read_to_string(path).expect("the demonstration's seed");
    toml::from_str(&text).expect("TOML")
}

fn is_credited(serial: i64) -> bool {
    serial % 2 == 1
}

/// Dates as so many days before today.
#[derive(Debug, Clone, Copy)]
struct Calendar(Date);

impl Calendar {
    fn at(self, days: i32, (hour, minute): (i8, i8)) -> Value {
        let date = self.0.saturating_sub(days.days());
        let time = Time::constant(hour, minute, 0, 0);
        let instant = date.to_datetime(time).to_zoned(TimeZone::UTC);
        let instant: Timestamp = instant.expect("a day of these years").timestamp();
        json!(instant.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
    }

    /// As Omni keeps a date: midnight in Sydney, near enough.
    fn day(self, days: i32) -> Value {
        self.at(days, (13, 0))
    }
}

/// Ten tees at 20.00 and freight of 10.00, 10 % tax on top: 231.00.
fn sales_order(calendar: Calendar, serial: i64) -> Value {
    json!({
        "id": 40_000 + serial, "reference": format!("SO-{serial}"), "status": "APPROVED",
        "isApproved": true, "isVoid": false, "memberId": CUSTOMER, "company": "Harrow & Pike",
        "branchId": 3, "stage": "Dispatched", "createdDate": calendar.at(14, (22, 14)),
        "invoiceDate": calendar.day(14), "invoiceNumber": 20_000 + serial,
        "dispatchedDate": calendar.at(13, (0, 30)), "customerOrderNo": "", "paymentTerms": "30 days",
        "currencyCode": "AUD", "currencyRate": 1.0, "taxStatus": "Excl", "taxRate": 10.0,
        "productTotal": 200.0, "freightTotal": 10.0, "freightDescription": "Courier",
        "surcharge": 0, "discountTotal": 0, "total": 231.0, "accountingAttributes": new_to_the_books(),
        "customFields": { "orders_1000": "North", "orders_1001": "Wholesale" },
        "lineItems": [line("Tee", 10, "20.0", json!({ "id": 400_000 + serial }))],
    })
}

/// Orders of the till.
pub(in crate::campaigns) const AT_TILL: i64 = 3;
/// The one of them that becomes void in the second act.
pub(in crate::campaigns) const TILL_VOID: i64 = 45_002;
/// The one of them that is approved in the third.
pub(in crate::campaigns) const TILL_LATE: i64 = 45_003;

/// As [`sales_order`], at the till; the last one is not approved yet.
fn till_order(calendar: Calendar, serial: i64) -> Value {
    let mut order = sales_order(calendar, serial);
    order["id"] = json!(45_000 + serial);
    order["reference"] = json!(format!("TILL-{serial}"));
    order["invoiceNumber"] = json!(25_000 + serial);
    order["source"] = json!(TILL);
    if order["id"] == TILL_LATE {
        order["status"] = json!("DRAFT");
        order["isApproved"] = json!(false);
    }
    order
}

/// 44.00 come back to the till.
fn till_return(calendar: Calendar) -> Value {
    let mut note = credit_note(calendar, 90);
    note["source"] = json!(TILL);
    note
}

fn paid(calendar: Calendar, document: &Value) -> Value {
    let id = document["id"].as_i64().unwrap_or_default();
    json!({
        "id": 100_000 + id, "orderId": id, "orderRef": document["reference"], "orderType": "Undefined",
        "method": "Cash", "amount": document["total"], "paymentDate": calendar.day(14), "isAuthorized": true,
        "comments": "", "transactionRef": "", "batchReference": "", "createdDate": calendar.at(14, (22, 14)),
    })
}

/// A hundred tees at 8.10, 10 % tax on top: 891.00.
fn purchase_order(calendar: Calendar, serial: i64) -> Value {
    json!({
        "id": 70_000 + serial, "reference": format!("PO-{serial}"), "status": "APPROVED",
        "isApproved": true, "isVoid": false, "memberId": SUPPLIER, "company": "Mill Co",
        "branchId": 3, "stage": "New", "createdDate": calendar.at(14, (22, 14)),
        "supplierInvoiceReference": format!("INV-{serial}"), "invoiceDate": calendar.day(14),
        "fullyReceivedDate": null, "paymentTerms": "30 days", "currencyCode": "AUD",
        "currencyRate": 1.0, "taxStatus": "Excl", "taxRate": 10.0, "productTotal": 810.0,
        "freightTotal": 0, "freightDescription": "", "surcharge": 0, "discountTotal": 0,
        "total": 891.0, "accountingAttributes": new_to_the_books(),
        "lineItems": [line("Tee", 100, "8.10", json!({ "id": 700_000 + serial }))],
    })
}

/// Three tees at 8.10 are damaged.
fn adjustment(calendar: Calendar, serial: i64) -> Value {
    json!({
        "id": 900 + serial, "reference": format!("ADJ-{serial}"), "isApproved": true, "branchId": 3,
        "createdDate": calendar.at(14, (22, 14)), "completedDate": calendar.day(14),
        "adjustInAccountingSystem": calendar.day(14), "adjustmentReason": "Damaged",
        "alternativeAccountCode": "", "productTotal": number("-24.30"),
        "lineItems": [{ "id": 1, "code": "TEE", "name": "Tee", "qty": 97.0, "qtyAdjusted": -3.0,
            "unitCost": number("8.10"), "account": "" }],
    })
}

/// Two tees come back: 44.00 of the sales order of this number.
fn credit_note(calendar: Calendar, serial: i64) -> Value {
    crate::books::note(
        serial,
        json!({
            "createdDate": calendar.at(14, (22, 14)), "creditNoteDate": calendar.day(14),
            "completedDate": calendar.at(12, (22, 5)),
            "lineItems": [line("Mug", -2, "20.0", json!({ "id": 50_000 + serial }))],
        }),
    )
}

fn new_to_the_books() -> Value {
    json!({ "importDate": null, "accountingImportStatus": "NotImported" })
}

/// Journals that come from [`drop_exports`].
pub(in crate::campaigns) const EXPORTED: usize = 4;

/// A bookkeeper drops the exports of three landed costs and of a month's cost of goods sold.
pub(in crate::campaigns) fn drop_exports(folder: &Path, today: Date) {
    let day = today - jiff::Span::new().days(10);
    let month = day.strftime("%Y-%m");
    let mut costs = "Id,Date,Category,Amount\n".to_owned();
    for nth in 1..EXPORTED {
        costs.push_str(&format!("LC-{nth},{day},Freight,{nth}00.50\n"));
    }
    let sold = format!(
        "Month,Document Type,Document Reference,Document Id,Completed Date,Cost,COGS Account,Stock Account\n\
         {month},Sales Order,SO-1,40001,{day},81.25,310,631\n"
    );
    std::fs::create_dir_all(folder).expect("a folder");
    for (name, text) in [("landed-costs.csv", costs), ("cogs.csv", sold)] {
        std::fs::write(folder.join(name), text).expect("a file");
    }
}
