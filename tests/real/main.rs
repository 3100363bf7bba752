//! The programs that are not ours: a browser, a SAML identity provider, a desktop, gRPC
//! clients in other languages. One binary for all of them, so that what they share is compiled and linked once.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails where it stands")]

#[path = "../support/components.rs"]
mod components;
#[path = "../support/estate.rs"]
mod estate;
#[path = "../support/http.rs"]
mod http;
#[path = "../support/https_page.rs"]
mod https_page;
#[path = "../support/installed.rs"]
mod installed;
#[path = "../support/keyring.rs"]
mod keyring;
#[path = "../support/logind.rs"]
mod logind;
#[path = "../support/message_bus.rs"]
mod message_bus;
#[path = "../support/process.rs"]
mod process;
#[expect(dead_code, reason = "the tests in tests/estate need more of it")]
#[path = "../estate/rig.rs"]
mod rig;
#[path = "../support/simplesamlphp.rs"]
mod simplesamlphp;
#[path = "../support/user_session.rs"]
mod user_session;
#[path = "../support/webdriver.rs"]
mod webdriver;

mod browser;
mod chained;
mod chromium;
mod clients;
mod completions;
mod demo;
mod desktop;
mod foreign_idp;
mod hosted;
mod https_redirect;
mod identity_provider;
mod late_ipv6;
mod manual;
mod package;
mod sealed;
mod systemd;
