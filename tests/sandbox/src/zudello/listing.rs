//! Lists: filters by name, an order, pages in the envelope of the contract.

use std::cmp::Ordering;

use jiff::Timestamp;

use super::contract::{BeyondEnd, Contract, Next, Several};
use super::team::{Key, Row, Team};
use crate::exchange::{Reply, Request};
use crate::json::{Json, Object};
use crate::omni::filter::instant;
use crate::world::Cx;

/// A call that a list cannot answer: status, field and text.
#[derive(Debug)]
pub(crate) struct Refused(pub(crate) u16, pub(crate) &'static str, pub(crate) String);

/// What a list selects by beside its instant: the query's name and the row's member.
type Columns<'a> = Vec<(&'a str, &'static str)>;

/// The documents that a key sees and that the query selects, in its order.
pub(crate) fn transactions<'a>(
    team: &'a Team,
    key: &Key,
    request: &Request,
    cx: &mut Cx<'_>,
) -> Result<Vec<&'a Row>, Refused> {
    let filters = &team.contract.filters;
    let columns: Columns<'_> = vec![
        (&filters.module, "module"),
        (&filters.submodule, "submodule"),
        (&filters.status, "status"),
        ("document_number", "document_number"),
        ("external_id", "external_id"),
    ];
    let module = last(request, &filters.module);
    let submodule = last(request, &filters.submodule);
    if let (Some(module), Some(submodule)) = (&module, &submodule)
        && !key.may(module, submodule, "READ")
    {
        return Err(Refused(
            403,
            "detail",
            format!("You do not have permission {module}:{submodule}#READ."),
        ));
    }
    let seen = team.transactions.oldest_first().filter(|row| {
        visible(team, key, row)
            && row.text("status") != team.workflow.deleted
            && key.may(row.text("module"), row.text("submodule"), "READ")
    });
    select(&team.contract, seen, &columns, request, cx)
}

/// Whether a key's data permission shows it a document.
pub(crate) fn visible(team: &Team, key: &Key, row: &Row) -> bool {
    use super::team::Data;
    let own = |row: &Row| row.owner == key.description;
    match key.data {
        Data::All => true,
        Data::Own => own(row),
        Data::Related => {
            own(row)
                || team
                    .transactions
                    .oldest_first()
                    .any(|it| own(it) && it.text("customer") == row.text("customer"))
        }
    }
}

/// The master data that the query selects, in its order.
pub(crate) fn resources<'a>(
    team: &'a Team,
    resource: &str,
    request: &Request,
    cx: &mut Cx<'_>,
) -> Result<Vec<&'a Row>, Refused> {
    let columns: Columns<'_> = vec![
        (&team.contract.filters.status, "status"),
        ("code", "code"),
        ("sku", "sku"),
        ("legal_name", "legal_name"),
        ("name", "name"),
        ("external_id", "external_id"),
    ];
    let rows = team.resources.get(resource).into_iter();
    let rows = rows.flat_map(|it| it.oldest_first());
    select(&team.contract, rows, &columns, request, cx)
}

fn select<'a>(
    contract: &Contract,
    rows: impl Iterator<Item = &'a Row>,
    columns: &Columns<'_>,
    request: &Request,
    cx: &mut Cx<'_>,
) -> Result<Vec<&'a Row>, Refused> {
    let filters = &contract.filters;
    for (name, _) in url::form_urlencoded::parse(request.query.as_bytes()) {
        let known = columns.iter().any(|(held, _)| *held == name)
            || [
                &filters.updated_since,
                &contract.page.param,
                &contract.page.size_param,
                &contract.order_param,
            ]
            .iter()
            .any(|it| **it == name);
        if !known {
            cx.remark(format!("{name} is ignored: no such parameter"));
        }
    }
    let wanted: Vec<(&str, Vec<String>)> = columns
        .iter()
        .map(|(name, column)| (*column, values(request, name, filters.several)))
        .filter(|(_, values)| !values.is_empty())
        .collect();
    let since = match last(request, &filters.updated_since) {
        None => None,
        Some(text) => Some(instant(&text).ok_or_else(|| {
            Refused(
                400,
                "updated_at",
                format!("'{text}' is not a valid datetime."),
            )
        })?),
    };
    let order = last(request, &contract.order_param);
    let order = parse_order(order.as_deref().unwrap_or(&contract.default_order))?;
    let fits = |row: &&Row| {
        since.is_none_or(|since| later(row.updated, since, filters.inclusive))
            && wanted
                .iter()
                .all(|(column, values)| values.iter().any(|it| it == row.text(column)))
    };
    let mut found: Vec<&Row> = rows.filter(fits).collect();
    found.sort_by(|a, b| {
        order
            .iter()
            .map(|key| key.compare(a, b))
            .find(|it| it.is_ne())
            .unwrap_or(Ordering::Equal)
    });
    Ok(found)
}

fn later(updated: Timestamp, since: Timestamp, inclusive: bool) -> bool {
    updated > since || inclusive && updated == since
}

fn last(request: &Request, name: &str) -> Option<String> {
    url::form_urlencoded::parse(request.query.as_bytes())
        .filter(|(held, value)| held == name && !value.is_empty())
        .last()
        .map(|(_, value)| value.into_owned())
}

