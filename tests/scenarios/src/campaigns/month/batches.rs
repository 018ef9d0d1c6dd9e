//! The batches that the books must hold, worked out from Omni's orders, credit notes and payments alone: one for
//! all that a branch sold in a day and was paid for in one way.
//!
//! The rules are those that config/mappings/cin7-omni/README.md publishes: tax is Omni's, order by order; lines of one
//! account, tax rate and tracking are one; what comes to less than nothing is a credit note.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;

use super::{
    ledger::{
        Books, Entry, Fate, Key, Papers, RECEIVABLES, ROUNDING, Rules, Sort, cents, day, explained,
        foreign_per_home, parts, rate, taxed_on_top,
    },
    papers::{Money, Paper, said},
};

/// Cents that may be left over before somebody is asked.
const LEFT_OVER: Decimal = Decimal::from_parts(2, 0, 0, false, 2);

/// Where an order or credit note of the channel stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Standing {
    /// In this batch.
    In(String),
    /// In none, for words of this reason: the other routes look at it.
    Out(&'static str),
    /// Something is wrong with it; with words of the cause.
    Stopped(&'static str),
    /// Nobody has paid it yet.
    Unpaid,
}

/// What lines of a batch are told apart by: account, percentage of tax, tracking and sort of line.
type LineOf = (String, String, Vec<Option<String>>, String);

/// What such a line comes to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Sum {
    amount: Decimal,
    /// On top of the amount.
    tax: Decimal,
}

/// What goes into the books as one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Batch {
    /// Its orders and credit notes.
    pub(super) members: BTreeSet<Key>,
    /// Day.
    pub(super) date: String,
    /// Below zero where more came back than was sold.
    pub(super) total: Decimal,
    /// Whether the prices include the tax.
    inclusive: bool,
    /// Foreign units for one home unit.
    rate: Decimal,
    lines: BTreeMap<LineOf, Sum>,
}

/// All that a company batches.
#[derive(Debug, Default)]
pub(super) struct Batches {
    /// By what they are told apart by.
    pub(super) batches: BTreeMap<String, Batch>,
    /// Of each order and credit note of the channel.
    pub(super) standing: BTreeMap<Key, Standing>,
}

/// The batches of these documents and payments.
pub(super) fn batches(papers: &Papers, rules: &Rules) -> Batches {
    let mut all = Batches::default();
    for (key, paper) in &papers.at_the_till {
        let standing = match lines(key.0, paper, rules) {
            Err(standing) => standing,
            Ok(lines) => match paid_by(*key, paper, &papers.money) {
                None => Standing::Unpaid,
                Some(method) => {
                    let name = told_apart(key.0, paper, &method, rules);
                    let batch = all.batches.entry(name.clone()).or_default();
                    batch.take(*key, paper, lines, rules);
                    Standing::In(name)
                }
            },
        };
        all.standing.insert(*key, standing);
    }
    all
}

/// Its date as Omni holds it.
fn dated(sort: Sort, paper: &Paper) -> Option<&str> {
    match sort {
        Sort::Credit => said(paper.credit_note_date.as_ref()),
        _ => said(paper.invoice_date.as_ref()),
    }
}

/// How it was paid; two ways are one of their own.
fn paid_by(key: Key, paper: &Paper, money: &[Money]) -> Option<String> {
    let methods: BTreeSet<&str> = money
        .iter()
        .filter(|it| it.order_id == key.1 && it.order_ref == paper.reference)
        .filter(|it| it.is_authorized != Some(false))
        .filter(|it| said(it.payment_imported_ref.as_ref()).is_none())
        .map(|it| said(it.method.as_ref()).unwrap_or("no method"))
        .collect();
    let methods: Vec<&str> = methods.into_iter().collect();
    (!methods.is_empty()).then(|| methods.join(" and "))
}

/// What batches are told apart by.
fn told_apart(sort: Sort, paper: &Paper, method: &str, rules: &Rules) -> String {
    let rate = foreign_per_home(paper, rules);
    let foreign = paper.currency_code != rules.home;
    let said = [
        Some(day(dated(sort, paper).unwrap_or_default())),
        Some(format!("branch {}", paper.branch_id)),
        Some(method.to_owned()),
        Some(paper.currency_code.clone()),
        foreign.then(|| rate.normalize().to_string()),
        Some(states_tax(paper).to_owned()),
        Some(paper.member_id.to_string()),
        paper.source.clone(),
    ];
    said.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn states_tax(paper: &Paper) -> &'static str {
    match paper.tax_status.eq_ignore_ascii_case("incl") {
        true => "Inclusive",
        false => "Exclusive",
    }
}

