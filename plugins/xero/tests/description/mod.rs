//! Xero's published description of its API, read as a closed world.
//!
//! The description is not part of this repository. Its path stands in `LEDGERLINE_XERO_DESCRIPTION`;
//! without it tests that need it say that they are skipped.
//!
//! The official schemas are loose: any property passes, hardly one is required, dates are any text,
//! and some of what only answers hold is not marked so. [`close`] adds what is missing.

use std::{cell::RefCell, collections::HashMap, path::PathBuf};

use jsonschema::{Draft, Validator};
use serde_json::{Value, json};

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
    (
        "Invoice",
        &[
            "RepeatingInvoiceID",
            "Attachments",
            "HasErrors",
            "StatusAttributeString",
            "ValidationErrors",
            "Warnings",
            "InvoiceAddresses",
        ],
    ),
    (
        "Payment",
        &[
            "BatchPayment",
            "BatchPaymentID",
            "BankAmount",
            "Code",
            "HasAccount",
            "HasValidationErrors",
            "StatusAttributeString",
            "ValidationErrors",
            "Warnings",
        ],
    ),
    (
        "ManualJournal",
        &[
            "Attachments",
            "StatusAttributeString",
            "ValidationErrors",
            "Warnings",
        ],
    ),
    ("ManualJournalLine", &["AccountID", "IsBlank"]),
    (
        "Allocation",
        &["AllocationID", "StatusAttributeString", "ValidationErrors"],
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

/// A call as it was made.
pub(crate) struct Sent<'a> {
    /// Method.
    pub(crate) method: &'a str,
    /// Path below the accounting API, with query.
    pub(crate) target: &'a str,
    /// Names of the headers that were not the engine's.
    pub(crate) headers: Vec<&'a str>,
    /// Body.
    pub(crate) body: &'a [u8],
}

/// The description.
pub(crate) struct Description {
    /// As it was published.
    pub(crate) published: Value,
    /// Its components, with everything refused that must not be sent.
    pub(crate) components: Value,
    validators: RefCell<HashMap<String, Validator>>,
}

impl Description {
    /// Reads it. Where there is none, says so and gives nothing.
    #[expect(
        clippy::print_stderr,
        reason = "a skipped test must not look like one that passed"
    )]
    pub(crate) fn load() -> Option<Self> {
        let path = std::env::var_os("LEDGERLINE_XERO_DESCRIPTION").map_or_else(
            || {
                // Both crates that use this lie two folders below the root.
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
        let published = serde_saphyr::from_str(&text).expect("the description is YAML");
        Some(Self {
            components: closed(&published),
            published,
            validators: RefCell::default(),
        })
    }

    /// Everything about a call that the description does not know.
    pub(crate) fn faults(&self, sent: &Sent<'_>) -> Vec<String> {
        let (path, query) = sent.target.split_once('?').unwrap_or((sent.target, ""));
        let method = sent.method.to_lowercase();
        let Some((item, operation)) = operation(&self.published, &method, path) else {
            return vec!["not described".to_owned()];
        };
        let known = parameters(&self.published, item, operation);
        let mut faults = Vec::new();
        for pair in query.split('&').filter(|it| !it.is_empty()) {
            let parameter = pair.split('=').next().unwrap_or_default();
            if !known.contains(&("query", parameter)) {
                faults.push(format!("parameter {parameter}"));
            }
        }
        for header in &sent.headers {
            let plain = ["Accept", "Content-Type"].contains(header);
            if !plain && !known.contains(&("header", header)) {
                faults.push(format!("header {header}"));
            }
        }
        let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
        if sent.body.is_empty() {
            if !schema.is_null() {
                faults.push("lacks its body".to_owned());
            }
            return faults;
        }
        let body: Value = match serde_json::from_slice(sent.body) {
            Ok(it) => it,
            Err(why) => {
                faults.push(why.to_string());
                return faults;
            }
        };
        let mut validators = self.validators.borrow_mut();
        let validator = validators
            .entry(schema.to_string())
            .or_insert_with(|| validator(&self.components, schema));
        faults.extend(
            validator
                .iter_errors(&body)
                .map(|it| format!("{} at {}", it, it.instance_path())),
        );
        faults
    }
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
    let by_id_alone = [
        ("CreditNote", "Contact", "ContactID"),
        ("Invoice", "Contact", "ContactID"),
        ("Payment", "Invoice", "InvoiceID"),
        ("Payment", "CreditNote", "CreditNoteID"),
        ("Allocation", "Invoice", "InvoiceID"),
    ];
    for (document, part, id) in by_id_alone {
        schemas[document]["properties"][part] = json!({
            "type": "object",
            "required": [id],
            "additionalProperties": false,
            "properties": { id: { "type": "string" } },
        });
    }
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

/// A validator of one schema among these components.
pub(crate) fn validator(components: &Value, schema: &Value) -> Validator {
    let mut root = schema.clone();
    root["components"] = components.clone();
    jsonschema::options()
        .with_draft(Draft::Draft7)
        .build(&root)
        .expect("a schema")
}

/// What a value is or refers to.
pub(crate) fn resolve<'a>(description: &'a Value, value: &'a Value) -> &'a Value {
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
