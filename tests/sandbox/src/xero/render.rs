//! The API's shapes of what an organisation holds.

use rust_decimal::Decimal;

use super::dates::{date_ms, instant_ms, instant_text};
use super::model::{Account, Contact, HistoryRecord, Item, TaxRate, TrackingCategory};
use super::organisation::{Organisation, Profile};
use crate::json::{Json, Object};

/// How much of a document an answer shows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View {
    /// Lists without `page` leave lines and most of the contact out.
    pub(crate) whole: bool,
    /// `summaryOnly`: without lines and payments.
    pub(crate) summary: bool,
    /// Decimals of unit amounts.
    pub(crate) unit_places: u32,
}

impl View {
    /// Everything, to the last decimal.
    pub(crate) const WHOLE: Self = Self {
        whole: true,
        summary: false,
        unit_places: 4,
    };
}

pub(super) fn money(value: Decimal) -> Json {
    Json::fixed(value, 2)
}

pub(super) fn empty() -> Json {
    Json::Arr(Vec::new())
}

/// A contact. Lists without `page` show the short form, `summaryOnly` a middle one.
pub(crate) fn contact(contact: &Contact, whole: bool, summary: bool) -> Object {
    let mut object = Object::new()
        .with("ContactID", contact.id.to_string())
        .with("ContactStatus", contact.contact_status.as_str())
        .with("Name", contact.name.as_str())
        .with("FirstName", contact.first_name.as_str())
        .with("LastName", contact.last_name.as_str())
        .with("EmailAddress", contact.email_address.as_str());
    if !contact.contact_number.is_empty() {
        object.set("ContactNumber", contact.contact_number.as_str());
    }
    if !contact.account_number.is_empty() {
        object.set("AccountNumber", contact.account_number.as_str());
    }
    if whole && let Some(winner) = contact.merged_to {
        object.set("MergedToContactID", winner.to_string());
    }
    if let Some(other) = contact.other.as_object() {
        for (name, value) in other.iter() {
            let heavy = matches!(
                name,
                "Addresses"
                    | "ContactPersons"
                    | "SalesDefaultAccountCode"
                    | "PurchasesDefaultAccountCode"
                    | "SalesTrackingCategories"
                    | "PurchasesTrackingCategories"
            );
            if whole && !(summary && heavy) {
                object.set(name.to_owned(), value.clone());
            }
        }
    }
    if !summary {
        for list in ["Addresses", "Phones", "ContactGroups", "ContactPersons"] {
            if object.get(list).is_none() {
                object.set(list, empty());
            }
        }
        object.set("IsSupplier", contact.is_supplier);
        object.set("IsCustomer", contact.is_customer);
    }
    object.set("UpdatedDateUTC", instant_ms(contact.updated));
    object.set("HasAttachments", false);
    object.set("HasValidationErrors", false);
    object
}

/// An account.
pub(crate) fn account(account: &Account) -> Json {
    let mut object = Object::new()
        .with("AccountID", account.id.to_string())
        .with("Code", account.code.as_str())
        .with("Name", account.name.as_str())
        .with("Status", account.status.as_str())
        .with("Type", account.kind.as_str())
        .with("TaxType", account.tax_type.as_str())
        .with("Class", account.class())
        .with(
            "EnablePaymentsToAccount",
            account.enable_payments_to_account,
        )
        .with("ShowInExpenseClaims", false)
        .with("ReportingCode", "")
        .with("HasAttachments", false)
        .with("UpdatedDateUTC", instant_ms(account.updated))
        .with("AddToWatchlist", false);
    if let Some(number) = &account.bank_account_number {
        object.set("BankAccountNumber", number.as_str());
        object.set("BankAccountType", "BANK");
    } else {
        object.set("BankAccountType", "");
    }
    if let Some(system) = &account.system_account {
        object.set("SystemAccount", system.as_str());
    }
    object.into()
}

/// An item.
pub(crate) fn item(held: &Item) -> Json {
    let tracked = held.is_tracked_as_inventory;
    let mut sales = Object::new();
    if let Some(price) = held.sales_price {
        sales.set("UnitPrice", Json::fixed(price, 4));
    }
    Object::new()
        .with("ItemID", held.id.to_string())
        .with("Code", held.code.as_str())
        .with("Name", held.name.as_str())
        .with("Description", held.name.as_str())
        .with("UpdatedDateUTC", instant_ms(held.updated))
        .with("PurchaseDetails", Object::new())
        .with("SalesDetails", sales)
        .with("IsTrackedAsInventory", tracked)
        .with("IsSold", true)
        .with("IsPurchased", true)
        .into()
}

