//! The worlds: what each lacks, and what has to be said in it.

use super::world::{World, Wrong};

/// A world in which something is missing.
pub(super) struct Cell {
    pub(super) name: &'static str,
    pub(super) degrade: fn(&mut World),
    pub(super) outcome: Outcome,
}

/// What becomes of the daemon there.
pub(super) enum Outcome {
    /// It serves; and these command lines are answered with these words.
    Ready(&'static [(&'static str, &'static [&'static str])]),
    /// It serves, and says these words in the log after the same has been answered as [`WORKS`] has.
    Complains(&'static [&'static str]),
    /// It does not start, and says these words; so does the command line.
    Told(&'static [&'static str]),
}

use Outcome::{Complains, Ready, Told};

/// What is answered wherever there is a network.
pub(super) const WORKS: &[(&str, &[&str])] = &[
    ("status", &["hq", "ucssoctl login hq"]),
    ("login --no-browser hq", &["/start/"]),
    ("snooze hq", &["hq"]),
    ("token hq --no-login", &["ucssoctl login hq"]),
];

/// What is answered where no browser can be opened.
const NO_BROWSER: &[(&str, &[&str])] = &[
    ("status", &["hq", "ucssoctl login hq"]),
    ("login hq", &["--no-browser"]),
    ("status", &["hq", "--no-browser"]),
    ("login --no-browser hq", &["/start/"]),
];

/// What is answered where no node can be reached.
const NO_NODE: &[(&str, &[&str])] = &[
    ("status", &["hq", "ucssoctl login hq"]),
    ("login --no-browser hq", UNREACHABLE),
    ("status", UNREACHABLE),
    ("token hq --no-login", UNREACHABLE),
];

/// How that is said.
const UNREACHABLE: &[&str] =
    &["cucm-sub.", "check the network or VPN to the cluster, and host and port of its nodes"];

/// What is said where nothing can be written.
const FORGETS: &[&str] = &["asked.json", "a restart will forget who wants to be left alone"];

pub(super) const CELLS: &[Cell] = &[
    Cell {
        name: "no-display",
        degrade: |world| world.unset("DISPLAY"),
        outcome: Ready(NO_BROWSER),
    },
    Cell { name: "no-bus", degrade: World::silence_the_buses, outcome: Ready(WORKS) },
    Cell {
        name: "locked-keyring",
        degrade: |world| world.seal_with(Wrong::Locked),
        outcome: Ready(&[
            ("status", &["hq", "tokens are in memory only: the keyring is locked", "unlock it"]),
            ("login --no-browser hq", &["/start/"]),
        ]),
    },
    Cell {
        name: "silent-keyring",
        degrade: |world| world.seal_with(Wrong::Silent),
        outcome: Ready(&[
            ("status", &["hq", "tokens are in memory only: the keyring does not answer"]),
            ("login --no-browser hq", &["/start/"]),
        ]),
    },
    Cell {
        name: "no-runtime-folder",
        degrade: |world| world.unset("XDG_RUNTIME_DIR"),
        outcome: Told(&["`XDG_RUNTIME_DIR` is not set", "/run/user/$(id -u)"]),
    },
    Cell {
        name: "read-only-home",
        degrade: |world| {
            world.inside("mount --bind \"$HOME\" \"$HOME\"; mount -o remount,bind,ro \"$HOME\"");
        },
        outcome: Complains(FORGETS),
    },
    Cell {
        name: "full-disk",
        degrade: |world| {
            let state = world.in_home(".local/state");
            std::fs::create_dir_all(&state).unwrap();
            world.inside(
                "mount -t tmpfs -o size=64k,mode=700 none \"$HOME/.local/state\"; \
                 ! cat /dev/zero > \"$HOME/.local/state/full\"",
            );
        },
        outcome: Complains(FORGETS),
    },
    Cell {
        name: "opener-missing",
        degrade: |world| world.browser("[\"/nonexistent/browser\", \"{url}\"]"),
        outcome: Ready(NO_BROWSER),
    },
    Cell {
        name: "opener-hangs",
        degrade: |world| world.browser("[\"sh\", \"-c\", \"exec sleep 1000\", \"sh\", \"{url}\"]"),
        outcome: Ready(&[
            ("login hq", &["waiting"]),
            ("status", &["hq"]),
            ("login --no-browser hq", &["if you see no window", "`ucssoctl cancel hq`"]),
            ("cancel hq", &["hq"]),
            ("login --no-browser hq", &["/start/"]),
        ]),
    },
    Cell {
        name: "opener-fails",
        degrade: |world| world.browser("[\"false\", \"{url}\"]"),
        outcome: Ready(NO_BROWSER),
    },
    Cell {
        name: "no-network",
        // Without a loopback, even.
        degrade: |world| world.unshare("--net"),
        outcome: Ready(NO_NODE),
    },
    Cell { name: "silent-dns", degrade: World::silence_the_name_server, outcome: Ready(NO_NODE) },
    Cell {
        name: "no-notify-socket",
        degrade: |world| world.set("NOTIFY_SOCKET", "/nonexistent/notify"),
        outcome: Ready(WORKS),
    },
    Cell {
        name: "long-runtime-folder",
        degrade: |world| {
            let folder = world.in_home(&"x".repeat(120));
            std::fs::create_dir(&folder).unwrap();
            world.set("XDG_RUNTIME_DIR", folder.to_str().unwrap());
        },
        outcome: Told(&["holds at most 107", "to a shorter path"]),
    },
];
