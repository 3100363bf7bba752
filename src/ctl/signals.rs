//! The signals that a command which goes on for a while listens to, or passes on.

use std::{future::poll_fn, task::Poll};

use rustix::process::Pid;
use tokio::{
    process::Child,
    signal::unix::{Signal, SignalKind, signal},
};

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

/// The signals that a command passes on to the program that it runs.
#[derive(Debug)]
pub(super) struct Passed(Vec<(Sent, Signal)>);

/// A signal, as it is sent.
pub(super) type Sent = rustix::process::Signal;

impl Passed {
    /// Listens from now on; not to what this process was started to ignore, as the program is to
    /// ignore it too (nohup(1)).
    pub(super) fn new() -> Result<Self, Error> {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let heard = [Sent::HUP, Sent::INT, Sent::QUIT, Sent::TERM, Sent::USR1, Sent::USR2]
            .into_iter()
            .filter(|sent| !is_ignored(&status, *sent));
        let listen = |sent: Sent| {
            let signal = signal(SignalKind::from_raw(sent.as_raw())).map_err(Error::System)?;
            Ok((sent, signal))
        };
        heard.map(listen).collect::<Result<_, _>>().map(Self)
    }

    /// The next one.
    ///
    /// # Cancel safety
    ///
    /// A signal that was not taken yet is told the next time.
    pub(super) async fn next(&mut self) -> Sent {
        poll_fn(|context| {
            for (sent, signal) in &mut self.0 {
                if signal.poll_recv(context).is_ready() {
                    return Poll::Ready(*sent);
                }
            }
            Poll::Pending
        })
        .await
    }
}

/// Passes a signal on, unless it was the terminal that sent it: then the program has it too.
pub(super) fn pass_on(child: &Child, sent: Sent) {
    if matches!(sent, Sent::INT | Sent::QUIT) && is_in_the_foreground() {
        return;
    }
    let id = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
    if let Some(id) = id {
        // It may have ended meanwhile, which is known in a moment.
        let _ = rustix::process::kill_process(id, sent);
    }
}

/// Whether the keys of a terminal send their signals to this process and those it starts.
fn is_in_the_foreground() -> bool {
    let terminal = std::fs::File::open("/dev/tty");
    let group = terminal.ok().and_then(|terminal| rustix::termios::tcgetpgrp(terminal).ok());
    group == Some(rustix::process::getpgrp())
}

/// Whether a process whose `/proc/PID/status` this is ignores a signal (proc(5)).
fn is_ignored(status: &str, sent: Sent) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & (1 << (sent.as_raw() - 1)) != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_that_is_ignored_is_known() {
        let status = "Name:\tx\nSigBlk:\tffffffffffffffff\nSigIgn:\t0000000000000001\n";

        assert!(is_ignored(status, Sent::HUP));
        assert!(!is_ignored(status, Sent::INT));
        assert!(!is_ignored("", Sent::HUP));
    }
}
