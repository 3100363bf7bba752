//! S36: one change of a cluster, and everybody who watches it hears of it; what one of them costs.
//!
//! The cost is that of the real daemon, with as many streams as it lets its connections have: the
//! memory it grew by. More than that are told by the server as a library with wider limits, in this
//! process.

use std::{
    fs,
    time::{Duration, Instant},
};

use tokio::{sync::mpsc, task::JoinSet, time::timeout};
use ucsso::{
    lab::LabConfig,
    rpc::{
        Limits, Pace,
        client::Client,
        proto::{Interaction::Never, SnoozeRequest, WatchTokenRequest, WatchTokenResponse},
    },
};

use crate::{
    check::Figure,
    estate::Estate,
    process::PATIENCE,
    rig::{WRITING, token_from, with_browser},
    wide::Wide,
};

/// How many connections are full of streams. They are of one program, which may have 64, and may
/// call 200 times at once.
const CONNECTIONS: usize = 20;
/// How many streams one change has to reach.
const STREAMS: usize = 10_000;

pub(crate) async fn run() -> Vec<Figure> {
    let estate = Estate::launch(LabConfig::default(), |toml| with_browser(&WRITING, toml)).await;
    estate.logged_in("hq").await;
    let pid = estate.daemon.pid().unwrap().as_raw_nonzero().get();
    let before = resident(pid);
    let watches = Limits::default().watches;
    let socket = estate.home.socket();
    let mut crowd = Crowd::default();
    let mut clients = Vec::new();
    for _ in 0..CONNECTIONS {
        let client = Client::connect(&socket).await.unwrap();
        token_from(&client, "hq", Never).await.unwrap();
        clients.push(client);
    }
    let connected = resident(pid);
    for client in clients {
        crowd.join(client, watches).await;
    }
    let a_connection = connected.saturating_sub(before) / CONNECTIONS;
    let a_stream = resident(pid).saturating_sub(connected) / (CONNECTIONS * watches);
    let beyond = crowd.clients[0].broker().watch_token(hq()).await;
    let (told, took) = crowd.told().await;
    drop(crowd);

    let (many_told, many_took) = many().await;

    vec![
        Figure::exactly("told-by-the-daemon", told, CONNECTIONS * watches),
        Figure::sooner("the-last", took, Duration::from_secs(5)),
        Figure::at_most("KiB-a-connection", a_connection, 32),
        Figure::at_most("KiB-a-stream", a_stream, 4),
        Figure::exactly("one-too-many-refused", usize::from(beyond.is_err()), 1),
        Figure::exactly("told-by-the-server", many_told, STREAMS),
        Figure::sooner("the-last", many_took, Duration::from_secs(20)),
    ]
}

/// One change that is told to [`STREAMS`] streams: how many heard it, and how long it took.
async fn many() -> (usize, Duration) {
    let pace = Pace { a_second: 1_000, at_once: 2 * u32::try_from(STREAMS).unwrap() };
    let limits = Limits { of_a_program: 256, streams: 64, watches: 50, pace, ..Limits::default() };
    let wide = Wide::serve(limits).await;
    let mut crowd = Crowd::default();
    for _ in 0..STREAMS / limits.watches {
        crowd.join(Client::connect(&wide.socket).await.unwrap(), limits.watches).await;
    }
    crowd.told().await
}

/// Programs that watch a cluster.
struct Crowd {
    clients: Vec<Client>,
    programs: JoinSet<()>,
    heard: (mpsc::UnboundedSender<bool>, mpsc::UnboundedReceiver<bool>),
}

impl Default for Crowd {
    fn default() -> Self {
        Self { clients: Vec::new(), programs: JoinSet::new(), heard: mpsc::unbounded_channel() }
    }
}

impl Crowd {
    /// Opens so many streams over a connection; each has had its first message then.
    async fn join(&mut self, client: Client, streams: usize) {
        for _ in 0..streams {
            let mut stream = client.broker().watch_token(hq()).await.unwrap().into_inner();
            let heard = self.heard.0.clone();
            self.programs.spawn(async move {
                while let Ok(Some(message)) = stream.message().await {
                    let _ = heard.send(is_snoozed(&message));
                }
            });
            assert_eq!(self.heard.1.recv().await, Some(false));
        }
        self.clients.push(client);
    }

    /// Makes a change; says how many streams told it, and how long that took.
    #[expect(clippy::disallowed_methods, reason = "what is measured is time on the wall")]
    async fn told(&mut self) -> (usize, Duration) {
        let duration = Some(prost_types::Duration { seconds: 3600, nanos: 0 });
        let request = SnoozeRequest { cluster: "hq".into(), duration };
        let began = Instant::now();
        self.clients[0].login().snooze(request).await.unwrap();
        let mut told = 0;
        while told < self.programs.len() {
            match timeout(PATIENCE, self.heard.1.recv()).await {
                Ok(Some(news)) => told += usize::from(news),
                _ => break,
            }
        }
        (told, began.elapsed())
    }
}

fn hq() -> WatchTokenRequest {
    WatchTokenRequest { cluster: "hq".into() }
}

fn is_snoozed(message: &WatchTokenResponse) -> bool {
    message.token.is_some() && message.status.as_ref().unwrap().snooze_time.is_some()
}

/// The resident memory of a process, in KiB.
fn resident(pid: i32) -> usize {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
