//! The floor plan, enforced: which room may name which, what the domain may never know, and how
//! long a file may be. ARCHITECTURE.md has the same table with its reasons.
#![expect(clippy::unwrap_used, reason = "what a test cannot read fails it")]

#[path = "support/rust_paths.rs"]
mod rust_paths;

use std::{collections::BTreeSet, fs, path::Path};

use rust_paths::{Named, paths};

/// Each room and what it may name besides itself. A module in place of a room opens that alone.
const FLOOR_PLAN: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("chain", &[]),
    ("paths", &[]),
    ("loopback", &[]),
    ("private", &[]),
    ("sys", &[]),
    ("telemetry", &[]),
    ("identity", &["private"]),
    ("browser", &["paths", "loopback", "identity", "sys"]),
    ("broker", &["domain"]),
    ("config", &["domain", "loopback"]),
    ("cisco", &["domain", "chain", "config", "loopback", "identity", "browser", "broker::ports"]),
    ("store", &["domain", "chain", "private", "sys", "broker::ports"]),
    ("rpc", &["domain", "sys", "broker"]),
    ("client", &["paths", "rpc::client", "rpc::proto"]),
    (
        "daemon",
        &[
            "domain",
            "chain",
            "paths",
            "loopback",
            "private",
            "sys",
            "telemetry",
            "identity",
            "browser",
            "broker",
            "config",
            "cisco",
            "store",
            "rpc",
        ],
    ),
    (
        "ctl",
        &[
            "domain",
            "chain",
            "paths",
            "loopback",
            "private",
            "identity",
            "config",
            "client",
            "rpc::client",
            "rpc::proto",
        ],
    ),
    ("lab", &["chain"]),
    ("manual", &["ctl", "daemon", "lab::cli", "config"]),
];

/// The crates that the domain may name; the last in tests.
const DOMAIN_CRATES: [&str; 3] = ["thiserror", "zeroize", "proptest"];

/// What of the standard library the domain may not name: whatever acts, waits, or tells the time.
const NOT_PURE: [&str; 9] = [
    "std::env",
    "std::fs",
    "std::io",
    "std::net",
    "std::os",
    "std::process",
    "std::thread",
    "std::time::Instant",
    "SystemTime::now",
];

/// The longest source file, in lines.
const LINE_LIMIT: usize = 350;

/// A source file: where it is under the root of the project, and its text.
struct Source {
    path: String,
    text: String,
}

/// Reads the Rust files of a folder and of those in it.
fn sources(folder: &str) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.join(folder)];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                let path = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                found.push(Source { path, text });
            }
        }
    }
    assert!(!found.is_empty(), "no Rust file in {folder}");
    found
}

/// The names of the crates in `[dependencies]`, as Rust spells them.
fn dependencies() -> BTreeSet<String> {
    let manifest = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"));
    let manifest: toml::Table = manifest.unwrap().parse().unwrap();
    let tables =
        ["dependencies", "dev-dependencies"].map(|name| manifest[name].as_table().unwrap());
    tables.into_iter().flat_map(toml::Table::keys).map(|name| name.replace('-', "_")).collect()
}

/// The module that a file under `src/` is: `["broker", "actor"]`; empty for the root.
fn module(path: &str) -> Vec<&str> {
    let path = path.strip_prefix("src/").unwrap_or(path);
    let path = path.strip_suffix(".rs").unwrap_or(path);
    path.split('/').filter(|part| !matches!(*part, "lib" | "mod")).collect()
}

/// Whether `path` is `prefix` or lies in it.
fn leads_into(path: &[String], prefix: &str) -> bool {
    prefix.split("::").enumerate().all(|(at, part)| path.get(at).is_some_and(|own| own == part))
}

/// What one file names and may not.
fn trespasses(source: &Source, crates: &BTreeSet<String>) -> Vec<String> {
    let module = module(&source.path);
    let Some((&room, _)) = module.split_first().filter(|(room, _)| **room != "bin") else {
        return Vec::new();
    };
    let Some((_, open)) = FLOOR_PLAN.iter().find(|(name, _)| *name == room) else {
        return vec![format!(
            "{}: `{room}` is not on the floor plan (ARCHITECTURE.md)",
            source.path
        )];
    };
    let forbidden = |Named { segments, .. }: &Named| match segments.as_slice() {
        [first, path @ ..] if first == "crate" => {
            let allowed = path[0] == room || open.iter().any(|open| leads_into(path, open));
            (!allowed).then(|| path[..path.len().min(2)].join("::"))
        }
        path if room == "domain" => {
            let foreign = crates.contains(&path[0]) && !DOMAIN_CRATES.contains(&path[0].as_str());
            let acts = NOT_PURE.into_iter().find(|rest| leads_into(path, rest));
            foreign.then(|| path[0].clone()).or_else(|| acts.map(str::to_owned))
        }
        _ => None,
    };
    let named = paths(&source.text, &module);
    let found = named.iter().filter_map(|named| Some((named.line, forbidden(named)?)));
    found
        .map(|(line, what)| {
            format!("{}:{line}: `{room}` may not name `{what}` (ARCHITECTURE.md)", source.path)
        })
        .collect()
}

