//! What the books hold of a credit note's money: each part of the document as a line with its tax, the
//! total to the cent, the currency's rate the right way round.

use ledgerline::{config::RoundingPolicy, store::State};
use scenarios::{
    Stage,
    books::{NOTES, dec, line, lines_of, money, note, number, one_customer},
};
use serde_json::{Value, json};

/// A document of Omni and what Xero holds for it.
struct Case {
    what: &'static str,
    note: Value,
    types: &'static str,
    lines: &'static [&'static str],
    total: &'static str,
}

fn mugs(quantity: i64, price: &str) -> Value {
    line("Mug", quantity, price, json!({}))
}

fn cases() -> Vec<Case> {
    let kit = |parent: &str, child: &str| {
        json!([
            line("Kit", -1, parent, json!({ "id": 91 })),
            line("Part A", -1, child, json!({ "id": 92, "parentId": 91 })),
            line("Part B", -1, child, json!({ "id": 93, "parentId": 91 })),
        ])
    };
    vec![
        Case {
            what: "freight in the header is a line with its tax",
            note: json!({ "freightTotal": -10.0, "freightDescription": "Courier", "total": -55.0 }),
            types: "Exclusive",
            lines: &["200 OUTPUT 2 40 4", "260 OUTPUT 1 10 1"],
            total: "55",
        },
        Case {
            what: "so is a surcharge",
            note: json!({ "surcharge": -5.0, "total": -49.5 }),
            types: "Exclusive",
            lines: &["200 OUTPUT 2 40 4", "260 OUTPUT 1 5 0.5"],
            total: "49.5",
        },
        Case {
            what: "a discount of the whole document gives back less",
            note: json!({ "discountTotal": -2.0, "total": -41.8 }),
            types: "Exclusive",
            lines: &["200 OUTPUT 2 40 4", "200 OUTPUT 1 -2 -0.2"],
            total: "41.8",
        },
        Case {
            what: "a discount of a line is in the line",
            note: json!({
                "productTotal": -35.0, "total": -38.5,
                "lineItems": [line("Mug", -2, "20.0", json!({ "discount": -5.0 }))],
            }),
            types: "Exclusive",
            lines: &["200 OUTPUT 2 35 3.5"],
            total: "38.5",
        },
        Case {
            what: "parts of a kit with prices of their own count",
            note: json!({ "productTotal": -20.0, "total": -22.0, "lineItems": kit("0", "10.0") }),
            types: "Exclusive",
            lines: &["200 OUTPUT 1 0 0", "200 OUTPUT 1 10 1", "200 OUTPUT 1 10 1"],
            total: "22",
        },
        Case {
            what: "parts of a kit whose parent has the price do not",
            note: json!({ "productTotal": -30.0, "total": -33.0, "lineItems": kit("30.0", "15.0") }),
            types: "Exclusive",
            lines: &["200 OUTPUT 1 30 3"],
            total: "33",
        },
        Case {
            what: "a tax rate written as a fraction",
            note: json!({ "taxRate": 0.1 }),
            types: "Exclusive",
            lines: &["200 OUTPUT 2 40 4"],
            total: "44",
        },
        Case {
            what: "tax inside the prices",
            note: json!({
                "taxStatus": "Incl", "productTotal": -44.0, "lineItems": [mugs(-2, "22.0")],
                "freightTotal": -11.0, "total": -55.0,
            }),
            types: "Inclusive",
            lines: &["200 OUTPUT 2 44 4", "260 OUTPUT 1 11 1"],
            total: "55",
        },
        Case {
            what: "exempt is a rate of zero, not no tax",
            note: json!({ "taxStatus": "Exempt", "taxRate": 0, "total": -40.0 }),
            types: "Exclusive",
            lines: &["200 EXEMPTOUTPUT 2 40 0"],
            total: "40",
        },
        Case {
            what: "a credit of money alone is a negative price",
            note: json!({
                "productTotal": -15.25, "total": -16.78,
                "lineItems": [line("Price adjustment", 1, "-15.25", json!({ "code": "" }))],
            }),
            types: "Exclusive",
            lines: &["200 OUTPUT 1 15.25 1.53"],
            total: "16.78",
        },
        Case {
            what: "lines of different tax rates",
            note: json!({
                "productTotal": -60.0, "taxRate": 0, "total": -64.0,
                "lineItems": [
                    line("Mug", -2, "20.0", json!({ "taxRate": 10.0 })),
                    line("Book", -1, "20.0", json!({ "taxRate": 0 })),
                ],
            }),
            types: "Exclusive",
            lines: &["200 OUTPUT 2 40 4", "200 EXEMPTOUTPUT 1 20 0"],
            total: "64",
        },
        Case {
            what: "prices of four decimals",
            note: json!({ "productTotal": -37.035, "total": -40.74, "lineItems": [mugs(-3, "12.345")] }),
            types: "Exclusive",
            lines: &["200 OUTPUT 3 37.04 3.7"],
            total: "40.74",
        },
        Case {
            what: "foreign money with the rate turned round: Omni has 1.538462 dollars for one",
            note: json!({
                "currencyCode": "USD", "currencyRate": 1.538462, "taxStatus": "Exempt",
                "taxRate": 0, "total": -40.0,
            }),
            types: "Exclusive",
            lines: &["200 EXEMPTOUTPUT 2 40 0"],
            total: "40",
        },
    ]
}

