//! Makes up sales orders and purchase orders as Omni holds them, in every state that they can be
//! in: not approved, not invoiced, void, in the books already, not for the books, batched, goods
//! not moved.
//!
//! Answers are as uneven as the vendor's: fields are null or missing, status comes in two cases,
//! fractions have seven digits, and what was entered through the API has dates of midnight in UTC.

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

use super::account::Account;
use super::filter::instant;
use super::fresh::not_imported;
use super::generate::Customer;
use super::generate_rest::{option_of, product_of};
use super::maker::{GOODS, Line, Maker};
use super::money::{amount, cents, number, quantity, rounded, text, total_up};
use super::resources::Sort;
use super::rules;
use super::seed::OrderSeed;
use super::writing::stamp;
use super::writing_lines;
use crate::chance::Chance;
use crate::json::{Json, Object};
use crate::seed::SeedError;

const FIRST_SALE_ID: i64 = 3_000_001;
const FIRST_SALE_LINE_ID: i64 = 3_500_001;
const FIRST_PURCHASE_ID: i64 = 4_000_001;
const FIRST_PURCHASE_LINE_ID: i64 = 4_500_001;
const FIRST_INVOICE: i64 = 20_001;

/// What has become of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Ready,
    NotApproved,
    NotInvoiced,
    Void,
    Imported,
    DoNotImport,
    Batched,
}

/// Puts the named orders and the made-up ones into the account; the ids of the sales that were
/// merged into batches.
pub(super) fn plant(
    ground: &Maker<'_>,
    suppliers: Vec<Customer>,
    account: &mut Account,
) -> Result<Vec<i64>, SeedError> {
    let seed = ground.seed;
    let mut sales = OrderMaker {
        maker: ground.fork("sales orders", FIRST_SALE_LINE_ID),
        sort: Sort::SalesOrder,
        next_id: FIRST_SALE_ID,
        serial: 10_000,
        batched: Vec::new(),
    };
    if seed.generate.sales > 0 || !seed.sales_orders.is_empty() {
        account.next_invoice = account.next_invoice.max(FIRST_INVOICE);
    }
    sales.plant(seed.generate.sales, &seed.sales_orders, account)?;
    let mut maker = ground.fork("purchase orders", FIRST_PURCHASE_LINE_ID);
    maker.contacts = suppliers;
    let mut purchases = OrderMaker {
        maker,
        sort: Sort::PurchaseOrder,
        next_id: FIRST_PURCHASE_ID,
        serial: 3300,
        batched: Vec::new(),
    };
    purchases.plant(seed.generate.purchases, &seed.purchase_orders, account)?;
    Ok(sales.batched)
}

/// Makes orders of one sort.
pub(super) struct OrderMaker<'a> {
    maker: Maker<'a>,
    sort: Sort,
    next_id: i64,
    serial: i64,
    batched: Vec<i64>,
}

impl<'a> OrderMaker<'a> {
    /// Makes sales orders with ids and references from these on.
    pub(super) fn of_sales(maker: Maker<'a>, next_id: i64, serial: i64) -> Self {
        Self {
            maker,
            sort: Sort::SalesOrder,
            next_id,
            serial,
            batched: Vec::new(),
        }
    }

    fn plant(
        &mut self,
        count: usize,
        named: &[OrderSeed],
        account: &mut Account,
    ) -> Result<(), SeedError> {
        let ordinary = OrderSeed::default();
        let clean = std::iter::repeat_n((&ordinary, true), count);
        let named = named
            .iter()
            .flat_map(|it| std::iter::repeat_n((it, false), it.count));
        for (recipe, clean) in clean.chain(named) {
            self.plant_one(recipe, clean, account)?;
        }
        Ok(())
    }

    /// Puts one into the account, and answers with what it is.
    pub(super) fn plant_one(
        &mut self,
        recipe: &OrderSeed,
        clean: bool,
        account: &mut Account,
    ) -> Result<Object, SeedError> {
        let made = self.order(recipe, clean, account)?;
        let made = patched(made, &recipe.patch, self.sort, account);
        account.put(self.resource(), made.clone().into());
        Ok(made)
    }

