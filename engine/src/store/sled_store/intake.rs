//! Documents come in: as pages of a source, or as outcomes of a route.

use super::{
    SledStore,
    entry_row::{Head, Row},
    keys::{self, Number},
    rows::StoredCursor,
    rows::encode,
    work::Work,
};
use crate::store::{Actor, Entry, Facts, Incoming, Intake, PageIn, Result, State};

/// Entries that a chunk of a long verb makes or changes in one write.
pub(super) const CHUNK: usize = 2_000;

const DELETED: &str = "the source deleted the document";
const CHANGED: &str = "the document changed";

impl SledStore {
    pub(super) fn take_page(&self, page: PageIn<'_>) -> Result<Intake> {
        let mut work = Work::begin(self)?;
        let stream = work.stream(page.stream)?;
        let routes = work.routes(page.routes)?;
        let mut intake = Intake::default();
        for document in page.documents {
            work.take_in(stream, &routes, document, page.at, &mut intake)?;
        }
        if let Some(cursor) = page.cursor {
            let row = encode(&StoredCursor::from(cursor))?;
            work.put(keys::of_number(keys::CURSOR, stream), row);
        }
        work.commit()?;
        Ok(intake)
    }
}

impl Work<'_> {
    pub(super) fn routes(&mut self, names: &[String]) -> Result<Vec<Number>> {
        names.iter().map(|it| self.route(it)).collect()
    }

    /// One document, with an entry on each route.
    pub(super) fn take_in(
        &mut self,
        stream: Number,
        routes: &[Number],
        document: Incoming,
        at: i64,
        intake: &mut Intake,
    ) -> Result<()> {
        let Incoming {
            id,
            version,
            body,
            facts,
        } = document;
        let deleted = body.is_none();
        let stored = self.head(stream, &id, body.as_deref())?;
        let same = match &stored {
            None => deleted,
            Some((head, equal)) => *equal || (head.version == version && !deleted && !head.deleted),
        };
        if same {
            intake.same += 1;
            return Ok(());
        }
        // A deletion says nothing but that it happened: what was known stays for people and sums.
        let facts = match stored {
            Some((head, _)) if deleted && facts == Facts::default() => head.facts,
            // Nor does one that lost its total say that nothing is at stake: voiding empties documents.
            Some((head, _)) if facts.money.is_none() => Facts {
                money: head.facts.money,
                ..facts
            },
            _ => facts,
        };
        let head = Head {
            version,
            read_at: at,
            deleted,
            facts,
        };
        self.passed_over(stream, routes);
        self.put_document(
            stream,
            &id,
            head.clone(),
            body.as_deref().unwrap_or_default(),
        )?;
        for &route in routes {
            let state = self.first_state(stream);
            let slot = self.entry(route, &id)?;
            let sending = slot.sending.is_some();
            match &mut slot.row {
                None => {
                    slot.row = Some(fresh(stream, state, &head, at));
                    intake.new += 1;
                }
                Some(row) => {
                    row.renew(&head, sending, at);
                    intake.changed += 1;
                }
            }
            slot.changed = true;
        }
        Ok(())
    }

    /// The state of an entry that is new to this store. After a restore the lost part of the store
    /// may have held and sent it.
    pub(super) fn first_state(&self, stream: Number) -> State {
        let caught_up = self
            .writer
            .caught_up
            .get(&stream)
            .copied()
            .unwrap_or_default();
        if self.writer.distrusted > caught_up {
            State::Uncertain
        } else {
            State::Pending
        }
    }
}

pub(super) fn fresh(stream: Number, state: State, head: &Head, at: i64) -> Row {
    let what = match (state, head.deleted) {
        (State::Uncertain, _) => "taken in after the store was restored: the target is asked first",
        (_, true) => DELETED,
        _ => "taken in",
    };
    let entry = Entry::new(at, state, head.version.clone(), head.facts.clone(), what);
    Row {
        stream,
        newer: false,
        entry,
    }
}

impl Row {
    /// The document is another one now.
    ///
    /// Whoever waits for the outcome of a call compares with what was sent, so an entry with an open
    /// outcome keeps all it knows; [`catch_up`](Row::catch_up) brings it to the document later.
    fn renew(&mut self, head: &Head, sending: bool, at: i64) {
        if sending || self.entry.state == State::Uncertain {
            self.newer = true;
        } else if self.entry.write_open_since.is_some() && self.entry.state != State::Skipped {
            self.entry.reopen(at, Actor::Engine, what(head));
            self.newer = true;
        } else {
            self.follow(head, at);
        }
    }

    /// The outcome is known (or another stop was found): brings the entry to its document when that
    /// changed meanwhile.
    pub(super) fn catch_up(&mut self, head: Option<&Head>, at: i64) {
        let Some(head) = head.filter(|_| self.newer) else {
            return;
        };
        if head.version == self.entry.version && !head.deleted {
            self.newer = false;
        } else if self.entry.state == State::Skipped
            || (self.entry.state != State::Uncertain && self.entry.write_open_since.is_none())
        {
            self.newer = false;
            self.follow(head, at);
        }
    }

    fn follow(&mut self, head: &Head, at: i64) {
        self.entry.version.clone_from(&head.version);
        self.entry.facts.clone_from(&head.facts);
        if self.entry.state == State::Skipped {
            self.entry
                .record(at, State::Skipped, Actor::Engine, what(head), None);
        } else {
            self.entry.reopen(at, Actor::Engine, what(head));
        }
    }
}

fn what(head: &Head) -> &'static str {
    if head.deleted { DELETED } else { CHANGED }
}
