//! `demo`: the whole thing at work on this machine alone.
//!
//! The helper program that `demo.toml` names stands in for the vendors on a free loopback port. The
//! deployment is the one of the folder, with the helper's address for every `base-url`; the plugins
//! are loaded as libraries, the store is on disk. Everything that is made lies in one state folder,
//! so a second `demo` goes on where the first one ended.

use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};

use crate::{
    cli::{
        args::{Common, DemoArgs},
        bars::Bars,
        helper::{self, Helper},
        open::{Failure, Ground, open, person, places, wanted},
        out::{Out, remark},
        render,
        run::stopped,
        sync,
    },
    clock::Clock,
    config::{self, Act, Demo},
    http::secrets::Environment,
    operate::{self, Answer, Bulk, Door, Request, Signed, SyncReport, SyncRequest},
    pipeline::Engine,
    plugins::lock_installed,
    store::{EntryId, Filter},
};

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
    let helper = helper::start(&demo, &deployment.folder, &state, now)?;
    let mut deployment = deployment.with_state_in(&state);
    let beside = helper::own_folder()?;
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

fn clock_file(state: &Path) -> PathBuf {
    state.join("clock")
}

/// The demonstration's own time goes on between its runs.
fn present(demo: &Demo, state: &Path) -> Result<Timestamp, Failure> {
    let file = clock_file(state);
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

pub(super) async fn demo(common: &Common, out: &Out, args: DemoArgs) -> Result<u8, Failure> {
    let folder = state_folder(common, args.state.clone());
    if args.fresh && folder.exists() {
        std::fs::remove_dir_all(&folder)
            .map_err(|why| Failure::unexpected(format!("{}: {why}", folder.display())))?;
    }
    let first = !clock_file(&folder).exists();
    let Ground {
        deployment,
        environment,
        clock,
        helper,
    } = ground(common, args.state)?;
    let (Some(demo), Some(helper)) = (deployment.demo.clone(), helper) else {
        return Err(Failure::unexpected("a demonstration without a helper"));
    };
    let socket = deployment.socket.clone();
    let tell = |line: &str| {
        if !out.json {
            out.line(line);
        }
    };
    demo.story.iter().for_each(|line| tell(line));
    let here = open(deployment, environment, clock).await?;
    let mut reports = vec![run(&here.engine).await?];
    for act in demo.acts.iter().filter(|_| first) {
        play(&here.engine, &helper, act).await?;
        reports.push(run(&here.engine).await?);
    }
    let status = match ask(&here.engine, Request::Status).await {
        Answer::Status(it) => it,
        other => return Err(sync::unexpected(other)),
    };
    let proof = helper.prove(&demo).await;
    if out.json {
        out.value(&serde_json::json!({ "runs": reports, "status": status, "proof": proof }));
    } else {
        let before = std::iter::once(None).chain(demo.acts.iter().map(Some));
        for (report, act) in reports.iter().zip(before) {
            if let Some(act) = act {
                out.heading(&act.say);
            }
            render::sync(out, report);
        }
        render::status(out, &status);
        for (label, value) in &proof {
            out.line(format!("{label}: {value}"));
        }
        let calls = reports.iter().flat_map(|it| it.calls.values());
        if calls.map(|it| it.writing).sum::<u64>() == 0 {
            out.line("Run again: 0 writing calls.");
        }
        out.line(format!(
            "State: {}. Any command works on it, such as: ledgerline list --state warning",
            folder.display()
        ));
    }
    if args.stay {
        let door = Door::open(&socket).map_err(Failure::unexpected)?;
        remark(format!(
            "the stand-in listens on {}; Ctrl-C ends both",
            helper.url
        ));
        let stopper = here.engine.clone();
        let signals = tokio::spawn(async move { stopped(&stopper).await });
        door.serve(here.engine.clone()).await;
        signals.abort();
    }
    here.network.save().await;
    Ok(reports.last().map_or(0, sync::code))
}

async fn ask(engine: &Engine, request: Request) -> Answer {
    let signed = Signed {
        by: person(),
        request,
    };
    operate::handle(engine, signed, &Bars::new()).await
}

async fn run(engine: &Engine) -> Result<SyncReport, Failure> {
    let confirm = SyncRequest {
        confirm: true,
        ..SyncRequest::default()
    };
    match ask(engine, Request::Sync(confirm)).await {
        Answer::Synced(it) => Ok(*it),
        other => Err(sync::unexpected(other)),
    }
}

/// What people do between two runs.
async fn play(engine: &Engine, helper: &Helper, act: &Act) -> Result<(), Failure> {
    for (path, body) in &act.tell {
        helper.tell(path, body).await?;
    }
    if act.reset.is_empty() {
        return Ok(());
    }
    let ids: Result<Vec<EntryId>, _> = act.reset.iter().map(|it| it.parse()).collect();
    let bulk = Bulk {
        filter: Filter {
            ids: ids.map_err(Failure::configuration)?,
            ..Filter::default()
        },
        reason: Some(act.say.clone()),
        count_only: false,
    };
    match ask(engine, Request::Reset(bulk)).await {
        Answer::Changed(_) => Ok(()),
        other => Err(sync::unexpected(other)),
    }
}
