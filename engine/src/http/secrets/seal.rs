//! Sealing: XChaCha20-Poly1305, with the secret's name bound in.
//!
//! Layout: version (1 byte), id of the key (4), nonce (24), ciphertext with its tag. The name is
//! associated data, so a row that was copied under another name does not open.

use chacha20poly1305::{
    KeyInit as _, XChaCha20Poly1305, XNonce,
    aead::{Aead as _, Payload},
};
use zeroize::Zeroizing;

use super::{Secret, SecretError, key_file::Keys};

const VERSION: u8 = 1;
const HEAD: usize = 1 + 4 + 24;

/// Seals with the newest key.
pub(super) fn seal(keys: &Keys, name: &str, secret: &Secret) -> Result<Vec<u8>, SecretError> {
    let failed = |why: &str| SecretError::Sealing {
        name: name.to_owned(),
        why: why.to_owned(),
    };
    let key = keys.newest().ok_or_else(|| failed("there is no key"))?;
    let mut nonce = [0_u8; 24];
    getrandom::fill(&mut nonce).map_err(|_| failed("the system has no random bytes"))?;
    let text = secret.reveal().as_bytes();
    let associated = associated(name);
    let body = XChaCha20Poly1305::new((&*key.bytes).into())
        .encrypt(
            XNonce::from_slice(&nonce),
            Payload {
                msg: text,
                aad: &associated,
            },
        )
        .map_err(|_| failed("it is too long"))?;
    let mut sealed = Vec::with_capacity(HEAD + body.len());
    sealed.push(VERSION);
    sealed.extend_from_slice(&key.id);
    sealed.extend_from_slice(&nonce);
    sealed.extend_from_slice(&body);
    Ok(sealed)
}

/// Opens with the key that sealed, whichever of the file's it was.
pub(super) fn open(keys: &Keys, name: &str, sealed: &[u8]) -> Result<Secret, SecretError> {
    let damaged = || SecretError::Sealing {
        name: name.to_owned(),
        why: "it is damaged in the store; connect again".to_owned(),
    };
    if sealed.len() < HEAD || sealed[0] != VERSION {
        return Err(damaged());
    }
    let (id, rest) = sealed[1..].split_at(4);
    let (nonce, body) = rest.split_at(24);
    let mut known = false;
    for key in keys.list.iter().filter(|key| key.id == *id) {
        known = true;
        let opened = XChaCha20Poly1305::new((&*key.bytes).into()).decrypt(
            XNonce::from_slice(nonce),
            Payload {
                msg: body,
                aad: &associated(name),
            },
        );
        if let Ok(bytes) = opened {
            let bytes = Zeroizing::new(bytes);
            let text = std::str::from_utf8(&bytes).map_err(|_| damaged())?;
            return Ok(Secret::new(text));
        }
    }
    if known {
        return Err(damaged());
    }
    Err(SecretError::WrongKey {
        name: name.to_owned(),
        path: keys.path.clone(),
    })
}

fn associated(name: &str) -> Vec<u8> {
    format!("ledgerline secret 1 {name}").into_bytes()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn keys(folder: &std::path::Path, name: &str) -> Keys {
        Keys::open(&folder.join(name)).unwrap()
    }

    #[test]
    fn what_is_sealed_opens_under_its_own_name_only() {
        let folder = tempfile::tempdir().unwrap();
        let keys = keys(folder.path(), "a");
        let sealed = seal(&keys, "tokens/acme", &Secret::new("canary")).unwrap();
        assert!(!sealed.windows(6).any(|it| it == b"canary"));
        assert_eq!(
            open(&keys, "tokens/acme", &sealed).unwrap().reveal(),
            "canary"
        );
        assert!(open(&keys, "tokens/other", &sealed).is_err());
        for at in 0..sealed.len() {
            let mut damaged = sealed.clone();
            damaged[at] ^= 1;
            assert!(open(&keys, "tokens/acme", &damaged).is_err(), "byte {at}");
            assert!(
                open(&keys, "tokens/acme", &sealed[..at]).is_err(),
                "cut at {at}"
            );
        }
    }

    #[test]
    fn an_appended_key_seals_and_the_old_one_still_opens() {
        let folder = tempfile::tempdir().unwrap();
        let old = keys(folder.path(), "a");
        keys(folder.path(), "b");
        let sealed = seal(&old, "x", &Secret::new("canary")).unwrap();
        let both = format!(
            "# first\n{}# second\n{}",
            fs::read_to_string(folder.path().join("a")).unwrap(),
            fs::read_to_string(folder.path().join("b")).unwrap()
        );
        fs::write(folder.path().join("a"), both).unwrap();
        let both = keys(folder.path(), "a");
        assert_eq!(open(&both, "x", &sealed).unwrap().reveal(), "canary");
        let newer = seal(&both, "x", &Secret::new("canary")).unwrap();
        assert_ne!(newer[1..5], sealed[1..5]);
        assert_eq!(
            open(&keys(folder.path(), "b"), "x", &newer)
                .unwrap()
                .reveal(),
            "canary"
        );
    }

    #[test]
    fn another_key_file_is_named_with_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let sealed = seal(&keys(folder.path(), "a"), "tokens/acme", &Secret::new("c")).unwrap();
        let error = open(&keys(folder.path(), "b"), "tokens/acme", &sealed)
            .err()
            .unwrap();
        assert_eq!(
            error.to_string(),
            format!(
                "the key that sealed `tokens/acme` is not in {}; put it back or connect again",
                folder.path().join("b").display()
            )
        );
    }
}
