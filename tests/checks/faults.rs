//! S12: a disk that fails while tokens are sealed on it: each system call of the reading and of the
//! writing once, until there is none left to fail, and then for good. Nothing is lost, and the
//! daemon serves all the while.

use std::{fs, time::Duration};

use rustix::process::{Signal, kill_process};
use tokio::{process::Command, time::timeout};
use ucsso::{
    lab::{Lab, LabConfig, walk::Walk},
    private::{self, Earlier},
    rpc::{
        client::Client,
        proto::{GetStatusRequest, Interaction, StartLoginRequest, start_login_response::Event},
    },
};

use crate::{
    check::Figure,
    components,
    estate::{Estate, Home},
    process::{PATIENCE, Process},
    rig::token_from,
    wire::moment,
};

/// What a disk answers that fails.
const ERRORS: [&str; 4] = ["ENOSPC", "EIO", "EROFS", "EDQUOT"];

/// The calls that read and write the file.
const CALLS: [&str; 8] =
    ["openat", "statx", "read", "write", "fsync", "linkat", "renameat", "unlinkat"];

/// The calls without which nothing is written.
const OF_WRITING: [&str; 4] = ["openat", "write", "fsync", "renameat"];

/// More failures than a call can have in one life.
const MOST: usize = 40;

/// One error for each failure, in turn; or `all` of them.
pub(crate) async fn run(all: bool) -> Vec<Figure> {
    let mut scene = Scene::new().await;
    let mut found = Found::default();
    for (turn, call) in CALLS.into_iter().enumerate() {
        let errors = if all { &ERRORS[..] } else { &ERRORS[turn % 4..=turn % 4] };
        for error in errors {
            found.clean += usize::from(scene.fail_each(call, error, &mut found).await);
        }
    }
    let rounds = CALLS.len() * if all { ERRORS.len() } else { 1 };
    for (call, error) in OF_WRITING.into_iter().zip(ERRORS) {
        scene.fail_for_good(call, error, &mut found).await;
    }
    vec![
        Figure::exactly("lost", found.lost, 0),
        Figure::exactly("not-served", found.not_served, 0),
        Figure::exactly("ended-badly", found.ended_badly, 0),
        Figure::exactly("clean-passes", found.clean, rounds),
        Figure::at_least("failures", found.failures, 3 * rounds / 2),
        Figure::sooner("slowest-start", found.slowest_start, Duration::from_secs(3)),
        Figure::exactly("told", found.told, OF_WRITING.len()),
        // What is not written for good is seen to be missing.
        Figure::exactly("old-after-no-write", found.old, OF_WRITING.len()),
    ]
}

#[derive(Default)]
struct Found {
    lost: usize,
    not_served: usize,
    ended_badly: usize,
    clean: usize,
    failures: usize,
    slowest_start: Duration,
    told: usize,
    old: usize,
}

/// What one life under a failing disk was like.
struct Life {
    /// Whether something failed.
    hit: bool,
    /// The token that it served at its end, if it served one whenever it was asked.
    token: Option<String>,
    ended_well: bool,
    took: Duration,
    standing: String,
}

struct Scene {
    _lab: Lab,
    home: Home,
    walk: Walk,
    /// The token that the file has.
    token: String,
}

impl Scene {
    /// A daemon that has sealed a token, and has ended.
    async fn new() -> Self {
        let sealed = |toml: &str| format!("persist = \"sealed\"\n{toml}");
        let estate = Estate::launch_as(LabConfig::default(), sealed, |home| {
            give_key(home);
            daemon(home)
        });
        let Estate { lab, home, daemon, .. } = estate.await;
        let walk = Walk::new(lab.ca_pem(), "alice", "alicepw").unwrap();
        let mut scene = Self { _lab: lab, home, walk, token: String::new() };
        let client = Client::connect(&scene.home.socket()).await.unwrap();
        scene.token = scene.log_in(&client).await;
        kill_process(daemon.pid().unwrap(), Signal::TERM).unwrap();
        daemon.end().await;
        scene
    }

    /// Fails one call of a life after another, until a life has none left to fail; says whether
    /// that came.
    async fn fail_each(&mut self, call: &str, error: &str, found: &mut Found) -> bool {
        for nth in 1..MOST {
            let inject = format!("inject={call}:error={error}:when={nth}");
            let life = self.live(&inject).await;
            found.note(&life);
            let Some(token) = life.token.clone() else { return false };
            let next = self.next_finds().await;
            if next.as_ref() != Some(&token) {
                anstream::eprintln!("{inject}: lost");
                found.lost += 1;
            }
            self.token = next.unwrap_or(token);
            if !life.hit {
                return true;
            }
        }
        false
    }

    /// Fails a call always. What was in the file before is there afterwards.
    async fn fail_for_good(&mut self, call: &str, error: &str, found: &mut Found) {
        // What the start reads is read: the folder is opened for writing alone.
        let inject = format!("inject={call}:error={error}:when=1+");
        let life = self.live_with(&inject, &[&self.draft(), &self.folder()]).await;
        found.note(&life);
        found.told += usize::from(life.standing.starts_with("not sealed: what changed lately"));
        let next = self.next_finds().await;
        found.old += usize::from(next.as_ref() == Some(&self.token) && life.token != next);
        if next.is_none() {
            anstream::eprintln!("{inject}: lost");
            found.lost += 1;
        }
    }

