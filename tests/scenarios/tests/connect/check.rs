//! `check` lists all that could stop documents, one by one, before anything is sent.

use scenarios::processes::set;
use serde_json::{Value, json};

use crate::ground::{Ground, HARBOUR, allow};

/// Rows of a connection as `VERDICT WHAT: SAYS → REMEDY`.
fn rows(ground: &Ground, connection: &str) -> Vec<String> {
    let ended = ground.run(&["check", "--json"]);
    let reports: Value = ended.json();
    let reports = reports.as_array().expect("reports");
    let report = reports.iter().find(|it| it["connection"] == connection);
    let rows = report.expect("the connection")["rows"].as_array();
    let text = |it: &Value| it.as_str().unwrap_or_default().to_owned();
    rows.expect("rows")
        .iter()
        .map(|it| {
            format!(
                "{} {}: {} → {}",
                text(&it["verdict"]),
                text(&it["what"]),
                text(&it["says"]),
                text(&it["remedy"])
            )
        })
        .collect()
}

fn assert_row(rows: &[String], begins: &str, holds: &[&str]) {
    let found: Vec<&String> = rows.iter().filter(|it| it.starts_with(begins)).collect();
    let fits = |row: &&&String| holds.iter().all(|it| row.contains(it));
    assert!(
        found.iter().any(|it| fits(&it)),
        "no row `{begins}` with {holds:?}: {rows:#?}"
    );
}

fn connect(ground: &Ground) {
    let mut connect = ground.start_connect(&["--paste"], None);
    let back = allow(&connect.address(), &[HARBOUR]);
    assert_eq!(connect.end(&format!("{back}\n")).code, Some(0));
}

#[test]
fn everything_is_listed() {
    let ground = Ground::with(|plan| {
        plan.limited();
        let route = plan.routes.get_mut("omni-credit-notes").expect("a route");
        // The debtors' account, one that is not there, and a tax rate that is not there.
        set(route, "tables/omni-accounts/Debtors", "610");
        set(route, "tables/omni-accounts/Gone", "999");
        set(route, "tables/omni-tax-rates/99", "NOSUCHTAX");
    });
    // Nobody has connected it yet: what cannot be known says why.
    let before = rows(&ground, "xero-au");
    assert_row(&before, "wrong account", &["ledgerline connect xero-au"]);
    for what in [
        "permissions",
        "plan and call limits",
        "base currency",
        "lock dates",
    ] {
        let begins = format!("unknown {what}");
        assert_row(&before, &begins, &["the account could not be asked"]);
    }
    assert_row(&before, "unknown table", &["lists could not be read"]);

    connect(&ground);
    let after = rows(&ground, "xero-au");
    let account = [
        "Harbour Goods Pty Ltd",
        HARBOUR,
        "AU",
        "a demonstration account",
    ];
    assert_row(&after, "ok account", &account);
    assert_row(&after, "ok permissions", &[]);
    let limits = [
        "plan PREMIUM",
        "60 calls a minute",
        "5000 calls a day",
        "left today",
    ];
    assert_row(&after, "ok plan and call limits", &limits);
    assert_row(
        &after,
        "ok lock dates",
        &["closed to everybody but advisers"],
    );
    assert_row(&after, "ok base currency", &["AUD, as omni-au"]);
    assert_row(&after, "ok rounding account of omni-credit-notes", &["860"]);
    for (row, remedy) in [
        ("\"270\"", "Restore"),
        ("\"Gone\"", ""),
        ("\"Debtors\"", ""),
    ] {
        let holds = [row, remedy];
        assert_row(&after, "wrong table omni-accounts", &holds);
    }
    assert_row(&after, "wrong table omni-tax-rates", &["\"99\""]);
    assert_row(
        &after,
        "unknown codes without a row, omni-credit-notes",
        &[
            "no document of the route has been read yet",
            "ledgerline sync",
        ],
    );
    let source = rows(&ground, "omni-au");
    assert_row(&source, "ok base currency", &["AUD by the configuration"]);
    assert_row(&source, "ok cut-over", &["documents from "]);

    assert_row(&after, "ok what is written", &["contacts, credit_notes"]);

    // Anyone can rename an organisation: it is told, and nothing else changes.
    let edit = json!({
        "vendor": "xero", "account": HARBOUR, "kind": "organisation", "patch": { "Name": "Harbour Two" },
    });
    ground.programs.tell("/_sandbox/edit", &edit);
    let after = rows(&ground, "xero-au");
    assert_row(&after, "ok account", &["Harbour Two"]);
    assert_row(
        &after,
        "ok to know",
        &["it was called Harbour Goods Pty Ltd"],
    );

    // A person reads the same; something is wrong, and the exit code says so.
    let told = ground.run(&["check"]);
    assert_eq!(told.code, Some(5), "{told:#?}");
    for it in ["WRONG", "not known", "lock dates", "→ Restore account 270"] {
        assert!(told.stdout.contains(it), "{it}: {told:#?}");
    }
}

#[test]
fn codes_that_no_table_knows_are_told_once_documents_name_them() {
    let ground = Ground::new();
    // The row goes that most documents need.
    let table = ground.programs.config().join("tables/omni-tax-rates.toml");
    let text = std::fs::read_to_string(&table).expect("the table");
    let without: String = text
        .lines()
        .filter(|it| !it.starts_with("\"10\""))
        .map(|it| format!("{it}\n"))
        .collect();
    assert_ne!(text, without);
    std::fs::write(&table, without).expect("the table");
    connect(&ground);
    let sync = ground.run(&["sync", "--confirm", "--json"]);
    assert!(matches!(sync.code, Some(0 | 4)), "{sync:#?}");
    let rows = rows(&ground, "xero-au");
    assert_row(
        &rows,
        "wrong codes without a row, omni-credit-notes",
        &["has no row for \"10\"", "documents", "Add a row \"10\""],
    );
}
