//! Cases for a plugin's jq: what its prelude gives for a document, run by the engine's own
//! interpreter, which calculates exactly. For the tests of plugins; a mapping has `[[test]]`.

use ledgerline_plugin_api::manifest::Manifest;

use super::{
    Value,
    jq::{Library, Prelude, Program},
};

/// Variables that a prelude may use.
const VARIABLES: [&str; 1] = ["$settings"];

/// Runs the cases of a JSON text and gives their count and what is wrong.
///
/// `documents` are documents by name, `settings` the usual settings of the connection. Each of `cases`
/// has a `name`, an `expression`, and either what it gives (`expected`) or a part of what it says
/// (`error`). Its document is one of the names (`of`, changed by `with`) or given (`document`).
///
/// # Errors
///
/// The prelude does not compile, or the text is not of this form.
pub fn run_cases(manifest: &Manifest, text: &str) -> Result<(usize, Vec<String>), String> {
    let preludes = [Prelude::new(&manifest.name, &manifest.prelude)];
    let (mut library, mut faults) = Library::new(&preludes);
    faults.extend(library.check(&preludes, &VARIABLES));
    if !faults.is_empty() {
        return Err(format!("the prelude: {faults:?}"));
    }
    let all = Value::parse(text.as_bytes()).map_err(|why| why.to_string())?;
    let nothing = Value::default();
    let usual = all.child("settings").unwrap_or(&nothing);
    let cases = all.child("cases").and_then(Value::as_array);
    let cases = cases.ok_or("`cases` is no list")?;
    let mut wrong = Vec::new();
    for case in cases {
        let name = text_of(case, "name")?;
        let settings = case.child("settings").unwrap_or(usual);
        let told = |why: String| format!("{name}: {why}");
        let program = Program::compile(&library, text_of(case, "expression")?, &VARIABLES)
            .map_err(|why| told(format!("{why:?}")))?;
        let document = document(&all, case).map_err(told)?;
        let given = program.one(&document, &[settings]);
        match (given, case.child("expected"), case.child("error")) {
            (Ok(given), Some(expected), None) => {
                let given = given.unwrap_or_default();
                if given != *expected {
                    let (given, expected) = (given.to_json(), expected.to_json());
                    wrong.push(told(format!("{given} instead of {expected}")));
                }
            }
            (Err(error), None, Some(expected))
                if expected
                    .as_str()
                    .is_some_and(|it| error.message.contains(it)) => {}
            (given, ..) => wrong.push(told(format!("{given:?}"))),
        }
    }
    Ok((cases.len(), wrong))
}

fn text_of<'a>(case: &'a Value, field: &str) -> Result<&'a str, String> {
    let found = case.child(field).and_then(Value::as_str);
    found.ok_or_else(|| format!("a case without `{field}`: {}", case.to_json()))
}

/// The document that a case is about.
fn document(all: &Value, case: &Value) -> Result<Value, String> {
    let Some(name) = case.child("of").and_then(Value::as_str) else {
        let given = case.child("document").cloned();
        return given.ok_or_else(|| "it has neither `of` nor `document`".to_owned());
    };
    let named = all.get(&format!("documents.{name}"));
    let mut document = named
        .cloned()
        .ok_or_else(|| format!("there is no document `{name}`"))?;
    if let Some(Value::Obj(changes)) = case.child("with") {
        for (field, value) in changes.iter() {
            document
                .set(field, value.clone())
                .map_err(|why| format!("{field}: {why}"))?;
        }
    }
    Ok(document)
}
