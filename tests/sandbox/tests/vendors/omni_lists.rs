//! Omni's lists: credentials, permissions, limits, paging, filters.

use std::collections::BTreeMap;

use sandbox::Seed;
use sandbox::omni::account::Permission;
use sandbox::omni::behaviour::{ErrorBodies, Limits, RetryAfter};
use serde_json::{Value, json};

use crate::support::{Omni, planted, small, value};

fn ids(reply: &sandbox::Reply) -> Vec<i64> {
    assert_eq!(reply.status, 200, "{}", reply.body_text());
    value(reply)
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["id"].as_i64().unwrap())
        .collect()
}

fn open() -> Omni {
    let world = small();
    world.limits(false);
    Omni(world)
}

#[test]
fn credentials_and_permissions_are_checked() {
    let mut seed = Seed::small().unwrap();
    let read = Permission {
        read: true,
        ..Permission::default()
    };
    seed.omni.accounts[0].keys[0].permissions = BTreeMap::from([("CreditNotes".to_owned(), read)]);
    let omni = Omni(planted(&seed));
    assert_eq!(omni.get("CreditNotes?rows=1&fields=id").status, 200);
    assert_eq!(omni.get("creditnotes?rows=1&fields=id").status, 200);
    assert_eq!(omni.get("Contacts").status, 403);
    omni.0.advance_seconds(5);
    assert_eq!(
        omni.send("PUT", "CreditNotes", &json!([{ "id": 5001 }]))
            .status,
        403
    );
    let wrong = omni.0.handle(&omni.request("GET", "CreditNotes", "wrong"));
    assert_eq!(wrong.status, 401);
    assert!(value(&wrong).as_str().unwrap().starts_with("Unauthorized"));
    let none = omni
        .0
        .handle(&sandbox::Request::new("GET", "/api/v1/CreditNotes"));
    assert_eq!(none.status, 401);
}

#[test]
fn three_a_second_and_the_shapes_of_a_refusal() {
    let bodies = |kind: ErrorBodies| {
        let mut seed = Seed::small().unwrap();
        seed.omni.accounts[0].behaviour.error_bodies = kind;
        seed.omni.accounts[0].behaviour.retry_after = RetryAfter::Always;
        let omni = Omni(planted(&seed));
        for _ in 0..3 {
            assert_eq!(omni.get("CreditNotes?rows=1").status, 200);
        }
        let refused = omni.get("CreditNotes?rows=1");
        assert_eq!(refused.status, 429);
        assert_eq!(refused.header_value("retry-after"), Some("1"));
        omni.0.advance_seconds(1);
        assert_eq!(omni.get("CreditNotes?rows=1").status, 200);
        refused.body_text()
    };
    assert_eq!(bodies(ErrorBodies::Text), "\"Rate limit exceeded.\"");
    assert_eq!(
        bodies(ErrorBodies::Object),
        r#"{"message":"Rate limit exceeded."}"#
    );
    assert!(bodies(ErrorBodies::Html).starts_with("<html>"));
}

#[test]
fn the_minute_and_the_day_run_out_too() {
    let omni = Omni(small());
    omni.0
        .limit_omni(
            "SmallAU",
            Limits {
                on: true,
                second: 9,
                minute: 2,
                day: 3,
            },
        )
        .unwrap();
    let status = || omni.get("CreditNotes?rows=1").status;
    assert_eq!([status(), status(), status()], [200, 200, 429]);
    omni.0.advance_seconds(60);
    assert_eq!([status(), status()], [200, 429]);
    omni.0.advance_seconds(3600);
    assert_eq!(status(), 429, "the day");
    omni.0.advance_seconds(86_400);
    assert_eq!(status(), 200);
}

#[test]
fn pages_end_in_an_empty_array() {
    let omni = open();
    assert_eq!(ids(&omni.get("CreditNotes")).len(), 30, "fewer than fifty");
    let by_id = |page: &str| {
        ids(&omni.list(
            "CreditNotes",
            &[("order", "id ASC"), ("rows", "20"), ("page", page)],
        ))
    };
    assert_eq!(by_id("1"), (5001..=5020).collect::<Vec<_>>());
    assert_eq!(by_id("2"), (5021..=5030).collect::<Vec<_>>());
    assert_eq!(
        omni.list("CreditNotes", &[("page", "3"), ("rows", "20")])
            .body_text(),
        "[]"
    );
    for query in ["rows=251", "rows=0", "rows=x", "page=0", "page=-1"] {
        assert_eq!(
            omni.get(&format!("CreditNotes?{query}")).status,
            400,
            "{query}"
        );
    }
    assert_eq!(ids(&omni.get("CreditNotes?rows=250")).len(), 30);
    assert_eq!(
        ids(&omni.get("CreditNotes?limit=1&stage=New")).len(),
        30,
        "silently ignored"
    );
}

#[test]
fn filters_orders_and_fields_work_together() {
    let omni = open();
    let text = omni
        .list(
            "CreditNotes",
            &[
                (
                    "where",
                    "modifiedDate>='2026-10-01T00:00:00Z' AND id IN (5002,5004)",
                ),
                ("order", "ID desc"),
                ("fields", "id,lineItems(qty)"),
            ],
        )
        .body_text();
    let rows: Vec<Value> = serde_json::from_str(&text).unwrap();
    assert_eq!(rows[0]["id"], 5004);
    assert_eq!(rows[0].as_object().unwrap().len(), 2);
    assert_eq!(rows[0]["lineItems"][0].as_object().unwrap().len(), 1);
    assert_eq!(
        ids(&omni.list("CreditNotes", &[("where", "status='approved'")])).len(),
        30
    );
    assert_eq!(omni.list("CreditNotes", &[("where", "nope=1")]).status, 400);
    assert_eq!(
        omni.list("CreditNotes", &[("order", "nope ASC")]).status,
        400
    );
    let stable = ids(&omni.list("CreditNotes", &[("order", "modifiedDate ASC, id ASC")]));
    assert_eq!(stable.len(), 30);
}

#[test]
fn a_row_that_moves_while_pages_are_read_is_missed_or_met_twice() {
    let omni = open();
    let page = |number: &str| {
        ids(&omni.list(
            "CreditNotes",
            &[
                ("order", "modifiedDate ASC, id ASC"),
                ("rows", "10"),
                ("page", number),
            ],
        ))
    };
    let first = page("1");
    let before = page("2");
    omni.0
        .omni("SmallAU")
        .edit(
            "credit_notes",
            &first[0].to_string(),
            json!({ "internalComments": "moved" }),
        )
        .unwrap();
    let after = page("2");
    assert_eq!(before[1..], after[..9], "one row slipped over the boundary");
}

#[test]
fn one_document_and_other_resources() {
    let omni = open();
    assert_eq!(value(&omni.get("CreditNotes/5001"))["id"], 5001);
    assert_eq!(omni.get("CreditNotes/99").status, 404);
    assert_eq!(omni.get("Nonsense").status, 404);
    let contacts = ids(&omni.list("Contacts", &[("where", "type='Customer'")]));
    assert_eq!(contacts.len(), 6);
    assert_eq!(ids(&omni.get("Branches")).len(), 3);
    assert_eq!(ids(&omni.get("Users")).len(), 2);
}
