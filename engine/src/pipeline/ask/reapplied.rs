//! Before payments are made anew: how much is open of what they settle.

use std::collections::BTreeMap;

use ledgerline_plugin_api::manifest::{Category, Problem};
use rust_decimal::Decimal;

use super::{Said, Wanted, ask_or_park};
use crate::{
    mapping::{Reference, Value},
    pipeline::{
        decide::{Ready, Write, problem},
        plan::RoutePlan,
        reapply::TakenOff,
        run::Run,
        steps,
    },
    store::{Actor, Cause, Change, EntryId, Settlement, State, StoreError},
};

/// Gives what may go, payments that come back with at most what is open; the rest is settled. What a
/// payment is made of is durable before it leaves, so that it can be asked for.
pub(crate) async fn weigh_payments(
    run: &Run<'_>,
    plan: &RoutePlan,
    creates: Vec<Ready>,
) -> Result<(Vec<Ready>, bool), StoreError> {
    let (back, mut going): (Vec<Ready>, Vec<Ready>) = creates
        .into_iter()
        .partition(|it| it.write == Write::Create && it.payment.is_some());
    let Some(rules) = plan
        .target_stream
        .settles
        .as_ref()
        .filter(|_| !back.is_empty())
    else {
        return Ok((going, false));
    };
    let mut open = open_of(run, &back).await?;
    let now = run.engine.clock.now_ms();
    let mut settlement = Settlement::default();
    for mut ready in back {
        let Some(payment) = ready.payment.clone() else {
            continue;
        };
        let left = match open.get_mut(&payment.document) {
            // It could not say: it goes in another run.
            None => {
                run.unfinished();
                continue;
            }
            Some(Err(why)) => {
                let (id, of) = (&ready.id, &payment.document);
                let found = problem(
                    Category::DocumentState,
                    format!(
                        "how much is open of {of} cannot be told, so it is not paid again: {why}"
                    ),
                    format!(
                        "mend that and `ledgerline retry {id}`; or enter the money in {} where it belongs, \
                         then `ledgerline skip {id}`",
                        plan.target_title
                    ),
                );
                let key = format!("openness unknown of {of}");
                settlement.changes.push(stopped(ready, found, key, now));
                continue;
            }
            Some(Ok(left)) => left,
        };
        let whole = ready.body.get(&rules.amount).and_then(Value::to_decimal);
        let whole = whole.unwrap_or_default();
        let amount = whole.min(*left).max(Decimal::ZERO);
        let id = ready.id.clone();
        if amount.is_zero() || ready.body.set(&rules.amount, Value::from(amount)).is_err() {
            let (title, of) = (&plan.target_title, &payment.document);
            let what = format!("nothing is open of {of} that it could pay: {whole} of it is off");
            let found = problem(
                Category::DocumentState,
                what,
                format!(
                    "enter the money in {title} where it belongs, then `ledgerline skip {id}`; or make room \
                     there and `ledgerline retry {id}`"
                ),
            );
            let key = format!("nothing open of {of}");
            settlement.changes.push(stopped(ready, found, key, now));
            continue;
        }
        *left -= amount;
        ready.total = Some(amount);
        ready.notices = Vec::from_iter(payment.shortfall(rules, &ready.body));
        let again = TakenOff {
            again: Some(ready.body.to_json()),
            ..*payment
        };
        run.keep_note(TakenOff::note(&id), Some(again.to_text()))
            .await?;
        ready.payment = Some(Box::new(again));
        going.push(ready);
    }
    steps::reached("payment-weighed", plan.name());
    let progress = !settlement.changes.is_empty();
    run.settle(settlement).await?;
    Ok((going, progress))
}

/// A payment that stays off until a person acts.
fn stopped(ready: Ready, found: Problem, key: String, now: i64) -> Change {
    let mut entry = ready.entry;
    let what = found.cause.clone();
    entry.problem = Some(found);
    entry.cause = Some(Cause { key });
    entry.record(now, State::Warning, Actor::Engine, what, None);
    Change {
        id: ready.id,
        seen: ready.seen,
        entry,
    }
}

/// What is open of each document that some payments settle, or why that will not be known without a person;
/// nothing where its system could not say for now.
async fn open_of(
    run: &Run<'_>,
    back: &[Ready],
) -> Result<BTreeMap<EntryId, Result<Decimal, String>>, StoreError> {
    let mut asked: BTreeMap<EntryId, String> = BTreeMap::new();
    for ready in back {
        let Some(payment) = &ready.payment else {
            continue;
        };
        let id = payment.document.clone();
        let of = id.clone();
        let entry = crate::store::offload::run(&run.store, move |store| store.entry(&of)).await?;
        if let Some(held) = entry.and_then(|it| it.held) {
            asked.insert(id, held.id);
        }
    }
    let mut open = BTreeMap::new();
    for (id, target) in asked {
        let Some(plan) = run.engine.plans.get(&id.route) else {
            let why = format!("the route {} is not configured any more", id.route);
            open.insert(id, Err(why));
            continue;
        };
        let wanted = Wanted {
            id: id.source.clone(),
            remote_id: Some(target),
            ..Wanted::default()
        };
        let said = ask_or_park(run, &plan.target, &[wanted]).await;
        if let Some(said) = said.and_then(|it| it.into_iter().next())
            && let Some(left) = left_of(plan, said)
        {
            open.insert(id, left);
        }
    }
    Ok(open)
}

/// What is open by what a system said; nothing where it could not say for now.
fn left_of(plan: &RoutePlan, said: Said) -> Option<Result<Decimal, String>> {
    let title = &plan.target_title;
    let body = match held_of(title, said)? {
        Ok(it) => it,
        Err(why) => return Some(Err(why)),
    };
    let there = Value::parse(body.as_bytes()).unwrap_or_default();
    let none = Reference::default();
    let left = plan.target_rules.open(&there, plan.rules_cx(&none));
    Some(match left {
        Ok(Some(left)) => Ok(left),
        Ok(None) => Err(format!("{title} does not say it")),
        Err(why) => Err(format!("it cannot be read from {title}: {why}")),
    })
}

/// What a system holds, or why that takes a person; nothing where asking again may help.
fn held_of(title: &str, said: Said) -> Option<Result<String, String>> {
    match said {
        Said::Unknown(_) => None,
        Said::HoldsNot => Some(Err(format!("{title} does not hold it any more"))),
        Said::Person(found, _) => Some(Err(found.cause)),
        Said::Holds { body, .. } => Some(Ok(body)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_system_that_could_not_say_is_asked_again() {
        let unknown = Said::Unknown("too many calls".to_owned());
        assert_eq!(held_of("Books", unknown), None);
        let gone = held_of("Books", Said::HoldsNot).expect("an answer");
        assert!(gone.expect_err("a person").contains("Books does not hold"));
        let found = problem(Category::DocumentState, "two of that id", "choose");
        let person = held_of("Books", Said::Person(Box::new(found), String::new()));
        assert_eq!(person, Some(Err("two of that id".to_owned())));
        let holds = Said::Holds {
            id: "1".to_owned(),
            body: "{}".to_owned(),
        };
        assert_eq!(held_of("Books", holds), Some(Ok("{}".to_owned())));
    }
}
