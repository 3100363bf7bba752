//! A whole installation on loopback: the lab in this process, the real daemon in a home of its
//! own, and the real command line.
//!
//! Everything goes the way it goes for a user: the configuration is a file, the socket is a path,
//! a token comes out of `ucssoctl token`. Called by the tests in `tests/real` and `tests/estate`.

use std::{
    collections::BTreeMap,
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
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

/// A folder that is a user's home, with the configuration and the socket in it.
pub(crate) struct Home(TempDir);

impl Home {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A file in it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The socket, in a folder that the daemon makes: a private one.
    pub(crate) fn socket(&self) -> PathBuf {
        self.path("run/broker.sock")
    }

    /// Writes the configuration, for this user's eyes only.
    pub(crate) fn configure(&self, toml: &str) {
        fs::write(self.path("config.toml"), toml).unwrap();
        let private = Permissions::from_mode(0o600);
        fs::set_permissions(self.path("config.toml"), private).unwrap();
    }

    /// The daemon, which says all that it can say.
    pub(crate) fn ucssod(&self) -> Command {
        self.ucssod_at(env!("CARGO_BIN_EXE_ucssod"))
    }

    /// The same in another build.
    pub(crate) fn ucssod_at(&self, program: &str) -> Command {
        let mut command = self.command(program);
        command.arg("--config").arg(self.path("config.toml"));
        command.arg("--socket").arg(self.socket()).env("RUST_LOG", "trace");
        command
    }

    /// Its command line.
    pub(crate) fn ucssoctl(&self) -> Command {
        let mut command = self.command(env!("CARGO_BIN_EXE_ucssoctl"));
        command.env("UCSSO_SOCKET", format!("unix://{}", self.socket().display()));
        command
    }

    /// A program with nothing of this process's environment but where programs are.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", self.0.path())
            .env("XDG_RUNTIME_DIR", self.0.path());
        command
    }
}

/// A lab and a daemon that is configured for it.
pub(crate) struct Estate {
    pub(crate) lab: Lab,
    pub(crate) daemon: Process,
    pub(crate) home: Home,
    redirect_port: u16,
}

/// A login that was begun on the command line and waits for its human.
pub(crate) struct Login {
    /// The page that begins it.
    pub(crate) start_url: String,
    pub(crate) ctl: Process,
}

impl Login {
    /// Begins a login by this `ucssoctl`, which opens no browser.
    pub(crate) async fn begin(ucssoctl: &mut Command, cluster: &str) -> Self {
        let ctl = Process::start(ucssoctl.args(["login", "--no-browser", cluster]));
        let line = ctl.line_with("/start/").await;
        let start_url = line.split_whitespace().find(|word| word.contains("/start/")).unwrap();
        Self { start_url: start_url.to_owned(), ctl }
    }

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
        let lab = LabConfig { idp, ..LabConfig::default() };
        Self::launch(lab, ToOwned::to_owned).await
    }

    /// Starts this lab, and a daemon whose configuration for it was edited by `edit`.
    pub(crate) async fn launch(lab: LabConfig, edit: impl FnOnce(&str) -> String) -> Self {
        Self::launch_as(lab, edit, Home::ucssod).await
    }

    /// The same with the daemon that `daemon` makes for its home.
    pub(crate) async fn launch_as(
        lab: LabConfig,
        edit: impl FnOnce(&str) -> String,
        daemon: impl FnOnce(&Home) -> Command,
    ) -> Self {
        let redirect_port = free_port();
        let registered = |cluster| vec![format!("http://127.0.0.1:{redirect_port}/cb/{cluster}")];
        let redirect_uris = BTreeMap::from(["hq", "vm"].map(|name| (name, registered(name))));
        let lab = Lab::start(LabConfig { redirect_uris, ..lab }).await.unwrap();

        let home = Home::new();
        fs::write(home.path("ca.pem"), lab.ca_pem()).unwrap();
        home.configure(&edit(&lab.ucsso_toml(redirect_port, &home.path("ca.pem"))));
        let daemon = Process::start(&mut daemon(&home));
        let estate = Self { lab, daemon, home, redirect_port };
        estate.daemon.line_with("ready").await;
        estate
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
        Login::begin(&mut self.home.ucssoctl(), cluster).await
    }

    /// The token that the broker holds, without asking anybody for it.
    pub(crate) async fn token(&self, cluster: &str) -> String {
        let token = run_well(self.home.ucssoctl().args(["token", cluster])).await;
        token.trim_end().to_owned()
    }

    /// Runs `ucssoctl` with these arguments.
    pub(crate) async fn ctl_output(&self, arguments: &[&str]) -> Output {
        run(self.home.ucssoctl().args(arguments)).await
    }

    /// What a node answers to a program that shows this token.
    pub(crate) async fn ask(&self, node: &str, path: &str, token: &str) -> (StatusCode, String) {
        let url = format!("{}{path}", self.node_url(node));
        let request = http::client(Some(self.lab.ca_pem())).get(url);
        let answer = request.header(AUTHORIZATION, format!("Bearer {token}")).send().await.unwrap();
        (answer.status(), answer.text().await.unwrap())
    }
}
