//! Pull and intake: a stream's pages become durable together with the cursor that follows them.

use std::{collections::HashSet, sync::Arc};

use jiff::civil::Date;

use crate::{
    mapping::{StreamRules, Value},
    pipeline::{
        calls::ReadEffects, decide::stored_facts, engine::Connected, pull_files::pull_files,
        run::Run, steps,
    },
    plugins::{Asked, Given, Operation, PulledDoc, SessionError},
    store::{CursorRow, Incoming, Intake, PageIn, Store, StoreError, StreamId, offload},
};

/// Why a pull ended before its stream did.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PullError {
    #[error("{0}")]
    Session(#[from] SessionError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{0}")]
    State(String),
}

/// How far a pull came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pulled {
    ToItsEnd,
    /// It goes on from its cursor in a later run.
    SoFar,
}

/// Which reading of a stream: each has a cursor of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    /// The one that goes on for as long as there is a deployment.
    Usual,
    /// One that begins before the connection's start date, at this day.
    Since(Date),
}

impl Reading {
    /// What the place is kept under that the reading has reached.
    fn place(self, stream: &StreamId) -> StreamId {
        match self {
            Self::Usual => stream.clone(),
            Self::Since(day) => StreamId {
                connection: stream.connection.clone(),
                stream: format!("{} (backfill {day})", stream.stream),
            },
        }
    }
}

/// Pulls one stream to its end, or until the first page after `until` (milliseconds since the epoch).
/// `taken` is called after each durable page.
pub(crate) async fn pull(
    run: &Run<'_>,
    system: &Connected,
    (stream, reading): (&StreamId, Reading),
    rules: Option<&Arc<StreamRules>>,
    routes: &[String],
    until: Option<i64>,
    mut taken: impl FnMut(u64, &Intake),
) -> Result<Pulled, PullError> {
    if let Some(files) = system.files(&stream.stream) {
        return pull_files(run, system, stream, files, rules, routes, taken).await;
    }
    let place = reading.place(stream);
    let id = place.clone();
    let stored = offload::run(&run.store, move |store| store.cursor(&id)).await?;
    if let Some(row) = &stored
        && !system
            .plugin
            .manifest()
            .reads_state
            .contains(&row.state_version)
    {
        return Err(PullError::State(format!(
            "plugin {} cannot read the stored cursor of {}/{} (state version {}); install a version \
             that can, or forget the cursor with `ledgerline store forget-cursor \"{}/{}\"`",
            system.plugin.manifest().name,
            place.connection,
            place.stream,
            row.state_version,
            place.connection,
            place.stream
        )));
    }
    let effects = ReadEffects {
        channel: system.reader.clone(),
        class: run.class,
        clock: run.engine.clock,
        cancel: run.cancel.clone(),
    };
    let cursor = stored
        .as_ref()
        .map(|it| it.bytes.clone())
        .unwrap_or_default();
    let mut session = match reading {
        Reading::Usual => system.session(Operation::Pull, &stream.stream, &cursor)?,
        Reading::Since(day) => system.session_since(day, &stream.stream, &cursor)?,
    };
    loop {
        match session.next(Given::Nothing, &effects).await? {
            Asked::Page { documents, cursor } => {
                let told = format!("{}/{}", stream.connection, stream.stream);
                steps::reached("page-read", &told);
                let at = run.engine.clock.now_ms();
                let (said, documents): (Vec<_>, Vec<_>) =
                    documents.into_iter().partition(|it| it.only);
                let mut gone = no_more(run, stream, &said, &documents).await?;
                let mut documents: Vec<Incoming> = documents
                    .into_iter()
                    .map(|it| {
                        let body = (!it.deleted).then(|| it.body.to_vec());
                        incoming(system, rules, it.id, it.version, body)
                    })
                    .collect();
                documents.append(&mut gone);
                let count = documents.len() as u64;
                let row = CursorRow {
                    bytes: cursor,
                    state_version: system.plugin.manifest().state_version,
                    at,
                };
                let (id, routes) = (stream.clone(), routes.to_vec());
                let other = (reading != Reading::Usual).then(|| place.clone());
                let intake = offload::run(&run.store, move |store| {
                    let of_stream = other.is_none().then(|| row.clone());
                    let intake = store.intake_page(PageIn {
                        stream: &id,
                        routes: &routes,
                        documents,
                        cursor: of_stream,
                        at,
                    })?;
                    // Behind the page: what a crash before this line forgot is read again.
                    if let Some(place) = other {
                        store.set_cursor(&place, Some(row))?;
                    }
                    Ok::<_, StoreError>(intake)
                })
                .await?;
                steps::reached("page-taken-in", &told);
                taken(count, &intake);
                if until.is_some_and(|it| run.engine.clock.now_ms() >= it) {
                    return Ok(Pulled::SoFar);
                }
            }
            Asked::Done => return Ok(Pulled::ToItsEnd),
            Asked::Want | Asked::Results(_) | Asked::Value(_) => {
                return Err(PullError::Session(SessionError::new(
                    ledgerline_plugin_api::abi::Status::BUG,
                    "a pull session asked for something that only a push session may",
                )));
            }
        }
    }
}

