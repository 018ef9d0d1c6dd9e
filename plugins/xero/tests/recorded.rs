//! The connector, replayed from recordings through the same ABI that the engine uses.

mod runs;

use ledgerline_plugin_api::abi::Status;
use ledgerline_plugin_api::manifest::Category;
use ledgerline_plugin_api::testkit::{Replay, Trace, conformance};
use ledgerline_xero::ledgerline_connector;
use runs::cases;

fn guid(number: u32) -> String {
    format!("{number:08}-0000-4000-8000-000000000000")
}

fn run(name: &str) -> Trace {
    let case = cases()
        .into_iter()
        .find(|it| it.name == name)
        .expect("a case");
    case.replay.run(&case.run).expect("recorded calls")
}

fn header<'a>(trace: &'a Trace, call: usize, name: &str) -> Option<&'a str> {
    let headers = &trace.calls()[call].headers;
    headers
        .iter()
        .find(|(it, _)| it == name)
        .map(|(_, value)| value.as_str())
}

/// Status name and id of each outcome.
fn told(trace: &Trace) -> Vec<(&'static str, &str)> {
    trace
        .results()
        .iter()
        .map(|it| (it.status.name(), it.remote_id.as_str()))
        .collect()
}

#[test]
fn it_conforms() {
    conformance(&ledgerline_connector, &cases()).assert_ok();
}

