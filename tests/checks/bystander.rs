//! Somebody else's program that goes on asking while a daemon is attacked, and what the daemon
//! takes of the machine meanwhile.

use std::{
    fs,
    future::pending,
    path::Path,
    time::{Duration, Instant},
};

use tokio::{process::Command, time::timeout};
use ucsso::lab::LabConfig;

use crate::{
    check::Figure,
    components::require,
    estate::{Estate, Home},
    process::Process,
    wire::moment,
};

/// How soon it is answered, in 99 of 100 cases.
const SOON: Duration = Duration::from_millis(50);

/// Asks for the status again and again, over one connection, and prints how many microseconds each
/// answer took. It is in another language so that the daemon takes it for another program than the
/// attackers, which are in this one.
const PROGRAM: &str = r"
import socket, sys, time

def frame(kind, flags, stream, payload):
    return len(payload).to_bytes(3, 'big') + bytes((kind, flags)) + stream.to_bytes(4, 'big') + payload

def header(name, value):
    return bytes((0, len(name))) + name + bytes((len(value),)) + value

def read(length):
    data = b''
    while len(data) < length:
        part = connection.recv(length - len(data))
        if not part:
            sys.exit('closed')
        data += part
    return data

headers = b'\x83\x86' + b''.join(header(*line) for line in (
    (b':path', b'/ucsso.v1.TokenBroker/GetStatus'), (b':authority', b'localhost'),
    (b'content-type', b'application/grpc'), (b'te', b'trailers'), (b'ucsso', b'1')))
connection = socket.socket(socket.AF_UNIX)
connection.connect(sys.argv[1])
wide = frame(8, 0, 0, (1 << 30).to_bytes(4, 'big'))
connection.sendall(b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n' + frame(4, 0, 0, b'') + wide)
stream = 1
while True:
    began, message, ended = time.monotonic(), b'', False
    connection.sendall(frame(1, 4, stream, headers) + frame(0, 1, stream, bytes(5)))
    while not ended:
        head = read(9)
        payload = read(int.from_bytes(head[:3], 'big'))
        kind, flags, of = head[3], head[4], int.from_bytes(head[5:], 'big')
        if kind in (4, 6) and not flags & 1:
            connection.sendall(frame(kind, 1, 0, payload if kind == 6 else b''))
        if of == stream:
            message += payload if kind == 0 else b''
            ended = kind == 3 or flags & 1
    print('answered' if message else 'refused', int((time.monotonic() - began) * 1e6), flush=True)
    stream += 2
    time.sleep(0.03)
";

/// A lab and a daemon that says little: what it would write at `trace` is no part of an attack.
pub(crate) async fn quiet_estate() -> Estate {
    quiet_estate_as(Home::ucssod).await
}

/// The same with this daemon.
pub(crate) async fn quiet_estate_as(daemon: impl FnOnce(&Home) -> Command) -> Estate {
    let quiet = |home: &Home| {
        let mut daemon = daemon(home);
        daemon.env("RUST_LOG", "info");
        daemon
    };
    Estate::launch_as(LabConfig::default(), ToOwned::to_owned, quiet).await
}

/// Asks until it is dropped.
pub(crate) struct Bystander(Process);

impl Bystander {
    pub(crate) async fn of(socket: &Path) -> Self {
        let mut python = Command::new(require("/usr/bin/python3", "apt-get install python3"));
        let asking = Process::start(python.args(["-u", "-c", PROGRAM]).arg(socket));
        asking.line_with("answered").await;
        Self(asking)
    }

    /// How long the answers took since it began, in 99 of 100 cases, and how many calls had none.
    pub(crate) fn found(&self) -> (Duration, usize) {
        let said = self.0.output();
        let times = said.lines().filter_map(|line| line.strip_prefix("answered ")?.parse().ok());
        let mut times: Vec<u64> = times.collect();
        times.sort_unstable();
        let late = Duration::from_micros(times[(times.len() * 99).div_ceil(100) - 1]);
        (late, said.lines().count() - times.len())
    }

    /// The same as figures.
    pub(crate) fn figures(&self) -> [Figure; 2] {
        let (late, unanswered) = self.found();
        [
            Figure::sooner("bystander-p99", late, SOON),
            Figure::exactly("bystander-unanswered", unanswered, 0),
        ]
    }
}

/// Lets time pass.
pub(crate) async fn pause(time: Duration) {
    let _ = timeout(time, pending::<()>()).await;
}

/// What a process takes.
pub(crate) struct Usage {
    pid: i32,
    cpu: Duration,
    memory: usize,
    at: Instant,
}

impl Usage {
    /// From now on.
    pub(crate) fn of(estate: &Estate) -> Self {
        Self::of_pid(estate.daemon.pid().unwrap().as_raw_nonzero().get())
    }

    pub(crate) fn of_pid(pid: i32) -> Self {
        // From now on the peak is that of what follows (proc(5)).
        fs::write(format!("/proc/{pid}/clear_refs"), "5").unwrap();
        Self { pid, cpu: cpu(pid), memory: memory(pid, "VmRSS:"), at: moment() }
    }

    /// By how many KiB its resident memory has grown, at its peak.
    pub(crate) fn grown(&self) -> usize {
        memory(self.pid, "VmHWM:").saturating_sub(self.memory)
    }

    /// How much of a processor it has used, in percent.
    pub(crate) fn percent(&self) -> usize {
        let used = cpu(self.pid).saturating_sub(self.cpu).as_millis() * 100;
        usize::try_from(used / self.at.elapsed().as_millis().max(1)).unwrap()
    }
}

fn memory(pid: i32, what: &str) -> usize {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(what)).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

fn cpu(pid: i32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let (_, rest) = stat.rsplit_once(") ").unwrap();
    // proc(5): the fourteenth and fifteenth field, of which the first two are cut off.
    let ticks: u64 = rest.split(' ').skip(11).take(2).map(|n| n.parse::<u64>().unwrap()).sum();
    Duration::from_secs(ticks) / u32::try_from(rustix::param::clock_ticks_per_second()).unwrap()
}
