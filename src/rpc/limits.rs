//! How much programs may take of the daemon: every number of it, in one place.
//!
//! What is refused here costs one program something, so that it does not cost all the others.
//! `server` and `watch` hold to it; a test may serve with other numbers.

use std::time::Duration;

/// How many there may be of what programs open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections. The default is ten for each of two dozen integrations.
    pub connections: usize,
    /// Calls that a connection may have open. One client could otherwise hold all memory.
    pub streams: u32,
    /// Of these, streams of changes, which stay. They leave room for calls that are answered:
    /// beyond `streams`, a client waits without a word.
    pub watches: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connections: 256, streams: 32, watches: 8 }
    }
}

/// How long a client may take to begin. Keep-alive watches those that have; one that never does
/// would keep its place for ever.
pub(super) const PREFACE_TIME: Duration = Duration::from_secs(2);
/// The longest request, in bytes. Most of them are a name and a few numbers.
pub(super) const MESSAGE: usize = 64 * 1024;
/// The longest request of a login: a pasted address may be as long as any other message.
pub(super) const LOGIN_MESSAGE: usize = MESSAGE + 4 * 1024;
/// The longest list of headers, in bytes.
pub(super) const HEADERS: u32 = 16 * 1024;
