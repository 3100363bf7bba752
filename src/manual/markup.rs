//! The markup of the texts here, of `--help` and of the annotated example: as they are read anyway.
//!
//! ```text
//! # SECTION
//! ## Part of a section
//!
//! A paragraph with `code` and _emphasis_, as long as one likes, up to an empty line.
//!
//!   an example, which is indented
//!
//!   1. A step of a list
//!
//! - an item's heading
//!   What is said about it.
//! ```

use super::roff::Roff;

/// Writes a text.
pub(super) fn write(roff: &mut Roff, text: &str) {
    let mut in_items = false;
    for block in blocks(text) {
        let lists = block[0].starts_with("- ");
        if in_items && !lists {
            roff.end_items();
        }
        in_items = lists;
        if lists {
            items(roff, &block);
        } else if let Some(title) = block[0].strip_prefix("# ") {
            roff.section(title);
        } else if let Some(title) = block[0].strip_prefix("## ") {
            roff.subsection(title);
        } else if block.iter().all(|line| step(line).is_some()) {
            for (number, text) in block.iter().filter_map(|line| step(line)) {
                roff.step(number, text);
            }
        } else if block.iter().all(|line| line.starts_with("  ")) {
            let indent = block.iter().map(|line| indent(line)).min().unwrap_or_default();
            roff.example(block.iter().map(|line| &line[indent..]));
        } else {
            roff.paragraph(&block.join(" "));
        }
    }
}

/// What is between empty lines. A heading is a block of its own, and so is what is indented.
fn blocks(text: &str) -> Vec<Vec<&str>> {
    let mut blocks: Vec<Vec<&str>> = Vec::new();
    let mut is_new = true;
    for line in text.lines() {
        if line.is_empty() {
            is_new = true;
            continue;
        }
        let goes_on = blocks.last().filter(|_| !is_new).is_some_and(|block| {
            let is_item = block[0].starts_with("- ");
            is_item || block[0].starts_with("  ") == line.starts_with("  ")
        });
        match blocks.last_mut().filter(|_| goes_on && !line.starts_with('#')) {
            Some(block) => block.push(line),
            None => blocks.push(vec![line]),
        }
        is_new = line.starts_with('#');
    }
    blocks
}

fn items(roff: &mut Roff, lines: &[&str]) {
    let mut body = Vec::new();
    for line in lines {
        if let Some(term) = line.strip_prefix("- ") {
            finish(roff, &mut body);
            roff.item(term);
        } else {
            body.push(line.trim_start());
        }
    }
    finish(roff, &mut body);
}

fn finish(roff: &mut Roff, body: &mut Vec<&str>) {
    if !body.is_empty() {
        roff.paragraph(&body.join(" "));
        body.clear();
    }
}

/// Number and text of `  1. Do this`.
fn step(line: &str) -> Option<(&str, &str)> {
    let (number, text) = line.strip_prefix("  ")?.split_once(". ")?;
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| (&line[2..3 + number.len()], text))
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}
