//! Plays the month and compares what came of it with what had to.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use ledgerline::{
    config::{Deployment, Unmatched, Voids},
    operate::{
        Answer, Request,
        reconcile::{Period, ReconcileRequest},
    },
    store::{Entry, EntryId, State},
};
use rust_decimal::Decimal;
use sandbox::{Vendor, calls::CallKind};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{
    batches::batches,
    exports::{Exports, Fates},
    ledger::{Books, Fate, Key, Papers, Rules, Sort, books},
    papers::{Adjustment, Money, Paper},
    people::{Bookkeeper, Deeds, Deposit, Payment, rate_of_payment, resource},
    portal::{self, PortalPayment},
    seed::{AMBIGUOUS, ARCHIVED, OLD_ACCOUNT, Size, TILL, seed},
    till::{self, AtTheTill},
};
use crate::{
    Stage,
    books::{ACCOUNT, ORGANISATION, dec},
    omni_routes::{
        ADJUSTMENTS, ALLOCATIONS, BILLS, NOTES, ORDERS, PORTAL_PAYMENTS, PURCHASE_DEPOSITS,
        PURCHASE_PAYMENTS, SALES_DEPOSITS, SALES_PAYMENTS, SUPPLIER_ALLOCATIONS, SUPPLIER_NOTES,
        batched, posted,
    },
    repository,
};

/// Most runs that a month may take until nothing moves any more.
const RUNS: usize = 12;

/// What came of a month.
#[derive(Debug, Default)]
pub struct Month {
    /// Documents of Omni.
    pub documents: usize,
    /// Of them booked, left out and stopped.
    pub booked: usize,
    /// See there.
    pub left_out: usize,
    /// See there.
    pub stopped: usize,
    /// Why documents stopped or were left out, and how many, by route.
    pub causes: BTreeMap<(String, String), usize>,
    /// Batches in the books.
    pub batches: usize,
    /// Documents that the comparison of both sides tells of.
    pub compared: usize,
    /// Calls to Xero that wrote.
    pub writes: u64,
    /// What each account of the books holds, those that hold nothing left out.
    pub balances: BTreeMap<String, Decimal>,
    /// What is not as it had to be.
    pub wrong: Vec<String>,
}

/// What must have become of a document, after everything that people did.
#[derive(Debug, PartialEq, Eq)]
enum End {
    Synced,
    /// It has no entry, or one that is left out.
    Out(String),
    /// It waits for a person or for something to happen.
    Stopped(String),
}

