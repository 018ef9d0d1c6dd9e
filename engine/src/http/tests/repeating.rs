//! What is sent again, how often, and what is said about it afterwards.

use std::time::Duration;

use serde_json::{Value, json};

use super::support::{Reply, Seen, World, call, keyed, send, words};
use crate::{
    http::{Call, CallClass, Repeat},
    plugins::Cancel,
};

fn fields() -> Value {
    json!({ "answers": { "disconnected": [403], "slow-down": [420] } })
}

/// A vendor that goes through these replies, then repeats the last.
fn script(replies: Vec<Reply>) -> impl FnMut(&Seen) -> Reply + Send + 'static {
    let mut next = 0;
    move |_| {
        let reply = replies[next.min(replies.len() - 1)].clone();
        next += 1;
        reply
    }
}

#[tokio::test(start_paused = true)]
async fn each_kind_of_call_is_repeated_as_far_as_that_is_safe() {
    let s = Reply::status;
    let ok = || Reply::ok("{}");
    let (get, put) = ("GET", "PUT");
    let cases: Vec<(&str, &str, Vec<Reply>, &str)> = vec![
        // name, call, replies, outcome
        (
            "a read meets a passing fault",
            get,
            vec![s(503), s(502), ok()],
            "200x3",
        ),
        (
            "a read meets a reset",
            get,
            vec![Reply::Lost, ok()],
            "200x2",
        ),
        (
            "a read meets an internal error",
            get,
            vec![s(500), ok()],
            "200x2",
        ),
        ("a read fails for good", get, vec![s(503)], "503x5"),
        (
            "a read gets no answer at all",
            get,
            vec![Reply::Lost],
            "lost: https://api.acme.example/v2/notes: connection reset",
        ),
        (
            "nobody is there",
            get,
            vec![Reply::Unreachable],
            "not sent: https://api.acme.example/v2/notes: connection refused",
        ),
        ("a read is refused", get, vec![s(404)], "404x1"),
        ("a read is redirected", get, vec![s(302)], "302x1"),
        ("an unprotected write fails", put, vec![s(503)], "503x1"),
        (
            "an unprotected write is lost",
            put,
            vec![Reply::Lost, ok()],
            "lost: https://api.acme.example/v2/notes: connection reset",
        ),
        (
            "an unprotected write does not leave",
            put,
            vec![Reply::Unreachable, ok()],
            "not sent: https://api.acme.example/v2/notes: connection refused",
        ),
        (
            "an unprotected write is asked to slow down",
            put,
            vec![s(420), s(429), ok()],
            "200x3",
        ),
        (
            "a protected write is lost once",
            "KEYED",
            vec![Reply::Lost, ok()],
            "200x2",
        ),
        (
            "a protected write meets an error",
            "KEYED",
            vec![s(500), s(500), ok()],
            "200x3",
        ),
        (
            "a protected write fails for good",
            "KEYED",
            vec![s(500)],
            "500x4",
        ),
        (
            "a protected write is refused",
            "KEYED",
            vec![s(400)],
            "400x1",
        ),
        (
            "a protected write does not leave",
            "KEYED",
            vec![Reply::Unreachable, Reply::Unreachable, ok()],
            "200x3",
        ),
    ];
    for (name, method, replies, expected) in cases {
        let world = World::new(fields(), script(replies));
        let call = match method {
            "KEYED" => keyed(&world, 300),
            other => call(other, "/notes"),
        };
        let outcome = send(&world.channel(), call).await;
        assert_eq!(words(&outcome), expected, "{name}");
    }
}

/// Each of seven lists was tried five times in each run, every minute, while nothing answered.
#[tokio::test(start_paused = true)]
async fn what_did_not_answer_is_read_once_by_everyone_until_it_does() {
    let up = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let answers = std::sync::Arc::clone(&up);
    let world = World::new(fields(), move |_| {
        match answers.load(std::sync::atomic::Ordering::Relaxed) {
            true => Reply::ok("{}"),
            false => Reply::status(503),
        }
    });
    let channel = world.channel();
    let read = async || words(&send(&channel, call("GET", "/notes")).await);
    assert_eq!(read().await, "503x5");
    assert_eq!(read().await, "503x1");
    // What writes is tried as often as ever: nobody knows what became of it.
    assert_eq!(words(&send(&channel, keyed(&world, 300)).await), "503x4");
    assert_eq!(read().await, "503x1");
    up.store(true, std::sync::atomic::Ordering::Relaxed);
    assert_eq!(read().await, "200x1");
    up.store(false, std::sync::atomic::Ordering::Relaxed);
    assert_eq!(read().await, "503x5");
}

