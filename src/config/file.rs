//! The configuration as a text: the whole file, and the way from it to a [`Config`].
//!
//! Owns the top-level keys, the limits of the file, and what has to hold between clusters. The
//! keys of one cluster are in `cluster`.

use std::{collections::BTreeMap, env, ops::Range, path::Path};

use toml::de::DeTable;

use super::{
    ClusterConfig, Config, Persist, cluster,
    problem::{Problem, Problems},
    reader::{Entry, Reader, Report},
    value::{Wrong, shown, word},
};
use crate::domain::ClusterName;

/// The most clusters. Each has a task and a connection of its own.
const MAX_CLUSTERS: usize = 64;

const PERSIST: [(&str, Persist); 2] = [("memory", Persist::Memory), ("sealed", Persist::Sealed)];

/// Where the URL goes in the command of the browser.
const URL_SLOT: &str = "{url}";

impl Config {
    /// Reads a configuration. `origin` is where it came from, for the messages.
    ///
    /// # Errors
    ///
    /// All [`Problems`] of the text at once.
    pub fn parse(text: &str, origin: &Path) -> Result<Self, Problems> {
        parse(text, origin, env::home_dir().as_deref())
    }
}

fn parse(text: &str, origin: &Path, home: Option<&Path>) -> Result<Config, Problems> {
    let (document, errors) = DeTable::parse_recoverable(text);
    let mut report = Report::default();
    let mut root = Reader::new(String::new(), 0..0, document.get_ref());
    let browser = root.entry("browser").and_then(|entry| browser(&entry, &mut report));
    let persist = root.parsed("persist", &mut report, |text| word(text, &PERSIST));
    let clusters = clusters(&mut root, home, &mut report);
    root.finish(&mut report);

    if errors.is_empty() && report.is_empty() {
        return Ok(Config { browser, persist: persist.unwrap_or_default(), clusters });
    }
    Err(Problems::new(origin, text, all_problems(text, &errors, report)))
}

/// Where the text is no TOML, what is missing or unknown may only seem so, and what is on a
/// line that does not parse was guessed. The rest is worth saying along with it.
fn all_problems(text: &str, errors: &[toml::de::Error], report: Report) -> Vec<Problem> {
    if errors.is_empty() {
        return [report.values, report.shape].concat();
    }
    let line = |at: usize| text[..at].matches('\n').count();
    let syntax: Vec<_> = errors.iter().map(|error| syntax_problem(text, error)).collect();
    let broken: Vec<_> = syntax.iter().map(|problem| line(problem.span.start)).collect();
    let apart = report.values.into_iter().filter(|p| !broken.contains(&line(p.span.start)));
    let apart: Vec<_> = apart.collect();
    [syntax, apart].concat()
}

fn syntax_problem(text: &str, error: &toml::de::Error) -> Problem {
    let end = text.len();
    let span = error.span().map_or(end..end, |span| span.start.min(end)..span.end.min(end));
    let help = match error.message() {
        message if message.starts_with("string values must be quoted") && !span.is_empty() => {
            format!("write \"{}\"", &text[span.clone()])
        }
        message if message.starts_with("duplicate key") => "write each key once".to_owned(),
        _ => String::new(),
    };
    let message = error.message().split(", expected literal string").next().unwrap_or_default();
    Problem { key: String::new(), span, message: message.to_owned(), help }
}

/// The command that opens a URL: an argument vector, never a shell's line.
fn browser(entry: &Entry<'_, '_>, report: &mut Report) -> Option<Vec<String>> {
    let help = "write for example `browser = [\"firefox\", \"{url}\"]`";
    let argv: Vec<_> = entry.texts(report)?.into_iter().map(|(_, text)| text.to_owned()).collect();
    let slots: usize = argv.iter().map(|argument| argument.matches(URL_SLOT).count()).sum();
    let program = argv.first().map_or("", String::as_str);
    let wrong = if program.is_empty() || program.contains(URL_SLOT) {
        "the first of these has to be a program".to_owned()
    } else if argv.iter().any(|argument| argument.contains('\0')) {
        "an argument cannot contain a NUL".to_owned()
    } else if slots != 1 {
        format!("`{URL_SLOT}` appears {slots} times, and has to appear once")
    } else {
        return Some(argv);
    };
    report.wrong(entry, Wrong::new(wrong, help));
    None
}

