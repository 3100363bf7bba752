//! S13: what somebody planted where the daemon puts its socket and its lock, and where it looks for
//! its configuration. Nothing planted is followed, changed or believed, whatever the mask for new
//! files; and of twenty daemons that start at once, one serves.

use std::{
    fmt::Write as _,
    fs::{self, Permissions},
    os::unix::{
        fs::{MetadataExt as _, PermissionsExt as _, chown, symlink},
        net::UnixListener,
    },
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::fs::{CWD, FileType, FlockOperation, Mode, flock, mknodat};
use tokio::{
    process::Command,
    task::JoinSet,
    time::{interval, timeout},
};
use ucsso::rpc::client::Client;

use crate::{
    check::Figure,
    estate::Home,
    process::{self, PATIENCE},
    rig::estate,
    strangers::UID,
};

const MASKS: [&str; 3] = ["000", "022", "077"];
const AT_ONCE: usize = 20;

/// Something to plant at a path, with a folder beside it that is somebody else's business. What it
/// returns is kept until the daemon is gone.
type Plant = fn(&Path, &Path) -> Option<Box<dyn std::any::Any>>;

const PLANTS: [(&str, Plant); 13] = [
    ("link-to-file", |at, theirs| planted(symlink(theirs.join("file"), at))),
    ("link-to-folder", |at, theirs| planted(symlink(theirs, at))),
    ("link-to-socket", |at, theirs| planted(symlink(theirs.join("socket"), at))),
    ("dangling-link", |at, theirs| planted(symlink(theirs.join("new"), at))),
    ("hard-link", |at, theirs| planted(fs::hard_link(theirs.join("file"), at))),
    ("pipe", |at, _| planted(mknodat(CWD, at, FileType::Fifo, Mode::RWXU, 0).map_err(Into::into))),
    ("file", |at, _| {
        fs::write(at, "theirs").unwrap();
        planted(fs::set_permissions(at, Permissions::from_mode(0o666)))
    }),
    ("folder", |at, _| planted(fs::create_dir(at))),
    ("stale-socket", |at, _| planted(UnixListener::bind(at).map(drop))),
    ("live-other", |at, _| {
        if at.extension().is_some_and(|extension| extension == "lock") {
            let lock = fs::File::create(at).unwrap();
            flock(&lock, FlockOperation::LockExclusive).unwrap();
            return Some(Box::new(lock));
        }
        Some(Box::new(UnixListener::bind(at).unwrap()))
    }),
    ("open-folder", |at, _| {
        planted(fs::set_permissions(at.parent().unwrap(), Permissions::from_mode(0o755)))
    }),
    ("foreign-folder", |at, _| planted(chown(at.parent().unwrap(), Some(UID), Some(UID)))),
    ("long-folder", |_, _| None),
];

/// Where something is planted, and which plants are no obstacle there. A row more is a place more.
const PLACES: [(&str, &[&str]); 3] = [
    ("run/broker.sock", &["stale-socket"]),
    ("run/broker.lock", &["file"]),
    // Whose folder that is makes no difference: the file itself is held to its owner and mode.
    ("conf/config.toml", &["open-folder", "foreign-folder", "long-folder"]),
];

fn planted(done: std::io::Result<()>) -> Option<Box<dyn std::any::Any>> {
    done.unwrap();
    None
}

pub(crate) async fn run() -> Vec<Figure> {
    let estate = estate().await;
    let toml = fs::read_to_string(estate.home.path("config.toml")).unwrap();
    let mut tally = Tally::default();
    for mask in MASKS {
        for (place, harmless) in PLACES {
            for (name, plant) in PLANTS {
                tally.try_one(&toml, mask, (place, harmless), (name, plant)).await;
            }
        }
    }
    let (serving, told) = at_once(&toml).await;
    vec![
        Figure::exactly("cells", tally.cells, MASKS.len() * PLACES.len() * PLANTS.len()),
        Figure::exactly("followed-or-changed", tally.followed, 0),
        Figure::exactly("taken-or-refused-wrongly", tally.wrong, 0),
        Figure::exactly("refused-without-the-path", tally.silent, 0),
        Figure::exactly("wrong-modes", tally.modes, 0),
        Figure::at_least("followed-by-a-shell", naive(&toml).await, 3),
        Figure::exactly("serving-of-20", serving, 1),
        Figure::exactly("told-of-20", told, AT_ONCE - 1),
    ]
}

#[derive(Default)]
struct Tally {
    cells: usize,
    followed: usize,
    wrong: usize,
    silent: usize,
    modes: usize,
}

impl Tally {
    async fn try_one(
        &mut self,
        toml: &str,
        mask: &str,
        (place, harmless): (&str, &[&str]),
        (name, plant): (&str, Plant),
    ) {
        let (home, theirs) = home(toml);
        let at = home.path(place);
        let kept = plant(&at, &theirs);
        let config = home.path("conf/config.toml");
        if config.symlink_metadata().is_err() {
            fs::write(&config, toml).unwrap();
            fs::set_permissions(&config, Permissions::from_mode(0o600)).unwrap();
        }
        let before = listing(&theirs);
        let runs = if name == "long-folder" && !place.starts_with("conf") {
            home.path(&"x".repeat(120))
        } else {
            home.path("run")
        };
        let mut daemon = masked(mask, &home, &runs);

        let live = name == "live-other" && place == PLACES[0].0;
        let served = runs.join("broker.sock");
        let said = tokio::select! {
            output = process::run(&mut daemon) => Some(String::from_utf8_lossy(&output.stderr).into_owned()),
            () = answers(&served), if !live => None,
        };

        self.cells += 1;
        self.followed += usize::from(listing(&theirs) != before);
        let cell = format!("S13: {mask} {place} {name}");
        match said {
            None if harmless.contains(&name) => {
                let modes = [(&runs, 0o700), (&served, 0o600)];
                let wrong = modes.into_iter().filter(|(path, wanted)| mode(path) != *wanted);
                self.modes += wrong.count();
            }
            None => {
                anstream::eprintln!("{cell}: taken");
                self.wrong += 1;
            }
            Some(said) if harmless.contains(&name) => {
                anstream::eprintln!("{cell}: {said}");
                self.wrong += 1;
            }
            Some(said) => {
                let named = said.contains(&runs.display().to_string())
                    || said.contains(&at.display().to_string());
                if !named {
                    anstream::eprintln!("{cell}: {said}");
                }
                self.silent += usize::from(!named);
            }
        }
        drop(kept);
    }
}

/// A home with the folder of the daemon and of its configuration, and a folder beside them.
fn home(toml: &str) -> (Home, PathBuf) {
    let home = Home::new();
    for folder in ["run", "conf", "theirs"] {
        fs::create_dir(home.path(folder)).unwrap();
        fs::set_permissions(home.path(folder), Permissions::from_mode(0o700)).unwrap();
    }
    let theirs = home.path("theirs");
    // A configuration that would do, if others could not write it.
    fs::write(theirs.join("file"), toml).unwrap();
    fs::set_permissions(theirs.join("file"), Permissions::from_mode(0o666)).unwrap();
    drop(UnixListener::bind(theirs.join("socket")).unwrap());
    (home, theirs)
}

/// The daemon, with this mask for new files.
fn masked(mask: &str, home: &Home, runs: &Path) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", "umask $0; exec \"$@\"", mask, env!("CARGO_BIN_EXE_ucssod")]);
    command.arg("--config").arg(home.path("conf/config.toml"));
    command.arg("--socket").arg(runs.join("broker.sock"));
    command.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", home.path(""));
    command
}

