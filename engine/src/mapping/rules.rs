//! What a manifest says about the documents of one stream, compiled: key, number, date, total, state,
//! rules over reference lists, and how cents are put right.

use std::{collections::BTreeMap, path::PathBuf, sync::OnceLock};

use jiff::{Timestamp, civil::Date};
use ledgerline_plugin_api::manifest::{HeldState, Stream};
use rust_decimal::Decimal;

use super::{
    checks::Checks,
    compile,
    jq::{EvalError, Library, Prelude, Program},
    stock::{self, LedgerRules, Posting, StockFacts, StockRules},
    value::Value,
};
use crate::config::findings::{Findings, SourceFile};

/// Variables of a stream's expressions, in the order in which they are bound.
const GLOBALS: [&str; 5] = [
    "$settings",
    "$target_settings",
    "$reference",
    "$difference",
    "$account",
];

/// Reference documents of one connection: stream → key → document.
#[derive(Debug, Default)]
pub struct Reference {
    streams: BTreeMap<String, BTreeMap<String, Value>>,
    whole: OnceLock<Value>,
}

impl Reference {
    /// Puts a document in.
    pub fn insert(&mut self, stream: &str, key: &str, document: Value) {
        self.whole = OnceLock::new();
        self.streams
            .entry(stream.to_owned())
            .or_default()
            .insert(key.to_owned(), document);
    }

    /// Says that a stream was read, whether or not it held anything.
    pub fn know(&mut self, stream: &str) {
        self.streams.entry(stream.to_owned()).or_default();
    }

    /// Whether a stream was read.
    pub fn knows(&self, stream: &str) -> bool {
        self.streams.contains_key(stream)
    }

    /// A document by its key.
    pub fn get(&self, stream: &str, key: &str) -> Option<&Value> {
        self.streams.get(stream)?.get(key)
    }

    /// All documents of a stream, by key.
    pub fn documents(&self, stream: &str) -> impl Iterator<Item = (&str, &Value)> {
        self.streams
            .get(stream)
            .into_iter()
            .flatten()
            .map(|(key, it)| (key.as_str(), it))
    }

    /// As expressions see it. Made once, when an expression first asks.
    pub fn as_value(&self) -> &Value {
        self.whole.get_or_init(|| {
            Value::object(self.streams.iter().map(|(stream, documents)| {
                let documents = documents.iter().map(|(key, it)| (key.as_str(), it.clone()));
                (stream.as_str(), Value::object(documents))
            }))
        })
    }
}

/// What lists and groups show of a document. What could not be read is left open and told in
/// `faults`: an odd document must not stop a page of others.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StreamFacts {
    /// The document's id in its system.
    pub key: Option<String>,
    /// The number people know it by.
    pub number: Option<String>,
    /// Accounting date.
    pub date: Option<Date>,
    /// Total, positive for what the document is for.
    pub total: Option<Decimal>,
    /// ISO code; none is the account's base currency.
    pub currency: Option<String>,
    /// Counterparty.
    pub party: Option<String>,
    /// The system marks it as taken into the books.
    pub imported: bool,
    /// When it was marked so.
    pub imported_at: Option<Timestamp>,
    /// What could not be read, in words.
    pub faults: Vec<String>,
}

/// The expressions of one stream.
#[derive(Debug)]
pub struct StreamRules {
    title: String,
    key: Option<Program>,
    number: Option<Program>,
    date: Option<Program>,
    total: Option<Program>,
    currency: Option<Program>,
    party: Option<Program>,
    imported: Option<Program>,
    imported_at: Option<Program>,
    held_total: Option<Program>,
    state: Option<Program>,
    states: BTreeMap<String, HeldState>,
    active: Option<Program>,
    moved_to: Option<Program>,
    life_remedy: Option<String>,
    owed_to_us: Option<Program>,
    owed_by_us: Option<Program>,
    overdue: Option<Program>,
    tax_amounts: Option<Program>,
    line: Option<Program>,
    reversal: Option<Program>,
    payments: Option<Program>,
    settled_otherwise: Option<Program>,
    open: Option<Program>,
    payment_fixed: Option<Program>,
    payment_with: Option<Program>,
    stock: Option<StockRules>,
    postings: Option<Program>,
    ledger: Option<LedgerRules>,
    checks: Checks,
}

