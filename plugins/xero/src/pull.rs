//! Reads streams: documents by the time of their change, and the small lists whole.
//!
//! The small lists are not paged and their rows vanish without a trace, so they are read whole each
//! time; the cursor remembers their ids, and what is missing was deleted. Tracking categories are
//! asked for without the archived ones: on a document those are as good as gone.

use ledgerline_plugin_api::sdk::{Cx, Error, Page, Request, Response, Result};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::Xero;
use crate::answers::{failure, list};
use crate::held::{held, id, organisation};
use crate::lenient::Object;
use crate::resource::Resource;
use crate::trial_balance;
use crate::walk::{Walk, Wanted, page_of, page_request};

/// Longest cursor text that ids may fill. A chart of accounts takes a tenth of it.
const MAX_KNOWN_BYTES: usize = 48 * 1024;

/// Where the next pull starts. The engine stores it, so old values must stay readable.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    #[serde(default)]
    walk: Walk,
    /// Ids of a small list when it was last read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    known: Vec<String>,
}

/// A document ready for a page.
struct Row<'a> {
    id: String,
    version: String,
    body: Body<'a>,
    is_gone: bool,
}

enum Body<'a> {
    AsItCame(&'a RawValue),
    Made(Box<RawValue>),
}

impl Row<'_> {
    fn bytes(&self) -> usize {
        let body = match &self.body {
            Body::AsItCame(raw) => raw.get(),
            Body::Made(raw) => raw.get(),
        };
        body.len()
    }
}

impl Xero {
    pub(crate) async fn read(&self, cx: &Cx, stream: &str, cursor: Cursor) -> Result<()> {
        if stream == trial_balance::STREAM {
            return self.read_balances(cx, cursor).await;
        }
        match SmallList::of(stream) {
            Some(small) => self.read_whole(cx, small, cursor).await,
            None => self.read_changes(cx, Resource::of(stream)?, cursor).await,
        }
    }

    async fn read_changes(&self, cx: &Cx, resource: Resource, mut cursor: Cursor) -> Result<()> {
        loop {
            let wanted = Wanted::all(resource);
            let request = page_request(&self.base, resource, &wanted, &cursor.walk);
            let response = cx.http(request).await?;
            let list = page_of(resource, &response)?;
            let rows: Vec<Row<'_>> = list
                .elements
                .iter()
                .map(|it| row(resource, it))
                .collect::<Result<_>>()?;
            let (gone, rows): (Vec<_>, Vec<_>) = rows.into_iter().partition(|it| it.is_gone);
            let gone = gone.into_iter().map(|it| it.id).collect();
            let before = cursor.clone();
            let more = cursor.walk.take_in(resource, &list);
            if !more {
                cursor.walk = cursor.walk.finished();
            }
            commit(cx, rows, gone, &before, &cursor).await?;
            if !more {
                return Ok(());
            }
        }
    }

    async fn read_whole(&self, cx: &Cx, small: SmallList, before: Cursor) -> Result<()> {
        let response = cx.http(small.request(&self.base)).await?;
        if response.status == 304 {
            return Ok(());
        }
        let rows = small.rows(&response)?;
        let mut known: Vec<String> = rows.iter().map(|it| it.id.clone()).collect();
        known.sort_unstable();
        known.dedup();
        let gone: Vec<String> = before
            .known
            .iter()
            .filter(|it| known.binary_search(it).is_err())
            .cloned()
            .collect();
        if known.iter().map(|it| it.len() + 3).sum::<usize>() > MAX_KNOWN_BYTES {
            // Too many to remember: what is deleted later stays until it is refused.
            known.clear();
        }
        let after = Cursor {
            walk: Walk::default(),
            known,
        };
        commit(cx, rows, gone, &before, &after).await
    }

    /// The balances of one day. They are of that day alone, so there is no place to go on from.
    async fn read_balances(&self, cx: &Cx, cursor: Cursor) -> Result<()> {
        let day = self.settings.balance_date.as_deref();
        let response = cx.http(trial_balance::request(&self.base, day)).await?;
        let rows = trial_balance::rows(&response)?.into_iter();
        let rows = rows.map(|(id, raw)| Row {
            id,
            version: version(String::new(), raw),
            body: Body::AsItCame(raw),
            is_gone: false,
        });
        commit(cx, rows.collect(), Vec::new(), &cursor, &cursor).await
    }
}

