//! What Zudello holds: teams with their keys, documents, master data and notes.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::contract::Contract;
use super::status::Workflow;
use crate::json::Json;
use crate::omni::behaviour::Limits;
use crate::omni::limits::Recent;
use crate::xero::organisation::{Held, Shelf};

/// Everything that is held.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Zudello {
    /// How long each answer takes, in milliseconds.
    #[serde(default)]
    pub latency_ms: u64,
    /// Teams.
    pub teams: Vec<Team>,
}

impl Zudello {
    /// A team by its name or UUID.
    pub fn find(&self, name: &str) -> Option<&Team> {
        self.teams.iter().find(|it| it.is(name))
    }

    /// A team to change, by its name or UUID.
    pub fn find_mut(&mut self, name: &str) -> Option<&mut Team> {
        self.teams.iter_mut().find(|it| it.is(name))
    }
}

/// One team: one legal entity with books of its own.
#[derive(Debug, Serialize, Deserialize)]
pub struct Team {
    /// The organisation that it belongs to.
    pub organisation: Uuid,
    /// Its UUID.
    pub uuid: Uuid,
    /// Its name.
    pub name: String,
    /// Home currency.
    pub currency: String,
    /// The organisation's keys that are assigned to it.
    pub keys: Vec<Key>,
    /// What is assumed of the interface.
    pub contract: Contract,
    /// Its statuses.
    pub workflow: Workflow,
    /// Documents of every module.
    pub transactions: Shelf<Row>,
    /// Master data by resource.
    pub resources: BTreeMap<String, Shelf<Row>>,
    /// Notes on documents, oldest first.
    pub notes: Vec<Note>,
    #[serde(default)]
    pub(crate) refusals: u64,
}

/// A key as it is assigned to one team.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Key {
    /// The secret.
    pub key: String,
    /// What it is for; also the owner of what it makes.
    pub description: String,
    /// When it ends. Every real key ends; without an instant, this one does not.
    pub expires: Option<Timestamp>,
    /// Whether it works for this team.
    pub active: bool,
    /// Which documents it sees.
    pub data: Data,
    /// `Module:Submodule#ACTION`, such as `SALES:CREDIT#READ`; empty allows everything.
    pub permissions: Vec<String>,
    /// Call limits. None is published, so none is enforced unless the seed names one.
    pub limits: Limits,
    pub(crate) recent: Recent,
}

impl Default for Key {
    fn default() -> Self {
        Self {
            key: "eyJ-sandbox-key".to_owned(),
            description: "ledgerline".to_owned(),
            expires: None,
            active: true,
            data: Data::All,
            permissions: Vec::new(),
            limits: Limits {
                on: false,
                ..Limits::default()
            },
            recent: Recent::default(),
        }
    }
}

/// Which documents a key sees. What it does not see is left out without a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Data {
    /// Every one.
    #[default]
    All,
    /// Its own.
    Own,
    /// Its own, and those of the same customers.
    Related,
}

impl Key {
    /// Whether it may do this with documents of this sort.
    pub(crate) fn may(&self, module: &str, submodule: &str, action: &str) -> bool {
        let wanted = format!("{module}:{submodule}#{action}");
        self.permissions.is_empty()
            || self
                .permissions
                .iter()
                .any(|it| it.eq_ignore_ascii_case(&wanted))
    }
}

/// A document or a piece of master data. Relations are held as UUIDs, decimals as text.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Row {
    /// Its UUID.
    pub uuid: Uuid,
    /// When it was made.
    pub created: Timestamp,
    /// Its last change.
    pub updated: Timestamp,
    /// Who made it.
    pub owner: String,
    /// How often people have handed it to the integration anew.
    #[serde(default)]
    pub round: u32,
    /// Its members, without those above.
    pub document: Json,
}

impl Row {
    /// The text of a member.
    pub fn text(&self, name: &str) -> &str {
        self.document
            .get(name)
            .and_then(Json::as_str)
            .unwrap_or_default()
    }
}

impl Held for Row {
    fn id(&self) -> Uuid {
        self.uuid
    }

    fn updated(&self) -> Timestamp {
        self.updated
    }

    fn keys(&self) -> Vec<String> {
        ["document_number", "code", "sku", "legal_name", "name"]
            .iter()
            .map(|name| self.text(name))
            .filter(|it| !it.is_empty())
            .map(str::to_owned)
            .collect()
    }
}

/// A note on a document.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Note {
    /// Its UUID.
    pub uuid: Uuid,
    /// The document.
    pub transaction: Uuid,
    /// The round of the document in which it was written.
    #[serde(default)]
    pub round: u32,
    /// What it says.
    pub message: String,
    /// Whose it is.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

impl Team {
    fn is(&self, name: &str) -> bool {
        self.name == name || self.uuid.to_string().eq_ignore_ascii_case(name)
    }

    /// A document by UUID or number.
    pub fn transaction(&self, name: &str) -> Option<&Row> {
        row(&self.transactions, name)
    }

    /// A piece of master data by UUID, code or name.
    pub fn resource(&self, resource: &str, name: &str) -> Option<&Row> {
        row(self.resources.get(resource)?, name)
    }

    pub(crate) fn put_resource(&mut self, resource: &str, row: Row) {
        self.resources
            .entry(resource.to_owned())
            .or_default()
            .put(row);
    }
}

fn row<'a>(shelf: &'a Shelf<Row>, name: &str) -> Option<&'a Row> {
    match Uuid::parse_str(name) {
        Ok(uuid) => shelf.get(uuid),
        Err(_) => shelf.find(name).next(),
    }
}
