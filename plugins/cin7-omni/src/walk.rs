//! Reads what changed in a list, page by page.
//!
//! Omni makes each page when it is asked for, so a row that is changed while the list is read leaves
//! its place, and the rows behind it move up: with page numbers alone, one of them would slip over a
//! page boundary and never be read. Three things prevent it:
//!
//! * The upper end of a walk is frozen and lies a little in the past. A row that is changed meanwhile
//!   leaves the walk, and belongs to the next one.
//! * After a full page the walk goes on *from the last row's* `modifiedDate` at page one, not at the
//!   next page of the old question. Page numbers only count inside one second.
//! * The next walk begins some minutes before the end of this one, which is in Omni's past by Omni's clock.
//!
//! Whether a page that is not full is the last one is not known, so a walk ends with an empty page.

use std::borrow::Cow;
use std::collections::HashSet;

use jiff::Timestamp;
use ledgerline_plugin_api::prelude::*;

use crate::known::Known;
use crate::resource::Resource;
use crate::settings::PageOrder;
use crate::{Omni, answer, instant, written};

/// Where the next pull starts. The engine stores it, so old values must stay readable.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Cursor {
    /// Everything changed before this is stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    since: Option<Timestamp>,
    /// The walk under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    walk: Option<Walk>,
    /// What was handed over of a list whose deleted rows leave no trace.
    #[serde(default, skip_serializing_if = "Known::is_empty")]
    pub(crate) known: Known,
    /// When such rows were looked for last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) swept: Option<Timestamp>,
    /// The id after which the sweep under way goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sweep_after: Option<i64>,
}

impl Cursor {
    pub(crate) fn is_sweeping(&self) -> bool {
        self.sweep_after.is_some()
    }
}

/// A walk and how far it has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Walk {
    /// Rows changed at or after this; every row when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<Timestamp>,
    /// Rows changed before this.
    upper: Timestamp,
    /// The page to read, from one.
    page: u32,
    /// Rows with a greater id, when the walk goes by id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    after: Option<i64>,
}

/// What was read of a page, beside its documents.
#[derive(Debug, Default, PartialEq)]
struct Read {
    /// Of all rows, in their order.
    ids: Vec<i64>,
    last_modified: Option<Timestamp>,
}

impl Omni {
    /// Reads what changed, and says where the next pull starts: with a sweep, where one is due.
    pub(crate) async fn walk(
        &self,
        cx: &Cx,
        resource: &Resource,
        mut cursor: Cursor,
    ) -> Result<Cursor> {
        let Some(mut walk) = self.begin(cx, resource, &cursor)? else {
            return Ok(cursor);
        };
        let rows = self.settings.rows(cx.limits());
        let order = self.order(resource);
        loop {
            let response = cx.http(self.page_request(resource, &walk, rows)).await?;
            let response = answer::success(response, resource.list)
                .map_err(|error| refused_order(error, order))?;
            let (page, read) = read_page(&response, order, &walk, omnis_clock(&response))?;
            if read.ids.is_empty() {
                cursor.since = Some(self.reached(&response, walk.upper)?);
                cursor.walk = None;
                self.begin_sweep(resource, &mut cursor, now(cx)?);
                cx.commit(page, &cursor).await?;
                return Ok(cursor);
            }
            walk.advance(order, &read, rows);
            cursor.walk = Some(walk.clone());
            if resource.swept && self.settings.sweep_every().is_some() {
                cursor.known.extend(read.ids);
            }
            cx.commit(page, &cursor).await?;
        }
    }

    fn order(&self, resource: &Resource) -> PageOrder {
        match resource.dated {
            true => self.settings.page_order(),
            false => PageOrder::Id,
        }
    }

    /// The time until the first sweep counts from the end of the first walk.
    fn begin_sweep(&self, resource: &Resource, cursor: &mut Cursor, now: Timestamp) {
        if !resource.swept {
            return;
        }
        if self.is_sweep_due(cursor, now) {
            cursor.sweep_after = cursor.known.first().map(|id| id - 1);
        }
        cursor.swept.get_or_insert(now);
    }

