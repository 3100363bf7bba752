//! S21: messages, headers, bodies and tokens that are larger than any has to be.

use std::path::Path;

use tokio::time::timeout;
use tonic::Code;
use ucsso::rpc::{client::Client, proto::GetTokenRequest};

use crate::{
    bystander::{Bystander, Usage, quiet_estate},
    check::Figure,
    frames::{
        CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, RST_STREAM, Wire, call, frame,
        header, message_of,
    },
    process::PATIENCE,
    victim::Victim,
    wire,
};

const KIB: usize = 1024;
/// What the daemon may grow by, in KiB.
const GROWTH: usize = KIB;
/// The largest frame that every server takes (RFC 9113 4.2).
const FRAME: usize = 16_384;

pub(crate) async fn run() -> Vec<Figure> {
    let estate = quiet_estate().await;
    let socket = estate.home.socket();
    let mut figures = Vec::new();
    // What every kind of answer costs once is not what these cost.
    for measured in [false, true] {
        let victim = Victim::of(&estate, "hq").await;
        let landing = estate.redirect_uri("hq");
        let fragment = victim.good_fragment(&estate).await;
        let longer = format!("access_token={}", "x".repeat(17 * KIB));
        let long_token = fragment.replacen("access_token=", &longer, 1);
        assert_ne!(long_token, fragment);
        let endless = wire::delivery(&landing, &victim.nonce, "x");
        let (head, _) = endless.split_once("Content-Length").unwrap();
        let endless = format!("{head}Content-Length: 1073741824\r\n\r\nx");
        let bystander = Bystander::of(&socket).await;
        let usage = Usage::of(&estate);
        let client = Client::connect(&socket).await.unwrap();
        let within = answer(&client, 64 * KIB).await;
        let beyond = answer(&client, 65 * KIB).await;
        let declared = declared(&socket).await;
        let headers = headers(&socket).await;
        let body = wire::exchange(wire::port_of(&landing), endless.as_bytes(), false).await;
        let token = victim.gets_in(&long_token).await;
        let grown = usage.grown();
        if measured {
            figures.extend([
                // This one is read, and has no name that a cluster could have.
                Figure::exactly("64KiB-read", usize::from(within == Code::InvalidArgument), 1),
                Figure::exactly("65KiB-refused", usize::from(beyond == Code::OutOfRange), 1),
                Figure::exactly("1GiB-message-refused", usize::from(declared), 1),
                Figure::exactly("1MiB-headers-answered", usize::from(headers), 0),
                Figure::exactly("1GiB-body-refused", usize::from(body.status == Some(413)), 1),
                Figure::exactly("17KiB-token-taken", usize::from(token), 0),
                Figure::at_most("grown-KiB", grown, GROWTH),
            ]);
            figures.extend(bystander.figures());
        }
    }
    // The same without the padding is taken.
    let victim = Victim::of(&estate, "hq").await;
    let fragment = victim.good_fragment(&estate).await;
    figures.push(Figure::exactly("token-taken", usize::from(victim.gets_in(&fragment).await), 1));
    figures
}

/// What is said to a message of this length, most of it the name of a cluster.
async fn answer(client: &Client, length: usize) -> Code {
    let request = GetTokenRequest { cluster: "x".repeat(length - 4), ..Default::default() };
    client.broker().get_token(request).await.unwrap_err().code()
}

/// Whether a message that says it has a gibibyte is answered before it is there.
async fn declared(socket: &Path) -> bool {
    let mut wire = Wire::connect(socket).await;
    let begun = message_of(1 << 30, &[b'x'; 15 * KIB]);
    let bytes = [
        frame(HEADERS, END_HEADERS, 1, &call("TokenBroker/GetToken", &[])),
        frame(DATA, 0, 1, &begun),
    ];
    wire.flood(&bytes.concat()).await.unwrap();
    let answered = timeout(PATIENCE, wire.next(&[HEADERS], 1)).await;
    answered.is_ok_and(|answer| answer.is_some())
}

/// Whether a call with a mebibyte of headers is answered.
async fn headers(socket: &Path) -> bool {
    let mut wire = Wire::connect(socket).await;
    let mut bytes = frame(HEADERS, END_STREAM, 1, &call("TokenBroker/GetStatus", &[]));
    let much = header("x", &vec![b'x'; FRAME - 16]);
    for _ in 0..64 {
        bytes.extend(frame(CONTINUATION, 0, 1, &much));
    }
    bytes.extend(frame(CONTINUATION, END_HEADERS, 1, &[]));
    wire.flood(&bytes).await.is_ok()
        && matches!(wire.next(&[HEADERS, RST_STREAM], 1).await, Some((HEADERS, _)))
}
