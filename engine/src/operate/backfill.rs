//! What a person asks for to load documents from before the cut-over, and what comes back.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::SyncReport;
use crate::store::Tally;

/// Which documents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackfillRequest {
    /// Routes; empty means all whose documents have a date.
    #[serde(default)]
    pub routes: Vec<String>,
    /// The first day.
    pub from: Date,
    /// The last day; the day before the cut-over when absent.
    #[serde(default)]
    pub to: Option<Date>,
    /// Sends them; without it they are read and counted.
    #[serde(default)]
    pub confirm: bool,
}

/// What a backfill would do, or did.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct BackfillReport {
    /// By route, in order of work.
    pub routes: Vec<BackfillRoute>,
    /// Connections that could not be used, in plain words.
    pub parked: BTreeMap<String, String>,
    /// Not everything was read, so nothing was sent: the same command goes on from there.
    pub unread: bool,
    /// The run that sent them; absent in a preview.
    pub sync: Option<SyncReport>,
}

/// What a backfill would do, or did, on one route.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct BackfillRoute {
    /// Name.
    pub route: String,
    /// The first day.
    pub from: Date,
    /// The last day: no later than the day before the cut-over.
    pub to: Date,
    /// Documents read for it.
    pub read: u64,
    /// Documents of these days that are not linked yet.
    pub documents: Tally,
    /// Of them those that the source marks as taken into the books: looked for in the target and
    /// linked, never sent.
    pub already: Tally,
    /// Documents to be created in the target, or that were.
    pub create: Tally,
    /// Documents to be updated in the target, or that were.
    pub update: Tally,
    /// Documents that stop, by state.
    pub stopped: BTreeMap<String, u64>,
    /// Calls that write those documents. What serves them (contacts, marks in the source) comes on top.
    pub calls: u64,
    /// Time that these calls take at least under the limits of the target's budget, in seconds.
    pub seconds: u64,
}
