//! Reads spanned TOML by hand and goes on after each problem.
//!
//! A derived `Deserialize` stops at the first thing it does not like; an operator wants to hear
//! of all of them. Knows TOML and the collecting of problems, and no key of ours. Only `file` and
//! `cluster` call it.

use std::{borrow::Cow, ops::Range};

use toml::de::{DeTable, DeValue};

use super::{problem::Problem, value::Wrong};

/// What was found so far.
#[derive(Debug, Default)]
pub(super) struct Report {
    /// Values that are wrong in themselves.
    pub(super) values: Vec<Problem>,
    /// What is missing, unknown or at odds with something else. Where the text is no TOML, these
    /// are echoes of that.
    pub(super) shape: Vec<Problem>,
}

/// A value and where it was found.
#[derive(Debug, Clone)]
pub(super) struct Entry<'a, 't> {
    /// The key from the root on.
    pub(super) key: String,
    /// The place of the value.
    pub(super) span: Range<usize>,
    value: &'a DeValue<'t>,
}

/// A table that is being read: what is not asked for by the end is unknown.
#[derive(Debug)]
pub(super) struct Reader<'a, 't> {
    key: String,
    span: Range<usize>,
    table: &'a DeTable<'t>,
    asked: Vec<&'static str>,
}

impl Report {
    /// Notes that `entry` is wrong.
    pub(super) fn wrong(&mut self, entry: &Entry<'_, '_>, wrong: Wrong) {
        self.values.push(wrong.at(&entry.key, entry.span.clone()));
    }

    /// Whether nothing was found.
    pub(super) const fn is_empty(&self) -> bool {
        self.values.is_empty() && self.shape.is_empty()
    }
}

impl<'a, 't> Entry<'a, 't> {
    /// The value as text.
    pub(super) fn text(&self, report: &mut Report) -> Option<&'a str> {
        let text = self.value.as_str();
        if text.is_none() {
            report.wrong(self, self.not_a("a text in quotes"));
        }
        text
    }

    /// The value as a list of texts.
    pub(super) fn texts(&self, report: &mut Report) -> Option<Vec<(Self, &'a str)>> {
        let Some(array) = self.value.as_array() else {
            report.wrong(self, self.not_a("a list, `[\"…\", \"…\"]`"));
            return None;
        };
        let entries = array.iter().enumerate().map(|(at, item)| Self {
            key: format!("{}[{at}]", self.key),
            span: item.span(),
            value: item.get_ref(),
        });
        let texts = entries.filter_map(|entry| entry.text(report).map(|text| (entry, text)));
        Some(texts.collect())
    }

    /// The value as a table. `span` is where a key that it lacks is reported.
    pub(super) fn table(&self, span: Range<usize>, report: &mut Report) -> Option<Reader<'a, 't>> {
        let Some(table) = self.value.as_table() else {
            report.wrong(self, self.not_a("a table"));
            return None;
        };
        Some(Reader::new(self.key.clone(), span, table))
    }

    /// Whether the value is a table.
    pub(super) fn is_table(&self) -> bool {
        self.value.is_table()
    }

    fn not_a(&self, wanted: &str) -> Wrong {
        Wrong::new(format!("this is a TOML {}", self.value.type_str()), format!("write {wanted}"))
    }
}

impl<'a, 't> Reader<'a, 't> {
    /// Begins to read a table. `key` is empty for the root.
    pub(super) const fn new(key: String, span: Range<usize>, table: &'a DeTable<'t>) -> Self {
        Self { key, span, table, asked: Vec::new() }
    }

    /// Where a key that this table lacks is reported.
    pub(super) fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// The place of the value of a key, if it is there.
    pub(super) fn place_of(&self, key: &str) -> Option<Range<usize>> {
        self.table.get(key).map(toml::Spanned::span)
    }

    /// The value of a key, if it is there.
    pub(super) fn entry(&mut self, key: &'static str) -> Option<Entry<'a, 't>> {
        self.asked.push(key);
        let value = self.table.get(key)?;
        Some(Entry { key: self.path(key), span: value.span(), value: value.get_ref() })
    }

    /// The value of a key that has to be there.
    pub(super) fn required(
        &mut self,
        key: &'static str,
        help: &str,
        report: &mut Report,
    ) -> Option<Entry<'a, 't>> {
        let entry = self.entry(key);
        if entry.is_none() {
            let missing = Wrong::new(format!("`{key}` is missing"), help);
            report.shape.push(missing.at(&self.key, self.span()));
        }
        entry
    }

    /// The text of a key through `parse`: nothing if it is not there, or wrong and so reported.
    pub(super) fn parsed<T>(
        &mut self,
        key: &'static str,
        report: &mut Report,
        parse: impl FnOnce(&str) -> Result<T, Wrong>,
    ) -> Option<T> {
        let entry = self.entry(key)?;
        let parsed = parse(entry.text(report)?);
        parsed.map_err(|wrong| report.wrong(&entry, wrong)).ok()
    }

    /// All keys with their values, in the order in which they are written. Where the keys are the
    /// operator's own, none of them is unknown.
    pub(super) fn entries(&self) -> Vec<(Entry<'a, 't>, &'a str, Range<usize>)> {
        let mut entries: Vec<_> = self
            .table
            .iter()
            .map(|(key, value)| {
                let entry = Entry {
                    key: self.path(key.get_ref()),
                    span: value.span(),
                    value: value.get_ref(),
                };
                (entry, key.get_ref().as_ref(), key.span())
            })
            .collect();
        entries.sort_by_key(|(_, _, span)| span.start);
        entries
    }

    /// Reports every key that nobody asked for.
    pub(super) fn finish(self, report: &mut Report) {
        for (key, value) in self.table {
            if self.asked.iter().any(|asked| asked == key.get_ref()) {
                continue;
            }
            let help = match nearest(key.get_ref(), self.asked.iter().copied()) {
                Some(nearest) => format!("did you mean `{nearest}`?"),
                None if value.get_ref().is_table() && self.key.starts_with("clusters.") => {
                    "the name of a cluster that has a dot in it is written in quotes: \
                     `[clusters.\"a.b\"]`"
                        .to_owned()
                }
                None => format!("one of these: {}", self.asked.join(", ")),
            };
            let unknown = Wrong::new("this key is not known", help);
            report.shape.push(unknown.at(&self.path(key.get_ref()), key.span()));
        }
    }

    fn path(&self, key: &str) -> String {
        let bare = !key.is_empty()
            && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
        let key: Cow<'_, str> =
            if bare { key.into() } else { format!("\"{}\"", key.escape_debug()).into() };
        if self.key.is_empty() { key.into_owned() } else { format!("{}.{key}", self.key) }
    }
}

/// The word that somebody may have meant.
pub(super) fn nearest<'a>(written: &str, words: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    words
        .map(|word| (strsim::jaro_winkler(written, word), word))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, word)| word)
}
