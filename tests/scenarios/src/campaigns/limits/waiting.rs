//! Thousands of calls that wait for slow answers: what each holds, and that none holds a thread.
//!
//! A process of its own makes the calls, because memory that one measurement freed would hide in the
//! next; this one listens, answers nothing, and looks at the other from outside. What the HTTP client
//! holds by itself is measured in the same way, with nothing of the engine around it.

use std::{
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use clap::ValueEnum;
use jiff::Timestamp;
use ledgerline::{
    clock::Clock,
    http::{
        Call, CallClass, ChannelSpec, Network, Repeat, ReqwestTransport,
        secrets::{Environment, Secrets},
    },
    plugins::Cancel,
    store::{SharedStore, SledStore},
};
use tokio::io::AsyncReadExt;

use crate::{PATIENCE, deployment, plugins, tempdir};

/// What makes the calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Caller {
    /// The HTTP client and nothing else.
    Bare,
    /// One connection of the engine, with every call on it.
    Calls,
    /// As many connections of the engine, with one call each.
    Connections,
}

/// A measurement.
#[derive(Debug, Clone)]
pub struct Waiting {
    /// The program of the campaigns.
    pub program: PathBuf,
    /// Calls.
    pub count: usize,
}

/// What a process held while its calls waited.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Held {
    /// Memory in use beyond that before the first call, in bytes.
    pub memory: u64,
    /// Threads.
    pub threads: usize,
    /// Most threads at any time on the way there.
    pub most_threads: usize,
}

/// What everybody's calls held.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Waited {
    /// The HTTP client alone.
    pub bare: Held,
    /// One connection.
    pub calls: Held,
    /// Many connections.
    pub connections: Held,
}

impl Waited {
    /// Bytes that the engine holds for each of `count`, beyond the client's own.
    pub fn each(&self, held: Held, count: usize) -> u64 {
        held.memory.saturating_sub(self.bare.memory) / count.max(1) as u64
    }

    /// What is wrong with it: more than 8 KiB each, or threads by the number of calls.
    pub fn faults(&self, count: usize) -> Vec<String> {
        let mut faults = Vec::new();
        for (name, held) in [("a call", self.calls), ("a connection", self.connections)] {
            let each = self.each(held, count);
            if each > 8 * 1024 {
                faults.push(format!("{name} holds {each} bytes while it waits"));
            }
            if held.most_threads > self.bare.most_threads + 64 {
                faults.push(format!(
                    "{} threads for {count} calls, one for {name}",
                    held.most_threads
                ));
            }
        }
        faults
    }
}

impl Waiting {
    /// Measures all three.
    pub async fn measure(&self) -> std::io::Result<Waited> {
        let all = [Caller::Bare, Caller::Calls, Caller::Connections];
        let [bare, calls, connections] = all.map(|caller| self.held(caller));
        let (bare, calls, connections) = tokio::try_join!(bare, calls, connections)?;
        Ok(Waited {
            bare,
            calls,
            connections,
        })
    }

    async fn held(&self, caller: Caller) -> std::io::Result<Held> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let name = caller
            .to_possible_value()
            .map(|it| it.get_name().to_owned());
        let mut child = Command::new(&self.program)
            .args(["waiting", "--caller", &name.unwrap_or_default()])
            .args(["--count", &self.count.to_string()])
            .args(["--to", &listener.local_addr()?.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let process = Path::new("/proc").join(child.id().to_string());
        let mut said = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut said)?;
        }
        let before = memory(&process);
        if let Some(stdin) = &mut child.stdin {
            stdin.write_all(b"go\n")?;
        }
        let held = self.watch(&listener, &process, before);
        let held = tokio::time::timeout(PATIENCE, held).await;
        child.kill()?;
        child.wait()?;
        held.map_err(|_| {
            std::io::Error::other(format!(
                "{caller:?}: not every call arrived in {PATIENCE:?}"
            ))
        })?
    }

    /// Takes every call and answers none.
    async fn watch(
        &self,
        listener: &tokio::net::TcpListener,
        process: &Path,
        before: u64,
    ) -> std::io::Result<Held> {
        let mut arriving = tokio::task::JoinSet::new();
        let mut open = Vec::with_capacity(self.count);
        let mut most_threads = 0;
        while open.len() < self.count {
            tokio::select! {
                accepted = listener.accept() => {
                    let (mut stream, _) = accepted?;
                    // Once its first bytes are here, the call has left.
                    arriving.spawn(async move { stream.read_u8().await.map(|_| stream) });
                }
                Some(arrived) = arriving.join_next() => open.push(arrived??),
            }
            if open.len().is_multiple_of(64) {
                most_threads = most_threads.max(threads(process));
            }
        }
        most_threads = most_threads.max(threads(process));
        let threads = settled(process).await;
        Ok(Held {
            memory: memory(process).saturating_sub(before),
            threads,
            most_threads,
        })
    }
}

