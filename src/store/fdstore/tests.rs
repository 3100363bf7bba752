//! What the service manager is told, and what of it comes back.

use std::{
    io::IoSliceMut,
    mem::MaybeUninit,
    os::{fd::OwnedFd, unix::net::UnixDatagram},
    sync::Arc,
};

use rustix::{
    io::Errno,
    net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg},
};
use tempfile::TempDir;

use super::*;
use crate::store::testing::record;

/// A service manager: where it hears, and what it holds.
struct Manager {
    socket: UnixDatagram,
    folder: TempDir,
    stored: Vec<(String, OwnedFd)>,
}

impl Manager {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = UnixDatagram::bind(folder.path().join("notify")).unwrap();
        Self { socket, folder, stored: Vec::new() }
    }

    fn address(&self) -> String {
        self.folder.path().join("notify").to_str().unwrap().to_owned()
    }

    /// Does what it was told, and says it: `+NAME` and `-NAME`.
    fn hear(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.hear_one()).collect()
    }

    fn hear_one(&mut self) -> Option<String> {
        let mut text = [0; 512];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let flags = RecvFlags::DONTWAIT | RecvFlags::CMSG_CLOEXEC;
        let message = recvmsg(&self.socket, &mut [IoSliceMut::new(&mut text)], &mut control, flags);
        let length = match message {
            Err(Errno::AGAIN) => return None,
            message => message.unwrap().bytes,
        };
        let fd = control.drain().find_map(|message| match message {
            RecvAncillaryMessage::ScmRights(mut fds) => fds.next(),
            _ => None,
        });
        let text = std::str::from_utf8(&text[..length]).unwrap();
        let name = text.lines().find_map(|line| line.strip_prefix("FDNAME=")).unwrap().to_owned();
        match text.lines().next() {
            Some("FDSTORE=1") => {
                self.stored.push((name.clone(), fd.unwrap()));
                Some(format!("+{name}"))
            }
            Some("FDSTOREREMOVE=1") => {
                self.stored.retain(|(stored, _)| *stored != name);
                Some(format!("-{name}"))
            }
            other => panic!("{other:?}"),
        }
    }

    fn put(&mut self, name: &str, bytes: &[u8]) {
        self.stored.push((name.to_owned(), memfd::seal(bytes).unwrap()));
    }

    /// Starts the service again: what it finds.
    fn start(&self) -> (FdStore, Found) {
        let passed = self
            .stored
            .iter()
            .map(|(name, fd)| Inherited { name: name.clone(), fd: fd.try_clone().unwrap() });
        FdStore::open(&self.address(), passed.collect()).unwrap()
    }
}

fn numbered(serial: u64) -> Record {
    Record { serial, ..record() }
}

fn kept(record: &Record) -> Kept {
    let bytes = Arc::new(record.encode());
    Kept { cluster: record.cluster.clone(), serial: record.serial, bytes }
}

fn hq() -> ClusterName {
    "hq".parse().unwrap()
}

#[test]
fn a_new_record_goes_in_before_the_old_one_goes_out() {
    let mut manager = Manager::new();
    let (store, _) = manager.start();

    store.keep(&kept(&numbered(3)));
    assert_eq!(manager.hear(), ["+token-hq-3"]);
    store.keep(&kept(&numbered(4)));
    assert_eq!(manager.hear(), ["+token-hq-4", "-token-hq-3"]);
    store.keep(&kept(&numbered(4)));
    assert_eq!(manager.hear(), [""; 0], "it is there already");

    let (again, found) = manager.start();
    assert_eq!((found.records, found.serial), (vec![numbered(4)], 4));
    again.keep(&kept(&numbered(4)));
    assert_eq!(manager.hear(), [""; 0], "it is still there");
    again.forget(&hq());
    again.forget(&hq());
    assert_eq!(manager.hear(), ["-token-hq-4"]);
}

#[test]
fn a_daemon_that_was_killed_in_between_left_two_and_the_older_goes() {
    for order in [[3, 4], [4, 3]] {
        let mut manager = Manager::new();
        for serial in order {
            manager.put(&format!("token-hq-{serial}"), &numbered(serial).encode());
        }

        let (store, found) = manager.start();

        assert_eq!(found.records.len(), 2);
        assert_eq!(manager.hear(), ["-token-hq-3"]);
        store.keep(&kept(&numbered(5)));
        assert_eq!(manager.hear(), ["+token-hq-5", "-token-hq-4"]);
    }
}

#[test]
fn the_record_of_a_later_version_is_left_as_it_is_and_counted() {
    let mut manager = Manager::new();
    let mut later = record().encode().to_vec();
    later[8..12].copy_from_slice(&2_u32.to_be_bytes());
    manager.put("token-hq-8", &later);

    let (store, found) = manager.start();
    store.keep(&kept(&numbered(9)));
    store.forget(&hq());

    assert_eq!((found.records, found.serial), (vec![], 8));
    assert_eq!(manager.hear(), ["+token-hq-9", "-token-hq-9"]);
    assert_eq!(manager.stored.len(), 1);
}

#[test]
fn what_is_damaged_or_not_what_it_says_is_removed_and_the_rest_is_good() {
    let mut manager = Manager::new();
    let good = numbered(4).encode();
    manager.put("token-hq-3", b"");
    manager.put("token-hq-5", &good[..good.len() - 1]);
    manager.put("token-hq-6", &good);
    manager.put("token-vm-4", &good);
    for name in ["token-", "token-hq", "token-hq-", "token-hq-+4", "token-hq-04", "token-HQ-4"] {
        manager.put(name, &good);
    }
    let socket = UnixDatagram::unbound().unwrap();
    manager.stored.push(("token-hq-7".into(), socket.into()));
    manager.put("token-hq-4", &good);
    let names: Vec<_> = manager.stored.iter().map(|(name, _)| format!("-{name}")).collect();

    let (_, found) = manager.start();

    assert_eq!(found.records, [numbered(4)]);
    assert_eq!(manager.hear(), names[..names.len() - 1]);
    assert_eq!(manager.stored.len(), 1);
}

#[test]
fn what_a_deaf_manager_missed_it_is_told_with_the_next_change() {
    let mut manager = Manager::new();
    let (store, _) = manager.start();
    store.keep(&kept(&numbered(3)));
    manager.hear();
    let vm = Record { cluster: "vm".parse().unwrap(), ..numbered(6) };

    let full = UnixDatagram::unbound().unwrap();
    full.set_nonblocking(true).unwrap();
    while full.send_to(b"x", manager.address()).is_ok() {}
    store.keep(&kept(&numbered(4)));
    store.keep(&kept(&numbered(5)));
    let mut text = [0; 8];
    manager.socket.set_nonblocking(true).unwrap();
    while manager.socket.recv(&mut text).is_ok() {}
    store.keep(&kept(&vm));

    assert_eq!(manager.hear(), ["+token-hq-5", "+token-vm-6", "-token-hq-3"]);
}

#[test]
fn only_names_of_records_are_ours() {
    let passed = |name: &str| Inherited {
        name: name.to_owned(),
        fd: UnixDatagram::unbound().unwrap().into(),
    };

    assert!(FdStore::is_ours(&passed("token-hq-3")));
    for name in ["broker", "redirect", "stored", ""] {
        assert!(!FdStore::is_ours(&passed(name)), "{name}");
    }
    assert!(FdStore::open("vsock:2:1", vec![]).is_none());
}