/// What rules are evaluated with.
#[derive(Debug, Clone, Copy)]
pub struct RulesCx<'a> {
    /// Settings of the connection whose stream it is.
    pub settings: &'a Value,
    /// Its reference documents.
    pub reference: &'a Reference,
}

impl StreamRules {
    /// Compiles a stream's expressions. What is wrong with them is reported against the manifest;
    /// with findings added, it gives none.
    pub fn compile(
        connector: &str,
        name: &str,
        stream: &Stream,
        prelude: &str,
        findings: &mut Findings,
    ) -> Option<Self> {
        let before = findings.list.len();
        let preludes = [Prelude::new(connector, prelude)];
        let library = compile::library(&preludes, &compile::ANYWHERE, findings);
        let mut cx = RuleCompiler {
            connector,
            stream: name,
            library: &library,
            findings,
        };
        let life = stream.life.as_ref();
        let rounding = stream.rounding.as_ref();
        let owed = stream.balances.as_ref();
        let settled = stream.settled.as_ref();
        let settles = stream.settles.as_ref();
        let rules = Self {
            title: stream.title.clone(),
            key: cx.optional("key", stream.key.as_ref()),
            number: cx.optional("number", stream.number.as_ref()),
            date: cx.optional("date", stream.date.as_ref()),
            total: cx.optional("total", stream.total.as_ref()),
            currency: cx.optional("currency", stream.currency.as_ref()),
            party: cx.optional("party", stream.party.as_ref()),
            imported: cx.optional("imported", stream.imported.as_ref()),
            imported_at: cx.optional("imported-at", stream.imported_at.as_ref()),
            held_total: cx.optional("held-total", stream.held_total.as_ref()),
            state: cx.optional("state", stream.state.as_ref()),
            states: stream.states.clone(),
            active: cx.optional("life.active", life.map(|it| &it.active)),
            moved_to: cx.optional("life.moved-to", life.and_then(|it| it.moved_to.as_ref())),
            life_remedy: life.map(|it| it.remedy.clone()),
            owed_to_us: cx.optional(
                "balances.owed-to-us",
                owed.and_then(|it| it.owed_to_us.as_ref()),
            ),
            owed_by_us: cx.optional(
                "balances.owed-by-us",
                owed.and_then(|it| it.owed_by_us.as_ref()),
            ),
            overdue: cx.optional("balances.overdue", owed.and_then(|it| it.overdue.as_ref())),
            tax_amounts: cx.optional(
                "rounding.tax-amounts",
                rounding.and_then(|it| it.tax_amounts.as_ref()),
            ),
            line: cx.optional("rounding.line", rounding.and_then(|it| it.line.as_ref())),
            reversal: cx.optional(
                "reversal.document",
                stream.reversal.as_ref().map(|it| &it.document),
            ),
            payments: cx.optional("settled.payments", settled.map(|it| &it.payments)),
            settled_otherwise: cx.optional("settled.others", settled.map(|it| &it.others)),
            open: cx.optional("settled.open", settled.map(|it| &it.open)),
            payment_fixed: cx.optional("settles.fixed", settles.map(|it| &it.fixed)),
            payment_with: cx.optional("settles.with", settles.map(|it| &it.with)),
            stock: stream
                .stock
                .as_ref()
                .map(|it| StockRules::compile(it, &mut cx)),
            postings: cx.optional("postings", stream.postings.as_ref()),
            ledger: stream
                .ledger
                .as_ref()
                .map(|it| LedgerRules::compile(it, &mut cx)),
            checks: Checks::compile(&stream.checks, &mut cx),
        };
        // The target's schema is the mapping's to use; a broken one is found here too.
        compile::compiled_schema(connector, stream, findings);
        (findings.list.len() == before).then_some(rules)
    }

