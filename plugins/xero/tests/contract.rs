//! What the connector sends is valid by Xero's published description, read as a closed world.
//!
//! The description is not part of this repository. Its path stands in
//! `LEDGERLINE_XERO_DESCRIPTION`; without it these tests say that they are skipped.
//!
//! The official schemas are loose: any property passes, hardly one is required, dates are any text,
//! and some of what only answers hold is not marked so. [`close`] adds what is missing.

mod runs;

use std::path::PathBuf;

use jsonschema::{Draft, Validator};
use ledgerline_plugin_api::manifest::{Manifest, Op};
use ledgerline_plugin_api::sdk::Embedded;
use ledgerline_plugin_api::testkit::Replay;
use ledgerline_xero::{Xero, ledgerline_connector};
use runs::cases;
use serde_json::{Value, json};

const API: &str = "https://api.xero.com/api.xro/2.0";

/// What Xero alone fills in, by schema. The description marks only some of it.
const NEVER_SENT: &[(&str, &[&str])] = &[
    (
        "CreditNote",
        &[
            "SubTotal",
            "TotalTax",
            "Total",
            "CISDeduction",
            "CISRate",
            "FullyPaidOnDate",
            "RemainingCredit",
            "Allocations",
            "AppliedAmount",
            "Payments",
            "StatusAttributeString",
            "HasAttachments",
            "HasErrors",
            "ValidationErrors",
            "Warnings",
            "InvoiceAddresses",
            "DueDate",
            "UpdatedDateUTC",
            "UpdatedDateUTCString",
        ],
    ),
    // Discounts exist on sales invoices only; the rest is answered.
    (
        "LineItem",
        &[
            "AccountID",
            "Item",
            "DiscountRate",
            "DiscountAmount",
            "RepeatingInvoiceID",
            "Taxability",
            "SalesTaxCodeId",
            "TaxBreakdown",
        ],
    ),
    (
        "Contact",
        &[
            "MergedToContactID",
            "IsSupplier",
            "IsCustomer",
            "ContactGroups",
            "BrandingTheme",
            "Balances",
            "Attachments",
            "HasAttachments",
            "ValidationErrors",
            "HasValidationErrors",
            "StatusAttributeString",
            "UpdatedDateUTC",
            "Website",
            "Discount",
            "TrackingCategoryName",
            "TrackingCategoryOption",
            "XeroNetworkKey",
        ],
    ),
];

/// Marked as answered only, though the documentation contradicts it for approved credit notes.
const SENT_ALL_THE_SAME: &[&str] = &["SentToContact"];

#[expect(
    clippy::print_stderr,
    reason = "a skipped test must not look like one that passed"
)]
fn description() -> Option<Value> {
    let path = std::env::var_os("LEDGERLINE_XERO_DESCRIPTION").map_or_else(
        || {
            PathBuf::from(env!("CARGO_MANIFEST_DIR"))
                .join("../../../shared/reference/xero-accounting-subset.yaml")
        },
        PathBuf::from,
    );
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!(
            "SKIPPED: no description of Xero's API at {}; set LEDGERLINE_XERO_DESCRIPTION",
            path.display()
        );
        return None;
    };
    Some(serde_saphyr::from_str(&text).expect("the description is YAML"))
}

/// The components, with everything refused that must not be sent.
fn closed(description: &Value) -> Value {
    let mut components = description["components"].clone();
    let schemas = components["schemas"].as_object_mut().expect("schemas");
    for schema in schemas.values_mut() {
        close(schema);
    }
    for (schema, names) in NEVER_SENT {
        for name in *names {
            let properties = schemas[*schema]["properties"]
                .as_object_mut()
                .expect("properties");
            properties.remove(*name);
        }
    }
    // Any further field of a document's contact would edit the contact.
    schemas["CreditNote"]["properties"]["Contact"] = json!({
        "type": "object",
        "required": ["ContactID"],
        "additionalProperties": false,
        "properties": { "ContactID": { "type": "string" } },
    });
    components
}

