//! Seeds: what they plant, and that the same one plants the same.

use rust_decimal::Decimal;
use sandbox::json::Json;
use sandbox::{Clock, Seed, World};
use serde_json::json;

use crate::support::{TENANT, planted, small};

fn number(json: &Json, name: &str) -> Decimal {
    json.get(name)
        .and_then(Json::as_decimal)
        .unwrap_or_default()
}

/// The documented arithmetic, from the parts to the total.
fn rebuilt(note: &Json) -> Decimal {
    let lines: Decimal = note
        .get("lineItems")
        .and_then(Json::as_array)
        .unwrap()
        .iter()
        .map(|it| number(it, "qty") * number(it, "unitPrice") - number(it, "discount"))
        .sum();
    assert_eq!(lines, number(note, "productTotal"), "{note}");
    let net = lines + number(note, "freightTotal") + number(note, "surcharge")
        - number(note, "discountTotal");
    let rate = number(note, "taxRate") / Decimal::ONE_HUNDRED;
    let tax = match note.get("taxStatus").and_then(Json::as_str).unwrap() {
        "Excl" => net * rate,
        _ => Decimal::ZERO,
    };
    (net + tax).round_dp_with_strategy(2, rust_decimal::RoundingStrategy::MidpointAwayFromZero)
}

#[test]
fn generated_notes_rebuild_from_their_parts() {
    let mut seed = Seed::small().unwrap();
    seed.omni.accounts[0].generate.credit_notes = 2000;
    seed.omni.accounts[0].generate.currencies = vec!["USD".to_owned()];
    let world = planted(&seed);
    let texts = world.omni("SmallAU").texts("CreditNotes");
    assert_eq!(texts.len(), 2000);
    let mut seen = std::collections::BTreeSet::new();
    for text in &texts {
        let note = Json::parse(text).unwrap();
        assert_eq!(rebuilt(&note), number(&note, "total"), "{note}");
        assert!(number(&note, "total") < Decimal::ZERO);
        let text = |name: &str| {
            note.get(name)
                .and_then(Json::as_str)
                .unwrap_or("null")
                .to_owned()
        };
        seen.insert(text("taxStatus"));
        seen.insert(text("currencyCode"));
        seen.insert(text("status"));
        for part in ["freightTotal", "surcharge", "discountTotal"] {
            if !number(&note, part).is_zero() {
                seen.insert(part.to_owned());
            }
        }
        for line in note.get("lineItems").and_then(Json::as_array).unwrap() {
            if number(line, "parentId") > Decimal::ZERO {
                seen.insert("kit".to_owned());
            }
            if line.get("code").and_then(Json::as_str) == Some("") {
                seen.insert("free text".to_owned());
            }
            if line.get("accountCode").and_then(Json::as_str) == Some("260") {
                seen.insert("other account".to_owned());
            }
        }
        let modified = text("modifiedDate");
        seen.insert(
            if modified.len() > 20 {
                "fraction"
            } else {
                "whole second"
            }
            .to_owned(),
        );
        let date = text("creditNoteDate");
        assert!(
            date.ends_with("T13:00:00Z") || date.ends_with("T14:00:00Z"),
            "{date}"
        );
    }
    for kind in [
        "Excl",
        "Incl",
        "Exempt",
        "AUD",
        "USD",
        "APPROVED",
        "Approved",
        "freightTotal",
        "surcharge",
        "discountTotal",
        "kit",
        "free text",
        "other account",
        "fraction",
        "whole second",
    ] {
        assert!(seen.contains(kind), "no {kind} among {seen:?}");
    }
}

#[test]
fn foreign_notes_carry_the_inverse_of_the_books_rate() {
    let mut seed = Seed::small().unwrap();
    seed.omni.accounts[0].generate.currencies = vec!["USD".to_owned()];
    seed.omni.accounts[0].generate.foreign = 100;
    let world = planted(&seed);
    let note = Json::parse(&world.omni("SmallAU").texts("CreditNotes")[0]).unwrap();
    assert_eq!(number(&note, "currencyRate").to_string(), "1.538462");
}

#[test]
fn the_same_seed_plants_the_same_world() {
    let (one, two) = (small(), small());
    assert_eq!(one.save().unwrap(), two.save().unwrap());
    let mut other = Seed::small().unwrap();
    other.chance = 2;
    assert_ne!(one.save().unwrap(), planted(&other).save().unwrap());
}

