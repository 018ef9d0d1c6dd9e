//! What a Core account holds.
//!
//! A sale is the text that `GET /sale` answers, with the few columns that lists filter by, so that
//! a walk over thousands of rows reads the documents of one page only.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize, Serializer};
use uuid::Uuid;

use super::behaviour::{Behaviour, Limits};
use super::money::TaxMethod;
use super::stamps;
use crate::json::{Json, Object};
use crate::omni::limits::Recent;

/// All accounts of the shared host.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Core {
    /// How long each answer takes, in milliseconds.
    #[serde(default)]
    pub latency_ms: u64,
    /// Accounts.
    pub accounts: Vec<Account>,
}

impl Core {
    /// An account by its id or its company.
    pub fn find(&self, name: &str) -> Option<&Account> {
        self.accounts.iter().find(|it| it.is(name))
    }

    /// An account to change, by its id or its company.
    pub fn find_mut(&mut self, name: &str) -> Option<&mut Account> {
        self.accounts.iter_mut().find(|it| it.is(name))
    }
}

/// One account, which is one company.
#[derive(Debug, Serialize, Deserialize)]
pub struct Account {
    /// The account id that every call names.
    pub account_id: Uuid,
    /// API applications.
    pub keys: Vec<Key>,
    /// What `/me` tells.
    pub settings: Settings,
    /// Choices where the sources disagree.
    pub behaviour: Behaviour,
    /// Sales of all sorts, stand-alone credit notes among them.
    pub sales: Sales,
    /// Customers by id.
    pub customers: BTreeMap<Uuid, Customer>,
    /// Chart of accounts as `/ref/account` answers it.
    pub chart: Vec<Json>,
    /// Tax rules.
    pub tax_rules: Vec<TaxRule>,
    #[serde(default)]
    pub(crate) refusals: u64,
}

/// What `/me` tells of an account.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Settings {
    /// Company.
    pub company: String,
    /// Time zone in which its dates are meant.
    pub zone: String,
    /// Home currency.
    pub currency: String,
    /// How documents are taxed.
    pub tax_method: TaxMethod,
    /// Core's own period lock.
    #[serde(default)]
    pub lock_date: Option<Date>,
}

/// One API application of an account.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Key {
    /// The application key.
    pub key: String,
    /// Call limits.
    pub limits: Limits,
    #[serde(default)]
    pub(crate) recent: Recent,
}

/// A tax rule; documents name it by its name alone.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct TaxRule {
    /// Id.
    pub id: Uuid,
    /// Name.
    pub name: String,
    /// Percentage.
    pub percent: Decimal,
    /// Whether sales may use it.
    pub for_sale: bool,
    /// Whether purchases may use it.
    pub for_purchase: bool,
}

/// A customer: the vendor's JSON with its columns.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Customer {
    /// Last change.
    pub modified: Timestamp,
    /// The vendor's JSON.
    pub text: String,
}

impl Customer {
    /// The document.
    pub fn document(&self) -> Json {
        Json::parse(&self.text).unwrap_or_default()
    }
}

/// One sale.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Sale {
    /// When it was made.
    pub created: Timestamp,
    /// Last change of anything in it, to the millisecond.
    pub updated: Timestamp,
    /// Whether it is a credit note without order and invoice.
    pub stand_alone: bool,
    /// How many of its credit notes are more than placeholders.
    pub notes: usize,
    /// How often it was changed: ledger rows are made anew each time.
    #[serde(default)]
    pub changes: u64,
    /// The vendor's JSON.
    pub text: String,
}

impl Sale {
    /// The document.
    pub fn document(&self) -> Json {
        Json::parse(&self.text).unwrap_or_default()
    }
}

/// The sales by id and in the order of their last change.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(from = "BTreeMap<Uuid, Sale>")]
pub struct Sales {
    by_id: BTreeMap<Uuid, Sale>,
    by_change: BTreeSet<(Timestamp, Uuid)>,
}

impl From<BTreeMap<Uuid, Sale>> for Sales {
    fn from(by_id: BTreeMap<Uuid, Sale>) -> Self {
        let by_change = by_id.iter().map(|(id, it)| (it.updated, *id)).collect();
        Self { by_id, by_change }
    }
}

impl Serialize for Sales {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.by_id.serialize(serializer)
    }
}

impl Sales {
    /// The sale of this id.
    pub fn get(&self, id: Uuid) -> Option<&Sale> {
        self.by_id.get(&id)
    }

    /// All sales by id.
    pub fn by_id(&self) -> impl DoubleEndedIterator<Item = (Uuid, &Sale)> {
        self.by_id.iter().map(|(id, it)| (*id, it))
    }

    /// All sales, oldest change first, then by id.
    pub fn by_change(&self) -> impl DoubleEndedIterator<Item = (Uuid, &Sale)> {
        self.by_change
            .iter()
            .filter_map(|(_, id)| Some((*id, self.by_id.get(id)?)))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    fn put(&mut self, id: Uuid, sale: Sale) {
        let at = sale.updated;
        if let Some(before) = self.by_id.insert(id, sale) {
            self.by_change.remove(&(before.updated, id));
        }
        self.by_change.insert((at, id));
    }
}

impl Account {
    fn is(&self, name: &str) -> bool {
        self.settings.company == name || Uuid::parse_str(name).is_ok_and(|id| id == self.account_id)
    }

    /// The percentage of a tax rule; a rule that nobody knows taxes nothing.
    pub fn tax_percent(&self, rule: &str) -> Decimal {
        self.tax_rules
            .iter()
            .find(|it| it.name == rule)
            .map(|it| it.percent)
            .unwrap_or_default()
    }

    /// Adds or replaces a sale, stamped with its last change. `None` for one without a readable
    /// `ID`.
    pub fn put_sale(&mut self, mut document: Object, updated: Timestamp) -> Option<Uuid> {
        let id = stamps::read_id(document.get("ID"))?;
        let updated = stamps::to_millisecond(updated);
        document.set("LastModifiedOn", stamps::audit(updated, id));
        let held = self.sales.get(id);
        let sale = Sale {
            created: held.map_or(updated, |it| it.created),
            updated,
            stand_alone: super::blocks::stands_alone(&document),
            notes: super::blocks::notes(&document).count(),
            changes: held.map_or(0, |it| it.changes.saturating_add(1)),
            text: Json::Obj(document).text(),
        };
        self.sales.put(id, sale);
        Some(id)
    }

    /// Says when a sale was made.
    pub(crate) fn made_at(&mut self, id: Uuid, created: Timestamp) {
        if let Some(sale) = self.sales.by_id.get_mut(&id) {
            sale.created = stamps::to_millisecond(created);
        }
    }

    /// Adds or replaces a customer, stamped with its last change. `None` for one without a
    /// readable `ID`.
    pub fn put_customer(&mut self, mut document: Object, modified: Timestamp) -> Option<Uuid> {
        let id = stamps::read_id(document.get("ID"))?;
        let modified = stamps::to_millisecond(modified);
        document.set("LastModifiedOn", stamps::audit(modified, id));
        let text = Json::Obj(document).text();
        self.customers.insert(id, Customer { modified, text });
        Some(id)
    }
}
