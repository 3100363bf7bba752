//! S15: another program of the same user that is after the memory of the daemon, and a crash of
//! the daemon with core dumps allowed. The same is done to a process that guards against nothing.

use std::{
    fs,
    os::unix::{fs::chown, process::ExitStatusExt as _},
    path::Path,
    pin::pin,
    time::Duration,
};

use rustix::process::{Signal, kill_process};
use tokio::{process::Command, time::timeout};
use ucsso::lab::LabConfig;

use crate::{
    check::Figure,
    components::require,
    estate::{Estate, Home},
    process::{Process, run_well},
    strangers,
};

/// How many attacks there are.
const ATTACKS: usize = 5;

/// What a program can try with a process of its own user: prints how many bytes a debugger, its
/// memory and its environment gave away, how many open files, and whether it may dump core again.
const PROGRAM: &str = "
import ctypes, os, resource, subprocess, sys
pid, folder, gdb = int(sys.argv[1]), sys.argv[2], sys.argv[3]

def debugger():
    taken = f'{folder}/taken'
    subprocess.run([gdb, '-nx', '-batch', '-p', str(pid), '-ex', f'generate-core-file {taken}'],
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return os.path.getsize(taken)

def memory():
    taken = 0
    with open(f'/proc/{pid}/maps') as maps, open(f'/proc/{pid}/mem', 'rb', 0) as memory:
        for line in maps:
            span, access = line.split()[:2]
            if access.startswith('rw'):
                begin, end = (int(part, 16) for part in span.split('-'))
                memory.seek(begin)
                taken += len(memory.read(end - begin))
    return taken

def environment():
    with open(f'/proc/{pid}/environ', 'rb') as environment:
        return len(environment.read())

def files():
    pidfd_open, pidfd_getfd = 434, 438
    call = ctypes.CDLL(None).syscall
    process = call(pidfd_open, pid, 0)
    return sum(call(pidfd_getfd, process, fd, 0) >= 0 for fd in range(16))

def limit():
    resource.prlimit(pid, resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    return 1

def got(attack):
    try:
        return attack()
    except OSError:
        return 0

print(*map(got, (debugger, memory, environment, files, limit)))
";

/// Guards against nothing, and lets any process of its user near where the kernel would not.
const OPEN: &str = "
import ctypes, time
ctypes.CDLL(None).prctl(0x59616d61, ctypes.c_ulong(-1), 0, 0, 0)
print('ready')
time.sleep(600)
";

pub(crate) async fn run() -> Vec<Figure> {
    let estate = Estate::launch_as(LabConfig::default(), ToOwned::to_owned, daemon).await;
    let folder = estate.home.path("");

    let [memory @ .., files, limit] = attack(&estate.daemon, &folder).await;
    let mut cores = usize::from(crashes(estate.daemon, Signal::SEGV).await);
    // Without pages that stay where they are it runs all the same, and says so.
    let again = Process::start(&mut limited("--memlock=0:0", daemon(&estate.home)));
    again.line_with("tokens could be swapped to disk: not locked: the limit of 0 KiB").await;
    again.line_with("ready").await;
    cores += usize::from(crashes(again, Signal::ABORT).await);

    let open = Process::start(&mut unlimited(strangers::python(OPEN), &folder));
    open.line_with("ready").await;
    let given = attack(&open, &folder).await.into_iter().filter(|amount| *amount > 0).count();
    let open_core = crashes(open, Signal::SEGV).await;

    vec![
        Figure::exactly("bytes-read", memory.iter().sum(), 0),
        Figure::exactly("files-taken", files, 0),
        Figure::exactly("limits-lifted", limit, 0),
        Figure::exactly("core-dumps", cores, 0),
        Figure::exactly("attacks-on-another", given, ATTACKS),
        Figure::exactly("core-dumps-of-another", usize::from(open_core), 1),
    ]
}

/// The daemon as a process of the stranger, who is also who attacks it: root gets everywhere. It
/// may dump as much core as it likes, as far as whoever starts it is concerned.
fn daemon(home: &Home) -> Command {
    let program = home.path("ucssod");
    fs::copy(env!("CARGO_BIN_EXE_ucssod"), &program).unwrap();
    for name in ["", "ucssod", "ca.pem", "config.toml"] {
        chown(home.path(name), Some(strangers::UID), Some(strangers::UID)).unwrap();
    }
    let plain = home.ucssod_at(program.to_str().unwrap());
    let mut command = strangers::command(&program);
    command.args(plain.as_std().get_args()).env_clear();
    let environment = plain.as_std().get_envs();
    command.envs(environment.filter_map(|(name, value)| Some((name, value?))));
    unlimited(command, &home.path(""))
}

/// The same command, in a folder where it may leave core files of any size.
fn unlimited(command: Command, folder: &Path) -> Command {
    let mut limited = limited("--core=unlimited:unlimited", command);
    limited.current_dir(folder);
    limited
}

/// The same command with another limit.
fn limited(limit: &str, command: Command) -> Command {
    let command = command.into_std();
    let mut limited = Command::new(require("prlimit", "apt-get install util-linux"));
    limited.args([limit, "--"]).arg(command.get_program()).args(command.get_args());
    limited.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    if let Some(folder) = command.get_current_dir() {
        limited.current_dir(folder);
    }
    limited
}

/// Has another process of the stranger attack it, and returns what each attack got.
async fn attack(victim: &Process, folder: &Path) -> [usize; ATTACKS] {
    let pid = victim.pid().unwrap().as_raw_nonzero().to_string();
    let gdb = require("gdb", "apt-get install gdb");
    let mut attacker = strangers::python(PROGRAM);
    let said = run_well(attacker.arg(pid).arg(folder).arg(gdb)).await;
    let got: Vec<usize> = said.split_whitespace().map(|word| word.parse().unwrap()).collect();
    got.try_into().unwrap()
}

/// Whether it leaves a core dump when it ends by this signal.
async fn crashes(process: Process, signal: Signal) -> bool {
    let pid = process.pid().unwrap();
    let mut end = pin!(process.end());
    let (status, _) = loop {
        // The first SIGSEGV that is no stack overflow does no more than undo Rust's own handler.
        kill_process(pid, signal).unwrap();
        if let Ok(end) = timeout(Duration::from_millis(200), &mut end).await {
            break end;
        }
    };
    assert_eq!(status.signal(), Some(signal.as_raw()), "{status}");
    status.core_dumped()
}
