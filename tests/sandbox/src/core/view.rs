//! Looking into a Core account and changing it by hand.

use serde_json::Value;
use uuid::Uuid;

use super::account::Account;
use super::blocks;
use crate::edit::{Edit, EditError};
use crate::json::{Json, Object};
use crate::world::{Vendor, World};

/// One Core account.
#[derive(Debug, Clone)]
pub struct CoreView {
    world: World,
    name: String,
}

/// What the state shows of an account.
pub(crate) fn state(account: &Account) -> Json {
    let sales: Vec<Json> = account.sales.by_id().map(|(_, it)| it.document()).collect();
    let customers: Vec<Json> = account.customers.values().map(|it| it.document()).collect();
    Object::new()
        .with("account-id", account.account_id.to_string())
        .with("sales", sales)
        .with("customers", customers)
        .into()
}

impl CoreView {
    pub(crate) fn new(world: &World, name: &str) -> Self {
        Self {
            world: world.clone(),
            name: name.to_owned(),
        }
    }

    fn with<T>(&self, read: impl FnOnce(&Account) -> T) -> Option<T> {
        self.world.lock().core.find(&self.name).map(read)
    }

    /// Sales of all sorts as JSON texts, in which numbers are exact; by id.
    pub fn texts(&self) -> Vec<String> {
        let read = |it: &Account| it.sales.by_id().map(|(_, it)| it.text.clone()).collect();
        self.with(read).unwrap_or_default()
    }

    /// Sales of all sorts, stand-alone credit notes among them, by id.
    pub fn sales(&self) -> Vec<Value> {
        let texts = self.texts();
        texts
            .iter()
            .map(|it| serde_json::from_str(it).unwrap_or_default())
            .collect()
    }

    /// Credit notes that are more than placeholders, each with its sale, as exact JSON.
    pub fn credit_notes(&self) -> Vec<(Json, Json)> {
        let read = |it: &Account| {
            it.sales
                .by_id()
                .filter(|(_, sale)| sale.notes > 0)
                .flat_map(|(_, sale)| {
                    let document = sale.document();
                    let empty = Object::new();
                    let notes: Vec<Json> = blocks::notes(document.as_object().unwrap_or(&empty))
                        .map(|it| Json::Obj(it.clone()))
                        .collect();
                    notes.into_iter().map(move |it| (document.clone(), it))
                })
                .collect()
        };
        self.with(read).unwrap_or_default()
    }

    /// Customers by id.
    pub fn customers(&self) -> Vec<Value> {
        let read = |it: &Account| {
            it.customers
                .values()
                .map(|it| it.document().to_value())
                .collect()
        };
        self.with(read).unwrap_or_default()
    }

    /// Puts a sale as `GET /sale` answers it, changed now. It needs an `ID`.
    pub fn put(&self, sale: Value) -> Result<Uuid, EditError> {
        let now = self.world.now();
        let missing = || EditError::Missing(format!("`{}`, or the sale's ID", self.name));
        let Json::Obj(document) = Json::parse(&sale.to_string())? else {
            return Err(missing());
        };
        let mut state = self.world.lock();
        state.revision = state.revision.saturating_add(1);
        let account = state.core.find_mut(&self.name).ok_or_else(missing)?;
        account.put_sale(document, now).ok_or_else(missing)
    }

    /// Changes one object by hand; see [`Edit`].
    pub fn edit(&self, kind: &str, id: &str, patch: Value) -> Result<Value, EditError> {
        self.world.edit(&Edit {
            vendor: Vendor::Core,
            account: self.name.clone(),
            kind: kind.to_owned(),
            id: id.to_owned(),
            line: None,
            patch: Json::parse(&patch.to_string())?,
            quiet: false,
        })
    }
}
