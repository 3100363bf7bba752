//! A redirect port that another program has.

use std::{
    net::{SocketAddr, TcpListener},
    thread,
};

use rustix::{process::Uid, thread::set_thread_res_uid};

use crate::{
    estate::Estate,
    process::free_port,
    rig::{WRITING, redirected_to, with_browser},
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
    let uri = format!("http://127.0.0.1:{port}/cb/hq");
    let estate = Estate::launch(<_>::default(), |toml| redirected_to(&uri, toml)).await;
    estate.lab.allow_redirect("hq", &uri);

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

/// Has somebody else listen at an address while the redirect leads to `host`; `taken` is what of
/// it they have then.
async fn a_squatter_stops_the_login(squatted: &str, host: &str, taken: &str) {
    let port = free_port();
    let _squatter = squatter(SocketAddr::new(squatted.parse().unwrap(), port));
    let uri = format!("http://{host}:{port}/cb/hq");
    let edit = |toml: &str| with_browser(&WRITING, &redirected_to(&uri, toml));
    let estate = Estate::launch(<_>::default(), edit).await;

    let human = estate.refused(&["login", "hq"]).await;
    let printed = estate.refused(&["login", "--no-browser", "hq"]).await;
    let program = estate.refused(&["token", "hq"]).await;

    let sentence = format!("another program of uid {MALLORY} listens on {taken}:{port}");
    for end in [human, printed, program] {
        end.is(8, &[&sentence]);
        assert!(!end.said.contains("/start/"), "{}", end.said);
    }
    assert_eq!(estate.opened(), [""; 0], "{squatted} for {host}");
}

#[tokio::test]
async fn no_window_opens_while_another_user_has_the_port_at_any_address() {
    for squatted in ["127.0.0.1", "0.0.0.0", "::"] {
        a_squatter_stops_the_login(squatted, "127.0.0.1", "127.0.0.1").await;
    }
}

#[tokio::test]
async fn no_window_opens_while_another_user_has_the_port_of_localhost_at_any_address() {
    for (squatted, taken) in [
        ("127.0.0.1", "127.0.0.1"),
        ("0.0.0.0", "127.0.0.1"),
        ("::1", "[::1]"),
        ("::", "127.0.0.1"),
    ] {
        a_squatter_stops_the_login(squatted, "localhost", taken).await;
    }
}

#[tokio::test]
async fn an_address_to_which_the_redirect_does_not_lead_may_be_anybodys() {
    let port = free_port();
    let _squatter = squatter(format!("[::1]:{port}").parse().unwrap());
    let uri = format!("http://127.0.0.1:{port}/cb/hq");
    let estate = Estate::launch(<_>::default(), |toml| redirected_to(&uri, toml)).await;
    estate.lab.allow_redirect("hq", &uri);

    estate.logged_in("hq").await;
}

#[tokio::test]
async fn a_redirect_to_localhost_has_both_addresses_and_works() {
    let port = free_port();
    let uri = format!("http://localhost:{port}/cb/hq");
    let estate = Estate::launch(<_>::default(), |toml| redirected_to(&uri, toml)).await;
    estate.lab.allow_redirect("hq", &uri);

    let login = estate.log_in("hq").await;
    let walked = login.walked(&mut estate.walk("alice")).await.unwrap();

    assert!(walked.ok, "{walked:?}");
    assert!(login.start_url.starts_with(&format!("http://localhost:{port}/start/")));
    let said = login.end().await;
    assert!(said.contains(&format!("-L [::1]:{port}:127.0.0.1:{port} ")), "{said}");
    for addr in ["127.0.0.1", "::1"] {
        let other = TcpListener::bind(SocketAddr::new(addr.parse().unwrap(), port));
        assert_eq!(other.unwrap_err().kind(), std::io::ErrorKind::AddrInUse, "{addr}");
    }
}

#[tokio::test]
async fn a_port_that_is_taken_later_is_kept_by_the_daemon() {
    let estate = Estate::launch(<_>::default(), ToOwned::to_owned).await;
    let uri = estate.redirect_uri("hq").parse::<url::Url>().unwrap();

    let other = TcpListener::bind(("127.0.0.1", uri.port().unwrap()));

    assert_eq!(other.unwrap_err().kind(), std::io::ErrorKind::AddrInUse);
}
