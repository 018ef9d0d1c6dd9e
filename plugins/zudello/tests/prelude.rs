//! `prelude.jq` and the jq of the manifest, run by the engine's own interpreter, which calculates
//! exactly. `prelude_cases.json` holds the cases: documents by name (`of`, changed by `with`) or
//! given (`document`), an expression, and what it gives (`expected`) or says (`error`).

#![expect(clippy::unwrap_used, reason = "a failure here is the test's")]

use ledgerline::config::findings::Findings;
use ledgerline::mapping::jq::{Library, Prelude, Program};
use ledgerline::mapping::{StreamRules, Value};
use ledgerline_plugin_api::manifest::Manifest;
use ledgerline_zudello::ledgerline_connector;

const CASES: &str = include_str!("prelude_cases.json");

fn manifest() -> Manifest {
    // SAFETY: the exported connector and all it points at are static.
    let json = unsafe { ledgerline_connector.manifest.get() }.unwrap();
    serde_json::from_str(json).unwrap()
}

/// The document that a case is about.
fn document(all: &Value, case: &Value) -> Value {
    let Some(name) = case.child("of") else {
        return case.child("document").unwrap().clone();
    };
    let mut document = all
        .get(&format!("documents.{}", name.as_str().unwrap()))
        .unwrap()
        .clone();
    if let Some(Value::Obj(changes)) = case.child("with") {
        for (field, value) in changes.iter() {
            document.set(field, value.clone()).unwrap();
        }
    }
    document
}

#[test]
fn the_prelude_gives_what_its_cases_say() {
    let manifest = manifest();
    let preludes = [Prelude::new(&manifest.name, &manifest.prelude)];
    let (mut library, faults) = Library::new(&preludes);
    assert!(faults.is_empty(), "{faults:?}");
    let faults = library.check(&preludes, &["$settings"]);
    assert!(faults.is_empty(), "{faults:?}");

    let all = Value::parse(CASES.as_bytes()).unwrap();
    let usual = all.child("settings").unwrap();
    let mut wrong = Vec::new();
    let cases = all.child("cases").unwrap().as_array().unwrap();
    for case in cases {
        let name = case.child("name").unwrap().as_str().unwrap();
        let code = case.child("expression").unwrap().as_str().unwrap();
        let settings = case.child("settings").unwrap_or(usual);
        let program = Program::compile(&library, code, &["$settings"]).unwrap();
        let document = document(&all, case);
        let given = program.one(&document, &[settings]);
        match (given, case.child("expected"), case.child("error")) {
            (Ok(given), Some(expected), None) => {
                let given = given.map(|it| it.into_owned()).unwrap_or_default();
                if given != *expected {
                    wrong.push(format!(
                        "{name}: {} instead of {}",
                        given.to_json(),
                        expected.to_json()
                    ));
                }
            }
            (Err(error), None, Some(expected))
                if error.message.contains(expected.as_str().unwrap()) => {}
            (given, ..) => wrong.push(format!("{name}: {given:?}")),
        }
    }
    assert!(cases.len() > 80, "the cases are gone");
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
