//! The connector, replayed through the same boundary that the engine uses.

use std::collections::BTreeMap;

use ledgerline_plugin_api::abi::Status;
use ledgerline_plugin_api::manifest::Category;
use ledgerline_plugin_api::recording::{
    Body, Exchange, RecordedFailure, RecordedRequest, RecordedResponse, Recording,
};
use ledgerline_plugin_api::sdk::percent_encode;
use ledgerline_plugin_api::testkit::{Case, Given, Replay, Run, Trace, conformance};
use ledgerline_zudello::ledgerline_connector;
use serde_json::{Value, json};

const HOST: &str = "https://api.au.3.zudello.io";
const LIST: &str = "/api/v1/transactions?module=SALES&submodule=CREDIT&status=PENDING_ERP";
/// What every list is asked for, page and size at the end.
const ORDER: &str = "ordering=updated_at%2Cuuid&page_size=2";

/// A recording, put together call by call.
#[derive(Default, Clone)]
struct Tape(Recording);

impl Tape {
    fn call(
        mut self,
        method: &str,
        path: &str,
        sent: Option<Value>,
        status: u16,
        body: &str,
    ) -> Self {
        self.0.exchanges.push(Exchange {
            request: RecordedRequest {
                method: method.into(),
                url: format!("{HOST}{path}"),
                auth: "api".into(),
                body: sent.and_then(|it| Body::new(it.to_string().as_bytes())),
            },
            response: Some(RecordedResponse {
                status,
                headers: BTreeMap::new(),
                body: Body::new(body.as_bytes()),
            }),
            failure: None,
        });
        self
    }

    fn get(self, path: &str, body: Value) -> Self {
        self.call("GET", path, None, 200, &body.to_string())
    }

    fn page(self, condition: &str, page: u32, rows: Value, next: Value) -> Self {
        let body = json!({ "count": 9, "next": next, "previous": null, "results": rows });
        self.get(&format!("{LIST}{condition}&{ORDER}&page={page}"), body)
    }

    fn one(self, uuid: &str, body: Value) -> Self {
        self.get(&format!("/api/v1/transactions/{uuid}"), body)
    }

    fn answers(self, status: u16, path: &str, body: &str) -> Self {
        self.call("GET", path, None, status, body)
    }

    fn notes(self, uuid: &str, status: u16, rows: Value) -> Self {
        let path = format!("/api/v1/transactions/{uuid}/notes");
        self.answers(status, &path, &json!({ "results": rows }).to_string())
    }

