//! Binding invoices and credit notes, and the lines of both.

use jiff::civil::Date;
use rust_decimal::Decimal;
use uuid::Uuid;

use super::answers::Refusal;
use super::bind::{Binder, SentContact, contact};
use super::document_model::{LineAmountTypes, Side, Status};
use crate::json::Json;
use crate::world::Cx;

/// How one sort of document is written.
pub(crate) struct Shape {
    /// Name of the list, as path and envelope have it.
    pub(crate) envelope: &'static str,
    /// The name that Xero asks for when there is none of them in a body.
    pub(crate) expected: &'static str,
    /// Property of the id.
    pub(crate) id: &'static str,
    /// Property of the number.
    pub(crate) number: &'static str,
    /// Name of the list of statuses and types in error messages.
    pub(crate) type_name: &'static str,
    /// Properties that a request may carry.
    pub(crate) known: &'static [&'static str],
    /// Properties that answers alone carry.
    pub(crate) answers: &'static [&'static str],
    /// The side of a type, if it is one that can be written at all.
    pub(crate) side: fn(&str) -> Option<Option<Side>>,
    /// Whether sales lines may be discounted.
    pub(crate) discounts: bool,
}

/// Credit notes.
pub(crate) const CREDIT_NOTE: Shape = Shape {
    envelope: "CreditNotes",
    expected: "Credit Note",
    id: "CreditNoteID",
    number: "CreditNoteNumber",
    type_name: "CreditNote",
    known: &[
        "Type",
        "Contact",
        "Date",
        "DueDate",
        "Status",
        "LineAmountTypes",
        "LineItems",
        "CurrencyCode",
        "CurrencyRate",
        "CreditNoteID",
        "CreditNoteNumber",
        "Reference",
        "BrandingThemeID",
    ],
    answers: &[
        "SubTotal",
        "TotalTax",
        "Total",
        "CISDeduction",
        "CISRate",
        "UpdatedDateUTC",
        "UpdatedDateUTCString",
        "FullyPaidOnDate",
        "SentToContact",
        "RemainingCredit",
        "Allocations",
        "AppliedAmount",
        "Payments",
        "StatusAttributeString",
        "HasAttachments",
        "HasErrors",
        "ValidationErrors",
        "Warnings",
        "InvoiceAddresses",
        "DateString",
        "DueDateString",
        "ID",
    ],
    side: |name| match name {
        "ACCRECCREDIT" => Some(Some(Side::Sales)),
        "ACCPAYCREDIT" => Some(Some(Side::Purchase)),
        _ => None,
    },
    discounts: false,
};

/// Invoices and bills.
pub(crate) const INVOICE: Shape = Shape {
    envelope: "Invoices",
    expected: "Invoice",
    id: "InvoiceID",
    number: "InvoiceNumber",
    type_name: "Invoice",
    known: &[
        "Type",
        "Contact",
        "Date",
        "DueDate",
        "Status",
        "LineAmountTypes",
        "LineItems",
        "CurrencyCode",
        "CurrencyRate",
        "InvoiceID",
        "InvoiceNumber",
        "Reference",
        "BrandingThemeID",
        "Url",
        "SentToContact",
        "ExpectedPaymentDate",
        "PlannedPaymentDate",
    ],
    answers: &[
        "SubTotal",
        "TotalTax",
        "Total",
        "TotalDiscount",
        "AmountDue",
        "AmountPaid",
        "AmountCredited",
        "CISDeduction",
        "CISRate",
        "UpdatedDateUTC",
        "UpdatedDateUTCString",
        "FullyPaidOnDate",
        "Payments",
        "CreditNotes",
        "Prepayments",
        "Overpayments",
        "IsDiscounted",
        "RepeatingInvoiceID",
        "StatusAttributeString",
        "HasAttachments",
        "HasErrors",
        "ValidationErrors",
        "Warnings",
        "InvoiceAddresses",
        "DateString",
        "DueDateString",
        "ID",
    ],
    side: |name| match name {
        "ACCREC" => Some(Some(Side::Sales)),
        "ACCPAY" => Some(Some(Side::Purchase)),
        // Views of other resources that the list of types has too.
        "ACCRECCREDIT" | "ACCPAYCREDIT" | "AROVERPAYMENT" | "ARPREPAYMENT" | "APOVERPAYMENT"
        | "APPREPAYMENT" => Some(None),
        _ => None,
    },
    discounts: true,
};

const LINE: &[&str] = &[
    "LineItemID",
    "Description",
    "Quantity",
    "UnitAmount",
    "ItemCode",
    "AccountCode",
    "TaxType",
    "TaxAmount",
    "LineAmount",
    "Tracking",
];

const DISCOUNTS: &[&str] = &["DiscountRate", "DiscountAmount"];

const LINE_ANSWERS: &[&str] = &[
    "AccountID",
    "AccountId",
    "Item",
    "RepeatingInvoiceID",
    "Taxability",
    "SalesTaxCodeId",
    "TaxBreakdown",
    "ValidationErrors",
];

const TRACKING: &[&str] = &["TrackingCategoryID", "TrackingOptionID", "Name", "Option"];

