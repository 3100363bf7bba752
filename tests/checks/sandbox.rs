//! S27: the sandbox of the units as `ucssoctl service install` writes them. What systemd makes of
//! the text, and, because it may believe in a sandbox that is not there, what the kernel says of the
//! daemon that runs in it, and of the browser that it opens.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    check::Figure,
    installed::{Installed, SERVICE},
    process::{self, Process, until},
};

const UNITS: [&str; 3] = [SERVICE, "ucssod.socket", "ucssod-redirect.socket"];

pub(crate) async fn run() -> Vec<Figure> {
    let service = Installed::installed().await;
    let units = service.session.home().join(".config/systemd/user");
    let (bare, wrong) = controls(&service);
    let exposure = exposure(&service, &units.join(SERVICE)).await;
    let complaints = complaints(&service, &UNITS.map(|name| units.join(name))).await;

    let login = Process::start(service.session.command("ucssoctl").args(["login", "hq"]));
    // Written by the browser itself, into the home.
    let browser = until("a browser is opened", async || {
        Some(service.session.read("browser")).filter(|text| text.contains("/start/"))
    })
    .await;
    let daemon = service.session.process(SERVICE).await;
    let status = fs::read_to_string(format!("/proc/{daemon}/status")).unwrap();
    let apart = ["user", "mnt", "ipc", "uts", "net", "pid"].into_iter().filter(|name| {
        let of = |pid: &str| fs::read_link(format!("/proc/{pid}/ns/{name}")).unwrap();
        of(&daemon.to_string()) != of(service.session.first())
    });
    let apart = apart.count();
    let home = service.session.home();
    let written = service.session.can_write(daemon, &home).await;
    let state = service.session.can_write(daemon, &home.join(".local/state/ucsso")).await;
    drop(login);

    vec![
        Figure::at_most("exposure-tenths", exposure, 20),
        Figure::at_least("bare-tenths", self::exposure(&service, &bare).await, 90),
        Figure::exactly("complaints", complaints, 0),
        Figure::at_least("wrong-complaints", self::complaints(&service, &[wrong]).await, 1),
        Figure::exactly("no-new-privs", field(&status, "NoNewPrivs:"), 1),
        Figure::exactly("seccomp", field(&status, "Seccomp:"), 2),
        Figure::at_least("namespaces-of-its-own", apart, 2),
        Figure::exactly("home-written", usize::from(written), 0),
        Figure::exactly("state-written", usize::from(state), 1),
        Figure::exactly("browser-no-new-privs", field(&browser, "NoNewPrivs:"), 0),
        Figure::exactly("browser-seccomp", field(&browser, "Seccomp:"), 0),
    ]
}

/// A unit without a sandbox, and one with a setting that there is not.
fn controls(service: &Installed) -> (PathBuf, PathBuf) {
    let start = "[Service]\nExecStart=/bin/true\n";
    service.session.write("controls/bare.service", start, 0o644);
    let wrong = format!("{start}ProtectHom=yes\n");
    service.session.write("controls/wrong.service", &wrong, 0o644);
    let folder = service.session.home().join("controls");
    (folder.join("bare.service"), folder.join("wrong.service"))
}

/// The exposure that systemd computes, in tenths.
async fn exposure(service: &Installed, unit: &Path) -> usize {
    let mut analyze = service.session.command("systemd-analyze");
    analyze.args(["--user", "security", "--offline=true", "--no-pager"]).arg(unit);
    let said = process::run(&mut analyze).await;
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    let (_, level) = said.rsplit_once("exposure level for").unwrap();
    let level = level.split_whitespace().nth(1).unwrap();
    level.replace('.', "").parse().unwrap()
}

/// How many lines systemd has to say against some units.
async fn complaints(service: &Installed, units: &[PathBuf]) -> usize {
    let mut analyze = service.session.command("systemd-analyze");
    analyze.args(["--user", "verify", "--man=no"]).args(units);
    let said = process::run(&mut analyze).await;
    let lines = String::from_utf8_lossy(&said.stderr).lines().count();
    lines + usize::from(!said.status.success())
}

/// A field of a process in proc(5).
fn field(status: &str, name: &str) -> usize {
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
