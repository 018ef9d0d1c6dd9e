//! Looks for secrets in bytes, in every form in which they might have got there. It shares no code
//! with the engine that takes them out.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    sync::OnceLock,
};

use aho_corasick::AhoCorasick;
use base64::{Engine as _, engine::general_purpose as base64s};

use crate::repository;

/// Ends of a long secret that are looked for by themselves: a text that was cut short still shows it.
const END: usize = 20;

/// What is looked for.
pub struct Needles {
    names: Vec<String>,
    automaton: AhoCorasick,
}

impl Needles {
    /// Secrets by name.
    pub fn new<'a>(secrets: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Self {
        let mut forms = BTreeMap::new();
        for (name, secret) in secrets {
            for (form, bytes) in all_forms(secret) {
                forms
                    .entry(bytes)
                    .or_insert_with(|| format!("{name} ({form})"));
            }
        }
        let automaton = AhoCorasick::builder()
            .build(forms.keys())
            .expect("an automaton");
        Self {
            names: forms.into_values().collect(),
            automaton,
        }
    }

    /// Names of what is found.
    pub fn find(&self, bytes: &[u8]) -> BTreeSet<&str> {
        // Mostly there is nothing, and that is seen soonest in this way.
        if !self.automaton.is_match(bytes) {
            return BTreeSet::new();
        }
        let found = self.automaton.find_overlapping_iter(bytes);
        found
            .map(|it| self.names[it.pattern().as_usize()].as_str())
            .collect()
    }
}

fn all_forms(secret: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let hex = |upper: bool| -> String {
        let digit = |it: &u8| {
            if upper {
                format!("{it:02X}")
            } else {
                format!("{it:02x}")
            }
        };
        secret.iter().map(digit).collect()
    };
    let mut forms = vec![
        ("as it is", secret.to_vec()),
        (
            "base64",
            base64s::STANDARD_NO_PAD.encode(secret).into_bytes(),
        ),
        (
            "base64 for addresses",
            base64s::URL_SAFE_NO_PAD.encode(secret).into_bytes(),
        ),
        ("hexadecimal", hex(false).into_bytes()),
        ("hexadecimal", hex(true).into_bytes()),
    ];
    if secret.len() >= 2 * END {
        forms.push(("its beginning", secret[..END].to_vec()));
        forms.push(("its end", secret[secret.len() - END..].to_vec()));
        // All tokens of the kind begin alike.
        if secret.starts_with(b"eyJ") {
            forms.retain(|(form, _)| *form != "its beginning");
        }
    }
    if let Ok(text) = std::str::from_utf8(secret) {
        let base64 = base64s::STANDARD.encode(text);
        for text in [text, &base64] {
            forms.extend(dressed(text).map(|(form, it)| (form, it.into_bytes())));
        }
    }
    forms
}

