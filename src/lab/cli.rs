//! The lab for people: the command line of `ucsso-lab`.
//!
//! Owns the arguments and what `serve` prints; but for `demo`, the rest of the lab prints nothing.
//! Called by the program `ucsso-lab`.

use std::{
    fs,
    io::{self, IsTerminal as _, Write as _},
    path::PathBuf,
    process::ExitCode,
    time::Duration,
};

use clap::{Args, CommandFactory as _, Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};

use super::{
    Behaviour, Certificates, IdpChoice, Lab, LabConfig, Ports, TlsVersions,
    demo::{self, DemoArgs, Programs},
    faults::{IdpMood, Load, StatusXml, TokenFormat},
    orientation::{Files, orientation},
    recipe,
};
use crate::chain;

/// A simulated Cisco UC estate on this machine, to try and to test a token broker.
#[derive(Debug, Parser)]
#[command(name = "ucsso-lab", version)]
struct Cli {
    /// What to do.
    #[command(subcommand)]
    command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
enum Command {
    /// Run the estate until Ctrl-C.
    Serve(ServeArgs),
    /// Show the whole journey: a lab, the daemon, a login, a token used on UDS, a renewal.
    Demo(DemoArgs),
    /// What the demonstration gives the daemon as a browser.
    #[command(hide = true)]
    HandOver {
        /// Where the demonstration listens.
        socket: PathBuf,
        /// The address of the start page.
        url: String,
    },
}

/// The arguments of `serve`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag on the command line")]
pub(super) struct ServeArgs {
    /// Where ca.pem, a configuration and metadata are written [default: ucsso-lab in
    /// the user's runtime folder, else here].
    #[arg(long, value_name = "FOLDER")]
    dir: Option<PathBuf>,
    /// Ports of cucm-pub, cucm-sub, cuc and idp; 0 is any free one.
    #[arg(long, value_name = "PORT,..", default_value = "8443,8444,8445,8446", value_parser = ports)]
    ports: Ports,
    /// How long a token lives.
    #[arg(long, value_name = "TIME", default_value = "60m", value_parser = duration)]
    pub(super) token_lifetime: Duration,
    /// What a token looks like.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    token_format: TokenFormat,
    /// How long the identity provider remembers a browser; 0s shows the form each time.
    #[arg(long, value_name = "TIME", default_value = "8h", value_parser = duration)]
    idp_session: Duration,
    /// How long a node remembers a browser and hands out the same token again.
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = duration)]
    sp_session: Duration,
    /// The port of the broker's redirect URIs.
    #[arg(long, value_name = "PORT", default_value_t = recipe::REDIRECT_PORT)]
    pub(super) redirect_port: u16,
    /// A redirect URI to register besides, as hq=URI or vm=URI.
    #[arg(long, value_name = "CLUSTER=URI", value_parser = registration)]
    redirect_uri: Vec<(&'static str, String)>,
    /// Send `state` back.
    #[arg(long)]
    echo_state: bool,
    /// A cluster on which single sign-on is off.
    #[arg(long, value_name = "CLUSTER", value_parser = ["hq", "vm"])]
    sso_disabled: Vec<String>,
    /// A shape of the status document.
    #[arg(long, value_name = "VARIANT", value_enum, default_value_t)]
    status_xml: StatusXml,
    /// What the nodes show at the TLS handshake.
    #[arg(long, value_name = "KIND", value_enum, default_value_t)]
    certificates: Certificates,
    /// The latest version of TLS that the nodes speak.
    #[arg(long, value_name = "VERSION", value_enum, default_value_t)]
    tls: TlsVersions,
    /// UDS and CUMI are too busy: status 503.
    #[arg(long)]
    busy: bool,
    /// The identity provider says no.
    #[arg(long)]
    deny: bool,
    /// A SAML identity provider to use in place of the lab's own.
    #[arg(long, value_name = "FILE")]
    pub(super) idp_metadata: Option<PathBuf>,
    /// Print each request.
    #[arg(short, long)]
    verbose: bool,
}

