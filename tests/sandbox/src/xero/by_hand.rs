//! What a person enters in the books, beside what programs send.

use uuid::Uuid;

use super::bind_documents;
use super::document_model::{CreditNote, Invoice};
use super::documents::{Document, Outcome, Verb, save};
use super::lines::Findings;
use super::organisation::Organisation;
use super::payments;
use super::render::View;
use super::undo::Undo;
use crate::edit::EditError;
use crate::json::Json;
use crate::world::Cx;

/// Enters a document of a sort. A payment's id is returned.
pub(crate) fn enter(
    organisation: &mut Organisation,
    kind: &str,
    json: &Json,
    cx: &mut Cx<'_>,
) -> Result<Option<Uuid>, EditError> {
    match kind {
        "invoices" => document::<Invoice>(organisation, json, cx).map(|()| None),
        "credit_notes" => document::<CreditNote>(organisation, json, cx).map(|()| None),
        "payments" => payment(organisation, json, cx).map(Some),
        other => Err(EditError::Missing(format!("a way to enter `{other}`"))),
    }
}

/// As a PUT of one document by somebody who may do everything.
pub(crate) fn document<T: Document>(
    organisation: &mut Organisation,
    json: &Json,
    cx: &mut Cx<'_>,
) -> Result<(), EditError> {
    let refused = |why: String| {
        let what = T::SHAPE.expected;
        EditError::Refused(format!("the {what} {json} {why}"))
    };
    let sent = bind_documents::document(json, 0, &T::SHAPE, cx)
        .map_err(|why| refused(format!("cannot be read: {why:?}")))?;
    let mut undo = Undo::default();
    let verb = Verb::Create;
    match save::<T>(organisation, &sent, json, verb, View::WHOLE, &mut undo, cx) {
        Ok(Outcome::Saved(_)) => Ok(()),
        Ok(Outcome::Failed(why)) => {
            let errors = why.get("ValidationErrors").cloned().unwrap_or_default();
            Err(refused(format!("is refused: {errors}")))
        }
        Err(why) => Err(refused(format!("is refused: {why:?}"))),
    }
}

fn payment(
    organisation: &mut Organisation,
    json: &Json,
    cx: &mut Cx<'_>,
) -> Result<Uuid, EditError> {
    let sent = payments::read(json, "Payment".to_owned(), cx)
        .map_err(|why| EditError::Refused(format!("the payment {json} cannot be read: {why:?}")))?;
    let mut found = Findings::default();
    payments::make(organisation, &sent, &mut Undo::default(), cx, &mut found)
        .map(|it| it.id)
        .ok_or_else(|| EditError::Refused(format!("the payment {json}: {:?}", found.errors)))
}
