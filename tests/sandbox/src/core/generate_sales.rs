//! Makes up sales: most without a credit note, the others simple, advanced with several notes,
//! service sales, or stand-alone credit notes.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::account::Account;
use super::blocks::{self, PLACEHOLDER};
use super::generate::Customer;
use super::money::{json, number, round};
use super::seed::{CoreAccountSeed, CoreNoteSeed, SaleKind};
use super::stamps::{self, day};
use crate::chance::Chance;
use crate::json::{Json, Object};
use crate::seed::SeedError;
use crate::xero::settings::DayRates;

/// Makes sales for one account.
pub(crate) struct SaleMaker<'a> {
    pub(super) seed: &'a CoreAccountSeed,
    zone: TimeZone,
    day_rates: DayRates,
    customers: Vec<Customer>,
    locations: Vec<String>,
    people: Vec<String>,
    pub(super) chance: Chance,
    pub(super) sales: usize,
    pub(super) invoices: usize,
    pub(super) notes: usize,
}

/// What all blocks of one sale share.
pub(super) struct Terms {
    pub(super) id: Uuid,
    pub(super) kind: SaleKind,
    /// Whether nothing is to be wrong with it.
    pub(super) clean: bool,
    pub(super) inclusive: bool,
    pub(super) rule: String,
    /// Home units per document unit.
    pub(super) rate: Decimal,
}

impl<'a> SaleMaker<'a> {
    pub(crate) fn new(
        seed: &'a CoreAccountSeed,
        zone: TimeZone,
        day_rates: DayRates,
        customers: Vec<Customer>,
    ) -> Self {
        Self {
            seed,
            zone,
            day_rates,
            customers,
            locations: Vec::new(),
            people: Vec::new(),
            chance: Chance::named(seed.generate.seed, "sales"),
            sales: 0,
            invoices: 0,
            notes: 0,
        }
    }

    /// Locations and people that sales name in turn.
    #[must_use]
    pub(crate) fn tracked(mut self, locations: Vec<String>, people: Vec<String>) -> Self {
        self.locations = locations;
        self.people = people;
        self
    }

    /// Puts the made-up sales and the named credit notes into the account.
    pub(crate) fn plant(mut self, account: &mut Account) -> Result<(), SeedError> {
        let generate = &self.seed.generate;
        let clean = CoreNoteSeed::default();
        let mut left = generate.credit_notes;
        while left > 0 {
            let kind = if self.chance.percent(generate.advanced) {
                SaleKind::Advanced
            } else if self.chance.percent(generate.stand_alone) {
                SaleKind::StandAlone
            } else if self.chance.percent(10) {
                SaleKind::Service
            } else {
                SaleKind::Simple
            };
            let most = if kind == SaleKind::Advanced { 3 } else { 1 };
            let count = usize::try_from(self.chance.between(1, most)).unwrap_or(1);
            let count = count.min(left);
            self.sale(account, kind, &clean, count, true)?;
            left = left.saturating_sub(count);
        }
        for recipe in &self.seed.credit_notes {
            for at in 0..recipe.count {
                let mut recipe = recipe.clone();
                if at > 0 {
                    recipe.number = None;
                }
                let kind = recipe.sale;
                self.sale(account, kind, &recipe, 1, false)?;
            }
        }
        let others = generate
            .sales
            .unwrap_or_else(|| generate.credit_notes.saturating_mul(2));
        for _ in 0..others {
            let kind = if self.chance.percent(20) {
                SaleKind::Advanced
            } else {
                SaleKind::Simple
            };
            self.sale(account, kind, &clean, 0, true)?;
        }
        self.tie(account);
        Ok(())
    }

    /// Gives so many sales the same last change, as a batch on the platform's side does.
    fn tie(&self, account: &mut Account) {
        let midnight = self.midnight(self.seed.generate.to);
        let at = midnight
            .checked_add(SignedDuration::from_millis(3_600_000 + 913))
            .unwrap_or(midnight);
        let tied: Vec<Uuid> = account
            .sales
            .by_id()
            .map(|(id, _)| id)
            .take(self.seed.generate.ties)
            .collect();
        for id in tied {
            if let Some(Json::Obj(document)) = account.sales.get(id).map(|it| it.document()) {
                account.put_sale(document, at);
            }
        }
    }

