//! The double-entry ledger behind the documents, in home currency.
//!
//! Entries are not kept: they follow from what is approved, so a change by hand moves them too.
//! Every document is balanced by itself. A debit is above zero, a credit below.
//!
//! Where the published facts are silent, this project reads them so: each net line, the whole tax
//! and the gross are converted and rounded to cents on their own, and what is left over goes to
//! the rounding account; uses of a document in foreign currency take its home value cent by cent,
//! so that nothing remains once it is settled; the difference between a document's rate and that
//! of its payment or allocation is a realised currency gain of that day. There is no year end: an
//! account goes on from one year into the next.

use std::collections::{BTreeMap, HashMap};

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::Serialize;
use uuid::Uuid;

use super::document_model::{CreditNote, LineAmountTypes, Side};
use super::documents::Document;
use super::lines::round;
use super::money_model::{JournalStatus, ManualJournal, Paid, Payment, PaymentStatus};
use super::organisation::Organisation;
use super::payment_calls::bank_amount;

/// One side of a posting.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Entry {
    /// Accounting date.
    pub date: Date,
    /// Code of the account, or Xero's name of its role where the chart has no such account.
    pub account: String,
    /// Debit above zero, credit below, in home currency.
    pub amount: Decimal,
    /// Sort of what posted it: `invoices`, `credit_notes`, `payments`, `allocations`,
    /// `manual_journals`.
    pub source: &'static str,
    /// Its id.
    pub id: Uuid,
}

/// Every entry, by date.
pub(crate) fn entries(organisation: &Organisation) -> Vec<Entry> {
    let mut book = Book {
        organisation,
        entries: Vec::new(),
        values: HashMap::new(),
    };
    for invoice in organisation.invoices.oldest_first() {
        book.document(invoice, "invoices", invoice.side() == Side::Sales);
    }
    for note in organisation.credit_notes.oldest_first() {
        book.document(note, "credit_notes", note.side() == Side::Purchase);
    }
    for payment in organisation.payments.oldest_first() {
        book.payment(payment);
    }
    for note in organisation.credit_notes.oldest_first() {
        book.allocations(note);
    }
    for journal in organisation.manual_journals.oldest_first() {
        book.journal(journal);
    }
    book.entries.sort_by_key(|it| (it.date, it.id));
    book.entries
}

/// What each account that was ever posted to holds at the end of a day. The sum is zero.
pub(crate) fn trial_balance(organisation: &Organisation, date: Date) -> BTreeMap<String, Decimal> {
    balances(entries(organisation).iter().filter(|it| it.date <= date))
}

/// The sums of entries by account.
pub(crate) fn balances<'a>(entries: impl Iterator<Item = &'a Entry>) -> BTreeMap<String, Decimal> {
    let mut balances: BTreeMap<String, Decimal> = BTreeMap::new();
    for entry in entries {
        let balance = balances.entry(entry.account.clone()).or_default();
        *balance = round(*balance + entry.amount, 2);
    }
    balances
}

struct Book<'a> {
    organisation: &'a Organisation,
    entries: Vec<Entry>,
    /// Home value that a payment or allocation takes of a document.
    values: HashMap<(Uuid, Uuid), Decimal>,
}

/// Where entries come from.
#[derive(Clone, Copy)]
struct Origin {
    date: Date,
    source: &'static str,
    id: Uuid,
}

