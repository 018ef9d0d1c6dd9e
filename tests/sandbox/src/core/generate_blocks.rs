//! Makes up the blocks of a sale: its lines and charges, the order, invoices and credit notes.

use jiff::ToSpan as _;
use jiff::civil::Date;
use rust_decimal::Decimal;
use uuid::Uuid;

use super::account::Account;
use super::blocks::PLACEHOLDER;
use super::changes::{self, Change};
use super::edit::patch_note;
use super::generate_sales::{SaleMaker, Terms};
use super::money::{Taxing, json, number, round};
use super::seed::{CoreAmounts, CoreNoteSeed, SaleKind};
use super::stamps::{self, day};
use crate::chance::Chance;
use crate::json::{Json, Object};

/// SKU, name and price in cents.
const GOODS: &[(&str, &str, i64)] = &[
    ("TEA-100", "Green tea 100g", 1250),
    ("TEA-250", "Assam tea 250g", 1995),
    ("COF-1KG", "House blend 1kg", 3850),
    ("COF-250", "Single origin 250g", 1750),
    ("POT-GLS", "Glass teapot", 4495),
    ("CUP-SET", "Cup set of six", 5990),
    ("FLT-100", "Paper filters 100", 1025),
    ("GRN-HND", "Hand grinder", 8900),
    ("SYR-VAN", "Vanilla syrup 750ml", 1633),
    ("TIN-STR", "Storage tin", 1149),
];

const CHARGES: &[(&str, i64)] = &[
    ("Shipping - Courier", 800),
    ("Handling", 350),
    ("Gift wrapping", 495),
];

