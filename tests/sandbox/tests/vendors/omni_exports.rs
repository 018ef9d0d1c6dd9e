//! Exports of Omni's own pages: CSV from what the account holds.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use sandbox::omni::exports::KINDS;
use serde_json::json;

use crate::omni_support::account;
use crate::support::Omni;

/// An export with the header row that it must have, and its rows.
fn export(omni: &Omni, kind: &str, header: &str) -> Vec<String> {
    let path = format!("exports?vendor=omni&account=SmallAU&kind={kind}");
    let reply = omni.admin("GET", &path, "");
    assert_eq!(reply.status, 200, "{}", reply.body_text());
    let text = reply.body_text();
    assert_eq!(omni.0.omni("SmallAU").export(kind).unwrap(), text);
    let mut rows = text.lines().map(str::to_owned);
    assert_eq!(rows.next().as_deref(), Some(header));
    rows.collect()
}

const NOTES: &str = "Id,Reference,Supplier Credit Note No,Supplier Credit Note Date,Supplier Id,Supplier,\
Purchase Order,Supplier Inv No,Currency,Currency Rate,Tax Status,Tax Rate,Line Code,Line Name,Qty,\
Unit Price,Discount,Account Code,Freight Total,Surcharge,Discount Total,Tax Total,Total";
const COSTS: &str = "Id,Purchase Order,Date,Category,Description,Amount,Supplier Inv No";
const COGS: &str = "Month,Document Type,Document Reference,Document Id,Completed Date,Branch,SKU,Qty,\
Unit Cost,Cost,COGS Account,Stock Account";
const DEPOSITS: &str = "Id,Kind,Order Reference,Order Id,Contact Id,Date,Amount,Currency,Currency Rate,\
Tax Rate,Payment Id";
const BATCHES: &str =
    "Batch,Branch,Date,Payment Method,Order Type,Order Reference,Order Id,Currency,Total";

#[test]
fn supplier_credit_notes_are_a_row_a_line_and_change_by_hand() {
    let omni = account(
        r#"
        [[omni.accounts.documents]]
        resource = "SupplierCreditNotes"
        json = '''{ "id": 80, "isApproved": true, "status": "APPROVED", "reference": "SCN-1",
            "supplierCreditNoteNumber": "CR-9", "supplierCreditNoteDate": "2026-11-09T13:00:00Z",
            "memberId": 1003, "company": "Mill, Co", "purchaseOrder": "PO-1",
            "supplierInvoiceReference": "INV-9", "currencyCode": "AUD", "currencyRate": 1.0,
            "taxStatus": "Excl", "taxRate": 10.0, "productTotal": -30.00, "freightTotal": 0,
            "surcharge": 0, "discountTotal": 0, "total": -33.00, "lineItems": [
            { "code": "A", "name": "First", "qty": -2.0, "unitPrice": 10.00, "discount": 0, "accountCode": "" },
            { "code": "B", "name": "Second", "qty": -1.0, "unitPrice": 10.00, "discount": 0, "accountCode": "425" }] }'''
        "#,
    );
    let head = "80,SCN-1,CR-9,2026-11-10,1003,\"Mill, Co\",PO-1,INV-9,AUD,1,Excl,10";
    assert_eq!(
        export(&omni, "supplier_credit_notes", NOTES),
        [
            format!("{head},A,First,-2,10,0,,0,0,0,-3.00,-33.00"),
            format!("{head},B,Second,-1,10,0,425,0,0,0,-3.00,-33.00"),
        ]
    );
    omni.by_hand(json!({ "kind": "supplier_credit_notes", "id": "SCN-1", "line": 0, "patch": { "qty": -1 } }));
    let rows = export(&omni, "supplier_credit_notes", NOTES);
    assert!(
        rows[0].ends_with(",-1,10,0,,0,0,0,-2.00,-22.00"),
        "{rows:?}"
    );
    omni.by_hand(
        json!({ "kind": "supplier_credit_notes", "id": "SCN-1", "patch": { "status": "VOID" } }),
    );
    assert!(export(&omni, "supplier_credit_notes", NOTES).is_empty());
}

