//! Reads a list to its end, page by page, although rows move between pages meanwhile.
//!
//! Lists have no order of their own choosing and no cursor. A row that is changed while a list is
//! read leaves the frozen window; every row behind it moves up, and one slips over the boundary into
//! the page that was just read. It shows in `Total`, which Core counts anew for each page: when it
//! changed, the page before is read once more. In the end there must be as many rows as `Total`
//! says, or the pull fails and the next one tries again; a list that is cut short would lose sales
//! for good.

use std::collections::HashSet;

use ledgerline_plugin_api::prelude::*;

use crate::fields::Fields;
use crate::{Core, answer, stamp};

/// Times that a list is begun again or stepped back in before it counts as too restless.
const PATIENCE: u32 = 12;

/// One page.
pub(crate) struct Listed<'a> {
    /// Rows as they came.
    pub(crate) rows: Vec<&'a RawValue>,
    /// How many there are in all; not every list says it.
    total: Option<u64>,
}

/// Finds the rows under any of the names that stand for the list. Core calls the list of credit notes
/// `SaleList`.
pub(crate) fn read<'a>(response: &'a Response, names: &[&str]) -> Result<Listed<'a>> {
    let fields: Fields<'a> = response.json()?;
    let rows = fields
        .many(names)
        .map_err(|err| Error::protocol(format!("{}: {err}", response.call())))?;
    if !fields.has(names) {
        return Err(Error::protocol(format!(
            "{} answered without `{}`: {}",
            response.call(),
            names.join("` or `"),
            response.excerpt()
        )));
    }
    let total = fields.text(&["Total"]).and_then(|it| it.parse().ok());
    Ok(Listed { rows, total })
}

/// Where the reading of a list stands.
#[derive(Debug)]
pub(crate) struct Pager {
    limit: usize,
    page: usize,
    /// Rows of each page, as last read.
    counts: Vec<usize>,
    total: Option<u64>,
    seen: HashSet<String>,
    /// Rows seen when it was last read to its end.
    seen_before: Option<usize>,
    setbacks: u32,
}

/// What follows a page.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Read this page.
    Page(usize),
    /// The list was read.
    End,
    /// It changed faster than it could be read.
    Restless(String),
}

impl Pager {
    pub(crate) fn new(limit: u32) -> Self {
        Self {
            limit: limit as usize,
            page: 1,
            counts: Vec::new(),
            total: None,
            seen: HashSet::new(),
            seen_before: None,
            setbacks: 0,
        }
    }

    /// Takes note of a page. Rows are told apart by all that they say: an id may come in several, one
    /// for each credit note of a sale.
    pub(crate) fn took(&mut self, listed: &Listed<'_>) -> Next {
        let rows = listed.rows.iter();
        self.seen
            .extend(rows.map(|it| stamp::fingerprint([it.get()])));
        let count = listed.rows.len();
        self.counts.truncate(self.page - 1);
        self.counts.push(count);
        let before = std::mem::replace(&mut self.total, listed.total);
        let Some(total) = listed.total else {
            // Without a total, only a page that is not full can be the last.
            return if count < self.limit {
                Next::End
            } else {
                self.go(self.page + 1)
            };
        };
        if before.is_some_and(|it| it != total) && self.page > 1 {
            let page = self.page - 1;
            return self.again(page, total);
        }
        let read: usize = self.counts.iter().sum();
        if read as u64 >= total && self.seen.len() as u64 >= total {
            return Next::End;
        }
        if count == 0 || read as u64 >= total {
            // Rows are missing, or came twice in place of others; unless they are twice in a list that
            // stands still, which the next reading of it tells.
            let seen = self.seen.len();
            if read as u64 >= total && self.seen_before.replace(seen) == Some(seen) {
                return Next::End;
            }
            return self.again(1, total);
        }
        self.go(self.page + 1)
    }

    fn go(&mut self, page: usize) -> Next {
        self.page = page;
        Next::Page(page)
    }

    fn again(&mut self, page: usize, total: u64) -> Next {
        self.setbacks += 1;
        if self.setbacks > PATIENCE {
            return Next::Restless(format!(
                "it says that it has {total} rows, but {} came, also when it was read again and again; \
                 the next pull tries anew",
                self.seen.len()
            ));
        }
        self.go(page)
    }
}

/// A list that is being read.
pub(crate) struct Lister<'a> {
    core: &'a Core,
    path: &'static str,
    names: &'static [&'static str],
    filters: Vec<(&'static str, String)>,
    rows: u32,
    pager: Pager,
    next: Option<usize>,
}

impl<'a> Lister<'a> {
    /// A list with the names under which its rows may come.
    pub(crate) fn new(
        core: &'a Core,
        path: &'static str,
        names: &'static [&'static str],
        filters: Vec<(&'static str, String)>,
    ) -> Self {
        let rows = core.settings.rows();
        Self {
            core,
            path,
            names,
            filters,
            rows,
            pager: Pager::new(rows),
            next: Some(1),
        }
    }

