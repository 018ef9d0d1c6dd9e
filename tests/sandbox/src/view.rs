//! Looking into a world and changing it by hand, as tests and bookkeepers do.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use crate::calls::{Call, CallKind, Counts, Traffic};
use crate::core::behaviour::Limits as CoreLimits;
use crate::core::view::CoreView;
use crate::edit::{Edit, EditError, find};
use crate::faults::{FaultRule, Faults};
use crate::json::{Json, Object};
use crate::omni::behaviour::Limits as OmniLimits;
use crate::world::{Cx, State, Vendor, World};
use crate::xero::by_hand;
use crate::xero::ledger::{self, Entry};
use crate::xero::organisation::{Held, Organisation, Shelf, number_key};
use crate::xero::settings::Limits as XeroLimits;

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

    /// The Core account of this company or account id.
    pub fn core(&self, name: &str) -> CoreView {
        CoreView::new(self, name)
    }

    /// Sets the call limits of every key of one Core account.
    pub fn limit_core(&self, name: &str, limits: CoreLimits) -> Result<(), EditError> {
        let mut state = self.lock();
        let held = state
            .core
            .find_mut(name)
            .ok_or_else(|| EditError::Missing(name.to_owned()))?;
        held.keys.iter_mut().for_each(|it| it.limits = limits);
        Ok(())
    }

    /// The calls that the log kept, oldest first.
    pub fn calls(&self) -> Vec<Call> {
        self.lock().calls.calls()
    }

    /// How many calls of each vendor were for what.
    pub fn counts(&self) -> Counts {
        self.lock().calls.counts()
    }

    /// Calls and bytes of each vendor by what they were for.
    pub fn traffic(&self) -> BTreeMap<Vendor, BTreeMap<CallKind, Traffic>> {
        self.lock().calls.traffic()
    }

    /// Forgets calls and counts.
    pub fn clear_calls(&self) {
        self.lock().calls.clear();
    }

    /// Xero forgets every idempotency key, as it does after their life, while all clocks stay as they are.
    pub fn forget_keys(&self) {
        self.lock().xero.forget_keys();
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
        for key in state.core.accounts.iter_mut().flat_map(|it| &mut it.keys) {
            key.limits.on = on;
        }
        for key in state.zudello.teams.iter_mut().flat_map(|it| &mut it.keys) {
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

    /// Sets the call limits of every key of one Zudello team.
    pub fn limit_zudello(&self, name: &str, limits: OmniLimits) -> Result<(), EditError> {
        let mut state = self.lock();
        let held = state
            .zudello
            .find_mut(name)
            .ok_or_else(|| EditError::Missing(name.to_owned()))?;
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
                .with("items", json_of(&it.items))
                .with("contacts", json_of(&it.contacts))
                .with("credit_notes", json_of(&it.credit_notes))
                .with("invoices", json_of(&it.invoices))
                .with("payments", json_of(&it.payments))
                .with("manual_journals", json_of(&it.manual_journals));
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
        let mut core = Object::new();
        for it in &state.core.accounts {
            core.set(it.settings.company.clone(), crate::core::view::state(it));
        }
        let mut zudello = Object::new();
        for it in &state.zudello.teams {
            zudello.set(it.uuid.to_string(), crate::zudello::view::state(it));
        }
        let all = Object::new()
            .with("now", now)
            .with("xero", xero)
            .with("omni", omni)
            .with("core", core)
            .with("zudello", zudello);
        Json::Obj(all).to_string()
    }
}

pub(crate) fn json_of(held: &impl Serialize) -> Json {
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
        self.held(key, |it| &it.credit_notes)
    }

    fn held<T: Held>(&self, key: &str, shelf: fn(&Organisation) -> &Shelf<T>) -> Option<Value> {
        self.with(|it| {
            let shelf = shelf(it);
            let id = find(shelf, key, &[number_key])?;
            shelf.get(id).map(|held| json_of(held).to_value())
        })?
    }

    /// Invoices and bills, oldest change first. Money is exact text.
    pub fn invoices(&self) -> Vec<Value> {
        self.list(|it| json_of(&it.invoices))
    }

    /// The invoice of this number or id.
    pub fn invoice(&self, key: &str) -> Option<Value> {
        self.held(key, |it| &it.invoices)
    }

    /// Payments and refunds, oldest change first.
    pub fn payments(&self) -> Vec<Value> {
        self.list(|it| json_of(&it.payments))
    }

    /// Manual journals, oldest change first.
    pub fn manual_journals(&self) -> Vec<Value> {
        self.list(|it| json_of(&it.manual_journals))
    }

    /// Every ledger entry by date, in home currency.
    pub fn ledger(&self) -> Vec<Entry> {
        self.with(ledger::entries).unwrap_or_default()
    }

    /// What each account that was ever posted to holds at the end of `date`, in home currency:
    /// debits above zero, credits below. The sum is zero.
    pub fn trial_balance(&self, date: Date) -> BTreeMap<String, Decimal> {
        self.with(|it| ledger::trial_balance(it, date))
            .unwrap_or_default()
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

    /// A person enters an invoice, a bill, a credit note or a payment, as a PUT would send it. Returns
    /// the payment's id.
    pub fn enter(&self, kind: &str, document: Value) -> Result<Option<Uuid>, EditError> {
        let json = Json::parse(&document.to_string())?;
        let now = self.world.now();
        let mut state = self.world.lock();
        state.revision = state.revision.saturating_add(1);
        let State { chance, xero, .. } = &mut *state;
        let organisation = xero
            .find_mut(&self.name)
            .ok_or_else(|| EditError::Missing(format!("organisation `{}`", self.name)))?;
        let mut cx = Cx::new(now, chance);
        by_hand::enter(organisation, kind, &json, &mut cx)
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

    /// What the account exports as CSV text; nothing for a kind that is none of
    /// [`KINDS`](crate::omni::exports::KINDS).
    pub fn export(&self, kind: &str) -> Option<String> {
        let state = self.world.lock();
        crate::omni::exports::export(state.omni.find(&self.username)?, kind)
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
