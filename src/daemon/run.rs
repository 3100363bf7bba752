//! From a configuration to a daemon that serves, and to its end.

use std::{future::Future, io, path::PathBuf, sync::Arc, time::Duration};

use tokio::{
    signal::unix::{SignalKind, signal},
    sync::Notify,
    time::timeout,
};
use tracing::{info, warn};

use super::{Error, clock::SystemClock, desktop, exposure, memory::Memory, redirects, socket};
use crate::{
    broker::{Broker, ports::Clock},
    browser::Opener,
    cisco::{self, CiscoLogin, Listeners},
    config::{ClusterConfig, Config},
    domain::{Cluster, Policy},
    identity::Files,
    rpc,
};

/// How long callers get to read their last answer.
const FAREWELL: Duration = Duration::from_millis(1500);

/// Where things are.
pub(super) struct Places {
    pub(super) socket: PathBuf,
    /// What the daemon remembers of its human.
    pub(super) memory: PathBuf,
    /// The certificate of redirects by https.
    pub(super) identity: Option<Files>,
}

/// Runs until `stop` is ready.
pub(super) async fn run(
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
        memory: Box::new(exposure::pages),
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
