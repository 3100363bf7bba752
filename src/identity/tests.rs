//! The certificate: what it is good for, how it is kept, and when it is not believed.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{PermissionsExt as _, symlink},
};

use tempfile::TempDir;

use super::*;

/// 2026-11-24.
const NOW: Duration = Duration::from_hours(498_750);

fn home() -> (TempDir, Files) {
    let home = tempfile::tempdir().unwrap();
    let files = Files::at(home.path().join("share/redirect"));
    (home, files)
}

fn stored() -> (TempDir, Files) {
    let (home, files) = home();
    files.store(&mint(NOW).unwrap(), false).unwrap();
    (home, files)
}

fn mode(path: &std::path::Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn judged(identity: &Identity, name: &'static str) -> bool {
    let mut roots = RootCertStore::empty();
    roots.add(identity.authority.clone()).unwrap();
    let verifier =
        WebPkiServerVerifier::builder_with_provider(roots.into(), default_provider().into());
    let name = ServerName::try_from(name).unwrap();
    let now = UnixTime::since_unix_epoch(NOW);
    let verifier = verifier.build().unwrap();
    verifier.verify_server_cert(&identity.certificate, &[], &name, &[], now).is_ok()
}

#[test]
fn a_certificate_is_for_this_machine_and_two_years() {
    let (_home, files) = stored();

    let identity = files.load().unwrap();

    assert!(NAMES.iter().all(|name| judged(&identity, name)));
    assert!(!judged(&identity, "example.com") && !judged(&identity, "127.0.0.2"));
    assert_eq!(identity.ends_at(), NOW + Duration::from_hours(24 * 730));
    assert!(identity.check(NOW).is_ok());
    assert!(matches!(identity.check(identity.ends_at()), Err(Flaw::Expired)));
    assert_eq!(identity.fingerprint().len(), 95);
}

#[test]
fn the_authority_may_vouch_for_nothing_but_this_machine() {
    let (_home, files) = stored();
    let text = fs::read(files.authority()).unwrap();
    let authority = CertificateDer::from_pem_slice(&text).unwrap();

    // RFC 5280 4.2.1.10, critical: dNSName `localhost`, iPAddress with a mask of all ones.
    let oid = [0x06, 0x03, 0x55, 0x1d, 0x1e, 0x01, 0x01, 0xff];
    let v6 = [&[0x87, 32][..], &[0; 15], &[1], &[0xff; 16]].concat();
    for part in [&oid[..], b"\x82\x09localhost", b"\x87\x08\x7f\0\0\x01\xff\xff\xff\xff", &v6] {
        assert!(authority.windows(part.len()).any(|window| window == part), "{part:x?}");
    }
}

#[test]
fn the_files_are_for_their_owners_eyes_and_have_one_key() {
    let (home, files) = stored();

    for file in [files.identity(), files.authority()] {
        assert_eq!(mode(&file), 0o600);
    }
    assert_eq!(mode(&home.path().join("share/redirect")), 0o700);
    let all = fs::read_dir(home.path().join("share/redirect")).unwrap();
    let texts: Vec<_> =
        all.map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap()).collect();
    assert_eq!(texts.len(), 2, "no draft is left");
    assert_eq!(texts.concat().matches("PRIVATE KEY-----\n").count(), 2, "one begin, one end");
}

#[test]
fn a_certificate_is_replaced_only_where_it_is_to_be_renewed() {
    let (_home, files) = stored();
    let first = files.load().unwrap().fingerprint();
    let second = mint(NOW).unwrap();

    let refused = files.store(&second, false).unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
    assert_eq!(files.load().unwrap().fingerprint(), first);
    files.store(&second, true).unwrap();

    let identity = files.load().unwrap();
    assert_ne!(identity.fingerprint(), first);
    let authority = fs::read(files.authority()).unwrap();
    assert_eq!(CertificateDer::from_pem_slice(&authority).unwrap(), identity.authority);
}

#[test]
fn what_others_could_have_read_or_written_is_not_used() {
    let (home, files) = stored();
    let file = files.identity();

    fs::set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
    let open = files.load().err().unwrap();
    fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    std::os::unix::fs::chown(&file, Some(rustix::process::getuid().as_raw() + 1), None).unwrap();
    let foreign = files.load().err().unwrap();
    fs::rename(&file, home.path().join("elsewhere")).unwrap();
    symlink(home.path().join("elsewhere"), &file).unwrap();
    let link = files.load().err().unwrap();
    fs::remove_file(&file).unwrap();

    assert!(open.to_string().ends_with("its mode is 640, so that others have access to it"));
    assert!(foreign.to_string().contains("it belongs to the user with the id "));
    assert!(matches!(link, Flaw::Unreadable { .. }), "{link:?}");
    assert!(matches!(files.load().err().unwrap(), Flaw::Missing));
}

#[test]
fn what_does_not_hold_together_is_damaged() {
    let (_home, files) = stored();
    let text = fs::read_to_string(files.identity()).unwrap();
    let other = mint(NOW).unwrap().identity;
    let certificate_at = text.find("-----BEGIN CERTIFICATE").unwrap();
    let other_at = other.find("-----BEGIN CERTIFICATE").unwrap();
    let mixed = [&other[..other_at], &text[certificate_at..]].concat();
    let last_at = text.rfind("-----BEGIN CERTIFICATE").unwrap();
    let foreign = [&text[..last_at], &other[other.rfind("-----BEGIN CERTIFICATE").unwrap()..]];

    for wrong in ["", &text[..certificate_at], &text[..last_at], &mixed, &foreign.concat(), "x"] {
        fs::write(files.identity(), wrong).unwrap();
        assert!(matches!(files.load().err(), Some(Flaw::Damaged { .. })), "{}", wrong.len());
    }
}
