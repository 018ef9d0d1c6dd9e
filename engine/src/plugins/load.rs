//! Opens verified libraries, from a private copy, once for each content.
//!
//! The copy lies at `<state>/plugins/NAME/SHA256/connector.so`. Opening that path instead of the
//! installed one closes the gap between check and use, keeps the dynamic linker from giving back an
//! older image that was once opened under the same path, and gives each upgrade a path of its own.
//! Nothing is ever closed: destructors of thread-local storage may still point into a library.

use std::{
    collections::BTreeMap,
    fs::{self, DirBuilder, OpenOptions, Permissions},
    io::{self, ErrorKind, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::{Mutex, OnceLock, PoisonError},
};

use ledgerline_plugin_api::abi::{Connector, ENTRY_SYMBOL};
use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};

use super::{
    Lock, Plugin, Symbols,
    admit::{Origin, admit},
    elf, find,
    trace::{Broken, LoadError, Trace},
    verify,
};

/// A library that was loaded, and what its headers say.
pub(super) struct Loaded {
    pub(super) plugin: Plugin,
    pub(super) symbols: Symbols,
}

/// Finds and loads a plugin by name. Without a lock, whatever bytes are found may run.
pub(super) fn by_name(
    name: &str,
    folders: &[PathBuf],
    lock: Option<&Lock>,
    state: &Path,
) -> Result<Loaded, LoadError> {
    let mut trace = Trace::new(name);
    find::check_name(name, &mut trace)?;
    let path = find::library(name, folders, &mut trace)?;
    let loaded = from(&path, Some(name), lock, state, &mut trace)?;
    if let Some(locked) = lock.and_then(|lock| lock.get(name)) {
        let version = loaded.plugin.version();
        if locked.version != *version {
            let broken = Broken::new(
                "the library must have the version that was locked",
                "run `ledgerline plugins lock`",
            );
            let outcome = format!("locked is {}, the library says {version}", locked.version);
            return Err(trace.refuse("compare its version with plugins.lock", outcome, broken));
        }
    }
    Ok(loaded)
}

/// Loads the library at a path, whatever plugin it holds.
pub(super) fn by_path(path: &Path, state: &Path) -> Result<Loaded, LoadError> {
    let mut trace = Trace::new(&path.display().to_string());
    match std::path::absolute(path) {
        Ok(path) => from(&path, None, None, state, &mut trace),
        Err(err) => {
            let broken = Broken::new("the path must exist", "give the path of a library");
            Err(trace.refuse("look for it", err.to_string(), broken))
        }
    }
}

fn from(
    path: &Path,
    name: Option<&str>,
    lock: Option<&Lock>,
    state: &Path,
    trace: &mut Trace,
) -> Result<Loaded, LoadError> {
    let bytes = verify::read(path, trace)?;
    let sha256 = verify::sha256(&bytes);
    if let (Some(name), Some(lock)) = (name, lock) {
        verify::check_lock(name, &sha256, lock, trace)?;
    }
    let symbols = elf::examine(&bytes, trace)?;
    let copy = keep(name.unwrap_or("inspected"), &sha256, &bytes, state, trace)?;
    let origin = Origin {
        sha256,
        path: Some(path.to_owned()),
    };
    let plugin = open_once(&copy, name, origin, trace)?;
    Ok(Loaded { plugin, symbols })
}

/// Puts the bytes into the private store, or finds them there.
fn keep(
    name: &str,
    sha256: &str,
    bytes: &[u8],
    state: &Path,
    trace: &mut Trace,
) -> Result<PathBuf, LoadError> {
    let folder = state.join("plugins").join(name).join(sha256);
    let what = format!("keep a private copy below {}", state.display());
    let made = DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&folder);
    if let Err(err) = made {
        return Err(trace.refuse(what, err.to_string(), not_kept(&err, state)));
    }
    let folder = verify::check_folders("check the folder of the private copy", &folder, trace)?;
    let copy = folder.join("connector.so");
    // Whatever else lies there is replaced: it cannot have been opened by this process, which opens
    // each content once.
    let known = verify::read_private(&copy).is_ok_and(|kept| kept == bytes);
    if !known && let Err(err) = write(&folder, &copy, bytes) {
        return Err(trace.refuse(what, err.to_string(), not_kept(&err, state)));
    }
    trace.done(
        what,
        if known {
            "it is there, unchanged"
        } else {
            "written"
        },
    );
    Ok(copy)
}