    /// The walk under way, or a new one; none when nothing can have changed since the last.
    fn begin(&self, cx: &Cx, resource: &Resource, cursor: &Cursor) -> Result<Option<Walk>> {
        if let Some(walk) = &cursor.walk {
            return Ok(Some(walk.clone()));
        }
        let upper = whole_second(
            now(cx)?
                .saturating_sub(self.settings.settle())
                .map_err(Error::bug)?,
        );
        let from = match cursor.since {
            Some(since) => Some(
                since
                    .saturating_sub(self.settings.overlap())
                    .map_err(Error::bug)?,
            ),
            None if resource.from_start_date => self.settings.read_from()?,
            None => None,
        };
        if resource.dated && from.is_some_and(|from| from >= upper) {
            return Ok(None);
        }
        Ok(Some(Walk {
            from,
            upper,
            page: 1,
            after: None,
        }))
    }

    /// Until when everything is stored after the last page of a walk. Our own clock may be ahead of Omni's;
    /// what is changed there before ours is reached must not be passed over, so Omni's word counts, too.
    fn reached(&self, response: &Response, upper: Timestamp) -> Result<Timestamp> {
        let Some(date) = omnis_clock(response) else {
            return Ok(upper);
        };
        let settled = date.saturating_sub(self.settings.settle());
        Ok(upper.min(settled.map_err(Error::bug)?))
    }

    fn page_request(&self, resource: &Resource, walk: &Walk, rows: u32) -> Request {
        let mut conditions: Vec<String> = Vec::new();
        conditions.extend(resource.conditions(&self.settings).map(str::to_owned));
        if resource.dated {
            conditions.extend(
                walk.from
                    .map(|from| format!("modifiedDate>='{}'", written(from))),
            );
            conditions.push(format!("modifiedDate<'{}'", written(walk.upper)));
        }
        conditions.extend(walk.after.map(|id| format!("id>{id}")));
        let condition = (!conditions.is_empty()).then(|| conditions.join(" AND "));
        let order = match self.order(resource) {
            PageOrder::Modified => "modifiedDate ASC, id ASC",
            PageOrder::Id => "id ASC",
        };
        let filtered = condition.as_deref().map(|it| ("where", it));
        self.get(resource.list).query(filtered).query([
            ("order", order),
            ("rows", &rows.to_string()),
            ("page", &walk.page.to_string()),
        ])
    }
}

impl Walk {
    fn advance(&mut self, order: PageOrder, read: &Read, rows: u32) {
        match (order, read.last_modified) {
            (PageOrder::Id, _) => self.after = read.ids.last().copied(),
            // The condition works to the second, so the last second is read again.
            (PageOrder::Modified, Some(last))
                if read.ids.len() >= rows as usize
                    && self.from.is_none_or(|from| whole_second(last) > from) =>
            {
                self.from = Some(whole_second(last));
                self.page = 1;
            }
            (PageOrder::Modified, _) => self.page += 1,
        }
    }
}

/// What the engine asks for; the rest of a row stays the text that came.
#[derive(Deserialize)]
struct Row<'a> {
    #[serde(default, alias = "Id")]
    id: Option<i64>,
    #[serde(borrow, default, rename = "modifiedDate", alias = "ModifiedDate")]
    modified: Option<Cow<'a, str>>,
}

impl<'a> Row<'a> {
    fn read(raw: &'a RawValue) -> std::result::Result<(i64, Self), String> {
        let row: Self = serde_json::from_str(raw.get()).map_err(|err| err.to_string())?;
        let id = row.id.filter(|id| *id > 0).ok_or("it has no id")?;
        Ok((id, row))
    }
}

