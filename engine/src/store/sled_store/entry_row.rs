//! The rows of entries and documents.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{
    codes::{Amount, Coded, Day, Hash},
    keys::Number,
    rows::{Stored, damaged, decode, decode_head, encode, encode_with},
};
use crate::store::{
    Actor, Candidate, Cause, Document, Entry, Event, Facts, Held, Money, Result, State,
};
use ledgerline_plugin_api::manifest::{Category, HeldState, Problem};

/// An entry with what only the store knows of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    /// Stream of its document.
    pub(super) stream: Number,
    /// The document is newer than the entry: it changed while the entry's outcome was open.
    pub(super) newer: bool,
    pub(super) entry: Entry,
}

impl Row {
    pub(super) fn encode(self) -> Result<Vec<u8>> {
        encode(&EntryRow::from(self))
    }

    pub(super) fn decode(key: &[u8], bytes: &[u8]) -> Result<Self> {
        decode::<EntryRow>(key, bytes).map(Self::from)
    }
}

/// A stored document without its body.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Head {
    pub(super) version: String,
    pub(super) read_at: i64,
    pub(super) deleted: bool,
    pub(super) facts: Facts,
}

/// The row of a document: its head, then the vendor's bytes as they came, up to the end.
pub(super) fn encode_document(head: Head, body: &[u8]) -> Result<Vec<u8>> {
    encode_with(&DocumentRow::from(head), body)
}

pub(super) fn decode_document<'a>(key: &[u8], bytes: &'a [u8]) -> Result<(Head, Cow<'a, [u8]>)> {
    let (row, body) = decode_head::<DocumentRow>(key, bytes)?;
    if row.deleted && !body.is_empty() {
        return Err(damaged(key, "a deleted document with a body"));
    }
    Ok((row.into(), body))
}

