//! Using a credit note up against invoices.
//!
//! Allocations add up: one that is sent again is applied again. An allocation counts on both
//! documents from the moment that it is saved.

use uuid::Uuid;

use super::answers::Refusal;
use super::bind::{self, Binder};
use super::dates::to_milliseconds;
use super::document_model::{Allocation, CreditNote, Invoice, Status};
use super::documents::{Document, Outcome};
use super::lines::{Findings, round};
use super::locks::{check_held_date, check_new_date};
use super::organisation::Organisation;
use super::render_documents;
use super::resources::{Result, asks_for_each, guid, settle};
use super::settlement::settle_held;
use super::texts;
use super::undo::Undo;
use crate::exchange::Request;
use crate::json::Json;
use crate::world::Cx;

const ALLOCATION: &[&str] = &["Amount", "Invoice", "Date"];

const ALLOCATION_ANSWERS: &[&str] = &[
    "AllocationID",
    "Overpayment",
    "Prepayment",
    "CreditNote",
    "IsDeleted",
    "AppliedAmount",
    "StatusAttributeString",
    "ValidationErrors",
];

/// An allocation as sent.
struct Sent {
    invoice: Option<Uuid>,
    number: Option<String>,
    amount: Option<rust_decimal::Decimal>,
    date: Option<jiff::civil::Date>,
}

/// PUT to the allocations of a credit note.
pub(super) fn allocate(
    organisation: &mut Organisation,
    request: &Request,
    note: &str,
    cx: &mut Cx<'_>,
) -> Result<Vec<Json>> {
    let note = guid(note)?;
    let elements = bind::elements(&request.body, "Allocations", "Allocation", ALLOCATION)?;
    if organisation.credit_notes.get(note).is_none() {
        return Err(Refusal::NotFound);
    }
    let sent: Vec<Sent> = elements
        .iter()
        .enumerate()
        .map(|(at, json)| read(json, format!("Allocations[{at}]"), cx))
        .collect::<Result<_>>()?;
    let each = asks_for_each(request);
    let mut undo = Undo::default();
    let mut outcomes = Vec::new();
    for (sent, element) in sent.iter().zip(&elements) {
        let mut found = Findings::default();
        let made = make(organisation, note, sent, cx, &mut found);
        outcomes.push(match made {
            Some(made) if found.errors.is_empty() => {
                let mut json = render_documents::allocation(&made);
                json.set("StatusAttributeString", "OK");
                json.set("ValidationErrors", Vec::new());
                apply(organisation, note, made, &mut undo, cx);
                Outcome::Saved(json.into())
            }
            _ => Outcome::failed(element, ("AllocationID", None), "HasErrors", &found),
        });
    }
    settle(organisation, outcomes, undo, each)
}

fn read(json: &Json, path: String, cx: &mut Cx<'_>) -> Result<Sent> {
    let binder = Binder::new(json, path.clone())?;
    binder.check_names(ALLOCATION, ALLOCATION_ANSWERS, cx);
    let invoice = match binder.member("Invoice") {
        None => None,
        Some(json) => Some(Binder::new(json, format!("{path}.Invoice"))?),
    };
    let sent = Sent {
        invoice: invoice
            .as_ref()
            .map_or(Ok(None), |it| it.guid("InvoiceID"))?,
        number: invoice
            .as_ref()
            .map_or(Ok(None), |it| it.text("InvoiceNumber"))?,
        amount: binder.number("Amount")?,
        date: binder.date("Date")?,
    };
    if sent.date.is_none() {
        cx.remark("an allocation without Date, which the description requires");
    }
    Ok(sent)
}