fn clusters(
    root: &mut Reader<'_, '_>,
    home: Option<&Path>,
    report: &mut Report,
) -> BTreeMap<ClusterName, ClusterConfig> {
    let mut clusters = BTreeMap::new();
    let help = "add one: a line `[clusters.hq]`, and under it `nodes` and `user`";
    let entry = root.entry("clusters");
    let table = entry.as_ref().and_then(|entry| entry.table(entry.span.clone(), report));
    let written = table.map_or(Vec::new(), |table| table.entries());
    if written.is_empty() && entry.is_none_or(|entry| entry.is_table()) {
        report.shape.push(Wrong::new("there is no cluster", help).at("clusters", root.span()));
    }
    if let Some((entry, _, span)) = written.get(MAX_CLUSTERS) {
        let message = format!("there are {}, and {MAX_CLUSTERS} is the most", written.len());
        let wrong = Wrong::new(message, "split them over several users' daemons");
        report.shape.push(wrong.at(&entry.key, span.clone()));
    }
    for (entry, key, span) in written.iter().take(MAX_CLUSTERS) {
        let name = cluster_name(entry, key, span, report);
        let Some(table) = entry.table(span.clone(), report) else { continue };
        let redirect_span = table.place_of("redirect_uri").unwrap_or_else(|| span.clone());
        let Some(cluster) = cluster::read(name, table, home, report) else { continue };
        if let Some(wrong) = shared_redirect(&cluster, &clusters) {
            report.shape.push(wrong.at(&format!("{}.redirect_uri", entry.key), redirect_span));
        }
        clusters.insert(cluster.name.clone(), cluster);
    }
    clusters
}

/// The name of a cluster. In place of a wrong one, the one that is proposed.
fn cluster_name(
    entry: &Entry<'_, '_>,
    key: &str,
    span: &Range<usize>,
    report: &mut Report,
) -> ClusterName {
    key.parse().unwrap_or_else(|error: crate::domain::InvalidClusterName| {
        let proposal = propose_name(key);
        let help = format!("{error}; write `{proposal}`");
        let wrong = Wrong::new(format!("{} is no name for a cluster", shown(key)), help);
        report.values.push(wrong.at(&entry.key, span.clone()));
        proposal
    })
}

fn propose_name(key: &str) -> ClusterName {
    let safe = key.to_lowercase().replace(
        |c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c)),
        "-",
    );
    let safe = safe.trim_matches(['.', '_', '-']);
    let short = &safe[..safe.len().min(ClusterName::MAX_LEN)];
    short.parse().unwrap_or_else(|_| "hq".parse().expect("`hq` is a cluster name"))
}

