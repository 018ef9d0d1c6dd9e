//! Looking into a team and changing it by hand.

use std::collections::BTreeMap;

use serde_json::Value;

use super::render::{self, Shape};
use super::team::Team;
use crate::duplicates::Duplicate;
use crate::edit::{Edit, EditError};
use crate::json::{Json, Object};
use crate::world::{Vendor, World};

/// One team.
#[derive(Debug, Clone)]
pub struct ZudelloView {
    world: World,
    name: String,
}

/// Everything that a team holds, for people and tests.
pub(crate) fn state(team: &Team) -> Object {
    let rows = team.transactions.oldest_first();
    let documents: Vec<Json> = rows
        .map(|it| render::transaction(team, it, Shape::Whole))
        .collect();
    let notes = team.notes.iter().map(|it| {
        let mut note = render::note(&team.contract, it);
        if let Json::Obj(object) = &mut note {
            object.set("transaction_uuid", it.transaction.to_string());
        }
        note
    });
    let mut held = Object::new()
        .with("name", team.name.as_str())
        .with("organisation", team.organisation.to_string())
        .with("transactions", documents)
        .with("notes", notes.collect::<Vec<_>>());
    for (resource, rows) in &team.resources {
        let rows = rows.oldest_first();
        let shown: Vec<Json> = rows.map(|it| render::resource(team, it)).collect();
        held.set(resource.replace('-', "_"), shown);
    }
    held
}

/// What no integration should leave: two documents with one id in the books, and a note that stands
/// twice on a document that nobody handed over anew in between.
pub(crate) fn duplicates(team: &Team) -> Vec<Duplicate> {
    let mut groups: BTreeMap<(&'static str, &'static str, String), Vec<String>> = BTreeMap::new();
    for row in team.transactions.oldest_first() {
        let id = row.text("external_id");
        if !id.is_empty() {
            let key = ("transactions", "external_id", id.to_lowercase());
            groups.entry(key).or_default().push(row.uuid.to_string());
        }
    }
    for note in &team.notes {
        let said = format!(
            "{} {} {}",
            note.transaction,
            note.round,
            note.message.trim()
        );
        let group = groups.entry(("notes", "message", said)).or_default();
        group.push(note.uuid.to_string());
    }
    let tenant = team.uuid.to_string();
    let doubled = groups.into_iter().filter(|(_, ids)| ids.len() > 1);
    doubled
        .map(|((kind, by, value), ids)| Duplicate {
            tenant: tenant.clone(),
            kind,
            by,
            value,
            ids,
        })
        .collect()
}

impl World {
    /// The Zudello team of this name or UUID.
    pub fn zudello(&self, name: &str) -> ZudelloView {
        ZudelloView {
            world: self.clone(),
            name: name.to_owned(),
        }
    }
}

impl ZudelloView {
    fn list(&self, name: &str) -> Vec<Value> {
        let state = self.world.lock();
        let held = state.zudello.find(&self.name).map(self::state);
        let rows = held.and_then(|mut it| it.remove(name));
        match rows.map(|it| it.to_value()) {
            Some(Value::Array(rows)) => rows,
            _ => Vec::new(),
        }
    }

    /// Documents of every module, oldest change first.
    pub fn transactions(&self) -> Vec<Value> {
        self.list("transactions")
    }

    /// The document of this number or UUID.
    pub fn transaction(&self, name: &str) -> Option<Value> {
        let state = self.world.lock();
        let team = state.zudello.find(&self.name)?;
        let row = team.transaction(name)?;
        Some(render::transaction(team, row, Shape::Whole).to_value())
    }

    /// What a resource such as `tax_rates` holds.
    pub fn resource(&self, resource: &str) -> Vec<Value> {
        self.list(resource)
    }

    /// The texts of the notes on a document, oldest first.
    pub fn notes(&self, name: &str) -> Vec<String> {
        let state = self.world.lock();
        let Some(team) = state.zudello.find(&self.name) else {
            return Vec::new();
        };
        let uuid = team.transaction(name).map(|it| it.uuid);
        team.notes
            .iter()
            .filter(|it| Some(it.transaction) == uuid)
            .map(|it| it.message.clone())
            .collect()
    }

    /// Changes one object by hand, or carries out a person's act; see [`Edit`].
    pub fn edit(&self, kind: &str, id: &str, patch: Value) -> Result<Value, EditError> {
        self.world.edit(&Edit {
            vendor: Vendor::Zudello,
            account: self.name.clone(),
            kind: kind.to_owned(),
            id: id.to_owned(),
            line: None,
            patch: Json::parse(&patch.to_string())?,
            quiet: false,
        })
    }
}
