//! Zudello's lists: filters, order, pages, and the shapes that nobody has published.

use std::collections::BTreeSet;

use sandbox::zudello::contract::{
    BeyondEnd, Decimals, LandedCosts, ListDocuments, Next, Relations, Several,
};
use serde_json::{Value, json};

use crate::support::value;
use crate::zudello_support::{TEAM, changed, usual, uuid};

fn all_uuids(rows: &[Value]) -> BTreeSet<String> {
    rows.iter().map(uuid).collect()
}

#[test]
fn filters_choose_and_misspelt_ones_do_not() {
    let zudello = usual();
    let count =
        |query: &str| value(&zudello.get(&format!("transactions?{query}")))["count"].clone();
    let cases = [
        ("", 38),
        ("module=SALES", 36),
        ("module=SALES&submodule=CREDIT", 34),
        ("module=SALES&submodule=CREDIT&status=PENDING_ERP", 30),
        ("module=SALES&submodule=CREDIT&status=PROCESSING", 2),
        ("module=PURCHASING&submodule=CREDIT&status=PENDING_ERP", 2),
        ("status=pending_erp", 0),
        ("stauts=PENDING_ERP", 38),
        ("status=PENDING_ERP,PROCESSING", 0),
        ("updated_at__gte=2027-01-01T00:00:00Z", 0),
        ("updated_at__gte=2026-01-01T00:00:00Z", 38),
    ];
    for (query, expected) in cases {
        assert_eq!(count(query), json!(expected), "{query}");
    }
    let bad = zudello.get("transactions?updated_at__gte=yesterday");
    assert_eq!(bad.status, 400);
}

#[test]
fn the_instant_of_the_filter_belongs_to_it_or_not() {
    for inclusive in [true, false] {
        let zudello = changed(|team| team.contract.filters.inclusive = inclusive);
        let rows = zudello.waiting();
        let newest = rows.last().unwrap()["updated_at"]
            .as_str()
            .unwrap()
            .to_owned();
        let found = zudello.rows(&format!("transactions?updated_at__gte={newest}"));
        let met = all_uuids(&found).contains(&uuid(rows.last().unwrap()));
        assert_eq!(met, inclusive);
    }
}

#[test]
fn several_values_come_with_commas_or_repeated() {
    let cases = [
        (Several::Comma, "status=PENDING_ERP,PROCESSING"),
        (Several::Repeat, "status=PENDING_ERP&status=PROCESSING"),
    ];
    for (several, query) in cases {
        let zudello = changed(|team| team.contract.filters.several = several);
        let body = value(&zudello.get(&format!(
            "transactions?module=SALES&submodule=CREDIT&{query}"
        )));
        assert_eq!(body["count"], 32, "{several:?}");
    }
}

#[test]
fn pages_add_up_to_the_list() {
    let zudello = usual();
    let mut target = "transactions?page_size=7&ordering=updated_at,uuid".to_owned();
    let mut seen = Vec::new();
    loop {
        let body = value(&zudello.get(&target));
        assert_eq!(body["count"], 38);
        seen.extend(body["results"].as_array().unwrap().clone());
        match body["next"].as_str() {
            Some(next) => next
                .strip_prefix("/api/v1/")
                .unwrap()
                .clone_into(&mut target),
            None => break,
        }
    }
    assert_eq!(seen.len(), 38);
    assert_eq!(all_uuids(&seen).len(), 38);
    let instants: Vec<&str> = seen
        .iter()
        .map(|it| it["updated_at"].as_str().unwrap())
        .collect();
    assert!(instants.is_sorted());
    let beyond = value(&zudello.get("transactions?page=9"));
    assert_eq!(beyond["results"], json!([]));
    assert_eq!(zudello.get("transactions?page=x").status, 400);
    assert_eq!(zudello.get("transactions?page=0").status, 404);
    let newest_first = zudello.rows("transactions");
    assert_eq!(
        uuid(&newest_first[0]),
        uuid(seen.last().unwrap()),
        "without an order"
    );
}

#[test]
fn a_size_beyond_the_largest_is_quietly_made_smaller() {
    let zudello = changed(|team| team.contract.page.most = 10);
    let body = value(&zudello.get("transactions?page_size=100"));
    assert_eq!(body["results"].as_array().unwrap().len(), 10);
    assert!(body["next"].is_string());
}

