//! The socket at which a service manager hears what its service says (`sd_notify`(3)).
//!
//! Knows where it is and how to reach it, not what is said. Called by `store` for descriptors, and
//! by `daemon` for everything else.

use std::{
    ffi::OsStr,
    io::{self, IoSlice},
    mem::MaybeUninit,
    os::{
        fd::BorrowedFd,
        linux::net::SocketAddrExt as _,
        unix::{
            ffi::OsStrExt as _,
            net::{SocketAddr, UnixDatagram},
        },
    },
    time::Duration,
};

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};

/// How long a message with a descriptor may wait for a manager that does not read. Everybody waits
/// with it.
const PATIENCE: Duration = Duration::from_millis(50);

/// Where the service manager hears.
#[derive(Debug)]
pub struct Notify(SocketAddr);

impl Notify {
    /// From what `NOTIFY_SOCKET` says: a path, or an abstract name after `@`.
    ///
    /// # Errors
    ///
    /// If it is neither.
    pub fn at(address: &OsStr) -> io::Result<Self> {
        let address = match address.as_bytes().strip_prefix(b"@") {
            Some(name) => SocketAddr::from_abstract_name(name),
            None if address.as_bytes().starts_with(b"/") => SocketAddr::from_pathname(address),
            None => return Err(io::ErrorKind::Unsupported.into()),
        };
        Ok(Self(address?))
    }

    /// A socket whose messages go there.
    ///
    /// # Errors
    ///
    /// If nobody listens.
    pub fn connect(&self) -> io::Result<UnixDatagram> {
        let socket = UnixDatagram::unbound()?;
        socket.connect_addr(&self.0)?;
        Ok(socket)
    }

    /// Sends one message, with one descriptor where there is one. Blocks for a moment at most.
    ///
    /// # Errors
    ///
    /// If nobody listens, or whoever does has not read for that long.
    pub fn send(&self, text: &str, fd: Option<BorrowedFd<'_>>) -> io::Result<()> {
        let socket = self.connect()?;
        socket.set_write_timeout(Some(PATIENCE))?;
        let fds = fd.map(|fd| [fd]);
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if let Some(fds) = &fds {
            let has_room = control.push(SendAncillaryMessage::ScmRights(fds));
            debug_assert!(has_room, "there is room for one descriptor");
        }
        let text = [IoSlice::new(text.as_bytes())];
        sendmsg(&socket, &text, &mut control, SendFlags::NOSIGNAL)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_arrives_at_a_path_and_at_an_abstract_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let at_path = UnixDatagram::bind(&path).unwrap();
        let name = format!("ucsso-notify-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let abstract_one = UnixDatagram::bind_addr(&address).unwrap();
        let mut text = [0; 64];

        Notify::at(path.as_os_str()).unwrap().send("READY=1", None).unwrap();
        Notify::at(format!("@{name}").as_ref()).unwrap().send("STOPPING=1", None).unwrap();

        let length = at_path.recv(&mut text).unwrap();
        assert_eq!(&text[..length], b"READY=1");
        let length = abstract_one.recv(&mut text).unwrap();
        assert_eq!(&text[..length], b"STOPPING=1");
    }

    #[test]
    fn a_manager_that_does_not_read_holds_up_nobody_for_long() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let _deaf = UnixDatagram::bind(&path).unwrap();
        let notify = Notify::at(path.as_os_str()).unwrap();

        let refused = (0..100_000).find_map(|_| notify.send("x", None).err());

        assert_eq!(refused.unwrap().kind(), io::ErrorKind::WouldBlock);
    }

    #[test]
    fn an_address_of_another_kind_is_refused() {
        for address in ["", "vsock:2:1", "relative", &format!("/{}", "x".repeat(200))] {
            assert!(Notify::at(address.as_ref()).is_err(), "{address}");
        }
    }
}
