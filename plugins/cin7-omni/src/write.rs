//! Writes parts of documents' headers: the accounting status.
//!
//! A PUT takes an array and changes only the fields that are there. Writing the same again changes
//! nothing, so the calls are safe to repeat. Whether Omni really keeps an accounting status that is written through the
//! API is not certain, and it has been seen to answer 500 after it saved. So what counts is what a
//! read afterwards shows.

use std::collections::{BTreeMap, HashMap};

use ledgerline_plugin_api::prelude::*;

use crate::find::{id_of, without_id};
use crate::resource::Resource;
use crate::results::{Said, Words, defect, read_results};
use crate::{Omni, instant};

/// Elements of one call.
const ELEMENTS_A_CALL: usize = 250;
/// Records read back in one call: longer addresses are refused.
const IDS_A_CALL: usize = 100;

/// One document of a batch that can be sent.
struct Element {
    /// Place in the batch.
    at: usize,
    id: i64,
    fields: Fields,
    wanted: Attributes,
}

/// A document's fields as they will be sent, each in its own text.
type Fields = BTreeMap<String, Box<RawValue>>;

/// The part of a document that is read back.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Attributes {
    #[serde(default, deserialize_with = "text")]
    accounting_import_status: Option<String>,
    #[serde(default, deserialize_with = "text")]
    import_date: Option<String>,
}

/// Enums are said to be numbers in places.
fn text<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> std::result::Result<Option<String>, D::Error> {
    Ok(match serde_json::Value::deserialize(deserializer)? {
        serde_json::Value::Null => None,
        serde_json::Value::String(text) => Some(text),
        other => Some(other.to_string()),
    })
}

impl Omni {
    pub(crate) async fn write(
        &self,
        cx: &Cx,
        resource: &Resource,
        batch: &[BatchDoc],
    ) -> Vec<Outcome> {
        let mut outcomes: Vec<Option<Outcome>> = vec![None; batch.len()];
        let mut elements = Vec::new();
        for (at, doc) in batch.iter().enumerate() {
            match element(resource, at, doc) {
                Ok(element) => elements.push(element),
                Err(outcome) => outcomes[at] = Some(*outcome),
            }
        }
        for chunk in elements.chunks(ELEMENTS_A_CALL) {
            for (at, outcome) in self.write_chunk(cx, resource, chunk).await {
                outcomes[at] = Some(outcome);
            }
        }
        let none = || Outcome::unknown("the document was not sent");
        outcomes
            .into_iter()
            .map(|it| it.unwrap_or_else(none))
            .collect()
    }

    async fn write_chunk(
        &self,
        cx: &Cx,
        resource: &Resource,
        chunk: &[Element],
    ) -> Vec<(usize, Outcome)> {
        let bodies: Vec<&Fields> = chunk.iter().map(|it| &it.fields).collect();
        let request = Request::put(self.url(resource.list))
            .json(&bodies)
            .auth("api")
            .covers(chunk.iter().filter_map(|it| u32::try_from(it.at).ok()))
            .safe_to_repeat();
        let said = match cx.http(request).await {
            Err(error) => vec![Said::Nothing(error); chunk.len()],
            Ok(response) => match read_results(&response, chunk.len(), &words(resource)) {
                Ok(said) => said,
                // Nothing was taken in: there is nothing to read back.
                Err(refused) => {
                    return chunk.iter().map(|it| (it.at, (*refused).clone())).collect();
                }
            },
        };
        let held = self.read_back(cx, resource, chunk, &said).await;
        let outcome = |(element, said): (&Element, Said)| {
            (element.at, settle(resource, element, said, &held))
        };
        chunk.iter().zip(said).map(outcome).collect()
    }

