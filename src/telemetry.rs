//! Where log lines go: to the journal where systemd has it at stderr, with their fields as fields,
//! and to stderr elsewhere.
//!
//! `RUST_LOG` chooses what is said, until [`Filter::set`] does. Whatever they say, the libraries that
//! see tokens go by are held at `info`: below it they print headers and bodies. That is outside of
//! what can be chosen, and no filter lifts it. Called by `daemon`.

use std::{
    env,
    ffi::{OsStr, OsString},
    io,
    sync::{Mutex, PoisonError},
};

use rustix::fs::{Stat, fstat};
use tracing::{Level, Metadata, Subscriber, warn};
use tracing_subscriber::{
    EnvFilter, Layer, Registry,
    filter::filter_fn,
    fmt,
    layer::{Layered, SubscriberExt as _},
    registry::LookupSpan,
    reload,
    util::SubscriberInitExt as _,
};

/// What the fields of a line begin with in the journal: `UCSSO_CLUSTER=hq`.
const PREFIX: &str = "UCSSO";
/// What is said unless somebody wishes otherwise.
const DEFAULT: &str = "info";
/// The longest filter that is taken from a caller, in bytes.
const LONGEST: usize = 1024;
/// How much of a directive an error repeats, in characters.
const QUOTED: usize = 64;

/// Chooses which lines are said, while the process runs.
#[derive(Debug)]
pub struct Filter {
    chosen: reload::Handle<EnvFilter, Registry>,
    at_start: String,
    now: Mutex<String>,
}

/// A filter in the place of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What was in force.
    pub before: String,
    /// What is in force after it.
    pub now: String,
}

/// Why a filter is not taken.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A part of it is not understood.
    #[error("`{directive}` is no part of a log filter: {flaw}")]
    Directive {
        /// The beginning of that part.
        directive: String,
        /// What is wrong with it.
        flaw: String,
    },
    /// It is too long.
    #[error("a log filter has at most {LONGEST} bytes")]
    TooLong,
    /// It is no text.
    #[error("it is not UTF-8")]
    NotText,
    /// Something else than this filter chooses what this process says.
    #[error("the log of this process does not go by a filter")]
    Elsewhere,
}

/// Starts logging for this process. The second time it does nothing, and the filter it returns has
/// no effect.
pub fn init() -> Filter {
    let (at_start, chosen, wrong) = of_environment(env::var_os("RUST_LOG").unwrap_or_default());
    let (subscriber, filter) = capped(sink(), at_start, chosen);
    let begun = subscriber.try_init().is_ok();
    if let Some(error) = wrong.filter(|_| begun) {
        warn!(%error, "`RUST_LOG` is not understood; `{DEFAULT}` is used");
    }
    filter
}

impl Filter {
    /// Lets through what this filter says, or what the filter of the start said if it is empty. What
    /// that changes is announced just before it does.
    pub fn set(&self, text: &str, announce: impl FnOnce(&Change)) -> Result<Change, Error> {
        if text.len() > LONGEST {
            return Err(Error::TooLong);
        }
        let (text, chosen) = match parse(text)? {
            (text, _) if text.is_empty() => parse(&self.at_start)?,
            parsed => parsed,
        };
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        let change = Change { before: now.clone(), now: text };
        announce(&change);
        self.chosen.reload(chosen).map_err(|_| Error::Elsewhere)?;
        now.clone_from(&change.now);
        Ok(change)
    }
}

/// The filter of the start, and what is wrong with the one that was wished for.
fn of_environment(wished: OsString) -> (String, EnvFilter, Option<Error>) {
    let parsed = wished.into_string().map_err(|_| Error::NotText).and_then(|text| parse(&text));
    let default = || (DEFAULT.to_owned(), EnvFilter::new(DEFAULT));
    let ((text, filter), wrong) = match parsed {
        Ok((text, _)) if text.is_empty() => (default(), None),
        Ok(parsed) => (parsed, None),
        Err(error) => (default(), Some(error)),
    };
    (text, filter, wrong)
}

/// A filter, and how it is spelled. Its parts are parsed one by one, so that an error can name the
/// one that is wrong, and without the blanks around them: the parser counts as if there were none.
/// A value is compared and not matched: a pattern of a hundred bytes can take minutes to compile.
fn parse(text: &str) -> Result<(String, EnvFilter), Error> {
    let grammar = EnvFilter::builder().with_regex(false);
    let parts: Vec<_> = text.split(',').map(str::trim).filter(|part| !part.is_empty()).collect();
    let parsed = |part: &str| {
        grammar.parse(part).map_err(|error| Error::Directive {
            directive: part.chars().take(QUOTED).collect(),
            flaw: error.to_string(),
        })
    };
    for part in &parts {
        parsed(part)?;
    }
    let text = parts.join(",");
    let filter = parsed(&text)?;
    Ok((text, filter))
}

/// What chooses, and nothing that is said yet.
type Chosen = Layered<reload::Layer<EnvFilter, Registry>, Registry>;

