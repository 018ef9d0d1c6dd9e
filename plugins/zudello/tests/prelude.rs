//! `prelude.jq` and the jq of the manifest, run by the engine's own interpreter: the cases of
//! `prelude_cases.json`, in the form that `run_cases` explains.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's")]

use ledgerline::config::findings::Findings;
use ledgerline::mapping::{StreamRules, Value, run_cases};
use ledgerline_plugin_api::manifest::Manifest;
use ledgerline_zudello::ledgerline_connector;

const CASES: &str = include_str!("prelude_cases.json");

fn manifest() -> Manifest {
    // SAFETY: the exported connector and all it points at are static.
    let json = unsafe { ledgerline_connector.manifest.get() }.unwrap();
    serde_json::from_str(json).unwrap()
}

#[test]
fn the_prelude_gives_what_its_cases_say() {
    let (count, wrong) = run_cases(&manifest(), CASES).unwrap();
    assert!(count > 80, "the cases are gone");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_manifest_reads_documents() {
    let manifest = manifest();
    let settings = Value::parse(br#"{"organisation":"o","team":"t"}"#).unwrap();
    let mut findings = Findings::default();
    let mut facts = |stream: &str, document: &Value| {
        let rules = StreamRules::compile(
            &manifest.name,
            stream,
            &manifest.streams[stream],
            &manifest.prelude,
            &mut findings,
        );
        rules.unwrap().facts(document, &settings)
    };
    let all = Value::parse(CASES.as_bytes()).unwrap();
    let note = facts("ar_credit_notes", all.get("documents.note").unwrap());
    assert_eq!(note.faults, [""; 0]);
    assert_eq!(note.key.as_deref(), Some("5b0f"));
    assert_eq!(note.number.as_deref(), Some("ZCN-1042"));
    assert_eq!(note.date.unwrap().to_string(), "2026-03-14");
    assert_eq!(note.total.unwrap().to_string(), "187.00");
    assert_eq!(note.currency.as_deref(), Some("AUD"));
    assert_eq!(note.party.as_deref(), Some("Harbour Cafe Pty Ltd"));
    assert!(!note.imported);

    // What is written back goes through the same rules.
    let done = Value::parse(br#"{"uuid":"5b0f","status":"COMPLETE","external_id":"x"}"#).unwrap();
    let done = facts("ar_credit_notes", &done);
    assert_eq!(done.faults, [""; 0]);
    assert!(done.imported && done.total.is_none());

    let customer = Value::parse(br#"{"uuid":"c","legal_name":"Harbour Cafe","code":" "}"#).unwrap();
    let facts = facts("customers", &customer);
    assert_eq!(
        (facts.key.as_deref(), facts.number, facts.party.as_deref()),
        (Some("c"), None, Some("Harbour Cafe"))
    );
    assert!(findings.is_empty(), "{:?}", findings.list);
}
