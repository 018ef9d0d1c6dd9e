//! Makes a world of a seed.

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::calls::CallLog;
use crate::chance::Chance;
use crate::core::Core;
use crate::faults::Faults;
use crate::json::Json;
use crate::omni::{Omni, generate};
use crate::seed::{OrganisationSeed, Seed, SeedError};
use crate::world::{Cx, State};
use crate::xero::by_hand;
use crate::xero::document_model::{CreditNote, Invoice};
use crate::xero::documents::Document;
use crate::xero::lines::Findings;
use crate::xero::model::{Item, TaxRate, TrackingCategory, TrackingOption};
use crate::xero::organisation::{Organisation, Profile, Shelf};
use crate::xero::undo::Undo;
use crate::xero::{Xero, bind, contacts, standard};
use crate::zudello::Zudello;

/// Plants a seed. What it holds was there some months before `now`.
pub(crate) fn plant(seed: &Seed, now: Timestamp) -> Result<State, SeedError> {
    let past = now
        .checked_sub(SignedDuration::from_hours(24 * 180))
        .unwrap_or(now);
    let mut xero = Xero::default();
    xero.apps.clone_from(&seed.xero.apps);
    xero.latency_ms = seed.xero.latency_ms;
    let mut chance = Chance::named(seed.chance, "xero");
    xero.user = chance.guid();
    for organisation in &seed.xero.organisations {
        let mut chance = Chance::named(seed.chance, &organisation.name);
        xero.organisations
            .push(plant_organisation(organisation, past, &mut chance)?);
    }
    for consent in &seed.xero.consents {
        let tenants = consent
            .organisations
            .iter()
            .map(|name| {
                xero.find(name).map(|it| it.tenant_id).ok_or_else(|| {
                    SeedError::Misfit(format!("a consent names an unknown organisation `{name}`"))
                })
            })
            .collect::<Result<Vec<Uuid>, _>>()?;
        let user = Some(xero.user);
        let id = xero.tokens.consent(
            &consent.app,
            user,
            &consent.scope,
            &tenants,
            past,
            &mut chance,
        );
        if !consent.refresh_token.is_empty() {
            xero.tokens
                .put_refresh(consent.refresh_token.clone(), id, now);
        }
    }
    let mut omni = Omni {
        latency_ms: seed.omni.latency_ms,
        ..Omni::default()
    };
    for account in &seed.omni.accounts {
        let chance = Chance::named(seed.chance, &account.username);
        omni.accounts
            .push(generate::account(account, &mut xero, past, chance)?);
    }
    let mut core = Core {
        latency_ms: seed.core.latency_ms,
        ..Core::default()
    };
    for account in &seed.core.accounts {
        let chance = Chance::named(seed.chance, &account.company);
        core.accounts.push(crate::core::generate::account(
            account, &mut xero, past, chance,
        )?);
    }
    let mut zudello = Zudello {
        latency_ms: seed.zudello.latency_ms,
        ..Zudello::default()
    };
    for team in &seed.zudello.teams {
        let chance = Chance::named(seed.chance, &team.name);
        zudello.teams.push(crate::zudello::generate::team(
            team, &mut xero, past, chance,
        )?);
    }
    // Only now: the other vendors have borrowed the chart as it was.
    for (held, organisation) in xero.organisations.iter_mut().zip(&seed.xero.organisations) {
        let mut chance = Chance::named(seed.chance, &format!("{} accounts", organisation.name));
        let standard = organisation.accounts.is_empty() && organisation.more_accounts.is_empty();
        let more = if standard {
            standard::more_accounts()
        } else {
            organisation.more_accounts.clone()
        };
        let more = more.iter();
        let accounts = more.map(|it| standard::account(it, past, &mut chance));
        held.accounts.extend(accounts);
    }
    let mut calls = CallLog::default();
    if let Some(keep) = seed.keep_calls {
        calls.keep(keep);
    }
    Ok(State {
        now,
        revision: 0,
        chance: Chance::named(seed.chance, "run"),
        faults: Faults(seed.faults.clone()),
        xero,
        omni,
        core,
        zudello,
        calls,
        last_rows: Default::default(),
    })
}

