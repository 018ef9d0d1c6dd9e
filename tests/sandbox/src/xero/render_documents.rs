//! The API's shapes of invoices, credit notes and what was applied to them.

use jiff::civil::Date;
use rust_decimal::Decimal;

use super::dates::{date_ms, date_text, instant_ms, instant_text};
use super::document_model::{Allocation, Body, CreditNote, Invoice, Line, LineTracking, Side};
use super::model::Contact;
use super::money_model::Payment;
use super::organisation::Organisation;
use super::render::{View, empty, money};
use crate::json::{Json, Object};

/// A credit note.
pub(crate) fn credit_note(organisation: &Organisation, note: &CreditNote, view: View) -> Object {
    let allocations: Vec<Json> = note
        .allocations
        .iter()
        .map(|it| allocation(it).into())
        .collect();
    let object = Object::new()
        .with("CreditNoteID", note.id.to_string())
        .with("CreditNoteNumber", note.credit_note_number.as_str())
        .with("Payments", payments(organisation, note.id))
        .with("ID", note.id.to_string())
        .with("CurrencyRate", Json::fixed(note.body.currency_rate, 6))
        .with("Type", note.kind.name())
        .with("Reference", note.body.reference.as_str())
        .with("RemainingCredit", money(note.remaining_credit))
        .with("Allocations", allocations)
        .with("HasAttachments", false);
    common(organisation, &note.body, view, object)
}

/// An invoice or a bill.
pub(crate) fn invoice(organisation: &Organisation, invoice: &Invoice, view: View) -> Object {
    let mut object = Object::new()
        .with("Type", invoice.kind.name())
        .with("InvoiceID", invoice.id.to_string())
        .with("InvoiceNumber", invoice.invoice_number.as_str())
        .with("Reference", invoice.body.reference.as_str());
    if let Some(url) = &invoice.url {
        object.set("Url", url.as_str());
    }
    if !view.summary {
        object.set("Payments", payments(organisation, invoice.id));
        object.set("HasAttachments", false);
    }
    let credits: Vec<Json> = organisation
        .credits_of(invoice.id)
        .map(|it| credit(it, invoice).into())
        .collect();
    object.set("CreditNotes", credits);
    object.set("Prepayments", empty());
    object.set("Overpayments", empty());
    object.set("AmountDue", money(invoice.amount_due));
    object.set("AmountPaid", money(invoice.amount_paid));
    object.set("AmountCredited", money(invoice.amount_credited));
    object.set("CurrencyRate", Json::fixed(invoice.body.currency_rate, 6));
    object.set("IsDiscounted", discount(&invoice.body) != Decimal::ZERO);
    if discount(&invoice.body) != Decimal::ZERO {
        object.set("TotalDiscount", money(discount(&invoice.body)));
    }
    object.set("SentToContact", invoice.sent_to_contact);
    if let Some(date) = invoice.payment_date {
        let (text, ms) = match invoice.kind.side() {
            Side::Sales => ("ExpectedPaymentDateString", "ExpectedPaymentDate"),
            Side::Purchase => ("PlannedPaymentDateString", "PlannedPaymentDate"),
        };
        dated(&mut object, text, ms, date);
    }
    common(organisation, &invoice.body, view, object)
}

fn discount(body: &Body) -> Decimal {
    body.lines
        .iter()
        .filter(|it| it.discount_rate.is_some() || it.discount_amount.is_some())
        .map(|it| super::lines::round(it.quantity * it.unit_amount, 2) - it.line_amount)
        .sum()
}

fn dated(object: &mut Object, text: &'static str, ms: &'static str, date: Date) {
    object.set(text, date_text(date));
    object.set(ms, date_ms(date));
}

/// What invoices and credit notes show alike.
fn common(organisation: &Organisation, body: &Body, view: View, mut object: Object) -> Object {
    let contact = match organisation.contacts.get(body.contact) {
        Some(contact) => document_contact(contact, view.whole),
        None => Object::new().with("ContactID", body.contact.to_string()),
    };
    object.set("Contact", contact);
    dated(&mut object, "DateString", "Date", body.date);
    if let Some(due) = body.due_date {
        dated(&mut object, "DueDateString", "DueDate", due);
    }
    if let Some(paid) = body.fully_paid_on_date {
        object.set("FullyPaidOnDate", date_ms(paid));
    }
    if let Some(theme) = body.branding_theme {
        object.set("BrandingThemeID", theme.to_string());
    }
    object.set("Status", body.status.name());
    object.set("LineAmountTypes", body.line_amount_types.name());
    if !view.summary {
        let lines = if view.whole {
            body.lines
                .iter()
                .map(|it| line(organisation, it, view.unit_places))
                .collect()
        } else {
            Vec::new()
        };
        object.set("LineItems", lines);
    }
    object.set("SubTotal", money(body.sub_total));
    object.set("TotalTax", money(body.total_tax));
    object.set("Total", money(body.total));
    object.set("UpdatedDateUTC", instant_ms(body.updated));
    object.set("UpdatedDateUTCString", instant_text(body.updated));
    object.set("CurrencyCode", body.currency_code.as_str());
    object
}

