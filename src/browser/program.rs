//! A program that opens a URL, run and watched.
//!
//! Never a shell: the URL is one argument. The program gets nothing to read and nobody reads
//! what it prints. It is in a process group of its own, so that Ctrl-C in the terminal of a
//! daemon does not close the browser, and every program started is waited for. Called by `open`.

use std::{future, io, process::Stdio, time::Duration};

use tokio::{process::Command, sync::oneshot, time::timeout};

use super::{Error, desktop::VARIABLES};

/// How long a program is watched. One that runs longer is taken for the browser itself; one
/// that found no browser has said so long before.
pub(super) const WATCHED: Duration = Duration::from_secs(3);

/// What a service manager tells the daemon alone. A browser that took it for its own could speak in
/// the daemon's name, or take over a descriptor that it does not have (`sd_listen_fds`(3),
/// `sd_notify`(3), systemd.exec(5)).
const OF_THE_SERVICE: [&str; 12] = [
    "CREDENTIALS_DIRECTORY",
    "FDSTORE",
    "INVOCATION_ID",
    "JOURNAL_STREAM",
    "LISTEN_FDNAMES",
    "LISTEN_FDS",
    "LISTEN_PID",
    "MAINPID",
    "NOTIFY_SOCKET",
    "SYSTEMD_EXEC_PID",
    "WATCHDOG_PID",
    "WATCHDOG_USEC",
];

/// A program and its arguments, with the URL among them.
pub(super) struct Program {
    name: String,
    arguments: Vec<String>,
}

impl Program {
    /// Puts the URL in its slot, or at the end if there is none. The program itself has no
    /// slot: its name is told in errors, and the URL is a secret. `None` without a program.
    pub(super) fn of<'a>(
        words: impl IntoIterator<Item = &'a str>,
        slot: &str,
        url: &str,
    ) -> Option<Self> {
        let mut words = words.into_iter();
        let name = words.next()?.to_owned();
        let mut has_slot = false;
        let mut arguments = Vec::new();
        for word in words {
            has_slot |= word.contains(slot);
            arguments.push(word.replace(slot, url));
        }
        if !has_slot {
            arguments.push(url.to_owned());
        }
        Some(Self { name, arguments })
    }

    /// What it is called.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The program and its arguments.
    pub(super) fn words(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.name).chain(&self.arguments).map(String::as_str)
    }

    /// Runs it until it has ended, or for [`WATCHED`], with the leave to raise its window if
    /// there is one.
    pub(super) async fn run(&self, token: Option<&str>) -> Result<Window, Error> {
        let missing = || Error::OpenerMissing { command: self.name.clone() };
        let failed = |source| Error::OpenerFailed { command: self.name.clone(), source };
        let mut command = Command::new(&self.name);
        for variable in OF_THE_SERVICE {
            command.env_remove(variable);
        }
        let mut child = command
            .args(&self.arguments)
            .envs(token.into_iter().flat_map(|token| VARIABLES.map(|name| (name, token))))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .current_dir("/")
            .process_group(0)
            .spawn()
            .map_err(|error| match error.kind() {
                io::ErrorKind::NotFound => missing(),
                _ => failed(error),
            })?;
        // A task of its own waits for the program, however long it runs and whoever gives up.
        let (ended, mut end) = oneshot::channel();
        tokio::spawn(async move {
            let _nobody_watches = ended.send(child.wait().await);
        });
        match timeout(WATCHED, &mut end).await {
            Ok(Ok(Ok(status))) if !status.success() => {
                Err(failed(io::Error::other(status.to_string())))
            }
            Ok(Ok(Err(error))) => Err(failed(error)),
            Ok(_) => Ok(Window::elsewhere()),
            Err(_) => Ok(Window(Known::Running(end))),
        }
    }
}

/// The window that a login was opened in, as far as anybody knows.
#[derive(Debug)]
pub struct Window(Known);

#[derive(Debug)]
enum Known {
    /// Another program has it, and nobody says when it is closed.
    Elsewhere,
    /// The program that was started is the browser.
    Running(oneshot::Receiver<io::Result<std::process::ExitStatus>>),
    /// The browser has ended.
    Closed,
}

impl Window {
    pub(super) const fn elsewhere() -> Self {
        Self(Known::Elsewhere)
    }

    /// Returns once the human has closed the window.
    ///
    /// That is known of a program alone that ran on after it was started, as a browser does
    /// which had no window before, and then ended well. A browser that was open already, the
    /// desktop portal and a unit take the URL and say no more; then this never returns.
    ///
    /// # Cancel safety
    ///
    /// It can be dropped and called again.
    pub async fn closed(&mut self) {
        if let Known::Running(end) = &mut self.0 {
            let ended = end.await;
            // A browser that crashed or was killed says nothing about what the human wants.
            let closed = matches!(ended, Ok(Ok(status)) if status.success());
            self.0 = if closed { Known::Closed } else { Known::Elsewhere };
        }
        match self.0 {
            Known::Closed => {}
            Known::Elsewhere | Known::Running(_) => future::pending().await,
        }
    }
}
