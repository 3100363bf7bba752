//! `ucssoctl exec`: a program that runs, and beside it a token that stays fresh.
//!
//! The token is in a file and not in the environment, where it could not be replaced, unless
//! somebody asks for that too. The program's input, output and end are its own.

use std::{
    ffi::OsString,
    os::unix::process::ExitStatusExt as _,
    path::Path,
    process::{ExitCode, ExitStatus},
};

use tokio::process::Command;

use super::{
    args::ExecArgs,
    error::Error,
    exit::Exit,
    signals::{Passed, pass_on},
    terminal, token,
    token_file::TokenFile,
};
use crate::{
    chain,
    client::{AccessToken, Connector, Watch},
    paths,
    rpc::{client::Client, proto::GetTokenRequest},
};

/// Where the program finds the path of the file.
const VARIABLE: &str = "UCSSO_TOKEN_FILE";

/// Runs a program, and ends as it does.
pub(super) async fn run(socket: &Path, args: ExecArgs) -> Result<ExitCode, Error> {
    let client = Client::connect(socket).await?;
    let cluster = args.cluster.to_string();
    let request = GetTokenRequest { cluster: cluster.clone(), ..GetTokenRequest::default() };
    let token = AccessToken::received(token::get(&client, request, args.wait).await?);
    let file = TokenFile::create(&paths::runtime_folder(paths::process_environment)?)?;
    let watch = Watch::new(Connector::from(socket), &cluster);
    let mut fresh = Fresh { watch, file: &file, held: None };
    let initial = args.env.map(|name| (name, token.clone()));
    fresh.take(Some(token)).map_err(|source| Error::Unwritable { path: file.path(), source })?;

    let mut command = command(args.command);
    command.env(VARIABLE, file.path());
    if let Some((name, token)) = &initial {
        command.env(name, token.secret());
    }
    // From before the program is there, so that none is lost.
    let mut signals = Passed::new()?;
    let program = command.as_std().get_program().into();
    let mut child = command.spawn().map_err(|source| Error::NotRun { program, source })?;
    drop((command, initial));

    let ended = loop {
        tokio::select! {
            // Each of them is cancel safe.
            ended = child.wait() => break ended.map_err(Error::System)?,
            signal = signals.next() => pass_on(&child, signal),
            () = fresh.turn() => {}
        }
    };
    Ok(code(ended))
}

/// The command that the command line has at its end.
fn command(words: Vec<OsString>) -> Command {
    let mut words = words.into_iter();
    let mut command = Command::new(words.next().unwrap_or_default());
    command.args(words);
    command
}

/// The code that says how a program ended, as shells have it.
fn code(ended: ExitStatus) -> ExitCode {
    let code = ended.code().or_else(|| ended.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).map_or(Exit::Other.into(), ExitCode::from)
}

/// Keeps what is in the file as the daemon has it.
struct Fresh<'a> {
    watch: Watch,
    file: &'a TokenFile,
    /// What is in the file.
    held: Option<AccessToken>,
}

impl Fresh<'_> {
    /// Does the next thing there is to do: asks for news, or takes them. That it does not succeed
    /// is no reason to end the program.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    async fn turn(&mut self) {
        let taken = match self.watch.attempt().await {
            Ok(update) => self.take(update.token),
            Err(error) if error.passes() && !self.is_over() => return,
            // A token that its daemon does not vouch for any more.
            Err(_) => self.take(None),
        };
        if let Err(source) = taken {
            let error = Error::Unwritable { path: self.file.path(), source };
            terminal::note(&format!("ucssoctl: {}\n", chain::one_line(&error)));
        }
    }

    /// Has the file contain this token, or not be there.
    fn take(&mut self, token: Option<AccessToken>) -> std::io::Result<()> {
        let Some(token) = token else {
            self.held = None;
            return self.file.clear();
        };
        // It is told anew by each daemon.
        if !self.held.as_ref().is_some_and(|held| held.is(&token)) {
            self.file.put(token.secret())?;
        }
        self.held = Some(token);
        Ok(())
    }

    /// Whether the token that is held has ended, as nobody is there to say so.
    fn is_over(&self) -> bool {
        self.held.as_ref().is_some_and(|token| token.remaining().is_zero())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rpc::proto::Token;

    #[test]
    fn a_program_ends_with_its_own_code_or_that_of_its_signal() {
        let of = |raw| code(ExitStatus::from_raw(raw));

        for (raw, wanted) in [(0, 0), (7 << 8, 7), (255 << 8, 255), (15, 143), (9, 137), (2, 130)] {
            assert_eq!(of(raw), ExitCode::from(wanted), "{raw:#x}");
        }
    }

    #[tokio::test]
    async fn without_a_daemon_a_token_is_kept_for_as_long_as_it_is_good() {
        let runtime = tempfile::tempdir().unwrap();
        let file = TokenFile::create(runtime.path()).unwrap();
        let socket = runtime.path().join("nobody");

        for (seconds, kept) in [(60, true), (0, false)] {
            let remaining = Some(prost_types::Duration { seconds, nanos: 0 });
            let token = Token { access_token: "t".into(), remaining, ..Token::default() };
            let watch = Watch::new(Connector::from(socket.as_path()), "hq");
            let mut fresh = Fresh { watch, file: &file, held: None };
            fresh.take(Some(AccessToken::received(token))).unwrap();

            fresh.turn().await;

            assert_eq!(file.path().exists(), kept);
        }
    }
}
