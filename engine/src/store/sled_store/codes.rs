//! How single values are stored: as small numbers in rows, as words in an export.
//!
//! The numbers are written down here and nowhere else. They do not follow the order of the enums, so
//! that a variant can be added anywhere without old rows changing their meaning.

use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};
use jiff::civil::Date;
use ledgerline_plugin_api::manifest::{Category, HeldState};
use rust_decimal::Decimal;
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error as _, Visitor},
};

use crate::store::State;

/// A value with a number for rows and a word for exports.
pub(super) trait Code: Copy + 'static {
    const ALL: &'static [Self];
    fn code(self) -> u8;
    fn word(self) -> String;
}

impl Code for State {
    const ALL: &'static [Self] = &State::ALL;
    fn code(self) -> u8 {
        self as u8
    }
    fn word(self) -> String {
        self.name().to_owned()
    }
}

/// The kebab-case name that serde gives the variant.
fn word_of(value: impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

impl Code for HeldState {
    const ALL: &'static [Self] = &[
        Self::Draft,
        Self::AwaitingApproval,
        Self::Approved,
        Self::Paid,
        Self::Voided,
        Self::Deleted,
        Self::Active,
        Self::Archived,
    ];
    /// From 1: 0 stands for "not known" in the keys of totals.
    fn code(self) -> u8 {
        match self {
            Self::Draft => 1,
            Self::AwaitingApproval => 2,
            Self::Approved => 3,
            Self::Paid => 4,
            Self::Voided => 5,
            Self::Deleted => 6,
            Self::Active => 7,
            Self::Archived => 8,
        }
    }
    fn word(self) -> String {
        word_of(self)
    }
}

impl Code for Category {
    const ALL: &'static [Self] = &[
        Self::SourceData,
        Self::Contact,
        Self::Mapping,
        Self::Amount,
        Self::LockedPeriod,
        Self::Duplicate,
        Self::DocumentState,
        Self::Permission,
        Self::Connection,
        Self::Ownership,
        Self::FollowUp,
        Self::Passing,
        Self::Defect,
        Self::Unknown,
    ];
    fn code(self) -> u8 {
        match self {
            Self::SourceData => 1,
            Self::Contact => 2,
            Self::Mapping => 3,
            Self::Amount => 4,
            Self::LockedPeriod => 5,
            Self::Duplicate => 6,
            Self::DocumentState => 7,
            Self::Permission => 8,
            Self::Connection => 9,
            Self::Ownership => 10,
            Self::FollowUp => 11,
            Self::Passing => 12,
            Self::Defect => 13,
            Self::Unknown => 14,
        }
    }
    fn word(self) -> String {
        word_of(self)
    }
}

/// The held state behind a code in a key of a total; `None` for 0.
pub(super) fn held_of(code: u8) -> Option<HeldState> {
    HeldState::ALL.iter().copied().find(|it| it.code() == code)
}

/// Stores `T` by its [`Code`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Coded<T>(pub(super) T);

impl<T: Code> Serialize for Coded<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        if to.is_human_readable() {
            to.serialize_str(&self.0.word())
        } else {
            to.serialize_u8(self.0.code())
        }
    }
}

impl<'de, T: Code> Deserialize<'de> for Coded<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let found = if from.is_human_readable() {
            let word = String::deserialize(from)?;
            T::ALL.iter().copied().find(|it| it.word() == word)
        } else {
            let code = u8::deserialize(from)?;
            T::ALL.iter().copied().find(|it| it.code() == code)
        };
        found
            .map(Self)
            .ok_or_else(|| D::Error::custom("no such state or category"))
    }
}

/// An exact decimal: mantissa and scale in rows, text in exports.
#[derive(Debug, Clone, Copy)]
pub(super) struct Amount(pub(super) Decimal);

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        if to.is_human_readable() {
            to.collect_str(&self.0)
        } else {
            (self.0.mantissa(), self.0.scale()).serialize(to)
        }
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let read = if from.is_human_readable() {
            Decimal::from_str_exact(&String::deserialize(from)?)
        } else {
            let (mantissa, scale) = <(i128, u32)>::deserialize(from)?;
            Decimal::try_from_i128_with_scale(mantissa, scale)
        };
        read.map(Self).map_err(D::Error::custom)
    }
}

/// A calendar date: three small numbers in rows, ISO text in exports.
#[derive(Debug, Clone, Copy)]
pub(super) struct Day(pub(super) Date);

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        if to.is_human_readable() {
            to.collect_str(&self.0)
        } else {
            (self.0.year(), self.0.month(), self.0.day()).serialize(to)
        }
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let read = if from.is_human_readable() {
            String::deserialize(from)?.parse()
        } else {
            let (year, month, day) = <(i16, i8, i8)>::deserialize(from)?;
            Date::new(year, month, day)
        };
        read.map(Self).map_err(D::Error::custom)
    }
}

/// Bytes: as they are in rows; in exports text when they are text, else base64 behind a mark.
#[derive(Debug, Clone, Default)]
pub(super) struct Blob(pub(super) Vec<u8>);

/// Begins an exported value that is not text. No JSON begins like this, and text that does is
/// exported as base64 too.
const BASE64: &str = "base64:";

impl Serialize for Blob {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        use base64::{Engine as _, engine::general_purpose::STANDARD};
        if !to.is_human_readable() {
            return to.serialize_bytes(&self.0);
        }
        match std::str::from_utf8(&self.0) {
            Ok(text) if !text.starts_with(BASE64) => to.serialize_str(text),
            _ => to.collect_str(&format_args!("{BASE64}{}", STANDARD.encode(&self.0))),
        }
    }
}

