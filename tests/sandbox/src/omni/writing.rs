//! POST, PUT and DELETE: arrays only, and each element succeeds or fails alone.
//!
//! A null or missing property leaves what is held, an empty string clears it. Names are taken in
//! any case. The one exception to elements failing alone: a product whose code is taken refuses
//! the whole request.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::account::Account;
use super::filter::instant;
use super::fresh;
use super::money::text;
use super::resources::{Resource, Sort};
use super::rules::{self, has};
use super::writing_lines;
use crate::json::{Json, Object};
use crate::world::Cx;

/// The element's id and code, or why it failed.
type Outcome = Result<(i64, Json), String>;

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
    if create && matches!(resource.sort, Sort::Product | Sort::ProductOption) {
        all_codes_are_free(account, resource, &elements)?;
    }
    let mut results = Vec::new();
    for (index, element) in elements.iter().enumerate() {
        let outcome = match element.as_object() {
            None => Err("The element is not an object".to_owned()),
            Some(sent) if create => insert(account, resource, sent, cx),
            Some(sent) => update(account, resource, sent, cx),
        };
        results.push(result(index, outcome));
    }
    Ok(Json::Arr(results).text())
}

/// Takes a row out; nothing where there is none.
pub(crate) fn delete(
    account: &mut Account,
    resource: &Resource,
    id: i64,
    cx: &Cx<'_>,
) -> Option<String> {
    let document = account.remove(resource.name, id)?;
    if let Some(document) = document.as_object() {
        touch_order(account, resource.sort, document, cx.now);
    }
    let code = document.get(resource.code).cloned().unwrap_or_default();
    Some(result(0, Ok((id, code))).text())
}

fn result(index: usize, outcome: Outcome) -> Json {
    let index = i64::try_from(index).unwrap_or(i64::MAX);
    let result = Object::new().with("index", index);
    match outcome {
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
    }
}

fn update(account: &mut Account, resource: &Resource, sent: &Object, cx: &mut Cx<'_>) -> Outcome {
    let id = sent
        .get_any_case("id")
        .and_then(Json::as_i64)
        .filter(|id| *id > 0);
    let id = id.ok_or("The id is required")?;
    let held = account.document(resource.name, id);
    let Some(Json::Obj(before)) = held else {
        return Err(format!("The record {id} was not found"));
    };
    check_unique(account, resource, sent, Some(id))?;
    let mut document = before.clone();
    apply(&mut document, resource, sent, account, cx);
    stays_in_branch(&document, &before, resource.sort)?;
    if before.get("isVoid") == Some(&Json::Bool(true))
        && document.get("isVoid") != before.get("isVoid")
    {
        cx.remark("isVoid is ignored: it cannot be undone");
    }
    save(account, resource, document, &before, cx)
}

fn insert(account: &mut Account, resource: &Resource, sent: &Object, cx: &mut Cx<'_>) -> Outcome {
    fresh::required(resource.sort, sent)?;
    check_unique(account, resource, sent, None)?;
    let mut document = Object::new().with("id", account.next_id);
    // The next id is this row's own, also where its lines are given ids.
    account.next_id = account.next_id.saturating_add(1);
    document.set("createdDate", stamp(cx.now));
    fresh::defaults(&mut document, resource.sort);
    apply(&mut document, resource, sent, account, cx);
    fresh::complete(&mut document, resource.sort, account)?;
    save(account, resource, document, &Object::new(), cx)
}

fn save(
    account: &mut Account,
    resource: &Resource,
    mut document: Object,
    before: &Object,
    cx: &mut Cx<'_>,
) -> Outcome {
    match resource.sort {
        Sort::Payment => fresh::name_order(&mut document, account)?,
        Sort::Contact => fresh::name_parent(&mut document, account),
        _ => {}
    }
    // First: lines that get their ids now are no other lines for it.
    rules::follow_totals(&mut document, before, resource.sort);
    writing_lines::number(&mut document, resource.sort, account);
    rules::settle(&mut document, before, resource.sort, account);
    document.set("modifiedDate", stamp(cx.now));
    touch_order(account, resource.sort, &document, cx.now);
    let code = document.get(resource.code).cloned().unwrap_or_default();
    let id = account.put(resource.name, document.into());
    Ok((id, code))
}

/// The order of a payment changes with it, where the account behaves so.
fn touch_order(account: &mut Account, sort: Sort, payment: &Object, now: Timestamp) {
    if sort != Sort::Payment || !account.behaviour.payments_touch_orders {
        return;
    }
    let Some((resource, Json::Obj(mut order))) = fresh::order_of(account, payment) else {
        return;
    };
    order.set("modifiedDate", stamp(now));
    account.put(resource, order.into());
}

/// Goods that have moved fix the branch.
fn stays_in_branch(document: &Object, before: &Object, sort: Sort) -> Result<(), String> {
    let moved = sort.moved_date().is_some_and(|it| has(before, it));
    if moved && document.get("branchId") != before.get("branchId") {
        return Err("The branchId cannot be changed once goods have moved".to_owned());
    }
    Ok(())
}

fn all_codes_are_free(
    account: &Account,
    resource: &Resource,
    elements: &[Json],
) -> Result<(), String> {
    let mut seen: Vec<&str> = Vec::new();
    for sent in elements.iter().filter_map(Json::as_object) {
        check_unique(account, resource, sent, None)?;
        let code = sent.get_any_case(resource.code).and_then(Json::as_str);
        if let Some(code) = code.filter(|it| !it.is_empty()) {
            if seen.contains(&code) {
                return Err(format!("The {} '{code}' is there twice", resource.code));
            }
            seen.push(code);
        }
    }
    Ok(())
}

fn check_unique(
    account: &Account,
    resource: &Resource,
    sent: &Object,
    id: Option<i64>,
) -> Result<(), String> {
    let Some(field) = resource.sort.unique() else {
        return Ok(());
    };
    let Some(value) = sent
        .get_any_case(field)
        .and_then(Json::as_str)
        .filter(|it| !it.is_empty())
    else {
        return Ok(());
    };
    match find(account, resource.name, field, value) {
        Some(held) if Some(held) != id => Err(format!("The {field} '{value}' is already in use")),
        _ => Ok(()),
    }
}

/// The row whose field has this text.
pub(crate) fn find(account: &Account, resource: &str, field: &str, value: &str) -> Option<i64> {
    // Only rows whose text holds the value are worth reading.
    let quoted = Json::from(value).to_string();
    let rows = account.rows(resource)?.by_id();
    let found = rows
        .filter(|(_, row)| row.text.contains(&quoted))
        .find(|(_, row)| {
            let document = row.document();
            document
                .as_object()
                .is_some_and(|it| text(it, field) == value)
        });
    found.map(|(id, _)| id)
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
            ("lineItems", Json::Arr(sent)) => {
                writing_lines::merge(document, sent, behaviour, cx);
            }
            ("customFields", Json::Obj(_)) => {
                let mut held = document.get(field).cloned().unwrap_or_default();
                held.merge(value.clone());
                document.set(field, held);
            }
            (_, Json::Str(text)) if text.is_empty() && dated(field) => {
                document.set(field, Json::Null);
            }
            _ => document.set(field, value.clone()),
        }
    }
}

fn dated(field: &str) -> bool {
    field.ends_with("Date") || field == "adjustInAccountingSystem"
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

/// The form in which Omni writes instants.
pub(crate) fn stamp(instant: Timestamp) -> String {
    instant.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
