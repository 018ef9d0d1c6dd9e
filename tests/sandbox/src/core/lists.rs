//! Lists: an envelope with `Total` and `Page`, no order to ask for, unknown filters passed over.

use jiff::Timestamp;
use uuid::Uuid;

use super::account::{Account, Sale};
use super::behaviour::ListOrder;
use super::rows::{note_rows, sale_row};
use crate::exchange::Request;
use crate::json::{Json, Object};
use crate::omni::filter::instant;
use crate::world::Cx;

/// Query keys and the fields of a row that they compare.
const FILTERS: &[(&str, &str)] = &[
    ("QuoteStatus", "QuoteStatus"),
    ("OrderStatus", "OrderStatus"),
    ("CombinedPickStatus", "CombinedPickingStatus"),
    ("CombinedPackStatus", "CombinedPackingStatus"),
    ("CombinedShippingStatus", "CombinedShippingStatus"),
    ("CombinedInvoiceStatus", "CombinedInvoiceStatus"),
    ("CreditNoteStatus", "CreditNoteStatus"),
    ("ExternalID", "ExternalID"),
    ("Status", "Status"),
    ("OrderLocationID", "OrderLocationID"),
];

/// Fields that `Search` looks into.
const SEARCHED: &[&str] = &[
    "OrderNumber",
    "Status",
    "Customer",
    "InvoiceNumber",
    "CustomerReference",
    "CreditNoteNumber",
];

/// Query keys that are known beside the filters.
const KNOWN: &[&str] = &[
    "Page",
    "Limit",
    "Search",
    "CreatedSince",
    "UpdatedSince",
    "UpdatedUntil",
];

/// The body of `/saleList`, or the text of the 400.
pub(crate) fn sales(
    account: &Account,
    request: &Request,
    cx: &mut Cx<'_>,
) -> Result<String, String> {
    walk(account, request, cx, |id, sale| {
        if sale.stand_alone && !account.behaviour.stand_alone_in_sale_list {
            Rows::None
        } else {
            Rows::Lazy(1, Box::new(move || vec![sale_row(account, id, sale)]))
        }
    })
}

/// The body of `/saleCreditNoteList`, or the text of the 400.
pub(crate) fn notes(
    account: &Account,
    request: &Request,
    cx: &mut Cx<'_>,
) -> Result<String, String> {
    walk(account, request, cx, |id, sale| match sale.notes {
        0 => Rows::None,
        count => {
            let count = if account.behaviour.note_list_by_sale {
                1
            } else {
                count
            };
            Rows::Lazy(count, Box::new(move || note_rows(account, id, sale)))
        }
    })
}

/// The rows that a sale stands for. Reading them costs, so it waits until one is on the page.
enum Rows<'a> {
    None,
    Lazy(usize, Box<dyn Fn() -> Vec<Object> + 'a>),
}

fn walk<'a>(
    account: &'a Account,
    request: &Request,
    cx: &mut Cx<'_>,
    rows: impl Fn(Uuid, &'a Sale) -> Rows<'a>,
) -> Result<String, String> {
    let bounds = Bounds::of(account, request)?;
    let conditions = Conditions::of(request);
    remark_unknown(request, cx);
    let sales: Box<dyn Iterator<Item = (Uuid, &Sale)>> = match account.behaviour.list_order {
        ListOrder::NewestFirst => Box::new(account.sales.by_change().rev()),
        ListOrder::OldestFirst => Box::new(account.sales.by_change()),
        ListOrder::ById => Box::new(account.sales.by_id()),
    };
    let page = Page::of(account, request);
    let mut total = 0_usize;
    let mut listed = Vec::new();
    for (id, sale) in sales.filter(|(_, it)| bounds.hold(it)) {
        let Rows::Lazy(count, read) = rows(id, sale) else {
            continue;
        };
        if conditions.are_none() {
            let before = total;
            total = total.saturating_add(count);
            if page.touches(before, count) {
                let on_page = read().into_iter().enumerate();
                let on_page = on_page.filter(|(at, _)| page.has(before.saturating_add(*at)));
                listed.extend(on_page.map(|(_, row)| Json::Obj(row)));
            }
            continue;
        }
        for row in read().into_iter().filter(|it| conditions.hold(it)) {
            if page.has(total) {
                listed.push(Json::Obj(row));
            }
            total = total.saturating_add(1);
        }
    }
    Ok(page.envelope("SaleList", total, listed))
}

