//! Reads the credit notes of the sales that changed.
//!
//! Core has no list of credit notes: two lists tell which sales changed, then each sale that may have
//! one costs a call of its own. At 50 calls a minute a first fill takes hours, so
//!
//! * the window is frozen at both ends when a walk begins, and the lists are read anew when it is
//!   resumed: they cost a call for a thousand sales,
//! * sales are asked for in the order of (`Updated`, id), a few at once, and what was read is stored
//!   with the place it reached. A time alone would not do: hundreds of sales may share a millisecond,
//! * the watermark moves only with the last sale of the window, to the newest change listed, never to
//!   "now",
//! * the next walk lists some minutes again, because a change may become visible late and nobody says
//!   whether the bounds count as inside. What it meets unchanged is known by its mark, and costs
//!   nothing.
//!
//! A credit note that is taken back may vanish without a trace. So each sale says which credit notes
//! are all it has; a stored one beyond them is no more.

use std::cmp::Ordering;
use std::collections::{HashSet, VecDeque};

use futures_util::future::join_all;
use jiff::Timestamp;
use ledgerline_plugin_api::prelude::*;

use crate::list::Lister;
use crate::notes::{self, Note};
use crate::rows::{self, Place, Row, Rows};
use crate::{Core, answer, stamp};

/// Both lists call their rows so; the second name is what one would expect.
const SALES: &[&str] = &["SaleList", "SaleCreditNoteList"];
/// Rows that are stored together at most. Those without a credit note cost no call.
const ROWS_A_PAGE: usize = 400;
/// Marks that a cursor holds. Should more sales have changed within the overlap, the oldest of them
/// are asked for again, which costs calls and nothing else.
const MARKS: usize = 1_000;

/// Where the next pull starts. The engine stores it, so old values must stay readable.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Cursor {
    /// The newest change that is stored, with all before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) since: Option<Timestamp>,
    /// The walk under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    walk: Option<Walk>,
    /// Rows within the overlap that the last walk has dealt with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    marks: Vec<String>,
}

impl Cursor {
    /// Between walks: everything until then is stored.
    pub(crate) fn at(since: Option<Timestamp>) -> Self {
        Self {
            since,
            ..Self::default()
        }
    }
}

/// A walk and how far it has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Walk {
    /// Sales changed since this; all when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<Timestamp>,
    /// Sales changed until this.
    until: Timestamp,
    /// The last sale that is stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    after: Option<Place>,
}

/// A row and the credit notes of its sale.
struct Done {
    row: Row,
    notes: Vec<Note>,
}

impl Core {
    pub(crate) async fn walk_notes(&self, cx: &Cx, mut cursor: Cursor) -> Result<()> {
        let Some(mut walk) = self.begin(cx, &cursor)? else {
            return Ok(());
        };
        let rows = self.list(cx, &walk).await?;
        let known: HashSet<&str> = cursor.marks.iter().map(String::as_str).collect();
        let mut left: VecDeque<Row> = rows
            .iter()
            .filter(|row| walk.is_ahead(row) && !known.contains(row.mark().as_str()))
            .cloned()
            .collect();
        drop(known);
        while !left.is_empty() {
            let (done, failure) = self.ask(cx, take(&mut left, self.settings.at_once())).await;
            let mut done = done.into_iter().peekable();
            while done.peek().is_some() {
                let (page, last) = fill(&mut done, cx.limits());
                walk.after = last;
                cursor.walk = Some(walk.clone());
                cx.commit(page, &cursor).await?;
            }
            if let Some(error) = failure {
                return Err(error);
            }
        }
        cx.commit(Page::new(), &self.ended(&cursor, &walk, &rows))
            .await
    }

