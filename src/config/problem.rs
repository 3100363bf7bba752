//! What is wrong with the text of a configuration, and where.
//!
//! Every problem has its key, its place and what to write instead. They are collected, sorted by
//! place and shown together, in the manner of a compiler. Only `config` makes them; `ctl` and
//! `daemon` print them.

use std::{
    fmt,
    ops::Range,
    path::{Path, PathBuf},
};

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet, normalize_untrusted_str};

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The key, `clusters.hq.nodes[1]` for example. Empty where the text is no TOML.
    pub key: String,
    /// Where it is, in bytes of the text.
    pub span: Range<usize>,
    /// What is wrong: a lower-case fragment without a full stop.
    pub message: String,
    /// What to write instead. Empty where there is nothing to say.
    pub help: String,
}

/// All that is wrong with one text, in the order of the places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems {
    origin: PathBuf,
    text: String,
    list: Vec<Problem>,
}

/// In place of those that do not fit.
const MORE: &str = "and more: `ucssoctl config check` shows all of them\n";

impl Problems {
    /// Takes what was found in `text`, which came from `origin`.
    pub(super) fn new(origin: &Path, text: &str, mut list: Vec<Problem>) -> Self {
        list.sort_by_key(|problem| (problem.span.start, problem.span.end));
        Self { origin: origin.to_owned(), text: text.to_owned(), list }
    }

    /// The problems, in the order of their places.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Problem> {
        self.list.iter()
    }

    /// All problems with the lines they are on, and how many there are. With `styled`, in colour.
    #[must_use]
    pub fn render(&self, styled: bool) -> String {
        let renderer = if styled { Renderer::styled() } else { Renderer::plain() };
        let origin = self.origin.display().to_string();
        let mut out = String::new();
        for problem in &self.list {
            out.push_str(&renderer.render(&[self.group(problem, &origin)]));
            out.push_str("\n\n");
        }
        out.push_str(&self.to_string());
        out
    }

    /// The first problems with the lines they are on, as many as fit into so many bytes.
    #[must_use]
    pub fn render_within(&self, bytes: usize) -> String {
        let renderer = Renderer::plain();
        let origin = self.origin.display().to_string();
        let mut out = String::new();
        for problem in &self.list {
            let one = renderer.render(&[self.group(problem, &origin)]);
            if out.len() + one.len() + MORE.len() + 2 > bytes {
                out.push_str(MORE);
                break;
            }
            out.extend([&one, "\n\n"]);
        }
        out
    }

    /// A problem with its line and what mends it, on one line.
    #[must_use]
    pub fn one_line(&self, problem: &Problem) -> String {
        let before = &self.text[..problem.span.start.min(self.text.len())];
        let line = before.matches('\n').count() + 1;
        let Problem { key, message, help, .. } = problem;
        let mut out = format!("{}:{line}: ", self.origin.display());
        if !key.is_empty() {
            out.extend([key, ": "]);
        }
        out.push_str(message);
        if !help.is_empty() {
            out.extend(["; ", help]);
        }
        out.replace('\n', " ")
    }

    fn group<'a>(&'a self, problem: &'a Problem, origin: &'a str) -> Group<'a> {
        let separator = if problem.key.is_empty() { "" } else { ": " };
        let title = format!("{}{separator}{}", problem.key, problem.message);
        let snippet = Snippet::source(&self.text)
            .path(origin)
            .annotation(AnnotationKind::Primary.span(problem.span.clone()));
        let group = Group::with_title(Level::ERROR.primary_title(title)).element(snippet);
        if problem.help.is_empty() {
            return group;
        }
        group.element(Level::HELP.message(normalize_untrusted_str(&problem.help)))
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.list.len();
        let plural = if count == 1 { "" } else { "s" };
        write!(f, "{count} problem{plural} in `{}`", self.origin.display())
    }
}

impl std::error::Error for Problems {}
