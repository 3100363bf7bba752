//! The status as a picture in text.
//!
//! One block a cluster: a line to see at a glance, and below it, fainter, what one reads second.
//! It fits the columns that there are; without a terminal it is plain, aligned and stable. The
//! time and the canvas are arguments, so every picture can be tested.

mod layout;
#[cfg(test)]
mod tests;
mod words;

use std::time::Duration;

use anstyle::Style;
use jiff::Zoned;

use self::{
    layout::{BAD, BUSY, Block, FAINT, GOOD, STRONG, WANTING, bar, styled, width},
    words::{Left, Mood, Words},
};
use super::{moment, terminal::Canvas};
use crate::rpc::proto::{ClusterState, ClusterStatus, GetStatusResponse, ServerStatus};

/// A status and what it is seen on.
#[derive(Debug)]
pub(super) struct View<'a> {
    /// What the daemon said.
    pub(super) status: &'a GetStatusResponse,
    /// How long ago it said so.
    pub(super) elapsed: Duration,
    /// The time now.
    pub(super) now: &'a Zoned,
    /// What it is drawn on.
    pub(super) canvas: Canvas,
}

/// The widths of the columns of the first lines.
#[derive(Debug, Clone, Copy)]
struct Columns {
    name: usize,
    state: usize,
    /// Zero where there is no room for the time left.
    left: usize,
    /// Zero where there is no room for the moment of expiry.
    until: usize,
    /// Nothing where there is no room for a bar.
    bar: Option<usize>,
}

