//! Sockets of our own and of a service manager, and what lies in their way.

use std::{
    fs::{self, Permissions},
    os::unix::{
        fs::{DirBuilderExt as _, PermissionsExt as _, symlink},
        net::UnixDatagram,
    },
};

use super::*;

fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("ucsso").join("broker.sock");
    (folder, socket)
}

/// The same with its folder made.
fn ready() -> (tempfile::TempDir, PathBuf) {
    let (folder, path) = folder();
    fs::DirBuilder::new().mode(0o700).create(path.parent().unwrap()).unwrap();
    (folder, path)
}

fn bind(path: &Path) -> Result<(UnixListener, Socket), Error> {
    open(Origin::Path(path.to_owned()))
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().mode() & 0o777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[tokio::test]
async fn the_socket_and_its_folder_are_private() {
    let (_folder, path) = folder();

    let (_listener, socket) = bind(&path).unwrap();

    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    assert_eq!(mode(&path.with_extension("lock")), 0o600);
    drop(socket);
    assert!(!path.exists());
}

#[tokio::test]
async fn a_second_daemon_is_told_of_the_first() {
    let (_folder, path) = folder();
    let _first = bind(&path).unwrap();

    assert!(matches!(bind(&path), Err(Error::AlreadyRunning(_))));
    assert!(path.exists(), "the first keeps its socket");
}

#[tokio::test]
async fn what_a_crash_left_is_replaced() {
    let (_folder, path) = ready();
    drop(net::UnixListener::bind(&path).unwrap());

    assert!(bind(&path).is_ok());
}

#[tokio::test]
async fn a_socket_that_somebody_listens_at_is_left_to_them() {
    let (_folder, path) = ready();
    let foreign = net::UnixListener::bind(&path).unwrap();

    assert!(matches!(bind(&path), Err(Error::Foreign(_))));
    drop(net::UnixStream::connect(&path).unwrap());
    drop(foreign);
    fs::remove_file(&path).unwrap();
    let _datagrams = UnixDatagram::bind(&path).unwrap();
    assert!(matches!(bind(&path), Err(Error::Foreign(_))));
}

#[tokio::test]
async fn at_the_end_only_our_own_socket_is_removed() {
    let (_folder, path) = folder();
    let (_listener, socket) = bind(&path).unwrap();
    fs::remove_file(&path).unwrap();
    fs::write(&path, "somebody else's").unwrap();

    drop(socket);

    assert!(path.exists());
}

#[tokio::test]
async fn a_folder_that_is_moved_away_takes_the_socket_along() {
    let (outside, path) = ready();
    let (elsewhere, name) = (outside.path().join("elsewhere"), path.file_name().unwrap());
    let folder = Folder::open(path.parent().unwrap()).unwrap();
    fs::rename(path.parent().unwrap(), &elsewhere).unwrap();
    fs::create_dir(path.parent().unwrap()).unwrap();

    let (_listener, _bound) = folder.bind(name).unwrap();

    assert!(elsewhere.join(name).exists());
    assert!(!path.exists());
}

#[tokio::test]
async fn obstacles_are_named_and_not_removed() {
    type Plant = fn(&Path);
    let lock = |path: &Path| path.with_extension("lock");
    let plants: [(Plant, &str); 7] = [
        (|path| fs::write(path, "x").unwrap(), "is not a socket"),
        (|path| fs::create_dir(path).unwrap(), "is not a socket"),
        (|path| symlink("/dev/null", path).unwrap(), "is not a socket"),
        (|path| symlink("/dev/null", path.with_extension("lock")).unwrap(), "is not a lock file"),
        (|path| fs::create_dir(path.with_extension("lock")).unwrap(), "is not a lock file"),
        (
            |path| {
                let theirs = path.with_extension("theirs");
                fs::write(&theirs, "x").unwrap();
                fs::hard_link(theirs, path.with_extension("lock")).unwrap();
            },
            "is not a lock file",
        ),
        (|path| set_mode(path.parent().unwrap(), 0o755), "others have access"),
    ];
    for (plant, sentence) in plants {
        let (_folder, path) = ready();
        plant(&path);

        let error = bind(&path).unwrap_err().to_string();

        assert!(error.contains(sentence), "{error}");
        let kept = [&path, &lock(&path)].map(|file| file.symlink_metadata().is_ok());
        assert!(kept.contains(&true) || mode(path.parent().unwrap()) == 0o755);
    }
    let (outside, path) = folder();
    symlink(outside.path(), path.parent().unwrap()).unwrap();
    assert!(matches!(bind(&path), Err(Error::NotPrivate { why: "it is not a folder", .. })));
    assert!(matches!(bind(Path::new("broker.sock")), Err(Error::NoFolder(_))));
}

fn passed(path: &Path, told: Option<&Path>) -> Origin {
    let listener = net::UnixListener::bind(path).unwrap();
    set_mode(path, 0o600);
    Origin::Passed { listener, told: told.map(Path::to_owned) }
}

#[tokio::test]
async fn a_passed_socket_is_served_and_left_where_it_is() {
    let (_folder, path) = ready();
    let (listener, socket) = open(passed(&path, None)).unwrap();

    let _client = net::UnixStream::connect(&path).unwrap();
    listener.accept().await.unwrap();

    assert_eq!(socket.path(), path);
    drop((listener, socket));
    assert!(path.exists());
    assert!(!path.with_extension("lock").exists());
}

#[tokio::test]
async fn a_passed_socket_that_others_could_reach_is_refused() {
    let open_to = |socket_mode, folder_mode| {
        let (_folder, path) = ready();
        let origin = passed(&path, None);
        set_mode(&path, socket_mode);
        set_mode(path.parent().unwrap(), folder_mode);
        open(origin).map(drop).map_err(|error| error.to_string())
    };

    assert!(open_to(0o666, 0o700).unwrap_err().contains("others may connect"));
    assert!(open_to(0o600, 0o755).unwrap_err().contains("its folder"));
    assert_eq!(open_to(0o600, 0o700), Ok(()));
    let abstract_name = <net::SocketAddr as std::os::linux::net::SocketAddrExt>::from_abstract_name;
    let name = format!("ucsso-{}", std::process::id());
    let listener = net::UnixListener::bind_addr(&abstract_name(name).unwrap()).unwrap();
    let nowhere = open(Origin::Passed { listener, told: None });
    assert!(matches!(nowhere, Err(Error::PassedNowhere)));
}

#[test]
fn a_path_is_the_same_by_any_name() {
    let (outside, path) = ready();
    let _listener = net::UnixListener::bind(&path).unwrap();
    let alias = outside.path().join("alias");
    symlink(path.parent().unwrap(), &alias).unwrap();

    assert!(is_same(&alias.join("broker.sock"), &path));
    assert!(!is_same(&outside.path().join("other"), &path));
}
