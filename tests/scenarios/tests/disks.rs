//! What a disk and the people around it do to a deployment: plugins that were changed or may be,
//! a store that lost its end or comes from tomorrow, no room, no permission to write. The real
//! program says what is wrong, where, and what to do; nothing is lost, and once the obstacle is gone
//! a plain run brings the right books.

use std::{
    fs::{self, OpenOptions, Permissions},
    io::{Seek, SeekFrom, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    sync::Mutex,
};

use scenarios::processes::{Books, Ended, Programs};

/// Three calls that write credit notes.
const NOTES: usize = 24;
/// More runs than it may take to bring everything to its end.
const RUNS: usize = 4;

const SYNC: [&str; 3] = ["sync", "--confirm", "--json"];

fn ground() -> Programs {
    Programs::start(NOTES, |plan| plan.batch(10))
}

/// The obstacle is gone: plain runs until nothing is left, and the right books.
fn comes_right(what: &str, programs: &Programs) {
    let mut last = None;
    for _ in 0..RUNS {
        let ended = programs.run(SYNC);
        let done = ended.code == Some(0);
        last = Some(ended);
        if done {
            break;
        }
    }
    let last = last.expect("a run");
    assert_eq!(last.code, Some(0), "{what}: {last:#?}");
    let books: Books = programs.books();
    assert_eq!(books.faults(), Vec::<String>::new(), "{what}");
    assert!(books.xero.len() >= NOTES, "{what}: {books:#?}");
}

/// The program said what is wrong, where and what helps, and ended by itself.
fn told(what: &str, ended: &Ended, words: &[&str]) {
    assert_eq!(ended.signal, None, "{what}: {ended:#?}");
    assert!(ended.code.is_some_and(|it| it != 0), "{what}: {ended:#?}");
    // Lines are wrapped where they are too long.
    let said = format!("{} {}", ended.stdout, ended.stderr);
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    for word in words {
        assert!(
            said.to_lowercase().contains(&word.to_lowercase()),
            "{what}: `{word}` is not said: {ended:#?}"
        );
    }
    assert!(!said.contains("panicked at"), "{what}: {ended:#?}");
}

/// A folder of plugins of its own, which the deployment then uses.
fn own_plugins(programs: &Programs) -> PathBuf {
    let folder = programs.config().join("plugins");
    fs::create_dir(&folder).expect("a folder");
    fs::set_permissions(&folder, Permissions::from_mode(0o755)).expect("permissions");
    for name in ["cin7_omni", "xero"] {
        let file = format!("libledgerline_{name}.so");
        fs::copy(scenarios::program(&file), folder.join(&file)).expect("a copy");
    }
    let main = programs.config().join("ledgerline.toml");
    let text = fs::read_to_string(&main).expect("a file");
    let mut deployment: toml::Table = text.parse().expect("TOML");
    let name = toml::Value::String("plugins".into());
    deployment.insert("plugins".into(), toml::Value::Array(vec![name]));
    fs::write(&main, deployment.to_string()).expect("a file");
    folder
}

fn poke(file: &Path, at: u64, bytes: &[u8]) {
    let mut file = OpenOptions::new().write(true).open(file).expect("a file");
    file.seek(SeekFrom::Start(at)).expect("a place");
    file.write_all(bytes).expect("a write");
}

#[test]
fn plugins_that_are_not_what_was_examined() {
    let programs = ground();
    let folder = own_plugins(&programs);
    let xero = folder.join("libledgerline_xero.so");
    let sound = fs::read(&xero).expect("a plugin");
    let nothing_moved = |what: &str| {
        assert_eq!(
            programs.books().xero,
            Vec::new(),
            "{what}: something was sent"
        );
    };
    let restore = || fs::write(&xero, &sound).expect("a file");

    // One byte of code, somewhere in the middle.
    let middle = sound.len() / 2;
    poke(&xero, middle as u64, &[sound[middle] ^ 1]);
    let ended = programs.run(SYNC);
    told(
        "a changed byte",
        &ended,
        &[
            "libledgerline_xero.so",
            "plugins.lock",
            "plugins lock",
            "sha-256",
        ],
    );
    nothing_moved("a changed byte");
    restore();

    // Of another machine: neither used nor locked.
    poke(&xero, 18, &[0xb7, 0]);
    let ended = programs.run(["plugins", "lock"]);
    told(
        "another machine",
        &ended,
        &["libledgerline_xero.so", "machine"],
    );
    restore();
    let ended = programs.run(["plugins", "lock"]);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    poke(&xero, 18, &[0xb7, 0]);
    told(
        "another machine",
        &programs.run(SYNC),
        &["libledgerline_xero.so"],
    );
    nothing_moved("another machine");
    restore();

    for length in [0, 1, 64, 4096, sound.len() / 2, sound.len() - 1] {
        fs::write(&xero, &sound[..length]).expect("a file");
        let what = format!("the first {length} bytes");
        told(&what, &programs.run(SYNC), &["libledgerline_xero.so"]);
        let ended = programs.run(["plugins", "lock"]);
        if length < sound.len() - 1 {
            told(&what, &ended, &["libledgerline_xero.so"]);
        }
        restore();
        let ended = programs.run(["plugins", "lock"]);
        assert_eq!(ended.code, Some(0), "{ended:#?}");
    }
    nothing_moved("a part of a plugin");

    // Where everybody may put something else into its place.
    for (path, mode, right) in [(&folder, 0o777, 0o755), (&xero, 0o666, 0o755)] {
        fs::set_permissions(path, Permissions::from_mode(mode)).expect("permissions");
        let ended = programs.run(SYNC);
        told("writable by others", &ended, &["plugins", "chmod"]);
        fs::set_permissions(path, Permissions::from_mode(right)).expect("permissions");
    }
    nothing_moved("writable by others");
    comes_right("the plugin is back", &programs);
}

/// Everything below a folder.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for file in fs::read_dir(from).expect("a folder") {
        let path = file.expect("a file").path();
        let copied = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy(&path, &copied);
        } else {
            fs::copy(&path, &copied).expect("a copy");
        }
    }
}

