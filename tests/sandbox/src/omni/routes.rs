//! The gate of Omni's API: credentials, permissions, limits, and which resource answers.

use super::account::{Account, Omni, Permission};
use super::behaviour::{ErrorBodies, RetryAfter};
use super::resources::Resource;
use super::{listing, writing};
use crate::exchange::{Reply, Request};
use crate::json::{Json, Object};
use crate::world::Cx;

const BASE: &str = "/api/v1/";

/// Whether a path belongs to Omni.
pub(crate) fn serves(path: &str) -> bool {
    path.starts_with(BASE)
}

/// The segments of a path after the base.
fn segments(request: &Request) -> std::str::Split<'_, char> {
    let rest = request.path.get(BASE.len()..).unwrap_or_default();
    rest.trim_end_matches('/').split('/')
}

/// The name of the resource that a call is about.
pub(crate) fn resource_of(request: &Request) -> Option<&'static str> {
    let name = segments(request).next()?;
    Resource::of(name).map(|it| it.name)
}

/// Answers a call.
pub(crate) fn handle(omni: &mut Omni, request: &Request, cx: &mut Cx<'_>) -> Reply {
    let Some((username, password)) = request.basic() else {
        return Reply::json(401, "\"Unauthorized access.\"");
    };
    let Some(account) = omni.find_mut(&username) else {
        return Reply::json(401, "\"Unauthorized access.\"");
    };
    let Some(key) = account.keys.iter_mut().find(|it| it.key == password) else {
        return error(account, 401, "Unauthorized access.");
    };
    let mut segments = segments(request);
    let resource = segments.next().and_then(Resource::of);
    let id = segments.next();
    if let Err(wait) = key.recent.admit(&key.limits, cx.now) {
        return too_many(account, wait);
    }
    let Some(resource) = resource.filter(|it| it.has("GET") && segments.next().is_none()) else {
        return error(account, 404, "The resource was not found.");
    };
    let permission = key
        .permissions
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(resource.name))
        .or_else(|| key.permissions.iter().find(|(name, _)| *name == "*"))
        .map(|(_, permission)| *permission)
        .unwrap_or_default();
    if !permits(permission, &request.method) {
        return error(account, 403, "Access to this endpoint is forbidden.");
    }
    let answer = match (request.method.as_str(), id) {
        ("GET", None) => listing::list(account, resource, request),
        ("GET", Some(id)) => {
            let row = id
                .parse()
                .ok()
                .and_then(|id: i64| account.rows(resource.name)?.get(id))
                .map(|row| listing::single(row, request));
            match row {
                Some(body) => Ok(body),
                None => return error(account, 404, "The record was not found."),
            }
        }
        ("PUT" | "POST", None) if resource.has(&request.method) => writing::write(
            account,
            resource,
            &request.body,
            request.method == "POST",
            cx,
        ),
        ("DELETE", Some(id)) if resource.has("DELETE") => {
            match id
                .parse()
                .ok()
                .and_then(|id| writing::delete(account, resource, id, cx))
            {
                Some(body) => Ok(body),
                None => return error(account, 404, "The record was not found."),
            }
        }
        _ => return error(account, 404, "The resource was not found."),
    };
    match answer {
        Ok(body) => Reply::json(200, body),
        Err(text) => error(account, 400, &text),
    }
}

fn permits(permission: Permission, method: &str) -> bool {
    match method {
        "GET" => permission.read,
        "POST" => permission.create,
        // No box of its own is published for DELETE.
        "PUT" | "DELETE" => permission.update,
        _ => false,
    }
}

fn too_many(account: &mut Account, wait: i64) -> Reply {
    let says = match account.behaviour.retry_after {
        RetryAfter::Never => false,
        RetryAfter::Always => true,
        RetryAfter::Turns => account.refusals.is_multiple_of(2),
    };
    let reply = error(account, 429, "Rate limit exceeded.");
    if says {
        reply.header("Retry-After", wait.to_string())
    } else {
        reply
    }
}

fn error(account: &mut Account, status: u16, text: &str) -> Reply {
    let turn = account.refusals % 3;
    account.refusals = account.refusals.wrapping_add(1);
    match (account.behaviour.error_bodies, turn) {
        (ErrorBodies::Text, _) | (ErrorBodies::Turns, 0) => {
            Reply::json(status, Json::from(text).to_string())
        }
        (ErrorBodies::Object, _) | (ErrorBodies::Turns, 1) => Reply::json(
            status,
            Json::Obj(Object::new().with("message", text)).to_string(),
        ),
        (ErrorBodies::Html | ErrorBodies::Turns, _) => Reply::html(
            status,
            format!("<html><body><h1>{status}</h1><p>{text}</p></body></html>"),
        ),
    }
}
