//! Reads what changed in a list, page by page.
//!
//! A document leaves the list when its status is written, and goes to the end of it when it changes
//! otherwise; both happen while the list is read. With page numbers alone the rows behind it would move
//! up, and one of them slip over a page boundary. So after a page the walk goes on *from the last row's*
//! `updated_at` at page one; page numbers count inside one instant only. Where the API cannot filter by
//! the instant, `page.by` chooses page numbers or the addresses that pages name.
//!
//! The next walk begins a little before the newest change that this one met. What it meets again is told
//! by id and `updated_at` and costs no further call.

use std::collections::HashSet;

use jiff::Timestamp;
use ledgerline_plugin_api::prelude::*;

use crate::document::{Seen, is_short};
use crate::listing::{self, Listing, Next};
use crate::settings::{PageBy, ReadEach};
use crate::{Stream, Zudello, answer};

/// Rows that are remembered: what one overlap may hold, within what a cursor may weigh.
const REMEMBERED: usize = 1_000;

/// Where the next pull starts. The engine stores it, so old values must stay readable.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Cursor {
    /// Newest change that is stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    since: Option<Timestamp>,
    /// Rows that the next reading may meet again: second of their change, fingerprint of id and
    /// `updated_at`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    seen: Vec<(i64, String)>,
    /// The walk under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    walk: Option<Walk>,
}

/// A walk and how far it has come.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Walk {
    /// Rows changed at or after this; every row when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<Timestamp>,
    /// How many pages of this question were read.
    #[serde(default)]
    pages: u32,
    /// The address of the next page, where pages name it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    /// Nobody said that there is a next page.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    guessed: bool,
    /// Newest change met.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    newest: Option<Timestamp>,
    /// Most rows of one page so far. An API may give fewer than it was asked for without saying so, and
    /// a page that is short of what was *asked* is then no end.
    #[serde(default, skip_serializing_if = "is_zero")]
    largest: usize,
}

/// A row of a list, as far as the walk reads it.
#[derive(Debug)]
struct Row<'a> {
    raw: &'a RawValue,
    uuid: String,
    version: String,
    changed: Option<Timestamp>,
    /// Stands for id and version.
    mark: String,
}

impl Zudello {
    pub(crate) async fn walk(&self, cx: &Cx, stream: Stream, mut cursor: Cursor) -> Result<()> {
        let mut walk = match cursor.walk.take() {
            Some(walk) => walk,
            None => self.begin(&cursor)?,
        };
        let by = self.settings.page.by;
        let rows = self.settings.page.rows(cx.limits());
        loop {
            let response = cx.http(self.page_request(stream, &walk, rows)).await?;
            let (what, setting) = stream.words();
            // Some lists that name no next page answer so behind their end.
            let beyond = walk.guessed && response.status == 404;
            let response = match beyond {
                true => Response::new(200, "[]"),
                false => answer::success(response, what, setting)?,
            };
            let listing = listing::read(&response, &self.settings.page)?;
            let read = read_rows(&response, &listing)?;
            let last = in_order(&read, by, &response)?;
            let ended = match listing.next {
                _ if read.is_empty() => true,
                Next::None => true,
                Next::Unsaid => read.len() < walk.largest || by == PageBy::Next,
                Next::Named(_) => false,
            };
            // A list may give more rows than were asked for: they are taken in parts.
            let most = most(cx.limits());
            let (before, rest) = read.split_at(read.len().saturating_sub(1) / most * most);
            for part in before.chunks(most) {
                let page = self.page(cx, stream, part, &mut cursor).await?;
                cursor.walk = Some(walk.clone());
                cx.commit(page, &cursor).await?;
            }
            let page = self.page(cx, stream, rest, &mut cursor).await?;
            walk.newest = read
                .iter()
                .filter_map(|it| it.changed)
                .max()
                .max(walk.newest);
            if ended {
                cursor.walk = None;
                cursor.since = walk.newest.max(cursor.since);
                self.forget(&mut cursor, walk.newest)?;
                return cx.commit(page, &cursor).await;
            }
            walk.largest = walk.largest.max(read.len());
            walk.advance(by, last, &listing.next);
            self.forget(&mut cursor, walk.from.max(walk.newest))?;
            cursor.walk = Some(walk.clone());
            cx.commit(page, &cursor).await?;
        }
    }