impl Head {
    pub(super) fn with_body(self, body: Cow<'_, [u8]>) -> Document {
        Document {
            version: self.version,
            read_at: self.read_at,
            body: body.into_owned(),
            deleted: self.deleted,
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct DocumentRow {
    version: String,
    read_at: i64,
    deleted: bool,
    facts: FactsRow,
}
impl Stored for DocumentRow {}

impl From<Head> for DocumentRow {
    fn from(it: Head) -> Self {
        let Head {
            version,
            read_at,
            deleted,
            facts,
        } = it;
        Self {
            version,
            read_at,
            deleted,
            facts: facts.into(),
        }
    }
}

impl From<DocumentRow> for Head {
    fn from(it: DocumentRow) -> Self {
        let DocumentRow {
            version,
            read_at,
            deleted,
            facts,
        } = it;
        Self {
            version,
            read_at,
            deleted,
            facts: facts.into(),
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct FactsRow {
    number: Option<String>,
    date: Option<Day>,
    money: Option<(Amount, String)>,
    party: Option<String>,
}

impl From<Facts> for FactsRow {
    fn from(it: Facts) -> Self {
        Self {
            number: it.number,
            date: it.date.map(Day),
            money: it.money.map(|it| (Amount(it.total), it.currency)),
            party: it.party,
        }
    }
}

impl From<FactsRow> for Facts {
    fn from(it: FactsRow) -> Self {
        Self {
            number: it.number,
            date: it.date.map(|it| it.0),
            money: it.money.map(|(total, currency)| Money {
                total: total.0,
                currency,
            }),
            party: it.party,
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct HeldRow {
    id: String,
    state: Option<Coded<HeldState>>,
    seen_at: i64,
    sent: String,
    answered: String,
    fingerprint: Hash<16>,
    adopted: bool,
}

#[derive(Debug, Serialize, Deserialize)]
struct ProblemRow {
    category: Coded<Category>,
    field: Option<String>,
    cause: String,
    remedy: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct EventRow {
    at: i64,
    from: Option<Coded<State>>,
    to: Coded<State>,
    /// The person; `None` is the engine.
    person: Option<String>,
    what: String,
    call: Option<u64>,
    times: u32,
    last_at: i64,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct EntryRow {
    stream: Number,
    known: Known,
}
impl Stored for EntryRow {}

/// All of an entry's row but the number of its stream, which means something in one store only.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Known {
    newer: bool,
    state: Coded<State>,
    since: i64,
    version: String,
    facts: FactsRow,
    number: Option<String>,
    held: Option<HeldRow>,
    problem: Option<ProblemRow>,
    words: Option<String>,
    cause: Option<String>,
    notices: Vec<String>,
    /// Id, label, why.
    candidates: Vec<(String, String, String)>,
    mapping: Hash<8>,
    attempts: u32,
    not_before: i64,
    write_open_since: Option<i64>,
    write_open_until: Option<i64>,
    requested: bool,
    needed: bool,
    create_new: bool,
    events: Vec<EventRow>,
}

impl From<Row> for EntryRow {
    fn from(row: Row) -> Self {
        Self {
            stream: row.stream,
            known: row.into(),
        }
    }
}

impl From<EntryRow> for Row {
    fn from(it: EntryRow) -> Self {
        it.known.of_stream(it.stream)
    }
}

impl From<Row> for Known {
    fn from(row: Row) -> Self {
        let it = row.entry;
        Self {
            newer: row.newer,
            state: Coded(it.state),
            since: it.since,
            version: it.version,
            facts: it.facts.into(),
            number: it.number,
            held: it.held.map(Into::into),
            problem: it.problem.map(Into::into),
            words: it.words,
            cause: it.cause.map(|it| it.key),
            notices: it.notices,
            candidates: it
                .candidates
                .into_iter()
                .map(|it| (it.id, it.label, it.why))
                .collect(),
            mapping: Hash(it.mapping),
            attempts: it.attempts,
            not_before: it.not_before,
            write_open_since: it.write_open_since,
            write_open_until: it.write_open_until,
            requested: it.requested,
            needed: it.needed,
            create_new: it.create_new,
            events: it.events.into_iter().map(Into::into).collect(),
        }
    }
}

impl Known {
    pub(super) fn of_stream(self, stream: Number) -> Row {
        let it = self;
        let candidates = it.candidates.into_iter();
        Row {
            stream,
            newer: it.newer,
            entry: Entry {
                state: it.state.0,
                since: it.since,
                version: it.version,
                facts: it.facts.into(),
                number: it.number,
                held: it.held.map(Into::into),
                problem: it.problem.map(Into::into),
                words: it.words,
                cause: it.cause.map(|key| Cause { key }),
                notices: it.notices,
                candidates: candidates
                    .map(|(id, label, why)| Candidate { id, label, why })
                    .collect(),
                mapping: it.mapping.0,
                attempts: it.attempts,
                not_before: it.not_before,
                write_open_since: it.write_open_since,
                write_open_until: it.write_open_until,
                requested: it.requested,
                needed: it.needed,
                create_new: it.create_new,
                events: it.events.into_iter().map(Into::into).collect(),
            },
        }
    }
}

impl From<Held> for HeldRow {
    fn from(it: Held) -> Self {
        Self {
            id: it.id,
            state: it.state.map(Coded),
            seen_at: it.seen_at,
            sent: it.sent,
            answered: it.answered,
            fingerprint: Hash(it.fingerprint),
            adopted: it.adopted,
        }
    }
}

impl From<HeldRow> for Held {
    fn from(it: HeldRow) -> Self {
        Self {
            id: it.id,
            state: it.state.map(|it| it.0),
            seen_at: it.seen_at,
            sent: it.sent,
            answered: it.answered,
            fingerprint: it.fingerprint.0,
            adopted: it.adopted,
        }
    }
}

impl From<Problem> for ProblemRow {
    fn from(it: Problem) -> Self {
        let Problem {
            category,
            field,
            cause,
            remedy,
        } = it;
        Self {
            category: Coded(category),
            field,
            cause,
            remedy,
        }
    }
}

impl From<ProblemRow> for Problem {
    fn from(it: ProblemRow) -> Self {
        let ProblemRow {
            category,
            field,
            cause,
            remedy,
        } = it;
        Self {
            category: category.0,
            field,
            cause,
            remedy,
        }
    }
}

impl From<Event> for EventRow {
    fn from(it: Event) -> Self {
        Self {
            at: it.at,
            from: it.from.map(Coded),
            to: Coded(it.to),
            person: match it.by {
                Actor::Engine => None,
                Actor::Person(name) => Some(name),
            },
            what: it.what,
            call: it.call,
            times: it.times,
            last_at: it.last_at,
        }
    }
}

impl From<EventRow> for Event {
    fn from(it: EventRow) -> Self {
        Self {
            at: it.at,
            from: it.from.map(|it| it.0),
            to: it.to.0,
            by: it.person.map_or(Actor::Engine, Actor::Person),
            what: it.what,
            call: it.call,
            times: it.times,
            last_at: it.last_at,
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use data_encoding::HEXLOWER;

    use super::*;

    /// An entry with something in every field.
    pub(in super::super) fn full() -> Row {
        let mut entry = Entry::new(
            1_700_000_000_000,
            State::Pending,
            "2024-01-02T03:04:05Z".into(),
            Facts {
                number: Some("CN-1".into()),
                date: Some(jiff::civil::date(2024, 2, 29)),
                money: Some(Money {
                    total: "12.10".parse().unwrap(),
                    currency: "AUD".into(),
                }),
                party: Some("Ännchen & Co".into()),
            },
            "taken in",
        );
        entry.record(
            1_700_000_000_001,
            State::Warning,
            Actor::Person("kim".into()),
            "no",
            Some(7),
        );
        entry.number = Some("CN-1-A".into());
        entry.held = Some(Held {
            id: "f00".into(),
            state: Some(HeldState::AwaitingApproval),
            seen_at: 5,
            sent: "{\"a\":1}".into(),
            answered: "{}".into(),
            fingerprint: [9; 16],
            adopted: true,
        });
        entry.problem = Some(Problem {
            category: Category::LockedPeriod,
            field: Some("Date".into()),
            cause: "the period is closed".into(),
            remedy: "open it".into(),
        });
        entry.words = Some("locked".into());
        entry.cause = Some(Cause {
            key: "lock 2024-02".into(),
        });
        entry.notices = vec!["a".into(), "b".into()];
        entry.candidates = vec![Candidate {
            id: "x".into(),
            label: "X".into(),
            why: "name".into(),
        }];
        entry.mapping = [1; 8];
        entry.attempts = 3;
        entry.not_before = 6;
        entry.write_open_since = Some(1);
        entry.write_open_until = Some(2);
        entry.requested = true;
        entry.needed = true;
        entry.create_new = true;
        Row {
            stream: 300,
            newer: true,
            entry,
        }
    }

    /// The row of [`full`] in version 1, as it is on people's disks.
    const VERSION_1: &str = include_str!("samples/entry.v1.hex");

    #[test]
    fn every_stored_version_is_read() {
        let written = HEXLOWER.encode(&full().encode().unwrap());
        assert_eq!(
            written,
            VERSION_1.trim(),
            "a new form needs a new version, not a new sample"
        );
        let bytes = HEXLOWER.decode(VERSION_1.trim().as_bytes()).unwrap();
        assert_eq!(Row::decode(b"e", &bytes).unwrap(), full());
    }

    #[test]
    fn documents_keep_their_bytes() {
        let head = Head {
            version: "v".into(),
            read_at: 1,
            deleted: false,
            facts: full().entry.facts,
        };
        for body in [&b""[..], b"{}", b"\0\xff"] {
            let row = encode_document(head.clone(), body).unwrap();
            assert_eq!(
                decode_document(b"d", &row).unwrap(),
                (head.clone(), Cow::Borrowed(body))
            );
        }
    }

    #[test]
    fn damaged_rows_are_errors() {
        let good = full().encode().unwrap();
        for cut in 0..good.len() {
            assert!(Row::decode(b"e", &good[..cut]).is_err(), "cut at {cut}");
        }
        for at in 0..good.len() {
            for bit in 0..8 {
                let mut bad = good.clone();
                bad[at] ^= 1 << bit;
                // Many flips give another valid row; none may panic or take memory without end.
                let _ = Row::decode(b"e", &bad);
            }
        }
        let mut long = good.clone();
        long.push(0);
        assert!(Row::decode(b"e", &long).is_err());
        let mut newer = good;
        newer[0] = 2;
        let text = Row::decode(b"e\0\x01CN-1", &newer).unwrap_err().to_string();
        expect_test::expect![[
            r#"a row of the store cannot be read: entry \x00\x01CN-1: a newer engine wrote it (version 2, this one knows 1); use the newer engine; run `ledgerline store check`"#
        ]]
        .assert_eq(&text);
    }
}