impl View<'_> {
    /// The whole picture, each line with its end.
    pub(super) fn draw(&self) -> String {
        let clusters: Vec<_> = self
            .status
            .clusters
            .iter()
            .map(|status| (status.cluster.as_str(), words::of(status, self.elapsed, self.now)))
            .collect();
        let columns = self.columns(&clusters);
        let mut out = self.head();
        for (name, words) in &clusters {
            out.push('\n');
            out.push_str(&self.first_line(name, words, columns));
            out.push_str(&self.below(words, columns));
        }
        out
    }

    /// The daemon, and how many clusters are ready.
    fn head(&self) -> String {
        let ready = self.status.clusters.iter().filter(|status| is_usable(status.state())).count();
        let all = self.status.clusters.len();
        let glyphs = self.canvas.glyphs();
        let absent = ServerStatus::default();
        let server = self.status.server.as_ref().unwrap_or(&absent);
        let since = moment::timestamp(server.start_time.as_ref())
            .map(|start| format!("since {}", moment::local_with_zone(start, self.now)));
        let version = format!("ucssod {}", server.version);
        let pid = format!("pid {}", server.pid);
        let phrases = [Some(version), Some(pid), since, Some(format!("{ready} of {all} ready"))];
        let phrases: Vec<_> = phrases.into_iter().flatten().collect();
        let block = Block { columns: self.canvas.columns(), indent: 0, style: FAINT };
        let mut out = block.flow(&phrases, glyphs.dot);
        let reserve = words::reserve(server, self.now);
        let refused = words::refused(server);
        let (persistence, memory) = (words::persistence(server), words::memory(server));
        let ours = [reserve, refused, persistence, memory];
        for warning in server.warnings.iter().chain(ours.iter().flatten()) {
            out.push_str(&Block { style: WANTING, ..block }.lines(glyphs.warning, warning));
        }
        out
    }

    fn columns(&self, clusters: &[(&str, Words)]) -> Columns {
        let columns = self.canvas.columns();
        let widest = |text: &dyn Fn(&(&str, Words)) -> usize| {
            clusters.iter().map(text).max().unwrap_or_default()
        };
        let longest_name = (columns / 4).clamp(8, 32);
        let left = |words: &Words| words.left.as_ref().map_or(0, |left| width(&left_text(left)));
        let until = |words: &Words| words.left.as_ref().map_or(0, |left| width(&until_text(left)));
        let mut wanted = Columns {
            name: widest(&|(name, _)| width(name)).min(longest_name),
            state: widest(&|(_, words)| width(words.state)),
            left: widest(&|(_, words)| left(words)),
            until: widest(&|(_, words)| until(words)),
            bar: None,
        };
        if wanted.left == 0 {
            return wanted;
        }
        // A bar is worth more than the moment of expiry, which finds room below; in the
        // narrowest of terminals, so does the time left.
        let taken = wanted.indent() + wanted.state + 2 + wanted.left;
        wanted.bar = self.canvas.bar(taken + 2 + wanted.until + 2);
        if wanted.bar.is_none() && self.canvas != Canvas::Plain {
            wanted.until = 0;
            wanted.bar = self.canvas.bar(taken + 2);
        }
        if taken > columns {
            wanted.left = 0;
        }
        wanted
    }

    fn first_line(&self, name: &str, words: &Words, columns: Columns) -> String {
        let glyphs = self.canvas.glyphs();
        let style = mood_style(words.mood);
        let mark = styled(style, glyphs.marks[words.mood as usize]);
        let mut line = format!("{mark} {}", styled(STRONG, name));
        if width(name) > columns.name {
            line.push('\n');
            line.push_str(&" ".repeat(columns.indent()));
        } else {
            line.push_str(&" ".repeat(columns.name - width(name) + 2));
        }
        line.push_str(&styled(style, words.state));
        let gap = " ".repeat(columns.state - width(words.state) + 2);
        if let Some(left) = words.left.as_ref().filter(|_| columns.left > 0) {
            line.push_str(&gap);
            if let Some(width) = columns.bar {
                line.push_str(&bar(glyphs, width, left.fraction, style));
                line.push_str("  ");
            }
            let text = format!("{:>width$}", left_text(left), width = columns.left);
            line.push_str(&styled(STRONG, &text));
            if columns.until > 0 {
                line.push_str("  ");
                line.push_str(&until_text(left));
            }
        } else if let Some(why) = self.why_beside(words, columns) {
            line.push_str(&gap);
            line.push_str(&styled(FAINT, why));
        }
        line.push('\n');
        line
    }

    /// What did not fit on the first line, whose it is and what comes next, what went wrong, and
    /// what mends it.
    fn below(&self, words: &Words, columns: Columns) -> String {
        let glyphs = self.canvas.glyphs();
        let block =
            Block { columns: self.canvas.columns(), indent: columns.indent(), style: FAINT };
        let left = words.left.as_ref().filter(|_| columns.left == 0).map(left_text);
        let until = words.left.as_ref().filter(|_| columns.until == 0);
        let until = until.map(|left| format!("valid {}", until_text(left)));
        let why = words.why.clone().filter(|_| self.why_beside(words, columns).is_none());
        let first = left.into_iter().chain(until).chain(why);
        let phrases: Vec<_> = first.chain(words.phrases.iter().cloned()).collect();
        let mut out = block.flow(&phrases, glyphs.dot);
        if let Some(trouble) = &words.trouble {
            let block = Block { style: trouble_style(words.mood), ..block };
            out.push_str(&block.lines("", trouble));
        }
        if let Some(remedy) = &words.remedy {
            out.push_str(&Block { style: STRONG, ..block }.lines(glyphs.arrow, remedy));
        }
        out
    }

    /// Why no token is held, if there is room for it on the first line.
    fn why_beside<'w>(&self, words: &'w Words, columns: Columns) -> Option<&'w str> {
        let taken = columns.indent() + columns.state + 2;
        let room = self.canvas.columns().saturating_sub(taken);
        words.why.as_deref().filter(|why| words.left.is_none() && width(why) <= room)
    }
}

impl Columns {
    /// Where the second column begins: behind a mark, a name and their gaps.
    const fn indent(self) -> usize {
        self.name + 4
    }
}

/// What there is to say about one cluster, on one line and without colours.
pub(super) fn sentence(status: &ClusterStatus, now: &Zoned) -> String {
    let words = words::of(status, Duration::ZERO, now);
    let left = words
        .left
        .map(|left| format!("{} left, until {}", moment::length(left.remaining), left.until));
    let parts = [Some(words.state.to_owned()), left, words.why, words.trouble];
    parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
}

/// Whether a cluster in this state has a token to give.
pub(super) const fn is_usable(state: ClusterState) -> bool {
    matches!(state, ClusterState::Fresh | ClusterState::Renewing)
}

fn left_text(left: &Left) -> String {
    format!("{} left", moment::length(left.remaining))
}

fn until_text(left: &Left) -> String {
    format!("until {}", left.until)
}

const fn mood_style(mood: Mood) -> Style {
    match mood {
        Mood::Good => GOOD,
        Mood::Renewing | Mood::Asking => BUSY,
        Mood::Wanting => WANTING,
        Mood::Bad => BAD,
    }
}

/// What went wrong is no alarm while a good token is held.
const fn trouble_style(mood: Mood) -> Style {
    match mood {
        Mood::Good | Mood::Renewing => WANTING,
        Mood::Asking | Mood::Wanting | Mood::Bad => BAD,
    }
}
