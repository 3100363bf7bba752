//! `ucssoctl token`: the one place where a token is printed.
//!
//! Standard output has the token, as it was asked for, and nothing else ever; so it can be used
//! in a command substitution.

use std::time::Duration;

use tonic::{Code, Request, Status};
use zeroize::Zeroizing;

use super::{
    args::{Form, TokenArgs},
    error::Error,
    json, terminal,
};
use crate::{
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
    let mut request = Request::new(GetTokenRequest {
        cluster: cluster.clone(),
        min_validity: args.min_validity.map(sent),
        interaction: interaction.into(),
    });
    if let Some(wait) = args.wait {
        request.set_timeout(wait);
    }
    let answer = client.broker().get_token(request).await;
    let answer = answer.map_err(|status| match args.wait {
        Some(wait) if time_is_up(&status) => {
            Error::Waited { cluster: cluster.clone(), waited: show_duration(wait) }
        }
        _ => status.into(),
    })?;
    let token = answer.into_inner().token.ok_or(Error::Incomplete("token"))?;
    terminal::out(&shown(&cluster, token, &args.form))
}

/// The token as it was asked for. The copies made here are cleared when they are dropped.
fn shown(cluster: &str, mut token: Token, form: &Form) -> Zeroizing<String> {
    let text = if form.json {
        json::token(cluster, &token)
    } else if form.header {
        format!("Authorization: {} {}\n", token.token_type, token.access_token)
    } else {
        format!("{}\n", token.access_token)
    };
    drop(Zeroizing::new(std::mem::take(&mut token.access_token)));
    Zeroizing::new(text)
}

/// Whether the deadline passed on this side, or is about to and was told so.
fn time_is_up(status: &Status) -> bool {
    matches!(status.code(), Code::DeadlineExceeded | Code::Cancelled)
        && client::reason(status).is_none_or(|reason| reason == "LOGIN_IN_PROGRESS")
}

/// A length of time as the API takes it; one beyond what it can say is the longest it can.
fn sent(duration: Duration) -> prost_types::Duration {
    duration.try_into().unwrap_or(prost_types::Duration { seconds: 315_576_000_000, nanos: 0 })
}
