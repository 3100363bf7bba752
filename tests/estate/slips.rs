//! A thousand configurations in which a hand slipped, read while the daemon serves.

use std::future::pending;

use tokio::time::timeout;
use tonic::{Response, Status};
use ucsso::rpc::{
    client::{self, Client},
    proto::{Interaction, ReloadRequest, ReloadResponse},
};

use crate::rig::estate;

#[tokio::test]
async fn a_thousand_mutated_configurations_do_not_keep_it_from_serving() {
    let estate = estate().await;
    let good = estate.configuration();
    let (broker, mut dice) = (estate.client().await, 0x2545_f491_4f6c_dd1d_u64);
    let (mut taken, mut refused) = (0, 0);

    for _ in 0..1000 {
        estate.home.configure(&mutated(&good, &mut dice));
        match reload(&broker).await {
            Ok(_) => taken += 1,
            Err(status) => {
                let reason = client::reason(&status).unwrap();
                assert!(reason.starts_with("CONFIG_"), "{status}");
                refused += 1;
            }
        }
    }

    assert!(taken > 50 && refused > 50, "{taken} were taken, {refused} refused");
    estate.reload(&good).await;
    estate.logged_in("hq").await;
    estate.get_token("hq", Interaction::Never).await.unwrap();
    assert!(!estate.daemon.output().contains("panicked"));
}

/// Has the daemon read its configuration again, at the pace at which a program may call.
async fn reload(broker: &Client) -> Result<ReloadResponse, Status> {
    loop {
        let outcome = broker.admin().reload(ReloadRequest {}).await;
        let Some(delay) = outcome.as_ref().err().and_then(client::retry_delay) else {
            return outcome.map(Response::into_inner);
        };
        let _ = timeout(delay, pending::<()>()).await;
    }
}

/// The text with one to three places damaged, as a hand that slips does it.
fn mutated(text: &str, dice: &mut u64) -> String {
    let mut roll = |sides: usize| {
        // Marsaglia's xorshift: the same sequence in each run.
        *dice ^= *dice << 13;
        *dice ^= *dice >> 7;
        *dice ^= *dice << 17;
        usize::try_from(*dice % u64::try_from(sides).unwrap()).unwrap()
    };
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for _ in 0..=roll(2) {
        let at = roll(lines.len());
        let line = lines[at].clone();
        match roll(6) {
            0 => drop(lines.remove(at)),
            1 => lines.insert(at, line),
            2 => lines.swap(at, 0),
            3 => lines[at] = line.replace("alice", "bob").replace("/cb/", "/cb/x"),
            4 => lines
                .insert(at, ["renew = \"ahead\"", "snooze = \"2h\"", "state = 1"][roll(3)].into()),
            _ if line.is_empty() => {}
            _ => {
                let place = line.floor_char_boundary(roll(line.len()));
                let odd = ["\"", "[", "\u{0}", "=", "ü", "{url}", "\\", " "][roll(8)];
                lines[at] = format!("{}{odd}{}", &line[..place], &line[place..]);
            }
        }
    }
    lines.join("\n")
}
