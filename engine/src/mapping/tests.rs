//! Mappings from file to result, as the rest of the engine uses them.

use std::{collections::BTreeMap, io, path::Path, sync::Arc};

use ledgerline_plugin_api::manifest::Stream;
use serde_json::json;

use super::{
    Apply, CompileInput, Followed, LinkAnswer, LinkAsk, Links, Mapping, Shared, Stop, StreamRules,
    TestCx, Value, compile,
};
use crate::config::{
    checked::{
        Endpoint, Fares, MappingFile, Replace, Rounding, RoundingPolicy, Route, Table, Trigger,
        Unmatched, Voids,
    },
    findings::{Findings, Places, SourceFile},
};

pub(super) fn value(json: &str) -> Value {
    Value::parse(json.as_bytes()).unwrap_or_else(|it| panic!("{json}: {it}"))
}

pub(super) fn stream(more: serde_json::Value) -> Stream {
    let mut stream = json!({"title": "credit", "ops": ["push"]});
    for (name, it) in more.as_object().unwrap() {
        stream[name] = it.clone();
    }
    serde_json::from_value(stream).unwrap()
}

const PRELUDE: &str = "def lines: [.lines[] | . + {cents: (.amount * 100)}];\n\
    def serial: if .number == null then error(\"it has no serial number\") else .number end;\n\
    def zone: $settings.zone;";
const TARGET_PRELUDE: &str = "def tag($slot; $name): if ($name // \"\") == \"\" then empty else \
    {Name: $settings.tags[$slot - 1], Option: $name} end;";

