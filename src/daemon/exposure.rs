//! What others could see of this process: its memory, its swapped pages, its last words.
//!
//! Owns when the measures of `sys` are taken and what is said of those that fail. Called by `main`
//! before anything else, and by `run` for the status.

use std::{
    io::{self, Write as _},
    panic::{self, PanicHookInfo},
};

use rustix::process::{Resource, getrlimit};
use tracing::warn;

use crate::sys::{
    hardening::{self, Omission},
    locked::{self, Locking},
};

/// Closes this process. What could not be done is for [`tell`], once there is a log.
pub(super) fn close() -> Vec<Omission> {
    panic::set_hook(Box::new(|panic| {
        // Without a reader there is nothing left to do.
        let _ = writeln!(io::stderr(), "{}", last_words(panic));
    }));
    locked::probe();
    hardening::close()
}

/// Says what could not be done.
pub(super) fn tell(omissions: &[Omission]) {
    for omission in omissions {
        warn!("this process is less closed than it should be: {omission}");
    }
    let pages = pages();
    if pages != LOCKED {
        warn!("tokens could be swapped to disk: {pages}");
    }
}

/// How the pages are kept in which tokens are, in the words of the status.
pub(super) fn pages() -> String {
    match locked::locking() {
        Locking::Locked => LOCKED.to_owned(),
        Locking::Untried => "not locked: this program does not ask for it".to_owned(),
        Locking::Refused(error) => match getrlimit(Resource::Memlock).current {
            Some(limit) if limit == 0 || error.kind() == io::ErrorKind::OutOfMemory => {
                format!("not locked: the limit of {} KiB (RLIMIT_MEMLOCK) is reached", limit / 1024)
            }
            _ => format!("not locked: {error}"),
        },
    }
}

const LOCKED: &str = "locked";

/// Where it happened, and what is written there. A message that was composed at run time may quote
/// anything, so it is not repeated.
fn last_words(panic: &PanicHookInfo<'_>) -> String {
    let place = panic.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
    let written = panic.payload().downcast_ref::<&'static str>();
    let message = written.unwrap_or(&"its message is not shown, since it may quote anything");
    format!("ucssod: panicked at {place}: {message}")
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    fn refused() -> Result<(), String> {
        Err("canary-5559fada".to_owned())
    }

    /// What is said of a panic on a thread of its own.
    fn said_of(panicking: fn()) -> String {
        let (said, hears) = mpsc::channel();
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |panic| said.send(last_words(panic)).unwrap()));
        let _ = std::thread::spawn(panicking).join();
        panic::set_hook(before);
        hears.recv().unwrap()
    }

    #[test]
    fn a_panic_says_where_it_was_and_quotes_nothing() {
        let token = || std::hint::black_box("canary-5559fada");

        let composed = said_of(|| panic!("got {}", std::hint::black_box("canary-5559fada")));
        let unwrapped = said_of(|| refused().expect("a number"));
        let written = said_of(|| panic!("what was copied is text"));

        for said in [&composed, &unwrapped] {
            assert!(said.starts_with("ucssod: panicked at src/daemon/exposure.rs:"), "{said}");
            assert!(!said.contains(token()), "{said}");
        }
        assert!(written.ends_with(": what was copied is text"), "{written}");
    }
}
