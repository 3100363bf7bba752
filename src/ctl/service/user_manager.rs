//! The user manager, as far as `systemctl --user` talks to it.

use std::{
    collections::BTreeMap,
    io,
    os::unix::net::UnixStream,
    process::{Command, Stdio},
};

use super::Error;
use crate::paths;

/// Whether a manager runs for this user: whether somebody answers at its own socket.
pub(super) fn is_running() -> bool {
    let runtime = paths::session_bus(paths::process_environment);
    let private = runtime.map(|bus| bus.with_file_name("systemd").join("private"));
    private.is_some_and(|socket| UnixStream::connect(socket).is_ok())
}

/// Asks it for something, and returns what it said.
pub(super) fn ask(words: &[&str]) -> Result<String, Error> {
    let mut command = Command::new("systemctl");
    command.arg("--user").args(words).stdin(Stdio::null());
    // In English, as our own sentences are.
    command.env("LC_ALL", "C.UTF-8").env("SYSTEMD_COLORS", "0").env("SYSTEMD_PAGER", "");
    let output = command.output().map_err(|error| missing(&error))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let said: Vec<_> = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    Err(Error::Refused { command: words.join(" "), said: said.join("; ") })
}

/// What it knows of a unit.
pub(super) fn properties(unit: &str) -> Result<BTreeMap<String, String>, Error> {
    let names = "--property=LoadState,FragmentPath,UnitFileState,ActiveState,SubState,Result,\
                 MainPID,StatusText,NRestarts,NFileDescriptorStore,Listen";
    let text = ask(&["show", names, unit])?;
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    Ok(pairs.fold(BTreeMap::new(), |mut found, (name, value)| {
        // A socket unit has a line for each place where it listens.
        let entry: &mut String = found.entry(name.to_owned()).or_default();
        if !entry.is_empty() {
            entry.push('\n');
        }
        entry.push_str(value);
        found
    }))
}

/// The release of systemd on this machine.
pub(super) fn release() -> Result<u32, Error> {
    let output =
        Command::new("systemctl").arg("--version").output().map_err(|error| missing(&error))?;
    let said = String::from_utf8_lossy(&output.stdout);
    // "systemd 252 (252.39-1~deb12u2)"
    Ok(said.split_whitespace().nth(1).and_then(|word| word.parse().ok()).unwrap_or(0))
}

fn missing(error: &io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::NotFound => Error::NoSystemd,
        _ => Error::Refused { command: String::new(), said: error.to_string() },
    }
}
