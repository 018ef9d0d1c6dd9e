//! Runs a mapping's own tests: `[[test]]`.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    apply::{Apply, Followed, LinkAnswer, LinkAsk, Links, Mapping, Shared, TableData},
    compile::line_of,
    file::{TestDocument, TestToml},
    stop::Stop,
    value::{Number, Object, Value},
};

/// The day that tests take for today unless they name one: nothing is in its future.
const TODAY: &str = "9999-12-31";

/// What tests are run with.
pub struct TestCx<'a> {
    /// Reads a sample; the path is relative to the configuration folder.
    pub read: &'a dyn Fn(&Path) -> io::Result<Vec<u8>>,
    /// Settings of a source connection, with defaults; a test's own go over these.
    pub settings: &'a Value,
    /// The same for the target.
    pub target_settings: &'a Value,
}

/// How one test went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestResult {
    /// Its name, or its position.
    pub name: String,
    /// Where it stands: `file:line`.
    pub at: String,
    /// What was not as expected; nothing when it passed.
    pub failures: Vec<String>,
}

impl TestResult {
    /// Whether all was as expected.
    pub fn passed(&self) -> bool {
        self.failures.is_empty()
    }
}

struct TestLinks<'a>(&'a Value);

impl Links for TestLinks<'_> {
    fn resolve(&self, ask: &LinkAsk<'_>) -> LinkAnswer {
        let LinkAsk {
            link, value: id, ..
        } = ask;
        match self.0.child(link).and_then(|it| it.child(id)) {
            Some(it) => LinkAnswer::Target(it.to_text().to_string()),
            None => LinkAnswer::Waiting {
                cause_key: format!("link {link} {id}"),
                cause: format!("the {link} {id} is not linked"),
                remedy: format!("Write links = {{ {link} = {{ \"{id}\" = \"…\" }} }} in the test"),
            },
        }
    }
}

impl Mapping {
    /// Runs the mapping's tests.
    pub fn tests(&self, cx: &TestCx<'_>) -> Vec<TestResult> {
        self.tests
            .iter()
            .enumerate()
            .map(|(index, test)| TestResult {
                name: test
                    .name
                    .clone()
                    .unwrap_or_else(|| format!("test {}", index + 1)),
                at: self.at(line_of(&self.file.text, test.span.start)),
                failures: self.test(test, cx),
            })
            .collect()
    }

    fn test(&self, test: &TestToml, cx: &TestCx<'_>) -> Vec<String> {
        let document = match &test.document {
            TestDocument::Inline(it) => it.clone(),
            TestDocument::File(path) => {
                let path = self
                    .file
                    .path
                    .parent()
                    .map_or(PathBuf::from(path), |it| it.join(path));
                let read = (cx.read)(&path).map_err(|it| it.to_string());
                match read.and_then(|it| Value::parse(&it).map_err(|it| it.to_string())) {
                    Ok(it) => it,
                    Err(it) => return vec![format!("{}: {it}", path.display())],
                }
            }
        };
        let settings = over(cx.settings, &test.settings);
        let target_settings = over(cx.target_settings, &test.target_settings);
        let links = TestLinks(&test.links);
        let followed = Followed {
            source: test.source.clone(),
            held: test.held.clone(),
        };
        let number = if test.number.is_null() {
            None
        } else {
            Some(test.number.to_text())
        };
        let apply = Apply {
            document: &document,
            settings: &settings,
            target_settings: &target_settings,
            number: number.as_deref(),
            today: test.today.as_deref().unwrap_or(TODAY),
            links: &links,
            followed: &followed,
            shared: &Shared::default(),
        };
        let chosen = test
            .options
            .iter()
            .map(|(name, it)| (name.value.as_str(), it.clone()));
        if let Some(it) = test
            .options
            .iter()
            .find(|(it, _)| self.options.child(&it.value).is_none())
        {
            return vec![format!("the mapping has no option `{}`", it.0.value)];
        }
        let options = over(&self.options, &Value::object(chosen));
        let tables = over(&self.tables, &test.tables);
        let lookups = self.tables_over(&test.tables);
        let mut bound = self.bound(&apply);
        bound.options = &options;
        bound.tables = &tables;
        bound.lookups = &lookups;
        let result = self
            .gate_bound(&bound)
            .and_then(|()| self.map_bound(&bound));
        compared(test, result)
    }

