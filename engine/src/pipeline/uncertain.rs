//! Documents that the target may or may not hold: it is asked before anything of them is sent.
//!
//! An answer was lost, or the store came back from a backup and its lost part may have sent them. What
//! the target holds is compared with what would be sent. A document that cannot be prepared any more
//! has nothing to compare with; its number still tells whether it is there.

use ledgerline_plugin_api::manifest::{Category, Find, Op};

use crate::{
    http::CallClass,
    pipeline::{
        ask,
        decide::{Decision, problem},
        plan::RoutePlan,
        run::Run,
        steps,
        work::{Claimed, Turn, claim_all},
    },
    store::{Actor, Cause, Change, Entry, EntryId, Settlement, State, StoreError},
};

/// How far back a lost document is looked for when it is not known when it was sent, in milliseconds.
const LOOK_BACK: i64 = 30 * 24 * 3_600_000;

/// When the target may be asked what became of an uncertain entry.
pub(crate) fn may_ask_at(run: &Run<'_>, plan: &RoutePlan, entry: &Entry) -> i64 {
    let grace = run
        .engine
        .connected
        .get(&plan.target.connection)
        .map_or(30_000, |it| {
            i64::try_from(it.connection.ask_after.as_millis()).unwrap_or(i64::MAX)
        });
    entry
        .write_open_until
        .map_or(0, |until| until.saturating_add(grace))
}

/// Whether an entry is stopped by another one.
pub(crate) fn needs_another(entry: &Entry) -> bool {
    entry
        .cause
        .as_ref()
        .is_some_and(|it| it.as_entry().is_some())
}

impl Turn<'_> {
    /// Uncertain documents whose time to be asked about has come.
    pub(super) async fn questions(&mut self) -> Result<bool, StoreError> {
        if self.run.is_parked(&self.plan.target.connection) {
            return Ok(false);
        }
        let now = self.run.engine.clock.now_ms();
        let due: Vec<Claimed> = self
            .uncertain(now)
            .await?
            .into_iter()
            .filter(|(_, entry, _)| may_ask_at(self.run, self.plan, entry) <= now)
            .collect();
        if due.is_empty() {
            return Ok(false);
        }
        let (due, reversals) = ask::clear_reversals(self.run, self.plan, due).await?;
        let mut ready = Vec::new();
        let mut unprepared = Vec::new();
        let mut settlement = Settlement::default();
        for (id, entry, decision) in self.decide(due).await? {
            let seen = entry.seen();
            let next = match decision {
                Decision::Send(it) | Decision::LookFor(it) => {
                    ready.push(*it);
                    continue;
                }
                // Equal to what was sent before the lost call: there is nothing to look for.
                Decision::Settled(next) => *next,
                // What it needs is on its way, or a question of its own: until then nothing can be
                // compared, and nothing is to be sent.
                Decision::Settle(next) if next.state == State::Waiting && needs_another(&next) => {
                    if next.cause == entry.cause {
                        continue;
                    }
                    Entry {
                        problem: next.problem,
                        cause: next.cause,
                        ..entry
                    }
                }
                // Whoever is not needed is looked for before anything is created once it is.
                Decision::Settle(next) if next.state == State::Excluded && self.plan.matches() => {
                    *next
                }
                // Nothing dated before the cut-over was sent, as far as is known.
                Decision::Settle(next)
                    if next.state == State::Skipped && entry.write_open_since.is_none() =>
                {
                    *next
                }
                Decision::Settle(next) if self.is_known_by_number(&next) => {
                    unprepared.push((id, entry, *next));
                    continue;
                }
                // A mapping that makes nothing sent nothing.
                Decision::Settle(next) if self.plan.mapping.only_finds() => *next,
                // Its list was never read: another run knows.
                Decision::Leave if self.plan.mapping.only_finds() => continue,
                Decision::Leave | Decision::Settle(_) => for_a_person(self.plan, &id, &entry, now),
            };
            settlement.changes.push(Change {
                id,
                seen,
                entry: next,
            });
        }
        let mut settled = reversals || !settlement.changes.is_empty();
        self.run.settle(settlement).await?;
        settled |= self.answer_raised().await?;
        let mut asked = ask::clear_uncertain(self.run, self.plan, ready).await?;
        asked |= ask::clear_unprepared(self.run, self.plan, unprepared).await?;
        steps::reached("looked-up", self.plan.name());
        Ok(settled || asked)
    }

    /// Whether the target can say whether it holds a document that cannot be prepared. One that is linked
    /// is there in any case: what is open is whether it was changed.
    fn is_known_by_number(&self, entry: &Entry) -> bool {
        entry.held.is_none()
            && entry.number.is_some()
            && !self.plan.matches()
            && self.plan.target_stream.find == Find::Number
            && self.plan.target_can(Op::Find)
    }

    /// Uncertain documents. No call can be under way for longer than one that begins now: what lies
    /// further ahead was reckoned by a clock that has been set back since, and is reckoned anew.
    async fn uncertain(&self, now: i64) -> Result<Vec<Claimed>, StoreError> {
        let all = claim_all(self.run, self.plan, State::Uncertain).await?;
        let longest = CallClass::Scheduled.max_wait() + self.target.connection.call_timeout;
        let last = now.saturating_add(i64::try_from(longest.as_millis()).unwrap_or(i64::MAX));
        let mut settlement = Settlement::default();
        for (id, entry, _) in &all {
            let ahead = |at: Option<i64>, most: i64| at.is_some_and(|it| it > most);
            if ahead(entry.write_open_until, last) || ahead(entry.write_open_since, now) {
                let mut next = entry.clone();
                next.write_open_until = entry.write_open_until.map(|it| it.min(last));
                // When it was sent is not known any more: it is looked for among all that is new.
                next.write_open_since = entry.write_open_since.map(|it| it.min(now - LOOK_BACK));
                next.record(
                    now,
                    State::Uncertain,
                    Actor::Engine,
                    "the clock was set back since it was sent",
                    None,
                );
                settlement.changes.push(Change {
                    id: id.clone(),
                    seen: entry.seen(),
                    entry: next,
                });
            }
        }
        if settlement.changes.is_empty() {
            return Ok(all);
        }
        self.run.settle(settlement).await?;
        claim_all(self.run, self.plan, State::Uncertain).await
    }
}

/// A document that can neither be compared nor be proven absent.
pub(super) fn for_a_person(plan: &RoutePlan, id: &EntryId, entry: &Entry, now: i64) -> Entry {
    let number = entry.number.clone().unwrap_or_else(|| id.source.clone());
    let mut next = entry.clone();
    next.problem = Some(problem(
        Category::DocumentState,
        format!(
            "its answer was lost, and the source document can no longer be prepared to compare it with \
             what {} may hold",
            plan.target_title
        ),
        format!(
            "look for {number} there: `ledgerline adopt {id} --to ID` if it is there, `ledgerline reset \
             {id}` if it is not"
        ),
    ));
    next.cause = Some(Cause {
        key: "answer lost, not comparable".into(),
    });
    next.record(
        now,
        State::Warning,
        Actor::Engine,
        "cannot be compared",
        None,
    );
    next
}
