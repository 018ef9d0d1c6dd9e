//! Source against target for one month: what is found, that the sums are explained, and that nothing is
//! sent for it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

use std::collections::BTreeMap;

use ledgerline::{
    operate::{
        Answer, Request,
        reconcile::{Class, Line, Period, ReconcileReport, ReconcileRequest, Sum, Verdict},
    },
    store::{Filter, State},
};
use sandbox::{
    Seed,
    seed::{Counterpart, CustomerSeed},
};
use scenarios::{
    Stage,
    books::{CUSTOMERS, HARROW, NOTES, dec, line, note, posted_by_hand, to_json},
    processes::Programs,
    running::Running,
};
use serde_json::{Value, json};

async fn ask(stage: &Stage, request: ReconcileRequest) -> ReconcileReport {
    match stage.ask(Request::Reconcile(request)).await {
        Answer::Reconciled(it) => *it,
        other => panic!("{other:?}"),
    }
}

async fn this_month(stage: &Stage) -> ReconcileReport {
    ask(stage, ReconcileRequest::default()).await
}

async fn of_month(stage: &Stage, month: &str) -> ReconcileReport {
    let request = ReconcileRequest {
        period: Some(Period::month(month).unwrap()),
        ..ReconcileRequest::default()
    };
    ask(stage, request).await
}

/// Harrow & Pike, whose credit notes go, and Blue Gum Trading, whom Xero has twice. In the books are a
/// note that a bookkeeper typed in, and a supplier's.
fn world() -> Seed {
    let mut seed = posted_by_hand(json!({ "CreditNoteNumber": "HAND-1", "Reference": "by hand" }));
    for account in &mut seed.omni.accounts {
        account.customers.push(CustomerSeed {
            company: "Blue Gum Trading".to_owned(),
            xero: Counterpart::Ambiguous,
            ..CustomerSeed::default()
        });
    }
    for organisation in &mut seed.xero.organisations {
        organisation.credit_notes.push(to_json(json!({
            "Type": "ACCPAYCREDIT",
            "CreditNoteNumber": "SUPPLIER-1",
            "Contact": { "ContactID": HARROW },
            "Date": "2026-11-10",
            "Status": "AUTHORISED",
            "LineItems": [{
                "Description": "Boxes", "Quantity": "1", "UnitAmount": "9", "AccountCode": "310",
            }],
        })));
    }
    seed
}

/// Credit notes are posted at once, with `status` AUTHORISED.
async fn stage(seed: Seed, status: &'static str) -> Stage {
    Stage::with(seed, move |it| {
        let route = it.routes.get_mut(NOTES).unwrap();
        route.options.insert("status".into(), json!(status));
    })
    .await
}

fn one_customer() -> Seed {
    scenarios::books::one_customer()
}

/// Omni's numbers of the documents of a class; what has no entry goes by the target's number.
fn of_class(report: &ReconcileReport, class: Class) -> Vec<String> {
    let mut found: Vec<String> = report
        .lines
        .iter()
        .filter(|it| it.class == class)
        .map(|it| match &it.entry {
            Some(id) => (id.source.parse::<i64>().unwrap() - 5000).to_string(),
            None => it.target.as_ref().unwrap().number.clone().unwrap(),
        })
        .collect();
    found.sort();
    found
}

fn of_note(report: &ReconcileReport, serial: i64) -> &Line {
    let found = report.lines.iter().find(|it| {
        it.entry
            .as_ref()
            .is_some_and(|it| it.source == (5000 + serial).to_string())
    });
    found.unwrap_or_else(|| panic!("nothing of note {serial}: {report:#?}"))
}

fn sum<'a>(report: &'a ReconcileReport, route: Option<&str>) -> &'a Sum {
    let found = report.sums.iter().find(|it| it.route.as_deref() == route);
    found.unwrap_or_else(|| panic!("no sum of {route:?}: {:#?}", report.sums))
}

fn parts(sum: &Sum) -> BTreeMap<&'static str, (u64, String)> {
    let part = |it: &ledgerline::operate::reconcile::Part| {
        (
            it.class.name(),
            (it.count, it.amount.normalize().to_string()),
        )
    };
    sum.parts.iter().map(part).collect()
}

