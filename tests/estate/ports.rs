//! A redirect port that another program has.

use std::net::TcpListener;

use crate::{estate::Estate, process::free_port};

#[tokio::test]
async fn a_taken_redirect_port_stops_its_own_cluster_until_it_is_free() {
    let port = free_port();
    let taken = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let estate = Estate::launch(<_>::default(), |toml| on_port(port, toml)).await;
    estate.lab.allow_redirect("hq", &format!("http://127.0.0.1:{port}/cb/hq"));

    let end = estate.refused(&["login", "hq"]).await;
    let warned = estate.status().await["server"]["warnings"].clone();
    estate.logged_in("vm").await;
    drop(taken);
    let freed = estate.status().await["server"]["warnings"].clone();
    estate.logged_in("hq").await;

    let needs = format!("cluster hq needs port {port} for its redirect URI");
    end.is(8, &[&format!("another program listens on 127.0.0.1:{port}"), &needs]);
    let warning = format!(
        "another program has the redirect port 127.0.0.1:{port}: logins to `hq` will fail until \
         it is free"
    );
    assert_eq!(warned, serde_json::json!([warning]));
    assert_eq!(freed, serde_json::json!([]), "a port that is free is no reason to warn");
    assert_eq!(estate.status().await["server"]["warnings"], serde_json::json!([]));
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
