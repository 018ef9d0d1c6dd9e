//! Plants an Omni account: named and made-up customers with their counterparts in the books, and
//! credit notes whose totals follow from their parts.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::account::{Account, Defaults, Key, Permission};
use super::writing::stamp;
use crate::chance::Chance;
use crate::counterparts::{self, Party};
use crate::json::{Json, Object};
use crate::omni::generate_notes::NoteMaker;
use crate::seed::{Counterpart, CustomerSeed, OmniAccountSeed, SeedError};
use crate::xero::Xero;
use crate::xero::organisation::Organisation;
use crate::xero::settings::DayRates;

/// A customer that credit notes can name.
#[derive(Debug, Clone)]
pub(crate) struct Customer {
    pub(crate) id: i64,
    pub(crate) company: String,
    pub(crate) email: String,
    /// Whether generated notes may fall on it.
    pub(crate) ordinary: bool,
}

/// Plants one account and the counterparts of its customers.
pub(crate) fn account(
    seed: &OmniAccountSeed,
    xero: &mut Xero,
    past: Timestamp,
    mut chance: Chance,
) -> Result<Account, SeedError> {
    let zone = TimeZone::get(&seed.zone)
        .map_err(|why| SeedError::Misfit(format!("`{}` is no time zone: {why}", seed.zone)))?;
    let mut account = Account {
        username: seed.username.clone(),
        keys: seed
            .keys
            .iter()
            .map(|it| Key {
                key: it.key.clone(),
                permissions: if it.permissions.is_empty() {
                    let all = Permission {
                        read: true,
                        create: true,
                        update: true,
                    };
                    BTreeMap::from([("*".to_owned(), all)])
                } else {
                    it.permissions.clone()
                },
                limits: it.limits,
                recent: Default::default(),
            })
            .collect(),
        zone: seed.zone.clone(),
        behaviour: seed.behaviour.clone(),
        rows: BTreeMap::new(),
        next_id: 1,
        next_invoice: 1,
        defaults: Defaults {
            currency: seed.currency.clone(),
            tax_status: "Excl".to_owned(),
            tax_rate: seed.tax_rate_scale.of(seed.generate.tax_percent),
            day_rates: DayRates::new(),
        },
        refusals: 0,
    };
    branches_and_users(&mut account, past);
    let mut books = xero.find_mut(&seed.books);
    if books.is_none() && !seed.books.is_empty() {
        return Err(SeedError::Misfit(format!(
            "no organisation is named `{}`",
            seed.books
        )));
    }
    let mut customers = Vec::new();
    for customer in &seed.customers {
        let books = books.as_deref_mut();
        customers.push(plant(
            &mut account,
            customer,
            books,
            past,
            false,
            &mut chance,
        ));
    }
    let names = made_up_names(seed.generate.contacts, &customers);
    for (at, company) in names.into_iter().enumerate() {
        let xero = match at % 3 {
            0 => Counterpart::ById,
            1 => Counterpart::ByNumber,
            _ => Counterpart::ByName,
        };
        let customer = CustomerSeed {
            company,
            xero,
            ..CustomerSeed::default()
        };
        let books = books.as_deref_mut();
        customers.push(plant(
            &mut account,
            &customer,
            books,
            past,
            true,
            &mut chance,
        ));
    }
    let day_rates = books
        .as_deref()
        .map(|it| it.day_rates.clone())
        .unwrap_or_default();
    account.defaults.day_rates.clone_from(&day_rates);
    NoteMaker::new(seed, zone, day_rates, customers).plant(&mut account)?;
    for document in &seed.documents {
        account.put(&document.resource, document.json.clone());
    }
    Ok(account)
}

