//! What a client sees of what is held: relations, decimals and landed costs in the shape that the
//! team's contract says.

use jiff::Timestamp;
use uuid::Uuid;

use super::contract::{Contract, Decimals, LandedCosts, Relations};
use super::generate::{CUSTOMER_RELATIONS, HEADER_RELATIONS, LINE_RELATIONS};
use super::team::{Note, Row, Team};
use crate::json::{Json, Object};

/// Members that are decimals, wherever they stand.
const DECIMALS: &[&str] = &[
    "subtotal",
    "freight",
    "tax",
    "total",
    "exchange_rate",
    "quantity",
    "unit_price",
    "unit_price_exclusive",
    "total_exclusive",
    "total_exclusive_local",
    "tax_amount",
    "discount_percent",
    "rate",
    "purchase_price",
    "sell_price",
];

/// Members of a related object that come with it.
const RELATED: &[&str] = &[
    "code",
    "sku",
    "legal_name",
    "trading_name",
    "name",
    "rate",
    "status",
    "external_id",
];

/// How much is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Relations as UUIDs, no lines.
    Brief,
    /// Everything.
    Whole,
}

/// A document as the API shows it.
pub(crate) fn transaction(team: &Team, row: &Row, shape: Shape) -> Json {
    let contract = &team.contract;
    let relations = match shape {
        Shape::Brief => Relations::Uuid,
        Shape::Whole => contract.relations,
    };
    let mut object = framed(team, row);
    related(team, &mut object, HEADER_RELATIONS, relations);
    let mut lines = match object.remove("lines") {
        Some(Json::Arr(lines)) => lines,
        _ => Vec::new(),
    };
    let places = contract.decimals;
    decimals(&mut object, places == Decimals::Number);
    if shape == Shape::Brief {
        return object.into();
    }
    for line in &mut lines {
        if let Json::Obj(line) = line {
            related(team, line, LINE_RELATIONS, relations);
            decimals(line, places != Decimals::Text);
        }
    }
    if contract.landed_costs == LandedCosts::Apart {
        let landed =
            |line: &Json| line.get("line_type").and_then(Json::as_str) == Some("LANDED_COST");
        let (apart, rest) = lines.into_iter().partition(landed);
        object.set("lines", Json::Arr(rest));
        object.set("landed_costs", Json::Arr(apart));
    } else {
        object.set("lines", lines);
    }
    object.into()
}

/// A piece of master data as the API shows it.
pub(crate) fn resource(team: &Team, row: &Row) -> Json {
    let mut object = framed(team, row);
    related(
        team,
        &mut object,
        CUSTOMER_RELATIONS,
        team.contract.relations,
    );
    decimals(&mut object, team.contract.decimals != Decimals::Text);
    object.into()
}

/// A note as the API shows it.
pub(crate) fn note(contract: &Contract, note: &Note) -> Json {
    let mut object = Object::new().with("uuid", note.uuid.to_string());
    object.set(contract.note_field.clone(), note.message.as_str());
    object.set("created_by", note.by.as_str());
    object.set("created_at", instant(contract, note.at));
    object.into()
}

/// An instant in the team's form.
pub(crate) fn instant(contract: &Contract, at: Timestamp) -> String {
    let digits = contract.fraction_digits.min(9);
    if digits == 0 {
        at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    } else {
        at.strftime(&format!("%Y-%m-%dT%H:%M:%S.%{digits}fZ"))
            .to_string()
    }
}

/// The members that every row has, before and after its own.
fn framed(team: &Team, row: &Row) -> Object {
    let mut object = Object::new().with("uuid", row.uuid.to_string());
    if let Some(held) = row.document.as_object() {
        for (name, value) in held.iter() {
            object.set(name.to_owned(), value.clone());
        }
    }
    object.set("created_at", instant(&team.contract, row.created));
    object.set("updated_at", instant(&team.contract, row.updated));
    object
}

/// Writes each relation, and beside it the member with its UUID.
fn related(team: &Team, object: &mut Object, list: &[(&str, &str)], shape: Relations) {
    for (name, resource) in list {
        let held = match object.get(name) {
            None => continue,
            Some(Json::Str(uuid)) => Uuid::parse_str(uuid)
                .ok()
                .and_then(|uuid| team.resources.get(*resource)?.get(uuid)),
            // An object that a seed wrote stays what it is.
            Some(Json::Obj(_)) => continue,
            Some(_) => None,
        };
        let uuid: Json = held.map(|it| it.uuid.to_string()).into();
        let shown = match (held, shape) {
            (None, _) | (_, Relations::Null) => Json::Null,
            (Some(_), Relations::Uuid) => uuid.clone(),
            (Some(row), Relations::Object) => summary(row),
        };
        object.set((*name).to_owned(), shown);
        object.set(format!("{name}_uuid"), uuid);
    }
}

fn summary(row: &Row) -> Json {
    let mut object = Object::new().with("uuid", row.uuid.to_string());
    for name in RELATED {
        if let Some(value) = row.document.get(name) {
            object.set(*name, value.clone());
        }
    }
    object.into()
}

/// Writes decimals as numbers, also those of related objects.
fn decimals(object: &mut Object, as_numbers: bool) {
    if !as_numbers {
        return;
    }
    for name in DECIMALS {
        if let Some(value) = object.get_mut(name)
            && let Json::Str(text) = value
            && crate::json::decimal(text).is_some()
        {
            *value = Json::Num(std::mem::take(text).into());
        }
    }
    if let Some(Json::Obj(rate)) = object.get_mut("tax_rate") {
        decimals(rate, true);
    }
}