    fn folder(&self) -> String {
        self.home.path(".local/state/ucsso").display().to_string()
    }

    /// The name under which a shell knows the file that its process writes.
    fn draft(&self) -> String {
        format!("{}/.tokens.sealed.$$.new", self.folder())
    }

    /// A life in which calls that concern the file are made to fail.
    async fn live(&mut self, inject: &str) -> Life {
        let folder = self.folder();
        let sealed = format!("{folder}/tokens.sealed");
        let paths = [folder, self.draft(), format!("{sealed}.old"), sealed];
        self.live_with(inject, &paths.each_ref().map(String::as_str)).await
    }

    async fn live_with(&mut self, inject: &str, paths: &[impl AsRef<str>]) -> Life {
        let home = &self.home;
        let trace = home.path("trace");
        let within: String =
            paths.iter().flat_map(|path| [" -P \"", path.as_ref(), "\""]).collect();
        let strace = components::require("strace", "apt-get install strace");
        // Detached, the tracer leaves the daemon its number and its place.
        let script = format!(
            "exec {} -D -f -q -o '{}'{within} -e '{inject}' \"$0\" \"$@\"",
            strace.display(),
            trace.display()
        );
        let daemon = daemon(home);
        let mut traced = Command::new("sh");
        traced.args(["-c", &script]).arg(daemon.as_std().get_program());
        traced.args(daemon.as_std().get_args()).env_clear();
        traced.envs(daemon.as_std().get_envs().filter_map(|(name, value)| Some((name, value?))));
        let began = moment();
        let daemon = Process::start(&mut traced);
        daemon.line_with("ready").await;
        let took = began.elapsed();

        let client = Client::connect(&home.socket()).await.unwrap();
        let latest = self.log_in(&client).await;
        let served = token_from(&client, "hq", Interaction::Never).await;
        let token = served.ok().map(|token| token.access_token).filter(|token| *token == latest);
        let standing = standing(&client, inject.ends_with('+')).await;
        kill_process(daemon.pid().unwrap(), Signal::TERM).unwrap();
        let (status, said) = daemon.end().await;
        if !status.success() {
            anstream::eprintln!("{inject}: {status}\n{said}");
        }
        let hit = fs::read_to_string(&trace).unwrap_or_default().contains("(INJECTED)");
        Life { hit, token, ended_well: status.success(), took, standing }
    }

    /// The token that a daemon finds on a disk that works.
    async fn next_finds(&self) -> Option<String> {
        let daemon = Process::start(&mut daemon(&self.home));
        daemon.line_with("ready").await;
        let client = Client::connect(&self.home.socket()).await.unwrap();
        let token = token_from(&client, "hq", Interaction::Never).await.ok();
        kill_process(daemon.pid().unwrap(), Signal::TERM).unwrap();
        daemon.end().await;
        token.map(|token| token.access_token)
    }

    /// Has alice log in, and returns her new token.
    async fn log_in(&mut self, client: &Client) -> String {
        let request = StartLoginRequest { cluster: "hq".into(), no_browser: true };
        let mut events = client.login().start_login(request).await.unwrap().into_inner();
        while let Some(response) = events.message().await.unwrap() {
            if let Some(Event::Opened(opened)) = response.event {
                let url = opened.url.parse().unwrap();
                timeout(PATIENCE, self.walk.login(&url)).await.unwrap().unwrap();
            }
        }
        token_from(client, "hq", Interaction::Never).await.unwrap().access_token
    }
}

impl Found {
    fn note(&mut self, life: &Life) {
        self.failures += usize::from(life.hit);
        self.not_served += usize::from(life.token.is_none());
        self.ended_badly += usize::from(!life.ended_well);
        self.slowest_start = self.slowest_start.max(life.took);
    }
}

/// What the status says of the file; where it is to complain, once it does.
async fn standing(client: &Client, complains: bool) -> String {
    let ask = async || {
        let status = client.broker().get_status(GetStatusRequest::default()).await.unwrap();
        status.into_inner().server.unwrap().persistence
    };
    if complains {
        crate::process::until("the status tells of the disk", async || {
            Some(ask().await).filter(|said| said != "sealed")
        })
        .await
    } else {
        ask().await
    }
}

fn credentials(home: &Home) -> std::path::PathBuf {
    home.path("credentials")
}

/// Puts the key where systemd puts credentials.
fn give_key(home: &Home) {
    let key = credentials(home).join("ucsso-store-key");
    private::put(&key, &[9; 32], Earlier::Goes).unwrap();
}

fn daemon(home: &Home) -> Command {
    let mut daemon = home.ucssod();
    daemon.env("RUST_LOG", "info").env("CREDENTIALS_DIRECTORY", credentials(home));
    daemon
}
