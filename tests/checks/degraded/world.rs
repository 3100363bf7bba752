//! A user's machine, of which a cell takes something away: a home, a runtime folder, a display, a
//! daemon that is started as systemd would start it, and its command line.

use std::{
    collections::BTreeMap,
    fs::{self, Permissions},
    net::UdpSocket,
    os::unix::{fs::PermissionsExt as _, net::UnixListener},
    path::PathBuf,
    time::Duration,
};

use rustix::process::{Signal, kill_process};
use tempfile::TempDir;
use tokio::{
    process::Command,
    time::{interval, timeout},
};
use ucsso::{lab::Lab, rpc::client::Client};

use crate::{
    keyring::{Keyring, SilentKeyring},
    process::Process,
    wire::moment,
};

/// Where a name server is that never answers.
const SILENT: &str = "127.0.0.77";

/// Nodes whose names have to be looked up.
const NAMED: &str = "nodes = [\"cucm-pub.example.test\", \"cucm-sub.example.test\"]";

/// How long anything is watched: longer than it may take.
const WATCHED: Duration = Duration::from_secs(12);

pub(super) struct World {
    home: TempDir,
    runtime: TempDir,
    /// The configuration; none is written if it is empty.
    pub(super) config: String,
    environment: BTreeMap<&'static str, String>,
    /// What else `unshare` parts from the machine, and what is done in there before the daemon.
    namespaces: Vec<&'static str>,
    preparation: String,
    buses: Vec<UnixListener>,
    name_server: Option<UdpSocket>,
    /// Whether tokens are to be sealed, and what is wrong with the keyring then.
    keyring: Option<Wrong>,
    keyrings: (Option<Keyring>, Option<SilentKeyring>),
}

/// What can be wrong with a keyring.
#[derive(Clone, Copy)]
pub(super) enum Wrong {
    Locked,
    Silent,
}

/// What a daemon does within the time.
pub(super) enum Began {
    Answers { took: Duration, daemon: Process },
    Ended { took: Duration, code: Option<i32>, said: String },
}

/// What a program says, and after how long. A command may not have ended: a login waits for its
/// human.
pub(super) struct Said {
    pub(super) took: Duration,
    pub(super) text: String,
}

impl Began {
    /// What to tell of it.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Answers { took, .. } => format!("answers after {took:?}"),
            Self::Ended { took, code, said } => format!("ended after {took:?}: {code:?}\n{said}"),
        }
    }

    pub(super) const fn took(&self) -> Duration {
        match self {
            Self::Answers { took, .. } | Self::Ended { took, .. } => *took,
        }
    }
}

impl World {
    /// One in which nothing is missing but the desktop's services.
    pub(super) fn new(lab: &Lab, redirect_port: u16) -> Self {
        let home = tempfile::tempdir().unwrap();
        let runtime = tempfile::tempdir().unwrap();
        let ca_file = home.path().join("ca.pem");
        fs::write(&ca_file, lab.ca_pem()).unwrap();
        let environment = BTreeMap::from([
            ("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin".to_owned()),
            ("HOME", home.path().to_str().unwrap().to_owned()),
            ("XDG_RUNTIME_DIR", runtime.path().to_str().unwrap().to_owned()),
            ("DISPLAY", ":99".to_owned()),
            ("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent".to_owned()),
        ]);
        let config = lab.ucsso_toml(redirect_port, &ca_file);
        Self {
            home,
            runtime,
            config,
            environment,
            namespaces: Vec::new(),
            preparation: String::new(),
            buses: Vec::new(),
            name_server: None,
            keyring: None,
            keyrings: (None, None),
        }
    }

