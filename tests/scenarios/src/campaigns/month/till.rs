//! What people do at the till after its batches were posted, and what the books hold of it then: an order is void,
//! one costs more, one comes late, one is paid at last; of some a person says that the difference is to be posted.

use std::collections::{BTreeMap, BTreeSet};

use ledgerline::operate::{Answer, Request, Resolve};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::{
    batches::{Batch, Batches, Standing, batches},
    exports::Fates,
    ledger::{Books, Fate, Key, Papers, Rules, Sort, judged},
    people::resource,
};
use crate::{
    Stage,
    books::{ACCOUNT, number},
    omni_routes::{
        BATCH_MEMBERS, BATCH_ORDERS, BATCH_RETURNS, BATCHES, BATCHES_CREDIT, NOTES, ORDERS,
    },
};

/// Late orders are copies of others, so far above them.
const LATE: i64 = 40_000;
const LATE_PAYMENTS_FROM: i64 = 6_900_001;

/// Who does what to which order; each in a batch of its own.
#[derive(Debug, Default)]
pub(super) struct AtTheTill {
    /// Void, and credited.
    voided: Vec<Key>,
    /// Saved with a higher freight: a question that nobody answers.
    dearer: Vec<Key>,
    /// Somebody sold the same once more, and entered it late: posted in addition.
    again: Vec<Key>,
    /// Nobody had paid it.
    paid_at_last: Vec<Key>,
    /// Batches of which a person says that the difference is to be posted.
    answered: BTreeSet<String>,
}

impl AtTheTill {
    /// Draws orders for every deed: more of each for a larger till.
    pub(super) fn drawn(papers: &Papers, first: &Batches, rules: &Rules) -> Self {
        let mut deeds = Self::default();
        let unpaid = first.standing.iter().filter(|it| *it.1 == Standing::Unpaid);
        deeds.paid_at_last = unpaid.map(|it| *it.0).step_by(2).collect();
        // Sales of a batch that stays one of sales without them.
        let mut free = first
            .batches
            .iter()
            .filter(|(_, it)| it.fate(rules) == Fate::Booked)
            .filter_map(|(name, it)| Some((name, a_part_of(it, papers)?)))
            .collect::<Vec<_>>()
            .into_iter();
        let share = (free.len() / 12).max(1);
        for (name, key) in free.by_ref().take(share) {
            deeds.voided.push(key);
            deeds.answered.insert(name.clone());
        }
        deeds.dearer = free.by_ref().take(share).map(|it| it.1).collect();
        for (name, key) in free.by_ref().take(share) {
            deeds.again.push(key);
            deeds.answered.insert(name.clone());
        }
        deeds
    }

