//! `ucssoctl service`: has systemd start the daemon for this user, or no longer.
//!
//! Says line by line what it did. It owns the unit files that it wrote, and nothing else: what the
//! user changed stays as it is, and so do the configuration and what the daemon remembers.
//!
//! | file | owns |
//! | --- | --- |
//! | `args` | the command line |
//! | `place` | where this user's program, folders and ports are |
//! | `units` | the text of the units |
//! | `unit_file` | a file of ours, told from one of the user's |
//! | `user_manager` | what `systemctl --user` is asked |
//! | `standing` | what `service status` shows |
//! | `error` | why it does not work, and what mends it |

mod args;
mod error;
mod place;
mod standing;
mod unit_file;
mod units;
mod user_manager;

use std::{
    fs::{self, DirBuilder},
    io,
    os::unix::{fs::DirBuilderExt as _, net::UnixStream},
    path::{Path, PathBuf},
};

pub(super) use self::{args::ServiceCommand, error::Error};
use self::{
    unit_file::{Found, UnitFile},
    units::{BROKER, Place, REDIRECT},
    user_manager::ask,
};
use super::{exit::Exit, terminal::out};
use crate::paths;

/// Does what was asked about the service.
pub(super) fn run(command: &ServiceCommand, socket: Option<PathBuf>) -> Result<Exit, super::Error> {
    match command {
        ServiceCommand::Install { dry_run, force } => {
            Work { dry_run: *dry_run, force: *force }.install(socket)
        }
        ServiceCommand::Uninstall { dry_run, force } => {
            Work { dry_run: *dry_run, force: *force }.uninstall()
        }
        ServiceCommand::Status { json } => standing::show(*json),
    }
}

/// The unit files of this user's own.
fn own_folder() -> Result<PathBuf, paths::Error> {
    let folders = paths::unit_folders(paths::process_environment);
    let own = |folder: &PathBuf| !paths::SYSTEM_UNITS.iter().any(|at| folder == Path::new(at));
    folders.into_iter().find(own).ok_or(paths::Error::NoHome)
}

/// How the work is done.
#[derive(Clone, Copy)]
struct Work {
    /// It is only said.
    dry_run: bool,
    /// What the user changed is replaced, too.
    force: bool,
}

impl Work {
    fn install(self, socket: Option<PathBuf>) -> Result<Exit, super::Error> {
        let release = user_manager::release()?;
        if !user_manager::is_running() {
            return Err(Error::NoManager.into());
        }
        let place = place::find(super::socket(socket)?, release)?;
        refuse_other_daemon(&place.socket)?;
        let files = units::files(&place, &own_folder()?)?;

        let found = self.look(&files)?;
        let (port, rest) = self.put(&files, &found)?;
        self.make(&place.state)?;
        self.tell(&["daemon-reload"])?;
        if port && is_active(paths::UNIT) {
            // Its ports are its own as long as it runs.
            self.tell(&["stop", paths::UNIT])?;
        }
        self.tell(&["enable", BROKER, REDIRECT])?;
        let verb = |unit| if port && is_active(unit) { "restart" } else { "start" };
        self.tell(&[verb(BROKER), BROKER])?;
        let redirect = self.tell(&[verb(REDIRECT), REDIRECT]);
        if rest && !port && is_active(paths::UNIT) {
            self.tell(&["restart", paths::UNIT])?;
        }
        if redirect.is_err() && !self.dry_run {
            return Err(port_taken(&place).into());
        }
        redirect?;
        self.close("The daemon starts as soon as a program asks it: try `ucssoctl status`.\n")
    }

    fn uninstall(self) -> Result<Exit, super::Error> {
        let folder = own_folder()?;
        let files = units::no_files(&folder);
        let found = self.look(&files)?;
        let running = user_manager::is_running();
        if running {
            let known = |unit: &&str| {
                user_manager::properties(unit)
                    .is_ok_and(|found| found.get("LoadState").is_some_and(|is| is == "loaded"))
            };
            let units = [BROKER, REDIRECT, paths::UNIT];
            let known: Vec<_> = units.iter().copied().filter(|unit| known(unit)).collect();
            if !known.is_empty() {
                let words: Vec<_> = ["disable", "--now"].into_iter().chain(known).collect();
                self.tell(&words)?;
            }
        }
        self.put(&files, &found)?;
        for (target, unit) in [("sockets", BROKER), ("sockets", REDIRECT), ("default", paths::UNIT)]
        {
            self.unlink(&folder.join(format!("{target}.target.wants")).join(unit))?;
        }
        let state = paths::state_folder(paths::process_environment)?;
        for empty in [folder.join("ucssod.service.d"), state] {
            // What is in use stays.
            if !self.dry_run && fs::remove_dir(&empty).is_ok() {
                said("removed", &empty)?;
            }
        }
        if running {
            self.tell(&["daemon-reload"])?;
        }
        self.close("The configuration and what the daemon remembers stay where they are.\n")
    }

