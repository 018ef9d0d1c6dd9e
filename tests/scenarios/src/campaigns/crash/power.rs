//! Power cuts. A copy of the store is taken after each flush, together with the world as it was then;
//! later the engine starts on each copy, against the world at that moment, against the world at the
//! next flush (which holds whatever was in flight), and minutes later. The last write is torn, too: a
//! part of it reached the disk, or zeros where it was to stand.
//!
//! A call leaves only after its intent is durable. So the world at the next flush is the furthest that
//! the outside can have come when the power went just before that flush was through.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;

use super::{
    copies,
    rest::{Rest, Size, apart, come_to_rest},
    tally::{Tally, all_at_once, with},
};
use crate::Stage;

/// Longer than a key of an unfinished call lives at the target.
const LATE: Duration = Duration::from_secs(420);

/// How much of it is done.
#[derive(Debug, Clone, Copy)]
pub struct Power {
    /// Clean credit notes in Omni.
    pub omni: usize,
    /// Credit notes in each other source.
    pub others: usize,
    /// Documents of one call.
    pub batch: u32,
    /// How many of the copies are started on; all unless said.
    pub sample: Option<usize>,
    /// Of what is drawn.
    pub seed: u64,
    /// Cases at once.
    pub at_once: usize,
}

impl Power {
    pub(super) fn size(&self) -> Size {
        Size {
            omni: self.omni,
            others: self.others,
            batch: self.batch,
        }
    }
}

/// The store and the world after one flush.
#[derive(Debug, Clone)]
pub(super) struct Moment {
    pub(super) folder: PathBuf,
    pub(super) world: String,
    pub(super) at: Timestamp,
}

/// A run that nobody disturbed, moment by moment.
#[derive(Debug)]
pub(super) struct Film {
    /// Holds the copies.
    _folder: tempfile::TempDir,
    pub(super) moments: Vec<Moment>,
    pub(super) rest: Rest,
}

/// Records a whole run.
pub(super) fn record(size: Size) -> Film {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let moments: Arc<Mutex<Vec<Moment>>> = Arc::default();
    let rest = on_paused_time(async {
        let (place, taken) = (folder.path().to_owned(), moments.clone());
        let stage = Stage::watched(size.seed(), size.tweak(), move |world, store| {
            let mut taken = taken.lock().unwrap_or_else(PoisonError::into_inner);
            let copy = place.join(taken.len().to_string());
            let whole = store.parent().expect("the store lies in a folder");
            copies::tree(whole, &copy).expect("a copy");
            taken.push(Moment {
                folder: copy,
                world: world.save().expect("a world can be written"),
                at: world.now(),
            });
        })
        .await;
        let report = stage.sync().await;
        assert!(!report.unfinished, "{report:#?}");
        let count = moments.lock().unwrap_or_else(PoisonError::into_inner).len();
        let (rest, faults) = come_to_rest(&stage, size).await;
        assert_eq!(faults, Vec::<String>::new());
        let mut taken = moments.lock().unwrap_or_else(PoisonError::into_inner);
        taken.truncate(count);
        rest
    });
    let moments = std::mem::take(&mut *moments.lock().unwrap_or_else(PoisonError::into_inner));
    assert!(moments.len() > 20, "{} flushes", moments.len());
    Film {
        _folder: folder,
        moments,
        rest,
    }
}

/// Runs a future on a runtime of its own, whose time passes only when nothing else is to be done.
pub(super) fn on_paused_time<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .expect("a runtime")
        .block_on(work)
}

/// What the power cut left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cut {
    /// Store and world as they were after the flush.
    Still,
    /// The world has what was in flight.
    InFlight,
    /// The same, and the engine comes back when the keys are forgotten.
    InFlightLate,
    /// The next write reached the disk in part; the rest is as it was before it.
    Torn,
    /// The same, with zeros where the rest was to stand.
    TornToZero,
    /// The file ends in the middle of the next write.
    EndsEarly,
    /// What was durable is damaged all the same, and the mark tells it.
    LostAndTold,
}

const CUTS: [Cut; 7] = [
    Cut::Still,
    Cut::InFlight,
    Cut::InFlightLate,
    Cut::Torn,
    Cut::TornToZero,
    Cut::EndsEarly,
    Cut::LostAndTold,
];

