//! `prelude.jq` and the jq of the manifest, run by the engine's own interpreter: the cases of
//! `prelude_cases.json`, in the form that `run_cases` explains.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's")]

use ledgerline::config::findings::Findings;
use ledgerline::mapping::{StreamRules, Value, run_cases};
use ledgerline_cin7_omni::ledgerline_connector;
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
    assert!(count > 200, "the cases are gone");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_manifest_reads_a_credit_note() {
    let manifest = manifest();
    let settings = Value::parse(br#"{"org-timezone":"Pacific/Auckland"}"#).unwrap();
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
    let note = facts("credit_notes", all.get("documents.exclusive").unwrap());
    assert_eq!(note.faults, [""; 0]);
    assert_eq!(note.key.as_deref(), Some("5120"));
    assert_eq!(note.number.as_deref(), Some("CRN-771"));
    assert_eq!(note.date.unwrap().to_string(), "2024-06-10");
    assert_eq!(note.total.unwrap().to_string(), "46.00");
    assert_eq!(note.currency.as_deref(), Some("NZD"));
    assert_eq!(note.party.as_deref(), Some("Acme Ltd"));
    assert!(!note.imported);

    // What is written back goes through the same rules.
    let status = facts("credit_notes", all.get("documents.status").unwrap());
    assert_eq!(status.faults, [""; 0]);
    assert!(status.imported && status.imported_at.is_some() && status.total.is_none());

    let customer =
        Value::parse(br#"{"id":1207,"company":"Acme Ltd","accountNumber":" "}"#).unwrap();
    for stream in ["customers", "suppliers"] {
        let facts = facts(stream, &customer);
        assert_eq!(
            (facts.key.as_deref(), facts.number, facts.party.as_deref()),
            (Some("1207"), None, Some("Acme Ltd"))
        );
    }

    for (stream, document, number, date, total) in [
        (
            "sales_orders",
            "sale",
            "SO-10231",
            "2024-06-01",
            Some("211.50"),
        ),
        (
            "purchase_orders",
            "purchase",
            "PO-3301",
            "2024-06-04",
            Some("850.00"),
        ),
        ("adjustments", "adjustment", "ADJ-55", "2024-06-11", None),
        (
            "payments",
            "payment",
            "ch_123",
            "2024-06-03",
            Some("230.00"),
        ),
    ] {
        let facts = facts(stream, all.get(&format!("documents.{document}")).unwrap());
        assert_eq!(facts.faults, [""; 0], "{stream}");
        assert_eq!(facts.number.as_deref(), Some(number), "{stream}");
        assert_eq!(facts.date.unwrap().to_string(), date, "{stream}");
        let shown = facts.total.map(|it| it.to_string());
        assert_eq!(shown.as_deref(), total, "{stream}");
        assert!(facts.key.is_some() && !facts.imported, "{stream}");
    }
    let product = Value::parse(br#"{"id":55,"styleCode":"TEE","name":"Tee"}"#).unwrap();
    let product = facts("products", &product);
    assert_eq!(
        (
            product.key.as_deref(),
            product.number.as_deref(),
            product.party.as_deref()
        ),
        (Some("55"), Some("TEE"), Some("Tee"))
    );
    let branch = facts("branches", &customer);
    assert_eq!(
        (branch.key.as_deref(), branch.party.as_deref()),
        (Some("1207"), Some("Acme Ltd"))
    );
    assert!(findings.is_empty(), "{:?}", findings.list);
}
