//! Target documents become entries' own because a person says so: one, or all that are meant and agree.

use serde::{Deserialize, Serialize};

use crate::{
    operate::{
        Answer, Bulk,
        actions::{Deed, Keeper},
        linking::waiting_for,
    },
    pipeline::{Adoption, Engine, tell_members},
    store::{Actor, Change, Entry, EntryId, Settlement, StoreError, Tally, offload},
};

/// Entries that are adopted in one durable write.
const ADOPTED: usize = 100;

/// What came of taking target documents for entries' own.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct AdoptReport {
    /// Entries that were linked, or would be, each with the target's id.
    pub adopted: Vec<(EntryId, String)>,
    /// Their count and money.
    pub tally: Tally,
    /// Entries that stay as they are, each with the reason.
    pub left: Vec<(EntryId, String)>,
    /// It was only counted.
    pub counted_only: bool,
}

/// Takes a document that the target holds for an entry's own.
pub(super) async fn adopt(
    engine: &Engine,
    by: Actor,
    id: EntryId,
    target: Option<String>,
    anyway: bool,
) -> Result<Answer, StoreError> {
    let wanted = id.clone();
    let entry = offload::run(engine.store(), move |store| store.entry(&wanted)).await?;
    let Some(entry) = entry else {
        return Ok(Answer::Refused {
            message: format!("no entry {id}"),
        });
    };
    let target = match (target, candidate(&entry)) {
        (Some(it), _) | (None, Ok(it)) => it,
        (None, Err(why)) => {
            return Ok(Answer::Refused {
                message: format!("{id}: {why}"),
            });
        }
    };
    let waiting = waiting_for(engine, &id).await?;
    // Before it is weighed: two people would give one document to two entries.
    let mut keeper = Keeper::begin(engine, &by, Deed::Adopt, None).await?;
    let weighed = engine
        .adoptions(vec![(id.clone(), target)], anyway, &by)
        .await?;
    Ok(match weighed.into_iter().next() {
        Some((id, Ok(adoption))) => {
            take(engine, &mut keeper, vec![(id, adoption)]).await?;
            Answer::Linked {
                linked: 1,
                refused: Vec::new(),
                woken: waiting.count,
            }
        }
        Some((id, Err(why))) => Answer::Refused {
            message: format!("{id}: {why}"),
        },
        None => Answer::Refused {
            message: format!("no entry {id}"),
        },
    })
}

/// Makes links that were weighed.
async fn take(
    engine: &Engine,
    keeper: &mut Keeper<'_>,
    adoptions: Vec<(EntryId, Adoption)>,
) -> Result<(), StoreError> {
    let mut settlement = Settlement::default();
    let mut before = Vec::new();
    for (id, adoption) in adoptions {
        settlement.changes.push(Change {
            id,
            seen: adoption.before.seen(),
            entry: adoption.next,
        });
        settlement.outcomes.extend(adoption.outcome);
        before.push(adoption.before);
    }
    settlement.notes = keeper.notes(before.iter().zip(&settlement.changes));
    tell_members(engine, engine.store(), &mut settlement).await?;
    offload::run(engine.store(), move |store| store.settle(settlement)).await
}

/// Takes target documents for the own ones of all entries that are meant and have one candidate that
/// agrees. The target is asked for each, also when it is only counted.
pub(super) async fn adopt_all(
    engine: &Engine,
    by: Actor,
    bulk: Bulk,
) -> Result<Answer, StoreError> {
    let mut report = AdoptReport {
        counted_only: bulk.count_only,
        ..AdoptReport::default()
    };
    let mut wanted = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let (filter, from) = (bulk.filter.clone(), after.take());
        let page = offload::run(engine.store(), move |store| {
            store.page_of(&filter, from.as_deref(), 500)
        })
        .await?;
        for (id, entry) in page.rows {
            if entry.candidates.is_empty() {
                continue;
            }
            let counterparty = engine.plans.get(&id.route).is_some_and(|it| it.matches());
            match candidate(&entry) {
                _ if counterparty => {
                    let why = "which one it stands for is said by `ledgerline link`".to_owned();
                    report.left.push((id, why));
                }
                Ok(target) => wanted.push((id, target)),
                Err(why) => report.left.push((id, why)),
            }
        }
        match page.next {
            Some(it) => after = Some(it),
            None => break,
        }
    }
    let mut keeper = Keeper::begin(engine, &by, Deed::Adopt, bulk.reason.as_deref()).await?;
    let mut adoptions = Vec::new();
    for (id, weighed) in engine.adoptions(wanted, false, &by).await? {
        match weighed {
            Ok(it) => {
                let target = it.next.held.as_ref().map(|it| it.id.clone());
                report.tally.add(it.before.facts.money.as_ref());
                report
                    .adopted
                    .push((id.clone(), target.unwrap_or_default()));
                adoptions.push((id, it));
            }
            Err(why) => report.left.push((id, why)),
        }
    }
    if !bulk.count_only && !adoptions.is_empty() {
        while !adoptions.is_empty() {
            let rest = adoptions.split_off(adoptions.len().min(ADOPTED));
            take(engine, &mut keeper, std::mem::replace(&mut adoptions, rest)).await?;
        }
    }
    Ok(Answer::Adopted(Box::new(report)))
}

fn candidate(entry: &Entry) -> Result<String, String> {
    match entry.candidates.as_slice() {
        [one] => Ok(one.id.clone()),
        [] => Err("it has no candidate; name the target's id with `--to ID`".to_owned()),
        many => Err(format!(
            "it has {} candidates; name one with `--to`: {}",
            many.len(),
            many.iter()
                .map(|it| format!("{} ({})", it.id, it.label))
                .collect::<Vec<_>>()
                .join(", ")
        )),
    }
}
