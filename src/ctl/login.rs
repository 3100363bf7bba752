//! `ucssoctl login`, `cancel`, `snooze` and `logout`: the acts that need a human.

use std::time::Duration;

use jiff::Timestamp;
use url::Url;
use zeroize::Zeroizing;

use super::{
    args::{LoginArgs, SnoozeArgs},
    error::Error,
    moment,
    paste::{LONGEST, Paste, Pasted},
    signals::{Signals, Told},
    status,
    terminal::{harmless, note, now, say},
};
use crate::{
    domain::ClusterName,
    loopback::Origin,
    rpc::{
        client::{self, Client},
        proto::{
            CancelLoginRequest, ClusterStatus, CompleteLoginRequest, LogoutRequest, SnoozeRequest,
            StartLoginRequest,
            start_login_response::{Event, Opened},
        },
    },
};

/// Begins a login, or joins one, and says what happens until it has ended.
pub(super) async fn run(client: &Client, args: LoginArgs) -> Result<(), Error> {
    // Listening for Ctrl-C before there is a login: none is left behind unnoticed.
    let mut signals = Signals::new()?;
    let (cluster, under_way) = choose(client, args.cluster).await?;
    let request = StartLoginRequest { cluster: cluster.clone(), no_browser: args.no_browser };
    let mut stream = client.login().start_login(request).await?.into_inner();
    let mut attempt = None;
    let mut by_hand: Option<ByHand> = None;
    loop {
        let event = tokio::select! {
            // Cancel safe: a message that was not taken yet stays in the stream.
            message = stream.message() => message?,
            // Cancel safe: what was pasted stays where it is.
            pasted = pasted(&mut by_hand) => {
                by_hand = complete(client, &cluster, by_hand, pasted).await?;
                continue;
            }
            // Cancel safe: a signal carries nothing.
            told = signals.next() => match told {
                Told::Resume => {
                    if let Some(by_hand) = &by_hand {
                        by_hand.paste.resume();
                    }
                    continue;
                }
                Told::Resize => continue,
                Told::End => return Err(Error::Interrupted),
                Told::Interrupt => {
                    let ours = attempt.map_or(under_way == 0, |attempt| attempt != under_way);
                    return Err(leave(client, &cluster, ours).await);
                }
            }
        };
        match event.and_then(|message| message.event) {
            None => return Err(Error::Incomplete("end of the login")),
            Some(Event::Waiting(waiting)) => {
                attempt = Some(waiting.attempt);
                say(&format!("{cluster}: waiting until the login of another cluster is done\n"))?;
            }
            Some(Event::Opened(opened)) => {
                attempt = Some(opened.attempt);
                let paste = by_hand.take().map(|by_hand| by_hand.paste);
                let wanted = !opened.browser_opened && !opened.authorize_url.is_empty();
                let paste = if wanted { paste.or_else(Paste::open) } else { None };
                say(&invitation(&cluster, &opened, paste.is_some()))?;
                if args.no_browser && opened.browser_opened {
                    // Somebody else began it, and with a browser.
                    say(&format!(
                        "{cluster}: if you see no window, run `ucssoctl cancel {cluster}` and this again\n"
                    ))?;
                }
                by_hand = paste.map(|paste| ByHand { opened, paste });
            }
            Some(Event::Done(done)) => {
                let status = done.status.ok_or(Error::Incomplete("status"))?;
                return say(&success(&status));
            }
            Some(Event::Failed(failure)) => return Err(Error::LoginFailed(Box::new(failure))),
        }
    }
}

/// A login that may be completed by hand.
struct ByHand {
    opened: Opened,
    paste: Paste,
}

/// The next thing that is pasted; never, where nothing can be.
async fn pasted(by_hand: &mut Option<ByHand>) -> Pasted {
    match by_hand {
        Some(by_hand) => by_hand.paste.next().await,
        None => std::future::pending().await,
    }
}

