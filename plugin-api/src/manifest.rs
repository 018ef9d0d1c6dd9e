//! What a connector says about itself: one manifest, written as TOML beside its source and embedded
//! in the library as JSON.
//!
//! The engine decides everything that it can from this alone: which streams exist, how big a batch
//! may be, how a document is found again, which answers mean "slow down". So a new connector needs
//! no change to the engine. Fields that hold *jq* are compiled when the configuration loads; the
//! connector's own prelude is in scope as `NAME::function`, dashes of the name turned to underscores.

mod settling;
mod stock;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use settling::{Reversal, Settled, Settles};
pub use stock::{Ledger, Stock};

/// The manifest of one connector.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Manifest {
    /// Name by which connections ask for it: lower case, digits and dashes.
    pub name: String,
    /// Name for people.
    pub title: String,
    /// Semantic version of the connector; the build fills it in from the package when left out.
    #[serde(default)]
    pub version: String,
    /// Engine versions whose *behaviour* it needs, a semver requirement. Layout is the ABI's matter.
    #[serde(default)]
    pub engine: Option<String>,
    /// Version of the cursors that this connector writes.
    #[serde(default = "one")]
    pub state_version: u32,
    /// Versions of stored cursors that it can still read.
    #[serde(default = "only_one")]
    pub reads_state: Vec<u32>,
    /// Host names it may call, beside the host of its base URL. Nothing else is ever reached.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// Where the API lives unless the connection says otherwise.
    #[serde(default)]
    pub base_url: Option<String>,
    /// JSON Schema of the connection's `settings`.
    #[serde(default)]
    pub settings: serde_json::Value,
    /// Name of the setting that says from which day on documents are read. The engine fills it in from
    /// the connection's start date, and gives an earlier day to load what lies before. Absent: every
    /// document is read, whatever its date.
    #[serde(default)]
    pub start_setting: Option<String>,
    /// Credential slots, by name. Requests name a slot; the engine alone holds the secret.
    #[serde(default)]
    pub auth: BTreeMap<String, AuthSlot>,
    /// How calls are tied to one account of the vendor.
    #[serde(default)]
    pub pin: Option<Pin>,
    /// Call budgets: `account` is per connection, `app` per registered client.
    #[serde(default)]
    pub budget: BTreeMap<String, Budget>,
    /// Whether, and how, the remote side recognises a repeated call.
    #[serde(default)]
    pub idempotency: Option<Idempotency>,
    /// What HTTP answers mean.
    #[serde(default)]
    pub answers: Answers,
    /// jq module with the vendor's quirks, bound as `NAME::`.
    #[serde(default)]
    pub prelude: String,
    /// Stream, read from files, of what stock is worth: a document for each product, whose `total` is the
    /// value of all that is there of it, in the base currency.
    #[serde(default)]
    pub valuation: Option<String>,
    /// Kinds of documents, by plural name.
    pub streams: BTreeMap<String, Stream>,
}

fn one() -> u32 {
    1
}
fn only_one() -> Vec<u32> {
    vec![1]
}