    /// The next page's answer; nothing after the last. [`Self::took`] is owed for each.
    pub(crate) async fn next(&mut self, cx: &Cx) -> Result<Option<Response>> {
        let Some(page) = self.next else {
            return Ok(None);
        };
        let request = self
            .core
            .get(self.path)
            .query([("Page", page.to_string()), ("Limit", self.rows.to_string())])
            .query(self.filters.iter().map(|(name, value)| (*name, value)));
        let response = answer::success(cx.http(request).await?)?;
        Ok(Some(response))
    }

    /// The rows of a page.
    pub(crate) fn read<'r>(&self, response: &'r Response) -> Result<Listed<'r>> {
        read(response, self.names)
    }

    /// Takes note of a page. Says whether it was the last.
    pub(crate) fn took(&mut self, response: &Response, listed: &Listed<'_>) -> Result<bool> {
        self.next = match self.pager.took(listed) {
            Next::Page(page) => Some(page),
            Next::End => None,
            Next::Restless(why) => {
                return Err(Error::unavailable(format!("{}: {why}", response.call())));
            }
        };
        Ok(self.next.is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Which page, its rows, its total.
    type Answer = (usize, &'static [&'static str], Option<u64>);

    /// Plays pages of ids with their totals; gives the pages asked for and how it ended.
    fn play(limit: u32, pages: &[Answer]) -> (Vec<usize>, Next, usize) {
        let mut pager = Pager::new(limit);
        let mut asked = vec![1];
        let mut next = Next::Page(1);
        for (page, ids, total) in pages {
            assert_eq!(next, Next::Page(*page));
            let body = serde_json::to_string(ids).unwrap();
            let listed = Listed {
                rows: serde_json::from_str(&body).unwrap(),
                total: *total,
            };
            next = pager.took(&listed);
            if let Next::Page(page) = next {
                asked.push(page);
            }
        }
        (asked, next, pager.seen.len())
    }

    #[test]
    fn a_list_ends_with_its_total_or_with_a_short_page() {
        let cases: &[(&str, &[Answer], usize)] = &[
            ("empty", &[(1, &[], Some(0))], 0),
            ("one page", &[(1, &["a", "b"], Some(2))], 2),
            (
                "pages smaller than asked for",
                &[
                    (1, &["a"], Some(3)),
                    (2, &["b"], Some(3)),
                    (3, &["c"], Some(3)),
                ],
                3,
            ),
            ("no total", &[(1, &["a", "b"], None), (2, &["c"], None)], 3),
            (
                "no total, last page full",
                &[(1, &["a", "b"], None), (2, &[], None)],
                2,
            ),
        ];
        for (name, pages, seen) in cases {
            let (_, next, found) = play(2, pages);
            assert_eq!((next, found), (Next::End, *seen), "{name}");
        }
    }

    #[test]
    fn a_row_that_slipped_over_a_boundary_is_found() {
        // `a` leaves after page 1; `c` moves into page 1 and would be missed.
        let (asked, next, seen) = play(
            2,
            &[
                (1, &["a", "b"], Some(4)),
                (2, &["d"], Some(3)),
                (1, &["b", "c"], Some(3)),
                (2, &["d"], Some(3)),
            ],
        );
        assert_eq!((asked, next, seen), (vec![1, 2, 1, 2], Next::End, 4));
    }

    #[test]
    fn a_list_that_is_short_of_its_total_is_begun_again_and_then_given_up() {
        let (_, next, _) = play(
            2,
            &[
                (1, &["a", "b"], Some(3)),
                (2, &["b"], Some(3)),
                (1, &["a", "b"], Some(3)),
                (2, &["c"], Some(3)),
            ],
        );
        assert_eq!(next, Next::End);

        let short: &[Answer] = &[(1, &["a", "b"], Some(3)), (2, &[], Some(3))];
        let many: Vec<_> = short.iter().copied().cycle().take(26).collect();
        let (_, next, _) = play(2, &many);
        assert!(matches!(next, Next::Restless(_)), "{next:?}");
    }

    #[test]
    fn a_list_that_holds_a_row_twice_is_read_twice() {
        let (asked, next, seen) = play(
            3,
            &[
                (1, &["a", "b", "b"], Some(3)),
                (1, &["a", "b", "b"], Some(3)),
            ],
        );
        assert_eq!((asked, next, seen), (vec![1, 1], Next::End, 2));
    }

    #[test]
    fn the_key_of_a_list_is_one_of_its_names() {
        let names = &["SaleList", "SaleCreditNoteList"];
        for body in [
            r#"{"Total":1,"Page":1,"SaleList":[{"SaleID":"a"}]}"#,
            r#"{"total":"1","saleList":{"SaleID":"a"}}"#,
            r#"{"Total":1,"SaleCreditNoteList":[{"SaleID":"a"}]}"#,
        ] {
            let response = Response::new(200, body);
            let listed = read(&response, names).unwrap();
            assert_eq!((listed.rows.len(), listed.total), (1, Some(1)), "{body}");
        }
        let nothing = Response::new(200, r#"{"Total":0,"SaleList":null}"#);
        assert!(read(&nothing, names).unwrap().rows.is_empty());
        let other = Response::new(200, r#"{"Total":1,"Rows":[]}"#);
        let error = read(&other, names).map(|_| ()).unwrap_err();
        assert!(error.message.contains("without `SaleList`"), "{error}");
    }
}
