//! How much programs may take of the daemon: every number of it, in one place.
//!
//! What is refused here costs one program something, so that it does not cost all the others.
//! `server`, `places` and `watch` hold to it; a test may serve with other numbers.

use std::time::Duration;

use super::pace::Pace;

/// How many there may be of what programs open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections. The default is ten for each of two dozen integrations.
    pub connections: usize,
    /// Of these, connections of one program.
    pub of_a_program: usize,
    /// Calls that a connection may have open. One client could otherwise hold all memory.
    pub streams: u32,
    /// Of these, streams of changes, which stay. They leave room for calls that are answered:
    /// beyond `streams`, a client waits without a word.
    pub watches: usize,
    /// How fast a program may call.
    pub pace: Pace,
    /// How long a connection may be without a call. Its client notices nothing but the time that a
    /// new one takes.
    pub idle: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 256,
            of_a_program: 64,
            streams: 32,
            watches: 8,
            pace: Pace { a_second: 50, at_once: 200 },
            idle: Duration::from_mins(10),
        }
    }
}

impl Limits {
    /// These, for a process that may have so many descriptors open. What it opens itself comes
    /// first: without a descriptor there is no login, and no file is written.
    #[must_use]
    pub fn within(self, descriptors: u64) -> Self {
        let free = descriptors.saturating_sub(DESCRIPTORS_KEPT) / DESCRIPTORS_OF_A_CONNECTION;
        let free = usize::try_from(free).unwrap_or(usize::MAX).max(FEWEST);
        let connections = self.connections.min(free);
        let share = self.of_a_program * connections / self.connections.max(1);
        Self { connections, of_a_program: share.max(1), ..self }
    }
}

/// Descriptors that connections leave to everything else.
const DESCRIPTORS_KEPT: u64 = 32;
/// The socket, and the process at its other end.
const DESCRIPTORS_OF_A_CONNECTION: u64 = 2;
/// So many connections there may be, come what may.
const FEWEST: usize = 4;

/// How long a client may take to begin. Keep-alive watches those that have; one that never does
/// would keep its place for ever.
pub(super) const PREFACE_TIME: Duration = Duration::from_secs(2);
/// How long accepting pauses when the process has no descriptor left for it.
pub(super) const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How often the other end is asked whether it is still there, and how long it may take to say so.
pub(super) const KEEP_ALIVE: (Duration, Duration) =
    (Duration::from_secs(30), Duration::from_secs(10));
/// The longest request, in bytes. Most of them are a name and a few numbers.
pub(super) const MESSAGE: usize = 64 * 1024;
/// The longest request of a login: a pasted address may be as long as any other message.
pub(super) const LOGIN_MESSAGE: usize = MESSAGE + 4 * 1024;
/// The longest list of headers, in bytes.
pub(super) const HEADERS: u32 = 16 * 1024;
/// What a client may send of requests that nobody has read yet, in bytes: of one, and of all on
/// its connection.
pub(super) const UNREAD: (u32, u32) = (64 * 1024, 256 * 1024);
/// Calls that a client has taken back before anybody looked at them (CVE-2023-44487). With one
/// more the connection ends.
pub(super) const RESETS: usize = 20;
/// Streams that were reset because the client broke the rules of HTTP/2. With one more the
/// connection ends: a client that keeps them breaks none.
pub(super) const BREACHES: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn with_few_descriptors_there_are_few_connections() {
        for (descriptors, connections, of_a_program) in
            [(u64::MAX, 256, 64), (1024, 256, 64), (544, 256, 64), (64, 16, 4), (0, 4, 1)]
        {
            let limits = Limits::default().within(descriptors);

            let found = (limits.connections, limits.of_a_program);
            assert_eq!(found, (connections, of_a_program), "{descriptors}");
        }
    }
}
