//! Reads contacts, sales and purchase orders, credit notes, stock adjustments, payments, products and
//! branches from Cin7 Omni, writes the accounting status of documents back, and enters payments.
//!
//! Omni has one shared host, Basic credentials, and lists that are bare arrays: no envelope, no
//! count, no link to a next page. What changed is found by `modifiedDate`; see `walk.rs` for how a
//! list is read without losing a row that moves while it is read.
//!
//! Quirks that shape this crate:
//!
//! * A write answers 200 whatever became of its elements, has been seen to answer 500 and save all
//!   the same, and may answer that it saved what it did not. So every write is read back (`write.rs`).
//! * There is no idempotency key: a payment whose answer was lost is looked for by the reference that it
//!   was entered with (`payments.rs`).
//! * Deleted records leave no trace (`sweep.rs` looks for payments that are no more), and voided ones
//!   are ordinary records with `status: "VOID"`.
//! * Everything that needs interpretation (dates that are instants, negative credit notes, freight in
//!   the header, a disputed tax scale) is left as it came; `prelude.jq` interprets it in mappings.

mod answer;
mod check;
mod find;
mod known;
mod payments;
mod resource;
mod results;
mod settings;
mod sweep;
mod walk;
mod write;

use jiff::Timestamp;
use ledgerline_plugin_api::prelude::*;

use resource::{Resource, Written};

pub use settings::Settings;
pub use walk::Cursor;

/// One Omni account.
pub struct Omni {
    base_url: String,
    settings: Settings,
}

export_connector!(Omni);

impl Connector for Omni {
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
        let resource = Resource::of(stream)?;
        // A sweep under way goes on where it stopped; what changed meanwhile is the next pull's.
        let cursor = match cursor.is_sweeping() {
            true => cursor,
            false => self.walk(cx, resource, cursor).await?,
        };
        self.sweep(cx, resource, cursor).await
    }

    async fn push(&self, cx: &Cx, stream: &str) -> Result<()> {
        let resource = Resource::of(stream)?;
        if resource.written == Written::Nothing {
            return Err(Error::unsupported(format!(
                "`{stream}` is read from Cin7 Omni only"
            )));
        }
        while let Some(batch) = cx.next_batch().await {
            let outcomes = match resource.written {
                Written::Payments => self.pay(cx, resource, &batch).await,
                Written::Status | Written::Nothing => self.write(cx, resource, &batch).await,
            };
            cx.report(outcomes).await?;
        }
        Ok(())
    }

    async fn find(&self, cx: &Cx, stream: &str) -> Result<()> {
        let resource = Resource::of(stream)?;
        while let Some(batch) = cx.next_batch().await {
            let outcomes = match resource.written {
                Written::Payments => self.look_for_payments(cx, resource, &batch).await,
                Written::Status | Written::Nothing => self.look_for(cx, resource, &batch).await,
            };
            cx.report(outcomes).await?;
        }
        Ok(())
    }

    async fn check(&self, cx: &Cx) -> Result<CheckReport> {
        self.check_permissions(cx).await
    }

    async fn discover(&self, _: &Cx) -> Result<Vec<Account>> {
        Err(Error::unsupported(
            "Cin7 Omni lists no accounts: one API user name is one account, so each is a connection \
             of its own",
        ))
    }
}

impl Omni {
    fn url(&self, path: &str) -> String {
        format!("{}/api/v1/{path}", self.base_url)
    }

    fn get(&self, path: &str) -> Request {
        Request::get(self.url(path))
            .auth("api")
            .header("Accept", "application/json")
    }
}

/// Reads an instant in any of the forms that Omni writes: a fraction of up to seven digits, `Z` or an
/// offset; without either it is UTC.
fn instant(text: &str) -> Option<Timestamp> {
    text.parse()
        .ok()
        .or_else(|| format!("{text}Z").parse().ok())
}

/// The form in which Omni takes instants: UTC, to the second.
fn written(instant: Timestamp) -> String {
    instant.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_read_in_every_form_and_written_in_one() {
        let cases = [
            ("2024-05-31T12:00:00Z", Some("2024-05-31T12:00:00Z")),
            ("2024-05-31T12:00:00.1234567Z", Some("2024-05-31T12:00:00Z")),
            ("2024-06-01T01:00:00+13:00", Some("2024-05-31T12:00:00Z")),
            ("2024-05-31T12:00:00", Some("2024-05-31T12:00:00Z")),
            ("31/05/2024", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(instant(text).map(written).as_deref(), expected, "{text}");
        }
    }
}
