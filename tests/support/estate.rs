//! A whole installation on loopback: the lab in this process, the real daemon in a home of its
//! own, and the real command line.
//!
//! Everything goes the way it goes for a user: the configuration is a file, the socket is a path,
//! a token comes out of `ucssoctl token`. Called by the tests in `tests/real`.

use std::{
    collections::BTreeMap,
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Output,
};

use reqwest::{StatusCode, header::AUTHORIZATION};
use tempfile::TempDir;
use tokio::process::Command;
use ucsso::lab::{IdpChoice, Lab, LabConfig};

use crate::{
    http,
    process::{Process, free_port, run, run_well},
};

/// The socket, in a folder that the daemon makes: a private one.
const SOCKET: &str = "run/broker.sock";

/// A lab and a daemon that is configured for it.
pub(crate) struct Estate {
    pub(crate) lab: Lab,
    _daemon: Process,
    home: TempDir,
    redirect_port: u16,
}

/// A login that was begun on the command line and waits for its human.
pub(crate) struct Login {
    /// The page that begins it.
    pub(crate) start_url: String,
    ctl: Process,
}

impl Login {
    /// Waits until `ucssoctl login` has ended, and returns what it said.
    ///
    /// # Panics
    ///
    /// If it did not end well; with what it said.
    pub(crate) async fn end(self) -> String {
        let (status, said) = self.ctl.end().await;
        assert!(status.success(), "{status}: {said}");
        said
    }
}

impl Estate {
    /// Starts a lab with this identity provider, and a daemon that answers.
    pub(crate) async fn start(idp: IdpChoice) -> Self {
        let redirect_port = free_port();
        let registered = |cluster| vec![format!("http://127.0.0.1:{redirect_port}/cb/{cluster}")];
        let redirect_uris = BTreeMap::from(["hq", "vm"].map(|name| (name, registered(name))));
        let lab = LabConfig { redirect_uris, idp, ..LabConfig::default() };
        let lab = Lab::start(lab).await.unwrap();

        let home = tempfile::tempdir().unwrap();
        let file = |name: &str| home.path().join(name);
        fs::write(file("ca.pem"), lab.ca_pem()).unwrap();
        fs::write(file("config.toml"), lab.ucsso_toml(redirect_port, &file("ca.pem"))).unwrap();
        fs::set_permissions(file("config.toml"), Permissions::from_mode(0o600)).unwrap();
        let daemon = Process::start(
            command(env!("CARGO_BIN_EXE_ucssod"), home.path())
                .arg("--config")
                .arg(file("config.toml"))
                .arg("--socket")
                .arg(home.path().join(SOCKET)),
        );
        daemon.line_with("ready").await;
        Self { lab, _daemon: daemon, home, redirect_port }
    }

    /// The file with the certificate of the lab's authority.
    pub(crate) fn ca_file(&self) -> PathBuf {
        self.home.path().join("ca.pem")
    }

    /// The broker's socket, as clients are told.
    pub(crate) fn socket_url(&self) -> String {
        format!("unix://{}", self.home.path().join(SOCKET).display())
    }

    /// The URI that the cluster redirects to.
    pub(crate) fn redirect_uri(&self, cluster: &str) -> String {
        format!("http://127.0.0.1:{}/cb/{cluster}", self.redirect_port)
    }

    /// Where a node is reached by programs that do not know its name: its certificate also has
    /// this one.
    pub(crate) fn node_url(&self, node: &str) -> String {
        format!("https://localhost:{}", self.lab.node(node).1)
    }

    /// Begins a login that opens no browser.
    pub(crate) async fn log_in(&self, cluster: &str) -> Login {
        let ctl = Process::start(self.ctl().args(["login", "--no-browser", cluster]));
        let line = ctl.line_with("http://127.0.0.1:").await;
        let start_url = line.split_whitespace().find(|word| word.starts_with("http://")).unwrap();
        Login { start_url: start_url.to_owned(), ctl }
    }

    /// The token that the broker holds, without asking anybody for it.
    pub(crate) async fn token(&self, cluster: &str) -> String {
        let token = run_well(self.ctl().args(["token", cluster])).await;
        token.trim_end().to_owned()
    }

    /// Runs `ucssoctl` with these arguments.
    pub(crate) async fn ctl_output(&self, arguments: &[&str]) -> Output {
        run(self.ctl().args(arguments)).await
    }

    /// What a node answers to a program that shows this token.
    pub(crate) async fn ask(&self, node: &str, path: &str, token: &str) -> (StatusCode, String) {
        let url = format!("{}{path}", self.node_url(node));
        let request = http::client(Some(self.lab.ca_pem())).get(url);
        let answer = request.header(AUTHORIZATION, format!("Bearer {token}")).send().await.unwrap();
        (answer.status(), answer.text().await.unwrap())
    }

    fn ctl(&self) -> Command {
        let mut command = command(env!("CARGO_BIN_EXE_ucssoctl"), self.home.path());
        command.env("UCSSO_SOCKET", self.socket_url());
        command
    }
}

/// A program with nothing of this process's environment but where programs are.
fn command(program: &str, home: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("HOME", home)
        .env("XDG_RUNTIME_DIR", home);
    command
}
