//! The connector, replayed through the same boundary that the engine uses.

use ledgerline_cin7_core::ledgerline_connector;
use ledgerline_plugin_api::abi::Status;
use ledgerline_plugin_api::recording::{
    Body, Exchange, RecordedFailure, RecordedRequest, RecordedResponse, Recording,
};
use ledgerline_plugin_api::sdk::percent_encode;
use ledgerline_plugin_api::testkit::{Case, Replay, Run, Trace, conformance};
use serde_json::{Value, json};

const API: &str = "https://inventory.dearsystems.com/ExternalApi/v2";
/// The clock shows 2026-01-15T00:00:00Z; a walk then ends 30 seconds before it.
const UNTIL: &str = "2026-01-14T23:59:30.000";
const NOON: &str = "2026-01-10T12:00:00.913Z";

/// A recording, put together call by call.
#[derive(Default)]
struct Tape(Recording);

impl Tape {
    fn answer(mut self, path: &str, status: u16, body: &str) -> Self {
        self.0.exchanges.push(Exchange {
            request: request(path),
            response: Some(RecordedResponse {
                status,
                headers: Default::default(),
                body: Body::new(body.as_bytes()),
            }),
            failure: None,
        });
        self
    }

    fn get(self, path: &str, body: Value) -> Self {
        self.answer(path, 200, &body.to_string())
    }

    /// The call got no answer: what the engine says after it waited as long as it may.
    fn lost(mut self, path: &str, status: Status, message: &str) -> Self {
        self.0.exchanges.push(Exchange {
            request: request(path),
            response: None,
            failure: Some(RecordedFailure {
                status: status.0,
                message: message.into(),
            }),
        });
        self
    }

    /// A page of a list.
    fn page(self, list: &str, page: u32, window: &str, total: usize, rows: Value) -> Self {
        let path = format!("{list}?Page={page}&Limit=2{window}");
        self.get(
            &path,
            json!({ "Total": total, "Page": page, "SaleList": rows }),
        )
    }

    /// Both lists, each in one page.
    fn lists(self, window: &str, sales: Value, notes: Value) -> Self {
        let count = |it: &Value| it.as_array().map_or(0, Vec::len);
        let (all, credited) = (count(&sales), count(&notes));
        self.page("saleList", 1, window, all, sales).page(
            "saleCreditNoteList",
            1,
            window,
            credited,
            notes,
        )
    }

    fn sale(self, id: &str, body: Value) -> Self {
        self.get(&sale_path(id), body)
    }

    fn replay(&self, settings: Value) -> Replay {
        let mut all = json!({ "list-rows": 2, "sales-at-once": 2 });
        let more = settings.as_object().cloned().unwrap_or_default();
        all.as_object_mut().expect("an object").extend(more);
        Replay::new(&ledgerline_connector, &self.0)
            .expect("a recording")
            .settings(all)
    }

    fn pull(&self) -> Trace {
        self.replay(json!({}))
            .pull("sale_credit_notes")
            .expect("recorded calls")
    }

    fn pull_from(&self, cursor: &str) -> Trace {
        let replay = self.replay(json!({}));
        replay
            .pull_from("sale_credit_notes", cursor)
            .expect("recorded calls")
    }
}

fn request(path: &str) -> RecordedRequest {
    RecordedRequest {
        method: "GET".into(),
        url: format!("{API}/{path}"),
        auth: "api".into(),
        body: None,
    }
}

fn sale_path(id: &str) -> String {
    format!(
        "sale?ID={id}&CombineAdditionalCharges=false&HideInventoryMovements=true&IncludeTransactions=false"
    )
}

/// The filters of a walk: from the beginning, or since an instant.
fn window(since: Option<&str>) -> String {
    let since = since.map(|it| format!("&UpdatedSince={}", percent_encode(it)));
    format!(
        "{}&UpdatedUntil={}",
        since.unwrap_or_default(),
        percent_encode(UNTIL)
    )
}

/// A sale's id from a letter.
fn id(letter: char) -> String {
    let block = |n| letter.to_string().repeat(n);
    format!(
        "{}-{}-{}-{}-{}",
        block(8),
        block(4),
        block(4),
        block(4),
        block(12)
    )
}

