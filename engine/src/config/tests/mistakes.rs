//! Mistakes that people make, and what they read then: the whole text of `ledgerline check --offline`,
//! with a real connector, file by file.

use std::collections::BTreeMap;

use expect_test::{Expect, expect};

use super::{super::*, SourceFile};
use crate::{
    pipeline::check_offline,
    plugins::{Plugin, Registry, Wanted},
};

const MAIN: &str = r#"plugins = ["plugins"]

[connections.shop]
plugin = "acme"
version = "^0.1"
credentials = { token = { env = "SHOP_TOKEN" } }
start-date = 2026-10-01
base-currency = "AUD"
zone = "Australia/Sydney"

[connections.books]
plugin = "acme"
version = "^0.1"
credentials = { token = { env = "BOOKS_TOKEN" } }
start-date = 2026-10-01
"#;

const ROUTE: &str = r#"from = { connection = "shop", stream = "invoices" }
to = { connection = "books", stream = "credit_notes" }
mapping = "acme/invoices"
trigger = "every 5m"
number = ".number"
"#;

const MAPPING: &str = r#"from = "acme/invoices"
to = "acme/credit_notes"

[fields]
number = ".number"
date = ".date"
customer = { table = "customers", key = ".customer" }
total = ".total"
"#;

const TABLE: &str = "[rows]\nBo = \"bo\"\n";

/// The files above with pieces of text changed, and files added.
fn files(changes: &[(&str, &str, &str)], added: &[(&str, &str)]) -> Files {
    let mut all: BTreeMap<String, String> = [
        ("ledgerline.toml", MAIN),
        ("routes/invoices.toml", ROUTE),
        ("mappings/acme/invoices.toml", MAPPING),
        ("tables/customers.toml", TABLE),
    ]
    .into_iter()
    .chain(added.iter().copied())
    .map(|(path, text)| (path.to_owned(), text.to_owned()))
    .collect();
    for (path, old, new) in changes {
        let text = all.get_mut(*path).unwrap();
        assert!(text.contains(old), "{path}: {old}");
        *text = text.replacen(old, new, 1);
    }
    let file = |path: &str, text: &str| SourceFile {
        path: path.into(),
        text: text.into(),
    };
    let below = |folder: &str| {
        let inside = all.iter().filter_map(|(path, text)| {
            let name = path.strip_prefix(folder)?.strip_suffix(".toml")?;
            Some((name.to_owned(), file(path, text)))
        });
        inside.collect::<BTreeMap<_, _>>()
    };
    Files {
        folder: "/etc/ledgerline".into(),
        main: file("ledgerline.toml", &all["ledgerline.toml"]),
        routes: below("routes/"),
        mappings: below("mappings/"),
        tables: below("tables/"),
        demo: None,
    }
}

/// What is told of them.
fn told(changes: &[(&str, &str, &str)], added: &[(&str, &str)]) -> String {
    let checked = check_files(&files(changes, added), &|_| None).and_then(|deployment| {
        let plugin = Plugin::in_process(&acme::ledgerline_connector).unwrap();
        let wanted: Vec<Wanted> = deployment
            .connections
            .values()
            .map(|it| Wanted {
                connection: it.name.clone(),
                plugin: it.plugin.clone(),
                version: it.version.clone(),
            })
            .collect();
        let (registry, _) = Registry::of(&[plugin], &wanted);
        check_offline(deployment, &registry)
    });
    match checked {
        Ok(_) => "no problem found\n".to_owned(),
        // A snapshot loses the indentation that all its lines share.
        Err(findings) => format!("told:\n{}", findings.render(false)),
    }
}

fn check(changes: &[(&str, &str, &str)], wanted: Expect) {
    wanted.assert_eq(&told(changes, &[]));
}

const MAIN_FILE: &str = "ledgerline.toml";
const ROUTE_FILE: &str = "routes/invoices.toml";
const MAPPING_FILE: &str = "mappings/acme/invoices.toml";

