//! Plants a team: master data out of the books, customers with their counterparts there, documents.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::generate_notes::NoteMaker;
use super::master;
use super::seed::TeamSeed;
use super::team::{Row, Team};
use crate::chance::Chance;
use crate::counterparts::{self, Party};
use crate::json::{Json, Object};
use crate::seed::{Counterpart, CustomerSeed, SeedError};
use crate::xero::Xero;
use crate::xero::organisation::{Organisation, Shelf, name_key};

const FIRST: &[&str] = &[
    "Harbour",
    "Foundry",
    "Paddock",
    "Lantern",
    "Compass",
    "Orchard",
    "Tramway",
    "Velvet",
    "Sandstone",
    "Magpie",
    "Cobalt",
    "Juniper",
    "Meridian",
    "Rosella",
    "Tallow",
    "Wharfside",
];
const SECOND: &[&str] = &[
    "Espresso",
    "Roasters",
    "Bakery",
    "Canteen",
    "Kiosk",
    "Brew Bar",
    "Larder",
    "Diner",
    "Bistro",
    "Catering",
    "Coffee Cart",
    "Pantry",
];

/// A customer that documents can name.
#[derive(Debug, Clone)]
pub(crate) struct Customer {
    pub(crate) uuid: Uuid,
    pub(crate) name: String,
    /// Whether generated documents may fall on it.
    pub(crate) ordinary: bool,
}

/// Plants one team and the counterparts of its customers.
pub(crate) fn team(
    seed: &TeamSeed,
    xero: &mut Xero,
    past: Timestamp,
    mut chance: Chance,
) -> Result<Team, SeedError> {
    let mut team = Team {
        organisation: seed.organisation.unwrap_or_else(|| chance.guid()),
        uuid: seed.team.unwrap_or_else(|| chance.guid()),
        name: seed.name.clone(),
        currency: seed.currency.clone(),
        keys: seed.keys.clone(),
        contract: seed.contract.clone(),
        workflow: seed.workflow.clone(),
        transactions: Shelf::default(),
        resources: BTreeMap::new(),
        notes: Vec::new(),
        refusals: 0,
    };
    let mut books = xero.find_mut(&seed.books);
    if books.is_none() && !seed.books.is_empty() {
        return Err(SeedError::Misfit(format!(
            "no organisation is named `{}`",
            seed.books
        )));
    }
    master::fetch(&mut team, books.as_deref_mut(), past, &mut chance);
    let mut customers = Vec::new();
    for customer in &seed.customers {
        let books = books.as_deref_mut();
        let planted = plant(&mut team, customer, books, past, false, &mut chance)?;
        customers.push(planted);
    }
    let names = counterparts::made_up_names(seed.generate.contacts, FIRST, SECOND, |name| {
        customers.iter().any(|it| it.name == name)
            || books
                .as_deref()
                .is_some_and(|it| it.contacts.find(&name_key(name)).next().is_some())
    });
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
        let planted = plant(&mut team, &customer, books, past, true, &mut chance)?;
        customers.push(planted);
    }
    supplier(&mut team, past, &mut chance);
    NoteMaker::new(seed, customers).plant(&mut team)?;
    Ok(team)
}

fn plant(
    team: &mut Team,
    seed: &CustomerSeed,
    books: Option<&mut Organisation>,
    past: Timestamp,
    ordinary: bool,
    chance: &mut Chance,
) -> Result<Customer, SeedError> {
    let serial = team.resources.get("customers").map_or(0, Shelf::len);
    let code = seed
        .account_number
        .clone()
        .unwrap_or_else(|| format!("ZC{}", serial.saturating_add(1001)));
    let slug: String = seed
        .company
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|it| it.to_ascii_lowercase())
        .collect();
    let email = format!("accounts@{slug}.example");
    let minutes = i64::try_from(serial).unwrap_or(i64::MAX);
    let at = past
        .checked_add(SignedDuration::from_mins(minutes))
        .unwrap_or(past);
    let party = Party {
        company: seed.company.clone(),
        account_number: code.clone(),
        contact_number: String::new(),
        email: email.clone(),
    };
    let known = books
        .and_then(|books| counterparts::plant(books, &party, seed.xero, at, chance))
        .map(|it| it.to_string());
    let uuid = chance.guid();
    let mut document = master::customer(seed, &code, &email, known);
    relate(team, &mut document, CUSTOMER_RELATIONS)?;
    let row = Row {
        uuid,
        created: past,
        updated: at,
        owner: "fetch".to_owned(),
        round: 0,
        document,
    };
    team.put_resource("customers", row);
    Ok(Customer {
        uuid,
        name: seed.company.clone(),
        ordinary,
    })
}

fn supplier(team: &mut Team, past: Timestamp, chance: &mut Chance) {
    let document = Object::new()
        .with("external_id", Json::Null)
        .with("code", "ZS1001")
        .with("legal_name", "Crate & Carton Packaging")
        .with("trading_name", "Crate & Carton")
        .with("tax_number", Json::Null)
        .with("status", "ACTIVE")
        .with("currency", Json::Null)
        .with("payment_term", Json::Null);
    let row = Row {
        uuid: chance.guid(),
        created: past,
        updated: past,
        owner: "fetch".to_owned(),
        round: 0,
        document: document.into(),
    };
    team.put_resource("suppliers", row);
}

/// Relations of a customer and the resources that they point into.
pub(crate) const CUSTOMER_RELATIONS: &[(&str, &str)] = &[
    ("tax_rate", "tax-rates"),
    ("location", "locations"),
    ("subsidiary", "subsidiaries"),
];

/// Relations of a document's header.
pub(crate) const HEADER_RELATIONS: &[(&str, &str)] = &[
    ("customer", "customers"),
    ("supplier", "suppliers"),
    ("currency", "currencies"),
    ("location", "locations"),
    ("subsidiary", "subsidiaries"),
];

/// Relations of a line.
pub(crate) const LINE_RELATIONS: &[(&str, &str)] = &[
    ("item", "items"),
    ("account", "accounts"),
    ("tax_rate", "tax-rates"),
    ("location", "locations"),
    ("subsidiary", "subsidiaries"),
];

/// Turns relations that are given by code or name into UUIDs. Objects stay as they are.
pub(crate) fn relate(
    team: &Team,
    document: &mut Json,
    relations: &[(&str, &str)],
) -> Result<(), SeedError> {
    let Json::Obj(object) = document else {
        return Ok(());
    };
    for (name, resource) in relations {
        let Some(Json::Str(given)) = object.get_mut(name) else {
            continue;
        };
        if Uuid::parse_str(given).is_ok() && team.resource(resource, given).is_some() {
            continue;
        }
        // A location's code is a UUID too, so the code is looked for among the others as well.
        let held = team
            .resources
            .get(*resource)
            .and_then(|shelf| shelf.find(given).next().map(|it| it.uuid.to_string()));
        *given = held.ok_or_else(|| {
            SeedError::Misfit(format!(
                "the team {} has no {name} `{given}`; its {resource} come from the books",
                team.name
            ))
        })?;
    }
    Ok(())
}

/// The same for a document with its lines.
pub(crate) fn relate_document(team: &Team, document: &mut Json) -> Result<(), SeedError> {
    relate(team, document, HEADER_RELATIONS)?;
    if let Json::Obj(object) = document
        && let Some(Json::Arr(lines)) = object.get_mut("lines")
    {
        for line in lines {
            relate(team, line, LINE_RELATIONS)?;
        }
    }
    Ok(())
}
