//! Whose process a loopback connection comes from.
//!
//! Loopback belongs to every account of the machine, so the address alone proves nothing. The
//! kernel lists the owner of each TCP socket in `/proc/net/tcp` and `/proc/net/tcp6` (proc(5)),
//! without privileges. In a user namespace the other users all look like one, so a uid is only
//! ever compared with our own. Called by `listener` for every connection, before it reads.

use std::{
    fs::File,
    io::{self, BufRead, BufReader},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

/// The kernel walks the table in pieces while sockets come and go, so a row can be missed once.
const READINGS: u32 = 3;

/// The user whose process holds the other end of the connection from `peer` to `ours`.
///
/// Blocks for as long as it takes to read the tables. `None` if no living process holds it or
/// the tables cannot be read.
pub(super) fn owner(peer: SocketAddr, ours: SocketAddr) -> Option<u32> {
    (0..READINGS).find_map(|_| {
        // A socket of the IPv6 family that talks IPv4 is listed in the second table alone.
        ["/proc/net/tcp", "/proc/net/tcp6"].into_iter().find_map(|table| {
            let rows = BufReader::new(File::open(table).ok()?);
            owner_in(rows, peer, ours).ok().flatten()
        })
    })
}

/// The same, in one table.
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

/// What matters of one line.
struct Row {
    local: SocketAddr,
    remote: SocketAddr,
    uid: u32,
    /// 0 once no process has the socket any more; the kernel then may list it with uid 0.
    inode: u64,
}

impl Row {
    fn parse(line: &str) -> Option<Self> {
        let mut fields = line.split_ascii_whitespace();
        let local = address(fields.nth(1)?)?;
        let remote = address(fields.next()?)?;
        let uid = fields.nth(4)?.parse().ok()?;
        let inode = fields.nth(1)?.parse().ok()?;
        Some(Self { local, remote, uid, inode })
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

/// An IPv4 address inside an IPv6 one is the IPv4 address.
fn canonical(addr: SocketAddr) -> SocketAddr {
    SocketAddr::new(addr.ip().to_canonical(), addr.port())
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
    fn lines_that_are_no_rows_are_passed_over() {
        for line in ["", "   9:", "9: x y", "9: 0100007F:223D 0100007F:C8A2 01 a b c -1 0 1"] {
            assert!(Row::parse(line).is_none(), "{line:?}");
        }
        for text in ["0100007F", "0100007:223D", "0100007F:1223D", "é00007F:223D", ":"] {
            assert_eq!(address(text), None, "{text:?}");
        }
    }

    #[test]
    fn the_kernel_knows_the_owner_of_a_connection_of_ours() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let ours = listener.local_addr().unwrap();
        let stream = TcpStream::connect(ours).unwrap();

        let owner = owner(stream.local_addr().unwrap(), ours);

        assert_eq!(owner, Some(rustix::process::getuid().as_raw()));
    }
}
