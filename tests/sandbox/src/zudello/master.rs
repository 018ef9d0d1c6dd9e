//! The master data of a team, as it was last fetched from the books.
//!
//! Codes are the books' own: a tax rate's is its tax type, a location's is the id of an option of
//! the first tracking category, a subsidiary's of the second. What the books change later shows
//! here only after the next fetch, which nobody makes.

use jiff::Timestamp;
use rust_decimal::Decimal;

use super::arithmetic::money;
use super::team::{Row, Team};
use crate::chance::Chance;
use crate::json::{Json, Object};
use crate::seed::CustomerSeed;
use crate::xero::model::{Account, Item, TaxRate, TrackingCategory};
use crate::xero::organisation::Organisation;
use crate::xero::standard;

/// Every resource of master data by its usual name.
pub(crate) const RESOURCES: &[&str] = &[
    "customers",
    "suppliers",
    "accounts",
    "tax-rates",
    "items",
    "currencies",
    "locations",
    "subsidiaries",
    "payment-terms",
];

/// Goods: code, description and price in cents.
pub(crate) const GOODS: &[(&str, &str, i64)] = &[
    ("BURR-64", "Grinder burr set", 7500),
    ("PORTA-58", "Portafilter 58 mm", 14_950),
    ("TAMP-58", "Tamper 58 mm", 6490),
    ("BASK-18", "Filter basket 18 g", 3290),
    ("JUG-600", "Milk jug 600 ml", 4100),
    ("GSKT-85", "Group gasket", 1275),
    ("SHOW-IMS", "Shower screen", 2885),
    ("CUP-ESP", "Espresso cup", 895),
    ("BEAN-1K", "House blend 1 kg", 3850),
    ("DESC-2L", "Descaler 2 l", 2420),
];

/// Puts in what is fetched from the books; without books, an Australian standard chart.
pub(crate) fn fetch(
    team: &mut Team,
    books: Option<&mut Organisation>,
    past: Timestamp,
    chance: &mut Chance,
) {
    let mut put = |resource: &str, document: Object, chance: &mut Chance| {
        let row = Row {
            uuid: chance.guid(),
            created: past,
            updated: past,
            owner: "fetch".to_owned(),
            round: 0,
            document: document.into(),
        };
        team.put_resource(resource, row);
    };
    let (accounts, rates, mut currencies, tracking) = match &books {
        Some(books) => (
            books.accounts.clone(),
            books.tax_rates.clone(),
            books.currencies.clone(),
            books.tracking.clone(),
        ),
        None => (
            standard::accounts()
                .iter()
                .map(|it| standard::account(it, past, chance))
                .collect(),
            standard::tax_rates("AU"),
            Vec::new(),
            Vec::new(),
        ),
    };
    accounts
        .iter()
        .for_each(|it| put("accounts", account(it), chance));
    rates
        .iter()
        .for_each(|it| put("tax-rates", tax_rate(it), chance));
    let home = team_currency(&mut currencies, books.as_deref());
    if currencies.is_empty() {
        currencies.push(home.unwrap_or_else(|| "AUD".to_owned()));
    }
    for code in &currencies {
        let document = Object::new()
            .with("external_id", Json::Null)
            .with("code", code.as_str())
            .with("name", code.as_str())
            .with("symbol", code.as_str())
            .with("status", "ACTIVE");
        put("currencies", document, chance);
    }
    for (resource, category) in ["locations", "subsidiaries"].iter().zip(&tracking) {
        for option in options(category) {
            put(resource, option, chance);
        }
    }
    for (sku, description, cents) in GOODS {
        let document = Object::new()
            .with("external_id", Json::Null)
            .with("sku", *sku)
            .with("description", *description)
            .with("short_description", *description)
            .with("purchase_price", Json::Null)
            .with("sell_price", money(Decimal::new(*cents, 2)))
            .with("tax_rate", Json::Null)
            .with("status", "ACTIVE");
        put("items", document, chance);
    }
    for (code, name, days) in [("N30", "30 days", 30), ("N7", "7 days", 7)] {
        let document = Object::new()
            .with("external_id", Json::Null)
            .with("code", code)
            .with("name", name)
            .with("type", "DAYS_AFTER_DATE")
            .with("unit", days)
            .with("status", "ACTIVE");
        put("payment-terms", document, chance);
    }
    if let Some(books) = books {
        // Items flow both ways: what is sold here is known there.
        for (sku, description, cents) in GOODS {
            if books.item(sku).is_none() {
                books.items.push(Item {
                    id: chance.guid(),
                    code: (*sku).to_owned(),
                    name: (*description).to_owned(),
                    sales_price: Some(Decimal::new(*cents, 2)),
                    is_tracked_as_inventory: false,
                    updated: past,
                });
            }
        }
    }
}

fn team_currency(currencies: &mut [String], books: Option<&Organisation>) -> Option<String> {
    currencies.sort();
    books.map(|it| it.profile.base_currency.clone())
}

fn active(status: &str) -> &'static str {
    if status == "ACTIVE" {
        "ACTIVE"
    } else {
        "INACTIVE"
    }
}

fn account(held: &Account) -> Object {
    Object::new()
        .with("external_id", held.id.to_string())
        .with("code", held.code.as_str())
        .with("name", held.name.as_str())
        .with("account_type", held.kind.as_str())
        .with("status", active(&held.status))
}

fn tax_rate(held: &TaxRate) -> Object {
    Object::new()
        .with("external_id", Json::Null)
        .with("code", held.tax_type.as_str())
        .with("name", held.name.as_str())
        .with("rate", Json::Str(held.rate.normalize().to_string()))
        .with("status", active(&held.status))
}

fn options(category: &TrackingCategory) -> Vec<Object> {
    let option = |it: &crate::xero::model::TrackingOption| {
        Object::new()
            .with("external_id", it.id.to_string())
            .with("code", it.id.to_string())
            .with("name", it.name.as_str())
            .with("status", active(&it.status))
    };
    category.options.iter().map(option).collect()
}

/// A customer as Zudello holds it.
pub(crate) fn customer(
    seed: &CustomerSeed,
    code: &str,
    email: &str,
    external_id: Option<String>,
) -> Json {
    let person = Object::new().with("email", email);
    let mut document = Json::Obj(
        Object::new()
            .with("external_id", external_id)
            .with("code", code)
            .with("legal_name", seed.company.as_str())
            .with("trading_name", seed.company.as_str())
            .with("tax_number", Json::Null)
            .with("status", "ACTIVE")
            .with("account_number", Json::Null)
            .with("accounts", Vec::new())
            .with("tax_rate", Json::Null)
            .with("emails", vec![Json::Obj(person)])
            .with("phones", Vec::new())
            .with("location", Json::Null)
            .with("subsidiary", Json::Null),
    );
    if !seed.patch.is_null() {
        document.merge(seed.patch.clone());
    }
    document
}
