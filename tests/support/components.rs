//! The programs that the tests use and do not build: where they are, and what installs them.
//!
//! A missing one fails the test that wants it, with the line that mends it. Nothing is skipped.

use std::{
    env,
    ffi::OsStr,
    path::{Path, PathBuf},
};

/// Where `tests/install` puts Python and Node packages.
pub(crate) const TOOLS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/test-tools");

/// Returns the path of a program on `$PATH`, or of the file if `what` has a slash in it.
///
/// # Panics
///
/// If it is missing; with `install`, the line that installs it.
pub(crate) fn require(what: &str, install: &str) -> PathBuf {
    require_on(env::var_os("PATH").as_deref(), what, install)
}

fn require_on(path: Option<&OsStr>, what: &str, install: &str) -> PathBuf {
    let found = if what.contains('/') {
        Some(PathBuf::from(what))
    } else {
        path.and_then(|path| {
            env::split_paths(path).map(|folder| folder.join(what)).find(|at| at.is_file())
        })
    };
    found.filter(|at| at.exists()).unwrap_or_else(|| {
        panic!("`{what}` is missing; `{install}` installs it, as `tests/run` does")
    })
}

/// Debian's Chromium.
pub(crate) fn chromium() -> PathBuf {
    require("chromium", "apt-get install chromium")
}

/// The WebDriver server of Debian's Chromium.
pub(crate) fn chromedriver() -> PathBuf {
    require("chromedriver", "apt-get install chromium-driver")
}

/// The editor of the certificate database that Chromium reads.
pub(crate) fn certutil() -> PathBuf {
    require("certutil", "apt-get install libnss3-tools")
}

/// PHP's command line, which has a web server in it.
pub(crate) fn php() -> PathBuf {
    require("php", "apt-get install php-cli php-xml php-mbstring")
}

/// The web pages of Debian's SimpleSAMLphp.
pub(crate) fn simplesamlphp() -> PathBuf {
    require("/usr/share/simplesamlphp/www", "apt-get install simplesamlphp")
}

/// The message bus.
pub(crate) fn dbus_daemon() -> PathBuf {
    require("dbus-daemon", "apt-get install dbus-daemon")
}

/// Debian's own Python, with the services of a machine in it that `python3-dbusmock` mocks.
pub(crate) fn python_with_dbusmock() -> PathBuf {
    require("/usr/lib/python3/dist-packages/dbusmock", "apt-get install python3-dbusmock");
    PathBuf::from("/usr/bin/python3")
}

/// An X server without a screen.
pub(crate) fn xvfb() -> PathBuf {
    require("Xvfb", "apt-get install xvfb")
}

/// A hand on the mouse of an X server.
pub(crate) fn xdotool() -> PathBuf {
    require("xdotool", "apt-get install xdotool")
}

/// `ImageMagick`'s camera for an X server.
pub(crate) fn import() -> PathBuf {
    require("import", "apt-get install imagemagick")
}

/// A notification server without buttons to click on.
pub(crate) fn dunst() -> PathBuf {
    require("dunst", "apt-get install dunst")
}

/// The remote control of that server.
pub(crate) fn dunstctl() -> PathBuf {
    require("dunstctl", "apt-get install dunst")
}

/// Xfce's notification server, in the folder of the machine's architecture.
pub(crate) fn xfce4_notifyd() -> PathBuf {
    let program = "xfce4/notifyd/xfce4-notifyd";
    let folders = std::fs::read_dir("/usr/lib").into_iter().flatten().flatten();
    let found = folders.map(|folder| folder.path().join(program)).find(|path| path.exists());
    let path = found.unwrap_or_else(|| Path::new("/usr/lib").join(program));
    require(path.to_str().unwrap(), "apt-get install xfce4-notifyd")
}

/// systemd, as the manager of a user.
pub(crate) fn systemd() -> PathBuf {
    // The message bus of a session, which the manager starts.
    require("/usr/lib/systemd/user/dbus.socket", "apt-get install dbus-user-session");
    require("useradd", "apt-get install passwd");
    require("/lib/systemd/systemd", "apt-get install systemd")
}

/// What enters the namespaces of a process.
pub(crate) fn nsenter() -> PathBuf {
    require("nsenter", "apt-get install util-linux")
}

/// The critic of manual pages.
pub(crate) fn mandoc() -> PathBuf {
    require("mandoc", "apt-get install mandoc")
}

/// What shows manual pages.
pub(crate) fn man() -> PathBuf {
    require("man", "apt-get install man-db")
}

/// A shell whose completion has functions of its own.
pub(crate) fn zsh() -> PathBuf {
    require("zsh", "apt-get install zsh")
}

/// A shell that completes without being asked.
pub(crate) fn fish() -> PathBuf {
    require("fish", "apt-get install fish")
}

/// The critic of Debian packages.
pub(crate) fn lintian() -> PathBuf {
    require("lintian", "apt-get install lintian")
}

/// What makes a Debian package of a crate.
pub(crate) fn cargo_deb() -> PathBuf {
    require(&format!("{TOOLS}/cargo/bin/cargo-deb"), "tests/install")
}

/// A folder for what a test wants to show: screenshots. It is kept.
pub(crate) fn screens() -> PathBuf {
    let folder = Path::new(TOOLS).with_file_name("screens");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// GNOME's keyring.
pub(crate) fn gnome_keyring() -> PathBuf {
    require("gnome-keyring-daemon", "apt-get install gnome-keyring")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "`chromium` is missing; `apt-get install chromium` installs it")]
    fn a_machine_without_chromium_fails_and_says_what_installs_it() {
        let nothing = tempfile::tempdir().unwrap();

        require_on(Some(nothing.path().as_os_str()), "chromium", "apt-get install chromium");
    }

    #[test]
    #[should_panic(expected = "`tests/install` installs it")]
    fn a_missing_file_fails_the_same_way() {
        let nothing = tempfile::tempdir().unwrap();

        require(&format!("{}/bin/python", nothing.path().display()), "tests/install");
    }

    #[test]
    fn a_program_is_found_on_the_path() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("chromium");
        std::fs::write(&program, "").unwrap();
        let path = env::join_paths([Path::new("/nowhere"), folder.path()]).unwrap();

        assert_eq!(require_on(Some(&path), "chromium", "apt-get install chromium"), program);
    }
}
