//! Which target document a source document stands for: certain by the mapping's rules, or a question
//! for a person, who sees what may be meant and why it is not certain.

use std::cell::OnceCell;

use ledgerline_plugin_api::manifest::{Category, Problem};

use crate::{
    config::Unmatched,
    mapping::{MatchAnswer, MatchIndex, Shared, Value},
    pipeline::{
        decide::{Decider, Decision, NoLinks, Source, Takers, lock},
        reapply::is_gone,
        reference,
    },
    store::{Actor, Candidate, Document, Entry, EntryId, Held, State, StoreError},
};

/// Why it is not certain.
struct Question {
    cause: String,
    remedy: String,
    candidates: Vec<Candidate>,
}

impl Decider<'_> {
    /// The one target document that the rules find for an entry, though not for certain; else why
    /// there is none that could be confirmed without a closer look.
    pub(crate) fn suggested(
        &self,
        id: &EntryId,
        entry: &Entry,
        document: &Document,
    ) -> Result<Result<Candidate, String>, StoreError> {
        let source = match Value::parse(&document.body) {
            Ok(value) => Source {
                value,
                facts: OnceCell::new(),
                shared: Shared::default(),
                followed: self.followed(id)?,
            },
            Err(why) => return Ok(Err(format!("its document is not JSON: {why}"))),
        };
        let Some(index) = self.matches else {
            return Ok(Err("its route matches nothing".to_owned()));
        };
        let cx = self.apply(&source, entry.number.as_deref(), &NoLinks);
        let answer = self
            .plan
            .mapping
            .decide(index, &self.plan.target_rules, &cx);
        let candidate = match answer {
            Ok(MatchAnswer::One { id: target, rule }) => Candidate {
                label: self.label(&target),
                id: target,
                why: rule,
            },
            Ok(MatchAnswer::Many(all)) => {
                return Ok(Err(match all.as_slice() {
                    [one] => format!("{} is out of use", one.label),
                    all => format!("{} may be meant", all.len()),
                }));
            }
            Ok(MatchAnswer::None { suggestions }) => match <[_; 1]>::try_from(suggestions) {
                Ok([one]) if one.by_rule => Candidate {
                    id: one.id,
                    label: one.label,
                    why: one.why,
                },
                Ok([one]) => return Ok(Err(format!("only suggested, by {}", one.why))),
                Err(none) if none.is_empty() => return Ok(Err("nothing is suggested".to_owned())),
                Err(all) => return Ok(Err(format!("{} may be meant", all.len()))),
            },
            Err(stop) => return Ok(Err(stop.words().to_owned())),
        };
        if index.current(&candidate.id).is_some_and(|it| !it.1) {
            return Ok(Err(format!("{} is out of use", candidate.label)));
        }
        if let Some(other) = self.taken_by(&candidate.id, id)? {
            return Ok(Err(format!(
                "{} stands for {other} already",
                candidate.label
            )));
        }
        Ok(Ok(candidate))
    }

    /// What is to be done about an entry that may stand for a target document that is there. `None`:
    /// it stands for none, and is to be created.
    pub(super) fn matched(
        &self,
        id: &EntryId,
        entry: &Entry,
        source: &Source,
    ) -> Result<Option<Decision>, StoreError> {
        let Some(index) = self.matches else {
            return Ok(None);
        };
        // What was never read would look like a target that holds nothing.
        if self
            .store
            .note(&reference::note(&self.plan.target))?
            .is_none()
        {
            return Ok(Some(Decision::Leave));
        }
        let cx = self.apply(source, entry.number.as_deref(), &NoLinks);
        let answer = match self
            .plan
            .mapping
            .decide(index, &self.plan.target_rules, &cx)
        {
            Ok(it) => it,
            Err(stop) => return Ok(Some(self.stopped(id, entry, stop))),
        };
        let question = match answer {
            MatchAnswer::One { id: target, rule } => match self.taken_by(&target, id)? {
                None => return Ok(Some(self.link(id, entry, source, target, &rule))),
                Some(other) => self.shared(id, &target, &rule, &other)?,
            },
            MatchAnswer::Many(all) => {
                let all = all.into_iter().map(|it| Candidate {
                    id: it.id,
                    label: it.label,
                    why: it.why,
                });
                self.which(id, index, all.collect())
            }
            MatchAnswer::None { .. } if self.plan.mapping.only_finds() => {
                return Ok(Some(self.not_there(id, entry, source)));
            }
            MatchAnswer::None { suggestions } => {
                if self.plan.route.unmatched == Unmatched::Create && suggestions.is_empty() {
                    return Ok(None);
                }
                let all = suggestions.into_iter().map(|it| Candidate {
                    id: it.id,
                    label: it.label,
                    why: it.why,
                });
                self.unmatched(id, all.collect())
            }
        };
        Ok(Some(self.ask(id, entry, question)))
    }

    /// What becomes of a link on a route that makes nothing, where it does not stand: what was found is
    /// gone from the target, or the rule that found it finds another one by now. A link that a person
    /// made moves only in the first case.
    pub(super) fn found_anew(
        &self,
        id: &EntryId,
        entry: &Entry,
        document: &Document,
        source: &Source,
        held: &Held,
    ) -> Result<Option<Decision>, StoreError> {
        let list = &self.plan.target;
        // What was never read would look like a target that holds nothing.
        if self.matches.is_none() || self.store.note(&reference::note(list))?.is_none() {
            return Ok(None);
        }
        let there = self.reference.get(&list.stream, &held.id);
        let is_gone = there.is_none_or(|it| is_gone(self.plan.held_state(it)));
        let by_hand = entry.events.iter().any(|it| {
            let then = it.at..=it.last_at;
            matches!(it.by, Actor::Person(_))
                && it.to == State::Synced
                && then.contains(&held.seen_at)
        });
        if !is_gone && by_hand {
            return Ok(None);
        }
        let unlinked = Entry {
            held: None,
            ..entry.clone()
        };
        let decision = self.unlinked(id, &unlinked, document, source)?;
        let stands = match &decision {
            Decision::Settled(next) => next.held.as_ref().is_some_and(|it| it.id == held.id),
            _ => false,
        };
        Ok((!stands).then_some(decision))
    }

    fn link(
        &self,
        id: &EntryId,
        entry: &Entry,
        source: &Source,
        target: String,
        rule: &str,
    ) -> Decision {
        if let Some(takers) = lock(self.raised).takers.as_mut() {
            takers.take(&target, id);
        }
        let mut next = entry.clone();
        let held = Held {
            id: target,
            seen_at: self.now,
            adopted: true,
            ..Held::default()
        };
        next.held = Some(self.at_first_sight(entry, source, held));
        next.clear_stop();
        let what = format!("linked by {rule}");
        next.record(self.now, State::Synced, Actor::Engine, what, None);
        Decision::Settled(Box::new(next))
    }

    /// Another entry that stands for the target document, where only one may.
    fn taken_by(&self, target: &str, id: &EntryId) -> Result<Option<EntryId>, StoreError> {
        if !self.plan.one_for_one() {
            return Ok(None);
        }
        let mut raised = lock(self.raised);
        if raised.takers.is_none() {
            raised.takers = Some(Takers::read(self.store, &id.route)?);
        }
        Ok(raised.takers.as_ref().and_then(|it| it.other(target, id)))
    }

    fn shared(
        &self,
        id: &EntryId,
        target: &str,
        rule: &str,
        other: &EntryId,
    ) -> Result<Question, StoreError> {
        let (target_title, source_title) = (&self.plan.target_title, &self.plan.source_title);
        let kind = &self.plan.target_stream.title;
        let label = self.label(target);
        let who = self
            .store
            .entry(other)?
            .and_then(|it| it.facts.party)
            .unwrap_or_default();
        Ok(Question {
            cause: format!(
                "{label} in {target_title}, found by {rule}, stands for {other} {who} already"
            ),
            remedy: format!(
                "`ledgerline link {id} --to ID` another {kind}, or `--create`; if both are the same, \
                 merge them in {source_title}"
            ),
            candidates: vec![Candidate {
                id: target.to_owned(),
                label,
                why: format!("{rule}; stands for {other} already"),
            }],
        })
    }

    /// Several may be meant, or what is meant is out of use.
    fn which(&self, id: &EntryId, index: &MatchIndex, candidates: Vec<Candidate>) -> Question {
        let title = &self.plan.target_title;
        let in_use = |it: &Candidate| index.current(&it.id).is_none_or(|(_, active)| active);
        let or_create = match self.plan.mapping.only_finds() {
            true => "",
            false => ", or `--create`",
        };
        let choose =
            format!("`ledgerline link {id} --to ID` with one of the candidates{or_create}");
        if candidates.iter().any(in_use) {
            let cause = format!("{} in {title} may be meant", candidates.len());
            return Question {
                cause,
                remedy: choose,
                candidates,
            };
        }
        let labels: Vec<&str> = candidates.iter().map(|it| it.label.as_str()).collect();
        let cause = match labels.as_slice() {
            [one] => format!("the only one in {title} that matches, {one}, is out of use"),
            all => format!(
                "all in {title} that match are out of use: {}",
                all.join(", ")
            ),
        };
        let life = self
            .plan
            .target_rules
            .life_remedy()
            .unwrap_or("Put it back into use");
        let remedy = format!(
            "{life}: `ledgerline retry {id}` after the one, `ledgerline link {id} --to ID` for the other"
        );
        Question {
            cause,
            remedy,
            candidates,
        }
    }

    fn unmatched(&self, id: &EntryId, candidates: Vec<Candidate>) -> Question {
        let title = &self.plan.target_title;
        if candidates.is_empty() {
            return Question {
                cause: format!("nothing in {title} matches it"),
                remedy: format!(
                    "`ledgerline link {id} --to ID` or `ledgerline link {id} --create`"
                ),
                candidates,
            };
        }
        Question {
            cause: format!("nothing in {title} matches it for certain"),
            remedy: format!(
                "`ledgerline link {id} --to ID` with what is suggested or another, or `--create`"
            ),
            candidates,
        }
    }

    fn ask(&self, id: &EntryId, entry: &Entry, question: Question) -> Decision {
        let Question {
            cause,
            remedy,
            candidates,
        } = question;
        let party = entry
            .facts
            .party
            .clone()
            .unwrap_or_else(|| id.source.clone());
        let problem = Problem {
            category: Category::Contact,
            field: None,
            cause: format!("{party}: {cause}"),
            remedy,
        };
        // One row for each: a person answers them one by one.
        let mut decision = self.stop(id, entry, State::Warning, problem, format!("entry:{id}"));
        if let Decision::Settle(next) = &mut decision {
            next.candidates = candidates;
        }
        decision
    }

    /// The target is to get it from somebody else: that is waited for.
    fn not_there(&self, id: &EntryId, entry: &Entry, source: &Source) -> Decision {
        let cx = self.apply(source, entry.number.as_deref(), &NoLinks);
        let sought = match self.plan.mapping.sought(&cx) {
            Ok(it) => it.unwrap_or_else(|| id.source.clone()),
            Err(stop) => return self.stopped(id, entry, stop),
        };
        let (title, kind) = (&self.plan.target_title, &self.plan.target_stream.title);
        let problem = Problem {
            category: Category::DocumentState,
            field: None,
            cause: format!("{kind} {sought} is not in {title}"),
            remedy: format!(
                "enter it there, and this goes on by itself; `ledgerline link {id} --to ID` where it is there \
                 under another number, `ledgerline skip {id}` if there will be none"
            ),
        };
        let key = format!("{kind} {sought}");
        self.stop(id, entry, State::Waiting, problem, key)
    }

    /// What a target document is, for people.
    fn label(&self, target: &str) -> String {
        let document = self.reference.get(&self.plan.target.stream, target);
        let cx = self.plan.rules_cx(self.reference);
        document
            .map(|it| self.plan.target_rules.label(it, cx))
            .filter(|it| !it.is_empty())
            .unwrap_or_else(|| target.to_owned())
    }
}