    /// What Omni now shows of the elements that it did not refuse.
    async fn read_back(
        &self,
        cx: &Cx,
        resource: &Resource,
        chunk: &[Element],
        said: &[Said],
    ) -> Result<HashMap<i64, Held>> {
        let kept = chunk
            .iter()
            .zip(said)
            .filter(|(_, said)| !matches!(said, Said::Refused(_)));
        let ids: Vec<i64> = kept.map(|(element, _)| element.id).collect();
        let mut held = HashMap::new();
        for ids in ids.chunks(IDS_A_CALL) {
            let fields = Some("id,accountingAttributes,modifiedDate");
            for (id, record) in self.list_by_id(cx, resource, ids, fields).await? {
                let record = serde_json::from_str(record.get()).map_err(Error::protocol)?;
                held.insert(id, record);
            }
        }
        Ok(held)
    }
}

/// A record as it is read back.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Held {
    #[serde(default)]
    accounting_attributes: Option<Attributes>,
    #[serde(default, deserialize_with = "text")]
    modified_date: Option<String>,
}

fn element(
    resource: &Resource,
    at: usize,
    doc: &BatchDoc,
) -> std::result::Result<Element, Box<Outcome>> {
    if doc.change == Change::Void {
        let title = resource.title;
        return Err(defect(format!(
            "a {title} of Cin7 Omni cannot be voided from here"
        )));
    }
    let failed = |error: Error| Box::new(Outcome::failed(&error));
    let id = id_of(doc).ok_or_else(|| failed(without_id(doc)))?;
    let mut fields: Fields = doc.json().map_err(failed)?;
    if fields
        .keys()
        .any(|name| name.eq_ignore_ascii_case("lineItems"))
    {
        // Whether Omni deletes the lines that a PUT leaves out is not known.
        return Err(defect(
            "the mapping sets `lineItems`, and Cin7 Omni may delete lines that are left out",
        ));
    }
    let number = RawValue::from_string(id.to_string()).map_err(|err| failed(Error::bug(err)))?;
    fields.insert("id".to_owned(), number);
    let wanted = match fields.get("accountingAttributes") {
        Some(raw) => serde_json::from_str(raw.get()).map_err(|err| {
            failed(Error::config(format!(
                "`accountingAttributes` of document `{}`: {err}",
                doc.id
            )))
        })?,
        None => Attributes::default(),
    };
    Ok(Element {
        at,
        id,
        fields,
        wanted,
    })
}

fn settle(
    resource: &Resource,
    element: &Element,
    said: Said,
    held: &Result<HashMap<i64, Held>>,
) -> Outcome {
    if let Said::Refused(words) = &said {
        return Outcome::refused(refusal(resource, words), words);
    }
    let held = match (held, &said) {
        (Ok(held), _) => held.get(&element.id),
        // What was lost first says more than that it could not be read back either.
        (Err(_), Said::Nothing(error)) => return Outcome::failed(error),
        (Err(error), _) => {
            let message =
                format!("Omni answered that it saved, but could not be read back: {error}");
            return Outcome::unknown(message);
        }
    };
    let Some(held) = held else {
        return match said {
            Said::Nothing(error) => Outcome::failed(&error),
            _ => Outcome::refused(gone(resource, element.id), ""),
        };
    };
    let shown = held.accounting_attributes.clone().unwrap_or_default();
    let sticks = match &element.wanted.accounting_import_status {
        None => matches!(said, Said::Saved(_)),
        Some(wanted) => shown.status().eq_ignore_ascii_case(wanted),
    };
    match (sticks, said) {
        (true, _) => {
            let version = held.modified_date.clone().unwrap_or_default();
            Outcome::written(element.id.to_string(), element.shown_as(&shown)).version(version)
        }
        (false, Said::Nothing(error)) => Outcome::failed(&error),
        (false, _) => Outcome::refused(did_not_stick(resource, &shown), ""),
    }
}

impl Attributes {
    fn status(&self) -> &str {
        self.accounting_import_status
            .as_deref()
            .unwrap_or("no accounting status")
    }
}

