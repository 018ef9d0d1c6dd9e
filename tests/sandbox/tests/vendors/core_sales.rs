//! Core's sales: shapes, money, voids and undos.

use std::collections::BTreeSet;

use rust_decimal::Decimal;
use sandbox::core::money::TaxMethod;
use sandbox::json::Json;
use sandbox::{Clock, Seed, World};

use crate::core_support::{Core, notes, number, parts, text};
use crate::support::{TENANT, planted};

fn rounded(value: Decimal, places: u32) -> Decimal {
    value.round_dp_with_strategy(places, rust_decimal::RoundingStrategy::MidpointAwayFromZero)
}

/// The three totals from quantity, price, discount and rule alone.
fn rebuilt(note: &Json, inclusive: bool, method: TaxMethod) -> [Decimal; 3] {
    let rate = |line: &Json| match text(line, "TaxRule") {
        "GST on Income" => Decimal::TEN,
        _ => Decimal::ZERO,
    };
    let tax_of = |base: Decimal, rate: Decimal| {
        let over = if inclusive {
            Decimal::ONE_HUNDRED + rate
        } else {
            Decimal::ONE_HUNDRED
        };
        base * rate / over
    };
    let mut sum = Decimal::ZERO;
    let mut row_tax = Decimal::ZERO;
    let (mut taxed, mut top) = (Decimal::ZERO, Decimal::ZERO);
    for line in parts(note) {
        let share = Decimal::ONE - number(&line, "Discount") / Decimal::ONE_HUNDRED;
        let total = rounded(
            number(&line, "Quantity") * number(&line, "Price") * share,
            4,
        );
        assert_eq!(total, number(&line, "Total"), "{line}");
        sum += total;
        row_tax += rounded(tax_of(total, rate(&line)), 2);
        if !rate(&line).is_zero() {
            taxed += total;
            top = rate(&line);
        }
    }
    let tax = match method {
        TaxMethod::RowTotal => row_tax,
        TaxMethod::Total => rounded(tax_of(taxed, top), 4),
    };
    if inclusive {
        [sum - tax, tax, sum]
    } else {
        [sum, tax, sum + tax]
    }
}

#[test]
fn every_credit_note_adds_up_in_both_tax_methods() {
    for method in [TaxMethod::Total, TaxMethod::RowTotal] {
        let core = Core::open(|it| {
            it.tax_method = method;
            it.generate.credit_notes = 600;
            it.generate.sales = Some(0);
            it.generate.currencies = vec!["USD".to_owned()];
        });
        let notes = notes(&core);
        assert_eq!(notes.len(), 600);
        let mut seen = BTreeSet::new();
        let mut numbers = BTreeSet::new();
        let mut uneven = 0;
        for (sale, note) in &notes {
            let inclusive = text(sale, "TaxCalculation") == "Inclusive";
            let totals = ["TotalBeforeTax", "Tax", "Total"].map(|it| number(note, it));
            assert_eq!(rebuilt(note, inclusive, method), totals, "{note}");
            assert!(
                totals[2] > Decimal::ZERO,
                "Core's credit notes are positive"
            );
            assert!(numbers.insert(text(note, "CreditNoteNumber").to_owned()));
            assert_eq!(text(note, "Status"), "AUTHORISED");
            if totals[2].normalize().scale() > 2 {
                uneven += 1;
            }
            for name in ["TaxCalculation", "Type", "CustomerCurrency"] {
                seen.insert(text(sale, name).to_owned());
            }
            for line in parts(note) {
                if number(&line, "Discount") > Decimal::ZERO {
                    seen.insert("discount".to_owned());
                }
                if line.get("SKU").is_none() {
                    seen.insert("charge".to_owned());
                }
                if number(&line, "Price").normalize().scale() == 4 {
                    seen.insert("fine price".to_owned());
                }
                seen.insert(text(&line, "Account").to_owned());
            }
            if text(note, "CreditNoteInvoiceNumber").is_empty() {
                seen.insert("stand-alone".to_owned());
            }
            for refund in note.get("Refunds").and_then(Json::as_array).unwrap() {
                assert_eq!(
                    text(refund, "DateCreated").len(),
                    "2026-02-04T05:08:30.6407568Z".len()
                );
                seen.insert("refund".to_owned());
            }
        }
        for kind in [
            "Inclusive",
            "Exclusive",
            "Simple Sale",
            "Advanced Sale",
            "Service Sale",
            "AUD",
            "USD",
            "discount",
            "charge",
            "fine price",
            "200",
            "260",
            "stand-alone",
            "refund",
        ] {
            assert!(seen.contains(kind), "no {kind} among {seen:?}");
        }
        assert!(uneven > 0, "some totals have more than two decimals");
    }
}

