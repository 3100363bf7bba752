//! The sockets of an origin: every address that it stands for, or none.
//!
//! `localhost` with one of its addresses left out would give the redirects to whoever listens on
//! the other. Called by `listener`, on a thread that may block.

use std::{
    io,
    net::{SocketAddr, TcpListener},
};

use rustix::io::Errno;

use super::{Error, Passed};
use crate::loopback::Origin;

/// Listens at all addresses of an origin, with the port the system chose if it was asked for
/// port 0. Without `SO_REUSEPORT`: nobody else can listen there as long as we do. An address at
/// which a socket listens that was passed to us has that.
pub(super) fn bind(origin: Origin, passed: &Passed) -> Result<(Origin, Vec<TcpListener>), Error> {
    bind_with(origin, |addr| passed.at(addr).unwrap_or_else(|| TcpListener::bind(addr)))
}

fn bind_with(
    mut origin: Origin,
    listen: impl Fn(SocketAddr) -> io::Result<TcpListener>,
) -> Result<(Origin, Vec<TcpListener>), Error> {
    let mut sockets = Vec::new();
    for addr in origin.addresses() {
        let addr = SocketAddr::new(addr.ip(), origin.port);
        match listen(addr).and_then(|socket| Ok((socket.local_addr()?.port(), socket))) {
            Ok((port, socket)) => {
                origin.port = port;
                sockets.push(socket);
            }
            // Nobody else can listen there either.
            Err(error) if !sockets.is_empty() && is_absent(&error) => {}
            Err(error) => return Err(Error::unbound(addr, error)),
        }
    }
    Ok((origin, sockets))
}

/// Whether the machine has no such address: IPv6 is switched off on it.
pub(super) fn is_absent(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::ADDRNOTAVAIL | Errno::AFNOSUPPORT))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::browser::tests::origin;

    fn only_v4(errno: Errno) -> impl Fn(SocketAddr) -> io::Result<TcpListener> {
        move |addr| if addr.is_ipv4() { TcpListener::bind(addr) } else { Err(errno.into()) }
    }

    fn addresses(sockets: &[TcpListener]) -> Vec<SocketAddr> {
        sockets.iter().map(|socket| socket.local_addr().unwrap()).collect()
    }

    #[test]
    fn localhost_is_listened_on_at_both_addresses() {
        let (origin, sockets) = bind(origin("http://localhost:0"), &Passed::default()).unwrap();

        assert_ne!(origin.port, 0);
        assert_eq!(addresses(&sockets), origin.addresses());
    }

    #[test]
    fn an_address_that_was_passed_is_not_bound_again() {
        let passed = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = passed.local_addr().unwrap();
        let passed = Passed::new(vec![passed]);

        for host in ["127.0.0.1", "localhost"] {
            let origin = origin(&format!("http://{host}:{}", addr.port()));
            let (_, sockets) = bind(origin, &passed).unwrap();

            assert_eq!(addresses(&sockets), origin.addresses());
            let client = std::net::TcpStream::connect(addr).unwrap();
            assert_eq!(sockets[0].accept().unwrap().1, client.local_addr().unwrap());
        }
        assert!(TcpListener::bind(addr).is_err(), "it is kept when nobody serves the origin");
    }

    #[test]
    fn localhost_with_an_address_that_somebody_else_has_is_refused() {
        let other = TcpListener::bind("[::1]:0").unwrap();
        let addr = other.local_addr().unwrap();
        let us = rustix::process::getuid().as_raw();

        let refused =
            bind(origin(&format!("http://localhost:{}", addr.port())), &Passed::default());

        assert_eq!(
            refused.unwrap_err().to_string(),
            format!("another program of uid {us} listens on {addr}")
        );
    }

    #[test]
    fn localhost_is_one_address_where_the_machine_has_no_other() {
        for errno in [Errno::ADDRNOTAVAIL, Errno::AFNOSUPPORT] {
            let (origin, sockets) =
                bind_with(origin("http://localhost:0"), only_v4(errno)).unwrap();

            assert_eq!(addresses(&sockets), origin.addresses()[..1]);
        }
        let refused = bind_with(origin("http://localhost:0"), only_v4(Errno::MFILE));
        assert!(matches!(refused, Err(Error::Bind { .. })));
        let alone = bind_with(origin("http://[::1]:0"), only_v4(Errno::ADDRNOTAVAIL));
        assert!(matches!(alone, Err(Error::Bind { .. })), "{alone:?}");
    }
}