/// Makes rows durable in pages that the engine takes. The cursor moves with the last of them, so
/// that a crash in between repeats them all.
async fn commit(
    cx: &Cx,
    rows: Vec<Row<'_>>,
    gone: Vec<String>,
    before: &Cursor,
    after: &Cursor,
) -> Result<()> {
    let limits = cx.limits();
    let most = |limit: u32| {
        if limit == 0 {
            usize::MAX
        } else {
            limit as usize
        }
    };
    let (max_docs, max_bytes) = (most(limits.page_docs), most(limits.page_bytes));
    let mut page = Page::new();
    let mut bytes = 0;
    for row in rows {
        let full = page.len() + 1 > max_docs || bytes + row.bytes() > max_bytes;
        if full && !page.is_empty() {
            cx.commit(std::mem::take(&mut page), before).await?;
            bytes = 0;
        }
        bytes += row.bytes();
        match row.body {
            Body::AsItCame(raw) => page.upsert(row.id, row.version, raw),
            Body::Made(raw) => page.upsert_owned(row.id, row.version, raw),
        }
    }
    for id in gone {
        if page.len() + 1 > max_docs {
            cx.commit(std::mem::take(&mut page), before).await?;
        }
        page.delete(id);
    }
    cx.commit(page, after).await
}

fn row(resource: Resource, raw: &RawValue) -> Result<Row<'_>> {
    let unreadable = || Error::protocol(format!("Xero gave a {} without an id", resource.title()));
    let element = Object::read(raw).ok_or_else(unreadable)?;
    match resource {
        Resource::CreditNotes
        | Resource::SupplierCreditNotes
        | Resource::Invoices
        | Resource::Bills
        | Resource::ManualJournals
        | Resource::Payments => {
            let held = held(resource, &element)?;
            let version = version(held.updated, &held.body);
            Ok(Row {
                id: held.id,
                version,
                body: Body::Made(held.body),
                // A payment has no life but this: other documents are shown as voided or deleted.
                is_gone: resource == Resource::Payments
                    && element.text(resource.status()).as_deref() == Some("DELETED"),
            })
        }
        // With all that Xero tells of it, such as what is owed.
        Resource::Contacts => {
            let id = id(&element, resource.id()).ok_or_else(unreadable)?;
            let updated = element.text("UpdatedDateUTC").unwrap_or_default();
            Ok(Row {
                id,
                version: version(updated, raw),
                body: Body::AsItCame(raw),
                is_gone: false,
            })
        }
    }
}

/// Xero's time of change, and a check sum because some changes do not touch it.
fn version(updated: String, body: &RawValue) -> String {
    format!("{updated}#{:016x}", checksum(body.get()))
}

