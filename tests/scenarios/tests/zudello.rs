//! Zudello's credit notes: field by field in Xero, marked in Zudello, and told of once when they stop.

use std::time::Duration;

use ledgerline::store::State;
use ledgerline_plugin_api::manifest::Category;
use sandbox::{Seed, faults::FaultRule};
use scenarios::Stage;
use serde_json::{Value, json};

const NOTES: &str = "zudello-credit-notes";
const DONE: &str = "zudello-done";
const TEAM: &str = "Harbour Goods";
/// A clean one, and one whose unit prices have no tax where its totals have.
const CLEAN: &str = "ZCN-9000";
const ODD: &str = "ZCN-9001";

/// The demonstration's world with Zudello alone: the two above and `made_up` others.
fn seed(made_up: usize) -> Seed {
    let mut seed = Seed::demo().expect("the demo's seed is sound");
    seed.faults.clear();
    seed.core.accounts.clear();
    seed.omni.accounts.clear();
    for organisation in &mut seed.xero.organisations {
        organisation.credit_notes.clear();
    }
    for team in &mut seed.zudello.teams {
        team.generate.credit_notes = made_up;
    }
    seed
}

struct Zudello {
    stage: Stage,
    /// Of the odd one.
    odd: String,
    clean: String,
}

impl Zudello {
    async fn new(made_up: usize) -> Self {
        let stage = Stage::new(seed(made_up)).await;
        let id = |number: &str| {
            let all = stage.world.zudello(TEAM).transactions();
            let found = all.into_iter().find(|it| it["document_number"] == number);
            let found = found.unwrap_or_else(|| panic!("no {number}"));
            found["uuid"].as_str().expect("a uuid").to_owned()
        };
        let (odd, clean) = (id(ODD), id(CLEAN));
        Self { stage, odd, clean }
    }

    fn shown(&self, uuid: &str) -> Value {
        let team = self.stage.world.zudello(TEAM);
        team.transaction(uuid).expect("a document")
    }

    fn notes(&self) -> Vec<String> {
        self.stage.world.zudello(TEAM).notes(&self.odd)
    }

    fn act(&self, verb: &str, uuid: &str, patch: Value) {
        let team = self.stage.world.zudello(TEAM);
        team.edit(verb, uuid, patch).expect("the act is allowed");
    }

    /// Time for the next pull to see what changed, and a run.
    async fn next(&self) {
        self.stage.pass(Duration::from_secs(300)).await;
        self.stage.sync().await;
    }

    fn in_xero(&self) -> Vec<Value> {
        self.stage
            .world
            .xero("Harbour Goods Pty Ltd")
            .credit_notes()
    }

    fn strike(&self, method: &str, path: &str, fault: &str, again: Option<&str>) {
        let mut rule = json!({ "match": { "method": method, "path": path }, "fault": fault });
        if let Some(again) = again {
            rule["again"] = json!(again);
        }
        let rules: Vec<FaultRule> = serde_json::from_value(json!([rule])).expect("rules");
        self.stage.world.set_faults(rules);
    }
}

#[tokio::test(start_paused = true)]
async fn each_arrives_once_and_becomes_complete() {
    let it = Zudello::new(18).await;
    it.stage.sync().await;
    let states = it.stage.states(NOTES).await;
    assert_eq!(states.get("synced"), Some(&19), "{states:?}");
    assert_eq!(it.in_xero().len(), 19);
    let shown = it.shown(&it.clean);
    let held = it.in_xero();
    let held = held.iter().find(|it| it["CreditNoteNumber"] == CLEAN);
    let held = held.expect("the clean one");
    assert_eq!(shown["status"], "COMPLETE");
    assert_eq!(shown["external_id"], held["CreditNoteID"]);

    let team = it.stage.world.zudello(TEAM);
    for document in team.transactions() {
        let expected = match document["document_number"].as_str() {
            Some(ODD) => "UNABLE_TO_PROCESS",
            _ if document["external_id"].is_null() => continue,
            _ => "COMPLETE",
        };
        assert_eq!(document["status"], expected, "{document}");
    }

    // Nothing is left to say.
    let before = it.stage.writing_calls();
    it.next().await;
    assert_eq!(it.stage.writing_calls(), before);
    assert!(it.stage.world.duplicates().is_empty());
}

