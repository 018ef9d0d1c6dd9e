//! From a folder of TOML files to an engine, or to the engine that already runs there.

use std::{io::Write, sync::Arc};

use crate::{
    cli::{args::Common, demo, helper::Helper, out::remark},
    clock::Clock,
    config::{self, Deployment, Findings},
    http::{
        Network, ReqwestTransport,
        secrets::{Environment, Secrets},
    },
    operate::{self, Answer, Request, Signed},
    pipeline::{Engine, OpenError, Parts, Progress},
    plugins::{Places, Registry, Wanted},
    store::{SharedStore, SledStore, StoreError},
};

/// Why a command ends early: its exit code and what is said.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) code: u8,
    pub(super) message: String,
}

impl Failure {
    pub(super) fn configuration(message: impl Into<String>) -> Self {
        Self {
            code: 2,
            message: message.into(),
        }
    }

    pub(super) fn refused(message: impl Into<String>) -> Self {
        Self {
            code: 3,
            message: message.into(),
        }
    }

    pub(super) fn unexpected(message: impl std::fmt::Display) -> Self {
        Self {
            code: 1,
            message: message.to_string(),
        }
    }

    pub(super) fn findings(findings: &Findings) -> Self {
        let color = std::io::IsTerminal::is_terminal(&std::io::stderr());
        Self::configuration(findings.render(color).trim_end())
    }
}

impl From<StoreError> for Failure {
    fn from(why: StoreError) -> Self {
        Self::unexpected(why)
    }
}

impl From<OpenError> for Failure {
    fn from(why: OpenError) -> Self {
        match &why {
            OpenError::Configuration(findings) => Self::findings(findings),
            OpenError::Plugins(_) | OpenError::Connection { .. } => {
                Self::configuration(why.to_string())
            }
            OpenError::Store(_) => Self::unexpected(why),
        }
    }
}

/// The deployment that the command line names.
pub(super) fn deployment(common: &Common) -> Result<Deployment, Failure> {
    config::load(&common.config, &|name| std::env::var(name).ok())
        .map_err(|it| Failure::findings(&it))
}

/// An engine of this process.
pub(super) struct Here {
    pub(super) engine: Arc<Engine>,
    pub(super) network: Network,
}

/// Loads plugins, opens the store and everything else.
pub(super) async fn open(
    deployment: Deployment,
    environment: Environment,
    clock: Clock,
) -> Result<Here, Failure> {
    let plugins = plugins(&deployment)?;
    let (store, opened) = SledStore::open(&deployment.store, clock.now_ms())?;
    let store: SharedStore = Arc::new(store);
    let secrets = Secrets::new(store.clone(), &deployment.key_file, environment);
    let transport = ReqwestTransport::new().map_err(|it| Failure::unexpected(it.why))?;
    let network = Network::new(Arc::new(transport), clock, store.clone(), secrets);
    let parts = Parts {
        deployment,
        plugins,
        store,
        restored: opened.restored,
        network: network.clone(),
        clock,
    };
    let engine = Engine::open(parts).await?;
    Ok(Here {
        engine: Arc::new(engine),
        network,
    })
}

/// What a deployment's connections want of plugins.
pub(super) fn wanted(deployment: &Deployment) -> Vec<Wanted> {
    deployment
        .connections
        .values()
        .map(|it| Wanted {
            connection: it.name.clone(),
            plugin: it.plugin.clone(),
            version: it.version.clone(),
        })
        .collect()
}

/// Loads the plugins of a deployment.
pub(super) fn plugins(deployment: &Deployment) -> Result<Registry, Failure> {
    let (registry, errors) = Registry::load(&wanted(deployment), places(deployment));
    if errors.is_empty() {
        return Ok(registry);
    }
    let told: Vec<String> = errors.iter().map(ToString::to_string).collect();
    Err(Failure::configuration(told.join("\n\n")))
}

pub(super) fn places(deployment: &Deployment) -> Places<'_> {
    Places {
        folders: &deployment.plugin_folders,
        lock: &deployment.plugins_lock,
        state: &deployment.state,
    }
}

/// What a command stands on: a deployment, its variables, its time.
pub(super) struct Ground {
    pub(super) deployment: Deployment,
    pub(super) environment: Environment,
    pub(super) clock: Clock,
    /// The helper of a demonstration, while the command runs.
    pub(super) helper: Option<Helper>,
}

/// The ground that the command line names: a deployment, or the demonstration of one.
pub(super) fn ground(common: &Common) -> Result<Ground, Failure> {
    if common.demo {
        return demo::ground(common, None);
    }
    Ok(Ground {
        deployment: deployment(common)?,
        environment: Environment::process(),
        clock: Clock::system(),
        helper: None,
    })
}

/// Does one request: in the engine that runs on the store, or in one of this process.
pub(super) async fn request(
    common: &Common,
    request: Request,
    progress: &dyn Progress,
) -> Result<Answer, Failure> {
    let signed = Signed {
        by: person(),
        request,
    };
    let socket = if common.demo {
        demo::socket(common)
    } else {
        deployment(common)?.socket
    };
    if socket.exists() {
        match operate::ask(&socket, &signed, progress).await {
            Ok(answer) => return Ok(answer),
            // Left behind by an engine that died: the store is free.
            Err(why) if why.kind() == std::io::ErrorKind::ConnectionRefused => {}
            Err(why) => return Err(Failure::unexpected(why)),
        }
    }
    let ground = ground(common)?;
    let here = open(ground.deployment, ground.environment, ground.clock).await?;
    let answer = operate::handle(&here.engine, signed, progress).await;
    here.engine.tell_people().await;
    here.network.save().await;
    drop(ground.helper);
    Ok(answer)
}

/// The name of the account that runs the command, for histories.
pub(super) fn person() -> String {
    ["SUDO_USER", "USER", "LOGNAME"]
        .iter()
        .find_map(|it| std::env::var(it).ok())
        .filter(|it| !it.is_empty())
        .unwrap_or_else(|| "somebody".to_owned())
}

/// Asks for a yes on the terminal. Without one, or with `--yes`, it is not asked.
pub(super) fn agreed(common: &Common, question: &str) -> Result<bool, Failure> {
    use std::io::{BufRead, IsTerminal};
    if common.yes || common.json || !std::io::stdin().is_terminal() {
        return Ok(true);
    }
    let mut stderr = std::io::stderr().lock();
    let _ = write!(stderr, "{question} [y/N] ");
    let _ = stderr.flush();
    let mut line = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut line)
        .map_err(Failure::unexpected)?;
    let yes = matches!(line.trim(), "y" | "Y" | "yes");
    if !yes {
        remark("nothing was done");
    }
    Ok(yes)
}
