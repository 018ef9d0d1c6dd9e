//! Everything that the connections share: the transport, the budgets, the token sets.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicBool},
};

use ledgerline_plugin_api::manifest::{AuthSlot, Manifest};
use url::Url;

use super::{
    BudgetView, CallSink, Counters,
    aside::Aside,
    auth::{Consent, Endpoints, Slot, Tokens, Wallet},
    budget::{Budget, Limits, account_limits, app_limits, bucket_limits},
    call::CallError,
    channel::{Channel, Line, PinHeader},
    door::{Door, TokenDoor},
    guard::{Guard, may_carry_a_token},
    pace::Pace,
    record::Recorder,
    report::{Sink, Tally},
    rows::SharedRows,
    secrets::Secrets,
    transport::Transport,
};
use crate::{
    clock::Clock,
    config::{App, Connection},
    store::{SharedStore, StoreError},
};

/// The network, as the engine has it: one for each process. Cheap to clone.
#[derive(Clone)]
pub struct Network {
    shared: Arc<Shared>,
}

struct Shared {
    transport: Arc<dyn Transport>,
    clock: Clock,
    rows: SharedRows,
    secrets: Secrets,
    pace: Pace,
    aside: Aside,
    sink: Sink,
    budgets: Mutex<BTreeMap<String, Arc<Budget>>>,
    tokens: Mutex<BTreeMap<String, Arc<Tokens>>>,
    tallies: Mutex<BTreeMap<String, Arc<Tally>>>,
    recorders: Mutex<BTreeMap<String, Arc<Recorder>>>,
}

/// What a channel is made from.
#[derive(Debug, Clone)]
pub struct ChannelSpec<'a> {
    /// The connection.
    pub connection: &'a Connection,
    /// The app that it names.
    pub app: Option<&'a App>,
    /// Its connector's manifest.
    pub manifest: &'a Manifest,
    /// The account that it is pinned to, by configuration or by `connect`.
    pub pin: Option<String>,
}

