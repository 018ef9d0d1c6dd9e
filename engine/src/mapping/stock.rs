//! What documents do to the value of stock, and what stands in a ledger, as a manifest says it.

use jiff::civil::Date;
use ledgerline_plugin_api::manifest::{Ledger, Stock};
use rust_decimal::Decimal;

use super::{
    jq::{EvalError, Program},
    rules::{Reference, RuleCompiler, RulesCx, amount, run_for},
    value::Value,
};

/// The expressions of a stream's `stock`.
#[derive(Debug)]
pub(super) struct StockRules {
    counts: Option<Program>,
    moved: Option<Program>,
    billed: Option<Program>,
    amount: Option<Program>,
    rows: Option<Program>,
    worth: Option<Program>,
    estimate: Option<Program>,
    unseen: Option<Program>,
}

/// The expressions of a stream's `ledger`.
#[derive(Debug)]
pub(super) struct LedgerRules {
    balance: Option<Program>,
    id: Option<Program>,
    name: Option<Program>,
}

/// What one document does to the value of stock.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StockFacts {
    /// It moves something at all.
    pub counts: bool,
    /// The day on which the goods moved.
    pub moved: Option<Date>,
    /// The day of its document in the books.
    pub billed: Option<Date>,
    /// By how much stock grows; none where nobody says.
    pub amount: Option<Decimal>,
    /// Costs of other documents.
    pub rows: Vec<CostRow>,
    /// What the goods are worth at the document's price.
    pub worth: Option<Decimal>,
    /// An estimate of `amount`.
    pub estimate: Option<Decimal>,
    /// What could not be read, in words.
    pub faults: Vec<String>,
}

/// The cost of another document.
#[derive(Debug, Clone, PartialEq)]
pub struct CostRow {
    /// Stream of that document.
    pub stream: String,
    /// Its id.
    pub of: String,
    /// The day on which its goods moved.
    pub on: Date,
    /// By how much stock grew.
    pub amount: Decimal,
}

/// A line of a document in the ledger.
#[derive(Debug, Clone, PartialEq)]
pub struct Posting {
    /// Code of the account.
    pub account: String,
    /// Debit above zero, in the base currency.
    pub amount: Decimal,
}

impl StockRules {
    pub(super) fn compile(stock: &Stock, cx: &mut RuleCompiler<'_>) -> Self {
        let mut read = |name: &str, code: &Option<String>| {
            cx.optional(&format!("stock.{name}"), code.as_ref())
        };
        Self {
            counts: read("counts", &stock.counts),
            moved: read("moved", &stock.moved),
            billed: read("billed", &stock.billed),
            amount: read("amount", &stock.amount),
            rows: read("rows", &stock.rows),
            worth: read("worth", &stock.worth),
            estimate: read("estimate", &stock.estimate),
            unseen: read("unseen", &stock.unseen),
        }
    }

    /// When a document moved stock, and the costs of others that it tells. What cannot be read is left open and
    /// told. Its own value is dearer to work out: [`value`](Self::value).
    pub(super) fn facts(&self, document: &Value, settings: &Value, account: &str) -> StockFacts {
        let mut asked = Asked::new(document, settings, account);
        let counts = self.counts.is_none()
            || asked
                .read(&self.counts, "whether it moves stock")
                .is_some_and(|it| it.is_truthy());
        let moved = asked.day(&self.moved, "the day on which its goods moved");
        let billed = asked.day(&self.billed, "its day in the books");
        let rows = asked.read(&self.rows, "its rows");
        let mut facts = StockFacts {
            counts,
            moved,
            billed,
            faults: asked.faults,
            ..StockFacts::default()
        };
        for row in rows.iter().flat_map(Value::children) {
            match cost_row(row) {
                Some(it) => facts.rows.push(it),
                None => facts
                    .faults
                    .push(format!("its row {} is no cost", row.excerpt(80))),
            }
        }
        facts
    }

