//! Writing calls: what is sent, and what each document's answer means.
//!
//! PUT creates. POST would too, after looking for something with the same number to overwrite, so it
//! is kept for documents that are linked, with their ids. `summarizeErrors=false` makes Xero save the
//! good documents of a call and answer 200 for all of them, each with its own errors; without it one
//! bad document refuses the call.
//!
//! Xero does not promise to answer in the order of the request, so a position counts only when
//! number, id or name confirm it.

use ledgerline_plugin_api::manifest::{Category, Problem};
use ledgerline_plugin_api::sdk::{BatchDoc, Change, Outcome, Request, Response, Result};
use serde_json::value::RawValue;

use crate::answers::{Refusal, list, refusal};
use crate::ask::Settlement;
use crate::classify::{complaints, problem, warnings};
use crate::held::{held, id};
use crate::lenient::{Object, quoted};
use crate::resource::Resource;

/// Xero states 10 MB in one place and 3.5 MB in others.
const MAX_BYTES: usize = 3_500_000;
/// What Xero recommends; there is no hard limit.
const MAX_DOCUMENTS: usize = 50;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    /// PUT: creates and never overwrites.
    Create,
    /// POST, for elements that carry their id.
    Change,
}

/// One document on its way.
#[derive(Debug)]
pub(crate) struct Element {
    /// Its index in the batch.
    pub(crate) at: usize,
    pub(crate) verb: Verb,
    /// The body is this, and goes to the document's own address.
    pub(crate) alone: Option<String>,
    pub(crate) json: Box<RawValue>,
}

/// One writing call.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) verb: Verb,
    /// Indices of the batch's documents, in the order of the body.
    pub(crate) covers: Vec<usize>,
    /// Id of the only document, where the call goes to its own address.
    pub(crate) alone: Option<String>,
    /// Xero takes all of it or nothing.
    pub(crate) whole: bool,
    pub(crate) body: String,
}

/// The element that creates or updates a document; the outcome instead where it cannot be sent.
pub(crate) fn element(
    resource: Resource,
    at: usize,
    doc: &BatchDoc,
) -> std::result::Result<Element, Box<Outcome>> {
    let sent = match doc.change {
        Change::Create => {
            return Ok(Element {
                at,
                verb: Verb::Create,
                alone: None,
                json: doc.body.clone(),
            });
        }
        _ => Object::read(&doc.body),
    };
    let with_id = match (&doc.remote_id, sent) {
        (Some(id), Some(sent)) => quoted(id)
            .and_then(|id| sent.with(&[(resource.id(), &id)]))
            .ok(),
        _ => None,
    };
    match with_id {
        Some(json) => Ok(Element {
            at,
            verb: Verb::Change,
            alone: None,
            json,
        }),
        None => Err(Box::new(defect(
            "an update came without Xero's id or without a document",
        ))),
    }
}

/// The element that takes a document back, by its status in Xero; `None` when it is taken back
/// already. What was never posted is deleted, what was is voided: Xero refuses the other way round.
pub(crate) fn taking_back(
    resource: Resource,
    at: usize,
    id: &str,
    held: &Object<'_>,
) -> Option<Element> {
    let status = held.text(resource.status()).unwrap_or_default();
    let status = match status.as_str() {
        "VOIDED" | "DELETED" => return None,
        "DRAFT" | "SUBMITTED" => "DELETED",
        _ if resource == Resource::Payments => "DELETED",
        _ => "VOIDED",
    };
    match resource {
        // Payments can be changed at their own addresses only.
        Resource::Payments => Some(Element {
            alone: Some(id.to_owned()),
            ..small(at, &[("Status", status)])?
        }),
        // A journal is not taken without its narration.
        Resource::ManualJournals => {
            let narration = held.text(resource.number()).unwrap_or_default();
            let fields = [
                (resource.id(), id),
                (resource.number(), &narration),
                ("Status", status),
            ];
            small(at, &fields)
        }
        _ => small(at, &[(resource.id(), id), ("Status", status)]),
    }
}

/// Why a payment cannot be taken back.
pub(crate) fn stuck_payment(held: &Object<'_>) -> Option<Outcome> {
    let (cause, remedy) = if held.flag("IsReconciled") {
        (
            "the payment is reconciled with a bank statement in Xero",
            "Undo the reconciliation in Xero, then retry",
        )
    } else if held.object("BatchPayment").is_some() || id(held, "BatchPaymentID").is_some() {
        (
            "the payment belongs to a batch payment in Xero",
            "Delete the batch payment in Xero, then retry",
        )
    } else {
        return None;
    };
    Some(in_the_way(cause.to_owned(), remedy.to_owned()))
}

/// A change to what Xero only lets be made and taken back.
pub(crate) fn unchangeable(title: &str) -> Outcome {
    in_the_way(
        format!("Xero lets no {title} be changed"),
        format!("Take the {title} back in Xero, then reset this document"),
    )
}

