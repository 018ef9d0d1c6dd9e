//! The schemas that editors use: checked in as they are made, true of every file of this repository,
//! and false of mistakes.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::config::schemas;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn schema(name: &str) -> Value {
    let file = schemas()
        .into_iter()
        .find(|it| it.name == format!("{name}.schema.json"));
    serde_json::from_str(&file.unwrap().text).unwrap()
}

/// A TOML file as an editor shows it to a schema: dates are text.
fn as_json(text: &str) -> Value {
    fn value(it: toml::Value) -> Value {
        match it {
            toml::Value::Datetime(it) => it.to_string().into(),
            toml::Value::Array(list) => list.into_iter().map(value).collect(),
            toml::Value::Table(table) => Value::Object(
                table
                    .into_iter()
                    .map(|(key, it)| (key, value(it)))
                    .collect(),
            ),
            other => serde_json::to_value(other).unwrap(),
        }
    }
    value(toml::Value::Table(text.parse().unwrap()))
}

/// What a schema says against a file.
fn told(schema: &Value, text: &str) -> Vec<String> {
    let validator = jsonschema::validator_for(schema).unwrap();
    let json = as_json(text);
    let errors = validator.iter_errors(&json);
    errors
        .map(|it| format!("{}: {it}", it.instance_path()))
        .collect()
}

/// Every TOML file below a folder of the repository, but what a deployment writes.
fn files(folder: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut open = vec![repository().join(folder)];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("state") {
                open.push(path);
            } else if path.extension().is_some_and(|it| it == "toml")
                && !path.ends_with("plugins.lock")
            {
                let text = std::fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
        }
    }
    assert!(!found.is_empty(), "{folder}");
    found.sort();
    found
}

/// The schema of a file, by where it lies in a deployment.
fn name_of(path: &Path) -> &'static str {
    let within = |folder: &str| path.components().any(|it| it.as_os_str() == folder);
    if within("routes") {
        "route"
    } else if within("mappings") {
        "mapping"
    } else if within("tables") {
        "table"
    } else if path.ends_with("demo.toml") {
        "demo"
    } else {
        "ledgerline"
    }
}

#[test]
fn what_is_checked_in_is_what_is_made() {
    for made in schemas() {
        let path = repository().join("config/schemas").join(&made.name);
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        // Not the whole of it, which is long.
        let differs = text
            .lines()
            .zip(made.text.lines())
            .find(|(is, to)| is != to);
        assert!(
            text == made.text,
            "{}: write it anew with `ledgerline schemas`; the first difference is {differs:?}",
            made.name
        );
        let json: Value = serde_json::from_str(&made.text).unwrap();
        jsonschema::meta::validate(&json).unwrap();
    }
}

#[test]
fn every_file_of_this_repository_is_right_and_names_its_schema() {
    for (path, text) in files("config") {
        let name = name_of(&path);
        assert_eq!(
            told(&schema(name), &text),
            Vec::<String>::new(),
            "{}",
            path.display()
        );
        let first = text.lines().next().unwrap_or_default();
        let named = first
            .strip_prefix("#:schema ")
            .unwrap_or_else(|| panic!("{}: its first line names no schema", path.display()));
        let named = path.parent().unwrap().join(named);
        let schemas = repository().join("config/schemas");
        assert_eq!(
            named.canonicalize().unwrap(),
            schemas
                .join(format!("{name}.schema.json"))
                .canonicalize()
                .unwrap(),
            "{}",
            path.display()
        );
    }
    for folder in [
        "plugins",
        "plugin-api/examples",
        "engine/templates",
        "tests/zoo",
    ] {
        for (path, text) in files(folder) {
            if path.ends_with("manifest.toml") {
                // Written as it will be read, but for the words of a template.
                assert_eq!(
                    told(&schema("manifest"), &text),
                    Vec::<String>::new(),
                    "{}",
                    path.display()
                );
            }
        }
    }
}

#[test]
fn mistakes_are_seen_by_an_editor() {
    let route = "from = { connection = 'a', stream = 'b' }\nto = { connection = 'a', stream = 'c' }\nmapping = 'm'\n";
    let connection = "plugins = ['p']\n[connections.a]\nplugin = 'a'\nversion = '^1'\n";
    let mapping = "from = 'a/b'\nto = 'c/d'\n[fields]\nA = '.a'\n";
    let cases: [(&str, &str, &[&str]); 5] = [
        (
            "route",
            route,
            &[
                "triger = 'manual'",
                "trigger = 'hourly'",
                "batch = '50'",
                "rounding = { policy = 'holds', limit = '0.05' }",
                "rounding = { policy = 'hold', limit = 0.05 }",
                "after = 'customers'",
                "unmatched = 'creat'",
                "enabled = 'no'",
            ],
        ),
        (
            "ledgerline",
            connection,
            &[
                "zoen = 'UTC'",
                "call-timeout = 30",
                "base-url = 'api.example'",
                "credentials = { token = 'hunter2' }",
                "credentials = { token = { envv = 'A' } }",
                "start-date = 'soon'",
                "demo-only = 1",
            ],
        ),
        (
            "mapping",
            mapping,
            &[
                "B = 1",
                "B = { valeu = 1 }",
                "B = { link = 'x' }",
                "B = { value = 0.5 }",
                "[[require]]\nthat = '.a'",
                "[lines.L]\nC = '.c'",
                "[[test]]\ndocument = 'a.json'",
                "[[wen]]\nthat = '.a'",
            ],
        ),
        ("table", "[rows]\na = 'b'\n", &["b = 0.5", "[row]\na = 'b'"]),
        (
            "manifest",
            "name = 'a'\ntitle = 'A'\n",
            &[
                "",
                "streems = {}",
                "[streams.a]\ntitle = 'a'\nops = ['pul']",
            ],
        ),
    ];
    for (name, good, bad) in cases {
        let schema = schema(name);
        if name != "manifest" {
            assert_eq!(told(&schema, good), Vec::<String>::new(), "{name}");
        }
        for line in bad {
            let text = format!("{good}{line}\n");
            assert!(!told(&schema, &text).is_empty(), "{name}: {line}");
        }
    }
}
