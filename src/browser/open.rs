//! The program that opens a URL.
//!
//! Never a shell: the URL is one argument. The program gets nothing to read and nobody reads
//! what it prints. It is in a process group of its own, so that Ctrl-C in the terminal of a
//! daemon does not close the browser, and every program started is waited for. Called by
//! `cisco` once the start page is served.

use std::{env, ffi::OsString, io, process::Stdio, time::Duration};

use tokio::{process::Command, sync::oneshot, time::timeout};

use super::Error;

/// How long a program is watched. One that runs longer is taken for the browser itself; one
/// that found no browser has said so long before.
const WATCHED: Duration = Duration::from_secs(3);

/// Opens URLs in the browser of the human.
#[derive(Debug, Clone)]
pub struct Opener {
    argv: Option<Vec<String>>,
    environment: Environment,
}

/// What the opener takes from the environment of the process.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    /// `$BROWSER`: commands separated by colons, with `%s` for the URL.
    pub browser: Option<OsString>,
    /// Whether `$DISPLAY` or `$WAYLAND_DISPLAY` names a display.
    pub display: bool,
}

impl Opener {
    /// Takes the configured command: a program and its arguments, with `{url}` in one of them.
    /// Without it `$BROWSER` is used, and without that `xdg-open`.
    #[must_use]
    pub fn new(argv: Option<Vec<String>>) -> Self {
        Self::with_environment(argv, Environment::of_process())
    }

    /// The same in a given environment.
    #[must_use]
    pub fn with_environment(argv: Option<Vec<String>>, environment: Environment) -> Self {
        Self { argv, environment }
    }

    /// Opens a URL. Returns once the program has ended well, or has run for three seconds.
    ///
    /// # Errors
    ///
    /// [`Error::NoDisplay`] if nothing is configured and there is no display;
    /// [`Error::OpenerMissing`] and [`Error::OpenerFailed`] of the last command that was tried;
    /// [`Error::NotAWebUrl`] if a browser is not what opens the URL.
    ///
    /// # Cancel safety
    ///
    /// A program that was started goes on, and is waited for.
    pub async fn open(&self, url: &str) -> Result<(), Error> {
        // It also keeps an argument from being taken for an option.
        if !url.starts_with("http://") && !url.starts_with("https://") {
            return Err(Error::NotAWebUrl);
        }
        let mut outcome = Err(Error::NoDisplay);
        for command in self.commands(url) {
            outcome = command.run().await;
            if outcome.is_ok() {
                break;
            }
        }
        outcome
    }

    /// The commands to try, in order.
    fn commands(&self, url: &str) -> Vec<Invocation> {
        if let Some(argv) = &self.argv {
            let words = argv.iter().map(String::as_str);
            return Invocation::of(words, "{url}", url).into_iter().collect();
        }
        let browser = self.environment.browser.as_ref().map(|text| text.to_string_lossy());
        let candidates: Vec<_> = browser
            .iter()
            .flat_map(|text| text.split(':'))
            .filter_map(|command| Invocation::of(command.split_whitespace(), "%s", url))
            .collect();
        if candidates.is_empty() && self.environment.display {
            return Invocation::of(["xdg-open"], "%s", url).into_iter().collect();
        }
        candidates
    }
}

/// A program and its arguments, with the URL among them.
struct Invocation {
    program: String,
    arguments: Vec<String>,
}

impl Environment {
    /// The environment of this process.
    #[must_use]
    pub fn of_process() -> Self {
        let named = |name| env::var_os(name).filter(|value| !value.is_empty());
        Self {
            browser: named("BROWSER"),
            display: named("DISPLAY").or_else(|| named("WAYLAND_DISPLAY")).is_some(),
        }
    }
}

impl Invocation {
    /// Puts the URL in its slot, or at the end if there is none. The program itself has no
    /// slot: its name is told in errors, and the URL is a secret. `None` without a program.
    fn of<'a>(words: impl IntoIterator<Item = &'a str>, slot: &str, url: &str) -> Option<Self> {
        let mut words = words.into_iter();
        let program = words.next()?.to_owned();
        let mut has_slot = false;
        let mut arguments = Vec::new();
        for word in words {
            has_slot |= word.contains(slot);
            arguments.push(word.replace(slot, url));
        }
        if !has_slot {
            arguments.push(url.to_owned());
        }
        Some(Self { program, arguments })
    }

    async fn run(&self) -> Result<(), Error> {
        let missing = || Error::OpenerMissing { command: self.program.clone() };
        let failed = |source| Error::OpenerFailed { command: self.program.clone(), source };
        let mut child = Command::new(&self.program)
            .args(&self.arguments)
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
        let (ended, end) = oneshot::channel();
        tokio::spawn(async move {
            let _nobody_watches = ended.send(child.wait().await);
        });
        match timeout(WATCHED, end).await {
            Ok(Ok(Ok(status))) if !status.success() => {
                Err(failed(io::Error::other(status.to_string())))
            }
            Ok(Ok(Err(error))) => Err(failed(error)),
            Ok(_) | Err(_) => Ok(()),
        }
    }
}
