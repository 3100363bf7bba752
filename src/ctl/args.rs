//! The command line as it is written: commands, options and their help.

use std::{path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand};

use super::{
    completions::{self, CompletionsArgs, Words},
    exit,
    log_filter::{self, LogFilterArgs},
    man::{self, ManArgs},
    reload::{self, ReloadArgs},
    service::ServiceCommand,
};
use crate::{config::parse_duration, domain::ClusterName};

const STATUS_HELP: &str = "\
The exit code is 0 if every cluster named, or every cluster if none is named, has a usable \
token. Else it is that of the worst of them: 8 if a cluster or the network failed or the cluster \
refuses the configuration, 4 if somebody has to log in, 5 if a login is under way. It is the \
same with --json, and with a token that is good while its renewal fails it is 0.

The JSON has \"schema_version\": 1. Fields may be added under that version; none is removed or \
changes its meaning. It never contains a token. With --watch it is one line for each change.";

const TOKEN_HELP: &str = "\
Nothing but the token goes to standard output, so this works:

  curl -H \"$(ucssoctl token hq --header)\" https://cucm-pub.example.com:8443/cucm-uds/user/alice

A process's arguments are seen by every user of the machine, so in a script rather let curl read \
the header from a pipe:

  ucssoctl token hq --header | curl -H @- https://cucm-pub.example.com:8443/cucm-uds/user/alice";

const LOGIN_HELP: &str = "\
The daemon opens the login page in the browser, and this command waits until it is known how the \
login ended. Ctrl-C cancels the login; one that was under way before goes on.

With --no-browser the page's address is printed instead. It works once. The page belongs to this \
machine: with a browser on another one, forward its port first, with the `ssh -L` line that is \
printed too.

Where that cannot be done, open the cluster's own page, which is printed last. The login ends on \
an address that the browser cannot open; paste all of it here and press Enter, or write it to \
this command's standard input. There is a token in that address: it is not shown here, and it \
does not belong anywhere else. Do this only on a machine that is yours, because a program there \
that listens on the port of the address is given the token.";

const REDIRECT_PAGE_HELP: &str = "\
For clusters where only a page of the company's web server is registered. Write its address as \
`redirect_uri` of the cluster; `landing` is where the page leads on to, and has a default. Then:

  1. Put the page that this command writes on the web server, at exactly that address. It is one \
file without anything else. It is the same for everybody whose configuration has this `landing`.
  2. Have the server send it over https, as `text/html`, with `Cache-Control: no-store`, and \
without asking for a login.
  3. Have its address registered on the cluster, letter by letter, in Enterprise Parameters, \
\"Redirect URIs for Third Party SSO Client\".

The token is in the fragment of the address, which browsers do not send to a server. But whoever \
can change that page, or the scripts that other pages of its server run, can read tokens: let \
nobody do so who may not have them. Write the page anew when `landing` changes.

That somebody may be sent to the page with a token of an attacker does no harm: the landing page \
takes a token only in a tab in which a login of the daemon began.";

const CANCEL_HELP: &str = "\
A no is a no: for as long as `snooze` in the configuration says (8 hours), no login of this \
cluster begins by itself. `ucssoctl login` begins one at any time.";

const SNOOZE_HELP: &str = "\
Programs that want a token are told that somebody has to log in, a token that is held is handed \
out until it ends, and the login that is under way is cancelled. It outlasts a restart of the \
daemon. `ucssoctl login` begins a login at any time, and ends it.";

const TRUST_REDIRECT_HELP: &str = "\
Needed only where a cluster takes no http redirect and `redirect_uri` begins with https. The \
certificate is for localhost, 127.0.0.1 and ::1, and good for two years. Its authority may vouch \
for nothing else, and the authority's key is thrown away. A daemon that runs takes a new one at \
the next login.

Where there is a certificate, nothing is changed, and the commands for the browsers are printed \
again.";

/// Asks ucssod for tokens, and tells it what to do.
#[derive(Debug, Parser)]
#[command(
    name = "ucssoctl",
    version,
    about = "Access tokens of Cisco UC clusters, from the broker ucssod",
    long_about = "Asks ucssod, the broker of access tokens for Cisco Unified Communications \
                  clusters, for tokens and for their state, and begins and ends logins.",
    after_long_help = exit::help(),
    subcommand_required = true,
    arg_required_else_help = true
)]
pub(super) struct Arguments {
    /// The daemon's socket [default: what `UCSSO_SOCKET=unix:///PATH` says, else
    /// `$XDG_RUNTIME_DIR/ucsso/broker.sock`]
    #[arg(long, global = true, value_name = "PATH", display_order = 90)]
    pub(super) socket: Option<PathBuf>,

    /// What to do.
    #[command(subcommand)]
    pub(super) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Ask the daemon.
    #[command(flatten)]
    Ask(Question),
    /// Write, check or find the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Write the page for a web server that leads browsers on to this machine
    #[command(after_long_help = REDIRECT_PAGE_HELP)]
    RedirectPage(RedirectPageArgs),
    /// Have systemd start the daemon for you when it is needed
    #[command(subcommand)]
    Service(ServiceCommand),
    /// Make what browsers are to trust
    #[command(subcommand)]
    Trust(TrustCommand),
    /// Show a page of the manual
    #[command(after_long_help = man::HELP)]
    Man(ManArgs),
    /// Print what completes this command line in a shell
    #[command(after_long_help = completions::HELP)]
    Completions(CompletionsArgs),
    /// Print the words that the completion of a shell does not know
    #[command(name = "__complete", hide = true)]
    Words {
        /// Of which kind
        kind: Words,
    },
}