    fn resource(&self) -> &'static str {
        match self.sort {
            Sort::PurchaseOrder => "PurchaseOrders",
            _ => "SalesOrders",
        }
    }

    fn order(
        &mut self,
        recipe: &OrderSeed,
        clean: bool,
        account: &Account,
    ) -> Result<Object, SeedError> {
        let sale = self.sort == Sort::SalesOrder;
        let what = if sale {
            "a sales order"
        } else {
            "a purchase order"
        };
        let contact = self.maker.contact(&recipe.contact, what)?;
        let fate = if clean { self.fate() } else { Fate::Ready };
        let moved = !(clean
            && self
                .maker
                .chance
                .percent(self.maker.seed.generate.not_moved));
        let currency = self.maker.currency(recipe.currency.as_deref(), clean);
        let drawn = self.maker.tax_status(&currency);
        let tax_status = recipe.tax_status.as_deref().unwrap_or(drawn);
        let (id, serial) = (self.next_id, self.serial.saturating_add(1));
        (self.next_id, self.serial) = (id.saturating_add(1), serial);
        if fate == Fate::Batched {
            self.batched.push(id);
        }
        let date = match recipe.date {
            Some(date) => date,
            None => self.maker.date(),
        };
        let (prefix, origin) = if sale { ("SO", "Shopify") } else { ("PO", "") };
        // What other programs write is dated at midnight of UTC, not of the account.
        let by_api = clean && self.maker.chance.percent(10);
        let invoiced = if by_api {
            utc_midnight(date)
        } else {
            self.maker.midnight(date)
        };
        let created = later(invoiced, -self.maker.chance.between(3600, 5 * 86_400));
        let modified = later(invoiced, self.maker.chance.between(8 * 3600, 17 * 3600));
        let mut order = Object::new()
            .with("id", id)
            .with("createdDate", stamp(created))
            .with("modifiedDate", self.maker.modified(modified))
            .with("createdBy", 11)
            .with("processedBy", 12)
            .with("isApproved", fate != Fate::NotApproved)
            .with("reference", format!("{prefix}-{serial}"))
            .with("status", self.status(fate))
            .with("isVoid", fate == Fate::Void)
            .with("memberId", contact.id)
            .with("memberEmail", contact.email.as_str())
            .with("company", contact.company.as_str())
            .with("firstName", "Jo")
            .with("lastName", "Day")
            .with("billingCompany", contact.company.as_str())
            .with("billingAddress1", "1 Quay St")
            .with("billingCity", "Sydney")
            .with("billingCountry", "Australia")
            .with("deliveryCity", "Sydney")
            .with("branchId", self.maker.chance.between(3, 5))
            .with("stage", if moved && sale { "Dispatched" } else { "New" })
            .with("source", if by_api { "API" } else { origin })
            .with("paymentTerms", self.terms())
            .with("costCenter", self.cost_center(clean))
            .with("alternativeTaxRate", Json::Null)
            .with("memberCostCenter", contact.cost_center.clone())
            .with("memberAlternativeTaxRate", contact.tax_rate.clone())
            .with("internalComments", "")
            .with("currencyCode", currency.as_str())
            .with("currencyRate", self.maker.currency_rate(&currency))
            .with("currencySymbol", "$")
            .with("taxStatus", tax_status)
            .with("taxRate", self.tax_rate(tax_status))
            .with("accountingAttributes", self.attributes(fate, modified));
        self.own_fields(&mut order, fate, invoiced, (serial, moved), account);
        let lines = self.lines(recipe, clean, (id, moved), created);
        self.parts(&mut order, clean, &lines);
        order.set("customFields", self.maker.custom_fields());
        order.set(
            "lineItems",
            lines
                .into_iter()
                .map(|it| it.object.into())
                .collect::<Vec<Json>>(),
        );
        total_up(&mut order, self.sort);
        self.thin_out(&mut order);
        Ok(order)
    }

    fn fate(&mut self) -> Fate {
        let generate = &self.maker.seed.generate;
        let batched = match self.sort {
            Sort::SalesOrder => generate.batched,
            _ => 0,
        };
        let shares = [
            (Fate::NotApproved, generate.not_approved),
            (Fate::NotInvoiced, generate.not_invoiced),
            (Fate::Void, generate.void),
            (Fate::Imported, generate.imported),
            (Fate::DoNotImport, generate.do_not_import),
            (Fate::Batched, batched),
        ];
        let mut left = self.maker.chance.below(100);
        for (fate, share) in shares {
            if left < share {
                return fate;
            }
            left = left.saturating_sub(share);
        }
        Fate::Ready
    }

    fn status(&mut self, fate: Fate) -> &'static str {
        let odd = self.maker.chance.percent(10);
        match (fate, odd) {
            (Fate::NotApproved, false) => "DRAFT",
            (Fate::NotApproved, true) => "Draft",
            (Fate::Void, false) => "VOID",
            (Fate::Void, true) => "Void",
            (_, false) => "APPROVED",
            (_, true) => "Approved",
        }
    }

    fn attributes(&mut self, fate: Fate, at: Timestamp) -> Object {
        let status = match fate {
            Fate::Imported => "Imported",
            Fate::DoNotImport | Fate::Batched => "DoNotImport",
            _ => return not_imported(),
        };
        let zone = self.maker.zone.clone();
        let local = later(at, 3600).to_zoned(zone);
        let when = match fate {
            Fate::Imported => local.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string().into(),
            _ => Json::Null,
        };
        Object::new()
            .with("importDate", when)
            .with("accountingImportStatus", status)
    }

    fn terms(&mut self) -> Json {
        let terms = &self.maker.seed.generate.payment_terms;
        self.maker.chance.pick(terms).map(String::as_str).into()
    }

    fn cost_center(&mut self, clean: bool) -> Json {
        let generate = &self.maker.seed.generate;
        if generate.cost_centers.is_empty()
            || !clean
            || !self.maker.chance.percent(generate.other_accounts)
        {
            return Json::Null;
        }
        let name = self.maker.chance.pick(&generate.cost_centers);
        name.map(String::as_str).into()
    }

    fn tax_rate(&self, tax_status: &str) -> Json {
        let percent = self.maker.seed.generate.tax_percent;
        if tax_status.eq_ignore_ascii_case("exempt") {
            return self.maker.tax_rate(Decimal::ZERO);
        }
        self.maker.tax_rate(percent / Decimal::ONE_HUNDRED)
    }

    /// What sales orders and purchase orders do not share.
    fn own_fields(
        &mut self,
        order: &mut Object,
        fate: Fate,
        invoiced: Timestamp,
        (serial, moved): (i64, bool),
        account: &Account,
    ) {
        let without = fate == Fate::NotInvoiced
            || (fate == Fate::NotApproved && self.maker.chance.percent(50));
        let invoice = (!without).then(|| stamp(invoiced));
        let went = later(invoiced, self.maker.chance.between(0, 86_399));
        let went = moved.then(|| stamp(went));
        order.set("invoiceDate", invoice);
        if self.sort == Sort::SalesOrder {
            let number = if without { 0 } else { account.next_invoice };
            order.set("invoiceNumber", number);
            order.set("dispatchedDate", went);
            order.set("customerOrderNo", format!("PO {serial}"));
            order.set("voucherCode", "");
            return;
        }
        let reference = if without {
            String::new()
        } else {
            format!("INV-{}", self.maker.chance.between(10_000, 99_999))
        };
        order.set("supplierInvoiceReference", reference);
        order.set("fullyReceivedDate", went);
        order.set("port", "");
    }

    fn lines(
        &mut self,
        recipe: &OrderSeed,
        clean: bool,
        (order, moved): (i64, bool),
        created: Timestamp,
    ) -> Vec<Line> {
        let mut lines = match self.sort {
            Sort::PurchaseOrder => self.bought(clean),
            _ => self.maker.lines(1, clean),
        };
        let generate = &self.maker.seed.generate;
        let others = match self.sort {
            Sort::PurchaseOrder => &generate.purchase_account_codes,
            _ => &generate.account_codes,
        };
        let code = match &recipe.account_code {
            Some(code) => Some((code, lines.len())),
            None if clean && self.maker.chance.percent(generate.other_accounts) => {
                self.maker.chance.pick(others).map(|it| (it, 1))
            }
            None => None,
        };
        if let Some((code, first)) = code {
            for line in lines.iter_mut().take(first) {
                line.object.set("accountCode", code.as_str());
            }
        }
        // Some of what has not all moved has moved in part.
        let part = !moved && self.maker.chance.percent(50);
        let mut place = 0_i64;
        for line in &mut lines {
            place = place.saturating_add(1);
            let object = &mut line.object;
            let ordered = number(object, "qty");
            let shipped = match (moved, part) {
                (true, _) => ordered,
                (false, true) => (ordered / Decimal::TWO).floor(),
                (false, false) => Decimal::ZERO,
            };
            let code = text(object, "code").to_owned();
            object.set("createdDate", stamp(created));
            object.set("transactionId", order);
            object.set("productId", product_of(&code));
            object.set("productOptionId", option_of(&code));
            object.set("qtyShipped", quantity(shipped));
            object.set("holdingQty", quantity(Decimal::ZERO));
            object.set("sort", place);
            if self.sort == Sort::PurchaseOrder {
                object.remove("unitCost");
                object.set("supplierCode", format!("S-{code}"));
            } else {
                let cost = cost_of(&code).unwrap_or_default();
                object.set("unitCost", amount(cost));
                object.set("uomSize", quantity(Decimal::ONE));
                object.set("uomQtyOrdered", quantity(ordered));
                object.set("uomQtyShipped", quantity(shipped));
                object.set(
                    "uomPrice",
                    object.get("unitPrice").cloned().unwrap_or_default(),
                );
            }
            object.set("stockControl", "FIFO");
        }
        lines
    }

    fn bought(&mut self, clean: bool) -> Vec<Line> {
        let most = i64::try_from(self.maker.seed.generate.lines.max(1)).unwrap_or(1);
        let count = self.maker.chance.between(1, most);
        let mut lines = Vec::new();
        for _ in 0..count {
            let (code, name, price) = self.maker.chance.pick(GOODS).copied().unwrap_or(GOODS[0]);
            let wanted = Decimal::from(self.maker.chance.between(2, 40).saturating_mul(5));
            // Suppliers' prices move a little around what the goods are listed at.
            let drift = cents(self.maker.chance.between(-9, 9));
            let each = cents(price) * Decimal::new(4, 1) + drift;
            let discount = if clean && self.maker.chance.percent(6) {
                cents(self.maker.chance.between(1, 8).saturating_mul(25))
            } else {
                Decimal::ZERO
            };
            let each = rounded(each);
            lines.push(self.maker.made(code, name, wanted, each, discount, 0));
        }
        lines
    }

    fn parts(&mut self, order: &mut Object, clean: bool, lines: &[Line]) {
        let generate = &self.maker.seed.generate;
        let product: Decimal = lines.iter().map(|it| it.amount).sum();
        let freight = self.maker.part(clean, generate.freight, 60);
        let surcharge = self.maker.part(clean, generate.surcharge, 20);
        let discount = if product > Decimal::from(20) {
            self.maker.part(clean, generate.discount, 10)
        } else {
            Decimal::ZERO
        };
        for (name, description, words, value) in [
            ("freightTotal", "freightDescription", "Courier", freight),
            ("surcharge", "surchargeDescription", "Handling", surcharge),
            ("discountTotal", "discountDescription", "Loyalty", discount),
        ] {
            order.set(name, amount(value));
            order.set(description, if value.is_zero() { "" } else { words });
        }
    }

    /// Some answers leave a field out where others say null or nothing.
    fn thin_out(&mut self, order: &mut Object) {
        for name in [
            "costCenter",
            "alternativeTaxRate",
            "voucherCode",
            "dispatchedDate",
            "fullyReceivedDate",
            "invoiceDate",
            "invoiceNumber",
            "surchargeDescription",
        ] {
            let empty = order.get(name).is_some_and(|it| {
                it.is_null() || it.as_str() == Some("") || it.as_i64() == Some(0)
            });
            if empty && self.maker.chance.percent(33) {
                order.remove(name);
            }
        }
    }
}

