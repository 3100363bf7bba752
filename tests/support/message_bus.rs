//! A message bus that is nobody's but the test's.
//!
//! The daemon takes it for that of the session and for that of the machine. Called by the tests in
//! `tests/real/desktop` and by the scorecard.

use std::path::Path;

use tempfile::TempDir;
use tokio::process::Command;
use ucsso::browser::desktop::Bus;
use zbus::{Connection, connection::Builder, fdo::DBusProxy};

use crate::{
    components,
    process::{Process, until},
};

/// A message bus of its own, which starts no service.
pub(crate) struct PrivateBus {
    folder: TempDir,
    daemon: Option<Process>,
}

impl PrivateBus {
    pub(crate) async fn start() -> Self {
        let mut bus = Self { folder: tempfile::tempdir().unwrap(), daemon: None };
        bus.restart().await;
        bus
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn address(&self) -> String {
        format!("unix:path={}/bus", self.folder().display())
    }

    /// The bus as the daemon is told of it.
    pub(crate) fn bus(&self) -> Bus {
        Bus::at(self.address())
    }

    /// Ends it, with every connection to it.
    pub(crate) fn stop(&mut self) {
        self.daemon = None;
    }

    /// Starts it again, at the same address.
    pub(crate) async fn restart(&mut self) {
        let config = self.folder().join("bus.conf");
        let text = format!(
            r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
               "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
               <busconfig>
                 <type>session</type>
                 <listen>{}</listen>
                 <auth>EXTERNAL</auth>
                 <policy context="default">
                   <allow send_destination="*"/>
                   <allow receive_sender="*"/>
                   <allow own="*"/>
                 </policy>
               </busconfig>"#,
            self.address()
        );
        std::fs::write(&config, text).unwrap();
        let mut daemon = Command::new(components::dbus_daemon());
        daemon.args(["--nofork", "--nopidfile", "--print-address"]);
        daemon.arg("--config-file").arg(config);
        let daemon = Process::start(&mut daemon);
        daemon.line_with("unix:path=").await;
        self.daemon = Some(daemon);
    }

    /// A connection of the test's own.
    pub(crate) async fn connect(&self) -> Connection {
        self.builder().build().await.unwrap()
    }

    pub(crate) fn builder(&self) -> Builder<'static> {
        Builder::address(self.address().as_str()).unwrap()
    }

    /// A program that finds this bus as that of the session and that of the machine, and nothing
    /// of this process's environment.
    pub(crate) fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", self.folder())
            .env("LANG", "C.UTF-8")
            .env("DBUS_SESSION_BUS_ADDRESS", self.address())
            .env("DBUS_SYSTEM_BUS_ADDRESS", self.address());
        command
    }

    /// Waits until somebody has a name.
    pub(crate) async fn has(&self, name: &'static str) {
        let connection = self.connect().await;
        let bus = DBusProxy::new(&connection).await.unwrap();
        until(&format!("somebody is {name}"), async || {
            bus.name_has_owner(name.try_into().unwrap()).await.unwrap().then_some(())
        })
        .await;
    }
}
