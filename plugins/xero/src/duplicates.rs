//! Keeps bills from being entered twice.
//!
//! Xero takes any number of bills with one number from one supplier. So before bills are created, those
//! that it holds under their numbers are read, in one list for many; a bill that somebody entered by
//! hand, or that another system sent, is told and nothing is sent. What was written within the session is
//! remembered, since nobody says how soon a list shows it. Updates are never held up.

use std::collections::BTreeMap;

use ledgerline_plugin_api::manifest::{Category, Problem};
use ledgerline_plugin_api::sdk::{BatchDoc, Change, Cx, Outcome, Result};

use crate::Xero;
use crate::ask::{is_listable, quoted_number};
use crate::form::date;
use crate::held::id;
use crate::lenient::Object;
use crate::push::ends_the_session;
use crate::resource::Resource;
use crate::walk::{Walk, Wanted};

/// Numbers in one URL.
const NUMBERS: usize = 40;

/// Contact and number, as they are compared.
type Key = (String, String);

/// What a session knows of bills.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// Bills in force that Xero holds, in words.
    held: BTreeMap<Key, String>,
    /// Entries whose bills were about to be sent. One that comes again, as after a call that was refused
    /// as a whole, is no duplicate of itself.
    sent: BTreeMap<Key, String>,
}

impl Known {
    /// What stands in the way of a bill, in words. It counts as sent where nothing does.
    fn against(&mut self, key: Key, entry: &str) -> Option<String> {
        if let Some(there) = self.held.get(&key) {
            return Some(format!("Xero already holds {there}"));
        }
        let first = self.sent.entry(key).or_insert_with(|| entry.to_owned());
        (first != entry).then(|| format!("{first} has the same number of the same supplier"))
    }
}

impl Xero {
    /// Gives bills that Xero holds already their refusal.
    pub(crate) async fn refuse_duplicates(
        &self,
        cx: &Cx,
        batch: &[BatchDoc],
        known: &mut Known,
        told: &mut [Option<Outcome>],
    ) -> Result<()> {
        let new: Vec<(usize, Key)> = (0..batch.len())
            .filter(|&at| told[at].is_none())
            .filter_map(|at| Some((at, key(&batch[at])?)))
            .collect();
        for portion in new.chunks(NUMBERS) {
            let read = self.read_bills(cx, batch, portion, known).await;
            match read {
                Ok(()) => {}
                Err(error) if ends_the_session(&error) => return Err(error),
                Err(error) => {
                    for (at, _) in portion {
                        told[*at] = Some(Outcome::unavailable(error.message.as_str()));
                    }
                }
            }
        }
        for (at, key) in new {
            if told[at].is_some() {
                continue;
            }
            let against = known.against(key, &batch[at].id);
            told[at] = against.map(|it| refusal(&it));
        }
        Ok(())
    }

    async fn read_bills(
        &self,
        cx: &Cx,
        batch: &[BatchDoc],
        new: &[(usize, Key)],
        known: &mut Known,
    ) -> Result<()> {
        let numbers = new.iter().filter_map(|(at, _)| number(&batch[*at]));
        let (listed, odd): (Vec<_>, Vec<_>) = numbers.partition(|it| is_listable(it));
        let mut lists = Vec::new();
        if !listed.is_empty() {
            lists.push(Wanted {
                numbers: listed,
                ..Wanted::default()
            });
        }
        lists.extend(
            odd.iter()
                .filter_map(|it| quoted_number(Resource::Bills, it)),
        );
        for wanted in lists {
            let take = |elements: &[&serde_json::value::RawValue]| {
                let held = &mut known.held;
                held.extend(elements.iter().filter_map(|it| bill(&Object::read(it)?)));
                Ok(())
            };
            self.read_list(
                cx,
                Resource::Bills,
                &wanted,
                Walk::default(),
                u64::MAX,
                take,
            )
            .await?;
        }
        Ok(())
    }
}

/// Contact and number of a bill that is to be created.
fn key(doc: &BatchDoc) -> Option<Key> {
    if doc.change != Change::Create {
        return None;
    }
    key_of(&Object::read(&doc.body)?)
}

fn number(doc: &BatchDoc) -> Option<String> {
    Object::read(&doc.body)?.text(Resource::Bills.number())
}

