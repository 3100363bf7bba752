//! S14: tokens, looked for wherever they should not be, while the daemon says all that it can say
//! and everything goes wrong that a lab can make go wrong.
//!
//! Looked through are the daemon's log, what `ucssoctl` says, the arguments and environments of all
//! processes meanwhile, and every file in the daemon's home. What the test's own browser wrote down
//! is left out: it is told the start page, which has no token in it.

use std::{
    collections::HashSet,
    fs,
    io::{Write as _, pipe},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use reqwest::header::{CONTENT_TYPE, ORIGIN};
use rustix::process::{Signal, kill_process};
use ucsso::{
    lab::{
        LabConfig,
        faults::{RedirectError, RedirectShape},
    },
    rpc::proto::{Interaction, ReportRejectedRequest},
};

use crate::{
    check::Figure,
    estate::Estate,
    http,
    process::Process,
    rig::{WRITING, token_from, with_browser},
};

/// What an attacker, or a human by mistake, sends in.
const FORGED: &str = "Forged-5559fada-0000-4d1c-canary-in-a-token";

/// How long nobody looks at the processes.
const PACE: Duration = Duration::from_millis(1);

pub(crate) async fn run() -> Vec<Figure> {
    let lab = LabConfig::default();
    let mut estate = Estate::launch(lab, |toml| with_browser(&WRITING, toml)).await;
    let witness = Witness::begin();

    let (tokens, mut said) = everything(&mut estate).await;

    let processes = witness.end();
    fs::remove_file(estate.home.path("opened")).unwrap_or_default();
    let mut files = Vec::new();
    read_all(&estate.home.path(""), &mut files);
    kill_process(estate.daemon.pid().unwrap(), Signal::TERM).unwrap();
    let (_, log) = estate.daemon.end().await;
    let handed_out = said.split_off(said.len() - 1).concat();
    let needles = tokens.iter().map(String::as_str).chain([FORGED]);
    let needles: Vec<_> = needles.map(str::as_bytes).collect();
    let hits = |text: &[u8]| {
        needles.iter().filter(|needle| text.windows(needle.len()).any(|at| at == **needle)).count()
    };
    let home = estate.home.path("");
    let home = home.to_str().unwrap().trim_end_matches('/');
    let own = processes.iter().filter(|text| String::from_utf8_lossy(text).contains(home)).count();
    let hits_in = |texts: &[Vec<u8>]| texts.iter().map(|text| hits(text)).sum();
    vec![
        Figure::exactly("in-the-log", hits(log.as_bytes()), 0),
        Figure::exactly("said", said.iter().map(|text| hits(text.as_bytes())).sum(), 0),
        Figure::exactly("in-processes", hits_in(&processes), 0),
        Figure::exactly("in-files", hits_in(&files), 0),
        // It was looked for rightly, and where there was something to see.
        Figure::at_least("found-where-asked-for", hits(handed_out.as_bytes()), 1),
        Figure::at_least("tokens", tokens.iter().collect::<HashSet<_>>().len(), 3),
        Figure::at_least("lines-below-info", log.matches("DEBUG").count(), 10),
        Figure::at_least("processes", processes.len(), 5),
        // The daemon's arguments, its environment, and those of a command.
        Figure::at_least("own-processes", own, 3),
        Figure::at_least("files", files.len(), 2),
    ]
}

/// Whatever gives, shows and loses tokens. Returns them, and what was said; the last of that is a
/// token that somebody asked for.
async fn everything(estate: &mut Estate) -> (Vec<String>, Vec<String>) {
    let mut said = Vec::new();
    let mut tokens = vec![estate.logged_in("hq").await, estate.logged_in("vm").await];
    tokens.push(estate.logged_in("hq").await);
    forge(estate).await;
    said.push(paste(estate).await);
    said.push(estate.failed_login("hq", "bob").await.1.said);
    let plain = estate.lab.behaviour().redirect.clone();
    let error = Some(RedirectError { error: FORGED.into(), in_query: true });
    for shape in [
        RedirectShape { token: Some(format!("{FORGED} and a space")), ..plain.clone() },
        RedirectShape { token: Some(FORGED.into()), ..plain.clone() },
        RedirectShape { error, ..plain.clone() },
    ] {
        estate.lab.behaviour().redirect = shape;
        said.push(estate.failed_login("hq", "alice").await.1.said);
    }
    estate.lab.behaviour().redirect = plain;

    let good = fs::read_to_string(estate.home.path("config.toml")).unwrap();
    estate.home.configure(&format!("{good}\n[clusters.other]\nuser = 1\n"));
    say(estate, &mut said, &["reload"]).await;
    estate.home.configure(&good.replace("user = \"alice\"", "user = \"alice2\""));
    say(estate, &mut said, &["reload"]).await;
    estate.home.configure(&good);
    say(estate, &mut said, &["reload", "--json"]).await;
    tokens.push(estate.logged_in("hq").await);

    let client = estate.client().await;
    estate.lab.revoke_tokens("cucm-pub");
    let generation = estate.get_token("hq", Interaction::Never).await.unwrap().generation;
    let report = ReportRejectedRequest { cluster: "hq".into(), generation };
    said.push(format!("{:?}", client.broker().report_rejected(report).await));
    let lost = token_from(&client, "hq", Interaction::Never).await;
    said.push(lost.map_or_else(|error| format!("{error:?}"), |_| String::new()));
    tokens.push(estate.logged_in("hq").await);
    for arguments in [
        ["status"].as_slice(),
        &["status", "--json"],
        &["wait", "hq"],
        &["exec", "hq", "--", "sleep", "0.2"],
        &["logout", "vm"],
        &["token", "vm", "--no-login"],
        &["token", "nowhere"],
        &["config", "check"],
    ] {
        say(estate, &mut said, arguments).await;
    }
    said.push(estate.token("hq").await);
    (tokens, said)
}

async fn say(estate: &Estate, said: &mut Vec<String>, arguments: &[&str]) {
    let output = estate.ctl_output(arguments).await;
    for text in [output.stdout, output.stderr] {
        said.push(String::from_utf8_lossy(&text).into_owned());
    }
}

/// Posts a token as the landing page would, without the nonce of a login.
async fn forge(estate: &Estate) {
    let landing: reqwest::Url = estate.redirect_uri("hq").parse().unwrap();
    let fragment = format!("access_token={FORGED}&token_type=Bearer&expires_in=3600");
    let message = serde_json::json!({ "nonce": FORGED, "query": "", "fragment": fragment });
    let post = http::client(None)
        .post(landing.clone())
        .header(CONTENT_TYPE, "application/json")
        .header(ORIGIN, landing.origin().ascii_serialization())
        .body(message.to_string());
    let answer = post.send().await.unwrap();
    assert!(!answer.status().is_success(), "{answer:?}");
}

/// Pastes an address that answers no login of ours, and gives up.
async fn paste(estate: &Estate) -> String {
    let mut command = estate.home.ucssoctl();
    command.args(["login", "--no-browser", "hq"]);
    let (output, mut input) = pipe().unwrap();
    let ctl = Process::spawn(command.stdin(output));
    ctl.line_with("/ssosp/oauth/authorize?").await;
    writeln!(input, "{}#access_token={FORGED}&state=none", estate.redirect_uri("hq")).unwrap();
    ctl.line_with("state").await;
    assert!(estate.ctl_output(&["cancel", "hq"]).await.status.success());
    drop(input);
    ctl.end().await.1
}

/// Reads the arguments and environments of all processes, again and again.
struct Witness {
    over: Arc<AtomicBool>,
    seen: JoinHandle<HashSet<Vec<u8>>>,
}

impl Witness {
    fn begin() -> Self {
        let over = Arc::new(AtomicBool::default());
        let told = Arc::clone(&over);
        let seen = thread::spawn(move || {
            let mut seen = HashSet::new();
            while !told.load(Relaxed) {
                thread::park_timeout(PACE);
                for process in fs::read_dir("/proc").unwrap().flatten() {
                    for file in ["cmdline", "environ"] {
                        // It may have ended.
                        seen.insert(fs::read(process.path().join(file)).unwrap_or_default());
                    }
                }
            }
            seen
        });
        Self { over, seen }
    }

    fn end(self) -> Vec<Vec<u8>> {
        self.over.store(true, Relaxed);
        self.seen.join().unwrap().into_iter().collect()
    }
}

fn read_all(folder: &Path, found: &mut Vec<Vec<u8>>) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            read_all(&entry.path(), found);
        } else if kind.is_file() {
            found.push(fs::read(entry.path()).unwrap());
        }
    }
}
