//! Makes up documents: credit notes whose totals follow from their lines, and a few documents that
//! are nobody's to export yet.
//!
//! A clean note posts the same total from unit prices as from line totals. The named ones differ on
//! purpose: prices that have the tax in them where the totals have not, headers that somebody
//! changed by hand, credits below zero.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use rust_decimal::Decimal;

use super::arithmetic::{money, settle};
use super::generate::{Customer, relate_document};
use super::master::GOODS;
use super::seed::{Prices, TeamAmounts, TeamNoteSeed, TeamSeed};
use super::team::{Row, Team};
use crate::chance::Chance;
use crate::json::{Json, Object};
use crate::seed::SeedError;
use crate::xero::lines::round;

const FIRST_NUMBER: u64 = 1001;
const OWNERS: &[&str] = &["capture", "kim", "alex"];

/// Makes the documents of one team.
pub(crate) struct NoteMaker<'a> {
    seed: &'a TeamSeed,
    customers: Vec<Customer>,
    chance: Chance,
    serial: u64,
    tied: usize,
    /// UUIDs of the options that lines may name.
    locations: Vec<String>,
    subsidiaries: Vec<String>,
    /// Rates in percent by tax code.
    rates: BTreeMap<String, Decimal>,
}

/// What all lines of one document share.
#[derive(Clone, Copy)]
struct Terms<'a> {
    included: bool,
    rate: Decimal,
    tax_code: &'a str,
    tracked: bool,
}

impl Terms<'_> {
    /// A line whose price is `price`, with or without tax as the recipe has it.
    fn line(self, description: &str, quantity: Decimal, price: Decimal, prices: Prices) -> Object {
        let with_tax = |value: Decimal| {
            round(
                value * (Decimal::ONE_HUNDRED + self.rate) / Decimal::ONE_HUNDRED,
                2,
            )
        };
        let (unit_price, total) = match (prices, self.included) {
            (Prices::AsTotals, _) | (Prices::Exclusive, false) => (price, quantity * price),
            (Prices::Exclusive, true) => (price, with_tax(quantity * price)),
            (Prices::Inclusive, true) => (with_tax(price), quantity * with_tax(price)),
            (Prices::Inclusive, false) => (with_tax(price), quantity * price),
        };
        Object::new()
            .with("line_type", "ITEM")
            .with("description", description)
            .with("quantity", Json::Str(quantity.to_string()))
            .with("unit_price", money(unit_price))
            .with("total", money(round(total, 2)))
            .with("item", Json::Null)
            .with("location", Json::Null)
            .with("subsidiary", Json::Null)
            .with("discount_percent", Json::Null)
            .with("note", Json::Null)
    }
}

/// What a document is, apart from its amounts.
struct Kind<'a> {
    module: &'a str,
    submodule: &'a str,
    status: &'a str,
}

impl<'a> NoteMaker<'a> {
    pub(crate) fn new(seed: &'a TeamSeed, customers: Vec<Customer>) -> Self {
        Self {
            seed,
            customers,
            chance: Chance::named(seed.generate.seed, "transactions"),
            serial: FIRST_NUMBER,
            tied: seed.generate.ties,
            locations: Vec::new(),
            subsidiaries: Vec::new(),
            rates: BTreeMap::new(),
        }
    }

