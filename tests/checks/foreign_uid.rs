//! S3: another user of this machine who knows the nonce. Loopback is no boundary between users,
//! so the daemon asks the kernel whose process connects.

use crate::{
    check::Figure,
    process::{run_well, until},
    rig::estate,
    strangers,
    victim::Victim,
    wire,
};

/// How often it tries.
const TRIES: usize = 1_000;

/// Posts the same message again and again, and says how often it was answered, and how often well.
const PROGRAM: &str = "
import socket, sys
port, times, request = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3].encode()
answered = accepted = 0
for _ in range(times):
    with socket.create_connection(('127.0.0.1', port)) as connection:
        try:
            connection.sendall(request)
            answer = connection.recv(4096)
        except OSError:
            answer = b''
        answered += answer != b''
        accepted += answer.split(b' ')[1:2] in ([b'200'], [b'202'])
print(answered, accepted)
";

pub(crate) async fn run() -> Vec<Figure> {
    let estate = estate().await;
    let victim = Victim::of(&estate, "hq").await;
    let fragment = victim.good_fragment(&estate).await;

    let request = wire::delivery(&estate.redirect_uri("hq"), &victim.nonce, &fragment);
    let port = wire::port_of(&estate.redirect_uri("hq")).to_string();
    let mut stranger = strangers::python(PROGRAM);
    let said = run_well(stranger.args([&port, &TRIES.to_string(), &request])).await;
    let said: Vec<usize> = said.split_whitespace().map(|word| word.parse().unwrap()).collect();
    let held = estate.status_of("hq").await["state"] != "authenticating";
    let counted = until("the last one is counted", async || {
        let counted = estate.status().await["server"]["refused_redirects"]["foreign_peer"].as_u64();
        counted.and_then(|count| usize::try_from(count).ok()).filter(|count| *count >= TRIES)
    })
    .await;
    // The nonce was the right one: from the right user it lets the redirect in.
    let own = victim.gets_in(&fragment).await;

    vec![
        Figure::exactly("accepted", said[1] + usize::from(held), 0),
        Figure::exactly("answered", said[0], 0),
        Figure::exactly("counted", counted, TRIES),
        Figure::exactly("own-user-accepted", usize::from(own), 1),
    ]
}
