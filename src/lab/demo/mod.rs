//! The whole journey, told on a terminal: `ucsso-lab demo`.
//!
//! Starts a lab and the real daemon in a scratch home, logs in, fetches the token over the
//! socket, uses it on UDS, shows the status, and waits for a renewal. Knows the daemon and its
//! command line as programs only. Called by `cli`.

mod browser;
mod programs;

use std::{
    io::{self, Write as _},
    time::Duration,
};

use clap::Args;
use tokio::{
    signal::unix::{SignalKind, signal},
    time::{MissedTickBehavior, interval, timeout},
};

pub(super) use self::browser::hand_over;
pub use self::programs::Programs;
use self::{browser::Screen, programs::Scratch};
use super::{IdpChoice, Lab, LabConfig, cli, recipe};

/// The arguments of `demo`.
#[derive(Debug, Args)]
pub(super) struct DemoArgs {
    /// End after the first renewal, instead of staying until Ctrl-C.
    #[arg(long)]
    once: bool,
    /// How long a token lives. A Unified CM gives an hour, and 60 seconds at the least.
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = cli::duration)]
    token_lifetime: Duration,
    /// Do not open a browser, even where there is one: walk through the same pages by script.
    #[arg(long)]
    no_browser: bool,
}

/// Why the demonstration ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// The lab did not start.
    #[error("the lab does not start")]
    Lab(#[from] super::Error),
    /// The scratch home cannot be made, or a program cannot be run.
    #[error("{what} is not possible")]
    System {
        /// What was tried.
        what: &'static str,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The daemon ended, or did not begin to answer.
    #[error("the daemon does not answer; its log is\n{log}")]
    Daemon {
        /// The last it said.
        log: String,
    },
    /// A command did not do what it should.
    #[error("`ucssoctl {command}` said: {said}")]
    Command {
        /// Its arguments.
        command: String,
        /// What it printed.
        said: String,
    },
    /// The token did not work.
    #[error("UDS answered with status {0}")]
    Uds(u16),
    /// UDS did not answer.
    #[error("UDS does not answer")]
    Unreachable(#[source] reqwest::Error),
    /// No renewal came.
    #[error("no renewal was seen")]
    NoRenewal,
}

/// Tells the story. Leaves nothing behind, whether it ends well, badly or early.
pub(super) async fn run(args: &DemoArgs, programs: Programs) -> Result<(), Error> {
    let mut terminated = signal(SignalKind::terminate())
        .map_err(|source| Error::System { what: "hearing signals", source })?;
    tokio::select! {
        ended = story(args, programs) => ended,
        _ = tokio::signal::ctrl_c() => Ok(()),
        _ = terminated.recv() => Ok(()),
    }
}

async fn story(args: &DemoArgs, programs: Programs) -> Result<(), Error> {
    let port = free_port()?;
    let lab = Lab::start(config(args, port)).await?;
    let scratch = Scratch::new(programs)?;
    let (ca, users) = (scratch.write("ca.pem", lab.ca_pem())?, "alice / alicepw");
    let screen = Screen::choose(&lab, &scratch, args.no_browser)?;

    chapter("A UC estate, on loopback")?;
    for (what, node) in
        [("Unified CM", "cucm-pub"), ("Unified CM", "cucm-sub"), ("Unity Connection", "cuc")]
    {
        let (host, port) = lab.node(node);
        say(&format!("{what:<17} https://{host}:{port}"))?;
    }
    say(&format!("{:<17} {}", "identity provider", lab.idp_url()))?;
    say(&format!("{:<17} {users}; tokens live {} s", "user", args.token_lifetime.as_secs()))?;

    chapter("The daemon, in a home of its own")?;
    let toml = screen.configured(&lab.ucsso_toml(port, &ca));
    let config = scratch.write("config.toml", &toml)?;
    let mut daemon = scratch.daemon(&config).await?;
    say(&format!("ucssod serves {}", scratch.socket().display()))?;

    chapter("One login")?;
    say(&screen.told())?;
    scratch.show(&["login", "hq"]).await?;

    chapter("The token, over the socket, used on UDS")?;
    let token = fetch(&scratch).await?;
    say(&format!("ucssoctl token hq    a token of {} characters", token.access_token.len()))?;
    use_on_uds(&lab, &token).await?;

    chapter("The status")?;
    scratch.show(&["status", "hq"]).await?;

    chapter("A renewal")?;
    say("While a program uses the token, the next one is fetched before this one ends.")?;
    let renewed = until_renewed(&scratch, token.generation, args.token_lifetime).await?;
    let counted = lab.counters();
    say(&format!(
        "generation {} came with {} form filled in and {} silent login{}",
        renewed.generation,
        counted.form_logins,
        counted.silent_logins,
        if counted.silent_logins == 1 { "" } else { "s" },
    ))?;
    use_on_uds(&lab, &renewed).await?;
    scratch.show(&["status", "hq"]).await?;

    if !args.once {
        chapter("Until Ctrl-C")?;
        stay(&scratch).await?;
    }
    daemon.stop().await;
    screen.close().await;
    lab.stop().await;
    Ok(())
}

fn config(args: &DemoArgs, port: u16) -> LabConfig {
    LabConfig {
        token_lifetime: args.token_lifetime,
        redirect_uris: recipe::redirect_uris(port),
        idp: IdpChoice::Own,
        ..LabConfig::default()
    }
}

/// A port that is free now. Somebody may take it before the daemon does; then the login says so.
fn free_port() -> Result<u16, Error> {
    let probe = std::net::TcpListener::bind(("127.0.0.1", 0));
    let port = probe.and_then(|listener| listener.local_addr()).map(|address| address.port());
    port.map_err(|source| Error::System { what: "listening on loopback", source })
}

/// What `ucssoctl token --json` says of a token, as far as it matters here.
#[derive(serde::Deserialize)]
struct Fetched {
    access_token: String,
    generation: u64,
    remaining_seconds: u64,
    user: String,
    node: String,
}

async fn fetch(scratch: &Scratch) -> Result<Fetched, Error> {
    let said = scratch.ctl(&["token", "hq", "--json"]).await?;
    serde_json::from_str(&said).map_err(|_| Error::Command {
        command: "token hq --json".into(),
        said: "something that is not the agreed JSON".into(),
    })
}

async fn use_on_uds(lab: &Lab, token: &Fetched) -> Result<(), Error> {
    let path = format!("/cucm-uds/user/{}", token.user);
    let url = format!("https://{}{path}", token.node);
    let client = super::walk::client(lab.ca_pem()).expect("the lab's authority is one");
    let answer = client.get(url).bearer_auth(&token.access_token).send().await;
    let answer = answer.map_err(Error::Unreachable)?;
    if !answer.status().is_success() {
        return Err(Error::Uds(answer.status().as_u16()));
    }
    let record = answer.text().await.map_err(Error::Unreachable)?;
    let field = |name: &str| -> String {
        let begun = record.split_once(&format!("<{name}>")).map_or("", |(_, rest)| rest);
        begun.split('<').next().unwrap_or_default().to_owned()
    };
    say(&format!("GET {path}    200, <userName>{}</userName> on {}", field("userName"), token.node))
}

/// Uses the token until there is a newer one.
async fn until_renewed(
    scratch: &Scratch,
    generation: u64,
    lifetime: Duration,
) -> Result<Fetched, Error> {
    let watch = async {
        let mut ticks = interval(Duration::from_secs(1));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let token = fetch(scratch).await?;
            if token.generation > generation {
                return Ok(token);
            }
            progress(&format!("{} s left", token.remaining_seconds));
        }
    };
    let renewed = timeout(lifetime * 2 + Duration::from_mins(1), watch).await;
    progress("");
    renewed.map_err(|_| Error::NoRenewal)?
}

/// Goes on using the token, and shows the status as it changes.
async fn stay(scratch: &Scratch) -> Result<(), Error> {
    let using = async {
        let mut ticks = interval(Duration::from_secs(10));
        loop {
            ticks.tick().await;
            // A failed fetch shows in the status.
            let _ = fetch(scratch).await;
        }
    };
    tokio::select! {
        ended = scratch.show(&["status", "hq", "--watch"]) => ended,
        () = using => Ok(()),
    }
}

fn chapter(title: &str) -> Result<(), Error> {
    let (bold, plain) = (anstyle::Style::new().bold(), anstyle::Reset);
    print(&format!("\n{bold}{title}{plain}\n"))
}

fn say(line: &str) -> Result<(), Error> {
    print(&format!("  {line}\n"))
}

/// One line that the next one replaces; nothing where nobody watches.
fn progress(line: &str) {
    if io::IsTerminal::is_terminal(&io::stdout()) {
        // What cannot be shown is not missed.
        let _ = print(&format!("\r\x1b[2K{}{line}", if line.is_empty() { "" } else { "  " }));
    }
}

fn print(text: &str) -> Result<(), Error> {
    let mut out = anstream::stdout();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    written.map_err(|source| Error::System { what: "writing", source })
}
