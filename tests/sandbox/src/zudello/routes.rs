//! The gate: whose key, which team, which path.
//!
//! Paths of several teams may differ, and one of them may look like another vendor's, so a call is
//! a team's if its contract knows the path or its headers name the team.

use uuid::Uuid;

use super::contract::{Contract, ErrorBodies, matched};
use super::listing::{self, Refused};
use super::master::RESOURCES;
use super::render::{self, Shape};
use super::team::{Key, Row, Team, Zudello};
use super::writing;
use crate::exchange::{Reply, Request};
use crate::json::{Json, Object};
use crate::world::Cx;

/// What a path is about.
enum Place<'a> {
    List,
    One(&'a str),
    Notes(&'a str),
    File(&'a str),
    Resources(&'static str),
    Resource(&'static str, &'a str),
}

/// Whether a call is for one of the teams.
pub(crate) fn serves(zudello: &Zudello, request: &Request) -> bool {
    request.basic().is_none()
        && zudello.teams.iter().any(|team| {
            request.header_value(&team.contract.team_header).is_some()
                || place(&team.contract, request).is_some()
        })
}

/// The team that a call names, for the log.
pub(crate) fn account_of(zudello: &Zudello, request: &Request) -> Option<String> {
    let named = |team: &Team| {
        request
            .header_value(&team.contract.team_header)
            .map(str::to_owned)
    };
    match addressed(zudello, request) {
        Some(at) => zudello.teams.get(at).map(|it| it.name.clone()),
        None => zudello.teams.iter().find_map(named),
    }
}

/// Answers a call.
pub(crate) fn handle(zudello: &mut Zudello, request: &Request, cx: &mut Cx<'_>) -> Reply {
    let at = addressed(zudello, request);
    let fallback = at.unwrap_or(0);
    let Some(contract) = zudello.teams.get(fallback).map(|it| it.contract.clone()) else {
        return Reply::text(404, "not found");
    };
    let secret = secret(&contract, request);
    let known = |key: &&Key| secret.as_deref() == Some(key.key.as_str());
    let mut holders = zudello.teams.iter().flat_map(|it| &it.keys).filter(known);
    let refusal = match (&secret, holders.next()) {
        (None, _) => Some("Authentication credentials were not provided."),
        (_, None) => Some("Invalid API key."),
        (_, Some(key)) if key.expires.is_some_and(|it| it <= cx.now) => {
            Some("The API key has expired.")
        }
        _ => None,
    };
    let answer = match (refusal, at) {
        (Some(text), _) => Err(Refused(401, "detail", text.to_owned())),
        (None, None) if request.header_value(&contract.team_header).is_none() => {
            let text = format!("The header {} is required.", contract.team_header);
            Err(Refused(400, "detail", text))
        }
        (None, None) => Err(Refused(403, "detail", NOT_ASSIGNED.to_owned())),
        (None, Some(at)) => match zudello.teams.get_mut(at) {
            Some(team) => admitted(team, secret.as_deref().unwrap_or_default(), request, cx),
            None => Err(Refused(404, "detail", "Not found.".to_owned())),
        },
    };
    answer.unwrap_or_else(|refused| match zudello.teams.get_mut(fallback) {
        Some(team) => error(team, &refused),
        None => Reply::status(refused.0),
    })
}

const NOT_ASSIGNED: &str = "The API key is not assigned to this team.";

/// The team that the headers name.
fn addressed(zudello: &Zudello, request: &Request) -> Option<usize> {
    zudello.teams.iter().position(|team| {
        request
            .header_value(&team.contract.team_header)
            .and_then(|it| Uuid::parse_str(it.trim()).ok())
            == Some(team.uuid)
    })
}

fn secret(contract: &Contract, request: &Request) -> Option<String> {
    let value = request.header_value(&contract.auth_header)?.trim();
    if contract.auth_scheme.is_empty() {
        return Some(value.to_owned());
    }
    let (scheme, secret) = value.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case(&contract.auth_scheme)
        .then(|| secret.trim().to_owned())
}

fn admitted(
    team: &mut Team,
    secret: &str,
    request: &Request,
    cx: &mut Cx<'_>,
) -> Result<Reply, Refused> {
    let refused = |status: u16, text: &str| Err(Refused(status, "detail", text.to_owned()));
    let Some(key) = team.keys.iter_mut().find(|it| it.key == secret) else {
        return refused(403, NOT_ASSIGNED);
    };
    if !key.active {
        return refused(403, "The API key is not active.");
    }
    let header = &team.contract.org_header;
    if !header.is_empty() {
        match request.header_value(header) {
            None => return refused(400, &format!("The header {header} is required.")),
            Some(given) if Uuid::parse_str(given.trim()).ok() != Some(team.organisation) => {
                return refused(403, "The API key belongs to another organisation.");
            }
            Some(_) => {}
        }
    }
    if let Err(wait) = key.recent.admit(&key.limits, cx.now) {
        let reply = error(
            team,
            &Refused(429, "detail", "Request was throttled.".to_owned()),
        );
        return Ok(reply.header("Retry-After", wait.to_string()));
    }
    let key = key.clone();
    let contract = team.contract.clone();
    let Some(place) = place(&contract, request) else {
        return refused(404, "Not found.");
    };
    let updates = request.method == contract.update_method;
    match (request.method.as_str(), place) {
        ("GET", Place::List) => {
            let rows = listing::transactions(team, &key, request, cx)?;
            let shape = match contract.list_documents {
                super::contract::ListDocuments::Brief => Shape::Brief,
                super::contract::ListDocuments::Whole => Shape::Whole,
            };
            let show = |row: &Row| render::transaction(team, row, shape);
            listing::page(&contract, &rows, show, request)
        }
        ("GET", Place::One(uuid)) => {
            let row = document(team, &key, uuid, "READ")?;
            let shown = render::transaction(team, &row, Shape::Whole);
            Ok(Reply::json(200, shown.text()))
        }
        (_, Place::One(uuid)) if updates => {
            let row = document(team, &key, uuid, "UPDATE")?;
            writing::update(team, &row, &request.body, cx)
        }
        ("POST", Place::Notes(uuid)) => {
            let row = document(team, &key, uuid, "UPDATE")?;
            writing::note(team, &row, &key.description, &request.body, cx)
        }
        ("GET", Place::Notes(uuid)) if contract.notes_readable => {
            let row = document(team, &key, uuid, "READ")?;
            let notes = team.notes.iter().filter(|it| it.transaction == row.uuid);
            let shown: Vec<Json> = notes.map(|it| render::note(&contract, it)).collect();
            Ok(Reply::json(200, Json::Arr(shown).text()))
        }
        ("GET", Place::File(uuid)) => {
            document(team, &key, uuid, "READ")?;
            refused(404, "The document was not made from a file.")
        }
        ("GET", Place::Resources(resource)) => {
            let rows = listing::resources(team, resource, request, cx)?;
            let show = |row: &Row| render::resource(team, row);
            listing::page(&contract, &rows, show, request)
        }
        ("GET", Place::Resource(resource, uuid)) => {
            let row = Uuid::parse_str(uuid)
                .ok()
                .and_then(|uuid| team.resources.get(resource)?.get(uuid));
            match row {
                Some(row) => Ok(Reply::json(200, render::resource(team, row).text())),
                None => refused(404, "Not found."),
            }
        }
        (method, _) => refused(405, &format!("Method \"{method}\" not allowed.")),
    }
}

/// A document that the key may see, if it may also do this with it.
fn document(team: &Team, key: &Key, uuid: &str, action: &str) -> Result<Row, Refused> {
    let row = Uuid::parse_str(uuid)
        .ok()
        .and_then(|uuid| team.transactions.get(uuid))
        .filter(|row| row.text("status") != team.workflow.deleted)
        .filter(|row| listing::visible(team, key, row));
    let Some(row) = row else {
        return Err(Refused(404, "detail", "Not found.".to_owned()));
    };
    let (module, submodule) = (row.text("module"), row.text("submodule"));
    if !key.may(module, submodule, action) {
        let text = format!("You do not have permission {module}:{submodule}#{action}.");
        return Err(Refused(403, "detail", text));
    }
    Ok(row.clone())
}

fn place<'a>(contract: &Contract, request: &'a Request) -> Option<Place<'a>> {
    let (paths, path) = (&contract.paths, request.path.as_str());
    let one = |template: &str| matched(template, path).and_then(|it| it.first().copied());
    if matched(&paths.list, path).is_some() {
        return Some(Place::List);
    }
    let updates = request.method == contract.update_method;
    let template = if updates { &paths.update } else { &paths.get };
    if let Some(uuid) = one(template) {
        return Some(Place::One(uuid));
    }
    if let Some(uuid) = one(&paths.note) {
        return Some(Place::Notes(uuid));
    }
    if let Some(uuid) = one(&paths.file) {
        return Some(Place::File(uuid));
    }
    let named = |given: &str| {
        RESOURCES.iter().copied().find(|usual| {
            paths
                .names
                .get(*usual)
                .map_or(*usual == given, |name| name == given)
        })
    };
    if let Some(resource) = one(&paths.resource).and_then(named) {
        return Some(Place::Resources(resource));
    }
    let single = format!("{}/{{uuid}}", paths.resource.trim_end_matches('/'));
    let values = matched(&single, path)?;
    Some(Place::Resource(
        named(values.first()?)?,
        values.get(1).copied()?,
    ))
}

fn error(team: &mut Team, refused: &Refused) -> Reply {
    let Refused(status, field, text) = refused;
    let turn = team.refusals % 4;
    team.refusals = team.refusals.wrapping_add(1);
    let object = |body: Object| Reply::json(*status, Json::Obj(body).text());
    let text = text.as_str();
    match (team.contract.error_bodies, turn) {
        (ErrorBodies::Detail, _) | (ErrorBodies::Turns, 0) => {
            object(Object::new().with("detail", text))
        }
        (ErrorBodies::Message, _) | (ErrorBodies::Turns, 1) => {
            object(Object::new().with("message", text))
        }
        (ErrorBodies::Errors, _) | (ErrorBodies::Turns, 2) => {
            let mut fields = Object::new();
            fields.set((*field).to_owned(), vec![Json::from(text)]);
            object(Object::new().with("errors", fields))
        }
        (ErrorBodies::Text | ErrorBodies::Turns, _) => Reply::text(*status, text),
    }
}