/// What one unit costs on the list of goods.
pub(super) fn cost_of(code: &str) -> Option<Decimal> {
    let (_, _, price) = GOODS.iter().find(|(held, _, _)| *held == code)?;
    Some(rounded(cents(*price) * Decimal::new(4, 1)))
}

/// A document with a patch over it, and what follows from the patch.
pub(super) fn patched(made: Object, patch: &Json, sort: Sort, account: &mut Account) -> Object {
    if patch.is_null() {
        return made;
    }
    let mut whole = Json::Obj(made.clone());
    whole.merge(patch.clone());
    let Json::Obj(mut document) = whole else {
        return made;
    };
    writing_lines::number(&mut document, sort, account);
    rules::settle(&mut document, &made, sort, account);
    if patch.get("total").is_none() && patch.get("productTotal").is_none() {
        rules::follow_totals(&mut document, &made, sort);
    }
    document
}

/// An instant some seconds later.
pub(super) fn later(instant: Timestamp, seconds: i64) -> Timestamp {
    instant
        .checked_add(SignedDuration::from_secs(seconds))
        .unwrap_or(instant)
}

fn utc_midnight(date: Date) -> Timestamp {
    date.at(0, 0, 0, 0)
        .to_zoned(jiff::tz::TimeZone::UTC)
        .map_or(Timestamp::UNIX_EPOCH, |it| it.timestamp())
}

