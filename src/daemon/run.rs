//! From a configuration to a daemon that serves, and to its end.

use std::{future::Future, io, path::PathBuf, pin::pin, sync::Arc, time::Duration};

use rustix::process::{Resource, getrlimit};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::Notify,
    time::timeout,
};
use tracing::{info, warn};

use super::{
    Error,
    clock::SystemClock,
    clusters::Clusters,
    desktop, exposure,
    keeping::{self, Keeping},
    memory::Memory,
    redirects,
    reload::Reloading,
    socket,
    systemd::{self, Supervisor},
};
use crate::{
    broker::{Broker, ports::Clock},
    browser::{Opener, Passed},
    cisco::Listeners,
    config::Config,
    identity::Files,
    rpc,
    sys::inherited::Inherited,
    telemetry,
};

/// How long callers get to read their last answer.
const FAREWELL: Duration = Duration::from_millis(1500);

/// Where things are.
pub(super) struct Places {
    pub(super) socket: socket::Origin,
    /// The configuration, which may be read again.
    pub(super) config: PathBuf,
    /// Sockets of redirects that listen already.
    pub(super) redirects: Passed,
    /// What else a service manager passed.
    pub(super) others: Vec<Inherited>,
    /// Where it keeps what the next daemon is to know.
    pub(super) state: PathBuf,
    /// Who wants to hear how it goes.
    pub(super) supervisor: Supervisor,
    /// The certificate of redirects by https.
    pub(super) identity: Option<Files>,
    /// What chooses the lines of the log.
    pub(super) log_filter: telemetry::Filter,
}

/// Runs until `stop` is ready.
pub(super) async fn run(
    config: Config,
    places: Places,
    stop: impl Future<Output = &'static str>,
    hangups: Signal,
) -> Result<(), Error> {
    let Places {
        socket,
        config: file,
        redirects: passed,
        others,
        state,
        supervisor,
        identity,
        log_filter,
    } = places;
    let (listener, socket) = socket::open(socket)?;
    let clock = SystemClock::new();
    let listeners = Listeners::new(identity.clone(), passed);
    let opener = Opener::new(config.browser.clone());
    let memory = Memory::open(state.join("asked.json"));
    let sealed = state.join("tokens.sealed");
    let Keeping { store, standing, writer } =
        keeping::open(&clock, others, config.persist, sealed).await;
    let vault = Arc::clone(&store) as Arc<_>;
    let broker = Arc::new(Broker::remembering(clock.clone(), &memory.windows(), vault));
    let notices = desktop::attend(&broker, &opener);
    let persist = config.persist;
    let (served, left) = (Arc::clone(&broker), Arc::clone(&store));
    let mut clusters = Clusters::new(served, left, listeners.clone(), opener, notices, persist);
    let plan = clusters.planner().plan(config)?;
    clusters.carry_out(plan, |name| memory.of(name)).await;
    store.forget_others();
    let memory = tokio::spawn(memory.follow(Arc::clone(&broker)));
    let writing = keeping::write(writer, &broker);
    tokio::spawn(supervisor.clone().follow(Arc::clone(&broker)));
    if let Some(limit) = systemd::watchdog() {
        tokio::spawn(supervisor.clone().keep_alive(limit, Arc::clone(&broker)));
    }
    let (watched, watching) = (clock.clone(), Arc::clone(&broker));
    tokio::spawn(async move { watched.watch(&watching).await });
    let ports = clusters.redirects();
    let refused = listeners.clone();
    let told = clock.clone();
    let warnings = move || {
        let now = Duration::from_millis(told.wall_time(told.now()).as_millis());
        let ports = ports.borrow().clone();
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
        memory: Box::new(exposure::pages),
        persistence: Box::new(move || standing.word()),
    };
    let (reloads, wishes) = rpc::Reloads::new();
    let reloading = Reloading::new(file, clusters, supervisor.clone());
    tokio::spawn(reloading.run(hangups, wishes));
    info!(socket = %socket.path().display(), "ready");
    supervisor.ready(&broker).await;

    let log_filter = settable(log_filter);
    let stopping = Arc::clone(&broker);
    let farewell = Notify::new();
    let end = async {
        let outcome = tokio::select! {
            signal = stop => {
                info!(signal, "stopping");
                Ok(())
            }
            cluster = stopping.broke() => Err(Error::Broke { cluster }),
        };
        supervisor.stopping().await;
        // First the waiters are told, then the connections are closed.
        stopping.stop().await;
        farewell.notify_one();
        outcome
    };
    // One that is not limited has as many as it wants.
    let descriptors = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let limits = rpc::Limits::default().within(descriptors);
    let told = farewell.notified();
    let mut serving = pin!(rpc::serve(listener, broker, facts, reloads, log_filter, limits, told));
    tokio::select! {
        biased;
        outcome = end => {
            // What somebody said a moment ago is written down meanwhile.
            let _ = timeout(FAREWELL, async { tokio::join!(serving, memory, writing) }).await;
            outcome
        }
        served = &mut serving => Err(served.map_or_else(Error::from, |()| Error::Unserved)),
    }
}

/// The filter of the log, as a caller sets it.
fn settable(filter: telemetry::Filter) -> rpc::LogFilter {
    let passed_on = |change: &telemetry::Change| rpc::FilterChange {
        before: change.before.clone(),
        now: change.now.clone(),
    };
    rpc::LogFilter(Box::new(move |text, announce| {
        let change = filter.set(text, |change| announce(&passed_on(change)));
        change.map(|change| passed_on(&change)).map_err(|error| error.to_string())
    }))
}

/// Ready when somebody wants the daemon to end; names the signal.
pub(super) fn told_to_stop() -> io::Result<impl Future<Output = &'static str>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        }
    })
}

/// Where SIGHUP arrives: from now on it does not end the process.
pub(super) fn told_to_reload() -> io::Result<Signal> {
    signal(SignalKind::hangup())
}