/// What to ask the daemon.
#[derive(Debug, Subcommand)]
pub(super) enum Question {
    /// Show which tokens are held, for how long, and what comes next
    #[command(after_long_help = STATUS_HELP)]
    Status(StatusArgs),
    /// Print a token
    #[command(after_long_help = TOKEN_HELP)]
    Token(TokenArgs),
    /// Log in to a cluster
    #[command(after_long_help = LOGIN_HELP)]
    Login(LoginArgs),
    /// Cancel the login that is under way; a good token stays
    #[command(after_long_help = CANCEL_HELP)]
    Cancel(ClusterArgs),
    /// Have no login of a cluster begin by itself for a while
    #[command(after_long_help = SNOOZE_HELP)]
    Snooze(SnoozeArgs),
    /// Forget a cluster's token
    #[command(after_long_help = "\
The token is not revoked on the cluster: no way to do that is published. Nor does the browser \
lose its session at the identity provider.")]
    Logout(ClusterArgs),
    /// Have the daemon read its configuration again, and show what that did
    #[command(after_long_help = reload::HELP)]
    Reload(ReloadArgs),
    /// Choose which lines the log of the daemon has, until it ends
    #[command(after_long_help = log_filter::HELP)]
    LogFilter(LogFilterArgs),
}

/// `ucssoctl status`.
#[derive(Debug, Args)]
pub(super) struct StatusArgs {
    /// The clusters; all of them if none is named
    #[arg(value_name = "CLUSTER")]
    pub(super) clusters: Vec<ClusterName>,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
    /// Go on, and show each change
    #[arg(long, short)]
    pub(super) watch: bool,
}

/// `ucssoctl token`.
#[derive(Debug, Args)]
pub(super) struct TokenArgs {
    /// The cluster
    pub(super) cluster: ClusterName,
    /// How long the token must still be valid, `5m` for example [default: long enough for one
    /// request]
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub(super) min_validity: Option<Duration>,
    /// How long to wait if a login is needed, `60s` for example [default: until it has ended]
    #[arg(long, value_name = "TIME", value_parser = parse_wait)]
    pub(super) wait: Option<Duration>,
    /// Whether the human may be asked.
    #[command(flatten)]
    pub(super) asking: Asking,
    /// How the token is printed.
    #[command(flatten)]
    pub(super) form: Form,
}

/// Whether the human may be asked.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub(super) struct Asking {
    /// Print a token that is held, or fail; never open a login
    #[arg(long)]
    pub(super) no_login: bool,
    /// Log in now, even if a good token is held
    #[arg(long)]
    pub(super) force: bool,
}

/// How a token is printed.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub(super) struct Form {
    /// Print a whole `Authorization:` header
    #[arg(long)]
    pub(super) header: bool,
    /// Print JSON, with the expiry, the node and the user
    #[arg(long)]
    pub(super) json: bool,
}

/// `ucssoctl login`.
#[derive(Debug, Args)]
pub(super) struct LoginArgs {
    /// The cluster; not needed if there is only one
    pub(super) cluster: Option<ClusterName>,
    /// Open no browser, and print the address of the login page
    #[arg(long)]
    pub(super) no_browser: bool,
}

/// `ucssoctl snooze`.
#[derive(Debug, Args)]
pub(super) struct SnoozeArgs {
    /// The cluster
    pub(super) cluster: ClusterName,
    /// For how long, `2h` for example, at most a week [default: what the configuration says]
    #[arg(long = "for", value_name = "TIME", value_parser = parse_duration)]
    pub(super) length: Option<Duration>,
    /// No longer: a login may begin by itself again
    #[arg(long, conflicts_with = "length")]
    pub(super) off: bool,
}

/// A command about one cluster.
#[derive(Debug, Args)]
pub(super) struct ClusterArgs {
    /// The cluster
    pub(super) cluster: ClusterName,
}

/// `ucssoctl redirect-page`.
#[derive(Debug, Args)]
pub(super) struct RedirectPageArgs {
    /// The cluster; not needed if there is only one with such a page
    pub(super) cluster: Option<ClusterName>,
    /// Where to write the page [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
    /// The configuration [default: the daemon's own]
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
}

/// `ucssoctl config`.
#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Write an annotated example to where the daemon looks for it
    Init {
        /// Overwrite what is there
        #[arg(long)]
        force: bool,
    },
    /// List all that is wrong with the configuration, or say what was understood
    #[command(after_long_help = "\
Where the configuration is right, `register` is the redirect URI that the administrator of the \
cluster has to register there, letter by letter. `landing` is where the daemon listens, if that \
is a page on another server.")]
    Check {
        /// The file; the daemon's own if none is named
        file: Option<PathBuf>,
    },
    /// Print where the configuration is
    Path,
}

/// `ucssoctl trust`.
#[derive(Debug, Subcommand)]
pub(super) enum TrustCommand {
    /// Make the certificate of a redirect by https, and say how browsers come to trust it
    #[command(after_long_help = TRUST_REDIRECT_HELP)]
    Redirect {
        /// Make a new one in the place of the one that is there
        #[arg(long)]
        renew: bool,
    },
}

/// Reads how long to wait. In less than a second, not even a token at hand may arrive.
fn parse_wait(text: &str) -> Result<Duration, String> {
    let wait = parse_duration(text).map_err(|error| error.to_string())?;
    if wait < Duration::from_secs(1) {
        return Err("less than `1s`; not to wait at all, say `--no-login`".to_owned());
    }
    Ok(wait)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_put_together_rightly() {
        Arguments::command().debug_assert();
    }
}
