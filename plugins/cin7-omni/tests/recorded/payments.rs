//! Payments are entered once, found again, and taken back.

use ledgerline_plugin_api::abi::Status;
use ledgerline_plugin_api::recording::Body;
use ledgerline_plugin_api::testkit::{Given, Trace};
use serde_json::{Value, json};

use crate::tape::{Tape, saved, sought};

/// A payment as the mapping gives it: the id of the order comes from a link, as text.
pub(crate) fn payment(reference: &str, order: i64) -> Given {
    let body = json!({
        "orderId": order.to_string(), "amount": 10, "method": "Xero",
        "paymentDate": "2026-01-14T00:00:00Z", "transactionRef": reference
    });
    Given {
        change: 1,
        id: format!("entry {reference}"),
        body: body.to_string(),
        ..Given::default()
    }
}

pub(crate) fn numbered(reference: &str) -> Given {
    Given {
        id: "7".into(),
        number: reference.into(),
        body: "{}".into(),
        ..Given::default()
    }
}

pub(crate) fn taken_back(id: i64) -> Given {
    Given {
        change: 3,
        id: format!("entry {id}"),
        remote_id: id.to_string(),
        ..Given::default()
    }
}

/// As it is sent.
fn sent(reference: &str, order: i64) -> Value {
    json!({
        "amount": 10, "method": "Xero", "orderId": order,
        "paymentDate": "2026-01-14T00:00:00Z", "transactionRef": reference
    })
}

/// As Omni shows it.
fn held(id: i64, reference: &str, order: i64) -> Value {
    json!({
        "id": id, "amount": 10.0, "method": "Xero", "orderId": order, "isAuthorized": true,
        "paymentDate": "2026-01-14T00:00:00.0000000Z", "transactionRef": reference
    })
}

fn by_reference(tape: Tape, reference: &str, rows: Value) -> Tape {
    tape.records(
        "Payments",
        &format!("transactionRef='{reference}'"),
        "",
        rows,
    )
}

fn of_order(tape: Tape, order: i64, rows: Value) -> Tape {
    tape.records("Payments", &format!("orderId={order}"), "", rows)
}

