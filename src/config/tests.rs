//! Each kind of bad text gives its own words, at its own place.

use std::path::Path;

use super::*;

const HQ: &str = "[clusters.hq]\nnodes = [\"cucm-pub\"]\nuser = \"alice\"\n";

fn parse(text: &str) -> Result<Config, Problems> {
    Config::parse(text, Path::new("config.toml"))
}

/// The problems of a text, one a line: `LINE key: message; help`.
fn problems(text: &str) -> Vec<String> {
    let problems = parse(text).expect_err("the text is wrong");
    let line = |at: usize| 1 + text[..at].matches('\n').count();
    let shown = problems.iter().map(|problem| {
        let Problem { key, span, message, help } = problem;
        format!("{} {key}: {message}; {help}", line(span.start))
    });
    shown.collect()
}

/// Asserts that a text has this one problem.
fn assert_problem(text: &str, problem: &str) {
    assert_eq!(problems(text), [problem], "{text}");
}

/// Asserts that one more line under `[clusters.hq]` is this problem.
fn assert_wrong(line: &str, problem: &str) {
    assert_problem(&format!("{HQ}{line}\n"), &format!("4 clusters.hq.{problem}"));
}

#[test]
fn a_file_without_a_cluster_says_what_to_add() {
    let missing = "1 clusters: there is no cluster; add one: a line `[clusters.hq]`, and under it \
                   `nodes` and `user`";

    assert_problem("", missing);
    assert_problem("[clusters]\n", missing);
}

#[test]
fn what_a_cluster_cannot_be_without_is_asked_for() {
    assert_eq!(
        problems("[clusters.hq]\n"),
        [
            "1 clusters.hq: `nodes` is missing; write `nodes = [\"cucm-pub.example.com\"]`, the \
             publisher first",
            "1 clusters.hq: `user` is missing; write `user = \"alice\"`, as the cluster spells it",
        ]
    );
}

#[test]
fn an_unknown_key_is_taken_for_a_slip() {
    assert_wrong("usr = \"x\"", "usr: this key is not known; did you mean `user`?");
    assert_wrong(
        "redirect_url = \"x\"",
        "redirect_url: this key is not known; did you mean `redirect_uri`?",
    );
    assert_problem(
        &format!("{HQ}[clusters.hq.de]\n"),
        "4 clusters.hq.de: this key is not known; the name of a cluster that has a dot in it is \
         written in quotes: `[clusters.\"a.b\"]`",
    );
    assert_problem(
        &format!("colour = 1\n{HQ}"),
        "1 colour: this key is not known; one of these: browser, persist, clusters",
    );
}

#[test]
fn a_value_of_the_wrong_type_says_what_it_is() {
    assert_wrong("scope = 1", "scope: this is a TOML integer; write a text in quotes");
    assert_wrong("extra_params = \"a=b\"", "extra_params: this is a TOML string; write a table");
    assert_wrong(
        "authorize_hosts = \"a\"",
        "authorize_hosts: this is a TOML string; write a list, `[\"…\", \"…\"]`",
    );
    assert_problem("clusters = 1", "1 clusters: this is a TOML integer; write a table");
    assert_problem("clusters.hq = 1", "1 clusters.hq: this is a TOML integer; write a table");
}

#[test]
fn a_node_is_a_host_that_is_there_once() {
    let nodes = |list: &str| format!("[clusters.hq]\nuser = \"alice\"\nnodes = [{list}]\n");

    assert_problem(
        &nodes("\"a\", \"https://b:8443/ssosp\""),
        "3 clusters.hq.nodes[1]: `https://b:8443/ssosp` is not a host; write the host alone, \
         \"b:8443\"",
    );
    assert_problem(
        &nodes("\"a\", \"A:8443\""),
        "3 clusters.hq.nodes[1]: the node `A:8443` is in this list already; write each node once",
    );
    assert_problem(
        &nodes(""),
        "3 clusters.hq.nodes: there is no node in this list; write `nodes = \
         [\"cucm-pub.example.com\"]`, the publisher first",
    );
}

#[test]
fn a_redirect_leads_to_this_machine() {
    assert_wrong(
        "redirect_uri = \"http://localhost.example.com:27443/cb/hq\"",
        "redirect_uri: the token would be sent to another machine; write for example \
         \"http://127.0.0.1:27443/cb/hq\"",
    );
}

#[test]
fn a_port_is_spoken_to_in_one_way() {
    let branch = |uri: &str| {
        format!(
            "{HQ}[clusters.branch]\nnodes = [\"b\"]\nuser = \"bob\"\nredirect_uri = \"{uri}\"\n"
        )
    };

    for host in ["localhost", "[::1]"] {
        assert_problem(
            &branch(&format!("http://{host}:27443/cb/branch")),
            "7 clusters.branch.redirect_uri: the cluster `hq` has the same port under \
             `http://127.0.0.1:27443`, and a port is spoken to in one way; begin it with \
             `http://127.0.0.1:27443`, or take another port",
        );
        assert!(parse(&branch(&format!("http://{host}:27444/cb/branch"))).is_ok());
    }
}