/// Says what is chosen, as far as it may be said at all.
fn capped(
    sink: Box<dyn Layer<Chosen> + Send + Sync>,
    at_start: String,
    chosen: EnvFilter,
) -> (impl Subscriber + Send + Sync, Filter) {
    let (layer, chosen) = reload::Layer::new(chosen);
    let lines = sink.with_filter(filter_fn(may_speak));
    let subscriber = tracing_subscriber::registry().with(layer).with(lines);
    let now = Mutex::new(at_start.clone());
    (subscriber, Filter { chosen, at_start, now })
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
    use std::{fs::File, os::unix::ffi::OsStringExt as _, sync::Arc};

    use tracing::{debug, info, trace};

    use super::*;

    /// A writer that keeps what is written.
    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Kept {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(line)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What is said under each of these filters, one after another, by ourselves and by a library.
    fn said(filters: &[&str]) -> Vec<String> {
        let kept = Kept::default();
        let writer = kept.clone();
        let sink = fmt::layer().without_time().with_ansi(false).with_writer(move || writer.clone());
        let (at_start, chosen, _) = of_environment("error".into());
        let (subscriber, filter) = capped(Box::new(sink), at_start, chosen);
        tracing::subscriber::with_default(subscriber, || {
            let said = filters.iter().map(|text| {
                filter.set(text, |_| ()).unwrap();
                kept.0.lock().unwrap().clear();
                trace!(target: "ucsso::rpc", "ours");
                debug!(target: "hyper", "authorization: Bearer canary");
                trace!(target: "ucsso_of_another", "canary");
                info!(target: "hyper", "theirs");
                String::from_utf8(kept.0.lock().unwrap().clone()).unwrap()
            });
            said.collect()
        })
    }

    fn refusal(text: &str) -> String {
        let (_, filter) = capped(Box::new(fmt::layer()), DEFAULT.into(), EnvFilter::new(DEFAULT));
        let refused = filter.set(text, |change| panic!("announced: {change:?}")).unwrap_err();
        assert_eq!(*filter.now.lock().unwrap(), DEFAULT, "nothing has changed");
        refused.to_string()
    }

    #[test]
    fn a_filter_has_effect_at_once_and_an_empty_one_brings_back_the_start() {
        let said = said(&["trace", "ucsso=info,hyper=off", "trace", "off", " , "]);

        let all = "TRACE ucsso::rpc: ours\n INFO hyper: theirs\n";
        assert_eq!(said, [all, "", all, "", ""]);
    }

    #[test]
    fn no_filter_lets_a_library_say_more_than_info() {
        for filter in ["trace", "hyper=trace", "hyper", "ucsso_of_another=5,5", "[{message}]=trace"]
        {
            let said = said(&[filter]).concat();

            assert!(!said.contains("canary"), "{filter}: {said}");
        }
    }

    #[test]
    fn a_change_is_announced_before_it_has_effect() {
        let (subscriber, filter) =
            capped(Box::new(fmt::layer()), DEFAULT.into(), EnvFilter::new(DEFAULT));
        tracing::subscriber::with_default(subscriber, || {
            let heard = |_: &Change| assert!(tracing::enabled!(Level::INFO));
            filter.set("off", heard).unwrap();
            assert!(!tracing::enabled!(Level::INFO));

            let change = filter.set(" ucsso=debug, , info ", |_| ()).unwrap();

            assert_eq!((&*change.before, &*change.now), ("off", "ucsso=debug,info"));
            assert!(tracing::enabled!(Level::INFO));
        });
    }

    #[test]
    fn a_filter_that_is_wrong_is_refused_by_the_part_that_is() {
        for (text, part) in [
            ("info,ucsso=loud", "`ucsso=loud` is no part of a log filter: error parsing level"),
            ("[", "`[` is no part of a log filter: invalid filter directive"),
            ("debug,!", "`!` is no part"),
            (&"a=b".repeat(100), &format!("`{}a` is no part", "a=b".repeat(21))),
            (&"a".repeat(1025), "a log filter has at most 1024 bytes"),
        ] {
            let refused = refusal(text);

            assert!(refused.starts_with(part), "{text}: {refused}");
        }
    }

    #[test]
    fn blanks_of_any_width_are_no_part_of_a_filter() {
        assert_eq!(parse("\u{3000}info,\u{3000}a=debug\u{2003}").unwrap().0, "info,a=debug");
    }

    #[test]
    fn a_value_is_no_pattern() {
        let pattern_or_not = parse("[{cluster=(}]=trace");

        assert!(pattern_or_not.is_ok(), "{pattern_or_not:?}");
    }

    #[test]
    fn a_variable_that_is_of_no_use_is_told() {
        let wrong = OsString::from_vec(b"debug\xff".to_vec());

        let (text, _, error) = of_environment(wrong);
        let (of_empty, _, no_error) = of_environment(" ".into());

        assert_eq!((&*text, &*of_empty), (DEFAULT, DEFAULT));
        assert_eq!(error.unwrap().to_string(), "it is not UTF-8");
        assert!(no_error.is_none());
    }

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
