//! Allocates credit notes to invoices and bills.
//!
//! The call is additive: sent twice, it allocates twice. So a call carries one allocation, and right
//! before it the note and the invoice are read. What they say decides:
//!
//! * at most what is open on both is allocated, whatever was asked for;
//! * what is not approved, or has nothing open, is refused in words that say which of the two it is;
//! * an equal allocation that is there already is told, and nothing is sent.
//!
//! An answer may lack the allocation's id; then the note is read again, and what it has that it had not
//! before is ours.

mod plan;

use std::collections::HashMap;

use futures_util::join;
use ledgerline_plugin_api::manifest::{Category, Problem};
use ledgerline_plugin_api::sdk::{BatchDoc, Change, Cx, Error, Outcome, Request, Response, Result};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use crate::Xero;
use crate::amount::Amount;
use crate::answers::{Refusal, list, refusal};
use crate::lenient::Object;
use crate::push::{Fetched, ends_the_session};
use crate::resource::Resource;
use crate::write::{defect, fails, in_the_way, refused, unchangeable};
use plan::{Asked, Match, Note, Side};

pub(crate) use plan::Side as AllocationSide;

/// Credit notes that were read while looking; none where Xero does not hold it.
type Notes = HashMap<String, Option<Note>>;

/// An allocation as it is sent and handed over.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Allocation<'a> {
    #[serde(rename = "AllocationID", skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    invoice: InvoiceId<'a>,
    amount: Box<RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    date: Option<&'a str>,
}

#[derive(Serialize)]
struct InvoiceId<'a> {
    #[serde(rename = "InvoiceID")]
    id: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Held<'a> {
    #[serde(rename = "AllocationID")]
    id: &'a str,
    credit_note: NoteId<'a>,
    allocations: [Allocation<'a>; 1],
}

#[derive(Serialize)]
struct NoteId<'a> {
    #[serde(rename = "CreditNoteID")]
    id: &'a str,
}

/// What became of one call.
enum Sent {
    Settled(Outcome),
    /// Nothing was written, because of the amount.
    Refused(Outcome),
}

