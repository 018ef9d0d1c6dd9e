//! `plugins check`: what a plugin file has to hold to before it is given to anybody: it loads, its
//! statements agree, its schemas and its jq compile, and from recordings it passes the conformance
//! kit. For connectors in any language; one in Rust runs the same kit in its own tests.
//!
//! The library runs in a process of its own. So a crash or a hang is told as what it is, and whatever
//! it opens, starts or writes is seen: nobody else does so there.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use ledgerline_plugin_api::testkit::{
    Case, Replay, Report as Conformance, Run, conformance, conformance_and_memory,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    cli::{
        args::{Common, PluginCheck},
        open::Failure,
        out::{Out, remark},
        plugins::examine,
    },
    config::Findings,
    mapping::StreamRules,
    plugins::{Inspection, Plugin, heap_in_use},
};

/// The one symbol that a library exports.
const ENTRY: &str = "ledgerline_connector";

/// The longest that all sessions together may take.
const PATIENCE: Duration = Duration::from_secs(300);

/// What was found.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Report {
    plugin: String,
    version: String,
    failures: Vec<String>,
    warnings: Vec<String>,
    sessions: usize,
}

pub(super) fn check(common: &Common, out: &Out, args: &PluginCheck) -> Result<u8, Failure> {
    if let Some(path) = &args.report {
        let report = run(common, args)?;
        let text = serde_json::to_string(&report).map_err(Failure::unexpected)?;
        std::fs::write(path, text).map_err(Failure::unexpected)?;
        return Ok(0);
    }
    let report = in_a_process_of_its_own(common, args)?;
    if out.json {
        out.value(&report);
        return Ok(if report.failures.is_empty() { 0 } else { 3 });
    }
    for import in &report.warnings {
        remark(format!(
            "it imports `{import}`, which a connector has no use for: it asks the engine. The standard \
             library of some languages brings it along"
        ));
    }
    for failure in &report.failures {
        out.line(format!("- {failure}"));
    }
    let (name, version) = (&report.plugin, &report.version);
    if report.failures.is_empty() {
        let runs = report.sessions;
        out.line(format!("{name} {version} conforms: {runs} sessions"));
        if runs == 0 {
            remark("nothing was run: give recordings with --pull STREAM=FILE and --check FILE");
        }
        return Ok(0);
    }
    let count = report.failures.len();
    Err(Failure::refused(format!(
        "{name} {version} does not conform: {count} failure{}",
        if count == 1 { "" } else { "s" }
    )))
}

/// Runs this very command once more, with the report into a file.
fn in_a_process_of_its_own(common: &Common, args: &PluginCheck) -> Result<Report, Failure> {
    let folder = tempfile::tempdir().map_err(Failure::unexpected)?;
    let report = folder.path().join("report.json");
    let program = std::env::current_exe().map_err(Failure::unexpected)?;
    let mut command = Command::new(program);
    command.arg("--config").arg(&common.config);
    command.args(["--log", "off", "plugins", "check"]);
    command.arg(&args.file);
    for pull in &args.pulls {
        command.arg(format!("--pull={pull}"));
    }
    if let Some(path) = &args.checks {
        command.arg("--check").arg(path);
    }
    command.arg(format!("--settings={}", args.settings));
    if let Some(url) = &args.base_url {
        command.arg(format!("--base-url={url}"));
    }
    command.arg("--report").arg(&report);
    let said = |name: &str| folder.path().join(name);
    let file = |name: &str| std::fs::File::create(said(name)).map_err(Failure::unexpected);
    command
        .stdin(Stdio::null())
        .stdout(file("stdout")?)
        .stderr(file("stderr")?);
    let child = command.spawn().map_err(Failure::unexpected)?;
    let ended = wait(child)?;
    let text = |name: &str| {
        let bytes = std::fs::read(said(name)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).trim_end().to_owned()
    };
    // Refused before anything was run: in the words of the loader.
    if ended.is_some_and(|it| it.code().is_some_and(|code| code != 0)) && !report.exists() {
        let code = ended.and_then(|it| it.code());
        return Err(Failure {
            code: code.and_then(|it| u8::try_from(it).ok()).unwrap_or(1),
            message: text("stderr"),
        });
    }
    let mut found: Report = std::fs::read_to_string(&report)
        .ok()
        .and_then(|it| serde_json::from_str(&it).ok())
        .unwrap_or_else(|| Report {
            plugin: args.file.display().to_string(),
            ..Report::default()
        });
    match ended {
        None => found.failures.push(format!(
            "process: it was not done after {} s: a step must never wait for anything",
            PATIENCE.as_secs()
        )),
        Some(status) if !status.success() => found.failures.push(format!(
            "process: it ended the whole process ({status}): a crash takes the engine down with it"
        )),
        Some(_) => {}
    }
    for name in ["stdout", "stderr"] {
        let written = text(name);
        if !written.is_empty() {
            let excerpt: String = written.chars().take(200).collect();
            found.failures.push(format!(
                "output: it wrote to {name}, which is the operator's; use the log: {excerpt}"
            ));
        }
    }
    Ok(found)
}

