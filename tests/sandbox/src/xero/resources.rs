//! The resources of the accounting API, by method and path.

use uuid::Uuid;

use super::allocations;
use super::answers::{Refusal, envelope};
use super::contact_calls::{get_contact, list_contacts, write_contacts};
use super::document_calls::{self, list_invoices, list_notes};
use super::document_model::{CreditNote, Invoice};
use super::documents::Outcome;
use super::history::history;
use super::journal_calls;
use super::listing::Selection;
use super::organisation::Organisation;
use super::payment_calls;
use super::render;
use super::reports;
use super::setting_calls::{
    accounts, actions, currencies, items as item_list, subscribe, tax_rates, tracking,
};
use super::tokens::App;
use super::undo::Undo;
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
        ("GET", ["Contacts", key]) => vec![get_contact(organisation, key, cx)?],
        ("PUT" | "POST", ["Contacts"]) => write_contacts(organisation, request, None, cx)?,
        ("POST", ["Contacts", id]) => {
            let id = guid(id)?;
            write_contacts(organisation, request, Some(id), cx)?
        }
        ("GET", ["CreditNotes"]) => return list_notes(organisation, provider, request, cx),
        ("GET", ["CreditNotes", key]) => {
            vec![document_calls::get::<CreditNote>(
                organisation,
                key,
                request,
            )?]
        }
        ("PUT" | "POST", ["CreditNotes"]) => {
            document_calls::write::<CreditNote>(organisation, request, None, cx)?
        }
        ("POST", ["CreditNotes", id]) => {
            let id = Some(guid(id)?);
            document_calls::write::<CreditNote>(organisation, request, id, cx)?
        }
        ("PUT", ["CreditNotes", id, "Allocations"]) => {
            let items = allocations::allocate(organisation, request, id, cx)?;
            return Ok(many(cx, provider, "Allocations", items));
        }
        ("DELETE", ["CreditNotes", id, "Allocations", allocation]) => {
            let gone = allocations::take_back(organisation, id, allocation, cx)?;
            return Ok(Answer::Json(gone));
        }
        ("GET", ["Invoices"]) => return list_invoices(organisation, provider, request, cx),
        ("GET", ["Invoices", key]) => {
            vec![document_calls::get::<Invoice>(organisation, key, request)?]
        }
        ("PUT" | "POST", ["Invoices"]) => {
            document_calls::write::<Invoice>(organisation, request, None, cx)?
        }
        ("POST", ["Invoices", id]) => {
            let id = Some(guid(id)?);
            document_calls::write::<Invoice>(organisation, request, id, cx)?
        }
        ("GET", ["Payments"]) => return payment_calls::list(organisation, provider, request, cx),
        ("GET", ["Payments", id]) => vec![payment_calls::get(organisation, id)?],
        ("PUT" | "POST", ["Payments"]) => payment_calls::write(organisation, request, cx)?,
        ("POST", ["Payments", id]) => payment_calls::delete(organisation, request, guid(id)?, cx)?,
        ("GET", ["ManualJournals"]) => {
            return journal_calls::list(organisation, provider, request, cx);
        }
        ("GET", ["ManualJournals", id]) => vec![journal_calls::get(organisation, id)?],
        ("PUT" | "POST", ["ManualJournals"]) => {
            journal_calls::write(organisation, request, None, cx)?
        }
        ("POST", ["ManualJournals", id]) => {
            journal_calls::write(organisation, request, Some(guid(id)?), cx)?
        }
        ("GET", ["Reports", "TrialBalance"]) => {
            vec![reports::trial_balance(organisation, request, cx)?]
        }
        ("GET" | "PUT", [resource, id, "History"]) => {
            let items = history(organisation, request, resource, id, cx)?;
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
    "Invoices",
    "Payments",
    "ManualJournals",
    "Reports",
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

/// The answer of a list call. `render` is told whether the call is paged.
pub(super) fn listed<T>(
    organisation: &Organisation,
    provider: &str,
    name: &'static str,
    selection: Selection<'_, T>,
    cx: &mut Cx<'_>,
    render: impl Fn(&T, bool) -> Object,
) -> Answer {
    if selection.unmodified && organisation.switches.answer_not_modified {
        return Answer::Nothing(304);
    }
    let whole = selection.paging.is_some();
    let rows = selection.rows.iter();
    let items = rows.map(|it| render(it, whole).into()).collect();
    Answer::Json(envelope(cx, provider, name, items, selection.paging))
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
    guids(request, "IDs")
}

/// A parameter that lists GUIDs.
pub(super) fn guids(request: &Request, name: &str) -> Result<Option<Vec<Uuid>>> {
    let Some(text) = request.query_value(name).filter(|it| !it.is_empty()) else {
        return Ok(None);
    };
    let ids = text.split(',').map(|it| guid(it.trim().trim_matches('"')));
    ids.collect::<Result<_>>()
        .map(Some)
        .map_err(|_| Refusal::Plain(format!("{name} holds something that is no GUID")))
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