fn branches_and_users(account: &mut Account, past: Timestamp) {
    for (id, city) in [(3, "Sydney"), (4, "Melbourne"), (5, "Brisbane")] {
        let branch = Object::new()
            .with("id", id)
            .with("createdDate", stamp(past))
            .with("modifiedDate", stamp(past))
            .with("company", format!("{city} Warehouse"))
            .with("branchType", "Warehouse")
            .with("city", city)
            .with("country", "Australia")
            .with("isActive", true);
        account.put("Branches", branch.into());
    }
    for (id, name) in [(11, "Kim"), (12, "Alex")] {
        let user = Object::new()
            .with("id", id)
            .with("createdDate", stamp(past))
            .with("modifiedDate", stamp(past))
            .with("firstName", name)
            .with("lastName", "Harbour")
            .with(
                "email",
                format!("{}@harbourgoods.example", name.to_lowercase()),
            )
            .with("isActive", true);
        account.put("Users", user.into());
    }
    account.next_id = 1001;
}

fn plant(
    account: &mut Account,
    seed: &CustomerSeed,
    books: Option<&mut Organisation>,
    past: Timestamp,
    ordinary: bool,
    chance: &mut Chance,
) -> Customer {
    let id = account.next_id;
    let number = seed
        .account_number
        .clone()
        .unwrap_or_else(|| format!("HG{id}"));
    let slug: String = seed
        .company
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|it| it.to_ascii_lowercase())
        .collect();
    let email = format!("accounts@{slug}.example");
    let at = past
        .checked_add(SignedDuration::from_mins(id))
        .unwrap_or(past);
    let party = Party {
        company: seed.company.clone(),
        account_number: number.clone(),
        contact_number: String::new(),
        email: email.clone(),
    };
    let known = books
        .and_then(|books| counterparts::plant(books, &party, seed.xero, at, chance))
        .map(|it| it.to_string());
    let contact = Object::new()
        .with("id", id)
        .with("createdDate", stamp(past))
        .with("modifiedDate", stamp(at))
        .with("type", "Customer")
        .with("isActive", true)
        .with("company", seed.company.as_str())
        .with("firstName", "Jo")
        .with("lastName", "Day")
        .with("email", format!("jo{id}@{slug}.example"))
        .with("billingEmail", email.as_str())
        .with("accountNumber", number)
        .with("paymentTerms", "30 days")
        .with("taxStatus", Json::Null)
        .with("costCenter", Json::Null)
        .with("billingId", 0)
        .with("balanceOwing", Json::Num("0.0".into()))
        .with("address1", "1 Quay St")
        .with("city", "Sydney")
        .with("postCode", "2000")
        .with("country", "Australia")
        .with("secondaryContacts", Vec::new())
        .with("accountingIntegrationId", Object::new().with("xero", known));
    let mut contact = Json::Obj(contact);
    if !seed.patch.is_null() {
        contact.merge(seed.patch.clone());
    }
    account.put("Contacts", contact);
    Customer {
        id,
        company: seed.company.clone(),
        email,
        ordinary,
    }
}

fn made_up_names(count: usize, taken: &[Customer]) -> Vec<String> {
    const FIRST: &[&str] = &[
        "Wattle",
        "Banksia",
        "Coral",
        "Southern",
        "Granite",
        "Jacaranda",
        "Lighthouse",
        "Marlin",
        "Northside",
        "Opal",
        "Pelican",
        "Quayside",
        "Redgum",
        "Saltbush",
        "Tidal",
        "Kelp",
        "Boronia",
        "Currawong",
        "Driftwood",
        "Ironbark",
        "Galah",
        "Mulga",
        "Acacia",
        "Waratah",
    ];
    const SECOND: &[&str] = &[
        "Trading",
        "Outfitters",
        "Homewares",
        "Supplies",
        "Interiors",
        "Sports",
        "Kitchens",
        "Gifts",
        "Hardware",
        "Textiles",
        "Stationery",
        "Gardens",
        "Cellars",
        "Toys",
        "Books",
        "Surf",
    ];
    counterparts::made_up_names(count, FIRST, SECOND, |name| {
        taken.iter().any(|it| it.company == name)
    })
}
