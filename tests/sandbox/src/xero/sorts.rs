//! Where invoices and credit notes differ.

use rust_decimal::Decimal;
use uuid::Uuid;

use super::bind_documents::{CREDIT_NOTE, INVOICE, SentDocument, Shape};
use super::document_model::{Body, CreditNote, Invoice, Side, Status};
use super::documents::Document;
use super::lines::Findings;
use super::organisation::Organisation;
use super::render::View;
use super::render_documents;
use super::settings::Switches;
use super::settlement::{Use, Uses};
use super::texts::{self, Words};
use crate::json::Object;

impl Document for CreditNote {
    const SHAPE: Shape = CREDIT_NOTE;
    const WORDS: Words = texts::CREDIT_NOTE;
    const PREFIX: &'static str = "CN";
    const FALLS_DUE: bool = false;
    const OPEN_WHEN_PAID: bool = false;

    fn new(id: Uuid, side: Side, body: Body) -> Self {
        Self {
            id,
            kind: side.into(),
            credit_note_number: String::new(),
            remaining_credit: Decimal::ZERO,
            allocations: Vec::new(),
            body,
        }
    }

    fn side(&self) -> Side {
        self.kind.side()
    }

    fn number(&self) -> &str {
        &self.credit_note_number
    }

    fn set_number(&mut self, number: String) {
        self.credit_note_number = number;
    }

    fn body(&self) -> &Body {
        &self.body
    }

    fn body_mut(&mut self) -> &mut Body {
        &mut self.body
    }

    fn next_number(organisation: &mut Organisation) -> &mut u32 {
        &mut organisation.next_credit_note
    }

    fn found_by_number(switches: &Switches) -> bool {
        switches.upsert_by_credit_note_number
    }

    fn uses(&self, organisation: &Organisation) -> Uses {
        let refunds = organisation.payments_of(self.id).map(Use::payment);
        let allocations = self.allocations.iter().map(Use::allocation);
        Uses(allocations.chain(refunds).collect())
    }

    fn set_amounts(&mut self, _: &Uses, open: Decimal) {
        self.remaining_credit = open;
    }

    fn take_extras(&mut self, _: &SentDocument, _: &mut Findings) {}

    fn render(&self, organisation: &Organisation, view: View) -> Object {
        render_documents::credit_note(organisation, self, view)
    }
}

impl Document for Invoice {
    const SHAPE: Shape = INVOICE;
    const WORDS: Words = texts::INVOICE;
    const PREFIX: &'static str = "INV";
    const FALLS_DUE: bool = true;
    const OPEN_WHEN_PAID: bool = true;

    fn new(id: Uuid, side: Side, body: Body) -> Self {
        Self {
            id,
            kind: side.into(),
            invoice_number: String::new(),
            amount_due: Decimal::ZERO,
            amount_paid: Decimal::ZERO,
            amount_credited: Decimal::ZERO,
            url: None,
            sent_to_contact: false,
            payment_date: None,
            body,
        }
    }

    fn side(&self) -> Side {
        self.kind.side()
    }

    fn number(&self) -> &str {
        &self.invoice_number
    }

    fn set_number(&mut self, number: String) {
        self.invoice_number = number;
    }

    fn body(&self) -> &Body {
        &self.body
    }

    fn body_mut(&mut self) -> &mut Body {
        &mut self.body
    }

    fn next_number(organisation: &mut Organisation) -> &mut u32 {
        &mut organisation.next_invoice
    }

    fn found_by_number(_: &Switches) -> bool {
        true
    }

    fn uses(&self, organisation: &Organisation) -> Uses {
        let payments = organisation.payments_of(self.id).map(Use::payment);
        let credits = organisation
            .credits_of(self.id)
            .flat_map(|it| &it.allocations)
            .filter(|it| it.invoice == self.id)
            .map(Use::allocation);
        Uses(payments.chain(credits).collect())
    }

    fn set_amounts(&mut self, uses: &Uses, open: Decimal) {
        self.amount_paid = uses.paid();
        self.amount_credited = uses.credited();
        self.amount_due = open;
    }

    fn take_extras(&mut self, sent: &SentDocument, found: &mut Findings) {
        if let Some(url) = &sent.url {
            texts::check_url(url, found);
            self.url = Some(url.clone()).filter(|it| !it.is_empty());
        }
        if let Some(flag) = sent.sent_to_contact {
            let status = sent.status.unwrap_or(self.body.status);
            if matches!(status, Status::Authorised | Status::Paid) {
                self.sent_to_contact = flag;
            } else if flag {
                found.warning(texts::SENT_NEEDS_APPROVAL);
            }
        }
        self.payment_date = sent.payment_date.or(self.payment_date);
    }

    fn render(&self, organisation: &Organisation, view: View) -> Object {
        render_documents::invoice(organisation, self, view)
    }
}