#[test]
fn envelopes_differ() {
    let body = |items: &str, next: &str, kind: Next| {
        let zudello = changed(|team| {
            team.contract.page.items_pointer = items.to_owned();
            team.contract.page.next_pointer = next.to_owned();
            team.contract.page.next = kind;
        });
        let request = zudello
            .request("GET", "transactions?page_size=20")
            .header("Host", "127.0.0.1:9");
        value(&zudello.0.handle(&request))
    };
    let bare = body("", "/next", Next::Url);
    assert_eq!(bare.as_array().unwrap().len(), 20);
    let data = body("/data", "/meta/next", Next::Page);
    assert_eq!(data["data"].as_array().unwrap().len(), 20);
    assert_eq!(data["meta"], json!({ "next": 2, "previous": null }));
    let usual = body("/results", "/next", Next::Url);
    assert_eq!(
        usual["next"],
        "http://127.0.0.1:9/api/v1/transactions?page_size=20&page=2"
    );
    let zudello = changed(|team| {
        team.contract.page.first = 0;
        team.contract.page.param = "p".to_owned();
        team.contract.page.beyond_end = BeyondEnd::NotFound;
    });
    assert_eq!(
        value(&zudello.get("transactions?p=0"))["results"]
            .as_array()
            .unwrap()
            .len(),
        38
    );
    assert_eq!(zudello.get("transactions?p=1").status, 404);
}

#[test]
fn a_list_is_brief_and_a_document_whole() {
    let zudello = usual();
    let brief = &zudello.waiting()[0];
    assert!(brief.get("lines").is_none());
    assert_eq!(brief["customer"], brief["customer_uuid"]);
    let whole = zudello.document(&uuid(brief));
    assert_eq!(whole["customer"]["uuid"], brief["customer"]);
    assert!(whole["customer"]["legal_name"].is_string());
    assert_eq!(whole["currency"]["code"], "AUD");
    let line = &whole["lines"][0];
    assert!(line["account"]["code"].is_string() && line["tax_rate"]["rate"].is_string());
    assert!(line["total"].is_string());
    let zudello = changed(|team| team.contract.list_documents = ListDocuments::Whole);
    let listed = &zudello.waiting()[0];
    assert_eq!(*listed, zudello.document(&uuid(listed)));
}

#[test]
fn decimals_and_relations_take_the_shape_of_the_contract() {
    let document = |decimals: Decimals, relations: Relations| {
        let zudello = changed(|team| {
            team.contract.decimals = decimals;
            team.contract.relations = relations;
        });
        let uuid = uuid(&zudello.waiting()[0]);
        let text = zudello.get(&format!("transactions/{uuid}")).body_text();
        serde_json::from_str::<Value>(&text).unwrap()
    };
    let mixed = document(Decimals::Mixed, Relations::Uuid);
    assert!(mixed["total"].is_string() && mixed["lines"][0]["total"].is_number());
    assert_eq!(mixed["customer"], mixed["customer_uuid"]);
    assert!(mixed["lines"][0]["account"].is_string());
    let number = document(Decimals::Number, Relations::Null);
    assert!(number["total"].is_number());
    assert!(number["customer"].is_null() && number["customer_uuid"].is_string());
    let object = document(Decimals::Number, Relations::Object);
    assert!(object["lines"][0]["tax_rate"]["rate"].is_number());
}

#[test]
fn landed_cost_stands_among_the_lines_or_apart() {
    let documents = |landed: LandedCosts| {
        let zudello = changed(|team| {
            team.contract.landed_costs = landed;
            team.generate.landed_costs = 100;
        });
        let waiting = zudello.waiting();
        waiting
            .iter()
            .map(|it| zudello.document(&uuid(it)))
            .collect::<Vec<_>>()
    };
    let kinds = |lines: &Value| -> BTreeSet<String> {
        let lines = lines.as_array().unwrap().iter();
        lines
            .map(|it| it["line_type"].as_str().unwrap().to_owned())
            .collect()
    };
    let both = BTreeSet::from(["ITEM".to_owned(), "LANDED_COST".to_owned()]);
    for document in documents(LandedCosts::Mixed) {
        assert_eq!(kinds(&document["lines"]), both);
    }
    for document in documents(LandedCosts::Apart) {
        assert_eq!(
            kinds(&document["lines"]),
            BTreeSet::from(["ITEM".to_owned()])
        );
        assert_eq!(
            kinds(&document["landed_costs"]),
            BTreeSet::from(["LANDED_COST".to_owned()])
        );
    }
}

