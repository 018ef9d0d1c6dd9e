//! A month of a company: generated documents in every state that Omni knows, and named ones that must
//! stop, each for one reason.

use jiff::civil::date;
use rust_decimal::Decimal;
use sandbox::{
    Seed,
    omni::seed::{AdjustmentSeed, OrderSeed, TillSeed},
    seed::{Amounts, Counterpart, CreditNoteSeed, CustomerSeed, DocumentSeed, Generate},
};
use serde_json::{Value, json};

use crate::books;

/// How much a company does.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Customers, beside those with names.
    pub contacts: usize,
    /// Suppliers, beside those with names.
    pub suppliers: usize,
    /// Sales orders.
    pub sales: usize,
    /// Purchase orders.
    pub purchases: usize,
    /// Stock adjustments.
    pub adjustments: usize,
    /// Credit notes.
    pub credit_notes: usize,
    /// Supplier credit notes, beside one for a bill that is not there.
    pub supplier_credit_notes: usize,
    /// Sales at the till.
    pub till_sales: usize,
    /// Returns at the till.
    pub till_returns: usize,
    /// Days on which the till is open.
    pub till_days: usize,
}

/// Xero has two of this name: a person must say which.
pub(super) const AMBIGUOUS: &str = "Blue Gum Trading";
/// Archived in Xero.
pub(super) const ARCHIVED: &str = "Old Wharf Store";
/// Account that is archived in Xero.
pub(super) const OLD_ACCOUNT: &str = "270";

/// Omni's `source` of what is sold at the till.
pub(super) const TILL: &str = "Till";

const COUNTER: &str = "Counter Sales";
const SURE: &str = "Harrow & Pike";
const NEW: &str = "Sundial Cafes";
const MERGED: &str = "Fernhill Living";
const MILL: &str = "Mill Co";
const LOOM: &str = "New Loom";

/// The world of that month.
pub(super) fn seed(size: Size, chance: u64) -> Seed {
    let mut seed = books::seed(&[
        (SURE, Counterpart::ById),
        (NEW, Counterpart::Absent),
        (AMBIGUOUS, Counterpart::Ambiguous),
        (ARCHIVED, Counterpart::Archived),
        (MERGED, Counterpart::Merged),
        (COUNTER, Counterpart::ById),
    ]);
    for account in &mut seed.omni.accounts {
        account.suppliers = [(MILL, Counterpart::ById), (LOOM, Counterpart::Absent)]
            .map(|(company, xero)| CustomerSeed {
                company: company.to_owned(),
                xero,
                ..CustomerSeed::default()
            })
            .to_vec();
        account.generate = Generate {
            contacts: size.contacts,
            suppliers: size.suppliers,
            sales: size.sales,
            purchases: size.purchases,
            adjustments: size.adjustments,
            landed_costs: size.purchases / 3,
            credit_notes: size.credit_notes,
            supplier_credit_notes: size.supplier_credit_notes,
            seed: chance,
            from: date(2026, 10, 21),
            to: date(2026, 11, 20),
            currencies: vec!["USD".to_owned(), "NZD".to_owned()],
            foreign: 15,
            fine_prices: 20,
            tax_percent: Decimal::TEN,
            ..Generate::default()
        };
        account.sales_orders = sales();
        account.purchase_orders = purchases();
        account.adjustments = vec![AdjustmentSeed {
            date: Some(date(2026, 9, 24)),
            ..AdjustmentSeed::default()
        }];
        account.credit_notes = credits();
        account.tills = vec![till(size)];
        // Suppliers have the ids after those of customers.
        let mill = 1001 + account.customers.len() + size.contacts;
        account.documents = vec![credit_for_no_bill(mill)];
    }
    seed
}

