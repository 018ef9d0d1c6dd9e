//! Changes by hand, as a bookkeeper or a user of the vendor's own pages makes them.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::json::Json;
use crate::world::{Vendor, World};
use crate::xero::dates::to_milliseconds;
use crate::xero::lines::{round, tax, totals};
use crate::xero::model::{CreditNote, LineAmountTypes, Status};
use crate::xero::organisation::{Held, Organisation, Shelf, name_key, number_key};

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
    /// `contacts`, `credit_notes`; Omni `behaviour`, `permissions` (of the key that `id`
    /// names, or the first), a resource, `supplier_credit_notes` or `landed_costs`; Core `behaviour`, `settings`, `sales`,
    /// `credit-notes`, `customers`; Zudello `transactions`, a resource, `keys`,
    /// `contract`, `workflow`, or what a person does with a document: `submit`, `approve`,
    /// `reject`, `revert`, `close`, `archive`, `delete`.
    pub kind: String,
    /// Id, number, code or name of the object; empty for settings.
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
                move_documents(organisation, contact.id, winner);
            }
            let text = serde_json::to_string(&contact)?;
            organisation.contacts.put(contact);
            text
        }
        "credit_notes" => {
            let id = find(&organisation.credit_notes, &edit.id, &[number_key]);
            let held = id
                .and_then(|id| organisation.credit_notes.get(id))
                .ok_or_else(missing)?;
            let mut note = edit_note(held, edit)?;
            if !quiet {
                note.updated = now;
            }
            for line in &mut note.lines {
                let rate = line
                    .tax_type
                    .as_deref()
                    .and_then(|it| organisation.tax_rate(it));
                if edit.line.is_some() && edit.patch.get("TaxAmount").is_none() {
                    let rate = rate.map_or_else(Default::default, |it| {
                        it.rate / rust_decimal::Decimal::ONE_HUNDRED
                    });
                    line.tax_amount = tax(line.line_amount, rate, note.line_amount_types);
                }
            }
            let (sub_total, total_tax, total) = totals(&note.lines, note.line_amount_types);
            if edit.line.is_some() || edit.patch.get("LineItems").is_some() {
                note.sub_total = sub_total;
                note.total_tax = total_tax;
                note.total = total;
                note.remaining_credit = total;
            }
            if edit.patch.get("Allocations").is_some() {
                settle_allocations(&mut note);
            }
            let text = serde_json::to_string(&note)?;
            organisation.credit_notes.put(note);
            text
        }
        _ => return Err(missing()),
    };
    Ok(text)
}

/// A credit that is used up is PAID, and AUTHORISED again when a use of it is taken back.
fn settle_allocations(note: &mut CreditNote) {
    let used: rust_decimal::Decimal = note.allocations.iter().map(|it| it.amount).sum();
    note.remaining_credit = round(note.total - used, 2);
    match note.status {
        Status::Authorised if note.remaining_credit.is_zero() => note.status = Status::Paid,
        Status::Paid if !note.remaining_credit.is_zero() => note.status = Status::Authorised,
        _ => {}
    }
}

fn edit_note(held: &CreditNote, edit: &Edit) -> Result<CreditNote, EditError> {
    let Some(at) = edit.line else {
        return patched(held, &edit.patch);
    };
    let mut note = held.clone();
    let missing = || EditError::Missing(format!("line {at} of `{}`", edit.id));
    let line = note.lines.get_mut(at).ok_or_else(missing)?;
    *line = patched(line, &edit.patch)?;
    if edit.patch.get("LineAmount").is_none() {
        line.line_amount = round(line.quantity * line.unit_amount, 2);
    }
    if note.line_amount_types == LineAmountTypes::NoTax {
        line.tax_amount = Default::default();
    }
    Ok(note)
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
fn move_documents(organisation: &mut Organisation, loser: Uuid, winner: Uuid) {
    let moved: Vec<Uuid> = organisation
        .credit_notes
        .find(&format!("contact:{loser}"))
        .map(|it| it.id)
        .collect();
    for id in moved {
        if let Some(mut note) = organisation.credit_notes.take(id) {
            note.contact = winner;
            organisation.credit_notes.put(note);
        }
    }
}
