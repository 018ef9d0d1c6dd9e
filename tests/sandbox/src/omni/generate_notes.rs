//! Makes up credit notes as Omni holds them: below zero, freight and the like in the header, dates
//! as the account's midnight in UTC.
//!
//! Every note follows the documented arithmetic exactly: `total` rebuilds from lines, freight,
//! surcharge, discount and tax.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use rust_decimal::Decimal;

use super::account::{Account, home_rate};
use super::generate::Customer;
use super::money::{cents, money, rounded};
use super::writing::stamp;
use crate::chance::Chance;
use crate::json::{Json, Object};
use crate::seed::{Amounts, CreditNoteSeed, OmniAccountSeed, SeedError, TaxRateScale};
use crate::xero::settings::DayRates;

/// Makes credit notes for one account.
pub(crate) struct NoteMaker<'a> {
    seed: &'a OmniAccountSeed,
    zone: TimeZone,
    day_rates: DayRates,
    customers: Vec<Customer>,
    chance: Chance,
    serial: i64,
    next_id: i64,
    next_line: i64,
    dealt: usize,
}

const FIRST_NOTE_ID: i64 = 5001;
const FIRST_LINE_ID: i64 = 300_001;
const FIRST_ORDER_ID: i64 = 2_000_001;

const GOODS: &[(&str, &str, i64)] = &[
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

struct Line {
    object: Object,
    amount: Decimal,
}

impl<'a> NoteMaker<'a> {
    pub(crate) fn new(
        seed: &'a OmniAccountSeed,
        zone: TimeZone,
        day_rates: DayRates,
        customers: Vec<Customer>,
    ) -> Self {
        Self {
            seed,
            zone,
            day_rates,
            customers,
            chance: Chance::named(seed.generate.seed, "credit notes"),
            serial: 700,
            next_id: FIRST_NOTE_ID,
            next_line: FIRST_LINE_ID,
            dealt: 0,
        }
    }

    /// Puts the named notes and the made-up ones into the account.
    pub(crate) fn plant(mut self, account: &mut Account) -> Result<(), SeedError> {
        let ordinary = CreditNoteSeed::default();
        let clean = (0..self.seed.generate.credit_notes).map(|_| (&ordinary, true));
        let named = self.seed.credit_notes.iter();
        let named = named.flat_map(|it| std::iter::repeat_n((it, false), it.count));
        for (recipe, clean) in clean.chain(named) {
            let mut note = Json::Obj(self.note(recipe, clean)?);
            if !recipe.patch.is_null() {
                note.merge(recipe.patch.clone());
            }
            if self.seed.generate.sales_orders {
                account.put("SalesOrders", self.order(&note));
            }
            account.put("CreditNotes", note);
        }
        Ok(())
    }

    fn note(&mut self, recipe: &CreditNoteSeed, clean: bool) -> Result<Object, SeedError> {
        let generate = &self.seed.generate;
        let customer = self.customer(&recipe.customer)?;
        let date = recipe.date.unwrap_or_else(|| self.date());
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
        let tax_status = if !home {
            "Exempt"
        } else if self.chance.percent(generate.inclusive) {
            "Incl"
        } else if self.chance.percent(generate.exempt) {
            "Exempt"
        } else {
            "Excl"
        };
        let rate = if tax_status == "Exempt" {
            Decimal::ZERO
        } else {
            generate.tax_percent / Decimal::ONE_HUNDRED
        };
        let mut lines = match recipe.amounts {
            Amounts::Zero => self.cancelling_lines(),
            Amounts::Credit => self.lines(-1, clean),
            Amounts::Positive => self.lines(1, false),
        };
        let code = match &recipe.account_code {
            Some(code) => Some((code.clone(), lines.len())),
            None if clean && self.chance.percent(generate.other_accounts) => self
                .chance
                .pick(&generate.account_codes)
                .map(|it| (it.clone(), 1)),
            None => None,
        };
        if let Some((code, first)) = code {
            for line in lines.iter_mut().take(first) {
                line.object.set("accountCode", code.as_str());
            }
        }
        let part = |chance: &mut Chance, share: u64, high: i64| {
            if clean && chance.percent(share) {
                -cents(chance.between(3, high).saturating_mul(50))
            } else {
                Decimal::ZERO
            }
        };
        let freight = part(&mut self.chance, generate.freight, 60);
        let surcharge = part(&mut self.chance, generate.surcharge, 20);
        let product: Decimal = lines.iter().map(|it| it.amount).sum();
        // A discount gives back less, so it is kept smaller than any line.
        let discount = if product < Decimal::from(-20) {
            part(&mut self.chance, generate.discount, 10)
        } else {
            Decimal::ZERO
        };
        let net = product + freight + surcharge - discount;
        let tax = if tax_status == "Excl" {
            net * rate
        } else {
            Decimal::ZERO
        };
        let total = rounded(net + tax);
        self.serial = self.serial.saturating_add(1);
        let id = self.next_id;
        self.next_id = self.next_id.saturating_add(1);
        let created = self.midnight(date);
        let hour = self.chance.between(8 * 3600, 17 * 3600);
        let modified = created
            .checked_add(SignedDuration::from_secs(hour))
            .unwrap_or(created);
        let status = if self.chance.percent(10) {
            "Approved"
        } else {
            "APPROVED"
        };
        let (serial, order) = (self.serial, self.serial.saturating_add(9000));
        let money = |value: Decimal| Json::Num(money(value).into());
        let branch = self.chance.between(3, 5);
        let mut note = Object::new()
            .with("id", id)
            .with("createdDate", stamp(created))
            .with("modifiedDate", self.modified(modified))
            .with("createdBy", 11)
            .with("processedBy", 12)
            .with("isApproved", true)
            .with("status", status)
            .with("reference", format!("CRN-{serial}"))
            .with("salesReference", format!("SO-{order}"))
            .with("creditNoteNumber", serial)
            .with("creditNoteDate", stamp(created))
            .with("memberId", customer.id)
            .with("memberEmail", customer.email.as_str())
            .with("company", customer.company.as_str())
            .with("firstName", "Jo")
            .with("lastName", "Day")
            .with("billingCompany", customer.company.as_str())
            .with("branchId", branch)
            .with("internalComments", "")
            .with("productTotal", money(product))
            .with("freightTotal", money(freight))
            .with(
                "freightDescription",
                if freight.is_zero() { "" } else { "Courier" },
            )
            .with("surcharge", money(surcharge))
            .with(
                "surchargeDescription",
                if surcharge.is_zero() { "" } else { "Handling" },
            )
            .with("discountTotal", money(discount))
            .with(
                "discountDescription",
                if discount.is_zero() {
                    ""
                } else {
                    "Restocking fee"
                },
            )
            .with("total", money(total))
            .with("currencyCode", currency.as_str())
            .with("currencyRate", self.currency_rate(&currency))
            .with("currencySymbol", "$")
            .with("taxStatus", tax_status)
            .with("taxRate", self.tax_rate(rate))
            .with("source", "Backend")
            .with("alternativeAccountCode", "")
            .with("customFields", self.custom_fields())
            .with(
                "accountingAttributes",
                Object::new()
                    .with("importDate", Json::Null)
                    .with("accountingImportStatus", "NotImported"),
            );
        // Some answers say null where others leave the field out.
        match self.chance.below(3) {
            0 => note.set("completedDate", Json::Null),
            1 => note.set("completedDate", stamp(modified)),
            _ => {}
        }
        let lines: Vec<Json> = lines.into_iter().map(|it| it.object.into()).collect();
        note.set("lineItems", lines);
        Ok(note)
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

    fn midnight(&self, date: Date) -> Timestamp {
        date.at(0, 0, 0, 0)
            .to_zoned(self.zone.clone())
            .map_or(Timestamp::UNIX_EPOCH, |it| it.timestamp())
    }

    // One in five rows shows the seven-digit fraction that some answers have.
    fn modified(&mut self, at: Timestamp) -> String {
        if self.chance.percent(20) {
            let ticks = self.chance.between(1, 9_999_999);
            format!("{}.{ticks:07}Z", at.strftime("%Y-%m-%dT%H:%M:%S"))
        } else {
            stamp(at)
        }
    }

    fn lines(&mut self, sign: i64, clean: bool) -> Vec<Line> {
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

    fn cancelling_lines(&mut self) -> Vec<Line> {
        let price = cents(4500);
        vec![
            self.made(
                "MUG-BLU",
                "Mug blue",
                Decimal::NEGATIVE_ONE,
                price,
                Decimal::ZERO,
                0,
            ),
            self.made(
                "",
                "Already refunded",
                Decimal::ONE,
                price,
                Decimal::ZERO,
                0,
            ),
        ]
    }

    fn made(
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

    fn currency_rate(&self, currency: &str) -> Json {
        home_rate(&self.day_rates, &self.seed.currency, currency)
    }

    fn tax_rate(&self, rate: Decimal) -> Json {
        match self.seed.tax_rate_scale {
            TaxRateScale::Percent => Json::fixed(rate * Decimal::ONE_HUNDRED, 1),
            TaxRateScale::Fraction => Json::decimal(rate),
        }
    }

    fn custom_fields(&mut self) -> Object {
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

    /// The sales order that a note credits, as small as one can be.
    fn order(&self, note: &Json) -> Json {
        let take = |name: &str| note.get(name).cloned().unwrap_or_default();
        let positive = |name: &str| {
            let value = note
                .get(name)
                .and_then(Json::as_decimal)
                .unwrap_or_default();
            Json::Num(money(-value).into())
        };
        let id = take("id")
            .as_i64()
            .unwrap_or_default()
            .saturating_add(FIRST_ORDER_ID);
        Object::new()
            .with("id", id)
            .with("createdDate", take("createdDate"))
            .with("modifiedDate", take("createdDate"))
            .with("isApproved", true)
            .with("status", "APPROVED")
            .with("isVoid", false)
            .with("reference", take("salesReference"))
            .with("memberId", take("memberId"))
            .with("company", take("company"))
            .with("branchId", take("branchId"))
            .with("stage", "Dispatched")
            .with("invoiceDate", take("creditNoteDate"))
            .with("invoiceNumber", id)
            .with("productTotal", positive("productTotal"))
            .with("freightTotal", positive("freightTotal"))
            .with("surcharge", positive("surcharge"))
            .with("discountTotal", positive("discountTotal"))
            .with("total", positive("total"))
            .with("currencyCode", take("currencyCode"))
            .with("currencyRate", take("currencyRate"))
            .with("taxStatus", take("taxStatus"))
            .with("taxRate", take("taxRate"))
            .with(
                "accountingAttributes",
                Object::new()
                    .with("importDate", Json::Null)
                    .with("accountingImportStatus", "Imported"),
            )
            .with("lineItems", Vec::new())
            .into()
    }
}