#[test]
fn foreign_sales_say_home_units_per_document_unit() {
    let core = Core::open(|it| {
        it.generate.currencies = vec!["USD".to_owned()];
        it.generate.foreign = 100;
    });
    let (sale, note) = notes(&core).remove(0);
    assert_eq!(number(&sale, "CurrencyRate").to_string(), "1.53846");
    assert_eq!(
        number(&note, "CreditNoteConversionRate").to_string(),
        "1.5385"
    );
    let home = Core::open(|_| {});
    let (sale, note) = notes(&home).remove(0);
    assert_eq!(number(&sale, "CurrencyRate"), Decimal::ONE);
    assert_eq!(number(&note, "CreditNoteConversionRate"), Decimal::ONE);
}

#[test]
fn ids_are_shared_where_core_shares_them() {
    let core = Core::open(|it| it.generate.credit_notes = 100);
    let mut advanced = BTreeSet::new();
    for (sale, note) in notes(&core) {
        let id = text(&sale, "ID").to_ascii_lowercase();
        let task = text(&note, "TaskID").to_ascii_lowercase();
        let invoices = sale.get("Invoices").and_then(Json::as_array).unwrap();
        if text(&sale, "Type") == "Advanced Sale" {
            assert_ne!(task, id);
            assert!(advanced.insert(task));
        } else {
            assert_eq!(task, id);
            for invoice in invoices {
                assert_eq!(text(invoice, "TaskID").to_ascii_lowercase(), id);
            }
        }
        if let Some(invoice) = invoices.last() {
            assert_eq!(
                text(&note, "CreditNoteInvoiceNumber"),
                text(invoice, "InvoiceNumber")
            );
        }
    }
    assert!(advanced.len() > 5);
}

#[test]
fn one_sale_with_what_the_call_asks_for() {
    let core = Core::open(|it| it.generate.charges = 100);
    let (held, note) = notes(&core).remove(0);
    let id = text(&held, "ID").to_ascii_uppercase();
    let sale = core.exact(&format!("sale?ID={id}"));
    assert_eq!(sale, held, "as it is held");
    assert!(sale.get("Transactions").is_none());
    let full = core.exact(&format!("sale?ID={id}&IncludeTransactions=true&CombineAdditionalCharges=true&HideInventoryMovements=true"));
    assert!(full.get("InventoryMovements").is_none());
    let rows = full.get("Transactions").and_then(Json::as_array).unwrap();
    let credited: Decimal = rows
        .iter()
        .filter(|it| text(it, "Credit") == "610")
        .map(|it| number(it, "Amount"))
        .sum();
    assert_eq!(credited, number(&note, "Total"));
    let combined = &full.get("CreditNotes").and_then(Json::as_array).unwrap()[0];
    assert_eq!(
        combined.get("AdditionalCharges"),
        Some(&Json::Arr(Vec::new()))
    );
    let lines = combined.get("Lines").and_then(Json::as_array).unwrap();
    assert_eq!(lines.len(), parts(&note).len());
    assert!(lines.last().unwrap().get("ProductID").is_none());
    for (target, expected) in [
        ("sale", "Required parameter ID"),
        ("sale?ID=x", "not valid"),
        ("sale?ID=11111111-1111-4111-8111-111111111111", "not found"),
    ] {
        let reply = core.get(target);
        assert_eq!(reply.status, 400);
        assert!(
            reply.body_text().contains(expected),
            "{}",
            reply.body_text()
        );
    }
    let single = Core::behaving(|it| it.single_blocks = true);
    let (held, _) = notes(&single)
        .into_iter()
        .find(|(sale, _)| text(sale, "Type") == "Simple Sale")
        .unwrap();
    let sale = single.exact(&format!("sale?ID={}", text(&held, "ID")));
    assert!(sale.get("CreditNotes").unwrap().as_object().is_some());
}

