//! Supplier credit notes, one line a row. Quantities and totals are below zero, as they are kept.

use super::super::account::Account;
use super::super::money::{amount, lines, rounded, tax_total, text};
use super::{Table, date, documents, in_force, plain, tax_percent};
use crate::json::Json;

const HEADER: &str = "Id,Reference,Supplier Credit Note No,Supplier Credit Note Date,Supplier Id,\
Supplier,Purchase Order,Supplier Inv No,Currency,Currency Rate,Tax Status,Tax Rate,Line Code,\
Line Name,Qty,Unit Price,Discount,Account Code,Freight Total,Surcharge,Discount Total,Tax Total,\
Total";

pub(super) fn table(account: &Account) -> Table {
    let mut table = Table::new(HEADER);
    for note in documents(account, "SupplierCreditNotes") {
        if !in_force(&note) {
            continue;
        }
        let tax = amount(rounded(tax_total(&note))).to_string();
        for line in lines(&note) {
            table.push(&[
                &plain(&note, "id"),
                text(&note, "reference"),
                text(&note, "supplierCreditNoteNumber"),
                &date(account, &note, "supplierCreditNoteDate"),
                &plain(&note, "memberId"),
                text(&note, "company"),
                text(&note, "purchaseOrder"),
                text(&note, "supplierInvoiceReference"),
                text(&note, "currencyCode"),
                &plain(&note, "currencyRate"),
                text(&note, "taxStatus"),
                &tax_percent(&note),
                text(line, "code"),
                text(line, "name"),
                &plain(line, "qty"),
                &plain(line, "unitPrice"),
                &plain(line, "discount"),
                text(line, "accountCode"),
                &plain(&note, "freightTotal"),
                &plain(&note, "surcharge"),
                &plain(&note, "discountTotal"),
                &tax,
                note.get("total")
                    .map(Json::to_string)
                    .as_deref()
                    .unwrap_or_default(),
            ]);
        }
    }
    table
}
