//! What the parts with real processes stand on: a deployment and vendors for each case, the way to a
//! run's end, and the judgement.

use std::{
    collections::BTreeMap,
    process::{Child, Stdio},
    time::Duration,
};

use ledgerline::store::{SledStore, Store, StreamId};
use serde_json::{Value, json};

use crate::{
    built_with_steps,
    processes::{Books, Ended, Plan, Programs, finish, set},
};

/// More runs than it may take to bring everything to its end.
const RUNS: usize = 3;

/// How much there is to do, and how.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ground {
    /// Clean credit notes in Omni.
    pub(super) omni: usize,
    /// Clean credit notes in each other source.
    pub(super) others: usize,
    /// Documents of one call.
    pub(super) batch: i64,
    /// How long answers take, in milliseconds: those of Xero, and of each source.
    pub(super) latency: Option<(i64, i64)>,
    /// The engine is to know its named steps.
    pub(super) steps: bool,
    /// Everything that was read is old at once: it is read again before it is relied on.
    pub(super) eager: bool,
}

impl Ground {
    pub(super) fn start(&self) -> Programs {
        Programs::start_all(self.omni, self.others, |plan: &mut Plan| {
            plan.batch(self.batch);
            if self.steps {
                plan.built = built_with_steps();
            }
            if self.eager {
                for name in ["omni-au", "core-au", "zudello-au", "xero-au"] {
                    for age in ["reference-age", "recheck-age"] {
                        let path = format!("connections/{name}/{age}");
                        set(&mut plan.deployment, &path, "1ms");
                    }
                }
            }
            if let Some((target, source)) = self.latency {
                for (vendor, latency) in [
                    ("xero", target),
                    ("omni", source),
                    ("core", source),
                    ("zudello", source),
                ] {
                    let path = format!("{vendor}/latency-ms");
                    set(&mut plan.seed, &path, latency);
                }
                // Hardly an answer is lost to slowness here, and what a death cut is soon asked about.
                for name in ["omni-au", "core-au", "zudello-au", "xero-au"] {
                    let path = format!("connections/{name}/call-timeout");
                    set(&mut plan.deployment, &path, "5s");
                }
            }
        })
    }

    /// What a run leaves that nobody disturbed.
    pub(super) fn undisturbed(&self) -> Wanted {
        let programs = self.start();
        let runs = bring_to_its_end(&programs);
        assert_eq!(runs.len(), 1, "{runs:#?}");
        let books = programs.books();
        assert_eq!(books.faults(), Vec::<String>::new());
        assert!(books.xero.len() > self.omni, "{books:#?}");
        let cursors = cursors(&programs).unwrap_or_else(|why| panic!("{why}"));
        assert!(cursors.len() >= 3, "{cursors:#?}");
        Wanted { books, cursors }
    }
}

/// What a run leaves that nobody disturbed.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) books: Books,
    cursors: BTreeMap<String, Value>,
}

/// Runs until nothing is left that the engine would do by itself.
pub(super) fn bring_to_its_end(programs: &Programs) -> Vec<Ended> {
    let mut runs = Vec::new();
    for _ in 0..RUNS {
        let ended = programs.run(["sync", "--confirm", "--json"]);
        let done = ended.code == Some(0);
        runs.push(ended);
        if done {
            break;
        }
    }
    runs
}

/// A plain re-run to the end, and everything that is wrong afterwards.
pub(super) fn rerun(name: &str, programs: &Programs, wanted: &Wanted) -> Vec<String> {
    let runs = bring_to_its_end(programs);
    let mut faults = Vec::new();
    if runs.last().is_none_or(|it| it.code != Some(0)) {
        faults.push(format!(
            "not at its end after {} runs: {runs:#?}",
            runs.len()
        ));
    }
    let books = programs.books();
    faults.extend(books.faults());
    if books.xero != wanted.books.xero {
        let (held, due) = (&books.xero, &wanted.books.xero);
        faults.push(format!("{held:#?} instead of {due:#?}"));
    }
    faults.extend(restless(programs, wanted));
    faults.iter().map(|it| format!("{name}: {it}")).collect()
}