fn values(request: &Request, name: &str, several: Several) -> Vec<String> {
    match several {
        Several::None => last(request, name).into_iter().collect(),
        Several::Comma => last(request, name)
            .map(|it| it.split(',').map(|it| it.trim().to_owned()).collect())
            .unwrap_or_default(),
        Several::Repeat => url::form_urlencoded::parse(request.query.as_bytes())
            .filter(|(held, value)| held == name && !value.is_empty())
            .map(|(_, value)| value.into_owned())
            .collect(),
    }
}

struct OrderKey {
    field: String,
    descending: bool,
}

impl OrderKey {
    fn compare(&self, a: &Row, b: &Row) -> Ordering {
        let ordering = match self.field.as_str() {
            "uuid" => a.uuid.cmp(&b.uuid),
            "updated_at" => a.updated.cmp(&b.updated),
            "created_at" => a.created.cmp(&b.created),
            field => a.text(field).cmp(b.text(field)),
        };
        if self.descending {
            ordering.reverse()
        } else {
            ordering
        }
    }
}

fn parse_order(text: &str) -> Result<Vec<OrderKey>, Refused> {
    const FIELDS: &[&str] = &[
        "uuid",
        "updated_at",
        "created_at",
        "document_number",
        "date_issued",
        "status",
        "code",
        "legal_name",
        "name",
    ];
    let keys = text.split(',').map(|part| {
        let part = part.trim();
        let field = part.strip_prefix('-').unwrap_or(part);
        if !FIELDS.contains(&field) {
            let text = format!("'{field}' is not a field to order by.");
            return Err(Refused(400, "ordering", text));
        }
        Ok(OrderKey {
            field: field.to_owned(),
            descending: part.starts_with('-'),
        })
    });
    keys.collect()
}

/// One page of the rows, in the contract's envelope.
pub(crate) fn page(
    contract: &Contract,
    rows: &[&Row],
    show: impl Fn(&Row) -> Json,
    request: &Request,
) -> Result<Reply, Refused> {
    let paging = &contract.page;
    let number = |name: &str, default: usize| match last(request, name) {
        None => Ok(default),
        Some(text) => text
            .parse::<usize>()
            .map_err(|_| Refused(400, "page", format!("'{text}' is not a whole number."))),
    };
    let page = number(&paging.param, paging.first)?;
    let Some(index) = page.checked_sub(paging.first) else {
        return Err(Refused(404, "detail", "Invalid page.".to_owned()));
    };
    let size = number(&paging.size_param, paging.size)?.clamp(1, paging.most.max(1));
    let start = index.saturating_mul(size);
    if start >= rows.len() && index > 0 && paging.beyond_end == BeyondEnd::NotFound {
        return Err(Refused(404, "detail", "Invalid page.".to_owned()));
    }
    let shown: Vec<Json> = rows
        .iter()
        .skip(start)
        .take(size)
        .map(|it| show(it))
        .collect();
    if paging.items_pointer.is_empty() {
        return Ok(Reply::json(200, Json::Arr(shown).text()));
    }
    let more = start.saturating_add(size) < rows.len();
    let next = more.then(|| address(contract, request, page.saturating_add(1)));
    let before = (index > 0).then(|| address(contract, request, page.saturating_sub(1)));
    let mut body = Json::Obj(Object::new());
    set(
        &mut body,
        "/count",
        Json::int(i64::try_from(rows.len()).unwrap_or(i64::MAX)),
    );
    set(&mut body, &paging.next_pointer, next.into());
    let previous = paging.next_pointer.replace("next", "previous");
    if previous != paging.next_pointer {
        set(&mut body, &previous, before.into());
    }
    set(&mut body, &paging.items_pointer, Json::Arr(shown));
    Ok(Reply::json(200, body.text()))
}

fn address(contract: &Contract, request: &Request, page: usize) -> Json {
    let paging = &contract.page;
    if paging.next == Next::Page {
        return Json::int(i64::try_from(page).unwrap_or(i64::MAX));
    }
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in url::form_urlencoded::parse(request.query.as_bytes()) {
        if name != paging.param {
            query.append_pair(&name, &value);
        }
    }
    query.append_pair(&paging.param, &page.to_string());
    let path = format!("{}?{}", request.path, query.finish());
    match request.header_value("host") {
        Some(host) if paging.next == Next::Url => Json::Str(format!("http://{host}{path}")),
        _ => Json::Str(path),
    }
}

/// Puts a value at a JSON pointer, making the objects on the way.
fn set(body: &mut Json, pointer: &str, value: Json) {
    let mut at = body;
    for name in pointer.trim_start_matches('/').split('/') {
        if !matches!(at, Json::Obj(_)) {
            *at = Json::Obj(Object::new());
        }
        let Json::Obj(object) = at else { return };
        if object.get(name).is_none() {
            object.set(name.to_owned(), Json::Null);
        }
        let Some(inner) = object.get_mut(name) else {
            return;
        };
        at = inner;
    }
    *at = value;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_makes_its_way() {
        let mut body = Json::Obj(Object::new());
        set(&mut body, "/meta/next", Json::Null);
        set(&mut body, "/meta/count", Json::int(3));
        set(&mut body, "/data", Json::Arr(Vec::new()));
        assert_eq!(body.text(), r#"{"meta":{"next":null,"count":3},"data":[]}"#);
    }
}
