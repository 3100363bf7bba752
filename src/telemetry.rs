//! Where log lines go: to the journal where systemd has it at stderr, with their fields as fields,
//! and to stderr elsewhere.
//!
//! `RUST_LOG` chooses what is said. Whatever it says, the libraries that see tokens go by are
//! held at `info`: below it they print headers and bodies. Called by `daemon`.

use std::{env, ffi::OsStr, io};

use rustix::fs::{Stat, fstat};
use tracing::{Level, Metadata, Subscriber, warn};
use tracing_subscriber::{
    EnvFilter, Layer, filter::filter_fn, fmt, layer::SubscriberExt as _, registry::LookupSpan,
    util::SubscriberInitExt as _,
};

/// What the fields of a line begin with in the journal: `UCSSO_CLUSTER=hq`.
const PREFIX: &str = "UCSSO";

/// Starts logging for this process. Does nothing the second time.
pub fn init() {
    let chosen = env::var("RUST_LOG").unwrap_or_default();
    let filter = EnvFilter::builder().parse(&chosen);
    let wrong = filter.as_ref().err().map(ToString::to_string);
    let filter = filter.ok().filter(|_| !chosen.is_empty());
    let filter = filter.unwrap_or_else(|| EnvFilter::new("info"));
    let lines = sink().with_filter(filter_fn(may_speak));
    // The second caller keeps what the first has set up.
    let begun = tracing_subscriber::registry().with(filter).with(lines).try_init().is_ok();
    if let Some(error) = wrong.filter(|_| begun) {
        warn!(%error, "`RUST_LOG` is not understood; `info` is used");
    }
}

fn sink<S: Subscriber + for<'a> LookupSpan<'a>>() -> Box<dyn Layer<S> + Send + Sync> {
    if let Some(stream) = env::var_os("JOURNAL_STREAM")
        && fstat(io::stderr()).is_ok_and(|stderr| is_journal(&stream, &stderr))
        && let Ok(journal) = tracing_journald::layer()
    {
        return Box::new(journal.with_field_prefix(Some(PREFIX.to_owned())));
    }
    let colours = io::IsTerminal::is_terminal(&io::stderr());
    Box::new(fmt::layer().with_writer(io::stderr).with_ansi(colours))
}

/// Whether this is what systemd says that the journal is (systemd.exec(5), `$JOURNAL_STREAM`). A
/// child of a service inherits the variable with a stderr of its own.
fn is_journal(stream: &OsStr, stderr: &Stat) -> bool {
    *stream == *format!("{}:{}", stderr.st_dev, stderr.st_ino)
}

/// Our own words at any level, those of libraries from `info` up.
fn may_speak(line: &Metadata<'_>) -> bool {
    let ours = line.target() == "ucsso" || line.target().starts_with("ucsso::");
    ours || *line.level() <= Level::INFO
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    #[test]
    fn the_journal_is_where_stderr_is_what_systemd_says() {
        let stderr = fstat(File::open("/dev/null").unwrap()).unwrap();
        let named = format!("{}:{}", stderr.st_dev, stderr.st_ino);

        assert!(is_journal(OsStr::new(&named), &stderr));
        for other in ["", ":", "1:2", &format!("{named}0"), &format!(" {named}")] {
            assert!(!is_journal(OsStr::new(other), &stderr), "{other}");
        }
    }
}
