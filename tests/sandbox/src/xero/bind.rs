//! Binding a JSON body to what Xero expects, with Xero's own intolerance.
//!
//! A value of the wrong JSON type fails the whole request with ErrorNumber 14; `Tracking` sent as
//! an object makes the server fall over. Unknown properties pass, but are remarked upon.

use jiff::civil::Date;
use rust_decimal::Decimal;
use uuid::Uuid;

use super::answers::Refusal;
use super::dates::parse_date;
use super::model::{CreditType, LineAmountTypes, Status};
use super::texts;
use crate::json::{Json, Object};
use crate::world::Cx;

/// Reads members of one object, knowing where it stands in the body.
pub(crate) struct Binder<'a> {
    object: &'a Object,
    path: String,
}

impl<'a> Binder<'a> {
    pub(crate) fn new(json: &'a Json, path: String) -> Result<Self, Refusal> {
        match json.as_object() {
            Some(object) => Ok(Self { object, path }),
            None => Err(wrong(json, "an object", &path)),
        }
    }

    fn member(&self, name: &str) -> Option<&'a Json> {
        self.object.get(name).filter(|value| !value.is_null())
    }

    fn at(&self, name: &str) -> String {
        format!("{}.{name}", self.path)
    }

    pub(crate) fn text(&self, name: &str) -> Result<Option<String>, Refusal> {
        match self.member(name) {
            None => Ok(None),
            Some(Json::Str(text)) => Ok(Some(text.clone())),
            Some(other) => Err(wrong(other, "System.String", &self.at(name))),
        }
    }

    pub(crate) fn number(&self, name: &str) -> Result<Option<Decimal>, Refusal> {
        match self.member(name) {
            None => Ok(None),
            Some(value) => match value.as_decimal() {
                Some(number) => Ok(Some(number)),
                None => Err(wrong(value, "System.Decimal", &self.at(name))),
            },
        }
    }

    pub(crate) fn guid(&self, name: &str) -> Result<Option<Uuid>, Refusal> {
        match self.text(name)?.filter(|text| !text.is_empty()) {
            None => Ok(None),
            Some(text) => match Uuid::parse_str(&text) {
                Ok(guid) => Ok(Some(guid)),
                Err(_) => Err(wrong(&Json::Str(text), "System.Guid", &self.at(name))),
            },
        }
    }

    pub(crate) fn date(&self, name: &str) -> Result<Option<Date>, Refusal> {
        match self.text(name)?.filter(|text| !text.is_empty()) {
            None => Ok(None),
            Some(text) => match parse_date(&text) {
                Some(date) => Ok(Some(date)),
                None => Err(Refusal::PostData(format!(
                    "Could not convert string to DateTime: {text}. Path '{}'",
                    self.at(name)
                ))),
            },
        }
    }

    /// A value of a closed set, spelled exactly.
    pub(crate) fn one_of<T>(
        &self,
        name: &str,
        type_name: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, Refusal> {
        match self.text(name)?.filter(|text| !text.is_empty()) {
            None => Ok(None),
            Some(text) => match read(&text) {
                Some(value) => Ok(Some(value)),
                None => Err(wrong(&Json::Str(text), type_name, &self.at(name))),
            },
        }
    }

    pub(crate) fn list(&self, name: &str) -> Result<Option<&'a [Json]>, Refusal> {
        match self.member(name) {
            None => Ok(None),
            Some(Json::Arr(items)) => Ok(Some(items)),
            // Live servers do not bind this one gently.
            Some(Json::Obj(_)) if name == "Tracking" => Err(Refusal::Server),
            Some(other) => Err(wrong(other, "an array", &self.at(name))),
        }
    }

    /// Remarks on properties that nobody knows, or that only answers carry.
    pub(crate) fn check_names(&self, known: &[&str], answer_only: &[&str], cx: &mut Cx<'_>) {
        for (name, _) in self.object.iter() {
            if answer_only.contains(&name) {
                cx.remark(format!(
                    "{} is ignored: answers alone carry it",
                    self.at(name)
                ));
            } else if !known.contains(&name) {
                cx.remark(format!("{} is ignored: no such property", self.at(name)));
            }
        }
    }
}

fn wrong(value: &Json, type_name: &str, path: &str) -> Refusal {
    Refusal::PostData(format!(
        "{}: Error converting value {value} to type '{type_name}'. Path '{path}'",
        texts::POST_DATA
    ))
}

