//! Lists: thin or whole, filtered, ordered, paged.

use serde_json::{Value, json};

use crate::support::{TENANT, Xero, small, value};

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

fn numbers(reply: &sandbox::Reply) -> Vec<String> {
    let body = value(reply);
    let notes = body["CreditNotes"].as_array().cloned().unwrap_or_default();
    notes
        .iter()
        .map(|it| it["CreditNoteNumber"].as_str().unwrap().to_owned())
        .collect()
}

fn filled() -> Xero {
    let world = small();
    world.limits(false);
    let xero = Xero::new(&world);
    for at in 1..=7 {
        let mut note = xero.note(&format!("CN-{at}"));
        note["Date"] = json!(format!("2026-11-0{at}"));
        note["Reference"] = json!(format!("SO-{at}"));
        note["Status"] = json!(if at % 2 == 0 { "DRAFT" } else { "AUTHORISED" });
        xero.put_note(&note);
        world.advance_seconds(60);
    }
    xero
}

#[test]
fn without_a_page_a_list_is_complete_and_thin() {
    let xero = filled();
    let thin = value(&xero.get("CreditNotes"));
    assert_eq!(thin["CreditNotes"].as_array().unwrap().len(), 7);
    assert_eq!(thin["CreditNotes"][0]["LineItems"], json!([]));
    assert_eq!(thin["CreditNotes"][0]["Contact"].get("ContactStatus"), None);
    assert_eq!(thin.get("pagination"), None);

    let whole = value(&xero.get("CreditNotes?page=2&pageSize=3"));
    assert_eq!(
        whole["pagination"],
        json!({ "page": 2, "pageSize": 3, "pageCount": 3, "itemCount": 7 })
    );
    assert_eq!(
        whole["CreditNotes"][0]["LineItems"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(
        numbers(&xero.get("CreditNotes?page=2&pageSize=3")),
        ["CN-4", "CN-5", "CN-6"]
    );
    assert_eq!(
        numbers(&xero.get("CreditNotes?page=9")),
        Vec::<String>::new()
    );
    assert_eq!(xero.get("CreditNotes?page=1&pageSize=1001").status, 400);
}

#[test]
fn where_and_order_choose_and_sort() {
    let xero = filled();
    let contact = xero.contact_id("Acme Ltd");
    let cases: Vec<(String, Vec<&str>)> = vec![
        (
            r#"Status=="DRAFT""#.to_owned(),
            vec!["CN-2", "CN-4", "CN-6"],
        ),
        (r#"Reference=="SO-3""#.to_owned(), vec!["CN-3"]),
        (
            "Date>=DateTime(2026,11,06)".to_owned(),
            vec!["CN-6", "CN-7"],
        ),
        (
            format!(r#"Contact.ContactID==guid("{contact}") AND Date<DateTime(2026,11,02)"#),
            vec!["CN-1"],
        ),
        (r#"Contact.Name=="Nobody""#.to_owned(), vec![]),
    ];
    for (filter, expected) in cases {
        let reply = xero.get(&format!("CreditNotes?where={}", encoded(&filter)));
        assert_eq!(numbers(&reply), expected, "{filter}");
    }
    let reply = xero.get(&format!(
        "CreditNotes?page=1&pageSize=2&order={}",
        encoded("Date DESC")
    ));
    assert_eq!(numbers(&reply), ["CN-7", "CN-6"]);
    let reply = xero.get(&format!("CreditNotes?where={}", encoded(r#"Number=="x""#)));
    assert_eq!(reply.status, 400);
    assert_eq!(value(&reply)["ErrorNumber"], 16);
    assert_eq!(
        value(&reply)["Message"],
        "No property or field 'Number' exists in type 'CreditNote'"
    );
}

#[test]
fn modified_since_shows_voided_ones_too() {
    let xero = filled();
    xero.world
        .xero(TENANT)
        .edit("credit_notes", "CN-1", json!({ "Status": "VOIDED" }))
        .unwrap();
    let since = |at: &str| {
        let request = xero
            .request("GET", "CreditNotes?page=1")
            .header("If-Modified-Since", at);
        xero.world.handle(&request)
    };
    assert_eq!(numbers(&since("2026-11-22T02:06:00")), ["CN-7", "CN-1"]);
    assert_eq!(numbers(&since("2026-11-22T02:07:01")), Vec::<String>::new());
    let changed = value(&since("2026-11-22T02:07:00"));
    assert_eq!(changed["CreditNotes"][0]["Status"], "VOIDED");
    let switch = json!({ "answer-not-modified": true, "modified-since-inclusive": false });
    xero.world
        .xero(TENANT)
        .edit("switches", "", switch)
        .unwrap();
    assert_eq!(since("2026-11-22T02:07:00").status, 304);
}

#[test]
fn one_note_is_found_by_id_or_number() {
    let xero = filled();
    let by_number = value(&xero.get("CreditNotes/CN-3"))["CreditNotes"][0].clone();
    let id = by_number["CreditNoteID"].as_str().unwrap();
    let by_id = value(&xero.get(&format!("CreditNotes/{id}")))["CreditNotes"][0].clone();
    assert_eq!(by_id, by_number);
    assert_eq!(by_id["LineItems"].as_array().unwrap().len(), 1);
}

#[test]
fn numbers_with_blanks_and_signs_are_found_by_path() {
    let xero = filled();
    xero.put_note(&xero.note("771 CRN+771&x"));
    let body = value(&xero.get("CreditNotes/771%20CRN+771%26x"));
    assert_eq!(body["CreditNotes"][0]["CreditNoteNumber"], "771 CRN+771&x");
}

#[test]
fn ids_on_credit_notes_do_nothing_until_switched_on() {
    let xero = filled();
    let one = value(&xero.get("CreditNotes/CN-3"))["CreditNotes"][0]["CreditNoteID"].clone();
    let target = format!("CreditNotes?IDs={}", one.as_str().unwrap());
    assert_eq!(numbers(&xero.get(&target)).len(), 7);
    let remarked = xero.world.calls().pop().unwrap().remarks;
    assert_eq!(
        remarked,
        ["IDs is not a parameter of GET CreditNotes and was ignored"]
    );
    xero.world
        .xero(TENANT)
        .edit("switches", "", json!({ "credit-notes-by-ids": true }))
        .unwrap();
    assert_eq!(numbers(&xero.get(&target)), ["CN-3"]);
}

#[test]
fn settings_lists_are_served() {
    let world = small();
    let xero = Xero::new(&world);
    let list = |target: &str, name: &str| -> Vec<Value> {
        value(&xero.get(target))[name]
            .as_array()
            .cloned()
            .unwrap_or_default()
    };
    let organisation = list("Organisation", "Organisations").remove(0);
    assert_eq!(organisation["BaseCurrency"], "AUD");
    assert_eq!(organisation["PeriodLockDate"], "/Date(1788134400000+0000)/");
    assert_eq!(
        organisation["EndOfYearLockDate"],
        "/Date(1782777600000+0000)/"
    );
    let bank = list(
        &format!("Accounts?where={}", encoded(r#"Type=="BANK""#)),
        "Accounts",
    );
    assert_eq!(bank.len(), 1);
    assert_eq!(bank[0]["Class"], "ASSET");
    let output = list("TaxRates/OUTPUT", "TaxRates").remove(0);
    assert_eq!(output["CanApplyToRevenue"], true);
    assert_eq!(output["CanApplyToExpenses"], false);
    assert_eq!(output["EffectiveRate"], json!(10.0));
    let region = list("TrackingCategories", "TrackingCategories").remove(0);
    assert_eq!(region["Options"][1]["Name"], "South");
    assert_eq!(list("Currencies", "Currencies").len(), 2);
    let subscribed = xero.send("PUT", "Currencies", &json!({ "Code": "EUR" }));
    assert_eq!(subscribed.status, 200);
    assert_eq!(list("Currencies", "Currencies").len(), 3);
    assert!(!list("Organisation/Actions", "Actions").is_empty());
}

#[test]
fn items_are_listed_and_lines_may_name_no_others() {
    let mut seed = sandbox::Seed::small().unwrap();
    seed.xero.organisations[0].items = vec![
        sandbox::seed::ItemSeed {
            code: "MUG".to_owned(),
            name: "Mug".to_owned(),
            tracked: false,
        },
        sandbox::seed::ItemSeed {
            code: "LAMP".to_owned(),
            tracked: true,
            ..Default::default()
        },
    ];
    let world = crate::support::planted(&seed);
    let xero = Xero::new(&world);
    let list = value(&xero.get("Items?unitdp=4"));
    assert_eq!(list["Items"][0]["Code"], "MUG");
    assert_eq!(list["Items"][0]["IsTrackedAsInventory"], false);
    assert_eq!(list["Items"][1]["Name"], "LAMP");
    assert_eq!(value(&xero.get("Items/MUG"))["Items"][0]["Name"], "Mug");
    assert_eq!(xero.get("Items/NOPE").status, 404);
    let mut note = xero.note("CN-1");
    note["LineItems"][0]["ItemCode"] = json!("MUG");
    assert_eq!(xero.put_note(&note)["LineItems"][0]["ItemCode"], "MUG");
    note["CreditNoteNumber"] = json!("CN-2");
    note["LineItems"][0]["ItemCode"] = json!("NOPE");
    let refused = xero.put_note(&note);
    let texts = refused.to_string();
    assert!(texts.contains("Item code 'NOPE' is not valid"), "{texts}");
}
