//! A comparison for people: sums first, then what is open, the worst first.

use crate::{
    cli::out::Out,
    operate::{
        reconcile::{Class, Line, Part, ReconcileReport, Sum, Verdict},
        words::grouped,
    },
};
use rust_decimal::Decimal;

/// Rows of one class that are shown; the others are in the CSV and in `--json`.
const ROWS: usize = 40;

pub(super) fn show(out: &Out, report: &ReconcileReport) {
    out.heading(&format!("Source against target, {}", report.period));
    for it in super::remarks(report) {
        out.line(out.paint("33", &it));
    }
    if report.lines.is_empty() {
        out.line("No documents.");
    } else {
        sums(out, report);
        for class in Class::ALL.into_iter().filter(|it| *it != Class::Agrees) {
            lines(out, report, class);
        }
        out.line("");
    }
    out.line(verdict(report));
}

fn sums(out: &Out, report: &ReconcileReport) {
    let rows = report
        .sums
        .iter()
        .map(|it| {
            vec![
                super::route(&it.route, &it.to).into_owned(),
                it.currency.clone(),
                grouped(it.source),
                grouped(it.posted),
                grouped(it.unposted),
                grouped(it.difference),
                explained(it),
            ]
        })
        .collect();
    let header = [
        "route",
        "",
        "source",
        "target, posted",
        "not posted",
        "difference",
        "explained",
    ];
    out.table(&header, rows);
}

/// `yes: missing 44.00 (1), extra -5.00 (1)`.
pub(super) fn explained(sum: &Sum) -> String {
    let parts: Vec<String> = sum
        .parts
        .iter()
        .filter(|it| it.class != Class::Agrees)
        .map(|it| format!("{} {} ({})", title(it.class), grouped(it.amount), it.count))
        .collect();
    let parts = parts.join(", ");
    match (sum.explained, parts.is_empty()) {
        (true, true) => "yes".to_owned(),
        (true, false) => format!("yes: {parts}"),
        (false, _) => format!("NO, {} are left: {parts}", grouped(sum.unexplained)),
    }
}

/// Name of a class for people.
pub(super) fn title(class: Class) -> &'static str {
    match class {
        Class::OtherPeriod => "other period",
        other => other.name(),
    }
}

fn lines(out: &Out, report: &ReconcileReport, class: Class) {
    let all: Vec<&Line> = report.lines.iter().filter(|it| it.class == class).collect();
    if all.is_empty() {
        return;
    }
    let color = if class.is_open() { "31" } else { "0" };
    out.line("");
    out.line(format!(
        "{}  {}",
        out.paint(color, &format!("{:>4} {}", all.len(), title(class))),
        meaning(class)
    ));
    let rows = all
        .iter()
        .take(ROWS)
        .map(|it| {
            vec![
                super::number(it).unwrap_or("-").to_owned(),
                date(it),
                super::party(it).unwrap_or("-").to_owned(),
                amount(
                    it.source
                        .as_ref()
                        .map(|it| (it.total, it.currency.as_str())),
                ),
                amount(
                    it.target
                        .as_ref()
                        .map(|it| (it.total, it.currency.as_str())),
                ),
                standing(it),
                super::told(it),
                it.next.clone().unwrap_or_default(),
            ]
        })
        .collect();
    let header = [
        "number", "date", "party", "source", "target", "state", "what", "next",
    ];
    out.table(&header, rows);
    if all.len() > ROWS {
        out.line(format!(
            "      and {} more: --csv FILE has them all",
            all.len() - ROWS
        ));
    }
}

fn date(line: &Line) -> String {
    let here = line.source.as_ref().and_then(|it| it.date);
    let there = line.target.as_ref().and_then(|it| it.date);
    here.or(there).map(|it| it.to_string()).unwrap_or_default()
}

pub(super) fn amount(side: Option<(Option<Decimal>, &str)>) -> String {
    match side {
        None => "-".to_owned(),
        Some((None, _)) => "?".to_owned(),
        Some((Some(total), currency)) => format!("{currency} {}", grouped(total)).trim().to_owned(),
    }
}

/// Where it stands here, and in the target.
pub(super) fn standing(line: &Line) -> String {
    let here = line.state.map(|it| it.name());
    let there = line
        .target
        .as_ref()
        .and_then(|it| it.state)
        .map(crate::pipeline::held_name);
    let told: Vec<&str> = here.into_iter().chain(there).collect();
    told.join(", ")
}

pub(super) fn meaning(class: Class) -> &'static str {
    match class {
        Class::Different => "on both sides, and something of it differs",
        Class::Gone => "was sent, and the target's books no longer hold it",
        Class::Missing => "in the source, not in the target",
        Class::Extra => "in the target, and nothing here is linked to it",
        Class::OtherPeriod => "its date on one side lies outside the period",
        Class::Skipped => "left out by a person, or from before the cut-over",
        Class::Excluded => "left out by a rule",
        Class::Agrees => "on both sides, and equal",
    }
}

/// Documents that agree, and of them those that are not posted yet.
pub(super) fn agreeing(report: &ReconcileReport) -> (u64, u64) {
    let parts = report.sums.iter().flat_map(|it| &it.parts);
    let agree = parts.filter(|it| it.class == Class::Agrees);
    agree.fold((0, 0), |(count, unposted), it: &Part| {
        (count + it.count, unposted + it.unposted)
    })
}

/// How it all stands, in one sentence or two.
pub(super) fn verdict(report: &ReconcileReport) -> String {
    let (agree, unposted) = agreeing(report);
    let mut told = format!("{agree} documents agree");
    if unposted > 0 {
        told.push_str(&format!(
            ", {unposted} of them not posted in the target yet"
        ));
    }
    let open = report.lines.iter().filter(|it| it.class.is_open()).count();
    told.push_str(&match report.verdict() {
        Verdict::Agrees => ". Nothing is open.".to_owned(),
        Verdict::Open => format!("; {open} are open, and explain the differences to the cent."),
        Verdict::Unexplained => {
            "; the documents do not explain the differences above. This is a fault of the program: \
             keep the --json of it."
                .to_owned()
        }
        Verdict::Unread => "; not everything could be read, so this is not the whole.".to_owned(),
    });
    told
}
