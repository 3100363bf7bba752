//! The clusters that are served, as the configuration has them.
//!
//! A configuration is first made into a plan, off to the side, where everything that can fail does;
//! then the plan is carried out, and nothing of it can fail. The start of the daemon is the first
//! plan. What follows the clusters is brought along: their controls, the listeners of their
//! redirects, their notifications.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use tokio::sync::watch;
use tracing::info;

use super::{Error, clock::SystemClock, desktop::Notices, redirects};
use crate::{
    broker::{Broker, Control, Settings},
    browser::Opener,
    cisco::{self, CiscoLogin, Known, Listeners},
    config::{ClusterConfig, Config, Difference, Persist},
    domain::{Cluster, ClusterName, Fingerprint, Past, Policy, Remembered},
    loopback::Origin,
    rpc::{Change, Reloaded},
    store::Store,
};

type CiscoControl = Control<CiscoLogin<SystemClock>>;

/// Whose redirects lead where.
pub(super) type Redirects = BTreeMap<Origin, Vec<ClusterName>>;

/// The clusters that are served.
pub(super) struct Clusters {
    broker: Arc<Broker<SystemClock>>,
    store: Arc<Store>,
    workshop: Workshop,
    notices: Notices<SystemClock>,
    redirects: watch::Sender<Redirects>,
    served: BTreeMap<ClusterName, (Arc<Served>, CiscoControl)>,
    /// What the daemon was started with.
    persist: Persist,
}

/// The settings by which a cluster is served.
struct Served {
    config: Arc<ClusterConfig>,
    /// What was in its `ca_file`.
    authorities: Option<Vec<u8>>,
    known: Known,
}

impl Served {
    fn fingerprint(&self) -> Fingerprint {
        self.config.fingerprint(self.authorities.as_deref())
    }
}

/// What logins are made with.
#[derive(Clone)]
struct Workshop {
    clock: SystemClock,
    listeners: Listeners,
    opener: Opener,
}

/// What is to be done to get from the clusters that are served to those of a configuration.
pub(super) struct Plan {
    browser: Option<Vec<String>>,
    persist: Persist,
    removed: Vec<ClusterName>,
    steps: Vec<(Change, Served, Option<CiscoLogin<SystemClock>>)>,
}

/// Makes plans, on a thread that may block.
pub(super) struct Planner {
    workshop: Workshop,
    served: BTreeMap<ClusterName, Arc<Served>>,
}

impl Clusters {
    /// None yet.
    pub(super) fn new(
        broker: Arc<Broker<SystemClock>>,
        store: Arc<Store>,
        listeners: Listeners,
        opener: Opener,
        notices: Notices<SystemClock>,
        persist: Persist,
    ) -> Self {
        let workshop = Workshop { clock: broker.clock().clone(), listeners, opener };
        let (redirects, served) = (watch::Sender::default(), BTreeMap::new());
        Self { broker, store, workshop, notices, redirects, served, persist }
    }

    pub(super) fn broker(&self) -> &Broker<SystemClock> {
        &self.broker
    }

    /// Whose redirects lead where, now and later.
    pub(super) fn redirects(&self) -> watch::Receiver<Redirects> {
        self.redirects.subscribe()
    }

    pub(super) fn planner(&self) -> Planner {
        let served =
            self.served.iter().map(|(name, (served, _))| (name.clone(), Arc::clone(served)));
        Planner { workshop: self.workshop.clone(), served: served.collect() }
    }

    /// Carries out a plan that was made of what is served now. What an earlier daemon left to
    /// remember of a cluster that is added is for the caller to know.
    pub(super) async fn carry_out(
        &mut self,
        plan: Plan,
        remembered: impl Fn(&ClusterName) -> Remembered,
    ) -> Reloaded {
        let browser = self.workshop.opener.set_command(plan.browser);
        let at_restart = if plan.persist == self.persist { vec![] } else { vec!["persist"] };
        for key in &at_restart {
            info!(key, "has effect when the daemon is started again");
        }
        let mut clusters = BTreeMap::new();
        for name in plan.removed {
            self.broker.remove(&name).await;
            self.store.forget(&name);
            self.served.remove(&name);
            info!(cluster = %name, "removed");
            clusters.insert(name, Change::Removed);
        }
        for (change, served, login) in plan.steps {
            let name = served.config.name.clone();
            self.carry_out_one(&change, served, login, &remembered).await;
            clusters.insert(name, change);
        }
        self.follow_redirects().await;
        Reloaded { clusters: clusters.into_iter().collect(), browser, at_restart }
    }

