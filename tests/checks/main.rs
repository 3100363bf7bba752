//! The scorecard: promises as figures with a limit, each measured against the real daemon.
//!
//! Not a test that `cargo test` picks up by itself: `tests/scorecard` builds and runs it. One file
//! for each check; what a check is and how its line looks is in `check`.
#![expect(clippy::unwrap_used, reason = "a check that cannot go on fails where it stands")]

#[expect(dead_code, reason = "the tests in tests/broker need more of it")]
#[path = "../broker/rig.rs"]
mod broker_rig;
#[expect(dead_code, reason = "the tests in tests/broker need more of it")]
#[path = "../broker/clock.rs"]
mod clock;
#[expect(dead_code, reason = "the tests in tests/real need more of it")]
#[expect(unused_imports, reason = "its own tests do not run here")]
#[path = "../support/components.rs"]
mod components;
#[path = "../support/estate.rs"]
mod estate;
#[path = "../support/http.rs"]
mod http;
#[expect(dead_code, reason = "the tests in tests/real need more of it")]
#[path = "../support/installed.rs"]
mod installed;
#[expect(dead_code, reason = "the tests in tests/real need more of it")]
#[path = "../support/keyring.rs"]
mod keyring;
#[expect(dead_code, reason = "the tests in tests/broker need more of it")]
#[path = "../broker/login.rs"]
mod login;
#[expect(dead_code, reason = "the tests in tests/real need more of it")]
#[path = "../support/logind.rs"]
mod logind;
#[expect(dead_code, reason = "the tests in tests/real need more of it")]
#[path = "../support/message_bus.rs"]
mod message_bus;
#[expect(unused_imports, reason = "its own tests do not run here")]
#[path = "../support/process.rs"]
mod process;
#[expect(dead_code, reason = "the tests in tests/estate need more of it")]
#[path = "../estate/rig.rs"]
mod rig;
#[expect(dead_code, reason = "the tests in tests/estate need more of it")]
#[path = "../support/service_manager.rs"]
mod service_manager;
#[expect(dead_code, reason = "the tests in tests/real need more of it")]
#[path = "../support/user_session.rs"]
mod user_session;
#[expect(dead_code, reason = "the tests in tests/real need more of it")]
#[path = "../support/webdriver.rs"]
mod webdriver;

mod attacker;
mod bystander;
mod check;
mod clock_shim;
mod dice;
mod frames;
mod ledger;
mod machine;
mod refusals;
mod strangers;
mod tabs;
mod victim;
mod weakened;
mod wide;
mod wire;

mod attack_page;
mod canary;
mod clock_steps;
mod closed_memory;
mod copies;
mod degraded;
mod fan_out;
mod faults;
mod foreign_uid;
mod forged_callbacks;
mod forgery;
mod frame_floods;
mod full_house;
mod host_origin;
mod killed;
mod late_callbacks;
mod many_streams;
mod mix_up;
mod obstacles;
mod oversize;
mod peer_identity;
mod port_squatter;
mod sandbox;
mod single_flight;
mod sleep;
mod slow_senders;
mod weekend;

use std::process::ExitCode;

use check::Check;

