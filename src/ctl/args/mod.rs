//! The command line as it is written: commands and options. What is longer than a line is in `help`,
//! what scripts and services alone use in `scripts`.

mod help;
mod scripts;

use std::{path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand};

pub(super) use self::scripts::{ExecArgs, Goal, WaitArgs, WatchArgs};
use self::scripts::{parse_variable, parse_wait};
use super::{
    completions::{self, CompletionsArgs, Words},
    exit,
    log_filter::{self, LogFilterArgs},
    man::{self, ManArgs},
    reload::{self, ReloadArgs},
    service::ServiceCommand,
};
use crate::{config::parse_duration, domain::ClusterName};

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
    #[command(after_long_help = help::REDIRECT_PAGE)]
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
    #[command(after_long_help = help::STATUS)]
    Status(StatusArgs),
    /// Print a token
    #[command(after_long_help = help::TOKEN)]
    Token(TokenArgs),
    /// Run a program with a token in a file that is kept fresh
    #[command(after_long_help = help::EXEC)]
    Exec(ExecArgs),
    /// Wait until there is a token
    #[command(after_long_help = help::WAIT)]
    Wait(WaitArgs),
    /// Print a line whenever something changes
    #[command(after_long_help = help::WATCH)]
    Watch(WatchArgs),
    /// Log in to a cluster
    #[command(after_long_help = help::LOGIN)]
    Login(LoginArgs),
    /// Cancel the login that is under way; a good token stays
    #[command(after_long_help = help::CANCEL)]
    Cancel(ClusterArgs),
    /// Have no login of a cluster begin by itself for a while
    #[command(after_long_help = help::SNOOZE)]
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
    /// Print a line for a shell to `eval`, which exports a variable of this name [default:
    /// `UCSSO_TOKEN`]
    #[arg(long, value_name = "NAME", num_args = 0..=1, require_equals = true,
          default_missing_value = "UCSSO_TOKEN", value_parser = parse_variable)]
    pub(super) env: Option<String>,
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
    #[command(after_long_help = help::TRUST_REDIRECT)]
    Redirect {
        /// Make a new one in the place of the one that is there
        #[arg(long)]
        renew: bool,
    },
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
