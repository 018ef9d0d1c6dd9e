//! What vendors answer: status, headers and body of every call, to every operation of the four
//! connectors.
//!
//! The head names the operation; each part is an answer: `=== STATUS`, header lines, an empty line,
//! the body. When they are used up, the network is gone, so every session must come to an end.

use std::collections::VecDeque;

use ledgerline_plugin_api::{
    abi::Status,
    recording::Recording,
    testkit::{Answer, Asked, Given, Opened, Session, Step, StepError},
};
use serde_json::{Value, json};

use crate::{
    grounds,
    runs::{ACCOUNT, RUNS, Run},
};

/// Words of answers.
pub const WORDS: &[&str] = &[
    "200",
    "201",
    "204",
    "301",
    "400",
    "401",
    "403",
    "404",
    "409",
    "412",
    "429",
    "500",
    "503",
    "\n=== 200\n\n",
    "Content-Type: application/json\n",
    "Content-Type: text/html\n",
    "Retry-After: 7\n",
    "Location: /x\n",
    "null",
    "[]",
    "{}",
    "\"\"",
    "0",
    "-1",
    "1e400",
    "\"Id\":",
    "\"id\":",
    "\"uuid\":",
    "\"success\":",
    "\"errors\":",
    "\"index\":",
    "\"Status\":\"OK\"",
    "\"CreditNotes\":",
    "\"Contacts\":",
    "\"Elements\":",
    "\"ValidationErrors\":",
    "\"HasErrors\":true",
    "\"StatusAttributeString\":\"ERROR\"",
    "\"Message\":",
    "\"UpdatedDateUTC\":\"\\/Date(1)\\/\"",
    "\"UpdatedDateUTC\":\"/Date(9223372036854775807+1300)/\"",
    "\"modifiedDate\":",
    "\"pagination\":",
    "\"page\":",
    "\"Total\":",
    "\"total\":",
    "\"Page\":",
    "\"SaleList\":",
    "\"CreditNoteNumber\":",
    "\"CreditNoteID\":",
    "\"ContactID\":",
    "\"Type\":\"ACCRECCREDIT\"",
    "\"results\":",
    "\"next\":",
    "\"count\":",
    "\"updated_at\":",
    "2026-02-30T25:61:61Z",
    "0001-01-01T00:00:00",
    "9999-12-31T23:59:59.9999999+14:00",
    "-9999-01-01",
];

/// Steps that a session may take beyond three for each answer. A page of two rows may be followed by
/// a call for each.
const SPARE_STEPS: usize = 400;
/// 2026-01-15T00:00:00Z.
const NOW_MS: i64 = 1_768_435_200_000;

/// Drives one operation with these answers.
pub fn run(data: &[u8]) {
    let (head, answers) = read(data);
    let chosen = head.bytes().fold(0, |sum: usize, it| sum + usize::from(it));
    let run = RUNS
        .iter()
        .find(|it| it.name == head.trim())
        .unwrap_or(&RUNS[chosen % RUNS.len()]);
    drive(run, answers);
}

fn read(data: &[u8]) -> (String, VecDeque<Answer>) {
    let mut marks: Vec<usize> = Vec::new();
    let starts = |at: &usize| data[*at..].starts_with(b"=== ");
    marks.extend((0..data.len()).filter(|at| (*at == 0 || data[at - 1] == b'\n') && starts(at)));
    let head = &data[..marks.first().copied().unwrap_or(data.len())];
    let ends = marks.iter().skip(1).copied().chain([data.len()]);
    let answers = marks
        .iter()
        .zip(ends)
        .map(|(from, to)| answer(&data[from + 4..to]));
    (
        String::from_utf8_lossy(head).into_owned(),
        answers.collect(),
    )
}

fn answer(part: &[u8]) -> Answer {
    let mut rest = part;
    let mut line = || {
        let at = rest.iter().position(|it| *it == b'\n')?;
        let (line, after) = rest.split_at(at);
        rest = after.get(1..).unwrap_or_default();
        Some(String::from_utf8_lossy(line).into_owned())
    };
    let first = line().unwrap_or_default();
    let mut headers = Vec::new();
    while let Some(it) = line() {
        match it.split_once(':') {
            Some((name, value)) => headers.push((name.to_owned(), value.trim().to_owned())),
            None => break,
        }
    }
    match first.trim().parse() {
        Ok(status) => Answer::Response {
            status,
            headers,
            body: rest.to_vec(),
        },
        Err(_) => lost(),
    }
}

fn lost() -> Answer {
    Answer::Failure {
        status: Status::UNAVAILABLE,
        message: "connection reset".into(),
    }
}

