//! The form of the file: a head that says what it is, and behind it what only the key opens.
//!
//! | bytes | what |
//! | --- | --- |
//! | 8 | `ucssotok` |
//! | 2 | the version |
//! | 16 | which key it was sealed with |
//! | 4 | how long what is sealed is, with its tag |
//! | 12 | the nonce |
//! | rest | what is sealed: AES-256-GCM-SIV (RFC 8452), whose tag is over the head, user and machine too |
//!
//! Numbers are big-endian. Knows nothing of what is sealed.

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use zeroize::Zeroizing;

use super::{binding::Binding, key::Key};

const MAGIC: [u8; 8] = *b"ucssotok";

/// The version that this program reads and writes.
pub(super) const VERSION: u16 = 1;

/// What stands before the nonce.
const HEAD_BYTES: usize = 8 + 2 + 16 + 4;

/// Why a file does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Flaw {
    /// It is not what was written.
    #[error("it is damaged")]
    Damaged,
    /// Another version of this program wrote it.
    #[error("it is of version {0}, and this program knows {VERSION}")]
    OtherVersion(u16),
    /// It was sealed with a key that is not at hand.
    #[error("it was sealed with another key")]
    OtherKey,
}

/// Seals bytes for a user of a machine.
pub(super) fn seal(plain: &[u8], key: &Key, binding: &Binding) -> Vec<u8> {
    let cipher = cipher(key);
    let length = plain.len() + cipher.algorithm().tag_len();
    let head = head(key, u32::try_from(length).expect("what is sealed is small"));
    // No copy of what is sealed is left where it was, for it is encrypted in this place.
    let mut sealed = Zeroizing::new(Vec::with_capacity(length));
    sealed.extend_from_slice(plain);
    let nonce = cipher
        .seal_in_place_append_tag(aad(&head, binding), &mut *sealed)
        .expect("there are random numbers, and what is sealed is small");
    [&head, nonce.as_ref().as_slice(), &sealed].concat()
}

/// Opens what was sealed for this user on this machine, with this key.
pub(super) fn open(file: &[u8], key: &Key, binding: &Binding) -> Result<Zeroizing<Vec<u8>>, Flaw> {
    let (head, rest) = file.split_first_chunk::<HEAD_BYTES>().ok_or(Flaw::Damaged)?;
    let (nonce, sealed) = rest.split_first_chunk::<NONCE_LEN>().ok_or(Flaw::Damaged)?;
    if head[..8] != MAGIC {
        return Err(Flaw::Damaged);
    }
    let version = u16::from_be_bytes([head[8], head[9]]);
    if version != VERSION {
        return Err(Flaw::OtherVersion(version));
    }
    if head[10..26] != *key.id() {
        return Err(Flaw::OtherKey);
    }
    let length = u32::try_from(sealed.len()).map_err(|_| Flaw::Damaged)?;
    if head[26..] != length.to_be_bytes() {
        return Err(Flaw::Damaged);
    }
    let mut sealed = Zeroizing::new(sealed.to_vec());
    let nonce = Nonce::from(nonce);
    let opened = cipher(key).open_in_place(nonce, aad(head, binding), &mut sealed);
    let length = opened.map_err(|_| Flaw::Damaged)?.len();
    sealed.truncate(length);
    Ok(sealed)
}

fn cipher(key: &Key) -> RandomizedNonceKey {
    RandomizedNonceKey::new(&AES_256_GCM_SIV, key.bytes()).expect("the key has 32 bytes")
}

fn head(key: &Key, length: u32) -> [u8; HEAD_BYTES] {
    let parts = [&MAGIC[..], &VERSION.to_be_bytes(), key.id(), &length.to_be_bytes()];
    parts.concat().try_into().expect("the parts are as long as the head")
}

fn aad(head: &[u8; HEAD_BYTES], binding: &Binding) -> Aad<[u8; HEAD_BYTES + 20]> {
    let mut bytes = [0; HEAD_BYTES + 20];
    bytes[..HEAD_BYTES].copy_from_slice(head);
    bytes[HEAD_BYTES..].copy_from_slice(&binding.bytes());
    Aad::from(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: &[u8] = b"canary-5559fada, and some more of it";
    const HERE: Binding = Binding::new(1000, [7; 16]);

    fn key() -> Key {
        Key::of(&[1; 32])
    }

    #[test]
    fn what_was_sealed_opens_and_does_not_show() {
        let file = seal(PLAIN, &key(), &HERE);

        assert_eq!(**open(&file, &key(), &HERE).unwrap(), *PLAIN);
        assert!(!file.windows(8).any(|part| part == &PLAIN[..8]));
        assert_ne!(file, seal(PLAIN, &key(), &HERE), "no nonce is used twice");
        assert_eq!(**open(&seal(b"", &key(), &HERE), &key(), &HERE).unwrap(), *b"");
    }

    #[test]
    fn it_opens_for_nobody_else_and_nowhere_else() {
        let file = seal(PLAIN, &key(), &HERE);

        for other in [Binding::new(1001, [7; 16]), Binding::new(1000, [8; 16])] {
            assert_eq!(open(&file, &key(), &other).err(), Some(Flaw::Damaged));
        }
        assert_eq!(open(&file, &Key::of(&[2; 32]), &HERE).err(), Some(Flaw::OtherKey));
        assert_eq!(open(&file, &Key::of(&[1; 33]), &HERE).err(), Some(Flaw::OtherKey));
    }

    #[test]
    fn whatever_bit_is_flipped_it_is_refused() {
        let file = seal(PLAIN, &key(), &HERE);
        for at in 0..file.len() {
            for bit in 0..8 {
                let mut other = file.clone();
                other[at] ^= 1 << bit;

                let flaw = open(&other, &key(), &HERE).err();

                assert_eq!(
                    flaw,
                    Some(match at {
                        8 | 9 => Flaw::OtherVersion(u16::from_be_bytes([other[8], other[9]])),
                        10..26 => Flaw::OtherKey,
                        _ => Flaw::Damaged,
                    }),
                    "bit {bit} of byte {at}"
                );
            }
        }
    }

    #[test]
    fn half_of_it_is_refused_and_so_is_more_than_all() {
        let file = seal(PLAIN, &key(), &HERE);
        for length in 0..file.len() {
            assert_eq!(open(&file[..length], &key(), &HERE).err(), Some(Flaw::Damaged), "{length}");
        }
        let more = [&file[..], b"{\"tail\":\"of a longer file\"}"].concat();
        assert_eq!(open(&more, &key(), &HERE).err(), Some(Flaw::Damaged));
    }
}
