//! Lists: `where`, `order`, `page`, `rows`, `fields`; bare arrays and nothing else.

use std::cmp::Ordering;

use jiff::Timestamp;

use super::account::{Account, Row, Rows};
use super::behaviour::Behaviour;
use super::filter::{Columns, Filter, instant};
use super::resources::Resource;
use crate::exchange::Request;
use crate::json::{Json, Object};

/// The body of a list, or the text of the 400.
pub(crate) fn list(
    account: &Account,
    resource: &Resource,
    request: &Request,
) -> Result<String, String> {
    let behaviour = &account.behaviour;
    let page = count(request, "page", 1, "The page number argument is not valid")?;
    let size = count(request, "rows", 50, "The rows argument is not valid")?;
    if size > 250 {
        return Err("The rows argument is more than 250".to_owned());
    }
    let filter = match request
        .query_value("where")
        .filter(|it| !it.trim().is_empty())
    {
        Some(text) => Some(Filter::parse(&text, resource, behaviour)?),
        None => None,
    };
    let asked = request
        .query_value("order")
        .filter(|it| !it.trim().is_empty());
    let keys = order(
        asked.as_deref().unwrap_or(&behaviour.default_order),
        resource,
        behaviour,
    )?;
    let skip = page.saturating_sub(1).saturating_mul(size);
    let keep = |(id, row): &(i64, &Row)| {
        filter.as_ref().is_none_or(|it| {
            it.holds(&mut Lazy {
                id: *id,
                row,
                document: None,
            })
        })
    };
    let chosen: Vec<(i64, &Row)> = match account.rows(resource.name) {
        None => Vec::new(),
        Some(rows) => match indexed(rows, &keys) {
            Some(rows) => rows.filter(keep).skip(skip).take(size).collect(),
            None => {
                let mut found: Vec<_> = rows.by_id().filter(keep).collect();
                sort(&mut found, &keys);
                found.into_iter().skip(skip).take(size).collect()
            }
        },
    };
    let fields = request
        .query_value("fields")
        .filter(|it| !it.trim().is_empty());
    let fields = fields.map(|text| Fields::parse(&text));
    let mut body = String::from("[");
    for (index, (_, row)) in chosen.into_iter().enumerate() {
        if index > 0 {
            body.push(',');
        }
        match &fields {
            None => body.push_str(&row.text),
            Some(fields) => body.push_str(&fields.of(&row.document()).text()),
        }
    }
    body.push(']');
    Ok(body)
}

/// One document with the fields that are asked for.
pub(crate) fn single(row: &Row, request: &Request) -> String {
    match request
        .query_value("fields")
        .filter(|it| !it.trim().is_empty())
    {
        None => row.text.clone(),
        Some(text) => Fields::parse(&text).of(&row.document()).to_string(),
    }
}

fn count(request: &Request, name: &str, default: usize, error: &str) -> Result<usize, String> {
    match request.query_value(name) {
        None => Ok(default),
        Some(text) => text
            .trim()
            .parse()
            .ok()
            .filter(|it| *it > 0)
            .ok_or_else(|| error.to_owned()),
    }
}

// Most conditions are about columns that the row carries beside its text; the text is read only
// when one is not.
struct Lazy<'a> {
    id: i64,
    row: &'a Row,
    document: Option<Json>,
}

impl Columns for Lazy<'_> {
    fn id(&self) -> i64 {
        self.id
    }

    fn modified(&self) -> Timestamp {
        self.row.modified
    }

    fn field(&mut self, name: &str) -> Json {
        let document = self.document.get_or_insert_with(|| self.row.document());
        document.get(name).cloned().unwrap_or_default()
    }
}

