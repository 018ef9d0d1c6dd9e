//! The compiled schema, and how a document is checked against it.

use std::{collections::BTreeMap, fmt};

use regex::Regex;
use serde_json::Value as Json;

use super::{compile::Compiler, place::Place};
use crate::mapping::value::{Number, Value};

/// Deepest nesting of schemas and values.
pub(super) const DEEPEST: usize = 64;

/// A compiled schema.
#[derive(Debug)]
pub(in crate::mapping) struct Schema {
    pub(super) nodes: Vec<Node>,
}

/// What a document does wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::mapping) struct Violation {
    /// Dotted path; empty for the document itself.
    pub(in crate::mapping) path: String,
    /// What is wrong there, to follow the path: `is missing`.
    pub(in crate::mapping) what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.as_str() {
            "" => write!(f, "the document {}", self.what),
            path => write!(f, "`{path}` {}", self.what),
        }
    }
}

pub(super) type Id = usize;

#[derive(Debug, Default)]
pub(super) struct Node {
    pub(super) never: bool,
    pub(super) same_as: Option<Id>,
    pub(super) types: Vec<String>,
    pub(super) values: Option<Vec<Value>>,
    pub(super) fields: BTreeMap<String, Id>,
    pub(super) required: Vec<String>,
    pub(super) dependent: Vec<(String, Vec<String>)>,
    pub(super) others: Option<Id>,
    pub(super) items: Option<Id>,
    pub(super) min_items: Option<usize>,
    pub(super) max_items: Option<usize>,
    pub(super) min_length: Option<usize>,
    pub(super) max_length: Option<usize>,
    pub(super) pattern: Option<Regex>,
    pub(super) minimum: Option<Number>,
    pub(super) maximum: Option<Number>,
    pub(super) above: Option<Number>,
    pub(super) below: Option<Number>,
    pub(super) multiple_of: Option<Number>,
    pub(super) all_of: Vec<Id>,
    pub(super) any_of: Vec<Id>,
    pub(super) one_of: Vec<Id>,
    pub(super) not: Option<Id>,
}

impl Schema {
    /// Compiles a schema. An absent one (`null`) takes anything.
    pub(in crate::mapping) fn compile(json: &Json) -> Result<Self, String> {
        Ok(Self {
            nodes: Compiler::compile(json)?,
        })
    }

    /// The whole document's place.
    pub(in crate::mapping) fn root(&self) -> Place<'_> {
        Place::root(self)
    }

    /// Checks a whole document.
    pub(in crate::mapping) fn validate(&self, value: &Value) -> Result<(), Violation> {
        self.check(0, value, &mut Vec::new(), 0)
    }

    pub(super) fn resolved(&self, mut id: Id) -> Id {
        for _ in 0..DEEPEST {
            match self.nodes[id].same_as {
                Some(it) => id = it,
                None => break,
            }
        }
        id
    }

    pub(super) fn check<'v>(
        &'v self,
        id: Id,
        value: &'v Value,
        path: &mut Vec<Step<'v>>,
        depth: usize,
    ) -> Result<(), Violation> {
        let node = &self.nodes[id];
        let wrong = |path: &[Step<'_>], what: String| {
            let path = path
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(".");
            Err(Violation { path, what })
        };
        if node.never {
            return wrong(path, "is not taken by the target".to_owned());
        }
        // Deeper than any value: a schema that refers to itself for the same value.
        if depth > 4 * DEEPEST {
            return wrong(path, "is nested too deeply".to_owned());
        }
        if let Some(it) = node.same_as {
            self.check(it, value, path, depth + 1)?;
        }
        if !node.types.is_empty() && !node.types.iter().any(|it| is_a(value, it)) {
            let wanted: Vec<&str> = node.types.iter().map(|it| spoken(it)).collect();
            let what = format!(
                "is {} where {} is wanted",
                spoken(value.kind()),
                wanted.join(" or ")
            );
            return wrong(path, what);
        }
        if let Some(values) = &node.values
            && !values.contains(value)
        {
            let known: Vec<String> = values.iter().map(|it| it.to_text().to_string()).collect();
            let what = match known.as_slice() {
                [one] => format!("is {} where only {one} is taken", value.excerpt(40)),
                _ => format!("is {}, not one of {}", value.excerpt(40), known.join(", ")),
            };
            return wrong(path, what);
        }
        if let Some(what) = node.wrong(value) {
            return wrong(path, what);
        }
        match value {
            Value::Obj(object) => {
                for name in &node.required {
                    if object.get(name).is_none() {
                        path.push(Step::Field(name));
                        let result = wrong(path, "is missing".to_owned());
                        path.pop();
                        return result;
                    }
                }
                for (name, needs) in &node.dependent {
                    if let Some(missing) = needs.iter().find(|it| object.get(it).is_none())
                        && object.get(name).is_some()
                    {
                        return wrong(path, format!("has `{name}` without `{missing}`"));
                    }
                }
                for (name, value) in object.iter() {
                    path.push(Step::Field(name));
                    match (node.fields.get(&**name), node.others) {
                        (Some(id), _) => self.check(*id, value, path, depth + 1)?,
                        (None, Some(id)) if self.nodes[id].never => {
                            return wrong(path, "is not a field of the target".to_owned());
                        }
                        (None, Some(id)) => self.check(id, value, path, depth + 1)?,
                        (None, None) => {}
                    }
                    path.pop();
                }
            }
            Value::Arr(array) => {
                if let Some(id) = node.items {
                    for (index, value) in array.items().iter().enumerate() {
                        path.push(Step::At(index));
                        self.check(id, value, path, depth + 1)?;
                        path.pop();
                    }
                }
            }
            _ => {}
        }
        for id in &node.all_of {
            self.check(*id, value, path, depth + 1)?;
        }
        let length = path.len();
        let fitting = |ids: &[Id], path: &mut Vec<Step<'v>>| {
            let fits = ids.iter().filter(|id| {
                let fits = self.check(**id, value, path, depth + 1).is_ok();
                path.truncate(length);
                fits
            });
            fits.count()
        };
        if !node.any_of.is_empty() && fitting(&node.any_of, path) == 0 {
            return wrong(
                path,
                "fits none of the forms that the target takes".to_owned(),
            );
        }
        if !node.one_of.is_empty() && fitting(&node.one_of, path) != 1 {
            return wrong(
                path,
                "does not fit exactly one of the forms that the target takes".into(),
            );
        }
        if node.not.is_some_and(|id| fitting(&[id], path) == 1) {
            return wrong(path, "has a form that the target does not take".to_owned());
        }
        Ok(())
    }
}

