//! `store`: what a deployment costs that has been at work for years.
//!
//! A small real run makes the templates; then a million entries are made of them through the store's
//! own verbs, page by page and call by call as the engine does it: documents taken in, sent, marked.
//! One in a hundred needs a person.

use std::{
    io,
    path::Path,
    time::{Duration, Instant},
};

use ledgerline::store::{
    Cause, Change, Document, Entry, EntryId, Filter, Incoming, OutcomeIn, PageIn, Seen, Settlement,
    SledStore, State, Store, StreamId,
};
use scenarios::{processes::Programs, running::Running};

use crate::{
    cost::median,
    ground::{Traffic, programs},
    say, watch,
};

/// How large.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// How many entries, over both routes.
    #[arg(long, default_value_t = 1_000_000)]
    entries: usize,
    /// How often each thing is measured.
    #[arg(long, default_value_t = 5)]
    runs: usize,
}

/// Documents of the small real run.
const TEMPLATES: usize = 50;
/// Documents of a page.
const PAGE: usize = 250;
/// Entries of a call.
const BATCH: usize = 50;
/// One of so many needs a person.
const STOPPED: usize = 100;
/// Rows of a page of a listing.
const LISTED: usize = 50;

const NOTES: &str = "omni-credit-notes";
const MARKS: &str = "omni-imported";

/// Runs the part.
pub(crate) fn run(arguments: &Arguments) -> io::Result<()> {
    // What the small run marks was changed long ago when the next one asks what is new.
    let yesterday = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(24);
    let programs = programs(TEMPLATES, |plan| {
        plan.vendors
            .extend(["--clock".to_owned(), yesterday.to_string()]);
    });
    sync(&programs)?;
    sync(&programs)?;
    let folder = programs.config().join("state/store");
    let began = Instant::now();
    let (entries, stopped) = fill(&folder, arguments.entries)?;
    say(format_args!(
        "made {entries} entries in {} s, {stopped} of them stopped, {} MB on disk",
        began.elapsed().as_secs(),
        bytes(&folder)? / 1_000_000
    ))?;
    let (opened, listed) = look(&folder, arguments.runs, stopped)?;
    let mut idle = Vec::new();
    for turn in 1..=arguments.runs.max(1) {
        let before = Traffic::of(&programs);
        let used = sync(&programs)?;
        let after = Traffic::of(&programs);
        let calls = after.reading + after.writing - before.reading - before.writing;
        if after.writing != before.writing {
            return Err(io::Error::other("a run without news wrote something"));
        }
        say(format_args!(
            "idle run {turn}  {} ms, {} ms of CPU, {} KiB, {calls} calls",
            used.elapsed.as_millis(),
            used.cpu.as_millis(),
            used.memory
        ))?;
        idle.push((used, calls));
    }
    let served = served(&programs, arguments.runs)?;
    let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let of = |what: &dyn Fn(&(watch::Used, u64)) -> u64| median(idle.iter().map(what));
    say(format_args!(
        "SUMMARY part=store entries={entries} stopped={stopped} open_ms={} list_us={} idle_ms={} \
         idle_cpu_ms={} idle_calls={} idle_kib={} running_idle_cpu_us={} running_idle_calls={}",
        millis(opened),
        listed.as_micros(),
        of(&|it| millis(it.0.elapsed)),
        of(&|it| millis(it.0.cpu)),
        of(&|it| it.1),
        of(&|it| it.0.memory),
        served.0.as_micros(),
        served.1,
    ))
}

/// Processor time and calls of a run without news in an engine that runs all the time, as the schedule has it.
/// The kernel counts in hundredths of a second, so that many runs are measured at once.
fn served(programs: &Programs, runs: usize) -> io::Result<(Duration, u64)> {
    const AT_ONCE: u32 = 20;
    let running = Running::start(programs);
    // What it does when it starts.
    sync(programs)?;
    let mut idle = Vec::new();
    for turn in 1..=runs.max(1) {
        let (before, began) = (Traffic::of(programs), watch::cpu_of(running.id()));
        for _ in 0..AT_ONCE {
            sync(programs)?;
        }
        let used = watch::cpu_of(running.id()).saturating_sub(began) / AT_ONCE;
        let after = Traffic::of(programs);
        if after.writing != before.writing {
            return Err(io::Error::other("a run without news wrote something"));
        }
        let calls = (after.reading - before.reading) / u64::from(AT_ONCE);
        say(format_args!(
            "idle run {turn} in a running engine  {} us of CPU, {calls} calls",
            used.as_micros()
        ))?;
        idle.push((micros(used), calls));
    }
    let cpu = median(idle.iter().map(|it| it.0));
    let calls = median(idle.iter().map(|it| it.1));
    Ok((Duration::from_micros(cpu), calls))
}

fn sync(programs: &Programs) -> io::Result<watch::Used> {
    Ok(watch::run(programs.engine(["sync", "--confirm", "--json"]))?.0)
}

/// A document that came the whole way, with its mark.
struct Template {
    document: Document,
    note: Entry,
    outcome: Document,
    mark: Entry,
}

