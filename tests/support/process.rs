//! Child processes that end with the test that started them, whatever the test does.
//!
//! A [`Process`] keeps what the child wrote, and ends the child and everything the child started
//! when it is dropped. By handle: no process is ever looked for by name.

use std::{
    collections::BTreeMap,
    fs,
    net::TcpListener,
    process::{ExitStatus, Output, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU16, Ordering::Relaxed},
    },
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader},
    process::{Child, Command},
    sync::watch,
    time::{interval, timeout},
};

/// How long anything outside the tests may take. Long enough for a busy machine; whoever waits
/// this long has failed.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// A running child.
pub(crate) struct Process {
    name: String,
    child: Child,
    /// What it wrote so far, on standard output and standard error.
    output: watch::Receiver<String>,
}

impl Process {
    /// Starts a program without standard input.
    pub(crate) fn start(command: &mut Command) -> Self {
        Self::spawn(command.stdin(Stdio::null()))
    }

    /// Starts a program with the standard input that it was given.
    pub(crate) fn spawn(command: &mut Command) -> Self {
        let name = command.as_std().get_program().to_string_lossy().into_owned();
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("`{name}` does not start: {error}"));
        let (sender, output) = watch::channel(String::new());
        let sender = Arc::new(sender);
        tokio::spawn(collect(child.stdout.take().unwrap(), Arc::clone(&sender)));
        tokio::spawn(collect(child.stderr.take().unwrap(), sender));
        Self { name, child, output }
    }

    /// Returns the first line that contains `text`, once it was written.
    ///
    /// # Panics
    ///
    /// If the child ends first, or takes longer than [`PATIENCE`]; with what it wrote.
    pub(crate) async fn line_with(&self, text: &str) -> String {
        let find =
            |output: &String| output.lines().find(|line| line.contains(text)).map(str::to_owned);
        let mut output = self.output.clone();
        let waited = timeout(PATIENCE, output.wait_for(|output| find(output).is_some())).await;
        match waited {
            Ok(Ok(output)) => find(&output).unwrap(),
            _ => panic!("`{}` never wrote `{text}`; it wrote:\n{}", self.name, self.output()),
        }
    }

    /// Waits until it has ended, and returns how, and what it wrote.
    pub(crate) async fn end(mut self) -> (ExitStatus, String) {
        let Ok(status) = timeout(PATIENCE, self.child.wait()).await else {
            panic!("`{}` does not end; it wrote:\n{}", self.name, self.output());
        };
        // The streams may still have something when the process has ended.
        while self.output.changed().await.is_ok() {}
        (status.unwrap(), self.output())
    }

    /// What it wrote so far.
    pub(crate) fn output(&self) -> String {
        self.output.borrow().clone()
    }

    /// Its process id, until it was waited for.
    pub(crate) fn pid(&self) -> Option<Pid> {
        self.child.id().and_then(|id| Pid::from_raw(id.cast_signed()))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let Some(pid) = self.pid() else { return };
        let found = descendants(pid);
        for pid in std::iter::once(pid).chain(found) {
            // It may have ended by itself in the meantime.
            let _ = kill_process(pid, Signal::KILL);
        }
    }
}

/// Copies lines of a stream until it ends.
async fn collect(stream: impl AsyncRead + Unpin, output: Arc<watch::Sender<String>>) {
    let mut lines = BufReader::new(stream).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        output.send_modify(|output| {
            output.push_str(&line);
            output.push('\n');
        });
    }
}

/// The processes that `pid` started, those that these started, and so on.
fn descendants(pid: Pid) -> Vec<Pid> {
    let mut children = BTreeMap::<i32, Vec<i32>>::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        // proc(5): the fields after the name, which stands in parentheses, are state and parent.
        if let Some(id) = entry.file_name().to_str().and_then(|name| name.parse().ok())
            && let Ok(stat) = fs::read_to_string(entry.path().join("stat"))
            && let Some((_, rest)) = stat.rsplit_once(") ")
            && let Some(parent) = rest.split(' ').nth(1).and_then(|parent| parent.parse().ok())
        {
            children.entry(parent).or_default().push(id);
        }
    }
    let mut found = children.remove(&pid.as_raw_nonzero().get()).unwrap_or_default();
    let mut at = 0;
    while let Some(id) = found.get(at) {
        let more = children.remove(id).unwrap_or_default();
        found.extend(more);
        at += 1;
    }
    found.into_iter().filter_map(Pid::from_raw).collect()
}

/// Runs a program to its end and returns what it wrote.
pub(crate) async fn run(command: &mut Command) -> Output {
    let name = command.as_std().get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output();
    timeout(PATIENCE, output)
        .await
        .unwrap_or_else(|_| panic!("`{name}` did not end within {PATIENCE:?}"))
        .unwrap_or_else(|error| panic!("`{name}` does not start: {error}"))
}

/// Runs a program to its end and returns its standard output.
///
/// # Panics
///
/// If it does not succeed; with what it wrote.
pub(crate) async fn run_well(command: &mut Command) -> String {
    let output = run(command).await;
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{:?}: {}\n{stdout}{stderr}", command.as_std(), output.status);
    stdout
}

/// Returns a port that nobody listened on a moment ago, for a program that has to be told one.
///
/// It is below those that Linux gives to whoever asks for any (ip(7), `ip_local_port_range`), and
/// each process begins to look elsewhere, so that tests do not take it from each other.
pub(crate) fn free_port() -> u16 {
    static LOOKED_AT: AtomicU16 = AtomicU16::new(0);
    let begin = std::process::id() * 16;
    let ports = (0..20_000).map(|_| {
        let offset = (begin + u32::from(LOOKED_AT.fetch_add(1, Relaxed))) % 20_000;
        10_000 + u16::try_from(offset).unwrap()
    });
    let free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    ports.into_iter().find(free).expect("there is a free port")
}

/// Asks again and again until there is an answer, and returns it.
///
/// # Panics
///
/// If there is none within [`PATIENCE`]; with `what` was waited for.
pub(crate) async fn until<T>(what: &str, mut question: impl AsyncFnMut() -> Option<T>) -> T {
    let asked = timeout(PATIENCE, async {
        let mut turn = interval(Duration::from_millis(50));
        loop {
            turn.tick().await;
            if let Some(answer) = question().await {
                return answer;
            }
        }
    });
    asked.await.unwrap_or_else(|_| panic!("waited {PATIENCE:?} until {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_process_ends_with_its_handle_and_takes_its_children_along() {
        let script = "setsid sleep 1000 & echo child $!; wait";
        let process = Process::start(Command::new("sh").args(["-c", script]));
        let line = process.line_with("child").await;
        let child = line.strip_prefix("child ").unwrap().to_owned();

        drop(process);

        until("the child of the child has ended", async || {
            let stat = fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
            (stat.is_empty() || stat.contains(") Z ")).then_some(())
        })
        .await;
    }

    #[tokio::test]
    async fn a_process_that_has_ended_tells_how_and_what_it_said() {
        let process = Process::start(Command::new("sh").args(["-c", "echo said; exit 3"]));

        let (status, said) = process.end().await;

        assert_eq!((status.code(), said.as_str()), (Some(3), "said\n"));
    }

    #[tokio::test]
    #[should_panic(expected = "never wrote `ready`; it wrote:\nno luck")]
    async fn a_process_that_ends_early_is_quoted() {
        let process = Process::start(Command::new("sh").args(["-c", "echo no luck >&2"]));

        process.line_with("ready").await;
    }
}
