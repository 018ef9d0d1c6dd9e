//! The `where` expressions of Omni's lists.
//!
//! SQL in spirit: names and text compare without case (`status='Void'` finds `VOID`), an inner
//! quote is doubled, a comparison with nothing is never true, and dates compare to the second.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;

use super::behaviour::Behaviour;
use super::resources::Resource;
use crate::json::Json;

/// Reads an instant: RFC 3339 with any fraction; without a zone it is UTC.
pub(crate) fn instant(text: &str) -> Option<Timestamp> {
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Some(instant);
    }
    let civil: DateTime = text.parse().ok()?;
    Some(civil.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

#[derive(Debug, Clone)]
enum Literal {
    Text {
        text: String,
        instant: Option<i64>,
        number: Option<Decimal>,
    },
    Number(Decimal),
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

#[derive(Debug)]
enum Node {
    And(Box<Node>, Box<Node>),
    Or(Box<Node>, Box<Node>),
    Test(&'static str, Compare, Literal),
    Null(&'static str, bool),
    Like(&'static str, Vec<char>, bool),
    In(&'static str, Vec<Literal>, bool),
}

impl Node {
    /// Conditions that must all hold.
    fn conjuncts(&self) -> Vec<&Node> {
        match self {
            Self::And(a, b) => [a.conjuncts(), b.conjuncts()].concat(),
            other => vec![other],
        }
    }
}

/// A condition, read and checked.
#[derive(Debug)]
pub(crate) struct Filter(Node);

impl Filter {
    /// Reads a condition; the error is the text of the 400.
    pub(crate) fn parse(
        text: &str,
        resource: &Resource,
        behaviour: &Behaviour,
    ) -> Result<Self, String> {
        let tokens = tokenize(text)?;
        let mut parser = Parser {
            tokens,
            at: 0,
            resource,
            behaviour,
        };
        let node = parser.either()?;
        if parser.at < parser.tokens.len() {
            return Err(parser.unexpected());
        }
        Ok(Self(node))
    }

    /// The ids that it allows, where it names them.
    pub(crate) fn ids(&self) -> Option<BTreeSet<i64>> {
        let whole = |it: &Literal| match it {
            Literal::Number(number) if number.fract().is_zero() => number.to_i64(),
            _ => None,
        };
        self.0.conjuncts().into_iter().find_map(|it| match it {
            Node::In("id", literals, false) => literals.iter().map(whole).collect(),
            Node::Test("id", Compare::Equal, literal) => Some(BTreeSet::from([whole(literal)?])),
            _ => None,
        })
    }

    /// The instant before which nothing can satisfy it, in seconds.
    pub(crate) fn since(&self) -> Option<i64> {
        self.0.conjuncts().into_iter().find_map(|it| match it {
            Node::Test(
                "modifiedDate",
                Compare::Greater | Compare::GreaterEqual,
                Literal::Text { instant, .. },
            ) => *instant,
            _ => None,
        })
    }

    /// Whether a row satisfies it.
    pub(crate) fn holds(&self, row: &mut dyn Columns) -> bool {
        evaluate(&self.0, row)
    }
}

/// A row as conditions see it. The id and the last change are at hand without reading the document.
pub(crate) trait Columns {
    fn id(&self) -> i64;
    fn modified(&self) -> Timestamp;
    fn field(&mut self, name: &str) -> Json;
}

fn compared(row: &mut dyn Columns, name: &'static str, literal: &Literal) -> Option<Ordering> {
    match (name, literal) {
        ("id", Literal::Number(number)) => Some(Decimal::from(row.id()).cmp(number)),
        (
            "modifiedDate",
            Literal::Text {
                instant: Some(asked),
                ..
            },
        ) => Some(row.modified().as_second().cmp(asked)),
        _ => order(&row.field(name), literal),
    }
}

fn evaluate(node: &Node, row: &mut dyn Columns) -> bool {
    match node {
        Node::And(a, b) => evaluate(a, row) && evaluate(b, row),
        Node::Or(a, b) => evaluate(a, row) || evaluate(b, row),
        Node::Test(name, compare, literal) => match compared(row, name, literal) {
            None => false,
            Some(order) => match compare {
                Compare::Equal => order == Ordering::Equal,
                Compare::NotEqual => order != Ordering::Equal,
                Compare::Less => order == Ordering::Less,
                Compare::LessEqual => order != Ordering::Greater,
                Compare::Greater => order == Ordering::Greater,
                Compare::GreaterEqual => order != Ordering::Less,
            },
        },
        Node::Null(name, negated) => row.field(name).is_null() != *negated,
        Node::Like(name, pattern, negated) => match row.field(name) {
            Json::Null => false,
            value => {
                let text: Vec<char> = plain(&value).to_lowercase().chars().collect();
                like(&text, pattern) != *negated
            }
        },
        Node::In(name, literals, negated) => {
            let any = |it| compared(row, name, it);
            let mut orders = literals.iter().map(any).peekable();
            if orders.peek().is_some_and(Option::is_none) && *negated {
                return false;
            }
            let found = orders.any(|it| it == Some(Ordering::Equal));
            found != *negated
        }
    }
}

fn plain(value: &Json) -> String {
    match value {
        Json::Str(text) => text.clone(),
        other => other.to_string(),
    }
}

fn order(value: &Json, literal: &Literal) -> Option<Ordering> {
    match (value, literal) {
        (Json::Null | Json::Arr(_) | Json::Obj(_), _) => None,
        (Json::Bool(held), literal) => {
            let asked = match literal {
                Literal::Number(number) => !number.is_zero(),
                Literal::Text { text, .. } => text == "1" || text.eq_ignore_ascii_case("true"),
            };
            Some(held.cmp(&asked))
        }
        (Json::Num(held), Literal::Number(number)) => {
            crate::json::decimal(held).map(|held| held.cmp(number))
        }
        (Json::Num(held), Literal::Text { number, .. }) => {
            Some(crate::json::decimal(held)?.cmp(&(*number)?))
        }
        (
            Json::Str(held),
            Literal::Text {
                text,
                instant: Some(asked),
                ..
            },
        ) => match instant(held) {
            Some(held) => Some(held.as_second().cmp(asked)),
            None => Some(held.to_lowercase().cmp(&text.to_lowercase())),
        },
        (Json::Str(held), Literal::Text { text, .. }) => {
            Some(held.to_lowercase().cmp(&text.to_lowercase()))
        }
        (Json::Str(held), Literal::Number(number)) => {
            Some(held.trim().cmp(&number.normalize().to_string()))
        }
    }
}

/// SQL's LIKE with `%` and `_`, both sides in lower case.
fn like(text: &[char], pattern: &[char]) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some(('%', rest)) => {
            (0..=text.len()).any(|at| text.get(at..).is_some_and(|text| like(text, rest)))
        }
        Some(('_', rest)) => text.split_first().is_some_and(|(_, text)| like(text, rest)),
        Some((c, rest)) => text
            .split_first()
            .is_some_and(|(t, text)| t == c && like(text, rest)),
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Word(String),
    Text(String),
    Number(Decimal),
    Sign(&'static str),
}

fn tokenize(text: &str) -> Result<Vec<Token>, String> {
    const SIGNS: [&str; 10] = ["<=", ">=", "<>", "!=", "=", "<", ">", "(", ")", ","];
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let taken = if first == '\'' {
            let (text, length) = quoted(rest)?;
            tokens.push(Token::Text(text));
            length
        } else if first.is_ascii_digit() || first == '-' {
            let length = span(rest, |c| c.is_ascii_digit() || c == '.');
            let number = rest.get(..length).and_then(|it| it.parse().ok());
            tokens.push(Token::Number(
                number.ok_or("Invalid where: a number cannot be read")?,
            ));
            length
        } else if first.is_alphabetic() || first == '_' {
            let length = span(rest, |c| c.is_alphanumeric() || c == '_' || c == '.');
            tokens.push(Token::Word(
                rest.get(..length).unwrap_or_default().to_owned(),
            ));
            length
        } else if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            tokens.push(Token::Sign(sign));
            sign.len()
        } else {
            return Err(format!("Invalid where: unexpected '{first}'"));
        };
        rest = rest.get(taken..).unwrap_or_default().trim_start();
    }
    Ok(tokens)
}

fn span(text: &str, more: impl Fn(char) -> bool) -> usize {
    text.char_indices()
        .skip(1)
        .find(|(_, c)| !more(*c))
        .map_or(text.len(), |(at, _)| at)
}

fn quoted(text: &str) -> Result<(String, usize), String> {
    let mut value = String::new();
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c != '\'' {
            value.push(c);
        } else if chars.peek().is_some_and(|(_, next)| *next == '\'') {
            value.push('\'');
            chars.next();
        } else {
            return Ok((value, at.saturating_add(1)));
        }
    }
    Err("Invalid where: a quote is not closed".to_owned())
}

struct Parser<'a> {
    tokens: Vec<Token>,
    at: usize,
    resource: &'a Resource,
    behaviour: &'a Behaviour,
}

impl Parser<'_> {
    fn next(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.at).cloned();
        self.at = self.at.saturating_add(1);
        token
    }

    fn takes(&mut self, word: &str) -> bool {
        let held = match self.tokens.get(self.at) {
            Some(Token::Word(held)) => held.eq_ignore_ascii_case(word),
            Some(Token::Sign(held)) => *held == word,
            _ => false,
        };
        if held {
            self.at = self.at.saturating_add(1);
        }
        held
    }

    fn unexpected(&self) -> String {
        match self.tokens.get(self.at.saturating_sub(1)) {
            Some(token) => format!("Invalid where near {token:?}"),
            None => "Invalid where: it ends too early".to_owned(),
        }
    }

    fn either(&mut self) -> Result<Node, String> {
        let mut left = self.both()?;
        while self.takes("OR") {
            left = Node::Or(Box::new(left), Box::new(self.both()?));
        }
        Ok(left)
    }

    fn both(&mut self) -> Result<Node, String> {
        let mut left = self.single()?;
        while self.takes("AND") {
            left = Node::And(Box::new(left), Box::new(self.single()?));
        }
        Ok(left)
    }

    fn single(&mut self) -> Result<Node, String> {
        if self.behaviour.where_parentheses && self.takes("(") {
            let inner = self.either()?;
            return if self.takes(")") {
                Ok(inner)
            } else {
                Err(self.unexpected())
            };
        }
        let Some(Token::Word(name)) = self.next() else {
            return Err(self.unexpected());
        };
        let field = self
            .resource
            .field(&name)
            .filter(|it| !matches!(*it, "lineItems" | "accountingAttributes" | "customFields"))
            .ok_or_else(|| format!("Invalid where: no field '{name}'"))?;
        if self.takes("IS") {
            let negated = self.takes("NOT");
            return if self.takes("NULL") {
                Ok(Node::Null(field, negated))
            } else {
                Err(self.unexpected())
            };
        }
        let negated = self.takes("NOT");
        if self.takes("LIKE") {
            let Some(Token::Text(pattern)) = self.next() else {
                return Err(self.unexpected());
            };
            return Ok(Node::Like(
                field,
                pattern.to_lowercase().chars().collect(),
                negated,
            ));
        }
        if self.takes("IN") {
            return self.set(field, negated);
        }
        let compare = match self.next() {
            _ if negated => return Err(self.unexpected()),
            Some(Token::Sign("=")) => Compare::Equal,
            Some(Token::Sign("<>")) if self.behaviour.where_not_equal => Compare::NotEqual,
            Some(Token::Sign("<")) => Compare::Less,
            Some(Token::Sign("<=")) => Compare::LessEqual,
            Some(Token::Sign(">")) => Compare::Greater,
            Some(Token::Sign(">=")) => Compare::GreaterEqual,
            _ => return Err(self.unexpected()),
        };
        Ok(Node::Test(field, compare, self.literal()?))
    }

    fn set(&mut self, field: &'static str, negated: bool) -> Result<Node, String> {
        if !self.takes("(") {
            return Err(self.unexpected());
        }
        let mut literals = vec![self.literal()?];
        while self.takes(",") {
            literals.push(self.literal()?);
        }
        if self.takes(")") {
            Ok(Node::In(field, literals, negated))
        } else {
            Err(self.unexpected())
        }
    }

    fn literal(&mut self) -> Result<Literal, String> {
        match self.next() {
            Some(Token::Number(number)) => Ok(Literal::Number(number)),
            Some(Token::Text(text)) => Ok(Literal::Text {
                instant: instant(&text).map(Timestamp::as_second),
                number: text.trim().parse().ok(),
                text,
            }),
            Some(Token::Word(word)) if word.eq_ignore_ascii_case("true") => {
                Ok(Literal::Number(Decimal::ONE))
            }
            Some(Token::Word(word)) if word.eq_ignore_ascii_case("false") => {
                Ok(Literal::Number(Decimal::ZERO))
            }
            _ => Err(self.unexpected()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Given(Json);

    impl Columns for Given {
        fn id(&self) -> i64 {
            self.0.get("id").and_then(Json::as_i64).unwrap_or_default()
        }

        fn modified(&self) -> Timestamp {
            instant(self.0.get("modifiedDate").and_then(Json::as_str).unwrap()).unwrap()
        }

        fn field(&mut self, name: &str) -> Json {
            self.0.get(name).cloned().unwrap_or_default()
        }
    }

    fn check(text: &str, row: &str) -> Result<bool, String> {
        let resource = Resource::of("CreditNotes").unwrap();
        let filter = Filter::parse(text, resource, &Behaviour::default())?;
        let row = Json::parse(row).unwrap();
        Ok(filter.holds(&mut Given(row)))
    }

    #[test]
    fn the_documented_grammar_works() {
        let row = r#"{"id":5,"reference":"CRN-1","company":"O'Neil","status":"VOID",
            "isApproved":true,"total":-46.00,"modifiedDate":"2026-11-01T10:00:00.9999999Z",
            "completedDate":null,"memberId":7}"#;
        let cases = [
            ("id=5", true),
            ("ID IN (1, 5)", true),
            ("id NOT IN (1,5)", false),
            ("company='O''Neil'", true),
            ("status='Void' AND isApproved=1", true),
            ("isApproved=0 OR memberId=7", true),
            ("total >= -46 and total < 0", true),
            ("modifiedDate>='2026-11-01T10:00:00Z'", true),
            ("modifiedDate>'2026-11-01T10:00:00Z'", false),
            ("modifiedDate<'2026-11-01T21:00:01+11:00'", true),
            ("reference LIKE 'crn%'", true),
            ("reference NOT LIKE '%-_'", false),
            ("completedDate IS NULL", true),
            ("completedDate IS NOT NULL", false),
            ("completedDate<>'x'", false),
            ("salesReference IS NULL", true),
        ];
        for (text, expected) in cases {
            assert_eq!(check(text, row), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_not_established_is_refused() {
        for text in [
            "nonsense=1",
            "(id=5)",
            "lineItems='x'",
            "accountingAttributes='x'",
            "accountingAttributes.accountingImportStatus='x'",
            "id=",
            "id 5",
            "company='x",
            "id=5 id=6",
            "id NOT = 5",
            "reference LIKE 5",
        ] {
            assert!(check(text, "{}").is_err(), "{text}");
        }
    }

    #[test]
    fn a_condition_says_which_rows_need_not_be_looked_at() {
        let resource = Resource::of("CreditNotes").unwrap();
        let of = |text| Filter::parse(text, resource, &Behaviour::default()).unwrap();
        let cases: [(&str, Option<&[i64]>); 6] = [
            ("total<0 AND id IN (7, 3)", Some(&[3, 7])),
            ("id=5", Some(&[5])),
            ("id NOT IN (5)", None),
            ("id=5 OR id=6", None),
            ("id IN (5, 1.5)", None),
            ("total<0", None),
        ];
        for (text, expected) in cases {
            let ids = of(text).ids().map(|it| it.into_iter().collect::<Vec<_>>());
            assert_eq!(ids.as_deref(), expected, "{text}");
        }
        let since = |text| of(text).since();
        assert_eq!(
            since("modifiedDate>='1970-01-01T00:01:00Z' AND total<0"),
            Some(60)
        );
        assert_eq!(since("modifiedDate<'1970-01-01T00:01:00Z'"), None);
    }
}