/// Plays a month of this size.
pub async fn play(size: Size, chance: u64) -> Month {
    let stage = Stage::with(seed(size, chance), settings).await;
    Exports::of_supplier_credit_notes(&stage);
    let rules = rules();
    let originals = papers(&stage, &rules);
    let mut month = Month::default();
    month.come_to_rest(&stage, "the first runs").await;
    let first = books(&originals, &[], &rules);
    let posted = batches(&originals, &rules);
    let (mut deeds, pay) = Deeds::drawn(&originals, &first);
    pay_some(&stage, &originals, &mut deeds, pay).await;
    month.come_to_rest(&stage, "after payments").await;
    let deposits = Deposit::drawn(&originals, &first, &rules, &deeds);
    for it in &deposits {
        it.in_omni(&stage, &originals);
    }
    let mut busy = deeds.busy(&originals);
    busy.extend(deposits.iter().map(|it| it.order));
    let portal = PortalPayment::drawn(&originals, &first, &rules, &busy);
    for it in &portal {
        it.in_omni(&stage, &originals);
    }
    // What they cost changes with the edits: a later export of a month takes the place of this one.
    Exports::dropped(&stage);
    month.come_to_rest(&stage, "after the first exports").await;
    month.payments_in_omni(&stage, &deeds.kept, &deeds.removed, &[]);
    deeds.in_omni(&stage);
    let at_the_till = AtTheTill::drawn(&originals, &posted, &rules);
    let applied = |sort: Sort| first.applied.keys().any(|it| it.0 == sort);
    if !(applied(Sort::Credit) && applied(Sort::SupplierCredit)) {
        month
            .wrong
            .push("no case of a credit note that is applied".to_owned());
    }
    for it in at_the_till.lacks(&posted, &rules) {
        month.wrong.push(format!("the till shows no case of {it}"));
    }
    at_the_till.in_omni(&stage);
    let bookkeeper = Bookkeeper::new(&stage);
    for payment in &deeds.removed {
        bookkeeper.removes(payment).await;
    }
    month.come_to_rest(&stage, "after edits and voids").await;
    let (at_last, till) = till::after(papers(&stage, &rules), &originals, &rules);
    let refused = at_the_till.answer(&stage, &posted, &at_last).await;
    month.wrong.extend(refused);
    let exports = Exports::dropped(&stage);
    month
        .come_to_rest(&stage, "after the answers and the exports")
        .await;

    let (papers, mut ends) = after(&stage, originals, &deeds, &rules);
    let mut paid: Vec<_> = deeds.kept.iter().map(|it| it.paid.clone()).collect();
    paid.extend(portal.iter().filter_map(|it| it.paid(&papers, &rules)));
    let mut wanted = books(&papers, &paid, &rules);
    let mut fates = exports.book(&rules, &mut wanted);
    fates.extend(exports.book_deposits(&deposits, &papers, &rules, &mut wanted));
    fates.extend(PortalPayment::fates(&portal));
    fates.extend(at_the_till.book(&posted, (&at_last, &till), &rules, &mut wanted));
    wanted.balances.retain(|_, it| !it.is_zero());
    for (key, fate) in &wanted.fates {
        ends.entry(*key).or_insert_with(|| match fate {
            Fate::Booked => End::Synced,
            Fate::LeftOut(why) => End::Out((*why).to_owned()),
            Fate::Stopped(why) => End::Stopped((*why).to_owned()),
        });
    }
    month.ends(&stage, &ends);
    month.fates(&stage, &fates);
    month.balances(&stage, &wanted);
    month.allocations(&stage, &papers, &wanted);
    let marked = self::papers(&stage, &rules);
    month.flags(&marked, &papers, &wanted, &deeds.voided);
    month.batches(
        &stage,
        &marked,
        &at_the_till.posted(&posted, &at_last, &rules),
    );
    month.payments_in_omni(&stage, &deeds.kept, &[], &deeds.removed);
    month.reconciled(&stage).await;
    month.nothing_is_left(&stage).await;
    let twice = stage.world.duplicates();
    month
        .wrong
        .extend(twice.iter().map(|it| format!("twice: {it:?}")));
    month.writes = writes(&stage, Vendor::Xero);
    month
}

/// What is sent is posted; the books follow edits and voids of sales by themselves, and ask about
/// others; contacts that Xero does not know are made.
fn settings(deployment: &mut Deployment) {
    posted(deployment);
    batched(deployment, TILL);
    if let Some(portal) = deployment.routes.get_mut(PORTAL_PAYMENTS) {
        for (name, value) in [("method", portal::METHOD), ("clearing", portal::CLEARING)] {
            portal.options.insert(name.to_owned(), value.into());
        }
    }
    for route in deployment.routes.values_mut() {
        route.unmatched = Unmatched::Create;
    }
    for route in [SALES_DEPOSITS, PURCHASE_DEPOSITS] {
        let mut options = deployment.routes.get_mut(route).map(|it| &mut it.options);
        let said = [("status", "AUTHORISED"), ("deposit-tax", "on-deposit")];
        for (name, value) in said {
            if let Some(options) = options.as_deref_mut() {
                options.insert(name.to_owned(), value.into());
            }
        }
    }
    if let Some(orders) = deployment.routes.get_mut(ORDERS) {
        orders.update_approved = true;
        orders.voids = Voids::Always;
    }
}