/// People write a supplier's number with other letters and spaces than he does.
fn key_of(bill: &Object<'_>) -> Option<Key> {
    let number = bill.text(Resource::Bills.number())?;
    let contact = bill.object("Contact").and_then(|it| id(&it, "ContactID"))?;
    Some((contact, number.trim().to_lowercase()))
}

/// A bill in force that Xero holds.
fn bill(element: &Object<'_>) -> Option<(Key, String)> {
    let status = element.text("Status").unwrap_or_default();
    let is_bill = element.text("Type").as_deref() == Resource::Bills.r#type();
    if !is_bill || matches!(status.as_str(), "VOIDED" | "DELETED") {
        return None;
    }
    let number = element.text(Resource::Bills.number())?;
    let mut words = format!("bill {number}");
    let name = element.object("Contact").and_then(|it| it.text("Name"));
    if let Some(name) = name {
        words.push_str(&format!(" of {name}"));
    }
    if let Some(date) = date(element, "Date") {
        words.push_str(&format!(" dated {date}"));
    }
    if let Some(total) = element.text("Total") {
        let currency = element.text("CurrencyCode").unwrap_or_default();
        words.push_str(&format!(" over {currency} {total}"));
    }
    if let Some(id) = id(element, Resource::Bills.id()) {
        words.push_str(&format!(" ({}, {id})", status.to_lowercase()));
    }
    Some((key_of(element)?, words))
}

fn refusal(there: &str) -> Outcome {
    let problem = Problem {
        category: Category::Duplicate,
        field: Some(Resource::Bills.number().to_owned()),
        cause: format!("possible duplicate bill: {there}"),
        remedy:
            "Compare the two: adopt the one that is there if it is this bill, else give this one \
                 another number"
                .to_owned(),
    };
    Outcome::refused(problem, "")
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::*;

    #[test]
    fn bills_in_force_of_the_same_supplier_and_number_stand_in_the_way() {
        let held = |json: &str| {
            let raw = RawValue::from_string(json.to_owned()).unwrap();
            bill(&Object::read(&raw).unwrap())
        };
        let whole = r#"{"InvoiceID":"B1","Type":"ACCPAY","InvoiceNumber":" inv-7","Status":"DRAFT","Total":12.10,
            "CurrencyCode":"AUD","DateString":"2026-11-20T00:00:00","Contact":{"ContactID":"C1","Name":"Ann"}}"#;
        let (key, words) = held(whole).unwrap();
        assert_eq!(key, ("c1".to_owned(), "inv-7".to_owned()));
        assert_eq!(
            words,
            "bill  inv-7 of Ann dated 2026-11-20 over AUD 12.10 (draft, b1)"
        );
        // what is changed of it, with what
        for (part, other) in [
            ("ACCPAY", "ACCREC"),
            ("DRAFT", "VOIDED"),
            ("DRAFT", "DELETED"),
            (r#""ContactID":"C1","#, ""),
        ] {
            assert_eq!(held(&whole.replace(part, other)), None, "{part} {other}");
        }
    }

    #[test]
    fn a_bill_is_no_duplicate_of_itself() {
        let key = |number: &str| ("c1".to_owned(), number.to_owned());
        let mut known = Known::default();
        known.held.insert(key("1"), "bill 1".into());
        let told: Vec<_> = [("1", "a"), ("2", "a"), ("2", "a"), ("2", "b"), ("3", "b")]
            .into_iter()
            .map(|(number, entry)| known.against(key(number), entry))
            .collect();
        let held = Some("Xero already holds bill 1".to_owned());
        let sent = Some("a has the same number of the same supplier".to_owned());
        assert_eq!(told, [held, None, None, sent, None]);
    }

    #[test]
    fn only_new_bills_are_compared() {
        let doc = |change| BatchDoc {
            change,
            id: "entry".into(),
            number: "INV-7".into(),
            remote_id: None,
            since: None,
            body: RawValue::from_string(
                r#"{"InvoiceNumber":"INV-7","Contact":{"ContactID":"c1"}}"#.into(),
            )
            .unwrap(),
        };
        let expected = ("c1".to_owned(), "inv-7".to_owned());
        assert_eq!(key(&doc(Change::Create)), Some(expected));
        for change in [Change::Update, Change::Void] {
            assert_eq!(key(&doc(change)), None);
        }
    }
}