/// The elements of a body: an array in its envelope, or one bare object.
pub(crate) fn elements(
    body: &[u8],
    envelope: &'static str,
    expected: &'static str,
    properties: &[&str],
) -> Result<Vec<Json>, Refusal> {
    let text =
        std::str::from_utf8(body).map_err(|_| Refusal::PostData(texts::POST_DATA.to_owned()))?;
    if text.trim().is_empty() {
        return Err(Refusal::NoData(expected));
    }
    let json = Json::parse(text)
        .map_err(|error| Refusal::PostData(format!("{}: {error}", texts::POST_DATA)))?;
    let Json::Obj(mut object) = json else {
        return Err(Refusal::NoData(expected));
    };
    match object.remove(envelope) {
        Some(Json::Arr(items)) if !items.is_empty() => Ok(items),
        Some(Json::Obj(item)) => Ok(vec![Json::Obj(item)]),
        Some(_) => Err(Refusal::NoData(expected)),
        None if object.iter().any(|(name, _)| properties.contains(&name)) => {
            Ok(vec![Json::Obj(object)])
        }
        None => Err(Refusal::NoData(expected)),
    }
}

/// Properties of a credit note that a request may carry.
pub(crate) const CREDIT_NOTE: &[&str] = &[
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
];

const CREDIT_NOTE_ANSWERS: &[&str] = &[
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
];

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

const LINE_ANSWERS: &[&str] = &[
    "AccountID",
    "AccountId",
    "Item",
    "DiscountRate",
    "DiscountAmount",
    "RepeatingInvoiceID",
    "Taxability",
    "SalesTaxCodeId",
    "TaxBreakdown",
    "ValidationErrors",
];

const TRACKING: &[&str] = &["TrackingCategoryID", "TrackingOptionID", "Name", "Option"];

/// A credit note as sent.
pub(crate) struct SentNote {
    pub(crate) id: Option<Uuid>,
    pub(crate) kind: Option<CreditType>,
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
    pub(crate) tracking: Option<Vec<SentTracking>>,
}

/// A tracking choice as sent.
pub(crate) struct SentTracking {
    pub(crate) category: Option<Uuid>,
    pub(crate) option_id: Option<Uuid>,
    pub(crate) name: Option<String>,
    pub(crate) option: Option<String>,
}

/// A contact as sent, in a document or by itself.
pub(crate) struct SentContact {
    pub(crate) id: Option<Uuid>,
    pub(crate) number: Option<String>,
    pub(crate) account_number: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) status: Option<String>,
    pub(crate) first_name: Option<String>,
    pub(crate) last_name: Option<String>,
    pub(crate) email: Option<String>,
    pub(crate) other: Object,
}

impl SentContact {
    /// Whether it names a contact and does nothing else.
    pub(crate) fn only_identifies(&self) -> bool {
        self.account_number.is_none()
            && self.status.is_none()
            && self.first_name.is_none()
            && self.last_name.is_none()
            && self.email.is_none()
            && self.other.is_empty()
    }
}

pub(crate) fn credit_note(json: &Json, index: usize, cx: &mut Cx<'_>) -> Result<SentNote, Refusal> {
    let path = format!("CreditNotes[{index}]");
    let binder = Binder::new(json, path.clone())?;
    binder.check_names(CREDIT_NOTE, CREDIT_NOTE_ANSWERS, cx);
    let lines = match binder.list("LineItems")? {
        None => None,
        Some(items) => Some(
            items
                .iter()
                .enumerate()
                .map(|(at, item)| line(item, format!("{path}.LineItems[{at}]"), cx))
                .collect::<Result<_, _>>()?,
        ),
    };
    let contact = match binder.member("Contact") {
        None => None,
        Some(item) => Some(contact(item, format!("{path}.Contact"), cx)?),
    };
    Ok(SentNote {
        id: binder.guid("CreditNoteID")?,
        kind: binder.one_of("Type", "CreditNoteType", |text| match text {
            "ACCRECCREDIT" => Some(CreditType::Sales),
            "ACCPAYCREDIT" => Some(CreditType::Purchase),
            _ => None,
        })?,
        contact,
        date: binder.date("Date")?,
        due_date: binder.date("DueDate")?,
        status: binder.one_of("Status", "CreditNoteStatus", Status::of)?,
        line_amount_types: binder.one_of(
            "LineAmountTypes",
            "LineAmountTypes",
            LineAmountTypes::of,
        )?,
        number: binder.text("CreditNoteNumber")?,
        reference: binder.text("Reference")?,
        currency_code: binder.text("CurrencyCode")?.filter(|it| !it.is_empty()),
        currency_rate: binder.number("CurrencyRate")?,
        branding_theme: binder.guid("BrandingThemeID")?,
        lines,
    })
}

