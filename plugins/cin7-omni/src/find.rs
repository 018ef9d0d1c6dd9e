//! Reads given records again, by their ids.
//!
//! That a record is not in a list may have other reasons than that it does not exist, so *not found*
//! rests on the record's own address answering 404.

use std::collections::HashMap;

use ledgerline_plugin_api::prelude::*;

use crate::{Omni, answer};

/// Records asked for in one call. Whole records are large, and longer addresses are refused.
const IDS_A_CALL: usize = 40;

impl Omni {
    pub(crate) async fn look_for(
        &self,
        cx: &Cx,
        resource: &str,
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

    async fn look_for_one(&self, cx: &Cx, resource: &str, id: i64) -> Outcome {
        let response = match cx.http(self.get(&format!("{resource}/{id}"))).await {
            Ok(response) => response,
            Err(error) => return Outcome::failed(&error),
        };
        match response.status {
            404 => Outcome::not_found(),
            _ => match answer::success(response, resource).and_then(|it| record(it.json()?)) {
                Ok((held, body)) if held == id => found((held, body)).1,
                Ok((held, _)) => Outcome::failed(&Error::protocol(format!(
                    "Omni answered with {resource} {held} when asked for {id}"
                ))),
                Err(error) => Outcome::failed(&error),
            },
        }
    }

    /// The records of a list that have these ids, as far as Omni gives them.
    pub(crate) async fn list_by_id(
        &self,
        cx: &Cx,
        resource: &str,
        ids: &[i64],
        fields: Option<&str>,
    ) -> Result<Vec<(i64, Box<RawValue>)>> {
        let list: Vec<String> = ids.iter().map(i64::to_string).collect();
        let condition = format!("id IN ({})", list.join(","));
        let request = self.get(resource).query([
            ("where", condition.as_str()),
            ("order", "id ASC"),
            ("rows", "250"),
            ("page", "1"),
        ]);
        let request = request.query(fields.map(|fields| ("fields", fields)));
        let response = answer::success(cx.http(request).await?, resource)?;
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
    let positive = |text: &str| text.trim().parse().ok().filter(|id: &i64| *id > 0);
    let linked = doc.remote_id.as_deref().and_then(positive);
    let named = || match doc.json::<Option<Named>>().ok()??.id? {
        serde_json::Value::String(text) => positive(&text),
        other => positive(&other.to_string()),
    };
    linked.or_else(named).or_else(|| positive(&doc.id))
}

pub(crate) fn without_id(doc: &BatchDoc) -> Error {
    Error::config(format!(
        "document `{}` names no record of Cin7 Omni: the mapping must set `id` to Omni's own id",
        doc.id
    ))
}
