//! Makes up what stands around orders: products, adjustments, payments, and the two sorts of
//! document that only exports tell, supplier credit notes and landed costs.

use jiff::Timestamp;
use rust_decimal::Decimal;

use super::account::Account;
use super::filter::instant;
use super::generate_orders::{cost_of, later, patched};
use super::maker::{GOODS, Maker};
use super::money::{amount, cents, number, quantity, rounded, text, total_up};
use super::resources::Sort;
use super::seed::{AdjustmentSeed, PaymentSeed};
use super::writing::{find, stamp};
use crate::json::{Json, Object};
use crate::seed::SeedError;

const FIRST_PAYMENT_ID: i64 = 6_000_001;
const FIRST_ADJUSTMENT_ID: i64 = 7_000_001;
const FIRST_SUPPLIER_NOTE_ID: i64 = 8_000_001;
const FIRST_LANDED_COST_ID: i64 = 9_000_001;
const FIRST_PRODUCT_ID: i64 = 101;
const FIRST_OPTION_ID: i64 = 201;

/// Id of the product of a code; 0 where there is none.
pub(super) fn product_of(code: &str) -> i64 {
    place_of(code).map_or(0, |at| FIRST_PRODUCT_ID.saturating_add(at))
}

/// Id of the option of a code; 0 where there is none.
pub(super) fn option_of(code: &str) -> i64 {
    place_of(code).map_or(0, |at| FIRST_OPTION_ID.saturating_add(at))
}

fn place_of(code: &str) -> Option<i64> {
    let at = GOODS.iter().position(|(held, _, _)| *held == code)?;
    i64::try_from(at).ok()
}

/// Puts a product with one option for each of the goods into the account.
pub(super) fn products(account: &mut Account, past: Timestamp) {
    for (code, name, price) in GOODS {
        let (product, option) = (product_of(code), option_of(code));
        let cost = cost_of(code).unwrap_or_default();
        let option = Object::new()
            .with("id", option)
            .with("productId", product)
            .with("createdDate", stamp(past))
            .with("modifiedDate", stamp(past))
            .with("status", "Primary")
            .with("productOptionCode", *code)
            .with("option1", "")
            .with("retailPrice", amount(cents(*price)))
            .with("priceColumns", Object::new().with("costAUD", amount(cost)));
        let held = Object::new()
            .with("id", product)
            .with("createdDate", stamp(past))
            .with("modifiedDate", stamp(past))
            .with("status", "Public")
            .with("styleCode", *code)
            .with("name", *name)
            .with("category", "Homewares")
            .with("stockControl", 5)
            .with("salesAccount", "")
            .with("purchasesAccount", "")
            .with("productOptions", vec![option.clone().into()]);
        account.put("Products", held.into());
        account.put("ProductOptions", option.into());
    }
}

/// Puts everything that stands around orders into the account.
pub(super) fn plant(
    ground: &Maker<'_>,
    batched: &[i64],
    account: &mut Account,
) -> Result<(), SeedError> {
    adjustments(ground, account);
    supplier_credit_notes(ground, account);
    landed_costs(ground, account);
    payments(ground, batched, account)
}

fn adjustments(ground: &Maker<'_>, account: &mut Account) {
    let mut maker = ground.fork("adjustments", FIRST_ADJUSTMENT_ID.saturating_add(500_000));
    let ordinary = AdjustmentSeed::default();
    let generate = &ground.seed.generate;
    let clean = std::iter::repeat_n((&ordinary, true), generate.adjustments);
    let named = ground.seed.adjustments.iter();
    let named = named.flat_map(|it| std::iter::repeat_n((it, false), it.count));
    let mut id = FIRST_ADJUSTMENT_ID;
    for (recipe, clean) in clean.chain(named) {
        let date = recipe.date.unwrap_or_else(|| maker.date());
        let at = maker.midnight(date);
        let made = adjustment(&mut maker, id, at, clean);
        id = id.saturating_add(1);
        let made = patched(made, &recipe.patch, Sort::Adjustment, account);
        account.put("Adjustments", made.into());
    }
}

