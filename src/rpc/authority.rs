//! Lets gRPC clients in that say where they connected to.
//!
//! The C core of gRPC (Python, Ruby, PHP, C++) and grpc-java send the path of the socket as the
//! `:authority` of each request, percent-encoded: `run%2Fuser%2F1000%2Fucsso%2Fbroker.sock`. That
//! is no authority of RFC 3986 3.2, and the HTTP/2 library resets the stream before anybody is
//! asked. On a Unix socket an authority has no meaning, so this reader makes it harmless on its
//! way in: `%` and `/` become `-`. In both string encodings of HPACK (RFC 7541 5.2 and appendix B)
//! the three take the same space, so no length changes: neither a frame's, nor an entry's in the
//! dynamic table that client and server have to agree on.
//!
//! Knows nothing of requests, and touches nothing else. What it does not understand it leaves to
//! the HTTP/2 library to refuse. Called by `server` for each accepted connection.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tonic::transport::server::Connected;

use super::hpack::make_harmless;

/// How many bytes a client sends before its first frame (RFC 9113 3.4).
pub(super) const PREFACE_LEN: usize = 24;
const FRAME_HEAD_LEN: usize = 9;
const HEADERS: u8 = 0x1;
const PADDED: u8 = 0x8;
const PRIORITY: u8 = 0x20;
/// How much is read at once, in bytes, but for the bodies of messages. A frame may have nine, and
/// all that were read are attended to before it is the turn of another connection.
const READING: usize = 256;
/// The largest frame a client may send unless it was told otherwise (RFC 9113 4.2).
const MAX_FRAME: usize = 16_384;

/// A connection whose requests have a harmless `:authority`.
#[derive(Debug)]
pub(super) struct HarmlessAuthority<S, K> {
    stream: S,
    /// What lasts as long as the connection, and says whose it is.
    kept: K,
    /// How many of the bytes to come belong to something that is passed on unread.
    pass: usize,
    /// The beginning of a frame, kept until the rest is there.
    held: Vec<u8>,
    /// Bytes that did not fit into the reader's buffer.
    ready: Vec<u8>,
}

impl<S, K> HarmlessAuthority<S, K> {
    /// Reads from `stream` what comes after the preface, which was read from it before, and drops
    /// `kept` with it.
    pub(super) fn new(stream: S, kept: K, preface: [u8; PREFACE_LEN]) -> Self {
        Self { stream, kept, pass: 0, held: Vec::new(), ready: preface.into() }
    }

    /// Takes what has arrived, and gives what may be passed on.
    fn take(&mut self, arrived: &[u8]) -> Vec<u8> {
        let mut bytes = std::mem::take(&mut self.held);
        bytes.extend_from_slice(arrived);
        let mut done = 0;
        while done < bytes.len() {
            let rest = &mut bytes[done..];
            if self.pass > 0 {
                let passed = self.pass.min(rest.len());
                self.pass -= passed;
                done += passed;
                continue;
            }
            if rest.len() < FRAME_HEAD_LEN {
                break;
            }
            let len = usize::from(rest[0]) << 16 | usize::from(rest[1]) << 8 | usize::from(rest[2]);
            let whole = FRAME_HEAD_LEN + len;
            if rest[3] != HEADERS || len > MAX_FRAME {
                self.pass = whole;
                continue;
            }
            if rest.len() < whole {
                break;
            }
            let flags = rest[4];
            make_harmless(header_block(&mut rest[FRAME_HEAD_LEN..whole], flags));
            done += whole;
        }
        self.held = bytes.split_off(done);
        bytes
    }
}

impl<S: AsyncRead + Unpin, K: Unpin> AsyncRead for HarmlessAuthority<S, K> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        // The body of a large message needs no second buffer.
        if this.ready.is_empty() && this.held.is_empty() && this.pass >= buf.remaining() {
            let before = buf.filled().len();
            ready!(Pin::new(&mut this.stream).poll_read(cx, buf))?;
            this.pass -= buf.filled().len() - before;
            return Poll::Ready(Ok(()));
        }
        while this.ready.is_empty() {
            let mut space = [0; READING];
            let mut arrived = ReadBuf::new(&mut space);
            ready!(Pin::new(&mut this.stream).poll_read(cx, &mut arrived))?;
            if arrived.filled().is_empty() {
                // The end, perhaps inside a frame: the reader above has to see that.
                this.ready = std::mem::take(&mut this.held);
                break;
            }
            this.ready = this.take(arrived.filled());
        }
        let given = this.ready.len().min(buf.remaining());
        buf.put_slice(&this.ready[..given]);
        this.ready.drain(..given);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin, K: Unpin> AsyncWrite for HarmlessAuthority<S, K> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl<S, K: Connected> Connected for HarmlessAuthority<S, K> {
    type ConnectInfo = K::ConnectInfo;

    fn connect_info(&self) -> Self::ConnectInfo {
        self.kept.connect_info()
    }
}