fn rules() -> Rules {
    let tables = [
        "omni-accounts",
        "omni-purchase-accounts",
        "omni-adjustment-accounts",
        "omni-landed-cost-accounts",
        "omni-deposit-accounts",
    ];
    let terms = [
        "30 days",
        "20th of following month",
        "7 days",
        "End of month",
        "COD",
    ];
    Rules {
        tables: tables.map(|it| (it.to_owned(), table(it))).into(),
        archived: BTreeSet::from([OLD_ACCOUNT.to_owned()]),
        closed_until: "2026-09-30".to_owned(),
        today: "2026-11-22".to_owned(),
        terms: terms.map(str::to_owned).into(),
        refused: BTreeMap::from([
            (
                AMBIGUOUS.to_owned(),
                "nothing in Xero matches it for certain",
            ),
            (ARCHIVED.to_owned(), "is out of use"),
        ]),
        home: "AUD".to_owned(),
        batched: TILL.to_owned(),
        day_rates: [("USD", dec("0.65")), ("NZD", dec("1.09"))]
            .map(|(currency, rate)| (currency.to_owned(), rate))
            .into(),
    }
}

/// A table as the deployment has it.
fn table(name: &str) -> BTreeMap<String, String> {
    #[derive(serde::Deserialize)]
    struct Table {
        rows: BTreeMap<String, String>,
    }
    let path = repository().join(format!("config/tables/{name}.toml"));
    let text = std::fs::read_to_string(path).expect("a table");
    toml::from_str::<Table>(&text).expect("rows").rows
}

fn papers(stage: &Stage, rules: &Rules) -> Papers {
    let mut papers = Papers::default();
    for sort in [
        Sort::Sale,
        Sort::Purchase,
        Sort::Credit,
        Sort::SupplierCredit,
    ] {
        for it in documents::<Paper>(stage, resource(sort)) {
            let into = match it.source.as_deref() == Some(&rules.batched) {
                true => &mut papers.at_the_till,
                false => &mut papers.papers,
            };
            into.insert((sort, it.id), it);
        }
    }
    papers.money = documents::<Money>(stage, "Payments");
    let all = documents::<Adjustment>(stage, resource(Sort::Adjustment));
    papers
        .adjustments
        .extend(all.into_iter().map(|it| (it.id, it)));
    papers
}

fn documents<T: DeserializeOwned>(stage: &Stage, resource: &str) -> Vec<T> {
    let texts = stage.world.omni(ACCOUNT).texts(resource);
    texts
        .iter()
        .map(|it| serde_json::from_str(it).unwrap_or_else(|why| panic!("{why}: {it}")))
        .collect()
}

/// Payments of the bookkeeper on what the first runs have booked.
async fn pay_some(
    stage: &Stage,
    papers: &Papers,
    deeds: &mut Deeds,
    pay: Vec<(Key, Decimal, bool)>,
) {
    let bookkeeper = Bookkeeper::new(stage);
    for (key, amount, removed) in pay {
        let entry = entry(stage, key).expect("it is booked");
        let held = entry.held.expect("it is held");
        let currency = papers.papers.get(&key).map(|it| it.currency_code.as_str());
        let rate = rate_of_payment(currency.unwrap_or_default());
        let payment = bookkeeper.pays(&held.id, key, amount, rate).await;
        if removed {
            deeds.removed.push(payment);
        } else {
            deeds.kept.push(payment);
        }
    }
}

