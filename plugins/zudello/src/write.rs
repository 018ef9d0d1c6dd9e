//! Writes back what became of a credit note: `COMPLETE` with its id in the books, or
//! `UNABLE_TO_PROCESS` with a note that says why.
//!
//! Each document is read first. It is left alone when somebody moved it on meanwhile: a status of ours
//! would close a document that is being mended. The note goes before the status, so a document that
//! shows the status has had its note, whatever answers were lost. A status can be written any number of
//! times, and counts once it is shown.
//!
//! A 2xx whose body is an error or a page says nothing. What became of a status is read back, and of a
//! note asked for later; only a document that Zudello said it saved, and shows otherwise, is a refusal.

use jiff::Timestamp;
use ledgerline_plugin_api::prelude::*;
use serde_json::{Map, Value};

use crate::document::{Seen, instant, text};
use crate::notes::Posted;
use crate::{Zudello, answer, listing};

/// How often a document is looked at anew after Zudello said that it changed meanwhile.
const LOOKS: usize = 3;

/// What a document of a batch asks for.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Wanted {
    #[serde(default, deserialize_with = "text")]
    pub(crate) uuid: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub(crate) status: Option<String>,
    #[serde(default, deserialize_with = "text")]
    external_id: Option<String>,
    #[serde(default, deserialize_with = "text")]
    note: Option<String>,
    /// Version of the document that this is about.
    #[serde(default, deserialize_with = "text")]
    seen: Option<String>,
}

impl Wanted {
    fn since(&self) -> Option<Timestamp> {
        self.seen.as_deref().and_then(instant)
    }
}

/// What is to be done about a document that stands as it does.
#[derive(Debug, Clone, PartialEq)]
enum Step {
    /// All of it is there.
    Done,
    /// Somebody else is at work on it, and nothing is lost by leaving it.
    Leave(String),
    Refuse(Problem),
    Write,
}

impl Zudello {
    pub(crate) async fn write(&self, cx: &Cx, batch: &[BatchDoc]) -> Vec<Outcome> {
        let mut outcomes = Vec::with_capacity(batch.len());
        // A key that is refused once is refused for all.
        let mut refused: Option<Error> = None;
        for (at, doc) in batch.iter().enumerate() {
            let outcome = match &refused {
                Some(error) => Outcome::failed(error),
                None => match self.write_one(cx, u32::try_from(at).ok(), doc).await {
                    Ok(outcome) => outcome,
                    Err(error) => {
                        let outcome = Outcome::failed(&error);
                        if error.status == Status::AUTH {
                            refused = Some(error);
                        }
                        outcome
                    }
                },
            };
            outcomes.push(outcome);
        }
        outcomes
    }

    async fn write_one(&self, cx: &Cx, place: Option<u32>, doc: &BatchDoc) -> Result<Outcome> {
        if doc.change == Change::Void {
            let cause = "a document of Zudello cannot be voided from here";
            return Ok(Outcome::refused(defect(cause), ""));
        }
        let wanted: Wanted = doc.json()?;
        let (Some(uuid), Some(status)) = (id_of(doc, &wanted), wanted.status.clone()) else {
            return Err(Error::config(format!(
                "document `{}` must name its `uuid` and the `status` that it is to have",
                doc.id
            )));
        };
        let mut notice = None;
        // The call that the engine remembers: the note, which must not leave twice unasked; else the
        // status.
        let mut covers = place;
        for _ in 0..LOOKS {
            let Some(raw) = self.read_one(cx, &uuid).await? else {
                return Ok(Outcome::refused(gone(&uuid), ""));
            };
            let held = Seen::read(&raw)?;
            match self.step(&wanted, &status, &held) {
                Step::Done => return Ok(written(&uuid, doc, &held, notice)),
                Step::Leave(why) => return Ok(Outcome::written(uuid, None).warn(why)),
                Step::Refuse(problem) => return Ok(Outcome::refused(problem, "")),
                Step::Write => {}
            }
            if let Some(note) = wanted.note.as_deref().filter(|_| self.posts_notes()) {
                match self
                    .is_posted(cx, &held, &uuid, note, wanted.since())
                    .await?
                {
                    Posted::Yes => {}
                    Posted::Perhaps => {
                        notice = Some(
                            "Zudello shows no notes, and the document changed since it was read: the note \
                             counts as posted, so that it does not stand there twice"
                                .to_owned(),
                        );
                    }
                    Posted::No => {
                        let request = self.note_request(&uuid, note, covers.take());
                        let response = cx.http(request).await?;
                        match refusal(&response, "post notes", "paths.note", &uuid)? {
                            Refusal::No if !self.took_note(&response, note) => {
                                return Ok(Outcome::unknown(unclear(&response)));
                            }
                            Refusal::No => {}
                            Refusal::Changed => continue,
                            Refusal::Because(outcome) => return Ok(*outcome),
                        }
                    }
                }
            }
            let request = self
                .update_request(&uuid)
                .json(&self.update(&wanted, &status));
            let response = cx
                .http(request.covers(covers.take()).safe_to_repeat())
                .await?;
            match refusal(&response, "update transactions", "paths.update", &uuid)? {
                Refusal::No => {}
                Refusal::Changed => continue,
                Refusal::Because(outcome) => return Ok(*outcome),
            }
            return self
                .shown(cx, &uuid, doc, &wanted, &status, &response, notice)
                .await;
        }
        Ok(Outcome::unavailable(format!(
            "Zudello says each time that document {uuid} changed meanwhile"
        )))
    }

