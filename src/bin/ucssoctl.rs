//! `ucssoctl`: the command line of the broker. See [`ucsso::ctl`].

use std::{env, process::ExitCode};

use ucsso::sys::allocator::Clearing;

#[global_allocator]
static HEAP: Clearing = Clearing;

fn main() -> ExitCode {
    ucsso::ctl::main(env::args_os(), ucsso::manual::roff)
}