/// Once a try of a writing call has left without an answer, nothing that follows makes it unsent.
#[tokio::test(start_paused = true)]
async fn a_write_that_may_have_arrived_is_never_called_unsent() {
    let cases: Vec<(&str, Vec<Reply>, &str)> = vec![
        (
            "then nobody is there",
            vec![Reply::Lost, Reply::Unreachable],
            "connection reset; a repetition did not help",
        ),
        (
            "then the account is disconnected",
            vec![Reply::Lost, Reply::status(403)],
            "connection reset; a repetition did not help",
        ),
        (
            "then the credential is refused",
            vec![Reply::Lost, Reply::status(401)],
            "connection reset; a repetition was answered with status 401",
        ),
        (
            "then the day is spent",
            vec![Reply::Lost, Reply::with(429, &[("Retry-After", "9999")])],
            "connection reset; a repetition did not help",
        ),
        (
            "an error first, then nobody is there",
            vec![Reply::status(502), Reply::Unreachable],
            "it was answered with status 502; a repetition did not help",
        ),
    ];
    for (name, replies, expected) in cases {
        let world = World::new(fields(), script(replies));
        let outcome = words(&send(&world.channel(), keyed(&world, 300)).await);
        assert!(outcome.starts_with("lost: "), "{name}: {outcome}");
        assert!(outcome.contains(expected), "{name}: {outcome}");
    }
    // What the vendor understood and refused under the key is an answer: it would have replayed
    // the first one.
    let world = World::new(fields(), script(vec![Reply::Lost, Reply::status(400)]));
    assert_eq!(
        words(&send(&world.channel(), keyed(&world, 300)).await),
        "400x2"
    );
    // And a fault from 500 on is no "no" in anybody's eyes.
    let world = World::new(fields(), script(vec![Reply::Lost, Reply::status(503)]));
    assert_eq!(
        words(&send(&world.channel(), keyed(&world, 300)).await),
        "503x4"
    );
}

