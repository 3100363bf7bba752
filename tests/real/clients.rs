//! Programs in other languages that know the `.proto` files and nothing else of ours. They give
//! no channel option: that their library puts the socket's path into `:authority` is our concern.

use std::{env, fs, os::unix::fs::symlink, path::Path};

use rustix::process::{Signal, kill_process};
use tokio::process::Command;
use ucsso::lab::{IdpChoice, LabConfig, walk::Walk};

use crate::{
    components::{TOOLS, require},
    estate::{Estate, Login},
    process::{Process, run, run_well, until},
};

/// Lists the services over `grpc.reflection.v1alpha`, the version that most tools speak.
const REFLECTION: &str = "
import os, grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
with grpc.insecure_channel(os.environ['UCSSO_SOCKET']) as channel:
    print(*ProtoReflectionDescriptorDatabase(channel).get_services(), sep='\\n')
";

/// Asks for a token with less time than a login takes, then watches the cluster until that ends.
const WATCHING: &str = "
import os, sys, grpc
sys.path.append(sys.argv[1])
messages, services = grpc.protos_and_services('ucsso/v1/token_broker.proto')
mark = [('ucsso', '1')]
def said(error):
    details = dict(error.trailing_metadata()).get('grpc-status-details-bin', b'')
    known = [reason for reason in ('LOGIN_IN_PROGRESS', 'SHUTTING_DOWN') if reason.encode() in details]
    print(error.code().name, *known, flush=True)
with grpc.insecure_channel(os.environ['UCSSO_SOCKET']) as channel:
    broker = services.TokenBrokerStub(channel)
    try:
        broker.GetToken(messages.GetTokenRequest(cluster='hq'), metadata=mark, timeout=1)
    except grpc.RpcError as error:
        said(error)
    try:
        for news in broker.WatchToken(messages.WatchTokenRequest(cluster='hq'), metadata=mark):
            left = news.token.remaining.ToTimedelta().total_seconds()
            print('generation', news.token.generation, 0 < left <= 3600, flush=True)
    except grpc.RpcError as error:
        said(error)
";

const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples");

fn python() -> Command {
    Command::new(require(&format!("{TOOLS}/python/bin/python"), "tests/install"))
}

fn python_example() -> Command {
    let mut python = python();
    python.arg(format!("{EXAMPLES}/python/cumi.py"));
    python
}

fn node() -> Command {
    let mut node = Command::new(require("node", "apt-get install nodejs"));
    node.env("NODE_PATH", require(&format!("{TOOLS}/node/node_modules"), "tests/install"));
    node
}

fn node_example() -> Command {
    let mut node = node();
    node.arg(format!("{EXAMPLES}/node/uds.js"));
    node
}

/// A shell that finds our command line.
fn shell() -> Command {
    for program in ["curl", "jq"] {
        require(program, &format!("apt-get install {program}"));
    }
    let mut shell = Command::new("bash");
    let ours = Path::new(env!("CARGO_BIN_EXE_ucssoctl")).parent().unwrap();
    shell.env("PATH", format!("{}:{}", ours.display(), env::var("PATH").unwrap()));
    shell
}

fn shell_example() -> Command {
    let mut shell = shell();
    shell.arg(format!("{EXAMPLES}/shell/uds.sh"));
    shell
}

/// The example in Rust, which is built with the tests.
fn rust_example() -> Command {
    let programs = Path::new(env!("CARGO_BIN_EXE_ucssod")).parent().unwrap();
    let example = programs.join("examples").join("uds");
    Command::new(require(example.to_str().unwrap(), "cargo build --examples"))
}

/// An estate whose broker holds alice's token for `hq`.
async fn logged_in() -> Estate {
    logged_in_to("hq").await
}

async fn logged_in_to(cluster: &str) -> Estate {
    let estate = Estate::start(IdpChoice::Own).await;
    complete(&estate, estate.log_in(cluster).await).await;
    estate
}

/// Has alice complete a login.
async fn complete(estate: &Estate, login: Login) {
    let mut walk = Walk::new(estate.lab.ca_pem(), "alice", "alicepw").unwrap();
    let walked = walk.login(&login.start_url.parse().unwrap()).await.unwrap();
    assert!(walked.ok, "{walked:?}");
    login.end().await;
}

/// Points a client at the broker, and at the nodes under a name that every resolver knows.
fn told<'a>(client: &'a mut Command, estate: &Estate) -> &'a mut Command {
    client
        .env("UCSSO_SOCKET", format!("unix://{}", estate.home.socket().display()))
        .env("UDS_URL", estate.node_url("cucm-pub"))
        .env("UDS_CA", estate.home.path("ca.pem"))
        .env("CUMI_URL", estate.node_url("cuc"))
        .env("CUMI_CA", estate.home.path("ca.pem"))
}

#[tokio::test]
async fn a_python_program_fetches_the_token_and_asks_cumi() {
    let estate = logged_in_to("vm").await;

    let subjects = run_well(told(python_example().arg("vm"), &estate)).await;

    assert_eq!(subjects, "Message from Bob Brandt (1002)\n");
}

#[tokio::test]
async fn a_shell_script_fetches_the_token_and_asks_uds() {
    let estate = logged_in().await;

    let record = run_well(told(&mut shell_example(), &estate)).await;
    let unknown = run(told(shell_example().arg("nowhere"), &estate)).await;

    assert!(record.contains("<userName>alice</userName>"), "{record}");
    assert_eq!(unknown.status.code(), Some(7), "that of ucssoctl");
}