/// A tax rate.
pub(crate) fn tax_rate(rate: &TaxRate) -> Json {
    let component = Object::new()
        .with("Name", "GST")
        .with("Rate", Json::fixed(rate.rate, 4))
        .with("IsCompound", false)
        .with("IsNonRecoverable", false);
    Object::new()
        .with("Name", rate.name.as_str())
        .with("TaxType", rate.tax_type.as_str())
        .with("ReportTaxType", rate.report_tax_type.as_str())
        .with("CanApplyToAssets", rate.applies_to("ASSET"))
        .with("CanApplyToEquity", rate.applies_to("EQUITY"))
        .with("CanApplyToExpenses", rate.applies_to("EXPENSE"))
        .with("CanApplyToLiabilities", rate.applies_to("LIABILITY"))
        .with("CanApplyToRevenue", rate.applies_to("REVENUE"))
        .with("DisplayTaxRate", Json::fixed(rate.rate, 4))
        .with("EffectiveRate", Json::fixed(rate.rate, 4))
        .with("Status", rate.status.as_str())
        .with("TaxComponents", vec![component.into()])
        .into()
}

/// A tracking category with the options that are asked for.
pub(crate) fn tracking(category: &TrackingCategory, archived: bool) -> Json {
    let options: Vec<Json> = category
        .options
        .iter()
        .filter(|it| archived || it.status == "ACTIVE")
        .map(|it| {
            Object::new()
                .with("TrackingOptionID", it.id.to_string())
                .with("Name", it.name.as_str())
                .with("Status", it.status.as_str())
                .with("HasValidationErrors", false)
                .with("IsDeleted", false)
                .with("IsArchived", it.status == "ARCHIVED")
                .with("IsActive", it.status == "ACTIVE")
                .into()
        })
        .collect();
    Object::new()
        .with("Name", category.name.as_str())
        .with("Status", category.status.as_str())
        .with("TrackingCategoryID", category.id.to_string())
        .with("Options", options)
        .into()
}

/// The organisation.
pub(crate) fn organisation(organisation: &Organisation) -> Json {
    let Profile {
        name,
        legal_name,
        short_code,
        base_currency,
        country_code,
        timezone,
        version,
        class,
        is_demo_company,
        period_lock_date,
        end_of_year_lock_date,
        created,
    } = &organisation.profile;
    let mut object = Object::new()
        .with("Name", name.as_str())
        .with("LegalName", legal_name.as_str())
        .with("PaysTax", true)
        .with("Version", version.as_str())
        .with("OrganisationType", "COMPANY")
        .with("BaseCurrency", base_currency.as_str())
        .with("CountryCode", country_code.as_str())
        .with("IsDemoCompany", *is_demo_company)
        .with("OrganisationStatus", "ACTIVE")
        .with("FinancialYearEndDay", 30)
        .with("FinancialYearEndMonth", 6)
        .with("SalesTaxBasis", "ACCRUALS")
        .with("SalesTaxPeriod", "QUARTERLY1")
        .with("DefaultSalesTax", "Tax Exclusive")
        .with("DefaultPurchasesTax", "Tax Inclusive");
    if let Some(date) = period_lock_date {
        object.set("PeriodLockDate", date_ms(*date));
    }
    if let Some(date) = end_of_year_lock_date {
        object.set("EndOfYearLockDate", date_ms(*date));
    }
    object
        .with("CreatedDateUTC", instant_ms(*created))
        .with("OrganisationEntityType", "COMPANY")
        .with("Timezone", timezone.as_str())
        .with("ShortCode", short_code.as_str())
        .with("OrganisationID", organisation.tenant_id.to_string())
        .with("Edition", "BUSINESS")
        .with("Class", class.as_str())
        .with("Addresses", empty())
        .with("Phones", empty())
        .with("ExternalLinks", empty())
        .with("PaymentTerms", Object::new())
        .into()
}

/// A history record.
pub(crate) fn history(record: &HistoryRecord) -> Json {
    Object::new()
        .with("Changes", record.changes.as_str())
        .with(
            "DateUTCString",
            instant_text(record.at).trim_end_matches('Z'),
        )
        .with("DateUTC", instant_ms(record.at))
        .with("User", record.user.as_str())
        .with("Details", record.details.as_str())
        .into()
}
