//! `reconcile --account`: the stock account against what stock is worth, as a table, CSV, JSON or a page.

use std::{
    borrow::Cow,
    io::Read as _,
    path::{Path, PathBuf},
};

use askama::Template;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::Serialize;

use super::{sheet, to_standard_output, write};
use crate::{
    cli::{
        args::{Common, ReconcileArgs},
        bars::Bars,
        open::{Failure, request},
        out::{Out, instant},
        sync::unexpected,
    },
    operate::{
        Answer, Request,
        reconcile::{
            Period,
            tie_out::{Exported, Group, Item, Kind, TieOutReport, TieOutRequest, TieOutVerdict},
        },
        words::grouped,
    },
    pipeline::held_name,
};

/// Rows of one list that are shown; the others are in the CSV and in `--json`.
const ROWS: usize = 40;

pub(super) async fn tie_out(
    common: &Common,
    out: &Out,
    args: &ReconcileArgs,
    account: &str,
    valuation: &Path,
) -> Result<u8, Failure> {
    let month = args.month.as_deref().map(Period::month).transpose();
    let month = month.map_err(Failure::refused)?.map(|it| it.to());
    let asked = TieOutRequest {
        account: account.to_owned(),
        valuation: exported(valuation)?,
        on: month.or(args.as_of),
        opening_day: args.opening_day,
        opening: args.opening.as_deref().map(exported).transpose()?,
        source: args.source.clone(),
        target: args.target.clone(),
    };
    let report = match request(common, Request::TieOut(asked), &Bars::new()).await? {
        Answer::TiedOut(it) => *it,
        other => return Err(unexpected(other)),
    };
    if let Some(file) = &args.csv {
        write(out, file, sheet::written(report.items.iter().map(row))?)?;
    }
    if let Some(file) = &args.page {
        let page = page(&report).render().map_err(Failure::unexpected)?;
        write(out, file, page.into_bytes())?;
    }
    if out.json {
        out.value(&report);
    } else if !to_standard_output(args) {
        show(out, &report);
    }
    Ok(match report.verdict() {
        TieOutVerdict::Agrees => 0,
        TieOutVerdict::Rest => 4,
        TieOutVerdict::Unread => 5,
        TieOutVerdict::Explained => 6,
    })
}

fn exported(file: &Path) -> Result<Exported, Failure> {
    let mut bytes = Vec::new();
    let (name, read) = match file == Path::new("-") {
        true => (
            "standard input".to_owned(),
            std::io::stdin().read_to_end(&mut bytes).map(|_| ()),
        ),
        false => (
            PathBuf::from(file).display().to_string(),
            std::fs::read(file).map(|it| bytes = it),
        ),
    };
    read.map_err(|why| Failure::refused(format!("{name}: {why}")))?;
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Exported { name, text }),
        Err(_) => Err(Failure::refused(format!(
            "{name}: it is not UTF-8 text: export it as \"CSV UTF-8\""
        ))),
    }
}

// --- on a terminal ---------------------------------------------------------------------------------

fn show(out: &Out, report: &TieOutReport) {
    out.heading(&title(report));
    for it in told(report) {
        out.line(out.paint("33", &it));
    }
    if report.unread.is_empty() {
        out.table(&["", &report.currency], totals(report));
        if !report.groups.is_empty() {
            out.line("");
            out.table(&["explained by", "documents", "amount", ""], sums(report));
        }
        for group in &report.groups {
            details(out, report, group);
        }
        out.line("");
    }
    out.line(verdict(report));
}

fn details(out: &Out, report: &TieOutReport, group: &Group) {
    out.line("");
    out.line(format!(
        "{:>4} {}  {}",
        group.count,
        group.list,
        meaning(group.kind)
    ));
    let items = || of(report, group);
    let rows = items()
        .take(ROWS)
        .map(|it| {
            vec![
                it.document.clone(),
                it.number.clone().unwrap_or_else(|| "-".to_owned()),
                it.party.clone().unwrap_or_else(|| "-".to_owned()),
                day(it.moved),
                day(it.billed),
                day(it.posted),
                amount(it.stock),
                grouped(it.books),
                amount(it.amount),
                standing(it),
                what(it),
                it.next.clone().unwrap_or_default(),
            ]
        })
        .collect();
    let header = [
        "document", "number", "party", "moved", "billed", "posted", "stock", "books", "explains",
        "state", "what", "next",
    ];
    out.table(&header, rows);
    let all = items().count();
    if all > ROWS {
        out.line(format!(
            "      and {} more: --csv FILE has them all",
            all - ROWS
        ));
    }
}

fn of<'a>(report: &'a TieOutReport, group: &'a Group) -> impl Iterator<Item = &'a Item> {
    let same = |it: &&Item| it.kind == group.kind && it.list == group.list;
    report.items.iter().filter(same)
}

