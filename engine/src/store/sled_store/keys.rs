//! Keys of the one tree.
//!
//! ```text
//! d STREAM id                        document
//! e ROUTE id                         entry
//! i ROUTE state cause since id       index of what needs attention; no value
//! g ROUTE state cause                tally of one cause
//! t ROUTE state held                 tally of one state
//! c STREAM                           cursor
//! o ID                               open intent
//! k ID                               call without its bodies
//! l ID PIECE                         bodies of a call, cut into pieces
//! b / s / n name                     budget, secret, note
//! q STREAM                           generation at which the stream caught up
//! r kind NUMBER                      name behind a number (kind 0: route, 1: stream)
//! m name                             facts about the store itself
//! x by ROUTE                         this route keeps this look-up: 0 begun, 1 whole
//! x by ROUTE value id                look-up of an entry; no value
//! ```
//!
//! Names of routes and streams are replaced by two-byte numbers: they stand in every key and in
//! every index row. Numbers are big-endian, so that byte order is their order; the id comes last, so
//! it needs no terminator.

use sha2::{Digest, Sha256};

use crate::store::{Entry, LookUp, State};

pub(super) const DOCUMENT: u8 = b'd';
pub(super) const ENTRY: u8 = b'e';
pub(super) const INDEX: u8 = b'i';
pub(super) const GROUP: u8 = b'g';
pub(super) const TOTAL: u8 = b't';
pub(super) const CURSOR: u8 = b'c';
pub(super) const INTENT: u8 = b'o';
pub(super) const CALL: u8 = b'k';
pub(super) const PIECE: u8 = b'l';
pub(super) const BUDGET: u8 = b'b';
pub(super) const SECRET: u8 = b's';
pub(super) const NOTE: u8 = b'n';
pub(super) const CAUGHT_UP: u8 = b'q';
pub(super) const NAME: u8 = b'r';
pub(super) const META: u8 = b'm';
pub(super) const LOOKUP: u8 = b'x';

/// Number of a route or a stream in this store.
pub(super) type Number = u16;

/// The first eight bytes of a cause key's SHA-256; zero when there is no cause. Two causes that
/// share them would be shown as one group and nothing worse: whoever acts on a cause compares the
/// whole key.
pub(super) type CauseHash = u64;

pub(super) fn cause_hash(key: &str) -> CauseHash {
    let digest = Sha256::digest(key.as_bytes());
    digest
        .iter()
        .take(8)
        .fold(0, |sum, byte| (sum << 8) | u64::from(*byte))
}

pub(super) fn hash_of(entry: &Entry) -> CauseHash {
    entry.cause.as_ref().map_or(0, |it| cause_hash(&it.key))
}

fn key(kind: u8, parts: &[&[u8]]) -> Vec<u8> {
    let mut key = Vec::with_capacity(1 + parts.iter().map(|it| it.len()).sum::<usize>());
    key.push(kind);
    for part in parts {
        key.extend_from_slice(part);
    }
    key
}

pub(super) fn document(stream: Number, id: &str) -> Vec<u8> {
    key(DOCUMENT, &[&stream.to_be_bytes(), id.as_bytes()])
}

pub(super) fn entry(route: Number, id: &str) -> Vec<u8> {
    key(ENTRY, &[&route.to_be_bytes(), id.as_bytes()])
}

/// All rows of one kind that belong to one route or stream.
pub(super) fn of_number(kind: u8, number: Number) -> Vec<u8> {
    key(kind, &[&number.to_be_bytes()])
}

/// All rows of one kind, route and state: of the index, groups or totals.
pub(super) fn of_state(kind: u8, route: Number, state: State) -> Vec<u8> {
    key(kind, &[&route.to_be_bytes(), &[state as u8]])
}

pub(super) fn of_cause(kind: u8, route: Number, state: State, cause: CauseHash) -> Vec<u8> {
    key(
        kind,
        &[&route.to_be_bytes(), &[state as u8], &cause.to_be_bytes()],
    )
}

