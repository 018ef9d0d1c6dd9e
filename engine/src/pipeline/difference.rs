//! What becomes of a document that changed in its source and may not change in its target: it is paid,
//! lies in a closed period, or is approved on a route that leaves such documents alone.
//!
//! A person says so, with `ledgerline resolve`: it is kept as it is there, or the difference becomes a
//! document of its own. Such a document is made by a route that follows this one and reads its
//! `outcomes = ["credit"]` or `["additional"]`. Its source is what was said, with both forms of the document:
//! durable, never changed afterwards, and the same however often it is sent.
//!
//! What was said is remembered as a note of the entry. It holds for the document as it was then, told by
//! the fingerprint of what would be sent. A part counts from when the target has it; one that was not sent
//! before the document changed again lapses. From the first part on the document stands in the target
//! for itself and its parts, and only further parts change that.

use std::{collections::BTreeSet, fmt};

use ledgerline_plugin_api::manifest::{Category, HeldState, Problem, Update};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{
    mapping::{Difference, Reference, Value, three_way},
    pipeline::{
        decide::{Ready, problem},
        plan::RoutePlan,
    },
    store::{Entry, EntryId, Held, State, Store, StoreError, StreamId},
};

/// Differing fields that are told.
const FIELDS: usize = 6;

/// A document that is made of a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Part {
    /// The document became smaller.
    Credit,
    /// It became larger.
    Additional,
}

