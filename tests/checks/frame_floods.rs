//! S19: frames that cost the sender nothing, by the ten thousand: calls taken back at once
//! (CVE-2023-44487), headers that go on and on (CVE-2024-27316), pings and settings (CVE-2019-9512,
//! CVE-2019-9515).

use std::path::Path;

use crate::{
    bystander::{Bystander, Usage, quiet_estate},
    check::Figure,
    frames::{
        CONTINUATION, END_HEADERS, END_STREAM, HEADERS, PING, RST_STREAM, SETTINGS, Wire, call,
        frame, header,
    },
};

/// What the daemon may grow by, in KiB.
const GROWTH: usize = 8 * 1024;
const BATCH: u32 = 100;
const CANCEL: [u8; 4] = [0, 0, 0, 8];

/// With `scale` 1, twenty thousand pings.
pub(crate) async fn run(scale: u32) -> Vec<Figure> {
    let estate = quiet_estate().await;
    let socket = estate.home.socket();
    let bystander = Bystander::of(&socket).await;
    let usage = Usage::of(&estate);

    let headers = call("TokenBroker/GetStatus", &[]);
    let taken_back = flood(&socket, 20_000 * scale, |n| {
        let id = 2 * n + 1;
        let begun = frame(HEADERS, END_HEADERS | END_STREAM, id, &headers);
        [begun, frame(RST_STREAM, 0, id, &CANCEL)].concat()
    })
    .await;
    told("calls taken back", &bystander);
    let more = header("x", &[b'x'; 100]);
    let endless = flood(&socket, 4_000 * scale, |n| match n {
        0 => frame(HEADERS, 0, 1, &headers),
        _ => frame(CONTINUATION, 0, 1, &more),
    })
    .await;
    told("continuations", &bystander);
    let pings = flood(&socket, 20_000 * scale, |n| frame(PING, 0, 0, &u64::from(n).to_be_bytes()));
    let pings = pings.await;
    told("pings", &bystander);
    let settings = flood(&socket, 20_000 * scale, |_| frame(SETTINGS, 0, 0, &[])).await;

    let mut figures = vec![
        Figure::at_most("grown-KiB", usage.grown(), GROWTH),
        // These two are known for what they are, and end the connection.
        Figure::at_least("connections-ended-for-resets", taken_back, 2),
        Figure::at_least("for-continuations", endless, 2),
    ];
    anstream::eprintln!("S19: over {pings} connections for pings, {settings} for settings");
    figures.extend(bystander.figures());
    figures.push(Figure::exactly("answers-afterwards", usize::from(answers(&socket).await), 1));
    figures
}

/// Says how others fare after this flood.
fn told(flood: &str, bystander: &Bystander) {
    let (late, _) = bystander.found();
    anstream::eprintln!("S19: answers within {late:?} after {flood}");
}

/// Sends so many frames, each with its number on its connection, over as many connections as that
/// takes; says how many.
async fn flood(socket: &Path, frames: u32, frame_of: impl Fn(u32) -> Vec<u8>) -> usize {
    let (mut connections, mut sent) = (0, 0);
    while sent < frames {
        let mut wire = Wire::connect(socket).await;
        connections += 1;
        let mut on_this = 0;
        while sent < frames {
            let batch: Vec<u8> = (on_this..on_this + BATCH).flat_map(&frame_of).collect();
            sent += BATCH;
            on_this += BATCH;
            if wire.flood(&batch).await.is_err() {
                break;
            }
        }
    }
    connections
}

/// Whether a new connection is answered.
async fn answers(socket: &Path) -> bool {
    let mut wire = Wire::connect(socket).await;
    wire.flood(&frame(PING, 0, 0, &[0; 8])).await.unwrap();
    wire.next(&[PING], 0).await.is_some()
}
