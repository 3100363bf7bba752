//! A redirect port that another program has.

use std::{
    net::{SocketAddr, TcpListener},
    thread,
};

use rustix::{process::Uid, thread::set_thread_res_uid};

use crate::{
    estate::Estate,
    process::free_port,
    rig::{End, WRITING, with_browser},
};

/// Somebody else on this machine.
const MALLORY: u32 = 1001;

/// A socket of another user. It answers nobody.
fn squatter(addr: SocketAddr) -> TcpListener {
    let bind = move || {
        // Of this thread alone, which ends with the answer.
        let mallory = Uid::from_raw(MALLORY);
        set_thread_res_uid(mallory, mallory, mallory)
            .expect("this test needs root: it listens as another user");
        TcpListener::bind(addr).unwrap()
    };
    thread::spawn(bind).join().unwrap()
}

#[tokio::test]
async fn a_taken_redirect_port_stops_its_own_cluster_until_it_is_free() {
    let port = free_port();
    let taken = squatter(([127, 0, 0, 1], port).into());
    let estate = Estate::launch(<_>::default(), |toml| on_port(port, toml)).await;
    estate.lab.allow_redirect("hq", &format!("http://127.0.0.1:{port}/cb/hq"));

    let end = estate.refused(&["login", "hq"]).await;
    let warned = estate.status().await["server"]["warnings"].clone();
    estate.logged_in("vm").await;
    drop(taken);
    let freed = estate.status().await["server"]["warnings"].clone();
    estate.logged_in("hq").await;

    let sentence = format!("another program of uid {MALLORY} listens on 127.0.0.1:{port}");
    let needs = format!("cluster hq needs port {port} for its redirect URI");
    end.is(8, &[&sentence, &needs]);
    let warning = format!("{sentence}: logins to `hq` will fail until it is free");
    estate.daemon.line_with(&warning).await;
    assert_eq!(warned, serde_json::json!([warning]));
    assert_eq!(freed, serde_json::json!([]), "a port that is free is no reason to warn");
    assert_eq!(estate.status().await["server"]["warnings"], serde_json::json!([]));
}

#[tokio::test]
async fn no_window_opens_while_another_user_has_the_port_at_any_address() {
    for everywhere in ["0.0.0.0", "::"] {
        let port = free_port();
        let _taken = squatter(SocketAddr::new(everywhere.parse().unwrap(), port));
        let edit = |toml: &str| with_browser(&WRITING, &on_port(port, toml));
        let estate = Estate::launch(<_>::default(), edit).await;

        let end = estate.refused(&["login", "hq"]).await;
        let program = End::of(&estate.ctl_output(&["token", "hq"]).await);

        let sentence = format!("another program of uid {MALLORY} listens on 127.0.0.1:{port}");
        end.is(8, &[&sentence]);
        program.is(8, &[&sentence]);
        assert_eq!(estate.opened(), [""; 0], "{everywhere}");
    }
}

#[tokio::test]
async fn a_port_that_is_taken_later_is_kept_by_the_daemon() {
    let estate = Estate::launch(<_>::default(), ToOwned::to_owned).await;
    let uri = estate.redirect_uri("hq").parse::<url::Url>().unwrap();

    let other = TcpListener::bind(("127.0.0.1", uri.port().unwrap()));

    assert_eq!(other.unwrap_err().kind(), std::io::ErrorKind::AddrInUse);
}

/// Gives `hq` a port of its own.
fn on_port(port: u16, toml: &str) -> String {
    let begin = toml.find("redirect_uri = ").unwrap();
    let end = begin + toml[begin..].find('\n').unwrap();
    let line = format!("redirect_uri = \"http://127.0.0.1:{port}/cb/hq\"");
    [&toml[..begin], &line, &toml[end..]].concat()
}
