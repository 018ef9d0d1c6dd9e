//! What the connector sends is valid by Xero's published description, read as a closed world.

mod description;
mod runs;

use description::{Description, Sent, resolve, validator};
use ledgerline_plugin_api::manifest::{Manifest, Op};
use ledgerline_plugin_api::sdk::Embedded;
use ledgerline_plugin_api::testkit::Replay;
use ledgerline_xero::{Xero, ledgerline_connector};
use runs::cases;
use serde_json::{Value, json};

const API: &str = "https://api.xero.com/api.xro/2.0";

#[test]
fn every_call_is_described() {
    let Some(description) = Description::load() else {
        return;
    };
    let mut bodies = 0;
    for case in cases() {
        let trace = case.replay.run(&case.run).expect("recorded calls");
        for call in trace.calls() {
            let name = format!("{}: {} {}", case.name, call.method, call.url);
            let Some(target) = call.url.strip_prefix(API) else {
                assert_eq!(call.url, "https://api.xero.com/connections", "{name}");
                continue;
            };
            let sent = Sent {
                method: &call.method,
                target,
                headers: call.headers.iter().map(|(it, _)| it.as_str()).collect(),
                body: &call.body,
            };
            let faults = description.faults(&sent);
            assert!(faults.is_empty(), "{name}: {faults:#?}");
            bodies += usize::from(!call.body.is_empty());
        }
    }
    assert!(bodies >= 5, "{bodies} bodies");
}

#[test]
fn the_closed_world_is_closed() {
    let Some(description) = Description::load() else {
        return;
    };
    let notes = validator(
        &description.components,
        &json!({ "$ref": "#/components/schemas/CreditNotes" }),
    );
    let cases = [
        (json!({"CreditNoteNumber": "1"}), true),
        (json!({"CreditNoteNumbre": "1"}), false),
        (json!({"Total": 1}), false),
        (json!({"Type": "ACCREC"}), false),
        (json!({"Date": "20261120"}), false),
        (json!({"Date": "2026-11-20"}), true),
        (json!({"Contact": {"ContactID": "x", "Name": "y"}}), false),
        (json!({"LineItems": [{"AccountCode": 200}]}), false),
        (json!({"LineItems": [{"DiscountRate": 10}]}), false),
        (json!({"LineAmountTypes": "NO_TAX"}), false),
    ];
    for (note, valid) in cases {
        assert_eq!(
            notes.is_valid(&json!({ "CreditNotes": [note] })),
            valid,
            "{note}"
        );
    }
}

/// Whatever our schema lets through, the description knows.
#[test]
fn pushed_schemas_are_narrower_than_the_description() {
    let Some(description) = Description::load() else {
        return;
    };
    let root = json!({ "components": description.components });
    let manifest = manifest();
    let mut compared = 0;
    for (stream, theirs) in [
        ("credit_notes", "CreditNote"),
        ("supplier_credit_notes", "CreditNote"),
        ("invoices", "Invoice"),
        ("bills", "Invoice"),
        ("manual_journals", "ManualJournal"),
        ("payments", "Payment"),
        ("contacts", "Contact"),
    ] {
        let ours = &manifest.streams[stream].schema;
        compare(
            ours,
            ours,
            &root,
            &root["components"]["schemas"][theirs],
            stream,
            &mut compared,
        );
    }
    assert!(compared > 50, "{compared} properties");
}

fn manifest() -> Manifest {
    serde_json::from_str(Xero::MANIFEST).expect("a manifest")
}

