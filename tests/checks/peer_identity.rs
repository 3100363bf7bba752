//! S32: who is at the other end of the socket. Another user who gets as far as to connect, a daemon
//! that is another user's, and a process that has ended and whose id another one has now.

use std::{
    fs::{Permissions, set_permissions},
    os::unix::fs::PermissionsExt as _,
};

use tokio::process::Command;
use ucsso::client::{Connector, Options};

use crate::{
    check::Figure,
    components::require,
    estate::Estate,
    process::{Process, run_well, until},
    rig::estate,
    strangers,
};

/// How often another user connects.
const STRANGERS: usize = 200;
/// How often an id is taken over.
const TRIALS: usize = 1_000;

/// Says that it speaks HTTP/2, and counts the connections without an answer, and the bytes of those
/// with one.
const CALLER: &str = "
import socket, sys
path, times = sys.argv[1], int(sys.argv[2])
denied = answered = 0
for _ in range(times):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        try:
            connection.sendall(b'PRI * HTTP/2.0\\r\\n\\r\\nSM\\r\\n\\r\\n' + bytes(3) + b'\\x04' + bytes(5))
            answer = connection.recv(4096)
        except OSError:
            answer = b''
        denied += answer == b''
        answered += len(answer)
print(denied, answered)
";

/// Listens where the daemon would, and says how much it hears from the first who comes.
const LISTENER: &str = "
import os, socket, sys
with socket.socket(socket.AF_UNIX) as listener:
    listener.bind(sys.argv[1])
    os.chmod(sys.argv[1], 0o777)
    listener.listen()
    print('listening', flush=True)
    connection, _ = listener.accept()
    print('heard', len(connection.recv(4096)), flush=True)
";

/// Connects and ends; its child asks for a token over that connection, once its id is another's.
/// Prints how often that was so, and how often the id led to the wrong program meanwhile.
const HEIRS: &str = "
import os, signal, socket, sys
path, cluster, trials = sys.argv[1], sys.argv[2].encode(), int(sys.argv[3])

def frame(kind, flags, stream, payload):
    return len(payload).to_bytes(3, 'big') + bytes((kind, flags)) + stream.to_bytes(4, 'big') + payload

def header(name, value):
    return bytes((0, len(name))) + name + bytes((len(value),)) + value

begin = b'PRI * HTTP/2.0\\r\\n\\r\\nSM\\r\\n\\r\\n' + frame(4, 0, 0, b'')
post_by_http = b'\\x83\\x86'
headers = post_by_http + b''.join(header(*line) for line in (
    (b':path', b'/ucsso.v1.TokenBroker/GetToken'), (b':authority', b'localhost'),
    (b'content-type', b'application/grpc'), (b'te', b'trailers'), (b'ucsso', b'1')))
message = bytes((10, len(cluster))) + cluster
call = frame(1, 4, 1, headers) + frame(0, 1, 1, bytes(1) + len(message).to_bytes(4, 'big') + message)

def heir(connection, go, done):
    os.read(go, 1)
    connection.sendall(call)
    answer = b''
    while b'Bearer' not in answer:
        part = connection.recv(65536)
        if not part:
            os._exit(1)
        answer += part
    os.write(done, b'.')
    os._exit(0)

def decoy(pid):
    for _ in range(200):
        with open('/proc/sys/kernel/ns_last_pid', 'w') as last:
            last.write(str(pid - 1))
        child = os.posix_spawn('/bin/sleep', ['sleep', '600'], {})
        if child == pid:
            return True
        end(child)
    return False

def end(child):
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)

taken_over = misleading = 0
for _ in range(trials):
    go, let_go = os.pipe()
    done, is_done = os.pipe()
    parent = os.fork()
    if parent == 0:
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(path)
        connection.sendall(begin)
        if os.fork() == 0:
            os.close(done)
            heir(connection, go, is_done)
        os._exit(0)
    os.close(is_done)
    os.waitpid(parent, 0)
    reused = decoy(parent)
    taken_over += reused
    os.write(let_go, b'.')
    assert os.read(done, 1) == b'.', 'no token came'
    if reused:
        misleading += os.readlink(f'/proc/{parent}/exe').endswith('/sleep')
        end(parent)
    for fd in (go, let_go, done):
        os.close(fd)
print(taken_over, misleading)
";