    fn posts_notes(&self) -> bool {
        !self.settings.paths.note.is_empty()
    }

    fn update(&self, wanted: &Wanted, status: &str) -> Map<String, Value> {
        let fields = &self.settings.fields;
        let mut body = Map::new();
        body.insert(fields.status.clone(), status.into());
        if let Some(id) = wanted
            .external_id
            .as_ref()
            .filter(|_| !fields.external_id.is_empty())
        {
            body.insert(fields.external_id.clone(), id.as_str().into());
        }
        body
    }

    fn step(&self, wanted: &Wanted, status: &str, held: &Seen) -> Step {
        let settings = &self.settings;
        let keeps_ids = !settings.fields.external_id.is_empty();
        let other = match (&wanted.external_id, &held.external_id) {
            (Some(ours), Some(theirs)) if !ours.eq_ignore_ascii_case(theirs) => Some(theirs),
            _ => None,
        };
        if let Some(other) = other.filter(|_| keeps_ids) {
            return Step::Refuse(of_another(other));
        }
        if held.status() == status {
            let lacks_id = wanted.external_id.is_some() && held.external_id.is_none();
            return if lacks_id && keeps_ids {
                Step::Write
            } else {
                Step::Done
            };
        }
        let failing = status == settings.failed_status;
        let mended = status == settings.done_status && held.status() == settings.failed_status;
        if settings.is_picked_up(held.status()) || mended {
            return Step::Write;
        }
        let shown = held.status();
        if failing {
            return Step::Leave(format!(
                "left alone: Zudello shows it as {shown}, so somebody is at work on it already"
            ));
        }
        Step::Refuse(moved_on(shown, status))
    }

    /// What Zudello shows after it answered the update.
    #[expect(
        clippy::too_many_arguments,
        reason = "all of it belongs to one document"
    )]
    async fn shown(
        &self,
        cx: &Cx,
        uuid: &str,
        doc: &BatchDoc,
        wanted: &Wanted,
        status: &str,
        response: &Response,
        notice: Option<String>,
    ) -> Result<Outcome> {
        let agrees = |held: &Seen| {
            held.status() == status
                && (wanted.external_id.is_none()
                    || self.settings.fields.external_id.is_empty()
                    || held.external_id.is_some())
        };
        let answered = listing::record(response).and_then(Seen::read).ok();
        let other = answered
            .as_ref()
            .and_then(|it| it.uuid.as_deref())
            .is_some_and(|it| !it.eq_ignore_ascii_case(uuid));
        let saved = answer::is_saved(response) && !other;
        if let Some(held) = answered.filter(|held| saved && agrees(held)) {
            return Ok(written(uuid, doc, &held, notice));
        }
        let reread = match self.read_one(cx, uuid).await {
            Ok(it) => it,
            Err(error) => {
                return Ok(Outcome::unknown(match saved {
                    true => format!(
                        "Zudello answered that it saved, but could not be read back: {error}"
                    ),
                    false => format!("{}, and could not be read back: {error}", unclear(response)),
                }));
            }
        };
        let Some(raw) = reread else {
            return Ok(Outcome::refused(gone(uuid), ""));
        };
        let held = Seen::read(&raw)?;
        Ok(if agrees(&held) {
            written(uuid, doc, &held, notice)
        } else if saved {
            Outcome::refused(did_not_stick(status, held.status()), "")
        } else {
            Outcome::unknown(unclear(response))
        })
    }
}