#[tokio::test(start_paused = true)]
async fn an_undisturbed_month_agrees_posted_or_not() {
    for (status, posted, unposted) in [("AUTHORISED", "132", "0"), ("DRAFT", "0", "132")] {
        let stage = stage(one_customer(), status).await;
        for serial in [7, 8, 9] {
            stage.put(note(serial, json!({})));
        }
        stage.sync().await;
        let writing = stage.writing_calls();
        let report = this_month(&stage).await;
        assert_eq!(stage.writing_calls(), writing, "nothing is sent");
        assert_eq!(report.period.to_string(), "2026-11-01 to 2026-11-30");
        assert_eq!(report.verdict(), Verdict::Agrees, "{report:#?}");
        assert_eq!(of_class(&report, Class::Agrees), ["7", "8", "9"]);
        let [sum] = &report.sums[..] else {
            panic!("{:#?}", report.sums)
        };
        assert_eq!(
            (sum.source, sum.posted, sum.unposted, sum.difference),
            (dec("132"), dec(posted), dec(unposted), dec("0")),
            "{status}"
        );
        assert!(sum.explained);
        let unposted: u64 = sum.parts.iter().map(|it| it.unposted).sum();
        assert_eq!(unposted, if status == "DRAFT" { 3 } else { 0 });
        // Another month has nothing.
        let report = of_month(&stage, "2026-10").await;
        assert_eq!((report.lines.len(), report.verdict()), (0, Verdict::Agrees));
    }
}

/// Everything that can have happened to a month, each on a note of 44.00 of its own.
async fn disturbed() -> Stage {
    let stage = stage(world(), "AUTHORISED").await;
    for serial in [7, 8, 9, 10, 13, 17, 18, 19] {
        stage.put(note(serial, json!({})));
    }
    stage.put(note(
        11,
        json!({ "memberId": 1002, "company": "Blue Gum Trading" }),
    ));
    for serial in [12, 14] {
        stage.put(note(serial, json!({ "salesReference": "" })));
    }
    stage.put(note(15, json!({ "status": "VOID" })));
    stage.put(note(20, json!({ "creditNoteDate": "" })));
    stage.sync().await;
    let skip = Filter {
        ids: vec![format!("{NOTES}/5012").parse().unwrap()],
        ..Filter::default()
    };
    stage.bulk(Request::Skip, skip).await;

    stage.change_xero("credit_notes", "8 CRN-8", json!({ "Status": "VOIDED" }));
    stage.change_xero_line(
        "9 CRN-9",
        0,
        json!({ "UnitAmount": "25", "LineAmount": "50" }),
    );
    stage.change_xero("credit_notes", "10 CRN-10", json!({ "Date": "2026-12-02" }));
    stage.change_xero("credit_notes", "13 CRN-13", json!({ "Status": "DRAFT" }));
    let contacts = stage.world.xero(scenarios::books::ORGANISATION).contacts();
    let other = contacts
        .iter()
        .find(|it| {
            it["Name"]
                .as_str()
                .is_some_and(|it| it.starts_with("Blue Gum"))
        })
        .unwrap();
    let patch = json!({ "ContactID": other["ContactID"] });
    stage.change_xero("credit_notes", "17 CRN-17", patch);

    stage.put(note(16, json!({})));
    let mugs = json!([line("Mug", -3, "20.0", json!({}))]);
    let later = stage.world.now() + std::time::Duration::from_secs(1);
    let at = later.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    stage.change(
        18,
        json!({ "lineItems": mugs, "productTotal": -60.0, "total": -66.0, "modifiedDate": at }),
    );
    stage.change(
        19,
        json!({ "creditNoteDate": "2026-10-08T13:00:00Z", "modifiedDate": at }),
    );
    stage.pass(std::time::Duration::from_secs(600)).await;
    stage
}

