//! Budgets over time: nobody goes over a limit, nobody waits without need.

use std::{sync::Arc, time::Duration};

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use serde_json::{Value, json};

use super::support::{
    Memory, Reply, Seen, World, answer, call, connection, not_sent, oauth_connection, send, words,
};
use crate::{
    http::{Call, CallClass, CallError, Channel, Outcome},
    plugins::Cancel,
};

fn limits(account: Value) -> Value {
    json!({
        "budget": { "account": account },
        "answers": { "window-header": "X-Problem" },
    })
}

/// Sends `count` calls at once and gives their outcomes in the order in which they ended.
async fn crowd(channel: &Channel, count: usize, class: CallClass) -> Vec<Outcome> {
    let cancel = Cancel::default();
    (0..count)
        .map(|it| channel.send(call("GET", &format!("/{it}")), class, &cancel))
        .collect::<FuturesUnordered<_>>()
        .collect()
        .await
}

async fn send_scheduled(channel: &Channel, call: Call) -> Outcome {
    channel
        .send(call, CallClass::Scheduled, &Cancel::default())
        .await
}

fn most_within(times: &[i64], window: i64) -> usize {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    sorted
        .iter()
        .enumerate()
        .map(|(at, begin)| {
            sorted[at..]
                .iter()
                .take_while(|it| **it < begin + window)
                .count()
        })
        .max()
        .unwrap_or(0)
}

/// When a call may follow one that left at 0, in milliseconds: a minute, and a little for one that was
/// slower on its way.
const A_MINUTE_LATER: i64 = 60_250;

/// Everyone who waited tried at once whenever the vendor's own time was over, for hours: of seven callers in
/// two hours 2,520 calls, of which the day's limit may have 5,000.
#[tokio::test(start_paused = true)]
async fn who_refuses_again_and_again_is_asked_by_one_caller_and_ever_less_often() {
    let world = World::new(limits(json!({})), |_| {
        Reply::with(429, &[("Retry-After", "20")])
    });
    let channel = world.channel();
    let two_hours = async {
        loop {
            crowd(&channel, 7, CallClass::Scheduled).await;
            tokio::time::sleep(Duration::from_secs(5)).await;
        }
    };
    let _ = tokio::time::timeout(Duration::from_secs(2 * 3_600), two_hours).await;
    let calls = world.vendor.seen().len();
    assert!((100..=300).contains(&calls), "{calls} calls");
}

#[tokio::test(start_paused = true)]
async fn when_it_lets_one_through_all_go() {
    let mut refusals = 0;
    let world = World::new(limits(json!({})), move |_| {
        refusals += 1;
        match refusals {
            ..=9 => Reply::with(429, &[("Retry-After", "20")]),
            _ => Reply::ok("{}"),
        }
    });
    let outcomes = crowd(&world.channel(), 7, CallClass::Scheduled).await;
    let all: Vec<String> = outcomes.iter().map(words).collect();
    assert!(all.iter().all(|it| it.starts_with("200x")), "{all:?}");
    let times: Vec<i64> = world.vendor.seen().iter().map(|it| it.at).collect();
    assert_eq!(times.len(), 9 + 7, "{times:?}");
    let passed = &times[9..];
    assert!(passed[6] - passed[0] < 1_000, "{passed:?}");
}

#[tokio::test(start_paused = true)]
async fn three_minutes_worth_of_calls_take_two_windows_and_a_bit() {
    let world = World::new(limits(json!({ "concurrent": 5, "minute": 60 })), |_| {
        Reply::slow(1, Reply::ok("{}"))
    });
    let outcomes = crowd(&world.channel(), 180, CallClass::Scheduled).await;
    assert!(outcomes.iter().all(|it| words(it) == "200x1"));
    let times = world.vendor.times();
    for begin in [0, 60_000, 120_000] {
        let inside = times
            .iter()
            .filter(|it| (begin..begin + 60_000).contains(*it))
            .count();
        assert_eq!(inside, 60, "window from {begin}");
    }
    assert_eq!(world.vendor.peak(), 5);
    assert_eq!(
        world.seconds(),
        120 + 12,
        "60 calls of a second, five at once, take 12 seconds"
    );
}

