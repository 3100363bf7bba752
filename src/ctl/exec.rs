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
use tonic::Streaming;
use zeroize::Zeroizing;

use super::{
    args::ExecArgs,
    error::Error,
    exit::Exit,
    moment,
    signals::{Passed, pass_on},
    statuses, terminal, token,
    token_file::TokenFile,
};
use crate::{
    chain, paths,
    rpc::{
        client::Client,
        proto::{GetTokenRequest, Token, WatchTokenRequest, WatchTokenResponse},
    },
};

/// Where the program finds the path of the file.
const VARIABLE: &str = "UCSSO_TOKEN_FILE";

/// Runs a program, and ends as it does.
pub(super) async fn run(socket: &Path, args: ExecArgs) -> Result<ExitCode, Error> {
    let client = Client::connect(socket).await?;
    let cluster = args.cluster.to_string();
    let request = GetTokenRequest { cluster: cluster.clone(), ..GetTokenRequest::default() };
    let token = token::get(&client, request, args.wait).await?;
    let file = TokenFile::create(&paths::runtime_folder(paths::process_environment)?)?;
    let mut fresh = Fresh { socket, cluster, file: &file, held: None, stream: None };
    let initial = args.env.map(|name| (name, Zeroizing::new(token.access_token.clone())));
    fresh.take(Some(token)).map_err(|source| Error::Unwritable { path: file.path(), source })?;

    let mut command = command(args.command);
    command.env(VARIABLE, file.path());
    if let Some((name, token)) = &initial {
        command.env(name, token.as_str());
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
    socket: &'a Path,
    cluster: String,
    file: &'a TokenFile,
    /// Which token is in the file, and until when it is good.
    held: Option<(u64, Option<prost_types::Timestamp>)>,
    stream: Option<Streaming<WatchTokenResponse>>,
}

impl Fresh<'_> {
    /// Does the next thing there is to do: asks for news, or takes them. That it does not succeed
    /// is no reason to end the program.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    async fn turn(&mut self) {
        let changed = match self.news().await {
            Ok(token) => self.take(token),
            Err(error) if statuses::passes(&error) && !self.is_over() => {
                self.stream = None;
                return statuses::pause().await;
            }
            // A token that its daemon does not vouch for any more.
            Err(_) => {
                self.stream = None;
                let taken = self.take(None);
                statuses::pause().await;
                taken
            }
        };
        if let Err(error) = changed {
            let path = self.file.path();
            let error = Error::Unwritable { path, source: error };
            terminal::note(&format!("ucssoctl: {}\n", chain::one_line(&error)));
        }
    }

    /// The token, as soon as something about it is new.
    async fn news(&mut self) -> Result<Option<Token>, Error> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            none => {
                let client = Client::connect(self.socket).await?;
                let request = WatchTokenRequest { cluster: self.cluster.clone() };
                none.insert(client.broker().watch_token(request).await?.into_inner())
            }
        };
        let message = stream.message().await?.ok_or_else(statuses::ended)?;
        Ok(message.token)
    }

    /// Has the file contain this token, or not be there.
    fn take(&mut self, token: Option<Token>) -> std::io::Result<()> {
        let Some(mut token) = token else {
            self.held = None;
            return self.file.clear();
        };
        let text = Zeroizing::new(std::mem::take(&mut token.access_token));
        // Expiries differ where a daemon that remembers nothing counts from the beginning.
        let known = Some((token.generation, token.expire_time));
        if self.held == known {
            return Ok(());
        }
        self.file.put(&text)?;
        self.held = known;
        Ok(())
    }

    /// Whether the token that is held has ended, as nobody is there to say so.
    fn is_over(&self) -> bool {
        let expiry = self.held.as_ref().and_then(|(_, expiry)| moment::timestamp(expiry.as_ref()));
        expiry.is_some_and(|expiry| expiry <= terminal::now().timestamp())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let in_a_minute = terminal::now().timestamp().as_second() + 60;

        for (seconds, kept) in [(in_a_minute, true), (in_a_minute - 120, false)] {
            let expire_time = Some(prost_types::Timestamp { seconds, nanos: 0 });
            let token = Token { access_token: "t".into(), expire_time, ..Token::default() };
            let mut fresh = Fresh {
                socket: &socket,
                cluster: "hq".into(),
                file: &file,
                held: None,
                stream: None,
            };
            fresh.take(Some(token)).unwrap();

            fresh.turn().await;

            assert_eq!(file.path().exists(), kept);
        }
    }
}
