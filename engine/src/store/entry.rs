//! What Ledgerline remembers of one document on one route.

use std::{collections::BTreeMap, fmt, str::FromStr};

use jiff::civil::Date;
use ledgerline_plugin_api::manifest::{HeldState, Problem};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// Names one entry: `ROUTE/SOURCE-ID`, as people type and read it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EntryId {
    /// Name of the route.
    pub route: String,
    /// Id of the document in its source.
    pub source: String,
}

impl EntryId {
    /// Joins the two halves.
    pub fn new(route: impl Into<String>, source: impl Into<String>) -> Self {
        Self {
            route: route.into(),
            source: source.into(),
        }
    }
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.route, self.source)
    }
}

impl FromStr for EntryId {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('/') {
            Some((route, source)) if !route.is_empty() && !source.is_empty() => {
                Ok(Self::new(route, source))
            }
            _ => Err(format!(
                "`{text}` is not an entry: write ROUTE/ID, as `list` shows it"
            )),
        }
    }
}

/// Where an entry stands. The order is that of the design; the numbers are stored for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum State {
    /// To be prepared and sent.
    Pending = 0,
    /// Stopped by something that the engine can re-check by itself.
    Waiting = 1,
    /// The intent is durable, the call is under way. Never stored on the entry itself: it is read
    /// from the open intents.
    Sending = 2,
    /// The target may or may not hold it; asked before anything is sent again.
    Uncertain = 3,
    /// Accepted; the target's id is known.
    Synced = 4,
    /// A passing fault; repeated by the engine.
    Failed = 5,
    /// Needs a person.
    Warning = 6,
    /// Left out by a person.
    Skipped = 7,
    /// Left out by a rule.
    Excluded = 8,
}

impl State {
    /// Every state, in order.
    pub const ALL: [Self; 9] = [
        Self::Pending,
        Self::Waiting,
        Self::Sending,
        Self::Uncertain,
        Self::Synced,
        Self::Failed,
        Self::Warning,
        Self::Skipped,
        Self::Excluded,
    ];

    /// Lower-case name, as in filters and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Waiting => "waiting",
            Self::Sending => "sending",
            Self::Uncertain => "uncertain",
            Self::Synced => "synced",
            Self::Failed => "failed",
            Self::Warning => "warning",
            Self::Skipped => "skipped",
            Self::Excluded => "excluded",
        }
    }

    /// Whether the entry is indexed because somebody, the engine or a person, has yet to act.
    pub fn needs_attention(self) -> bool {
        !matches!(self, Self::Synced | Self::Skipped | Self::Excluded)
    }
}

impl FromStr for State {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|it| it.name() == text)
            .ok_or_else(|| {
                let names: Vec<&str> = Self::ALL.iter().map(|it| it.name()).collect();
                format!("no state `{text}`; states are {}", names.join(", "))
            })
    }
}

/// What a stop is about, for grouping: entries with equal causes are one row, with count and money.
///
/// `key` is stable and machine-made (`entry:ROUTE/ID`, `account 270`, `require 2`); the problem's
/// words may differ between entries of one cause.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Cause {
    /// Stable key of the root cause.
    pub key: String,
}

impl Cause {
    /// The cause "that other entry is not there yet".
    pub fn entry(id: &EntryId) -> Self {
        Self {
            key: format!("entry:{id}"),
        }
    }

    /// The entry waited for, when that is the cause.
    pub fn as_entry(&self) -> Option<EntryId> {
        self.key
            .strip_prefix("entry:")
            .and_then(|it| it.parse().ok())
    }
}

/// Who or what changed an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Actor {
    /// The engine, by its rules.
    Engine,
    /// A person, by the name of the account that ran the command.
    Person(String),
}

/// One line of an entry's append-only history. Equal neighbours are counted, not repeated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When it happened (first), milliseconds since the epoch.
    pub at: i64,
    /// State before.
    pub from: Option<State>,
    /// State after.
    pub to: State,
    /// By whom.
    pub by: Actor,
    /// What happened, in a few plain words.
    pub what: String,
    /// The call that did it.
    pub call: Option<u64>,
    /// How often in a row.
    pub times: u32,
    /// When it happened last.
    pub last_at: i64,
}

/// Money of one document. `total` is positive for what the document is for; the type gives the sign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Money {
    /// Exact total in `currency`.
    pub total: Decimal,
    /// ISO code; empty when the source does not say.
    pub currency: String,
}

/// What the entry's document looked like in the source when it was last taken in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// The number people know it by in the source.
    pub number: Option<String>,
    /// Accounting date.
    pub date: Option<Date>,
    /// Total and currency.
    pub money: Option<Money>,
    /// Counterparty, for people.
    pub party: Option<String>,
}

/// What the target holds for the entry.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// The target's id: the link.
    pub id: String,
    /// State there, when it was last seen.
    pub state: Option<HeldState>,
    /// When it was last seen, milliseconds since the epoch.
    pub seen_at: i64,
    /// Body last sent, as JSON text; empty when nothing was sent (adopted by a person).
    pub sent: String,
    /// What the target answered, in push form, as JSON text: line ids, what it changed.
    pub answered: String,
    /// Fingerprint of `sent`.
    pub fingerprint: [u8; 16],
    /// Adopted (found or linked) instead of created by us.
    pub adopted: bool,
}

