//! Closes this process to others of its own user: debuggers, `/proc/PID/mem`, core dumps.
//!
//! Programs that it starts are open again, since exec undoes the first; the second they inherit,
//! so a browser that was started from here writes no core file. Called first by `daemon`.

use std::{fmt, io};

use rustix::process::{
    DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit,
};

/// A measure that was not taken.
#[derive(Debug)]
pub struct Omission {
    measure: &'static str,
    why: io::Error,
}

impl fmt::Display for Omission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.measure, self.why)
    }
}

/// Takes what measures there are, and returns those that failed. A daemon that runs without one of
/// them is better than none.
#[must_use]
pub fn close() -> Vec<Omission> {
    let undumpable = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    let measures = [
        ("other processes of this user can read its memory", undumpable),
        ("core dumps are not limited", no_core_file()),
    ];
    let failed = measures.into_iter().filter_map(|(measure, result)| {
        let why = result.err()?.into();
        Some(Omission { measure, why })
    });
    failed.collect()
}

/// Also for a process that may be dumped after all: one whose measure above failed.
fn no_core_file() -> rustix::io::Result<()> {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    // A sandbox that has seen to it may forbid the call.
    if getrlimit(Resource::Core) == none { Ok(()) } else { setrlimit(Resource::Core, none) }
}