#[test]
fn nothing_is_wrong_with_the_deployment_that_the_others_change() {
    check(
        &[],
        expect![[r#"
        no problem found
    "#]],
    );
}

/// A rule about the route itself, after the fields of the mapping.
const ON_LOAD: &str = r#"total = ".total"

[options]
method = "slow"

[[require]]
that = '$options.method != "slow"'
otherwise = { jq = '"its method is \($options.method)"' }
remedy = 'Write method = "fast" below [options]'
on-load = true
"#;

const TOTAL: &str = "total = \".total\"\n";

#[test]
fn a_route_that_cannot_work_with_its_settings() {
    check(
        &[(MAPPING_FILE, TOTAL, ON_LOAD)],
        expect![[r#"
        told:
          × the route `invoices`: its method is slow
           ╭─[routes/invoices.toml:3:1]
         3 │ mapping = "acme/invoices"
           · ───┬───
           ·    ╰── cannot be used so
           ╰────
          help: Write method = "fast" below [options]

    "#]],
    );
    // One that is off may wait for its settings.
    check(
        &[
            (MAPPING_FILE, TOTAL, ON_LOAD),
            (ROUTE_FILE, "trigger", "enabled = false\ntrigger"),
        ],
        expect![[r#"
            no problem found
        "#]],
    );
    check(
        &[
            (MAPPING_FILE, TOTAL, ON_LOAD),
            (
                MAPPING_FILE,
                "'$options.method != \"slow\"'",
                "'$number != null'",
            ),
        ],
        expect![[r#"
            told:
              × `$number` is not known when the configuration loads
                ╭─[mappings/acme/invoices.toml:14:8]
             14 │ that = '$number != null'
                ·        ────────┬────────
                ·                ╰── looks at more than the route
                ╰────
              help: use $options, $settings, $target_settings alone, or take out on-load

        "#]],
    );
}

#[test]
fn misspelt_keys() {
    check(
        &[
            (MAIN_FILE, "base-currency", "base-curency"),
            (ROUTE_FILE, "trigger", "triger"),
            (MAPPING_FILE, "key =", "kye ="),
        ],
        expect![[r#"
            told:
              × unknown key `base-curency`
               ╭─[ledgerline.toml:8:1]
             8 │ base-curency = "AUD"
               · ─────┬──────
               ·      ╰── not known here
               ╰────
              help: did you mean `base-currency`?

              × `key` is missing
               ╭─[mappings/acme/invoices.toml:7:12]
             7 │ customer = { table = "customers", kye = ".customer" }
               ·            ────────────────────┬─────────────────────
               ·                                ╰── in here
               ╰────

              × `kye` is not known here
               ╭─[mappings/acme/invoices.toml:7:35]
             7 │ customer = { table = "customers", kye = ".customer" }
               ·                                   ─┬─
               ·                                    ╰── unknown
               ╰────
              help: did you mean `key`?

              × unknown key `triger`
               ╭─[routes/invoices.toml:4:1]
             4 │ triger = "every 5m"
               · ──┬───
               ·   ╰── not known here
               ╰────
              help: did you mean `trigger`?

            4 problems in 3 files
        "#]],
    );
}

#[test]
fn wrong_types() {
    check(
        &[
            (MAIN_FILE, "\"^0.1\"", "1"),
            (MAIN_FILE, "2026-10-01", "\"October\""),
            (ROUTE_FILE, "\".number\"", "[\".number\"]"),
            (MAPPING_FILE, "\".date\"", "2026-10-01"),
        ],
        expect![[r#"
            told:
              × expected a version requirement as text, found a whole number
               ╭─[ledgerline.toml:5:11]
             5 │ version = 1
               ·           ┬
               ·           ╰── not a version requirement as text
               ╰────
              help: version: Plugin versions that this connection accepts, such as "^0.1".

              × `October` is not a calendar date
               ╭─[ledgerline.toml:7:14]
             7 │ start-date = "October"
               ·              ────┬────
               ·                  ╰── not a date
               ╰────
              help: year, month and day without a time: 2026-10-01

              × a field is jq as text, or a table
               ╭─[mappings/acme/invoices.toml:6:8]
             6 │ date = 2026-10-01
               ·        ────┬─────
               ·            ╰── neither
               ╰────
              help: a constant is written { value = "2026-10-01" }

              × expected text, found a list
               ╭─[routes/invoices.toml:5:10]
             5 │ number = [".number"]
               ·          ─────┬─────
               ·               ╰── not text
               ╰────
              help: number: jq over the source document: the number that the document keeps for life.

            4 problems in 3 files
        "#]],
    );
}

#[test]
fn names_of_nothing() {
    check(
        &[
            (ROUTE_FILE, "\"shop\"", "\"shpo\""),
            (ROUTE_FILE, "acme/invoices", "acme/invoice"),
        ],
        expect![[r#"
            told:
              × no connection named `shpo`
               ╭─[routes/invoices.toml:1:23]
             1 │ from = { connection = "shpo", stream = "invoices" }
               ·                       ──┬───
               ·                         ╰── not in ledgerline.toml
               ╰────
              help: did you mean `shop`?

              × no mapping named `acme/invoice`
               ╭─[routes/invoices.toml:3:11]
             3 │ mapping = "acme/invoice"
               ·           ──────┬───────
               ·                 ╰── no such file below mappings/
               ╰────
              help: did you mean `acme/invoices`?

            2 problems in 1 file
        "#]],
    );
    check(
        &[(ROUTE_FILE, "\"invoices\"", "\"invoice\"")],
        expect![[r#"
            told:
              × the route `invoices` comes from `acme/invoice`, its mapping comes from `acme/invoices`
               ╭─[mappings/acme/invoices.toml:1:8]
             1 │ from = "acme/invoices"
               ·        ───────┬───────
               ·               ╰── not `acme/invoice`
               ╰────
              help: correct one of them; the route is in routes/invoices.toml

              × `acme` has no stream `invoice`
               ╭─[routes/invoices.toml:1:40]
             1 │ from = { connection = "shop", stream = "invoice" }
               ·                                        ────┬────
               ·                                            ╰── not known
               ╰────
              help: did you mean `invoices`?

            2 problems in 2 files
        "#]],
    );
    check(
        &[(MAPPING_FILE, "\"customers\"", "\"custmers\"")],
        expect![[r#"
            told:
              × there is no table `custmers`
               ╭─[mappings/acme/invoices.toml:7:22]
             7 │ customer = { table = "custmers", key = ".customer" }
               ·                      ────┬─────
               ·                          ╰── unknown table
               ╰────
              help: did you mean `customers`?

        "#]],
    );
}

#[test]
fn a_wrong_field_of_the_target() {
    check(
        &[
            (MAPPING_FILE, "customer =", "custmer ="),
            (MAPPING_FILE, "total =", "total.amount ="),
        ],
        expect![[r#"
            told:
              × the target requires `customer`, which nothing gives
               ╭─[mappings/acme/invoices.toml:4:2]
             4 │ [fields]
               ·  ──┬───
               ·    ╰── missing in here
               ╰────

              × the target requires `total`, which nothing gives
               ╭─[mappings/acme/invoices.toml:4:2]
             4 │ [fields]
               ·  ──┬───
               ·    ╰── missing in here
               ╰────

              × the target has no field `custmer`
               ╭─[mappings/acme/invoices.toml:7:1]
             7 │ custmer = { table = "customers", key = ".customer" }
               · ───┬───
               ·    ╰── unknown field
               ╰────
              help: did you mean `customer`?

              × a field needs one of `jq`, `value`, `link` and `table`
               ╭─[mappings/acme/invoices.toml:8:1]
             8 │ total.amount = ".total"
               · ──┬──
               ·   ╰── none of them
               ╰────
              help: a nested field is written "total.amount" = …

            4 problems in 1 file
        "#]],
    );
}

#[test]
fn a_constant_that_the_target_refuses() {
    check(
        &[
            (
                MAPPING_FILE,
                "\".number\"",
                "{ value = \"a number that is much too long\" }",
            ),
            (MAPPING_FILE, "\".total\"", "{ value = \"free\" }"),
        ],
        expect![[r#"
            told:
              × `number` has 30 characters; the target takes 20
               ╭─[mappings/acme/invoices.toml:5:20]
             5 │ number = { value = "a number that is much too long" }
               ·                    ───────────────┬────────────────
               ·                                   ╰── the target refuses this
               ╰────

              × `total` is text where a number is wanted
               ╭─[mappings/acme/invoices.toml:8:19]
             8 │ total = { value = "free" }
               ·                   ──┬───
               ·                     ╰── the target refuses this
               ╰────

            2 problems in 1 file
        "#]],
    );
}

#[test]
fn a_link_that_no_route_binds() {
    check(
        &[(
            MAPPING_FILE,
            "{ table = \"customers\", key = \".customer\" }",
            "{ link = \"contact\", of = \".customer\" }",
        )],
        expect![[r#"
            told:
              × the route `invoices` binds no link `contact`
               ╭─[mappings/acme/invoices.toml:7:21]
             7 │ customer = { link = "contact", of = ".customer" }
               ·                     ────┬────
               ·                         ╰── not bound
               ╰────
              help: in routes/invoices.toml: links = { contact = "ROUTE" }

        "#]],
    );
}

#[test]
fn two_routes_that_send_one_stream() {
    let wanted = expect![[r#"
        told:
          × `invoices` and `again` both send `shop/invoices` into `books/credit_notes`
           ╭─[routes/invoices.toml:1:1]
         1 │ from = { connection = "shop", stream = "invoices" }
           · ─┬──
           ·  ╰── `again` does so too
           ╰────
          help: every document would arrive twice: switch one off (enabled = false) or remove it, or write beside = ["again"] when each document is left out by one of them; again is in routes/again.toml

    "#]];
    wanted.assert_eq(&told(&[], &[("routes/again.toml", ROUTE)]));
}

#[test]
fn bad_jq() {
    check(
        &[(MAPPING_FILE, "\".total\"", "\".total | (\"")],
        expect![[r#"
            told:
              × this is not jq: expected closing parenthesis
               ╭─[mappings/acme/invoices.toml:8:20]
             8 │ total = ".total | ("
               ·                    ┬
               ·                    ╰── expected closing parenthesis
               ╰────

        "#]],
    );
    check(
        &[(MAPPING_FILE, "\".total\"", "\".total | rund(2)\"")],
        expect![[r#"
            told:
              × no function `rund` is available
               ╭─[mappings/acme/invoices.toml:8:19]
             8 │ total = ".total | rund(2)"
               ·                   ─┬──
               ·                    ╰── unknown function
               ╰────
              help: did you mean `round`?

        "#]],
    );
    check(
        &[(MAPPING_FILE, "\".total\"", "\"now\"")],
        expect![[r#"
        told:
          × no function `now` is available
           ╭─[mappings/acme/invoices.toml:8:10]
         8 │ total = "now"
           ·          ─┬─
           ·           ╰── unknown function
           ╰────
          help: left out: expressions end by themselves and see only the document

    "#]],
    );
    check(
        &[(ROUTE_FILE, "\".number\"", "\".number +\"")],
        expect![[r#"
            told:
              × this is not jq: expected term, found the end
               ╭─[routes/invoices.toml:5:20]
             5 │ number = ".number +"
               ·                    ┬
               ·                    ╰── expected term
               ╰────

        "#]],
    );
}

#[test]
fn settings_credentials_and_versions_of_a_plugin() {
    check(
        &[
            (MAIN_FILE, "zone =", "settings = { page-sise = 10 }\nzone ="),
            (MAIN_FILE, "{ token = {", "{ tokn = {"),
            (
                MAIN_FILE,
                "plugin = \"acme\"\nversion = \"^0.1\"\ncredentials = { token = { env = \"BOOKS",
                "plugin = \"acme\"\nversion = \"^2\"\ncredentials = { token = { env = \"BOOKS",
            ),
        ],
        expect![[r#"
            told:
              × `acme` needs the credentials `token`
               ╭─[ledgerline.toml:6:1]
             6 │ credentials = { tokn = { env = "SHOP_TOKEN" } }
               · ─────┬─────
               ·      ╰── missing in here
               ╰────
              help: add credentials = { token = { env = "NAME" } }

              × `acme` knows no credential `tokn`
               ╭─[ledgerline.toml:6:17]
             6 │ credentials = { tokn = { env = "SHOP_TOKEN" } }
               ·                 ─┬──
               ·                  ╰── not known
               ╰────
              help: did you mean `token`?

              × `acme` has no setting `page-sise`
               ╭─[ledgerline.toml:9:14]
             9 │ settings = { page-sise = 10 }
               ·              ────┬────
               ·                  ╰── not known
               ╰────
              help: did you mean `page-size`?

              × `acme` is installed in version 0.1.0
                ╭─[ledgerline.toml:14:11]
             14 │ version = "^2"
                ·           ─┬──
                ·            ╰── does not accept it
                ╰────
              help: install another version, or change this after reading what changed

            4 problems in 1 file
        "#]],
    );
    check(
        &[(
            MAIN_FILE,
            "zone =",
            "settings = { page-size = 1000 }\nzone =",
        )],
        expect![[r#"
            told:
              × 1000 is greater than the maximum of 100
               ╭─[ledgerline.toml:9:26]
             9 │ settings = { page-size = 1000 }
               ·                          ─┬──
               ·                           ╰── not accepted
               ╰────
              help: Documents in one page, 1 to 100.

        "#]],
    );
}

/// Three files, found in two stages of checking: the first one tells all that can be told then.
#[test]
fn several_files_at_once() {
    check(
        &[
            (MAIN_FILE, "Australia/Sydney", "Australia/Sidney"),
            (ROUTE_FILE, "every 5m", "evry 5m"),
            (
                MAPPING_FILE,
                "\".total\"",
                "{ jq = \".total\", omitempty = true }",
            ),
            ("tables/customers.toml", "[rows]", "[row]"),
        ],
        expect![[r#"
            told:
              × no time zone named `Australia/Sidney`
               ╭─[ledgerline.toml:9:8]
             9 │ zone = "Australia/Sidney"
               ·        ────────┬─────────
               ·                ╰── not known
               ╰────
              help: did you mean `Australia/Sydney`?

              × `omitempty` is not known here
               ╭─[mappings/acme/invoices.toml:8:26]
             8 │ total = { jq = ".total", omitempty = true }
               ·                          ────┬────
               ·                              ╰── unknown
               ╰────
              help: did you mean `omit-empty`?

              × `evry 5m` is not a trigger
               ╭─[routes/invoices.toml:4:11]
             4 │ trigger = "evry 5m"
               ·           ────┬────
               ·               ╰── not a trigger
               ╰────
              help: one of "manual", "every 5m", or "cron 0 6 * * *"

              × `rows` is missing
               ╭─[tables/customers.toml]
               · not in here
               ╰────
              help: rows: Key of the source = value of the target.

              × unknown key `row`
               ╭─[tables/customers.toml:1:2]
             1 │ [row]
               ·  ─┬─
               ·   ╰── not known here
               ╰────
              help: did you mean `rows`?

            5 problems in 4 files
        "#]],
    );
    check(
        &[
            (MAIN_FILE, "zone =", "budget.acount.minute = 5\nzone ="),
            (MAPPING_FILE, "customer =", "custmer ="),
        ],
        expect![[r#"
            told:
              × `acme` has no budget `acount`
               ╭─[ledgerline.toml:9:8]
             9 │ budget.acount.minute = 5
               ·        ──┬───
               ·          ╰── not known
               ╰────
              help: did you mean `account`?

              × the target requires `customer`, which nothing gives
               ╭─[mappings/acme/invoices.toml:4:2]
             4 │ [fields]
               ·  ──┬───
               ·    ╰── missing in here
               ╰────

              × the target has no field `custmer`
               ╭─[mappings/acme/invoices.toml:7:1]
             7 │ custmer = { table = "customers", key = ".customer" }
               · ───┬───
               ·    ╰── unknown field
               ╰────
              help: did you mean `customer`?

            3 problems in 2 files
        "#]],
    );
}

/// Told apart from mistakes of the files, for they may be set where the engine runs.
#[test]
fn environment_variables_that_are_not_there() {
    let deployment = check_files(&files(&[], &[]), &|_| None).unwrap();
    let names = ["SHOP_TOKENS".to_owned(), "PATH".to_owned()];
    let findings = unset(&deployment, &|name| name == "PATH", &names);
    expect![[r#"
        told:
          × the environment variable `SHOP_TOKEN` is not set
           ╭─[ledgerline.toml:6:33]
         6 │ credentials = { token = { env = "SHOP_TOKEN" } }
           ·                                 ─────┬──────
           ·                                      ╰── not set here
           ╰────
          help: `SHOP_TOKENS` is set: did you mean it?

          × the environment variable `BOOKS_TOKEN` is not set
            ╭─[ledgerline.toml:14:33]
         14 │ credentials = { token = { env = "BOOKS_TOKEN" } }
            ·                                 ──────┬──────
            ·                                       ╰── not set here
            ╰────
          help: set it where the engine runs

        2 problems in 1 file
    "#]]
    .assert_eq(&format!("told:\n{}", findings.render(false)));
}
