//! One row a document, for a spreadsheet.
//!
//! A spreadsheet takes text that begins with `=`, `+`, `-` or `@` for a formula and may run it, and
//! names and numbers are other people's words. Such text gets a quote before it. Amounts and dates are
//! this program's own and stay as they are.

use std::borrow::Cow;

use rust_decimal::Decimal;
use serde::Serialize;

use crate::{
    cli::open::Failure,
    operate::reconcile::{Line, ReconcileReport},
    pipeline::held_name,
};

#[derive(Debug, Default, Serialize)]
struct Row<'a> {
    class: &'static str,
    route: Cow<'a, str>,
    target_stream: Cow<'a, str>,
    entry: Cow<'a, str>,
    state: &'static str,
    party: Cow<'a, str>,
    source_number: Cow<'a, str>,
    source_date: String,
    source_total: Option<Decimal>,
    source_currency: Cow<'a, str>,
    target_number: Cow<'a, str>,
    target_date: String,
    target_total: Option<Decimal>,
    target_currency: Cow<'a, str>,
    target_state: &'static str,
    /// `yes`, `no`, or empty where the target holds nothing.
    posted: &'static str,
    target_id: Cow<'a, str>,
    /// What it adds to the difference; with the currency in words where there are two.
    adds: String,
    what: String,
    remedy: Cow<'a, str>,
    next: Cow<'a, str>,
}

/// All documents of a report as CSV.
pub(super) fn csv(report: &ReconcileReport) -> Result<Vec<u8>, Failure> {
    written(report.lines.iter().map(row))
}

/// Rows as CSV, with a header whether there are any or not.
pub(super) fn written<R: Default + Serialize>(
    rows: impl ExactSizeIterator<Item = R>,
) -> Result<Vec<u8>, Failure> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let none = rows.len() == 0;
    for row in rows {
        writer.serialize(row).map_err(Failure::unexpected)?;
    }
    if none {
        // The header comes with the first row otherwise.
        let mut head = csv::Writer::from_writer(Vec::new());
        head.serialize(R::default()).map_err(Failure::unexpected)?;
        let bytes = head.into_inner().map_err(Failure::unexpected)?;
        let end = bytes.iter().position(|it| *it == b'\n').unwrap_or(0);
        return Ok(bytes.get(..=end).unwrap_or_default().to_vec());
    }
    writer.into_inner().map_err(Failure::unexpected)
}

fn row(line: &Line) -> Row<'_> {
    let (source, target) = (line.source.as_ref(), line.target.as_ref());
    Row {
        class: line.class.name(),
        route: text(line.route.as_deref()),
        target_stream: text(Some(&line.to)),
        entry: guarded(
            line.entry
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default()
                .into(),
        ),
        state: line.state.map(|it| it.name()).unwrap_or_default(),
        party: text(super::party(line)),
        source_number: text(source.and_then(|it| it.number.as_deref())),
        source_date: source
            .and_then(|it| it.date)
            .map(|it| it.to_string())
            .unwrap_or_default(),
        source_total: source.and_then(|it| it.total),
        source_currency: text(source.map(|it| it.currency.as_str())),
        target_number: text(target.and_then(|it| it.number.as_deref())),
        target_date: target
            .and_then(|it| it.date)
            .map(|it| it.to_string())
            .unwrap_or_default(),
        target_total: target.and_then(|it| it.total),
        target_currency: text(target.map(|it| it.currency.as_str())),
        target_state: target
            .and_then(|it| it.state)
            .map(held_name)
            .unwrap_or_default(),
        posted: match target {
            Some(it) if it.posted => "yes",
            Some(_) => "no",
            None => "",
        },
        target_id: text(target.map(|it| it.id.as_str())),
        adds: adds(line),
        what: guarded(super::told(line).into()).into_owned(),
        remedy: text(line.remedy.as_deref()),
        next: text(line.next.as_deref()),
    }
}

fn adds(line: &Line) -> String {
    let amounts: Vec<String> = match line.amounts.len() {
        1 => line.amounts.values().map(ToString::to_string).collect(),
        _ => line
            .amounts
            .iter()
            .map(|(currency, it)| format!("{currency} {it}"))
            .collect(),
    };
    amounts.join("; ")
}

pub(super) fn text(it: Option<&str>) -> Cow<'_, str> {
    guarded(it.unwrap_or_default().into())
}

/// Text that no spreadsheet takes for a formula.
fn guarded(text: Cow<'_, str>) -> Cow<'_, str> {
    match text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) {
        true => format!("'{text}").into(),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_peoples_words_are_no_formulas() {
        let cases = [
            ("=HYPERLINK(\"http://x\")", "'=HYPERLINK(\"http://x\")"),
            ("+61 2", "'+61 2"),
            ("-7 CRN", "'-7 CRN"),
            ("@SUM", "'@SUM"),
            ("\t=1", "'\t=1"),
            ("7 CRN-7", "7 CRN-7"),
            ("", ""),
        ];
        for (text, wanted) in cases {
            assert_eq!(guarded(text.into()), wanted, "{text}");
        }
    }
}
