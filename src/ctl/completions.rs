//! `ucssoctl completions`: what completes this command line in a shell.
//!
//! The scripts are `clap_complete`'s, made from the command line itself. What it cannot know is put
//! in where a cluster belongs: a call of the hidden command that names the clusters. That reads
//! the configuration and does not ask the daemon, as to connect to its socket may start it.

use std::any::TypeId;

use clap::{Args, CommandFactory as _, ValueEnum, builder::PossibleValue};
use clap_complete::{aot, generate};

use super::{args::Arguments, error::Error, terminal::out};
use crate::{config::Config, domain::ClusterName, paths};

/// More about the command.
pub(super) const HELP: &str = "\
Commands, options and the names of clusters are completed. A package installs the scripts; by hand:

  ucssoctl completions bash > ~/.local/share/bash-completion/completions/ucssoctl
  ucssoctl completions fish > ~/.config/fish/completions/ucssoctl.fish
  ucssoctl completions zsh > FOLDER/_ucssoctl

where FOLDER is one of zsh's `$fpath`.";

/// Prints the names of clusters, and nothing if they are not known.
const CLUSTERS: &str = "ucssoctl __complete clusters 2>/dev/null";

/// Stands in the scripts where a cluster belongs, until it is replaced by [`CLUSTERS`].
const A_CLUSTER: &str = "@cluster@";

/// A shell.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
}

/// `ucssoctl completions`.
#[derive(Debug, Args)]
pub(super) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// What the hidden command prints.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Words {
    Clusters,
}

/// Prints the script of a shell.
pub(super) fn run(args: &CompletionsArgs) -> Result<(), Error> {
    out(&script(args.shell))
}

/// Prints one word a line. Who presses Tab does not want to hear what is wrong.
pub(super) fn words(kind: Words) -> Result<(), Error> {
    let Words::Clusters = kind;
    let file = paths::config_file(paths::process_environment).ok();
    let Some(config) = file.and_then(|file| Config::load(&file).ok()) else { return Ok(()) };
    out(&config.clusters.keys().flat_map(|name| [name.as_str(), "\n"]).collect::<String>())
}
/// The script of a shell.
fn script(shell: Shell) -> String {
    let mut command = completed();
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    match shell {
        Shell::Bash => generate(aot::Bash, &mut command, name, &mut script),
        Shell::Zsh => generate(aot::Zsh, &mut command, name, &mut script),
        Shell::Fish => generate(aot::Fish, &mut command, name, &mut script),
    }
    let script = String::from_utf8_lossy(&script).into_owned();
    match shell {
        Shell::Bash => script.replace(A_CLUSTER, &format!("$({CLUSTERS})")),
        Shell::Zsh => script.replace(&format!("({A_CLUSTER})"), "_ucssoctl_clusters").replacen(
            "_ucssoctl() {",
            &format!(
                "_ucssoctl_clusters() {{\n    compadd -- ${{(f)\"$({CLUSTERS})\"}}\n}}\n\n\
                     _ucssoctl() {{"
            ),
            1,
        ),
        Shell::Fish => script + &fish_words(&command),
    }
}

/// The command line without what is hidden, and with a word in each place of a cluster.
fn completed() -> clap::Command {
    let whole = Arguments::command();
    let visible = whole.get_subcommands().filter(|command| !command.is_hide_set()).cloned();
    let with_clusters = visible.map(|command| {
        command.mut_args(|argument| {
            let is_cluster = argument.get_value_parser().type_id() == TypeId::of::<ClusterName>();
            if is_cluster { argument.value_parser([A_CLUSTER]) } else { argument }
        })
    });
    clap::Command::new("ucssoctl")
        .args(whole.get_arguments().cloned())
        .subcommands(with_clusters.collect::<Vec<_>>())
}

/// What of commands is neither option nor command, which `clap_complete` leaves out for fish.
fn fish_words(command: &clap::Command) -> String {
    let mut lines = String::new();
    for command in command.get_subcommands() {
        for argument in command.get_positionals() {
            let values = argument.get_possible_values();
            let words: Vec<_> = values.iter().map(PossibleValue::get_name).collect();
            if words.is_empty() {
                continue;
            }
            let words = words.join(" ").replace(A_CLUSTER, &format!("({CLUSTERS})"));
            let name = command.get_name();
            let condition = format!("__fish_ucssoctl_using_subcommand {name}");
            let line = ["complete -c ucssoctl -n \"", &condition, "\" -f -a \"", &words, "\"\n"];
            lines.extend(line);
        }
    }
    lines
}
