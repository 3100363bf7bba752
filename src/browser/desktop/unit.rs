//! The user manager, which runs a program outside our sandbox (systemd 236 and later,
//! `org.freedesktop.systemd1`(5)).
//!
//! A browser that a sandboxed daemon starts inherits the sandbox and does not work in it. A
//! transient unit inherits nothing of ours and has the environment of the user manager, with the
//! display of the desktop. Called by the opener.

use std::time::Duration;

use tokio::time::timeout;
use zbus::zvariant::{OwnedObjectPath, OwnedValue, Value};

use super::{
    Fault, VARIABLES,
    bus::{Face, Link},
    fresh_name,
};
use crate::browser::program::WATCHED;

/// How long the user manager may take until it has begun.
const LIMIT: Duration = Duration::from_secs(2);

const NAME: &str = "org.freedesktop.systemd1";
const MANAGER: Face<'_> =
    Face { path: "/org/freedesktop/systemd1", interface: "org.freedesktop.systemd1.Manager" };
const PROPERTIES: Face<'_> = Face { interface: "org.freedesktop.DBus.Properties", ..MANAGER };

/// Whether the programs that the user manager starts are told of a display.
pub(super) async fn has_display(link: &Link) -> Result<bool, Fault> {
    let (manager, _) = link.present(NAME).await?;
    let value: OwnedValue =
        manager.call(PROPERTIES, "Get", &(MANAGER.interface, "Environment")).await?;
    let environment = Vec::<String>::try_from(value).map_err(|_| Fault::Garbled)?;
    let names_one = |variable: &String| {
        let value =
            variable.strip_prefix("DISPLAY=").or_else(|| variable.strip_prefix("WAYLAND_DISPLAY="));
        value.is_some_and(|value| !value.is_empty())
    };
    Ok(environment.iter().any(names_one))
}

/// Runs a program and its arguments, a URL among them. Returns once it has ended well, or has run
/// for [`WATCHED`] and so is the browser.
///
/// The URL is in the command line of the unit and of the program, where every user of the
/// machine can read it. Its ticket works once, and only in a browser of our own user: the
/// listener asks the kernel whose every connection is. So it is of no use to another user, and
/// our own could read the ticket elsewhere.
pub(super) async fn run(
    link: &Link,
    words: impl IntoIterator<Item = &str>,
    token: Option<&str>,
) -> Result<(), Fault> {
    let properties = properties(words, token);
    let starting = async {
        let (manager, departure) = link.present(NAME).await?;
        let removals = manager.signals(Some("JobRemoved")).await?;
        // Without it the manager sends no signal at all.
        let () = manager.call(MANAGER, "Subscribe", &()).await?;
        let name = format!("{}.service", fresh_name().replace('_', "-open-"));
        let auxiliary: &[(&str, Vec<(&str, Value<'_>)>)] = &[];
        let unit = (name, "fail", properties, auxiliary);
        let job: OwnedObjectPath = manager.call(MANAGER, "StartTransientUnit", &unit).await?;
        Ok((departure, removals, job))
    };
    let (mut departure, mut removals, job) =
        timeout(LIMIT, starting).await.unwrap_or(Err(Fault::Silent))?;
    let ending = async {
        loop {
            let message = tokio::select! {
                message = removals.next() => message?,
                fault = departure.happened() => return Err(fault),
            };
            let body = message.body();
            let removed: (u32, OwnedObjectPath, String, String) =
                body.deserialize().map_err(|_| Fault::Garbled)?;
            let (_, path, _, result) = removed;
            if path == job {
                return if result == "done" { Ok(()) } else { Err(Fault::Failed) };
            }
        }
    };
    timeout(WATCHED, ending).await.unwrap_or(Ok(()))
}

/// The unit: once its program has ended it is forgotten, and the browser goes on.
fn properties<'a>(
    words: impl IntoIterator<Item = &'a str>,
    token: Option<&str>,
) -> Vec<(&'static str, Value<'static>)> {
    // The manager replaces variables in arguments (systemd.service(5), "COMMAND LINES").
    let words = words.into_iter().map(|word| word.replace('$', "$$"));
    let words: Vec<_> = std::iter::once("env".to_owned()).chain(words).collect();
    let ignore_failure = false;
    // By way of `env`, which is at the same place everywhere; the manager knows the `PATH`.
    let command = vec![("/usr/bin/env".to_owned(), words, ignore_failure)];
    let named = |token| VARIABLES.map(|name| format!("{name}={token}")).to_vec();
    let environment = token.map(named).unwrap_or_default();
    vec![
        ("Environment", Value::from(environment)),
        ("Description", Value::from("A browser for ucsso")),
        // The job lasts as long as the program, so that its end tells how it went.
        ("Type", Value::from("oneshot")),
        // What it leaves behind is the browser.
        ("KillMode", Value::from("process")),
        ("CollectMode", Value::from("inactive-or-failed")),
        ("StandardOutput", Value::from("null")),
        ("StandardError", Value::from("null")),
        ("ExecStart", Value::from(command)),
    ]
}
