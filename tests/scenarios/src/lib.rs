//! The stage for end-to-end tests: the deployment of `config/`, the real plugins loaded as
//! libraries, a store, and the stand-in vendors in this process behind an in-memory transport, all
//! on tokio's paused time. What a test asserts is what the vendors hold afterwards.

pub mod books;
pub mod campaigns;
pub mod omni_routes;
pub mod processes;
pub mod running;

mod build;
mod transport;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;
use ledgerline::{
    clock::Clock,
    config::{self, Deployment},
    http::{
        Network, Transport,
        secrets::{Environment, Secrets},
    },
    operate::{Answer, Request, Signed, SyncReport, SyncRequest, handle},
    pipeline::{Engine, Parts, Silent},
    plugins::{Places, Registry, Wanted, lock_installed},
    store::{Entry, EntryId, Filter, Opened, SharedStore, SledStore, State},
};
use sandbox::{Seed, World};

pub use build::{built, built_with_steps, program, repository};
pub use transport::InProcess;

/// How long something may take that is waited for in real time: it is for what hangs, and no machine is so slow.
pub const PATIENCE: Duration = Duration::from_secs(1_200);

/// The instant at which every scenario begins.
pub const START: &str = "2026-11-22T02:00:00Z";

/// A deployment at work.
pub struct Stage {
    /// The vendors.
    pub world: World,
    /// The engine.
    pub engine: Engine,
    /// Time of both.
    pub clock: Clock,
    /// What the engine found when it opened its store last.
    pub opened: Opened,
    network: Network,
    folder: tempfile::TempDir,
    tweak: Tweak,
    absent: Absent,
    wire: Wire,
}

type Tweak = Box<dyn Fn(&mut Deployment) + Send + Sync>;

/// Called after each flush of the store.
type Watch = Box<dyn Fn(&World, &Path) + Send + Sync>;

/// The way from the engine to the vendors.
pub(crate) type Wire = Box<dyn Fn(World) -> Arc<dyn Transport> + Send + Sync>;

/// Plugins of the deployment that the vendors' seed has no account for.
type Absent = Vec<&'static str>;

impl Stage {
    /// The deployment of `config/` against a world made from `seed`.
    pub async fn new(seed: Seed) -> Self {
        Self::with(seed, |_| {}).await
    }

    /// As `new`, with changes to the deployment. Sources that the seed has no account of are left out.
    pub async fn with(seed: Seed, tweak: impl Fn(&mut Deployment) + Send + Sync + 'static) -> Self {
        Self::begun(seed, straight(), Box::new(tweak), None).await
    }

    /// As `with`; `watch` is called with the vendors and the store's folder each time the store has
    /// made something durable, before anything else is written to it.
    pub async fn watched(
        seed: Seed,
        tweak: impl Fn(&mut Deployment) + Send + Sync + 'static,
        watch: impl Fn(&World, &Path) + Send + Sync + 'static,
    ) -> Self {
        Self::begun(seed, straight(), Box::new(tweak), Some(Box::new(watch))).await
    }

    /// The engine starts at `at` on what lies in `folder`, and the vendors go on from what
    /// [`World::save`] gave.
    pub async fn resumed(
        saved: &str,
        at: Timestamp,
        folder: tempfile::TempDir,
        tweak: impl Fn(&mut Deployment) + Send + Sync + 'static,
    ) -> Self {
        let origin = tokio::time::Instant::now();
        let time = sandbox::Clock::driven(at, move || origin.elapsed());
        let world = World::load(saved, time).expect("a saved world");
        let clock = Clock::starting_at(at);
        Self::over(
            world,
            clock,
            Box::new(tweak),
            Absent::new(),
            straight(),
            folder,
            None,
        )
        .await
    }

    /// As `with`, over another network than one whose every call takes the same time.
    pub(crate) async fn through(seed: Seed, wire: Wire, tweak: Tweak) -> Self {
        Self::begun(seed, wire, tweak, None).await
    }

