//! The command line: `ucssoctl`.
//!
//! Asks the daemon over its socket, and shows the answer to people as text and to programs as
//! JSON. A token is printed by `token` alone, and put into a file by `exec`. Nothing in here decides anything about tokens,
//! and nothing starts the daemon. Called by `bin/ucssoctl`, and by `bin/ucsso-lab` for its
//! demonstration. One file for each family of commands; `exit` has the codes, `render` the pictures.

mod args;
mod changes;
mod completions;
mod config;
mod error;
mod exec;
mod exit;
mod json;
mod log_filter;
mod login;
mod man;
mod moment;
mod paste;
mod redirect_page;
mod reload;
mod render;
mod service;
mod signals;
mod status;
mod statuses;
mod terminal;
mod token;
mod token_file;
mod trust;
mod wait;
mod watch;

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{CommandFactory as _, Parser as _};

pub use self::man::{Manual, Page};
use self::{
    args::{Arguments, Command, Question},
    error::Error,
    exit::Exit,
    terminal::harmless,
};
use crate::{chain, paths, rpc::client::Client};

/// The command line, as `clap` has it.
#[must_use]
pub fn command() -> clap::Command {
    Arguments::command()
}

/// Every exit code, and what it means.
pub fn exit_codes() -> impl Iterator<Item = (u8, &'static str)> {
    exit::MEANINGS.into_iter().map(|(exit, meaning)| (exit as u8, meaning))
}

/// Runs one command and says with which code to end. `manual` writes the pages of the manual.
pub fn main(arguments: impl Iterator<Item = OsString>, manual: Manual) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(answer) => {
            // Help and version are answers too. Nobody may be reading them.
            let _ = answer.print();
            return if answer.use_stderr() { Exit::Usage.into() } else { Exit::Done.into() };
        }
    };
    run(arguments, manual).unwrap_or_else(|error| {
        if error.is_worth_saying() {
            terminal::note(&complaint(&error));
        }
        error.exit().into()
    })
}

fn run(arguments: Arguments, manual: Manual) -> Result<ExitCode, Error> {
    match arguments.command {
        Command::Config(command) => config::run(command).map(|()| Exit::Done.into()),
        Command::RedirectPage(args) => redirect_page::run(args).map(|()| Exit::Done.into()),
        Command::Service(command) => service::run(&command, arguments.socket).map(Into::into),
        Command::Trust(command) => trust::run(&command).map(|()| Exit::Done.into()),
        Command::Man(args) => man::run(args, manual).map(|()| Exit::Done.into()),
        Command::Completions(args) => completions::run(&args).map(|()| Exit::Done.into()),
        Command::Words { kind } => completions::words(kind).map(|()| Exit::Done.into()),
        Command::Ask(question) => {
            let socket = socket(arguments.socket)?;
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .map_err(Error::System)?;
            runtime.block_on(ask(&socket, question))
        }
    }
}

async fn ask(socket: &Path, question: Question) -> Result<ExitCode, Error> {
    let client = || Client::connect(socket);
    match question {
        Question::Status(args) => return status::run(&client().await?, args).await,
        Question::Exec(args) => return exec::run(socket, args).await,
        Question::Token(args) => token::run(&client().await?, args).await?,
        Question::Wait(args) => wait::run(socket, args).await?,
        Question::Watch(args) => changes::run(socket, &args).await?,
        Question::Login(args) => login::run(&client().await?, args).await?,
        Question::Cancel(args) => login::cancel(&client().await?, &args.cluster).await?,
        Question::Snooze(args) => login::snooze(&client().await?, args).await?,
        Question::Reload(args) => reload::run(&client().await?, args).await?,
        Question::LogFilter(args) => log_filter::run(&client().await?, args).await?,
        Question::Logout(args) => login::log_out(&client().await?, &args.cluster).await?,
    }
    Ok(Exit::Done.into())
}

fn socket(named: Option<PathBuf>) -> Result<PathBuf, Error> {
    match named {
        Some(path) => Ok(paths::checked_socket(path)?),
        None => Ok(paths::socket(paths::process_environment)?),
    }
}

/// What went wrong, and on lines of their own what mends it.
fn complaint(error: &Error) -> String {
    const NAME: &str = "ucssoctl:";
    let flowed = |text: String| match terminal::columns_of_stderr() {
        Some(columns) => terminal::flowed(&text, columns),
        None => text,
    };
    let sentence = flowed(format!("{NAME} {}\n", harmless(&chain::one_line(error))));
    let advice: String = error
        .advice()
        .lines()
        .flat_map(|line| ["        ", &harmless(line), "\n"].map(str::to_owned))
        .collect();
    let style = anstyle::AnsiColor::Red.on_default().bold();
    let sentence = sentence.replacen(NAME, &format!("{style}{NAME}{style:#}"), 1);
    sentence + &flowed(advice).replacen("        ", "  help: ", 1)
}