fn line(json: &Json, path: String, cx: &mut Cx<'_>) -> Result<SentLine, Refusal> {
    let binder = Binder::new(json, path.clone())?;
    binder.check_names(LINE, LINE_ANSWERS, cx);
    let tracking = match binder.list("Tracking")? {
        None => None,
        Some(items) => Some(
            items
                .iter()
                .enumerate()
                .map(|(at, item)| tracking(item, format!("{path}.Tracking[{at}]"), cx))
                .collect::<Result<_, _>>()?,
        ),
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
        tracking,
    })
}

fn tracking(json: &Json, path: String, cx: &mut Cx<'_>) -> Result<SentTracking, Refusal> {
    let binder = Binder::new(json, path)?;
    binder.check_names(TRACKING, &[], cx);
    Ok(SentTracking {
        category: binder.guid("TrackingCategoryID")?,
        option_id: binder.guid("TrackingOptionID")?,
        name: binder.text("Name")?,
        option: binder.text("Option")?,
    })
}

/// Properties of a contact that a request may carry.
pub(crate) const CONTACT: &[&str] = &[
    "ContactID",
    "ContactNumber",
    "AccountNumber",
    "ContactStatus",
    "Name",
    "FirstName",
    "LastName",
    "CompanyNumber",
    "EmailAddress",
    "ContactPersons",
    "BankAccountDetails",
    "TaxNumber",
    "TaxNumberType",
    "AccountsReceivableTaxType",
    "AccountsPayableTaxType",
    "Addresses",
    "Phones",
    "DefaultCurrency",
    "SalesDefaultAccountCode",
    "PurchasesDefaultAccountCode",
    "SalesDefaultLineAmountType",
    "PurchasesDefaultLineAmountType",
    "SalesTrackingCategories",
    "PurchasesTrackingCategories",
    "PaymentTerms",
    "BatchPayments",
    "XeroNetworkKey",
];

const CONTACT_ANSWERS: &[&str] = &[
    "MergedToContactID",
    "IsSupplier",
    "IsCustomer",
    "UpdatedDateUTC",
    "ContactGroups",
    "Website",
    "BrandingTheme",
    "Discount",
    "Balances",
    "Attachments",
    "HasAttachments",
    "ValidationErrors",
    "HasValidationErrors",
    "StatusAttributeString",
];

const CONTACT_TYPED: &[&str] = &[
    "ContactID",
    "ContactNumber",
    "AccountNumber",
    "ContactStatus",
    "Name",
    "FirstName",
    "LastName",
    "EmailAddress",
];

pub(crate) fn contact(json: &Json, path: String, cx: &mut Cx<'_>) -> Result<SentContact, Refusal> {
    let binder = Binder::new(json, path)?;
    binder.check_names(CONTACT, CONTACT_ANSWERS, cx);
    let mut other = binder.object.clone();
    other.retain(|name| CONTACT.contains(&name) && !CONTACT_TYPED.contains(&name));
    for name in ["ContactPersons", "Addresses", "Phones"] {
        binder.list(name)?;
    }
    for name in [
        "TaxNumber",
        "CompanyNumber",
        "BankAccountDetails",
        "DefaultCurrency",
    ] {
        binder.text(name)?;
    }
    Ok(SentContact {
        id: binder.guid("ContactID")?,
        number: binder.text("ContactNumber")?.filter(|it| !it.is_empty()),
        account_number: binder.text("AccountNumber")?,
        name: binder.text("Name")?,
        status: binder.one_of("ContactStatus", "ContactStatus", |text| {
            matches!(text, "ACTIVE" | "ARCHIVED" | "GDPRREQUEST").then(|| text.to_owned())
        })?,
        first_name: binder.text("FirstName")?,
        last_name: binder.text("LastName")?,
        email: binder.text("EmailAddress")?,
        other,
    })
}
