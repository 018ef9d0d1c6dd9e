//! Embeds a connector's manifest, from its build script.
//!
//! ```no_run
//! // build.rs, with `ledgerline-plugin-api = { features = ["build"] }` under [build-dependencies]
//! ledgerline_plugin_api::build::manifest("manifest.toml");
//! ```
//!
//! The manifest is written as TOML beside the source. Where it names a file (`settings`, `prelude`,
//! each stream's `schema`), the file's content takes the name's place, so that schemas and jq keep
//! files of their own. A stream that is `like` another one starts from that one's table. What
//! [`export_connector!`](crate::export_connector) embeds is the result of both.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::manifest::{Manifest, Op};

/// A manifest that cannot be embedded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A file cannot be read or written.
    #[error("{path}: {source}", path = path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The manifest is not TOML.
    #[error("{path}: {source}", path = path.display())]
    Toml {
        /// Which.
        path: PathBuf,
        /// Where and why.
        source: Box<toml::de::Error>,
    },
    /// A file that the manifest names is not what its key asks for.
    #[error("{manifest}: `{key}` names {path}: {reason}", manifest = manifest.display(), path = path.display())]
    Named {
        /// The manifest.
        manifest: PathBuf,
        /// The key that names the file.
        key: String,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The manifest does not hold together.
    #[error("{path}: {reason}", path = path.display())]
    Manifest {
        /// Which.
        path: PathBuf,
        /// What is wrong, with the key.
        reason: String,
    },
}

/// Reads the manifest, relative to the package, and writes what
/// [`export_connector!`](crate::export_connector) embeds. A problem stops the build with its file,
/// key and reason.
#[expect(
    clippy::print_stdout,
    reason = "this is how a build script speaks to cargo"
)]
pub fn manifest(path: &str) {
    let variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let (Some(package), Some(out)) = (variable("CARGO_MANIFEST_DIR"), variable("OUT_DIR")) else {
        println!("cargo::error=`build::manifest` is for build scripts");
        return;
    };
    let version = std::env::var("CARGO_PKG_VERSION").unwrap_or_default();
    let path = package.join(path);
    println!("cargo::rerun-if-changed={}", path.display());
    match embed(&path, &out, &version) {
        Ok(named) => {
            for file in named {
                println!("cargo::rerun-if-changed={}", file.display());
            }
        }
        Err(error) => println!("cargo::error={}", error.to_string().replace('\n', " ")),
    }
}

/// As [`manifest`], with every path given. Gives the files that the manifest names.
pub fn embed(path: &Path, out: &Path, version: &str) -> Result<Vec<PathBuf>, BuildError> {
    let (manifest, named) = read(path, version)?;
    let json = serde_json::to_string(&manifest).map_err(|err| BuildError::Manifest {
        path: path.to_owned(),
        reason: err.to_string(),
    })?;
    let write = |name: &str, text: &str| {
        let path = out.join(name);
        std::fs::write(&path, text).map_err(|source| BuildError::File { path, source })
    };
    write("manifest.json", &json)?;
    // The name again by itself, because a macro cannot read it out of JSON.
    write("manifest_name.txt", &manifest.name)?;
    Ok(named)
}

/// Reads a manifest and what it names.
pub fn read(path: &Path, version: &str) -> Result<(Manifest, Vec<PathBuf>), BuildError> {
    let text = text_of(path)?;
    let mut value: Value = toml::from_str(&text).map_err(|err| BuildError::Toml {
        path: path.to_owned(),
        source: Box::new(err),
    })?;
    let mut files = Files {
        manifest: path,
        named: Vec::new(),
    };
    files.replace(&mut value, "settings", parse_json)?;
    files.replace(&mut value, "prelude", |text| Ok(Value::String(text)))?;
    let wrong = |reason: String| BuildError::Manifest {
        path: path.to_owned(),
        reason,
    };
    if let Some(Value::Object(streams)) = value.get_mut("streams") {
        let mut whole = BTreeSet::new();
        for (name, stream) in streams.iter_mut() {
            if stream.get("schema").is_some_and(Value::is_string) {
                whole.insert(name.clone());
            }
            files.replace_as(
                stream,
                "schema",
                &format!("streams.{name}.schema"),
                parse_json,
            )?;
        }
        *streams = Likenesses {
            written: streams,
            whole: &whole,
        }
        .all()
        .map_err(wrong)?;
    }
    let mut manifest: Manifest =
        serde_json::from_value(value).map_err(|err| wrong(err.to_string()))?;
    if manifest.version.is_empty() {
        manifest.version = version.to_owned();
    }
    check(&manifest).map_err(wrong)?;
    Ok((manifest, files.named))
}

