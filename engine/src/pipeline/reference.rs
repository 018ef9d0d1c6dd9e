//! Reference lists of the targets: accounts, tax rates, contacts. Kept in the store as documents
//! without entries, refreshed when they are old, held in memory while decisions are made.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use crate::{
    clock::is_fresh,
    mapping::{Reference, Value},
    pipeline::{
        decide::lock,
        engine::Connected,
        pull::{Reading, pull},
        run::Run,
        steps,
    },
    store::{SharedStore, StoreError, StreamId, offload},
};

/// Milliseconds after which a list with balances is read from its beginning again.
const WHOLE_EVERY: i64 = 24 * 3_600_000;

/// Snapshots by connection, made anew when a list changed.
#[derive(Debug, Default)]
pub(crate) struct References {
    by_connection: Mutex<BTreeMap<String, Arc<Reference>>>,
    /// Held while lists are read, so that routes side by side read each once.
    reading: Mutex<BTreeMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

/// Note under which the age of a list is kept; absent while it was never read.
pub(crate) fn note(stream: &StreamId) -> String {
    format!("reference/{}/{}", stream.connection, stream.stream)
}

/// Note under which it is kept when a list with balances was last read from its beginning.
pub(crate) fn whole_note(stream: &StreamId) -> String {
    format!("reference-whole/{}/{}", stream.connection, stream.stream)
}

/// Whether each of these lists was read to its end at least once.
pub(crate) async fn read_whole(
    run: &Run<'_>,
    system: &Connected,
    streams: &[String],
) -> Result<bool, StoreError> {
    for name in streams {
        let key = note(&StreamId {
            connection: system.connection.name.clone(),
            stream: name.clone(),
        });
        let known = system.plugin.manifest().streams.contains_key(name);
        if known
            && offload::run(&run.store, move |store| store.note(&key))
                .await?
                .is_none()
        {
            return Ok(false);
        }
    }
    Ok(true)
}

impl References {
    /// The lists `streams` of `system`, fresh enough, as one snapshot. Those in `mended` are read again
    /// whatever their age.
    pub(crate) async fn fresh(
        &self,
        run: &Run<'_>,
        system: &Connected,
        streams: &[String],
        mended: &BTreeSet<String>,
    ) -> Result<Arc<Reference>, StoreError> {
        let connection = &system.connection.name;
        let turn = lock(&self.reading)
            .entry(connection.clone())
            .or_default()
            .clone();
        let _alone = turn.lock().await;
        let mut due = Vec::new();
        for name in streams {
            due.extend(due_list(run, system, name, mended.contains(name)).await?);
        }
        // Side by side: the first document waits for all of them.
        let lists = due.into_iter().map(|id| read_list(run, system, id));
        let mut changed = false;
        for one in futures_util::future::join_all(lists).await {
            changed |= one?;
        }
        let held = lock(&self.by_connection).get(connection).cloned();
        if let Some(it) = held
            && !changed
            && streams.iter().all(|name| it.knows(name))
        {
            return Ok(it);
        }
        let mut names: Vec<String> = streams.to_vec();
        for (name, stream) in &system.plugin.manifest().streams {
            if stream.reference && !names.contains(name) {
                names.push(name.clone());
            }
        }
        let snapshot = Arc::new(read(&run.store, connection, names).await?);
        lock(&self.by_connection).insert(connection.clone(), snapshot.clone());
        Ok(snapshot)
    }

