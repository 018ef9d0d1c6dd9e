//! Checked configuration. Holding one of these means that every rule already passed; nothing here
//! has been opened or called yet.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use jiff::{civil::Date, tz::TimeZone};
use ledgerline_plugin_api::manifest::Budget;
use rust_decimal::Decimal;
use semver::VersionReq;
use url::Url;

use super::{
    findings::{Places, SourceFile},
    notify::Notify,
};
use crate::files::Form;

/// Name that stands for the outcomes of routes where a connection could stand.
pub const OUTCOMES: &str = "outcomes";

/// Name that stands for groups of documents where a connection could stand.
pub const GROUPS: &str = "groups";

/// A whole deployment: what `ledgerline.toml` and the files beside it say.
#[derive(Debug, Clone)]
pub struct Deployment {
    /// Folder that holds `ledgerline.toml`.
    pub folder: PathBuf,
    /// Folder of the store.
    pub store: PathBuf,
    /// Local socket of a running engine.
    pub socket: PathBuf,
    /// Folder of private copies of plugins and other state that can be made anew.
    pub state: PathBuf,
    /// File that holds the key for secrets; made when absent, mode 0600.
    pub key_file: PathBuf,
    /// Folders in which plugin libraries are looked for; absolute.
    pub plugin_folders: Vec<PathBuf>,
    /// `plugins.lock`.
    pub plugins_lock: PathBuf,
    /// Days for which calls are kept.
    pub keep_calls_days: u32,
    /// Registered clients by name.
    pub apps: BTreeMap<String, App>,
    /// Connections by name.
    pub connections: BTreeMap<String, Connection>,
    /// Routes by name.
    pub routes: BTreeMap<String, Route>,
    /// Mapping files by name (`acme/invoices`).
    pub mappings: BTreeMap<String, MappingFile>,
    /// Tables by name.
    pub tables: BTreeMap<String, Table>,
    /// Who is told of what needs a person, by name.
    pub notify: BTreeMap<String, Notify>,
    /// Helper program of a demonstration, from `demo.toml`.
    pub demo: Option<Demo>,
}

/// A registered client at a vendor, shared by connections.
#[derive(Debug, Clone)]
pub struct App {
    /// Name.
    pub name: String,
    /// OAuth grant in use: `authorization-code` or `client-credentials`.
    pub grant: String,
    /// Client id; not a secret.
    pub client_id: String,
    /// Client secret; absent for PKCE clients.
    pub client_secret: Option<SecretRef>,
    /// Scopes instead of the manifest's.
    pub scopes: Option<Vec<String>>,
    /// Where the vendor sends the browser back to after a consent, as registered with the app.
    pub redirect: Url,
    /// Limits instead of the manifest's `app` and `account` budgets (tiers).
    pub budget: BTreeMap<String, Budget>,
    /// Where its parts stand in `ledgerline.toml`, by path: `budget/account`.
    pub places: Places,
}

/// Where a secret comes from. Never the secret itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretRef {
    /// An environment variable.
    Env(String),
    /// A file; its mode must keep others out.
    File(PathBuf),
    /// The system's keyring: service and user.
    Keyring(String, String),
    /// Encrypted in the store, put there by a command.
    Store(String),
}

/// One account of one connector.
#[derive(Debug, Clone)]
pub struct Connection {
    /// Name.
    pub name: String,
    /// Name of the plugin.
    pub plugin: String,
    /// Connector versions accepted.
    pub version: VersionReq,
    /// Instead of the manifest's base URL.
    pub base_url: Option<Url>,
    /// Checked against the manifest's schema when the plugin is loaded. Defaults filled in then.
    pub settings: serde_json::Value,
    /// Name of the app whose tokens it uses.
    pub app: Option<String>,
    /// Credential fields by name (`username`, `password`, `token`, …), for slots without an app.
    pub credentials: BTreeMap<String, SecretRef>,
    /// The pinned account; may also be pinned by `connect` into the store.
    pub account: Option<String>,
    /// Writes go to a demonstration account or nowhere.
    pub demo_only: bool,
    /// Documents with an earlier accounting date are not taken over. Required of sources.
    pub start_date: Option<Date>,
    /// Base currency, where the vendor does not tell.
    pub base_currency: Option<String>,
    /// Zone of schedules of its routes.
    pub zone: TimeZone,
    /// Limits instead of the manifest's.
    pub budget: BTreeMap<String, Budget>,
    /// Longest time for one call.
    pub call_timeout: Duration,
    /// Time after a call's deadline before the target is asked what became of it (30 s).
    pub ask_after: Duration,
    /// Age at which reference lists are read again (15 min).
    pub reference_age: Duration,
    /// Age of a source document at which it is read again before a create (2 min).
    pub recheck_age: Duration,
    /// Record every exchange of this connection into this file, secrets absent.
    pub record: Option<PathBuf>,
    /// Exported files by stream.
    pub files: BTreeMap<String, FileDrop>,
    /// Where its parts stand in `ledgerline.toml`, by path: `plugin`, `settings/zone`.
    pub places: Places,
}