#[tokio::test(start_paused = true)]
async fn repetitions_carry_the_same_bytes_and_the_same_key() {
    let world = World::new(
        fields(),
        script(vec![Reply::Lost, Reply::status(503), Reply::ok("{}")]),
    );
    send(&world.channel(), keyed(&world, 300)).await;
    let seen = world.vendor.seen();
    assert_eq!(seen.len(), 3);
    for it in &seen {
        assert_eq!(
            (it.body.as_str(), it.header("repeat-key")),
            ("{\"a\":1}", Some("key-1"))
        );
        assert_eq!((&it.url, &it.method), (&seen[0].url, &seen[0].method));
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_begins_after_the_keys_life() {
    // The vendor takes long to fail, so the fourth try would begin too late.
    let world = World::new(fields(), |_| Reply::slow(50, Reply::status(503)));
    let outcome = send(&world.channel(), keyed(&world, 100)).await;
    assert_eq!(words(&outcome), "503x2");
    assert!(world.vendor.times().iter().all(|it| *it <= 100_000));

    let world = World::new(json!({ "budget": { "account": { "minute": 1 } } }), |_| {
        Reply::ok("{}")
    });
    let channel = world.channel();
    send(&channel, call("GET", "/first")).await;
    let outcome = words(&send(&channel, keyed(&world, 30)).await);
    assert!(
        outcome.starts_with("not sent: connection/acme-nz/account is spent until"),
        "{outcome}"
    );
    assert_eq!(
        world.vendor.seen().len(),
        1,
        "the key ends before the minute does"
    );
}

#[tokio::test(start_paused = true)]
async fn deadlines_tell_when_a_call_can_still_be_under_way() {
    let world = World::new(fields(), |_| Reply::ok("{}"));
    let (channel, now) = (world.channel(), world.clock.now_ms());
    let short = Call {
        timeout: Duration::from_secs(20),
        ..call("PUT", "/x")
    };
    let cases = [
        (call("PUT", "/x"), CallClass::Interactive, 120 + 60),
        (call("PUT", "/x"), CallClass::Scheduled, 600 + 60),
        (short, CallClass::Interactive, 120 + 20),
        (keyed(&world, 300), CallClass::Scheduled, 300 + 60),
    ];
    for (call, class, seconds) in cases {
        assert_eq!(
            channel.deadline_ms(&call, class) - now,
            seconds * 1_000,
            "{:?}",
            call.repeat
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_answer_is_lost_when_its_time_is_up() {
    let world = World::new(fields(), |_| Reply::slow(61, Reply::ok("{}")));
    let outcome = words(&send(&world.channel(), call("PUT", "/x")).await);
    assert_eq!(
        outcome,
        "lost: https://api.acme.example/v2/x: no answer within 60s"
    );
    assert_eq!(world.seconds(), 60);
}

#[tokio::test(start_paused = true)]
async fn an_answer_above_the_limit_is_lost_and_not_asked_for_again() {
    let world = World::new(fields(), |_| Reply::ok("0123456789"));
    let small = Call {
        max_answer: 9,
        ..call("GET", "/x")
    };
    let outcome = words(&send(&world.channel(), small).await);
    assert_eq!(
        outcome,
        "lost: https://api.acme.example/v2/x: the answer is longer than 9 bytes"
    );
    assert_eq!(world.vendor.seen().len(), 1);
    let fits = Call {
        max_answer: 10,
        ..call("GET", "/x")
    };
    assert_eq!(words(&send(&world.channel(), fits).await), "200x1");
}

#[tokio::test(start_paused = true)]
async fn retry_after_of_a_fault_is_heeded() {
    let replies = vec![Reply::with(503, &[("Retry-After", "90")]), Reply::ok("{}")];
    let world = World::new(fields(), script(replies));
    assert_eq!(
        words(&send(&world.channel(), call("GET", "/x")).await),
        "200x2"
    );
    assert_eq!(world.vendor.times(), [0, 90_000]);
    let replies = vec![Reply::with(503, &[("Retry-After", "300")]), Reply::ok("{}")];
    let world = World::new(fields(), script(replies));
    assert_eq!(
        words(&send(&world.channel(), call("GET", "/x")).await),
        "503x1"
    );
    assert_eq!(world.seconds(), 0, "longer than a person waits");
}

#[tokio::test(start_paused = true)]
async fn stopping_gives_up_reads_and_finishes_writes() {
    for (method, expected, seconds) in [("GET", "not sent: stopped", 5), ("PUT", "200x1", 20)] {
        let world = World::new(fields(), |_| Reply::slow(20, Reply::ok("{}")));
        let channel = world.channel();
        let cancel = Cancel::default();
        let sending = channel.send(call(method, "/x"), CallClass::Scheduled, &cancel);
        let stopping = async {
            world.clock.sleep(Duration::from_secs(5)).await;
            cancel.cancel();
        };
        let (outcome, ()) = futures_util::join!(sending, stopping);
        assert_eq!(
            (words(&outcome).as_str(), world.seconds()),
            (expected, seconds),
            "{method}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn stopping_between_tries_says_what_is_known() {
    for (reply, expected) in [
        (Reply::status(503), "503x1"),
        (
            Reply::Lost,
            "lost: https://api.acme.example/v2/notes: connection reset",
        ),
        (
            Reply::Unreachable,
            "not sent: https://api.acme.example/v2/notes: connection refused",
        ),
    ] {
        let world = World::new(fields(), move |_| reply.clone());
        let cancel = Cancel::default();
        let channel = world.channel();
        let sending = channel.send(keyed(&world, 300), CallClass::Scheduled, &cancel);
        let stopping = async {
            world.clock.sleep(Duration::from_millis(1)).await;
            cancel.cancel();
        };
        let (outcome, ()) = futures_util::join!(sending, stopping);
        assert_eq!(words(&outcome), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_write_that_is_declared_safe_is_repeated_and_still_never_called_unsent() {
    let safe = || Call {
        repeat: Repeat::Safe,
        ..call("PUT", "/x")
    };
    let world = World::new(fields(), script(vec![Reply::Lost, Reply::ok("{}")]));
    assert_eq!(words(&send(&world.channel(), safe()).await), "200x2");
    let world = World::new(fields(), script(vec![Reply::Lost, Reply::status(403)]));
    assert!(words(&send(&world.channel(), safe()).await).starts_with("lost: "));
    let world = World::new(fields(), script(vec![Reply::status(500)]));
    assert_eq!(words(&send(&world.channel(), safe()).await), "500x1");
}
