//! Decides what is allocated, from what is asked for and what Xero holds.

use ledgerline_plugin_api::manifest::{Category, Problem};
use ledgerline_plugin_api::sdk::{BatchDoc, Outcome, Response};
use serde_json::value::RawValue;

use crate::amount::Amount;
use crate::answers::list;
use crate::dates::calendar_date;
use crate::form::date;
use crate::held::id;
use crate::lenient::Object;
use crate::resource::Resource;
use crate::write::{defect, in_the_way};

/// Whose credits: customers' or suppliers'.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Sales,
    Purchases,
}

impl Side {
    /// The side of a stream of allocations.
    pub(crate) fn of(stream: &str) -> Option<Self> {
        match stream {
            "credit_note_allocations" => Some(Self::Sales),
            "supplier_credit_note_allocations" => Some(Self::Purchases),
            _ => None,
        }
    }

    pub(crate) fn note(self) -> Resource {
        match self {
            Self::Sales => Resource::CreditNotes,
            Self::Purchases => Resource::SupplierCreditNotes,
        }
    }

    pub(crate) fn invoice(self) -> Resource {
        match self {
            Self::Sales => Resource::Invoices,
            Self::Purchases => Resource::Bills,
        }
    }
}

/// What a document asks for.
#[derive(Debug, PartialEq)]
pub(super) struct Asked {
    pub(super) note: String,
    pub(super) invoice: String,
    /// `None`: up to what is open.
    pub(super) amount: Option<Amount>,
    pub(super) date: Option<String>,
}

impl Asked {
    pub(super) fn of(doc: &BatchDoc) -> Result<Self, Box<Outcome>> {
        let body = Object::read(&doc.body).unwrap_or_default();
        let note = body
            .object("CreditNote")
            .and_then(|it| id(&it, "CreditNoteID"));
        let mut allocations = body.objects("Allocations");
        let (Some(note), Some(one), true) = (note, allocations.pop(), allocations.is_empty())
        else {
            return Err(Box::new(defect(
                "a document of allocations must name a credit note and one allocation",
            )));
        };
        let Some(invoice) = invoice_of(&one) else {
            return Err(Box::new(defect("the allocation names no invoice")));
        };
        let amount = match one.text("Amount") {
            None => None,
            Some(text) => match Amount::parse(&text).filter(|it| *it > Amount::ZERO) {
                Some(amount) => Some(amount),
                None => return Err(Box::new(odd_amount(&text))),
            },
        };
        Ok(Self {
            note,
            invoice,
            amount,
            date: one.text("Date").and_then(|it| calendar_date(&it)),
        })
    }
}

/// Some of Xero's answers hold the invoice as a list of one.
fn invoice_of(allocation: &Object<'_>) -> Option<String> {
    let invoices = allocation.objects("Invoice");
    invoices.first().and_then(|it| id(it, "InvoiceID"))
}

/// A credit note with its allocations, as Xero holds it.
#[derive(Debug, Default)]
pub(super) struct Note {
    id: String,
    allocations: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    id: String,
    invoice: String,
    amount: Box<RawValue>,
    date: Option<String>,
}

/// An allocation that Xero holds.
#[derive(Debug)]
pub(super) struct Made<'a> {
    pub(super) id: &'a str,
    pub(super) note: &'a str,
    pub(super) invoice: &'a str,
    pub(super) amount: &'a RawValue,
    pub(super) date: Option<&'a str>,
}

/// What a look for an allocation gave.
#[derive(Debug)]
pub(super) enum Match<'a> {
    None,
    One(Made<'a>),
    Several,
}

impl Note {
    /// Reads the answer to the call for a credit note.
    pub(super) fn of(side: Side, response: &Response, note: &str) -> Result<Self, Box<Outcome>> {
        let read = first(side.note(), response)?;
        Ok(Self::with(note, &read))
    }

    fn with(note: &str, holder: &Object<'_>) -> Self {
        let row = |it: &Object<'_>| {
            Some(Row {
                id: id(it, "AllocationID")?,
                invoice: invoice_of(it)?,
                amount: ["Amount", "AppliedAmount"]
                    .iter()
                    .find_map(|key| it.number(key))?,
                date: date(it, "Date"),
            })
        };
        let allocations = holder.objects("Allocations");
        let in_force = allocations.iter().filter(|it| !it.flag("IsDeleted"));
        Self {
            id: note.to_owned(),
            allocations: in_force.filter_map(row).collect(),
        }
    }

    /// Reads the answer to an allocation.
    pub(super) fn listed(response: &Response, note: &str) -> Option<Self> {
        let holder = Object::read_bytes(&response.body)?;
        Some(Self::with(note, &holder))
    }

    fn made_of<'a>(&'a self, row: &'a Row) -> Made<'a> {
        Made {
            id: &row.id,
            note: &self.id,
            invoice: &row.invoice,
            amount: &row.amount,
            date: row.date.as_deref(),
        }
    }

    pub(super) fn with_id(&self, id: &str) -> Option<Made<'_>> {
        let row = self
            .allocations
            .iter()
            .find(|it| it.id.eq_ignore_ascii_case(id))?;
        Some(self.made_of(row))
    }

    /// The only allocation to the invoice that was not there before.
    pub(super) fn made(&self, before: &Self, asked: &Asked) -> Option<Made<'_>> {
        let is_new = |it: &&Row| it.invoice == asked.invoice && before.with_id(&it.id).is_none();
        let mut new = self.allocations.iter().filter(is_new);
        match (new.next(), new.next()) {
            (Some(row), None) => Some(self.made_of(row)),
            _ => None,
        }
    }

    fn has(&self, invoice: &str, amount: Amount) -> bool {
        let equal =
            |it: &Row| it.invoice == invoice && Amount::parse(it.amount.get()) == Some(amount);
        self.allocations.iter().any(equal)
    }

    /// Allocations that may be the one asked for: of its amount, or else of less, since less may have been
    /// open.
    pub(super) fn matching(&self, asked: &Asked) -> Match<'_> {
        let to_it = || {
            self.allocations
                .iter()
                .filter(|it| it.invoice == asked.invoice)
        };
        let amount = |it: &Row| Amount::parse(it.amount.get());
        let of_less: Vec<&Row> = match asked.amount {
            Some(most) => to_it()
                .filter(|it| amount(it).is_none_or(|it| it <= most))
                .collect(),
            None => to_it().collect(),
        };
        let equal: Vec<&Row> = to_it()
            .filter(|it| asked.amount.is_some() && amount(it) == asked.amount)
            .collect();
        let candidates = if equal.is_empty() { of_less } else { equal };
        match candidates[..] {
            [] => Match::None,
            [row] => Match::One(self.made_of(row)),
            _ => Match::Several,
        }
    }
}

