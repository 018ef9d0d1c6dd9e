//! Which routes wait for which. Routes that share a source connection, or of which one needs the
//! other, form a chain and are worked in order; chains are worked side by side, so that a source that
//! gives one document a second keeps no other waiting.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use crate::{
    config::GROUPS,
    pipeline::{plan::RoutePlan, progress::Step, run::Run, uncertain, work},
    store::{State, StoreError, StreamId},
};

/// Longest that a person's run waits for the moment at which an uncertain document may be asked
/// for. Scheduled runs do not wait: other routes would stand still meanwhile.
const PATIENCE: Duration = Duration::from_secs(180);

/// What two routes of one chain have in common.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Tie {
    Source(String),
    Route(String),
}

fn ties(plan: &Arc<RoutePlan>) -> Vec<Tie> {
    let mut ties = vec![Tie::Route(plan.name().to_owned())];
    let others = plan.route.after.iter().chain(plan.route.links.values());
    ties.extend(others.cloned().map(Tie::Route));
    ties.push(match &plan.follows {
        Some(it) => Tie::Route(it.route.clone()),
        None => Tie::Source(source_of(&plan.source)),
    });
    if plan.fills_groups() {
        ties.push(Tie::Source(source_of(&plan.target)));
    }
    ties
}

/// What routes have in common that read it: the connection, or the groups.
fn source_of(stream: &StreamId) -> String {
    match stream.connection == GROUPS {
        true => format!("{GROUPS}/{}", stream.stream),
        false => stream.connection.clone(),
    }
}

/// The chains of some routes; inside each, the order stays.
fn chains<T: Clone>(routes: &[T], ties: impl Fn(&T) -> Vec<Tie>) -> Vec<Vec<T>> {
    // A chain is named by the place of its first route.
    let mut chain_of: Vec<usize> = (0..routes.len()).collect();
    let mut holder: BTreeMap<Tie, usize> = BTreeMap::new();
    for (place, route) in routes.iter().enumerate() {
        for tie in ties(route) {
            let other = *holder.entry(tie).or_insert(place);
            let (one, two) = (chain_of.get(other).copied(), chain_of.get(place).copied());
            let (Some(one), Some(two)) = (one, two) else {
                continue;
            };
            for it in &mut chain_of {
                if *it == one.max(two) {
                    *it = one.min(two);
                }
            }
        }
    }
    let mut all: BTreeMap<usize, Vec<T>> = BTreeMap::new();
    for (route, chain) in routes.iter().zip(chain_of) {
        all.entry(chain).or_default().push(route.clone());
    }
    all.into_values().collect()
}

/// Works all routes of a run until nothing moves any more.
pub(crate) async fn work_all(run: &Run<'_>) -> Result<(), StoreError> {
    let chains = chains(&run.routes, ties);
    let all = chains.iter().map(|chain| work_chain(run, chain));
    futures_util::future::try_join_all(all).await.map(|_| ())
}

async fn work_chain(run: &Run<'_>, routes: &[Arc<RoutePlan>]) -> Result<(), StoreError> {
    // A route depends on earlier ones only, so its own depth bounds the rounds; the margin is
    // for documents that are taken in anew while they are about to be sent.
    let mut rounds = routes.len() + 6;
    let mut patience = if run.interactive {
        PATIENCE
    } else {
        Duration::ZERO
    };
    let mut asked_in_vain = false;
    loop {
        let mut progress = false;
        let mut early = false;
        for plan in routes {
            if run.cancel.is_cancelled() {
                run.unfinished();
                return Ok(());
            }
            let worked = work::work(run, plan).await?;
            progress |= worked.progress;
            early = worked.early;
            if early {
                break;
            }
        }
        // What it left for is done by earlier routes, then it goes on. How often is bounded by the run.
        if early {
            continue;
        }
        rounds = rounds.saturating_sub(1);
        if progress && rounds > 0 {
            continue;
        }
        let Some(at) = next_question(run, routes).await? else {
            return Ok(());
        };
        let wait = Duration::from_millis(
            u64::try_from(at - run.engine.clock.now_ms()).unwrap_or_default(),
        );
        // The time of some was there already, and the target could not say.
        let again_in_vain = wait.is_zero() && std::mem::replace(&mut asked_in_vain, true);
        if wait > patience || again_in_vain || run.request.dry_run {
            run.unfinished();
            return Ok(());
        }
        patience -= wait;
        rounds = rounds.max(2);
        run.progress.step(Step::WaitingToAsk { until_ms: at });
        tokio::select! {
            () = run.engine.clock.sleep(wait + Duration::from_millis(1)) => {}
            () = run.cancel.cancelled() => {
                run.unfinished();
                return Ok(());
            }
        }
    }
}

/// When the next uncertain document of these routes may be asked for.
async fn next_question(
    run: &Run<'_>,
    routes: &[Arc<RoutePlan>],
) -> Result<Option<i64>, StoreError> {
    let mut next: Option<i64> = None;
    for plan in routes {
        if run.is_parked(&plan.target.connection) {
            continue;
        }
        for (_, entry, _) in work::claim_all(run, plan, State::Uncertain).await? {
            // It can be asked for when the other one is there, and in the round after that it is.
            if uncertain::needs_another(&entry) {
                continue;
            }
            let at = uncertain::may_ask_at(run, plan, &entry);
            next = Some(next.map_or(at, |it| it.min(at)));
        }
    }
    Ok(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A route's name and what it is tied to: `@` before a source.
    type Route = (&'static str, &'static [&'static str]);

    fn of(routes: &[Route]) -> Vec<Vec<&'static str>> {
        let chains = chains(routes, |(name, others)| {
            let others = others.iter().map(|it| match it.strip_prefix('@') {
                Some(source) => Tie::Source(source.to_owned()),
                None => Tie::Route((*it).to_owned()),
            });
            others.chain([Tie::Route((*name).to_owned())]).collect()
        });
        let names = |chain: Vec<Route>| chain.iter().map(|it| it.0).collect();
        chains.into_iter().map(names).collect()
    }

    #[test]
    fn what_belongs_together_is_one_chain_and_keeps_its_order() {
        let cases: [(&[Route], &[&[&str]]); 4] = [
            (&[], &[]),
            (
                &[("a", &["@one"]), ("b", &["@two"]), ("c", &["@one"])],
                &[&["a", "c"], &["b"]],
            ),
            (
                &[
                    ("people", &["@one"]),
                    ("notes", &["@two", "people"]),
                    ("marks", &["notes"]),
                ],
                &[&["people", "notes", "marks"]],
            ),
            // Two chains that a later route ties together.
            (
                &[
                    ("a", &["@one"]),
                    ("b", &["@two"]),
                    ("d", &["@three"]),
                    ("c", &["b", "a"]),
                ],
                &[&["a", "b", "c"], &["d"]],
            ),
        ];
        for (routes, expected) in cases {
            assert_eq!(of(routes), expected, "{routes:?}");
        }
    }
}
