//! What every connector has to hold to, whatever system it knows.

use std::fmt;
use std::time::Duration;

use super::damage::Damage;
use super::leaks::leaks;
use super::replay::{Order, Ran, Replay, Run, Variation, manifest};
use super::threads::Threads;
use super::trace::{Event, Trace};
use crate::abi::{ABI_MAJOR, ABI_MINOR, Connector, Status, compatible, op};
use crate::manifest::{Manifest, Op};
use crate::sdk::panics_in_destroy;

/// A step computes, and waits for nothing. Generous: tests run on slow machines, too.
const STEP_BUDGET: Duration = Duration::from_secs(5);

/// Environment variable with the seconds that a step may take instead, for runs under tools that make
/// everything many times slower.
const STEP_SECONDS: &str = "LEDGERLINE_STEP_SECONDS";

fn step_budget() -> Duration {
    let said = std::env::var(STEP_SECONDS).ok();
    said.and_then(|it| it.parse().ok())
        .map_or(STEP_BUDGET, Duration::from_secs)
}

/// One operation that is known to go well with its recording.
pub struct Case {
    /// For failures.
    pub name: String,
    /// Connector, recording, connection.
    pub replay: Replay,
    /// The operation.
    pub run: Run,
    /// Cursors that earlier versions stored, for a pull.
    pub old_cursors: Vec<String>,
}

impl Case {
    /// A named case.
    pub fn new(name: impl Into<String>, replay: Replay, run: Run) -> Self {
        Self {
            name: name.into(),
            replay,
            run,
            old_cursors: Vec::new(),
        }
    }

    /// Adds a cursor that an earlier version stored: it must still be accepted.
    pub fn old_cursor(mut self, cursor: &str) -> Self {
        self.old_cursors.push(cursor.trim_end().to_owned());
        self
    }
}

/// What [`conformance`] found.
#[derive(Debug, Default)]
pub struct Report {
    /// Each with the case, the rule, and what happened instead.
    pub failures: Vec<String>,
    /// Number of sessions run.
    pub runs: usize,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} failures in {} sessions",
            self.failures.len(),
            self.runs
        )?;
        self.failures
            .iter()
            .try_for_each(|failure| writeln!(f, "- {failure}"))
    }
}

impl Report {
    /// Panics with all failures, if there are any.
    #[track_caller]
    pub fn assert_ok(&self) {
        assert!(self.failures.is_empty(), "{self}");
        assert!(self.runs > 0, "no session was run");
    }

    fn fail(&mut self, case: &str, rule: &str, what: impl fmt::Display) {
        self.failures.push(format!("{case}: {rule}: {what}"));
    }
}

/// Checks the library's own statements, then each case in many variations.
pub fn conformance(connector: &'static Connector, cases: &[Case]) -> Report {
    checked(connector, cases, None)
}

/// As [`conformance`], and that sessions give back the memory that they took. `allocated` gives the
/// bytes that the process has in use, as its allocator counts them; nothing else may run meanwhile.
pub fn conformance_and_memory(
    connector: &'static Connector,
    cases: &[Case],
    allocated: &dyn Fn() -> usize,
) -> Report {
    checked(connector, cases, Some(allocated))
}

fn checked(
    connector: &'static Connector,
    cases: &[Case],
    allocated: Option<&dyn Fn() -> usize>,
) -> Report {
    let mut report = Report::default();
    let manifest = statement(connector, &mut report);
    let threads = Threads::watch();
    for case in cases {
        if !std::ptr::eq(case.replay.connector(), connector) {
            report.fail(&case.name, "cases", "replays another connector");
            continue;
        }
        let Some(plain) = plain(case, &mut report) else {
            continue;
        };
        repeated(case, &plain, &mut report);
        resumed(case, &plain, &mut report);
        upgraded(case, &mut report);
        reordered(case, &plain, &mut report);
        stopped(case, &plain, &mut report);
        damaged(case, &plain, &mut report);
        if let Some(manifest) = &manifest {
            declared(case, &plain, manifest, &mut report);
        }
        if let Some(allocated) = allocated {
            for what in leaks(case, allocated, &mut report.runs) {
                report.fail(&case.name, "memory", what);
            }
        }
        let left = threads.left_behind();
        if left > 0 {
            let what = format!("{left} run on: a connector starts none, the engine runs sessions");
            report.fail(&case.name, "threads", what);
        }
    }
    report
}

