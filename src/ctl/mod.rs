//! The command line: `ucssoctl`.
//!
//! Asks the daemon over its socket, and shows the answer to people as text and to programs as
//! JSON. A token is printed by `token` alone. Nothing in here decides anything about tokens,
//! and nothing starts the daemon. Called by `bin/ucssoctl`, and by `bin/ucsso-lab` for its
//! demonstration. One file for each family of commands; `exit` has the codes, `render` the pictures.

mod args;
mod config;
mod error;
mod exit;
mod json;
mod login;
mod moment;
mod paste;
mod redirect_page;
mod reload;
mod render;
mod signals;
mod status;
mod terminal;
mod token;
mod trust;
mod watch;

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Parser as _;

use self::{
    args::{Arguments, Command, Question},
    error::Error,
    exit::Exit,
    terminal::harmless,
};
use crate::{chain, paths, rpc::client::Client};

/// Runs one command and says with which code to end.
pub fn main(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(answer) => {
            // Help and version are answers too. Nobody may be reading them.
            let _ = answer.print();
            return if answer.use_stderr() { Exit::Usage.into() } else { Exit::Done.into() };
        }
    };
    run(arguments).unwrap_or_else(|error| {
        if error.is_worth_saying() {
            terminal::note(&complaint(&error));
        }
        error.exit().into()
    })
}

fn run(arguments: Arguments) -> Result<ExitCode, Error> {
    match arguments.command {
        Command::Config(command) => config::run(command).map(|()| Exit::Done.into()),
        Command::RedirectPage(args) => redirect_page::run(args).map(|()| Exit::Done.into()),
        Command::Trust(command) => trust::run(&command).map(|()| Exit::Done.into()),
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
    let client = Client::connect(socket).await?;
    match question {
        Question::Status(args) => return status::run(&client, args).await,
        Question::Token(args) => token::run(&client, args).await?,
        Question::Login(args) => login::run(&client, args).await?,
        Question::Cancel(args) => login::cancel(&client, &args.cluster).await?,
        Question::Snooze(args) => login::snooze(&client, args).await?,
        Question::Reload(args) => reload::run(&client, args).await?,
        Question::Logout(args) => login::log_out(&client, &args.cluster).await?,
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
    let style = anstyle::AnsiColor::Red.on_default().bold();
    let mut text = format!("{style}ucssoctl:{style:#} {}\n", harmless(&chain::one_line(error)));
    for (at, line) in error.advice().lines().map(harmless).enumerate() {
        let lead = if at == 0 { "  help: " } else { "        " };
        text.extend([lead, &line, "\n"]);
    }
    text
}
