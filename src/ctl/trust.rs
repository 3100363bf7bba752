//! `ucssoctl trust`: whom this machine's browsers are to trust.
//!
//! Makes the certificate of a redirect by https, and says how browsers come to trust it. It never
//! touches a browser's own store: that is the user's to do, and to see.

use std::{fmt::Write as _, path::Path, time::Duration};

use jiff::Timestamp;

use super::{
    args::TrustCommand,
    error::Error,
    terminal::{now, out},
};
use crate::{
    identity::{Files, Flaw, Identity, mint},
    paths,
};

/// Does what was asked about trust.
pub(super) fn run(command: &TrustCommand) -> Result<(), Error> {
    match command {
        TrustCommand::Redirect { renew } => redirect(*renew),
    }
}

/// Makes the certificate where there is none, or where it is to be renewed, and shows it.
fn redirect(renew: bool) -> Result<(), Error> {
    let files = Files::at(paths::redirect_identity(paths::process_environment)?);
    let now = since_epoch(now().timestamp());
    let before = files.load();
    let make = renew || matches!(before, Err(Flaw::Missing));
    if make {
        let minted = mint(now).map_err(Error::Mint)?;
        let stored = files.store(&minted, renew);
        stored.map_err(|source| Error::Unwritable { path: files.identity(), source })?;
    }
    let identity = files.load()?;
    identity.check(now)?;
    let replaced = before.ok().filter(|_| make);
    out(&said(&files, &identity, make, replaced.as_ref()))
}

/// Where everything is, and what makes browsers trust it.
fn said(files: &Files, identity: &Identity, made: bool, replaced: Option<&Identity>) -> String {
    let authority = files.authority();
    let mut text = if made {
        format!("wrote {}\n", files.identity().display())
    } else {
        format!("{} is there already; `--renew` replaces it\n", files.identity().display())
    };
    let _ = write!(
        text,
        "\n  authority    {}\n  fingerprint  SHA-256 {}\n  valid until  {}\n",
        authority.display(),
        identity.fingerprint(),
        day(identity.ends_at())
    );
    text.push_str(
        "\nThe authority may vouch for localhost, 127.0.0.1 and ::1 alone, and its key is gone: it \
         can\nsign nothing more. Nobody but the daemon needs the other file.\n",
    );
    for (browser, database) in BROWSERS {
        let _ = write!(text, "\nTo make {browser} trust it{}:\n\n", database.note);
        let commands = database.commands(&nickname(identity), replaced.map(nickname), &authority);
        for command in commands {
            let _ = writeln!(text, "  {command}");
        }
    }
    text.push_str("\nStart the browser again afterwards.\n");
    text
}

/// The certificate databases (NSS) of the browsers, and where they are.
const BROWSERS: [(&str, Database); 2] = [
    (
        "Chromium and Chrome",
        Database {
            note: " (certutil is in Debian's libnss3-tools)",
            before: Some(
                "[ -e ~/.pki/nssdb/cert9.db ] || { mkdir -p ~/.pki/nssdb && certutil -d \
                 sql:$HOME/.pki/nssdb -N --empty-password; }",
            ),
            folders: "$HOME/.pki/nssdb",
        },
    ),
    (
        "Firefox",
        Database {
            note: ", in every profile",
            before: None,
            folders: "$HOME/.mozilla/firefox/*.*/",
        },
    ),
];

/// Where a browser keeps what it trusts.
struct Database {
    note: &'static str,
    /// What has to be done before the first certificate.
    before: Option<&'static str>,
    folders: &'static str,
}

impl Database {
    /// The lines for a shell. One that replaces an authority takes the old one away.
    fn commands(&self, name: &str, old: Option<String>, authority: &Path) -> Vec<String> {
        let folders = self.folders;
        let each = |change: String| {
            if folders.contains('*') {
                format!("for p in {folders}; do certutil -d \"sql:$p\" {change}; done")
            } else {
                format!("certutil -d sql:{folders} {change}")
            }
        };
        let add = format!("-A -t \"C,,\" -n \"{name}\" -i {}", quoted(authority));
        let before = self.before.map(str::to_owned);
        let old = old.map(|old| each(format!("-D -n \"{old}\"")));
        before.into_iter().chain(old).chain([each(add)]).collect()
    }
}

/// What the authority is called in a browser: each has its own, so that none is mistaken for
/// the one that it replaces.
fn nickname(identity: &Identity) -> String {
    let fingerprint: String = identity.fingerprint().chars().filter(|c| *c != ':').collect();
    format!("ucsso redirect {}", &fingerprint[..8])
}

/// A path as one word of a shell.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', "'\\''"))
}

fn since_epoch(moment: Timestamp) -> Duration {
    Duration::from_millis(u64::try_from(moment.as_millisecond()).unwrap_or(0))
}

fn day(since_epoch: Duration) -> String {
    let seconds = i64::try_from(since_epoch.as_secs()).unwrap_or(i64::MAX);
    let moment = Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX);
    moment.strftime("%Y-%m-%d").to_string()
}