#[tokio::test(start_paused = true)]
async fn short_windows_hold_too() {
    let world = World::new(limits(json!({ "second": 3, "minute": 60 })), |_| {
        Reply::ok("{}")
    });
    crowd(&world.channel(), 90, CallClass::Scheduled).await;
    let times = world.vendor.times();
    assert!(most_within(&times, 1_000) <= 3, "{times:?}");
    assert_eq!(times.iter().filter(|it| **it < 60_000).count(), 60);
    assert_eq!(times.len(), 90);
}

#[tokio::test(start_paused = true)]
async fn waiting_is_first_come_first_served() {
    let world = World::new(limits(json!({ "minute": 2 })), |_| Reply::ok("{}"));
    let channel = world.channel();
    // The first call reads the credentials; after it, calls stand in line in the order in which
    // they are made.
    answer(send(&channel, call("GET", "/first")).await);
    let paths: Vec<_> = (0..8).map(|it| format!("/{it}")).collect();
    let calls = paths
        .iter()
        .map(|path| send_scheduled(&channel, call("GET", path)));
    futures_util::future::join_all(calls).await;
    let mut seen = world.vendor.seen();
    seen.sort_by(|a, b| a.url.cmp(&b.url));
    let times: Vec<_> = seen.iter().map(|it| it.at / 60_000).collect();
    assert_eq!(times, [0, 1, 1, 2, 2, 3, 3, 4, 0], "/0 to /7, then /first");
}

#[tokio::test(start_paused = true)]
async fn a_spent_day_is_said_at_once_and_survives_a_restart() {
    let fields = || limits(json!({ "day": 100 }));
    let world = World::new(fields(), |_| Reply::ok("{}"));
    crowd(&world.channel(), 100, CallClass::Interactive).await;
    let spent = "not sent: connection/acme-nz/account is spent until 2026-11-23T10:00:00Z";
    assert_eq!(
        words(&send(&world.channel(), call("GET", "/x")).await),
        spent
    );
    assert_eq!(world.seconds(), 0, "nothing was waited for");
    world.network.save().await;

    let world = world.restarted(fields(), |_| Reply::ok("{}"));
    assert_eq!(
        words(&send(&world.channel(), call("GET", "/x")).await),
        spent
    );
    assert_eq!(world.vendor.seen().len(), 0);
    world.clock.sleep(Duration::from_secs(24 * 3_600)).await;
    assert_eq!(
        words(&send(&world.channel(), call("GET", "/x")).await),
        "200x1"
    );
}

#[tokio::test(start_paused = true)]
async fn a_crash_forgets_few_calls_of_the_day() {
    let fields = || limits(json!({ "day": 100 }));
    let rows = Arc::new(Memory::default());
    let world = World::with_rows(fields(), rows.clone(), |_| Reply::ok("{}"));
    crowd(&world.channel(), 60, CallClass::Interactive).await;
    // No `save`: the process is gone.
    let kept = rows.budget_row("connection/acme-nz/account").day_used;
    assert!((36..=60).contains(&kept), "{kept} of 60");
    let writes = rows.budget_writes.load(std::sync::atomic::Ordering::SeqCst);
    assert!(writes <= 3, "{writes} writes for 60 calls");
}

