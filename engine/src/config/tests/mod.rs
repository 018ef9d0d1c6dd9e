//! What an operator is told about a deployment, file by file and all at once.

use std::{collections::BTreeMap, path::Path, time::Duration};

use expect_test::{Expect, expect};

use super::*;

mod manifests;
mod mistakes;
mod notify;
mod schemas;

const MAIN: &str = r#"
plugins = ["../plugins"]

[apps.books-app]
grant = "client-credentials"
client-id = "id"
client-secret = { env = "BOOKS_SECRET" }

[connections.shop]
plugin = "acme"
version = "^0.1"
start-date = 2026-10-01
zone = "Australia/Sydney"
credentials = { username = { env = "SHOP_USER" }, password = { file = "secrets/shop" } }

[connections.books]
plugin = "ledger"
version = "^0.1"
app = "books-app"
account = "t-1"
"#;

const CONTACTS: &str = r#"
from = { connection = "shop", stream = "customers" }
to = { connection = "books", stream = "contacts" }
mapping = "acme/customers"
only-when-needed = true
"#;

const NOTES: &str = r#"
from = { connection = "shop", stream = "notes" }
to = { connection = "books", stream = "notes" }
mapping = "acme/notes"
trigger = "every 5m"
after = ["contacts"]
number = ".number"
links = { contact = "contacts" }
rounding = { policy = "line", limit = "0.02", account = "860" }
"#;

const IMPORTED: &str = r#"
from = { connection = "outcomes", stream = "notes" }
to = { connection = "shop", stream = "notes" }
mapping = "acme/imported"
"#;

/// A deployment that is right, with the files of `changed` put in place of its own.
fn files(changed: &[(&str, &str)]) -> Files {
    let mut all = BTreeMap::from([
        ("ledgerline.toml", MAIN),
        ("routes/contacts.toml", CONTACTS),
        ("routes/notes.toml", NOTES),
        ("routes/imported.toml", IMPORTED),
        (
            "mappings/acme/customers.toml",
            "from = \"acme/customers\"\nto = \"ledger/contacts\"\n[fields]",
        ),
        (
            "mappings/acme/notes.toml",
            "from = \"acme/notes\"\nto = \"ledger/notes\"\n[fields]",
        ),
        (
            "mappings/acme/imported.toml",
            "from = \"outcomes\"\nto = \"acme/notes\"\n[fields]",
        ),
        (
            "tables/accounts.toml",
            "default = \"200\"\nrows = { wholesale = \"210\" }",
        ),
    ]);
    all.extend(changed.iter().copied());
    let below = |folder: &str| {
        let inside = all.iter().filter_map(|(path, text)| {
            let name = path.strip_prefix(folder)?.strip_suffix(".toml")?;
            let file = SourceFile {
                path: (*path).into(),
                text: (*text).into(),
            };
            Some((name.to_owned(), file))
        });
        inside.collect::<BTreeMap<_, _>>()
    };
    Files {
        folder: "/etc/ledgerline".into(),
        main: below("ledgerline")
            .remove("")
            .or_else(|| below("").remove("ledgerline"))
            .unwrap(),
        routes: below("routes/"),
        mappings: below("mappings/"),
        tables: below("tables/"),
        demo: below("").remove("demo"),
    }
}

fn checked(changed: &[(&str, &str)]) -> Result<Deployment, Findings> {
    check_files(&files(changed), &|_| None)
}

/// One line a problem: place, message, help.
fn brief(findings: &Findings) -> String {
    let mut out = String::new();
    for it in &findings.list {
        let before = &it.file.text[..it.span.start];
        let marked = it.file.text[it.span.clone()]
            .lines()
            .next()
            .unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let help = it.help.as_deref().unwrap_or("-").replace('\n', " ");
        let path = it.file.path.display();
        out += &format!("{path}:{line} [{marked}] {} ({help})\n", it.message);
    }
    out
}

