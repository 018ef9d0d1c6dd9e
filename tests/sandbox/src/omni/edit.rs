//! Changes by hand to what an Omni account holds, as its users make them on their own pages.

use jiff::Timestamp;

use super::account::{Account, Key};
use super::money::PARTS;
use super::resources::{Resource, Sort};
use super::rules;
use super::writing::stamp;
use crate::edit::{Edit, EditError, patched};
use crate::json::{Json, Object};

/// Carries out a change, and answers with what the object is now.
pub(crate) fn edit(
    account: &mut Account,
    edit: &Edit,
    now: Timestamp,
) -> Result<String, EditError> {
    let missing = || EditError::Missing(format!("{} `{}`", edit.kind, edit.id));
    if edit.kind == "behaviour" {
        account.behaviour = patched(&account.behaviour, &edit.patch)?;
        return Ok(serde_json::to_string(&account.behaviour)?);
    }
    if edit.kind == "permissions" {
        let fits = |it: &&mut Key| edit.id.is_empty() || it.key == edit.id;
        let key = account.keys.iter_mut().find(fits).ok_or_else(missing)?;
        key.permissions = patched(&key.permissions, &edit.patch)?;
        return Ok(serde_json::to_string(&key.permissions)?);
    }
    let resource = Resource::of(&edit.kind.replace('_', "")).ok_or_else(missing)?;
    let id = match edit.id.parse::<i64>() {
        Ok(id) => Some(id),
        Err(_) => by_code(account, resource, &edit.id),
    };
    let id = id.ok_or_else(missing)?;
    let Some(Json::Obj(before)) = account.document(resource.name, id) else {
        return Err(missing());
    };
    if edit.patch.is_null() && edit.line.is_none() {
        account.remove(resource.name, id);
        return Ok("null".to_owned());
    }
    let mut document = merged(&before, edit).ok_or_else(missing)?;
    rules::settle(&mut document, &before, resource.sort, account);
    if totals_follow(edit, resource.sort) {
        rules::follow_totals(&mut document, &before, resource.sort);
    }
    if !edit.quiet && edit.patch.get("modifiedDate").is_none() {
        document.set("modifiedDate", stamp(now));
    }
    if document.get("id") != before.get("id") {
        account.remove(resource.name, id);
    }
    let document = Json::Obj(document);
    let text = document.to_string();
    account.put(resource.name, document);
    Ok(text)
}

fn merged(before: &Object, edit: &Edit) -> Option<Object> {
    let mut document = before.clone();
    match edit.line {
        None => {
            let mut whole = Json::Obj(document);
            whole.merge(edit.patch.clone());
            return match whole {
                Json::Obj(document) => Some(document),
                _ => None,
            };
        }
        Some(at) => {
            let Some(Json::Arr(lines)) = document.get_mut("lineItems") else {
                return None;
            };
            let line = lines.get_mut(at)?;
            if edit.patch.is_null() {
                lines.remove(at);
            } else {
                line.merge(edit.patch.clone());
            }
        }
    }
    Some(document)
}

// Whoever names a total wants that one. A whole credit note is patched as it is written: its
// tests and demonstrations hold notes whose parts do not agree.
fn totals_follow(edit: &Edit, sort: Sort) -> bool {
    let names = |name: &&str| edit.patch.get(name).is_some();
    let given = ["total", "productTotal"].iter().any(names);
    edit.line.is_some() || (sort != Sort::CreditNote && !given && PARTS.iter().any(names))
}

fn by_code(account: &Account, resource: &Resource, code: &str) -> Option<i64> {
    let rows = account.rows(resource.name)?;
    let fits = |document: &Json| {
        document
            .get(resource.code)
            .and_then(Json::as_str)
            .is_some_and(|it| it == code)
    };
    rows.by_id()
        .find(|(_, row)| fits(&row.document()))
        .map(|(id, _)| id)
}
