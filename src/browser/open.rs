//! Which way a URL is opened: the first that works of a command, the desktop portal, a unit of
//! the user manager, and `xdg-open`.
//!
//! Owns the order and the time all of it may take. The URL goes into no log and no error: the
//! start page's has a ticket in it. Called by `cisco` once the start page is served.

use std::{
    ffi::OsString,
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::timeout;

use super::{
    Error,
    desktop::{self, Activation, Bus, Desktop},
    program::{Program, Window},
};
use crate::paths;

/// How long it may take until a window is open, over all ways.
const LIMIT: Duration = Duration::from_secs(10);

/// What opens a URL in the browser of the desktop's choice.
const XDG_OPEN: &str = "xdg-open";

/// Opens URLs in the browser of the human. Clones go by the same command.
#[derive(Debug, Clone)]
pub struct Opener {
    argv: Arc<Mutex<Option<Vec<String>>>>,
    environment: Environment,
    activation: Activation,
}

/// What the opener takes from the environment of the process.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    /// `$BROWSER`: commands separated by colons, with `%s` for the URL.
    pub browser: Option<OsString>,
    /// Whether `$DISPLAY` or `$WAYLAND_DISPLAY` names a display.
    pub display: bool,
    /// Where the desktop portal and the user manager are.
    pub session_bus: Bus,
    /// Whether this process is the main process of a systemd unit, whose sandbox a browser must
    /// not inherit.
    pub unit: bool,
}

impl Opener {
    /// Takes the configured command: a program and its arguments, with `{url}` in one of them.
    /// It is then the only way; without it there are the others.
    #[must_use]
    pub fn new(argv: Option<Vec<String>>) -> Self {
        Self::with_environment(argv, Environment::of_process())
    }

    /// The same in a given environment.
    #[must_use]
    pub fn with_environment(argv: Option<Vec<String>>, environment: Environment) -> Self {
        Self { argv: Arc::new(Mutex::new(argv)), environment, activation: Activation::default() }
    }

    /// Takes another command, or none, from the next URL on; says whether it is another.
    pub fn set_command(&self, argv: Option<Vec<String>>) -> bool {
        let mut current = self.argv.lock().unwrap_or_else(PoisonError::into_inner);
        let is_other = *current != argv;
        *current = argv;
        is_other
    }

