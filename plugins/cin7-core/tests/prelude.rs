//! `prelude.jq` and the jq of the manifest, run by the engine's own interpreter, which calculates
//! exactly. `prelude_cases.json` holds the cases: documents by name (`of`, its parts changed by `sale`
//! and `note`) or given (`document`), an expression, and what it gives.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's")]

use ledgerline::config::findings::Findings;
use ledgerline::mapping::jq::{Library, Prelude, Program};
use ledgerline::mapping::{StreamRules, Value};
use ledgerline_cin7_core::ledgerline_connector;
use ledgerline_plugin_api::manifest::Manifest;

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
    let path = format!("documents.{}", name.as_str().unwrap());
    let mut document = all.get(&path).unwrap().clone();
    for (part, changes) in [("Sale", "sale"), ("CreditNote", "note")] {
        if let Some(Value::Obj(changes)) = case.child(changes) {
            for (field, value) in changes.iter() {
                let path = format!("{part}.{field}");
                document.set(&path, value.clone()).unwrap();
            }
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
        let expected = case.child("expected").unwrap();
        match program.one(&document, &[settings]) {
            Ok(given) => {
                let given = given.map(|it| it.into_owned()).unwrap_or_default();
                if given != *expected {
                    let (given, expected) = (given.to_json(), expected.to_json());
                    wrong.push(format!("{name}: {given} instead of {expected}"));
                }
            }
            Err(error) => wrong.push(format!("{name}: {error:?}")),
        }
    }
    assert!(cases.len() > 50, "the cases are gone");
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