impl Sent {
    fn of(outcome: Outcome) -> Self {
        let problem = outcome.problem.as_ref();
        match problem.is_some_and(|it| it.category == Category::Amount) {
            true => Self::Refused(outcome),
            false => Self::Settled(outcome),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Body<'a> {
    allocations: [Allocation<'a>; 1],
}

impl Xero {
    /// Writes allocations, or looks for them: each document says which.
    pub(crate) async fn allocate(&self, cx: &Cx, side: Side) -> Result<()> {
        while let Some(batch) = cx.next_batch().await {
            let mut told = Vec::new();
            let mut stopped = Ok(());
            let mut notes = Notes::new();
            for (at, doc) in batch.iter().enumerate() {
                let outcome = match &stopped {
                    Ok(()) => self.allocate_one(cx, side, at, doc, &mut notes).await,
                    Err(_) => Ok(Outcome::unavailable("the session ended before its turn")),
                };
                told.push(outcome.unwrap_or_else(|error| {
                    let outcome = Outcome::failed(&error);
                    if ends_the_session(&error) {
                        stopped = Err(error);
                    }
                    outcome
                }));
            }
            cx.report(told).await?;
            stopped?;
        }
        Ok(())
    }

    async fn allocate_one(
        &self,
        cx: &Cx,
        side: Side,
        at: usize,
        doc: &BatchDoc,
        notes: &mut Notes,
    ) -> Result<Outcome> {
        let asked = match Asked::of(doc) {
            Ok(asked) => asked,
            Err(outcome) => return Ok(*outcome),
        };
        match (doc.change, &doc.remote_id) {
            (Change::Create, _) => self.create(cx, side, at, &asked).await,
            (Change::Void, Some(id)) => self.take_back(cx, side, at, &asked, id).await,
            (Change::Update, _) => Ok(unchangeable("allocation")),
            (Change::None, id) => self.look(cx, side, &asked, id.as_deref(), notes).await,
            (Change::Void, None) => {
                Ok(defect("an allocation came to be taken back without its id"))
            }
        }
    }

    async fn create(&self, cx: &Cx, side: Side, at: usize, asked: &Asked) -> Result<Outcome> {
        let mut refused: Option<(Amount, Outcome)> = None;
        loop {
            let (note, invoice) = join!(
                self.fetch(cx, side.note(), &asked.note),
                self.fetch(cx, side.invoice(), &asked.invoice),
            );
            let (note, invoice) = match (note?, invoice?) {
                (Fetched::There(note), Fetched::There(invoice)) => (note, invoice),
                (Fetched::Gone, _) => return Ok(unknown(side.note())),
                (_, Fetched::Gone) => return Ok(unknown(side.invoice())),
                (Fetched::Failed(outcome), _) | (_, Fetched::Failed(outcome)) => {
                    return Ok(*outcome);
                }
            };
            let (note, amount) = match plan::plan(side, asked, &note, &invoice) {
                Ok(plan) => plan,
                Err(outcome) => return Ok(*outcome),
            };
            // Another credit took of the same invoice between our reading and our call: what is left is
            // allocated. It is less each time, so this ends.
            if let Some((before, outcome)) = refused
                && amount >= before
            {
                return Ok(outcome);
            }
            match self.send(cx, side, at, asked, &note, amount).await? {
                Sent::Settled(outcome) => return Ok(outcome),
                Sent::Refused(outcome) => refused = Some((amount, outcome)),
            }
        }
    }

    async fn send(
        &self,
        cx: &Cx,
        side: Side,
        at: usize,
        asked: &Asked,
        note: &Note,
        amount: Amount,
    ) -> Result<Sent> {
        let body = Body {
            allocations: [Allocation {
                id: None,
                invoice: InvoiceId { id: &asked.invoice },
                amount: raw(&amount.to_string())?,
                date: asked.date.as_deref(),
            }],
        };
        let request = Request::put(format!("{}/Allocations", self.note_url(&asked.note)))
            .query([("summarizeErrors", "false")])
            .header("Accept", "application/json")
            .json(&body)
            .auth(crate::AUTH)
            .covers([place(at)]);
        let response = cx.http(request).await?;
        if !response.is_success() {
            let outcome = not_written(side, &response)?;
            return Ok(Sent::of(outcome));
        }
        if let Some(refused) = complaint(&response) {
            return Ok(Sent::of(refused));
        }
        let answered = Note::listed(&response, &asked.note);
        if let Some(made) = answered.as_ref().and_then(|it| it.made(note, asked)) {
            return made.written().map(Sent::Settled);
        }
        let unknown =
            || Outcome::unknown("Xero's answer does not say what became of the allocation");
        let outcome = match self.fetch(cx, side.note(), &asked.note).await {
            Ok(Fetched::There(response)) => {
                let after = Note::of(side, &response, &asked.note);
                match after.as_ref().ok().and_then(|it| it.made(note, asked)) {
                    Some(made) => made.written()?,
                    None => unknown(),
                }
            }
            Ok(Fetched::Gone | Fetched::Failed(_)) => unknown(),
            Err(error) if ends_the_session(&error) => return Err(error),
            Err(_) => unknown(),
        };
        Ok(Sent::Settled(outcome))
    }

    async fn take_back(
        &self,
        cx: &Cx,
        side: Side,
        at: usize,
        asked: &Asked,
        id: &str,
    ) -> Result<Outcome> {
        let done = || Outcome::written(id, None);
        let note = match self.fetch(cx, side.note(), &asked.note).await? {
            Fetched::There(response) => match Note::of(side, &response, &asked.note) {
                Ok(note) => note,
                Err(outcome) => return Ok(*outcome),
            },
            Fetched::Gone => return Ok(done()),
            Fetched::Failed(outcome) => return Ok(*outcome),
        };
        if note.with_id(id).is_none() {
            return Ok(done());
        }
        let url = format!("{}/Allocations/{id}", self.note_url(&asked.note));
        let request = Request::delete(url)
            .header("Accept", "application/json")
            .auth(crate::AUTH)
            .covers([place(at)]);
        let response = cx.http(request).await?;
        if response.is_success() {
            Ok(complaint(&response).unwrap_or_else(done))
        } else {
            not_written(side, &response)
        }
    }

    async fn look(
        &self,
        cx: &Cx,
        side: Side,
        asked: &Asked,
        id: Option<&str>,
        notes: &mut Notes,
    ) -> Result<Outcome> {
        if !notes.contains_key(&asked.note) {
            let note = match self.fetch(cx, side.note(), &asked.note).await? {
                Fetched::There(response) => match Note::of(side, &response, &asked.note) {
                    Ok(note) => Some(note),
                    Err(outcome) => return Ok(*outcome),
                },
                Fetched::Gone => None,
                Fetched::Failed(outcome) => return Ok(*outcome),
            };
            notes.insert(asked.note.clone(), note);
        }
        let Some(Some(note)) = notes.get(&asked.note) else {
            return Ok(Outcome::not_found());
        };
        if let Some(id) = id {
            return match note.with_id(id) {
                Some(made) => made.written(),
                None => Ok(Outcome::not_found()),
            };
        }
        match note.matching(asked) {
            Match::None => Ok(Outcome::not_found()),
            Match::One(made) => made.written(),
            Match::Several => Ok(several(side)),
        }
    }

    fn note_url(&self, id: &str) -> String {
        let collection = Resource::CreditNotes.collection();
        format!("{}/api.xro/2.0/{collection}/{id}", self.base)
    }
}

impl plan::Made<'_> {
    /// The outcome for an allocation that Xero holds.
    fn written(&self) -> Result<Outcome> {
        let held = Held {
            id: self.id,
            credit_note: NoteId { id: self.note },
            allocations: [Allocation {
                id: Some(self.id),
                invoice: InvoiceId { id: self.invoice },
                amount: self.amount.to_owned(),
                date: self.date,
            }],
        };
        let body = to_raw_value(&held).map_err(Error::protocol)?;
        Ok(Outcome::written(self.id, body))
    }
}

fn raw(number: &str) -> Result<Box<RawValue>> {
    RawValue::from_string(number.to_owned()).map_err(Error::bug)
}

fn place(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// What a call that succeeded refuses all the same.
fn complaint(response: &Response) -> Option<Outcome> {
    let read = list(response, "Allocations").ok()?;
    let elements = read.elements.iter();
    elements
        .filter_map(|it| Object::read(it))
        .find(fails)
        .map(|it| refused(&it))
}

fn not_written(side: Side, response: &Response) -> Result<Outcome> {
    if response.status == 404 {
        return Ok(unknown(side.note()));
    }
    match refusal(response) {
        Refusal::Auth(error) => Err(error),
        Refusal::Unavailable(words) => Ok(Outcome::unavailable(words)),
        Refusal::Whole { problem, words } => Ok(Outcome::refused(problem, words)),
        Refusal::Elements(elements) => {
            let first = elements.first().map(|it| &**it);
            let first = first.and_then(Object::read);
            Ok(refused(&first.unwrap_or_default()))
        }
    }
}

fn unknown(resource: Resource) -> Outcome {
    let title = resource.title();
    in_the_way(
        format!("Xero does not hold the {title} of this allocation"),
        format!(
            "Check that the connection reaches the right organisation, then link the {title} anew"
        ),
    )
}

fn several(side: Side) -> Outcome {
    let (note, invoice) = (side.note().title(), side.invoice().title());
    let cause = format!(
        "the {note} is allocated to the {invoice} more than once in Xero, and nothing tells which is ours"
    );
    let words = cause.clone();
    let problem = Problem {
        category: Category::Duplicate,
        field: None,
        cause,
        remedy: "Compare them in Xero, remove what is too much, then adopt the right one"
            .to_owned(),
    };
    Outcome::refused(problem, words)
}
