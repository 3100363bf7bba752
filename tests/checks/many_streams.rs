//! S18: a client that opens streams without end and leaves them open.

use std::path::Path;

use ucsso::rpc::{Limits, Pace};

use crate::{
    bystander::{Bystander, Usage, quiet_estate},
    check::Figure,
    frames::{END_HEADERS, HEADERS, PING, Wire, call, frame},
    wide::Wide,
};

/// What the daemon may grow by, in KiB.
const GROWTH: usize = 16 * 1024;
/// Streams that take more than that where nobody limits them.
const UNLIMITED: u32 = 20_000;

pub(crate) async fn run(streams: u32) -> Vec<Figure> {
    let estate = quiet_estate().await;
    let bystander = Bystander::of(&estate.home.socket()).await;
    let usage = Usage::of(&estate);
    let connections = open(&estate.home.socket(), streams).await;
    let mut figures = vec![
        Figure::at_most("grown-KiB", usage.grown(), GROWTH),
        Figure::at_least("connections-needed", connections, 1),
    ];
    figures.extend(bystander.figures());

    // The same against limits that are none, in this process.
    let pace = Pace { a_second: 1_000, at_once: 2 * UNLIMITED };
    let wide = Wide::serve(Limits { streams: UNLIMITED, pace, ..Limits::default() }).await;
    let usage = Usage::of_pid(std::process::id().cast_signed());
    open(&wide.socket, UNLIMITED).await;
    figures.push(Figure::at_least("unlimited-grown-KiB", usage.grown(), GROWTH));
    figures
}

/// Opens so many streams, over as many connections as that takes, and says how many did.
async fn open(socket: &Path, streams: u32) -> usize {
    let headers = call("TokenBroker/WatchToken", &[]);
    let (mut connections, mut opened) = (0, 0);
    while opened < streams {
        let mut wire = Wire::connect(socket).await;
        connections += 1;
        let mut id = 1;
        while opened < streams {
            let mut batch = Vec::new();
            for _ in 0..100 {
                batch.extend(frame(HEADERS, END_HEADERS, id, &headers));
                id += 2;
            }
            opened += 100;
            if wire.flood(&batch).await.is_err() {
                break;
            }
        }
        // The answer to this comes once all of it was read.
        let _ = wire.flood(&frame(PING, 0, 0, &[0; 8])).await;
        wire.next(&[PING], 0).await;
    }
    connections
}
