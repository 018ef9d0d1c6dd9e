//! `ledgerline run` as a process: it owns the store, other commands reach it through its socket, and it
//! ends in order.

use std::{
    os::unix::fs::PermissionsExt,
    process::Stdio,
    time::{Duration, Instant},
};

use scenarios::{
    PATIENCE,
    processes::{Programs, finish, set},
    running::Running,
};
use serde_json::{Value, json};

const NOTES: usize = 24;

fn states(status: &Value, route: &str) -> Vec<(String, u64)> {
    let rows = status["totals"].as_array().expect("totals");
    rows.iter()
        .filter(|it| it["route"] == route)
        .map(|it| {
            let state = it["state"].as_str().expect("a state").to_owned();
            (state, it["tally"]["count"].as_u64().expect("a count"))
        })
        .collect()
}

/// Asks until the answer is as wanted; the engine works meanwhile.
fn until(programs: &Programs, args: &[&str], good: impl Fn(&Value) -> bool) -> Value {
    let began = Instant::now();
    loop {
        let ended = programs.run(args);
        assert_eq!(ended.code, Some(0), "{ended:#?}");
        let answer = ended.json();
        if good(&answer) {
            return answer;
        }
        assert!(began.elapsed() < PATIENCE, "{answer:#}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// Everything is a manual route that waits for somebody to ask.
fn manual() -> Programs {
    Programs::start(NOTES, |plan| {
        for route in plan.routes.values_mut() {
            set(route, "trigger", "manual");
        }
    })
}

#[test]
fn other_commands_reach_it_through_its_socket() {
    let programs = manual();
    let running = Running::start(&programs);

    let socket = programs.config().join("state/ledgerline.sock");
    let mode = std::fs::metadata(&socket)
        .expect("a socket")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600, "for its owner alone");

    // It has pulled and prepared; nothing may be sent before the first live run is confirmed.
    let status = until(&programs, &["status", "--json"], |it| {
        states(it, "omni-credit-notes")
            .iter()
            .any(|(state, _)| state == "pending")
    });
    assert_eq!(programs.books().xero.len(), 0, "{status:#}");

    let synced = programs.run(["sync", "--confirm", "--json"]);
    assert_eq!(synced.code, Some(0), "{synced:#?}");
    let created = &synced.json()["routes"]["omni-credit-notes"]["created"]["count"];
    assert!(
        created.as_u64().is_some_and(|it| it >= NOTES as u64),
        "{synced:#?}"
    );
    assert_eq!(programs.books().faults(), Vec::<String>::new());

    let stopped = programs.run([
        "list",
        "--state",
        "warning",
        "--route",
        "omni-credit-notes",
        "--json",
    ]);
    assert_eq!(stopped.code, Some(0), "{stopped:#?}");
    assert!(
        stopped.stdout.contains("no sales reference"),
        "{stopped:#?}"
    );

    let retried = programs.run([
        "retry",
        "--route",
        "omni-credit-notes",
        "--all",
        "--json",
        "--yes",
    ]);
    assert!(matches!(retried.code, Some(0 | 4)), "{retried:#?}");
    // One value: what it changed, and the run that followed.
    let told = retried.json();
    assert_eq!(told["counted_only"], false, "{told:#}");
    assert!(told["tally"]["count"].as_u64() > Some(0), "{told:#}");
    assert!(told["sync"]["routes"].is_object(), "{told:#}");
    let count = ["retry", "--route", "omni-credit-notes", "--all", "--json"];
    let counted = programs.run(count.into_iter().chain(["--count"])).json();
    assert_eq!(
        (&counted["counted_only"], &counted["sync"]),
        (&json!(true), &Value::Null),
        "{counted:#}"
    );
    assert_eq!(
        programs.books().faults(),
        Vec::<String>::new(),
        "nothing twice"
    );

    // A skip is taken back in the running engine.
    let select = ["--route", "omni-credit-notes", "--state", "warning"];
    let skip = ["skip", "--reason", "by mistake", "--yes"];
    let skipped = programs.run(skip.into_iter().chain(select));
    assert_eq!(skipped.code, Some(0), "{skipped:#?}");
    let kept = programs.run(["undo", "--list"]);
    assert!(kept.stdout.contains("skip: by mistake"), "{kept:#?}");
    let undone = programs.run(["undo", "--yes", "--json"]).json();
    let skipped = &undone["action"]["tally"]["count"];
    assert!(skipped.as_u64() > Some(0), "{undone:#}");
    assert_eq!(&undone["tally"]["count"], skipped, "{undone:#}");
    let id = undone["action"]["id"].to_string();
    let again = programs.run(["undo", &id]);
    assert_eq!(again.code, Some(3), "{again:#?}");
    assert!(again.stdout.contains("taken back already"), "{again:#?}");

    let wrong = programs.run(["sync", "omni-credit-note", "--json"]);
    assert_eq!(wrong.code, Some(3), "{wrong:#?}");
    assert!(
        wrong.stderr.contains("did you mean `omni-credit-notes`"),
        "{wrong:#?}"
    );

    running.signal("-TERM");
    let ended = running.end();
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert!(!socket.exists(), "it takes its socket away");

    // The store is free again.
    let status = programs.run(["status", "--json"]);
    assert_eq!(status.code, Some(0), "{status:#?}");
}

#[test]
fn a_second_one_says_so_and_ends() {
    let programs = manual();
    let running = Running::start(&programs);
    let second = programs.run(["run"]);
    assert!(!matches!(second.code, Some(0) | None), "{second:#?}");
    assert!(
        second.stderr.contains("in use by another process"),
        "{second:#?}"
    );
    // The first one does not notice.
    let status = programs.run(["status", "--json"]);
    assert_eq!(status.code, Some(0), "{status:#?}");
    running.signal("-INT");
    assert_eq!(running.end().code, Some(0));
}

/// Told to end while a call that writes is under way: the call is brought to its end and its outcome
/// is kept; the next one has nothing to clear up.
#[test]
fn sigterm_in_the_middle_of_a_call() {
    let programs = Programs::start(NOTES, |plan| {
        plan.batch(10);
        for route in plan.routes.values_mut() {
            set(route, "confirmed", true);
        }
        set(
            &mut plan.deployment,
            "connections/xero-au/call-timeout",
            "60s",
        );
    });
    programs.tell(
        "/_sandbox/faults",
        &json!([{
            "match": { "method": "PUT", "path": "/api.xro/2.0/CreditNotes" },
            "skip": 1, "fault": "slow:4000",
        }]),
    );
    let running = Running::start(&programs);
    let began = Instant::now();
    while programs.books().xero.len() <= 10 {
        assert!(began.elapsed() < PATIENCE, "it sends nothing");
        std::thread::sleep(Duration::from_millis(50));
    }
    running.signal("-TERM");
    let ended = running.end();
    assert_eq!(ended.code, Some(0), "{ended:#?}");

    let status = programs.run(["status", "--json"]).json();
    let held = states(&status, "omni-credit-notes");
    assert!(
        held.iter()
            .all(|(state, _)| state != "uncertain" && state != "sending"),
        "{held:?}"
    );
    let there = programs.books().xero.len() as u64;
    let synced: u64 = held
        .iter()
        .filter(|it| it.0 == "synced")
        .map(|it| it.1)
        .sum();
    assert_eq!(synced, there, "what is there is known to be there");

    let rest = programs.run(["sync", "--json"]);
    assert_eq!(rest.code, Some(0), "{rest:#?}");
    assert_eq!(programs.books().faults(), Vec::<String>::new());
}

/// An engine that was killed leaves its socket behind: neither commands nor the next engine mind.
#[test]
fn a_socket_that_was_left_behind() {
    let programs = manual();
    let running = Running::start(&programs);
    running.signal("-KILL");
    assert_eq!(running.end().signal, Some(9));
    let socket = programs.config().join("state/ledgerline.sock");
    assert!(socket.exists(), "SIGKILL leaves no time to tidy up");
    let status = programs.run(["status", "--json"]);
    assert_eq!(status.code, Some(0), "{status:#?}");
    let running = Running::start(&programs);
    let status = programs
        .engine(["status", "--json"])
        .stdin(Stdio::null())
        .spawn();
    assert_eq!(finish(status.expect("it starts")).code, Some(0));
    running.signal("-TERM");
    assert_eq!(running.end().code, Some(0));
}
