//! One organisation: its settings, its books, and the indexes over them.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use super::document_model::{CreditNote, Invoice};
use super::limits::Windows;
use super::model::{Account, Contact, Item, TaxRate, TrackingCategory, TrackingOption};
use super::money_model::{ManualJournal, Paid, Payment, PaymentStatus};
use super::settings::{DayRates, Limits, Switches};

/// What `GET /Organisation` tells, and what binds the books.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Profile {
    /// Display name, which anybody can change.
    pub name: String,
    /// Registered name.
    pub legal_name: String,
    /// Short code of deep links.
    pub short_code: String,
    /// Home currency.
    pub base_currency: String,
    /// Country.
    pub country_code: String,
    /// Xero's own name of the zone.
    pub timezone: String,
    /// Edition of the product, such as `AU`.
    pub version: String,
    /// Plan.
    pub class: String,
    /// Whether it is a demo company.
    pub is_demo_company: bool,
    /// On or before this date nobody but advisers may post.
    pub period_lock_date: Option<Date>,
    /// On or before this date nobody may post.
    pub end_of_year_lock_date: Option<Date>,
    /// When it was set up.
    #[serde(rename = "CreatedDateUTC")]
    pub created: Timestamp,
}

/// One organisation with everything in it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Organisation {
    /// The id that the tenant header carries.
    pub tenant_id: Uuid,
    /// Settings that the API shows.
    pub profile: Profile,
    /// Choices where the documentation is silent.
    pub switches: Switches,
    /// Call limits.
    pub limits: Limits,
    /// Day rates by currency: foreign per base.
    pub day_rates: DayRates,
    /// Chart of accounts.
    pub accounts: Vec<Account>,
    /// Tax rates.
    pub tax_rates: Vec<TaxRate>,
    /// Tracking categories.
    pub tracking: Vec<TrackingCategory>,
    /// Currencies that are subscribed to.
    pub currencies: Vec<String>,
    /// Items.
    #[serde(default)]
    pub items: Vec<Item>,
    /// Contacts.
    pub contacts: Shelf<Contact>,
    /// Credit notes.
    pub credit_notes: Shelf<CreditNote>,
    /// Invoices and bills.
    #[serde(default)]
    pub invoices: Shelf<Invoice>,
    /// Payments and refunds.
    #[serde(default)]
    pub payments: Shelf<Payment>,
    /// Manual journals.
    #[serde(default)]
    pub manual_journals: Shelf<ManualJournal>,
    /// The next number that Xero gives a credit note by itself.
    pub next_credit_note: u32,
    /// The next number that Xero gives a sales invoice by itself.
    #[serde(default = "first")]
    pub next_invoice: u32,
    #[serde(default)]
    pub(crate) windows: Windows,
    #[serde(skip)]
    pub(crate) under_way: Arc<AtomicUsize>,
}

impl Organisation {
    /// An account by its code.
    pub fn account(&self, code: &str) -> Option<&Account> {
        self.accounts
            .iter()
            .find(|it| it.code == code && it.status != "DELETED")
    }

    /// An item by its code.
    pub fn item(&self, code: &str) -> Option<&Item> {
        self.items.iter().find(|it| it.code == code)
    }

    /// A usable tax rate by its code.
    pub fn tax_rate(&self, tax_type: &str) -> Option<&TaxRate> {
        self.tax_rates
            .iter()
            .find(|it| it.tax_type == tax_type && it.status == "ACTIVE")
    }

    /// An active tracking option by the names of category and option.
    pub fn tracking_option(
        &self,
        category: &str,
        option: &str,
    ) -> Option<(&TrackingCategory, &TrackingOption)> {
        let category = self
            .tracking
            .iter()
            .find(|it| it.name == category && it.status == "ACTIVE")?;
        let option = category
            .options
            .iter()
            .find(|it| it.name == option && it.status == "ACTIVE")?;
        Some((category, option))
    }

    /// The active contact of this name, whatever its case.
    pub fn active_contact_named(&self, name: &str) -> Option<&Contact> {
        self.contacts
            .find(&name_key(name))
            .find(|it| it.contact_status == "ACTIVE")
    }

    /// An account by its id.
    pub fn account_of(&self, id: Uuid) -> Option<&Account> {
        self.accounts
            .iter()
            .find(|it| it.id == id && it.status != "DELETED")
    }

    /// The account that Xero itself uses for this, such as `DEBTORS`.
    pub fn system_account(&self, role: &str) -> Option<&Account> {
        self.accounts
            .iter()
            .find(|it| it.system_account.as_deref() == Some(role))
    }

    /// Payments of a document that were not taken back.
    pub fn payments_of(&self, document: Uuid) -> impl Iterator<Item = &Payment> {
        self.payments
            .find(&document_key(document))
            .filter(|it| it.status == PaymentStatus::Authorised)
    }

    /// The credit notes that were allocated to an invoice.
    pub fn credits_of(&self, invoice: Uuid) -> impl Iterator<Item = &CreditNote> {
        self.credit_notes.find(&document_key(invoice))
    }
}

fn first() -> u32 {
    1
}

/// Something with an id that a [`Shelf`] can hold.
pub trait Held: Serialize + DeserializeOwned {
    /// Its id.
    fn id(&self) -> Uuid;
    /// Its last change.
    fn updated(&self) -> Timestamp;
    /// What it can be found by, apart from its id.
    fn keys(&self) -> Vec<String>;
}

