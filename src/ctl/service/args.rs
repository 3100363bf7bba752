//! `ucssoctl service` as it is written.

use clap::Subcommand;

const SERVICE_INSTALL_HELP: &str = "\
Writes the units `ucssod.socket`, `ucssod-redirect.socket` and `ucssod.service` for this user, \
except where a package has the same ones, and has systemd listen at both sockets. The daemon is \
started by the first program that asks for a token. Nobody else can take the redirect port while \
it is not running.

It may be run again at any time: after an update, and when a redirect URI in the configuration has \
another port. A unit that you changed is left alone; put changes into a drop-in, with \
`systemctl --user edit ucssod.service`.";

const SERVICE_STATUS_HELP: &str = "\
Asks systemd and not the daemon, so it starts nothing. The exit code is 0 where a program that asks \
for a token would be answered, and 3 where it would not. The JSON has \"schema_version\": 1.";

/// `ucssoctl service`.
#[derive(Debug, Subcommand)]
pub(in crate::ctl) enum ServiceCommand {
    /// Write the units, and listen
    #[command(after_long_help = SERVICE_INSTALL_HELP)]
    Install {
        /// Say what would be done, and do nothing
        #[arg(long)]
        dry_run: bool,
        /// Replace units that were changed
        #[arg(long)]
        force: bool,
    },
    /// Stop the daemon, and remove what `install` wrote; configuration and state stay
    Uninstall {
        /// Say what would be done, and do nothing
        #[arg(long)]
        dry_run: bool,
        /// Remove units that were changed
        #[arg(long)]
        force: bool,
    },
    /// Show what systemd knows of the daemon
    #[command(after_long_help = SERVICE_STATUS_HELP)]
    Status {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}
