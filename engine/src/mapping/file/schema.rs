//! JSON Schema of a mapping file, for editors.
//!
//! A mapping is read by hand, so that fields keep their order and every problem is told at once; its
//! schema stands beside that reader, and a test holds both to the same keys.

use ledgerline_plugin_api::manifest::Category;
use serde_json::{Value, json};

/// What a mapping file may hold. Target fields are the target's own; jq is compiled when the
/// configuration is read.
pub fn file_schema() -> Value {
    json!({
        "description": "How a document of one stream becomes a document of another.",
        "type": "object",
        "properties": {
            "from": text("CONNECTOR/STREAM of the source, or \"outcomes\" for a route that follows another."),
            "to": text("CONNECTOR/STREAM of the target."),
            "when": {
                "description": "Which documents are taken at all: jq, or a list with words for the others.",
                "anyOf": [{ "type": "string" }, list(gate(false))],
            },
            "require": list(gate(true)),
            "options": {
                "description": "What a route may set differently, with defaults; `$options` in jq.",
                "type": "object",
                "additionalProperties": constant(),
            },
            "copies-held": flag("It repeats what the target holds for the followed document: that is read anew before this one is made, and this one is doubted when that is void later."),
            "let": {
                "description": "Values that several expressions share: `lines = \"…\"` is `$lines` in jq. Worked out when first asked for, once a document.",
                "type": "object",
                "patternProperties": { "^[a-z_][a-z0-9_]*$": { "type": "string" } },
                "additionalProperties": false,
            },
            "fields": {
                "description": "Target field = what it is made of; dots reach into nested objects. A mapping with [match] and without fields only finds what is there: nothing is made, and a document waits until the target has it.",
                "type": "object",
                "additionalProperties": source(),
            },
            "lines": {
                "description": "Array fields: `each` gives the elements, the rest is made for each of them.",
                "type": "object",
                "additionalProperties": {
                    "type": "object",
                    "properties": { "each": text("jq that gives the elements.") },
                    "required": ["each"],
                    "additionalProperties": source(),
                },
            },
            "match": table(
                "How a source document finds one that the target holds already.",
                json!({
                    "unique": flag("A target document stands for one source document only."),
                    "stands-for": text("jq over the source document: id of the one in the source whose target document is meant instead (who is billed), or null."),
                    "rule": list(rule()),
                    "suggest": list(rule()),
                }),
                &[],
            ),
            "test": list(test()),
        },
        "required": ["from", "to"],
        "anyOf": [{ "required": ["fields"] }, { "required": ["match"] }],
        "additionalProperties": false,
    })
}

fn text(about: &str) -> Value {
    json!({ "description": about, "type": "string" })
}

fn flag(about: &str) -> Value {
    json!({ "description": about, "type": "boolean" })
}

fn list(items: Value) -> Value {
    json!({ "type": "array", "items": items })
}

/// Amounts and dates are text: neither fractions nor TOML's dates.
fn constant() -> Value {
    json!({ "type": ["string", "boolean", "integer", "array", "object"] })
}

fn table(about: &str, properties: Value, required: &[&str]) -> Value {
    let mut schema = json!({
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    });
    if !about.is_empty() {
        schema["description"] = about.into();
    }
    if !required.is_empty() {
        schema["required"] = required.into();
    }
    schema
}

/// Classes of problems, by the names that the manifest of a plugin uses.
fn category() -> Value {
    let schema = schemars::generate::SchemaSettings::draft07()
        .into_generator()
        .into_root_schema_for::<Category>();
    let named = schema.as_value();
    // Documented variants come as `oneOf` of constants, others as one `enum`.
    let mut names: Vec<Value> = Vec::new();
    names.extend(named["enum"].as_array().into_iter().flatten().cloned());
    for variant in named["oneOf"].as_array().into_iter().flatten() {
        names.extend(variant.get("const").cloned());
        names.extend(variant["enum"].as_array().into_iter().flatten().cloned());
    }
    json!({ "description": "Class of the problem.", "enum": names })
}

fn source() -> Value {
    json!({
        "description": "jq over the source document; or a constant, the id of a linked document, a row of a table.",
        "anyOf": [
            { "type": "string" },
            table("jq.", json!({
                "jq": text("jq over the source document."),
                "omit-empty": flag("Empty text leaves the field out, as null does."),
            }), &["jq"]),
            table("The same in every document.", json!({ "value": constant() }), &["value"]),
            table("The target id of a linked document.", json!({
                "link": text("Name of the link; the route binds it to another route."),
                "of": text("jq: what the linked document is found by."),
                "by": json!({
                    "description": "What `of` gives: the document's id in the source (the default), its number there, or its id in the target; by \"target\" the field gets its id in the source.",
                    "enum": ["id", "number", "target"],
                }),
                "approved": flag("The target must have approved the linked document; until then this one waits."),
                "read": text("Path of a field of the linked document, as the target holds it, that is wanted instead of its id."),
                "as": text("Field of the object around the id; without it the bare id."),
                "optional": flag("Leaves the field out when there is no source id."),
                "category": category(),
            }), &["link", "of"]),
            table("A row of a value table.", json!({
                "table": text("Name of the table."),
                "key": text("jq: the key of the row, or { rule, key }: `ledgerline map` then tells which rule chose it."),
                "default": constant(),
                "optional": flag("Leaves the field out when the key is null or empty."),
            }), &["table", "key"]),
        ],
    })
}

fn words(about: &str) -> Value {
    json!({
        "description": about,
        "anyOf": [
            { "type": "string" },
            table("", json!({ "jq": text("jq that gives the words.") }), &["jq"]),
        ],
    })
}

