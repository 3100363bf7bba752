//! `ucssoctl`: the command line of the broker. See [`ucsso::ctl`].

use std::{env, process::ExitCode};

fn main() -> ExitCode {
    ucsso::ctl::main(env::args_os(), ucsso::manual::roff)
}
