//! What does not fit the plugins.

use std::collections::BTreeMap;

use expect_test::{Expect, expect};
use ledgerline_plugin_api::manifest::Manifest;

use super::{super::*, CONTACTS, MAIN, brief, checked};

fn manifests() -> BTreeMap<String, Manifest> {
    let text = r#"[
      { "name": "acme", "title": "Acme", "version": "0.1.3", "start-setting": "since", "base-url": "https://acme.example",
        "settings": { "additionalProperties": false, "required": ["zone"], "properties": {
          "zone": { "type": "string", "description": "Time zone of the account." },
          "since": { "type": "string" },
          "mode": { "enum": ["fast", "slow"], "default": "slow" },
          "deep": { "properties": { "a": { "default": 1 } } } } },
        "auth": { "api": { "kind": "basic" } }, "budget": { "account": { "day": 10 } },
        "streams": { "customers": { "title": "customer", "ops": ["pull"] },
                     "notes": { "title": "note", "ops": ["pull", "push"] } } },
      { "name": "ledger", "title": "Ledger", "version": "0.2.0",
        "auth": { "api": { "kind": "oauth2", "grants": ["authorization-code"], "authorize-url": "/a", "token-url": "/t" } },
        "streams": { "contacts": { "title": "contact", "ops": ["push"], "batch": { "documents": 50, "bytes": 1 } },
                     "rates": { "title": "rate", "ops": ["pull"] } } }
    ]"#;
    let list: Vec<Manifest> = serde_json::from_str(text).unwrap();
    list.into_iter().map(|it| (it.name.clone(), it)).collect()
}

fn check_manifests(changed: &[(&str, &str)], wanted: Expect) -> Deployment {
    let mut deployment = checked(changed).unwrap();
    let mut findings = Findings::default();
    check_against(&mut deployment, &manifests(), &mut findings);
    findings.sort();
    wanted.assert_eq(&brief(&findings));
    deployment
}

