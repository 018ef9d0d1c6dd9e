//! What a process costs, watched from outside through `/proc`.
//!
//! The kernel counts processor time in hundredths of a second, and keeps the last figure of a process
//! that has ended until somebody waits for it. So a process is waited for only after that was read.

use std::{
    io::{self, Read},
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

/// What one process used.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Used {
    pub(crate) elapsed: Duration,
    /// User and system time.
    pub(crate) cpu: Duration,
    /// Most memory at once, in KiB.
    pub(crate) memory: u64,
    /// Bytes that it gave to the system to write, to files, sockets and pipes.
    pub(crate) written: u64,
}

/// Runs a command to its end. Anything but exit code 0 is an error that tells what it said.
pub(crate) fn run(mut command: Command) -> io::Result<(Used, String)> {
    let began = Instant::now();
    let mut child = command.spawn()?;
    let process = process(child.id());
    // Both are read meanwhile, so that it does not wait for us.
    let stdout = read_all(child.stdout.take());
    let stderr = read_all(child.stderr.take());
    let mut used = Used::default();
    while !ended(&process) {
        used.memory = used.memory.max(peak(&process).unwrap_or(0));
        used.written = used.written.max(written(&process).unwrap_or(0));
        std::thread::sleep(Duration::from_millis(5));
    }
    used.elapsed = began.elapsed();
    used.cpu = cpu(&process).unwrap_or_default();
    let status = child.wait()?;
    let text = |reader: std::thread::JoinHandle<io::Result<String>>| {
        reader
            .join()
            .map_err(|_| io::Error::other("its output could not be read"))?
    };
    let (stdout, stderr) = (text(stdout)?, text(stderr)?);
    if !status.success() {
        return Err(io::Error::other(format!(
            "{command:?} ended with {status}\n{stdout}\n{stderr}"
        )));
    }
    Ok((used, stdout))
}

/// Time that a process has spent so far.
pub(crate) fn cpu_of(id: u32) -> Duration {
    cpu(&process(id)).unwrap_or_default()
}

/// Most memory that a process has had at once so far, in KiB.
pub(crate) fn peak_of(id: u32) -> u64 {
    peak(&process(id)).unwrap_or(0)
}

fn process(id: u32) -> PathBuf {
    Path::new("/proc").join(id.to_string())
}

fn read_all<R: Read + Send + 'static>(
    from: Option<R>,
) -> std::thread::JoinHandle<io::Result<String>> {
    std::thread::spawn(move || {
        let mut text = String::new();
        if let Some(mut from) = from {
            from.read_to_string(&mut text)?;
        }
        Ok(text)
    })
}

/// The fields of `/proc/PID/stat` behind the name, which may hold blanks itself.
fn stat(process: &Path) -> Option<Vec<String>> {
    let text = std::fs::read_to_string(process.join("stat")).ok()?;
    let fields = text.rsplit_once(')')?.1.split_whitespace();
    Some(fields.map(str::to_owned).collect())
}

fn ended(process: &Path) -> bool {
    stat(process).is_none_or(|it| matches!(it.first().map(String::as_str), Some("Z" | "X") | None))
}

fn cpu(process: &Path) -> Option<Duration> {
    let fields = stat(process)?;
    let ticks = |at: usize| fields.get(at)?.parse::<u64>().ok();
    Some(Duration::from_millis((ticks(11)? + ticks(12)?) * 10))
}

fn peak(process: &Path) -> Option<u64> {
    field(&process.join("status"), "VmHWM:")
}

fn written(process: &Path) -> Option<u64> {
    field(&process.join("io"), "wchar:")
}

fn field(file: &Path, name: &str) -> Option<u64> {
    let text = std::fs::read_to_string(file).ok()?;
    let line = text.lines().find_map(|it| it.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}
