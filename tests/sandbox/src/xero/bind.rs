//! Binding a JSON body to what Xero expects, with Xero's own intolerance.
//!
//! A value of the wrong JSON type fails the whole request with ErrorNumber 14; `Tracking` sent as
//! an object makes the server fall over. Unknown properties pass, but are remarked upon.

use jiff::civil::Date;
use rust_decimal::Decimal;
use uuid::Uuid;

use super::answers::Refusal;
use super::dates::parse_date;
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

    pub(crate) fn member(&self, name: &str) -> Option<&'a Json> {
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

    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>, Refusal> {
        match self.member(name) {
            None => Ok(None),
            Some(value) => match (value.as_bool(), value.as_str()) {
                (Some(flag), _) => Ok(Some(flag)),
                (None, Some("true")) => Ok(Some(true)),
                (None, Some("false")) => Ok(Some(false)),
                (None, _) => Err(wrong(value, "System.Boolean", &self.at(name))),
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

    /// The elements of a list, each read with its own path.
    pub(crate) fn each<T>(
        &self,
        name: &str,
        mut read: impl FnMut(&'a Json, String) -> Result<T, Refusal>,
    ) -> Result<Option<Vec<T>>, Refusal> {
        let Some(items) = self.list(name)? else {
            return Ok(None);
        };
        let path = self.at(name);
        items
            .iter()
            .enumerate()
            .map(|(at, item)| read(item, format!("{path}[{at}]")))
            .collect::<Result<_, _>>()
            .map(Some)
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