/// It stands in two branches, and closes with days on which things only come back.
fn till(size: Size) -> TillSeed {
    let days = i64::try_from(size.till_days).unwrap_or(1);
    let from = date(2026, 11, 2);
    TillSeed {
        channel: TILL.to_owned(),
        contact: COUNTER.to_owned(),
        sales: size.till_sales,
        returns: size.till_returns,
        foreign: 6,
        from,
        to: from.saturating_add(jiff::Span::new().days(days)),
        branches: vec![3, 4],
        ..TillSeed::default()
    }
}

/// Three tees at 8.10 went back to a supplier, 10 % tax on top; nobody knows the order.
fn credit_for_no_bill(supplier: usize) -> DocumentSeed {
    DocumentSeed {
        resource: "SupplierCreditNotes".to_owned(),
        json: books::to_json(json!({
            "id": 8_900_001, "reference": "SCN-900001", "status": "APPROVED", "supplierCreditNoteNumber": "CR900001",
            "supplierCreditNoteDate": "2026-11-09T13:00:00Z", "company": MILL, "memberId": supplier,
            "purchaseOrder": "PO by phone", "supplierInvoiceReference": "", "currencyCode": "AUD",
            "currencyRate": books::number("1.0"), "taxStatus": "Excl", "taxRate": books::number("10.0"),
            "freightTotal": 0, "surcharge": 0, "discountTotal": 0, "productTotal": books::number("-24.30"),
            "total": books::number("-26.73"),
            "lineItems": [{ "code": "TEE-BLK-M", "name": "Tee black", "qty": -3,
                "unitPrice": books::number("8.10"), "discount": 0, "accountCode": "" }],
        })),
    }
}

fn order(contact: &str, patch: Value) -> OrderSeed {
    OrderSeed {
        contact: contact.to_owned(),
        patch: books::to_json(patch),
        ..OrderSeed::default()
    }
}

fn sales() -> Vec<OrderSeed> {
    let many = |contact: &str, count| OrderSeed {
        count,
        ..order(contact, json!({}))
    };
    let on = |day, patch| OrderSeed {
        date: Some(day),
        ..order(SURE, patch)
    };
    let account = |code: &str, count| OrderSeed {
        account_code: Some(code.to_owned()),
        ..many(SURE, count)
    };
    vec![
        many(NEW, 2),
        many(AMBIGUOUS, 3),
        many(ARCHIVED, 2),
        many(MERGED, 2),
        on(date(2026, 9, 24), json!({})),
        on(
            date(2026, 12, 5),
            json!({ "modifiedDate": "2026-11-20T05:00:00Z" }),
        ),
        account(OLD_ACCOUNT, 2),
        account("999", 1),
        order(SURE, json!({ "paymentTerms": "when it suits" })),
        order(SURE, json!({ "total": 1 })),
        OrderSeed {
            tax_status: Some("Exempt".to_owned()),
            ..order(SURE, json!({ "lineItems": [ribbon(), ribbon()] }))
        },
    ]
}

/// Two of them are 2.02 in the books and 2.01 in Omni, and no tax can take the cent.
fn ribbon() -> Value {
    json!({ "code": "", "name": "Ribbon", "qty": 1, "unitPrice": books::number("1.005") })
}

fn purchases() -> Vec<OrderSeed> {
    vec![
        order(MILL, json!({})),
        order(LOOM, json!({})),
        order(MILL, json!({ "supplierInvoiceReference": "" })),
    ]
}

fn credits() -> Vec<CreditNoteSeed> {
    let note = |patch: Value| CreditNoteSeed {
        customer: SURE.to_owned(),
        date: Some(date(2026, 11, 3)),
        patch: books::to_json(patch),
        ..CreditNoteSeed::default()
    };
    vec![
        note(json!({ "salesReference": "" })),
        note(json!({ "salesReference": "by phone" })),
        CreditNoteSeed {
            amounts: Amounts::Zero,
            ..note(json!({}))
        },
        CreditNoteSeed {
            amounts: Amounts::Positive,
            ..note(json!({}))
        },
        CreditNoteSeed {
            date: Some(date(2026, 9, 24)),
            ..note(json!({}))
        },
    ]
}
