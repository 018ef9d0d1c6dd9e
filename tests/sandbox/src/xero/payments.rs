//! Making payments and taking them back.
//!
//! A payment is never edited: it is deleted and made again. What it pays follows at once.

use rust_decimal::Decimal;
use uuid::Uuid;

use super::bind::Binder;
use super::dates::to_milliseconds;
use super::document_model::{CreditNote, Invoice, Status};
use super::documents::{Document, numbered, sales_numbered};
use super::lines::{Findings, round};
use super::locks::{check_held_date, check_new_date};
use super::money_model::{Paid, Payment, PaymentStatus};
use super::organisation::Organisation;
use super::resources::Result;
use super::settlement::settle_held;
use super::texts;
use super::undo::Undo;
use crate::json::Json;
use crate::world::Cx;

/// Properties that a request may carry.
pub(crate) const PAYMENT: &[&str] = &[
    "Invoice",
    "CreditNote",
    "Prepayment",
    "Overpayment",
    "Account",
    "Date",
    "Amount",
    "CurrencyRate",
    "Reference",
    "IsReconciled",
    "Status",
    "Particulars",
    "Code",
    "Details",
    "BankAccountNumber",
];

const ANSWERS: &[&str] = &[
    "PaymentID",
    "BankAmount",
    "PaymentType",
    "BatchPaymentID",
    "BatchPayment",
    "UpdatedDateUTC",
    "UpdatedDateUTCString",
    "HasAccount",
    "HasValidationErrors",
    "StatusAttributeString",
    "ValidationErrors",
    "Warnings",
];

/// A payment as sent.
pub(crate) struct SentPayment {
    invoice: Named,
    credit_note: Named,
    /// A prepayment or an overpayment, which are not held here.
    other: bool,
    account: Named,
    date: Option<jiff::civil::Date>,
    amount: Option<Decimal>,
    currency_rate: Option<Decimal>,
    reference: String,
    is_reconciled: bool,
    pub(crate) status: Option<PaymentStatus>,
}

/// An object named by id or by its natural key.
#[derive(Default)]
struct Named {
    id: Option<Uuid>,
    key: Option<String>,
}

impl Named {
    fn read(binder: &Binder<'_>, path: &str, name: &str, id: &str, key: &str) -> Result<Self> {
        let Some(json) = binder.member(name) else {
            return Ok(Self::default());
        };
        let inner = Binder::new(json, format!("{path}.{name}"))?;
        Ok(Self {
            id: inner.guid(id)?,
            key: inner.text(key)?.filter(|it| !it.is_empty()),
        })
    }

    fn given(&self) -> bool {
        self.id.is_some() || self.key.is_some()
    }
}

pub(crate) fn read(json: &Json, path: String, cx: &mut Cx<'_>) -> Result<SentPayment> {
    let binder = Binder::new(json, path.clone())?;
    binder.check_names(PAYMENT, ANSWERS, cx);
    let named = |name: &str, id: &str, key: &str| Named::read(&binder, &path, name, id, key);
    let other = binder.member("Prepayment").or(binder.member("Overpayment"));
    Ok(SentPayment {
        invoice: named("Invoice", "InvoiceID", "InvoiceNumber")?,
        credit_note: named("CreditNote", "CreditNoteID", "CreditNoteNumber")?,
        other: other.is_some(),
        account: named("Account", "AccountID", "Code")?,
        date: binder.date("Date")?,
        amount: binder.number("Amount")?,
        currency_rate: binder.number("CurrencyRate")?,
        reference: binder.text("Reference")?.unwrap_or_default(),
        is_reconciled: binder.flag("IsReconciled")?.unwrap_or_default(),
        status: binder.one_of("Status", "PaymentStatus", PaymentStatus::of)?,
    })
}

/// Makes a payment. Nothing is saved when there are errors.
pub(crate) fn make(
    organisation: &mut Organisation,
    sent: &SentPayment,
    undo: &mut Undo,
    cx: &mut Cx<'_>,
    found: &mut Findings,
) -> Option<Payment> {
    let named = [sent.invoice.given(), sent.credit_note.given(), sent.other];
    if named.iter().filter(|it| **it).count() != 1 {
        found.error(texts::PAYMENT_OF_WHAT);
        return None;
    }
    let account = account(organisation, sent, found);
    let amount = round(sent.amount.unwrap_or_default(), 2);
    if amount.is_sign_negative() || amount.is_zero() {
        found.error(texts::PAYMENT_WITHOUT_AMOUNT);
    }
    if sent.date.is_none() {
        found.error(texts::PAYMENT_WITHOUT_DATE);
    }
    let date = sent.date.unwrap_or_default();
    if sent.date.is_some() {
        check_new_date(organisation, date, found);
    }
    let (paid, target) = target(organisation, sent, found)?;
    if target.status != Status::Authorised {
        // Live servers give both.
        found.error(texts::PAYMENT_NEEDS_APPROVAL);
        found.error(texts::PAYMENT_TOO_LARGE);
    } else if amount > target.open {
        found.error(texts::PAYMENT_TOO_LARGE);
    }
    if !found.errors.is_empty() {
        return None;
    }
    let payment = Payment {
        id: cx.chance.guid(),
        paid,
        side: target.side,
        account: account?,
        date,
        amount,
        currency_rate: rate(organisation, sent, &target),
        reference: sent.reference.clone(),
        is_reconciled: sent.is_reconciled,
        batch: None,
        status: PaymentStatus::Authorised,
        history: Vec::new(),
        updated: to_milliseconds(cx.now),
    };
    undo.put(organisation, payment.clone());
    settle_paid(organisation, paid, cx.now, undo);
    Some(payment)
}