/// An invoice or credit note as sent.
pub(crate) struct SentDocument {
    pub(crate) id: Option<Uuid>,
    pub(crate) side: Option<Side>,
    pub(crate) contact: Option<SentContact>,
    pub(crate) date: Option<Date>,
    pub(crate) due_date: Option<Date>,
    pub(crate) status: Option<Status>,
    pub(crate) line_amount_types: Option<LineAmountTypes>,
    pub(crate) number: Option<String>,
    pub(crate) reference: Option<String>,
    pub(crate) currency_code: Option<String>,
    pub(crate) currency_rate: Option<Decimal>,
    pub(crate) branding_theme: Option<Uuid>,
    pub(crate) lines: Option<Vec<SentLine>>,
    pub(crate) url: Option<String>,
    pub(crate) sent_to_contact: Option<bool>,
    pub(crate) payment_date: Option<Date>,
}

/// A line as sent.
#[derive(Default)]
pub(crate) struct SentLine {
    pub(crate) id: Option<Uuid>,
    pub(crate) description: Option<String>,
    pub(crate) quantity: Option<Decimal>,
    pub(crate) unit_amount: Option<Decimal>,
    pub(crate) line_amount: Option<Decimal>,
    pub(crate) item_code: Option<String>,
    pub(crate) account_code: Option<String>,
    pub(crate) tax_type: Option<String>,
    pub(crate) tax_amount: Option<Decimal>,
    pub(crate) discount_rate: Option<Decimal>,
    pub(crate) discount_amount: Option<Decimal>,
    pub(crate) tracking: Option<Vec<SentTracking>>,
}

/// A tracking choice as sent.
pub(crate) struct SentTracking {
    pub(crate) category: Option<Uuid>,
    pub(crate) option_id: Option<Uuid>,
    pub(crate) name: Option<String>,
    pub(crate) option: Option<String>,
}

pub(crate) fn document(
    json: &Json,
    index: usize,
    shape: &Shape,
    cx: &mut Cx<'_>,
) -> Result<SentDocument, Refusal> {
    let path = format!("{}[{index}]", shape.envelope);
    let binder = Binder::new(json, path.clone())?;
    binder.check_names(shape.known, shape.answers, cx);
    let side = binder
        .one_of("Type", &format!("{}Type", shape.type_name), shape.side)?
        .flatten();
    let discounts = shape.discounts && side != Some(Side::Purchase);
    let lines = binder.each("LineItems", |item, path| line(item, path, discounts, cx))?;
    let contact = match binder.member("Contact") {
        None => None,
        Some(item) => Some(contact(item, format!("{path}.Contact"), cx)?),
    };
    let sends = |name: &str| shape.known.contains(&name);
    let payment_date = match side {
        _ if !sends("PlannedPaymentDate") => None,
        Some(Side::Sales) => binder.date("ExpectedPaymentDate")?,
        Some(Side::Purchase) => binder.date("PlannedPaymentDate")?,
        None => binder
            .date("PlannedPaymentDate")?
            .or(binder.date("ExpectedPaymentDate")?),
    };
    Ok(SentDocument {
        id: binder.guid(shape.id)?,
        side,
        contact,
        date: binder.date("Date")?,
        due_date: binder.date("DueDate")?,
        status: binder.one_of("Status", &format!("{}Status", shape.type_name), Status::of)?,
        line_amount_types: line_amount_types(&binder)?,
        number: binder.text(shape.number)?,
        reference: binder.text("Reference")?,
        currency_code: binder.text("CurrencyCode")?.filter(|it| !it.is_empty()),
        currency_rate: binder.number("CurrencyRate")?,
        branding_theme: binder.guid("BrandingThemeID")?,
        lines,
        url: if sends("Url") {
            binder.text("Url")?
        } else {
            None
        },
        sent_to_contact: if sends("SentToContact") {
            binder.flag("SentToContact")?
        } else {
            None
        },
        payment_date,
    })
}

pub(crate) fn line_amount_types(binder: &Binder<'_>) -> Result<Option<LineAmountTypes>, Refusal> {
    binder.one_of("LineAmountTypes", "LineAmountTypes", LineAmountTypes::of)
}

fn line(json: &Json, path: String, discounts: bool, cx: &mut Cx<'_>) -> Result<SentLine, Refusal> {
    let binder = Binder::new(json, path)?;
    if discounts {
        binder.check_names(&[LINE, DISCOUNTS].concat(), LINE_ANSWERS, cx);
    } else {
        binder.check_names(LINE, &[LINE_ANSWERS, DISCOUNTS].concat(), cx);
    }
    let discount = |name: &str| match discounts {
        true => binder.number(name),
        false => Ok(None),
    };
    let filled = |value: Option<String>| value.filter(|it| !it.is_empty());
    Ok(SentLine {
        id: binder.guid("LineItemID")?,
        description: binder.text("Description")?,
        quantity: binder.number("Quantity")?,
        unit_amount: binder.number("UnitAmount")?,
        line_amount: binder.number("LineAmount")?,
        item_code: filled(binder.text("ItemCode")?),
        account_code: filled(binder.text("AccountCode")?),
        tax_type: filled(binder.text("TaxType")?),
        tax_amount: binder.number("TaxAmount")?,
        discount_rate: discount("DiscountRate")?,
        discount_amount: discount("DiscountAmount")?,
        tracking: binder.each("Tracking", |item, path| tracking(item, path, cx))?,
    })
}

pub(crate) fn tracking(
    json: &Json,
    path: String,
    cx: &mut Cx<'_>,
) -> Result<SentTracking, Refusal> {
    let binder = Binder::new(json, path)?;
    binder.check_names(TRACKING, &[], cx);
    Ok(SentTracking {
        category: binder.guid("TrackingCategoryID")?,
        option_id: binder.guid("TrackingOptionID")?,
        name: binder.text("Name")?,
        option: binder.text("Option")?,
    })
}