/// As the usual libraries write it into other texts.
fn dressed(text: &str) -> [(&'static str, String); 8] {
    let each = |f: &dyn Fn(char) -> String| text.chars().map(f).collect::<String>();
    let percent = |it: char, upper: bool| {
        if it.is_ascii_alphanumeric() || "-._~".contains(it) {
            return it.to_string();
        }
        let mut bytes = [0; 4];
        let bytes = it.encode_utf8(&mut bytes).bytes();
        let digits = |it: u8| {
            if upper {
                format!("%{it:02X}")
            } else {
                format!("%{it:02x}")
            }
        };
        bytes.map(digits).collect()
    };
    let json = serde_json::to_string(text).expect("JSON");
    let json = json[1..json.len() - 1].to_owned();
    let unicode = |it: char| match it {
        '"' | '&' | '\'' | '+' | '<' | '>' => format!("\\u{:04X}", u32::from(it)),
        '\\' => "\\\\".to_owned(),
        other => other.to_string(),
    };
    let page = |it: char, plus: bool| match it {
        '"' if plus => "&#34;".to_owned(),
        '"' => "&quot;".to_owned(),
        '&' => "&amp;".to_owned(),
        '<' => "&lt;".to_owned(),
        '>' => "&gt;".to_owned(),
        '\'' => "&#39;".to_owned(),
        '+' if plus => "&#43;".to_owned(),
        other => other.to_string(),
    };
    [
        ("in an address", each(&|it| percent(it, true))),
        ("in an address", each(&|it| percent(it, false))),
        (
            "in a form",
            each(&|it| {
                if it == ' ' {
                    "+".to_owned()
                } else {
                    percent(it, true)
                }
            }),
        ),
        ("in JSON", json.clone()),
        ("in JSON", json.replace('/', "\\/")),
        ("in JSON", each(&unicode)),
        ("in a page", each(&|it| page(it, false))),
        ("in a page", each(&|it| page(it, true))),
    ]
}

/// What was found below a folder, by file. `skip` says which files are where a secret belongs.
pub(super) fn below(
    needles: &Needles,
    folder: &Path,
    skip: &dyn Fn(&Path) -> bool,
) -> (usize, Vec<String>) {
    let (mut files, mut found) = (0, Vec::new());
    let mut folders = vec![folder.to_owned()];
    while let Some(at) = folders.pop() {
        let Ok(list) = fs::read_dir(&at) else {
            continue;
        };
        for path in list.flatten().map(|it| it.path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.is_file() && !skip(&path) {
                files += 1;
                let bytes = without_holes(fs::read(&path).unwrap_or_default());
                let place = path.strip_prefix(folder).unwrap_or(&path).display();
                found.extend(
                    needles
                        .find(&bytes)
                        .iter()
                        .map(|it| format!("{place}: {it}")),
                );
            }
        }
    }
    found.sort();
    (files, found)
}

/// A store's file is mostly zeros.
fn without_holes(mut bytes: Vec<u8>) -> Vec<u8> {
    const BLOCK: usize = 4096;
    let mut kept = 0;
    for at in (0..bytes.len()).step_by(BLOCK) {
        let end = bytes.len().min(at + BLOCK);
        if bytes[at..end] != [0; BLOCK][..end - at] {
            bytes.copy_within(at..end, kept);
            kept += end - at;
        }
    }
    bytes.truncate(kept);
    bytes
}

/// Files above this are left to the campaign itself: stores of a million entries.
const LARGE: u64 = 64 * 1024 * 1024;

/// Secrets that were left below a folder of a deployment. Libraries, the key file, secrets in files of
/// their own and the vendors' seed are left out.
pub fn left_in(needles: &Needles, folder: &Path) -> Vec<String> {
    let belongs = |path: &Path| {
        let is = |it: &str| path.extension().is_some_and(|extension| extension == it);
        let large = fs::metadata(path).is_ok_and(|it| it.len() > LARGE);
        large || is("so") || is("key") || is("secret") || path.ends_with("seed.toml")
    };
    below(needles, folder, &belongs).1
}

/// The secrets of the demonstration, which most scenarios run with.
pub fn of_the_demonstration() -> &'static Needles {
    static NEEDLES: OnceLock<Needles> = OnceLock::new();
    NEEDLES.get_or_init(|| {
        let read = |path: &str| -> toml::Table {
            let text = fs::read_to_string(repository().join(path)).expect("a file");
            toml::from_str(&text).expect("TOML")
        };
        let mut secrets = Vec::new();
        // User names and account ids are told by vendors, too.
        let told = |name: &str| name.ends_with("USERNAME") || name.ends_with("_ID");
        for (name, value) in read("config/demo.toml")["env"]
            .as_table()
            .expect("variables")
        {
            let value = value.as_str().expect("a text");
            secrets.extend((!told(name)).then(|| (name.clone(), value.to_owned())));
        }
        let seed = read("tests/sandbox/seeds/demo.toml");
        for (list, field) in [("apps", "client-secret"), ("consents", "refresh-token")] {
            let values = seed["xero"][list].as_array().expect("a list").iter();
            let values = values.filter_map(|it| it.get(field)?.as_str());
            secrets.extend(values.map(|it| (field.to_owned(), it.to_owned())));
        }
        Needles::new(
            secrets
                .iter()
                .map(|(name, it)| (name.as_str(), it.as_bytes())),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_found_in_every_form() {
        let secret = "canary/key+&'<1>\"=";
        let needles = Needles::new([("slot", secret.as_bytes())]);
        let pair = base64s::STANDARD.encode(secret);
        let cases = [
            format!("a {secret} b"),
            format!("Basic {pair}"),
            "63616e6172792f6b65792b26273c313e223d".to_owned(),
            "?k=canary%2Fkey%2B%26%27%3C1%3E%22%3D&x".to_owned(),
            "?k=canary%2fkey%2b%26%27%3c1%3e%22%3d&x".to_owned(),
            r#"{"k":"canary/key+&'<1>\"="}"#.to_owned(),
            r#"{"k":"canary\/key+&'<1>\"="}"#.to_owned(),
            r#"{"k":"canary/key\u002B\u0026\u0027\u003C1\u003E\u0022="}"#.to_owned(),
            "<p>canary/key+&amp;&#39;&lt;1&gt;&quot;=</p>".to_owned(),
            "<p>canary/key&#43;&amp;&#39;&lt;1&gt;&#34;=</p>".to_owned(),
        ];
        for case in cases {
            assert!(!needles.find(case.as_bytes()).is_empty(), "{case}");
        }
        assert!(needles.find(b"canary, key, [secret]").is_empty());
        let long = format!("{}{}", "a".repeat(30), "b".repeat(30));
        let needles = Needles::new([("long", long.as_bytes())]);
        assert!(
            !needles.find(&long.as_bytes()[..40]).is_empty(),
            "cut short"
        );
    }

    #[test]
    fn the_demonstrations_secrets_are_known() {
        let needles = of_the_demonstration();
        for text in [
            "demo-omni-key",
            "x demo-web-secret",
            "Bearer eyJ-demo-zudello-key",
        ] {
            assert!(!needles.find(text.as_bytes()).is_empty(), "{text}");
        }
        assert!(needles.find(b"HarbourGoodsAU").is_empty());
    }

    #[test]
    fn files_are_looked_through_but_where_a_secret_belongs() {
        let folder = tempfile::tempdir().expect("a folder");
        let needles = Needles::new([("slot", b"canary-1234".as_slice())]);
        let write = |name: &str| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(path, b"\xffcanary-1234\0").expect("a file");
        };
        write("state/secrets.key");
        write("seed.toml");
        assert_eq!(left_in(&needles, folder.path()), [""; 0]);
        write("state/store/db");
        assert_eq!(
            left_in(&needles, folder.path()),
            ["state/store/db: slot (as it is)"]
        );
    }
}