pub(super) enum Step<'v> {
    Field(&'v str),
    At(usize),
}

impl fmt::Display for Step<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(it) => f.write_str(it),
            Self::At(it) => it.fmt(f),
        }
    }
}

impl Node {
    /// What is wrong with a value of its own, its parts aside.
    fn wrong(&self, value: &Value) -> Option<String> {
        match value {
            Value::Str(text) => {
                let length = || text.chars().count();
                if let Some(most) = self
                    .max_length
                    .filter(|it| text.len() > *it && length() > *it)
                {
                    return Some(format!(
                        "has {} characters; the target takes {most}",
                        length()
                    ));
                }
                match self.min_length.filter(|it| length() < *it) {
                    Some(1) => return Some("is empty".to_owned()),
                    Some(least) => {
                        return Some(format!(
                            "has {} characters; at least {least} are wanted",
                            length()
                        ));
                    }
                    None => {}
                }
                if let Some(it) = self.pattern.as_ref().filter(|it| !it.is_match(text)) {
                    let shown = value.excerpt(60);
                    return Some(format!(
                        "is {shown}, which does not fit the form {}",
                        it.as_str()
                    ));
                }
            }
            Value::Num(number) => {
                if let Some(least) = self.minimum.as_ref().filter(|it| number < it) {
                    return Some(format!("is {number}, below {least}"));
                }
                if let Some(most) = self.maximum.as_ref().filter(|it| number > it) {
                    return Some(format!("is {number}, above {most}"));
                }
                if let Some(bound) = self.above.as_ref().filter(|it| number <= it) {
                    return Some(format!("is {number}; it must be above {bound}"));
                }
                if let Some(bound) = self.below.as_ref().filter(|it| number >= it) {
                    return Some(format!("is {number}; it must be below {bound}"));
                }
                if let Some(step) = &self.multiple_of {
                    let rest = number.modulo(step).ok();
                    if !rest.is_some_and(|it| it.as_decimal().is_some_and(|it| it.is_zero())) {
                        return Some(format!("is {number}, which is not a multiple of {step}"));
                    }
                }
            }
            Value::Arr(array) => {
                let count = array.items().len();
                if let Some(least) = self.min_items.filter(|it| count < *it) {
                    return Some(format!("has {count} elements; at least {least} are wanted"));
                }
                if let Some(most) = self.max_items.filter(|it| count > *it) {
                    return Some(format!("has {count} elements; the target takes {most}"));
                }
            }
            _ => {}
        }
        None
    }
}

fn is_a(value: &Value, kind: &str) -> bool {
    match (kind, value) {
        ("integer", Value::Num(it)) => it
            .as_decimal()
            .is_some_and(|it| it.normalize().scale() == 0),
        (kind, value) => value.kind() == kind,
    }
}

