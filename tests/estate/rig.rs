//! What these tests do again and again: log in, ask, and look at how a command ended.

use std::{fs, process::Output};

use rustix::process::{Signal, kill_process};
use serde_json::Value;
use tokio::process::Command;
use tonic::Status;
use ucsso::{
    lab::{
        IdpChoice, LabConfig,
        walk::{Walk, WalkError, Walked},
    },
    rpc::{
        client::Client,
        proto::{GetTokenRequest, Interaction, Token},
    },
};

use crate::{
    estate::{Estate, Home, Login},
    process::Process,
};

/// An estate in which everything works.
pub(crate) async fn estate() -> Estate {
    Estate::start(IdpChoice::Own).await
}

/// An estate whose daemon opens pages with this program.
pub(crate) async fn estate_with_browser(argv: &[&str]) -> Estate {
    Estate::launch(LabConfig::default(), |toml| with_browser(argv, toml)).await
}

/// A configuration whose first cluster has this redirect URI.
pub(crate) fn redirected_to(uri: &str, toml: &str) -> String {
    let begin = toml.find("redirect_uri = ").unwrap();
    let end = begin + toml[begin..].find('\n').unwrap();
    [&toml[..begin], &format!("redirect_uri = \"{uri}\""), &toml[end..]].concat()
}

/// A configuration whose daemon opens pages with this program.
pub(crate) fn with_browser(argv: &[&str], toml: &str) -> String {
    format!("browser = {argv:?}\n\n{toml}")
}

/// A browser that writes down what it is to open, in the home's file `opened`.
pub(crate) const WRITING: [&str; 5] =
    ["sh", "-c", "printf '%s\\n' \"$1\" >> \"$HOME/opened\"", "sh", "{url}"];

/// How a command ended: its code, and what it wrote.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) code: Option<i32>,
    pub(crate) said: String,
}

impl End {
    /// The end of a command that wrote nothing to standard output.
    pub(crate) fn of(output: &Output) -> Self {
        assert_eq!(String::from_utf8_lossy(&output.stdout), "", "on standard output");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        Self { code: output.status.code(), said }
    }

    /// Holds it against a code and what has to be said.
    pub(crate) fn is(&self, code: i32, words: &[&str]) {
        assert_eq!(self.code, Some(code), "{}", self.said);
        for word in words {
            assert!(self.said.contains(word), "`{word}` is missing in: {}", self.said);
        }
    }
}

impl Login {
    /// Waits until the command has ended, well or not. What it said has the invitation too.
    pub(crate) async fn ended(self) -> End {
        let (status, said) = self.ctl.end().await;
        End { code: status.code(), said }
    }

    /// What its human sees who goes through its pages.
    pub(crate) async fn walked(&self, walk: &mut Walk) -> Result<Walked, WalkError> {
        walk.login(&self.start_url.parse().unwrap()).await
    }
}

impl Estate {
    /// A browser that has never been anywhere, and `user` in front of it.
    pub(crate) fn walk(&self, user: &str) -> Walk {
        Walk::new(self.lab.ca_pem(), user, &format!("{user}pw")).unwrap()
    }

    /// Has alice log in, and returns her token.
    pub(crate) async fn logged_in(&self, cluster: &str) -> String {
        let login = self.log_in(cluster).await;
        let walked = login.walked(&mut self.walk("alice")).await.unwrap();
        assert!(walked.ok, "{walked:?}");
        login.end().await;
        self.token(cluster).await
    }

    /// Has `user` log in where it will not do, and returns what the page and the command said.
    pub(crate) async fn failed_login(&self, cluster: &str, user: &str) -> (Walked, End) {
        let login = self.log_in(cluster).await;
        let walked = login.walked(&mut self.walk(user)).await.unwrap();
        assert!(!walked.ok, "{walked:?}");
        (walked, login.ended().await)
    }

    /// The same with its daemon started again.
    pub(crate) async fn restarted(self) -> Self {
        self.replaced(Signal::TERM, Home::ucssod).await
    }

    /// The same, its daemon ended with this signal, and the next one what `next` makes of its home.
    pub(crate) async fn replaced(
        mut self,
        signal: Signal,
        next: impl FnOnce(&Home) -> Command,
    ) -> Self {
        kill_process(self.daemon.pid().unwrap(), signal).unwrap();
        self.daemon.end().await;
        self.daemon = Process::start(&mut next(&self.home));
        self.daemon.line_with("ready").await;
        self
    }

    /// A command that says nothing on standard output.
    pub(crate) async fn refused(&self, arguments: &[&str]) -> End {
        End::of(&self.ctl_output(arguments).await)
    }

    /// What `ucssoctl status --json` says, whatever its code.
    pub(crate) async fn status(&self) -> Value {
        let output = self.ctl_output(&["status", "--json"]).await;
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// What it says of one cluster.
    pub(crate) async fn status_of(&self, cluster: &str) -> Value {
        let status = self.status().await;
        let clusters = status["clusters"].as_array().unwrap();
        clusters.iter().find(|entry| entry["cluster"] == cluster).unwrap().clone()
    }

    /// The pages that a [`WRITING`] browser was to open.
    pub(crate) fn opened(&self) -> Vec<String> {
        let text = fs::read_to_string(self.home.path("opened")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// A connection of our own to the socket.
    pub(crate) async fn client(&self) -> Client {
        Client::connect(&self.home.socket()).await.unwrap()
    }

    /// Asks for a token as a program does.
    pub(crate) async fn get_token(
        &self,
        cluster: &str,
        interaction: Interaction,
    ) -> Result<Token, Status> {
        token_from(&self.client().await, cluster, interaction).await
    }
}

/// Asks for a token over this connection.
pub(crate) async fn token_from(
    client: &Client,
    cluster: &str,
    interaction: Interaction,
) -> Result<Token, Status> {
    let cluster = cluster.to_owned();
    let interaction = interaction.into();
    let request = GetTokenRequest { cluster, min_validity: None, interaction };
    Ok(client.broker().get_token(request).await?.into_inner().token.unwrap())
}