/// Header, names, manifest and table agree.
fn statement(connector: &'static Connector, report: &mut Report) -> Option<Manifest> {
    let library = "library";
    if !compatible(&connector.header, ABI_MAJOR, ABI_MINOR) {
        report.fail(library, "header", "this engine could not run it");
    }
    let manifest = match manifest(connector) {
        Ok(manifest) => manifest,
        Err(error) => {
            report.fail(library, "manifest", error);
            return None;
        }
    };
    // SAFETY: an exported connector and all it points at are static.
    let (name, version, vtbl) = unsafe {
        (
            connector.name.get(),
            connector.version.get(),
            *connector.vtbl,
        )
    };
    if name != Ok(manifest.name.as_str()) {
        report.fail(
            library,
            "name",
            format!("{name:?}, but the manifest has `{}`", manifest.name),
        );
    }
    if version != Ok(manifest.version.as_str()) {
        report.fail(
            library,
            "version",
            format!("{version:?}, but the manifest has `{}`", manifest.version),
        );
    }
    for (declared, bit, word) in [
        (Op::Pull, op::PULL, "pull"),
        (Op::Push, op::PUSH, "push"),
        (Op::Find, op::FIND, "find"),
    ] {
        let some = manifest
            .streams
            .values()
            .any(|stream| stream.ops.contains(&declared));
        if some != (vtbl.ops & bit != 0) {
            report.fail(
                library,
                "operations",
                format!("`OPS` and the manifest's streams disagree about {word}"),
            );
        }
    }
    Some(manifest)
}

fn plain(case: &Case, report: &mut Report) -> Option<Ran> {
    let ran = vary(case, &Variation::default(), "plain run", report)?;
    if ran.trace.status() != Status::OK {
        report.fail(&case.name, "plain run", ended(&ran.trace));
        return None;
    }
    for call in &ran.trace.unused {
        report.fail(
            &case.name,
            "plain run",
            format!("recorded, but not made: {call}"),
        );
    }
    if case.replay.recorded() == 0 {
        report.fail(&case.name, "plain run", "the recording is empty");
    }
    Some(ran)
}

fn vary(case: &Case, variation: &Variation, rule: &str, report: &mut Report) -> Option<Ran> {
    report.runs += 1;
    match case.replay.vary(&case.run, variation) {
        Ok(ran) => {
            if ran.slowest > step_budget() {
                let took = ran.slowest.as_millis();
                let what = format!("a step took {took} ms: it must never wait for anything");
                report.fail(&case.name, rule, what);
            }
            Some(ran)
        }
        Err(unrecorded) => {
            report.fail(&case.name, rule, unrecorded);
            None
        }
    }
}

fn ended(trace: &Trace) -> String {
    format!("ended with {}: {}", trace.status().name(), trace.message())
}

/// The same recording gives the same run.
fn repeated(case: &Case, plain: &Ran, report: &mut Report) {
    let rule = "repeated run";
    if let Some(again) = vary(case, &Variation::default(), rule, report)
        && again.trace != plain.trace
    {
        report.fail(&case.name, rule, "differs from the first");
    }
}

