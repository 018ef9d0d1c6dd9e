//! The programs over canaries: the engine talks to the mirror, logs all that it can, records every
//! call, and its plugins are witnesses. Whatever it says is kept.

use std::{
    fs::{self, File},
    io::{self, Write},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use super::{
    canaries,
    mirror::Mirror,
    search::{Needles, below},
    witness,
};
use crate::{
    PATIENCE, built,
    processes::{Programs, set},
};

/// The organisation that is connected to.
pub(super) const TENANT: &str = "7d2c5a1e-4b86-4f0d-9c3a-5e1f2a6b8c90";

/// What a command came to.
pub(super) struct Said {
    pub(super) code: Option<i32>,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

/// The programs, and all they said.
pub(super) struct Ground {
    pub(super) programs: Programs,
    pub(super) mirror: Mirror,
    /// Where the browser comes back to.
    pub(super) redirect: String,
    witnesses: tempfile::TempDir,
    said: tempfile::TempDir,
    commands: usize,
}

impl Ground {
    /// `notes` credit notes in Omni, a few in the others.
    pub(super) fn new(notes: usize) -> io::Result<Self> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let redirect = format!("http://localhost:{port}/callback");
        let witnesses = tempfile::tempdir()?;
        witness::around(&built(), witnesses.path());
        let programs = Programs::start_all(notes, notes.div_ceil(2), |plan| {
            canaries::plant(plan, &redirect);
            plan.built = witnesses.path().to_owned();
        });
        let vendors = programs.url();
        let mirror = Mirror::start(vendors.trim_start_matches("http://"))?;
        let ground = Self {
            programs,
            mirror,
            redirect,
            witnesses,
            said: tempfile::tempdir()?,
            commands: 0,
        };
        canaries::write_file(&ground.programs.config());
        ground.lead_through_the_mirror(&vendors)?;
        Ok(ground)
    }

    fn lead_through_the_mirror(&self, vendors: &str) -> io::Result<()> {
        let recordings = self.programs.config().join("recordings");
        fs::create_dir_all(&recordings)?;
        let text = self.file()?.replace(vendors, &self.mirror.url);
        let mut table: toml::Table = toml::from_str(&text).map_err(io::Error::other)?;
        let names: Vec<String> = match table.get("connections") {
            Some(toml::Value::Table(it)) => it.keys().cloned().collect(),
            _ => Vec::new(),
        };
        for name in names {
            let file = recordings.join(format!("{name}.json"));
            let path = format!("connections/{name}/record");
            set(&mut table, &path, file.display().to_string());
        }
        self.set_file(&toml::to_string(&table).map_err(io::Error::other)?)
    }

    /// `ledgerline.toml` as it is.
    pub(super) fn file(&self) -> io::Result<String> {
        fs::read_to_string(self.main_file())
    }

    pub(super) fn set_file(&self, text: &str) -> io::Result<()> {
        fs::write(self.main_file(), text)
    }

    fn main_file(&self) -> PathBuf {
        self.programs.config().join("ledgerline.toml")
    }

    /// Starts a command that types `input` and ends its input; its output goes into files.
    pub(super) fn start(&mut self, args: &[&str], input: &str) -> io::Result<Running> {
        self.commands += 1;
        let name = |what: &str| {
            let words = args.join("-").replace('/', "_");
            let name = format!("{:03}-{words}.{what}", self.commands);
            self.said.path().join(name)
        };
        let (stdout, stderr) = (name("stdout"), name("stderr"));
        let mut command = self.programs.engine(args);
        let mut child = command
            .envs(canaries::env())
            .env("LEDGERLINE_LOG", "trace")
            .env("RUST_BACKTRACE", "full")
            .stdin(Stdio::piped())
            .stdout(File::create(&stdout)?)
            .stderr(File::create(&stderr)?)
            .spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            // A command that asks nothing closes it.
            let _ = stdin.write_all(input.as_bytes());
        }
        Ok(Running {
            child,
            stdout,
            stderr,
        })
    }

    /// Runs a command to its end.
    pub(super) fn run(&mut self, args: &[&str]) -> io::Result<Said> {
        self.start(args, "")?.end()
    }

    /// As `run`, with this typed into it.
    pub(super) fn run_with(&mut self, args: &[&str], input: &str) -> io::Result<Said> {
        self.start(args, input)?.end()
    }

    /// Commands that were run.
    pub(super) fn commands(&self) -> usize {
        self.commands
    }

    /// All secrets that there are by now, by name.
    pub(super) fn secrets(&self) -> Vec<(String, Vec<u8>)> {
        let own = |name: &str, value: &str| (name.to_owned(), value.as_bytes().to_vec());
        let slots = canaries::SLOTS.iter().map(|it| own(it.name, it.value));
        let proxy = canaries::PROXY.iter().map(|(name, value)| own(name, value));
        let inline = [own("a secret in the configuration", canaries::INLINE)];
        let wire = self.mirror.secrets();
        let wire = wire.iter().map(|(name, value)| own(name, value));
        let key = self.key_file().map(|it| ("the key file".to_owned(), it));
        slots
            .chain(canaries::pairs())
            .chain(proxy)
            .chain(inline)
            .chain(wire)
            .chain(key)
            .collect()
    }

    fn key_file(&self) -> Option<Vec<u8>> {
        let mut found = None;
        let key = |path: &Path| {
            let is_key = path.extension().is_some_and(|it| it == "key");
            is_key.then(|| fs::read_to_string(path).ok()).flatten()
        };
        for file in fs::read_dir(self.programs.config().join("state"))
            .ok()?
            .flatten()
        {
            found = found.or_else(|| key(&file.path()));
        }
        Some(found?.lines().last()?.as_bytes().to_vec())
    }

    /// Looks through everything; gives the number of places and what was found.
    pub(super) fn search(&self, needles: &Needles) -> (usize, Vec<String>) {
        let belongs = |path: &Path| {
            let is = |it: &str| path.extension().is_some_and(|extension| extension == it);
            is("so") || is("key") || is("secret")
        };
        let (mut places, mut found) = (0, Vec::new());
        for (what, folder) in [
            ("written", self.programs.config().as_path()),
            ("said", self.said.path()),
        ] {
            let (files, here) = below(needles, folder, &belongs);
            places += files;
            found.extend(here.into_iter().map(|it| format!("{what}: {it}")));
        }
        let given = fs::read(witness::kept(self.witnesses.path())).unwrap_or_default();
        let given = needles.find(&given);
        found.extend(given.iter().map(|it| format!("given to a plugin: {it}")));
        (places + 1, found)
    }

    /// Bytes that were given to plugins.
    pub(super) fn given(&self) -> u64 {
        let about = fs::metadata(witness::kept(self.witnesses.path()));
        about.map_or(0, |it| it.len())
    }

    /// A further file that is searched, as if a command had said it.
    pub(super) fn keep(&mut self, name: &str, text: &str) -> io::Result<()> {
        self.commands += 1;
        let name = format!("{:03}-{name}", self.commands);
        fs::write(self.said.path().join(name), text)
    }
}