/// Brings the daemon what was pasted. Gives back the place to paste where it is not taken.
async fn complete(
    client: &Client,
    cluster: &str,
    by_hand: Option<ByHand>,
    pasted: Pasted,
) -> Result<Option<ByHand>, Error> {
    let Some(by_hand) = by_hand else { return Ok(None) };
    let refused = match pasted {
        Pasted::Line(line) => match bring(client, cluster, &by_hand.opened, &line).await {
            Ok(()) => {
                let length = line.trim().chars().count();
                say(&format!("{cluster}: the address is taken ({length} characters)\n"))?;
                return Ok(None);
            }
            Err(status) if client::is_broken(&status) => return Err(status.into()),
            Err(status) => harmless(status.message()),
        },
        Pasted::TooLong => format!("the address is longer than {LONGEST} bytes"),
        Pasted::NotText => "this is not text in UTF-8".to_owned(),
    };
    note(&format!("{cluster}: {refused}\n{cluster}: still waiting; paste the address\n"));
    Ok(Some(by_hand))
}

async fn bring(
    client: &Client,
    cluster: &str,
    opened: &Opened,
    line: &Zeroizing<String>,
) -> Result<(), tonic::Status> {
    let request = CompleteLoginRequest {
        cluster: cluster.to_owned(),
        attempt: opened.attempt,
        start_url: opened.url.clone(),
        address: line.trim().to_owned(),
    };
    client.login().complete_login(request).await.map(drop)
}

/// Cancels the login of a cluster.
pub(super) async fn cancel(client: &Client, cluster: &ClusterName) -> Result<(), Error> {
    let request = CancelLoginRequest { cluster: cluster.to_string() };
    let answer = client.login().cancel_login(request).await?.into_inner();
    let what = if answer.cancelled { "the login is cancelled" } else { "no login was under way" };
    let alone = left_alone(answer.snooze_time.as_ref());
    say(&format!("{cluster}: {what}{alone}\n"))
}

/// Leaves the human of a cluster alone, or no longer.
pub(super) async fn snooze(client: &Client, args: SnoozeArgs) -> Result<(), Error> {
    let SnoozeArgs { cluster, length, off } = args;
    let length = if off { Some(Duration::ZERO) } else { length };
    // What the command line takes, the wire takes too.
    let duration = length.map(prost_types::Duration::try_from).transpose().unwrap_or_default();
    let request = SnoozeRequest { cluster: cluster.to_string(), duration };
    let answer = client.login().snooze(request).await?.into_inner();
    let what = match answer.snooze_time {
        Some(_) => "you are left alone",
        None => "a login may begin by itself",
    };
    let alone = left_alone(answer.snooze_time.as_ref());
    say(&format!("{cluster}: {what}{alone}\n"))
}

/// Until when no login begins by itself, as the end of a line.
fn left_alone(until: Option<&prost_types::Timestamp>) -> String {
    moment::timestamp(until).map_or_else(String::new, |until| {
        let until = moment::local_with_zone(until, &now());
        format!("; no login opens by itself before {until}")
    })
}

/// Forgets the token of a cluster.
pub(super) async fn log_out(client: &Client, cluster: &ClusterName) -> Result<(), Error> {
    let request = LogoutRequest { cluster: cluster.to_string() };
    let answer = client.login().logout(request).await?.into_inner();
    let what = if answer.forgotten { "the token is forgotten" } else { "no token was held" };
    say(&format!("{cluster}: {what}\n"))?;
    if answer.forgotten {
        note("The browser may still be logged in at the identity provider.\n");
    }
    Ok(())
}

/// The cluster to log in to, and the number of the attempt that is under way there, 0 for none.
async fn choose(client: &Client, written: Option<ClusterName>) -> Result<(String, u64), Error> {
    let written = written.iter().map(ToString::to_string).collect();
    let mut clusters = status::get(client, written).await?.clusters;
    match (clusters.pop(), clusters.is_empty()) {
        (Some(only), true) => Ok((only.cluster, only.attempt)),
        (None, _) => Err(Error::Incomplete("clusters")),
        (Some(last), false) => {
            clusters.push(last);
            let names = clusters.into_iter().map(|status| status.cluster).collect();
            Err(Error::WhichCluster { names })
        }
    }
}

