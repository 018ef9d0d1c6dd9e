//! Rules over reference lists, checked before a call is spent: accounts, tax types, lock dates.
//!
//! The answer depends on a few keys of a document alone, so it is remembered for equal keys: ten
//! thousand documents on one archived account cost one evaluation.

use std::collections::{BTreeMap, HashMap};

use ledgerline_plugin_api::manifest::{Category, Check, Problem};

use super::{
    jq::{EvalError, Program},
    rules::{Reference, RuleCompiler, RulesCx},
    value::Value,
};

/// Variables of every check, before its own references.
const GLOBALS: [&str; 3] = ["$settings", "$target_settings", "$reference"];

/// Why a check stopped a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckStop {
    /// What is wrong and what to do.
    pub problem: Problem,
    /// What is waited for, the same for all documents with the same cause.
    pub waits_for: String,
}

/// What checks remember during one run, while the reference lists stay as they are.
#[derive(Debug, Default)]
pub struct CheckMemo {
    answers: HashMap<(usize, String), Result<(), CheckStop>>,
    /// Reference documents by what a check looks them up by.
    indexes: HashMap<(usize, usize), HashMap<String, Value>>,
    evaluations: u64,
}

impl CheckMemo {
    /// How many checks were really evaluated.
    pub fn evaluations(&self) -> u64 {
        self.evaluations
    }
}

/// The compiled checks of a stream.
#[derive(Debug, Default)]
pub struct Checks {
    rules: Vec<Rule>,
}

#[derive(Debug)]
struct Rule {
    name: String,
    each: Option<String>,
    keys: Vec<(String, Program)>,
    refs: Vec<Lookup>,
    that: Program,
    category: Category,
    cause: Program,
    remedy: Program,
    waits_for: Program,
}

#[derive(Debug)]
struct Lookup {
    stream: String,
    key: Option<String>,
    by: Option<Program>,
}

impl Checks {
    pub(super) fn compile(checks: &[Check], cx: &mut RuleCompiler<'_>) -> Self {
        Self {
            rules: checks.iter().filter_map(|it| rule(it, cx)).collect(),
        }
    }

    /// Checks a document; the first rule that does not hold stops it.
    pub fn check_all(
        &self,
        document: &Value,
        cx: RulesCx<'_>,
        memo: &mut CheckMemo,
    ) -> Result<(), CheckStop> {
        self.check_those(|_| true, document, cx, memo)
    }

    /// As `check_all`, but for rules about one class of problem alone: for a document that is in the
    /// target already, whose other parts are nobody's concern now.
    pub fn check_about(
        &self,
        category: Category,
        document: &Value,
        cx: RulesCx<'_>,
        memo: &mut CheckMemo,
    ) -> Result<(), CheckStop> {
        self.check_those(|it| it.category == category, document, cx, memo)
    }

    fn check_those(
        &self,
        wanted: impl Fn(&Rule) -> bool,
        document: &Value,
        cx: RulesCx<'_>,
        memo: &mut CheckMemo,
    ) -> Result<(), CheckStop> {
        for (index, rule) in self.rules.iter().enumerate().filter(|(_, it)| wanted(it)) {
            match &rule.each {
                None => rule.check(index, document, None, cx, memo)?,
                Some(name) => {
                    let elements = document.get(name).and_then(Value::as_array);
                    for (position, it) in elements.unwrap_or_default().iter().enumerate() {
                        let at = format!("{name}.{position}");
                        rule.check(index, it, Some(at), cx, memo)?;
                    }
                }
            }
        }
        Ok(())
    }
}

fn rule(check: &Check, cx: &mut RuleCompiler<'_>) -> Option<Rule> {
    let within = |part: &str| format!("checks.{}.{part}", check.name);
    let refs: Vec<String> = check.refs.keys().map(|it| format!("${it}")).collect();
    let globals: Vec<&str> = GLOBALS
        .iter()
        .copied()
        .chain(refs.iter().map(String::as_str))
        .collect();
    let keys: Vec<_> = check
        .keys
        .iter()
        .map(|(name, code)| {
            let program = cx.program(&within(&format!("keys.{name}")), code, &GLOBALS);
            Some((name.clone(), program?))
        })
        .collect();
    let lookups: Vec<_> = check
        .refs
        .iter()
        .map(|(name, it)| {
            let by = match &it.by {
                Some(code) => {
                    Some(cx.program(&within(&format!("refs.{name}.by")), code, &GLOBALS)?)
                }
                None => None,
            };
            Some(Lookup {
                stream: it.stream.clone(),
                key: it.key.clone(),
                by,
            })
        })
        .collect();
    let that = cx.program(&within("that"), &check.that, &globals);
    let cause = cx.program(&within("cause"), &check.cause, &globals);
    let remedy = cx.program(&within("remedy"), &check.remedy, &globals);
    let waits_for = cx.program(&within("waits-for"), &check.waits_for, &globals);
    Some(Rule {
        name: check.name.clone(),
        each: check.each.clone(),
        keys: keys.into_iter().collect::<Option<_>>()?,
        refs: lookups.into_iter().collect::<Option<_>>()?,
        that: that?,
        category: check.category,
        cause: cause?,
        remedy: remedy?,
        waits_for: waits_for?,
    })
}