/// Whatever page a crash follows, the resumed run brings the remaining documents.
fn resumed(case: &Case, plain: &Ran, report: &mut Report) {
    let Run::Pull { stream, .. } = &case.run else {
        return;
    };
    let pages = plain.trace.events.iter().filter_map(|event| match event {
        Event::Page { docs, cursor } => Some((docs, cursor)),
        _ => None,
    });
    let pages: Vec<_> = pages.collect();
    for (at, (_, cursor)) in pages.iter().enumerate() {
        let rule = format!("resumed after page {}", at + 1);
        if at + 1 == pages.len() {
            // The next pull is a new walk, with another clock and other answers.
            break;
        }
        let run = Run::Pull {
            stream: stream.clone(),
            cursor: cursor.to_vec(),
        };
        let variation = Variation {
            resume: Some(plain.positions[at].clone()),
            ..Variation::default()
        };
        report.runs += 1;
        let ran = match case.replay.vary(&run, &variation) {
            Ok(ran) => ran,
            Err(unrecorded) => {
                report.fail(&case.name, &rule, unrecorded);
                continue;
            }
        };
        if ran.trace.status() != Status::OK {
            report.fail(&case.name, &rule, ended(&ran.trace));
        }
        let expected = pages[at + 1..].iter().flat_map(|(docs, _)| *docs);
        let expected: Vec<_> = expected.filter(|it| !it.only).collect();
        if ran.trace.documents() != expected {
            report.fail(
                &case.name,
                &rule,
                format!(
                    "{} documents instead of {}",
                    ran.trace.documents().len(),
                    expected.len()
                ),
            );
        }
    }
}

/// What an earlier version stored is still read: the first step goes well.
fn upgraded(case: &Case, report: &mut Report) {
    for cursor in &case.old_cursors {
        let rule = format!("old cursor `{cursor}`");
        let Run::Pull { stream, .. } = &case.run else {
            report.fail(&case.name, &rule, "only a pull has cursors");
            continue;
        };
        report.runs += 1;
        let run = Run::Pull {
            stream: stream.clone(),
            cursor: cursor.clone().into_bytes(),
        };
        if let Err(ended) = case.replay.begin(&run) {
            let what = format!("ended with {}: {}", ended.status.name(), ended.message);
            report.fail(&case.name, &rule, what);
        }
    }
}

/// The order in which answers arrive, and how many at once, does not matter.
fn reordered(case: &Case, plain: &Ran, report: &mut Report) {
    let orders = [
        ("answers backwards", Order::Backwards),
        ("answers in mixed order 1", Order::Mixed(1)),
        ("answers in mixed order 2", Order::Mixed(2)),
        ("answers in mixed order 3", Order::Mixed(3)),
    ];
    let sorted = |trace: &Trace| {
        let mut docs: Vec<_> = trace.documents().into_iter().cloned().collect();
        docs.sort_by(|a, b| (&a.id, &a.version).cmp(&(&b.id, &b.version)));
        docs
    };
    for (rule, order) in orders {
        let variation = Variation {
            order,
            ..Variation::default()
        };
        let Some(ran) = vary(case, &variation, rule, report) else {
            continue;
        };
        if ran.trace.end != plain.trace.end {
            report.fail(&case.name, rule, ended(&ran.trace));
        }
        if sorted(&ran.trace) != sorted(&plain.trace)
            || ran.trace.results() != plain.trace.results()
        {
            report.fail(&case.name, rule, "other documents or results");
        }
    }
}

/// A session can be ended after any step, at once or by a word.
fn stopped(case: &Case, plain: &Ran, report: &mut Report) {
    for steps in 0..plain.steps {
        let variation = Variation {
            stop_after: Some(steps),
            ..Variation::default()
        };
        let rule = format!("destroyed after step {steps}");
        let before = panics_in_destroy();
        if let Some(ran) = vary(case, &variation, &rule, report)
            && ran.trace.status() != Status::OK
        {
            report.fail(&case.name, &rule, ended(&ran.trace));
        }
        if panics_in_destroy() > before {
            report.fail(&case.name, &rule, "it panicked");
        }
        let variation = Variation {
            cancel_after: Some(steps),
            ..Variation::default()
        };
        let rule = format!("cancelled after step {steps}");
        if let Some(ran) = vary(case, &variation, &rule, report)
            && [Status::PANIC, Status::BUG].contains(&ran.trace.status())
        {
            report.fail(&case.name, &rule, ended(&ran.trace));
        }
    }
}