impl Element {
    /// What Omni shows, in the form of what was sent: the same status and the same instant in another
    /// spelling are no difference.
    fn shown_as(&self, shown: &Attributes) -> Option<Box<RawValue>> {
        let mut fields = self.fields.clone();
        if fields.contains_key("accountingAttributes") {
            let mut shown = shown.clone();
            let same = |a: &str, b: &str| instant(a).is_some() && instant(a) == instant(b);
            shown.accounting_import_status = self.wanted.accounting_import_status.clone();
            if let (Some(sent), Some(date)) = (&self.wanted.import_date, &shown.import_date)
                && same(sent, date)
            {
                shown.import_date = Some(sent.clone());
            }
            if self.wanted.import_date.is_none() {
                shown.import_date = None;
            }
            fields.insert("accountingAttributes".to_owned(), attributes(&shown)?);
        }
        serde_json::value::to_raw_value(&fields).ok()
    }
}

fn attributes(shown: &Attributes) -> Option<Box<RawValue>> {
    let pairs = [
        ("accountingImportStatus", &shown.accounting_import_status),
        ("importDate", &shown.import_date),
    ];
    let there: BTreeMap<_, _> = pairs
        .into_iter()
        .filter(|(_, value)| value.is_some())
        .collect();
    serde_json::value::to_raw_value(&there).ok()
}

fn words(resource: &Resource) -> Words<'_> {
    Words {
        resource,
        verb: "Update",
        refusal,
        when_allowed: format!("Tick it, then retry. {}", in_the_books(resource)),
    }
}

fn in_the_books(resource: &Resource) -> String {
    let title = resource.title;
    format!("The {title} itself is in the books and is not sent again.")
}

fn refusal(resource: &Resource, words: &str) -> Problem {
    let title = resource.title;
    Problem {
        category: Category::FollowUp,
        field: None,
        cause: format!("Omni refused to save the accounting status: {words}"),
        remedy: format!(
            "Set the accounting status by hand on the {title}'s Admin page in Omni, or correct what \
             Omni names and retry. {}",
            in_the_books(resource)
        ),
    }
}

fn gone(resource: &Resource, id: i64) -> Problem {
    let title = resource.title;
    Problem {
        category: Category::FollowUp,
        field: None,
        cause: format!("Omni answered that it saved {title} {id}, but no longer shows it"),
        remedy: format!("Look for the {title} in Omni; it may have been deleted."),
    }
}

fn did_not_stick(resource: &Resource, shown: &Attributes) -> Problem {
    let title = resource.title;
    Problem {
        category: Category::FollowUp,
        field: Some("accountingAttributes.accountingImportStatus".to_owned()),
        cause: format!(
            "Omni answered that it saved the accounting status, but still shows {}",
            shown.status()
        ),
        remedy: format!(
            "Set the accounting status by hand on the {title}'s Admin page in Omni: until then Omni \
             leaves the {title} out of its cost of goods and of reports. {}",
            in_the_books(resource)
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_instant_in_another_spelling_is_no_difference() {
        let element = Element {
            at: 0,
            id: 5,
            fields: BTreeMap::from([
                (
                    "id".to_owned(),
                    RawValue::from_string("5".to_owned()).unwrap(),
                ),
                (
                    "accountingAttributes".to_owned(),
                    RawValue::from_string("{}".to_owned()).unwrap(),
                ),
            ]),
            wanted: Attributes {
                accounting_import_status: Some("Imported".to_owned()),
                import_date: Some("2026-01-02T00:00:00Z".to_owned()),
            },
        };
        let cases = [
            ("2026-01-02T00:00:00.0000000Z", "2026-01-02T00:00:00Z"),
            ("2026-01-02T13:00:00+13:00", "2026-01-02T00:00:00Z"),
            ("2026-01-03T00:00:00Z", "2026-01-03T00:00:00Z"),
        ];
        for (held, expected) in cases {
            let shown = Attributes {
                accounting_import_status: Some("IMPORTED".to_owned()),
                import_date: Some(held.to_owned()),
            };
            assert_eq!(
                element.shown_as(&shown).unwrap().get(),
                format!(
                    r#"{{"accountingAttributes":{{"accountingImportStatus":"Imported","importDate":"{expected}"}},"id":5}}"#
                ),
                "{held}"
            );
        }
    }
}
