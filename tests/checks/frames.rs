//! HTTP/2 by hand: frames as no client library would send them, to the broker's socket.
//!
//! RFC 9113 for the frames, RFC 7541 for the headers, and nothing clever in either.

use std::{io, path::Path, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::UnixStream,
    time::timeout,
};

use crate::bystander::pause;

pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const CONTINUATION: u8 = 9;
pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let [_, length @ ..] = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A header that is in no table afterwards.
pub(crate) fn header(name: &str, value: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0];
    for text in [name.as_bytes(), value] {
        // RFC 7541 5.1: what does not fit into seven bits follows in groups of seven.
        match text.len().checked_sub(127) {
            None => bytes.push(u8::try_from(text.len()).unwrap()),
            Some(mut rest) => {
                bytes.push(127);
                while rest >= 128 {
                    bytes.push(u8::try_from(rest % 128).unwrap() | 128);
                    rest /= 128;
                }
                bytes.push(u8::try_from(rest).unwrap());
            }
        }
        bytes.extend_from_slice(text);
    }
    bytes
}

/// The headers of a call of this method, and these beside them.
pub(crate) fn call(method: &str, others: &[Vec<u8>]) -> Vec<u8> {
    let post_by_http = vec![0x83, 0x86];
    let mut block = vec![post_by_http];
    for (name, value) in [
        (":path", format!("/ucsso.v1.{method}").as_str()),
        (":authority", "localhost"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
        ("ucsso", "1"),
    ] {
        block.push(header(name, value.as_bytes()));
    }
    block.extend_from_slice(others);
    block.concat()
}

/// A gRPC message that says it has this length, and what there is of it.
pub(crate) fn message_of(length: usize, bytes: &[u8]) -> Vec<u8> {
    [&[0], &u32::try_from(length).unwrap().to_be_bytes()[..], bytes].concat()
}

/// A connection that keeps to HTTP/2 only as far as it is told to.
#[derive(Debug)]
pub(crate) struct Wire {
    stream: UnixStream,
    heard: Vec<u8>,
}

impl Wire {
    /// Connects, and begins as a client does.
    pub(crate) async fn connect(socket: &Path) -> Self {
        let mut stream = loop {
            match UnixStream::connect(socket).await {
                Ok(stream) => break stream,
                // The queue is full.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    pause(Duration::from_millis(5)).await;
                }
                Err(error) => panic!("{error}"),
            }
        };
        // The other side may have closed it by the time.
        let _ = stream.write_all(&[PREFACE, &frame(SETTINGS, 0, 0, &[])].concat()).await;
        Self { stream, heard: Vec::new() }
    }

    /// Sends, and drops what comes meanwhile, so that the other side never waits for a reader.
    ///
    /// # Errors
    ///
    /// If the other side has closed the connection.
    pub(crate) async fn flood(&mut self, bytes: &[u8]) -> io::Result<()> {
        let (mut read, mut write) = self.stream.split();
        let mut space = vec![0; 64 * 1024];
        let mut writing = std::pin::pin!(write.write_all(bytes));
        loop {
            tokio::select! {
                written = &mut writing => return written,
                heard = read.read(&mut space) => {
                    if heard? == 0 {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
            }
        }
    }

    /// The next frame of one of these kinds for this stream: its kind and payload. Others are
    /// dropped. None once the connection is closed.
    pub(crate) async fn next(&mut self, kinds: &[u8], stream: u32) -> Option<(u8, Vec<u8>)> {
        loop {
            while let Some((kind, of, payload)) = self.take() {
                if kinds.contains(&kind) && of == stream {
                    return Some((kind, payload));
                }
            }
            let mut space = vec![0; 16 * 1024];
            match self.stream.read(&mut space).await {
                Ok(heard @ 1..) => self.heard.extend_from_slice(&space[..heard]),
                _ => return None,
            }
        }
    }

    fn take(&mut self) -> Option<(u8, u32, Vec<u8>)> {
        let head = self.heard.get(..9)?;
        let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
        let (kind, stream) = (head[3], u32::from_be_bytes([head[5], head[6], head[7], head[8]]));
        let payload = self.heard.get(9..9 + length)?.to_vec();
        self.heard.drain(..9 + length);
        Some((kind, stream, payload))
    }

    /// Whether the other side closes it within so long. What comes meanwhile is dropped.
    pub(crate) async fn closes_within(&mut self, limit: Duration) -> bool {
        timeout(limit, async {
            let mut space = vec![0; 16 * 1024];
            while matches!(self.stream.read(&mut space).await, Ok(1..)) {}
        })
        .await
        .is_ok()
    }
}
