//! Calls about contacts.

use jiff::tz::TimeZone;
use uuid::Uuid;

use super::answers::{Refusal, messages};
use super::balances::balances;
use super::bind::{self, SentContact};
use super::contacts;
use super::dates::today;
use super::documents::Outcome;
use super::expression::{Properties, Value};
use super::lines::Findings;
use super::listing::select;
use super::model::Contact;
use super::organisation::{Organisation, number_key};
use super::render;
use super::resources::{Answer, Result, asks_for_each, flag, ids, listed, settle};
use super::undo::Undo;
use crate::exchange::Request;
use crate::json::Json;
use crate::world::Cx;

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

pub(super) fn list_contacts(
    organisation: &Organisation,
    provider: &str,
    request: &Request,
    cx: &mut Cx<'_>,
) -> Result<Answer> {
    let ids = ids(request)?;
    let summary = flag(request, "summaryOnly");
    let archived = flag(request, "includeArchived");
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
    let day = today(&organisation.profile.timezone, cx.now);
    let render = |it: &Contact, whole| {
        let mut json = render::contact(it, whole, summary);
        let balances = balances(organisation, it.id, day);
        if let Some(balances) = balances.filter(|_| whole && !summary) {
            json.set("Balances", balances);
        }
        json
    };
    let name = "Contacts";
    Ok(listed(organisation, provider, name, selection, cx, render))
}

pub(super) fn get_contact(organisation: &Organisation, key: &str, cx: &Cx<'_>) -> Result<Json> {
    let held = match Uuid::parse_str(key) {
        Ok(id) => organisation.contacts.get(id),
        Err(_) => organisation
            .contacts
            .find(&number_key(key))
            .find(|it| it.contact_number.eq_ignore_ascii_case(key)),
    };
    let held = held.ok_or(Refusal::NotFound)?;
    let mut json = render::contact(held, true, false);
    let day = today(&organisation.profile.timezone, cx.now);
    if let Some(balances) = balances(organisation, held.id, day) {
        json.set("Balances", balances);
    }
    Ok(json.into())
}

pub(super) fn write_contacts(
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