    /// What this till does not show, although a month is to be about it.
    pub(super) fn lacks(&self, first: &Batches, rules: &Rules) -> Vec<&'static str> {
        let any = |fits: fn(&str, &Batch) -> bool| {
            let booked = first.batches.iter();
            let mut booked = booked.filter(|it| it.1.fate(rules) == Fate::Booked);
            booked.any(|(name, it)| fits(name, it))
        };
        let shown = [
            (!self.voided.is_empty(), "an order that becomes void"),
            (!self.dearer.is_empty(), "an order that is edited"),
            (!self.again.is_empty(), "a late order"),
            (!self.paid_at_last.is_empty(), "an order that is paid late"),
            (any(|_, it| it.total < Decimal::ZERO), "a negative batch"),
            (any(|_, it| it.members.len() > 2), "a batch of three"),
            (any(|it, _| it.contains("Card and Cash")), "two ways to pay"),
            (any(|it, _| it.contains("branch 3")), "a branch"),
            (any(|it, _| it.contains("branch 4")), "another branch"),
            (any(|it, _| !it.contains("AUD")), "a foreign batch"),
            (
                first
                    .standing
                    .values()
                    .any(|it| *it == Standing::Out("not approved in Omni")),
                "an order that is not approved",
            ),
        ];
        let missing = shown.into_iter().filter(|it| !it.0);
        missing.map(|it| it.1).collect()
    }

    /// Everything that is done in Omni.
    pub(super) fn in_omni(&self, stage: &Stage) {
        let edit = |key: &Key, patch: Value| {
            let omni = stage.world.omni(ACCOUNT);
            let id = key.1.to_string();
            omni.edit(resource(key.0), &id, patch).expect("it is there");
        };
        for key in &self.voided {
            edit(key, json!({ "isVoid": true, "status": "VOID" }));
        }
        for key in &self.dearer {
            edit(key, json!({ "freightTotal": number("31.50") }));
        }
        let mut payments = LATE_PAYMENTS_FROM..;
        for key in &self.again {
            let mut order = document(stage, *key);
            let (id, reference) = (key.1 + LATE, format!("SO-{}", key.1 + LATE));
            order["id"] = json!(id);
            order["reference"] = json!(reference);
            order["invoiceNumber"] = json!(id);
            order["accountingAttributes"] =
                json!({ "importDate": null, "accountingImportStatus": "NotImported" });
            put(stage, "SalesOrders", order);
            for mut paid in payments_of(stage, *key) {
                paid["id"] = json!(payments.next());
                paid["orderId"] = json!(id);
                paid["orderRef"] = json!(reference);
                put(stage, "Payments", paid);
            }
        }
        for key in &self.paid_at_last {
            let order = document(stage, *key);
            let paid = json!({
                "id": payments.next(), "orderId": key.1, "orderRef": order["reference"], "orderType": "Undefined",
                "method": "Cash", "amount": order["total"], "paymentDate": "2026-11-21T01:00:00Z",
                "isAuthorized": true, "comments": "", "transactionRef": "", "batchReference": "",
                "createdDate": "2026-11-21T01:00:00Z",
            });
            put(stage, "Payments", paid);
        }
    }

    /// Somebody answers the questions, with the difference as the ledger has it.
    pub(super) async fn answer(
        &self,
        stage: &Stage,
        before: &Batches,
        after: &Batches,
    ) -> Vec<String> {
        let mut wrong = Vec::new();
        for name in &self.answered {
            let difference = after.batches[name].total - before.batches[name].total;
            let amount = Some(difference.abs());
            let request = Request::Resolve {
                id: format!("{BATCHES}/{name}").parse().expect("an id"),
                how: match difference < Decimal::ZERO {
                    true => Resolve::Credit { amount },
                    false => Resolve::Additional { amount },
                },
                reason: None,
            };
            let said = stage.ask(request).await;
            if !matches!(said, Answer::Resolved { .. }) {
                wrong.push(format!("{name} is not resolved: {said:?}"));
            }
        }
        wrong
    }

    /// Adds what the books must hold of all batches; what must become of each, and of its orders.
    pub(super) fn book(
        &self,
        before: &Batches,
        (after, papers): (&Batches, &Papers),
        rules: &Rules,
        books: &mut Books,
    ) -> Fates {
        let mut fates = Fates::new();
        let names: BTreeSet<&String> = before.batches.keys().chain(after.batches.keys()).collect();
        for name in names {
            let was = before.batches.get(name);
            let was = was.filter(|it| it.fate(rules) == Fate::Booked);
            let is = after.batches.get(name).cloned().unwrap_or_default();
            let fate = match was {
                None => is.fate(rules),
                Some(was) if *was == is || self.answered.contains(name) => Fate::Booked,
                // It would be a credit note by now, or an invoice.
                Some(was) if (was.total < Decimal::ZERO) != (is.total < Decimal::ZERO) => {
                    Fate::Stopped("no longer wants this document")
                }
                Some(_) => Fate::Stopped("changed"),
            };
            match was {
                None if fate == Fate::Booked => is.post(books),
                None => {}
                Some(was) => {
                    was.post(books);
                    if self.answered.contains(name) {
                        is.less(was).post(books);
                    }
                }
            }
            let route = match was.unwrap_or(&is).total < Decimal::ZERO {
                true => BATCHES_CREDIT,
                false => BATCHES,
            };
            fates.insert((route, name.clone()), fate);
        }
        for (key, standing) in &after.standing {
            fates.extend(members(*key, standing, papers, rules));
        }
        fates
    }

    /// The batches that are in the books.
    pub(super) fn posted(
        &self,
        before: &Batches,
        after: &Batches,
        rules: &Rules,
    ) -> BTreeMap<String, Posted> {
        let booked = |it: &&Batch| it.fate(rules) == Fate::Booked;
        let names: BTreeSet<&String> = before.batches.keys().chain(after.batches.keys()).collect();
        let mut posted = BTreeMap::new();
        for name in names {
            let was = before.batches.get(name).filter(booked);
            let is = after.batches.get(name);
            let Some(whole) = was.or(is.filter(booked)) else {
                continue;
            };
            let mut members = whole.members.clone();
            let mut corrected = None;
            if let Some(is) = is.filter(|_| self.answered.contains(name)) {
                members.extend(&is.members);
                let less = is.less(whole);
                corrected = Some((less.total, less.tax()));
            }
            let it = Posted {
                whole: (whole.total, whole.tax()),
                corrected,
                members,
            };
            posted.insert(name.clone(), it);
        }
        posted
    }
}

