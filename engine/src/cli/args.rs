//! The command line as it is typed. Parsing only; what the words mean is in one file a command.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueHint};
use jiff::civil::Date;
use rust_decimal::Decimal;

use crate::store::{EntryId, Filter, State};

/// Moves business documents between systems, exactly once, and shows what happened to each of them.
///
/// Exit codes: 0 nothing is left to do by itself (documents that need a person are counted, not an
/// error); 1 something unexpected failed; 2 the configuration is wrong; 3 the request cannot be done;
/// 4 pending, failed or uncertain documents remain; 5 a connection needs a person; 6 source and target
/// do not agree (`reconcile`).
#[derive(Debug, Parser)]
#[command(name = "ledgerline", version, propagate_version = true)]
pub(super) struct Cli {
    #[command(flatten)]
    pub(super) common: Common,
    #[command(subcommand)]
    pub(super) command: Command,
}

/// What every command takes.
#[derive(Debug, Clone, Args)]
pub(super) struct Common {
    /// Folder of the deployment, or its ledgerline.toml.
    #[arg(long, short = 'c', global = true, env = "LEDGERLINE_CONFIG", default_value = "config", value_hint = ValueHint::AnyPath)]
    pub(super) config: PathBuf,
    /// Works on the state of the demonstration instead of the deployment itself.
    #[arg(long, global = true)]
    pub(super) demo: bool,
    /// Answers as JSON, for programs.
    #[arg(long, global = true)]
    pub(super) json: bool,
    /// What is logged to standard error, as for RUST_LOG: `info`, `ledgerline=debug`.
    #[arg(long, global = true, env = "LEDGERLINE_LOG", default_value = "warn")]
    pub(super) log: String,
    /// No questions: yes to all of them.
    #[arg(long, short = 'y', global = true)]
    pub(super) yes: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Shows the whole thing at work: a stand-in for the vendors on loopback, the real plugins, a store on disk.
    Demo(DemoArgs),
    /// Runs as a service: each route when its trigger says so.
    Run,
    /// Pulls, prepares and sends: the upload button.
    Sync(SyncArgs),
    /// Loads documents from before the cut-over: a preview first, then with --confirm.
    Backfill(BackfillArgs),
    /// Counts, causes with their next step, connections.
    Status {
        /// Only the control totals, as CSV: route, document, state, posted, currency, count, total.
        #[arg(long)]
        csv: bool,
    },
    /// Lists entries.
    List(ListArgs),
    /// Shows one entry: document, what it sends, history, calls.
    Show {
        /// The entry: ROUTE/ID.
        id: EntryId,
    },
    /// Makes stopped entries pending again and sends them.
    Retry(BulkArgs),
    /// Takes entries back in whatever they were; linked ones update their document, never make a second one.
    Reset(BulkArgs),
    /// Leaves entries out, with a reason.
    Skip {
        #[command(flatten)]
        bulk: BulkArgs,
        /// Why, for the history.
        #[arg(long)]
        reason: String,
    },
    /// Takes documents back in the target that are void, deleted or unwanted in their source, posted ones
    /// too.
    Void(BulkArgs),
    /// Takes back what was done by retry, reset, skip, void, adopt or link: the latest action, or the one
    /// that is named. Entries that were sent or changed since stay, each with the reason.
    Undo(UndoArgs),
    /// Takes a document that the target holds for an entry's own: of one entry, or of all that are meant
    /// and have one candidate that agrees.
    Adopt(AdoptArgs),
    /// Settles the difference of a document that changed in its source and may not change in its target.
    /// Without a choice: reads it in the target and says which there are.
    Resolve(ResolveArgs),
    /// Says which target document an entry stands for: one by one, or all in a CSV file.
    Link(LinkArgs),
    /// Applies a mapping to a document and shows what made each field.
    Map(MapArgs),
    /// Runs the tests that stand in the mapping files.
    Test {
        /// Only this mapping.
        mapping: Option<String>,
    },
    /// Checks the configuration, the plugins and the live accounts.
    Check {
        /// Configuration and plugins only: no call is made.
        #[arg(long)]
        offline: bool,
    },
    /// Compares source, store and target of one period, document by document and in sums; sends nothing.
    Reconcile(ReconcileArgs),
    /// Connects a connection to an account of its vendor; run again, it goes on where it ended.
    Connect(ConnectArgs),
    /// Looks after the messages about what needs a person.
    #[command(subcommand)]
    Notify(NotifyCommand),
    /// Looks after plugins.
    #[command(subcommand)]
    Plugins(PluginsCommand),
    /// Looks after the store.
    #[command(subcommand)]
    Store(StoreCommand),
    /// Writes the JSON Schemas of all configuration files, which editors complete and check by.
    Schemas {
        /// The folder; `schemas` in the deployment's own when not given.
        #[arg(value_hint = ValueHint::DirPath)]
        folder: Option<PathBuf>,
    },
    /// Prints a completion script for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Args)]
pub(super) struct DemoArgs {
    /// Where the demonstration keeps its state.
    #[arg(long, value_hint = ValueHint::DirPath)]
    pub(super) state: Option<PathBuf>,
    /// Begin anew.
    #[arg(long)]
    pub(super) fresh: bool,
    /// Keeps the stand-in running after the summary, so that other commands can be tried.
    #[arg(long)]
    pub(super) stay: bool,
}

#[derive(Debug, Args)]
pub(super) struct SyncArgs {
    /// Routes; none means all.
    pub(super) routes: Vec<String>,
    #[command(flatten)]
    pub(super) selection: Selection,
    /// Shows what would be sent and spends no writing call.
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Confirms the first live run.
    #[arg(long)]
    pub(super) confirm: bool,
}

#[derive(Debug, Args)]
pub(super) struct BackfillArgs {
    /// Routes; none means all whose documents have a date.
    pub(super) routes: Vec<String>,
    /// The first day, such as 2024-07-01.
    #[arg(long, value_name = "DATE")]
    pub(super) from: Date,
    /// The last day; the day before the cut-over when not given.
    #[arg(long, value_name = "DATE")]
    pub(super) to: Option<Date>,
    /// Lifts the cut-over for these days and sends the documents.
    #[arg(long)]
    pub(super) confirm: bool,
}

/// Which entries are meant.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct Selection {
    /// Only this entry (ROUTE/ID); may be given several times.
    #[arg(long = "id")]
    pub(super) ids: Vec<EntryId>,
    /// Only this route; may be given several times.
    #[arg(long = "route", short = 'r')]
    pub(super) of_route: Vec<String>,
    /// Only entries in this state; may be given several times.
    #[arg(long = "state", short = 's')]
    pub(super) states: Vec<State>,
    /// Only this problem category, such as `contact` or `mapping`; may be given several times.
    #[arg(long = "category")]
    pub(super) categories: Vec<String>,
    /// Only entries stopped by this cause, as `status` and `list` show it.
    #[arg(long)]
    pub(super) cause: Option<String>,
    /// Only entries with this text in number or counterparty.
    #[arg(long)]
    pub(super) text: Option<String>,
}

