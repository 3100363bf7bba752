//! In which settings two configurations of one cluster differ, and whether a token got under the
//! one may be used under the other.
//!
//! A token is bound to whatever decides where it comes from, whose it is, and who is trusted with
//! it. Asked where the configuration is read again.

use super::ClusterConfig;

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
        let hosts = |config: &Self| -> Vec<_> {
            config.nodes.iter().map(|node| (node.host.clone(), node.port)).collect()
        };
        let pins = |config: &Self| -> Vec<_> {
            config.nodes.iter().map(|node| node.pins.clone()).collect()
        };
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
            ("authorize_hosts", self.authorize_hosts != other.authorize_hosts),
            ("verify_path", self.verify_path != other.verify_path),
        ];
        let (rules, others) = (&self.policy, &other.policy);
        let free = [
            ("trust_domain", self.trust_domain != other.trust_domain),
            ("state", self.state != other.state),
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
