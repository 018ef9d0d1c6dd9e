//! A store with one stream, and short ways to act on it.

use ledgerline_plugin_api::manifest::{Category, HeldState, Problem};

use super::super::{SledStore, check};
use crate::store::{
    Actor, CallRow, Cause, Change, Entry, EntryId, Facts, Held, Incoming, Intake, Intent, Money,
    PageIn, Settlement, State, Store, StoreError, StreamId, Tally,
};

/// A store with one stream that two routes read.
pub(in super::super) struct Bench {
    pub(in super::super) store: SledStore,
    pub(in super::super) stream: StreamId,
    pub(in super::super) routes: Vec<String>,
}

pub(in super::super) fn stream(name: &str) -> StreamId {
    StreamId {
        connection: "acme".into(),
        stream: name.into(),
    }
}

pub(in super::super) fn document(id: &str, version: &str, total: &str) -> Incoming {
    Incoming {
        id: id.into(),
        version: version.into(),
        body: Some(format!("{{\"id\":\"{id}\",\"total\":{total},\"v\":\"{version}\"}}").into()),
        facts: Facts {
            number: Some(format!("CN-{id}")),
            money: Some(Money {
                total: total.parse().unwrap(),
                currency: "AUD".into(),
            }),
            party: Some(format!("Party {id}")),
            ..Facts::default()
        },
    }
}

pub(in super::super) fn id(name: &str) -> EntryId {
    name.parse().unwrap()
}

impl Bench {
    pub(in super::super) fn new() -> Self {
        Self::over(SledStore::temporary().unwrap(), &["notes"])
    }

    pub(in super::super) fn over(store: SledStore, routes: &[&str]) -> Self {
        let routes = routes.iter().map(|it| (*it).to_owned()).collect();
        Self {
            store,
            stream: stream("notes"),
            routes,
        }
    }

    pub(in super::super) fn take(&self, at: i64, documents: Vec<Incoming>) -> Intake {
        let page = PageIn {
            stream: &self.stream,
            routes: &self.routes,
            documents,
            cursor: None,
            at,
        };
        self.store.intake_page(page).unwrap()
    }

    pub(in super::super) fn entry(&self, name: &str) -> Entry {
        self.store.entry(&id(name)).unwrap().unwrap()
    }

    /// A change of one entry, made from what is read now.
    pub(in super::super) fn change(
        &self,
        name: &str,
        to: State,
        then: impl FnOnce(&mut Entry),
    ) -> Change {
        let mut entry = self.entry(name);
        let seen = entry.seen();
        entry.record(1_000, to, Actor::Engine, "test", None);
        then(&mut entry);
        Change {
            id: id(name),
            entry,
            seen,
        }
    }

    pub(in super::super) fn put(&self, name: &str, to: State, then: impl FnOnce(&mut Entry)) {
        let changes = vec![self.change(name, to, then)];
        self.store
            .settle(Settlement {
                changes,
                ..Settlement::default()
            })
            .unwrap();
    }

    pub(in super::super) fn intent(&self, names: &[&str]) -> Result<u64, StoreError> {
        self.store.record_intent(&Intent {
            entries: names.iter().map(|it| id(it)).collect(),
            key: Some("k".into()),
            body_hash: [7; 32],
            at: 5,
            deadline: 6,
            attempt: 1,
        })
    }

    pub(in super::super) fn claim(
        &self,
        state: State,
        after: Option<&str>,
        limit: usize,
    ) -> Vec<String> {
        let after = after.map(id);
        let route = &self.routes[0];
        let page = self
            .store
            .claim(route, &self.stream, state, after.as_ref(), limit)
            .unwrap();
        for (id, _, document) in &page {
            assert!(document.is_some(), "{id}");
        }
        page.into_iter().map(|(id, _, _)| id.source).collect()
    }

    /// Totals as lines, and that a recount agrees.
    pub(in super::super) fn totals(&self) -> Vec<String> {
        let report = check::check(&self.store).unwrap();
        assert!(report.is_clean(), "{:#?}", report.faults);
        let line = |tally: &Tally| {
            let money: Vec<_> = tally
                .money
                .iter()
                .map(|(code, sum)| format!(" {sum} {code}"))
                .collect();
            format!("{}{}", tally.count, money.concat())
        };
        let totals = self.store.totals().unwrap();
        totals
            .iter()
            .map(|it| {
                let held = it.held.map(|it| format!(" {it:?}")).unwrap_or_default();
                format!(
                    "{} {}{held}: {}",
                    it.route,
                    it.state.name(),
                    line(&it.tally)
                )
            })
            .collect()
    }
}

pub(in super::super) fn link(entry: &mut Entry) {
    entry.held = Some(Held {
        id: "t1".into(),
        state: Some(HeldState::Draft),
        sent: "{}".into(),
        ..Held::default()
    });
}

pub(in super::super) fn stop(key: &str) -> impl FnOnce(&mut Entry) {
    let cause = Cause {
        key: key.to_owned(),
    };
    move |entry| {
        entry.cause = Some(cause);
        entry.problem = Some(Problem {
            category: Category::Mapping,
            field: None,
            cause: "no such account".into(),
            remedy: "make it".into(),
        });
    }
}

pub(in super::super) fn events(entry: &Entry) -> Vec<String> {
    entry
        .events
        .iter()
        .map(|it| format!("{} {} x{}", it.to.name(), it.what, it.times))
        .collect()
}

/// Larger than one piece.
/// Bytes that cannot be packed.
pub(in super::super) fn noise(length: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(length as u64);
    (0..length).map(|_| random.u8(..)).collect()
}

pub(in super::super) fn call_row() -> CallRow {
    CallRow {
        connection: "target".into(),
        at: 50,
        took: 3,
        method: "PUT".into(),
        url: "https://example.com/notes".into(),
        writes: true,
        entries: vec![id("notes/1")],
        request: noise(20_000),
        status: 200,
        answer: [b"\xff", noise(40_000).as_slice()].concat(),
        note: "r-1".into(),
    }
}
