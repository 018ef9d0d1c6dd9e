//! The command line: parsing, progress, tables. What is done is done by `operate`.

mod adopt;
mod args;
mod backfill;
mod bars;
mod connect;
mod demo;
mod entries;
mod helper;
mod link;
mod map;
mod notify;
mod open;
mod out;
mod plugins;
mod plugins_check;
mod plugins_new;
mod reconcile;
mod render;
mod run;
mod schemas;
mod store;
mod sync;
mod totals;
mod undo;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use tracing_subscriber::EnvFilter;

use self::{
    args::{Cli, Command},
    open::Failure,
    out::{Out, remark},
};

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(it) => it,
        Err(why) => {
            remark(format!("ledgerline: no runtime: {why}"));
            return ExitCode::from(1);
        }
    };
    log(&cli.common.log);
    match runtime.block_on(command(cli)) {
        Ok(code) => ExitCode::from(code),
        Err(Failure { code, message }) => {
            remark(message);
            ExitCode::from(code)
        }
    }
}

/// Logs go to standard error; what a command answers goes to standard output alone.
fn log(filter: &str) {
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|why| {
        remark(format!(
            "the log filter `{filter}` is not understood ({why}); `warn` is used"
        ));
        EnvFilter::new("warn")
    });
    // A second call in one process (tests) keeps the first.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false)
        .try_init();
}

async fn command(cli: Cli) -> Result<u8, Failure> {
    let Cli { common, command } = cli;
    let demo = common.demo || matches!(command, Command::Demo(_));
    let out = Out::new(&common, demo);
    match command {
        Command::Demo(it) => demo::demo(&common, &out, it).await,
        Command::Run => run::run(&common).await,
        Command::Sync(it) => sync::sync(&common, &out, it).await,
        Command::Backfill(it) => backfill::backfill(&common, &out, it).await,
        Command::Status { csv } => entries::status(&common, &out, csv).await,
        Command::List(it) => entries::list(&common, &out, it).await,
        Command::Show { id } => entries::show(&common, &out, id).await,
        Command::Retry(it) => entries::retry(&common, &out, it).await,
        Command::Reset(it) => entries::reset(&common, &out, it).await,
        Command::Skip { bulk, reason } => entries::skip(&common, &out, bulk, reason).await,
        Command::Void(it) => entries::void(&common, &out, it).await,
        Command::Undo(it) => undo::undo(&common, &out, it).await,
        Command::Adopt(it) => adopt::adopt(&common, &out, it).await,
        Command::Resolve(it) => link::resolve(&common, &out, it).await,
        Command::Link(it) => link::link(&common, &out, it).await,
        Command::Map(it) => map::map(&common, &out, &it),
        Command::Test { mapping } => map::test(&common, &out, mapping.as_deref()),
        Command::Reconcile(it) => reconcile::reconcile(&common, &out, it).await,
        Command::Check { offline } => run::check(&common, &out, offline).await,
        Command::Connect(it) => connect::connect(&common, &out, it).await,
        Command::Notify(it) => notify::notify(&common, &out, it).await,
        Command::Plugins(it) => plugins::plugins(&common, &out, it),
        Command::Store(it) => store::store(&common, &out, it),
        Command::Schemas { folder } => schemas::write(&common, &out, folder),
        Command::Completions { shell } => {
            let mut bytes = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "ledgerline", &mut bytes);
            out.exact(String::from_utf8_lossy(&bytes).trim_end());
            Ok(0)
        }
    }
}
