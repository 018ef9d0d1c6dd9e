//! Reading without sending: what a comparison of both sides begins with.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::civil::Date;
use ledgerline_plugin_api::abi::Status;

use super::Run;
use crate::{
    files::FileTrouble,
    mapping::{Reference, Value},
    pipeline::{calls::ReadEffects, decide::lock, engine::Connected, progress::Step},
    plugins::{Asked, Given, Operation, Session, SessionError},
    store::{StoreError, StreamId},
};

/// One document as a target holds it at this moment.
pub(crate) struct HeldNow {
    pub(crate) id: String,
    /// None: it was deleted there.
    pub(crate) document: Option<Value>,
}

impl Run<'_> {
    /// Pulls streams to their ends; what a connection cannot be read for stands in [`parked`](Self::parked).
    pub(crate) async fn read_sources(&self, streams: Vec<StreamId>) -> Result<(), StoreError> {
        self.pull_all(streams).await
    }

    /// Connections that could not be used, in plain words.
    pub(crate) fn parked(&self) -> BTreeMap<String, String> {
        lock(&self.report).parked.clone()
    }

    /// Exported files of which something could not be read.
    pub(crate) fn file_troubles(&self) -> Vec<FileTrouble> {
        lock(&self.report).files.clone()
    }

    /// Lists of a target: those in `now` as they are at this moment, others as a run would take them.
    pub(crate) async fn lists(
        &self,
        system: &Connected,
        streams: &[String],
        now: &[String],
    ) -> Result<Arc<Reference>, StoreError> {
        let now: BTreeSet<String> = now.iter().cloned().collect();
        let references = &self.engine.references;
        references.fresh(self, system, streams, &now).await
    }

    /// Reads a stream of a target whole, from its beginning, and keeps no place in it. `met` is called
    /// with each document; one that changed meanwhile is met twice, its later form last.
    pub(crate) async fn read_target(
        &self,
        system: &Connected,
        stream: &StreamId,
        met: impl FnMut(HeldNow),
    ) -> Result<(), SessionError> {
        let session = system.session(Operation::Pull, &stream.stream, &[])?;
        self.read_through(system, stream, session, met).await
    }

    /// Reads a stream whose documents are of one day, which `setting` of the connection says.
    pub(crate) async fn read_day(
        &self,
        system: &Connected,
        stream: &StreamId,
        (setting, day): (&str, Date),
        met: impl FnMut(HeldNow),
    ) -> Result<(), SessionError> {
        let session = system.session_of_day(Some(setting), day, &stream.stream, &[])?;
        self.read_through(system, stream, session, met).await
    }

    async fn read_through(
        &self,
        system: &Connected,
        stream: &StreamId,
        mut session: Session,
        mut met: impl FnMut(HeldNow),
    ) -> Result<(), SessionError> {
        let effects = ReadEffects {
            // It has no writing half.
            channel: system.reader.clone(),
            class: self.class,
            clock: self.engine.clock,
            cancel: self.cancel.clone(),
        };
        loop {
            let documents = match session.next(Given::Nothing, &effects).await? {
                Asked::Page { documents, .. } => documents,
                Asked::Done => return Ok(()),
                Asked::Want | Asked::Results(_) | Asked::Value(_) => {
                    return Err(SessionError::new(
                        Status::BUG,
                        "a pull session asked for something that only a push session may",
                    ));
                }
            };
            self.progress.step(Step::Pulled {
                stream: stream.clone(),
                documents: documents.len() as u64,
            });
            // What a page says about ids that it does not name is about ids that were met before, and
            // a whole reading has none of those.
            for it in documents.into_iter().filter(|it| !it.only) {
                let document = match it.deleted {
                    true => None,
                    // A document that is not JSON counts with what nothing is known of.
                    false => Some(Value::parse(&it.body).unwrap_or_default()),
                };
                met(HeldNow {
                    id: it.id,
                    document,
                });
            }
        }
    }
}
