//! Audit stamps: instants in UTC, with and without `Z`, with up to seven digits of a fraction.

use jiff::Timestamp;

/// Reads a stamp; without an offset it is UTC.
pub(crate) fn read(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    text.parse()
        .ok()
        .or_else(|| format!("{text}Z").parse().ok())
}

/// The form in which filters take stamps: UTC without saying so, to the millisecond.
pub(crate) fn written(stamp: Timestamp) -> String {
    stamp.strftime("%Y-%m-%dT%H:%M:%S.%3f").to_string()
}

/// FNV-1a of a text: tells apart what came from what came before.
pub(crate) fn fingerprint<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    // A byte that no UTF-8 text holds keeps the parts apart.
    let bytes = parts
        .into_iter()
        .flat_map(|it| it.bytes().chain(std::iter::once(0xff)));
    format!("{:016x}", bytes.fold(0xcbf2_9ce4_8422_2325, step))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_are_read_in_every_form_and_written_in_one() {
        let cases = [
            ("2026-02-03T04:05:06.913Z", Some("2026-02-03T04:05:06.913")),
            ("2026-02-03T04:05:06.9Z", Some("2026-02-03T04:05:06.900")),
            ("2026-02-03T04:05:06", Some("2026-02-03T04:05:06.000")),
            (
                "2017-12-05T06:54:54.9289846Z",
                Some("2017-12-05T06:54:54.928"),
            ),
            ("03/02/2026", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(read(text).map(written).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn fingerprints_keep_parts_apart() {
        assert_ne!(fingerprint(["ab", "c"]), fingerprint(["a", "bc"]));
        assert_eq!(fingerprint(["ab"]), fingerprint(["ab"]));
    }
}