#[tokio::test(start_paused = true)]
async fn scheduled_work_leaves_a_part_of_the_day_to_people() {
    let world = World::new(limits(json!({ "day": 100 })), |_| Reply::ok("{}"));
    let channel = world.channel();
    let outcomes = crowd(&channel, 100, CallClass::Scheduled).await;
    assert_eq!(
        outcomes
            .iter()
            .filter(|it| matches!(it, Outcome::Answer(_)))
            .count(),
        95
    );
    let outcomes = crowd(&channel, 10, CallClass::Interactive).await;
    assert_eq!(
        outcomes
            .iter()
            .filter(|it| matches!(it, Outcome::Answer(_)))
            .count(),
        5
    );
    assert_eq!(
        (channel.budget().day_used, channel.budget().day_limit),
        (100, Some(100))
    );
    assert!(channel.budget().parked_until.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_refusal_parks_everyone_for_as_long_as_it_says() {
    let mut refused = false;
    let world = World::new(limits(json!({ "concurrent": 5 })), move |_| {
        if std::mem::replace(&mut refused, true) {
            Reply::ok("{}")
        } else {
            Reply::with(429, &[("Retry-After", "40"), ("X-Problem", "minute")])
        }
    });
    let channel = world.channel();
    let first = answer(send(&channel, call("GET", "/first")).await);
    assert_eq!((first.status, first.tries), (200, 2));
    assert_eq!(world.vendor.times(), [0, 40_000]);
}

#[tokio::test(start_paused = true)]
async fn others_wait_out_a_refusal_too() {
    let world = World::new(limits(json!({ "minute": 100 })), |seen| match seen.at {
        0 => Reply::with(429, &[("Retry-After", "30"), ("X-Problem", "minute")]),
        _ => Reply::ok("{}"),
    });
    let channel = world.channel();
    let one = send(&channel, call("PUT", "/one"));
    let two = async {
        world.clock.sleep(Duration::from_secs(1)).await;
        send(&channel, call("PUT", "/two")).await
    };
    let (one, two) = futures_util::join!(one, two);
    assert_eq!(
        (words(&one), words(&two)),
        ("200x2".to_owned(), "200x1".to_owned())
    );
    assert_eq!(world.vendor.times(), [0, 30_000, 30_000]);
}

#[tokio::test(start_paused = true)]
async fn a_day_that_the_vendor_says_is_spent_parks_across_a_restart() {
    let world = World::new(limits(json!({ "day": 5_000 })), |_| {
        Reply::with(429, &[("Retry-After", "73451"), ("X-Problem", "Day")])
    });
    let spent = "not sent: connection/acme-nz/account is spent until 2026-11-23T06:24:11Z";
    assert_eq!(
        words(&send(&world.channel(), call("PUT", "/x")).await),
        spent
    );
    assert_eq!(world.seconds(), 0);
    let world = world.restarted(limits(json!({ "day": 5_000 })), |_| Reply::ok("{}"));
    assert_eq!(
        words(&send(&world.channel(), call("PUT", "/x")).await),
        spent
    );
    assert_eq!(world.vendor.seen().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn refusals_without_a_time_are_backed_off_from() {
    let world = World::new(limits(json!({})), |_| Reply::status(429));
    let outcome = send(&world.channel(), call("PUT", "/x")).await;
    assert!(words(&outcome).starts_with("not sent: connection/acme-nz/account is spent until"));
    let times = world.vendor.times();
    let pauses: Vec<_> = times.windows(2).map(|it| it[1] - it[0]).collect();
    for (pause, full) in pauses
        .iter()
        .zip([1_000, 2_000, 4_000, 8_000, 16_000, 32_000])
    {
        assert!((full / 2..=full).contains(pause), "{pauses:?}");
    }
    assert!(pauses.len() >= 6, "{pauses:?}");
}

#[tokio::test(start_paused = true)]
async fn too_many_at_once_parks_nobody() {
    let world = World::new(limits(json!({ "concurrent": 5 })), |seen| {
        match (seen.at, seen.url.ends_with("/crowded")) {
            (0, true) => Reply::with(429, &[("X-Problem", "concurrent")]),
            _ => Reply::ok("{}"),
        }
    });
    let channel = world.channel();
    let (crowded, other) = futures_util::join!(
        send(&channel, call("PUT", "/crowded")),
        send(&channel, call("PUT", "/o"))
    );
    assert_eq!(
        (words(&crowded), words(&other)),
        ("200x2".to_owned(), "200x1".to_owned())
    );
    let times = world.vendor.times();
    assert_eq!(times[..2], [0, 0]);
    assert!((750..=1_500).contains(&times[2]), "{times:?}");
}

#[tokio::test(start_paused = true)]
async fn what_the_vendor_counts_itself_is_believed() {
    let world = World::new(
        limits(json!({ "minute": 60, "day": 5_000, "minute-left": "X-Min", "day-left": "X-Day" })),
        |seen| match seen.url.as_str() {
            "https://api.acme.example/v2/minute" => Reply::with(200, &[("x-min", "0")]),
            "https://api.acme.example/v2/day" => Reply::with(200, &[("X-Day", "0")]),
            _ => Reply::ok("{}"),
        },
    );
    let channel = world.channel();
    answer(send(&channel, call("GET", "/minute")).await);
    answer(send(&channel, call("GET", "/next")).await);
    assert_eq!(
        world.vendor.times(),
        [0, 60_000],
        "somebody else used the minute up"
    );
    answer(send(&channel, call("GET", "/day")).await);
    assert!(matches!(
        not_sent(send(&channel, call("GET", "/x")).await),
        CallError::Parked { .. }
    ));
}

#[tokio::test(start_paused = true)]
async fn a_spent_account_does_not_hold_up_the_others_of_its_app() {
    let mut fields = limits(json!({ "minute": 1 }));
    fields["budget"]["app"] = json!({ "minute": 100 });
    let world = World::new(fields, |_| Reply::ok("{}"));
    let mut one = oauth_connection();
    one.name = "one".to_owned();
    let mut two = oauth_connection();
    two.name = "two".to_owned();
    let (one, two) = (world.channel_of(&one), world.channel_of(&two));
    answer(send(&one, call("GET", "/a")).await);
    let waiting = send(&one, call("GET", "/b"));
    let passing = send(&two, call("GET", "/c"));
    futures_util::join!(waiting, passing);
    let seen: Vec<_> = world
        .vendor
        .seen()
        .into_iter()
        .map(|it| (it.at, it.url))
        .collect();
    assert_eq!(seen[1], (0, "https://api.acme.example/v2/c".to_owned()));
    assert_eq!(
        seen[2],
        (A_MINUTE_LATER, "https://api.acme.example/v2/b".to_owned())
    );
}

#[tokio::test(start_paused = true)]
async fn connections_of_one_app_share_its_budget() {
    let mut fields = limits(json!({}));
    fields["budget"]["app"] = json!({ "minute": 3 });
    let world = World::new(fields, |_| Reply::ok("{}"));
    let mut one = oauth_connection();
    one.name = "one".to_owned();
    let mut two = oauth_connection();
    two.name = "two".to_owned();
    let (one, two) = (world.channel_of(&one), world.channel_of(&two));
    for channel in [&one, &two, &one, &two] {
        answer(send(channel, call("GET", "/a")).await);
    }
    assert_eq!(world.vendor.times(), [0, 0, 0, A_MINUTE_LATER]);
}

#[tokio::test(start_paused = true)]
async fn buckets_count_beside_the_account() {
    let mut fields = limits(json!({ "minute": 100 }));
    fields["budget"]["mail"] = json!({ "minute": 1 });
    let world = World::new(fields, |_| Reply::ok("{}"));
    let channel = world.channel();
    let mail = || Call {
        bucket: "mail".to_owned(),
        ..call("GET", "/mail")
    };
    answer(send(&channel, mail()).await);
    answer(send(&channel, call("GET", "/other")).await);
    answer(send(&channel, mail()).await);
    assert_eq!(world.vendor.times(), [0, 0, A_MINUTE_LATER]);
    assert_eq!(channel.budget().day_used, 3);
    let unknown = Call {
        bucket: "post".to_owned(),
        ..call("GET", "/x")
    };
    assert!(
        not_sent(send(&channel, unknown).await)
            .to_string()
            .contains("no budget `post`")
    );
}

#[tokio::test(start_paused = true)]
async fn configuration_changes_limits_field_by_field() {
    let world = World::new(limits(json!({ "minute": 1, "day": 2 })), |_| {
        Reply::ok("{}")
    });
    let mut lifted = connection();
    let over = serde_json::from_value(json!({ "minute": 0 })).unwrap();
    lifted.budget.insert("account".to_owned(), over);
    let channel = world.channel_of(&lifted);
    answer(send(&channel, call("GET", "/a")).await);
    answer(send(&channel, call("GET", "/b")).await);
    assert_eq!(world.seconds(), 0, "the minute's limit is lifted");
    assert!(matches!(
        not_sent(send(&channel, call("GET", "/c")).await),
        CallError::Parked { .. }
    ));
}

#[tokio::test(start_paused = true)]
async fn waiting_ends_when_the_work_is_stopped() {
    let world = World::new(limits(json!({ "minute": 1 })), |_| Reply::ok("{}"));
    let channel = world.channel();
    answer(send(&channel, call("GET", "/a")).await);
    let cancel = Cancel::default();
    let waiting = channel.send(call("PUT", "/b"), CallClass::Scheduled, &cancel);
    let stopping = async {
        world.clock.sleep(Duration::from_secs(5)).await;
        cancel.cancel();
    };
    let (outcome, ()) = futures_util::join!(waiting, stopping);
    assert_eq!(words(&outcome), "not sent: stopped");
    assert_eq!(world.seconds(), 5);
    // The place in the line is free again.
    answer(send(&channel, call("GET", "/c")).await);
    assert_eq!(world.vendor.times(), [0, A_MINUTE_LATER]);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_given_up_frees_its_place() {
    let world = World::new(limits(json!({ "concurrent": 1 })), |seen| {
        if seen.url.ends_with("/slow") {
            Reply::slow(50, Reply::ok("{}"))
        } else {
            Reply::ok("{}")
        }
    });
    let channel = world.channel();
    let slow = send(&channel, call("GET", "/slow"));
    assert!(
        tokio::time::timeout(Duration::from_secs(2), slow)
            .await
            .is_err()
    );
    answer(send(&channel, call("GET", "/next")).await);
    assert_eq!(world.seconds(), 2);
    assert_eq!(channel.budget().in_flight, 0);
}

#[tokio::test(start_paused = true)]
async fn long_queues_end_in_parking_rather_than_in_waiting_for_ever() {
    let world = World::new(limits(json!({ "minute": 10 })), |_| Reply::ok("{}"));
    answer(send(&world.channel(), call("GET", "/first")).await);
    world.clock.sleep(Duration::from_secs(30)).await;
    let outcomes = crowd(&world.channel(), 60, CallClass::Interactive).await;
    let sent = outcomes
        .iter()
        .filter(|it| matches!(it, Outcome::Answer(_)))
        .count();
    assert_eq!(
        sent,
        9 + 1 + 9 + 1,
        "one call left at 0 seconds, nine at 30, and each may be followed a minute later; patience \
         ends at 150"
    );
    assert_eq!(
        world.seconds(),
        120,
        "who cannot be served in time is told as soon as that is known"
    );
    assert_eq!(world.vendor.seen().len(), 21);
}

/// A vendor that counts by its own clock, 60 calls a minute from `offset` milliseconds on.
fn counting(offset: i64, tells: bool) -> impl FnMut(&Seen) -> Reply + Send + 'static {
    let (mut window, mut used) = (i64::MIN, 0_i64);
    move |seen| {
        let now = (seen.at + offset).div_euclid(60_000);
        if now != window {
            (window, used) = (now, 0);
        }
        used += 1;
        let left = (60 - used).max(0).to_string();
        let wait = (60_000 - (seen.at + offset).rem_euclid(60_000) + 999) / 1_000;
        let mut headers = vec![
            ("X-Problem", "minute".to_owned()),
            ("Retry-After", wait.to_string()),
        ];
        if used <= 60 {
            headers.clear();
        }
        if tells {
            headers.push(("X-Left", left));
        }
        let status = if used <= 60 { 200 } else { 429 };
        Reply::slow(1, Reply::Answer(status, headers, String::new()))
    }
}

#[tokio::test(start_paused = true)]
async fn windows_of_the_vendor_may_lie_elsewhere() {
    for (offset, tells) in [
        (0, true),
        (1_000, true),
        (23_000, true),
        (59_000, true),
        (23_000, false),
        (59_000, false),
    ] {
        let fields = limits(json!({ "concurrent": 5, "minute": 60, "minute-left": "X-Left" }));
        let world = World::new(fields, counting(offset, tells));
        let channel = world.channel();
        // A trickle first, so that a minute's calls end up at the end of our first window, then as
        // much as there is room for.
        for _ in 0..10 {
            answer(send_scheduled(&channel, call("GET", "/trickle")).await);
            world.clock.sleep(Duration::from_secs(3)).await;
        }
        let outcomes = crowd(&channel, 300, CallClass::Scheduled).await;
        let sent = outcomes
            .iter()
            .filter(|it| matches!(it, Outcome::Answer(_)))
            .count();
        let refused = channel.counts().refused;
        let told = format!(
            "offset {offset}, tells {tells}: {refused} refused, {} s",
            world.seconds()
        );
        assert_eq!(sent, 300, "{told}");
        // One crowd of five may run into the end of one window; then it is known where they lie.
        assert!(refused <= 5, "{told}");
        // 310 calls at 60 a minute need five whole minutes and a bit.
        assert!(world.seconds() <= 320, "{told}");
    }
}