fn remark_unknown(request: &Request, cx: &mut Cx<'_>) {
    for (name, _) in url::form_urlencoded::parse(request.query.as_bytes()) {
        let known = KNOWN
            .iter()
            .chain(FILTERS.iter().map(|(key, _)| key))
            .any(|it| it.eq_ignore_ascii_case(&name));
        if !known {
            cx.remark(format!("{name} is ignored: no such filter"));
        }
    }
}

/// One page of a list.
pub(crate) struct Page {
    number: usize,
    limit: usize,
}

impl Page {
    /// The page that is asked for; more rows than the account gives are cut without a word.
    pub(crate) fn of(account: &Account, request: &Request) -> Self {
        let count = |name: &str, default: usize| {
            request
                .query_value(name)
                .and_then(|it| it.trim().parse().ok())
                .filter(|it| *it > 0)
                .unwrap_or(default)
        };
        let largest = account.behaviour.largest_page.clamp(1, 1000);
        Self {
            number: count("Page", 1),
            limit: count("Limit", 100).min(largest),
        }
    }

    fn first(&self) -> usize {
        self.number.saturating_sub(1).saturating_mul(self.limit)
    }

    fn has(&self, at: usize) -> bool {
        at >= self.first() && at < self.first().saturating_add(self.limit)
    }

    fn touches(&self, from: usize, count: usize) -> bool {
        from < self.first().saturating_add(self.limit) && from.saturating_add(count) > self.first()
    }

    fn envelope(&self, key: &'static str, total: usize, rows: Vec<Json>) -> String {
        let count = |it: usize| Json::int(i64::try_from(it).unwrap_or(i64::MAX));
        let envelope = Object::new()
            .with("Total", count(total))
            .with("Page", count(self.number))
            .with(key, rows);
        Json::Obj(envelope).text()
    }

    /// The envelope of rows that are all at hand.
    pub(crate) fn cut(&self, key: &'static str, rows: Vec<Json>) -> String {
        let total = rows.len();
        let rows = rows.into_iter().skip(self.first()).take(self.limit);
        self.envelope(key, total, rows.collect())
    }
}

/// An instant of the query, or the text of the 400.
pub(crate) fn since(request: &Request, name: &str) -> Result<Option<Timestamp>, String> {
    match request.query_value(name).filter(|it| !it.trim().is_empty()) {
        None => Ok(None),
        Some(text) => match instant(text.trim()) {
            Some(instant) => Ok(Some(instant)),
            None => Err(format!("Value '{text}' is not valid for parameter {name}")),
        },
    }
}

struct Bounds {
    created_since: Option<Timestamp>,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    inclusive: bool,
}

impl Bounds {
    fn of(account: &Account, request: &Request) -> Result<Self, String> {
        Ok(Self {
            created_since: since(request, "CreatedSince")?,
            since: since(request, "UpdatedSince")?,
            until: since(request, "UpdatedUntil")?,
            inclusive: account.behaviour.inclusive_bounds,
        })
    }

    fn hold(&self, sale: &Sale) -> bool {
        let after = |at: Timestamp, bound: Option<Timestamp>| {
            bound.is_none_or(|bound| at > bound || (self.inclusive && at == bound))
        };
        after(sale.updated, self.since)
            && after(sale.created, self.created_since)
            && self
                .until
                .is_none_or(|it| sale.updated < it || (self.inclusive && sale.updated == it))
    }
}

struct Conditions {
    equal: Vec<(&'static str, String)>,
    search: Option<String>,
}

impl Conditions {
    fn of(request: &Request) -> Self {
        let given = |name: &str| request.query_value(name).filter(|it| !it.trim().is_empty());
        Self {
            equal: FILTERS
                .iter()
                .filter_map(|(key, field)| Some((*field, given(key)?)))
                .collect(),
            search: given("Search").map(|it| it.to_lowercase()),
        }
    }

    fn are_none(&self) -> bool {
        self.equal.is_empty() && self.search.is_none()
    }

    fn hold(&self, row: &Object) -> bool {
        let text = |field: &str| row.get(field).and_then(Json::as_str).unwrap_or_default();
        self.equal
            .iter()
            .all(|(field, asked)| text(field).eq_ignore_ascii_case(asked.trim()))
            && self.search.as_ref().is_none_or(|asked| {
                SEARCHED
                    .iter()
                    .any(|field| text(field).to_lowercase().contains(asked))
            })
    }
}