struct Files<'a> {
    manifest: &'a Path,
    named: Vec<PathBuf>,
}

impl Files<'_> {
    fn replace(
        &mut self,
        table: &mut Value,
        key: &str,
        parse: impl Fn(String) -> Result<Value, String>,
    ) -> Result<(), BuildError> {
        self.replace_as(table, key, key, parse)
    }

    fn replace_as(
        &mut self,
        table: &mut Value,
        key: &str,
        shown: &str,
        parse: impl Fn(String) -> Result<Value, String>,
    ) -> Result<(), BuildError> {
        let Some(value) = table.get_mut(key) else {
            return Ok(());
        };
        let Value::String(name) = value else {
            return Ok(());
        };
        let path = self.manifest.with_file_name("").join(&*name);
        let wrong = |reason: String| BuildError::Named {
            manifest: self.manifest.to_owned(),
            key: shown.to_owned(),
            path: path.clone(),
            reason,
        };
        let text = std::fs::read_to_string(&path).map_err(|err| wrong(err.to_string()))?;
        *value = parse(text).map_err(wrong)?;
        self.named.push(path);
        Ok(())
    }
}

/// Streams as they are written, some of them `like` another one.
struct Likenesses<'a> {
    written: &'a Map<String, Value>,
    /// Those whose schema is a file of its own: it takes the inherited one's place.
    whole: &'a BTreeSet<String>,
}

impl Likenesses<'_> {
    fn all(&self) -> Result<Map<String, Value>, String> {
        let names = self.written.keys();
        names
            .map(|name| Ok((name.clone(), self.one(name, &mut Vec::new())?)))
            .collect()
    }

    /// A stream over the one that it is like. `above` are those that led here.
    fn one<'n>(&'n self, name: &'n str, above: &mut Vec<&'n str>) -> Result<Value, String> {
        let written = &self.written[name];
        let Some(like) = written.get("like") else {
            return Ok(written.clone());
        };
        let wrong = |what: &str| Err(format!("`streams.{name}.like`: {what}"));
        let Some(like) = like.as_str() else {
            return wrong("it must name a stream");
        };
        above.push(name);
        if above.contains(&like) {
            return wrong("the streams are like each other in circles");
        }
        if !self.written.contains_key(like) {
            return wrong(&format!("there is no stream `{like}`"));
        }
        let mut stream = self.one(like, above)?;
        let mut own = written.clone();
        if let Some(own) = own.as_object_mut() {
            own.remove("like");
        }
        if self.whole.contains(name)
            && let Some(stream) = stream.as_object_mut()
        {
            stream.remove("schema");
        }
        let inherited = stream.get_mut("checks").map(Value::take);
        let checks = own.get_mut("checks").map(Value::take);
        merge(&mut stream, own);
        if let Some(checks) = merged_checks(inherited, checks) {
            stream["checks"] = checks;
        }
        Ok(stream)
    }
}

/// Lays one value over another: tables key by key, anything else whole.
fn merge(base: &mut Value, over: Value) {
    match (base, over) {
        (Value::Object(base), Value::Object(over)) => {
            for (key, value) in over {
                match base.get_mut(&key) {
                    Some(there) => merge(there, value),
                    None => {
                        base.insert(key, value);
                    }
                }
            }
        }
        (base, over) => *base = over,
    }
}

/// The inherited checks, those of the same name overlaid, then the others.
fn merged_checks(inherited: Option<Value>, own: Option<Value>) -> Option<Value> {
    let (mut all, own) = match (inherited, own) {
        (Some(Value::Array(inherited)), Some(Value::Array(own))) => (inherited, own),
        (inherited, own) => return own.or(inherited),
    };
    for check in own {
        let named = |it: &&mut Value| it["name"].is_string() && it["name"] == check["name"];
        match all.iter_mut().find(named) {
            Some(there) => merge(there, check),
            None => all.push(check),
        }
    }
    Some(Value::Array(all))
}

fn text_of(path: &Path) -> Result<String, BuildError> {
    std::fs::read_to_string(path).map_err(|source| BuildError::File {
        path: path.to_owned(),
        source,
    })
}

fn parse_json(text: String) -> Result<Value, String> {
    serde_json::from_str(&text).map_err(|err| err.to_string())
}

