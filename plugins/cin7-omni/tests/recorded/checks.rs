//! What a check says about the account.

use ledgerline_plugin_api::abi::Status;
use ledgerline_plugin_api::recording::Body;
use serde_json::{Value, json};

use crate::tape::Tape;

fn checks(notes: u16) -> Tape {
    let body = |status| match status {
        200 => Body::new(b"[]"),
        _ => Body::new(br#""Access forbidden""#),
    };
    Tape::default()
        .answer("GET", "Contacts?rows=1&fields=id", 200, body(200))
        .answer("GET", "CreditNotes?rows=1&fields=id", notes, body(notes))
}

#[test]
fn a_check_tells_a_missing_tick_from_a_bad_key() {
    let settings = json!({ "account-name": "Acme NZ", "streams": ["customers", "credit_notes"] });
    let report = |notes| {
        checks(notes)
            .replay(settings.clone())
            .check()
            .expect("recorded calls")
            .end
    };
    let value = report(200).expect("it went well").expect("a report");
    assert_eq!(
        (&value["missing"], &value["account"]["name"]),
        (&json!([]), &json!("Acme NZ"))
    );

    let value = report(403).expect("it went well").expect("a report");
    let missing = value["missing"][0].as_str().expect("text");
    assert!(
        missing.starts_with(r#"this API connection lacks "Read" on CreditNotes"#),
        "{missing}"
    );

    let ended = report(401).expect_err("a bad key");
    assert_eq!(ended.status, Status::AUTH);
}

/// Every list once, each answered by this status; the others' is 200.
pub(crate) fn checks_of_all(statuses: &[(&str, u16)]) -> Tape {
    let lists = [
        "Contacts",
        "CreditNotes",
        "SalesOrders",
        "PurchaseOrders",
        "Adjustments",
        "Payments",
        "Products",
        "Branches",
    ];
    lists.iter().fold(Tape::default(), |tape, list| {
        let of = statuses.iter().find(|(name, _)| name == list);
        let status = of.map_or(200, |(_, status)| *status);
        let body = Body::new(if status == 200 { b"[]" } else { b"\"no\"" });
        tape.answer("GET", &format!("{list}?rows=1&fields=id"), status, body)
    })
}

#[test]
fn a_check_asks_each_list_once_and_only_what_is_needed_is_a_fault() {
    let report = |statuses: &[(&str, u16)], settings: Value| {
        let trace = checks_of_all(statuses).replay(settings).check();
        let end = trace.expect("recorded calls").end;
        end.expect("it went well").expect("a report")
    };
    let text = |value: &Value| value.to_string();

    let value = report(&[("Payments", 403), ("Products", 404)], json!({}));
    assert_eq!(value["missing"], json!([]), "a route may do without");
    let notes = text(&value["notes"]);
    assert!(
        notes.contains(
            r#"Only where a route reads Payments: this API connection lacks \"Read\" on"#
        ),
        "{notes}"
    );
    assert!(notes.contains("Omni has no Products here."), "{notes}");
    assert!(
        notes.contains(
            "may update CreditNotes or SalesOrders or PurchaseOrders, or create or delete Payments"
        ),
        "{notes}"
    );

    // Streams that are named are needed, and no other list is asked.
    let tape = Tape::default().answer(
        "GET",
        "Payments?rows=1&fields=id",
        403,
        Body::new(br#""no""#),
    );
    let settings = json!({ "streams": ["payments"] });
    let trace = tape.replay(settings).check().expect("recorded calls");
    let value = trace.end.expect("it went well").expect("a report");
    assert!(text(&value["missing"]).contains("on Payments"), "{value}");

    let trace = checks_of_all(&[("Adjustments", 401)]).replay(json!({}));
    let ended = trace.check().expect("recorded calls").end;
    assert_eq!(ended.expect_err("a bad key").status, Status::AUTH);
}

#[test]
fn accounts_are_not_listed() {
    let trace = Tape::default()
        .replay(json!({}))
        .discover()
        .expect("no calls");
    assert_eq!(trace.status(), Status::UNSUPPORTED);
    assert!(
        trace.message().contains("one API user name is one account"),
        "{}",
        trace.message()
    );
}