impl Book<'_> {
    fn post(&mut self, at: Origin, account: String, amount: Decimal) {
        if !amount.is_zero() {
            self.entries.push(Entry {
                date: at.date,
                account,
                amount: round(amount, 2),
                source: at.source,
                id: at.id,
            });
        }
    }

    fn role(&self, role: &str) -> String {
        let held = self.organisation.system_account(role);
        held.map_or_else(|| role.to_owned(), |it| it.code.clone())
    }

    fn control(&self, side: Side) -> String {
        self.role(match side {
            Side::Sales => "DEBTORS",
            Side::Purchase => "CREDITORS",
        })
    }

    /// `debits` says that the control account is debited: a sales invoice or a supplier credit.
    fn document<T: Document>(&mut self, document: &T, source: &'static str, debits: bool) {
        let body = document.body();
        if !body.status.posted() {
            return;
        }
        let at = Origin {
            date: body.date,
            source,
            id: document.id(),
        };
        let sign = sign(debits);
        let home = |amount: Decimal| to_home(amount, body.currency_rate);
        let gross = home(body.total);
        let control = self.control(document.side());
        self.post(at, control, sign * gross);
        let mut left = gross;
        for line in &body.lines {
            let net = home(match body.line_amount_types {
                LineAmountTypes::Inclusive => line.line_amount - line.tax_amount,
                LineAmountTypes::Exclusive | LineAmountTypes::NoTax => line.line_amount,
            });
            left -= net;
            let account = line.account_code.clone().unwrap_or_default();
            self.post(at, account, -sign * net);
        }
        let tax = home(body.total_tax);
        left -= tax;
        let (tax_account, rounding) = (self.role("GST"), self.role("ROUNDING"));
        self.post(at, tax_account, -sign * tax);
        self.post(at, rounding, -sign * left);
        self.value_uses(document);
    }

    /// Shares the home value of a document out among its uses, in the order of their dates.
    fn value_uses<T: Document>(&mut self, document: &T) {
        let rate = document.body().currency_rate;
        let mut uses = document.uses(self.organisation).0;
        uses.sort_by_key(|it| (it.date, it.id));
        let mut taken = Decimal::ZERO;
        for it in uses {
            let before = to_home(taken, rate);
            taken += it.amount;
            let value = to_home(taken, rate) - before;
            self.values.insert((document.id(), it.id), value);
        }
    }

    fn payment(&mut self, payment: &Payment) {
        if payment.status != PaymentStatus::Authorised {
            return;
        }
        let (document, refund) = match payment.paid {
            Paid::Invoice(id) => (id, false),
            Paid::CreditNote(id) => (id, true),
        };
        let Some(value) = self.values.get(&(document, payment.id)).copied() else {
            return;
        };
        let at = Origin {
            date: payment.date,
            source: "payments",
            id: payment.id,
        };
        // Money comes in for a sales invoice and for the refund of a supplier credit.
        let sign = sign((payment.side == Side::Sales) != refund);
        let cash = bank_amount(payment);
        let account = self.organisation.account_of(payment.account);
        let account = account.filter(|it| !it.code.is_empty());
        let account = account.map_or_else(|| payment.account.to_string(), |it| it.code.clone());
        let control = self.control(payment.side);
        self.post(at, account, sign * cash);
        self.post(at, control, -sign * value);
        self.gain(at, -sign * (cash - value));
    }

    fn allocations(&mut self, note: &CreditNote) {
        if !note.body.status.posted() {
            return;
        }
        let sign = sign(note.side() == Side::Sales);
        for it in &note.allocations {
            let ours = self.values.get(&(note.id, it.id)).copied();
            let theirs = self.values.get(&(it.invoice, it.id)).copied();
            let (Some(ours), Some(theirs)) = (ours, theirs) else {
                continue;
            };
            let at = Origin {
                date: it.date,
                source: "allocations",
                id: it.id,
            };
            let control = self.control(note.side());
            self.post(at, control, sign * (ours - theirs));
            self.gain(at, -sign * (ours - theirs));
        }
    }

    fn gain(&mut self, at: Origin, amount: Decimal) {
        let account = self.role("REALISEDCURRENCYGAIN");
        self.post(at, account, amount);
    }

    fn journal(&mut self, journal: &ManualJournal) {
        if journal.status != JournalStatus::Posted {
            return;
        }
        let at = Origin {
            date: journal.date,
            source: "manual_journals",
            id: journal.id,
        };
        let tax_account = self.role("GST");
        for line in &journal.lines {
            let net = match journal.line_amount_types {
                LineAmountTypes::Inclusive => line.line_amount - line.tax_amount,
                LineAmountTypes::Exclusive | LineAmountTypes::NoTax => line.line_amount,
            };
            self.post(at, line.account_code.clone(), net);
            self.post(at, tax_account.clone(), line.tax_amount);
        }
    }
}

fn sign(debits: bool) -> Decimal {
    if debits {
        Decimal::ONE
    } else {
        Decimal::NEGATIVE_ONE
    }
}

/// A rate is foreign units per home unit.
pub(crate) fn to_home(amount: Decimal, rate: Decimal) -> Decimal {
    round(amount.checked_div(rate).unwrap_or(amount), 2)
}