/// Returns once the daemon answers at a socket: that listens before it has its mode, in a folder
/// that is closed.
async fn answers(socket: &Path) {
    let mut turn = interval(Duration::from_millis(10));
    while Client::connect(socket).await.is_err() {
        turn.tick().await;
    }
}

/// What is in a folder, and what of it nobody may change.
fn listing(folder: &Path) -> String {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    names.iter().fold(String::new(), |mut text, path| {
        let (mode, found) = (mode(path), fs::read(path).unwrap_or_default());
        writeln!(text, "{} {mode:o} {found:?}", path.display()).unwrap();
        text
    })
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).map_or(0, |found| found.mode() & 0o777)
}

/// What a shell does that writes where it is told: the control.
async fn naive(toml: &str) -> usize {
    let mut followed = 0;
    for (name, plant) in PLANTS {
        if !matches!(name, "link-to-file" | "hard-link" | "dangling-link") {
            continue;
        }
        let (home, theirs) = home(toml);
        plant(&home.path("run/broker.lock"), &theirs);
        let before = listing(&theirs);
        process::run(
            Command::new("sh").args(["-c", "echo $$ > \"$0\""]).arg(home.path("run/broker.lock")),
        )
        .await;
        followed += usize::from(listing(&theirs) != before);
    }
    followed
}

/// Starts many at once; how many of them serve, and how many say that another does.
async fn at_once(toml: &str) -> (usize, usize) {
    let (home, _) = home(toml);
    fs::write(home.path("conf/config.toml"), toml).unwrap();
    fs::set_permissions(home.path("conf/config.toml"), Permissions::from_mode(0o600)).unwrap();
    let mut daemons = JoinSet::new();
    for _ in 0..AT_ONCE {
        let mut daemon = masked("022", &home, &home.path("run"));
        daemons.spawn(async move { process::run(&mut daemon).await });
    }
    let mut told = 0;
    while daemons.len() > 1 {
        let ended = timeout(PATIENCE, daemons.join_next()).await.unwrap().unwrap().unwrap();
        told += usize::from(String::from_utf8_lossy(&ended.stderr).contains("already serving"));
    }
    timeout(PATIENCE, answers(&home.path("run/broker.sock"))).await.unwrap();
    (daemons.len(), told)
}
