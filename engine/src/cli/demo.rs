//! `demo`: the whole thing at work on this machine alone.
//!
//! The helper program that `demo.toml` names stands in for the vendors on a free loopback port. The
//! deployment is the one of the folder, with the helper's address for every `base-url`; the plugins
//! are loaded as libraries, the store is on disk. Everything that is made lies in one state folder,
//! so a second `demo` goes on where the first one ended.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use crate::{
    cli::{
        args::{Common, DemoArgs},
        bars::Bars,
        open::{Failure, Ground, open, person, places, wanted},
        out::{Out, remark},
        render,
        run::stopped,
        sync,
    },
    clock::Clock,
    config::{self, Demo},
    http::secrets::Environment,
    operate::{self, Answer, Door, Request, Signed, SyncRequest},
    plugins::lock_installed,
};

/// The helper program while it runs. It ends with this process, because its input does.
#[derive(Debug)]
pub(super) struct Helper {
    child: Child,
    pub(super) url: String,
}

impl Drop for Helper {
    fn drop(&mut self) {
        // Closing its input asks it to save and end; it is given a moment.
        drop(self.child.stdin.take());
        for _ in 0..100 {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[derive(Deserialize)]
struct Ready {
    url: String,
}

/// The state folder of the demonstration.
fn state_folder(common: &Common, own: Option<PathBuf>) -> PathBuf {
    own.unwrap_or_else(|| {
        let folder = if common.config.is_dir() {
            common.config.clone()
        } else {
            PathBuf::from("config")
        };
        folder.join("state").join("demo")
    })
}

/// Where a demonstration that stays answers other commands.
pub(super) fn socket(common: &Common) -> PathBuf {
    state_folder(common, None).join("ledgerline.sock")
}

/// The deployment of the demonstration, its helper running.
pub(super) fn ground(common: &Common, state: Option<PathBuf>) -> Result<Ground, Failure> {
    let state = state_folder(common, state);
    let deployment = config::load_demo(&common.config, &|name| std::env::var(name).ok())
        .map_err(|it| Failure::findings(&it))?;
    let Some(demo) = deployment.demo.clone() else {
        return Err(Failure::configuration(format!(
            "{}: there is no demo.toml",
            common.config.display()
        )));
    };
    std::fs::create_dir_all(&state)
        .map_err(|why| Failure::unexpected(format!("{}: {why}", state.display())))?;
    let state = state
        .canonicalize()
        .map_err(|why| Failure::unexpected(format!("{}: {why}", state.display())))?;
    let now = present(&demo, &state)?;
    let helper = start(&demo, &deployment.folder, &state, now)?;
    let mut deployment = deployment.with_state_in(&state);
    let beside = own_folder()?;
    deployment.plugin_folders.insert(0, beside);
    let url = helper.url.parse::<url::Url>().map_err(|why| {
        Failure::unexpected(format!("the helper's address {}: {why}", helper.url))
    })?;
    for connection in deployment.connections.values_mut() {
        connection.base_url = Some(url.clone());
        connection.call_timeout = demo.call_timeout.unwrap_or(connection.call_timeout);
        connection.ask_after = demo.ask_after.unwrap_or(connection.ask_after);
    }
    let names: Vec<String> = wanted(&deployment)
        .into_iter()
        .map(|it| it.plugin)
        .collect();
    let (lock, errors) = lock_installed(names.iter().map(String::as_str), places(&deployment));
    if !errors.is_empty() {
        let told: Vec<String> = errors.iter().map(ToString::to_string).collect();
        return Err(Failure::configuration(format!(
            "{}\nbuild everything first: cargo build --release --workspace",
            told.join("\n")
        )));
    }
    lock.write(&deployment.plugins_lock)
        .map_err(Failure::unexpected)?;
    Ok(Ground {
        deployment,
        environment: Environment::process().with(demo.env),
        clock: Clock::starting_at(now),
        helper: Some(helper),
    })
}

fn own_folder() -> Result<PathBuf, Failure> {
    let exe = std::env::current_exe().map_err(Failure::unexpected)?;
    exe.parent()
        .map(Path::to_owned)
        .ok_or_else(|| Failure::unexpected("this program lies in no folder"))
}

/// The demonstration's own time goes on between its runs.
fn present(demo: &Demo, state: &Path) -> Result<Timestamp, Failure> {
    let file = state.join("clock");
    let told = |why: std::io::Error| Failure::unexpected(format!("{}: {why}", file.display()));
    let now = match std::fs::read_to_string(&file) {
        Ok(text) => text
            .trim()
            .parse::<Timestamp>()
            .ok()
            .and_then(|it| it.checked_add(SignedDuration::from_mins(1)).ok())
            .unwrap_or(demo.now),
        Err(why) if why.kind() == std::io::ErrorKind::NotFound => demo.now,
        Err(why) => return Err(told(why)),
    };
    std::fs::write(&file, now.to_string()).map_err(told)?;
    Ok(now)
}

fn start(demo: &Demo, config: &Path, state: &Path, now: Timestamp) -> Result<Helper, Failure> {
    let program = own_folder()?.join(&demo.program);
    let told = |why: std::io::Error| {
        Failure::configuration(format!(
            "the helper {} could not be started: {why}; build everything first: cargo build --release \
             --workspace",
            program.display()
        ))
    };
    let args = demo.args.iter().map(|it| {
        it.replace("{config}", &config.to_string_lossy())
            .replace("{state}", &state.to_string_lossy())
            .replace("{now}", &now.to_string())
    });
    let mut child = Command::new(&program)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(told)?;
    let mut line = String::new();
    if let Some(stdout) = child.stdout.take() {
        BufReader::new(stdout).read_line(&mut line).map_err(told)?;
    }
    match serde_json::from_str::<Ready>(&line) {
        Ok(ready) => Ok(Helper {
            child,
            url: ready.url,
        }),
        Err(_) => {
            let _ = child.kill();
            let _ = child.wait();
            Err(Failure::unexpected(format!(
                "the helper {} did not say where it listens, but: {line}",
                program.display()
            )))
        }
    }
}

pub(super) async fn demo(common: &Common, out: &Out, args: DemoArgs) -> Result<u8, Failure> {
    let folder = state_folder(common, args.state.clone());
    if args.fresh && folder.exists() {
        std::fs::remove_dir_all(&folder)
            .map_err(|why| Failure::unexpected(format!("{}: {why}", folder.display())))?;
    }
    let Ground {
        deployment,
        environment,
        clock,
        helper,
    } = ground(common, args.state)?;
    let story = deployment
        .demo
        .as_ref()
        .map(|it| it.story.clone())
        .unwrap_or_default();
    let socket = deployment.socket.clone();
    if !out.json {
        for line in &story {
            out.line(line);
        }
    }
    let here = open(deployment, environment, clock).await?;
    let ask = |request| Signed {
        by: person(),
        request,
    };
    let bars = Bars::new();
    let confirm = SyncRequest {
        confirm: true,
        ..SyncRequest::default()
    };
    let report = match operate::handle(&here.engine, ask(Request::Sync(confirm)), &bars).await {
        Answer::Synced(it) => it,
        other => return Err(sync::unexpected(other)),
    };
    let status = match operate::handle(&here.engine, ask(Request::Status), &bars).await {
        Answer::Status(it) => it,
        other => return Err(sync::unexpected(other)),
    };
    drop(bars);
    let proof = match &helper {
        Some(helper) => crate::cli::proof::ask(&here.engine, &helper.url).await,
        None => Vec::new(),
    };
    if out.json {
        out.value(&serde_json::json!({ "sync": report, "status": status, "proof": proof }));
    } else {
        render::sync(out, &report);
        render::status(out, &status);
        for (label, value) in &proof {
            out.line(format!("{label}: {value}"));
        }
        let writing: u64 = report.calls.values().map(|it| it.writing).sum();
        if writing == 0 {
            out.line("Run again: 0 writing calls.");
        }
        out.line(format!(
            "State: {}. Any command works on it, such as: ledgerline list --state warning",
            folder.display()
        ));
    }
    if args.stay {
        let door = Door::open(&socket).map_err(Failure::unexpected)?;
        if let Some(helper) = &helper {
            remark(format!(
                "the stand-in listens on {}; Ctrl-C ends both",
                helper.url
            ));
        }
        let stopper = here.engine.clone();
        let signals = tokio::spawn(async move { stopped(&stopper).await });
        door.serve(here.engine.clone()).await;
        signals.abort();
    }
    here.network.save().await;
    Ok(sync::code(&report))
}
