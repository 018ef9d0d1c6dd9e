//! What a person may ask for, and what comes back.
//!
//! The command line makes these, in its own process or through the local socket of a running
//! engine; a dashboard will make the same ones. So there is one way to do each thing, and who did
//! it is always known.

use std::collections::BTreeMap;

use ledgerline_plugin_api::manifest::{CheckReport, HeldState};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{
    actions::Action,
    adopting::AdoptReport,
    backfill::{BackfillReport, BackfillRequest},
    balances::Balance,
    connect::{ConnectRequest, Connecting},
    linking::SuggestedLinks,
    reconcile::{
        ReconcileReport, ReconcileRequest,
        tie_out::{TieOutReport, TieOutRequest},
    },
    undo::UndoReport,
};
use crate::files::FileTrouble;
use crate::store::{CallRow, Entry, EntryId, Filter, Group, Listing, State, Tally, TotalsRow};

/// A request with the person who makes it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Signed {
    /// Name of the account that runs the command.
    pub by: String,
    /// The request.
    pub request: Request,
}

/// Everything that can be asked of an engine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "verb", rename_all = "kebab-case")]
pub enum Request {
    /// Pull, prepare and send.
    Sync(SyncRequest),
    /// Loads documents from before the cut-over.
    Backfill(BackfillRequest),
    /// Counts by route and state, causes, connections.
    Status,
    /// One page of entries.
    List {
        /// Which.
        filter: Filter,
        /// Where the page begins.
        after: Option<String>,
        /// Rows at most.
        limit: usize,
    },
    /// One entry with its document, history and calls.
    Show {
        /// Which.
        id: EntryId,
    },
    /// Makes stopped entries pending again and asks for them to be sent.
    Retry(Bulk),
    /// As retry, for skipped, excluded and synced ones too; a synced one is compared anew and
    /// updates its linked document, it never makes a second one.
    Reset(Bulk),
    /// Leaves entries out, with a reason.
    Skip(Bulk),
    /// Takes documents back in the target that the source took back, posted ones too.
    Void(Bulk),
    /// Takes back what a person did, as far as nothing was sent since.
    Undo {
        /// The action; absent for the latest one that was not taken back.
        action: Option<u64>,
        /// Only count.
        count_only: bool,
    },
    /// What people did last, the latest first.
    Actions,
    /// Takes a document that the target holds for an entry's own.
    Adopt {
        /// The entry.
        id: EntryId,
        /// The target's id; absent when there is exactly one candidate.
        target: Option<String>,
        /// Take it although type, contact, date, currency or total differ.
        anyway: bool,
    },
    /// As adopt, for every entry with one candidate that agrees.
    AdoptAll(Bulk),
    /// Questions that one target document answers, though not for certain.
    LinkSuggested,
    /// Says what becomes of a document that changed in its source and may not change in its target.
    Resolve {
        /// The entry.
        id: EntryId,
        /// What to do.
        how: Resolve,
        /// Why, for the history.
        #[serde(default)]
        reason: Option<String>,
    },
    /// Answers the question which target document an entry stands for.
    Link {
        /// Answers, several at once for an import.
        answers: Vec<LinkAnswer>,
    },
    /// The open questions of that kind.
    LinkQuestions,
    /// One step of connecting an account.
    Connect(ConnectRequest),
    /// Live look at every connection.
    Check,
    /// Sends a test message to those who are told what needs a person.
    NotifyTest {
        /// To this one alone.
        name: Option<String>,
    },
    /// Compares source, store and target of one period; nothing is sent.
    Reconcile(ReconcileRequest),
    /// Ties the stock account of a target out; nothing is sent.
    TieOut(TieOutRequest),
    /// Ends a running engine in order.
    Stop,
}

/// What to sync.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncRequest {
    /// Routes; empty means all that are enabled.
    #[serde(default)]
    pub routes: Vec<String>,
    /// Only these entries are sent ("upload selected"); everything is pulled and prepared.
    #[serde(default)]
    pub filter: Option<Filter>,
    /// Shows what would be sent; nothing is written anywhere.
    #[serde(default)]
    pub dry_run: bool,
    /// Confirms the first live run of the routes, and a connection's take-over from another poster.
    #[serde(default)]
    pub confirm: bool,
}

/// A change to many entries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bulk {
    /// Which.
    pub filter: Filter,
    /// Why, for the history.
    #[serde(default)]
    pub reason: Option<String>,
    /// Only count.
    #[serde(default)]
    pub count_only: bool,
}