#[test]
fn two_clusters_share_a_port_but_never_a_whole_redirect_uri() {
    let branch = |uri: &str| {
        format!(
            "{HQ}[clusters.branch]\nnodes = [\"b\"]\nuser = \"bob\"\nredirect_uri = \"{uri}\"\n"
        )
    };

    assert!(parse(&branch("http://127.0.0.1:27443/cb/other")).is_ok());
    assert_problem(
        &branch("http://127.0.0.1:27443/cb/hq"),
        "7 clusters.branch.redirect_uri: the cluster `hq` has the same redirect URI; give each \
         cluster a path of its own, so that a token cannot be taken for another's",
    );
}

#[test]
fn a_page_on_another_server_leads_on_to_a_landing_page_here() {
    let page = "redirect_uri = \"https://intranet.example.com/ucsso/hq.html\"\n";
    let read = |lines: &str| {
        let config = parse(&format!("{HQ}{page}{lines}")).unwrap();
        config.clusters[&"hq".parse().unwrap()].redirect.clone()
    };

    let (default, written) = (read(""), read("landing = \"http://[::1]:4711/back\"\n"));

    assert!(default.is_hosted() && written.is_hosted());
    assert_eq!(default.uri, "https://intranet.example.com/ucsso/hq.html");
    assert_eq!(default.landing, "http://127.0.0.1:27443/cb/hq");
    assert_eq!(default.path, "/cb/hq");
    assert_eq!(written.landing, "http://[::1]:4711/back");
    assert_eq!(written.path, "/back");
}

#[test]
fn a_landing_page_is_here_and_belongs_to_a_page_on_another_server() {
    let page = "redirect_uri = \"https://a.example.com/x\"\n";
    assert_problem(
        &format!("{HQ}{page}landing = \"https://a.example.com/x\""),
        "5 clusters.hq.landing: the token would be sent to another machine; write for example \"http://127.0.0.1:27443/cb/hq\"",
    );
    for (at, redirect) in [(4, ""), (5, "redirect_uri = \"http://127.0.0.1:4711/cb\"\n")] {
        assert_problem(
            &format!("{HQ}{redirect}landing = \"http://127.0.0.1:27443/cb/hq\""),
            &format!(
                "{at} clusters.hq.landing: the redirect URI is on this machine and is the landing \
                 page itself; leave this out"
            ),
        );
    }
}

#[test]
fn clusters_of_one_trust_domain_may_share_a_redirect_uri() {
    let shared = |ours: &str, theirs: &str| {
        format!(
            "{HQ}{ours}[clusters.branch]\nnodes = [\"b\"]\nuser = \"bob\"\n{theirs}\
             redirect_uri = \"http://127.0.0.1:27443/cb/hq\"\n"
        )
    };
    let [one, two] = ["trust_domain = \"one\"\n", "trust_domain = \"two\"\n"];

    assert!(parse(&shared(one, one)).is_ok());
    for (ours, theirs) in [("", ""), (one, ""), ("", one), (one, two)] {
        let problems = problems(&shared(ours, theirs));
        assert!(problems[0].contains("has the same redirect URI"), "{problems:?}");
    }
}

#[test]
fn two_pages_on_other_servers_never_lead_on_to_one_landing_page() {
    let lines = |landing: &str| {
        format!(
            "redirect_uri = \"https://a.example.com/hq\"\n[clusters.branch]\nnodes = [\"b\"]\n\
             user = \"bob\"\nredirect_uri = \"https://a.example.com/branch\"\n{landing}"
        )
    };

    assert!(parse(&format!("{HQ}{}", lines(""))).is_ok());
    assert_problem(
        &format!("{HQ}{}", lines("landing = \"http://127.0.0.1:27443/cb/hq\"\n")),
        "8 clusters.branch.redirect_uri: the cluster `hq` has the same landing page; give each \
         cluster a path of its own, so that a token cannot be taken for another's",
    );
}

#[test]
fn a_parameter_that_the_daemon_sends_is_refused() {
    assert_wrong(
        "extra_params = { state = \"x\" }",
        "extra_params.state: the daemon sends this parameter itself; write it as `state = …` of \
         the cluster itself",
    );
    assert_wrong(
        "extra_params = { response_type = \"code\" }",
        "extra_params.response_type: the daemon sends this parameter itself; leave it out",
    );
}