fn doc(letter: char) -> String {
    id(letter)
}

/// A list row of a sale with a credit note.
fn row(letter: char, updated: &str) -> Value {
    json!({
        "SaleID": id(letter), "Updated": updated, "Status": "CREDITED", "Type": "Simple Sale",
        "CreditNoteNumber": "CR-1", "CreditNoteStatus": "AUTHORISED",
        "CombinedInvoiceStatus": "INVOICED / CREDITED"
    })
}

/// A list row of a sale without one.
fn plain(letter: char, updated: &str) -> Value {
    json!({
        "SaleID": id(letter), "Updated": updated, "Status": "COMPLETED", "Type": "Simple Sale",
        "CreditNoteNumber": null, "CreditNoteStatus": "NOT AVAILABLE", "CombinedInvoiceStatus": "INVOICED"
    })
}

fn note(letter: char, status: &str) -> Value {
    json!({ "TaskID": id(letter), "CreditNoteNumber": "CR-1", "Status": status, "Total": 11 })
}

fn sale(letter: char, notes: Value) -> Value {
    json!({ "ID": id(letter), "Customer": "Acme", "Invoices": [], "CreditNotes": notes })
}

fn credited(letter: char) -> Value {
    sale(letter, json!([note(letter, "AUTHORISED")]))
}

/// Five sales, four of them of one millisecond, over three pages of a list, two stored at once.
fn ties() -> Tape {
    let window = window(None);
    Tape::default()
        .page(
            "saleList",
            1,
            &window,
            5,
            json!([row('d', NOON), row('b', NOON)]),
        )
        .page(
            "saleList",
            2,
            &window,
            5,
            json!([row('e', "2026-01-10T12:00:01Z"), row('a', NOON)]),
        )
        .page("saleList", 3, &window, 5, json!([row('c', NOON)]))
        .page(
            "saleCreditNoteList",
            1,
            &window,
            2,
            json!([row('c', NOON), row('d', NOON)]),
        )
        .sale(&id('a'), credited('a'))
        .sale(&id('b'), credited('b'))
        .sale(&id('c'), credited('c'))
        .sale(&id('d'), credited('d'))
        .sale(&id('e'), credited('e'))
}

#[test]
fn ties_over_a_page_boundary_neither_stall_nor_skip() {
    let trace = ties().pull();
    assert_eq!(trace.message(), "");
    assert_eq!(trace.unused, [""; 0]);
    assert_eq!(trace.ids(), ['a', 'b', 'c', 'd', 'e'].map(doc));
    // Four calls for lists, one for each sale, nothing twice.
    assert_eq!(trace.calls().len(), 9);
    let cursors = trace.cursors();
    assert_eq!(cursors.len(), 4, "three pages of sales and the end");
    assert!(cursors[0].contains(&format!(
        r#""after":{{"updated":"2026-01-10T12:00:00.913Z","sale":"{}"}}"#,
        id('b')
    )));
    let last: Value = serde_json::from_str(&cursors[3]).expect("JSON");
    assert_eq!(
        last["since"], "2026-01-10T12:00:01Z",
        "the newest row, not now"
    );
    assert_eq!(last["walk"], Value::Null);
    assert_eq!(last["marks"].as_array().map(Vec::len), Some(5));
}

#[test]
fn a_walk_goes_on_from_any_place() {
    let whole = ties().pull();
    for (at, cursor) in whole.cursors().iter().enumerate().take(3) {
        let trace = ties().pull_from(cursor);
        assert_eq!(trace.message(), "");
        let expected: Vec<_> = whole.pages()[at + 1..]
            .iter()
            .flat_map(|it| it.iter())
            .collect();
        let left: Vec<_> = trace.pages().into_iter().flatten().collect();
        assert_eq!(left, expected, "after page {}", at + 1);
        assert_eq!(trace.cursors().last(), whole.cursors().last());
    }
}