/// How a slot's secret is put on a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum AuthSlot {
    /// `Authorization: Basic`, from the credential's `username` and `password`.
    #[serde(rename_all = "kebab-case")]
    Basic {},
    /// `Authorization: Bearer`, from the credential's `token`. Header and scheme may be others, and may
    /// be left to the connection's settings, where accounts of a vendor differ in them.
    #[serde(rename_all = "kebab-case")]
    Bearer {
        /// Header name.
        #[serde(default = "authorization")]
        header: String,
        /// Word before the token; empty for the token alone.
        #[serde(default = "bearer")]
        scheme: String,
        /// Setting of the connection whose text takes the place of `header`.
        #[serde(default)]
        header_setting: Option<String>,
        /// Setting of the connection whose text takes the place of `scheme`.
        #[serde(default)]
        scheme_setting: Option<String>,
    },
    /// One header for each pair: header name → field of the credential.
    #[serde(rename_all = "kebab-case")]
    Headers {
        /// Header name → credential field.
        headers: BTreeMap<String, String>,
    },
    /// OAuth 2. The token set belongs to the app and is shared by its connections.
    #[serde(rename_all = "kebab-case")]
    Oauth2 {
        /// Grants it offers, of `authorization-code` and `client-credentials`.
        grants: Vec<String>,
        /// Path or absolute URL; a path is joined to the connection's base URL when that is overridden.
        authorize_url: String,
        /// As above.
        token_url: String,
        /// As above.
        #[serde(default)]
        revoke_url: Option<String>,
        /// Path below the base URL that gives one account of a consent back, called with DELETE:
        /// `{consent}` is replaced by the account's `consent`, as DISCOVER told it.
        #[serde(default)]
        disconnect_url: Option<String>,
        /// Scopes asked for unless the app says otherwise.
        #[serde(default)]
        scopes: Vec<String>,
        /// Whether the client identifies itself with Basic (`true`) or in the form.
        #[serde(default = "yes")]
        client_in_basic: bool,
        /// Seconds before expiry at which a token is renewed.
        #[serde(default = "renew_before")]
        renew_before_seconds: u32,
    },
}

fn authorization() -> String {
    "Authorization".to_owned()
}
fn bearer() -> String {
    "Bearer".to_owned()
}
fn yes() -> bool {
    true
}
fn renew_before() -> u32 {
    120
}

/// The header that names the account a call is meant for. The engine sets it on every call that
/// carries a credential; the connector cannot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Pin {
    /// Header name.
    pub header: String,
    /// A connection without a pinned account may call (vendors with one account a credential).
    #[serde(default)]
    pub optional: bool,
}

/// Limits of one budget; absent means unlimited. A minute is a fixed window where an answer's header
/// tells what is left of it; where none does, no stretch of a minute holds more calls than allowed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Budget {
    /// Calls in flight at once.
    #[serde(default)]
    pub concurrent: Option<u32>,
    /// Calls a second.
    #[serde(default)]
    pub second: Option<u32>,
    /// Calls a minute.
    #[serde(default)]
    pub minute: Option<u32>,
    /// Calls a day.
    #[serde(default)]
    pub day: Option<u32>,
    /// Answer header that says how many calls are left this minute.
    #[serde(default)]
    pub minute_left: Option<String>,
    /// Answer header that says how many calls are left today.
    #[serde(default)]
    pub day_left: Option<String>,
}

/// How the remote side recognises a repeated writing call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Idempotency {
    /// Header that carries the key.
    pub header: String,
    /// Longest key, in characters.
    pub max_length: u32,
    /// Seconds for which the remote side remembers a key.
    pub life_seconds: u32,
}

/// Which answers mean what, where status codes alone mislead.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Answers {
    /// Statuses that mean "slow down"; 429 always does.
    #[serde(default)]
    pub slow_down: Vec<u16>,
    /// Words in an answer of any status that mean "slow down", in any case. Looked for in bodies of up
    /// to 1,000 bytes: longer ones are documents, which may quote them.
    #[serde(default)]
    pub slow_down_text: Option<String>,
    /// Header that names the exhausted window; its value begins with `minute`, `day`, `concurrent`
    /// or anything else for the app's.
    #[serde(default)]
    pub window_header: Option<String>,
    /// Statuses, beside 502, 503 and 504, after which a safe call is tried again.
    #[serde(default)]
    pub try_again: Vec<u16>,
    /// Body fragment of a 401 that a fresh access token cures. Empty: every 401 is tried once with one.
    #[serde(default)]
    pub expired_token: Option<String>,
    /// Statuses that mean that the account is no longer reachable with this credential.
    #[serde(default)]
    pub disconnected: Vec<u16>,
}

