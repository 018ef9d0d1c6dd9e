//! A connector written with the SDK, linked into this program.

use std::sync::LazyLock;

use expect_test::{Expect, expect};
use futures_util::future::{Either, join_all, select};
use ledgerline_plugin_api::{
    abi,
    prelude::*,
    sdk::{Embedded, connector},
};
use tokio::runtime::Builder;

use super::support::{Net, open};
use crate::{
    http::Repeat,
    plugins::{
        Asked, Cancel, Disposition, Given, Limits, Operation, OutDoc, Plugin, PluginCounts,
        SessionError,
    },
};

/// What a session asks for, or how it ends.
type Answer = std::result::Result<Asked, SessionError>;

struct Demo {
    opening: Opening<Settings>,
}

#[derive(Deserialize)]
struct Settings {}

fn url(base: &str, millis: u64, text: &str) -> String {
    format!("{base}/{millis}/{text}")
}

fn raw(text: &str) -> Box<RawValue> {
    RawValue::from_string(text.to_owned()).unwrap()
}

impl Connector for Demo {
    type Settings = Settings;
    type Cursor = u32;

    const OPS: u32 = op::CHECK | op::PULL | op::PUSH | op::FIND;

    fn open(opening: Opening<Settings>) -> Result<Self> {
        Ok(Self { opening })
    }

    async fn check(&self, cx: &Cx) -> Result<CheckReport> {
        let response = cx
            .http(Request::get(url(&self.opening.base_url, 5, "who")).auth("api"))
            .await?;
        let account = Account {
            id: self.opening.account.clone().unwrap_or_default(),
            name: response.text(),
            ..Account::default()
        };
        Ok(CheckReport {
            account,
            ..CheckReport::default()
        })
    }

    async fn pull(&self, cx: &Cx, stream: &str, mut cursor: u32) -> Result<()> {
        let base = self.opening.base_url.as_str();
        match stream {
            // Three at once, then a page of what they answered.
            "together" => {
                let calls = [(30, "1"), (10, "2"), (20, "3")]
                    .map(|(millis, text)| cx.http(Request::get(url(base, millis, text))));
                let mut page = Page::default();
                for answer in join_all(calls).await {
                    let answer = answer?;
                    let text = answer.text().trim().to_owned();
                    page.upsert_owned(text.clone(), "v1", raw(&text));
                }
                page.delete("gone");
                cursor += 1;
                cx.commit(page, &cursor).await
            }
            // A page while a call and a wait are under way.
            "beside" => {
                let call = cx.http(Request::get(url(base, 50, "late")));
                let wait = cx.sleep(1_000);
                let commit = async {
                    cx.http(Request::get(url(base, 5, "early"))).await?;
                    let mut page = Page::default();
                    page.upsert_owned("early", "v1", raw("1"));
                    cx.commit(page, &1).await
                };
                let results = join_all([
                    Box::pin(async { call.await.map(|_| ()) })
                        as std::pin::Pin<Box<dyn Future<Output = Result<()>> + Send>>,
                    Box::pin(wait),
                    Box::pin(commit),
                ]);
                results.await.into_iter().collect()
            }
            // Whatever comes first; the other is dropped.
            "race" => {
                let call = std::pin::pin!(cx.http(Request::get(url(base, 10, "first"))));
                let wait = std::pin::pin!(cx.sleep(60_000));
                match select(call, wait).await {
                    Either::Left((answer, _)) => answer.map(|_| ()),
                    Either::Right(_) => Err(Error::unavailable("too slow")),
                }?;
                let mut page = Page::default();
                page.upsert_owned("1", "v1", raw("1"));
                cx.commit(page, &1).await
            }
            "panic" => {
                cx.http(Request::get(url(base, 1, "x"))).await?;
                panic!("unexpected shape");
            }
            "refused" => {
                cx.http(Request::get(url(base, 1, "!no-route"))).await?;
                Ok(())
            }
            "foreign" => std::future::pending().await,
            _ => {
                tracing::info!(stream, "nothing to pull");
                Ok(())
            }
        }
    }