#[test]
fn a_mixed_batch_takes_one_call_a_verb() {
    let trace = run("push_credit_notes");
    assert_eq!(trace.message(), "");
    let calls = trace.calls();
    let verbs: Vec<_> = calls
        .iter()
        .map(|it| (it.method.as_str(), it.covers.clone()))
        .collect();
    assert_eq!(
        verbs,
        [
            ("GET", vec![]),
            ("GET", vec![]),
            ("PUT", vec![0, 2]),
            ("POST", vec![1, 3, 4])
        ]
    );
    assert_eq!(header(&trace, 2, "Content-Type"), Some("application/json"));
    let taken_back = String::from_utf8_lossy(&calls[3].body).into_owned();
    let ends = format!(
        r#"{{"CreditNoteID":"{}","Status":"VOIDED"}},{{"CreditNoteID":"{}","Status":"DELETED"}}]}}"#,
        guid(999),
        guid(998)
    );
    assert!(taken_back.ends_with(&ends), "{taken_back}");

    let results = trace.results();
    assert_eq!(results[0].remote_id, guid(1001));
    let body = results[0].body.as_deref().expect("Xero's form");
    assert!(body.contains(r#""Date":"2026-11-20""#), "{body}");
    assert!(
        body.contains(r#""Tracking":[{"Name":"Region","Option":"North""#),
        "{body}"
    );
    assert_eq!(results[1].message, "The exchange rate is unusual.");
    assert_eq!(results[2].status, Status::REJECTED);
    assert!(!results[2].whole);
    let problem = results[2]
        .problem
        .as_ref()
        .expect("a refusal has a problem");
    assert_eq!(problem.category, Category::Duplicate);
    assert_eq!(results[3].remote_id, guid(999));
    assert_eq!(results[4].remote_id, guid(998));
}

#[test]
fn items_that_xero_tracks_are_never_sent() {
    let trace = run("push_items");
    assert_eq!(trace.calls()[1].covers, [0]);
    let results = trace.results();
    assert_eq!(results[0].status, Status::OK);
    let problem = results[1]
        .problem
        .as_ref()
        .expect("a refusal has a problem");
    assert_eq!(problem.category, Category::Mapping);
    assert_eq!(problem.field.as_deref(), Some("LineItems.0.ItemCode"));
}

#[test]
fn a_call_refused_as_a_whole_is_left_to_the_engine() {
    let trace = run("push_halved");
    for result in trace.results() {
        assert_eq!((result.status, result.whole), (Status::REJECTED, true));
        assert_eq!(
            result.problem.as_ref().expect("a problem").category,
            Category::Contact
        );
    }
}

#[test]
fn a_lost_batch_costs_one_list() {
    let trace = run("find_lost_batch");
    // Five minutes before the first of them may have been written.
    assert_eq!(
        header(&trace, 0, "If-Modified-Since"),
        Some("2026-11-22T02:55:00")
    );
    assert_eq!(trace.calls().len(), 2);
    let (a, c) = (guid(1001), guid(1003));
    assert_eq!(
        told(&trace),
        [
            ("OK", &*a),
            ("NOT_FOUND", ""),
            ("OK", &*c),
            ("NOT_FOUND", "")
        ]
    );
}

#[test]
fn linked_credit_notes_are_read_by_their_dates() {
    let trace = run("find_linked");
    assert_eq!(trace.calls().len(), 2);
    let ids = [1001, 1002, 1003].map(guid);
    assert_eq!(told(&trace), ids.each_ref().map(|it| ("OK", it.as_str())));
    assert!(
        trace.results()[1]
            .body
            .as_deref()
            .is_some_and(|it| it.contains(r#""Status":"PAID""#))
    );
}

#[test]
fn supplier_credits_and_odd_numbers_are_looked_for_in_lists() {
    let found = guid(2001);
    assert_eq!(told(&run("find_supplier")), [("OK", &*found)]);
    let found = guid(1001);
    assert_eq!(
        told(&run("find_by_number")),
        [("OK", &*found), ("NOT_FOUND", "")]
    );
}

#[test]
fn contacts_are_found_by_ids_number_and_name() {
    let trace = run("find_contacts");
    let (a, c, d) = (guid(501), guid(503), guid(504));
    assert_eq!(
        told(&trace),
        [
            ("OK", &*a),
            ("NOT_FOUND", ""),
            ("OK", &*c),
            ("OK", &*d),
            ("NOT_FOUND", "")
        ]
    );
}

#[test]
fn contacts_are_walked_by_time_as_they_came() {
    let trace = run("pull_contacts");
    assert_eq!(header(&trace, 0, "If-Modified-Since"), None);
    // A second before the newest of the first page.
    assert_eq!(
        header(&trace, 1, "If-Modified-Since"),
        Some("2026-11-18T11:06:41")
    );
    assert_eq!(trace.ids(), [guid(501), guid(502), guid(502), guid(503)]);
    assert_eq!(trace.documents()[1], trace.documents()[2]);
    assert_eq!(
        trace.cursors(),
        [
            r#"{"walk":{"since":1795000001000,"newest":1795000002500}}"#,
            r#"{"walk":{"since":1794999709000}}"#
        ]
    );
}

#[test]
fn pages_keep_to_the_engine_s_limit() {
    let case = cases()
        .into_iter()
        .find(|it| it.name == "pull_contacts")
        .expect("a case");
    let replay: Replay = case.replay.page_docs(1);
    let trace = replay.run(&case.run).expect("recorded calls");
    assert_eq!(
        trace.pages().iter().map(|it| it.len()).collect::<Vec<_>>(),
        [1, 1, 1, 1]
    );
    // Until the last part of an answer is durable, the cursor stays before it.
    assert_eq!(trace.cursors()[0], r#"{"walk":{}}"#);
    assert_eq!(trace.cursors()[1], trace.cursors()[2]);
}

#[test]
fn pulled_credit_notes_have_the_form_that_is_sent() {
    let trace = run("pull_credit_notes");
    let body = trace.documents()[1].body.clone().expect("a document");
    for part in [
        r#""Status":"PAID""#,
        r#""Total":110.0"#,
        r#""RemainingCredit":0.0"#,
        r#""Allocations":[{"AllocationID":"00000031-0000-4000-8000-000000000000","Amount":110.0,"Date":"2026-11-21","InvoiceID":"00000041-0000-4000-8000-000000000000"}]"#,
    ] {
        assert!(body.contains(part), "{part} in {body}");
    }
}

#[test]
fn small_lists_tell_what_is_gone() {
    let trace = run("pull_accounts");
    let rows: Vec<_> = trace
        .documents()
        .iter()
        .map(|it| (it.id.clone(), it.body.is_some()))
        .collect();
    assert_eq!(
        rows,
        [
            ("200".to_owned(), true),
            (guid(701), true),
            ("270".to_owned(), false)
        ]
    );
    let organisation = run("pull_organisation");
    let body = organisation.documents()[0]
        .body
        .clone()
        .expect("a document");
    assert!(body.contains(r#""PeriodLockDate":"2026-10-31""#), "{body}");
}

#[test]
fn a_check_names_the_organisation_and_what_is_missing() {
    let trace = run("check");
    let report = trace.end.expect("it went well").expect("a report");
    assert_eq!(report["account"]["id"], guid(900));
    assert_eq!(report["account"]["name"], "Maple Florists");
    assert_eq!(report["account"]["base-currency"], "AUD");
    assert_eq!(report["account"]["zone"], "Australia/Sydney");
    assert_eq!(
        report["missing"],
        serde_json::json!(["the scope accounting.contacts: connect again with it"])
    );
    assert_eq!(
        report["account"]["locks"],
        serde_json::json!([
            "closed to everybody but advisers up to and including 2026-10-31",
            "closed to everybody up to and including 2026-06-30",
        ])
    );
    assert_eq!(report["account"]["plan"], "STANDARD");
    assert_eq!(
        report["notes"],
        serde_json::json!(["Xero's plan allows the base currency only"])
    );
}

#[test]
fn a_consent_offers_organisations_alone() {
    let offered = run("discover").end.expect("it went well").expect("a list");
    let names: Vec<_> = offered
        .as_array()
        .expect("a list")
        .iter()
        .map(|it| &it["name"])
        .collect();
    assert_eq!(names, ["Maple Florists", "Demo Company (AU)"]);
}