    /// Puts the made-up notes, the named ones and the other documents into the team.
    pub(crate) fn plant(mut self, team: &mut Team) -> Result<(), SeedError> {
        let uuids = |resource: &str| -> Vec<String> {
            let shelf = team.resources.get(resource).into_iter();
            shelf
                .flat_map(|it| it.oldest_first())
                .map(|it| it.uuid.to_string())
                .collect()
        };
        self.locations = uuids("locations");
        self.subsidiaries = uuids("subsidiaries");
        let rates = team.resources.get("tax-rates").into_iter();
        self.rates = rates
            .flat_map(|it| it.oldest_first())
            .filter_map(|it| {
                let rate = it.document.get("rate")?.as_decimal()?;
                Some((it.text("code").to_owned(), rate))
            })
            .collect();
        let contract = &self.seed.contract;
        let flow = &self.seed.workflow;
        let credit = |status| Kind {
            module: &contract.module,
            submodule: &contract.submodule,
            status,
        };
        let clean = TeamNoteSeed::default();
        for _ in 0..self.seed.generate.credit_notes {
            self.put(team, &clean, &credit(&flow.pending), true)?;
        }
        for recipe in &self.seed.credit_notes {
            if recipe.count > 1 && recipe.number.is_some() {
                return Err(SeedError::Misfit(
                    "a credit note with a number can be there once only".to_owned(),
                ));
            }
            let status = recipe.status.as_deref().unwrap_or(&flow.pending);
            for _ in 0..recipe.count {
                self.put(team, recipe, &credit(status), false)?;
            }
        }
        let others = [
            Kind {
                module: "SALES",
                submodule: "INVOICE",
                status: &flow.pending,
            },
            credit(&flow.processing),
            credit(&flow.approval),
            Kind {
                module: "PURCHASING",
                submodule: "CREDIT",
                status: &flow.pending,
            },
        ];
        for kind in others.iter().cycle().take(self.seed.generate.others) {
            self.put(team, &clean, kind, true)?;
        }
        Ok(())
    }

    fn put(
        &mut self,
        team: &mut Team,
        recipe: &TeamNoteSeed,
        kind: &Kind<'_>,
        clean: bool,
    ) -> Result<(), SeedError> {
        let uuid = self.chance.guid();
        let date = recipe.date.unwrap_or_else(|| self.date());
        let mut document = Json::Obj(self.document(recipe, kind, date, clean)?);
        if let Json::Obj(object) = &mut document {
            object.set("short_url", format!("https://zud.example/{}", self.serial));
        }
        self.serial = self.serial.saturating_add(1);
        relate_document(team, &mut document)?;
        settle(team, &mut document, true);
        if let (Some(by), Json::Obj(object)) = (recipe.overridden, &mut document) {
            for name in ["tax", "total"] {
                let held = object.get(name).and_then(Json::as_decimal);
                object.set(name, money(held.unwrap_or_default() + by));
            }
        }
        if !recipe.patch.is_null() {
            document.merge(recipe.patch.clone());
            relate_document(team, &mut document)?;
            if recipe.patch.get("lines").is_some() && recipe.patch.get("total").is_none() {
                settle(team, &mut document, false);
            }
        }
        let (created, updated) = self.instants(date);
        let owner = self.chance.pick(OWNERS).copied().unwrap_or_default();
        team.transactions.put(Row {
            uuid,
            created,
            updated,
            owner: owner.to_owned(),
            round: 0,
            document,
        });
        Ok(())
    }

    fn document(
        &mut self,
        recipe: &TeamNoteSeed,
        kind: &Kind<'_>,
        date: Date,
        clean: bool,
    ) -> Result<Object, SeedError> {
        let generate = &self.seed.generate;
        let purchase = kind.module == "PURCHASING";
        let party = self.customer(&recipe.customer)?;
        let currency = match &recipe.currency {
            Some(currency) => currency.clone(),
            None if clean && self.chance.percent(generate.foreign) => self
                .chance
                .pick(&generate.currencies)
                .cloned()
                .unwrap_or_else(|| self.seed.currency.clone()),
            None => self.seed.currency.clone(),
        };
        let home = currency == self.seed.currency;
        let taxed = home && !(clean && self.chance.percent(generate.exempt));
        let made_up = self.chance.percent(generate.inclusive);
        let included = recipe.tax_included.unwrap_or(made_up && taxed);
        let tracked = self.chance.percent(generate.tracked);
        let tax_code = if taxed {
            &self.seed.generate.tax_code
        } else {
            &self.seed.generate.exempt_code
        };
        let terms = Terms {
            included,
            rate: self.rates.get(tax_code).copied().unwrap_or_default(),
            tax_code,
            tracked,
        };
        let lines = match &recipe.lines {
            Json::Null => self.lines(recipe, terms, clean),
            _ => self.given(recipe, terms),
        };
        let number = recipe
            .number
            .clone()
            .unwrap_or_else(|| format!("ZCN-{}", self.serial));
        let (location, subsidiary) = self.dimensions(tracked);
        let name = if purchase {
            "Crate & Carton Packaging".to_owned()
        } else {
            party.name.clone()
        };
        let customer = (!purchase).then(|| party.uuid.to_string());
        Ok(Object::new()
            .with("external_id", Json::Null)
            .with("module", kind.module)
            .with("submodule", kind.submodule)
            .with("document_type", "Credit")
            .with("status", kind.status)
            .with("document_number", number)
            .with(
                "reference",
                format!("Return of SI-{}", self.serial.saturating_add(1200)),
            )
            .with("po_number", Json::Null)
            .with("company_name", name)
            .with("customer", customer)
            .with("supplier", purchase.then_some("ZS1001"))
            .with("currency", currency)
            .with("date_issued", date.to_string())
            .with("date_due", Json::Null)
            .with("date_posted", Json::Null)
            .with("tax_included", included)
            .with("exchange_rate", Json::Null)
            .with("exchange_rate_at", Json::Null)
            .with("location", location)
            .with("subsidiary", subsidiary)
            .with("department", Json::Null)
            .with("project", Json::Null)
            .with("cost_centre", Json::Null)
            .with("cost_type", Json::Null)
            .with("lines", lines))
    }

