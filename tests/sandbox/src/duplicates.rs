//! Documents that a client made twice.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::world::World;
use crate::xero::document_model::{CreditNote, Invoice, Side, Status};
use crate::xero::documents::Document;
use crate::xero::money_model::{JournalStatus, ManualJournal, Payment, PaymentStatus};
use crate::xero::organisation::{Held, Organisation, Shelf};

/// Documents that share what no two should.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Duplicate {
    /// Tenant id, or UUID of a team.
    pub tenant: String,
    /// Sort of document.
    pub kind: &'static str,
    /// The property that they share.
    pub by: &'static str,
    /// Its value.
    pub value: String,
    /// Their ids.
    pub ids: Vec<String>,
}

/// What two must not share: the property, its value, and what must agree beside it.
type Mark = (&'static str, String, String);

impl World {
    /// Documents of an organisation that share what no two should, voided and deleted ones left
    /// out: credit notes with one number, or one reference, contact, date and total; sales
    /// invoices with one number; bills of one contact with one number; journals with one narration
    /// and date; payments of one document with one amount, date and reference. Beside them
    /// documents of a source that share an id in the books, and notes that stand twice on one.
    pub fn duplicates(&self) -> Vec<Duplicate> {
        let state = self.lock();
        let mut found = Vec::new();
        for it in &state.xero.organisations {
            find(it, "credit_notes", &it.credit_notes, note_marks, &mut found);
            find(it, "invoices", &it.invoices, invoice_marks, &mut found);
            find(it, "payments", &it.payments, payment_marks, &mut found);
            let journals = &it.manual_journals;
            find(it, "manual_journals", journals, journal_marks, &mut found);
        }
        for team in &state.zudello.teams {
            found.extend(crate::zudello::view::duplicates(team));
        }
        found
    }
}

fn find<T: Held>(
    organisation: &Organisation,
    kind: &'static str,
    shelf: &Shelf<T>,
    marks: fn(&T) -> Vec<Mark>,
    found: &mut Vec<Duplicate>,
) {
    let mut groups: BTreeMap<Mark, Vec<String>> = BTreeMap::new();
    for row in shelf.oldest_first() {
        for (by, value, beside) in marks(row) {
            if !value.is_empty() {
                let key = (by, value.to_lowercase(), beside);
                groups.entry(key).or_default().push(row.id().to_string());
            }
        }
    }
    let twice = groups.into_iter().filter(|(_, ids)| ids.len() > 1);
    found.extend(twice.map(|((by, value, _), ids)| Duplicate {
        tenant: organisation.tenant_id.to_string(),
        kind,
        by,
        value,
        ids,
    }));
}

fn counts<T: Document>(document: &T) -> bool {
    !matches!(document.body().status, Status::Voided | Status::Deleted)
}

fn note_marks(it: &CreditNote) -> Vec<Mark> {
    if !counts(it) {
        return Vec::new();
    }
    // One order may be credited in several steps, which share its reference.
    let step = format!("{} {} {}", it.body.contact, it.body.date, it.body.total);
    vec![
        (
            "CreditNoteNumber",
            it.credit_note_number.clone(),
            String::new(),
        ),
        ("Reference", it.body.reference.clone(), step),
    ]
}

fn invoice_marks(it: &Invoice) -> Vec<Mark> {
    if !counts(it) {
        return Vec::new();
    }
    let beside = match it.side() {
        Side::Sales => "sales".to_owned(),
        Side::Purchase => it.body.contact.to_string(),
    };
    vec![("InvoiceNumber", it.invoice_number.clone(), beside)]
}

fn payment_marks(it: &Payment) -> Vec<Mark> {
    if it.status == PaymentStatus::Deleted {
        return Vec::new();
    }
    let value = format!("{} {} {}", it.amount, it.date, it.reference);
    vec![("Payment", value, format!("{:?}", it.paid))]
}

fn journal_marks(it: &ManualJournal) -> Vec<Mark> {
    if matches!(it.status, JournalStatus::Voided | JournalStatus::Deleted) {
        return Vec::new();
    }
    vec![("Narration", it.narration.clone(), it.date.to_string())]
}
