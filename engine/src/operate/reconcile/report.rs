//! What is asked, and what comes of it.

use std::collections::BTreeMap;

use jiff::civil::Date;
use ledgerline_plugin_api::manifest::HeldState;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::Period;
use crate::store::{EntryId, State};

/// What to compare.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReconcileRequest {
    /// Routes; empty means all that are enabled and have money on both sides.
    #[serde(default)]
    pub routes: Vec<String>,
    /// The days; absent: the present month in the zone of the first route's source.
    #[serde(default)]
    pub period: Option<Period>,
}

/// What became of one document. Each document of the period has exactly one; the worst comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// On both sides, and something of it differs.
    Different,
    /// Linked, but voided, deleted or no longer there in the target.
    Gone,
    /// In the source, not in the target.
    Missing,
    /// In the target, and no entry is linked to it.
    Extra,
    /// Linked, but the date on one side lies outside the period.
    OtherPeriod,
    /// Left out by a person, or from before the cut-over.
    Skipped,
    /// Left out by a rule.
    Excluded,
    /// On both sides, and equal.
    Agrees,
}

impl Class {
    /// Every class, worst first.
    pub const ALL: [Self; 8] = [
        Self::Different,
        Self::Gone,
        Self::Missing,
        Self::Extra,
        Self::OtherPeriod,
        Self::Skipped,
        Self::Excluded,
        Self::Agrees,
    ];

    /// Its name, as in JSON and CSV.
    pub fn name(self) -> &'static str {
        match self {
            Self::Different => "different",
            Self::Gone => "gone",
            Self::Missing => "missing",
            Self::Extra => "extra",
            Self::OtherPeriod => "other-period",
            Self::Skipped => "skipped",
            Self::Excluded => "excluded",
            Self::Agrees => "agrees",
        }
    }

    /// Whether somebody has to look at it.
    pub fn is_open(self) -> bool {
        !matches!(self, Self::Skipped | Self::Excluded | Self::Agrees)
    }
}

/// A document as its source has it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceSide {
    /// The number people know it by there.
    pub number: Option<String>,
    /// Accounting date.
    pub date: Option<Date>,
    /// Total, positive for what the document is for.
    pub total: Option<Decimal>,
    /// ISO code; the base currency where the source does not say, empty where nobody does.
    pub currency: String,
    /// Counterparty.
    pub party: Option<String>,
}

/// A document as the target holds it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetSide {
    /// The target's id.
    pub id: String,
    /// The number people know it by there.
    pub number: Option<String>,
    /// Accounting date.
    pub date: Option<Date>,
    /// Total that the target shows.
    pub total: Option<Decimal>,
    /// ISO code, as on the other side.
    pub currency: String,
    /// Counterparty.
    pub party: Option<String>,
    /// State there; none where it cannot be read.
    pub state: Option<HeldState>,
    /// It is in the ledger. A draft, or one that waits for approval, is not.
    pub posted: bool,
}

impl TargetSide {
    /// Whether the books hold it, posted or not.
    pub fn is_live(&self) -> bool {
        !matches!(self.state, Some(HeldState::Voided | HeldState::Deleted))
    }

    /// Whether the books of a period hold it.
    pub(super) fn lies_in(&self, period: &Period) -> bool {
        self.is_live() && self.date.is_some_and(|it| period.holds(it))
    }
}

/// One field in which the two sides differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// `date`, `total`, `currency`, `number`, the name of a link such as `contact`, `document`.
    pub field: String,
    /// What the source, or the link, says; none for nothing.
    pub source: Option<String>,
    /// What the target says; none for nothing.
    pub target: Option<String>,
}

/// One document of the period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// What became of it.
    pub class: Class,
    /// Its route; none for a document of the target that no entry is linked to.
    pub route: Option<String>,
    /// The target stream, as `CONNECTION/STREAM`.
    pub to: String,
    /// Its entry.
    pub entry: Option<EntryId>,
    /// Where the entry stands.
    pub state: Option<State>,
    /// As the source has it.
    pub source: Option<SourceSide>,
    /// As the target holds it.
    pub target: Option<TargetSide>,
    /// In what they differ.
    pub differences: Vec<Difference>,
    /// What it adds to the difference between the sides, by currency: what of it lies in the period
    /// in the source, less what does in the target.
    pub amounts: BTreeMap<String, Decimal>,
    /// Why, in words.
    pub why: Option<String>,
    /// What to do, in words.
    pub remedy: Option<String>,
    /// The next command, ready to be typed.
    pub next: Option<String>,
}

/// One class in a sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Which.
    pub class: Class,
    /// Documents.
    pub count: u64,
    /// Of them, those that the target holds and has not posted.
    pub unposted: u64,
    /// What they add to the difference.
    pub amount: Decimal,
}

/// Both sides of one route in one currency, and what explains their difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sum {
    /// The route; none for what the target holds and no entry is linked to.
    pub route: Option<String>,
    /// The target stream, as `CONNECTION/STREAM`.
    pub to: String,
    /// ISO code; empty where nobody says.
    pub currency: String,
    /// Sum of the source's documents dated in the period.
    pub source: Decimal,
    /// Sum of the target's posted documents dated in the period.
    pub posted: Decimal,
    /// Sum of the target's drafts, and of what waits for approval there, dated in the period.
    pub unposted: Decimal,
    /// Source less posted and unposted.
    pub difference: Decimal,
    /// What it is made of, worst first.
    pub parts: Vec<Part>,
    /// The parts add up to the difference, to the last digit.
    pub explained: bool,
    /// The difference less its parts.
    pub unexplained: Decimal,
}

/// A route that was compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compared {
    /// Name.
    pub name: String,
    /// Source as `CONNECTION/STREAM`.
    pub from: String,
    /// Target as `CONNECTION/STREAM`.
    pub to: String,
    /// Name of its documents for people, in the singular.
    pub title: String,
    /// Documents of the source without an accounting date: they belong to no period.
    pub undated: u64,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReconcileReport {
    /// The days.
    pub period: Period,
    /// The engine's present, milliseconds since the epoch.
    pub at: i64,
    /// What was compared, in order of work.
    pub routes: Vec<Compared>,
    /// Connections that could not be read, in plain words. Routes of theirs were not compared.
    pub unread: BTreeMap<String, String>,
    /// Documents of the target in the period that are of another kind than the routes make, by target
    /// stream: they are left out.
    pub other_kinds: BTreeMap<String, u64>,
    /// By route and currency.
    pub sums: Vec<Sum>,
    /// Every document, worst first.
    pub lines: Vec<Line>,
}

/// How it all stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Everything agrees, or was left out by a person or a rule.
    Agrees,
    /// Something is different, gone, missing, extra or in another period.
    Open,
    /// A difference is not explained by the documents.
    Unexplained,
    /// A connection could not be read.
    Unread,
}

impl ReconcileReport {
    /// How it all stands; the worst is told.
    pub fn verdict(&self) -> Verdict {
        if !self.unread.is_empty() {
            Verdict::Unread
        } else if self.sums.iter().any(|it| !it.explained) {
            Verdict::Unexplained
        } else if self.lines.iter().any(|it| it.class.is_open()) {
            Verdict::Open
        } else {
            Verdict::Agrees
        }
    }
}
