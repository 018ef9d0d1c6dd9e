//! Thousands of random verbs from a seed: whatever happens, tallies equal a recount, no link is lost,
//! no entry is in two calls, and a crash after any flush leaves what was there.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use super::{
    super::{SledStore, check, export},
    bench::{document, stream},
    opening::copy,
};
use crate::store::{
    Actor, Cause, Change, Entry, EntryId, Facts, Filter, Held, Incoming, Intent, OutcomeIn, PageIn,
    Settlement, State, Store, StoreError, StreamId, Tally,
};
use ledgerline_plugin_api::manifest::HeldState;

/// A small generator (xorshift): the same seed, the same campaign, on every machine.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % sides as u64).unwrap()
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.roll(from.len())]
    }
}

const IDS: usize = 60;

struct Campaign {
    dice: Dice,
    at: i64,
    calls: Vec<(u64, Vec<(EntryId, Entry)>)>,
    links: BTreeMap<EntryId, String>,
    outcomes: StreamId,
}

impl Campaign {
    fn new(seed: u64) -> Self {
        let outcomes = StreamId {
            connection: "outcomes".into(),
            stream: "notes".into(),
        };
        let (calls, links) = (Vec::new(), BTreeMap::new());
        Self {
            dice: Dice(seed),
            at: 0,
            calls,
            links,
            outcomes,
        }
    }

    fn any(&mut self) -> EntryId {
        let route = *self.dice.pick(&["notes", "bills", "back"]);
        EntryId::new(route, self.dice.roll(IDS).to_string())
    }

    fn step(&mut self, store: &SledStore) {
        self.at += 1;
        match self.dice.roll(10) {
            0..3 => self.take(store),
            3..5 => self.send(store),
            5..8 => self.answer(store),
            8 => self.person(store),
            _ => {
                let other = self.any();
                let cause = match self.dice.roll(2) {
                    0 => Cause::entry(&other),
                    _ => Cause {
                        key: "account 270".into(),
                    },
                };
                store.wake(&cause, self.at).unwrap();
            }
        }
    }

    fn take(&mut self, store: &SledStore) {
        let documents = (0..self.dice.roll(6)).map(|_| {
            let id = self.dice.roll(IDS).to_string();
            let version = format!("v{}", self.dice.roll(4));
            let total = format!("{}.{}", self.dice.roll(1_000), self.dice.roll(100));
            if self.dice.roll(12) == 0 {
                return Incoming {
                    id,
                    version,
                    body: None,
                    facts: Facts::default(),
                };
            }
            let mut document = document(&id, &version, &total);
            if let Some(money) = &mut document.facts.money {
                money.currency = (*self.dice.pick(&["AUD", "NZD", ""])).to_owned();
            }
            document
        });
        let documents = documents.collect();
        let routes = ["notes".to_owned(), "bills".to_owned()];
        let routes = &routes[..=usize::from(self.at > 50)];
        let stream = &stream("notes");
        store
            .intake_page(PageIn {
                stream,
                routes,
                documents,
                cursor: None,
                at: self.at,
            })
            .unwrap();
    }

    fn send(&mut self, store: &SledStore) {
        let route = *self.dice.pick(&["notes", "bills"]);
        let state = *self
            .dice
            .pick(&[State::Pending, State::Failed, State::Waiting]);
        let limit = self.dice.roll(5);
        let page = store
            .claim(route, &stream("notes"), state, None, limit)
            .unwrap();
        let entries: Vec<EntryId> = page.iter().map(|it| it.0.clone()).collect();
        if entries.is_empty() {
            return;
        }
        let intent = Intent {
            entries,
            key: None,
            body_hash: [1; 32],
            at: self.at,
            deadline: 9,
            attempt: 1,
        };
        let id = store.record_intent(&intent).unwrap();
        self.calls.push((
            id,
            page.into_iter().map(|(id, entry, _)| (id, entry)).collect(),
        ));
    }

    fn answer(&mut self, store: &SledStore) {
        if self.calls.is_empty() {
            return;
        }
        let call = self.dice.roll(self.calls.len());
        let (call, entries) = self.calls.swap_remove(call);
        let mut changes = Vec::new();
        let mut outcomes = Vec::new();
        for (id, mut entry) in entries {
            let seen = entry.seen();
            let to = *self.dice.pick(&[
                State::Synced,
                State::Synced,
                State::Waiting,
                State::Uncertain,
                State::Failed,
                State::Warning,
                State::Excluded,
            ]);
            self.end(&id, &mut entry, to);
            let document = document(&id.source, &format!("o{}", self.at), "1");
            let (stream, routes) = (self.outcomes.clone(), vec!["back".to_owned()]);
            outcomes.push(OutcomeIn {
                stream,
                routes,
                document,
            });
            changes.push(Change { id, entry, seen });
        }
        store
            .settle(Settlement {
                changes,
                intent: Some(call),
                call: None,
                outcomes,
                ..Settlement::default()
            })
            .unwrap();
    }

    fn end(&mut self, id: &EntryId, entry: &mut Entry, to: State) {
        entry.record(self.at, to, Actor::Engine, "answered", None);
        entry.cause = None;
        match to {
            State::Synced => {
                let link = entry.held.get_or_insert_with(|| Held {
                    id: format!("t{}", self.at),
                    ..Held::default()
                });
                link.state =
                    *self
                        .dice
                        .pick(&[None, Some(HeldState::Draft), Some(HeldState::Paid)]);
                self.links.insert(id.clone(), link.id.clone());
            }
            State::Waiting => {
                let other = self.any();
                entry.cause = Some(Cause::entry(&other));
            }
            State::Warning => {
                entry.cause = Some(Cause {
                    key: "account 270".into(),
                })
            }
            _ => {}
        }
    }

