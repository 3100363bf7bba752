//! The Debian package: complete, without anything that lintian minds, and a service for whoever
//! installs it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use tempfile::TempDir;

use crate::{
    components,
    installed::{Installed, SERVICE},
    process::run,
    user_session::UserSession,
};

const UNITS: &str = "/usr/lib/systemd/user";

/// What is installed, and with which mode.
const FILES: [(&str, &str); 19] = [
    ("-rwxr-xr-x", "/usr/bin/ucsso-lab"),
    ("-rwxr-xr-x", "/usr/bin/ucssoctl"),
    ("-rwxr-xr-x", "/usr/bin/ucssod"),
    ("-rw-r--r--", "/usr/lib/systemd/user/ucssod-redirect.socket"),
    ("-rw-r--r--", "/usr/lib/systemd/user/ucssod.service"),
    ("-rw-r--r--", "/usr/lib/systemd/user/ucssod.socket"),
    ("-rw-r--r--", "/usr/share/bash-completion/completions/ucssoctl"),
    ("-rw-r--r--", "/usr/share/doc/ucsso/changelog.Debian.gz"),
    ("-rw-r--r--", "/usr/share/doc/ucsso/changelog.gz"),
    ("-rw-r--r--", "/usr/share/doc/ucsso/copyright"),
    ("-rw-r--r--", "/usr/share/doc/ucsso/examples/ucsso.toml"),
    ("-rw-r--r--", "/usr/share/doc/ucsso/libraries"),
    ("-rw-r--r--", "/usr/share/fish/vendor_completions.d/ucssoctl.fish"),
    ("-rw-r--r--", "/usr/share/lintian/overrides/ucsso"),
    ("-rw-r--r--", "/usr/share/man/man1/ucsso-lab.1.gz"),
    ("-rw-r--r--", "/usr/share/man/man1/ucssoctl.1.gz"),
    ("-rw-r--r--", "/usr/share/man/man1/ucssod.1.gz"),
    ("-rw-r--r--", "/usr/share/man/man5/ucsso.toml.5.gz"),
    ("-rw-r--r--", "/usr/share/zsh/vendor-completions/_ucssoctl"),
];

/// Packages the programs that are tested.
fn built() -> PathBuf {
    components::cargo_deb();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/systemd/debian/build");
    let built = Command::new(script).arg("--debug").output().unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    String::from_utf8(built.stdout).unwrap().trim_end().into()
}

/// What it has lintian say.
fn lintian(package: &Path) -> Command {
    let mut lintian = Command::new(components::lintian());
    lintian.args(["--allow-root", "--fail-on", "error,warning"]).arg(package);
    lintian.stdout(Stdio::piped()).stderr(Stdio::piped());
    lintian
}

/// Mode, owner and path of each file, by path.
fn files(package: &Path) -> Vec<[String; 3]> {
    let list = Command::new("dpkg-deb").arg("--contents").arg(package).output().unwrap();
    let list = String::from_utf8(list.stdout).unwrap();
    let mut files: Vec<_> = list
        .lines()
        .map(|line| {
            let words: Vec<_> = line.split_whitespace().collect();
            [words[0], words[1], words[5].trim_start_matches('.')].map(str::to_owned)
        })
        .filter(|[mode, ..]| !mode.starts_with('d'))
        .collect();
    files.sort_by(|one, other| one[2].cmp(&other[2]));
    files
}

fn unpacked(package: &Path) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let unpacked = Command::new("dpkg-deb").arg("-x").arg(package).arg(folder.path()).status();
    assert!(unpacked.unwrap().success());
    folder
}

/// Whoever installs the package has the service by its units, and writes none but for a port of
/// their own.
async fn serves(folder: &Path) {
    let service = Installed::configured_in(UserSession::with_package(folder).await).await;
    let paths = ["ucssod.service", "ucssod.socket", "ucssod-redirect.socket"]
        .map(|unit| format!("{UNITS}/{unit}"));
    let mut verify = service.session.command("systemd-analyze");
    let verified = run(verify.args(["--user", "verify"]).args(&paths)).await;
    assert_eq!(String::from_utf8_lossy(&verified.stderr), "");
    assert!(verified.status.success());
    let before = run(service.session.command("ucssoctl").args(["service", "status"])).await;
    let said = String::from_utf8_lossy(&before.stdout).into_owned();
    assert!(said.contains("it is not set up for you: `ucssoctl service install`"), "{said}");

    let installed = service.ctl("service install").await;

    let wrote: Vec<_> = installed.lines().filter(|line| line.starts_with("wrote")).collect();
    assert!(matches!(wrote[..], [line] if line.ends_with("ucssod-redirect.socket")), "{wrote:?}");
    let token = service.logged_in("hq").await;
    assert_eq!(token, service.token("hq").await);
    for (unit, path) in [(SERVICE, &paths[0]), ("ucssod.socket", &paths[1])] {
        assert_eq!(service.session.property(unit, "FragmentPath").await, *path);
    }
    let daemon = service.session.process(SERVICE).await;
    let program = fs::read_link(format!("/proc/{daemon}/exe")).unwrap();
    assert_eq!(program, Path::new("/usr/bin/ucssod"));
    let standing = service.ctl("service status").await;
    assert!(standing.contains("daemon    runs"), "{standing}");
    service.ctl("service uninstall").await;
    assert_eq!(service.session.property(SERVICE, "ActiveState").await, "inactive");
}

#[tokio::test]
async fn the_package_is_complete_and_serves_whoever_installs_it() {
    let package = built();
    let critic = lintian(&package).spawn().unwrap();
    let folder = unpacked(&package);

    let wanted = FILES.map(|(mode, path)| [mode, "0/0", path].map(str::to_owned));
    assert_eq!(files(&package), wanted);
    let version = Command::new(folder.path().join("usr/bin/ucssoctl")).arg("--version").output();
    let version = String::from_utf8(version.unwrap().stdout).unwrap();
    assert!(version.starts_with(concat!("ucssoctl ", env!("CARGO_PKG_VERSION"))), "{version}");
    serves(folder.path()).await;
    let said = critic.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&said.stdout), "");
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
}

#[test]
fn lintian_minds_a_package_without_a_copyright() {
    let folder = tempfile::tempdir().unwrap();
    let (root, package) = (folder.path().join("root"), folder.path().join("bad_1_all.deb"));
    fs::create_dir_all(root.join("DEBIAN")).unwrap();
    let control = "Package: bad\nVersion: 1\nArchitecture: all\nMaintainer: A <a@example.com>\n\
                   Section: net\nPriority: optional\nDescription: nothing\n It has nothing in it.\n";
    fs::write(root.join("DEBIAN/control"), control).unwrap();
    let mut pack = Command::new("dpkg-deb");
    let packed = pack.args(["--build", "--root-owner-group"]).arg(&root).arg(&package).output();
    assert!(packed.unwrap().status.success());

    let said = lintian(&package).output().unwrap();

    assert!(String::from_utf8_lossy(&said.stdout).contains("no-copyright-file"), "{said:?}");
    assert!(!said.status.success());
}
