//! `ucssoctl service status`: what systemd has of the daemon, without waking it.

use std::{collections::BTreeMap, fmt::Write as _, path::PathBuf};

use serde::Serialize;

use super::{
    units::{BROKER, REDIRECT},
    user_manager::{self, properties},
};
use crate::{
    ctl::{
        Error,
        exit::Exit,
        json::{self, SCHEMA_VERSION},
        terminal::{harmless, out},
    },
    paths,
};

/// All that is known.
#[derive(Debug, Serialize)]
struct Standing {
    schema_version: u32,
    /// Whether there is a user manager to ask.
    user_manager: bool,
    broker: Unit,
    redirect: Unit,
    daemon: Daemon,
    problems: Vec<String>,
}

/// A socket unit.
#[derive(Debug, Default, Serialize)]
struct Unit {
    file: Option<String>,
    enabled: bool,
    state: Option<String>,
    listens: Vec<String>,
}

impl Unit {
    /// Whether nobody said that it is to listen.
    fn is_idle(&self) -> bool {
        !self.enabled && self.state.as_deref() == Some("inactive")
    }
}

/// The service.
#[derive(Debug, Default, Serialize)]
struct Daemon {
    file: Option<String>,
    state: Option<String>,
    result: Option<String>,
    pid: Option<u32>,
    status: Option<String>,
    restarts: u32,
    stored_descriptors: u32,
}

/// Shows it. The code is 0 where a program that asks would be answered.
pub(super) fn show(as_json: bool) -> Result<Exit, Error> {
    let standing = if user_manager::is_running() { asked()? } else { without_a_manager() };
    let reachable = standing.broker.state.as_deref() == Some("active")
        && standing.daemon.state.as_deref() != Some("failed");
    out(&if as_json { json::pretty(&standing) } else { as_text(&standing) })?;
    Ok(if reachable { Exit::Done } else { Exit::NotReachable })
}

fn asked() -> Result<Standing, Error> {
    let [broker, redirect] = [properties(BROKER)?, properties(REDIRECT)?].map(|of| socket(&of));
    let daemon = daemon(&properties(paths::UNIT)?);
    let mut problems = Vec::new();
    if broker.file.is_none() {
        problems.push("it is not installed: `ucssoctl service install`".to_owned());
    } else if [&broker, &redirect].into_iter().all(Unit::is_idle) && daemon.pid.is_none() {
        // The units are a package's, which nobody has to use.
        problems.push("it is not set up for you: `ucssoctl service install`".to_owned());
    } else {
        if daemon.state.as_deref() == Some("failed") {
            let why = daemon.result.as_deref().unwrap_or("unknown");
            problems.push(format!(
                "the daemon failed ({why}); `journalctl --user -u {}` says why; then \
                 `systemctl --user restart {BROKER} {REDIRECT}`",
                paths::UNIT
            ));
        }
        for (name, unit) in [(BROKER, &broker), (REDIRECT, &redirect)] {
            if unit.state.as_deref() != Some("active") {
                problems.push(format!(
                    "{name} does not listen: `systemctl --user restart {name}`, and see \
                     `systemctl --user status {name}`"
                ));
            }
        }
    }
    let schema_version = SCHEMA_VERSION;
    Ok(Standing { schema_version, user_manager: true, broker, redirect, daemon, problems })
}

/// What the files tell, where no manager runs.
fn without_a_manager() -> Standing {
    let folders = paths::unit_folders(paths::process_environment);
    let file = |name: &str| {
        let mut places = folders.iter().map(|folder| folder.join(name));
        places.find(|path| path.exists()).map(|path: PathBuf| path.display().to_string())
    };
    let unit = |name| Unit { file: file(name), ..Unit::default() };
    Standing {
        schema_version: SCHEMA_VERSION,
        user_manager: false,
        broker: unit(BROKER),
        redirect: unit(REDIRECT),
        daemon: Daemon { file: file(paths::UNIT), ..Daemon::default() },
        problems: vec![format!(
            "no systemd user manager runs for you: {}",
            super::Error::NoManager.advice().replace('\n', " ")
        )],
    }
}

fn socket(of: &BTreeMap<String, String>) -> Unit {
    // "/run/user/1000/ucsso/broker.sock (Stream)"
    let address = |line: &str| line.rsplit_once(" (").map_or(line, |(addr, _)| addr).to_owned();
    let listens = text(of, "Listen").map(|lines| lines.lines().map(address).collect());
    Unit {
        file: text(of, "FragmentPath"),
        enabled: text(of, "UnitFileState").is_some_and(|state| state == "enabled"),
        state: text(of, "ActiveState"),
        listens: listens.unwrap_or_default(),
    }
}