    /// Somebody acts on what a list showed a moment ago.
    fn person(&mut self, store: &SledStore) {
        let id = self.any();
        let Some(mut entry) = store.entry(&id).unwrap() else {
            return;
        };
        let (sending, seen) = (entry.state == State::Sending, entry.seen());
        let to = *self.dice.pick(&[
            State::Pending,
            State::Skipped,
            State::Synced,
            State::Waiting,
        ]);
        self.end(&id, &mut entry, to);
        let outdated = self.dice.roll(4) == 0;
        if outdated {
            let incoming = document(&id.source, &format!("p{}", self.at), "3");
            let (stream, routes) = (&stream("notes"), &["notes".to_owned(), "bills".to_owned()]);
            let documents = vec![incoming];
            store
                .intake_page(PageIn {
                    stream,
                    routes,
                    documents,
                    cursor: None,
                    at: 1,
                })
                .unwrap();
        }
        let before = store.entry(&id).unwrap().unwrap();
        let changes = vec![Change {
            id: id.clone(),
            entry,
            seen,
        }];
        match store.settle(Settlement {
            changes,
            ..Settlement::default()
        }) {
            Ok(()) => assert!(!sending && before.seen() == seen, "{id}"),
            Err(StoreError::Conflict { .. }) => {
                assert!(sending || before.seen() != seen, "{id}");
                // What was refused left nothing behind.
                assert_eq!(store.entry(&id).unwrap().unwrap(), before);
                match before.held {
                    Some(held) => self.links.insert(id, held.id),
                    None => self.links.remove(&id),
                };
            }
            Err(err) => panic!("{id}: {err}"),
        }
    }

    fn verify(&self, store: &SledStore) {
        let report = check::check(store).unwrap();
        assert!(report.is_clean(), "at {}: {:#?}", self.at, report.faults);
        let mut listed: BTreeMap<(String, State, Option<HeldState>), Tally> = BTreeMap::new();
        let (mut after, mut met) = (None::<String>, BTreeSet::new());
        loop {
            let page = store
                .page_of(&Filter::default(), after.as_deref(), 7)
                .unwrap();
            for (id, entry) in page.rows {
                let held = entry.held.as_ref().filter(|_| entry.state == State::Synced);
                let key = (id.route.clone(), entry.state, held.and_then(|it| it.state));
                listed
                    .entry(key)
                    .or_default()
                    .add(entry.facts.money.as_ref());
                let link = entry.held.map(|it| it.id);
                assert_eq!(link.as_ref(), self.links.get(&id), "at {}: {id}", self.at);
                let sending = self
                    .calls
                    .iter()
                    .any(|call| call.1.iter().any(|it| it.0 == id));
                assert_eq!(
                    entry.state == State::Sending,
                    sending,
                    "at {}: {id}",
                    self.at
                );
                assert!(met.insert(id));
            }
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        let totals: BTreeMap<_, _> = store
            .totals()
            .unwrap()
            .into_iter()
            .map(|it| ((it.route, it.state, it.held), it.tally))
            .collect();
        assert_eq!(totals, listed, "at {}", self.at);
        let stopped = [
            State::Waiting,
            State::Uncertain,
            State::Failed,
            State::Warning,
        ];
        let grouped: u64 = store
            .groups(&[])
            .unwrap()
            .iter()
            .map(|it| it.tally.count)
            .sum();
        let counted = listed
            .iter()
            .filter(|it| stopped.contains(&it.0.1))
            .map(|it| it.1.count);
        assert_eq!(grouped, counted.sum::<u64>(), "at {}", self.at);
    }
}

#[test]
fn tallies_equal_a_recount_whatever_happens() {
    for seed in [1, 2, 3] {
        let store = SledStore::temporary().unwrap();
        let mut campaign = Campaign::new(0x9e37_79b9_7f4a_7c15 ^ seed);
        for step in 0..2_000 {
            campaign.step(&store);
            if step % 100 == 99 {
                campaign.verify(&store);
            }
        }
        assert!(campaign.links.len() > 20, "the campaign must get somewhere");
    }
}

fn text(store: &SledStore) -> String {
    let mut text = Vec::new();
    export::export(store, &mut text, true).unwrap();
    // Without the header: each opening is a generation.
    String::from_utf8(text)
        .unwrap()
        .split_once('\n')
        .unwrap()
        .1
        .to_owned()
}

/// Every so often the folder is copied as the verb's last flush left it, and the campaign goes on in
/// the copy.
#[test]
fn a_crash_after_any_flush_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let place = |life: usize| folder.path().join(life.to_string());
    let mut campaign = Campaign::new(77);
    let (mut store, _) = SledStore::open(&place(0), 1).unwrap();
    for life in 1..25 {
        let crash = Arc::new(AtomicBool::new(false));
        let (armed, to) = (Arc::clone(&crash), place(life));
        store.after_flush(move |from: &Path| {
            if armed.load(Ordering::SeqCst) {
                copy(from, &to, true);
            }
        });
        for _ in 0..campaign.dice.roll(20) {
            campaign.step(&store);
        }
        crash.store(true, Ordering::SeqCst);
        while !place(life).exists() {
            campaign.step(&store);
        }
        let (next, opened) = SledStore::open(&place(life), 1).unwrap();
        assert!(!opened.restored, "life {life}");
        assert_eq!(text(&next), text(&store), "life {life}");
        campaign.verify(&next);
        store = next;
    }
}