/// What may be done with a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Op {
    /// Documents can be read, all or since a cursor.
    Pull,
    /// Documents can be written.
    Push,
    /// Documents can be looked up by id or number.
    Find,
}

/// How a document is found again after its answer was lost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Find {
    /// By its number.
    Number,
    /// By reading what changed since the intent.
    ModifiedSince,
    /// Not at all: an uncertain document waits for a person.
    #[default]
    None,
}

/// One kind of document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Stream {
    /// Name for people, in the singular: `credit note`.
    pub title: String,
    /// What may be done with it.
    pub ops: Vec<Op>,
    /// JSON Schema of one document: for push what is sent, else what is read.
    #[serde(default)]
    pub schema: serde_json::Value,
    /// jq: the document's id in this system, as text.
    #[serde(default)]
    pub key: Option<String>,
    /// jq: the number people know it by.
    #[serde(default)]
    pub number: Option<String>,
    /// jq: the accounting date, `YYYY-MM-DD`. `$settings` is bound.
    #[serde(default)]
    pub date: Option<String>,
    /// jq: the total that the books should show, positive for a credit. On a push stream: what this
    /// system will compute by its own rounding from the document that is sent.
    #[serde(default)]
    pub total: Option<String>,
    /// jq: ISO code of the currency; null is the account's base currency.
    #[serde(default)]
    pub currency: Option<String>,
    /// jq: who it is with, for people.
    #[serde(default)]
    pub party: Option<String>,
    /// jq: true when the system itself already marks the document as taken into the books. A document
    /// so marked that was not sent by this deployment is looked for in the target, never sent.
    #[serde(default)]
    pub imported: Option<String>,
    /// jq: when it was marked so (RFC 3339), to notice a second poster after the start date.
    #[serde(default)]
    pub imported_at: Option<String>,
    /// A small list that other streams refer to (accounts, tax rates), kept and refreshed for checks.
    #[serde(default)]
    pub reference: bool,
    /// Read again before every run, however fresh (lock dates).
    #[serde(default)]
    pub always_fresh: bool,
    /// Limits of a batch.
    #[serde(default)]
    pub batch: Option<Batch>,
    /// How a document is found again.
    #[serde(default)]
    pub find: Find,
    /// Paths of which all must agree before a found document is taken for ours.
    #[serde(default)]
    pub identity: Vec<String>,
    /// jq over this system's form of a document: the total it shows. Absent: `total`.
    #[serde(default)]
    pub held_total: Option<String>,
    /// jq over this system's form of a document: its state there, one of the keys of `states`.
    #[serde(default)]
    pub state: Option<String>,
    /// Vendor state → what people are shown.
    #[serde(default)]
    pub states: BTreeMap<String, HeldState>,
    /// Web address of a document for people; `{id}` and `{number}` are replaced.
    #[serde(default)]
    pub link: Option<String>,
    /// How linked documents are updated.
    #[serde(default)]
    pub update: Option<Update>,
    /// How a posted document is taken back by one of its kind, for routes that say so. Absent: it cannot be.
    #[serde(default)]
    pub reversal: Option<Reversal>,
    /// What a document is settled with, where an edit may have to take that off first. Absent: nothing is
    /// ever taken off.
    #[serde(default)]
    pub settled: Option<Settled>,
    /// Of payments: what they settle, and which of them stay whatever a person says.
    #[serde(default)]
    pub settles: Option<Settles>,
    /// Rules over reference lists, checked before a call is spent.
    #[serde(default)]
    pub checks: Vec<Check>,
    /// How a difference of cents is put right.
    #[serde(default)]
    pub rounding: Option<RoundingRules>,
    /// Which documents of a reference list may stand for one of a source (contacts).
    #[serde(default)]
    pub life: Option<Life>,
    /// What a counterparty owes and is owed.
    #[serde(default)]
    pub balances: Option<Balances>,
    /// Its documents come from exported files, which the engine reads; the connector is not asked.
    #[serde(default)]
    pub files: Option<Files>,
    /// On a stream that is pulled from: what its documents do to the value of stock.
    #[serde(default)]
    pub stock: Option<Stock>,
    /// jq over this system's form of a document: its lines in the ledger, `[{account, amount}]`, in the base
    /// currency, debits above zero. Of a document that is posted; the state is looked at elsewhere.
    #[serde(default)]
    pub postings: Option<String>,
    /// The documents of this stream are the accounts' balances on a day.
    #[serde(default)]
    pub ledger: Option<Ledger>,
}

