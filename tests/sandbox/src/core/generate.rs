//! Plants a Core account: its chart and tax rules as the books have them, customers with their
//! counterparts in the books, and sales.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::account::{Account, Key, Settings, TaxRule};
use super::generate_sales::SaleMaker;
use super::seed::CoreAccountSeed;
use super::stamps;
use crate::chance::Chance;
use crate::counterparts::{self, Party};
use crate::json::{Json, Object};
use crate::seed::{Counterpart, CustomerSeed, SeedError};
use crate::xero::model::{Account as BooksAccount, TaxRate};
use crate::xero::organisation::Organisation;
use crate::xero::{Xero, standard};

/// A customer that sales can name.
#[derive(Debug, Clone)]
pub(crate) struct Customer {
    pub(crate) id: Uuid,
    pub(crate) company: String,
    pub(crate) email: String,
    /// Whether generated sales may fall on it.
    pub(crate) ordinary: bool,
}

/// Plants one account and the counterparts of its customers.
pub(crate) fn account(
    seed: &CoreAccountSeed,
    xero: &mut Xero,
    past: Timestamp,
    mut chance: Chance,
) -> Result<Account, SeedError> {
    let zone = TimeZone::get(&seed.zone)
        .map_err(|why| SeedError::Misfit(format!("`{}` is no time zone: {why}", seed.zone)))?;
    let mut books = xero.find_mut(&seed.books);
    if books.is_none() && !seed.books.is_empty() {
        return Err(SeedError::Misfit(format!(
            "no organisation is named `{}`",
            seed.books
        )));
    }
    let (rates, chart) = match books.as_deref() {
        Some(books) => (books.tax_rates.clone(), books.accounts.clone()),
        None => {
            let chart = standard::accounts();
            let chart = chart
                .iter()
                .map(|it| standard::account(it, past, &mut chance));
            (standard::tax_rates("AU"), chart.collect())
        }
    };
    let mut account = Account {
        account_id: seed.account_id,
        keys: seed
            .keys
            .iter()
            .map(|it| Key {
                key: it.key.clone(),
                limits: it.limits,
                recent: Default::default(),
            })
            .collect(),
        settings: Settings {
            company: seed.company.clone(),
            zone: seed.zone.clone(),
            currency: seed.currency.clone(),
            tax_method: seed.tax_method,
            lock_date: seed.lock_date,
        },
        behaviour: seed.behaviour.clone(),
        sales: Default::default(),
        customers: BTreeMap::new(),
        chart: chart.iter().map(chart_row).collect(),
        tax_rules: rates.iter().map(|it| tax_rule(it, &mut chance)).collect(),
        refusals: 0,
    };
    let mut customers = Vec::new();
    for customer in &seed.customers {
        let books = books.as_deref_mut();
        let planted = plant(&mut account, customer, books, past, &mut chance);
        customers.push(planted);
    }
    for (at, company) in names(seed.generate.contacts, &customers)
        .into_iter()
        .enumerate()
    {
        let customer = CustomerSeed {
            company,
            xero: match at % 3 {
                0 => Counterpart::ByName,
                1 => Counterpart::ByNumber,
                _ => Counterpart::ById,
            },
            ..CustomerSeed::default()
        };
        let books = books.as_deref_mut();
        let mut planted = plant(&mut account, &customer, books, past, &mut chance);
        planted.ordinary = true;
        customers.push(planted);
    }
    let day_rates = books
        .as_deref()
        .map(|it| it.day_rates.clone())
        .unwrap_or_default();
    let options = |at: usize| -> Vec<String> {
        books
            .as_deref()
            .and_then(|it| it.tracking.get(at))
            .map(|it| it.options.iter().map(|it| it.name.clone()).collect())
            .unwrap_or_default()
    };
    let (locations, people) = (options(0), options(1));
    SaleMaker::new(seed, zone, day_rates, customers)
        .tracked(locations, people)
        .plant(&mut account)?;
    for document in &seed.sales {
        let Json::Obj(document) = document.clone() else {
            return Err(SeedError::Misfit("a sale is not an object".to_owned()));
        };
        let at = document
            .get("LastModifiedOn")
            .and_then(Json::as_str)
            .and_then(crate::omni::filter::instant)
            .unwrap_or(past);
        if account.put_sale(document, at).is_none() {
            return Err(SeedError::Misfit(
                "a sale has no `ID` that is a GUID".to_owned(),
            ));
        }
    }
    Ok(account)
}

fn chart_row(account: &BooksAccount) -> Json {
    let class = match account.kind.as_str() {
        "REVENUE" | "SALES" | "OTHERINCOME" => "REVENUE",
        "EXPENSE" | "DIRECTCOSTS" | "OVERHEADS" | "DEPRECIATN" => "EXPENSE",
        "CURRLIAB" | "LIABILITY" | "TERMLIAB" => "LIABILITY",
        "EQUITY" => "EQUITY",
        _ => "ASSET",
    };
    let system = account.system_account.as_deref();
    let named = system.map(|it| match it {
        "DEBTORS" => "Accounts receivable",
        "CREDITORS" => "Accounts payable",
        "GST" => "GST / VAT",
        "ROUNDING" => "Rounding",
        "HISTORICAL" => "Historical adjustment",
        "RETAINEDEARNINGS" => "Retained earnings",
        "REALISEDCURRENCYGAIN" => "Realized currency gains",
        "UNREALISEDCURRENCYGAIN" => "Unrealized currency gains",
        "BANKCURRENCYGAIN" => "Bank revaluations",
        other => other,
    });
    Json::Obj(
        Object::new()
            .with("Code", account.code.as_str())
            .with("Name", account.name.as_str())
            .with("DisplayName", format!("{}: {}", account.code, account.name))
            .with("Type", account.kind.as_str())
            .with("Class", class)
            .with("Status", account.status.as_str())
            .with("Description", "")
            .with("SystemAccount", named)
            .with("SystemAccountCode", system)
            .with("ForPayments", account.enable_payments_to_account)
            .with("BankAccountNumber", account.bank_account_number.clone())
            .with("Currency", Json::Null)
            .with("OldCode", Json::Null),
    )
}