/// FNV-1a: the same with every compiler, which the standard library's hasher does not promise.
fn checksum(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |sum, byte| {
        (sum ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// A list that is not paged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SmallList {
    Organisation,
    Accounts,
    TaxRates,
    TrackingCategories,
    Currencies,
}

impl SmallList {
    fn of(stream: &str) -> Option<Self> {
        Some(match stream {
            "organisation" => Self::Organisation,
            "accounts" => Self::Accounts,
            "tax_rates" => Self::TaxRates,
            "tracking_categories" => Self::TrackingCategories,
            "currencies" => Self::Currencies,
            _ => return None,
        })
    }

    /// Last part of the path, and the name of the list in the answer.
    fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Organisation => ("Organisation", "Organisations"),
            Self::Accounts => ("Accounts", "Accounts"),
            Self::TaxRates => ("TaxRates", "TaxRates"),
            Self::TrackingCategories => ("TrackingCategories", "TrackingCategories"),
            Self::Currencies => ("Currencies", "Currencies"),
        }
    }

    /// As the manifest's `key`.
    fn id(self, row: &Object<'_>) -> Option<String> {
        match self {
            Self::Organisation => row.text("OrganisationID"),
            Self::Accounts => row.text("Code").or_else(|| row.text("AccountID")),
            Self::TaxRates => row.text("TaxType"),
            Self::TrackingCategories => row.text("TrackingCategoryID"),
            Self::Currencies => row.text("Code"),
        }
    }

    fn request(self, base: &str) -> Request {
        let (path, _) = self.names();
        Request::get(format!("{base}/api.xro/2.0/{path}"))
            .header("Accept", "application/json")
            .auth(crate::AUTH)
    }

    fn rows(self, response: &Response) -> Result<Vec<Row<'_>>> {
        if !response.is_success() {
            return Err(failure(response));
        }
        let (_, name) = self.names();
        let mut rows = Vec::new();
        for raw in list(response, name)?.elements {
            let object = Object::read(raw).unwrap_or_default();
            let Some(id) = self.id(&object) else {
                return Err(Error::protocol(format!(
                    "Xero gave a row of {name} without a key"
                )));
            };
            let body = if self == Self::Organisation {
                Body::Made(organisation(&object).map_err(Error::protocol)?)
            } else {
                Body::AsItCame(raw)
            };
            rows.push(Row {
                id,
                version: version(String::new(), raw),
                body,
                is_gone: false,
            });
        }
        Ok(rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_lists_are_keyed_as_the_manifest_says() {
        // list, answer, ids
        let cases: &[(SmallList, &str, &[&str])] = &[
            (
                SmallList::Accounts,
                r#"{"Accounts":[{"AccountID":"a","Code":"200"},{"AccountID":"b","Code":""},{"AccountID":"c"}]}"#,
                &["200", "b", "c"],
            ),
            (
                SmallList::TaxRates,
                r#"{"TaxRates":[{"TaxType":"OUTPUT"}]}"#,
                &["OUTPUT"],
            ),
            (
                SmallList::Currencies,
                r#"{"Currencies":[{"Code":"AUD"}]}"#,
                &["AUD"],
            ),
            (
                SmallList::TrackingCategories,
                r#"{"TrackingCategories":[{"TrackingCategoryID":"t"}]}"#,
                &["t"],
            ),
            (
                SmallList::Organisation,
                r#"{"Organisations":[{"OrganisationID":"o","PeriodLockDate":"\/Date(1546214400000)\/"}]}"#,
                &["o"],
            ),
        ];
        for (small, body, ids) in cases {
            let response = Response::new(200, *body);
            let rows = small.rows(&response).unwrap();
            assert_eq!(
                rows.iter().map(|it| it.id.as_str()).collect::<Vec<_>>(),
                *ids,
                "{body}"
            );
        }
        let keyless = Response::new(200, r#"{"Accounts":[{"Name":"x"}]}"#);
        let Err(error) = SmallList::Accounts.rows(&keyless) else {
            panic!("no key")
        };
        assert_eq!(error.message, "Xero gave a row of Accounts without a key");
    }

    #[test]
    fn versions_differ_when_documents_do() {
        let raw = |json: &str| RawValue::from_string(json.to_owned()).unwrap();
        let versions = [
            version("t1".into(), &raw("1.0")),
            version("t1".into(), &raw("1.00")),
            version("t2".into(), &raw("1.0")),
        ];
        assert_eq!(
            versions
                .iter()
                .collect::<std::collections::BTreeSet<_>>()
                .len(),
            3
        );
        // Stored with documents, so it must not change.
        assert_eq!(versions[0], "t1#457d3b18182e1cd2");
    }

    #[test]
    fn stored_cursors_stay_readable() {
        let samples = [
            (r#"{"walk":{}}"#, Cursor::default()),
            (
                r#"{"walk":{"since":29000}}"#,
                Cursor {
                    walk: Walk::since(29_000),
                    known: Vec::new(),
                },
            ),
            (
                r#"{"walk":{},"known":["200"]}"#,
                Cursor {
                    walk: Walk::default(),
                    known: vec!["200".into()],
                },
            ),
        ];
        for (json, cursor) in samples {
            assert_eq!(
                serde_json::from_str::<Cursor>(json).unwrap(),
                cursor,
                "{json}"
            );
            assert_eq!(serde_json::to_string(&cursor).unwrap(), json);
        }
        assert_eq!(
            serde_json::from_str::<Cursor>("{}").unwrap(),
            Cursor::default()
        );
    }
}