#[test]
fn what_does_not_fit_the_plugins_is_told_in_its_place() {
    let contacts = format!(
        "{CONTACTS}\nbatch = 60\nreplace = \"reverse\"\nrounding = {{ policy = \"tax-amounts\", limit = \"0.02\" }}"
    );
    check_manifests(
        &[("routes/contacts.toml", &contacts)],
        expect![[r#"
        ledgerline.toml:9 [shop] `acme` needs the setting `zone` (zone: Time zone of the account.)
        ledgerline.toml:16 [books] `ledger` has no address of its own (add base-url = "https://…")
        ledgerline.toml:18 ["^0.1"] `ledger` is installed in version 0.2.0 (install another version, or change this after reading what changed)
        ledgerline.toml:19 ["books-app"] `ledger` does not offer the grant `client-credentials` (grants that it offers: authorization-code)
        routes/contacts.toml:7 [60] a call carries 50 documents at most (-)
        routes/contacts.toml:8 ["reverse"] `contacts` cannot be reversed (replace = "update", the default, changes the document itself)
        routes/contacts.toml:9 ["tax-amounts"] `contacts` cannot mend cents in this way (policy = "hold" shows the difference and sends nothing)
        routes/notes.toml:3 ["notes"] `ledger` has no stream `notes` (known: contacts)
    "#]],
    );
    let main = MAIN
        .replace(
            "zone = \"Australia/Sydney\"",
            "settings = { mode = \"fats\", zoen = 'x' }\nbudget.accuont.day = 5",
        )
        .replace("username", "user")
        .replace("plugin = \"ledger\"", "plugin = \"leger\"");
    check_manifests(
        &[("ledgerline.toml", &main)],
        expect![[r#"
            ledgerline.toml:13 [settings] `acme` needs the setting `zone` (zone: Time zone of the account.)
            ledgerline.toml:13 ["fats"] "fats" is not one of "fast" or "slow" (-)
            ledgerline.toml:13 [zoen] `acme` has no setting `zoen` (did you mean `zone`?)
            ledgerline.toml:14 [accuont] `acme` has no budget `accuont` (did you mean `account`?)
            ledgerline.toml:15 [credentials] `acme` needs the credentials `username` (add credentials = { username = { env = "NAME" } })
            ledgerline.toml:15 [user] `acme` knows no credential `user` (known: password, username)
            ledgerline.toml:18 ["leger"] no plugin named `leger` is installed (did you mean `ledger`?)
            mappings/acme/customers.toml:2 ["ledger/contacts"] the route `contacts` goes to `leger/contacts`, its mapping goes to `ledger/contacts` (correct one of them; the route is in routes/contacts.toml)
            mappings/acme/notes.toml:2 ["ledger/notes"] the route `notes` goes to `leger/notes`, its mapping goes to `ledger/notes` (correct one of them; the route is in routes/notes.toml)
        "#]],
    );
    let settings = "settings = { zone = \"UTC\", deep = {} }\napp = \"books-app\"";
    let main = MAIN
        .replace("zone = \"Australia/Sydney\"", settings)
        .replace("grant =", "budget.acount.day = 1\ngrant =");
    let it = check_manifests(
        &[("ledgerline.toml", &main)],
        expect![[r#"
            ledgerline.toml:5 [acount] `acme` has no budget `acount` (did you mean `account`?)
            ledgerline.toml:5 [acount] `ledger` has no budget `acount` (there are none yet)
            ledgerline.toml:15 ["books-app"] `acme` uses no app (remove `app`; its credentials are `password`, `username`)
            ledgerline.toml:18 [books] `ledger` has no address of its own (add base-url = "https://…")
            ledgerline.toml:20 ["^0.1"] `ledger` is installed in version 0.2.0 (install another version, or change this after reading what changed)
            ledgerline.toml:21 ["books-app"] `ledger` does not offer the grant `client-credentials` (grants that it offers: authorization-code)
            routes/notes.toml:3 ["notes"] `ledger` has no stream `notes` (known: contacts)
        "#]],
    );
    let wanted = serde_json::json!({ "zone": "UTC", "since": "2026-10-01", "mode": "slow", "deep": { "a": 1 } });
    assert_eq!(it.connections["shop"].settings, wanted);
}

#[test]
fn the_start_date_is_written_once() {
    let settings = |since: &str| {
        let settings = format!("settings = {{ zone = \"UTC\"{since} }}");
        let main = MAIN.replace("zone = \"Australia/Sydney\"", &settings);
        let mut deployment = checked(&[("ledgerline.toml", &main)]).unwrap();
        let mut findings = Findings::default();
        check_against(&mut deployment, &manifests(), &mut findings);
        findings.list.retain(|it| it.message.contains("start-date"));
        let since = deployment.connections["shop"].settings["since"].clone();
        (since, brief(&findings))
    };
    for written in ["", ", since = \"2026-10-01\"", ", since = 2026-10-01"] {
        assert_eq!(
            settings(written),
            ("2026-10-01".into(), String::new()),
            "{written}"
        );
    }
    expect![[r#"
        ledgerline.toml:13 ["2026-01-01"] the connection's `start-date` is 2026-10-01, this is another day (remove it: the plugin is given the connection's own; `ledgerline backfill` loads what lies before)
    "#]].assert_eq(&settings(", since = \"2026-01-01\"").1);
    assert!(
        !settings(", since = \"\"").1.is_empty(),
        "everything is another day, too"
    );
}

#[test]
fn a_mapping_must_be_about_what_its_route_carries() {
    let it = checked(&[]).unwrap();
    let ends = |route: &str| mapping_ends(&it, &it.routes[route]).unwrap();
    assert_eq!(ends("notes"), ("acme/notes".into(), "ledger/notes".into()));
    assert_eq!(ends("imported"), ("outcomes".into(), "acme/notes".into()));
    let main = MAIN.replace(
        "zone = \"Australia/Sydney\"",
        "settings = { zone = \"UTC\" }",
    );
    let changed = [
        ("ledgerline.toml", main.as_str()),
        (
            "mappings/acme/notes.toml",
            "from = \"acme/note\"\nto = \"ledger/notes\"",
        ),
        ("mappings/acme/customers.toml", "to = 3"),
        ("mappings/acme/imported.toml", "from = ["),
    ];
    check_manifests(
        &changed,
        expect![[r#"
        ledgerline.toml:16 [books] `ledger` has no address of its own (add base-url = "https://…")
        ledgerline.toml:18 ["^0.1"] `ledger` is installed in version 0.2.0 (install another version, or change this after reading what changed)
        ledgerline.toml:19 ["books-app"] `ledger` does not offer the grant `client-credentials` (grants that it offers: authorization-code)
        mappings/acme/customers.toml:1 [] `from` is missing (add from = "acme/customers")
        mappings/acme/customers.toml:1 [3] the route `contacts` goes to `ledger/contacts`, its mapping goes to `?` (correct one of them; the route is in routes/contacts.toml)
        mappings/acme/notes.toml:1 ["acme/note"] the route `notes` comes from `acme/notes`, its mapping comes from `acme/note` (correct one of them; the route is in routes/notes.toml)
        routes/notes.toml:3 ["notes"] `ledger` has no stream `notes` (known: contacts)
    "#]],
    );
}