/// Where the exported files of a stream are dropped, and how they are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileDrop {
    /// Folder and name; `*` and `?` in the name stand for any text and any character.
    pub path: PathBuf,
    /// How they are written.
    pub(crate) form: Form,
}

impl FileDrop {
    /// Says what this export calls a column of the stream.
    pub fn call_column(&mut self, column: &str, called: &str) {
        let columns = &mut self.form.columns;
        columns.insert(column.to_owned(), called.to_owned());
    }
}

/// One end of a route.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Endpoint {
    /// Name of the connection, `outcomes` or `groups`.
    pub connection: String,
    /// Name of the stream, of the route whose outcomes are followed, or of the groups.
    pub stream: String,
}

impl Endpoint {
    /// The route whose outcomes this end follows; `None` for a stream of a connection.
    pub fn followed_route(&self) -> Option<&str> {
        (self.connection == OUTCOMES).then_some(self.stream.as_str())
    }

    /// Whether this end is groups of documents, which routes of this deployment make.
    pub fn is_groups(&self) -> bool {
        self.connection == GROUPS
    }
}

/// When a route runs.
#[derive(Debug, Clone)]
pub enum Trigger {
    /// Prepared by `run`, sent when a person says so.
    Manual,
    /// Again and again, this long after the last start.
    Every(Duration),
    /// By a cron pattern, in the source connection's zone.
    Cron(String),
}

/// What happens to cents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rounding {
    /// The policy.
    pub policy: RoundingPolicy,
    /// Largest difference that the policy may mend, in the document's currency.
    pub limit: Decimal,
    /// Account key for a rounding line.
    pub account: Option<String>,
}

/// What may be done about a difference between the source's total and the target's own sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoundingPolicy {
    /// Nothing: any difference above the limit holds the document.
    Hold,
    /// State tax amounts on the lines; hold when that is not enough.
    TaxAmounts,
    /// Tax amounts first, then one labelled line.
    Line,
}

/// What happens to a source document that no target document matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unmatched {
    /// A person links it or says that it is to be created.
    Ask,
    /// It is created.
    Create,
}

/// What becomes of a target document whose source document is void, deleted or no longer wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Voids {
    /// A person is asked: `ledgerline void`, or skip.
    Ask,
    /// What we made and nobody posted yet is taken back by itself; a person is asked about the rest.
    Drafts,
    /// What we made is taken back by itself, posted or not, as long as nothing is paid or applied.
    Always,
}

/// How a document that is in the target follows a change of its source document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replace {
    /// It is changed.
    Update,
    /// A posted one is reversed on its own date and replaced by a new one, in one call.
    Reverse,
}

/// How an entry fares, as a route that follows its route may be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fares {
    /// The target has it.
    Synced,
    /// It stopped by something that passes by itself or is mended elsewhere.
    Waiting,
    /// It stopped and needs a person.
    Warning,
    /// It became smaller, the target does not let it change, and a person wants the difference credited.
    Credit,
    /// It became larger likewise, and a person wants an additional document of the difference.
    Additional,
}

