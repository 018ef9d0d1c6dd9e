//! What is stopped and how much there is of everything: read from the tallies that each write keeps.

use std::{cmp::Reverse, collections::HashMap};

use rust_decimal::Decimal;

use super::{
    SledStore,
    codes::held_of,
    entry_row::Row,
    keys::{self, CauseHash, Number},
    rows::{TallyRow, decode},
    work::Standing,
};
use crate::store::{EntryId, Group, Result, State, Tally, TotalsRow};

impl SledStore {
    /// The stored tallies with the entries of open intents moved to `Sending`.
    pub(super) fn all_totals(&self) -> Result<Vec<TotalsRow>> {
        let mut totals = self.writer().totals.clone();
        for (route, row) in self.sending()? {
            let mut standing = Standing::of(&row.entry);
            if let Some(tally) = totals.get_mut(&standing.total(route)) {
                tally.remove(standing.money.as_ref());
            }
            (standing.state, standing.held) = (State::Sending, 0);
            totals
                .entry(standing.total(route))
                .or_default()
                .add(standing.money.as_ref());
        }
        let names = self.names();
        let mut rows: Vec<TotalsRow> = totals
            .into_iter()
            .filter(|(_, tally)| tally.count > 0)
            .filter_map(|((route, state, held), tally)| {
                let route = names.routes.name(route)?.clone();
                Some(TotalsRow {
                    route,
                    state,
                    held: held_of(held),
                    tally,
                })
            })
            .collect();
        rows.sort_by(|a, b| (&a.route, a.state, a.held).cmp(&(&b.route, b.state, b.held)));
        Ok(rows)
    }

    /// Entries of open intents, as they are stored.
    pub(super) fn sending(&self) -> Result<Vec<(Number, Row)>> {
        let keys: Vec<Vec<u8>> = self.open_calls().by_entry.keys().cloned().collect();
        let mut rows = Vec::with_capacity(keys.len());
        for key in keys {
            if let Some((route, id)) = keys::read_owned(&key)
                && let Some(row) = self.stored(route, id)?
            {
                rows.push((route, row));
            }
        }
        Ok(rows)
    }

    pub(super) fn all_groups(&self, routes: &[String]) -> Result<Vec<Group>> {
        // Stopped entries whose call is under way again (failed, waiting).
        let mut away: HashMap<(Number, State, CauseHash), Tally> = HashMap::new();
        for (route, row) in self.sending()? {
            let standing = Standing::of(&row.entry);
            if let Some(group) = standing.group(route) {
                away.entry(group).or_default().add(standing.money.as_ref());
            }
        }
        let mut groups = Vec::new();
        for (number, route) in self.chosen_routes(routes) {
            for row in self.scan(&keys::of_number(keys::GROUP, number), None) {
                let (key, bytes) = row?;
                let Some(group) = keys::read_group(&key) else {
                    continue;
                };
                let row = decode::<TallyRow>(&key, &bytes)?;
                let cause = row.cause.clone();
                let mut tally = row.tally();
                if let Some(away) = away.get(&group) {
                    tally = without(tally, away);
                }
                if let Some(found) = self.group(group, &route, cause, tally)? {
                    groups.push(found);
                }
            }
        }
        groups.sort_by_cached_key(|it| {
            (
                Reverse(weight(&it.tally)),
                it.route.clone(),
                it.state,
                it.cause.clone(),
            )
        });
        Ok(groups)
    }

    /// A group with its oldest entry: the first key of the cause in the index.
    fn group(
        &self,
        (number, state, cause): (Number, State, CauseHash),
        route: &str,
        key: String,
        tally: Tally,
    ) -> Result<Option<Group>> {
        if tally.count == 0 {
            return Ok(None);
        }
        for row in self.scan(&keys::of_cause(keys::INDEX, number, state, cause), None) {
            let (index, _) = row?;
            let Some(found) = keys::read_index(&index) else {
                continue;
            };
            if self.is_sending(number, found.id) {
                continue;
            }
            let Some(row) = self.stored(number, found.id)? else {
                continue;
            };
            return Ok(Some(Group {
                route: route.to_owned(),
                state,
                cause: key,
                tally,
                oldest: found.since,
                example: EntryId::new(route, found.id),
                problem: row.entry.problem,
            }));
        }
        Ok(None)
    }
}

fn without(mut tally: Tally, away: &Tally) -> Tally {
    tally.count = tally.count.saturating_sub(away.count);
    for (currency, sum) in &away.money {
        let left = tally.money.entry(currency.clone()).or_default();
        *left = left.saturating_sub(*sum);
    }
    tally.money.retain(|_, sum| !sum.is_zero());
    tally
}

/// Most money first. Currencies cannot be added up, so the greatest sum in any one stands for all.
fn weight(tally: &Tally) -> (Decimal, u64) {
    let most = tally
        .money
        .values()
        .map(Decimal::abs)
        .max()
        .unwrap_or_default();
    (most, tally.count)
}
