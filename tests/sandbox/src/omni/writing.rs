//! PUT and POST: arrays only, and each element succeeds or fails alone.
//!
//! A null or missing property leaves what is held, an empty string clears it. Names are taken in
//! any case.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::account::Account;
use super::behaviour::Behaviour;
use super::filter::instant;
use super::resources::Resource;
use crate::json::{Json, Object};
use crate::world::Cx;

/// Writes an array of elements; the error is the text of the 400.
pub(crate) fn write(
    account: &mut Account,
    resource: &Resource,
    body: &[u8],
    create: bool,
    cx: &mut Cx<'_>,
) -> Result<String, String> {
    let json = std::str::from_utf8(body)
        .ok()
        .and_then(|text| Json::parse(text).ok());
    let Some(Json::Arr(elements)) = json else {
        return Err("The request contains malformed JSON, an array is expected".to_owned());
    };
    if elements.is_empty() || elements.len() > 250 {
        return Err("Batch limit is from 1 to 250".to_owned());
    }
    let mut results = Vec::new();
    for (index, element) in elements.iter().enumerate() {
        let outcome = match element.as_object() {
            None => Err("The element is not an object".to_owned()),
            Some(sent) if create => insert(account, resource, sent, cx),
            Some(sent) => update(account, resource, sent, cx),
        };
        let index = i64::try_from(index).unwrap_or(i64::MAX);
        let result = Object::new().with("index", index);
        results.push(match outcome {
            Ok((id, code)) => result
                .with("success", true)
                .with("id", id)
                .with("code", code)
                .with("errors", Vec::new())
                .into(),
            Err(error) => result
                .with("success", false)
                .with("id", 0)
                .with("code", Json::Null)
                .with("errors", vec![Json::from(error)])
                .into(),
        });
    }
    Ok(Json::Arr(results).text())
}

type Outcome = Result<(i64, Json), String>;

fn update(account: &mut Account, resource: &Resource, sent: &Object, cx: &mut Cx<'_>) -> Outcome {
    let id = sent
        .get_any_case("id")
        .and_then(Json::as_i64)
        .filter(|id| *id > 0);
    let id = id.ok_or("The id is required")?;
    let held = account.document(resource.name, id);
    let Some(Json::Obj(mut document)) = held else {
        return Err(format!("The record {id} was not found"));
    };
    check_unique(account, resource, sent, Some(id))?;
    apply(&mut document, resource, sent, account, cx);
    follow_status(&mut document);
    document.set("modifiedDate", stamp(cx.now));
    let code = document.get(resource.code).cloned().unwrap_or_default();
    account.put(resource.name, document.into());
    Ok((id, code))
}

fn insert(account: &mut Account, resource: &Resource, sent: &Object, cx: &mut Cx<'_>) -> Outcome {
    let text = |name: &str| {
        sent.get_any_case(name)
            .and_then(Json::as_str)
            .is_some_and(|it| !it.trim().is_empty())
    };
    match resource.name {
        "CreditNotes" if !text("salesReference") => {
            return Err("The salesReference is required".to_owned());
        }
        "Contacts" if !text("type") => return Err("The type is required".to_owned()),
        _ => {}
    }
    check_unique(account, resource, sent, None)?;
    let mut document = Object::new().with("id", account.next_id);
    document.set("createdDate", stamp(cx.now));
    document.set("modifiedDate", stamp(cx.now));
    if resource.name != "Contacts" {
        document.set("isApproved", true);
        document.set("status", "APPROVED");
        if resource.name == "CreditNotes" {
            document.set("creditNoteNumber", account.next_id);
        }
        let attributes = Object::new()
            .with("importDate", Json::Null)
            .with("accountingImportStatus", "NotImported");
        document.set("accountingAttributes", attributes);
    }
    apply(&mut document, resource, sent, account, cx);
    if resource.name != "Contacts" && document.get("reference").is_none() {
        document.set("reference", format!("AUTO-{}", account.next_id));
    }
    follow_status(&mut document);
    let code = document.get(resource.code).cloned().unwrap_or_default();
    let id = account.put(resource.name, document.into());
    Ok((id, code))
}

fn check_unique(
    account: &Account,
    resource: &Resource,
    sent: &Object,
    id: Option<i64>,
) -> Result<(), String> {
    let field = if resource.name == "Contacts" {
        "email"
    } else {
        "reference"
    };
    let Some(value) = sent
        .get_any_case(field)
        .and_then(Json::as_str)
        .filter(|it| !it.is_empty())
    else {
        return Ok(());
    };
    // Only rows whose text holds the value are worth reading.
    let quoted = Json::from(value).to_string();
    let taken = account
        .rows(resource.name)
        .into_iter()
        .flat_map(|it| it.by_id())
        .any(|(held, row)| {
            Some(held) != id
                && row.text.contains(&quoted)
                && row.document().get(field).and_then(Json::as_str) == Some(value)
        });
    if taken {
        Err(format!("The {field} '{value}' is already in use"))
    } else {
        Ok(())
    }
}

