//! Pull and intake of a stream that is read from files.

use std::collections::BTreeMap;

use data_encoding::HEXLOWER;
use ledgerline_plugin_api::manifest::Files;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    config::FileDrop,
    files::{self, FileTrouble},
    mapping::StreamRules,
    pipeline::{
        engine::Connected,
        pull::{PullError, Pulled, incoming},
        run::Run,
        steps,
    },
    store::{Intake, PageIn, StoreError, StreamId, offload},
};

/// Documents that become durable together.
const PAGE: usize = 500;

/// Problems of one file that are named; of more there is a count.
const NAMED: usize = 20;

/// What is remembered of a file that was read.
#[derive(Default, Serialize, Deserialize)]
struct Noted {
    file: String,
    /// When it was written: one that was put there again since may be meant to replace what came between.
    #[serde(default)]
    written: i64,
    /// When, milliseconds since the epoch.
    at: i64,
    rows: u64,
    documents: u64,
    more: u64,
    problems: Vec<String>,
}

/// Where it is remembered that a file was read: by its content, under whatever name, and by how it was read,
/// so that one which is read differently is read again.
fn read_note(stream: &StreamId, hash: &str, how: &str) -> String {
    format!("file/{}/{}/{hash}/{how}", stream.connection, stream.stream)
}

/// Prefix of the notes about what of files could not be read: then connection, stream and file.
pub(crate) const TROUBLES: &str = "file-trouble/";

/// Reads the files of a stream that were not read yet. `taken` is called after each durable page.
pub(super) async fn pull_files(
    run: &Run<'_>,
    system: &Connected,
    stream: &StreamId,
    (files, drop): (&Files, &FileDrop),
    rules: Option<&std::sync::Arc<StreamRules>>,
    routes: &[String],
    mut taken: impl FnMut(u64, &Intake),
) -> Result<Pulled, PullError> {
    let pattern = drop.path.clone();
    let (found, unread) = offload::run(&run.store, move |_| {
        Ok::<_, StoreError>(files::find(&pattern))
    })
    .await?;
    let prefix = format!("{TROUBLES}{}/{}/", stream.connection, stream.stream);
    let named = prefix.clone();
    let mut known: BTreeMap<String, String> =
        offload::run(&run.store, move |store| store.notes(&named)).await?;
    let mut troubles: BTreeMap<String, FileTrouble> = BTreeMap::new();
    let trouble = |file: &str, problems: Vec<String>, more: u64| FileTrouble {
        connection: stream.connection.clone(),
        stream: stream.stream.clone(),
        file: file.to_owned(),
        more,
        problems,
    };
    for it in unread {
        troubles.insert(it.name.clone(), trouble(&it.name, vec![it.why], 0));
    }
    let how = version(format!("{files:?} {:?}", drop.form).as_bytes());
    for named in found {
        let (name, written) = (named.name.clone(), named.written);
        let file = offload::run(&run.store, move |_| {
            Ok::<_, StoreError>(files::content(&named))
        })
        .await?;
        let file = match file {
            Ok(it) => it,
            Err(it) => {
                troubles.insert(it.name.clone(), trouble(&it.name, vec![it.why], 0));
                continue;
            }
        };
        let noted = read_note(stream, &file.hash, &how);
        let key = noted.clone();
        let before = offload::run(&run.store, move |store| store.note(&key)).await?;
        let before: Option<Noted> = before.and_then(|it| serde_json::from_str(&it).ok());
        if let Some(before) = before.filter(|it| it.written >= written) {
            // It is still there, under whatever name, and what was wrong with it still is.
            if !before.problems.is_empty() {
                troubles.insert(name.clone(), trouble(&name, before.problems, before.more));
            }
            continue;
        }
        let (of, form) = (files.clone(), drop.form.clone());
        let read = offload::run(&run.store, move |_| {
            Ok::<_, StoreError>(files::read(&file.bytes, &of, &form))
        })
        .await?;
        let told = format!("{}/{}", stream.connection, stream.stream);
        steps::reached("page-read", &told);
        let (rows, count) = (read.rows, read.documents.len());
        let mut documents = read.documents.into_iter().peekable();
        while documents.peek().is_some() {
            let page: Vec<_> = documents
                .by_ref()
                .take(PAGE)
                .map(|(id, document)| {
                    let body = document.to_bytes();
                    let version = version(&body);
                    incoming(system, rules, id, version, Some(body))
                })
                .collect();
            let many = page.len() as u64;
            let (id, routes) = (stream.clone(), routes.to_vec());
            let at = run.engine.clock.now_ms();
            let intake = offload::run(&run.store, move |store| {
                store.intake_page(PageIn {
                    stream: &id,
                    routes: &routes,
                    documents: page,
                    cursor: None,
                    at,
                })
            })
            .await?;
            steps::reached("page-taken-in", &told);
            taken(many, &intake);
        }
        let more = read.problems.len().saturating_sub(NAMED) as u64;
        let problems = read.problems.iter().take(NAMED);
        let problems: Vec<String> = problems
            .map(|it| format!("line {}: {}", it.line, it.says))
            .collect();
        if !problems.is_empty() {
            troubles.insert(name.clone(), trouble(&name, problems.clone(), more));
        }
        // First what is wrong, then that it was read: a crash in between reads it again.
        keep_trouble(run, &prefix, &name, troubles.get(&name), &mut known).await?;
        let note = Noted {
            file: name,
            written,
            at: run.engine.clock.now_ms(),
            rows,
            documents: count as u64,
            more,
            problems,
        };
        run.keep_note(noted, serde_json::to_string(&note).ok())
            .await?;
    }
    // What was wrong with a file that is gone is nobody's matter any more.
    let gone: Vec<String> = known
        .keys()
        .filter_map(|it| it.strip_prefix(&prefix))
        .filter(|it| !troubles.contains_key(*it))
        .map(str::to_owned)
        .collect();
    for name in gone {
        keep_trouble(run, &prefix, &name, None, &mut known).await?;
    }
    for (name, it) in &troubles {
        keep_trouble(run, &prefix, name, Some(it), &mut known).await?;
    }
    run.tell_of_files(troubles.into_values().collect());
    Ok(Pulled::ToItsEnd)
}

/// Keeps or forgets what is wrong with a file; nothing is written when that is known.
async fn keep_trouble(
    run: &Run<'_>,
    prefix: &str,
    name: &str,
    trouble: Option<&FileTrouble>,
    known: &mut BTreeMap<String, String>,
) -> Result<(), StoreError> {
    let key = format!("{prefix}{name}");
    let text = trouble.and_then(|it| serde_json::to_string(it).ok());
    if known.get(&key) == text.as_ref() {
        return Ok(());
    }
    match &text {
        Some(it) => known.insert(key.clone(), it.clone()),
        None => known.remove(&key),
    };
    run.keep_note(key, text).await
}

/// Of what has no version of its own the content is one.
pub(crate) fn version(body: &[u8]) -> String {
    let digest = Sha256::digest(body);
    HEXLOWER.encode(digest.first_chunk::<8>().map_or(&digest[..], |it| it))
}
