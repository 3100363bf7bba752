//! What can go wrong on the command line, what mends it, and with which code the program ends.

use std::{io, path::PathBuf};

use tonic::Status;

use super::{exit::Exit, service};
use crate::{
    client, config,
    domain::ClusterName,
    identity::Flaw,
    paths,
    rpc::{
        client::{self as calls, ConnectError},
        proto,
    },
};

/// Why a command did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// A path is not known.
    #[error(transparent)]
    Path(#[from] paths::Error),
    /// There is no connection.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The daemon refused a call.
    #[error("{}", calls::sentence(.0))]
    Refused(Box<Status>),
    /// No token came within the time given. The login goes on.
    #[error("no token of `{cluster}` within {waited}; a login that is under way goes on")]
    Waited {
        /// The cluster.
        cluster: String,
        /// How long, in words.
        waited: String,
    },
    /// There are still no tokens of these clusters.
    #[error("no valid token of {} within {waited}", quoted(.names))]
    StillMissing {
        /// The clusters.
        names: Vec<String>,
        /// How long, in words.
        waited: String,
    },
    /// The program that was to be run cannot be.
    #[error("`{}` cannot be run", .program.display())]
    NotRun {
        /// The program.
        program: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A token does not belong in a folder that others can write to.
    #[error("the folder `{}` is not private", .folder.display())]
    NotPrivate {
        /// The folder.
        folder: PathBuf,
    },
    /// A login ended without a token.
    #[error("{}", .0.sentence)]
    LoginFailed(Box<proto::Failure>),
    /// There are several clusters, and none was named.
    #[error("there are several clusters: {}", .names.join(", "))]
    WhichCluster {
        /// All of them.
        names: Vec<String>,
    },
    /// The configuration has no such cluster.
    #[error("the configuration has no cluster `{name}`")]
    NoSuchCluster {
        /// What was asked for.
        name: ClusterName,
    },
    /// No page on another server is registered, so there is none to write.
    #[error("{}", no_page(.name.as_ref()))]
    NoPage {
        /// The cluster, if one was named.
        name: Option<ClusterName>,
    },
    /// There are several pages, and none was named.
    #[error("there are several clusters with such a page: {}", .names.join(", "))]
    WhichPage {
        /// All of them.
        names: Vec<String>,
    },
    /// The answer lacks what the contract promises.
    #[error("the daemon's answer lacks its {0}")]
    Incomplete(&'static str),
    /// There is no configuration, or it is wrong.
    #[error(transparent)]
    Config(#[from] config::Error),
    /// The file is there already.
    #[error("`{}` is there already", .path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// A file cannot be written.
    #[error("`{}` cannot be written", .path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The certificate of a redirect by https is of no use.
    #[error("the redirect by https cannot be served")]
    Redirect(#[from] Flaw),
    /// No certificate can be made.
    #[error("no certificate can be made")]
    Mint(#[source] rcgen::Error),
    /// The service is not set up.
    #[error(transparent)]
    Service(#[from] service::Error),
    /// The program that shows a page of the manual does not run.
    #[error("`man` cannot be run")]
    NoMan(#[source] io::Error),
    /// The operating system does not give what every command needs.
    #[error("this process cannot work")]
    System(#[source] io::Error),
    /// Nobody reads the output any more.
    #[error("the output cannot be written")]
    Output(#[source] io::Error),
    /// Ctrl-C.
    #[error("interrupted")]
    Interrupted,
}

impl Error {
    /// The code with which the program ends.
    pub(super) fn exit(&self) -> Exit {
        match self {
            Self::Path(paths::Error::SocketVariable | paths::Error::SocketTooLong { .. })
            | Self::WhichCluster { .. }
            | Self::WhichPage { .. } => Exit::Usage,
            Self::NoSuchCluster { .. } => Exit::UnknownCluster,
            Self::Connect(
                ConnectError::Denied { .. }
                | ConnectError::OtherUser { .. }
                | ConnectError::OtherFolder { .. },
            ) => Exit::Denied,
            Self::Path(paths::Error::NoRuntimeDir) | Self::Connect(_) => Exit::NotReachable,
            Self::Refused(status) => Exit::of_status(status),
            Self::Waited { .. } | Self::StillMissing { .. } => Exit::TimedOut,
            Self::NotRun { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                Exit::NoSuchProgram
            }
            Self::NotRun { .. } => Exit::NotExecutable,
            Self::LoginFailed(failure) => Exit::of_reason(&failure.reason).unwrap_or(Exit::Other),
            Self::Interrupted => Exit::Interrupted,
            Self::Path(paths::Error::NoHome)
            | Self::Incomplete(_)
            | Self::Config(_)
            | Self::NoPage { .. }
            | Self::NotPrivate { .. }
            | Self::Exists { .. }
            | Self::Unwritable { .. }
            | Self::Redirect(_)
            | Self::Mint(_)
            | Self::Service(_)
            | Self::NoMan(_)
            | Self::System(_)
            | Self::Output(_) => Exit::Other,
        }
    }

    /// What mends it; empty where there is nothing to say.
    pub(super) fn advice(&self) -> String {
        match self {
            Self::Path(error) => error.advice().to_owned(),
            Self::Connect(ConnectError::NotRunning { .. }) => start_line(),
            Self::Refused(status) => calls::advice(status).unwrap_or_default(),
            Self::LoginFailed(failure) => failure.advice.clone(),
            Self::WhichCluster { names } => {
                let first = names.first().map_or("CLUSTER", String::as_str);
                format!("name one, `ucssoctl login {first}`")
            }
            Self::WhichPage { names } => {
                let first = names.first().map_or("CLUSTER", String::as_str);
                format!("name one, `ucssoctl redirect-page {first}`")
            }
            Self::NoSuchCluster { .. } => "see `ucssoctl config check` for the names".to_owned(),
            Self::NoPage { .. } => "write its address as `redirect_uri` of the cluster first, for \
                                    example \"https://intranet.example.com/ucsso/hq.html\""
                .to_owned(),
            Self::Config(error) => error.advice(),
            Self::Redirect(flaw) => flaw.advice().to_owned(),
            Self::Service(error) => error.advice().to_owned(),
            Self::NoMan(_) => {
                "install man-db; or `ucssoctl man | cat` prints the page's source".to_owned()
            }
            Self::StillMissing { .. } => "`ucssoctl status` says why".to_owned(),
            Self::NotPrivate { folder } => format!("run `chmod 700 {}`", folder.display()),
            Self::Exists { .. } => "`--force` overwrites it".to_owned(),
            _ => String::new(),
        }
    }

    /// Whether there is anybody to tell: a reader that went away, `head` for example, knows.
    pub(super) fn is_worth_saying(&self) -> bool {
        match self {
            Self::Output(error) => error.kind() != io::ErrorKind::BrokenPipe,
            Self::Interrupted => false,
            _ => true,
        }
    }
}

impl From<client::Error> for Error {
    fn from(error: client::Error) -> Self {
        match error {
            client::Error::Path(error) => Self::Path(error),
            client::Error::Connect(error) => Self::Connect(error),
            client::Error::Refused(refused) => Self::Refused(refused.0),
            client::Error::Broken(status) | client::Error::Late(status) => Self::Refused(status),
            client::Error::Incomplete(what) => Self::Incomplete(what),
        }
    }
}

impl From<Status> for Error {
    fn from(status: Status) -> Self {
        Self::Refused(Box::new(status))
    }
}

fn quoted(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn no_page(name: Option<&ClusterName>) -> String {
    match name {
        Some(name) => format!("`{name}` does not redirect to a page on another server"),
        None => "no cluster redirects to a page on another server".to_owned(),
    }
}

/// How this user starts the daemon: through systemd where its unit is installed.
fn start_line() -> String {
    let installed = paths::unit_files(paths::process_environment).iter().any(|unit| unit.exists());
    if installed {
        format!("start it with `systemctl --user start {}`", paths::UNIT)
    } else {
        "start it with `ucssod &`".to_owned()
    }
}
