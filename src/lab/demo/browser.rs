//! What the demonstration logs in with: a real browser in a window, or a walk by script.

use std::{
    ffi::OsString,
    fs::Permissions,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{UnixListener, UnixStream},
    task::JoinHandle,
    time::interval,
};
use url::Url;

use super::{
    super::{Lab, walk::Walk},
    Error,
    programs::Scratch,
};

/// Browsers that can be told to trust the lab for one scratch profile, and that only.
const BROWSERS: [&str; 6] = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "microsoft-edge",
    "brave-browser",
];

/// What opens the start pages.
pub(super) enum Screen {
    /// A window that somebody sits in front of.
    Window { argv: Vec<String>, profile: PathBuf },
    /// Nobody: this process does what a browser does. The daemon hands the address over.
    Walk { argv: Vec<String>, walker: JoinHandle<()> },
}

impl Screen {
    pub(super) fn choose(lab: &Lab, scratch: &Scratch, no_browser: bool) -> Result<Self, Error> {
        match find_browser() {
            Some(browser) if !no_browser => {
                let profile = scratch.path("profile");
                Ok(Self::Window { argv: window(lab, &profile, &browser), profile })
            }
            _ => Self::walk(lab, scratch),
        }
    }

    fn walk(lab: &Lab, scratch: &Scratch) -> Result<Self, Error> {
        let system = |source| Error::System { what: "the walk", source };
        let socket = scratch.path("walk.sock");
        let listener = UnixListener::bind(&socket).map_err(system)?;
        std::fs::set_permissions(&socket, Permissions::from_mode(0o600)).map_err(system)?;
        let walk = Walk::new(lab.ca_pem(), "alice", "alicepw").expect("the lab's authority is one");
        let argv = scratch.hand_over(&socket);
        Ok(Self::Walk { argv, walker: tokio::spawn(walk_on(listener, walk)) })
    }

    /// Closes the window, and waits a moment until it has written what it wants to write.
    pub(super) async fn close(self) {
        let Self::Window { profile, .. } = &self else { return };
        close(profile);
        let mut ticks = interval(Duration::from_millis(100));
        for _ in 0..50 {
            ticks.tick().await;
            if std::fs::symlink_metadata(profile.join(LOCK)).is_err() {
                break;
            }
        }
    }

    /// The daemon's configuration with this screen in it.
    pub(super) fn configured(&self, toml: &str) -> String {
        let (Self::Window { argv, .. } | Self::Walk { argv, .. }) = self;
        let argv: Vec<_> = argv.iter().cloned().map(toml::Value::String).collect();
        format!("browser = {}\n\n{toml}", toml::Value::Array(argv))
    }

    pub(super) fn told(&self) -> String {
        match self {
            Self::Window { argv, .. } => {
                let name = Path::new(&argv[0]).file_name().unwrap_or_default().to_string_lossy();
                format!("{name} opens: log in as alice with the password alicepw.")
            }
            Self::Walk { .. } => {
                "No browser to show: a script walks through the same pages as alice.".into()
            }
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        match self {
            Self::Walk { walker, .. } => walker.abort(),
            Self::Window { profile, .. } => close(profile),
        }
    }
}

/// Takes addresses from the daemon, one connection each, and logs in there.
async fn walk_on(listener: UnixListener, mut walk: Walk) {
    while let Ok((stream, _)) = listener.accept().await {
        let mut address = String::new();
        let read = stream.take(4096).read_to_string(&mut address).await;
        if let (Ok(_), Ok(url)) = (read, address.parse::<Url>()) {
            // How it went is on the landing page, and so in what the daemon says.
            let _ = walk.login(&url).await;
        }
    }
}

/// Hands the address of a start page to the demonstration that waits at `socket`. The daemon runs
/// this as its browser.
pub(in crate::lab) async fn hand_over(socket: &Path, address: &str) -> std::io::Result<()> {
    let mut stream = UnixStream::connect(socket).await?;
    stream.write_all(address.as_bytes()).await?;
    stream.shutdown().await
}

/// A browser, where there is a screen to show it on.
fn find_browser() -> Option<PathBuf> {
    let shown = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    if !shown("DISPLAY") && !shown("WAYLAND_DISPLAY") {
        return None;
    }
    let path: OsString = std::env::var_os("PATH")?;
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    BROWSERS.iter().find_map(|name| {
        folders.iter().map(|folder| folder.join(name)).find(|program| program.is_file())
    })
}

/// A link to `HOST-PID` in a profile that Chromium uses.
const LOCK: &str = "SingletonLock";

/// Tells the window that uses this profile to close.
fn close(profile: &Path) {
    let lock = std::fs::read_link(profile.join(LOCK)).unwrap_or_default();
    let pid = lock.to_str().and_then(|lock| lock.rsplit_once('-')?.1.parse().ok());
    if let Some(pid) = pid.and_then(rustix::process::Pid::from_raw) {
        // If somebody has closed it already, all the better.
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
    }
}

/// A window with a profile of its own, which trusts the lab's authority by its public key.
fn window(lab: &Lab, profile: &Path, browser: &Path) -> Vec<String> {
    let trusted = BASE64_STANDARD.encode(lab.ca_spki_sha256());
    let mut argv = vec![
        browser.display().to_string(),
        format!("--user-data-dir={}", profile.display()),
        format!("--ignore-certificate-errors-spki-list={trusted}"),
        "--no-first-run".into(),
        "--no-default-browser-check".into(),
        "--disable-background-networking".into(),
        "--password-store=basic".into(),
    ];
    // Chromium does not run as root with its sandbox.
    if rustix::process::geteuid().is_root() {
        argv.push("--no-sandbox".into());
    }
    argv.push("{url}".into());
    argv
}