fn unreadable(response: &Response, at: usize, what: impl std::fmt::Display) -> Error {
    Error::protocol(format!("{}, row {at}: {what}", response.call()))
}

/// The time at Omni when it answered.
fn omnis_clock(response: &Response) -> Option<Timestamp> {
    let date = response.header("date")?;
    let parser = jiff::fmt::rfc2822::DateTimeParser::new();
    parser.parse_timestamp(date).ok()
}

/// The ids of a list in ascending order, all greater than `after`.
pub(crate) fn read_ids(response: &Response, after: i64) -> Result<Vec<i64>> {
    let rows: Vec<&RawValue> = response.json()?;
    let mut ids: Vec<i64> = Vec::with_capacity(rows.len());
    for (at, raw) in rows.into_iter().enumerate() {
        let (id, _) = Row::read(raw).map_err(|why| unreadable(response, at, why))?;
        if id <= ids.last().copied().unwrap_or(after) {
            let what = format!("id {id} is out of the order asked for");
            return Err(unreadable(response, at, what));
        }
        ids.push(id);
    }
    Ok(ids)
}

fn read_page<'a>(
    response: &'a Response,
    order: PageOrder,
    walk: &Walk,
    there: Option<Timestamp>,
) -> Result<(Page<'a>, Read)> {
    let rows: Vec<&RawValue> = response.json()?;
    let mut page = Page::new();
    let mut read = Read::default();
    let mut ids = HashSet::new();
    for (at, raw) in rows.into_iter().enumerate() {
        let (id, row) = Row::read(raw).map_err(|why| unreadable(response, at, why))?;
        let modified = row.modified.as_deref().and_then(instant);
        // Going on from the last row is right only if the rows came in the order asked for.
        let in_order = match order {
            PageOrder::Modified => modified.is_none() || modified >= read.last_modified,
            PageOrder::Id => Some(id) > read.ids.last().copied().or(walk.after),
        };
        if !in_order {
            let what = format!(
                "id {id} is out of the order asked for; set `page-order` of this connection to {}",
                match order {
                    PageOrder::Modified => "\"id\"",
                    PageOrder::Id => "\"modified\"",
                }
            );
            return Err(unreadable(response, at, what));
        }
        read.last_modified = modified.or(read.last_modified);
        read.ids.push(id);
        // A list that is made while it changes may hold a row twice; a page may not.
        if ids.insert(id) {
            page.upsert(id.to_string(), version(row.modified, raw, there), raw);
        }
    }
    Ok((page, read))
}

/// What tells a row from what it was before. Omni dates changes by the second, so in a second that is not over
/// there the row may change once more under the same date; a clock of ours that is ahead reads such rows.
fn version<'a>(
    modified: Option<Cow<'a, str>>,
    raw: &RawValue,
    there: Option<Timestamp>,
) -> Cow<'a, str> {
    let Some(modified) = modified else {
        return fingerprint(raw.get()).into();
    };
    let at = instant(&modified);
    match (at, there) {
        (Some(at), Some(there)) if whole_second(at) >= whole_second(there) => {
            format!("{modified} {}", fingerprint(raw.get())).into()
        }
        _ => modified,
    }
}

/// Whether Omni takes an order of two fields is not certain.
fn refused_order(mut error: Error, order: PageOrder) -> Error {
    let about_order = error.message.to_ascii_lowercase().contains("order");
    if error.status == Status::REJECTED && order == PageOrder::Modified && about_order {
        error.message += "; set `page-order` of this connection to \"id\"";
    }
    error
}

/// The engine's clock.
pub(crate) fn now(cx: &Cx) -> Result<Timestamp> {
    Timestamp::from_millisecond(cx.now_ms()).map_err(Error::bug)
}

fn whole_second(instant: Timestamp) -> Timestamp {
    Timestamp::from_second(instant.as_second()).unwrap_or(instant)
}

