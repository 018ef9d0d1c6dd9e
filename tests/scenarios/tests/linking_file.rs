//! The programs as a person uses them: questions go out as a CSV file, answers come back in it; a dry
//! run leaves a store that exports to the same bytes.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

use scenarios::processes::Programs;
use serde_json::Value;

/// Credit notes that Xero holds, by the name of their contact.
fn arrived(programs: &Programs, company: &str) -> usize {
    let state = programs.ask("/_sandbox/state");
    let organisation = state["xero"]
        .as_object()
        .expect("an object")
        .values()
        .next()
        .expect("one");
    let of_company = |it: &&Value| {
        it["Name"]
            .as_str()
            .is_some_and(|it| it.starts_with(company))
    };
    let contacts: Vec<&Value> = organisation["contacts"]
        .as_array()
        .expect("a list")
        .iter()
        .filter(of_company)
        .collect();
    let notes = organisation["credit_notes"]
        .as_array()
        .expect("a list")
        .iter();
    notes
        .filter(|it| contacts.iter().any(|c| c["ContactID"] == it["ContactID"]))
        .count()
}

#[test]
fn questions_go_out_and_answers_come_back_as_a_file() {
    let programs = Programs::start(0, |_| {});
    programs.run(["sync", "--confirm"]);
    let shown = programs.run(["--json", "link", "--confirm-suggested", "--count"]);
    let shown = shown.json();
    let count = |of: &str| shown[of].as_array().expect("a list").len();
    assert_eq!(count("certain") + count("left"), 3, "{shown:#}");
    let file = programs.config().join("links.csv");
    let path = file.to_str().unwrap();
    let exported = programs.run(["link", "--export", path]);
    assert_eq!(exported.code, Some(0), "{exported:#?}");

    let mut reader = csv::Reader::from_path(&file).unwrap();
    let header = reader.headers().unwrap().clone();
    let column = |name: &str| header.iter().position(|it| it == name).unwrap();
    let (who, waiting, candidates, link_to) = (
        column("who"),
        column("waiting"),
        column("candidates"),
        column("link_to"),
    );
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let row = |company: &str| rows.iter().find(|it| &it[who] == company).unwrap();
    assert_eq!(&row("Blue Gum Trading")[waiting], "12");
    assert_eq!(&row("Sundial Cafes")[waiting], "3");
    assert_eq!(&row("Old Wharf Store")[waiting], "2");

    // One is linked, one is to be made, one stays open.
    let chosen = row("Blue Gum Trading")[candidates]
        .split(' ')
        .next()
        .unwrap()
        .to_owned();
    let mut writer = csv::Writer::from_path(&file).unwrap();
    writer.write_record(&header).unwrap();
    for row in &rows {
        let answer = match &row[who] {
            "Blue Gum Trading" => chosen.as_str(),
            "Sundial Cafes" => "create",
            _ => "",
        };
        let fields = row.iter().enumerate();
        let fields = fields.map(|(at, it)| if at == link_to { answer } else { it });
        writer.write_record(fields).unwrap();
    }
    writer.flush().unwrap();
    assert_eq!(
        (
            arrived(&programs, "Blue Gum"),
            arrived(&programs, "Sundial")
        ),
        (0, 0)
    );
    let imported = programs.run(["link", "--import", path]);
    assert!(
        imported.stdout.contains("2 linked; 15 waiting"),
        "{imported:#?}"
    );
    assert_eq!(arrived(&programs, "Blue Gum"), 12, "{imported:#?}");
    assert_eq!(arrived(&programs, "Sundial"), 3);
    assert_eq!(arrived(&programs, "Old Wharf"), 0);
    let left = programs.run(["--json", "link"]).json();
    let left: Vec<&str> = left
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["entry"]["facts"]["party"].as_str().unwrap())
        .collect();
    assert_eq!(left, ["Old Wharf Store"]);
}

#[test]
fn a_dry_run_leaves_a_store_that_exports_the_same() {
    let programs = Programs::start(6, |_| {});
    programs.run(["sync", "--confirm"]);
    let export = |name: &str| {
        let file = programs.config().join(name);
        let done = programs.run(["store", "export", file.to_str().unwrap()]);
        assert_eq!(done.code, Some(0), "{done:#?}");
        let text = std::fs::read_to_string(file).unwrap();
        // Calls that were made count against the day, whatever they were made for.
        let counted = |it: &&str| !it.contains("budget") && !it.contains("generation");
        text.lines()
            .filter(counted)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let before = export("before.jsonl");
    let writes = |programs: &Programs| programs.ask("/_sandbox/counts");
    let counts = writes(&programs);
    let dry = programs.run(["--json", "sync", "--dry-run", "--confirm"]);
    let report = dry.json();
    assert_eq!(report["dry_run"], true);
    for (connection, calls) in report["calls"].as_object().unwrap() {
        assert_eq!(calls["writing"], 0, "{connection}");
    }
    let after = export("after.jsonl");
    let gone: Vec<_> = before.iter().filter(|it| !after.contains(it)).collect();
    let new: Vec<_> = after.iter().filter(|it| !before.contains(it)).collect();
    assert!(gone.is_empty() && new.is_empty(), "{gone:#?} {new:#?}");
    assert!(before.len() > 20);
    let writing = |counts: &Value| {
        let all = counts.as_object().unwrap().values();
        all.map(|it| it["writing"].as_u64().unwrap_or(0))
            .sum::<u64>()
    };
    assert_eq!(writing(&writes(&programs)), writing(&counts));
}