#[tokio::test(start_paused = true)]
async fn every_field_of_the_table_reaches_xero() {
    let it = Zudello::new(0).await;
    it.stage.sync().await;
    let all = it.in_xero();
    let note = all
        .iter()
        .find(|it| it["CreditNoteNumber"] == CLEAN)
        .expect("the clean one");
    let source = it.shown(&it.clean);
    for (field, expected) in [
        ("Type", json!("ACCRECCREDIT")),
        ("Status", json!("SUBMITTED")),
        ("LineAmountTypes", json!("Exclusive")),
        ("CurrencyCode", source["currency"]["code"].clone()),
        ("Reference", source["reference"].clone()),
    ] {
        let same = note[field] == expected || expected.is_null() && note[field] == "";
        assert!(same, "{field}: {} instead of {expected}", note[field]);
    }
    assert_eq!(note["Date"], source["date_issued"]);
    assert_eq!(
        note["ContactID"],
        it.stage
            .world
            .xero("Harbour Goods Pty Ltd")
            .contacts()
            .into_iter()
            .find(|it| it["Name"] == "Kestrel Fitouts")
            .expect("the customer's contact")["ContactID"]
    );
    let line = &note["LineItems"][0];
    assert_eq!(line["Description"], "Shelving returned");
    assert_eq!(line["AccountCode"], "200");
    assert_eq!(line["TaxType"], "OUTPUT");
    let pairs: Vec<_> = line["Tracking"]
        .as_array()
        .expect("tracking")
        .iter()
        .collect();
    assert_eq!(
        pairs
            .iter()
            .map(|it| [&it["Name"], &it["Option"]])
            .collect::<Vec<_>>(),
        [
            [&json!("Region"), &json!("South")],
            [&json!("Channel"), &json!("Online")]
        ]
    );
    // What was sent, beside what Xero made of it.
    let sent = it
        .stage
        .entry(&format!("{NOTES}/{}", it.clean))
        .await
        .held
        .expect("a link")
        .sent;
    let sent: Value = serde_json::from_str(&sent).expect("JSON");
    assert_eq!(sent["SentToContact"], json!(false));
    for absent in ["TaxAmount", "LineAmount"] {
        assert!(
            sent["LineItems"][0].get(absent).is_none(),
            "{absent}: {sent}"
        );
    }
    assert!(sent.get("CurrencyRate").is_none(), "{sent}");
}

#[tokio::test(start_paused = true)]
async fn a_wrong_total_is_held_and_told_once_and_again_when_it_comes_back() {
    let it = Zudello::new(0).await;
    it.stage.sync().await;
    let entry = it.stage.entry(&format!("{NOTES}/{}", it.odd)).await;
    let problem = entry.problem.expect("a problem");
    assert_eq!(
        (entry.state, problem.category),
        (State::Warning, Category::Amount)
    );
    assert!(
        problem.cause.contains("a difference of 30.00"),
        "{}",
        problem.cause
    );
    assert_eq!(it.shown(&it.odd)["status"], "UNABLE_TO_PROCESS");
    let notes = it.notes();
    assert_eq!(notes.len(), 1);
    assert!(
        notes[0].starts_with("ZCN-9001 is not in the books: the source's total is 330"),
        "{notes:?}"
    );
    assert!(
        !notes[0].contains('`'),
        "commands are of no use there: {notes:?}"
    );

    // Nobody did anything: nothing more is said.
    it.next().await;
    assert_eq!(it.notes().len(), 1);

    // Submitted again as it was: it stops again, and that is told.
    it.act("submit", &it.odd, json!({}));
    assert_eq!(it.shown(&it.odd)["status"], "PENDING_ERP");
    it.next().await;
    assert_eq!(it.shown(&it.odd)["status"], "UNABLE_TO_PROCESS");
    assert_eq!(it.notes().len(), 2);
    assert!(it.stage.world.duplicates().is_empty());

    // Mended.
    let lines = json!([{ "line_number": 1, "description": "Counter top", "quantity": "1", "unit_price": "330.00",
        "account": "200", "tax_rate": "OUTPUT" }]);
    it.act("submit", &it.odd, json!({ "lines": lines }));
    it.next().await;
    let shown = it.shown(&it.odd);
    assert_eq!(shown["status"], "COMPLETE", "{shown}");
    assert_eq!(it.in_xero().len(), 2);
    assert_eq!(it.notes().len(), 2);
    let done = it.stage.entry(&format!("{DONE}/{}", it.odd)).await;
    assert_eq!(done.state, State::Synced);
}

