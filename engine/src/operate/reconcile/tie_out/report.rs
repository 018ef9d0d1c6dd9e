//! What is asked, and what comes of it.

use std::collections::BTreeMap;

use jiff::civil::Date;
use ledgerline_plugin_api::manifest::HeldState;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::store::{EntryId, State};

/// What to tie out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TieOutRequest {
    /// Code of the stock account in the target.
    pub account: String,
    /// What stock is worth on the day.
    pub valuation: Exported,
    /// The day; absent: today in the source's zone.
    #[serde(default)]
    pub on: Option<Date>,
    /// The day from whose end on documents explain; absent: the day before the source's cut-over.
    #[serde(default)]
    pub opening_day: Option<Date>,
    /// What stock was worth at the end of that day.
    #[serde(default)]
    pub opening: Option<Exported>,
    /// The connection whose stock it is, where several have one.
    #[serde(default)]
    pub source: Option<String>,
    /// The connection whose account it is, where there are several.
    #[serde(default)]
    pub target: Option<String>,
}

/// An exported file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exported {
    /// Name, for people.
    pub name: String,
    /// All of it.
    pub text: String,
}

/// Why stock and the account differ by a document. The order is that of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Goods moved, and the document is not in the books: received and not billed, dispatched and not invoiced.
    MovedNotBilled,
    /// It is in the books, and the goods did not move: billed and not received, invoiced and not dispatched.
    BilledNotMoved,
    /// It should be in the books and is not.
    NotPosted,
    /// The target holds it, not posted: a draft, or waiting for approval.
    Unposted,
    /// Goods were sold or came back, and nobody says what they cost.
    NotCosted,
    /// In both, with another value.
    OtherAmount,
    /// In both, and one of them outside the two days.
    OtherDay,
    /// Posted by a route whose documents move no stock.
    OtherRoute,
    /// Posted by somebody else.
    NotOurs,
    /// The account moved by more than the documents that can be read.
    Unread,
}

impl Kind {
    /// Its name, as in JSON and CSV.
    pub fn name(self) -> &'static str {
        match self {
            Self::MovedNotBilled => "moved-not-billed",
            Self::BilledNotMoved => "billed-not-moved",
            Self::NotPosted => "not-posted",
            Self::Unposted => "unposted",
            Self::NotCosted => "not-costed",
            Self::OtherAmount => "other-amount",
            Self::OtherDay => "other-day",
            Self::OtherRoute => "other-route",
            Self::NotOurs => "not-ours",
            Self::Unread => "unread",
        }
    }
}

/// A document by which stock and the account differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// Why.
    pub kind: Kind,
    /// The same for people: `received, not billed`.
    pub list: String,
    /// What sort of document it is: `purchase order`.
    pub document: String,
    /// Its entry.
    pub entry: Option<EntryId>,
    /// Where the entry stands.
    pub state: Option<State>,
    /// The number people know it by.
    pub number: Option<String>,
    /// Counterparty.
    pub party: Option<String>,
    /// The day on which goods moved.
    pub moved: Option<Date>,
    /// The day of its document, as the source has it.
    pub billed: Option<Date>,
    /// Its day in the target.
    pub posted: Option<Date>,
    /// The target's id.
    pub target: Option<String>,
    /// State there.
    pub held: Option<HeldState>,
    /// What stock holds of it between the two days; none where nobody says.
    pub stock: Option<Decimal>,
    /// What the account holds of it between the two days.
    pub books: Decimal,
    /// What it explains: the one less the other; none where the one is not known.
    pub amount: Option<Decimal>,
    /// What the goods are worth at the document's price, without tax, in the base currency.
    pub worth: Option<Decimal>,
    /// An estimate of what stock holds of it. It explains nothing.
    pub estimate: Option<Decimal>,
    /// Why it stands where it stands, in words.
    pub why: Option<String>,
    /// What to do, in words.
    pub remedy: Option<String>,
    /// The next command, ready to be typed.
    pub next: Option<String>,
}

/// Documents of one list, added up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Why stock and the account differ by them.
    pub kind: Kind,
    /// The same for people.
    pub list: String,
    /// Documents.
    pub count: u64,
    /// Of them, those of which nobody says what they cost.
    pub unknown: u64,
    /// What the others explain.
    pub amount: Decimal,
    /// What those of unknown cost are worth at their documents' price, as far as that is known.
    pub worth: Decimal,
    /// Estimates of their cost, as far as there are any.
    pub estimate: Decimal,
}

/// Stock and account at the end of the day before the first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opening {
    /// The day.
    pub day: Date,
    /// What stock was worth; none where no file says.
    pub stock: Option<Decimal>,
    /// What the account held.
    pub books: Decimal,
    /// The one less the other.
    pub difference: Option<Decimal>,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TieOutReport {
    /// Code of the account.
    pub account: String,
    /// Its name.
    pub account_name: String,
    /// The connection whose stock it is.
    pub source: String,
    /// The connection whose account it is.
    pub target: String,
    /// Base currency; empty where nobody says.
    pub currency: String,
    /// The day.
    pub on: Date,
    /// The engine's present, milliseconds since the epoch.
    pub at: i64,
    /// Name of the file.
    pub valuation: String,
    /// Products in it.
    pub products: u64,
    /// What stock is worth by the file.
    pub stock: Decimal,
    /// What the account holds.
    pub books: Decimal,
    /// The one less the other.
    pub difference: Decimal,
    /// What it all began with.
    pub opening: Opening,
    /// Lists, worst first.
    pub groups: Vec<Group>,
    /// Every document by which the two differ, in order of the lists.
    pub items: Vec<Item>,
    /// Documents that moved stock between the two days and are in the books with the same value.
    pub agree: u64,
    /// What neither the beginning nor a document explains.
    pub rest: Decimal,
    /// Every sum is exact.
    pub exact: bool,
    /// Connections that could not be read, in plain words.
    pub unread: BTreeMap<String, String>,
    /// What was not looked at, or could not be read, in plain words.
    pub remarks: Vec<String>,
}

/// How it all stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TieOutVerdict {
    /// Stock and account are equal, and no document stands between them.
    Agrees,
    /// Documents explain the difference to the cent.
    Explained,
    /// Something is left over, or the cost of something is not known.
    Rest,
    /// A connection could not be read.
    Unread,
}

impl TieOutReport {
    /// How it all stands; the worst is told.
    pub fn verdict(&self) -> TieOutVerdict {
        if !self.unread.is_empty() {
            TieOutVerdict::Unread
        } else if !self.rest.is_zero() || !self.exact || self.unknown() > 0 {
            TieOutVerdict::Rest
        } else if self.difference.is_zero() && self.items.is_empty() {
            TieOutVerdict::Agrees
        } else {
            TieOutVerdict::Explained
        }
    }

    /// Documents of which nobody says what they cost.
    pub fn unknown(&self) -> u64 {
        self.groups.iter().map(|it| it.unknown).sum()
    }
}
