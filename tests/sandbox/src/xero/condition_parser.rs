//! Reads `where` expressions, and complains in the words of the library that the real ones go
//! through.

use jiff::civil::{Date, DateTime};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::answers::Refusal;
use super::expression::{Compare, Condition, Node, Properties, Search, Value, query};

/// Reads a whole condition.
pub(super) fn parse(text: &str, properties: &Properties) -> Result<Condition, Refusal> {
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
    Ok(Condition {
        root,
        optimised: parser.optimised,
    })
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
