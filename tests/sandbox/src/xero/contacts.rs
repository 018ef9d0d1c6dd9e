//! Creating and changing contacts, by themselves or through a document.

use uuid::Uuid;

use super::answers::Refusal;
use super::bind::SentContact;
use super::lines::Findings;
use super::model::Contact;
use super::organisation::{Organisation, number_key};
use super::texts;
use super::undo::Undo;
use crate::json::{Json, Object};
use crate::world::Cx;

/// The contact that a sent one names: by id, then by number, then by name among active ones.
pub(crate) fn matching<'a>(
    organisation: &'a Organisation,
    sent: &SentContact,
) -> Option<&'a Contact> {
    if let Some(id) = sent.id {
        return organisation.contacts.get(id);
    }
    if let Some(number) = &sent.number
        && let Some(held) = organisation
            .contacts
            .find(&number_key(number))
            .find(|it| it.contact_number.eq_ignore_ascii_case(number))
    {
        return Some(held);
    }
    organisation.active_contact_named(sent.name.as_deref()?)
}

/// The contact of a document: found, edited by what else was sent, or made from its name.
pub(crate) fn of_document(
    organisation: &mut Organisation,
    sent: &SentContact,
    undo: &mut Undo,
    cx: &mut Cx<'_>,
    found: &mut Findings,
) -> Result<Option<Uuid>, Refusal> {
    let named = sent.name.as_deref().is_some_and(|it| !it.trim().is_empty());
    if sent.id.is_none() && sent.number.is_none() && !named {
        found.error(texts::EMPTY_CONTACT);
        return Ok(None);
    }
    match matching(organisation, sent).map(|it| (it.id, it.contact_status.clone())) {
        Some((_, status)) if status != "ACTIVE" => {
            found.error(texts::DOCUMENT_FOR_ARCHIVED);
            Ok(None)
        }
        Some((id, _)) => {
            let renames = sent.id.is_some() && sent.name.is_some();
            if renames || !sent.only_identifies() {
                cx.remark("the document's Contact edits the contact");
                save(organisation, sent, Some(id), undo, cx, found);
            }
            Ok(Some(id))
        }
        None if sent.id.is_some() => {
            if organisation.switches.unknown_contact_fails_request {
                return Err(Refusal::NotFound);
            }
            found.error(texts::NO_CONTACT);
            Ok(None)
        }
        None if named => {
            cx.remark("the document's Contact creates a contact");
            Ok(save(organisation, sent, None, undo, cx, found))
        }
        None => {
            found.error(texts::NO_CONTACT);
            Ok(None)
        }
    }
}

/// Creates a contact, or changes the one of `id`. Nothing is saved when there are errors.
pub(crate) fn save(
    organisation: &mut Organisation,
    sent: &SentContact,
    id: Option<Uuid>,
    undo: &mut Undo,
    cx: &mut Cx<'_>,
    found: &mut Findings,
) -> Option<Uuid> {
    let before = id.and_then(|id| organisation.contacts.get(id)).cloned();
    check(organisation, sent, before.as_ref(), found);
    if !found.errors.is_empty() {
        return None;
    }
    let now = super::dates::to_milliseconds(cx.now);
    let mut contact = before.unwrap_or_else(|| Contact {
        id: cx.chance.guid(),
        contact_number: String::new(),
        account_number: String::new(),
        contact_status: "ACTIVE".to_owned(),
        name: String::new(),
        first_name: String::new(),
        last_name: String::new(),
        email_address: String::new(),
        merged_to: None,
        is_customer: false,
        is_supplier: false,
        other: Json::Obj(Object::new()),
        history: Vec::new(),
        updated: now,
    });
    let fields = [
        (&mut contact.contact_number, &sent.number),
        (&mut contact.account_number, &sent.account_number),
        (&mut contact.name, &sent.name),
        (&mut contact.contact_status, &sent.status),
        (&mut contact.first_name, &sent.first_name),
        (&mut contact.last_name, &sent.last_name),
        (&mut contact.email_address, &sent.email),
    ];
    for (held, sent) in fields {
        if let Some(sent) = sent {
            held.clone_from(sent);
        }
    }
    if let Json::Obj(other) = &mut contact.other {
        for (name, value) in sent.other.iter() {
            other.set(name.to_owned(), value.clone());
        }
    } else {
        contact.other = Json::Obj(sent.other.clone());
    }
    contact.updated = now;
    let id = contact.id;
    undo.put(organisation, contact);
    Some(id)
}

fn check(
    organisation: &Organisation,
    sent: &SentContact,
    before: Option<&Contact>,
    found: &mut Findings,
) {
    if let Some(before) = before
        && before.contact_status != "ACTIVE"
    {
        found.error(texts::CONTACT_ARCHIVED);
        return;
    }
    if before.is_none() && sent.status.as_deref().is_some_and(|it| it != "ACTIVE") {
        found.error(texts::ARCHIVED_ON_CREATE);
    }
    match &sent.name {
        None if before.is_none() => found.error(texts::EMPTY_CONTACT),
        Some(name) if name.trim().is_empty() => found.error(texts::EMPTY_CONTACT),
        Some(name) => {
            if name.contains(['<', '>']) || name.trim() != name || name.contains("  ") {
                found.error(texts::NAME_INVALID);
            }
            if name.chars().count() > 255 {
                found.error(texts::too_long("Name", 255));
            }
            let other = organisation.active_contact_named(name);
            if other.is_some_and(|it| before.is_none_or(|before| it.id != before.id)) {
                found.error(texts::name_taken(name));
            }
        }
        None => {}
    }
    if let Some(number) = &sent.number {
        if number.chars().count() > 50 {
            found.error(texts::too_long("ContactNumber", 50));
        }
        let taken = organisation.contacts.find(&number_key(number)).any(|it| {
            it.contact_number.eq_ignore_ascii_case(number)
                && before.is_none_or(|before| it.id != before.id)
        });
        if taken {
            found.error(texts::CONTACT_NUMBER_TAKEN);
        }
    }
    if sent
        .account_number
        .as_ref()
        .is_some_and(|it| it.chars().count() > 50)
    {
        found.error(texts::too_long("AccountNumber", 50));
    }
    let email = sent.email.as_deref().unwrap_or_default();
    let ats = email.matches('@').count();
    if !email.is_empty() && (ats != 1 || !email.is_ascii() || email.contains([' ', ';', ','])) {
        found.error(texts::EMAIL_INVALID);
    }
    let persons = sent
        .other
        .get("ContactPersons")
        .and_then(Json::as_array)
        .unwrap_or_default();
    let has_email = !email.is_empty() || before.is_some_and(|it| !it.email_address.is_empty());
    if !persons.is_empty() && !has_email {
        found.error(texts::PERSONS_NEED_EMAIL);
    }
}
