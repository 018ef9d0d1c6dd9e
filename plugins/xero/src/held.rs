//! The form in which a document that Xero holds is handed to the engine.
//!
//! Documents are brought into the [form](crate::form) in which they are sent, so that the two can be
//! compared field by field: calendar dates, the contact by its id alone, tracking by names and ids, amounts
//! with the digits that Xero gave. What tells the state (status, totals, what was allocated and paid)
//! stands beside.

use ledgerline_plugin_api::sdk::{Error, Result};
use serde_json::value::{RawValue, to_raw_value};

use crate::form::{self, Kept, date};
use crate::lenient::{Object, quoted, tidy};
use crate::resource::Resource;

/// Stands for "no id" in the answer to a failed create.
const ZERO_ID: &str = "00000000-0000-0000-0000-000000000000";

/// A document as Xero holds it.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) id: String,
    /// When Xero last changed it, as it came.
    pub(crate) updated: String,
    pub(crate) body: Box<RawValue>,
}

/// Reads one element of a list or of an answer to a write.
pub(crate) fn held(resource: Resource, element: &Object<'_>) -> Result<Held> {
    let Some(id) = id(element, resource.id()) else {
        return Err(Error::protocol(format!(
            "Xero gave a {} without an id",
            resource.title()
        )));
    };
    let kept = |fields| {
        let object = element;
        to_raw_value(&Kept { object, fields })
    };
    let body = match resource {
        Resource::CreditNotes | Resource::SupplierCreditNotes => kept(form::CREDIT_NOTE),
        Resource::Invoices | Resource::Bills => kept(form::INVOICE),
        Resource::ManualJournals => kept(form::JOURNAL),
        Resource::Payments => kept(form::PAYMENT),
        Resource::Contacts => contact(&id, element),
    };
    let body = body.map_err(|err| {
        Error::protocol(format!(
            "{} {id} from Xero cannot be read: {err}",
            resource.title()
        ))
    })?;
    let updated = element.text("UpdatedDateUTC").unwrap_or_default();
    Ok(Held { id, updated, body })
}

/// An id in lower case; none when it is absent or all zeros.
pub(crate) fn id(object: &Object<'_>, key: &str) -> Option<String> {
    object
        .text(key)
        .map(|it| it.to_ascii_lowercase())
        .filter(|it| it != ZERO_ID)
}

/// A contact is sent in the form in which it is read. Xero repeats every address and phone type,
/// mostly empty.
fn contact(id: &str, contact: &Object<'_>) -> serde_json::Result<Box<RawValue>> {
    let id = quoted(id)?;
    let whole = contact.with(&[("ContactID", &id)])?;
    Ok(tidy(&whole).unwrap_or(whole))
}