/// Lengths at which a file may have lost its end.
const LENGTHS: [(u64, u64); 3] = [(0, 1), (1, 2), (99, 100)];

/// Files of a store that lost their end, as by a disk that told a lie. The run before died in the
/// middle, so documents are pending, synced, and under way.
#[test]
fn a_truncated_store() {
    let mut cases = Vec::new();
    for name in ["db", "conf", "snap", "store.generation"] {
        for part in LENGTHS {
            cases.push((name, part));
        }
    }
    let count = cases.len();
    let cases = Mutex::new(cases.into_iter());
    let outcomes = Mutex::new((0, 0));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let next = cases.lock().expect("a sound lock").next();
                    let Some((name, part)) = next else { return };
                    let refused = truncated(name, part);
                    let mut outcomes = outcomes.lock().expect("a sound lock");
                    outcomes.0 += 1;
                    outcomes.1 += usize::from(refused);
                }
            });
        }
    });
    let (tried, refused) = outcomes.into_inner().expect("a sound lock");
    assert_eq!(tried, count);
    assert!(refused > 0, "no truncation was noticed at the opening");
}

/// Whether the store was refused.
fn truncated(name: &str, (of, parts): (u64, u64)) -> bool {
    let what = format!("{of}/{parts} of {name}");
    let programs = ground();
    let died = programs.run_until("answer-received:2", SYNC);
    assert!(died.signal.is_some(), "{what}: {died:#?}");
    let state = programs.config().join("state");
    let files: Vec<PathBuf> = [state.clone(), state.join("store")]
        .iter()
        .flat_map(|it| fs::read_dir(it).expect("a folder"))
        .map(|it| it.expect("a file").path())
        .filter(|it| {
            let file = it
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            it.is_file() && (file == name || (name == "snap" && file.starts_with("snap.")))
        })
        .collect();
    let untouched = programs.config().join("untouched");
    copy(&state, &untouched);
    for file in &files {
        let long = used(file);
        let file = OpenOptions::new().write(true).open(file).expect("a file");
        file.set_len(long * of / parts).expect("a length");
    }
    let ended = programs.run(SYNC);
    let refused = ended.code != Some(0) && ended.code != Some(4);
    if refused {
        told(&what, &ended, &["store"]);
        let said = format!("{}{}", ended.stdout, ended.stderr);
        let remedy = ["backup", "store check", "plugins"]
            .iter()
            .any(|it| said.contains(it));
        assert!(remedy, "{what}: no remedy: {ended:#?}");
        fs::remove_dir_all(&state).expect("a folder");
        copy(&untouched, &state);
        comes_right(&what, &programs);
    } else {
        nothing_worse(&what, &programs);
    }
    refused
}

