//! How it is put together: the only place where concrete types meet.
//!
//! Reads the configuration, builds the rooms, announces what it serves, runs until it is told to
//! stop, and lets go in order. Decides nothing itself. Called by `bin/ucssod`, and by
//! `bin/ucsso-lab` for its demonstration.

pub mod clock;
mod desktop;
mod memory;
mod redirects;
pub mod socket;

use std::{
    ffi::OsString, future::Future, io, path::PathBuf, process::ExitCode, sync::Arc, time::Duration,
};

use clap::Parser;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::Notify,
    time::timeout,
};
use tracing::{info, warn};

use self::{clock::SystemClock, memory::Memory};
use crate::{
    broker::{Broker, ports::Clock},
    browser::Opener,
    chain,
    cisco::{self, CiscoLogin, Listeners},
    config::{self, ClusterConfig, Config},
    domain::{Cluster, ClusterName, Policy},
    identity::Files,
    paths, rpc, telemetry,
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
    /// `$XDG_RUNTIME_DIR/ucsso/broker.sock`]
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
}

const AFTER_HELP: &str = "\
Runs in the foreground until SIGTERM or SIGINT. Log lines go to stderr; RUST_LOG chooses them \
(`RUST_LOG=debug ucssod`). Exit status: 0 told to stop, 1 could not start or go on, 2 wrong \
arguments.";

/// How long callers get to read their last answer.
const FAREWELL: Duration = Duration::from_millis(1500);

/// Why the daemon does not run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A path is not known.
    #[error(transparent)]
    Path(#[from] paths::Error),
    /// The configuration cannot be had.
    #[error(transparent)]
    Config(#[from] config::Error),
    /// A cluster cannot be set up.
    #[error("the cluster `{cluster}` cannot be set up")]
    Cluster {
        /// Which.
        cluster: ClusterName,
        /// Why.
        #[source]
        source: cisco::Error,
    },
    /// The socket cannot be had.
    #[error(transparent)]
    Socket(#[from] socket::Error),
    /// The API cannot be served.
    #[error(transparent)]
    Serve(#[from] rpc::Error),
    /// The operating system gave no event loop or signals.
    #[error("the operating system does not play along")]
    System(#[source] io::Error),
}

/// `ucssod`, from its arguments to its exit status.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(answer) => {
            // What cannot be printed has no reader.
            let _ = answer.print();
            return ExitCode::from(u8::try_from(answer.exit_code()).unwrap_or(2));
        }
    };
    telemetry::init();
    match start(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            explain(&error);
            ExitCode::FAILURE
        }
    }
}

fn start(arguments: &Arguments) -> Result<(), Error> {
    let environment = paths::process_environment;
    let file = match &arguments.config {
        Some(file) => file.clone(),
        None => paths::config_file(environment)?,
    };
    let socket = match &arguments.socket {
        Some(path) => paths::checked_socket(path.clone())?,
        None => paths::socket(environment)?,
    };
    let config = Config::load(&file)?;
    // Nothing is missed unless a redirect is by https; then it is said.
    let identity = paths::redirect_identity(environment).ok().map(Files::at);
    let places = Places { socket, memory: paths::memory_file(environment)?, identity };
    on_a_runtime(async {
        let stop = told_to_stop().map_err(Error::System)?;
        run(config, places, stop).await
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

/// Where things are.
struct Places {
    socket: PathBuf,
    /// What the daemon remembers of its human.
    memory: PathBuf,
    /// The certificate of redirects by https.
    identity: Option<Files>,
}

/// Runs until `stop` is ready.
async fn run(
    config: Config,
    places: Places,
    stop: impl Future<Output = &'static str>,
) -> Result<(), Error> {
    let Places { socket, memory, identity } = places;
    let (listener, _socket) = socket::bind(&socket)?;
    let clock = SystemClock::new();
    let listeners = Listeners::new(identity.clone());
    let opener = Opener::new(config.browser.clone());
    let ports = redirects::of(&config);
    let memory = Memory::open(memory);
    let mut broker = Broker::remembering(clock.clone(), &memory.windows());
    for (name, cluster) in config.clusters {
        let cluster = Arc::new(cluster);
        let login =
            CiscoLogin::new(Arc::clone(&cluster), clock.clone(), listeners.clone(), opener.clone());
        let login = login.map_err(|source| Error::Cluster { cluster: name, source })?;
        let remembered = memory.of(&cluster.name);
        broker.add_remembering(presented(&cluster), policy(&cluster), login, remembered);
    }
    let broker = Arc::new(broker);
    let memory = tokio::spawn(memory.follow(Arc::clone(&broker)));
    desktop::attend(&broker, &opener);
    // A port that another program has now may be free when it is needed: the login tries again.
    for origin in ports.keys() {
        let _ = listeners.at(*origin).await;
    }
    let refused = listeners.clone();
    let told = clock.clone();
    let warnings = move || {
        let now = Duration::from_millis(told.wall_time(told.now()).as_millis());
        let certificate = redirects::certificate_warning(&ports, identity.as_ref(), now);
        redirects::port_warnings(&ports, &listeners).into_iter().chain(certificate).collect()
    };
    for warning in warnings() {
        warn!("{warning}");
    }
    let facts = rpc::ServerFacts {
        started: clock.now(),
        warnings: Box::new(warnings),
        refused_redirects: Box::new(move || refused.refusals()),
    };
    info!(socket = %socket.display(), "ready");

    let stopping = Arc::clone(&broker);
    let farewell = Notify::new();
    let end = async {
        let signal = stop.await;
        info!(signal, "stopping");
        // First the waiters are told, then the connections are closed.
        stopping.stop().await;
        farewell.notify_one();
        clock.sleep_until(clock.now().plus(FAREWELL)).await;
    };
    let ended = tokio::select! {
        served = rpc::serve(listener, broker, facts, farewell.notified()) => served,
        () = end => Ok(()),
    };
    // What somebody said a moment ago is written down.
    let _ = timeout(FAREWELL, memory).await;
    Ok(ended?)
}

fn presented(cluster: &ClusterConfig) -> Cluster {
    Cluster {
        name: cluster.name.clone(),
        product: cluster.product.as_str(),
        user: cluster.user.clone(),
    }
}

fn policy(cluster: &ClusterConfig) -> Policy {
    Policy {
        timeout_advice: cisco::timeout_advice(cluster),
        jitter_seed: jitter_seed(),
        ..cluster.policy.clone()
    }
}

/// Differs from daemon to daemon, which is all it has to do.
fn jitter_seed() -> u64 {
    use std::hash::{BuildHasher as _, RandomState};
    RandomState::new().hash_one(std::process::id())
}

/// Ready when somebody wants the daemon to end; names the signal.
fn told_to_stop() -> io::Result<impl Future<Output = &'static str>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        }
    })
}

/// Prints an error with its causes, and what mends it.
fn explain(error: &Error) {
    let styled = io::IsTerminal::is_terminal(&io::stderr());
    if let Error::Config(config::Error::Wrong(problems)) = error {
        anstream::eprintln!("{}", problems.render(styled));
        return;
    }
    anstream::eprintln!("ucssod: {}", chain::one_line(error));
    let advice = match error {
        Error::Path(error) => error.advice().to_owned(),
        Error::Config(error) => error.advice(),
        Error::Socket(socket::Error::AlreadyRunning(_)) => {
            "see `ucssoctl status`, or end it first".into()
        }
        Error::Cluster { .. } | Error::Socket(_) | Error::Serve(_) | Error::System(_) => {
            String::new()
        }
    };
    if !advice.is_empty() {
        anstream::eprintln!("        {advice}");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

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
