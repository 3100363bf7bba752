//! One `[clusters.NAME]` table: its keys, their defaults, and what has to fit together.
//!
//! Each problem is noted and reading goes on with the default, so that all of them are found in
//! one pass. Only `file` calls it, and throws the result away if anything was noted.

use std::{path::PathBuf, time::Duration};

use super::{
    ClusterConfig, LifetimeBounds, Node, Product, RedirectUri, SpkiPin, StateParam, hosted, place,
    reader::{Entry, Reader, Report, nearest},
    value::{self, Wrong, shown},
};
use crate::domain::{ClusterName, LONGEST_SNOOZE, Policy, RenewMode};

/// The client id that Cisco publishes for third-party applications.
pub(super) const CLIENT_ID: &str =
    "C69908c4f345729af0a23cdfff1d255272de942193e7d39171ddd307bc488d7a1";

/// The scope of tokens for UDS and CUMI.
pub(super) const SCOPE: &str = "UnifiedCommunications:readwrite";

/// What the daemon puts into the authorization request itself.
const RESERVED_PARAMS: [&str; 5] = ["scope", "response_type", "redirect_uri", "client_id", "state"];

const PRODUCTS: [(&str, Product); 2] = [
    (Product::Ucm.as_str(), Product::Ucm),
    (Product::UnityConnection.as_str(), Product::UnityConnection),
];

const STATES: [(&str, StateParam); 3] =
    [("send", StateParam::Send), ("off", StateParam::Off), ("require", StateParam::Require)];

const RENEW_MODES: [(&str, RenewMode); 3] = [
    (RenewMode::WhenUsed.as_str(), RenewMode::WhenUsed),
    (RenewMode::Ahead.as_str(), RenewMode::Ahead),
    (RenewMode::OnRequest.as_str(), RenewMode::OnRequest),
];

/// Shorter, and nobody gets through a second factor; longer, and the window was forgotten.
const LOGIN_TIMEOUTS: (Duration, Duration) = (Duration::from_secs(30), Duration::from_mins(30));

/// Shorter, and a no is none; `domain` has the same for the longest.
const SNOOZES: (Duration, Duration) = (Duration::from_mins(5), LONGEST_SNOOZE);

/// Shorter, and nobody can act on it; longer, and no token lives long enough for it.
const NOTICES: (Duration, Duration) = (Duration::from_secs(30), Duration::from_hours(12));

/// A token of less is of no use; no cluster gives one of more.
const LIFETIMES: (Duration, Duration) = (Duration::from_secs(30), Duration::from_hours(24));

/// The port of redirects that are not written.
pub const REDIRECT_PORT: u16 = 27443;

/// The redirect URI of a cluster that has none written.
pub(super) fn default_redirect_uri(name: &ClusterName) -> String {
    format!("http://127.0.0.1:{REDIRECT_PORT}/cb/{name}")
}

/// Reads a cluster's table to the end. Nothing where what it cannot be without is missing.
pub(super) fn read(
    name: ClusterName,
    mut table: Reader<'_, '_>,
    home: Option<&std::path::Path>,
    report: &mut Report,
) -> Option<ClusterConfig> {
    let product = table.parsed("product", report, |text| value::word(text, &PRODUCTS));
    let product = product.unwrap_or(Product::Ucm);
    let nodes = nodes(&mut table, report);
    let user = table
        .required("user", "write `user = \"alice\"`, as the cluster spells it", report)
        .and_then(|entry| checked(&entry, report, |text| value::visible(text, "alice")));
    let redirect = redirect(&name, &mut table, report);
    let trust_domain =
        table.parsed("trust_domain", report, |text| value::visible(text, "example.com"));
    let client_id = table.parsed("client_id", report, |text| value::visible(text, CLIENT_ID));
    let scope = table.parsed("scope", report, |text| value::visible(text, SCOPE));
    let extra_params = extra_params(&mut table, report);
    let authorize_url = table.parsed("authorize_url", report, place::authorize_url);
    let authorize_hosts = authorize_hosts(&mut table, report);
    let state = table.parsed("state", report, |text| value::word(text, &STATES));
    let ca_file = table.parsed("ca_file", report, |text| file_path(text, home));
    let proxy = table.parsed("proxy", report, place::proxy);
    let verify_path = table.parsed("verify_path", report, value::request_path);
    let policy = policy(&mut table, report);
    let lifetime = lifetime(&mut table, report);
    let nodes = pinned(nodes, &mut table, report);
    table.finish(report);

    Some(ClusterConfig {
        name,
        product,
        nodes: nodes?,
        authorize_hosts,
        user: user?,
        redirect,
        trust_domain,
        client_id: client_id.unwrap_or_else(|| CLIENT_ID.to_owned()),
        scope: scope.unwrap_or_else(|| SCOPE.to_owned()),
        extra_params,
        authorize_url,
        state: state.unwrap_or_default(),
        ca_file,
        proxy,
        verify_path: verify_path.unwrap_or_else(|| default_verify_path(product).to_owned()),
        lifetime,
        policy,
    })
}

