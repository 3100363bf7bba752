//! In which settings two configurations of one cluster differ, and whether a token got under the
//! one may be used under the other.
//!
//! A token is bound to whatever decides where it comes from, whose it is, and who is trusted with
//! it; `fingerprint` has the same as one number. Asked where the configuration is read again.

use std::collections::BTreeSet;

use super::{ClusterConfig, Node, fingerprint::sorted};

/// A setting that differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Difference {
    /// Its key.
    pub key: &'static str,
    /// Whether a token is bound to it.
    pub binds: bool,
}

impl ClusterConfig {
    /// The settings in which another configuration of this cluster differs. What is in the
    /// `ca_file` is not looked at.
    #[must_use]
    pub fn differences(&self, other: &Self) -> Vec<Difference> {
        let hosts = |config: &Self| -> BTreeSet<_> {
            config.nodes.iter().map(|node| (node.host.clone(), node.port)).collect()
        };
        let pins = |config: &Self| -> BTreeSet<_> {
            let of = |node: &Node| (node.host.clone(), node.port, sorted(&node.pins));
            config.nodes.iter().map(of).collect()
        };
        let reordered = self.nodes != other.nodes && pins(self) == pins(other);
        let landing =
            |config: &Self| config.redirect.is_hosted().then(|| config.redirect.landing.clone());
        let bound = [
            ("product", self.product != other.product),
            ("nodes", hosts(self) != hosts(other)),
            ("pins", hosts(self) == hosts(other) && pins(self) != pins(other)),
            ("ca_file", self.ca_file != other.ca_file),
            ("user", self.user != other.user),
            ("redirect_uri", self.redirect.uri != other.redirect.uri),
            ("landing", landing(self) != landing(other)),
            ("client_id", self.client_id != other.client_id),
            ("scope", self.scope != other.scope),
            ("extra_params", self.extra_params != other.extra_params),
            ("authorize_url", self.authorize_url != other.authorize_url),
            ("authorize_hosts", sorted(&self.authorize_hosts) != sorted(&other.authorize_hosts)),
            ("trust_domain", self.trust_domain != other.trust_domain),
            ("state", self.state != other.state),
            ("verify_path", self.verify_path != other.verify_path),
        ];
        let (rules, others) = (&self.policy, &other.policy);
        let free = [
            ("nodes", reordered),
            ("proxy", self.proxy != other.proxy),
            ("lifetime", self.lifetime != other.lifetime),
            ("login_timeout", rules.login_timeout != others.login_timeout),
            ("renew", rules.renew != others.renew),
            ("notify", rules.notice_before != others.notice_before),
            ("snooze", rules.snooze != others.snooze),
        ];
        let differing = |binds| {
            move |(key, differs): (&'static str, bool)| differs.then_some(Difference { key, binds })
        };
        let free = free.into_iter().filter_map(differing(false));
        bound.into_iter().filter_map(differing(true)).chain(free).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::Config;

    const HQ: &str = "[clusters.hq]\nnodes = [\"one\", \"two\"]\nuser = \"alice\"\n";

    fn hq(text: &str) -> ClusterConfig {
        let config = Config::parse(text, Path::new("config.toml")).unwrap();
        config.clusters.into_values().next().unwrap()
    }

    /// The keys that differ, and whether a token is bound to one of them.
    fn differing(one: &str, other: &str) -> (Vec<&'static str>, bool) {
        let (one, other) = (hq(one), hq(other));
        let differences = one.differences(&other);
        let binds = differences.iter().any(|difference| difference.binds);
        assert_eq!(binds, one.fingerprint(None) != other.fingerprint(None), "{differences:?}");
        assert_eq!(differences.len(), other.differences(&one).len());
        (differences.iter().map(|difference| difference.key).collect(), binds)
    }

    #[test]
    fn each_setting_differs_by_itself_and_binds_a_token_as_the_fingerprint_says() {
        let pins = "pins = { one = [\"sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"] }";
        for (line, key, binds) in [
            ("redirect_uri = \"http://127.0.0.1:27444/cb/hq\"", "redirect_uri", true),
            ("client_id = \"x\"", "client_id", true),
            ("scope = \"x\"", "scope", true),
            ("trust_domain = \"example.com\"", "trust_domain", true),
            ("extra_params = { a = \"b\" }", "extra_params", true),
            ("authorize_url = \"https://one:8443/ssosp/x\"", "authorize_url", true),
            ("authorize_hosts = [\"three\"]", "authorize_hosts", true),
            ("state = \"require\"", "state", true),
            ("ca_file = \"/etc/ca.pem\"", "ca_file", true),
            ("verify_path = \"/cucm-uds/user/{user}/x\"", "verify_path", true),
            (pins, "pins", true),
            ("renew = \"ahead\"", "renew", false),
            ("login_timeout = \"2m\"", "login_timeout", false),
            ("snooze = \"1h\"", "snooze", false),
            ("notify = \"off\"", "notify", false),
            ("lifetime = { max = \"1h\" }", "lifetime", false),
            ("proxy = \"http://proxy:3128\"", "proxy", false),
        ] {
            assert_eq!(differing(HQ, &format!("{HQ}{line}\n")), (vec![key], binds), "{line}");
        }
    }

    #[test]
    fn another_user_or_node_differs_and_another_order_of_nodes_binds_nothing() {
        assert_eq!(differing(HQ, &HQ.replace("alice", "bob")), (vec!["user"], true));
        assert_eq!(differing(HQ, &HQ.replace("two", "two:8444")), (vec!["nodes"], true));
        let reordered = HQ.replace("\"one\", \"two\"", "\"two\", \"one\"");
        assert_eq!(differing(HQ, &reordered), (vec!["nodes"], false));
        assert_eq!(differing(HQ, HQ), (vec![], false));
        let product = format!("{HQ}product = \"unity-connection\"\n");
        assert_eq!(differing(HQ, &product), (vec!["product", "verify_path"], true));
    }

    #[test]
    fn where_a_page_on_another_server_leads_on_to_is_a_setting_of_its_own() {
        let hosted = format!("{HQ}redirect_uri = \"https://intranet.example.com/ucsso.html\"\n");
        let landing = format!("{hosted}landing = \"http://127.0.0.1:27444/cb/hq\"\n");

        assert_eq!(differing(&hosted, &landing), (vec!["landing"], true));
    }
}