#[test]
fn instants_have_as_many_digits_as_the_contract_says() {
    for (digits, length) in [(0, 20), (3, 24), (6, 27)] {
        let zudello = changed(|team| team.contract.fraction_digits = digits);
        let rows = zudello.waiting();
        assert_eq!(rows[0]["updated_at"].as_str().unwrap().len(), length);
    }
}

#[test]
fn ties_share_one_instant() {
    let zudello = changed(|team| team.generate.ties = 12);
    let rows = zudello.waiting();
    let tied = rows
        .iter()
        .filter(|it| it["updated_at"] == "2026-11-20T10:00:00.000000Z");
    assert!(tied.count() >= 12);
}

#[test]
fn master_data_are_the_books_own() {
    let zudello = usual();
    for resource in [
        "customers",
        "suppliers",
        "accounts",
        "tax-rates",
        "items",
        "currencies",
        "locations",
        "subsidiaries",
        "payment-terms",
    ] {
        assert!(!zudello.rows(resource).is_empty(), "{resource}");
    }
    let books = zudello.0.xero("Roastery Pty Ltd");
    let harbour = &zudello.rows("customers?code=HARB01")[0];
    let contacts = books.contacts();
    let held = contacts
        .iter()
        .find(|it| it["Name"] == "Harbour Cafe")
        .unwrap();
    assert_eq!(harbour["external_id"], held["ContactID"]);
    assert_eq!(held["AccountNumber"], "HARB01");
    let rate = &zudello.rows("tax-rates?code=OUTPUT")[0];
    assert_eq!(
        (&rate["rate"], &rate["name"]),
        (&json!("10"), &json!("GST on Income"))
    );
    let state = zudello.0.state();
    let tenant = books.tenant_id().unwrap().to_string();
    let options = &state["xero"][tenant]["tracking"][0]["Options"];
    let codes: BTreeSet<String> = options
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["TrackingOptionID"].as_str().unwrap().to_owned())
        .collect();
    let locations: BTreeSet<String> = zudello
        .rows("locations")
        .iter()
        .map(|it| it["code"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(locations, codes);
    let items = books_items(&zudello);
    let sold = zudello.rows("items");
    assert!(
        sold.iter()
            .all(|it| items.contains(it["sku"].as_str().unwrap()))
    );
    let one = zudello.get(&format!("customers/{}", uuid(harbour)));
    assert_eq!(value(&one)["legal_name"], "Harbour Cafe");
    assert_eq!(zudello.get("nonsense").status, 404);
    assert_eq!(zudello.send("POST", "customers", &json!({})).status, 405);
}

/// Codes of the items that the books know.
fn books_items(zudello: &crate::zudello_support::Zudello) -> BTreeSet<String> {
    let tenant = zudello.0.xero("Roastery Pty Ltd").tenant_id().unwrap();
    let state = zudello.0.state();
    let items = state["xero"][tenant.to_string()]["items"]
        .as_array()
        .unwrap();
    let codes = items
        .iter()
        .map(|it| it["Code"].as_str().unwrap().to_owned());
    codes.collect()
}

#[test]
fn a_document_that_moves_while_pages_are_read_is_missed() {
    let zudello = usual();
    let page = |number: u8| {
        zudello.rows(&format!(
            "transactions?page_size=10&page={number}&ordering=updated_at,uuid"
        ))
    };
    let (first, before) = (page(1), page(2));
    zudello
        .0
        .zudello(TEAM)
        .edit(
            "transactions",
            &uuid(&first[0]),
            json!({ "reference": "moved" }),
        )
        .unwrap();
    let after = page(2);
    assert_eq!(before[1..], after[..9], "one row slipped over the boundary");
}
