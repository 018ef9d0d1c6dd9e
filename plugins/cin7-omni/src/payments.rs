//! Enters payments, takes them back, and finds them again.
//!
//! A payment that is posted twice is two payments, and Omni has no idempotency key. So each carries
//! its natural key as `transactionRef`, by which it is looked for after a lost answer. Entering and
//! deleting are all there is: Omni's other fields of a payment are never changed from here.

use std::collections::BTreeMap;

use ledgerline_plugin_api::prelude::*;

use crate::find::positive;
use crate::resource::Resource;
use crate::results::{Said, Words, defect, read_results, whole};
use crate::{Omni, instant};

/// Longest `transactionRef` that Omni keeps.
const LONGEST_REF: usize = 50;
/// Payments of one call: so many are looked for when its answer is lost.
const ELEMENTS_A_CALL: usize = 50;

/// A payment's fields as they will be sent, each in its own text.
type Fields = BTreeMap<String, Box<RawValue>>;

/// One payment of a batch that can be entered.
struct Element {
    /// Place in the batch.
    at: usize,
    key: Key,
    /// As the mapping made them.
    given: Fields,
    /// As they are sent.
    fields: Fields,
}

/// By what a payment is found.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Key {
    reference: String,
    /// The order or note that it pays, where that is known.
    order: Option<i64>,
}

impl Omni {
    pub(crate) async fn pay(
        &self,
        cx: &Cx,
        resource: &Resource,
        batch: &[BatchDoc],
    ) -> Vec<Outcome> {
        let mut outcomes: Vec<Option<Outcome>> = vec![None; batch.len()];
        let mut elements = Vec::new();
        for (at, doc) in batch.iter().enumerate() {
            match (doc.change, doc.remote_id.as_deref().and_then(positive)) {
                (Change::Void, Some(id)) => {
                    outcomes[at] = Some(self.delete(cx, resource, at, id).await);
                }
                _ => match element(at, doc) {
                    Ok(element) => elements.push(element),
                    Err(outcome) => outcomes[at] = Some(*outcome),
                },
            }
        }
        for chunk in elements.chunks(ELEMENTS_A_CALL) {
            for (at, outcome) in self.enter(cx, resource, chunk).await {
                outcomes[at] = Some(outcome);
            }
        }
        let none = || Outcome::unknown("the payment was not sent");
        outcomes
            .into_iter()
            .map(|it| it.unwrap_or_else(none))
            .collect()
    }

    /// Enters payments in one call, which must not leave twice.
    async fn enter(
        &self,
        cx: &Cx,
        resource: &Resource,
        chunk: &[Element],
    ) -> Vec<(usize, Outcome)> {
        let bodies: Vec<&Fields> = chunk.iter().map(|it| &it.fields).collect();
        let request = Request::post(self.url(resource.list))
            .json(&bodies)
            .auth("api")
            .covers(chunk.iter().filter_map(|it| u32::try_from(it.at).ok()));
        let said = match cx.http(request).await {
            Err(error) => vec![Said::Nothing(error); chunk.len()],
            Ok(response) => {
                match read_results(&response, chunk.len(), &words(resource, "Create")) {
                    Ok(said) => said,
                    // Nothing was taken in.
                    Err(refused) => {
                        return chunk.iter().map(|it| (it.at, (*refused).clone())).collect();
                    }
                }
            }
        };
        let saved: Vec<i64> = said
            .iter()
            .filter_map(|it| match it {
                Said::Saved(id) => *id,
                _ => None,
            })
            .collect();
        let shown = match saved.is_empty() {
            true => Ok(Vec::new()),
            false => self.list_by_id(cx, resource, &saved, None).await,
        };
        let mut outcomes = Vec::with_capacity(chunk.len());
        for (element, said) in chunk.iter().zip(said) {
            let outcome = match said {
                Said::Refused(words) => Outcome::refused(refusal(resource, &words), words),
                Said::Saved(Some(id)) => entered(element, id, &shown),
                Said::Saved(None) => {
                    let error = Error::protocol("Omni saved the payment and gave no id");
                    self.after_a_lost_answer(cx, resource, element, error).await
                }
                Said::Nothing(error) => {
                    self.after_a_lost_answer(cx, resource, element, error).await
                }
            };
            outcomes.push((element.at, outcome));
        }
        outcomes
    }