    /// Name of a document for people: `credit note`.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// Facts of a document.
    pub fn facts(&self, document: &Value, settings: &Value) -> StreamFacts {
        let reference = Reference::default();
        let cx = RulesCx {
            settings,
            reference: &reference,
        };
        let mut facts = StreamFacts::default();
        let mut read = |program: &Option<Program>, what: &str| match run(program, document, cx) {
            Ok(it) => it.filter(|it| !it.is_blank()),
            Err(it) => {
                facts
                    .faults
                    .push(format!("its {what} cannot be read: {it}"));
                None
            }
        };
        let key = read(&self.key, "id");
        let number = read(&self.number, "number");
        let date = read(&self.date, "date");
        let total = read(&self.total, "total");
        let currency = read(&self.currency, "currency");
        let party = read(&self.party, "party");
        let imported = read(&self.imported, "import status");
        let imported_at = read(&self.imported_at, "import date");
        let words = |it: Value| it.to_text().trim().to_owned();
        facts.key = key.map(words);
        facts.number = number.map(words);
        facts.currency = currency.map(words);
        facts.party = party.map(words);
        facts.imported = imported.is_some_and(|it| it.is_truthy());
        let faults = &mut facts.faults;
        let mut odd = |it: &Value, what: &str| {
            faults.push(format!("its {what} is {}", it.excerpt(40)));
        };
        facts.date = date.and_then(|it| {
            let date = it.as_str().and_then(|it| it.parse().ok());
            date.or_else(|| {
                odd(&it, "date");
                None
            })
        });
        facts.total = total.and_then(|it| {
            it.to_decimal().or_else(|| {
                odd(&it, "total");
                None
            })
        });
        facts.imported_at = imported_at.and_then(|it| {
            instant(&it).or_else(|| {
                odd(&it, "import date");
                None
            })
        });
        facts
    }

    /// The document's id in its system.
    pub fn key(&self, document: &Value, cx: RulesCx<'_>) -> Result<Option<String>, EvalError> {
        let it = run(&self.key, document, cx)?.filter(|it| !it.is_blank());
        Ok(it.map(|it| it.to_text().to_string()))
    }

    /// The total that this system will compute from a document that is sent to it.
    pub fn total(&self, document: &Value, cx: RulesCx<'_>) -> Result<Option<Decimal>, EvalError> {
        amount(run(&self.total, document, cx)?)
    }

    /// The total that this system shows for a document that it holds.
    pub fn held_total(
        &self,
        document: &Value,
        cx: RulesCx<'_>,
    ) -> Result<Option<Decimal>, EvalError> {
        let program = if self.held_total.is_some() {
            &self.held_total
        } else {
            &self.total
        };
        amount(run(program, document, cx)?)
    }

    /// The state of a document that this system holds.
    pub fn held_state(
        &self,
        document: &Value,
        cx: RulesCx<'_>,
    ) -> Result<Option<HeldState>, EvalError> {
        let state = run(&self.state, document, cx)?;
        Ok(state.and_then(|it| self.states.get(&*it.to_text()).copied()))
    }

    /// Whether a reference document is in use. Without a rule all are.
    pub fn active(&self, document: &Value, cx: RulesCx<'_>) -> Result<bool, EvalError> {
        match &self.active {
            Some(_) => Ok(run(&self.active, document, cx)?.is_some_and(|it| it.is_truthy())),
            None => Ok(true),
        }
    }

    /// The document that a reference document was merged into.
    pub fn moved_to(&self, document: &Value, cx: RulesCx<'_>) -> Result<Option<String>, EvalError> {
        let it = run(&self.moved_to, document, cx)?.filter(|it| !it.is_blank());
        Ok(it.map(|it| it.to_text().to_string()))
    }

    /// What to do about a reference document out of use.
    pub fn life_remedy(&self) -> Option<&str> {
        self.life_remedy.as_deref()
    }

    /// What a counterparty owes us, what we owe it, and what it owes and should have paid, as this system
    /// shows them. What cannot be read is left open: it stops nothing.
    pub fn balances(&self, document: &Value, cx: RulesCx<'_>) -> [Option<Decimal>; 3] {
        [&self.owed_to_us, &self.owed_by_us, &self.overdue].map(|program| {
            let found = run(program, document, cx).and_then(amount);
            found.ok().flatten()
        })
    }

