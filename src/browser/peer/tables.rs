//! The tables of all TCP sockets, `/proc/net/tcp` and `/proc/net/tcp6` (proc(5)): text, the same for
//! every user, there wherever `/proc` is.
//!
//! Reading them takes milliseconds where a machine has thousands of connections, so `peer` asks
//! [`sock_diag`](super::sock_diag) first, and reads here whose a connection is only where nobody
//! answers that. Who listens at an address cannot be asked for in one question; it is read here,
//! where something has gone wrong anyway. Everything in this file may block.

use std::{
    fs::File,
    io::{self, BufRead, BufReader},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use super::canonical;

/// The kernel walks the table in pieces while sockets come and go, so a row can be missed once.
const READINGS: u32 = 3;

/// `TCP_LISTEN`, as the tables have it.
const LISTEN: &str = "0A";

/// The user whose process holds the other end of the connection from `peer` to `ours`.
///
/// Blocks for as long as it takes to read the tables. `None` if no living process holds it or
/// the tables cannot be read.
pub(super) fn owner(peer: SocketAddr, ours: SocketAddr) -> Option<u32> {
    (0..READINGS)
        .find_map(|_| tables().find_map(|table| owner_in(table, peer, ours).ok().flatten()))
}

/// The user whose process listens where connections to `addr` arrive.
///
/// Blocks as [`owner`] does. `None` if nobody listens there, or only somebody in another network
/// namespace, or the tables cannot be read.
pub(in crate::browser) fn holder(addr: SocketAddr) -> Option<u32> {
    (0..READINGS).find_map(|_| {
        let holders = tables().filter_map(|table| holder_in(table, addr).ok().flatten());
        holders.min_by_key(|(wildcards, _)| *wildcards).map(|(_, uid)| uid)
    })
}

/// The tables of sockets. One of the IPv6 family that talks IPv4 is in the second alone.
fn tables() -> impl Iterator<Item = BufReader<File>> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].into_iter();
    tables.filter_map(|table| File::open(table).ok()).map(BufReader::new)
}

/// The owner of a connection, in one table.
fn owner_in(table: impl BufRead, peer: SocketAddr, ours: SocketAddr) -> io::Result<Option<u32>> {
    let (peer, ours) = (canonical(peer), canonical(ours));
    for line in table.lines().skip(1) {
        if let Some(row) = Row::parse(&line?)
            && (row.local, row.remote) == (peer, ours)
            && row.inode != 0
        {
            return Ok(Some(row.uid));
        }
    }
    Ok(None)
}

/// The holder of an address, in one table, with how far from the address the socket is bound:
/// the kernel gives a connection to the listener whose address says most.
fn holder_in(table: impl BufRead, addr: SocketAddr) -> io::Result<Option<(u8, u32)>> {
    let addr = canonical(addr);
    let mut nearest: Option<(u8, u32)> = None;
    for line in table.lines().skip(1) {
        let Some(row) = Row::parse(&line?).filter(|row| row.listening && row.inode != 0) else {
            continue;
        };
        let wildcards = match row.local.ip() {
            ip if ip == addr.ip() => 0,
            IpAddr::V4(Ipv4Addr::UNSPECIFIED) if addr.is_ipv4() => 1,
            // Unless it is for IPv6 alone, which the table does not say.
            IpAddr::V6(Ipv6Addr::UNSPECIFIED) => 2,
            _ => continue,
        };
        if row.local.port() == addr.port() && nearest.is_none_or(|(least, _)| wildcards < least) {
            nearest = Some((wildcards, row.uid));
        }
    }
    Ok(nearest)
}

/// What matters of one line.
struct Row {
    local: SocketAddr,
    remote: SocketAddr,
    listening: bool,
    uid: u32,
    /// 0 once no process has the socket any more; the kernel then may list it with uid 0.
    inode: u64,
}

impl Row {
    fn parse(line: &str) -> Option<Self> {
        let mut fields = line.split_ascii_whitespace();
        let local = address(fields.nth(1)?)?;
        let remote = address(fields.next()?)?;
        let listening = fields.next()? == LISTEN;
        let uid = fields.nth(3)?.parse().ok()?;
        let inode = fields.nth(1)?.parse().ok()?;
        Some(Self { local, remote, listening, uid, inode })
    }
}