/// Objects of one kind, found by id, by key and in the order of their last change.
#[derive(Debug)]
pub struct Shelf<T> {
    rows: HashMap<Uuid, T>,
    by_update: BTreeSet<(Timestamp, Uuid)>,
    by_key: HashMap<String, Vec<Uuid>>,
}

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Self {
            rows: HashMap::new(),
            by_update: BTreeSet::new(),
            by_key: HashMap::new(),
        }
    }
}

impl<T: Held> Shelf<T> {
    /// Adds an object, or replaces the one of the same id.
    pub fn put(&mut self, row: T) {
        self.take(row.id());
        self.by_update.insert((row.updated(), row.id()));
        for key in row.keys() {
            self.by_key.entry(key).or_default().push(row.id());
        }
        self.rows.insert(row.id(), row);
    }

    /// Takes an object out.
    pub fn take(&mut self, id: Uuid) -> Option<T> {
        let row = self.rows.remove(&id)?;
        self.by_update.remove(&(row.updated(), id));
        for key in row.keys() {
            if let Some(ids) = self.by_key.get_mut(&key) {
                ids.retain(|held| *held != id);
                if ids.is_empty() {
                    self.by_key.remove(&key);
                }
            }
        }
        Some(row)
    }

    /// The object of this id.
    pub fn get(&self, id: Uuid) -> Option<&T> {
        self.rows.get(&id)
    }

    /// The objects that have this key.
    pub fn find<'a>(&'a self, key: &str) -> impl Iterator<Item = &'a T> + use<'a, T> {
        self.by_key
            .get(key)
            .into_iter()
            .flatten()
            .filter_map(|id| self.rows.get(id))
    }

    /// All objects, oldest change first, then by id.
    pub fn oldest_first(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.by_update
            .iter()
            .filter_map(|(_, id)| self.rows.get(id))
    }

    /// The objects changed at `since` or later, oldest change first, then by id.
    pub fn changed_since(&self, since: Timestamp) -> impl Iterator<Item = &T> {
        self.by_update
            .range((since, Uuid::nil())..)
            .filter_map(|(_, id)| self.rows.get(id))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

impl<T: Held> Serialize for Shelf<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.oldest_first())
    }
}

impl<'de, T: Held> Deserialize<'de> for Shelf<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut shelf = Self::default();
        for row in Vec::<T>::deserialize(deserializer)? {
            shelf.put(row);
        }
        Ok(shelf)
    }
}

/// Key of a contact's name.
pub(crate) fn name_key(name: &str) -> String {
    format!("name:{}", name.trim().to_lowercase())
}

/// Key of the documents of a contact.
pub(crate) fn contact_key(contact: Uuid) -> String {
    format!("contact:{contact}")
}

/// Key of what was paid or allocated to a document.
fn document_key(document: Uuid) -> String {
    format!("document:{document}")
}

/// Key of a document or contact number.
pub(crate) fn number_key(number: &str) -> String {
    format!("number:{}", number.trim().to_lowercase())
}

impl Held for Contact {
    fn id(&self) -> Uuid {
        self.id
    }

    fn updated(&self) -> Timestamp {
        self.updated
    }

    fn keys(&self) -> Vec<String> {
        let mut keys = vec![name_key(&self.name)];
        if !self.contact_number.is_empty() {
            keys.push(number_key(&self.contact_number));
        }
        keys
    }
}

impl Held for CreditNote {
    fn id(&self) -> Uuid {
        self.id
    }

    fn updated(&self) -> Timestamp {
        self.body.updated
    }

    fn keys(&self) -> Vec<String> {
        let mut keys = document_keys(self.body.contact, &self.credit_note_number);
        for allocation in &self.allocations {
            let key = document_key(allocation.invoice);
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        keys
    }
}

impl Held for Invoice {
    fn id(&self) -> Uuid {
        self.id
    }

    fn updated(&self) -> Timestamp {
        self.body.updated
    }

    fn keys(&self) -> Vec<String> {
        document_keys(self.body.contact, &self.invoice_number)
    }
}

fn document_keys(contact: Uuid, number: &str) -> Vec<String> {
    let mut keys = vec![contact_key(contact)];
    if !number.is_empty() {
        keys.push(number_key(number));
    }
    keys
}

impl Held for Payment {
    fn id(&self) -> Uuid {
        self.id
    }

    fn updated(&self) -> Timestamp {
        self.updated
    }

    fn keys(&self) -> Vec<String> {
        let (Paid::Invoice(id) | Paid::CreditNote(id)) = self.paid;
        vec![document_key(id), name_key(&self.reference)]
    }
}

impl Held for ManualJournal {
    fn id(&self) -> Uuid {
        self.id
    }

    fn updated(&self) -> Timestamp {
        self.updated
    }

    fn keys(&self) -> Vec<String> {
        vec![name_key(&self.narration)]
    }
}

/// Something that stands on a shelf of an organisation.
pub(crate) trait Kept: Held + Clone + 'static {
    fn shelf(organisation: &Organisation) -> &Shelf<Self>;
    fn shelf_mut(organisation: &mut Organisation) -> &mut Shelf<Self>;
}

macro_rules! kept {
    ($($sort:ty: $shelf:ident),+ $(,)?) => {
        $(impl Kept for $sort {
            fn shelf(organisation: &Organisation) -> &Shelf<Self> {
                &organisation.$shelf
            }

            fn shelf_mut(organisation: &mut Organisation) -> &mut Shelf<Self> {
                &mut organisation.$shelf
            }
        })+
    };
}

kept! {
    Contact: contacts,
    CreditNote: credit_notes,
    Invoice: invoices,
    Payment: payments,
    ManualJournal: manual_journals,
}