/// Version of a row that does not say when it was changed: FNV-1a of its text.
fn fingerprint(text: &str) -> String {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    format!("{:016x}", text.bytes().fold(0xcbf2_9ce4_8422_2325, step))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn walk() -> Walk {
        Walk {
            from: None,
            upper: at("2026-01-02T00:00:00Z"),
            page: 1,
            after: None,
        }
    }

    /// Our clock was hours ahead of Omni's: what changed in those hours was never read.
    #[test]
    fn a_walk_reaches_no_further_than_omnis_own_clock() {
        let omni = Omni {
            base_url: String::new(),
            settings: serde_json::from_str(r#"{"settle-seconds":60}"#).unwrap(),
        };
        let cases = [
            (
                Some("Thu, 01 Jan 2026 10:00:00 GMT"),
                "2026-01-01T09:59:00Z",
            ),
            (
                Some("Fri, 02 Jan 2026 00:01:00 GMT"),
                "2026-01-02T00:00:00Z",
            ),
            (
                Some("Fri, 02 Jan 2026 09:00:00 GMT"),
                "2026-01-02T00:00:00Z",
            ),
            (Some("soon"), "2026-01-02T00:00:00Z"),
            (None, "2026-01-02T00:00:00Z"),
        ];
        for (date, wanted) in cases {
            let mut response = Response::new(200, "[]");
            response
                .headers
                .extend(date.map(|it| ("date".to_owned(), it.to_owned())));
            let reached = omni.reached(&response, walk().upper).unwrap();
            assert_eq!(reached, at(wanted), "{date:?}");
        }
    }

    /// Our clock was ahead of Omni's: a row was read in the second in which it was changed, and what was
    /// changed later in that second had the same date.
    #[test]
    fn two_changes_of_a_second_that_is_not_over_are_two() {
        let read = |total: u8, clock: &str| {
            let raw =
                format!(r#"{{"id":1,"modifiedDate":"2026-01-01T10:00:00Z","total":{total}}}"#);
            let raw = RawValue::from_string(raw).unwrap();
            let modified = Some(Cow::Borrowed("2026-01-01T10:00:00Z"));
            version(modified, &raw, Some(at(clock))).into_owned()
        };
        let (early, late) = ("2026-01-01T10:00:00Z", "2026-01-01T10:00:01Z");
        assert_ne!(read(1, early), read(2, early));
        assert_ne!(read(1, early), read(2, late));
        assert_eq!(read(1, early), read(1, early));
        assert_eq!(read(2, late), "2026-01-01T10:00:00Z");
    }

    #[test]
    fn a_full_page_goes_on_from_its_last_row() {
        let read = |rows: i64, last: &str| Read {
            ids: (8 - rows..8).collect(),
            last_modified: Some(at(last)),
        };
        let mut walk = walk();
        walk.advance(PageOrder::Modified, &read(2, "2026-01-01T10:00:00.5Z"), 2);
        assert_eq!(
            (walk.from, walk.page),
            (Some(at("2026-01-01T10:00:00Z")), 1)
        );
        // All rows of the page were changed in one second: only page numbers are left.
        walk.advance(PageOrder::Modified, &read(2, "2026-01-01T10:00:00.9Z"), 2);
        assert_eq!(
            (walk.from, walk.page),
            (Some(at("2026-01-01T10:00:00Z")), 2)
        );
        // Not full: the next page is asked for all the same.
        walk.advance(PageOrder::Modified, &read(1, "2026-01-01T11:00:00Z"), 2);
        assert_eq!(
            (walk.from, walk.page),
            (Some(at("2026-01-01T10:00:00Z")), 3)
        );

        walk.advance(PageOrder::Id, &read(2, "2026-01-01T11:00:00Z"), 2);
        assert_eq!(walk.after, Some(7));
    }

    #[test]
    fn rows_out_of_order_are_not_trusted() {
        let body = r#"[{"id":2,"modifiedDate":"2026-01-01T10:00:01Z"},{"id":1,"modifiedDate":"2026-01-01T10:00:00Z"}]"#;
        let response = Response::new(200, body);
        for (order, advice) in [
            (PageOrder::Modified, "\"id\""),
            (PageOrder::Id, "\"modified\""),
        ] {
            let error = read_page(&response, order, &walk(), None).unwrap_err();
            assert_eq!(error.status, Status::PROTOCOL);
            assert!(
                error
                    .message
                    .ends_with(&format!("`page-order` of this connection to {advice}")),
                "{error}"
            );
        }
        let repeated = Response::new(200, r#"[{"id":3},{"id":3}]"#);
        let walk = Walk {
            after: Some(3),
            ..walk()
        };
        assert!(
            read_page(&repeated, PageOrder::Id, &walk, None).is_err(),
            "the condition on ids is ignored"
        );
    }

    #[test]
    fn a_refused_order_names_the_setting() {
        let advised = |status, message: &str, order| {
            refused_order(Error::new(status, message), order)
                .message
                .ends_with("to \"id\"")
        };
        let words = "GET x answered 400: Invalid order: one field only";
        assert!(advised(Status::REJECTED, words, PageOrder::Modified));
        assert!(!advised(Status::REJECTED, words, PageOrder::Id));
        assert!(!advised(Status::UNAVAILABLE, words, PageOrder::Modified));
        assert!(!advised(
            Status::REJECTED,
            "GET x answered 400: Batch limit",
            PageOrder::Modified
        ));
    }

    #[test]
    fn a_row_needs_an_id_and_nothing_else() {
        let response = Response::new(200, r#"[{"id":3},{"id":3},{"Id":4,"ModifiedDate":"x"}]"#);
        let (page, read) = read_page(&response, PageOrder::Modified, &walk(), None).unwrap();
        assert_eq!((page.len(), read.ids), (2, vec![3, 3, 4]));
        for body in [r#"[{}]"#, r#"[{"id":0}]"#, r#"[{"id":null}]"#, "[7]", "{}"] {
            let response = Response::new(200, body);
            let error = read_page(&response, PageOrder::Modified, &walk(), None).unwrap_err();
            assert_eq!(error.status, Status::PROTOCOL, "{body}");
        }
    }

    #[test]
    fn cursors_of_every_version_are_read() {
        let cases = [
            ("{}", Cursor::default()),
            (
                r#"{"since":"2026-01-01T00:00:00Z"}"#,
                Cursor {
                    since: Some(at("2026-01-01T00:00:00Z")),
                    ..Cursor::default()
                },
            ),
            (
                r#"{"since":"2026-01-01T00:00:00Z","walk":{"from":"2025-12-31T23:50:00Z","upper":"2026-01-02T00:00:00Z","page":3,"after":9}}"#,
                Cursor {
                    since: Some(at("2026-01-01T00:00:00Z")),
                    walk: Some(Walk {
                        from: Some(at("2025-12-31T23:50:00Z")),
                        upper: at("2026-01-02T00:00:00Z"),
                        page: 3,
                        after: Some(9),
                    }),
                    ..Cursor::default()
                },
            ),
            (
                r#"{"since":"2026-01-01T00:00:00Z","known":"5,1,2","swept":"2026-01-01T00:00:00Z","sweep-after":6}"#,
                Cursor {
                    since: Some(at("2026-01-01T00:00:00Z")),
                    known: {
                        let mut known = Known::default();
                        known.extend([5, 6, 8]);
                        known
                    },
                    swept: Some(at("2026-01-01T00:00:00Z")),
                    sweep_after: Some(6),
                    ..Cursor::default()
                },
            ),
        ];
        for (json, cursor) in cases {
            assert_eq!(
                serde_json::from_str::<Cursor>(json).unwrap(),
                cursor,
                "{json}"
            );
            assert_eq!(serde_json::to_string(&cursor).unwrap(), json);
        }
    }
}