    /// What was last read, without asking anybody.
    pub(crate) async fn held(
        &self,
        store: &SharedStore,
        system: &Connected,
        streams: &[String],
    ) -> Result<Arc<Reference>, StoreError> {
        let connection = &system.connection.name;
        if let Some(it) = lock(&self.by_connection).get(connection)
            && streams.iter().all(|name| it.knows(name))
        {
            return Ok(it.clone());
        }
        Ok(Arc::new(read(store, connection, streams.to_vec()).await?))
    }
}

/// The list, when it is to be read now.
async fn due_list(
    run: &Run<'_>,
    system: &Connected,
    name: &str,
    mended: bool,
) -> Result<Option<StreamId>, StoreError> {
    let Some(stream) = system.plugin.manifest().streams.get(name) else {
        return Ok(None);
    };
    let id = StreamId {
        connection: system.connection.name.clone(),
        stream: name.to_owned(),
    };
    let key = note(&id);
    let stored = offload::run(&run.store, move |store| store.note(&key)).await?;
    let now = run.engine.clock.now_ms();
    let at = stored.and_then(|it| it.parse::<i64>().ok());
    let limit = i64::try_from(system.connection.reference_age.as_millis()).unwrap_or(i64::MAX);
    let first_this_run = run.first_look(&id);
    // A run asks once who does not answer, not for each route.
    if !first_this_run && run.is_parked(&id.connection) {
        return Ok(None);
    }
    let due = at.is_none_or(|it| !is_fresh(it, now, limit))
        || ((stream.always_fresh || mended) && first_this_run);
    Ok(due.then_some(id))
}

/// Reads what is new in a list. Returns whether anything is.
async fn read_list(run: &Run<'_>, system: &Connected, id: StreamId) -> Result<bool, StoreError> {
    let StreamId { connection, stream } = &id;
    let now = run.engine.clock.now_ms();
    let rules = system.rules.get(stream);
    let anew = begins_anew(run, system, &id, now).await?;
    let mut changed = false;
    let pulled = pull(
        run,
        system,
        (&id, Reading::Usual),
        rules,
        &[],
        None,
        |count, intake| {
            // Lists have no entries, so the page's documents are what counts.
            changed |= count > intake.same;
        },
    )
    .await;
    if let Err(why) = pulled {
        run.park(connection, &why.to_string());
        return Ok(changed);
    }
    steps::reached("list-read", &format!("{connection}/{stream}"));
    let (key, at) = (note(&id), now.to_string());
    let whole = anew.then(|| whole_note(&id));
    offload::run(&run.store, move |store| {
        store.set_note(&key, Some(&at))?;
        whole.map_or(Ok(()), |note| store.set_note(&note, Some(&at)))
    })
    .await?;
    steps::reached("list-noted", &format!("{connection}/{stream}"));
    Ok(changed)
}

/// A list that shows balances is read from its beginning once a day: a system need not mark a contact as
/// changed when an invoice of it is.
async fn begins_anew(
    run: &Run<'_>,
    system: &Connected,
    id: &StreamId,
    now: i64,
) -> Result<bool, StoreError> {
    let stream = system.plugin.manifest().streams.get(&id.stream);
    if stream.is_none_or(|it| it.balances.is_none()) {
        return Ok(false);
    }
    let (id, key) = (id.clone(), whole_note(id));
    offload::run(&run.store, move |store| {
        let last = store.note(&key)?.and_then(|it| it.parse::<i64>().ok());
        let due = last.is_none_or(|it| !is_fresh(it, now, WHOLE_EVERY));
        if due {
            store.set_cursor(&id, None)?;
        }
        Ok(due)
    })
    .await
}

async fn read(
    store: &SharedStore,
    connection: &str,
    streams: Vec<String>,
) -> Result<Reference, StoreError> {
    let connection = connection.to_owned();
    offload::run(store, move |store| {
        let mut reference = Reference::default();
        for name in streams {
            let id = StreamId {
                connection: connection.clone(),
                stream: name.clone(),
            };
            reference.know(&name);
            let mut after: Option<String> = None;
            loop {
                let page = store.documents(&id, after.as_deref(), 1000)?;
                let Some((last, _)) = page.last() else { break };
                after = Some(last.clone());
                for (key, document) in page {
                    if document.deleted {
                        continue;
                    }
                    if let Ok(value) = Value::parse(&document.body) {
                        reference.insert(&name, &key, value);
                    }
                }
            }
        }
        Ok(reference)
    })
    .await
}
