//! An engine: a checked deployment with its plugins loaded, its mappings compiled, its store open.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use jiff::civil::Date;
use ledgerline_plugin_api::manifest::Files;

use crate::{
    clock::Clock,
    config::{Connection, Deployment, FileDrop, Findings},
    http::{Channel, ChannelSpec, Network},
    mapping::{LinkBy, StreamRules, Value},
    notify::Teller,
    operate::{CallCount, SyncReport, SyncRequest},
    pipeline::{
        plan::RoutePlan,
        plans::{self, End, Offline},
        progress::Progress,
        reference::References,
        run::Run,
    },
    plugins::{
        Cancel, Limits, LoadError, Operation, Plugin, Registry, Session, SessionError, SessionSpec,
    },
    store::{
        Actor, Cause, Change, EntryId, Filter, LookUp, Settlement, SharedStore, State, StoreError,
        StreamId, offload,
    },
};

/// Why an engine could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The configuration is wrong; all that is wrong with it.
    #[error("{} problems in the configuration", .0.list.len())]
    Configuration(Findings),
    /// Plugins were refused.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Plugins(Vec<LoadError>),
    /// The store could not be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A connection could not be set up.
    #[error("connection {connection}: {why}")]
    Connection {
        /// Its name.
        connection: String,
        /// What is wrong and what to do.
        why: String,
    },
}

/// One connection ready for use.
pub(crate) struct Connected {
    pub(crate) connection: Connection,
    pub(crate) plugin: Plugin,
    pub(crate) channel: Channel,
    /// The same way without a writing half.
    pub(crate) reader: Channel,
    /// Settings as mappings see them.
    pub(crate) settings: Value,
    pub(crate) account: Option<String>,
    pub(crate) base_url: String,
    /// Rules of every stream of the connector.
    pub(crate) rules: BTreeMap<String, Arc<StreamRules>>,
    sessions: AtomicU64,
}

impl Connected {
    /// Where the files are of a stream that is read from files.
    pub(crate) fn files(&self, stream: &str) -> Option<(&Files, &FileDrop)> {
        let files = self.plugin.manifest().streams.get(stream)?.files.as_ref()?;
        Some((files, self.connection.files.get(stream)?))
    }

    /// Opens a session on this connection.
    pub(crate) fn session(
        &self,
        op: Operation,
        stream: &str,
        cursor: &[u8],
    ) -> Result<Session, SessionError> {
        self.session_on(self.account.as_deref(), op, stream, cursor)
    }

    /// Opens a session on an account that the connection need not be pinned to, or on none.
    pub(crate) fn session_on(
        &self,
        account: Option<&str>,
        op: Operation,
        stream: &str,
        cursor: &[u8],
    ) -> Result<Session, SessionError> {
        self.open(account, &self.connection.settings, op, stream, cursor)
    }

    /// Opens a reading of a stream as if the connection's start date were another day.
    pub(crate) fn session_since(
        &self,
        day: Date,
        stream: &str,
        cursor: &[u8],
    ) -> Result<Session, SessionError> {
        let name = self.plugin.manifest().start_setting.as_deref();
        self.session_of_day(name, day, stream, cursor)
    }

    /// Opens a reading of a stream with a day in one of the connection's settings.
    pub(crate) fn session_of_day(
        &self,
        setting: Option<&str>,
        day: Date,
        stream: &str,
        cursor: &[u8],
    ) -> Result<Session, SessionError> {
        let mut settings = self.connection.settings.clone();
        if let (Some(name), Some(all)) = (setting, settings.as_object_mut()) {
            all.insert(name.to_owned(), day.to_string().into());
        }
        let account = self.account.as_deref();
        self.open(account, &settings, Operation::Pull, stream, cursor)
    }

    fn open(
        &self,
        account: Option<&str>,
        settings: &serde_json::Value,
        op: Operation,
        stream: &str,
        cursor: &[u8],
    ) -> Result<Session, SessionError> {
        self.plugin.session(SessionSpec {
            op,
            connection: &self.connection.name,
            stream,
            base_url: &self.base_url,
            account,
            settings,
            cursor,
            // Differs between sessions, repeats between equal runs.
            seed: self.sessions.fetch_add(1, Ordering::Relaxed),
            limits: Limits::default(),
            cancel: Cancel::default(),
        })
    }

