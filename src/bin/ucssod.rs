//! `ucssod`: the daemon.

use std::process::ExitCode;

fn main() -> ExitCode {
    ucsso::daemon::main(std::env::args_os())
}
