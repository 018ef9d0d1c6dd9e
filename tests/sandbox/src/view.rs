//! Looking into a world and changing it by hand, as tests and bookkeepers do.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::calls::{Call, Counts};
use crate::faults::{FaultRule, Faults};
use crate::json::{Json, Object};
use crate::omni::account::Account as OmniAccount;
use crate::omni::behaviour::Limits as OmniLimits;
use crate::omni::resources::Resource;
use crate::omni::writing::stamp;
use crate::world::{Vendor, World};
use crate::xero::dates::to_milliseconds;
use crate::xero::lines::{round, tax, totals};
use crate::xero::model::{CreditNote, LineAmountTypes, Status};
use crate::xero::organisation::{Held, Organisation, Shelf, name_key, number_key};
use crate::xero::settings::Limits as XeroLimits;

/// A change by hand to one held object.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Edit {
    /// Whose object.
    pub vendor: Vendor,
    /// Organisation (tenant id or name) or Omni user name.
    pub account: String,
    /// What sort: Xero `organisation`, `switches`, `accounts`, `tax_rates`, `tracking`,
    /// `contacts`, `credit_notes`; Omni `behaviour` or a resource.
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
    /// The patched object is no longer one of its sort.
    #[error("the patched object cannot be read")]
    Misfit(#[from] serde_json::Error),
}

/// Documents that share a number or a reference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Duplicate {
    /// Tenant id.
    pub tenant: String,
    /// Sort of document.
    pub kind: &'static str,
    /// The property that they share.
    pub by: &'static str,
    /// Its value.
    pub value: String,
    /// Their ids.
    pub ids: Vec<String>,
}

/// One Xero organisation.
#[derive(Debug, Clone)]
pub struct XeroView {
    world: World,
    name: String,
}

/// One Omni account.
#[derive(Debug, Clone)]
pub struct OmniView {
    world: World,
    username: String,
}

impl World {
    /// The organisation of this tenant id or name.
    pub fn xero(&self, name: &str) -> XeroView {
        XeroView {
            world: self.clone(),
            name: name.to_owned(),
        }
    }

    /// The Omni account of this user name.
    pub fn omni(&self, username: &str) -> OmniView {
        OmniView {
            world: self.clone(),
            username: username.to_owned(),
        }
    }

    /// The calls that the log kept, oldest first.
    pub fn calls(&self) -> Vec<Call> {
        self.lock().calls.calls()
    }

    /// How many calls of each vendor were for what.
    pub fn counts(&self) -> Counts {
        self.lock().calls.counts()
    }

    /// Forgets calls and counts.
    pub fn clear_calls(&self) {
        self.lock().calls.clear();
    }

    /// Keeps the newest `keep` calls from now on.
    pub fn keep_calls(&self, keep: usize) {
        self.lock().calls.keep(keep);
    }

    /// Replaces the fault script.
    pub fn set_faults(&self, rules: Vec<FaultRule>) {
        self.lock().faults = Faults(rules);
    }

    /// The fault script with what is left of it.
    pub fn faults(&self) -> Vec<FaultRule> {
        self.lock().faults.0.clone()
    }

    /// Switches every call limit of every vendor on or off.
    pub fn limits(&self, on: bool) {
        let mut state = self.lock();
        for organisation in &mut state.xero.organisations {
            organisation.limits.on = on;
        }
        for key in state.omni.accounts.iter_mut().flat_map(|it| &mut it.keys) {
            key.limits.on = on;
        }
    }

    /// Sets the call limits of one organisation.
    pub fn limit_xero(&self, name: &str, limits: XeroLimits) -> Result<(), EditError> {
        let mut state = self.lock();
        let held = state
            .xero
            .find_mut(name)
            .ok_or_else(|| EditError::Missing(name.to_owned()))?;
        held.limits = limits;
        Ok(())
    }

    /// Sets the call limits of every connection of one Omni account.
    pub fn limit_omni(&self, username: &str, limits: OmniLimits) -> Result<(), EditError> {
        let mut state = self.lock();
        let held = state
            .omni
            .find_mut(username)
            .ok_or_else(|| EditError::Missing(username.to_owned()))?;
        held.keys.iter_mut().for_each(|it| it.limits = limits);
        Ok(())
    }

    /// Moves the clock on by whole seconds.
    pub fn advance_seconds(&self, seconds: u64) {
        self.advance(Duration::from_secs(seconds));
    }

    /// Everything that is held, for people and tests.
    pub fn state(&self) -> Value {
        serde_json::from_str(&self.state_text()).unwrap_or_default()
    }

