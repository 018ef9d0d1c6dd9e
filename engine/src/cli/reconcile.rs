//! `reconcile`: source against store against target, for one period; with `--account` the stock account
//! against what stock is worth.

mod page;
mod sheet;
mod table;
mod tie_out;

use std::path::Path;

use crate::{
    cli::{
        args::{Common, ReconcileArgs},
        bars::Bars,
        open::{Failure, request},
        out::Out,
        sync::unexpected,
    },
    operate::{
        Answer, Request,
        reconcile::{Line, Period, ReconcileReport, ReconcileRequest, Verdict},
    },
};

pub(super) async fn reconcile(
    common: &Common,
    out: &Out,
    args: ReconcileArgs,
) -> Result<u8, Failure> {
    if let (Some(account), Some(valuation)) = (&args.account, &args.valuation) {
        return tie_out::tie_out(common, out, &args, account, valuation).await;
    }
    let asked = ReconcileRequest {
        routes: args.routes.clone(),
        period: period(&args)?,
    };
    let report = match request(common, Request::Reconcile(asked), &Bars::new()).await? {
        Answer::Reconciled(it) => *it,
        other => return Err(unexpected(other)),
    };
    if let Some(file) = &args.csv {
        write(out, file, sheet::csv(&report)?)?;
    }
    if let Some(file) = &args.page {
        write(out, file, page::html(&report)?.into_bytes())?;
    }
    if out.json {
        out.value(&report);
    } else if !to_standard_output(&args) {
        table::show(out, &report);
    }
    Ok(code(report.verdict()))
}

/// The days that were asked for; none leaves them to the engine, which knows the zone.
fn period(args: &ReconcileArgs) -> Result<Option<Period>, Failure> {
    match (&args.month, args.from, args.to) {
        (Some(month), _, _) => Period::month(month).map(Some),
        (None, Some(from), Some(to)) => Period::new(from, to).map(Some),
        _ => Ok(None),
    }
    .map_err(Failure::refused)
}

/// `-` is standard output.
fn write(out: &Out, file: &Path, bytes: Vec<u8>) -> Result<(), Failure> {
    if file == Path::new("-") {
        out.exact(String::from_utf8_lossy(&bytes).trim_end());
        return Ok(());
    }
    std::fs::write(file, bytes)
        .map_err(|why| Failure::unexpected(format!("{}: {why}", file.display())))
}

fn to_standard_output(args: &ReconcileArgs) -> bool {
    [&args.csv, &args.page]
        .into_iter()
        .flatten()
        .any(|it| it == Path::new("-"))
}

/// Exit code of a comparison.
fn code(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Agrees => 0,
        Verdict::Unexplained => 4,
        Verdict::Unread => 5,
        Verdict::Open => 6,
    }
}

/// In what the sides differ, in words.
fn told(line: &Line) -> String {
    let side = |it: &Option<String>| it.clone().unwrap_or_else(|| "nothing".to_owned());
    let mut parts: Vec<String> = line
        .differences
        .iter()
        .map(|it| {
            format!(
                "{}: {} here, {} there",
                it.field,
                side(&it.source),
                side(&it.target)
            )
        })
        .collect();
    parts.extend(line.why.clone());
    parts.join("; ")
}

/// The number that people look for: the target's, where it has one.
fn number(line: &Line) -> Option<&str> {
    let there = line.target.as_ref().and_then(|it| it.number.as_deref());
    let here = line.source.as_ref().and_then(|it| it.number.as_deref());
    there.or(here)
}

fn party(line: &Line) -> Option<&str> {
    let here = line.source.as_ref().and_then(|it| it.party.as_deref());
    let there = line.target.as_ref().and_then(|it| it.party.as_deref());
    here.or(there)
}

/// Name of a route in a sum; what no entry is linked to has none.
fn route<'a>(route: &'a Option<String>, to: &str) -> std::borrow::Cow<'a, str> {
    match route {
        Some(it) => it.into(),
        None => format!("not linked, in {to}").into(),
    }
}

/// What was not compared, one sentence each.
fn remarks(report: &ReconcileReport) -> Vec<String> {
    let mut told = Vec::new();
    for (connection, why) in &report.unread {
        told.push(format!(
            "{connection} could not be read, and its routes were not compared: {why}"
        ));
    }
    for it in report.routes.iter().filter(|it| it.undated > 0) {
        told.push(format!(
            "{}: {} documents of the source have no date and belong to no period. Next: ledgerline \
             list --route {}",
            it.name, it.undated, it.name
        ));
    }
    for (stream, count) in &report.other_kinds {
        told.push(format!(
            "{stream}: {count} documents of the period are of a kind that no route makes; they are \
             left out"
        ));
    }
    told
}
