//! S14: tokens, looked for wherever they should not be, while the daemon says all that it can say
//! and everything goes wrong that a lab can make go wrong.
//!
//! Looked through are the daemon's log, what `ucssoctl` says, the arguments and environments of all
//! processes meanwhile, and every file in the daemon's home. What the test's own browser wrote down
//! is left out: it is told the start page, which has no token in it.
//!
//! Twice: with a daemon that says all from its start, and with one that says next to nothing until a
//! caller sets its filter, while a node of its cluster cannot be reached.

mod forms;

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
use tokio::process::Command;
use ucsso::{
    lab::faults::{RedirectError, RedirectShape},
    rpc::proto::{Interaction, ReportRejectedRequest},
};
use url::form_urlencoded::byte_serialize;

use self::forms::Needles;
use crate::{
    check::Figure,
    estate::{Estate, Home},
    http,
    process::{Process, free_port, run_well},
    rig::{WRITING, token_from, with_browser},
};

/// What an attacker, or a human by mistake, sends in: written differently in an address and in JSON.
const FORGED: &str = "Forged/5559fada+0000-4d1c~canary/in-a-token";

/// What a daemon says that will be told to say more: that it is ready.
const QUIET: &str = "off,ucsso::daemon::run=info";

/// How long nobody looks at the processes.
const PACE: Duration = Duration::from_millis(1);

pub(crate) async fn run() -> Vec<Figure> {
    let saying_all = Estate::launch(<_>::default(), |toml| with_browser(&WRITING, toml)).await;
    let told_later = Estate::launch_as(<_>::default(), where_nodes_fail, saying_little).await;
    let quiet = fine_lines(&told_later.daemon.output()).count();
    let sights = [Sights::of(saying_all, &[]).await, Sights::of(told_later, &["trace"]).await];

    let sum = |of: fn(&Sights) -> usize| sights.iter().map(of).sum();
    let least = |of: fn(&Sights) -> usize| sights.iter().map(of).min().unwrap();
    vec![
        Figure::exactly("in-the-log", sum(|sights| sights.hits(&[&sights.log])), 0),
        Figure::exactly("said", sum(|sights| sights.hits(&sights.said)), 0),
        Figure::exactly("in-processes", sum(|sights| sights.hits(&sights.processes)), 0),
        Figure::exactly("in-files", sum(|sights| sights.hits(&sights.files)), 0),
        Figure::exactly("lines-of-libraries", sum(Sights::lines_of_libraries), 0),
        // It was looked for rightly, and where there was something to see.
        Figure::at_least(
            "found-where-asked-for",
            least(|sights| sights.hits(&[&sights.handed_out])),
            1,
        ),
        Figure::at_least("forms-found", least(Sights::forms_found), forms::FORMS),
        Figure::at_least("tokens", least(|sights| sights.tokens.len()), 3),
        Figure::exactly("lines-before-the-filter", quiet, 0),
        Figure::at_least("lines-below-info", least(|sights| fine_lines(&sights.log).count()), 10),
        Figure::at_least("processes", least(|sights| sights.processes.len()), 5),
        // The daemon's arguments, its environment, and those of a command.
        Figure::at_least("own-processes", least(|sights| sights.own_processes), 3),
        Figure::at_least("files", least(|sights| sights.files.len()), 2),
    ]
}

/// A configuration of which the first node is asked first, and in vain.
fn where_nodes_fail(toml: &str) -> String {
    let nodes = format!("nodes = [\"localhost:{}\", ", free_port());
    with_browser(&WRITING, &toml.replacen("nodes = [", &nodes, 1))
}

fn saying_little(home: &Home) -> Command {
    let mut daemon = home.ucssod();
    daemon.env("RUST_LOG", QUIET);
    daemon
}

/// The lines of a log below `info`.
fn fine_lines(log: &str) -> impl Iterator<Item = &str> {
    log.lines().filter(|line| line.contains(" DEBUG ") || line.contains(" TRACE "))
}

/// What there was to see of a daemon, from its first token to its end.
struct Sights {
    tokens: HashSet<String>,
    log: String,
    said: Vec<String>,
    /// A token that somebody asked for.
    handed_out: String,
    processes: Vec<Vec<u8>>,
    own_processes: usize,
    files: Vec<Vec<u8>>,
}

impl Sights {
    /// Sets the filter, if there is one, and has everything happen.
    async fn of(mut estate: Estate, filter: &[&str]) -> Self {
        let witness = Witness::begin();
        for filter in filter {
            run_well(estate.home.ucssoctl().args(["log-filter", filter])).await;
        }
        let (tokens, mut said) = everything(&mut estate).await;
        let planted = forms::planted().map(|(_, written)| format!("x{written}=trace")).join(",");
        run_well(estate.home.ucssoctl().args(["log-filter", &format!("trace,{planted}")])).await;

        let processes = witness.end();
        fs::remove_file(estate.home.path("opened")).unwrap_or_default();
        let mut files = Vec::new();
        read_all(&estate.home.path(""), &mut files);
        kill_process(estate.daemon.pid().unwrap(), Signal::TERM).unwrap();
        let (_, log) = estate.daemon.end().await;
        let home = estate.home.path("");
        let home = home.to_str().unwrap().trim_end_matches('/');
        let is_own = |text: &&Vec<u8>| String::from_utf8_lossy(text).contains(home);
        let own_processes = processes.iter().filter(is_own).count();
        let (handed_out, tokens) = (said.pop().unwrap(), tokens.into_iter().collect());
        Self { tokens, log, said, handed_out, processes, own_processes, files }
    }

    /// How often a token is in one of these texts.
    fn hits(&self, texts: &[impl AsRef<[u8]>]) -> usize {
        let needles = Needles::of(self.tokens.iter().map(String::as_str).chain([FORGED]));
        texts.iter().map(|text| needles.hits(text.as_ref())).sum()
    }

    /// How many of the forms are found in the log that was written down there on purpose.
    fn forms_found(&self) -> usize {
        let secrets = forms::planted().map(|(secret, _)| secret);
        Needles::of(secrets.iter().map(String::as_str)).hits(self.log.as_bytes())
    }

    /// How many lines below `info` are not the daemon's own.
    fn lines_of_libraries(&self) -> usize {
        fine_lines(&self.log).filter(|line| !line.contains(" ucsso::")).count()
    }
}

/// Whatever gives, shows and loses tokens. Returns them, and what was said; the last of that is a
/// token that somebody asked for.
async fn everything(estate: &mut Estate) -> (Vec<String>, Vec<String>) {
    let mut said = Vec::new();
    let mut tokens = vec![estate.logged_in("hq").await, estate.logged_in("vm").await];
    tokens.push(estate.logged_in("hq").await);
    estate.lab.behaviour().down = ["cucm-pub", "cucm-sub"].map(ToOwned::to_owned).into();
    say(estate, &mut said, &["login", "hq"]).await;
    estate.lab.behaviour().down.clear();
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
    let token: String = byte_serialize(FORGED.as_bytes()).collect();
    let fragment = format!("access_token={token}&token_type=Bearer&expires_in=3600");
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
    let token: String = byte_serialize(FORGED.as_bytes()).collect();
    writeln!(input, "{}#access_token={token}&state=none", estate.redirect_uri("hq")).unwrap();
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
