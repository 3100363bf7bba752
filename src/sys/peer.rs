//! Which process is at the other end of a Unix socket, as the kernel knows it.
//!
//! A process id is a number that is given out again: it says who connected, not who has it now.
//! So the process itself is held on to from the moment of the connection (`SO_PEERPIDFD`,
//! unix(7)), and what /proc says is believed only of one that has not ended. Good for telling, not
//! for deciding: a process can exec another program, or let a child use its connection. Called by
//! `rpc`.

use std::{
    io::{self, Read as _},
    os::fd::{AsFd, AsRawFd as _, FromRawFd as _, OwnedFd},
    path::PathBuf,
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::{CWD, Mode, OFlags, fstat, openat, readlinkat},
    io::Errno,
};
use tokio::net::UnixStream;

/// A process that connected.
#[derive(Debug)]
pub struct Peer {
    /// The user it connected as.
    pub uid: u32,
    /// Its process id, unless it has none here: it may live in a container.
    pub pid: Option<u32>,
    hold: Hold,
}

/// What there is to tell of it now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sight {
    /// It runs.
    Running(Program),
    /// It has ended. Whoever uses its connection got it from it.
    Exited,
    /// Nothing is known.
    Unknown,
}

/// What it runs.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Program {
    /// The systemd unit it belongs to.
    pub unit: Option<String>,
    /// The file that is executed.
    pub exe: Option<PathBuf>,
}

/// What keeps it from being mistaken for another.
#[derive(Debug)]
enum Hold {
    /// The process (`pidfd_open`(2)).
    Process(OwnedFd),
    /// Its folder in /proc, which never becomes another's. For kernels before 6.5: between connect
    /// and accept there is a moment in which it can be the wrong one.
    Folder(OwnedFd),
    Exited,
    Nothing,
}

impl Peer {
    /// Takes hold of who connected.
    ///
    /// # Errors
    ///
    /// If the kernel does not say who did.
    pub fn of(stream: &UnixStream) -> io::Result<Self> {
        let credentials = stream.peer_cred()?;
        let (uid, pid) = (credentials.uid(), credentials.pid());
        let pid = pid.and_then(|pid| u32::try_from(pid).ok()).filter(|pid| *pid != 0);
        let hold = match (pid, process(stream)) {
            (None, _) => Hold::Nothing,
            (_, Ok(process)) => Hold::Process(process),
            (_, Err(Errno::SRCH | Errno::INVAL)) => Hold::Exited,
            (Some(pid), Err(Errno::NOPROTOOPT)) => Hold::folder(pid, uid),
            (_, Err(_)) => Hold::Nothing,
        };
        Ok(Self { uid, pid, hold })
    }

    /// Whether it has ended, as far as is known.
    #[must_use]
    pub fn has_exited(&self) -> bool {
        match &self.hold {
            Hold::Process(process) => {
                // Readable once it has ended, before its id is free.
                let mut process = [PollFd::new(process, PollFlags::IN)];
                let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
                poll(&mut process, Some(&at_once)).is_ok_and(|ready| ready > 0)
            }
            Hold::Folder(folder) => !runs(folder),
            Hold::Exited => true,
            Hold::Nothing => false,
        }
    }

    /// Looks what it runs now.
    #[must_use]
    pub fn sight(&self) -> Sight {
        let program = match (&self.hold, self.pid) {
            (Hold::Process(_), Some(pid)) => folder(pid).map(|folder| program(&folder)),
            (Hold::Folder(folder), _) => Ok(program(folder)),
            (Hold::Exited, _) => return Sight::Exited,
            (Hold::Nothing, _) | (Hold::Process(_), None) => return Sight::Unknown,
        };
        // Asked after the look: as long as it has not ended, nobody else had its place.
        match program {
            _ if self.has_exited() => Sight::Exited,
            Ok(program) => Sight::Running(program),
            Err(_) => Sight::Unknown,
        }
    }
}

impl Hold {
    fn folder(pid: u32, uid: u32) -> Self {
        let Ok(folder) = folder(pid) else { return Self::Exited };
        // A process that is closed to others has a folder of root.
        let own = fstat(&folder).is_ok_and(|found| found.st_uid == uid || found.st_uid == 0);
        if own { Self::Folder(folder) } else { Self::Exited }
    }
}

