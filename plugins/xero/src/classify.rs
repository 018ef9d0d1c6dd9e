//! From Xero's words to a problem that a bookkeeper can act on.
//!
//! Several messages often arrive together. The one that leaves least to guess decides: a closed
//! period before the document's state, that before the contact, the mapping, the amounts, and
//! anything else. All of them are shown. Words that no rule knows are shown as they are, and nothing
//! is retried on account of them.

use ledgerline_plugin_api::manifest::{Category, Problem};
use serde_json::value::RawValue;

use crate::lenient::Object;
use crate::rules::{RULES, Rule};

/// One message, with the field it stands at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Complaint {
    pub(crate) field: Option<String>,
    pub(crate) words: String,
}

/// Every message of an element of an answer: its own, and those of its parts.
pub(crate) fn complaints(element: &Object<'_>) -> Vec<Complaint> {
    let mut all = Vec::new();
    let mut add = |object: &Object<'_>, field: Option<String>| {
        for words in messages(object, "ValidationErrors") {
            let known = all.iter().any(|it: &Complaint| it.words == words);
            if !known {
                all.push(Complaint {
                    field: field.clone(),
                    words,
                });
            }
        }
    };
    add(element, None);
    for part in ["Contact", "Account"] {
        if let Some(object) = element.object(part) {
            add(&object, Some(part.to_owned()));
        }
    }
    for part in [
        "LineItems",
        "Payments",
        "Allocations",
        "ContactPersons",
        "Addresses",
        "Phones",
    ] {
        for (at, object) in element.objects(part).iter().enumerate() {
            add(object, Some(format!("{part}.{at}")));
        }
    }
    all
}

/// Warnings of an element or of an answer. They are never failures.
pub(crate) fn warnings(object: &Object<'_>) -> Vec<String> {
    messages(object, "Warnings")
}

fn messages(object: &Object<'_>, key: &str) -> Vec<String> {
    let message = |raw: &&RawValue| match Object::read(raw) {
        Some(error) => error.text("Message"),
        None => crate::lenient::text(raw),
    };
    object
        .list(key)
        .iter()
        .filter_map(message)
        .map(|it| it.trim().to_owned())
        .collect()
}

/// The problem that a set of messages amounts to, and all their words.
pub(crate) fn problem(complaints: &[Complaint]) -> (Problem, String) {
    let words: Vec<&str> = complaints.iter().map(|it| it.words.as_str()).collect();
    let words = words.join("\n");
    let weightiest = complaints
        .iter()
        .filter_map(|complaint| Some((complaint, find(&complaint.words)?)))
        .min_by_key(|(_, rule)| weight(rule.category));
    let problem = match weightiest {
        Some((complaint, rule)) => {
            let value = first_quoted(&complaint.words);
            Problem {
                category: rule.category,
                field: complaint.field.clone(),
                cause: fill(rule.cause, value.as_deref()),
                remedy: fill(rule.remedy, value.as_deref()),
            }
        }
        None => Problem {
            category: Category::Unknown,
            field: complaints.first().and_then(|it| it.field.clone()),
            cause: match complaints {
                [] => "Xero refused the document without saying why".to_owned(),
                _ => format!("Xero refused the document: {}", words.replace('\n', " ")),
            },
            remedy: "Act on Xero's words, then retry".to_owned(),
        },
    };
    (problem, words)
}

fn find(words: &str) -> Option<&'static Rule> {
    let text = normalise(words);
    RULES.iter().find(|rule| {
        rule.fragments
            .iter()
            .all(|fragment| text.contains(fragment))
    })
}

/// Which of several problems is told: the lowest.
fn weight(category: Category) -> u8 {
    match category {
        Category::LockedPeriod => 0,
        Category::DocumentState => 1,
        Category::Contact => 2,
        Category::Mapping => 3,
        Category::Amount => 4,
        Category::Duplicate => 5,
        Category::Permission => 6,
        Category::SourceData
        | Category::Connection
        | Category::Ownership
        | Category::FollowUp
        | Category::Passing
        | Category::Defect
        | Category::Unknown => 7,
    }
}

/// The form in which rules are matched: lower case, single spaces, straight quotes, no final stop.
pub(crate) fn normalise(words: &str) -> String {
    let text = straight(words).to_lowercase();
    text.trim().trim_end_matches('.').trim_end().to_owned()
}

fn straight(words: &str) -> String {
    let text: String = words
        .chars()
        .map(|it| match it {
            '\u{2018}' | '\u{2019}' | '\u{201b}' | '`' => '\'',
            '\u{201c}' | '\u{201d}' | '\u{201e}' => '"',
            other => other,
        })
        .collect();
    let text = text.replace("''", "'");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The first value in quotes. An apostrophe within a word opens none.
fn first_quoted(words: &str) -> Option<String> {
    let text = straight(words);
    let mut opened: Option<(usize, char)> = None;
    let mut before = ' ';
    for (at, it) in text.char_indices() {
        match opened {
            None if matches!(it, '\'' | '"') && !before.is_alphanumeric() => {
                opened = Some((at, it))
            }
            Some((start, quote)) if it == quote => {
                let value = text[start + 1..at].trim();
                return (!value.is_empty()).then(|| value.to_owned());
            }
            _ => {}
        }
        before = it;
    }
    None
}

fn fill(template: &str, value: Option<&str>) -> String {
    let filled = template.replace("{}", value.unwrap_or(""));
    filled.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
#[path = "classify_tests.rs"]
mod tests;
