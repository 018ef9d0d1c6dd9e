//! Changes input in ways that get past the first check: words of the format, numbers at the edge,
//! pieces taken out, doubled, moved or taken from other input. The fuzzer mixes these with its own.

use std::ops::Range;

use fastrand::Rng;

/// What stands well where a number or a word stood.
const ODD: &[&str] = &[
    "",
    "0",
    "-0",
    "1",
    "-1",
    "127",
    "255",
    "256",
    "65535",
    "65536",
    "2147483647",
    "-2147483648",
    "4294967295",
    "9223372036854775807",
    "-9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "1e9",
    "1e-9",
    "1e999",
    "0.1",
    "null",
    "true",
    "false",
    "[]",
    "{}",
    "\"\"",
    "\"a\"",
    "NaN",
    "2026-02-30",
    "9999-12-31T23:59:60Z",
    "\u{0}",
    "\u{fffd}",
    "é",
    "💶",
    "../..",
    "%00",
    "\\",
    "\"",
    "\n",
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
];

/// Changes `data` once to a few times; the result is no longer than `longest`.
pub fn mutate(data: &mut Vec<u8>, other: &[u8], words: &[&str], longest: usize, chance: &mut Rng) {
    for _ in 0..=chance.usize(..4) {
        once(data, other, words, chance);
    }
    data.truncate(longest);
}

fn once(data: &mut Vec<u8>, other: &[u8], words: &[&str], chance: &mut Rng) {
    let word = |chance: &mut Rng| {
        let from = if words.is_empty() || chance.bool() {
            ODD
        } else {
            words
        };
        chance.choice(from).copied().unwrap_or_default().as_bytes()
    };
    match chance.u8(..12) {
        // A token becomes another one.
        0..=2 => {
            let at = token(data, chance);
            data.splice(at, word(chance).iter().copied());
        }
        3 => {
            let at = chance.usize(..=data.len());
            data.splice(at..at, word(chance).iter().copied());
        }
        // A token becomes one of the other input.
        4 if !other.is_empty() => {
            let (at, from) = (token(data, chance), token(other, chance));
            data.splice(at, other[from].iter().copied());
        }
        // What stands between brackets is taken out, doubled, nested or replaced by the other's.
        5 => {
            let at = group(data, chance);
            data.drain(at);
        }
        6 => {
            let at = group(data, chance);
            let piece = data[at.clone()].to_vec();
            let times = 1 + chance.usize(..3);
            let comma = if chance.bool() { &b","[..] } else { b"" };
            let more = (0..times).flat_map(|_| [comma, &piece[..]].concat());
            let more: Vec<u8> = more.collect();
            data.splice(at.end..at.end, more);
        }
        7 => {
            let at = group(data, chance);
            let (open, close) = *chance
                .choice(&[("[", "]"), ("{\"a\":", "}"), ("(", ")")][..])
                .unwrap_or(&("[", "]"));
            let deep = 1 << chance.usize(..9);
            data.splice(at.end..at.end, close.repeat(deep).bytes());
            data.splice(at.start..at.start, open.repeat(deep).bytes());
        }
        8 if !other.is_empty() => {
            let (at, from) = (group(data, chance), group(other, chance));
            data.splice(at, other[from].iter().copied());
        }
        // Bytes without any sense.
        9 => {
            if let Some(byte) = pick(data, chance) {
                *byte ^= 1 << chance.u8(..8);
            }
        }
        10 => {
            if let Some(byte) = pick(data, chance) {
                *byte = chance.u8(..);
            }
        }
        _ => {
            let from = chance.usize(..=data.len());
            let to = (from + chance.usize(..32)).min(data.len());
            data.drain(from..to);
        }
    }
}

fn pick<'d>(data: &'d mut [u8], chance: &mut Rng) -> Option<&'d mut u8> {
    if data.is_empty() {
        return None;
    }
    let at = chance.usize(..data.len());
    data.get_mut(at)
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'+' | b'$') || byte >= 128
}

/// A run of letters and digits near some place.
fn token(data: &[u8], chance: &mut Rng) -> Range<usize> {
    if data.is_empty() {
        return 0..0;
    }
    let from = chance.usize(..data.len());
    let Some(skip) = data[from..].iter().position(|it| is_word(*it)) else {
        return data.len()..data.len();
    };
    let at = from + skip;
    let before = data[..at]
        .iter()
        .rev()
        .take_while(|it| is_word(**it))
        .count();
    let after = data[at..].iter().take_while(|it| is_word(**it)).count();
    at - before..at + after
}

/// What stands between a bracket and its counterpart, or a line.
fn group(data: &[u8], chance: &mut Rng) -> Range<usize> {
    if data.is_empty() {
        return 0..0;
    }
    let from = chance.usize(..data.len());
    let opens = |it: &u8| matches!(it, b'{' | b'[' | b'(');
    let closes = |it: &u8| matches!(it, b'}' | b']' | b')');
    if chance.u8(..4) > 0
        && let Some(skip) = data[from..].iter().position(opens)
    {
        let start = from + skip;
        let mut deep = 0_usize;
        for (at, byte) in data[start..].iter().enumerate() {
            if opens(byte) {
                deep += 1;
            } else if closes(byte) {
                deep -= 1;
                if deep == 0 {
                    return start..start + at + 1;
                }
            }
        }
    }
    let start = data[..from]
        .iter()
        .rposition(|it| *it == b'\n')
        .map_or(0, |it| it + 1);
    let end = data[from..].iter().position(|it| *it == b'\n');
    start..end.map_or(data.len(), |it| from + it + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_changes_and_they_differ() {
        let good = br#"{"a":[1,2,{"b":"c"}],"d":null}"#;
        let changed = |seed| {
            let mut data = good.to_vec();
            mutate(&mut data, good, &["x"], 4096, &mut Rng::with_seed(seed));
            data
        };
        let all: std::collections::BTreeSet<Vec<u8>> = (0..500).map(changed).collect();
        assert!(all.len() > 400, "{}", all.len());
        assert_eq!(changed(7), changed(7));
        mutate(&mut Vec::new(), b"", &[], 9, &mut Rng::with_seed(1));
    }
}
