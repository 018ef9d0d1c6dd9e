//! What stands in the rows: a version byte, then postcard, packed when it is of some size (see `pack`).
//!
//! Postcard stores fields by position, without names. A change to any struct here is therefore a new
//! version of its row: raise [`Stored::VERSION`] and teach [`Stored::read`] the old form, of which a
//! sample is kept in the tests. Rows are read in whatever version they have and written in the
//! newest, so a new version needs no migration.
//!
//! The same structs are the lines of an export, there with names and words (see `codes`).

use std::borrow::Cow;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{
    codes::{Amount, Blob, Hash},
    keys,
    pack::{packed, unpacked},
};
use crate::store::{BudgetRow, CursorRow, EntryId, Intent, Result, StoreError, Tally};

/// A row that has a version.
pub(super) trait Stored: Serialize + DeserializeOwned {
    /// Newest version, in which rows are written.
    const VERSION: u8 = 1;

    /// Reads a version not newer than [`VERSION`](Self::VERSION); what follows the row is given back.
    fn read(version: u8, bytes: &[u8]) -> postcard::Result<(Self, &[u8])> {
        match version {
            1 => postcard::take_from_bytes(bytes),
            _ => Err(postcard::Error::SerdeDeCustom),
        }
    }
}

/// A row ready to be written.
pub(super) fn encode<T: Stored>(row: &T) -> Result<Vec<u8>> {
    encode_with(row, &[])
}

/// A row ready to be written, and what follows it.
pub(super) fn encode_with<T: Stored>(row: &T, rest: &[u8]) -> Result<Vec<u8>> {
    let mut bytes = postcard::to_stdvec(&(T::VERSION, row)).map_err(|err| damaged(b"", err))?;
    bytes.extend_from_slice(rest);
    Ok(packed(bytes))
}

/// Reads a row that ends where its struct ends.
pub(super) fn decode<T: Stored>(key: &[u8], bytes: &[u8]) -> Result<T> {
    match decode_head(key, bytes)? {
        (row, rest) if rest.is_empty() => Ok(row),
        (_, rest) => Err(damaged(key, format_args!("{} bytes too many", rest.len()))),
    }
}

/// Reads a row and gives what follows it.
pub(super) fn decode_head<'a, T: Stored>(
    key: &[u8],
    bytes: &'a [u8],
) -> Result<(T, Cow<'a, [u8]>)> {
    let (version, body) = unpacked(bytes)
        .ok_or_else(|| damaged(key, "it is empty"))?
        .map_err(|why| damaged(key, why))?;
    if version > T::VERSION {
        let known = T::VERSION;
        return Err(damaged(
            key,
            format_args!(
                "a newer engine wrote it (version {version}, this one knows {known}); use the \
                 newer engine"
            ),
        ));
    }
    let failed = |err| damaged(key, err);
    Ok(match body {
        Cow::Borrowed(body) => {
            let (row, rest) = T::read(version, body).map_err(failed)?;
            (row, Cow::Borrowed(rest))
        }
        Cow::Owned(mut body) => {
            let (row, rest) = T::read(version, &body).map_err(failed)?;
            let rest = rest.len();
            body.drain(..body.len() - rest);
            (row, Cow::Owned(body))
        }
    })
}

pub(super) fn damaged(key: &[u8], why: impl std::fmt::Display) -> StoreError {
    StoreError::Damaged {
        row: keys::describe(key),
        why: why.to_string(),
    }
}

/// A number that stands alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct NumberRow(pub(super) u64);
impl Stored for NumberRow {}

/// A text that stands alone: notes, names of routes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TextRow(pub(super) String);
impl Stored for TextRow {}

/// A secret as it was sealed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct SecretRow(pub(super) Blob);
impl Stored for SecretRow {}

/// Name of a stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StreamRow {
    pub(super) connection: String,
    pub(super) stream: String,
}
impl Stored for StreamRow {}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct StoredCursor {
    bytes: Blob,
    state_version: u32,
    at: i64,
}
impl Stored for StoredCursor {}

impl From<CursorRow> for StoredCursor {
    fn from(it: CursorRow) -> Self {
        Self {
            bytes: Blob(it.bytes),
            state_version: it.state_version,
            at: it.at,
        }
    }
}

impl From<StoredCursor> for CursorRow {
    fn from(it: StoredCursor) -> Self {
        Self {
            bytes: it.bytes.0,
            state_version: it.state_version,
            at: it.at,
        }
    }
}

/// Route and id of an entry, as intents and calls name them.
pub(super) type Name = (String, String);

pub(super) fn to_names(ids: Vec<EntryId>) -> Vec<Name> {
    ids.into_iter().map(|it| (it.route, it.source)).collect()
}

pub(super) fn from_names(names: Vec<Name>) -> Vec<EntryId> {
    names
        .into_iter()
        .map(|(route, source)| EntryId { route, source })
        .collect()
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct StoredIntent {
    entries: Vec<Name>,
    key: Option<String>,
    body_hash: Hash<32>,
    at: i64,
    deadline: i64,
    attempt: u32,
}
impl Stored for StoredIntent {}

impl From<Intent> for StoredIntent {
    fn from(it: Intent) -> Self {
        Self {
            entries: to_names(it.entries),
            key: it.key,
            body_hash: Hash(it.body_hash),
            at: it.at,
            deadline: it.deadline,
            attempt: it.attempt,
        }
    }
}

impl From<StoredIntent> for Intent {
    fn from(it: StoredIntent) -> Self {
        Self {
            entries: from_names(it.entries),
            key: it.key,
            body_hash: it.body_hash.0,
            at: it.at,
            deadline: it.deadline,
            attempt: it.attempt,
        }
    }
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct StoredBudget {
    day_began: i64,
    day_used: u32,
    parked_until: i64,
    calls: u64,
    bytes: u64,
}
impl Stored for StoredBudget {}

impl From<BudgetRow> for StoredBudget {
    fn from(it: BudgetRow) -> Self {
        Self {
            day_began: it.day_began,
            day_used: it.day_used,
            parked_until: it.parked_until,
            calls: it.calls,
            bytes: it.bytes,
        }
    }
}

impl From<StoredBudget> for BudgetRow {
    fn from(it: StoredBudget) -> Self {
        Self {
            day_began: it.day_began,
            day_used: it.day_used,
            parked_until: it.parked_until,
            calls: it.calls,
            bytes: it.bytes,
        }
    }
}

/// Tally of a state, or of one cause with the cause's whole key.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct TallyRow {
    pub(super) cause: String,
    count: u64,
    money: Vec<(String, Amount)>,
}
impl Stored for TallyRow {}

impl TallyRow {
    pub(super) fn new(cause: String, tally: &Tally) -> Self {
        let money = tally
            .money
            .iter()
            .map(|(code, sum)| (code.clone(), Amount(*sum)))
            .collect();
        Self {
            cause,
            count: tally.count,
            money,
        }
    }

    pub(super) fn tally(self) -> Tally {
        let money = self
            .money
            .into_iter()
            .map(|(code, sum): (_, Amount)| (code, sum.0));
        Tally {
            count: self.count,
            money: money.collect::<std::collections::BTreeMap<_, Decimal>>(),
        }
    }
}