    pub(crate) fn state_text(&self) -> String {
        let now = self.now().to_string();
        let state = self.lock();
        let mut xero = Object::new();
        for it in &state.xero.organisations {
            let held = Object::new()
                .with("name", it.profile.name.as_str())
                .with("organisation", json_of(&it.profile))
                .with("accounts", json_of(&it.accounts))
                .with("tax_rates", json_of(&it.tax_rates))
                .with("tracking", json_of(&it.tracking))
                .with("currencies", json_of(&it.currencies))
                .with("contacts", json_of(&it.contacts))
                .with("credit_notes", json_of(&it.credit_notes));
            xero.set(it.tenant_id.to_string(), held);
        }
        let mut omni = Object::new();
        for it in &state.omni.accounts {
            let mut held = Object::new();
            for (resource, rows) in &it.rows {
                let documents: Vec<Json> = rows.by_id().map(|(_, row)| row.document()).collect();
                held.set(snake(resource), documents);
            }
            omni.set(it.username.clone(), held);
        }
        let all = Object::new()
            .with("now", now)
            .with("xero", xero)
            .with("omni", omni);
        Json::Obj(all).to_string()
    }

    /// Documents that share a number or a reference, voided and deleted ones left out.
    pub fn duplicates(&self) -> Vec<Duplicate> {
        let state = self.lock();
        let mut found = Vec::new();
        for organisation in &state.xero.organisations {
            let mut groups: BTreeMap<(&'static str, String), Vec<String>> = BTreeMap::new();
            for note in organisation.credit_notes.oldest_first() {
                if matches!(note.status, Status::Voided | Status::Deleted) {
                    continue;
                }
                for (by, value) in [
                    ("CreditNoteNumber", &note.credit_note_number),
                    ("Reference", &note.reference),
                ] {
                    if !value.is_empty() {
                        let group = groups.entry((by, value.to_lowercase())).or_default();
                        group.push(note.id.to_string());
                    }
                }
            }
            found.extend(groups.into_iter().filter(|(_, ids)| ids.len() > 1).map(
                |((by, value), ids)| Duplicate {
                    tenant: organisation.tenant_id.to_string(),
                    kind: "credit_notes",
                    by,
                    value,
                    ids,
                },
            ));
        }
        found
    }

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
                edit_omni(held, edit, now)?
            }
            Vendor::Nobody => return Err(missing()),
        };
        Ok(serde_json::from_str(&text)?)
    }
}

fn json_of(held: &impl Serialize) -> Json {
    serde_json::to_string(held)
        .ok()
        .and_then(|it| Json::parse(&it).ok())
        .unwrap_or_default()
}