    /// Fills in by how much stock grows.
    pub(super) fn value(
        &self,
        facts: &mut StockFacts,
        document: &Value,
        settings: &Value,
        account: &str,
    ) {
        let mut asked = Asked::new(document, settings, account);
        facts.amount = asked.decimal(&self.amount, "its value");
        facts.worth = asked.decimal(&self.worth, "its worth");
        facts.estimate = asked.decimal(&self.estimate, "the estimate of its cost");
        facts.faults.append(&mut asked.faults);
    }

    /// What is not read of the stream, in words.
    pub(super) fn unseen(&self, settings: &Value) -> Option<String> {
        let mut asked = Asked::new(&Value::Null, settings, "");
        let told = asked.read(&self.unseen, "what is not read");
        let told = told.filter(|it| !it.is_blank());
        told.map(|it| it.to_text().to_string())
            .or_else(|| asked.faults.pop())
    }
}

/// What is read of one document.
struct Asked<'a> {
    document: &'a Value,
    settings: &'a Value,
    account: Value,
    faults: Vec<String>,
}

impl<'a> Asked<'a> {
    fn new(document: &'a Value, settings: &'a Value, account: &str) -> Self {
        Self {
            document,
            settings,
            account: Value::text(account),
            faults: Vec::new(),
        }
    }

    fn read(&mut self, program: &Option<Program>, what: &str) -> Option<Value> {
        let cx = RulesCx {
            settings: self.settings,
            reference: &Reference::default(),
        };
        let found = run_for(program, self.document, cx, &self.account);
        found.unwrap_or_else(|why| {
            self.faults.push(format!("{what} cannot be read: {why}"));
            None
        })
    }

    fn decimal(&mut self, program: &Option<Program>, what: &str) -> Option<Decimal> {
        let it = self.read(program, what)?;
        let read = it.to_decimal();
        if read.is_none() {
            self.faults.push(format!("{what} is {}", it.excerpt(40)));
        }
        read
    }

    fn day(&mut self, program: &Option<Program>, what: &str) -> Option<Date> {
        let it = self.read(program, what).filter(|it| !it.is_blank())?;
        let read = it.as_str().and_then(|it| it.parse().ok());
        if read.is_none() {
            self.faults.push(format!("{what} is {}", it.excerpt(40)));
        }
        read
    }
}

impl LedgerRules {
    pub(super) fn compile(ledger: &Ledger, cx: &mut RuleCompiler<'_>) -> Self {
        let mut read =
            |name: &str, code: &String| cx.optional(&format!("ledger.{name}"), Some(code));
        Self {
            balance: read("balance", &ledger.balance),
            id: read("id", &ledger.id),
            name: read("name", &ledger.name),
        }
    }

    /// What an account holds, of its balance.
    pub(super) fn balance(
        &self,
        document: &Value,
        cx: RulesCx<'_>,
    ) -> Result<Option<Decimal>, EvalError> {
        amount(run_for(&self.balance, document, cx, &Value::Null)?)
    }

    /// Id among the balances and name, of an account.
    pub(super) fn account(&self, account: &Value, cx: RulesCx<'_>) -> (Option<String>, String) {
        let text = |program: &Option<Program>| {
            let found = run_for(program, account, cx, &Value::Null).ok().flatten();
            found
                .filter(|it| !it.is_blank())
                .map(|it| it.to_text().to_string())
        };
        (text(&self.id), text(&self.name).unwrap_or_default())
    }
}

/// Reads what `postings` gives.
pub(super) fn postings(value: Option<Value>) -> Result<Vec<Posting>, EvalError> {
    let Some(value) = value else {
        return Ok(Vec::new());
    };
    let read = |it: &Value| {
        Some(Posting {
            account: it.get("account")?.as_str()?.to_owned(),
            amount: it.get("amount")?.to_decimal()?,
        })
    };
    let all: Option<Vec<Posting>> = value.children().map(read).collect();
    all.ok_or_else(|| EvalError {
        message: format!("{} are no lines of a ledger", value.excerpt(80)),
        raised: None,
    })
}

fn cost_row(row: &Value) -> Option<CostRow> {
    Some(CostRow {
        stream: row.get("stream")?.as_str()?.to_owned(),
        of: row.get("of")?.to_text().to_string(),
        on: row.get("on")?.as_str()?.parse().ok()?,
        amount: row.get("amount")?.to_decimal()?,
    })
}
