//! Generated orders and what stands around them: in every state, uneven as the vendor's answers,
//! and exact.

use std::collections::BTreeSet;

use rust_decimal::Decimal;
use sandbox::Seed;
use sandbox::json::Json;
use sha2::{Digest as _, Sha256};

use crate::omni_support::held;
use crate::support::{Omni, planted, value};

fn busy(scale: &str) -> Omni {
    let mut seed = Seed::small().unwrap();
    let account = &mut seed.omni.accounts[0];
    let toml = format!("[[omni.accounts]]\ntax-rate-scale = \"{scale}\"");
    account.tax_rate_scale = Seed::from_toml(&toml).unwrap().omni.accounts[0].tax_rate_scale;
    let generate = &mut account.generate;
    generate.sales = 600;
    generate.purchases = 200;
    generate.adjustments = 40;
    generate.payments = 300;
    generate.suppliers = 5;
    generate.supplier_credit_notes = 12;
    generate.landed_costs = 15;
    generate.currencies = vec!["USD".to_owned()];
    generate.cost_centers = vec!["Wholesale".to_owned()];
    let omni = Omni(planted(&seed));
    omni.0.limits(false);
    omni
}

fn number(json: &Json, name: &str) -> Decimal {
    json.get(name)
        .and_then(Json::as_decimal)
        .unwrap_or_default()
}

fn text<'a>(json: &'a Json, name: &str) -> &'a str {
    json.get(name).and_then(Json::as_str).unwrap_or_default()
}

fn lines(json: &Json) -> &[Json] {
    json.get("lineItems").and_then(Json::as_array).unwrap()
}

fn rebuilt(order: &Json, percent: bool) -> Decimal {
    let each = |it: &Json| number(it, "qty") * number(it, "unitPrice") - number(it, "discount");
    let product: Decimal = lines(order).iter().map(each).sum();
    assert_eq!(product, number(order, "productTotal"), "{order}");
    let net = product + number(order, "freightTotal") + number(order, "surcharge")
        - number(order, "discountTotal");
    let divisor = if percent { 100 } else { 1 };
    let rate = number(order, "taxRate") / Decimal::from(divisor);
    let tax = match text(order, "taxStatus") {
        "Excl" => net * rate,
        _ => Decimal::ZERO,
    };
    (net + tax).round_dp_with_strategy(2, rust_decimal::RoundingStrategy::MidpointAwayFromZero)
}

/// What can be seen of an order beside its amounts.
fn seen(order: &Json, into: &mut BTreeSet<String>) {
    for name in ["status", "taxStatus", "currencyCode"] {
        into.insert(format!("{name} {}", text(order, name)));
    }
    for name in ["freightTotal", "surcharge", "discountTotal"] {
        if !number(order, name).is_zero() {
            into.insert(name.to_owned());
        }
    }
    for name in [
        "invoiceDate",
        "dispatchedDate",
        "fullyReceivedDate",
        "costCenter",
    ] {
        into.insert(match order.get(name) {
            None => format!("no {name}"),
            Some(Json::Null) => format!("null {name}"),
            Some(_) => format!("some {name}"),
        });
    }
    if text(order, "invoiceDate").ends_with("T00:00:00Z") {
        into.insert("midnight of UTC".to_owned());
    }
    let status = order.get("accountingAttributes").unwrap();
    into.insert(text(status, "accountingImportStatus").to_owned());
    for line in lines(order) {
        let (ordered, shipped) = (number(line, "qty"), number(line, "qtyShipped"));
        into.insert(
            match shipped {
                it if it == ordered => "all moved",
                it if it.is_zero() => "nothing moved",
                _ => "moved in part",
            }
            .to_owned(),
        );
        if !text(line, "accountCode").is_empty() {
            into.insert("other account".to_owned());
        }
        if number(line, "parentId") > Decimal::ZERO {
            into.insert("kit".to_owned());
        }
        if text(line, "code").is_empty() {
            into.insert("free text".to_owned());
        }
    }
}

fn assert_all(seen: &BTreeSet<String>, expected: &[&str]) {
    for kind in expected {
        assert!(seen.contains(*kind), "no `{kind}` among {seen:?}");
    }
}

const BOTH: &[&str] = &[
    "status APPROVED",
    "status Approved",
    "status DRAFT",
    "status VOID",
    "taxStatus Incl",
    "taxStatus Excl",
    "taxStatus Exempt",
    "currencyCode AUD",
    "currencyCode USD",
    "freightTotal",
    "surcharge",
    "discountTotal",
    "some invoiceDate",
    "null invoiceDate",
    "no invoiceDate",
    "some costCenter",
    "midnight of UTC",
    "NotImported",
    "Imported",
    "DoNotImport",
    "all moved",
    "nothing moved",
    "moved in part",
    "other account",
];

