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

    fn by_id(self, ids: &str, fields: &str, rows: Value) -> Self {
        let condition = percent_encode(&format!("id IN ({ids})"));
        let fields = match fields {
            "" => String::new(),
            fields => format!("&fields={}", percent_encode(fields)),
        };
        let path = format!("CreditNotes?where={condition}&order=id%20ASC&rows=250&page=1{fields}");
        self.get(&path, rows)
    }

    /// A PUT of these elements.
    fn put(mut self, elements: Value, status: u16, body: Value) -> Self {
        self = self.answer(
            "PUT",
            "CreditNotes",
            status,
            Body::new(body.to_string().as_bytes()),
        );
        let last = self.0.exchanges.last_mut().expect("just added");
        last.request.body = Body::new(elements.to_string().as_bytes());
        self
    }

    fn read_back(self, ids: &str, rows: Value) -> Self {
        self.by_id(ids, "id,accountingAttributes,modifiedDate", rows)
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
            "",
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
        .by_id("4", "", json!([]))
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
    let settings = json!({ "account-name": "Acme NZ" });
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
        Case::new("check", checks(200).replay(json!({})), Run::Check),
    ];
    conformance(&ledgerline_connector, &cases).assert_ok();
}