/// What an answer to a write says.
enum Refusal {
    No,
    /// The document changed meanwhile: it is looked at anew.
    Changed,
    Because(Box<Outcome>),
}

fn refusal(response: &Response, may: &str, setting: &str, uuid: &str) -> Result<Refusal> {
    let said = answer::words(response);
    let because = |problem| Refusal::Because(Box::new(Outcome::refused(problem, said.clone())));
    Ok(match response.status {
        200..=299 => Refusal::No,
        409 => Refusal::Changed,
        400 | 422 => because(refused(&said)),
        401 => return Err(Error::auth(answer::not_allowed(401, may, &said))),
        403 => because(not_permitted(may, &said)),
        404 | 410 if setting == "paths.update" => because(gone(uuid)),
        404 | 405 => because(no_address(response, setting)),
        _ => return Err(answer::failure(response, "transactions", setting)),
    })
}

/// A 2xx that does not say what became of the call.
fn unclear(response: &Response) -> String {
    format!(
        "{} answered {} without saying that it saved: {}",
        response.call(),
        response.status,
        answer::words(response)
    )
}

/// The document in the form in which it was asked for.
fn written(uuid: &str, doc: &BatchDoc, held: &Seen, notice: Option<String>) -> Outcome {
    let outcome = Outcome::written(uuid, doc.body.clone());
    let outcome = outcome.version(held.updated_at.clone().unwrap_or_default());
    match notice {
        Some(notice) => outcome.warn(notice),
        None => outcome,
    }
}

/// The document that is meant: the one that the body names, else the linked one.
pub(crate) fn id_of(doc: &BatchDoc, wanted: &Wanted) -> Option<String> {
    let named = wanted.uuid.clone().or_else(|| doc.remote_id.clone());
    named
        .or_else(|| Some(doc.id.clone()))
        .filter(|it| !it.is_empty())
}

const NOT_AGAIN: &str = "The credit note itself is not sent again.";

fn problem(category: Category, cause: String, remedy: String) -> Problem {
    Problem {
        category,
        field: None,
        cause,
        remedy,
    }
}

fn defect(cause: &str) -> Problem {
    let remedy = "Correct the mapping of this route, then retry.".to_owned();
    problem(Category::Defect, cause.to_owned(), remedy)
}

fn refused(words: &str) -> Problem {
    problem(
        Category::FollowUp,
        format!("Zudello refused to save what became of the document: {words}"),
        format!(
            "Correct what Zudello names and retry, or set the status by hand in Zudello. {NOT_AGAIN}"
        ),
    )
}

fn not_permitted(may: &str, said: &str) -> Problem {
    problem(
        Category::Permission,
        answer::not_allowed(403, may, said),
        format!("Give the key that permission, then retry. {NOT_AGAIN}"),
    )
}

fn no_address(response: &Response, setting: &str) -> Problem {
    problem(
        Category::FollowUp,
        format!(
            "{} answered {}: Zudello has nothing there",
            response.call(),
            response.status
        ),
        format!("Correct the setting `{setting}` of the connection, then retry. {NOT_AGAIN}"),
    )
}

fn gone(uuid: &str) -> Problem {
    problem(
        Category::FollowUp,
        format!("Zudello no longer shows document {uuid}: it was deleted, or the key may not see it"),
        "Skip this if it was deleted; otherwise give the key access to all transactions of the team and \
         retry."
            .to_owned(),
    )
}

fn of_another(external_id: &str) -> Problem {
    problem(
        Category::Ownership,
        format!("Zudello already names another document of the books for it: {external_id}"),
        format!(
            "See which of the two is right. Remove the other one, or clear the external id in Zudello and \
             retry. {NOT_AGAIN}"
        ),
    )
}

fn moved_on(shown: &str, wanted: &str) -> Problem {
    problem(
        Category::FollowUp,
        format!("it is in the books, but Zudello shows it as {shown} now: somebody took it back"),
        format!(
            "Submit it again in Zudello, then it becomes {wanted} by itself; if its amounts changed, see \
             that the books agree. {NOT_AGAIN}"
        ),
    )
}

fn did_not_stick(wanted: &str, shown: &str) -> Problem {
    Problem {
        field: Some("status".to_owned()),
        ..problem(
            Category::FollowUp,
            format!("Zudello answered that it saved the status {wanted}, but still shows {shown}"),
            format!(
                "Set it by hand in Zudello, or see what the team's statuses are called. {NOT_AGAIN}"
            ),
        )
    }
}
