//! Writes roff with the `man` macros (`man`(7)): what a terminal makes a page of the manual from.
//!
//! Knows how text is escaped and what begins a paragraph, and nothing of what is in the pages.

/// A page that is being written.
pub(super) struct Roff {
    text: String,
    /// Whether what comes next is the first of its section or item, and needs no break before it.
    begun: bool,
    in_item: bool,
}

impl Roff {
    /// Begins a page.
    pub(super) fn new(name: &str, section: u8, date: &str) -> Self {
        let version = env!("CARGO_PKG_VERSION");
        let title = code(&name.to_uppercase());
        let head = format!(".TH {title} {section} {date} \"ucsso {version}\" \"ucsso\"\n");
        // Neither are commands hyphenated, nor lines stretched.
        let head = head + ".nh\n.ad l\n";
        Self { text: head, begun: true, in_item: false }
    }

    pub(super) fn section(&mut self, title: &str) {
        self.heading(".SH", title);
    }

    pub(super) fn subsection(&mut self, title: &str) {
        self.heading(".SS", title);
    }

    fn heading(&mut self, macro_name: &str, title: &str) {
        self.line(&format!("{macro_name} {}", inline(title)));
        (self.begun, self.in_item) = (true, false);
    }

    pub(super) fn paragraph(&mut self, text: &str) {
        self.break_paragraph();
        self.line(&inline(text));
    }

    /// Begins an item with a heading of its own.
    pub(super) fn item(&mut self, term: &str) {
        self.line(".TP");
        self.line(&inline(term));
        (self.begun, self.in_item) = (true, true);
    }

    /// A further heading of the item that has just begun.
    pub(super) fn also(&mut self, term: &str) {
        self.line(".TQ");
        self.line(&inline(term));
    }

    /// What follows is not part of the last item.
    pub(super) fn end_items(&mut self) {
        self.in_item = false;
    }

    /// A step of a list: its number, and what to do.
    pub(super) fn step(&mut self, number: &str, text: &str) {
        self.line(&format!(".IP {number} 4"));
        self.line(&inline(text));
        (self.begun, self.in_item) = (false, false);
    }

    /// Lines that stay as they are.
    pub(super) fn example<'a>(&mut self, lines: impl Iterator<Item = &'a str>) {
        self.break_paragraph();
        self.line(".in +2n");
        self.line(".nf");
        for line in lines {
            self.line(&code(line));
        }
        self.line(".fi");
        self.line(".in");
    }

    pub(super) fn finish(self) -> String {
        self.text
    }

    fn break_paragraph(&mut self) {
        if !self.begun {
            self.line(if self.in_item { ".IP" } else { ".PP" });
        }
        self.begun = false;
    }

    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }
}

/// Text in which what is between backticks is bold and kept letter by letter, and a word between
/// underscores in italics.
fn inline(text: &str) -> String {
    let mut roff = String::new();
    for (at, piece) in text.split('`').enumerate() {
        if at % 2 == 1 {
            roff.extend(["\\fB", &code(piece), "\\fR"]);
        } else {
            roff += &prose(piece);
        }
    }
    // A line must not begin like a request.
    if roff.starts_with('.') { format!("\\&{roff}") } else { roff }
}

fn prose(text: &str) -> String {
    let mut roff = String::new();
    let mut before = ' ';
    let mut is_italic = false;
    for character in text.chars() {
        match character {
            '_' if is_italic || !before.is_alphanumeric() => {
                is_italic = !is_italic;
                roff += if is_italic { "\\fI" } else { "\\fR" };
            }
            // Inside a word it is a hyphen, where a line may end; else a dash or part of an option.
            '-' if before.is_alphanumeric() => roff.push('-'),
            _ => push(&mut roff, character),
        }
        before = character;
    }
    roff
}

/// Text that is to be copied from the page as it is.
fn code(text: &str) -> String {
    let mut roff = if text.starts_with('.') { "\\&".to_owned() } else { String::new() };
    text.chars().for_each(|character| push(&mut roff, character));
    roff
}

/// What roff or the fonts of a terminal would make something else of (`groff_char`(7)).
fn push(roff: &mut String, character: char) {
    match character {
        '\\' => roff.push_str("\\(rs"),
        '-' => roff.push_str("\\-"),
        '\'' => roff.push_str("\\(aq"),
        '"' => roff.push_str("\\(dq"),
        '`' => roff.push_str("\\(ga"),
        '~' => roff.push_str("\\(ti"),
        '^' => roff.push_str("\\(ha"),
        ascii if ascii.is_ascii() => roff.push(ascii),
        other => roff.extend(["\\[u", &format!("{:04X}", u32::from(other)), "]"]),
    }
}