pub(crate) async fn run() -> Vec<Figure> {
    let estate = estate().await;
    estate.logged_in("hq").await;
    let named = handed_out(&estate).filter(|line| line.contains("/ucssoctl\"")).count();
    let before = handed_out(&estate).count();

    let mut heirs = Command::new(require("/usr/bin/python3", "apt-get install python3"));
    heirs.args(["-c", HEIRS]).arg(estate.home.socket()).arg("hq").arg(TRIALS.to_string());
    let [taken_over, misleading] = numbers(&run_well(&mut heirs).await);
    until("each token is told of", async || {
        (handed_out(&estate).count() >= before + TRIALS).then_some(())
    })
    .await;
    let told: Vec<_> = handed_out(&estate).skip(before).collect();
    let of_none = told.iter().filter(|line| line.contains("caller=\"peer exited\"")).count();
    let of_another = told.iter().filter(|l| l.contains("exe=") || l.contains("unit=")).count();

    let open = Permissions::from_mode(0o777);
    for path in [estate.home.path(""), estate.home.path("run"), estate.home.socket()] {
        set_permissions(path, open.clone()).unwrap();
    }
    let mut stranger = strangers::python(CALLER);
    let said = run_well(stranger.arg(estate.home.socket()).arg(STRANGERS.to_string())).await;
    let [denied, answered] = numbers(&said);

    let [to_stranger, to_own] = [strangers::python(LISTENER), own_python(LISTENER)];
    let to_stranger = heard(&estate, to_stranger, "theirs").await;
    let to_own = heard(&estate, to_own, "ours").await;
    let strict = heard_of_library(&estate, "strict", |connector| connector).await;
    let lenient =
        heard_of_library(&estate, "lenient", |connector| connector.allow_server(strangers::UID));
    let lenient = lenient.await;

    vec![
        Figure::exactly("strangers-denied", denied, STRANGERS),
        Figure::exactly("bytes-to-strangers", answered + to_stranger + strict, 0),
        Figure::at_least("bytes-to-own-listener", to_own, 1),
        Figure::at_least("bytes-to-an-allowed-one", lenient, 1),
        // Where the machine does other things, one of them gets an id now and then.
        Figure::at_least("ids-taken-over", taken_over, TRIALS * 9 / 10),
        Figure::at_least("misled-by-the-id", misleading, TRIALS * 9 / 10),
        Figure::exactly("said-to-have-exited", of_none, TRIALS),
        Figure::exactly("misattributed", of_another, 0),
        Figure::at_least("named-while-it-runs", named, 1),
    ]
}

/// The lines that say who was given a token.
fn handed_out(estate: &Estate) -> impl Iterator<Item = String> {
    let log = estate.daemon.output();
    let lines = log.lines().filter(|line| line.contains("ucsso::audit: a token was handed out"));
    lines.map(str::to_owned).collect::<Vec<_>>().into_iter()
}

/// How much the command line says to this listener, in place of the daemon.
async fn heard(estate: &Estate, mut listener: Command, name: &str) -> usize {
    let socket = estate.home.path(name);
    let listener = Process::start(listener.arg(&socket));
    listener.line_with("listening").await;
    let socket = format!("unix://{}", socket.display());
    let asking = estate.home.ucssoctl().env("UCSSO_SOCKET", socket).args(["token", "hq"]).output();
    let (line, _) = tokio::join!(listener.line_with("heard"), asking);
    let [heard] = numbers(line.trim_start_matches("heard "));
    heard
}

/// How much the client library says to another user's listener.
async fn heard_of_library(
    estate: &Estate,
    name: &str,
    allow: impl FnOnce(Connector) -> Connector,
) -> usize {
    let socket = estate.home.path(name);
    let listener = Process::start(strangers::python(LISTENER).arg(&socket));
    listener.line_with("listening").await;
    let connector = allow(Connector::at(socket).unwrap());
    let asking = async { connector.connect().await?.get("hq", &Options::default()).await };
    let (line, refused) = tokio::join!(listener.line_with("heard"), asking);
    refused.unwrap_err();
    let [heard] = numbers(line.trim_start_matches("heard "));
    heard
}

fn own_python(program: &str) -> Command {
    let mut python = Command::new(require("/usr/bin/python3", "apt-get install python3"));
    python.args(["-u", "-c", program]);
    python
}

fn numbers<const N: usize>(said: &str) -> [usize; N] {
    let numbers: Vec<usize> = said.split_whitespace().map(|word| word.parse().unwrap()).collect();
    numbers.try_into().unwrap()
}
