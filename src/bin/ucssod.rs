//! `ucssod`: the daemon.

use std::process::ExitCode;

use ucsso::sys::allocator::Clearing;

#[global_allocator]
static HEAP: Clearing = Clearing;

fn main() -> ExitCode {
    #[cfg(feature = "insecure-test-no-nonce")]
    anstream::eprintln!("ucssod: INSECURE TEST BUILD: redirects are taken without their nonce");
    ucsso::daemon::main(std::env::args_os())
}
