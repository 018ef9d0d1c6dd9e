//! Reads customers, suppliers and credit notes from Cin7 Omni, and writes the accounting status of
//! credit notes back.
//!
//! Omni has one shared host, Basic credentials, and lists that are bare arrays: no envelope, no
//! count, no link to a next page. What changed is found by `modifiedDate`; see `walk.rs` for how a
//! list is read without losing a row that moves while it is read.
//!
//! Quirks that shape this crate:
//!
//! * A write answers 200 whatever became of its elements, has been seen to answer 500 and save all
//!   the same, and may answer that it saved what it did not. So every write is read back (`write.rs`).
//! * Deleted records leave no trace, and voided ones are ordinary records with `status: "VOID"`.
//! * Everything that needs interpretation (dates that are instants, negative credit notes, freight in
//!   the header, a disputed tax scale) is left as it came; `prelude.jq` interprets it in mappings.

mod answer;
mod check;
mod find;
mod settings;
mod walk;
mod write;

use jiff::Timestamp;
use ledgerline_plugin_api::prelude::*;

pub use settings::Settings;
pub use walk::Cursor;

/// One Omni account.
pub struct Omni {
    base_url: String,
    settings: Settings,
}

export_connector!(Omni);

/// A list of the API and what of it is a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Resource {
    /// Path below `/api/v1/`.
    name: &'static str,
    /// Condition that every read of the stream carries.
    only: Option<&'static str>,
    /// Whether documents that were last changed before the start date are of no use. A contact is
    /// needed however long it stood unchanged.
    from_start_date: bool,
}

const CREDIT_NOTES: &str = "CreditNotes";
const CONTACTS: &str = "Contacts";

impl Resource {
    fn of(stream: &str) -> Result<Self> {
        let contacts = |only| Self {
            name: CONTACTS,
            only: Some(only),
            from_start_date: false,
        };
        match stream {
            "credit_notes" => Ok(Self {
                name: CREDIT_NOTES,
                only: None,
                from_start_date: true,
            }),
            "customers" => Ok(contacts("type='Customer'")),
            "suppliers" => Ok(contacts("type='Supplier'")),
            other => Err(Error::unsupported(format!(
                "Cin7 Omni has no stream `{other}` here"
            ))),
        }
    }
}

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
        self.walk(cx, Resource::of(stream)?, cursor).await
    }

    async fn push(&self, cx: &Cx, stream: &str) -> Result<()> {
        if Resource::of(stream)?.name != CREDIT_NOTES {
            return Err(Error::unsupported(format!(
                "`{stream}` is read from Cin7 Omni only"
            )));
        }
        while let Some(batch) = cx.next_batch().await {
            let outcomes = self.write(cx, &batch).await;
            cx.report(outcomes).await?;
        }
        Ok(())
    }

    async fn find(&self, cx: &Cx, stream: &str) -> Result<()> {
        let resource = Resource::of(stream)?;
        while let Some(batch) = cx.next_batch().await {
            let outcomes = self.look_for(cx, resource.name, &batch).await;
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
    fn url(&self, resource: &str) -> String {
        format!("{}/api/v1/{resource}", self.base_url)
    }

    fn get(&self, resource: &str) -> Request {
        Request::get(self.url(resource)).auth("api")
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

    #[test]
    fn streams_are_lists_with_a_condition() {
        assert_eq!(
            Resource::of("customers").unwrap().only,
            Some("type='Customer'")
        );
        assert_eq!(Resource::of("credit_notes").unwrap().name, "CreditNotes");
        assert_eq!(
            Resource::of("quotes").unwrap_err().status,
            Status::UNSUPPORTED
        );
    }
}
