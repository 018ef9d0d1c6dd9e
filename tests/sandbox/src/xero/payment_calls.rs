//! Calls about payments.

use jiff::tz::TimeZone;
use uuid::Uuid;

use super::answers::Refusal;
use super::bind;
use super::dates::{date_ms, instant_ms, instant_text};
use super::document_calls::text;
use super::documents::{Document, Outcome};
use super::expression::{Properties, Value};
use super::lines::{Findings, round};
use super::listing::select;
use super::money_model::{Paid, Payment, PaymentStatus};
use super::organisation::Organisation;
use super::payments::{self, PAYMENT};
use super::render::money;
use super::resources::{Answer, Result, asks_for_each, guid, listed, settle};
use super::texts;
use super::undo::Undo;
use crate::exchange::Request;
use crate::json::{Json, Object};
use crate::world::Cx;

const PAYMENTS: Properties = Properties {
    type_name: "Payment",
    names: &[
        "PaymentID",
        "PaymentType",
        "Status",
        "Date",
        "Amount",
        "Reference",
        "IsReconciled",
        "Invoice.InvoiceID",
        "Invoice.InvoiceNumber",
        "CreditNote.CreditNoteID",
        "Account.AccountID",
        "Account.Code",
        "UpdatedDateUTC",
    ],
    loose: &[],
    optimised: &[
        "PaymentType",
        "Status",
        "Invoice.InvoiceID",
        "Reference",
        "Date",
        "PaymentID",
    ],
};

fn payment_value(organisation: &Organisation, it: &Payment, name: &str) -> Value {
    let account = || organisation.account_of(it.account);
    match (name, it.paid) {
        ("PaymentID", _) => Value::Guid(it.id),
        ("PaymentType", _) => text(it.type_name()),
        ("Status", _) => text(it.status.name()),
        ("Date", _) => Value::Date(it.date.at(0, 0, 0, 0)),
        ("Amount", _) => Value::Number(it.amount),
        ("Reference", _) => text(&it.reference),
        ("IsReconciled", _) => Value::Bool(it.is_reconciled),
        ("Invoice.InvoiceID", Paid::Invoice(id)) => Value::Guid(id),
        ("Invoice.InvoiceNumber", Paid::Invoice(id)) => organisation
            .invoices
            .get(id)
            .map_or(Value::Null, |it| text(&it.invoice_number)),
        ("CreditNote.CreditNoteID", Paid::CreditNote(id)) => Value::Guid(id),
        ("Account.AccountID", _) => Value::Guid(it.account),
        ("Account.Code", _) => account().map_or(Value::Null, |it| text(&it.code)),
        ("UpdatedDateUTC", _) => Value::Date(it.updated.to_zoned(TimeZone::UTC).datetime()),
        _ => Value::Null,
    }
}

pub(super) fn list(
    organisation: &Organisation,
    provider: &str,
    request: &Request,
    cx: &mut Cx<'_>,
) -> Result<Answer> {
    let selection = select(
        &organisation.payments,
        request,
        &PAYMENTS,
        organisation.switches.modified_since_inclusive,
        false,
        |_| true,
        |it, name| payment_value(organisation, it, name),
    )?;
    let render = |it: &Payment, _| payment(organisation, it);
    let name = "Payments";
    Ok(listed(organisation, provider, name, selection, cx, render))
}

pub(super) fn get(organisation: &Organisation, id: &str) -> Result<Json> {
    let held = organisation.payments.get(guid(id)?);
    held.map(|it| payment(organisation, it).into())
        .ok_or(Refusal::NotFound)
}

/// PUT and POST to the collection: create only.
pub(super) fn write(
    organisation: &mut Organisation,
    request: &Request,
    cx: &mut Cx<'_>,
) -> Result<Vec<Json>> {
    let elements = bind::elements(&request.body, "Payments", "Payment", PAYMENT)?;
    let sent: Vec<_> = elements
        .iter()
        .enumerate()
        .map(|(at, json)| payments::read(json, format!("Payments[{at}]"), cx))
        .collect::<Result<_>>()?;
    let mut undo = Undo::default();
    let mut outcomes = Vec::new();
    for (sent, element) in sent.iter().zip(&elements) {
        let mut found = Findings::default();
        let made = payments::make(organisation, sent, &mut undo, cx, &mut found);
        outcomes.push(outcome(organisation, element, made, None, &found));
    }
    settle(organisation, outcomes, undo, asks_for_each(request))
}

