//! What a service manager hears of this process (`sd_notify`(3)): that it is ready, how it does,
//! that it is alive, that it stops.
//!
//! Nothing in here is needed: where nobody asks, nothing is said, and a manager that does not listen
//! costs a line in the log. Put together by `run`; `status` has the words.

mod status;

use std::{
    ffi::OsString,
    future::Future,
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use jiff::tz::TimeZone;
use rustix::time::{ClockId, clock_gettime};
use tokio::time::timeout;
use tracing::{error, warn};

use crate::{
    broker::{Broker, ClusterHandle, Phase, ports::Clock},
    sys::{notify::Notify, timer::after},
};

/// How long the manager may take to take a message. Its queue is full only where it hangs itself.
const PATIENCE: Duration = Duration::from_millis(250);

/// The service manager, if there is one that wants to hear. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Supervisor(Option<Arc<Listening>>);

#[derive(Debug)]
struct Listening {
    notify: Notify,
    complained: AtomicBool,
}

impl Supervisor {
    /// The one that this environment names in `NOTIFY_SOCKET`: a path, or an abstract name after
    /// an `@`.
    #[must_use]
    pub fn of(environment: impl Fn(&str) -> Option<OsString>) -> Self {
        let Some(named) = environment("NOTIFY_SOCKET").filter(|name| !name.is_empty()) else {
            return Self(None);
        };
        match Notify::at(&named) {
            Ok(notify) => {
                Self(Some(Arc::new(Listening { notify, complained: AtomicBool::default() })))
            }
            Err(error) => {
                warn!(%error, "`NOTIFY_SOCKET` names no socket: the service manager hears nothing");
                Self(None)
            }
        }
    }

    /// Says that everything is served, for the first time or after [`Self::reloading`].
    pub async fn ready<C: Clock>(&self, broker: &Broker<C>) {
        self.say(&format!("READY=1\n{}", assigned(&status_of(broker)))).await;
    }

    /// Says that the configuration is read again. [`Self::ready`] ends that, whatever came of it.
    pub async fn reloading(&self) {
        // The manager compares this with the time at which it asked, by its own clock.
        let now = clock_gettime(ClockId::Monotonic);
        let micros = now.tv_sec.saturating_mul(1_000_000).saturating_add(now.tv_nsec / 1_000);
        self.say(&format!("RELOADING=1\nMONOTONIC_USEC={micros}")).await;
    }

    /// Says that the end has begun.
    pub async fn stopping(&self) {
        self.say("STOPPING=1\nSTATUS=stopping").await;
    }

    /// Keeps the line up to date that the manager shows, until the broker stops.
    pub async fn follow<C: Clock>(self, broker: Arc<Broker<C>>) {
        if self.0.is_none() {
            return;
        }
        let mut changes = broker.changes();
        let mut said = status_of(&broker);
        while changes.changed().await.is_ok() && *changes.borrow() == Phase::Serving {
            let line = status_of(&broker);
            if line != said {
                self.say(&assigned(&line)).await;
                said = line;
            }
        }
    }

    /// Says again and again that the daemon is alive, where the manager's watchdog wants to hear
    /// it: at half of its limit.
    ///
    /// Everything here shares one thread. So that this comes to speak shows that nothing holds the
    /// thread up, and before it speaks it has every owner of a cluster answer, as a program that
    /// asks would. The timer is the monotonic clock's, as the manager's is: both stop in suspend.
    pub async fn keep_alive<C: Clock>(self, limit: Duration, broker: Arc<Broker<C>>) {
        loop {
            match timeout(limit / 4, broker.is_alive()).await {
                Ok(true) => self.say("WATCHDOG=1").await,
                Ok(false) => return,
                Err(_) => error!("a cluster's task does not answer: the watchdog is not told"),
            }
            after(limit / 2).await;
        }
    }

    async fn say(&self, message: &str) {
        let Some(listening) = &self.0 else { return };
        let sent = send(&listening.notify, message.as_bytes());
        let error = match timeout(PATIENCE, sent).await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error,
            Err(_) => io::ErrorKind::TimedOut.into(),
        };
        if !listening.complained.swap(true, Relaxed) {
            warn!(%error, "the service manager does not listen at `NOTIFY_SOCKET`");
        }
    }
}

/// The limit of the manager's watchdog, if it has one for this process.
#[must_use]
pub fn watchdog() -> Option<Duration> {
    sd_notify::watchdog_enabled().filter(|limit| !limit.is_zero())
}

/// Waits where the manager's queue is full, as long as the caller does.
fn send(manager: &Notify, message: &[u8]) -> impl Future<Output = io::Result<()>> {
    let connected = manager.connect().and_then(|socket| {
        socket.set_nonblocking(true)?;
        tokio::net::UnixDatagram::from_std(socket)
    });
    async move { connected?.send(message).await.map(drop) }
}

fn status_of<C: Clock>(broker: &Broker<C>) -> String {
    let clusters = broker.clusters();
    let clusters: Vec<_> = clusters.iter().map(ClusterHandle::published).collect();
    let clock = broker.clock();
    let now = clock.now();
    status::line(&clusters, now, |at| clock.wall_time(at), &TimeZone::system())
}

