//! Plants an Omni account: named and made-up customers with their counterparts in the books, and
//! credit notes whose totals follow from their parts.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::account::{Account, Defaults, Key, Permission};
use super::maker::Maker;
use super::writing::{find, stamp};
use super::{fresh, generate_orders, generate_rest, generate_till};
use crate::chance::Chance;
use crate::counterparts::{self, Party};
use crate::json::{Json, Object};
use crate::omni::generate_notes::NoteMaker;
use crate::seed::{Counterpart, CustomerSeed, OmniAccountSeed, SeedError};
use crate::xero::Xero;
use crate::xero::organisation::Organisation;
use crate::xero::settings::DayRates;

/// A customer or supplier that documents can name.
#[derive(Debug, Clone)]
pub(crate) struct Customer {
    pub(crate) id: i64,
    pub(crate) company: String,
    pub(crate) email: String,
    /// Name of its alternative account, or null.
    pub(crate) cost_center: Json,
    /// Name of its tax rate, or null.
    pub(crate) tax_rate: Json,
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
        exports: seed.exports.clone(),
        ledger: seed.ledger.clone(),
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
    let mut taken = Vec::new();
    let mut plant_all = |account: &mut Account, role: Role, named: &[CustomerSeed], count| {
        let mut contacts = Vec::new();
        for one in named {
            let books = books.as_deref_mut();
            contacts.push(plant(account, one, role, books, past, &mut chance));
        }
        taken.extend(contacts.iter().map(|it: &Customer| it.company.clone()));
        let names = made_up_names(count, &taken);
        for (at, company) in names.into_iter().enumerate() {
            let xero = match at % 3 {
                0 => Counterpart::ById,
                1 => Counterpart::ByNumber,
                _ => Counterpart::ByName,
            };
            let one = CustomerSeed {
                company,
                xero,
                ..CustomerSeed::default()
            };
            let books = books.as_deref_mut();
            let mut contact = plant(account, &one, role, books, past, &mut chance);
            contact.ordinary = true;
            contacts.push(contact);
        }
        taken.extend(contacts.iter().map(|it| it.company.clone()));
        contacts
    };
    let generate = &seed.generate;
    let customers = plant_all(
        &mut account,
        Role::Customer,
        &seed.customers,
        generate.contacts,
    );
    let suppliers = plant_all(
        &mut account,
        Role::Supplier,
        &seed.suppliers,
        generate.suppliers,
    );
    bill_to(&mut account, seed)?;
    let day_rates = books
        .as_deref()
        .map(|it| it.day_rates.clone())
        .unwrap_or_default();
    account.defaults.day_rates.clone_from(&day_rates);
    let ground = Maker {
        seed,
        zone,
        day_rates,
        contacts: customers,
        chance: Chance::new(seed.generate.seed),
        next_line: 1,
        dealt: 0,
    };
    if trades(seed) {
        generate_rest::products(&mut account, past);
    }
    let batched = generate_orders::plant(&ground, suppliers, &mut account)?;
    NoteMaker::new(&ground).plant(&mut account)?;
    if seed.generate.sales > 0 {
        generate_orders::refer(&ground, &mut account);
    }
    generate_rest::plant(&ground, &batched, &mut account)?;
    generate_till::plant(&ground, &mut account)?;
    for document in &seed.documents {
        account.put(&document.resource, document.json.clone());
    }
    Ok(account)
}

/// Whether anything is made up that has products.
fn trades(seed: &OmniAccountSeed) -> bool {
    let generate = &seed.generate;
    generate.sales + generate.purchases + generate.adjustments > 0
        || !(seed.sales_orders.is_empty()
            && seed.purchase_orders.is_empty()
            && seed.tills.is_empty()
            && seed.adjustments.is_empty())
}

/// What a contact is to the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Customer,
    Supplier,
}

/// Names the contacts that are billed instead of others.
fn bill_to(account: &mut Account, seed: &OmniAccountSeed) -> Result<(), SeedError> {
    for (child, parent) in &seed.billed_to {
        let found = |company: &str| {
            find(account, "Contacts", "company", company).ok_or_else(|| {
                SeedError::Misfit(format!("`{company}` is billed or bills, but is no contact"))
            })
        };
        let (child, parent) = (found(child)?, found(parent)?);
        if let Some(Json::Obj(mut contact)) = account.document("Contacts", child) {
            contact.set("billingId", parent);
            fresh::name_parent(&mut contact, account);
            account.put("Contacts", contact.into());
        }
    }
    Ok(())
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
    role: Role,
    books: Option<&mut Organisation>,
    past: Timestamp,
    chance: &mut Chance,
) -> Customer {
    let id = account.next_id;
    let number = seed.account_number.clone().unwrap_or_else(|| match role {
        Role::Customer => format!("HG{id}"),
        Role::Supplier => format!("SU{id}"),
    });
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
        .with(
            "type",
            match role {
                Role::Customer => "Customer",
                Role::Supplier => "Supplier",
            },
        )
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
    let copied = |name: &str| contact.get(name).cloned().unwrap_or_default();
    let (cost_center, tax_rate) = (copied("costCenter"), copied("taxStatus"));
    account.put("Contacts", contact);
    Customer {
        id,
        company: seed.company.clone(),
        email,
        cost_center,
        tax_rate,
        ordinary: false,
    }
}

fn made_up_names(count: usize, taken: &[String]) -> Vec<String> {
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
        taken.iter().any(|it| it == name)
    })
}
