//! `start`: from the start of the process to its first call. A listener of our own takes that call, so
//! that nothing else is measured; what the engine says to the answer does not matter.

use std::{
    io::{self, Read},
    net::TcpListener,
    process::Stdio,
    time::{Duration, Instant},
};

use scenarios::processes::set;

use crate::{cost::median, ground::programs, say};

/// How often.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// How often.
    #[arg(long, default_value_t = 10)]
    runs: usize,
}

/// Longest wait for the first call.
const PATIENCE: Duration = Duration::from_secs(30);

/// Runs the part.
pub(crate) fn run(arguments: &Arguments) -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("http://{}", listener.local_addr()?);
    let programs = programs(10, |_| {});
    // The deployment is there already; only its addresses change.
    let file = programs.config().join("ledgerline.toml");
    let text = std::fs::read_to_string(&file)?;
    let mut deployment: toml::Table = toml::from_str(&text).map_err(io::Error::other)?;
    for connection in ["omni-au", "xero-au"] {
        let path = format!("connections/{connection}/base-url");
        set(&mut deployment, &path, url.as_str());
    }
    std::fs::write(
        &file,
        toml::to_string(&deployment).map_err(io::Error::other)?,
    )?;
    let mut times = Vec::new();
    for turn in 1..=arguments.runs.max(1) {
        let mut command = programs.engine(["sync", "--confirm", "--json"]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let began = Instant::now();
        let mut child = command.spawn()?;
        let met = first_call(&listener, began);
        child.kill()?;
        child.wait()?;
        let time = met?;
        say(format_args!("run {turn}  {} us", time.as_micros()))?;
        times.push(u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
        // Connections of the run that was ended are not the next one's.
        listener.set_nonblocking(true)?;
        while listener.accept().is_ok() {}
    }
    let slowest = times.iter().copied().max().unwrap_or(0);
    say(format_args!(
        "SUMMARY part=start runs={} first_call_us={} slowest_us={slowest}",
        times.len(),
        median(times.into_iter()),
    ))
}

fn first_call(listener: &TcpListener, began: Instant) -> io::Result<Duration> {
    listener.set_nonblocking(true)?;
    loop {
        match listener.accept() {
            Ok((mut stream, _)) => {
                stream.set_nonblocking(false)?;
                stream.set_read_timeout(Some(PATIENCE))?;
                let mut byte = [0];
                stream.read_exact(&mut byte)?;
                return Ok(began.elapsed());
            }
            Err(why) if why.kind() == io::ErrorKind::WouldBlock => {
                if began.elapsed() > PATIENCE {
                    return Err(io::Error::other("the engine made no call"));
                }
                std::thread::sleep(Duration::from_micros(200));
            }
            Err(why) => return Err(why),
        }
    }
}
