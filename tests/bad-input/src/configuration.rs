//! A whole deployment as text: read, checked, compiled against the connectors, with all problems at
//! once.

use std::path::PathBuf;

use ledgerline::{
    config::{Deployment, Files, Findings, SourceFile, check_files},
    pipeline::check_offline,
};

use crate::{grounds, parts};

/// Words of the files.
pub const WORDS: &[&str] = &[
    "from",
    "to",
    "connection",
    "stream",
    "mapping",
    "trigger",
    "after",
    "links",
    "rounding",
    "policy",
    "limit",
    "number",
    "batch",
    "budget",
    "account",
    "app",
    "plugin",
    "version",
    "settings",
    "base-url",
    "auth",
    "credentials",
    "\"every 5m\"",
    "\"cron * * * * *\"",
    "manual",
    "[connections.a]",
    "[apps.a]",
    "[[test]]",
    "[[require]]",
    "[fields]",
    "[lines.LineItems]",
    "outcomes/",
    "1979-05-27T07:32:00Z",
    "'''",
    "\"\"\"",
    "= {",
    "}",
    "inf",
    "nan",
    "0x",
    "9223372036854775807",
    "\"99999999999999999999999999\"",
    "\\u0000",
    "\n[a.b.c]\n",
];

/// Checks the files that `data` describes.
pub fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let files = files(&text);
    match check_files(&files, &|_| None) {
        Err(findings) => told(findings),
        Ok(deployment) => compiled(deployment),
    }
}

fn compiled(deployment: Deployment) {
    let registry = grounds::registry(&deployment);
    if let Err(findings) = check_offline(deployment, &registry) {
        told(findings);
    }
}

/// Every problem says what is wrong, points into its file, and can be shown.
pub fn told(findings: Findings) {
    assert!(!findings.is_empty(), "refused without a reason");
    for it in &findings.list {
        assert!(!it.message.trim().is_empty(), "a problem without words");
        let text = &it.file.text;
        assert!(
            text.get(it.span.clone()).is_some(),
            "{} points at {:?} of {} bytes",
            it.message,
            it.span,
            text.len()
        );
    }
    let shown = findings.render(false);
    assert!(!shown.is_empty());
}

fn files(text: &str) -> Files {
    let file = |path: &str, text: &str| SourceFile {
        path: PathBuf::from(path),
        text: text.into(),
    };
    let mut files = Files {
        folder: PathBuf::from("/deployment"),
        main: file("ledgerline.toml", ""),
        ..Files::default()
    };
    for (path, body) in parts::split(text).1 {
        let it = file(path, body);
        let name = path.strip_suffix(".toml").unwrap_or(path);
        match name.split_once('/') {
            Some(("routes", name)) => _ = files.routes.insert(name.to_owned(), it),
            Some(("mappings", name)) => _ = files.mappings.insert(name.to_owned(), it),
            Some(("tables", name)) => _ = files.tables.insert(name.to_owned(), it),
            _ if name == "demo" => files.demo = Some(it),
            _ => files.main = it,
        }
    }
    files
}

/// The deployment of `config/`, and its smaller parts.
pub fn seeds() -> Vec<Vec<u8>> {
    let deployment = grounds::deployment();
    let folder = grounds::repository().join("config");
    let main = std::fs::read_to_string(folder.join("ledgerline.toml")).unwrap_or_default();
    let demo = std::fs::read_to_string(folder.join("demo.toml")).unwrap_or_default();
    let routes = deployment.routes.values().map(|it| &it.file);
    let mappings = deployment.mappings.values().map(|it| &it.file);
    let tables = deployment.tables.values().map(|it| &it.file);
    let named = |it: &SourceFile| (it.path.display().to_string(), it.text.to_string());
    let mut all = vec![("ledgerline.toml".to_owned(), main.clone())];
    all.extend(
        routes
            .clone()
            .chain(mappings)
            .chain(tables.clone())
            .map(named),
    );
    let mut small = vec![
        ("ledgerline.toml".to_owned(), main),
        ("demo.toml".to_owned(), demo),
    ];
    small.extend(routes.chain(tables).map(named));
    [all, small]
        .map(|files| parts::join("", files.iter().map(|(a, b)| (a.as_str(), b.as_str()))))
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deployment_itself_is_sound() {
        let text = String::from_utf8(seeds()[0].clone()).unwrap();
        let deployment = check_files(&files(&text), &|_| None)
            .unwrap_or_else(|it| panic!("{}", it.render(false)));
        let registry = grounds::registry(&deployment);
        check_offline(deployment, &registry).unwrap_or_else(|it| panic!("{}", it.render(false)));
    }
}
