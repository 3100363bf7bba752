//! Whose the file is: one user on one machine. It opens for nobody else, and nowhere else.

use std::{fs, path::Path};

use aws_lc_rs::hmac;

/// A user of a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Binding {
    uid: u32,
    machine: [u8; 16],
}

/// Where the machine says which one it is: machine-id(5), and the D-Bus specification where there
/// is no systemd.
const MACHINE_IDS: [&str; 2] = ["/etc/machine-id", "/var/lib/dbus/machine-id"];

/// Who asks, so that the id of the machine itself is in no file (machine-id(5)).
const APPLICATION: [u8; 16] = 0x6b1f_4d0a_5c93_4c3e_9a0f_6f2f_0e3a_7d11_u128.to_be_bytes();

impl Binding {
    /// This user on this machine; nothing where the machine does not say which one it is.
    pub(super) fn here() -> Option<Self> {
        let id = MACHINE_IDS.iter().find_map(|path| machine_id(Path::new(path)))?;
        let uid = rustix::process::geteuid().as_raw();
        Some(Self { uid, machine: of_application(id) })
    }

    #[cfg(test)]
    pub(super) const fn new(uid: u32, machine: [u8; 16]) -> Self {
        Self { uid, machine }
    }

    pub(super) const fn uid(&self) -> u32 {
        self.uid
    }

    /// The machine, as it shows itself to this program alone.
    pub(super) fn machine(&self) -> u128 {
        u128::from_be_bytes(self.machine)
    }

    pub(super) fn bytes(&self) -> [u8; 20] {
        let mut bytes = [0; 20];
        bytes[..4].copy_from_slice(&self.uid.to_be_bytes());
        bytes[4..].copy_from_slice(&self.machine);
        bytes
    }
}

fn machine_id(path: &Path) -> Option<[u8; 16]> {
    let text = fs::read_to_string(path).ok()?;
    let id = Some(text.trim_end()).filter(|id| id.len() == 32)?;
    u128::from_str_radix(id, 16).ok().map(u128::to_be_bytes)
}

/// What `sd_id128_get_machine_app_specific`(3) makes of the id: a keyed hash in the form of a
/// UUID of version 4.
fn of_application(machine_id: [u8; 16]) -> [u8; 16] {
    let key = hmac::Key::new(hmac::HMAC_SHA256, &machine_id);
    let digest = hmac::sign(&key, &APPLICATION);
    let mut id: [u8; 16] = *digest.as_ref().first_chunk().expect("16 of 32 bytes");
    id[6] = (id[6] & 0x0f) | 0x40;
    id[8] = (id[8] & 0x3f) | 0x80;
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_of_the_machine_is_the_one_that_systemd_gives_this_application() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("machine-id");
        fs::write(&file, "4d3b2a190807f6e5d4c3b2a100112233\n").unwrap();

        let id = of_application(machine_id(&file).unwrap());

        assert_eq!(format!("{:032x}", u128::from_be_bytes(id)), "901355bf91144d428870b7d3ab7c4408");
    }

    #[test]
    fn a_machine_that_does_not_know_which_it_is_has_no_id() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("machine-id");

        for text in
            ["", "uninitialized\n", "4d3b2a190807f6e5d4c3b2a10011223", "x".repeat(32).as_str()]
        {
            fs::write(&file, text).unwrap();
            assert_eq!(machine_id(&file), None, "{text}");
        }
        assert_eq!(machine_id(Path::new("/nonexistent/machine-id")), None);
    }
}