/// `None` when it had to be ended.
fn wait(mut child: Child) -> Result<Option<ExitStatus>, Failure> {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        if let Some(status) = child.try_wait().map_err(Failure::unexpected)? {
            return Ok(Some(status));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    child.kill().map_err(Failure::unexpected)?;
    child.wait().map_err(Failure::unexpected)?;
    Ok(None)
}

fn run(common: &Common, args: &PluginCheck) -> Result<Report, Failure> {
    let settings: Value = serde_json::from_str(&args.settings)
        .map_err(|why| Failure::refused(format!("--settings is not JSON: {why}")))?;
    let Inspection { plugin, symbols } = examine(common, &args.file)?;
    let mut failures = statements(&plugin);
    failures.extend(examples_fit(&plugin));
    let beside = symbols.exports.iter().filter(|it| *it != ENTRY);
    failures.extend(beside.map(|it| format!("library: it exports `{it}` beside `{ENTRY}`")));
    if symbols.static_tls {
        failures.push("library: it needs static thread-local storage".to_owned());
    }
    let cases = cases(&plugin, args, &settings)?;
    if !cases.is_empty() {
        failures.extend(settings_fit(&plugin, &settings));
    }
    let before = Opened::now();
    let report = conforms(&plugin, &cases);
    failures.extend(report.failures);
    failures.extend(Opened::now().beyond(&before));
    let suspicious = symbols.suspicious().into_iter();
    Ok(Report {
        plugin: plugin.name().to_owned(),
        version: plugin.version().to_string(),
        failures,
        warnings: suspicious.map(str::to_owned).collect(),
        sessions: report.runs,
    })
}

/// With the memory of sessions, where the allocator tells what is in use.
fn conforms(plugin: &Plugin, cases: &[Case]) -> Conformance {
    match heap_in_use() {
        Some(_) => conformance_and_memory(plugin.connector(), cases, &|| {
            heap_in_use().unwrap_or_default()
        }),
        None => conformance(plugin.connector(), cases),
    }
}

/// Files and sockets that this process has open; nothing where there is no `/proc`.
struct Opened(BTreeSet<PathBuf>);

impl Opened {
    fn now() -> Self {
        let entries = std::fs::read_dir("/proc/self/fd").into_iter().flatten();
        let links = entries.flatten().map(|it| it.path());
        // The folder that is read just now is one of them, under a number of its own.
        let links = links.filter_map(|it| std::fs::read_link(it).ok());
        let own = PathBuf::from(format!("/proc/{}/fd", std::process::id()));
        Self(links.filter(|it| *it != own).collect())
    }

    fn beyond(&self, before: &Self) -> Vec<String> {
        let new = self.0.difference(&before.0);
        new.map(|it| {
            let what = it.display();
            format!("files: it left `{what}` open: a connector does no I/O of its own")
        })
        .collect()
    }
}

/// Schemas and jq of the manifest.
fn statements(plugin: &Plugin) -> Vec<String> {
    let manifest = plugin.manifest();
    let mut findings = Findings::default();
    for (name, stream) in &manifest.streams {
        StreamRules::compile(
            &manifest.name,
            name,
            stream,
            &manifest.prelude,
            &mut findings,
        );
    }
    findings.sort();
    let told = findings.list.iter().map(|it| {
        let help = it.help.iter().map(|it| format!(" ({it})"));
        format!("manifest: {}{}", it.message, help.collect::<String>())
    });
    told.collect()
}

fn settings_fit(plugin: &Plugin, settings: &Value) -> Vec<String> {
    let schema = &plugin.manifest().settings;
    if schema.is_null() {
        return Vec::new();
    }
    match jsonschema::validator_for(schema) {
        Ok(validator) => validator
            .iter_errors(settings)
            .map(|it| format!("--settings{}: {it}", it.instance_path()))
            .collect(),
        Err(why) => vec![format!("manifest: the settings schema is broken: {why}")],
    }
}

/// A schema has to take the examples that it gives itself.
fn examples_fit(plugin: &Plugin) -> Vec<String> {
    let manifest = plugin.manifest();
    let streams = manifest.streams.iter();
    let schemas = streams.map(|(name, it)| (format!("the schema of `{name}`"), &it.schema));
    let all = schemas.chain([("the settings schema".to_owned(), &manifest.settings)]);
    let mut failures = Vec::new();
    for (name, schema) in all {
        let Ok(validator) = jsonschema::validator_for(schema) else {
            continue;
        };
        let examples = schema.get("examples").and_then(Value::as_array);
        for example in examples.into_iter().flatten() {
            let errors = validator.iter_errors(example);
            failures.extend(errors.map(|it| {
                let at = it.instance_path();
                format!("manifest: {name} refuses its own example at `{at}`: {it}")
            }));
        }
    }
    failures
}

fn cases(plugin: &Plugin, args: &PluginCheck, settings: &Value) -> Result<Vec<Case>, Failure> {
    let replay = |path: &Path| {
        let told = |why: String| Failure::refused(format!("{}: {why}", path.display()));
        let text = std::fs::read_to_string(path).map_err(|it| told(it.to_string()))?;
        let replay = Replay::parse(plugin.connector(), &text).map_err(|it| told(it.to_string()))?;
        let replay = replay.settings(settings.clone());
        Ok::<_, Failure>(match &args.base_url {
            Some(url) => replay.base_url(url),
            None => replay,
        })
    };
    let mut cases = Vec::new();
    for pull in &args.pulls {
        let Some((stream, path)) = pull.split_once('=') else {
            return Err(Failure::refused(format!(
                "`--pull {pull}` is not STREAM=FILE"
            )));
        };
        let run = Run::Pull {
            stream: stream.to_owned(),
            cursor: Vec::new(),
        };
        let name = format!("pull {stream}");
        cases.push(Case::new(name, replay(Path::new(path))?, run));
    }
    if let Some(path) = &args.checks {
        cases.push(Case::new("check", replay(path)?, Run::Check));
    }
    Ok(cases)
}
