//! The commands that scripts and services use, and how their options are read.

use std::{ffi::OsString, time::Duration};

use clap::{Args, ValueEnum};

use crate::{config::parse_duration, domain::ClusterName};

/// `ucssoctl exec`.
#[derive(Debug, Args)]
pub(in crate::ctl) struct ExecArgs {
    /// The cluster
    pub(in crate::ctl) cluster: ClusterName,
    /// How long to wait if a login is needed, `60s` for example [default: until it has ended]
    #[arg(long, value_name = "TIME", value_parser = parse_wait)]
    pub(in crate::ctl) wait: Option<Duration>,
    /// Put the token into this variable too: as it is at the start, and never a newer one
    #[arg(long, value_name = "NAME", value_parser = parse_variable)]
    pub(in crate::ctl) env: Option<String>,
    /// The program and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub(in crate::ctl) command: Vec<OsString>,
}

/// `ucssoctl wait`.
#[derive(Debug, Args)]
pub(in crate::ctl) struct WaitArgs {
    /// The clusters; all of them if none is named
    #[arg(value_name = "CLUSTER")]
    pub(in crate::ctl) clusters: Vec<ClusterName>,
    /// For what
    #[arg(long = "for", value_enum, value_name = "WHAT", default_value = "valid")]
    pub(in crate::ctl) goal: Goal,
    /// How long, `60s` for example [default: for as long as it takes]
    #[arg(long, value_name = "TIME", value_parser = parse_timeout)]
    pub(in crate::ctl) timeout: Option<Duration>,
}

/// What to wait for.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(in crate::ctl) enum Goal {
    /// Each of the clusters has a valid token
    Valid,
}

/// `ucssoctl watch`.
#[derive(Debug, Args)]
pub(in crate::ctl) struct WatchArgs {
    /// The clusters; all of them if none is named
    #[arg(value_name = "CLUSTER")]
    pub(in crate::ctl) clusters: Vec<ClusterName>,
    /// Print JSON
    #[arg(long)]
    pub(in crate::ctl) json: bool,
}

/// Reads how long to wait for a token.
pub(super) fn parse_wait(text: &str) -> Result<Duration, String> {
    at_least_a_second(text, "--no-login")
}

/// Reads how long to wait for something to happen.
fn parse_timeout(text: &str) -> Result<Duration, String> {
    at_least_a_second(text, "ucssoctl status")
}

/// Reads how long to wait. In less than a second, not even what is at hand may arrive.
fn at_least_a_second(text: &str, instead: &str) -> Result<Duration, String> {
    let wait = parse_duration(text).map_err(|error| error.to_string())?;
    if wait < Duration::from_secs(1) {
        return Err(format!("less than `1s`; not to wait at all, say `{instead}`"));
    }
    Ok(wait)
}

/// Reads the name of a variable, as POSIX has them.
pub(super) fn parse_variable(text: &str) -> Result<String, &'static str> {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let is_one = text.bytes().all(word) && !text.starts_with(|c: char| c.is_ascii_digit());
    if is_one && !text.is_empty() {
        Ok(text.to_owned())
    } else {
        Err("not a name of a variable: letters, digits and `_`, and no digit first")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_has_a_name_that_a_shell_takes() {
        for name in ["UCSSO_TOKEN", "_", "x9"] {
            assert_eq!(parse_variable(name).as_deref(), Ok(name));
        }
        for name in ["", "9x", "a b", "x;id", "PATH=", "\u{e9}"] {
            assert!(parse_variable(name).is_err(), "{name}");
        }
    }
}
