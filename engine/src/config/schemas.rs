//! JSON Schemas of all files that a person writes, made from what reads them. Editors complete and
//! check by them; `ledgerline schemas` writes them, and `config/schemas` holds them.
//!
//! A file names its schema in its first line: `#:schema schemas/route.schema.json`.

use ledgerline_plugin_api::manifest::Manifest;
use serde_json::{Value, json};

use super::{
    demo_toml::DemoToml, deployment_toml::DeploymentToml, reader::FromToml, route_toml::RouteToml,
    table_toml::TableToml,
};
use crate::mapping::file_schema;

/// A schema and the name of its file.
#[derive(Debug, Clone, PartialEq)]
pub struct SchemaFile {
    /// `route.schema.json`.
    pub name: String,
    /// What it holds.
    pub text: String,
}

/// All schemas.
pub fn schemas() -> Vec<SchemaFile> {
    [
        ("ledgerline", "ledgerline.toml", DeploymentToml::schema()),
        ("route", "routes/NAME.toml", RouteToml::schema()),
        ("mapping", "mappings/CONNECTOR/NAME.toml", file_schema()),
        ("table", "tables/NAME.toml", TableToml::schema()),
        ("demo", "demo.toml", DemoToml::schema()),
        ("manifest", "manifest.toml of a plugin", manifest()),
    ]
    .into_iter()
    .map(|(name, title, schema)| SchemaFile {
        name: format!("{name}.schema.json"),
        text: text(title, schema),
    })
    .collect()
}

fn text(title: &str, schema: Value) -> String {
    let mut whole = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": title,
    });
    if let (Some(whole), Value::Object(schema)) = (whole.as_object_mut(), schema) {
        whole.extend(
            schema
                .into_iter()
                .filter(|(key, _)| key != "$schema" && key != "title"),
        );
    }
    // A value of these types always becomes text.
    serde_json::to_string_pretty(&whole).unwrap_or_default() + "\n"
}

/// The manifest as it is written: version and other defaults may be left out, and files stand for
/// schemas and the prelude.
fn manifest() -> Value {
    let mut schema = schemars::generate::SchemaSettings::draft07()
        .into_generator()
        .into_root_schema_for::<Manifest>()
        .to_value();
    without_null(&mut schema);
    // The build merges what is named so; the manifest itself knows nothing of it.
    let like = json!({
        "description": "A stream of this manifest that this one is like: what is not said here is as there.",
        "type": "string",
    });
    if let Some(stream) = schema.pointer_mut("/definitions/Stream") {
        if let Some(Value::Object(properties)) = stream.get_mut("properties") {
            properties.insert("like".to_owned(), like);
        }
        // What the other one says need not be said again.
        if let Value::Object(stream) = stream
            && let Some(required) = stream.remove("required")
        {
            let either = json!([{ "required": ["like"] }, { "required": required }]);
            stream.insert("anyOf".to_owned(), either);
        }
    }
    if let Some(check) = schema.pointer_mut("/definitions/Check") {
        check["required"] = json!(["name"]);
    }
    schema
}

/// TOML has no null: what may be left out is left out.
fn without_null(schema: &mut Value) {
    let is_null = |it: &Value| it.as_str() == Some("null") || it["type"] == "null";
    match schema {
        Value::Object(object) => {
            if object.get("default").is_some_and(Value::is_null) {
                object.remove("default");
            }
            if let Some(Value::Object(default)) = object.get_mut("default") {
                default.retain(|_, it| !it.is_null());
            }
            for key in ["type", "anyOf"] {
                if let Some(Value::Array(kinds)) = object.get_mut(key) {
                    kinds.retain(|it| !is_null(it));
                    if let [one] = kinds.as_slice() {
                        // Beside `$ref` this draft sees nothing else, such as the description.
                        let one = one.clone();
                        match key {
                            "type" => object.insert(key.to_owned(), one),
                            _ => object.insert("allOf".to_owned(), vec![one].into()),
                        };
                    }
                }
            }
            if object.contains_key("allOf") {
                object.remove("anyOf");
            }
            object.values_mut().for_each(without_null);
        }
        Value::Array(list) => list.iter_mut().for_each(without_null),
        _ => {}
    }
}