fn close(schema: &mut Value) {
    match schema {
        Value::Object(schema) => {
            if schema.get("x-is-msdate") == Some(&json!(true)) {
                schema.insert("pattern".into(), json!(r"^\d{4}-\d{2}-\d{2}$"));
            }
            if let Some(Value::Object(properties)) = schema.get_mut("properties") {
                properties.retain(|name, property| {
                    property["readOnly"] != json!(true) || SENT_ALL_THE_SAME.contains(&&**name)
                });
                schema.insert("additionalProperties".into(), json!(false));
            }
            schema.values_mut().for_each(close);
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

fn validator(components: &Value, schema: &Value) -> Validator {
    let mut root = schema.clone();
    root["components"] = components.clone();
    jsonschema::options()
        .with_draft(Draft::Draft7)
        .build(&root)
        .expect("a schema")
}

fn resolve<'a>(description: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str().and_then(|it| it.strip_prefix('#')) {
        Some(pointer) => description.pointer(pointer).expect("what is referred to"),
        None => value,
    }
}

/// The operation that a call is, by the template with the most literal parts.
fn operation<'a>(
    description: &'a Value,
    method: &str,
    path: &str,
) -> Option<(&'a Value, &'a Value)> {
    let parts: Vec<&str> = path.split('/').collect();
    let fits = |template: &str| {
        let template: Vec<&str> = template.split('/').collect();
        let same = template.len() == parts.len()
            && template
                .iter()
                .zip(&parts)
                .all(|(it, part)| it.starts_with('{') || it == part);
        same.then(|| template.iter().filter(|it| !it.starts_with('{')).count())
    };
    let paths = description["paths"].as_object().expect("paths");
    let best = paths
        .iter()
        .filter(|(_, item)| !item[method].is_null())
        .filter_map(|(template, item)| Some((fits(template)?, item)))
        .max_by_key(|(literals, _)| *literals)?;
    Some((best.1, &best.1[method]))
}

fn parameters<'a>(
    description: &'a Value,
    item: &'a Value,
    operation: &'a Value,
) -> Vec<(&'a str, &'a str)> {
    [item, operation]
        .into_iter()
        .filter_map(|it| it["parameters"].as_array())
        .flatten()
        .map(|it| resolve(description, it))
        .filter_map(|it| Some((it["in"].as_str()?, it["name"].as_str()?)))
        .collect()
}

#[test]
fn every_call_is_described() {
    let Some(description) = description() else {
        return;
    };
    let components = closed(&description);
    let mut bodies = 0;
    for case in cases() {
        let trace = case.replay.run(&case.run).expect("recorded calls");
        for call in trace.calls() {
            let name = format!("{}: {} {}", case.name, call.method, call.url);
            let Some(rest) = call.url.strip_prefix(API) else {
                assert_eq!(call.url, "https://api.xero.com/connections", "{name}");
                continue;
            };
            let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
            let method = call.method.to_lowercase();
            let Some((item, operation)) = operation(&description, &method, path) else {
                panic!("{name}: not described");
            };
            let known = parameters(&description, item, operation);
            for pair in query.split('&').filter(|it| !it.is_empty()) {
                let parameter = pair.split('=').next().unwrap_or_default();
                assert!(
                    known.contains(&("query", parameter)),
                    "{name}: parameter {parameter}"
                );
            }
            for (header, _) in &call.headers {
                let plain = ["Accept", "Content-Type"].contains(&header.as_str());
                assert!(
                    plain || known.contains(&("header", header)),
                    "{name}: header {header}"
                );
            }
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
            if call.body.is_empty() {
                assert!(schema.is_null(), "{name}: lacks its body");
                continue;
            }
            let body: Value = serde_json::from_slice(&call.body).expect("a JSON body");
            let errors: Vec<String> = validator(&components, schema)
                .iter_errors(&body)
                .map(|it| format!("{} at {}", it, it.instance_path()))
                .collect();
            assert!(errors.is_empty(), "{name}: {errors:#?}");
            bodies += 1;
        }
    }
    assert!(bodies >= 5, "{bodies} bodies");
}

#[test]
fn the_closed_world_is_closed() {
    let Some(description) = description() else {
        return;
    };
    let components = closed(&description);
    let notes = validator(
        &components,
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
    let Some(description) = description() else {
        return;
    };
    let components = closed(&description);
    let root = json!({ "components": components });
    let manifest = manifest();
    let mut compared = 0;
    for (stream, theirs) in [("credit_notes", "CreditNote"), ("contacts", "Contact")] {
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
    for (name, property) in ours["properties"].as_object().into_iter().flatten() {
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
    let Some(description) = description() else {
        return;
    };
    let manifest = manifest();
    let lists = [
        (
            "credit_notes",
            "CreditNotes",
            "CreditNotes",
            "?page=1&pageSize=500&unitdp=4",
        ),
        (
            "contacts",
            "Contacts",
            "Contacts",
            "?page=1&pageSize=1000&includeArchived=true",
        ),
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
        .filter(|(_, it)| it.ops.contains(&Op::Pull))
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