    /// One option of each tracking category, if the books have any.
    fn dimensions(&mut self, tracked: bool) -> (Option<String>, Option<String>) {
        if !tracked {
            return (None, None);
        }
        let location = self.chance.pick(&self.locations).cloned();
        (location, self.chance.pick(&self.subsidiaries).cloned())
    }

    fn lines(&mut self, recipe: &TeamNoteSeed, terms: Terms, clean: bool) -> Vec<Json> {
        let generate = &self.seed.generate;
        let most = i64::try_from(generate.lines.max(1)).unwrap_or(1);
        let count = match recipe.amounts {
            TeamAmounts::Mixed | TeamAmounts::Zero => 2,
            TeamAmounts::Credit | TeamAmounts::Negative => self.chance.between(1, most),
        };
        let mut lines = Vec::new();
        for at in 0..count {
            let (sku, description, cents) = self.chance.pick(GOODS).copied().unwrap_or(GOODS[0]);
            let (cents, quantity) = match (recipe.amounts, at) {
                (TeamAmounts::Credit, _) => (cents, self.chance.between(1, 5)),
                (TeamAmounts::Negative, _) => (cents, self.chance.between(-5, -1)),
                (TeamAmounts::Mixed, 0) => (895, 1),
                (TeamAmounts::Mixed, _) => (cents, -4),
                (TeamAmounts::Zero, at) => (4500, if at == 0 { 1 } else { -1 }),
            };
            let price = Decimal::new(cents, 2);
            let mut line = terms.line(description, Decimal::from(quantity), price, recipe.prices);
            // Money-only credits name no item.
            if !self.chance.percent(10) {
                line.set("item", sku);
            }
            line.set("account", self.account(recipe, clean && at == 0));
            // Most lines say nothing of their own and take the header's dimensions.
            if terms.tracked && self.chance.percent(40) {
                let (location, subsidiary) = self.dimensions(true);
                line.set("location", location);
                line.set("subsidiary", subsidiary);
            }
            lines.push(Json::Obj(line));
        }
        if clean && self.chance.percent(generate.landed_costs) {
            let price = Decimal::new(self.chance.between(5, 40).saturating_mul(50), 2);
            let mut line = terms.line("Freight", Decimal::ONE, price, recipe.prices);
            line.set("line_type", "LANDED_COST");
            line.set("account", generate.freight_account.as_str());
            // Where it stands among the lines is nobody's rule.
            let at = usize::from(self.chance.percent(50));
            lines.insert(at.min(lines.len()), Json::Obj(line));
        }
        for (at, line) in lines.iter_mut().enumerate() {
            if let Json::Obj(line) = line {
                let number = i64::try_from(at).unwrap_or(0).saturating_add(1);
                line.set("line_number", number);
                line.set("tax_rate", terms.tax_code);
            }
        }
        lines
    }