/// A refusal for the sake of what Xero holds.
pub(crate) fn in_the_way(cause: String, remedy: String) -> Outcome {
    let problem = Problem {
        category: Category::DocumentState,
        field: None,
        cause,
        remedy,
    };
    Outcome::refused(problem, "")
}

/// The element that archives a contact. Contacts can be neither deleted nor voided.
pub(crate) fn archiving(at: usize, id: &str) -> Option<Element> {
    small(at, &[("ContactID", id), ("ContactStatus", "ARCHIVED")])
}

fn small(at: usize, fields: &[(&str, &str)]) -> Option<Element> {
    let fields: std::collections::BTreeMap<_, _> = fields.iter().copied().collect();
    let json = serde_json::value::to_raw_value(&fields).ok()?;
    Some(Element {
        at,
        verb: Verb::Change,
        alone: None,
        json,
    })
}

/// Shares documents out over calls: one for what is new and one for what is linked, more where a
/// body would grow too large.
pub(crate) fn calls(resource: Resource, elements: &[Element]) -> Vec<Call> {
    let mut calls = Vec::new();
    for verb in [Verb::Create, Verb::Change] {
        let mut open: Option<Call> = None;
        let shared = |it: &&Element| it.verb == verb && it.alone.is_none();
        for element in elements.iter().filter(shared) {
            let fits = |call: &Call| {
                call.covers.len() < MAX_DOCUMENTS
                    && call.body.len() + element.json.get().len() + 3 <= MAX_BYTES
            };
            match open.as_mut().filter(|call| fits(call)) {
                Some(call) => {
                    call.covers.push(element.at);
                    call.body.push(',');
                    call.body.push_str(element.json.get());
                }
                None => {
                    let body = format!("{{\"{}\":[{}", resource.collection(), element.json);
                    calls.extend(open.replace(Call {
                        verb,
                        covers: vec![element.at],
                        alone: None,
                        whole: false,
                        body,
                    }));
                }
            }
        }
        calls.extend(open);
    }
    for call in &mut calls {
        call.body.push_str("]}");
    }
    let alone = elements.iter().filter(|it| it.alone.is_some());
    calls.extend(alone.map(|it| Call {
        verb: it.verb,
        covers: vec![it.at],
        alone: it.alone.clone(),
        whole: true,
        body: it.json.get().to_owned(),
    }));
    calls
}

/// The request of a call.
pub(crate) fn request(base: &str, resource: Resource, call: &Call) -> Request {
    let url = format!("{base}/api.xro/2.0/{}", resource.collection());
    let request = match (call.verb, &call.alone) {
        (Verb::Create, _) => Request::put(url),
        (Verb::Change, None) => Request::post(url),
        (Verb::Change, Some(id)) => Request::post(format!("{url}/{id}")),
    };
    let each = if call.whole { "true" } else { "false" };
    // A single document's errors are its own.
    let summed = call.alone.is_none().then_some(("summarizeErrors", each));
    request
        .query(summed.into_iter().chain(resource.decimals()))
        .header("Accept", "application/json")
        .header("Content-Type", "application/json")
        .auth(crate::AUTH)
        .covers(
            call.covers
                .iter()
                .map(|&at| u32::try_from(at).unwrap_or(u32::MAX)),
        )
        .body(call.body.as_bytes())
}

/// What became of the documents of a call, in the order of `covers`; an error when the credentials
/// were refused.
pub(crate) fn outcomes(
    resource: Resource,
    docs: &[&BatchDoc],
    response: &Response,
) -> Result<Vec<Outcome>> {
    if response.is_success() {
        return Ok(answered(resource, docs, response));
    }
    let all = |outcome: Outcome| docs.iter().map(|_| outcome.clone()).collect();
    match refusal(response) {
        Refusal::Auth(error) => Err(error),
        Refusal::Unavailable(words) => Ok(all(Outcome::unavailable(words))),
        Refusal::Whole { problem, words } => Ok(all(Outcome::refused_whole(problem, words))),
        Refusal::Elements(elements) => Ok(at_fault(resource, docs, &elements)),
    }
}

fn answered(resource: Resource, docs: &[&BatchDoc], response: &Response) -> Vec<Outcome> {
    let all = |message: String| {
        docs.iter()
            .map(|_| Outcome::unknown(message.clone()))
            .collect()
    };
    let list = match list(response, resource.collection()) {
        Ok(list) => list,
        Err(error) => return all(error.message),
    };
    let elements: Vec<Object<'_>> = list
        .elements
        .iter()
        .map(|it| Object::read(it).unwrap_or_default())
        .collect();
    pair(resource, docs, &elements)
        .into_iter()
        .map(|element| {
            let Some(element) = element else {
                return Outcome::unknown("Xero's answer does not say what became of this document");
            };
            let outcome = outcome(resource, element);
            list.warnings
                .iter()
                .fold(outcome, |outcome, it| outcome.warn(it))
        })
        .collect()
}