    fn tables_over(&self, tables: &Value) -> BTreeMap<String, Arc<TableData>> {
        let mut lookups = self.lookups.clone();
        for (name, rows) in tables.as_object().into_iter().flat_map(Object::iter) {
            let shared = self.lookups.get(&**name);
            let mut table = TableData {
                name: name.clone(),
                file: self.file.path.clone(),
                rows: shared.map(|it| it.rows.clone()).unwrap_or_default(),
                default: shared.and_then(|it| it.default.clone()),
            };
            for (key, it) in rows.as_object().into_iter().flat_map(Object::iter) {
                table.rows.insert(key.to_string(), it.clone());
            }
            lookups.insert(name.to_string(), Arc::new(table));
        }
        lookups
    }
}

fn compared(test: &TestToml, result: Result<Value, Stop>) -> Vec<String> {
    let mut failures = Vec::new();
    match (result, &test.expect_stop) {
        (Err(stop), Some(expected)) => {
            let remedy = match &stop {
                Stop::Problem { problem, .. } => problem.remedy.as_str(),
                Stop::Excluded { .. } => "",
            };
            if !stop.words().contains(expected) && !remedy.contains(expected) {
                failures.push(format!(
                    "stopped by \"{}\", not by \"{expected}\"",
                    stop.words()
                ));
            }
        }
        (Err(stop), None) => failures.push(format!("stopped: {}", stop.words())),
        (Ok(_), Some(expected)) => {
            failures.push(format!("went through, but should stop by \"{expected}\""));
        }
        (Ok(document), None) => {
            for (path, expected) in &test.expect {
                match document.get(&path.value) {
                    Some(it) if as_expected(expected, it) => {}
                    Some(it) => failures.push(format!(
                        "{} is {}, not {}",
                        path.value,
                        it.excerpt(200),
                        expected.excerpt(200)
                    )),
                    None => failures.push(format!(
                        "{} is not there; expected {}",
                        path.value,
                        expected.excerpt(200)
                    )),
                }
            }
            for path in &test.absent {
                if let Some(it) = document.get(&path.value) {
                    let shown = it.excerpt(200);
                    failures.push(format!("{} is {shown}, but should be left out", path.value));
                }
            }
        }
    }
    failures
}

/// Of an object only the expected fields count. Amounts are text in TOML and numbers in documents.
fn as_expected(expected: &Value, actual: &Value) -> bool {
    match (expected, actual) {
        (Value::Obj(expected), actual) => expected.iter().all(|(name, it)| {
            actual
                .child(name)
                .is_some_and(|actual| as_expected(it, actual))
        }),
        (Value::Arr(expected), Value::Arr(actual)) => {
            let (expected, actual) = (expected.items(), actual.items());
            expected.len() == actual.len()
                && expected.iter().zip(actual).all(|(l, r)| as_expected(l, r))
        }
        (Value::Str(expected), Value::Num(actual)) => {
            Number::parse(expected).is_some_and(|it| it == *actual)
        }
        (expected, actual) => expected == actual,
    }
}

/// The fields of both; those of the second stand. Nested objects are merged too.
fn over(below: &Value, above: &Value) -> Value {
    match (below, above) {
        (below, Value::Null) => below.clone(),
        (Value::Obj(below), Value::Obj(above)) => {
            let mut merged = Object::clone(below);
            for (name, it) in above.iter() {
                let it = over(merged.get(name).unwrap_or(&Value::Null), it);
                merged.insert(name.clone(), it);
            }
            Value::from(merged)
        }
        (_, above) => above.clone(),
    }
}