fn adjustment(maker: &mut Maker<'_>, id: i64, at: Timestamp, clean: bool) -> Object {
    let generate = &maker.seed.generate;
    let approved = !(clean && maker.chance.percent(generate.not_approved));
    let for_books = !(clean && maker.chance.percent(generate.not_invoiced));
    let reasons = ["Damaged", "Stocktake", "Found", "Sample"];
    let reason = maker.chance.pick(&reasons).copied().unwrap_or_default();
    let modified = later(at, maker.chance.between(3600, 40_000));
    let count = maker.chance.between(1, 3);
    let mut lines: Vec<Json> = Vec::new();
    for place in 1..=count {
        let (code, name, _) = maker.chance.pick(GOODS).copied().unwrap_or(GOODS[0]);
        let size = maker.chance.between(1, 6);
        let delta = if maker.chance.percent(70) {
            -size
        } else {
            size
        };
        let held = maker.chance.between(20, 200);
        let line = Object::new()
            .with("id", maker.next_line)
            .with("parentId", 0)
            .with("productId", product_of(code))
            .with("productOptionId", option_of(code))
            .with("code", code)
            .with("name", name)
            .with("qty", quantity(Decimal::from(held.saturating_add(delta))))
            .with("qtyAdjusted", quantity(Decimal::from(delta)))
            .with("holdingQty", quantity(Decimal::ZERO))
            .with("unitCost", amount(cost_of(code).unwrap_or_default()))
            .with("account", "")
            .with("sort", place);
        maker.next_line = maker.next_line.saturating_add(1);
        lines.push(line.into());
    }
    let other = clean && maker.chance.percent(generate.other_accounts);
    let code = match maker.chance.pick(&generate.purchase_account_codes) {
        Some(code) if other => code.as_str(),
        _ => "",
    };
    let mut made = Object::new()
        .with("id", id)
        .with("createdDate", stamp(at))
        .with("modifiedDate", maker.modified(modified))
        .with("createdBy", 11)
        .with("isApproved", approved)
        .with("reference", format!("ADJ-{}", id % 100_000))
        .with("branchId", maker.chance.between(3, 5))
        .with("completedDate", approved.then(|| stamp(at)))
        .with("adjustInAccountingSystem", for_books.then(|| stamp(at)))
        .with("adjustmentReason", reason)
        .with("alternativeAccountCode", code)
        .with("source", "Backend")
        .with("lineItems", lines);
    total_up(&mut made, Sort::Adjustment);
    made
}

/// The approved documents of a resource with an instant in this field.
fn dated(account: &Account, resource: &str, date: &str) -> Vec<Object> {
    let rows = account.rows(resource).into_iter().flat_map(|it| it.by_id());
    rows.filter_map(|(_, row)| match row.document() {
        Json::Obj(order) => Some(order),
        _ => None,
    })
    .filter(|it| text(it, "status").eq_ignore_ascii_case("approved"))
    .filter(|it| instant(text(it, date)).is_some())
    .collect()
}

fn supplier_credit_notes(ground: &Maker<'_>, account: &mut Account) {
    let mut maker = ground.fork(
        "supplier credit notes",
        FIRST_SUPPLIER_NOTE_ID.saturating_add(500_000),
    );
    let orders = dated(account, "PurchaseOrders", "invoiceDate");
    for nth in 0..ground.seed.generate.supplier_credit_notes {
        let Some(order) = maker.chance.pick(&orders).cloned() else {
            return;
        };
        let id = FIRST_SUPPLIER_NOTE_ID.saturating_add(i64::try_from(nth).unwrap_or(0));
        let bought: Vec<Object> = super::money::lines(&order).cloned().collect();
        let Some(bought) = maker.chance.pick(&bought).cloned() else {
            continue;
        };
        let back = Decimal::from(maker.chance.between(1, 4));
        let mut line = Object::new().with("id", maker.next_line);
        maker.next_line = maker.next_line.saturating_add(1);
        for name in ["code", "name", "unitPrice", "accountCode"] {
            line.set(name, bought.get(name).cloned().unwrap_or_default());
        }
        line.set("qty", quantity(-back));
        line.set("discount", amount(Decimal::ZERO));
        let invoiced = instant(text(&order, "invoiceDate")).unwrap_or_default();
        let date = later(invoiced, maker.chance.between(1, 9).saturating_mul(86_400));
        let mut note = Object::new()
            .with("id", id)
            .with("createdDate", stamp(date))
            .with("modifiedDate", stamp(date))
            .with("isApproved", true)
            .with("status", "APPROVED")
            .with("reference", format!("SCN-{}", id % 100_000))
            .with("supplierCreditNoteNumber", format!("CR{}", id % 100_000))
            .with("supplierCreditNoteDate", stamp(date))
            .with(
                "purchaseOrder",
                order.get("reference").cloned().unwrap_or_default(),
            );
        for name in [
            "memberId",
            "company",
            "supplierInvoiceReference",
            "branchId",
            "currencyCode",
            "currencyRate",
            "taxStatus",
            "taxRate",
        ] {
            note.set(name, order.get(name).cloned().unwrap_or_default());
        }
        for name in ["freightTotal", "surcharge", "discountTotal"] {
            note.set(name, amount(Decimal::ZERO));
        }
        note.set("lineItems", vec![line.into()]);
        total_up(&mut note, Sort::SupplierCreditNote);
        account.put("SupplierCreditNotes", note.into());
    }
}

