//! Draws what all generated documents of an account share: dates as the account's midnight in UTC,
//! currencies with the books' rate turned round, goods, kits and custom fields.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use rust_decimal::Decimal;

use super::account::home_rate;
use super::generate::Customer;
use super::money::{cents, money};
use super::writing::stamp;
use crate::chance::Chance;
use crate::json::{Json, Object};
use crate::seed::{OmniAccountSeed, SeedError, TaxRateScale};
use crate::xero::settings::DayRates;

/// Draws parts of documents for one account.
#[derive(Clone)]
pub(super) struct Maker<'a> {
    pub(super) seed: &'a OmniAccountSeed,
    pub(super) zone: TimeZone,
    pub(super) day_rates: DayRates,
    pub(super) contacts: Vec<Customer>,
    pub(super) chance: Chance,
    pub(super) next_line: i64,
    pub(super) dealt: usize,
}

/// Code, name and price in cents of what is traded.
pub(super) const GOODS: &[(&str, &str, i64)] = &[
    ("TEE-BLK-M", "Tee black", 2495),
    ("TEE-WHT-L", "Tee white", 2495),
    ("MUG-BLU", "Mug blue", 1250),
    ("LAMP-S", "Desk lamp", 8900),
    ("RUG-160", "Wool rug 160", 32_900),
    ("CUSH-GRN", "Cushion green", 3995),
    ("VASE-T", "Tall vase", 5450),
    ("THROW-G", "Throw grey", 7995),
    ("BOWL-4", "Bowl set of four", 4999),
    ("CNDL-V", "Candle vanilla", 1895),
    ("TRAY-OAK", "Oak tray", 6333),
    ("CLCK-W", "Wall clock", 10_999),
];

/// A line and what it comes to.
pub(super) struct Line {
    pub(super) object: Object,
    pub(super) amount: Decimal,
}

