//! What the team's credit notes hold: the published arithmetic, and notes that are odd on purpose.

use std::collections::BTreeSet;

use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::{Value, json};

use crate::zudello_support::{TEAM, Zudello, changed, uuid, with_notes};

fn number(value: &Value) -> Decimal {
    value.as_str().unwrap().parse().unwrap()
}

fn rounded(value: Decimal) -> Decimal {
    value.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero)
}

/// What books reach that take quantities, unit prices and rates, and compute the rest.
fn reached(note: &Value) -> Decimal {
    let included = note["tax_included"] == true;
    let lines = note["lines"].as_array().unwrap().iter();
    lines
        .map(|line| {
            let amount = rounded(number(&line["quantity"]) * number(&line["unit_price"]));
            let rate = number(&line["tax_rate"]["rate"]) / Decimal::ONE_HUNDRED;
            if included {
                amount
            } else {
                amount + rounded(amount * rate)
            }
        })
        .sum()
}

fn documents(zudello: &Zudello) -> Vec<Value> {
    let waiting = zudello.waiting();
    waiting
        .iter()
        .map(|it| zudello.document(&uuid(it)))
        .collect()
}

fn only(notes: &str) -> Value {
    let zudello = with_notes(notes);
    documents(&zudello).remove(0)
}

#[test]
fn clean_notes_follow_the_published_arithmetic() {
    let zudello = changed(|team| {
        team.generate.credit_notes = 90;
        team.generate.currencies = vec!["USD".to_owned()];
        team.generate.foreign = 15;
    });
    let mut seen = BTreeSet::new();
    for note in documents(&zudello) {
        let included = note["tax_included"] == true;
        let (mut subtotal, mut freight, mut tax) = (Decimal::ZERO, Decimal::ZERO, Decimal::ZERO);
        for line in note["lines"].as_array().unwrap() {
            let total = number(&line["total"]);
            let rate = number(&line["tax_rate"]["rate"]);
            let expected = if included {
                total - total * Decimal::ONE_HUNDRED / (Decimal::ONE_HUNDRED + rate)
            } else {
                total * rate / Decimal::ONE_HUNDRED
            };
            assert_eq!(number(&line["tax_amount"]), rounded(expected), "{line}");
            let exclusive = number(&line["total_exclusive"]);
            let with_tax = if included {
                number(&line["tax_amount"])
            } else {
                Decimal::ZERO
            };
            assert_eq!(exclusive + with_tax, total, "{line}");
            if line["line_type"] == "LANDED_COST" {
                freight += exclusive;
                seen.insert("landed cost");
            } else {
                subtotal += exclusive;
            }
            tax += number(&line["tax_amount"]);
            seen.insert(if line["location"].is_null() {
                "no place"
            } else {
                "own place"
            });
            seen.insert(if line["item"].is_null() {
                "no item"
            } else {
                "item"
            });
        }
        assert_eq!(number(&note["subtotal"]), subtotal);
        assert_eq!(number(&note["freight"]), freight);
        assert_eq!(number(&note["tax"]), tax);
        assert_eq!(number(&note["total"]), subtotal + tax + freight);
        assert!(number(&note["total"]) > Decimal::ZERO);
        assert_eq!(reached(&note), number(&note["total"]), "{note}");
        seen.insert(if included { "included" } else { "on top" });
        seen.insert(if tax.is_zero() { "no tax" } else { "tax" });
        seen.insert(if note["location"].is_null() {
            "header without"
        } else {
            "header place"
        });
        seen.insert(if note["currency"]["code"] == "USD" {
            "foreign"
        } else {
            "home"
        });
    }
    let expected = [
        "landed cost",
        "no place",
        "own place",
        "no item",
        "item",
        "included",
        "on top",
        "no tax",
        "tax",
        "header without",
        "header place",
        "foreign",
        "home",
    ];
    assert_eq!(seen, BTreeSet::from(expected));
}

