//! Configurations that are wrong, missing, or not to be believed. The daemon and `ucssoctl config
//! check` say the same.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
};

use crate::{estate::Home, process::run, rig::End};

const WRONG: &str = "\
login_timeout = \"5m\"

[clusters.hq]
nodes = [\"https://cucm-pub.example.com/\"]
renew = \"sometimes\"

[clusters.vm]
product = \"unity\"
nodes = []
user = \"alice\"
login_timeout = \"5s\"
";

/// Each problem by its key, with the line that it is on.
const PROBLEMS: [(&str, usize); 7] = [
    ("login_timeout: ", 1),
    ("clusters.hq: `user` is missing", 3),
    ("clusters.hq.nodes[0]: ", 4),
    ("clusters.hq.renew: ", 5),
    ("clusters.vm.product: ", 8),
    ("clusters.vm.nodes: ", 9),
    ("clusters.vm.login_timeout: ", 11),
];

/// How the daemon and the check of the configuration end.
async fn both(home: &Home) -> [End; 2] {
    let mut check = home.ucssoctl();
    check.args(["config", "check"]).arg(home.path("config.toml"));
    [run(&mut home.ucssod()).await, run(&mut check).await].map(|output| End::of(&output))
}

#[tokio::test]
async fn every_problem_of_a_configuration_is_said_at_once_with_its_key_and_line() {
    let home = Home::new();
    home.configure(WRONG);

    for end in both(&home).await {
        end.is(1, &["7 problems in"]);
        for (key, line) in PROBLEMS {
            let (_, told) = end.said.split_once(key).unwrap_or_else(|| panic!("{}", end.said));
            let place = told.lines().nth(1).unwrap();
            assert!(place.contains(&format!("config.toml:{line}:")), "{key}{told}");
        }
        assert_eq!(end.said.matches("help: ").count(), PROBLEMS.len(), "{}", end.said);
    }
    assert!(!home.socket().exists());
}

#[tokio::test]
async fn a_text_that_is_no_toml_is_told_with_its_place() {
    let home = Home::new();
    home.configure("[clusters.hq\nuser = \"alice\"\n");

    for end in both(&home).await {
        end.is(1, &["config.toml:1:", "1 problem in"]);
    }
}

#[tokio::test]
async fn a_configuration_that_others_can_write_is_not_believed() {
    let home = Home::new();
    home.configure("[clusters.hq]\nnodes = [\"cucm-pub.example.com\"]\nuser = \"alice\"\n");
    let file = home.path("config.toml");
    fs::set_permissions(&file, Permissions::from_mode(0o666)).unwrap();

    for end in both(&home).await {
        let remedy = format!("chmod go-w '{}'", file.display());
        end.is(1, &["is not to be trusted: its mode is 666, so that others can write it", &remedy]);
    }
    assert!(!home.socket().exists());
}

#[tokio::test]
async fn without_a_configuration_it_is_said_how_to_have_one() {
    for end in both(&Home::new()).await {
        end.is(1, &["there is no configuration at", "`ucssoctl config init`"]);
    }
}