/// Makes the entries; gives how many there are, and how many of them are stopped.
fn fill(folder: &Path, entries: usize) -> io::Result<(u64, u64)> {
    let at = jiff::Timestamp::now().as_millisecond();
    let (store, _) = SledStore::open(folder, at).map_err(io::Error::other)?;
    let templates = templates(&store)?;
    let source = stream("omni-au", "credit_notes");
    let mut stopped = 0;
    // Each document has an entry on both routes, but for those that are stopped on the first.
    let documents = (entries * STOPPED).div_ceil(2 * STOPPED - 1);
    let mut left = documents.saturating_sub(templates.len());
    let mut next = 0_usize;
    while left > 0 {
        let page: Vec<usize> = (next..next + PAGE.min(left)).collect();
        next += page.len();
        left -= page.len();
        let of = |number: usize| &templates[number % templates.len()];
        let documents = page.iter().map(|&number| Incoming {
            id: name(number),
            version: of(number).document.version.clone(),
            body: Some(of(number).document.body.clone()),
            facts: of(number).note.facts.clone(),
        });
        store
            .intake_page(PageIn {
                stream: &source,
                routes: &[NOTES.to_owned()],
                documents: documents.collect(),
                cursor: None,
                at,
            })
            .map_err(io::Error::other)?;
        for batch in page.chunks(BATCH) {
            let mut sent = Settlement::default();
            let mut marked = Settlement::default();
            for &number in batch {
                let template = of(number);
                if number % STOPPED == 0 {
                    stopped += 1;
                    sent.changes
                        .push(change(NOTES, number, stop(&template.note)));
                    continue;
                }
                sent.changes
                    .push(change(NOTES, number, template.note.clone()));
                sent.outcomes.push(OutcomeIn {
                    stream: stream("outcomes", NOTES),
                    routes: vec![MARKS.to_owned()],
                    document: Incoming {
                        id: name(number),
                        version: template.outcome.version.clone(),
                        body: Some(template.outcome.body.clone()),
                        facts: template.mark.facts.clone(),
                    },
                });
                marked
                    .changes
                    .push(change(MARKS, number, template.mark.clone()));
            }
            store.settle(sent).map_err(io::Error::other)?;
            store.settle(marked).map_err(io::Error::other)?;
        }
    }
    let totals = store.totals().map_err(io::Error::other)?;
    let entries = totals
        .iter()
        .filter(|it| it.route == NOTES || it.route == MARKS)
        .map(|it| it.tally.count)
        .sum();
    Ok((entries, stopped))
}

fn templates(store: &SledStore) -> io::Result<Vec<Template>> {
    let source = stream("omni-au", "credit_notes");
    let outcomes = stream("outcomes", NOTES);
    let documents = store
        .documents(&source, None, TEMPLATES)
        .map_err(io::Error::other)?;
    let mut templates = Vec::new();
    for (id, document) in documents {
        let entry = |route: &str| {
            let id = EntryId::new(route, &id);
            store.entry(&id).map_err(io::Error::other)
        };
        let outcome = store.document(&outcomes, &id).map_err(io::Error::other)?;
        if let (Some(note), Some(outcome), Some(mark)) = (entry(NOTES)?, outcome, entry(MARKS)?)
            && note.state == State::Synced
            && mark.state == State::Synced
        {
            templates.push(Template {
                document,
                note,
                outcome,
                mark,
            });
        }
    }
    if templates.is_empty() {
        return Err(io::Error::other("the small run brought nothing to its end"));
    }
    Ok(templates)
}

/// The same entry, as if a person had to look at it.
fn stop(entry: &Entry) -> Entry {
    let mut next = entry.clone();
    next.state = State::Warning;
    next.held = None;
    next.cause = Some(Cause {
        key: "account 270".to_owned(),
    });
    next.words = Some("Account code '270' is not a valid code for this document.".to_owned());
    next
}

fn change(route: &str, number: usize, entry: Entry) -> Change {
    Change {
        id: EntryId::new(route, name(number)),
        entry,
        seen: Seen {
            state: State::Pending,
            events: 1,
        },
    }
}

fn name(number: usize) -> String {
    (10_000_000 + number).to_string()
}

fn stream(connection: &str, stream: &str) -> StreamId {
    StreamId {
        connection: connection.to_owned(),
        stream: stream.to_owned(),
    }
}

/// Opens the store and lists what is stopped, page by page.
fn look(folder: &Path, runs: usize, stopped: u64) -> io::Result<(Duration, Duration)> {
    let filter = Filter {
        states: vec![State::Warning],
        ..Filter::default()
    };
    let mut opened = Vec::new();
    let mut listed = Vec::new();
    for turn in 1..=runs.max(1) {
        let at = jiff::Timestamp::now().as_millisecond();
        let began = Instant::now();
        let (store, _) = SledStore::open(folder, at).map_err(io::Error::other)?;
        let open = began.elapsed();
        let mut after = None;
        let mut met = 0;
        let mut pages = Vec::new();
        loop {
            let began = Instant::now();
            let page = store
                .page_of(&filter, after.as_deref(), LISTED)
                .map_err(io::Error::other)?;
            pages.push(micros(began.elapsed()));
            met += page.rows.len() as u64;
            match page.next {
                Some(it) => after = Some(it),
                None => break,
            }
        }
        if met != stopped {
            let why = format!("{stopped} entries are stopped, and {met} were listed");
            return Err(io::Error::other(why));
        }
        let (first, slowest) = (pages[0], pages.iter().copied().max().unwrap_or(0));
        say(format_args!(
            "open {turn}  {} ms; {} pages of {LISTED}: the first in {first} us, half of them in at most \
             {} us, the slowest in {slowest} us",
            open.as_millis(),
            pages.len(),
            median(pages.iter().copied()),
        ))?;
        opened.push(micros(open));
        listed.push(first);
    }
    let time = |them: Vec<u64>| Duration::from_micros(median(them.into_iter()));
    Ok((time(opened), time(listed)))
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

fn bytes(folder: &Path) -> io::Result<u64> {
    let mut sum = 0;
    for file in std::fs::read_dir(folder)? {
        let file = file?;
        let kind = file.metadata()?;
        sum += if kind.is_dir() {
            bytes(&file.path())?
        } else {
            kind.len()
        };
    }
    Ok(sum)
}
