//! The gate of Core's API: the two keys, the call limit, and which path answers.

use jiff::Timestamp;
use uuid::Uuid;

use super::account::{Account, Core};
use super::behaviour::{ErrorBodies, RetryAfter, UnknownPaths};
use super::changes::{self, Change};
use super::{details, lists};
use crate::exchange::{Reply, Request};
use crate::json::{Json, Object};
use crate::omni::behaviour::Limits as Windows;
use crate::world::Cx;

const HOST: &str = "/externalapi";
const BASE: &str = "/externalapi/v2/";

/// Whether a path belongs to Core. Its case does not matter.
pub(crate) fn serves(path: &str) -> bool {
    path.get(..HOST.len())
        .is_some_and(|it| it.eq_ignore_ascii_case(HOST))
}

/// The error model, as an array.
pub(crate) fn error_model(code: u16, text: &str) -> Json {
    Json::Arr(vec![one_error(code, text)])
}

fn one_error(code: u16, text: &str) -> Json {
    Json::Obj(
        Object::new()
            .with("ErrorCode", i32::from(code))
            .with("Exception", text),
    )
}

/// Answers a call.
pub(crate) fn handle(core: &mut Core, request: &Request, cx: &mut Cx<'_>) -> Reply {
    let refused = |status| Reply::json(403, error_model(status, "Incorrect credentials!").text());
    let (Some(id), Some(key)) = (
        request.header_value("api-auth-accountid"),
        request.header_value("api-auth-applicationkey"),
    ) else {
        return refused(403);
    };
    let Ok(id) = Uuid::parse_str(id.trim()) else {
        return refused(403);
    };
    let Some(account) = core.accounts.iter_mut().find(|it| it.account_id == id) else {
        return refused(403);
    };
    let fits = |held: &str| held.eq_ignore_ascii_case(key.trim());
    let Some(key) = account.keys.iter_mut().find(|it| fits(&it.key)) else {
        return refused(403);
    };
    let windows = Windows {
        on: key.limits.on,
        second: usize::MAX,
        minute: key.limits.minute,
        day: usize::MAX,
    };
    if let Err(wait) = key.recent.admit(&windows, cx.now) {
        return too_many(account, wait);
    }
    let path = request.path.to_ascii_lowercase();
    let Some(path) = path.strip_prefix(BASE) else {
        return nowhere(account, request);
    };
    match (request.method.as_str(), path.trim_end_matches('/')) {
        ("GET", path) => get(account, path, request, cx),
        ("DELETE", "sale") => delete_sale(account, request, cx.now),
        ("DELETE", "sale/creditnote") => delete_note(account, request, cx.now),
        (_, path) if is_known(path) => error(account, 405, "The verb is not allowed here"),
        _ => nowhere(account, request),
    }
}

fn is_known(path: &str) -> bool {
    matches!(
        path,
        "me" | "salelist"
            | "salecreditnotelist"
            | "sale"
            | "sale/creditnote"
            | "sale/payment"
            | "customer"
            | "ref/tax"
            | "ref/account"
    )
}

fn get(account: &mut Account, path: &str, request: &Request, cx: &mut Cx<'_>) -> Reply {
    let answer = match path {
        "me" => Ok(details::me(account)),
        "salelist" => lists::sales(account, request, cx),
        "salecreditnotelist" => lists::notes(account, request, cx),
        "sale" => details::sale(account, request),
        "sale/creditnote" => details::credit_notes(account, request),
        "sale/payment" => details::payments(account, request),
        "customer" => details::customers(account, request),
        "ref/tax" => Ok(details::tax_rules(account, request)),
        "ref/account" => details::chart(account, request),
        _ => return nowhere(account, request),
    };
    match answer {
        Ok(body) => Reply::json(200, body),
        Err(text) => error(account, 400, &text),
    }
}

/// `DELETE /sale?ID=&Void=`: undo or void; the answer is the sale.
fn delete_sale(account: &mut Account, request: &Request, now: Timestamp) -> Reply {
    let Some(id) = id_of(request, "ID") else {
        return error(account, 400, "Required parameter ID is missing");
    };
    if changes::sale(account, id, change_of(request), now).is_none() {
        return error(account, 400, "Sale with specified ID not found");
    }
    let text = account.sales.get(id).map(|it| it.text.clone());
    Reply::json(200, text.unwrap_or_default())
}

/// `DELETE /sale/creditnote?TaskID=&Void=`: undo or void of one credit note.
fn delete_note(account: &mut Account, request: &Request, now: Timestamp) -> Reply {
    let task = id_of(request, "TaskID");
    let change = change_of(request);
    let sale = task.and_then(|task| changes::credit_note(account, task, change, now));
    match sale.and_then(|id| account.sales.get(id)) {
        Some(sale) => Reply::json(200, sale.text.clone()),
        None => error(account, 400, "Credit note with specified TaskID not found"),
    }
}

fn id_of(request: &Request, name: &str) -> Option<Uuid> {
    Uuid::parse_str(request.query_value(name)?.trim()).ok()
}

fn change_of(request: &Request) -> Change {
    let void = request.query_value("Void");
    if void.is_some_and(|it| it.eq_ignore_ascii_case("true")) {
        Change::Void
    } else {
        Change::Undo
    }
}

fn too_many(account: &mut Account, wait: i64) -> Reply {
    let turn = usize::try_from(account.refusals).unwrap_or_default();
    let statuses = &account.behaviour.limit_statuses;
    let status = turn
        .checked_rem(statuses.len())
        .and_then(|it| statuses.get(it).copied())
        .unwrap_or(429);
    let text = account.behaviour.limit_text.clone();
    let says = account.behaviour.retry_after;
    let reply = error(account, status, &text);
    match says {
        RetryAfter::Never => reply,
        RetryAfter::Words => reply.header("Retry-After", format!("{wait} Seconds")),
        RetryAfter::Number => reply.header("Retry-After", wait.to_string()),
    }
}

fn nowhere(account: &mut Account, request: &Request) -> Reply {
    match account.behaviour.unknown_paths {
        UnknownPaths::Page => Reply::html(
            200,
            "<!DOCTYPE html><html><head><title>Cin7 Core</title></head><body>Page not found</body></html>"
                .to_owned(),
        ),
        UnknownPaths::NotFound => error(account, 404, "The endpoint was not found"),
        UnknownPaths::Redirect => Reply::status(302).header("Location", request.target()),
    }
}

fn error(account: &mut Account, status: u16, text: &str) -> Reply {
    let turn = account.refusals % 2;
    account.refusals = account.refusals.wrapping_add(1);
    let body = match (account.behaviour.error_bodies, turn) {
        (ErrorBodies::Array, _) | (ErrorBodies::Turns, 0) => error_model(status, text),
        (ErrorBodies::Object | ErrorBodies::Turns, _) => one_error(status, text),
    };
    Reply::json(status, body.text())
}
