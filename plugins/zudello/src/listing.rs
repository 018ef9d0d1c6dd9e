//! The body of a list: where its rows are, and whether there are more.

use ledgerline_plugin_api::prelude::*;
use serde::de::IgnoredAny;
use std::collections::BTreeMap;

use crate::settings::PageSettings;

/// One page as it came.
#[derive(Debug, Default)]
pub(crate) struct Listing<'a> {
    pub(crate) rows: Vec<&'a RawValue>,
    pub(crate) next: Next,
}

/// What a page says about the next one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Next {
    /// That there is none.
    #[default]
    None,
    /// That there is one: an address, a path, a number or a mere yes.
    Named(String),
    /// Nothing.
    Unsaid,
}

/// Reads a list: rows at the pointer of the settings, a bare array, or `/data`.
pub(crate) fn read<'a>(response: &'a Response, page: &PageSettings) -> Result<Listing<'a>> {
    let whole: &RawValue = response.json()?;
    if let Some(rows) = rows(whole) {
        return Ok(Listing {
            rows,
            next: Next::Unsaid,
        });
    }
    let found = [page.items.as_str(), "/data"].into_iter();
    let Some(rows) = found.filter_map(|it| at(whole, it)).find_map(rows) else {
        return Err(Error::protocol(format!(
            "{} answered {} without rows: neither a list, nor one at {} or /data; correct the setting \
             `page.items` ({})",
            response.call(),
            response.status,
            page.items,
            response.excerpt()
        )));
    };
    let next = match page.next.as_str() {
        "" => Next::Unsaid,
        pointer => at(whole, pointer).map_or(Next::Unsaid, next),
    };
    Ok(Listing { rows, next })
}

fn rows(raw: &RawValue) -> Option<Vec<&RawValue>> {
    serde_json::from_str(raw.get()).ok()
}

fn next(raw: &RawValue) -> Next {
    match raw.get() {
        "null" | "false" | "\"\"" => Next::None,
        text => Next::Named(serde_json::from_str(text).unwrap_or_else(|_| text.to_owned())),
    }
}

/// What stands at a JSON pointer, as the text that came.
pub(crate) fn at<'a>(whole: &'a RawValue, pointer: &str) -> Option<&'a RawValue> {
    let mut here = whole;
    for part in pointer.split('/').skip(1) {
        let name = part.replace("~1", "/").replace("~0", "~");
        let fields: BTreeMap<String, &RawValue> = serde_json::from_str(here.get()).ok()?;
        here = fields.get(&name).copied()?;
    }
    Some(here)
}

/// One record: bare, or in the envelope `/data`.
pub(crate) fn record(response: &Response) -> Result<&RawValue> {
    let whole: &RawValue = response.json()?;
    let has_id = |it: &&RawValue| at(it, "/uuid").is_some();
    let found = [Some(whole), at(whole, "/data"), at(whole, "/result")];
    match found.into_iter().flatten().find(has_id) {
        Some(it) => Ok(it),
        None => {
            let _: BTreeMap<String, IgnoredAny> = response.json()?;
            Err(Error::protocol(format!(
                "{} answered {} with something that has no uuid: {}",
                response.call(),
                response.status,
                response.excerpt()
            )))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_found_in_every_envelope() {
        let settings = |json: &str| serde_json::from_str::<PageSettings>(json).unwrap();
        let cases = [
            (
                "{}",
                r#"{"count":2,"next":null,"results":[1,2]}"#,
                "1,2",
                Next::None,
            ),
            (
                "{}",
                r#"{"next":"https://a/b?page=2","results":[1]}"#,
                "1",
                Next::Named("https://a/b?page=2".into()),
            ),
            (
                "{}",
                r#"{"next":2,"results":[1]}"#,
                "1",
                Next::Named("2".into()),
            ),
            (
                "{}",
                r#"{"next":true,"results":[1]}"#,
                "1",
                Next::Named("true".into()),
            ),
            ("{}", r#"{"results":[]}"#, "", Next::Unsaid),
            ("{}", "[7]", "7", Next::Unsaid),
            ("{}", r#"{"data":[3]}"#, "3", Next::Unsaid),
            (
                r#"{"items":"/a/b","next":"/meta/more"}"#,
                r#"{"a":{"b":[4]},"meta":{"more":false}}"#,
                "4",
                Next::None,
            ),
            (r#"{"items":"/a~1b"}"#, r#"{"a/b":[5]}"#, "5", Next::Unsaid),
            (
                r#"{"next":""}"#,
                r#"{"next":"x","results":[6]}"#,
                "6",
                Next::Unsaid,
            ),
        ];
        for (json, body, rows, next) in cases {
            let response = Response::new(200, body);
            let listing = read(&response, &settings(json)).unwrap();
            let texts: Vec<_> = listing.rows.iter().map(|it| it.get()).collect();
            assert_eq!(
                (texts.join(","), listing.next),
                (rows.to_owned(), next),
                "{json} {body}"
            );
        }
        for body in ["{}", "7", r#"{"results":{}}"#, "<html>", ""] {
            let response = Response::new(200, body);
            let error = read(&response, &settings("{}")).unwrap_err();
            assert_eq!(error.status, Status::PROTOCOL, "{body}");
        }
    }

    #[test]
    fn a_record_may_have_an_envelope() {
        for body in [
            r#"{"uuid":"u"}"#,
            r#"{"data":{"uuid":"u"}}"#,
            r#"{"result":{"uuid":"u"}}"#,
        ] {
            let response = Response::new(200, body);
            assert_eq!(record(&response).unwrap().get(), r#"{"uuid":"u"}"#);
        }
        for body in ["[]", "{}", "null", "x"] {
            assert!(record(&Response::new(200, body)).is_err(), "{body}");
        }
    }
}