impl Rule {
    fn check(
        &self,
        index: usize,
        subject: &Value,
        at: Option<String>,
        cx: RulesCx<'_>,
        memo: &mut CheckMemo,
    ) -> Result<(), CheckStop> {
        let placed = |mut stop: CheckStop| {
            stop.problem.field = at.clone().or(stop.problem.field);
            stop
        };
        let mut keys = BTreeMap::new();
        for (name, program) in &self.keys {
            let globals = base(program, cx);
            let key = program
                .one(subject, &globals)
                .map_err(|it| placed(self.broken(&it)))?;
            keys.insert(name.as_str(), key.unwrap_or_default());
        }
        if keys.values().all(Value::is_null) {
            return Ok(());
        }
        let keys = Value::object(keys);
        let remembered = (index, keys.to_json());
        if let Some(it) = memo.answers.get(&remembered) {
            return it.clone().map_err(placed);
        }
        memo.evaluations += 1;
        let answer = self.evaluate(index, &keys, cx, memo);
        memo.answers.insert(remembered, answer.clone());
        answer.map_err(placed)
    }

    fn evaluate(
        &self,
        index: usize,
        keys: &Value,
        cx: RulesCx<'_>,
        memo: &mut CheckMemo,
    ) -> Result<(), CheckStop> {
        let mut found = Vec::with_capacity(self.refs.len());
        for (position, it) in self.refs.iter().enumerate() {
            found.push(self.look_up((index, position), it, keys, cx, memo)?);
        }
        let run = |program: &Program| -> Result<Value, CheckStop> {
            let mut globals = base(program, cx).to_vec();
            globals.extend(found.iter());
            let it = program.one(keys, &globals).map_err(|it| self.broken(&it))?;
            Ok(it.unwrap_or_default())
        };
        if run(&self.that)?.is_truthy() {
            return Ok(());
        }
        let words = |program| run(program).map(|it| it.to_text().to_string());
        Err(CheckStop {
            problem: Problem {
                category: self.category,
                field: None,
                cause: words(&self.cause)?,
                remedy: words(&self.remedy)?,
            },
            waits_for: words(&self.waits_for)?,
        })
    }

    fn look_up(
        &self,
        place: (usize, usize),
        it: &Lookup,
        keys: &Value,
        cx: RulesCx<'_>,
        memo: &mut CheckMemo,
    ) -> Result<Value, CheckStop> {
        let Some(key) = &it.key else {
            let only = cx.reference.documents(&it.stream).next();
            return Ok(only.map(|(_, it)| it.clone()).unwrap_or_default());
        };
        let key = match keys.child(key) {
            Some(key) if !key.is_blank() => key.to_text(),
            _ => return Ok(Value::Null),
        };
        let Some(by) = &it.by else {
            return Ok(cx
                .reference
                .get(&it.stream, &key)
                .cloned()
                .unwrap_or_default());
        };
        if let Some(index) = memo.indexes.get(&place) {
            return Ok(index.get(&*key).cloned().unwrap_or_default());
        }
        let index = indexed(&it.stream, by, cx).map_err(|it| self.broken(&it))?;
        let found = index.get(&*key).cloned().unwrap_or_default();
        memo.indexes.insert(place, index);
        Ok(found)
    }

    /// A check that cannot be evaluated stops the document: nothing goes unchecked.
    fn broken(&self, error: &EvalError) -> CheckStop {
        CheckStop {
            problem: Problem {
                category: Category::Defect,
                field: None,
                cause: format!("the check `{}` cannot be made: {error}", self.name),
                remedy: "Report it: the connector's manifest has a mistake".to_owned(),
            },
            waits_for: format!("check {}", self.name),
        }
    }
}

fn indexed(
    stream: &str,
    by: &Program,
    cx: RulesCx<'_>,
) -> Result<HashMap<String, Value>, EvalError> {
    let mut index = HashMap::new();
    for (_, document) in cx.reference.documents(stream) {
        if let Some(key) = by.one(document, &base(by, cx))?.filter(|it| !it.is_blank()) {
            // Of several the first stands: an order that does not depend on the run.
            index
                .entry(key.to_text().to_string())
                .or_insert_with(|| document.clone());
        }
    }
    Ok(index)
}

fn base<'a>(program: &Program, cx: RulesCx<'a>) -> [&'a Value; 3] {
    let asks = program
        .members()
        .iter()
        .any(|it| it.variable == "$reference");
    let reference: &Reference = cx.reference;
    [
        cx.settings,
        cx.settings,
        if asks {
            reference.as_value()
        } else {
            &Value::Null
        },
    ]
}
