//! `ucssoctl token`: the one place where a token is printed.
//!
//! Standard output has the token, as it was asked for, and nothing else ever; so it can be used
//! in a command substitution.

use std::{future::pending, time::Duration};

use tokio::time::timeout;
use tonic::{Code, Request, Status};
use zeroize::Zeroizing;

use super::{
    args::{Form, TokenArgs},
    error::Error,
    json, terminal,
};
use crate::{
    client::sent,
    config::show_duration,
    rpc::{
        client::{self, Client},
        proto::{GetTokenRequest, Interaction, Token},
    },
};

/// Prints a token.
pub(super) async fn run(client: &Client, args: TokenArgs) -> Result<(), Error> {
    let cluster = args.cluster.to_string();
    let interaction = match (args.asking.no_login, args.asking.force) {
        (true, _) => Interaction::Never,
        (_, true) => Interaction::Force,
        _ => Interaction::IfNeeded,
    };
    let request = GetTokenRequest {
        cluster: cluster.clone(),
        min_validity: args.min_validity.map(sent),
        interaction: interaction.into(),
    };
    let token = get(client, request, args.wait).await?;
    terminal::out(&shown(&cluster, token, &args.form))
}

/// Asks for a token, and waits at most so long.
pub(super) async fn get(
    client: &Client,
    request: GetTokenRequest,
    wait: Option<Duration>,
) -> Result<Token, Error> {
    let cluster = request.cluster.clone();
    let ask = async || {
        let mut request = Request::new(request.clone());
        if let Some(wait) = wait {
            request.set_timeout(wait);
        }
        client.broker().get_token(request).await
    };
    let mut answer = ask().await;
    if let Some(delay) = answer.as_ref().err().and_then(client::retry_delay) {
        // Others of this program were quicker. Once is patience, more would be a loop.
        let _ = timeout(delay, pending::<()>()).await;
        answer = ask().await;
    }
    let answer = answer.map_err(|status| match wait {
        Some(wait) if time_is_up(&status) => Error::Waited { cluster, waited: show_duration(wait) },
        _ => status.into(),
    })?;
    answer.into_inner().token.ok_or(Error::Incomplete("token"))
}

/// The token as it was asked for. The copies made here are cleared when they are dropped.
fn shown(cluster: &str, mut token: Token, form: &Form) -> Zeroizing<String> {
    let text = if form.json {
        json::token(cluster, &token)
    } else if form.header {
        format!("Authorization: {} {}\n", token.token_type, token.access_token)
    } else if let Some(variable) = &form.env {
        format!("export {variable}={}\n", quoted(&token.access_token).as_str())
    } else {
        format!("{}\n", token.access_token)
    };
    drop(Zeroizing::new(std::mem::take(&mut token.access_token)));
    Zeroizing::new(text)
}

/// A word of a shell that is this text, whatever is in it (POSIX, "Single-Quotes").
fn quoted(text: &str) -> Zeroizing<String> {
    let escaped = Zeroizing::new(text.replace('\'', r"'\''"));
    Zeroizing::new(format!("'{}'", escaped.as_str()))
}

/// Whether the deadline passed on this side, or is about to and was told so.
fn time_is_up(status: &Status) -> bool {
    matches!(status.code(), Code::DeadlineExceeded | Code::Cancelled)
        && client::reason(status).is_none_or(|reason| reason == "LOGIN_IN_PROGRESS")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_takes_what_is_quoted_as_it_is() {
        for (text, word) in [
            ("eyJ-._~+/=", "'eyJ-._~+/='"),
            ("$(x) `y` \\ \"\n", "'$(x) `y` \\ \"\n'"),
            ("';id;'", r"''\'';id;'\'''"),
        ] {
            assert_eq!(quoted(text).as_str(), word);
        }
    }
}