/// After Ctrl-C: a login that this command began is cancelled, one that it joined goes on.
async fn leave(client: &Client, cluster: &str, ours: bool) -> Error {
    if !ours {
        note(&format!("\n{cluster}: the login goes on; `ucssoctl cancel {cluster}` ends it\n"));
        return Error::Interrupted;
    }
    let request = CancelLoginRequest { cluster: cluster.to_owned() };
    match client.login().cancel_login(request).await {
        Ok(answer) => {
            let alone = left_alone(answer.into_inner().snooze_time.as_ref());
            note(&format!("\n{cluster}: the login is cancelled{alone}\n"));
            Error::Interrupted
        }
        Err(status) => status.into(),
    }
}

/// What the human has to do now. By hand only where there is somewhere to paste.
fn invitation(cluster: &str, opened: &Opened, by_hand: bool) -> String {
    let until = moment::timestamp(opened.give_up_time.as_ref())
        .map(|until| format!(" before {}", moment::local_with_zone(until, &now())))
        .unwrap_or_default();
    if opened.browser_opened {
        return format!(
            "{cluster}: a browser window is open; finish the login there{until}\n\
             {cluster}: waiting; Ctrl-C cancels the login\n"
        );
    }
    let url = &opened.url;
    let forward = forward(url, host_name().as_deref()).map_or_else(String::new, |line| {
        format!("If that browser is on another machine, run this there first:\n\n  {line}\n\n")
    });
    let by_hand = if by_hand {
        let page = &opened.authorize_url;
        format!(
            "If that machine cannot reach this one, open this page there, and log in:\n\n  {page}\
             \n\nIt ends on an address that the browser cannot open. Paste that here, and press Enter:\n\
             it is not shown.\n\n"
        )
    } else {
        String::new()
    };
    format!(
        "{cluster}: open this page in a browser{until}; it works once\n\n  {url}\n\n{forward}\
         {by_hand}{cluster}: waiting; Ctrl-C cancels the login\n"
    )
}

/// The line that brings the page's port to another machine.
fn forward(url: &str, host: Option<&str>) -> Option<String> {
    let addresses = Origin::of(&Url::parse(url).ok()?)?.addresses();
    let here = addresses.first()?;
    // The same addresses there as here, for the redirect leads to the browser's own machine. All
    // of them: what ssh does not get there, another user may have.
    let forwards = addresses.iter().map(|there| format!("-L {there}:{here} "));
    let forwards: String = forwards.collect();
    let host = host.unwrap_or("THIS-MACHINE");
    Some(format!("ssh -o ExitOnForwardFailure=yes {forwards}{host}"))
}

/// What this machine calls itself.
fn host_name() -> Option<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}

fn success(status: &ClusterStatus) -> String {
    let until = |expiry: Timestamp| {
        let left = moment::length(moment::duration(status.remaining.as_ref()));
        format!("; the token is valid until {} ({left})", moment::local_with_zone(expiry, &now()))
    };
    let until = moment::timestamp(status.expire_time.as_ref()).map_or_else(String::new, until);
    format!("{}: logged in as {}{until}\n", status.cluster, status.user)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forwarding_line_has_the_port_of_the_page() {
        let line = |url| forward(url, Some("desk"));

        assert_eq!(
            line("http://127.0.0.1:27443/start/x").unwrap(),
            "ssh -o ExitOnForwardFailure=yes -L 127.0.0.1:27443:127.0.0.1:27443 desk"
        );
        assert_eq!(
            line("http://[::1]:4711/start/x").unwrap(),
            "ssh -o ExitOnForwardFailure=yes -L [::1]:4711:[::1]:4711 desk"
        );
        assert_eq!(
            line("http://localhost:4711/start/x").unwrap(),
            "ssh -o ExitOnForwardFailure=yes -L 127.0.0.1:4711:127.0.0.1:4711 \
             -L [::1]:4711:127.0.0.1:4711 desk"
        );
        assert_eq!(line("https://example.com:8443/"), None);
        assert_eq!(line("no url"), None);
    }
}