/// What becomes of a difference between a source document and the target's that may not change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Resolve {
    /// The target's stays as it is until the source changes again.
    Keep,
    /// It became smaller: a credit of the difference.
    Credit {
        /// The difference as the person saw it; another one is refused.
        amount: Option<Decimal>,
    },
    /// It became larger: an additional document of the difference.
    Additional {
        /// The difference as the person saw it; another one is refused.
        amount: Option<Decimal>,
    },
    /// What we paid of it is taken off, it is edited, and is paid again.
    Reapply,
    /// Nothing yet: reads it in the target and says what can be done.
    Ask,
}

/// One answer to "which of these is it".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkAnswer {
    /// The entry.
    pub id: EntryId,
    /// What to do.
    pub to: LinkTo,
}

/// What an entry is linked to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LinkTo {
    /// This target document.
    Target(String),
    /// A new one.
    Create,
}

/// What came of a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "answer", content = "value", rename_all = "kebab-case")]
pub enum Answer {
    /// Of `sync`.
    Synced(Box<SyncReport>),
    /// Of `backfill`.
    Backfilled(Box<BackfillReport>),
    /// Of `status`.
    Status(Box<StatusReport>),
    /// Of `list`.
    List {
        /// The page.
        listing: Listing,
        /// The engine's present, milliseconds since the epoch.
        at: i64,
        /// What linked counterparties of the page owe and are owed, by `ROUTE/ID`.
        #[serde(default)]
        balances: BTreeMap<String, Balance>,
    },
    /// Of `show`.
    Entry(Box<EntryReport>),
    /// Of `retry`, `reset`, `skip`.
    Changed(Changed),
    /// Of `undo --list`.
    Actions(Vec<Action>),
    /// Of `undo`.
    Undone(Box<UndoReport>),
    /// Of `resolve`.
    Resolved {
        /// What was done, in words.
        what: String,
        /// Routes whose next run does it; none where nothing is to be sent.
        #[serde(default)]
        routes: Vec<String>,
    },
    /// Of `adopt` and `link`.
    Linked {
        /// How many entries were linked or marked for creation.
        linked: u64,
        /// What could not be done, per entry.
        refused: Vec<(EntryId, String)>,
        /// Entries of other routes that can go now.
        woken: u64,
    },
    /// Of `adopt` with a filter.
    Adopted(Box<AdoptReport>),
    /// Of `link --export`.
    Questions(Vec<Question>),
    /// Of `link --confirm-suggested`.
    Suggested(SuggestedLinks),
    /// Of `connect`.
    Connect(Connecting),
    /// Of `check`.
    Check(Vec<ConnectionReport>),
    /// Of `notify test`.
    Notified(Vec<Notified>),
    /// Of `reconcile`.
    Reconciled(Box<ReconcileReport>),
    /// Of `reconcile --account`.
    TiedOut(Box<TieOutReport>),
    /// Of `stop`.
    Stopping,
    /// The request could not be done.
    Refused {
        /// What is wrong, where, and what to do.
        message: String,
    },
}

/// How many entries a bulk change met.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Changed {
    /// Entries and money changed, or that would be.
    pub tally: Tally,
    /// Entries that matched but cannot be changed so, with the reason, by count.
    pub left: BTreeMap<String, u64>,
    /// It was only counted.
    pub counted_only: bool,
}

/// An entry that waits for a person to say what it stands for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Question {
    /// The entry.
    pub id: EntryId,
    /// The entry itself: its facts, problem, candidates.
    pub entry: Entry,
    /// What waits for it.
    pub waiting: Tally,
}

/// What one run did.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SyncReport {
    /// By route.
    pub routes: BTreeMap<String, RouteReport>,
    /// Calls by connection.
    pub calls: BTreeMap<String, CallCount>,
    /// Routes that did not send because their first live run is not confirmed.
    pub unconfirmed: Vec<Preview>,
    /// Connections that could not be used, in plain words.
    pub parked: BTreeMap<String, String>,
    /// What of exported files could not be read; their other rows went on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<FileTrouble>,
    /// What a dry run would send.
    pub planned: Vec<Planned>,
    /// It was a dry run.
    pub dry_run: bool,
    /// Something is left that the engine would do by itself later.
    pub unfinished: bool,
}

