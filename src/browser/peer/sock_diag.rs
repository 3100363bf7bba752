//! One question to the kernel: who owns the socket with these two addresses (`sock_diag(7)`).
//!
//! The kernel finds the socket in its hash table and answers within the call that asks, so this
//! takes microseconds however many sockets there are. Numbers of the protocol are in the byte order
//! of the machine, addresses and ports in that of the network. Called by `peer`, which knows what to
//! do where nobody answers.

use std::{
    io,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use rustix::{
    io::Errno,
    net::{
        AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType,
        netlink::{SOCK_DIAG, SocketAddrNetlink},
        recvfrom, sendto, socket_with, sockopt,
    },
};

use super::canonical;

// `NLMSG_ERROR`, `NLM_F_REQUEST` and the size of a `nlmsghdr` (linux/netlink.h).
const ERROR: u16 = 2;
const REQUEST: u16 = 1;
const HEADER: usize = 16;

// `SOCK_DIAG_BY_FAMILY` (linux/sock_diag.h).
const BY_FAMILY: u16 = 20;

// The sizes of an `inet_diag_req_v2` and of an `inet_diag_msg` (linux/inet_diag.h).
const QUESTION: usize = 56;
const ANSWER: usize = 72;

// `INET_DIAG_NOCOOKIE`, twice (linux/inet_diag.h): any socket with these addresses.
const NO_COOKIE: [u8; 8] = [0xff; 8];

// `AF_INET` and `AF_INET6` (bits/socket.h), `IPPROTO_TCP` (linux/in.h).
const INET: u8 = 2;
const INET6: u8 = 10;
const TCP: u8 = 6;

/// How long the answer may take. It is there before the call that asks has returned, so this is for
/// a kernel that does not keep to it.
const PATIENCE: Duration = Duration::from_millis(100);

/// The kernel as a correspondent (netlink(7)).
const KERNEL: SocketAddrNetlink = SocketAddrNetlink::new(0, 0);

/// The user whose process holds the end of a connection that is bound to `local` and connected to
/// `remote`. `None` if the connection is there and no living process holds that end.
///
/// # Errors
///
/// Where netlink is refused, or the kernel does not answer this question. `ENOENT` is both a kernel
/// that cannot look and one that has looked and found nothing.
pub(super) fn owner(local: SocketAddr, remote: SocketAddr) -> io::Result<Option<u32>> {
    let flags = SocketFlags::CLOEXEC;
    let socket = socket_with(AddressFamily::NETLINK, SocketType::DGRAM, flags, Some(SOCK_DIAG))?;
    sockopt::set_socket_timeout(&socket, sockopt::Timeout::Recv, Some(PATIENCE))?;
    sendto(&socket, &question(local, remote), SendFlags::empty(), &KERNEL)?;

    let mut answer = [0; 512];
    let (length, _, from) = recvfrom(&socket, &mut answer, RecvFlags::empty())?;
    // Some who are privileged may write to the sockets of others.
    if from.and_then(|from| SocketAddrNetlink::try_from(from).ok()) != Some(KERNEL) {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    read(&answer[..length], local, remote)
}

/// Asks for one socket, not for a list: the kernel looks at all of the address.
fn question(local: SocketAddr, remote: SocketAddr) -> Vec<u8> {
    let (local, remote) = (canonical(local), canonical(remote));
    let length = u32::try_from(HEADER + QUESTION).expect("the length is a small constant");
    let mut question = Vec::with_capacity(HEADER + QUESTION);

    // nlmsghdr: its sequence and port are for whoever asks more than one thing on a socket.
    question.extend(length.to_ne_bytes());
    question.extend(BY_FAMILY.to_ne_bytes());
    question.extend(REQUEST.to_ne_bytes());
    question.extend([0; 8]);
    // inet_diag_req_v2: nothing beyond the socket itself, whatever its state. A socket of the IPv6
    // family that talks IPv4 is found as one of IPv4.
    question.extend([if local.is_ipv4() { INET } else { INET6 }, TCP, 0, 0]);
    question.extend(u32::MAX.to_ne_bytes());
    // inet_diag_sockid: at any interface.
    question.extend(local.port().to_be_bytes());
    question.extend(remote.port().to_be_bytes());
    question.extend(words(local.ip()));
    question.extend(words(remote.ip()));
    question.extend([0; 4]);
    question.extend(NO_COOKIE);
    question
}

/// An address in the four words that there are for one.
fn words(ip: IpAddr) -> [u8; 16] {
    let mut words = [0; 16];
    match ip {
        IpAddr::V4(ip) => words[..4].copy_from_slice(&ip.octets()),
        IpAddr::V6(ip) => words = ip.octets(),
    }
    words
}

/// Reads whose socket it is out of an answer that has to be about this one.
fn read(answer: &[u8], local: SocketAddr, remote: SocketAddr) -> io::Result<Option<u32>> {
    let message = Message::parse(answer).ok_or(io::ErrorKind::InvalidData)?;
    match message {
        Message::Error(code) => Err(io::Error::from_raw_os_error(code)),
        // Where there is no such connection, it may be the socket that listens at its address.
        Message::Socket(socket)
            if (socket.local, socket.remote) != (canonical(local), canonical(remote)) =>
        {
            Err(Errno::NOENT.into())
        }
        Message::Socket(socket) => Ok((socket.inode != 0).then_some(socket.uid)),
    }
}

/// What the kernel answers.
enum Message {
    /// An errno.
    Error(i32),
    Socket(Socket),
}

/// What matters of an `inet_diag_msg`.
struct Socket {
    local: SocketAddr,
    remote: SocketAddr,
    uid: u32,
    /// 0 once no process has the socket any more; the kernel then may say uid 0.
    inode: u32,
}

impl Message {
    /// `None` if it is cut off, or of a form that nobody asked for.
    fn parse(answer: &[u8]) -> Option<Self> {
        let length = usize::try_from(u32::from_ne_bytes(field(answer, 0)?)).ok()?;
        let body = answer.get(HEADER..length)?;
        match u16::from_ne_bytes(field(answer, 4)?) {
            // A negative errno; 0 would acknowledge what has no answer of its own.
            ERROR => {
                let code = i32::from_ne_bytes(field(body, 0)?).checked_neg()?;
                (code > 0).then_some(Self::Error(code))
            }
            BY_FAMILY => Socket::parse(body.first_chunk()?).map(Self::Socket),
            _ => None,
        }
    }
}

impl Socket {
    fn parse(body: &[u8; ANSWER]) -> Option<Self> {
        let address = |words, port| {
            let ip = match body[0] {
                INET => IpAddr::from(field::<4>(body, words)?),
                INET6 => Ipv6Addr::from(field::<16>(body, words)?).to_canonical(),
                _ => return None,
            };
            Some(SocketAddr::new(ip, u16::from_be_bytes(field(body, port)?)))
        };
        Some(Self {
            local: address(8, 4)?,
            remote: address(24, 6)?,
            uid: u32::from_ne_bytes(field(body, 64)?),
            inode: u32::from_ne_bytes(field(body, 68)?),
        })
    }
}

/// The bytes of a field that begins at `at`.
fn field<const SIZE: usize>(bytes: &[u8], at: usize) -> Option<[u8; SIZE]> {
    bytes.get(at..)?.first_chunk().copied()
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};

    use super::*;

    const LOCAL: &str = "127.0.0.1:51362";
    const REMOTE: &str = "127.0.0.1:8765";

    fn addr(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    /// An answer as the kernel puts it together: the question's addresses, then who owns it.
    fn answer(family: u8, addresses: (&str, &str), uid: u32, inode: u32) -> Vec<u8> {
        let (local, remote) = (addr(addresses.0), addr(addresses.1));
        let mut body = vec![family, 1, 0, 0];
        body.extend(local.port().to_be_bytes());
        body.extend(remote.port().to_be_bytes());
        body.extend(words(local.ip()));
        body.extend(words(remote.ip()));
        body.extend([0; 24]);
        body.extend(uid.to_ne_bytes());
        body.extend(inode.to_ne_bytes());
        assert_eq!(body.len(), ANSWER);
        // An attribute that nobody asked for.
        body.extend([5, 0, 8, 0, 0, 0, 0, 0]);
        message(BY_FAMILY, &body)
    }

    fn message(kind: u16, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(HEADER + body.len()).unwrap();
        let mut message = length.to_ne_bytes().to_vec();
        message.extend(kind.to_ne_bytes());
        message.extend([0; 10]);
        message.extend(body);
        message
    }

    fn said(answer: &[u8]) -> io::Result<Option<u32>> {
        read(answer, addr(LOCAL), addr(REMOTE))
    }

    fn errno(said: io::Result<Option<u32>>) -> Option<Errno> {
        Errno::from_io_error(&said.unwrap_err())
    }

    #[test]
    fn the_owner_is_read_out_of_an_answer() {
        let mapped = ("[::ffff:127.0.0.1]:51362", "[::ffff:127.0.0.1]:8765");

        assert_eq!(said(&answer(INET, (LOCAL, REMOTE), 1001, 41901)).unwrap(), Some(1001));
        assert_eq!(said(&answer(INET6, mapped, 1003, 41902)).unwrap(), Some(1003));
        assert_eq!(said(&answer(INET, (LOCAL, REMOTE), 0, 1)).unwrap(), Some(0));
    }

    #[test]
    fn a_socket_without_a_process_has_no_owner() {
        assert_eq!(said(&answer(INET, (LOCAL, REMOTE), 0, 0)).unwrap(), None);
        assert_eq!(said(&answer(INET, (LOCAL, REMOTE), 1001, 0)).unwrap(), None);
    }

    #[test]
    fn an_answer_about_another_socket_is_none() {
        for addresses in [
            (REMOTE, LOCAL),
            (LOCAL, "127.0.0.1:8766"),
            ("127.0.0.1:51363", REMOTE),
            ("127.0.0.2:51362", REMOTE),
            (LOCAL, "127.0.0.2:8765"),
            (LOCAL, "0.0.0.0:0"),
        ] {
            let said = said(&answer(INET, addresses, 1001, 41901));
            assert_eq!(errno(said), Some(Errno::NOENT), "{addresses:?}");
        }
        let v6 = answer(INET6, ("[::1]:51362", "[::1]:8765"), 1001, 41901);
        assert_eq!(errno(said(&v6)), Some(Errno::NOENT));
    }

    #[test]
    fn an_error_is_told_as_the_one_that_it_is() {
        for refused in [Errno::NOENT, Errno::ACCESS, Errno::OPNOTSUPP] {
            let code = (-refused.raw_os_error()).to_ne_bytes();
            assert_eq!(errno(said(&message(ERROR, &code))), Some(refused));
        }
        let unheard_of = said(&message(ERROR, &(-i32::MAX).to_ne_bytes()));
        assert_eq!(unheard_of.unwrap_err().raw_os_error(), Some(i32::MAX));
        for code in [0, 1, i32::MIN] {
            let said = said(&message(ERROR, &code.to_ne_bytes()));
            assert_eq!(said.unwrap_err().kind(), io::ErrorKind::InvalidData, "{code}");
        }
    }

    #[test]
    fn an_answer_that_is_cut_off_or_no_answer_is_not_read() {
        let whole = answer(INET, (LOCAL, REMOTE), 1001, 41901);
        let short = message(BY_FAMILY, &whole[HEADER..HEADER + ANSWER - 1]);
        let mut cut: Vec<_> = (0..whole.len()).map(|end| whole[..end].to_vec()).collect();
        cut.extend([short, message(ERROR, &[254, 255, 255]), message(3, &[0; ANSWER])]);
        cut.extend([answer(7, (LOCAL, REMOTE), 1001, 41901), vec![0; 512], vec![0xff; 512]]);

        for answer in cut {
            let said = said(&answer);
            assert_eq!(said.unwrap_err().kind(), io::ErrorKind::InvalidData, "{answer:?}");
        }
    }

    #[test]
    fn the_question_is_the_one_of_the_manual() {
        let question = question(addr("127.0.0.1:258"), addr("[::ffff:127.0.0.2]:772"));

        assert_eq!(question.len(), HEADER + QUESTION);
        assert_eq!(question[..4], 72_u32.to_ne_bytes());
        assert_eq!(question[16..24], [2, 6, 0, 0, 255, 255, 255, 255]);
        assert_eq!(question[24..28], [1, 2, 3, 4]);
        assert_eq!(question[28..32], [127, 0, 0, 1]);
        assert_eq!(question[44..48], [127, 0, 0, 2]);
        assert_eq!(question[60..], [[0; 4], [255; 4], [255; 4]].concat());
    }

    /// A connection to a listener at `bound`, by way of `to`: the listener, what accepted it, and
    /// its two addresses as the listener sees them.
    fn connected(bound: &str, to: &str) -> (TcpStream, TcpStream, SocketAddr, SocketAddr) {
        let listener = TcpListener::bind((bound, 0)).unwrap();
        let ours = listener.local_addr().unwrap();
        let stream = TcpStream::connect((to, ours.port())).unwrap();
        let (accepted, peer) = listener.accept().unwrap();
        (stream, accepted, peer, ours)
    }

    #[test]
    fn the_kernel_knows_the_owner_of_a_connection_of_either_family_and_of_both() {
        let us = Some(rustix::process::getuid().as_raw());
        for (bound, to) in [
            ("127.0.0.1", "127.0.0.1"),
            ("::1", "::1"),
            // The end that is asked for is of IPv6 and talks IPv4.
            ("127.0.0.1", "::ffff:127.0.0.1"),
        ] {
            let (_stream, _accepted, peer, ours) = connected(bound, to);
            assert_eq!(owner(peer, ours).unwrap(), us, "{to} at {bound}");
        }
        // The end that answers is, and names both in its own way.
        let (_stream, accepted, peer, _) = connected("::", "127.0.0.1");
        assert_eq!(owner(peer, accepted.local_addr().unwrap()).unwrap(), us);
    }

    #[test]
    fn a_connection_that_is_not_there_has_no_answer() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let ours = listener.local_addr().unwrap();
        let nowhere = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 1);

        assert_eq!(errno(owner(nowhere, ours)), Some(Errno::NOENT));
        assert_eq!(errno(owner(ours, nowhere)), Some(Errno::NOENT), "it is only listened at");
    }

    #[test]
    fn a_connection_that_its_process_has_closed_has_no_owner() {
        let (stream, _accepted, peer, ours) = connected("127.0.0.1", "127.0.0.1");

        stream.shutdown(Shutdown::Write).unwrap();
        assert!(owner(peer, ours).unwrap().is_some(), "it can still read");
        drop(stream);

        assert_eq!(owner(peer, ours).unwrap(), None);
    }
}