/// Cuts the power after each flush.
pub fn power(how: Power, say: &(dyn Fn(&str) + Sync)) -> Tally {
    let size = how.size();
    let film = record(size);
    let flushes = film.moments.len();
    say(&format!("{flushes} flushes"));
    let mut chance = fastrand::Rng::with_seed(how.seed);
    let mut cases: Vec<(usize, Cut, u64)> = (0..flushes)
        .flat_map(|place| CUTS.map(|cut| (place, cut)))
        .map(|(place, cut)| (place, cut, chance.u64(..)))
        .collect();
    if let Some(sample) = how.sample {
        chance.shuffle(&mut cases);
        // As many of each kind.
        let each = sample.div_ceil(CUTS.len());
        let mut chosen = Vec::new();
        for cut in CUTS {
            chosen.extend(cases.iter().filter(|it| it.1 == cut).take(each).copied());
        }
        cases = chosen;
    }
    let mut tally = all_at_once(cases, how.at_once, say, |(place, cut, drawn), tally| {
        let name = format!("{cut:?} after flush {place} of {flushes} ({drawn})");
        let faults = after(&film, size, place, cut, drawn, tally);
        with(tally, |it| {
            it.add(format!("{cut:?}").to_lowercase(), 1);
            it.add("cases", 1);
            it.faults
                .extend(faults.into_iter().map(|it| format!("{name}: {it}")));
        });
    });
    tally.add("flushes", flushes);
    tally
}

/// Starts on what a power cut left; what is wrong then.
fn after(
    film: &Film,
    size: Size,
    place: usize,
    cut: Cut,
    drawn: u64,
    tally: &Mutex<Tally>,
) -> Vec<String> {
    let here = &film.moments[place];
    let next = film.moments.get(place + 1).unwrap_or(here);
    let folder = tempfile::tempdir().expect("a temporary folder");
    copies::tree(&here.folder, folder.path()).expect("a copy");
    let (world, at) = match cut {
        Cut::Still => (&here.world, here.at),
        _ => (&next.world, next.at),
    };
    match cut {
        Cut::Still | Cut::InFlight | Cut::InFlightLate => {}
        Cut::Torn | Cut::TornToZero | Cut::EndsEarly => {
            tear(cut, &here.folder, &next.folder, folder.path(), drawn);
        }
        Cut::LostAndTold => {
            let mark = "store.generation";
            tear(Cut::Torn, &here.folder, &next.folder, folder.path(), drawn);
            fs::copy(next.folder.join(mark), folder.path().join(mark)).expect("a mark");
        }
    }
    let outcome = on_paused_time(async {
        let stage = Stage::resumed(world, at, folder, size.tweak()).await;
        with(tally, |it| {
            it.add("doubted", usize::from(stage.opened.restored))
        });
        if cut == Cut::InFlightLate {
            stage.pass(LATE).await;
        }
        come_to_rest(&stage, size).await
    });
    let (rest, mut faults) = outcome;
    faults.extend(apart(&rest, &film.rest));
    faults
}

/// Leaves the store between two flushes: a part of what the second one wrote is there.
fn tear(cut: Cut, before: &Path, behind: &Path, to: &Path, drawn: u64) {
    let db = Path::new("store").join("db");
    let old = fs::read(before.join(&db)).expect("a store");
    let new = fs::read(behind.join(&db)).expect("a store");
    let byte = |bytes: &[u8], at: usize| bytes.get(at).copied().unwrap_or_default();
    let length = old.len().max(new.len());
    let differs: Vec<usize> = (0..length)
        .filter(|at| byte(&old, *at) != byte(&new, *at))
        .collect();
    let (Some(first), Some(last)) = (differs.first(), differs.last()) else {
        return;
    };
    let from = first + usize::try_from(drawn % (last - first + 1) as u64).unwrap_or_default();
    let mut torn: Vec<u8> = (0..length)
        .map(|at| match cut {
            _ if at < from => byte(&new, at),
            Cut::TornToZero if at <= *last => 0,
            _ => byte(&old, at),
        })
        .collect();
    // Only where nothing durable stands behind it.
    if cut == Cut::EndsEarly && old.iter().skip(from).all(|it| *it == 0) {
        torn.truncate(from);
    }
    copies::write_sparse(&torn, &to.join(&db)).expect("a store");
}