    /// Omni has been seen to answer 500 after it saved. What is not there yet may still come, so only
    /// what is there is an answer; the engine asks again before it sends anything.
    async fn after_a_lost_answer(
        &self,
        cx: &Cx,
        resource: &Resource,
        element: &Element,
        error: Error,
    ) -> Outcome {
        match self.by_reference(cx, resource, &element.key).await {
            Ok(Some((id, held))) => Outcome::written(id.to_string(), element.shown_as(&held)),
            _ => Outcome::failed(&error),
        }
    }

    /// Takes a payment back. Deleting what is gone changes nothing, so the call is safe to repeat.
    async fn delete(&self, cx: &Cx, resource: &Resource, at: usize, id: i64) -> Outcome {
        #[derive(Deserialize)]
        struct Deleted {
            #[serde(default)]
            success: Option<bool>,
            #[serde(default)]
            errors: Option<Vec<String>>,
        }
        let request = Request::delete(self.url(&format!("{}/{id}", resource.list)))
            .auth("api")
            .covers(u32::try_from(at))
            .safe_to_repeat();
        let error = match cx.http(request).await {
            Err(error) => error,
            // Gone already.
            Ok(response) if response.status == 404 => {
                return Outcome::written(id.to_string(), None);
            }
            Ok(response) if !response.is_success() => {
                match whole(&response, &words(resource, "Delete")) {
                    Ok(error) => error,
                    Err(outcome) => return *outcome,
                }
            }
            Ok(response) => match response.json::<Deleted>() {
                Ok(Deleted {
                    success: Some(false),
                    errors,
                }) => {
                    let words = errors.unwrap_or_default().join("; ");
                    return Outcome::refused(refusal(resource, &words), words);
                }
                // Whatever else it says: what counts is what its address shows.
                _ => Error::unavailable(format!(
                    "Omni answered that it deleted payment {id}, but its address does not show so"
                )),
            },
        };
        match self.look_for_one(cx, resource, id).await.status {
            Status::NOT_FOUND => Outcome::written(id.to_string(), None),
            _ => Outcome::failed(&error),
        }
    }

    pub(crate) async fn look_for_payments(
        &self,
        cx: &Cx,
        resource: &Resource,
        batch: &[BatchDoc],
    ) -> Vec<Outcome> {
        let linked = |doc: &&BatchDoc| doc.remote_id.as_deref().and_then(positive).is_some();
        let known: Vec<BatchDoc> = batch.iter().filter(linked).cloned().collect();
        let mut by_id = self.look_for(cx, resource, &known).await.into_iter();
        let mut outcomes = Vec::with_capacity(batch.len());
        for doc in batch {
            let of_id = linked(&doc).then(|| by_id.next()).flatten();
            outcomes.push(match (of_id, sought(doc)) {
                (Some(outcome), _) => outcome,
                (None, Err(error)) => Outcome::failed(&error),
                (None, Ok(key)) => match self.by_reference(cx, resource, &key).await {
                    Ok(Some((id, held))) => {
                        let given = doc.json::<Option<Fields>>().ok().flatten();
                        let shown = as_given(&given.unwrap_or_default(), &held);
                        let shown = shown.and_then(|it| serde_json::value::to_raw_value(&it).ok());
                        Outcome::found(id.to_string(), shown.unwrap_or(held))
                    }
                    Ok(None) => Outcome::not_found(),
                    Err(error) => Outcome::failed(&error),
                },
            });
        }
        outcomes
    }

