//! The `where` and `order` expressions of lists.
//!
//! The language is a corner of .NET's Dynamic LINQ: `Type=="ACCRECCREDIT" AND
//! Contact.ContactID==guid("…") AND Date>=DateTime(2026,10,01)`. Errors are told in its words.

use std::cmp::Ordering;

use jiff::civil::DateTime;
use rust_decimal::Decimal;
use uuid::Uuid;

use super::answers::Refusal;
use super::condition_parser;

/// A value of a property or a literal.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Null,
    Text(String),
    Guid(Uuid),
    Date(DateTime),
    Number(Decimal),
    Bool(bool),
}

impl Value {
    fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "Object",
            Self::Text(_) => "String",
            Self::Guid(_) => "Guid",
            Self::Date(_) => "DateTime",
            Self::Number(_) => "Decimal",
            Self::Bool(_) => "Boolean",
        }
    }

    /// Order for sorting; nothing comes first.
    pub(crate) fn order(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Null, Self::Null) => Ordering::Equal,
            (Self::Null, _) => Ordering::Less,
            (_, Self::Null) => Ordering::Greater,
            (Self::Text(a), Self::Text(b)) => a.to_lowercase().cmp(&b.to_lowercase()),
            (Self::Guid(a), Self::Guid(b)) => a.cmp(b),
            (Self::Date(a), Self::Date(b)) => a.cmp(b),
            (Self::Number(a), Self::Number(b)) => a.cmp(b),
            (Self::Bool(a), Self::Bool(b)) => a.cmp(b),
            _ => Ordering::Equal,
        }
    }
}

/// What the rows of a list offer to expressions.
pub(crate) struct Properties {
    /// Name of the type in error messages.
    pub(crate) type_name: &'static str,
    /// Properties, with dots for nested ones.
    pub(crate) names: &'static [&'static str],
    /// Properties whose text compares without case and accents.
    pub(crate) loose: &'static [&'static str],
    /// Whether a condition on this property is fast on any number of rows.
    pub(crate) optimised: &'static [&'static str],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compare {
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Search {
    Starts,
    Ends,
    Contains,
}

#[derive(Debug)]
pub(super) enum Node {
    And(Box<Node>, Box<Node>),
    Or(Box<Node>, Box<Node>),
    Test {
        property: &'static str,
        loose: bool,
        lower: bool,
        compare: Compare,
        literal: Value,
    },
    Search {
        property: &'static str,
        search: Search,
        text: String,
    },
}

/// A condition, read and checked.
#[derive(Debug)]
pub(crate) struct Condition {
    pub(super) root: Node,
    pub(super) optimised: bool,
}

impl Condition {
    pub(crate) fn parse(text: &str, properties: &Properties) -> Result<Self, Refusal> {
        condition_parser::parse(text, properties)
    }

    /// Whether it may be asked of any number of rows.
    pub(crate) fn is_optimised(&self) -> bool {
        self.optimised
    }

    /// Whether a row satisfies it.
    pub(crate) fn holds(&self, row: &dyn Fn(&str) -> Value) -> Result<bool, Refusal> {
        evaluate(&self.root, row)
    }
}

fn evaluate(node: &Node, row: &dyn Fn(&str) -> Value) -> Result<bool, Refusal> {
    Ok(match node {
        Node::And(a, b) => evaluate(a, row)? && evaluate(b, row)?,
        Node::Or(a, b) => evaluate(a, row)? || evaluate(b, row)?,
        Node::Search {
            property,
            search,
            text,
        } => match row(property) {
            Value::Text(held) => {
                let held = held.to_lowercase();
                match search {
                    Search::Starts => held.starts_with(text.as_str()),
                    Search::Ends => held.ends_with(text.as_str()),
                    Search::Contains => held.contains(text.as_str()),
                }
            }
            _ => false,
        },
        Node::Test {
            property,
            loose,
            lower,
            compare,
            literal,
        } => test(row(property), *loose, *lower, *compare, literal)?,
    })
}

fn test(
    held: Value,
    loose: bool,
    lower: bool,
    compare: Compare,
    literal: &Value,
) -> Result<bool, Refusal> {
    if held == Value::Null || *literal == Value::Null {
        let both = held == Value::Null && *literal == Value::Null;
        return Ok(match compare {
            Compare::Equal => both,
            Compare::NotEqual => !both,
            _ => false,
        });
    }
    let order = match (&held, literal) {
        (Value::Text(a), Value::Text(b)) if loose => fold(a).cmp(&fold(b)),
        (Value::Text(a), Value::Text(b)) if lower => a.to_lowercase().cmp(b),
        (Value::Text(a), Value::Text(b)) => a.cmp(b),
        (Value::Guid(a), Value::Guid(b)) => a.cmp(b),
        (Value::Date(a), Value::Date(b)) => a.cmp(b),
        (Value::Number(a), Value::Number(b)) => a.cmp(b),
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (a, b) => {
            return Err(query(&format!(
                "Operator '{}' incompatible with operand types '{}' and '{}'",
                sign(compare),
                a.type_name(),
                b.type_name()
            )));
        }
    };
    Ok(match compare {
        Compare::Equal => order == Ordering::Equal,
        Compare::NotEqual => order != Ordering::Equal,
        Compare::Less => order == Ordering::Less,
        Compare::LessEqual => order != Ordering::Greater,
        Compare::Greater => order == Ordering::Greater,
        Compare::GreaterEqual => order != Ordering::Less,
    })
}

fn sign(compare: Compare) -> &'static str {
    match compare {
        Compare::Equal => "==",
        Compare::NotEqual => "!=",
        Compare::Less => "<",
        Compare::LessEqual => "<=",
        Compare::Greater => ">",
        Compare::GreaterEqual => ">=",
    }
}