    /// Changes when the connection may reach another account than before.
    pub(crate) fn fingerprint(&self) -> String {
        format!(
            "{}@{}",
            self.account.as_deref().unwrap_or("-"),
            self.base_url
        )
    }
}

impl std::fmt::Debug for Connected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connected")
            .field("connection", &self.connection.name)
            .finish_non_exhaustive()
    }
}

/// What an engine is made of.
pub struct Parts {
    /// The checked deployment.
    pub deployment: Deployment,
    /// The loaded plugins.
    pub plugins: Registry,
    /// The open store.
    pub store: SharedStore,
    /// The store lags the mark that is kept outside it: it came from a backup.
    pub restored: bool,
    /// The network.
    pub network: Network,
    /// Time.
    pub clock: Clock,
}

/// An engine.
pub struct Engine {
    pub(crate) deployment: Deployment,
    pub(crate) store: SharedStore,
    pub(crate) clock: Clock,
    pub(crate) network: Network,
    pub(crate) connected: BTreeMap<String, Connected>,
    pub(crate) plans: Arc<BTreeMap<String, Arc<RoutePlan>>>,
    /// Routes in order of work.
    pub(crate) order: Vec<String>,
    /// Routes that are off and hold entries, because they were on.
    were_on: BTreeSet<String>,
    pub(crate) references: References,
    pub(crate) cancel: Cancel,
    pub(super) one_run: tokio::sync::Mutex<()>,
    /// Held while a person's action changes entries, so that each is kept apart from the others.
    pub(crate) one_action: tokio::sync::Mutex<()>,
    pub(crate) teller: Teller,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine")
            .field("routes", &self.order)
            .finish_non_exhaustive()
    }
}

impl Engine {
    /// Puts the parts together, compiles every mapping, and clears up after a former life: calls
    /// whose answers nobody recorded become uncertain before anything else happens.
    ///
    /// # Errors
    ///
    /// All problems of the configuration at once, or the store's.
    pub async fn open(parts: Parts) -> Result<Self, OpenError> {
        let Parts {
            deployment,
            plugins,
            store,
            restored,
            network,
            clock,
        } = parts;
        let Offline {
            deployment,
            ends,
            plans,
        } = plans::check_offline(deployment, &plugins).map_err(OpenError::Configuration)?;
        let mut connected = BTreeMap::new();
        for (name, end) in ends {
            let Some(plugin) = plugins.for_connection(&name) else {
                continue;
            };
            connected.insert(name, connect(&deployment, end, plugin, &network, &store)?);
        }
        let order = deployment
            .routes_in_order()
            .into_iter()
            .map(|it| it.name.clone())
            .collect();
        let were_on = were_on(&store, &plans).await?;
        let engine = Self {
            deployment,
            were_on,
            store,
            clock,
            network,
            connected,
            plans: Arc::new(plans),
            order,
            references: References::default(),
            cancel: Cancel::default(),
            one_run: tokio::sync::Mutex::new(()),
            one_action: tokio::sync::Mutex::new(()),
            teller: Teller::default(),
        };
        engine.clear_up(restored).await?;
        Ok(engine)
    }

    /// Ends runs and sessions in order.
    pub fn stop(&self) {
        self.cancel.cancel();
    }

    /// The store, for those who only look.
    pub fn store(&self) -> &SharedStore {
        &self.store
    }

    /// The deployment.
    pub fn deployment(&self) -> &Deployment {
        &self.deployment
    }

    /// Time.
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// Pulls, prepares and sends. One run at a time: a second caller waits for the first.
    ///
    /// # Errors
    ///
    /// Only the store's: everything else is in the report.
    pub async fn sync(
        &self,
        request: &SyncRequest,
        interactive: bool,
        progress: &dyn Progress,
    ) -> Result<SyncReport, StoreError> {
        let ended = self.sync_alone(request, interactive, progress).await;
        if !request.dry_run {
            self.teller.run_ended(ended.as_ref().err());
        }
        ended
    }

