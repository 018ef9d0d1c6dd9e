//! What payments and allocations make of a document: what is open, its status, when it was settled.

use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;
use uuid::Uuid;

use super::document_model::{Allocation, Status};
use super::documents::Document;
use super::lines::round;
use super::money_model::Payment;
use super::organisation::Organisation;
use super::undo::Undo;

/// One thing that was taken of a document.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Use {
    /// Of the payment or allocation.
    pub(crate) id: Uuid,
    pub(crate) date: Date,
    /// In the document's currency.
    pub(crate) amount: Decimal,
    /// Whether a payment took it, not an allocation.
    pub(crate) paid: bool,
}

impl Use {
    pub(crate) fn payment(it: &Payment) -> Self {
        Self {
            id: it.id,
            date: it.date,
            amount: it.amount,
            paid: true,
        }
    }

    pub(crate) fn allocation(it: &Allocation) -> Self {
        Self {
            id: it.id,
            date: it.date,
            amount: it.amount,
            paid: false,
        }
    }
}

/// All that was taken of a document.
#[derive(Debug, Default)]
pub(crate) struct Uses(pub(crate) Vec<Use>);

impl Uses {
    /// Whether there is any.
    pub(crate) fn any(&self) -> bool {
        !self.0.is_empty()
    }

    /// What payments took.
    pub(crate) fn paid(&self) -> Decimal {
        self.sum(true)
    }

    /// What allocations took.
    pub(crate) fn credited(&self) -> Decimal {
        self.sum(false)
    }

    fn sum(&self, paid: bool) -> Decimal {
        let fits = self.0.iter().filter(|it| it.paid == paid);
        round(fits.map(|it| it.amount).sum(), 2)
    }

    fn last(&self) -> Option<Date> {
        self.0.iter().map(|it| it.date).max()
    }
}

/// Computes anew what follows from the uses of a document.
pub(crate) fn settle<T: Document>(document: &mut T, organisation: &Organisation) {
    let uses = document.uses(organisation);
    let body = document.body_mut();
    if !matches!(body.status, Status::Voided | Status::Deleted) {
        let open = round(body.total - uses.paid() - uses.credited(), 2);
        if body.status.posted() {
            let done =
                open.is_zero() && (uses.any() || organisation.switches.zero_total_becomes_paid);
            let on = uses.last().unwrap_or(body.date);
            body.status = if done {
                Status::Paid
            } else {
                Status::Authorised
            };
            body.fully_paid_on_date = done.then_some(on);
        }
        document.set_amounts(&uses, open);
    } else {
        document.set_amounts(&Uses::default(), round(Decimal::ZERO, 2));
    }
}

/// The same for a document on its shelf, which counts as changed then.
pub(crate) fn settle_held<T: Document>(
    organisation: &mut Organisation,
    id: Uuid,
    now: Timestamp,
    undo: &mut Undo,
) {
    if let Some(mut document) = T::shelf(organisation).get(id).cloned() {
        settle(&mut document, organisation);
        document.body_mut().updated = now;
        undo.put(organisation, document);
    }
}