    /// The walk under way, or a new one; none when nothing can have changed since the last.
    fn begin(&self, cx: &Cx, cursor: &Cursor) -> Result<Option<Walk>> {
        if let Some(walk) = &cursor.walk {
            return Ok(Some(walk.clone()));
        }
        let now = Timestamp::from_millisecond(cx.now_ms()).map_err(Error::bug)?;
        let until = now
            .saturating_sub(self.settings.settle())
            .map_err(Error::bug)?;
        let from = match cursor.since {
            Some(since) => Some(
                since
                    .saturating_sub(self.settings.overlap())
                    .map_err(Error::bug)?,
            ),
            None => self.settings.read_from()?,
        };
        let any = from.is_none_or(|from| from < until);
        Ok(any.then_some(Walk {
            from,
            until,
            after: None,
        }))
    }

    /// The sales that changed within the window, in order, from both lists.
    async fn list(&self, cx: &Cx, walk: &Walk) -> Result<Vec<Row>> {
        let mut filters = Vec::new();
        filters.extend(walk.from.map(|it| ("UpdatedSince", stamp::written(it))));
        filters.push(("UpdatedUntil", stamp::written(walk.until)));
        let mut rows = Rows::default();
        // A stand-alone credit note is a sale in the second list alone.
        for path in ["saleList", "saleCreditNoteList"] {
            let credited = path == "saleCreditNoteList" || self.settings.every_sale();
            let mut lister = Lister::new(self, path, SALES, filters.clone());
            while let Some(response) = lister.next(cx).await? {
                let listed = lister.read(&response)?;
                for (at, raw) in listed.rows.iter().enumerate() {
                    let mut row = rows::read(raw, walk.until).map_err(|what| {
                        Error::protocol(format!("{}, row {at}: {what}", response.call()))
                    })?;
                    row.credited |= credited;
                    // Filters whose name Core does not know are passed over without a word.
                    if walk.holds(&row) {
                        rows.add(row);
                    }
                }
                lister.took(&response, &listed)?;
            }
        }
        Ok(rows.in_order())
    }

    /// Asks for the sales of some rows, all at once. Gives those that came, up to the first that did
    /// not.
    async fn ask(&self, cx: &Cx, rows: Vec<Row>) -> (Vec<Done>, Option<Error>) {
        let asked = rows.into_iter().map(|row| async {
            match row.credited {
                true => self
                    .sale(cx, &row.sale)
                    .await
                    .map(|notes| Done { row, notes }),
                // Its row says that there is none, see `rows.rs`.
                false => Ok(Done {
                    row,
                    notes: Vec::new(),
                }),
            }
        });
        let mut done = Vec::new();
        for result in join_all(asked).await {
            match result {
                Ok(it) => done.push(it),
                Err(error) => return (done, Some(error)),
            }
        }
        (done, None)
    }

    async fn sale(&self, cx: &Cx, sale: &str) -> Result<Vec<Note>> {
        let request = self.get("sale").query([
            ("ID", sale),
            // Else charges come among the lines, without what tells them apart.
            ("CombineAdditionalCharges", "false"),
            ("HideInventoryMovements", "true"),
            ("IncludeTransactions", "false"),
        ]);
        let response = cx.http(request).await?;
        // Sales are voided, not removed; one that is gone all the same has no credit notes.
        if answer::says_not_found(&response) {
            return Ok(Vec::new());
        }
        let response = answer::success(response).map_err(|error| Error {
            message: format!("sale {sale}: {}", error.message),
            ..error
        })?;
        notes::read(&response, sale)
    }

    /// The cursor after a walk: all its sales are stored.
    fn ended(&self, cursor: &Cursor, walk: &Walk, rows: &[Row]) -> Cursor {
        // A row that does not say when it was changed stands at the end of the window: that is no news.
        let mut newest = rows.iter().rev().map(|it| it.updated);
        let newest = newest.find(|it| *it < walk.until);
        let since = cursor.since.max(newest);
        let overlap = self.settings.overlap();
        let again = since.and_then(|it| it.saturating_sub(overlap).ok());
        let marks = rows
            .iter()
            .rev()
            .take_while(|row| Some(row.updated) >= again)
            .take(MARKS)
            .map(Row::mark)
            .collect();
        Cursor {
            since,
            walk: None,
            marks,
        }
    }
}

impl Walk {
    fn holds(&self, row: &Row) -> bool {
        self.from.is_none_or(|from| from <= row.updated) && row.updated <= self.until
    }