impl<'de> Deserialize<'de> for Blob {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        use base64::{Engine as _, engine::general_purpose::STANDARD};
        if !from.is_human_readable() {
            return from.deserialize_byte_buf(Bytes).map(Self);
        }
        let text = String::deserialize(from)?;
        match text.strip_prefix(BASE64) {
            Some(encoded) => STANDARD.decode(encoded).map(Self).map_err(D::Error::custom),
            None => Ok(Self(text.into_bytes())),
        }
    }
}

/// A hash: bytes in rows, hexadecimal in exports.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hash<const N: usize>(pub(super) [u8; N]);

impl<const N: usize> Serialize for Hash<N> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        if to.is_human_readable() {
            to.serialize_str(&HEXLOWER.encode(&self.0))
        } else {
            to.serialize_bytes(&self.0)
        }
    }
}

impl<'de, const N: usize> Deserialize<'de> for Hash<N> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let bytes = if from.is_human_readable() {
            let text = String::deserialize(from)?;
            HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok()
        } else {
            Some(from.deserialize_byte_buf(Bytes)?)
        };
        let exact = bytes.and_then(|it| <[u8; N]>::try_from(it).ok());
        exact
            .map(Self)
            .ok_or_else(|| D::Error::custom(format_args!("not a hash of {N} bytes")))
    }
}

struct Bytes;

impl Visitor<'_> for Bytes {
    type Value = Vec<u8>;
    fn expecting(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.write_str("bytes")
    }
    fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
        Ok(bytes.to_vec())
    }
    fn visit_byte_buf<E: serde::de::Error>(self, bytes: Vec<u8>) -> Result<Vec<u8>, E> {
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::store::sled_store::keys::state_of;

    fn codes<T: Code + std::fmt::Debug>() -> Vec<(u8, String)> {
        let all: Vec<_> = T::ALL.iter().map(|it| (it.code(), it.word())).collect();
        let codes: BTreeSet<_> = all.iter().map(|it| it.0).collect();
        let words: BTreeSet<_> = all.iter().map(|it| &it.1).collect();
        assert_eq!((codes.len(), words.len()), (all.len(), all.len()));
        all
    }

    #[test]
    fn codes_are_for_ever() {
        // These pairs are on people's disks: lines may be added, none may change.
        expect_test::expect![[r#"
            states 0 pending, 1 waiting, 2 sending, 3 uncertain, 4 synced, 5 failed, 6 warning, 7 skipped, 8 excluded
            held 1 draft, 2 awaiting-approval, 3 approved, 4 paid, 5 voided, 6 deleted, 7 active, 8 archived
            categories 1 source-data, 2 contact, 3 mapping, 4 amount, 5 locked-period, 6 duplicate, 7 document-state, 8 permission, 9 connection, 10 ownership, 11 follow-up, 12 passing, 13 defect, 14 unknown
        "#]]
        .assert_eq(&format!(
            "states {}\nheld {}\ncategories {}\n",
            line(codes::<State>()),
            line(codes::<HeldState>()),
            line(codes::<Category>())
        ));
        for state in State::ALL {
            assert_eq!(state_of(state.code()), Some(state));
        }
    }

    fn line(all: Vec<(u8, String)>) -> String {
        all.iter()
            .map(|(code, word)| format!("{code} {word}"))
            .collect::<Vec<_>>()
            .join(", ")
    }

    #[test]
    fn values_come_back_from_rows_and_exports() {
        for text in [
            "0",
            "-12.10",
            "79228162514264337593543950335",
            "0.0000000000000000000000000001",
        ] {
            let amount = Amount(text.parse().unwrap());
            let row = postcard::to_stdvec(&amount).unwrap();
            let json = serde_json::to_string(&amount).unwrap();
            assert_eq!(json, format!("\"{text}\""));
            let back: [Amount; 2] = [
                postcard::from_bytes(&row).unwrap(),
                serde_json::from_str(&json).unwrap(),
            ];
            for it in back {
                assert_eq!((it.0, it.0.scale()), (amount.0, amount.0.scale()), "{text}");
            }
        }
        for bytes in [&b"{\"a\":1}"[..], b"", b"\xff\0", b"base64:x"] {
            let json = serde_json::to_string(&Blob(bytes.to_vec())).unwrap();
            assert_eq!(
                serde_json::from_str::<Blob>(&json).unwrap().0,
                bytes,
                "{json}"
            );
            let row = postcard::to_stdvec(&Blob(bytes.to_vec())).unwrap();
            assert_eq!(postcard::from_bytes::<Blob>(&row).unwrap().0, bytes);
        }
        let hash = Hash([0, 0xaf, 0xff]);
        let json = serde_json::to_string(&hash).unwrap();
        assert_eq!(json, "\"00afff\"");
        assert_eq!(serde_json::from_str::<Hash<3>>(&json).unwrap().0, hash.0);
        let row = postcard::to_stdvec(&hash).unwrap();
        assert_eq!(postcard::from_bytes::<Hash<3>>(&row).unwrap().0, hash.0);
    }

    #[test]
    fn garbage_is_an_error() {
        assert!(postcard::from_bytes::<Coded<State>>(&[9]).is_err());
        assert!(postcard::from_bytes::<Coded<HeldState>>(&[0]).is_err());
        assert!(postcard::from_bytes::<Day>(&[0, 13, 40]).is_err());
        assert!(serde_json::from_str::<Amount>("\"12,10\"").is_err());
        for text in ["\"0\"", "\"zz\"", "\"\"", "\"é\"", "\"000102\""] {
            assert!(serde_json::from_str::<Hash<2>>(text).is_err(), "{text}");
        }
        assert!(serde_json::from_str::<Blob>("\"base64:?\"").is_err());
    }
}
