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
fn a_bill_that_xero_holds_already_is_told_and_not_sent() {
    let trace = run("push_bills");
    assert_eq!(trace.message(), "");
    let calls: Vec<_> = trace.calls().iter().map(|it| it.covers.clone()).collect();
    assert_eq!(
        calls,
        [vec![], vec![], vec![], vec![1, 2, 3, 4], vec![5, 6, 7]]
    );
    let results = trace.results();
    let problem = results[0].problem.as_ref().expect("a problem");
    assert_eq!(problem.category, Category::Duplicate);
    assert_eq!(
        problem.cause,
        format!(
            "possible duplicate bill: Xero already holds bill tc-701 of Timber & Co dated 2026-11-20 \
             over AUD 110.0 (draft, {})",
            guid(4701)
        )
    );
    // Neither a voided one stands in the way, nor another supplier's, nor an invoice to a customer.
    let ids: Vec<_> = results[1..4].iter().map(|it| &*it.remote_id).collect();
    assert_eq!(ids, [4712, 4713, 4714].map(guid));
    let problem = results[4].problem.as_ref().expect("a problem");
    assert_eq!(problem.category, Category::Defect);
    let ids: Vec<_> = results[5..].iter().map(|it| &*it.remote_id).collect();
    assert_eq!(ids, [4599, 4600, 4601].map(guid));
    let taken_back = String::from_utf8_lossy(&trace.calls()[4].body).into_owned();
    let ends = format!(
        r#"{{"InvoiceID":"{}","Status":"VOIDED"}},{{"InvoiceID":"{}","Status":"DELETED"}}]}}"#,
        guid(4600),
        guid(4601)
    );
    assert!(taken_back.ends_with(&ends), "{taken_back}");
}

#[test]
fn invoices_are_put_and_a_number_in_use_is_told() {
    let trace = run("push_invoices");
    let results = trace.results();
    assert_eq!(results[0].remote_id, guid(5801));
    let body = results[0].body.as_deref().expect("Xero's form");
    for part in [
        r#""DueDate":"2026-12-20""#,
        r#""Url":"https://stock.example/so/801""#,
        r#""AmountDue":110.0"#,
    ] {
        assert!(body.contains(part), "{part} in {body}");
    }
    let problem = results[1].problem.as_ref().expect("a problem");
    assert_eq!(problem.category, Category::Duplicate);
}

#[test]
fn bills_are_found_by_supplier_and_number() {
    let trace = run("find_bills");
    let (first, last) = (guid(4701), guid(4704));
    assert_eq!(
        told(&trace),
        [
            ("OK", &*first),
            // Two in force, nothing tells which is ours: neither found nor absent.
            ("REJECTED", ""),
            // Another supplier's.
            ("NOT_FOUND", ""),
            ("OK", &*last),
        ]
    );
    let problem = trace.results()[1].problem.clone().expect("a problem");
    assert_eq!(problem.category, Category::Duplicate);
}

