//! What is read and what is not, and what becomes of a file that is written.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    process::Command,
};

use rustix::fs::{FileType, mknodat};

use super::*;

const MAX: u64 = 100;

/// A folder in a place where nothing else is, and a file in it that is not there yet.
fn place() -> (tempfile::TempDir, PathBuf) {
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("state").join("file");
    (root, file)
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn what_is_put_is_read_and_nobody_else_has_access() {
    let (root, file) = place();

    put(&file, b"first", Earlier::Goes).unwrap();

    assert_eq!(**read(&file, MAX).unwrap(), *b"first");
    assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700));
    assert_eq!(names(&root.path().join("state")), ["file"]);
}

#[test]
fn the_earlier_file_stays_or_goes_or_is_kept() {
    let (root, file) = place();
    put(&file, b"a longer text", Earlier::Stays).unwrap();

    let refused = put(&file, b"2", Earlier::Stays).unwrap_err();

    assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
    assert_eq!(**read(&file, MAX).unwrap(), *b"a longer text");
    put(&file, b"3", Earlier::Goes).unwrap();
    assert_eq!(**read(&file, MAX).unwrap(), *b"3");
    put(&file, b"4", Earlier::KeptAs("file.old".as_ref())).unwrap();
    assert_eq!(**read(&file, MAX).unwrap(), *b"4");
    assert_eq!(**read(&file.with_file_name("file.old"), MAX).unwrap(), *b"3");
    assert_eq!(names(&root.path().join("state")), ["file", "file.old"]);
}

#[test]
fn a_folder_that_is_open_to_others_is_closed() {
    let (_root, file) = place();
    let folder = file.parent().unwrap();
    fs::create_dir(folder).unwrap();
    fs::set_permissions(folder, Permissions::from_mode(0o755)).unwrap();

    put(&file, b"1", Earlier::Goes).unwrap();

    assert_eq!(mode(folder), 0o700);
}

#[test]
fn a_link_in_the_place_of_the_folder_is_not_followed() {
    let (root, file) = place();
    symlink(root.path(), file.parent().unwrap()).unwrap();

    assert!(put(&file, b"1", Earlier::Goes).is_err());
    assert!(remove(&file).is_err());
    assert_eq!(names(root.path()), ["state"]);
}

#[test]
fn whatever_is_in_the_place_of_the_file_is_replaced_and_not_written_to() {
    let (root, file) = place();
    let other = root.path().join("other");
    fs::write(&other, "theirs").unwrap();
    fs::create_dir(file.parent().unwrap()).unwrap();
    for plant in [
        (|other, file| symlink(other, file)) as fn(&Path, &Path) -> io::Result<()>,
        |_, file| symlink("nowhere", file),
        |other, file| fs::hard_link(other, file),
        |_, file| Ok(mknodat(CWD, file, FileType::Fifo, Mode::RUSR, 0)?),
    ] {
        plant(&other, &file).unwrap();
        assert!(read(&file, MAX).is_err(), "it is not read");

        put(&file, b"ours", Earlier::Goes).unwrap();

        assert_eq!(**read(&file, MAX).unwrap(), *b"ours");
        assert_eq!(fs::read(&other).unwrap(), b"theirs");
        remove(&file).unwrap();
    }
    fs::create_dir(&file).unwrap();
    assert!(put(&file, b"ours", Earlier::Goes).is_err(), "a folder is in the way");
    assert_eq!(names(file.parent().unwrap()), ["file"]);
}

#[test]
fn what_is_not_private_is_not_read() {
    let (_root, file) = place();
    assert!(matches!(read(&file, MAX), Err(Error::Missing)));
    put(&file, &[7; 100], Earlier::Goes).unwrap();
    assert_eq!(read(&file, MAX).unwrap().len(), 100);

    assert!(matches!(read(&file, MAX - 1), Err(Error::TooLarge(99))));
    fs::set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
    let error = read(&file, MAX).unwrap_err().to_string();
    assert!(error.ends_with("its mode is 640, so that others have access to it"), "{error}");
    let error = read(file.parent().unwrap(), MAX).unwrap_err().to_string();
    assert!(error.ends_with("it is not a regular file"), "{error}");
}

#[test]
fn what_a_dead_process_left_is_removed_and_what_a_living_one_writes_is_not() {
    let (_root, file) = place();
    put(&file, b"1", Earlier::Goes).unwrap();
    let mut child = Command::new("true").spawn().unwrap();
    let dead = child.id();
    child.wait().unwrap();
    let parent = std::os::unix::process::parent_id();
    let folder = file.parent().unwrap();
    let others = format!(".another.{dead}.new");
    let living = format!(".file.{parent}.new");
    let dead = format!(".file.{dead}.new");
    let own = format!(".file.{}.new", std::process::id());
    for name in [&others, &living, &dead, &own] {
        fs::write(folder.join(name), "half").unwrap();
    }

    put(&file, b"2", Earlier::Goes).unwrap();

    let mut left = [others.as_str(), living.as_str(), "file"];
    left.sort_unstable();
    assert_eq!(names(folder), left);
}

#[test]
fn what_is_removed_goes_with_what_was_half_written_of_it() {
    let (_root, file) = place();
    put(&file, b"1", Earlier::Goes).unwrap();
    let folder = file.parent().unwrap();
    fs::write(folder.join(format!(".file.{}.new", std::process::id())), "half").unwrap();

    remove(&file).unwrap();

    assert_eq!(names(folder), Vec::<String>::new());
}

#[test]
fn what_is_removed_may_be_missing() {
    let (_root, file) = place();
    remove(&file).unwrap();
    put(&file, b"1", Earlier::Goes).unwrap();

    remove(&file).unwrap();
    remove(&file).unwrap();

    assert!(matches!(read(&file, MAX), Err(Error::Missing)));
}