/// Why there is no channel for a connection.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NetworkError {
    /// The connector or the connection says something that cannot be used.
    #[error("connection `{connection}`: {why}")]
    Unusable {
        /// The connection.
        connection: String,
        /// Why.
        why: String,
    },
    /// The file for its recording cannot be written.
    #[error("connection `{connection}`: recording {path}")]
    Recording {
        /// The connection.
        connection: String,
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Network {
    /// A network over this transport. Jitter comes from the system's randomness; tests choose a seed
    /// with [`seeded`](Self::seeded).
    pub fn new(
        transport: Arc<dyn Transport>,
        clock: Clock,
        store: SharedStore,
        secrets: Secrets,
    ) -> Self {
        // Jitter protects nothing: without randomness a fixed seed serves.
        let seed = getrandom::u64().unwrap_or(1);
        Self::over(transport, clock, Arc::new(store), secrets, seed)
    }

    /// A network whose random choices repeat.
    pub fn seeded(
        transport: Arc<dyn Transport>,
        clock: Clock,
        store: SharedStore,
        secrets: Secrets,
        seed: u64,
    ) -> Self {
        Self::over(transport, clock, Arc::new(store), secrets, seed)
    }

    pub(super) fn over(
        transport: Arc<dyn Transport>,
        clock: Clock,
        rows: SharedRows,
        secrets: Secrets,
        seed: u64,
    ) -> Self {
        Self {
            shared: Arc::new(Shared {
                transport,
                clock,
                rows,
                secrets,
                pace: Pace::new(seed),
                aside: Aside::default(),
                sink: Sink::default(),
                budgets: Mutex::default(),
                tokens: Mutex::default(),
                tallies: Mutex::default(),
                recorders: Mutex::default(),
            }),
        }
    }

    /// Tells `sink` of every exchange from now on.
    pub fn report_to(&self, sink: Arc<dyn CallSink>) {
        self.shared.sink.set(sink);
    }

    /// The way out itself.
    pub(super) fn transport(&self) -> &dyn Transport {
        self.shared.transport.as_ref()
    }

    /// The secrets that its connections use.
    pub fn secrets(&self) -> &Secrets {
        &self.shared.secrets
    }

    /// The way of one connection. Asked for again, it shares budgets, tokens and counters with the
    /// channels that are there.
    pub fn channel(&self, spec: ChannelSpec<'_>) -> Result<Channel, NetworkError> {
        let consented = spec
            .app
            .is_some_and(|app| app.grant == "authorization-code");
        let pin = match (&spec.manifest.pin, &spec.pin) {
            (Some(pin), Some(account)) => PinHeader::Set {
                name: pin.header.clone(),
                account: account.clone(),
            },
            // Where a vendor says that a credential reaches one account only, that cannot be meant
            // for a person's consent, which may reach several.
            (Some(pin), None) if !pin.optional || consented => PinHeader::Missing,
            _ => PinHeader::None,
        };
        self.line(&spec, Door::read_write(&self.shared.transport), pin)
    }

    /// A reading channel that does not name an account: to find out which accounts there are.
    pub fn discovery(&self, spec: ChannelSpec<'_>) -> Result<Channel, NetworkError> {
        self.line(
            &spec,
            Door::read_only(&self.shared.transport),
            PinHeader::None,
        )
    }

    /// What a person's consent needs, for the connection's app. `None` when its connector has no
    /// OAuth slot or the connection no app.
    pub fn consent(&self, spec: ChannelSpec<'_>) -> Result<Option<Consent>, NetworkError> {
        let bases = bases(&spec)?;
        let Some(app) = spec.app else { return Ok(None) };
        for slot in spec.manifest.auth.values() {
            if let Some(endpoints) = self.endpoints(&spec, slot, &bases)? {
                let Some(tokens) = self.tokens(app, slot) else {
                    continue;
                };
                return Ok(Some(Consent::new(tokens, endpoints, &spec.connection.name)));
            }
        }
        Ok(None)
    }

    /// What each connection did since the engine started.
    pub fn counts(&self) -> BTreeMap<String, Counters> {
        let tallies = lock(&self.shared.tallies);
        tallies
            .iter()
            .map(|(name, tally)| (name.clone(), tally.read()))
            .collect()
    }

    /// All budgets that are in use.
    pub fn budgets(&self) -> Vec<BudgetView> {
        lock(&self.shared.budgets)
            .values()
            .map(|it| it.view())
            .collect()
    }

    /// Writes counters that were not written yet: before the engine ends.
    pub async fn save(&self) {
        let budgets: Vec<_> = lock(&self.shared.budgets).values().cloned().collect();
        for budget in budgets {
            budget.save().await;
        }
    }

    fn line(
        &self,
        spec: &ChannelSpec<'_>,
        door: Door,
        pin: PinHeader,
    ) -> Result<Channel, NetworkError> {
        let (connection, manifest) = (spec.connection, spec.manifest);
        let bases = bases(spec)?;
        let base = bases.instead.as_ref().or(bases.usual.as_ref());
        let mut slots = BTreeMap::new();
        let mut reserved: Vec<String> = Vec::new();
        for (name, slot) in &manifest.auth {
            let slot = self.slot(spec, slot, &bases)?;
            match &slot {
                Slot::Headers(headers) => reserved.extend(headers.keys().cloned()),
                Slot::Bearer { header, .. } => reserved.push(header.clone()),
                Slot::Basic | Slot::Oauth2(..) | Slot::Unusable(_) => {}
            }
            slots.insert(name.clone(), slot);
        }
        reserved.extend(manifest.pin.iter().map(|it| it.header.clone()));
        reserved.extend(manifest.idempotency.iter().map(|it| it.header.clone()));
        let account = self.budget(
            &format!("connection/{}/account", connection.name),
            &account_limits(manifest, spec.app, connection),
        )?;
        let app = spec
            .app
            .map(|app| self.budget(&format!("app/{}", app.name), &app_limits(manifest, app)))
            .transpose()?;
        if let Some(app) = &app {
            app.join(&connection.name);
        }
        let mut buckets = BTreeMap::new();
        for name in manifest
            .budget
            .keys()
            .filter(|it| !matches!(it.as_str(), "account" | "app"))
        {
            let limits = bucket_limits(name, manifest, spec.app, connection);
            let budget = self.budget(&format!("connection/{}/{name}", connection.name), &limits)?;
            buckets.insert(name.clone(), budget);
        }
        Ok(Channel {
            door: Arc::new(door),
            line: Arc::new(Line {
                connection: connection.name.clone(),
                guard: Guard::new(&manifest.hosts, base, reserved),
                answers: manifest.answers.clone(),
                wallet: Wallet::new(
                    &connection.name,
                    &connection.credentials,
                    slots,
                    self.shared.secrets.clone(),
                    self.shared.aside.clone(),
                ),
                pin,
                account,
                app,
                buckets,
                call_timeout: connection.call_timeout,
                no_repetition: self.shared.transport.gives_ends(),
                is_down: AtomicBool::new(false),
                clock: self.shared.clock,
                pace: self.shared.pace.clone(),
                scrubber: self.shared.secrets.scrubber().clone(),
                sink: self.shared.sink.clone(),
                tally: Arc::clone(
                    lock(&self.shared.tallies)
                        .entry(connection.name.clone())
                        .or_default(),
                ),
                recorder: self.recorder(spec)?,
            }),
        })
    }

    fn slot(
        &self,
        spec: &ChannelSpec<'_>,
        slot: &AuthSlot,
        bases: &Bases,
    ) -> Result<Slot, NetworkError> {
        Ok(match slot {
            AuthSlot::Basic {} => Slot::Basic,
            AuthSlot::Bearer {
                header,
                scheme,
                header_setting,
                scheme_setting,
            } => bearer(
                chosen(spec, header_setting.as_deref()).unwrap_or(header),
                chosen(spec, scheme_setting.as_deref()).unwrap_or(scheme),
                spec,
            )?,
            AuthSlot::Headers { headers } => Slot::Headers(headers.clone()),
            AuthSlot::Oauth2 { .. } => {
                let endpoints = self.endpoints(spec, slot, bases)?;
                let tokens = spec.app.and_then(|app| self.tokens(app, slot));
                match (tokens, endpoints) {
                    (Some(tokens), Some(endpoints)) => Slot::Oauth2(tokens, endpoints.token),
                    _ => Slot::Unusable(CallError::Credentials {
                        why: format!("connection `{}` names no app", spec.connection.name),
                        remedy: format!(
                            "add `app = \"…\"` to [connections.{}]",
                            spec.connection.name
                        ),
                    }),
                }
            }
        })
    }

    fn endpoints(
        &self,
        spec: &ChannelSpec<'_>,
        slot: &AuthSlot,
        bases: &Bases,
    ) -> Result<Option<Endpoints>, NetworkError> {
        Endpoints::new(slot, bases.usual.as_ref(), bases.instead.as_ref())
            .map_err(|why| unusable(spec, why))
    }

    fn tokens(&self, app: &App, slot: &AuthSlot) -> Option<Arc<Tokens>> {
        let mut held = lock(&self.shared.tokens);
        if let Some(tokens) = held.get(&app.name) {
            return Some(Arc::clone(tokens));
        }
        let shared = &self.shared;
        let door = TokenDoor::new(&shared.transport);
        let tokens = Tokens::of(app, slot, &shared.secrets, shared.clock, door, &shared.pace)?;
        let tokens = Arc::new(tokens);
        held.insert(app.name.clone(), Arc::clone(&tokens));
        Some(tokens)
    }

    fn budget(&self, name: &str, limits: &Limits) -> Result<Arc<Budget>, StoreError> {
        let mut held = lock(&self.shared.budgets);
        if let Some(budget) = held.get(name) {
            budget.limit(limits);
            return Ok(Arc::clone(budget));
        }
        let rows = Arc::clone(&self.shared.rows);
        let (clock, aside) = (self.shared.clock, self.shared.aside.clone());
        let budget = Arc::new(Budget::new(name, limits, clock, rows, aside)?);
        held.insert(name.to_owned(), Arc::clone(&budget));
        Ok(budget)
    }

    fn recorder(&self, spec: &ChannelSpec<'_>) -> Result<Option<Arc<Recorder>>, NetworkError> {
        let Some(path) = &spec.connection.record else {
            return Ok(None);
        };
        let name = &spec.connection.name;
        let mut held = lock(&self.shared.recorders);
        if let Some(recorder) = held.get(name) {
            return Ok(Some(Arc::clone(recorder)));
        }
        let manifest = spec.manifest;
        let budgets = manifest
            .budget
            .values()
            .flat_map(|it| [&it.minute_left, &it.day_left]);
        let headers = budgets
            .chain([&manifest.answers.window_header])
            .flatten()
            .cloned();
        let recorder =
            Recorder::create(path, self.shared.secrets.scrubber(), headers).map_err(|source| {
                NetworkError::Recording {
                    connection: name.clone(),
                    path: path.display().to_string(),
                    source,
                }
            })?;
        let recorder = Arc::new(recorder);
        held.insert(name.clone(), Arc::clone(&recorder));
        Ok(Some(recorder))
    }
}

/// What the connection's settings say instead of the manifest.
fn chosen<'a>(spec: &'a ChannelSpec<'_>, setting: Option<&str>) -> Option<&'a str> {
    spec.connection.settings.get(setting?)?.as_str()
}

fn bearer(header: &str, scheme: &str, spec: &ChannelSpec<'_>) -> Result<Slot, NetworkError> {
    let (header, scheme) = (header.trim(), scheme.trim());
    if !may_carry_a_token(header) {
        let why = format!("its token cannot be sent in a header named {header:?}");
        return Err(unusable(spec, why));
    }
    if !scheme.bytes().all(|it| it.is_ascii_graphic()) {
        let why = format!("{scheme:?} cannot stand before its token: it is not one plain word");
        return Err(unusable(spec, why));
    }
    Ok(Slot::Bearer {
        header: header.to_owned(),
        scheme: scheme.to_owned(),
    })
}

struct Bases {
    /// The manifest's.
    usual: Option<Url>,
    /// The connection's own.
    instead: Option<Url>,
}

fn bases(spec: &ChannelSpec<'_>) -> Result<Bases, NetworkError> {
    let usual = spec
        .manifest
        .base_url
        .as_deref()
        .map(Url::parse)
        .transpose();
    let usual = usual.map_err(|error| {
        unusable(
            spec,
            format!("base URL of connector {}: {error}", spec.manifest.name),
        )
    })?;
    Ok(Bases {
        usual,
        instead: spec.connection.base_url.clone(),
    })
}

fn unusable(spec: &ChannelSpec<'_>, why: String) -> NetworkError {
    NetworkError::Unusable {
        connection: spec.connection.name.clone(),
        why,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
