//! One comparison from request to report.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::tz::TimeZone;
use ledgerline_plugin_api::manifest::Op;
use rust_decimal::Decimal;

use super::{
    Class, Compared, Line, Period, ReconcileReport, ReconcileRequest, compare,
    read::{Books, Reading},
    sums::{self, Totals},
};
use crate::{
    operate::{Answer, SyncRequest},
    pipeline::{Engine, Progress, RoutePlan, Run, Step, fill_groups},
    store::{StoreError, StreamId},
};

/// Compares both sides. Entries change as far as a pull changes them; nothing is sent.
pub(in crate::operate) async fn reconcile(
    engine: &Engine,
    request: ReconcileRequest,
    progress: &dyn Progress,
) -> Result<Answer, StoreError> {
    let plans = match chosen(engine, &request.routes) {
        Ok(it) => it,
        Err(message) => return Ok(Answer::Refused { message }),
    };
    let now = engine.clock().now();
    let this_month = || {
        let zone = plans.first().map_or(TimeZone::UTC, |it| it.zone.clone());
        Period::month_of(now.to_zoned(zone).date())
    };
    let period = request.period.unwrap_or_else(this_month);
    let _alone = engine.alone().await;
    engine.seed_routes().await?;
    let asked = SyncRequest {
        routes: plans.iter().map(|it| it.name().to_owned()).collect(),
        ..SyncRequest::default()
    };
    let run = Run::new(
        engine,
        engine.store().clone(),
        &asked,
        true,
        engine.cancel.clone(),
        progress,
    );
    let filling = filling(engine, &plans);
    let mut sources: Vec<StreamId> = plans
        .iter()
        .chain(&filling)
        .filter(|it| !it.reads_groups())
        .map(|it| it.source.clone())
        .collect();
    sources.sort();
    sources.dedup();
    run.read_sources(sources).await?;
    for plan in &filling {
        fill_groups(&run, plan).await?;
    }
    let mut report = ReconcileReport {
        period,
        at: now.as_millisecond(),
        routes: Vec::new(),
        unread: run.parked(),
        other_kinds: BTreeMap::new(),
        sums: Vec::new(),
        lines: Vec::new(),
    };
    let mut books: BTreeMap<StreamId, Vec<Arc<RoutePlan>>> = BTreeMap::new();
    for plan in &plans {
        // A source that was read in part would show as documents that are missing, or as extra ones.
        if !report.unread.contains_key(plan.read_from()) {
            books
                .entry(plan.target.clone())
                .or_default()
                .push(plan.clone());
        }
    }
    let mut totals = Totals::default();
    for (stream, plans) in books {
        let Some(system) = engine.connected.get(&stream.connection) else {
            continue;
        };
        let into = |it: &&Arc<RoutePlan>| it.target == stream;
        let books = Books {
            engine,
            run: &run,
            period,
            system,
            all: engine.plans.values().filter(into).cloned().collect(),
            stream,
            plans,
        };
        match books.read().await? {
            Ok(reading) => take_in(&mut report, &mut totals, &books, reading),
            Err(why) => {
                report.unread.insert(books.stream.connection.clone(), why);
            }
        }
    }
    report.lines.sort_by_cached_key(order);
    report.sums = sums::sums(&totals, &report.lines);
    progress.step(Step::Done);
    Ok(Answer::Reconciled(Box::new(report)))
}

fn take_in(report: &mut ReconcileReport, totals: &mut Totals, books: &Books<'_>, reading: Reading) {
    for plan in &books.plans {
        report.routes.push(Compared {
            name: plan.name().to_owned(),
            from: format!("{}/{}", plan.source.connection, plan.source.stream),
            to: books.to(),
            title: plan.target_stream.title.clone(),
            undated: reading.undated.get(plan.name()).copied().unwrap_or(0),
        });
    }
    let joined = reading.joined;
    if joined.other_kind > 0 {
        report.other_kinds.insert(books.to(), joined.other_kind);
    }
    totals.extend(joined.totals);
    report
        .lines
        .extend(compare::lines(joined.both, joined.extras, &books.period));
}

/// The worst first, and of each class the most money.
fn order(
    line: &Line,
) -> (
    Class,
    Reverse<Decimal>,
    bool,
    Option<String>,
    Option<String>,
) {
    let most = line.amounts.values().map(Decimal::abs).max();
    (
        line.class,
        Reverse(most.unwrap_or_default()),
        line.route.is_none(),
        line.entry.as_ref().map(ToString::to_string),
        line.target.as_ref().map(|it| it.id.clone()),
    )
}

/// The routes that are meant, in order of work.
fn chosen(engine: &Engine, named: &[String]) -> Result<Vec<Arc<RoutePlan>>, String> {
    for name in named {
        if let Some(why) = engine.plans.get(name).and_then(|it| unfit(it)) {
            return Err(format!("route {name} cannot be compared: {why}"));
        }
    }
    let plans: Vec<Arc<RoutePlan>> = engine
        .order
        .iter()
        .filter(|it| named.is_empty() || named.contains(it))
        .filter_map(|it| engine.plans.get(it))
        .filter(|it| unfit(it).is_none() && (it.route.enabled || !named.is_empty()))
        .cloned()
        .collect();
    if plans.is_empty() {
        return Err(
            "no route can be compared: none has dates and totals in its source, and totals in a \
             target that can be read"
                .to_owned(),
        );
    }
    Ok(plans)
}

/// Routes that fill the groups which these read, in order of work.
fn filling(engine: &Engine, plans: &[Arc<RoutePlan>]) -> Vec<Arc<RoutePlan>> {
    let mut open: Vec<&String> = plans.iter().flat_map(|it| &it.filled_by).collect();
    let mut wanted: BTreeSet<&String> = BTreeSet::new();
    while let Some(name) = open.pop() {
        if let Some(plan) = engine.plans.get(name).filter(|_| wanted.insert(name)) {
            open.extend(&plan.filled_by);
        }
    }
    let order = engine.order.iter().filter(|it| wanted.contains(it));
    order
        .filter_map(|it| engine.plans.get(it))
        .cloned()
        .collect()
}

/// Why a route cannot be compared.
fn unfit(plan: &RoutePlan) -> Option<String> {
    let no = |it: &Option<String>| it.is_none();
    if plan.fills_groups() {
        return Some("it fills groups, which other routes send".to_owned());
    }
    if plan.follows.is_some() {
        return Some("it follows another route".to_owned());
    }
    if plan.matches() {
        return Some("it links counterparties".to_owned());
    }
    let source = plan.source_stream.as_ref();
    if source.is_none_or(|it| no(&it.total) || no(&it.date)) {
        return Some(format!(
            "{} tells no dates and totals of its documents",
            plan.source_title
        ));
    }
    let target = &plan.target_stream;
    if no(&target.date) || (no(&target.total) && no(&target.held_total)) {
        return Some(format!(
            "{} tells no dates and totals of its documents",
            plan.target_title
        ));
    }
    (!plan.target_can(Op::Pull)).then(|| format!("{} cannot be read", plan.target_title))
}

impl Books<'_> {
    /// The target stream, as `CONNECTION/STREAM`.
    pub(super) fn to(&self) -> String {
        format!("{}/{}", self.stream.connection, self.stream.stream)
    }

    /// Currency of documents that name none; empty when nobody says.
    pub(super) fn base(&self, plan: &RoutePlan) -> String {
        let source = self.engine.connected.get(plan.read_from());
        source
            .and_then(|it| it.connection.base_currency.clone())
            .or_else(|| self.system.connection.base_currency.clone())
            .unwrap_or_default()
    }
}
