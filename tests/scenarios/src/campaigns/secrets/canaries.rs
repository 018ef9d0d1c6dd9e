//! The slots and what is put into them.
//!
//! Each value tells its slot, and has characters that addresses, forms, JSON and web pages write in
//! ways of their own: a form that is forgotten somewhere is found.

use std::{collections::BTreeMap, path::Path};

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::processes::{Plan, set};

/// A secret that is configured.
pub(super) struct Slot {
    /// The plugin and the field of its credentials, as manifests have them.
    pub(super) name: &'static str,
    /// What is in it.
    pub(super) value: &'static str,
    /// Where the engine is told to look for it.
    from: From,
}

#[derive(Clone, Copy)]
enum From {
    Env(&'static str),
    /// A file beside the configuration; connection and field.
    File(&'static str, &'static str),
}

/// Every slot of every plugin.
pub(super) const SLOTS: [Slot; 6] = [
    Slot {
        name: "cin7-omni username",
        value: "CanaryOmniUser+7f3a91",
        from: From::Env("CIN7_OMNI_USERNAME"),
    },
    Slot {
        name: "cin7-omni password",
        value: "canary/omni+key&'<9b2e44>\"=",
        from: From::Env("CIN7_OMNI_KEY"),
    },
    Slot {
        name: "cin7-core account-id",
        value: "ca9a51e5-0c0d-4e5e-8c2e-7ca9a51e5acc",
        from: From::Env("CIN7_CORE_ACCOUNT_ID"),
    },
    Slot {
        name: "cin7-core key",
        value: "canary/core+key&'<5d20c8>\"=",
        from: From::Env("CIN7_CORE_KEY"),
    },
    Slot {
        name: "zudello token",
        value: "canary.zudello/token+c81e02&'<x>==",
        from: From::File("zudello-au", "token"),
    },
    Slot {
        name: "xero client-secret",
        // The stand-in compares it as it comes, encoded for forms: none of its characters changes then.
        value: "Canary-Xero_Client.Secret-e4417b05d2",
        from: From::Env("XERO_CLIENT_SECRET"),
    },
];

/// Secrets of the surroundings that the engine reads, too.
pub(super) const PROXY: [(&str, &str); 2] = [
    ("proxy user", "canary-proxy-user-61c0"),
    ("proxy password", "canary-proxy-password-d9f3"),
];

/// A secret that somebody writes into the configuration itself, which is a mistake.
pub(super) const INLINE: &str = "canary-inline-secret-b07c11";

/// Name of the file that a secret lies in, beside the configuration.
pub(super) const FILE: &str = "zudello.secret";

/// The client of the app that asks people.
pub(super) const CLIENT: &str = "DEMOWEBAPP00000000000000000000000";

/// Gives the stand-in vendors the canaries, and an app that asks people for consent.
pub(super) fn plant(plan: &mut Plan, redirect: &str) {
    let value = |name: &str| {
        let slot = SLOTS.iter().find(|it| it.name == name);
        slot.expect("a slot").value.to_owned()
    };
    let keys = |name: &str| {
        let mut key = toml::Table::new();
        key.insert("key".to_owned(), value(name).into());
        toml::Value::Array(vec![key.into()])
    };
    let seed = &mut plan.seed;
    for (path, to) in [
        (
            "omni/accounts/0/username",
            value("cin7-omni username").into(),
        ),
        ("omni/accounts/0/keys", keys("cin7-omni password")),
        (
            "core/accounts/0/account-id",
            value("cin7-core account-id").into(),
        ),
        ("core/accounts/0/keys", keys("cin7-core key")),
        ("zudello/teams/0/keys", keys("zudello token")),
    ] {
        set(seed, path, to);
    }
    let apps = seed["xero"]["apps"].as_array_mut().expect("apps");
    let app = apps
        .iter_mut()
        .find(|it| it["client-id"].as_str() == Some(CLIENT));
    let app = app.and_then(toml::Value::as_table_mut).expect("the app");
    app.insert(
        "client-secret".to_owned(),
        value("xero client-secret").into(),
    );
    app.insert("redirect-uris".to_owned(), vec![redirect.to_owned()].into());
    let apps = plan.deployment["apps"].as_table_mut().expect("apps");
    let app = apps["xero-app"].as_table_mut().expect("an app");
    for (key, text) in [
        ("grant", "authorization-code"),
        ("client-id", CLIENT),
        ("redirect", redirect),
    ] {
        app.insert(key.to_owned(), text.into());
    }
    // The plugin's own are asked for.
    app.remove("scopes");
    for slot in &SLOTS {
        if let From::File(connection, field) = slot.from {
            let path = format!("connections/{connection}/credentials/{field}/file");
            let credentials = format!("connections/{connection}/credentials");
            set(
                &mut plan.deployment,
                &format!("{credentials}/{field}"),
                toml::Table::new(),
            );
            set(&mut plan.deployment, &path, FILE);
        }
    }
    let connections = plan.deployment["connections"].as_table_mut();
    let books = connections.expect("connections")["xero-au"].as_table_mut();
    books.expect("the books").remove("account");
}

/// Variables of the engine.
pub(super) fn env() -> BTreeMap<String, String> {
    let slots = SLOTS.iter().filter_map(|it| match it.from {
        From::Env(name) => Some((name.to_owned(), it.value.to_owned())),
        From::File(..) => None,
    });
    let proxy = format!("http://{}:{}@127.0.0.1:9", PROXY[0].1, PROXY[1].1);
    let proxies = ["HTTPS_PROXY", "ALL_PROXY"].map(|it| (it.to_owned(), proxy.clone()));
    slots.chain(proxies).collect()
}

/// Writes the secret that lies in a file.
pub(super) fn write_file(config: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    let path = config.join(FILE);
    for slot in &SLOTS {
        if let From::File(..) = slot.from {
            std::fs::write(&path, format!("{}\n", slot.value)).expect("a file");
        }
    }
    let private = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(&path, private).expect("the file");
}

/// Slots that manifests have and nothing is put into, and the other way round.
pub(super) fn missing(plugins: &Path) -> Vec<String> {
    let mut declared = Vec::new();
    for plugin in std::fs::read_dir(plugins).expect("plugins") {
        let folder = plugin.expect("a plugin").path();
        let text = std::fs::read_to_string(folder.join("manifest.toml")).expect("a manifest");
        let manifest: toml::Table = toml::from_str(&text).expect("TOML");
        let name = folder
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        for (slot, auth) in manifest["auth"].as_table().expect("slots") {
            let fields = match auth["kind"].as_str() {
                Some("basic") => vec!["username", "password"],
                Some("bearer") => vec!["token"],
                Some("oauth2") => vec!["client-secret"],
                Some("headers") => {
                    let headers = auth["headers"].as_table().expect("headers").values();
                    headers.filter_map(toml::Value::as_str).collect()
                }
                other => panic!("{name}: slot {slot} is of kind {other:?}: nobody plants a canary"),
            };
            declared.extend(fields.into_iter().map(|it| format!("{name} {it}")));
        }
    }
    let planted = |name: &String| SLOTS.iter().any(|it| it.name == *name);
    let known = |it: &&Slot| !declared.iter().any(|name| *name == it.name);
    let unknown = SLOTS
        .iter()
        .filter(known)
        .map(|it| format!("{} is no slot", it.name));
    let empty = declared.iter().filter(|it| !planted(it));
    unknown
        .chain(empty.map(|it| format!("{it} holds no canary")))
        .collect()
}

/// What goes over the wire where two fields are sent as one.
pub(super) fn pairs() -> Vec<(String, Vec<u8>)> {
    let value = |name: &str| {
        let slot = SLOTS.iter().find(|it| it.name == name);
        slot.expect("a slot").value
    };
    let pair = |name: &str, user: &str| {
        let pair = STANDARD.encode(format!("{user}:{}", value(name)));
        (name.to_owned(), pair.into_bytes())
    };
    vec![
        pair("cin7-omni password", value("cin7-omni username")),
        pair("xero client-secret", CLIENT),
    ]
}