#[tokio::test(start_paused = true)]
async fn every_part_of_a_document_arrives_to_the_cent() {
    let stage = Stage::new(one_customer()).await;
    for (at, case) in cases().into_iter().enumerate() {
        stage.put(note(10 + at as i64, case.note));
    }
    stage.sync().await;
    for (at, case) in cases().into_iter().enumerate() {
        let serial = 10 + at as i64;
        let problem = stage.note_entry(serial).await.problem;
        assert_eq!(problem, None, "{}", case.what);
        stage.assert_arrived(serial).await;
        let held = stage.xero_note(serial);
        assert_eq!(lines_of(&held), case.lines, "{}", case.what);
        assert_eq!(held["LineAmountTypes"], case.types, "{}", case.what);
        assert_eq!(money(&held["Total"]), dec(case.total), "{}", case.what);
        let omni = stage.omni_note(serial);
        assert_eq!(
            money(&held["Total"]),
            -money(&omni["total"]),
            "{}",
            case.what
        );
        let rate = money(&held["CurrencyRate"]);
        let wanted = if held["CurrencyCode"] == "USD" {
            "0.65"
        } else {
            "1"
        };
        assert_eq!(rate, dec(wanted), "{}", case.what);
    }
}

#[tokio::test(start_paused = true)]
async fn a_total_that_its_parts_do_not_explain_is_held() {
    let stage = Stage::new(one_customer()).await;
    stage.put(note(7, json!({ "total": -50.0 })));
    stage.put(note(8, json!({ "taxStatus": "Undefined" })));
    stage.sync().await;
    stage
        .assert_stopped(7, State::Warning, "its parts make -44")
        .await;
    stage.assert_stopped(8, State::Warning, "tax status").await;
    assert_eq!(stage.writing_calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_rate_far_from_the_books_own_is_told() {
    let stage = Stage::new(one_customer()).await;
    let foreign = json!({
        // As if somebody had typed it the other way round.
        "currencyCode": "USD", "currencyRate": 0.65, "taxStatus": "Exempt", "taxRate": 0,
        "total": -40.0,
    });
    stage.put(note(7, foreign));
    stage.sync().await;
    let entry = stage.note_entry(7).await;
    assert!(
        entry
            .notices
            .iter()
            .any(|it| it.to_lowercase().contains("rate")),
        "{:?}",
        entry.notices
    );
}

#[tokio::test(start_paused = true)]
async fn a_currency_that_xero_lacks_waits_for_it() {
    let stage = Stage::new(one_customer()).await;
    let foreign = json!({
        "currencyCode": "EUR", "currencyRate": 1.6, "taxStatus": "Exempt", "taxRate": 0,
        "total": -40.0,
    });
    stage.put(note(7, foreign));
    stage.sync().await;
    stage.assert_stopped(7, State::Waiting, "EUR").await;
    assert_eq!(stage.writing_calls(), 0);
}

/// Three lines whose tax Omni rounds once and Xero three times: 0.17 here, 0.18 there.
fn cent_of_tax() -> Value {
    json!({
        "productTotal": number("-0.15"), "total": number("-0.17"),
        "lineItems": [mugs(-1, "0.05"), mugs(-1, "0.05"), mugs(-1, "0.05")],
    })
}

/// Prices with tax inside, of which each is 0.004 more than its cents: nothing but a line can tell.
fn cents_of_price(lines: usize, total: &str) -> Value {
    let all: Vec<Value> = (0..lines).map(|_| mugs(-1, "11.004")).collect();
    json!({ "taxStatus": "Incl", "productTotal": number(total), "total": number(total), "lineItems": all })
}

async fn with_policy(policy: RoundingPolicy, limit: &'static str) -> Stage {
    let stage = Stage::with(one_customer(), move |it| {
        let rounding = &mut it.routes.get_mut(NOTES).unwrap().rounding;
        rounding.policy = policy;
        rounding.limit = dec(limit);
    })
    .await;
    stage.put(note(7, cent_of_tax()));
    stage.put(note(8, cents_of_price(3, "-33.01")));
    stage.put(note(9, cents_of_price(8, "-88.03")));
    stage.sync().await;
    stage
}

#[tokio::test(start_paused = true)]
async fn held_documents_show_the_difference() {
    let stage = with_policy(RoundingPolicy::Hold, "0").await;
    stage.assert_stopped(7, State::Warning, "0.01").await;
    stage.assert_stopped(8, State::Warning, "0.01").await;
    assert_eq!(stage.writing_calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_difference_that_may_stay_is_told() {
    let stage = with_policy(RoundingPolicy::Hold, "0.02").await;
    stage.assert_arrived(7).await;
    assert_eq!(
        money(&stage.xero_note(7)["Total"]),
        dec("0.18"),
        "as Xero has it"
    );
    let notices = stage.note_entry(7).await.notices;
    assert!(
        notices
            .iter()
            .any(|it| it.contains("0.17") && it.contains("0.18")),
        "{notices:?}"
    );
    stage.assert_stopped(9, State::Warning, "0.03").await;
}

#[tokio::test(start_paused = true)]
async fn tax_amounts_make_the_total_agree() {
    let stage = with_policy(RoundingPolicy::TaxAmounts, "0.02").await;
    stage.assert_arrived(7).await;
    let held = stage.xero_note(7);
    assert_eq!(money(&held["Total"]), dec("0.17"));
    assert_eq!(money(&held["TotalTax"]), dec("0.02"));
    assert_eq!(
        held["LineItems"].as_array().unwrap().len(),
        3,
        "no line is added"
    );
    stage.assert_stopped(8, State::Warning, "0.01").await;
}

#[tokio::test(start_paused = true)]
async fn one_labelled_line_of_at_most_two_cents() {
    let stage = with_policy(RoundingPolicy::Line, "0.02").await;
    // Tax amounts go first.
    stage.assert_arrived(7).await;
    assert_eq!(stage.xero_note(7)["LineItems"].as_array().unwrap().len(), 3);

    stage.assert_arrived(8).await;
    let held = stage.xero_note(8);
    let lines = held["LineItems"].as_array().unwrap();
    assert_eq!(lines.len(), 4);
    assert_eq!(lines[3]["Description"], "Rounding");
    assert_eq!(lines[3]["AccountCode"], "860");
    assert_eq!(money(&lines[3]["LineAmount"]), dec("0.01"));
    assert_eq!(money(&lines[3]["TaxAmount"]), dec("0"));
    assert_eq!(money(&held["Total"]), dec("33.01"));

    stage.assert_stopped(9, State::Warning, "0.03").await;
}

#[tokio::test(start_paused = true)]
async fn exempt_is_left_out_of_the_tax_return_where_the_route_says_so() {
    let stage = Stage::with(one_customer(), |it| {
        let route = it.routes.get_mut(NOTES).unwrap();
        route.options.insert("exempt".into(), json!("no-tax"));
    })
    .await;
    stage.put(note(
        7,
        json!({ "taxStatus": "Exempt", "taxRate": 0, "total": -40.0 }),
    ));
    stage.sync().await;
    stage.assert_arrived(7).await;
    let held = stage.xero_note(7);
    assert_eq!(held["LineAmountTypes"], "NoTax");
    assert_eq!(money(&held["TotalTax"]), dec("0"));
}