/// What is wrong between the redirect URI of a cluster and those of others.
fn shared_redirect(
    cluster: &ClusterConfig,
    others: &BTreeMap<ClusterName, ClusterConfig>,
) -> Option<Wrong> {
    let ours = &cluster.redirect;
    for other in others.values() {
        let (name, theirs) = (&other.name, &other.redirect);
        // Clusters share one client id, so nothing but this says which one a token is from.
        let one_domain =
            cluster.trust_domain.is_some() && cluster.trust_domain == other.trust_domain;
        let same_uri = theirs.uri == ours.uri;
        if (same_uri || theirs.landing == ours.landing) && !one_domain {
            let what = if same_uri { "redirect URI" } else { "landing page" };
            return Some(Wrong::new(
                format!("the cluster `{name}` has the same {what}"),
                "give each cluster a path of its own, so that a token cannot be taken for another's",
            ));
        }
        if theirs.origin.port == ours.origin.port && theirs.origin != ours.origin {
            return Some(Wrong::new(
                format!(
                    "the cluster `{name}` has the same port under `{}`, and a port is spoken to \
                     in one way",
                    theirs.origin
                ),
                format!("begin it with `{}`, or take another port", theirs.origin),
            ));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::{
        config::{LifetimeBounds, Node, Problems, Product, SpkiPin, StateParam},
        domain::{Policy, RenewMode},
    };

    use super::*;

    fn parse(text: &str) -> Result<Config, Problems> {
        Config::parse(text, Path::new("config.toml"))
    }

    #[test]
    fn what_is_not_written_has_a_default() {
        let config = parse("[clusters.hq]\nnodes = [\"cucm-pub\"]\nuser = \"alice\"\n").unwrap();

        let hq = &config.clusters[&"hq".parse().unwrap()];
        assert_eq!((config.browser, config.persist), (None, Persist::Memory));
        assert_eq!(hq.product, Product::Ucm);
        assert_eq!(hq.nodes, [Node { host: "cucm-pub".into(), port: 8443, pins: vec![] }]);
        assert_eq!(hq.redirect.uri, "http://127.0.0.1:27443/cb/hq");
        assert_eq!((hq.redirect.path.as_str(), hq.redirect.is_hosted()), ("/cb/hq", false));
        assert_eq!(
            hq.client_id,
            "C69908c4f345729af0a23cdfff1d255272de942193e7d39171ddd307bc488d7a1"
        );
        assert_eq!(hq.scope, "UnifiedCommunications:readwrite");
        assert_eq!(hq.state, StateParam::Send);
        assert_eq!(hq.verify_path, "/cucm-uds/user/{user}");
        assert_eq!(hq.lifetime, LifetimeBounds { fallback: 300, max: 86_400 });
        assert_eq!(hq.policy, Policy::default());
        assert_eq!((&hq.ca_file, &hq.proxy, &hq.authorize_url), (&None, &None, &None));
    }

    #[test]
    fn every_key_is_read() {
        let text = r#"
            browser = ["/usr/bin/firefox", "--new-window", "{url}"]
            persist = "sealed"
            [clusters."mail.1"]
            product = "unity-connection"
            nodes = ["CUC-1.Example.com:443", "[2001:DB8::7]"]
            user = "alice"
            redirect_uri = "http://[::1]:4711/back"
            trust_domain = "example.com"
            client_id = "mine"
            scope = "other"
            extra_params = { z = "1", a = "2" }
            authorize_url = "https://login.example.com/authorize"
            authorize_hosts = ["Login.example.com"]
            state = "require"
            ca_file = "/etc/ca.pem"
            proxy = "http://proxy:3128"
            verify_path = "/vmrest/users?x={user}"
            renew = "ahead"
            login_timeout = "1m30s"
            notify = "off"
            snooze = "2h"
            lifetime = { fallback = "1m", max = "1h" }
            [clusters."mail.1".pins]
            "cuc-1.example.com" = ["sha256/BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc="]
        "#;

        let config = parse(text).unwrap();

        let mail = &config.clusters[&"mail.1".parse().unwrap()];
        assert_eq!(config.browser.unwrap(), ["/usr/bin/firefox", "--new-window", "{url}"]);
        assert_eq!(config.persist, Persist::Sealed);
        assert_eq!(mail.product, Product::UnityConnection);
        assert_eq!(
            mail.nodes,
            [
                Node { host: "cuc-1.example.com".into(), port: 443, pins: vec![SpkiPin([7; 32])] },
                Node { host: "2001:db8::7".into(), port: 8443, pins: vec![] },
            ]
        );
        assert_eq!(mail.redirect.origin.addresses(), ["[::1]:4711".parse().unwrap()]);
        assert_eq!(mail.trust_domain.as_deref(), Some("example.com"));
        assert_eq!((mail.client_id.as_str(), mail.scope.as_str()), ("mine", "other"));
        assert_eq!(mail.extra_params, [("z".into(), "1".into()), ("a".into(), "2".into())]);
        assert_eq!(mail.authorize_url.as_ref().unwrap().host_str(), Some("login.example.com"));
        assert_eq!(mail.authorize_hosts, ["login.example.com"]);
        assert_eq!(mail.state, StateParam::Require);
        assert_eq!(mail.ca_file.as_deref(), Some(Path::new("/etc/ca.pem")));
        assert_eq!(mail.proxy.as_ref().unwrap().as_str(), "http://proxy:3128/");
        assert_eq!(mail.verify_path, "/vmrest/users?x={user}");
        assert_eq!(mail.policy.renew, RenewMode::Ahead);
        assert_eq!(mail.policy.login_timeout, Duration::from_secs(90));
        assert_eq!(mail.policy.notice_before, None);
        assert_eq!(mail.policy.snooze, Duration::from_hours(2));
        assert_eq!(mail.lifetime, LifetimeBounds { fallback: 60, max: 3600 });
    }

    #[test]
    fn the_annotated_example_is_right() {
        let example = parse(include_str!("../../examples/ucsso.toml")).unwrap();

        assert_eq!(example.clusters.keys().map(ClusterName::as_str).collect::<Vec<_>>(), ["hq"]);
    }

    #[test]
    fn every_line_of_the_example_that_is_commented_out_is_right_too() {
        let example = include_str!("../../examples/ucsso.toml");
        let switched_on: String = example
            .lines()
            .map(|line| match line.strip_prefix("#") {
                Some(rest) if !rest.is_empty() && !rest.starts_with([' ', '#']) => {
                    format!("{rest}\n")
                }
                _ => format!("{line}\n"),
            })
            .collect();

        let config = parse(&switched_on).map_err(|problems| problems.render(false)).unwrap();

        assert_eq!(config.clusters.len(), 2);
        assert!(config.browser.is_some());
    }

    #[test]
    fn a_tilde_is_the_home_of_the_user() {
        let text = "[clusters.hq]\nnodes = [\"a\"]\nuser = \"alice\"\nca_file = \"~/ca.pem\"\n";
        let read = |home| super::parse(text, Path::new("config.toml"), home);

        let config = read(Some(Path::new("/home/alice"))).unwrap();

        let hq = &config.clusters[&"hq".parse().unwrap()];
        assert_eq!(hq.ca_file.as_deref(), Some(Path::new("/home/alice/ca.pem")));
        assert!(read(None).is_err());
    }
}
