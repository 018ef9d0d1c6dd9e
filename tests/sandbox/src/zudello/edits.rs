//! Changes that people make in Zudello itself: documents, master data, keys, and the acts that move
//! a document on.

use jiff::Timestamp;

use super::arithmetic::settle;
use super::generate::{CUSTOMER_RELATIONS, relate, relate_document};
use super::master::RESOURCES;
use super::render::{self, Shape};
use super::status::Verb;
use super::team::{Key, Row, Team};
use super::writing::after;
use crate::edit::{Edit, EditError, patched};
use crate::json::Json;

/// Carries out a change, and answers with what is now held.
pub(crate) fn edit(team: &mut Team, edit: &Edit, now: Timestamp) -> Result<String, EditError> {
    let missing = || EditError::Missing(format!("{} `{}`", edit.kind, edit.id));
    match edit.kind.as_str() {
        "contract" => {
            team.contract = patched(&team.contract, &edit.patch)?;
            return Ok(serde_json::to_string(&team.contract)?);
        }
        "workflow" => {
            team.workflow = patched(&team.workflow, &edit.patch)?;
            return Ok(serde_json::to_string(&team.workflow)?);
        }
        "keys" => {
            let fits = |it: &&mut Key| edit.id.is_empty() || it.key == edit.id;
            let key = team.keys.iter_mut().find(fits).ok_or_else(missing)?;
            *key = patched(key, &edit.patch)?;
            return Ok(serde_json::to_string(key)?);
        }
        _ => {}
    }
    if let Some(verb) = Verb::of(&edit.kind) {
        return act(team, edit, verb, now);
    }
    if edit.kind == "transactions" {
        return document(team, edit, now);
    }
    let kind = edit.kind.replace('_', "-");
    let resource = RESOURCES.iter().copied().find(|it| *it == kind);
    let resource = resource.ok_or_else(missing)?;
    let held = team.resource(resource, &edit.id).ok_or_else(missing)?;
    let mut row = held.clone();
    row.document.merge(edit.patch.clone());
    let related = relate(team, &mut row.document, CUSTOMER_RELATIONS);
    related.map_err(|why| EditError::Refused(why.to_string()))?;
    if !edit.quiet {
        row.updated = after(&row, now);
    }
    let text = render::resource(team, &row).text();
    team.put_resource(resource, row);
    Ok(text)
}

fn held(team: &Team, edit: &Edit) -> Result<Row, EditError> {
    let missing = || EditError::Missing(format!("the document `{}`", edit.id));
    team.transaction(&edit.id).cloned().ok_or_else(missing)
}

fn document(team: &mut Team, edit: &Edit, now: Timestamp) -> Result<String, EditError> {
    let row = held(team, edit)?;
    change(team, edit, row, now)
}

/// A person's act, with what they changed on the way.
fn act(team: &mut Team, edit: &Edit, verb: Verb, now: Timestamp) -> Result<String, EditError> {
    let mut row = held(team, edit)?;
    let to = team.workflow.done(verb, row.text("status"));
    let to = to.map_err(EditError::Refused)?.to_owned();
    if to == team.workflow.pending {
        row.round = row.round.saturating_add(1);
    }
    if let Json::Obj(object) = &mut row.document {
        object.set("status", to);
        if verb == Verb::Revert && !team.workflow.revert_keeps_external_id {
            object.set("external_id", Json::Null);
        }
    }
    change(team, edit, row, now)
}

fn change(team: &mut Team, edit: &Edit, mut row: Row, now: Timestamp) -> Result<String, EditError> {
    if edit.patch.as_object().is_some() {
        apply(&mut row.document, edit)?;
        relate_document(team, &mut row.document)
            .map_err(|why| EditError::Refused(why.to_string()))?;
        let lines = edit.line.is_some() || edit.patch.get("lines").is_some();
        let overridden = edit.patch.get("total").is_some() && edit.line.is_none();
        if lines && !overridden {
            settle(team, &mut row.document, true);
        }
    }
    if !edit.quiet {
        row.updated = after(&row, now);
    }
    let text = render::transaction(team, &row, Shape::Whole).text();
    team.transactions.put(row);
    Ok(text)
}

fn apply(document: &mut Json, edit: &Edit) -> Result<(), EditError> {
    let Some(at) = edit.line else {
        let nulls = nulls(&edit.patch);
        document.merge(edit.patch.clone());
        // A merge patch takes a member out by `null`; here the member stays, with nothing in it.
        if let Json::Obj(object) = document {
            for name in nulls {
                object.set(name, Json::Null);
            }
        }
        return Ok(());
    };
    let missing = || EditError::Missing(format!("line {at} of `{}`", edit.id));
    let Json::Obj(object) = document else {
        return Err(missing());
    };
    let Some(Json::Arr(lines)) = object.get_mut("lines") else {
        return Err(missing());
    };
    let line = lines.get_mut(at).ok_or_else(missing)?;
    line.merge(edit.patch.clone());
    let priced = |name| edit.patch.get(name).is_some();
    if let Json::Obj(line) = line {
        for name in nulls(&edit.patch) {
            line.set(name, Json::Null);
        }
        if (priced("quantity") || priced("unit_price")) && !priced("total") {
            line.remove("total");
        }
    }
    Ok(())
}

fn nulls(patch: &Json) -> Vec<String> {
    let members = patch.as_object().into_iter().flat_map(|it| it.iter());
    members
        .filter(|(_, value)| value.is_null())
        .map(|(name, _)| name.to_owned())
        .collect()
}
