//! What the page of the configuration takes from the annotated example: every key, with its text.
//!
//! The example is what operators edit, so it is what is kept right: its settings are read in the
//! tests of `config`, commented out or not. A block is what is between empty lines: comments, and
//! the settings that they are about.

use super::{markup, roff::Roff};

/// The configuration as `ucssoctl config init` writes it.
const EXAMPLE: &str = include_str!("../../examples/ucsso.toml");

/// A block of the example.
#[derive(Default)]
struct Block<'a> {
    comment: Vec<&'a str>,
    settings: Vec<&'a str>,
}

/// Writes every setting.
pub(super) fn write(roff: &mut Roff) {
    // What stands before the first setting is about the file, and the page says it in its own words.
    let blocks = blocks().into_iter().skip_while(|block| block.settings.is_empty());
    for block in blocks {
        let comment = block.comment.join("\n");
        let text = match heading(&comment) {
            Some((title, rest)) => {
                roff.subsection(title);
                rest
            }
            None => &comment,
        };
        match block.settings.as_slice() {
            [] => markup::write(roff, text),
            settings => setting(roff, text, settings),
        }
    }
}

fn setting(roff: &mut Roff, text: &str, settings: &[&str]) {
    let is_table = settings[0].starts_with('[');
    let terms = if is_table { &settings[..1] } else { settings };
    for (at, line) in terms.iter().enumerate() {
        let term = match line.split_once(" = ") {
            Some((key, value)) => format!("`{key}` = {value}"),
            None => format!("`{line}`"),
        };
        if at == 0 { roff.item(&term) } else { roff.also(&term) }
    }
    // "Default:" goes with the line below it, which is the heading here.
    let value = settings[0].split_once(" = ").map(|(_, value)| value);
    let text = match (text.strip_suffix("Default:"), value) {
        (Some(before), Some(value)) => format!("{before}The default is `{value}`."),
        _ => text.to_owned(),
    };
    markup::write(roff, &text);
    if is_table && settings.len() > 1 {
        roff.example(settings.iter().copied());
    }
}

/// `--- Title ---`, and what follows it.
fn heading(comment: &str) -> Option<(&str, &str)> {
    let (first, rest) = comment.split_once('\n').unwrap_or((comment, ""));
    Some((first.strip_prefix("--- ")?.trim_end_matches('-').trim_end(), rest))
}

fn blocks() -> Vec<Block<'static>> {
    let mut blocks = vec![Block::default()];
    for line in EXAMPLE.lines() {
        let block = blocks.last_mut().expect("there is one from the start on");
        match line.strip_prefix('#') {
            _ if line.is_empty() => blocks.push(Block::default()),
            Some("") => block.comment.push(""),
            Some(comment) if comment.starts_with(' ') => block.comment.push(&comment[1..]),
            Some(setting) => block.settings.push(setting),
            None => block.settings.push(line),
        }
    }
    blocks
}