/// A batch as the books hold it.
#[derive(Debug)]
pub(super) struct Posted {
    /// What it came to when it was posted, and the tax in that; below zero for a credit note.
    pub(super) whole: (Decimal, Decimal),
    /// The same of a correcting document.
    pub(super) corrected: Option<(Decimal, Decimal)>,
    /// Its orders and credit notes.
    pub(super) members: BTreeSet<Key>,
}

/// What must become of an order or a credit note of the channel, alone and on its way into a batch.
fn members(key: Key, standing: &Standing, papers: &Papers, rules: &Rules) -> Fates {
    let (alone, batched) = match key.0 {
        Sort::Credit => (NOTES, BATCH_RETURNS),
        _ => (ORDERS, BATCH_ORDERS),
    };
    let paper = &papers.at_the_till[&key];
    let id = key.1.to_string();
    let with = Fate::LeftOut("goes with");
    let mut fates = Fates::new();
    match standing {
        Standing::In(_) => {
            fates.insert((batched, id.clone()), with.clone());
            fates.insert((alone, id), with);
        }
        Standing::Out(why) => {
            let fate = judged(key.0, paper, rules).err();
            fates.insert((batched, id.clone()), Fate::LeftOut(why));
            fates.insert((alone, id), fate.unwrap_or(Fate::Booked));
        }
        Standing::Stopped(why) => {
            fates.insert((batched, id.clone()), Fate::Stopped(why));
            fates.insert((alone, id), with);
        }
        Standing::Unpaid => {
            let group = format!("{id} {}", paper.reference.as_deref().unwrap_or_default());
            fates.insert((BATCH_MEMBERS, group), Fate::Stopped("nobody has paid it"));
            fates.insert((alone, id), with);
        }
    }
    fates
}

/// What the channel holds after all deeds: what is marked since says nothing about it.
pub(super) fn after(now: Papers, originals: &Papers, rules: &Rules) -> (Batches, Papers) {
    let mut papers = now;
    for (key, paper) in &mut papers.at_the_till {
        let before = originals.at_the_till.get(key);
        paper.accounting_attributes = before
            .map(|it| it.accounting_attributes.clone())
            .unwrap_or_default();
    }
    (batches(&papers, rules), papers)
}

/// A sale without which the batch is still one of sales.
fn a_part_of(batch: &Batch, papers: &Papers) -> Option<Key> {
    batch
        .members
        .iter()
        .copied()
        .find(|key| key.0 == Sort::Sale && papers.at_the_till[key].total.0 < batch.total)
}

fn document(stage: &Stage, key: Key) -> Value {
    let all = stage.world.omni(ACCOUNT).documents(resource(key.0));
    let found = all.into_iter().find(|it| it["id"] == key.1);
    found.expect("it is there")
}

fn payments_of(stage: &Stage, key: Key) -> Vec<Value> {
    let mut all = stage.world.omni(ACCOUNT).documents("Payments");
    let reference = document(stage, key)["reference"].clone();
    all.retain(|it| it["orderId"] == key.1 && it["orderRef"] == reference);
    all
}

/// Somebody saves a document, a minute ago: a pull leaves what is younger to the next one.
pub(super) fn put(stage: &Stage, resource: &str, mut document: Value) {
    let at = stage.world.now() - std::time::Duration::from_secs(60);
    document["modifiedDate"] = json!(at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
    let omni = stage.world.omni(ACCOUNT);
    omni.put(resource, document).expect("it is saved");
}
