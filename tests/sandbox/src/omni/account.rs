//! What an Omni account holds.
//!
//! A row is the vendor's JSON text with the few columns that lists sort and filter by, so that a
//! page of 250 rows is a concatenation and a large account stays small in memory.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize, Serializer};

use super::behaviour::{Behaviour, Limits};
use super::limits::Recent;
use crate::json::Json;
use crate::xero::settings::DayRates;

/// All accounts of the shared host.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Omni {
    /// How long each answer takes, in milliseconds.
    #[serde(default)]
    pub latency_ms: u64,
    /// Accounts by user name.
    pub accounts: Vec<Account>,
}

impl Omni {
    /// An account by its API user name.
    pub fn find(&self, username: &str) -> Option<&Account> {
        self.accounts.iter().find(|it| it.username == username)
    }

    /// An account to change, by its API user name.
    pub fn find_mut(&mut self, username: &str) -> Option<&mut Account> {
        self.accounts.iter_mut().find(|it| it.username == username)
    }
}

/// One account.
#[derive(Debug, Serialize, Deserialize)]
pub struct Account {
    /// The API user name.
    pub username: String,
    /// API connections.
    pub keys: Vec<Key>,
    /// Time zone of its dates. No call tells it.
    pub zone: String,
    /// Choices where the sources disagree.
    pub behaviour: Behaviour,
    /// Rows by resource.
    pub rows: BTreeMap<String, Rows>,
    /// The next id that is given.
    pub next_id: i64,
    /// The next invoice number that is given.
    #[serde(default)]
    pub next_invoice: i64,
    /// What a document gets that leaves it out.
    #[serde(default)]
    pub defaults: Defaults,
    /// Rows of exports that no document stands behind: CSV by kind, without a header.
    #[serde(default)]
    pub exports: BTreeMap<String, String>,
    /// Account codes that the cost of goods sold is exported with.
    #[serde(default)]
    pub ledger: Ledger,
    #[serde(default)]
    pub(crate) refusals: u64,
}

/// What a written document gets that leaves it out, as the account's settings have it. No call
/// tells them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Defaults {
    /// Home currency.
    pub currency: String,
    /// `taxStatus`.
    pub tax_status: String,
    /// `taxRate`, on the account's scale.
    pub tax_rate: Decimal,
    /// Foreign units per home unit.
    pub day_rates: DayRates,
}

/// Account codes that the cost of goods sold is exported with. No call tells them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Ledger {
    /// Cost of goods sold.
    pub cost_of_goods_sold: String,
    /// Cost of goods sold of orders with an alternative account, by its name.
    pub alternative: BTreeMap<String, String>,
    /// Stock on hand.
    pub stock_on_hand: String,
}

impl Default for Ledger {
    fn default() -> Self {
        Self {
            cost_of_goods_sold: "310".to_owned(),
            alternative: BTreeMap::new(),
            stock_on_hand: "631".to_owned(),
        }
    }
}

/// One API connection of an account.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Key {
    /// The connection key.
    pub key: String,
    /// What is ticked, by resource; `*` stands for the others.
    pub permissions: BTreeMap<String, Permission>,
    /// Call limits.
    pub limits: Limits,
    #[serde(default)]
    pub(crate) recent: Recent,
}

/// The boxes ticked for one endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Permission {
    /// GET.
    pub read: bool,
    /// POST.
    pub create: bool,
    /// PUT.
    pub update: bool,
}

/// The rows of one resource, by id and in the order of their last change.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(from = "BTreeMap<i64, Row>")]
pub struct Rows {
    by_id: BTreeMap<i64, Row>,
    by_change: BTreeSet<(Timestamp, i64)>,
}

impl From<BTreeMap<i64, Row>> for Rows {
    fn from(by_id: BTreeMap<i64, Row>) -> Self {
        let by_change = by_id.iter().map(|(id, row)| (row.modified, *id)).collect();
        Self { by_id, by_change }
    }
}

impl Serialize for Rows {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.by_id.serialize(serializer)
    }
}