#[test]
fn a_word_is_one_of_a_few() {
    assert_wrong(
        "renew = \"on-reqest\"",
        "renew: `on-reqest` is not one of \"when-used\", \"ahead\", \"on-request\"; did you mean \
         \"on-request\"?",
    );
    assert_wrong(
        "state = \"maybe\"",
        "state: `maybe` is not one of \"send\", \"off\", \"require\"; write one of \"send\", \
         \"off\", \"require\"",
    );
}

#[test]
fn a_time_is_within_its_bounds() {
    assert_wrong(
        "login_timeout = \"5 parsecs\"",
        "login_timeout: `5 parsecs` is not a length of time; write `90s`, `5m` or `1h30m`, from \
         30s to 30m",
    );
    for (line, key, limit) in [
        ("login_timeout = \"29s\"", "login_timeout: `29s`", "short; write a time from 30s to 30m"),
        ("login_timeout = \"31m\"", "login_timeout: `31m`", "long; write a time from 30s to 30m"),
        ("lifetime.max = \"25h\"", "lifetime.max: `25h`", "long; write a time from 30s to 24h"),
    ] {
        assert_wrong(line, &format!("{key} is too {limit}"));
    }
    assert_wrong(
        "lifetime = { fallback = \"2h\", max = \"1h\" }",
        "lifetime.fallback: this is longer than `max`; write a shorter `fallback`",
    );
}

#[test]
fn a_pin_is_for_one_of_the_nodes() {
    let pin = "[\"sha256/BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\"]";

    assert!(parse(&format!("{HQ}pins.\"cucm-pub:8443\" = {pin}\n")).is_ok());
    assert_wrong(
        &format!("pins.cucm-sub = {pin}"),
        "pins.cucm-sub: this is not one of the nodes; did you mean \"cucm-pub\"?",
    );
    assert_wrong(
        &format!("pins.\"cucm-pub:443\" = {pin}"),
        "pins.\"cucm-pub:443\": this is not one of the nodes; did you mean \"cucm-pub\"?",
    );
    assert_wrong(
        "pins.cucm-pub = [\"sha256/AAAA\"]",
        "pins.cucm-pub[0]: the digest has 3 bytes, and SHA-256 has 32; write \"sha256/\" and the \
         44 characters of the base64 of a SHA-256 digest, as `ucssod` prints them when a \
         certificate is not trusted",
    );
    assert_wrong(
        "pins.cucm-pub = []",
        "pins.cucm-pub: there is no pin in this list; write a pin, or leave the node out",
    );
}

#[test]
fn a_browser_is_an_argument_vector_with_one_slot() {
    let help = "write for example `browser = [\"firefox\", \"{url}\"]`";
    for (line, wrong) in [
        ("[\"firefox\"]", "`{url}` appears 0 times, and has to appear once"),
        ("[\"firefox\", \"{url}{url}\"]", "`{url}` appears 2 times, and has to appear once"),
        ("[\"{url}\"]", "the first of these has to be a program"),
        ("[]", "the first of these has to be a program"),
    ] {
        assert_problem(&format!("browser = {line}\n{HQ}"), &format!("1 browser: {wrong}; {help}"));
    }
}

#[test]
fn a_name_that_is_none_gets_a_proposal() {
    assert_problem(
        &HQ.replace("hq", "\"Head Office\""),
        "1 clusters.\"Head Office\": `Head Office` is no name for a cluster; a cluster name is 1 \
         to 64 of `a-z`, `0-9`, `.`, `_`, `-`, and begins with a letter or digit; write \
         `head-office`",
    );
}

#[test]
fn a_path_does_not_depend_on_where_the_daemon_is_started() {
    assert_wrong(
        "ca_file = \"ca.pem\"",
        "ca_file: `ca.pem` depends on where the daemon is started; write an absolute path, \
         \"/etc/ucsso/ca.pem\", or one from your home, \"~/ca.pem\"",
    );
}

#[test]
fn there_are_at_most_64_clusters() {
    let clusters =
        |n: usize| (0..n).map(|i| HQ.replace("hq", &format!("c{i}"))).collect::<String>();

    assert_eq!(parse(&clusters(64)).unwrap().clusters.len(), 64);
    assert_problem(
        &clusters(65),
        "193 clusters.c64: there are 65, and 64 is the most; split them over several users' daemons",
    );
}

#[test]
fn where_the_text_is_no_toml_its_echoes_are_left_out() {
    assert_problem(
        "[clusters.hq\nnodes = [\"a\"]\nuser = \"alice\"\n",
        "1 : unclosed table, expected `]`; ",
    );
    assert_eq!(
        problems("[clusters.hq]\nnodes = [\"a b\"]\nuser = alice\n"),
        [
            "2 clusters.hq.nodes[0]: `a b` is not a host; write a host name, an IPv4 address, or an \
             IPv6 address in brackets",
            "3 : string values must be quoted; write \"alice\"",
        ]
    );
}