    /// The payment with this reference. None rests on two questions where the order is known, because
    /// a list that leaves a payment out would let it be entered once more.
    async fn by_reference(
        &self,
        cx: &Cx,
        resource: &Resource,
        key: &Key,
    ) -> Result<Option<(i64, Box<RawValue>)>> {
        let quoted = key.reference.replace('\'', "''");
        let mut conditions = vec![format!("transactionRef='{quoted}'")];
        conditions.extend(key.order.map(|id| format!("orderId={id}")));
        for condition in conditions {
            let rows = self.list_where(cx, resource, &condition, None).await?;
            if let Some(found) = with_reference(key, rows)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }
}

/// The fields by which payments are told apart.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Held {
    #[serde(default)]
    transaction_ref: Option<String>,
    #[serde(default)]
    order_id: Option<i64>,
}

/// The payment with the key's reference among those of an answer: of several the one of its order,
/// then the one that was entered first.
fn with_reference(
    key: &Key,
    rows: Vec<(i64, Box<RawValue>)>,
) -> Result<Option<(i64, Box<RawValue>)>> {
    let count = rows.len();
    let mut found: Option<(bool, i64, Box<RawValue>)> = None;
    for (id, raw) in rows {
        let held: Held = serde_json::from_str(raw.get()).map_err(Error::protocol)?;
        let theirs = held.transaction_ref.as_deref().unwrap_or_default().trim();
        if theirs != key.reference {
            continue;
        }
        let elsewhere = key.order.is_some() && held.order_id != key.order;
        let better = |(it, other, _): &(bool, i64, _)| (elsewhere, id) < (*it, *other);
        if found.as_ref().is_none_or(better) {
            found = Some((elsewhere, id, raw));
        }
    }
    // Of a full page the rest was not seen, as when the condition is ignored.
    if found.is_none() && count >= 250 {
        return Err(Error::protocol(format!(
            "Omni gave {count} payments when asked for `{}`, and may hold more",
            key.reference
        )));
    }
    Ok(found.map(|(_, id, raw)| (id, raw)))
}

fn element(at: usize, doc: &BatchDoc) -> std::result::Result<Element, Box<Outcome>> {
    match doc.change {
        Change::Create => {}
        Change::Void => {
            return Err(defect(
                "a payment is to be taken back, and has no id of Omni",
            ));
        }
        Change::Update | Change::None => {
            return Err(Box::new(Outcome::refused(unchangeable(), "")));
        }
    }
    let failed = |error: Error| Box::new(Outcome::failed(&error));
    let given: Fields = doc.json().map_err(failed)?;
    let key = key_of(&given).map_err(failed)?;
    let Some(key) = key.filter(|it| it.reference.chars().count() <= LONGEST_REF) else {
        return Err(defect(format!(
            "a payment needs a `transactionRef` of its own, of at most {LONGEST_REF} characters: it is \
             found by it when an answer is lost"
        )));
    };
    let Some(order) = key.order else {
        return Err(defect(
            "a payment needs the `orderId` of the document in Omni that it pays",
        ));
    };
    // A mapping that takes the id from a link gives it as text.
    let number = RawValue::from_string(order.to_string()).map_err(|err| failed(Error::bug(err)))?;
    let mut fields = given.clone();
    fields.insert("orderId".to_owned(), number);
    Ok(Element {
        at,
        key,
        given,
        fields,
    })
}

/// The key in a payment's fields; none where there is no reference.
fn key_of(fields: &Fields) -> Result<Option<Key>> {
    let value = |name: &str| -> Result<Option<serde_json::Value>> {
        let raw = fields.get(name).map(|it| serde_json::from_str(it.get()));
        raw.transpose().map_err(Error::protocol)
    };
    let text = |value: serde_json::Value| match value {
        serde_json::Value::Null => None,
        serde_json::Value::String(text) => Some(text.trim().to_owned()),
        other => Some(other.to_string()),
    };
    let reference = value("transactionRef")?.and_then(text);
    let order = value("orderId")?.and_then(text);
    Ok(reference.filter(|it| !it.is_empty()).map(|reference| Key {
        reference,
        order: order.and_then(|it| positive(&it)),
    }))
}

/// By what a payment without an id is looked for: its own reference, else the entry's number.
fn sought(doc: &BatchDoc) -> Result<Key> {
    let key = key_of(&doc.json::<Option<Fields>>()?.unwrap_or_default())?;
    let numbered = || {
        let reference = doc.number.trim();
        (!reference.is_empty()).then(|| Key {
            reference: reference.to_owned(),
            order: None,
        })
    };
    key.or_else(numbered).ok_or_else(|| {
        Error::config(format!(
            "document `{}` has no reference to look for: the mapping must set `transactionRef`",
            doc.id
        ))
    })
}

