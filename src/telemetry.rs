//! Where log lines go: to stderr, which systemd sends to its journal.
//!
//! `RUST_LOG` chooses what is said. Whatever it says, the libraries that see tokens go by are
//! held at `info`: below it they print headers and bodies. Called by `daemon`.

use tracing::{Level, Metadata};
use tracing_subscriber::{
    EnvFilter, Layer as _, filter::filter_fn, fmt, layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

/// Starts logging for this process. Does nothing the second time.
pub fn init() {
    let chosen = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .with_filter(filter_fn(may_speak));
    // The second caller keeps what the first has set up.
    let _ = tracing_subscriber::registry().with(chosen).with(lines).try_init();
}

/// Our own words at any level, those of libraries from `info` up.
fn may_speak(line: &Metadata<'_>) -> bool {
    let ours = line.target() == "ucsso" || line.target().starts_with("ucsso::");
    ours || *line.level() <= Level::INFO
}