    /// A document in a few words: its party or number, else its key.
    pub fn label(&self, document: &Value, cx: RulesCx<'_>) -> String {
        [&self.party, &self.number, &self.key]
            .into_iter()
            .find_map(|it| {
                run(it, document, cx)
                    .ok()
                    .flatten()
                    .filter(|it| !it.is_blank())
            })
            .map(|it| it.to_text().to_string())
            .unwrap_or_default()
    }

    /// Rules over reference lists.
    pub fn checks(&self) -> &Checks {
        &self.checks
    }

    /// When a document moved the stock that `account` stands for, and the costs of others that it tells; none on a
    /// stream that does nothing to stock.
    pub fn stock(&self, document: &Value, settings: &Value, account: &str) -> Option<StockFacts> {
        let rules = self.stock.as_ref()?;
        Some(rules.facts(document, settings, account))
    }

    /// The same with the value of the document, which is dearer to work out.
    pub fn stock_value(
        &self,
        facts: &mut StockFacts,
        document: &Value,
        settings: &Value,
        account: &str,
    ) {
        if let Some(rules) = &self.stock {
            rules.value(facts, document, settings, account);
        }
    }

    /// Which documents that move stock are not read, and what to set, in words.
    pub fn stock_unseen(&self, settings: &Value) -> Option<String> {
        self.stock.as_ref()?.unseen(settings)
    }

    /// The lines of a posted document in the ledger, in the base currency.
    pub fn postings(&self, document: &Value, cx: RulesCx<'_>) -> Result<Vec<Posting>, EvalError> {
        stock::postings(run(&self.postings, document, cx)?)
    }

    /// What an account holds, of its balance.
    pub fn balance(&self, document: &Value, cx: RulesCx<'_>) -> Result<Option<Decimal>, EvalError> {
        match &self.ledger {
            Some(it) => it.balance(document, cx),
            None => Ok(None),
        }
    }

    /// Of an account its id among the balances, and its name.
    pub fn ledger_account(&self, account: &Value, cx: RulesCx<'_>) -> (Option<String>, String) {
        match &self.ledger {
            Some(it) => it.account(account, cx),
            None => (None, String::new()),
        }
    }

    /// The document that takes back one that this system holds; none where it cannot be taken back so.
    pub fn reversal(&self, held: &Value, cx: RulesCx<'_>) -> Result<Option<Value>, EvalError> {
        run(&self.reversal, held, cx)
    }

    /// Keys of the payments of a document that this system holds.
    pub fn payments(&self, held: &Value, cx: RulesCx<'_>) -> Result<Vec<String>, EvalError> {
        Ok(texts(run(&self.payments, held, cx)?))
    }

    /// What else a document is settled with, in words.
    pub fn settled_otherwise(
        &self,
        held: &Value,
        cx: RulesCx<'_>,
    ) -> Result<Vec<String>, EvalError> {
        Ok(texts(run(&self.settled_otherwise, held, cx)?))
    }

    /// What is open of a document; none where it is not known.
    pub fn open(&self, held: &Value, cx: RulesCx<'_>) -> Result<Option<Decimal>, EvalError> {
        amount(run(&self.open, held, cx)?)
    }

    /// Why a payment cannot be taken off what it settles; none where it can.
    pub fn payment_fixed(
        &self,
        held: &Value,
        cx: RulesCx<'_>,
    ) -> Result<Option<String>, EvalError> {
        let why = run(&self.payment_fixed, held, cx)?.filter(|it| !it.is_blank());
        Ok(why.map(|it| it.to_text().to_string()))
    }

    /// What goes along when a payment is made anew.
    pub fn payment_with(&self, held: &Value, cx: RulesCx<'_>) -> Result<Option<Value>, EvalError> {
        run(&self.payment_with, held, cx)
    }

