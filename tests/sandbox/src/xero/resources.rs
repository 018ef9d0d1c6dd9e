//! The resources of the accounting API, by method and path.

use jiff::tz::TimeZone;
use uuid::Uuid;

use super::answers::{Refusal, envelope, messages};
use super::bind::{self, SentContact};
use super::credit_notes::{Outcome, Undo, Verb, save};
use super::expression::{Condition, Properties, Value};
use super::lines::Findings;
use super::listing::select;
use super::model::{Contact, CreditNote, HistoryRecord};
use super::organisation::{Organisation, number_key};
use super::render::{self, View};
use super::tokens::App;
use super::{contacts, texts};
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

type Result<T> = std::result::Result<T, Refusal>;

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
    "Users",
    "BrandingThemes",
    "Contacts",
    "CreditNotes",
];

fn one(cx: &mut Cx<'_>, provider: &str, name: &'static str, item: Json) -> Answer {
    many(cx, provider, name, vec![item])
}

fn many(cx: &mut Cx<'_>, provider: &str, name: &'static str, items: Vec<Json>) -> Answer {
    Answer::Json(envelope(cx, provider, name, items, None))
}

fn guid(text: &str) -> Result<Uuid> {
    Uuid::parse_str(text).map_err(|_| Refusal::NotFound)
}

fn flag(request: &Request, name: &str) -> bool {
    request
        .query_value(name)
        .is_some_and(|it| it.eq_ignore_ascii_case("true"))
}

fn actions() -> Vec<Json> {
    [
        "CreateApprovedInvoice",
        "CreateDraftInvoice",
        "CreateApprovedBill",
        "CreateDraftBill",
        "CreateInvoicePayment",
        "UseMulticurrency",
        "AttachFilesIntoInvoice",
    ]
    .into_iter()
    .map(|name| {
        Object::new()
            .with("Name", name)
            .with("Status", "ALLOWED")
            .into()
    })
    .collect()
}

/// Filters small lists, whose rows are already rendered.
fn filtered(request: &Request, properties: &Properties, rows: Vec<Json>) -> Result<Vec<Json>> {
    let Some(text) = request
        .query_value("where")
        .filter(|it| !it.trim().is_empty())
    else {
        return Ok(rows);
    };
    let condition = Condition::parse(&text, properties)?;
    let mut kept = Vec::new();
    for row in rows {
        if condition.holds(&|name| value_of(row.get(name)))? {
            kept.push(row);
        }
    }
    Ok(kept)
}

fn value_of(json: Option<&Json>) -> Value {
    match json {
        None | Some(Json::Null | Json::Arr(_) | Json::Obj(_)) => Value::Null,
        Some(Json::Bool(value)) => Value::Bool(*value),
        Some(Json::Num(text)) => text.parse().map_or(Value::Null, Value::Number),
        Some(Json::Str(text)) => match Uuid::parse_str(text) {
            Ok(guid) => Value::Guid(guid),
            Err(_) => Value::Text(text.clone()),
        },
    }
}

fn accounts(organisation: &Organisation, request: &Request, rest: &[&str]) -> Result<Vec<Json>> {
    let properties = Properties {
        type_name: "Account",
        names: &[
            "AccountID",
            "Code",
            "Name",
            "Type",
            "Status",
            "Class",
            "TaxType",
            "SystemAccount",
        ],
        loose: &[],
        optimised: &[],
    };
    match rest {
        [] => {
            let since = request
                .header_value("if-modified-since")
                .and_then(super::dates::parse_modified_since);
            let rows = organisation
                .accounts
                .iter()
                .filter(|it| it.status != "DELETED")
                .filter(|it| since.is_none_or(|since| it.updated >= since))
                .map(render::account)
                .collect();
            filtered(request, &properties, rows)
        }
        [id] => {
            let id = guid(id)?;
            let held = organisation.accounts.iter().find(|it| it.id == id);
            held.map(|it| vec![render::account(it)])
                .ok_or(Refusal::NotFound)
        }
        _ => Err(Refusal::NotFound),
    }
}

fn tax_rates(organisation: &Organisation, request: &Request, rest: &[&str]) -> Result<Vec<Json>> {
    let properties = Properties {
        type_name: "TaxRate",
        names: &[
            "Name",
            "TaxType",
            "Status",
            "ReportTaxType",
            "EffectiveRate",
        ],
        loose: &[],
        optimised: &[],
    };
    let rows = organisation.tax_rates.iter();
    match rest {
        [] => filtered(request, &properties, rows.map(render::tax_rate).collect()),
        [tax_type] => {
            let held = organisation
                .tax_rates
                .iter()
                .find(|it| it.tax_type == *tax_type);
            held.map(|it| vec![render::tax_rate(it)])
                .ok_or(Refusal::NotFound)
        }
        _ => Err(Refusal::NotFound),
    }
}