/// A command that goes on.
pub(super) struct Running {
    child: Child,
    stdout: PathBuf,
    stderr: PathBuf,
}

impl Running {
    /// Waits until it has said this, on either output.
    pub(super) fn wait_for(&mut self, words: &str) -> io::Result<String> {
        let begin = Instant::now();
        loop {
            let said = fs::read_to_string(&self.stdout)? + &fs::read_to_string(&self.stderr)?;
            if let Some(line) = said.lines().find(|it| it.contains(words)) {
                return Ok(line.to_owned());
            }
            if self.child.try_wait()?.is_some() || begin.elapsed() > PATIENCE {
                return Err(io::Error::other(format!("`{words}` was not said:\n{said}")));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Asks it to end.
    pub(super) fn stop(&self) -> io::Result<()> {
        let id = self.child.id().to_string();
        let sent = std::process::Command::new("kill")
            .args(["-TERM", &id])
            .status()?;
        sent.success()
            .then_some(())
            .ok_or_else(|| io::Error::other("kill failed"))
    }

    /// Waits for its end.
    pub(super) fn end(mut self) -> io::Result<Said> {
        let begin = Instant::now();
        let status = loop {
            match self.child.try_wait()? {
                Some(it) => break it,
                None if begin.elapsed() > PATIENCE => {
                    return Err(io::Error::other("a command does not end"));
                }
                None => std::thread::sleep(Duration::from_millis(20)),
            }
        };
        Ok(Said {
            code: status.code(),
            stdout: fs::read_to_string(&self.stdout)?,
            stderr: fs::read_to_string(&self.stderr)?,
        })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended, or nobody waits for it any more.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
