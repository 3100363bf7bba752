//! The file descriptors that the service manager hands to this process: sockets it listens at, and
//! what an earlier life stored with it (`sd_listen_fds_with_names`(3)).

use std::{
    io,
    os::fd::{FromRawFd as _, OwnedFd},
    sync::atomic::{AtomicBool, Ordering::Relaxed},
};

/// One descriptor, and the name under which it was configured or stored.
#[derive(Debug)]
pub struct Inherited {
    /// `FileDescriptorName=` of its socket unit, or `FDNAME=` of the message that stored it.
    pub name: String,
    /// The descriptor. It is closed on exec.
    pub fd: OwnedFd,
}

/// Whether they have been taken.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// Takes them over: all of them the first time, none after that. None where this process was not
/// started by a service manager that hands over any.
///
/// # Errors
///
/// If the service manager's variables contradict each other, or a descriptor is not open.
pub fn take() -> io::Result<Vec<Inherited>> {
    if TAKEN.swap(true, Relaxed) {
        return Ok(Vec::new());
    }
    // A shell that a service started has its variables, and they are for that service.
    if sd_notify::listen_fds()?.len() == 0 {
        return Ok(Vec::new());
    }
    let named = sd_notify::listen_fds_with_names()?;
    let owned = named.map(|(fd, name)| {
        // SAFETY: the manager opened these descriptors for this process alone (`LISTEN_PID` is its
        // id) and they are open, since setting their close-on-exec flag has just succeeded. Nothing
        // else in this process knows their numbers, and `TAKEN` gives each away once.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        Inherited { name, fd }
    });
    Ok(owned.collect())
}