/// The rows in the order of the keys, where an index has it.
fn indexed<'a>(
    rows: &'a Rows,
    keys: &[Key],
) -> Option<Box<dyn Iterator<Item = (i64, &'a Row)> + 'a>> {
    let names: Vec<(&str, bool)> = keys.iter().map(|it| (it.field, it.descending)).collect();
    Some(match names.as_slice() {
        [("id", false)] => Box::new(rows.by_id()),
        [("id", true)] => Box::new(rows.by_id().rev()),
        [("modifiedDate", false)] | [("modifiedDate", false), ("id", false)] => {
            Box::new(rows.by_change())
        }
        [("modifiedDate", true)] | [("modifiedDate", true), ("id", true)] => {
            Box::new(rows.by_change().rev())
        }
        _ => return None,
    })
}

struct Key {
    field: &'static str,
    descending: bool,
}

fn order(text: &str, resource: &Resource, behaviour: &Behaviour) -> Result<Vec<Key>, String> {
    let parts: Vec<&str> = text.split(',').collect();
    if parts.len() > 1 && !behaviour.two_key_order {
        return Err("Invalid order: one field only".to_owned());
    }
    parts
        .into_iter()
        .map(|part| {
            let mut words = part.split_whitespace();
            let name = words.next().unwrap_or_default();
            let field = resource
                .field(name)
                .ok_or_else(|| format!("Invalid order: no field '{name}'"))?;
            let descending = match words.next().map(str::to_ascii_uppercase).as_deref() {
                None | Some("ASC") => false,
                Some("DESC") => true,
                Some(other) => return Err(format!("Invalid order: unexpected '{other}'")),
            };
            Ok(Key { field, descending })
        })
        .collect()
}

fn sort(rows: &mut Vec<(i64, &Row)>, keys: &[Key]) {
    let mut read: Vec<(Json, (i64, &Row))> =
        rows.drain(..).map(|row| (row.1.document(), row)).collect();
    read.sort_by(|(a, _), (b, _)| {
        directed(keys, |key| compare(a.get(key.field), b.get(key.field)))
    });
    rows.extend(read.into_iter().map(|(_, row)| row));
}

fn directed(keys: &[Key], compare: impl Fn(&Key) -> Ordering) -> Ordering {
    keys.iter()
        .map(|key| {
            if key.descending {
                compare(key).reverse()
            } else {
                compare(key)
            }
        })
        .find(|it| *it != Ordering::Equal)
        .unwrap_or(Ordering::Equal)
}

fn compare(a: Option<&Json>, b: Option<&Json>) -> Ordering {
    let (a, b) = (a.unwrap_or(&Json::Null), b.unwrap_or(&Json::Null));
    match (a, b) {
        (Json::Null, Json::Null) => Ordering::Equal,
        (Json::Null, _) => Ordering::Less,
        (_, Json::Null) => Ordering::Greater,
        (Json::Num(_), Json::Num(_)) => a.as_decimal().cmp(&b.as_decimal()),
        (Json::Str(a), Json::Str(b)) => match (instant(a), instant(b)) {
            (Some(a), Some(b)) => a.cmp(&b),
            _ => a.to_lowercase().cmp(&b.to_lowercase()),
        },
        _ => a.to_string().cmp(&b.to_string()),
    }
}

/// The fields that a call asks for. Unknown ones are simply missing from the result.
struct Fields(Vec<(String, Option<Fields>)>);

impl Fields {
    fn parse(text: &str) -> Self {
        let mut parts = Vec::new();
        let (mut depth, mut start) = (0_usize, 0_usize);
        for (at, c) in text.char_indices() {
            match c {
                '(' => depth = depth.saturating_add(1),
                ')' => depth = depth.saturating_sub(1),
                ',' if depth == 0 => {
                    parts.push(text.get(start..at).unwrap_or_default());
                    start = at.saturating_add(1);
                }
                _ => {}
            }
        }
        parts.push(text.get(start..).unwrap_or_default());
        Self(
            parts
                .into_iter()
                .map(|part| match part.split_once('(') {
                    None => (part.trim().to_owned(), None),
                    Some((name, inner)) => {
                        let inner = inner.trim().trim_end_matches(')');
                        (name.trim().to_owned(), Some(Self::parse(inner)))
                    }
                })
                .collect(),
        )
    }

    fn of(&self, document: &Json) -> Json {
        match document {
            Json::Arr(items) => Json::Arr(items.iter().map(|it| self.of(it)).collect()),
            Json::Obj(object) => {
                let mut kept = Object::new();
                for (name, value) in object.iter() {
                    let asked = self
                        .0
                        .iter()
                        .find(|(held, _)| held.eq_ignore_ascii_case(name));
                    match asked {
                        None => {}
                        Some((_, None)) => kept.set(name.to_owned(), value.clone()),
                        Some((_, Some(inner))) => kept.set(name.to_owned(), inner.of(value)),
                    }
                }
                kept.into()
            }
            other => other.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_pick_by_name_and_nest() {
        let document =
            Json::parse(r#"{"id":1,"total":-1.50,"lineItems":[{"code":"A","qty":-1.0,"x":1}]}"#)
                .unwrap();
        let cases = [
            ("ID,Total", r#"{"id":1,"total":-1.50}"#),
            (
                "id, lineItems(code,QTY), nope",
                r#"{"id":1,"lineItems":[{"code":"A","qty":-1.0}]}"#,
            ),
            (
                "lineItems",
                r#"{"lineItems":[{"code":"A","qty":-1.0,"x":1}]}"#,
            ),
        ];
        for (fields, expected) in cases {
            assert_eq!(
                Fields::parse(fields).of(&document).to_string(),
                expected,
                "{fields}"
            );
        }
    }
}
