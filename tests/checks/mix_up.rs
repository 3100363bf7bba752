//! S5: cluster A has been taken over and sends the browser to B, where the human is logged in
//! silently, so that B's token comes back while the daemon waits for A's (RFC 9700 4.4).
//!
//! What stops it is that every cluster has a redirect path of its own and registers that alone.
//! A B that takes every redirect URI shows that it would go wrong.

use ucsso::lab::faults::{MixUp, RedirectMatch};

use crate::{
    check::Figure,
    estate::Estate,
    rig::estate,
    victim::Victim,
    wire::{self, exchange, port_of},
};

const RUNS: usize = 100;

/// The cluster that was taken over, and the one whose tokens it wants.
const A: &str = "hq";
const B: &str = "vm";

pub(crate) async fn run() -> Vec<Figure> {
    let estate = estate().await;
    estate.logged_in(B).await;
    let issued_before = estate.lab.counters().tokens_issued;

    let mut stored = 0;
    for run in 0..RUNS {
        // B's token is to come to A's own path, which B does not know, or to B's.
        let redirect_uri = (run % 2 == 1).then(|| estate.redirect_uri(B));
        let mix_up = MixUp { towards: B.into(), redirect_uri };
        estate.lab.behaviour().mix_ups.insert(A.into(), mix_up);
        stored += usize::from(is_stored_after_login(&estate).await);
    }
    let issued = estate.lab.counters().tokens_issued - issued_before;
    let refused = estate.lab.counters().authorize_refused;
    let disclosed = bearers_at_a(&estate);

    estate.lab.behaviour().redirect_match = RedirectMatch::Any;
    estate
        .lab
        .behaviour()
        .mix_ups
        .insert(A.into(), MixUp { towards: B.into(), redirect_uri: None });
    is_stored_after_login(&estate).await;

    vec![
        Figure::exactly("tokens-of-b", usize::try_from(issued).unwrap(), RUNS / 2),
        Figure::exactly("refused-by-b", usize::try_from(refused).unwrap(), RUNS / 2),
        Figure::exactly("stored-under-a", stored, 0),
        Figure::exactly("disclosed-to-a", disclosed, 0),
        Figure::at_least("disclosed-by-a-lax-b", bearers_at_a(&estate), 1),
    ]
}

/// Has the human log in to A, and does with whatever comes back what the landing page would do, and
/// more. Returns whether a token is then held for A.
async fn is_stored_after_login(estate: &Estate) -> bool {
    let victim = Victim::of(estate, A).await;
    if let Ok(arrival) = victim.arrival(&mut estate.walk("alice")).await {
        let fragment = arrival.url.fragment().unwrap().to_owned();
        let mut landing = arrival.url;
        landing.set_fragment(None);
        // A browser has A's nonce for A's path alone; this one has it everywhere.
        for nonce in ["", &victim.nonce] {
            let request = wire::delivery(landing.as_str(), nonce, &fragment);
            exchange(port_of(landing.as_str()), request.as_bytes(), false).await;
        }
    }
    let stored = estate.status_of(A).await["node"] != serde_json::Value::Null;
    estate.ctl_output(&["cancel", A]).await;
    stored
}

/// How many requests with a token A's nodes have seen. A has never issued one.
fn bearers_at_a(estate: &Estate) -> usize {
    let is_at_a = |node: &str| node.starts_with("cucm-");
    let seen = estate.lab.requests();
    seen.iter().filter(|seen| seen.has_bearer && is_at_a(seen.node)).count()
}