fn plant_organisation(
    seed: &OrganisationSeed,
    past: Timestamp,
    chance: &mut Chance,
) -> Result<Organisation, SeedError> {
    let accounts = if seed.accounts.is_empty() {
        standard::accounts()
    } else {
        seed.accounts.clone()
    };
    let mut tax_rates = standard::tax_rates(&seed.country);
    tax_rates.extend(seed.tax_rates.iter().map(|it| TaxRate {
        name: it.name.clone(),
        tax_type: it.tax_type.clone(),
        rate: it.rate,
        report_tax_type: "OUTPUT".to_owned(),
        status: "ACTIVE".to_owned(),
        classes: it.classes.clone(),
    }));
    let mut currencies = vec![seed.base_currency.clone()];
    currencies.extend(
        seed.currencies
            .iter()
            .filter(|it| **it != seed.base_currency)
            .cloned(),
    );
    let tenant_id = seed.tenant_id.unwrap_or_else(|| chance.guid());
    let tracking = seed
        .tracking
        .iter()
        .map(|category| TrackingCategory {
            id: chance.guid(),
            name: category.name.clone(),
            status: "ACTIVE".to_owned(),
            options: category
                .options
                .iter()
                .map(|name| TrackingOption {
                    id: chance.guid(),
                    name: name.clone(),
                    status: "ACTIVE".to_owned(),
                })
                .collect(),
        })
        .collect();
    let mut organisation = Organisation {
        tenant_id,
        profile: Profile {
            name: seed.name.clone(),
            legal_name: seed.name.clone(),
            short_code: seed.short_code.clone(),
            base_currency: seed.base_currency.clone(),
            country_code: seed.country.clone(),
            timezone: seed.timezone.clone(),
            version: seed.country.clone(),
            class: seed.class.clone(),
            is_demo_company: seed.demo,
            period_lock_date: None,
            end_of_year_lock_date: None,
            created: past,
        },
        switches: seed.switches.clone(),
        limits: seed.limits,
        day_rates: seed.day_rates.clone(),
        accounts: accounts
            .iter()
            .map(|it| standard::account(it, past, chance))
            .collect(),
        tax_rates,
        tracking,
        currencies,
        items: seed
            .items
            .iter()
            .map(|it| Item {
                id: chance.guid(),
                code: it.code.clone(),
                name: if it.name.is_empty() {
                    it.code.clone()
                } else {
                    it.name.clone()
                },
                sales_price: None,
                is_tracked_as_inventory: it.tracked,
                updated: past,
            })
            .collect(),
        contacts: Shelf::default(),
        credit_notes: Shelf::default(),
        invoices: Shelf::default(),
        payments: Shelf::default(),
        manual_journals: Shelf::default(),
        next_credit_note: 1,
        next_invoice: 1,
        windows: Default::default(),
        under_way: Default::default(),
    };
    let mut cx = Cx::new(past, chance);
    for json in &seed.contacts {
        plant_contact(&mut organisation, json, &mut cx)?;
    }
    for json in &seed.credit_notes {
        plant_document::<CreditNote>(&mut organisation, json, &mut cx)?;
    }
    for json in &seed.invoices {
        plant_document::<Invoice>(&mut organisation, json, &mut cx)?;
    }
    // Locked only now: what is in the books was posted while the period was open.
    organisation.profile.period_lock_date = seed.period_lock_date;
    organisation.profile.end_of_year_lock_date = seed.end_of_year_lock_date;
    Ok(organisation)
}

fn plant_contact(
    organisation: &mut Organisation,
    json: &Json,
    cx: &mut Cx<'_>,
) -> Result<(), SeedError> {
    let misfit = |why: &str| SeedError::Misfit(format!("the contact {json} {why}"));
    let sent = bind::contact(json, "Contact".to_owned(), cx)
        .map_err(|why| misfit(&format!("cannot be read: {why:?}")))?;
    let archived = sent.status.as_deref() == Some("ARCHIVED");
    let given = sent.id;
    let mut sent = sent;
    sent.status = None;
    let mut found = Findings::default();
    let id = contacts::save(
        organisation,
        &sent,
        None,
        &mut Undo::default(),
        cx,
        &mut found,
    )
    .ok_or_else(|| misfit(&format!("is refused: {}", found.errors.join(" "))))?;
    if let Some(mut contact) = organisation.contacts.take(id) {
        if archived {
            contact.contact_status = "ARCHIVED".to_owned();
        }
        contact.id = given.unwrap_or(id);
        contact.merged_to = json
            .get("MergedToContactID")
            .and_then(Json::as_str)
            .and_then(|it| Uuid::parse_str(it).ok());
        organisation.contacts.put(contact);
    }
    Ok(())
}

fn plant_document<T: Document>(
    organisation: &mut Organisation,
    json: &Json,
    cx: &mut Cx<'_>,
) -> Result<(), SeedError> {
    by_hand::document::<T>(organisation, json, cx).map_err(|why| SeedError::Misfit(why.to_string()))
}
