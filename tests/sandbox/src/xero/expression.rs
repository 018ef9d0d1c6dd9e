//! The `where` and `order` expressions of lists.
//!
//! The language is a corner of .NET's Dynamic LINQ: `Type=="ACCRECCREDIT" AND
//! Contact.ContactID==guid("…") AND Date>=DateTime(2026,10,01)`. Errors are told in its words.

use std::cmp::Ordering;

use jiff::civil::{Date, DateTime};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::answers::Refusal;

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
enum Compare {
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Search {
    Starts,
    Ends,
    Contains,
}

#[derive(Debug)]
enum Node {
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
    root: Node,
    optimised: bool,
}

impl Condition {
    pub(crate) fn parse(text: &str, properties: &Properties) -> Result<Self, Refusal> {
        let tokens = tokenize(text)?;
        let mut parser = Parser {
            tokens,
            at: 0,
            properties,
            optimised: true,
        };
        let root = parser.either()?;
        if parser.at < parser.tokens.len() {
            return Err(query("Syntax error"));
        }
        Ok(Self {
            root,
            optimised: parser.optimised,
        })
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

fn query(message: &str) -> Refusal {
    Refusal::Query(message.to_owned())
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Name(String),
    Text(String),
    Number(Decimal),
    Sign(&'static str),
}

fn tokenize(text: &str) -> Result<Vec<Token>, Refusal> {
    const SIGNS: [&str; 12] = [
        "==", "!=", "<=", ">=", "&&", "||", "<>", "<", ">", "(", ")", ",",
    ];
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        if first == '"' {
            let inner = rest.get(1..).unwrap_or_default();
            let end = inner
                .find('"')
                .ok_or_else(|| query("Unterminated string literal"))?;
            tokens.push(Token::Text(inner.get(..end).unwrap_or_default().to_owned()));
            rest = inner.get(end.saturating_add(1)..).unwrap_or_default();
        } else if first.is_ascii_digit() || first == '-' {
            let end = rest
                .char_indices()
                .skip(1)
                .find(|(_, c)| !c.is_ascii_digit() && *c != '.')
                .map_or(rest.len(), |(at, _)| at);
            let number = rest.get(..end).unwrap_or_default();
            let value = number.parse().map_err(|_| query("Expression expected"))?;
            tokens.push(Token::Number(value));
            rest = rest.get(end..).unwrap_or_default();
        } else if first.is_alphabetic() || first == '_' {
            let end = rest
                .char_indices()
                .find(|(_, c)| !c.is_alphanumeric() && *c != '.' && *c != '_')
                .map_or(rest.len(), |(at, _)| at);
            tokens.push(Token::Name(rest.get(..end).unwrap_or_default().to_owned()));
            rest = rest.get(end..).unwrap_or_default();
        } else if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            tokens.push(Token::Sign(sign));
            rest = rest.get(sign.len()..).unwrap_or_default();
        } else if first == '.' {
            rest = rest.get(1..).unwrap_or_default();
            // A method call after a closing bracket, as in `ToLower().Contains(…)`.
            tokens.push(Token::Sign("."));
        } else {
            return Err(query(&format!("Syntax error '{first}'")));
        }
        rest = rest.trim_start();
    }
    Ok(tokens)
}

struct Parser<'a> {
    tokens: Vec<Token>,
    at: usize,
    properties: &'a Properties,
    optimised: bool,
}

impl Parser<'_> {
    fn next(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.at).cloned();
        self.at = self.at.saturating_add(1);
        token
    }

    fn takes(&mut self, sign: &'static str) -> bool {
        let held = self.tokens.get(self.at) == Some(&Token::Sign(sign));
        if held {
            self.at = self.at.saturating_add(1);
        }
        held
    }

    fn takes_word(&mut self, word: &str) -> bool {
        let held = matches!(self.tokens.get(self.at),
            Some(Token::Name(name)) if name.eq_ignore_ascii_case(word));
        if held {
            self.at = self.at.saturating_add(1);
        }
        held
    }

    fn expects(&mut self, sign: &'static str) -> Result<(), Refusal> {
        if self.takes(sign) {
            Ok(())
        } else {
            Err(query(&format!("'{sign}' expected")))
        }
    }

    fn either(&mut self) -> Result<Node, Refusal> {
        let mut left = self.both()?;
        while self.takes("||") || self.takes_word("OR") {
            self.optimised = false;
            left = Node::Or(Box::new(left), Box::new(self.both()?));
        }
        Ok(left)
    }

    fn both(&mut self) -> Result<Node, Refusal> {
        let mut left = self.single()?;
        while self.takes("&&") || self.takes_word("AND") {
            left = Node::And(Box::new(left), Box::new(self.single()?));
        }
        Ok(left)
    }

    fn single(&mut self) -> Result<Node, Refusal> {
        if self.takes("(") {
            let inner = self.either()?;
            self.expects(")")?;
            return Ok(inner);
        }
        let Some(Token::Name(name)) = self.next() else {
            return Err(query("Expression expected"));
        };
        let (property, mut method) = self.property(&name)?;
        let mut lower = false;
        if matches!(method.as_deref(), Some("ToLower" | "ToUpper")) {
            self.expects("(")?;
            self.expects(")")?;
            lower = true;
            self.optimised = false;
            method = None;
            if self.takes(".") {
                method = match self.next() {
                    Some(Token::Name(name)) => Some(name),
                    _ => return Err(query("Identifier expected")),
                };
            }
        }
        if let Some(method) = method {
            return self.search(property, &method);
        }
        let compare = match self.next() {
            Some(Token::Sign("==")) => Compare::Equal,
            Some(Token::Sign("!=" | "<>")) => Compare::NotEqual,
            Some(Token::Sign("<")) => Compare::Less,
            Some(Token::Sign("<=")) => Compare::LessEqual,
            Some(Token::Sign(">")) => Compare::Greater,
            Some(Token::Sign(">=")) => Compare::GreaterEqual,
            _ => return Err(query("Expression of type 'Boolean' expected")),
        };
        let mut literal = self.literal()?;
        if let (true, Value::Text(text)) = (lower, &literal) {
            literal = Value::Text(text.to_lowercase());
        }
        let loose = self.properties.loose.contains(&property);
        if !self.properties.optimised.contains(&property) || compare == Compare::NotEqual {
            self.optimised = false;
        }
        Ok(Node::Test {
            property,
            loose,
            lower,
            compare,
            literal,
        })
    }

    fn property(&mut self, name: &str) -> Result<(&'static str, Option<String>), Refusal> {
        let known = |name: &str| {
            self.properties
                .names
                .iter()
                .find(|held| held.eq_ignore_ascii_case(name))
                .copied()
        };
        if let Some(property) = known(name) {
            return Ok((property, None));
        }
        if let Some((stem, method)) = name.rsplit_once('.')
            && let Some(property) = known(stem)
            && self.tokens.get(self.at) == Some(&Token::Sign("("))
        {
            return Ok((property, Some(method.to_owned())));
        }
        let last = name.rsplit('.').next().unwrap_or(name);
        Err(query(&format!(
            "No property or field '{last}' exists in type '{}'",
            self.properties.type_name
        )))
    }

    fn search(&mut self, property: &'static str, method: &str) -> Result<Node, Refusal> {
        let search = match method {
            "StartsWith" => Search::Starts,
            "EndsWith" => Search::Ends,
            "Contains" => Search::Contains,
            _ => {
                return Err(query(&format!(
                    "No applicable method '{method}' exists in type 'String'"
                )));
            }
        };
        self.optimised = false;
        self.expects("(")?;
        let Some(Token::Text(text)) = self.next() else {
            return Err(query("Expression expected"));
        };
        self.expects(")")?;
        Ok(Node::Search {
            property,
            search,
            text: text.to_lowercase(),
        })
    }

    fn literal(&mut self) -> Result<Value, Refusal> {
        match self.next() {
            Some(Token::Text(text)) => Ok(Value::Text(text)),
            Some(Token::Number(number)) => Ok(Value::Number(number)),
            Some(Token::Name(name)) => match name.to_ascii_lowercase().as_str() {
                "null" => Ok(Value::Null),
                "true" => Ok(Value::Bool(true)),
                "false" => Ok(Value::Bool(false)),
                "guid" | "guid.parse" => {
                    let text = self.text_argument()?;
                    Uuid::parse_str(&text)
                        .map(Value::Guid)
                        .map_err(|_| query("Guid should contain 32 digits with 4 dashes"))
                }
                "datetime.parse" => {
                    self.optimised = false;
                    let text = self.text_argument()?;
                    let date = text
                        .parse::<DateTime>()
                        .ok()
                        .or_else(|| text.parse::<Date>().ok().map(|date| date.at(0, 0, 0, 0)));
                    date.map(Value::Date)
                        .ok_or_else(|| query("String was not recognized as a valid DateTime"))
                }
                "datetime" => self.date(),
                _ => Err(query(&format!(
                    "No property or field '{name}' exists in type '{}'",
                    self.properties.type_name
                ))),
            },
            _ => Err(query("Expression expected")),
        }
    }

    fn text_argument(&mut self) -> Result<String, Refusal> {
        self.expects("(")?;
        let Some(Token::Text(text)) = self.next() else {
            return Err(query("Expression expected"));
        };
        self.expects(")")?;
        Ok(text)
    }

    fn date(&mut self) -> Result<Value, Refusal> {
        self.expects("(")?;
        let mut parts: Vec<i16> = Vec::new();
        loop {
            let Some(Token::Number(number)) = self.next() else {
                return Err(query("Expression expected"));
            };
            parts.push(
                number
                    .to_string()
                    .parse()
                    .map_err(|_| query("Expression expected"))?,
            );
            if !self.takes(",") {
                break;
            }
        }
        self.expects(")")?;
        let small = |at: usize| parts.get(at).map_or(Ok(0), |it| i8::try_from(*it));
        let date = match (
            parts.as_slice(),
            small(1),
            small(2),
            small(3),
            small(4),
            small(5),
        ) {
            ([year, _, _, ..], Ok(month), Ok(day), Ok(hour), Ok(minute), Ok(second))
                if parts.len() == 3 || parts.len() == 6 =>
            {
                DateTime::new(*year, month, day, hour, minute, second, 0).ok()
            }
            _ => None,
        };
        date.map(Value::Date)
            .ok_or_else(|| query("No applicable constructor exists in type 'DateTime'"))
    }
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