/// Lower case without the accents of Western names.
fn fold(text: &str) -> String {
    text.to_lowercase()
        .chars()
        .map(|c| match c {
            'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' => 'a',
            'è' | 'é' | 'ê' | 'ë' => 'e',
            'ì' | 'í' | 'î' | 'ï' => 'i',
            'ò' | 'ó' | 'ô' | 'õ' | 'ö' => 'o',
            'ù' | 'ú' | 'û' | 'ü' => 'u',
            'ñ' => 'n',
            'ç' => 'c',
            c => c,
        })
        .collect()
}

pub(super) fn query(message: &str) -> Refusal {
    Refusal::Query(message.to_owned())
}

/// One key of an `order` expression.
#[derive(Debug)]
pub(crate) struct SortKey {
    pub(crate) property: &'static str,
    pub(crate) descending: bool,
}

/// Reads an `order` expression.
pub(crate) fn order(text: &str, properties: &Properties) -> Result<Vec<SortKey>, Refusal> {
    text.split(',')
        .map(|part| {
            let mut words = part.split_whitespace();
            let name = words.next().ok_or_else(|| query("Expression expected"))?;
            let property = properties
                .names
                .iter()
                .find(|held| held.eq_ignore_ascii_case(name))
                .ok_or_else(|| {
                    query(&format!(
                        "No property or field '{name}' exists in type '{}'",
                        properties.type_name
                    ))
                })?;
            let descending = match words.next().map(str::to_ascii_uppercase).as_deref() {
                None | Some("ASC" | "ASCENDING") => false,
                Some("DESC" | "DESCENDING") => true,
                Some(_) => return Err(query("Syntax error")),
            };
            Ok(SortKey {
                property,
                descending,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROPERTIES: Properties = Properties {
        type_name: "CreditNote",
        names: &[
            "Type",
            "Contact.ContactID",
            "Date",
            "Total",
            "Reference",
            "Name",
        ],
        loose: &["Name"],
        optimised: &["Type", "Contact.ContactID", "Date", "Name"],
    };

    fn row(name: &str) -> Value {
        match name {
            "Type" => Value::Text("ACCRECCREDIT".into()),
            "Contact.ContactID" => Value::Guid(Uuid::from_u128(5)),
            "Date" => Value::Date(jiff::civil::datetime(2026, 10, 5, 0, 0, 0, 0)),
            "Total" => Value::Number("110.00".parse().unwrap()),
            "Name" => Value::Text("Café Azul".into()),
            _ => Value::Null,
        }
    }

    #[test]
    fn conditions_hold_or_not() {
        let cases = [
            (r#"Type=="ACCRECCREDIT""#, true, true),
            (
                r#"type == "ACCRECCREDIT" && Date >= DateTime(2026,10,01)"#,
                true,
                true,
            ),
            (r#"Type=="X" OR Total>=110"#, true, false),
            (
                r#"Contact.ContactID==guid("00000000-0000-0000-0000-000000000005")"#,
                true,
                true,
            ),
            (r#"Date<DateTime(2026, 10, 5)"#, false, true),
            (r#"Date==DateTime.Parse("2026-10-05")"#, true, false),
            (r#"Reference!=null AND Reference=="X""#, false, false),
            (r#"Reference==null"#, true, false),
            (r#"Name=="cafe azul""#, true, true),
            (r#"Name.ToLower().Contains("zul")"#, true, false),
            (
                r#"Name.StartsWith("caf") AND (Total<1 OR Total>1)"#,
                true,
                false,
            ),
        ];
        for (text, expected, optimised) in cases {
            let condition = Condition::parse(text, &PROPERTIES).unwrap();
            assert_eq!(condition.holds(&row).unwrap(), expected, "{text}");
            assert_eq!(condition.is_optimised(), optimised, "{text}");
        }
    }

    #[test]
    fn bad_conditions_are_told_in_the_library_s_words() {
        let cases = [
            (
                r#"Typo=="X""#,
                "No property or field 'Typo' exists in type 'CreditNote'",
            ),
            ("Type==", "Expression expected"),
            ("", "Expression expected"),
            (r#"Type=="X"#, "Unterminated string literal"),
            (r#"Type="X""#, "Syntax error '='"),
            (
                r#"Contact.ContactID=="5""#,
                "Operator '==' incompatible with operand types 'Guid' and 'String'",
            ),
        ];
        for (text, expected) in cases {
            let actual = Condition::parse(text, &PROPERTIES).and_then(|it| it.holds(&row));
            match actual {
                Err(Refusal::Query(message)) => assert_eq!(message, expected, "{text}"),
                other => panic!("{text}: {other:?}"),
            }
        }
    }
}