    async fn begun(seed: Seed, wire: Wire, tweak: Tweak, watch: Option<Watch>) -> Self {
        let start: Timestamp = START.parse().expect("a constant instant");
        let origin = tokio::time::Instant::now();
        let time = sandbox::Clock::driven(start, move || origin.elapsed());
        let world = World::new(&seed, time).expect("the seed is sound");
        let mut absent = Absent::new();
        if seed.omni.accounts.is_empty() {
            absent.push("cin7-omni");
        }
        if seed.core.accounts.is_empty() {
            absent.push("cin7-core");
        }
        if seed.zudello.teams.is_empty() {
            absent.push("zudello");
        }
        let clock = Clock::on_a_machine(start);
        Self::over(world, clock, tweak, absent, wire, tempdir(), watch).await
    }

    async fn over(
        world: World,
        clock: Clock,
        tweak: Tweak,
        absent: Absent,
        wire: Wire,
        folder: tempfile::TempDir,
        watch: Option<Watch>,
    ) -> Self {
        let mut deployment = deployment(&folder);
        leave_out(&mut deployment, &absent);
        tweak(&mut deployment);
        let plugins = plugins(&deployment);
        let (store, opened) = SledStore::open(&deployment.store, clock.now_ms()).expect("a store");
        if let Some(watch) = watch {
            let world = world.clone();
            store.after_flush(move |folder| watch(&world, folder));
        }
        let store: SharedStore = Arc::new(store);
        let env = deployment
            .demo
            .as_ref()
            .map(|it| it.env.clone())
            .unwrap_or_default();
        let secrets = Secrets::new(store.clone(), &deployment.key_file, Environment::only(env));
        let network = Network::seeded(wire(world.clone()), clock, store.clone(), secrets, 7);
        let parts = Parts {
            deployment,
            plugins,
            store,
            restored: opened.restored,
            network: network.clone(),
            clock,
        };
        let engine = match Engine::open(parts).await {
            Ok(it) => it,
            Err(ledgerline::pipeline::OpenError::Configuration(findings)) => {
                panic!("{}", findings.render(false))
            }
            Err(why) => panic!("{why}"),
        };
        Self {
            world,
            engine,
            clock,
            opened,
            network,
            folder,
            tweak,
            absent,
            wire,
        }
    }

    /// The engine ends and starts again on the same store.
    pub async fn restart(self) -> Self {
        let Self {
            world,
            engine,
            clock,
            network,
            folder,
            tweak,
            absent,
            wire,
            ..
        } = self;
        network.save().await;
        drop((engine, network));
        Self::over(world, clock, tweak, absent, wire, folder, None).await
    }

    /// As `restart`, with other changes to the deployment than before.
    pub async fn restart_with(
        mut self,
        tweak: impl Fn(&mut Deployment) + Send + Sync + 'static,
    ) -> Self {
        self.tweak = Box::new(tweak);
        self.restart().await
    }

    /// The engine ends, its store is lost, and it starts again with an empty one.
    pub async fn lose_store(self) -> Self {
        let Self {
            world,
            engine,
            clock,
            network,
            folder,
            tweak,
            absent,
            wire,
            ..
        } = self;
        drop((engine, network));
        drop(folder);
        Self::over(world, clock, tweak, absent, wire, tempdir(), None).await
    }