/// The documents that a page says are no more without naming them: those held whose ids begin as it
/// says, and that it does not hold. They become durable with the page, and nobody else writes the
/// stream meanwhile.
async fn no_more(
    run: &Run<'_>,
    stream: &StreamId,
    said: &[PulledDoc],
    there: &[PulledDoc],
) -> Result<Vec<Incoming>, StoreError> {
    if said.is_empty() {
        return Ok(Vec::new());
    }
    let prefixes: Vec<String> = said.iter().map(|it| it.id.clone()).collect();
    let there: HashSet<String> = there.iter().map(|it| it.id.clone()).collect();
    let stream = stream.clone();
    offload::run(&run.store, move |store| {
        let mut gone = Vec::new();
        for prefix in &prefixes {
            gone.extend(held_below(store, &stream, prefix, &there)?);
        }
        let gone = gone.into_iter().map(|id| Incoming {
            id,
            version: String::new(),
            body: None,
            facts: crate::store::Facts::default(),
        });
        Ok(gone.collect())
    })
    .await
}

/// Ids of held documents that begin so, without those that are there.
fn held_below(
    store: &dyn Store,
    stream: &StreamId,
    prefix: &str,
    there: &HashSet<String>,
) -> Result<Vec<String>, StoreError> {
    let mut found = Vec::new();
    let own = store.document(stream, prefix)?;
    if own.is_some_and(|it| !it.deleted) && !there.contains(prefix) {
        found.push(prefix.to_owned());
    }
    let mut after = prefix.to_owned();
    // Nearly always there is none, so each look takes one row.
    while let Some((id, document)) = store.documents(stream, Some(&after), 1)?.pop()
        && id.starts_with(prefix)
    {
        if !document.deleted && !there.contains(&id) {
            found.push(id.clone());
        }
        after = id;
    }
    Ok(found)
}

/// A document with the facts that lists and totals show.
pub(crate) fn incoming(
    system: &Connected,
    rules: Option<&Arc<StreamRules>>,
    id: String,
    version: String,
    body: Option<Vec<u8>>,
) -> Incoming {
    let facts = match (&body, rules) {
        (Some(body), Some(rules)) => Value::parse(body)
            .map(|it| stored_facts(rules.facts(&it, &system.settings)))
            .unwrap_or_default(),
        _ => crate::store::Facts::default(),
    };
    Incoming {
        id,
        version,
        body,
        facts,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Facts, SledStore};

    #[test]
    fn what_a_page_does_not_hold_below_its_word_is_no_more() {
        let store = SledStore::temporary().unwrap();
        let stream = StreamId {
            connection: "acme".into(),
            stream: "notes".into(),
        };
        let take = |ids: &[&str], there: bool| {
            let documents = ids.iter().map(|id| Incoming {
                id: (*id).to_owned(),
                version: String::new(),
                body: there.then(|| b"{}".to_vec()),
                facts: Facts::default(),
            });
            let page = PageIn {
                stream: &stream,
                routes: &[],
                documents: documents.collect(),
                cursor: None,
                at: 1,
            };
            store.intake_page(page).unwrap();
        };
        take(&["a", "a/1", "a/2", "a/3", "a0", "ab/1", "b/1"], true);
        take(&["a/3"], false);
        let below = |prefix: &str, there: &[&str]| {
            let there = there.iter().map(|it| (*it).to_owned()).collect();
            held_below(&store, &stream, prefix, &there).unwrap()
        };
        assert_eq!(below("a/", &["a/1"]), ["a/2"]);
        assert_eq!(below("a/", &["a/1", "a/2"]), [""; 0]);
        assert_eq!(below("ab", &[]), ["ab/1"]);
        assert_eq!(below("b/1", &[]), ["b/1"], "the word itself is an id too");
        assert_eq!(below("c/", &[]), [""; 0]);
    }
}
