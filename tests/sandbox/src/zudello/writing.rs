//! What an integration may write: a status with the id in the books, and a note.
//!
//! Neither has an idempotency key. A status that is asked for again changes nothing and moves no
//! date, so its repeat is harmless; a note that is sent again is there twice.

use jiff::Timestamp;

use super::listing::Refused;
use super::render::{self, Shape};
use super::status::Turn;
use super::team::{Note, Row, Team};
use crate::exchange::Reply;
use crate::json::{Json, Object};
use crate::omni::filter::instant;
use crate::world::Cx;

fn body(bytes: &[u8]) -> Result<Object, Refused> {
    let json = std::str::from_utf8(bytes)
        .ok()
        .and_then(|text| Json::parse(text).ok());
    match json {
        Some(Json::Obj(object)) => Ok(object),
        _ => Err(Refused(
            400,
            "body",
            "A JSON object is expected.".to_owned(),
        )),
    }
}

/// Changes status and id in the books.
pub(crate) fn update(
    team: &mut Team,
    row: &Row,
    bytes: &[u8],
    cx: &mut Cx<'_>,
) -> Result<Reply, Refused> {
    let sent = body(bytes)?;
    let contract = &team.contract;
    let moved = |text: String| Refused(contract.wrong_turn_status, "status", text);
    if let Some(seen) = sent.get(&contract.guard_field).filter(|it| !it.is_null()) {
        let seen = seen.as_str().and_then(instant);
        // The instant comes back in the form in which it was shown, which may be shorter.
        if seen != instant(&render::instant(contract, row.updated)) {
            let text = "The document has changed since it was read.".to_owned();
            return Err(Refused(409, "updated_at", text));
        }
    }
    for (name, _) in sent.iter() {
        if !["status", "external_id", contract.guard_field.as_str()].contains(&name) {
            cx.remark(format!("{name} is ignored: it cannot be written"));
        }
    }
    let from = row.text("status");
    let to = match sent.get("status") {
        None => from,
        Some(Json::Str(to)) => to.as_str(),
        Some(other) => {
            let text = format!("{other} is not a valid choice.");
            return Err(Refused(400, "status", text));
        }
    };
    let turn = team.workflow.asked(from, to);
    match turn {
        Turn::Moves | Turn::Stays => {}
        Turn::Unknown => {
            let text = format!("\"{to}\" is not a valid choice.");
            return Err(Refused(400, "status", text));
        }
        Turn::Wrong => return Err(moved(format!("The document is {from}, it cannot be {to}."))),
    }
    let held_id = row.document.get("external_id").cloned().unwrap_or_default();
    let mut document = row.document.clone();
    let mut changed = turn == Turn::Moves;
    if let Some(id) = sent.get("external_id") {
        let fits = match id {
            Json::Null => true,
            Json::Str(text) => !text.is_empty() && text.chars().count() <= 255,
            _ => false,
        };
        if !fits {
            let text = "Not a valid string of up to 255 characters.".to_owned();
            return Err(Refused(400, "external_id", text));
        }
        if *id != held_id {
            if turn == Turn::Stays && !team.workflow.waits_for_us(from) {
                let text = format!("The document is {from} and linked to another record.");
                return Err(moved(text));
            }
            if let Json::Obj(object) = &mut document {
                object.set("external_id", id.clone());
            }
            changed = true;
        }
    }
    if turn == Turn::Moves
        && let Json::Obj(object) = &mut document
    {
        object.set("status", to);
    }
    let row = Row {
        updated: if changed {
            after(row, cx.now)
        } else {
            row.updated
        },
        document,
        ..row.clone()
    };
    let shown = render::transaction(team, &row, Shape::Whole);
    team.transactions.put(row);
    Ok(Reply::json(200, shown.text()))
}

/// Puts a note on a document.
pub(crate) fn note(
    team: &mut Team,
    row: &Row,
    by: &str,
    bytes: &[u8],
    cx: &mut Cx<'_>,
) -> Result<Reply, Refused> {
    let sent = body(bytes)?;
    let field = team.contract.note_field.clone();
    let message = sent.get(&field).and_then(Json::as_str).unwrap_or_default();
    if message.trim().is_empty() {
        let text = format!("The note needs its text in {field}.");
        return Err(Refused(400, "note", text));
    }
    let note = Note {
        uuid: cx.chance.guid(),
        transaction: row.uuid,
        round: row.round,
        message: message.to_owned(),
        by: by.to_owned(),
        at: cx.now,
    };
    let shown = render::note(&team.contract, &note);
    team.notes.push(note);
    if team.contract.notes_move_the_document {
        let row = Row {
            updated: after(row, cx.now),
            ..row.clone()
        };
        team.transactions.put(row);
    }
    Ok(Reply::json(201, shown.text()))
}

/// The instant of a change: now, and later than the last one even on a clock that stands still.
pub(crate) fn after(row: &Row, now: Timestamp) -> Timestamp {
    let next = row
        .updated
        .checked_add(jiff::SignedDuration::from_micros(1))
        .unwrap_or(row.updated);
    now.max(next)
}