/// What a further run does although nothing has changed, and what is wrong with the cursors.
fn restless(programs: &Programs, wanted: &Wanted) -> Vec<String> {
    let mut faults = Vec::new();
    programs.forget_calls();
    let ended = programs.run(["sync", "--json"]);
    if ended.code != Some(0) {
        faults.push(format!("a further run ends otherwise: {ended:#?}"));
        return faults;
    }
    let calls = programs.ask("/_sandbox/calls");
    let writing = calls.as_array().into_iter().flatten();
    let writing = writing.filter(|it| it["kind"] == "writing").count();
    if writing > 0 {
        faults.push(format!("a further run makes {writing} writing calls"));
    }
    let report = ended.json();
    for (route, row) in report["routes"].as_object().into_iter().flatten() {
        for what in ["new", "uncertain", "found", "not_found"] {
            if row[what].as_u64() != Some(0) {
                faults.push(format!(
                    "a further run tells {what} {} on {route}",
                    row[what]
                ));
            }
        }
    }
    match cursors(programs) {
        Err(why) => faults.push(why),
        Ok(cursors) => {
            for (stream, due) in &wanted.cursors {
                let held = cursors.get(stream).unwrap_or(&Value::Null);
                if held["walk"] != Value::Null {
                    faults.push(format!("{stream} is left in the middle: {held}"));
                }
                // The others hold the time of their last reading, of our own marks, or of the moment at
                // which their vendors were started. Power cuts are on a clock of their own and compare
                // all of them.
                if stream == "core-au/sale_credit_notes" && held != due {
                    faults.push(format!("{stream} was read up to {held}, not {due}"));
                }
            }
        }
    }
    faults
}

/// Up to where each source was read, when no engine runs.
fn cursors(programs: &Programs) -> Result<BTreeMap<String, Value>, String> {
    let (store, damaged) = SledStore::inspect(&programs.config().join("state/store"))
        .map_err(|why| format!("the store cannot be looked at: {why}"))?;
    if !damaged.is_empty() {
        return Err(format!("the store is damaged: {damaged:?}"));
    }
    let mut cursors = BTreeMap::new();
    for (connection, stream) in sources(programs) {
        let id = StreamId { connection, stream };
        let row = store.cursor(&id).map_err(|why| why.to_string())?;
        let bytes = row.map(|it| it.bytes).unwrap_or_default();
        let value = serde_json::from_slice(&bytes).unwrap_or(json!(null));
        cursors.insert(format!("{}/{}", id.connection, id.stream), sorted(value));
    }
    Ok(cursors)
}

/// Streams that the routes read from sources.
pub(super) fn sources(programs: &Programs) -> Vec<(String, String)> {
    let folder = programs.config().join("routes");
    let mut streams = Vec::new();
    for file in std::fs::read_dir(folder).expect("routes") {
        let text = std::fs::read_to_string(file.expect("a file").path()).expect("a route");
        let route: toml::Table = toml::from_str(&text).expect("TOML");
        let word = |name: &str| route["from"][name].as_str().unwrap_or_default().to_owned();
        let stream = (word("connection"), word("stream"));
        if stream.0 != "outcomes" && !streams.contains(&stream) {
            streams.push(stream);
        }
    }
    streams
}

/// Lists in cursors are sets.
pub(super) fn sorted(mut value: Value) -> Value {
    for it in value.as_object_mut().into_iter().flatten() {
        if let Value::Array(list) = it.1 {
            list.sort_by_key(Value::to_string);
        }
    }
    value
}

/// Calls so far that may have changed what a vendor holds.
pub(super) fn writing_calls(programs: &Programs) -> u64 {
    let counts = programs.ask("/_sandbox/counts");
    let vendors = counts.as_object().into_iter().flatten();
    let writing = vendors.map(|it| it.1["writing"].as_u64().unwrap_or_default());
    writing.sum()
}

/// Starts the engine and kills it while the writing call is being answered before which so many came, unless
/// it ends before that.
pub(super) fn killed_at_call(before: u64, programs: &Programs) -> Ended {
    // It and all after it are carried out, and answered when the engine is long dead: also its repeats, where
    // the engine gives it up before it is killed.
    const ALL: u32 = 1_000_000;
    let hold = json!([{
        "match": { "kind": "writing" }, "skip": before, "times": ALL, "fault": "slow:3600000",
    }]);
    programs.tell("/_sandbox/faults", &hold);
    let dead = killed_when(programs, || {
        programs.ask("/_sandbox/faults")[0]["times"] != ALL
    });
    programs.tell("/_sandbox/faults", &json!([]));
    dead
}

/// Starts the engine and kills it as soon as something has come about, unless it ends before that.
pub(super) fn killed_when(programs: &Programs, come_about: impl Fn() -> bool) -> Ended {
    let mut child = begun(programs);
    while !come_about() && child.try_wait().is_ok_and(|it| it.is_none()) {
        std::thread::sleep(Duration::from_millis(5));
    }
    let _ = child.kill();
    finish(child)
}

/// Starts the engine, whose words nobody reads.
pub(super) fn begun(programs: &Programs) -> Child {
    programs
        .engine(["sync", "--confirm", "--json"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the engine starts")
}
