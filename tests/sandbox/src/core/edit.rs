//! Changes by hand to what a Core account holds.
//!
//! A credit note whose `Status` is set to `VOIDED` loses its lines, one set to `DRAFT` keeps them,
//! as the vendor's own void and undo do. Totals follow from lines and charges.

use jiff::Timestamp;
use uuid::Uuid;

use super::account::Account;
use super::blocks::{self, PLACEHOLDER, text};
use super::changes::{self, Change};
use super::money::Taxing;
use super::stamps;
use crate::edit::{Edit, EditError, patched};
use crate::json::{Json, Object};
use crate::omni::filter::instant;

/// Carries out a change, and answers with what the object is now.
pub(crate) fn edit(
    account: &mut Account,
    edit: &Edit,
    now: Timestamp,
) -> Result<String, EditError> {
    let missing = || EditError::Missing(format!("{} `{}`", edit.kind, edit.id));
    match edit.kind.replace('_', "-").as_str() {
        "behaviour" => {
            account.behaviour = patched(&account.behaviour, &edit.patch)?;
            Ok(serde_json::to_string(&account.behaviour)?)
        }
        "settings" => {
            account.settings = patched(&account.settings, &edit.patch)?;
            Ok(serde_json::to_string(&account.settings)?)
        }
        "customers" => customer(account, edit, now).ok_or_else(missing),
        "sales" => sale(account, edit, now).ok_or_else(missing),
        "credit-notes" => credit_note(account, edit, now).ok_or_else(missing),
        _ => Err(missing()),
    }
}

/// When the object was last changed, after this change.
fn stamp(edit: &Edit, held: Timestamp, now: Timestamp) -> Timestamp {
    let given = ["Updated", "LastModifiedOn"]
        .into_iter()
        .find_map(|name| instant(edit.patch.get(name)?.as_str()?));
    match given {
        Some(given) => given,
        None if edit.quiet => held,
        None => now,
    }
}

fn customer(account: &mut Account, edit: &Edit, now: Timestamp) -> Option<String> {
    let by_name = |account: &Account| {
        account.customers.iter().find_map(|(id, it)| {
            let name = it.document();
            (name.get("Name")?.as_str()? == edit.id).then_some(*id)
        })
    };
    let id = Uuid::parse_str(&edit.id)
        .ok()
        .or_else(|| by_name(account))?;
    let held = account.customers.get(&id)?;
    let mut document = held.document();
    let at = stamp(edit, held.modified, now);
    document.merge(edit.patch.clone());
    let Json::Obj(document) = document else {
        return None;
    };
    let id = account.put_customer(document, at)?;
    account.customers.get(&id).map(|it| it.text.clone())
}

fn sale(account: &mut Account, edit: &Edit, now: Timestamp) -> Option<String> {
    let id = find_sale(account, &edit.id)?;
    let held = account.sales.get(id)?;
    let at = stamp(edit, held.updated, now);
    let mut patch = edit.patch.clone();
    if let Json::Obj(patch) = &mut patch {
        patch.remove("Updated");
        match text(patch, "Status") {
            "VOIDED" => changes::sale(account, id, Change::Void, at)?,
            "DRAFT" => changes::sale(account, id, Change::Undo, at)?,
            _ => {}
        }
    }
    let mut document = account.sales.get(id)?.document();
    document.merge(patch);
    let Json::Obj(document) = document else {
        return None;
    };
    let id = account.put_sale(document, at)?;
    account.sales.get(id).map(|it| it.text.clone())
}

/// A sale by its id or its order number.
fn find_sale(account: &Account, key: &str) -> Option<Uuid> {
    if let Ok(id) = Uuid::parse_str(key) {
        return Some(id);
    }
    account.sales.by_id().find_map(|(id, sale)| {
        let document = sale.document();
        let number = document.get("Order")?.get("SaleOrderNumber")?.as_str()?;
        (number == key).then_some(id)
    })
}