    fn sale(
        &mut self,
        account: &mut Account,
        kind: SaleKind,
        recipe: &CoreNoteSeed,
        notes: usize,
        clean: bool,
    ) -> Result<(), SeedError> {
        let generate = &self.seed.generate;
        let mixed = self.seed.behaviour.mixed_case_ids;
        let customer = self.customer(&recipe.customer)?;
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
        let exempt = !home || self.chance.percent(generate.exempt);
        let inclusive = match recipe.tax_calculation.as_deref() {
            Some(text) => text == "Inclusive",
            None => self.chance.percent(generate.inclusive),
        };
        let terms = Terms {
            id: self.chance.guid(),
            kind,
            clean,
            inclusive,
            rule: if exempt {
                generate.exempt_rule.clone()
            } else {
                generate.tax_rule.clone()
            },
            rate: self.rate(&currency),
        };
        let date = recipe.date.unwrap_or_else(|| self.date());
        let invoiced = self.days_before(date, 3, 20);
        let ordered = self.days_before(invoiced, 0, 5);
        self.sales = self.sales.saturating_add(1);
        let lines = self.lines(&terms, notes, recipe, account);
        let charges = self.charges(&terms, account);
        let stand_alone = kind == SaleKind::StandAlone;
        let ordered_only = notes == 0 && self.chance.percent(15);
        let order = self.order(&terms, &lines, &charges, account);
        let mut invoices = Vec::new();
        if !stand_alone && !ordered_only {
            self.invoice(&terms, invoiced, &lines, &charges, account, &mut invoices);
        }
        let named = invoices
            .last()
            .and_then(|it| it.get("InvoiceNumber")?.as_str())
            .unwrap_or_default()
            .to_owned();
        let mut credits = Vec::new();
        for at in 0..notes {
            // Each note gives back other lines, and the first one the charges.
            let lines = lines.iter().skip(at).step_by(notes);
            let lines = self.returned(lines, &terms, account);
            let charges = if at == 0 { charges.clone() } else { Vec::new() };
            let mut note = self.note(&terms, recipe, date, &named, (lines, charges), account);
            // The sale's reference is that of all its notes. Two that agree in day and total as well
            // would look like one that was sent twice.
            for back in (1_i64..).take(credits.len()) {
                if !credits.iter().any(|it| are_alike(it, &note)) {
                    break;
                }
                let earlier = date.checked_sub(back.days()).unwrap_or(date);
                note.set("CreditNoteDate", day(earlier));
            }
            credits.push(Json::Obj(note));
        }
        let stray = if notes == 0 {
            self.chance.percent(40)
        } else {
            kind == SaleKind::Advanced && self.chance.percent(25)
        };
        if stray {
            let task = if kind == SaleKind::Advanced {
                Uuid::nil().to_string()
            } else {
                stamps::id(terms.id, mixed)
            };
            credits.push(Json::Obj(blocks::placeholder(&task, terms.id)));
        }
        let serial = self.sales;
        let pick = |items: &[String]| {
            let at = serial.checked_rem(items.len()).unwrap_or_default();
            items.get(at).cloned().unwrap_or_default()
        };
        // Two lists of the same length would always give the same pair.
        let person = serial.saturating_mul(3).saturating_add(serial / 4);
        let person = person.checked_rem(self.people.len()).unwrap_or_default();
        let person = self.people.get(person).cloned().unwrap_or_default();
        let address = || {
            Object::new()
                .with("DisplayAddressLine1", "1 Quay St")
                .with("DisplayAddressLine2", "Sydney NSW 2000 Australia")
                .with("Line1", "1 Quay St")
                .with("Line2", Json::Null)
                .with("City", "Sydney")
                .with("State", "NSW")
                .with("Postcode", "2000")
                .with("Country", "Australia")
        };
        let movements = if stand_alone || ordered_only {
            Vec::new()
        } else {
            self.movements(&terms, invoiced, &lines)
        };
        let reference = format!("PO-{}", 4000_usize.saturating_add(serial.saturating_mul(7)));
        let mut document = Object::new()
            .with("ID", stamps::id(terms.id, mixed))
            .with("Customer", customer.company.as_str())
            .with("CustomerID", stamps::id(customer.id, mixed))
            .with("Contact", "Jo Day")
            .with("Phone", "")
            .with("Email", customer.email.as_str())
            .with("DefaultAccount", "200")
            .with("SkipQuote", true)
            .with("ServiceOnly", kind == SaleKind::Service)
            .with("BillingAddress", address())
            .with(
                "ShippingAddress",
                address()
                    .with("Company", Json::Null)
                    .with("Contact", "Jo Day")
                    .with("ShipToOther", false),
            )
            .with("BaseCurrency", self.seed.currency.as_str())
            .with("CustomerCurrency", currency.as_str())
            .with("CurrencyRate", json(round(terms.rate, 5)))
            .with("TaxRule", terms.rule.as_str())
            .with(
                "TaxCalculation",
                if inclusive { "Inclusive" } else { "Exclusive" },
            )
            .with("Terms", "30 days")
            .with("PriceTier", "Tier 1")
            .with("Location", pick(&self.locations))
            .with("SalesRepresentative", person)
            .with("Carrier", "")
            .with("SaleOrderDate", day(ordered))
            .with("ShipBy", stamps::no_day(terms.id))
            .with("Note", "")
            .with("CustomerReference", reference)
            .with("ShippingNotes", "")
            .with("COGSAmount", json(cogs(&movements)))
            .with("Status", "ORDERED")
            .with("CombinedPickingStatus", PLACEHOLDER)
            .with("CombinedPackingStatus", PLACEHOLDER)
            .with(
                "CombinedShippingStatus",
                if movements.is_empty() {
                    "NOT SHIPPED"
                } else {
                    "SHIPPED"
                },
            )
            .with(
                "FulFilmentStatus",
                if movements.is_empty() {
                    "NOT FULFILLED"
                } else {
                    "FULFILLED"
                },
            )
            .with("CombinedInvoiceStatus", "NOT INVOICED")
            .with("CombinedPaymentStatus", "UNPAID")
            .with(
                "Type",
                match kind {
                    SaleKind::Advanced => "Advanced Sale",
                    SaleKind::Service => "Service Sale",
                    SaleKind::Simple | SaleKind::StandAlone => "Simple Sale",
                },
            )
            .with(
                "SourceChannel",
                if serial.is_multiple_of(9) {
                    Json::from("Amazon_US")
                } else {
                    Json::Null
                },
            )
            .with("ExternalID", Json::Null)
            .with(
                "Quote",
                Object::new()
                    .with("Memo", Json::Null)
                    .with(
                        "Status",
                        if serial.is_multiple_of(4) {
                            ""
                        } else {
                            PLACEHOLDER
                        },
                    )
                    .with("Prepayments", Vec::new())
                    .with("Lines", Vec::new())
                    .with("AdditionalCharges", Vec::new()),
            )
            .with("Order", order)
            .with("Fulfilments", Vec::new())
            .with("Invoices", invoices)
            .with("CreditNotes", credits)
            .with(
                "ManualJournals",
                match serial % 3 {
                    0 => Json::Obj(Object::new()),
                    1 => Json::Arr(Vec::new()),
                    _ => Object::new()
                        .with("Status", PLACEHOLDER)
                        .with("Lines", Vec::new())
                        .into(),
                },
            )
            .with("AdditionalAttributes", attributes())
            .with("InventoryMovements", movements)
            .with("Attachments", Vec::new());
        blocks::settle(&mut document);
        if !recipe.sale_patch.is_null() {
            let mut merged = Json::Obj(document);
            merged.merge(recipe.sale_patch.clone());
            let Json::Obj(merged) = merged else {
                return Err(SeedError::Misfit(
                    "a sale-patch is not an object".to_owned(),
                ));
            };
            document = merged;
        }
        let last = if notes == 0 { invoiced } else { date };
        let millis = self.chance.between(8 * 3_600_000, 17 * 3_600_000);
        let updated = self.after(last, millis);
        let created = self.after(ordered, 9 * 3_600_000);
        if let Some(id) = account.put_sale(document, updated) {
            account.made_at(id, created);
        }
        Ok(())
    }