/// Nothing of the call was saved. Those at fault are named; the others may go again.
fn at_fault(resource: Resource, docs: &[&BatchDoc], elements: &[Box<RawValue>]) -> Vec<Outcome> {
    let elements: Vec<Object<'_>> = elements
        .iter()
        .map(|it| Object::read(it).unwrap_or_default())
        .collect();
    let paired = pair(resource, docs, &elements);
    if paired.iter().all(Option::is_none) {
        let all: Vec<_> = elements.iter().flat_map(complaints).collect();
        let (problem, words) = problem(&all);
        return docs
            .iter()
            .map(|_| Outcome::refused_whole(problem.clone(), &words))
            .collect();
    }
    paired
        .into_iter()
        .map(|element| match element {
            Some(element) => refused(element),
            None => Outcome::unavailable("Xero refused the call for the sake of other documents"),
        })
        .collect()
}

/// The element of the answer that belongs to each document.
fn pair<'e, 'a>(
    resource: Resource,
    docs: &[&BatchDoc],
    elements: &'e [Object<'a>],
) -> Vec<Option<&'e Object<'a>>> {
    let in_step = docs.len() == elements.len();
    docs.iter()
        .enumerate()
        .map(|(at, doc)| {
            let sent = Sent::of(resource, doc);
            let here = elements.get(at).filter(|_| in_step);
            if let Some(here) = here.filter(|it| sent.agrees(resource, it) != Some(false)) {
                return Some(here);
            }
            let mut agreeing = elements
                .iter()
                .filter(|it| sent.agrees(resource, it) == Some(true));
            match (agreeing.next(), agreeing.next()) {
                (Some(only), None) => Some(only),
                _ => None,
            }
        })
        .collect()
}

/// What identifies a document that was sent.
struct Sent {
    id: Option<String>,
    number: Option<String>,
    name: Option<String>,
    contact: Option<String>,
    settlement: Option<Settlement>,
}

impl Sent {
    fn of(resource: Resource, doc: &BatchDoc) -> Self {
        let body = Object::read(&doc.body).unwrap_or_default();
        let number = Some(doc.number.clone()).filter(|it| !it.is_empty());
        Self {
            id: doc.remote_id.as_ref().map(|it| it.to_ascii_lowercase()),
            number: body.text(resource.number()).or(number),
            name: body.text("Name"),
            contact: body.object("Contact").and_then(|it| id(&it, "ContactID")),
            settlement: Settlement::of(&body),
        }
    }

    /// Whether an element is the answer to this; `None` when nothing tells.
    fn agrees(&self, resource: Resource, element: &Object<'_>) -> Option<bool> {
        let theirs = id(element, resource.id());
        if let (Some(ours), Some(theirs)) = (&self.id, &theirs) {
            return Some(ours == theirs);
        }
        let same = |ours: &Option<String>, theirs: Option<String>| {
            let (ours, theirs) = (ours.as_deref()?, theirs?);
            Some(ours.trim().to_lowercase() == theirs.trim().to_lowercase())
        };
        let contact = element
            .object("Contact")
            .and_then(|it| id(&it, "ContactID"));
        // A different contact contradicts, but the same one is no proof: it has many documents.
        if same(&self.contact, contact) == Some(false) {
            return Some(false);
        }
        if let (Some(ours), Some(theirs)) = (&self.settlement, Settlement::of(element)) {
            return Some(*ours == theirs);
        }
        same(&self.number, element.text(resource.number()))
            .or_else(|| same(&self.name, element.text("Name")))
    }
}

/// A document counts as written only when nothing complains and Xero gave its id.
fn outcome(resource: Resource, element: &Object<'_>) -> Outcome {
    if fails(element) {
        return refused(element);
    }
    match held(resource, element) {
        Ok(held) => warnings(element).into_iter().fold(
            Outcome::written(held.id, held.body).version(held.updated),
            |outcome, warning| outcome.warn(warning),
        ),
        Err(_) if !complaints(element).is_empty() => refused(element),
        Err(error) => Outcome::unknown(error.message),
    }
}

/// Whether Xero says that it did not save an element.
pub(crate) fn fails(element: &Object<'_>) -> bool {
    let status = element.text("StatusAttributeString").unwrap_or_default();
    let failed = status.eq_ignore_ascii_case("ERROR")
        || element.flag("HasErrors")
        || element.flag("HasValidationErrors")
        || !element.list("ValidationErrors").is_empty();
    // Complaints of its parts alone are not enough against an "OK".
    failed || (status.is_empty() && !complaints(element).is_empty())
}

pub(crate) fn refused(element: &Object<'_>) -> Outcome {
    let (problem, words) = problem(&complaints(element));
    Outcome::refused(problem, words)
}

/// We were asked for something that cannot be.
pub(crate) fn defect(cause: &str) -> Outcome {
    let problem = Problem {
        category: Category::Defect,
        field: None,
        cause: cause.to_owned(),
        remedy: "Nothing in the books needs changing: report this".to_owned(),
    };
    Outcome::refused(problem, "")
}

#[cfg(test)]
#[path = "write_tests.rs"]
mod tests;