fn daemon(of: &BTreeMap<String, String>) -> Daemon {
    let number = |name| text(of, name).and_then(|text| text.parse().ok()).unwrap_or(0);
    Daemon {
        file: text(of, "FragmentPath"),
        state: text(of, "ActiveState"),
        result: text(of, "Result"),
        pid: Some(number("MainPID")).filter(|pid| *pid != 0),
        status: text(of, "StatusText"),
        restarts: number("NRestarts"),
        stored_descriptors: number("NFileDescriptorStore"),
    }
}

fn text(of: &BTreeMap<String, String>, name: &str) -> Option<String> {
    of.get(name).filter(|value| !value.is_empty()).cloned()
}

fn as_text(standing: &Standing) -> String {
    let mut text = String::new();
    for (name, unit) in [("broker", &standing.broker), ("redirect", &standing.redirect)] {
        let state = match unit.state.as_deref() {
            _ if unit.file.is_none() => "not installed".to_owned(),
            None => "unknown".to_owned(),
            Some("active") => format!("listens at {}", unit.listens.join(", ")),
            Some(state) => state.to_owned(),
        };
        let idle = !unit.enabled && unit.state.is_some() && unit.file.is_some();
        let _ = writeln!(text, "{name:<9} {state}{}", if idle { ", not at login" } else { "" });
    }
    let _ = writeln!(text, "{:<9} {}", "daemon", daemon_words(&standing.daemon));
    for problem in &standing.problems {
        let _ = writeln!(text, "! {problem}");
    }
    text
}

fn daemon_words(daemon: &Daemon) -> String {
    let mut words = match (daemon.state.as_deref(), daemon.pid) {
        (Some("active"), Some(pid)) => format!("runs, pid {pid}"),
        _ if daemon.file.is_none() => "not installed".to_owned(),
        (Some("inactive"), _) => "not running; the next program that asks starts it".to_owned(),
        (Some(state), _) => state.to_owned(),
        (None, _) => "unknown".to_owned(),
    };
    if let Some(status) = &daemon.status {
        let _ = write!(words, ": {}", harmless(status));
    }
    match daemon.restarts {
        0 => {}
        1 => words.push_str("; started again once after it had failed"),
        times => {
            let _ = write!(words, "; started again {times} times after it had failed");
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn standing(broker: Unit, daemon: Daemon) -> Standing {
        let redirect = Unit::default();
        let schema_version = SCHEMA_VERSION;
        Standing { schema_version, user_manager: true, broker, redirect, daemon, problems: vec![] }
    }

    #[test]
    fn what_systemd_says_of_a_socket_is_read() {
        let unit = socket(&found(&[
            ("FragmentPath", "/u/ucssod.socket"),
            ("UnitFileState", "enabled"),
            ("ActiveState", "active"),
            ("Listen", "127.0.0.1:27443 (Stream)\n[::1]:27443 (Stream)"),
        ]));

        assert_eq!(unit.listens, ["127.0.0.1:27443", "[::1]:27443"]);
        let text = as_text(&standing(unit, Daemon::default()));
        assert!(text.starts_with("broker    listens at 127.0.0.1:27443, [::1]:27443\n"), "{text}");
        assert!(text.contains("redirect  not installed\n"), "{text}");
    }

    #[test]
    fn a_daemon_that_came_back_says_so() {
        let daemon = daemon(&found(&[
            ("FragmentPath", "/u/ucssod.service"),
            ("ActiveState", "active"),
            ("MainPID", "94"),
            ("StatusText", "1 of 2 clusters has a token"),
            ("NRestarts", "2"),
        ]));

        assert_eq!(
            daemon_words(&daemon),
            "runs, pid 94: 1 of 2 clusters has a token; started again 2 times after it had failed"
        );
    }

    #[test]
    fn a_daemon_that_sleeps_has_no_pid() {
        let daemon = daemon(&found(&[
            ("FragmentPath", "/u/ucssod.service"),
            ("ActiveState", "inactive"),
            ("MainPID", "0"),
        ]));

        assert_eq!(daemon.pid, None);
        assert_eq!(daemon_words(&daemon), "not running; the next program that asks starts it");
    }
}