/// A thousand sales, 238 of which a batch touched within one millisecond.
#[test]
fn a_thousand_sales_cost_a_thousand_calls_and_two_lists() {
    let id = |at: usize| format!("{at:08x}-0000-4000-8000-000000000000");
    let rows: Vec<Value> = (0..1000)
        .map(|at| {
            let minute = if (300..538).contains(&at) { 300 } else { at };
            let mut row = row(
                'a',
                &format!("2026-01-10T{:02}:{:02}:00.5Z", minute / 60, minute % 60),
            );
            row["SaleID"] = json!(id(999 - at));
            row
        })
        .collect();
    let list = |name: &str, rows: &[Value]| {
        let path = format!("{name}?Page=1&Limit=1000{}", window(None));
        (path, json!({ "Total": rows.len(), "SaleList": rows }))
    };
    let (sales, notes) = (list("saleList", &rows), list("saleCreditNoteList", &[]));
    let mut tape = Tape::default()
        .get(&sales.0, sales.1)
        .get(&notes.0, notes.1);
    for at in 0..1000 {
        let note = json!({ "TaskID": id(at), "CreditNoteNumber": "CR-1", "Status": "AUTHORISED" });
        tape = tape.sale(&id(at), json!({ "ID": id(at), "CreditNotes": note }));
    }
    let replay = tape.replay(json!({ "list-rows": 1000, "sales-at-once": 10 }));
    let whole = replay.pull("sale_credit_notes").expect("recorded calls");
    assert_eq!((whole.message(), whole.calls().len()), ("", 1002));
    let mut ids = whole.ids();
    assert_eq!(
        whole.pages().len(),
        101,
        "a hundred places to go on from, and the end"
    );
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 1000);
    // Within the millisecond.
    let rest = replay
        .pull_from("sale_credit_notes", &whole.cursors()[40])
        .expect("recorded calls");
    assert_eq!((rest.message(), rest.calls().len()), ("", 2 + 590));
    assert_eq!(rest.ids(), whole.ids()[410..]);
}

#[test]
fn the_next_walk_overlaps_the_last_and_asks_for_nothing_twice() {
    let cursor = ties().pull().cursors().pop().expect("an end");
    let window = window(Some("2026-01-10T11:30:01.000"));
    let again = json!([row('d', NOON), row('e', "2026-01-10T12:00:01Z")]);
    // `a` was changed again at a time that lies before the watermark, and `f` became visible late.
    let tape = Tape::default()
        .lists(
            &window,
            again,
            json!([row('a', "2026-01-10T12:00:00.950Z"), row('f', NOON)]),
        )
        .sale(&id('f'), credited('f'))
        .sale(&id('a'), credited('a'));
    let trace = tape.pull_from(&cursor);
    assert_eq!((trace.message(), trace.calls().len()), ("", 4));
    assert_eq!(trace.ids(), ['f', 'a'].map(doc));
}

