//! What the books must hold, worked out from Omni's own documents and the deployment's tables alone.
//!
//! Nothing here is shared with plugins, engine or stand-ins, so that an error has to be made twice to
//! stay unseen. The rules are those that the mappings and Xero publish: tax is rounded line by line,
//! half a cent away from zero; a document's total is Omni's, as long as cents of at most 0.02 explain
//! the rest; amounts in foreign currency become home currency amount by amount, and what that leaves
//! over is rounding; what payments and credits take of a document is valued as a whole.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::{Decimal, RoundingStrategy};

use super::papers::{Adjustment, Line, Money, Paper, said};

pub(super) const RECEIVABLES: &str = "610";
const PAYABLES: &str = "800";
const TAX: &str = "820";
pub(super) const ROUNDING: &str = "860";
const CURRENCY_GAINS: &str = "497";

/// Sort of document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Sort {
    /// Sales order, an invoice in the books.
    Sale,
    /// Purchase order, a bill in the books.
    Purchase,
    /// Credit note to a customer.
    Credit,
    /// Credit note from a supplier.
    SupplierCredit,
    /// Stock adjustment, a manual journal in the books.
    Adjustment,
}

impl Sort {
    /// Whether it gives money back: Omni's amounts are below zero then.
    pub(super) fn credits(self) -> bool {
        matches!(self, Self::Credit | Self::SupplierCredit)
    }
}

/// A document of Omni.
pub(super) type Key = (Sort, i64);

