//! The connector, replayed from recordings through the same ABI that the engine uses.

use acme::ledgerline_connector;
use ledgerline_plugin_api::abi::Status;
use ledgerline_plugin_api::manifest::Category;
use ledgerline_plugin_api::testkit::{Case, Given, Replay, Run, conformance};
use serde_json::json;

fn replay(recording: &str) -> Replay {
    let replay = Replay::parse(&ledgerline_connector, recording).expect("a recording");
    replay.settings(json!({ "page-size": 2 }))
}

fn invoices() -> Replay {
    replay(include_str!("recordings/invoices.json"))
}

fn given(number: &str) -> Given {
    Given {
        change: 1,
        id: format!("entry {number}"),
        number: number.to_owned(),
        body: format!(
            r#"{{"number":"{number}","date":"2026-01-02","customer":"Bo","total":12.10}}"#
        ),
        ..Given::default()
    }
}

fn found(number: &str) -> Given {
    Given {
        change: 0,
        ..given(number)
    }
}

#[test]
fn a_pull_brings_every_invoice_as_it_came() {
    let trace = invoices().pull("invoices").expect("recorded calls");
    assert_eq!(trace.message(), "");
    assert_eq!(trace.ids(), ["1", "2", "3"]);
    let documents = trace.documents();
    assert!(
        documents[0]
            .body
            .as_deref()
            .is_some_and(|body| body.contains(r#""total": 12.10,"#))
    );
    assert_eq!(documents[2].body, None, "deleted");
    assert_eq!(
        trace.cursors().last().map(String::as_str),
        Some(r#"{"since":"2026-01-05T10:00:00Z","next_page":null,"newest":null}"#)
    );
}

#[test]
fn a_push_tells_each_document_s_own_outcome() {
    let replay = replay(include_str!("recordings/push.json"));
    let trace = replay
        .push("credit_notes", vec![given("CN-1"), given("CN-2")])
        .expect("recorded");
    let results = trace.results();
    assert_eq!(
        (results[0].status, results[0].remote_id.as_str()),
        (Status::OK, "c1")
    );
    assert_eq!(results[1].status, Status::REJECTED);
    let problem = results[1]
        .problem
        .as_ref()
        .expect("a refusal has a problem");
    assert_eq!(problem.category, Category::Duplicate);
    let covers: Vec<_> = trace
        .calls()
        .iter()
        .map(|call| call.covers.clone())
        .collect();
    assert_eq!(covers, [[0], [1]]);
}

#[test]
fn a_check_names_the_account() {
    let trace = replay(include_str!("recordings/check.json"))
        .check()
        .expect("recorded calls");
    let value = trace.end.expect("it went well").expect("a report");
    assert_eq!(value["account"]["id"], "co-7");
    assert_eq!(value["account"]["base-currency"], "AUD");
}

#[test]
fn it_conforms() {
    let pull = Run::Pull {
        stream: "invoices".into(),
        cursor: Vec::new(),
    };
    let push = Run::Push {
        stream: "credit_notes".into(),
        batches: vec![vec![given("CN-1"), given("CN-2")]],
    };
    let find = Run::Find {
        stream: "credit_notes".into(),
        batches: vec![vec![found("CN-1"), found("CN/2")]],
    };
    let cases = [
        Case::new("pull", invoices(), pull),
        Case::new("push", replay(include_str!("recordings/push.json")), push),
        Case::new("find", replay(include_str!("recordings/find.json")), find),
        Case::new(
            "check",
            replay(include_str!("recordings/check.json")),
            Run::Check,
        ),
    ];
    conformance(&ledgerline_connector, &cases).assert_ok();
}
