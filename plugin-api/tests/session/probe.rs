//! A connector with one stream for each thing that can happen to a session.

use std::pin::pin;

use futures_util::future::{join, join_all, select};
use futures_util::poll;
use ledgerline_plugin_api::abi;
use ledgerline_plugin_api::prelude::*;
use ledgerline_plugin_api::sdk::{Embedded, connector};
use ledgerline_plugin_api::testkit::{Answer, Opened, Session, Step, StepError};

pub struct Probe;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    #[serde(default)]
    greeting: String,
}

#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Cursor {
    page: u32,
}

impl Embedded for Probe {
    const NAME: &'static str = "probe";
    const VERSION: &'static str = "1.2.3";
    const MANIFEST: &'static str = r#"{"name":"probe","title":"Probe","version":"1.2.3","state-version":4,"reads-state":[4],"streams":{}}"#;
}

pub static PROBE: abi::Connector = connector::<Probe>();

/// Makes the session's end visible.
struct Noisy;
impl Drop for Noisy {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            panic!("dropped");
        }
    }
}

impl Connector for Probe {
    type Settings = Settings;
    type Cursor = Cursor;
    const OPS: u32 = op::PULL | op::PUSH | op::CHECK;

    fn open(opening: Opening<Settings>) -> Result<Self> {
        match opening.settings.greeting.as_str() {
            "panic" => panic!("cannot open"),
            "refuse" => Err(Error::config("there is no such greeting")),
            _ => Ok(Self),
        }
    }

    async fn pull(&self, cx: &Cx, stream: &str, mut cursor: Cursor) -> Result<()> {
        let get = |at: u32| cx.http(Request::get(format!("https://api.example/{at}")));
        match stream {
            "pages" => {
                while cursor.page < 3 {
                    let response = get(cursor.page).await?;
                    let items: Vec<&RawValue> = response.json()?;
                    let mut page = Page::new();
                    for (at, item) in items.into_iter().enumerate() {
                        page.upsert(format!("{}-{at}", cursor.page), "v", item);
                    }
                    cursor.page += 1;
                    cx.commit(page, &cursor).await?;
                }
                Ok(())
            }
            "many" => {
                let answers = join_all((0..50).map(get)).await;
                let mut page = Page::new();
                for (at, answer) in answers.into_iter().enumerate() {
                    let body = RawValue::from_string(answer?.text()).map_err(Error::bug)?;
                    page.upsert_owned(at.to_string(), "", body);
                }
                cx.commit(page, &cursor).await
            }
            "lost commit" => {
                {
                    let body = RawValue::from_string("1".into()).map_err(Error::bug)?;
                    let mut page = Page::new();
                    page.upsert("gone", "", &body);
                    let mut commit = pin!(cx.commit(page, &cursor));
                    assert!(poll!(commit.as_mut()).is_pending());
                }
                get(7).await.map(|_| ())
            }
            "lost request" => {
                {
                    let mut request = pin!(get(1));
                    assert!(poll!(request.as_mut()).is_pending());
                }
                get(2).await.map(|_| ())
            }
            "race" => {
                // The loser is dropped while its call is under way.
                let status = {
                    let (one, two) = (pin!(get(1)), pin!(get(2)));
                    select(one, two).await.factor_first().0?.status
                };
                let third = get(3).await?.status;
                let mut page = Page::new();
                page.delete(format!("{status}-{third}"));
                cx.commit(page, &cursor).await
            }
            "two pages" => {
                let one = || {
                    let mut page = Page::new();
                    page.delete("a");
                    page
                };
                let (first, second) = join(cx.commit(one(), &1), cx.commit(one(), &2)).await;
                first.and(second)
            }
            "spin" => {
                futures_util::future::poll_fn::<(), _>(|context| {
                    context.waker().wake_by_ref();
                    std::task::Poll::Pending
                })
                .await;
                Ok(())
            }
            "foreign" => {
                std::future::pending::<()>().await;
                Ok(())
            }
            "panic" => {
                get(1).await?;
                panic!("asked to");
            }
            "noisy end" => {
                let _noisy = Noisy;
                get(1).await?;
                Ok(())
            }
            "log" => {
                get(1).await?;
                tracing::info!(count = 2, name = "x", "documents read");
                tracing::trace!("detail");
                Ok(())
            }
            "wait" => cx.sleep(1500).await,
            "clock" => {
                let before = cx.now_ms();
                cx.sleep(5).await?;
                let mut page = Page::new();
                page.delete(format!("{before} {} {}", cx.now_ms(), cx.seed()));
                cx.commit(page, &cursor).await
            }
            "long cursor" => cx.commit(Page::new(), &"x".repeat(70_000)).await,
            "empty id" => {
                let mut page = Page::new();
                page.delete("");
                cx.commit(page, &cursor).await
            }
            "big page" => {
                let mut page = Page::new();
                (0..11).for_each(|at| page.delete(at.to_string()));
                cx.commit(page, &cursor).await
            }
            "cancelled" => {
                while !cx.cancelled() {
                    cx.sleep(1).await?;
                }
                Err(Error::new(Status::CANCELLED, "stopped in the middle"))
            }
            "status ok" => Err(Error::new(Status::OK, "no error")),
            "detail" => {
                let detail = serde_json::json!({"document": "7"});
                Err(Error::rate_limited(1500, "slow down").with_detail(detail))
            }
            other => Err(Error::config(format!("no stream `{other}`"))),
        }
    }