#[tokio::test(start_paused = true)]
async fn whatever_happened_to_a_month_is_found_and_explained() {
    let stage = disturbed().await;
    let writing = stage.writing_calls();
    let report = this_month(&stage).await;
    assert_eq!(stage.writing_calls(), writing, "nothing is sent");
    assert_eq!(report.verdict(), Verdict::Open);

    let wanted = [
        (Class::Agrees, vec!["13", "7"]),
        (Class::Different, vec!["17", "18", "9"]),
        (Class::Gone, vec!["8"]),
        (Class::Missing, vec!["11", "14", "16"]),
        (Class::Extra, vec!["HAND-1"]),
        (Class::OtherPeriod, vec!["10", "19"]),
        (Class::Skipped, vec!["12"]),
        (Class::Excluded, vec!["15"]),
    ];
    for (class, serials) in wanted {
        assert_eq!(of_class(&report, class), serials, "{class:?}: {report:#?}");
    }

    let sums = sum(&report, Some(NOTES));
    assert_eq!(
        (sums.source, sums.posted, sums.unposted, sums.difference),
        (dec("550"), dec("231"), dec("44"), dec("275"))
    );
    assert!(sums.explained);
    let wanted = [
        ("agrees", (2, "0")),
        ("different", (3, "11")),
        ("gone", (1, "44")),
        ("missing", (3, "132")),
        ("other-period", (2, "0")),
        ("skipped", (1, "44")),
        ("excluded", (1, "44")),
    ];
    let wanted = wanted.map(|(name, (count, it))| (name, (count, it.to_owned())));
    assert_eq!(parts(sums), wanted.into());
    let extra = sum(&report, None);
    assert_eq!((extra.posted, extra.difference), (dec("44"), dec("-44")));
    assert!(extra.explained);
    // A supplier's credit note is in a stream of its own.
    assert_eq!(report.other_kinds.get("xero-au/credit_notes"), None);
    assert_eq!(report.routes[0].undated, 1);

    // Each says what it is about.
    let differs = |serial: i64| -> Vec<String> {
        let all = of_note(&report, serial).differences.iter();
        let side = |it: &Option<String>| it.clone().unwrap_or_default();
        all.map(|it| format!("{} {} {}", it.field, side(&it.source), side(&it.target)))
            .collect()
    };
    let totals = |serial: i64| {
        let line = of_note(&report, serial);
        (
            line.source.as_ref().unwrap().total.unwrap(),
            line.target.as_ref().unwrap().total.unwrap(),
        )
    };
    assert_eq!(totals(9), (dec("44"), dec("55")));
    assert_eq!(of_note(&report, 9).amounts["AUD"], dec("-11"));
    assert_eq!(totals(18), (dec("66"), dec("44")));
    assert_eq!(
        of_note(&report, 18).next.as_deref(),
        Some("ledgerline sync omni-credit-notes")
    );
    assert_eq!(differs(10), ["date 2026-11-09 2026-12-02"]);
    assert_eq!(differs(19), ["date 2026-10-09 2026-11-09"]);
    let contact = differs(17);
    assert!(
        contact[0].starts_with("contact Harrow & Pike ("),
        "{contact:?}"
    );
    assert!(contact[0].contains("Blue Gum Trading"), "{contact:?}");
    assert_eq!(
        of_note(&report, 8).why.as_deref(),
        Some("it was voided in the target")
    );
    assert_eq!(of_note(&report, 11).state, Some(State::Waiting));
    assert_eq!(
        of_note(&report, 11).next.as_deref(),
        Some("ledgerline link omni-customers/1002 --to ID")
    );
    let stopped = of_note(&report, 14);
    assert_eq!(stopped.state, Some(State::Warning));
    assert!(stopped.why.as_ref().unwrap().contains("no sales reference"));
    assert!(
        stopped
            .remedy
            .as_ref()
            .unwrap()
            .contains("credited sales order")
    );
    assert_eq!(of_note(&report, 16).state, Some(State::Pending));
    let skipped = of_note(&report, 12).why.clone().unwrap();
    assert_eq!(skipped, "skipped: said by the test (by kim)");
    assert_eq!(
        of_note(&report, 15).why.as_deref(),
        Some("it is void in Omni")
    );
    assert!(!of_note(&report, 13).target.as_ref().unwrap().posted);
    let hand = report
        .lines
        .iter()
        .find(|it| it.class == Class::Extra)
        .unwrap();
    let held = hand.target.as_ref().unwrap();
    assert_eq!(held.party.as_deref(), Some("Harrow & Pike"));
    assert_eq!(held.total, Some(dec("44")));

    // The months beside it tell of the two that moved.
    let december = of_month(&stage, "2026-12").await;
    assert_eq!(of_class(&december, Class::OtherPeriod), ["10"]);
    let october = of_month(&stage, "2026-10").await;
    assert_eq!(of_class(&october, Class::OtherPeriod), ["19"]);
    for report in [december, october] {
        assert!(
            report.sums.iter().all(|it| it.explained),
            "{:#?}",
            report.sums
        );
    }
    assert_eq!(stage.writing_calls(), writing);
}