/// Reads `0100007F:1F90`: words of an address in the byte order of the machine, then the port.
fn address(text: &str) -> Option<SocketAddr> {
    let (words, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |at: usize| u32::from_str_radix(words.get(at * 8..at * 8 + 8)?, 16).ok();
    let ip = match words.len() {
        8 => IpAddr::from(Ipv4Addr::from(word(0)?.to_ne_bytes())),
        32 => {
            let mut bytes = [0; 16];
            for (at, part) in bytes.chunks_exact_mut(4).enumerate() {
                part.copy_from_slice(&word(at)?.to_ne_bytes());
            }
            IpAddr::from(Ipv6Addr::from(bytes))
        }
        _ => return None,
    };
    Some(canonical(SocketAddr::new(ip, port)))
}

#[cfg(test)]
#[cfg(target_endian = "little")]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    /// Recorded on Linux 6.1 (x86-64) with a client of uid 1000 and one of uid 1001; the last
    /// row is a socket that its process has closed.
    const TCP: &str = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:223D 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 41871 1 0000000000000000 100 0 0 10 0
   1: 0100007F:223D 0100007F:C8A2 01 00000000:00000000 00:00000000 00000000  1000        0 41902 1 0000000000000000 20 4 30 10 -1
   2: 0100007F:C8A2 0100007F:223D 01 00000000:00000000 00:00000000 00000000  1001        0 41901 1 0000000000000000 20 4 30 10 -1
   3: 0100007F:C8A4 0100007F:223D 01 00000000:00000000 00:00000000 00000000  1000        0 41950 1 0000000000000000 20 4 30 10 -1
   4: 0100007F:C8A6 0100007F:223D 05 00000000:00000000 03:00000F3C 00000000     0        0 0 3 0000000000000000
";

    /// The same for IPv6: one connection to `::1`, one to `127.0.0.1` by an IPv6 socket.
    const TCP6: &str = "\
  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000000000000000000001000000:C8A2 00000000000000000000000001000000:223D 01 00000000:00000000 00:00000000 00000000  1002        0 51901 1 0000000000000000 20 4 30 10 -1
   1: 0000000000000000FFFF00000100007F:C8B0 0000000000000000FFFF00000100007F:223D 01 00000000:00000000 00:00000000 00000000  1003        0 51902 1 0000000000000000 20 4 30 10 -1
";

    fn found(table: &str, peer: &str, ours: &str) -> Option<u32> {
        owner_in(table.as_bytes(), peer.parse().unwrap(), ours.parse().unwrap()).unwrap()
    }

    #[test]
    fn the_owner_is_the_one_of_the_far_end() {
        assert_eq!(found(TCP, "127.0.0.1:51362", "127.0.0.1:8765"), Some(1001));
        assert_eq!(found(TCP, "127.0.0.1:51364", "127.0.0.1:8765"), Some(1000));
        assert_eq!(found(TCP6, "[::1]:51362", "[::1]:8765"), Some(1002));
    }

    #[test]
    fn an_ipv6_socket_that_talks_ipv4_is_found() {
        assert_eq!(found(TCP6, "127.0.0.1:51376", "127.0.0.1:8765"), Some(1003));
    }

    #[test]
    fn a_socket_without_a_process_has_no_owner() {
        assert_eq!(found(TCP, "127.0.0.1:51366", "127.0.0.1:8765"), None);
    }

    #[test]
    fn another_connection_is_not_mistaken_for_this_one() {
        assert_eq!(found(TCP, "127.0.0.1:51362", "127.0.0.1:8766"), None);
        assert_eq!(found(TCP, "127.0.0.1:51363", "127.0.0.1:8765"), None);
        assert_eq!(found(TCP, "127.0.0.1:8765", "0.0.0.0:0"), Some(1000));
    }

    #[test]
    fn the_holder_of_a_port_listens_there_or_everywhere() {
        let table = |rows: &[(&str, &str, u32)]| {
            rows.iter().fold("header\n".to_owned(), |text, (local, state, uid)| {
                text + &format!("   0: {local} {local} {state} 0:0 00:0 0 {uid} 0 41871 1\n")
            })
        };
        let found =
            |table: &str, addr: &str| holder_in(table.as_bytes(), addr.parse().unwrap()).unwrap();
        let v4 = table(&[
            ("00000000:223D", "0A", 1001),
            ("0100007F:223D", "0A", 1002),
            ("0100007F:223E", "01", 1003),
        ]);
        let v6 = table(&[
            ("00000000000000000000000000000000:223D", "0A", 1004),
            ("0000000000000000FFFF00000100007F:223E", "0A", 1005),
        ]);

        assert_eq!(found(&v4, "127.0.0.1:8765"), Some((0, 1002)));
        assert_eq!(found(&v4, "127.0.0.2:8765"), Some((1, 1001)));
        assert_eq!(found(&v4, "127.0.0.1:8766"), None, "a connection is no listener");
        assert_eq!(found(&v4, "[::1]:8765"), None);
        assert_eq!(found(&v6, "[::1]:8765"), Some((2, 1004)));
        assert_eq!(found(&v6, "127.0.0.1:8765"), Some((2, 1004)));
        assert_eq!(found(&v6, "127.0.0.1:8766"), Some((0, 1005)));
    }

    #[test]
    fn the_kernel_knows_who_listens() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let everywhere = TcpListener::bind("[::]:0").unwrap();
        let us = Some(rustix::process::getuid().as_raw());
        let port = everywhere.local_addr().unwrap().port();

        assert_eq!(holder(listener.local_addr().unwrap()), us);
        assert_eq!(holder(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port)), us);
        drop(everywhere);
        assert_eq!(holder(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port)), None);
    }

    #[test]
    fn lines_that_are_no_rows_are_passed_over() {
        for line in ["", "   9:", "9: x y", "9: 0100007F:223D 0100007F:C8A2 01 a b c -1 0 1"] {
            assert!(Row::parse(line).is_none(), "{line:?}");
        }
        for text in ["0100007F", "0100007:223D", "0100007F:1223D", "é00007F:223D", ":"] {
            assert_eq!(address(text), None, "{text:?}");
        }
    }

    #[test]
    fn the_tables_have_the_owner_of_a_connection_of_ours() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let ours = listener.local_addr().unwrap();
        let stream = TcpStream::connect(ours).unwrap();

        let owner = owner(stream.local_addr().unwrap(), ours);

        assert_eq!(owner, Some(rustix::process::getuid().as_raw()));
    }
}