/// Memory that a process has in use, in bytes.
fn memory(process: &Path) -> u64 {
    let text = std::fs::read_to_string(process.join("status")).unwrap_or_default();
    let line = text.lines().find_map(|it| it.strip_prefix("VmRSS:"));
    let kib = line.and_then(|it| it.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or_default() * 1024
}

/// Threads when none ends any more: those that were used on the way do when they have been idle for ten
/// seconds.
async fn settled(process: &Path) -> usize {
    let (mut held, mut since) = (threads(process), Instant::now());
    while since.elapsed() < Duration::from_secs(12) {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let now = threads(process);
        if now != held {
            (held, since) = (now, Instant::now());
        }
    }
    held
}

fn threads(process: &Path) -> usize {
    std::fs::read_dir(process.join("task")).map_or(0, Iterator::count)
}

/// The other process: says when it is ready, waits for a line, and makes its calls until it is ended.
pub(super) fn call(caller: Caller, count: usize, to: &str) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(async move {
        let transport = Arc::new(ReqwestTransport::new().map_err(std::io::Error::other)?);
        match caller {
            Caller::Bare => {
                let client = reqwest::Client::builder().http1_only().no_proxy().build();
                let client = client.map_err(std::io::Error::other)?;
                let url = format!("http://{to}/slow");
                go()?;
                for place in 0..count {
                    pause(place).await;
                    let call = client.get(&url).header("Accept", "application/json").send();
                    tokio::spawn(call);
                }
            }
            Caller::Calls => {
                let ground = Ground::new(transport, to);
                go()?;
                let channel = ground.channel("omni-au");
                for place in 0..count {
                    pause(place).await;
                    let channel = channel.clone();
                    let call = slow(to);
                    tokio::spawn(async move {
                        let cancel = Cancel::default();
                        channel.send(call, CallClass::Scheduled, &cancel).await
                    });
                }
            }
            Caller::Connections => {
                let ground = Ground::new(transport, to);
                go()?;
                for place in 0..count {
                    pause(place).await;
                    let channel = ground.channel(&format!("omni-{place}"));
                    let call = slow(to);
                    tokio::spawn(async move {
                        let cancel = Cancel::default();
                        channel.send(call, CallClass::Scheduled, &cancel).await
                    });
                }
            }
        }
        std::future::pending().await
    })
}

/// The kernel of the other side takes a hundred new connections at a time, not thousands.
async fn pause(place: usize) {
    if place.is_multiple_of(50) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn go() -> std::io::Result<()> {
    let mut out = std::io::stdout();
    writeln!(out, "ready")?;
    out.flush()?;
    std::io::stdin().lock().read_line(&mut String::new())?;
    Ok(())
}

fn slow(to: &str) -> Call {
    Call {
        method: "GET".into(),
        url: format!("http://{to}/slow"),
        headers: vec![("Accept".into(), "application/json".into())],
        body: bytes::Bytes::new(),
        auth: "api".into(),
        bucket: String::new(),
        timeout: Duration::ZERO,
        max_answer: 0,
        repeat: Repeat::Safe,
    }
}

/// What a channel of the engine is made of, with a real store.
struct Ground {
    deployment: ledgerline::config::Deployment,
    registry: ledgerline::plugins::Registry,
    network: Network,
    _folder: tempfile::TempDir,
}

impl Ground {
    fn new(transport: Arc<ReqwestTransport>, to: &str) -> Self {
        let folder = tempdir();
        let mut deployment = deployment(&folder);
        for connection in deployment.connections.values_mut() {
            connection.base_url = format!("http://{to}").parse().ok();
            connection.call_timeout = Duration::from_secs(600);
            let over = connection.budget.entry("account".into()).or_default();
            (over.concurrent, over.second) = (Some(0), Some(0));
            (over.minute, over.day) = (Some(0), Some(0));
        }
        let registry = plugins(&deployment);
        let now = Timestamp::now().as_millisecond();
        let (store, _) = SledStore::open(&deployment.store, now).expect("a store");
        let store: SharedStore = Arc::new(store);
        let env = deployment
            .demo
            .as_ref()
            .map(|it| it.env.clone())
            .unwrap_or_default();
        let secrets = Secrets::new(store.clone(), &deployment.key_file, Environment::only(env));
        let network = Network::seeded(transport, Clock::system(), store, secrets, 7);
        Self {
            deployment,
            registry,
            network,
            _folder: folder,
        }
    }

    /// A channel of Omni's connection, under another name.
    fn channel(&self, name: &str) -> ledgerline::http::Channel {
        let mut connection = self.deployment.connections["omni-au"].clone();
        connection.name = name.to_owned();
        let plugin = self.registry.for_connection("omni-au").expect("the plugin");
        let spec = ChannelSpec {
            connection: &connection,
            app: None,
            manifest: plugin.manifest(),
            pin: None,
        };
        self.network.channel(spec).expect("a sound connection")
    }
}