/// POST to one payment: it can only be deleted.
pub(super) fn delete(
    organisation: &mut Organisation,
    request: &Request,
    id: Uuid,
    cx: &mut Cx<'_>,
) -> Result<Vec<Json>> {
    let elements = bind::elements(&request.body, "Payments", "Payment", PAYMENT)?;
    let Some(held) = organisation.payments.get(id).cloned() else {
        return Err(Refusal::NotFound);
    };
    let [element] = elements.as_slice() else {
        return Err(Refusal::NoData("Payment"));
    };
    let sent = payments::read(element, "Payments[0]".to_owned(), cx)?;
    let mut found = Findings::default();
    let gone = if sent.status == Some(PaymentStatus::Deleted) {
        payments::take_back(organisation, &held, cx, &mut found)
    } else {
        found.error(texts::PAYMENT_DELETED);
        None
    };
    let outcomes = vec![outcome(organisation, element, gone, Some(id), &found)];
    settle(organisation, outcomes, Undo::default(), false)
}

fn outcome(
    organisation: &Organisation,
    element: &Json,
    made: Option<Payment>,
    id: Option<Uuid>,
    found: &Findings,
) -> Outcome {
    match made {
        Some(made) => Outcome::saved(payment(organisation, &made), "HasValidationErrors", found),
        None => Outcome::failed(element, ("PaymentID", id), "HasValidationErrors", found),
    }
}

/// The API's shape of a payment.
fn payment(organisation: &Organisation, it: &Payment) -> Object {
    let mut object = Object::new()
        .with("PaymentID", it.id.to_string())
        .with("Date", date_ms(it.date))
        .with("Amount", money(it.amount))
        .with("BankAmount", money(bank_amount(it)))
        .with("Reference", it.reference.as_str())
        .with("CurrencyRate", Json::fixed(it.currency_rate, 6))
        .with("PaymentType", it.type_name())
        .with("Status", it.status.name())
        .with("UpdatedDateUTC", instant_ms(it.updated))
        .with("UpdatedDateUTCString", instant_text(it.updated))
        .with("HasAccount", true)
        .with("IsReconciled", it.is_reconciled);
    if let Some(batch) = it.batch {
        let inner = Object::new().with("BatchPaymentID", batch.to_string());
        object.set("BatchPaymentID", batch.to_string());
        object.set("BatchPayment", inner);
    }
    let mut account = Object::new().with("AccountID", it.account.to_string());
    if let Some(held) = organisation.account_of(it.account) {
        account.set("Code", held.code.as_str());
        account.set("Name", held.name.as_str());
    }
    object.set("Account", account);
    match it.paid {
        Paid::Invoice(id) => {
            let held = organisation.invoices.get(id);
            if let Some(held) = held {
                object.set("Invoice", paid(organisation, held, held.kind.name()));
            }
        }
        Paid::CreditNote(id) => {
            let held = organisation.credit_notes.get(id);
            if let Some(held) = held {
                object.set("CreditNote", paid(organisation, held, held.kind.name()));
            }
        }
    }
    object.set("HasValidationErrors", false);
    object
}

/// The document as a payment shows it.
fn paid<T: Document>(organisation: &Organisation, document: &T, kind: &str) -> Object {
    let body = document.body();
    let mut contact = Object::new().with("ContactID", body.contact.to_string());
    if let Some(held) = organisation.contacts.get(body.contact) {
        contact.set("Name", held.name.as_str());
    }
    let mut object = Object::new().with("Type", kind);
    object.set(T::SHAPE.id, document.id().to_string());
    object.set(T::SHAPE.number, document.number());
    object.set("Contact", contact);
    object.set("CurrencyCode", body.currency_code.as_str());
    object.set("HasErrors", false);
    object
}

/// The amount in the account's currency, which is the home currency here.
pub(super) fn bank_amount(it: &Payment) -> rust_decimal::Decimal {
    let amount = it.amount.checked_div(it.currency_rate);
    round(amount.unwrap_or(it.amount), 2)
}
