//! The signals that a command which goes on for a while listens to.

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::error::Error;

/// What a signal tells a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// Ctrl-C.
    Interrupt,
    /// It has to end.
    End,
    /// It was stopped, and goes on.
    Resume,
    /// The terminal has another size.
    Resize,
}

/// The signals that end a command, or after which the terminal is not as it was.
#[derive(Debug)]
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
    quit: Signal,
    resume: Signal,
    resize: Signal,
}

impl Signals {
    /// Listens from now on.
    pub(super) fn new() -> Result<Self, Error> {
        let listen = |kind| signal(kind).map_err(Error::System);
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            hangup: listen(SignalKind::hangup())?,
            quit: listen(SignalKind::quit())?,
            resume: listen(SignalKind::from_raw(rustix::process::Signal::CONT.as_raw()))?,
            resize: listen(SignalKind::window_change())?,
        })
    }

    /// The next one.
    ///
    /// # Cancel safety
    ///
    /// A signal that was not taken yet is told the next time.
    pub(super) async fn next(&mut self) -> Told {
        tokio::select! {
            _ = self.interrupt.recv() => Told::Interrupt,
            _ = self.terminate.recv() => Told::End,
            _ = self.hangup.recv() => Told::End,
            _ = self.quit.recv() => Told::End,
            _ = self.resume.recv() => Told::Resume,
            _ = self.resize.recv() => Told::Resize,
        }
    }
}
