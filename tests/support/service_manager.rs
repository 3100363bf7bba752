//! A service manager for one service: hears what the service says of itself, keeps the descriptors
//! that it stores, and passes them to the next start, with the sockets that listen meanwhile.
//!
//! It does what systemd does (`sd_notify`(3), `sd_listen_fds`(3)), in this process and without its
//! units, so that a test can kill a daemon at any moment and start the next one at once. Called by
//! `tests/estate` and `tests/checks`.

use std::{
    io::{self, IoSliceMut},
    mem::MaybeUninit,
    os::fd::{AsFd as _, OwnedFd},
    sync::{Arc, Mutex},
};

use command_fds::{CommandFdExt as _, FdMapping};
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use tempfile::TempDir;
use tokio::{io::Interest, net::UnixDatagram, process::Command, task::JoinHandle};

/// The first descriptor that is passed.
const FIRST: i32 = 3;

/// The manager of one service.
pub(crate) struct ServiceManager {
    folder: TempDir,
    socket: Arc<UnixDatagram>,
    stored: Arc<Mutex<Vec<(String, OwnedFd)>>>,
    sockets: Vec<(String, OwnedFd)>,
    hearing: JoinHandle<()>,
}

impl ServiceManager {
    /// Starts to listen to a service.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = Arc::new(UnixDatagram::bind(folder.path().join("notify")).unwrap());
        let stored = Arc::new(Mutex::new(Vec::new()));
        let (heard, kept) = (Arc::clone(&socket), Arc::clone(&stored));
        let hearing = tokio::spawn(async move {
            while heard.readable().await.is_ok() {
                hear(&heard, &mut kept.lock().unwrap());
            }
        });
        Self { folder, socket, stored, sockets: Vec::new(), hearing }
    }

    /// The same with a socket that listens whether or not the service runs.
    pub(crate) fn listening(mut self, name: &str, socket: impl Into<OwnedFd>) -> Self {
        self.sockets.push((name.to_owned(), socket.into()));
        self
    }

    /// The next start of the service: this command, with what is passed to it.
    pub(crate) fn service(&self, command: &Command) -> Command {
        self.service_within(&[], command)
    }

    /// The same, started by another program.
    pub(crate) fn service_within(&self, around: &[&str], command: &Command) -> Command {
        let mut stored = self.stored.lock().unwrap();
        // What a service said with its last breath counts.
        hear(&self.socket, &mut stored);
        let passed: Vec<_> = self.sockets.iter().chain(stored.iter()).collect();
        let command = command.as_std();
        // Only the service itself knows its process id in time.
        let shell = ["sh", "-c", "export LISTEN_PID=$$; exec \"$@\"", "sh"];
        let mut words = around.iter().chain(&shell);
        let mut service = Command::new(words.next().expect("there is the shell"));
        service.args(words);
        service.arg(command.get_program()).args(command.get_args()).env_clear();
        for (name, value) in command.get_envs() {
            service.env(name, value.unwrap_or_default());
        }
        let names: Vec<_> = passed.iter().map(|(name, _)| name.as_str()).collect();
        service.env("NOTIFY_SOCKET", self.folder.path().join("notify"));
        if !passed.is_empty() {
            service.env("LISTEN_FDS", passed.len().to_string());
            service.env("LISTEN_FDNAMES", names.join(":"));
        }
        let mappings = (FIRST..)
            .zip(&passed)
            .map(|(child_fd, (_, fd))| FdMapping { parent_fd: fd.try_clone().unwrap(), child_fd });
        service.fd_mappings(mappings.collect()).unwrap();
        service
    }

    /// The names of what is stored.
    pub(crate) fn stored(&self) -> Vec<String> {
        let mut stored = self.stored.lock().unwrap();
        hear(&self.socket, &mut stored);
        stored.iter().map(|(name, _)| name.clone()).collect()
    }

    /// Stores something itself.
    pub(crate) fn store(&self, name: &str, fd: impl Into<OwnedFd>) {
        self.stored.lock().unwrap().push((name.to_owned(), fd.into()));
    }
}

impl Drop for ServiceManager {
    fn drop(&mut self) {
        self.hearing.abort();
    }
}

/// Does what the service asked for so far.
fn hear(socket: &UnixDatagram, stored: &mut Vec<(String, OwnedFd)>) {
    // The readiness that is known may be over, and one that is not known may be there.
    while let Ok((text, fd)) = socket.try_io(Interest::READABLE, || receive(socket)) {
        obey(&text, fd, stored);
    }
    while let Ok((text, fd)) = receive(socket) {
        obey(&text, fd, stored);
    }
}

fn obey(text: &str, fd: Option<OwnedFd>, stored: &mut Vec<(String, OwnedFd)>) {
    let mut lines = text.lines();
    let name = text.lines().find_map(|line| line.strip_prefix("FDNAME=")).unwrap_or("stored");
    if lines.any(|line| line == "FDSTORE=1") {
        stored.extend(fd.map(|fd| (name.to_owned(), fd)));
    } else if text.lines().any(|line| line == "FDSTOREREMOVE=1") {
        stored.retain(|(stored, _)| stored != name);
    }
}

/// One message, and the descriptor that came with it.
fn receive(socket: &UnixDatagram) -> io::Result<(String, Option<OwnedFd>)> {
    let mut text = [0; 4096];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(4))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let flags = RecvFlags::DONTWAIT | RecvFlags::CMSG_CLOEXEC;
    let mut into = [IoSliceMut::new(&mut text)];
    let length = recvmsg(socket.as_fd(), &mut into, &mut control, flags)?.bytes;
    let fd = control.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut fds) => fds.next(),
        _ => None,
    });
    Ok((String::from_utf8_lossy(&text[..length]).into_owned(), fd))
}