fn tracking(organisation: &Organisation, request: &Request, rest: &[&str]) -> Result<Vec<Json>> {
    let archived = flag(request, "includeArchived");
    let properties = Properties {
        type_name: "TrackingCategory",
        names: &["Name", "Status", "TrackingCategoryID"],
        loose: &[],
        optimised: &[],
    };
    match rest {
        [] => {
            let rows = organisation
                .tracking
                .iter()
                .filter(|it| archived || it.status == "ACTIVE")
                .map(|it| render::tracking(it, archived))
                .collect();
            filtered(request, &properties, rows)
        }
        [id] => {
            let id = guid(id)?;
            let held = organisation.tracking.iter().find(|it| it.id == id);
            held.map(|it| vec![render::tracking(it, true)])
                .ok_or(Refusal::NotFound)
        }
        _ => Err(Refusal::NotFound),
    }
}

fn currencies(organisation: &Organisation, request: &Request) -> Result<Vec<Json>> {
    let properties = Properties {
        type_name: "Currency",
        names: &["Code", "Description"],
        loose: &[],
        optimised: &[],
    };
    let rows = organisation
        .currencies
        .iter()
        .map(|code| currency(code))
        .collect();
    filtered(request, &properties, rows)
}

fn currency(code: &str) -> Json {
    let description = match code {
        "AUD" => "Australian Dollar",
        "NZD" => "New Zealand Dollar",
        "USD" => "United States Dollar",
        "EUR" => "Euro",
        "GBP" => "British Pound",
        other => other,
    };
    Object::new()
        .with("Code", code)
        .with("Description", description)
        .into()
}

fn subscribe(organisation: &mut Organisation, request: &Request) -> Result<Vec<Json>> {
    let elements = bind::elements(&request.body, "Currencies", "Currency", &["Code"])?;
    let mut items = Vec::new();
    for element in &elements {
        let code = element
            .get("Code")
            .and_then(Json::as_str)
            .unwrap_or_default()
            .to_owned();
        if code.len() != 3 || !code.bytes().all(|it| it.is_ascii_uppercase()) {
            return Err(Refusal::PostData(texts::POST_DATA.to_owned()));
        }
        if !organisation.currencies.contains(&code) {
            organisation.currencies.push(code.clone());
        }
        items.push(currency(&code));
    }
    Ok(items)
}

const CONTACTS: Properties = Properties {
    type_name: "Contact",
    names: &[
        "ContactID",
        "ContactNumber",
        "AccountNumber",
        "ContactStatus",
        "Name",
        "FirstName",
        "LastName",
        "EmailAddress",
        "IsCustomer",
        "IsSupplier",
        "UpdatedDateUTC",
    ],
    loose: &["Name", "EmailAddress", "AccountNumber"],
    optimised: &["Name", "EmailAddress", "AccountNumber"],
};

fn contact_value(contact: &Contact, name: &str) -> Value {
    let text = |text: &str| {
        if text.is_empty() {
            Value::Null
        } else {
            Value::Text(text.to_owned())
        }
    };
    match name {
        "ContactID" => Value::Guid(contact.id),
        "ContactNumber" => text(&contact.contact_number),
        "AccountNumber" => text(&contact.account_number),
        "ContactStatus" => text(&contact.contact_status),
        "Name" => text(&contact.name),
        "FirstName" => text(&contact.first_name),
        "LastName" => text(&contact.last_name),
        "EmailAddress" => text(&contact.email_address),
        "IsCustomer" => Value::Bool(contact.is_customer),
        "IsSupplier" => Value::Bool(contact.is_supplier),
        "UpdatedDateUTC" => Value::Date(contact.updated.to_zoned(TimeZone::UTC).datetime()),
        _ => Value::Null,
    }
}