#[tokio::test]
async fn a_program_whose_token_the_cluster_forgot_reports_it_and_goes_on_with_the_next() {
    for (cluster, nodes, mut program, found) in [
        ("hq", &["cucm-pub", "cucm-sub"][..], rust_example(), "<userName>alice</userName>"),
        ("vm", &["cuc"], python_example(), "Message from Bob Brandt (1002)"),
    ] {
        let estate = logged_in_to(cluster).await;
        let login = estate.log_in(cluster).await;
        for node in nodes {
            estate.lab.revoke_tokens(node);
        }

        let program = Process::start(told(program.arg(cluster), &estate));
        until("the daemon has dropped the token", async || {
            let held = estate.ctl_output(&["token", cluster, "--no-login"]).await;
            (!held.status.success()).then_some(())
        })
        .await;
        complete(&estate, login).await;

        let (status, said) = program.end().await;
        assert!(status.success() && said.contains(found), "{status}: {said}");
    }
}

/// What a block of the README in this language says.
fn block(language: &str) -> &'static str {
    let section = include_str!("../../README.md").split("### From your program").nth(1).unwrap();
    let block = section.split(&format!("```{language}\n")).nth(1).unwrap();
    block.split("```").next().unwrap()
}

#[tokio::test]
async fn the_readme_has_a_token_in_ten_lines_in_each_language() {
    let estate = logged_in().await;
    fs::create_dir(estate.home.path("ucsso")).unwrap();
    symlink(estate.home.socket(), estate.home.path("ucsso/broker.sock")).unwrap();
    let written = ["rust,no_run", "python", "js", "bash"].map(block);
    for block in written {
        let lines = block.lines().filter(|line| !line.is_empty()).count();
        assert!(lines <= 10, "{lines} lines:\n{block}");
    }
    // That the Rust compiles is seen to where the documentation is tested.
    let [_, in_python, in_node, in_shell] = written;
    let in_python = format!("{in_python}\nprint(headers['Authorization'])");
    let say = "console.log(headers.authorization); broker.close();";
    let in_node = in_node.replace("broker.close();", say);
    let in_shell =
        in_shell.replace("https://cucm-pub.example.com:8443", &estate.node_url("cucm-pub"));

    let header = format!("Bearer {}\n", estate.token("hq").await);
    let at_home = |mut program: Command, flag: &str, text: &str| {
        program.args([flag, text]).current_dir(env!("CARGO_MANIFEST_DIR"));
        program.env("XDG_RUNTIME_DIR", estate.home.path(""));
        program.env("CURL_CA_BUNDLE", estate.home.path("ca.pem")).env_remove("UCSSO_SOCKET");
        program
    };
    assert_eq!(run_well(&mut at_home(python(), "-c", &in_python)).await, header);
    assert_eq!(run_well(&mut at_home(node(), "-e", &in_node)).await, header);
    let record = run_well(&mut at_home(shell(), "-c", &in_shell)).await;
    assert!(record.contains("<userName>alice</userName>"), "{record}");
}

#[tokio::test]
async fn a_node_program_fetches_the_token_and_asks_uds() {
    let estate = logged_in().await;

    let record = run_well(told(&mut node_example(), &estate)).await;

    assert!(record.contains("<userName>alice</userName>"), "{record}");
}

#[tokio::test]
async fn a_rust_program_fetches_the_token_and_asks_uds() {
    let estate = logged_in().await;

    let record = run_well(told(&mut rust_example(), &estate)).await;

    assert!(record.contains("<userName>alice</userName>"), "{record}");
}

#[tokio::test]
async fn a_program_that_names_an_unknown_cluster_is_told_so() {
    let estate = Estate::start(IdpChoice::Own).await;

    for mut client in [python_example(), node_example()] {
        let output = run(told(client.arg("nowhere"), &estate)).await;

        assert_eq!(output.status.code(), Some(1));
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains("no token: NOT_FOUND"), "{said}");
    }
}

#[tokio::test]
async fn a_program_hears_that_a_login_goes_on_then_of_its_token_then_of_the_end() {
    let nobody = |toml: &str| format!("browser = [\"true\", \"{{url}}\"]\n\n{toml}");
    let estate = Estate::launch(LabConfig::default(), nobody).await;
    let proto = concat!(env!("CARGO_MANIFEST_DIR"), "/proto");
    let program = Process::start(told(python().args(["-c", WATCHING, proto]), &estate));
    program.line_with("DEADLINE_EXCEEDED LOGIN_IN_PROGRESS").await;
    program.line_with("generation 0 False").await;
    estate.ctl_output(&["cancel", "hq"]).await;

    let login = estate.log_in("hq").await;
    let mut walk = Walk::new(estate.lab.ca_pem(), "alice", "alicepw").unwrap();
    walk.login(&login.start_url.parse().unwrap()).await.unwrap();
    program.line_with(" True").await;
    kill_process(estate.daemon.pid().unwrap(), Signal::TERM).unwrap();

    program.line_with("UNAVAILABLE SHUTTING_DOWN").await;
    assert!(program.end().await.0.success());
}

#[tokio::test]
async fn a_program_that_knows_nothing_learns_the_services_by_reflection() {
    let estate = Estate::start(IdpChoice::Own).await;

    let services = run_well(told(python().args(["-c", REFLECTION]), &estate)).await;

    for service in
        ["ucsso.v1.TokenBroker", "ucsso.v1.Login", "ucsso.v1.Admin", "grpc.health.v1.Health"]
    {
        assert!(services.lines().any(|line| line == service), "{services}");
    }
}
