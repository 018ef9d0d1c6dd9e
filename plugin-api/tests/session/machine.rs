//! The SDK's step machine, driven through the ABI: waiting, waking, losing, ending.

use crate::probe::{PROBE, answer, failed, needed, ok, opened, pull, push, step};
use ledgerline_plugin_api::abi::{Status, op};
use ledgerline_plugin_api::testkit::{Answer, Asked, Given, Session, Step, StepError};

#[test]
fn pages_are_lent_and_the_walk_goes_on_after_each() {
    let mut session = pull("pages");
    for page in 0..3 {
        let ids = needed(step(&mut session));
        let Ok(Step::Page { docs, cursor }) = answer(&mut session, &[(ids[0], "[1.10, {}]")])
        else {
            panic!("a page");
        };
        let docs: Vec<_> = docs
            .iter()
            .map(|doc| (doc.id.as_str(), doc.body.as_deref()))
            .collect();
        let (first, second) = (format!("{page}-0"), format!("{page}-1"));
        assert_eq!(
            docs,
            [(first.as_str(), Some("1.10")), (&second, Some("{}"))]
        );
        assert_eq!(cursor, format!(r#"{{"page":{}}}"#, page + 1).into_bytes());
    }
    assert_eq!(step(&mut session), Ok(Step::Done(None)));
}

#[test]
fn fifty_calls_are_answered_in_any_order_and_in_parts() {
    let mut many = opened(op::PULL, "many");
    many.max_page_docs = 0;
    let mut session = Session::open(&PROBE, &many).unwrap();
    let ids = needed(step(&mut session));
    assert_eq!(ids.len(), 50);
    let body = |id: u32| format!("{}", ids.iter().position(|it| *it == id).unwrap());
    let backwards: Vec<u32> = ids.iter().rev().copied().collect();
    for (at, part) in backwards.chunks(7).enumerate() {
        let answers: Vec<_> = part.iter().map(|id| (*id, ok(&body(*id)))).collect();
        let step = session.step(0, &answers, &[], false).unwrap();
        if at < 7 {
            assert_eq!(step, Step::Need(Vec::new()), "still waiting");
            continue;
        }
        let Step::Page { docs, .. } = step else {
            panic!("a page")
        };
        for (at, doc) in docs.iter().enumerate() {
            assert_eq!(
                (doc.id.clone(), doc.body.clone()),
                (at.to_string(), Some(at.to_string()))
            );
        }
    }
}

#[test]
fn no_more_effects_are_open_than_the_engine_takes() {
    let mut few = opened(op::PULL, "many");
    few.max_open_effects = 8;
    few.max_page_docs = 0;
    let mut session = Session::open(&PROBE, &few).unwrap();
    let mut open = needed(step(&mut session));
    let mut answered = 0;
    loop {
        assert!(open.len() <= 8, "{}", open.len());
        let id = open.remove(0);
        answered += 1;
        match answer(&mut session, &[(id, "1")]).unwrap() {
            Step::Need(more) => open.extend(more.into_iter().map(|(id, _)| id)),
            Step::Page { docs, .. } => {
                assert_eq!((docs.len(), answered), (50, 50));
                return;
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_commit_that_is_dropped_is_never_seen() {
    let mut session = pull("lost commit");
    let ids = needed(step(&mut session));
    assert_eq!(answer(&mut session, &[(ids[0], "")]), Ok(Step::Done(None)));
}

#[test]
fn a_request_that_is_dropped_before_it_left_never_leaves() {
    let mut session = pull("lost request");
    let Ok(Step::Need(asked)) = step(&mut session) else {
        panic!("effects")
    };
    let [(_, Asked::Http(call))] = asked.as_slice() else {
        panic!("one call: {asked:?}")
    };
    assert_eq!(call.url, "https://api.example/2");
}

#[test]
fn a_request_that_is_dropped_later_has_its_answer_ignored() {
    let mut session = pull("race");
    let ids = needed(step(&mut session));
    let third = needed(answer(&mut session, &[(ids[1], "")]));
    // The loser's answer arrives together with the third.
    let Ok(Step::Page { docs, .. }) = answer(&mut session, &[(ids[0], "late"), (third[0], "")])
    else {
        panic!("a page");
    };
    assert_eq!(docs[0].id, "200-200");
}

#[test]
fn two_pages_offered_at_once_come_one_after_the_other() {
    let mut session = pull("two pages");
    for cursor in ["1", "2"] {
        let Ok(Step::Page { cursor: given, .. }) = step(&mut session) else {
            panic!("a page")
        };
        assert_eq!(given, cursor.as_bytes());
    }
    assert_eq!(step(&mut session), Ok(Step::Done(None)));
}

#[test]
fn what_can_never_end_is_a_bug_that_names_the_fix() {
    let (status, message) = failed(step(&mut pull("foreign")));
    assert_eq!(status, Status::BUG);
    assert!(message.contains("await only what `cx` gives"), "{message}");
    assert!(
        message.contains("`cx.sleep` instead of a runtime's timer"),
        "{message}"
    );

    let (status, message) = failed(step(&mut pull("spin")));
    assert_eq!(status, Status::BUG);
    assert!(message.contains("woke itself 10000 times"), "{message}");
}

#[test]
fn a_panic_ends_its_session_with_file_and_line_and_no_other() {
    let mut other = pull("pages");
    let mut session = pull("panic");
    let ids = needed(step(&mut session));
    let (status, message) = failed(answer(&mut session, &[(ids[0], "")]));
    assert_eq!(status, Status::PANIC);
    assert!(
        message.starts_with("the connector panicked: asked to at "),
        "{message}"
    );
    assert!(message.contains("session/probe.rs:"), "{message}");

    let (status, message) = failed(step(&mut session));
    assert_eq!(
        (status, message.as_str()),
        (Status::PANIC, "this session panicked before and is dead")
    );
    assert_eq!(needed(step(&mut other)).len(), 1);
}

#[test]
fn a_panic_while_a_session_is_destroyed_stays_inside() {
    let mut session = pull("noisy end");
    needed(step(&mut session));
    drop(session);
    // A panic of the test's own still reaches the hook that was there before.
    assert!(std::panic::catch_unwind(|| panic!("expected in the output")).is_err());
}

#[test]
fn opening_says_what_is_wrong() {
    let open = |op: u32, settings: &str, cursor: &str| {
        let mut opened = opened(op, "pages");
        opened.config = format!(r#"{{"base-url":"x","account":null,"settings":{settings}}}"#);
        opened.cursor = cursor.into();
        match Session::open(&PROBE, &opened) {
            Err(StepError::Ended(ended)) => (ended.status, ended.message),
            Err(broken) => panic!("{broken}"),
            Ok(_) => (Status::OK, String::new()),
        }
    };
    let cases = [
        (op::PULL, "{}", "", Status::OK, ""),
        (op::PULL, "{}", r#"{"page":1}"#, Status::OK, ""),
        (
            op::PULL,
            r#"{"greting":"x"}"#,
            "",
            Status::CONFIG,
            "settings: unknown field `greting`",
        ),
        (op::PULL, "7", "", Status::CONFIG, "settings: invalid type"),
        (
            op::PULL,
            r#"{"greeting":"refuse"}"#,
            "",
            Status::CONFIG,
            "there is no such greeting",
        ),
        (
            op::PULL,
            r#"{"greeting":"panic"}"#,
            "",
            Status::PANIC,
            "panicked: cannot open at ",
        ),
        (
            op::PULL,
            "{}",
            "garbage",
            Status::CONFIG,
            "read by probe 1.2.3 (state version 4)",
        ),
        (64, "{}", "", Status::UNSUPPORTED, "operation 64 is unknown"),
    ];
    for (op, settings, cursor, status, part) in cases {
        let actual = open(op, settings, cursor);
        assert_eq!(actual.0, status, "{settings} {cursor}: {}", actual.1);
        assert!(actual.1.contains(part), "{settings} {cursor}: {}", actual.1);
    }
}

#[test]
fn what_a_connector_does_not_offer_is_unsupported() {
    for (op, part) in [
        (op::FIND, "cannot find `pages`"),
        (op::DISCOVER, "cannot list accounts"),
    ] {
        let mut session = Session::open(&PROBE, &opened(op, "pages")).unwrap();
        let (status, message) = failed(step(&mut session));
        assert_eq!(status, Status::UNSUPPORTED);
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn a_check_ends_with_a_value() {
    let mut session = Session::open(&PROBE, &opened(op::CHECK, "")).unwrap();
    let Ok(Step::Done(Some(value))) = step(&mut session) else {
        panic!("a value")
    };
    assert!(value.contains(r#""missing":["everything"]"#), "{value}");
}

#[test]
fn a_session_that_ended_stays_ended() {
    let mut session = pull("two pages");
    while step(&mut session).unwrap() != Step::Done(None) {}
    let (status, message) = failed(step(&mut session));
    assert_eq!(status, Status::BUG);
    assert!(message.contains("already ended well"), "{message}");

    let mut session = pull("no such stream");
    assert_eq!(failed(step(&mut session)).0, Status::CONFIG);
    let (status, message) = failed(step(&mut session));
    assert_eq!(status, Status::BUG);
    assert!(
        message.ends_with("already ended with CONFIG: no stream `no such stream`"),
        "{message}"
    );
}

#[test]
fn pages_that_the_engine_would_refuse_are_refused_at_once() {
    for (stream, part) in [
        ("long cursor", "a cursor of 70002 bytes"),
        ("empty id", "document 0 of the page has an empty id"),
        ("big page", "a page of 11 documents"),
        ("status ok", "an error of status OK"),
    ] {
        let (status, message) = failed(step(&mut pull(stream)));
        assert_eq!(status, Status::BUG, "{stream}");
        assert!(message.contains(part), "{stream}: {message}");
    }
}

#[test]
fn an_answer_to_nothing_is_the_engine_s_bug() {
    let mut session = pull("pages");
    needed(step(&mut session));
    let (status, message) = failed(answer(&mut session, &[(99, "")]));
    assert_eq!(status, Status::BUG);
    assert!(
        message.contains("effect 99, which is not open"),
        "{message}"
    );
}

#[test]
fn a_call_without_an_answer_is_an_error_of_its_status() {
    let mut session = pull("panic");
    let ids = needed(step(&mut session));
    let lost = Answer::Failure {
        status: Status::UNAVAILABLE,
        message: "connection reset".into(),
    };
    let ended = failed(session.step(0, &[(ids[0], lost)], &[], false));
    assert_eq!(ended, (Status::UNAVAILABLE, "connection reset".into()));
}

#[test]
fn waiting_is_an_effect_and_the_clock_is_the_engine_s() {
    let Ok(Step::Need(asked)) = step(&mut pull("wait")) else {
        panic!("effects")
    };
    assert_eq!(asked[0].1, Asked::Sleep(1500));

    let mut session = pull("clock");
    let ids = needed(session.step(1000, &[], &[], false));
    let Ok(Step::Page { docs, .. }) = session.step(1005, &[(ids[0], ok(""))], &[], false) else {
        panic!("a page");
    };
    assert_eq!(docs[0].id, "1000 1005 9");
}

#[test]
fn a_long_loop_sees_that_it_is_cancelled() {
    let mut session = pull("cancelled");
    let ids = needed(step(&mut session));
    let ids = needed(answer(&mut session, &[(ids[0], "")]));
    session.cancel();
    let ended = failed(answer(&mut session, &[(ids[0], "")]));
    assert_eq!(ended, (Status::CANCELLED, "stopped in the middle".into()));
}

#[test]
fn errors_carry_their_detail() {
    let Err(StepError::Ended(ended)) = step(&mut pull("detail")) else {
        panic!("a failure")
    };
    assert_eq!(
        (ended.status, ended.detail.as_str()),
        (Status::RATE_LIMITED, r#"{"document":"7"}"#)
    );
}

#[test]
fn events_reach_the_engine_with_their_values() {
    let mut session = pull("log");
    let ids = needed(step(&mut session));
    assert_eq!(answer(&mut session, &[(ids[0], "")]), Ok(Step::Done(None)));
    assert_eq!(
        session.logs(),
        [
            r#"3 session::probe documents read {"count":2,"name":"x"}"#,
            "5 session::probe detail"
        ]
    );
}

fn given(change: u32, id: &str) -> Given {
    Given {
        change,
        id: id.into(),
        number: format!("N{id}"),
        remote_id: if change == 1 {
            String::new()
        } else {
            format!("r{id}")
        },
        body: r#"{"total": 1.10}"#.into(),
        ..Given::default()
    }
}

#[test]
fn batches_go_in_and_outcomes_come_back_by_position() {
    let mut session = push("notes");
    assert_eq!(step(&mut session), Ok(Step::Want));
    let batch = [given(1, "a"), given(2, "b"), given(3, "c")];
    let Ok(Step::Results(results)) = session.step(0, &[], &batch, false) else {
        panic!("results")
    };
    let seen: Vec<_> = results
        .iter()
        .map(|it| (it.status, it.message.as_str()))
        .collect();
    assert_eq!(
        seen,
        [
            (Status::OK, "Create Na None\nb"),
            (Status::OK, "Update Nb Some(\"rb\")\nb"),
            (Status::NOT_FOUND, ""),
        ]
    );
    assert_eq!(results[0].body.as_deref(), Some(r#"{"total": 1.10}"#));
    assert_eq!(step(&mut session), Ok(Step::Want));
    assert!(matches!(
        session.step(0, &[], &[given(1, "d")], false),
        Ok(Step::Results(_))
    ));
    assert_eq!(step(&mut session), Ok(Step::Want));
    assert_eq!(session.step(0, &[], &[], true), Ok(Step::Done(None)));
}

#[test]
fn every_batch_is_reported_once_and_wholly() {
    for (stream, part) in [
        (
            "silent",
            "asked for a batch before reporting on the last one of 1 documents",
        ),
        (
            "unreported",
            "ended without reporting on a batch of 1 documents",
        ),
        ("short", "reported 0 outcomes for a batch of 1 documents"),
    ] {
        let mut session = push(stream);
        assert_eq!(step(&mut session), Ok(Step::Want));
        let (status, message) = failed(session.step(0, &[], &[given(1, "a")], false));
        assert_eq!(status, Status::BUG, "{stream}");
        assert!(message.contains(part), "{stream}: {message}");
    }
    let mut session = push("twice");
    step(&mut session).unwrap();
    assert!(matches!(
        session.step(0, &[], &[given(1, "a")], false),
        Ok(Step::Results(_))
    ));
    let (status, message) = failed(step(&mut session));
    assert_eq!(status, Status::BUG);
    assert!(message.contains("without a batch"), "{message}");
}

#[test]
fn a_change_that_this_side_does_not_know_is_told() {
    let mut session = push("notes");
    step(&mut session).unwrap();
    let (status, message) = failed(session.step(0, &[], &[given(9, "a")], false));
    assert_eq!(status, Status::BUG);
    assert!(message.contains("change 9 of document `a`"), "{message}");
}

#[test]
fn a_session_can_change_threads_between_steps() {
    let mut session = pull("pages");
    let ids = needed(step(&mut session));
    let page = std::thread::spawn(move || answer(&mut session, &[(ids[0], "[1]")]))
        .join()
        .unwrap();
    assert!(matches!(page, Ok(Step::Page { .. })), "{page:?}");
}