/// The only document of an answer.
fn first<'a>(resource: Resource, response: &'a Response) -> Result<Object<'a>, Box<Outcome>> {
    let unreadable = |words: String| Box::new(Outcome::unavailable(words));
    let read = list(response, resource.collection()).map_err(|it| unreadable(it.message))?;
    let first = read.elements.first().and_then(|it| Object::read(it));
    first.ok_or_else(|| unreadable(format!("Xero gave no {}", resource.title())))
}

/// What is to be allocated, and the note as it is; the refusal instead where nothing can be.
pub(super) fn plan(
    side: Side,
    asked: &Asked,
    note: &Response,
    invoice: &Response,
) -> Result<(Note, Amount), Box<Outcome>> {
    let note = first(side.note(), note)?;
    let invoice = first(side.invoice(), invoice)?;
    let credit = open(side.note(), &note, "RemainingCredit")?;
    let due = open(side.invoice(), &invoice, "AmountDue")?;
    for (key, inner) in [("Contact", Some("ContactID")), ("CurrencyCode", None)] {
        let of = |it: &Object<'_>| match inner {
            Some(inner) => it.object(key).and_then(|it| id(&it, inner)),
            None => it.text(key),
        };
        if of(&note) != of(&invoice) {
            let (note, invoice) = (named(side.note(), &note), named(side.invoice(), &invoice));
            let what = inner.map_or("currencies", |_| "contacts");
            return Err(Box::new(in_the_way(
                format!("{note} and {invoice} have different {what} in Xero"),
                "Correct one of them in Xero, or skip this allocation".to_owned(),
            )));
        }
    }
    let open = credit.min(due);
    let amount = asked.amount.map_or(open, |it| it.min(open));
    let held = Note::with(&asked.note, &note);
    if asked.amount.is_some() && held.has(&asked.invoice, amount) {
        return Err(Box::new(there_already(side, &note, &invoice, amount)));
    }
    Ok((held, amount))
}

/// What is open on a document, more than nothing.
fn open(resource: Resource, it: &Object<'_>, field: &str) -> Result<Amount, Box<Outcome>> {
    let name = named(resource, it);
    let refused = |cause: String, remedy: &str| Err(Box::new(in_the_way(cause, remedy.to_owned())));
    if it.text("Type").as_deref() != resource.r#type() {
        return refused(
            format!("{name} is of another kind in Xero"),
            "Send the allocation by the stream of the other side",
        );
    }
    match it.text("Status").unwrap_or_default().as_str() {
        "DRAFT" | "SUBMITTED" => {
            return refused(
                format!("{name} is not approved in Xero"),
                "Approve it in Xero, then retry",
            );
        }
        "VOIDED" | "DELETED" => {
            return refused(
                format!("{name} was voided or deleted in Xero"),
                "Skip this allocation, or look at the document in Xero",
            );
        }
        _ => {}
    }
    let open = it.text(field).as_deref().and_then(Amount::parse);
    match open {
        Some(open) if open > Amount::ZERO => Ok(open),
        Some(_) => refused(
            format!("nothing is open on {name} in Xero"),
            "Remove a payment or an allocation in Xero, or skip this one",
        ),
        None => Err(Box::new(Outcome::unavailable(format!(
            "Xero does not say what is open on {name}"
        )))),
    }
}

fn named(resource: Resource, it: &Object<'_>) -> String {
    let number = it.text(resource.number()).unwrap_or_default();
    format!("{} {number}", resource.title())
        .trim_end()
        .to_owned()
}

fn there_already(side: Side, note: &Object<'_>, invoice: &Object<'_>, amount: Amount) -> Outcome {
    let (note, invoice) = (named(side.note(), note), named(side.invoice(), invoice));
    let problem = Problem {
        category: Category::Duplicate,
        field: None,
        cause: format!("{amount} of {note} is allocated to {invoice} in Xero already"),
        remedy: "Adopt that allocation if it is this one, or skip this one".to_owned(),
    };
    Outcome::refused(problem, "")
}

fn odd_amount(text: &str) -> Outcome {
    let problem = Problem {
        category: Category::Amount,
        field: Some("Allocations.0.Amount".to_owned()),
        cause: format!("{text} cannot be allocated"),
        remedy: "Map an amount above zero, or none to allocate what is open".to_owned(),
    };
    Outcome::refused(problem, "")
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