    fn post_note(self, uuid: &str, status: u16) -> Self {
        let shown = json!({ "uuid": "n", "message": NOTE, "created_at": READ_AT });
        match status {
            200..=299 => self.note_answered(uuid, status, &shown.to_string()),
            _ => self.note_answered(uuid, status, r#"{"detail":"because"}"#),
        }
    }

    fn note_answered(self, uuid: &str, status: u16, answer: &str) -> Self {
        let path = format!("/api/v1/transactions/{uuid}/notes");
        let body = json!({ "message": NOTE });
        self.call("POST", &path, Some(body), status, answer)
    }

    fn patch_answered(self, uuid: &str, sent: Value, status: u16, answer: &str) -> Self {
        let path = format!("/api/v1/transactions/{uuid}");
        self.call("PATCH", &path, Some(sent), status, answer)
    }

    fn patch(self, uuid: &str, sent: Value, status: u16, body: Value) -> Self {
        let path = format!("/api/v1/transactions/{uuid}");
        self.call("PATCH", &path, Some(sent), status, &body.to_string())
    }

    /// The last call gets no answer.
    fn lost(mut self) -> Self {
        let last = self.0.exchanges.last_mut().expect("a call");
        last.response = None;
        last.failure = Some(RecordedFailure {
            status: Status::UNAVAILABLE.0,
            message: "the connection broke".into(),
        });
        self
    }

    fn replay(&self, settings: Value) -> Replay {
        let mut all = json!({
            "organisation": "org-1", "team": "team-1", "account-name": "Harbour", "page": { "size": 2 }
        });
        let more = settings.as_object().cloned().unwrap_or_default();
        all.as_object_mut().expect("an object").extend(more);
        Replay::new(&ledgerline_connector, &self.0)
            .expect("a recording")
            .base_url(HOST)
            .settings(all)
    }
}

const NOTE: &str = "ZCN-1 is not in the books: the contact is archived.";
const READ_AT: &str = "2026-01-10T00:00:00Z";

/// A document as a whole.
fn whole(uuid: &str, updated: &str) -> Value {
    json!({ "uuid": uuid, "updated_at": updated, "status": "PENDING_ERP", "total": "11.00",
        "customer": { "uuid": "c" }, "currency": { "code": "AUD" }, "lines": [] })
}

/// The same as a list may show it.
fn brief(uuid: &str, updated: &str) -> Value {
    json!({ "uuid": uuid, "updated_at": updated, "status": "PENDING_ERP", "customer": "c" })
}

fn since(instant: &str) -> String {
    format!("&updated_at__gte={}", percent_encode(instant))
}

fn pull(tape: &Tape, settings: Value, stream: &str) -> Trace {
    tape.replay(settings).pull(stream).expect("recorded calls")
}

/// A walk over four documents, two a page, the first page within one instant.
fn walk() -> Tape {
    let (noon, one) = ("2026-01-01T12:00:00.5Z", "2026-01-01T13:00:00Z");
    let next = json!(format!("{HOST}/api/v1/transactions?page=2"));
    let first = json!([whole("a", noon), brief("b", noon)]);
    let second = json!([whole("c", one), whole("d", one)]);
    Tape::default()
        .page("", 1, first.clone(), next.clone())
        .one("b", whole("b", noon))
        .page(&since(noon), 1, first, next.clone())
        .page(&since(noon), 2, second.clone(), next)
        .page(&since(one), 1, second, Value::Null)
}

#[test]
fn a_walk_goes_on_from_the_last_row_and_reads_each_document_once() {
    let trace = pull(&walk(), json!({}), "ar_credit_notes");
    assert_eq!(trace.message(), "");
    assert_eq!(trace.unused, [""; 0]);
    assert_eq!(trace.ids(), ["a", "b", "c", "d"]);
    assert_eq!(trace.documents()[0].version, "2026-01-01T12:00:00.5Z");
    let cursor: Value =
        serde_json::from_str(trace.cursors().last().expect("a cursor")).expect("JSON");
    assert_eq!(cursor["since"], json!("2026-01-01T13:00:00Z"));
    assert!(cursor.get("walk").is_none(), "{cursor}");
    assert_eq!(
        cursor["seen"].as_array().expect("marks").len(),
        2,
        "{cursor}"
    );
    for call in trace.calls() {
        let header = |name: &str| {
            let found = call.headers.iter().find(|(it, _)| it == name);
            found.map(|(_, value)| value.as_str())
        };
        assert_eq!(
            (header("x-organization"), header("x-team")),
            (Some("org-1"), Some("team-1"))
        );
    }
}

#[test]
fn the_next_walk_overlaps_and_leaves_out_what_it_knows() {
    let first = pull(&walk(), json!({}), "ar_credit_notes");
    let cursor = first.cursors().last().expect("a cursor").clone();
    let (before, later) = ("2026-01-01T12:58:00Z", "2026-01-01T13:00:30Z");
    let rows = json!([brief("c", "2026-01-01T13:00:00Z"), brief("d", later)]);
    let tape = Tape::default()
        .page(&since(before), 1, rows, Value::Null)
        .one("d", whole("d", later));
    let trace = tape
        .replay(json!({}))
        .pull_from("ar_credit_notes", &cursor)
        .expect("recorded calls");
    assert_eq!(trace.message(), "");
    assert_eq!(trace.ids(), ["d"], "c is as it was, and is not read again");
    assert!(trace.cursors()[0].contains(r#""since":"2026-01-01T13:00:30Z""#));

    let longer = json!({ "overlap-seconds": 300 });
    let tape = Tape::default().page(&since("2026-01-01T12:55:00Z"), 1, json!([]), Value::Null);
    let trace = tape
        .replay(longer)
        .pull_from("ar_credit_notes", &cursor)
        .expect("recorded");
    assert_eq!(trace.message(), "");
    assert!(
        trace.cursors()[0].contains(r#""since":"2026-01-01T13:00:00Z""#),
        "nothing is forgotten"
    );
}

#[test]
fn a_document_that_is_gone_when_it_is_read_is_told() {
    let rows = json!([
        brief("a", "2026-01-01T00:00:00Z"),
        whole("b", "2026-01-01T00:00:00Z")
    ]);
    let tape = Tape::default().page("", 1, rows, Value::Null).answers(
        404,
        "/api/v1/transactions/a",
        r#"{"detail":"Not found"}"#,
    );
    let trace = pull(&tape, json!({}), "ar_credit_notes");
    assert_eq!((trace.message(), trace.ids()), ("", vec!["a", "b"]));
    assert!(trace.documents()[0].body.is_none(), "deleted");
}

#[test]
fn documents_stay_as_zudello_gave_them() {
    let text = r#"{"uuid":"a", "updated_at":"2026-01-01T00:00:00Z","lines":[{"unit_price":1.10,"quantity":"2.000000000000000000001"}],"costCentre":{"x":[1.10]}}"#;
    let body = format!(r#"{{"results":[{text}],"next":null}}"#);
    let tape = Tape::default().answers(200, &format!("{LIST}&{ORDER}&page=1"), &body);
    let trace = pull(&tape, json!({}), "ar_credit_notes");
    assert_eq!(trace.documents()[0].body.as_deref(), Some(text));
}

#[test]
fn customers_are_a_list_of_their_own() {
    let path = format!("/api/v1/customers?{ORDER}&page=1");
    let rows = json!([{ "uuid": "c", "updated_at": "2026-01-01T00:00:00Z", "tax_rate": "t" }]);
    let tape = Tape::default().get(&path, json!({ "results": rows, "next": null }));
    let trace = pull(&tape, json!({}), "customers");
    assert_eq!((trace.message(), trace.ids()), ("", vec!["c"]));

    let settings =
        json!({ "customers": "clients", "paths": { "resource": "/v3/md/{resource}/all" } });
    let tape = Tape::default().get(&format!("/v3/md/clients/all?{ORDER}&page=1"), json!([]));
    assert_eq!(pull(&tape, settings, "customers").message(), "");
}

#[test]
fn everything_of_a_call_can_be_set() {
    let settings = json!({
        "org-header": "x-org", "team-header": "",
        "paths": { "list": "v4/docs", "get": "/v4/doc/{uuid}/full" },
        "filters": { "module": "m", "submodule": "", "status": "state", "updated-since": "changed" },
        "pickup-statuses": ["A B", "C"], "status-list": "repeat",
        "module": "Verkauf",
        "page": { "size": 7, "param": "p", "first": 0, "size-param": "n", "items": "/d/rows", "next": "/d/more" },
        "order": "sort=changed",
        "read-each": "always",
    });
    let path = "/v4/docs?m=Verkauf&state=A%20B&state=C&sort=changed&n=7&p=0";
    let row = whole("a/b", "2026-01-01T00:00:00Z");
    let tape = Tape::default()
        .get(
            path,
            json!({ "d": { "rows": [row.clone()], "more": false } }),
        )
        .get("/v4/doc/a%2Fb/full", json!({ "data": row }));
    let trace = pull(&tape, settings, "ar_credit_notes");
    assert_eq!((trace.message(), trace.ids()), ("", vec!["a/b"]));
    for call in trace.calls() {
        assert!(
            call.headers
                .contains(&("x-org".to_owned(), "org-1".to_owned()))
        );
        assert!(call.headers.iter().all(|(name, _)| name != "x-team"));
    }
}

#[test]
fn pages_by_number_and_by_the_address_that_they_name() {
    let by =
        |by: &str| json!({ "page": { "by": by, "size": 2 }, "order": "", "read-each": "never" });
    // In no order at all.
    let (first, second) = (
        json!([brief("a", "2026-02-01T00:00:00Z"), brief("b", READ_AT)]),
        json!([brief("c", READ_AT)]),
    );
    let page = |page: u32| format!("{LIST}&page_size=2&page={page}");
    let tape = Tape::default()
        .get(&page(1), json!({ "results": first, "next": 2 }))
        .get(&page(2), json!({ "results": second, "next": null }));
    let trace = pull(&tape, by("number"), "ar_credit_notes");
    assert_eq!((trace.message(), trace.ids()), ("", vec!["a", "b", "c"]));
    assert!(
        trace
            .cursors()
            .last()
            .expect("a cursor")
            .contains(r#""since":"2026-02-01T00:00:00Z""#)
    );

    let tape = Tape::default()
        .get(
            &page(1),
            json!({ "results": first, "next": "/api/v1/transactions?after=xyz" }),
        )
        .get(
            "/api/v1/transactions?after=xyz",
            json!({ "results": second, "next": format!("{HOST}/more") }),
        )
        .get("/more", json!({ "results": [], "next": null }));
    let trace = pull(&tape, by("next"), "ar_credit_notes");
    assert_eq!((trace.message(), trace.ids()), ("", vec!["a", "b", "c"]));

    // Bare arrays say nothing of a next page: one that is not full is the last, and behind a full one
    // there may be none.
    let tape = Tape::default()
        .get(&page(1), first.clone())
        .get(&page(2), second);
    let trace = pull(&tape, by("number"), "ar_credit_notes");
    assert_eq!(trace.ids(), ["a", "b", "c"]);
    let tape = Tape::default().get(&page(1), first).answers(
        404,
        &page(2),
        r#"{"detail":"Invalid page."}"#,
    );
    let trace = pull(&tape, by("number"), "ar_credit_notes");
    assert_eq!((trace.message(), trace.ids()), ("", vec!["a", "b"]));
}

/// An API that gives fewer rows than it is asked for, and does not tell of the next page.
#[test]
fn short_pages_that_name_no_next_one_are_no_end() {
    let settings =
        json!({ "page": { "by": "number", "size": 50 }, "order": "", "read-each": "never" });
    let page = |page: u32| format!("{LIST}&page_size=50&page={page}");
    let row = |uuid: &str| brief(uuid, READ_AT);
    let tape = Tape::default()
        .get(&page(1), json!([row("a"), row("b")]))
        .get(&page(2), json!([row("c"), row("d")]))
        .get(&page(3), json!([row("e")]));
    let trace = pull(&tape, settings, "ar_credit_notes");
    assert_eq!(trace.message(), "");
    assert_eq!(trace.ids(), ["a", "b", "c", "d", "e"]);
}

#[test]
fn a_list_out_of_order_is_not_walked_by_it() {
    let rows = json!([
        whole("a", "2026-01-02T00:00:00Z"),
        whole("b", "2026-01-01T00:00:00Z")
    ]);
    let trace = pull(
        &Tape::default().page("", 1, rows, Value::Null),
        json!({}),
        "ar_credit_notes",
    );
    assert_eq!(trace.status(), Status::PROTOCOL);
    assert!(
        trace.message().contains("write page.by = \"number\""),
        "{}",
        trace.message()
    );
}

#[test]
fn more_rows_than_asked_for_are_taken_in_parts() {
    let rows: Vec<Value> = (0..5)
        .map(|it| whole(&format!("u{it}"), "2026-01-01T00:00:00Z"))
        .collect();
    let tape = Tape::default().page("", 1, json!(rows), Value::Null);
    let trace = tape
        .replay(json!({}))
        .page_docs(2)
        .pull("ar_credit_notes")
        .expect("recorded");
    assert_eq!(
        (trace.message(), trace.ids().len(), trace.cursors().len()),
        ("", 5, 3)
    );
    // A crash behind the first part repeats the call and none of its documents.
    let again = tape.replay(json!({})).page_docs(2);
    let again = again
        .pull_from("ar_credit_notes", &trace.cursors()[0])
        .expect("recorded");
    assert_eq!(again.ids(), ["u2", "u3", "u4"]);
}

#[test]
fn refused_reads_say_what_to_do() {
    let cases = [
        (401, Status::AUTH, "Every key expires"),
        (403, Status::AUTH, "this team is assigned to it"),
        (404, Status::CONFIG, "correct the setting `paths.list`"),
        (422, Status::REJECTED, "status: no such status"),
        (429, Status::RATE_LIMITED, "answered 429"),
        (503, Status::UNAVAILABLE, "answered 503"),
    ];
    for (http, status, expected) in cases {
        let path = format!("{LIST}&{ORDER}&page=1");
        let body = r#"{"errors":{"status":["no such status"]}}"#;
        let trace = pull(
            &Tape::default().answers(http, &path, body),
            json!({}),
            "ar_credit_notes",
        );
        assert_eq!(trace.status(), status, "{http}");
        assert!(
            trace.message().contains(expected),
            "{http}: {}",
            trace.message()
        );
    }
}

// --- what became of it ----------------------------------------------------------------------------

fn done(uuid: &str) -> Value {
    json!({ "uuid": uuid, "status": "COMPLETE", "external_id": "x-1", "seen": READ_AT })
}

fn failed(uuid: &str) -> Value {
    json!({ "uuid": uuid, "status": "UNABLE_TO_PROCESS", "note": NOTE, "seen": READ_AT })
}

fn given(body: &Value) -> Given {
    Given {
        change: 2,
        id: body["uuid"].as_str().expect("text").into(),
        remote_id: body["uuid"].as_str().expect("text").into(),
        body: body.to_string(),
        ..Given::default()
    }
}

/// A document as it stands.
fn stands(uuid: &str, status: &str, external_id: Value) -> Value {
    json!({ "uuid": uuid, "status": status, "external_id": external_id, "updated_at": READ_AT })
}

fn complete() -> Value {
    json!({ "external_id": "x-1", "status": "COMPLETE" })
}

fn unable() -> Value {
    json!({ "status": "UNABLE_TO_PROCESS" })
}

fn push(tape: &Tape, settings: Value, bodies: &[Value]) -> Trace {
    let batch = bodies.iter().map(given).collect();
    tape.replay(settings)
        .push("ar_credit_notes", batch)
        .expect("recorded calls")
}

#[test]
fn a_credit_note_in_the_books_becomes_complete() {
    let shown = stands("a", "COMPLETE", json!("x-1"));
    let tape = Tape::default()
        .one("a", stands("a", "PENDING_ERP", Value::Null))
        .patch("a", complete(), 200, shown.clone());
    let trace = push(&tape, json!({}), &[done("a")]);
    assert_eq!((trace.message(), trace.unused.len()), ("", 0));
    let result = &trace.results()[0];
    assert_eq!(
        (result.status, result.remote_id.as_str()),
        (Status::OK, "a")
    );
    let call = trace.calls()[1];
    assert_eq!(
        (call.covers.as_slice(), call.safe_to_repeat),
        ([0].as_slice(), true)
    );

    // An answer without the document: it is read back.
    let tape = Tape::default()
        .one("a", stands("a", "PENDING_ERP", Value::Null))
        .call("PATCH", "/api/v1/transactions/a", Some(complete()), 204, "")
        .one("a", shown.clone());
    assert_eq!(
        push(&tape, json!({}), &[done("a")]).results()[0].status,
        Status::OK
    );

    // What is there already is not written.
    let tape = Tape::default().one("a", stands("a", "COMPLETE", json!("X-1")));
    let trace = push(&tape, json!({}), &[done("a")]);
    assert_eq!(
        (trace.results()[0].status, trace.calls().len()),
        (Status::OK, 1)
    );

    // One that was refused before, and whose cause is gone.
    let tape = Tape::default()
        .one("a", stands("a", "UNABLE_TO_PROCESS", Value::Null))
        .patch("a", complete(), 200, shown);
    assert_eq!(
        push(&tape, json!({}), &[done("a")]).results()[0].status,
        Status::OK
    );
}

#[test]
fn a_refused_credit_note_gets_its_note_and_then_its_status() {
    let tape = Tape::default()
        .one("a", stands("a", "PENDING_ERP", Value::Null))
        .notes("a", 200, json!([]))
        .post_note("a", 201)
        .patch(
            "a",
            unable(),
            200,
            stands("a", "UNABLE_TO_PROCESS", Value::Null),
        );
    let trace = push(&tape, json!({}), &[failed("a")]);
    assert_eq!((trace.message(), trace.unused.len()), ("", 0));
    assert_eq!(trace.results()[0].status, Status::OK);
    let (note, status) = (trace.calls()[2], trace.calls()[3]);
    assert_eq!(
        (note.covers.as_slice(), note.safe_to_repeat),
        ([0].as_slice(), false)
    );
    // One call a document is remembered, and this one may leave any number of times.
    assert_eq!((status.covers.len(), status.safe_to_repeat), (0, true));
}

#[test]
fn a_note_is_posted_once_whatever_answers_were_lost() {
    let pending = stands("a", "PENDING_ERP", Value::Null);
    let unable_now = stands("a", "UNABLE_TO_PROCESS", Value::Null);
    // The answer to the note is lost: the engine will ask, and send it all again.
    let lost = Tape::default()
        .one("a", pending.clone())
        .notes("a", 200, json!([]))
        .post_note("a", 201)
        .lost();
    assert_eq!(
        push(&lost, json!({}), &[failed("a")]).results()[0].status,
        Status::UNAVAILABLE
    );

    // Second time: the note is there.
    let note = |text: &str, at: &str| json!([{ "message": text, "created_at": at }]);
    let cases = [
        ("ours", note(NOTE, "2026-01-10T00:00:01Z"), false),
        ("without an instant", json!([{ "message": NOTE }]), false),
        (
            "of an earlier refusal",
            note(NOTE, "2026-01-09T23:59:59Z"),
            true,
        ),
        (
            "another",
            note("Please hurry.", "2026-01-10T00:00:01Z"),
            true,
        ),
    ];
    for (name, notes, posts) in cases {
        let mut tape = Tape::default()
            .one("a", pending.clone())
            .notes("a", 200, notes);
        if posts {
            tape = tape.post_note("a", 201);
        }
        let tape = tape.patch("a", unable(), 200, unable_now.clone());
        let trace = push(&tape, json!({}), &[failed("a")]);
        assert_eq!(
            (trace.results()[0].status, trace.unused.len()),
            (Status::OK, 0),
            "{name}"
        );
    }

    // Notes cannot be read: a document that stands as it was read has none of ours, one that changed
    // since counts as noted.
    for status in [403, 404, 405] {
        let tape = Tape::default()
            .one("a", pending.clone())
            .notes("a", status, json!([]))
            .post_note("a", 201)
            .patch("a", unable(), 200, unable_now.clone());
        assert_eq!(
            push(&tape, json!({}), &[failed("a")]).results()[0].status,
            Status::OK,
            "{status}"
        );
        let mut changed = pending.clone();
        changed["updated_at"] = json!("2026-01-10T00:00:00.000001Z");
        let tape = Tape::default()
            .one("a", changed)
            .notes("a", status, json!([]))
            .patch("a", unable(), 200, unable_now.clone());
        let trace = push(&tape, json!({}), &[failed("a")]);
        let result = &trace.results()[0];
        assert_eq!(result.status, Status::OK, "{status}");
        assert!(
            result.message.contains("the note counts as posted"),
            "{}",
            result.message
        );
    }

    // The status is there, so the note was.
    let tape = Tape::default().one("a", unable_now.clone());
    let trace = push(&tape, json!({}), &[failed("a")]);
    assert_eq!(
        (trace.results()[0].status, trace.calls().len()),
        (Status::OK, 1)
    );

    // A team without notes.
    let tape = Tape::default()
        .one("a", pending)
        .patch("a", unable(), 200, unable_now);
    let settings = json!({ "paths": { "note": "" } });
    assert_eq!(
        push(&tape, settings, &[failed("a")]).results()[0].status,
        Status::OK
    );
}

#[test]
fn names_of_statuses_fields_and_paths_can_be_set() {
    let settings = json!({
        "pickup-statuses": ["FOR_XERO"], "done-status": "POSTED", "failed-status": "REFUSED",
        "paths": { "update": "/v4/{uuid}/state", "note": "/v4/{uuid}/say", "notes": "" },
        "fields": { "status": "code", "external-id": "erp", "note": "text" },
        "update-method": "PUT",
    });
    let tape = Tape::default()
        .one("a", stands("a", "FOR_XERO", Value::Null))
        .call(
            "PUT",
            "/v4/a/state",
            Some(json!({ "code": "POSTED", "erp": "x-1" })),
            200,
            "{}",
        )
        .one("a", stands("a", "POSTED", json!("x-1")))
        .one("b", stands("b", "FOR_XERO", Value::Null))
        .call("POST", "/v4/b/say", Some(json!({ "text": NOTE })), 200, "")
        .call(
            "PUT",
            "/v4/b/state",
            Some(json!({ "code": "REFUSED" })),
            200,
            "",
        )
        .one("b", stands("b", "REFUSED", Value::Null));
    let bodies = [
        json!({ "uuid": "a", "status": "POSTED", "external_id": "x-1" }),
        json!({ "uuid": "b", "status": "REFUSED", "note": NOTE }),
    ];
    let trace = push(&tape, settings, &bodies);
    assert_eq!((trace.message(), trace.unused.len()), ("", 0));
    assert!(trace.results().iter().all(|it| it.status == Status::OK));

    let settings = json!({ "fields": { "external-id": "" } });
    let tape = Tape::default()
        .one("a", stands("a", "PENDING_ERP", Value::Null))
        .patch(
            "a",
            json!({ "status": "COMPLETE" }),
            200,
            stands("a", "COMPLETE", Value::Null),
        );
    assert_eq!(
        push(&tape, settings, &[done("a")]).results()[0].status,
        Status::OK
    );
}

#[test]
fn a_document_that_moved_on_is_left_alone() {
    // Somebody took it back: to call it complete would close it over their work.
    let tape = Tape::default().one("a", stands("a", "READY", Value::Null));
    let trace = push(&tape, json!({}), &[done("a")]);
    let problem = trace.results()[0].problem.clone().expect("a problem");
    assert_eq!(
        (problem.category, trace.calls().len()),
        (Category::FollowUp, 1)
    );
    assert!(
        problem.cause.contains("Zudello shows it as READY now"),
        "{}",
        problem.cause
    );
    assert!(
        problem.remedy.contains("Submit it again in Zudello"),
        "{}",
        problem.remedy
    );

    for status in ["READY", "COMPLETE", "PROCESSING"] {
        let tape = Tape::default().one("a", stands("a", status, Value::Null));
        let trace = push(&tape, json!({}), &[failed("a")]);
        let result = &trace.results()[0];
        assert_eq!(
            (result.status, trace.calls().len()),
            (Status::OK, 1),
            "{status}"
        );
        assert!(result.message.contains("left alone"), "{}", result.message);
    }

    // It stands for something else in the books.
    for status in ["PENDING_ERP", "COMPLETE"] {
        let tape = Tape::default().one("a", stands("a", status, json!("other")));
        let problem = push(&tape, json!({}), &[done("a")]).results()[0]
            .problem
            .clone();
        let problem = problem.expect("a problem");
        assert_eq!(problem.category, Category::Ownership, "{status}");
        assert!(
            problem.cause.ends_with("for it: other"),
            "{}",
            problem.cause
        );
    }

    let tape = Tape::default().answers(404, "/api/v1/transactions/a", "");
    let problem = push(&tape, json!({}), &[done("a")]).results()[0]
        .problem
        .clone();
    assert!(
        problem
            .expect("a problem")
            .cause
            .contains("no longer shows document a")
    );
}

#[test]
fn a_document_that_changed_meanwhile_is_looked_at_anew() {
    let pending = stands("a", "PENDING_ERP", Value::Null);
    let tape = Tape::default()
        .one("a", pending.clone())
        .patch("a", complete(), 409, json!({ "detail": "changed" }))
        .one("a", stands("a", "READY", Value::Null));
    let problem = push(&tape, json!({}), &[done("a")]).results()[0]
        .problem
        .clone();
    assert!(
        problem.expect("a problem").cause.contains("READY"),
        "not written over"
    );

    let mut tape = Tape::default();
    for _ in 0..3 {
        tape = tape
            .one("a", pending.clone())
            .patch("a", complete(), 409, json!({}));
    }
    let trace = push(&tape, json!({}), &[done("a")]);
    assert_eq!(
        (trace.results()[0].status, trace.unused.len()),
        (Status::UNAVAILABLE, 0)
    );
}

#[test]
fn refused_writes_say_what_to_do() {
    let answer = |status| {
        let tape = Tape::default()
            .one("a", stands("a", "PENDING_ERP", Value::Null))
            .patch(
                "a",
                complete(),
                status,
                json!({ "errors": { "status": ["no such status"] } }),
            );
        push(&tape, json!({}), &[done("a")]).results()[0].clone()
    };
    let cases = [
        (400, Category::FollowUp, "status: no such status"),
        (422, Category::FollowUp, "status: no such status"),
        (
            403,
            Category::Permission,
            "the API key may not update transactions",
        ),
        (404, Category::FollowUp, "no longer shows document a"),
        (405, Category::FollowUp, "has nothing there"),
    ];
    for (http, category, expected) in cases {
        let result = answer(http);
        let problem = result.problem.expect("a problem");
        assert_eq!(
            (result.status, problem.category),
            (Status::REJECTED, category),
            "{http}"
        );
        assert!(
            problem.cause.contains(expected),
            "{http}: {}",
            problem.cause
        );
        assert!(!result.whole);
    }
    assert_eq!(answer(401).status, Status::AUTH);
    assert_eq!(answer(429).status, Status::RATE_LIMITED);
    assert_eq!(answer(500).status, Status::UNAVAILABLE);

    // A note that is refused leaves the document to be told of once that is mended.
    let tape = Tape::default()
        .one("a", stands("a", "PENDING_ERP", Value::Null))
        .notes("a", 404, json!([]))
        .post_note("a", 404);
    let problem = push(&tape, json!({}), &[failed("a")]).results()[0]
        .problem
        .clone();
    assert!(problem.expect("a problem").remedy.contains("`paths.note`"));

    // Saved, and not so.
    let tape = Tape::default()
        .one("a", stands("a", "PENDING_ERP", Value::Null))
        .patch("a", complete(), 200, stands("a", "PROCESSING", Value::Null))
        .one("a", stands("a", "PROCESSING", Value::Null));
    let problem = push(&tape, json!({}), &[done("a")]).results()[0]
        .problem
        .clone();
    let problem = problem.expect("a problem");
    assert_eq!(problem.field.as_deref(), Some("status"));
    assert!(
        problem
            .cause
            .ends_with("the status COMPLETE, but still shows PROCESSING"),
        "{}",
        problem.cause
    );
}

/// Bodies that come with 200 and say nothing of what was asked for.
const NO_ANSWER: [&str; 5] = [
    "<!DOCTYPE html><html><body>Sign in</body></html>",
    r#"{"detail":"Internal server error"}"#,
    r#"{"errors":{"status":["bad"]}}"#,
    r#""oops""#,
    r#"[{"uuid":"a","status":"COMPLETE","external_id":"x-1"}]"#,
];

/// A status that was answered so was taken for one that Zudello had refused to keep, and a person was asked.
#[test]
fn an_error_or_a_page_inside_200_is_no_refusal_of_a_status() {
    let pending = stands("a", "PENDING_ERP", Value::Null);
    let shown = stands("a", "COMPLETE", json!("x-1"));
    let another = stands("b", "COMPLETE", json!("x-1")).to_string();
    for body in NO_ANSWER.into_iter().chain([another.as_str()]) {
        let tape =
            Tape::default()
                .one("a", pending.clone())
                .patch_answered("a", complete(), 200, body);
        let result = |tape: Tape| {
            let trace = push(&tape, json!({}), &[done("a")]);
            assert_eq!((trace.message(), trace.unused.len()), ("", 0), "{body}");
            trace.results()[0].clone()
        };
        let open = result(tape.clone().one("a", pending.clone()));
        assert_eq!(open.status, Status::UNAVAILABLE, "{body}: {}", open.message);
        assert!(open.problem.is_none(), "{body}");
        // It was saved all the same.
        let kept = result(tape.clone().one("a", shown.clone()));
        assert_eq!(kept.status, Status::OK, "{body}");
        let page = NO_ANSWER[0];
        let unread = result(tape.answers(200, "/api/v1/transactions/a", page));
        assert_eq!(unread.status, Status::UNAVAILABLE, "{body}");
    }
}

/// A note that was answered so counted as posted, and its document was closed without it.
#[test]
fn an_error_or_a_page_inside_200_is_no_note() {
    let pending = stands("a", "PENDING_ERP", Value::Null);
    let noted = |body: &str| {
        Tape::default()
            .one("a", pending.clone())
            .notes("a", 200, json!([]))
            .note_answered("a", 200, body)
    };
    for body in NO_ANSWER {
        let trace = push(&noted(body), json!({}), &[failed("a")]);
        assert_eq!((trace.message(), trace.unused.len()), ("", 0), "{body}");
        let result = &trace.results()[0];
        assert_eq!(result.status, Status::UNAVAILABLE, "{body}");
        assert!(result.problem.is_none(), "{body}");
    }
    let text = json!({ "message": NOTE }).to_string();
    for body in ["", "{}", &text, r#"{"data":{"uuid":"n"}}"#] {
        let unable_now = stands("a", "UNABLE_TO_PROCESS", Value::Null);
        let tape = noted(body).patch("a", unable(), 200, unable_now);
        let trace = push(&tape, json!({}), &[failed("a")]);
        assert_eq!(trace.results()[0].status, Status::OK, "{body}");
    }
}

#[test]
fn a_refused_key_costs_one_call_for_the_batch() {
    let tape = Tape::default().answers(401, "/api/v1/transactions/a", r#"{"detail":"expired"}"#);
    let trace = push(&tape, json!({}), &[done("a"), done("b"), failed("c")]);
    assert_eq!(trace.calls().len(), 1);
    assert!(trace.results().iter().all(|it| it.status == Status::AUTH));
}

#[test]
fn what_cannot_be_written_is_refused_without_a_call() {
    let void = Given {
        change: 3,
        ..given(&done("a"))
    };
    let empty = Given {
        body: r#"{"uuid":"a"}"#.into(),
        ..given(&done("a"))
    };
    let tape = Tape::default();
    let trace = tape
        .replay(json!({}))
        .push("ar_credit_notes", vec![void, empty])
        .expect("no calls");
    let statuses: Vec<_> = trace.results().iter().map(|it| it.status).collect();
    assert_eq!(statuses, [Status::REJECTED, Status::CONFIG]);
    let trace = tape
        .replay(json!({}))
        .push("customers", vec![given(&done("a"))])
        .expect("no calls");
    assert_eq!(trace.status(), Status::UNSUPPORTED);
    let trace = tape
        .replay(json!({}))
        .find("customers", vec![given(&done("a"))])
        .expect("no calls");
    assert_eq!(trace.status(), Status::UNSUPPORTED);
    assert_eq!(
        tape.replay(json!({}))
            .pull("quotes")
            .expect("no calls")
            .status(),
        Status::UNSUPPORTED
    );
    assert_eq!(
        tape.replay(json!({}))
            .discover()
            .expect("no calls")
            .status(),
        Status::UNSUPPORTED
    );
}

fn sought(uuid: &str) -> Given {
    Given {
        id: uuid.into(),
        remote_id: uuid.into(),
        ..Given::default()
    }
}

fn finds() -> Tape {
    Tape::default()
        .one("a", whole("a", READ_AT))
        .answers(404, "/api/v1/transactions/b", r#"{"detail":"Not found."}"#)
        .one("c", stands("c", "COMPLETE", json!("x-1")))
}

#[test]
fn documents_are_looked_up_by_their_ids() {
    let batch = vec![sought("a"), sought("b"), given(&done("c"))];
    let trace = finds()
        .replay(json!({}))
        .find("ar_credit_notes", batch)
        .expect("recorded");
    let statuses: Vec<_> = trace.results().iter().map(|it| it.status).collect();
    assert_eq!(statuses, [Status::OK, Status::NOT_FOUND, Status::OK]);
    let results = trace.results();
    let body: Value =
        serde_json::from_str(results[0].body.as_deref().expect("a body")).expect("JSON");
    assert_eq!(body, whole("a", READ_AT));

    // Another document than was asked for is none.
    let tape = Tape::default().one("a", whole("z", READ_AT));
    let trace = tape
        .replay(json!({}))
        .find("ar_credit_notes", vec![sought("a")])
        .expect("recorded");
    assert_eq!(trace.results()[0].status, Status::PROTOCOL);
}

// --- the connection -------------------------------------------------------------------------------

fn checks(transactions: u16, rows: Value) -> Tape {
    let tape = Tape::default().answers(
        transactions,
        &format!("{LIST}&page_size=1"),
        &json!({ "results": rows, "detail": "why" }).to_string(),
    );
    match transactions {
        200 | 403 => tape.get("/api/v1/customers?page_size=1", json!({ "results": [] })),
        _ => tape,
    }
}

#[test]
fn a_check_tells_a_missing_permission_from_a_bad_key() {
    let report = |status, rows| {
        checks(status, rows)
            .replay(json!({}))
            .check()
            .expect("recorded calls")
            .end
    };
    let value = report(200, json!([]))
        .expect("it went well")
        .expect("a report");
    assert_eq!(
        (
            &value["missing"],
            &value["account"]["id"],
            &value["account"]["name"]
        ),
        (&json!([]), &json!("team-1"), &json!("Harbour"))
    );
    let notes = value["notes"].to_string();
    assert!(
        notes.contains("SALES/CREDIT in status PENDING_ERP: none is there now"),
        "{notes}"
    );
    assert!(notes.contains("Every API key expires"), "{notes}");

    let value = report(403, json!([]))
        .expect("it went well")
        .expect("a report");
    let missing = value["missing"][0].as_str().expect("text");
    assert!(
        missing.starts_with("the API key may not read transactions (why)"),
        "{missing}"
    );

    assert_eq!(
        report(401, json!([])).expect_err("a bad key").status,
        Status::AUTH
    );
    let wrong = report(404, json!([])).expect_err("a wrong path");
    assert!(wrong.message.contains("`paths.list`"), "{}", wrong.message);
}

#[test]
fn settings_that_cannot_work_are_refused_at_once() {
    let trace = pull(
        &Tape::default(),
        json!({ "paths": { "get": "/x" } }),
        "customers",
    );
    assert_eq!(trace.status(), Status::CONFIG);
    assert!(
        trace.message().contains("write {uuid}"),
        "{}",
        trace.message()
    );
}

#[test]
fn it_conforms() {
    let stream = || "ar_credit_notes".to_owned();
    let written = Tape::default()
        .one("a", stands("a", "PENDING_ERP", Value::Null))
        .patch("a", complete(), 200, stands("a", "COMPLETE", json!("x-1")))
        .one("b", stands("b", "PENDING_ERP", Value::Null))
        .notes("b", 200, json!([]))
        .post_note("b", 201)
        .patch(
            "b",
            unable(),
            200,
            stands("b", "UNABLE_TO_PROCESS", Value::Null),
        );
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
                batches: vec![vec![given(&done("a")), given(&failed("b"))]],
            },
        ),
        Case::new(
            "find",
            finds().replay(json!({})),
            Run::Find {
                stream: stream(),
                batches: vec![vec![sought("a"), sought("b"), given(&done("c"))]],
            },
        ),
        Case::new(
            "check",
            checks(200, json!([1])).replay(json!({})),
            Run::Check,
        ),
    ];
    conformance(&ledgerline_connector, &cases).assert_ok();
}