const fn default_verify_path(product: Product) -> &'static str {
    match product {
        Product::Ucm => "/cucm-uds/user/{user}",
        Product::UnityConnection => "/vmrest/mailbox/folders/inbox/messages",
    }
}

fn checked<T>(
    entry: &Entry<'_, '_>,
    report: &mut Report,
    parse: impl FnOnce(&str) -> Result<T, Wrong>,
) -> Option<T> {
    parse(entry.text(report)?).map_err(|wrong| report.wrong(entry, wrong)).ok()
}

fn nodes(table: &mut Reader<'_, '_>, report: &mut Report) -> Option<Vec<Node>> {
    let help = "write `nodes = [\"cucm-pub.example.com\"]`, the publisher first";
    let entry = table.required("nodes", help, report)?;
    let texts = entry.texts(report)?;
    if texts.is_empty() {
        report.wrong(&entry, Wrong::new("there is no node in this list", help));
        return None;
    }
    let mut nodes: Vec<Node> = Vec::with_capacity(texts.len());
    for (entry, text) in texts {
        match place::node(text) {
            Err(wrong) => report.wrong(&entry, wrong),
            Ok((host, port)) if nodes.iter().any(|n| n.host == host && n.port == port) => {
                let message = format!("the node {} is in this list already", shown(text));
                report.wrong(&entry, Wrong::new(message, "write each node once"));
            }
            Ok((host, port)) => nodes.push(Node { host, port, pins: Vec::new() }),
        }
    }
    Some(nodes)
}

/// Where the cluster sends the browser. A page on another server leads on to a landing page here.
fn redirect(name: &ClusterName, table: &mut Reader<'_, '_>, report: &mut Report) -> RedirectUri {
    let example = default_redirect_uri(name);
    let on_this_machine = |text: &str| place::redirect_uri(text, &example);
    let default = || on_this_machine(&example).expect("the default redirect URI is right");
    let mut page = None;
    let written = table.parsed("redirect_uri", report, |text| {
        if !hosted::is_hosted(text) {
            return on_this_machine(text);
        }
        page = Some(hosted::page(text)?);
        Ok(default())
    });
    let landing = table.parsed("landing", report, on_this_machine);
    if let Some(uri) = page {
        return RedirectUri { uri, ..landing.unwrap_or_else(default) };
    }
    // Where the redirect URI itself is wrong, it may have been meant to be such a page.
    if (written.is_some() || table.place_of("redirect_uri").is_none())
        && let Some(entry) = table.entry("landing")
    {
        let message = "the redirect URI is on this machine and is the landing page itself";
        report.wrong(&entry, Wrong::new(message, "leave this out"));
    }
    written.unwrap_or_else(default)
}

fn extra_params(table: &mut Reader<'_, '_>, report: &mut Report) -> Vec<(String, String)> {
    let Some(entry) = table.entry("extra_params") else { return Vec::new() };
    let Some(params) = entry.table(entry.span.clone(), report) else { return Vec::new() };
    let mut read = Vec::new();
    for (entry, key, _) in params.entries() {
        if RESERVED_PARAMS.contains(&key) {
            let help = match key {
                "redirect_uri" | "client_id" | "scope" | "state" => {
                    format!("write it as `{key} = …` of the cluster itself")
                }
                _ => "leave it out".to_owned(),
            };
            report.wrong(&entry, Wrong::new("the daemon sends this parameter itself", help));
        } else if let Some(text) = entry.text(report) {
            read.push((key.to_owned(), text.to_owned()));
        }
    }
    read
}

fn authorize_hosts(table: &mut Reader<'_, '_>, report: &mut Report) -> Vec<String> {
    let texts = table.entry("authorize_hosts").and_then(|entry| entry.texts(report));
    let hosts = texts.into_iter().flatten().filter_map(|(entry, text)| {
        place::host_name(text).map_err(|wrong| report.wrong(&entry, wrong)).ok()
    });
    hosts.collect()
}

