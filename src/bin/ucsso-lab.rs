//! `ucsso-lab`: a UC estate in a box, and the demonstration.
//!
//! The demonstration runs the daemon and its command line as programs of their own. They are in
//! this file too, so that one `cargo run` is enough to see it.

use std::{ffi::OsString, iter, process::ExitCode};

use ucsso::{
    lab::{cli, demo::Programs},
    sys::allocator::Clearing,
};

/// The first argument that makes this program the daemon or its command line.
const AS_DAEMON: &str = "as-ucssod";
const AS_CTL: &str = "as-ucssoctl";

#[global_allocator]
static HEAP: Clearing = Clearing;

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let as_program =
        |name: &str| iter::once(OsString::from(name)).chain(arguments.iter().skip(2).cloned());
    match arguments.get(1).and_then(|first| first.to_str()) {
        Some(AS_DAEMON) => return ucsso::daemon::main(as_program("ucssod")),
        Some(AS_CTL) => return ucsso::ctl::main(as_program("ucssoctl"), ucsso::manual::roff),
        _ => {}
    }
    let this = std::env::current_exe().unwrap_or_else(|_| "ucsso-lab".into()).into_os_string();
    let with = |word: &str| vec![this.clone(), word.into()];
    cli::main(Programs {
        ucssod: with(AS_DAEMON),
        ucssoctl: with(AS_CTL),
        hand_over: with("hand-over"),
    })
}