/// The process that connected, for as long as this is kept.
fn process(stream: &UnixStream) -> Result<OwnedFd, Errno> {
    let mut fd: libc::c_int = -1;
    let mut len = libc::socklen_t::try_from(size_of_val(&fd)).expect("an int has a few bytes");
    // SAFETY: the socket is open, and the kernel writes at most `len` bytes to `fd`, which has as
    // many.
    let result = unsafe {
        libc::getsockopt(
            stream.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_PEERPIDFD,
            (&raw mut fd).cast(),
            &raw mut len,
        )
    };
    if result != 0 {
        return Err(Errno::from_io_error(&io::Error::last_os_error()).unwrap_or(Errno::IO));
    }
    // SAFETY: the kernel has just made this descriptor, closed on exec, for whoever asked.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn folder(pid: u32) -> Result<OwnedFd, Errno> {
    let flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
    openat(CWD, format!("/proc/{pid}"), flags, Mode::empty())
}

fn runs(folder: &OwnedFd) -> bool {
    // proc(5): the state stands behind the name, which is in parentheses.
    let state = read(folder, "stat").and_then(|stat| {
        let (_, rest) = stat.rsplit_once(") ")?;
        rest.chars().next()
    });
    state.is_some_and(|state| !matches!(state, 'Z' | 'X'))
}

fn program(folder: &OwnedFd) -> Program {
    let unit = read(folder, "cgroup").and_then(|cgroups| unit(&cgroups).map(str::to_owned));
    let exe = readlinkat(folder, "exe", Vec::new()).ok();
    let exe = exe.map(|path| {
        use std::os::unix::ffi::OsStringExt as _;
        std::ffi::OsString::from_vec(path.into_bytes()).into()
    });
    Program { unit, exe }
}

/// The unit in cgroups(7)'s list: the last part of the path that is one.
fn unit(cgroups: &str) -> Option<&str> {
    let systemd = |line: &&str| line.starts_with("0::") || line.contains(":name=systemd:");
    let path = cgroups.lines().find(systemd)?.rsplit(':').next()?;
    path.rsplit('/').find(|part| matches!(part.rsplit_once('.'), Some((_, "service" | "scope"))))
}

fn read(folder: impl AsFd, name: &str) -> Option<String> {
    let file = openat(folder, name, OFlags::CLOEXEC, Mode::empty()).ok()?;
    let mut text = Vec::new();
    std::fs::File::from(file).take(8192).read_to_end(&mut text).ok()?;
    Some(String::from_utf8_lossy(&text).into_owned())
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command, Stdio};

    use super::*;

    /// A program that runs until it is ended.
    fn child() -> Child {
        Command::new("sleep").arg("600").stdin(Stdio::null()).spawn().unwrap()
    }

    fn ended(mut child: Child) {
        child.kill().unwrap();
        child.wait().unwrap();
    }

    #[tokio::test]
    async fn whoever_connects_is_seen_as_what_it_runs() {
        let (ours, _theirs) = UnixStream::pair().unwrap();

        let peer = Peer::of(&ours).unwrap();

        assert_eq!(peer.pid, Some(std::process::id()));
        assert_eq!(peer.uid, rustix::process::getuid().as_raw());
        let Sight::Running(program) = peer.sight() else { panic!("{:?}", peer.sight()) };
        assert_eq!(program.exe, Some(std::env::current_exe().unwrap()));
    }

    #[test]
    fn without_the_kernels_help_one_that_has_ended_is_seen_to_have() {
        let child = child();
        let uid = rustix::process::getuid().as_raw();
        let pid = child.id();
        let peer = Peer { uid, pid: Some(pid), hold: Hold::folder(pid, uid) };

        let before = peer.sight();
        ended(child);

        let Sight::Running(program) = before else { panic!("{before:?}") };
        assert!(program.exe.unwrap().to_string_lossy().contains("sleep"));
        assert_eq!(peer.sight(), Sight::Exited);
        assert!(peer.has_exited());
        assert!(matches!(Hold::folder(pid, uid), Hold::Exited), "nobody has its id yet");
    }

    #[test]
    fn one_without_an_id_here_is_unknown() {
        let peer = Peer { uid: 0, pid: None, hold: Hold::Nothing };

        assert_eq!(peer.sight(), Sight::Unknown);
    }

    #[test]
    fn the_unit_is_the_innermost_one() {
        let nested = "/user.slice/user-1000.slice/user@1000.service/app.slice/app-x.service/inner";

        assert_eq!(unit(&format!("0::{nested}\n")), Some("app-x.service"));
        assert_eq!(
            unit(&format!("4:memory:/a.service\n1:name=systemd:{nested}\n")),
            Some("app-x.service")
        );
        assert_eq!(unit("0::/user.slice/session-3.scope\n"), Some("session-3.scope"));
        assert_eq!(unit("0::/\n"), None);
        assert_eq!(unit(""), None);
    }
}