    fn begin(&self, cursor: &Cursor) -> Result<Walk> {
        let from = match cursor.since {
            Some(since) if !self.settings.filters.updated_since.is_empty() => {
                let from = since.saturating_sub(self.settings.overlap());
                Some(from.map_err(Error::bug)?)
            }
            _ => None,
        };
        Ok(Walk {
            from,
            ..Walk::default()
        })
    }

    fn page_request(&self, stream: Stream, walk: &Walk, rows: u32) -> Request {
        let settings = &self.settings;
        if let Some(next) = &walk.next {
            let url = match next.contains("://") {
                true => next.clone(),
                false => self.url(next),
            };
            return self.call(Request::get(url));
        }
        let (url, mut pairs) = match stream {
            Stream::CreditNotes => (self.url(&settings.paths.list), settings.of_credit_notes()),
            Stream::Customers => (self.url_of_list(&settings.customers), Vec::new()),
        };
        if let Some(from) = walk.from {
            pairs.push((&settings.filters.updated_since, from.to_string()));
        }
        if let Some((name, value)) = settings.order() {
            pairs.push((name, value.to_owned()));
        }
        pairs.push((&settings.page.size_param, rows.to_string()));
        let page = settings.page.first.saturating_add(walk.pages);
        pairs.push((&settings.page.param, page.to_string()));
        pairs.retain(|(name, _)| !name.is_empty());
        self.call(Request::get(url).query(pairs))
    }

    /// The rows that are not known yet, each read by itself where the list gives too little of it.
    async fn page<'a>(
        &self,
        cx: &Cx,
        stream: Stream,
        rows: &[Row<'a>],
        cursor: &mut Cursor,
    ) -> Result<Page<'a>> {
        let mut page = Page::new();
        let mut known: HashSet<String> = cursor.seen.iter().map(|it| it.1.clone()).collect();
        // A list that is made while it changes may hold a document twice; a page may not.
        let mut taken: HashSet<&str> = HashSet::new();
        for row in rows {
            if known.contains(&row.mark) || !taken.insert(&row.uuid) {
                continue;
            }
            let each = match self.settings.read_each {
                _ if stream == Stream::Customers => false,
                ReadEach::Always => true,
                ReadEach::Never => false,
                ReadEach::WhenShort => is_short(row.raw),
            };
            if !each {
                page.upsert(row.uuid.clone(), row.version.clone(), row.raw);
            } else if let Some(whole) = self.read_one(cx, &row.uuid).await? {
                let version = Seen::read(&whole)?.updated_at;
                page.upsert_owned(
                    row.uuid.clone(),
                    version.unwrap_or_else(|| fingerprint(&[whole.get()])),
                    whole,
                );
            } else {
                // Deleted since the list was made, or no longer for this key to see.
                page.delete(row.uuid.clone());
                continue;
            }
            if let Some(changed) = row.changed
                && known.insert(row.mark.clone())
            {
                cursor.seen.push((changed.as_second(), row.mark.clone()));
            }
        }
        Ok(page)
    }

    /// Keeps the marks that a reading from `newest` less the overlap on can meet again.
    fn forget(&self, cursor: &mut Cursor, newest: Option<Timestamp>) -> Result<()> {
        if let Some(newest) = newest {
            let oldest = newest
                .saturating_sub(self.settings.overlap())
                .map_err(Error::bug)?;
            cursor.seen.retain(|(at, _)| *at >= oldest.as_second());
        }
        cursor.seen.sort();
        let excess = cursor.seen.len().saturating_sub(REMEMBERED);
        cursor.seen.drain(..excess);
        Ok(())
    }
}

impl Walk {
    /// Goes on behind a page that was not the last.
    fn advance(&mut self, by: PageBy, last: Option<Timestamp>, next: &Next) {
        self.next = None;
        self.guessed = *next == Next::Unsaid;
        match (by, last) {
            (PageBy::Next, _) => {
                if let Next::Named(address) = next {
                    self.next = Some(address.clone());
                }
                self.pages += 1;
            }
            (PageBy::Changed, Some(last)) if self.from.is_none_or(|from| last > from) => {
                self.from = Some(last);
                self.pages = 0;
            }
            (PageBy::Changed | PageBy::Number, _) => self.pages += 1,
        }
    }
}

