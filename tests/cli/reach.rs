//! Whether there is a daemon to ask, and what was asked.

use std::{io::Read as _, os::unix::net::UnixListener};

use ucsso::rpc::proto::ClusterState;

use crate::{assert_says, daemon, text, ucssoctl, valid};

#[test]
fn without_a_daemon_the_socket_is_named_and_how_to_start_it() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("broker.sock");

    let output = ucssoctl().arg("status").arg("--socket").arg(&socket).output().unwrap();

    let shown = socket.display();
    assert_says(
        &output,
        3,
        "",
        &format!(
            "ucssoctl: ucssod is not running: nothing listens on `{shown}`\n  \
             help: start it with `ucssod &`\n"
        ),
    );
    assert!(!socket.exists(), "status does not start the daemon");
}

#[test]
fn where_the_unit_is_installed_it_is_systemd_that_starts_the_daemon() {
    let home = tempfile::tempdir().unwrap();
    let units = home.path().join(".config/systemd/user");
    std::fs::create_dir_all(&units).unwrap();
    std::fs::write(units.join("ucssod.service"), "").unwrap();

    let output = ucssoctl()
        .args(["status", "--socket", "/nonexistent/s"])
        .env("HOME", home.path())
        .output()
        .unwrap();

    let line = "  help: start it with `systemctl --user start ucssod.service`\n";
    assert!(text(&output.stderr).ends_with(line), "{}", text(&output.stderr));
}

#[test]
fn the_environment_says_where_the_socket_is() {
    let daemon = daemon(vec![valid("hq", ClusterState::Fresh)]);
    let uri = format!("unix://{}", daemon.socket().display());
    let with = |name: &str, value: &str| {
        ucssoctl().arg("status").env(name, value).output().unwrap().status.code()
    };

    assert_eq!(with("UCSSO_SOCKET", &uri), Some(0));
    assert_eq!(with("UCSSO_SOCKET", "tcp://127.0.0.1:1"), Some(2));
    assert_eq!(with("XDG_RUNTIME_DIR", "/nonexistent"), Some(3));
    assert_eq!(with("NOTHING", ""), Some(3));
}

#[test]
fn a_wrong_command_line_is_a_usage_error() {
    for line in [
        "",
        "stat",
        "token",
        "token hq --force --no-login",
        "token hq --header --json",
        "token hq --header --env",
        "token hq --env=",
        "token hq --env=x;id",
        "wait hq --for good",
        "wait hq --timeout soon",
        "wait hq --timeout 0s",
        "exec hq",
        "exec hq true",
        "exec hq --env= -- true",
        "watch HQ",
        "token hq --wait soon",
        "token hq --wait 0s",
        "token HQ",
        "login a b",
    ] {
        let output = ucssoctl().args(line.split_whitespace()).output().unwrap();

        assert_eq!(output.status.code(), Some(2), "{line}");
        assert!(output.stdout.is_empty(), "{line}");
    }
}

#[test]
fn the_version_is_an_answer() {
    let output = ucssoctl().arg("--version").output().unwrap();

    assert_says(&output, 0, concat!("ucssoctl ", env!("CARGO_PKG_VERSION"), "\n"), "");
}

#[test]
fn a_daemon_that_goes_away_in_the_middle_of_a_call_is_not_reachable() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("broker.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    let daemon = std::thread::spawn(move || {
        let (mut connection, _) = listener.accept().unwrap();
        // The preface of HTTP/2: the connection stands, and a call is on its way.
        connection.read_exact(&mut [0; 24]).unwrap();
    });

    let output = ucssoctl().arg("status").arg("--socket").arg(&socket).output().unwrap();

    daemon.join().unwrap();
    assert_says(&output, 3, "", "ucssoctl: the connection to ucssod broke\n");
}
