//! Payments that we made and that are taken off a document so that it can be edited: what is remembered of
//! them, and which may be.
//!
//! Two notes carry it, both kept with the entries that they are about. That of the document says for which
//! form of it a person said so; it ends with the edit, or when they say something else. That of a payment
//! says whether it is off; it ends when the payment is there again. A payment comes back once its
//! document's entry is settled, whatever became of the edit: nothing stays unpaid without a row that says so.

use std::collections::BTreeSet;

use ledgerline_plugin_api::manifest::{HeldState, Settled, Settles};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    mapping::{Reference, Value, jq::EvalError},
    pipeline::{
        ask::{Said, Wanted, ask},
        decide::{Ready, Takers, WITHDRAWN, Write},
        plan::RoutePlan,
        run::Run,
    },
    store::{
        Actor, Change, Entry, EntryId, Settlement, State, Store, StoreError, StreamId, offload,
    },
};

/// What a person said about a document that was settled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reapply {
    /// The target's document.
    pub(crate) target: String,
    /// Fingerprint of what it is to become.
    pub(crate) fingerprint: [u8; 16],
    /// Version of the source document for which they said so; none in a word that is too old to hold.
    #[serde(default)]
    pub(crate) version: String,
    /// Entries of its payments.
    pub(crate) payments: Vec<EntryId>,
}

/// A payment that is to be taken off, or is off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TakenOff {
    /// The entry of the document that it settles.
    pub(crate) document: EntryId,
    /// The target's id of the payment.
    pub(crate) of: String,
    /// What makes it anew, as JSON text: what was sent, and what the target added that goes along.
    pub(crate) body: String,
    /// It is off.
    pub(crate) off: bool,
    /// What was sent last to make it anew, as JSON text: not more than was open.
    pub(crate) again: Option<String>,
}

impl Reapply {
    /// Name of its note.
    pub(crate) fn note(id: &EntryId) -> String {
        format!("reapply/{id}")
    }

    /// Whether it was said about this form of the document.
    pub(crate) fn is_of(&self, ready: &Ready) -> bool {
        self.fingerprint == ready.fingerprint && self.version == ready.version
    }

    /// What ends it: its note goes, and payments that stopped on their way off are looked at anew. Those that
    /// are off come back by themselves.
    pub(crate) fn ended(
        &self,
        store: &dyn Store,
        id: &EntryId,
        by: &Actor,
        now: i64,
    ) -> Result<Settlement, StoreError> {
        let mut settlement = Settlement::default();
        settlement.notes.push((Self::note(id), None));
        for payment in &self.payments {
            let (Some(entry), Some(known)) =
                (store.entry(payment)?, TakenOff::read(store, payment)?)
            else {
                continue;
            };
            let stopped = matches!(entry.state, State::Warning | State::Waiting);
            if known.off || !stopped {
                continue;
            }
            let mut next = entry.clone();
            next.clear_stop();
            let what = format!("stays on {id}");
            next.record(now, State::Pending, by.clone(), what, None);
            settlement.changes.push(Change {
                id: payment.clone(),
                seen: entry.seen(),
                entry: next,
            });
        }
        Ok(settlement)
    }

    /// What was said about a document.
    pub(crate) fn read(store: &dyn Store, id: &EntryId) -> Result<Option<Self>, StoreError> {
        read(store, &Self::note(id))
    }

