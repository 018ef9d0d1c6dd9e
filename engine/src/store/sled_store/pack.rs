//! Rows of some size are kept packed: documents and bodies are JSON, of which a third remains.
//!
//! What is packed is everything after the version byte, whose highest bit tells it, with the length that
//! it unpacks to before it. Engines that do not know of it take such a row for one of a newer engine.

use std::borrow::Cow;

use lz4_flex::block::{compress_into, decompress_into, get_maximum_output_size};

/// Rows below this are small enough.
const LEAST: usize = 256;
/// The bit of the version byte.
const PACKED: u8 = 0x80;
/// Bytes of the length.
const LENGTH: usize = 4;
/// LZ4 unpacks a byte to no more than so many.
const WIDEST: usize = 255;

/// A row as it is kept.
pub(super) fn packed(row: Vec<u8>) -> Vec<u8> {
    let Some((&version, body)) = row.split_first() else {
        return row;
    };
    let Ok(length) = u32::try_from(body.len()) else {
        return row;
    };
    if body.len() < LEAST {
        return row;
    }
    let begin = 1 + LENGTH;
    let mut kept = vec![0; begin + get_maximum_output_size(body.len())];
    kept[0] = version | PACKED;
    kept[1..begin].copy_from_slice(&length.to_le_bytes());
    match compress_into(body, &mut kept[begin..]) {
        Ok(end) if begin + end < row.len() => {
            kept.truncate(begin + end);
            kept.shrink_to_fit();
            kept
        }
        _ => row,
    }
}

/// Version and body of a row.
type Unpacked<'r> = (u8, Cow<'r, [u8]>);

/// What a kept row holds; `None` when there is nothing.
pub(super) fn unpacked(row: &[u8]) -> Option<Result<Unpacked<'_>, String>> {
    let (&version, body) = row.split_first()?;
    if version & PACKED == 0 {
        return Some(Ok((version, Cow::Borrowed(body))));
    }
    let whole = body
        .split_first_chunk::<LENGTH>()
        .ok_or_else(|| "it ends within its length".to_owned())
        .and_then(|(length, body)| {
            let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
            // Before the memory is taken: no row unpacks to that.
            if length > body.len().saturating_mul(WIDEST) {
                return Err(format!("{} bytes cannot hold {length}", body.len()));
            }
            let mut whole = vec![0; length];
            match decompress_into(body, &mut whole) {
                Ok(it) if it == length => Ok(whole),
                Ok(it) => Err(format!("it unpacks to {it} bytes instead of {length}")),
                Err(why) => Err(format!("it cannot be unpacked: {why}")),
            }
        });
    Some(whole.map(|it| (version & !PACKED, Cow::Owned(it))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back_as_they_were() {
        let mut random = fastrand::Rng::with_seed(7);
        let noise: Vec<u8> = (0..5_000).map(|_| random.u8(..)).collect();
        let text = br#"{"id": 1, "name": "Mug", "qty": 2, "unitPrice": 12.50},"#.repeat(60);
        let rows = [Vec::new(), vec![1; LEAST], vec![1; LEAST + 1], noise, text];
        let lengths = rows.map(|body| {
            let row = [&[3], &body[..]].concat();
            let kept = packed(row.clone());
            let (version, again) = unpacked(&kept).unwrap().unwrap();
            assert_eq!((version, &again[..]), (3, &body[..]));
            (row.len(), kept.len())
        });
        assert_eq!(lengths[0], (1, 1));
        assert!(lengths[2].1 < 20, "{lengths:?}");
        assert_eq!(lengths[3], (5_001, 5_001));
        assert!(lengths[4].1 * 10 < lengths[4].0, "{lengths:?}");
    }

    #[test]
    fn a_damaged_row_takes_no_memory_and_says_what_is_wrong() {
        let wrong = |row: &[u8]| unpacked(row).unwrap().unwrap_err();
        assert!(unpacked(&[]).is_none());
        assert_eq!(wrong(&[0x81, 1, 2]), "it ends within its length");
        assert_eq!(
            wrong(&[0x81, 0xff, 0xff, 0xff, 0xff, 1, 2]),
            "2 bytes cannot hold 4294967295"
        );
        let mut row = packed([&[1_u8][..], &[7; 1_000]].concat());
        row[1] -= 1;
        assert!(wrong(&row).contains("unpack"), "{}", wrong(&row));
        row.truncate(row.len() - 1);
        assert!(wrong(&row).contains("unpack"), "{}", wrong(&row));
    }
}
