//! What a page takes from a command line: its synopsis, its options, its commands.

use clap::{Arg, Command};

use super::{markup, roff::Roff};

/// How a program is called.
pub(super) fn synopsis(roff: &mut Roff, command: &Command) {
    roff.paragraph(&usage(command));
}

/// What a program takes before or without a command.
pub(super) fn options(roff: &mut Roff, command: &Command) {
    for option in command.get_arguments().filter(|argument| !argument.is_hide_set()) {
        argument(roff, option);
    }
}

/// Every command, with its own options.
pub(super) fn commands(roff: &mut Roff, command: &Command) {
    for command in visible(command) {
        if command.has_subcommands() {
            commands(roff, command);
            continue;
        }
        roff.subsection(&usage(command));
        if let Some(about) = command.get_long_about().or_else(|| command.get_about()) {
            markup::write(roff, &sentence(&about.to_string()));
        }
        if let Some(more) = command.get_after_long_help() {
            markup::write(roff, &more.to_string());
        }
        // What goes for every command is said once.
        let own = |option: &&Arg| {
            !option.is_hide_set() && !option.is_global_set() && option.get_id() != "help"
        };
        for option in command.get_arguments().filter(own) {
            argument(roff, option);
        }
    }
}

/// The commands that people see. `help` says what the page says.
pub(super) fn visible(command: &Command) -> impl Iterator<Item = &Command> {
    command.get_subcommands().filter(|sub| !sub.is_hide_set() && sub.get_name() != "help")
}

/// One line: the program and its commands, then what it takes.
fn usage(command: &Command) -> String {
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim().trim_start_matches("Usage:").trim_start();
    let words = usage.split_whitespace().map(|word| {
        let placeholder = word.trim_matches(['[', ']', '<', '>', '.']);
        if word == placeholder {
            return format!("`{word}`");
        }
        let is_optional = word.starts_with('[');
        let dots = if word.contains("...") { "..." } else { "" };
        if placeholder.starts_with('-') {
            word.to_owned()
        } else if is_optional {
            format!("[_{placeholder}_]{dots}")
        } else {
            format!("_{placeholder}_{dots}")
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

fn argument(roff: &mut Roff, argument: &Arg) {
    let names = argument.get_value_names().unwrap_or_default();
    let values: String = names.iter().flat_map(|name| [" _", name.as_str(), "_"]).collect();
    let takes_value = argument.get_num_args().is_some_and(|number| number.takes_values());
    let term = if argument.is_positional() {
        values.trim_start().to_owned()
    } else {
        let short = argument.get_short().map(|short| format!("`-{short}`"));
        let long = argument.get_long().map(|long| format!("`--{long}`"));
        let spelled = short.into_iter().chain(long).collect::<Vec<_>>().join(", ");
        if takes_value { format!("{spelled}{values}") } else { spelled }
    };
    roff.item(&term);
    let help = argument.get_long_help().or_else(|| argument.get_help());
    let mut text = help.map(|help| sentence(&help.to_string())).unwrap_or_default();
    if takes_value {
        text += &values_of(argument);
        text += &default_of(argument);
    }
    markup::write(roff, &text);
}

/// ` One of this, that.`
fn values_of(argument: &Arg) -> String {
    let values = argument.get_possible_values();
    let seen = values.iter().filter(|value| !value.is_hide_set());
    let named = seen.map(|value| match value.get_help() {
        Some(help) => format!("`{}` ({})", value.get_name(), lower(&help.to_string())),
        None => format!("`{}`", value.get_name()),
    });
    let named = named.collect::<Vec<_>>();
    if named.is_empty() { String::new() } else { format!(" One of {}.", named.join(", ")) }
}

fn default_of(argument: &Arg) -> String {
    let defaults = argument.get_default_values();
    let shown = defaults.iter().map(|value| format!("`{}`", value.to_string_lossy()));
    let shown = shown.collect::<Vec<_>>();
    if shown.is_empty() { String::new() } else { format!(" The default is {}.", shown.join(", ")) }
}

/// With its full stop. What `--help` has in brackets at the end is a sentence here.
fn sentence(text: &str) -> String {
    let text = text.trim_end();
    if let Some((text, default)) = text.rsplit_once(" [default: ")
        && let Some(default) = default.strip_suffix(']')
    {
        return format!("{}. The default is {default}.", text.trim_end_matches('.'));
    }
    if text.ends_with(['.', ':', '?', '!']) { text.to_owned() } else { format!("{text}.") }
}

fn lower(text: &str) -> String {
    let mut letters = text.trim_end_matches('.').chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}