impl Selection {
    pub(super) fn filter(&self) -> Filter {
        Filter {
            ids: self.ids.clone(),
            routes: self.of_route.clone(),
            states: self.states.clone(),
            categories: self.categories.clone(),
            cause: self.cause.clone(),
            text: self.text.clone(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.filter() == Filter::default()
    }
}

#[derive(Debug, Args)]
pub(super) struct ListArgs {
    #[command(flatten)]
    pub(super) selection: Selection,
    /// Rows at most.
    #[arg(long, default_value_t = 50)]
    pub(super) limit: usize,
    /// Goes on where an earlier list ended.
    #[arg(long)]
    pub(super) after: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct BulkArgs {
    /// Entries: ROUTE/ID.
    pub(super) entries: Vec<EntryId>,
    #[command(flatten)]
    pub(super) selection: Selection,
    /// Every entry that is stopped.
    #[arg(long, conflicts_with = "entries")]
    pub(super) all: bool,
    /// Only counts.
    #[arg(long)]
    pub(super) count: bool,
}

#[derive(Debug, Args)]
pub(super) struct UndoArgs {
    /// The action, as --list numbers it; the latest one that was not taken back when not given.
    pub(super) action: Option<u64>,
    /// Shows the actions that are kept, the latest first.
    #[arg(long, conflicts_with = "action")]
    pub(super) list: bool,
    /// Only counts.
    #[arg(long, conflicts_with = "list")]
    pub(super) count: bool,
}

#[derive(Debug, Args)]
pub(super) struct AdoptArgs {
    #[command(flatten)]
    pub(super) bulk: BulkArgs,
    /// The target's id, for one entry; not needed when there is one candidate.
    #[arg(long)]
    pub(super) to: Option<String>,
    /// Although type, contact, date, currency or total differ, for one entry.
    #[arg(long)]
    pub(super) anyway: bool,
}

#[derive(Debug, Args)]
#[group(id = "how", multiple = false)]
pub(super) struct HowArgs {
    /// Leaves the target's document as it is until the source changes again.
    #[arg(long)]
    pub(super) keep: bool,
    /// It became smaller: makes a credit of the difference. With an amount, only if that is the difference.
    #[arg(long, value_name = "AMOUNT", num_args = 0..=1)]
    pub(super) credit: Option<Option<Decimal>>,
    /// It became larger: makes an additional document of the difference.
    #[arg(long, value_name = "AMOUNT", num_args = 0..=1)]
    pub(super) additional: Option<Option<Decimal>>,
    /// Takes our own payments off it, edits it in the target, and puts them back. Refused where a payment is
    /// somebody else's, reconciled, in a batch, or in a closed period.
    #[arg(long)]
    pub(super) reapply: bool,
}

#[derive(Debug, Args)]
pub(super) struct ResolveArgs {
    /// The entry: ROUTE/ID.
    pub(super) id: EntryId,
    #[command(flatten)]
    pub(super) how: HowArgs,
    /// Why, for the history.
    #[arg(long)]
    pub(super) reason: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct LinkArgs {
    /// The entry: ROUTE/ID.
    pub(super) id: Option<EntryId>,
    /// The target's id.
    #[arg(long, requires = "id")]
    pub(super) to: Option<String>,
    /// Create it in the target.
    #[arg(long, requires = "id", conflicts_with = "to")]
    pub(super) create: bool,
    /// Writes all open questions as CSV to this file (`-`: standard output).
    #[arg(long, value_hint = ValueHint::FilePath, conflicts_with = "id")]
    pub(super) export: Option<PathBuf>,
    /// Reads answers from such a file: column `link_to` holds a target id or the word `create`.
    #[arg(long, value_hint = ValueHint::FilePath, conflicts_with_all = ["id", "export"])]
    pub(super) import: Option<PathBuf>,
    /// Shows all open questions for which the rules of the mapping suggest exactly one, and links them.
    /// What only suggests (such as an e-mail address), several, and what is out of use are left.
    #[arg(long, conflicts_with_all = ["id", "export", "import"])]
    pub(super) confirm_suggested: bool,
    /// Only shows what --confirm-suggested would link.
    #[arg(long, requires = "confirm_suggested")]
    pub(super) count: bool,
}

#[derive(Debug, Args)]
pub(super) struct MapArgs {
    /// The mapping, such as `acme/invoices`.
    pub(super) mapping: String,
    /// A file with one source document as JSON.
    #[arg(value_hint = ValueHint::FilePath)]
    pub(super) document: PathBuf,
    /// The route whose options, tables and connections apply; not needed when one route uses the mapping.
    #[arg(long)]
    pub(super) route: Option<String>,
}

/// The exit code is 0 when all that the source has is in the target or was left out, 6 when a document
/// differs, is gone, missing, extra or in another period, 5 when a connection could not be read, 4 when
/// the documents do not explain the difference of the sums.
#[derive(Debug, Args)]
pub(super) struct ReconcileArgs {
    /// Routes; none means all that have money on both sides.
    pub(super) routes: Vec<String>,
    /// Ties this account out instead: what stock is worth against what the account holds.
    #[arg(long, value_name = "CODE", requires = "valuation", conflicts_with_all = ["routes", "from", "to"])]
    pub(super) account: Option<String>,
    /// The export of what stock is worth on that day, by product (`-`: standard input).
    #[arg(long, value_name = "FILE", requires = "account", value_hint = ValueHint::FilePath)]
    pub(super) valuation: Option<PathBuf>,
    /// The day of the tie-out; today when neither it nor the month is given.
    #[arg(
        long,
        value_name = "DATE",
        requires = "account",
        conflicts_with = "month"
    )]
    pub(super) as_of: Option<Date>,
    /// The export of what stock was worth when it all began.
    #[arg(long, value_name = "FILE", requires = "account", value_hint = ValueHint::FilePath)]
    pub(super) opening: Option<PathBuf>,
    /// The day on whose end that was; the day before the cut-over when not given.
    #[arg(long, value_name = "DATE", requires = "account")]
    pub(super) opening_day: Option<Date>,
    /// The connection whose stock it is, where several have one.
    #[arg(long, value_name = "CONNECTION", requires = "account")]
    pub(super) source: Option<String>,
    /// The connection whose account it is, where there are several.
    #[arg(long, value_name = "CONNECTION", requires = "account")]
    pub(super) target: Option<String>,
    /// The month, such as 2026-11; the present one in the source's zone when no days are given.
    #[arg(long, value_name = "YYYY-MM", conflicts_with_all = ["from", "to"])]
    pub(super) month: Option<String>,
    /// The first day.
    #[arg(long, value_name = "DATE", requires = "to")]
    pub(super) from: Option<Date>,
    /// The last day.
    #[arg(long, value_name = "DATE", requires = "from")]
    pub(super) to: Option<Date>,
    /// Writes one row a document to this file (`-`: standard output).
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) csv: Option<PathBuf>,
    /// Writes a page to print to this file (`-`: standard output).
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) page: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct ConnectArgs {
    /// The connection.
    pub(super) connection: String,
    /// The account, by the vendor's id, where the consent covers several.
    #[arg(long, value_name = "ID")]
    pub(super) account: Option<String>,
    /// For machines without a browser: the address that the browser ends on is pasted here.
    #[arg(long)]
    pub(super) paste: bool,
    /// Asks for a new consent although there is one that works: for another account, other scopes.
    #[arg(long)]
    pub(super) again: bool,
    /// Only prints the address, opens no browser.
    #[arg(long)]
    pub(super) no_browser: bool,
    /// How long the browser is waited for.
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    pub(super) wait: u64,
    /// Gives account and consent back to the vendor and forgets them.
    #[arg(long, conflicts_with_all = ["account", "paste", "again"])]
    pub(super) undo: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum NotifyCommand {
    /// Sends a test message and says what happened.
    Test {
        /// To this one of [notify.NAME]; to all when not given.
        name: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum PluginsCommand {
    /// Lists the plugins that the configuration names.
    List,
    /// Shows what a plugin file says about itself.
    Inspect {
        /// The library.
        #[arg(value_hint = ValueHint::FilePath)]
        file: PathBuf,
    },
    /// Writes plugins.lock from the plugins that are there now.
    Lock,
    /// Checks a plugin file: its own statements, its jq, and what every connector has to hold to.
    Check(PluginCheck),
    /// Writes a connector to begin with: source, manifest, mapping, tests, a deployment to try it.
    New {
        /// Name by which connections will ask for it: `acme-stock`.
        name: String,
        /// Folder to make; the name of the connector when not given.
        #[arg(long, value_hint = ValueHint::DirPath)]
        path: Option<PathBuf>,
        /// Folder of the package `ledgerline-plugin-api`; beside this program when not given.
        #[arg(long, value_hint = ValueHint::DirPath)]
        api: Option<PathBuf>,
    },
}

#[derive(Debug, Args)]
pub(super) struct PluginCheck {
    /// The library.
    #[arg(value_hint = ValueHint::FilePath)]
    pub(super) file: PathBuf,
    /// Reads a stream from a recording, in all variations: STREAM=FILE; may be given several times.
    #[arg(long = "pull", value_name = "STREAM=FILE")]
    pub(super) pulls: Vec<String>,
    /// Checks the connection from a recording, in all variations.
    #[arg(long = "check", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) checks: Option<PathBuf>,
    /// Settings of the connection, as JSON.
    #[arg(long, default_value = "{}")]
    pub(super) settings: String,
    /// Address that the recordings were made at, when it is not the plugin's own.
    #[arg(long)]
    pub(super) base_url: Option<String>,
    /// Where the process that runs the library puts what it found.
    #[arg(long, hide = true)]
    pub(super) report: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(super) enum StoreCommand {
    /// Verifies every row and every counter.
    Check {
        /// Makes index and counters anew from the entries.
        #[arg(long)]
        repair: bool,
    },
    /// Forgets how far a stream was read: the next pull begins anew, and what is held costs nothing.
    ForgetCursor {
        /// The stream: CONNECTION/STREAM.
        stream: String,
    },
    /// Writes everything as lines of JSON.
    Export {
        /// The file; `-` is standard output.
        #[arg(value_hint = ValueHint::FilePath)]
        file: PathBuf,
        /// Sealed secrets, too.
        #[arg(long)]
        secrets: bool,
    },
    /// Reads such a file into an empty store.
    Import {
        /// The file.
        #[arg(value_hint = ValueHint::FilePath)]
        file: PathBuf,
    },
}
