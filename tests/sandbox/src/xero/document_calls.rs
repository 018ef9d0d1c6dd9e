//! Calls about invoices and credit notes.

use jiff::tz::TimeZone;
use uuid::Uuid;

use super::answers::Refusal;
use super::bind;
use super::bind_documents;
use super::document_model::{CreditNote, Invoice, Status};
use super::documents::{Document, Verb, numbered, save};
use super::expression::{Properties, Value};
use super::listing::select;
use super::organisation::Organisation;
use super::render::View;
use super::resources::{Answer, Result, asks_for_each, flag, guids, ids, listed, settle};
use super::undo::Undo;
use crate::exchange::Request;
use crate::json::Json;
use crate::world::Cx;

const CREDIT_NOTES: Properties = Properties {
    type_name: "CreditNote",
    names: &[
        "CreditNoteID",
        "CreditNoteNumber",
        "Reference",
        "Type",
        "Status",
        "Date",
        "Total",
        "SubTotal",
        "TotalTax",
        "RemainingCredit",
        "CurrencyCode",
        "Contact.ContactID",
        "Contact.Name",
        "Contact.ContactNumber",
        "UpdatedDateUTC",
    ],
    loose: &[],
    optimised: &[
        "Status",
        "Reference",
        "Type",
        "Date",
        "Contact.ContactID",
        "Contact.Name",
        "Contact.ContactNumber",
    ],
};

const INVOICES: Properties = Properties {
    type_name: "Invoice",
    names: &[
        "InvoiceID",
        "InvoiceNumber",
        "Reference",
        "Type",
        "Status",
        "Date",
        "DueDate",
        "Total",
        "SubTotal",
        "TotalTax",
        "AmountDue",
        "AmountPaid",
        "AmountCredited",
        "CurrencyCode",
        "SentToContact",
        "Contact.ContactID",
        "Contact.Name",
        "Contact.ContactNumber",
        "UpdatedDateUTC",
    ],
    loose: &[],
    optimised: &[
        "Status",
        "Reference",
        "InvoiceNumber",
        "InvoiceID",
        "Type",
        "AmountPaid",
        "Date",
        "DueDate",
        "AmountDue",
        "Contact.ContactID",
        "Contact.Name",
        "Contact.ContactNumber",
    ],
};

/// A text for expressions; an empty one is nothing.
pub(super) fn text(text: &str) -> Value {
    if text.is_empty() {
        Value::Null
    } else {
        Value::Text(text.to_owned())
    }
}

fn common_value<T: Document>(organisation: &Organisation, document: &T, name: &str) -> Value {
    let body = document.body();
    let contact = || organisation.contacts.get(body.contact);
    match name {
        "Reference" => text(&body.reference),
        "Status" => text(body.status.name()),
        "Date" => Value::Date(body.date.at(0, 0, 0, 0)),
        "DueDate" => body
            .due_date
            .map_or(Value::Null, |it| Value::Date(it.at(0, 0, 0, 0))),
        "Total" => Value::Number(body.total),
        "SubTotal" => Value::Number(body.sub_total),
        "TotalTax" => Value::Number(body.total_tax),
        "CurrencyCode" => text(&body.currency_code),
        "Contact.ContactID" => Value::Guid(body.contact),
        "Contact.Name" => contact().map_or(Value::Null, |it| text(&it.name)),
        "Contact.ContactNumber" => contact().map_or(Value::Null, |it| text(&it.contact_number)),
        "UpdatedDateUTC" => Value::Date(body.updated.to_zoned(TimeZone::UTC).datetime()),
        _ => Value::Null,
    }
}

fn note_value(organisation: &Organisation, note: &CreditNote, name: &str) -> Value {
    match name {
        "CreditNoteID" => Value::Guid(note.id),
        "CreditNoteNumber" => text(&note.credit_note_number),
        "Type" => text(note.kind.name()),
        "RemainingCredit" => Value::Number(note.remaining_credit),
        _ => common_value(organisation, note, name),
    }
}

fn invoice_value(organisation: &Organisation, invoice: &Invoice, name: &str) -> Value {
    match name {
        "InvoiceID" => Value::Guid(invoice.id),
        "InvoiceNumber" => text(&invoice.invoice_number),
        "Type" => text(invoice.kind.name()),
        "AmountDue" => Value::Number(invoice.amount_due),
        "AmountPaid" => Value::Number(invoice.amount_paid),
        "AmountCredited" => Value::Number(invoice.amount_credited),
        "SentToContact" => Value::Bool(invoice.sent_to_contact),
        _ => common_value(organisation, invoice, name),
    }
}

fn unit_places(request: &Request) -> u32 {
    if request.query_value("unitdp").as_deref() == Some("4") {
        4
    } else {
        2
    }
}

pub(super) fn list_notes(
    organisation: &Organisation,
    provider: &str,
    request: &Request,
    cx: &mut Cx<'_>,
) -> Result<Answer> {
    let ids = if organisation.switches.credit_notes_by_ids {
        ids(request)?
    } else {
        None
    };
    if request.query_value("IDs").is_some() && ids.is_none() {
        cx.remark("IDs is not a parameter of GET CreditNotes and was ignored");
    }
    list::<CreditNote>(
        organisation,
        provider,
        request,
        (&CREDIT_NOTES, note_value),
        false,
        |it| ids.as_ref().is_none_or(|ids| ids.contains(&it.id)),
        cx,
    )
}

