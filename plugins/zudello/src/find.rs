//! Reads given documents again, by their ids: to see whether one changed before it is sent, and what
//! became of a write whose answer was lost.

use ledgerline_plugin_api::prelude::*;

use crate::Zudello;
use crate::write::{Wanted, id_of};

impl Zudello {
    pub(crate) async fn look_for(&self, cx: &Cx, batch: &[BatchDoc]) -> Vec<Outcome> {
        let mut outcomes = Vec::with_capacity(batch.len());
        for doc in batch {
            outcomes.push(match self.look_for_one(cx, doc).await {
                Ok(outcome) => outcome,
                Err(error) => Outcome::failed(&error),
            });
        }
        outcomes
    }

    async fn look_for_one(&self, cx: &Cx, doc: &BatchDoc) -> Result<Outcome> {
        let wanted = doc.json::<Option<Wanted>>()?.unwrap_or_default();
        let Some(uuid) = id_of(doc, &wanted) else {
            return Err(Error::config(
                "a document without an id cannot be looked up",
            ));
        };
        Ok(match self.read_one(cx, &uuid).await? {
            Some(raw) => Outcome::found(uuid, raw),
            None => Outcome::not_found(),
        })
    }
}