fn landed_costs(ground: &Maker<'_>, account: &mut Account) {
    let mut maker = ground.fork("landed costs", FIRST_LANDED_COST_ID.saturating_add(500_000));
    let orders = dated(account, "PurchaseOrders", "fullyReceivedDate");
    for nth in 0..ground.seed.generate.landed_costs {
        let Some(order) = maker.chance.pick(&orders).cloned() else {
            return;
        };
        let id = FIRST_LANDED_COST_ID.saturating_add(i64::try_from(nth).unwrap_or(0));
        let received = instant(text(&order, "fullyReceivedDate")).unwrap_or_default();
        let mut rows: Vec<Json> = Vec::new();
        for (category, description, share) in [
            ("Freight", "Sea freight", 100),
            ("Customs", "Import duty", 60),
            ("Insurance", "Cargo insurance", 30),
        ] {
            if !maker.chance.percent(share) {
                continue;
            }
            let row = Object::new()
                .with("id", maker.next_line)
                .with("category", category)
                .with("description", description)
                .with("amount", amount(cents(maker.chance.between(2500, 90_000))));
            maker.next_line = maker.next_line.saturating_add(1);
            rows.push(row.into());
        }
        let cost = Object::new()
            .with("id", id)
            .with("createdDate", stamp(received))
            .with("modifiedDate", stamp(received))
            .with(
                "purchaseOrder",
                order.get("reference").cloned().unwrap_or_default(),
            )
            .with("date", stamp(received))
            .with("supplierInvoiceReference", format!("FWD-{}", id % 100_000))
            .with("lineItems", rows);
        account.put("LandedCosts", cost.into());
    }
}

