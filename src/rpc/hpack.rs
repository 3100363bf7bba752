//! As much of HPACK (RFC 7541) as it takes to change `%` and `/` into `-` in the value of
//! `:authority`, in place. Keeps no table and no state: see `authority` for why that is enough.

/// Walks through a header block and changes the values of `:authority`.
pub(super) fn make_harmless(block: &mut [u8]) {
    let mut at = 0;
    // Leaves at the first thing that makes no sense.
    let _ = (|| {
        while at < block.len() {
            let first = block[at];
            // RFC 7541 6.1, 6.3: indexed field, and change of the table's size.
            if first & 0x80 != 0 || first & 0xe0 == 0x20 {
                integer(block, &mut at, if first & 0x80 != 0 { 7 } else { 5 })?;
                continue;
            }
            // RFC 7541 6.2: literal fields, of which the first kind is kept in the table.
            let name = integer(block, &mut at, if first & 0x40 != 0 { 6 } else { 4 })?;
            let authority = match name {
                0 => string(block, &mut at)?.is_authority(block),
                place => place == AUTHORITY,
            };
            let value = string(block, &mut at)?;
            if authority {
                value.replace(block);
            }
        }
        Some(())
    })();
}

/// The place of `:authority` in the static table (RFC 7541 appendix A).
const AUTHORITY: usize = 1;
/// Its name where it is written out, as gRPC's C core does, and the same in the Huffman code.
const AUTHORITY_NAME: &[u8] = b":authority";
const AUTHORITY_IN_HUFFMAN: &[u8] = b"\xb8\x3b\x53\x39\xec\x32\x7d\x7f";

/// Where a string is, and how it is written.
struct StringAt {
    start: usize,
    end: usize,
    huffman: bool,
}

/// Reads an integer (RFC 7541 5.1) whose first byte has so many bits for it.
fn integer(block: &[u8], at: &mut usize, bits: u32) -> Option<usize> {
    let most = (1usize << bits) - 1;
    let mut value = usize::from(*block.get(*at)?) & most;
    *at += 1;
    if value < most {
        return Some(value);
    }
    for shift in [0, 7, 14] {
        let byte = usize::from(*block.get(*at)?);
        *at += 1;
        value += (byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// Reads past a string (RFC 7541 5.2).
fn string(block: &[u8], at: &mut usize) -> Option<StringAt> {
    let huffman = block.get(*at)? & 0x80 != 0;
    let len = integer(block, at, 7)?;
    let (start, end) = (*at, at.checked_add(len)?);
    *at = end;
    (end <= block.len()).then_some(StringAt { start, end, huffman })
}

impl StringAt {
    fn is_authority(&self, block: &[u8]) -> bool {
        let name = if self.huffman { AUTHORITY_IN_HUFFMAN } else { AUTHORITY_NAME };
        block[self.start..self.end] == *name
    }

    fn replace(&self, block: &mut [u8]) {
        let text = &mut block[self.start..self.end];
        if self.huffman {
            replace_in_huffman(text);
        } else {
            for byte in text.iter_mut().filter(|byte| matches!(byte, b'%' | b'/')) {
                *byte = b'-';
            }
        }
    }
}

/// How many codes of the Huffman code (RFC 7541 appendix B) have 5, 6, 7 and 8 bits. The code is
/// canonical, so this is all it takes to find the ends of the codes; longer ones do not occur in
/// what is written in paths.
const CODES: [(u32, u32); 4] = [(5, 10), (6, 26), (7, 32), (8, 6)];
const HUFFMAN_PERCENT: u32 = 0x15;
const HUFFMAN_MINUS: u32 = 0x16;
const HUFFMAN_SLASH: u32 = 0x18;

fn replace_in_huffman(text: &mut [u8]) {
    let mut at = 0;
    'codes: while at < text.len() * 8 {
        let mut first_code = 0;
        for (bits, count) in CODES {
            first_code <<= 1;
            let Some(code) = bits_at(text, at, bits) else { return };
            if code < first_code + count {
                if bits == 6 && matches!(code, HUFFMAN_PERCENT | HUFFMAN_SLASH) {
                    set_bits(text, at, bits, HUFFMAN_MINUS);
                }
                at += bits as usize;
                continue 'codes;
            }
            first_code += count;
        }
        return;
    }
}

fn bits_at(text: &[u8], at: usize, bits: u32) -> Option<u32> {
    (at..at + bits as usize).try_fold(0, |code, bit| {
        let byte = u32::from(*text.get(bit / 8)?);
        Some(code << 1 | byte >> (7 - bit % 8) & 1)
    })
}

fn set_bits(text: &mut [u8], at: usize, bits: u32, code: u32) {
    for (n, bit) in (at..at + bits as usize).rev().enumerate() {
        let mask = 1u8 << (7 - bit % 8);
        if code >> n & 1 == 1 {
            text[bit / 8] |= mask;
        } else {
            text[bit / 8] &= !mask;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn changed(block: &[u8]) -> Vec<u8> {
        let mut block = block.to_vec();
        make_harmless(&mut block);
        block
    }

    #[test]
    fn only_the_authority_is_changed_in_every_kind_of_field() {
        for (field, kind) in [(0x41, "kept"), (0x01, "not kept"), (0x11, "never kept")] {
            assert_eq!(changed(&[field, 2, b'%', b'/']), [field, 2, b'-', b'-'], "{kind}");
        }
        for other in [&b"\x44\x02%/"[..], b"\x40\x01%\x02%/", b"\x00\x01%\x02%/"] {
            assert_eq!(changed(other), other);
        }
    }

    #[test]
    fn the_name_may_be_written_out() {
        let plain = b"\x40\x0a:authority\x0ctmp%2Fx.sock";
        let huffman = [&[0x40, 0x80 | 8], AUTHORITY_IN_HUFFMAN, b"\x02/%"].concat();

        assert_eq!(AUTHORITY_IN_HUFFMAN.len(), 8);
        assert!(changed(plain).ends_with(b"tmp-2Fx.sock"));
        assert!(changed(&huffman).ends_with(b"--"));
    }

    #[test]
    fn what_comes_before_the_authority_is_stepped_over() {
        let mut long = vec![0x44, 0x7f, 0x01];
        long.extend([b'%'; 128]);
        long.extend(b"\x41\x01%");

        assert!(changed(&long).ends_with(b"%%\x41\x01-"));
        assert_eq!(changed(b"\x3f\x01\xff\x00\x41\x01%"), b"\x3f\x01\xff\x00\x41\x01-");
    }

    #[test]
    fn what_makes_no_sense_is_left_alone() {
        for broken in
            [&b"\x41"[..], b"\x41\x05%", b"\x41\xff\xff\xff\xff\xff%", b"\x7f\x80\x80\x80%"]
        {
            assert_eq!(changed(broken), broken);
        }
    }

    proptest! {
        #[test]
        fn whatever_arrives_keeps_its_length(block in prop::collection::vec(any::<u8>(), 0..300)) {
            prop_assert_eq!(changed(&block).len(), block.len());
        }
    }
}