    pub(super) fn in_home(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    pub(super) fn set(&mut self, variable: &'static str, value: &str) {
        self.environment.insert(variable, value.to_owned());
    }

    pub(super) fn unset(&mut self, variable: &'static str) {
        self.environment.remove(variable);
    }

    /// Has the daemon open pages with this command.
    pub(super) fn browser(&mut self, command: &str) {
        self.config = format!("browser = {command}\n{}", self.config);
    }

    /// Starts the daemon in another one of these namespaces.
    pub(super) fn unshare(&mut self, namespace: &'static str) {
        self.namespaces.push(namespace);
    }

    /// Runs a script first that may mount what it likes: nobody but the daemon sees it.
    pub(super) fn inside(&mut self, script: &str) {
        self.unshare("--mount");
        self.preparation = script.into();
    }

    /// Lets both buses be there and never say a word.
    pub(super) fn silence_the_buses(&mut self) {
        let buses =
            [("DBUS_SESSION_BUS_ADDRESS", "session"), ("DBUS_SYSTEM_BUS_ADDRESS", "system")];
        for (variable, name) in buses {
            let path = self.in_home(name);
            self.buses.push(UnixListener::bind(&path).unwrap());
            self.set(variable, &format!("unix:path={}", path.display()));
        }
    }

    /// Has tokens sealed, with a keyring in which this is wrong.
    pub(super) fn seal_with(&mut self, wrong: Wrong) {
        self.config = format!("persist = \"sealed\"\n{}", self.config);
        self.keyring = Some(wrong);
    }

    /// Starts what the daemon finds when it starts.
    pub(super) async fn furnish(&mut self) {
        let address = match self.keyring {
            None => return,
            Some(Wrong::Locked) => {
                let keyring = Keyring::start().await;
                keyring.lock().await;
                self.keyrings.0.insert(keyring).bus.address()
            }
            Some(Wrong::Silent) => {
                self.keyrings.1.insert(SilentKeyring::start().await).bus.address()
            }
        };
        self.set("DBUS_SESSION_BUS_ADDRESS", &address);
    }

    /// Gives the nodes names, and asks for them where nobody answers.
    pub(super) fn silence_the_name_server(&mut self) {
        self.name_server = Some(UdpSocket::bind((SILENT, 53)).unwrap());
        let resolv_conf = self.in_home("resolv.conf");
        fs::write(&resolv_conf, format!("nameserver {SILENT}\n")).unwrap();
        self.inside("mount --bind \"$HOME/resolv.conf\" /etc/resolv.conf");
        let named = self.config.lines().map(|line| {
            let line = if line.starts_with("nodes = ") { NAMED } else { line };
            format!("{line}\n")
        });
        self.config = named.collect::<Vec<_>>().concat();
    }

    /// Starts the daemon, and returns once it answers or has ended.
    pub(super) async fn start(&self) -> Began {
        if !self.config.is_empty() {
            let folder = self.in_home(".config/ucsso");
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join("config.toml"), &self.config).unwrap();
            let private = Permissions::from_mode(0o600);
            fs::set_permissions(folder.join("config.toml"), private).unwrap();
        }
        let began = moment();
        let daemon = Process::start(&mut self.daemon());
        let socket = self.runtime.path().join("ucsso/broker.sock");
        let mut turn = interval(Duration::from_millis(10));
        loop {
            turn.tick().await;
            if Client::connect(&socket).await.is_ok() {
                return Began::Answers { took: began.elapsed(), daemon };
            }
            if has_ended(&daemon) {
                let took = began.elapsed();
                let (status, said) = daemon.end().await;
                return Began::Ended { took, code: status.code(), said };
            }
            assert!(began.elapsed() < WATCHED, "neither ready nor ended: {}", daemon.output());
        }
    }

    /// Tells the daemon to stop, and returns how long that took and all that it has said.
    pub(super) async fn stop(&self, daemon: Process) -> Said {
        let began = moment();
        kill_process(daemon.pid().unwrap(), Signal::TERM).unwrap();
        let (_, text) = daemon.end().await;
        Said { took: began.elapsed(), text }
    }

    /// Runs `ucssoctl` to its end, or until it waits for its human.
    pub(super) async fn ask(&self, line: &[&str]) -> Said {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ucssoctl"));
        command.args(line).env_clear().envs(&self.environment);
        let began = moment();
        let ctl = Process::start(&mut command);
        let mut turn = interval(Duration::from_millis(10));
        let waits = |said: &str| said.contains("waiting; Ctrl-C");
        let answered = timeout(WATCHED, async {
            while !has_ended(&ctl) && !waits(&ctl.output()) {
                turn.tick().await;
            }
        });
        let _late = answered.await;
        let took = began.elapsed();
        let text = if has_ended(&ctl) { ctl.end().await.1 } else { ctl.output() };
        Said { took, text }
    }

    fn daemon(&self) -> Command {
        let ucssod = env!("CARGO_BIN_EXE_ucssod");
        let mut command = Command::new(if self.namespaces.is_empty() { ucssod } else { "unshare" });
        if !self.namespaces.is_empty() {
            let script = format!("set -e; {}\nexec \"$0\"", self.preparation);
            command.args(&self.namespaces).args(["sh", "-c", &script, ucssod]);
        }
        command.env_clear().envs(&self.environment);
        command
    }
}

/// Whether a process has ended, without waiting for it.
fn has_ended(process: &Process) -> bool {
    let Some(pid) = process.pid() else { return true };
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()));
    stat.map_or(true, |stat| stat.contains(") Z "))
}