fn make(
    organisation: &Organisation,
    note: Uuid,
    sent: &Sent,
    cx: &mut Cx<'_>,
    found: &mut Findings,
) -> Option<Allocation> {
    let note = organisation.credit_notes.get(note)?;
    let invoice = match (sent.invoice, &sent.number) {
        (Some(id), _) => organisation.invoices.get(id),
        (None, Some(number)) => super::documents::sales_numbered(organisation, number),
        (None, None) => {
            found.error(texts::ALLOCATION_WITHOUT_INVOICE);
            return None;
        }
    };
    let Some(invoice) = invoice else {
        found.error(texts::INVOICE.no_such);
        return None;
    };
    check_pair(note, invoice, found);
    let amount = round(sent.amount.unwrap_or_default(), 2);
    if amount.is_sign_negative() || amount.is_zero() {
        found.error(texts::ALLOCATION_WITHOUT_AMOUNT);
    } else if amount > note.remaining_credit || amount > invoice.amount_due {
        found.error(texts::ALLOCATION_TOO_LARGE);
    }
    let later = note.body.date.max(invoice.body.date);
    let read_only = organisation.switches.allocation_date_is_read_only;
    let date = match sent.date {
        Some(date) if !read_only => date.max(later),
        Some(date) if date != later => {
            cx.remark(
                "the date of the allocation is the later of its documents', not the sent one",
            );
            later
        }
        _ => later,
    };
    check_new_date(organisation, date, found);
    Some(Allocation {
        id: cx.chance.guid(),
        invoice: invoice.id,
        invoice_number: invoice.invoice_number.clone(),
        amount,
        date,
    })
}

fn check_pair(note: &CreditNote, invoice: &Invoice, found: &mut Findings) {
    if note.side() != invoice.side() {
        found.error(texts::ALLOCATION_WRONG_SIDE);
    }
    if !note.body.status.posted() {
        found.error(texts::ALLOCATION_OF_UNAPPROVED);
    }
    match invoice.body.status {
        Status::Authorised => {}
        Status::Paid => found.error(texts::INVOICE_PAID_OFF),
        _ => found.error(texts::ALLOCATION_TO_UNAPPROVED),
    }
    if note.body.contact != invoice.body.contact {
        found.error(texts::ALLOCATION_OTHER_CONTACT);
    }
    if note.body.currency_code != invoice.body.currency_code {
        found.error(texts::ALLOCATION_OTHER_CURRENCY);
    }
}

fn apply(
    organisation: &mut Organisation,
    note: Uuid,
    made: Allocation,
    undo: &mut Undo,
    cx: &mut Cx<'_>,
) {
    let invoice = made.invoice;
    if let Some(mut note) = organisation.credit_notes.get(note).cloned() {
        note.allocations.push(made);
        undo.put(organisation, note);
    }
    settle_both(organisation, note, invoice, undo, cx);
}

fn settle_both(
    organisation: &mut Organisation,
    note: Uuid,
    invoice: Uuid,
    undo: &mut Undo,
    cx: &mut Cx<'_>,
) {
    let now = to_milliseconds(cx.now);
    settle_held::<CreditNote>(organisation, note, now, undo);
    settle_held::<Invoice>(organisation, invoice, now, undo);
}

/// DELETE of one allocation. The answer has no envelope.
pub(super) fn take_back(
    organisation: &mut Organisation,
    note: &str,
    allocation: &str,
    cx: &mut Cx<'_>,
) -> Result<Json> {
    let (note, allocation) = (guid(note)?, guid(allocation)?);
    let mut held = organisation
        .credit_notes
        .get(note)
        .cloned()
        .ok_or(Refusal::NotFound)?;
    let at = held
        .allocations
        .iter()
        .position(|it| it.id == allocation)
        .ok_or(Refusal::NotFound)?;
    let taken = held.allocations.remove(at);
    let mut found = Findings::default();
    check_held_date(organisation, taken.date, &mut found);
    let mut json = render_documents::allocation(&taken);
    if !found.errors.is_empty() {
        let errors = super::answers::messages(&found.errors);
        json.set("ValidationErrors", errors);
        return Err(Refusal::Validation(vec![json.into()]));
    }
    json.set("IsDeleted", true);
    organisation.credit_notes.put(held);
    let mut undo = Undo::default();
    settle_both(organisation, note, taken.invoice, &mut undo, cx);
    Ok(json.into())
}