    async fn sync_alone(
        &self,
        request: &SyncRequest,
        interactive: bool,
        progress: &dyn Progress,
    ) -> Result<SyncReport, StoreError> {
        let _one = self.alone().await;
        let store = if request.dry_run {
            offload::run(&self.store, |store| store.scratch_copy()).await?
        } else {
            self.seed_routes().await?;
            self.store.clone()
        };
        Run::new(
            self,
            store,
            request,
            interactive,
            self.cancel.clone(),
            progress,
        )
        .run()
        .await
    }

    /// The routes that are switched on.
    pub(crate) fn plans_on(&self) -> impl Iterator<Item = &Arc<RoutePlan>> {
        self.plans.values().filter(|it| it.route.enabled)
    }

    /// Routes whose documents others find by something else than their ids keep them findable.
    async fn keep_look_ups(&self) -> Result<(), StoreError> {
        for plan in self.plans_on() {
            for (link, by) in plan.mapping.links() {
                let by = match by {
                    LinkBy::Id => continue,
                    LinkBy::Number => LookUp::Number,
                    LinkBy::Target => LookUp::Target,
                };
                let Some(route) = plan.route.links.get(link).cloned() else {
                    continue;
                };
                offload::run(&self.store, move |store| store.keep_look_up(&route, by)).await?;
            }
        }
        Ok(())
    }

    /// Holds off runs for as long as it is held, and sets the clock by which they go.
    pub(crate) async fn alone(&self) -> tokio::sync::MutexGuard<'_, ()> {
        let alone = self.one_run.lock().await;
        self.clock.follow_back();
        alone
    }

    /// Every document that is held has an entry on each route that reads it.
    pub(crate) async fn seed_routes(&self) -> Result<(), StoreError> {
        self.keep_look_ups().await?;
        for plan in self.plans_on() {
            let (name, source) = (plan.route.name.clone(), plan.source.clone());
            let at = self.clock.now_ms();
            offload::run(&self.store, move |store| {
                store.seed_route(&name, &source, at)
            })
            .await?;
        }
        Ok(())
    }

    /// Routes that read a stream: those that are on, and those whose entries must not be older than their
    /// documents when they are switched on again.
    pub(crate) fn routes_reading(&self, stream: &StreamId) -> Vec<String> {
        let reads = |plan: &RoutePlan| {
            plan.source == *stream && (plan.route.enabled || self.were_on.contains(plan.name()))
        };
        self.order
            .iter()
            .filter(|name| self.plans.get(*name).is_some_and(|it| reads(it)))
            .cloned()
            .collect()
    }

    /// The routes of a run in order of work: those that were named, those that they link to, those that
    /// follow them, and those that fill the groups which they read.
    pub(crate) fn routes_for(&self, named: &[String]) -> Vec<Arc<RoutePlan>> {
        let mut wanted: Vec<String> = if named.is_empty() {
            self.order.clone()
        } else {
            named.to_vec()
        };
        let mut at = 0;
        while let Some(name) = wanted.get(at).cloned() {
            at += 1;
            let Some(plan) = self.plans.get(&name) else {
                continue;
            };
            let others = plan.route.links.values().chain(&plan.followers);
            for other in others.chain(&plan.filled_by) {
                if !wanted.contains(other) {
                    wanted.push(other.clone());
                }
            }
        }
        self.order
            .iter()
            .filter(|name| wanted.contains(name))
            .filter_map(|name| self.plans.get(name))
            .filter(|it| it.route.enabled)
            .cloned()
            .collect()
    }

    /// Calls of each connection since this engine was opened.
    pub(crate) fn call_counts(&self) -> BTreeMap<String, CallCount> {
        self.connected
            .iter()
            .map(|(name, it)| {
                let counts = it.channel.counts();
                let counts = CallCount {
                    reading: counts.reading,
                    writing: counts.writing,
                    bytes: counts.bytes_in,
                };
                (name.clone(), counts)
            })
            .collect()
    }

    /// Open intents of a former life, and a store that came from a backup.
    async fn clear_up(&self, restored: bool) -> Result<(), StoreError> {
        let now = self.clock.now_ms();
        let intents = offload::run(&self.store, |store| store.open_intents()).await?;
        for (id, intent) in intents {
            let mut changes = Vec::new();
            for entry_id in &intent.entries {
                let wanted = entry_id.clone();
                let found = offload::run(&self.store, move |store| store.entry(&wanted)).await?;
                let Some(entry) = found else { continue };
                let seen = entry.seen();
                let mut next = entry;
                next.clear_stop();
                next.write_open_since =
                    Some(next.write_open_since.unwrap_or(intent.at).min(intent.at));
                // The process that sent it is gone, so nothing was sent after this moment; what it
                // had sent may still be running for as long as a call may take.
                next.write_open_until = Some(intent.deadline.min(now + self.timeout_of(entry_id)));
                next.attempts += 1;
                next.problem = Some(super::decide::problem(
                    ledgerline_plugin_api::manifest::Category::Passing,
                    "the engine ended while it was being sent: it may or may not be there",
                    "nothing: the engine asks before it sends anything again",
                ));
                next.cause = Some(Cause {
                    key: "answer lost".into(),
                });
                next.record(
                    now,
                    State::Uncertain,
                    Actor::Engine,
                    "the engine ended before the answer was recorded",
                    Some(id),
                );
                changes.push(Change {
                    id: entry_id.clone(),
                    seen,
                    entry: next,
                });
            }
            let settlement = Settlement {
                changes,
                intent: Some(id),
                ..Settlement::default()
            };
            offload::run(&self.store, move |store| store.settle(settlement)).await?;
            super::steps::reached("cleared-up", "");
        }
        if restored {
            let count = offload::run(&self.store, move |store| store.distrust(now)).await?;
            super::steps::reached("distrusted", "");
            tracing::warn!(
                count,
                "the store is older than the mark beside it: restored from a backup; entries that are not \
                 synced are looked up before anything is sent"
            );
        }
        Ok(())
    }

    fn timeout_of(&self, id: &EntryId) -> i64 {
        self.plans
            .get(&id.route)
            .and_then(|it| self.connected.get(&it.target.connection))
            .map_or(60_000, |it| {
                i64::try_from(it.connection.call_timeout.as_millis()).unwrap_or(i64::MAX)
            })
    }
}