#[tokio::test(start_paused = true)]
async fn what_was_never_synced_is_missing_or_left_out_by_its_rule() {
    let stage = stage(one_customer(), "AUTHORISED").await;
    stage.put(note(7, json!({})));
    stage.put(note(15, json!({ "status": "VOID" })));
    let report = this_month(&stage).await;
    assert_eq!(of_class(&report, Class::Missing), ["7"]);
    assert_eq!(of_class(&report, Class::Excluded), ["15"]);
    assert_eq!(stage.writing_calls(), 0);
    assert_eq!(stage.xero_notes().len(), 0);
    // Looking changes nothing about what goes.
    stage.next().await;
    stage.assert_arrived(7).await;
}

#[tokio::test(start_paused = true)]
async fn only_skipped_and_excluded_ones_are_nothing_to_do() {
    let stage = stage(one_customer(), "AUTHORISED").await;
    stage.put(note(7, json!({})));
    stage.put(note(15, json!({ "status": "VOID" })));
    stage.sync().await;
    let report = this_month(&stage).await;
    assert_eq!(report.verdict(), Verdict::Agrees);
    assert_eq!(
        report.sums[0].difference,
        dec("44"),
        "explained by the void one"
    );
}

#[tokio::test(start_paused = true)]
async fn a_contact_merged_a_moment_ago_is_the_same_contact() {
    let stage = stage(
        scenarios::books::seed(&[
            ("Harrow & Pike", Counterpart::ById),
            ("Pike Group", Counterpart::ById),
        ]),
        "AUTHORISED",
    )
    .await;
    stage.put(note(7, json!({})));
    stage.sync().await;
    let winner = stage.xero_contact("Pike Group")["ContactID"].clone();
    stage.change_xero(
        "contacts",
        "Harrow & Pike",
        json!({ "MergedToContactID": winner }),
    );
    assert_eq!(
        stage.xero_note(7)["ContactID"],
        winner,
        "the note moved with it"
    );
    stage.pass(std::time::Duration::from_secs(60)).await;
    let report = this_month(&stage).await;
    assert_eq!(report.verdict(), Verdict::Agrees, "{:#?}", report.lines);
}