/// What it adds to its batch, or why it is in none.
fn lines(sort: Sort, paper: &Paper, rules: &Rules) -> Result<BTreeMap<LineOf, Sum>, Standing> {
    let status = said(paper.status.as_ref()).unwrap_or_default();
    let out = |why| Err(Standing::Out(why));
    if status.eq_ignore_ascii_case("void") || paper.is_void == Some(true) {
        return out("void in Omni");
    }
    if !status.eq_ignore_ascii_case("approved") {
        return out("not approved in Omni");
    }
    match paper.import_status() {
        "DoNotImport" => return out("Do Not Import"),
        "Imported" => return out("taken into the books already"),
        _ => {}
    }
    if dated(sort, paper).is_none() {
        return out("date");
    }
    let total = paper.total.0;
    if sort == Sort::Sale && total.is_zero() {
        return out("total is zero");
    }
    if sort == Sort::Credit && total >= Decimal::ZERO {
        return Err(Standing::Stopped(
            "a credit note of Omni has a negative one",
        ));
    }
    // A credit note is below zero in Omni and so in its batch.
    let parts = parts(sort, paper, Decimal::ONE);
    if !explained(paper, &parts, Decimal::ONE) {
        return Err(Standing::Stopped("its parts make"));
    }
    let (percent, on_top) = (rate(paper), taxed_on_top(paper));
    let tracking = ["orders_1000", "orders_1001"]
        .map(|it| paper.custom_fields.get(it).cloned().flatten())
        .to_vec();
    let accounts = &rules.tables["omni-accounts"];
    let mut sums: Vec<(LineOf, Sum)> = Vec::new();
    for (key, amount) in parts {
        let Some(account) = accounts.get(&key) else {
            return Err(Standing::Stopped("has no row"));
        };
        let kind = match key.as_str() {
            "freight" | "surcharge" | "discount" => key.as_str(),
            _ => "line",
        };
        let amount = cents(amount);
        let tax = if on_top {
            cents(amount * percent)
        } else {
            Decimal::ZERO
        };
        let of = (
            account.clone(),
            percent.normalize().to_string(),
            tracking.clone(),
            kind.to_owned(),
        );
        sums.push((of, Sum { amount, tax }));
    }
    let made: Decimal = sums.iter().map(|it| it.1.amount + it.1.tax).sum();
    // Omni taxes and rounds the whole: what the lines miss belongs to the tax, without one to the largest line.
    let mut most: Option<&mut Sum> = None;
    for (_, sum) in &mut sums {
        let of = |it: &Sum| {
            if on_top {
                it.tax.abs()
            } else {
                it.amount.abs()
            }
        };
        if most.as_deref().is_none_or(|it| of(sum) > of(it)) {
            most = Some(sum);
        }
    }
    match most {
        Some(most) if on_top => most.tax += total - made,
        Some(most) => most.amount += total - made,
        None => {}
    }
    let mut lines = BTreeMap::<LineOf, Sum>::new();
    for (of, sum) in sums {
        lines.entry(of).or_default().add(sum);
    }
    Ok(lines)
}

impl Sum {
    fn add(&mut self, other: Self) {
        self.amount += other.amount;
        self.tax += other.tax;
    }
}

impl Batch {
    fn take(&mut self, key: Key, paper: &Paper, lines: BTreeMap<LineOf, Sum>, rules: &Rules) {
        self.members.insert(key);
        self.date = day(dated(key.0, paper).unwrap_or_default());
        self.total += paper.total.0;
        self.inclusive = states_tax(paper) == "Inclusive";
        self.rate = foreign_per_home(paper, rules);
        for (of, sum) in lines {
            self.lines.entry(of).or_default().add(sum);
        }
    }

    /// What becomes of it.
    pub(super) fn fate(&self, rules: &Rules) -> Fate {
        if self.total.is_zero() && self.stated().next().is_none() {
            return Fate::LeftOut("comes to nothing");
        }
        if self.date >= rules.today {
            return Fate::Stopped("is not over");
        }
        match self.left_over().abs() > LEFT_OVER {
            true => Fate::Stopped("above the route's limit"),
            false => Fate::Booked,
        }
    }

    /// Its lines: those of no amount are not sent.
    fn stated(&self) -> impl Iterator<Item = (&LineOf, &Sum)> {
        self.lines.iter().filter(|it| !it.1.amount.is_zero())
    }

    fn left_over(&self) -> Decimal {
        let made: Decimal = self.stated().map(|it| it.1.amount + it.1.tax).sum();
        self.total - made
    }

    /// What it was before, taken off: what a correcting document is about. Its lines are told apart by account, tax
    /// rate and tracking alone.
    pub(super) fn less(&self, before: &Self) -> Self {
        let mut less = Self {
            total: self.total - before.total,
            lines: BTreeMap::new(),
            ..self.clone()
        };
        let one = Decimal::ONE;
        for (lines, factor) in [(&self.lines, one), (&before.lines, -one)] {
            for ((account, percent, tracking, _), sum) in lines {
                let of = (
                    account.clone(),
                    percent.clone(),
                    tracking.clone(),
                    String::new(),
                );
                less.lines.entry(of).or_default().add(Sum {
                    amount: factor * sum.amount,
                    tax: factor * sum.tax,
                });
            }
        }
        less
    }

    /// Adds it to the books.
    pub(super) fn post(&self, books: &mut Books) {
        self.entry().post(books);
    }

    /// The tax in it; below zero for a credit note.
    pub(super) fn tax(&self) -> Decimal {
        let entry = self.entry();
        entry.sign * entry.tax
    }

    fn entry(&self) -> Entry {
        let sign = match self.total < Decimal::ZERO {
            true => Decimal::NEGATIVE_ONE,
            false => Decimal::ONE,
        };
        let (mut lines, mut tax) = (Vec::new(), Decimal::ZERO);
        for ((account, percent, ..), sum) in self.stated() {
            let percent: Decimal = percent.parse().expect("a percentage");
            let within = match self.inclusive {
                true => cents(sum.amount * percent / (Decimal::ONE + percent)),
                false => Decimal::ZERO,
            };
            lines.push((account.clone(), sign * (sum.amount - within)));
            tax += sign * (within + sum.tax);
        }
        let left = sign * self.left_over();
        if self.inclusive || tax.is_zero() {
            lines.push((ROUNDING.to_owned(), left));
        } else {
            tax += left;
        }
        Entry {
            sign,
            control: RECEIVABLES,
            rate: self.rate,
            total: sign * self.total,
            tax,
            lines,
        }
    }
}