/// What the types alone cannot say.
fn check(manifest: &Manifest) -> Result<(), String> {
    let name = &manifest.name;
    let plain = |it: char| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '-';
    if name.is_empty() || !name.chars().all(plain) {
        return Err(format!(
            "`name` is `{name}`: lower case, digits and dashes only"
        ));
    }
    if !manifest.reads_state.contains(&manifest.state_version) {
        return Err(format!(
            "`reads-state` lacks {}, the `state-version` that this connector writes",
            manifest.state_version
        ));
    }
    check_start_setting(manifest)?;
    for (stream_name, stream) in &manifest.streams {
        if stream.ops.is_empty() {
            return Err(format!("`streams.{stream_name}.ops` is empty"));
        }
        if stream.ops.contains(&Op::Push) && stream.batch.is_none() {
            return Err(format!(
                "`streams.{stream_name}.batch` is missing: the stream is pushed to"
            ));
        }
        for check in &stream.checks {
            for (ref_name, to) in &check.refs {
                if !manifest.streams.contains_key(&to.stream) {
                    return Err(format!(
                        "`streams.{stream_name}.checks` `{}`, ref `{ref_name}`: there is no stream `{}`",
                        check.name, to.stream
                    ));
                }
            }
        }
    }
    Ok(())
}

/// A day is written into it as text, so the settings must take one.
fn check_start_setting(manifest: &Manifest) -> Result<(), String> {
    let Some(name) = &manifest.start_setting else {
        return Ok(());
    };
    match manifest
        .settings
        .get("properties")
        .and_then(|it| it.get(name))
    {
        Some(it) if it["type"] == "string" => Ok(()),
        Some(_) => Err(format!("`start-setting`: the setting `{name}` is not text")),
        None => Err(format!("`start-setting`: there is no setting `{name}`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(manifest: &str, files: &[(&str, &str)]) -> String {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("manifest.toml");
        std::fs::write(&path, manifest).unwrap();
        for (name, text) in files {
            std::fs::write(dir.path().join(name), text).unwrap();
        }
        let error = read(&path, "1.2.3").expect_err(manifest).to_string();
        error.replace(&*dir.path().to_string_lossy(), "DIR")
    }

    #[test]
    fn named_files_take_the_place_of_their_names() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = dir.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let path = write(
            "manifest.toml",
            "name = 'acme'\ntitle = 'Acme'\nsettings = 's.json'\nprelude = 'p.jq'\n\
             [streams.invoices]\ntitle = 'invoice'\nops = ['pull']\nschema = 'i.json'\n",
        );
        write("s.json", r#"{"type":"object"}"#);
        write("p.jq", "def one: 1;");
        write("i.json", r#"{"type":"object","x":1.10}"#);

        let named = embed(&path, dir.path(), "1.2.3").unwrap();
        assert_eq!(named.len(), 3);
        let json = std::fs::read_to_string(dir.path().join("manifest.json")).unwrap();
        let manifest: Manifest = serde_json::from_str(&json).unwrap();
        assert_eq!(manifest.version, "1.2.3");
        assert_eq!(manifest.prelude, "def one: 1;");
        assert_eq!(manifest.settings["type"], "object");
        assert_eq!(manifest.streams["invoices"].schema["type"], "object");
        let name = std::fs::read_to_string(dir.path().join("manifest_name.txt")).unwrap();
        assert_eq!(name, "acme");
    }

    #[test]
    fn a_stream_starts_from_the_one_that_it_is_like() {
        let check = |name: &str, that: &str| {
            format!(
                "[[streams.STREAM.checks]]\nname = '{name}'\nkeys = {{}}\nthat = '{that}'\n\
                 category = 'mapping'\ncause = ''\nremedy = ''\nwaits-for = ''\n"
            )
        };
        let text = format!(
            "name = 'acme'\ntitle = 'Acme'\n\
             [streams.bills]\nlike = 'invoices'\ntitle = 'bill'\nbatch = {{ documents = 1 }}\n\
             [streams.bills.schema]\nproperties = {{ a = false, b = {{ type = 'number' }} }}\n\
             [[streams.bills.checks]]\nname = 'one'\nthat = 'mine'\n{}\
             [streams.invoices]\ntitle = 'invoice'\nops = ['push']\nschema = 'i.json'\n\
             batch = {{ documents = 50, bytes = 9 }}\n{}{}\
             [streams.drafts]\nlike = 'bills'\nops = ['pull']\nschema = 'd.json'\n",
            check("three", "3").replace("STREAM", "bills"),
            check("one", "1").replace("STREAM", "invoices"),
            check("two", "2").replace("STREAM", "invoices"),
        );
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("manifest.toml");
        std::fs::write(&path, text).unwrap();
        let schema = r#"{"type":"object","properties":{"a":{"type":"string"}}}"#;
        std::fs::write(dir.path().join("i.json"), schema).unwrap();
        std::fs::write(dir.path().join("d.json"), r#"{"type":"array"}"#).unwrap();

        let (manifest, _) = read(&path, "1.2.3").unwrap();
        let [bills, drafts, invoices] =
            ["bills", "drafts", "invoices"].map(|it| &manifest.streams[it]);
        assert_eq!((&*bills.title, &bills.ops), ("bill", &invoices.ops));
        let batch = bills.batch.as_ref().unwrap();
        assert_eq!((batch.documents, batch.bytes), (1, 9));
        assert_eq!(
            bills.schema,
            serde_json::json!({"type": "object", "properties": {"a": false, "b": {"type": "number"}}})
        );
        let those = |stream: &crate::manifest::Stream| -> Vec<(String, String)> {
            let checks = stream.checks.iter();
            checks
                .map(|it| (it.name.clone(), it.that.clone()))
                .collect()
        };
        let expected = [("one", "mine"), ("two", "2"), ("three", "3")]
            .map(|(name, that)| (name.to_owned(), that.to_owned()));
        assert_eq!(those(bills), expected);
        assert_eq!(those(drafts), expected);
        assert_eq!((those(invoices).len(), &*drafts.title), (2, "bill"));
        // A schema that is a file of its own inherits nothing.
        assert_eq!(drafts.schema, serde_json::json!({"type": "array"}));
    }

    #[test]
    fn problems_name_file_and_key() {
        /// Manifest, files beside it, how the error begins.
        type Case = (
            &'static str,
            &'static [(&'static str, &'static str)],
            &'static str,
        );
        let cases: &[Case] = &[
            (
                "name = ",
                &[],
                "DIR/manifest.toml: TOML parse error at line 1",
            ),
            (
                "name = 'a'\ntitle = 'A'\nsettings = 's.json'\n[streams]\n",
                &[],
                "DIR/manifest.toml: `settings` names DIR/s.json: No such file",
            ),
            (
                "name = 'a'\ntitle = 'A'\n[streams.x]\ntitle = 'x'\nops = ['pull']\nschema = 'x.json'\n",
                &[("x.json", "{")],
                "DIR/manifest.toml: `streams.x.schema` names DIR/x.json: EOF",
            ),
            (
                "name = 'a'\ntitle = 'A'\nnmae = 1\n[streams]\n",
                &[],
                "DIR/manifest.toml: unknown field `nmae`",
            ),
            (
                "name = 'A B'\ntitle = 'A'\n[streams]\n",
                &[],
                "DIR/manifest.toml: `name` is `A B`",
            ),
            (
                "name = 'a'\ntitle = 'A'\nstate-version = 2\n[streams]\n",
                &[],
                "DIR/manifest.toml: `reads-state` lacks 2",
            ),
            (
                "name = 'a'\ntitle = 'A'\nstart-setting = 'since'\n[streams]\n",
                &[],
                "DIR/manifest.toml: `start-setting`: there is no setting `since`",
            ),
            (
                "name = 'a'\ntitle = 'A'\nstart-setting = 'since'\nsettings = 's.json'\n[streams]\n",
                &[("s.json", r#"{"properties":{"since":{"type":"integer"}}}"#)],
                "DIR/manifest.toml: `start-setting`: the setting `since` is not text",
            ),
            (
                "name = 'a'\ntitle = 'A'\n[streams.x]\ntitle = 'x'\nops = ['push']\n",
                &[],
                "DIR/manifest.toml: `streams.x.batch` is missing",
            ),
            (
                "name = 'a'\ntitle = 'A'\n[streams.x]\nlike = 'y'\n",
                &[],
                "DIR/manifest.toml: `streams.x.like`: there is no stream `y`",
            ),
            (
                "name = 'a'\ntitle = 'A'\n[streams.x]\nlike = ['y']\n",
                &[],
                "DIR/manifest.toml: `streams.x.like`: it must name a stream",
            ),
            (
                "name = 'a'\ntitle = 'A'\n[streams.x]\nlike = 'y'\n[streams.y]\nlike = 'x'\n",
                &[],
                "DIR/manifest.toml: `streams.y.like`: the streams are like each other in circles",
            ),
        ];
        for (manifest, files, expected) in cases {
            let actual = error(manifest, files);
            assert!(actual.starts_with(expected), "{manifest}\n{actual}");
        }
    }
}
