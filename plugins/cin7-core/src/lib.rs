//! Reads customers and the credit notes of sales from Cin7 Core.
//!
//! Core has one shared host for everybody, two headers as credentials, and no list of documents: a
//! list tells which *sales* changed, then each sale is a call (`walk.rs`). Sixty calls a minute make
//! calls the dearest thing here.
//!
//! Quirks that shape this crate:
//!
//! * Errors come inside answers of status 200, as an object or an array; a wrong address answers 200
//!   with a web page (`answer.rs`).
//! * Names are spelled in several ways, and what is an array here is an object there (`fields.rs`).
//! * Lists move while they are read (`list.rs`), and rows share a millisecond by hundreds (`rows.rs`).
//! * An invoice and a credit note of one sale share one id, sometimes two credit notes do; ids come in
//!   upper and lower case (`notes.rs`).
//! * Everything that needs interpretation (rates the other way round, amounts of four decimals, tax
//!   that no line adds up to) is left as it came; `prelude.jq` interprets it in mappings.

mod answer;
mod check;
mod customers;
mod fields;
mod list;
mod notes;
mod rows;
mod settings;
mod stamp;
mod walk;

use ledgerline_plugin_api::prelude::*;

pub use settings::Settings;
pub use walk::Cursor;

/// One company in Core.
pub struct Core {
    base_url: String,
    settings: Settings,
}

export_connector!(Core);

impl Connector for Core {
    type Settings = Settings;
    type Cursor = Cursor;

    const OPS: u32 = op::PULL | op::CHECK;

    fn open(opening: Opening<Settings>) -> Result<Self> {
        opening.settings.check()?;
        Ok(Self {
            base_url: opening.base_url,
            settings: opening.settings,
        })
    }

    async fn pull(&self, cx: &Cx, stream: &str, cursor: Cursor) -> Result<()> {
        match stream {
            "customers" => self.walk_customers(cx, cursor).await,
            "sale_credit_notes" => self.walk_notes(cx, cursor).await,
            other => Err(Error::unsupported(format!(
                "Cin7 Core has no stream `{other}` here"
            ))),
        }
    }

    async fn check(&self, cx: &Cx) -> Result<CheckReport> {
        self.who(cx).await
    }

    async fn discover(&self, _: &Cx) -> Result<Vec<Account>> {
        Err(Error::unsupported(
            "Cin7 Core lists no companies: one account id is one company, so each is a connection of \
             its own",
        ))
    }
}

impl Core {
    fn get(&self, path: &str) -> Request {
        Request::get(format!("{}/ExternalApi/v2/{path}", self.base_url))
            .header("Accept", "application/json")
            .auth("api")
    }
}