    async fn push(&self, cx: &Cx, _: &str) -> Result<()> {
        while let Some(batch) = cx.next_batch().await {
            let covers = 0..u32::try_from(batch.len()).unwrap();
            let call = Request::put(url(&self.opening.base_url, 5, "written")).json("body");
            let answer = cx.http(call.auth("api").covers(covers)).await?;
            let problem = Problem {
                category: Category::SourceData,
                field: Some("total".to_owned()),
                cause: "the total is missing".to_owned(),
                remedy: "add it".to_owned(),
            };
            let outcomes = batch.iter().enumerate().map(|(i, doc)| match i {
                0 => Outcome::written(format!("remote-{}", doc.id), raw("{}"))
                    .warn(answer.text().trim()),
                1 => Outcome::refused_whole(problem.clone(), "total required"),
                _ => Outcome::unavailable("later"),
            });
            cx.report(outcomes.collect()).await?;
        }
        Ok(())
    }

    async fn find(&self, cx: &Cx, _: &str) -> Result<()> {
        while let Some(batch) = cx.next_batch().await {
            let outcome = |doc: &BatchDoc| match doc.since.as_deref() {
                Some("2026-01-01T00:00:00Z") => Outcome::found(doc.number.clone(), None),
                _ => Outcome::not_found(),
            };
            cx.report(batch.iter().map(outcome).collect()).await?;
        }
        Ok(())
    }
}

impl Embedded for Demo {
    const NAME: &'static str = "demo";
    const VERSION: &'static str = "1.2.3";
    const MANIFEST: &'static str = r#"{
        "name": "demo", "title": "Demo", "version": "1.2.3", "state-version": 2, "reads-state": [1, 2],
        "auth": {"api": {"kind": "bearer"}},
        "streams": {
            "together": {"title": "x", "ops": ["pull"]}, "beside": {"title": "x", "ops": ["pull"]},
            "race": {"title": "x", "ops": ["pull"]}, "panic": {"title": "x", "ops": ["pull"]},
            "refused": {"title": "x", "ops": ["pull"]}, "foreign": {"title": "x", "ops": ["pull"]},
            "empty": {"title": "x", "ops": ["pull"]},
            "bills": {"title": "bill", "ops": ["push", "find"], "find": "number"}
        }
    }"#;
}

static DEMO: abi::Connector = connector::<Demo>();

/// A plugin of its own for each test, so that the counts are the test's.
fn demo() -> Plugin {
    Plugin::in_process(&DEMO).unwrap()
}

/// Drives a session to its end on a paused clock, giving `batches` and taking the answers.
fn drive(
    plugin: &Plugin,
    op: Operation,
    stream: &str,
    limits: Limits,
    batches: &[Vec<OutDoc>],
) -> (Vec<Answer>, Net) {
    let runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let net = Net::new();
        let mut asked = Vec::new();
        let mut session = match open(plugin, op, stream, limits, Cancel::default()) {
            Ok(session) => session,
            Err(error) => return (vec![Err(error)], net),
        };
        let mut batches = batches.iter();
        let mut given = Given::Nothing;
        loop {
            let answer = session.next(given, &net).await;
            let ended = matches!(&answer, Ok(Asked::Done | Asked::Value(_)) | Err(_));
            given = match &answer {
                Ok(Asked::Want) => batches.next().map_or(Given::NoMore, |it| Given::Batch(it)),
                _ => Given::Nothing,
            };
            net.seen.lock().unwrap().push(brief(&answer));
            asked.push(answer);
            if ended {
                return (asked, net);
            }
        }
    })
}

fn brief(answer: &Answer) -> String {
    match answer {
        Ok(Asked::Page { documents, cursor }) => {
            let document = |it: &crate::plugins::PulledDoc| match it.deleted {
                true => format!("-{}", it.id),
                false => format!(
                    "{}@{}={}",
                    it.id,
                    it.version,
                    String::from_utf8_lossy(&it.body)
                ),
            };
            let documents: Vec<_> = documents.iter().map(document).collect();
            format!(
                "= page {} | cursor {}",
                documents.join(" "),
                String::from_utf8_lossy(cursor)
            )
        }
        Ok(Asked::Results(results)) => format!("= {} results", results.len()),
        Ok(Asked::Value(value)) => format!("= value {value}"),
        Ok(other) => format!("= {other:?}"),
        Err(error) => format!("= {}: {error}", error.status.name()),
    }
}

