//! Lists are read wholly, once, and what vanished is noticed.

use ledgerline_plugin_api::recording::Body;
use ledgerline_plugin_api::sdk::percent_encode;
use serde_json::json;

use crate::tape::{Tape, UPPER, note, pull};

/// A walk over four notes, two a page, the first full page within one second.
pub(crate) fn walk() -> Tape {
    let order = "modifiedDate ASC, id ASC";
    let all = format!("modifiedDate<'{UPPER}'");
    let from = |from: &str| format!("modifiedDate>='{from}' AND modifiedDate<'{UPPER}'");
    let (noon, one) = ("2026-01-01T12:00:00Z", "2026-01-01T13:00:00Z");
    Tape::default()
        .list(
            "CreditNotes",
            &all,
            order,
            1,
            json!([note(7, noon), note(9, noon)]),
        )
        .list(
            "CreditNotes",
            &from(noon),
            order,
            1,
            json!([note(7, noon), note(9, noon)]),
        )
        .list(
            "CreditNotes",
            &from(noon),
            order,
            2,
            json!([note(2, "2026-01-01T12:30:00Z"), note(5, one)]),
        )
        .list("CreditNotes", &from(one), order, 1, json!([note(5, one)]))
        .list("CreditNotes", &from(one), order, 2, json!([]))
}