/// All there are, in the order in which they run.
const CHECKS: &[Check] = &[
    Check {
        id: "S1",
        name: "forged-callbacks",
        long: false,
        run: || Box::pin(forged_callbacks::run()),
    },
    Check {
        id: "S2",
        name: "chromium-attack-page",
        long: true,
        run: || Box::pin(attack_page::run()),
    },
    Check { id: "S3", name: "foreign-uid", long: false, run: || Box::pin(foreign_uid::run()) },
    Check { id: "S4", name: "port-squatter", long: false, run: || Box::pin(port_squatter::run()) },
    Check { id: "S5", name: "mix-up", long: false, run: || Box::pin(mix_up::run()) },
    Check { id: "S6", name: "host-origin", long: false, run: || Box::pin(host_origin::run()) },
    Check { id: "S7", name: "single-flight", long: false, run: || Box::pin(single_flight::run()) },
    Check { id: "S8", name: "weekend", long: false, run: || Box::pin(weekend::run()) },
    Check {
        id: "S9",
        name: "late-callbacks",
        long: false,
        run: || Box::pin(late_callbacks::run()),
    },
    Check { id: "S11", name: "killed", long: false, run: || Box::pin(killed::run(40)) },
    Check { id: "S11x200", name: "killed", long: true, run: || Box::pin(killed::run(200)) },
    Check { id: "S12", name: "failing-disk", long: false, run: || Box::pin(faults::run(false)) },
    Check { id: "S12x4", name: "failing-disk", long: true, run: || Box::pin(faults::run(true)) },
    Check { id: "S13", name: "obstacles", long: false, run: || Box::pin(obstacles::run()) },
    Check { id: "S14", name: "canary", long: false, run: || Box::pin(canary::run()) },
    Check { id: "S15", name: "closed-memory", long: false, run: || Box::pin(closed_memory::run()) },
    Check { id: "S16", name: "copies", long: false, run: || Box::pin(copies::run()) },
    Check { id: "S17", name: "full-house", long: false, run: || Box::pin(full_house::run()) },
    Check {
        id: "S18",
        name: "many-streams",
        long: false,
        run: || Box::pin(many_streams::run(20_000)),
    },
    Check {
        id: "S18x5",
        name: "many-streams",
        long: true,
        run: || Box::pin(many_streams::run(100_000)),
    },
    Check { id: "S19", name: "frame-floods", long: false, run: || Box::pin(frame_floods::run(1)) },
    Check { id: "S19x5", name: "frame-floods", long: true, run: || Box::pin(frame_floods::run(5)) },
    Check { id: "S20", name: "slow-senders", long: false, run: || Box::pin(slow_senders::run()) },
    Check { id: "S21", name: "oversize", long: false, run: || Box::pin(oversize::run()) },
    Check { id: "S24", name: "clock-steps", long: false, run: || Box::pin(clock_steps::run()) },
    Check { id: "S25", name: "sleep", long: false, run: || Box::pin(sleep::run()) },
    Check { id: "S25-long", name: "long-stop", long: true, run: || Box::pin(sleep::run_long()) },
    Check {
        id: sleep::OF_A_MACHINE,
        name: "machine-sleep",
        long: true,
        run: || Box::pin(sleep::run_machine()),
    },
    Check { id: "S26", name: "degraded-worlds", long: false, run: || Box::pin(degraded::run()) },
    Check { id: "S27", name: "sandbox", long: false, run: || Box::pin(sandbox::run()) },
    Check { id: "S32", name: "peer-identity", long: false, run: || Box::pin(peer_identity::run()) },
    Check { id: "S36", name: "fan-out", long: false, run: || Box::pin(fan_out::run()) },
];

/// What the command line asks for.
enum Wish {
    List,
    Run(Vec<&'static Check>),
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match wish(&arguments) {
        Ok(Wish::List) => {
            for Check { id, name, long, .. } in CHECKS {
                anstream::println!("{id} {name}{}", if *long { " long" } else { "" });
            }
            ExitCode::SUCCESS
        }
        Ok(Wish::Run(checks)) => {
            // Each runs, whatever became of those before it.
            let failed = checks.into_iter().filter(|check| !check.passes()).count();
            if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(unknown) => {
            anstream::eprintln!("tests/scorecard: there is no check `{unknown}`; see --list");
            ExitCode::from(2)
        }
    }
}

/// Reads the arguments. Checks that take long run if they are named, or all are wanted.
fn wish(arguments: &[String]) -> Result<Wish, String> {
    let mut named = Vec::new();
    let mut long = false;
    for argument in arguments {
        match argument.as_str() {
            "--list" => return Ok(Wish::List),
            "--long" => long = true,
            id => named.push(CHECKS.iter().find(|check| check.id == id).ok_or(id)?),
        }
    }
    if named.is_empty() {
        named = CHECKS.iter().filter(|check| long || !check.long).collect();
    }
    Ok(Wish::Run(named))
}
