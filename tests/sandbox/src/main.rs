//! The sandbox as a program: serves a seed on loopback.

use std::io::{self, Read as _, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use jiff::Timestamp;
use sandbox::{Clock, Saver, Seed, World};
use tokio::net::TcpListener;

/// Stand-in vendor servers with the vendors' own quirks.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Seed file, TOML or JSON; the demo's own seed where it is left out.
    #[arg(long)]
    seed: Option<PathBuf>,
    /// Address to listen on; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Instant at which the clock starts, such as 2026-11-22T02:00:00Z.
    #[arg(long)]
    clock: Option<Timestamp>,
    /// Stop the clock; it moves by the admin call alone.
    #[arg(long)]
    frozen: bool,
    /// File that keeps the holdings from one run to the next.
    #[arg(long)]
    state: Option<PathBuf>,
    /// Switch all call limits off.
    #[arg(long)]
    no_limits: bool,
    /// How many calls the log keeps.
    #[arg(long)]
    keep_calls: Option<usize>,
    /// End when standard input closes, so that a parent's death ends it.
    #[arg(long)]
    until_stdin_closes: bool,
}

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Seed(#[from] sandbox::SeedError),
    #[error("cannot read the state file {}", path.display())]
    StateRead { path: PathBuf, source: io::Error },
    #[error("the state file {} is not one of this program; delete it to start anew", path.display())]
    StateParse {
        path: PathBuf,
        source: serde_json::Error,
    },
    #[error("cannot write the state file {}", path.display())]
    StateWrite { path: PathBuf, source: io::Error },
    #[error("cannot listen on {address}")]
    Listen {
        address: SocketAddr,
        source: io::Error,
    },
    #[error("cannot serve")]
    Serve(#[source] io::Error),
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let mut text = format!("sandbox: {failure}");
            let mut source = std::error::Error::source(&failure);
            while let Some(cause) = source {
                text.push_str(&format!(": {cause}"));
                source = cause.source();
            }
            let _ = writeln!(io::stderr(), "{text}");
            ExitCode::from(2)
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), Failure> {
    let world = world(&arguments)?;
    if arguments.no_limits {
        world.limits(false);
    }
    if let Some(keep) = arguments.keep_calls {
        world.keep_calls(keep);
    }
    let address = arguments.listen;
    let listener = TcpListener::bind(address)
        .await
        .map_err(|source| Failure::Listen { address, source })?;
    let bound = listener.local_addr().map_err(Failure::Serve)?;
    let saver = arguments
        .state
        .as_deref()
        .map(|path| Saver::new(world.clone(), path));
    let mut stdout = io::stdout();
    writeln!(stdout, "{{\"url\":\"http://{bound}\"}}").map_err(Failure::Serve)?;
    stdout.flush().map_err(Failure::Serve)?;
    tokio::select! {
        served = served(world, listener, saver.clone()) => served.map_err(Failure::Serve)?,
        () = stdin_closed(), if arguments.until_stdin_closes => {}
        () = told_to_end() => {}
    }
    if let (Some(saver), Some(path)) = (saver, arguments.state) {
        saver
            .save()
            .map_err(|source| Failure::StateWrite { path, source })?;
    }
    Ok(())
}

async fn served(world: World, listener: TcpListener, saver: Option<Saver>) -> io::Result<()> {
    match saver {
        Some(saver) => sandbox::serve_saving(world, listener, saver).await,
        None => sandbox::serve(world, listener).await,
    }
}

fn world(arguments: &Arguments) -> Result<World, Failure> {
    let seed = match &arguments.seed {
        Some(path) => Seed::read(path)?,
        None => Seed::demo()?,
    };
    let start = arguments
        .clock
        .or(seed.clock)
        .unwrap_or_else(Timestamp::now);
    let clock = if arguments.frozen {
        Clock::frozen(start)
    } else {
        Clock::running(start)
    };
    let Some(path) = arguments.state.clone() else {
        return Ok(World::new(&seed, clock)?);
    };
    match std::fs::read_to_string(&path) {
        Ok(text) => {
            World::load(&text, clock).map_err(|source| Failure::StateParse { path, source })
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(World::new(&seed, clock)?),
        Err(source) => Err(Failure::StateRead { path, source }),
    }
}

// A thread of its own: a read that waits on the runtime would hold up its end.
async fn stdin_closed() {
    let (closed, told) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let mut bytes = [0_u8; 256];
        let mut stdin = io::stdin().lock();
        while matches!(stdin.read(&mut bytes), Ok(count) if count > 0) {}
        let _ = closed.send(());
    });
    let _ = told.await;
}

async fn told_to_end() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}
