//! An old backup is restored: the store is as it was at some moment, the world has gone on.

use std::fs;

use jiff::SignedDuration;

use super::{
    copies,
    power::{Power, on_paused_time, record},
    rest::{books, find_again, missing},
    tally::{Tally, all_at_once, with},
};
use crate::Stage;
use ledgerline::store::State;

/// What comes back with the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    /// The mark stayed where it was and is ahead of the store.
    Ahead,
    /// The mark is gone.
    Gone,
    /// The mark came back with the store: nothing tells that it is old.
    Restored,
}

/// Restores old backups.
pub fn backups(how: Power, say: &(dyn Fn(&str) + Sync)) -> Tally {
    let size = how.size();
    let film = record(size);
    let last = film.moments.last().expect("moments");
    let mut chance = fastrand::Rng::with_seed(how.seed);
    let mut cases: Vec<(usize, Mark)> = (1..film.moments.len() - 1)
        .flat_map(|place| [Mark::Ahead, Mark::Gone, Mark::Restored].map(|mark| (place, mark)))
        .collect();
    if let Some(sample) = how.sample {
        chance.shuffle(&mut cases);
        cases.truncate(sample);
    }
    all_at_once(cases, how.at_once, say, |(place, mark), tally| {
        let name = format!("the store of flush {place}, mark {mark:?}");
        let folder = tempfile::tempdir().expect("a temporary folder");
        copies::tree(&film.moments[place].folder, folder.path()).expect("a copy");
        let beside = folder.path().join("store.generation");
        match mark {
            Mark::Ahead => {
                fs::copy(last.folder.join("store.generation"), &beside).expect("a mark");
            }
            Mark::Gone => fs::remove_file(&beside).expect("a mark"),
            Mark::Restored => {}
        }
        let an_hour_on = last.at + SignedDuration::from_hours(1);
        let faults = on_paused_time(async {
            let stage = Stage::resumed(&last.world, an_hour_on, folder, size.tweak()).await;
            with(tally, |it| {
                it.add("doubted", usize::from(stage.opened.restored))
            });
            let mut faults = Vec::new();
            if mark == Mark::Restored {
                // Nothing can be known: nothing may be there twice, and what is not clear is told.
                stage.sync().await;
                stage.next().await;
                let held = books(&stage.world, size);
                faults.extend(held.duplicates.iter().map(|it| format!("sent twice: {it}")));
                faults.extend(missing(&held.xero, &film.rest.xero));
                for route in stage.engine.deployment().routes.keys() {
                    let told = stage.ids(route, State::Warning).await.len();
                    with(tally, |it| it.add("left-to-a-person", told));
                }
                return faults;
            }
            let (held, wrong) = find_again(&stage, size).await;
            faults.extend(wrong);
            faults.extend(missing(&held.xero, &film.rest.xero));
            faults
        });
        with(tally, |it| {
            it.add("cases", 1);
            it.add(format!("mark-{mark:?}").to_lowercase(), 1);
            it.faults
                .extend(faults.into_iter().map(|it| format!("{name}: {it}")));
        });
    })
}
