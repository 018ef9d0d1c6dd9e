//! `prelude.jq` and the jq of the manifest, run by the engine's own interpreter: the cases of
//! `prelude_cases.json`, in the form that `run_cases` explains.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's")]

use ledgerline::config::findings::Findings;
use ledgerline::mapping::{StreamRules, Value, run_cases};
use ledgerline_cin7_core::ledgerline_connector;
use ledgerline_plugin_api::manifest::Manifest;

const CASES: &str = include_str!("prelude_cases.json");

fn manifest() -> Manifest {
    // SAFETY: the exported connector and all it points at are static.
    let json = unsafe { ledgerline_connector.manifest.get() }.unwrap();
    serde_json::from_str(json).unwrap()
}

#[test]
fn the_prelude_gives_what_its_cases_say() {
    let (count, wrong) = run_cases(&manifest(), CASES).unwrap();
    assert!(count > 50, "the cases are gone");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_manifest_reads_its_documents() {
    let manifest = manifest();
    let settings = Value::parse(b"{}").unwrap();
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
    let note = facts("sale_credit_notes", all.get("documents.usual").unwrap());
    assert_eq!(note.faults, [""; 0]);
    assert_eq!(note.number.as_deref(), Some("CR-00004"));
    assert_eq!(note.date.unwrap().to_string(), "2026-02-03");
    assert_eq!(note.total.unwrap().to_string(), "45.93", "45.925 in cents");
    assert_eq!(note.currency.as_deref(), Some("AUD"));
    assert_eq!(note.party.as_deref(), Some("Acme Tea House"));

    let void = facts("sale_credit_notes", all.get("documents.void").unwrap());
    assert_eq!(
        (void.faults.len(), void.total),
        (0, None),
        "nobody knows any more"
    );

    let customer = Value::parse(br#"{"ID":"{5B0E}","Name":" Acme "}"#).unwrap();
    let facts = facts("customers", &customer);
    assert_eq!(
        (facts.key.as_deref(), facts.party.as_deref()),
        (Some("5b0e"), Some("Acme"))
    );
    assert!(findings.is_empty(), "{:?}", findings.list);
}