/// "This stream of this connection goes into that stream of that one."
#[derive(Debug, Clone)]
pub struct Route {
    /// Name: the file's.
    pub name: String,
    /// The file, for messages.
    pub file: SourceFile,
    /// Where documents come from.
    pub from: Endpoint,
    /// Where they go.
    pub to: Endpoint,
    /// Name of the mapping.
    pub mapping: String,
    /// When it runs.
    pub trigger: Trigger,
    /// Routes that read the same stream: each document goes by one of them at most.
    pub beside: Vec<String>,
    /// Routes that go first.
    pub after: Vec<String>,
    /// jq over the source document: the number for life.
    pub number: Option<String>,
    /// jq over the source document: the group that it belongs to; of routes into groups, and of no others.
    pub group_by: Option<String>,
    /// jq over the source document: numbers that another poster may have given it in the target.
    pub imported_number: Option<String>,
    /// Link name of the mapping → route whose entries are the links.
    pub links: BTreeMap<String, String>,
    /// What happens to cents.
    pub rounding: Rounding,
    /// Table name of the mapping → rows that replace or add to the shared table's.
    pub tables: BTreeMap<String, BTreeMap<String, serde_json::Value>>,
    /// Values for the mapping's `$options`.
    pub options: BTreeMap<String, serde_json::Value>,
    /// What happens without a match; only for mappings with `[match]`.
    pub unmatched: Unmatched,
    /// Which outcomes of the followed route are read; only for routes that follow one.
    pub outcomes: Vec<Fares>,
    /// Documents are only offered once another route's document needs them.
    pub only_when_needed: bool,
    /// Fields of a linked counterparty that follow the source when it alone changes them.
    pub push_changes: Vec<String>,
    /// Amounts on approved target documents may change.
    pub update_approved: bool,
    /// How posted documents of the target follow a change.
    pub replace: Replace,
    /// What becomes of a document that the source took back.
    pub voids: Voids,
    /// The first live run needs no `--confirm`.
    pub confirmed: bool,
    /// Documents in one call at most, below the stream's own limit.
    pub batch: Option<u32>,
    /// Attempts of a passing fault before a person is asked.
    pub attempts: u32,
    /// `false` leaves the route out of everything but `status`.
    pub enabled: bool,
    /// Where its parts stand in its file, by path: `from/stream`, `options/status`, `links/contact`.
    pub places: Places,
}

/// A mapping file as it stands on disk; compiled by `mapping` for each route that uses it.
#[derive(Debug, Clone)]
pub struct MappingFile {
    /// Name: path below `mappings/` without the ending.
    pub name: String,
    /// The file.
    pub file: SourceFile,
}

/// A value table: key → value, with an optional value for everything else.
#[derive(Debug, Clone)]
pub struct Table {
    /// Name.
    pub name: String,
    /// The file, for messages.
    pub file: SourceFile,
    /// Rows.
    pub rows: BTreeMap<String, serde_json::Value>,
    /// Value for keys without a row; absent: an unknown key stops the document.
    pub default: Option<serde_json::Value>,
}

/// A helper program that a demonstration starts.
#[derive(Debug, Clone)]
pub struct Demo {
    /// Program, looked for beside the running executable.
    pub program: String,
    /// Its arguments; `{config}` and `{state}` are replaced by folders, `{now}` by the instant.
    pub args: Vec<String>,
    /// Environment variables for the deployment: invented secrets of the helper.
    pub env: BTreeMap<String, String>,
    /// Instant that the demonstration takes for now.
    pub now: jiff::Timestamp,
    /// What the demonstration tells before and after, for people.
    pub story: Vec<String>,
    /// Longest time for one call to the helper, instead of the connections' own.
    pub call_timeout: Option<Duration>,
    /// Time after a lost call before the helper is asked, instead of the connections' own.
    pub ask_after: Option<Duration>,
    /// What happens after the first run, in order.
    pub acts: Vec<Act>,
    /// What the helper is asked after the run: label → path. A list is told by its length.
    pub proofs: BTreeMap<String, String>,
}

/// Something that people do between two runs of a demonstration; a run follows.
#[derive(Debug, Clone)]
pub struct Act {
    /// What is told of it.
    pub say: String,
    /// What the helper is told to do: path and body.
    pub tell: Vec<(String, String)>,
    /// Entries that a person resets: `ROUTE/ID`.
    pub reset: Vec<String>,
}