fn credit_note(account: &mut Account, edit: &Edit, now: Timestamp) -> Option<String> {
    let task = Uuid::parse_str(&edit.id).ok();
    let fits = |note: &Object| match task {
        Some(task) => stamps::read_id(note.get("TaskID")) == Some(task),
        None => text(note, "CreditNoteNumber") == edit.id,
    };
    let (id, at) = changes::find_note(account, fits)?;
    let held = account.sales.get(id)?;
    let (sale, updated) = (held.document(), stamp(edit, held.updated, now));
    let Json::Obj(mut sale) = sale else {
        return None;
    };
    if edit.patch.is_null() {
        if let Some(Json::Arr(notes)) = sale.get_mut("CreditNotes") {
            notes.remove(at);
        }
        blocks::settle(&mut sale);
        account.put_sale(sale, updated);
        return Some("null".to_owned());
    }
    let inclusive = text(&sale, "TaxCalculation") == "Inclusive";
    let Some(Json::Arr(notes)) = sale.get_mut("CreditNotes") else {
        return None;
    };
    let Json::Obj(note) = notes.get_mut(at)? else {
        return None;
    };
    {
        let rates = |rule: &str| account.tax_percent(rule);
        let taxing = Taxing {
            inclusive,
            method: account.settings.tax_method,
            rates: &rates,
        };
        match edit.line {
            Some(line) => patch_line(note, line, &edit.patch, &taxing)?,
            None => patch_note(note, &edit.patch, &taxing),
        }
    }
    let text = Json::Obj(note.clone()).text();
    blocks::settle(&mut sale);
    account.put_sale(sale, updated);
    Some(text)
}

fn patch_line(note: &mut Object, at: usize, patch: &Json, taxing: &Taxing<'_>) -> Option<()> {
    let Some(Json::Arr(lines)) = note.get_mut("Lines") else {
        return None;
    };
    let line = lines.get_mut(at)?;
    line.merge(patch.clone());
    if let Json::Obj(line) = line
        && patch.get("Total").is_none()
        && patch.get("Tax").is_none()
    {
        taxing.price(line);
    }
    taxing.total_up(note);
    Some(())
}

/// Merges a patch over a credit note, and brings what depends on it up to date.
pub(crate) fn patch_note(note: &mut Object, patch: &Json, taxing: &Taxing<'_>) {
    let mut merged = Json::Obj(std::mem::take(note));
    merged.merge(patch.clone());
    if let Json::Obj(merged) = merged {
        *note = merged;
    }
    note.remove("Updated");
    let mut priced = false;
    for name in ["Lines", "AdditionalCharges"] {
        if patch.get(name).is_none() {
            continue;
        }
        priced = true;
        if let Some(Json::Arr(lines)) = note.get_mut(name) {
            for line in lines {
                if let Json::Obj(line) = line {
                    complete(line, taxing);
                }
            }
        }
    }
    if priced {
        let given = ["TotalBeforeTax", "Tax", "Total"].map(|it| (it, patch.get(it).cloned()));
        taxing.total_up(note);
        for (name, value) in given {
            if let Some(value) = value {
                note.set(name, value);
            }
        }
    }
    match patch.get("Status").and_then(Json::as_str) {
        Some("VOIDED") => changes::one(note, Change::Void),
        Some("DRAFT") => changes::one(note, Change::Undo),
        Some(PLACEHOLDER) => blocks::empty(note),
        _ => {}
    }
}

/// A line or charge that was written by hand gets what it leaves out.
fn complete(line: &mut Object, taxing: &Taxing<'_>) {
    for (name, value) in [
        ("Quantity", Json::int(1)),
        ("Price", Json::int(0)),
        ("Discount", Json::int(0)),
        ("Account", Json::from("200")),
        ("TaxRule", Json::from("GST on Income")),
        ("Comment", Json::from("")),
    ] {
        if line.get(name).is_none() {
            line.set(name, value);
        }
    }
    let (tax, total) = (line.get("Tax").cloned(), line.get("Total").cloned());
    taxing.price(line);
    for (name, value) in [("Tax", tax), ("Total", total)] {
        if let Some(value) = value {
            line.set(name, value);
        }
    }
}
