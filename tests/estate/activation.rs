//! A daemon that finds its sockets listening: what a service manager does for it, without one.

use std::{
    ffi::OsString,
    fs::{self, Permissions},
    io,
    net::TcpStream,
    os::unix::{
        fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _},
        net::{UnixListener, UnixStream},
    },
    path::PathBuf,
    time::Duration,
};

use tokio::{process::Command, time::interval};
use ucsso::lab::LabConfig;

use crate::{
    components::require,
    estate::{Estate, Home},
    process::{free_port, run},
    rig::{End, estate, redirected_to},
};

/// Something to listen at, and the name under which it is passed.
type Listen<'a> = (&'a str, String);

/// Runs the daemon as soon as somebody connects to one of these.
fn activated(home: &Home, sockets: &[Listen<'_>]) -> Command {
    let daemon = home.ucssod();
    let daemon = daemon.as_std();
    let mut command = Command::new(require("systemd-socket-activate", "apt-get install systemd"));
    for (_, address) in sockets {
        command.arg("--listen").arg(address);
    }
    let names: Vec<_> = sockets.iter().map(|(name, _)| *name).collect();
    command.arg("--fdname").arg(names.join(":"));
    for (name, value) in daemon.get_envs() {
        let assignment = [name, "=".as_ref(), value.unwrap_or_default()];
        command.arg("--setenv").arg(assignment.into_iter().collect::<OsString>());
    }
    command.arg(daemon.get_program()).args(daemon.get_args());
    command
}

fn broker(home: &Home) -> Listen<'static> {
    let _there_already = fs::DirBuilder::new().mode(0o700).create(home.path("run"));
    ("broker", home.socket().display().to_string())
}

/// Connects as soon as that can be done, and so starts the daemon.
fn knock(connect: impl Fn() -> io::Result<()> + Send + 'static) {
    tokio::spawn(async move {
        let mut turn = interval(Duration::from_millis(20));
        while connect().is_err() {
            turn.tick().await;
        }
    });
}

/// The tool has everybody connect to a socket, as a unit does that does not say otherwise.
fn knock_privately(socket: PathBuf) {
    knock(move || {
        fs::set_permissions(&socket, Permissions::from_mode(0o600))?;
        UnixStream::connect(&socket).map(drop)
    });
}

fn knock_at(port: u16) {
    knock(move || TcpStream::connect(("127.0.0.1", port)).map(drop));
}

#[tokio::test]
async fn a_login_goes_over_sockets_that_were_passed() {
    let port = free_port();
    let uri = format!("http://localhost:{port}/cb/hq");
    let estate = Estate::launch_as(
        LabConfig::default(),
        |toml| redirected_to(&uri, toml),
        |home| {
            let redirect = |host| ("redirect", format!("{host}:{port}"));
            let sockets = [redirect("127.0.0.1"), broker(home), redirect("[::1]")];
            knock_privately(home.socket());
            activated(home, &sockets)
        },
    )
    .await;
    estate.lab.allow_redirect("hq", &uri);

    estate.logged_in("hq").await;

    let warnings = estate.status().await["server"]["warnings"].clone();
    assert_eq!(warnings, serde_json::json!([]));
    let pid = estate.daemon.pid().unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let socket = estate.home.socket();
    let inode = socket.metadata().unwrap().ino();
    assert!(estate.daemon.end().await.0.success());
    assert_eq!(socket.metadata().unwrap().ino(), inode, "whoever passed it listens on");
    assert!(!socket.with_extension("lock").exists());
}

#[tokio::test]
async fn a_redirect_socket_alone_is_enough_to_start_with() {
    let port = free_port();
    let uri = format!("http://127.0.0.1:{port}/cb/hq");
    let estate = Estate::launch_as(
        LabConfig::default(),
        |toml| redirected_to(&uri, toml),
        |home| {
            let at = format!("127.0.0.1:{port}");
            knock_at(port);
            activated(home, &[("redirect", at)])
        },
    )
    .await;
    estate.lab.allow_redirect("hq", &uri);

    estate.logged_in("hq").await;
}

#[tokio::test]
async fn a_redirect_socket_to_which_no_redirect_leads_is_said() {
    let port = free_port();
    let estate = Estate::launch_as(LabConfig::default(), str::to_owned, |home| {
        let sockets = [broker(home), ("redirect", format!("127.0.0.1:{port}"))];
        knock_privately(home.socket());
        activated(home, &sockets)
    })
    .await;

    let warnings = estate.status().await["server"]["warnings"].to_string();
    estate.logged_in("hq").await;

    let sentence = format!("the service manager listens at 127.0.0.1:{port} for redirects");
    assert!(warnings.contains(&sentence), "{warnings}");
    let origin = estate.redirect_uri("hq").replace("/cb/hq", "");
    assert!(warnings.contains(&origin), "{warnings}");
}

#[tokio::test]
async fn a_passed_socket_that_is_elsewhere_is_said() {
    let place = |home: &Home| home.path("other/s");
    let estate = Estate::launch_as(LabConfig::default(), str::to_owned, |home| {
        let served = place(home);
        fs::DirBuilder::new().mode(0o700).create(home.path("other")).unwrap();
        let sockets = [("broker", served.display().to_string())];
        knock_privately(served);
        activated(home, &sockets)
    })
    .await;

    let said = estate.daemon.line_with("that is served").await;

    for path in [place(&estate.home), estate.home.socket()] {
        assert!(said.contains(&format!("`{}`", path.display())), "{said}");
    }
    assert!(!estate.home.socket().exists());
}

#[tokio::test]
async fn a_broker_socket_of_the_wrong_kind_ends_the_daemon() {
    let port = free_port();
    let estate = estate().await;
    let at = format!("127.0.0.1:{port}");
    knock_at(port);

    let end = End::of(&run(&mut activated(&estate.home, &[("broker", at)])).await);

    end.is(1, &["the socket `broker` that the service manager passed", "not a Unix stream socket"]);
}

#[tokio::test]
async fn a_daemon_started_by_hand_leaves_a_service_managers_socket_alone() {
    let home = Home::new();
    let (_, socket) = broker(&home);
    let listening = UnixListener::bind(&socket).unwrap();
    let estate = estate().await;
    fs::copy(estate.home.path("config.toml"), home.path("config.toml")).unwrap();
    fs::copy(estate.home.path("ca.pem"), home.path("ca.pem")).unwrap();

    let end = End::of(&run(&mut home.ucssod()).await);

    end.is(
        1,
        &[&format!("another program already listens at `{socket}`"), "systemctl --user start"],
    );
    drop(UnixStream::connect(&socket).unwrap());
    drop(listening);
}
