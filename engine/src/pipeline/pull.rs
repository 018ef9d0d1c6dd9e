//! Pull and intake: a stream's pages become durable together with the cursor that follows them.

use std::sync::Arc;

use crate::{
    mapping::{StreamRules, Value},
    pipeline::{calls::ReadEffects, decide::stored_facts, engine::Connected, run::Run, steps},
    plugins::{Asked, Given, Operation, SessionError},
    store::{CursorRow, Incoming, Intake, PageIn, StoreError, StreamId, offload},
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

/// Pulls one stream to its end. `taken` is called after each durable page.
pub(crate) async fn pull(
    run: &Run<'_>,
    system: &Connected,
    stream: &StreamId,
    rules: Option<&Arc<StreamRules>>,
    routes: &[String],
    mut taken: impl FnMut(u64, &Intake),
) -> Result<(), PullError> {
    let id = stream.clone();
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
             that can, or forget the cursor with `ledgerline store forget-cursor`",
            system.plugin.manifest().name,
            stream.connection,
            stream.stream,
            row.state_version
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
    let mut session = system.session(Operation::Pull, &stream.stream, &cursor)?;
    loop {
        match session.next(Given::Nothing, &effects).await? {
            Asked::Page { documents, cursor } => {
                let at = run.engine.clock.now_ms();
                let count = documents.len() as u64;
                let documents: Vec<Incoming> = documents
                    .into_iter()
                    .map(|it| {
                        let body = (!it.deleted).then(|| it.body.to_vec());
                        incoming(system, rules, it.id, it.version, body)
                    })
                    .collect();
                let row = CursorRow {
                    bytes: cursor,
                    state_version: system.plugin.manifest().state_version,
                    at,
                };
                let (id, routes) = (stream.clone(), routes.to_vec());
                let intake = offload::run(&run.store, move |store| {
                    store.intake_page(PageIn {
                        stream: &id,
                        routes: &routes,
                        documents,
                        cursor: Some(row),
                        at,
                    })
                })
                .await?;
                steps::reached(
                    "page-taken-in",
                    &format!("{}/{}", stream.connection, stream.stream),
                );
                taken(count, &intake);
            }
            Asked::Done => return Ok(()),
            Asked::Want | Asked::Results(_) | Asked::Value(_) => {
                return Err(PullError::Session(SessionError::new(
                    ledgerline_plugin_api::abi::Status::BUG,
                    "a pull session asked for something that only a push session may",
                )));
            }
        }
    }
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
