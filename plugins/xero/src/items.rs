//! Keeps lines off items whose stock Xero counts itself.
//!
//! The stock is counted where the documents come from. A line with a tracked item would make Xero
//! post cost of goods as well, for the second time. The list of items is read only when a document
//! names one, once a session.

use std::collections::BTreeSet;

use ledgerline_plugin_api::manifest::{Category, Problem};
use ledgerline_plugin_api::sdk::{BatchDoc, Change, Outcome, Request, Response, Result};

use crate::answers::{failure, list};
use crate::lenient::Object;

/// Codes of the items that Xero tracks, in lower case.
pub(crate) type Tracked = BTreeSet<String>;

/// The call for all items; it is not paged.
pub(crate) fn request(base: &str) -> Request {
    Request::get(format!("{base}/api.xro/2.0/Items"))
        .query([("unitdp", "4")])
        .header("Accept", "application/json")
        .auth(crate::AUTH)
        .max_body(crate::walk::MAX_BODY)
}

pub(crate) fn tracked(response: &Response) -> Result<Tracked> {
    if !response.is_success() {
        return Err(failure(response));
    }
    let items = list(response, "Items")?;
    let code = |item: Object<'_>| {
        item.text("Code")
            .filter(|_| item.flag("IsTrackedAsInventory"))
    };
    let objects = items.elements.iter().filter_map(|it| Object::read(it));
    Ok(objects
        .filter_map(code)
        .map(|it| it.to_lowercase())
        .collect())
}

/// Whether a document that is to be written names an item.
pub(crate) fn names_items(doc: &BatchDoc) -> bool {
    doc.change != Change::Void && !codes(doc).is_empty()
}

/// The refusal of a document with a tracked item.
pub(crate) fn refusal(doc: &BatchDoc, tracked: &Tracked) -> Option<Outcome> {
    let (line, code) = codes(doc)
        .into_iter()
        .find(|(_, code)| tracked.contains(&code.to_lowercase()))?;
    let problem = Problem {
        category: Category::Mapping,
        field: Some(format!("LineItems.{line}.ItemCode")),
        cause: format!(
            "Xero counts the stock of item {code} itself: its cost would be posted twice"
        ),
        remedy: format!("Untrack item {code} in Xero where it allows that, or map to a new item"),
    };
    Some(Outcome::refused(problem, ""))
}

/// Items of the lines, with the line's index.
fn codes(doc: &BatchDoc) -> Vec<(usize, String)> {
    let body = Object::read(&doc.body).unwrap_or_default();
    let lines = body.objects("LineItems");
    let code = |(at, line): (usize, &Object<'_>)| Some((at, line.text("ItemCode")?));
    lines.iter().enumerate().filter_map(code).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::*;

    fn doc(body: &str) -> BatchDoc {
        BatchDoc {
            change: Change::Create,
            id: "entry".into(),
            number: "CN-1".into(),
            remote_id: None,
            since: None,
            body: RawValue::from_string(body.into()).unwrap(),
        }
    }

    #[test]
    fn only_tracked_items_are_refused() {
        let answer = r#"{"Items":[{"Code":"Mug","IsTrackedAsInventory":true},
            {"Code":"Fee","IsTrackedAsInventory":false},{"Code":"Old"}]}"#;
        let tracked = tracked(&Response::new(200, answer)).unwrap();
        // document, field of the refusal
        let cases = [
            (
                r#"{"LineItems":[{"ItemCode":"Fee"},{"ItemCode":"MUG"}]}"#,
                Some("LineItems.1.ItemCode"),
            ),
            (
                r#"{"LineItems":[{"ItemCode":"Fee"},{"ItemCode":"Old"},{"ItemCode":"New"}]}"#,
                None,
            ),
            (r#"{"LineItems":[{"Description":"Mug"}]}"#, None),
            ("null", None),
        ];
        for (body, field) in cases {
            let refusal = refusal(&doc(body), &tracked);
            let problem = refusal.and_then(|it| it.problem);
            assert_eq!(problem.and_then(|it| it.field).as_deref(), field, "{body}");
        }
        assert!(super::tracked(&Response::new(404, "")).is_err());
    }
}
