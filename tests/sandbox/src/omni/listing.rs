//! Lists: `where`, `order`, `page`, `rows`, `fields`; bare arrays and nothing else.

use std::cmp::Ordering;
use std::fmt;

use jiff::Timestamp;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

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
        Some(rows) => match candidates(rows, &keys, filter.as_ref()) {
            Candidates::InOrder(rows) => rows.filter(keep).skip(skip).take(size).collect(),
            Candidates::Unsorted(rows) => {
                let mut found: Vec<_> = rows.filter(keep).collect();
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
            Some(fields) => body.push_str(&fields.of_row(row)),
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
        Some(text) => Fields::parse(&text).of_row(row),
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

/// Rows among which are all that a list gives.
enum Candidates<'a> {
    InOrder(Box<dyn Iterator<Item = (i64, &'a Row)> + 'a>),
    Unsorted(Box<dyn Iterator<Item = (i64, &'a Row)> + 'a>),
}

/// The fewest rows that an index can name, in the order of the keys where an index has it.
fn candidates<'a>(rows: &'a Rows, keys: &[Key], filter: Option<&Filter>) -> Candidates<'a> {
    let names: Vec<(&str, bool)> = keys.iter().map(|it| (it.field, it.descending)).collect();
    if let Some(ids) = filter.and_then(Filter::ids) {
        let found = ids.into_iter().filter_map(|id| Some((id, rows.get(id)?)));
        return match names.as_slice() {
            [("id", false)] => Candidates::InOrder(Box::new(found)),
            _ => Candidates::Unsorted(Box::new(found)),
        };
    }
    let since = filter
        .and_then(Filter::since)
        .and_then(|it| Timestamp::from_second(it).ok())
        .unwrap_or(Timestamp::MIN);
    Candidates::InOrder(match names.as_slice() {
        [("id", false)] => Box::new(rows.by_id()),
        [("id", true)] => Box::new(rows.by_id().rev()),
        [("modifiedDate", false)] | [("modifiedDate", false), ("id", false)] => {
            Box::new(rows.changed_since(since))
        }
        [("modifiedDate", true)] | [("modifiedDate", true), ("id", true)] => {
            Box::new(rows.changed_since(since).rev())
        }
        // Rows that the keys leave equal stay in the order of their ids.
        _ => return Candidates::Unsorted(Box::new(rows.by_id())),
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

    fn asks_for(&self, name: &str) -> Option<&Option<Fields>> {
        let mut fields = self.0.iter();
        let found = fields.find(|(held, _)| held.eq_ignore_ascii_case(name));
        found.map(|(_, inner)| inner)
    }

    /// The chosen members of a row's text. What is not asked for is not read.
    fn of_row(&self, row: &Row) -> String {
        let Ok(Members(members)) = serde_json::from_str(&row.text) else {
            return self.of(&row.document()).text();
        };
        let mut text = String::from("{");
        for (name, value) in members {
            let Some(inner) = self.asks_for(&name) else {
                continue;
            };
            if text.len() > 1 {
                text.push(',');
            }
            text.push_str(&Json::str(name).text());
            text.push(':');
            match inner {
                None => text.push_str(value.get()),
                Some(inner) => {
                    let value = Json::parse(value.get()).unwrap_or_default();
                    text.push_str(&inner.of(&value).text());
                }
            }
        }
        text.push('}');
        text
    }

    fn of(&self, document: &Json) -> Json {
        match document {
            Json::Arr(items) => Json::Arr(items.iter().map(|it| self.of(it)).collect()),
            Json::Obj(object) => {
                let mut kept = Object::new();
                for (name, value) in object.iter() {
                    match self.asks_for(name) {
                        None => {}
                        Some(None) => kept.set(name.to_owned(), value.clone()),
                        Some(Some(inner)) => kept.set(name.to_owned(), inner.of(value)),
                    }
                }
                kept.into()
            }
            other => other.clone(),
        }
    }
}

/// The members of an object, each still text.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::with_capacity(48);
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(InOrder)
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
            let fields = Fields::parse(fields);
            assert_eq!(fields.of(&document).to_string(), expected);
            assert_eq!(fields.of_row(&Row::of(&document)), expected);
        }
    }
}