#[test]
fn landed_costs_and_rows_that_are_written_out() {
    let omni = account(
        r#"
        [[omni.accounts.documents]]
        resource = "LandedCosts"
        json = '''{ "id": 90, "purchaseOrder": "PO-1", "date": "2026-11-09T13:00:00Z",
            "supplierInvoiceReference": "FWD-1", "lineItems": [
            { "category": "Freight", "description": "Sea freight", "amount": 120.50 },
            { "category": "Customs", "description": "Import duty", "amount": 60 }] }'''

        [omni.accounts.exports]
        landed_costs = '''
91,PO-2,2026-11-12,Freight,"By hand, later",9.90,FWD-2
'''
        "#,
    );
    assert_eq!(
        export(&omni, "landed_costs", COSTS),
        [
            "90,PO-1,2026-11-10,Freight,Sea freight,120.5,FWD-1",
            "90,PO-1,2026-11-10,Customs,Import duty,60,FWD-1",
            "91,PO-2,2026-11-12,Freight,\"By hand, later\",9.90,FWD-2",
        ]
    );
    omni.by_hand(
        json!({ "kind": "landed_costs", "id": "90", "line": 1, "patch": { "amount": 75 } }),
    );
    assert!(export(&omni, "landed_costs", COSTS)[1].contains(",75,"));
}

#[test]
fn goods_cost_what_came_in_first_with_rate_and_landed_cost() {
    let omni = account(
        r#"
        ledger = { cost-of-goods-sold = "310", stock-on-hand = "631", alternative = { Wholesale = "315" } }

        # Ten at 4.00 US dollars, two home dollars each, and 10.00 of freight: 9.00 each.
        [[omni.accounts.purchase-orders]]
        contact = "Mill Co"
        currency = "USD"
        patch = '''{ "reference": "PO-1", "fullyReceivedDate": "2026-10-02T00:00:00Z", "lineItems": [
            { "code": "MUG-BLU", "qty": 10, "unitPrice": 4.00 }] }'''

        [[omni.accounts.sales-orders]]
        contact = "Acme"
        patch = '''{ "id": 501, "reference": "SO-1", "invoiceDate": "2026-10-30T13:00:00Z",
            "dispatchedDate": "2026-10-31T20:00:00Z", "costCenter": "Wholesale", "branchId": 3,
            "accountingAttributes": { "accountingImportStatus": "Imported" }, "lineItems": [
            { "code": "MUG-BLU", "qty": 12, "unitPrice": 20.00, "unitCost": 5.00 },
            { "code": "", "name": "Gift wrap", "qty": 1, "unitPrice": 5.00 }] }'''

        # Not imported: it costs nothing yet.
        [[omni.accounts.sales-orders]]
        contact = "Acme"
        patch = '''{ "id": 502, "reference": "SO-2", "dispatchedDate": "2026-11-05T20:00:00Z", "lineItems": [
            { "code": "MUG-BLU", "qty": 1, "unitPrice": 20.00, "unitCost": 5.00 }] }'''

        [[omni.accounts.documents]]
        resource = "CreditNotes"
        json = '''{ "id": 601, "reference": "CRN-1", "status": "APPROVED", "branchId": 3,
            "creditNoteDate": "2026-11-08T13:00:00Z", "completedDate": "2026-11-09T00:00:00Z",
            "lineItems": [{ "id": 1, "code": "MUG-BLU", "qty": -1.0, "qtyShipped": -1.0, "unitCost": 5.00 }] }'''

        [[omni.accounts.documents]]
        resource = "LandedCosts"
        json = '''{ "id": 90, "purchaseOrder": "PO-1", "date": "2026-10-02T00:00:00Z",
            "lineItems": [{ "category": "Freight", "amount": 10.00 }] }'''
        "#,
    );
    let sale = "2026-11,Sales Order,SO-1,501,2026-11-01,Sydney Warehouse,MUG-BLU";
    let back =
        "2026-11,Credit Note,CRN-1,601,2026-11-09,Sydney Warehouse,MUG-BLU,-1,5,-5.00,310,631";
    let first = format!("{sale},10,9,90.00,315,631");
    let second = format!("{sale},2,5,10.00,315,631");
    assert_eq!(export(&omni, "cogs", COGS), [first.as_str(), &second, back]);
    omni.by_hand(json!({ "kind": "sales_orders", "id": "SO-2",
        "patch": { "accountingAttributes": { "accountingImportStatus": "DoNotImport" } } }));
    assert_eq!(export(&omni, "cogs", COGS).len(), 4, "it counts now");
    omni.by_hand(
        json!({ "kind": "sales_orders", "id": "SO-2", "line": 0, "patch": { "qtyShipped": 0 } }),
    );
    assert_eq!(export(&omni, "cogs", COGS).len(), 3, "not all of it went");
    omni.by_hand(json!({ "kind": "sales_orders", "id": "SO-1", "patch": { "isVoid": true } }));
    assert_eq!(export(&omni, "cogs", COGS), [back]);
}