    async fn carry_out_one(
        &mut self,
        change: &Change,
        mut served: Served,
        login: Option<CiscoLogin<SystemClock>>,
        remembered: impl Fn(&ClusterName) -> Remembered,
    ) {
        let Some(login) = login else { return };
        let name = served.config.name.clone();
        let (cluster, policy) = (presented(&served.config), policy(&served.config));
        let settings = Settings { cluster, policy, login };
        let control = match self.served.remove(&name) {
            None => {
                let kept = self.store.take_up(&name, served.fingerprint());
                let past = Past { remembered: remembered(&name), ..kept };
                let login = settings.login.knowing(past.held.learned.clone());
                served.known = login.known();
                let control = self.broker.add_remembering(Settings { login, ..settings }, past);
                self.broker.cluster(&name).into_iter().for_each(|one| self.notices.show_of(one));
                control
            }
            Some((_, control)) => {
                info!(cluster = %name, ?change, "its settings have changed");
                if matches!(change, Change::Reset(_)) {
                    control.reset(settings).await;
                    // What was left of it under the settings of before is its count of attempts.
                    let _ = self.store.take_up(&name, served.fingerprint());
                } else {
                    control.adapt(settings).await;
                }
                control
            }
        };
        self.served.insert(name, (Arc::new(served), control));
    }

    /// Listens where redirects lead, and nowhere else. A port that another program has now may be
    /// free when it is needed: the login tries again.
    async fn follow_redirects(&self) {
        let redirects = redirects::of(self.served.values().map(|(served, _)| &*served.config));
        let listeners = &self.workshop.listeners;
        listeners.keep_only(&redirects.keys().copied().collect::<BTreeSet<_>>());
        for origin in redirects.keys() {
            let _ = listeners.at(*origin).await;
        }
        self.redirects.send_replace(redirects);
    }
}

impl Planner {
    /// Plans how to serve a configuration.
    ///
    /// # Errors
    ///
    /// If one of its clusters cannot be set up.
    pub(super) fn plan(&self, config: Config) -> Result<Plan, Error> {
        let gone = self.served.keys().filter(|name| !config.clusters.contains_key(name));
        let removed = gone.cloned().collect();
        let steps = config.clusters.into_iter().map(|(name, cluster)| {
            self.step(cluster).map_err(|source| Error::Cluster { cluster: name, source })
        });
        let steps = steps.collect::<Result<_, _>>()?;
        Ok(Plan { browser: config.browser, persist: config.persist, removed, steps })
    }

    fn step(
        &self,
        config: ClusterConfig,
    ) -> Result<(Change, Served, Option<CiscoLogin<SystemClock>>), cisco::Error> {
        let config = Arc::new(config);
        let authorities = cisco::ca_text(&config)?;
        let before = self.served.get(&config.name);
        let change =
            before.map_or(Change::Added, |before| change(before, &config, authorities.as_deref()));
        if change == Change::Unchanged {
            return Ok((change, Served { config, authorities, known: Known::default() }, None));
        }
        let Workshop { clock, listeners, opener } = self.workshop.clone();
        let login = CiscoLogin::new(Arc::clone(&config), clock, listeners, opener)?;
        let login = match (&change, before) {
            (Change::Adapted(_), Some(before)) => login.sharing(before.known.clone()),
            _ => login,
        };
        let known = login.known();
        Ok((change, Served { config, authorities, known }, Some(login)))
    }
}

/// What other settings mean for a cluster that is served.
fn change(served: &Served, config: &ClusterConfig, authorities: Option<&[u8]>) -> Change {
    let mut differences = served.config.differences(config);
    if served.config.ca_file == config.ca_file && served.authorities.as_deref() != authorities {
        differences.push(Difference { key: "ca_file", binds: true });
    }
    let keys = |binds| {
        let some = differences.iter().filter(move |difference| difference.binds == binds);
        some.map(|difference| difference.key).collect::<Vec<_>>()
    };
    match (keys(true), keys(false)) {
        (bound, _) if !bound.is_empty() => Change::Reset(bound),
        (_, free) if !free.is_empty() => Change::Adapted(free),
        _ => Change::Unchanged,
    }
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
