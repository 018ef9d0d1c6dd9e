//! The resources of the accounting API, by method and path.

use uuid::Uuid;

use super::answers::{Refusal, envelope, messages};
use super::bind;
use super::contact_calls::{get_contact, list_contacts, write_contacts};
use super::credit_notes::{Outcome, Undo};
use super::model::HistoryRecord;
use super::note_calls::{get_note, list_notes, write_notes};
use super::organisation::Organisation;
use super::render;
use super::setting_calls::{
    accounts, actions, currencies, items as item_list, subscribe, tax_rates, tracking,
};
use super::texts;
use super::tokens::App;
use crate::exchange::Request;
use crate::json::{Json, Object};
use crate::world::Cx;

/// A good answer.
pub(crate) enum Answer {
    /// A status without a body.
    Nothing(u16),
    /// A document for JSON or XML.
    Json(Json),
}

pub(super) type Result<T> = std::result::Result<T, Refusal>;

/// Answers a call that passed the gate.
pub(crate) fn answer(
    organisation: &mut Organisation,
    app: &App,
    request: &Request,
    segments: &[String],
    cx: &mut Cx<'_>,
) -> Result<Answer> {
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let provider = app.name.as_str();
    let items = match (request.method.as_str(), segments.as_slice()) {
        ("GET", ["Organisation"]) => {
            return Ok(one(
                cx,
                provider,
                "Organisations",
                render::organisation(organisation),
            ));
        }
        ("GET", ["Organisation", "Actions"]) => {
            return Ok(many(cx, provider, "Actions", actions()));
        }
        ("GET", ["Accounts", rest @ ..]) => accounts(organisation, request, rest)?,
        ("GET", ["TaxRates", rest @ ..]) => tax_rates(organisation, request, rest)?,
        ("GET", ["TrackingCategories", rest @ ..]) => tracking(organisation, request, rest)?,
        ("GET", ["Currencies"]) => currencies(organisation, request)?,
        ("PUT", ["Currencies"]) => subscribe(organisation, request)?,
        ("GET", ["Items", rest @ ..]) => item_list(organisation, request, rest)?,
        ("GET", ["Users"]) => Vec::new(),
        ("GET", ["BrandingThemes"]) => Vec::new(),
        ("GET", ["Contacts"]) => return list_contacts(organisation, provider, request, cx),
        ("GET", ["Contacts", key]) => vec![get_contact(organisation, key)?],
        ("PUT" | "POST", ["Contacts"]) => write_contacts(organisation, request, None, cx)?,
        ("POST", ["Contacts", id]) => {
            let id = guid(id)?;
            write_contacts(organisation, request, Some(id), cx)?
        }
        ("GET", ["CreditNotes"]) => return list_notes(organisation, provider, request, cx),
        ("GET", ["CreditNotes", key]) => vec![get_note(organisation, key, request)?],
        ("PUT" | "POST", ["CreditNotes"]) => write_notes(organisation, request, None, cx)?,
        ("POST", ["CreditNotes", id]) => {
            let id = guid(id)?;
            write_notes(organisation, request, Some(id), cx)?
        }
        ("GET" | "PUT", ["CreditNotes" | "Contacts", _, "History"]) => {
            let items = history(organisation, request, &segments, cx)?;
            return Ok(many(cx, provider, "HistoryRecords", items));
        }
        (_, [resource, ..]) if NAMES.contains(resource) => return Err(Refusal::NotImplemented),
        _ => return Err(Refusal::NotFound),
    };
    let name = NAMES
        .iter()
        .find(|it| segments.first() == Some(*it))
        .copied();
    Ok(many(cx, provider, name.unwrap_or_default(), items))
}

const NAMES: &[&str] = &[
    "Organisation",
    "Accounts",
    "TaxRates",
    "TrackingCategories",
    "Currencies",
    "Items",
    "Users",
    "BrandingThemes",
    "Contacts",
    "CreditNotes",
];