fn entered(element: &Element, id: i64, shown: &Result<Vec<(i64, Box<RawValue>)>>) -> Outcome {
    let held = shown.as_ref().ok().and_then(|rows| {
        let of_id = rows.iter().find(|(it, _)| *it == id);
        of_id.map(|(_, raw)| raw)
    });
    match held {
        Some(held) => Outcome::written(id.to_string(), element.shown_as(held)),
        None => Outcome::written(id.to_string(), None).warn(format!(
            "Omni answered that it saved payment {id}, but did not show it right afterwards"
        )),
    }
}

impl Element {
    /// What Omni shows of the fields that were given.
    fn shown_as(&self, held: &RawValue) -> Option<Box<RawValue>> {
        let mut shown = as_given(&self.given, held)?;
        shown.retain(|name, _| self.given.contains_key(name));
        serde_json::value::to_raw_value(&shown).ok()
    }
}

/// A payment as Omni shows it, where it means the same in the spelling of what was given: an instant with
/// a fraction, an id that a link gave as text.
fn as_given(given: &Fields, held: &RawValue) -> Option<Fields> {
    let mut shown: Fields = serde_json::from_str(held.get()).ok()?;
    for (name, sent) in given {
        if let Some(there) = shown.get_mut(name)
            && same(sent, there)
        {
            *there = sent.clone();
        }
    }
    Some(shown)
}

fn same(sent: &RawValue, there: &RawValue) -> bool {
    let text = |raw: &RawValue| match serde_json::from_str(raw.get()) {
        Ok(serde_json::Value::String(text)) => text.trim().to_owned(),
        _ => raw.get().to_owned(),
    };
    let (sent, there) = (text(sent), text(there));
    sent == there || (instant(&sent).is_some() && instant(&sent) == instant(&there))
}

fn words<'a>(resource: &'a Resource, verb: &'a str) -> Words<'a> {
    Words {
        resource,
        verb,
        refusal,
        when_allowed: "Tick it, then retry.".to_owned(),
    }
}

fn refusal(resource: &Resource, words: &str) -> Problem {
    let title = resource.title;
    Problem {
        category: Category::Unknown,
        field: None,
        cause: format!("Omni refused the {title}: {words}"),
        remedy: "Read Omni's words, correct the payment or the document that it pays, then retry."
            .to_owned(),
    }
}

fn unchangeable() -> Problem {
    Problem {
        category: Category::DocumentState,
        field: None,
        cause: "a payment that was entered in Omni is not changed from here".to_owned(),
        remedy: "Correct the payment in Omni by hand, or delete it there and reset this entry."
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(rows: &[(i64, &str, i64)]) -> Vec<(i64, Box<RawValue>)> {
        let row = |(id, reference, order): &(i64, &str, i64)| {
            let text = format!(r#"{{"transactionRef":"{reference}","orderId":{order}}}"#);
            (*id, RawValue::from_string(text).unwrap())
        };
        rows.iter().map(row).collect()
    }

    #[test]
    fn of_several_payments_the_one_of_its_order_is_meant() {
        let cases: [(&[_], Option<i64>); 5] = [
            (&[], None),
            (&[(1, "b", 7)], None),
            (&[(1, "a", 7)], Some(1)),
            (&[(1, "a", 8), (2, "a", 7), (3, "a", 7)], Some(2)),
            (&[(1, "a", 8), (2, " a", 9)], Some(1)),
        ];
        let key = Key {
            reference: "a".to_owned(),
            order: Some(7),
        };
        for (given, expected) in cases {
            let found = with_reference(&key, rows(given)).unwrap();
            assert_eq!(found.map(|it| it.0), expected, "{given:?}");
        }
        let many: Vec<_> = (1..=250).map(|id| (id, "b", 7)).collect();
        assert!(with_reference(&key, rows(&many)).is_err());
    }
}