/// What the books are about after everything that people did, and what became of what they touched.
fn after(
    stage: &Stage,
    originals: Papers,
    deeds: &Deeds,
    rules: &Rules,
) -> (Papers, BTreeMap<Key, End>) {
    let edited = papers(stage, rules);
    let mut papers = originals;
    let mut ends = BTreeMap::new();
    for key in &deeds.dearer {
        let Some(mut paper) = edited.papers.get(key).cloned() else {
            continue;
        };
        if let Some(before) = papers.papers.get(key) {
            paper.accounting_attributes = before.accounting_attributes.clone();
        }
        let alone = Papers {
            papers: [(*key, paper.clone())].into(),
            ..Papers::default()
        };
        match books(&alone, &[], rules).fates.get(key) {
            _ if key.0 != Sort::Sale => {
                let why = "amounts changed in the source".to_owned();
                ends.insert(*key, End::Stopped(why));
            }
            Some(Fate::Booked) => {
                papers.papers.insert(*key, paper);
            }
            other => {
                let why = match other {
                    Some(Fate::Stopped(why) | Fate::LeftOut(why)) => *why,
                    _ => "",
                };
                ends.insert(*key, End::Stopped(why.to_owned()));
            }
        }
    }
    for key in &deeds.voided {
        papers.papers.remove(key);
        ends.insert(*key, End::Out("void in Omni".to_owned()));
    }
    for (key, why) in &deeds.kept_void {
        ends.insert(*key, End::Stopped((*why).to_owned()));
    }
    (papers, ends)
}

fn route(sort: Sort) -> &'static str {
    match sort {
        Sort::Sale => ORDERS,
        Sort::Purchase => BILLS,
        Sort::Credit => NOTES,
        Sort::SupplierCredit => SUPPLIER_NOTES,
        Sort::Adjustment => ADJUSTMENTS,
    }
}

fn entry(stage: &Stage, (sort, id): Key) -> Option<Entry> {
    entry_on(stage, route(sort), id)
}

fn entry_on(stage: &Stage, route: &str, id: i64) -> Option<Entry> {
    let id = EntryId::new(route, id.to_string());
    stage.engine.store().entry(&id).expect("a sound store")
}

fn writes(stage: &Stage, vendor: Vendor) -> u64 {
    let counts = stage.world.counts();
    let of = counts.get(&vendor);
    of.and_then(|it| it.get(&CallKind::Writing))
        .copied()
        .unwrap_or_default()
}

impl Month {
    /// Runs until two in a row write nothing.
    async fn come_to_rest(&mut self, stage: &Stage, when: &str) {
        let all = || writes(stage, Vendor::Xero) + writes(stage, Vendor::Omni);
        let mut quiet = 0;
        for _ in 0..RUNS {
            let before = all();
            stage.next().await;
            quiet = if all() == before { quiet + 1 } else { 0 };
            if quiet == 2 {
                return;
            }
        }
        self.wrong
            .push(format!("{when}: {RUNS} runs and still writing"));
    }

    fn ends(&mut self, stage: &Stage, ends: &BTreeMap<Key, End>) {
        for (key, end) in ends {
            self.documents += 1;
            let entry = entry(stage, *key);
            let (state, told) = told(entry.as_ref());
            let fits = match (end, state) {
                (End::Synced, Some(State::Synced)) => true,
                (End::Out(_), None) => true,
                (End::Out(why), Some(State::Excluded)) => told.contains(why.as_str()),
                (End::Stopped(why), Some(State::Warning | State::Waiting)) => {
                    told.contains(why.as_str())
                }
                _ => false,
            };
            if !fits {
                let state = state.map_or("nothing", State::name);
                self.wrong
                    .push(format!("{key:?} must be {end:?}, is {state}: {told}"));
            }
            let (count, why) = match end {
                End::Synced => (&mut self.booked, None),
                End::Out(why) => (&mut self.left_out, Some(why)),
                End::Stopped(why) => (&mut self.stopped, Some(why)),
            };
            *count += 1;
            if let Some(why) = why {
                let cause = (route(key.0).to_owned(), why.clone());
                *self.causes.entry(cause).or_default() += 1;
            }
        }
    }