#[test]
fn a_saved_world_goes_on_where_it_was() {
    let world = small();
    world.advance_seconds(100);
    world
        .xero(TENANT)
        .edit("accounts", "200", json!({ "Name": "Sales!" }))
        .unwrap();
    let saved = world.save().unwrap();
    let clock = Clock::frozen("2026-11-22T02:00:00Z".parse().unwrap());
    let again = World::load(&saved, clock).unwrap();
    assert_eq!(again.now(), world.now());
    assert_eq!(again.save().unwrap(), saved);
}

#[test]
fn the_demo_holds_what_its_comments_promise() {
    let world = planted(&Seed::demo().unwrap());
    let notes = world.omni("HarbourGoodsAU").credit_notes();
    assert_eq!(notes.len(), 300 + 36);
    let noted = world.core("Harbour Tea").credit_notes();
    assert_eq!(noted.len(), 30 + 3);
    let waits =
        |it: &serde_json::Value| it["status"] == "PENDING_ERP" && it["submodule"] == "CREDIT";
    let traded = world.zudello("Harbour Goods").transactions();
    let sales = traded
        .iter()
        .filter(|it| waits(it) && it["module"] == "SALES");
    assert_eq!(sales.count(), 18 + 2);
    let by_hand = world
        .xero("Harbour Goods Pty Ltd")
        .credit_note("CR-90001")
        .unwrap();
    assert_eq!(by_hand["Reference"], "by hand");
    let of = |company: &str| notes.iter().filter(|it| it["company"] == company).count();
    assert_eq!(of("Sundial Cafes"), 3);
    assert_eq!(of("Blue Gum Trading"), 12);
    assert_eq!(of("Old Wharf Store"), 2);
    assert_eq!(of("Fernhill Living"), 2);
    assert_eq!(
        notes.iter().filter(|it| it["salesReference"] == "").count(),
        1
    );
    assert_eq!(
        notes
            .iter()
            .filter(|it| it["total"].as_f64() == Some(0.0))
            .count(),
        1
    );
    assert_eq!(
        notes
            .iter()
            .filter(|it| it["total"].as_f64().unwrap() > 0.0)
            .count(),
        1
    );
    let old = |it: &&serde_json::Value| it["lineItems"][0]["accountCode"] == "270";
    assert_eq!(notes.iter().filter(old).count(), 9);
    let locked = |it: &&serde_json::Value| it["creditNoteDate"].as_str().unwrap() < "2026-09-30";
    assert_eq!(notes.iter().filter(locked).count(), 2);
    let contacts = world.xero("Harbour Goods Pty Ltd").contacts();
    let blue = contacts
        .iter()
        .filter(|it| it["Name"].as_str().unwrap().starts_with("Blue Gum"));
    assert_eq!(blue.count(), 2);
    assert!(
        contacts
            .iter()
            .any(|it| it.get("MergedToContactID").is_some())
    );
}

#[test]
fn a_seed_that_does_not_fit_says_why() {
    let cases = [
        ("[omni]\nacounts = []", "the text is not a seed"),
        (
            "[[omni.accounts]]\nbooks = \"Nobody\"",
            "no organisation is named `Nobody`",
        ),
        (
            "[[omni.accounts]]\nzone = \"Mars\"",
            "`Mars` is no time zone",
        ),
        (
            "[[omni.accounts]]\ncredit-notes = [{ customer = \"Who\" }]",
            "a credit note needs the customer `Who`",
        ),
        (
            "[[xero.organisations]]\ncredit-notes = [{ Type = \"ACCRECCREDIT\" }]",
            "is refused: [{\"Message\":\"A Contact must be specified",
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
fn documents_may_be_written_out_in_full() {
    let seed = Seed::from_toml(
        r#"
        [[xero.organisations]]
        name = "Books"
        contacts = [{ Name = "A", ContactID = "11111111-1111-4111-8111-111111111111" }]
        credit-notes = ['''{ "Type": "ACCRECCREDIT", "Contact": { "Name": "A" },
            "Date": "2026-05-01", "CreditNoteNumber": "OLD-1",
            "LineItems": [{ "Description": "x", "UnitAmount": 10.10, "AccountCode": "200" }] }''']

        [[omni.accounts]]
        username = "Full"
        documents = [{ resource = "CreditNotes", json = '{"id":7,"total":-46.10,"salesReference":"SO-1"}' }]
        "#,
    )
    .unwrap();
    let world = planted(&seed);
    assert_eq!(
        world.omni("Full").texts("CreditNotes"),
        [r#"{"id":7,"total":-46.10,"salesReference":"SO-1"}"#]
    );
    let held = world.xero("Books").credit_note("OLD-1").unwrap();
    assert_eq!(held["Total"], "11.11");
    assert_eq!(held["ContactID"], "11111111-1111-4111-8111-111111111111");
}