#[test]
fn the_credit_note_call_has_no_totals_and_payments_on_demand() {
    let core = Core::open(|it| it.generate.refunded = 100);
    let (held, note) = notes(&core).remove(0);
    let id = text(&held, "ID");
    let plain = core.exact(&format!("sale/creditnote?SaleID={id}"));
    let plain = &plain.get("CreditNotes").and_then(Json::as_array).unwrap()[0];
    for gone in ["Total", "Tax", "TotalBeforeTax", "Refunds", "Payments"] {
        assert!(plain.get(gone).is_none(), "{gone}");
    }
    assert_eq!(plain.get("Lines"), note.get("Lines"));
    let paid = core.exact(&format!(
        "sale/creditnote?SaleID={id}&IncludePaymentInfo=true"
    ));
    let paid = &paid.get("CreditNotes").and_then(Json::as_array).unwrap()[0];
    let payment = &paid.get("Payments").and_then(Json::as_array).unwrap()[0];
    assert_eq!(text(payment, "Type"), "Refund");
    assert_eq!(
        text(payment, "CreditNoteNumber"),
        text(&note, "CreditNoteNumber")
    );
    assert!(number(paid, "CreditNoteBalance").abs() < Decimal::new(1, 2));
    let all = core.exact(&format!("sale/payment?SaleID={id}"));
    assert!(
        all.as_array()
            .unwrap()
            .iter()
            .any(|it| text(it, "Type") == "Refund")
    );
}

#[test]
fn tracking_names_come_from_the_books() {
    let core = Core::open(|_| {});
    let places: BTreeSet<String> = notes(&core)
        .iter()
        .map(|(sale, _)| text(sale, "Location").to_owned())
        .collect();
    assert_eq!(
        places,
        BTreeSet::from(["North".to_owned(), "South".to_owned()])
    );
    let contacts = core.0.xero(TENANT).contacts();
    assert!(
        contacts.len() >= 8,
        "six of this account beside the organisation's own"
    );
}

#[test]
fn a_seed_that_does_not_fit_says_why() {
    let cases = [
        (
            "[[core.accounts]]\nbooks = \"Nobody\"",
            "no organisation is named `Nobody`",
        ),
        (
            "[[core.accounts]]\nzone = \"Mars\"",
            "`Mars` is no time zone",
        ),
        (
            "[[core.accounts]]\ncredit-notes = [{ customer = \"Who\" }]",
            "needs the customer `Who`",
        ),
        (
            "[[core.accounts]]\nsales = [{ ID = \"x\" }]",
            "no `ID` that is a GUID",
        ),
        (
            "[[core.accounts]]\ntax-method = \"Rows\"",
            "the text is not a seed",
        ),
    ];
    for (toml, expected) in cases {
        let clock = Clock::frozen("2026-11-22T02:00:00Z".parse().unwrap());
        let error = Seed::from_toml(toml)
            .and_then(|it| World::new(&it, clock))
            .unwrap_err();
        assert!(error.to_string().contains(expected), "{toml}: {error}");
    }
}

#[test]
fn every_seed_of_the_readme_can_be_read() {
    let readme = include_str!("../../README.md");
    let seeds: Vec<&str> = readme
        .split("```toml")
        .skip(1)
        .filter_map(|it| it.split("```").next())
        .collect();
    assert!(!seeds.is_empty());
    for seed in &seeds {
        let read = Seed::from_toml(seed);
        assert!(read.is_ok(), "{seed}\n{:?}", read.err());
    }
    let mut demo = Seed::demo().unwrap();
    let ours = seeds.iter().find(|it| it.contains("[[core.accounts]]"));
    demo.core = Seed::from_toml(ours.unwrap()).unwrap().core;
    let world = planted(&demo);
    let view = world.core("Harbour Tea");
    let three = view
        .credit_notes()
        .into_iter()
        .find(|(sale, _)| text(sale, "Customer") == "Cup & Co")
        .unwrap();
    assert_eq!(number(&three.1, "Total").to_string(), "33.825");
    assert_eq!(view.credit_notes().len(), 101);
}
