//! `plugins new`: a connector to begin with, which builds and passes its tests outside this
//! repository. Its files are `engine/templates/plugin`, with a few words replaced.

use std::path::{Path, PathBuf};

use crate::cli::{open::Failure, out::Out, schemas};

/// Where each file goes, and what it holds. Paths are templates, too.
const FILES: [(&str, &str); 23] = [
    (
        "Cargo.toml",
        include_str!("../../templates/plugin/Cargo.toml.in"),
    ),
    (
        "README.md",
        include_str!("../../templates/plugin/README.md"),
    ),
    (
        ".gitignore",
        include_str!("../../templates/plugin/gitignore"),
    ),
    ("build.rs", include_str!("../../templates/plugin/build.rs")),
    (
        "clippy.toml",
        include_str!("../../templates/plugin/clippy.toml"),
    ),
    (
        "rustfmt.toml",
        include_str!("../../templates/plugin/rustfmt.toml"),
    ),
    (
        "manifest.toml",
        include_str!("../../templates/plugin/manifest.toml"),
    ),
    (
        "settings.schema.json",
        include_str!("../../templates/plugin/settings.schema.json"),
    ),
    (
        "schemas/order.json",
        include_str!("../../templates/plugin/schemas/order.json"),
    ),
    (
        "schemas/invoice.json",
        include_str!("../../templates/plugin/schemas/invoice.json"),
    ),
    (
        "src/lib.rs",
        include_str!("../../templates/plugin/src/lib.rs"),
    ),
    (
        "examples/stand_in.rs",
        include_str!("../../templates/plugin/examples/stand_in.rs"),
    ),
    (
        "tests/recorded.rs",
        include_str!("../../templates/plugin/tests/recorded.rs"),
    ),
    (
        "tests/cursors/v1.json",
        include_str!("../../templates/plugin/tests/cursors/v1.json"),
    ),
    (
        "tests/recordings/orders.json",
        include_str!("../../templates/plugin/tests/recordings/orders.json"),
    ),
    (
        "tests/recordings/orders-later.json",
        include_str!("../../templates/plugin/tests/recordings/orders-later.json"),
    ),
    (
        "tests/recordings/invoices.json",
        include_str!("../../templates/plugin/tests/recordings/invoices.json"),
    ),
    (
        "tests/recordings/find.json",
        include_str!("../../templates/plugin/tests/recordings/find.json"),
    ),
    (
        "tests/recordings/check.json",
        include_str!("../../templates/plugin/tests/recordings/check.json"),
    ),
    (
        "deployment/ledgerline.toml",
        include_str!("../../templates/plugin/deployment/ledgerline.toml"),
    ),
    (
        "deployment/routes/orders.toml",
        include_str!("../../templates/plugin/deployment/routes/orders.toml"),
    ),
    (
        "deployment/mappings/{{name}}/orders.toml",
        include_str!("../../templates/plugin/deployment/mappings/orders.toml"),
    ),
    (
        "deployment/mappings/{{name}}/samples/order.json",
        include_str!("../../templates/plugin/deployment/mappings/samples/order.json"),
    ),
];

/// Names that cargo or the compiler keep for themselves.
const RESERVED: [&str; 8] = [
    "alloc",
    "build",
    "core",
    "deps",
    "examples",
    "proc-macro",
    "std",
    "test",
];

/// The package that a connector is written against.
const API: &str = "ledgerline-plugin-api";

pub(super) fn new(
    out: &Out,
    name: &str,
    path: Option<PathBuf>,
    api: Option<PathBuf>,
) -> Result<u8, Failure> {
    check_name(name)?;
    let api = find_api(api)?;
    let folder = path.unwrap_or_else(|| PathBuf::from(name));
    if folder.exists() {
        return Err(Failure::refused(format!(
            "{} is there already; give another folder with --path",
            folder.display()
        )));
    }
    let words = Words::of(name, &api);
    for (path, text) in FILES {
        let path = folder.join(words.put_in(path));
        write(&path, &words.put_in(text))?;
    }
    // What the first lines of its TOML files name: editors complete and check by them.
    schemas::write_into(&folder.join("deployment/schemas"))?;
    let shown = folder.display();
    out.line(format!(
        "{shown}: a connector that reads orders and writes invoices of an invented API.\n\
         \n\
         Next: cd {shown} && cargo test\n\
         Then README.md there: the whole way into a store, and which file to change for what."
    ));
    Ok(0)
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let told = |why: std::io::Error| Failure::refused(format!("{}: {why}", path.display()));
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(told)?;
    }
    std::fs::write(path, text).map_err(told)
}