pub(super) fn list_invoices(
    organisation: &Organisation,
    provider: &str,
    request: &Request,
    cx: &mut Cx<'_>,
) -> Result<Answer> {
    let ids = ids(request)?;
    let contacts = guids(request, "ContactIDs")?;
    let words = |name: &str| {
        let text = request.query_value(name).filter(|it| !it.is_empty())?;
        let words = text.split(',').map(|it| it.trim().to_lowercase());
        Some(words.collect::<Vec<_>>())
    };
    let numbers = words("InvoiceNumbers");
    let statuses = words("Statuses");
    let known = |it: &String| Status::of(&it.to_uppercase()).is_some();
    if let Some(word) = statuses.iter().flatten().find(|it| !known(it)) {
        return Err(Refusal::Plain(format!(
            "The value '{word}' of Statuses is not valid"
        )));
    }
    if request.query_value("createdByMyApp").is_some() {
        cx.remark("createdByMyApp is not kept here and was ignored");
    }
    let term = request
        .query_value("searchTerm")
        .map(|it| it.to_lowercase());
    let listed = |list: &Option<Vec<String>>, text: &str| {
        list.as_ref()
            .is_none_or(|it| it.contains(&text.to_lowercase()))
    };
    list::<Invoice>(
        organisation,
        provider,
        request,
        (&INVOICES, invoice_value),
        statuses.is_some(),
        |it| {
            ids.as_ref().is_none_or(|ids| ids.contains(&it.id))
                && contacts
                    .as_ref()
                    .is_none_or(|ids| ids.contains(&it.body.contact))
                && listed(&numbers, &it.invoice_number)
                && listed(&statuses, it.body.status.name())
                && term.as_ref().is_none_or(|term| {
                    [&it.invoice_number, &it.body.reference]
                        .iter()
                        .any(|field| field.to_lowercase().contains(term.as_str()))
                })
        },
        cx,
    )
}

type Values<T> = (&'static Properties, fn(&Organisation, &T, &str) -> Value);

fn list<T: Document>(
    organisation: &Organisation,
    provider: &str,
    request: &Request,
    (properties, value): Values<T>,
    paged: bool,
    keep: impl Fn(&T) -> bool,
    cx: &mut Cx<'_>,
) -> Result<Answer> {
    // Credit notes do not know the parameter.
    let summary = T::OPEN_WHEN_PAID && flag(request, "summaryOnly");
    let selection = select(
        T::shelf(organisation),
        request,
        properties,
        organisation.switches.modified_since_inclusive,
        paged || summary,
        keep,
        |it, name| value(organisation, it, name),
    )?;
    let render = |it: &T, whole| {
        let view = View {
            whole,
            summary,
            unit_places: unit_places(request),
        };
        it.render(organisation, view)
    };
    let name = T::SHAPE.envelope;
    Ok(listed(organisation, provider, name, selection, cx, render))
}

pub(super) fn get<T: Document>(
    organisation: &Organisation,
    key: &str,
    request: &Request,
) -> Result<Json> {
    let held = match Uuid::parse_str(key) {
        Ok(id) => T::shelf(organisation).get(id),
        Err(_) => numbered(organisation, key),
    };
    let view = View {
        unit_places: unit_places(request),
        ..View::WHOLE
    };
    held.map(|it| it.render(organisation, view).into())
        .ok_or(Refusal::NotFound)
}

pub(super) fn write<T: Document>(
    organisation: &mut Organisation,
    request: &Request,
    only: Option<Uuid>,
    cx: &mut Cx<'_>,
) -> Result<Vec<Json>> {
    let shape = &T::SHAPE;
    let elements = bind::elements(&request.body, shape.envelope, shape.expected, shape.known)?;
    if only.is_some_and(|id| T::shelf(organisation).get(id).is_none()) {
        return Err(Refusal::NotFound);
    }
    let sent: Vec<_> = elements
        .iter()
        .enumerate()
        .map(|(at, json)| bind_documents::document(json, at, shape, cx))
        .collect::<Result<_>>()?;
    let each = asks_for_each(request) && only.is_none();
    if elements.len() > 1 && !each {
        cx.remark("a batch without summarizeErrors=false: one failure refuses all");
    }
    if request.query_value("unitdp").is_none() {
        cx.remark("no unitdp=4: unit amounts are rounded to 2 decimals");
    }
    let verb = match only {
        Some(id) => Verb::Update(id),
        None if request.method == "PUT" => Verb::Create,
        None => Verb::Upsert,
    };
    let view = View {
        unit_places: unit_places(request),
        ..View::WHOLE
    };
    let mut undo = Undo::default();
    let mut outcomes = Vec::new();
    for (sent, element) in sent.iter().zip(&elements) {
        match save::<T>(organisation, sent, element, verb, view, &mut undo, cx) {
            Ok(outcome) => outcomes.push(outcome),
            Err(refusal) => {
                undo.roll_back(organisation);
                return Err(refusal);
            }
        }
    }
    settle(organisation, outcomes, undo, each)
}
