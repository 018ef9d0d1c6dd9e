//! One document that the target may hold under one of several numbers: which answer counts.

use ledgerline_plugin_api::manifest::Category;

use crate::{
    mapping::Value,
    pipeline::{
        ask::{Said, agrees, describe},
        decide::{Ready, problem},
        plan::RoutePlan,
    },
};

/// A document under every number that it is looked for by: first its own.
pub(super) fn all(ready: &Ready) -> impl Iterator<Item = &Ready> {
    std::iter::once(ready).chain(&ready.instead)
}

/// These numbers, for people.
pub(super) fn shown(ready: &Ready) -> String {
    let numbers: Vec<&str> = all(ready).filter_map(|it| it.number.as_deref()).collect();
    numbers.join(", ")
}

/// The document under the number that counts, with what the system said of it. `said` gives the answers
/// for this document next, one for each number.
///
/// One that agrees goes before one that does not, whatever their order. Two that agree are one too many:
/// the books hold it twice, and a person decides which is right.
pub(super) fn choose(
    plan: &RoutePlan,
    mut ready: Ready,
    said: &mut impl Iterator<Item = Said>,
) -> (Ready, Said) {
    let others = std::mem::take(&mut ready.instead);
    let Some(first) = said.next() else {
        return (ready, Said::Unknown("no answer was given".to_owned()));
    };
    let mut held: Vec<(Ready, String, Value, String)> = Vec::new();
    // Without a document: what a person should know goes before what could not be said.
    let mut none = first.clone();
    let answers = std::iter::once((ready.clone(), first)).chain(others.into_iter().zip(said));
    for (under, said) in answers {
        match said {
            Said::Holds { id, body } => {
                if !held.iter().any(|it| it.1 == id) {
                    let there = Value::parse(body.as_bytes()).unwrap_or_default();
                    held.push((under, id, there, body));
                }
            }
            Said::Person(..) => none = said,
            Said::Unknown(_) if !matches!(none, Said::Person(..)) => none = said,
            Said::Unknown(_) | Said::HoldsNot => {}
        }
    }
    let agreeing = |it: &&(Ready, String, Value, String)| agrees(plan, &it.0, &it.2).is_ok();
    let equal: Vec<_> = held.iter().filter(agreeing).collect();
    if equal.len() > 1 {
        let labels: Vec<String> = equal
            .iter()
            .map(|(_, id, there, _)| format!("{} ({id})", describe(plan, there)))
            .collect();
        let found = problem(
            Category::Duplicate,
            format!(
                "{} holds it more than once: {}",
                plan.target_title,
                labels.join("; ")
            ),
            format!(
                "void the wrong ones there, then `ledgerline retry {0}`; or `ledgerline adopt {0} --to ID`",
                ready.id
            ),
        );
        return (ready, Said::Person(Box::new(found), String::new()));
    }
    let best = held.iter().position(|it| agreeing(&it)).unwrap_or_default();
    match held.into_iter().nth(best) {
        Some((under, id, _, body)) => (under, Said::Holds { id, body }),
        None => (ready, none),
    }
}