pub(super) fn index(
    route: Number,
    state: State,
    cause: CauseHash,
    since: i64,
    id: &str,
) -> Vec<u8> {
    let (number, cause, since) = (route.to_be_bytes(), cause.to_be_bytes(), sortable(since));
    key(
        INDEX,
        &[&number, &[state as u8], &cause, &since, id.as_bytes()],
    )
}

pub(super) fn total(route: Number, state: State, held: u8) -> Vec<u8> {
    key(TOTAL, &[&route.to_be_bytes(), &[state as u8, held]])
}

pub(super) fn numbered(kind: u8, id: u64) -> Vec<u8> {
    key(kind, &[&id.to_be_bytes()])
}

pub(super) fn piece(call: u64, piece: u32) -> Vec<u8> {
    key(PIECE, &[&call.to_be_bytes(), &piece.to_be_bytes()])
}

pub(super) fn named(kind: u8, name: &str) -> Vec<u8> {
    key(kind, &[name.as_bytes()])
}

pub(super) fn name(kind: u8, number: Number) -> Vec<u8> {
    key(NAME, &[&[kind], &number.to_be_bytes()])
}

pub(super) fn lookup_flag(by: LookUp, route: Number) -> Vec<u8> {
    key(LOOKUP, &[&[by as u8], &route.to_be_bytes()])
}

/// The value stands by its hash, so that keys have a bound.
pub(super) fn lookup(by: LookUp, route: Number, value: &str, id: &str) -> Vec<u8> {
    let (number, hash) = (route.to_be_bytes(), cause_hash(value).to_be_bytes());
    key(LOOKUP, &[&[by as u8], &number, &hash, id.as_bytes()])
}

/// The key of a look-up's row, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct LookupKey<'a> {
    pub(super) route: Number,
    pub(super) id: &'a str,
}

pub(super) fn read_lookup(key: &[u8]) -> Option<LookupKey<'_>> {
    let (by, rest) = key.get(1..)?.split_first()?;
    LookUp::ALL.get(usize::from(*by))?;
    let (route, rest) = rest.split_first_chunk()?;
    let (_, id) = rest.split_first_chunk::<8>()?;
    let id = std::str::from_utf8(id).ok()?;
    (!id.is_empty()).then(|| LookupKey {
        route: u16::from_be_bytes(*route),
        id,
    })
}

/// Whether a key is the flag of a look-up.
pub(super) fn is_lookup_flag(key: &[u8]) -> bool {
    let known = |it: &u8| LookUp::ALL.get(usize::from(*it)).is_some();
    key.len() == 4 && key.get(1).is_some_and(known)
}

/// Bytes that sort as the signed number does.
fn sortable(since: i64) -> [u8; 8] {
    (since.cast_unsigned() ^ (1 << 63)).to_be_bytes()
}

/// An index key, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct IndexKey<'a> {
    pub(super) route: Number,
    pub(super) state: State,
    pub(super) cause: CauseHash,
    pub(super) since: i64,
    pub(super) id: &'a str,
}

pub(super) fn read_index(key: &[u8]) -> Option<IndexKey<'_>> {
    let (route, rest) = read_number(key)?;
    let (state, rest) = rest.split_first()?;
    let (cause, rest) = rest.split_first_chunk()?;
    let (since, id) = rest.split_first_chunk()?;
    Some(IndexKey {
        route,
        state: state_of(*state)?,
        cause: u64::from_be_bytes(*cause),
        since: (u64::from_be_bytes(*since) ^ (1 << 63)).cast_signed(),
        id: std::str::from_utf8(id).ok()?,
    })
}

/// Reads `KIND NUMBER ...` and gives the rest.
pub(super) fn read_number(key: &[u8]) -> Option<(Number, &[u8])> {
    let (number, rest) = key.get(1..)?.split_first_chunk()?;
    Some((u16::from_be_bytes(*number), rest))
}

