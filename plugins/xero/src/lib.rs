//! Connects Ledgerline to the accounting API of Xero: contacts, invoices, bills, credit notes, payments and
//! manual journals both ways, allocations of credit notes, and the lists that all of these refer to.
//!
//! What Xero forbids, computes and names is data for the engine, in `manifest.toml` and
//! `prelude.jq`. The code here only calls, and reads answers. Four quirks shape it:
//!
//! * 200 does not mean saved: every element of an answer is read (`write`).
//! * POST overwrites what has the same number, so new documents are PUT.
//! * Xero explains itself in sentences that change from year to year (`classify`, `rules`).
//! * Lists move under the reader (`walk`), and only some can be asked by number (`find`).
//! * A supplier's number is not unique (`duplicates`).
//! * An allocation adds to what is there, so it is read before and after (`allocations`).

mod allocations;
mod amount;
mod answers;
mod ask;
mod check;
mod classify;
mod dates;
mod duplicates;
mod find;
mod form;
mod held;
mod items;
mod lenient;
mod pull;
mod push;
mod resource;
mod reversal;
mod rules;
mod trial_balance;
mod walk;
mod write;
mod zones;

use ledgerline_plugin_api::abi::op;
use ledgerline_plugin_api::export_connector;
use ledgerline_plugin_api::manifest::{Account, CheckReport};
use ledgerline_plugin_api::sdk::{Connector, Cx, Opening, Result};
use serde::Deserialize;

use allocations::AllocationSide;
use resource::Resource;

pub use pull::Cursor;

/// The manifest's only credential slot.
const AUTH: &str = "api";

/// What the code looks at; mappings use the others, through `xero::tracking`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Settings {
    /// The day of the trial balance, `YYYY-MM-DD`. Absent: today, as Xero sees it.
    #[serde(default)]
    balance_date: Option<String>,
}

/// A connection to one Xero organisation.
#[derive(Debug)]
pub struct Xero {
    /// Without a slash at the end.
    base: String,
    /// Tenant id that the connection is pinned to.
    account: Option<String>,
    settings: Settings,
}

impl Connector for Xero {
    type Settings = Settings;
    type Cursor = Cursor;

    const OPS: u32 = op::CHECK | op::DISCOVER | op::PULL | op::PUSH | op::FIND;

    fn open(opening: Opening<Settings>) -> Result<Self> {
        let base = opening.base_url.trim_end_matches('/').to_owned();
        Ok(Self {
            base,
            account: opening.account.filter(|it| !it.is_empty()),
            settings: opening.settings,
        })
    }

    async fn pull(&self, cx: &Cx, stream: &str, cursor: Cursor) -> Result<()> {
        self.read(cx, stream, cursor).await
    }

    async fn push(&self, cx: &Cx, stream: &str) -> Result<()> {
        match AllocationSide::of(stream) {
            Some(side) => self.allocate(cx, side).await,
            None => self.write(cx, Resource::of(stream)?).await,
        }
    }

    async fn find(&self, cx: &Cx, stream: &str) -> Result<()> {
        match AllocationSide::of(stream) {
            Some(side) => self.allocate(cx, side).await,
            None => self.look_up(cx, Resource::of(stream)?).await,
        }
    }

    async fn check(&self, cx: &Cx) -> Result<CheckReport> {
        self.examine(cx).await
    }

    async fn discover(&self, cx: &Cx) -> Result<Vec<Account>> {
        self.offered(cx).await
    }
}

export_connector!(Xero);