    async fn push(&self, cx: &Cx, stream: &str) -> Result<()> {
        let mut first = true;
        while let Some(batch) = cx.next_batch().await {
            match stream {
                "silent" => continue,
                "unreported" => return Ok(()),
                "short" => cx.report(vec![]).await?,
                "twice" => {
                    let outcomes = || batch.iter().map(|_| Outcome::written("1", None)).collect();
                    cx.report(outcomes()).await?;
                    cx.report(outcomes()).await?;
                }
                _ => {
                    let outcome = |doc: &BatchDoc| {
                        let said = format!("{:?} {} {:?}", doc.change, doc.number, doc.remote_id);
                        match doc.change {
                            Change::Void => Outcome::not_found(),
                            _ => Outcome::written(&doc.id, doc.body.clone())
                                .warn(said)
                                .warn("b"),
                        }
                    };
                    cx.report(batch.iter().map(outcome).collect()).await?;
                    assert!(first || batch.len() == 1);
                    first = false;
                }
            }
        }
        Ok(())
    }

    async fn check(&self, _: &Cx) -> Result<CheckReport> {
        Ok(CheckReport {
            missing: vec!["everything".into()],
            ..CheckReport::default()
        })
    }
}

pub fn opened(op: u32, stream: &str) -> Opened {
    Opened {
        op,
        stream: stream.into(),
        config: r#"{"base-url":"https://api.example","account":null,"settings":{}}"#.into(),
        cursor: Vec::new(),
        seed: 9,
        max_page_docs: 10,
        max_open_effects: 0,
    }
}

pub fn pull(stream: &str) -> Session {
    Session::open(&PROBE, &opened(op::PULL, stream)).expect("it opens")
}

pub fn push(stream: &str) -> Session {
    Session::open(&PROBE, &opened(op::PUSH, stream)).expect("it opens")
}

/// A step without anything to give.
pub fn step(session: &mut Session) -> std::result::Result<Step, StepError> {
    session.step(0, &[], &[], false)
}

/// A step with answers 200.
pub fn answer(
    session: &mut Session,
    answers: &[(u32, &str)],
) -> std::result::Result<Step, StepError> {
    let answers: Vec<_> = answers.iter().map(|(id, body)| (*id, ok(body))).collect();
    session.step(0, &answers, &[], false)
}

pub fn ok(body: &str) -> Answer {
    Answer::Response {
        status: 200,
        headers: Vec::new(),
        body: body.into(),
    }
}

/// The ids of the effects that a step asks for.
#[track_caller]
pub fn needed(step: std::result::Result<Step, StepError>) -> Vec<u32> {
    match step {
        Ok(Step::Need(asked)) => asked.into_iter().map(|(id, _)| id).collect(),
        other => panic!("not effects: {other:?}"),
    }
}

/// The status and message of a step that failed.
#[track_caller]
pub fn failed(step: std::result::Result<Step, StepError>) -> (Status, String) {
    match step {
        Err(StepError::Ended(ended)) => (ended.status, ended.message),
        other => panic!("not a failure: {other:?}"),
    }
}