/// What must become of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is in the books.
    Booked,
    /// It is none for the books, or not yet; with words of the reason.
    LeftOut(&'static str),
    /// Something is wrong with it; with words of the cause.
    Stopped(&'static str),
}

/// What the company's settings say, which no document does.
#[derive(Debug, Default)]
pub(super) struct Rules {
    /// Rows of the deployment's tables, by table.
    pub(super) tables: BTreeMap<String, BTreeMap<String, String>>,
    /// Accounts that take nothing any more.
    pub(super) archived: BTreeSet<String>,
    /// Last closed day and today, as `yyyy-MM-dd`.
    pub(super) closed_until: String,
    /// See there.
    pub(super) today: String,
    /// Payment terms that mean a day.
    pub(super) terms: BTreeSet<String>,
    /// Companies whose documents cannot go, with words of the cause.
    pub(super) refused: BTreeMap<String, &'static str>,
    /// Home currency.
    pub(super) home: String,
    /// Where what is sold goes into batches.
    pub(super) batched: String,
    /// Foreign units for one home unit in the books, where nothing else is said.
    pub(super) day_rates: BTreeMap<String, Decimal>,
}

/// A payment that somebody entered in the books.
#[derive(Debug, Clone)]
pub(super) struct Paid {
    /// What it pays.
    pub(super) document: Key,
    /// In the document's currency.
    pub(super) amount: Decimal,
    /// Foreign units for one home unit on that day.
    pub(super) rate: Decimal,
    /// Code of the bank account.
    pub(super) account: String,
}

/// Omni's documents by key.
#[derive(Debug, Clone, Default)]
pub(super) struct Papers {
    /// Orders and credit notes.
    pub(super) papers: BTreeMap<Key, Paper>,
    /// Adjustments.
    pub(super) adjustments: BTreeMap<i64, Adjustment>,
    /// Orders and credit notes that go into batches.
    pub(super) at_the_till: BTreeMap<Key, Paper>,
    /// Payments.
    pub(super) money: Vec<Money>,
}

/// What the books must hold.
#[derive(Debug, Default)]
pub(super) struct Books {
    /// What becomes of each document.
    pub(super) fates: BTreeMap<Key, Fate>,
    /// Credit notes that are applied, with the order.
    pub(super) applied: BTreeMap<Key, Key>,
    /// Debits above zero, credits below, in home currency; accounts that hold nothing are left out.
    pub(super) balances: BTreeMap<String, Decimal>,
}

/// One document as postings in its own currency.
pub(super) struct Entry {
    /// Of the control account: a sale or a supplier's credit is debited.
    pub(super) sign: Decimal,
    pub(super) control: &'static str,
    pub(super) rate: Decimal,
    pub(super) total: Decimal,
    pub(super) tax: Decimal,
    pub(super) lines: Vec<(String, Decimal)>,
}

/// The books of these documents and payments.
pub(super) fn books(papers: &Papers, paid: &[Paid], rules: &Rules) -> Books {
    let mut books = Books::default();
    let mut entries: BTreeMap<Key, Entry> = BTreeMap::new();
    for (key, paper) in &papers.papers {
        let fate = match judged(key.0, paper, rules) {
            Ok(entry) => {
                entries.insert(*key, entry);
                Fate::Booked
            }
            Err(fate) => fate,
        };
        books.fates.insert(*key, fate);
    }
    for entry in entries.values() {
        entry.post(&mut books);
    }
    for (id, adjustment) in &papers.adjustments {
        let fate = match adjusted(adjustment, rules) {
            Ok(sides) => {
                for (account, amount) in sides {
                    books.post(&account, amount);
                }
                Fate::Booked
            }
            Err(fate) => fate,
        };
        books.fates.insert((Sort::Adjustment, *id), fate);
    }
    books.settle(papers, paid, &entries);
    books.balances.retain(|_, it| !it.is_zero());
    books
}

impl Books {
    pub(super) fn post(&mut self, account: &str, amount: Decimal) {
        *self.balances.entry(account.to_owned()).or_default() += amount;
    }

    /// A deposit whose tax is due with it, on an order: what its own document posts and, once the order is in the
    /// books, the credit note that takes it back, at the same rate and applied to the order.
    pub(super) fn deposit(&mut self, key: Key, order: &Paper, amount: Decimal, rules: &Rules) {
        let accounts = &rules.tables["omni-deposit-accounts"];
        let (control, account, sign) = match key.0 {
            Sort::Purchase => (PAYABLES, &accounts["purchase"], Decimal::NEGATIVE_ONE),
            _ => (RECEIVABLES, &accounts["sales"], Decimal::ONE),
        };
        let percent = rate(order);
        let tax = cents(amount * percent / (Decimal::ONE + percent));
        let mut entry = Entry {
            sign,
            control,
            rate: foreign_per_home(order, rules),
            total: amount,
            tax,
            lines: vec![(account.clone(), amount - tax)],
        };
        entry.post(self);
        if self.fates.get(&key) == Some(&Fate::Booked) {
            entry.sign = -sign;
            entry.post(self);
        }
    }

    /// Applies credit notes to the orders that they name, up to what is open on both.
    fn apply(
        &mut self,
        papers: &Papers,
        entries: &BTreeMap<Key, Entry>,
        taken: &mut BTreeMap<Key, Decimal>,
        (credits, orders): (Sort, Sort),
    ) {
        let of = |sort: Sort| papers.papers.iter().filter(move |it| it.0.0 == sort);
        let named: BTreeMap<&str, (&Key, &Paper)> = of(orders)
            .filter_map(|(key, it)| Some((said(it.reference.as_ref())?, (key, it))))
            .filter(|(_, (key, _))| entries.contains_key(*key))
            .collect();
        for (key, note) in of(credits) {
            let order = said(note.sales_reference.as_ref()).and_then(|it| named.get(it));
            let (Some(credit), Some((of, order))) = (entries.get(key), order) else {
                continue;
            };
            if order.member_id != note.member_id || order.currency_code != note.currency_code {
                continue;
            }
            let open = entries[of].total - taken.get(of).copied().unwrap_or_default();
            let amount = open.min(credit.total);
            if amount > Decimal::ZERO {
                *taken.entry(**of).or_default() += amount;
                *taken.entry(*key).or_default() += amount;
                self.applied.insert(*key, **of);
            }
        }
    }

    /// What payments and credits take of documents. Both sides of a credit are receivables: only where
    /// they are valued differently does anything remain, a gain or loss of currency.
    fn settle(&mut self, papers: &Papers, paid: &[Paid], entries: &BTreeMap<Key, Entry>) {
        let mut taken: BTreeMap<Key, Decimal> = BTreeMap::new();
        for (credits, orders) in [
            (Sort::Credit, Sort::Sale),
            (Sort::SupplierCredit, Sort::Purchase),
        ] {
            self.apply(papers, entries, &mut taken, (credits, orders));
        }
        for it in paid {
            let Some(entry) = entries.get(&it.document) else {
                continue;
            };
            let cash = entry.sign * cents(it.amount / it.rate);
            self.post(&it.account, cash);
            self.post(CURRENCY_GAINS, -cash);
            *taken.entry(it.document).or_default() += it.amount;
        }
        for (key, amount) in taken {
            let entry = &entries[&key];
            let value = entry.sign * entry.home(amount);
            self.post(entry.control, -value);
            self.post(CURRENCY_GAINS, value);
        }
    }
}

impl Entry {
    fn home(&self, amount: Decimal) -> Decimal {
        cents(amount / self.rate)
    }

    pub(super) fn post(&self, books: &mut Books) {
        let gross = self.home(self.total);
        books.post(self.control, self.sign * gross);
        let mut left = gross;
        for (account, net) in &self.lines {
            let net = self.home(*net);
            left -= net;
            books.post(account, -self.sign * net);
        }
        let tax = self.home(self.tax);
        books.post(TAX, -self.sign * tax);
        books.post(ROUNDING, -self.sign * (left - tax));
    }
}

/// The postings of a document, or why there are none.
pub(super) fn judged(sort: Sort, paper: &Paper, rules: &Rules) -> Result<Entry, Fate> {
    let status = said(paper.status.as_ref())
        .unwrap_or_default()
        .to_uppercase();
    if status == "VOID" || paper.is_void == Some(true) {
        return Err(Fate::LeftOut("void in Omni"));
    }
    if status != "APPROVED" {
        return Err(Fate::LeftOut("not approved in Omni"));
    }
    if paper.import_status() == "DoNotImport" {
        return Err(Fate::LeftOut("Do Not Import"));
    }
    let total = paper.total.0;
    let date = if sort.credits() {
        said(paper.credit_note_date.as_ref())
    } else {
        said(paper.invoice_date.as_ref())
    };
    let Some(date) = date else {
        return Err(Fate::LeftOut("no invoice date"));
    };
    match sort {
        Sort::Sale if total.is_zero() => return Err(Fate::LeftOut("total is zero")),
        Sort::Credit if said(paper.sales_reference.as_ref()).is_none() => {
            return Err(Fate::Stopped("no sales reference"));
        }
        Sort::Credit if total.is_zero() => return Err(Fate::Stopped("total is zero")),
        Sort::Credit if total > Decimal::ZERO => {
            return Err(Fate::Stopped("a credit note of Omni has a negative one"));
        }
        Sort::SupplierCredit if said(paper.supplier_credit_note_number.as_ref()).is_none() => {
            return Err(Fate::Stopped("no supplier credit note number"));
        }
        Sort::Purchase if said(paper.supplier_invoice_reference.as_ref()).is_none() => {
            return Err(Fate::Stopped("no supplier invoice number"));
        }
        _ => {}
    }
    let date = day(date);
    if date > rules.today {
        return Err(Fate::Stopped("has not come yet"));
    }
    let sign = if sort.credits() {
        Decimal::NEGATIVE_ONE
    } else {
        Decimal::ONE
    };
    let parts = parts(sort, paper, sign);
    if !explained(paper, &parts, sign) {
        return Err(Fate::Stopped("its parts make"));
    }
    let terms = said(paper.payment_terms.as_ref()).unwrap_or_default();
    if !sort.credits() && !rules.terms.contains(terms) {
        return Err(Fate::Stopped("do not say when it is due"));
    }
    if let Some(why) = said(paper.company.as_ref()).and_then(|it| rules.refused.get(it)) {
        return Err(Fate::Stopped(why));
    }
    let entry = entry(sort, paper, (sign * total, parts), rules)?;
    if date <= rules.closed_until {
        return Err(Fate::Stopped("closed period"));
    }
    if paper.import_status() == "Imported" {
        return Err(Fate::Stopped("in the books already"));
    }
    Ok(entry)
}

/// The day in Sydney of an instant of Omni, as `yyyy-MM-dd`: what another program wrote as midnight of
/// UTC means the day that it shows.
pub(super) fn day(instant: &str) -> String {
    let shown = instant.get(..10).unwrap_or_default();
    if instant
        .get(10..)
        .is_some_and(|it| it.starts_with("T00:00:00"))
    {
        return shown.to_owned();
    }
    let at: Result<jiff::Timestamp, _> = instant.parse();
    let zoned = at.ok().and_then(|it| it.in_tz("Australia/Sydney").ok());
    zoned.map_or_else(|| shown.to_owned(), |it| it.date().to_string())
}

/// Key of the table of accounts, and what the line comes to before it is rounded.
pub(super) type Part = (String, Decimal);

pub(super) fn parts(sort: Sort, paper: &Paper, sign: Decimal) -> Vec<Part> {
    let of_line = |it: &Line| {
        let key = said(it.account_code.as_ref()).unwrap_or(match sort {
            Sort::Purchase | Sort::SupplierCredit => "stock",
            _ => "default",
        });
        let amount = it.qty.0 * it.unit_price.0 - it.discount.0;
        (key.to_owned(), sign * amount)
    };
    let mut parts: Vec<Part> = paper.line_items.iter().map(of_line).collect();
    for (kind, amount) in [
        ("freight", paper.freight_total.0),
        ("surcharge", paper.surcharge.0),
        ("discount", -paper.discount_total.0),
    ] {
        let key = match sort {
            Sort::Purchase | Sort::SupplierCredit => "stock",
            _ => kind,
        };
        parts.push((key.to_owned(), sign * amount));
    }
    parts.retain(|(_, it)| !it.is_zero());
    parts
}

pub(super) fn rate(paper: &Paper) -> Decimal {
    if paper.tax_status.eq_ignore_ascii_case("exempt") {
        Decimal::ZERO
    } else {
        paper.tax_rate.0 / Decimal::ONE_HUNDRED
    }
}

pub(super) fn taxed_on_top(paper: &Paper) -> bool {
    paper.tax_status.eq_ignore_ascii_case("excl")
}

/// Whether the parts make the total, which Omni taxes as a whole.
pub(super) fn explained(paper: &Paper, parts: &[Part], sign: Decimal) -> bool {
    let net: Decimal = parts.iter().map(|(_, it)| *it).sum();
    let tax = if taxed_on_top(paper) {
        net * rate(paper)
    } else {
        Decimal::ZERO
    };
    (net + tax - sign * paper.total.0).abs() <= Decimal::new(2, 2)
}

fn entry(
    sort: Sort,
    paper: &Paper,
    (total, parts): (Decimal, Vec<Part>),
    rules: &Rules,
) -> Result<Entry, Fate> {
    let (control, table, sign) = match sort {
        Sort::Purchase => (PAYABLES, "omni-purchase-accounts", Decimal::NEGATIVE_ONE),
        Sort::SupplierCredit => (PAYABLES, "omni-purchase-accounts", Decimal::ONE),
        Sort::Credit => (RECEIVABLES, "omni-accounts", Decimal::NEGATIVE_ONE),
        _ => (RECEIVABLES, "omni-accounts", Decimal::ONE),
    };
    let rate = rate(paper);
    let on_top = taxed_on_top(paper);
    let (mut lines, mut tax, mut computed) = (Vec::new(), Decimal::ZERO, Decimal::ZERO);
    let mut archived = false;
    for (key, amount) in parts {
        let account = rules.tables.get(table).and_then(|it| it.get(&key));
        let Some(account) = account else {
            return Err(Fate::Stopped("has no row"));
        };
        archived |= rules.archived.contains(account);
        let amount = cents(amount);
        let its_tax = if on_top {
            cents(amount * rate)
        } else {
            cents(amount * rate / (Decimal::ONE + rate))
        };
        let net = if on_top { amount } else { amount - its_tax };
        lines.push((account.clone(), net));
        tax += its_tax;
        computed += net + its_tax;
    }
    let difference = total - computed;
    if difference.abs() > Decimal::new(2, 2) {
        return Err(Fate::Stopped("above the route's limit"));
    }
    if archived {
        return Err(Fate::Stopped("is archived in Xero"));
    }
    // Cents go into the tax where the document has one on top of its lines, else onto a line.
    if on_top && !tax.is_zero() {
        tax += difference;
    } else {
        lines.push((ROUNDING.to_owned(), difference));
    }
    Ok(Entry {
        sign,
        control,
        rate: foreign_per_home(paper, rules),
        total,
        tax,
        lines,
    })
}

/// Foreign units for one of the home currency, as the document holds it the other way round.
pub(super) fn foreign_per_home(paper: &Paper, rules: &Rules) -> Decimal {
    if paper.currency_code == rules.home {
        return Decimal::ONE;
    }
    (Decimal::ONE / paper.currency_rate.0)
        .round_dp_with_strategy(6, RoundingStrategy::MidpointAwayFromZero)
}

/// The sides of an adjustment: stock, and each other account.
fn adjusted(it: &Adjustment, rules: &Rules) -> Result<Vec<(String, Decimal)>, Fate> {
    if !it.is_approved {
        return Err(Fate::LeftOut("not approved in Omni"));
    }
    let Some(date) = said(it.adjust_in_accounting_system.as_ref()) else {
        return Err(Fate::LeftOut("no accounting adjustment date"));
    };
    if said(it.completed_date.as_ref()).is_none() {
        return Err(Fate::LeftOut("not completed in Omni"));
    }
    let value = |it: &super::papers::Moved| cents(it.qty_adjusted.0 * it.unit_cost.0);
    let whole: Decimal = it.line_items.iter().map(value).sum();
    if whole.is_zero() {
        return Err(Fate::LeftOut("value is zero"));
    }
    let date = day(date);
    if date > rules.today {
        return Err(Fate::Stopped("has not come yet"));
    }
    let account = |key: &str| {
        let table = rules.tables.get("omni-adjustment-accounts");
        let found = table.and_then(|it| it.get(key));
        found.cloned().ok_or(Fate::Stopped("has no row"))
    };
    let mut sides = vec![(account("stock")?, whole)];
    for line in &it.line_items {
        let own = said(line.account.as_ref());
        let key = own.or(said(it.alternative_account_code.as_ref()));
        sides.push((account(key.unwrap_or("adjustment"))?, -value(line)));
    }
    if date <= rules.closed_until {
        return Err(Fate::Stopped("closed period"));
    }
    Ok(sides)
}

pub(super) fn cents(amount: Decimal) -> Decimal {
    amount.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"qty": 1, "unitPrice": 10.25, "discount": 0}"#;

    fn rules() -> Rules {
        let rows = [("default", "200"), ("freight", "260")];
        let rows = rows.map(|(key, it)| (key.to_owned(), it.to_owned()));
        Rules {
            tables: [("omni-accounts".to_owned(), rows.into())].into(),
            today: "2026-11-22".to_owned(),
            terms: ["30 days".to_owned()].into(),
            home: "AUD".to_owned(),
            ..Rules::default()
        }
    }

    fn balances(paper: &str, paid: &[Paid]) -> Vec<String> {
        let paper: Paper = serde_json::from_str(paper).expect("a document");
        let papers = Papers {
            papers: [((Sort::Sale, 1), paper)].into(),
            ..Papers::default()
        };
        let balances = books(&papers, paid, &rules()).balances;
        let shown = balances
            .iter()
            .map(|(account, it)| format!("{account} {}", it.normalize()));
        shown.collect()
    }

    fn sale(rest: &str) -> String {
        format!(
            r#"{{"id": 1, "status": "Approved", "paymentTerms": "30 days",
            "invoiceDate": "2026-11-08T13:00:00Z", {rest}}}"#
        )
    }

    /// Xero would tax each line with 1.03, Omni taxes the whole with 3.08.
    #[test]
    fn a_cent_between_the_two_ways_to_tax_goes_into_the_tax() {
        let sale = sale(&format!(
            r#""currencyCode": "AUD", "currencyRate": 1.0, "taxStatus": "Excl", "taxRate": 10.0,
            "total": 33.83, "lineItems": [{LINE}, {LINE}, {LINE}]"#
        ));
        assert_eq!(
            balances(&sale, &[]),
            ["200 -30.75", "610 33.83", "820 -3.08"]
        );
    }

    /// 200.00 at 0.65 are 307.69; paid at 0.64 they bring 312.50.
    #[test]
    fn a_foreign_sale_paid_at_another_rate_leaves_the_gain_alone() {
        let sale = sale(
            r#""currencyCode": "USD", "currencyRate": 1.538462, "taxStatus": "Exempt", "taxRate": 0,
            "total": 200.00, "lineItems": [{"qty": 10, "unitPrice": 20.0}]"#,
        );
        let paid = Paid {
            document: (Sort::Sale, 1),
            amount: Decimal::new(200, 0),
            rate: Decimal::new(64, 2),
            account: "091".to_owned(),
        };
        assert_eq!(
            balances(&sale, &[paid]),
            ["091 312.5", "200 -307.69", "497 -4.81"]
        );
    }

    /// Two lines of 1.005 are 2.02 in the books and 2.01 in Omni.
    #[test]
    fn a_cent_that_no_tax_can_take_is_a_line_of_its_own() {
        let fine = r#"{"qty": 1, "unitPrice": 1.005}"#;
        let sale = sale(&format!(
            r#""currencyCode": "AUD", "currencyRate": 1.0, "taxStatus": "Exempt", "taxRate": 0,
            "total": 2.01, "lineItems": [{fine}, {fine}]"#
        ));
        assert_eq!(balances(&sale, &[]), ["200 -2.02", "610 2.01", "860 0.01"]);
    }
}
