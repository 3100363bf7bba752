//! The real `ucssoctl config`: the example, what is wrong with a file, and what was understood.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::Output,
};

use assert_cmd::Command;
use tempfile::TempDir;

/// Runs `ucssoctl config` in a home of its own.
fn config(home: &TempDir, arguments: &[&str]) -> Output {
    Command::cargo_bin("ucssoctl")
        .unwrap()
        .env_clear()
        .env("HOME", home.path())
        .current_dir(home.path())
        .arg("config")
        .args(arguments)
        .output()
        .unwrap()
}

fn home() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn init_writes_an_example_that_is_right_for_its_owners_eyes_only() {
    let home = home();

    let written = config(&home, &["init"]);

    let file = home.path().join(".config/ucsso/config.toml");
    assert_eq!(written.status.code(), Some(0), "{}", text(&written.stderr));
    assert_eq!(text(&written.stdout), format!("wrote {}\n", file.display()));
    assert_eq!(mode(&file), 0o600);
    assert_eq!(mode(file.parent().unwrap()), 0o700);
    assert_eq!(fs::read_to_string(&file).unwrap(), include_str!("../../examples/ucsso.toml"));
    assert_eq!(config(&home, &["check"]).status.code(), Some(0));
}

#[test]
fn init_overwrites_nothing_unless_it_is_told_to() {
    let home = home();
    let file = home.path().join(".config/ucsso/config.toml");
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, "mine").unwrap();
    fs::set_permissions(&file, Permissions::from_mode(0o666)).unwrap();

    let refused = config(&home, &["init"]);

    assert_eq!(refused.status.code(), Some(1));
    assert_eq!(
        text(&refused.stderr),
        format!(
            "ucssoctl: `{}` is there already\n  help: `--force` overwrites it\n",
            file.display()
        )
    );
    assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
    assert_eq!(config(&home, &["init", "--force"]).status.code(), Some(0));
    assert_ne!(fs::read_to_string(&file).unwrap(), "mine");
    assert_eq!(mode(&file), 0o600);
}

#[test]
fn path_says_where_the_daemon_looks() {
    let home = home();

    let output = config(&home, &["path"]);

    let path = home.path().join(".config/ucsso/config.toml");
    assert_eq!(text(&output.stdout), format!("{}\n", path.display()));
}

#[test]
fn check_lists_all_that_is_wrong_at_once() {
    let home = home();
    fs::write(home.path().join("wrong.toml"), include_str!("../fixtures/cli/wrong.toml")).unwrap();

    let output = config(&home, &["check", "wrong.toml"]);

    assert_eq!(text(&output.stdout), "");
    assert_eq!(text(&output.stderr), include_str!("../fixtures/cli/wrong.txt"));
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn check_says_what_was_understood_and_what_is_to_be_registered() {
    let home = home();
    fs::write(
        home.path().join("good.toml"),
        r#"
[clusters.hq]
nodes = ["cucm-pub.example.com", "[2001:db8::7]:443"]
user = "alice"
ca_file = "/nonexistent/ca.pem"
pins."cucm-pub.example.com" = ["sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="]

[clusters.voicemail]
product = "unity-connection"
nodes = ["cuc.example.com"]
user = "alice"
renew = "ahead"
login_timeout = "90s"
proxy = "http://proxy:3128"
"#,
    )
    .unwrap();

    let output = config(&home, &["check", "good.toml"]);

    assert_eq!(text(&output.stdout), include_str!("../fixtures/cli/good.txt"));
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
}

#[test]
fn check_without_a_file_says_how_to_get_one() {
    let home = home();

    let output = config(&home, &["check"]);

    let path = home.path().join(".config/ucsso/config.toml");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        text(&output.stderr),
        format!(
            "ucssoctl: there is no configuration at `{}`\n  \
             help: write one with `ucssoctl config init`\n",
            path.display()
        )
    );
}