/// Documents that a page may hold.
fn most(limits: Limits) -> usize {
    match limits.page_docs {
        0 => usize::MAX,
        some => some as usize,
    }
}

fn read_rows<'a>(response: &Response, listing: &Listing<'a>) -> Result<Vec<Row<'a>>> {
    let row = |(at, raw): (usize, &&'a RawValue)| {
        let unreadable =
            |what: String| Error::protocol(format!("{}, row {at}: {what}", response.call()));
        let seen = Seen::read(raw).map_err(|err| unreadable(err.message))?;
        let changed = seen.changed();
        let uuid = seen
            .uuid
            .ok_or_else(|| unreadable("it has no uuid".to_owned()))?;
        // A row that does not say when it changed is told by its text.
        let version = seen.updated_at.unwrap_or_else(|| fingerprint(&[raw.get()]));
        let mark = fingerprint(&[&uuid, &version]);
        Ok(Row {
            raw,
            uuid,
            version,
            changed,
            mark,
        })
    };
    listing.rows.iter().enumerate().map(row).collect()
}

/// The newest change of a page. Going on from it is right only if the rows came in that order.
fn in_order(rows: &[Row<'_>], by: PageBy, response: &Response) -> Result<Option<Timestamp>> {
    let mut last = None;
    for row in rows {
        if by == PageBy::Changed && row.changed.is_some() && row.changed < last {
            return Err(Error::protocol(format!(
                "{}: document {} is out of the order asked for; correct the setting `order`, or write \
                 page.by = \"number\"",
                response.call(),
                row.uuid
            )));
        }
        last = row.changed.max(last);
    }
    Ok(last)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// FNV-1a of texts.
fn fingerprint(texts: &[&str]) -> String {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    let bytes = texts.iter().flat_map(|it| it.bytes().chain([0]));
    format!("{:016x}", bytes.fold(0xcbf2_9ce4_8422_2325, step))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_walk_goes_on_from_the_last_row() {
        let (noon, one) = (at("2026-01-01T12:00:00.25Z"), at("2026-01-01T13:00:00Z"));
        let named = Next::Named("/b?x=1".to_owned());
        let mut walk = Walk::default();
        walk.advance(PageBy::Changed, Some(noon), &named);
        assert_eq!((walk.from, walk.pages), (Some(noon), 0));
        // All rows of the page changed in one instant: only page numbers are left.
        walk.advance(PageBy::Changed, Some(noon), &named);
        assert_eq!((walk.from, walk.pages), (Some(noon), 1));
        walk.advance(PageBy::Changed, Some(one), &named);
        assert_eq!((walk.from, walk.pages), (Some(one), 0));
        walk.advance(PageBy::Changed, None, &named);
        assert_eq!((walk.from, walk.pages), (Some(one), 1));
        walk.advance(PageBy::Number, Some(one), &named);
        assert_eq!((walk.pages, walk.next.clone()), (2, None));
        walk.advance(PageBy::Next, Some(one), &named);
        assert_eq!((walk.pages, walk.next.as_deref()), (3, Some("/b?x=1")));
    }

    #[test]
    fn cursors_of_every_version_are_read() {
        let cases = [
            ("{}", Cursor::default()),
            (
                r#"{"since":"2026-01-01T00:00:00Z","seen":[[1767225600,"ab"]]}"#,
                Cursor {
                    since: Some(at("2026-01-01T00:00:00Z")),
                    seen: vec![(1_767_225_600, "ab".to_owned())],
                    walk: None,
                },
            ),
            (
                r#"{"walk":{"from":"2026-01-01T00:00:00Z","pages":2,"next":"/n","newest":"2026-01-02T00:00:00.5Z"}}"#,
                Cursor {
                    walk: Some(Walk {
                        from: Some(at("2026-01-01T00:00:00Z")),
                        pages: 2,
                        next: Some("/n".to_owned()),
                        guessed: false,
                        newest: Some(at("2026-01-02T00:00:00.5Z")),
                        largest: 0,
                    }),
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
