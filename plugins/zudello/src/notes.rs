//! Notes on a document: the words that its users read.
//!
//! A note that was posted twice stays there twice, and an answer may be lost. Before one is posted, the
//! notes that are there are looked through. Where Zudello does not let notes be read, it still tells
//! when the document last changed: nothing was posted to one that stands as it was read.

use jiff::Timestamp;
use ledgerline_plugin_api::prelude::*;

use crate::document::{Seen, instant, text};
use crate::{Zudello, answer, listing};

/// Whether a note is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Posted {
    No,
    Yes,
    /// The notes cannot be read, and somebody has changed the document since.
    Perhaps,
}

impl Zudello {
    /// Whether this note was posted since the document became what it was when it was refused.
    pub(crate) async fn is_posted(
        &self,
        cx: &Cx,
        held: &Seen,
        uuid: &str,
        note: &str,
        since: Option<Timestamp>,
    ) -> Result<Posted> {
        let path = &self.settings.paths.notes;
        if !path.is_empty() {
            let response = cx
                .http(self.call(Request::get(self.url_of(path, uuid))))
                .await?;
            if response.is_success() {
                let listing = listing::read(&response, &self.settings.page)?;
                // A list of anything else says nothing of what was posted.
                if !listing.rows.iter().all(|it| it.get().starts_with('{')) {
                    return Err(Error::protocol(format!(
                        "{} answered {} with something else than notes: {}",
                        response.call(),
                        response.status,
                        response.excerpt()
                    )));
                }
                let there = listing.rows.iter().any(|it| self.is_note(it, note, since));
                return Ok(if there { Posted::Yes } else { Posted::No });
            }
            // Writing notes may be all that the API or the key allows.
            if !matches!(response.status, 403 | 404 | 405 | 501) {
                return Err(answer::failure(&response, "notes", "paths.notes"));
            }
        }
        Ok(match (held.changed(), since) {
            (Some(changed), Some(since)) if changed > since => Posted::Perhaps,
            _ => Posted::No,
        })
    }

    /// Whether the answer to a note says that it is there. Its text may come back under the name that
    /// errors have.
    pub(crate) fn took_note(&self, response: &Response, note: &str) -> bool {
        let shown = response.json::<&RawValue>();
        answer::is_saved(response) || shown.is_ok_and(|it| self.is_note(it, note, None))
    }

    fn is_note(&self, raw: &RawValue, note: &str, since: Option<Timestamp>) -> bool {
        #[derive(Deserialize)]
        struct Times {
            #[serde(default, deserialize_with = "text")]
            created_at: Option<String>,
        }
        let pointer = format!("/{}", self.settings.fields.note);
        let said =
            listing::at(raw, &pointer).and_then(|it| serde_json::from_str::<String>(it.get()).ok());
        let times = serde_json::from_str::<Times>(raw.get()).ok();
        let at = times.and_then(|it| instant(&it.created_at?));
        let late_enough = match (at, since) {
            (Some(at), Some(since)) => at >= since,
            _ => true,
        };
        late_enough && said.is_some_and(|it| it.trim() == note.trim())
    }

    pub(crate) fn note_request(&self, uuid: &str, note: &str, place: Option<u32>) -> Request {
        let body = serde_json::json!({ &self.settings.fields.note: note });
        let request = Request::post(self.url_of(&self.settings.paths.note, uuid));
        self.call(request.json(&body)).covers(place)
    }
}