/// One payment that is saved, one that is refused, and one that is taken back.
pub(crate) fn payments() -> Tape {
    Tape::default()
        .answer(
            "DELETE",
            "Payments/9",
            200,
            Body::new(br#"{"success":true,"id":9}"#),
        )
        .answer("GET", "Payments/9", 404, Body::new(br#""not found""#))
        .send(
            "POST",
            "Payments",
            json!([sent("a", 7), sent("b", 8)]),
            200,
            saved(&[(1, Err("no such order")), (0, Ok(11))]),
        )
        .records("Payments", "id IN (11)", "", json!([held(11, "a", 7)]))
}

fn pushed(tape: &Tape, docs: Vec<Given>) -> Trace {
    let trace = tape.replay(json!({})).push("payments", docs);
    trace.expect("recorded calls")
}

#[test]
fn a_payment_is_entered_in_a_call_that_must_not_leave_twice() {
    let docs = vec![payment("a", 7), payment("b", 8), taken_back(9)];
    let trace = pushed(&payments(), docs);
    assert_eq!((trace.message(), trace.unused.len()), ("", 0));
    let calls = trace.calls();
    let posts: Vec<_> = calls.iter().filter(|it| it.method == "POST").collect();
    assert_eq!(
        (posts[0].covers.as_slice(), posts[0].safe_to_repeat),
        ([0, 1].as_slice(), false)
    );
    let results = trace.results();
    assert_eq!(
        (results[0].status, results[0].remote_id.as_str()),
        (Status::OK, "11")
    );
    let body = results[0].body.as_deref().expect("a body");
    let mut expected = sent("a", 7);
    expected["amount"] = json!(10.0);
    expected["orderId"] = json!("7");
    assert_eq!(
        serde_json::from_str::<Value>(body).expect("JSON"),
        expected,
        "the same instant in another spelling is no difference"
    );
    assert_eq!(
        (results[1].status, results[1].message.as_str()),
        (Status::REJECTED, "no such order")
    );
    assert_eq!(
        (results[2].status, results[2].remote_id.as_str()),
        (Status::OK, "9")
    );
}

#[test]
fn a_500_after_a_payment_is_looked_into_and_never_sent_again() {
    let tape = Tape::default().send(
        "POST",
        "Payments",
        json!([sent("a", 7), sent("b", 8)]),
        500,
        json!("Something went wrong"),
    );
    let tape = by_reference(tape, "a", json!([held(11, "a", 7)]));
    let tape = of_order(by_reference(tape, "b", json!([])), 8, json!([]));
    let trace = pushed(&tape, vec![payment("a", 7), payment("b", 8)]);
    let results = trace.results();
    assert_eq!(
        (results[0].status, results[0].remote_id.as_str()),
        (Status::OK, "11"),
        "it was saved all the same"
    );
    assert_eq!(
        results[1].status,
        Status::UNAVAILABLE,
        "it may still come: the engine asks again"
    );
    let posts = trace
        .calls()
        .iter()
        .filter(|it| it.method == "POST")
        .count();
    assert_eq!(posts, 1);
}

/// The first is there, the second is not, the third is known by its number alone.
pub(crate) fn lost_payments() -> Tape {
    let tape = by_reference(Tape::default(), "a", json!([held(11, "a", 7)]));
    let tape = of_order(
        by_reference(tape, "b", json!([])),
        8,
        json!([held(12, "x", 8)]),
    );
    by_reference(tape, "c", json!([held(13, "c", 9)]))
}

#[test]
fn a_lost_payment_is_found_by_its_reference_or_is_not_there() {
    let docs = vec![payment("a", 7), payment("b", 8), numbered("c")];
    let trace = lost_payments().replay(json!({})).find("payments", docs);
    let trace = trace.expect("recorded calls");
    let told: Vec<_> = trace
        .results()
        .iter()
        .map(|it| (it.status, it.remote_id.clone()))
        .collect();
    let expected = [
        (Status::OK, "11"),
        (Status::NOT_FOUND, ""),
        (Status::OK, "13"),
    ];
    let body = trace.results()[0].body.clone().expect("a body");
    let body: Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!(
        (&body["orderId"], &body["isAuthorized"]),
        (&json!("7"), &json!(true)),
        "what means the same is spelled as it was given"
    );
    assert_eq!(told, expected.map(|(status, id)| (status, id.to_owned())));

    // The reference's list leaves it out, the order's shows it.
    let tape = by_reference(Tape::default(), "a", json!([]));
    let tape = of_order(tape, 7, json!([held(11, "a", 7)]));
    let trace = tape
        .replay(json!({}))
        .find("payments", vec![payment("a", 7)]);
    assert_eq!(trace.expect("recorded calls").results()[0].remote_id, "11");

    // A source's own payment is read again by its id.
    let tape = Tape::default().records("Payments", "id IN (6)", "", json!([held(6, "z", 7)]));
    let trace = tape.replay(json!({})).find("payments", vec![sought(6)]);
    assert_eq!(trace.expect("recorded calls").results()[0].remote_id, "6");

    // A quote in a reference does not end the text.
    let tape = by_reference(Tape::default(), "O''Neil", json!([held(14, "O'Neil", 7)]));
    let trace = tape
        .replay(json!({}))
        .find("payments", vec![numbered("O'Neil")]);
    assert_eq!(trace.expect("recorded calls").results()[0].remote_id, "14");
}

#[test]
fn a_payment_that_could_not_be_found_again_is_not_sent() {
    let with = |field: &str, value: Value| {
        let mut body: Value = serde_json::from_str(&payment("a", 7).body).expect("JSON");
        body[field] = value;
        Given {
            body: body.to_string(),
            ..payment("a", 7)
        }
    };
    let docs = vec![
        with("transactionRef", json!("")),
        with("transactionRef", json!("x".repeat(51))),
        with("orderId", json!(0)),
        Given {
            change: 2,
            remote_id: "6".into(),
            ..payment("a", 7)
        },
        Given {
            change: 3,
            ..payment("a", 7)
        },
    ];
    let trace = pushed(&Tape::default(), docs);
    assert_eq!(trace.calls().len(), 0);
    let statuses: Vec<_> = trace.results().iter().map(|it| it.status).collect();
    assert_eq!(statuses, [Status::REJECTED; 5]);
}

#[test]
fn a_payment_counts_as_taken_back_when_its_address_is_gone() {
    let shown = json!({ "id": 9 }).to_string();
    let cases: [(u16, &str, Option<u16>, Status); 5] = [
        (200, r#"{"success":true}"#, Some(404), Status::OK),
        (200, r#"{"success":true}"#, Some(200), Status::UNAVAILABLE),
        (
            200,
            r#"{"success":false,"errors":["paid out"]}"#,
            None,
            Status::REJECTED,
        ),
        (404, r#""not found""#, None, Status::OK),
        (500, r#""no""#, Some(404), Status::OK),
    ];
    for (status, body, after, expected) in cases {
        let mut tape =
            Tape::default().answer("DELETE", "Payments/9", status, Body::new(body.as_bytes()));
        if let Some(after) = after {
            tape = tape.answer("GET", "Payments/9", after, Body::new(shown.as_bytes()));
        }
        let trace = pushed(&tape, vec![taken_back(9)]);
        assert_eq!(trace.results()[0].status, expected, "{status} {body}");
        assert_eq!(trace.unused, [""; 0], "{status} {body}");
    }
}
