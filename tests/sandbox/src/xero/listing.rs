//! Lists: `where`, `order`, `page`, `If-Modified-Since`.
//!
//! Without `page` a list is complete and thin: no lines, and little of each contact.

use std::cmp::Ordering;

use jiff::Timestamp;

use super::answers::{Paging, Refusal};
use super::dates::parse_modified_since;
use super::expression::{Condition, Properties, SortKey, Value, order};
use super::organisation::{Held, Shelf};
use crate::exchange::Request;

const MOST_ROWS: usize = 100_000;

/// The rows that a list call asks for.
pub(crate) struct Selection<'a, T> {
    pub(crate) rows: Vec<&'a T>,
    /// Present when the call is paged.
    pub(crate) paging: Option<Paging>,
    /// Nothing was modified since the moment that the call names.
    pub(crate) unmodified: bool,
}

/// Chooses rows of a shelf. `keep` is what the resource filters by its own parameters.
pub(crate) fn select<'a, T: Held>(
    shelf: &'a Shelf<T>,
    request: &Request,
    properties: &Properties,
    inclusive: bool,
    force_paging: bool,
    keep: impl Fn(&T) -> bool,
    value: impl Fn(&T, &str) -> Value,
) -> Result<Selection<'a, T>, Refusal> {
    let condition = match request
        .query_value("where")
        .filter(|it| !it.trim().is_empty())
    {
        Some(text) => Some(Condition::parse(&text, properties)?),
        None => None,
    };
    let sort = match request
        .query_value("order")
        .filter(|it| !it.trim().is_empty())
    {
        Some(text) => order(&text, properties)?,
        None => Vec::new(),
    };
    let heavy = condition.as_ref().is_some_and(|it| !it.is_optimised()) || !sort.is_empty();
    if shelf.len() > MOST_ROWS && heavy {
        return Err(Refusal::Plain(
            "The query is not optimised and the organisation holds too many rows".to_owned(),
        ));
    }
    let since = since(request, inclusive);
    let mut rows: Vec<&T> = Vec::new();
    let from = since.unwrap_or(Timestamp::MIN);
    for row in shelf.changed_since(from) {
        if !keep(row) {
            continue;
        }
        let holds = match &condition {
            None => true,
            Some(condition) => condition.holds(&|name| value(row, name))?,
        };
        if holds {
            rows.push(row);
        }
    }
    if !sort.is_empty() {
        rows.sort_by(|a, b| compare(&sort, *a, *b, &value));
    }
    let unmodified = since.is_some() && rows.is_empty();
    let paging = paging(request, rows.len(), force_paging)?;
    match paging {
        None if rows.len() > MOST_ROWS => {
            return Err(Refusal::Plain(
                "The result has too many rows; ask for pages".to_owned(),
            ));
        }
        None => {}
        Some(Paging { page, size, .. }) => {
            let skip = page.saturating_sub(1).saturating_mul(size);
            rows = rows.into_iter().skip(skip).take(size).collect();
        }
    }
    Ok(Selection {
        rows,
        paging,
        unmodified,
    })
}

/// The first instant that `If-Modified-Since` lets through. A value that is no such time is
/// ignored, so the list comes whole.
fn since(request: &Request, inclusive: bool) -> Option<Timestamp> {
    let since = parse_modified_since(request.header_value("if-modified-since")?)?;
    if inclusive {
        return Some(since);
    }
    since.checked_add(jiff::SignedDuration::from_secs(1)).ok()
}

fn paging(request: &Request, items: usize, force: bool) -> Result<Option<Paging>, Refusal> {
    let number = |name: &str, default: usize| match request.query_value(name) {
        None => Ok(default),
        Some(text) => text
            .parse::<usize>()
            .ok()
            .filter(|it| *it > 0)
            .ok_or_else(|| Refusal::Plain(format!("The value '{text}' of {name} is not valid"))),
    };
    if request.query_value("page").is_none() && !force {
        return Ok(None);
    }
    let page = number("page", 1)?;
    let size = number("pageSize", 100)?;
    if size > 1000 {
        return Err(Refusal::Plain("pageSize is at most 1000".to_owned()));
    }
    Ok(Some(Paging { page, size, items }))
}

fn compare<T>(sort: &[SortKey], a: &T, b: &T, value: &impl Fn(&T, &str) -> Value) -> Ordering {
    for key in sort {
        let order = value(a, key.property).order(&value(b, key.property));
        let order = if key.descending {
            order.reverse()
        } else {
            order
        };
        if order != Ordering::Equal {
            return order;
        }
    }
    Ordering::Equal
}