/// The store went on with what was left of it. What was lost with its end cannot come back by itself:
/// nothing may be sent twice or made up, and whatever is not in order is told with a remedy.
fn nothing_worse(what: &str, programs: &Programs) {
    for _ in 0..RUNS {
        if programs.run(SYNC).code == Some(0) {
            break;
        }
    }
    let left = programs.books().faults();
    let open = |it: &String| {
        it.ends_with("and its source does not show it") || it.ends_with("is not in Xero")
    };
    let (open, worse): (Vec<String>, Vec<String>) = left.into_iter().partition(open);
    assert_eq!(worse, Vec::<String>::new(), "{what}");
    if !open.is_empty() {
        let status = programs.run(["status"]);
        assert!(
            status.stdout.contains("Remedy: "),
            "{what}: {open:#?} and {status:#?}"
        );
    }
}

/// The database of a store lost all that was in it, and its mark tells so. Every document is found, or
/// proven not to be there, by its number; those that stop do so for their own reasons.
#[test]
fn a_store_that_is_cut_to_nothing_comes_right() {
    let undisturbed = ground();
    comes_right("undisturbed", &undisturbed);
    let wanted = stops(&undisturbed);
    assert!(wanted.len() > 3, "{wanted:#?}");
    // Some were read; a batch was taken and one is not known of; marks are being made; all is done.
    let steps = [
        "page-taken-in:2",
        "answer-received:2",
        "answer-received:5",
        "run-ended",
    ];
    for step in steps {
        let programs = ground();
        let died = programs.run_until(step, SYNC);
        assert!(died.signal.is_some(), "{step}: {died:#?}");
        let store = programs.config().join("state").join("store");
        let database = OpenOptions::new().write(true).open(store.join("db"));
        database.expect("a file").set_len(0).expect("a length");
        comes_right(step, &programs);
        assert_eq!(stops(&programs), wanted, "{step}");
    }
}

/// What is stopped for reasons of its own: route, state, cause, and how many. Whose customer is a question
/// for a person may be uncertain until that is answered.
fn stops(programs: &Programs) -> Vec<String> {
    let status = programs.run(["status", "--json"]).json();
    let groups = status["groups"].as_array().expect("groups");
    let mut stops: Vec<String> = groups
        .iter()
        .map(|it| &it["group"])
        .filter(|it| !it["cause"].as_str().expect("a cause").starts_with("entry:"))
        .map(|it| {
            let count = &it["tally"]["count"];
            format!("{} {} {} {count}", it["route"], it["state"], it["cause"])
        })
        .collect();
    stops.sort();
    stops
}

/// Bytes of a file up to the last that is not zero: files of a database are longer than what is in
/// them.
fn used(file: &Path) -> u64 {
    let bytes = fs::read(file).expect("a file");
    let last = bytes.iter().rposition(|it| *it != 0);
    last.map_or(0, |it| it as u64 + 1)
}

#[test]
fn a_store_of_tomorrow() {
    let programs = ground();
    let died = programs.run_until("answer-received:2", SYNC);
    assert!(died.signal.is_some(), "{died:#?}");
    let state = programs.config().join("state");
    let untouched = programs.config().join("untouched");
    copy(&state, &untouched);
    {
        let tree = sled::Config::new()
            .path(state.join("store"))
            .segment_size(4 * 1024 * 1024)
            .open()
            .expect("a database");
        // Version of the row, then the number of the schema.
        tree.insert("mschema", &[1, 99]).expect("a row");
        tree.flush().expect("a disk");
    }
    for command in [&SYNC[..], &["status"], &["list"], &["store", "check"]] {
        let ended = programs.run(command);
        told(
            &format!("{command:?}"),
            &ended,
            &["schema 99", "newer engine", "store"],
        );
    }
    fs::remove_dir_all(&state).expect("a folder");
    copy(&untouched, &state);
    comes_right("the older store is back", &programs);
}