fn file_path(text: &str, home: Option<&std::path::Path>) -> Result<PathBuf, Wrong> {
    let help = "write an absolute path, \"/etc/ucsso/ca.pem\", or one from your home, \"~/ca.pem\"";
    if let Some(rest) = text.strip_prefix("~/") {
        let home = home.ok_or_else(|| Wrong::new("your home folder is not known", help))?;
        return Ok(home.join(rest));
    }
    let path = PathBuf::from(text);
    if path.is_absolute() {
        Ok(path)
    } else {
        Err(Wrong::new(format!("{} depends on where the daemon is started", shown(text)), help))
    }
}

fn policy(table: &mut Reader<'_, '_>, report: &mut Report) -> Policy {
    let default = Policy::default();
    let (shortest, longest) = LOGIN_TIMEOUTS;
    let renew = table.parsed("renew", report, |text| value::word(text, &RENEW_MODES));
    let login_timeout =
        table.parsed("login_timeout", report, |text| value::duration(text, shortest, longest));
    let notice_before = table.parsed("notify", report, notice);
    let (shortest, longest) = SNOOZES;
    let snooze = table.parsed("snooze", report, |text| value::duration(text, shortest, longest));
    Policy {
        renew: renew.unwrap_or(default.renew),
        notice_before: notice_before.unwrap_or(default.notice_before),
        snooze: snooze.unwrap_or(default.snooze),
        login_timeout: login_timeout.unwrap_or(default.login_timeout),
        ..default
    }
}

/// How long before the end of a token its human is notified, or `off`.
fn notice(text: &str) -> Result<Option<Duration>, Wrong> {
    if text == "off" {
        return Ok(None);
    }
    value::duration(text, NOTICES.0, NOTICES.1).map(Some)
}

fn lifetime(table: &mut Reader<'_, '_>, report: &mut Report) -> LifetimeBounds {
    let mut bounds = LifetimeBounds { fallback: 300, max: 86_400 };
    let Some(entry) = table.entry("lifetime") else { return bounds };
    let Some(mut lifetime) = entry.table(entry.span.clone(), report) else { return bounds };
    let seconds = |text: &str| {
        let duration = value::duration(text, LIFETIMES.0, LIFETIMES.1)?;
        Ok(u32::try_from(duration.as_secs()).expect("24 hours of seconds fit"))
    };
    bounds.max = lifetime.parsed("max", report, seconds).unwrap_or(bounds.max);
    let written = lifetime.parsed("fallback", report, seconds);
    bounds.fallback = written.unwrap_or(bounds.fallback.min(bounds.max));
    if bounds.fallback > bounds.max
        && let Some(fallback) = lifetime.entry("fallback")
    {
        let wrong = Wrong::new("this is longer than `max`", "write a shorter `fallback`");
        report.shape.push(wrong.at(&fallback.key, fallback.span));
    }
    lifetime.finish(report);
    bounds
}

/// The nodes with the pins that are written for them.
fn pinned(
    nodes: Option<Vec<Node>>,
    table: &mut Reader<'_, '_>,
    report: &mut Report,
) -> Option<Vec<Node>> {
    let Some(entry) = table.entry("pins") else { return nodes };
    let Some(pins) = entry.table(entry.span.clone(), report) else { return nodes };
    let mut nodes = nodes?;
    for (entry, key, span) in pins.entries() {
        let digests = entry.texts(report).into_iter().flatten().filter_map(|(entry, text)| {
            value::pin(text).map_err(|wrong| report.wrong(&entry, wrong)).ok()
        });
        let digests: Vec<SpkiPin> = digests.collect();
        // It would look like a pinned node and be none.
        if entry.texts(&mut Report::default()).is_some_and(|texts| texts.is_empty()) {
            let help = "write a pin, or leave the node out";
            report.wrong(&entry, Wrong::new("there is no pin in this list", help));
        }
        let named = place::node(key).ok();
        let with_port = key.rsplit(']').next().is_some_and(|rest| rest.contains(':'));
        let mut known = false;
        for node in &mut nodes {
            let same = named.as_ref().is_some_and(|(host, port)| {
                *host == node.host && (!with_port || *port == node.port)
            });
            if same {
                known = true;
                node.pins.extend(&digests);
            }
        }
        if !known {
            let wrong = Wrong::new("this is not one of the nodes", pin_help(key, &nodes));
            report.shape.push(wrong.at(&entry.key, span));
        }
    }
    Some(nodes)
}

fn pin_help(key: &str, nodes: &[Node]) -> String {
    let hosts = || nodes.iter().map(|node| node.host.as_str());
    nearest(key, hosts()).map_or_else(
        || format!("one of these: {}", hosts().collect::<Vec<_>>().join(", ")),
        |host| format!("did you mean \"{host}\"?"),
    )
}