fn check_pull(stream: &str, limits: Limits, expected: &Expect) {
    let (_, net) = drive(&demo(), Operation::Pull, stream, limits, &[]);
    expected.assert_eq(&net.seen().join("\n"));
}

#[test]
fn calls_run_together_and_a_page_follows() {
    check_pull(
        "together",
        Limits::default(),
        &expect![[r#"
            0 call 1
            0 call 2
            0 call 3
            10 answer 2
            20 answer 3
            30 answer 1
            = page 1@v1=1 2@v1=2 3@v1=3 -gone | cursor 1
            = Done"#]],
    );
}

#[test]
fn calls_beyond_the_limit_wait_their_turn() {
    check_pull(
        "together",
        Limits {
            open_effects: 2,
            ..Limits::default()
        },
        &expect![[r#"
            0 call 1
            0 call 2
            10 answer 2
            10 call 3
            30 answer 1
            30 answer 3
            = page 1@v1=1 2@v1=2 3@v1=3 -gone | cursor 1
            = Done"#]],
    );
}

#[test]
fn calls_end_before_a_page_is_handed_out_and_waits_go_on_beside() {
    check_pull(
        "beside",
        Limits::default(),
        &expect![[r#"
            0 call late
            0 call early
            5 answer early
            50 answer late
            50 dropped sleep
            = page early@v1=1 | cursor 1
            1000 slept
            = Done"#]],
    );
}

#[test]
fn a_lost_wait_holds_nothing_up() {
    check_pull(
        "race",
        Limits::default(),
        &expect![[r#"
            0 call first
            10 answer first
            10 dropped sleep
            = page 1@v1=1 | cursor 1
            = Done"#]],
    );
}

#[test]
fn sessions_end_with_the_connectors_own_words() {
    let cases = [
        (
            "panic",
            Disposition::StopSession,
            "PANIC",
            "the connector panicked: unexpected shape at ",
        ),
        (
            "refused",
            Disposition::RetryLater,
            "UNAVAILABLE",
            "no-route",
        ),
        (
            "foreign",
            Disposition::StopSession,
            "BUG",
            "the connector awaits something that is not",
        ),
        (
            "nowhere",
            Disposition::WaitForPerson,
            "UNSUPPORTED",
            "connector `demo` has no stream",
        ),
        (
            "bills",
            Disposition::WaitForPerson,
            "UNSUPPORTED",
            "stream `bills` of connector `demo` has",
        ),
    ];
    for (stream, disposition, status, begins) in cases {
        let (asked, _) = drive(&demo(), Operation::Pull, stream, Limits::default(), &[]);
        let error = asked.last().unwrap().as_ref().unwrap_err();
        assert_eq!(error.status.name(), status, "{stream}");
        assert_eq!(error.disposition(), disposition, "{stream}");
        let message = &error.message;
        assert!(message.contains(begins), "{stream}: {message}");
    }
    let (asked, _) = drive(&demo(), Operation::Discover, "", Limits::default(), &[]);
    let error = asked[0].as_ref().unwrap_err();
    assert_eq!(
        error.to_string(),
        "connector `demo` has no operation discover"
    );
}

#[test]
fn a_check_ends_with_its_report() {
    let (asked, net) = drive(&demo(), Operation::Check, "", Limits::default(), &[]);
    let Ok(Asked::Value(value)) = &asked[0] else {
        panic!("{asked:?}")
    };
    assert_eq!(value["account"]["id"], "account-1");
    assert_eq!(value["account"]["name"], "who");
    let ask = net.asks.lock().unwrap()[0].clone();
    assert_eq!(ask.call.url, "https://acme.example/5/who");
    assert_eq!(
        (ask.call.auth.as_str(), ask.call.repeat),
        ("api", Repeat::Safe)
    );
}

fn documents(count: usize) -> Vec<OutDoc> {
    let doc = |i| OutDoc {
        change: 1,
        id: format!("entry-{i}"),
        number: format!("N-{i}"),
        since: (i == 0).then(|| "2026-01-01T00:00:00Z".to_owned()),
        body: b"{}".to_vec(),
        ..OutDoc::default()
    };
    (0..count).map(doc).collect()
}

#[test]
fn a_push_covers_its_batch_and_reports_on_each_document() {
    let plugin = demo();
    let batches = [documents(3), documents(1)];
    let (asked, net) = drive(
        &plugin,
        Operation::Push,
        "bills",
        Limits::default(),
        &batches,
    );
    let asks = net.asks.lock().unwrap().clone();
    let calls: Vec<_> = asks
        .iter()
        .map(|it| (it.covers.clone(), it.call.repeat.clone()))
        .collect();
    assert_eq!(
        calls,
        [(vec![0, 1, 2], Repeat::Never), (vec![0], Repeat::Never)]
    );
    let Ok(Asked::Results(results)) = &asked[1] else {
        panic!("{asked:?}")
    };
    expect![[r#"
        [
            WriteOutcome {
                status: Status(
                    0,
                ),
                whole_refused: false,
                retry_after: None,
                remote_id: "remote-entry-0",
                version: "",
                message: "written",
                body: Some(
                    [
                        123,
                        125,
                    ],
                ),
                problem: None,
            },
            WriteOutcome {
                status: Status(
                    5,
                ),
                whole_refused: true,
                retry_after: None,
                remote_id: "",
                version: "",
                message: "total required",
                body: None,
                problem: Some(
                    Problem {
                        category: SourceData,
                        field: Some(
                            "total",
                        ),
                        cause: "the total is missing",
                        remedy: "add it",
                    },
                ),
            },
            WriteOutcome {
                status: Status(
                    4,
                ),
                whole_refused: false,
                retry_after: None,
                remote_id: "",
                version: "",
                message: "later",
                body: None,
                problem: None,
            },
        ]
    "#]]
    .assert_debug_eq(results);
    assert_eq!(
        asked.len(),
        6,
        "want, results, want, results, want, done: {asked:?}"
    );
    let PluginCounts {
        sessions,
        steps,
        effects,
        pages,
        documents,
        panics,
        bugs,
        ..
    } = plugin.counts();
    assert_eq!(
        (sessions, effects, pages, documents, panics, bugs),
        (1, 2, 0, 4, 0, 0)
    );
    assert_eq!(steps, 8);
}

#[test]
fn a_find_is_told_since_when() {
    let (asked, _) = drive(
        &demo(),
        Operation::Find,
        "bills",
        Limits::default(),
        &[documents(2)],
    );
    let Ok(Asked::Results(results)) = &asked[1] else {
        panic!("{asked:?}")
    };
    let brief: Vec<_> = results
        .iter()
        .map(|it| (it.status.name(), it.remote_id.as_str()))
        .collect();
    assert_eq!(brief, [("OK", "N-0"), ("NOT_FOUND", "")]);
}

#[test]
fn panics_are_counted() {
    let plugin = demo();
    drive(&plugin, Operation::Pull, "panic", Limits::default(), &[]);
    drive(&plugin, Operation::Pull, "foreign", Limits::default(), &[]);
    assert_eq!((plugin.counts().panics, plugin.counts().bugs), (1, 1));
}

#[test]
fn cancelling_drops_what_is_open() {
    let runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let (net, cancel, plugin) = (Net::new(), Cancel::default(), demo());
        let mut session = open(
            &plugin,
            Operation::Pull,
            "together",
            Limits::default(),
            cancel.clone(),
        )
        .unwrap();
        let stop = async {
            tokio::time::sleep(std::time::Duration::from_millis(15)).await;
            cancel.cancel();
        };
        let (asked, ()) =
            futures_util::future::join(session.next(Given::Nothing, &net), stop).await;
        let error = asked.unwrap_err();
        assert_eq!(
            (error.status.name(), error.disposition()),
            ("CANCELLED", Disposition::StopSession)
        );
        let seen = net.seen();
        assert_eq!(seen[3], "10 answer 2");
        assert!(seen.contains(&"15 dropped 1".to_owned()), "{seen:?}");
        assert!(seen.contains(&"15 dropped 3".to_owned()), "{seen:?}");
        let again = session.next(Given::Nothing, &net).await.unwrap_err();
        assert_eq!(
            again.message,
            "the engine used the session wrongly: it has ended"
        );
    });
}

#[test]
fn the_pipeline_cannot_answer_what_was_not_asked() {
    let runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let (net, plugin, batch) = (Net::new(), demo(), documents(1));
        let mut session = open(
            &plugin,
            Operation::Push,
            "bills",
            Limits::default(),
            Cancel::default(),
        )
        .unwrap();
        let wrong = [
            (
                Given::Batch(&batch),
                "a batch was given without being asked for",
            ),
            (Given::NoMore, "a batch was given without being asked for"),
        ];
        for (given, expected) in wrong {
            let error = session.next(given, &net).await.unwrap_err();
            assert!(error.message.ends_with(expected), "{error}");
        }
        // Asking wrongly does not end the session.
        assert_eq!(session.next(Given::Nothing, &net).await, Ok(Asked::Want));
        let error = session.next(Given::Nothing, &net).await.unwrap_err();
        assert!(error.message.ends_with("a batch was asked for"), "{error}");
        let error = session.next(Given::Batch(&[]), &net).await.unwrap_err();
        assert!(
            error.message.ends_with("a batch holds a document at least"),
            "{error}"
        );
        // Dropping the future half way does: its calls are gone.
        let half = tokio::time::timeout(
            std::time::Duration::from_millis(1),
            session.next(Given::Batch(&batch), &net),
        );
        assert!(half.await.is_err());
        assert!(
            net.seen().contains(&"1 dropped written".to_owned()),
            "{:?}",
            net.seen()
        );
        let error = session.next(Given::Nothing, &net).await.unwrap_err();
        assert!(
            error
                .message
                .ends_with("an earlier `next` was dropped before it ended"),
            "{error}"
        );
    });
}

#[test]
fn heavy_steps_give_the_same_on_a_blocking_thread() {
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_time()
        .build()
        .unwrap();
    let asked = runtime.block_on(async {
        let (plugin, net) = (
            demo(),
            Net {
                padding: 70_000,
                ..Net::new()
            },
        );
        let open = open(
            &plugin,
            Operation::Pull,
            "together",
            Limits::default(),
            Cancel::default(),
        );
        open.unwrap().next(Given::Nothing, &net).await.unwrap()
    });
    let Asked::Page { documents, cursor } = asked else {
        panic!("{asked:?}")
    };
    let ids: Vec<_> = documents
        .iter()
        .map(|it| (it.id.as_str(), it.deleted))
        .collect();
    assert_eq!(
        ids,
        [("1", false), ("2", false), ("3", false), ("gone", true)]
    );
    assert_eq!(cursor, b"1");
}

#[test]
fn a_plugin_says_which_cursors_it_reads() {
    static ABOUT: LazyLock<Plugin> = LazyLock::new(demo);
    assert!(ABOUT.reads_state(1).is_ok());
    expect![[r#"
        plugin `demo` cannot be used: the plugin must be able to read the stored cursors
          1. compare the version of stored cursors: stored is version 3, the plugin reads 1 and 2
          help: install the version that wrote them, or reset the cursors to read everything again"#]]
    .assert_eq(&ABOUT.reads_state(3).unwrap_err().to_string());
}

#[test]
fn sessions_move_between_threads() {
    fn is_send<T: Send>(it: T) -> T {
        it
    }
    let (plugin, net) = (demo(), Net::new());
    let session = open(
        &plugin,
        Operation::Pull,
        "empty",
        Limits::default(),
        Cancel::default(),
    );
    let mut session = is_send(session.unwrap());
    drop(is_send(session.next(Given::Nothing, &net)));
    // It was dropped before it began, so nothing is lost.
    let thread = std::thread::spawn(move || {
        let runtime = Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async { session.next(Given::Nothing, &Net::new()).await })
    });
    assert_eq!(thread.join().unwrap(), Ok(Asked::Done));
}