/// A disk of its own for the state of a deployment.
struct Disk {
    folder: PathBuf,
}

impl Disk {
    /// None where nobody may mount one.
    #[expect(
        clippy::print_stderr,
        reason = "who runs the tests must see what was left out"
    )]
    fn new(folder: &Path, megabytes: usize) -> Option<Self> {
        fs::create_dir_all(folder).expect("a folder");
        let size = format!("size={megabytes}m,mode=0700");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "tmpfs"])
            .arg(folder)
            .output();
        if mounted.is_ok_and(|it| it.status.success()) {
            let folder = folder.to_owned();
            return Some(Self { folder });
        }
        eprintln!("SKIPPED: this needs the right to mount a file system (root)");
        None
    }

    fn mount_again(&self, how: &str) {
        let done = Command::new("mount")
            .args(["-o", &format!("remount,{how}")])
            .arg(&self.folder)
            .status();
        assert!(done.is_ok_and(|it| it.success()), "cannot mount {how}");
    }

    /// Fills it up but for so many bytes; the file that does it.
    fn fill(&self, spare: u64) -> PathBuf {
        let path = self.folder.join("ballast");
        let mut ballast = fs::File::create(&path).expect("a file");
        let piece = [0; 16 * 1024];
        while ballast.write_all(&piece).is_ok() {}
        let long = ballast.metadata().expect("a length").len();
        ballast
            .set_len(long.saturating_sub(spare))
            .expect("a length");
        path
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.folder).status();
    }
}

/// No room at all, and room for a part of the work.
#[test]
fn a_full_disk() {
    let mut told_so = 0;
    for spare in [0, 64 * 1024, 256 * 1024, 1024 * 1024, 4 * 1024 * 1024] {
        let what = format!("{spare} bytes are free");
        let programs = ground();
        let Some(disk) = Disk::new(&programs.config().join("state"), 96) else {
            return;
        };
        let ballast = disk.fill(spare);
        let ended = programs.run(SYNC);
        if ended.code != Some(0) {
            told(&what, &ended, &["state", "full", "make room"]);
            told_so += 1;
        }
        fs::remove_file(ballast).expect("a file");
        comes_right(&what, &programs);
    }
    assert!(told_so >= 3, "the disk was full {told_so} times");
}

/// The disk fills up in the middle of the work, with calls under way.
#[test]
fn a_disk_that_fills_up_in_the_middle() {
    for step in ["page-taken-in:2", "intent-recorded:2", "answer-received:3"] {
        let programs = ground();
        let Some(disk) = Disk::new(&programs.config().join("state"), 96) else {
            return;
        };
        let died = programs.run_until(step, SYNC);
        assert!(died.signal.is_some(), "{step}: {died:#?}");
        let ballast = disk.fill(0);
        let ended = programs.run(SYNC);
        if ended.code != Some(0) {
            told(step, &ended, &["state", "full", "make room"]);
        }
        fs::remove_file(ballast).expect("a file");
        comes_right(step, &programs);
    }
}

#[test]
fn a_read_only_disk() {
    let programs = ground();
    let Some(disk) = Disk::new(&programs.config().join("state"), 96) else {
        return;
    };
    // Nothing is there yet.
    disk.mount_again("ro");
    told(
        "empty",
        &programs.run(SYNC),
        &["state", "read-only", "writ"],
    );
    disk.mount_again("rw");
    let died = programs.run_until("answer-received:2", SYNC);
    assert!(died.signal.is_some(), "{died:#?}");
    disk.mount_again("ro");
    let before = programs.books().xero;
    told(
        "at work",
        &programs.run(SYNC),
        &["state", "read-only", "writ"],
    );
    assert_eq!(
        programs.books().xero,
        before,
        "something was sent that cannot be kept"
    );
    disk.mount_again("rw");
    comes_right("it can be written again", &programs);
}