/// `CreditNotes` as `credit_notes`.
fn snake(name: &str) -> String {
    let mut out = String::new();
    for (at, c) in name.char_indices() {
        if at > 0 && c.is_ascii_uppercase() {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

fn patched<T: Serialize + DeserializeOwned>(held: &T, patch: &Json) -> Result<T, EditError> {
    let mut json = Json::parse(&serde_json::to_string(held)?)?;
    json.merge(patch.clone());
    Ok(serde_json::from_str(&json.to_string())?)
}

fn edit_xero(
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
fn find<T: Held>(shelf: &Shelf<T>, id: &str, keys: &[fn(&str) -> String]) -> Option<Uuid> {
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

fn edit_omni(
    account: &mut OmniAccount,
    edit: &Edit,
    now: jiff::Timestamp,
) -> Result<String, EditError> {
    let missing = || EditError::Missing(format!("{} `{}`", edit.kind, edit.id));
    if edit.kind == "behaviour" {
        account.behaviour = patched(&account.behaviour, &edit.patch)?;
        return Ok(serde_json::to_string(&account.behaviour)?);
    }
    let resource = Resource::of(&edit.kind.replace('_', "")).ok_or_else(missing)?;
    let id = match edit.id.parse::<i64>() {
        Ok(id) => Some(id),
        Err(_) => by_code(account, resource, &edit.id),
    };
    let id = id.ok_or_else(missing)?;
    let mut document = account.document(resource.name, id).ok_or_else(missing)?;
    match edit.line {
        None => document.merge(edit.patch.clone()),
        Some(at) => {
            let Json::Obj(object) = &mut document else {
                return Err(missing());
            };
            let Some(Json::Arr(lines)) = object.get_mut("lineItems") else {
                return Err(missing());
            };
            lines
                .get_mut(at)
                .ok_or_else(missing)?
                .merge(edit.patch.clone());
        }
    }
    if let Json::Obj(object) = &mut document
        && !edit.quiet
        && edit.patch.get("modifiedDate").is_none()
    {
        object.set("modifiedDate", stamp(now));
    }
    let text = document.to_string();
    account.put(resource.name, document);
    Ok(text)
}

fn by_code(account: &OmniAccount, resource: &Resource, code: &str) -> Option<i64> {
    let rows = account.rows(resource.name)?;
    let fits = |document: &Json| {
        document
            .get(resource.code)
            .and_then(Json::as_str)
            .is_some_and(|it| it == code)
    };
    rows.by_id()
        .find(|(_, row)| fits(&row.document()))
        .map(|(id, _)| id)
}

impl XeroView {
    fn with<T>(&self, read: impl FnOnce(&Organisation) -> T) -> Option<T> {
        self.world.lock().xero.find(&self.name).map(read)
    }

    /// Tenant id, if there is such an organisation.
    pub fn tenant_id(&self) -> Option<Uuid> {
        self.with(|it| it.tenant_id)
    }

    /// Settings of the organisation.
    pub fn organisation(&self) -> Value {
        self.with(|it| json_of(&it.profile).to_value())
            .unwrap_or_default()
    }

    /// Accounts.
    pub fn accounts(&self) -> Vec<Value> {
        self.list(|it| json_of(&it.accounts))
    }

    /// Contacts, oldest change first.
    pub fn contacts(&self) -> Vec<Value> {
        self.list(|it| json_of(&it.contacts))
    }

    /// Credit notes, oldest change first. Money is exact text.
    pub fn credit_notes(&self) -> Vec<Value> {
        self.list(|it| json_of(&it.credit_notes))
    }

    /// The credit note of this number or id.
    pub fn credit_note(&self, key: &str) -> Option<Value> {
        self.with(|it| {
            let id = find(&it.credit_notes, key, &[number_key])?;
            it.credit_notes.get(id).map(|note| json_of(note).to_value())
        })?
    }

    /// How many credit notes there are.
    pub fn credit_note_count(&self) -> usize {
        self.with(|it| it.credit_notes.len()).unwrap_or_default()
    }

    fn list(&self, read: impl FnOnce(&Organisation) -> Json) -> Vec<Value> {
        match self.with(read).map(|it| it.to_value()) {
            Some(Value::Array(items)) => items,
            _ => Vec::new(),
        }
    }

    /// Changes one object by hand; see [`Edit`].
    pub fn edit(&self, kind: &str, id: &str, patch: Value) -> Result<Value, EditError> {
        self.world.edit(&Edit {
            vendor: Vendor::Xero,
            account: self.name.clone(),
            kind: kind.to_owned(),
            id: id.to_owned(),
            line: None,
            patch: Json::parse(&patch.to_string())?,
            quiet: false,
        })
    }
}

impl OmniView {
    /// Documents of a resource such as `CreditNotes`, by id.
    pub fn documents(&self, resource: &str) -> Vec<Value> {
        let texts = self.texts(resource);
        texts
            .iter()
            .map(|it| serde_json::from_str(it).unwrap_or_default())
            .collect()
    }

    /// Documents of a resource as JSON texts, in which numbers are exact.
    pub fn texts(&self, resource: &str) -> Vec<String> {
        let state = self.world.lock();
        let rows = state
            .omni
            .find(&self.username)
            .and_then(|it| it.rows(resource));
        rows.into_iter()
            .flat_map(|it| it.by_id())
            .map(|(_, it)| it.text.clone())
            .collect()
    }

    /// Credit notes by id.
    pub fn credit_notes(&self) -> Vec<Value> {
        self.documents("CreditNotes")
    }

    /// Contacts by id.
    pub fn contacts(&self) -> Vec<Value> {
        self.documents("Contacts")
    }

    /// Puts a document into a resource; one without `id` gets one.
    pub fn put(&self, resource: &str, document: Value) -> Result<i64, EditError> {
        let document = Json::parse(&document.to_string())?;
        let mut state = self.world.lock();
        state.revision = state.revision.saturating_add(1);
        let account = state.omni.find_mut(&self.username);
        let account = account.ok_or_else(|| EditError::Missing(self.username.clone()))?;
        Ok(account.put(resource, document))
    }

    /// Changes one document by hand; see [`Edit`].
    pub fn edit(&self, kind: &str, id: &str, patch: Value) -> Result<Value, EditError> {
        self.world.edit(&Edit {
            vendor: Vendor::Omni,
            account: self.username.clone(),
            kind: kind.to_owned(),
            id: id.to_owned(),
            line: None,
            patch: Json::parse(&patch.to_string())?,
            quiet: false,
        })
    }
}
