//! What every connector has to hold to, whatever system it knows.

use std::fmt;

use super::damage::Damage;
use super::replay::{Ran, Replay, Run, Variation, manifest};
use super::trace::{Event, Trace};
use crate::abi::{ABI_MAJOR, ABI_MINOR, Connector, Status, compatible, op};
use crate::manifest::{Manifest, Op};

/// One operation that is known to go well with its recording.
pub struct Case {
    /// For failures.
    pub name: String,
    /// Connector, recording, connection.
    pub replay: Replay,
    /// The operation.
    pub run: Run,
}

impl Case {
    /// A named case.
    pub fn new(name: impl Into<String>, replay: Replay, run: Run) -> Self {
        Self {
            name: name.into(),
            replay,
            run,
        }
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
    let mut report = Report::default();
    let manifest = statement(connector, &mut report);
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
        reordered(case, &plain, &mut report);
        stopped(case, &plain, &mut report);
        damaged(case, &plain, &mut report);
        if let Some(manifest) = &manifest {
            declared(case, &plain, manifest, &mut report);
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
        Ok(ran) => Some(ran),
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
        let expected: Vec<_> = pages[at + 1..].iter().flat_map(|(docs, _)| *docs).collect();
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

/// The order in which answers arrive does not matter.
fn reordered(case: &Case, plain: &Ran, report: &mut Report) {
    let rule = "answers in another order";
    let variation = Variation {
        backwards: true,
        ..Variation::default()
    };
    let Some(ran) = vary(case, &variation, rule, report) else {
        return;
    };
    let sorted = |trace: &Trace| {
        let mut docs: Vec<_> = trace.documents().into_iter().cloned().collect();
        docs.sort_by(|a, b| (&a.id, &a.version).cmp(&(&b.id, &b.version)));
        docs
    };
    if ran.trace.end != plain.trace.end {
        report.fail(&case.name, rule, ended(&ran.trace));
    }
    if sorted(&ran.trace) != sorted(&plain.trace) || ran.trace.results() != plain.trace.results() {
        report.fail(&case.name, rule, "other documents or results");
    }
}

/// A session can be ended after any step.
fn stopped(case: &Case, plain: &Ran, report: &mut Report) {
    for steps in 0..plain.steps {
        let variation = Variation {
            stop_after: Some(steps),
            ..Variation::default()
        };
        let rule = format!("destroyed after step {steps}");
        if let Some(ran) = vary(case, &variation, &rule, report)
            && ran.trace.status() != Status::OK
        {
            report.fail(&case.name, &rule, ended(&ran.trace));
        }
    }
}

/// Whatever an answer looks like, the session ends, and in the right way.
fn damaged(case: &Case, plain: &Ran, report: &mut Report) {
    for at in &plain.played {
        for damage in Damage::ALL {
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
    let mut sizes = match &case.run {
        Run::Push { batches, .. } => batches.iter().map(Vec::len).collect::<Vec<_>>().into_iter(),
        _ => Vec::new().into_iter(),
    };
    for event in &plain.trace.events {
        match event {
            Event::Want => batch = sizes.next().unwrap_or(0),
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
                if pushes && !reads && call.covers.is_empty() {
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
