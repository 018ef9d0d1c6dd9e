//! The values that a mapping's tables can put into a document, for checking them before any document
//! does.

use std::path::PathBuf;

use super::{
    apply::{Field, Kind, Mapping},
    value::Value,
};

/// One row of a table that a mapping uses, and a document that holds nothing but its value.
#[derive(Debug, Clone, PartialEq)]
pub struct TableValue {
    /// Name of the table.
    pub table: String,
    /// Its file.
    pub file: PathBuf,
    /// Key of the row; none is the value for all other keys.
    pub key: Option<String>,
    /// Field of the target that the value goes into.
    pub field: String,
    /// The value in its place, all else absent.
    pub document: Value,
}

impl Mapping {
    /// Every row of every table that fills a field.
    pub fn table_values(&self) -> Vec<TableValue> {
        let mut values = Vec::new();
        for field in &self.fields {
            self.of_field(field, |value| placed(&field.name, value), &mut values);
        }
        for lines in &self.lines {
            for field in &lines.fields {
                let place =
                    |value| placed(&lines.path, Value::array(vec![placed(&field.name, value)]));
                self.of_field(field, place, &mut values);
            }
        }
        values
    }

    fn of_field(
        &self,
        field: &Field,
        place: impl Fn(Value) -> Value,
        values: &mut Vec<TableValue>,
    ) {
        let Kind::Table { table, .. } = &field.kind else {
            return;
        };
        let Some(data) = self.lookups.get(&**table) else {
            return;
        };
        let rows = data
            .rows
            .iter()
            .map(|(key, value)| (Some(key.clone()), value));
        let rest = data.default.iter().map(|value| (None, value));
        for (key, value) in rows.chain(rest) {
            values.push(TableValue {
                table: data.name.to_string(),
                file: data.file.clone(),
                key,
                field: field.path.to_string(),
                document: place(value.clone()),
            });
        }
    }
}

/// An object in which `path` holds `value`.
fn placed(path: &str, value: Value) -> Value {
    path.rsplit('.')
        .fold(value, |inner, name| Value::object([(name, inner)]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_stands_alone_in_its_place() {
        let document = placed("A.B", Value::text("x"));
        assert_eq!(document.to_json(), r#"{"A":{"B":"x"}}"#);
    }
}
