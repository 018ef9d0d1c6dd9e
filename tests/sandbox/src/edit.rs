//! Changes by hand, as a bookkeeper or a user of the vendor's own pages makes them.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::json::Json;
use crate::world::{Vendor, World};
use crate::xero::dates::to_milliseconds;
use crate::xero::document_model::{CreditNote, Invoice, LineAmountTypes};
use crate::xero::documents::Document;
use crate::xero::lines::{rate, round, tax, totals};
use crate::xero::organisation::{Held, Organisation, Shelf, contact_key, name_key, number_key};
use crate::xero::payments::settle_paid;
use crate::xero::settlement::{settle, settle_held};
use crate::xero::undo::Undo;

/// A change by hand to one held object.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Edit {
    /// Whose object.
    pub vendor: Vendor,
    /// Organisation (tenant id or name), Omni user name, Core company or account id, or Zudello
    /// team (name or UUID).
    pub account: String,
    /// What sort: Xero `organisation`, `switches`, `accounts`, `items`, `tax_rates`, `tracking`,
    /// `contacts`, `credit_notes`, `invoices`, `payments`, `manual_journals`; Omni `behaviour`,
    /// `permissions` (of the key that `id` names, or the first), a resource, `supplier_credit_notes` or
    /// `landed_costs`; Core `behaviour`, `settings`, `sales`,
    /// `credit-notes`, `customers`; Zudello `transactions`, a resource, `keys`,
    /// `contract`, `workflow`, or what a person does with a document: `submit`, `approve`,
    /// `reject`, `revert`, `close`, `archive`, `delete`.
    pub kind: String,
    /// Id, number, code or name of the object (reference of a payment, narration of a journal);
    /// empty for settings.
    #[serde(default)]
    pub id: String,
    /// Position of a line: the patch is for that line alone.
    #[serde(default)]
    pub line: Option<usize>,
    /// Merge patch over the object as the state shows it.
    pub patch: Json,
    /// Leave the object's modification date as it is.
    #[serde(default)]
    pub quiet: bool,
}

/// Why a change by hand was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EditError {
    /// No such account, sort or object.
    #[error("{0} is not held here")]
    Missing(String),
    /// It cannot be done as things stand.
    #[error("{0}")]
    Refused(String),
    /// The patched object is no longer one of its sort.
    #[error("the patched object cannot be read")]
    Misfit(#[from] serde_json::Error),
}

impl World {
    /// Changes one held object by hand, and answers with what it is now.
    pub fn edit(&self, edit: &Edit) -> Result<Value, EditError> {
        let now = self.now();
        let mut state = self.lock();
        state.revision = state.revision.saturating_add(1);
        let missing = || EditError::Missing(format!("the account `{}`", edit.account));
        let text = match edit.vendor {
            Vendor::Xero => {
                let held = state.xero.find_mut(&edit.account).ok_or_else(missing)?;
                edit_xero(held, edit, now)?
            }
            Vendor::Omni => {
                let held = state.omni.find_mut(&edit.account).ok_or_else(missing)?;
                crate::omni::edit::edit(held, edit, now)?
            }
            Vendor::Zudello => {
                let held = state.zudello.find_mut(&edit.account).ok_or_else(missing)?;
                crate::zudello::edits::edit(held, edit, now)?
            }
            Vendor::Core => {
                let held = state.core.find_mut(&edit.account).ok_or_else(missing)?;
                crate::core::edit::edit(held, edit, now)?
            }
            Vendor::Nobody => return Err(missing()),
        };
        Ok(serde_json::from_str(&text)?)
    }
}

pub(crate) fn patched<T: Serialize + DeserializeOwned>(
    held: &T,
    patch: &Json,
) -> Result<T, EditError> {
    let mut json = Json::parse(&serde_json::to_string(held)?)?;
    json.merge(patch.clone());
    Ok(serde_json::from_str(&json.to_string())?)
}