impl Maker<'_> {
    /// The same ground for another purpose, with a chance of its own.
    pub(super) fn fork(&self, purpose: &str, next_line: i64) -> Self {
        Self {
            chance: Chance::named(self.seed.generate.seed, purpose),
            next_line,
            ..self.clone()
        }
    }

    /// The contact of this company; any ordinary one where none is named.
    pub(super) fn contact(&mut self, company: &str, what: &str) -> Result<Customer, SeedError> {
        let found = if company.is_empty() {
            let ordinary: Vec<&Customer> = self.contacts.iter().filter(|it| it.ordinary).collect();
            self.chance.pick(&ordinary).map(|it| (*it).clone())
        } else {
            self.contacts
                .iter()
                .find(|it| it.company == company)
                .cloned()
        };
        found.ok_or_else(|| {
            SeedError::Misfit(format!(
                "{what} needs the customer `{company}`, which the account does not have"
            ))
        })
    }

    /// The given currency, or one that is drawn.
    pub(super) fn currency(&mut self, given: Option<&str>, clean: bool) -> String {
        let home = &self.seed.currency;
        match given {
            Some(currency) => currency.to_owned(),
            None if clean && self.chance.percent(self.seed.generate.foreign) => self
                .chance
                .pick(&self.seed.generate.currencies)
                .unwrap_or(home)
                .clone(),
            None => home.clone(),
        }
    }

    /// Foreign documents carry no tax.
    pub(super) fn tax_status(&mut self, currency: &str) -> &'static str {
        let generate = &self.seed.generate;
        if currency != self.seed.currency {
            "Exempt"
        } else if self.chance.percent(generate.inclusive) {
            "Incl"
        } else if self.chance.percent(generate.exempt) {
            "Exempt"
        } else {
            "Excl"
        }
    }

    /// Freight, surcharge or order discount, in that share of the clean documents.
    pub(super) fn part(&mut self, clean: bool, share: u64, high: i64) -> Decimal {
        if clean && self.chance.percent(share) {
            cents(self.chance.between(3, high).saturating_mul(50))
        } else {
            Decimal::ZERO
        }
    }

    pub(super) fn date(&mut self) -> Date {
        let (from, to) = (self.seed.generate.from, self.seed.generate.to);
        let days = from
            .until(to)
            .map_or(0, |span| i64::from(span.get_days()))
            .max(0);
        let day = self.chance.between(0, days);
        from.checked_add(day.days()).unwrap_or(from)
    }

    pub(super) fn midnight(&self, date: Date) -> Timestamp {
        date.at(0, 0, 0, 0)
            .to_zoned(self.zone.clone())
            .map_or(Timestamp::UNIX_EPOCH, |it| it.timestamp())
    }

    // One in five rows shows the seven-digit fraction that some answers have.
    pub(super) fn modified(&mut self, at: Timestamp) -> String {
        if self.chance.percent(20) {
            let ticks = self.chance.between(1, 9_999_999);
            format!("{}.{ticks:07}Z", at.strftime("%Y-%m-%dT%H:%M:%S"))
        } else {
            stamp(at)
        }
    }

    pub(super) fn currency_rate(&self, currency: &str) -> Json {
        home_rate(&self.day_rates, &self.seed.currency, currency)
    }

    pub(super) fn tax_rate(&self, rate: Decimal) -> Json {
        match self.seed.tax_rate_scale {
            TaxRateScale::Percent => Json::fixed(rate * Decimal::ONE_HUNDRED, 1),
            TaxRateScale::Fraction => Json::decimal(rate),
        }
    }

    pub(super) fn custom_fields(&mut self) -> Object {
        let mut fields = Object::new();
        let seed: &BTreeMap<String, Vec<String>> = &self.seed.custom_fields;
        for (at, (name, values)) in seed.iter().enumerate() {
            let turn = self.dealt.saturating_add(at.saturating_mul(3));
            if let Some(value) = values.get(turn.checked_rem(values.len()).unwrap_or(0)) {
                fields.set(name.clone(), value.as_str());
            }
        }
        self.dealt = self.dealt.saturating_add(1);
        fields
    }

    pub(super) fn lines(&mut self, sign: i64, clean: bool) -> Vec<Line> {
        let generate = &self.seed.generate;
        let most = i64::try_from(generate.lines.max(1)).unwrap_or(1);
        let least = i64::try_from(generate.fewest_lines.max(1)).unwrap_or(1);
        let count = self.chance.between(least.min(most), most);
        let fine = clean && self.chance.percent(generate.fine_prices);
        let mut lines = Vec::new();
        for _ in 0..count {
            let line = self.line(sign, fine, clean);
            lines.push(line);
        }
        if clean && self.chance.percent(generate.kits) {
            self.kit(sign, &mut lines);
        }
        lines
    }

    fn line(&mut self, sign: i64, fine: bool, clean: bool) -> Line {
        let (code, name, cents_each) = self.chance.pick(GOODS).copied().unwrap_or(GOODS[0]);
        let quantity = Decimal::from(self.chance.between(1, 6).saturating_mul(sign));
        let mut price = cents(cents_each);
        if fine {
            price += Decimal::new(self.chance.between(1, 99), 4);
        }
        // A discounted return gives back less, so its discount has the sign of the quantity.
        let discount = if clean && self.chance.percent(6) {
            cents(
                self.chance
                    .between(1, 8)
                    .saturating_mul(25)
                    .saturating_mul(sign),
            )
        } else {
            Decimal::ZERO
        };
        // Money-only credits are free-text lines without a code.
        if clean && self.chance.percent(5) {
            return self.made("", "Amount", Decimal::from(sign), price, Decimal::ZERO, 0);
        }
        self.made(code, name, quantity, price, discount, 0)
    }

    fn kit(&mut self, sign: i64, lines: &mut Vec<Line>) {
        let quantity = Decimal::from(sign);
        let priced_parent = self.chance.percent(50);
        let (parent, child) = if priced_parent {
            (14_900, 0)
        } else {
            (0, 7450)
        };
        let kit = self.made(
            "KIT-HOME",
            "Home kit",
            quantity,
            cents(parent),
            Decimal::ZERO,
            0,
        );
        let parent_id = kit
            .object
            .get("id")
            .and_then(Json::as_i64)
            .unwrap_or_default();
        lines.push(kit);
        for (code, name) in [("MUG-BLU", "Mug blue"), ("TRAY-OAK", "Oak tray")] {
            lines.push(self.made(code, name, quantity, cents(child), Decimal::ZERO, parent_id));
        }
    }

    pub(super) fn made(
        &mut self,
        code: &str,
        name: &str,
        quantity: Decimal,
        price: Decimal,
        discount: Decimal,
        parent: i64,
    ) -> Line {
        let id = self.next_line;
        self.next_line = self.next_line.saturating_add(1);
        let object = Object::new()
            .with("id", id)
            .with("parentId", parent)
            .with("productId", if code.is_empty() { 0 } else { 55 })
            .with("code", code)
            .with("name", name)
            .with("option1", Json::Null)
            .with("qty", Json::Num(format!("{quantity}.0").into()))
            .with("qtyShipped", Json::Num(format!("{quantity}.0").into()))
            .with("unitPrice", Json::Num(money(price).into()))
            .with("unitCost", Json::Num("8.10".into()))
            .with("discount", Json::Num(money(discount).into()))
            .with("accountCode", "")
            .with("lineComments", "");
        Line {
            object,
            amount: quantity * price - discount,
        }
    }
}
