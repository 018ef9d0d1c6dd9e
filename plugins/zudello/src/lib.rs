//! Reads customers and sales credit notes of one Zudello team, and writes back what became of the
//! credit notes: their status, the id that they have in the books, and a note where they were refused.
//!
//! Hardly anything of this API is published. What a call is made of (headers, paths, parameters, where
//! a page holds its rows, status codes) is settings (`settings.rs`); the code knows the order of the
//! calls and what an answer means.
//!
//! Quirks that shape this crate:
//!
//! * A list may show headers alone, with relations as bare ids. Documents are then read once more, each
//!   by its own address (`walk.rs`).
//! * A document leaves the list as soon as its status is written, by us or by anyone: page numbers
//!   would skip the rows behind it.
//! * A note cannot be taken back, and whether notes can be read is not known. So the note goes first and
//!   the status, which can be read and written any number of times, tells that it went (`write.rs`).
//! * A document that is completed can be reverted, changed and submitted again under the same id.

mod answer;
mod calls;
mod check;
mod document;
mod find;
mod listing;
mod notes;
mod settings;
mod walk;
mod write;

use ledgerline_plugin_api::prelude::*;

pub use settings::Settings;
pub use walk::Cursor;

/// One Zudello team.
pub struct Zudello {
    base_url: String,
    settings: Settings,
}

export_connector!(Zudello);

/// What is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stream {
    CreditNotes,
    Customers,
}

impl Stream {
    fn of(name: &str) -> Result<Self> {
        match name {
            "ar_credit_notes" => Ok(Self::CreditNotes),
            "customers" => Ok(Self::Customers),
            other => Err(Error::unsupported(format!(
                "Zudello has no stream `{other}` here"
            ))),
        }
    }

    /// For messages: what is read, and the setting that says where.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::CreditNotes => ("transactions", "paths.list"),
            Self::Customers => ("customers", "paths.resource"),
        }
    }
}

impl Connector for Zudello {
    type Settings = Settings;
    type Cursor = Cursor;

    const OPS: u32 = op::PULL | op::PUSH | op::FIND | op::CHECK;

    fn open(opening: Opening<Settings>) -> Result<Self> {
        opening.settings.check()?;
        Ok(Self {
            base_url: opening.base_url,
            settings: opening.settings,
        })
    }

    async fn pull(&self, cx: &Cx, stream: &str, cursor: Cursor) -> Result<()> {
        self.walk(cx, Stream::of(stream)?, cursor).await
    }

    async fn push(&self, cx: &Cx, stream: &str) -> Result<()> {
        if Stream::of(stream)? != Stream::CreditNotes {
            return Err(Error::unsupported(format!(
                "`{stream}` is read from Zudello only"
            )));
        }
        while let Some(batch) = cx.next_batch().await {
            let outcomes = self.write(cx, &batch).await;
            cx.report(outcomes).await?;
        }
        Ok(())
    }

    async fn find(&self, cx: &Cx, stream: &str) -> Result<()> {
        if Stream::of(stream)? != Stream::CreditNotes {
            return Err(Error::unsupported(format!(
                "single {stream} of Zudello cannot be looked up"
            )));
        }
        while let Some(batch) = cx.next_batch().await {
            let outcomes = self.look_for(cx, &batch).await;
            cx.report(outcomes).await?;
        }
        Ok(())
    }

    async fn check(&self, cx: &Cx) -> Result<CheckReport> {
        self.check_access(cx).await
    }

    async fn discover(&self, _: &Cx) -> Result<Vec<Account>> {
        Err(Error::unsupported(
            "Zudello lists no teams: the settings `organisation` and `team` of each connection name its own",
        ))
    }
}