/// What stands in an exported file (CSV with a row of column names), for what a vendor's API does not tell.
/// Rows that agree in `by` are one document: `{"rows": [{"COLUMN": …}, …]}`, in the order of the file, and
/// what stands in `by` is its id.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Files {
    /// Column → what its cells hold. A connection may say that its export calls a column otherwise.
    pub columns: BTreeMap<String, Cell>,
    /// Columns that a file may lack, and whose cells may be empty: null.
    #[serde(default)]
    pub optional: Vec<String>,
    /// Columns whose values name a document.
    pub by: Vec<String>,
}

/// What the cells of a column hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Cell {
    /// Text, as it stands there.
    Text,
    /// A calendar date; `YYYY-MM-DD` in the document.
    Date,
    /// An exact decimal.
    Decimal,
}

/// Limits of one writing call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Batch {
    /// Documents in one call.
    pub documents: u32,
    /// Bytes of one call's body.
    pub bytes: u32,
}

/// State of a document in the target, as people see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum HeldState {
    /// Not posted.
    Draft,
    /// Not posted, handed to somebody.
    AwaitingApproval,
    /// Posted.
    Approved,
    /// Posted and settled.
    Paid,
    /// Taken back after posting.
    Voided,
    /// Taken away before posting.
    Deleted,
    /// A thing with no posting of its own that is in use (a contact).
    Active,
    /// A thing put out of use.
    Archived,
}

/// How a linked document is updated.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Update {
    /// Top-level fields that are never sent with an update.
    #[serde(default)]
    pub omit: Vec<String>,
    /// Top-level fields that no route may push either (bank details: a person confirms each).
    #[serde(default)]
    pub never: Vec<String>,
    /// Array field → the id that each of its elements keeps in the target.
    #[serde(default)]
    pub line_ids: BTreeMap<String, String>,
    /// Field paths that hold amounts: they change on an approved document only where the route allows.
    #[serde(default)]
    pub amounts: Vec<String>,
    /// Held states in which a document may still change.
    #[serde(default)]
    pub open_states: Vec<HeldState>,
}

/// One rule over reference lists. `keys` are read from the document (or from each element of
/// `each`); `refs` look documents up; `that` decides. The result is remembered for equal keys.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Check {
    /// Name of the rule, stable, for grouping: `account`.
    pub name: String,
    /// Field of an array whose elements are checked one by one; absent: the document itself.
    #[serde(default)]
    pub each: Option<String>,
    /// Name → jq over the document or element; the object of these is the input of `that`. A check
    /// whose keys are all null is passed over.
    pub keys: BTreeMap<String, String>,
    /// Name → reference document, bound as `$name`; null when there is none.
    #[serde(default)]
    pub refs: BTreeMap<String, Ref>,
    /// jq over the keys: true when all is well.
    pub that: String,
    /// Class of the problem.
    pub category: Category,
    /// jq giving the cause in plain words.
    pub cause: String,
    /// jq giving the remedy in plain words.
    pub remedy: String,
    /// jq giving what is waited for, the same for all documents with the same cause: `account 270`.
    pub waits_for: String,
}

/// A look-up into a reference stream of the same connector.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Ref {
    /// The stream.
    pub stream: String,
    /// Key name whose value must equal `by` of the reference document. Absent: the only document.
    #[serde(default)]
    pub key: Option<String>,
    /// jq over the reference document; absent: the stream's `key`.
    #[serde(default)]
    pub by: Option<String>,
}