    /// Folder of everything that the deployment writes.
    pub fn folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    /// Time passes for engine and vendors.
    pub async fn pass(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    /// Does one request as a person.
    pub async fn ask(&self, request: Request) -> Answer {
        handle(
            &self.engine,
            Signed {
                by: "kim".into(),
                request,
            },
            &Silent,
        )
        .await
    }

    /// Everything, confirmed.
    pub async fn sync(&self) -> SyncReport {
        self.sync_with(SyncRequest {
            confirm: true,
            ..SyncRequest::default()
        })
        .await
    }

    /// A run as it is asked for.
    pub async fn sync_with(&self, request: SyncRequest) -> SyncReport {
        match self.ask(Request::Sync(request)).await {
            Answer::Synced(it) => *it,
            other => panic!("{other:?}"),
        }
    }

    /// One entry, which must be there.
    pub async fn entry(&self, id: &str) -> Entry {
        let id: EntryId = id.parse().expect("an entry's id");
        self.engine
            .store()
            .entry(&id)
            .expect("a sound store")
            .unwrap_or_else(|| panic!("no entry {id}"))
    }

    /// Ids of a route's entries in a state.
    pub async fn ids(&self, route: &str, state: State) -> Vec<String> {
        let filter = Filter {
            routes: vec![route.into()],
            states: vec![state],
            ..Filter::default()
        };
        let mut ids = Vec::new();
        let mut after = None;
        loop {
            let page = self
                .engine
                .store()
                .page_of(&filter, after.as_deref(), 500)
                .expect("a sound store");
            ids.extend(page.rows.into_iter().map(|(id, _)| id.source));
            match page.next {
                Some(it) => after = Some(it),
                None => return ids,
            }
        }
    }

    /// Count of a route's entries by state.
    pub async fn states(&self, route: &str) -> BTreeMap<&'static str, usize> {
        let mut counts = BTreeMap::new();
        for state in State::ALL {
            let count = self.ids(route, state).await.len();
            if count > 0 {
                counts.insert(state.name(), count);
            }
        }
        counts
    }

    /// Writing calls that the vendors saw.
    pub fn writing_calls(&self) -> usize {
        self.world
            .calls()
            .iter()
            .filter(|it| it.kind == sandbox::calls::CallKind::Writing)
            .count()
    }
}

/// Calls go straight to the vendors, and each takes the same time.
fn straight() -> Wire {
    Box::new(|world| Arc::new(InProcess::new(world)))
}

fn tempdir() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

fn deployment(folder: &tempfile::TempDir) -> Deployment {
    let path = repository().join("config");
    let mut deployment = match config::load_demo(&path, &|_| None) {
        Ok(it) => it.with_state_in(folder.path()),
        Err(findings) => panic!("{}", findings.render(false)),
    };
    deployment.plugin_folders = vec![built()];
    for connection in deployment.connections.values_mut() {
        // Nothing listens there: the transport never opens a socket.
        connection.base_url = "http://127.0.0.1:9".parse().ok();
    }
    deployment
}

/// Takes connections of these plugins out of a deployment, with the routes that read from them.
fn leave_out(deployment: &mut Deployment, plugins: &[&str]) {
    let without = |name: &str, deployment: &Deployment| {
        let plugin = deployment
            .connections
            .get(name)
            .map(|it| it.plugin.as_str());
        plugin.is_some_and(|it| plugins.contains(&it))
    };
    let routes: Vec<String> = deployment
        .routes
        .values()
        .filter(|it| {
            without(&it.from.connection, deployment) || without(&it.to.connection, deployment)
        })
        .map(|it| it.name.clone())
        .collect();
    for route in routes {
        deployment.routes.remove(&route);
    }
    deployment
        .connections
        .retain(|_, it| !plugins.contains(&it.plugin.as_str()));
}

fn plugins(deployment: &Deployment) -> Registry {
    let wanted: Vec<Wanted> = deployment
        .connections
        .values()
        .map(|it| Wanted {
            connection: it.name.clone(),
            plugin: it.plugin.clone(),
            version: it.version.clone(),
        })
        .collect();
    let places = Places {
        folders: &deployment.plugin_folders,
        lock: &deployment.plugins_lock,
        state: &deployment.state,
    };
    let (lock, errors) = lock_installed(wanted.iter().map(|it| it.plugin.as_str()), places);
    assert!(
        errors.is_empty(),
        "{}",
        errors.iter().map(ToString::to_string).collect::<String>()
    );
    lock.write(&deployment.plugins_lock).expect("a lock");
    let (registry, errors) = Registry::load(&wanted, places);
    assert!(
        errors.is_empty(),
        "{}",
        errors.iter().map(ToString::to_string).collect::<String>()
    );
    registry
}