fn check(changed: &[(&str, &str)], wanted: Expect) {
    let told = match checked(changed) {
        Ok(_) => "nothing\n".to_owned(),
        Err(findings) => brief(&findings),
    };
    wanted.assert_eq(&told);
}

/// The main file with one piece of text changed.
fn main_with(old: &str, new: &str) -> String {
    assert!(MAIN.contains(old), "{old}");
    MAIN.replace(old, new)
}

#[test]
fn a_right_deployment_is_checked_into_values() {
    let it = checked(&[]).unwrap();
    assert_eq!(it.store, Path::new("/etc/ledgerline/state/store"));
    assert_eq!(it.plugin_folders, [Path::new("/etc/ledgerline/../plugins")]);
    let shop = &it.connections["shop"];
    assert_eq!(shop.start_date, Some(jiff::civil::date(2026, 10, 1)));
    assert_eq!(shop.zone.iana_name(), Some("Australia/Sydney"));
    assert_eq!(
        shop.credentials["username"],
        SecretRef::Env("SHOP_USER".into())
    );
    assert_eq!(
        shop.credentials["password"],
        SecretRef::File("/etc/ledgerline/secrets/shop".into())
    );
    assert_eq!(shop.ask_after, Duration::from_secs(30));
    assert_eq!(
        it.apps["books-app"].client_secret,
        Some(SecretRef::Env("BOOKS_SECRET".into()))
    );
    let notes = &it.routes["notes"];
    assert!(matches!(notes.trigger, Trigger::Every(it) if it == Duration::from_secs(300)));
    assert_eq!(notes.rounding.limit.to_string(), "0.02");
    assert_eq!(notes.unmatched, Unmatched::Ask);
    assert_eq!(it.tables["accounts"].rows["wholesale"], "210");
    let order: Vec<&str> = it
        .routes_in_order()
        .iter()
        .map(|it| it.name.as_str())
        .collect();
    assert_eq!(order, ["contacts", "notes", "imported"]);

    let it = it.with_state_in(Path::new("/tmp/demo"));
    assert_eq!(it.store, Path::new("/tmp/demo/store"));
    assert_eq!(it.plugins_lock, Path::new("/tmp/demo/plugins.lock"));
    let with_key = |name: &str| (name == "LEDGERLINE_KEY_FILE").then(|| "/run/key".to_owned());
    let it = check_files(&files(&[]), &with_key).unwrap();
    assert_eq!(it.key_file, Path::new("/run/key"));
}