impl SyncReport {
    /// Whether anything came of it: a new or changed document, or one that the target has now.
    #[must_use]
    pub fn moved_on(&self) -> bool {
        self.routes.values().any(|it| {
            let arrived = [&it.created, &it.updated, &it.voided, &it.adopted];
            let counts = [it.new, it.changed, it.uncertain, it.found, it.not_found];
            arrived.iter().any(|it| it.count > 0) || counts.iter().any(|it| *it > 0)
        })
    }
}

/// What one run did on one route.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RouteReport {
    /// Source documents read.
    pub pulled: u64,
    /// There are more to read: a scheduled run reads for a while only, and goes on in the next.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub more: bool,
    /// New entries.
    pub new: u64,
    /// Entries whose document changed.
    pub changed: u64,
    /// Created in the target.
    pub created: Tally,
    /// Updated in the target.
    pub updated: Tally,
    /// Taken back in the target, because the source took them back.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub voided: Tally,
    /// Found in the target and taken for ours.
    pub adopted: Tally,
    /// Compared and found equal to what was sent: no call.
    pub unchanged: u64,
    /// Became uncertain: an answer was lost.
    pub uncertain: u64,
    /// Uncertain ones that the target turned out to hold.
    pub found: u64,
    /// Uncertain ones that it did not hold: sent again.
    pub not_found: u64,
    /// Stopped, by state.
    pub stopped: BTreeMap<String, u64>,
}

fn is_nothing(tally: &Tally) -> bool {
    tally.count == 0
}

/// Calls of one connection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallCount {
    /// Calls that read.
    pub reading: u64,
    /// Calls that may write.
    pub writing: u64,
    /// Bytes read.
    pub bytes: u64,
}

/// What the first live run of a route would do.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Preview {
    /// Route.
    pub route: String,
    /// Documents and money that would be created.
    pub create: Tally,
    /// Documents and money that would be updated.
    pub update: Tally,
    /// Writing calls that it takes.
    pub calls: u64,
}

/// One document that would be sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Planned {
    /// Entry.
    pub id: EntryId,
    /// `create` or `update`.
    pub action: String,
    /// Number in the target.
    pub number: Option<String>,
    /// The body, as JSON text.
    pub body: String,
}

/// The state of everything.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct StatusReport {
    /// Routes in order of work, with their titles for people.
    pub routes: Vec<RouteStatus>,
    /// Count and money by route, state and state in the target.
    pub totals: Vec<TotalsRow>,
    /// What is stopped, by cause, most money first.
    pub groups: Vec<GroupReport>,
    /// Connections.
    pub connections: Vec<ConnectionStatus>,
    /// Who is told of what needs a person.
    #[serde(default)]
    pub notify: Vec<NotifyStatus>,
    /// What of exported files could not be read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<FileTrouble>,
    /// The engine's present, milliseconds since the epoch.
    pub at: i64,
}

/// One route in `status`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RouteStatus {
    /// Name.
    pub name: String,
    /// Source as `CONNECTION/STREAM`.
    pub from: String,
    /// Target as `CONNECTION/STREAM`.
    pub to: String,
    /// Name of its documents for people, in the singular.
    pub title: String,
    /// `manual`, `every 5m`, …
    pub trigger: String,
    /// The first live run was confirmed.
    pub confirmed: bool,
    /// Next start, when it runs by itself.
    pub next: Option<String>,
}

/// A cause with the command that helps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GroupReport {
    /// The cause.
    pub group: Group,
    /// What the example waits for, when that is another entry: that entry's own problem stands here.
    pub root: Option<(EntryId, String)>,
    /// The next command, ready to be typed.
    pub next: String,
}

impl GroupReport {
    /// What is wrong, in plain words.
    pub fn says(&self) -> String {
        match (&self.root, &self.group.problem) {
            (Some((id, why)), _) => format!("{why} ({id})"),
            (None, Some(problem)) => problem.cause.clone(),
            (None, None) => self.group.cause.clone(),
        }
    }
}

/// One who is told what needs a person, in `status`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotifyStatus {
    /// Name.
    pub name: String,
    /// Receivers of the e-mail, or host of the webhook.
    pub to: String,
    /// When the last message was delivered, milliseconds since the epoch.
    pub last: Option<i64>,
    /// Why the last message could not be delivered.
    pub undelivered: Option<String>,
    /// Since when it could not.
    pub since: Option<i64>,
    /// Before this it is not tried again.
    pub again: Option<i64>,
}

