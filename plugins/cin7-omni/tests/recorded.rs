//! The connector, replayed through the same boundary that the engine uses.

use ledgerline_cin7_omni::ledgerline_connector;
use ledgerline_plugin_api::abi::Status;
use ledgerline_plugin_api::manifest::Category;
use ledgerline_plugin_api::recording::{
    Body, Exchange, RecordedRequest, RecordedResponse, Recording,
};
use ledgerline_plugin_api::sdk::percent_encode;
use ledgerline_plugin_api::testkit::{Case, Given, Replay, Run, Trace, conformance};
use serde_json::{Value, json};

const API: &str = "https://api.cin7.com/api/v1";
/// 2026-01-15T00:00:00Z; a walk then ends 30 seconds before it.
const UPPER: &str = "2026-01-14T23:59:30Z";

/// A recording, put together call by call.
#[derive(Default)]
struct Tape(Recording);

impl Tape {
    fn answer(mut self, method: &str, path: &str, status: u16, body: Option<Body>) -> Self {
        self.0.exchanges.push(Exchange {
            request: RecordedRequest {
                method: method.into(),
                url: format!("{API}/{path}"),
                auth: "api".into(),
                body: None,
            },
            response: Some(RecordedResponse {
                status,
                headers: Default::default(),
                body,
            }),
            failure: None,
        });
        self
    }

    fn get(self, path: &str, body: Value) -> Self {
        self.answer("GET", path, 200, Body::new(body.to_string().as_bytes()))
    }

    fn list(self, resource: &str, condition: &str, order: &str, page: u32, rows: Value) -> Self {
        let (condition, order) = (percent_encode(condition), percent_encode(order));
        let path = format!("{resource}?where={condition}&order={order}&rows=2&page={page}");
        self.get(&path, rows)
    }

    /// Records of a list of which this holds.
    fn records(self, resource: &str, condition: &str, fields: &str, rows: Value) -> Self {
        let condition = percent_encode(condition);
        let fields = match fields {
            "" => String::new(),
            fields => format!("&fields={}", percent_encode(fields)),
        };
        let path = format!("{resource}?where={condition}&order=id%20ASC&rows=250&page=1{fields}");
        self.get(&path, rows)
    }

    fn by_id(self, ids: &str, rows: Value) -> Self {
        self.records("CreditNotes", &format!("id IN ({ids})"), "", rows)
    }

    /// A PUT or POST of these elements.
    fn send(
        mut self,
        method: &str,
        resource: &str,
        elements: Value,
        status: u16,
        body: Value,
    ) -> Self {
        let body = Body::new(body.to_string().as_bytes());
        self = self.answer(method, resource, status, body);
        let last = self.0.exchanges.last_mut().expect("just added");
        last.request.body = Body::new(elements.to_string().as_bytes());
        self
    }

    fn put(self, elements: Value, status: u16, body: Value) -> Self {
        self.send("PUT", "CreditNotes", elements, status, body)
    }

    fn read_back(self, ids: &str, rows: Value) -> Self {
        self.read_back_of("CreditNotes", ids, rows)
    }

    fn read_back_of(self, resource: &str, ids: &str, rows: Value) -> Self {
        let fields = "id,accountingAttributes,modifiedDate";
        self.records(resource, &format!("id IN ({ids})"), fields, rows)
    }

    /// A page of ids, as a sweep reads them.
    fn ids(self, resource: &str, after: i64, ids: &[i64]) -> Self {
        let condition = percent_encode(&format!("id>{after}"));
        let path = format!("{resource}?where={condition}&order=id%20ASC&rows=2&page=1&fields=id");
        self.get(&path, ids.iter().map(|id| json!({ "id": id })).collect())
    }

    fn replay(&self, settings: Value) -> Replay {
        let mut all = json!({ "org-timezone": "Pacific/Auckland", "page-rows": 2 });
        let more = settings.as_object().cloned().unwrap_or_default();
        all.as_object_mut().expect("an object").extend(more);
        Replay::new(&ledgerline_connector, &self.0)
            .expect("a recording")
            .settings(all)
    }
}

fn note(id: i64, modified: &str) -> Value {
    json!({ "id": id, "modifiedDate": modified, "total": -1 })
}