#[test]
fn invoices_are_listed_by_numbers_and_ids() {
    let trace = run("find_invoices");
    assert_eq!(trace.calls().len(), 3);
    let [a, c, d] = [5801, 5803, 5804].map(guid);
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
fn pulled_invoices_show_what_is_settled() {
    let trace = run("pull_invoices");
    let body = trace.documents()[1].body.clone().expect("a document");
    for part in [
        r#""AmountDue":0.0,"AmountPaid":60.0,"AmountCredited":50.0,"FullyPaidOnDate":"2026-11-21""#,
        r#""Payments":[{"PaymentID":"00000031-0000-4000-8000-000000000000","Amount":60.0,"Date":"2026-11-21"}]"#,
        r#""CreditNotes":[{"CreditNoteID":"00001001-0000-4000-8000-000000000000","AppliedAmount":50.0,"Date":"2026-11-21"}]"#,
    ] {
        assert!(body.contains(part), "{part} in {body}");
    }
    let bills = run("pull_bills");
    let body = bills.documents()[0].body.clone().expect("a document");
    assert!(
        body.contains(r#""PlannedPaymentDate":"2026-12-15""#),
        "{body}"
    );
}

#[test]
fn allocations_take_what_is_open_and_say_what_is_in_the_way() {
    let trace = run("push_allocations");
    assert_eq!(trace.message(), "");
    let writing: Vec<_> = trace
        .calls()
        .iter()
        .filter(|it| it.method != "GET")
        .map(|it| (it.method.clone(), it.covers.clone()))
        .collect();
    let put = |at: u32| ("PUT".to_owned(), vec![at]);
    let expected = [put(0), put(1), ("DELETE".to_owned(), vec![3]), put(4)];
    assert_eq!(writing, expected);
    let body = |at: usize| {
        let calls = trace.calls();
        let mut puts = calls.iter().filter(|it| it.method == "PUT");
        String::from_utf8_lossy(&puts.nth(at).expect("a call").body).into_owned()
    };
    // Nothing was said of the amount: what is open. More was said than is open: what is open.
    assert!(body(0).contains(r#""Amount":40.00"#), "{}", body(0));
    assert!(body(1).contains(r#""Amount":25.50"#), "{}", body(1));

    let results = trace.results();
    let ids: Vec<_> = [0, 1, 3]
        .iter()
        .map(|at| &*results[*at].remote_id)
        .collect();
    assert_eq!(ids, [62, 63, 64].map(guid));
    let held = results[0].body.as_deref().expect("Xero's form");
    assert_eq!(
        held,
        format!(
            r#"{{"AllocationID":"{0}","CreditNote":{{"CreditNoteID":"{1}"}},"Allocations":[{{"AllocationID":"{0}","Invoice":{{"InvoiceID":"{2}"}},"Amount":40.0,"Date":"2026-11-21"}}]}}"#,
            guid(62),
            guid(1001),
            guid(5801)
        )
    );
    let causes: Vec<_> = [2, 4, 5]
        .iter()
        .filter_map(|at| results[*at].problem.as_ref())
        .map(|it| (it.category, it.cause.as_str()))
        .collect();
    assert_eq!(
        causes,
        [
            (
                Category::DocumentState,
                "invoice SO-803 is not approved in Xero"
            ),
            (
                Category::DocumentState,
                "nothing is left to pay on the invoice in Xero"
            ),
            (
                Category::DocumentState,
                "Xero lets no allocation be changed"
            ),
        ]
    );
    let supplier = guid(65);
    assert_eq!(
        told(&run("push_supplier_allocations")),
        [("OK", &*supplier)]
    );
}

#[test]
fn allocations_are_found_on_their_note() {
    let trace = run("find_allocations");
    // One call for all of a note.
    assert_eq!(trace.calls().len(), 2);
    let (forty, five) = (guid(62), guid(61));
    assert_eq!(
        told(&trace),
        [
            ("OK", &*forty),
            // Less may have been open than was asked for.
            ("OK", &*forty),
            ("NOT_FOUND", ""),
            // Two equal ones: neither found nor absent.
            ("REJECTED", ""),
            ("OK", &*five),
            ("NOT_FOUND", ""),
        ]
    );
}

#[test]
fn journals_are_written_taken_back_and_found_by_their_narration() {
    let trace = run("push_journals");
    let results = trace.results();
    assert_eq!(results[0].remote_id, guid(6001));
    let problem = results[1].problem.as_ref().expect("a problem");
    assert_eq!(problem.category, Category::Amount);
    assert_eq!(results[2].remote_id, guid(6000));
    let sent = String::from_utf8_lossy(&trace.calls()[2].body).into_owned();
    let ends = format!(
        r#"{{"ManualJournalID":"{}","Narration":"COGS J-3","Status":"VOIDED"}}]}}"#,
        guid(6003)
    );
    assert!(sent.ends_with(&ends), "{sent}");

    // Of three with the narration one has the same lines and was changed lately.
    let (a, b) = (guid(6001), guid(6002));
    assert_eq!(told(&run("find_journals")), [("OK", &*a), ("OK", &*b)]);
    let pulled = run("pull_journals");
    let body = pulled.documents()[0].body.clone().expect("a document");
    for part in [r#""Date":"2026-11-20""#, r#""LineAmount":-55.0"#] {
        assert!(body.contains(part), "{part} in {body}");
    }
}

#[test]
fn payments_are_made_and_taken_back_and_never_changed() {
    let trace = run("push_payments");
    assert_eq!(trace.message(), "");
    let results = trace.results();
    let ids: Vec<_> = [0, 2, 5]
        .iter()
        .map(|at| &*results[*at].remote_id)
        .collect();
    assert_eq!(ids, [7001, 7003, 7006].map(guid));
    let causes: Vec<_> = [1, 3, 4, 6]
        .iter()
        .filter_map(|at| results[*at].problem.as_ref())
        .map(|it| (it.category, it.cause.as_str()))
        .collect();
    assert_eq!(
        causes,
        [
            (
                Category::DocumentState,
                "the document in Xero is not approved, or is paid or voided already"
            ),
            (
                Category::DocumentState,
                "the payment is reconciled with a bank statement in Xero"
            ),
            (
                Category::DocumentState,
                "the payment belongs to a batch payment in Xero"
            ),
            (Category::DocumentState, "Xero lets no payment be changed"),
        ]
    );
    let calls = trace.calls();
    let last = calls.last().expect("calls");
    assert_eq!(last.body, br#"{"Status":"DELETED"}"#);
    assert_eq!(last.covers, [2]);
}

#[test]
fn payments_are_found_by_what_they_settle() {
    let trace = run("find_payments");
    assert_eq!(trace.calls().len(), 2);
    let (a, d) = (guid(7001), guid(7005));
    assert_eq!(
        told(&trace),
        [
            ("OK", &*a),
            // Two whose references may have been cut: nothing tells which is ours.
            ("REJECTED", ""),
            // Of another day.
            ("NOT_FOUND", ""),
            ("OK", &*d),
        ]
    );
}

#[test]
fn deleted_payments_are_handed_over_as_deleted() {
    let trace = run("pull_payments");
    let rows: Vec<_> = trace
        .documents()
        .iter()
        .map(|it| (it.id.clone(), it.body.is_some()))
        .collect();
    assert_eq!(
        rows,
        [(guid(7001), true), (guid(7005), true), (guid(7006), false)]
    );
    let body = trace.documents()[1].body.clone().expect("a document");
    for part in [
        r#""Invoice":{"InvoiceID":"00005801-0000-4000-8000-000000000000","InvoiceNumber":"SO-801","Type":"ACCREC"}"#,
        r#""BatchPayment":{"BatchPaymentID":"00007100-0000-4000-8000-000000000000"}"#,
        r#""UpdatedDateUTC":"2026-11-22T01:52:25Z""#,
    ] {
        assert!(body.contains(part), "{part} in {body}");
    }
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
    // What is owed comes along.
    let body = trace.documents()[0].body.clone().expect("a document");
    assert!(body.contains(r#""Balances""#), "{body}");
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
        serde_json::json!([
            "Xero does not let this connection reach manual journals: routes that write them need the scope \
             accounting.manualjournals, and the person who connected the role for them",
            "Xero's plan allows the base currency only"
        ])
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
