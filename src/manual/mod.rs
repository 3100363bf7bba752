//! The manual: what `man ucssoctl`, `man ucssod`, `man ucsso.toml` and `man ucsso-lab` show.
//!
//! What a program knows of itself is not written twice: commands, options and exit codes come from
//! the command lines, the keys of the configuration with their texts from the annotated example.
//! The rest of each page is in a text file here, in the markup of `markup.rs`. `clap_mangen` makes
//! a page of every command, without what a page is read for: files, environment, examples.
//! Handed to `ctl` by the programs.

mod markup;
mod programs;
mod roff;
mod settings;

use crate::{
    ctl::{self, Page},
    daemon,
    lab::cli as lab,
};
use roff::Roff;

/// The day on which the texts in this folder last changed. `man` shows it.
const DATE: &str = "2026-11-24";

/// Writes a page, for `man`.
#[must_use]
pub fn roff(page: Page) -> String {
    let mut roff = Roff::new(page.name(), page.section(), DATE);
    for line in sections(text(page)) {
        match line {
            Part::Text(text) => markup::write(&mut roff, text),
            Part::Generated("synopsis") => programs::synopsis(&mut roff, &command(page)),
            Part::Generated("options") => programs::options(&mut roff, &command(page)),
            Part::Generated("commands") => programs::commands(&mut roff, &command(page)),
            Part::Generated("exit-codes") => {
                for (code, meaning) in ctl::exit_codes() {
                    roff.item(&code.to_string());
                    markup::write(&mut roff, &format!("{meaning}."));
                }
            }
            Part::Generated("settings") => settings::write(&mut roff),
            Part::Generated(other) => unreachable!("no page has `@{other}`"),
        }
    }
    roff.finish()
}

const fn text(page: Page) -> &'static str {
    match page {
        Page::Ucssoctl => include_str!("ucssoctl.txt"),
        Page::Ucssod => include_str!("ucssod.txt"),
        Page::Configuration => include_str!("ucsso.toml.txt"),
        Page::Lab => include_str!("ucsso-lab.txt"),
    }
}

/// The program that a page is about.
fn command(page: Page) -> clap::Command {
    let mut command = match page {
        Page::Ucssoctl | Page::Configuration => ctl::command(),
        Page::Ucssod => daemon::command(),
        Page::Lab => lab::command(),
    };
    command.build();
    command
}

/// A piece of a page's text.
enum Part<'a> {
    Text(&'a str),
    /// Something from elsewhere: a line `@name`.
    Generated(&'a str),
}

fn sections(text: &str) -> impl Iterator<Item = Part<'_>> {
    text.split("\n@").enumerate().flat_map(|(at, piece)| {
        let (name, rest) =
            if at == 0 { ("", piece) } else { piece.split_once('\n').unwrap_or((piece, "")) };
        let generated = (!name.is_empty()).then_some(Part::Generated(name));
        generated.into_iter().chain([Part::Text(rest)])
    })
}

#[cfg(test)]
mod tests;
