//! Shows how a mapping made each field, for the people who write mappings.

use super::{
    apply::{Apply, Field, Kind, Mapping, row_wanted},
    value::Value,
};

/// How one field of the target was made.
#[derive(Debug, Clone, PartialEq)]
pub struct Explained {
    /// Path in the target document, lines by position: `Lines.0.Tax`.
    pub field: String,
    /// The expression, constant, link or table look-up.
    pub made_by: String,
    /// Where it stands: `file:line`.
    pub at: String,
    /// Its value, nothing when the field is left out, or why there is none.
    pub value: Result<Option<Value>, String>,
}

impl Mapping {
    /// Every field with what made it. Goes on past fields that stop the document.
    pub fn explain(&self, cx: &Apply<'_>) -> Vec<Explained> {
        let bound = self.bound(cx);
        let mut all = Vec::new();
        let explained = |path: String, field: &Field, input: &Value| Explained {
            field: path,
            made_by: match &field.kind {
                Kind::Table { table, key, .. } => match bound.one_of(key, input) {
                    Ok(Some(found)) => {
                        let (key, rule) = row_wanted(found);
                        let rule = rule.map(|it| format!(", by the rule {}", it.to_text()));
                        let rule = rule.unwrap_or_default();
                        format!("table {table}, row \"{}\"{rule}", key.to_text())
                    }
                    _ => field.code.to_string(),
                },
                _ => field.code.to_string(),
            },
            at: self.at(field.line),
            value: self
                .value(field, input, &bound)
                .map_err(|it| it.words().to_owned()),
        };
        for it in &self.lets {
            all.push(Explained {
                field: it.path.to_string(),
                made_by: it.program.code().trim().to_owned(),
                at: self.at(it.line),
                value: match bound.one(&it.program) {
                    Ok(value) => Ok(value.map(|it| Value::text(it.excerpt(200)))),
                    Err(why) => Err(why.to_string()),
                },
            });
        }
        for field in &self.fields {
            all.push(explained(field.path.to_string(), field, bound.document));
        }
        for lines in &self.lines {
            let elements = bound.all(&lines.each);
            all.push(Explained {
                field: lines.path.to_string(),
                made_by: lines.each.code().trim().to_owned(),
                at: self.at(lines.line),
                value: match &elements {
                    Ok(it) => Ok(Some(Value::text(format!("{} lines", it.len())))),
                    Err(it) => Err(it.to_string()),
                },
            });
            for (index, element) in elements.unwrap_or_default().iter().enumerate() {
                for field in &lines.fields {
                    let path = format!("{}.{index}.{}", lines.path, field.name);
                    all.push(explained(path, field, element));
                }
            }
        }
        all
    }
}