/// A sale that a credit note may refer to.
struct Creditable {
    invoiced: Timestamp,
    total: Decimal,
    order: Object,
}

/// Makes the clean credit notes credit generated sales: one of the same currency and tax, invoiced
/// before and worth as much, where there is one.
pub(super) fn refer(ground: &Maker<'_>, account: &mut Account) {
    let mut chance = Chance::named(ground.seed.generate.seed, "credited sales");
    let sales = creditable(account);
    let count = ground.seed.generate.credit_notes;
    let notes: Vec<Json> = account
        .rows("CreditNotes")
        .into_iter()
        .flat_map(|it| it.by_id().take(count).map(|(_, row)| row.document()))
        .collect();
    for note in notes {
        let Json::Obj(mut note) = note else { continue };
        let date = instant(text(&note, "creditNoteDate")).unwrap_or_default();
        let same = |name: &str, it: &Creditable| text(&it.order, name) == text(&note, name);
        let fits: Vec<&Creditable> = sales
            .iter()
            .filter(|it| same("currencyCode", it) && same("taxStatus", it))
            .filter(|it| it.invoiced <= date && it.total >= -number(&note, "total"))
            .collect();
        let Some(sale) = chance.pick(&fits) else {
            continue;
        };
        let reference = sale.order.get("reference").cloned();
        note.set("salesReference", reference);
        for name in [
            "memberId",
            "memberEmail",
            "company",
            "billingCompany",
            "branchId",
        ] {
            note.set(name, sale.order.get(name).cloned().unwrap_or_default());
        }
        account.put("CreditNotes", note.into());
    }
}

fn creditable(account: &Account) -> Vec<Creditable> {
    account
        .rows("SalesOrders")
        .into_iter()
        .flat_map(|it| it.by_id().map(|(_, row)| row.document()))
        .filter_map(|order| {
            let Json::Obj(order) = order else { return None };
            let approved = text(&order, "status").eq_ignore_ascii_case("approved");
            let invoiced = instant(text(&order, "invoiceDate"))?;
            approved.then(|| Creditable {
                invoiced,
                total: number(&order, "total"),
                order,
            })
        })
        .collect()
}