/// What came of a test message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notified {
    /// Name of the receiver.
    pub name: String,
    /// Receivers of the e-mail, or host of the webhook.
    pub to: String,
    /// Why it did not arrive; absent when it was taken.
    pub error: Option<String>,
}

/// One connection in `status`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ConnectionStatus {
    /// Name.
    pub name: String,
    /// Plugin with version.
    pub plugin: String,
    /// Pinned account.
    pub account: Option<String>,
    /// Why it is parked, and until when.
    pub parked: Option<String>,
    /// Calls today, and how many are allowed.
    pub day_used: u32,
    /// Calls allowed a day.
    pub day_limit: Option<u32>,
    /// Age of the oldest reference list in seconds.
    pub reference_age: Option<u64>,
}

/// One entry with everything that is known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EntryReport {
    /// Its id.
    pub id: EntryId,
    /// The entry.
    pub entry: Entry,
    /// The source document as JSON text, byte for byte.
    pub document: Option<String>,
    /// What it would send now as JSON text, or why not.
    pub mapped: Result<String, String>,
    /// Its latest calls.
    pub calls: Vec<CallReport>,
    /// Web address of the source document.
    pub source_link: Option<String>,
    /// Web address of the target document.
    pub target_link: Option<String>,
    /// State in the target.
    pub held: Option<HeldState>,
    /// What the counterparty owes and is owed.
    #[serde(default)]
    pub balance: Option<Balance>,
    /// The group that it is in, as the route that sends it knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<GroupOf>,
    /// Of a group: what is in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<EntryId>,
    /// The next command, ready to be typed.
    pub next: Option<String>,
}

/// The group that a document is in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupOf {
    /// Its entry.
    pub id: EntryId,
    /// Where that stands.
    pub state: State,
    /// Its state in the target.
    pub held: Option<HeldState>,
    /// Its number in the target.
    pub number: Option<String>,
}

/// One kept call, as text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallReport {
    /// Its id.
    pub id: u64,
    /// When it left, milliseconds since the epoch.
    pub at: i64,
    /// How long it took, milliseconds.
    pub took: u32,
    /// HTTP method.
    pub method: String,
    /// URL.
    pub url: String,
    /// Documents that it covers.
    pub covers: usize,
    /// HTTP status; 0 when no answer came.
    pub status: u16,
    /// Body sent.
    pub request: String,
    /// Body answered, as far as it is kept.
    pub answer: String,
    /// Why no answer came.
    pub note: String,
}

impl CallReport {
    /// The call with its bodies as text.
    pub fn new(id: u64, call: CallRow) -> Self {
        Self {
            id,
            at: call.at,
            took: call.took,
            method: call.method,
            url: call.url,
            covers: call.entries.len(),
            status: call.status,
            request: String::from_utf8_lossy(&call.request).into_owned(),
            answer: String::from_utf8_lossy(&call.answer).into_owned(),
            note: call.note,
        }
    }
}

/// What `check` found on one connection.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConnectionReport {
    /// Name.
    pub connection: String,
    /// What the vendor says, or why it could not be asked.
    pub report: Result<CheckReport, String>,
    /// Rules that it breaks: wrong account, not a demonstration account, base currencies differ,
    /// accounts or tax types of tables that do not exist.
    pub problems: Vec<String>,
    /// Everything that was looked at, one by one.
    pub rows: Vec<CheckRow>,
}

/// One thing that `check` looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckRow {
    /// What: `base currency`, `table accounts`.
    pub what: String,
    /// How it stands.
    pub verdict: Verdict,
    /// What was found, or why nothing can be known.
    pub says: String,
    /// What to do.
    pub remedy: Option<String>,
}

/// How a thing stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// As it should.
    Ok,
    /// Nothing or not all can be sent like that.
    Wrong,
    /// It cannot be known now, or not at all.
    Unknown,
}

impl CheckRow {
    /// All is well.
    pub fn ok(what: impl Into<String>, says: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            verdict: Verdict::Ok,
            says: says.into(),
            remedy: None,
        }
    }

    /// Something is to be mended.
    pub fn wrong(
        what: impl Into<String>,
        says: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            what: what.into(),
            verdict: Verdict::Wrong,
            says: says.into(),
            remedy: Some(remedy.into()),
        }
    }

    /// Nobody knows, and why.
    pub fn unknown(what: impl Into<String>, why: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            verdict: Verdict::Unknown,
            says: why.into(),
            remedy: None,
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn by(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }
}
