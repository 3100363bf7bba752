//! Programs that ask: wrongly, without the mark, as somebody else.

use std::{
    fs::{self, Permissions},
    io::{self, Read as _, Write as _},
    os::unix::{fs::PermissionsExt as _, net::UnixStream},
    path::Path,
    thread,
};

use hyper_util::rt::TokioIo;
use rustix::{process::Uid, thread::set_thread_res_uid};
use tokio_stream::once;
use tonic::{
    Code, Request, Status,
    transport::{Channel, Endpoint},
};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use ucsso::rpc::{
    client,
    proto::{
        GetStatusRequest, GetTokenRequest, ReloadRequest, StartLoginRequest,
        admin_client::AdminClient, login_client::LoginClient,
        token_broker_client::TokenBrokerClient,
    },
};

use crate::rig::{End, estate};

#[tokio::test]
async fn a_cluster_that_is_not_configured_is_said_to_be_unknown() {
    let estate = estate().await;
    let commands: [&[&str]; 5] = [
        &["token", "nowhere"],
        &["login", "nowhere"],
        &["logout", "nowhere"],
        &["cancel", "nowhere"],
        &["status", "hq", "nowhere"],
    ];

    for command in commands {
        estate.refused(command).await.is(
            7,
            &[
                "ucssoctl: no cluster `nowhere` is configured\n",
                "help: see `ucssoctl status` for the names\n",
            ],
        );
    }
}

#[tokio::test]
async fn a_name_that_cannot_be_one_is_a_mistake_of_the_caller() {
    let estate = estate().await;

    let end = estate.refused(&["token", "Not/A/Name"]).await;
    let request = GetTokenRequest { cluster: "Not/A/Name".into(), ..<_>::default() };
    let status = estate.client().await.broker().get_token(request).await.unwrap_err();

    end.is(2, &["Not/A/Name", "a-z"]);
    assert_eq!(status.code(), Code::InvalidArgument);
    assert_eq!(client::reason(&status).as_deref(), Some("BAD_REQUEST"));
}

#[tokio::test]
async fn a_call_without_the_mark_is_refused_and_health_and_reflection_need_none() {
    let estate = estate().await;
    let channel = unmarked(&estate.home.socket()).await;

    let refusals = [
        TokenBrokerClient::new(channel.clone())
            .get_token(GetTokenRequest { cluster: "hq".into(), ..<_>::default() })
            .await
            .unwrap_err(),
        TokenBrokerClient::new(channel.clone())
            .get_status(wrongly_marked(GetStatusRequest::default()))
            .await
            .unwrap_err(),
        LoginClient::new(channel.clone())
            .start_login(StartLoginRequest { cluster: "hq".into(), no_browser: true })
            .await
            .unwrap_err(),
        AdminClient::new(channel.clone()).reload(ReloadRequest {}).await.unwrap_err(),
    ];
    let health = HealthClient::new(channel.clone())
        .check(HealthCheckRequest { service: "ucsso.v1.TokenBroker".into() })
        .await
        .unwrap();

    for refusal in refusals {
        assert_eq!(refusal.code(), Code::InvalidArgument, "{refusal}");
        assert_eq!(client::reason(&refusal).as_deref(), Some("HEADER_MISSING"));
        assert_eq!(refusal.message(), "the metadata key `ucsso: 1` is missing");
    }
    assert_eq!(health.into_inner().status(), ServingStatus::Serving);
    for services in [services_v1(channel.clone()).await, services_v1alpha(channel).await] {
        for service in ["ucsso.v1.Login", "ucsso.v1.Admin"] {
            assert!(services.contains(&service.to_owned()), "{services:?}");
        }
    }
    assert_eq!(estate.status_of("hq").await["state"], "cold", "no login was begun");
}

#[tokio::test]
async fn another_user_is_hung_up_on_before_anything_is_answered() {
    let estate = estate().await;
    let socket = estate.home.socket();
    for (path, mode) in [(estate.home.path(""), 0o755), (estate.home.path("run"), 0o755)] {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }
    fs::set_permissions(&socket, Permissions::from_mode(0o666)).unwrap();

    let ours = first_answer(&socket);
    let theirs = {
        let socket = socket.clone();
        let other = move || {
            // Of this thread alone, which ends with the answer.
            let nobody = Uid::from_raw(65534);
            set_thread_res_uid(nobody, nobody, nobody)
                .expect("this test needs root: it asks as another user");
            first_answer(&socket)
        };
        thread::spawn(other).join().unwrap()
    };

    assert!(ours > 0, "the daemon speaks first to its own user");
    assert_eq!(theirs, 0, "nothing is said to another one");
    estate.daemon.line_with("another user was turned away").await;
    End::of(&estate.ctl_output(&["token", "--no-login", "hq"]).await).is(4, &[]);
}

/// How many bytes come back from whoever says that it speaks HTTP/2 (RFC 9113 3.4).
fn first_answer(socket: &Path) -> usize {
    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    let mut stream = UnixStream::connect(socket).unwrap();
    // It may be closed before it is written to.
    let _ = stream.write_all(PREFACE);
    match stream.read(&mut [0; 64]) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::ConnectionReset => 0,
        Err(error) => panic!("{error}"),
    }
}

/// A channel that puts no mark on its calls.
async fn unmarked(socket: &Path) -> Channel {
    let socket = socket.to_owned();
    let connector = tower::service_fn(move |_| {
        let socket = socket.clone();
        async move { tokio::net::UnixStream::connect(socket).await.map(TokioIo::new) }
    });
    Endpoint::from_static("http://localhost").connect_with_connector(connector).await.unwrap()
}

fn wrongly_marked<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("ucsso", "2".parse().unwrap());
    request
}

macro_rules! services {
    ($name:ident, $version:ident) => {
        /// The services that reflection names.
        async fn $name(channel: Channel) -> Vec<String> {
            use tonic_reflection::pb::$version::{
                ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
                server_reflection_request::MessageRequest,
                server_reflection_response::MessageResponse,
            };
            let list = Some(MessageRequest::ListServices(String::new()));
            let request = ServerReflectionRequest { host: String::new(), message_request: list };
            let answer: Result<_, Status> =
                ServerReflectionClient::new(channel).server_reflection_info(once(request)).await;
            let answer = answer.unwrap().into_inner().message().await.unwrap().unwrap();
            match answer.message_response {
                Some(MessageResponse::ListServicesResponse(list)) => {
                    list.service.into_iter().map(|service| service.name).collect()
                }
                other => panic!("{other:?}"),
            }
        }
    };
}
services!(services_v1, v1);
services!(services_v1alpha, v1alpha);