#[tokio::test(start_paused = true)]
async fn one_that_was_taken_back_and_submitted_again_is_never_a_second_one() {
    let it = Zudello::new(0).await;
    it.stage.sync().await;
    it.act("revert", &it.clean, json!({}));
    it.next().await;
    assert_eq!(
        it.shown(&it.clean)["status"],
        "READY",
        "their work is not closed over"
    );
    it.act("submit", &it.clean, json!({}));
    it.next().await;
    assert_eq!(it.shown(&it.clean)["status"], "COMPLETE");
    it.act("revert", &it.clean, json!({}));
    it.act(
        "submit",
        &it.clean,
        json!({ "reference": "Return of SI-7" }),
    );
    it.next().await;
    assert_eq!(it.shown(&it.clean)["status"], "COMPLETE");
    let all = it.in_xero();
    assert_eq!(all.len(), 1);
    assert_eq!(
        all[0]["Reference"], "Return of SI-7",
        "changed in its place"
    );
}

#[tokio::test(start_paused = true)]
async fn lost_answers_leave_one_note_and_one_status() {
    let (note, status) = ("POST", "PATCH");
    // The call, what it meets and meets again, whether notes can be read. Where they cannot, and the
    // update path stays closed until the document was read again, nothing tells our own note's change
    // of the document from a person's.
    let cases = [
        (note, "lose-answer", None, false),
        (note, "lose-answer", Some("lose-answer"), false),
        (note, "lose-answer", Some("status:500"), true),
        (note, "reset", Some("reset"), false),
        (note, "commit-then-500", None, true),
        (note, "truncate", None, false),
        (status, "lose-answer", None, false),
        (status, "lose-answer", Some("reset"), false),
        (status, "reset", Some("reset"), true),
        (status, "status:409", None, false),
    ];
    for (method, fault, again, readable) in cases {
        let name = format!("{method} {fault}, then {again:?}, notes readable: {readable}");
        let it = Zudello::new(0).await;
        it.act("contract", "", json!({ "notes-readable": readable }));
        let path = match method {
            "POST" => format!("/api/v1/transactions/{}/notes", it.odd),
            _ => "/api/v1/transactions/*".to_owned(),
        };
        it.strike(method, &path, fault, again);
        it.stage.sync().await;
        assert_eq!(it.stage.world.faults()[0].times, 0, "{name}: not struck");
        it.next().await;
        it.stage.world.set_faults(Vec::new());
        it.next().await;
        // What was tried to its limit.
        it.stage.retry(DONE).await;
        it.next().await;
        assert_eq!(it.notes().len(), 1, "{name}: {:?}", it.notes());
        assert_eq!(it.shown(&it.odd)["status"], "UNABLE_TO_PROCESS", "{name}");
        assert_eq!(it.shown(&it.clean)["status"], "COMPLETE", "{name}");
        let states = it.stage.states(DONE).await;
        assert_eq!(states.get("synced"), Some(&2), "{name}: {states:?}");
        assert!(it.stage.world.duplicates().is_empty(), "{name}");
    }
}
