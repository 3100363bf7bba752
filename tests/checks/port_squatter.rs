//! S4: somebody else has the redirect port, or a part of it, before the daemon starts. A window
//! that is opened all the same brings the token to them.

use std::time::Duration;

use ucsso::lab::LabConfig;

use crate::{
    check::Figure,
    estate::Estate,
    process::{Process, free_port},
    rig::WRITING,
    strangers::{self, UID},
    wire::moment,
};

/// Listens where it is told, and writes down what it is told.
const PROGRAM: &str = "
import socket, sys
host, port, only = sys.argv[1], int(sys.argv[2]), sys.argv[3]
family = socket.AF_INET6 if ':' in host else socket.AF_INET
listener = socket.socket(family)
if family == socket.AF_INET6:
    listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, only == 'only')
listener.bind((host, port))
listener.listen()
print('listening', flush=True)
while True:
    connection, _ = listener.accept()
    connection.settimeout(1)
    try:
        while heard := connection.recv(65536):
            print(heard, flush=True)
    except OSError:
        pass
    connection.close()
";

/// An address that is taken: by a socket of IPv6 alone, or of both. And whether a browser that is
/// sent to 127.0.0.1 would come to it.
const SQUATS: [(&str, &str, bool); 5] = [
    ("127.0.0.1", "both", true),
    ("0.0.0.0", "both", true),
    ("::1", "only", false),
    ("::", "only", false),
    ("::", "both", true),
];

/// How long the daemon may take to say that a login cannot be.
const LIMIT: Duration = Duration::from_secs(2);

pub(crate) async fn run() -> Vec<Figure> {
    let mut tally = Tally::default();
    for (address, family, takes_ipv4) in SQUATS {
        for host in ["127.0.0.1", "localhost"] {
            let theirs = takes_ipv4 || host == "localhost";
            tally.squat(address, family, host, theirs).await;
        }
    }
    vec![
        Figure::exactly("windows-on-theirs", tally.windows_on_theirs, 0),
        Figure::exactly("windows-on-ours", tally.windows_on_ours, 2),
        Figure::exactly("refusals-without-uid", tally.unexplained, 0),
        Figure::exactly("token-bytes", tally.token_bytes, 0),
        Figure::sooner("slowest-refusal", tally.slowest, LIMIT),
    ]
}

#[derive(Default)]
struct Tally {
    windows_on_theirs: usize,
    windows_on_ours: usize,
    unexplained: usize,
    token_bytes: usize,
    slowest: Duration,
}

impl Tally {
    /// Has somebody else listen at `address` and tries to log in with a redirect to `host`.
    async fn squat(&mut self, address: &str, family: &str, host: &str, theirs: bool) {
        let port = free_port();
        let mut python = strangers::python(PROGRAM);
        let squatter = Process::start(python.args([address, &port.to_string(), family]));
        squatter.line_with("listening").await;
        let redirect_uri = format!("http://{host}:{port}/cb/hq");
        let estate =
            Estate::launch(LabConfig::default(), |toml| configured(toml, &redirect_uri)).await;
        estate.lab.allow_redirect("hq", &redirect_uri);

        let began = moment();
        let login = Process::start(estate.home.ucssoctl().args(["login", "hq"]));
        if theirs {
            let (_, said) = login.end().await;
            let took = began.elapsed();
            anstream::eprintln!("S4: {address} ({family}), {host}: {took:?}: {}", said.trim_end());
            self.slowest = self.slowest.max(took);
            self.windows_on_theirs += estate.opened().len();
            self.unexplained += usize::from(!said.contains(&format!("uid {UID}")));
        } else {
            login.line_with("browser").await;
            self.windows_on_ours += estate.opened().len();
        }
        self.token_bytes += squatter.output().matches("access_token").count();
    }
}

/// The configuration with another redirect URI for `hq`, and a browser that writes down what it
/// is to open.
fn configured(toml: &str, redirect_uri: &str) -> String {
    let begin = toml.find("redirect_uri = ").unwrap();
    let end = begin + toml[begin..].find('\n').unwrap();
    let line = format!("redirect_uri = \"{redirect_uri}\"");
    [&format!("browser = {WRITING:?}\n\n{}", &toml[..begin]), line.as_str(), &toml[end..]].concat()
}