/// One document on one route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Where it stands.
    pub state: State,
    /// Since when, milliseconds since the epoch.
    pub since: i64,
    /// Version of the source document that this state is about.
    pub version: String,
    /// Facts for lists, groups and control totals.
    pub facts: Facts,
    /// The number it carries in the target, assigned once and kept for life.
    pub number: Option<String>,
    /// The link, once there is one.
    pub held: Option<Held>,
    /// Why it stopped.
    pub problem: Option<Problem>,
    /// The vendor's own words for it.
    pub words: Option<String>,
    /// Root cause for grouping, when stopped.
    pub cause: Option<Cause>,
    /// Things to know that did not stop it.
    pub notices: Vec<String>,
    /// Candidates offered to a person (target ids with what they are), when the question is which.
    pub candidates: Vec<Candidate>,
    /// Content hash of the mapping it was last prepared with.
    pub mapping: [u8; 8],
    /// Attempts since it last was pending.
    pub attempts: u32,
    /// Not before this instant (milliseconds since the epoch): when it was tried in vain, or its answer was lost
    /// more than once.
    pub not_before: i64,
    /// First instant at which a write of it may have happened and whose outcome is open.
    pub write_open_since: Option<i64>,
    /// Last instant until which that write may still be running.
    pub write_open_until: Option<i64>,
    /// Asked for by a person since it last settled: goes even on a manual route.
    pub requested: bool,
    /// A document of another route needs it (routes that offer documents only when needed).
    pub needed: bool,
    /// A person said that it is to be created although nothing, or no one thing, matches it.
    pub create_new: bool,
    /// History, oldest first.
    pub events: Vec<Event>,
}

/// Something in the target that may be meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// The target's id.
    pub id: String,
    /// What it is, for people.
    pub label: String,
    /// Why it is offered.
    pub why: String,
}

/// A source document, as the vendor gave it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    /// Its version in the source.
    pub version: String,
    /// When it was read, milliseconds since the epoch.
    pub read_at: i64,
    /// The vendor's own bytes (JSON). Empty when the source deleted it.
    pub body: Vec<u8>,
    /// The source took it away.
    pub deleted: bool,
}

/// Count and money of a set of entries.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// How many.
    pub count: u64,
    /// Money by currency.
    pub money: BTreeMap<String, Decimal>,
}

impl Tally {
    /// Adds one entry's money.
    pub fn add(&mut self, money: Option<&Money>) {
        self.count = self.count.saturating_add(1);
        self.change(money, Decimal::saturating_add);
    }

    /// Adds a whole set of entries.
    pub fn add_all(&mut self, count: u64, money: &BTreeMap<String, Decimal>) {
        self.count = self.count.saturating_add(count);
        for (currency, sum) in money {
            let money = Money {
                total: *sum,
                currency: currency.clone(),
            };
            self.change(Some(&money), Decimal::saturating_add);
        }
    }

    /// Takes one entry's money out again.
    pub fn remove(&mut self, money: Option<&Money>) {
        self.count = self.count.saturating_sub(1);
        self.change(money, Decimal::saturating_sub);
    }

    /// Currencies whose sum is zero are left out, so that a tally depends on what is in it and not
    /// on the order in which it came and went.
    fn change(&mut self, money: Option<&Money>, by: fn(Decimal, Decimal) -> Decimal) {
        let Some(money) = money else { return };
        let sum = self.money.get(&money.currency).copied().unwrap_or_default();
        let sum = by(sum, money.summable());
        if sum.is_zero() {
            self.money.remove(&money.currency);
        } else if let Some(held) = self.money.get_mut(&money.currency) {
            *held = sum;
        } else {
            self.money.insert(money.currency.clone(), sum);
        }
    }
}

impl Money {
    /// The total as tallies count it: within 10^15 and with 6 decimals, which every currency fits.
    ///
    /// A decimal holds 28 digits. Without a bound one absurd total would round or overflow the sum,
    /// and taking it out again would not restore what was there before.
    fn summable(&self) -> Decimal {
        let bound = Decimal::new(1_000_000_000_000_000, 0);
        self.total.clamp(-bound, bound).round_dp(6)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn money(total: &str, currency: &str) -> Money {
        Money {
            total: total.parse().unwrap(),
            currency: currency.into(),
        }
    }

    #[test]
    fn a_tally_depends_on_what_is_in_it_alone() {
        let absurd = money("79228162514264337593543950335", "AUD");
        let all = [
            money("10.00", "AUD"),
            money("-10", "AUD"),
            money("0.10", "NZD"),
            absurd.clone(),
            money("0.0000000000000000000000000001", "AUD"),
        ];
        let mut there = Tally::default();
        for _ in 0..3 {
            all.iter().for_each(|it| there.add(Some(it)));
        }
        there.add(None);
        assert_eq!(there.count, 16);
        assert_eq!(there.money["AUD"], Decimal::new(3_000_000_000_000_000, 0));
        for _ in 0..3 {
            all.iter().rev().for_each(|it| there.remove(Some(it)));
        }
        there.remove(None);
        assert_eq!(there, Tally::default());
    }

    #[test]
    fn entry_ids_are_read_as_they_are_shown() {
        for (text, source) in [("notes/1", "1"), ("notes/a/b", "a/b")] {
            let id: EntryId = text.parse().unwrap();
            assert_eq!(
                (id.route.as_str(), id.source.as_str()),
                ("notes", source),
                "{text}"
            );
            assert_eq!(id.to_string(), text);
            assert_eq!(Cause::entry(&id).as_entry(), Some(id), "{text}");
        }
        for text in ["", "notes", "/1", "notes/"] {
            assert!(text.parse::<EntryId>().is_err(), "{text}");
        }
    }
}