/// A status as it is said: what follows a line break would be an assignment of its own.
fn assigned(status: &str) -> String {
    format!("STATUS={}", status.replace(char::is_control, " "))
}

#[cfg(test)]
mod tests {
    use std::os::{
        linux::net::SocketAddrExt as _,
        unix::net::{SocketAddr, UnixDatagram},
    };

    use super::*;
    use crate::{
        broker::ports::{LoggedIn, Login, NotTaken, Pasted, Progress, Tab},
        domain::{AttemptId, Cluster, Failure, Learned, Manner, Policy, Timestamp, Token, Verdict},
    };

    fn at(name: &str) -> Supervisor {
        Supervisor::of(|variable| (variable == "NOTIFY_SOCKET").then(|| name.into()))
    }

    fn heard(socket: &UnixDatagram) -> String {
        let mut buffer = [0; 1024];
        let length = socket.recv(&mut buffer).unwrap();
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    }

    #[tokio::test]
    async fn a_manager_hears_at_a_path_and_at_an_abstract_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let by_path = UnixDatagram::bind(&path).unwrap();
        let name = format!("ucsso-notify-{}", std::process::id());
        let addr = SocketAddr::from_abstract_name(&name).unwrap();
        let by_name = UnixDatagram::bind_addr(&addr).unwrap();

        for (named, socket) in
            [(path.display().to_string(), by_path), (format!("@{name}"), by_name)]
        {
            at(&named).stopping().await;

            assert_eq!(heard(&socket), "STOPPING=1\nSTATUS=stopping");
        }
    }

    #[tokio::test]
    async fn a_reload_comes_with_the_time_of_the_managers_clock() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        let micros = || {
            let now = clock_gettime(ClockId::Monotonic);
            now.tv_sec * 1_000_000 + now.tv_nsec / 1_000
        };

        let before = micros();
        at(path.to_str().unwrap()).reloading().await;

        let heard = heard(&socket);
        let told = heard.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").unwrap();
        assert!((before..=micros()).contains(&told.parse().unwrap()), "{heard}");
    }

    #[tokio::test]
    async fn a_manager_that_is_away_or_hangs_holds_nobody_up() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        at("/nonexistent/notify").stopping().await;
        Supervisor::of(|_| None).stopping().await;
        let _never_read = UnixDatagram::bind(&path).unwrap();
        let manager = at(path.to_str().unwrap());
        let sends = async {
            // Until the queue is full, and the first that does not fit has been given up.
            while !manager.0.as_ref().unwrap().complained.load(Relaxed) {
                manager.stopping().await;
            }
        };

        assert!(timeout(Duration::from_secs(30), sends).await.is_ok());
    }

    #[derive(Debug, Clone)]
    struct NoClock;

    impl Clock for NoClock {
        fn now(&self) -> Timestamp {
            Timestamp::default()
        }

        fn wall_time(&self, at: Timestamp) -> Timestamp {
            at
        }

        async fn sleep_until(&self, _: Timestamp) {
            std::future::pending::<()>().await;
        }
    }

    struct NoLogin;

    impl Login for NoLogin {
        async fn log_in(
            &self,
            _: AttemptId,
            _: Manner,
            _: Option<Tab>,
            _: impl Progress,
        ) -> Result<LoggedIn, Failure> {
            std::future::pending().await
        }

        fn complete(&self, _: AttemptId, _: &Pasted) -> Result<(), NotTaken> {
            Ok(())
        }

        async fn verify(&self, _: &Token) -> Verdict {
            Verdict::Unknown
        }

        fn learned(&self) -> Learned {
            Learned::default()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_watchdog_is_not_told_while_a_cluster_does_not_answer() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let socket = tokio::net::UnixDatagram::bind(&path).unwrap();
        // The cluster's task is there, and gets no turn until somebody runs it.
        let owners = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let broker = Broker::new(NoClock);
        let (name, user) = ("hq".parse().unwrap(), "alice".to_owned());
        {
            let _there = owners.enter();
            let cluster = Cluster { name, product: "ucm", user };
            broker.add(cluster, Policy::default(), NoLogin);
        }
        let limit = Duration::from_millis(100);
        tokio::spawn(at(path.to_str().unwrap()).keep_alive(limit, Arc::new(broker)));
        let mut buffer = [0; 64];

        let told = timeout(limit * 100, socket.recv(&mut buffer)).await;
        assert!(told.is_err(), "nobody answered");
        tokio::time::resume();
        let (end, ended) = tokio::sync::oneshot::channel::<()>();
        let running = std::thread::spawn(move || owners.block_on(ended));

        let told = timeout(Duration::from_secs(30), socket.recv(&mut buffer)).await;
        assert_eq!(&buffer[..told.unwrap().unwrap()], b"WATCHDOG=1");
        drop(end);
        assert!(running.join().unwrap().is_err());
    }

    #[test]
    fn a_status_is_one_assignment() {
        assert_eq!(assigned("a\nFDSTORE=1\rb\0c"), "STATUS=a FDSTORE=1 b c");
    }
}