    /// What is at the places of the files. Before anything is done: nothing is done by halves.
    fn look(self, files: &[UnitFile]) -> Result<Vec<Found>, Error> {
        let found = files.iter().map(UnitFile::find).collect::<Result<Vec<_>, _>>()?;
        let changed = files.iter().zip(&found).find(|(_, found)| **found == Found::Changed);
        if let Some((file, _)) = changed.filter(|_| !self.force) {
            return Err(Error::Changed { path: file.path.clone() });
        }
        Ok(found)
    }

    /// Makes the files what they should be, and returns whether that of a socket was another, and
    /// whether that of the service was.
    fn put(self, files: &[UnitFile], found: &[Found]) -> Result<(bool, bool), super::Error> {
        let (mut sockets, mut service) = (false, false);
        for (file, found) in files.iter().zip(found) {
            if *found == Found::Wanted {
                if file.text.is_some() {
                    said("unchanged", &file.path)?;
                }
                continue;
            }
            let is_socket = file.path.extension().is_some_and(|extension| extension == "socket");
            *if is_socket { &mut sockets } else { &mut service } = true;
            if !self.dry_run {
                file.put()?;
            }
            let (done, would) =
                if file.text.is_some() { ("wrote", "write") } else { ("removed", "remove") };
            self.said(done, would, &file.path)?;
        }
        Ok((sockets, service))
    }

    /// Makes the folder that the daemon writes in: its sandbox can open none that is not there.
    fn make(self, folder: &Path) -> Result<(), super::Error> {
        if folder.is_dir() {
            return Ok(());
        }
        if !self.dry_run {
            let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
            made.map_err(|source| Error::File { path: folder.to_owned(), what: "made", source })?;
        }
        self.said("made", "make", folder)
    }

    fn unlink(self, link: &Path) -> Result<(), super::Error> {
        if !link.is_symlink() {
            return Ok(());
        }
        if !self.dry_run {
            match fs::remove_file(link) {
                Err(source) if source.kind() != io::ErrorKind::NotFound => {
                    let path = link.to_owned();
                    return Err(Error::File { path, what: "removed", source }.into());
                }
                _ => {}
            }
        }
        self.said("removed", "remove", link)
    }

    /// Asks the user manager, and says so.
    fn tell(self, words: &[&str]) -> Result<(), super::Error> {
        if !self.dry_run {
            ask(words)?;
        }
        self.said("ran", "run", Path::new(&format!("systemctl --user {}", words.join(" "))))
    }

    fn said(self, done: &str, would: &str, what: &Path) -> Result<(), super::Error> {
        if self.dry_run { said(&format!("would {would}"), what) } else { said(done, what) }
    }

    fn close(self, next: &str) -> Result<Exit, super::Error> {
        if !self.dry_run {
            out(&format!("\n{next}"))?;
        }
        Ok(Exit::Done)
    }
}

fn said(what: &str, path: &Path) -> Result<(), super::Error> {
    out(&format!("{what:<13} {}\n", path.display()))
}

fn is_active(unit: &str) -> bool {
    ask(&["is-active", unit]).is_ok()
}

/// systemd would take the socket from a daemon that was started by hand, which would go on with
/// nobody able to reach it.
fn refuse_other_daemon(socket: &Path) -> Result<(), Error> {
    // Where systemd listens, whoever connects starts the daemon.
    if !is_active(BROKER) && UnixStream::connect(socket).is_ok() {
        return Err(Error::ServedAlready { socket: socket.to_owned() });
    }
    Ok(())
}

/// Why the redirect port cannot be had: systemd's own sentence is in its journal alone.
fn port_taken(place: &Place) -> Error {
    let refused: Vec<_> = place
        .redirects
        .iter()
        .filter_map(|addr| Some((addr.to_string(), std::net::TcpListener::bind(addr).err()?)))
        .collect();
    let said = refused.first().map_or_else(
        || format!("see `systemctl --user status {REDIRECT}`"),
        |(_, error)| error.to_string().to_lowercase(),
    );
    let ports: Vec<_> = refused.into_iter().map(|(addr, _)| addr).collect();
    let ports = if ports.is_empty() { "the redirect port".to_owned() } else { ports.join(", ") };
    Error::RedirectPort { ports, said }
}
