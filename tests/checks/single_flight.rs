//! S7: sixty-four programs that ask at once for a token that has expired, again and again, while
//! one human logs in. The broker, Cisco's side of it, the listener and the program that opens the
//! browser are the real ones; only the clock is moved by hand.

use std::{fs, path::Path, sync::Arc};

use tempfile::TempDir;
use tokio::{task::JoinSet, time::timeout};
use ucsso::{
    broker::{Broker, Interaction},
    browser::Opener,
    cisco::{CiscoLogin, Listeners},
    config::Config,
    domain::Policy,
    lab::{Lab, LabConfig, walk::Walk},
};

use crate::{
    broker_rig::{HOUR, ask, cluster},
    check::Figure,
    clock::ManualClock,
    process::{PATIENCE, free_port, until},
};

const PROGRAMS: usize = 64;
const ROUNDS: usize = 100;

pub(crate) async fn run() -> Vec<Figure> {
    let (lab, folder) =
        (Lab::start(LabConfig::default()).await.unwrap(), tempfile::tempdir().unwrap());
    let clock = ManualClock::new();
    let broker = broker(&lab, &folder, &clock);
    let opened = || -> Vec<String> {
        let text = fs::read_to_string(folder.path().join("opened")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    };
    let mut human = Walk::new(lab.ca_pem(), "alice", "alicepw").unwrap();
    let (mut crowded, mut differing, mut hung) = (0, 0, 0);

    for round in 1..=ROUNDS {
        let mut programs = JoinSet::new();
        for _ in 0..PROGRAMS {
            let hq = broker.cluster(&"hq".parse().unwrap()).unwrap();
            programs.spawn(async move { hq.token(ask(Interaction::IfNeeded)).await.unwrap() });
        }
        let start = until("a window opens", async || opened().get(round - 1).cloned()).await;
        let walked = human.login(&start.parse().unwrap()).await.unwrap();
        assert!(walked.ok, "{walked:?}");

        let mut tokens = Vec::new();
        while let Ok(Some(token)) = timeout(PATIENCE, programs.join_next()).await {
            tokens.push(token.unwrap().grant.secret.expose().to_owned());
        }
        hung += PROGRAMS - tokens.len();
        differing += tokens.iter().filter(|token| **token != tokens[0]).count();
        crowded += usize::from(opened().len() != round);
        // Nobody has asked for so long that the token is not renewed by itself.
        clock.advance(2 * HOUR);
    }

    vec![
        Figure::exactly("windows", opened().len(), ROUNDS),
        Figure::exactly("rounds-with-another-window", crowded, 0),
        Figure::exactly("differing-replies", differing, 0),
        Figure::exactly("hung", hung, 0),
    ]
}

/// A broker with one cluster of the lab, and a browser that writes down what it is to open.
fn broker(lab: &Lab, folder: &TempDir, clock: &ManualClock) -> Broker<ManualClock> {
    let ca_file = folder.path().join("ca.pem");
    fs::write(&ca_file, lab.ca_pem()).unwrap();
    let toml = lab.ucsso_toml(free_port(), &ca_file);
    let mut clusters = Config::parse(&toml, Path::new("lab.toml")).unwrap().clusters;
    let config = clusters.remove(&"hq".parse().unwrap()).unwrap();
    lab.allow_redirect("hq", &config.redirect.uri);

    let file = folder.path().join("opened").display().to_string();
    let writing = ["sh", "-c", "printf '%s\\n' \"$1\" >> \"$0\"", &file, "{url}"];
    let opener = Opener::new(Some(writing.map(str::to_owned).to_vec()));
    let login =
        CiscoLogin::new(Arc::new(config), clock.clone(), Listeners::default(), opener).unwrap();
    let broker = Broker::new(clock.clone());
    broker.add(cluster("hq"), Policy::default(), login);
    broker
}
