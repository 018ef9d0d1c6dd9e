//! A comparison as a page to print or to keep with the month's papers: one file, no script, nothing
//! loaded from elsewhere. The template escapes every word that is put in.

use askama::Template;

use super::table;
use crate::{
    cli::{open::Failure, out::instant},
    operate::{
        reconcile::{Class, Line, ReconcileReport, Verdict},
        words::grouped,
    },
};

#[derive(Template)]
#[template(path = "reconcile.html")]
struct Page {
    period: String,
    at: String,
    routes: Vec<Route>,
    remarks: Vec<String>,
    verdict: String,
    open: bool,
    sums: Vec<Sum>,
    groups: Vec<Group>,
}

struct Route {
    name: String,
    from: String,
    to: String,
}

struct Sum {
    route: String,
    currency: String,
    source: String,
    posted: String,
    unposted: String,
    difference: String,
    explained: String,
    fails: bool,
}

struct Group {
    title: &'static str,
    meaning: &'static str,
    open: bool,
    rows: Vec<Row>,
}

struct Row {
    number: String,
    party: String,
    source_date: String,
    source: String,
    target_date: String,
    target: String,
    standing: String,
    what: String,
    remedy: String,
}

/// The page as HTML.
pub(super) fn html(report: &ReconcileReport) -> Result<String, Failure> {
    page(report).render().map_err(Failure::unexpected)
}

fn page(report: &ReconcileReport) -> Page {
    Page {
        period: report.period.to_string(),
        at: instant(report.at),
        routes: report
            .routes
            .iter()
            .map(|it| Route {
                name: it.name.clone(),
                from: it.from.clone(),
                to: it.to.clone(),
            })
            .collect(),
        remarks: super::remarks(report),
        verdict: table::verdict(report),
        open: report.verdict() != Verdict::Agrees,
        sums: report
            .sums
            .iter()
            .map(|it| Sum {
                route: super::route(&it.route, &it.to).into_owned(),
                currency: it.currency.clone(),
                source: grouped(it.source),
                posted: grouped(it.posted),
                unposted: grouped(it.unposted),
                difference: grouped(it.difference),
                explained: table::explained(it),
                fails: !it.explained,
            })
            .collect(),
        groups: Class::ALL
            .into_iter()
            .filter_map(|class| group(report, class))
            .collect(),
    }
}

fn group(report: &ReconcileReport, class: Class) -> Option<Group> {
    let lines = report.lines.iter().filter(|it| it.class == class);
    let rows: Vec<Row> = lines.map(row).collect();
    (!rows.is_empty()).then(|| Group {
        title: table::title(class),
        meaning: table::meaning(class),
        open: class.is_open(),
        rows,
    })
}

fn row(line: &Line) -> Row {
    let (source, target) = (line.source.as_ref(), line.target.as_ref());
    let date = |it: Option<jiff::civil::Date>| it.map(|it| it.to_string()).unwrap_or_default();
    Row {
        number: super::number(line).unwrap_or("-").to_owned(),
        party: super::party(line).unwrap_or("-").to_owned(),
        source_date: date(source.and_then(|it| it.date)),
        source: table::amount(source.map(|it| (it.total, it.currency.as_str()))),
        target_date: date(target.and_then(|it| it.date)),
        target: table::amount(target.map(|it| (it.total, it.currency.as_str()))),
        standing: table::standing(line),
        what: super::told(line),
        remedy: line.remedy.clone().unwrap_or_default(),
    }
}