/// The header block of a HEADERS frame, without padding and priority (RFC 9113 6.2); empty where
/// the frame contradicts itself.
fn header_block(payload: &mut [u8], flags: u8) -> &mut [u8] {
    let (mut start, mut end) = (0, payload.len());
    if flags & PADDED != 0 && end > 0 {
        start = 1;
        end = end.saturating_sub(usize::from(payload[0]));
    }
    if flags & PRIORITY != 0 {
        start += 5;
    }
    payload.get_mut(start..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::io::AsyncReadExt as _;

    use super::*;

    const PREFACE: [u8; PREFACE_LEN] = *b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

    /// SETTINGS, a request with `:method` from the table and a literal authority,
    /// and its body.
    fn conversation(authority: &[u8], huffman: bool) -> Vec<u8> {
        let mut block = vec![0x83, 0x41];
        let flag = if huffman { 0x80 } else { 0 };
        block.push(u8::try_from(authority.len()).unwrap() | flag);
        block.extend_from_slice(authority);
        block.extend_from_slice(b"\x40\x03x%/\x03%/y\x86");

        let mut bytes = vec![0, 0, 0, 4, 0, 0, 0, 0, 0];
        bytes.extend_from_slice(&[
            0,
            0,
            u8::try_from(block.len()).unwrap(),
            HEADERS,
            4,
            0,
            0,
            0,
            1,
        ]);
        bytes.extend_from_slice(&block);
        bytes.extend_from_slice(&[0, 0, 3, 0, 1, 0, 0, 0, 1, b'a', b'%', b'/']);
        bytes
    }

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len())
            .step_by(2)
            .map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap())
            .collect()
    }

    /// What comes out where the bytes arrive in pieces of this size.
    fn in_pieces(bytes: &[u8], size: usize) -> Vec<u8> {
        let mut reader = HarmlessAuthority::new((), (), PREFACE);
        bytes.chunks(size).flat_map(|piece| reader.take(piece)).collect()
    }

    #[test]
    fn a_path_becomes_an_authority_and_nothing_else_changes() {
        let cases: [(&[u8], &[u8], bool); 4] = [
            (b"run%2Fx%2Fr.sock", b"run-2Fx-2Fr.sock", false),
            (b"localhost:1", b"localhost:1", false),
            // "run%2Fuser%2F1000%2Fucsso.sock" and "/tmp/X Y&Z/a.sock", encoded elsewhere.
            (
                &hex("b2da95161b505b151610800054586d221075d07275"),
                &hex("b2da96161b505b161610800058586d221075d07275"),
                true,
            ),
            (&hex("6134d6c7e29cfe3f581ae8393aff"), &hex("5934d6b7e29cfe3f561ae8393aff"), true),
        ];
        for (sent, passed_on, huffman) in cases {
            let bytes = conversation(sent, huffman);
            for size in [1, 2, 7, 40, 1000] {
                assert_eq!(in_pieces(&bytes, size), conversation(passed_on, huffman), "{size}");
            }
        }
    }

    #[test]
    fn padding_and_priority_are_stepped_over() {
        let mut payload = b"\x02\0\0\0\0\0\x41\x03a%b%%".to_vec();

        make_harmless(header_block(&mut payload, PADDED | PRIORITY));

        assert_eq!(payload, b"\x02\0\0\0\0\0\x41\x03a-b%%");
        assert!(header_block(&mut [9, 1], PADDED).is_empty());
        assert!(header_block(&mut [], PADDED | PRIORITY).is_empty());
    }

    #[tokio::test]
    async fn a_reader_gets_everything_through_any_buffer() {
        let bytes = conversation(b"a%2Fb", false);
        for size in [1, 3, 20, 4096] {
            let mut reader = HarmlessAuthority::new(&bytes[..], (), PREFACE);
            let mut read = Vec::new();
            let mut space = vec![0; size];
            loop {
                match reader.read(&mut space).await.unwrap() {
                    0 => break,
                    n => read.extend_from_slice(&space[..n]),
                }
            }

            assert_eq!(read, [&PREFACE[..], &conversation(b"a-2Fb", false)].concat());
        }
    }

    proptest! {
        #[test]
        fn whatever_arrives_keeps_its_length(
            bytes in prop::collection::vec(any::<u8>(), 0..300),
            size in 1usize..50,
        ) {
            let mut reader = HarmlessAuthority::new((), (), PREFACE);
            let mut out: Vec<u8> = bytes.chunks(size).flat_map(|piece| reader.take(piece)).collect();
            out.extend_from_slice(&reader.held);
            prop_assert_eq!(out.len(), bytes.len());
        }
    }
}