fn schema() -> serde_json::Value {
    json!({
        "type": "object", "additionalProperties": false, "required": ["Type", "Number", "Lines"],
        "properties": {
            "Type": {"enum": ["CREDIT", "DEBIT"]},
            "Number": {"type": "string", "minLength": 1, "maxLength": 12},
            "Contact": {"type": "object", "additionalProperties": false, "required": ["ContactID"],
                "properties": {"ContactID": {"type": "string"}}},
            "Date": {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$"},
            "Reference": {"type": "string", "maxLength": 5},
            "Sent": {"type": "boolean"},
            "Address": {"type": "object", "additionalProperties": false,
                "properties": {"City": {"type": "string"}, "Post": {"type": "string"}}},
            "Lines": {"type": "array", "minItems": 1, "items": {
                "type": "object", "additionalProperties": false, "required": ["Text"],
                "properties": {"Text": {"type": "string"}, "Amount": {"type": "number"},
                    "Account": {"type": "string"}, "Tax": {"type": "string"},
                    "Tags": {"type": "array", "items": {"type": "object"}}}}}
        }
    })
}

pub(super) struct World {
    tables: BTreeMap<String, Table>,
    target: Stream,
}

impl World {
    pub(super) fn new() -> Self {
        let table = |name: &str, rows: serde_json::Value, default: Option<&str>| Table {
            name: name.to_owned(),
            file: SourceFile {
                path: format!("tables/{name}.toml").into(),
                text: "".into(),
            },
            rows: serde_json::from_value(rows).unwrap(),
            default: default.map(|it| it.into()),
        };
        let tables = [
            table(
                "accounts",
                json!({"default": "200", "freight": "270"}),
                None,
            ),
            table("tax", json!({"15": "OUTPUT", "0": null}), Some("NONE")),
            table("regions", json!({"W": "North"}), None),
        ];
        Self {
            tables: tables.into_iter().map(|it| (it.name.clone(), it)).collect(),
            target: stream(json!({"schema": schema()})),
        }
    }

    pub(super) fn compile(&self, toml: &str) -> Result<Mapping, String> {
        self.compile_for(toml, None)
    }

    fn compile_for(&self, toml: &str, route: Option<&Route>) -> Result<Mapping, String> {
        let mapping = MappingFile {
            name: "acme/credits".to_owned(),
            file: SourceFile {
                path: "mappings/acme/credits.toml".into(),
                text: toml.into(),
            },
        };
        let mut findings = Findings::default();
        let compiled = compile(
            CompileInput {
                mapping: &mapping,
                route,
                tables: &self.tables,
                source: Some(("acme", PRELUDE)),
                target: ("books", &self.target, TARGET_PRELUDE),
            },
            &mut findings,
        );
        let shown = findings.list.iter().map(|it| {
            let marked = it.file.text.get(it.span.clone()).unwrap_or("?");
            let help = it
                .help
                .as_ref()
                .map(|it| format!(" ({it})"))
                .unwrap_or_default();
            format!("{marked:?}: {}{help}", it.message)
        });
        let shown = shown.collect::<Vec<_>>().join("\n");
        assert_eq!(compiled.is_none(), !shown.is_empty(), "{shown}");
        compiled.ok_or(shown)
    }
}

struct Linked;

impl Links for Linked {
    fn resolve(&self, ask: &LinkAsk<'_>) -> LinkAnswer {
        let LinkAsk {
            link, value: id, ..
        } = ask;
        match *id {
            "1207" => LinkAnswer::Target(format!("{link}-guid")),
            _ => LinkAnswer::Waiting {
                cause_key: format!("entry:customers/{id}"),
                cause: format!("the customer {id} is not linked"),
                remedy: "Link it".to_owned(),
            },
        }
    }
}

const MAPPING: &str = r#"
from = "acme/credits"
to = "books/credits"

[options]
prefix = "CN-"
strict = true

[[when]]
that = '.status != "VOID"'
otherwise = { jq = '"it is \(.status | ascii_downcase)"' }

[[require]]
that = '.total != 0'
otherwise = "its total is zero"
remedy = "Enter its lines"
category = "amount"

[[require]]
that = '.date == null or .date <= $today'
otherwise = { jq = '"its date \(.date) has not come yet"' }
waits-for = '"the date \(.date)"'

[fields]
Type = { value = "CREDIT" }
Number = '$options.prefix + (acme::serial | tostring)'
Contact = { link = "contact", of = ".customer|tostring", as = "ContactID" }
Date = ".date"
Reference = { jq = ".ref", omit-empty = true }
Sent = { value = false }
"Address.City" = ".city"

[lines.Lines]
each = "acme::lines[]"
Text = ".text"
Amount = ".cents / 100"
Account = { table = "accounts", key = '.account // "default"' }
Tax = { table = "tax", key = ".tax", optional = true }
Tags = '[books::tag(1; $tables.regions[.region // ""]), books::tag(2; $document.channel)]'
"#;

const DOCUMENT: &str = r#"{"number":771,"status":"OPEN","customer":1207,"date":"2026-01-31","total":36.30,
    "ref":"","city":"Perth","channel":"Web","lines":[
    {"text":"a","amount":12.10,"tax":15,"region":"W"},
    {"text":"b","amount":24.20,"tax":"0","account":"freight"},
    {"text":"c","amount":0.0000,"tax":null}]}"#;