/// Reads `KIND NUMBER id`.
pub(super) fn read_owned(key: &[u8]) -> Option<(Number, &str)> {
    let (number, rest) = read_number(key)?;
    Some((number, std::str::from_utf8(rest).ok()?))
}

/// Reads `KIND ID`.
pub(super) fn read_numbered(key: &[u8]) -> Option<u64> {
    let (id, rest) = key.get(1..)?.split_first_chunk()?;
    rest.is_empty().then(|| u64::from_be_bytes(*id))
}

/// Reads the key of a piece of a call.
pub(super) fn read_piece(key: &[u8]) -> Option<(u64, u32)> {
    let (call, rest) = key.get(1..)?.split_first_chunk()?;
    let piece: &[u8; 4] = rest.try_into().ok()?;
    Some((u64::from_be_bytes(*call), u32::from_be_bytes(*piece)))
}

/// Reads `KIND name`.
pub(super) fn read_named(key: &[u8]) -> Option<&str> {
    std::str::from_utf8(key.get(1..)?).ok()
}

/// Reads the key of a group.
pub(super) fn read_group(key: &[u8]) -> Option<(Number, State, CauseHash)> {
    let (route, rest) = read_number(key)?;
    let (state, rest) = rest.split_first()?;
    let (cause, rest) = rest.split_first_chunk()?;
    let cause = u64::from_be_bytes(*cause);
    rest.is_empty().then_some((route, state_of(*state)?, cause))
}

/// Reads the key of a total.
pub(super) fn read_total(key: &[u8]) -> Option<(Number, State, u8)> {
    let (route, rest) = read_number(key)?;
    let [state, held] = rest else { return None };
    Some((route, state_of(*state)?, *held))
}

pub(super) fn state_of(code: u8) -> Option<State> {
    State::ALL.get(usize::from(code)).copied()
}

/// What kind of row a key is of.
pub(super) fn kind(key: &[u8]) -> &'static str {
    match key.first() {
        Some(&DOCUMENT) => "document",
        Some(&ENTRY) => "entry",
        Some(&INDEX) => "index",
        Some(&GROUP) => "group",
        Some(&TOTAL) => "total",
        Some(&CURSOR) => "cursor",
        Some(&INTENT) => "intent",
        Some(&CALL) => "call",
        Some(&PIECE) => "piece",
        Some(&BUDGET) => "budget",
        Some(&SECRET) => "secret",
        Some(&NOTE) => "note",
        Some(&CAUGHT_UP) => "caught-up",
        Some(&NAME) => "name",
        Some(&META) => "meta",
        Some(&LOOKUP) => "lookup",
        _ => "unknown",
    }
}

/// The key in words, for messages about a row that cannot be read.
pub(super) fn describe(key: &[u8]) -> String {
    let name = key.get(1..).unwrap_or_default();
    format!("{} {}", kind(key), name.escape_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn index_keys_sort_by_route_state_cause_since_id() {
        let sorted = [
            index(1, State::Pending, 0, -5, "b"),
            index(1, State::Pending, 0, 0, "a"),
            index(1, State::Pending, 0, 300, "a"),
            index(1, State::Pending, 0, 300, "a/"),
            index(1, State::Pending, 1, 0, "a"),
            index(1, State::Waiting, 0, 0, "a"),
            index(256, State::Pending, 0, 0, "a"),
        ];
        assert!(sorted.is_sorted());
        for key in &sorted {
            let it = read_index(key).unwrap();
            assert_eq!(&index(it.route, it.state, it.cause, it.since, it.id), key);
        }
    }

    #[test]
    fn garbage_keys_are_refused() {
        for key in [
            &b""[..],
            b"i",
            b"i\0",
            b"i\0\0\x09\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0a",
        ] {
            assert_eq!(read_index(key), None, "{key:?}");
            assert_eq!(read_group(key), None, "{key:?}");
            assert_eq!(read_total(key), None, "{key:?}");
            describe(key);
        }
        assert_eq!(read_numbered(b"o\0"), None);
        assert_eq!(read_owned(b"e\0\0\xff"), None);
    }
}