fn tax_rule(rate: &TaxRate, chance: &mut Chance) -> TaxRule {
    let fits = |class: &str| rate.classes.iter().any(|it| it == class);
    TaxRule {
        id: chance.guid(),
        name: rate.name.clone(),
        percent: rate.rate,
        for_sale: fits("REVENUE"),
        for_purchase: fits("EXPENSE"),
    }
}

fn plant(
    account: &mut Account,
    seed: &CustomerSeed,
    books: Option<&mut Organisation>,
    past: Timestamp,
    chance: &mut Chance,
) -> Customer {
    let serial = account.customers.len().saturating_add(101);
    let id = chance.guid();
    let number = seed
        .account_number
        .clone()
        .unwrap_or_else(|| format!("C{serial}"));
    let slug: String = seed
        .company
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|it| it.to_ascii_lowercase())
        .collect();
    let email = format!("accounts@{slug}.example");
    let minutes = i64::try_from(serial).unwrap_or_default();
    let at = past
        .checked_add(SignedDuration::from_mins(minutes))
        .unwrap_or(past);
    // Core holds no id of the books at all. What links a contact for certain is its number there.
    let party = Party {
        company: seed.company.clone(),
        account_number: number.clone(),
        contact_number: id.to_string(),
        email: email.clone(),
    };
    if let Some(books) = books {
        counterparts::plant(books, &party, seed.xero, at, chance);
    }
    let mixed = account.behaviour.mixed_case_ids;
    let address = Object::new()
        .with("ID", chance.guid().to_string())
        .with("Line1", "1 Quay St")
        .with("Line2", Json::Null)
        .with("City", "Sydney")
        .with("State", "NSW")
        .with("Postcode", "2000")
        .with("Country", "Australia")
        .with("Type", "Billing")
        .with("DefaultForType", true);
    let contact = Object::new()
        .with("ID", chance.guid().to_string())
        .with("Name", "Jo Day")
        .with("JobTitle", Json::Null)
        .with("Phone", "02 5550 0100")
        .with("MobilePhone", "")
        .with("Fax", "")
        .with("Email", email.as_str())
        .with("Website", "")
        .with("Default", true)
        .with("Comment", "")
        .with("IncludeInEmail", true)
        .with("MarketingConsent", 1);
    let mut document = Object::new()
        .with("ID", stamps::id(id, mixed))
        .with("Name", seed.company.as_str())
        .with("DisplayName", seed.company.as_str())
        .with(
            "Status",
            if serial.is_multiple_of(7) {
                "ACTIVE"
            } else {
                "Active"
            },
        )
        .with("Currency", account.settings.currency.as_str())
        .with("PaymentTerm", "30 days")
        .with("AccountReceivable", "610")
        .with("RevenueAccount", "200")
        .with("TaxRule", "GST on Income")
        .with("Discount", 0)
        .with("CreditLimit", 0)
        .with("IsOnCreditHold", false)
        .with("TaxNumber", "51 824 753 556")
        .with("AttributeSet", "Customers")
        .with("AdditionalAttribute1", number);
    for at in 2..=10 {
        document.set(format!("AdditionalAttribute{at}"), Json::Null);
    }
    let document = document
        .with("Tags", Json::Null)
        .with("PriceTier", "Tier 1")
        .with("Carrier", "DEFAULT Carrier")
        .with("SalesRepresentative", "")
        .with("Location", "")
        .with("Comments", "")
        .with("IsLegalEntity", false)
        .with("CustomerParentID", Json::Null)
        .with("CustomerParentName", Json::Null)
        .with("IsBillParent", false)
        .with("ChildCustomers", Vec::new())
        .with("Addresses", vec![Json::Obj(address)])
        .with("Contacts", vec![Json::Obj(contact)]);
    let mut document = Json::Obj(document);
    if !seed.patch.is_null() {
        document.merge(seed.patch.clone());
    }
    if let Json::Obj(document) = document {
        account.put_customer(document, at);
    }
    Customer {
        id,
        company: seed.company.clone(),
        email,
        ordinary: false,
    }
}

fn names(count: usize, taken: &[Customer]) -> Vec<String> {
    const FIRST: &[&str] = &[
        "Amber",
        "Basalt",
        "Cedar",
        "Dockside",
        "Ember",
        "Foundry",
        "Gables",
        "Hillcrest",
        "Indigo",
        "Juniper",
        "Kestrel",
        "Larkspur",
        "Meridian",
        "Nimbus",
        "Orchard",
        "Pennant",
        "Quarry",
        "Rowan",
        "Slate",
        "Terrace",
        "Union",
        "Verbena",
        "Willow",
        "Yarrow",
    ];
    const SECOND: &[&str] = &[
        "Tea Rooms",
        "Roasters",
        "Bakery",
        "Grocers",
        "Pantry",
        "Bistro",
        "Provisions",
        "Deli",
        "Canteen",
        "Brewhouse",
        "Larder",
        "Market",
        "Kiosk",
        "Espresso",
        "Catering",
        "Patisserie",
    ];
    counterparts::made_up_names(count, FIRST, SECOND, |name| {
        taken.iter().any(|it| it.company == name)
    })
}
