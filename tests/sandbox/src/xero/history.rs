//! Notes in the history of documents and contacts.

use uuid::Uuid;

use super::answers::{Refusal, messages};
use super::bind;
use super::document_model::{CreditNote, Invoice};
use super::model::{Contact, HistoryRecord};
use super::money_model::{ManualJournal, Payment};
use super::organisation::{Kept, Organisation};
use super::render;
use super::resources::{Result, guid};
use super::texts;
use crate::exchange::Request;
use crate::json::{Json, Object};
use crate::world::Cx;

/// GET and PUT of the history of one object.
pub(super) fn history(
    organisation: &mut Organisation,
    request: &Request,
    resource: &str,
    id: &str,
    cx: &mut Cx<'_>,
) -> Result<Vec<Json>> {
    let id = guid(id)?;
    let fresh = if request.method == "PUT" {
        sent(request, cx)?
    } else {
        Vec::new()
    };
    let records = match resource {
        "Contacts" => add(organisation, id, &fresh, |it: &mut Contact| &mut it.history),
        "CreditNotes" => add(organisation, id, &fresh, |it: &mut CreditNote| {
            &mut it.body.history
        }),
        "Invoices" => add(organisation, id, &fresh, |it: &mut Invoice| {
            &mut it.body.history
        }),
        "Payments" => add(organisation, id, &fresh, |it: &mut Payment| &mut it.history),
        "ManualJournals" => add(organisation, id, &fresh, |it: &mut ManualJournal| {
            &mut it.history
        }),
        _ => return Err(Refusal::NotFound),
    };
    let records = records.ok_or_else(|| {
        let error = messages(&[texts::NO_SUCH_DOCUMENT.to_owned()]);
        Refusal::Validation(vec![Object::new().with("ValidationErrors", error).into()])
    })?;
    let shown = if request.method == "PUT" {
        fresh
    } else {
        records
    };
    Ok(shown.iter().map(render::history).collect())
}

fn sent(request: &Request, cx: &Cx<'_>) -> Result<Vec<HistoryRecord>> {
    let elements = bind::elements(
        &request.body,
        "HistoryRecords",
        "HistoryRecord",
        &["Details"],
    )?;
    let record = |element: &Json| {
        let details = element
            .get("Details")
            .and_then(Json::as_str)
            .unwrap_or_default();
        if details.is_empty() || details.chars().count() > 2500 {
            return Err(Refusal::PostData(texts::POST_DATA.to_owned()));
        }
        Ok(HistoryRecord {
            changes: "Note".to_owned(),
            details: details.to_owned(),
            user: "System Generated".to_owned(),
            at: cx.now,
        })
    };
    elements.iter().map(record).collect()
}

/// Adds to an object's history, and answers with all of it.
fn add<T: Kept>(
    organisation: &mut Organisation,
    id: Uuid,
    fresh: &[HistoryRecord],
    history: impl Fn(&mut T) -> &mut Vec<HistoryRecord>,
) -> Option<Vec<HistoryRecord>> {
    let mut held = T::shelf(organisation).get(id).cloned()?;
    let records = history(&mut held);
    records.extend_from_slice(fresh);
    let records = records.clone();
    T::shelf_mut(organisation).put(held);
    Some(records)
}
