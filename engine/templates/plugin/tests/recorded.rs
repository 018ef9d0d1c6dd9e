//! The connector, replayed from recordings through the same boundary that the engine uses.

use ledgerline_plugin_api::{
    abi::Status,
    manifest::Category,
    testkit::{Case, Given, Replay, Run, conformance},
};

use {{crate}}::ledgerline_connector;

const ORDERS: &str = include_str!("recordings/orders.json");
const ORDERS_LATER: &str = include_str!("recordings/orders-later.json");
const INVOICES: &str = include_str!("recordings/invoices.json");
const FIND: &str = include_str!("recordings/find.json");
const CHECK: &str = include_str!("recordings/check.json");

fn replay(recording: &str) -> Replay {
    Replay::parse(&ledgerline_connector, recording).expect("a recording")
}

/// An invoice as the engine hands it over: 1 creates, 0 only looks for it.
fn invoice(number: &str, change: u32) -> Given {
    let body =
        r#"{"number":"NUMBER","date":"2026-10-02","customer":"Bo","currency":"AUD","total":12.10}"#;
    Given {
        change,
        id: format!("orders/{number}"),
        number: number.to_owned(),
        body: body.replace("NUMBER", number),
        ..Given::default()
    }
}

#[test]
fn a_pull_brings_every_order_as_it_came() {
    let trace = replay(ORDERS).pull("orders").expect("recorded calls");
    assert_eq!(trace.message(), "");
    assert_eq!(trace.ids(), ["1", "2", "3"]);
    let documents = trace.documents();
    let first = documents[0].body.as_deref().expect("a document");
    // Decimals stay as they came.
    assert!(first.contains(r#""total": 12.10,"#), "{first}");
    assert_eq!(documents[2].body, None, "deleted");
}

#[test]
fn a_later_pull_asks_for_what_changed_since() {
    let first = replay(ORDERS).pull("orders").expect("recorded calls");
    let cursor = first.cursors().pop().expect("a cursor");
    let later = replay(ORDERS_LATER);
    let trace = later.pull_from("orders", &cursor).expect("recorded calls");
    assert_eq!(trace.status(), Status::OK, "{}", trace.message());
    // The last second is met again: the engine drops what it holds.
    assert_eq!(trace.ids(), ["3"]);
}

#[test]
fn each_invoice_has_its_own_outcome() {
    let replay = replay(INVOICES);
    let batch = vec![invoice("SO-1", 1), invoice("SO-2", 1)];
    let trace = replay.push("invoices", batch).expect("recorded calls");
    let results = trace.results();
    assert_eq!(results[0].status, Status::OK);
    assert_eq!(results[0].remote_id, "i1");
    assert_eq!(results[1].status, Status::REJECTED);
    let problem = results[1].problem.as_ref();
    let category = problem.map(|it| it.category);
    assert_eq!(category, Some(Category::Duplicate));
}

#[test]
fn a_check_names_the_account() {
    let replay = replay(CHECK);
    let trace = replay.check().expect("recorded calls");
    let report = trace.end.expect("it went well").expect("a report");
    assert_eq!(report["account"]["id"], "co-7");
}

/// What every connector has to hold to, whatever system it knows: each recording is run again, resumed
/// after every page, ended after every step, answered in another order, and damaged in every place.
#[test]
fn it_conforms() {
    let pull = Run::Pull {
        stream: "orders".into(),
        cursor: Vec::new(),
    };
    let push = Run::Push {
        stream: "invoices".into(),
        batches: vec![vec![invoice("SO-1", 1), invoice("SO-2", 1)]],
    };
    let find = Run::Find {
        stream: "invoices".into(),
        batches: vec![vec![invoice("SO-1", 0), invoice("SO/2", 0)]],
    };
    let cases = [
        Case::new("pull", replay(ORDERS), pull).old_cursor(include_str!("cursors/v1.json")),
        Case::new("push", replay(INVOICES), push),
        Case::new("find", replay(FIND), find),
        Case::new("check", replay(CHECK), Run::Check),
    ];
    conformance(&ledgerline_connector, &cases).assert_ok();
}