fn one(cx: &mut Cx<'_>, provider: &str, name: &'static str, item: Json) -> Answer {
    many(cx, provider, name, vec![item])
}

pub(super) fn many(
    cx: &mut Cx<'_>,
    provider: &str,
    name: &'static str,
    items: Vec<Json>,
) -> Answer {
    Answer::Json(envelope(cx, provider, name, items, None))
}

pub(super) fn guid(text: &str) -> Result<Uuid> {
    Uuid::parse_str(text).map_err(|_| Refusal::NotFound)
}

pub(super) fn flag(request: &Request, name: &str) -> bool {
    request
        .query_value(name)
        .is_some_and(|it| it.eq_ignore_ascii_case("true"))
}

pub(super) fn ids(request: &Request) -> Result<Option<Vec<Uuid>>> {
    let Some(text) = request.query_value("IDs").filter(|it| !it.is_empty()) else {
        return Ok(None);
    };
    let ids = text.split(',').map(|it| guid(it.trim().trim_matches('"')));
    ids.collect::<Result<_>>()
        .map(Some)
        .map_err(|_| Refusal::Plain("IDs holds something that is no GUID".to_owned()))
}

/// Whether the caller asked for the outcome of each element.
pub(super) fn asks_for_each(request: &Request) -> bool {
    request
        .query_value("summarizeErrors")
        .is_some_and(|it| it.eq_ignore_ascii_case("false"))
}

/// One failure takes everything back, unless the caller asked for each outcome.
pub(super) fn settle(
    organisation: &mut Organisation,
    outcomes: Vec<Outcome>,
    undo: Undo,
    each: bool,
) -> Result<Vec<Json>> {
    let failed = outcomes.iter().any(|it| matches!(it, Outcome::Failed(_)));
    if failed && !each {
        undo.roll_back(organisation);
        let elements = outcomes.into_iter().filter_map(|it| match it {
            Outcome::Failed(json) => Some(json),
            Outcome::Saved(_) => None,
        });
        return Err(Refusal::Validation(elements.collect()));
    }
    Ok(outcomes
        .into_iter()
        .map(|it| match it {
            Outcome::Saved(json) | Outcome::Failed(json) => json,
        })
        .collect())
}

fn history(
    organisation: &mut Organisation,
    request: &Request,
    segments: &[&str],
    cx: &mut Cx<'_>,
) -> Result<Vec<Json>> {
    let [resource, id, _] = segments else {
        return Err(Refusal::NotFound);
    };
    let id = guid(id)?;
    let mut fresh = Vec::new();
    if request.method == "PUT" {
        let elements = bind::elements(
            &request.body,
            "HistoryRecords",
            "HistoryRecord",
            &["Details"],
        )?;
        for element in &elements {
            let details = element
                .get("Details")
                .and_then(Json::as_str)
                .unwrap_or_default();
            if details.is_empty() || details.chars().count() > 2500 {
                return Err(Refusal::PostData(texts::POST_DATA.to_owned()));
            }
            fresh.push(HistoryRecord {
                changes: "Note".to_owned(),
                details: details.to_owned(),
                user: "System Generated".to_owned(),
                at: cx.now,
            });
        }
    }
    let missing = || {
        let error = messages(&[texts::NO_SUCH_DOCUMENT.to_owned()]);
        Refusal::Validation(vec![Object::new().with("ValidationErrors", error).into()])
    };
    let records = if *resource == "Contacts" {
        let mut held = organisation.contacts.get(id).cloned().ok_or_else(missing)?;
        held.history.extend(fresh.clone());
        let records = held.history.clone();
        organisation.contacts.put(held);
        records
    } else {
        let mut held = organisation
            .credit_notes
            .get(id)
            .cloned()
            .ok_or_else(missing)?;
        held.history.extend(fresh.clone());
        let records = held.history.clone();
        organisation.credit_notes.put(held);
        records
    };
    let shown = if request.method == "PUT" {
        fresh
    } else {
        records
    };
    Ok(shown.iter().map(render::history).collect())
}
