//! Rows of the lists: what a sale looks like from afar.
//!
//! A row speaks of one invoice and one credit note of the sale, whichever came last, so it can
//! say less than the sale and even another status. Rows find sales; they are no documents.

use uuid::Uuid;

use super::account::{Account, Sale};
use super::blocks::{self, PLACEHOLDER, text};
use super::money::json;
use super::stamps;
use crate::json::{Json, Object};

/// The row of `/saleList`.
pub(crate) fn sale_row(account: &Account, id: Uuid, sale: &Sale) -> Object {
    let document = sale.document();
    let empty = Object::new();
    let document = document.as_object().unwrap_or(&empty);
    let note = blocks::notes(document).next_back();
    let mixed = account.behaviour.mixed_case_ids;
    row(document, id, sale, note, stamps::id(id, mixed))
        .with("Type", text(document, "Type").to_owned())
}

/// The rows of `/saleCreditNoteList`: one a note, or one a sale, about its last note.
pub(crate) fn note_rows(account: &Account, id: Uuid, sale: &Sale) -> Vec<Object> {
    let document = sale.document();
    let empty = Object::new();
    let document = document.as_object().unwrap_or(&empty);
    let listed = stamps::listed_id(id, account.behaviour.mixed_case_ids);
    let kind = if sale.stand_alone {
        "Credit Note"
    } else {
        "Sale Credit Note"
    };
    let mut notes: Vec<&Object> = blocks::notes(document).collect();
    if account.behaviour.note_list_by_sale
        && let Some(last) = notes.pop()
    {
        notes = vec![last];
    }
    notes
        .into_iter()
        .map(|note| {
            let restocked = note
                .get("Restock")
                .and_then(Json::as_array)
                .is_some_and(|it| !it.is_empty());
            row(document, id, sale, Some(note), listed.clone())
                .with("Type", kind)
                .with(
                    "RestockStatus",
                    if restocked { "AUTHORISED" } else { PLACEHOLDER },
                )
        })
        .collect()
}

fn row(document: &Object, id: Uuid, sale: &Sale, note: Option<&Object>, listed: String) -> Object {
    let take = |name: &str| document.get(name).cloned().unwrap_or_default();
    let order = document.get("Order").and_then(Json::as_object);
    let of_order = |name: &str| order.and_then(|it| it.get(name)).cloned();
    let invoice = blocks::invoices(document).next_back();
    let of_invoice = |name: &str| invoice.and_then(|it| it.get(name)).cloned();
    let of_note = |name: &str| note.and_then(|it| it.get(name)).cloned();
    let billed = blocks::billed(document);
    let paid = json(blocks::paid(document));
    let quote = document
        .get("Quote")
        .and_then(|it| it.get("Status"))
        .cloned()
        .unwrap_or_default();
    Object::new()
        .with("SaleID", listed)
        .with(
            "OrderNumber",
            of_order("SaleOrderNumber").unwrap_or_default(),
        )
        .with("Status", take("Status"))
        .with("OrderDate", take("SaleOrderDate"))
        .with(
            "InvoiceDate",
            of_invoice("InvoiceDate").unwrap_or_else(|| stamps::no_day(id)),
        )
        .with("Customer", take("Customer"))
        .with("CustomerID", take("CustomerID"))
        .with("InvoiceNumber", of_invoice("InvoiceNumber"))
        .with("CustomerReference", take("CustomerReference"))
        .with("InvoiceAmount", json(billed - blocks::credited(document)))
        .with("PaidAmount", paid.clone())
        .with("SaleInvoicesTotalAmount", json(billed))
        .with(
            "InvoiceDueDate",
            of_invoice("InvoiceDueDate").unwrap_or_else(|| stamps::no_day(id)),
        )
        .with("ShipBy", take("ShipBy"))
        .with("BaseCurrency", take("BaseCurrency"))
        .with("CustomerCurrency", take("CustomerCurrency"))
        .with("CreditNoteNumber", of_note("CreditNoteNumber"))
        .with("Updated", stamps::audit(sale.updated, id))
        .with("QuoteStatus", quote)
        .with(
            "OrderStatus",
            of_order("Status").unwrap_or_else(|| PLACEHOLDER.into()),
        )
        .with("CombinedPickingStatus", PLACEHOLDER)
        .with("CombinedPackingStatus", PLACEHOLDER)
        .with("CombinedShippingStatus", take("CombinedShippingStatus"))
        .with("FulFilmentStatus", take("FulFilmentStatus"))
        .with("CombinedInvoiceStatus", take("CombinedInvoiceStatus"))
        .with("CombinedPaymentTotal", paid)
        .with(
            "CreditNoteStatus",
            of_note("Status").unwrap_or_else(|| PLACEHOLDER.into()),
        )
        .with("CombinedPaymentStatus", take("CombinedPaymentStatus"))
        .with("CombinedTrackingNumbers", "")
        .with("SourceChannel", take("SourceChannel"))
        .with("ExternalID", take("ExternalID"))
        .with("OrderLocationID", Json::Null)
}