#[test]
fn deposits_and_batches_are_payments_that_say_so() {
    let omni = account(
        r#"
        sales-orders = [
            { contact = "Acme", tax-status = "Excl", patch = '{ "id": 501, "reference": "SO-1", "invoiceDate": null, "lineItems": [{ "code": "MUG-BLU", "qty": 1, "unitPrice": 100 }] }' },
            { contact = "Acme", patch = '{ "id": 502, "reference": "SO-2", "branchId": 4, "taxStatus": "Exempt", "lineItems": [{ "code": "MUG-BLU", "qty": 1, "unitPrice": 40 }] }' },
        ]
        payments = [
            { order = "SO-1", amount = "30", date = "2026-11-03", patch = { comments = "deposit 30%" } },
            { order = "SO-1", amount = "31", date = "2026-11-03", patch = { comments = "Deposit", isAuthorized = false } },
            { order = "SO-2", date = "2026-11-04", patch = { batchReference = "B-1", method = "Cash" } },
        ]
        "#,
    );
    assert_eq!(
        export(&omni, "deposits", DEPOSITS),
        ["DEP-6000001,Sales,SO-1,501,1001,2026-11-03,30,AUD,1,10,6000001"]
    );
    assert_eq!(
        export(&omni, "batches", BATCHES),
        ["B-1,Melbourne Warehouse,2026-11-04,Cash,SalesOrder,SO-2,502,AUD,40"]
    );
}

#[test]
fn generated_accounts_have_rows_of_every_kind() {
    let omni = account(
        r#"
        [omni.accounts.generate]
        contacts = 5
        suppliers = 4
        sales = 300
        purchases = 60
        credit-notes = 20
        payments = 120
        supplier-credit-notes = 10
        landed-costs = 10
        "#,
    );
    let view = omni.0.omni("SmallAU");
    let mut months: BTreeMap<String, Decimal> = BTreeMap::new();
    for kind in KINDS {
        let text = view.export(kind).unwrap();
        let columns = text.lines().next().unwrap().split(',').count();
        assert!(text.lines().count() > 5, "{kind}: {text}");
        for row in text.lines().skip(1) {
            let cells: Vec<&str> = row.split(',').collect();
            assert_eq!(cells.len(), columns, "{row}");
            if *kind == "cogs" {
                let cost: Decimal = cells[9].parse().unwrap();
                *months.entry(cells[0].to_owned()).or_default() += cost;
            }
        }
    }
    assert!(months.values().all(|it| *it > Decimal::ZERO), "{months:?}");
    assert!(months.contains_key("2026-10") && months.contains_key("2026-11"));
}

#[test]
fn what_is_not_exported_is_refused() {
    let omni = account("");
    for path in [
        "exports?vendor=omni&account=SmallAU&kind=stock",
        "exports?vendor=omni&account=Nobody&kind=cogs",
        "exports?vendor=xero&account=Books&kind=cogs",
        "exports",
    ] {
        assert_eq!(omni.admin("GET", path, "").status, 400, "{path}");
    }
}