#[tokio::test(start_paused = true)]
async fn a_number_that_stands_in_the_books_already_leads_to_its_entry() {
    let stage = stage(posted_by_hand(json!({})), "AUTHORISED").await;
    stage.put(note(7, json!({ "salesReference": "" })));
    stage.put(note(8, json!({})));
    stage.sync().await;
    // Note 7 never came as far as a number of its own; Omni knows it by its reference.
    stage.change(7, json!({ "salesReference": "SO-7" }));
    stage.next().await;
    let report = this_month(&stage).await;
    assert_eq!(of_class(&report, Class::Missing), ["7"]);
    assert_eq!(of_class(&report, Class::Extra), ["7 CRN-7"]);
    let extra = report
        .lines
        .iter()
        .find(|it| it.class == Class::Extra)
        .unwrap();
    let id = &extra.target.as_ref().unwrap().id;
    let wanted = format!("ledgerline adopt {NOTES}/5007 --to {id}");
    assert_eq!(extra.next.as_ref(), Some(&wanted));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_compared_says_so() {
    let stage = stage(one_customer(), "AUTHORISED").await;
    let refused = async |route: &str| {
        let request = ReconcileRequest {
            routes: vec![route.to_owned()],
            ..ReconcileRequest::default()
        };
        match stage.ask(Request::Reconcile(request)).await {
            Answer::Refused { message } => message,
            other => panic!("{other:?}"),
        }
    };
    assert!(refused(CUSTOMERS).await.contains("links counterparties"));
    assert!(refused("omni-imported").await.contains("follows another"));
    assert!(refused("omni-credit-note").await.contains("did you mean"));
}

#[tokio::test(start_paused = true)]
async fn books_that_cannot_be_read_are_not_called_empty() {
    let stage = stage(one_customer(), "AUTHORISED").await;
    stage.put(note(7, json!({})));
    stage.sync().await;
    let fault = json!([{
        "match": { "method": "GET", "path": "/api.xro/2.0/CreditNotes" },
        "times": 100, "fault": "status:403",
    }]);
    stage
        .world
        .set_faults(serde_json::from_value(fault).unwrap());
    let report = this_month(&stage).await;
    assert_eq!(report.verdict(), Verdict::Unread);
    assert!(report.unread.contains_key("xero-au"), "{:?}", report.unread);
    assert_eq!(report.lines, []);
}

/// Everything from before the first note of the seed.
const DAYS: [&str; 4] = ["--from", "2020-01-01", "--to", "2099-12-31"];

#[test]
fn json_csv_and_page_tell_the_same_directly_and_through_a_running_engine() {
    let programs = Programs::start(6, |_| {});
    let edit = |id: &Value, company: &str| {
        let id = id.to_string();
        programs.tell(
            "/_sandbox/edit",
            &json!({ "vendor": "omni", "account": scenarios::books::ACCOUNT, "kind": "CreditNotes",
                     "id": id, "patch": { "company": company }, "quiet": true }),
        );
    };
    let state = programs.ask("/_sandbox/state");
    let notes = state["omni"][scenarios::books::ACCOUNT]["credit_notes"].clone();
    edit(&notes[0]["id"], "=HYPERLINK(\"http://192.0.2.1\")");
    edit(&notes[1]["id"], "<script>alert(1)</script>");
    let synced = programs.run(["sync", "--confirm"]);
    assert!(synced.code.is_some(), "{synced:#?}");

    let file = |name: &str| programs.config().join(name);
    let (csv, page) = (file("month.csv"), file("month.html"));
    let mut args = vec!["reconcile", "--json"];
    args.extend(DAYS);
    args.extend([
        "--csv",
        csv.to_str().unwrap(),
        "--page",
        page.to_str().unwrap(),
    ]);
    let written = |programs: &Programs| programs.ask("/_sandbox/counts")["xero"]["writing"].clone();
    let before = written(&programs);
    let ended = programs.run(&args);
    assert_eq!(
        ended.code,
        Some(6),
        "the demonstration has stopped ones: {ended:#?}"
    );
    assert_eq!(written(&programs), before, "nothing is sent");
    let report = ended.json();
    let lines = report["lines"].as_array().unwrap();
    let count = |class: &str| lines.iter().filter(|it| it["class"] == class).count();
    assert!(count("agrees") >= 6 && count("missing") > 0, "{report:#}");
    for sum in report["sums"].as_array().unwrap() {
        assert_eq!(sum["explained"], json!(true), "{sum:#}");
        assert!(sum["difference"].is_string(), "exact: {sum:#}");
    }

    let text = std::fs::read_to_string(&csv).unwrap();
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header = reader.headers().unwrap().clone();
    let column = |name: &str| header.iter().position(|it| it == name).unwrap();
    let (class, party) = (column("class"), column("party"));
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), lines.len(), "one row a document");
    for (row, line) in rows.iter().zip(lines) {
        assert_eq!(row[class], *line["class"].as_str().unwrap());
    }
    let formulas = rows
        .iter()
        .flatten()
        .filter(|it| it.starts_with(['=', '+', '@']));
    assert_eq!(formulas.count(), 0);
    assert!(
        rows.iter().any(|it| it[party].starts_with("'=HYPERLINK")),
        "{text}"
    );

    let html = std::fs::read_to_string(&page).unwrap();
    assert!(!html.contains("<script"), "other people's words are text");
    assert!(
        html.contains("&lt;script&gt;") || html.contains("&#60;script&#62;"),
        "{html}"
    );
    assert!(html.contains("@media print") && !html.contains("http-equiv=\"refresh\""));

    let mut args = vec!["reconcile"];
    args.extend(DAYS);
    let table = programs.run(&args);
    assert_eq!(table.code, Some(6), "{table:#?}");
    for part in ["difference", "missing", "yes: ", "documents agree"] {
        assert!(table.stdout.contains(part), "{part}: {}", table.stdout);
    }
    let wrong = programs.run(["reconcile", "--month", "2026-13"]);
    assert_eq!(wrong.code, Some(3), "{wrong:#?}");

    let running = Running::start(&programs);
    let mut args = vec!["reconcile", "--json"];
    args.extend(DAYS);
    let through = programs.run(&args);
    assert_eq!(through.code, Some(6), "{through:#?}");
    let told = |it: &Value| (it["sums"].clone(), it["period"].clone());
    assert_eq!(told(&through.json()), told(&report));
    running.signal("-TERM");
    running.end();
}