/// Without a rate a payment in foreign currency takes the day's, and the document's if there is none.
fn rate(organisation: &Organisation, sent: &SentPayment, target: &Target) -> Decimal {
    if target.currency == organisation.profile.base_currency {
        return Decimal::ONE;
    }
    let day = organisation.day_rates.get(&target.currency).copied();
    let sent = sent.currency_rate.filter(|it| !it.is_zero());
    sent.map(|it| round(it, 6)).or(day).unwrap_or(target.rate)
}

/// What the rules need of the document.
struct Target {
    side: super::document_model::Side,
    status: Status,
    open: Decimal,
    currency: String,
    rate: Decimal,
}

fn facts<T: Document>(document: &T, open: Decimal) -> Target {
    let body = document.body();
    Target {
        side: document.side(),
        status: body.status,
        open,
        currency: body.currency_code.clone(),
        rate: body.currency_rate,
    }
}

fn target(
    organisation: &Organisation,
    sent: &SentPayment,
    found: &mut Findings,
) -> Option<(Paid, Target)> {
    if sent.other {
        found.error(texts::PAYMENT_OF_OTHER);
        return None;
    }
    if sent.invoice.given() {
        let held: Option<&Invoice> = match (sent.invoice.id, &sent.invoice.key) {
            (Some(id), _) => organisation.invoices.get(id),
            (None, Some(number)) => sales_numbered(organisation, number),
            (None, None) => None,
        };
        if held.is_none() {
            found.error(texts::INVOICE.no_such);
        }
        return held.map(|it| (Paid::Invoice(it.id), facts(it, it.amount_due)));
    }
    let held: Option<&CreditNote> = match (sent.credit_note.id, &sent.credit_note.key) {
        (Some(id), _) => organisation.credit_notes.get(id),
        (None, Some(number)) => numbered(organisation, number),
        (None, None) => None,
    };
    if held.is_none() {
        found.error(texts::CREDIT_NOTE.no_such);
    }
    held.map(|it| (Paid::CreditNote(it.id), facts(it, it.remaining_credit)))
}

fn account(organisation: &Organisation, sent: &SentPayment, found: &mut Findings) -> Option<Uuid> {
    let held = match (sent.account.id, &sent.account.key) {
        (Some(id), _) => organisation.account_of(id),
        (None, Some(code)) => organisation.account(code),
        (None, None) => {
            found.error(texts::PAYMENT_NEEDS_ACCOUNT);
            return None;
        }
    };
    let Some(held) = held else {
        found.error(texts::ACCOUNT_NOT_FOUND);
        return None;
    };
    let bank = held.kind == "BANK";
    if held.status == "ARCHIVED" {
        found.error(texts::bank_archived(&held.name));
    } else if !bank && !held.enable_payments_to_account {
        found.error(texts::ACCOUNT_TAKES_NO_PAYMENTS);
    }
    Some(held.id)
}

/// Takes a payment back. It stays visible.
pub(crate) fn take_back(
    organisation: &mut Organisation,
    held: &Payment,
    cx: &mut Cx<'_>,
    found: &mut Findings,
) -> Option<Payment> {
    if held.status == PaymentStatus::Deleted {
        found.error(texts::PAYMENT_DELETED);
    }
    if held.batch.is_some() {
        found.error(texts::PAYMENT_IN_BATCH);
    }
    if held.is_reconciled && !organisation.switches.reconciled_payment_deletable {
        found.error(texts::PAYMENT_RECONCILED);
    }
    check_held_date(organisation, held.date, found);
    if !found.errors.is_empty() {
        return None;
    }
    let mut gone = held.clone();
    gone.status = PaymentStatus::Deleted;
    gone.updated = to_milliseconds(cx.now);
    organisation.payments.put(gone.clone());
    settle_paid(organisation, gone.paid, cx.now, &mut Undo::default());
    Some(gone)
}

/// What was paid follows.
pub(crate) fn settle_paid(
    organisation: &mut Organisation,
    paid: Paid,
    now: jiff::Timestamp,
    undo: &mut Undo,
) {
    let now = to_milliseconds(now);
    match paid {
        Paid::Invoice(id) => settle_held::<Invoice>(organisation, id, now, undo),
        Paid::CreditNote(id) => settle_held::<CreditNote>(organisation, id, now, undo),
    }
}