    fn account(&mut self, recipe: &TeamNoteSeed, may_differ: bool) -> String {
        let generate = &self.seed.generate;
        if let Some(code) = &recipe.account_code {
            return code.clone();
        }
        let other = may_differ && self.chance.percent(generate.other_accounts);
        let other = other
            .then(|| self.chance.pick(&generate.account_codes))
            .flatten();
        other.cloned().unwrap_or_else(|| "200".to_owned())
    }

    /// Lines that a seed spells out, with what it leaves unsaid.
    fn given(&mut self, recipe: &TeamNoteSeed, terms: Terms) -> Vec<Json> {
        let mut lines = recipe.lines.as_array().unwrap_or_default().to_vec();
        for line in &mut lines {
            let said = std::mem::take(line);
            let mut whole = Json::Obj(
                Object::new()
                    .with("quantity", Json::str("1"))
                    .with("account", self.account(recipe, false))
                    .with("tax_rate", terms.tax_code)
                    .with("item", Json::Null)
                    .with("location", Json::Null)
                    .with("subsidiary", Json::Null),
            );
            whole.merge(said);
            self.price(&mut whole, recipe.prices, terms.included);
            *line = whole;
        }
        lines
    }

    /// The total of a line that gives none, where its unit price has the tax in it and the total
    /// has not, or the other way round.
    fn price(&self, line: &mut Json, prices: Prices, included: bool) {
        let number = |name: &str| line.get(name).and_then(Json::as_decimal);
        let rate = match line.get("tax_rate") {
            Some(Json::Str(code)) => self.rates.get(code).copied(),
            Some(other) => other.get("rate").and_then(Json::as_decimal),
            None => None,
        };
        let (Some(quantity), Some(price), None) =
            (number("quantity"), number("unit_price"), number("total"))
        else {
            return;
        };
        let whole = Decimal::ONE_HUNDRED;
        let with_tax = whole + rate.unwrap_or_default();
        let total = match (prices, included) {
            (Prices::Exclusive, true) => quantity * price * with_tax / whole,
            (Prices::Inclusive, false) => quantity * price * whole / with_tax,
            _ => return,
        };
        if let Json::Obj(line) = line {
            line.set("total", money(round(total, 2)));
        }
    }

    /// When a document was made and last changed. Rules run in batches, so many share an instant.
    fn instants(&mut self, date: Date) -> (Timestamp, Timestamp) {
        let midnight = date
            .to_zoned(jiff::tz::TimeZone::UTC)
            .map_or(Timestamp::UNIX_EPOCH, |it| it.timestamp());
        let at = |hours: i64, micros: i64| {
            let span = SignedDuration::from_hours(hours) + SignedDuration::from_micros(micros);
            midnight.checked_add(span).unwrap_or(midnight)
        };
        let created = at(self.chance.between(0, 8), 0);
        let batch = self.chance.percent(50);
        let micros = if batch {
            0
        } else {
            self.chance.between(1, 3_599_999_999)
        };
        let updated = at(self.chance.between(9, 20), micros);
        if self.tied > 0 {
            self.tied = self.tied.saturating_sub(1);
            return (created, self.tie());
        }
        (created, updated)
    }

    fn tie(&self) -> Timestamp {
        self.seed
            .generate
            .to
            .at(10, 0, 0, 0)
            .to_zoned(jiff::tz::TimeZone::UTC)
            .map_or(Timestamp::UNIX_EPOCH, |it| it.timestamp())
    }

    fn customer(&mut self, name: &str) -> Result<Customer, SeedError> {
        let found = if name.is_empty() {
            let ordinary: Vec<&Customer> = self.customers.iter().filter(|it| it.ordinary).collect();
            self.chance.pick(&ordinary).map(|it| (*it).clone())
        } else {
            self.customers.iter().find(|it| it.name == name).cloned()
        };
        found.ok_or_else(|| {
            SeedError::Misfit(format!(
                "a credit note needs the customer `{name}`, which the team {} does not have",
                self.seed.name
            ))
        })
    }

    fn date(&mut self) -> Date {
        let (from, to) = (self.seed.generate.from, self.seed.generate.to);
        let days = from
            .until(to)
            .map_or(0, |span| i64::from(span.get_days()))
            .max(0);
        let day = self.chance.between(0, days);
        from.checked_add(day.days()).unwrap_or(from)
    }
}