/// jq filters from a document to the document whose total is larger by `$difference`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RoundingRules {
    /// By stating tax amounts on the lines; gives null where that is not possible.
    #[serde(default)]
    pub tax_amounts: Option<String>,
    /// By one labelled line; `$account` is the route's rounding account.
    #[serde(default)]
    pub line: Option<String>,
}

/// When a reference document may stand for one of a source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Life {
    /// jq: in use.
    pub active: String,
    /// jq: id of the document that it was merged into, or null.
    #[serde(default)]
    pub moved_to: Option<String>,
    /// What to do when it is out of use, in plain words.
    pub remedy: String,
}

/// jq over this system's form of a counterparty: amounts, null where it shows none. They are shown as
/// they stand here, never added up: systems disagree about their currency.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Balances {
    /// What the counterparty owes us.
    #[serde(default)]
    pub owed_to_us: Option<String>,
    /// What we owe it.
    #[serde(default)]
    pub owed_by_us: Option<String>,
    /// What it owes us and should have paid by now.
    #[serde(default)]
    pub overdue: Option<String>,
}

/// Class of a problem: who can mend it, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Category {
    /// The source document lacks something.
    SourceData,
    /// The counterparty is unknown, ambiguous, archived.
    Contact,
    /// An account, tax type, item, tracking option or currency.
    Mapping,
    /// Sums do not agree.
    Amount,
    /// The period is closed.
    LockedPeriod,
    /// The target already holds something with this number or name.
    Duplicate,
    /// The target document is in a state that forbids it, or was changed there.
    DocumentState,
    /// Plan, permission or role in the target.
    Permission,
    /// Credentials or the way to the system.
    Connection,
    /// Two systems post the same documents.
    Ownership,
    /// What should follow a synced document did not.
    FollowUp,
    /// A passing fault.
    Passing,
    /// We sent something malformed, or the connector misbehaved: ours to mend.
    Defect,
    /// A refusal whose words are not known.
    Unknown,
}

/// Why a document stopped, in words for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Problem {
    /// Class.
    pub category: Category,
    /// Path of the field it is about, when there is one.
    #[serde(default)]
    pub field: Option<String>,
    /// What is wrong.
    pub cause: String,
    /// What to do.
    pub remedy: String,
}

/// Answer of CHECK: the account that the credential and pin really reach.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct CheckReport {
    /// The account reached.
    pub account: Account,
    /// Permissions, scopes or features that the connection lacks, in plain words.
    #[serde(default)]
    pub missing: Vec<String>,
    /// Things to know, in plain words (lock dates, plan limits).
    #[serde(default)]
    pub notes: Vec<String>,
}

/// One account of the vendor.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Account {
    /// Lasting id: what a connection is pinned to.
    pub id: String,
    /// Name, which anyone can change.
    pub name: String,
    /// A demonstration account.
    #[serde(default)]
    pub demo: bool,
    /// ISO code; absent when the vendor does not tell.
    #[serde(default)]
    pub base_currency: Option<String>,
    /// IANA zone; absent when the vendor does not tell.
    #[serde(default)]
    pub zone: Option<String>,
    /// ISO code of the country; absent when the vendor does not tell.
    #[serde(default)]
    pub country: Option<String>,
    /// CHECK: what the vendor's plan is called; absent when the vendor does not tell.
    #[serde(default)]
    pub plan: Option<String>,
    /// CHECK: up to when the books are closed and to whom, in plain words. Empty: they are open;
    /// absent: the vendor does not tell.
    #[serde(default)]
    pub locks: Option<Vec<String>>,
    /// DISCOVER: the vendor's id of the consent's hold on this account, by which it is given back.
    #[serde(default)]
    pub consent: Option<String>,
}
