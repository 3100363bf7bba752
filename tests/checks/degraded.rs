//! S26: the daemon where something is missing that a desktop has. It is ready, or says what to do,
//! and no call takes long.

mod cells;
mod world;

use std::{collections::BTreeMap, time::Duration};

use ucsso::lab::{Lab, LabConfig};

use self::{
    cells::{CELLS, Cell, Outcome},
    world::{Began, Said, World},
};
use crate::{
    check::Figure,
    process::{Process, free_port},
};

/// How soon the daemon answers, or says why not.
const START: Duration = Duration::from_secs(3);

/// How soon whatever is asked of it is answered.
const CALL: Duration = Duration::from_secs(5);

pub(crate) async fn run() -> Vec<Figure> {
    let redirect_port = free_port();
    let registered = |cluster| vec![format!("http://127.0.0.1:{redirect_port}/cb/{cluster}")];
    let redirect_uris = BTreeMap::from(["hq", "vm"].map(|name| (name, registered(name))));
    let lab = Lab::start(LabConfig { redirect_uris, ..LabConfig::default() }).await.unwrap();

    let mut tally = Tally::default();
    for cell in CELLS {
        tally.enter(cell, World::new(&lab, redirect_port)).await;
    }
    vec![
        Figure::exactly("cells", CELLS.len(), 14),
        Figure::exactly("ready", tally.ready, 12),
        Figure::exactly("told", tally.told, 2),
        Figure::exactly("unsaid", tally.unsaid, 0),
        Figure::sooner("slowest-start", tally.slowest_start, START),
        Figure::sooner("slowest-call", tally.slowest_call, CALL),
        Figure::exactly("broken-worlds-noticed", controls(&lab, redirect_port).await, 2),
    ]
}

/// What has to be noticed for the rest to mean anything: a daemon that is late, and one without a
/// configuration.
async fn controls(lab: &Lab, redirect_port: u16) -> usize {
    let mut late = World::new(lab, redirect_port);
    late.inside("sleep 3.1");
    let mut unconfigured = World::new(lab, redirect_port);
    unconfigured.config.clear();
    let late = late.start().await.took() >= START;
    let told = match unconfigured.start().await {
        Began::Ended { code, said, .. } => code == Some(1) && said.contains("ucssoctl config init"),
        Began::Answers { .. } => false,
    };
    [late, told].into_iter().filter(|noticed| *noticed).count()
}

#[derive(Default)]
struct Tally {
    ready: usize,
    told: usize,
    /// What should have been said and was not.
    unsaid: usize,
    slowest_start: Duration,
    slowest_call: Duration,
}

impl Tally {
    async fn enter(&mut self, cell: &Cell, mut world: World) {
        (cell.degrade)(&mut world);
        world.furnish().await;
        let began = world.start().await;
        anstream::eprintln!("{}: {}", cell.name, began.shown());
        self.slowest_start = self.slowest_start.max(began.took());
        match (began, &cell.outcome) {
            (Began::Ended { code: Some(1), said, .. }, Outcome::Told(words)) => {
                self.told += 1;
                self.expect(cell, &said, words);
                let said = self.call(cell, &world, &["status"]).await;
                self.expect(cell, &said, words);
            }
            (Began::Answers { daemon, .. }, Outcome::Ready(answers)) => {
                self.ask(cell, &world, answers).await;
                self.stop(cell, &world, daemon).await;
            }
            (Began::Answers { daemon, .. }, Outcome::Complains(words)) => {
                self.ask(cell, &world, cells::WORKS).await;
                let said = self.stop(cell, &world, daemon).await;
                self.expect(cell, &said, words);
            }
            _ => {}
        }
    }

    /// Asks a daemon that is ready all of this.
    async fn ask(&mut self, cell: &Cell, world: &World, answers: &[(&str, &[&str])]) {
        self.ready += 1;
        for (line, words) in answers {
            let line: Vec<_> = line.split(' ').collect();
            let said = self.call(cell, world, &line).await;
            self.expect(cell, &said, words);
        }
    }

    /// Ends it, and returns all that it has said.
    async fn stop(&mut self, cell: &Cell, world: &World, daemon: Process) -> String {
        let Said { took, text } = world.stop(daemon).await;
        anstream::eprintln!("{}: ended after {took:?}\n{text}", cell.name);
        self.slowest_call = self.slowest_call.max(took);
        text
    }

    /// Has something asked, and returns what was answered.
    async fn call(&mut self, cell: &Cell, world: &World, line: &[&str]) -> String {
        let Said { took, text } = world.ask(line).await;
        anstream::eprintln!("{}: ucssoctl {}: {took:?}\n{text}", cell.name, line.join(" "));
        self.slowest_call = self.slowest_call.max(took);
        text
    }

    fn expect(&mut self, cell: &Cell, said: &str, words: &[&str]) {
        // Where a line ends is nothing that anybody counts on.
        let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
        for word in words.iter().filter(|word| !said.contains(**word)) {
            anstream::eprintln!("{}: `{word}` was not said", cell.name);
            self.unsaid += 1;
        }
    }
}
