//! Reads given records again, by their ids.
//!
//! That a record is not in a list may have other reasons than that it does not exist, so *not found*
//! rests on the record's own address answering 404.

use std::collections::HashMap;

use ledgerline_plugin_api::prelude::*;

use crate::resource::Resource;
use crate::{Omni, answer};

/// Records asked for in one call. Whole records are large, and longer addresses are refused.
const IDS_A_CALL: usize = 40;

impl Omni {
    pub(crate) async fn look_for(
        &self,
        cx: &Cx,
        resource: &Resource,
        batch: &[BatchDoc],
    ) -> Vec<Outcome> {
        let ids: Vec<Option<i64>> = batch.iter().map(id_of).collect();
        let asked: Vec<i64> = ids.iter().copied().flatten().collect();
        let mut outcomes: HashMap<i64, Outcome> = HashMap::new();
        for chunk in asked.chunks(IDS_A_CALL) {
            match self.list_by_id(cx, resource, chunk, None).await {
                Ok(records) => outcomes.extend(records.into_iter().map(found)),
                Err(error) => {
                    outcomes.extend(chunk.iter().map(|id| (*id, Outcome::failed(&error))));
                    continue;
                }
            }
            for id in chunk {
                if !outcomes.contains_key(id) {
                    outcomes.insert(*id, self.look_for_one(cx, resource, *id).await);
                }
            }
        }
        let outcome = |(id, doc): (Option<i64>, &BatchDoc)| {
            let found = id.and_then(|id| outcomes.get(&id).cloned());
            found.unwrap_or_else(|| Outcome::failed(&without_id(doc)))
        };
        ids.into_iter().zip(batch).map(outcome).collect()
    }

    pub(crate) async fn look_for_one(&self, cx: &Cx, resource: &Resource, id: i64) -> Outcome {
        let response = match cx.http(self.get(&format!("{}/{id}", resource.list))).await {
            Ok(response) => response,
            Err(error) => return Outcome::failed(&error),
        };
        match response.status {
            404 => Outcome::not_found(),
            _ => match answer::success(response, resource.list).and_then(|it| record(it.json()?)) {
                Ok((held, body)) if held == id => found((held, body)).1,
                Ok((held, _)) => Outcome::failed(&Error::protocol(format!(
                    "Omni answered with {} {held} when asked for {id}",
                    resource.title
                ))),
                Err(error) => Outcome::failed(&error),
            },
        }
    }

    /// The records of a list that have these ids, as far as Omni gives them.
    pub(crate) async fn list_by_id(
        &self,
        cx: &Cx,
        resource: &Resource,
        ids: &[i64],
        fields: Option<&str>,
    ) -> Result<Vec<(i64, Box<RawValue>)>> {
        let list: Vec<String> = ids.iter().map(i64::to_string).collect();
        let condition = format!("id IN ({})", list.join(","));
        self.list_where(cx, resource, &condition, fields).await
    }

    /// The first 250 records of a list of which this holds.
    pub(crate) async fn list_where(
        &self,
        cx: &Cx,
        resource: &Resource,
        condition: &str,
        fields: Option<&str>,
    ) -> Result<Vec<(i64, Box<RawValue>)>> {
        let request = self.get(resource.list).query([
            ("where", condition),
            ("order", "id ASC"),
            ("rows", "250"),
            ("page", "1"),
        ]);
        let request = request.query(fields.map(|fields| ("fields", fields)));
        let response = answer::success(cx.http(request).await?, resource.list)?;
        let rows: Vec<&RawValue> = response.json()?;
        rows.into_iter().map(record).collect()
    }
}

fn record(raw: &RawValue) -> Result<(i64, Box<RawValue>)> {
    #[derive(Deserialize)]
    struct Record {
        #[serde(alias = "Id")]
        id: i64,
    }
    let record: Record = serde_json::from_str(raw.get()).map_err(Error::protocol)?;
    Ok((record.id, raw.to_owned()))
}

fn found((id, body): (i64, Box<RawValue>)) -> (i64, Outcome) {
    (id, Outcome::found(id.to_string(), body))
}

/// The record that a document is: the linked one, the one that its body names, or, when a source's
/// own document is read again, the one that its key names.
pub(crate) fn id_of(doc: &BatchDoc) -> Option<i64> {
    /// An id as the mapping gave it, a number or text.
    #[derive(Deserialize)]
    struct Named {
        #[serde(default)]
        id: Option<serde_json::Value>,
    }
    let linked = doc.remote_id.as_deref().and_then(positive);
    let named = || match doc.json::<Option<Named>>().ok()??.id? {
        serde_json::Value::String(text) => positive(&text),
        other => positive(&other.to_string()),
    };
    linked.or_else(named).or_else(|| positive(&doc.id))
}

/// An id in its text.
pub(crate) fn positive(text: &str) -> Option<i64> {
    text.trim().parse().ok().filter(|id| *id > 0)
}

pub(crate) fn without_id(doc: &BatchDoc) -> Error {
    Error::config(format!(
        "document `{}` names no record of Cin7 Omni: the mapping must set `id` to Omni's own id",
        doc.id
    ))
}
