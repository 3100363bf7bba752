//! `ucssod`: the daemon.

use std::process::ExitCode;

fn main() -> ExitCode {
    #[cfg(feature = "insecure-test-no-nonce")]
    anstream::eprintln!("ucssod: INSECURE TEST BUILD: redirects are taken without their nonce");
    ucsso::daemon::main(std::env::args_os())
}