    fn fates(&mut self, stage: &Stage, fates: &Fates) {
        for ((route, id), fate) in fates {
            self.documents += 1;
            let entry = EntryId::new(*route, id);
            let entry = stage.engine.store().entry(&entry).expect("a sound store");
            let (state, told) = told(entry.as_ref());
            let fits = match (fate, state) {
                (Fate::Booked, Some(State::Synced)) => true,
                (Fate::LeftOut(_), None) => true,
                (Fate::LeftOut(why), Some(State::Excluded)) => told.contains(why),
                (Fate::Stopped(why), Some(State::Warning | State::Waiting)) => told.contains(why),
                _ => false,
            };
            if !fits {
                let state = state.map_or("nothing", State::name);
                self.wrong
                    .push(format!("{route}/{id} must be {fate:?}, is {state}: {told}"));
            }
            match fate {
                Fate::Booked => self.booked += 1,
                Fate::LeftOut(_) => self.left_out += 1,
                Fate::Stopped(why) => {
                    self.stopped += 1;
                    let cause = ((*route).to_owned(), (*why).to_owned());
                    *self.causes.entry(cause).or_default() += 1;
                }
            }
        }
    }

    fn balances(&mut self, stage: &Stage, wanted: &Books) {
        let end = "2026-12-31".parse().expect("a date");
        let mut held = stage.world.xero(ORGANISATION).trial_balance(end);
        held.retain(|_, it| !it.is_zero());
        self.balances.clone_from(&held);
        let accounts: BTreeSet<&String> = held.keys().chain(wanted.balances.keys()).collect();
        for account in accounts {
            let (is, must) = (held.get(account), wanted.balances.get(account));
            let (is, must) = (
                is.copied().unwrap_or_default(),
                must.copied().unwrap_or_default(),
            );
            if is != must {
                self.wrong
                    .push(format!("account {account} holds {is}, must hold {must}"));
            }
        }
    }

    fn allocations(&mut self, stage: &Stage, papers: &Papers, wanted: &Books) {
        for (key, fate) in wanted.fates.iter().filter(|it| it.0.0.credits()) {
            let route = match key.0 {
                Sort::SupplierCredit => SUPPLIER_ALLOCATIONS,
                _ => ALLOCATIONS,
            };
            let entry = entry_on(stage, route, key.1);
            let (state, told) = told(entry.as_ref());
            let applied = wanted.applied.contains_key(key);
            let fits = match (fate, state) {
                (Fate::Booked, Some(State::Synced)) => applied,
                (Fate::Booked, Some(State::Waiting)) => {
                    !applied && told.contains(why_not_applied(key, papers, wanted))
                }
                // Other credits were as much as the invoice.
                (Fate::Booked, Some(State::Warning)) => {
                    !applied && told.contains("nothing is open on")
                }
                (Fate::Booked, _) => false,
                (_, state) => matches!(state, None | Some(State::Excluded)),
            };
            if !fits {
                let state = state.map_or("nothing", State::name);
                self.wrong.push(format!(
                    "allocation of {key:?}, applied {applied}: {state}: {told}"
                ));
            }
            if *fate == Fate::Booked && !applied {
                let cause = (
                    route.to_owned(),
                    "its invoice is not in the books".to_owned(),
                );
                *self.causes.entry(cause).or_default() += 1;
            }
        }
    }

    /// Omni costs what is marked as imported: all that is booked, and nothing else anew.
    fn flags(&mut self, marked: &Papers, before: &Papers, wanted: &Books, voided: &[Key]) {
        // Omni's API does not know what suppliers credit.
        let marked = marked.papers.iter();
        for (key, paper) in marked.filter(|it| it.0.0 != Sort::SupplierCredit) {
            let booked = wanted.fates.get(key) == Some(&Fate::Booked) || voided.contains(key);
            let is = paper.import_status();
            // Somebody else did.
            let announced = before
                .papers
                .get(key)
                .is_some_and(|it| it.import_status() == "Imported");
            if (is == "Imported") != (booked || announced) && wanted.fates.contains_key(key) {
                self.wrong
                    .push(format!("{key:?} is marked {is}, booked {booked}"));
            }
        }
    }