impl SaleMaker<'_> {
    pub(super) fn price(&self, line: &mut Object, terms: &Terms, account: &Account) {
        let rates = |rule: &str| account.tax_percent(rule);
        self.taxing(terms, &rates).price(line);
    }

    fn taxing<'b>(&self, terms: &Terms, rates: &'b dyn Fn(&str) -> Decimal) -> Taxing<'b> {
        Taxing {
            inclusive: terms.inclusive,
            method: self.seed.tax_method,
            rates,
        }
    }

    /// As many lines as a document may have, at least `least` of them.
    pub(super) fn lines(
        &mut self,
        terms: &Terms,
        least: usize,
        recipe: &CoreNoteSeed,
        account: &Account,
    ) -> Vec<Json> {
        let generate = &self.seed.generate;
        let clean = terms.clean;
        let least = i64::try_from(least.max(1)).unwrap_or(1);
        let most = i64::try_from(generate.lines).unwrap_or(1).max(least);
        let count = self.chance.between(least, most);
        let other = (clean && self.chance.percent(generate.other_accounts))
            .then(|| self.chance.pick(&generate.account_codes).cloned())
            .flatten();
        let mut lines = Vec::new();
        for at in 0..count {
            let (sku, name, cents) = self.chance.pick(GOODS).copied().unwrap_or(GOODS[0]);
            let mut quantity = Decimal::from(self.chance.between(1, 6));
            let mut price = Decimal::new(cents, 2);
            if clean && self.chance.percent(generate.fine) {
                if self.chance.percent(50) {
                    quantity += Decimal::new(self.chance.between(1, 3) * 25, 2);
                } else {
                    price += Decimal::new(self.chance.between(1, 99), 4);
                }
            }
            let discount = if clean && self.chance.percent(generate.discount) {
                Decimal::new(self.chance.between(2, 30) * 125, 2)
            } else {
                Decimal::ZERO
            };
            let code = match (&recipe.account_code, &other) {
                (Some(code), _) => code.as_str(),
                (None, Some(code)) if at == 0 => code.as_str(),
                _ => "200",
            };
            let mut line = product(sku, name)
                .with("Quantity", json(quantity))
                .with("Price", json(price))
                .with("Discount", json(discount))
                .with("Tax", 0)
                .with("Total", 0)
                .with("AverageCost", json(Decimal::new(cents / 3, 2)))
                .with("TaxRule", terms.rule.as_str())
                .with("Account", code)
                .with("Comment", if at == 2 { "as agreed" } else { "" });
            self.price(&mut line, terms, account);
            lines.push(Json::Obj(line));
        }
        lines
    }

    pub(super) fn charges(&mut self, terms: &Terms, account: &Account) -> Vec<Json> {
        let generate = &self.seed.generate;
        if !terms.clean || !self.chance.percent(generate.charges) {
            return Vec::new();
        }
        let (name, cents) = self.chance.pick(CHARGES).copied().unwrap_or(CHARGES[0]);
        let mut charge = Object::new()
            .with("Description", name)
            .with("Quantity", 1)
            .with("Price", json(Decimal::new(cents, 2)))
            .with("Discount", 0)
            .with("Tax", 0)
            .with("Total", 0)
            .with("TaxRule", terms.rule.as_str())
            .with("Account", generate.charge_account.as_str())
            .with("Comment", "");
        self.price(&mut charge, terms, account);
        vec![Json::Obj(charge)]
    }

    pub(super) fn order(
        &self,
        terms: &Terms,
        lines: &[Json],
        charges: &[Json],
        account: &Account,
    ) -> Object {
        if matches!(terms.kind, SaleKind::StandAlone | SaleKind::Service) {
            return Object::new()
                .with("SaleOrderNumber", format!("SO-{:05}", self.sales))
                .with("Memo", Json::Null)
                .with("Status", PLACEHOLDER)
                .with("Lines", Vec::new())
                .with("AdditionalCharges", Vec::new())
                .with("TotalBeforeTax", 0)
                .with("Tax", 0)
                .with("Total", 0);
        }
        let mut order = Object::new()
            .with("SaleOrderNumber", format!("SO-{:05}", self.sales))
            .with("Memo", Json::Null)
            .with("Status", "AUTHORISED")
            .with("Lines", lines.to_vec())
            .with("AdditionalCharges", charges.to_vec());
        self.total_up(&mut order, terms, account);
        order
    }

    fn total_up(&self, block: &mut Object, terms: &Terms, account: &Account) {
        let rates = |rule: &str| account.tax_percent(rule);
        self.taxing(terms, &rates).total_up(block);
    }

    /// The id of a block: the sale's own, unless the sale is an advanced one.
    fn task(&mut self, terms: &Terms) -> String {
        let mixed = self.seed.behaviour.mixed_case_ids;
        let id = if terms.kind == SaleKind::Advanced {
            self.chance.guid()
        } else {
            terms.id
        };
        stamps::id(id, mixed)
    }

    pub(super) fn invoice(
        &mut self,
        terms: &Terms,
        date: Date,
        lines: &[Json],
        charges: &[Json],
        account: &Account,
        invoices: &mut Vec<Json>,
    ) {
        // A voided invoice stays beside the one that replaced it.
        let reissued = terms.kind == SaleKind::Advanced && self.chance.percent(25);
        let count = if reissued { 2 } else { 1 };
        for at in 0..count {
            self.invoices = self.invoices.saturating_add(1);
            let due = date.checked_add(30.days()).unwrap_or(date);
            let mut invoice = Object::new()
                .with("TaskID", self.task(terms))
                .with("InvoiceNumber", format!("INV-{:05}", self.invoices))
                .with("Memo", "")
                .with("Status", "AUTHORISED")
                .with("InvoiceDate", day(date))
                .with("InvoiceDueDate", day(due))
                .with("CurrencyConversionRate", json(round(terms.rate, 4)))
                .with("BillingAddressLine1", "1 Quay St")
                .with("BillingAddressLine2", "Sydney NSW 2000 Australia")
                .with("LinkedFulfillmentNumber", "1")
                .with("Lines", lines.to_vec())
                .with("AdditionalCharges", charges.to_vec())
                .with("Payments", Vec::new());
            self.total_up(&mut invoice, terms, account);
            invoice.set("Paid", 0);
            if reissued && at == 0 {
                changes::one(&mut invoice, Change::Void);
            } else if self.chance.percent(50) {
                let amount = round(number(&invoice, "Total"), 2);
                let payment = self.payment(terms, amount, date);
                invoice.set("Payments", vec![payment]);
                invoice.set("Paid", json(amount));
                invoice.set("Status", "PAID");
            }
            invoices.push(Json::Obj(invoice));
        }
    }

    fn payment(&mut self, terms: &Terms, amount: Decimal, date: Date) -> Json {
        let created = self.after(date, 10 * 3_600_000);
        let ticks = self.chance.between(0, 9_999_999);
        Object::new()
            .with("ID", self.chance.guid().to_string())
            .with("Reference", format!("ch_{}", self.chance.below(90_000)))
            .with("Amount", Json::fixed(amount, 2))
            .with("DatePaid", day(date))
            .with("Account", "091")
            .with("CurrencyRate", json(round(terms.rate, 4)))
            .with("DateCreated", stamps::ticks(created, ticks))
            .into()
    }

    /// Lines of an invoice as a credit note gives them back: all of a line, or a part of it.
    pub(super) fn returned<'l>(
        &mut self,
        lines: impl Iterator<Item = &'l Json>,
        terms: &Terms,
        account: &Account,
    ) -> Vec<Json> {
        let mut returned = Vec::new();
        for line in lines.filter_map(Json::as_object) {
            let mut line = line.clone();
            let whole = number(&line, "Quantity").trunc();
            let whole = i64::try_from(whole).unwrap_or_default();
            if whole > 1 && self.chance.percent(60) {
                line.set("Quantity", Json::int(self.chance.between(1, whole)));
                self.price(&mut line, terms, account);
            }
            returned.push(Json::Obj(line));
        }
        returned
    }

    /// A credit note with these lines and charges.
    pub(super) fn note(
        &mut self,
        terms: &Terms,
        recipe: &CoreNoteSeed,
        date: Date,
        invoice: &str,
        (lines, charges): (Vec<Json>, Vec<Json>),
        account: &Account,
    ) -> Object {
        let (lines, charges) = match recipe.amounts {
            CoreAmounts::Credit => (lines, charges),
            CoreAmounts::Zero => (self.pair(terms, recipe, account), Vec::new()),
            CoreAmounts::Negative => (self.turned(lines, terms, account), Vec::new()),
        };
        let number_text = recipe.number.clone().unwrap_or_else(|| {
            self.notes = self.notes.saturating_add(1);
            format!("CR-{:05}", self.notes)
        });
        let restock = lines.iter().filter_map(Json::as_object).take(1);
        let restock: Vec<Json> = restock.map(|it| self.restock(it)).collect();
        let mut note = Object::new()
            .with("TaskID", self.task(terms))
            .with("CreditNoteInvoiceNumber", invoice)
            .with("Memo", "")
            .with("Status", "AUTHORISED")
            .with("CreditNoteDate", day(date))
            .with("CreditNoteNumber", number_text)
            .with("CreditNoteConversionRate", json(round(terms.rate, 4)))
            .with("Lines", lines)
            .with("AdditionalCharges", charges)
            .with("Refunds", Vec::new())
            .with("Restock", restock);
        self.total_up(&mut note, terms, account);
        if terms.clean && self.chance.percent(self.seed.generate.refunded) {
            let amount = round(number(&note, "Total"), 2);
            let refund = self.payment(terms, amount, date);
            note.set("Refunds", vec![refund]);
        }
        let rates = |rule: &str| account.tax_percent(rule);
        let taxing = self.taxing(terms, &rates);
        if recipe.status != "AUTHORISED" {
            let status = Object::new().with("Status", recipe.status.as_str());
            patch_note(&mut note, &Json::Obj(status), &taxing);
        }
        if !recipe.patch.is_null() {
            patch_note(&mut note, &recipe.patch, &taxing);
        }
        note
    }

    /// Two lines that cancel out.
    fn pair(&mut self, terms: &Terms, recipe: &CoreNoteSeed, account: &Account) -> Vec<Json> {
        let code = recipe.account_code.as_deref().unwrap_or("200");
        [1, -1]
            .into_iter()
            .map(|quantity: i64| {
                let mut line = product("TEA-100", "Green tea 100g")
                    .with("Quantity", Json::int(quantity))
                    .with("Price", Json::Num("45".into()))
                    .with("Discount", 0)
                    .with("TaxRule", terms.rule.as_str())
                    .with("Account", code)
                    .with("Comment", "");
                self.price(&mut line, terms, account);
                Json::Obj(line)
            })
            .collect()
    }

    fn turned(&self, lines: Vec<Json>, terms: &Terms, account: &Account) -> Vec<Json> {
        let turn = |line| match line {
            Json::Obj(mut line) => {
                line.set("Quantity", json(-number(&line, "Quantity")));
                self.price(&mut line, terms, account);
                Json::Obj(line)
            }
            other => other,
        };
        lines.into_iter().map(turn).collect()
    }

    fn restock(&self, line: &Object) -> Json {
        let take = |name: &str| line.get(name).cloned().unwrap_or_default();
        Object::new()
            .with("ProductID", take("ProductID"))
            .with("SKU", take("SKU"))
            .with("Name", take("Name"))
            .with("Location", "Main Warehouse")
            .with("LocationID", product_id("Main Warehouse").to_string())
            .with("Quantity", take("Quantity"))
            .with("BatchSN", Json::Null)
            .with("ExpiryDate", Json::Null)
            .with("RestockLocation", "Main Warehouse")
            .with(
                "RestockLocationID",
                product_id("Main Warehouse").to_string(),
            )
            .into()
    }

    pub(super) fn movements(&self, terms: &Terms, date: Date, lines: &[Json]) -> Vec<Json> {
        let mixed = self.seed.behaviour.mixed_case_ids;
        lines
            .iter()
            .filter_map(Json::as_object)
            .map(|line| {
                let cost = round(number(line, "Quantity") * number(line, "AverageCost"), 4);
                Object::new()
                    .with("TaskID", stamps::id(terms.id, mixed))
                    .with("ProductID", line.get("ProductID").cloned())
                    .with("Date", day(date))
                    .with("COGS", json(cost))
                    .into()
            })
            .collect()
    }
}

/// The id of a product follows from its SKU.
fn product_id(sku: &str) -> Uuid {
    Chance::named(1, sku).guid()
}

/// The start of a line: every object that names a product also repeats its size.
fn product(sku: &str, name: &str) -> Object {
    Object::new()
        .with("ProductID", product_id(sku).to_string())
        .with("SKU", sku)
        .with("Name", name)
        .with("ProductLength", 0)
        .with("ProductWidth", 0)
        .with("ProductHeight", 0)
        .with("ProductWeight", Json::Num("0.1".into()))
        .with("WeightUnits", "kg")
        .with("DimensionsUnits", "cm")
        .with("ProductCustomField1", "")
}
