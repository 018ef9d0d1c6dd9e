//! Calls about credit notes.

use jiff::tz::TimeZone;
use uuid::Uuid;

use super::answers::{Refusal, envelope};
use super::bind;
use super::credit_notes::{Undo, Verb, save};
use super::expression::{Properties, Value};
use super::listing::select;
use super::model::CreditNote;
use super::organisation::{Organisation, number_key};
use super::render::{self, View};
use super::resources::{Answer, Result, asks_for_each, ids, settle};
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

fn note_value(organisation: &Organisation, note: &CreditNote, name: &str) -> Value {
    let text = |text: &str| {
        if text.is_empty() {
            Value::Null
        } else {
            Value::Text(text.to_owned())
        }
    };
    let contact = || organisation.contacts.get(note.contact);
    match name {
        "CreditNoteID" => Value::Guid(note.id),
        "CreditNoteNumber" => text(&note.credit_note_number),
        "Reference" => text(&note.reference),
        "Type" => text(note.kind.name()),
        "Status" => text(note.status.name()),
        "Date" => Value::Date(note.date.at(0, 0, 0, 0)),
        "Total" => Value::Number(note.total),
        "SubTotal" => Value::Number(note.sub_total),
        "TotalTax" => Value::Number(note.total_tax),
        "RemainingCredit" => Value::Number(note.remaining_credit),
        "CurrencyCode" => text(&note.currency_code),
        "Contact.ContactID" => Value::Guid(note.contact),
        "Contact.Name" => contact().map_or(Value::Null, |it| text(&it.name)),
        "Contact.ContactNumber" => contact().map_or(Value::Null, |it| text(&it.contact_number)),
        "UpdatedDateUTC" => Value::Date(note.updated.to_zoned(TimeZone::UTC).datetime()),
        _ => Value::Null,
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
    let selection = select(
        &organisation.credit_notes,
        request,
        &CREDIT_NOTES,
        organisation.switches.modified_since_inclusive,
        false,
        |it| ids.as_ref().is_none_or(|ids| ids.contains(&it.id)),
        |it, name| note_value(organisation, it, name),
    )?;
    if selection.unmodified && organisation.switches.answer_not_modified {
        return Ok(Answer::Nothing(304));
    }
    let view = View {
        whole: selection.paging.is_some(),
        unit_places: unit_places(request),
    };
    let items = selection
        .rows
        .iter()
        .map(|it| render::credit_note(organisation, it, view).into())
        .collect();
    Ok(Answer::Json(envelope(
        cx,
        provider,
        "CreditNotes",
        items,
        selection.paging,
    )))
}

pub(super) fn get_note(organisation: &Organisation, key: &str, request: &Request) -> Result<Json> {
    let held = match Uuid::parse_str(key) {
        Ok(id) => organisation.credit_notes.get(id),
        Err(_) => organisation.credit_notes.find(&number_key(key)).next(),
    };
    let view = View {
        whole: true,
        unit_places: unit_places(request),
    };
    held.map(|it| render::credit_note(organisation, it, view).into())
        .ok_or(Refusal::NotFound)
}

pub(super) fn write_notes(
    organisation: &mut Organisation,
    request: &Request,
    only: Option<Uuid>,
    cx: &mut Cx<'_>,
) -> Result<Vec<Json>> {
    let elements = bind::elements(
        &request.body,
        "CreditNotes",
        "Credit Note",
        bind::CREDIT_NOTE,
    )?;
    if only.is_some_and(|id| organisation.credit_notes.get(id).is_none()) {
        return Err(Refusal::NotFound);
    }
    let sent: Vec<_> = elements
        .iter()
        .enumerate()
        .map(|(at, json)| bind::credit_note(json, at, cx))
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
        whole: true,
        unit_places: unit_places(request),
    };
    let mut undo = Undo::default();
    let mut outcomes = Vec::new();
    for (sent, element) in sent.iter().zip(&elements) {
        match save(organisation, sent, element, verb, view, &mut undo, cx) {
            Ok(outcome) => outcomes.push(outcome),
            Err(refusal) => {
                undo.roll_back(organisation);
                return Err(refusal);
            }
        }
    }
    settle(organisation, outcomes, undo, each)
}
