//! `ucsso-lab`: a UC estate in a box.

use std::process::ExitCode;

fn main() -> ExitCode {
    ucsso::lab::cli::main()
}