fn list_contacts(
    organisation: &Organisation,
    provider: &str,
    request: &Request,
    cx: &mut Cx<'_>,
) -> Result<Answer> {
    let ids = ids(request)?;
    let summary = flag(request, "summaryOnly");
    let archived = flag(request, "includeArchived") || request.query_value("IDs").is_some();
    let term = request
        .query_value("searchTerm")
        .map(|it| it.to_lowercase());
    let selection = select(
        &organisation.contacts,
        request,
        &CONTACTS,
        organisation.switches.modified_since_inclusive,
        summary,
        |it| {
            (archived || it.contact_status != "ARCHIVED")
                && ids.as_ref().is_none_or(|ids| ids.contains(&it.id))
                && term.as_ref().is_none_or(|term| {
                    [
                        &it.name,
                        &it.first_name,
                        &it.last_name,
                        &it.contact_number,
                        &it.email_address,
                    ]
                    .iter()
                    .any(|field| field.to_lowercase().contains(term.as_str()))
                })
        },
        contact_value,
    )?;
    if selection.unmodified && organisation.switches.answer_not_modified {
        return Ok(Answer::Nothing(304));
    }
    let whole = selection.paging.is_some();
    let items = selection
        .rows
        .iter()
        .map(|it| render::contact(it, whole, summary).into())
        .collect();
    Ok(Answer::Json(envelope(
        cx,
        provider,
        "Contacts",
        items,
        selection.paging,
    )))
}

fn ids(request: &Request) -> Result<Option<Vec<Uuid>>> {
    let Some(text) = request.query_value("IDs").filter(|it| !it.is_empty()) else {
        return Ok(None);
    };
    let ids = text.split(',').map(|it| guid(it.trim().trim_matches('"')));
    ids.collect::<Result<_>>()
        .map(Some)
        .map_err(|_| Refusal::Plain("IDs holds something that is no GUID".to_owned()))
}

fn get_contact(organisation: &Organisation, key: &str) -> Result<Json> {
    let held = match Uuid::parse_str(key) {
        Ok(id) => organisation.contacts.get(id),
        Err(_) => organisation
            .contacts
            .find(&number_key(key))
            .find(|it| it.contact_number.eq_ignore_ascii_case(key)),
    };
    held.map(|it| render::contact(it, true, false).into())
        .ok_or(Refusal::NotFound)
}

fn write_contacts(
    organisation: &mut Organisation,
    request: &Request,
    only: Option<Uuid>,
    cx: &mut Cx<'_>,
) -> Result<Vec<Json>> {
    let elements = bind::elements(&request.body, "Contacts", "Contact", bind::CONTACT)?;
    if only.is_some_and(|id| organisation.contacts.get(id).is_none()) {
        return Err(Refusal::NotFound);
    }
    let sent: Vec<SentContact> = elements
        .iter()
        .enumerate()
        .map(|(at, json)| bind::contact(json, format!("Contacts[{at}]"), cx))
        .collect::<Result<_>>()?;
    let create = request.method == "PUT";
    let each = asks_for_each(request) && only.is_none();
    let mut undo = Undo::default();
    let mut outcomes = Vec::new();
    for (sent, element) in sent.iter().zip(&elements) {
        let mut found = Findings::default();
        let target = only.or_else(|| {
            let held = if create {
                None
            } else {
                contacts::matching(organisation, sent)
            };
            held.map(|it| it.id)
        });
        let saved = if !create && only.is_none() && sent.id.is_some() && target.is_none() {
            found.error("An existing Contact with the specified ContactID could not be found");
            None
        } else {
            contacts::save(organisation, sent, target, &mut undo, cx, &mut found)
        };
        let held = saved.and_then(|id| organisation.contacts.get(id));
        outcomes.push(match held {
            Some(contact) => {
                let mut json = render::contact(contact, true, false);
                json.set("StatusAttributeString", "OK");
                json.set("ValidationErrors", Vec::new());
                Outcome::Saved(json.into())
            }
            None => {
                let mut echo = element.as_object().cloned().unwrap_or_default();
                echo.set(
                    "ContactID",
                    target.or(sent.id).unwrap_or_default().to_string(),
                );
                echo.set("HasValidationErrors", true);
                echo.set("StatusAttributeString", "ERROR");
                echo.set("ValidationErrors", messages(&found.errors));
                Outcome::Failed(echo.into())
            }
        });
    }
    settle(organisation, outcomes, undo, each)
}

/// Whether the caller asked for the outcome of each element.
fn asks_for_each(request: &Request) -> bool {
    request
        .query_value("summarizeErrors")
        .is_some_and(|it| it.eq_ignore_ascii_case("false"))
}

/// One failure takes everything back, unless the caller asked for each outcome.
fn settle(
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

fn list_notes(
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

fn get_note(organisation: &Organisation, key: &str, request: &Request) -> Result<Json> {
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

fn write_notes(
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
