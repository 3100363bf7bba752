//! The programs of the demonstration, and the scratch home they live in.

use std::{
    ffi::OsString,
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use tokio::{
    net::UnixStream,
    process::{Child, Command},
    time::{interval, timeout},
};

use super::Error;

/// How the programs are started: each an argument vector to which arguments are added.
#[derive(Debug, Clone)]
pub struct Programs {
    /// The daemon.
    pub ucssod: Vec<OsString>,
    /// Its command line.
    pub ucssoctl: Vec<OsString>,
    /// What takes `SOCKET URL` and hands the address over.
    pub hand_over: Vec<OsString>,
}

/// A home for one demonstration, removed at its end.
pub(super) struct Scratch {
    home: PathBuf,
    programs: Programs,
}

/// The daemon, until it is stopped or dropped.
pub(super) struct Daemon(Child);

impl Daemon {
    pub(super) async fn stop(&mut self) {
        if let Some(pid) = self.0.id().and_then(|pid| i32::try_from(pid).ok()) {
            let pid = rustix::process::Pid::from_raw(pid);
            // If it is gone already, all the better.
            let _ =
                pid.map(|pid| rustix::process::kill_process(pid, rustix::process::Signal::TERM));
        }
        let _ = timeout(Duration::from_secs(5), self.0.wait()).await;
    }
}

impl Scratch {
    pub(super) fn new(programs: Programs) -> Result<Self, Error> {
        let home = std::env::temp_dir().join(format!("ucsso-demo-{}", std::process::id()));
        // Fails where something is there already: another user may have been first.
        DirBuilder::new().mode(0o700).create(&home).map_err(system("a scratch folder"))?;
        Ok(Self { home, programs })
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.home.join(name)
    }

    pub(super) fn socket(&self) -> PathBuf {
        self.home.join("run").join("broker.sock")
    }

    pub(super) fn write(&self, name: &str, text: &str) -> Result<PathBuf, Error> {
        let path = self.path(name);
        OpenOptions::new()
            .create_new(true)
            .write(true)
            .mode(0o600)
            .open(&path)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .map_err(system("writing into the scratch folder"))?;
        Ok(path)
    }

    /// Starts the daemon and waits until it answers.
    pub(super) async fn daemon(&self, config: &Path) -> Result<Daemon, Error> {
        let log = self.path("ucssod.log");
        self.write("ucssod.log", "")?;
        let file = OpenOptions::new().append(true).open(&log).map_err(system("a log"))?;
        let mut command = command(&self.programs.ucssod);
        command.arg("--config").arg(config).arg("--socket").arg(self.socket());
        let child = command
            .env("HOME", &self.home)
            .env("XDG_RUNTIME_DIR", &self.home)
            .env("XDG_STATE_HOME", &self.home)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(file)
            .spawn()
            .map_err(system("starting the daemon"))?;
        let mut daemon = Daemon(child);
        let answers = async {
            let mut ticks = interval(Duration::from_millis(20));
            loop {
                ticks.tick().await;
                if UnixStream::connect(self.socket()).await.is_ok() {
                    return true;
                }
                if !matches!(daemon.0.try_wait(), Ok(None)) {
                    return false;
                }
            }
        };
        if timeout(Duration::from_secs(10), answers).await.unwrap_or_default() {
            return Ok(daemon);
        }
        Err(Error::Daemon { log: fs::read_to_string(&log).unwrap_or_default() })
    }

    /// Runs `ucssoctl` and returns what it prints.
    pub(super) async fn ctl(&self, arguments: &[&str]) -> Result<String, Error> {
        let output = self.ucssoctl(arguments).output().await.map_err(system("ucssoctl"))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(Error::Command { command: arguments.join(" "), said })
    }

    /// Runs `ucssoctl` for whoever watches.
    pub(super) async fn show(&self, arguments: &[&str]) -> Result<(), Error> {
        super::say(&format!("$ ucssoctl {}", arguments.join(" ")))?;
        let status = self.ucssoctl(arguments).status().await.map_err(system("ucssoctl"))?;
        if status.success() {
            return Ok(());
        }
        let said = format!("it ended with {status}");
        Err(Error::Command { command: arguments.join(" "), said })
    }

    /// The argument vector by which the daemon hands over the address of a page.
    pub(super) fn hand_over(&self, socket: &Path) -> Vec<String> {
        let mut argv: Vec<String> = self
            .programs
            .hand_over
            .iter()
            .map(|word| word.to_string_lossy().into_owned())
            .collect();
        argv.extend([socket.display().to_string(), "{url}".to_owned()]);
        argv
    }

    fn ucssoctl(&self, arguments: &[&str]) -> Command {
        let mut command = command(&self.programs.ucssoctl);
        command.args(arguments).env("UCSSO_SOCKET", format!("unix://{}", self.socket().display()));
        command
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed is in the temporary folder and holds no token.
        let _ = fs::remove_dir_all(&self.home);
    }
}

fn command(argv: &[OsString]) -> Command {
    let mut command = Command::new(&argv[0]);
    command.args(&argv[1..]).kill_on_drop(true);
    command
}

fn system(what: &'static str) -> impl FnOnce(io::Error) -> Error {
    move |source| Error::System { what, source }
}