    fn customer(&mut self, company: &str) -> Result<Customer, SeedError> {
        let found = if company.is_empty() {
            let ordinary: Vec<&Customer> = self.customers.iter().filter(|it| it.ordinary).collect();
            self.chance.pick(&ordinary).map(|it| (*it).clone())
        } else {
            self.customers
                .iter()
                .find(|it| it.company == company)
                .cloned()
        };
        found.ok_or_else(|| {
            SeedError::Misfit(format!(
                "a credit note needs the customer `{company}`, which the account does not have"
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

    fn days_before(&mut self, date: Date, low: i64, high: i64) -> Date {
        let days = self.chance.between(low, high);
        date.checked_sub(days.days()).unwrap_or(date)
    }

    fn midnight(&self, date: Date) -> Timestamp {
        date.at(0, 0, 0, 0)
            .to_zoned(self.zone.clone())
            .map_or(Timestamp::UNIX_EPOCH, |it| it.timestamp())
    }

    pub(super) fn after(&self, date: Date, millis: i64) -> Timestamp {
        let midnight = self.midnight(date);
        midnight
            .checked_add(SignedDuration::from_millis(millis))
            .unwrap_or(midnight)
    }

    /// Core keeps home units per document unit, the inverse of the books' rate.
    fn rate(&self, currency: &str) -> Decimal {
        if currency == self.seed.currency {
            return Decimal::ONE;
        }
        let rate = self.day_rates.get(currency).copied();
        Decimal::ONE
            .checked_div(rate.unwrap_or(Decimal::ONE))
            .unwrap_or(Decimal::ONE)
    }
}

/// Whether two notes of one sale agree in day and total.
fn are_alike(one: &Json, other: &Object) -> bool {
    let day = |it: &Object| {
        it.get("CreditNoteDate")
            .and_then(Json::as_str)
            .map(str::to_owned)
    };
    one.as_object()
        .is_some_and(|it| day(it) == day(other) && number(it, "Total") == number(other, "Total"))
}

fn cogs(movements: &[Json]) -> Decimal {
    movements
        .iter()
        .filter_map(|it| it.get("COGS")?.as_decimal())
        .sum()
}

fn attributes() -> Object {
    let mut object = Object::new();
    for at in 1..=10 {
        object.set(format!("AdditionalAttribute{at}"), "");
    }
    object
}