impl Part {
    /// Its name, as in routes and on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Credit => "credit",
            Self::Additional => "additional",
        }
    }

    /// What it adds to the document, of `amount`.
    pub(crate) fn signed(self, amount: Decimal) -> Decimal {
        match self {
            Self::Credit => -amount,
            Self::Additional => amount,
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a person said about one document.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Decided {
    /// The target's document that it is about.
    pub(crate) target: String,
    /// Fingerprint of the document that may differ from the target's.
    pub(crate) kept: Option<[u8; 16]>,
    /// Documents of differences, in order.
    pub(crate) parts: Vec<DecidedPart>,
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct DecidedPart {
    /// The entry that sends it.
    pub(crate) entry: EntryId,
    pub(crate) part: Part,
    /// Always positive.
    pub(crate) total: Decimal,
    pub(crate) currency: String,
    /// Of the document that the target holds with this part.
    pub(crate) fingerprint: [u8; 16],
}

/// What the target holds of a document, by what was said.
#[derive(Debug, Default)]
pub(crate) struct Standing {
    /// Those that the target has, with their entries.
    pub(crate) there: Vec<(DecidedPart, Entry)>,
    /// One that is to be sent or may have been.
    pub(crate) under_way: Option<(DecidedPart, Entry)>,
}

/// How far a document is from what the target holds.
#[derive(Debug, Clone)]
pub(crate) struct Gap {
    /// The document as the target holds it, in the form in which it is sent; with its parts. As it was sent,
    /// until the target was read.
    pub(crate) base: Value,
    /// The total of that.
    pub(crate) total: Option<Decimal>,
    /// The document as it should be there: what was edited there alone stays.
    pub(crate) now: Value,
    /// The total of that.
    pub(crate) now_total: Option<Decimal>,
    /// The target was read, and both are held against what it holds.
    pub(crate) read: bool,
    /// There are parts: the document itself is not changed any more.
    pub(crate) settled: bool,
    /// Something was said that an update of the document ends.
    pub(crate) said: bool,
}

/// Name of the note that holds what was said.
pub(crate) fn decided_note(id: &EntryId) -> String {
    format!("decided/{id}")
}

/// The stream of what is said on a route, which routes that make such parts read.
pub(crate) fn stream_of(route: &str, part: Part) -> StreamId {
    StreamId {
        connection: "outcomes".into(),
        stream: format!("{route}/{part}"),
    }
}

/// Id of the n-th part of a document.
pub(crate) fn part_id(source: &str, at: usize) -> String {
    format!("{source}-D{at}")
}

/// The document of a part's id.
pub(crate) fn whole_of(part: &str) -> &str {
    part.rsplit_once("-D").map_or(part, |(whole, _)| whole)
}

impl Decided {
    /// What was said about an entry; nothing where that was about another document of the target.
    pub(crate) fn read(store: &dyn Store, id: &EntryId, held: &Held) -> Result<Self, StoreError> {
        let name = decided_note(id);
        let Some(text) = store.note(&name)? else {
            return Ok(Self::about(held));
        };
        let read: Self = serde_json::from_str(&text).map_err(|why| StoreError::Damaged {
            row: format!("note {name}"),
            why: why.to_string(),
        })?;
        Ok(if read.target == held.id {
            read
        } else {
            Self::about(held)
        })
    }

    fn about(held: &Held) -> Self {
        Self {
            target: held.id.clone(),
            ..Self::default()
        }
    }

    /// As it is kept, with the name of its note.
    pub(crate) fn as_note(&self, id: &EntryId) -> Result<(String, Option<String>), StoreError> {
        let name = decided_note(id);
        match serde_json::to_string(self) {
            Ok(text) => Ok((name, Some(text))),
            Err(why) => Err(StoreError::Damaged {
                row: format!("note {name}"),
                why: why.to_string(),
            }),
        }
    }

    /// What the target holds by it; `current` is the fingerprint of the document as it is now.
    pub(crate) fn standing(
        &self,
        store: &dyn Store,
        current: Option<[u8; 16]>,
    ) -> Result<Standing, StoreError> {
        let mut standing = Standing::default();
        for part in &self.parts {
            // None: the word was kept and the engine ended before the part was.
            let Some(entry) = store.entry(&part.entry)? else {
                continue;
            };
            let left_out = matches!(entry.state, State::Skipped | State::Excluded);
            if entry.held.is_some() {
                standing.there.push((part.clone(), entry));
            } else if entry.state == State::Uncertain
                || !left_out && Some(part.fingerprint) == current
            {
                standing.under_way = Some((part.clone(), entry));
            }
        }
        // Each counts on those before it, so only the end of the row can be taken back.
        let gone = |(_, entry): &(DecidedPart, Entry)| {
            let state = entry.held.as_ref().and_then(|it| it.state);
            matches!(state, Some(HeldState::Voided | HeldState::Deleted))
        };
        while standing.there.last().is_some_and(gone) {
            standing.there.pop();
        }
        Ok(standing)
    }
}

/// The document as it was when a part of it was decided.
pub(crate) fn document_with(
    store: &dyn Store,
    route: &str,
    part: &DecidedPart,
) -> Result<Value, StoreError> {
    let said = store.document(&stream_of(route, part.part), &part.entry.source)?;
    let said = said.and_then(|it| Value::parse(&it.body).ok());
    // Those of before this field was kept have what was wanted in `now`.
    Ok(said
        .and_then(|it| it.child("wanted").or_else(|| it.child("now")).cloned())
        .unwrap_or_default())
}

/// Of a document, the fields that we send, and no ids of lines: nothing that the target adds.
fn as_sent(document: Value, forms: [&Value; 2], update: &Update) -> Value {
    let mut document = document;
    for (name, id) in &update.line_ids {
        let lines = |it: &Value| it.child(name).and_then(Value::as_array).map(<[_]>::to_vec);
        let ours: BTreeSet<String> = forms
            .iter()
            .filter_map(|it| lines(it))
            .flatten()
            .filter_map(|it| it.as_object().cloned())
            .flat_map(|it| {
                it.iter()
                    .map(|(name, _)| name.to_string())
                    .collect::<Vec<_>>()
            })
            .filter(|it| it != id)
            .collect();
        let Some(there) = lines(&document) else {
            continue;
        };
        let kept = there.into_iter().map(|line| {
            let fields = ours
                .iter()
                .filter_map(|it| Some((it.as_str(), line.child(it)?.clone())));
            Value::object(fields)
        });
        // A field at the top of an object: setting it cannot fail.
        let _ = document.set(name, Value::array(kept.collect()));
    }
    document
}

/// An amount as people read it: with two decimals, or as many as it has.
fn in_cents(mut amount: Decimal) -> Decimal {
    if amount.scale() < 2 {
        amount.rescale(2);
    }
    amount
}

impl Ready {
    /// Holds the document against what the target was just read to hold. An error says, field by field, what
    /// cannot be told apart.
    pub(crate) fn measure(
        &mut self,
        plan: &RoutePlan,
        sent: &Value,
        there: &Value,
        reference: &Reference,
    ) -> Result<(), String> {
        let Some(gap) = self.gap.as_mut() else {
            return Ok(());
        };
        let rules = plan.update_rules();
        let before = three_way(sent, there, &gap.base, &rules);
        let now = three_way(sent, there, &self.mapped, &rules);
        gap.read = true;
        (gap.total, gap.now_total) = (None, None);
        let settings = &plan.target_settings;
        let currency = |it: &Value| plan.target_rules.facts(it, settings).currency;
        if currency(&gap.base) != currency(&self.mapped) {
            // No amount of the one is an amount of the other.
            gap.now = self.mapped.clone();
            return Ok(());
        }
        for compared in [&now, &before] {
            if !compared.conflicts.is_empty() {
                let told = compared.conflicts.iter().map(|it| {
                    let (there, here) = (it.held.to_json(), it.wanted.to_json());
                    format!("{}: {there} there, {here} here", it.field)
                });
                return Err(told.collect::<Vec<_>>().join("; "));
            }
        }
        let forms = [sent, &self.mapped];
        let base = as_sent(before.body, forms, &rules);
        gap.now = as_sent(now.body, forms, &rules);
        let cx = plan.rules_cx(reference);
        let total = |it: &Value| plan.target_rules.total(it, cx).ok().flatten();
        let (before, now) = (total(&base), total(&gap.now));
        let shown = plan.target_rules.held_total(there, cx).ok().flatten();
        gap.base = base;
        // With parts, the target's own total is of the document alone.
        if let (Some(before), Some(shown), false) = (before, shown, gap.settled)
            && before != shown
        {
            return Err(format!(
                "its total is {} there, and its lines as they are known come to {}",
                in_cents(shown),
                in_cents(before)
            ));
        }
        (gap.total, gap.now_total) = (before, now);
        Ok(())
    }

    /// What a part would be: which, of how much. None where the totals are the same, or where more than
    /// lines differ: a part has the counterparty, date and currency of its document.
    pub(crate) fn part(&self, plan: &RoutePlan) -> Option<(Part, Decimal)> {
        let gap = self.gap.as_ref()?;
        let difference = gap.now_total?.checked_sub(gap.total?)?;
        let part = match difference {
            it if it.is_zero() => return None,
            it if it.is_sign_negative() => Part::Credit,
            _ => Part::Additional,
        };
        let same = |path: &String| gap.base.get(path) == gap.now.get(path);
        let one = plan.target_stream.identity.iter().all(same);
        one.then(|| (part, in_cents(difference.abs())))
    }

    /// Currency of the document, where its source says.
    pub(crate) fn currency(&self) -> &str {
        let money = self.entry.facts.money.as_ref();
        money.map_or("", |it| it.currency.as_str())
    }

    /// What a person can do about it, each with the command.
    pub(crate) fn choices(&self, plan: &RoutePlan, both_sides: bool) -> String {
        let (id, target) = (&self.id, &plan.target_title);
        let mut choices = Vec::new();
        if !self.gap.as_ref().is_some_and(|it| it.read) {
            return format!(
                "`ledgerline resolve {id}` reads it in {target} and says what can be done"
            );
        }
        let part = self
            .part(plan)
            .filter(|(part, _)| !both_sides && plan.parts.contains_key(part));
        if let Some((part, amount)) = part {
            let currency = self.currency();
            let what = match part {
                Part::Credit => "a credit of the difference",
                Part::Additional => "an additional document of the difference",
            };
            choices.push(format!(
                "`ledgerline resolve {id} --{part} {amount}` makes {what}, {amount} {currency}, in {target}"
            ));
        }
        choices.push(format!(
            "`ledgerline resolve {id} --keep` leaves it there as it is until the source changes again"
        ));
        choices.join("; ")
    }

    /// As [`Ready::choices`], where nothing but payments of ours stands in the way of an edit.
    pub(crate) fn reapply_choice(&self, plan: &RoutePlan) -> String {
        format!(
            "`ledgerline resolve {} --reapply` takes our payments off, edits it in {}, and puts them back",
            self.id, plan.target_title
        )
    }

    /// What differs, field by field: what was sent, what is there, what would be sent now.
    pub(crate) fn differs(&self, plan: &RoutePlan, changes: Option<&[Difference]>) -> String {
        let Some(gap) = &self.gap else {
            return String::new();
        };
        let compared;
        let changes = match changes {
            Some(it) => it,
            None => {
                compared = three_way(&gap.base, &gap.base, &gap.now, &plan.update_rules());
                &compared.changes
            }
        };
        let mut told: Vec<String> = Vec::new();
        if let (Some(before), Some(now)) = (gap.total, gap.now_total) {
            told.push(format!(
                "total: {} there, {} now ({})",
                in_cents(before),
                in_cents(now),
                self.currency()
            ));
        }
        told.extend(changes.iter().take(FIELDS).map(ToString::to_string));
        if changes.len() > FIELDS {
            told.push(format!("and {} more", changes.len() - FIELDS));
        }
        told.join("; ")
    }

    /// A stop of the document, with what a person can do about it beside what it says.
    pub(crate) fn with_choices(&self, plan: &RoutePlan, found: Problem) -> Problem {
        if self.gap.is_none() {
            return found;
        }
        problem(
            found.category,
            format!("{}; {}", found.cause, self.differs(plan, None)),
            format!("{}; or {}", found.remedy, self.choices(plan, false)),
        )
    }

    /// Whether a stop of the document is one that a person can go round.
    pub(crate) fn is_closed(&self, found: &Problem) -> bool {
        let closed = matches!(
            found.category,
            Category::LockedPeriod | Category::DocumentState
        );
        closed && self.gap.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_names_its_document_whatever_that_is_called() {
        for source in ["40001", "A-D7", "-D", "a/b-D1"] {
            for at in [1, 12] {
                let part = part_id(source, at);
                assert_eq!(whole_of(&part), source, "{part}");
            }
        }
    }

    #[test]
    fn parts_add_what_the_document_lacks() {
        let amount = Decimal::new(4400, 2);
        assert_eq!(Part::Credit.signed(amount), Decimal::new(-4400, 2));
        assert_eq!(Part::Additional.signed(amount), amount);
    }
}
