//! `plugins`: what is installed, what it says, and the lock.

use std::path::Path;

use crate::{
    cli::{
        args::{Common, PluginsCommand},
        open::{Failure, ground, places, plugins as load, wanted},
        out::{Out, remark},
        plugins_check::check,
        plugins_new::new,
    },
    plugins::{Inspection, Plugin, inspect, lock_installed},
};

pub(super) fn plugins(common: &Common, out: &Out, command: PluginsCommand) -> Result<u8, Failure> {
    match command {
        PluginsCommand::Check(it) => check(common, out, &it),
        PluginsCommand::List => list(common, out),
        PluginsCommand::Inspect { file } => look(common, out, &file),
        PluginsCommand::Lock => lock(common, out),
        PluginsCommand::New { name, path, api } => new(out, &name, path, api),
    }
}

fn list(common: &Common, out: &Out) -> Result<u8, Failure> {
    let deployment = ground(common)?.deployment;
    let registry = load(&deployment)?;
    let rows: Vec<Vec<String>> = registry
        .plugins()
        .map(|it| {
            vec![
                it.name().to_owned(),
                it.version().to_string(),
                it.manifest()
                    .streams
                    .keys()
                    .cloned()
                    .collect::<Vec<_>>()
                    .join(", "),
                it.sha256().to_owned(),
            ]
        })
        .collect();
    if out.json {
        out.value(&rows);
    } else {
        out.table(&["plugin", "version", "streams", "sha256"], rows);
    }
    Ok(0)
}

fn look(common: &Common, out: &Out, file: &Path) -> Result<u8, Failure> {
    let found = examine(common, file)?;
    if out.json {
        out.value(found.plugin.manifest().as_ref());
    } else {
        describe(out, &found.plugin);
    }
    Ok(0)
}

/// Loads the library at a path, whatever plugin it holds, without a deployment too: its private copy
/// then goes to a folder of its own.
pub(super) fn examine(common: &Common, file: &Path) -> Result<Inspection, Failure> {
    let (state, _own) = match ground(common) {
        Ok(it) => (it.deployment.state.clone(), None),
        Err(_) => {
            let folder = std::env::temp_dir().join(format!("ledgerline-{}", std::process::id()));
            (folder.clone(), Some(Scratch(folder)))
        }
    };
    let file = file
        .canonicalize()
        .map_err(|why| Failure::refused(format!("{}: {why}", file.display())))?;
    inspect(&file, &state).map_err(|it| Failure::refused(it.to_string()))
}

struct Scratch(std::path::PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        // Made by us a moment ago; the system clears its temporary folder otherwise.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn describe(out: &Out, plugin: &Plugin) {
    let manifest = plugin.manifest();
    out.line(format!(
        "{} {} ({})",
        plugin.name(),
        plugin.version(),
        manifest.title
    ));
    out.line(format!(
        "built with {}, ABI {}",
        plugin.built_with(),
        plugin.abi()
    ));
    out.line(format!("sha256 {}", plugin.sha256()));
    out.line(format!("hosts {}", manifest.hosts.join(", ")));
    for (name, stream) in &manifest.streams {
        let ops: Vec<String> = stream
            .ops
            .iter()
            .map(|it| format!("{it:?}").to_lowercase())
            .collect();
        out.line(format!("stream {name}: {}", ops.join(", ")));
    }
}

fn lock(common: &Common, out: &Out) -> Result<u8, Failure> {
    let deployment = ground(common)?.deployment;
    let wanted = wanted(&deployment);
    let names = wanted.iter().map(|it| it.plugin.as_str());
    let (lock, errors) = lock_installed(names, places(&deployment));
    for error in &errors {
        remark(error.to_string());
    }
    if !errors.is_empty() {
        return Err(Failure::configuration("plugins.lock was not written"));
    }
    lock.write(&deployment.plugins_lock)
        .map_err(Failure::unexpected)?;
    out.line(format!(
        "{} plugins locked in {}",
        lock.plugins.len(),
        deployment.plugins_lock.display()
    ));
    Ok(0)
}
