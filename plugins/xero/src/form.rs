//! The fields that are kept of what Xero holds, in the order in which they are handed over: one list
//! for each kind of document.
//!
//! Dates become calendar dates, ids lower case, amounts keep the digits that Xero gave. What says
//! nothing is left out.

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::value::RawValue;

use crate::dates::{calendar_date, instant, modified_since};
use crate::held::id;
use crate::lenient::Object;
use Field::{Date, Flag, Id, Instant, Lines, List, Number, One, Text, Tracking, Within};

/// One field.
#[derive(Debug)]
pub(crate) enum Field {
    Text(&'static str),
    Id(&'static str),
    /// As the text it came as.
    Number(&'static str),
    /// Left out where Xero does not tell.
    Flag(&'static str),
    Date(&'static str),
    /// A moment, in UTC to the second.
    Instant(&'static str),
    /// The id of an object, without the object.
    Within(&'static str, &'static str),
    One(&'static str, &'static [Field]),
    List(&'static str, &'static [Field]),
    /// A list that stands there even when it is empty.
    Lines(&'static str, &'static [Field]),
    /// Names and ids of tracking options.
    Tracking,
}

const TRACKING: &[Field] = &[
    Text("Name"),
    Text("Option"),
    Id("TrackingCategoryID"),
    Id("TrackingOptionID"),
];

const LINE: &[Field] = &[
    Text("LineItemID"),
    Text("Description"),
    Number("Quantity"),
    Number("UnitAmount"),
    Number("DiscountRate"),
    Number("DiscountAmount"),
    Number("LineAmount"),
    Text("ItemCode"),
    Text("AccountCode"),
    Text("TaxType"),
    Number("TaxAmount"),
    Tracking,
];

/// An allocation, a payment, or a credit that an invoice was settled with.
const APPLIED: &[Field] = &[
    Text("AllocationID"),
    Text("PaymentID"),
    Id("CreditNoteID"),
    Id("PrepaymentID"),
    Id("OverpaymentID"),
    Number("Amount"),
    Number("AppliedAmount"),
    Date("Date"),
    Within("Invoice", "InvoiceID"),
];

pub(crate) const CREDIT_NOTE: &[Field] = &[
    Id("CreditNoteID"),
    Text("Type"),
    Text("CreditNoteNumber"),
    Text("Reference"),
    One("Contact", &[Id("ContactID")]),
    Date("Date"),
    Text("LineAmountTypes"),
    Text("CurrencyCode"),
    Number("CurrencyRate"),
    Text("BrandingThemeID"),
    Text("Status"),
    Flag("SentToContact"),
    Lines("LineItems", LINE),
    Number("SubTotal"),
    Number("TotalTax"),
    Number("Total"),
    Number("RemainingCredit"),
    List("Allocations", APPLIED),
    List("Payments", APPLIED),
];

pub(crate) const INVOICE: &[Field] = &[
    Id("InvoiceID"),
    Text("Type"),
    Text("InvoiceNumber"),
    Text("Reference"),
    One("Contact", &[Id("ContactID")]),
    Date("Date"),
    Date("DueDate"),
    Date("ExpectedPaymentDate"),
    Date("PlannedPaymentDate"),
    Text("LineAmountTypes"),
    Text("CurrencyCode"),
    Number("CurrencyRate"),
    Text("BrandingThemeID"),
    Text("Url"),
    Text("Status"),
    Flag("SentToContact"),
    Lines("LineItems", LINE),
    Number("SubTotal"),
    Number("TotalTax"),
    Number("Total"),
    Number("AmountDue"),
    Number("AmountPaid"),
    Number("AmountCredited"),
    Date("FullyPaidOnDate"),
    List("Payments", APPLIED),
    List("CreditNotes", APPLIED),
    List("Prepayments", APPLIED),
    List("Overpayments", APPLIED),
];

pub(crate) const JOURNAL: &[Field] = &[
    Id("ManualJournalID"),
    Text("Narration"),
    Date("Date"),
    Text("LineAmountTypes"),
    Text("Url"),
    Text("Status"),
    Flag("ShowOnCashBasisReports"),
    Lines(
        "JournalLines",
        &[
            Text("Description"),
            Number("LineAmount"),
            Text("AccountCode"),
            Text("TaxType"),
            Number("TaxAmount"),
            Tracking,
        ],
    ),
];

pub(crate) const PAYMENT: &[Field] = &[
    Id("PaymentID"),
    One(
        "Invoice",
        &[Id("InvoiceID"), Text("InvoiceNumber"), Text("Type")],
    ),
    One(
        "CreditNote",
        &[Id("CreditNoteID"), Text("CreditNoteNumber"), Text("Type")],
    ),
    One("Prepayment", &[Id("PrepaymentID")]),
    One("Overpayment", &[Id("OverpaymentID")]),
    One("Account", &[Id("AccountID"), Text("Code")]),
    Date("Date"),
    Number("Amount"),
    Number("CurrencyRate"),
    Text("Reference"),
    Text("Status"),
    Text("PaymentType"),
    Flag("IsReconciled"),
    One("BatchPayment", &[Id("BatchPaymentID")]),
    Id("BatchPaymentID"),
    Instant("UpdatedDateUTC"),
];

/// What is kept of an object, written straight from it.
pub(crate) struct Kept<'k, 'a> {
    pub(crate) object: &'k Object<'a>,
    pub(crate) fields: &'static [Field],
}

enum Value<'a> {
    Text(String),
    Number(Box<RawValue>),
    Flag(bool),
    One(Object<'a>, &'static [Field]),
    List(Vec<Object<'a>>, &'static [Field]),
}

impl Serialize for Kept<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for field in self.fields {
            let Some((key, value)) = value(self.object, field) else {
                continue;
            };
            match value {
                Value::Text(it) => map.serialize_entry(key, &it)?,
                Value::Number(it) => map.serialize_entry(key, &it)?,
                Value::Flag(it) => map.serialize_entry(key, &it)?,
                Value::One(object, fields) => {
                    let object = &object;
                    map.serialize_entry(key, &Kept { object, fields })?;
                }
                Value::List(objects, fields) => {
                    let kept: Vec<_> = objects
                        .iter()
                        .map(|object| Kept { object, fields })
                        .collect();
                    map.serialize_entry(key, &kept)?;
                }
            }
        }
        map.end()
    }
}

/// A field's value; `None` where it says nothing.
fn value<'a>(object: &Object<'a>, field: &Field) -> Option<(&'static str, Value<'a>)> {
    let text = |key, text: Option<String>| Some((key, Value::Text(text?)));
    match *field {
        Text(key) => text(key, object.text(key)),
        Id(key) => text(key, id(object, key)),
        Date(key) => text(key, date(object, key)),
        Instant(key) => {
            let moment = object.text(key).and_then(|it| instant(&it));
            text(key, moment.map(|it| format!("{}Z", modified_since(it))))
        }
        Within(outer, key) => text(key, object.object(outer).and_then(|it| id(&it, key))),
        Number(key) => Some((key, Value::Number(object.number(key)?))),
        Flag(key) => {
            object.text(key)?;
            Some((key, Value::Flag(object.flag(key))))
        }
        One(key, fields) => {
            let it = object.object(key)?;
            fields.iter().find_map(|field| value(&it, field))?;
            Some((key, Value::One(it, fields)))
        }
        List(key, fields) => list(key, object.objects(key), fields),
        Lines(key, fields) => Some((key, Value::List(object.objects(key), fields))),
        Tracking => {
            let mut all = object.objects("Tracking");
            all.retain(|it| it.text("Name").is_some() && it.text("Option").is_some());
            list("Tracking", all, TRACKING)
        }
    }
}

fn list<'a>(
    key: &'static str,
    objects: Vec<Object<'a>>,
    fields: &'static [Field],
) -> Option<(&'static str, Value<'a>)> {
    (!objects.is_empty()).then_some((key, Value::List(objects, fields)))
}

/// A calendar date; the text form beside it needs no reckoning, where Xero gives one.
pub(crate) fn date(object: &Object<'_>, key: &str) -> Option<String> {
    let texts = [object.text(&format!("{key}String")), object.text(key)];
    texts
        .into_iter()
        .flatten()
        .find_map(|it| calendar_date(&it))
}