/// Routes that are off and hold entries.
async fn were_on(
    store: &SharedStore,
    plans: &BTreeMap<String, Arc<RoutePlan>>,
) -> Result<BTreeSet<String>, StoreError> {
    let off: Vec<String> = plans
        .values()
        .filter(|it| !it.route.enabled)
        .map(|it| it.name().to_owned())
        .collect();
    offload::run(store, move |store| {
        let mut found = BTreeSet::new();
        for name in off {
            let filter = Filter {
                routes: vec![name.clone()],
                ..Filter::default()
            };
            if !store.page_of(&filter, None, 1)?.rows.is_empty() {
                found.insert(name);
            }
        }
        Ok(found)
    })
    .await
}

fn connect(
    deployment: &Deployment,
    end: End,
    plugin: &Plugin,
    network: &Network,
    store: &SharedStore,
) -> Result<Connected, OpenError> {
    let End {
        connection,
        manifest,
        settings,
        rules,
    } = end;
    let refused = |why: String| OpenError::Connection {
        connection: connection.name.clone(),
        why,
    };
    // Pinned in the file, or by `connect`.
    let account = match &connection.account {
        Some(it) => Some(it.clone()),
        None => store.note(&format!("pin/{}", connection.name))?,
    };
    let base_url = connection
        .base_url
        .as_ref()
        .map(|it| it.as_str().trim_end_matches('/').to_owned())
        .or_else(|| manifest.base_url.clone())
        .ok_or_else(|| {
            refused("neither the connection nor its plugin names a `base-url`".into())
        })?;
    let app = connection
        .app
        .as_ref()
        .and_then(|it| deployment.apps.get(it));
    let spec = ChannelSpec {
        connection: &connection,
        app,
        manifest: &manifest,
        pin: account.clone(),
    };
    let channel = network
        .channel(spec)
        .map_err(|why| refused(why.to_string()))?;
    let reader = channel.read_only();
    Ok(Connected {
        plugin: plugin.clone(),
        channel,
        reader,
        settings,
        account,
        base_url,
        rules,
        sessions: AtomicU64::new(1),
        connection,
    })
}