#[test]
fn nothing_new_costs_two_calls_and_keeps_the_watermark() {
    let cursor = r#"{"since":"2026-01-10T08:00:00Z"}"#;
    let tape = Tape::default().lists(
        &window(Some("2026-01-10T07:30:00.000")),
        json!([]),
        json!([]),
    );
    let trace = tape.pull_from(cursor);
    assert_eq!((trace.message(), trace.calls().len()), ("", 2));
    assert_eq!(trace.cursors(), [cursor]);
    // The clock went back, or everything is too new.
    let ahead = Tape::default().pull_from(r#"{"since":"2026-01-16T00:00:00Z"}"#);
    assert_eq!((ahead.message(), ahead.calls().len()), ("", 0));
}

#[test]
fn the_first_walk_begins_at_the_start_date() {
    let settings = json!({ "start-date": "2026-01-10", "history-days": 5 });
    let tape = Tape::default().lists(
        &window(Some("2026-01-05T00:00:00.000")),
        json!([]),
        json!([]),
    );
    let trace = tape
        .replay(settings)
        .pull("sale_credit_notes")
        .expect("recorded calls");
    assert_eq!(trace.message(), "");
}

#[test]
fn a_sale_whose_row_denies_credit_notes_costs_no_call_and_still_clears_what_is_held() {
    let lists = || {
        Tape::default().lists(
            &window(None),
            json!([plain('a', NOON), plain('b', NOON)]),
            json!([row('b', NOON)]),
        )
    };
    let tape = lists().sale(&id('b'), credited('b'));
    let trace = tape.pull();
    assert_eq!((trace.message(), trace.calls().len()), ("", 3));
    assert_eq!(trace.ids(), [doc('b')]);
    assert_eq!(trace.only(), [id('a'), id('b')]);

    let tape = lists()
        .sale(&id('a'), credited('a'))
        .sale(&id('b'), credited('b'));
    let every = tape
        .replay(json!({ "every-sale": true }))
        .pull("sale_credit_notes");
    assert_eq!(every.expect("recorded calls").ids(), ['a', 'b'].map(doc));
}

#[test]
fn filters_that_are_passed_over_change_nothing() {
    let cursor = r#"{"since":"2026-01-10T12:00:00Z"}"#;
    let rows = json!([
        row('a', "2025-01-01T00:00:00Z"),
        row('b', "2026-01-15T00:00:00Z")
    ]);
    let tape = Tape::default().lists(&window(Some("2026-01-10T11:30:00.000")), rows, json!([]));
    let trace = tape.pull_from(cursor);
    assert_eq!(
        (trace.message(), trace.calls().len()),
        ("", 2),
        "neither old nor too new"
    );
}

#[test]
fn undone_voided_and_vanished_notes_are_told() {
    let one = |body: Value| {
        let tape = Tape::default().lists(&window(None), json!([row('a', NOON)]), json!([]));
        let trace = tape.sale(&id('a'), body).pull();
        assert_eq!(trace.message(), "");
        assert_eq!(trace.only(), [id('a')], "these are all it has");
        let bodies = trace
            .documents()
            .into_iter()
            .map(|it| it.body.clone().expect("a body"));
        bodies
            .map(|it| {
                serde_json::from_str::<Value>(&it).expect("JSON")["CreditNote"]["Status"].clone()
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(one(sale('a', json!([note('a', "DRAFT")]))), ["DRAFT"]);
    let mut voided = note('a', "VOIDED");
    voided["Lines"] = json!([]);
    voided["Total"] = json!(0);
    assert_eq!(one(sale('a', json!([voided]))), ["VOIDED"]);
    assert_eq!(
        one(sale('a', json!([note('a', "NOT AVAILABLE")]))),
        [Value::Null; 0],
        "a placeholder"
    );
    assert_eq!(one(sale('a', json!([]))), [Value::Null; 0]);

    // A sale that is gone altogether.
    let gone = r#"[{"ErrorCode":400,"Exception":"Sale with specified ID not found"}]"#;
    for status in [200, 400] {
        let tape = Tape::default().lists(&window(None), json!([row('a', NOON)]), json!([]));
        let trace = tape.answer(&sale_path(&id('a')), status, gone).pull();
        assert_eq!(
            (trace.message(), trace.ids().len(), trace.only().len()),
            ("", 0, 1)
        );
    }
}

#[test]
fn shapes_and_spellings_of_all_kinds_give_the_same_documents() {
    let upper = id('a').to_uppercase();
    let window = window(None);
    let list = |name: &str| format!("{name}?Page=1&Limit=2{window}");
    let tape = Tape::default()
        .get(&list("saleList"), json!({ "total": "1", "saleList": { "SaleId": upper, "LastModifiedOn": "2026-01-10T12:00:00" } }))
        .get(&list("saleCreditNoteList"), json!({ "SaleCreditNoteList": [] }))
        .sale(&id('a'), json!({ "ID": upper, "creditnotes": { "TaskId": upper, "Status": "AUTHORISED" } }));
    let trace = tape.pull();
    assert_eq!(
        (trace.message(), trace.ids()),
        ("", vec![doc('a').as_str()])
    );
}

#[test]
fn several_notes_of_a_sale_and_an_invoice_under_the_same_id() {
    let mut body = sale(
        'a',
        json!([
            note('a', "VOIDED"),
            note('b', "AUTHORISED"),
            note('c', "NOT AVAILABLE")
        ]),
    );
    body["Invoices"] = json!([{ "TaskID": id('a'), "InvoiceNumber": "INV-1" }]);
    // The list of credit notes has a row for each of them.
    let mut rows = [row('a', NOON), row('a', NOON)];
    rows[1]["CreditNoteNumber"] = json!("CR-2");
    let tape = Tape::default()
        .lists(&window(None), json!([]), json!(rows))
        .sale(&id('a'), body);
    let trace = tape.pull();
    assert_eq!((trace.message(), trace.calls().len()), ("", 3));
    assert_eq!(trace.ids(), [doc('a'), format!("{}/{}", id('a'), id('b'))]);
    let body = trace.documents()[0].body.clone().expect("a body");
    assert!(!body.contains("INV-1"), "{body}");
}

#[test]
fn rows_that_move_between_pages_are_not_lost() {
    let window = window(None);
    let tape = Tape::default()
        .page(
            "saleList",
            1,
            &window,
            3,
            json!([row('a', NOON), row('b', NOON)]),
        )
        // `a` was changed and left; `c` slipped into page 1.
        .page("saleList", 2, &window, 2, json!([]))
        .page(
            "saleList",
            1,
            &window,
            2,
            json!([row('b', NOON), row('c', NOON)]),
        )
        .page("saleCreditNoteList", 1, &window, 0, json!([]))
        .sale(&id('a'), credited('a'))
        .sale(&id('b'), credited('b'))
        .sale(&id('c'), credited('c'));
    let trace = tape.pull();
    assert_eq!((trace.message(), trace.ids().len()), ("", 3));
}

#[test]
fn a_failure_keeps_what_came_before_it_and_the_watermark() {
    let failures: [(Status, &str, Tape); 5] = {
        let lists = || {
            Tape::default()
                .lists(
                    &window(None),
                    json!([row('a', NOON), row('b', NOON)]),
                    json!([]),
                )
                .sale(&id('a'), credited('a'))
        };
        let path = sale_path(&id('b'));
        [
            (
                Status::REJECTED,
                "with error 400 inside: Something odd",
                lists().answer(
                    &path,
                    200,
                    r#"[{"ErrorCode":400,"Exception":"Something odd"}]"#,
                ),
            ),
            (
                Status::AUTH,
                "Incorrect credentials!",
                lists().answer(
                    &path,
                    200,
                    r#"{"ErrorCode":403,"Exception":"Incorrect credentials!"}"#,
                ),
            ),
            (
                Status::PROTOCOL,
                "a page instead of JSON",
                lists().answer(&path, 200, "<html>Sign in</html>"),
            ),
            (
                Status::PROTOCOL,
                "redirects are not followed",
                lists().answer(&path, 302, ""),
            ),
            (
                Status::RATE_LIMITED,
                "parked",
                lists().lost(
                    &path,
                    Status::RATE_LIMITED,
                    "the account's budget is parked",
                ),
            ),
        ]
    };
    for (status, words, tape) in failures {
        let trace = tape.pull();
        assert_eq!(trace.status(), status, "{words}");
        assert!(trace.message().contains(words), "{}", trace.message());
        assert_eq!(trace.ids(), [doc('a')], "{words}");
        let cursor = trace.cursors().pop().expect("a place");
        assert!(
            cursor.contains(&id('a')) && !cursor.contains("since"),
            "{cursor}"
        );
        // The rest costs the lists and one call.
        let rest = Tape::default()
            .lists(
                &window(None),
                json!([row('a', NOON), row('b', NOON)]),
                json!([]),
            )
            .sale(&id('b'), credited('b'));
        let trace = rest.pull_from(&cursor);
        assert_eq!(
            (trace.message(), trace.ids()),
            ("", vec![doc('b').as_str()])
        );
    }
}

#[test]
fn what_asks_to_wait_is_declared_for_the_engine() {
    // SAFETY: the exported connector and all it points at are static.
    let json = unsafe { ledgerline_connector.manifest.get() }.expect("UTF-8");
    let manifest: Value = serde_json::from_str(json).expect("JSON");
    assert_eq!(manifest["answers"]["slow-down"], json!([503]), "beside 429");
    let words = manifest["answers"]["slow-down-text"]
        .as_str()
        .expect("text");
    for said in [
        "You reached 60 calls per minute API limit",
        "You reached 60 calls per 60 seconds API limit",
    ] {
        assert!(said.contains(words), "{said}");
    }
    assert_eq!(manifest["budget"]["account"]["minute"], json!(50));
}

fn customers(window: &str, page: u32, total: usize, rows: Value) -> (String, Value) {
    (
        format!("customer?Page={page}&Limit=2{window}&IncludeDeprecated=true"),
        json!({ "Total": total, "Page": page, "CustomerList": rows }),
    )
}

#[test]
fn customers_are_read_wholly_and_then_since() {
    let customer = |letter, modified: &str| json!({ "ID": id(letter).to_uppercase(), "Name": "Acme", "LastModifiedOn": modified });
    let tape = || {
        let (one, first) = customers(
            "",
            1,
            3,
            json!([customer('a', NOON), customer('b', "2026-01-09T00:00:00")]),
        );
        let (two, second) = customers("", 2, 3, json!([customer('c', NOON)]));
        Tape::default().get(&one, first).get(&two, second)
    };
    let replay = tape().replay(json!({}));
    let trace = replay.pull("customers").expect("recorded calls");
    assert_eq!(
        (trace.message(), trace.ids()),
        ("", vec![id('a').as_str(), &id('b'), &id('c')])
    );
    assert_eq!(
        trace.cursors(),
        ["{}", r#"{"since":"2026-01-10T12:00:00.913Z"}"#]
    );

    let since = format!(
        "&ModifiedSince={}",
        percent_encode("2026-01-10T11:30:00.913")
    );
    let (path, body) = customers(&since, 1, 1, json!([customer('c', NOON)]));
    let replay = Tape::default().get(&path, body).replay(json!({}));
    let trace = replay
        .pull_from("customers", &trace.cursors()[1])
        .expect("recorded calls");
    assert_eq!((trace.message(), trace.ids()), ("", vec![id('c').as_str()]));
}

fn me() -> Tape {
    Tape::default().get(
        "me",
        json!({
            "Company": "Acme Tea", "Currency": "AUD", "TimeZone": "Australia/Sydney", "LockDate": null,
            "OpeningBalanceDate": "2021-07-31T00:00:00", "TaxCalculationMethod": "Total",
            "DefaultSaleTaxRuleName": "GST on Income"
        }),
    )
}

#[test]
fn a_check_tells_the_company_and_what_matters_to_the_books() {
    let value = me().replay(json!({})).check().expect("recorded calls").end;
    let value = value.expect("it went well").expect("a report");
    let account = &value["account"];
    assert_eq!(
        (
            &account["name"],
            &account["base-currency"],
            &account["zone"]
        ),
        (
            &json!("Acme Tea"),
            &json!("AUD"),
            &json!("Australia/Sydney")
        )
    );
    assert!(value["notes"].to_string().contains("tax method Total"));

    let refused = r#"[{"ErrorCode":403,"Exception":"Incorrect credentials!"}]"#;
    let trace = Tape::default()
        .answer("me", 403, refused)
        .replay(json!({}))
        .check()
        .expect("recorded calls");
    assert_eq!(trace.status(), Status::AUTH);
    assert!(
        trace.message().contains("Integrations → Cin7 Core API"),
        "{}",
        trace.message()
    );
}

#[test]
fn what_is_not_there_is_said() {
    let trace = Tape::default()
        .replay(json!({}))
        .discover()
        .expect("no calls");
    assert!(
        trace.message().contains("one account id is one company"),
        "{}",
        trace.message()
    );
    let trace = Tape::default()
        .replay(json!({}))
        .pull("invoices")
        .expect("no calls");
    assert_eq!(trace.status(), Status::UNSUPPORTED);
}

#[test]
fn it_conforms() {
    let pull = |stream: &str| Run::Pull {
        stream: stream.to_owned(),
        cursor: Vec::new(),
    };
    let (path, body) = customers("", 1, 1, json!([{ "ID": id('a'), "Name": "Acme" }]));
    let cases = [
        Case::new("notes", ties().replay(json!({})), pull("sale_credit_notes"))
            .old_cursor(r#"{"since":"2026-01-01T00:00:00.125Z","marks":["00000000000000aa"]}"#),
        Case::new(
            "customers",
            Tape::default().get(&path, body).replay(json!({})),
            pull("customers"),
        ),
        Case::new("check", me().replay(json!({})), Run::Check),
    ];
    conformance(&ledgerline_connector, &cases).assert_ok();
}
