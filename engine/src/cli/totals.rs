//! Control totals as CSV, for a spreadsheet beside the books.

use ledgerline_plugin_api::manifest::HeldState;
use rust_decimal::Decimal;
use serde::Serialize;

use crate::{
    cli::{open::Failure, out::Out},
    operate::StatusReport,
    store::{State, TotalsRow},
};

#[derive(Debug, PartialEq, Serialize)]
struct Row<'a> {
    route: &'a str,
    document: &'a str,
    state: &'static str,
    /// `yes` when it is in the ledger, `no` when it only waits there (a draft); empty when it is not
    /// in the target.
    posted: &'static str,
    currency: &'a str,
    count: u64,
    total: Decimal,
}

/// One line for each route, state, posting and currency.
pub(super) fn write(out: &Out, report: &StatusReport) -> Result<(), Failure> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for route in &report.routes {
        for totals in report.totals.iter().filter(|it| it.route == route.name) {
            for row in rows(totals, &route.title) {
                writer.serialize(row).map_err(Failure::unexpected)?;
            }
        }
    }
    let bytes = writer.into_inner().map_err(Failure::unexpected)?;
    out.exact(String::from_utf8_lossy(&bytes).trim_end());
    Ok(())
}

fn rows<'a>(totals: &'a TotalsRow, document: &'a str) -> Vec<Row<'a>> {
    if totals.tally.count == 0 {
        return Vec::new();
    }
    let row = |currency, total| Row {
        route: &totals.route,
        document,
        state: totals.state.name(),
        posted: posted(totals.state, totals.held),
        currency,
        count: totals.tally.count,
        total,
    };
    if totals.tally.money.is_empty() {
        return vec![row("", Decimal::ZERO)];
    }
    totals
        .tally
        .money
        .iter()
        .map(|(currency, sum)| row(currency, *sum))
        .collect()
}

fn posted(state: State, held: Option<HeldState>) -> &'static str {
    match (state, held) {
        (State::Synced, Some(HeldState::Approved | HeldState::Paid)) => "yes",
        (State::Synced, Some(_)) => "no",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Money, Tally};

    #[test]
    fn drafts_are_not_posted_and_currencies_stand_apart() {
        let mut tally = Tally::default();
        for (total, currency) in [("10.10", "AUD"), ("5", "USD")] {
            tally.add(Some(&Money {
                total: total.parse().unwrap(),
                currency: currency.into(),
            }));
        }
        let totals = TotalsRow {
            route: "r".into(),
            state: State::Synced,
            held: Some(HeldState::Draft),
            tally,
        };
        let rows = rows(&totals, "credit note");
        let told: Vec<_> = rows
            .iter()
            .map(|it| (it.posted, it.currency, it.total))
            .collect();
        assert_eq!(
            told,
            [
                ("no", "AUD", "10.10".parse().unwrap()),
                ("no", "USD", "5".parse().unwrap())
            ]
        );
    }
}
