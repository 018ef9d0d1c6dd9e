//! Takes a TOML tree apart: tables with known keys, text, flags, constants. Everything that is not as
//! wanted is reported, and reading goes on.

use std::ops::Range;

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::written::Text;
use crate::{
    config::findings::{Findings, SourceFile, nearest},
    mapping::value::Value,
};

pub(super) type Written<'i> = Spanned<DeValue<'i>>;

/// A table of which each known key is taken once; what is left over is unknown.
pub(super) struct Table<'t, 'i> {
    pub(super) table: &'t DeTable<'i>,
    place: Range<usize>,
    known: Vec<&'static str>,
}

impl<'t, 'i> Table<'t, 'i> {
    pub(super) fn of(table: &'t DeTable<'i>, place: Range<usize>) -> Self {
        Self {
            table,
            place,
            known: Vec::new(),
        }
    }

    pub(super) fn take(&mut self, name: &'static str) -> Option<(Range<usize>, &'t Written<'i>)> {
        self.known.push(name);
        self.table
            .get_key_value(name)
            .map(|(key, value)| (key.span(), value))
    }

    pub(super) fn need(
        &mut self,
        name: &'static str,
        reader: &mut Reader<'_>,
    ) -> Option<&'t Written<'i>> {
        let found = self.take(name).map(|(_, value)| value);
        if found.is_none() {
            reader.wrong(
                self.place.clone(),
                format!("`{name}` is missing"),
                "in here",
                None,
            );
        }
        found
    }

    pub(super) fn finish(self, reader: &mut Reader<'_>) {
        for (key, _) in self.table {
            let name = key.get_ref();
            if !self.known.iter().any(|it| *it == name.as_ref()) {
                let help = match nearest(name, self.known.iter().copied()) {
                    Some(it) => format!("did you mean `{it}`?"),
                    None => format!("known here: {}", self.known.join(", ")),
                };
                reader.wrong(
                    key.span(),
                    format!("`{name}` is not known here"),
                    "unknown",
                    Some(help),
                );
            }
        }
    }
}

pub(super) struct Reader<'f> {
    pub(super) file: &'f SourceFile,
    pub(super) findings: &'f mut Findings,
}

impl Reader<'_> {
    pub(super) fn wrong(
        &mut self,
        span: Range<usize>,
        message: impl Into<String>,
        label: &str,
        help: Option<String>,
    ) {
        self.findings
            .push(self.file.finding(span, message, label, help));
    }

    pub(super) fn unexpected(&mut self, value: &Written<'_>, wanted: &str) {
        self.wrong(value.span(), format!("this must be {wanted}"), wanted, None);
    }

    pub(super) fn text(&mut self, value: &Written<'_>) -> Option<Text> {
        match value.get_ref() {
            DeValue::String(it) => Some(Text {
                value: it.to_string(),
                span: value.span(),
            }),
            _ => {
                self.unexpected(value, "text");
                None
            }
        }
    }

    pub(super) fn flag(
        &mut self,
        found: Option<(Range<usize>, &Written<'_>)>,
        default: bool,
    ) -> bool {
        match found.map(|(_, it)| (it, it.get_ref())) {
            None => default,
            Some((_, DeValue::Boolean(it))) => *it,
            Some((value, _)) => {
                self.unexpected(value, "true or false");
                default
            }
        }
    }

    pub(super) fn table<'t, 'i>(&mut self, value: &'t Written<'i>) -> Option<&'t DeTable<'i>> {
        let found = value.get_ref().as_table();
        if found.is_none() {
            self.unexpected(value, "a table");
        }
        found
    }

    /// Entries of a table in the order in which they stand in the file.
    pub(super) fn entries<'t, 'i>(
        &mut self,
        value: &'t Written<'i>,
    ) -> Vec<(Text, &'t Written<'i>)> {
        self.table(value).map(in_order).unwrap_or_default()
    }

    pub(super) fn list<'t, 'i, T>(
        &mut self,
        value: &'t Written<'i>,
        mut read: impl FnMut(&mut Self, &'t Written<'i>) -> Option<T>,
    ) -> Vec<T> {
        match value.get_ref() {
            DeValue::Array(it) => it.iter().filter_map(|it| read(self, it)).collect(),
            _ => {
                self.unexpected(value, "a list of tables");
                Vec::new()
            }
        }
    }

    /// A constant. Floats and dates are refused: amounts and dates in TOML are text.
    pub(super) fn value(&mut self, value: &Written<'_>) -> Option<Value> {
        let help = |it: &str| Some(format!("write \"{it}\""));
        match value.get_ref() {
            DeValue::String(it) => Some(Value::from(it.as_ref())),
            DeValue::Boolean(it) => Some(Value::Bool(*it)),
            DeValue::Integer(it) => match i64::from_str_radix(it.as_str(), it.radix()) {
                Ok(it) => Some(Value::from(it)),
                Err(_) => {
                    self.unexpected(value, "a whole number of at most 18 digits");
                    None
                }
            },
            DeValue::Float(it) => {
                let message = "a number with a fraction may not be what was written";
                self.wrong(value.span(), message, "write it as text", help(it.as_str()));
                None
            }
            DeValue::Datetime(it) => {
                let message = "documents know dates only as text";
                self.wrong(
                    value.span(),
                    message,
                    "write it as text",
                    help(&it.to_string()),
                );
                None
            }
            DeValue::Array(it) => {
                let items: Vec<_> = it.iter().map(|it| self.value(it)).collect();
                Some(Value::array(items.into_iter().collect::<Option<Vec<_>>>()?))
            }
            DeValue::Table(it) => {
                let fields: Vec<_> = in_order(it)
                    .into_iter()
                    .map(|(name, it)| Some((name.value, self.value(it)?)))
                    .collect();
                Some(Value::object(
                    fields.into_iter().collect::<Option<Vec<_>>>()?,
                ))
            }
        }
    }

    pub(super) fn values(&mut self, value: &Written<'_>) -> Vec<(Text, Value)> {
        let entries = self.entries(value);
        entries
            .into_iter()
            .filter_map(|(name, it)| Some((name, self.value(it)?)))
            .collect()
    }
}

pub(super) fn in_order<'t, 'i>(table: &'t DeTable<'i>) -> Vec<(Text, &'t Written<'i>)> {
    let mut entries: Vec<_> = table
        .iter()
        .map(|(key, value)| {
            (
                Text {
                    value: key.get_ref().to_string(),
                    span: key.span(),
                },
                value,
            )
        })
        .collect();
    entries.sort_by_key(|(key, _)| key.span.start);
    entries
}
