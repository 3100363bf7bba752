//! The file descriptors that a service manager passed to this process, by their names.
//!
//! Each is held to what its name promises: a socket of the wrong kind would be served to the wrong
//! people, or not at all. What has another name is left as it is. Called at the start, by `mod`.

use std::{
    net::TcpListener,
    os::{
        fd::{AsFd, OwnedFd},
        unix::net::UnixListener,
    },
};

use rustix::{
    io::Errno,
    net::{
        AddressFamily, SocketType,
        sockopt::{socket_acceptconn, socket_domain, socket_reuseport, socket_type},
    },
};
use tracing::warn;

use crate::{browser::Passed, sys::inherited::Inherited};

/// The name of the broker's socket.
const BROKER: &str = "broker";

/// The name of the sockets of redirects.
const REDIRECT: &str = "redirect";

/// What was passed.
#[derive(Debug, Default)]
pub(super) struct Descriptors {
    /// The broker's socket.
    pub(super) broker: Option<UnixListener>,
    /// The sockets of redirects.
    pub(super) redirects: Passed,
    /// Everything else: what an earlier life stored, and what has a name that nobody here knows.
    pub(super) others: Vec<Inherited>,
}

/// The broker's socket cannot be served.
#[derive(Debug, thiserror::Error)]
#[error("the socket `{BROKER}` that the service manager passed cannot be served")]
pub struct Error(#[source] Unfit);

/// Why a descriptor is not what its name promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum Unfit {
    #[error("it is not a socket")]
    NotASocket,
    #[error("it is not a Unix stream socket")]
    NotUnix,
    #[error("it is not a TCP socket")]
    NotTcp,
    #[error("nobody can connect to it: it does not listen")]
    NotListening,
    #[error("it listens at {0}, which is not an address of this machine alone")]
    NotLoopback(std::net::SocketAddr),
    #[error("other programs may listen at its port: it has `ReusePort=`")]
    Shared,
    #[error("there are two of that name")]
    Second,
}

impl Descriptors {
    /// Sorts what was passed. A redirect socket that will not do is said and let go: logins can do
    /// without.
    ///
    /// # Errors
    ///
    /// If the broker's socket will not do: its callers would wait for an answer for ever.
    pub(super) fn sort(passed: Vec<Inherited>) -> Result<Self, Error> {
        let mut sorted = Self::default();
        let mut redirects = Vec::new();
        for Inherited { name, fd } in passed {
            match name.as_str() {
                BROKER if sorted.broker.is_some() => return Err(Error(Unfit::Second)),
                BROKER => sorted.broker = Some(broker(fd).map_err(Error)?),
                REDIRECT => match redirect(fd) {
                    Ok(socket) => redirects.push(socket),
                    Err(why) => warn!("a socket `{REDIRECT}` that was passed is not used: {why}"),
                },
                _ => sorted.others.push(Inherited { name, fd }),
            }
        }
        sorted.redirects = Passed::new(redirects);
        Ok(sorted)
    }
}

fn broker(fd: OwnedFd) -> Result<UnixListener, Unfit> {
    listens(&fd, |domain| domain == AddressFamily::UNIX, Unfit::NotUnix)?;
    Ok(UnixListener::from(fd))
}

fn redirect(fd: OwnedFd) -> Result<TcpListener, Unfit> {
    let tcp = |domain| matches!(domain, AddressFamily::INET | AddressFamily::INET6);
    listens(&fd, tcp, Unfit::NotTcp)?;
    if socket_reuseport(&fd).map_err(not_a_socket)? {
        return Err(Unfit::Shared);
    }
    let socket = TcpListener::from(fd);
    match socket.local_addr() {
        Ok(addr) if addr.ip().is_loopback() => Ok(socket),
        Ok(addr) => Err(Unfit::NotLoopback(addr)),
        Err(_) => Err(Unfit::NotTcp),
    }
}

