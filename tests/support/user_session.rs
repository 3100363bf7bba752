//! A real `systemd --user` with its journal, of a user who was made for it and goes with it.
//!
//! `user-session.sh` beside this file says what is in a session. The network is the machine's own,
//! so a lab in this process is reached from inside. Several may run at once. Called by the tests in
//! `tests/real/systemd` and by the scorecard.

use std::{
    fs::{self, Permissions},
    io::{BufRead as _, BufReader, Read as _},
    os::unix::fs::{PermissionsExt as _, chown},
    path::{Path, PathBuf},
    process::{Child, Stdio},
    thread,
};

use rustix::{process::Uid, thread::set_thread_res_uid};
use tokio::{process::Command, sync::oneshot};
use ucsso::lab::walk::{Walk, Walked};

use crate::{
    components,
    process::{run, run_well, until},
};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/user-session.sh");

/// The session. Dropping it ends all that runs in it, and removes the user.
pub(crate) struct UserSession {
    /// Ends when its standard input does.
    script: Child,
    user: String,
    uid: u32,
    /// A process in the session's namespaces.
    first: String,
}

impl UserSession {
    /// Starts one whose user has the daemon and its command line in `~/.local/bin`.
    ///
    /// # Panics
    ///
    /// If this process is not root's, or may not make control groups; with what the script says.
    pub(crate) async fn start() -> Self {
        Self::of(&[env!("CARGO_BIN_EXE_ucssod"), env!("CARGO_BIN_EXE_ucssoctl")]).await
    }

    /// Starts one on a machine with a package installed, which is unpacked in `folder`.
    pub(crate) async fn with_package(folder: &Path) -> Self {
        Self::of(&["--over", folder.to_str().unwrap()]).await
    }

    async fn of(arguments: &[&str]) -> Self {
        components::systemd();
        let arguments: Vec<_> = arguments.iter().map(|&word| word.to_owned()).collect();
        let starting = tokio::task::spawn_blocking(|| {
            let mut script = std::process::Command::new(SCRIPT)
                .args(arguments)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            let mut line = String::new();
            BufReader::new(script.stdout.take().unwrap()).read_line(&mut line).unwrap();
            (script, line)
        });
        let (mut script, line) = starting.await.unwrap();
        let words: Vec<_> = line.split_whitespace().collect();
        let ["session", user, first] = words[..] else {
            let mut said = String::new();
            script.stderr.take().unwrap().read_to_string(&mut said).unwrap();
            panic!("there is no session of another user: {said}");
        };
        let (user, first) = (user.to_owned(), first.to_owned());
        let uid = run_well(Command::new("id").args(["-u", &user])).await.trim().parse().unwrap();
        Self { script, user, uid, first }
    }

    /// A program that runs in the session, outside the sandbox of any unit.
    pub(crate) fn command(&self, program: &str) -> Command {
        self.command_beside(&self.first, program)
    }

    /// A process that is in the session and in no unit's sandbox.
    pub(crate) fn first(&self) -> &str {
        &self.first
    }

    /// Whether the user could make a file in this folder, seeing the files as the process `pid`
    /// does.
    pub(crate) async fn can_write(&self, pid: u32, folder: &Path) -> bool {
        let file = folder.join("could-be-written");
        let touched = run(self.command_beside(&pid.to_string(), "touch").arg(file)).await;
        touched.status.success()
    }

    /// A program in the namespaces of the process `target`.
    fn command_beside(&self, target: &str, program: &str) -> Command {
        let mut command = Command::new(components::nsenter());
        command.args(["--target", target, "--mount", "--pid", "--ipc", "--cgroup", "--wd=/"]);
        command.args(["setpriv", "--reuid", &self.user, "--regid", &self.user, "--init-groups"]);
        let home = self.home();
        let home = home.display();
        command.args(["--inh-caps=-all", "env", "-i", "LANG=C.UTF-8"]);
        command.arg(format!("HOME={home}"));
        command.arg(format!("PATH={home}/.local/bin:/usr/local/bin:/usr/bin:/bin"));
        command.arg(format!("XDG_RUNTIME_DIR=/run/user/{}", self.uid));
        command.arg(program);
        command
    }