#[test]
fn a_walk_goes_on_from_the_last_row_and_ends_with_an_empty_page() {
    let trace = pull(&walk(), json!({}), "credit_notes");
    assert_eq!(trace.message(), "");
    assert_eq!(trace.unused, [""; 0]);
    assert_eq!(trace.ids(), ["7", "9", "7", "9", "2", "5", "5"]);
    assert_eq!(trace.documents()[0].version, "2026-01-01T12:00:00Z");
    assert_eq!(
        trace.cursors().last().map(String::as_str),
        Some(r#"{"since":"2026-01-14T23:59:30Z"}"#)
    );
}

#[test]
fn the_next_walk_overlaps_the_last() {
    let condition = format!("modifiedDate>='2026-01-10T07:50:00Z' AND modifiedDate<'{UPPER}'");
    let order = "modifiedDate ASC, id ASC";
    let tape = Tape::default().list("CreditNotes", &condition, order, 1, json!([]));
    let trace = tape
        .replay(json!({}))
        .pull_from("credit_notes", r#"{"since":"2026-01-10T08:00:00Z"}"#)
        .expect("recorded calls");
    assert_eq!(trace.message(), "");
}

#[test]
fn only_the_first_walk_of_documents_begins_at_the_start_date() {
    let order = "modifiedDate ASC, id ASC";
    let settings = json!({ "start-date": "2026-01-10", "history-days": 5 });
    let condition = format!("modifiedDate>='2026-01-05T00:00:00Z' AND modifiedDate<'{UPPER}'");
    let notes = Tape::default().list("CreditNotes", &condition, order, 1, json!([]));
    assert_eq!(pull(&notes, settings.clone(), "credit_notes").message(), "");

    for (stream, kind) in [("customers", "Customer"), ("suppliers", "Supplier")] {
        let condition = format!("type='{kind}' AND modifiedDate<'{UPPER}'");
        let contacts = Tape::default().list("Contacts", &condition, order, 1, json!([]));
        assert_eq!(pull(&contacts, settings.clone(), stream).message(), "");
    }
}

#[test]
fn a_walk_by_id_asks_for_greater_ids() {
    let all = format!("modifiedDate<'{UPPER}'");
    let tape = Tape::default()
        .list(
            "CreditNotes",
            &all,
            "id ASC",
            1,
            json!([
                note(3, "2026-01-02T00:00:00Z"),
                note(4, "2026-01-01T00:00:00Z")
            ]),
        )
        .list(
            "CreditNotes",
            &format!("{all} AND id>4"),
            "id ASC",
            1,
            json!([note(8, "2026-01-01T00:00:00Z")]),
        )
        .list(
            "CreditNotes",
            &format!("{all} AND id>8"),
            "id ASC",
            1,
            json!([]),
        );
    let trace = pull(&tape, json!({ "page-order": "id" }), "credit_notes");
    assert_eq!((trace.message(), trace.ids()), ("", vec!["3", "4", "8"]));
}

#[test]
fn documents_stay_as_omni_gave_them() {
    let all = format!("modifiedDate<'{UPPER}'");
    let order = percent_encode("modifiedDate ASC, id ASC");
    let path = |page| {
        format!(
            "CreditNotes?where={}&order={order}&rows=2&page={page}",
            percent_encode(&all)
        )
    };
    let text = r#"{"id":1, "modifiedDate":"2026-01-01T00:00:00Z","taxRate":0.150000000000000000001,"unknown":[1.10]}"#;
    let tape = Tape::default()
        .answer(
            "GET",
            &path(1),
            200,
            Body::new(format!("[{text}]").as_bytes()),
        )
        .get(&path(2), json!([]));
    let trace = pull(&tape, json!({}), "credit_notes");
    assert_eq!(trace.documents()[0].body.as_deref(), Some(text));
}

#[test]
fn sales_orders_are_read_once_they_have_their_invoice_date() {
    let order = "modifiedDate ASC, id ASC";
    let upper = format!("modifiedDate<'{UPPER}'");
    for (settings, condition) in [
        (json!({}), format!("invoiceDate IS NOT NULL AND {upper}")),
        (json!({ "open-orders": "read" }), upper.clone()),
    ] {
        let tape = Tape::default().list("SalesOrders", &condition, order, 1, json!([]));
        assert_eq!(pull(&tape, settings, "sales_orders").message(), "");
    }
    for (stream, list) in [
        ("purchase_orders", "PurchaseOrders"),
        ("adjustments", "Adjustments"),
        ("products", "Products"),
    ] {
        let tape = Tape::default().list(list, &upper, order, 1, json!([]));
        assert_eq!(pull(&tape, json!({}), stream).message(), "", "{stream}");
    }
}

pub(crate) fn branches() -> Tape {
    let branch = |id: i64| json!({ "id": id, "company": "Main" });
    Tape::default()
        .get(
            "Branches?order=id%20ASC&rows=2&page=1",
            json!([branch(3), branch(5)]),
        )
        .get(
            &format!(
                "Branches?where={}&order=id%20ASC&rows=2&page=1",
                percent_encode("id>5")
            ),
            json!([]),
        )
}

#[test]
fn a_list_without_dates_is_read_wholly_each_time() {
    let trace = pull(&branches(), json!({}), "branches");
    assert_eq!((trace.message(), trace.ids()), ("", vec!["3", "5"]));
    let cursors = trace.cursors();
    let cursor = cursors.last().expect("a cursor");
    let again = branches().replay(json!({})).pull_from("branches", cursor);
    assert_eq!(again.expect("recorded calls").ids(), ["3", "5"]);
}

/// Two days before the clock of the tests.
pub(crate) const SWEPT_LONG_AGO: &str =
    r#"{"since":"2026-01-13T00:00:00Z","known":"5,1*2,1","swept":"2026-01-13T00:00:00Z"}"#;

/// A walk that meets payment 9, then a sweep over 5 to 9, of which these are gone.
pub(crate) fn sweep(gone: &[i64]) -> Tape {
    let condition = format!("modifiedDate>='2026-01-12T23:50:00Z' AND modifiedDate<'{UPPER}'");
    let order = "modifiedDate ASC, id ASC";
    let row = json!({ "id": 9, "modifiedDate": "2026-01-13T10:00:00Z", "amount": 1 });
    let there: Vec<i64> = (5..=9).filter(|id| !gone.contains(id)).collect();
    let mut tape = Tape::default()
        .list("Payments", &condition, order, 1, json!([row]))
        .list("Payments", &condition, order, 2, json!([]));
    let mut after = 4;
    loop {
        let page: Vec<i64> = there
            .iter()
            .copied()
            .filter(|id| *id > after)
            .take(2)
            .collect();
        tape = tape.ids("Payments", after, &page);
        let end = page.last().copied().unwrap_or(i64::MAX);
        for id in gone.iter().filter(|id| **id > after && **id < end) {
            let body = Body::new(br#""not found""#);
            tape = tape.answer("GET", &format!("Payments/{id}"), 404, body);
        }
        if end >= 9 {
            return tape;
        }
        after = end;
    }
}

#[test]
fn payments_that_vanished_are_handed_over_as_deleted() {
    let trace = sweep(&[6, 8])
        .replay(json!({}))
        .pull_from("payments", SWEPT_LONG_AGO)
        .expect("recorded calls");
    assert_eq!((trace.message(), trace.unused.len()), ("", 0));
    let told: Vec<_> = trace
        .documents()
        .iter()
        .map(|it| (it.id.clone(), it.body.is_none()))
        .collect();
    let expected = [("9", false), ("6", true), ("8", true)];
    assert_eq!(told, expected.map(|(id, gone)| (id.to_owned(), gone)));
    assert_eq!(
        trace.cursors().last().map(String::as_str),
        Some(r#"{"since":"2026-01-14T23:59:30Z","known":"5,2*2","swept":"2026-01-15T00:00:00Z"}"#)
    );
}

#[test]
fn a_list_that_leaves_a_payment_out_proves_nothing() {
    let condition = format!("modifiedDate>='2026-01-12T23:50:00Z' AND modifiedDate<'{UPPER}'");
    let order = "modifiedDate ASC, id ASC";
    let tape = Tape::default()
        .list("Payments", &condition, order, 1, json!([]))
        .ids("Payments", 4, &[])
        .get("Payments/5", json!({ "id": 5 }))
        .answer("GET", "Payments/6", 404, Body::new(br#""not found""#))
        .get("Payments/7", json!({ "id": 7 }))
        .get("Payments/8", json!({ "id": 8 }));
    let trace = tape.replay(json!({})).pull_from("payments", SWEPT_LONG_AGO);
    let trace = trace.expect("recorded calls");
    assert_eq!((trace.message(), trace.ids()), ("", vec!["6"]));
}

#[test]
fn a_sweep_waits_for_its_time_and_can_be_turned_off() {
    let condition = format!("modifiedDate>='2026-01-12T23:50:00Z' AND modifiedDate<'{UPPER}'");
    let order = "modifiedDate ASC, id ASC";
    let tape = Tape::default().list("Payments", &condition, order, 1, json!([]));
    for hours in [0, 49] {
        let settings = json!({ "sweep-hours": hours });
        let trace = tape.replay(settings).pull_from("payments", SWEPT_LONG_AGO);
        let trace = trace.expect("recorded calls");
        assert_eq!((trace.message(), trace.ids().len()), ("", 0), "{hours}");
    }
    // The first walk is the beginning: there is nothing to compare with yet.
    let all = format!("modifiedDate<'{UPPER}'");
    let row = json!({ "id": 9, "modifiedDate": "2026-01-13T10:00:00Z" });
    let tape = Tape::default()
        .list("Payments", &all, order, 1, json!([row]))
        .list("Payments", &all, order, 2, json!([]));
    let trace = pull(&tape, json!({}), "payments");
    assert_eq!(
        trace.cursors().last().map(String::as_str),
        Some(r#"{"since":"2026-01-14T23:59:30Z","known":"9","swept":"2026-01-15T00:00:00Z"}"#)
    );
}