#[test]
fn orders_come_in_every_state_and_rebuild_on_both_scales() {
    for scale in ["percent", "fraction"] {
        let omni = busy(scale);
        for (resource, count, own) in [
            (
                "SalesOrders",
                600,
                ["kit", "free text", "some dispatchedDate"],
            ),
            (
                "PurchaseOrders",
                200,
                [
                    "some fullyReceivedDate",
                    "no fullyReceivedDate",
                    "null fullyReceivedDate",
                ],
            ),
        ] {
            let orders = held(&omni, resource);
            assert_eq!(orders.len(), count);
            let mut kinds = BTreeSet::new();
            let mut references = BTreeSet::new();
            for order in &orders {
                assert_eq!(
                    rebuilt(order, scale == "percent"),
                    number(order, "total"),
                    "{order}"
                );
                seen(order, &mut kinds);
                assert!(references.insert(text(order, "reference").to_owned()));
                let invoiced = !text(order, "invoiceDate").is_empty();
                if resource == "SalesOrders" {
                    let numbered = number(order, "invoiceNumber") > Decimal::ZERO;
                    assert_eq!(numbered, invoiced, "{order}");
                } else {
                    let reference = text(order, "supplierInvoiceReference");
                    assert_eq!(!reference.is_empty(), invoiced, "{order}");
                }
            }
            assert_all(&kinds, BOTH);
            assert_all(&kinds, &own);
        }
    }
}

#[test]
fn clean_credit_notes_credit_generated_sales() {
    let omni = busy("percent");
    let sales = held(&omni, "SalesOrders");
    let notes = held(&omni, "CreditNotes");
    let mut linked = 0;
    for note in &notes {
        let sale = sales
            .iter()
            .find(|it| text(it, "reference") == text(note, "salesReference"));
        let Some(sale) = sale else { continue };
        linked += 1;
        assert_eq!(note.get("memberId"), sale.get("memberId"));
        assert_eq!(text(note, "currencyCode"), text(sale, "currencyCode"));
        assert!(number(sale, "total") >= -number(note, "total"));
    }
    assert!(linked >= 20, "{linked} of {}", notes.len());
}

#[test]
fn payments_are_of_every_sort() {
    let omni = busy("percent");
    let mut kinds = BTreeSet::new();
    for payment in held(&omni, "Payments") {
        for (name, kind) in [
            ("batchReference", "batch"),
            ("paymentImportedRef", "books"),
            ("reconcileDate", "reconciled"),
        ] {
            if !text(&payment, name).is_empty() {
                kinds.insert(kind.to_owned());
            }
        }
        kinds.insert(text(&payment, "orderType").to_owned());
        kinds.insert(text(&payment, "comments").to_owned());
        if payment.get("isAuthorized").and_then(Json::as_bool) == Some(false) {
            kinds.insert("not authorised".to_owned());
        }
        if number(&payment, "amount") < Decimal::ZERO {
            kinds.insert("refund".to_owned());
        }
    }
    assert_all(
        &kinds,
        &[
            "batch",
            "books",
            "reconciled",
            "Undefined",
            "SalesOrder",
            "PurchaseOrder",
            "CreditNote",
            "BatchOrSplitInvoice",
            "Deposit",
            "not authorised",
            "refund",
        ],
    );
}

#[test]
fn adjustments_products_and_suppliers_are_there() {
    let omni = busy("percent");
    let adjustments = held(&omni, "Adjustments");
    assert_eq!(adjustments.len(), 40);
    let none = |it: &&Json, name: &str| text(it, name).is_empty();
    assert!(
        adjustments
            .iter()
            .any(|it| none(&it, "adjustInAccountingSystem"))
    );
    assert!(
        adjustments
            .iter()
            .any(|it| !none(&it, "adjustInAccountingSystem"))
    );
    for adjustment in &adjustments {
        let value: Decimal = lines(adjustment)
            .iter()
            .map(|it| number(it, "qtyAdjusted") * number(it, "unitCost"))
            .sum();
        assert_eq!(value, number(adjustment, "productTotal"));
    }
    let suppliers = omni.list("Contacts", &[("where", "type='Supplier'")]);
    assert_eq!(value(&suppliers).as_array().unwrap().len(), 5);
    assert_eq!(
        held(&omni, "Products").len(),
        held(&omni, "ProductOptions").len()
    );
    assert_eq!(
        omni.get("SupplierCreditNotes").status,
        404,
        "no call tells them"
    );
    assert_eq!(omni.get("LandedCosts").status, 404);
}

#[test]
fn the_same_seed_makes_the_same_orders() {
    assert_eq!(
        busy("percent").0.save().unwrap(),
        busy("percent").0.save().unwrap()
    );
}

#[test]
fn what_the_demo_made_before_orders_stays_to_the_byte() {
    let world = planted(&Seed::demo().unwrap());
    let mut digest = Sha256::new();
    for resource in ["Contacts", "CreditNotes", "Branches", "Users"] {
        for text in world.omni("HarbourGoodsAU").texts(resource) {
            digest.update(text);
        }
    }
    let digest: String = digest
        .finalize()
        .iter()
        .map(|it| format!("{it:02x}"))
        .collect();
    assert_eq!(
        digest,
        "3202ceaf24a34dda480b242deef967f4136c86c510f792f5f85e377cb5f28126"
    );
}