fn check_name(name: &str) -> Result<(), Failure> {
    let first = name
        .bytes()
        .next()
        .is_some_and(|it| it.is_ascii_lowercase());
    let plain = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'-';
    if !first || !name.bytes().all(plain) || name.ends_with('-') || name.contains("--") {
        return Err(Failure::refused(format!(
            "`{name}` is no name for a plugin: lower-case letters, digits and single dashes, a letter \
             first, such as `acme-stock`"
        )));
    }
    if name.len() > 48 || RESERVED.contains(&name) || is_keyword(name) {
        return Err(Failure::refused(format!(
            "a Rust crate cannot be called `{name}`: add a word, such as `{name}-source`"
        )));
    }
    Ok(())
}

fn is_keyword(name: &str) -> bool {
    const KEYWORDS: &str = "abstract as async await become box break const continue crate do dyn else \
        enum extern false final fn for gen if impl in let loop macro match mod move mut override priv \
        pub ref return self static struct super trait true try type typeof unsafe unsized use virtual \
        where while yield";
    KEYWORDS.split(' ').any(|it| it == name)
}

/// The folder of the API's package: as given; else beside the source that this program was built of.
fn find_api(given: Option<PathBuf>) -> Result<PathBuf, Failure> {
    if let Some(given) = given {
        return is_api(&given).ok_or_else(|| {
            Failure::refused(format!(
                "{} is not the folder of the package `{API}`; it is `plugin-api` in the source of Ledgerline",
                given.display()
            ))
        });
    }
    // target/PROFILE/ledgerline → plugin-api; elsewhere where the source was when this was compiled.
    let program = std::env::current_exe().ok();
    let above = program.iter().flat_map(|it| it.ancestors().skip(1).take(4));
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    above
        .chain(source)
        .find_map(|it| is_api(&it.join("plugin-api")))
        .ok_or_else(|| {
            Failure::refused(format!(
                "the package `{API}` was not found near this program; give its folder: \
                 --api PATH-OF-LEDGERLINE/plugin-api"
            ))
        })
}

fn is_api(folder: &Path) -> Option<PathBuf> {
    let text = std::fs::read_to_string(folder.join("Cargo.toml")).ok()?;
    let package: toml::Table = text.parse().ok()?;
    let name = package.get("package")?.get("name")?.as_str()?;
    (name == API).then(|| folder.canonicalize().ok()).flatten()
}

/// What takes the place of `{{word}}`.
struct Words([(&'static str, String); 5]);

impl Words {
    fn of(name: &str, api: &Path) -> Self {
        let title: Vec<String> = name.split('-').map(capital).collect();
        let api = toml::Value::String(api.to_string_lossy().into_owned());
        Self([
            ("{{name}}", name.to_owned()),
            ("{{crate}}", name.replace('-', "_")),
            ("{{env}}", name.replace('-', "_").to_uppercase()),
            ("{{title}}", title.join(" ")),
            ("{{api}}", api.to_string()),
        ])
    }

    fn put_in(&self, text: &str) -> String {
        let replace = |text: String, (word, value): &(&str, String)| text.replace(word, value);
        self.0.iter().fold(text.to_owned(), replace)
    }
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    let first = letters.next().map(|it| it.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_would_not_build_are_refused() {
        let cases = [
            ("acme", true),
            ("acme-stock2", true),
            ("", false),
            ("Acme", false),
            ("2acme", false),
            ("acme--x", false),
            ("acme-", false),
            ("acme_stock", false),
            ("../acme", false),
            ("type", false),
            ("std", false),
        ];
        for (name, good) in cases {
            assert_eq!(check_name(name).is_ok(), good, "{name}");
        }
    }

    #[test]
    fn every_word_of_every_template_is_replaced() {
        let words = Words::of("acme-stock", Path::new("/a \"b\"/plugin-api"));
        for (path, text) in FILES {
            let (path, text) = (words.put_in(path), words.put_in(text));
            assert!(!path.contains("{{") && !text.contains("{{"), "{path}");
        }
        assert_eq!(
            words.put_in("{{crate}} {{env}} {{title}}"),
            "acme_stock ACME_STOCK Acme Stock"
        );
        let cargo = words.put_in("a = {{api}}");
        let table: toml::Table = cargo.parse().unwrap();
        assert_eq!(table["a"].as_str(), Some("/a \"b\"/plugin-api"));
    }

    #[test]
    fn a_template_is_what_lies_in_the_folder() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates/plugin");
        let mut count = 0;
        let mut open = vec![folder];
        while let Some(folder) = open.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    open.push(path);
                } else {
                    let text = std::fs::read_to_string(&path).unwrap();
                    assert!(FILES.iter().any(|it| it.1 == text), "{}", path.display());
                    count += 1;
                }
            }
        }
        assert_eq!(count, FILES.len());
    }
}