fn title(report: &TieOutReport) -> String {
    let name = format!("{} {}", report.account, report.account_name);
    format!(
        "Stock of {} against account {} of {} on {}",
        report.source,
        name.trim(),
        report.target,
        report.on
    )
}

fn totals(report: &TieOutReport) -> Vec<Vec<String>> {
    let stock = format!(
        "stock, {} products in {}",
        report.products, report.valuation
    );
    vec![
        vec![stock, grouped(report.stock)],
        vec![format!("account {}", report.account), grouped(report.books)],
        vec!["difference".to_owned(), grouped(report.difference)],
    ]
}

/// The lines under the difference: they add up to it.
fn sums(report: &TieOutReport) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    if let (Some(stock), Some(difference)) = (report.opening.stock, report.opening.difference) {
        rows.push(vec![
            format!("what it was on {}", report.opening.day),
            String::new(),
            grouped(difference),
            format!(
                "stock {}, books {}",
                grouped(stock),
                grouped(report.opening.books)
            ),
        ]);
    }
    rows.extend(report.groups.iter().map(|it| {
        let amount = match it.unknown == it.count {
            true => "?".to_owned(),
            false => grouped(it.amount),
        };
        vec![it.list.clone(), it.count.to_string(), amount, unknown(it)]
    }));
    rows.push(vec![
        "rest".to_owned(),
        String::new(),
        grouped(report.rest),
        String::new(),
    ]);
    rows
}

// --- words -----------------------------------------------------------------------------------------

fn told(report: &TieOutReport) -> Vec<String> {
    let unread = report.unread.iter();
    let unread = unread.map(|(connection, why)| format!("{connection} could not be read: {why}"));
    unread.chain(report.remarks.iter().cloned()).collect()
}

/// What is said of documents whose cost nobody tells.
fn unknown(group: &Group) -> String {
    if group.unknown == 0 {
        return String::new();
    }
    let mut told = format!(
        "{} of unknown cost, worth {} at their price",
        group.unknown,
        grouped(group.worth)
    );
    if !group.estimate.is_zero() {
        told.push_str(&format!(
            "; estimate of what they add, not counted: {}",
            grouped(group.estimate)
        ));
    }
    told
}

fn meaning(kind: Kind) -> &'static str {
    match kind {
        Kind::MovedNotBilled => "the goods moved, and no document of it is dated up to the day",
        Kind::BilledNotMoved => "it is dated up to the day, and the goods did not move",
        Kind::NotPosted => "it should be in the books, and waits, stopped or was left out",
        Kind::Unposted => "the target holds it, and nobody approved it",
        Kind::NotCosted => "the goods moved, and nothing tells what they cost",
        Kind::OtherAmount => {
            "in both with another value: changed on one side, or at another exchange rate"
        }
        Kind::OtherDay => "in both, and one of them on another side of the day or of the beginning",
        Kind::OtherRoute => "posted by a route whose documents move no stock",
        Kind::NotOurs => "posted by hand or by another program",
        Kind::Unread => {
            "the account moved by more than the documents that can be read: bank entries, \
             conversion balances, claims"
        }
    }
}

/// How it all stands, in one sentence or two.
fn verdict(report: &TieOutReport) -> String {
    let documents = match report.items.len() {
        1 => "1 document explains".to_owned(),
        many => format!("{many} documents explain"),
    };
    match report.verdict() {
        TieOutVerdict::Agrees => "Stock and account are equal, and nothing is open.".to_owned(),
        TieOutVerdict::Explained => format!("{documents} the difference to the cent."),
        TieOutVerdict::Unread => "Not everything could be read, so nothing is told.".to_owned(),
        TieOutVerdict::Rest => rest(report),
    }
}

fn rest(report: &TieOutReport) -> String {
    let mut told = match report.rest.is_zero() {
        true => "The documents explain the difference.".to_owned(),
        false => format!("{} are left over.", grouped(report.rest)),
    };
    if report.unknown() > 0 {
        told.push_str(&format!(
            " The cost of {} is not known, and is part of that.",
            report.unknown()
        ));
    }
    if report.opening.stock.is_none() {
        told.push_str(&format!(
            " What stock and books differed by on {} is part of it, too: the books held {}; --opening FILE \
             says what stock was worth.",
            report.opening.day,
            grouped(report.opening.books)
        ));
    }
    if !report.exact {
        told.push_str(" Amounts are too large to be added up exactly.");
    }
    told.push_str(
        " Usual causes: costs that changed after the last export of them, exchange rates that changed after \
         a bill, costs of freight and customs entered in one system only, stock that was changed without a \
         document.",
    );
    told
}