    fn is_ahead(&self, row: &Row) -> bool {
        let after = self.after.as_ref();
        after.is_none_or(|it| it.compare(row) == Ordering::Less)
    }
}

/// The next rows: so many that cost a call, and those without a credit note in between.
fn take(left: &mut VecDeque<Row>, calls: usize) -> Vec<Row> {
    let mut taken = Vec::new();
    let mut cost = 0;
    while let Some(row) = left.front() {
        if taken.len() == ROWS_A_PAGE || (row.credited && cost == calls) {
            break;
        }
        cost += usize::from(row.credited);
        taken.extend(left.pop_front());
    }
    taken
}

/// A page of whole sales, as many as it may hold, with the place it reaches.
fn fill(
    done: &mut std::iter::Peekable<impl Iterator<Item = Done>>,
    limits: Limits,
) -> (Page<'static>, Option<Place>) {
    let most = match limits.page_docs {
        0 => usize::MAX,
        docs => docs as usize,
    };
    let mut page = Page::new();
    let mut last = None;
    // The sale itself counts as one: it says that there is nothing else below it.
    while let Some(Done { row, notes }) =
        done.next_if(|it| page.is_empty() || page.len() + it.notes.len() < most)
    {
        // Ids of its credit notes begin with the sale's, which are all of one length.
        page.only(row.sale.clone());
        for note in notes {
            page.upsert_owned(note.id, note.version, note.body);
        }
        last = Some(row.place());
    }
    (page, last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(sale: &str, second: i64, credited: bool) -> Row {
        Row {
            updated: Timestamp::from_second(second).unwrap(),
            sale: sale.to_owned(),
            credited,
        }
    }

    #[test]
    fn rows_are_taken_by_what_they_cost() {
        let mut left: VecDeque<Row> = [true, false, true, false, true]
            .into_iter()
            .map(|it| row("a", 0, it))
            .collect();
        assert_eq!(take(&mut left, 2).len(), 4);
        assert_eq!(take(&mut left, 2).len(), 1);
        let mut free: VecDeque<Row> = (0..ROWS_A_PAGE + 1).map(|_| row("a", 0, false)).collect();
        assert_eq!(take(&mut free, 2).len(), ROWS_A_PAGE);
    }

    #[test]
    fn a_place_among_equal_times_is_told_by_the_id() {
        let walk = Walk {
            from: Some(Timestamp::from_second(5).unwrap()),
            until: Timestamp::from_second(9).unwrap(),
            after: Some(row("m", 7, true).place()),
        };
        let cases = [
            ("a", 6, true, false),
            ("l", 7, true, false),
            ("m", 7, true, false),
            ("n", 7, true, true),
            ("a", 8, true, true),
            ("a", 9, true, true),
            ("a", 10, false, true),
            ("a", 4, false, false),
        ];
        for (sale, second, held, ahead) in cases {
            let row = row(sale, second, true);
            assert_eq!(
                (walk.holds(&row), walk.is_ahead(&row)),
                (held, ahead),
                "{sale} {second}"
            );
        }
    }

    #[test]
    fn cursors_of_every_version_are_read() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let cases = [
            ("{}", Cursor::default()),
            (
                r#"{"since":"2026-01-01T00:00:00.125Z","marks":["00000000000000aa"]}"#,
                Cursor {
                    since: Some(at("2026-01-01T00:00:00.125Z")),
                    walk: None,
                    marks: vec!["00000000000000aa".into()],
                },
            ),
            (
                r#"{"walk":{"from":"2025-12-31T23:50:00Z","until":"2026-01-02T00:00:00Z","after":{"updated":"2026-01-01T00:00:00Z","sale":"a"}}}"#,
                Cursor {
                    since: None,
                    walk: Some(Walk {
                        from: Some(at("2025-12-31T23:50:00Z")),
                        until: at("2026-01-02T00:00:00Z"),
                        after: Some(Place {
                            updated: at("2026-01-01T00:00:00Z"),
                            sale: "a".into(),
                        }),
                    }),
                    marks: Vec::new(),
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
