//! S20: a hundred connections that send a byte a second, to the broker's socket and to the address
//! of the redirects.

use std::time::Duration;

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpStream, UnixStream},
    task::JoinSet,
    time::timeout,
};

use crate::{
    bystander::{Bystander, pause, quiet_estate},
    check::Figure,
    frames::{PING, PREFACE, Wire, frame},
    victim::Victim,
    wire,
};

const EACH: usize = 50;
/// How soon each has to be closed.
const LIMIT: Duration = Duration::from_secs(10);

pub(crate) async fn run() -> Vec<Figure> {
    let estate = quiet_estate().await;
    let socket = estate.home.socket();
    let victim = Victim::of(&estate, "hq").await;
    let fragment = victim.good_fragment(&estate).await;
    let port = wire::port_of(&estate.redirect_uri("hq"));
    let bystander = Bystander::of(&socket).await;
    let mut quick = Wire::connect(&socket).await;

    let mut slow = JoinSet::new();
    let head =
        b"GET /cb/hq HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Padding: xxxxxxxxxxxxxxxxxxxxx\r\n\r\n";
    for _ in 0..EACH {
        let stream = UnixStream::connect(&socket).await.unwrap();
        slow.spawn(async move { closed_while_sending(stream, PREFACE).await });
        let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        slow.spawn(async move { closed_while_sending(stream, head).await });
    }
    let began = wire::moment();
    let got_in = victim.gets_in(&fragment).await;
    let login = began.elapsed();
    let mut open = 0;
    while let Some(closed) = slow.join_next().await {
        open += usize::from(!closed.unwrap());
    }
    // Whoever has begun may take their time.
    let _ = quick.flood(&frame(PING, 0, 0, &[0; 8])).await;
    let kept = quick.next(&[PING], 0).await.is_some();

    let mut figures = vec![
        Figure::exactly("open-after-10s", open, 0),
        Figure::exactly("login-meanwhile", usize::from(got_in), 1),
        Figure::sooner("login", login, LIMIT),
        Figure::exactly("others-kept", usize::from(kept), 1),
    ];
    figures.extend(bystander.figures());
    figures
}

/// Sends a byte a second, and says whether the connection was closed in time.
async fn closed_while_sending(stream: impl AsyncRead + AsyncWrite, bytes: &[u8]) -> bool {
    let (mut read, mut write) = tokio::io::split(stream);
    let sending = async {
        for byte in bytes {
            if write.write_all(&[*byte]).await.is_err() {
                return;
            }
            pause(Duration::from_secs(1)).await;
        }
    };
    let reading = async { while matches!(read.read(&mut [0; 1024]).await, Ok(1..)) {} };
    let closed = async {
        tokio::select! {
            () = sending => {}
            () = reading => {}
        }
    };
    timeout(LIMIT, closed).await.is_ok()
}
