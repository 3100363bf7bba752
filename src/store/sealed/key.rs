//! What the file is sealed with: a key, and a name for it that gives nothing away.
//!
//! Both are derived from a secret of any length, so that none is used in two ways.

use std::fmt;

use aws_lc_rs::{
    hkdf::{HKDF_SHA256, Prk, Salt},
    rand,
};
use zeroize::Zeroizing;

/// The shortest secret that is taken, in bytes, and the length of one that is made.
pub(super) const SECRET_BYTES: usize = 32;

/// The key of the file.
pub(super) struct Key {
    bytes: Zeroizing<[u8; 32]>,
    id: [u8; 16],
}

impl Key {
    pub(super) fn of(secret: &[u8]) -> Self {
        let root = Salt::new(HKDF_SHA256, b"ucsso tokens.sealed 1").extract(secret);
        let (mut bytes, mut id) = (Zeroizing::new([0; 32]), [0; 32]);
        derive(&root, b"key", &mut bytes);
        derive(&root, b"id", &mut id);
        let id = *id.first_chunk().expect("16 of 32 bytes");
        Self { bytes, id }
    }

    pub(super) fn bytes(&self) -> &[u8; 32] {
        &self.bytes
    }

    /// Tells a file of another key from one that is damaged.
    pub(super) const fn id(&self) -> &[u8; 16] {
        &self.id
    }
}

fn derive(root: &Prk, what: &[u8], into: &mut [u8; 32]) {
    let what = [what];
    let material = root.expand(&what, HKDF_SHA256).expect("one block is not too much");
    material.fill(into).expect("a block has 32 bytes");
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

/// A secret that nobody has had.
pub(super) fn new_secret() -> Zeroizing<[u8; SECRET_BYTES]> {
    let mut secret = Zeroizing::new([0; SECRET_BYTES]);
    rand::fill(&mut *secret).expect("the operating system has random numbers");
    secret
}
