//! A short hash of what a value means: field order and the writing of numbers do not change it.

use sha2::{Digest, Sha256};

use super::Value;

impl Value {
    /// Equal for equal values. Changing what goes in here makes every linked document look changed
    /// once, so it never changes.
    pub fn fingerprint(&self) -> [u8; 16] {
        let mut hash = Sha256::new();
        feed(self, &mut hash);
        let mut short = [0; 16];
        short.copy_from_slice(&hash.finalize()[..16]);
        short
    }
}

fn feed(value: &Value, hash: &mut Sha256) {
    match value {
        Value::Null => hash.update([0]),
        Value::Bool(it) => hash.update([1, u8::from(*it)]),
        Value::Num(it) => {
            let normal = it.normal();
            hash.update([2, u8::from(normal.negative)]);
            hash.update(normal.exponent.to_be_bytes());
            feed_text(&normal.digits, hash);
        }
        Value::Str(it) => {
            hash.update([3]);
            feed_text(it, hash);
        }
        Value::Arr(it) => {
            hash.update([4]);
            hash.update((it.items().len() as u64).to_be_bytes());
            it.items().iter().for_each(|it| feed(it, hash));
        }
        Value::Obj(it) => {
            hash.update([5]);
            hash.update((it.len() as u64).to_be_bytes());
            let mut fields: Vec<_> = it.iter().collect();
            fields.sort_by_key(|(l, _)| *l);
            for (name, field) in fields {
                feed_text(name, hash);
                feed(field, hash);
            }
        }
    }
}

fn feed_text(text: &str, hash: &mut Sha256) {
    hash.update((text.len() as u64).to_be_bytes());
    hash.update(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn meaning_decides() {
        let print = |json: &str| Value::parse(json.as_bytes()).map(|it| it.fingerprint());
        let same = [
            (r#"{"a":1,"b":[2]}"#, r#"{ "b": [2.00], "a": 1.0 }"#),
            ("1e2", "100"),
            ("-0", "0.00"),
            ("10e399", "1e400"),
        ];
        for (l, r) in same {
            assert_eq!(print(l), print(r), "{l} and {r}");
        }
        let different = [
            ("[1,2]", "[2,1]"),
            (r#"["ab","c"]"#, r#"["a","bc"]"#),
            (r#"{"a":null}"#, "{}"),
            ("1", "\"1\""),
            ("1", "-1"),
            ("[]", "{}"),
        ];
        for (l, r) in different {
            assert_ne!(print(l), print(r), "{l} and {r}");
        }
    }

    #[test]
    fn the_fingerprint_of_a_stored_document_stays() {
        let it = Value::parse(br#"{"Total":"x","Lines":[{"Amount":12.10}],"Sent":false}"#);
        let hex = it.map(|it| data_encoding::HEXLOWER.encode(&it.fingerprint()));
        assert_eq!(hex.as_deref(), Ok("640afc42a41327a6aef8869237302b41"));
    }
}
