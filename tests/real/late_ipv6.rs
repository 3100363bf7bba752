//! A machine that gets its IPv6 loopback while the daemon runs, and a user who is quick: in a
//! network of its own, where that can be arranged.

use std::process::Stdio;

use tokio::process::Command;

use crate::{
    components,
    estate::Home,
    process::{Process, run, run_well},
};

/// Makes a network with nothing in it but `127.0.0.1`, and waits.
const WITHOUT_IPV6: &str = "ip link set lo up
    for place in all lo; do echo 1 > /proc/sys/net/ipv6/conf/$place/disable_ipv6; done
    echo made
    exec sleep 1000";

const WITH_IPV6: &str =
    "for place in all lo; do echo 0 > /proc/sys/net/ipv6/conf/$place/disable_ipv6; done
    ip -6 address replace ::1/128 dev lo";

/// Listens as somebody else, and answers nobody.
const SQUATTER: &str = r#"use Socket qw(:DEFAULT inet_pton pack_sockaddr_in6); $| = 1;
    socket(S, AF_INET6, SOCK_STREAM, 0) or die;
    bind(S, pack_sockaddr_in6(27443, inet_pton(AF_INET6, "::1"))) or die;
    listen(S, 5) or die;
    print "listening\n";
    sleep 1000"#;

/// A network that lasts as long as its process.
struct Network(Process);

impl Network {
    async fn without_ipv6() -> Self {
        components::require("ip", "apt-get install iproute2");
        let process =
            Process::start(Command::new("unshare").args(["--net", "sh", "-euc", WITHOUT_IPV6]));
        process.line_with("made").await;
        Self(process)
    }

    /// The same command, in this network.
    fn inside(&self, command: &Command) -> Command {
        let (command, pid) = (command.as_std(), self.0.pid().unwrap().as_raw_nonzero());
        let environment = command.get_envs().filter_map(|(name, value)| Some((name, value?)));
        let mut inside = Command::new("nsenter");
        inside.arg(format!("--net=/proc/{pid}/ns/net")).arg(command.get_program());
        inside.args(command.get_args()).env_clear().envs(environment).stdin(Stdio::null());
        inside
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(arguments).env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        self.inside(&command)
    }
}

#[tokio::test]
async fn no_window_opens_at_localhost_once_another_user_has_its_other_address() {
    let network = Network::without_ipv6().await;
    let home = Home::new();
    let folder = home.path("lab");
    let lab = [
        "serve",
        "--dir",
        folder.to_str().unwrap(),
        "--redirect-uri",
        "hq=http://localhost:27443/cb/hq",
    ];
    let lab = Process::start(&mut network.run(env!("CARGO_BIN_EXE_ucsso-lab"), &lab));
    lab.line_with("Ctrl-C ends it").await;
    let toml = std::fs::read_to_string(folder.join("config.toml")).unwrap();
    let toml = toml.replace("http://127.0.0.1:27443/cb/hq", "http://localhost:27443/cb/hq");
    home.configure(&toml.replace("127.0.0.1:27443/cb/vm", "127.0.0.1:27444/cb/vm"));
    let daemon = Process::start(&mut network.inside(&home.ucssod()));
    daemon.line_with("ready").await;
    let ctl = |arguments: &[&str]| {
        let mut command = home.ucssoctl();
        command.args(arguments);
        network.inside(&command)
    };

    // Nobody else can have what is not there.
    let waiting = Process::start(&mut ctl(&["login", "--no-browser", "hq"]));
    waiting.line_with("http://localhost:27443/start/").await;
    run_well(&mut ctl(&["cancel", "hq"])).await;
    run_well(&mut network.run("sh", &["-euc", WITH_IPV6])).await;
    let squatter = ["--reuid", "1001", "--clear-groups", "perl", "-e", SQUATTER];
    let squatter = Process::start(&mut network.run("setpriv", &squatter));
    squatter.line_with("listening").await;
    let refused = run(&mut ctl(&["login", "--no-browser", "hq"])).await;

    let said = String::from_utf8_lossy(&refused.stderr);
    let sentence = "a program of uid 1001 answers on [::1]:27443 in this daemon's place";
    assert_eq!(refused.status.code(), Some(8), "{said}");
    assert!(said.contains(sentence), "{said}");
    assert!(refused.stdout.is_empty(), "{:?}", refused.stdout);
}