#[test]
fn unit_prices_may_have_the_tax_where_totals_have_not_and_the_other_way_round() {
    // prices, tax included, whether unit prices fall short of the total
    let cases = [
        ("exclusive", true, Some(true)),
        ("inclusive", false, Some(false)),
        ("exclusive", false, None),
        ("inclusive", true, None),
    ];
    for (prices, included, short) in cases {
        let note = only(&format!(
            "[[zudello.teams.credit-notes]]\ncustomer = \"Harbour Cafe\"\n\
             prices = \"{prices}\"\ntax-included = {included}"
        ));
        assert_eq!(note["tax_included"], included);
        let (reached, total) = (reached(&note), number(&note["total"]));
        let difference = match reached.cmp(&total) {
            std::cmp::Ordering::Less => Some(true),
            std::cmp::Ordering::Greater => Some(false),
            std::cmp::Ordering::Equal => None,
        };
        assert_eq!(
            difference, short,
            "{prices} {included}: {reached} for {total}"
        );
        for line in note["lines"].as_array().unwrap() {
            let without = number(&line["unit_price_exclusive"]) * number(&line["quantity"]);
            let gap = (without - number(&line["total_exclusive"])).abs();
            assert!(gap <= Decimal::new(5, 2), "{line}");
        }
    }
}

#[test]
fn a_line_of_the_documentation_comes_out_as_written_there() {
    let note = only(
        r#"[[zudello.teams.credit-notes]]
        customer = "Harbour Cafe"
        tax-included = true
        number = "CN-1042"
        lines = '[{"description": "Cups", "quantity": "4", "unit_price": "25.00", "total": "110.00"}]'
        "#,
    );
    assert_eq!(note["document_number"], "CN-1042");
    let line = &note["lines"][0];
    assert_eq!(
        (
            &line["total"],
            &line["tax_amount"],
            &line["total_exclusive"]
        ),
        (&json!("110.00"), &json!("10.00"), &json!("100.00"))
    );
    assert_eq!(line["unit_price_exclusive"], "25.00");
    assert_eq!(line["line_type"], "ITEM");
    assert_eq!(
        (&note["total"], &note["tax"]),
        (&json!("110.00"), &json!("10.00"))
    );
    assert_eq!(
        reached(&note),
        Decimal::from(100),
        "what unit prices alone would post"
    );
}

#[test]
fn given_lines_follow_the_terms_of_their_note() {
    // prices, tax included, total that the line gets
    let cases = [
        ("exclusive", true, "330.00"),
        ("inclusive", false, "300.00"),
        ("inclusive", true, "330.00"),
    ];
    for (prices, included, total) in cases {
        let price = if prices == "exclusive" {
            "300.00"
        } else {
            "330.00"
        };
        let note = only(&format!(
            "[[zudello.teams.credit-notes]]\ncustomer = \"Harbour Cafe\"\nprices = \"{prices}\"\n\
             tax-included = {included}\nlines = [{{ description = \"Counter top\", \
             quantity = \"1\", unit_price = \"{price}\", tax_rate = \"OUTPUT\" }}]"
        ));
        assert_eq!(note["lines"][0]["total"], total, "{prices} {included}");
        assert_eq!(note["total"], "330.00", "{prices} {included}");
    }
}

#[test]
fn a_header_may_have_been_overridden_by_hand() {
    let note = only(
        r#"[[zudello.teams.credit-notes]]
        customer = "Harbour Cafe"
        tax-included = false
        overridden = "0.02"
        lines = '[{"description": "Cups", "quantity": 3, "unit_price": 10.25}]'
        "#,
    );
    assert_eq!(note["lines"][0]["tax_amount"], "3.08");
    assert_eq!(note["lines"][0]["quantity"], "3");
    assert_eq!(
        (&note["tax"], &note["total"]),
        (&json!("3.10"), &json!("33.85"))
    );
}

#[test]
fn credits_below_zero_occur() {
    let notes = |amounts: &str| {
        only(&format!(
            "[[zudello.teams.credit-notes]]\ncustomer = \"Harbour Cafe\"\namounts = \"{amounts}\""
        ))
    };
    let signs = |note: &Value| -> BTreeSet<bool> {
        let lines = note["lines"].as_array().unwrap().iter();
        lines
            .map(|it| number(&it["total"]) < Decimal::ZERO)
            .collect()
    };
    let negative = notes("negative");
    assert!(number(&negative["total"]) < Decimal::ZERO);
    assert_eq!(signs(&negative), BTreeSet::from([true]));
    let mixed = notes("mixed");
    assert!(number(&mixed["total"]) < Decimal::ZERO);
    assert_eq!(signs(&mixed), BTreeSet::from([true, false]));
    assert_eq!(notes("zero")["total"], "0.00");
    assert_eq!(signs(&notes("credit")), BTreeSet::from([false]));
}