fn drive(run: &Run, mut left: VecDeque<Answer>) {
    let settings: Value = serde_json::from_str(run.settings).unwrap_or_default();
    let opened = Opened {
        op: run.op,
        stream: run.stream.to_owned(),
        config: json!({
            "base-url": "https://api.example", "account": ACCOUNT, "settings": settings,
        })
        .to_string(),
        cursor: Vec::new(),
        seed: 1,
        max_page_docs: 100,
        max_open_effects: 4,
    };
    let mut batches: VecDeque<Vec<Given>> = VecDeque::from([(run.batch)()]);
    batches.retain(|it| !it.is_empty());
    // Every row of a page may ask for calls of its own, each of which is answered at once.
    let bytes: usize = left.iter().map(weight).sum();
    let most = SPARE_STEPS + 3 * left.len() + bytes;
    let mut session = match Session::open(run.connector, &opened) {
        Ok(session) => session,
        Err(error) => return ended(run, &error),
    };
    let (mut now_ms, mut answers, mut wanted) = (NOW_MS, Vec::new(), false);
    let mut given = 0;
    for _ in 0..most {
        let batch = if wanted { batches.pop_front() } else { None };
        let last = wanted && batch.is_none();
        let batch = batch.unwrap_or_default();
        given = if batch.is_empty() { given } else { batch.len() };
        let step = session.step(now_ms, &answers, &batch, last);
        answers.clear();
        wanted = false;
        match step {
            Err(error) => return ended(run, &error),
            Ok(Step::Done(_)) => return,
            Ok(Step::Want) => wanted = true,
            Ok(Step::Results(results)) => {
                assert_eq!(results.len(), given, "{}: results", run.name);
            }
            Ok(Step::Page { cursor, .. }) => resumes(run, &opened, cursor),
            Ok(Step::Need(asked)) => {
                for (id, asked) in asked {
                    answers.push((id, perform(&asked, &mut now_ms, &mut left)));
                }
                assert!(
                    !answers.is_empty(),
                    "{}: asked for nothing with nothing open",
                    run.name
                );
            }
        }
    }
    panic!("{}: not at its end after {most} steps", run.name);
}

fn perform(asked: &Asked, now_ms: &mut i64, left: &mut VecDeque<Answer>) -> Answer {
    match asked {
        Asked::Sleep(millis) => {
            *now_ms = now_ms.saturating_add_unsigned(*millis);
            Answer::Response {
                status: 0,
                headers: Vec::new(),
                body: Vec::new(),
            }
        }
        Asked::Http(call) => {
            let base = call.url.starts_with("https://api.example");
            assert!(base, "a call leaves the vendor: {}", call.url);
            left.pop_front().unwrap_or_else(lost)
        }
    }
}

fn weight(answer: &Answer) -> usize {
    match answer {
        Answer::Response { body, .. } => body.len(),
        Answer::Failure { .. } => 0,
    }
}

/// What a page carries must be what a later session can go on from.
fn resumes(run: &Run, opened: &Opened, cursor: Vec<u8>) {
    let again = Opened {
        cursor,
        ..opened.clone()
    };
    if let Err(error) = Session::open(run.connector, &again) {
        panic!("{}: its own cursor is refused: {error}", run.name);
    }
}

/// An end with a reason, which is never a defect of the connector.
fn ended(run: &Run, error: &StepError) {
    match error {
        StepError::Ended(it) => {
            assert!(!it.message.trim().is_empty(), "{}: no reason", run.name);
            let defect = [Status::PANIC, Status::BUG].contains(&it.status);
            assert!(!defect, "{}: {error}", run.name);
        }
        StepError::Broken(_) => panic!("{}: {error}", run.name),
    }
}

/// The recordings of the repository, as answers to the operation that they were made for.
pub fn seeds() -> Vec<Vec<u8>> {
    let folder = grounds::repository().join("plugins/xero/tests/recordings");
    let names = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<_> = names.map(|it| it.path()).collect();
    paths.sort();
    let mut seeds = Vec::new();
    for path in paths {
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let Ok(recording) = Recording::parse(&text) else {
            continue;
        };
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let wanted = format!("xero {}", name.replacen('_', " ", 1));
        let usual = format!(
            "xero {} credit_notes",
            name.split('_').next().unwrap_or_default()
        );
        let run = RUNS.iter().find(|it| it.name == wanted);
        let head = run.map_or(usual, |it| it.name.to_owned());
        seeds.push(of_recording(&head, &recording));
    }
    seeds
}

/// A recording as input.
pub fn of_recording(head: &str, recording: &Recording) -> Vec<u8> {
    let mut input = format!("{head}\n").into_bytes();
    for it in recording
        .exchanges
        .iter()
        .filter_map(|it| it.response.as_ref())
    {
        input.extend(format!("=== {}\n", it.status).bytes());
        for (name, value) in &it.headers {
            input.extend(format!("{name}: {value}\n").bytes());
        }
        input.push(b'\n');
        let body = it.body.as_ref().and_then(|it| it.bytes().ok());
        input.extend(body.unwrap_or_default().iter());
        input.push(b'\n');
    }
    input
}