/// Whether a descriptor is a stream socket of a family, and listens; `other` if it is not one.
fn listens(
    fd: impl AsFd,
    of_family: impl Fn(AddressFamily) -> bool,
    other: Unfit,
) -> Result<(), Unfit> {
    let kind = socket_type(&fd).map_err(not_a_socket)?;
    let domain = socket_domain(&fd).map_err(not_a_socket)?;
    if kind != SocketType::STREAM || !of_family(domain) {
        return Err(other);
    }
    if socket_acceptconn(&fd).map_err(not_a_socket)? { Ok(()) } else { Err(Unfit::NotListening) }
}

const fn not_a_socket(_: Errno) -> Unfit {
    Unfit::NotASocket
}

#[cfg(test)]
mod tests {
    use std::{
        fs::File,
        net::{TcpStream, UdpSocket},
        os::unix::net::{UnixDatagram, UnixStream},
    };

    use super::*;
    use crate::chain;

    fn named(name: &str, fd: impl Into<OwnedFd>) -> Inherited {
        Inherited { name: name.to_owned(), fd: fd.into() }
    }

    fn null() -> File {
        File::open("/dev/null").unwrap()
    }

    fn tcp(addr: &str) -> TcpListener {
        TcpListener::bind(addr).unwrap()
    }

    fn unix() -> UnixListener {
        let folder = tempfile::tempdir().unwrap();
        UnixListener::bind(folder.path().join("s")).unwrap()
    }

    #[test]
    fn each_descriptor_goes_where_its_name_says() {
        let sorted = Descriptors::sort(vec![
            named("redirect", tcp("127.0.0.1:0")),
            named("token-hq", null()),
            named("broker", unix()),
            named("redirect", tcp("[::1]:0")),
        ]);

        let Descriptors { broker, redirects, others } = sorted.unwrap();
        assert!(broker.is_some());
        assert_eq!(redirects.addresses().len(), 2);
        assert_eq!(
            others.iter().map(|other| other.name.as_str()).collect::<Vec<_>>(),
            ["token-hq"]
        );
        assert!(Descriptors::sort(Vec::new()).unwrap().broker.is_none());
    }

    #[test]
    fn a_broker_socket_that_will_not_do_is_an_error() {
        for (fd, why) in [
            (OwnedFd::from(null()), "it is not a socket"),
            (tcp("127.0.0.1:0").into(), "it is not a Unix stream socket"),
            (UnixDatagram::unbound().unwrap().into(), "it is not a Unix stream socket"),
            (UnixStream::pair().unwrap().0.into(), "it does not listen"),
        ] {
            let error = Descriptors::sort(vec![named("broker", fd)]).unwrap_err();

            let said = chain::one_line(&error);
            assert!(said.contains("`broker`") && said.contains(why), "{said}");
        }
        let error = Descriptors::sort(vec![named("broker", unix()), named("broker", unix())]);
        assert!(matches!(error, Err(Error(Unfit::Second))));
    }

    #[test]
    fn a_redirect_socket_that_will_not_do_is_let_go() {
        let listening = tcp("127.0.0.1:0");
        let connected = TcpStream::connect(listening.local_addr().unwrap()).unwrap();
        let shared = rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
        rustix::net::sockopt::set_socket_reuseport(&shared, true).unwrap();
        let here = std::net::SocketAddrV4::new(std::net::Ipv4Addr::LOCALHOST, 0);
        rustix::net::bind(&shared, &here).unwrap();
        rustix::net::listen(&shared, 1).unwrap();
        let everywhere = tcp("0.0.0.0:0");
        let addr = everywhere.local_addr().unwrap();
        for (fd, unfit) in [
            (OwnedFd::from(null()), Unfit::NotASocket),
            (unix().into(), Unfit::NotTcp),
            (UdpSocket::bind("127.0.0.1:0").unwrap().into(), Unfit::NotTcp),
            (connected.into(), Unfit::NotListening),
            (everywhere.into(), Unfit::NotLoopback(addr)),
            (shared, Unfit::Shared),
        ] {
            assert_eq!(redirect(fd.try_clone().unwrap()).unwrap_err(), unfit);
            let sorted = Descriptors::sort(vec![named("redirect", fd)]).unwrap();
            assert_eq!(sorted.redirects.addresses(), []);
        }
    }
}
