//! The blocks of a sale: what empties them, and what the sale says of them.

use rust_decimal::Decimal;
use uuid::Uuid;

use super::money::number;
use super::stamps;
use crate::json::{Json, Object};

/// Status of a block that is only a placeholder.
pub(crate) const PLACEHOLDER: &str = "NOT AVAILABLE";

/// A text member; empty where there is none.
pub(crate) fn text<'a>(object: &'a Object, name: &str) -> &'a str {
    object.get(name).and_then(Json::as_str).unwrap_or_default()
}

/// A block that may be one object, an array, or missing.
pub(crate) fn many<'a>(sale: &'a Object, name: &str) -> Vec<&'a Object> {
    match sale.get(name) {
        Some(Json::Arr(items)) => items.iter().filter_map(Json::as_object).collect(),
        Some(Json::Obj(object)) if !object.is_empty() => vec![object],
        _ => Vec::new(),
    }
}

/// Credit notes that are more than placeholders, oldest first.
pub(crate) fn notes(sale: &Object) -> impl DoubleEndedIterator<Item = &Object> {
    many(sale, "CreditNotes")
        .into_iter()
        .filter(|it| text(it, "Status") != PLACEHOLDER)
}

/// Invoices that are more than placeholders, oldest first.
pub(crate) fn invoices(sale: &Object) -> impl DoubleEndedIterator<Item = &Object> {
    many(sale, "Invoices")
        .into_iter()
        .filter(|it| text(it, "Status") != PLACEHOLDER)
}

/// Whether a block counts: not a draft, not voided, not a placeholder.
pub(crate) fn is_live(block: &Object) -> bool {
    matches!(text(block, "Status"), "AUTHORISED" | "PAID")
}

/// Whether the sale is a credit note without order and invoice.
pub(crate) fn stands_alone(sale: &Object) -> bool {
    let ordered = sale
        .get("Order")
        .and_then(Json::as_object)
        .is_some_and(|it| text(it, "Status") != PLACEHOLDER);
    !ordered && invoices(sale).next().is_none() && notes(sale).next().is_some()
}

/// Voids a block: number and status stay, everything else goes.
pub(crate) fn void(block: &mut Object) {
    empty(block);
    block.set("Status", "VOIDED");
}

/// Takes everything out of a block but its number.
pub(crate) fn empty(block: &mut Object) {
    for name in [
        "Lines",
        "AdditionalCharges",
        "Payments",
        "Refunds",
        "Restock",
        "Prepayments",
    ] {
        if block.get(name).is_some() {
            block.set(name, Vec::new());
        }
    }
    for name in ["TotalBeforeTax", "Tax", "Total", "Paid"] {
        if block.get(name).is_some() {
            block.set(name, 0);
        }
    }
}

/// A credit note that is not there.
pub(crate) fn placeholder(task: &str, id: Uuid) -> Object {
    Object::new()
        .with("TaskID", task)
        .with("CreditNoteInvoiceNumber", "")
        .with("Memo", Json::Null)
        .with("Status", PLACEHOLDER)
        .with("CreditNoteDate", stamps::no_day(id))
        .with("CreditNoteNumber", "")
        .with("CreditNoteConversionRate", Json::int(0))
        .with("Lines", Vec::new())
        .with("AdditionalCharges", Vec::new())
        .with("Refunds", Vec::new())
        .with("Restock", Vec::new())
        .with("TotalBeforeTax", 0)
        .with("Tax", 0)
        .with("Total", 0)
}

/// Brings what a sale says of its blocks up to date.
pub(crate) fn settle(sale: &mut Object) {
    if text(sale, "Status") == "VOIDED" {
        for name in [
            "CombinedInvoiceStatus",
            "CombinedPaymentStatus",
            "CombinedShippingStatus",
            "FulFilmentStatus",
        ] {
            sale.set(name, "VOIDED");
        }
        return;
    }
    let invoiced = invoices(sale).any(is_live);
    let credited = notes(sale).any(is_live);
    let combined = match (invoiced, credited) {
        (true, true) => "INVOICED / CREDITED",
        (true, false) => "INVOICED",
        (false, true) => PLACEHOLDER,
        (false, false) if stands_alone(sale) => PLACEHOLDER,
        (false, false) => "NOT INVOICED",
    };
    let (billed, paid) = (billed(sale), paid(sale));
    let payment = if !invoiced && credited {
        if paid.is_zero() {
            "NOT REFUNDED"
        } else {
            "PAID"
        }
    } else if paid.is_zero() {
        "UNPAID"
    } else if paid < billed.round_dp(2) {
        "PARTIALLY PAID"
    } else {
        "PAID"
    };
    let status = match (invoiced, credited) {
        (_, true) => Some("CREDITED"),
        (true, false) if payment == "PAID" => Some("COMPLETED"),
        (true, false) => Some("INVOICED"),
        (false, false) => None,
    };
    sale.set("CombinedInvoiceStatus", combined);
    sale.set("CombinedPaymentStatus", payment);
    if let Some(status) = status {
        sale.set("Status", status);
    }
}

/// Live invoices, tax included.
pub(crate) fn billed(sale: &Object) -> Decimal {
    sum(invoices(sale).filter(|it| is_live(it)), "Total")
}

/// Live credit notes, tax included.
pub(crate) fn credited(sale: &Object) -> Decimal {
    sum(notes(sale).filter(|it| is_live(it)), "Total")
}

/// Payments less refunds.
pub(crate) fn paid(sale: &Object) -> Decimal {
    let of = |blocks: Vec<&Object>, name: &str| -> Decimal {
        blocks
            .into_iter()
            .filter_map(|it| it.get(name)?.as_array())
            .flatten()
            .filter_map(Json::as_object)
            .map(|it| number(it, "Amount"))
            .sum()
    };
    of(many(sale, "Invoices"), "Payments") - of(many(sale, "CreditNotes"), "Refunds")
}

fn sum<'a>(blocks: impl Iterator<Item = &'a Object>, name: &str) -> Decimal {
    blocks.map(|it| number(it, name)).sum()
}