/// Why there is no private copy, and what helps.
fn not_kept(err: &io::Error, state: &Path) -> Broken {
    let shown = state.display();
    match err.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Broken::new(
            "the state folder must have room, and its disk is full",
            format!("make room for {shown} and start again"),
        ),
        ErrorKind::ReadOnlyFilesystem => Broken::new(
            "the state folder must be writable, and its file system is read-only",
            format!("make {shown} writable and start again"),
        ),
        _ => Broken::new(
            "the state folder must be the engine's own",
            format!("make {shown} writable for the engine"),
        ),
    }
}

fn write(folder: &Path, copy: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = folder.join(format!(".connector.so.{}", std::process::id()));
    let write = || {
        // Left behind by an engine of the same number that was killed.
        if temporary.symlink_metadata().is_ok() {
            fs::remove_file(&temporary)?;
        }
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o500)
            .open(&temporary)?;
        file.write_all(bytes)?;
        file.set_permissions(Permissions::from_mode(0o500))?;
        file.sync_all()?;
        fs::rename(&temporary, copy)
    };
    write().inspect_err(|_| {
        // The first error is the one to report.
        let _ = fs::remove_file(&temporary);
    })
}

/// Opens a library unless the same bytes are open already.
fn open_once(
    copy: &Path,
    name: Option<&str>,
    origin: Origin,
    trace: &mut Trace,
) -> Result<Plugin, LoadError> {
    static LOADED: OnceLock<Mutex<BTreeMap<String, Plugin>>> = OnceLock::new();
    let loaded = LOADED.get_or_init(Mutex::default);
    // Held while opening, so that two threads do not open the same bytes.
    let mut loaded = loaded.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(plugin) = loaded.get(&origin.sha256) {
        let what = "open the library";
        if let Some(name) = name.filter(|name| *name != plugin.name()) {
            let broken = Broken::new(
                "the library must hold the plugin that was asked for",
                format!("install the library of `{name}`, or correct the connection's `plugin`"),
            );
            return Err(trace.refuse(
                what,
                format!("it is the plugin `{}`", plugin.name()),
                broken,
            ));
        }
        trace.done(what, "it is open already");
        return Ok(plugin.clone());
    }
    let sha256 = origin.sha256.clone();
    let connector = open(copy, trace)?;
    // SAFETY: the symbol was looked up by the name that only connectors export; `admit` believes
    // nothing beyond a header before it has seen the magic number.
    let plugin = unsafe { admit(connector, name, origin, trace) }?;
    loaded.insert(sha256, plugin.clone());
    Ok(plugin)
}

fn open(copy: &Path, trace: &mut Trace) -> Result<*const Connector, LoadError> {
    let what = "open the library";
    let flags = RTLD_NOW | RTLD_LOCAL | libc::RTLD_NODELETE;
    // SAFETY: connectors are trusted code, and these are the bytes that the operator locked; their
    // constructors run here.
    let library = match unsafe { Library::open(Some(copy), flags) } {
        Ok(library) => library,
        Err(err) => {
            let broken = Broken::new(
                "the dynamic linker must accept the library",
                "install the libraries that it needs, or a build for this system",
            );
            return Err(trace.refuse(what, chain(&err), broken));
        }
    };
    // Never closed.
    let library = std::mem::ManuallyDrop::new(library);
    // SAFETY: the address alone is taken; what lies there is checked before it is believed.
    let symbol = unsafe { library.get::<*const Connector>(ENTRY_SYMBOL) };
    match symbol {
        Ok(symbol) => {
            trace.done(what, "done");
            Ok(*symbol)
        }
        Err(err) => {
            let broken = Broken::new(
                format!("the library must export `{}`", elf::ENTRY),
                "this is not a connector, or it was built without `export_connector!`",
            );
            Err(trace.refuse(what, chain(&err), broken))
        }
    }
}

/// The linker's own words stand in the source of the error.
fn chain(err: &dyn std::error::Error) -> String {
    match err.source() {
        Some(source) => format!("{err}: {source}"),
        None => err.to_string(),
    }
}
