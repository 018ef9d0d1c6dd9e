//! Walks a list in the order in which Xero changed its documents.
//!
//! Pages are counted by offset, so a document that is changed during the walk moves to the end and
//! draws another over the page boundary unseen. Therefore a walk asks for page 1 again and again,
//! each time of what changed since the newest document met. Only where a whole page changed within
//! the same second does it count pages.
//!
//! `If-Modified-Since` has whole seconds and nobody says whether it includes the very second, so one
//! second is always met twice. Between pulls some minutes are: a document becomes visible somewhat
//! later than the time that it carries.

use ledgerline_plugin_api::sdk::{Request, Result};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::answers::List;
use crate::dates::{instant, modified_since};
use crate::lenient::Object;
use crate::resource::Resource;

/// What a new walk meets again of the one before it.
pub(crate) const OVERLAP_MS: i64 = 5 * 60 * 1000;
/// Longest list that is read in one answer.
pub(crate) const MAX_BODY: u32 = 64 * 1024 * 1024;

/// Where a walk stands. Stored in cursors.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Walk {
    /// Milliseconds since the epoch; everything changed before is known. `None`: nothing is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    since: Option<i64>,
    /// Pages read of what changed since then.
    #[serde(default, skip_serializing_if = "is_zero")]
    pages: u64,
    /// When the newest document met was changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    newest: Option<i64>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde calls it with a reference"
)]
fn is_zero(pages: &u64) -> bool {
    *pages == 0
}

impl Walk {
    pub(crate) fn since(ms: i64) -> Self {
        Self {
            since: Some(ms),
            ..Self::default()
        }
    }

    /// Takes a page in. False when it was the last.
    pub(crate) fn take_in(&mut self, resource: Resource, list: &List<'_>) -> bool {
        let times: Vec<Option<i64>> = list.elements.iter().map(|it| changed(it)).collect();
        let in_order = times.iter().all(Option::is_some) && times.is_sorted();
        let newest_here = times.iter().flatten().max().copied();
        self.newest = self.newest.max(newest_here);
        self.pages += 1;
        let more = match list.pages {
            Some(pages) => self.pages < pages,
            None => list.elements.len() >= resource.page_size(),
        };
        // A page that should hold something and does not would be asked for for ever.
        if !more || list.elements.is_empty() {
            return false;
        }
        let next = newest_here.map(|it| it.div_euclid(1000) * 1000 - 1000);
        if in_order && next > self.since {
            self.since = next;
            self.pages = 0;
        }
        true
    }

    /// The walk that follows a finished one.
    pub(crate) fn finished(&self) -> Self {
        let since = self.newest.map(|it| it - OVERLAP_MS);
        Self {
            since: since.or(self.since),
            ..Self::default()
        }
    }
}

fn changed(element: &RawValue) -> Option<i64> {
    let element = Object::read(element)?;
    instant(&element.text("UpdatedDateUTC")?)
}

/// Which documents of a list are wanted.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Wanted {
    /// Xero's `where`.
    pub(crate) filter: Option<String>,
    /// Xero's `searchTerm`, which contacts alone have here.
    pub(crate) search: Option<String>,
    /// Xero's `IDs`.
    pub(crate) ids: Vec<String>,
    /// Xero's `InvoiceNumbers`.
    pub(crate) numbers: Vec<String>,
}

impl Wanted {
    /// All of a resource; where two kinds share a list, its own.
    pub(crate) fn all(resource: Resource) -> Self {
        Self {
            filter: resource.r#type().map(|it| format!("Type==\"{it}\"")),
            ..Self::default()
        }
    }

    /// Adds a condition.
    pub(crate) fn narrow(&mut self, condition: String) {
        self.filter = Some(match self.filter.take() {
            Some(filter) => format!("{filter} AND {condition}"),
            None => condition,
        });
    }
}

/// The call for the next page of a walk.
pub(crate) fn page_request(
    base: &str,
    resource: Resource,
    wanted: &Wanted,
    walk: &Walk,
) -> Request {
    let page = (walk.pages + 1).to_string();
    let size = resource.page_size().to_string();
    let mut query = vec![("page", page.as_str()), ("pageSize", size.as_str())];
    query.extend(resource.decimals());
    if resource == Resource::Contacts {
        // Without it archived contacts are hidden, and so is where they were merged into.
        query.push(("includeArchived", "true"));
    }
    let (ids, numbers) = (wanted.ids.join(","), wanted.numbers.join(","));
    query.extend((!ids.is_empty()).then_some(("IDs", &*ids)));
    query.extend((!numbers.is_empty()).then_some(("InvoiceNumbers", &*numbers)));
    query.extend(wanted.filter.as_deref().map(|it| ("where", it)));
    query.extend(wanted.search.as_deref().map(|it| ("searchTerm", it)));
    let request = Request::get(format!("{base}/api.xro/2.0/{}", resource.collection()))
        .query(query)
        .header("Accept", "application/json")
        .auth(crate::AUTH)
        .max_body(MAX_BODY);
    match walk.since {
        Some(since) => request.header("If-Modified-Since", modified_since(since)),
        None => request,
    }
}

/// Nothing changed: Xero may say so by a status of its own.
pub(crate) fn page_of<'a>(
    resource: Resource,
    response: &'a ledgerline_plugin_api::sdk::Response,
) -> Result<List<'a>> {
    match response.status {
        304 => Ok(List {
            elements: Vec::new(),
            pages: Some(0),
            warnings: Vec::new(),
        }),
        200 => crate::answers::list(response, resource.collection()),
        _ => Err(crate::answers::failure(response)),
    }
}