#[test]
fn the_stock_account_is_tied_out_as_table_json_csv_and_page() {
    let programs = Programs::start(3, |plan| {
        let reports = "accounting.reports.trialbalance.read accounting.manualjournals.read";
        let scopes = plan.deployment["apps"]["xero-app"]["scopes"].as_array_mut();
        let more = reports.split(' ').map(toml::Value::from);
        scopes.unwrap().extend(more);
    });
    let file = |name: &str| programs.config().join(name);
    let write = |name: &str, text: &str| {
        std::fs::write(file(name), text).unwrap();
        file(name).to_str().unwrap().to_owned()
    };
    let stock = write(
        "stock.csv",
        "SKU,Product,Value\nTEE,=Tee,\"1,000.10\"\nCAP,Cap,0.40\n",
    );
    let wrong = write("wrong.csv", "SKU,Product,Value\nTEE,Tee,1OO\n");
    let (csv, page) = (file("tied.csv"), file("tied.html"));
    let (csv, page) = (csv.to_str().unwrap(), page.to_str().unwrap());
    let mut args = vec!["reconcile", "--account", "631", "--valuation", &stock];
    args.extend(["--csv", csv, "--page", page]);

    // Nothing in the books, and nobody says what stock was worth at the cut-over: all of it is left over.
    let ended = programs.run([&args[..], &["--json"]].concat());
    assert_eq!(ended.code, Some(4), "{ended:#?}");
    let report = ended.json();
    assert_eq!(report["stock"], json!("1000.50"), "exact: {report:#}");
    assert_eq!(report["rest"], json!("1000.50"), "{report:#}");
    let off = report["remarks"][0].as_str().unwrap();
    assert!(
        off.contains("sales order") && off.contains("landed cost"),
        "{off}"
    );
    let text = std::fs::read_to_string(csv).unwrap();
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    assert_eq!(reader.headers().unwrap().iter().next(), Some("kind"));
    let rows = reader.records().map(Result::unwrap).count();
    assert_eq!(rows, report["items"].as_array().unwrap().len());
    let html = std::fs::read_to_string(page).unwrap();
    for part in [
        "Stock of omni-au against account 631",
        "1,000.50",
        "@media print",
        "rest",
    ] {
        assert!(html.contains(part), "{part}: {html}");
    }
    assert!(!html.contains("<script"));

    // Said what it was, the difference is explained.
    let opening = [&args[..5], &["--opening", &stock]].concat();
    let ended = programs.run(&opening);
    assert!(matches!(ended.code, Some(4 | 6)), "{ended:#?}");
    for part in ["what it was on", "1,000.50", "rest"] {
        assert!(ended.stdout.contains(part), "{part}: {}", ended.stdout);
    }
    let cases = [
        (
            ["--account", "631", "--valuation", &wrong],
            "wrong.csv: line 2: `Value` is `1OO`, not a number",
        ),
        (
            ["--account", "631x", "--valuation", &stock],
            "xero-au has no account `631x`; did you mean `631`?",
        ),
        (
            ["--account", "631", "--valuation", "nowhere.csv"],
            "nowhere.csv: No such file",
        ),
    ];
    for (args, told) in cases {
        let ended = programs.run([&["reconcile"][..], &args].concat());
        assert_eq!(ended.code, Some(3), "{ended:#?}");
        assert!(ended.stderr.contains(told), "{}", ended.stderr);
    }
}