#[test]
fn recipes_say_customer_date_status_account_and_currency() {
    let zudello = with_notes(
        r#"
        [[zudello.teams.credit-notes]]
        count = 2
        customer = "Harbour Cafe"
        date = "2026-11-03"
        account-code = "310"
        currency = "USD"
        status = "APPROVAL"
        patch = { reference = "", location = "South", cf_store = "Pier 4" }
        "#,
    );
    let rows = zudello.rows("transactions?status=APPROVAL&ordering=document_number");
    let numbers: Vec<_> = rows
        .iter()
        .map(|it| it["document_number"].clone())
        .collect();
    assert_eq!(numbers, ["ZCN-1001", "ZCN-1002"]);
    let note = zudello.document(&uuid(&rows[0]));
    assert_eq!(note["customer"]["code"], "HARB01");
    assert_eq!(note["date_issued"], "2026-11-03");
    assert_eq!(note["currency"]["code"], "USD");
    assert_eq!(note["lines"][0]["account"]["code"], "310");
    assert_eq!(note["lines"][0]["total_exclusive_local"], json!(null));
    assert_eq!(note["tax"], "0.00", "what is abroad has no tax");
    assert_eq!(note["reference"], "");
    assert_eq!(note["location"]["name"], "South");
    assert_eq!(note["cf_store"], "Pier 4", "a team's own field");
}

#[test]
fn a_line_that_is_changed_by_hand_changes_the_totals() {
    let zudello = with_notes(
        r#"[[zudello.teams.credit-notes]]
        customer = "Harbour Cafe"
        tax-included = false
        lines = '''[{"description": "Cups", "quantity": "2", "unit_price": "75.00"},
                  {"description": "Restocking", "quantity": "1", "unit_price": "20.00"}]'''
        "#,
    );
    let uuid = uuid(&zudello.waiting()[0]);
    assert_eq!(zudello.document(&uuid)["total"], "187.00");
    let body = json!({ "vendor": "zudello", "account": TEAM, "kind": "transactions", "id": uuid,
        "line": 1, "patch": { "unit_price": "30.00" } });
    let request = sandbox::Request::new("POST", "/_sandbox/edit").body(body.to_string());
    assert_eq!(zudello.0.handle(&request).status, 200);
    let note = zudello.document(&uuid);
    assert_eq!(note["lines"][1]["tax_amount"], "3.00");
    assert_eq!(
        (&note["subtotal"], &note["tax"], &note["total"]),
        (&json!("180.00"), &json!("18.00"), &json!("198.00"))
    );
}

#[test]
fn a_seed_that_does_not_fit_the_team_says_why() {
    let cases = [
        ("books = \"Nobody\"", "no organisation is named `Nobody`"),
        (
            "credit-notes = [{ customer = \"Who\" }]",
            "needs the customer `Who`, which the team T does not have",
        ),
        (
            "customers = [{ company = \"A\" }]\ncredit-notes = [{ customer = \"A\", account-code = \"999\" }]",
            "the team T has no account `999`; its accounts come from the books",
        ),
        (
            "customers = [{ company = \"A\" }]\ncredit-notes = [{ count = 2, customer = \"A\", number = \"N\" }]",
            "a credit note with a number can be there once only",
        ),
        (
            "contract = { team-haeder = \"x\" }",
            "the text is not a seed",
        ),
    ];
    for (toml, expected) in cases {
        let text = format!("[[zudello.teams]]\nname = \"T\"\n{toml}");
        let clock = sandbox::Clock::frozen("2026-11-22T02:00:00Z".parse().unwrap());
        let error = sandbox::Seed::from_toml(&text)
            .and_then(|it| sandbox::World::new(&it, clock))
            .unwrap_err();
        assert!(error.to_string().contains(expected), "{toml}: {error}");
    }
}
