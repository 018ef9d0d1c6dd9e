//! Calls about manual journals.

use jiff::tz::TimeZone;
use uuid::Uuid;

use super::answers::Refusal;
use super::bind;
use super::dates::{date_ms, instant_ms};
use super::document_calls::text;
use super::documents::Outcome;
use super::expression::{Properties, Value};
use super::journals::{self, JOURNAL};
use super::lines::Findings;
use super::listing::select;
use super::money_model::ManualJournal;
use super::organisation::Organisation;
use super::render::money;
use super::render_documents::tracking;
use super::resources::{Answer, Result, asks_for_each, guid, listed, settle};
use super::texts;
use super::undo::Undo;
use crate::exchange::Request;
use crate::json::{Json, Object};
use crate::world::Cx;

const JOURNALS: Properties = Properties {
    type_name: "ManualJournal",
    names: &[
        "ManualJournalID",
        "Narration",
        "Status",
        "Date",
        "UpdatedDateUTC",
    ],
    loose: &[],
    optimised: &["Narration"],
};

fn journal_value(it: &ManualJournal, name: &str) -> Value {
    match name {
        "ManualJournalID" => Value::Guid(it.id),
        "Narration" => text(&it.narration),
        "Status" => text(it.status.name()),
        "Date" => Value::Date(it.date.at(0, 0, 0, 0)),
        "UpdatedDateUTC" => Value::Date(it.updated.to_zoned(TimeZone::UTC).datetime()),
        _ => Value::Null,
    }
}

pub(super) fn list(
    organisation: &Organisation,
    provider: &str,
    request: &Request,
    cx: &mut Cx<'_>,
) -> Result<Answer> {
    let selection = select(
        &organisation.manual_journals,
        request,
        &JOURNALS,
        organisation.switches.modified_since_inclusive,
        false,
        |_| true,
        journal_value,
    )?;
    let render = |it: &ManualJournal, whole| journal(organisation, it, whole);
    let name = "ManualJournals";
    Ok(listed(organisation, provider, name, selection, cx, render))
}

pub(super) fn get(organisation: &Organisation, id: &str) -> Result<Json> {
    let held = organisation.manual_journals.get(guid(id)?);
    held.map(|it| journal(organisation, it, true).into())
        .ok_or(Refusal::NotFound)
}

pub(super) fn write(
    organisation: &mut Organisation,
    request: &Request,
    only: Option<Uuid>,
    cx: &mut Cx<'_>,
) -> Result<Vec<Json>> {
    let elements = bind::elements(&request.body, "ManualJournals", "Manual Journal", JOURNAL)?;
    if only.is_some_and(|id| organisation.manual_journals.get(id).is_none()) {
        return Err(Refusal::NotFound);
    }
    let sent: Vec<_> = elements
        .iter()
        .enumerate()
        .map(|(at, json)| journals::read(json, format!("ManualJournals[{at}]"), cx))
        .collect::<Result<_>>()?;
    let mut undo = Undo::default();
    let mut outcomes = Vec::new();
    for (sent, element) in sent.iter().zip(&elements) {
        let mut found = Findings::default();
        // There is no number: without an id it is always a new one.
        let id = only.or(sent.id).filter(|_| request.method != "PUT");
        let held = id.and_then(|id| organisation.manual_journals.get(id));
        if id.is_some() && held.is_none() {
            found.error(texts::NO_SUCH_JOURNAL);
        }
        let made = journals::make(organisation, sent, held, cx, &mut found);
        outcomes.push(if found.errors.is_empty() {
            let json = journal(organisation, &made, true);
            undo.put(organisation, made);
            Outcome::saved(json, "HasErrors", &found)
        } else {
            Outcome::failed(element, ("ManualJournalID", id), "HasErrors", &found)
        });
    }
    let each = asks_for_each(request) && only.is_none();
    settle(organisation, outcomes, undo, each)
}

/// The API's shape of a manual journal.
fn journal(organisation: &Organisation, it: &ManualJournal, whole: bool) -> Object {
    let mut object = Object::new()
        .with("Date", date_ms(it.date))
        .with("Status", it.status.name())
        .with("LineAmountTypes", it.line_amount_types.name())
        .with("UpdatedDateUTC", instant_ms(it.updated))
        .with("ManualJournalID", it.id.to_string())
        .with("Narration", it.narration.as_str())
        .with("ShowOnCashBasisReports", it.show_on_cash_basis_reports)
        .with("HasAttachments", false);
    if let Some(url) = &it.url {
        object.set("Url", url.as_str());
    }
    let lines: Vec<Json> = it
        .lines
        .iter()
        .filter(|_| whole)
        .map(|line| {
            let mut object = Object::new().with("Description", line.description.as_str());
            if let Some(tax_type) = &line.tax_type {
                object.set("TaxType", tax_type.as_str());
            }
            object.set("TaxAmount", money(line.tax_amount));
            object.set("LineAmount", money(line.line_amount));
            object.set("AccountCode", line.account_code.as_str());
            if let Some(account) = organisation.account(&line.account_code) {
                object.set("AccountID", account.id.to_string());
            }
            object.set("Tracking", tracking(&line.tracking));
            object.set("IsBlank", false);
            object.into()
        })
        .collect();
    object.set("JournalLines", lines);
    object
}
