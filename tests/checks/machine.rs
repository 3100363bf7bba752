//! A machine that can be put to sleep: this very program, the daemon and its command line in a
//! virtual one, without a network and without a disk.
//!
//! It has a kernel, busybox, the three programs where they are here, and their libraries. Inside,
//! this program runs the same check again, sees that it may put the machine to sleep, and prints
//! its line on the console.

use std::{
    collections::BTreeSet,
    env,
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use tempfile::TempDir;
use tokio::time::timeout;

use crate::{
    check::Figure,
    components::{TOOLS, require},
};

/// Says inside that this is the machine.
const INSIDE: &str = "UCSSO_CHECK_MACHINE";

/// What installs all that it needs.
const INSTALL: &str = "tests/install --long";

/// How long it may take from its start to its end, on a processor that is emulated.
const MOST: Duration = Duration::from_mins(10);

/// Whether this program runs inside the machine.
pub(crate) fn is_here() -> bool {
    env::var_os(INSIDE).is_some()
}

/// Runs a check inside, and returns what its line said.
pub(crate) async fn run(id: &str) -> Vec<Figure> {
    let folder = tempfile::tempdir().unwrap();
    let image = image(&folder, id);
    let mut machine = tokio::process::Command::new(require("qemu-system-x86_64", INSTALL));
    machine
        .args(["-M", "q35", "-cpu", "max", "-m", "1536", "-nographic", "-no-reboot"])
        .args(["-net", "none", "-append", "console=ttyS0 quiet panic=-1"])
        .arg("-kernel")
        .arg(require(&format!("{TOOLS}/vmlinuz"), INSTALL))
        .arg("-initrd")
        .arg(image);
    machine.stdin(Stdio::null()).kill_on_drop(true);
    let output = timeout(MOST, machine.output()).await.expect("the machine does not end").unwrap();
    let console = String::from_utf8_lossy(&output.stdout);
    let line = console.lines().map(str::trim).find(|line| line.starts_with(&format!("{id} ")));
    match line.map(|line| line.split(' ').collect::<Vec<_>>()).as_deref() {
        Some([_, _, value, limit, verdict]) => {
            vec![Figure::told(value, limit, *verdict == "PASS")]
        }
        _ => panic!("the machine said nothing of {id}, but:\n{console}"),
    }
}

/// The first and only file system of the machine.
fn image(folder: &TempDir, id: &str) -> PathBuf {
    let root = folder.path().join("root");
    for name in ["bin", "dev", "proc", "sys", "tmp", "etc", "root"] {
        fs::create_dir_all(root.join(name)).unwrap();
    }
    let check = env::current_exe().unwrap();
    let ours = [Path::new(env!("CARGO_BIN_EXE_ucssod")), Path::new(env!("CARGO_BIN_EXE_ucssoctl"))];
    let programs = ours.into_iter().chain([check.as_path()]);
    let mut libraries = BTreeSet::new();
    for program in programs {
        libraries.extend(libraries_of(program));
        let there = put(&root, program);
        // What a debugger wants is most of it.
        well(Command::new("strip").arg(there));
    }
    for library in &libraries {
        put(&root, library);
    }
    fs::copy(require("busybox", INSTALL), root.join("bin/busybox")).unwrap();
    fs::write(root.join("etc/hosts"), "127.0.0.1 localhost\n").unwrap();
    fs::write(root.join("etc/passwd"), "root:x:0:0::/root:/bin/sh\n").unwrap();
    let init = format!(
        "#!/bin/busybox sh\n\
         /bin/busybox --install -s /bin\n\
         export PATH=/bin HOME=/root {INSIDE}=1\n\
         mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev\n\
         ip link set lo up\n\
         {} {id} 2>&1\n\
         poweroff -f\n",
        check.display()
    );
    fs::write(root.join("init"), init).unwrap();
    fs::set_permissions(root.join("init"), Permissions::from_mode(0o755)).unwrap();

    let image = folder.path().join("image");
    let mut pack = Command::new("sh");
    pack.args(["-c", "cd \"$1\" && find . | \"$2\" -o -H newc --quiet > \"$3\"", "sh"]);
    well(pack.arg(&root).arg(require("cpio", INSTALL)).arg(&image));
    image
}

/// Copies a file to where it is, in another root.
fn put(root: &Path, file: &Path) -> PathBuf {
    let there = root.join(file.strip_prefix("/").unwrap());
    fs::create_dir_all(there.parent().unwrap()).unwrap();
    fs::copy(file, &there).unwrap();
    there
}

/// The libraries of a program, and what loads them.
fn libraries_of(program: &Path) -> Vec<PathBuf> {
    let output = Command::new("ldd").arg(program).output().unwrap();
    let listed = String::from_utf8(output.stdout).unwrap();
    let paths = listed.split_whitespace().filter(|word| word.starts_with('/'));
    paths.map(PathBuf::from).collect()
}

fn well(command: &mut Command) {
    let status = command.status().unwrap();
    assert!(status.success(), "{command:?}: {status}");
}
