//! Accounting statuses are written back, and documents read again.

use ledgerline_plugin_api::abi::Status;
use ledgerline_plugin_api::manifest::Category;
use ledgerline_plugin_api::recording::Body;
use ledgerline_plugin_api::testkit::Given;
use serde_json::{Value, json};

use crate::tape::{Tape, note, saved, sought};

pub(crate) fn wanted(id: i64) -> Value {
    json!({
        "accountingAttributes": {
            "accountingImportStatus": "Imported",
            "importDate": "2026-01-15T00:00:00Z"
        },
        "id": id
    })
}

pub(crate) fn shown(id: i64, status: &str) -> Value {
    json!({
        "id": id,
        "modifiedDate": "2026-01-15T00:00:01Z",
        "accountingAttributes": {
            "accountingImportStatus": status,
            "importDate": "2026-01-15T13:00:00.0000000+13:00"
        }
    })
}

pub(crate) fn given(id: i64) -> Given {
    Given {
        change: 2,
        id: format!("entry {id}"),
        remote_id: id.to_string(),
        body: wanted(id).to_string(),
        ..Given::default()
    }
}

#[test]
fn a_status_that_sticks_is_written_and_one_that_does_not_is_a_follow_up() {
    let tape = Tape::default()
        .put(
            json!([wanted(1), wanted(2), wanted(3)]),
            200,
            saved(&[(2, Err("locked")), (0, Ok(1)), (1, Ok(2))]),
        )
        .read_back(
            "1,2",
            json!([shown(1, "IMPORTED"), shown(2, "NotImported")]),
        );
    let trace = tape
        .replay(json!({}))
        .push("credit_notes", vec![given(1), given(2), given(3)])
        .expect("recorded calls");
    assert_eq!(trace.message(), "");
    let call = trace.calls()[0];
    assert_eq!(
        (call.covers.as_slice(), call.safe_to_repeat),
        ([0, 1, 2].as_slice(), true)
    );

    let results = trace.results();
    assert_eq!(
        (results[0].status, results[0].remote_id.as_str()),
        (Status::OK, "1")
    );
    let body: Value =
        serde_json::from_str(results[0].body.as_deref().expect("a body")).expect("JSON");
    assert_eq!(
        body,
        wanted(1),
        "the same in another spelling is no difference"
    );

    let problem = results[1].problem.as_ref().expect("a problem");
    assert_eq!(
        (results[1].status, problem.category),
        (Status::REJECTED, Category::FollowUp)
    );
    assert_eq!(
        problem.cause,
        "Omni answered that it saved the accounting status, but still shows NotImported"
    );

    assert_eq!(
        (results[2].status, results[2].message.as_str()),
        (Status::REJECTED, "locked")
    );
}

#[test]
fn a_500_is_read_back_before_anything_is_believed() {
    let tape = Tape::default()
        .put(
            json!([wanted(1), wanted(2)]),
            500,
            json!("Something went wrong"),
        )
        .read_back(
            "1,2",
            json!([shown(1, "Imported"), shown(2, "NotImported")]),
        );
    let trace = tape
        .replay(json!({}))
        .push("credit_notes", vec![given(1), given(2)])
        .expect("recorded calls");
    let results = trace.results();
    assert_eq!(results[0].status, Status::OK, "it was saved all the same");
    assert_eq!(results[1].status, Status::UNAVAILABLE);
}

