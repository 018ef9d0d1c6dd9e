//! The fields that are kept of what Xero holds, in the order in which they are handed over: one list
//! for each kind of document.
//!
//! Dates become calendar dates, ids lower case, amounts keep the digits that Xero gave. What says
//! nothing is left out.

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::value::{RawValue, to_raw_value};

use crate::dates::calendar_date;
use crate::held::id;
use crate::lenient::{Object, quoted};
use Field::{Date, Flag, Id, Lines, List, Number, One, Text, Tracking, Within};

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

/// What is kept of a document, ready to be written.
pub(crate) struct Kept(Vec<(&'static str, Box<RawValue>)>);

impl Serialize for Kept {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in &self.0 {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

/// Reads these fields of an object.
pub(crate) fn keep(object: &Object<'_>, fields: &[Field]) -> serde_json::Result<Kept> {
    let mut kept = Vec::new();
    for field in fields {
        if let Some(it) = one(object, field)? {
            kept.push(it);
        }
    }
    Ok(Kept(kept))
}

fn one(
    object: &Object<'_>,
    field: &Field,
) -> serde_json::Result<Option<(&'static str, Box<RawValue>)>> {
    let text = |key: &'static str, text: Option<String>| {
        text.map(|it| Ok((key, quoted(&it)?))).transpose()
    };
    match *field {
        Text(key) => text(key, object.text(key)),
        Id(key) => text(key, id(object, key)),
        Date(key) => text(key, date(object, key)),
        Within(outer, key) => text(key, object.object(outer).and_then(|it| id(&it, key))),
        Number(key) => Ok(object.number(key).map(|it| (key, it))),
        Flag(key) => match object.text(key) {
            Some(_) => Ok(Some((key, to_raw_value(&object.flag(key))?))),
            None => Ok(None),
        },
        One(key, fields) => match object.object(key) {
            Some(it) => {
                let kept = keep(&it, fields)?;
                Ok((!kept.0.is_empty()).then_some((key, to_raw_value(&kept)?)))
            }
            None => Ok(None),
        },
        List(key, fields) => list(key, &object.objects(key), fields, false),
        Lines(key, fields) => list(key, &object.objects(key), fields, true),
        Tracking => {
            let mut all = object.objects("Tracking");
            all.retain(|it| it.text("Name").is_some() && it.text("Option").is_some());
            list("Tracking", &all, TRACKING, false)
        }
    }
}

fn list(
    key: &'static str,
    objects: &[Object<'_>],
    fields: &[Field],
    even_empty: bool,
) -> serde_json::Result<Option<(&'static str, Box<RawValue>)>> {
    if objects.is_empty() && !even_empty {
        return Ok(None);
    }
    let kept: Vec<Kept> = objects
        .iter()
        .map(|it| keep(it, fields))
        .collect::<serde_json::Result<_>>()?;
    Ok(Some((key, to_raw_value(&kept)?)))
}

/// A calendar date; the text form beside it needs no reckoning, where Xero gives one.
pub(crate) fn date(object: &Object<'_>, key: &str) -> Option<String> {
    let texts = [object.text(&format!("{key}String")), object.text(key)];
    texts
        .into_iter()
        .flatten()
        .find_map(|it| calendar_date(&it))
}
