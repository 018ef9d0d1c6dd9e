//! Undo and void, as the vendor's own pages and its DELETE calls do them.

use jiff::Timestamp;
use uuid::Uuid;

use super::account::Account;
use super::blocks;
use super::stamps;
use crate::json::{Json, Object};

/// What becomes of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// Back to a draft, lines kept.
    Undo,
    /// Voided, lines gone.
    Void,
}

/// Undoes or voids a whole sale; answers the sale.
pub(crate) fn sale(account: &mut Account, id: Uuid, change: Change, now: Timestamp) -> Option<()> {
    let Json::Obj(mut document) = account.sales.get(id)?.document() else {
        return None;
    };
    for name in ["Quote", "Order"] {
        if let Some(Json::Obj(block)) = document.get_mut(name) {
            one(block, change);
        }
    }
    for name in ["Invoices", "CreditNotes"] {
        if let Some(Json::Arr(blocks)) = document.get_mut(name) {
            for block in blocks {
                if let Json::Obj(block) = block {
                    one(block, change);
                }
            }
        }
    }
    document.set("InventoryMovements", Vec::new());
    let status = match change {
        Change::Undo => "ORDERING",
        Change::Void => "VOIDED",
    };
    document.set("Status", status);
    blocks::settle(&mut document);
    account.put_sale(document, now).map(|_| ())
}

/// Undoes or voids one block of a sale. Placeholders stay what they are.
pub(crate) fn one(block: &mut Object, change: Change) {
    if blocks::text(block, "Status") == blocks::PLACEHOLDER {
        return;
    }
    match change {
        Change::Void => blocks::void(block),
        Change::Undo => {
            for name in ["Payments", "Refunds", "Restock"] {
                if block.get(name).is_some() {
                    block.set(name, Vec::new());
                }
            }
            if block.get("Paid").is_some() {
                block.set("Paid", 0);
            }
            block.set("Status", "DRAFT");
        }
    }
}

/// Undoes or voids the credit note of this task.
pub(crate) fn credit_note(
    account: &mut Account,
    task: Uuid,
    change: Change,
    now: Timestamp,
) -> Option<Uuid> {
    let (id, at) = find_note(account, |it| {
        stamps::read_id(it.get("TaskID")) == Some(task)
    })?;
    change_note(account, id, at, now, |note| one(note, change));
    Some(id)
}

/// Sale and position of the first credit note that `fits`, placeholders left out.
pub(crate) fn find_note(
    account: &Account,
    fits: impl Fn(&Object) -> bool,
) -> Option<(Uuid, usize)> {
    account
        .sales
        .by_id()
        .filter(|(_, sale)| sale.notes > 0)
        .find_map(|(id, sale)| {
            let document = sale.document();
            let notes = document.get("CreditNotes")?.as_array()?;
            let at = notes
                .iter()
                .filter_map(Json::as_object)
                .position(|it| blocks::text(it, "Status") != blocks::PLACEHOLDER && fits(it))?;
            Some((id, at))
        })
}

/// Changes one credit note of a sale.
pub(crate) fn change_note(
    account: &mut Account,
    sale: Uuid,
    at: usize,
    now: Timestamp,
    change: impl FnOnce(&mut Object),
) {
    let Some(Json::Obj(mut document)) = account.sales.get(sale).map(|it| it.document()) else {
        return;
    };
    if let Some(Json::Arr(notes)) = document.get_mut("CreditNotes")
        && let Some(Json::Obj(note)) = notes.get_mut(at)
    {
        change(note);
    }
    blocks::settle(&mut document);
    account.put_sale(document, now);
}