fn day(it: Option<Date>) -> String {
    it.map(|it| it.to_string()).unwrap_or_default()
}

fn amount(it: Option<Decimal>) -> String {
    it.map_or_else(|| "?".to_owned(), grouped)
}

/// Where it stands here, and in the target.
fn standing(item: &Item) -> String {
    let here = item.state.map(|it| it.name());
    let there = item.held.map(held_name);
    let told: Vec<&str> = here.into_iter().chain(there).collect();
    told.join(", ")
}

fn what(item: &Item) -> String {
    let mut parts: Vec<String> = item.why.clone().into_iter().collect();
    if item.amount.is_none() {
        if let Some(worth) = item.worth {
            parts.push(format!("worth {} at its price", grouped(worth)));
        }
        if let Some(estimate) = item.estimate {
            parts.push(format!("estimate, not counted: {}", grouped(estimate)));
        }
    }
    parts.join("; ")
}

// --- for a spreadsheet -------------------------------------------------------------------------------

#[derive(Debug, Default, Serialize)]
struct Row<'a> {
    kind: &'static str,
    list: Cow<'a, str>,
    document: Cow<'a, str>,
    number: Cow<'a, str>,
    party: Cow<'a, str>,
    moved: String,
    billed: String,
    posted: String,
    stock: Option<Decimal>,
    books: Decimal,
    /// Empty where the cost is not known.
    explains: Option<Decimal>,
    worth: Option<Decimal>,
    estimate: Option<Decimal>,
    entry: String,
    state: &'static str,
    target_state: &'static str,
    target_id: Cow<'a, str>,
    why: Cow<'a, str>,
    remedy: Cow<'a, str>,
    next: Cow<'a, str>,
}

fn row(item: &Item) -> Row<'_> {
    let entry = item.entry.as_ref().map(ToString::to_string);
    Row {
        kind: item.kind.name(),
        list: sheet::text(Some(&item.list)),
        document: sheet::text(Some(&item.document)),
        number: sheet::text(item.number.as_deref()),
        party: sheet::text(item.party.as_deref()),
        moved: day(item.moved),
        billed: day(item.billed),
        posted: day(item.posted),
        stock: item.stock,
        books: item.books,
        explains: item.amount,
        worth: item.worth,
        estimate: item.estimate,
        entry: sheet::text(entry.as_deref()).into_owned(),
        state: item.state.map(|it| it.name()).unwrap_or_default(),
        target_state: item.held.map(held_name).unwrap_or_default(),
        target_id: sheet::text(item.target.as_deref()),
        why: sheet::text(item.why.as_deref()),
        remedy: sheet::text(item.remedy.as_deref()),
        next: sheet::text(item.next.as_deref()),
    }
}

// --- to print ------------------------------------------------------------------------------------------

/// One file, no script, nothing loaded from elsewhere. The template escapes every word that is put in.
#[derive(Template)]
#[template(path = "tie_out.html")]
struct Page {
    title: String,
    at: String,
    remarks: Vec<String>,
    verdict: String,
    open: bool,
    currency: String,
    totals: Vec<Vec<String>>,
    sums: Vec<Vec<String>>,
    lists: Vec<List>,
}

struct List {
    title: String,
    meaning: &'static str,
    rows: Vec<Line>,
}

struct Line {
    document: String,
    number: String,
    party: String,
    moved: String,
    billed: String,
    posted: String,
    stock: String,
    books: String,
    explains: String,
    standing: String,
    what: String,
    remedy: String,
}

fn page(report: &TieOutReport) -> Page {
    let read = report.unread.is_empty();
    Page {
        title: title(report),
        at: instant(report.at),
        remarks: told(report),
        verdict: verdict(report),
        open: !matches!(
            report.verdict(),
            TieOutVerdict::Agrees | TieOutVerdict::Explained
        ),
        currency: report.currency.clone(),
        totals: if read { totals(report) } else { Vec::new() },
        sums: if read { sums(report) } else { Vec::new() },
        lists: report
            .groups
            .iter()
            .map(|group| List {
                title: group.list.clone(),
                meaning: meaning(group.kind),
                rows: of(report, group).map(line).collect(),
            })
            .collect(),
    }
}

fn line(item: &Item) -> Line {
    Line {
        document: item.document.clone(),
        number: item.number.clone().unwrap_or_else(|| "-".to_owned()),
        party: item.party.clone().unwrap_or_else(|| "-".to_owned()),
        moved: day(item.moved),
        billed: day(item.billed),
        posted: day(item.posted),
        stock: amount(item.stock),
        books: grouped(item.books),
        explains: amount(item.amount),
        standing: standing(item),
        what: what(item),
        remedy: item.remedy.clone().unwrap_or_default(),
    }
}
