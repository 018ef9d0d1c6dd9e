//! A vendor in memory, and everything that a channel to it needs.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use jiff::tz::TimeZone;
use ledgerline_plugin_api::manifest::Manifest;
use serde_json::{Value, json};

use crate::{
    clock::Clock,
    config::{App, Connection, Places, SecretRef},
    http::{
        Answer, Call, CallClass, CallError, Channel, ChannelSpec, Network, Outcome, RawAnswer,
        RawRequest, Repeat, Transport, TransportError,
        rows::Rows,
        secrets::{Environment, Secret, Secrets},
    },
    plugins::Cancel,
    store::{BudgetRow, Result as StoreResult, StoreError},
};

/// When every test begins.
pub(super) const START: &str = "2026-11-22T10:00:00Z";

/// What the vendor in memory does with a call.
#[derive(Clone)]
pub(super) enum Reply {
    Answer(u16, Vec<(&'static str, String)>, String),
    /// Nothing arrives there.
    Unreachable,
    /// It arrives, and the answer does not.
    Lost,
    /// It takes this long.
    Slow(Duration, Box<Reply>),
}

impl Reply {
    pub(super) fn status(status: u16) -> Self {
        Self::Answer(status, Vec::new(), String::new())
    }

    pub(super) fn ok(body: &str) -> Self {
        Self::Answer(200, Vec::new(), body.to_owned())
    }

    pub(super) fn with(status: u16, headers: &[(&'static str, &str)]) -> Self {
        let headers = headers
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()))
            .collect();
        Self::Answer(status, headers, String::new())
    }

    pub(super) fn slow(seconds: u64, reply: Self) -> Self {
        Self::Slow(Duration::from_secs(seconds), Box::new(reply))
    }
}

/// One call as the vendor saw it.
#[derive(Clone)]
pub(super) struct Seen {
    /// Milliseconds since the test began.
    pub(super) at: i64,
    pub(super) method: String,
    pub(super) url: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
}

impl Seen {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(held, _)| held.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

type Behaviour = Box<dyn FnMut(&Seen) -> Reply + Send>;

/// The vendor in memory.
pub(super) struct Vendor {
    clock: Clock,
    began: i64,
    behaviour: Mutex<Behaviour>,
    seen: Mutex<Vec<Seen>>,
    in_flight: AtomicUsize,
    peak: AtomicUsize,
}

impl Vendor {
    /// All calls so far.
    pub(super) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// Most calls at once so far.
    pub(super) fn peak(&self) -> usize {
        self.peak.load(Ordering::SeqCst)
    }

    /// Times of all calls, in milliseconds since the test began.
    pub(super) fn times(&self) -> Vec<i64> {
        self.seen().iter().map(|it| it.at).collect()
    }

    /// Behaves differently from now on.
    pub(super) fn now_does(&self, behaviour: impl FnMut(&Seen) -> Reply + Send + 'static) {
        *self.behaviour.lock().unwrap() = Box::new(behaviour);
    }
}

struct Here<'a>(&'a AtomicUsize);

impl Drop for Here<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[async_trait::async_trait]
impl Transport for Vendor {
    async fn exchange(&self, request: RawRequest) -> Result<RawAnswer, TransportError> {
        let seen = Seen {
            at: self.clock.now_ms() - self.began,
            method: request.method,
            url: request.url.to_string(),
            headers: request.headers,
            body: String::from_utf8_lossy(&request.body).into_owned(),
        };
        let mut reply = (self.behaviour.lock().unwrap())(&seen);
        self.seen.lock().unwrap().push(seen);
        let here = self.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
        let _here = Here(&self.in_flight);
        self.peak.fetch_max(here, Ordering::SeqCst);
        loop {
            reply = match reply {
                Reply::Answer(status, headers, body) => {
                    let headers = headers
                        .into_iter()
                        .map(|(name, value)| (name.to_owned(), value))
                        .collect();
                    return Ok(RawAnswer {
                        status,
                        headers,
                        body: Bytes::from(body),
                    });
                }
                Reply::Unreachable => return Err(TransportError::before("connection refused")),
                Reply::Lost => return Err(TransportError::after("connection reset")),
                Reply::Slow(time, then) => {
                    self.clock.sleep(time).await;
                    *then
                }
            };
        }
    }
}

/// Rows in memory.
#[derive(Default)]
pub(in crate::http) struct Memory {
    budgets: Mutex<BTreeMap<String, BudgetRow>>,
    secrets: Mutex<BTreeMap<String, Vec<u8>>>,
    /// Writes of secrets fail while this is set.
    pub(super) full: Mutex<bool>,
    pub(super) budget_writes: AtomicUsize,
}

impl Memory {
    pub(in crate::http) fn budget_row(&self, name: &str) -> BudgetRow {
        self.budgets
            .lock()
            .unwrap()
            .get(name)
            .copied()
            .unwrap_or_default()
    }
}

impl Rows for Memory {
    fn budget(&self, name: &str) -> StoreResult<BudgetRow> {
        Ok(self.budget_row(name))
    }

    fn set_budget(&self, name: &str, row: &BudgetRow) -> StoreResult<()> {
        self.budget_writes.fetch_add(1, Ordering::SeqCst);
        self.budgets.lock().unwrap().insert(name.to_owned(), *row);
        Ok(())
    }

    fn secret(&self, name: &str) -> StoreResult<Option<Vec<u8>>> {
        Ok(self.secrets.lock().unwrap().get(name).cloned())
    }

    fn set_secret(&self, name: &str, sealed: Option<&[u8]>) -> StoreResult<()> {
        if *self.full.lock().unwrap() {
            return Err(StoreError::Io {
                path: "memory".to_owned(),
                why: "full".to_owned(),
            });
        }
        let mut secrets = self.secrets.lock().unwrap();
        match sealed {
            Some(sealed) => secrets.insert(name.to_owned(), sealed.to_vec()),
            None => secrets.remove(name),
        };
        Ok(())
    }
}

/// A network to a vendor in memory.
pub(super) struct World {
    pub(super) vendor: Arc<Vendor>,
    pub(super) rows: Arc<Memory>,
    pub(super) secrets: Secrets,
    pub(super) network: Network,
    pub(super) clock: Clock,
    pub(super) manifest: Manifest,
    pub(super) app: App,
    pub(super) folder: tempfile::TempDir,
}

/// Canaries: none of them may ever turn up where people look.
pub(super) const CANARIES: [(&str, &str); 7] = [
    ("USERNAME", "canary-username"),
    ("PASSWORD", "canary-password/+ \"1"),
    ("TOKEN", "canary-bearer-token"),
    ("HEADER_ID", "canary-header-id"),
    ("HEADER_KEY", "canary-header-key"),
    ("CLIENT_SECRET", "canary-client-secret"),
    ("LEDGERLINE_NOTHING", "canary-unused"),
];

impl World {
    /// A vendor that behaves like this, and a manifest with these fields beside the usual ones.
    pub(super) fn new(
        fields: Value,
        behaviour: impl FnMut(&Seen) -> Reply + Send + 'static,
    ) -> Self {
        Self::with_rows(fields, Arc::default(), behaviour)
    }

    /// The same over rows of a former life.
    pub(super) fn with_rows(
        fields: Value,
        rows: Arc<Memory>,
        behaviour: impl FnMut(&Seen) -> Reply + Send + 'static,
    ) -> Self {
        let clock = Clock::starting_at(START.parse().unwrap());
        let folder = tempfile::tempdir().unwrap();
        let added = CANARIES
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let environment = Environment::only(added.collect());
        let secrets = Secrets::over(rows.clone(), &folder.path().join("key"), environment);
        Self::assemble(fields, rows, secrets, folder, clock, behaviour)
    }

    fn assemble(
        fields: Value,
        rows: Arc<Memory>,
        secrets: Secrets,
        folder: tempfile::TempDir,
        clock: Clock,
        behaviour: impl FnMut(&Seen) -> Reply + Send + 'static,
    ) -> Self {
        let vendor = Arc::new(Vendor {
            clock,
            began: clock.now_ms(),
            behaviour: Mutex::new(Box::new(behaviour)),
            seen: Mutex::default(),
            in_flight: AtomicUsize::new(0),
            peak: AtomicUsize::new(0),
        });
        let transport: Arc<dyn Transport> = vendor.clone();
        let network = Network::over(transport, clock, rows.clone(), secrets.clone(), 7);
        let app = App {
            name: "acme-app".to_owned(),
            grant: "client-credentials".to_owned(),
            client_id: "client-1".to_owned(),
            client_secret: Some(SecretRef::Env("CLIENT_SECRET".to_owned())),
            scopes: None,
            redirect: "http://localhost:8731/callback".parse().unwrap(),
            budget: BTreeMap::new(),
            places: Places::default(),
        };
        Self {
            vendor,
            rows,
            secrets,
            network,
            clock,
            manifest: manifest(fields),
            app,
            folder,
        }
    }

    /// The engine starts again: same rows, same key, same vendor's behaviour to be given anew.
    pub(super) fn restarted(
        self,
        fields: Value,
        behaviour: impl FnMut(&Seen) -> Reply + Send + 'static,
    ) -> Self {
        let added = CANARIES
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let environment = Environment::only(added.collect());
        let secrets = Secrets::over(
            self.rows.clone(),
            &self.folder.path().join("key"),
            environment,
        );
        Self::assemble(
            fields,
            self.rows,
            secrets,
            self.folder,
            self.clock,
            behaviour,
        )
    }

    pub(super) fn channel(&self) -> Channel {
        self.channel_of(&connection())
    }

    pub(super) fn channel_of(&self, connection: &Connection) -> Channel {
        self.network.channel(self.spec(connection)).unwrap()
    }

    pub(super) fn spec<'a>(&'a self, connection: &'a Connection) -> ChannelSpec<'a> {
        let app = connection.app.as_ref().map(|_| &self.app);
        ChannelSpec {
            connection,
            app,
            manifest: &self.manifest,
            pin: connection.account.clone(),
        }
    }

    /// Seconds since the test began.
    pub(super) fn seconds(&self) -> i64 {
        (self.clock.now_ms() - START.parse::<jiff::Timestamp>().unwrap().as_millisecond()) / 1_000
    }

    /// Puts a token set into the store, as `connect` would have.
    pub(super) fn connect(&self, access: &str, refresh: &str, life: i64) {
        let now = self.clock.now_ms();
        let set = json!({
            "version": 1, "client": "client-1", "access": access, "refresh": refresh,
            "obtained_at": now, "expires_at": now + life * 1_000,
        });
        self.secrets
            .put("tokens/acme-app", &Secret::new(set.to_string()))
            .unwrap();
    }

    /// The refresh token in the store.
    pub(super) fn kept_refresh(&self) -> Option<String> {
        let text = self.secrets.get("tokens/acme-app").unwrap()?;
        let set: Value = serde_json::from_str(text.reveal()).unwrap();
        set["refresh"].as_str().map(str::to_owned)
    }
}

pub(super) fn manifest(fields: Value) -> Manifest {
    let mut manifest = json!({
        "name": "acme",
        "title": "Acme",
        "base-url": "https://api.acme.example/v2",
        "streams": {},
        "auth": {
            "api": { "kind": "basic" },
            "bearer": { "kind": "bearer" },
            "pair": { "kind": "headers", "headers": { "X-Id": "id", "X-Key": "key" } },
        },
    });
    let fields = fields.as_object().unwrap().clone();
    manifest.as_object_mut().unwrap().extend(fields);
    serde_json::from_value(manifest).unwrap()
}

/// Fields of a manifest whose slot `oauth` takes tokens of an app.
pub(super) fn oauth() -> Value {
    json!({
        "auth": {
            "oauth": {
                "kind": "oauth2",
                "grants": ["authorization-code", "client-credentials"],
                "authorize-url": "https://id.acme.example/authorize",
                "token-url": "https://id.acme.example/token",
                "revoke-url": "https://id.acme.example/revoke",
                "scopes": ["books", "offline"],
            },
        },
        "pin": { "header": "X-Account" },
        "answers": { "expired-token": "TokenExpired", "disconnected": [403] },
    })
}

pub(super) fn connection() -> Connection {
    let env = |name: &str| SecretRef::Env(name.to_owned());
    Connection {
        name: "acme-nz".to_owned(),
        plugin: "acme".to_owned(),
        version: semver::VersionReq::STAR,
        base_url: None,
        settings: Value::Null,
        app: None,
        credentials: BTreeMap::from([
            ("username".to_owned(), env("USERNAME")),
            ("password".to_owned(), env("PASSWORD")),
            ("token".to_owned(), env("TOKEN")),
            ("id".to_owned(), env("HEADER_ID")),
            ("key".to_owned(), env("HEADER_KEY")),
        ]),
        account: Some("account-1".to_owned()),
        demo_only: false,
        start_date: None,
        base_currency: None,
        zone: TimeZone::UTC,
        budget: BTreeMap::new(),
        call_timeout: Duration::from_secs(60),
        ask_after: Duration::from_secs(30),
        reference_age: Duration::from_secs(900),
        recheck_age: Duration::from_secs(120),
        record: None,
        files: BTreeMap::new(),
        places: Places::default(),
    }
}

pub(super) fn oauth_connection() -> Connection {
    Connection {
        app: Some("acme-app".to_owned()),
        ..connection()
    }
}

pub(super) fn recorded(path: PathBuf) -> Connection {
    Connection {
        record: Some(path),
        ..connection()
    }
}

pub(super) fn call(method: &str, path: &str) -> Call {
    Call {
        method: method.to_owned(),
        url: format!("https://api.acme.example/v2{path}"),
        headers: vec![("Accept".to_owned(), "application/json".to_owned())],
        body: match method {
            "GET" | "HEAD" => Bytes::new(),
            _ => Bytes::from_static(b"{\"a\":1}"),
        },
        auth: "api".to_owned(),
        bucket: String::new(),
        timeout: Duration::ZERO,
        max_answer: 0,
        repeat: match method {
            "GET" | "HEAD" => Repeat::Safe,
            _ => Repeat::Never,
        },
    }
}

pub(super) fn keyed(world: &World, seconds: i64) -> Call {
    let until_ms = world.clock.now_ms() + seconds * 1_000;
    Call {
        repeat: Repeat::Keyed {
            header: "Repeat-Key".to_owned(),
            key: "key-1".to_owned(),
            until_ms,
        },
        ..call("PUT", "/notes")
    }
}

pub(super) async fn send(channel: &Channel, call: Call) -> Outcome {
    channel
        .send(call, CallClass::Interactive, &Cancel::default())
        .await
}

pub(super) fn answer(outcome: Outcome) -> Answer {
    match outcome {
        Outcome::Answer(answer) => answer,
        Outcome::NotSent(error) => panic!("not sent: {error}"),
        Outcome::Lost(error) => panic!("lost: {error}"),
    }
}

pub(super) fn not_sent(outcome: Outcome) -> CallError {
    match outcome {
        Outcome::NotSent(error) => error,
        other => panic!("{other:?}"),
    }
}

/// An outcome in a few words: `200x3`, `not sent: …`, `lost: …`.
pub(super) fn words(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Answer(answer) => format!("{}x{}", answer.status, answer.tries),
        Outcome::NotSent(error) => format!("not sent: {error}"),
        Outcome::Lost(error) => format!("lost: {error}"),
    }
}
