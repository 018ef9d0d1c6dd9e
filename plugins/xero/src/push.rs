//! Writes batches of documents.

use ledgerline_plugin_api::abi::Status;
use ledgerline_plugin_api::sdk::{BatchDoc, Change, Cx, Error, Outcome, Response, Result};

use crate::Xero;
use crate::answers::{failure, list};
use crate::duplicates::Known;
use crate::held::held;
use crate::items::{self, Tracked};
use crate::lenient::Object;
use crate::resource::Resource;
use crate::reversal::Pair;
use crate::write::{
    Element, archiving, calls, defect, element, in_the_way, outcomes, request, stuck_payment,
    taking_back, unchangeable,
};

impl Xero {
    pub(crate) async fn write(&self, cx: &Cx, resource: Resource) -> Result<()> {
        let mut tracked = None;
        let mut known = Known::default();
        while let Some(batch) = cx.next_batch().await {
            let mut told: Vec<Option<Outcome>> = batch.iter().map(|_| None).collect();
            let stopped = async {
                self.refuse_tracked(cx, &batch, &mut tracked, &mut told)
                    .await?;
                if resource == Resource::Bills {
                    self.refuse_duplicates(cx, &batch, &mut known, &mut told)
                        .await?;
                }
                self.write_batch(cx, resource, &batch, &mut told).await
            };
            let stopped = stopped.await;
            // What is known is reported even when the credentials were refused halfway.
            let unknown = || Outcome::unknown("no answer tells what became of this document");
            cx.report(
                told.into_iter()
                    .map(|it| it.unwrap_or_else(unknown))
                    .collect(),
            )
            .await?;
            stopped?;
        }
        Ok(())
    }

    /// Gives documents with items that Xero tracks their refusal.
    async fn refuse_tracked(
        &self,
        cx: &Cx,
        batch: &[BatchDoc],
        tracked: &mut Option<Tracked>,
        told: &mut [Option<Outcome>],
    ) -> Result<()> {
        let naming: Vec<usize> = (0..batch.len())
            .filter(|&at| items::names_items(&batch[at]))
            .collect();
        if tracked.is_none() && !naming.is_empty() {
            let answer = cx.http(items::request(&self.base)).await;
            match answer.and_then(|response| items::tracked(&response)) {
                Ok(read) => *tracked = Some(read),
                Err(error) if ends_the_session(&error) => return Err(error),
                Err(error) => {
                    for at in naming {
                        told[at] = Some(Outcome::unavailable(error.message.as_str()));
                    }
                    return Ok(());
                }
            }
        }
        for at in naming {
            told[at] = tracked
                .as_ref()
                .and_then(|it| items::refusal(&batch[at], it));
        }
        Ok(())
    }

    async fn write_batch(
        &self,
        cx: &Cx,
        resource: Resource,
        batch: &[BatchDoc],
        told: &mut [Option<Outcome>],
    ) -> Result<()> {
        let mut elements = Vec::new();
        let mut pairs = Vec::new();
        for (at, doc) in batch.iter().enumerate() {
            if told[at].is_some() {
                continue;
            }
            if let Some(pair) = Pair::of(resource, at, doc) {
                pairs.push(pair);
                continue;
            }
            let ready = match (doc.change, &doc.remote_id) {
                (Change::Update, _) if resource == Resource::Payments => {
                    Err(Box::new(unchangeable(resource.title())))
                }
                (Change::Create | Change::Update, _) => element(resource, at, doc),
                (Change::Void, Some(id)) => self.void(cx, resource, at, id).await?,
                (Change::Void | Change::None, _) => Err(Box::new(defect(
                    "a document came to be written without saying how",
                ))),
            };
            match ready {
                Ok(element) => elements.push(element),
                Err(outcome) => told[at] = Some(*outcome),
            }
        }
        for call in calls(resource, &elements) {
            let docs: Vec<&BatchDoc> = call.covers.iter().map(|&at| &batch[at]).collect();
            let answer = match cx.http(request(&self.base, resource, &call)).await {
                Ok(response) => outcomes(resource, &docs, &response)?,
                Err(error) if ends_the_session(&error) => return Err(error),
                Err(error) => docs.iter().map(|_| Outcome::failed(&error)).collect(),
            };
            for (at, outcome) in call.covers.iter().zip(answer) {
                told[*at] = Some(outcome);
            }
        }
        for pair in pairs {
            let request = request(&self.base, resource, &pair.call());
            told[pair.at] = Some(match cx.http(request).await {
                Ok(response) => pair.outcome(&response)?,
                Err(error) if ends_the_session(&error) => return Err(error),
                Err(error) => Outcome::failed(&error),
            });
        }
        Ok(())
    }

    /// What takes a document back, or its outcome where nothing is to be sent.
    async fn void(
        &self,
        cx: &Cx,
        resource: Resource,
        at: usize,
        id: &str,
    ) -> Result<std::result::Result<Element, Box<Outcome>>> {
        let nothing = || Box::new(defect("a document cannot be taken back"));
        if resource == Resource::Contacts {
            return Ok(archiving(at, id).ok_or_else(nothing));
        }
        // The status may have changed since the engine last saw it, and it decides the way.
        let response = match self.fetch(cx, resource, id).await? {
            Fetched::There(response) => response,
            Fetched::Gone => return Ok(Err(Box::new(gone()))),
            Fetched::Failed(outcome) => return Ok(Err(outcome)),
        };
        let list = list(&response, resource.collection())?;
        let Some(note) = list.elements.first().and_then(|it| Object::read(it)) else {
            return Ok(Err(Box::new(gone())));
        };
        match taking_back(resource, at, id, &note) {
            Some(element) => {
                match stuck_payment(&note).filter(|_| resource == Resource::Payments) {
                    Some(stuck) => Ok(Err(Box::new(stuck))),
                    None => Ok(Ok(element)),
                }
            }
            None => {
                let held = held(resource, &note)?;
                Ok(Err(Box::new(
                    Outcome::written(held.id, held.body).version(held.updated),
                )))
            }
        }
    }
}

/// A document that was asked for by its id.
pub(crate) enum Fetched {
    There(Response),
    Gone,
    /// Nobody knows, with what to tell of the document that needs it.
    Failed(Box<Outcome>),
}

impl Xero {
    /// Reads one document; an error when no further call can go better.
    pub(crate) async fn fetch(&self, cx: &Cx, resource: Resource, id: &str) -> Result<Fetched> {
        let response = match cx.http(self.get_one(resource, id)).await {
            Ok(response) => response,
            Err(error) if ends_the_session(&error) => return Err(error),
            Err(error) => return Ok(Fetched::Failed(Box::new(Outcome::failed(&error)))),
        };
        match response.status {
            200 => Ok(Fetched::There(response)),
            401 | 403 => Err(failure(&response)),
            404 => Ok(Fetched::Gone),
            _ => {
                let words = failure(&response).message;
                Ok(Fetched::Failed(Box::new(Outcome::unavailable(words))))
            }
        }
    }
}

fn gone() -> Outcome {
    in_the_way(
        "Xero does not hold the document that this one is linked to".to_owned(),
        "Check that the connection reaches the right organisation, then link it anew".to_owned(),
    )
}

/// Errors after which no further call of the session can go better.
pub(crate) fn ends_the_session(error: &Error) -> bool {
    matches!(
        error.status,
        Status::AUTH | Status::CONFIG | Status::CANCELLED | Status::UNSUPPORTED | Status::BUG
    )
}