pub(crate) fn edit_xero(
    organisation: &mut Organisation,
    edit: &Edit,
    now: jiff::Timestamp,
) -> Result<String, EditError> {
    let missing = || EditError::Missing(format!("{} `{}`", edit.kind, edit.id));
    let now = to_milliseconds(now);
    let quiet = edit.quiet || edit.patch.get("UpdatedDateUTC").is_some();
    let text = match edit.kind.as_str() {
        "organisation" => {
            organisation.profile = patched(&organisation.profile, &edit.patch)?;
            serde_json::to_string(&organisation.profile)?
        }
        "switches" => {
            organisation.switches = patched(&organisation.switches, &edit.patch)?;
            serde_json::to_string(&organisation.switches)?
        }
        "accounts" => {
            let fits = |it: &&mut crate::xero::model::Account| {
                it.code == edit.id || it.id.to_string() == edit.id
            };
            let held = organisation
                .accounts
                .iter_mut()
                .find(fits)
                .ok_or_else(missing)?;
            *held = patched(held, &edit.patch)?;
            if !quiet {
                held.updated = now;
            }
            serde_json::to_string(held)?
        }
        "items" => {
            let held = organisation.items.iter_mut().find(|it| it.code == edit.id);
            let held = held.ok_or_else(missing)?;
            *held = patched(held, &edit.patch)?;
            if !quiet {
                held.updated = now;
            }
            serde_json::to_string(held)?
        }
        "tax_rates" => {
            let held = organisation
                .tax_rates
                .iter_mut()
                .find(|it| it.tax_type == edit.id);
            let held = held.ok_or_else(missing)?;
            *held = patched(held, &edit.patch)?;
            serde_json::to_string(held)?
        }
        "tracking" => {
            let held = organisation
                .tracking
                .iter_mut()
                .find(|it| it.name == edit.id);
            let held = held.ok_or_else(missing)?;
            *held = patched(held, &edit.patch)?;
            serde_json::to_string(held)?
        }
        "contacts" => {
            let id = find(&organisation.contacts, &edit.id, &[name_key, number_key]);
            let held = id
                .and_then(|id| organisation.contacts.get(id))
                .ok_or_else(missing)?;
            let mut contact = patched(held, &edit.patch)?;
            if !quiet {
                contact.updated = now;
            }
            if edit.patch.get("MergedToContactID").is_some()
                && let Some(winner) = contact.merged_to
            {
                contact.contact_status = "ARCHIVED".to_owned();
                move_documents::<CreditNote>(organisation, contact.id, winner);
                move_documents::<Invoice>(organisation, contact.id, winner);
            }
            let text = serde_json::to_string(&contact)?;
            organisation.contacts.put(contact);
            text
        }
        "credit_notes" => {
            let note: CreditNote = edit_document(organisation, edit, now)?;
            let text = serde_json::to_string(&note)?;
            let invoices: Vec<Uuid> = note.allocations.iter().map(|it| it.invoice).collect();
            for id in invoices {
                settle_held::<Invoice>(organisation, id, now, &mut Undo::default());
            }
            text
        }
        "payments" => {
            let id = find(&organisation.payments, &edit.id, &[name_key]).ok_or_else(missing)?;
            let held = organisation.payments.get(id).ok_or_else(missing)?;
            let before = held.paid;
            let mut payment = patched(held, &edit.patch)?;
            if !quiet {
                payment.updated = now;
            }
            let text = serde_json::to_string(&payment)?;
            let after = payment.paid;
            organisation.payments.put(payment);
            for paid in [before, after] {
                settle_paid(organisation, paid, now, &mut Undo::default());
            }
            text
        }
        "manual_journals" => {
            let journals = &organisation.manual_journals;
            let id = find(journals, &edit.id, &[name_key]).ok_or_else(missing)?;
            let mut journal = patched(journals.get(id).ok_or_else(missing)?, &edit.patch)?;
            if !quiet {
                journal.updated = now;
            }
            let text = serde_json::to_string(&journal)?;
            organisation.manual_journals.put(journal);
            text
        }
        "invoices" => serde_json::to_string(&edit_document::<Invoice>(organisation, edit, now)?)?,
        _ => return Err(missing()),
    };
    Ok(text)
}

/// Patches a document or one line of it. Totals follow the lines, what is open follows both.
fn edit_document<T: Document>(
    organisation: &mut Organisation,
    edit: &Edit,
    now: jiff::Timestamp,
) -> Result<T, EditError> {
    let missing = || EditError::Missing(format!("{} `{}`", edit.kind, edit.id));
    let id = find(T::shelf(organisation), &edit.id, &[number_key]).ok_or_else(missing)?;
    let held = T::shelf(organisation).get(id).ok_or_else(missing)?;
    let mut document = match edit.line {
        None => patched(held, &edit.patch)?,
        Some(at) => edit_line(organisation, held, at, edit)?,
    };
    let body = document.body_mut();
    if !edit.quiet && edit.patch.get("UpdatedDateUTC").is_none() {
        body.updated = now;
    }
    let lines = edit.line.is_some() || edit.patch.get("LineItems").is_some();
    if lines {
        let (sub_total, total_tax, total) = totals(&body.lines, body.line_amount_types);
        body.sub_total = sub_total;
        body.total_tax = total_tax;
        body.total = total;
    }
    if lines || edit.patch.get("Allocations").is_some() {
        settle(&mut document, organisation);
    }
    T::shelf_mut(organisation).put(document.clone());
    Ok(document)
}

fn edit_line<T: Document>(
    organisation: &Organisation,
    held: &T,
    at: usize,
    edit: &Edit,
) -> Result<T, EditError> {
    let mut document = held.clone();
    let missing = || EditError::Missing(format!("line {at} of `{}`", edit.id));
    let body = document.body_mut();
    let line = body.lines.get_mut(at).ok_or_else(missing)?;
    *line = patched(line, &edit.patch)?;
    if edit.patch.get("LineAmount").is_none() {
        line.line_amount = round(line.quantity * line.unit_amount, 2);
    }
    if body.line_amount_types == LineAmountTypes::NoTax {
        line.tax_amount = Default::default();
    } else if edit.patch.get("TaxAmount").is_none() {
        let rate = rate(organisation, line.tax_type.as_deref());
        line.tax_amount = tax(line.line_amount, rate, body.line_amount_types);
    }
    Ok(document)
}

/// A row by id, or by the first of the keys that finds one.
pub(crate) fn find<T: Held>(
    shelf: &Shelf<T>,
    id: &str,
    keys: &[fn(&str) -> String],
) -> Option<Uuid> {
    if let Ok(id) = Uuid::parse_str(id) {
        return shelf.get(id).map(Held::id);
    }
    keys.iter()
        .find_map(|key| shelf.find(&key(id)).next().map(Held::id))
}

/// A merge in Xero moves the loser's documents to the winner.
fn move_documents<T: Document>(organisation: &mut Organisation, loser: Uuid, winner: Uuid) {
    let shelf = T::shelf_mut(organisation);
    let moved: Vec<Uuid> = shelf.find(&contact_key(loser)).map(Held::id).collect();
    for id in moved {
        if let Some(mut document) = shelf.take(id) {
            document.body_mut().contact = winner;
            shelf.put(document);
        }
    }
}