fn apply(mapping: &Mapping, document: &str) -> Result<String, String> {
    let document = value(document);
    let settings = value(r#"{"zone":"Australia/Perth"}"#);
    let target_settings = value(r#"{"tags":["Region","Channel"]}"#);
    let cx = Apply {
        document: &document,
        settings: &settings,
        target_settings: &target_settings,
        number: None,
        today: "2026-06-30",
        links: &Linked,
        followed: &Followed::default(),
        shared: &Shared::default(),
    };
    mapping
        .apply(&cx)
        .map(|it| it.document.to_json())
        .map_err(|it| match it {
            Stop::Excluded { reason } => format!("excluded: {reason}"),
            Stop::Problem {
                problem,
                cause_key,
                waits,
            } => format!(
                "{}{:?} {}: {} / {} [{cause_key}]",
                if waits { "waits " } else { "" },
                problem.category,
                problem.field.unwrap_or_default(),
                problem.cause,
                problem.remedy
            ),
        })
}

/// What a followed route knows is there for mappings of outcomes alone, and is not offered to others.
#[test]
fn only_a_mapping_of_outcomes_reads_what_the_followed_route_knows() {
    let fields = MAPPING.replace("Date = \".date\"", "Date = \"$source.date // $held.state\"");
    let told = World::new().compile(&fields).map(|_| ()).unwrap_err();
    for name in ["$source", "$held"] {
        assert!(
            told.contains(&format!("no variable `{name}` is bound here")),
            "{told}"
        );
    }
    assert!(
        !told.contains("$,"),
        "no nameless variable is offered: {told}"
    );
    let followed = World::new()
        .compile(&fields.replace("from = \"acme/credits\"", "from = \"outcomes\""))
        .unwrap();
    assert!(followed.reads_followed());
    assert!(!World::new().compile(MAPPING).unwrap().reads_followed());
}

#[test]
fn a_document_is_mapped() {
    let mapping = World::new().compile(MAPPING).unwrap();
    let expected = concat!(
        r#"{"Type":"CREDIT","Number":"CN-771","Contact":{"ContactID":"contact-guid"},"#,
        r#""Date":"2026-01-31","Sent":false,"Address":{"City":"Perth"},"Lines":["#,
        r#"{"Text":"a","Amount":12.1,"Account":"200","Tax":"OUTPUT","Tags":[{"Name":"Region","Option":"North"},{"Name":"Channel","Option":"Web"}]},"#,
        r#"{"Text":"b","Amount":24.2,"Account":"270","Tags":[{"Name":"Channel","Option":"Web"}]},"#,
        r#"{"Text":"c","Amount":0,"Account":"200","Tags":[{"Name":"Channel","Option":"Web"}]}]}"#
    );
    assert_eq!(apply(&mapping, DOCUMENT), Ok(expected.to_owned()));
}

/// A mapping with `[let]`, its fields left to the case.
fn with_lets(lets: &str, fields: &str) -> String {
    let head = "from = 'acme/credits'\nto = 'books/credits'";
    let given = "Type = { value = 'CREDIT' }\nContact = { value = { ContactID = 'c' } }";
    format!("{head}\n[let]\n{lets}\n[fields]\n{given}\n{fields}")
}

#[test]
fn shared_values_are_worked_out_once_a_document() {
    let toml = with_lets(
        "lines = 'acme::lines'\ncount = '$lines | length'\nunused = 'error(\"nobody asks\")'",
        "Number = '\"\\($count) of \\($lines | length)\"'\n[lines.Lines]\neach = '$lines[]'\nText = '.text'\n\
         Amount = '(.cents + 0 * $count) / 100'",
    )
    .replace("[fields]", "[[require]]\nthat = '$count > 0'\notherwise = 'no lines'\n[fields]");
    let mapping = World::new().compile(&toml).unwrap();
    let document = value(r#"{"lines":[{"text":"a","amount":1},{"text":"b","amount":2}]}"#);
    let shared = Shared::default();
    let cx = Apply {
        document: &document,
        settings: &Value::Null,
        target_settings: &Value::Null,
        number: None,
        today: "2026-06-30",
        links: &Linked,
        followed: &Followed::default(),
        shared: &shared,
    };
    let runs = || super::jq::counts().0;
    let before = runs();
    mapping.gate(&cx).unwrap();
    let gate = runs() - before;
    let mapped = mapping.map(&cx).unwrap().document;
    // `$lines` and `$count`; then the number and an amount for each line, which find them there.
    assert_eq!((gate, runs() - before - gate), (2, 3));
    assert_eq!(mapped.get("Number"), Some(&Value::from("2 of 2")));
    assert_eq!(mapped.get("Lines.1.Amount"), Some(&Value::from(2_i64)));
}

#[test]
fn a_shared_value_that_fails_stops_those_who_ask_for_it() {
    let toml = with_lets(
        "serial = 'acme::serial'",
        "Number = '$serial | tostring'\nLines = { value = [{ Text = 'a' }] }",
    );
    let mapping = World::new().compile(&toml).unwrap();
    assert_eq!(
        apply(&mapping, "{}"),
        Err(
            "SourceData Number: it has no serial number / Correct the document in its source, or the \
             mapping at mappings/acme/credits.toml:8 [field Number of acme/credits]"
                .to_owned()
        )
    );
}

#[test]
fn what_is_wrong_with_shared_values_is_told_at_load() {
    let cases = [
        ("Lines = '1'", "small letters, digits and underscores"),
        ("options = '1'", "`$options` means something else already"),
        ("a = '$b'\nb = '1'", "$b"),
        ("a = '$number'", "$number"),
        ("a = 'nothing::such'", "nothing"),
        ("a = 1", "text"),
    ];
    for (lets, expected) in cases {
        let told = World::new().compile(&with_lets(lets, "")).map(|_| ());
        let told = told.expect_err(lets);
        assert!(told.contains(expected), "{lets}: {told}");
    }
    let many: String = (0..30).map(|at| format!("v{at} = '{at}'\n")).collect();
    let told = World::new().compile(&with_lets(&many, "")).map(|_| ());
    assert!(told.expect_err("too many").contains("more than 24 values"));
}

#[test]
fn documents_stop_in_words() {
    let mapping = World::new().compile(MAPPING).unwrap();
    let cases = [
        (
            r#""status":"OPEN""#,
            r#""status":"VOID""#,
            "excluded: it is void",
        ),
        (
            "36.30",
            "0.00",
            "Amount : its total is zero / Enter its lines [require 1 of acme/credits]",
        ),
        (
            "2026-01-31",
            "2026-07-01",
            "waits SourceData : its date 2026-07-01 has not come yet / Correct the document in its source [the date 2026-07-01]",
        ),
        (
            "771",
            "null",
            "SourceData Number: it has no serial number / Correct the document in its source, or the mapping at mappings/acme/credits.toml:26 [field Number of acme/credits]",
        ),
        (
            "1207",
            "55",
            "waits Contact Contact: the customer 55 is not linked / Link it [entry:customers/55]",
        ),
        (
            "1207",
            "null",
            "Contact Contact: it names no contact / Enter the contact in the source document [field Contact of acme/credits]",
        ),
        (
            r#""freight""#,
            r#""Returns""#,
            "waits Mapping Lines.1.Account: the table accounts has no row for \"Returns\" / Add a row \"Returns\" = \"…\" to tables/accounts.toml [table accounts Returns]",
        ),
        (
            r#""ref":"""#,
            r#""ref":"ABCDEF""#,
            "SourceData Reference: `Reference` has 6 characters; the target takes 5 / Correct the document in its source, or the mapping at mappings/acme/credits.toml:29 [field Reference of acme/credits]",
        ),
        (
            r#""text":"b","#,
            "",
            "SourceData Lines.1.Text: `Lines.1.Text` is missing / Correct the document in its source, or the mapping at mappings/acme/credits.toml:35 [field Lines.Text of acme/credits]",
        ),
        (
            "24.20",
            r#""24.20""#,
            "Defect Lines: `Lines` cannot be computed: cannot multiply string \"24.20\" and number 100 / Correct the mapping at mappings/acme/credits.toml:33: acme::lines[] [field Lines of acme/credits]",
        ),
        (
            "2026-01-31",
            "31 Jan",
            "waits SourceData : its date 31 Jan has not come yet / Correct the document in its source [the date 31 Jan]",
        ),
    ];
    for (from, to, expected) in cases {
        let document = DOCUMENT.replacen(from, to, 1);
        assert_eq!(
            apply(&mapping, &document),
            Err(expected.to_owned()),
            "{from} -> {to}"
        );
    }
}

#[test]
fn every_problem_of_a_file_is_reported_at_once_and_in_place() {
    let toml = r#"
form = "acme/credits"
to = "books/credits"
when = '.a ='

[options]
status = "DRAFT"
rate = 0.05

[fields]
Typo = { value = "CREDIT" }
Type = { value = "OTHER" }
Numbr = ".n"
Reference = { value = "ABCDEF" }
Date = ".date | dat"
Sent = "$options.statsu"
Contact = { link = "contact", of = ".customer", as = "Contact" }
Address = { City = ".city" }
"Address.Citty" = ".city"

[lines.Lines]
each = "acme::line[]"
Account = { table = "acounts", key = ".x", defualt = "1" }
Amount = '''
if .a then .b
else .c + $nothing end'''
Tags = "[$tables.region]"
Tax = 5

[[require]]
that = "def f: 1 + f; f"
"#;
    let found = World::new().compile(toml).err().unwrap();
    let lines: Vec<&str> = found.lines().collect();
    let expected = [
        (r#""form""#, "`form` is not known here"),
        (r#""0.05""#, "may not be what was written"),
        (r#""""#, "this is not jq: expected term, found the end"),
        (
            r#""Typo""#,
            "the target has no field `Typo` (did you mean `Type`?)",
        ),
        (
            r#""\"OTHER\"""#,
            "`Type` is \"OTHER\", not one of CREDIT, DEBIT",
        ),
        (
            r#""Numbr""#,
            "the target has no field `Numbr` (did you mean `Number`?)",
        ),
        (
            r#""\"ABCDEF\"""#,
            "`Reference` has 6 characters; the target takes 5",
        ),
        (
            r#""dat""#,
            "no function `dat` is available (did you mean `date`?)",
        ),
        (
            r#""$options""#,
            "there is no option `statsu` (did you mean `status`?)",
        ),
        (
            r#""\"Contact\"""#,
            "the target has no field `Contact.Contact` (did you mean `ContactID`?)",
        ),
        (
            r#""{ City = \".city\" }""#,
            "(a nested field is written \"Address.City\" = …)",
        ),
        (
            r#""\"Address.Citty\"""#,
            "the target has no field `Address.Citty` (did you mean `Address.City`?)",
        ),
        (
            r#""acme::line""#,
            "no function `acme::line` is available (did you mean `acme::lines`?)",
        ),
        (
            r#""\"acounts\"""#,
            "there is no table `acounts` (did you mean `accounts`?)",
        ),
        (
            r#""defualt""#,
            "`defualt` is not known here (did you mean `default`?)",
        ),
        (r#""$nothing""#, "no variable `$nothing` is bound here"),
        (
            r#""$tables""#,
            "there is no table `region` (did you mean `regions`?)",
        ),
        (r#""5""#, "a field is jq as text, or a table"),
        (r#""f""#, "`f` calls itself"),
        (r#""[[require]]""#, "`otherwise` is missing"),
        (
            r#""Lines""#,
            "the target requires `Lines.Text`, which nothing gives",
        ),
        (
            "fields",
            "the target requires `Number`, which nothing gives",
        ),
    ];
    for (marked, message) in expected {
        let hit = lines
            .iter()
            .any(|it| it.contains(marked) && it.contains(message));
        assert!(hit, "{marked} {message} is not in\n{found}");
    }
    assert_eq!(lines.len(), expected.len(), "{found}");
}

#[test]
fn the_hash_follows_what_is_compiled_in() {
    let mut world = World::new();
    let hash = |world: &World, toml: &str| world.compile(toml).unwrap().hash();
    let before = hash(&world, MAPPING);
    assert_eq!(before, hash(&world, MAPPING));
    assert_ne!(before, hash(&world, &MAPPING.replace("CN-", "CR-")));
    world
        .tables
        .get_mut("accounts")
        .unwrap()
        .rows
        .insert("new".into(), json!("300"));
    let with_row = hash(&world, MAPPING);
    assert_ne!(before, with_row);
    let unused = world.tables["accounts"].clone();
    world.tables.insert("unused".into(), unused);
    assert_eq!(with_row, hash(&world, MAPPING));
}

#[test]
fn a_mapping_tests_itself() {
    let tests = r#"
[[test]]
name = "as it is"
document = "samples/a.json"
target-settings = { tags = ["Region"] }
links = { contact = { "1207" = "guid" } }
expect = { Number = "CN-771", "Lines.0.Amount" = "12.10", Contact = { ContactID = "guid" }, "Lines.1" = { Text = "b" } }
expect-absent = ["Reference"]

[[test]]
document = { total = 1, number = 5, customer = 9, lines = [] }
expect-stop = "is not linked"

[[test]]
name = "an option and a table"
document = { total = 1, number = 5, customer = 9, lines = [{ text = "x", amount = 5, account = "own" }] }
options = { prefix = "" }
links = { contact.9 = "g" }
tables = { accounts = { own = "999" } }
expect = { Number = "5", "Lines.0.Account" = "999", "Lines.0.Amount" = 5 }

[[test]]
name = "wrong on purpose"
document = { total = 1, number = 5, customer = 9, status = "VOID", lines = [] }
expect = { Number = "CN-6" }

[[test]]
name = "goes through"
document = "samples/a.json"
links = { contact = { "1207" = "guid" } }
expect-stop = "void"

[[test]]
name = "differs"
document = "samples/a.json"
links = { contact = { "1207" = "guid" } }
expect = { Number = "CN-772", Nothing = 1 }
expect-absent = ["Type"]

[[test]]
name = "no file"
document = "samples/b.json"
expect = { Number = "1" }

[[test]]
name = "excluded"
document = { status = "VOID" }
expect-stop = "it is void"
"#;
    let mapping = World::new().compile(&format!("{MAPPING}{tests}")).unwrap();
    let read = |path: &Path| match path.to_str() {
        Some("mappings/acme/samples/a.json") => Ok(DOCUMENT.as_bytes().to_vec()),
        _ => Err(io::Error::from(io::ErrorKind::NotFound)),
    };
    let settings = value(r#"{"tags":["R","C"]}"#);
    let cx = TestCx {
        read: &read,
        settings: &Value::Null,
        target_settings: &settings,
    };
    let results: Vec<String> = mapping
        .tests(&cx)
        .into_iter()
        .map(|it| format!("{}: {}", it.name, it.failures.join("; ")))
        .collect();
    let expected = [
        "as it is: ",
        "test 2: ",
        "an option and a table: ",
        "wrong on purpose: stopped: it is void",
        "goes through: went through, but should stop by \"void\"",
        "differs: Number is \"CN-771\", not \"CN-772\"; Nothing is not there; expected 1; Type is \"CREDIT\", but should be left out",
        "no file: mappings/acme/samples/b.json: entity not found",
        "excluded: ",
    ];
    assert_eq!(results, expected);
}

#[test]
fn every_field_can_be_explained() {
    let mapping = World::new().compile(MAPPING).unwrap();
    let document = value(&DOCUMENT.replace("\"freight\"", "\"odd\""));
    let cx = Apply {
        document: &document,
        settings: &Value::Null,
        target_settings: &Value::Null,
        number: None,
        today: "2026-06-30",
        links: &Linked,
        followed: &Followed::default(),
        shared: &Shared::default(),
    };
    let lines: Vec<String> = mapping
        .explain(&cx)
        .into_iter()
        .map(|it| {
            let value = match it.value {
                Ok(Some(it)) => it.to_json(),
                Ok(None) => "left out".to_owned(),
                Err(it) => format!("! {it}"),
            };
            format!("{} = {value} <- {} ({})", it.field, it.made_by, it.at)
        })
        .collect();
    let expected = [
        "Type = \"CREDIT\" <- \"CREDIT\" (mappings/acme/credits.toml:25)",
        "Contact = {\"ContactID\":\"contact-guid\"} <- link contact of .customer|tostring (mappings/acme/credits.toml:27)",
        "Reference = left out <- .ref (mappings/acme/credits.toml:29)",
        "Lines = \"3 lines\" <- acme::lines[] (mappings/acme/credits.toml:33)",
        "Lines.0.Amount = 12.1 <- .cents / 100 (mappings/acme/credits.toml:36)",
        "Lines.1.Account = ! the table accounts has no row for \"odd\" <- table accounts, row \"odd\" (mappings/acme/credits.toml:37)",
    ];
    for it in expected {
        assert!(
            lines.iter().any(|line| line == it),
            "{it} is not in\n{}",
            lines.join("\n")
        );
    }
    assert_eq!(lines.len(), 7 + 1 + 3 * 5);
}

#[test]
fn no_field_needs_the_interpreter() {
    let mapping = World::new().compile(MAPPING).unwrap();
    let programs = mapping
        .fields
        .iter()
        .chain(mapping.lines.iter().flat_map(|it| &it.fields));
    let direct = programs.filter(|it| match &it.kind {
        super::apply::Kind::Constant(_) => true,
        super::apply::Kind::Jq { program, .. } => program.is_direct(),
        super::apply::Kind::Link { of, .. } => of.is_direct(),
        super::apply::Kind::Table { key, .. } => key.is_direct(),
    });
    assert_eq!(direct.count(), 12);

    // A document of three lines: the number, the lines, and two fields a line.
    let before = super::jq::counts();
    apply(&mapping, DOCUMENT).unwrap();
    let after = super::jq::counts();
    assert_eq!(after.0 - before.0, 1 + 1 + 3 * 2);
    assert!(after.1 - before.1 < 300, "{} steps", after.1 - before.1);
}

#[test]
fn a_mapping_is_shared_between_threads() {
    let mapping = Arc::new(World::new().compile(MAPPING).unwrap());
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let mapping = mapping.clone();
            std::thread::spawn(move || apply(&mapping, DOCUMENT))
        })
        .collect();
    let results: Vec<_> = threads.into_iter().map(|it| it.join().unwrap()).collect();
    assert!(results.iter().all(|it| it.is_ok() && *it == results[0]));
}

#[test]
fn facts_are_read_and_odd_ones_told() {
    let stream = stream(json!({
        "key": ".id", "number": ".no", "date": ".at | date($settings.zone)", "total": ".sum | tonumber | abs",
        "currency": ".cur", "party": ".who.name", "imported": ".mark == \"Y\"", "imported-at": ".marked",
        "state": ".state", "states": {"A": "approved"},
        "life": {"active": ".live", "moved-to": ".to", "remedy": "Restore it"}
    }));
    let mut findings = Findings::default();
    let rules = StreamRules::compile("acme", "credits", &stream, "", &mut findings).unwrap();
    let settings = value(r#"{"zone":"Australia/Sydney"}"#);
    let facts = |json: &str| rules.facts(&value(json), &settings);
    let it = facts(
        r#"{"id":5120,"no":" CN-1 ","at":"2026-01-31T13:00:00Z","sum":"-36.30","cur":"AUD",
            "who":{"name":"Ana"},"mark":"Y","marked":"2026-02-01T10:00:00"}"#,
    );
    assert_eq!(it.key.as_deref(), Some("5120"));
    assert_eq!(it.number.as_deref(), Some("CN-1"));
    assert_eq!(
        it.date.map(|it| it.to_string()).as_deref(),
        Some("2026-02-01")
    );
    assert_eq!(it.total.map(|it| it.to_string()).as_deref(), Some("36.30"));
    assert_eq!(
        (it.currency.as_deref(), it.party.as_deref()),
        (Some("AUD"), Some("Ana"))
    );
    assert!(it.imported && it.imported_at.is_some() && it.faults.is_empty());

    let odd = facts(r#"{"id":"x","at":"soon","sum":"much","marked":"then"}"#);
    assert_eq!(odd.key.as_deref(), Some("x"));
    assert_eq!(odd.faults.len(), 3, "{:?}", odd.faults);
    assert_eq!((odd.date, odd.total, odd.imported), (None, None, false));

    let broken = self::stream(json!({"key": ".id |", "date": ".d | dat"}));
    assert!(StreamRules::compile("acme", "credits", &broken, "def f: f;", &mut findings).is_none());
    let messages: Vec<&str> = findings.list.iter().map(|it| it.message.as_str()).collect();
    assert_eq!(messages.len(), 3, "{messages:?}");
    assert!(
        messages[1].starts_with("streams.credits.key: this is not jq"),
        "{messages:?}"
    );
}

#[test]
fn a_hostile_document_stops_or_passes_and_never_panics() {
    let mapping = World::new().compile(MAPPING).unwrap();
    let hostile = [
        "null",
        "[]",
        "5",
        "\"x\"",
        "{}",
        "[[[[]]]]",
        r#"{"lines":{}}"#,
        r#"{"lines":[null]}"#,
        r#"{"lines":"x","total":1}"#,
        r#"{"total":1e400,"number":{},"customer":[],"date":{},"lines":[[],{}]}"#,
        r#"{"total":1,"number":1,"customer":1207,"lines":[{"text":"a","amount":1e-400}]}"#,
        r#"{"total":1,"number":1,"customer":1207,"lines":[{"text":"a","amount":79228162514264337593543950335}]}"#,
    ];
    for it in hostile {
        assert!(apply(&mapping, it).is_err(), "{it}");
    }
    let stop = apply(&mapping, hostile[11]).err().unwrap();
    assert!(stop.contains("too many digits"), "{stop}");
}

fn route() -> Route {
    let file = SourceFile {
        path: "routes/credits.toml".into(),
        text: "number = '.x'".into(),
    };
    let end = |connection: &str, stream: &str| Endpoint {
        connection: connection.to_owned(),
        stream: stream.to_owned(),
    };
    Route {
        beside: Vec::new(),
        name: "credits".to_owned(),
        places: Places::of(file.clone()),
        file,
        from: end("acme-au", "credits"),
        to: end("books-au", "credits"),
        mapping: "acme/credits".to_owned(),
        trigger: Trigger::Manual,
        after: Vec::new(),
        number: None,
        group_by: None,
        imported_number: None,
        links: [("contact".to_owned(), "customers".to_owned())].into(),
        rounding: Rounding {
            policy: RoundingPolicy::Hold,
            limit: 0.into(),
            account: None,
        },
        tables: BTreeMap::new(),
        options: BTreeMap::new(),
        outcomes: vec![Fares::Synced],
        unmatched: Unmatched::Ask,
        only_when_needed: false,
        push_changes: Vec::new(),
        replace: Replace::Update,
        voids: Voids::Ask,
        update_approved: false,
        confirmed: true,
        batch: None,
        attempts: 5,
        enabled: true,
    }
}

#[test]
fn a_route_chooses_options_rows_and_the_number() {
    let world = World::new();
    let mut route = route();
    let plain = world.compile_for(MAPPING, Some(&route)).unwrap();
    route.options.insert("prefix".to_owned(), json!("R-"));
    route.tables.insert(
        "accounts".to_owned(),
        [("freight".to_owned(), json!("999"))].into(),
    );
    route.number = Some(r#""\($options.prefix)\(.number // "") " | trim"#.to_owned());
    let mapping = world.compile_for(MAPPING, Some(&route)).unwrap();
    let mapped = apply(&mapping, DOCUMENT).unwrap();
    assert!(
        mapped.contains(r#""Number":"R-771""#) && mapped.contains(r#""Account":"999""#),
        "{mapped}"
    );
    assert!(mapped.contains(r#""Account":"200""#), "{mapped}");
    assert_ne!(plain.hash(), mapping.hash());

    let number = |mapping: &Mapping, document: &str| {
        let document = value(document);
        let cx = Apply {
            document: &document,
            settings: &Value::Null,
            target_settings: &Value::Null,
            number: None,
            today: "2026-06-30",
            links: &Linked,
            followed: &Followed::default(),
            shared: &Shared::default(),
        };
        mapping.number(&cx).map_err(|it| it.words().to_owned())
    };
    assert_eq!(
        number(&mapping, r#"{"number":771}"#),
        Ok(Some("R-771".to_owned()))
    );
    assert_eq!(number(&plain, r#"{"number":771}"#), Ok(None));
    route.number = Some(".number".to_owned());
    let own = world.compile_for(MAPPING, Some(&route)).unwrap();
    assert_eq!(
        number(&own, r#"{"number":" 7 "}"#),
        Ok(Some("7".to_owned()))
    );
    assert_eq!(number(&own, r#"{"number":""}"#), Ok(None));
    assert!(number(&own, "[]").is_err_and(|it| it.contains("`number` cannot be computed")));
}

#[test]
fn what_a_route_binds_must_be_what_the_mapping_uses() {
    let mut route = route();
    route.links = [("contcat".to_owned(), "customers".to_owned())].into();
    route.tables = [("acounts".to_owned(), BTreeMap::new())].into();
    route.options = [
        ("prefx".to_owned(), json!("x")),
        ("strict".to_owned(), json!("yes")),
    ]
    .into();
    route.number = Some(".number | trimm".to_owned());
    let found = World::new()
        .compile_for(MAPPING, Some(&route))
        .err()
        .unwrap();
    let expected = [
        "the mapping `acme/credits` has no option `prefx` (did you mean `prefix`?)",
        "the option `strict` is boolean in the mapping, not string",
        "no function `trimm` is available (did you mean `trim`?)",
        "the route `credits` binds no link `contact` (in routes/credits.toml: links = { contact = \"ROUTE\" })",
        "the mapping `acme/credits` has no link `contcat` (did you mean `contact`?)",
        "the mapping `acme/credits` uses no table `acounts` (did you mean `accounts`?)",
    ];
    for it in expected {
        assert!(found.contains(it), "{it} is not in\n{found}");
    }
    assert_eq!(found.lines().count(), expected.len(), "{found}");
}
