//! Three sources into one organisation, and the first call of every route that writes loses its answer.

use std::time::Duration;

use ledgerline::operate::SyncReport;
use sandbox::{Seed, faults::FaultRule};
use scenarios::{Stage, books::ACCOUNT};
use serde_json::{Value, json};

/// Clean credit notes of each source.
const COUNT: usize = 12;

/// Routes that write, and their first call: method, path, a text of it alone.
const ROUTES: [(&str, &str, &str, &str); 5] = [
    (
        "omni-credit-notes",
        "PUT",
        "/api.xro/2.0/CreditNotes",
        "CRN-7",
    ),
    (
        "core-credit-notes",
        "PUT",
        "/api.xro/2.0/CreditNotes",
        "CR-0",
    ),
    (
        "zudello-credit-notes",
        "PUT",
        "/api.xro/2.0/CreditNotes",
        "ZCN-1",
    ),
    ("omni-imported", "PUT", "/api/v1/CreditNotes", ""),
    ("zudello-done", "PATCH", "/api/v1/transactions/*", ""),
];

async fn stage() -> Stage {
    let mut seed = Seed::demo().expect("the demo's seed is sound");
    seed.faults.clear();
    for it in &mut seed.xero.organisations {
        it.credit_notes.clear();
    }
    for it in &mut seed.omni.accounts {
        it.credit_notes.clear();
        it.generate.credit_notes = COUNT;
    }
    for it in &mut seed.core.accounts {
        it.credit_notes.clear();
        it.generate.credit_notes = COUNT;
        it.generate.sales = Some(2);
    }
    for it in &mut seed.zudello.teams {
        it.credit_notes.clear();
        it.generate.credit_notes = COUNT;
        it.generate.others = 0;
    }
    Stage::new(seed).await
}

fn strike(stage: &Stage, fault: &str, again: &str) {
    let rules = ROUTES.iter().map(|(_, method, path, text)| {
        let mut rule = json!({
            "match": { "method": method, "path": path }, "fault": fault, "again": again,
        });
        if text.is_empty() {
            // Without a key the repeats are known by their bytes, and so would be what is sent again
            // later: the faults end with the fifth try of the first call.
            rule["again-times"] = json!(4);
        } else {
            rule["match"]["body-contains"] = json!(text);
        }
        rule
    });
    let rules = Value::Array(rules.collect());
    let rules: Vec<FaultRule> = serde_json::from_value(rules).expect("rules");
    stage.world.set_faults(rules);
}

/// Uncertain, found and sent again, of all routes that write.
fn counts(reports: &[SyncReport]) -> Vec<(u64, u64, u64)> {
    let of = |route: &str| {
        let rows = reports.iter().filter_map(|it| it.routes.get(route));
        rows.fold((0, 0, 0), |sum, it| {
            (sum.0 + it.uncertain, sum.1 + it.found, sum.2 + it.not_found)
        })
    };
    ROUTES.iter().map(|(route, ..)| of(route)).collect()
}

/// Everything is in the books once, with its total, and the sources that can show it do.
fn assert_books(stage: &Stage, name: &str) {
    assert!(
        stage.world.duplicates().is_empty(),
        "{name}: {:?}",
        stage.world.duplicates()
    );
    let posted = stage.xero_notes();
    assert_eq!(posted.len(), 3 * COUNT, "{name}");
    let is_there = |number: &str| {
        let here = posted.iter().filter(|it| it["CreditNoteNumber"] == number);
        assert_eq!(here.count(), 1, "{name}: {number}");
    };
    for note in stage.world.omni(ACCOUNT).credit_notes() {
        let reference = note["reference"].as_str().unwrap_or_default();
        is_there(&format!("{} {reference}", note["creditNoteNumber"]));
        let status = &note["accountingAttributes"]["accountingImportStatus"];
        assert_eq!(status, "Imported", "{name}: {reference}");
    }
    for (_, note) in stage.world.core("Harbour Tea").credit_notes() {
        let note: Value = serde_json::from_str(&note.to_string()).expect("JSON");
        is_there(note["CreditNoteNumber"].as_str().unwrap_or_default());
    }
    for note in stage.world.zudello("Harbour Goods").transactions() {
        let number = note["document_number"].as_str().unwrap_or_default();
        is_there(number);
        assert_eq!(note["status"], "COMPLETE", "{name}: {number}");
        let held = posted.iter().find(|it| it["CreditNoteNumber"] == number);
        assert_eq!(
            Some(&note["external_id"]),
            held.map(|it| &it["CreditNoteID"]),
            "{name}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn of_every_route_at_once() {
    // What is struck, what its repeats meet, whether the target took it.
    let cases = [
        ("lose-answer", "reset", true),
        ("truncate", "status:503", true),
        ("reset", "reset", false),
    ];
    for (fault, again, taken) in cases {
        let name = format!("{fault}, then {again}");
        let stage = stage().await;
        strike(&stage, fault, again);
        let report = stage.sync().await;
        for ((uncertain, found, sent_again), (route, ..)) in
            counts(&[report]).into_iter().zip(ROUTES)
        {
            assert!(uncertain > 0, "{name}: {route} was not struck");
            let wanted = if taken {
                (uncertain, 0)
            } else {
                (0, uncertain)
            };
            assert_eq!((found, sent_again), wanted, "{name}: {route}");
        }
        assert_books(&stage, &name);
        stage.world.clear_calls();
        stage.next().await;
        assert_eq!(stage.writing_calls(), 0, "{name}");
    }
}

/// The engine ends with all of it open, and comes back when the target has forgotten its keys.
#[tokio::test(start_paused = true)]
async fn with_a_restart_after_the_life_of_the_keys() {
    let stage = stage().await;
    strike(&stage, "lose-answer", "reset");
    let everything = stage.sync();
    // Cut off before anything that was lost may be asked about.
    let cut = tokio::time::timeout(Duration::from_secs(20), everything).await;
    assert!(cut.is_err(), "it had come to its end");
    let stage = stage.restart().await;
    stage.pass(Duration::from_secs(7 * 60)).await;
    stage.sync().await;
    stage.next().await;
    assert_books(&stage, "restart");
    stage.world.clear_calls();
    stage.next().await;
    assert_eq!(stage.writing_calls(), 0);
}