/// Whatever an answer looks like, the session ends, and in the right way.
fn damaged(case: &Case, plain: &Ran, report: &mut Report) {
    for (nth, at) in plain.played.iter().enumerate() {
        let huge = (nth == 0).then_some(Damage::Huge);
        for damage in Damage::ALL.into_iter().chain(huge) {
            let rule = format!("answer {} {damage:?}", at + 1);
            let variation = Variation {
                damage: Some((*at, damage)),
                ..Variation::default()
            };
            let Some(ran) = vary(case, &variation, &rule, report) else {
                continue;
            };
            let status = ran.trace.status();
            if [Status::PANIC, Status::BUG].contains(&status) {
                report.fail(&case.name, &rule, ended(&ran.trace));
                continue;
            }
            if let Some(wrong) = misjudged(case, plain, &ran, damage) {
                report.fail(&case.name, &rule, wrong);
            }
        }
    }
}

fn misjudged(case: &Case, plain: &Ran, ran: &Ran, damage: Damage) -> Option<String> {
    let status = ran.trace.status();
    match &case.run {
        // A walk that ends well has read everything: a damaged page would be lost for good.
        Run::Pull { .. } if status == Status::OK => {
            Some("ended well, so documents are lost".into())
        }
        Run::Pull { .. } => match damage.pull_status() {
            Some(right) if right != status => {
                Some(format!("{} instead of {}", ended(&ran.trace), right.name()))
            }
            _ => None,
        },
        // NOT_FOUND lets the engine send again, so it must rest on a complete answer.
        Run::Find { .. } if damage != Damage::Status(404) => {
            let missing = |trace: &Trace| {
                trace
                    .results()
                    .iter()
                    .filter(|it| it.status == Status::NOT_FOUND)
                    .count()
            };
            (missing(&ran.trace) > missing(&plain.trace))
                .then(|| "gave NOT_FOUND, so the document would be sent again".into())
        }
        Run::Check if matches!(damage, Damage::Status(401 | 403 | 500)) => {
            (ran.trace.end == plain.trace.end).then(|| "the check did not notice".into())
        }
        _ => None,
    }
}

/// Calls stay inside what the manifest says.
fn declared(case: &Case, plain: &Ran, manifest: &Manifest, report: &mut Report) {
    let rule = "calls";
    let mut batch = 0;
    let mut covered = false;
    let mut sizes = match &case.run {
        Run::Push { batches, .. } => batches.iter().map(Vec::len).collect::<Vec<_>>().into_iter(),
        _ => Vec::new().into_iter(),
    };
    for event in &plain.trace.events {
        match event {
            Event::Want => {
                batch = sizes.next().unwrap_or(0);
                covered = false;
            }
            Event::Call(call) => {
                let name = format!("{} {}", call.method, call.url);
                if !call.auth.is_empty() && !manifest.auth.contains_key(&call.auth) {
                    report.fail(
                        &case.name,
                        rule,
                        format!("{name}: no credential slot `{}`", call.auth),
                    );
                }
                let host = host_of(&call.url);
                let own = host_of(case.replay.base_url_of());
                if host != own && !manifest.hosts.iter().any(|it| it == host) {
                    report.fail(
                        &case.name,
                        rule,
                        format!("{name}: host `{host}` is not in the manifest"),
                    );
                }
                if call.covers.iter().any(|at| *at as usize >= batch) {
                    report.fail(
                        &case.name,
                        rule,
                        format!("{name}: covers what is not in the batch"),
                    );
                }
                let reads = ["GET", "HEAD"].contains(&call.method.as_str());
                let pushes = matches!(case.run, Run::Push { .. });
                // A document is covered by the call that must not leave twice; what follows it may go
                // without, if it may leave any number of times.
                let follows = call.safe_to_repeat && covered;
                covered |= !call.covers.is_empty();
                if pushes && !reads && call.covers.is_empty() && !follows {
                    report.fail(
                        &case.name,
                        rule,
                        format!("{name}: writes, but covers no document"),
                    );
                }
            }
            _ => {}
        }
    }
}

fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let host = &rest[..end];
    host.rsplit_once(':').map_or(host, |(host, _)| host)
}
