//! Columns, bars and line breaks.
//!
//! Knows characters and colours, and nothing of clusters. Only `render` calls it.

use anstyle::{AnsiColor, Color, Style};

use crate::ctl::terminal::{Canvas, harmless};

/// The characters that draw.
#[derive(Debug)]
pub(super) struct Glyphs {
    /// Good, renewing, asking, wanting, bad: no two alike, because not everybody sees colours.
    pub(super) marks: [&'static str; 5],
    /// The part of a bar that is left, and the part that is gone.
    pub(super) bar: (&'static str, &'static str),
    /// In front of a remedy.
    pub(super) arrow: &'static str,
    /// In front of a warning.
    pub(super) warning: &'static str,
    /// Between things on one line.
    pub(super) dot: &'static str,
}

/// The characters for a terminal that can show them.
pub(super) const UNICODE: Glyphs = Glyphs {
    marks: ["●", "◐", "◎", "○", "✕"],
    bar: ("━", "─"),
    arrow: "→ ",
    warning: "▲ ",
    dot: " · ",
};

/// The characters for everything else.
pub(super) const ASCII: Glyphs = Glyphs {
    marks: ["*", "~", "?", "-", "!"],
    bar: ("#", "-"),
    arrow: "> ",
    warning: "! ",
    dot: "; ",
};

/// All is well.
pub(super) const GOOD: Style = colour(AnsiColor::Green);
/// Something is being done.
pub(super) const BUSY: Style = colour(AnsiColor::Cyan);
/// Somebody has to do something.
pub(super) const WANTING: Style = colour(AnsiColor::Yellow);
/// Something is wrong.
pub(super) const BAD: Style = colour(AnsiColor::Red);
/// What one looks for.
pub(super) const STRONG: Style = Style::new().bold();
/// What one reads second.
pub(super) const FAINT: Style = Style::new().dimmed();

const fn colour(colour: AnsiColor) -> Style {
    Style::new().fg_color(Some(Color::Ansi(colour)))
}

impl Canvas {
    /// The characters that can be shown.
    pub(super) const fn glyphs(self) -> &'static Glyphs {
        match self {
            Self::Terminal { unicode: true, .. } => &UNICODE,
            Self::Terminal { unicode: false, .. } | Self::Plain => &ASCII,
        }
    }

    /// The columns of a line.
    pub(super) const fn columns(self) -> usize {
        match self {
            Self::Terminal { columns, .. } => columns,
            Self::Plain => usize::MAX,
        }
    }

    /// The width of a bar where `taken` columns are needed for the rest; nothing where a bar
    /// would be too short to say anything.
    pub(super) fn bar(self, taken: usize) -> Option<usize> {
        const SHORTEST: usize = 8;
        const LONGEST: usize = 32;
        match self {
            Self::Terminal { columns, .. } => {
                Some(columns.saturating_sub(taken).min(LONGEST)).filter(|bar| *bar >= SHORTEST)
            }
            Self::Plain => None,
        }
    }
}

/// A text in a style.
pub(super) fn styled(style: Style, text: &str) -> String {
    format!("{style}{}{style:#}", harmless(text))
}

/// A bar of `width` columns of which a part is filled: one column at least while anything is
/// left.
pub(super) fn bar(glyphs: &Glyphs, width: usize, fraction: f64, style: Style) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a fraction of a small width"
    )]
    let filled = (fraction * width as f64).ceil() as usize;
    let filled = filled.min(width);
    let (left, gone) = glyphs.bar;
    format!(
        "{style}{}{style:#}{FAINT}{}{FAINT:#}",
        left.repeat(filled),
        gone.repeat(width - filled)
    )
}

/// Texts that are written below each other or side by side, in the columns that there are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Block {
    /// The columns of a line.
    pub(super) columns: usize,
    /// The columns that stay free in front of it.
    pub(super) indent: usize,
    /// The style of the text.
    pub(super) style: Style,
}

impl Block {
    /// A text behind a `lead`. Further lines begin below the text.
    ///
    /// Where the text has several lines, those after the first are to be copied: they are not
    /// broken, and begin further left if they are too long. So does a word that is too long.
    pub(super) fn lines(self, lead: &str, text: &str) -> String {
        const NARROWEST: usize = 16;
        let margin = self.indent + width(lead);
        let room = self.columns.saturating_sub(margin).max(NARROWEST);
        let (sentence, copied) = text.split_once('\n').unwrap_or((text, ""));
        let mut lines: Vec<String> = Vec::new();
        for word in harmless(sentence).split(' ') {
            match lines.last_mut() {
                Some(line) if width(line) + 1 + width(word) <= room => {
                    line.push(' ');
                    line.push_str(word);
                }
                _ => lines.push(word.to_owned()),
            }
        }
        lines.extend(copied.lines().map(harmless));
        let written = lines.iter().enumerate().map(|(at, line)| match at {
            0 => self.line(self.indent, &format!("{lead}{line}")),
            _ => self.line(margin, line),
        });
        written.collect::<Vec<_>>().concat()
    }

    fn line(self, margin: usize, text: &str) -> String {
        let Self { columns, style, .. } = self;
        let margin = margin.min(columns.saturating_sub(width(text)));
        format!("{}{style}{text}{style:#}\n", " ".repeat(margin))
    }

    /// Phrases side by side with a `dot` between them, as many on a line as there is room for.
    pub(super) fn flow(self, phrases: &[String], dot: &str) -> String {
        let room = self.columns.saturating_sub(self.indent);
        let mut lines: Vec<String> = Vec::new();
        for phrase in phrases {
            match lines.last_mut() {
                Some(line) if width(line) + width(dot) + width(phrase) <= room => {
                    line.push_str(dot);
                    line.push_str(phrase);
                }
                _ => lines.push(phrase.clone()),
            }
        }
        lines.iter().map(|line| self.lines("", line)).collect::<Vec<_>>().concat()
    }
}

/// The columns of a text. What this program shows is of the width of its characters.
pub(super) fn width(text: &str) -> usize {
    text.chars().count()
}