/// Why the lab ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// It did not start.
    #[error("the lab does not start")]
    Start(#[from] super::Error),
    /// A file could not be read.
    #[error("`{0}` cannot be read")]
    Read(PathBuf, #[source] io::Error),
    /// A file could not be written.
    #[error("`{0}` cannot be written")]
    Write(PathBuf, #[source] io::Error),
    /// The demonstration did not get to its end.
    #[error(transparent)]
    Demo(#[from] demo::Error),
    /// The system gives no signals, no threads or no terminal.
    #[error("the system does not let it run")]
    System(#[from] io::Error),
}

/// The command line, as `clap` has it.
#[must_use]
pub fn command() -> clap::Command {
    Cli::command()
}

/// Reads the command line, does what it says, and says what went wrong. `programs` are what the
/// demonstration runs.
#[must_use]
pub fn main(programs: Programs) -> ExitCode {
    let cli = Cli::parse();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let ended = runtime.map_err(Failure::from).and_then(|runtime| {
        runtime.block_on(async {
            match cli.command {
                Command::Serve(args) => serve(&args).await,
                Command::Demo(args) => Ok(demo::run(&args, programs).await?),
                Command::HandOver { socket, url } => Ok(demo::hand_over(&socket, &url).await?),
            }
        })
    });
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let _ = writeln!(io::stderr(), "ucsso-lab: {}", chain::one_line(&failure));
            ExitCode::FAILURE
        }
    }
}

/// Runs a lab until Ctrl-C or SIGTERM.
async fn serve(args: &ServeArgs) -> Result<(), Failure> {
    if args.verbose {
        tracing_subscriber::fmt()
            .with_writer(io::stderr)
            .with_target(false)
            .with_ansi(io::stderr().is_terminal())
            .init();
    }
    let lab = Lab::start(args.config()?).await?;
    let folder = args.folder();
    let files = Files::write(&lab, &folder, args.redirect_port)?;
    io::stdout().write_all(orientation(&lab, args, &files).as_bytes())?;
    let mut terminated = signal(SignalKind::terminate())?;
    tokio::select! {
        // Both branches only end the wait; there is nothing to lose in the other one.
        interrupted = tokio::signal::ctrl_c() => interrupted?,
        _ = terminated.recv() => {}
    }
    lab.stop().await;
    Ok(())
}

impl ServeArgs {
    /// The lab that the arguments describe.
    fn config(&self) -> Result<LabConfig, Failure> {
        let idp_choice = match &self.idp_metadata {
            None => IdpChoice::Own,
            Some(file) => IdpChoice::Foreign {
                metadata_xml: fs::read_to_string(file)
                    .map_err(|error| Failure::Read(file.clone(), error))?,
            },
        };
        let mut config = LabConfig {
            ports: self.ports,
            token_lifetime: self.token_lifetime,
            redirect_uris: recipe::redirect_uris(self.redirect_port),
            idp: idp_choice,
            certificates: self.certificates,
            tls: self.tls,
            behaviour: self.behaviour(),
        };
        for (cluster, uri) in &self.redirect_uri {
            config.redirect_uris.entry(cluster).or_default().push(uri.clone());
        }
        Ok(config)
    }

    fn behaviour(&self) -> Behaviour {
        Behaviour {
            status_xml: self.status_xml,
            sso_disabled: self.sso_disabled.iter().cloned().collect(),
            load: if self.busy { Load::Busy } else { Load::Idle },
            echo_state: self.echo_state,
            token_format: self.token_format,
            sp_session: self.sp_session,
            idp_session: self.idp_session,
            idp: if self.deny { IdpMood::Denies } else { IdpMood::Willing },
            ..Behaviour::default()
        }
    }

    fn folder(&self) -> PathBuf {
        let runtime = directories::BaseDirs::new()
            .and_then(|dirs| dirs.runtime_dir().map(|dir| dir.join("ucsso-lab")));
        self.dir.clone().or(runtime).unwrap_or_else(|| PathBuf::from("ucsso-lab"))
    }
}

fn ports(text: &str) -> Result<Ports, String> {
    let numbers: Result<Vec<u16>, _> = text.split(',').map(str::parse).collect();
    match numbers.as_deref() {
        Ok(&[publisher, subscriber, cuc, idp]) => {
            Ok(Ports { cucm_pub: publisher, cucm_sub: subscriber, cuc, idp })
        }
        _ => Err("write four ports, 8443,8444,8445,8446 for example".to_owned()),
    }
}

pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let length: jiff::SignedDuration =
        text.parse().map_err(|_| "not a time; write 60s, 5m or 8h".to_owned())?;
    Duration::try_from(length).map_err(|_| "a time is not negative".to_owned())
}

fn registration(text: &str) -> Result<(&'static str, String), String> {
    let (cluster, uri) = text.split_once('=').ok_or("write hq=URI or vm=URI")?;
    let cluster = ["hq", "vm"].into_iter().find(|known| *known == cluster);
    Ok((cluster.ok_or("the clusters are hq and vm")?, uri.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn serve(arguments: &[&str]) -> ServeArgs {
        let line = ["ucsso-lab", "serve"].iter().chain(arguments);
        let Command::Serve(args) = Cli::try_parse_from(line).unwrap().command else {
            panic!("`serve` was asked for")
        };
        args
    }

    #[test]
    fn the_usual_lab_is_on_ciscos_port() {
        let config = serve(&[]).config().unwrap();

        let ports = Ports { cucm_pub: 8443, cucm_sub: 8444, cuc: 8445, idp: 8446 };
        assert_eq!(config.ports, ports);
        assert_eq!(config.behaviour, Behaviour::default());
        assert_eq!(config.redirect_uris, LabConfig::default().redirect_uris);
    }

    #[test]
    fn switches_change_the_behaviour() {
        let line = "--token-lifetime 60s --busy --deny --sso-disabled hq --status-xml 404 \
                    --redirect-port 1 --redirect-uri vm=http://localhost:2/x";
        let config = serve(&line.split_ascii_whitespace().collect::<Vec<_>>()).config().unwrap();

        assert_eq!(config.token_lifetime, Duration::from_mins(1));
        assert_eq!(config.behaviour.load, Load::Busy);
        assert_eq!(config.behaviour.idp, IdpMood::Denies);
        assert_eq!(config.behaviour.status_xml, StatusXml::NotFound);
        assert!(config.behaviour.sso_disabled.contains("hq"));
        assert_eq!(
            config.redirect_uris["vm"],
            ["http://127.0.0.1:1/cb/vm", "http://localhost:2/x"]
        );
    }

    #[test]
    fn nonsense_is_refused() {
        assert!(ports("1,2,3").is_err() && ports("1,2,3,x").is_err());
        assert!(duration("soon").is_err() && duration("-5s").is_err());
        assert!(registration("other=http://x").is_err() && registration("hq").is_err());
    }
}