fn apply(
    document: &mut Object,
    resource: &Resource,
    sent: &Object,
    account: &Account,
    cx: &mut Cx<'_>,
) {
    let behaviour = &account.behaviour;
    for (name, value) in sent.iter() {
        let Some(field) = resource.field(name) else {
            cx.remark(format!("{name} is ignored: no such field"));
            continue;
        };
        if value.is_null() || field == "id" {
            continue;
        }
        if resource.read_only.contains(&field) {
            cx.remark(format!("{field} is ignored: it cannot be written"));
            continue;
        }
        match (field, value) {
            ("accountingAttributes", Json::Obj(sent)) => {
                if behaviour.accounting_attributes_stick {
                    let mut held = document.get(field).cloned().unwrap_or_default();
                    held.merge(Json::Obj(attributes(sent, account)));
                    document.set(field, held);
                }
            }
            ("accountingAttributes", _) => {
                cx.remark("accountingAttributes is ignored: it is an object");
            }
            ("lineItems", Json::Arr(sent)) => lines(document, sent, behaviour, cx),
            ("customFields", Json::Obj(_)) => {
                let mut held = document.get(field).cloned().unwrap_or_default();
                held.merge(value.clone());
                document.set(field, held);
            }
            _ => document.set(field, value.clone()),
        }
    }
}

fn attributes(sent: &Object, account: &Account) -> Object {
    let mut object = Object::new();
    for (name, value) in sent.iter().filter(|(_, value)| !value.is_null()) {
        if name.eq_ignore_ascii_case("accountingImportStatus") {
            object.set("accountingImportStatus", value.clone());
        } else if name.eq_ignore_ascii_case("importDate") {
            object.set("importDate", import_date(value, account));
        }
    }
    object
}

fn import_date(value: &Json, account: &Account) -> Json {
    let shifted = || {
        let zone = TimeZone::get(&account.zone).ok()?;
        let local = instant(value.as_str()?)?.to_zoned(zone);
        Some(local.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string())
    };
    match shifted().filter(|_| account.behaviour.import_dates_with_offset) {
        Some(text) => text.into(),
        None => value.clone(),
    }
}

fn lines(document: &mut Object, sent: &[Json], behaviour: &Behaviour, cx: &mut Cx<'_>) {
    let held: Vec<Json> = document
        .get("lineItems")
        .and_then(Json::as_array)
        .unwrap_or_default()
        .to_vec();
    let id = |line: &Json| {
        line.as_object()
            .and_then(|it| it.get_any_case("id")?.as_i64())
    };
    let mut kept: Vec<Json> = Vec::new();
    for line in sent {
        let same = held
            .iter()
            .find(|it| id(it).is_some() && id(it) == id(line));
        let mut merged = same.cloned().unwrap_or_else(|| Json::Obj(Object::new()));
        if let (Json::Obj(merged), Some(line)) = (&mut merged, line.as_object()) {
            for (name, value) in line.iter().filter(|(_, value)| !value.is_null()) {
                let known = merged.iter().find(|(it, _)| it.eq_ignore_ascii_case(name));
                let name = known.map_or(name, |(it, _)| it).to_owned();
                merged.set(name, value.clone());
            }
        }
        kept.push(merged);
    }
    let left_out = held
        .iter()
        .filter(|it| !sent.iter().any(|line| id(line) == id(it)));
    let left_out: Vec<Json> = left_out.cloned().collect();
    if !left_out.is_empty() {
        cx.remark("a PUT left out lines");
        if !behaviour.left_out_lines_are_deleted {
            kept.extend(left_out);
        }
    }
    document.set("lineItems", kept);
}

/// The status cannot be written; it follows `isApproved` and `isVoid`.
fn follow_status(document: &mut Object) {
    let Some(status) = document.get("status").and_then(Json::as_str) else {
        return;
    };
    if status.eq_ignore_ascii_case("void") {
        return;
    }
    let voided = document.get("isVoid").and_then(Json::as_bool) == Some(true);
    let approved = document.get("isApproved").and_then(Json::as_bool) != Some(false);
    let follows = if voided {
        "VOID"
    } else if approved {
        "APPROVED"
    } else {
        "DRAFT"
    };
    if !status.eq_ignore_ascii_case(follows) {
        document.set("status", follows);
    }
}

/// The form in which Omni writes instants.
pub(crate) fn stamp(instant: Timestamp) -> String {
    instant.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
