//! Whose process a loopback connection comes from, and whose has a port.
//!
//! Loopback belongs to every account of the machine, so the address alone proves nothing; the
//! kernel knows the owner of each socket, and tells without privileges. In a user namespace the
//! other users all look like one, so what is decided is only whether a uid is our own; other uids
//! are only named. Called by `listener` for every connection, before it reads, and for a port that
//! it cannot have.

mod sock_diag;
mod tables;

use std::{io, net::SocketAddr};

pub(super) use tables::holder;

/// The user whose process holds the other end of the connection from `peer` to `ours`.
///
/// `None` if no living process holds it or the kernel does not say.
pub(super) async fn owner(peer: SocketAddr, ours: SocketAddr) -> Option<u32> {
    or_by_tables(sock_diag::owner(peer, ours), peer, ours).await
}

/// What the kernel answered, or else what its tables say: a sandbox may have no netlink, and a
/// kernel no `inet_diag`.
async fn or_by_tables(
    answered: io::Result<Option<u32>>,
    peer: SocketAddr,
    ours: SocketAddr,
) -> Option<u32> {
    match answered {
        Ok(owner) => owner,
        Err(error) => {
            tracing::debug!(%error, "reading the tables of sockets for the owner of a connection");
            let reading = tokio::task::spawn_blocking(move || tables::owner(peer, ours));
            reading.await.ok().flatten()
        }
    }
}

/// An IPv4 address inside an IPv6 one is the IPv4 address.
fn canonical(addr: SocketAddr) -> SocketAddr {
    SocketAddr::new(addr.ip().to_canonical(), addr.port())
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use rustix::io::Errno;

    use super::*;

    #[tokio::test]
    async fn the_owner_of_a_connection_of_ours_is_known_with_netlink_and_without() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let ours = listener.local_addr().unwrap();
        let stream = TcpStream::connect(ours).unwrap();
        let peer = stream.local_addr().unwrap();
        let us = Some(rustix::process::getuid().as_raw());

        assert_eq!(owner(peer, ours).await, us);
        for refused in [Errno::AFNOSUPPORT, Errno::ACCESS, Errno::NOENT] {
            assert_eq!(or_by_tables(Err(refused.into()), peer, ours).await, us);
        }
    }

    #[tokio::test]
    async fn an_answer_is_not_held_against_the_tables() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let ours = listener.local_addr().unwrap();
        let stream = TcpStream::connect(ours).unwrap();
        let peer = stream.local_addr().unwrap();

        assert_eq!(or_by_tables(Ok(None), peer, ours).await, None);
        assert_eq!(or_by_tables(Ok(Some(u32::MAX)), peer, ours).await, Some(u32::MAX));
    }
}