#[test]
fn a_call_that_was_not_taken_in_is_not_read_back() {
    let push = |status, body| {
        let tape = Tape::default().put(json!([wanted(1)]), status, body);
        let trace = tape
            .replay(json!({}))
            .push("credit_notes", vec![given(1)])
            .expect("recorded");
        trace.results()[0].clone()
    };
    let refused = push(400, json!("Batch limit"));
    assert_eq!((refused.status, refused.whole), (Status::REJECTED, true));

    let forbidden = push(403, json!("forbidden"));
    let problem = forbidden.problem.expect("a problem");
    assert_eq!(
        (problem.category, forbidden.whole),
        (Category::Permission, false)
    );
    assert!(
        problem.cause.contains(r#"lacks "Update" on CreditNotes"#),
        "{}",
        problem.cause
    );

    assert_eq!(push(401, json!("Unauthorized")).status, Status::AUTH);
    assert_eq!(
        push(429, json!("Rate limit exceeded")).status,
        Status::RATE_LIMITED
    );
}

#[test]
fn what_cannot_be_written_is_refused_without_a_call() {
    let lines = Given {
        body: r#"{"id":1,"lineItems":[]}"#.into(),
        ..given(1)
    };
    let void = Given {
        change: 3,
        ..given(2)
    };
    let nameless = Given {
        id: "entry".into(),
        remote_id: String::new(),
        body: "{}".into(),
        ..given(3)
    };
    let trace = Tape::default()
        .replay(json!({}))
        .push("credit_notes", vec![lines, void, nameless])
        .expect("no calls");
    assert_eq!(trace.calls().len(), 0);
    let statuses: Vec<_> = trace.results().iter().map(|it| it.status).collect();
    assert_eq!(
        statuses,
        [Status::REJECTED, Status::REJECTED, Status::CONFIG]
    );

    let tape = Tape::default();
    let trace = tape
        .replay(json!({}))
        .push("customers", vec![given(1)])
        .expect("no calls");
    assert_eq!(trace.status(), Status::UNSUPPORTED);
}

pub(crate) fn finds() -> Tape {
    Tape::default()
        .by_id(
            "4,6,8",
            json!([
                note(6, "2026-01-01T00:00:00Z"),
                note(8, "2026-01-01T00:00:00Z")
            ]),
        )
        .answer(
            "GET",
            "CreditNotes/4",
            404,
            Body::new(br#""Record not found""#),
        )
}

#[test]
fn not_found_rests_on_the_record_s_own_address() {
    let trace = finds()
        .replay(json!({}))
        .find("credit_notes", vec![sought(4), sought(6), sought(8)])
        .expect("recorded calls");
    let results = trace.results();
    let statuses: Vec<_> = results.iter().map(|it| it.status).collect();
    assert_eq!(statuses, [Status::NOT_FOUND, Status::OK, Status::OK]);
    let body: Value =
        serde_json::from_str(results[1].body.as_deref().expect("a body")).expect("JSON");
    assert_eq!(body, note(6, "2026-01-01T00:00:00Z"));

    let there = Tape::default()
        .by_id("4", json!([]))
        .get("CreditNotes/4", note(4, "2026-01-01T00:00:00Z"));
    let trace = there
        .replay(json!({}))
        .find("credit_notes", vec![sought(4)])
        .expect("recorded calls");
    assert_eq!(
        trace.results()[0].status,
        Status::OK,
        "a list that leaves it out proves nothing"
    );
}

#[test]
fn the_status_of_all_three_kinds_of_documents_is_written_the_same_way() {
    for (stream, list, title) in [
        ("credit_notes", "CreditNotes", "credit note"),
        ("sales_orders", "SalesOrders", "sales order"),
        ("purchase_orders", "PurchaseOrders", "purchase order"),
    ] {
        let tape = Tape::default()
            .send(
                "PUT",
                list,
                json!([wanted(1), wanted(2)]),
                500,
                json!("Something went wrong"),
            )
            .read_back_of(
                list,
                "1,2",
                json!([shown(1, "Imported"), shown(2, "NotImported")]),
            );
        let push = |tape: &Tape| {
            let docs = vec![given(1), given(2)];
            let trace = tape.replay(json!({})).push(stream, docs);
            let trace = trace.expect("recorded calls");
            trace.results().into_iter().cloned().collect::<Vec<_>>()
        };
        let results = push(&tape);
        assert_eq!(
            results[0].status,
            Status::OK,
            "{stream}: saved all the same"
        );
        assert_eq!(results[1].status, Status::UNAVAILABLE, "{stream}");

        let body = json!([wanted(1), wanted(2)]);
        let tape = Tape::default().send("PUT", list, body, 403, json!("no"));
        let problem = push(&tape)[0].problem.clone().expect("a problem");
        assert!(problem.cause.contains(&format!("on {list}")), "{problem:?}");
        assert!(
            problem.remedy.contains(&format!("The {title} itself")),
            "{problem:?}"
        );
    }
}
