//! `ucssoctl man`: the manual, for those who have no installed one.
//!
//! Shows and writes pages; what is in them is in the room `manual`, which the program hands in.

use std::{
    fs,
    io::{self, IsTerminal as _, Write as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use clap::{Args, ValueEnum};

use super::{
    error::Error,
    terminal::{note, out},
};

/// More about the command.
pub(super) const HELP: &str = "\
On a terminal `man` shows the page; elsewhere its source is printed.

For a package, all pages are written into a folder:

  ucssoctl man --write FOLDER";

/// A page of the manual.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, ValueEnum)]
pub enum Page {
    /// The command line
    Ucssoctl,
    /// The daemon
    Ucssod,
    /// The configuration
    #[value(name = "ucsso.toml")]
    Configuration,
    /// The lab
    #[value(name = "ucsso-lab")]
    Lab,
}

impl Page {
    /// All there are.
    pub const ALL: [Self; 4] = [Self::Ucssoctl, Self::Ucssod, Self::Configuration, Self::Lab];

    /// What it is about.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ucssoctl => "ucssoctl",
            Self::Ucssod => "ucssod",
            Self::Configuration => "ucsso.toml",
            Self::Lab => "ucsso-lab",
        }
    }

    /// The section of the manual. The daemon is in the first and not in the eighth, which is the
    /// administrator's: every user runs one of their own, as with `ssh-agent`(1).
    #[must_use]
    pub const fn section(self) -> u8 {
        match self {
            Self::Ucssoctl | Self::Ucssod | Self::Lab => 1,
            Self::Configuration => 5,
        }
    }
}

/// Writes a page, as roff.
pub type Manual = fn(Page) -> String;

/// `ucssoctl man`.
#[derive(Debug, Args)]
pub(super) struct ManArgs {
    /// The page
    #[arg(value_enum, default_value_t = Page::Ucssoctl)]
    page: Page,
    /// Write all pages into a folder, and show none
    #[arg(long, value_name = "FOLDER", conflicts_with = "page")]
    write: Option<PathBuf>,
}

/// Shows a page, or writes all of them.
pub(super) fn run(args: ManArgs, manual: Manual) -> Result<(), Error> {
    match args.write {
        Some(folder) => write(&folder, manual),
        None if io::stdout().is_terminal() => show(&manual(args.page)),
        None => out(&manual(args.page)),
    }
}

fn write(folder: &Path, manual: Manual) -> Result<(), Error> {
    let unwritable = |path: &Path| {
        let path = path.to_owned();
        move |source| Error::Unwritable { path, source }
    };
    fs::create_dir_all(folder).map_err(unwritable(folder))?;
    for page in Page::ALL {
        let path = folder.join(format!("{}.{}", page.name(), page.section()));
        fs::write(&path, manual(page)).map_err(unwritable(&path))?;
        note(&format!("wrote {}\n", path.display()));
    }
    Ok(())
}

fn show(roff: &str) -> Result<(), Error> {
    let man = Command::new("man").args(["-l", "-"]).stdin(Stdio::piped()).spawn();
    let mut man = man.map_err(Error::NoMan)?;
    if let Some(mut stdin) = man.stdin.take() {
        // Who closes the pager early has read enough.
        let _ = stdin.write_all(roff.as_bytes());
    }
    man.wait().map_err(Error::NoMan).map(drop)
}