/// What one file named `path` with this text would be told.
fn told(path: &str, text: &str) -> Vec<String> {
    trespasses(&Source { path: path.to_owned(), text: text.to_owned() }, &dependencies())
}

#[test]
fn every_room_names_only_rooms_on_lower_floors() {
    let crates = dependencies();

    let found: Vec<_> = sources("src").iter().flat_map(|file| trespasses(file, &crates)).collect();

    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn no_room_but_one_lifts_the_ban_on_unsafe_code() {
    // The lint denies `unsafe` itself; what lifts it has to name it.
    let found: Vec<_> = sources("src")
        .into_iter()
        .filter(|file| !file.path.starts_with("src/sys/") && file.text.contains("unsafe_code"))
        .map(|file| file.path)
        .collect();

    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn every_room_on_the_floor_plan_exists() {
    let files = sources("src");
    let rooms: BTreeSet<_> =
        files.iter().filter_map(|file| module(&file.path).first().copied()).collect();

    for (room, open) in FLOOR_PLAN {
        assert!(rooms.contains(room), "`{room}` is on the floor plan and not in src/");
        for open in *open {
            let below = FLOOR_PLAN.iter().take_while(|(name, _)| name != room);
            let known = below.into_iter().any(|(name, _)| open.split("::").next() == Some(name));
            assert!(known, "`{room}` is allowed `{open}`, which is not on a lower floor");
        }
    }
}

#[test]
fn every_source_file_is_short_and_opens_with_what_it_owns() {
    let mut found = Vec::new();
    for Source { path, text } in ["src", "tests"].into_iter().flat_map(sources) {
        let lines = text.lines().count();
        if lines > LINE_LIMIT {
            found.push(format!("{path} has {lines} lines; the limit is {LINE_LIMIT}"));
        }
        if !text.starts_with("//! ") {
            found.push(format!("{path} does not open with `//!`: what it owns"));
        }
    }

    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn a_room_that_names_a_higher_floor_is_told_where() {
    let told = told("src/broker/actor.rs", "//! Doc.\n\nuse crate::{broker::ports, cisco::Error};");

    assert_eq!(
        told,
        ["src/broker/actor.rs:3: `broker` may not name `cisco::Error` (ARCHITECTURE.md)"]
    );
}

#[test]
fn a_room_is_told_of_every_way_to_name_another() {
    for text in [
        "use crate::lab::Lab;",
        "use crate::{domain::Token, lab};",
        "use crate::*;",
        "use super::lab;",
        "mod tests { use super::super::lab; }",
        "fn f() -> crate::lab::Lab {}",
        "fn f() { crate::lab::start::<u8>() }",
        "use crate::broker;",
        "use crate::broker::{self, ports};",
    ] {
        assert_eq!(told("src/cisco/mod.rs", text).len(), 1, "{text}");
    }
}

#[test]
fn a_room_may_name_itself_and_what_the_plan_opens() {
    for (path, text) in [
        ("src/cisco/mod.rs", "use crate::{broker::ports::{self, Login}, cisco::xml, config::*};"),
        ("src/ctl/login.rs", "use crate::rpc::{client::Client, proto::Token}; use super::render;"),
        ("src/broker/actor.rs", "use super::ports::Clock; // not crate::cisco::Error"),
        ("src/bin/ucssod.rs", "use ucsso::{daemon, lab}; use crate::lab;"),
        ("src/lib.rs", "use crate::lab::Lab;"),
    ] {
        assert_eq!(told(path, text), Vec::<String>::new(), "{path}");
    }
}

#[test]
fn a_room_that_nobody_planned_is_refused() {
    assert_eq!(
        told("src/util/mod.rs", ""),
        ["src/util/mod.rs: `util` is not on the floor plan (ARCHITECTURE.md)"]
    );
}

#[test]
fn the_domain_is_told_of_whatever_acts_waits_or_knows_the_time() {
    for text in [
        "use tokio::sync::watch;",
        "fn f() { tonic::Status::ok(\"\"); }",
        "use ::reqwest::Client;",
        "use {hyper::Request, std::fmt};",
        "use std::{fmt, fs::File};",
        "use std::time::{Duration, Instant};",
        "fn f() { std::net::TcpStream::connect(\"\"); }",
        "fn f() { SystemTime::now(); }",
    ] {
        assert_eq!(told("src/domain/lifecycle.rs", text).len(), 1, "{text}");
    }
    let pure = "use std::{fmt, time::{Duration, SystemTime}}; use zeroize::Zeroizing; use proptest::prelude::*;";
    assert_eq!(told("src/domain/lifecycle.rs", pure), Vec::<String>::new());
    assert_eq!(told("src/rpc/mod.rs", "use std::fs; use tokio::net;"), Vec::<String>::new());
}