#[test]
fn every_mistake_of_every_file_is_told_at_once() {
    let main = MAIN
        .replace(
            "version = \"^0.1\"\nstart",
            "version = \"about one\"\nstrat",
        )
        .replace("Australia/Sydney", "Australia/Sidney")
        .replace(
            "app = \"books-app\"",
            "app = \"book-app\"\ncall-timeout = \"90m\"\ntenant = 'x'",
        );
    let notes = NOTES
        .replace("\"books\"", "\"bokos\"")
        .replace("acme/notes", "acme/note")
        .replace("\"contacts\"]", "\"contact\", \"notes\"]")
        .replace("every 5m", "every now and then")
        .replace("\"0.02\", account = \"860\"", "0.02");
    check(
        &[
            ("ledgerline.toml", &main),
            ("routes/notes.toml", &notes),
            (
                "tables/accounts.toml",
                "rows = { a = 1.5 }\ndefualt = \"200\"",
            ),
        ],
        expect![[r#"
            ledgerline.toml:9 [shop] `shop` is a source and has no `start-date` (documents with an earlier date stay with whoever kept the books before; add start-date = 2026-10-01 (the day of your own cut-over))
            ledgerline.toml:11 ["about one"] `about one` is not a version requirement: unexpected character 'a' while parsing major version number (for example "^0.1" or ">=1.2, <2")
            ledgerline.toml:12 [strat-date] unknown key `strat-date` (did you mean `start-date`?)
            ledgerline.toml:13 ["Australia/Sidney"] no time zone named `Australia/Sidney` (did you mean `Australia/Sydney`?)
            ledgerline.toml:19 ["book-app"] no app named `book-app` (did you mean `books-app`?)
            ledgerline.toml:20 ["90m"] this is outside 1s to 10m (-)
            ledgerline.toml:21 [tenant] `tenant` is called `account` (write `account` instead)
            routes/notes.toml:3 ["bokos"] no connection named `bokos` (did you mean `books`?)
            routes/notes.toml:4 ["acme/note"] no mapping named `acme/note` (did you mean `acme/notes`?)
            routes/notes.toml:5 ["every now and then"] `now and then` is not a duration (one of "manual", "every 5m", or "cron 0 6 * * *")
            routes/notes.toml:6 ["contact"] no route named `contact` (did you mean `contacts`?)
            routes/notes.toml:6 ["notes"] a route cannot go after itself (-)
            routes/notes.toml:9 [{ policy = "line", limit = 0.02 }] a rounding line needs an account (add account = "…": the account of the target that takes rounding)
            routes/notes.toml:9 [0.02] an amount is written as text (put it into quotes, so that it stays exact: "0.05")
            tables/accounts.toml:1 [1.5] a number with a fraction is not exact (amounts are written as text: "1.5")
            tables/accounts.toml:2 [defualt] unknown key `defualt` (did you mean `default`?)
        "#]],
    );
}

#[test]
fn problems_of_one_route() {
    let cases: [(&str, &str, Expect); 14] = [
        (
            "trigger = \"every 5m\"",
            "trigger = \"every 1s\"",
            expect![[r#"
            routes/notes.toml:5 ["every 1s"] `1s` is outside 10s to 744h (one of "manual", "every 5m", or "cron 0 6 * * *")
        "#]],
        ),
        (
            "trigger = \"every 5m\"",
            "trigger = \"cron 61 * * * *\"",
            expect![[r#"
            routes/notes.toml:5 ["cron 61 * * * *"] `61 * * * *` is not a cron pattern: Component error: Number out of bounds. (one of "manual", "every 5m", or "cron 0 6 * * *")
        "#]],
        ),
        (
            "trigger = \"every 5m\"",
            "trigger = \"real-time\"",
            expect![[r#"
            routes/notes.toml:5 ["real-time"] `real-time` is not offered by this version (one of "manual", "every 5m", or "cron 0 6 * * *")
        "#]],
        ),
        (
            "trigger =",
            "schedule =",
            expect![[r#"
            routes/notes.toml:5 [schedule] `schedule` is called `trigger` (write `trigger` instead)
        "#]],
        ),
        (
            "policy = \"line\"",
            "policy = \"lines\"",
            expect![[r#"
            routes/notes.toml:9 ["lines"] `lines` is none of hold, tax-amounts, line (did you mean `line`?)
        "#]],
        ),
        (
            ", account = \"860\"",
            "",
            expect![[r#"
            routes/notes.toml:9 [{ policy = "line", limit = "0.02" }] a rounding line needs an account (add account = "…": the account of the target that takes rounding)
        "#]],
        ),
        (
            "\"0.02\"",
            "\"2\"",
            expect![[r#"
            routes/notes.toml:9 ["2"] this is outside "0" to "1" (-)
        "#]],
        ),
        (
            "\"0.02\"",
            "\"0.00001\"",
            expect![[r#"
            routes/notes.toml:9 ["0.00001"] a limit has at most four decimals (-)
        "#]],
        ),
        (
            "links = { contact = \"contacts\" }",
            "links = { contact = \"imported\" }",
            expect![[r#"
            routes/notes.toml:8 ["imported"] the link `contact` would give ids of another account (this route goes to `books`; link a route that does so too)
        "#]],
        ),
        (
            "number = \".number\"",
            "number = \" \"",
            expect![[r#"
            routes/notes.toml:7 [" "] the number is empty (leave it out to use the document's id)
        "#]],
        ),
        (
            "number = \".number\"",
            "batch = 0\nattempts = -1\ntables = { account = { a = \"1\" } }",
            expect![[r#"
                routes/notes.toml:7 [0] this is outside 1 to 1000 (-)
                routes/notes.toml:8 [-1] `-1` is outside 0 to 4294967295 (attempts: How often a passing fault is tried before a person is asked.)
                routes/notes.toml:9 [account] no table named `account` (did you mean `accounts`?)
            "#]],
        ),
        (
            "number = \".number\"",
            "options = { status = { a = 1 } }\nunmatched = \"creat\"",
            expect![[r#"
            routes/notes.toml:7 [{ a = 1 }] the option `status` is text, a whole number, true or false (-)
            routes/notes.toml:8 ["creat"] `creat` is none of ask, create (did you mean `create`?)
        "#]],
        ),
        (
            "mapping = \"acme/notes\"",
            "mapping = 7",
            expect![[r#"
                routes/notes.toml:4 [7] expected text, found a whole number (mapping: Name of a file below mappings/, without its ending.)
            "#]],
        ),
        (
            "stream = \"notes\" }\nto",
            "streem = \"notes\" }\nto",
            expect![[r#"
                routes/notes.toml:2 [{ connection = "shop", streem = "notes" }] `stream` is missing (stream: Name of a stream of its plugin; after "outcomes" the name of the route; after "groups" a name of your own for them.)
                routes/notes.toml:2 [streem] unknown key `streem` (did you mean `stream`?)
            "#]],
        ),
    ];
    for (old, new, wanted) in cases {
        assert!(NOTES.contains(old), "{old}");
        check(
            &[("routes/notes.toml", &NOTES.replacen(old, new, 1))],
            wanted,
        );
    }
}

#[test]
fn routes_that_do_not_go_together() {
    check(
        &[("routes/second.toml", NOTES)],
        expect![[r#"
        routes/second.toml:2 [from] `second` and `notes` both send `shop/notes` into `books/notes` (every document would arrive twice: switch one off (enabled = false) or remove it, or write beside = ["notes"] when each document is left out by one of them; notes is in routes/notes.toml)
    "#]],
    );
    check(
        &[(
            "routes/second.toml",
            &format!("beside = [\"notes\"]\n{NOTES}"),
        )],
        expect![[r#"
        nothing
    "#]],
    );
    check(
        &[(
            "routes/notes.toml",
            &format!("beside = [\"contacts\"]\n{NOTES}"),
        )],
        expect![[r#"
            routes/notes.toml:1 ["contacts"] `contacts` does not read the same stream (remove it: only such routes could take a document twice)
        "#]],
    );
    check(
        &[("routes/second.toml", &format!("{NOTES}\nenabled = false"))],
        expect![[r#"
        nothing
    "#]],
    );
    let after = format!("{CONTACTS}\nafter = [\"imported\"]");
    check(
        &[("routes/contacts.toml", &after)],
        expect![[r#"
        routes/contacts.toml:7 [["imported"]] routes wait for each other: contacts after imported after notes after contacts (take one of them out of an `after` list)
    "#]],
    );
    let itself = CONTACTS
        .replace("\"books\"", "\"shop\"")
        .replace("contacts", "customers");
    check(
        &[("routes/contacts.toml", &itself)],
        expect![[r#"
        routes/contacts.toml:3 ["customers"] this stream would be sent into itself (-)
        routes/notes.toml:8 ["contacts"] the link `contact` would give ids of another account (this route goes to `books`; link a route that does so too)
    "#]],
    );
    let outcomes = IMPORTED.replace("\"notes\" }\nto", "\"nots\" }\nto");
    check(
        &[("routes/imported.toml", &outcomes)],
        expect![[r#"
        routes/imported.toml:2 ["nots"] no route named `nots` (did you mean `notes`?)
    "#]],
    );
    let told = |route: &str, what: &str| format!("{route}outcomes = {what}\n");
    check(
        &[
            (
                "routes/imported.toml",
                &told(IMPORTED, "[\"synced\", \"stopped\"]"),
            ),
            ("routes/notes.toml", &told(NOTES, "[\"warning\"]")),
        ],
        expect![[r#"
            routes/imported.toml:5 ["stopped"] `stopped` is none of synced, waiting, warning, credit, additional (known: synced, waiting, warning, credit, additional)
            routes/notes.toml:10 [["warning"]] only a route that follows another one reads its outcomes (remove it, or write from = { connection = "outcomes", stream = "ROUTE" })
        "#]],
    );
    check(
        &[("routes/imported.toml", &told(IMPORTED, "[]"))],
        expect![[r#"
            routes/imported.toml:5 [[]] a route that reads no outcomes does nothing (name "synced", "waiting" or "warning"; enabled = false switches a route off)
        "#]],
    );
    check(
        &[(
            "routes/imported.toml",
            &told(IMPORTED, "[\"synced\", \"credit\"]"),
        )],
        expect![[r#"
            routes/imported.toml:5 [["synced", "credit"]] "credit" and "additional" are other documents than outcomes (write a route for each, with a mapping of its own)
        "#]],
    );
    let into = IMPORTED.replace("\"shop\"", "\"outcomes\"");
    check(
        &[("routes/imported.toml", &into)],
        expect![[r#"
            routes/imported.toml:3 ["outcomes"] nothing can be sent to `outcomes` (name a connection)
        "#]],
    );
    check(
        &[
            ("routes/Bad_Name.toml", ""),
            ("mappings/acme/good_name.toml", ""),
        ],
        expect![[r#"
            mappings/acme/good_name.toml:1 [] there is no [fields] (-)
            routes/Bad_Name.toml:1 [] `Bad_Name` is not a good name (rename the file: lower-case letters, digits and single dashes, a letter first)
            routes/Bad_Name.toml:1 [] `from` is missing (from: Where documents come from: { connection = "NAME", stream = "NAME" }.)
            routes/Bad_Name.toml:1 [] `mapping` is missing (mapping: Name of a file below mappings/, without its ending.)
            routes/Bad_Name.toml:1 [] `to` is missing (to: Where they go: { connection = "NAME", stream = "NAME" }.)
        "#]],
    );
}

#[test]
fn problems_of_apps_and_connections() {
    let cases: [(&str, &str, Expect); 13] = [
        (
            "start-date = 2026-10-01",
            "",
            expect![[r#"
            ledgerline.toml:9 [shop] `shop` is a source and has no `start-date` (documents with an earlier date stay with whoever kept the books before; add start-date = 2026-10-01 (the day of your own cut-over))
        "#]],
        ),
        (
            "start-date = 2026-10-01",
            "start-date = 2026-10-01T00:00:00Z",
            expect![[r#"
            ledgerline.toml:12 [2026-10-01T00:00:00Z] `2026-10-01T00:00:00Z` is not a calendar date (year, month and day without a time: 2026-10-01)
        "#]],
        ),
        (
            "zone =",
            "base-url = \"http://api.example.com\"\nzone =",
            expect![[r#"
            ledgerline.toml:13 ["http://api.example.com"] `http://api.example.com` would send credentials unprotected (use https://; http:// is allowed for 127.0.0.1 and localhost alone)
        "#]],
        ),
        (
            "zone =",
            "base-url = \"https://me:secret@example.com\"\nzone =",
            expect![[r#"
                ledgerline.toml:13 ["*****************************"] an address holds no user name or password (leave it out of the address; credentials go into `credentials`)
            "#]],
        ),
        (
            "zone =",
            "base-url = \"http://127.0.0.1:8080/x\"\nzone =",
            expect![[r#"
            nothing
        "#]],
        ),
        (
            "zone =",
            "base-currency = \"aud\"\nsettings = 3\nzone =",
            expect![[r#"
            ledgerline.toml:13 ["aud"] `aud` is not a currency code (three capital letters: AUD)
            ledgerline.toml:14 [3] settings are a table (-)
        "#]],
        ),
        (
            "zone =",
            "settings = { rate = 0.15 }\nzone =",
            expect![[r#"
            ledgerline.toml:13 [0.15] a number with a fraction is not exact (amounts are written as text: "0.15")
        "#]],
        ),
        (
            "\"client-credentials\"",
            "\"client-credential\"",
            expect![[r#"
            ledgerline.toml:5 ["client-credential"] no grant named `client-credential` (did you mean `client-credentials`?)
        "#]],
        ),
        (
            "client-secret = { env = \"BOOKS_SECRET\" }",
            "",
            expect![[r#"
            ledgerline.toml:5 ["client-credentials"] this grant needs a client secret (add client-secret = { env = "NAME" })
        "#]],
        ),
        (
            "client-secret = { env = \"BOOKS_SECRET\" }",
            "client-secret = { vault = \"x\" }\nbudget.account.day = 0",
            expect![[r#"
                ledgerline.toml:7 [vault] `vault` is no place for secrets (known: env, file, keyring, store)
                ledgerline.toml:8 [0] this is outside 1 and more (-)
            "#]],
        ),
        (
            "client-secret = { env = \"BOOKS_SECRET\" }",
            "client-secret = { keyring = \"x\" }",
            expect![[r#"
                ledgerline.toml:7 ["x"] a keyring entry has a service and a user (write { keyring = "service/user" })
            "#]],
        ),
        (
            "[connections.books]",
            "[connections.outcomes]\n[connections.\"Books\"]",
            expect![[r#"
            ledgerline.toml:16 [[connections.outcomes]] `plugin` is missing (plugin: Name of an installed plugin.)
            ledgerline.toml:16 [[connections.outcomes]] `version` is missing (version: Plugin versions that this connection accepts, such as "^0.1".)
            ledgerline.toml:16 [outcomes] `outcomes` stands for the outcomes of routes (give the connection another name)
            ledgerline.toml:17 ["Books"] `Books` is not a good name (lower-case letters, digits and single dashes, a letter first)
            routes/contacts.toml:3 ["books"] no connection named `books` (did you mean `Books`?)
            routes/notes.toml:3 ["books"] no connection named `books` (did you mean `Books`?)
        "#]],
        ),
        (
            "plugins = [\"../plugins\"]",
            "",
            expect![[r#"
            ledgerline.toml:1 [] `plugins` is missing (plugins: Folders that hold plugin libraries, relative to this file.)
        "#]],
        ),
    ];
    for (old, new, wanted) in cases {
        check(&[("ledgerline.toml", &main_with(old, new))], wanted);
    }
}

#[test]
fn a_secret_in_the_file_is_refused_and_not_shown() {
    let main = main_with("{ env = \"BOOKS_SECRET\" }", "\"hunter2\"")
        .replace("{ env = \"SHOP_USER\" }", "\"hunter3\"");
    let shown = checked(&[("ledgerline.toml", &main)])
        .unwrap_err()
        .render(false);
    assert!(!shown.contains("hunter"), "{shown}");
    expect![[r#"
          × a secret is not written into a configuration file
           ╭─[ledgerline.toml:7:17]
         7 │ client-secret = "*******"
           ·                 ────┬────
           ·                     ╰── a secret itself
           ╰────
          help: change it at the vendor if this file was shared, and refer to it instead:
                { env = "NAME" } for an environment variable, { file = "path" } for a file that only you can read,
                { keyring = "service/user" } for the system's keyring, { store = "name" } for one put into the store

          × a secret is not written into a configuration file
            ╭─[ledgerline.toml:14:28]
         14 │ credentials = { username = "*******", password = { file = "secrets/shop" } }
            ·                            ────┬────
            ·                                ╰── a secret itself
            ╰────
          help: change it at the vendor if this file was shared, and refer to it instead:
                { env = "NAME" } for an environment variable, { file = "path" } for a file that only you can read,
                { keyring = "service/user" } for the system's keyring, { store = "name" } for one put into the store

        2 problems in 1 file
    "#]].assert_eq(&shown);
}

#[test]
fn a_file_that_is_not_toml_is_told_with_the_rest() {
    check(
        &[
            (
                "routes/notes.toml",
                "from = {\nto = ]\nmapping = \"x\" \"y\"\n",
            ),
            ("tables/accounts.toml", "rows = 1"),
        ],
        expect![[r#"
            routes/notes.toml:2 [] this is not TOML: missing array opening, expected `[` (-)
            routes/notes.toml:3 [] this is not TOML: missing comma between key-value pairs, expected `,` (-)
            routes/notes.toml:3 [] this is not TOML: missing comma between key-value pairs, expected `,` (-)
            tables/accounts.toml:1 [1] expected a table, found a whole number (rows: Key of the source = value of the target.)
        "#]],
    );
}

#[test]
fn a_demonstration() {
    let demo = "program = \"sandbox\"\nargs = [\"--seed\", \"{config}/x\"]\nnow = 2026-11-22T02:00:00Z\nenv = { A = \"b\" }";
    let it = checked(&[("demo.toml", demo)]).unwrap().demo.unwrap();
    assert_eq!(
        (it.program.as_str(), it.args.len(), it.env["A"].as_str()),
        ("sandbox", 2, "b")
    );
    check(
        &[("demo.toml", "program = \"../x\"\nnow = \"noon\"")],
        expect![[r#"
        demo.toml:1 ["../x"] the helper program is named without a folder (only a name: it is looked for beside the running program)
        demo.toml:2 ["noon"] `noon` is not an instant: failed to parse four digit integer as year: invalid digit, expected 0-9 but got n (with a zone: 2026-11-22T02:00:00Z)
    "#]],
    );
}

#[test]
fn files_are_found_in_their_folders_and_missing_ones_told() {
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    let told = load(folder.path(), &|_| None).unwrap_err();
    assert_eq!(told.list[0].message, "this file does not exist");
    for (path, text) in [
        ("ledgerline.toml", MAIN),
        ("routes/contacts.toml", CONTACTS),
        ("routes/notes.toml", NOTES),
        ("routes/imported.toml", IMPORTED),
        ("routes/.notes.toml.swp", "x"),
        ("routes/README.md", "x"),
        ("mappings/acme/customers.toml", ""),
        ("mappings/acme/notes.toml", ""),
        ("mappings/acme/imported.toml", ""),
        ("mappings/acme/samples/notes.json", "{}"),
    ] {
        write(path, text);
    }
    for path in [
        folder.path().to_owned(),
        folder.path().join("ledgerline.toml"),
    ] {
        let it = load(&path, &|_| None).unwrap();
        assert_eq!(it.folder, folder.path());
        assert_eq!(it.mappings.len(), 3);
    }
    let told = load_demo(folder.path(), &|_| None).unwrap_err();
    assert_eq!(told.list[0].file.path, Path::new("demo.toml"));
    std::fs::write(folder.path().join("routes/latin.toml"), [0xff, b'x']).unwrap();
    let told = load(folder.path(), &|_| None).unwrap_err();
    assert_eq!(told.list[0].message, "this file is not UTF-8 text");
}

#[test]
fn the_deployment_of_this_repository_is_right() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config");
    let told = load_demo(&folder, &|_| None).map_err(|it| it.render(false));
    let it = told.unwrap_or_else(|told| panic!("{told}"));
    assert!(it.demo.is_some() && !it.routes.is_empty());
}

/// Notes go to the books by the day: one route puts them together, another one sends the days.
const GROUPED: &str = r#"
from = { connection = "shop", stream = "notes" }
to = { connection = "groups", stream = "days" }
mapping = "acme/grouped"
beside = ["notes"]

[group]
by = ".date"
"#;

const DAYS: &str = r#"
from = { connection = "groups", stream = "days" }
to = { connection = "books", stream = "notes" }
mapping = "acme/days"
links = { contact = "contacts" }
"#;

#[test]
fn groups_are_made_and_read() {
    let with = |grouped: &str, days: &str| {
        let changed = [
            ("routes/grouped.toml", grouped.to_owned()),
            ("routes/days.toml", days.to_owned()),
            (
                "mappings/acme/grouped.toml",
                "from = \"acme/notes\"\nto = \"groups\"\n[fields]".to_owned(),
            ),
            (
                "mappings/acme/days.toml",
                "from = \"groups\"\nto = \"ledger/notes\"\n[fields]".to_owned(),
            ),
        ];
        let changed: Vec<(&str, &str)> = changed.iter().map(|it| (it.0, it.1.as_str())).collect();
        match checked(&changed) {
            Ok(it) => {
                let order = it.routes_in_order();
                let names: Vec<&str> = order.iter().map(|it| it.name.as_str()).collect();
                names.join(" ")
            }
            Err(findings) => brief(&findings),
        }
    };
    expect!["contacts grouped days notes imported"].assert_eq(&with(GROUPED, DAYS));
    let cases = [
        (GROUPED.replace("\"groups\"", "\"books\""), DAYS.to_owned()),
        (
            GROUPED.replace("[group]\nby = \".date\"", ""),
            DAYS.to_owned(),
        ),
        (GROUPED.replace("\".date\"", "\" \""), DAYS.to_owned()),
        (
            GROUPED.replace("[group]", "number = \".id\"\n[group]"),
            DAYS.to_owned(),
        ),
        (GROUPED.to_owned(), DAYS.replace("\"days\"", "\"weeks\"")),
        (GROUPED.replace("\"days\"", "\"Days\""), DAYS.to_owned()),
        (
            GROUPED.replace("beside = [\"notes\"]", "beside = [\"contacts\"]"),
            DAYS.to_owned(),
        ),
    ];
    let all: Vec<String> = cases
        .iter()
        .map(|(grouped, days)| with(grouped, days))
        .collect();
    expect![[r#"
        routes/days.toml:2 ["days"] no route that is on makes groups named `days` (there are none yet)
        routes/grouped.toml:7 [[group]] a route that makes groups goes to `groups` (write to = { connection = "groups", stream = "NAME" }, and a route from there into the target)
        ---
        routes/grouped.toml:3 ["groups"] nothing says which group a document belongs to (add [group] with by = "…")
        ---
        routes/grouped.toml:8 [" "] nothing says which group (an expression that gives the name of the group)
        ---
        routes/grouped.toml:7 [".id"] a document has no number of its own in a group (remove it; the route that reads the groups may give numbers)
        ---
        routes/days.toml:2 ["weeks"] no route that is on makes groups named `weeks` (known: days)
        routes/grouped.toml:3 ["days"] no route that is on reads the groups `days` (known: weeks)
        ---
        routes/days.toml:2 ["days"] no route that is on makes groups named `days` (did you mean `Days`?)
        routes/grouped.toml:3 ["Days"] `Days` is not a good name (lower-case letters, digits and single dashes, a letter first)
        ---
        routes/grouped.toml:5 ["contacts"] `contacts` does not read the same stream (remove it: only such routes could take a document twice)
    "#]].assert_eq(&all.join("---\n"));
}
