//! What a program is made of that only wants a token: the feature `client` alone.
#![expect(clippy::unwrap_used, reason = "what cannot be read fails the test")]

use std::{collections::BTreeSet, path::Path, process::Command};

/// What only the daemon and its command line need.
const NOT_THERE: [&str; 14] = [
    "aws-lc-rs",
    "axum",
    "clap",
    "directories",
    "jiff",
    "oo7",
    "quick-xml",
    "rcgen",
    "reqwest",
    "rustls",
    "serde",
    "toml",
    "tracing-subscriber",
    "zbus",
];

/// The crates that the library is made of with these features and nothing else.
fn crates(features: &str) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["tree", "--locked", "--offline", "--no-default-features", "--features", features])
        .args(["--edges", "normal", "--prefix", "none", "--format", "{p}"])
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    let tree = String::from_utf8(output.stdout).unwrap();
    // Name and version; whatever follows says where it is from.
    let crates = tree.lines().map(|line| line.split_whitespace().take(2).collect::<Vec<_>>());
    crates.filter(|named| !named.is_empty()).map(|named| named.join(" ")).collect()
}

fn unwanted(crates: &BTreeSet<String>) -> Vec<&str> {
    let names = crates.iter().map(|named| named.split(' ').next().unwrap());
    names.filter(|name| NOT_THERE.contains(name)).collect()
}

#[test]
fn a_program_that_wants_a_token_is_made_of_as_much_as_the_readme_says() {
    let crates = crates("client");

    assert_eq!(unwanted(&crates), Vec::<&str>::new());
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = std::fs::read_to_string(readme).unwrap();
    let said = format!("({} crates,", crates.len() - 1);
    assert!(readme.contains(&said), "the README should say `{said}`, without ucsso itself");
}

#[test]
fn the_layer_adds_no_crate() {
    assert_eq!(crates("client,tower"), crates("client"));
}

#[test]
fn the_daemon_has_all_that_such_a_program_does_without() {
    let crates = crates("full");

    assert_eq!(unwanted(&crates).len(), NOT_THERE.len(), "{:?}", unwanted(&crates));
}