/// A walk over four notes, two a page, the first full page within one second.
fn walk() -> Tape {
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

fn wanted(id: i64) -> Value {
    json!({
        "accountingAttributes": {
            "accountingImportStatus": "Imported",
            "importDate": "2026-01-15T00:00:00Z"
        },
        "id": id
    })
}

fn shown(id: i64, status: &str) -> Value {
    json!({
        "id": id,
        "modifiedDate": "2026-01-15T00:00:01Z",
        "accountingAttributes": {
            "accountingImportStatus": status,
            "importDate": "2026-01-15T13:00:00.0000000+13:00"
        }
    })
}

fn given(id: i64) -> Given {
    Given {
        change: 2,
        id: format!("entry {id}"),
        remote_id: id.to_string(),
        body: wanted(id).to_string(),
        ..Given::default()
    }
}

fn sought(id: i64) -> Given {
    Given {
        id: id.to_string(),
        remote_id: id.to_string(),
        ..Given::default()
    }
}

fn saved(elements: &[(usize, Result<i64, &str>)]) -> Value {
    let element = |(index, result): &(usize, Result<i64, &str>)| match result {
        Ok(id) => json!({ "index": index, "success": true, "id": id, "code": "CRN", "errors": [] }),
        Err(words) => json!({ "index": index, "success": false, "id": 0, "errors": [words] }),
    };
    elements.iter().map(element).collect()
}

fn pull(tape: &Tape, settings: Value, stream: &str) -> Trace {
    tape.replay(settings).pull(stream).expect("recorded calls")
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

fn finds() -> Tape {
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
fn checks_of_all(statuses: &[(&str, u16)]) -> Tape {
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

#[test]
fn it_conforms() {
    let stream = || "credit_notes".to_owned();
    let written = Tape::default()
        .put(
            json!([wanted(1), wanted(2)]),
            200,
            saved(&[(0, Ok(1)), (1, Ok(2))]),
        )
        .read_back("1,2", json!([shown(1, "Imported"), shown(2, "Imported")]));
    let cases = [
        Case::new(
            "pull",
            walk().replay(json!({})),
            Run::Pull {
                stream: stream(),
                cursor: Vec::new(),
            },
        ),
        Case::new(
            "push",
            written.replay(json!({})),
            Run::Push {
                stream: stream(),
                batches: vec![vec![given(1), given(2)]],
            },
        ),
        Case::new(
            "find",
            finds().replay(json!({})),
            Run::Find {
                stream: stream(),
                batches: vec![vec![sought(4), sought(6), sought(8)]],
            },
        ),
        Case::new("check", checks_of_all(&[]).replay(json!({})), Run::Check),
        Case::new(
            "pull with a sweep",
            sweep(&[]).replay(json!({})),
            Run::Pull {
                stream: "payments".to_owned(),
                cursor: SWEPT_LONG_AGO.as_bytes().to_vec(),
            },
        )
        .old_cursor(SWEPT_LONG_AGO),
        Case::new(
            "pull of a list without dates",
            branches().replay(json!({})),
            Run::Pull {
                stream: "branches".to_owned(),
                cursor: Vec::new(),
            },
        ),
        Case::new(
            "payments",
            payments().replay(json!({})),
            Run::Push {
                stream: "payments".to_owned(),
                batches: vec![vec![payment("a", 7), payment("b", 8), taken_back(9)]],
            },
        ),
        Case::new(
            "lost payments",
            lost_payments().replay(json!({})),
            Run::Find {
                stream: "payments".to_owned(),
                batches: vec![vec![payment("a", 7), payment("b", 8), numbered("c")]],
            },
        ),
    ];
    conformance(&ledgerline_connector, &cases).assert_ok();
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

fn branches() -> Tape {
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
const SWEPT_LONG_AGO: &str =
    r#"{"since":"2026-01-13T00:00:00Z","known":"5,1*2,1","swept":"2026-01-13T00:00:00Z"}"#;

/// A walk that meets payment 9, then a sweep over 5 to 9, of which these are gone.
fn sweep(gone: &[i64]) -> Tape {
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

/// A payment as the mapping gives it: the id of the order comes from a link, as text.
fn payment(reference: &str, order: i64) -> Given {
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

fn numbered(reference: &str) -> Given {
    Given {
        id: "7".into(),
        number: reference.into(),
        body: "{}".into(),
        ..Given::default()
    }
}

fn taken_back(id: i64) -> Given {
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
fn payments() -> Tape {
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
fn lost_payments() -> Tape {
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
