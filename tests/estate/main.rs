//! Bad and unusual input, end to end: the lab in this process, the real daemon, the real command
//! line, and the lab's scripted walk in the place of a browser.
//!
//! Each test says which code the command ended with, what it said, and what became of a token
//! that was held. It needs nothing installed but systemd's tool that passes
//! sockets; the real browser is in `tests/real`.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails where it stands")]

#[expect(dead_code, reason = "the tests in tests/real need more of it")]
#[path = "../support/components.rs"]
mod components;
#[path = "../support/estate.rs"]
mod estate;
#[path = "../support/http.rs"]
mod http;
#[path = "../support/process.rs"]
mod process;
mod rig;
#[expect(dead_code, reason = "the checks need more of it")]
#[path = "../support/service_manager.rs"]
mod service_manager;

mod activation;
mod addresses;
mod answers;
mod asking;
mod audit;
mod browsers;
mod callers;
mod certificates;
mod configuration;
mod daemon;
mod https_redirect;
mod humans;
mod log_filter;
mod nodes;
mod notified;
mod pasted;
mod ports;
mod refusals;
mod reload;
mod scripts;
mod secrets;
mod shared_redirect;
mod slips;
mod survival;
mod tokens;
mod unregistered;
#[expect(dead_code, reason = "the checks in tests/checks need more of it")]
#[path = "../checks/victim.rs"]
mod victim;
#[expect(dead_code, reason = "the checks in tests/checks need more of it")]
#[path = "../checks/wire.rs"]
mod wire;