fn spoken(kind: &str) -> &str {
    match kind {
        "string" => "text",
        "number" => "a number",
        "integer" => "a whole number",
        "boolean" => "true or false",
        "array" => "a list",
        "object" => "an object",
        "null" => "null",
        it => it,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn violation(schema: &Json, document: &str) -> String {
        let schema = Schema::compile(schema).unwrap_or_else(|it| panic!("{it}"));
        let value = Value::parse(document.as_bytes()).unwrap_or_else(|it| panic!("{it}"));
        schema
            .validate(&value)
            .map_or_else(|it| it.to_string(), |()| "fits".to_owned())
    }

    #[test]
    fn documents_are_checked() {
        let schema = json!({
            "type": "object", "additionalProperties": false, "required": ["Type"],
            "dependentRequired": {"First": ["Name"]},
            "properties": {
                "Type": {"enum": ["CREDIT", "DEBIT"]},
                "Name": {"type": "string", "minLength": 1, "maxLength": 5},
                "First": {"type": ["string", "null"]},
                "Date": {"$ref": "#/$defs/date"},
                "Rate": {"type": "number", "exclusiveMinimum": 0, "maximum": 9999999999.99},
                "Count": {"type": "integer", "multipleOf": 5},
                "Fixed": {"const": 1},
                "Either": {"oneOf": [{"type": "string"}, {"type": "number"}]},
                "Lines": {"type": "array", "minItems": 1, "maxItems": 2, "items": {"$ref": "#/$defs/line"}},
            },
            "$defs": {
                "date": {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$"},
                "line": {"type": "object", "required": ["Text"], "properties": {"Text": {"type": "string"}}}
            }
        });
        let cases = [
            (r#"{"Type":"CREDIT"}"#, "fits"),
            (
                r#"{"Type":"CREDIT","Name":"äöüéè","Rate":0.5,"Count":10.0,"Fixed":1.00}"#,
                "fits",
            ),
            ("{}", "`Type` is missing"),
            (
                r#"{"Type":"X"}"#,
                r#"`Type` is "X", not one of CREDIT, DEBIT"#,
            ),
            (
                r#"{"Type":"CREDIT","Nmae":1}"#,
                "`Nmae` is not a field of the target",
            ),
            (
                r#"{"Type":"CREDIT","Name":"abcdef"}"#,
                "`Name` has 6 characters; the target takes 5",
            ),
            (r#"{"Type":"CREDIT","Name":""}"#, "`Name` is empty"),
            (
                r#"{"Type":"CREDIT","Name":7}"#,
                "`Name` is a number where text is wanted",
            ),
            (
                r#"{"Type":"CREDIT","First":"x"}"#,
                "the document has `First` without `Name`",
            ),
            (
                r#"{"Type":"CREDIT","Date":"31.1.2026"}"#,
                r#"`Date` is "31.1.2026", which does not fit the form ^\d{4}-\d{2}-\d{2}$"#,
            ),
            (
                r#"{"Type":"CREDIT","Rate":0}"#,
                "`Rate` is 0; it must be above 0",
            ),
            (
                r#"{"Type":"CREDIT","Rate":10000000000}"#,
                "`Rate` is 10000000000, above 9999999999.99",
            ),
            (
                r#"{"Type":"CREDIT","Count":1.5}"#,
                "`Count` is a number where a whole number is wanted",
            ),
            (
                r#"{"Type":"CREDIT","Count":7}"#,
                "`Count` is 7, which is not a multiple of 5",
            ),
            (
                r#"{"Type":"CREDIT","Fixed":2}"#,
                "`Fixed` is 2 where only 1 is taken",
            ),
            (
                r#"{"Type":"CREDIT","Either":null}"#,
                "`Either` does not fit exactly one of the forms that the target takes",
            ),
            (
                r#"{"Type":"CREDIT","Lines":[]}"#,
                "`Lines` has 0 elements; at least 1 are wanted",
            ),
            (
                r#"{"Type":"CREDIT","Lines":[{"Text":"a"},{}]}"#,
                "`Lines.1.Text` is missing",
            ),
            ("[]", "the document is a list where an object is wanted"),
        ];
        for (document, expected) in cases {
            assert_eq!(violation(&schema, document), expected, "{document}");
        }
    }

    #[test]
    fn schemas_that_are_not_understood_are_refused() {
        let cases = [
            (json!({"if": {}}), "the keyword `if` is not supported"),
            (json!({"$ref": "#/$defs/x"}), "refers to nothing here"),
            (
                json!({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}}),
                "goes in circles",
            ),
            (json!({"maxLength": "x"}), "is not understood"),
            (json!({"pattern": "("}), "is not understood"),
            (json!("x"), "is not a schema"),
        ];
        for (schema, expected) in cases {
            match Schema::compile(&schema) {
                Ok(_) => panic!("{schema} was taken"),
                Err(it) => assert!(it.contains(expected), "{schema}: {it}"),
            }
        }
        // A tree of itself is fine: values end.
        let tree = json!({"properties": {"Child": {"$ref": "#"}, "N": {"type": "number"}}});
        assert_eq!(
            violation(&tree, r#"{"Child":{"Child":{"N":"x"}}}"#),
            "`Child.Child.N` is text where a number is wanted"
        );
        assert!(Schema::compile(&Json::Null).is_ok_and(|it| it.validate(&Value::Null).is_ok()));
    }
}