/// The organisation with its lock dates as calendar dates, so that they can be compared.
pub(crate) fn organisation(organisation: &Object<'_>) -> serde_json::Result<Box<RawValue>> {
    let null = RawValue::from_string("null".to_owned())?;
    let lock = |key: &str| match date(organisation, key) {
        Some(date) => quoted(&date),
        None => Ok(null.clone()),
    };
    let period = lock("PeriodLockDate")?;
    let year = lock("EndOfYearLockDate")?;
    let whole = organisation.with(&[("PeriodLockDate", &period), ("EndOfYearLockDate", &year)])?;
    Ok(tidy(&whole).unwrap_or(whole))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(resource: Resource, json: &str) -> Result<Held> {
        let raw = RawValue::from_string(json.to_owned()).unwrap();
        held(resource, &Object::read(&raw).unwrap())
    }

    #[test]
    fn a_credit_note_comes_back_in_the_form_in_which_it_is_sent() {
        let held = read(
            Resource::CreditNotes,
            r#"{"CreditNoteID":"249F15FA-f2a7-4acc-8769-0984103f2225","CreditNoteNumber":"CN-5",
              "ID":"249f15fa-f2a7-4acc-8769-0984103f2225","Type":"ACCRECCREDIT","Reference":"",
              "Contact":{"ContactID":"430FA14A-f945-44d3-9f97-5df5e28441b8","Name":"A","Addresses":[]},
              "DateString":"2019-03-05T00:00:00","Date":"\/Date(1551830400000+1300)\/",
              "Status":"AUTHORISED","LineAmountTypes":"Exclusive","CurrencyCode":"NZD",
              "CurrencyRate":"0.650000","SubTotal":"30.00","TotalTax":4.50,"Total":34.5,
              "RemainingCredit":32.5,"HasErrors":false,"UpdatedDateUTC":"\/Date(1551812346157+0000)\/",
              "Payments":[{"PaymentID":"p1","Date":"\/Date(1552521600000+0000)\/","Amount":2.0}],
              "Allocations":[{"AllocationID":"a1","Amount":1.10,"Date":"\/Date(1552521600000)\/",
                "Invoice":{"InvoiceID":"I1","InvoiceNumber":"INV-1"}}],
              "LineItems":[{"LineItemID":"l1","Description":"Box","Quantity":1.0000,
                "UnitAmount":30.1234567890123456789,"LineAmount":30.00,"TaxAmount":4.50,
                "TaxType":"OUTPUT2","AccountCode":"200","AccountID":"x","Item":[],
                "Tracking":[{"Name":"Region","Option":"North","TrackingCategoryID":"T","TrackingOptionID":"O"}]}]}"#,
        )
        .unwrap();
        assert_eq!(held.id, "249f15fa-f2a7-4acc-8769-0984103f2225");
        assert_eq!(held.updated, "/Date(1551812346157+0000)/");
        assert_eq!(
            held.body.get(),
            concat!(
                r#"{"CreditNoteID":"249f15fa-f2a7-4acc-8769-0984103f2225","Type":"ACCRECCREDIT","#,
                r#""CreditNoteNumber":"CN-5","Contact":{"ContactID":"430fa14a-f945-44d3-9f97-5df5e28441b8"},"#,
                r#""Date":"2019-03-05","LineAmountTypes":"Exclusive","CurrencyCode":"NZD","#,
                r#""CurrencyRate":0.650000,"Status":"AUTHORISED","LineItems":[{"LineItemID":"l1","#,
                r#""Description":"Box","Quantity":1.0000,"UnitAmount":30.1234567890123456789,"#,
                r#""LineAmount":30.00,"AccountCode":"200","TaxType":"OUTPUT2","TaxAmount":4.50,"#,
                r#""Tracking":[{"Name":"Region","Option":"North","TrackingCategoryID":"t","#,
                r#""TrackingOptionID":"o"}]}],"SubTotal":30.00,"#,
                r#""TotalTax":4.50,"Total":34.5,"RemainingCredit":32.5,"#,
                r#""Allocations":[{"AllocationID":"a1","Amount":1.10,"Date":"2019-03-14","InvoiceID":"i1"}],"#,
                r#""Payments":[{"PaymentID":"p1","Amount":2.0,"Date":"2019-03-14"}]}"#
            )
        );
    }

    #[test]
    fn without_an_id_there_is_nothing_held() {
        for json in [
            r#"{"CreditNoteNumber":"CN-5"}"#,
            r#"{"CreditNoteID":"00000000-0000-0000-0000-000000000000"}"#,
            r#"{"CreditNoteID":""}"#,
        ] {
            let error = read(Resource::CreditNotes, json).expect_err(json);
            assert_eq!(
                error.message, "Xero gave a credit note without an id",
                "{json}"
            );
        }
    }

    #[test]
    fn contacts_lose_what_says_nothing() {
        let held = read(
            Resource::Contacts,
            r#"{"ContactID":"430FA14A-F945-44D3-9F97-5DF5E28441B8","Name":"A","EmailAddress":"",
              "Addresses":[{"AddressType":"POBOX","City":""},{"AddressType":"STREET","City":"Bray"}],
              "Phones":[],"Balances":{},"ContactStatus":"ACTIVE"}"#,
        )
        .unwrap();
        assert_eq!(
            held.body.get(),
            concat!(
                r#"{"Addresses":[{"AddressType":"POBOX"},{"AddressType":"STREET","City":"Bray"}],"#,
                r#""ContactID":"430fa14a-f945-44d3-9f97-5df5e28441b8","ContactStatus":"ACTIVE","Name":"A"}"#
            )
        );
    }

    #[test]
    fn lock_dates_become_calendar_dates() {
        let cases = [
            (
                r#"{"PeriodLockDate":"\/Date(1546214400000+0000)\/"}"#,
                r#"{"PeriodLockDate":"2018-12-31"}"#,
            ),
            (
                r#"{"EndOfYearLockDate":"2018-12-31T00:00:00","PeriodLockDate":""}"#,
                r#"{"EndOfYearLockDate":"2018-12-31"}"#,
            ),
            (r#"{"Name":"A"}"#, r#"{"Name":"A"}"#),
        ];
        for (json, expected) in cases {
            let raw = RawValue::from_string(json.to_owned()).unwrap();
            let read = organisation(&Object::read(&raw).unwrap()).unwrap();
            assert_eq!(read.get(), expected, "{json}");
        }
    }
}