#[cfg(test)]
mod tests {
    use ledgerline_plugin_api::sdk::Response;

    use super::*;

    const CONTACTS: Resource = Resource::Contacts;

    /// Takes a page of documents changed at these seconds in.
    fn take(walk: &mut Walk, seconds: &[i64], pages: u64) -> bool {
        let elements: Vec<String> = seconds
            .iter()
            .map(|s| format!(r#"{{"UpdatedDateUTC":"/Date({}500)/"}}"#, s))
            .collect();
        let body = format!(
            r#"{{"pagination":{{"pageCount":{pages}}},"Contacts":[{}]}}"#,
            elements.join(",")
        );
        let response = Response::new(200, body);
        walk.take_in(CONTACTS, &page_of(CONTACTS, &response).unwrap())
    }

    #[test]
    fn a_walk_moves_by_time_and_ends_at_the_last_page() {
        let mut walk = Walk::default();
        assert!(take(&mut walk, &[10, 20, 30], 3));
        assert_eq!(
            walk,
            Walk {
                since: Some(29_000),
                pages: 0,
                newest: Some(30_500)
            }
        );
        // The same three again, and newer ones.
        assert!(take(&mut walk, &[30, 40, 50], 2));
        assert_eq!(walk.since, Some(49_000));
        assert!(!take(&mut walk, &[50], 1));
        assert_eq!(walk.finished(), Walk::since(50_500 - OVERLAP_MS));
    }

    #[test]
    fn a_document_changed_before_all_time_is_counted_as_one_without_a_time() {
        let mut walk = Walk::default();
        let body = format!(
            r#"{{"pagination":{{"pageCount":2}},"Contacts":[{{"UpdatedDateUTC":"/Date({})/"}}]}}"#,
            i64::MIN
        );
        let response = Response::new(200, body);
        assert!(walk.take_in(CONTACTS, &page_of(CONTACTS, &response).unwrap()));
        assert_eq!((walk.since, walk.pages), (None, 1));
        assert_eq!(walk.finished(), Walk::default());
    }

    #[test]
    fn a_page_within_one_second_is_counted() {
        let mut walk = Walk::since(29_000);
        assert!(take(&mut walk, &[30, 30], 3));
        assert_eq!((walk.since, walk.pages), (Some(29_000), 1));
        assert!(take(&mut walk, &[30, 30], 3));
        assert_eq!((walk.since, walk.pages), (Some(29_000), 2));
        assert!(!take(&mut walk, &[31], 3));
    }

    #[test]
    fn a_list_out_of_order_is_counted() {
        let mut walk = Walk::default();
        assert!(take(&mut walk, &[30, 10], 2));
        assert_eq!((walk.since, walk.pages), (None, 1));
        assert!(!take(&mut walk, &[20], 2));
        assert_eq!(walk.finished(), Walk::since(30_500 - OVERLAP_MS));
    }

    #[test]
    fn nothing_new_leaves_the_walk_where_it_was() {
        for body in [
            (304, ""),
            (200, r#"{"Contacts":[]}"#),
            (200, r#"{"pagination":{"pageCount":9},"Contacts":[]}"#),
        ] {
            let response = Response::new(body.0, body.1);
            let mut walk = Walk::since(7);
            assert!(
                !walk.take_in(CONTACTS, &page_of(CONTACTS, &response).unwrap()),
                "{body:?}"
            );
            assert_eq!(walk.finished(), Walk::since(7), "{body:?}");
        }
    }

    #[test]
    fn requests_carry_what_each_list_needs() {
        let wanted = Wanted::all(Resource::CreditNotes);
        let walk = Walk {
            since: Some(1_551_812_346_999),
            pages: 1,
            newest: None,
        };
        let request = page_request("https://x.example", Resource::CreditNotes, &wanted, &walk);
        assert_eq!(
            request.url(),
            "https://x.example/api.xro/2.0/CreditNotes?page=2&pageSize=500&unitdp=4&where=Type%3D%3D%22ACCRECCREDIT%22"
        );
        let wanted = Wanted {
            numbers: vec!["A/1".into(), "B 2".into()],
            ..Wanted::default()
        };
        let request = page_request(
            "https://x.example",
            Resource::Bills,
            &wanted,
            &Walk::default(),
        );
        assert_eq!(
            request.url(),
            "https://x.example/api.xro/2.0/Invoices?page=1&pageSize=500&unitdp=4&InvoiceNumbers=A%2F1%2CB%202"
        );
        let request = page_request(
            "https://x.example",
            CONTACTS,
            &Wanted::all(CONTACTS),
            &Walk::default(),
        );
        assert_eq!(
            request.url(),
            "https://x.example/api.xro/2.0/Contacts?page=1&pageSize=1000&includeArchived=true"
        );
    }

    #[test]
    fn stored_walks_stay_readable() {
        let cases = [
            ("{}", Walk::default()),
            (r#"{"since":29000}"#, Walk::since(29_000)),
            (
                r#"{"since":29000,"pages":2,"newest":30500}"#,
                Walk {
                    since: Some(29_000),
                    pages: 2,
                    newest: Some(30_500),
                },
            ),
        ];
        for (json, walk) in cases {
            assert_eq!(serde_json::from_str::<Walk>(json).unwrap(), walk, "{json}");
            assert_eq!(serde_json::to_string(&walk).unwrap(), json);
        }
    }
}
