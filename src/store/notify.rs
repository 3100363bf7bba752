//! The socket at which the service manager hears (`sd_notify`(3)), as far as descriptors go.

use std::{
    io::{self, IoSlice},
    mem::MaybeUninit,
    os::fd::BorrowedFd,
    time::Duration,
};

use rustix::net::{
    AddressFamily, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketAddrUnix,
    SocketFlags, SocketType, sendmsg_addr, socket_with, sockopt,
};

/// How long a message may wait for a manager that does not read. Everybody waits with it.
const PATIENCE: Duration = Duration::from_millis(50);

/// Where the service manager hears.
#[derive(Debug)]
pub(super) struct Notify(SocketAddrUnix);

impl Notify {
    /// From what `NOTIFY_SOCKET` says: a path, or an abstract name after `@`.
    pub(super) fn at(address: &str) -> io::Result<Self> {
        let address = match address.strip_prefix('@') {
            Some(name) => SocketAddrUnix::new_abstract_name(name.as_bytes()),
            None if address.starts_with('/') => SocketAddrUnix::new(address),
            None => return Err(io::ErrorKind::Unsupported.into()),
        };
        Ok(Self(address?))
    }

    /// Sends one message, with one descriptor where there is one.
    pub(super) fn send(&self, text: &str, fd: Option<BorrowedFd<'_>>) -> io::Result<()> {
        let socket =
            socket_with(AddressFamily::UNIX, SocketType::DGRAM, SocketFlags::CLOEXEC, None)?;
        sockopt::set_socket_timeout(&socket, sockopt::Timeout::Send, Some(PATIENCE))?;
        let fds = fd.map(|fd| [fd]);
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if let Some(fds) = &fds {
            let has_room = control.push(SendAncillaryMessage::ScmRights(fds));
            debug_assert!(has_room, "there is room for one descriptor");
        }
        let text = [IoSlice::new(text.as_bytes())];
        sendmsg_addr(&socket, &self.0, &text, &mut control, SendFlags::NOSIGNAL)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::os::{
        linux::net::SocketAddrExt as _,
        unix::net::{SocketAddr, UnixDatagram},
    };

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

        Notify::at(path.to_str().unwrap()).unwrap().send("READY=1", None).unwrap();
        Notify::at(&format!("@{name}")).unwrap().send("STOPPING=1", None).unwrap();

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
        let notify = Notify::at(path.to_str().unwrap()).unwrap();

        let refused = (0..100_000).find_map(|_| notify.send("x", None).err());

        assert_eq!(refused.unwrap().kind(), io::ErrorKind::WouldBlock);
    }

    #[test]
    fn an_address_of_another_kind_is_refused() {
        for address in ["", "vsock:2:1", "relative", &format!("/{}", "x".repeat(200))] {
            assert!(Notify::at(address).is_err(), "{address}");
        }
    }
}