    /// As it is kept.
    pub(crate) fn to_text(&self) -> String {
        // Texts and bytes: writing them as JSON cannot fail.
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl TakenOff {
    /// Name of its note.
    pub(crate) fn note(id: &EntryId) -> String {
        format!("taken-off/{id}")
    }

    /// What is remembered of a payment.
    pub(crate) fn read(store: &dyn Store, id: &EntryId) -> Result<Option<Self>, StoreError> {
        read(store, &Self::note(id))
    }

    /// As it is kept.
    pub(crate) fn to_text(&self) -> String {
        // As above.
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl TakenOff {
    /// What people are told of a payment that is made anew with less than it was.
    pub(crate) fn shortfall(&self, rules: &Settles, now: &Value) -> Option<String> {
        let amount = |it: &Value| it.get(&rules.amount).and_then(Value::to_decimal);
        let whole = amount(&Value::parse(self.body.as_bytes()).ok()?)?;
        let amount = amount(now)?;
        let rest = whole.checked_sub(amount).filter(|it| *it > Decimal::ZERO)?;
        Some(format!(
            "it pays {amount} of {} now: {rest} more was received than is open of it",
            self.document
        ))
    }
}

fn read<T: DeserializeOwned>(store: &dyn Store, name: &str) -> Result<Option<T>, StoreError> {
    let Some(text) = store.note(name)? else {
        return Ok(None);
    };
    let read = serde_json::from_str(&text).map_err(|why| StoreError::Damaged {
        row: format!("note {name}"),
        why: why.to_string(),
    });
    read.map(Some)
}

impl Ready {
    /// It was made anew from what was sent before: what its source has become since is looked at once.
    pub(crate) fn compared_once(&self, entry: &mut Entry, now: i64) {
        if self.write == Write::Create && self.payment.is_some() {
            let what = "it is back, and is compared with its source";
            entry.record(now, State::Pending, Actor::Engine, what, None);
        }
    }

    /// Note of a payment that was found off: in a life that a restored store knows nothing of it may have been
    /// made anew already, so it is looked for before it is made.
    pub(crate) fn asked_before_it_comes_back(&self) -> Option<(String, Option<String>)> {
        let payment = self.payment.as_deref()?;
        let off = TakenOff {
            off: true,
            again: Some(payment.body.clone()),
            ..payment.clone()
        };
        Some((TakenOff::note(&self.id), Some(off.to_text())))
    }

    /// Notes that change in the very write that keeps what was done.
    pub(crate) fn done_notes(&self) -> Option<(String, Option<String>)> {
        match (self.write, &self.reapply, &self.payment) {
            (Write::Update, Some(_), _) => Some((Reapply::note(&self.id), None)),
            (Write::Create, _, Some(_)) => Some((TakenOff::note(&self.id), None)),
            (Write::Void, _, Some(it)) => {
                let off = TakenOff {
                    off: true,
                    ..(**it).clone()
                };
                Some((TakenOff::note(&self.id), Some(off.to_text())))
            }
            _ => None,
        }
    }
}

/// A payment of ours that stands in the way of an edit.
#[derive(Debug, Clone)]
pub(crate) struct Payment {
    pub(crate) id: EntryId,
    pub(crate) entry: Entry,
    /// As the target holds it.
    pub(crate) there: Value,
    pub(crate) amount: Decimal,
}

/// The payments that are to be taken off a document as it was just read, or why it cannot be edited so.
pub(crate) async fn payments_of(
    run: &Run<'_>,
    plan: &RoutePlan,
    there: &Value,
) -> Result<Result<Vec<Payment>, String>, StoreError> {
    let Some(settled) = &plan.target_stream.settled else {
        let title = &plan.target_stream.title;
        return Ok(Err(format!(
            "{} does not say what a {title} is paid with",
            plan.target_title
        )));
    };
    let (keys, others) = match applied(plan, there) {
        Ok(it) => it,
        Err(why) => return Ok(Err(why)),
    };
    if !others.is_empty() {
        return Ok(Err(format!(
            "{} is applied to it, which only a person takes off in {}",
            others.join(" and "),
            plan.target_title
        )));
    }
    if keys.is_empty() {
        return Ok(Ok(Vec::new()));
    }
    let stream = StreamId {
        connection: plan.target.connection.clone(),
        stream: settled.by.clone(),
    };
    let wants: Vec<Wanted> = keys
        .iter()
        .map(|it| Wanted {
            id: it.clone(),
            remote_id: Some(it.clone()),
            ..Wanted::default()
        })
        .collect();
    let said = match ask(run, &stream, &wants).await {
        Ok(it) => it,
        Err(why) => {
            return Ok(Err(format!(
                "its payments could not be read: {}",
                why.message
            )));
        }
    };
    let ours = entries_of(run, &stream, &keys).await?;
    let mut all = Vec::new();
    for ((key, said), ours) in keys.iter().zip(said).zip(ours) {
        let one = match said {
            Said::Holds { body, .. } => one_payment(run, key, &body, ours, plan, settled),
            Said::HoldsNot => Err("is not there any more: try again".to_owned()),
            Said::Person(found, _) => Err(format!("could not be read: {}", found.cause)),
            Said::Unknown(why) => Err(format!("could not be read: {why}")),
        };
        match one {
            Ok(it) => all.push(it),
            Err(why) => return Ok(Err(format!("its payment {key} {why}"))),
        }
    }
    Ok(Ok(all))
}

/// Keys of the payments of a document, and what else is applied to it.
fn applied(plan: &RoutePlan, there: &Value) -> Result<(Vec<String>, Vec<String>), String> {
    let none = Reference::default();
    let (rules, cx) = (&plan.target_rules, plan.rules_cx(&none));
    let told = |why: EvalError| {
        format!(
            "what it is paid with cannot be read from {}: {why}",
            plan.target_title
        )
    };
    let keys = rules.payments(there, cx).map_err(told)?;
    let others = rules.settled_otherwise(there, cx).map_err(told)?;
    Ok((keys, others))
}

/// For each payment the entry that made it.
async fn entries_of(
    run: &Run<'_>,
    stream: &StreamId,
    keys: &[String],
) -> Result<Vec<Option<(EntryId, Entry)>>, StoreError> {
    let routes: Vec<String> = run
        .engine
        .plans
        .values()
        .filter(|it| it.target == *stream)
        .map(|it| it.name().to_owned())
        .collect();
    let keys = keys.to_vec();
    offload::run(&run.store, move |store| {
        let mut found = vec![None; keys.len()];
        for route in routes {
            let links = Takers::read(store, &route)?;
            // No document has an empty id: every link is another one's.
            let nobody = EntryId::new(&route, "");
            for (key, found) in keys.iter().zip(&mut found) {
                if let Some(id) = links.other(key, &nobody)
                    && let Some(entry) = store.entry(&id)?
                {
                    *found = Some((id, entry));
                }
            }
        }
        Ok(found)
    })
    .await
}

/// One payment, or why it stays, in words that follow its name.
fn one_payment(
    run: &Run<'_>,
    key: &str,
    body: &str,
    ours: Option<(EntryId, Entry)>,
    plan: &RoutePlan,
    settled: &Settled,
) -> Result<Payment, String> {
    let target = &plan.target_title;
    let there = Value::parse(body.as_bytes()).map_err(|why| format!("cannot be read: {why}"))?;
    let Some((id, entry)) = ours else {
        return Err(format!(
            "{}was not made by us: take it off in {target} and enter it again after the edit",
            described(plan, settled, &there)
        ));
    };
    let payments = run.engine.plans.get(&id.route);
    let rules = payments.and_then(|it| Some((it, it.target_stream.settles.as_ref()?)));
    let Some((payments, rules)) = rules else {
        return Err(format!("is one of {id}, whose route is not configured"));
    };
    if let Some(why) = stays(payments, &there) {
        return Err(format!("({id}) {why}: undo that in {target} first"));
    }
    let linked = entry.held.as_ref().filter(|it| it.id == key);
    if linked.is_none_or(|it| it.adopted || it.sent.is_empty()) {
        return Err(format!("({id}) was found there, and not made by us"));
    }
    // One that waits with its document is there all the same.
    let is_known = matches!(
        entry.state,
        State::Synced | State::Pending | State::Waiting | State::Warning
    );
    if (entry.cause.as_ref()).is_some_and(|it| it.key == WITHDRAWN) {
        return Err(format!(
            "({id}) was taken back in its source, so it would not come back: `ledgerline void {id}` or \
             `ledgerline skip {id}` first, or put it right there"
        ));
    }
    if !is_known {
        let state = entry.state.name();
        return Err(format!("({id}) is {state}: `ledgerline show {id}`"));
    }
    let amount = there.get(&rules.amount).and_then(Value::to_decimal);
    let Some(amount) = amount else {
        return Err(format!("({id}) has no amount that can be read"));
    };
    Ok(Payment {
        id,
        entry,
        there,
        amount,
    })
}

/// Why a payment has to stay where it is.
pub(crate) fn stays(payments: &RoutePlan, there: &Value) -> Option<String> {
    let none = Reference::default();
    match payments
        .target_rules
        .payment_fixed(there, payments.rules_cx(&none))
    {
        Ok(it) => it,
        Err(why) => Some(format!("cannot be judged: {why}")),
    }
}

/// What a payment that is not ours is, for people: nothing where that cannot be told.
fn described(plan: &RoutePlan, settled: &Settled, there: &Value) -> String {
    let settles = plan
        .target_manifest
        .streams
        .get(&settled.by)
        .and_then(|it| it.settles.as_ref());
    let amount = settles.and_then(|it| there.get(&it.amount));
    amount.map_or_else(String::new, |it| format!("of {} ", it.to_text()))
}

/// What makes a payment anew.
pub(crate) fn body_again(
    payments: &RoutePlan,
    entry: &Entry,
    there: &Value,
) -> Result<Value, String> {
    let sent = entry.held.as_ref().map_or("", |it| it.sent.as_str());
    let mut body = Value::parse(sent.as_bytes()).map_err(|why| why.to_string())?;
    let none = Reference::default();
    let with = payments
        .target_rules
        .payment_with(there, payments.rules_cx(&none))
        .map_err(|why| why.to_string())?;
    let with = with.unwrap_or_default();
    for (name, value) in with.as_object().into_iter().flat_map(|it| it.iter()) {
        if body.child(name).is_none() {
            body.set(name, value.clone())
                .map_err(|why| why.to_string())?;
        }
    }
    Ok(body)
}

/// Routes whose entries are among these.
pub(crate) fn routes_of<'a>(ids: impl IntoIterator<Item = &'a EntryId>) -> Vec<String> {
    let routes: BTreeSet<&String> = ids.into_iter().map(|it| &it.route).collect();
    routes.into_iter().cloned().collect()
}

/// Whether the target took a document away.
pub(crate) fn is_gone(state: Option<HeldState>) -> bool {
    matches!(state, Some(HeldState::Voided | HeldState::Deleted))
}