fn compare(
    ours: &Value,
    our_root: &Value,
    root: &Value,
    theirs: &Value,
    at: &str,
    compared: &mut usize,
) {
    let ours = resolve(our_root, ours);
    let theirs = resolve(root, theirs);
    *compared += 1;
    if let Some(values) = ours["enum"].as_array() {
        let known = theirs["enum"]
            .as_array()
            .unwrap_or_else(|| panic!("{at}: has no values"));
        assert!(
            values.iter().all(|it| known.contains(it)),
            "{at}: {values:?}"
        );
    } else {
        let kind = &ours["type"];
        let untyped = theirs["type"].is_null() && theirs["properties"].is_object();
        assert!(
            untyped || theirs["type"] == *kind,
            "{at}: {kind} for {}",
            theirs["type"]
        );
    }
    if let Some(most) = theirs["maxLength"].as_u64() {
        let ours = ours["maxLength"].as_u64();
        assert!(
            ours.is_some_and(|it| it <= most),
            "{at}: {ours:?} characters for {most}"
        );
    }
    let properties = ours["properties"].as_object().into_iter().flatten();
    // What another stream of the same list has and this one never sends.
    for (name, property) in properties.filter(|(_, it)| **it != json!(false)) {
        let at = format!("{at}.{name}");
        let theirs = &theirs["properties"][name];
        assert!(!theirs.is_null(), "{at}: not described");
        compare(property, our_root, root, theirs, &at, compared);
    }
    if !ours["items"].is_null() {
        compare(
            &ours["items"],
            our_root,
            root,
            &theirs["items"],
            &format!("{at}[]"),
            compared,
        );
    }
}

/// The description's own examples of lists are read.
#[test]
fn described_answers_are_understood() {
    let Some(Description {
        published: description,
        ..
    }) = Description::load()
    else {
        return;
    };
    let manifest = manifest();
    let lists = [
        (
            "credit_notes",
            "CreditNotes",
            "CreditNotes",
            "?page=1&pageSize=500&unitdp=4&where=Type%3D%3D%22ACCRECCREDIT%22",
        ),
        (
            "supplier_credit_notes",
            "CreditNotes",
            "CreditNotes",
            "?page=1&pageSize=500&unitdp=4&where=Type%3D%3D%22ACCPAYCREDIT%22",
        ),
        (
            "invoices",
            "Invoices",
            "Invoices",
            "?page=1&pageSize=500&unitdp=4&where=Type%3D%3D%22ACCREC%22",
        ),
        (
            "bills",
            "Invoices",
            "Invoices",
            "?page=1&pageSize=500&unitdp=4&where=Type%3D%3D%22ACCPAY%22",
        ),
        (
            "contacts",
            "Contacts",
            "Contacts",
            "?page=1&pageSize=1000&includeArchived=true",
        ),
        (
            "manual_journals",
            "ManualJournals",
            "ManualJournals",
            "?page=1&pageSize=500",
        ),
        ("payments", "Payments", "Payments", "?page=1&pageSize=500"),
        ("organisation", "Organisation", "Organisations", ""),
        ("accounts", "Accounts", "Accounts", ""),
        ("tax_rates", "TaxRates", "TaxRates", ""),
        (
            "tracking_categories",
            "TrackingCategories",
            "TrackingCategories",
            "",
        ),
        ("currencies", "Currencies", "Currencies", ""),
    ];
    let pulled = manifest
        .streams
        .iter()
        // The shape of reports is not in the description.
        .filter(|(name, it)| it.ops.contains(&Op::Pull) && *name != "trial_balance")
        .count();
    assert_eq!(pulled, lists.len(), "streams without an example");
    for (stream, path, name, query) in lists {
        let answer = &description["paths"][format!("/{path}")]["get"]["responses"]["200"];
        let example = &answer["content"]["application/json"]["example"];
        let elements = example[name]
            .as_array()
            .unwrap_or_else(|| panic!("{path}: no example"));
        let recording = json!({ "version": 1, "exchanges": [{
            "request": { "method": "GET", "url": format!("{API}/{path}{query}"), "auth": "api" },
            "response": { "status": 200, "body": { "json": example } },
        }]});
        let replay = Replay::parse(&ledgerline_connector, &recording.to_string());
        let trace = replay
            .expect("a recording")
            .pull(stream)
            .expect("recorded calls");
        assert_eq!(trace.message(), "", "{stream}");
        assert_eq!(trace.documents().len(), elements.len(), "{stream}");
    }
}