fn gate(requires: bool) -> Value {
    let that = text("jq that must hold.");
    let otherwise = words("What is wrong where it does not, in plain words.");
    if !requires {
        let properties = json!({ "that": that, "otherwise": otherwise });
        return table("Left out where it does not hold.", properties, &["that"]);
    }
    let properties = json!({
        "that": that,
        "otherwise": otherwise,
        "remedy": words("What to do about it."),
        "category": category(),
        "waits-for": text(
            "jq: what is waited for, the same for all documents with the same cause; the engine looks again by itself.",
        ),
        "on-load": flag(
            "About the route, not a document: it looks at $options, $settings and $target_settings alone, and a route for which it does not hold is refused when the configuration loads.",
        ),
    });
    table(
        "Stopped where it does not hold.",
        properties,
        &["that", "otherwise"],
    )
}

fn rule() -> Value {
    let agree = table(
        "Both must give the same.",
        json!({
            "source": text("jq over the source document."),
            "target": text("jq over the target's document."),
        }),
        &["source", "target"],
    );
    table(
        "A way to find it; from top to bottom, until one finds somebody.",
        json!({
            "name": text("What agrees, in words: \"the account number\"."),
            "source": text("jq over the source document; null or empty passes the rule over."),
            "target": text("jq over the target's document."),
            "agree": list(agree),
            "active-only": flag("Documents out of use are not even looked at."),
        }),
        &["name", "source", "target"],
    )
}

fn test() -> Value {
    let any = |about: &str| json!({ "description": about });
    let mut schema = table(
        "A document and what becomes of it; `ledgerline test` tries them.",
        json!({
            "name": text("What it shows."),
            "document": {
                "description": "A file beside the mapping, or the document itself.",
                "type": ["string", "object"],
            },
            "today": text("The date that is today, YYYY-MM-DD."),
            "expect": { "description": "Field = value.", "type": "object" },
            "expect-absent": { "description": "Fields that are left out.", "type": "array", "items": { "type": "string" } },
            "expect-stop": text("Part of the words with which it stops."),
            "options": { "description": "Options that differ from their defaults.", "type": "object" },
            "settings": any("Settings of the source's connection."),
            "target-settings": any("Settings of the target's connection."),
            "links": any("Linked documents: link → what it is found by → what the link gives."),
            "source": any("What $source is: the source document of the followed entry."),
            "held": any("What $held is: id, state and document of the followed entry in the target."),
            "tables": any("Rows of tables."),
            "number": any("The number that the entry has."),
        }),
        &["document"],
    );
    let one = |key: &str| json!({ "required": [key] });
    schema["anyOf"] = json!([one("expect"), one("expect-absent"), one("expect-stop")]);
    schema
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{
        config::findings::{Findings, SourceFile},
        mapping::file::read,
    };

    /// Keys that the reader says it knows where `zzzzzzzzzzzzzzzz` was written.
    fn known(text: &str) -> BTreeSet<String> {
        let file = SourceFile {
            path: "m.toml".into(),
            text: text.into(),
        };
        let mut findings = Findings::default();
        read(&file, &mut findings);
        let help = findings
            .list
            .iter()
            .filter(|it| it.message.contains("zzzzzzzzzzzzzzzz"))
            .find_map(|it| it.help.as_deref()?.strip_prefix("known here: "))
            .unwrap_or_else(|| panic!("{text}: {findings:?}"));
        help.split(", ").map(str::to_owned).collect()
    }

    #[test]
    fn reader_and_schema_know_the_same_keys() {
        const BAD: &str = "zzzzzzzzzzzzzzzz = 1\n";
        let fields = "[fields]\nA = '.a'\n";
        let cases = [
            (BAD.to_owned() + fields, ""),
            (
                format!("{fields}[[when]]\n{BAD}"),
                "/properties/when/anyOf/1/items",
            ),
            (
                format!("{fields}[[require]]\n{BAD}"),
                "/properties/require/items",
            ),
            (format!("{fields}[match]\n{BAD}"), "/properties/match"),
            (
                format!("{fields}[[match.rule]]\n{BAD}"),
                "/properties/match/properties/rule/items",
            ),
            (
                format!("{fields}[[match.suggest]]\n[[match.suggest.agree]]\n{BAD}"),
                "/properties/match/properties/suggest/items/properties/agree/items",
            ),
            (format!("{fields}[[test]]\n{BAD}"), "/properties/test/items"),
            (
                format!("[fields]\n[fields.A]\njq = '.a'\n{BAD}"),
                "/properties/fields/additionalProperties/anyOf/1",
            ),
            (
                format!("[fields]\n[fields.A]\nvalue = 1\n{BAD}"),
                "/properties/fields/additionalProperties/anyOf/2",
            ),
            (
                format!("[fields]\n[fields.A]\nlink = 'a'\n{BAD}"),
                "/properties/fields/additionalProperties/anyOf/3",
            ),
            (
                format!("[fields]\n[fields.A]\ntable = 'a'\n{BAD}"),
                "/properties/fields/additionalProperties/anyOf/4",
            ),
        ];
        let schema = file_schema();
        for (text, pointer) in cases {
            let place = schema
                .pointer(pointer)
                .unwrap_or_else(|| panic!("{pointer}"));
            let described: BTreeSet<String> = place["properties"]
                .as_object()
                .unwrap()
                .keys()
                .cloned()
                .collect();
            assert_eq!(described, known(&text), "{pointer}");
        }
    }

    #[test]
    fn every_category_is_described() {
        let names = category()["enum"].as_array().unwrap().len();
        assert!(names > 5, "{:?}", category());
        assert!(
            category()["enum"]
                .as_array()
                .unwrap()
                .contains(&"contact".into())
        );
    }
}