    /// Runs `systemctl --user` with these words, and returns what it said.
    pub(crate) async fn systemctl(&self, words: &str) -> String {
        run_well(self.command("systemctl").arg("--user").args(words.split(' '))).await
    }

    /// What the user manager knows of a unit.
    pub(crate) async fn property(&self, unit: &str, name: &str) -> String {
        let show = format!("show --value --property={name} {unit}");
        self.systemctl(&show).await.trim_end().to_owned()
    }

    /// Waits until a property is what it should be.
    pub(crate) async fn has(&self, unit: &str, name: &str, value: &str) {
        until(&format!("{name} of {unit} is {value}"), async || {
            (self.property(unit, name).await == value).then_some(())
        })
        .await;
    }

    /// What is in the user's journal of a unit, with all its fields.
    pub(crate) async fn journal(&self, unit: &str) -> String {
        let mut journal = self.command("journalctl");
        run_well(journal.args(["--user", "--output=export", "--no-pager", "--unit", unit])).await
    }

    /// The main process of a unit, by its number outside of the session.
    pub(crate) async fn process(&self, unit: &str) -> u32 {
        let inside = self.property(unit, "MainPID").await;
        let (own, inside) = (self.user_processes(), format!("\t{inside}"));
        // "NSpid: 4711 94": in the namespace of the reader, and in that of the process.
        let found = own.into_iter().find(|pid| {
            let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
            status.lines().any(|line| line.starts_with("NSpid:") && line.ends_with(&inside))
        });
        found.unwrap_or_else(|| panic!("{unit} has no process{inside}"))
    }

    fn user_processes(&self) -> Vec<u32> {
        let ours = fs::read_link(format!("/proc/{}/ns/pid", self.first)).unwrap();
        let all = fs::read_dir("/proc").unwrap().flatten();
        let ids = all.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        ids.filter(|pid: &u32| {
            fs::read_link(format!("/proc/{pid}/ns/pid")).is_ok_and(|of| of == ours)
        })
        .collect()
    }

    /// The user's home, which is the same inside and outside.
    pub(crate) fn home(&self) -> PathBuf {
        Path::new("/home").join(&self.user)
    }

    /// Writes a file of the user's, under the home, that nobody else may read.
    pub(crate) fn write(&self, name: &str, text: &str, mode: u32) {
        let path = self.home().join(name);
        let folder = path.parent().unwrap();
        fs::create_dir_all(folder).unwrap();
        for made in folder.ancestors().take_while(|folder| *folder != self.home()) {
            self.give(made);
        }
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        self.give(&path);
    }

    /// Makes a file or folder the user's.
    pub(crate) fn give(&self, path: &Path) {
        chown(path, Some(self.uid), Some(self.uid)).unwrap();
    }

    /// What a file under the home has in it; nothing if it is not there.
    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.home().join(name)).unwrap_or_default()
    }

    /// Goes through the pages of a login as the user: the daemon asks whose process it is.
    pub(crate) async fn walked(&self, mut walk: Walk, start_url: &str) -> Walked {
        let (answer, walked) = oneshot::channel();
        let (uid, url) = (Uid::from_raw(self.uid), start_url.parse().unwrap());
        let walking = move || {
            // Of this thread alone, and of those that it starts.
            set_thread_res_uid(uid, uid, uid).unwrap();
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let _nobody_asks = answer.send(runtime.unwrap().block_on(walk.login(&url)));
        };
        thread::spawn(walking);
        walked.await.unwrap().unwrap()
    }
}

impl Drop for UserSession {
    fn drop(&mut self) {
        drop(self.script.stdin.take());
        // What it has to say of its end, nobody needs to know.
        let _ = self.script.wait();
    }
}