impl Rows {
    /// The row of this id.
    pub fn get(&self, id: i64) -> Option<&Row> {
        self.by_id.get(&id)
    }

    /// All rows by id.
    pub fn by_id(&self) -> impl DoubleEndedIterator<Item = (i64, &Row)> {
        self.by_id.iter().map(|(id, row)| (*id, row))
    }

    /// All rows, oldest change first, then by id.
    pub fn by_change(&self) -> impl DoubleEndedIterator<Item = (i64, &Row)> {
        self.changed_since(Timestamp::MIN)
    }

    /// The rows changed at `since` or later, oldest change first, then by id.
    pub fn changed_since(&self, since: Timestamp) -> impl DoubleEndedIterator<Item = (i64, &Row)> {
        self.by_change
            .range((since, i64::MIN)..)
            .filter_map(|(_, id)| Some((*id, self.by_id.get(id)?)))
    }

    fn put(&mut self, id: i64, row: Row) {
        let at = row.modified;
        if let Some(before) = self.by_id.insert(id, row) {
            self.by_change.remove(&(before.modified, id));
        }
        self.by_change.insert((at, id));
    }

    fn remove(&mut self, id: i64) -> Option<Row> {
        let row = self.by_id.remove(&id)?;
        self.by_change.remove(&(row.modified, id));
        Some(row)
    }
}

/// One row.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Row {
    /// Last change, as far as it can be read.
    pub modified: Timestamp,
    /// The vendor's JSON.
    pub text: String,
}

impl Row {
    /// A row with its columns read from the document.
    pub fn of(document: &Json) -> Self {
        let modified = document
            .get("modifiedDate")
            .and_then(Json::as_str)
            .and_then(super::filter::instant)
            .unwrap_or(Timestamp::UNIX_EPOCH);
        Self {
            modified,
            text: document.text(),
        }
    }

    /// The document.
    pub fn document(&self) -> Json {
        Json::parse(&self.text).unwrap_or_default()
    }
}

impl Account {
    /// The rows of a resource.
    pub fn rows(&self, resource: &str) -> Option<&Rows> {
        self.rows.get(resource)
    }

    /// Adds or replaces a document, giving it an id where it has none.
    pub fn put(&mut self, resource: &str, mut document: Json) -> i64 {
        let id = match document
            .get("id")
            .and_then(Json::as_i64)
            .filter(|id| *id > 0)
        {
            Some(id) => id,
            None => {
                let id = self.next_id;
                if let Json::Obj(object) = &mut document {
                    object.set("id", id);
                }
                id
            }
        };
        self.next_id = self.next_id.max(id.saturating_add(1));
        let invoice = document.get("invoiceNumber").and_then(Json::as_i64);
        if let Some(number) = invoice {
            self.next_invoice = self.next_invoice.max(number.saturating_add(1));
        }
        self.rows
            .entry(resource.to_owned())
            .or_default()
            .put(id, Row::of(&document));
        id
    }

    /// A document by its id.
    pub fn document(&self, resource: &str, id: i64) -> Option<Json> {
        self.rows.get(resource)?.get(id).map(Row::document)
    }

    /// Takes a document out, without a trace.
    pub fn remove(&mut self, resource: &str, id: i64) -> Option<Json> {
        let row = self.rows.get_mut(resource)?.remove(id)?;
        Some(row.document())
    }

    /// Home units for one unit of a currency. Omni keeps the inverse of the books' rate.
    pub(crate) fn home_rate(&self, currency: &str) -> Json {
        home_rate(&self.defaults.day_rates, &self.defaults.currency, currency)
    }
}

/// Home units for one unit of a currency, from rates the other way round.
pub(crate) fn home_rate(day_rates: &DayRates, home: &str, currency: &str) -> Json {
    if currency == home || currency.is_empty() {
        return Json::Num("1.0".into());
    }
    let rate = day_rates.get(currency).copied().unwrap_or(Decimal::ONE);
    let inverse = Decimal::ONE.checked_div(rate).unwrap_or(Decimal::ONE);
    Json::decimal(inverse.round_dp(6))
}