    /// The document with tax amounts stated so that its total grows by `difference`; none where that
    /// is not possible.
    pub fn adjust_tax(
        &self,
        document: &Value,
        difference: Decimal,
        cx: RulesCx<'_>,
    ) -> Result<Option<Value>, EvalError> {
        adjusted(&self.tax_amounts, document, difference, None, cx)
    }

    /// The document with one more, labelled line of `difference`; none where that is not possible.
    pub fn rounding_line(
        &self,
        document: &Value,
        difference: Decimal,
        account: Option<&str>,
        cx: RulesCx<'_>,
    ) -> Result<Option<Value>, EvalError> {
        adjusted(&self.line, document, difference, account, cx)
    }
}

fn texts(list: Option<Value>) -> Vec<String> {
    let list = list.unwrap_or_default();
    let items = list.as_array().unwrap_or_default();
    items.iter().map(|it| it.to_text().to_string()).collect()
}

fn adjusted(
    program: &Option<Program>,
    document: &Value,
    difference: Decimal,
    account: Option<&str>,
    cx: RulesCx<'_>,
) -> Result<Option<Value>, EvalError> {
    let (difference, account) = (
        Value::from(difference),
        account.map(Value::from).unwrap_or_default(),
    );
    let Some(program) = program else {
        return Ok(None);
    };
    let globals = bound(program, cx, &difference, &account);
    let it = program.one(document, &globals)?;
    Ok(it.filter(|it| !it.is_null()))
}

/// The values of `GLOBALS`. The reference lists are put together only for those who ask.
fn bound<'a>(
    program: &Program,
    cx: RulesCx<'a>,
    difference: &'a Value,
    account: &'a Value,
) -> [&'a Value; 5] {
    let asks = program
        .members()
        .iter()
        .any(|it| it.variable == "$reference");
    let reference = if asks {
        cx.reference.as_value()
    } else {
        &Value::Null
    };
    [cx.settings, cx.settings, reference, difference, account]
}

fn run(
    program: &Option<Program>,
    document: &Value,
    cx: RulesCx<'_>,
) -> Result<Option<Value>, EvalError> {
    run_for(program, document, cx, &Value::Null)
}

/// The same for an account.
pub(super) fn run_for(
    program: &Option<Program>,
    document: &Value,
    cx: RulesCx<'_>,
    account: &Value,
) -> Result<Option<Value>, EvalError> {
    let Some(program) = program else {
        return Ok(None);
    };
    let globals = bound(program, cx, &Value::Null, account);
    let it = program.one(document, &globals)?;
    Ok(it.filter(|it| !it.is_null()))
}

pub(super) fn amount(it: Option<Value>) -> Result<Option<Decimal>, EvalError> {
    match it {
        None => Ok(None),
        Some(it) => match it.to_decimal() {
            Some(it) => Ok(Some(it)),
            None => Err(EvalError {
                message: format!("{} is not an amount", it.excerpt(40)),
                raised: None,
            }),
        },
    }
}

fn instant(it: &Value) -> Option<Timestamp> {
    let text = it.as_str()?.trim();
    text.parse()
        .ok()
        .or_else(|| format!("{text}Z").parse().ok())
}

/// Compiles the expressions of one stream and reports what is wrong with them.
pub(super) struct RuleCompiler<'c> {
    connector: &'c str,
    stream: &'c str,
    library: &'c Library<'c>,
    findings: &'c mut Findings,
}

impl RuleCompiler<'_> {
    pub(super) fn optional(&mut self, name: &str, code: Option<&String>) -> Option<Program> {
        self.program(name, code?, &GLOBALS)
    }

    pub(super) fn program(&mut self, name: &str, code: &str, globals: &[&str]) -> Option<Program> {
        match Program::compile(self.library, code, globals) {
            Ok(it) => Some(it),
            Err(faults) => {
                let path = PathBuf::from(format!("{}/manifest.toml", self.connector));
                let file = SourceFile {
                    path,
                    text: code.into(),
                };
                for mut fault in faults {
                    fault.message = format!("streams.{}.{name}: {}", self.stream, fault.message);
                    compile::add(self.findings, &file, fault.span.clone(), fault);
                }
                None
            }
        }
    }
}