fn payments(ground: &Maker<'_>, batched: &[i64], account: &mut Account) -> Result<(), SeedError> {
    let mut maker = ground.fork("payments", 0);
    let generate = &ground.seed.generate;
    let mut next = FIRST_PAYMENT_ID;
    for id in batched {
        let Some(Json::Obj(order)) = account.document("SalesOrders", *id) else {
            continue;
        };
        let day = instant(text(&order, "invoiceDate")).unwrap_or_default();
        let mut paid = payment(&mut maker, next, &order, number(&order, "total"), day);
        let branch = order.get("branchId").and_then(Json::as_i64);
        let branch = branch.unwrap_or_default();
        paid.set("orderType", "BatchOrSplitInvoice");
        paid.set(
            "batchReference",
            format!("BATCH-{branch}-{}", day.strftime("%y%m%d")),
        );
        account.put("Payments", paid.into());
        next = next.saturating_add(1);
    }
    let mut sales = dated(account, "SalesOrders", "invoiceDate");
    sales.retain(|it| {
        let id = it.get("id").and_then(Json::as_i64);
        !number(it, "total").is_zero() && !id.is_some_and(|id| batched.contains(&id))
    });
    let bills = dated(account, "PurchaseOrders", "invoiceDate");
    let notes = dated(account, "CreditNotes", "creditNoteDate");
    let open: Vec<Object> = dated(account, "SalesOrders", "createdDate")
        .into_iter()
        .chain(dated(account, "PurchaseOrders", "createdDate"))
        .filter(|it| instant(text(it, "invoiceDate")).is_none())
        .collect();
    for _ in 0..generate.payments {
        let deposit = maker.chance.percent(generate.deposits);
        let kind = maker.chance.below(100);
        let (orders, date) = match kind {
            _ if deposit => (&open, "createdDate"),
            0..15 => (&bills, "invoiceDate"),
            15..20 => (&notes, "creditNoteDate"),
            _ => (&sales, "invoiceDate"),
        };
        let Some(order) = maker.chance.pick(orders) else {
            continue;
        };
        let total = number(order, "total");
        let part = if deposit || maker.chance.percent(25) {
            rounded(total / Decimal::from(maker.chance.between(2, 5)))
        } else {
            total
        };
        let day = instant(text(order, date)).unwrap_or_default();
        let day = later(day, maker.chance.between(0, 20).saturating_mul(86_400));
        let mut paid = payment(&mut maker, next, order, part, day);
        if deposit {
            paid.set("comments", "Deposit");
        } else if maker.chance.percent(10) {
            // Came down from the books: the reference is that of the payment there.
            paid.set("paymentImportedRef", maker.chance.guid().to_string());
            paid.set("method", "Xero");
        } else if maker.chance.percent(5) {
            paid.set("isAuthorized", false);
        }
        account.put("Payments", paid.into());
        next = next.saturating_add(1);
    }
    for recipe in &ground.seed.payments {
        let paid = named(&mut maker, next, recipe, account)?;
        account.put("Payments", paid);
        next = next.saturating_add(1);
    }
    Ok(())
}

/// A payment of this much on an order or a credit note.
pub(super) fn payment(
    maker: &mut Maker<'_>,
    id: i64,
    order: &Object,
    value: Decimal,
    day: Timestamp,
) -> Object {
    let methods = &maker.seed.generate.payment_methods;
    let method = maker.chance.pick(methods).map(String::as_str);
    // Samples show a type that says nothing.
    let kind = match (maker.chance.percent(50), text(order, "reference")) {
        (true, _) => "Undefined",
        (false, it) if it.starts_with("PO") => "PurchaseOrder",
        (false, it) if it.starts_with("CRN") => "CreditNote",
        _ => "SalesOrder",
    };
    let reconciled = later(day, 90_000).to_zoned(maker.zone.clone());
    let reconciled = maker
        .chance
        .percent(30)
        .then(|| reconciled.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string());
    Object::new()
        .with("id", id)
        .with("createdDate", stamp(day))
        .with("modifiedDate", maker.modified(later(day, 60)))
        .with("paymentDate", stamp(day))
        .with("amount", amount(value))
        .with("method", method)
        .with("isAuthorized", true)
        .with("transactionRef", format!("ch_{id}"))
        .with("comments", "")
        .with("orderId", order.get("id").cloned().unwrap_or_default())
        .with("orderRef", text(order, "reference"))
        .with("orderType", kind)
        .with(
            "branchId",
            order.get("branchId").cloned().unwrap_or_default(),
        )
        .with("reconcileDate", reconciled)
}

/// A payment that the seed names.
fn named(
    maker: &mut Maker<'_>,
    id: i64,
    recipe: &PaymentSeed,
    account: &Account,
) -> Result<Json, SeedError> {
    let held = ["SalesOrders", "PurchaseOrders", "CreditNotes"]
        .into_iter()
        .find_map(|resource| {
            let id = find(account, resource, "reference", &recipe.order)?;
            account.document(resource, id)
        });
    let Some(Json::Obj(order)) = held else {
        return Err(SeedError::Misfit(format!(
            "a payment is for `{}`, which the account does not have",
            recipe.order
        )));
    };
    let date = ["invoiceDate", "creditNoteDate", "createdDate"]
        .into_iter()
        .find_map(|it| instant(text(&order, it)));
    let day = match recipe.date {
        Some(date) => maker.midnight(date),
        None => date.unwrap_or_default(),
    };
    let value = recipe.amount.unwrap_or_else(|| number(&order, "total"));
    let mut paid = Json::Obj(payment(maker, id, &order, value, day));
    if !recipe.patch.is_null() {
        paid.merge(recipe.patch.clone());
    }
    Ok(paid)
}
