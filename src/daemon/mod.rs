//! How it is put together: the only place where concrete types meet.
//!
//! Reads the configuration, builds the rooms, announces what it serves, runs until it is told to
//! stop, and lets go in order. Decides nothing itself. Called by `bin/ucssod`, and by
//! `bin/ucsso-lab` for its demonstration.

pub mod clock;
mod clusters;
mod descriptors;
mod desktop;
mod error;
mod exposure;
mod keeping;
mod memory;
mod redirects;
mod reload;
mod run;
pub mod socket;
pub mod systemd;
mod time_of_day;

use std::{ffi::OsString, future::Future, io, path::PathBuf, process::ExitCode};

use clap::{CommandFactory as _, Parser};

pub use self::error::Error;
use self::{
    descriptors::Descriptors,
    run::{Places, run, told_to_reload, told_to_stop},
    systemd::Supervisor,
};
use crate::{
    chain,
    config::{self, Config},
    identity::Files,
    paths,
    sys::{self, inherited::Inherited},
    telemetry,
};

/// Obtains Cisco UC access tokens through single sign-on in the user's browser, keeps them, and
/// hands them to local programs over gRPC on a Unix socket.
#[derive(Debug, Parser)]
#[command(name = "ucssod", version, after_help = AFTER_HELP)]
struct Arguments {
    /// The configuration [default: `$XDG_CONFIG_HOME/ucsso/config.toml`]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The socket to serve [default: what `UCSSO_SOCKET=unix:///PATH` says, else
    /// `$XDG_RUNTIME_DIR/ucsso/broker.sock`]; one that a service manager passes comes first
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
}

const AFTER_HELP: &str = "\
Runs in the foreground until SIGTERM or SIGINT. SIGHUP has it read the configuration again, as \
`ucssoctl reload` does. Log lines go to stderr, or to the journal of systemd; RUST_LOG chooses them \
(`RUST_LOG=debug ucssod`), and `ucssoctl log-filter` while it runs. Exit status: 0 told to stop, 1 could not start or go on, 2 wrong \
arguments.";

/// The command line, as `clap` has it.
#[must_use]
pub fn command() -> clap::Command {
    Arguments::command()
}

/// `ucssod`, from its arguments to its exit status.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let omissions = exposure::close();
    // Before anything here opens a descriptor of its own, which could have one of these numbers.
    let passed = sys::inherited::take();
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(answer) => {
            // What cannot be printed has no reader.
            let _ = answer.print();
            return ExitCode::from(u8::try_from(answer.exit_code()).unwrap_or(2));
        }
    };
    let log_filter = telemetry::init();
    exposure::tell(&omissions);
    match passed.map_err(Error::System).and_then(|passed| start(&arguments, passed, log_filter)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            explain(&error);
            ExitCode::FAILURE
        }
    }
}

fn start(
    arguments: &Arguments,
    passed: Vec<Inherited>,
    log_filter: telemetry::Filter,
) -> Result<(), Error> {
    let descriptors = Descriptors::sort(passed)?;
    let environment = paths::process_environment;
    let file = match &arguments.config {
        Some(file) => file.clone(),
        None => paths::config_file(environment)?,
    };
    let socket = match &arguments.socket {
        Some(path) => paths::checked_socket(path.clone()),
        None => paths::socket(environment),
    };
    let socket = match descriptors.broker {
        // It is there whether or not anything says where it should be.
        Some(listener) => socket::Origin::Passed { listener, told: socket.ok() },
        None => socket::Origin::Path(socket?),
    };
    // Nothing is missed unless a redirect is by https; then it is said.
    let identity = paths::redirect_identity(environment).ok().map(Files::at);
    let places = Places {
        socket,
        config: file,
        redirects: descriptors.redirects,
        others: descriptors.others,
        state: paths::state_folder(environment)?,
        supervisor: Supervisor::of(environment),
        identity,
        log_filter,
    };
    on_a_runtime(async {
        // First of all: a signal that comes while the configuration is read is not lost.
        let hangups = told_to_reload().map_err(Error::System)?;
        let stop = told_to_stop().map_err(Error::System)?;
        let config = Config::load(&places.config)?;
        run(config, places, stop, hangups).await
    })
}

/// Runs to the end of `work`, and does not wait for system calls that block: a name server that
/// is silent would hold up the end for half a minute.
fn on_a_runtime(work: impl Future<Output = Result<(), Error>>) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Error::System)?;
    let result = runtime.block_on(work);
    runtime.shutdown_background();
    result
}

/// Prints an error with its causes, and what mends it.
fn explain(error: &Error) {
    let styled = io::IsTerminal::is_terminal(&io::stderr());
    if let Error::Config(config::Error::Wrong(problems)) = error {
        anstream::eprintln!("{}", problems.render(styled));
        return;
    }
    anstream::eprintln!("ucssod: {}", chain::one_line(error));
    let advice = error.advice();
    if !advice.is_empty() {
        anstream::eprintln!("        {advice}");
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc, time::Duration};

    use super::*;

    #[test]
    fn the_end_does_not_wait_for_a_silent_name_server() {
        let (answer, asked) = mpsc::channel::<()>();
        let (ended, end) = mpsc::channel();
        let (begun, beginning) = tokio::sync::oneshot::channel();

        std::thread::spawn(move || {
            let result = on_a_runtime(async {
                tokio::task::spawn_blocking(move || {
                    begun.send(()).unwrap();
                    asked.recv()
                });
                beginning.await.unwrap();
                Ok(())
            });
            ended.send(result.is_ok()).unwrap();
        });

        assert_eq!(end.recv_timeout(Duration::from_secs(30)), Ok(true));
        drop(answer);
    }
}