/// An allocation, as its credit note and its own calls show it.
pub(crate) fn allocation(it: &Allocation) -> Object {
    let invoice = Object::new()
        .with("InvoiceID", it.invoice.to_string())
        .with("InvoiceNumber", it.invoice_number.as_str());
    Object::new()
        .with("AllocationID", it.id.to_string())
        .with("Amount", money(it.amount))
        .with("Date", date_ms(it.date))
        .with("Invoice", invoice)
        .with("IsDeleted", false)
}

/// A credit note as an invoice shows it.
fn credit(note: &CreditNote, invoice: &Invoice) -> Object {
    let applied = note
        .allocations
        .iter()
        .filter(|it| it.invoice == invoice.id)
        .map(|it| it.amount)
        .sum();
    let mut object = Object::new()
        .with("CreditNoteID", note.id.to_string())
        .with("CreditNoteNumber", note.credit_note_number.as_str())
        .with("ID", note.id.to_string())
        .with("AppliedAmount", money(applied))
        .with("Total", money(note.body.total))
        .with("HasErrors", false);
    dated(&mut object, "DateString", "Date", note.body.date);
    object.set("LineItems", empty());
    object
}

fn payments(organisation: &Organisation, document: uuid::Uuid) -> Vec<Json> {
    let short = |it: &Payment| {
        Object::new()
            .with("PaymentID", it.id.to_string())
            .with("Date", date_ms(it.date))
            .with("Amount", money(it.amount))
            .with("Reference", it.reference.as_str())
            .with("CurrencyRate", Json::fixed(it.currency_rate, 6))
            .with("HasAccount", false)
            .with("HasValidationErrors", false)
            .into()
    };
    organisation.payments_of(document).map(short).collect()
}

fn document_contact(contact: &Contact, whole: bool) -> Object {
    let mut object = Object::new().with("ContactID", contact.id.to_string());
    if whole {
        object.set("ContactStatus", contact.contact_status.as_str());
    }
    object.set("Name", contact.name.as_str());
    if whole {
        object.set("FirstName", contact.first_name.as_str());
        object.set("LastName", contact.last_name.as_str());
        object.set("EmailAddress", contact.email_address.as_str());
    }
    for list in ["Addresses", "Phones", "ContactGroups", "ContactPersons"] {
        object.set(list, empty());
    }
    object.set("HasValidationErrors", false);
    object
}

fn line(organisation: &Organisation, line: &Line, unit_places: u32) -> Json {
    let mut object = Object::new().with("LineItemID", line.id.to_string());
    if let Some(code) = &line.item_code {
        object.set("ItemCode", code.as_str());
    }
    object.set("Description", line.description.as_str());
    object.set("UnitAmount", Json::fixed(line.unit_amount, unit_places));
    if let Some(tax_type) = &line.tax_type {
        object.set("TaxType", tax_type.as_str());
    }
    object.set("TaxAmount", money(line.tax_amount));
    object.set("LineAmount", money(line.line_amount));
    if let Some(rate) = line.discount_rate {
        object.set("DiscountRate", Json::fixed(rate, 4));
    }
    if let Some(amount) = line.discount_amount {
        object.set("DiscountAmount", money(amount));
    }
    if let Some(code) = &line.account_code {
        object.set("AccountCode", code.as_str());
        if let Some(account) = organisation.account(code) {
            object.set("AccountID", account.id.to_string());
        }
    }
    object.set("Tracking", tracking(&line.tracking));
    object.set("Quantity", Json::fixed(line.quantity, 4));
    object.into()
}

/// The tracking choices of a line.
pub(crate) fn tracking(choices: &[LineTracking]) -> Vec<Json> {
    choices
        .iter()
        .map(|it| {
            Object::new()
                .with("Name", it.name.as_str())
                .with("Option", it.option.as_str())
                .with("TrackingCategoryID", it.category.to_string())
                .with("TrackingOptionID", it.option_id.to_string())
                .into()
        })
        .collect()
}