    /// Each payment of the books stands in Omni once, those that are gone not at all.
    fn payments_in_omni(
        &mut self,
        stage: &Stage,
        kept: &[Payment],
        more: &[Payment],
        gone: &[Payment],
    ) {
        let all = stage.world.omni(ACCOUNT).documents("Payments");
        let count = |id: &str| {
            let ours = |it: &&Value| it["transactionRef"].as_str() == Some(id);
            all.iter().filter(ours).count()
        };
        let wanted = kept.iter().chain(more).map(|it| (it, 1));
        for (payment, wanted) in wanted.chain(gone.iter().map(|it| (it, 0))) {
            let is = count(&payment.id);
            if is != wanted {
                let key = payment.paid.document;
                self.wrong.push(format!(
                    "payment of {key:?} is {is} times in Omni, not {wanted}"
                ));
            }
        }
    }

    /// Source and books are compared document by document: what differs explains the whole difference, and
    /// nothing differs but what stopped.
    async fn reconciled(&mut self, stage: &Stage) {
        for month in ["2026-10", "2026-11"] {
            let request = ReconcileRequest {
                period: Some(Period::month(month).expect("a month")),
                ..ReconcileRequest::default()
            };
            let report = match stage.ask(Request::Reconcile(request)).await {
                Answer::Reconciled(it) => *it,
                other => {
                    self.wrong.push(format!("reconcile of {month}: {other:?}"));
                    continue;
                }
            };
            for (connection, why) in &report.unread {
                self.wrong.push(format!("{connection} is not read: {why}"));
            }
            self.compared += report.lines.len();
            for sum in report.sums.iter().filter(|it| !it.explained) {
                self.wrong.push(format!(
                    "{month}: {} of {:?} in {} is not explained",
                    sum.unexplained, sum.route, sum.currency
                ));
            }
        }
    }

    /// Every entry of every route has come to an end, and another run sends nothing.
    async fn nothing_is_left(&mut self, stage: &Stage) {
        let totals = stage.engine.store().totals().expect("a sound store");
        let open = [
            State::Pending,
            State::Sending,
            State::Uncertain,
            State::Failed,
        ];
        for row in totals.iter().filter(|it| open.contains(&it.state)) {
            self.wrong.push(format!("left behind: {row:?}"));
        }
        for route in [SALES_PAYMENTS, PURCHASE_PAYMENTS] {
            for state in [State::Warning, State::Waiting] {
                for id in stage.ids(route, state).await {
                    self.wrong.push(format!("{route}/{id} is {}", state.name()));
                }
            }
        }
        stage.pass(Duration::from_secs(3_700)).await;
        let before = (writes(stage, Vendor::Xero), writes(stage, Vendor::Omni));
        stage.next().await;
        let after = (writes(stage, Vendor::Xero), writes(stage, Vendor::Omni));
        if before != after {
            self.wrong
                .push(format!("a further run wrote: {before:?}, {after:?}"));
        }
    }
}

/// What a credit note that cannot be applied has to say: why its sale is stopped, else the sale's reference.
fn why_not_applied<'a>(key: &Key, papers: &'a Papers, wanted: &'a Books) -> &'a str {
    let note = papers.papers.get(key);
    let reference = note.and_then(|it| it.sales_reference.as_deref());
    let credited = match key.0 {
        Sort::SupplierCredit => Sort::Purchase,
        _ => Sort::Sale,
    };
    let sale =
        |(key, it): (&Key, &Paper)| key.0 == credited && it.reference.as_deref() == reference;
    let sale = papers.papers.iter().find(|it| sale(*it));
    match sale.and_then(|(key, _)| wanted.fates.get(key)) {
        Some(Fate::Stopped(why)) => why,
        _ => reference.unwrap_or_default(),
    }
}

/// State of an entry, and all that is said about it.
fn told(entry: Option<&Entry>) -> (Option<State>, String) {
    let Some(entry) = entry else {
        return (None, String::new());
    };
    let problem = entry.problem.as_ref();
    let cause = problem.map(|it| format!("{} ({})", it.cause, it.remedy));
    let last = entry.events.last().map(|it| it.what.clone());
    (Some(entry.state), cause.or(last).unwrap_or_default())
}
