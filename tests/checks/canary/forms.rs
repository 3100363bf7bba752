//! Secrets in the forms in which a text can carry them: as they are, escaped as in an address, in
//! JSON or by Rust's `Debug`, up to two layers of it, and in base64 at any place of what was encoded.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};

/// How many layers of escapes are taken off. A log puts one around what it is given.
const LAYERS: usize = 2;

/// Secrets to look for.
pub(super) struct Needles(Vec<Vec<String>>);

impl Needles {
    pub(super) fn of<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Self {
        Self(secrets.into_iter().map(spellings).collect())
    }

    /// How many of them are in this text.
    pub(super) fn hits(&self, text: &[u8]) -> usize {
        let mut layers = vec![text.to_vec()];
        for at in 0..LAYERS {
            layers.push(unescaped(&layers[at]));
        }
        let layers: Vec<_> = layers.iter().map(|text| String::from_utf8_lossy(text)).collect();
        let is_there = |spelling: &String| layers.iter().any(|text| text.contains(spelling));
        self.0.iter().filter(|spellings| spellings.iter().any(is_there)).count()
    }
}

/// What no escape hides: the text itself, and the part of its base64 that is the same whatever is
/// encoded before and after it.
fn spellings(secret: &str) -> Vec<String> {
    let mut spellings = vec![secret.to_owned()];
    for (before, shared) in [(0, 0), (1, 2), (2, 3)] {
        let bytes = [&vec![0; before], secret.as_bytes()].concat();
        for mut text in [STANDARD_NO_PAD.encode(&bytes), URL_SAFE_NO_PAD.encode(&bytes)] {
            if bytes.len() % 3 != 0 {
                text.pop();
            }
            spellings.push(text.split_off(shared));
        }
    }
    spellings
}

/// The text without one layer of `%2F`, `\/`, `\"`, `\u002f` and `\u{2f}`.
fn unescaped(text: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&first, others)) = rest.split_first() {
        let (byte, length) = match rest {
            [b'%', high, low, ..] => (hexadecimal(&[*high, *low]), 3),
            [b'\\', b'u', b'{', high, low, b'}', ..] | [b'\\', b'u', b'0', b'0', high, low, ..] => {
                (hexadecimal(&[*high, *low]), 6)
            }
            [b'\\', byte @ (b'/' | b'"' | b'\'' | b'\\'), ..] => (Some(*byte), 2),
            _ => (None, 1),
        };
        plain.push(byte.unwrap_or(first));
        rest = if byte.is_some() { &rest[length..] } else { others };
    }
    plain
}

fn hexadecimal(digits: &[u8]) -> Option<u8> {
    u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()
}

/// The forms in which [`planted`] writes a secret.
pub(super) const FORMS: usize = 9;

/// A secret of each form, and how it is written in it: a name of which a log filter may have lines.
pub(super) fn planted() -> [(String, String); FORMS] {
    let percent = |byte: u8| format!("%{byte:02x}");
    let escaped = |secret: &str, escape: &dyn Fn(char) -> String| {
        let special = |c: char| if c.is_ascii_alphanumeric() { c.to_string() } else { escape(c) };
        secret.chars().map(special).collect::<String>()
    };
    let writes: [&dyn Fn(&str) -> String; FORMS] = [
        &ToOwned::to_owned,
        &|secret| escaped(secret, &|c| percent(c as u8)),
        &|secret| secret.bytes().map(|byte| percent(byte).to_uppercase()).collect(),
        &|secret| STANDARD_NO_PAD.encode(secret),
        &|secret| STANDARD_NO_PAD.encode(format!("u:{secret}")),
        &|secret| URL_SAFE_NO_PAD.encode(format!(":{secret}?>")),
        &|secret| escaped(secret, &|c| format!("\\{c}")).replace("\\+", "+"),
        &|secret| escaped(secret, &|c| format!("\\u{:04x}", c as u32)),
        &|secret| escaped(secret, &|c| format!("%25{:02X}", c as u32)),
    ];
    let mut number = 0;
    writes.map(|write| {
        number += 1;
        let secret = format!("Planted/{number}+5559fada/canary");
        let written = write(&secret);
        (secret, written)
    })
}