    fn command(&self) -> Option<Vec<String>> {
        self.argv.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Where the leave to raise the next window is left.
    pub(super) const fn activation(&self) -> &Activation {
        &self.activation
    }

    /// Opens a URL. Returns once a program has ended well or has run for three seconds, or the
    /// desktop has said that it is open; after ten seconds in any case.
    ///
    /// # Errors
    ///
    /// [`Error::NoDisplay`] if there is no way to try; otherwise what the last one that was
    /// tried said, or [`Error::PortalDeclined`] if the human was asked and declined, which ends
    /// it. [`Error::NotAWebUrl`] if a browser is not what opens the URL.
    ///
    /// # Cancel safety
    ///
    /// A program that was started goes on, and is waited for.
    pub async fn open(&self, url: &str) -> Result<Window, Error> {
        // It also keeps an argument from being taken for an option.
        if !url.starts_with("http://") && !url.starts_with("https://") {
            return Err(Error::NotAWebUrl);
        }
        timeout(LIMIT, self.first_that_works(url)).await.unwrap_or(Err(Error::TooSlow))
    }

    async fn first_that_works(&self, url: &str) -> Result<Window, Error> {
        let token = self.activation.take();
        let token = token.as_deref();
        let mut failure = Error::NoDisplay;
        let argv = self.command();
        for program in self.commands(argv.as_deref(), url) {
            match self.run(&program, token).await {
                Ok(window) => return Ok(window),
                Err(error) => failure = noted(error),
            }
        }
        if argv.is_some() {
            return Err(failure);
        }
        if let Some(desktop) = self.desktop().await {
            match desktop.open_by_portal(url, token).await {
                Ok(desktop::Opened::Yes) => return Ok(Window::elsewhere()),
                Ok(desktop::Opened::Declined) => return Err(Error::PortalDeclined),
                Err(desktop::Fault::Absent) => {}
                Err(source) => failure = noted(Error::PortalFailed { source }),
            }
            // A portal may refuse whoever keeps its memory to itself, as this process does. Where the
            // display is the manager's alone, nobody but the manager has a program open a window.
            if self.environment.unit || !self.environment.display {
                match desktop.run_in_unit([XDG_OPEN, url], token).await {
                    Ok(()) => return Ok(Window::elsewhere()),
                    Err(desktop::Fault::Absent) => {}
                    Err(source) => failure = noted(Error::UnitFailed { source }),
                }
            }
        }
        if self.environment.display
            && let Some(program) = Program::of([XDG_OPEN], "%s", url)
        {
            return program.run(token).await;
        }
        Err(failure)
    }

    /// Runs a program: outside our sandbox, where we are in one and somebody can.
    async fn run(&self, program: &Program, token: Option<&str>) -> Result<Window, Error> {
        if self.environment.unit
            && let Ok(desktop) = Desktop::reach(&self.environment.session_bus).await
        {
            match desktop.run_in_unit(program.words(), token).await {
                Ok(()) => return Ok(Window::elsewhere()),
                Err(desktop::Fault::Absent) => {}
                Err(source) => {
                    let (command, source) = (program.name().to_owned(), io::Error::other(source));
                    return Err(Error::OpenerFailed { command, source });
                }
            }
        }
        program.run(token).await
    }

    /// The desktop behind the session bus, if it has a display to open a window on.
    async fn desktop(&self) -> Option<Desktop> {
        let desktop = Desktop::reach(&self.environment.session_bus).await;
        let desktop = desktop.inspect_err(|error| tracing::debug!(%error, "no desktop")).ok()?;
        (self.environment.display || desktop.has_display().await).then_some(desktop)
    }

    /// The commands to try, in order.
    fn commands(&self, argv: Option<&[String]>, url: &str) -> Vec<Program> {
        if let Some(argv) = argv {
            let words = argv.iter().map(String::as_str);
            return Program::of(words, "{url}", url).into_iter().collect();
        }
        let browser = self.environment.browser.as_ref().map(|text| text.to_string_lossy());
        browser
            .iter()
            .flat_map(|text| text.split(':'))
            .filter_map(|command| Program::of(command.split_whitespace(), "%s", url))
            .collect()
    }
}

/// The failure of one way: the next may work, and then nobody else tells of it.
fn noted(error: Error) -> Error {
    tracing::debug!(%error, "a way to open a browser failed");
    error
}

impl Environment {
    /// The environment of this process.
    #[must_use]
    pub fn of_process() -> Self {
        Self::of(paths::process_environment)
    }

    /// The same of any.
    fn of(variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let named = |name: &str| variable(name).filter(|value| !value.is_empty());
        Self {
            browser: named("BROWSER"),
            display: named("DISPLAY").or_else(|| named("WAYLAND_DISPLAY")).is_some(),
            unit: is_main_process(&named),
            session_bus: Bus::session(&variable),
        }
    }
}

/// Whether systemd started this process itself. Both variables are inherited: a daemon that was
/// started in the terminal of a desktop has that terminal's (systemd.exec(5)).
fn is_main_process(named: &impl Fn(&str) -> Option<OsString>) -> bool {
    let started = named("SYSTEMD_EXEC_PID");
    named("INVOCATION_ID").is_some()
        && started.is_none_or(|pid| pid == *std::process::id().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)]) -> Environment {
        let find = |name: &str| variables.iter().find(|(key, _)| *key == name);
        Environment::of(|name| find(name).map(|(_, value)| value.into()))
    }

    #[test]
    fn either_display_is_one() {
        assert!(of(&[("DISPLAY", ":0")]).display);
        assert!(of(&[("WAYLAND_DISPLAY", "wayland-0")]).display);
        assert!(!of(&[("DISPLAY", "")]).display);
    }

    #[test]
    fn only_what_systemd_started_itself_is_a_unit() {
        let ours = std::process::id().to_string();

        assert!(of(&[("INVOCATION_ID", "0af1"), ("SYSTEMD_EXEC_PID", &ours)]).unit);
        assert!(of(&[("INVOCATION_ID", "0af1")]).unit, "systemd before 248");
        assert!(!of(&[("INVOCATION_ID", "0af1"), ("SYSTEMD_EXEC_PID", "1")]).unit, "a terminal's");
        assert!(!of(&[("SYSTEMD_EXEC_PID", &ours)]).unit);
    }
}
